#include "manager/person_erasure.h"

#include <stdio.h>

#include "base/bytes.h"
#include "base/secret.h"
#include "crypt/hash.h"
#include "crypt/uuid.h"
#include "event/codec.h"
#include "manager/audit.h"
#include "manager/backup/records.h"
#include "manager/certificate.h"
#include "manager/escrow.h"
#include "manager/person_change.h"
#include "manager/person_trace.h"
#include "manager/shred.h"
#include "store/audit.h"
#include "store/documents.h"
#include "store/events.h"

enum {
    SEGMENTS_A_STEP = 16,
    DOCUMENT_MAX = 1 << 20,
    ARENA_MAX = 16 << 20,
    OPEN = 1, /* owner of a document whose erasure is not done: those are found by it */
};
#define SHRED_BUDGET_USEC (300 * HIN_MSEC_USEC)
#define ERRAND_REST_USEC  HIN_MINUTE_USEC /* from a note to the document that it announces */
#define FOLD_WAIT_USEC    HIN_SEC_USEC
#define RENEW_WAIT_USEC   HIN_SEC_USEC    /* for the backups to be sealed anew */
#define RENEW_REST_USEC   HIN_MINUTE_USEC /* from a failure of that to the next try */

/* ---- the document ---- */

enum state { COUNTING, REWRITING, SHREDDING, CERTIFYING, DONE, STATE_COUNT };
static const char *const states[STATE_COUNT] = {"counting", "rewriting", "shredding", "certifying",
                                                "done"};

/* A value, or what is left of it once it is not needed any more: salt and digest as the certificate
 * has them, and what knows the value again in backups (person_trace.h). */
struct condition {
    struct hin_view field, value, salt, digest, match, named;
};

struct erasure {
    struct hin_tenant *tenant, *own;
    enum hin_store_kind kind; /* erasure or correction */
    struct hin_store_document stored;
    struct hin_json where; /* the member as it was read; no value: conditions[] */
    struct hin_view guid, by, name, provider;
    enum state state;
    int64_t requested_msec, until_id, resume_id, events, segments, damaged, unread;
    int64_t begun; /* the shredding was, and the numbers of keys below are known */
    int64_t wrapping_version, wrapping_count, tenant_version, tenant_count, table_keys;
    int64_t destroyed_msec, key_until_msec, exportable, certificate;
    bool backups_left; /* at a destination that was out of reach, their keys destroyed */
    struct hin_backup_resealed_state backups;
    struct condition conditions[HIN_PERSON_CONDITIONS_MAX];
    size_t condition_count;
    struct hin_json set; /* of a correction; once done, the fields alone */
    struct condition changes[HIN_PERSON_CONDITIONS_MAX];
    size_t change_count;
    struct hin_view note;
    int64_t entry; /* of the audit record */
    struct hin_arena *arena;
};

static const struct {
    const char *name;
    size_t offset;
} numbers[] = {
    {"requested", offsetof(struct erasure, requested_msec)},
    {"untilID", offsetof(struct erasure, until_id)},
    {"resumeID", offsetof(struct erasure, resume_id)},
    {"events", offsetof(struct erasure, events)},
    {"segments", offsetof(struct erasure, segments)},
    {"damaged", offsetof(struct erasure, damaged)},
    {"unread", offsetof(struct erasure, unread)},
    {"begun", offsetof(struct erasure, begun)},
    {"wrappingVersion", offsetof(struct erasure, wrapping_version)},
    {"wrappingCount", offsetof(struct erasure, wrapping_count)},
    {"tenantVersion", offsetof(struct erasure, tenant_version)},
    {"tenantCount", offsetof(struct erasure, tenant_count)},
    {"tableKeys", offsetof(struct erasure, table_keys)},
    {"destroyed", offsetof(struct erasure, destroyed_msec)},
    {"keyUntil", offsetof(struct erasure, key_until_msec)},
    {"exportable", offsetof(struct erasure, exportable)},
    {"certificateID", offsetof(struct erasure, certificate)},
    {"auditID", offsetof(struct erasure, entry)},
};

static HIN_RESULT read_state(struct hin_view name, enum state *ret_state)
{
    for (unsigned i = 0; i < STATE_COUNT; i++) {
        if (hin_view_is(name, states[i])) {
            *ret_state = i;
            return hin_ok();
        }
    }
    return hin_fail(HIN_UNSUPPORTED); /* of a later version */
}

