#include "simulated.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "event/codec.h"
#include "event/state.h"
#include "manager/audit.h"
#include "store/audit.h"
#include "store/events.h"

static const char *const ids[SIM_TENANTS] = {"11111111-2222-4333-8444-555555555555",
                                             "22222222-2222-4333-8444-555555555555",
                                             "33333333-2222-4333-8444-555555555555"};

/* As init makes one; the hash is of nothing, which no probe can see. */
static const char first_administrator[] =
    "{\"username\":\"admin\",\"fullName\":\"Annegret Beispielhaft\",\"emailAddress\":"
    "\"annegret@beispielhaft.example\",\"oneTime\":true,\"passwordHash\":"
    "\"$argon2id$v=19$m=32768,t=3,p=1$c29tZXNhbHRzb21lc2FsdA$"
    "c29tZWRpZ2VzdHNvbWVkaWdlc3Rzb21lZGlnZXN0c28\"}";

/* ---- what the processes are given ---- */

static int64_t wall_of(void *context)
{
    return ((const struct sim *)context)->wall_usec;
}

static int64_t monotonic_of(void *context)
{
    return ((const struct sim *)context)->monotonic_usec;
}

static struct hin_result turn(void *context)
{
    (void)context;
    return hin_ok();
}

static void rest(void *context, int64_t usec)
{
    sim_pass(context, usec);
}

static struct hin_result
each_tenant(void *context, struct hin_result (*visit)(void *visitor, struct hin_tenant *tenant),
            void (*closed)(void *visitor, const struct hin_tenant *tenant, struct hin_result why),
            void *visitor)
{
    struct sim *sim = context;
    (void)closed;
    for (size_t i = 0; i < SIM_TENANTS; i++) {
        HIN_TRY(visit(visitor, &sim->tenants[i]));
    }
    return hin_ok();
}

/* What another process would have tried, and found well. */
static struct hin_result ask(void *context, const char *role, unsigned instance,
                             struct hin_view question, struct hin_buf *ret_trial)
{
    HIN_CLEANUP(hin_trial_done) struct hin_trial trial;
    (void)context;
    (void)instance;
    hin_trial_init(&trial);
    hin_trial_input(&trial, "simulated", "%s: %.*s", role, HIN_ARGS(question));
    hin_trial_measure(&trial, "answers", 1);
    hin_trial_tried(&trial);
    return hin_trial_write(&trial, ret_trial);
}

/* ---- building ---- */

static HIN_RESULT build_keys(struct sim *sim)
{
    HIN_TRY(hin_ring_create(AT_FDCWD, sim->keyring, NULL, NULL));
    HIN_TRY(hin_ring_open(&sim->ring, AT_FDCWD, sim->keyring, NULL, NULL));
    struct hin_vault_options options = {
        .provider = hin_ring_provider(sim->ring),
        .storage = hin_vault_storage_folder(&sim->vault_folder),
        .clock = &sim->clock,
        .own = ids[0],
    };
    HIN_TRY(hin_vault_create(&sim->vault, &options, "test"));
    sim->local = (struct hin_keys_local){sim->vault, HIN_KEYS_MASK_BACKUP};
    sim->all = (struct hin_keys_local){sim->vault, HIN_KEYS_MASK_ALL};
    return hin_ok();
}

static HIN_RESULT register_tenant(struct sim *sim, size_t i)
{
    char text[200], name[16];
    int64_t id = 0;
    snprintf(name, sizeof(name), "tenant%zu", i);
    snprintf(text, sizeof(text), "{\"guid\":\"%s\",\"name\":\"%s\",\"tenantState\":\"active\"}",
             ids[i], name);
    struct hin_store_content content = {
        .bytes = hin_view_from_text(text),
        .names = {[HIN_TENANT_SLOT_NAME] = hin_view_from_text(name),
                  [HIN_TENANT_SLOT_UUID] = hin_view_from_text(ids[i])}};
    HIN_TRY(
        hin_store_create(sim->tenants[0].store, HIN_STORE_TENANTS, &content, sim->wall_usec, &id));
    HIN_ENSURE(id == (int64_t)i, INTERNAL); /* its number everywhere */
    return hin_ok();
}

