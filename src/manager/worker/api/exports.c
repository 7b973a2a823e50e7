/* Exports of all that a tenant holds, sealed for the tenant itself: begun, given out record by
 * record at the pace of who asks, and opened again (proof/takeout.h says how the file is made).
 * What an export hangs on is its data key, which stands in the tenant's key table. */
#include <stdio.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "crypt/uuid.h"
#include "event/codec.h"
#include "event/write.h"
#include "manager/audit.h"
#include "manager/worker/api/modules.h"
#include "manager/worker/api/reads.h"
#include "manager/worker/api/tables.h"
#include "proof/export.h"
#include "proof/takeout.h"
#include "store/audit.h"
#include "store/events.h"

enum {
    RIGHTS = HIN_RIGHT_VIEW | HIN_RIGHT_EVENTS | HIN_RIGHT_ACCESS | HIN_RIGHT_AUDIT,
    ENOUGH_BYTES = 1 << 20, /* of text in a record: it ends behind the line that passes it */
    PLAIN_MAX = HIN_TAKEOUT_RECORD_MAX - 1024,
    LOOK_MAX = 4000, /* events or entries for one answer */
};

static const struct hin_api_resource exports = {
    .path = "exports",
    .collection = "exports",
    .singular = "export",
    .list_model = "Exports",
    .attributes = &hin_api_export,
    .kind = HIN_STORE_EXPORTS,
    .operations = HIN_API_LIST | HIN_API_GET,
    .read_right = HIN_RIGHT_AUDIT,
    .edit_right = HIN_RIGHT_AUDIT,
    .read_action = "export.read",
};

/* ---- whose ---- */

/* The tenant that the query names: one's own, or for who runs the installation another. */
static HIN_RESULT bind_tenant(struct hin_api_call *call, size_t known_count)
{
    static const char *const known[] = {"tenant", "export", "number"};
    struct hin_desk *desk = NULL;
    int64_t number = call->tenant->number;
    HIN_TRY(hin_api_query_known(call, known, known_count));
    HIN_TRY(hin_api_query_integer(call, "tenant", 0, INT64_MAX, &number));
    if (number == call->tenant->number) {
        return hin_ok();
    }
    if (call->tenant->number != 0 || (call->who->rights & HIN_RIGHT_TENANTS) == 0) {
        return hin_api_fail(call, HIN_DENIED, "a tenant's key reaches no other tenant");
    }
    struct hin_result found = hin_desk_find(call->worker, (uint64_t)number, &desk);
    if (found.code == HIN_EXPIRED) {
        return hin_api_fail(call, HIN_CONFLICT,
                            "tenant %lld is erased: what opened its data and its exports is "
                            "destroyed",
                            (long long)number);
    }
    if (found.code == HIN_REVOKED) {
        return hin_api_fail(call, HIN_CONFLICT, "tenant %lld is suspended: resume it first",
                            (long long)number);
    }
    if (found.code == HIN_NOT_FOUND) {
        return hin_api_fail(call, HIN_NOT_FOUND, "there is no tenant with ID %lld",
                            (long long)number);
    }
    HIN_TRY(found);
    hin_api_call_bind(call, desk);
    return hin_ok();
}

static HIN_RESULT record(struct hin_api_call *call, int64_t id, const char *outcome,
                         const char *detail)
{
    struct hin_audit audit = {
        .action = "tenant.export",
        .outcome = outcome,
        .actor = hin_view_from_text(call->who->text),
        .peer = hin_view_from_text(call->peer),
        .kind = "exports",
        .object = id,
        .detail = hin_view_from_text(detail),
    };
    return hin_audit_write(call->tenant, &audit);
}

/* ---- an export that is begun ---- */

struct beginning {
    struct hin_takeout takeout;
    struct hin_view wrapped;
    int64_t last_event, last_audit; /* it ends there, whatever comes in meanwhile */
};