static HIN_RESULT read_conditions(struct hin_json list, size_t count, struct condition *conditions,
                                  size_t *ret_count)
{
    HIN_ENSURE(count > 0 && count <= HIN_PERSON_CONDITIONS_MAX, CORRUPT);
    for (size_t i = 0; i < count; i++) {
        struct hin_json item = hin_json_at(list, i);
        struct condition *at = &conditions[i];
        *at = (struct condition){0};
        HIN_TRY(hin_json_get_text(item, "field", &at->field, NULL));
        HIN_TRY(hin_json_opt_text(item, "value", &at->value, NULL));
        HIN_TRY(hin_json_opt_text(item, "salt", &at->salt, NULL));
        HIN_TRY(hin_json_opt_text(item, "digest", &at->digest, NULL));
        HIN_TRY(hin_json_opt_text(item, "match", &at->match, NULL));
        HIN_TRY(hin_json_opt_text(item, "named", &at->named, NULL));
    }
    *ret_count = count;
    return hin_ok();
}

/* Texts borrow from the JSON. */
static HIN_RESULT read_document(struct hin_json root, struct erasure *e)
{
    struct hin_view state;
    size_t count = 0;
    HIN_TRY(hin_json_get_text(root, "guid", &e->guid, NULL));
    HIN_TRY(hin_json_get_text(root, "requestedBy", &e->by, NULL));
    HIN_TRY(hin_json_get_text(root, "tenantName", &e->name, NULL));
    HIN_TRY(hin_json_opt_text(root, "provider", &e->provider, NULL));
    HIN_TRY(hin_json_get_text(root, "state", &state, NULL));
    HIN_TRY(read_state(state, &e->state));
    for (size_t i = 0; i < HIN_COUNT(numbers); i++) {
        int64_t *number = (int64_t *)(void *)((char *)e + numbers[i].offset);
        HIN_TRY(hin_json_opt_integer(root, numbers[i].name, 0, INT64_MAX, number, NULL));
    }
    HIN_TRY(hin_json_opt_text(root, "note", &e->note, NULL));
    HIN_TRY(hin_json_get_array(root, "where", &e->where, &count, NULL));
    HIN_TRY(read_conditions(e->where, count, e->conditions, &e->condition_count));
    if (e->kind != HIN_STORE_PERSON_CORRECTIONS) {
        return hin_ok();
    }
    HIN_TRY(hin_json_get_array(root, "set", &e->set, &count, NULL));
    return read_conditions(e->set, count, e->changes, &e->change_count);
}

static void put_text(struct hin_json_writer *writer, const char *name, struct hin_view text)
{
    if (text.size > 0) {
        hin_json_field_text(writer, name, text);
    }
}

static void put_conditions(struct hin_json_writer *writer, const char *name,
                           const struct condition *conditions, size_t count)
{
    hin_json_key(writer, name);
    hin_json_begin_array(writer);
    for (size_t i = 0; i < count; i++) {
        hin_json_begin_object(writer);
        hin_json_field_text(writer, "field", conditions[i].field);
        put_text(writer, "value", conditions[i].value);
        put_text(writer, "salt", conditions[i].salt);
        put_text(writer, "digest", conditions[i].digest);
        put_text(writer, "match", conditions[i].match);
        put_text(writer, "named", conditions[i].named);
        hin_json_end_object(writer);
    }
    hin_json_end_array(writer);
}

static HIN_RESULT write_document(const struct erasure *e, struct hin_buf *out)
{
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, out, false);
    hin_json_begin_object(&writer);
    hin_json_field_text(&writer, "guid", e->guid);
    hin_json_field_text(&writer, "requestedBy", e->by);
    hin_json_field_text(&writer, "tenantName", e->name);
    put_text(&writer, "provider", e->provider);
    hin_json_field_cstring(&writer, "state", states[e->state]);
    for (size_t i = 0; i < HIN_COUNT(numbers); i++) {
        int64_t number = *(const int64_t *)(const void *)((const char *)e + numbers[i].offset);
        if (number != 0) {
            hin_json_field_integer(&writer, numbers[i].name, number);
        }
    }
    put_text(&writer, "note", e->note);
    put_conditions(&writer, "where", e->conditions, e->condition_count);
    if (e->change_count > 0) {
        put_conditions(&writer, "set", e->changes, e->change_count);
    }
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

static HIN_RESULT save(struct erasure *e)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = DOCUMENT_MAX};
    HIN_TRY(write_document(e, &text));
    struct hin_store_content content = {
        .bytes = hin_buf_view(&text), .names = {e->guid}, .owner = e->state == DONE ? 0 : OPEN};
    return hin_store_update(e->tenant->store, e->kind, e->stored.id, e->stored.version, &content,
                            hin_tenant_now_usec(e->tenant), &e->stored.version);
}

