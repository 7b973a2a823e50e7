/* Recoveries that were tried: each week's restores, and drills. What a drill was is judged by the
 * process `backup`; here it is handed in, shown, and signed by a person. */
#include <stdio.h>

#include "base/bytes.h"
#include "manager/backup/rehearsals.h"
#include "manager/holders.h"
#include "manager/worker/api/modules.h"

enum { OUT_MAX = 16 << 20 };

static const struct hin_api_attribute drill_rows[] = {
    {"report", HIN_API_TEXT, HIN_API_REQUIRED, HIN_DATA_PLAIN, 1, (int64_t)HIN_DRILL_TEXT_MAX, NULL,
     NULL, "What `hinomi-manager drill` has written, byte for byte."},
};
static const struct hin_api_attributes drill_model = HIN_API_TABLE("BackupDrill", drill_rows);

/* ---- weekly restores ---- */

static struct hin_result write_rehearsal(void *context, const struct hin_store_document *document)
{
    struct hin_json_writer *writer = context;
    struct hin_rehearsal at;
    HIN_TRY(hin_rehearsal_read(document->id, document->bytes, &at));
    hin_json_begin_object(writer);
    hin_json_field_integer(writer, "ID", at.id);
    hin_json_field_integer(writer, "tenantID", at.tenant);
    hin_json_field_cstring(writer, "tenant", at.uuid);
    hin_json_field_cstring(writer, "destination", at.destination);
    hin_json_field_boolean(writer, "good", at.good);
    hin_api_put_time(writer, "backup", at.backup_usec);
    hin_api_put_time(writer, "at", at.at_usec);
    hin_api_put_time(writer, "begun", at.begun_usec);
    hin_api_put_time(writer, "ended", at.ended_usec);
    hin_json_field_integer(writer, "tookMsec", at.took_usec / HIN_MSEC_USEC);
    hin_json_field_integer(writer, "bytes", at.bytes);
    hin_json_field_integer(writer, "bytesPerSecond", at.bytes_per_second);
    hin_json_field_integer(writer, "events", at.events);
    hin_json_field_integer(writer, "documents", at.documents);
    hin_json_field_integer(writer, "auditEntries", at.entries);
    hin_json_field_integer(writer, "gone", at.gone);
    hin_json_field_integer(writer, "changed", at.changed);
    hin_json_field_integer(writer, "lossMsec", at.lost_usec / HIN_MSEC_USEC);
    hin_json_field_cstring(writer, "error", at.error);
    hin_json_end_object(writer);
    return hin_ok();
}

