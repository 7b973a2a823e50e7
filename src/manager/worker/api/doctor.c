/* GET /api/doctor: what this installation, or this tenant of it, should mend. What is the
 * installation's is not even named to another tenant. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/bytes.h"
#include "crypt/x509.h"
#include "doctor/doctor.h"
#include "keys/client.h"
#include "manager/erasure.h"
#include "manager/escrow.h"
#include "manager/holders.h"
#include "manager/worker/api/doctor_backups.h"
#include "manager/worker/api/modules.h"
#include "manager/worker/api/retention.h"
#include "manager/worker/bus.h"
#include "store/agents.h"
#include "store/documents.h"
#include "store/events.h"

#define INSTALLATION    HIN_API_DOCTOR_INSTALLATION
#define SILENT_USEC     (15 * HIN_MINUTE_USEC)
#define YEAR_USEC       (365 * HIN_DAY_USEC)
#define SOON_USEC       (14 * HIN_DAY_USEC)
#define AGENT_SOON_USEC (7 * HIN_DAY_USEC)
#define WAL_LARGE_BYTES (INT64_C(512) << 20)
#define QUARTER_USEC    (92 * HIN_DAY_USEC)

static int64_t now_of(const struct hin_api_call *call)
{
    return hin_tenant_now_usec(call->tenant);
}

static long long days(int64_t usec)
{
    return (long long)(usec / HIN_DAY_USEC);
}

/* ---- store, disk ---- */

static void look_store(struct hin_doctor *doctor, void *subject)
{
    struct hin_api_call *call = subject;
    enum hin_store_state state = hin_desk_store_state(call->desk);
    struct hin_store_stats stats;
    if (state == HIN_STORE_STATE_UNREACHABLE) {
        hin_doctor_found_as(doctor, HIN_DOCTOR_ERROR,
                            "start the database server; agents keep their events meanwhile",
                            "the database cannot be reached");
    } else if (state == HIN_STORE_STATE_DAMAGED) {
        hin_doctor_found(doctor, "parts of the database are damaged and left out of answers");
    } else if (state == HIN_STORE_STATE_SALVAGED) {
        hin_doctor_found_as(doctor, HIN_DOCTOR_WARNING,
                            "look into TENANT.db.damaged in STATE/db, then take it away",
                            "the database was salvaged, the damaged file stands beside it");
    } else if (hin_is_ok(hin_store_stats(call->tenant->store, &stats))) {
        hin_doctor_fine(doctor, "%llu events in %llu segments, %llu MiB, schema %d",
                        (unsigned long long)stats.events, (unsigned long long)stats.segments,
                        (unsigned long long)(stats.bytes >> 20), HIN_STORE_SCHEMA_VERSION);
    }
}

static struct hin_result name_refused(void *context, struct hin_view tenant,
                                      const struct hin_vault_judgement *judgement)
{
    struct hin_doctor *doctor = context;
    char id[HIN_RESTORE_NAME_BYTES], text[480];
    HIN_TRY(hin_view_to_text(tenant, id, sizeof(id)));
    hin_tenant_refusal_text(judgement, false, id, text, sizeof(text));
    hin_doctor_found(doctor, "tenant %s is not served: %s", id, text);
    return hin_ok();
}

static void look_refused(struct hin_doctor *doctor, void *subject)
{
    struct hin_api_call *call = subject;
    struct hin_result asked = hin_keys_refused(&call->tenant->keys, name_refused, doctor);
    if (!hin_is_ok(asked)) {
        hin_doctor_unseen(doctor, "the key service says: %s", hin_code_text(asked.code));
    }
}

static void look_space(struct hin_doctor *doctor, void *subject)
{
    struct hin_api_call *call = subject;
    hin_doctor_space(doctor, call->tenant->place.directory, "STATE/db");
}

