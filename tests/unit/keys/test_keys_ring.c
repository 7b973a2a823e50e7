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
    CHECK_OK(provider.generate(provider.context, HIN_VIEW("t")));
    CHECK_OK(provider.wrap(provider.context, &binding, &p.key, &p.wrapped));
    hin_ring_free(p.ring);
    p.ring = NULL;
    CHECK_OK(hin_ring_open(&p.ring, AT_FDCWD, p.path, NULL, &p.error));
    provider = hin_ring_provider(p.ring);
    CHECK_OK(provider.unwrap(provider.context, &binding, hin_buf_view(&p.wrapped), &p.back));
    CHECK(hin_secret_equal(&p.key, &p.back));
    struct hin_key_provider_status told;
    CHECK_OK(provider.status(provider.context, HIN_VIEW("t"), &told));
    CHECK(!told.sealed && told.advice[0] != '\0');
}

TEST(test_keys_ring__binding_is_part_of_the_wrap)
{
    PLACE(p, "binding");
    CHECK_OK(hin_ring_create(AT_FDCWD, p.path, NULL, &p.error));
    CHECK_OK(hin_ring_open(&p.ring, AT_FDCWD, p.path, NULL, &p.error));
    struct hin_key_provider provider = hin_ring_provider(p.ring);
    CHECK_OK(provider.generate(provider.context, HIN_VIEW("t")));
    CHECK_OK(provider.wrap(provider.context, &binding, &p.key, &p.wrapped));
    struct hin_key_binding other[] = {binding, binding, binding, binding};
    other[0].tenant = HIN_VIEW("u");
    other[1].key_id = HIN_VIEW("ie");
    other[2].purpose = HIN_KEY_DATA;
    other[3].version = 2;
    CHECK_OK(provider.generate(provider.context, other[0].tenant));
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
    CHECK_OK(provider.status(provider.context, HIN_VIEW("t"), &told));
    CHECK(told.sealed);
    CHECK_OK(
        provider.rotate(provider.context, HIN_VIEW_EMPTY)); /* sealed anew under the same phrase */
    hin_ring_free(p.ring);
    p.ring = NULL;
    CHECK_OK(hin_ring_open(&p.ring, AT_FDCWD, p.path, &p.phrase, &p.error));
}

TEST(test_keys_ring__a_tpm_seals_it)
{
    PLACE(p, "by-tpm");
    HIN_CLEANUP(hin_secret_done) struct hin_secret other = {0};
    struct hin_ring_tpm tpm = {.pcrs = 0x81, .pin = true, .blob_size = 3, .blob = "abc"},
                        back = {0};
    struct hin_key_provider_status told;
    CHECK_CODE(hin_ring_create_tpm(AT_FDCWD, p.path, &tpm, &p.phrase, &p.error), INVALID);
    CHECK_OK(hin_ring_create_tpm(AT_FDCWD, p.path, &tpm, &p.key, &p.error));
    CHECK_OK(hin_ring_read_tpm(AT_FDCWD, p.path, &back, &p.error));
    CHECK(back.pcrs == 0x81 && back.pin && back.blob_size == 3);
    CHECK(hin_view_is(hin_view_of(back.blob, back.blob_size), "abc"));
    CHECK_CODE(hin_ring_open(&p.ring, AT_FDCWD, p.path, NULL, &p.error), AUTH);
    CHECK(strstr(p.error.text, "TPM") != NULL);
    CHECK_CODE(hin_ring_open(&p.ring, AT_FDCWD, p.path, &p.phrase, &p.error), AUTH);
    CHECK_OK(hin_secret_random(&other, HIN_RING_TPM_SECRET));
    CHECK_CODE(hin_ring_open(&p.ring, AT_FDCWD, p.path, &other, &p.error), AUTH);
    CHECK(strstr(p.error.text, "not the key of this ring") != NULL);
    CHECK_OK(hin_ring_open(&p.ring, AT_FDCWD, p.path, &p.key, &p.error));
    struct hin_key_provider provider = hin_ring_provider(p.ring);
    CHECK_OK(provider.status(provider.context, HIN_VIEW_EMPTY, &told));
    CHECK(told.sealed && strcmp(told.name, "file (TPM, PCRs and PIN)") == 0);
    CHECK_OK(provider.rotate(provider.context, HIN_VIEW_EMPTY));
    CHECK_OK(provider.generate(provider.context, HIN_VIEW("t")));
    CHECK_OK(provider.wrap(provider.context, &binding, &p.key, &p.wrapped));
    hin_ring_free(p.ring);
    p.ring = NULL;
    /* What a save writes leaves the TPM's part as it was. */
    CHECK_OK(hin_ring_read_tpm(AT_FDCWD, p.path, &back, &p.error));
    CHECK_OK(hin_ring_open(&p.ring, AT_FDCWD, p.path, &p.key, &p.error));
    provider = hin_ring_provider(p.ring);
    CHECK_OK(provider.unwrap(provider.context, &binding, hin_buf_view(&p.wrapped), &p.back));
    CHECK(hin_secret_equal(&p.key, &p.back));
}

