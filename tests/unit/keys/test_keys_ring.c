#include "keys/ring.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "base/fd.h"
#include "harness.h"

static const struct hin_key_binding binding = {
    .tenant = {(const uint8_t *)"t", 1},
    .key_id = {(const uint8_t *)"id", 2},
    .purpose = HIN_KEY_TENANT,
    .version = 1,
};

struct place {
    char path[300];
    struct hin_ring *ring;
    struct hin_secret phrase, wrong, key, back;
    struct hin_buf wrapped, bytes;
    struct hin_error error;
};

static HIN_RESULT place_build(struct place *place, const char *name)
{
    snprintf(place->path, sizeof(place->path), "%s/%s", test_folder(), name);
    place->wrapped.max = place->bytes.max = 65536;
    HIN_TRY(hin_secret_from(&place->phrase, HIN_VIEW("open sesame")));
    HIN_TRY(hin_secret_from(&place->wrong, HIN_VIEW("open barley")));
    return hin_secret_random(&place->key, 32);
}

static void place_done(struct place *place)
{
    hin_ring_free(place->ring);
    hin_secret_done(&place->phrase);
    hin_secret_done(&place->wrong);
    hin_secret_done(&place->key);
    hin_secret_done(&place->back);
    hin_buf_done(&place->wrapped);
    hin_buf_done(&place->bytes);
}

#define PLACE(name, file)                                                                          \
    HIN_CLEANUP(place_done) struct place name = {0};                                               \
    CHECK_OK(place_build(&name, file))

TEST(test_keys_ring__wraps_and_unwraps_across_a_restart)
{
    PLACE(p, "plain");
    struct stat status;
    CHECK_OK(hin_ring_create(AT_FDCWD, p.path, NULL, &p.error));
    CHECK(stat(p.path, &status) == 0 && (status.st_mode & 07777) == 0400);
    CHECK_CODE(hin_ring_create(AT_FDCWD, p.path, NULL, &p.error), EXISTS);
    CHECK_OK(hin_ring_open(&p.ring, AT_FDCWD, p.path, NULL, &p.error));
    struct hin_key_provider provider = hin_ring_provider(p.ring);
    CHECK_OK(provider.wrap(provider.context, &binding, &p.key, &p.wrapped));
    hin_ring_free(p.ring);
    p.ring = NULL;
    CHECK_OK(hin_ring_open(&p.ring, AT_FDCWD, p.path, NULL, &p.error));
    provider = hin_ring_provider(p.ring);
    CHECK_OK(provider.unwrap(provider.context, &binding, hin_buf_view(&p.wrapped), &p.back));
    CHECK(hin_secret_equal(&p.key, &p.back));
    struct hin_key_provider_status told;
    CHECK_OK(provider.status(provider.context, &told));
    CHECK(!told.sealed && told.advice[0] != '\0');
}

TEST(test_keys_ring__binding_is_part_of_the_wrap)
{
    PLACE(p, "binding");
    CHECK_OK(hin_ring_create(AT_FDCWD, p.path, NULL, &p.error));
    CHECK_OK(hin_ring_open(&p.ring, AT_FDCWD, p.path, NULL, &p.error));
    struct hin_key_provider provider = hin_ring_provider(p.ring);
    CHECK_OK(provider.wrap(provider.context, &binding, &p.key, &p.wrapped));
    struct hin_key_binding other[] = {binding, binding, binding, binding};
    other[0].tenant = HIN_VIEW("u");
    other[1].key_id = HIN_VIEW("ie");
    other[2].purpose = HIN_KEY_DATA;
    other[3].version = 2;
    for (size_t i = 0; i < HIN_COUNT(other); i++) {
        CHECK_CODE(provider.unwrap(provider.context, &other[i], hin_buf_view(&p.wrapped), &p.back),
                   AUTH);
    }
    for (size_t i = 8; i < p.wrapped.size; i++) {
        p.wrapped.data[i] ^= 1;
        CHECK_CODE(provider.unwrap(provider.context, &binding, hin_buf_view(&p.wrapped), &p.back),
                   AUTH);
        p.wrapped.data[i] ^= 1;
    }
}

TEST(test_keys_ring__pass_phrase_seals_it)
{
    PLACE(p, "sealed");
    struct hin_key_provider_status told;
    CHECK_OK(hin_ring_create(AT_FDCWD, p.path, &p.phrase, &p.error));
    CHECK_CODE(hin_ring_open(&p.ring, AT_FDCWD, p.path, NULL, &p.error), AUTH);
    CHECK(strstr(p.error.text, "pass phrase") != NULL && strcmp(p.error.file, p.path) == 0);
    CHECK_CODE(hin_ring_open(&p.ring, AT_FDCWD, p.path, &p.wrong, &p.error), AUTH);
    CHECK(strstr(p.error.text, "wrong pass phrase") != NULL);
    CHECK_OK(hin_ring_open(&p.ring, AT_FDCWD, p.path, &p.phrase, &p.error));
    struct hin_key_provider provider = hin_ring_provider(p.ring);
    CHECK_OK(provider.status(provider.context, &told));
    CHECK(told.sealed);
    CHECK_OK(provider.rotate(provider.context)); /* sealed anew under the same phrase */
    hin_ring_free(p.ring);
    p.ring = NULL;
    CHECK_OK(hin_ring_open(&p.ring, AT_FDCWD, p.path, &p.phrase, &p.error));
}