static HIN_RESULT create(struct hin_tenant *tenant, const struct hin_person_request *request,
                         struct erasure *e, int64_t *ret_id)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = DOCUMENT_MAX};
    char guid[HIN_UUID_TEXT_BYTES];
    struct hin_store_position position;
    size_t count = 0;
    e->where = request->where;
    e->by = request->requested_by;
    e->name = hin_view_from_text(request->tenant_name);
    e->requested_msec = hin_tenant_now_usec(tenant) / HIN_MSEC_USEC;
    HIN_TRY(hin_json_array(request->where, &count, NULL));
    HIN_TRY(read_conditions(e->where, count, e->conditions, &e->condition_count));
    HIN_TRY(hin_uuid_new(guid));
    HIN_TRY(hin_store_position(tenant->store, &position));
    e->guid = hin_view_from_text(guid);
    e->until_id = position.last_event_id;
    HIN_TRY(write_document(e, &text));
    struct hin_store_content content = {
        .bytes = hin_buf_view(&text), .names = {e->guid}, .owner = OPEN};
    return hin_store_create(tenant->store, e->kind, &content, hin_tenant_now_usec(tenant), ret_id);
}

HIN_RESULT hin_person_erasure_accept(struct hin_tenant *tenant,
                                     const struct hin_person_request *request, int64_t *ret_id)
{
    struct erasure e = {.kind = HIN_STORE_PERSON_ERASURES};
    return create(tenant, request, &e, ret_id);
}

HIN_RESULT hin_person_correction_accept(struct hin_tenant *tenant,
                                        const struct hin_person_request *request, int64_t *ret_id)
{
    struct erasure e = {.kind = HIN_STORE_PERSON_CORRECTIONS, .note = request->note};
    uint8_t hash[HIN_STORE_AUDIT_HASH_BYTES];
    size_t count = 0;
    HIN_TRY(hin_json_array(request->set, &count, NULL));
    HIN_TRY(read_conditions(request->set, count, e.changes, &e.change_count));
    HIN_TRY(hin_store_audit_head(tenant->store, &e.entry, hash));
    e.entry++;
    return create(tenant, request, &e, ret_id);
}

/* ---- who has something to do ---- */

HIN_RESULT hin_person_errand(struct hin_tenant *own, int64_t number)
{
    struct hin_store_content content = {.bytes = HIN_VIEW("{}"), .owner = number};
    int64_t id = 0;
    return hin_store_create(own->store, HIN_STORE_ERRANDS, &content, hin_tenant_now_usec(own), &id);
}

struct errands {
    void (*visit)(void *context, int64_t number);
    void *context;
};

static struct hin_result tell_errand(void *context, const struct hin_store_document *document)
{
    const struct errands *errands = context;
    errands->visit(errands->context, document->owner);
    return hin_ok();
}

HIN_RESULT hin_person_errands(struct hin_tenant *own, void (*visit)(void *context, int64_t number),
                              void *context)
{
    struct errands errands = {visit, context};
    struct hin_store_page all = {0};
    struct hin_store_listed listed;
    return hin_store_list(own->store, HIN_STORE_ERRANDS, &all, tell_errand, &errands, &listed);
}

struct old_errands {
    int64_t before_usec, ids[64];
    size_t count;
};

static struct hin_result collect_errand(void *context, const struct hin_store_document *document)
{
    struct old_errands *old = context;
    if (document->created_usec < old->before_usec && old->count < HIN_COUNT(old->ids)) {
        old->ids[old->count++] = document->id;
    }
    return hin_ok();
}

HIN_RESULT hin_person_errand_done(struct hin_tenant *own, int64_t number)
{
    struct old_errands old = {.before_usec = hin_tenant_now_usec(own) - ERRAND_REST_USEC};
    struct hin_store_page page = {.owner = number};
    struct hin_store_listed listed;
    HIN_TRY(hin_store_list(own->store, HIN_STORE_ERRANDS, &page, collect_errand, &old, &listed));
    for (size_t i = 0; i < old.count; i++) {
        HIN_TRY(hin_store_delete(own->store, HIN_STORE_ERRANDS, old.ids[i], 0));
    }
    return hin_ok();
}

/* ---- counting and rewriting ---- */

struct judging {
    struct hin_person person;
    struct hin_person_change change; /* of a correction */
    struct hin_arena arena;          /* of one event */
    struct hin_buf buf;              /* of one event, corrected */
    int64_t until_id;                /* what came later was not counted, and stays */
    uint64_t count;
};

static HIN_RESULT selects(struct judging *judging, const struct hin_store_event *stored,
                          struct hin_event *event, bool *ret_selected)
{
    hin_arena_reset(&judging->arena);
    HIN_TRY(hin_event_decode(stored->bytes, &judging->arena, event));
    *ret_selected = stored->id <= judging->until_id &&
                    hin_person_selects(&judging->person, event, &judging->arena);
    return hin_ok();
}

static struct hin_result count_event(void *context, const struct hin_store_event *stored)
{
    struct judging *judging = context;
    struct hin_event event;
    bool selected = false;
    HIN_TRY(selects(judging, stored, &event, &selected));
    judging->count += selected;
    return hin_ok();
}