static HIN_RESULT write_list(struct hin_api_call *call, enum hin_store_kind kind, const char *name,
                             const struct hin_store_page *page,
                             struct hin_result (*write)(void *context,
                                                        const struct hin_store_document *document))
{
    struct hin_json_writer writer;
    struct hin_store_listed listed;
    call->out->max = HIN_MAX(call->out->max, (size_t)OUT_MAX);
    hin_json_writer_init(&writer, call->out, false);
    hin_json_begin_object(&writer);
    hin_json_key(&writer, name);
    hin_json_begin_array(&writer);
    HIN_TRY(hin_store_list(call->tenant->store, kind, page, write, &writer, &listed));
    hin_json_end_array(&writer);
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

static struct hin_result list_rehearsals(struct hin_api_call *call)
{
    static const char *const known[] = {"tenant"};
    struct hin_store_page page = {.descending = true};
    HIN_TRY(hin_api_own_only(call, "backups are the installation's"));
    HIN_TRY(hin_api_query_known(call, known, HIN_COUNT(known)));
    HIN_TRY(hin_api_query_integer(call, "tenant", 1, INT64_MAX, &page.owner));
    return write_list(call, HIN_STORE_REHEARSALS, "rehearsals", &page, write_rehearsal);
}

/* ---- drills ---- */

struct showing {
    struct hin_json_writer *writer;
    int64_t now_usec;
};

static void write_drill(struct hin_json_writer *writer, const struct hin_drill *drill,
                        int64_t now_usec)
{
    char why[96];
    bool counts = hin_drill_counts(drill, now_usec, why);
    hin_json_begin_object(writer);
    hin_json_field_integer(writer, "ID", drill->id);
    hin_json_field_cstring(writer, "state", hin_drill_state_name(drill->state));
    hin_json_field_boolean(writer, "counts", counts);
    hin_json_field_cstring(writer, "why", why);
    hin_json_field_cstring(writer, "text", drill->text);
    hin_api_put_time(writer, "begun", drill->begun_usec);
    hin_json_field_integer(writer, "tookMsec", drill->took_usec / HIN_MSEC_USEC);
    hin_json_field_integer(writer, "targetMsec", drill->rto_usec / HIN_MSEC_USEC);
    hin_json_field_integer(writer, "lossMsec", drill->lost_usec / HIN_MSEC_USEC);
    hin_json_field_integer(writer, "lossTargetMsec", drill->rpo_usec / HIN_MSEC_USEC);
    hin_json_field_integer(writer, "tenants", drill->tenants);
    hin_json_field_integer(writer, "bytes", drill->bytes);
    hin_json_field_cstring(writer, "host", drill->host);
    hin_json_field_cstring(writer, "from", drill->from);
    hin_json_field_cstring(writer, "reportSHA256", drill->digest);
    hin_api_put_time(writer, "handedIn", drill->handed_usec);
    hin_json_field_cstring(writer, "by", drill->by);
    hin_api_put_time(writer, "judged", drill->judged_usec);
    hin_api_put_time(writer, "signed", drill->signed_usec);
    hin_json_field_cstring(writer, "person", drill->person);
    hin_json_field_cstring(writer, "credential", drill->credential);
    hin_json_end_object(writer);
}

static HIN_RESULT answer(struct hin_api_call *call, const struct hin_drill *drill)
{
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, call->out, false);
    write_drill(&writer, drill, hin_tenant_now_usec(call->tenant));
    return hin_json_writer_finish(&writer);
}

static struct hin_result add_drill(void *context, const struct hin_store_document *document)
{
    struct showing *showing = context;
    struct hin_drill drill;
    HIN_TRY(hin_drill_read(document->id, document->bytes, &drill));
    write_drill(showing->writer, &drill, showing->now_usec);
    return hin_ok();
}

static struct hin_result list_drills(struct hin_api_call *call)
{
    struct hin_json_writer writer;
    struct hin_store_page newest = {.descending = true};
    struct hin_store_listed listed;
    struct showing showing = {&writer, hin_tenant_now_usec(call->tenant)};
    HIN_TRY(hin_api_own_only(call, "backups are the installation's"));
    call->out->max = HIN_MAX(call->out->max, (size_t)OUT_MAX);
    hin_json_writer_init(&writer, call->out, false);
    hin_json_begin_object(&writer);
    hin_json_key(&writer, "drills");
    hin_json_begin_array(&writer);
    HIN_TRY(hin_store_list(call->tenant->store, HIN_STORE_DRILLS, &newest, add_drill, &showing,
                           &listed));
    hin_json_end_array(&writer);
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

/* *report (may be NULL): what it was handed in with. */
static HIN_RESULT load(struct hin_api_call *call, struct hin_drill *ret_drill,
                       struct hin_buf *report)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_STORE_DOCUMENT_BYTES};
    struct hin_store_document document;
    HIN_TRY(hin_api_own_only(call, "backups are the installation's"));
    struct hin_result got =
        hin_store_get(call->tenant->store, HIN_STORE_DRILLS, call->id, &text, &document);
    if (got.code == HIN_NOT_FOUND) {
        return hin_api_fail(call, HIN_NOT_FOUND, "there is no drill with ID %lld",
                            (long long)call->id);
    }
    HIN_TRY(got);
    HIN_TRY(hin_drill_read(document.id, document.bytes, ret_drill));
    return report != NULL ? hin_drill_report(document.bytes, report) : hin_ok();
}