TEST(test_keys_ring__rotation_keeps_old_versions_until_destroyed)
{
    PLACE(p, "rotate");
    CHECK_OK(hin_ring_create(AT_FDCWD, p.path, NULL, &p.error));
    CHECK_OK(hin_ring_open(&p.ring, AT_FDCWD, p.path, NULL, &p.error));
    struct hin_key_provider provider = hin_ring_provider(p.ring);
    struct hin_key_provider_status told;
    CHECK_CODE(provider.generate(provider.context), CONFLICT);
    CHECK_OK(provider.wrap(provider.context, &binding, &p.key, &p.wrapped));
    CHECK_CODE(provider.destroy(provider.context, 1), CONFLICT); /* the current one */
    CHECK_OK(provider.rotate(provider.context));
    CHECK_OK(provider.status(provider.context, &told));
    CHECK_INT(told.current_version, 2);
    CHECK_OK(provider.unwrap(provider.context, &binding, hin_buf_view(&p.wrapped), &p.back));
    hin_secret_done(&p.back);
    CHECK_OK(provider.destroy(provider.context, 1));
    CHECK_CODE(provider.destroy(provider.context, 1), NOT_FOUND);
    CHECK_CODE(provider.unwrap(provider.context, &binding, hin_buf_view(&p.wrapped), &p.back),
               NOT_FOUND);
}

TEST(test_keys_ring__refuses_files_that_others_may_read)
{
    PLACE(p, "mode");
    CHECK_OK(hin_ring_create(AT_FDCWD, p.path, NULL, &p.error));
    CHECK(chmod(p.path, 0440) == 0);
    CHECK_CODE(hin_ring_open(&p.ring, AT_FDCWD, p.path, NULL, &p.error), DENIED);
    CHECK(chmod(p.path, 0400) == 0);
    char link[320];
    snprintf(link, sizeof(link), "%s.link", p.path);
    CHECK(symlink(p.path, link) == 0);
    CHECK_CODE(hin_ring_open(&p.ring, AT_FDCWD, link, NULL, &p.error), DENIED);
    CHECK_CODE(hin_ring_open(&p.ring, AT_FDCWD, "/nonexistent/ring", NULL, &p.error), NOT_FOUND);
    if (geteuid() == 0) {
        CHECK(chown(p.path, 1, 1) == 0);
        CHECK_CODE(hin_ring_open(&p.ring, AT_FDCWD, p.path, NULL, &p.error), DENIED);
    }
}

TEST(test_keys_ring__names_what_is_wrong_with_the_file)
{
    PLACE(p, "damage");
    CHECK_OK(hin_ring_create(AT_FDCWD, p.path, NULL, &p.error));
    CHECK_OK(hin_file_read(AT_FDCWD, p.path, &p.bytes));
    struct hin_view bytes = hin_buf_view(&p.bytes);
    for (size_t i = 0; i < bytes.size; i++) {
        CHECK_CODE(hin_ring_decode(hin_view_sub(bytes, 0, i), NULL, &p.ring, &p.error), TRUNCATED);
        p.bytes.data[i] ^= 1;
        CHECK(!hin_is_ok(hin_ring_decode(bytes, NULL, &p.ring, &p.error)));
        p.bytes.data[i] ^= 1;
    }
    p.bytes.data[50] ^= 1;
    CHECK_CODE(hin_ring_decode(bytes, NULL, &p.ring, &p.error), CORRUPT);
    p.bytes.data[50] ^= 1;
    p.bytes.data[3] = 2;
    CHECK_CODE(hin_ring_decode(bytes, NULL, &p.ring, &p.error), UNSUPPORTED);
    CHECK_CODE(hin_ring_decode(HIN_VIEW("#!/bin/sh"), NULL, &p.ring, &p.error), SYNTAX);
    p.bytes.data[3] = 1;
    CHECK_CODE(hin_ring_decode(bytes, &p.phrase, &p.ring, &p.error), INVALID);
}

/* Format 1 as it was first written must open for ever: versions 1 ('k') and 2 ('l'). */
TEST(test_keys_ring__golden_version_1)
{
    PLACE(p, "golden");
    struct hin_key_provider_status told;
    CHECK_OK(hin_file_read(AT_FDCWD, GOLDEN_FOLDER "/keys_ring_v1.bin", &p.bytes));
    CHECK_OK(hin_ring_decode(hin_buf_view(&p.bytes), NULL, &p.ring, &p.error));
    struct hin_key_provider provider = hin_ring_provider(p.ring);
    CHECK_OK(provider.status(provider.context, &told));
    CHECK_INT(told.current_version, 2);
    CHECK_OK(hin_file_read(AT_FDCWD, GOLDEN_FOLDER "/keys_wrap_v1.bin", &p.wrapped));
    CHECK_OK(provider.unwrap(provider.context, &binding, hin_buf_view(&p.wrapped), &p.back));
    CHECK_VIEW(hin_secret_view(&p.back), "golden key of thirty-two bytes..");
    CHECK_CODE(provider.rotate(provider.context), DENIED); /* it came from no file */
}
