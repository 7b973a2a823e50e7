#include "manager/backup/same.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "crypt/hash.h"
#include "data/json.h"
#include "store/audit.h"
#include "store/documents.h"
#include "store/events.h"

enum { PAGE = 1000, DOCUMENTS_MAX = 4 << 20 };

/* One thing of a page, as far as it matters. */
struct thing {
    int64_t id;
    uint64_t version;
    int64_t time_usec;
    uint8_t digest[HIN_SHA256_BYTES];
    bool met; /* in the other store too */
};

struct page {
    struct hin_same *same;
    struct hin_sha256 *hash;
    struct thing *things;
    size_t count, room, at;
    int64_t last;
    bool excused; /* the audit record has a reason since */
    bool damaged; /* here something does not open */
    int kind;     /* of documents */
};

static HIN_RESULT differs(struct hin_same *same, const char *what, long long id, const char *how)
{
    snprintf(same->error, sizeof(same->error), "%s %lld %s", what, id, how);
    return hin_fail(HIN_CORRUPT);
}

static HIN_RESULT next_page(struct page *page)
{
    page->count = page->at = 0;
    return page->same->between(page->same->context);
}

static HIN_RESULT add(struct page *page, const struct thing *thing)
{
    if (page->count == page->room) {
        size_t room = HIN_MAX(page->room * 2, (size_t)PAGE);
        HIN_ENSURE(room <= DOCUMENTS_MAX, LIMIT);
        void *fresh = realloc(page->things, room * sizeof(*page->things));
        HIN_ENSURE(fresh != NULL, NO_MEMORY);
        page->things = fresh;
        page->room = room;
    }
    page->things[page->count++] = *thing;
    page->last = thing->id;
    return hin_ok();
}

static HIN_RESULT digest(struct page *page, const int64_t *numbers, size_t count,
                         struct hin_view bytes, uint8_t ret_digest[HIN_SHA256_BYTES])
{
    HIN_TRY(hin_sha256_begin(page->hash));
    HIN_TRY(hin_sha256_add(page->hash, hin_view_of(numbers, count * sizeof(*numbers))));
    HIN_TRY(hin_sha256_add(page->hash, bytes));
    return hin_sha256_end(page->hash, ret_digest);
}

/* ---- why something may be gone, or otherwise ---- */

static HIN_RESULT look_for_reason(void *context, const struct hin_store_audit *entry)
{
    static const char *const reasons[] = {"person.", "store.salvaged", "retention."};
    struct page *page = context;
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_view action;
    page->last = entry->number;
    page->count++;
    if (!hin_is_ok(hin_json_parse(entry->bytes, HIN_STORE_AUDIT_MAX_BYTES, &document, NULL)) ||
        !hin_is_ok(hin_json_get_text(hin_json_root(document), "action", &action, NULL))) {
        return hin_ok();
    }
    for (size_t i = 0; i < HIN_COUNT(reasons); i++) {
        page->excused |= hin_view_starts_with(action, hin_view_from_text(reasons[i]));
    }
    return hin_ok();
}

static HIN_RESULT find_reasons(struct page *page)
{
    page->last = page->same->position.audit_number;
    do {
        HIN_TRY(next_page(page));
        HIN_TRY(
            hin_store_audit_list(page->same->own, page->last, false, PAGE, look_for_reason, page));
    } while (page->count == PAGE);
    return hin_ok();
}

/* ---- events ---- */

static HIN_RESULT event_thing(struct page *page, const struct hin_store_event *event,
                              struct thing *ret_thing)
{
    int64_t numbers[] = {event->time_usec, event->computer_id, event->class_uid,
                         event->severity_id};
    *ret_thing = (struct thing){.id = event->id, .time_usec = event->time_usec};
    return digest(page, numbers, HIN_COUNT(numbers), event->bytes, ret_thing->digest);
}

static HIN_RESULT take_event(void *context, const struct hin_store_event *event)
{
    struct page *page = context;
    struct thing thing;
    HIN_TRY(event_thing(page, event, &thing));
    return add(page, &thing);
}

static HIN_RESULT went(struct page *page, const struct thing *thing)
{
    bool forgotten = thing->time_usec < page->same->forgotten_usec;
    page->same->gone++;
    return page->excused || page->damaged || forgotten
               ? hin_ok()
               : differs(page->same, "event", (long long)thing->id,
                         "is in the backup and no longer here, and nothing says why");
}