static HIN_RESULT move_in(struct sim *sim, size_t i)
{
    struct hin_error error = {0};
    struct hin_keys_carrier carrier = hin_keys_carrier_local(&sim->all);
    struct hin_tenant_place place = {.directory = sim->database};
    struct hin_store_content administrator = {.bytes = hin_view_from_text(first_administrator)};
    int64_t id = 0;
    HIN_TRY(hin_vault_tenant_create(sim->vault, hin_view_from_text(ids[i])));
    HIN_TRY(hin_tenant_open(&sim->tenants[i], &place, ids[i], &carrier, HIN_VAULT_FOR_MERGE,
                            &sim->clock, true, &error));
    sim->tenants[i].number = (int64_t)i;
    HIN_TRY(hin_store_create(sim->tenants[i].store, HIN_STORE_ADMINISTRATORS, &administrator,
                             sim->wall_usec, &id));
    return i > 0 ? register_tenant(sim, i) : hin_ok();
}

static HIN_RESULT begin_cycle(struct sim *sim, unsigned keep_days)
{
    static const char *const regions[SIM_PLACES] = {"dc1", "dc2"};
    struct hin_backup_cycle *cycle = &sim->cycle;
    *cycle = (struct hin_backup_cycle){.own = &sim->own,
                                       .keys = hin_keys_carrier_local(&sim->local),
                                       .place = {.directory = sim->database},
                                       .clock = &sim->clock,
                                       .turn = turn,
                                       .pause = rest,
                                       .context = sim};
    hin_backup_settings_default(&cycle->settings);
    cycle->settings.keep_days = keep_days;
    for (size_t i = 0; i < SIM_PLACES; i++) {
        struct hin_backup_destination *at = &cycle->settings.destinations[cycle->settings.count++];
        snprintf(at->name, sizeof(at->name), "place-%zu", i);
        snprintf(at->url, sizeof(at->url), "file://%s", sim->depots[i]);
        snprintf(at->region, sizeof(at->region), "%s", regions[i]);
        struct hin_depot_options options = {.url = at->url, .directory = -1};
        HIN_TRY(hin_depot_open(&sim->places[i], &options, NULL));
        cycle->depots[i] = sim->places[i];
    }
    return hin_backup_cycle_begin(cycle);
}

static HIN_RESULT begin(struct sim *sim, unsigned keep_days)
{
    HIN_CLEANUP_FD int content = -1;
    struct hin_error error = {0};
    struct hin_keys_carrier carrier = hin_keys_carrier_local(&sim->all);
    struct hin_tenant_place place = {.directory = sim->database};
    HIN_TRY(hin_fd_open(AT_FDCWD, HIN_CONTENT, O_RDONLY | O_DIRECTORY, 0, &content));
    HIN_TRY(hin_catalogue_load(content, &sim->catalogue, &error));
    for (size_t i = 0; i < SIM_TENANTS; i++) {
        HIN_TRY(move_in(sim, i));
    }
    HIN_TRY(hin_tenant_open(&sim->own, &place, ids[0], &carrier, HIN_VAULT_FOR_BACKUP, &sim->clock,
                            false, &error));
    sim->tools = (struct hin_probe_tools){.context = sim,
                                          .own = &sim->tenants[0],
                                          .clock = &sim->clock,
                                          .each_tenant = each_tenant,
                                          .ask = ask,
                                          .workers = 1,
                                          .followed = &sim->followed};
    return begin_cycle(sim, keep_days);
}