TEST(test_keys_ring__terms_and_blob_of_a_tpm_are_checked)
{
    PLACE(p, "tpm-damaged");
    PLACE(plain, "tpm-none");
    struct hin_ring_tpm tpm = {.blob_size = 3, .blob = "abc"}, back;
    CHECK_OK(hin_ring_create_tpm(AT_FDCWD, p.path, &tpm, &p.key, &p.error));
    CHECK_OK(hin_file_read(AT_FDCWD, p.path, &p.bytes));
    CHECK_OK(hin_ring_decode(hin_buf_view(&p.bytes), &p.key, &p.ring, &p.error));
    hin_ring_free(p.ring);
    p.ring = NULL;
    for (size_t i = 40; i < 51; i++) { /* size, blob, checksum */
        p.bytes.data[i] ^= 1;
        CHECK_CODE(hin_ring_decode(hin_buf_view(&p.bytes), &p.key, &p.ring, &p.error), CORRUPT);
        p.bytes.data[i] ^= 1;
    }
    /* Other PCRs in the head, its checksum mended: the content is bound to what stood there. */
    p.bytes.data[8] ^= 1;
    hin_store_u32(p.bytes.data + 36, hin_crc32c(0, hin_view_of(p.bytes.data, 36)));
    CHECK_CODE(hin_ring_decode(hin_buf_view(&p.bytes), &p.key, &p.ring, &p.error), AUTH);
    CHECK_OK(hin_ring_create(AT_FDCWD, plain.path, NULL, &p.error));
    CHECK_CODE(hin_ring_read_tpm(AT_FDCWD, plain.path, &back, &p.error), NOT_FOUND);
}

TEST(test_keys_ring__rotation_keeps_old_versions_until_destroyed)
{
    PLACE(p, "rotate");
    struct hin_view t = HIN_VIEW("t");
    struct hin_key_provider_status told;
    CHECK_OK(hin_ring_create(AT_FDCWD, p.path, NULL, &p.error));
    CHECK_OK(hin_ring_open(&p.ring, AT_FDCWD, p.path, NULL, &p.error));
    struct hin_key_provider provider = hin_ring_provider(p.ring);
    CHECK_CODE(provider.generate(provider.context, HIN_VIEW_EMPTY), EXISTS);
    CHECK_CODE(provider.rotate(provider.context, t), NOT_FOUND);
    CHECK_CODE(provider.wrap(provider.context, &binding, &p.key, &p.wrapped), NOT_FOUND);
    CHECK_CODE(provider.generate(provider.context, HIN_VIEW("../t")), INVALID);
    CHECK_OK(provider.status(provider.context, t, &told));
    CHECK_INT(told.current_version, 0);
    CHECK_OK(provider.generate(provider.context, t));
    CHECK_CODE(provider.generate(provider.context, t), EXISTS);
    CHECK_OK(provider.wrap(provider.context, &binding, &p.key, &p.wrapped));
    CHECK_CODE(provider.destroy(provider.context, t, 1), CONFLICT); /* the current one */
    CHECK_OK(provider.rotate(provider.context, t));
    CHECK_OK(provider.status(provider.context, t, &told));
    CHECK_INT(told.current_version, 2);
    CHECK_INT(told.version_count, 2);
    CHECK(told.exportable && told.destruction_usec == 0);
    CHECK_OK(provider.status(provider.context, HIN_VIEW_EMPTY, &told));
    CHECK_INT(told.current_version, 1); /* each tenant's versions are its own */
    CHECK_OK(provider.unwrap(provider.context, &binding, hin_buf_view(&p.wrapped), &p.back));
    hin_secret_done(&p.back);
    CHECK_OK(provider.destroy(provider.context, t, 1));
    CHECK_CODE(provider.destroy(provider.context, t, 1), NOT_FOUND);
    CHECK_CODE(provider.unwrap(provider.context, &binding, hin_buf_view(&p.wrapped), &p.back),
               NOT_FOUND);
    CHECK_CODE(provider.destroy(provider.context, HIN_VIEW_EMPTY, HIN_KEY_ALL_VERSIONS), CONFLICT);
    CHECK_OK(provider.destroy(provider.context, t, HIN_KEY_ALL_VERSIONS));
    CHECK_CODE(provider.destroy(provider.context, t, HIN_KEY_ALL_VERSIONS), NOT_FOUND);
}

