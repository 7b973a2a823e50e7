/* Looking for plain bytes in the files of a tenant. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "store/seek.h"
#include "store/sqlite/internal.h"
#include "store/trial.h"

enum { CHUNK_BYTES = 1 << 20 };

struct hunt {
    struct hin_seek seek;
    struct hin_store_search *search;
    uint8_t *bytes; /* the end of the chunk before, and a chunk */
};

/* Of the schema, which SQLite keeps as text. */
static const struct hin_view control = {(const uint8_t *)"CREATE TABLE document", 21};

/* A chunk stands behind what was kept of the one before, so that nothing is missed between two. */
static void take_chunk(struct hunt *hunt, size_t *kept, size_t got)
{
    size_t size = *kept + got;
    hunt->search->bytes += got;
    hin_seek_look(&hunt->seek, hin_view_of(hunt->bytes, size));
    *kept = HIN_MIN(size, (size_t)HIN_SEEK_FORM_BYTES);
    hin_move(hunt->bytes, hunt->bytes + size - *kept, *kept);
}

/* A file that SQLite has open here is read through SQLite: the locks of a process on a file are
 * gone as soon as it closes any descriptor of it (fcntl(2)). */
static HIN_RESULT look_through_open(struct hunt *hunt, sqlite3 *db, int which)
{
    sqlite3_file *file = NULL;
    sqlite3_int64 size = 0;
    size_t kept = 0;
    HIN_ENSURE(sqlite3_file_control(db, "main", which, (void *)&file) == SQLITE_OK, IO);
    if (file == NULL || file->pMethods == NULL) {
        return hin_ok(); /* there is no log: all is in the file */
    }
    HIN_ENSURE(file->pMethods->xFileSize(file, &size) == SQLITE_OK, IO);
    for (sqlite3_int64 at = 0; at < size;) {
        int want = (int)HIN_MIN(size - at, (sqlite3_int64)CHUNK_BYTES);
        int code = file->pMethods->xRead(file, hunt->bytes + kept, want, at);
        if (code == SQLITE_IOERR_SHORT_READ) { /* a log that was begun anew just now */
            return hin_ok();
        }
        HIN_ENSURE(code == SQLITE_OK, IO);
        take_chunk(hunt, &kept, (size_t)want);
        at += want;
    }
    return hin_ok();
}

static HIN_RESULT look_through(struct hunt *hunt, int fd)
{
    size_t kept = 0;
    for (;;) {
        ssize_t got = read(fd, hunt->bytes + kept, CHUNK_BYTES);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return hin_fail(hin_code_from_errno(errno));
        }
        if (got == 0) {
            return hin_ok();
        }
        take_chunk(hunt, &kept, (size_t)got);
    }
}

static HIN_RESULT look_into(int directory, const char *name, struct hunt *hunt)
{
    HIN_CLEANUP_FD int fd = -1;
    struct stat about;
    struct hin_result opened =
        hin_fd_open(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, &fd);
    if (opened.code == HIN_NOT_FOUND) {
        return hin_ok(); /* a log that was folded in just now */
    }
    HIN_TRY(opened);
    HIN_ENSURE(fstat(fd, &about) == 0, IO);
    return S_ISREG(about.st_mode) ? look_through(hunt, fd) : hin_ok();
}

/* SQLite's own, which are open. */
static bool is_open(const char *suffix)
{
    static const char *const suffixes[] = {".db", ".db-wal", ".db-shm", ".db-journal"};
    for (size_t i = 0; i < HIN_COUNT(suffixes); i++) {
        if (strcmp(suffix, suffixes[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Whatever else was left beside the database and begins with the tenant's name. */
static HIN_RESULT look_beside(struct hin_store *store, const struct hin_store_options *options,
                              struct hunt *hunt)
{
    HIN_CLEANUP_FD int fd = -1;
    size_t size = strlen(store->tenant);
    struct hin_result looked = hin_ok();
    HIN_TRY(hin_fd_open(options->directory, ".", O_RDONLY | O_DIRECTORY, 0, &fd));
    DIR *entries = fdopendir(fd);
    HIN_ENSURE(entries != NULL, IO);
    fd = -1; /* the stream's from here on */
    const struct dirent *entry = NULL;
    while (hin_is_ok(looked) && (entry = readdir(entries)) != NULL) {
        if (strncmp(entry->d_name, store->tenant, size) == 0 && entry->d_name[size] == '.' &&
            !is_open(entry->d_name + size)) {
            looked = look_into(options->directory, entry->d_name, hunt);
        }
    }
    closedir(entries);
    return looked;
}

static HIN_RESULT look_through_files(struct hin_store *store,
                                     const struct hin_store_options *options, struct hunt *hunt)
{
    HIN_TRY(look_through_open(hunt, hin_sqlite_db(store), SQLITE_FCNTL_FILE_POINTER));
    HIN_TRY(look_through_open(hunt, hin_sqlite_db(store), SQLITE_FCNTL_JOURNAL_POINTER));
    return look_beside(store, options, hunt);
}

static HIN_RESULT search_with(struct hin_store *store, const struct hin_store_options *options,
                              struct hunt *hunt)
{
    hunt->bytes = malloc(CHUNK_BYTES + HIN_SEEK_FORM_BYTES);
    HIN_ENSURE(hunt->bytes != NULL, NO_MEMORY);
    struct hin_result looked = look_through_files(store, options, hunt);
    free(hunt->bytes);
    hin_seek_tell(&hunt->seek, hunt->search);
    return looked;
}

HIN_RESULT hin_sqlite_search_plain(struct hin_store *store, const struct hin_store_options *options,
                                   const struct hin_view *needles, size_t count,
                                   struct hin_store_search *search)
{
    struct hunt *hunt = calloc(1, sizeof(*hunt));
    HIN_ENSURE(hunt != NULL, NO_MEMORY);
    hunt->search = search;
    search->where =
        "every file of the tenant in the folder of databases, byte by byte: the database, its "
        "write-ahead log, and what else is named after it";
    struct hin_result looked = hin_seek_init(&hunt->seek, needles, count, control);
    looked = hin_is_ok(looked) ? search_with(store, options, hunt) : looked;
    hin_seek_done(&hunt->seek);
    free(hunt);
    return looked;
}
