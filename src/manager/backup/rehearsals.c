#include "manager/backup/rehearsals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

enum { TEXT_MAX = 16384 };

/* Members of one struct, by name; the same table reads and writes. */
struct member {
    const char *name;
    size_t offset;
    size_t text_bytes; /* 0: a number */
};
#define NUMBER(type, name, field)                                                                  \
    {                                                                                              \
        name, offsetof(struct type, field), 0                                                      \
    }
#define TEXT(type, name, field)                                                                    \
    {                                                                                              \
        name, offsetof(struct type, field), sizeof(((struct type *)NULL)->field)                   \
    }

static HIN_RESULT read_members(struct hin_json object, const struct member *members, size_t count,
                               void *to)
{
    for (size_t i = 0; i < count; i++) {
        void *at = (char *)to + members[i].offset;
        struct hin_view text = HIN_VIEW_EMPTY;
        if (members[i].text_bytes == 0) {
            HIN_TRY(hin_json_opt_integer(object, members[i].name, INT64_MIN, INT64_MAX, at, NULL));
            continue;
        }
        HIN_TRY(hin_json_opt_text(object, members[i].name, &text, NULL));
        HIN_TRY(hin_view_to_text(text, at, members[i].text_bytes));
    }
    return hin_ok();
}

static void write_members(struct hin_json_writer *writer, const struct member *members,
                          size_t count, const void *from)
{
    for (size_t i = 0; i < count; i++) {
        const void *at = (const char *)from + members[i].offset;
        if (members[i].text_bytes == 0) {
            hin_json_field_integer(writer, members[i].name, *(const int64_t *)at);
        } else {
            hin_json_field_cstring(writer, members[i].name, at);
        }
    }
}

/* ---- weekly restores ---- */

static const struct member rehearsal_members[] = {
    NUMBER(hin_rehearsal, "tenantID", tenant),
    TEXT(hin_rehearsal, "tenant", uuid),
    TEXT(hin_rehearsal, "destination", destination),
    NUMBER(hin_rehearsal, "backup", backup_usec),
    NUMBER(hin_rehearsal, "sequence", sequence),
    NUMBER(hin_rehearsal, "at", at_usec),
    NUMBER(hin_rehearsal, "begun", begun_usec),
    NUMBER(hin_rehearsal, "ended", ended_usec),
    NUMBER(hin_rehearsal, "took", took_usec),
    NUMBER(hin_rehearsal, "bytes", bytes),
    NUMBER(hin_rehearsal, "bytesPerSecond", bytes_per_second),
    NUMBER(hin_rehearsal, "events", events),
    NUMBER(hin_rehearsal, "documents", documents),
    NUMBER(hin_rehearsal, "entries", entries),
    NUMBER(hin_rehearsal, "gone", gone),
    NUMBER(hin_rehearsal, "changed", changed),
    NUMBER(hin_rehearsal, "lost", lost_usec),
    TEXT(hin_rehearsal, "error", error),
};

HIN_RESULT hin_rehearsal_read(int64_t id, struct hin_view text, struct hin_rehearsal *ret_rehearsal)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_rehearsal rehearsal = {.id = id};
    HIN_TRY(hin_json_parse(text, TEXT_MAX, &document, NULL));
    struct hin_json root = hin_json_root(document);
    HIN_TRY(read_members(root, rehearsal_members, HIN_COUNT(rehearsal_members), &rehearsal));
    HIN_TRY(hin_json_get_boolean(root, "good", &rehearsal.good, NULL));
    *ret_rehearsal = rehearsal;
    return hin_ok();
}

struct choosing {
    int64_t tenant;
    bool good_only, any;
    struct hin_rehearsal *found;
    int64_t ids[HIN_REHEARSALS_KEPT + 1]; /* the newest */
    size_t count;
};

static HIN_RESULT choose(void *context, const struct hin_store_document *document)
{
    struct choosing *choosing = context;
    struct hin_rehearsal rehearsal;
    if (!hin_is_ok(hin_rehearsal_read(document->id, document->bytes, &rehearsal)) ||
        rehearsal.tenant != choosing->tenant) {
        return hin_ok(); /* one that cannot be read was none */
    }
    if (choosing->count < HIN_COUNT(choosing->ids)) {
        choosing->ids[choosing->count++] = rehearsal.id;
    }
    if (!choosing->any && (rehearsal.good || !choosing->good_only)) {
        *choosing->found = rehearsal;
        choosing->any = true;
    }
    return hin_ok();
}

