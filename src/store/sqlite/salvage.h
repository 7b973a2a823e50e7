/* The parts of a salvage: what salvage.c (files and their exchange), salvage_copy.c (rows) and
 * salvage_pages.c (pages) say to each other. */
#ifndef HIN_STORE_SQLITE_SALVAGE_H
#define HIN_STORE_SQLITE_SALVAGE_H

#include "store/sqlite/internal.h"

#define HIN_DAMAGE_TOLD "damage_told" /* in meta: see hin_store_damage_told */

/* The pages that hold rows of tables with a row number, whether or not anything leads to them. */
struct hin_salvage_pages {
    uint32_t *leaves; /* page numbers, ascending */
    size_t count;
    bool free_known; /* none of them is a freed one: what was deleted does not come back */
};
/* Reads every page of the file; the log must have been folded in. Damaged ones are left out. */
HIN_RESULT hin_salvage_pages_init(struct hin_salvage_pages *pages, sqlite3 *db) HIN_NONNULL;
void hin_salvage_pages_done(struct hin_salvage_pages *pages) HIN_NONNULL;

/* All that can be read of `from` into `to`, in one transaction. CORRUPT, with the reason in
 * `error`: the keys are lost. */
HIN_RESULT hin_salvage_copy(sqlite3 *from, struct hin_store *to, int64_t now_usec,
                            struct hin_store_salvaged *ret_salvaged, struct hin_error *error)
    __attribute__((nonnull(1, 2, 4)));

#endif