/* Of this tenant alone, as if the others did not grow. */
static void look_growth(struct hin_doctor *doctor, void *subject)
{
    struct hin_api_call *call = subject;
    struct hin_store *store = call->tenant->store;
    struct hin_store_stats stats;
    struct hin_retention keep;
    struct statvfs space;
    int64_t first = 0, last = 0, full = 0, over = 0;
    if (call->tenant->place.server != NULL) {
        hin_doctor_fine(doctor, "the disk is the database server's");
        return;
    }
    struct hin_result asked = hin_store_retention_days(store, &first, &last);
    if (asked.code == HIN_NOT_FOUND) {
        hin_doctor_fine(doctor, "nothing is stored yet");
        return;
    }
    if (!hin_is_ok(asked) || !hin_is_ok(hin_store_stats(store, &stats)) ||
        !hin_is_ok(hin_api_retention_in_force(call, &keep)) ||
        fstatvfs(call->tenant->place.directory, &space) != 0) {
        hin_doctor_unseen(doctor, "how much is stored cannot be asked");
        return;
    }
    uint64_t free_bytes = (uint64_t)space.f_bavail * space.f_frsize;
    if (!hin_retention_outgrows(&keep, stats.bytes, last - first + 1, free_bytes, &full, &over)) {
        return;
    }
    hin_doctor_found(doctor,
                     "at the rate of the last %lld days the disk is full in %lld; what is stored "
                     "first is over in %lld (0: it is kept for ever)",
                     (long long)(last - first + 1), (long long)full, (long long)over);
}

