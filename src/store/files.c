/* Looking through the files of a database server, for texts that should not be there in the clear.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "store/seek.h"

enum { CHUNK_BYTES = 1 << 20, DEPTH_MAX = 16 };

/* A column's name, which the server's own catalogue has as text. */
static const struct hin_view control = {(const uint8_t *)"last_event", 10};

struct hunt {
    struct hin_seek seek;
    struct hin_store_search *search;
    uint8_t *bytes; /* the end of the chunk before, and a chunk */
};

static HIN_RESULT look_through(struct hunt *hunt, int fd)
{
    size_t kept = 0;
    for (;;) {
        ssize_t got = read(fd, hunt->bytes + kept, CHUNK_BYTES);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return got == 0 ? hin_ok() : hin_fail(hin_code_from_errno(errno));
        }
        size_t size = kept + (size_t)got;
        hunt->search->bytes += (size_t)got;
        hin_seek_look(&hunt->seek, hin_view_of(hunt->bytes, size));
        kept = HIN_MIN(size, (size_t)HIN_SEEK_FORM_BYTES);
        hin_move(hunt->bytes, hunt->bytes + size - kept, kept);
    }
}

static HIN_RESULT look_beneath(struct hunt *hunt, int directory, unsigned depth);

/* What went away since it was listed lies there no more; what may not be read is counted. */
static HIN_RESULT look_into(struct hunt *hunt, int directory, const char *name, unsigned depth)
{
    HIN_CLEANUP_FD int fd = -1;
    struct stat about;
    struct hin_result opened =
        hin_fd_open(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, &fd);
    if (opened.code == HIN_NOT_FOUND) {
        return hin_ok();
    }
    if (!hin_is_ok(opened) || fstat(fd, &about) != 0) {
        hunt->search->unread++;
        return hin_ok();
    }
    if (S_ISDIR(about.st_mode)) {
        return look_beneath(hunt, fd, depth + 1);
    }
    return S_ISREG(about.st_mode) ? look_through(hunt, fd) : hin_ok();
}

static HIN_RESULT look_beneath(struct hunt *hunt, int directory, unsigned depth)
{
    HIN_CLEANUP_FD int fd = -1;
    struct hin_result looked = hin_ok();
    HIN_ENSURE(depth < DEPTH_MAX, LIMIT);
    if (!hin_is_ok(hin_fd_open(directory, ".", O_RDONLY | O_DIRECTORY, 0, &fd))) {
        hunt->search->unread++;
        return hin_ok();
    }
    DIR *entries = fdopendir(fd);
    HIN_ENSURE(entries != NULL, IO);
    fd = -1; /* the stream's from here on */
    const struct dirent *entry = NULL;
    while (hin_is_ok(looked) && (entry = readdir(entries)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            looked = look_into(hunt, directory, entry->d_name, depth);
        }
    }
    closedir(entries);
    return looked;
}

static HIN_RESULT search_with(int directory, struct hunt *hunt)
{
    hunt->bytes = malloc(CHUNK_BYTES + HIN_SEEK_FORM_BYTES);
    HIN_ENSURE(hunt->bytes != NULL, NO_MEMORY);
    struct hin_result looked = look_beneath(hunt, directory, 0);
    free(hunt->bytes);
    hin_seek_tell(&hunt->seek, hunt->search);
    return looked;
}

HIN_RESULT hin_store_search_files(int directory, const struct hin_view *needles, size_t count,
                                  struct hin_store_search *ret_search)
{
    struct hin_store_search search = {.found_first = count,
                                      .where = "every file of the database server, its write-ahead "
                                               "log among them, byte by byte"};
    struct hunt *hunt = calloc(1, sizeof(*hunt));
    HIN_ENSURE(hunt != NULL, NO_MEMORY);
    hunt->search = &search;
    struct hin_result looked = hin_seek_init(&hunt->seek, needles, count, control);
    looked = hin_is_ok(looked) ? search_with(directory, hunt) : looked;
    hin_seek_done(&hunt->seek);
    free(hunt);
    HIN_TRY(looked);
    *ret_search = search;
    return hin_ok();
}