static HIN_RESULT reopen(struct place *place)
{
    hin_ring_free(place->ring);
    place->ring = NULL;
    return hin_ring_open(&place->ring, AT_FDCWD, place->path, NULL, &place->error);
}

/* In the file without a pass phrase keys stand in clear: what was destroyed must stand nowhere. */
TEST(test_keys_ring__what_is_destroyed_is_gone_from_the_file)
{
    PLACE(p, "shred");
    uint8_t key[32];
    CHECK_OK(hin_ring_create(AT_FDCWD, p.path, NULL, &p.error));
    CHECK_OK(hin_ring_open(&p.ring, AT_FDCWD, p.path, NULL, &p.error));
    struct hin_key_provider provider = hin_ring_provider(p.ring);
    CHECK_OK(provider.generate(provider.context, HIN_VIEW("victim")));
    CHECK_OK(provider.generate(provider.context, HIN_VIEW("other")));
    CHECK_OK(hin_file_read(AT_FDCWD, p.path, &p.bytes));
    size_t at = hin_view_find(hin_buf_view(&p.bytes), HIN_VIEW("victim"));
    CHECK(at != SIZE_MAX);
    hin_copy(key, p.bytes.data + at + 6 + 1 + 4, sizeof(key)); /* name, count, version */
    CHECK_OK(provider.destroy(provider.context, HIN_VIEW("victim"), HIN_KEY_ALL_VERSIONS));
    hin_buf_clear(&p.bytes);
    CHECK_OK(hin_file_read(AT_FDCWD, p.path, &p.bytes));
    CHECK(hin_view_find(hin_buf_view(&p.bytes), hin_view_of(key, sizeof(key))) == SIZE_MAX);
    CHECK(hin_view_find(hin_buf_view(&p.bytes), HIN_VIEW("victim")) == SIZE_MAX);
    CHECK(hin_view_find(hin_buf_view(&p.bytes), HIN_VIEW("other")) != SIZE_MAX);
}

/* A save that was cut off anywhere: the former keys or the new ones, never none; and what a cut
 * left over goes at the next opening. */
TEST(test_keys_ring__a_save_may_be_cut_off_anywhere)
{
    PLACE(p, "torn");
    HIN_CLEANUP(hin_buf_done) struct hin_buf after = {.max = 65536};
    HIN_CLEANUP(hin_buf_done) struct hin_buf mixed = {.max = 65536};
    CHECK_OK(hin_ring_create(AT_FDCWD, p.path, NULL, &p.error));
    CHECK_OK(hin_ring_open(&p.ring, AT_FDCWD, p.path, NULL, &p.error));
    struct hin_key_provider provider = hin_ring_provider(p.ring);
    CHECK_OK(provider.generate(provider.context, HIN_VIEW("t")));
    CHECK_OK(hin_file_read(AT_FDCWD, p.path, &p.bytes));
    CHECK_OK(provider.rotate(provider.context, HIN_VIEW("t")));
    CHECK_OK(hin_file_read(AT_FDCWD, p.path, &after));
    size_t image = after.size - 8192;
    for (size_t cut = 0; cut <= image; cut++) {
        for (size_t second = 0; second < 2; second++) {
            struct hin_key_provider_status told;
            /* the place that is written first begins at 8 or at 4 KiB */
            size_t begin = second == 0 ? 8192 : 4096;
            hin_buf_clear(&mixed);
            CHECK_OK(hin_buf_append(&mixed, hin_buf_view(&after)));
            hin_zero(mixed.data + 8192, mixed.size - 8192);
            hin_copy(mixed.data + 4096, p.bytes.data + 4096, 4096);
            hin_copy(mixed.data + 8192, p.bytes.data + 8192, p.bytes.size - 8192);
            hin_copy(mixed.data + begin, after.data + begin, HIN_MIN(cut, after.size - begin));
            bool whole = hin_view_equal(hin_view_sub(hin_buf_view(&mixed), begin, image),
                                        hin_view_sub(hin_buf_view(&after), begin, image));
            CHECK_OK(hin_file_replace(AT_FDCWD, p.path, hin_buf_view(&mixed), 0400));
            CHECK_OK(reopen(&p));
            provider = hin_ring_provider(p.ring);
            CHECK_OK(provider.status(provider.context, HIN_VIEW("t"), &told));
            CHECK_INT(told.current_version, whole ? 2 : 1);
            hin_buf_clear(&mixed);
            CHECK_OK(hin_file_read(AT_FDCWD, p.path, &mixed));
            size_t size = mixed.size - 8192; /* both places hold the same again */
            CHECK(hin_view_equal(hin_view_sub(hin_buf_view(&mixed), 4096, size),
                                 hin_view_sub(hin_buf_view(&mixed), 8192, size)));
        }
    }
}

