/* What a change changed, for the audit record: old and new value of each attribute that differs.
 *
 *     [{"attribute":"name","old":"a","new":"b"}, {"attribute":"password","secret":true}]
 *
 * Secrets and what is made of them (write-only and hidden attributes) are named without values. A
 * value over HIN_CHANGES_VALUE_MAX bytes, or beyond the room of an entry, stands as {"bytes":n,
 * "sha256":"..."}. An absent value is left out. */
#ifndef HIN_MANAGER_WORKER_API_CHANGES_H
#define HIN_MANAGER_WORKER_API_CHANGES_H

#include "data/json.h"
#include "manager/worker/api/definition.h"

enum { HIN_CHANGES_VALUE_MAX = 4096, HIN_CHANGES_MAX = 128 * 1024 };

/* Appends the array; nothing when nothing differs. before, after: stored objects, either may have
 * no value. body: what was sent, for write-only attributes; may have no value. */
HIN_RESULT hin_changes_write(const struct hin_api_attributes *attributes, struct hin_json before,
                             struct hin_json after, struct hin_json body,
                             struct hin_buf *out) HIN_NONNULL;
/* The same for an object that the manager itself writes: as it is stored before (empty: not yet)
 * and after. */
HIN_RESULT hin_changes_write_stored(const struct hin_api_attributes *attributes,
                                    struct hin_view before, struct hin_view after,
                                    struct hin_buf *out) HIN_NONNULL;

#endif
