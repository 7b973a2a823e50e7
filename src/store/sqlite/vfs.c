#include "store/sqlite/vfs.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/bytes.h"

#define NAME_MAX_BYTES 512
#define GATHER_PAGES   ((size_t)12) /* SQLite's own writes take less than 128 KiB at a time */

struct hin_vfs {
    sqlite3_vfs base; /* first: SQLite sees this */
    sqlite3_vfs *unix_vfs;
    const struct hin_store_observer *observer;
    char name[64];
    char prefix[64]; /* "" when the folder is the current one, else "/proc/self/fd/N/" */
    uint64_t damage_count;
    uint8_t page[HIN_VFS_PAGE_BYTES];
    uint8_t *gathered;   /* NULL, or of GATHER_PAGES: the database is being filled */
    struct file *file;   /* whose pages they are */
    size_t gather_count; /* pages, without their checksums */
    int gather_failed;   /* a write of theirs: what SQLite was told is written, is not */
    sqlite3_int64 gather_at;
};

struct file {
    sqlite3_file base;
    struct hin_vfs *vfs;
    const char *name; /* within the folder; part of what SQLite keeps while the file is open */
    bool is_database;
    sqlite3_file *below; /* right behind this struct */
};

static struct hin_vfs *vfs_of(sqlite3_vfs *base)
{
    return base->pAppData;
}

static struct file *file_of(sqlite3_file *base)
{
    return (struct file *)(void *)base;
}

static int code_to_sqlite(struct hin_result result, int other)
{
    return result.code == HIN_OK ? SQLITE_OK : result.code == HIN_NO_SPACE ? SQLITE_FULL : other;
}

/* --- page checksums --- */

/* 64 bits over the page but its last 8 bytes, begun with its offset, so that a page in a wrong
 * place shows too. Every step is a bijection of the running value: a change of any one word always
 * shows. Against accidents only; what an attacker changes is caught by the seals. */
static uint64_t page_checksum(const uint8_t *page, int64_t offset)
{
    uint64_t sum = UINT64_C(0x9e3779b97f4a7c15) ^ (uint64_t)offset;
    for (size_t at = 0; at < HIN_VFS_PAGE_BYTES - HIN_VFS_CHECKSUM_BYTES; at += 8) {
        sum = (sum ^ hin_load_u64(page + at)) * UINT64_C(0xff51afd7ed558ccd);
        sum = sum << 29 | sum >> 35;
    }
    return sum;
}

/* Of four pages in a row: each step of one waits for the step before, so four go as fast as one. */
static void page_checksums(const uint8_t *pages, int64_t offset, uint64_t sums[4])
{
    for (size_t i = 0; i < 4; i++) {
        sums[i] =
            UINT64_C(0x9e3779b97f4a7c15) ^ ((uint64_t)offset + (uint64_t)(i * HIN_VFS_PAGE_BYTES));
    }
    for (size_t at = 0; at < HIN_VFS_PAGE_BYTES - HIN_VFS_CHECKSUM_BYTES; at += 8) {
        for (size_t i = 0; i < 4; i++) {
            uint64_t word = hin_load_u64(pages + i * HIN_VFS_PAGE_BYTES + at);
            uint64_t sum = (sums[i] ^ word) * UINT64_C(0xff51afd7ed558ccd);
            sums[i] = sum << 29 | sum >> 35;
        }
    }
}

static bool is_page(const struct file *file, int size, sqlite3_int64 offset)
{
    return file->is_database && size == HIN_VFS_PAGE_BYTES && offset % HIN_VFS_PAGE_BYTES == 0;
}

/* --- file methods --- */

static int write_below(struct file *file, struct hin_view bytes, sqlite3_int64 offset)
{
    const struct hin_store_observer *observer = file->vfs->observer;
    if (observer != NULL && observer->write != NULL) {
        int code = code_to_sqlite(observer->write(observer->context, file->name, offset, bytes),
                                  SQLITE_IOERR_WRITE);
        if (code != SQLITE_OK) {
            return code;
        }
    }
    return file->below->pMethods->xWrite(file->below, bytes.data, (int)bytes.size, offset);
}

static void put_checksum(uint8_t *page, uint64_t sum)
{
    hin_store_u64(page + HIN_VFS_PAGE_BYTES - HIN_VFS_CHECKSUM_BYTES, sum);
}

/* What was gathered of this file, to the disk. Not everybody that is told of a failure passes it
 * on (a lock that is given up): so it stays one. */