static struct hin_result show_drill(struct hin_api_call *call)
{
    struct hin_drill drill;
    HIN_TRY(load(call, &drill, NULL));
    return answer(call, &drill);
}

/* ---- handed in ---- */

struct handing {
    struct hin_drill drill;
    struct hin_view report;
};

static struct hin_result store_drill(struct hin_api_call *call, void *context, int64_t *object)
{
    struct handing *handing = context;
    HIN_TRY(hin_drill_write(call->tenant->store, &handing->drill, handing->report,
                            hin_tenant_now_usec(call->tenant)));
    *object = handing->drill.id;
    return hin_ok();
}

static HIN_RESULT read_report(struct hin_api_call *call, struct handing *handing)
{
    struct hin_drill *drill = &handing->drill;
    struct hin_drill_report report;
    uint8_t digest[HIN_SHA256_BYTES];
    HIN_TRY(hin_json_get_text(call->body, "report", &handing->report, &call->error));
    HIN_TRY(hin_drill_report_read(handing->report, &report, &call->error));
    drill->begun_usec = report.begun_usec;
    drill->took_usec = report.took_usec;
    drill->tenants = (int64_t)report.tenant_count;
    snprintf(drill->host, sizeof(drill->host), "%s", report.host);
    snprintf(drill->from, sizeof(drill->from), "%s", report.from);
    for (size_t i = 0; i < report.tenant_count; i++) {
        drill->bytes += HIN_MIN(report.tenants[i].bytes, INT64_MAX / HIN_DRILL_TENANTS);
    }
    hin_drill_report_done(&report);
    HIN_TRY(hin_sha256(handing->report, digest));
    hin_hex(digest, sizeof(digest), drill->digest);
    return hin_ok();
}

static struct hin_result hand_in(struct hin_api_call *call)
{
    struct handing handing = {.drill = {.state = HIN_DRILL_HANDED_IN}};
    HIN_TRY(hin_api_own_only(call, "backups are the installation's"));
    HIN_TRY(read_report(call, &handing));
    handing.drill.handed_usec = hin_tenant_now_usec(call->tenant);
    snprintf(handing.drill.by, sizeof(handing.drill.by), "%s", call->who->text);
    struct hin_api_change change = {
        .action = "backup.drill",
        .kind_name = "backups/drills",
        .detail = hin_view_from_text(handing.drill.digest),
        .effect = store_drill,
        .context = &handing,
    };
    HIN_TRY(hin_api_change(call, &change));
    call->status = 201;
    return answer(call, &handing.drill);
}

/* ---- signed ---- */

static HIN_RESULT full_name(const struct hin_store_document *document, char *out, size_t out_bytes)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *stored = NULL;
    struct hin_view name = HIN_VIEW_EMPTY;
    HIN_TRY(hin_json_parse(document->bytes, HIN_STORE_DOCUMENT_BYTES, &stored, NULL));
    HIN_TRY(hin_json_opt_text(hin_json_root(stored), "fullName", &name, NULL));
    snprintf(out, out_bytes, "%.*s", HIN_ARGS(name));
    return hin_ok();
}

/* Of the administrator who signed in for this key: the person's name, or empty. */
static HIN_RESULT administrator_name(struct hin_api_call *call, char *out, size_t out_bytes)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_STORE_DOCUMENT_BYTES};
    struct hin_store_document document;
    HIN_TRY(hin_store_get(call->tenant->store, HIN_STORE_ADMINISTRATORS, call->who->administrator,
                          &text, &document));
    return full_name(&document, out, out_bytes);
}

/* The first holder is named after the administrator that init made ("admin"), which is an account's
 * name: the person's is that account's full name, where it is set. */