static struct hin_result judge_event(void *context, const struct hin_store_event *stored,
                                     enum hin_store_verdict *ret_verdict,
                                     struct hin_store_event *replacement)
{
    struct hin_event event;
    bool selected = false;
    (void)replacement;
    HIN_TRY(selects(context, stored, &event, &selected));
    *ret_verdict = selected ? HIN_STORE_ERASE : HIN_STORE_KEEP;
    return hin_ok();
}

static struct hin_result correct_event(void *context, const struct hin_store_event *stored,
                                       enum hin_store_verdict *ret_verdict,
                                       struct hin_store_event *replacement)
{
    struct judging *judging = context;
    struct hin_event event;
    bool selected = false, changed = false;
    HIN_TRY(selects(judging, stored, &event, &selected));
    if (selected) {
        HIN_TRY(hin_person_change_apply(&judging->change, &event, &judging->arena, &changed));
    }
    if (!changed) {
        return hin_ok();
    }
    hin_buf_clear(&judging->buf);
    HIN_TRY(hin_event_encode(&event, &judging->buf));
    replacement->bytes = hin_buf_view(&judging->buf);
    *ret_verdict = HIN_STORE_REPLACE;
    return hin_ok();
}

/* Segment by segment, since how many hold the person is wanted. */
static HIN_RESULT count_some(struct erasure *e, struct judging *judging)
{
    struct hin_store_filter filter = {.after_id = e->resume_id,
                                      .before_id = e->until_id + 1,
                                      .terms = judging->person.terms,
                                      .term_count = judging->person.term_count,
                                      .segments_max = 1};
    struct hin_store_report report = {.more = true};
    for (size_t i = 0; i < SEGMENTS_A_STEP && report.more; i++) {
        judging->count = 0;
        HIN_TRY(hin_store_search(e->tenant->store, &filter, count_event, judging, &report));
        e->events += (int64_t)judging->count;
        e->segments += judging->count > 0;
        e->damaged += (int64_t)(report.segments_damaged + report.events_damaged);
        e->resume_id = filter.after_id = report.resume_id;
    }
    if (!report.more) {
        e->state = REWRITING;
        e->resume_id = 0;
    }
    return save(e);
}

static HIN_RESULT keep_hex(struct erasure *e, const uint8_t *bytes, size_t size,
                           struct hin_view *ret_text)
{
    char text[2 * HIN_SHA256_BYTES + 1];
    HIN_ENSURE(size <= HIN_SHA256_BYTES, INTERNAL);
    hin_hex(bytes, size, text);
    return hin_arena_copy(e->arena, hin_view_from_text(text), ret_text);
}

static HIN_RESULT digest_value(struct erasure *e, struct condition *at)
{
    struct hin_person_mark mark = {.field = hin_field_find(at->field)};
    struct hin_view salt = hin_view_of(mark.salt, sizeof(mark.salt));
    uint8_t digest[HIN_SHA256_BYTES];
    HIN_ENSURE(mark.field != NULL, UNSUPPORTED);
    HIN_TRY(hin_random(mark.salt, sizeof(mark.salt)));
    HIN_TRY(hin_certificate_digest(salt, at->field, at->value, digest));
    HIN_TRY(keep_hex(e, mark.salt, sizeof(mark.salt), &at->salt));
    HIN_TRY(keep_hex(e, digest, sizeof(digest), &at->digest));
    if (e->kind == HIN_STORE_PERSON_ERASURES) {
        HIN_TRY(hin_person_mark_make(&mark, at->value, e->arena));
        HIN_TRY(keep_hex(e, mark.match, sizeof(mark.match), &at->match));
        HIN_TRY(keep_hex(e, mark.named, sizeof(mark.named), &at->named));
    }
    at->value = HIN_VIEW_EMPTY;
    return hin_ok();
}

static HIN_RESULT digest_values(struct erasure *e)
{
    for (size_t i = 0; i < e->condition_count; i++) {
        HIN_TRY(digest_value(e, &e->conditions[i]));
    }
    return hin_ok();
}

static HIN_RESULT end_within(struct erasure *e)
{
    char detail[96];
    snprintf(detail, sizeof(detail), "%lld events, asked for by entry %lld", (long long)e->events,
             (long long)e->entry);
    struct hin_audit audit = {
        .action = "person.corrected",
        .outcome = "done",
        .actor = HIN_VIEW("jobs"),
        .kind = "persons/corrections",
        .object = e->stored.id,
        .detail = hin_view_from_text(detail),
    };
    for (size_t i = 0; i < e->change_count; i++) {
        e->changes[i].value = HIN_VIEW_EMPTY;
    }
    HIN_TRY(hin_audit_write(e->tenant, &audit));
    e->state = DONE;
    return save(e);
}

/* Of the values nothing but a digest is kept. */
static HIN_RESULT end_correction(struct erasure *e)
{
    HIN_TRY(digest_values(e));
    HIN_TRY(hin_store_begin(e->tenant->store));
    struct hin_result done = end_within(e);
    struct hin_result ended = hin_store_end(e->tenant->store, hin_is_ok(done));
    HIN_TRY(done);
    return ended;
}