static int write_gathered(struct file *file)
{
    struct hin_vfs *vfs = file->vfs;
    if (vfs->gather_count == 0 || vfs->file != file) {
        return vfs->gather_failed;
    }
    size_t count = vfs->gather_count, done = 0;
    vfs->gather_count = 0;
    for (uint64_t sums[4]; done + 4 <= count; done += 4) {
        uint8_t *pages = vfs->gathered + done * HIN_VFS_PAGE_BYTES;
        page_checksums(pages, vfs->gather_at + (int64_t)(done * HIN_VFS_PAGE_BYTES), sums);
        for (size_t i = 0; i < 4; i++) {
            put_checksum(pages + i * HIN_VFS_PAGE_BYTES, sums[i]);
        }
    }
    for (; done < count; done++) {
        uint8_t *page = vfs->gathered + done * HIN_VFS_PAGE_BYTES;
        put_checksum(page,
                     page_checksum(page, vfs->gather_at + (int64_t)(done * HIN_VFS_PAGE_BYTES)));
    }
    int code =
        write_below(file, hin_view_of(vfs->gathered, count * HIN_VFS_PAGE_BYTES), vfs->gather_at);
    vfs->gather_failed = vfs->gather_failed == SQLITE_OK ? code : vfs->gather_failed;
    return vfs->gather_failed;
}

static int gather(struct file *file, const void *page, sqlite3_int64 offset)
{
    struct hin_vfs *vfs = file->vfs;
    size_t bytes = vfs->gather_count * HIN_VFS_PAGE_BYTES;
    if (vfs->gather_count == GATHER_PAGES || offset != vfs->gather_at + (sqlite3_int64)bytes) {
        int code = write_gathered(file);
        if (code != SQLITE_OK) {
            return code;
        }
        bytes = 0;
    }
    if (bytes == 0) {
        vfs->file = file;
        vfs->gather_at = offset;
    }
    hin_copy(vfs->gathered + bytes, page, HIN_VFS_PAGE_BYTES);
    vfs->gather_count++;
    return SQLITE_OK;
}

static int file_close(sqlite3_file *base)
{
    struct file *file = file_of(base);
    int written = write_gathered(file); /* closing has no use for a failure: syncing told it */
    int closed = file->below->pMethods->xClose(file->below);
    return written != SQLITE_OK ? written : closed;
}

static int file_read(sqlite3_file *base, void *to, int size, sqlite3_int64 offset)
{
    struct file *file = file_of(base);
    int written = write_gathered(file);
    if (written != SQLITE_OK) {
        return written;
    }
    int code = file->below->pMethods->xRead(file->below, to, size, offset);
    if (code != SQLITE_OK || !is_page(file, size, offset)) {
        return code;
    }
    const uint8_t *page = to;
    uint64_t stored = hin_load_u64(page + HIN_VFS_PAGE_BYTES - HIN_VFS_CHECKSUM_BYTES);
    if (stored != page_checksum(page, offset)) {
        file->vfs->damage_count++;
        return SQLITE_IOERR_DATA;
    }
    return SQLITE_OK;
}

static int file_write(sqlite3_file *base, const void *from, int size, sqlite3_int64 offset)
{
    struct file *file = file_of(base);
    bool page = is_page(file, size, offset);
    if (page && file->vfs->gathered != NULL) {
        return gather(file, from, offset);
    }
    int written = write_gathered(file);
    if (written != SQLITE_OK) {
        return written;
    }
    const void *bytes = from;
    if (page) {
        hin_copy(file->vfs->page, from, HIN_VFS_PAGE_BYTES);
        put_checksum(file->vfs->page, page_checksum(file->vfs->page, offset));
        bytes = file->vfs->page;
    }
    return write_below(file, hin_view_of(bytes, (size_t)size), offset);
}

static int file_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    struct file *file = file_of(base);
    int written = write_gathered(file);
    if (written != SQLITE_OK) {
        return written;
    }
    const struct hin_store_observer *observer = file->vfs->observer;
    if (observer != NULL && observer->truncate != NULL) {
        int code = code_to_sqlite(observer->truncate(observer->context, file->name, size),
                                  SQLITE_IOERR_TRUNCATE);
        if (code != SQLITE_OK) {
            return code;
        }
    }
    return file->below->pMethods->xTruncate(file->below, size);
}

static int file_sync(sqlite3_file *base, int flags)
{
    struct file *file = file_of(base);
    int written = write_gathered(file);
    if (written != SQLITE_OK) {
        return written;
    }
    int code = file->below->pMethods->xSync(file->below, flags);
    const struct hin_store_observer *observer = file->vfs->observer;
    if (code == SQLITE_OK && observer != NULL && observer->sync != NULL) {
        code = code_to_sqlite(observer->sync(observer->context, file->name), SQLITE_IOERR_FSYNC);
    }
    return code;
}