/* Both ascend. */
static HIN_RESULT match_event(void *context, const struct hin_store_event *event)
{
    struct page *page = context;
    struct hin_same *same = page->same;
    struct thing thing;
    while (page->at < page->count && page->things[page->at].id < event->id) {
        HIN_TRY(went(page, &page->things[page->at++]));
    }
    if (page->at == page->count || page->things[page->at].id != event->id) {
        return differs(same, "event", (long long)event->id, "is not in the backup");
    }
    HIN_TRY(event_thing(page, event, &thing));
    same->events++;
    if (memcmp(thing.digest, page->things[page->at++].digest, sizeof(thing.digest)) == 0) {
        return hin_ok();
    }
    same->changed++;
    return page->excused ? hin_ok()
                         : differs(same, "event", (long long)event->id,
                                   "is another one in the backup, and nothing says why");
}

static HIN_RESULT compare_events(struct page *page)
{
    struct hin_same *same = page->same;
    struct hin_store_report report = {.more = true};
    struct hin_store_filter restored = {.before_id = same->position.last_event_id + 1,
                                        .limit = PAGE};
    struct hin_store_filter own = restored;
    own.limit = 0;
    while (report.more) {
        HIN_TRY(next_page(page));
        HIN_TRY(hin_store_search(same->restored, &restored, take_event, page, &report));
        bool more = report.more;
        own.after_id = restored.after_id;
        own.before_id = more ? report.resume_id + 1 : restored.before_id;
        restored.after_id = report.resume_id;
        HIN_TRY(hin_store_search(same->own, &own, match_event, page, &report));
        page->damaged |= report.segments_damaged > 0 || report.events_damaged > 0;
        while (page->at < page->count) {
            HIN_TRY(went(page, &page->things[page->at++]));
        }
        report.more = more;
    }
    return hin_ok();
}

/* ---- documents: of each the same version is the same ---- */

static HIN_RESULT document_thing(struct page *page, const struct hin_store_document *document,
                                 struct thing *ret_thing)
{
    int64_t numbers[] = {document->owner, document->expires_usec, document->created_usec,
                         document->updated_usec};
    *ret_thing = (struct thing){.id = document->id, .version = document->version};
    return digest(page, numbers, HIN_COUNT(numbers), document->bytes, ret_thing->digest);
}

static HIN_RESULT take_document(void *context, const struct hin_store_document *document)
{
    struct page *page = context;
    struct thing thing;
    HIN_TRY(document_thing(page, document, &thing));
    return add(page, &thing);
}

static int by_id(const void *key, const void *item)
{
    const struct thing *wanted = key, *thing = item;
    return (wanted->id > thing->id) - (wanted->id < thing->id);
}

static HIN_RESULT match_document(void *context, const struct hin_store_document *document)
{
    struct page *page = context;
    struct hin_same *same = page->same;
    struct thing thing;
    HIN_TRY(document_thing(page, document, &thing));
    struct thing *there =
        page->count == 0 ? NULL
                         : bsearch(&thing, page->things, page->count, sizeof(*page->things), by_id);
    if (there == NULL) { /* one that was made since: numbers ascend */
        return page->last < document->id
                   ? hin_ok()
                   : differs(same, "a document is not in the backup: kind and ID",
                             (long long)page->kind * 1000000 + document->id, "(kind * 1000000)");
    }
    there->met = true;
    same->documents++;
    if (thing.version == there->version &&
        memcmp(thing.digest, there->digest, sizeof(thing.digest)) != 0) {
        return differs(same, "a document is another one in the backup: kind and ID",
                       (long long)page->kind * 1000000 + document->id, "(kind * 1000000)");
    }
    same->changed += thing.version != there->version;
    return thing.version >= there->version
               ? hin_ok()
               : differs(same, "a document is newer in the backup: kind and ID",
                         (long long)page->kind * 1000000 + document->id, "(kind * 1000000)");
}

static HIN_RESULT compare_kind(struct page *page)
{
    struct hin_same *same = page->same;
    struct hin_store_page all = {0};
    struct hin_store_listed listed;
    HIN_TRY(next_page(page));
    page->last = 0;
    HIN_TRY(hin_store_list(same->restored, (enum hin_store_kind)page->kind, &all, take_document,
                           page, &listed));
    size_t damaged = listed.damaged;
    HIN_TRY(hin_store_list(same->own, (enum hin_store_kind)page->kind, &all, match_document, page,
                           &listed));
    if (damaged > listed.damaged) {
        return differs(same, "documents do not open in the backup, of kind", (long long)page->kind,
                       "");
    }
    for (size_t i = 0; i < page->count; i++) { /* deleted since */
        same->gone += !page->things[i].met;
    }
    return hin_ok();
}

/* ---- the audit record ---- */

static HIN_RESULT entry_thing(struct page *page, const struct hin_store_audit *entry,
                              struct thing *ret_thing)
{
    *ret_thing = (struct thing){.id = entry->number, .version = entry->bytes.size > 0};
    HIN_TRY(hin_sha256_begin(page->hash));
    HIN_TRY(hin_sha256_add(page->hash, hin_view_of(entry->hash, sizeof(entry->hash))));
    HIN_TRY(hin_sha256_add(page->hash, entry->bytes));
    return hin_sha256_end(page->hash, ret_thing->digest);
}

