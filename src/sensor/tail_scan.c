/* Which files there are: folders, names, rotation. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "sensor/tail_internal.h"

/* One look at a folder. */
struct entry {
    char *name;
    uint64_t inode;
    uint8_t type; /* DT_x */
};

struct listing {
    struct entry *entries;
    size_t count, capacity;
};

static void listing_done(struct listing *listing)
{
    for (size_t i = 0; i < listing->count; i++) {
        free(listing->entries[i].name);
    }
    free(listing->entries);
}

static HIN_RESULT listing_add(struct listing *listing, const struct dirent *from)
{
    if (listing->count == listing->capacity) {
        size_t capacity = listing->capacity == 0 ? 32 : listing->capacity * 2;
        struct entry *entries = realloc(listing->entries, capacity * sizeof(*entries));
        HIN_ENSURE(entries != NULL, NO_MEMORY);
        listing->entries = entries;
        listing->capacity = capacity;
    }
    char *name = strdup(from->d_name);
    HIN_ENSURE(name != NULL, NO_MEMORY);
    listing->entries[listing->count++] = (struct entry){name, from->d_ino, from->d_type};
    return hin_ok();
}

static HIN_RESULT listing_read(struct hin_tail *tail, const struct folder *folder,
                               struct listing *listing)
{
    int fd = -1;
    HIN_TRY(tail->options.host.open_directory(tail->options.host.context, folder->root,
                                              tail_relative(tail, folder->root, folder->path),
                                              &fd));
    DIR *directory = fdopendir(fd);
    if (directory == NULL) {
        hin_fd_close(&fd);
        return hin_fail(HIN_IO);
    }
    struct hin_result result = hin_ok();
    for (struct dirent *d = readdir(directory); d != NULL && hin_is_ok(result);
         d = readdir(directory)) {
        bool wanted = d->d_name[0] != '.' &&
                      (d->d_type == DT_REG || d->d_type == DT_DIR || d->d_type == DT_UNKNOWN);
        if (wanted && listing->count < TAIL_ENTRIES_MAX) {
            result = listing_add(listing, d);
        }
    }
    closedir(directory);
    return result;
}

const char *tail_relative(const struct hin_tail *tail, unsigned root, const char *path)
{
    size_t size = strlen(tail->roots[root]);
    return path[size] == '/' ? path + size + 1 : "";
}

/* ---- names ---- */

