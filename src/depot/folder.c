/* A depot in a folder of this host (or what is mounted there). Names are paths beneath it. What is
 * being written lies in ".part-..." beside its place until it is renamed; such leftovers of a
 * process that died are removed when the folder is opened for writing, those of others that may
 * still be at work (an hour) are not. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/secret.h"
#include "depot/depot_internal.h"

/* A few new files are made durable one by one; more are cheaper all at once, with whatever else the
 * file system has in hand. */
enum { DEPTH_MAX = 8, LEFTOVER_SECONDS = 3600, ONE_BY_ONE = 8 };
#define PART_PREFIX ".part-"
/* Of what was not made durable: writing out much at once holds up whoever commits meanwhile. */
#define WAITING_MOST ((uint64_t)8 << 20)

struct folder {
    struct hin_depot depot;
    int root;
    bool own_root;
    int part, parent; /* what is being written, and the folder it lies in */
    char part_name[64];
    char name[HIN_DEPOT_NAME_MAX + 1];
    enum hin_depot_mode mode;
    unsigned synced;  /* new ones since the last sync that are durable already */
    bool unsynced;    /* there are others */
    uint64_t waiting; /* bytes written since */
};

static struct folder *of(struct hin_depot *depot)
{
    return (struct folder *)depot; /* its first member */
}

/* errno, or a code, as what to do about it. */
static HIN_RESULT fail(struct folder *folder, enum hin_code code, const char *what,
                       const char *name)
{
    static const struct {
        enum hin_code code;
        const char *hint;
    } hints[] = {
        {HIN_NO_SPACE, "free space there, or keep backups for fewer days"},
        {HIN_DENIED, "check that it is not mounted read-only, and owner and mode of the folder"},
        {HIN_IO, "check the disk and its file system, or the mount"},
    };
    const char *hint = hin_code_hint(code);
    for (size_t i = 0; i < HIN_COUNT(hints); i++) {
        hint = hints[i].code == code ? hints[i].hint : hint;
    }
    return hin_error_set(&folder->depot.error, code, name, 0, 0, "%s: %s (%s)", what,
                         hin_code_text(code), hint);
}

static enum hin_code code_of_errno(void)
{
    return errno == EROFS    ? HIN_DENIED
           : errno == EDQUOT ? HIN_NO_SPACE
                             : hin_code_from_errno(errno);
}

static HIN_RESULT fail_errno(struct folder *folder, const char *what, const char *name)
{
    return fail(folder, code_of_errno(), what, name);
}

/* --- opening --- */

/* Removes what a writer that died has left in one folder. */
static void sweep(int folder, const char *name)
{
    struct stat about;
    if (strncmp(name, PART_PREFIX, sizeof(PART_PREFIX) - 1) == 0 &&
        fstatat(folder, name, &about, AT_SYMLINK_NOFOLLOW) == 0 &&
        time(NULL) - about.st_mtime > LEFTOVER_SECONDS) {
        (void)unlinkat(folder, name, 0);
    }
}

static HIN_RESULT open_root(struct folder *folder, const struct hin_depot_options *options,
                            struct hin_error *error)
{
    const char *path = options->url + sizeof("file://") - 1;
    if (path[0] != '/' || strchr(path, '%') != NULL) {
        return hin_error_set(error, HIN_INVALID, NULL, 0, 0,
                             "\"%s\" names no folder: write file:///FOLDER, absolute",
                             options->url);
    }
    if (options->directory >= 0) {
        folder->root = options->directory;
        return hin_ok();
    }
    struct hin_result opened =
        hin_fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, &folder->root);
    if (!hin_is_ok(opened)) {
        return hin_error_set(
            error, opened.code, path, 0, 0,
            "the folder of the destination cannot be opened: %s (make it, or mount "
            "it)",
            hin_code_text(opened.code));
    }
    folder->own_root = true;
    return hin_ok();
}

static HIN_RESULT folder_open(struct hin_depot **ret_depot, const struct hin_depot_options *options,
                              struct hin_error *error)
{
    if (options->settings != NULL && options->settings[0] != NULL) {
        return hin_error_set(error, HIN_INVALID, NULL, 0, 0, "a folder knows no setting \"%s\"",
                             options->settings[0]);
    }
    struct folder *folder = calloc(1, sizeof(*folder));
    HIN_ENSURE(folder != NULL, NO_MEMORY);
    folder->depot.kind = &hin_depot_folder;
    folder->depot.read_only = options->read_only;
    folder->root = folder->part = folder->parent = -1;
    struct hin_result opened = open_root(folder, options, error);
    if (!hin_is_ok(opened)) {
        free(folder);
        return opened;
    }
    *ret_depot = &folder->depot;
    return hin_ok();
}