HIN_RESULT sim_build(struct sim *sim, const char *name, unsigned keep_days)
{
    char path[340];
    sim->wall_usec = hin_clock_wall_usec(hin_clock_system());
    sim->monotonic_usec = HIN_HOUR_USEC;
    sim->clock = (struct hin_clock){wall_of, monotonic_of, sim};
    snprintf(sim->folder, sizeof(sim->folder), "%s/%s", test_folder(), name);
    snprintf(sim->keyring, sizeof(sim->keyring), "%s.keyring", sim->folder);
    for (size_t i = 0; i < SIM_PLACES; i++) {
        snprintf(sim->depots[i], sizeof(sim->depots[i]), "%s/depot-%zu", sim->folder, i);
        HIN_TRY(hin_directory_make(sim->depots[i], 0700));
    }
    snprintf(path, sizeof(path), "%s/db", sim->folder);
    HIN_TRY(hin_directory_make(path, 0700));
    HIN_TRY(hin_fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, &sim->database));
    HIN_TRY(hin_fd_open(AT_FDCWD, sim->folder, O_RDONLY | O_DIRECTORY, 0, &sim->vault_folder));
    HIN_TRY(build_keys(sim));
    return begin(sim, keep_days);
}

void sim_done(struct sim *sim)
{
    hin_backup_cycle_end(&sim->cycle);
    hin_key_memo_done(&sim->memo);
    for (size_t i = 0; i < SIM_PLACES; i++) {
        hin_depot_close(sim->places[i]);
    }
    hin_tenant_close(&sim->own);
    for (size_t i = 0; i < SIM_TENANTS; i++) {
        hin_tenant_close(&sim->tenants[i]);
    }
    hin_vault_free(sim->vault);
    hin_ring_free(sim->ring);
    hin_catalogue_free(sim->catalogue);
    hin_fd_close(&sim->vault_folder);
    hin_fd_close(&sim->database);
}

/* ---- time passes ---- */

void sim_pass(struct sim *sim, int64_t usec)
{
    sim->wall_usec += usec;
    sim->monotonic_usec += usec;
}

static HIN_RESULT add_events(struct sim *sim, struct hin_tenant *tenant)
{
    enum { COUNT = 3 };
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = HIN_EVENT_MAX_BYTES};
    struct hin_arena arena;
    struct hin_event event;
    struct hin_store_committed committed;
    struct hin_store_event stored[COUNT];
    hin_arena_init(&arena, 1 << 20);
    hin_event_init_state(&event, &arena, sim->wall_usec, HIN_STATE_MANAGER_STARTED,
                         HIN_VIEW("test"));
    struct hin_result done = hin_event_encode(&event, &bytes);
    for (int i = 0; i < COUNT; i++) {
        stored[i] = (struct hin_store_event){.time_usec = sim->wall_usec + i,
                                             .class_uid = 6002,
                                             .severity_id = 1,
                                             .bytes = hin_buf_view(&bytes)};
    }
    if (hin_is_ok(done)) {
        done = hin_store_commit(tenant->store, stored, COUNT, NULL, 0, sim->wall_usec, &committed);
    }
    hin_arena_done(&arena);
    return done;
}

/* What users and agents bring, once a day; small segments become one. */
HIN_RESULT sim_live(struct sim *sim)
{
    struct hin_audit audit = {.action = "day", .outcome = "done", .actor = HIN_VIEW("test")};
    for (size_t i = 0; i < SIM_TENANTS; i++) {
        struct hin_tenant *tenant = &sim->tenants[i];
        HIN_TRY(add_events(sim, tenant));
        HIN_TRY(hin_audit_write(tenant, &audit));
        HIN_TRY(hin_store_maintain(tenant->store, sim->wall_usec, HIN_HOUR_USEC));
    }
    return hin_ok();
}

static HIN_RESULT look_after_keys(struct sim *sim)
{
    for (size_t i = 0; i < SIM_TENANTS; i++) {
        HIN_TRY(hin_tenant_refresh(&sim->tenants[i]));
        HIN_TRY(hin_tenant_watch(&sim->tenants[i]));
    }
    HIN_TRY(hin_tenant_refresh(&sim->own));
    return hin_tenant_watch(&sim->own);
}