static HIN_RESULT take_entry(void *context, const struct hin_store_audit *entry)
{
    struct page *page = context;
    struct thing thing;
    HIN_TRY(entry_thing(page, entry, &thing));
    return add(page, &thing);
}

static HIN_RESULT match_entry(void *context, const struct hin_store_audit *entry)
{
    struct page *page = context;
    struct hin_same *same = page->same;
    struct thing thing;
    if (entry->number > same->position.audit_number) {
        return hin_ok();
    }
    HIN_TRY(entry_thing(page, entry, &thing));
    if (page->at == page->count || page->things[page->at].id != entry->number) {
        return differs(same, "audit entry", (long long)entry->number, "is not in the backup");
    }
    const struct thing *there = &page->things[page->at++];
    same->entries++;
    if (memcmp(thing.digest, there->digest, sizeof(thing.digest)) == 0) {
        return hin_ok();
    }
    same->gone += thing.version == 0; /* the text was erased since, or does not open any more */
    return thing.version == 0 ? hin_ok()
                              : differs(same, "audit entry", (long long)entry->number,
                                        "is another one in the backup");
}

static HIN_RESULT compare_audit(struct page *page)
{
    struct hin_same *same = page->same;
    int64_t count = 0, broken = 0, after = 0;
    uint8_t hash[HIN_STORE_AUDIT_HASH_BYTES];
    struct hin_result verified = hin_store_audit_verify(same->restored, &count, &broken);
    if (verified.code == HIN_CORRUPT) {
        return differs(same, "the restored audit record does not verify: entry", (long long)broken,
                       "");
    }
    HIN_TRY(verified);
    if (same->position.audit_number > 0) {
        HIN_TRY(hin_store_copy_audit_hash(same->own, same->position.audit_number, hash));
        if (memcmp(hash, same->position.audit_hash, sizeof(hash)) != 0) {
            return differs(same, "audit entry", (long long)same->position.audit_number,
                           "has another hash here than in the backup");
        }
    }
    while (after < same->position.audit_number) {
        HIN_TRY(next_page(page));
        HIN_TRY(hin_store_audit_list(same->restored, after, false, PAGE, take_entry, page));
        if (page->count == 0) {
            return differs(same, "audit entry", (long long)after + 1, "is not in the backup");
        }
        HIN_TRY(hin_store_audit_list(same->own, after, false, page->count, match_entry, page));
        after = page->last;
    }
    return hin_ok();
}

HIN_RESULT hin_same_compare(struct hin_same *same)
{
    HIN_CLEANUP(hin_sha256_freep) struct hin_sha256 *hash = NULL;
    HIN_TRY(hin_sha256_new(&hash));
    struct page page = {.same = same, .hash = hash};
    struct hin_result compared = find_reasons(&page);
    if (hin_is_ok(compared)) {
        compared = compare_audit(&page);
    }
    for (page.kind = 1; hin_is_ok(compared) && page.kind < HIN_STORE_KIND_LIMIT; page.kind++) {
        compared = compare_kind(&page);
    }
    if (hin_is_ok(compared)) {
        compared = compare_events(&page);
    }
    free(page.things);
    return compared;
}

/* ---- what would be lost ---- */

struct losing {
    int64_t last_event, last_segment, first_usec; /* INT64_MAX: nothing */
};

static HIN_RESULT see_entry(void *context, const struct hin_store_audit *entry)
{
    struct losing *losing = context;
    losing->first_usec = HIN_MIN(losing->first_usec, entry->time_usec);
    return hin_ok();
}

static HIN_RESULT see_segment(void *context, const struct hin_copy_segment *segment)
{
    struct losing *losing = context;
    losing->last_segment = segment->id;
    if (segment->last_id > losing->last_event) {
        losing->first_usec = HIN_MIN(losing->first_usec, segment->created_usec);
    }
    return hin_ok();
}

HIN_RESULT hin_same_lost(struct hin_store *store, const struct hin_copy_position *position,
                         int64_t at_usec, int64_t until_usec, int64_t *ret_usec)
{
    struct losing losing = {position->last_event_id, INT64_MIN, INT64_MAX};
    bool more = true;
    HIN_TRY(hin_store_audit_list(store, position->audit_number, false, 1, see_entry, &losing));
    while (more) {
        HIN_TRY(
            hin_store_copy_segments(store, losing.last_segment, PAGE, see_segment, &losing, &more));
    }
    int64_t first_usec = HIN_MAX(losing.first_usec, at_usec);
    *ret_usec = losing.first_usec == INT64_MAX ? 0 : HIN_MAX(until_usec - first_usec, 0);
    return hin_ok();
}