static void folder_close(struct hin_depot *depot)
{
    struct folder *folder = of(depot);
    if (folder->own_root) {
        hin_fd_close(&folder->root);
    }
    free(folder);
}

/* --- writing --- */

/* A handle outlives the folder that it was opened for; what is put there then is nowhere. */
static HIN_RESULT check_root(struct folder *folder)
{
    struct stat about;
    if (fstat(folder->root, &about) == 0 && about.st_nlink > 0) {
        return hin_ok();
    }
    return hin_error_set(&folder->depot.error, HIN_NOT_FOUND, NULL, 0, 0,
                         "the folder of the destination was removed (make it, or mount it)");
}

/* The folder that `name` lies in; made, durably, where it is absent and `make` is set. */
static HIN_RESULT open_parent(struct folder *folder, const char *name, bool make, int *ret_fd)
{
    HIN_CLEANUP_FD int at = -1;
    struct hin_view rest = hin_view_from_text(name);
    HIN_TRY(hin_fd_open(folder->root, ".", O_RDONLY | O_DIRECTORY, 0, &at));
    for (size_t slash = hin_view_find_byte(rest, '/'); slash != SIZE_MAX;
         slash = hin_view_find_byte(rest, '/')) {
        char part[HIN_DEPOT_NAME_MAX + 1];
        HIN_CLEANUP_FD int next = -1;
        HIN_TRY(hin_view_to_text(hin_view_sub(rest, 0, slash), part, sizeof(part)));
        struct hin_result opened =
            hin_fd_open(at, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &next);
        if (opened.code == HIN_NOT_FOUND && make) {
            if (mkdirat(at, part, 0700) == 0) {
                HIN_TRY(hin_directory_sync(at));
            } else if (errno != EEXIST) {
                return hin_fail(code_of_errno());
            }
            opened = hin_fd_open(at, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &next);
        }
        HIN_TRY(opened);
        hin_fd_close(&at);
        at = hin_fd_take(&next);
        rest = hin_view_sub(rest, slash + 1, rest.size);
    }
    *ret_fd = hin_fd_take(&at);
    return hin_ok();
}

static HIN_RESULT folder_begin(struct hin_depot *depot, const char *name, enum hin_depot_mode mode)
{
    struct folder *folder = of(depot);
    struct stat about;
    HIN_TRY(check_root(folder));
    struct hin_result opened = open_parent(folder, name, true, &folder->parent);
    if (!hin_is_ok(opened)) {
        return fail(folder, opened.code, "its folder cannot be made", name);
    }
    if (mode == HIN_DEPOT_NEW &&
        fstatat(folder->parent, hin_path_base(name), &about, AT_SYMLINK_NOFOLLOW) == 0) {
        hin_fd_close(&folder->parent);
        return fail(folder, HIN_EXISTS, "it was written before", name);
    }
    /* random: another handle, of this process or of another host, may be at work here too */
    uint8_t random[8];
    char hex[2 * sizeof(random) + 1] = "";
    opened = hin_random(random, sizeof(random));
    hin_hex(random, hin_is_ok(opened) ? sizeof(random) : 0, hex);
    snprintf(folder->part_name, sizeof(folder->part_name), PART_PREFIX "%s", hex);
    opened = hin_fd_open(folder->parent, folder->part_name,
                         O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600, &folder->part);
    if (!hin_is_ok(opened)) {
        hin_fd_close(&folder->parent);
        return fail(folder, errno == EROFS ? HIN_DENIED : opened.code, "it cannot be written",
                    name);
    }
    snprintf(folder->name, sizeof(folder->name), "%s", name);
    folder->mode = mode;
    return hin_ok();
}

static void folder_drop(struct hin_depot *depot)
{
    struct folder *folder = of(depot);
    if (folder->part >= 0) {
        (void)unlinkat(folder->parent, folder->part_name, 0);
    }
    hin_fd_close(&folder->part);
    hin_fd_close(&folder->parent);
}