TEST(test_keys_ring__holds_many_tenants_and_shrinks_again)
{
    PLACE(p, "many");
    struct stat small, large;
    char name[16];
    CHECK_OK(hin_ring_create(AT_FDCWD, p.path, NULL, &p.error));
    CHECK(stat(p.path, &small) == 0);
    CHECK_OK(hin_ring_open(&p.ring, AT_FDCWD, p.path, NULL, &p.error));
    struct hin_key_provider provider = hin_ring_provider(p.ring);
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof(name), "tenant-%d", i);
        CHECK_OK(provider.generate(provider.context, hin_view_from_text(name)));
    }
    CHECK(stat(p.path, &large) == 0 && large.st_size > 2 * small.st_size);
    CHECK_OK(reopen(&p));
    provider = hin_ring_provider(p.ring);
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof(name), "tenant-%d", i);
        CHECK_OK(
            provider.destroy(provider.context, hin_view_from_text(name), HIN_KEY_ALL_VERSIONS));
    }
    CHECK(stat(p.path, &large) == 0 && large.st_size == small.st_size);
    CHECK_OK(reopen(&p));
    provider = hin_ring_provider(p.ring);
    for (uint32_t i = 2; i <= HIN_RING_VERSIONS_MAX; i++) {
        CHECK_OK(provider.rotate(provider.context, HIN_VIEW_EMPTY));
    }
    CHECK_CODE(provider.rotate(provider.context, HIN_VIEW_EMPTY), LIMIT);
    CHECK_OK(reopen(&p));
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
    for (size_t i = 0; i < 4096; i += i < 64 ? 1 : 97) {
        CHECK_CODE(hin_ring_decode(hin_view_sub(bytes, 0, i), NULL, &p.ring, &p.error), TRUNCATED);
    }
    for (size_t i = 0; i < 40; i++) {
        p.bytes.data[i] ^= 1;
        CHECK(!hin_is_ok(hin_ring_decode(bytes, NULL, &p.ring, &p.error)));
        p.bytes.data[i] ^= 1;
    }
    for (size_t i = 0; 8192 + i < bytes.size; i++) { /* one place damaged, then both */
        p.bytes.data[4096 + i] ^= 1;
        CHECK_OK(hin_ring_decode(bytes, NULL, &p.ring, &p.error));
        hin_ring_free(p.ring);
        p.ring = NULL;
        p.bytes.data[8192 + i] ^= 1;
        CHECK_CODE(hin_ring_decode(bytes, NULL, &p.ring, &p.error), CORRUPT);
        p.bytes.data[4096 + i] ^= 1;
        p.bytes.data[8192 + i] ^= 1;
    }
    p.bytes.data[3] = 3;
    CHECK_CODE(hin_ring_decode(bytes, NULL, &p.ring, &p.error), UNSUPPORTED);
    CHECK_CODE(hin_ring_decode(HIN_VIEW("#!/bin/sh"), NULL, &p.ring, &p.error), SYNTAX);
    p.bytes.data[3] = 2;
    CHECK_CODE(hin_ring_decode(bytes, &p.phrase, &p.ring, &p.error), INVALID);
}