/* The newest first, so many at most; 0: all. */
static HIN_RESULT look(struct hin_store *own, struct choosing *choosing, size_t limit)
{
    struct hin_store_listed listed;
    const struct hin_store_owners tenant = {choosing->tenant, choosing->tenant};
    struct hin_store_page newest = {.descending = true, .owners = &tenant, .limit = limit};
    return hin_store_list(own, HIN_STORE_REHEARSALS, &newest, choose, choosing, &listed);
}

HIN_RESULT hin_rehearsal_last(struct hin_store *own, int64_t tenant, bool good_only,
                              struct hin_rehearsal *ret_rehearsal)
{
    struct choosing choosing = {.tenant = tenant, .good_only = good_only, .found = ret_rehearsal};
    HIN_TRY(look(own, &choosing, 1));
    HIN_TRY(choosing.any ? hin_ok() : look(own, &choosing, 0));
    return choosing.any ? hin_ok() : hin_fail(HIN_NOT_FOUND);
}

HIN_RESULT hin_rehearsal_add(struct hin_store *own, struct hin_rehearsal *rehearsal,
                             int64_t now_usec)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = TEXT_MAX};
    struct hin_json_writer writer;
    struct hin_rehearsal newest;
    struct choosing choosing = {.tenant = rehearsal->tenant, .found = &newest};
    hin_json_writer_init(&writer, &text, false);
    hin_json_begin_object(&writer);
    write_members(&writer, rehearsal_members, HIN_COUNT(rehearsal_members), rehearsal);
    hin_json_field_boolean(&writer, "good", rehearsal->good);
    hin_json_end_object(&writer);
    HIN_TRY(hin_json_writer_finish(&writer));
    struct hin_store_content content = {.bytes = hin_buf_view(&text), .owner = rehearsal->tenant};
    HIN_TRY(hin_store_create(own, HIN_STORE_REHEARSALS, &content, now_usec, &rehearsal->id));
    HIN_TRY(look(own, &choosing, 0));
    return choosing.count > HIN_REHEARSALS_KEPT
               ? hin_store_delete(own, HIN_STORE_REHEARSALS, choosing.ids[HIN_REHEARSALS_KEPT], 0)
               : hin_ok();
}

/* ---- drills ---- */

static const struct member drill_members[] = {
    NUMBER(hin_drill, "begun", begun_usec),
    NUMBER(hin_drill, "took", took_usec),
    NUMBER(hin_drill, "handedIn", handed_usec),
    NUMBER(hin_drill, "judged", judged_usec),
    NUMBER(hin_drill, "signed", signed_usec),
    NUMBER(hin_drill, "lost", lost_usec),
    NUMBER(hin_drill, "rto", rto_usec),
    NUMBER(hin_drill, "rpo", rpo_usec),
    NUMBER(hin_drill, "tenants", tenants),
    NUMBER(hin_drill, "bytes", bytes),
    TEXT(hin_drill, "host", host),
    TEXT(hin_drill, "from", from),
    TEXT(hin_drill, "text", text),
    TEXT(hin_drill, "by", by),
    TEXT(hin_drill, "person", person),
    TEXT(hin_drill, "credential", credential),
    TEXT(hin_drill, "digest", digest),
};
static const char *const drill_states[] = {
    [HIN_DRILL_HANDED_IN] = "handed in", [HIN_DRILL_GOOD] = "good", [HIN_DRILL_FAILED] = "failed"};

const char *hin_drill_state_name(enum hin_drill_state state)
{
    bool known = state > 0 && state < HIN_COUNT(drill_states);
    return known ? drill_states[state] : "unknown";
}

HIN_RESULT hin_drill_read(int64_t id, struct hin_view text, struct hin_drill *ret_drill)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_drill drill = {.id = id};
    struct hin_view state;
    HIN_TRY(hin_json_parse(text, HIN_STORE_DOCUMENT_BYTES, &document, NULL));
    struct hin_json root = hin_json_root(document);
    HIN_TRY(read_members(root, drill_members, HIN_COUNT(drill_members), &drill));
    HIN_TRY(hin_json_get_text(root, "state", &state, NULL));
    for (unsigned i = HIN_DRILL_HANDED_IN; i < HIN_COUNT(drill_states); i++) {
        drill.state = hin_view_is(state, drill_states[i]) ? (enum hin_drill_state)i : drill.state;
    }
    HIN_ENSURE(drill.state != 0, CORRUPT);
    *ret_drill = drill;
    return hin_ok();
}

