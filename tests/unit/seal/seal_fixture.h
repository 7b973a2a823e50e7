/* A sealer and an opener under one fixed key, and the golden files. */
#ifndef HIN_TESTS_SEAL_FIXTURE_H
#define HIN_TESTS_SEAL_FIXTURE_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "base/fd.h"
#include "seal/seal.h"

struct fixture {
    uint8_t key_id[HIN_SEAL_KEY_ID_BYTES];
    struct hin_secret key;
    struct hin_sealer *sealer;
    struct hin_opener *opener;
    struct hin_seal_place place;
};

static inline HIN_RESULT fixture_build(struct fixture *fixture)
{
    hin_fill(fixture->key_id, 0xa5, sizeof(fixture->key_id));
    fixture->place = (struct hin_seal_place){HIN_VIEW("tenant"), HIN_VIEW("table"), HIN_VIEW("row"),
                                             HIN_VIEW("field")};
    HIN_TRY(hin_secret_from(&fixture->key, HIN_VIEW("0123456789abcdef0123456789ABCDEF")));
    HIN_TRY(hin_sealer_new(&fixture->sealer, fixture->key_id, &fixture->key));
    HIN_TRY(hin_opener_new(&fixture->opener, NULL, 4));
    return hin_opener_add(fixture->opener, fixture->key_id, &fixture->key);
}

static inline void fixture_done(struct fixture *fixture)
{
    hin_secret_done(&fixture->key);
    hin_sealer_free(fixture->sealer);
    hin_opener_free(fixture->opener);
}

#define FIXTURE(name)                                                                              \
    HIN_CLEANUP(fixture_done) struct fixture name = {0};                                           \
    CHECK_OK(fixture_build(&name))
#define BUF(name) HIN_CLEANUP(hin_buf_done) struct hin_buf name = {.max = (size_t)64 << 20}

/* Reads a golden file. A new one is written from `made` when HIN_GOLDEN_WRITE is set; never over an
 * old one. */
static inline HIN_RESULT golden_read(const char *name, struct hin_view made, struct hin_buf *ret)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", GOLDEN_FOLDER, name);
    struct hin_result result = hin_file_read(AT_FDCWD, path, ret);
    if (result.code != HIN_NOT_FOUND || getenv("HIN_GOLDEN_WRITE") == NULL) {
        return result;
    }
    HIN_TRY(hin_file_replace(AT_FDCWD, path, made, 0644));
    return hin_buf_append(ret, made);
}

#endif