static HIN_RESULT write_export(struct hin_api_call *call, const struct beginning *beginning,
                               struct hin_buf *out)
{
    struct hin_json_writer writer;
    char key[2 * HIN_TAKEOUT_KEY_BYTES + 1];
    hin_hex(beginning->takeout.key, sizeof(beginning->takeout.key), key);
    hin_json_writer_init(&writer, out, false);
    hin_json_begin_object(&writer);
    hin_json_field_cstring(&writer, "guid", beginning->takeout.id);
    hin_json_field_cstring(&writer, "keyID", key);
    hin_json_field_integer(&writer, "taken", beginning->takeout.time_usec / HIN_MSEC_USEC);
    hin_json_field_cstring(&writer, "by", call->who->text);
    hin_json_field_integer(&writer, "lastEventID", beginning->last_event);
    hin_json_field_integer(&writer, "lastAuditID", beginning->last_audit);
    hin_json_field_cstring(&writer, "tenant", beginning->takeout.tenant);
    hin_json_field_integer(&writer, "tenantID", beginning->takeout.number);
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

/* Key and row at once: an export that opens is one that is told of. */
static struct hin_result store_export(struct hin_api_call *call, void *context, int64_t *object)
{
    const struct beginning *beginning = context;
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 4096};
    int64_t now_usec = hin_tenant_now_usec(call->tenant);
    HIN_TRY(write_export(call, beginning, &text));
    HIN_TRY(hin_store_key_put(call->tenant->store, beginning->takeout.key,
                              call->tenant->data_version, beginning->wrapped, now_usec));
    struct hin_store_content content = {.bytes = hin_buf_view(&text),
                                        .names = {hin_view_from_text(beginning->takeout.id)}};
    return hin_store_create(call->tenant->store, HIN_STORE_EXPORTS, &content, now_usec, object);
}

static HIN_RESULT new_key(struct hin_api_call *call, struct beginning *beginning,
                          struct hin_buf *wrapped)
{
    struct hin_vault_data_key key;
    call->tenant->key_use_count++;
    HIN_TRY(hin_keys_data_key_new(&call->tenant->keys, hin_tenant_view(call->tenant),
                                  HIN_VAULT_FOR_BACKUP, &key, wrapped));
    hin_copy(beginning->takeout.key, key.id, sizeof(key.id));
    hin_secret_done(&key.key);
    beginning->wrapped = hin_buf_view(wrapped);
    return hin_ok();
}

static struct hin_result begin(struct hin_api_call *call)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf wrapped = {.max = HIN_VAULT_WRAPPED_MAX};
    struct hin_store_position position;
    struct beginning beginning = {0};
    uint8_t hash[HIN_STORE_AUDIT_HASH_BYTES];
    struct hin_json stored;
    HIN_TRY(bind_tenant(call, 1));
    HIN_TRY(hin_uuid_new(beginning.takeout.id));
    snprintf(beginning.takeout.tenant, sizeof(beginning.takeout.tenant), "%s", call->tenant->id);
    beginning.takeout.number = call->tenant->number;
    beginning.takeout.time_usec = hin_tenant_now_usec(call->tenant);
    HIN_TRY(new_key(call, &beginning, &wrapped));
    HIN_TRY(hin_store_position(call->tenant->store, &position));
    HIN_TRY(hin_store_audit_head(call->tenant->store, &beginning.last_audit, hash));
    beginning.last_event = position.last_event_id;
    struct hin_api_change change = {
        .action = "tenant.export",
        .kind = HIN_STORE_EXPORTS,
        .kind_name = "exports",
        .detail = HIN_VIEW("begun"),
        .effect = store_export,
        .context = &beginning,
    };
    HIN_TRY(hin_api_change(call, &change));
    HIN_TRY(hin_api_load(call, &exports, change.object, &stored));
    return hin_api_answer(call, &exports, change.object, stored, NULL);
}

/* ---- its records ---- */

/* Where the one who asks is: sent along, so that nothing is kept here between two records. */
struct cursor {
    int64_t record; /* number of the record to be made */
    int64_t kind;   /* of documents; HIN_STORE_KIND_LIMIT: events, then audit, then the end */
    int64_t after;  /* ID */
    int64_t documents, events, audit, damaged;
};
enum { KIND_EVENTS = 1000, KIND_AUDIT = 1001, KIND_END = 1002, KIND_DONE = 1003 };

static const struct {
    const char *name;
    size_t offset;
} cursor_members[] = {
    {"record", offsetof(struct cursor, record)},
    {"kind", offsetof(struct cursor, kind)},
    {"after", offsetof(struct cursor, after)},
    {"documents", offsetof(struct cursor, documents)},
    {"events", offsetof(struct cursor, events)},
    {"audit", offsetof(struct cursor, audit)},
    {"damaged", offsetof(struct cursor, damaged)},
};