/* As the process `backup` does it each half second (src/manager/backup/role.c). */
static HIN_RESULT backup_works(struct sim *sim, bool ships)
{
    struct hin_backup_cycle *cycle = &sim->cycle;
    bool any = true, second = (sim->left_out & SIM_SECOND_REGION) == 0;
    cycle->depots[1] = second ? sim->places[1] : NULL;
    snprintf(cycle->troubles[1], sizeof(cycle->troubles[1]), "%s", second ? "" : "out of reach");
    while (any) {
        HIN_TRY(hin_backup_cycle_judge(cycle, &any));
    }
    if ((sim->left_out & SIM_BACKUP) == 0) {
        HIN_TRY(hin_backup_cycle_due(cycle));
        HIN_TRY(hin_backup_cycle_due(cycle)); /* not twice */
    }
    if ((sim->left_out & SIM_DESTRUCTION) == 0) {
        HIN_TRY(hin_backup_cycle_destroy(cycle));
    }
    if (ships && (sim->left_out & SIM_SHIPMENT) == 0) {
        HIN_TRY(hin_backup_cycle_ship(cycle, false));
    }
    return (sim->left_out & SIM_RESTORE) == 0 ? hin_backup_cycle_rehearse_due(cycle) : hin_ok();
}

/* All but one, as hin_probe_run_due chooses them. */
static HIN_RESULT run_others(struct sim *sim)
{
    for (size_t i = 0; i < hin_probe_count; i++) {
        struct hin_record_state state;
        int64_t number = 0;
        HIN_TRY(hin_record_state_of(&sim->tenants[0], hin_probes[i]->name, &state));
        if (hin_probes[i] != sim->left_probe &&
            hin_probe_is_due(hin_probes[i], &state, sim->wall_usec)) {
            HIN_TRY(hin_probe_run(&sim->tools, hin_probes[i], &number));
        }
    }
    return hin_ok();
}

/* As `jobs` does it each second. */
static HIN_RESULT probes_run(struct sim *sim)
{
    bool ran = true;
    if ((sim->left_out & SIM_PROBES) != 0) {
        return hin_ok();
    }
    if (sim->left_probe != NULL) {
        return run_others(sim);
    }
    for (size_t i = 0; ran; i++) {
        HIN_ENSURE(i <= hin_probe_count, INTERNAL); /* each once */
        HIN_TRY(hin_probe_run_due(&sim->tools, &ran));
    }
    return hin_ok();
}

HIN_RESULT sim_work(struct sim *sim)
{
    int hour = sim->steps % SIM_STEPS_A_DAY * SIM_STEP_HOURS;
    HIN_TRY(look_after_keys(sim));
    if (hour == 0) {
        HIN_TRY(sim_live(sim));
    }
    HIN_TRY(backup_works(sim, hour + SIM_STEP_HOURS == 24));
    HIN_TRY(probes_run(sim));
    sim->steps++;
    return hin_ok();
}

HIN_RESULT sim_step(struct sim *sim)
{
    HIN_TRY(sim_work(sim));
    sim_pass(sim, SIM_STEP_HOURS * HIN_HOUR_USEC);
    return hin_ok();
}

/* ---- claims ---- */

struct found { /* the newest evidence of each probe; rows borrow from documents */
    struct hin_json_document *documents[64];
    struct hin_claim_evidence rows[64];
    size_t count;
};

static void found_done(struct found *found)
{
    for (size_t i = 0; i < HIN_COUNT(found->documents); i++) {
        hin_json_free(found->documents[i]);
    }
}

static HIN_RESULT find_newest(struct sim *sim, const char *probe, struct hin_view authority,
                              struct found *found)
{
    struct hin_evidence evidence;
    struct hin_error error = {0};
    struct hin_json_document *document = NULL;
    struct hin_record_judges judges = {.authority = authority, .memo = &sim->memo};
    struct hin_result newest = hin_record_newest(&sim->tenants[0], probe, &judges, &sim->told,
                                                 &document, &evidence, &error);
    if (newest.code == HIN_NOT_FOUND) {
        return hin_ok();
    }
    HIN_TRY(newest);
    found->documents[found->count] = document;
    found->rows[found->count++] =
        (struct hin_claim_evidence){.probe = hin_view_from_text(probe),
                                    .id = evidence.id,
                                    .held = evidence.outcome == HIN_EVIDENCE_PROVEN,
                                    .observed_usec = evidence.observed_msec * HIN_MSEC_USEC,
                                    .valid_until_usec = evidence.valid_until_msec * HIN_MSEC_USEC,
                                    .reason = evidence.reason};
    return hin_ok();
}

