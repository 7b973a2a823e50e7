#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "harness.h"
#include "seal/index.h"
#include "seal_fixture.h"

TEST(test_seal_value__opens_at_its_place_only)
{
    FIXTURE(f);
    BUF(sealed);
    BUF(plain);
    struct hin_seal_place place = {HIN_VIEW("t1"), HIN_VIEW("events"), HIN_VIEW("7"),
                                   HIN_VIEW("raw")};
    CHECK_OK(hin_seal_value(f.sealer, &place, HIN_VIEW("secret"), &sealed));
    CHECK_INT(sealed.size, 6 + HIN_SEAL_OVERHEAD_BYTES);
    CHECK_OK(hin_seal_open_value(f.opener, &place, hin_buf_view(&sealed), &plain));
    CHECK_VIEW(hin_buf_view(&plain), "secret");
    struct hin_view *const parts[] = {&place.tenant, &place.table, &place.row, &place.field};
    for (size_t i = 0; i < HIN_COUNT(parts); i++) {
        struct hin_view before = *parts[i];
        *parts[i] = HIN_VIEW("other");
        CHECK_CODE(hin_seal_open_value(f.opener, &place, hin_buf_view(&sealed), &plain), AUTH);
        *parts[i] = before;
    }
    /* the borders between the parts count: "t1" + "events" is not "t1e" + "vents" */
    struct hin_seal_place shifted = {HIN_VIEW("t1e"), HIN_VIEW("vents"), HIN_VIEW("7"),
                                     HIN_VIEW("raw")};
    CHECK_CODE(hin_seal_open_value(f.opener, &shifted, hin_buf_view(&sealed), &plain), AUTH);
    CHECK_INT(plain.size, 6); /* refusals append nothing */
}

TEST(test_seal_value__refuses_each_altered_byte_and_each_length)
{
    FIXTURE(f);
    BUF(sealed);
    BUF(plain);
    CHECK_OK(hin_seal_value(f.sealer, &f.place, HIN_VIEW("value"), &sealed));
    for (size_t i = 0; i < sealed.size; i++) {
        sealed.data[i] ^= 0x10;
        CHECK(!hin_is_ok(hin_seal_open_value(f.opener, &f.place, hin_buf_view(&sealed), &plain)));
        sealed.data[i] ^= 0x10;
        CHECK(!hin_is_ok(hin_seal_open_value(f.opener, &f.place,
                                             hin_view_sub(hin_buf_view(&sealed), 0, i), &plain)));
    }
    sealed.data[3] = 2;
    CHECK_CODE(hin_seal_open_value(f.opener, &f.place, hin_buf_view(&sealed), &plain), UNSUPPORTED);
    CHECK_CODE(hin_seal_open_value(f.opener, &f.place, HIN_VIEW("plain text"), &plain), SYNTAX);
    CHECK_CODE(hin_seal_open_value(f.opener, &f.place, HIN_VIEW_EMPTY, &plain), TRUNCATED);
    CHECK_INT(plain.size, 0);
}

TEST(test_seal_value__unknown_key_is_not_found)
{
    FIXTURE(f);
    BUF(sealed);
    BUF(plain);
    CHECK_OK(hin_seal_value(f.sealer, &f.place, HIN_VIEW("value"), &sealed));
    hin_opener_forget(f.opener, f.key_id);
    CHECK_CODE(hin_seal_open_value(f.opener, &f.place, hin_buf_view(&sealed), &plain), NOT_FOUND);
}

/* A key source that is asked for what the opener does not hold. */
struct source {
    struct fixture *fixture;
    int asked;
    enum hin_code answer;
};

static HIN_RESULT find_in_source(void *context, const uint8_t *key_id, struct hin_secret *ret_key)
{
    struct source *source = context;
    source->asked++;
    HIN_ENSURE(memcmp(key_id, source->fixture->key_id, HIN_SEAL_KEY_ID_BYTES) == 0, NOT_FOUND);
    if (source->answer != HIN_OK) {
        return hin_fail(source->answer);
    }
    return hin_secret_from(ret_key, hin_secret_view(&source->fixture->key));
}

