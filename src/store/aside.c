/* A store that was made beside a tenant's own takes its place: files are renamed, tables of a
 * server change their schema. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "store/internal.h"
#include "store/postgres/internal.h"

enum { NAME_BYTES = 128 };

/* What belongs to a file goes before it: while the file is there it is not done. */
static const char *const tails[] = {"-wal", "-shm", "-journal", ""};

const char *hin_store_aside_ending(enum hin_store_aside aside)
{
    static const char *const endings[HIN_STORE_ASIDE_COUNT] = {
        [HIN_STORE_IN_PLACE] = "",
        [HIN_STORE_NEXT] = ".next",
        [HIN_STORE_REPLACED] = ".replaced",
    };
    return aside < HIN_STORE_ASIDE_COUNT ? endings[aside] : "";
}

static void name_file(const struct hin_store_options *options, enum hin_store_aside aside,
                      const char *tail, char name[NAME_BYTES])
{
    (void)snprintf(name, NAME_BYTES, "%s%s.db%s", options->tenant, hin_store_aside_ending(aside),
                   tail);
}

static HIN_RESULT look(const struct hin_store_options *options, enum hin_store_aside aside,
                       const char *tail, off_t *ret_size)
{
    struct stat info;
    char name[NAME_BYTES];
    name_file(options, aside, tail, name);
    if (fstatat(options->directory, name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
        return hin_fail(hin_code_from_errno(errno));
    }
    *ret_size = info.st_size;
    return hin_ok();
}

static HIN_RESULT find_file(const struct hin_store_options *options, enum hin_store_aside aside,
                            bool *ret_there)
{
    off_t size = 0;
    struct hin_result looked = look(options, aside, "", &size);
    *ret_there = hin_is_ok(looked);
    return looked.code == HIN_NOT_FOUND ? hin_ok() : looked;
}

static HIN_RESULT move(const struct hin_store_options *options, enum hin_store_aside from,
                       enum hin_store_aside to, const char *tail)
{
    char old[NAME_BYTES], new[NAME_BYTES];
    name_file(options, from, tail, old);
    name_file(options, to, tail, new);
    if (renameat(options->directory, old, options->directory, new) != 0 && errno != ENOENT) {
        return hin_fail(hin_code_from_errno(errno));
    }
    return hin_ok();
}

/* Closed in order it is one file: what is left in its log would be lost. */
static HIN_RESULT check_closed(const struct hin_store_options *options, struct hin_error *error)
{
    for (size_t i = 0; i + 1 < HIN_COUNT(tails); i++) {
        off_t size = 0;
        struct hin_result looked = look(options, HIN_STORE_NEXT, tails[i], &size);
        if (hin_is_ok(looked) && size > 0 && i != 1) {
            return hin_error_set(error, HIN_CONFLICT, NULL, 0, 0,
                                 "the store that is to take the place of another was not closed");
        }
    }
    return hin_ok();
}

static HIN_RESULT take_files(const struct hin_store_options *options, struct hin_error *error)
{
    bool there = false;
    HIN_TRY(find_file(options, HIN_STORE_NEXT, &there));
    if (!there) {
        return hin_ok();
    }
    HIN_TRY(check_closed(options, error));
    for (size_t i = 0; i < HIN_COUNT(tails); i++) {
        HIN_TRY(move(options, HIN_STORE_IN_PLACE, HIN_STORE_REPLACED, tails[i]));
    }
    HIN_TRY(hin_directory_sync(options->directory));
    HIN_TRY(move(options, HIN_STORE_NEXT, HIN_STORE_IN_PLACE, ""));
    return hin_directory_sync(options->directory);
}

static HIN_RESULT erase_files(const struct hin_store_options *options, enum hin_store_aside aside)
{
    char name[NAME_BYTES];
    for (size_t i = 0; i < HIN_COUNT(tails); i++) {
        name_file(options, aside, tails[i], name);
        if (unlinkat(options->directory, name, 0) != 0 && errno != ENOENT) {
            return hin_fail(hin_code_from_errno(errno));
        }
    }
    return hin_directory_sync(options->directory);
}

HIN_RESULT hin_store_aside_find(const struct hin_store_options *options, enum hin_store_aside aside,
                                bool *ret_there, struct hin_error *error)
{
    return options->server != NULL ? hin_postgres_aside_find(options, aside, ret_there, error)
                                   : find_file(options, aside, ret_there);
}

HIN_RESULT hin_store_aside_take(const struct hin_store_options *options, struct hin_error *error)
{
    return options->server != NULL ? hin_postgres_aside_take(options, error)
                                   : take_files(options, error);
}

HIN_RESULT hin_store_aside_erase(const struct hin_store_options *options,
                                 enum hin_store_aside aside, struct hin_error *error)
{
    HIN_ENSURE(aside != HIN_STORE_IN_PLACE, INVALID);
    return options->server != NULL ? hin_postgres_aside_erase(options, aside, error)
                                   : erase_files(options, aside);
}