static HIN_RESULT find_all(struct sim *sim, struct found *found)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf authority = {.max = 65536};
    HIN_ENSURE(hin_probe_count <= HIN_COUNT(found->rows), LIMIT);
    HIN_TRY(hin_vault_ca(sim->vault, &authority));
    for (size_t i = 0; i < hin_probe_count; i++) {
        HIN_TRY(find_newest(sim, hin_probes[i]->name, hin_buf_view(&authority), found));
    }
    return hin_ok();
}

HIN_RESULT sim_claims(struct sim *sim, enum hin_claim_status ret[SIM_CLAIMS_MAX], size_t *ret_count)
{
    HIN_CLEANUP(found_done) struct found found = {.count = 0};
    const struct hin_claim *claims = hin_catalogue_claims(sim->catalogue, ret_count);
    HIN_ENSURE(*ret_count <= SIM_CLAIMS_MAX, LIMIT);
    HIN_TRY(find_all(sim, &found));
    for (size_t i = 0; i < *ret_count; i++) {
        ret[i] = hin_claim_state_of(&claims[i], found.rows, found.count, sim->wall_usec).status;
    }
    return hin_ok();
}

/* Nobody keeps keys at AWS here, and the first restore is due a week after the first backup: it is
 * seen that day. */
static bool can_hold(const struct sim *sim, struct hin_view probe)
{
    return !hin_view_is(probe, "kms-aws") &&
           (!hin_view_is(probe, "restore-weekly") || sim->restore_seen ||
            sim->steps >= 8 * SIM_STEPS_A_DAY);
}

static HIN_RESULT look_for_restore(struct sim *sim)
{
    struct hin_record_state state = {0};
    HIN_TRY(hin_record_state_of(&sim->tenants[0], "restore-weekly", &state));
    sim->restore_seen = sim->steps > 7 * SIM_STEPS_A_DAY && state.last_ran > 0;
    return hin_ok();
}

static bool is_green(const struct sim *sim, const struct hin_claim *claim)
{
    bool green = claim->probe_count > 0;
    for (size_t i = 0; i < claim->probe_count; i++) {
        green = green && can_hold(sim, claim->probes[i]);
    }
    return green;
}

static enum hin_claim_status wanted(const struct sim *sim, const struct hin_claim *claim,
                                    const char *broken, const char *stale)
{
    if (broken != NULL && hin_claim_hangs_on(claim, hin_view_from_text(broken))) {
        return HIN_CLAIM_FAILED;
    }
    if (!is_green(sim, claim)) {
        return HIN_CLAIM_NOT_ASSESSED;
    }
    return stale != NULL && hin_claim_hangs_on(claim, hin_view_from_text(stale)) ? HIN_CLAIM_STALE
                                                                                 : HIN_CLAIM_PROVEN;
}

static void tell_difference(struct sim *sim, const struct hin_claim *claim,
                            enum hin_claim_status is, enum hin_claim_status should)
{
    char reason[HIN_CLAIM_REASON_MAX], name[HIN_CLAIM_PROBE_MAX];
    test_fail(__FILE__, __LINE__, "step %d (day %d): claim %.*s is %s, not %s", sim->steps,
              (sim->steps - 1) / SIM_STEPS_A_DAY, HIN_ARGS(claim->id), hin_claim_status_name(is),
              hin_claim_status_name(should));
    for (size_t i = 0; i < claim->probe_count; i++) {
        snprintf(name, sizeof(name), "%.*s", HIN_ARGS(claim->probes[i]));
        test_fail(__FILE__, __LINE__, "%s says: %s", name, sim_reason(sim, name, reason));
    }
}