/* Whatever was cut off, a segment is as before or as after: it is gone through again. */
static HIN_RESULT rewrite_some(struct erasure *e, struct judging *judging)
{
    bool corrects = e->kind == HIN_STORE_PERSON_CORRECTIONS;
    struct hin_store_rewrite rewrite = {.judge = corrects ? correct_event : judge_event,
                                        .context = judging,
                                        .terms = judging->person.terms,
                                        .term_count = HIN_MIN(judging->person.term_count, 1u),
                                        .after_id = e->resume_id,
                                        .until_id = e->until_id,
                                        .segments_max = SEGMENTS_A_STEP};
    struct hin_store_rewritten done = {0};
    if (e->until_id > 0) {
        HIN_TRY(hin_store_rewrite(e->tenant->store, &rewrite, &done));
    }
    e->unread += (int64_t)done.events_unread;
    e->resume_id = done.resume_id;
    if (!done.more && corrects) {
        return end_correction(e);
    }
    if (!done.more) {
        HIN_TRY(digest_values(e));
        e->state = SHREDDING;
    }
    return save(e);
}

static HIN_RESULT read_change(struct erasure *e, struct judging *judging)
{
    struct hin_error error = {0};
    if (e->kind != HIN_STORE_PERSON_CORRECTIONS) {
        return hin_ok();
    }
    HIN_TRY(hin_person_change_read(e->set, e->arena, &judging->change, &error));
    judging->change.entry = e->entry;
    judging->change.time_usec = e->requested_msec * HIN_MSEC_USEC;
    judging->change.note = e->note;
    return hin_ok();
}

static HIN_RESULT go_through(struct erasure *e,
                             struct hin_result (*act)(struct erasure *e, struct judging *judging))
{
    struct judging *judging = NULL;
    struct hin_error error = {0};
    HIN_TRY(HIN_ARENA_NEW(e->arena, &judging));
    HIN_TRY(hin_person_read(e->where, e->arena, &judging->person, &error));
    HIN_TRY(read_change(e, judging));
    judging->until_id = e->until_id;
    hin_arena_init(&judging->arena, ARENA_MAX);
    hin_buf_init(&judging->buf, HIN_STORE_EVENT_MAX_BYTES);
    struct hin_result result = act(e, judging);
    hin_buf_done(&judging->buf);
    hin_arena_done(&judging->arena);
    return result;
}

static struct hin_result count(struct erasure *e, struct hin_person_progress *progress)
{
    (void)progress;
    return go_through(e, count_some);
}

static struct hin_result rewrite(struct erasure *e, struct hin_person_progress *progress)
{
    HIN_TRY(go_through(e, rewrite_some));
    progress->done = e->state == DONE;
    return hin_ok();
}

/* ---- copies ---- */

/* All versions there are now are destroyed by what begins here. */
static HIN_RESULT begin_shredding(struct erasure *e)
{
    struct hin_vault_tenant_status status;
    e->tenant->key_use_count++;
    HIN_TRY(hin_keys_tenant_status(&e->tenant->keys, hin_tenant_view(e->tenant), &status));
    HIN_ENSURE(status.tenant_version_count > 0, PROTOCOL);
    HIN_TRY(hin_tenant_shred_begin(e->tenant));
    e->begun = 1;
    e->wrapping_version = status.wrapping.current_version;
    e->wrapping_count = status.wrapping.version_count;
    e->tenant_version = status.tenant_versions[status.tenant_version_count - 1];
    e->tenant_count = (int64_t)status.tenant_version_count;
    HIN_TRY(hin_arena_copy(e->arena, hin_view_from_text(status.wrapping.name), &e->provider));
    return save(e);
}

static struct hin_result shred(struct erasure *e, struct hin_person_progress *progress)
{
    struct hin_shred_report report;
    if (e->begun == 0) {
        return begin_shredding(e);
    }
    struct hin_result shredded = hin_tenant_shred_copies(e->tenant, SHRED_BUDGET_USEC, &report);
    if (shredded.code == HIN_NOT_FOUND) { /* cut off between its end and the note of it */
        return begin_shredding(e);
    }
    HIN_TRY(shredded);
    progress->wait_usec = report.wait_usec;
    e->table_keys += (int64_t)report.table_keys;
    if (report.done) {
        e->destroyed_msec = hin_tenant_now_usec(e->tenant) / HIN_MSEC_USEC;
        e->key_until_msec = report.destruction_usec / HIN_MSEC_USEC;
        e->exportable = report.exportable;
        e->state = CERTIFYING;
    }
    return report.done || report.table_keys > 0 ? save(e) : hin_ok();
}

/* ---- the certificate ---- */

static bool is_traced(const struct erasure *e)
{
    bool traced = e->condition_count > 0;
    for (size_t i = 0; i < e->condition_count; i++) {
        traced = traced && e->conditions[i].match.size > 0;
    }
    return traced;
}