static int file_size(sqlite3_file *base, sqlite3_int64 *ret_size)
{
    struct file *file = file_of(base);
    int written = write_gathered(file);
    return written != SQLITE_OK ? written : file->below->pMethods->xFileSize(file->below, ret_size);
}

static int file_lock(sqlite3_file *base, int level)
{
    struct file *file = file_of(base);
    return file->below->pMethods->xLock(file->below, level);
}

static int file_unlock(sqlite3_file *base, int level)
{
    struct file *file = file_of(base);
    int written = write_gathered(file); /* whoever comes next sees it */
    int code = file->below->pMethods->xUnlock(file->below, level);
    return written != SQLITE_OK ? written : code;
}

static int file_check_lock(sqlite3_file *base, int *ret_held)
{
    struct file *file = file_of(base);
    return file->below->pMethods->xCheckReservedLock(file->below, ret_held);
}

static int file_control(sqlite3_file *base, int what, void *argument)
{
    struct file *file = file_of(base);
    return file->below->pMethods->xFileControl(file->below, what, argument);
}

static int file_sector_size(sqlite3_file *base)
{
    struct file *file = file_of(base);
    return file->below->pMethods->xSectorSize(file->below);
}

/* Batch-atomic writes would pass by our checksums. */
static int file_characteristics(sqlite3_file *base)
{
    struct file *file = file_of(base);
    return file->below->pMethods->xDeviceCharacteristics(file->below) & ~SQLITE_IOCAP_BATCH_ATOMIC;
}

static int file_shm_map(sqlite3_file *base, int region, int size, int extend,
                        void volatile **ret_at)
{
    struct file *file = file_of(base);
    return file->below->pMethods->xShmMap(file->below, region, size, extend, ret_at);
}

static int file_shm_lock(sqlite3_file *base, int offset, int count, int flags)
{
    struct file *file = file_of(base);
    return file->below->pMethods->xShmLock(file->below, offset, count, flags);
}

static void file_shm_barrier(sqlite3_file *base)
{
    struct file *file = file_of(base);
    file->below->pMethods->xShmBarrier(file->below);
}

static int file_shm_unmap(sqlite3_file *base, int remove)
{
    struct file *file = file_of(base);
    return file->below->pMethods->xShmUnmap(file->below, remove);
}

/* Version 2: shared memory for WAL, no memory mapping (it would pass by the checksums). */
static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

/* --- VFS methods --- */

static int vfs_open(sqlite3_vfs *base, const char *path, sqlite3_file *to, int flags,
                    int *ret_flags)
{
    struct hin_vfs *vfs = vfs_of(base);
    struct file *file = file_of(to);
    hin_zero(file, sizeof(*file));
    if (path == NULL) {
        return SQLITE_CANTOPEN; /* temporary files stay in memory: temp_store */
    }
    file->vfs = vfs;
    file->name = path + strlen(vfs->prefix);
    file->is_database = (flags & SQLITE_OPEN_MAIN_DB) != 0;
    file->below = (sqlite3_file *)(void *)(file + 1);
    int code = vfs->unix_vfs->xOpen(vfs->unix_vfs, path, file->below, flags, ret_flags);
    if (code == SQLITE_OK) {
        file->base.pMethods = &methods;
    }
    return code;
}

static int vfs_delete(sqlite3_vfs *base, const char *path, int sync_directory)
{
    struct hin_vfs *vfs = vfs_of(base);
    const struct hin_store_observer *observer = vfs->observer;
    if (observer != NULL && observer->remove != NULL) {
        int code = code_to_sqlite(observer->remove(observer->context, path + strlen(vfs->prefix)),
                                  SQLITE_IOERR_DELETE);
        if (code != SQLITE_OK) {
            return code;
        }
    }
    return vfs->unix_vfs->xDelete(vfs->unix_vfs, path, sync_directory);
}

static int vfs_access(sqlite3_vfs *base, const char *path, int flags, int *ret_result)
{
    struct hin_vfs *vfs = vfs_of(base);
    return vfs->unix_vfs->xAccess(vfs->unix_vfs, path, flags, ret_result);
}

/* No getcwd, no readlink: the name stays relative to the folder. */
static int vfs_full_path(sqlite3_vfs *base, const char *name, int room, char *out)
{
    struct hin_vfs *vfs = vfs_of(base);
    int size = snprintf(out, (size_t)room, "%s%s", vfs->prefix, name);
    return size >= 0 && size < room ? SQLITE_OK : SQLITE_CANTOPEN;
}