struct taking {
    struct hin_api_call *call;
    struct cursor cursor;
    struct hin_takeout takeout;
    int64_t last_event, last_audit;
    const struct hin_api_resource *resource; /* of the documents that are under way */
    struct hin_buf text;
    struct hin_arena arena;
};

static HIN_RESULT end_line(struct taking *taking)
{
    HIN_TRY(hin_buf_append_byte(&taking->text, '\n'));
    return taking->text.size < ENOUGH_BYTES ? hin_ok() : hin_fail(HIN_EXISTS);
}

static const struct hin_api_resource *resource_of(int64_t kind)
{
    for (size_t i = 0; i < hin_api_module_count; i++) {
        const struct hin_api_resource *resource = hin_api_modules[i]->resource;
        if (resource != NULL && (int64_t)resource->kind == kind) {
            return resource;
        }
    }
    return NULL; /* what is made of others: bundles, checkpoints; or what a sign-in holds */
}

static struct hin_result put_document(void *context, const struct hin_store_document *document)
{
    static const struct hin_api_patches none = {0};
    struct taking *taking = context;
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *parsed = NULL;
    struct hin_json_writer writer;
    taking->cursor.after = document->id;
    if (!hin_is_ok(hin_json_parse(document->bytes, HIN_STORE_DOCUMENT_BYTES, &parsed, NULL))) {
        taking->cursor.damaged++;
        return hin_ok();
    }
    hin_json_writer_init(&writer, &taking->text, false);
    hin_json_begin_object(&writer);
    hin_json_field_cstring(&writer, "part", "document");
    hin_json_field_cstring(&writer, "resource", taking->resource->path);
    hin_json_field_integer(&writer, "created", document->created_usec / HIN_MSEC_USEC);
    hin_json_field_integer(&writer, "updated", document->updated_usec / HIN_MSEC_USEC);
    hin_json_key(&writer, "object");
    hin_api_render(taking->resource->attributes, hin_json_root(parsed), document->id, &none,
                   &writer);
    hin_json_end_object(&writer);
    HIN_TRY(hin_json_writer_finish(&writer));
    taking->cursor.documents++;
    return hin_buf_append_byte(&taking->text, '\n');
}

/* OK: all of the part is taken. EXISTS: the record is full. One by one, so that what is damaged is
 * counted once. */
static HIN_RESULT take_documents(struct taking *taking)
{
    struct hin_store_listed listed = {.more = true};
    taking->resource = resource_of(taking->cursor.kind);
    while (taking->resource != NULL && listed.more) {
        struct hin_store_page page = {.after_id = taking->cursor.after, .limit = 1};
        HIN_ENSURE(taking->text.size < ENOUGH_BYTES, EXISTS);
        HIN_TRY(hin_store_list(taking->call->tenant->store, taking->resource->kind, &page,
                               put_document, taking, &listed));
        taking->cursor.damaged += (int64_t)listed.damaged;
    }
    return hin_ok();
}

static struct hin_result put_event(void *context, const struct hin_store_event *event)
{
    struct taking *taking = context;
    struct hin_event decoded;
    struct hin_write_options options = {.id = event->id, .facility = 16};
    taking->cursor.after = event->id;
    hin_arena_reset(&taking->arena);
    if (!hin_is_ok(hin_event_decode(event->bytes, &taking->arena, &decoded))) {
        taking->cursor.damaged++;
        return hin_ok();
    }
    HIN_TRY(hin_buf_append_text(&taking->text, "{\"part\":\"event\",\"event\":"));
    HIN_TRY(hin_event_write_ocsf(&decoded, &options, &taking->text));
    HIN_TRY(hin_buf_append_byte(&taking->text, '}'));
    taking->cursor.events++;
    return end_line(taking);
}

