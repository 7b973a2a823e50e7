#include "trust/catalogue.h"

#include <fcntl.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "trust/catalogue_internal.h"

static HIN_RESULT make(struct hin_catalogue **ret_catalogue)
{
    struct hin_catalogue *catalogue = calloc(1, sizeof(*catalogue));
    HIN_ENSURE(catalogue != NULL, NO_MEMORY);
    hin_arena_init(&catalogue->arena, HIN_CATALOGUE_ARENA_MAX);
    *ret_catalogue = catalogue;
    return hin_ok();
}

void hin_catalogue_free(struct hin_catalogue *catalogue)
{
    if (catalogue != NULL) {
        hin_arena_done(&catalogue->arena);
        free(catalogue);
    }
}

void hin_catalogue_cleanup(struct hin_catalogue **catalogue)
{
    hin_catalogue_free(*catalogue);
    *catalogue = NULL;
}

/* The digest after this file: of the one before, and of the file. */
static HIN_RESULT add_digest(struct hin_catalogue *catalogue, struct hin_view text)
{
    uint8_t both[2 * HIN_SHA256_BYTES];
    hin_copy(both, catalogue->digest, HIN_SHA256_BYTES);
    HIN_TRY(hin_sha256(text, both + HIN_SHA256_BYTES));
    return hin_sha256(hin_view_of(both, sizeof(both)), catalogue->digest);
}

static HIN_RESULT add(struct hin_catalogue *catalogue, struct hin_view text, const char *name,
                      struct hin_error *error)
{
    struct hin_view copy;
    if (text.size > HIN_CATALOGUE_FILE_MAX) {
        return hin_error_set(error, HIN_LIMIT, name, 0, 0, "over %d bytes", HIN_CATALOGUE_FILE_MAX);
    }
    HIN_TRY(hin_arena_copy(&catalogue->arena, text, &copy));
    HIN_TRY(add_digest(catalogue, copy));
    return hin_catalogue_read(catalogue, copy, name, error);
}

static HIN_RESULT read_file(int folder, const char *name, struct hin_buf *to,
                            struct hin_error *error)
{
    hin_buf_clear(to);
    struct hin_result read = hin_file_read(folder, name, to);
    return hin_is_ok(read) ? read
                           : hin_error_set(error, read.code, name, 0, 0, "cannot be read: %s",
                                           hin_code_text(read.code));
}

/* A name in this folder: nothing leads out of it. */
static HIN_RESULT take_name(struct hin_view word, uint32_t line, char *out, size_t out_bytes,
                            struct hin_error *error)
{
    bool good = word.data[0] != '.' && hin_view_find_byte(word, '/') == SIZE_MAX &&
                hin_is_ok(hin_view_to_text(word, out, out_bytes));
    return good ? hin_ok()
                : hin_error_set(error, HIN_INVALID, "order.txt", line, 1,
                                "\"%.*s\" is no name of a file in this folder",
                                HIN_ARGS(hin_view_sub(word, 0, 64)));
}

static HIN_RESULT add_files(struct hin_catalogue *catalogue, int folder, struct hin_view order,
                            struct hin_error *error)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf file = {.max = HIN_CATALOGUE_FILE_MAX};
    struct hin_view line;
    char name[128];
    size_t count = 0;
    for (uint32_t number = 1; hin_view_split(&order, '\n', &line); number++) {
        line = hin_view_trim(line);
        if (line.size == 0 || line.data[0] == '#') {
            continue;
        }
        HIN_TRY(take_name(line, number, name, sizeof(name), error));
        if (++count > HIN_CATALOGUE_FILES_MAX) {
            return hin_error_set(error, HIN_LIMIT, "order.txt", number, 1, "more than %d files",
                                 HIN_CATALOGUE_FILES_MAX);
        }
        HIN_TRY(read_file(folder, name, &file, error));
        HIN_TRY(add(catalogue, hin_buf_view(&file), name, error));
    }
    return hin_ok();
}

HIN_RESULT hin_catalogue_load(int folder, struct hin_catalogue **ret_catalogue,
                              struct hin_error *error)
{
    HIN_CLEANUP(hin_catalogue_cleanup) struct hin_catalogue *catalogue = NULL;
    HIN_CLEANUP(hin_buf_done) struct hin_buf order = {.max = 16 * 1024};
    HIN_TRY(make(&catalogue));
    HIN_TRY(read_file(folder, "order.txt", &order, error));
    HIN_TRY(add_files(catalogue, folder, hin_buf_view(&order), error));
    *ret_catalogue = catalogue;
    catalogue = NULL;
    return hin_ok();
}

HIN_RESULT hin_catalogue_parse(struct hin_view text, const char *name,
                               struct hin_catalogue **ret_catalogue, struct hin_error *error)
{
    HIN_CLEANUP(hin_catalogue_cleanup) struct hin_catalogue *catalogue = NULL;
    HIN_TRY(make(&catalogue));
    HIN_TRY(add(catalogue, text, name, error));
    *ret_catalogue = catalogue;
    catalogue = NULL;
    return hin_ok();
}

void hin_catalogue_digest(const struct hin_catalogue *catalogue, char ret_hex[HIN_SHA256_HEX_BYTES])
{
    hin_hex(catalogue->digest, HIN_SHA256_BYTES, ret_hex);
}

const struct hin_claim *hin_catalogue_claims(const struct hin_catalogue *catalogue,
                                             size_t *ret_count)
{
    *ret_count = catalogue->claim_count;
    return catalogue->claims;
}

const struct hin_framework *hin_catalogue_frameworks(const struct hin_catalogue *catalogue,
                                                     size_t *ret_count)
{
    *ret_count = catalogue->framework_count;
    return catalogue->frameworks;
}

const struct hin_probe_text *hin_catalogue_probes(const struct hin_catalogue *catalogue,
                                                  size_t *ret_count)
{
    *ret_count = catalogue->probe_count;
    return catalogue->probes;
}

const struct hin_claim *hin_catalogue_claim(const struct hin_catalogue *catalogue,
                                            struct hin_view id)
{
    for (size_t i = 0; i < catalogue->claim_count; i++) {
        if (hin_view_equal(catalogue->claims[i].id, id)) {
            return &catalogue->claims[i];
        }
    }
    return NULL;
}

const struct hin_framework *hin_catalogue_framework(const struct hin_catalogue *catalogue,
                                                    struct hin_view id)
{
    for (size_t i = 0; i < catalogue->framework_count; i++) {
        if (hin_view_equal(catalogue->frameworks[i].id, id)) {
            return &catalogue->frameworks[i];
        }
    }
    return NULL;
}

const struct hin_probe_text *hin_catalogue_probe(const struct hin_catalogue *catalogue,
                                                 struct hin_view id)
{
    for (size_t i = 0; i < catalogue->probe_count; i++) {
        if (hin_view_equal(catalogue->probes[i].id, id)) {
            return &catalogue->probes[i];
        }
    }
    return NULL;
}
