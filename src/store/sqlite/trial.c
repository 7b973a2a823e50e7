/* Looking for plain bytes in the files of a tenant. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "store/sqlite/internal.h"
#include "store/trial.h"

enum { CHUNK_BYTES = 1 << 20, NEEDLES_MAX = 64 };

struct hunt {
    const struct hin_view *needles;
    size_t count;
    bool found[NEEDLES_MAX];
    struct hin_store_search *search;
    uint8_t *bytes; /* the end of the chunk before, and a chunk */
};

/* Of the schema, which SQLite keeps as text. */
static const struct hin_view control = {(const uint8_t *)"CREATE TABLE document", 21};

static void look(struct hunt *hunt, size_t size)
{
    hunt->search->control = hunt->search->control ||
                            memmem(hunt->bytes, size, control.data, control.size) != NULL;
    for (size_t i = 0; i < hunt->count; i++) {
        const struct hin_view *needle = &hunt->needles[i];
        hunt->found[i] =
            hunt->found[i] || memmem(hunt->bytes, size, needle->data, needle->size) != NULL;
    }
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
        size_t size = kept + (size_t)got;
        hunt->search->bytes += (uint64_t)got;
        look(hunt, size);
        kept = HIN_MIN(size, (size_t)HIN_STORE_NEEDLE_MOST);
        hin_move(hunt->bytes, hunt->bytes + size - kept, kept);
    }
}

static HIN_RESULT look_through_files(struct hin_store *store,
                                     const struct hin_store_options *options, struct hunt *hunt)
{
    static const char *const suffixes[] = {"db", "db-wal"};
    for (size_t i = 0; i < HIN_COUNT(suffixes); i++) {
        HIN_CLEANUP_FD int fd = -1;
        char name[HIN_STORE_TENANT_MAX + 8];
        (void)snprintf(name, sizeof(name), "%s.%s", store->tenant, suffixes[i]);
        struct hin_result opened =
            hin_fd_open(options->directory, name, O_RDONLY | O_NOFOLLOW, 0, &fd);
        if (opened.code == HIN_NOT_FOUND && i > 0) {
            continue; /* without a log all is in the file */
        }
        HIN_TRY(opened);
        HIN_TRY(look_through(hunt, fd));
    }
    return hin_ok();
}

HIN_RESULT hin_sqlite_search_plain(struct hin_store *store, const struct hin_store_options *options,
                                   const struct hin_view *needles, size_t count,
                                   struct hin_store_search *search)
{
    struct hunt hunt = {.needles = needles, .count = count, .search = search};
    HIN_ENSURE(count <= NEEDLES_MAX, LIMIT);
    hunt.bytes = malloc(CHUNK_BYTES + HIN_STORE_NEEDLE_MOST);
    HIN_ENSURE(hunt.bytes != NULL, NO_MEMORY);
    struct hin_result looked = look_through_files(store, options, &hunt);
    free(hunt.bytes);
    for (size_t i = 0; i < count; i++) {
        search->found_first = hunt.found[i] ? HIN_MIN(search->found_first, i) : search->found_first;
        search->found_count += hunt.found[i];
    }
    search->where = "the database file and its write-ahead log, byte by byte";
    return looked;
}