HIN_RESULT sim_expect(struct sim *sim, const char *broken, const char *stale)
{
    enum hin_claim_status states[SIM_CLAIMS_MAX];
    size_t count = 0;
    HIN_TRY(look_for_restore(sim));
    HIN_TRY(sim_claims(sim, states, &count));
    const struct hin_claim *claims = hin_catalogue_claims(sim->catalogue, &count);
    for (size_t i = 0; i < count; i++) {
        enum hin_claim_status should = wanted(sim, &claims[i], broken, stale);
        if (states[i] != should) {
            tell_difference(sim, &claims[i], states[i], should);
            return hin_fail(HIN_CONFLICT);
        }
    }
    return hin_ok();
}

size_t sim_dependants(struct sim *sim, const char *probe)
{
    size_t count = 0, met = 0;
    const struct hin_claim *claims = hin_catalogue_claims(sim->catalogue, &count);
    for (size_t i = 0; i < count; i++) {
        met +=
            is_green(sim, &claims[i]) && hin_claim_hangs_on(&claims[i], hin_view_from_text(probe));
    }
    return met;
}

const char *sim_name_dependants(struct sim *sim, const char *probe, char *out, size_t out_bytes)
{
    size_t count = 0, end = 0;
    const struct hin_claim *claims = hin_catalogue_claims(sim->catalogue, &count);
    out[0] = '\0';
    for (size_t i = 0; i < count && end + 16 < out_bytes; i++) {
        if (is_green(sim, &claims[i]) &&
            hin_claim_hangs_on(&claims[i], hin_view_from_text(probe))) {
            end += (size_t)snprintf(out + end, out_bytes - end, "%s%.*s", end > 0 ? " " : "",
                                    (int)HIN_MIN(claims[i].id.size, (size_t)12),
                                    (const char *)claims[i].id.data);
        }
    }
    return out;
}

const char *sim_reason(struct sim *sim, const char *probe, char out[HIN_CLAIM_REASON_MAX])
{
    HIN_CLEANUP(found_done) struct found found = {.count = 0};
    out[0] = '\0';
    if (!hin_is_ok(find_all(sim, &found))) {
        return out;
    }
    for (size_t i = 0; i < found.count; i++) {
        if (hin_view_is(found.rows[i].probe, probe)) {
            snprintf(out, HIN_CLAIM_REASON_MAX, "%.*s", HIN_ARGS(found.rows[i].reason));
        }
    }
    return out;
}

/* ---- what there is ---- */

static HIN_RESULT count_backup(void *context, const struct hin_store_document *document)
{
    struct sim_tally *tallies = context;
    struct hin_backup_record record;
    HIN_TRY(hin_backup_record_read(document->id, document->bytes, &record));
    HIN_ENSURE(record.tenant >= 0 && record.tenant < SIM_TENANTS, CORRUPT);
    struct sim_tally *tally = &tallies[record.tenant];
    tally->done += record.state == HIN_BACKUP_DONE;
    tally->destroyed += record.state == HIN_BACKUP_DESTROYED;
    tally->failed += record.state == HIN_BACKUP_FAILED_ALL || record.state == HIN_BACKUP_RUNNING;
    for (size_t i = 0; i < record.place_count; i++) {
        tally->left += record.places[i].state == HIN_BACKUP_LEFT;
        tally->there += record.places[i].state == HIN_BACKUP_THERE;
    }
    tally->newest_usec = HIN_MAX(tally->newest_usec, record.begun_usec);
    return hin_ok();
}

static HIN_RESULT count_restore(void *context, const struct hin_store_document *document)
{
    struct sim_tally *tallies = context;
    struct hin_rehearsal rehearsal;
    HIN_TRY(hin_rehearsal_read(document->id, document->bytes, &rehearsal));
    HIN_ENSURE(rehearsal.tenant >= 0 && rehearsal.tenant < SIM_TENANTS, CORRUPT);
    tallies[rehearsal.tenant].restores += rehearsal.good;
    tallies[rehearsal.tenant].failed_restores += !rehearsal.good;
    return hin_ok();
}