static void look_wal(struct hin_doctor *doctor, void *subject)
{
    struct hin_api_call *call = subject;
    char name[64];
    struct stat info;
    snprintf(name, sizeof(name), "%s.db-wal", call->tenant->id);
    if (call->tenant->place.server != NULL) {
        hin_doctor_fine(doctor, "the database server keeps its own");
    } else if (fstatat(call->tenant->place.directory, name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
               info.st_size > WAL_LARGE_BYTES) {
        hin_doctor_found(doctor,
                         "the write-ahead log has grown to %lld MiB: a reader has kept it "
                         "from being folded in",
                         (long long)(info.st_size >> 20));
    }
}

/* ---- keys ---- */

static void look_provider(struct hin_doctor *doctor, void *subject)
{
    struct hin_api_call *call = subject;
    struct hin_key_provider_status status;
    call->tenant->key_use_count++;
    struct hin_result asked = hin_keys_status(&call->tenant->keys, &status);
    if (!hin_is_ok(asked)) {
        hin_doctor_found(doctor, "the key management service does not answer: %s",
                         hin_code_text(asked.code));
        return;
    }
    if (!status.sealed) {
        hin_doctor_found_as(doctor, HIN_DOCTOR_ADVICE,
                            "put the key ring under a pass phrase, or use a token or a key service "
                            "(docs/OPERATIONS.md)",
                            "%s",
                            status.advice[0] != '\0' ? status.advice
                                                     : "the keys are protected by a file's "
                                                       "mode alone");
    }
    if (status.exportable) {
        hin_doctor_found_as(doctor, HIN_DOCTOR_ADVICE,
                            "where erasure must reach such copies, use a PKCS#11 token or AWS KMS",
                            "a copy of the key ring that somebody kept, with its pass phrase, "
                            "opens what was sealed "
                            "and erased since");
    }
}

static void look_versions_of_keys(struct hin_doctor *doctor, void *subject)
{
    struct hin_api_call *call = subject;
    struct hin_vault_tenant_status status;
    call->tenant->key_use_count++;
    struct hin_result asked =
        hin_keys_tenant_status(&call->tenant->keys, hin_tenant_view(call->tenant), &status);
    if (!hin_is_ok(asked)) {
        hin_doctor_unseen(doctor, "the key service says: %s", hin_code_text(asked.code));
        return;
    }
    if (status.tenant_version_count > 1 || status.wrapping.version_count > 1) {
        hin_doctor_found(doctor,
                         "old versions still open: %zu of the tenant key, %u of the "
                         "wrapping key",
                         status.tenant_version_count, status.wrapping.version_count);
    }
    int64_t age_usec = now_of(call) - status.tenant_rotated_usec;
    if (status.tenant_rotated_usec > 0 && age_usec > YEAR_USEC) {
        hin_doctor_found_as(doctor, HIN_DOCTOR_ADVICE, "hinomi key rotate",
                            "the tenant key was last rotated %lld days ago", days(age_usec));
    }
}

static void look_holders(struct hin_doctor *doctor, void *subject)
{
    struct hin_api_call *call = subject;
    struct hin_holders *holders = calloc(1, sizeof(*holders));
    int64_t now_usec = now_of(call);
    if (holders == NULL || !hin_is_ok(hin_holders_load(call->tenant, holders))) {
        hin_doctor_unseen(doctor, "the list of key holders cannot be read");
        free(holders);
        return;
    }
    size_t in_force = hin_holders_in_force(holders, now_usec);
    if (in_force < 2) {
        hin_doctor_found(doctor,
                         "%zu of %lld holders in force: destroying a key needs no second "
                         "person, and one who is away leaves nobody",
                         in_force, (long long)holders->limit);
    }
    for (size_t i = 0; i < holders->count; i++) {
        const struct hin_holder *holder = &holders->list[i];
        int64_t left_usec = holder->confirmed_usec + HIN_HOLDER_QUARTER_USEC - now_usec;
        if (!hin_holder_is_in_force(holder, now_usec)) {
            hin_doctor_found_as(doctor, HIN_DOCTOR_WARNING, "hinomi key holders add NAME",
                                "holder %s has lapsed: nobody confirmed it for a quarter",
                                holder->name);
        } else if (left_usec < SOON_USEC) {
            hin_doctor_found_as(doctor, HIN_DOCTOR_WARNING,
                                "another holder runs `hinomi key review`",
                                "holder %s lapses in %lld days", holder->name, days(left_usec));
        }
    }
    free(holders);
}

/* ---- escrow copies ---- */

struct copies {
    struct hin_api_call *call;
    struct hin_escrow newest; /* that was written and not forgotten; id 0: none */
    unsigned agreed;          /* and not noted as written */
    int64_t rotated_usec;     /* the last rotation of a wrapping key that the ring holds */
    uint64_t backups;         /* taken since the newest copy */
};

static struct hin_result meet_copy(void *context, const struct hin_escrow *escrow)
{
    struct copies *copies = context;
    copies->agreed += escrow->state == HIN_ESCROW_AGREED;
    if (escrow->state == HIN_ESCROW_WRITTEN && escrow->written_msec > copies->newest.written_msec) {
        copies->newest = *escrow;
    }
    return hin_ok();
}

static HIN_RESULT meet_keys(struct copies *copies, struct hin_view tenant)
{
    struct hin_vault_tenant_status status;
    copies->call->tenant->key_use_count++;
    HIN_TRY(hin_keys_tenant_status(&copies->call->tenant->keys, tenant, &status));
    copies->rotated_usec = HIN_MAX(copies->rotated_usec, status.master_rotated_usec);
    copies->rotated_usec = HIN_MAX(copies->rotated_usec, status.wrapping_rotated_usec);
    return hin_ok();
}

/* A tenant that was made since has a key that the copy lacks, as a key that was rotated is. */
static struct hin_result meet_tenant(void *context, const struct hin_store_document *document)
{
    struct copies *copies = context;
    struct hin_tenant_row row;
    HIN_TRY(hin_tenant_row_read(document->id, document->bytes, &row));
    if (row.state != HIN_TENANT_ACTIVE && row.state != HIN_TENANT_SUSPENDED) {
        return hin_ok();
    }
    copies->rotated_usec = HIN_MAX(copies->rotated_usec, document->created_usec);
    return meet_keys(copies, hin_view_from_text(row.uuid));
}

static struct hin_result meet_backup(void *context, const struct hin_store_document *document)
{
    struct copies *copies = context;
    copies->backups += document->created_usec > copies->newest.written_msec * HIN_MSEC_USEC;
    return hin_ok();
}

static HIN_RESULT meet_all(struct copies *copies)
{
    struct hin_store_page all = {0};
    struct hin_store_listed listed;
    struct hin_tenant *own = copies->call->tenant;
    HIN_TRY(hin_escrow_each(own, meet_copy, copies));
    HIN_TRY(meet_keys(copies, hin_tenant_view(own)));
    HIN_TRY(hin_store_list(own->store, HIN_STORE_TENANTS, &all, meet_tenant, copies, &listed));
    return hin_store_list(own->store, HIN_STORE_BACKUPS, &all, meet_backup, copies, &listed);
}

static void judge_copies(struct hin_doctor *doctor, const struct copies *copies)
{
    int64_t written_usec = copies->newest.written_msec * HIN_MSEC_USEC;
    int64_t age_usec = now_of(copies->call) - written_usec;
    if (copies->newest.id == 0) {
        hin_doctor_found(doctor, "no escrow copy of the key ring is known: whoever loses the ring "
                                 "loses all that is stored, backups included");
        return;
    }
    /* In the same millisecond counts as before: one warning too many is the lesser evil. */
    if (copies->rotated_usec >= written_usec) {
        hin_doctor_found(doctor,
                         "keys were made or rotated since the newest escrow copy (%lld, %s): they "
                         "are not in it",
                         (long long)copies->newest.id, copies->newest.label);
    } else if (age_usec > QUARTER_USEC) {
        hin_doctor_found(doctor, "the newest escrow copy of the key ring is %lld days old",
                         days(age_usec));
    } else {
        hin_doctor_fine(doctor, "the newest escrow copy is %lld days old (%s)", days(age_usec),
                        copies->newest.label);
    }
    if (copies->backups > 0) {
        hin_doctor_found_as(
            doctor, HIN_DOCTOR_ADVICE, NULL,
            "%llu backups were begun since the newest escrow copy, each under a key "
            "of its own: it does not open them, the key ring does",
            (unsigned long long)copies->backups);
    }
}

static void look_escrow(struct hin_doctor *doctor, void *subject)
{
    struct hin_api_call *call = subject;
    struct copies copies = {.call = call};
    struct hin_key_provider_status status;
    call->tenant->key_use_count++;
    struct hin_result asked = hin_keys_status(&call->tenant->keys, &status);
    if (hin_is_ok(asked) && !status.exportable) {
        hin_doctor_fine(doctor, "the keys are in no file");
        return;
    }
    if (hin_is_ok(asked)) {
        asked = meet_all(&copies);
    }
    if (!hin_is_ok(asked)) {
        hin_doctor_unseen(doctor, "what copies there are cannot be told: %s",
                          hin_code_text(asked.code));
        return;
    }
    judge_copies(doctor, &copies);
    if (copies.agreed > 0) {
        hin_doctor_found_as(
            doctor, HIN_DOCTOR_ADVICE, "hinomi key escrow written RECEIPT, or forget ID NOTE",
            "%u escrow copies were agreed to and not noted as written", copies.agreed);
    }
}

/* ---- certificates ---- */

static void look_authority(struct hin_doctor *doctor, void *subject)
{
    struct hin_api_call *call = subject;
    HIN_CLEANUP(hin_buf_done) struct hin_buf der = {.max = 65536};
    struct hin_x509_info info;
    call->tenant->key_use_count++;
    struct hin_result asked = hin_keys_ca(&call->tenant->keys, &der);
    if (hin_is_ok(asked)) {
        asked = hin_x509_parse(hin_buf_view(&der), &info);
    }
    if (!hin_is_ok(asked)) {
        hin_doctor_found(doctor, "the authority's certificate cannot be had: %s",
                         hin_code_text(asked.code));
        return;
    }
    int64_t left_usec = info.validity.not_after_usec - now_of(call);
    if (left_usec < YEAR_USEC) {
        hin_doctor_found_as(doctor,
                            left_usec < 90 * HIN_DAY_USEC ? HIN_DOCTOR_ERROR : HIN_DOCTOR_WARNING,
                            NULL, "the authority's certificate ends in %lld days", days(left_usec));
        return;
    }
    hin_doctor_fine(doctor, "%lld days left, fingerprint %s", days(left_usec), info.fingerprint);
}

static void look_agent_certificates(struct hin_doctor *doctor, void *subject)
{
    struct hin_api_call *call = subject;
    uint64_t ending = 0;
    struct hin_result counted =
        hin_store_certificates_ending(call->tenant->store, now_of(call) + AGENT_SOON_USEC, &ending);
    if (!hin_is_ok(counted)) {
        hin_doctor_unseen(doctor, "%s", hin_code_text(counted.code));
    } else if (ending > 0) {
        hin_doctor_found(doctor,
                         "%llu agents have no certificate for the next %lld days: they "
                         "renew by themselves when they are connected",
                         (unsigned long long)ending, days(AGENT_SOON_USEC));
    }
}

/* ---- clock ---- */

static void look_clock(struct hin_doctor *doctor, void *subject)
{
    struct hin_api_call *call = subject;
    const struct hin_worker_clock *ntp = &call->worker->ntp;
    double offset = (double)ntp->report.offset_usec / 1e6;
    if (ntp->settings.server_count == 0) {
        hin_doctor_found_as(doctor, HIN_DOCTOR_ADVICE,
                            "set ntpServers in manager.json and restart (docs/CLOCKS.md)",
                            "no time servers are set: nobody would notice a wrong clock");
    } else if (ntp->watch.beyond) {
        hin_doctor_found(doctor, "the manager's clock is off by %.3f s, more than its bound",
                         offset);
    } else if (!ntp->report.measured) {
        hin_doctor_found_as(doctor, HIN_DOCTOR_WARNING, "hinomi status shows each server's state",
                            "no majority of the %zu time servers agrees",
                            (size_t)ntp->settings.server_count);
    } else {
        hin_doctor_fine(doctor, "off by %.3f s; %zu servers agree", offset,
                        (size_t)ntp->report.agree_count);
    }
}

/* ---- agents ---- */

struct agents {
    struct hin_api_call *call;
    int64_t now_usec;
    unsigned count, silent, other_version, pending, held;
};

static struct hin_result count_enrolment(void *context, const struct hin_store_document *document)
{
    struct agents *agents = context;
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *parsed = NULL;
    struct hin_view state = HIN_VIEW_EMPTY;
    HIN_TRY(hin_json_parse(document->bytes, HIN_STORE_DOCUMENT_BYTES, &parsed, NULL));
    HIN_TRY(hin_json_opt_text(hin_json_root(parsed), "enrolment", &state, NULL));
    agents->pending += hin_view_is(state, "pending");
    agents->held += hin_view_is(state, "held");
    return hin_ok();
}

static struct hin_result count_agent(void *context, const struct hin_store_agent *agent)
{
    struct agents *agents = context;
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *parsed = NULL;
    struct hin_view version = HIN_VIEW_EMPTY;
    agents->count++;
    agents->silent +=
        agent->last_seen_usec > 0 && agents->now_usec - agent->last_seen_usec > SILENT_USEC;
    if (agent->blob.size > 0 && hin_is_ok(hin_json_parse(agent->blob, 65536, &parsed, NULL)) &&
        hin_is_ok(hin_json_opt_text(hin_json_root(parsed), "agentVersion", &version, NULL))) {
        agents->other_version += version.size > 0 && !hin_view_is(version, HIN_VERSION);
    }
    return hin_ok();
}

static void look_agents(struct hin_doctor *doctor, void *subject)
{
    struct hin_api_call *call = subject;
    struct agents agents = {.call = call, .now_usec = now_of(call)};
    struct hin_store_page all = {0};
    struct hin_store_listed listed;
    struct hin_result counted = hin_store_list(call->tenant->store, HIN_STORE_COMPUTERS, &all,
                                               count_enrolment, &agents, &listed);
    if (hin_is_ok(counted)) {
        counted = hin_store_agents_list(call->tenant->store, 0, SIZE_MAX / 2, count_agent, &agents);
    }
    if (!hin_is_ok(counted)) {
        hin_doctor_unseen(doctor, "the agents cannot be counted: %s", hin_code_text(counted.code));
        return;
    }
    if (agents.held > 0) {
        hin_doctor_found_as(doctor, HIN_DOCTOR_WARNING,
                            "hinomi computer list, then approve or revoke",
                            "%u agents are held: a copy of each may exist", agents.held);
    }
    if (agents.pending > 0) {
        hin_doctor_found_as(doctor, HIN_DOCTOR_ADVICE, "hinomi computer approve ID",
                            "%u computers wait for approval", agents.pending);
    }
    if (agents.silent > 0) {
        hin_doctor_found(doctor, "%u of %u agents are silent for over %lld minutes", agents.silent,
                         agents.count, (long long)(SILENT_USEC / HIN_MINUTE_USEC));
    }
    if (agents.other_version > 0) {
        hin_doctor_found_as(doctor, HIN_DOCTOR_ADVICE,
                            "install the manager's version on their hosts",
                            "%u agents are of another version than this manager (%s)",
                            agents.other_version, HIN_VERSION);
    }
}

/* ---- audit, access, processes ---- */

static void look_audit(struct hin_doctor *doctor, void *subject)
{
    struct hin_api_call *call = subject;
    uint64_t agents = hin_bus_agents(call->worker->bus, call->tenant->number);
    if (agents == 0) {
        hin_doctor_found(doctor, "no agent is connected that would keep a checkpoint: one that is "
                                 "kept outside proves that nobody rewrote the record");
    } else {
        hin_doctor_fine(doctor, "%llu connected agents keep the last checkpoint",
                        (unsigned long long)agents);
    }
}

static struct hin_result count_unused(void *context, const struct hin_store_document *document)
{
    unsigned *count = context;
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *parsed = NULL;
    bool one_time = false;
    HIN_TRY(hin_json_parse(document->bytes, HIN_STORE_DOCUMENT_BYTES, &parsed, NULL));
    HIN_TRY(hin_json_opt_boolean(hin_json_root(parsed), "oneTime", &one_time, NULL));
    *count += one_time;
    return hin_ok();
}

static void look_access(struct hin_doctor *doctor, void *subject)
{
    struct hin_api_call *call = subject;
    struct hin_store_page all = {0};
    struct hin_store_listed listed;
    unsigned count = 0;
    struct hin_result counted = hin_store_list(call->tenant->store, HIN_STORE_ADMINISTRATORS, &all,
                                               count_unused, &count, &listed);
    if (!hin_is_ok(counted)) {
        hin_doctor_unseen(doctor, "%s", hin_code_text(counted.code));
    } else if (count > 0) {
        hin_doctor_found(doctor, "%u administrators never changed their one-time password", count);
    }
}

/* "jobs/0: pid 5, ready, 2 crashes", and below it, indented, what is weaker than it could be. */
static void judge_process(struct hin_doctor *doctor, struct hin_view line)
{
    bool detail = hin_view_starts_with(line, HIN_VIEW("  "));
    if (detail) {
        return;
    }
    if (hin_view_find(line, HIN_VIEW(", ready,")) == SIZE_MAX) {
        hin_doctor_found(doctor, "%.*s", HIN_ARGS(line));
    } else if (hin_view_find(line, HIN_VIEW(", 0 crashes")) == SIZE_MAX) {
        hin_doctor_found_as(doctor, HIN_DOCTOR_WARNING, NULL, "%.*s", HIN_ARGS(line));
    }
}

static void look_processes(struct hin_doctor *doctor, void *subject)
{
    struct hin_api_call *call = subject;
    struct hin_ipc_message reply;
    struct hin_view line;
    struct hin_result asked =
        hin_ipc_call(hin_role_parent_channel(call->worker->role), HIN_MESSAGE_STATUS,
                     HIN_VIEW_EMPTY, 5 * HIN_SEC_USEC, &reply);
    if (!hin_is_ok(asked) || reply.code != HIN_OK) {
        hin_doctor_unseen(doctor, "the parent does not answer");
        return;
    }
    struct hin_view rest = reply.payload;
    while (hin_view_split(&rest, '\n', &line)) {
        if (line.size > 0) {
            judge_process(doctor, line);
        }
    }
}

static const struct hin_doctor_check checks[] = {
    {"store.state", "store", "the database", HIN_DOCTOR_ERROR,
     "restore a backup, or go on without what is damaged (docs/OPERATIONS.md)", HIN_RIGHT_VIEW,
     look_store},
    {"store.refused", "store", "tenants whose store or vault was set back", HIN_DOCTOR_ERROR,
     "put the newest back, or let a key holder accept it (docs/OPERATIONS.md)",
     HIN_RIGHT_VIEW | INSTALLATION, look_refused},
    {"store.log", "store", "the write-ahead log", HIN_DOCTOR_WARNING,
     "restart the manager when it is quiet", HIN_RIGHT_VIEW | INSTALLATION, look_wal},
    {"disk.store", "disk", "space of the database folder", HIN_DOCTOR_WARNING,
     "make room, or keep events for a shorter time: hinomi retention set",
     HIN_RIGHT_VIEW | INSTALLATION, look_space},
    {"disk.growth", "disk", "whether this tenant's events go before the disk is full",
     HIN_DOCTOR_WARNING, "make room, or keep events for a shorter time: hinomi retention set",
     HIN_RIGHT_VIEW | INSTALLATION, look_growth},
    {"key.provider", "keys", "the key management service", HIN_DOCTOR_ERROR, "hinomi kms test",
     HIN_RIGHT_KEYS | INSTALLATION, look_provider},
    {"key.versions", "keys", "old versions of keys, and when they were rotated", HIN_DOCTOR_ADVICE,
     "hinomi key rewrap, then hinomi key retire (hinomi key status names them)", HIN_RIGHT_KEYS,
     look_versions_of_keys},
    {"key.holders", "keys", "key holders and their review", HIN_DOCTOR_ADVICE,
     "hinomi key holders add NAME", HIN_RIGHT_KEYS, look_holders},
    {"key.escrow", "keys", "copies of the key ring that are kept elsewhere", HIN_DOCTOR_WARNING,
     "hinomi key escrow ask LABEL (docs/OPERATIONS.md)", HIN_RIGHT_KEYS | INSTALLATION,
     look_escrow},
    {"certificate.authority", "certificates", "the certificate authority", HIN_DOCTOR_ERROR,
     "plan a new authority (docs/OPERATIONS.md)", HIN_RIGHT_VIEW | INSTALLATION, look_authority},
    {"certificate.agents", "certificates", "certificates of agents", HIN_DOCTOR_WARNING,
     "hinomi computer list shows who is silent: start them, or enrol them anew", HIN_RIGHT_VIEW,
     look_agent_certificates},
    {"clock.manager", "clock", "the manager's clock", HIN_DOCTOR_ERROR,
     "put it right: chrony or systemd-timesyncd (docs/CLOCKS.md)", HIN_RIGHT_VIEW | INSTALLATION,
     look_clock},
    {"agent.state", "agents", "agents", HIN_DOCTOR_WARNING,
     "hinomi computer list, then `hinomi-agent status` on their hosts", HIN_RIGHT_VIEW,
     look_agents},
    {"audit.checkpoint", "audit", "who keeps a checkpoint of the audit record", HIN_DOCTOR_ADVICE,
     "hinomi audit checkpoint >FILE, and keep FILE elsewhere", HIN_RIGHT_AUDIT, look_audit},
    {"access.one-time", "access", "one-time passwords", HIN_DOCTOR_ADVICE,
     "they sign in once and set their own (hinomi login), or are deleted", HIN_RIGHT_ACCESS,
     look_access},
    {"process.state", "processes", "the manager's processes", HIN_DOCTOR_ERROR,
     "look into the manager's log", HIN_RIGHT_VIEW | INSTALLATION, look_processes},
};

static struct hin_result examine(struct hin_api_call *call)
{
    struct hin_doctor doctor;
    bool own = call->tenant->number == 0;
    hin_doctor_begin(&doctor, call->out, call->who->rights | (own ? INSTALLATION : 0),
                     own ? 0 : INSTALLATION);
    hin_doctor_run(&doctor, checks, HIN_COUNT(checks), call);
    hin_doctor_run(&doctor, hin_api_doctor_backups, hin_api_doctor_backup_count, call);
    return hin_doctor_end(&doctor);
}

static const struct hin_api_action actions[] = {
    {HIN_HTTP_GET, "doctor", HIN_RIGHT_VIEW, examine, NULL,
     "What should be mended, and how: findings as far as the role may see.", false},
};
const struct hin_api_module hin_api_module_doctor = {NULL, actions, HIN_COUNT(actions)};