/* Where backups lie that could not be reached, by name; texts lie in the arena. */
static void state_backups(struct hin_certificate *certificate, const struct erasure *e)
{
    const struct hin_backup_resealed_state *backups = &e->backups;
    struct hin_view what = HIN_VIEW("backups at a destination that was out of reach");
    hin_certificate_add_remainder(
        certificate, e->backups_left, "backups at a destination that was out of reach",
        "as ciphertext: their keys are destroyed; they are removed when it is back");
    if (backups->owing[0] != '\0' &&
        hin_is_ok(hin_arena_printf(e->arena, &what, "pending: backups at %s, out of reach",
                                   backups->owing))) {
        hin_certificate_add_remainder(
            certificate, true, (const char *)what.data,
            "as ciphertext: their keys are destroyed; when it is back they are removed, and those "
            "that were sealed anew without the person are copied there");
    }
    if (backups->pending > 0 &&
        hin_is_ok(hin_arena_printf(e->arena, &what,
                                   "pending: %lld backups that lie at %s alone, "
                                   "which could not be read",
                                   (long long)backups->pending, backups->pending_at))) {
        hin_certificate_add_remainder(
            certificate, true, (const char *)what.data,
            "they still open, with keys of their own: each is sealed anew without the person when "
            "it can be read, and its key destroyed at the latest when its time is over");
    }
    hin_certificate_add_remainder(
        certificate, backups->resealed > 0 && e->tenant->number == 0,
        "names of key holders, in backups of before",
        "who held the installation's keys stands in its settings of that time, sealed");
    hin_certificate_add_remainder(
        certificate, backups->former > 0, "backups of before a restore under other keys",
        "their keys are with the key management service of that time: destroy them there; here "
        "they are removed when their time is over");
}

static void state_remains(struct hin_certificate *certificate, const struct erasure *e)
{
    hin_certificate_add_remainder(
        certificate, true, "the audit record",
        "what people did, and who looked, is kept as evidence; it can name the person as "
        "one who acted");
    hin_certificate_add_remainder(
        certificate, true, "copies of the database, exports, and backups as they were",
        "as ciphertext: the versions of the keys that opened them are destroyed");
    state_backups(certificate, e);
    hin_certificate_add_remainder(
        certificate, e->exportable != 0, "copies of the key ring's file",
        "whoever kept one that was made before, and its pass phrase if it has one, still "
        "opens old copies of the database with it, and backups as they were");
    hin_certificate_add_remainder(
        certificate, e->key_until_msec > 0,
        "the former wrapping key, and those of backups, disabled",
        "its service deletes it on the date stated; until then whoever administers that "
        "service could enable it again");
    hin_certificate_add_remainder(
        certificate, true, "events stored after the request",
        "what agents had not delivered yet lies sealed in their spools and comes as any "
        "other event: erase again once they have");
    hin_certificate_add_remainder(certificate, true,
                                  "events that name the person in free text alone",
                                  "only what the fields stated held was selected");
    hin_certificate_add_remainder(certificate, true, "names and addresses of computers",
                                  "resources are changed or removed by themselves");
    hin_certificate_add_remainder(
        certificate, true, "what was read or forwarded before",
        "what left the manager in the clear, at somebody's request, is out of its reach");
    hin_certificate_add_remainder(certificate, e->damaged > 0, "damaged segments and events",
                                  "they open to nobody, so it is not known whom they are about");
    hin_certificate_add_remainder(certificate, e->unread > 0, "events stored by a later version",
                                  "this one cannot read them: erase again with that version");
}

static void add_key(struct hin_certificate *certificate, struct hin_certificate_key key)
{
    certificate->keys[certificate->key_count++] = key;
}

static HIN_RESULT state_erasure(const struct erasure *e, struct hin_certificate *ret_certificate)
{
    uint64_t exports = 0;
    HIN_TRY(hin_store_count(e->tenant->store, HIN_STORE_EXPORTS, &exports));
    *ret_certificate = (struct hin_certificate){
        .kind = HIN_CERTIFICATE_PERSON,
        .tenant = hin_tenant_view(e->tenant),
        .id = e->guid,
        .number = e->tenant->number,
        .name = e->name,
        .events = e->events,
        .segments = e->segments,
        .exports = (int64_t)exports,
        .requested_by = e->by,
        .requested_msec = e->requested_msec,
        .done_msec = hin_tenant_now_usec(e->tenant) / HIN_MSEC_USEC,
    };
    for (size_t i = 0; i < e->condition_count; i++) {
        ret_certificate->selected[ret_certificate->selected_count++] =
            (struct hin_certificate_selected){.field = e->conditions[i].field,
                                              .salt = e->conditions[i].salt,
                                              .digest = e->conditions[i].digest};
    }
    add_key(ret_certificate,
            (struct hin_certificate_key){HIN_VIEW("wrapping"), ret_certificate->tenant,
                                         e->wrapping_version, e->wrapping_count, e->provider,
                                         e->destroyed_msec, e->key_until_msec});
    add_key(ret_certificate,
            (struct hin_certificate_key){HIN_VIEW("tenant"), HIN_VIEW_EMPTY, e->tenant_version,
                                         e->tenant_count, HIN_VIEW("vault"), e->destroyed_msec, 0});
    add_key(ret_certificate,
            (struct hin_certificate_key){HIN_VIEW("table"), HIN_VIEW_EMPTY, 0, e->table_keys,
                                         HIN_VIEW("key table"), e->destroyed_msec, 0});
    state_remains(ret_certificate, e);
    return hin_ok();
}