HIN_RESULT sim_tally(struct sim *sim, struct sim_tally ret_tallies[SIM_TENANTS])
{
    struct sim_tally tallies[SIM_TENANTS] = {0};
    struct hin_store_page all = {0};
    struct hin_store_listed listed;
    HIN_TRY(
        hin_store_list(sim->own.store, HIN_STORE_BACKUPS, &all, count_backup, tallies, &listed));
    HIN_ENSURE(listed.damaged == 0, CORRUPT);
    HIN_TRY(hin_store_list(sim->own.store, HIN_STORE_REHEARSALS, &all, count_restore, tallies,
                           &listed));
    HIN_ENSURE(listed.damaged == 0, CORRUPT);
    for (size_t i = 0; i < SIM_TENANTS; i++) {
        ret_tallies[i] = tallies[i];
    }
    return hin_ok();
}

int sim_manifests(struct sim *sim, size_t place)
{
    struct hin_backup_listed *list = NULL;
    size_t count = 0;
    struct hin_result listed = hin_backup_list(sim->places[place], NULL, &list, &count);
    free(list);
    return hin_is_ok(listed) ? (int)count : -1;
}

/* ---- a drill ---- */

static HIN_RESULT describe(struct sim *sim, struct hin_drill_tenant tenants[SIM_TENANTS])
{
    for (size_t i = 0; i < SIM_TENANTS; i++) {
        struct hin_store_position position;
        struct hin_store *store = sim->tenants[i].store;
        snprintf(tenants[i].uuid, sizeof(tenants[i].uuid), "%s", ids[i]);
        tenants[i].restored = tenants[i].verified = true;
        tenants[i].at_usec = sim->wall_usec - HIN_MINUTE_USEC;
        HIN_TRY(hin_store_audit_head(store, &tenants[i].last_audit, tenants[i].audit_hash));
        HIN_TRY(hin_store_position(store, &position));
        tenants[i].last_event = position.last_event_id;
    }
    return hin_ok();
}

static HIN_RESULT sign(struct sim *sim, struct hin_drill *drill)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_STORE_DOCUMENT_BYTES};
    struct hin_store_document document;
    HIN_TRY(hin_store_get(sim->own.store, HIN_STORE_DRILLS, drill->id, &text, &document));
    HIN_TRY(hin_drill_read(drill->id, document.bytes, drill));
    HIN_ENSURE(drill->state == HIN_DRILL_GOOD, CONFLICT);
    drill->signed_usec = sim->wall_usec;
    return hin_drill_write(sim->own.store, drill, HIN_VIEW("{}"), sim->wall_usec);
}

HIN_RESULT sim_drill(struct sim *sim, struct hin_drill *ret_drill)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 65536};
    struct hin_drill_tenant tenants[SIM_TENANTS] = {0};
    struct hin_drill drill = {.state = HIN_DRILL_HANDED_IN,
                              .begun_usec = sim->wall_usec - HIN_MINUTE_USEC,
                              .took_usec = HIN_MINUTE_USEC,
                              .handed_usec = sim->wall_usec};
    struct hin_drill_report report = {.begun_usec = drill.begun_usec,
                                      .took_usec = drill.took_usec,
                                      .host = "elsewhere",
                                      .from = "file:///somewhere",
                                      .tenants = tenants,
                                      .tenant_count = SIM_TENANTS};
    bool any = false;
    HIN_TRY(describe(sim, tenants));
    HIN_TRY(hin_drill_report_write(&report, &text));
    HIN_TRY(hin_drill_write(sim->own.store, &drill, hin_buf_view(&text), sim->wall_usec));
    HIN_TRY(hin_backup_cycle_judge(&sim->cycle, &any));
    HIN_ENSURE(any, NOT_FOUND);
    HIN_TRY(sign(sim, &drill));
    *ret_drill = drill;
    return hin_ok();
}

int sim_number(const char *variable, int least, int otherwise)
{
    const char *text = getenv(variable);
    uint64_t number = 0;
    bool said = text != NULL && hin_is_ok(hin_view_to_u64(hin_view_from_text(text), &number)) &&
                number >= (uint64_t)least && number < 1000000;
    return said ? (int)number : otherwise;
}