static int vfs_randomness(sqlite3_vfs *base, int size, char *out)
{
    struct hin_vfs *vfs = vfs_of(base);
    return vfs->unix_vfs->xRandomness(vfs->unix_vfs, size, out);
}

static int vfs_sleep(sqlite3_vfs *base, int usec)
{
    struct hin_vfs *vfs = vfs_of(base);
    return vfs->unix_vfs->xSleep(vfs->unix_vfs, usec);
}

static int vfs_time(sqlite3_vfs *base, sqlite3_int64 *ret_time)
{
    struct hin_vfs *vfs = vfs_of(base);
    return vfs->unix_vfs->xCurrentTimeInt64(vfs->unix_vfs, ret_time);
}

static int vfs_last_error(sqlite3_vfs *base, int size, char *out)
{
    struct hin_vfs *vfs = vfs_of(base);
    return vfs->unix_vfs->xGetLastError(vfs->unix_vfs, size, out);
}

/* The current folder needs no /proc, which a sandbox may lack. */
static HIN_RESULT set_prefix(struct hin_vfs *vfs, int directory)
{
    struct stat here, there;
    HIN_ENSURE(fstat(directory, &there) == 0, INVALID);
    HIN_ENSURE(S_ISDIR(there.st_mode), INVALID);
    if (stat(".", &here) == 0 && here.st_dev == there.st_dev && here.st_ino == there.st_ino) {
        vfs->prefix[0] = '\0';
        return hin_ok();
    }
    (void)snprintf(vfs->prefix, sizeof(vfs->prefix), "/proc/self/fd/%d/", directory);
    return hin_ok();
}

static void fill_methods(struct hin_vfs *vfs)
{
    vfs->base = (sqlite3_vfs){
        .iVersion = 2,
        .szOsFile = (int)sizeof(struct file) + vfs->unix_vfs->szOsFile,
        .mxPathname = NAME_MAX_BYTES,
        .zName = vfs->name,
        .pAppData = vfs,
        .xOpen = vfs_open,
        .xDelete = vfs_delete,
        .xAccess = vfs_access,
        .xFullPathname = vfs_full_path,
        .xRandomness = vfs_randomness,
        .xSleep = vfs_sleep,
        .xGetLastError = vfs_last_error,
        .xCurrentTimeInt64 = vfs_time,
    };
}

HIN_RESULT hin_vfs_new(struct hin_vfs **ret_vfs, int directory,
                       const struct hin_store_observer *observer)
{
    struct hin_vfs *vfs = calloc(1, sizeof(*vfs));
    HIN_ENSURE(vfs != NULL, NO_MEMORY);
    vfs->observer = observer;
    vfs->unix_vfs = sqlite3_vfs_find("unix");
    (void)snprintf(vfs->name, sizeof(vfs->name), "hinomi-%p", (void *)vfs);
    struct hin_result result =
        vfs->unix_vfs != NULL ? set_prefix(vfs, directory) : hin_fail(HIN_IO);
    if (hin_is_ok(result)) {
        fill_methods(vfs);
        if (sqlite3_vfs_register(&vfs->base, 0) != SQLITE_OK) {
            result = hin_fail(HIN_NO_MEMORY);
        }
    }
    if (!hin_is_ok(result)) {
        free(vfs);
        return result;
    }
    *ret_vfs = vfs;
    return hin_ok();
}

void hin_vfs_free(struct hin_vfs *vfs)
{
    if (vfs != NULL) {
        (void)sqlite3_vfs_unregister(&vfs->base);
        free(vfs->gathered);
        free(vfs);
    }
}

HIN_RESULT hin_vfs_gather(struct hin_vfs *vfs, bool on)
{
    int written = vfs->gather_count > 0 ? write_gathered(vfs->file) : vfs->gather_failed;
    vfs->gather_failed = SQLITE_OK;
    if (on && vfs->gathered == NULL) {
        vfs->gathered = malloc(GATHER_PAGES * HIN_VFS_PAGE_BYTES);
        HIN_ENSURE(vfs->gathered != NULL, NO_MEMORY);
    }
    if (!on) {
        free(vfs->gathered);
        vfs->gathered = NULL;
    }
    HIN_ENSURE(written != SQLITE_FULL, NO_SPACE);
    HIN_ENSURE(written == SQLITE_OK, IO);
    return hin_ok();
}

const char *hin_vfs_name(const struct hin_vfs *vfs)
{
    return vfs->name;
}

uint64_t hin_vfs_damage_count(const struct hin_vfs *vfs)
{
    return vfs->damage_count;
}