static HIN_RESULT certify_within(struct erasure *e)
{
    struct hin_certificate *certificate = NULL;
    struct hin_escrow_rows *copies = NULL;
    char detail[128];
    HIN_TRY(HIN_ARENA_NEW(e->arena, &certificate));
    HIN_TRY(state_erasure(e, certificate));
    if (e->exportable != 0) {
        HIN_TRY(HIN_ARENA_NEW(e->arena, &copies));
        HIN_TRY(hin_escrow_remains(e->own, e->destroyed_msec * HIN_MSEC_USEC, copies, certificate));
    }
    HIN_TRY(hin_certificate_issue(e->tenant, certificate, &e->certificate));
    snprintf(detail, sizeof(detail), "certificate %lld (%.*s)", (long long)e->certificate,
             HIN_ARGS(e->guid));
    struct hin_audit audit = {
        .action = "person.erased",
        .outcome = "done",
        .actor = HIN_VIEW("jobs"),
        .kind = "persons/erasures",
        .object = e->stored.id,
        .detail = hin_view_from_text(detail),
    };
    HIN_TRY(hin_audit_write(e->tenant, &audit));
    e->state = DONE;
    return save(e);
}

/* Each backup of before is sealed anew without the person, by the process `backup`. An erasure that
 * an earlier version began has no marks to know the person by: then they are replaced by a new one.
 */
static HIN_RESULT settle_backups(struct erasure *e, bool *ret_settled)
{
    struct hin_store *own = e->own->store;
    int64_t before_usec = e->destroyed_msec * HIN_MSEC_USEC;
    int64_t now_usec = hin_tenant_now_usec(e->own);
    if (!is_traced(e)) {
        return hin_backup_renewed(own, e->tenant->number, before_usec, now_usec, RENEW_REST_USEC,
                                  ret_settled, &e->backups_left);
    }
    HIN_TRY(hin_backup_persons_resealed(own, e->tenant->number, e->stored.id, before_usec, now_usec,
                                        RENEW_REST_USEC, &e->backups));
    *ret_settled = e->backups.done;
    return hin_ok();
}

/* Certificate, record and state at once: none stands without the others. */
static struct hin_result certify(struct erasure *e, struct hin_person_progress *progress)
{
    bool settled = false;
    HIN_TRY(settle_backups(e, &settled));
    if (!settled) {
        progress->wait_usec = RENEW_WAIT_USEC;
        return hin_ok();
    }
    struct hin_result folded = hin_store_checkpoint(e->tenant->store);
    if (folded.code == HIN_AGAIN) { /* readers are in the way: the log still holds what was */
        progress->wait_usec = FOLD_WAIT_USEC;
        return hin_ok();
    }
    HIN_TRY(folded);
    HIN_TRY(hin_store_begin(e->tenant->store));
    struct hin_result certified = certify_within(e);
    struct hin_result ended = hin_store_end(e->tenant->store, hin_is_ok(certified));
    HIN_TRY(certified);
    HIN_TRY(ended);
    progress->done = true;
    return hin_ok();
}

/* ---- what knows the person again ---- */

struct tracing {
    void (*visit)(void *context, const struct hin_person_trace *trace);
    void *context;
};

static HIN_RESULT read_mark(const struct condition *at, struct hin_person_mark *mark)
{
    mark->field = hin_field_find(at->field);
    HIN_ENSURE(mark->field != NULL, UNSUPPORTED);
    HIN_TRY(hin_unhex(at->salt, mark->salt, sizeof(mark->salt)));
    HIN_TRY(hin_unhex(at->match, mark->match, sizeof(mark->match)));
    return hin_unhex(at->named, mark->named, sizeof(mark->named));
}