HIN_RESULT hin_drill_report(struct hin_view text, struct hin_buf *ret_report)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_view report;
    HIN_TRY(hin_json_parse(text, HIN_STORE_DOCUMENT_BYTES, &document, NULL));
    HIN_TRY(hin_json_get_text(hin_json_root(document), "report", &report, NULL));
    return hin_buf_append(ret_report, report);
}

HIN_RESULT hin_drill_write(struct hin_store *own, struct hin_drill *drill, struct hin_view report,
                           int64_t now_usec)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_STORE_DOCUMENT_BYTES};
    struct hin_json_writer writer;
    uint64_t version = 0;
    hin_json_writer_init(&writer, &text, false);
    hin_json_begin_object(&writer);
    hin_json_field_cstring(&writer, "state", hin_drill_state_name(drill->state));
    write_members(&writer, drill_members, HIN_COUNT(drill_members), drill);
    hin_json_field_text(&writer, "report", report);
    hin_json_end_object(&writer);
    HIN_TRY(hin_json_writer_finish(&writer));
    struct hin_store_content content = {.bytes = hin_buf_view(&text), .owner = drill->state};
    return drill->id == 0 ? hin_store_create(own, HIN_STORE_DRILLS, &content, now_usec, &drill->id)
                          : hin_store_update(own, HIN_STORE_DRILLS, drill->id, 0, &content,
                                             now_usec, &version);
}

bool hin_drill_counts(const struct hin_drill *drill, int64_t now_usec, char why[96])
{
    int64_t age = now_usec - drill->begun_usec;
    const char *reason = NULL;
    if (drill->state == HIN_DRILL_HANDED_IN) {
        reason = "it is not judged yet";
    } else if (drill->state != HIN_DRILL_GOOD) {
        reason = "it failed";
    } else if (drill->signed_usec == 0) {
        reason = "nobody has signed it";
    } else if (age > HIN_DRILL_USEC) {
        reason = "it is older than a year";
    } else if (age < 0) {
        reason = "it lies ahead of this clock";
    }
    snprintf(why, 96, "%s", reason != NULL ? reason : "");
    return reason == NULL;
}

struct counting {
    struct hin_drill *found;
    int64_t now_usec;
    bool any;
};

static HIN_RESULT count_drill(void *context, const struct hin_store_document *document)
{
    struct counting *counting = context;
    struct hin_drill drill;
    char why[96];
    if (hin_is_ok(hin_drill_read(document->id, document->bytes, &drill)) &&
        hin_drill_counts(&drill, counting->now_usec, why) &&
        (!counting->any || drill.begun_usec > counting->found->begun_usec)) {
        *counting->found = drill;
        counting->any = true;
    }
    return hin_ok();
}

HIN_RESULT hin_drill_last(struct hin_store *own, int64_t now_usec, struct hin_drill *ret_drill)
{
    struct counting counting = {.found = ret_drill, .now_usec = now_usec};
    struct hin_store_page all = {0};
    struct hin_store_listed listed;
    HIN_TRY(hin_store_list(own, HIN_STORE_DRILLS, &all, count_drill, &counting, &listed));
    return counting.any ? hin_ok() : hin_fail(HIN_NOT_FOUND);
}

/* ---- the report ---- */

static HIN_RESULT read_time(struct hin_json object, const char *name, int64_t *ret_usec,
                            struct hin_error *error)
{
    int64_t msec = 0;
    HIN_TRY(hin_json_get_integer(object, name, 0, INT64_MAX / 1000, &msec, error));
    *ret_usec = msec * HIN_MSEC_USEC;
    return hin_ok();
}

static HIN_RESULT copy_text(struct hin_json object, const char *name, char *out, size_t out_bytes,
                            struct hin_error *error)
{
    struct hin_view text;
    HIN_TRY(hin_json_get_text(object, name, &text, error));
    if (!hin_is_ok(hin_view_to_text(text, out, out_bytes))) {
        return hin_json_refuse(object, error, HIN_LIMIT, "%s is too long", name);
    }
    return hin_ok();
}