static HIN_RESULT take_events(struct taking *taking)
{
    struct hin_store_filter filter = {
        .after_id = taking->cursor.after, .before_id = taking->last_event + 1, .limit = LOOK_MAX};
    struct hin_store_report report = {0};
    HIN_TRY(hin_store_search(taking->call->tenant->store, &filter, put_event, taking, &report));
    taking->cursor.damaged += (int64_t)report.events_damaged;
    taking->cursor.after = report.more && report.resume_id > taking->cursor.after
                               ? report.resume_id
                               : taking->cursor.after;
    return report.more ? hin_fail(HIN_EXISTS) : hin_ok();
}

static struct hin_result put_entry(void *context, const struct hin_store_audit *entry)
{
    struct taking *taking = context;
    struct hin_chain_link link = {.number = entry->number,
                                  .time_usec = entry->time_usec,
                                  .body = entry->body,
                                  .salt = entry->salt,
                                  .text = entry->bytes};
    hin_copy(link.hash, entry->hash, sizeof(link.hash));
    if (entry->number > taking->last_audit) {
        return hin_ok();
    }
    taking->cursor.after = entry->number;
    HIN_TRY(hin_buf_append_text(&taking->text, "{\"part\":\"audit\",\"entry\":"));
    HIN_TRY(hin_proof_write_entry(&link, &taking->text));
    HIN_TRY(hin_buf_append_byte(&taking->text, '}'));
    taking->cursor.audit++;
    return end_line(taking);
}

static HIN_RESULT take_audit(struct taking *taking)
{
    int64_t before = taking->cursor.after;
    HIN_TRY(hin_store_audit_list(taking->call->tenant->store, before, false, LOOK_MAX, put_entry,
                                 taking));
    bool more = taking->cursor.after > before && taking->cursor.after < taking->last_audit;
    return more ? hin_fail(HIN_EXISTS) : hin_ok();
}

static HIN_RESULT take_end(struct taking *taking)
{
    const struct cursor *cursor = &taking->cursor;
    return hin_buf_printf(&taking->text,
                          "{\"part\":\"end\",\"documents\":%lld,\"events\":%lld,\"audit\":%lld,"
                          "\"damaged\":%lld}\n",
                          (long long)cursor->documents, (long long)cursor->events,
                          (long long)cursor->audit, (long long)cursor->damaged);
}

static HIN_RESULT take_part(struct taking *taking)
{
    switch (taking->cursor.kind) {
    case KIND_EVENTS:
        return take_events(taking);
    case KIND_AUDIT:
        return take_audit(taking);
    case KIND_END:
        return take_end(taking);
    default:
        return take_documents(taking);
    }
}

static int64_t kind_after(int64_t kind)
{
    return kind + 1 == HIN_STORE_KIND_LIMIT ? KIND_EVENTS : kind + 1;
}

/* Part after part, until the record is full or the end is in it. */
static HIN_RESULT take_parts(struct taking *taking)
{
    struct cursor *cursor = &taking->cursor;
    if (cursor->record == 1) {
        HIN_TRY(hin_buf_printf(
            &taking->text,
            "{\"part\":\"tenant\",\"tenant\":\"%s\",\"number\":%lld,\"export\":\"%s\","
            "\"taken\":%lld}\n",
            taking->takeout.tenant, (long long)taking->takeout.number, taking->takeout.id,
            (long long)(taking->takeout.time_usec / HIN_MSEC_USEC)));
    }
    while (cursor->kind < KIND_DONE) {
        struct hin_result taken = take_part(taking);
        if (taken.code == HIN_EXISTS) {
            return hin_ok();
        }
        if (taken.code == HIN_LIMIT) {
            return hin_api_fail(taking->call, HIN_LIMIT,
                                "an object of kind %lld behind ID %lld is too large for an export",
                                (long long)cursor->kind, (long long)cursor->after);
        }
        HIN_TRY(taken);
        cursor->kind = kind_after(cursor->kind);
        cursor->after = 0;
    }
    return hin_ok();
}

/* ---- sealing and giving out ---- */

static struct hin_seal_place place_of(const struct hin_takeout *takeout, int64_t record,
                                      char field[24])
{
    snprintf(field, 24, "%lld", (long long)record);
    return (struct hin_seal_place){
        .tenant = hin_view_from_text(takeout->tenant),
        .table = HIN_VIEW("export"),
        .row = hin_view_from_text(takeout->id),
        .field = hin_view_from_text(field),
    };
}