static HIN_RESULT folder_append(struct hin_depot *depot, struct hin_view bytes)
{
    struct folder *folder = of(depot);
    while (bytes.size > 0) {
        ssize_t put = write(folder->part, bytes.data, bytes.size);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put < 0) {
            return fail_errno(folder, "it cannot be written", folder->name);
        }
        bytes = hin_view_sub(bytes, (size_t)put, bytes.size);
        folder->waiting += (uint64_t)put;
    }
    return hin_ok();
}

static HIN_RESULT sync_all(struct folder *folder)
{
    if (syncfs(folder->root) != 0) {
        return fail_errno(folder, "what was written cannot be made durable", NULL);
    }
    folder->waiting = 0;
    return hin_ok();
}

/* What replaces something is on the disk before it takes the name; so are the first new ones. Of
 * others a loss of power before the next sync may leave a part, which its checksum tells. */
static HIN_RESULT folder_commit(struct hin_depot *depot)
{
    struct folder *folder = of(depot);
    const char *base = hin_path_base(folder->name);
    bool fresh = folder->mode == HIN_DEPOT_NEW;
    bool durable = !fresh || folder->synced < ONE_BY_ONE;
    if (durable && fdatasync(folder->part) != 0) {
        return fail_errno(folder, "it cannot be made durable", folder->name);
    }
    int moved = renameat2(folder->parent, folder->part_name, folder->parent, base,
                          fresh ? RENAME_NOREPLACE : 0);
    if (moved != 0 && (errno == EINVAL || errno == ENOSYS)) {
        /* a file system that cannot refuse: one writer at a time, and it was looked for before */
        moved = renameat(folder->parent, folder->part_name, folder->parent, base);
    }
    if (moved != 0) {
        return fail_errno(folder, "it cannot be given its name", folder->name);
    }
    if (durable && fsync(folder->parent) != 0) {
        return fail_errno(folder, "its folder cannot be made durable", folder->name);
    }
    folder->synced += durable && fresh;
    folder->unsynced |= !durable;
    hin_fd_close(&folder->part);
    hin_fd_close(&folder->parent);
    return folder->unsynced && folder->waiting >= WAITING_MOST ? sync_all(folder) : hin_ok();
}

static HIN_RESULT folder_sync(struct hin_depot *depot)
{
    struct folder *folder = of(depot);
    if (folder->unsynced) {
        HIN_TRY(sync_all(folder));
    }
    folder->unsynced = false;
    folder->synced = 0;
    return hin_ok();
}

/* --- reading --- */

static HIN_RESULT read_at(int fd, uint64_t offset, size_t limit, struct hin_buf *ret_bytes)
{
    size_t before = ret_bytes->size;
    struct stat about;
    HIN_ENSURE(fstat(fd, &about) == 0, IO);
    uint64_t size = (uint64_t)about.st_size;
    size_t wanted = offset >= size ? 0 : (size_t)HIN_MIN((uint64_t)limit, size - offset);
    uint8_t *to = NULL;
    HIN_TRY(hin_buf_extend(ret_bytes, wanted, &to));
    for (size_t done = 0; done < wanted;) {
        ssize_t got = pread(fd, to + done, wanted - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            ret_bytes->size = before;
            return hin_fail(HIN_IO);
        }
        done += (size_t)got;
    }
    return hin_ok();
}

static HIN_RESULT open_file(struct folder *folder, const char *name, int *ret_fd)
{
    HIN_CLEANUP_FD int parent = -1;
    HIN_TRY(open_parent(folder, name, false, &parent));
    return hin_fd_open(parent, hin_path_base(name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, ret_fd);
}

/* Files lie scattered: without this each is waited for by itself, which takes longer than to read
 * it. It is not kept open: what is gone when it is read is missing. */
static void folder_hint(struct hin_depot *depot, const char *name)
{
    struct folder *folder = of(depot);
    HIN_CLEANUP_FD int fd = -1;
    if (hin_is_ok(open_file(folder, name, &fd))) {
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED);
    }
}

static HIN_RESULT folder_get(struct hin_depot *depot, const char *name, uint64_t offset,
                             size_t limit, struct hin_buf *ret_bytes)
{
    struct folder *folder = of(depot);
    HIN_TRY(check_root(folder));
    HIN_CLEANUP_FD int fd = -1;
    struct hin_result got = open_file(folder, name, &fd);
    if (hin_is_ok(got)) {
        got = read_at(fd, offset, limit, ret_bytes);
    }
    return hin_is_ok(got) ? got : fail(folder, got.code, "it cannot be read", name);
}

