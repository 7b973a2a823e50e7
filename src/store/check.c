/* The check of a whole database, for a job. */
#include "base/bytes.h"
#include "store/audit.h"
#include "store/documents.h"
#include "store/events.h"
#include "store/internal.h"

static HIN_RESULT check_structure(struct hin_store *store, bool *ret_ok)
{
    struct hin_statement *statement = NULL;
    bool row = false, broken = store->broken;
    struct hin_result looked = hin_db_use(store, HIN_SQL_STRUCTURE, &statement);
    if (hin_is_ok(looked)) {
        looked = hin_db_step(store, statement, &row);
    }
    *ret_ok = hin_is_ok(looked) && row && hin_view_is(hin_db_blob(statement, 0), "ok");
    if (statement != NULL) {
        hin_db_reset(statement);
    }
    store->broken = broken; /* what is needed and cannot be read shows when it is */
    return looked.code == HIN_NO_MEMORY || looked.code == HIN_AGAIN ? looked : hin_ok();
}

struct ids {
    int64_t *ids, *counts;
    size_t count, capacity;
};

static HIN_RESULT read_ids(struct hin_store *store, struct ids *ids)
{
    struct hin_statement *statement = NULL;
    bool row = true;
    HIN_TRY(hin_db_use(store, HIN_SQL_DIRECTORY_UP, &statement));
    hin_db_bind(statement, 2, INT64_C(1), INT64_MAX);
    for (;;) {
        HIN_TRY(hin_db_step(store, statement, &row));
        if (!row) {
            return hin_ok();
        }
        if (ids->count == ids->capacity) {
            size_t capacity = ids->capacity > 0 ? 2 * ids->capacity : 256;
            int64_t *more = NULL;
            HIN_TRY(HIN_ARENA_ARRAY(&store->arena, capacity * 2, &more));
            hin_copy(more, ids->ids, ids->count * sizeof(*more));
            hin_copy(more + capacity, ids->counts, ids->count * sizeof(*more));
            *ids = (struct ids){more, more + capacity, ids->count, capacity};
        }
        ids->ids[ids->count] = hin_db_int(statement, 0);
        ids->counts[ids->count++] = hin_db_int(statement, 2);
    }
}

static HIN_RESULT check_segments(struct hin_store *store, struct hin_store_check *check)
{
    struct ids ids = {0};
    hin_arena_reset(&store->arena);
    HIN_TRY(read_ids(store, &ids));
    for (size_t i = 0; i < ids.count; i++) {
        check->segments++;
        struct hin_result result = hin_segment_load(store, ids.ids[i]);
        if (hin_is_ok(result)) {
            continue;
        }
        if (!hin_store_is_damage(result)) {
            return result;
        }
        check->segments_damaged++;
        check->events_damaged += (uint64_t)ids.counts[i];
        /* The mark spares later searches the attempt. Where a page that leads to it is damaged it
         * may be whole. */
        if (!store->read_only && !store->broken && result.code != HIN_NOT_FOUND) {
            struct hin_result begun = hin_db_begin(store);
            if (hin_is_ok(begun)) {
                HIN_IGNORE(hin_db_end(store, hin_segment_mark_damaged(store, ids.ids[i])));
            }
        }
    }
    return hin_ok();
}

/* Damage in a page of theirs shows in the structure; a segment that cannot be read is told above.
 */
static HIN_RESULT check_sheaves(struct hin_store *store, struct hin_store_check *check)
{
    if (store->read_only || store->broken) {
        return hin_ok();
    }
    struct hin_result checked = hin_sheaf_check(store, &check->sheaves_wrong);
    return hin_store_is_damage(checked) ? hin_ok() : checked;
}

static HIN_RESULT count_document(void *context, const struct hin_store_document *document)
{
    (void)document;
    uint64_t *count = context;
    (*count)++;
    return hin_ok();
}

static HIN_RESULT check_documents(struct hin_store *store, struct hin_store_check *check)
{
    for (int kind = 1; kind < HIN_STORE_KIND_LIMIT; kind++) {
        struct hin_store_page page = {0};
        struct hin_store_listed listed = {0};
        struct hin_result result = hin_store_list(store, (enum hin_store_kind)kind, &page,
                                                  count_document, &check->documents, &listed);
        check->documents_damaged += listed.damaged;
        check->documents += listed.damaged;
        if (result.code == HIN_CORRUPT) {
            check->documents_damaged++; /* the listing itself broke off */
            continue;
        }
        HIN_TRY(result);
    }
    return hin_ok();
}

HIN_RESULT hin_store_check(struct hin_store *store, struct hin_store_check *ret_check)
{
    struct hin_store_check check = {0};
    HIN_TRY(hin_store_ready(store));
    HIN_ENSURE(!store->in_transaction, CONFLICT);
    HIN_TRY(check_structure(store, &check.structure_ok));
    HIN_TRY(check_segments(store, &check));
    HIN_TRY(check_sheaves(store, &check));
    HIN_TRY(check_documents(store, &check));
    int64_t count = 0, broken = 0;
    struct hin_result audit = hin_store_audit_verify(store, &count, &broken);
    check.audit_records = (uint64_t)count;
    check.audit_damaged = audit.code == HIN_CORRUPT ? 1 : 0;
    if (!hin_is_ok(audit) && audit.code != HIN_CORRUPT) {
        return audit;
    }
    *ret_check = check;
    return hin_ok();
}
