/* A thin layer over SQLite's unix VFS, one for each handle: file names are relative to a folder's
 * descriptor (no path from the root is walked), every page of the database carries a checksum, and
 * every change of a file can be watched or made to fail. Inside store/sqlite only. */
#ifndef HIN_STORE_SQLITE_VFS_H
#define HIN_STORE_SQLITE_VFS_H

#include <sqlite3.h>

#include "store/store.h"

#define HIN_VFS_PAGE_BYTES     8192 /* can never change for files of format 1 */
#define HIN_VFS_CHECKSUM_BYTES 8    /* reserved at the end of each page */

struct hin_vfs;

/* directory and observer (may be NULL) are borrowed. */
HIN_RESULT hin_vfs_new(struct hin_vfs **ret_vfs, int directory,
                       const struct hin_store_observer *observer);
/* After the database was closed. */
void hin_vfs_free(struct hin_vfs *vfs);
const char *hin_vfs_name(const struct hin_vfs *vfs) HIN_NONNULL;
/* While a database is filled: pages that follow each other are written together, some ten of them
 * at a time; a failure may be that of a write before. Whatever reads, or asks for the file, sees
 * all. Off: what was gathered is written. */
HIN_RESULT hin_vfs_gather(struct hin_vfs *vfs, bool on) HIN_NONNULL;
/* Pages whose checksum did not hold, since the beginning. */
uint64_t hin_vfs_damage_count(const struct hin_vfs *vfs) HIN_NONNULL;

#endif