TEST(test_seal_value__asks_the_source_once)
{
    FIXTURE(f);
    BUF(sealed);
    BUF(plain);
    struct source source = {&f, 0, HIN_AGAIN};
    struct hin_key_source vtable = {find_in_source, &source};
    HIN_CLEANUP(hin_opener_freep) struct hin_opener *opener = NULL;
    CHECK_OK(hin_opener_new(&opener, &vtable, 1));
    CHECK_OK(hin_seal_value(f.sealer, &f.place, HIN_VIEW("value"), &sealed));
    CHECK_CODE(hin_seal_open_value(opener, &f.place, hin_buf_view(&sealed), &plain), AGAIN);
    source.answer = HIN_OK;
    for (int i = 0; i < 3; i++) {
        CHECK_OK(hin_seal_open_value(opener, &f.place, hin_buf_view(&sealed), &plain));
    }
    CHECK_INT(source.asked, 2);
}

/* --- nonces, tried by force --- */

TEST(test_seal_nonce__never_comes_twice)
{
    FIXTURE(f);
    static uint8_t nonces[4][1000][HIN_AEAD_NONCE_BYTES];
    for (int run = 0; run < 4; run++) {
        /* Four starts under one key: what a restored folder would amount to, if keys were not
         * fresh. */
        HIN_CLEANUP(hin_sealer_freep) struct hin_sealer *sealer = NULL;
        CHECK_OK(hin_sealer_new(&sealer, f.key_id, &f.key));
        for (int i = 0; i < 1000; i++) {
            CHECK_OK(hin_sealer_nonce(sealer, nonces[run][i]));
        }
    }
    const uint8_t(*flat)[HIN_AEAD_NONCE_BYTES] = nonces[0];
    for (size_t i = 0; i < 4000; i++) {
        for (size_t j = i + 1; j < 4000; j++) {
            CHECK(memcmp(flat[i], flat[j], HIN_AEAD_NONCE_BYTES) != 0);
        }
    }
}