static struct hin_result trace_one(void *context, const struct hin_store_document *document)
{
    const struct tracing *tracing = context;
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *parsed = NULL;
    struct erasure e = {.kind = HIN_STORE_PERSON_ERASURES};
    HIN_TRY(hin_json_parse(document->bytes, DOCUMENT_MAX, &parsed, NULL));
    HIN_TRY(read_document(hin_json_root(parsed), &e));
    if (e.destroyed_msec == 0 || !is_traced(&e)) {
        return hin_ok(); /* under way, or of a version that replaced backups */
    }
    struct hin_person_trace trace = {.id = document->id,
                                     .until_id = e.until_id,
                                     .erased_usec = e.destroyed_msec * HIN_MSEC_USEC,
                                     .count = e.condition_count};
    for (size_t i = 0; i < e.condition_count; i++) {
        HIN_TRY(read_mark(&e.conditions[i], &trace.marks[i]));
    }
    tracing->visit(tracing->context, &trace);
    return hin_ok();
}

HIN_RESULT hin_person_traces(struct hin_store *store,
                             void (*visit)(void *context, const struct hin_person_trace *trace),
                             void *context)
{
    struct tracing tracing = {visit, context};
    struct hin_store_page all = {0};
    struct hin_store_listed listed;
    HIN_TRY(hin_store_list(store, HIN_STORE_PERSON_ERASURES, &all, trace_one, &tracing, &listed));
    HIN_ENSURE(listed.damaged == 0, CORRUPT);
    return hin_ok();
}

/* ---- steps ---- */

struct finding {
    struct hin_arena *arena;
    struct hin_store_document found;
};

static struct hin_result take_first(void *context, const struct hin_store_document *document)
{
    struct finding *finding = context;
    finding->found = *document;
    return hin_arena_copy(finding->arena, document->bytes, &finding->found.bytes);
}

static HIN_RESULT step(struct hin_tenant *tenant, struct hin_tenant *own, enum hin_store_kind kind,
                       struct hin_arena *arena, struct hin_person_progress *progress)
{
    static struct hin_result (*const acts[DONE])(struct erasure * e,
                                                 struct hin_person_progress * progress) = {
        [COUNTING] = count, [REWRITING] = rewrite, [SHREDDING] = shred, [CERTIFYING] = certify};
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *parsed = NULL;
    struct finding finding = {.arena = arena};
    struct hin_store_page page = {.owner = OPEN, .limit = 1};
    struct hin_store_listed listed;
    struct erasure *e = NULL;
    HIN_TRY(hin_store_list(tenant->store, kind, &page, take_first, &finding, &listed));
    progress->id = finding.found.id;
    progress->idle = finding.found.id == 0;
    if (progress->idle) {
        return hin_ok();
    }
    HIN_TRY(HIN_ARENA_NEW(arena, &e));
    *e = (struct erasure){
        .tenant = tenant, .own = own, .kind = kind, .stored = finding.found, .arena = arena};
    HIN_TRY(hin_json_parse(finding.found.bytes, DOCUMENT_MAX, &parsed, NULL));
    HIN_TRY(read_document(hin_json_root(parsed), e));
    HIN_ENSURE(e->state < DONE, CORRUPT);
    return acts[e->state](e, progress);
}

HIN_RESULT hin_person_erasure_step(struct hin_tenant *tenant, struct hin_tenant *own,
                                   struct hin_person_progress *ret_progress)
{
    struct hin_arena arena;
    struct hin_person_progress progress = {0};
    hin_arena_init(&arena, ARENA_MAX);
    struct hin_result stepped = step(tenant, own, HIN_STORE_PERSON_ERASURES, &arena, &progress);
    if (hin_is_ok(stepped) && progress.idle) {
        progress.corrected = true;
        stepped = step(tenant, own, HIN_STORE_PERSON_CORRECTIONS, &arena, &progress);
    }
    hin_arena_done(&arena);
    HIN_TRY(stepped);
    *ret_progress = progress;
    return hin_ok();
}

/* ---- for a restore ---- */

struct since {
    int64_t at_usec;
    bool open, since;
};

static HIN_RESULT note_since(void *context, const struct hin_store_document *document)
{
    struct since *since = context;
    bool erases = document->kind == HIN_STORE_PERSON_ERASURES;
    since->open = since->open || document->owner == OPEN;
    since->since = since->since || (erases && document->created_usec >= since->at_usec);
    return hin_ok();
}

HIN_RESULT hin_person_erasure_since(struct hin_tenant *tenant, int64_t at_usec, bool *ret_open,
                                    bool *ret_since)
{
    static const enum hin_store_kind kinds[] = {HIN_STORE_PERSON_ERASURES,
                                                HIN_STORE_PERSON_CORRECTIONS};
    struct since since = {.at_usec = at_usec};
    for (size_t i = 0; i < HIN_COUNT(kinds); i++) {
        struct hin_store_page all = {0};
        struct hin_store_listed listed = {0};
        HIN_TRY(hin_store_list(tenant->store, kinds[i], &all, note_since, &since, &listed));
        HIN_ENSURE(listed.damaged == 0, CORRUPT); /* it might be one */
    }
    *ret_open = since.open;
    *ret_since = since.since;
    return hin_ok();
}