struct listing {
    struct folder *folder;
    const char *prefix;
    HIN_RESULT (*visit)(void *context, const struct hin_depot_entry *entry);
    void *context;
    char path[HIN_DEPOT_NAME_MAX + 1];
    bool visiting_failed;
};

static HIN_RESULT list_folder(struct listing *listing, int fd, size_t size, unsigned depth);

/* Whether names beneath this path can begin with the prefix. */
static bool may_lead_there(const struct listing *listing, size_t size)
{
    size_t prefix = strlen(listing->prefix);
    return strncmp(listing->path, listing->prefix, HIN_MIN(size, prefix)) == 0;
}

static HIN_RESULT list_entry(struct listing *listing, int fd, const char *name, size_t size,
                             unsigned depth)
{
    struct stat about;
    int written = snprintf(listing->path + size, sizeof(listing->path) - size, "%s%s",
                           size > 0 ? "/" : "", name);
    size_t whole = size + (size_t)written;
    if (written < 0 || whole >= sizeof(listing->path) || !hin_depot_name_is_valid(listing->path) ||
        !may_lead_there(listing, whole) || fstatat(fd, name, &about, AT_SYMLINK_NOFOLLOW) != 0) {
        return hin_ok(); /* no name of ours */
    }
    if (S_ISDIR(about.st_mode) && depth < DEPTH_MAX) {
        HIN_CLEANUP_FD int inner = -1;
        HIN_TRY(hin_fd_open(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &inner));
        return list_folder(listing, hin_fd_take(&inner), whole, depth + 1);
    }
    if (!S_ISREG(about.st_mode) || whole < strlen(listing->prefix)) {
        return hin_ok();
    }
    struct hin_depot_entry entry = {listing->path, (uint64_t)about.st_size};
    struct hin_result visited = listing->visit(listing->context, &entry);
    listing->visiting_failed = !hin_is_ok(visited);
    return visited;
}

/* fd is closed. */
static HIN_RESULT list_folder(struct listing *listing, int fd, size_t size, unsigned depth)
{
    DIR *entries = fdopendir(fd);
    if (entries == NULL) {
        hin_fd_close(&fd);
        return hin_fail(HIN_IO);
    }
    struct hin_result result = hin_ok();
    while (hin_is_ok(result)) {
        errno = 0;
        const struct dirent *entry = readdir(entries);
        if (entry == NULL) {
            result = errno == 0 ? hin_ok() : hin_fail(hin_code_from_errno(errno));
            break;
        }
        if (!listing->folder->depot.read_only) {
            sweep(dirfd(entries), entry->d_name);
        }
        result = list_entry(listing, dirfd(entries), entry->d_name, size, depth);
        listing->path[size] = '\0';
    }
    closedir(entries);
    return result;
}

static HIN_RESULT
folder_list(struct hin_depot *depot, const char *prefix,
            HIN_RESULT (*visit)(void *context, const struct hin_depot_entry *entry), void *context)
{
    struct folder *folder = of(depot);
    struct listing listing = {
        .folder = folder, .prefix = prefix, .visit = visit, .context = context};
    int fd = -1;
    HIN_TRY(check_root(folder));
    struct hin_result listed = hin_fd_open(folder->root, ".", O_RDONLY | O_DIRECTORY, 0, &fd);
    if (hin_is_ok(listed)) {
        listed = list_folder(&listing, fd, 0, 0);
    }
    if (hin_is_ok(listed) || listing.visiting_failed) {
        return listed;
    }
    return fail(folder, listed.code, "the destination cannot be listed", NULL);
}

static HIN_RESULT folder_remove(struct hin_depot *depot, const char *name)
{
    struct folder *folder = of(depot);
    HIN_CLEANUP_FD int parent = -1;
    struct hin_result found = open_parent(folder, name, false, &parent);
    if (!hin_is_ok(found)) {
        return fail(folder, found.code, "it cannot be removed", name);
    }
    if (unlinkat(parent, hin_path_base(name), 0) != 0) {
        return fail_errno(folder, "it cannot be removed", name);
    }
    return fsync(parent) == 0 ? hin_ok()
                              : fail_errno(folder, "its folder cannot be made durable", name);
}

const struct hin_depot_kind hin_depot_folder = {
    .scheme = "file",
    .open = folder_open,
    .close = folder_close,
    .begin = folder_begin,
    .append = folder_append,
    .commit = folder_commit,
    .drop = folder_drop,
    .sync = folder_sync,
    .get = folder_get,
    .hint = folder_hint,
    .list = folder_list,
    .remove = folder_remove,
};
