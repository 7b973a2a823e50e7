#include "store/trial.h"

#include <stdio.h>

#include "base/bytes.h"
#include "store/internal.h"

/* ---- crossing ---- */

void hin_crossing_tell(struct hin_store_crossing *crossing, bool crossed, const char *way,
                       const char *what)
{
    crossing->tried++;
    if (crossed && crossing->crossed++ == 0) {
        (void)snprintf(crossing->first, sizeof(crossing->first), "%s%s", way, what);
    }
}

/* The other's place, with our keys. `tenant`: under whose name what lies there is opened. */
static HIN_RESULT try_keys(struct hin_store *store, const struct hin_store_options *other,
                           const char *tenant, const char *way, struct hin_store_crossing *crossing)
{
    HIN_CLEANUP(hin_store_closep) struct hin_store *stranger = NULL;
    struct hin_store_options options = *other;
    options.create = false;
    options.read_only = true;
    options.observer = NULL;
    options.place = other->tenant;
    options.tenant = tenant;
    HIN_TRY(hin_store_open(&stranger, &options, NULL));
    struct hin_result unlocked = hin_store_unlock(stranger, &store->keys);
    HIN_ENSURE(hin_is_ok(unlocked) || unlocked.code == HIN_AUTH || unlocked.code == HIN_DENIED,
               AGAIN);
    hin_crossing_tell(crossing, hin_is_ok(unlocked), way, "");
    return hin_ok();
}

HIN_RESULT hin_store_cross(struct hin_store *store, const struct hin_store_options *other,
                           struct hin_store_crossing *ret_crossing)
{
    struct hin_store_crossing crossing = {0};
    HIN_TRY(hin_store_ready(store));
    HIN_ENSURE(!store->in_transaction, CONFLICT);
    HIN_TRY(try_keys(store, other, other->tenant, "its data opened with the other tenant's keys",
                     &crossing));
    HIN_TRY(try_keys(store, other, store->tenant,
                     "what lies in its place is the other tenant's own data, and opened",
                     &crossing));
    if (store->backend->trespass != NULL) {
        HIN_TRY(store->backend->trespass(store, other->tenant, &crossing));
    }
    *ret_crossing = crossing;
    return hin_ok();
}

/* ---- searching ---- */

HIN_RESULT hin_store_search_plain(struct hin_store *store, const struct hin_store_options *options,
                                  const struct hin_view *needles, size_t count,
                                  struct hin_store_search *ret_search)
{
    struct hin_store_search search = {.found_first = count};
    HIN_ENSURE(!store->in_transaction, CONFLICT);
    for (size_t i = 0; i < count; i++) {
        HIN_ENSURE(needles[i].size >= HIN_STORE_NEEDLE_LEAST &&
                       needles[i].size <= HIN_STORE_NEEDLE_MOST,
                   INVALID);
    }
    HIN_TRY(store->backend->search_plain(store, options, needles, count, &search));
    *ret_search = search;
    return hin_ok();
}
