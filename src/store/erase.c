/* What a tenant's data lie in goes, in bounded steps. Its keys are gone before: nothing of it can
 * be read any more, this gives the room back. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "store/postgres/internal.h"
#include "store/store.h"

/* A file system frees a large file in one go, and everybody waits for it. */
#define STEP_BYTES ((off_t)256 << 20)

static const char *const stems[] = {"db",           "db.salvaged",  "db.damaged",
                                    "db.damaged-2", "db.damaged-3", "damage",
                                    "next.db",      "replaced.db",  "restore"};
static const char *const tails[] = {"-wal", "-shm", "-journal", ""};

static HIN_RESULT shorten(int directory, const char *name, off_t size)
{
    HIN_CLEANUP_FD int fd = -1;
    HIN_TRY(hin_fd_open(directory, name, O_WRONLY | O_NOFOLLOW, 0, &fd));
    HIN_ENSURE(ftruncate(fd, size) == 0, IO);
    return hin_ok();
}

static HIN_RESULT remove_some(int directory, const char *name, bool *ret_done)
{
    struct stat info;
    *ret_done = true;
    if (fstatat(directory, name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
        return errno == ENOENT ? hin_ok() : hin_fail(hin_code_from_errno(errno));
    }
    if (S_ISREG(info.st_mode) && info.st_size > STEP_BYTES) {
        *ret_done = false;
        return shorten(directory, name, info.st_size - STEP_BYTES);
    }
    HIN_ENSURE(unlinkat(directory, name, 0) == 0 || errno == ENOENT, IO);
    return hin_ok();
}

static HIN_RESULT erase_files(const struct hin_store_options *options, bool *ret_done)
{
    char name[128];
    for (size_t i = 0; i < HIN_COUNT(stems) * HIN_COUNT(tails); i++) {
        bool done = false;
        (void)snprintf(name, sizeof(name), "%s.%s%s", options->tenant, stems[i / HIN_COUNT(tails)],
                       tails[i % HIN_COUNT(tails)]);
        HIN_TRY(remove_some(options->directory, name, &done));
        if (!done) {
            *ret_done = false;
            return hin_ok();
        }
    }
    HIN_TRY(hin_directory_sync(options->directory));
    *ret_done = true;
    return hin_ok();
}

HIN_RESULT hin_store_erase(const struct hin_store_options *options, bool *ret_done,
                           struct hin_error *error)
{
    if (options->server == NULL) {
        return erase_files(options, ret_done);
    }
    bool role_done = false, files_done = false;
    HIN_TRY(hin_postgres_erase(options, &role_done, error));
    HIN_TRY(erase_files(options, &files_done)); /* marks that stand beside */
    *ret_done = role_done && files_done;
    return hin_ok();
}