/* Format 1 as it was first written must open for ever: versions 1 ('k') and 2 ('l'). */
TEST(test_keys_ring__golden_version_1)
{
    PLACE(p, "golden");
    struct stat status;
    struct hin_key_provider_status told;
    CHECK_OK(hin_file_read(AT_FDCWD, GOLDEN_FOLDER "/keys_ring_v1.bin", &p.bytes));
    CHECK_OK(hin_ring_decode(hin_buf_view(&p.bytes), NULL, &p.ring, &p.error));
    struct hin_key_provider provider = hin_ring_provider(p.ring);
    CHECK_OK(provider.status(provider.context, HIN_VIEW_EMPTY, &told));
    CHECK_INT(told.current_version, 2);
    CHECK_CODE(provider.rotate(provider.context, HIN_VIEW_EMPTY), DENIED); /* from no file */
    for (size_t i = 0; i < p.bytes.size; i++) {
        hin_ring_free(p.ring);
        p.ring = NULL;
        CHECK_CODE(
            hin_ring_decode(hin_view_sub(hin_buf_view(&p.bytes), 0, i), NULL, &p.ring, &p.error),
            TRUNCATED);
    }
    /* and becomes format 2, in which the tenant has a key of its own */
    CHECK_OK(hin_file_replace(AT_FDCWD, p.path, hin_buf_view(&p.bytes), 0400));
    CHECK_OK(reopen(&p));
    CHECK_OK(hin_ring_upgrade(p.ring, &p.error));
    CHECK_OK(hin_ring_upgrade(p.ring, &p.error));
    CHECK(stat(p.path, &status) == 0 && (status.st_mode & 07777) == 0400 && status.st_size > 4096);
    CHECK_OK(reopen(&p));
    provider = hin_ring_provider(p.ring);
    CHECK_OK(hin_file_read(AT_FDCWD, GOLDEN_FOLDER "/keys_wrap_v1.bin", &p.wrapped));
    CHECK_CODE(provider.unwrap(provider.context, &binding, hin_buf_view(&p.wrapped), &p.back),
               NOT_FOUND);
    CHECK_OK(provider.generate(provider.context, HIN_VIEW("t")));
    CHECK_OK(provider.unwrap(provider.context, &binding, hin_buf_view(&p.wrapped), &p.back));
    CHECK_VIEW(hin_secret_view(&p.back), "golden key of thirty-two bytes..");
    CHECK_OK(provider.destroy(provider.context, HIN_VIEW("t"), HIN_KEY_ALL_VERSIONS));
    hin_secret_done(&p.back);
    CHECK_CODE(provider.unwrap(provider.context, &binding, hin_buf_view(&p.wrapped), &p.back),
               NOT_FOUND);
}

/* Format 2: the installation's versions 1 and 2, and "t", sealed under "open sesame". */
TEST(test_keys_ring__golden_version_2)
{
    PLACE(p, "golden2");
    struct hin_key_provider_status told;
    CHECK_OK(hin_file_read(AT_FDCWD, GOLDEN_FOLDER "/keys_ring_v2.bin", &p.bytes));
    CHECK_CODE(hin_ring_decode(hin_buf_view(&p.bytes), &p.wrong, &p.ring, &p.error), AUTH);
    CHECK_OK(hin_ring_decode(hin_buf_view(&p.bytes), &p.phrase, &p.ring, &p.error));
    struct hin_key_provider provider = hin_ring_provider(p.ring);
    CHECK_OK(provider.status(provider.context, HIN_VIEW_EMPTY, &told));
    CHECK_INT(told.current_version, 2);
    CHECK(told.sealed);
    CHECK_OK(hin_file_read(AT_FDCWD, GOLDEN_FOLDER "/keys_ring_v2_wrap.bin", &p.wrapped));
    CHECK_OK(provider.unwrap(provider.context, &binding, hin_buf_view(&p.wrapped), &p.back));
    CHECK_VIEW(hin_secret_view(&p.back), "golden key of thirty-two bytes..");
}

static HIN_RESULT wrap_for(struct place *p, const char *tenant)
{
    struct hin_key_provider provider = hin_ring_provider(p->ring);
    struct hin_key_binding bound = binding;
    bound.tenant = hin_view_from_text(tenant);
    hin_buf_clear(&p->wrapped);
    return provider.wrap(provider.context, &bound, &p->key, &p->wrapped);
}