static bool is_packed(const char *name)
{
    static const char *const suffixes[] = {".gz",  ".bz2", ".xz",  ".zst",
                                           ".lz4", ".Z",   ".zip", ".lzma"};
    size_t size = strlen(name);
    for (size_t i = 0; i < HIN_COUNT(suffixes); i++) {
        size_t suffix = strlen(suffixes[i]);
        if (size > suffix && strcmp(name + size - suffix, suffixes[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* "NAME.1", "NAME-20260101", "NAME.2026-01-01_10", "NAME.old": what follows NAME when it was
 * rotated away. */
static bool is_rotation_suffix(const char *suffix)
{
    if (strcmp(suffix, ".old") == 0 || strcmp(suffix, ".0") == 0) {
        return true;
    }
    size_t digits = 0;
    if (suffix[0] != '.' && suffix[0] != '-') {
        return false;
    }
    for (const char *at = suffix + 1; *at != '\0'; at++) {
        bool digit = *at >= '0' && *at <= '9';
        if (!digit && strchr("-_.:T", *at) == NULL) {
            return false;
        }
        digits += digit;
    }
    return digits > 0;
}

static bool is_rotated_from(const char *name, const char *base)
{
    size_t size = strlen(base);
    return strncmp(name, base, size) == 0 && is_rotation_suffix(name + size) && !is_packed(name);
}

/* Is there a file in this folder whose rotated form this name is? Then only rotation leads to it.
 */
static bool is_rotated(const struct listing *listing, const char *name)
{
    for (size_t i = 0; i < listing->count; i++) {
        if (is_rotated_from(name, listing->entries[i].name)) {
            return true;
        }
    }
    return false;
}

/* A glob would take this name and then see the file that had it: true also when the file is away
 * just now. */
static bool is_rotated_of_source(const struct hin_tail *tail, const char *path)
{
    for (size_t i = 0; i < tail->source_count; i++) {
        size_t size = strlen(tail->sources[i]->path);
        if (strncmp(path, tail->sources[i]->path, size) == 0 && is_rotation_suffix(path + size)) {
            return true;
        }
    }
    return false;
}

bool tail_glob_of(const struct hin_tail *tail, const char *path, unsigned *ret_glob)
{
    for (size_t i = 0; i < tail->options.glob_count; i++) {
        if (tail->globs[i].usable &&
            hin_path_glob(hin_view_from_text(tail->globs[i].pattern), hin_view_from_text(path))) {
            *ret_glob = (unsigned)i;
            return true;
        }
    }
    return false;
}

static bool in_folder(const struct source *source, const struct folder *folder)
{
    size_t size = strlen(folder->path);
    return strncmp(source->path, folder->path, size) == 0 && source->path[size] == '/' &&
           strchr(source->path + size + 1, '/') == NULL;
}

/* ---- files ---- */

static HIN_RESULT entry_open(struct hin_tail *tail, const struct folder *folder, const char *name,
                             char *path, int *ret_fd, struct stat *ret_st)
{
    HIN_CLEANUP_FD int fd = -1;
    HIN_TRY(hin_path_join(path, HIN_PATH_MAX, folder->path, name));
    HIN_TRY(tail->options.host.open_file(tail->options.host.context, folder->root,
                                         tail_relative(tail, folder->root, path), &fd));
    HIN_ENSURE(fstat(fd, ret_st) == 0, IO);
    *ret_fd = hin_fd_take(&fd);
    return hin_ok();
}

static struct source *source_by_inode(const struct hin_tail *tail, const struct folder *folder,
                                      uint64_t inode)
{
    for (size_t i = 0; i < tail->source_count; i++) {
        struct source *source = tail->sources[i];
        if (source->inode == inode && !source->forget && in_folder(source, folder)) {
            return source;
        }
    }
    return NULL;
}

static struct source *source_by_path(const struct hin_tail *tail, const char *path)
{
    struct source *found = NULL;
    for (size_t i = 0; i < tail->source_count; i++) {
        struct source *source = tail->sources[i];
        bool live =
            source->state == SOURCE_ACTIVE || (source->state == SOURCE_COLD && !source->retired);
        if (live && strcmp(source->path, path) == 0 &&
            (found == NULL || source->order > found->order)) {
            found = source;
        }
    }
    return found;
}

/* Was there ever a file of this name? */
static bool is_known_path(const struct hin_tail *tail, const char *path)
{
    for (size_t i = 0; i < tail->source_count; i++) {
        if (strcmp(tail->sources[i]->path, path) == 0) {
            return true;
        }
    }
    return false;
}

struct sibling {
    int fd;
    struct stat st;
    const char *name;
};

/* Oldest first. Modification times have the grain of a tick; within one, "NAME.2" is older than
 * "NAME.1" and "NAME-20260101" older than "NAME-20260102". */
static int sibling_order(const void *a, const void *b)
{
    const struct sibling *left = a, *right = b;
    int64_t difference = stat_mtime_usec(&left->st) - stat_mtime_usec(&right->st);
    if (difference != 0) {
        return difference < 0 ? -1 : 1;
    }
    size_t left_size = strlen(left->name), right_size = strlen(right->name);
    bool dated = hin_view_find(hin_view_from_text(left->name), HIN_VIEW("20")) != SIZE_MAX &&
                 left_size == right_size && left_size > 8;
    int order = left_size != right_size ? (left_size < right_size ? -1 : 1)
                                        : strcmp(left->name, right->name);
    return dated ? order : -order;
}

/* A finished file is known by its inode; one that is newer than that has been given a used inode.
 */
static bool is_known(const struct hin_tail *tail, const struct folder *folder,
                     const struct stat *st)
{
    for (size_t i = 0; i < tail->source_count; i++) {
        const struct source *source = tail->sources[i];
        if (source->inode == st->st_ino && !source->forget && in_folder(source, folder) &&
            (source->state != SOURCE_DONE || stat_mtime_usec(st) <= source->mtime_usec)) {
            return true;
        }
    }
    return false;
}

/* A new source has this inode now: what is remembered of a finished one is out of date. */
static void forget_done(struct hin_tail *tail, const struct folder *folder,
                        const struct source *now)
{
    for (size_t i = 0; i < tail->source_count; i++) {
        struct source *source = tail->sources[i];
        if (source != now && source->inode == now->inode && source->state == SOURCE_DONE &&
            in_folder(source, folder)) {
            tail_source_forget(source);
        }
    }
}

static size_t siblings_find(struct hin_tail *tail, const struct folder *folder,
                            const struct listing *listing, const char *path, struct sibling *found)
{
    size_t count = 0;
    for (size_t i = 0; i < listing->count && count < TAIL_SIBLINGS_MAX; i++) {
        char other[HIN_PATH_MAX];
        struct sibling sibling = {.fd = -1, .name = listing->entries[i].name};
        if (!is_rotated_from(sibling.name, hin_path_base(path)) ||
            !hin_is_ok(entry_open(tail, folder, sibling.name, other, &sibling.fd, &sibling.st))) {
            continue;
        }
        if (is_known(tail, folder, &sibling.st)) {
            hin_fd_close(&sibling.fd);
            continue;
        }
        found[count++] = sibling;
    }
    qsort(found, count, sizeof(*found), sibling_order);
    return count;
}

/* Files that were not known until now. history: they are noted as done, else read from their start.
 */
static HIN_RESULT siblings_add(struct hin_tail *tail, const struct folder *folder,
                               const struct sibling *found, size_t count, const char *path,
                               unsigned glob, bool history)
{
    struct hin_result result = hin_ok();
    for (size_t i = 0; i < count; i++) {
        struct source *source = NULL;
        int fd = found[i].fd;
        if (hin_is_ok(result) && !tail->raced) { /* else their order is not known yet */
            result = tail_source_add(tail, path, folder->root, glob, fd, &found[i].st, &source);
        }
        if (source == NULL) {
            hin_fd_close(&fd);
        } else if (history) {
            hin_fd_close(&source->fd);
            source->state = SOURCE_DONE;
            source->dirty = false;
        } else {
            tail_source_retire(source);
            forget_done(tail, folder, source);
        }
    }
    return result;
}

/* Unknown files under rotated names. When the name was read before, they had it for a while and
 * were rotated away again before we looked: they are read from their start, oldest first. When it
 * is new to us, they are history: all of them, or the next look would take the rest for missed. */
static HIN_RESULT find_missed(struct hin_tail *tail, const struct folder *folder,
                              const struct listing *listing, const char *path, unsigned glob)
{
    struct sibling found[TAIL_SIBLINGS_MAX];
    bool history = !is_known_path(tail, path);
    size_t count = 0;
    do {
        count = siblings_find(tail, folder, listing, path, found);
        HIN_TRY(siblings_add(tail, folder, found, count, path, glob, history));
    } while (history && count == TAIL_SIBLINGS_MAX && !tail->raced);
    return hin_ok();
}

void tail_find_copy(struct hin_tail *tail, const struct source *source)
{
    char folder_path[HIN_PATH_MAX];
    struct hin_view folder_view =
        hin_view_of(source->path, (size_t)(hin_path_base(source->path) - source->path));
    folder_view.size -= folder_view.size > 1;
    if ((source->offset == 0 && source->head_bytes == 0) ||
        !hin_is_ok(hin_view_to_text(folder_view, folder_path, sizeof(folder_path)))) {
        return;
    }
    struct folder folder = {.path = folder_path, .root = source->root};
    HIN_CLEANUP(listing_done) struct listing listing = {0};
    if (!hin_is_ok(listing_read(tail, &folder, &listing))) {
        return;
    }
    for (size_t i = 0; i < listing.count; i++) {
        char path[HIN_PATH_MAX];
        HIN_CLEANUP_FD int fd = -1;
        struct stat st;
        struct source *copy = NULL;
        if (is_rotated_from(listing.entries[i].name, hin_path_base(source->path)) &&
            source_by_inode(tail, &folder, listing.entries[i].inode) == NULL &&
            hin_is_ok(entry_open(tail, &folder, listing.entries[i].name, path, &fd, &st)) &&
            tail_continues(source, fd, (uint64_t)st.st_size) &&
            hin_is_ok(
                tail_source_add(tail, source->path, source->root, source->glob, fd, &st, &copy))) {
            (void)hin_fd_take(&fd);
            copy->generation = source->generation;
            copy->offset = source->offset;
            copy->digest = source->digest;
            copy->block_bytes = source->block_bytes;
            copy->skipping = source->skipping;
            tail_source_retire(copy);
            return;
        }
    }
}

/* A restored source whose file goes by this name (or a rotated one) again. */
static HIN_RESULT warm_up(struct source *source, int fd, const struct stat *st,
                          const struct folder *folder, unsigned glob)
{
    source->fd = fd;
    source->root = folder->root;
    source->glob = glob;
    source->device = st->st_dev;
    source->dirty = true;
    source->size_seen = UINT64_MAX;
    source->seen = true;
    source->missing = 0;
    source->state = SOURCE_ACTIVE;
    return hin_ok();
}

/* The name belongs to another file now. Its rotated self is finished first; when it is nowhere,
 * that is a gap. */
static HIN_RESULT displaced(struct hin_tail *tail, const struct folder *folder,
                            const struct listing *listing, struct source *source, unsigned glob)
{
    if (source->fd >= 0) {
        tail_source_retire(source);
        return hin_ok();
    }
    for (size_t i = 0; i < listing->count; i++) {
        char path[HIN_PATH_MAX];
        HIN_CLEANUP_FD int fd = -1;
        struct stat st;
        if (listing->entries[i].inode != source->inode ||
            !hin_is_ok(entry_open(tail, folder, listing->entries[i].name, path, &fd, &st)) ||
            st.st_ino != source->inode) {
            continue;
        }
        if (!tail_continues(source, fd, (uint64_t)st.st_size)) {
            source->missing = TAIL_LOOKS; /* its inode was given to another file */
            break;
        }
        HIN_TRY(warm_up(source, hin_fd_take(&fd), &st, folder, glob));
        tail_source_retire(source);
        return hin_ok();
    }
    if (++source->missing < TAIL_LOOKS) { /* a listing made while names move may lack one */
        tail->raced = true;
        return hin_ok();
    }
    if (!source->retired || !source->complete) {
        tail_notice(tail, HIN_TAIL_GAP, source->path);
    }
    tail_source_forget(source);
    return hin_ok();
}

/* Is it still the file we have open? Deleted and made anew it may even have the same inode. */
static bool is_same(const struct source *source, const struct entry *entry)
{
    struct stat st;
    return source->fd >= 0 && source->inode == entry->inode && fstat(source->fd, &st) == 0 &&
           st.st_nlink > 0;
}

static bool is_history(const struct hin_tail *tail, int fd)
{
    struct statx st;
    if (tail->known || tail->options.history_usec == 0 ||
        statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &st) != 0 || (st.stx_mask & STATX_BTIME) == 0) {
        return false;
    }
    return st.stx_btime.tv_sec < tail->options.history_usec / 1000000;
}

static HIN_RESULT take_over(struct hin_tail *tail, const struct folder *folder,
                            const struct listing *listing, struct source *old, const char *path,
                            unsigned glob, int *fd, const struct stat *st)
{
    if (old != NULL) {
        HIN_TRY(displaced(tail, folder, listing, old, glob));
    }
    HIN_TRY(find_missed(tail, folder, listing, path, glob));
    if (tail->raced) {
        return hin_ok(); /* what came before it is not sure yet: the next look opens it */
    }
    struct source *known = source_by_inode(tail, folder, st->st_ino);
    if (known != NULL && known != old && known->state == SOURCE_COLD &&
        !tail_continues(known, *fd, (uint64_t)st->st_size)) {
        tail_notice(tail, HIN_TAIL_GAP, known->path); /* gone, and its inode was given away */
        tail_source_forget(known);
        known = NULL;
    }
    if (known != NULL && known != old && known->device == st->st_dev &&
        known->state != SOURCE_DONE) {
        return hin_ok(); /* a second name of a file that is followed already */
    }
    struct source *source = NULL;
    HIN_TRY(tail_source_add(tail, path, folder->root, glob, *fd, st, &source));
    (void)hin_fd_take(fd);
    forget_done(tail, folder, source);
    return is_history(tail, source->fd) ? tail_skip_history(source, (uint64_t)st->st_size)
                                        : hin_ok();
}

static void tell_denied(struct hin_tail *tail, const char *path)
{
    struct hin_view key = hin_view_from_text(path);
    if (hin_map_get(&tail->denied, key) == NULL &&
        hin_is_ok(hin_map_put(&tail->denied, key, tail))) {
        tail_notice(tail, HIN_TAIL_DENIED, path);
    }
}

static HIN_RESULT see_file(struct hin_tail *tail, const struct folder *folder,
                           const struct listing *listing, const struct entry *entry,
                           const char *path, unsigned glob)
{
    struct source *source = source_by_path(tail, path);
    if (source != NULL && is_same(source, entry)) {
        source->seen = true;
        source->dirty = true;
        return hin_ok();
    }
    HIN_CLEANUP_FD int fd = -1;
    struct stat st;
    char opened[HIN_PATH_MAX];
    struct hin_result result = entry_open(tail, folder, entry->name, opened, &fd, &st);
    if (!hin_is_ok(result)) {
        if (result.code == HIN_DENIED && source == NULL) {
            tell_denied(tail, path);
        }
        return result.code == HIN_NO_MEMORY ? result : hin_ok();
    }
    if (source != NULL && source->state == SOURCE_COLD && source->inode == st.st_ino) {
        HIN_TRY(warm_up(source, hin_fd_take(&fd), &st, folder, glob));
        if (!tail_continues(source, source->fd, (uint64_t)st.st_size)) {
            tail_find_copy(tail, source);
            source->order = ++tail->order;
            HIN_TRY(tail_restart(source));
        }
        return hin_ok();
    }
    return take_over(tail, folder, listing, source, path, glob, &fd, &st);
}

/* Its name is away, it was the last to have it, and under a rotated name there is a file that we do
 * not know: the name came back and went again between two looks. */
static bool is_missed_after(const struct hin_tail *tail, const struct folder *folder,
                            const struct listing *listing, const struct source *source)
{
    if (source_by_path(tail, source->path) != NULL) {
        return false;
    }
    for (size_t i = 0; i < tail->source_count; i++) {
        const struct source *other = tail->sources[i];
        if (other->order > source->order && strcmp(other->path, source->path) == 0) {
            return false;
        }
    }
    for (size_t i = 0; i < listing->count; i++) {
        if (is_rotated_from(listing->entries[i].name, hin_path_base(source->path)) &&
            source_by_inode(tail, folder, listing->entries[i].inode) == NULL) {
            return true;
        }
    }
    return false;
}

/* Names that are gone, and finished files whose inode is gone too. */
static HIN_RESULT settle(struct hin_tail *tail, const struct folder *folder,
                         const struct listing *listing)
{
    for (size_t i = 0; i < tail->source_count; i++) {
        struct source *source = tail->sources[i];
        if (!in_folder(source, folder) || source->forget) {
            continue;
        }
        if ((source->state == SOURCE_ACTIVE && !source->seen) || source->state == SOURCE_COLD) {
            HIN_TRY(displaced(tail, folder, listing, source, source->glob));
            HIN_TRY(find_missed(tail, folder, listing, source->path, source->glob));
        } else if ((source->state == SOURCE_RETIRED || source->state == SOURCE_DONE) &&
                   is_missed_after(tail, folder, listing, source)) {
            HIN_TRY(find_missed(tail, folder, listing, source->path, source->glob));
        }
        if (source->state == SOURCE_RETIRED) {
            source->dirty = true;
        }
        bool there = false;
        for (size_t e = 0; e < listing->count && !there; e++) {
            there = listing->entries[e].inode == source->inode;
        }
        if (source->state == SOURCE_DONE && !there) {
            tail_source_forget(source);
        }
    }
    return hin_ok();
}

static HIN_RESULT look_at_folder(struct hin_tail *tail, struct folder *folder)
{
    HIN_CLEANUP(listing_done) struct listing listing = {0};
    folder->dirty = false;
    struct hin_result result = listing_read(tail, folder, &listing);
    if (!hin_is_ok(result)) {
        return result.code == HIN_NO_MEMORY ? result
                                            : hin_ok(); /* gone, or not ours to read: tried again */
    }
    for (size_t i = 0; i < tail->source_count; i++) {
        tail->sources[i]->seen = tail->sources[i]->seen && !in_folder(tail->sources[i], folder);
    }
    for (size_t i = 0; i < listing.count; i++) {
        const struct entry *entry = &listing.entries[i];
        char path[HIN_PATH_MAX];
        unsigned glob = 0;
        if (entry->type == DT_DIR || is_packed(entry->name) ||
            !hin_is_ok(hin_path_join(path, sizeof(path), folder->path, entry->name)) ||
            !tail_glob_of(tail, path, &glob) || is_rotated(&listing, entry->name) ||
            is_rotated_of_source(tail, path)) {
            continue;
        }
        HIN_TRY(see_file(tail, folder, &listing, entry, path, glob));
    }
    return settle(tail, folder, &listing);
}

static HIN_RESULT scan_folder(struct hin_tail *tail, struct folder *folder)
{
    for (int look = 0; look < TAIL_LOOKS; look++) {
        tail->raced = false;
        HIN_TRY(look_at_folder(tail, folder));
        if (!tail->raced) {
            return hin_ok();
        }
    }
    folder->dirty = true; /* on with the next turn */
    return hin_ok();
}

/* ---- folders ---- */

static unsigned depth_of(const char *path)
{
    unsigned depth = 0;
    for (; *path != '\0'; path++) {
        depth += *path == '/';
    }
    return depth;
}

static HIN_RESULT folder_walk(struct hin_tail *tail, const struct tail_glob *glob, const char *path,
                              unsigned level);

static HIN_RESULT folder_add(struct hin_tail *tail, const struct tail_glob *glob, const char *path,
                             struct folder **ret_folder)
{
    for (size_t i = 0; i < tail->folder_count; i++) {
        if (strcmp(tail->folders[i].path, path) == 0) {
            *ret_folder = &tail->folders[i];
            return hin_ok();
        }
    }
    if (tail->folder_count == HIN_TAIL_FOLDERS_MAX) {
        if (!tail->bound_told) {
            tail->bound_told = true;
            tail_notice(tail, HIN_TAIL_BOUND, path);
        }
        return hin_fail(HIN_LIMIT);
    }
    struct folder *folder = &tail->folders[tail->folder_count];
    *folder = (struct folder){.path = strdup(path), .root = glob->root, .watch = -1};
    HIN_ENSURE(folder->path != NULL, NO_MEMORY);
    tail->folder_count++;
    *ret_folder = folder;
    return hin_ok();
}

static HIN_RESULT walk_below(struct hin_tail *tail, const struct tail_glob *glob,
                             const struct folder *folder, unsigned level)
{
    HIN_CLEANUP(listing_done) struct listing listing = {0};
    if (!hin_is_ok(listing_read(tail, folder, &listing))) {
        return hin_ok();
    }
    for (size_t i = 0; i < listing.count; i++) {
        char path[HIN_PATH_MAX];
        if (listing.entries[i].type == DT_DIR &&
            hin_is_ok(hin_path_join(path, sizeof(path), folder->path, listing.entries[i].name))) {
            HIN_TRY(folder_walk(tail, glob, path, level + 1));
        }
    }
    return hin_ok();
}

static HIN_RESULT folder_walk(struct hin_tail *tail, const struct tail_glob *glob, const char *path,
                              unsigned level)
{
    struct folder *folder = NULL;
    struct hin_result result = folder_add(tail, glob, path, &folder);
    if (!hin_is_ok(result)) {
        return result.code == HIN_LIMIT ? hin_ok() : result;
    }
    folder->present = true;
    int watch = -1;
    if (hin_is_ok(tail->options.host.watch(tail->options.host.context, folder->root,
                                           tail_relative(tail, folder->root, path), &watch))) {
        folder->watch = watch;
    }
    bool below = glob->deep ? level < 16 : depth_of(path) + 1 < glob->depth;
    if (!below) {
        return hin_ok();
    }
    struct folder copy = *folder; /* the array may be added to, but paths stay */
    return walk_below(tail, glob, &copy, level);
}

/* The folder that a glob begins in: what stands before its first wildcard. */
static void glob_base(const struct tail_glob *glob, char *out)
{
    size_t end = strcspn(glob->pattern, "*?[");
    while (end > 0 && glob->pattern[end] != '/') {
        end--;
    }
    hin_copy(out, glob->pattern, end);
    out[end] = '\0';
}

struct hin_result hin_tail_scan(struct hin_tail *tail, int64_t now_usec)
{
    (void)now_usec;
    tail_order_restored(tail);
    for (size_t i = 0; i < tail->folder_count; i++) {
        tail->folders[i].present = false;
    }
    for (size_t i = 0; i < tail->options.glob_count; i++) {
        char base[HIN_PATH_MAX];
        if (tail->globs[i].usable && strlen(tail->globs[i].pattern) < sizeof(base)) {
            glob_base(&tail->globs[i], base);
            HIN_TRY(folder_walk(tail, &tail->globs[i], base, 0));
        }
    }
    for (size_t i = 0; i < tail->folder_count; i++) {
        HIN_TRY(scan_folder(tail, &tail->folders[i]));
    }
    tail->known = true;
    return hin_ok();
}

static void changed_name(struct hin_tail *tail, struct folder *folder, const char *name)
{
    char path[HIN_PATH_MAX];
    if (!hin_is_ok(hin_path_join(path, sizeof(path), folder->path, name))) {
        return;
    }
    struct source *source = source_by_path(tail, path);
    if (source != NULL) {
        source->dirty = true;
        return;
    }
    for (size_t i = 0; i < tail->source_count; i++) { /* a renamed file that still grows */
        if (tail->sources[i]->state == SOURCE_RETIRED && in_folder(tail->sources[i], folder)) {
            tail->sources[i]->dirty = true;
        }
    }
}

static bool take_event(struct hin_tail *tail, const struct inotify_event *event)
{
    bool walk = (event->mask &
                 (IN_Q_OVERFLOW | IN_ISDIR | IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED)) != 0;
    for (size_t i = 0; i < tail->folder_count; i++) {
        struct folder *folder = &tail->folders[i];
        if (folder->watch != event->wd) {
            continue;
        }
        if (event->mask & (IN_IGNORED | IN_DELETE_SELF)) {
            folder->watch = -1;
        }
        if (event->mask == IN_MODIFY && event->len > 0) {
            changed_name(tail, folder, event->name);
        } else {
            folder->dirty = true;
        }
    }
    return walk;
}

struct hin_result hin_tail_notified(struct hin_tail *tail, int64_t now_usec)
{
    uint8_t data[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
    bool walk = false;
    for (int round = 0; round < 16; round++) {
        ssize_t got = read(tail->options.inotify, data, sizeof(data));
        if (got <= 0) {
            break;
        }
        for (ssize_t at = 0; at < got;) {
            const struct inotify_event *event =
                (const struct inotify_event *)(const void *)(data + at);
            walk = take_event(tail, event) || walk;
            at += (ssize_t)(sizeof(*event) + event->len);
        }
    }
    if (walk) {
        return hin_tail_scan(tail, now_usec);
    }
    for (size_t i = 0; i < tail->folder_count; i++) {
        if (tail->folders[i].dirty) {
            HIN_TRY(scan_folder(tail, &tail->folders[i]));
        }
    }
    return hin_ok();
}