static HIN_RESULT seal(struct taking *taking, struct hin_buf *ret_sealed)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf wrapped = {.max = HIN_VAULT_WRAPPED_MAX};
    HIN_CLEANUP(hin_secret_done) struct hin_secret key = {0};
    HIN_CLEANUP(hin_sealer_freep) struct hin_sealer *sealer = NULL;
    struct hin_tenant *tenant = taking->call->tenant;
    char field[24];
    uint32_t version = 0;
    struct hin_seal_place place = place_of(&taking->takeout, taking->cursor.record, field);
    HIN_TRY(hin_store_key_get(tenant->store, taking->takeout.key, &wrapped, &version));
    tenant->key_use_count++;
    HIN_TRY(hin_keys_data_key_open(&tenant->keys, hin_tenant_view(tenant), HIN_VAULT_FOR_BACKUP,
                                   taking->takeout.key, hin_buf_view(&wrapped), &key));
    HIN_TRY(hin_sealer_new(&sealer, taking->takeout.key, &key));
    return hin_seal_value(sealer, &place, hin_buf_view(&taking->text), ret_sealed);
}

static HIN_RESULT write_next(const struct taking *taking, struct hin_buf *out)
{
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, out, false);
    hin_json_begin_object(&writer);
    hin_json_field_boolean(&writer, "done", taking->cursor.kind == KIND_DONE);
    hin_json_key(&writer, "next");
    hin_json_begin_object(&writer);
    for (size_t i = 0; i < HIN_COUNT(cursor_members); i++) {
        const int64_t *member = (const int64_t *)(const void *)((const char *)&taking->cursor +
                                                                cursor_members[i].offset);
        hin_json_field_integer(&writer, cursor_members[i].name, *member);
    }
    hin_json_end_object(&writer);
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

/* u32 size | where to go on, JSON | the sealed record. */
static HIN_RESULT answer_record(struct taking *taking, struct hin_view sealed)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf next = {.max = 4096};
    struct hin_buf *out = taking->call->out;
    taking->cursor.record++;
    HIN_TRY(write_next(taking, &next));
    HIN_TRY(hin_write_u32(out, (uint32_t)next.size));
    HIN_TRY(hin_buf_append(out, hin_buf_view(&next)));
    taking->call->content_type = "application/octet-stream";
    return hin_buf_append(out, sealed);
}

static HIN_RESULT read_cursor(struct hin_api_call *call, struct cursor *cursor)
{
    for (size_t i = 0; i < HIN_COUNT(cursor_members); i++) {
        int64_t *member = (int64_t *)(void *)((char *)cursor + cursor_members[i].offset);
        HIN_TRY(hin_json_get_integer(call->body, cursor_members[i].name, 0, INT64_MAX - 1, member,
                                     &call->error));
    }
    bool document = cursor->kind > 0 && cursor->kind < HIN_STORE_KIND_LIMIT;
    bool other = cursor->kind >= KIND_EVENTS && cursor->kind <= KIND_END;
    if (cursor->record < 1 || (!document && !other)) {
        return hin_api_fail(call, HIN_INVALID, "record or kind: not a place in an export");
    }
    return hin_ok();
}

static HIN_RESULT read_export(struct taking *taking)
{
    struct hin_json stored;
    struct hin_view guid, key;
    int64_t taken_msec = 0;
    struct hin_takeout *takeout = &taking->takeout;
    HIN_TRY(hin_api_load(taking->call, &exports, taking->call->id, &stored));
    HIN_TRY(hin_json_get_text(stored, "guid", &guid, NULL));
    HIN_TRY(hin_json_get_text(stored, "keyID", &key, NULL));
    HIN_TRY(hin_json_get_integer(stored, "taken", 0, INT64_MAX / 1000, &taken_msec, NULL));
    HIN_TRY(
        hin_json_get_integer(stored, "lastEventID", 0, INT64_MAX - 1, &taking->last_event, NULL));
    HIN_TRY(hin_json_get_integer(stored, "lastAuditID", 0, INT64_MAX, &taking->last_audit, NULL));
    HIN_TRY(hin_view_to_text(guid, takeout->id, sizeof(takeout->id)));
    HIN_ENSURE(key.size == 2 * sizeof(takeout->key), CORRUPT);
    HIN_TRY(hin_unhex(key, takeout->key, sizeof(takeout->key)));
    snprintf(takeout->tenant, sizeof(takeout->tenant), "%s", taking->call->tenant->id);
    takeout->number = taking->call->tenant->number;
    takeout->time_usec = taken_msec * HIN_MSEC_USEC;
    return hin_ok();
}