static HIN_RESULT unwraps_for(struct place *p, struct hin_ring *ring, const char *tenant)
{
    struct hin_key_provider provider = hin_ring_provider(ring);
    struct hin_key_binding bound = binding;
    bound.tenant = hin_view_from_text(tenant);
    hin_secret_done(&p->back);
    return provider.unwrap(provider.context, &bound, hin_buf_view(&p->wrapped), &p->back);
}

/* The copy opens what was wrapped until then, under its own pass phrase; the ring does not change.
 */
TEST(test_keys_ring__escrow_is_a_ring_of_its_own)
{
    PLACE(p, "escrow");
    HIN_CLEANUP(hin_ring_freep) struct hin_ring *copy = NULL;
    HIN_CLEANUP(hin_buf_done) struct hin_buf before = {.max = 65536}, after = {.max = 65536};
    struct hin_secret none = {0};
    CHECK_OK(hin_ring_create(AT_FDCWD, p.path, &p.wrong, &p.error));
    CHECK_OK(hin_ring_open(&p.ring, AT_FDCWD, p.path, &p.wrong, &p.error));
    struct hin_key_provider provider = hin_ring_provider(p.ring);
    CHECK_OK(provider.generate(provider.context, HIN_VIEW("t")));
    CHECK_OK(wrap_for(&p, "t"));
    CHECK_OK(hin_file_read(AT_FDCWD, p.path, &before));
    uint64_t generation = hin_ring_generation(p.ring);
    CHECK_CODE(hin_ring_escrow(p.ring, &none, &p.bytes), INVALID);
    CHECK_OK(hin_ring_escrow(p.ring, &p.phrase, &p.bytes));
    CHECK_INT(hin_ring_generation(p.ring), generation);
    CHECK_CODE(hin_ring_decode(hin_buf_view(&p.bytes), &p.wrong, &copy, &p.error), AUTH);
    CHECK_CODE(hin_ring_decode(hin_buf_view(&p.bytes), NULL, &copy, &p.error), AUTH);
    CHECK_OK(hin_ring_decode(hin_buf_view(&p.bytes), &p.phrase, &copy, &p.error));
    CHECK_OK(unwraps_for(&p, copy, "t"));
    CHECK(hin_secret_equal(&p.back, &p.key));
    /* the ring is as it was, goes on under its own pass phrase, and what it makes now is its own */
    CHECK_OK(hin_file_read(AT_FDCWD, p.path, &after));
    CHECK(hin_view_equal(hin_buf_view(&before), hin_buf_view(&after)));
    CHECK_OK(provider.rotate(provider.context, HIN_VIEW("t")));
    CHECK_OK(wrap_for(&p, "t"));
    CHECK_CODE(unwraps_for(&p, copy, "t"), NOT_FOUND);
    hin_ring_free(p.ring);
    p.ring = NULL;
    CHECK_OK(hin_ring_open(&p.ring, AT_FDCWD, p.path, &p.wrong, &p.error));
    CHECK_OK(unwraps_for(&p, p.ring, "t"));
}

TEST(test_keys_ring__is_read_beside_its_writer)
{
    PLACE(p, "beside");
    HIN_CLEANUP(hin_ring_freep) struct hin_ring *reader = NULL;
    CHECK_CODE(hin_ring_read(&reader, AT_FDCWD, p.path, NULL, &p.error), NOT_FOUND);
    CHECK_OK(hin_ring_create(AT_FDCWD, p.path, NULL, &p.error));
    CHECK_OK(hin_ring_open(&p.ring, AT_FDCWD, p.path, NULL, &p.error));
    CHECK_OK(hin_ring_lock(p.ring, &p.error));
    struct hin_key_provider provider = hin_ring_provider(p.ring);
    CHECK_OK(provider.generate(provider.context, HIN_VIEW("t")));
    CHECK_OK(wrap_for(&p, "t"));
    CHECK_OK(hin_ring_read(&reader, AT_FDCWD, p.path, NULL, &p.error));
    CHECK_OK(unwraps_for(&p, reader, "t"));
    struct hin_key_provider reading = hin_ring_provider(reader);
    CHECK_CODE(reading.rotate(reading.context, HIN_VIEW("t")), DENIED);
}