TEST(test_seal_nonce__a_forked_child_is_refused)
{
    FIXTURE(f);
    BUF(sealed);
    pid_t child = fork();
    if (child == 0) {
        struct hin_result result = hin_seal_value(f.sealer, &f.place, HIN_VIEW("x"), &sealed);
        _exit(result.code == HIN_CONFLICT && hin_sealer_left_count(f.sealer) == 0 ? 0 : 1);
    }
    int status = 0;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK_OK(hin_seal_value(f.sealer, &f.place, HIN_VIEW("x"), &sealed)); /* the parent goes on */
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* a minute under a sanitizer  \
                                                                     */
TEST(test_seal_nonce__a_spent_key_is_refused)
{
    FIXTURE(f);
    BUF(sealed);
    uint8_t nonce[HIN_AEAD_NONCE_BYTES];
    CHECK_INT(hin_sealer_left_count(f.sealer), HIN_SEAL_MESSAGES_MAX);
    for (uint32_t i = 0; i < HIN_SEAL_MESSAGES_MAX; i++) { /* a billion draws: about two seconds */
        struct hin_result result = hin_sealer_nonce(f.sealer, nonce);
        if (result.code != HIN_OK) {
            CHECK_INT(i, HIN_SEAL_MESSAGES_MAX);
        }
    }
    CHECK_INT(hin_sealer_left_count(f.sealer), 0);
    CHECK_CODE(hin_seal_value(f.sealer, &f.place, HIN_VIEW("x"), &sealed), LIMIT);
    CHECK_INT(sealed.size, 0);
}
#endif

/* --- keys that expire --- */

struct expiring {
    const struct hin_secret *key;
    int asked;
    bool refuses;
};

static HIN_RESULT fetch_again(void *context, struct hin_secret *ret_key)
{
    struct expiring *source = context;
    source->asked++;
    HIN_ENSURE(!source->refuses, DENIED);
    return hin_secret_from(ret_key, hin_secret_view(source->key));
}

static HIN_RESULT fetch_index(void *context, struct hin_index_keys *ret_keys)
{
    HIN_TRY(fetch_again(context, &ret_keys->keys[0]));
    ret_keys->versions[0] = HIN_INDEX_FIRST;
    ret_keys->count = 1;
    return hin_ok();
}

static HIN_RESULT find_again(void *context, const uint8_t key_id[HIN_SEAL_KEY_ID_BYTES],
                             struct hin_secret *ret_key)
{
    (void)key_id;
    return fetch_again(context, ret_key);
}

enum { UNUSED = 600, HELD = 3600 };

TEST(test_seal_opener__keys_expire_unused_and_held)
{
    FIXTURE(f);
    BUF(sealed);
    BUF(plain);
    struct expiring source = {.key = &f.key};
    HIN_CLEANUP(hin_opener_freep) struct hin_opener *opener = NULL;
    CHECK_OK(hin_opener_new(&opener, &(struct hin_key_source){find_again, &source}, 4));
    CHECK_OK(hin_seal_value(f.sealer, &f.place, HIN_VIEW("x"), &sealed));
    CHECK_OK(hin_seal_open_value(opener, &f.place, hin_buf_view(&sealed), &plain));
    hin_opener_expire(opener, 1000, UNUSED, HELD);
    hin_opener_expire(opener, 1000 + UNUSED - 1, UNUSED, HELD);
    CHECK_INT(hin_opener_key_count(opener), 1);
    hin_opener_expire(opener, 1000 + UNUSED, UNUSED, HELD);
    CHECK_INT(hin_opener_key_count(opener), 0);
    CHECK_OK(hin_seal_open_value(opener, &f.place, hin_buf_view(&sealed), &plain));
    CHECK_INT(source.asked, 2);
    /* Used all the time it goes after an hour. */
    int64_t begin = 5000;
    for (int64_t now = begin; now < begin + HELD; now += UNUSED / 2) {
        CHECK_OK(hin_seal_open_value(opener, &f.place, hin_buf_view(&sealed), &plain));
        hin_opener_expire(opener, now, UNUSED, HELD);
        CHECK_INT(hin_opener_key_count(opener), 1);
    }
    hin_opener_expire(opener, begin + HELD, UNUSED, HELD);
    CHECK_INT(hin_opener_key_count(opener), 0);
    source.refuses = true; /* withdrawn meanwhile */
    CHECK_CODE(hin_seal_open_value(opener, &f.place, hin_buf_view(&sealed), &plain), DENIED);
    CHECK_INT(source.asked, 3);
}

TEST(test_seal_index__its_key_expires)
{
    FIXTURE(f);
    uint64_t before = 0, after = 0;
    struct expiring source = {.key = &f.key};
    HIN_CLEANUP(hin_index_freep) struct hin_index *index = NULL;
    CHECK_OK(hin_index_new(&index, &f.key));
    CHECK_OK(hin_index_token(index, 7, HIN_VIEW("root"), &before));
    hin_index_expire(index, 1000, UNUSED, HELD);
    hin_index_expire(index, 1000 + UNUSED, UNUSED, HELD);
    CHECK_CODE(hin_index_token(index, 7, HIN_VIEW("root"), &after), NOT_FOUND); /* no source */
    hin_index_source(index, fetch_index, &source);
    CHECK_OK(hin_index_token(index, 7, HIN_VIEW("root"), &after));
    CHECK(before == after);
    CHECK_INT(source.asked, 1);
    for (int64_t now = 0; now <= HELD; now += UNUSED / 2) {
        CHECK_OK(hin_index_token(index, 7, HIN_VIEW("root"), &after));
        hin_index_expire(index, now, UNUSED, HELD);
    }
    CHECK_INT(source.asked, 1);
    source.refuses = true;
    CHECK_CODE(hin_index_token(index, 7, HIN_VIEW("root"), &after), DENIED);
}

/* --- blind index --- */

TEST(test_seal_index__separates_fields_values_and_keys)
{
    FIXTURE(f);
    uint64_t a = 0, b = 0;
    HIN_CLEANUP(hin_secret_done) struct hin_secret other = {0};
    HIN_CLEANUP(hin_index_freep) struct hin_index *one = NULL;
    HIN_CLEANUP(hin_index_freep) struct hin_index *two = NULL;
    CHECK_OK(hin_secret_random(&other, HIN_INDEX_KEY_BYTES));
    CHECK_OK(hin_index_new(&one, &f.key));
    CHECK_OK(hin_index_new(&two, &other));
    CHECK_OK(hin_index_token(one, 7, HIN_VIEW("root"), &a));
    CHECK_OK(hin_index_token(one, 7, HIN_VIEW("root"), &b));
    CHECK(a == b);
    CHECK_OK(hin_index_token(one, 8, HIN_VIEW("root"), &b));
    CHECK(a != b);
    CHECK_OK(hin_index_token(one, 7, HIN_VIEW("root2"), &b));
    CHECK(a != b);
    CHECK_OK(hin_index_token(two, 7, HIN_VIEW("root"), &b));
    CHECK(a != b);
    CHECK_OK(hin_index_token(one, 7, HIN_VIEW_EMPTY, &b));
}

struct versions {
    struct hin_index_keys keys;
    bool refuses;
};

static HIN_RESULT fetch_versions(void *context, struct hin_index_keys *ret_keys)
{
    const struct versions *source = context;
    HIN_ENSURE(!source->refuses, AGAIN);
    for (size_t i = 0; i < source->keys.count; i++) {
        HIN_TRY(hin_secret_from(&ret_keys->keys[i], hin_secret_view(&source->keys.keys[i])));
        ret_keys->versions[i] = source->keys.versions[i];
    }
    ret_keys->count = source->keys.count;
    return hin_ok();
}

/* Two versions at a time: the newest makes tokens, both find. */
TEST(test_seal_index__two_versions_at_a_time)
{
    FIXTURE(f);
    uint64_t first = 0, second = 0;
    struct hin_index_tokens tokens;
    struct versions source = {0};
    HIN_CLEANUP(hin_index_freep) struct hin_index *index = NULL;
    CHECK_OK(hin_index_new(&index, &f.key));
    CHECK_INT(hin_index_version(index), HIN_INDEX_FIRST);
    CHECK_CODE(hin_index_renew(index), NOT_FOUND); /* no source */
    CHECK_OK(hin_index_token(index, 7, HIN_VIEW("root"), &first));
    hin_index_source(index, fetch_versions, &source);
    CHECK_CODE(hin_index_renew(index), INVALID); /* no key */
    CHECK_OK(hin_secret_random(&source.keys.keys[0], HIN_INDEX_KEY_BYTES));
    CHECK_OK(hin_secret_from(&source.keys.keys[1], hin_secret_view(&f.key)));
    source.keys.count = 2;
    CHECK_CODE(hin_index_renew(index), INVALID); /* not descending */
    source.keys.versions[0] = 2;
    source.keys.versions[1] = 1;
    source.refuses = true;
    CHECK_CODE(hin_index_renew(index), AGAIN);
    CHECK_OK(hin_index_token(index, 7, HIN_VIEW("root"), &second)); /* as it was */
    CHECK(first == second && hin_index_version(index) == 1);
    source.refuses = false;
    CHECK_OK(hin_index_renew(index));
    CHECK_INT(hin_index_version(index), 2);
    CHECK(hin_index_knows(index, 1) && hin_index_knows(index, 2) && !hin_index_knows(index, 3));
    CHECK_OK(hin_index_token(index, 7, HIN_VIEW("root"), &second)); /* nothing is remembered */
    CHECK(first != second);
    CHECK_OK(hin_index_tokens(index, 7, HIN_VIEW("root"), &tokens));
    CHECK_INT(tokens.count, 2);
    CHECK(tokens.versions[0] == 2 && tokens.tokens[0] == second);
    CHECK(tokens.versions[1] == 1 && tokens.tokens[1] == first);
    source.keys.count = 1;
    CHECK_OK(hin_index_renew(index));
    CHECK(!hin_index_knows(index, 1));
    CHECK_OK(hin_index_tokens(index, 7, HIN_VIEW("root"), &tokens));
    CHECK(tokens.count == 1 && tokens.tokens[0] == second);
    hin_index_keys_done(&source.keys);
    hin_secret_done(&source.keys.keys[1]);
}

/* Format 1 as it was first written must open for ever. */
TEST(test_seal_value__golden_version_1)
{
    FIXTURE(f);
    BUF(made);
    BUF(golden);
    BUF(plain);
    CHECK_OK(hin_seal_value(f.sealer, &f.place, HIN_VIEW("golden value"), &made));
    CHECK_OK(golden_read("seal_value_v1.bin", hin_buf_view(&made), &golden));
    CHECK_OK(hin_seal_open_value(f.opener, &f.place, hin_buf_view(&golden), &plain));
    CHECK_VIEW(hin_buf_view(&plain), "golden value");
}