static HIN_RESULT holder_name(struct hin_api_call *call, const struct hin_holder *holder, char *out,
                              size_t out_bytes)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_STORE_DOCUMENT_BYTES};
    struct hin_store_document document;
    struct hin_result found = hin_store_find(call->tenant->store, HIN_STORE_ADMINISTRATORS, 0,
                                             hin_view_from_text(holder->name), &text, &document);
    if (found.code == HIN_NOT_FOUND) {
        snprintf(out, out_bytes, "%s", holder->name);
        return hin_ok();
    }
    HIN_TRY(found);
    return full_name(&document, out, out_bytes);
}

/* A key holder in force, by the name that they hold the keys under; else an administrator whose
 * full name is known. Any other key is a program's, or anybody's. */
static HIN_RESULT find_person(struct hin_api_call *call, char *out, size_t out_bytes)
{
    struct hin_holders holders;
    HIN_TRY(hin_holders_load(call->tenant, &holders));
    const struct hin_holder *holder = hin_holders_by_key(&holders, call->who->key);
    if (holder != NULL && hin_holder_is_in_force(holder, hin_tenant_now_usec(call->tenant))) {
        HIN_TRY(holder_name(call, holder, out, out_bytes));
    } else if (call->who->administrator != 0) {
        HIN_TRY(administrator_name(call, out, out_bytes));
    }
    return out[0] != '\0'
               ? hin_ok()
               : hin_api_fail(call, HIN_DENIED,
                              "this credential bears no person's name: sign with the key of a key "
                              "holder who is named, or sign in as an administrator whose fullName "
                              "is set");
}

static struct hin_result sign(struct hin_api_call *call)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf report = {.max = HIN_STORE_DOCUMENT_BYTES};
    struct handing handing = {0};
    struct hin_drill *drill = &handing.drill;
    char detail[300];
    HIN_TRY(load(call, drill, &report));
    HIN_TRY(find_person(call, drill->person, sizeof(drill->person)));
    if (drill->signed_usec != 0) {
        return hin_api_fail(call, HIN_CONFLICT, "this drill is signed already");
    }
    if (drill->state != HIN_DRILL_GOOD) {
        return hin_api_fail(call, HIN_CONFLICT, "this drill cannot be signed: %s",
                            drill->state == HIN_DRILL_FAILED
                                ? drill->text
                                : "the process `backup` has not judged it yet");
    }
    drill->signed_usec = hin_tenant_now_usec(call->tenant);
    snprintf(drill->credential, sizeof(drill->credential), "%s", call->who->text);
    handing.report = hin_buf_view(&report);
    snprintf(detail, sizeof(detail), "%s, report %s", drill->person, drill->digest);
    struct hin_api_change change = {
        .action = "backup.drill.sign",
        .kind_name = "backups/drills",
        .object = drill->id,
        .detail = hin_view_from_text(detail),
        .effect = store_drill,
        .context = &handing,
    };
    HIN_TRY(hin_api_change(call, &change));
    return answer(call, drill);
}

static const struct hin_api_action actions[] = {
    {HIN_HTTP_GET, "backups/rehearsals", HIN_RIGHT_TENANTS, list_rehearsals, NULL,
     "Restores into a scratch place, each week, and what came of them.", false, 0},
    {HIN_HTTP_GET, "backups/drills", HIN_RIGHT_RECOVERY, list_drills, NULL,
     "Recoveries of all that were tried, and whether they count.", false, 0},
    {HIN_HTTP_GET, "backups/drills/{id}", HIN_RIGHT_RECOVERY, show_drill, NULL, "One of them.",
     false, 0},
    {HIN_HTTP_POST, "backups/drills", HIN_RIGHT_TENANTS, hand_in, &drill_model,
     "Hand in what `hinomi-manager drill` has written; it is judged within seconds.", false,
     4 << 20},
    {HIN_HTTP_POST, "backups/drills/{id}/sign", HIN_RIGHT_RECOVERY, sign, NULL,
     "Sign it, with a credential that bears a person's name.", false, 0},
};
const struct hin_api_module hin_api_module_drills = {NULL, actions, HIN_COUNT(actions)};