static HIN_RESULT read_tenant(struct hin_json item, struct hin_drill_tenant *tenant,
                              struct hin_error *error)
{
    struct hin_view hash;
    HIN_TRY(copy_text(item, "guid", tenant->uuid, sizeof(tenant->uuid), error));
    HIN_TRY(copy_text(item, "error", tenant->error, sizeof(tenant->error), error));
    HIN_TRY(hin_json_get_boolean(item, "restored", &tenant->restored, error));
    HIN_TRY(hin_json_get_boolean(item, "verified", &tenant->verified, error));
    HIN_TRY(read_time(item, "at", &tenant->at_usec, error));
    HIN_TRY(hin_json_get_integer(item, "lastEventID", 0, INT64_MAX, &tenant->last_event, error));
    HIN_TRY(hin_json_get_integer(item, "lastAuditID", 0, INT64_MAX, &tenant->last_audit, error));
    HIN_TRY(hin_json_get_integer(item, "bytes", 0, INT64_MAX, &tenant->bytes, error));
    HIN_TRY(hin_json_get_text(item, "auditHash", &hash, error));
    if (!hin_is_ok(hin_unhex(hash, tenant->audit_hash, sizeof(tenant->audit_hash)))) {
        return hin_json_refuse(item, error, HIN_SYNTAX, "auditHash: 64 digits of hex");
    }
    return hin_ok();
}

static HIN_RESULT read_report(struct hin_json root, struct hin_drill_report *report,
                              struct hin_error *error)
{
    struct hin_json list;
    int64_t version = 0;
    size_t count = 0;
    HIN_TRY(hin_json_get_integer(root, "hinomiDrill", 1, 1, &version, error));
    HIN_TRY(read_time(root, "begun", &report->begun_usec, error));
    HIN_TRY(read_time(root, "tookMsec", &report->took_usec, error));
    HIN_TRY(copy_text(root, "host", report->host, sizeof(report->host), error));
    HIN_TRY(copy_text(root, "from", report->from, sizeof(report->from), error));
    HIN_TRY(hin_json_get_array(root, "tenants", &list, &count, error));
    if (count > HIN_DRILL_TENANTS) {
        return hin_json_refuse(list, error, HIN_LIMIT, "at most %d tenants", HIN_DRILL_TENANTS);
    }
    report->tenants = calloc(count + 1, sizeof(*report->tenants));
    HIN_ENSURE(report->tenants != NULL, NO_MEMORY);
    report->tenant_count = count;
    for (size_t i = 0; i < count; i++) {
        HIN_TRY(read_tenant(hin_json_at(list, i), &report->tenants[i], error));
    }
    return hin_ok();
}

HIN_RESULT hin_drill_report_read(struct hin_view text, struct hin_drill_report *ret_report,
                                 struct hin_error *error)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_drill_report report = {0};
    HIN_TRY(hin_json_parse(text, HIN_DRILL_TEXT_MAX, &document, error));
    struct hin_result read = read_report(hin_json_root(document), &report, error);
    if (!hin_is_ok(read)) {
        hin_drill_report_done(&report);
        return read;
    }
    *ret_report = report;
    return hin_ok();
}

HIN_RESULT hin_drill_report_write(const struct hin_drill_report *report, struct hin_buf *ret_text)
{
    struct hin_json_writer writer;
    char hex[2 * HIN_STORE_AUDIT_HASH_BYTES + 1];
    hin_json_writer_init(&writer, ret_text, true);
    hin_json_begin_object(&writer);
    hin_json_field_integer(&writer, "hinomiDrill", 1);
    hin_json_field_integer(&writer, "begun", report->begun_usec / HIN_MSEC_USEC);
    hin_json_field_integer(&writer, "tookMsec", report->took_usec / HIN_MSEC_USEC);
    hin_json_field_cstring(&writer, "host", report->host);
    hin_json_field_cstring(&writer, "from", report->from);
    hin_json_key(&writer, "tenants");
    hin_json_begin_array(&writer);
    for (size_t i = 0; i < report->tenant_count; i++) {
        const struct hin_drill_tenant *at = &report->tenants[i];
        hin_hex(at->audit_hash, sizeof(at->audit_hash), hex);
        hin_json_begin_object(&writer);
        hin_json_field_cstring(&writer, "guid", at->uuid);
        hin_json_field_boolean(&writer, "restored", at->restored);
        hin_json_field_boolean(&writer, "verified", at->verified);
        hin_json_field_integer(&writer, "at", at->at_usec / HIN_MSEC_USEC);
        hin_json_field_integer(&writer, "lastEventID", at->last_event);
        hin_json_field_integer(&writer, "lastAuditID", at->last_audit);
        hin_json_field_cstring(&writer, "auditHash", hex);
        hin_json_field_integer(&writer, "bytes", at->bytes);
        hin_json_field_cstring(&writer, "error", at->error);
        hin_json_end_object(&writer);
    }
    hin_json_end_array(&writer);
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

void hin_drill_report_done(struct hin_drill_report *report)
{
    free(report->tenants);
    report->tenants = NULL;
    report->tenant_count = 0;
}