static HIN_RESULT give(struct taking *taking)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf sealed = {.max = HIN_TAKEOUT_RECORD_MAX};
    HIN_TRY(read_cursor(taking->call, &taking->cursor));
    HIN_TRY(read_export(taking));
    HIN_TRY(take_parts(taking));
    HIN_TRY(seal(taking, &sealed));
    if (taking->cursor.kind == KIND_DONE) {
        char detail[128];
        snprintf(detail, sizeof(detail), "%lld documents, %lld events, %lld audit entries",
                 (long long)taking->cursor.documents, (long long)taking->cursor.events,
                 (long long)taking->cursor.audit);
        HIN_TRY(record(taking->call, taking->call->id, "done", detail));
    }
    return answer_record(taking, hin_buf_view(&sealed));
}

static struct hin_result next(struct hin_api_call *call)
{
    struct taking taking = {.call = call, .text = {.max = PLAIN_MAX}};
    HIN_TRY(bind_tenant(call, 1));
    hin_arena_init(&taking.arena, 16 << 20);
    struct hin_result given = give(&taking);
    hin_arena_done(&taking.arena);
    hin_wipe(taking.text.data, taking.text.capacity);
    hin_buf_done(&taking.text);
    return given;
}

/* ---- opening ---- */

static HIN_RESULT explain(struct hin_api_call *call, struct hin_result refused)
{
    if (refused.code == HIN_NOT_FOUND) {
        return hin_api_fail(call, HIN_CONFLICT,
                            "the key of this export is not in the tenant's key table: it was "
                            "destroyed with what was erased, or the export is another "
                            "installation's");
    }
    if (refused.code == HIN_AUTH || refused.code == HIN_SYNTAX || refused.code == HIN_TRUNCATED) {
        return hin_api_fail(call, HIN_INVALID,
                            "this record was altered, or it stands at another place, in another "
                            "export, or is another tenant's");
    }
    return refused;
}

/* The body is the record, as it stands in the file. */
static struct hin_result open_record(struct hin_api_call *call)
{
    struct hin_takeout takeout = {0};
    struct hin_view id = HIN_VIEW_EMPTY;
    int64_t number = 0;
    char field[24];
    HIN_TRY(bind_tenant(call, 3));
    HIN_TRY(hin_api_query_text(call, "export", &id));
    HIN_TRY(hin_api_query_integer(call, "number", 1, INT64_MAX, &number));
    if (id.size != HIN_TAKEOUT_UUID_BYTES || number == 0) {
        return hin_api_fail(call, HIN_INVALID, "export and number are needed");
    }
    HIN_TRY(hin_view_to_text(id, takeout.id, sizeof(takeout.id)));
    snprintf(takeout.tenant, sizeof(takeout.tenant), "%s", call->tenant->id);
    struct hin_seal_place place = place_of(&takeout, number, field);
    HIN_TRY(hin_reads_begin(call, "export.read", "exports", 0, HIN_VIEW_EMPTY));
    call->tenant->key_use_count++;
    HIN_TRY(explain(
        call, hin_seal_open_value(call->tenant->opener, &place, call->request->body, call->out)));
    call->content_type = "application/jsonl";
    return hin_reads_count(call, 1);
}

static const struct hin_api_action actions[] = {
    {HIN_HTTP_POST, "exports", RIGHTS, begin, NULL,
     "Begin an export of all that the tenant holds; tenant=ID for another, by who may.", false},
    {HIN_HTTP_POST, "exports/{id}/next", RIGHTS, next, &hin_api_export_cursor,
     "u32 size, as JSON where to go on, then the next sealed record; from record 1, kind 1, after "
     "0.",
     false},
    {HIN_HTTP_POST, "exports/open", RIGHTS, open_record, NULL,
     "Open one record of an export, which is the body: JSON lines. By tenant, export (GUID), "
     "number.",
     false, HIN_TAKEOUT_RECORD_MAX},
};
const struct hin_api_module hin_api_module_exports = {&exports, actions, HIN_COUNT(actions)};
