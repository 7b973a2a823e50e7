/* Restore records: what is written is read, and what was altered does not hold. */
#include <stdio.h>

#include "base/bytes.h"
#include "crypt/sign.h"
#include "harness.h"
#include "proof/restore.h"

static HIN_RESULT issue(const struct hin_secret *seed, const struct hin_restore *restore,
                        struct hin_buf *ret_record)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 1024};
    uint8_t signature[HIN_SIGN_BYTES];
    HIN_TRY(hin_restore_encode(restore, ret_record));
    HIN_TRY(hin_restore_text(hin_buf_view(ret_record), &text));
    HIN_TRY(hin_sign(seed, hin_buf_view(&text), signature));
    return hin_buf_append(ret_record, hin_view_of(signature, sizeof(signature)));
}

static bool holds(struct hin_view record, struct hin_view key)
{
    struct hin_restore read;
    struct hin_view statement, signature;
    return hin_is_ok(hin_restore_decode(record, &read, &statement, &signature)) &&
           hin_is_ok(hin_restore_verify(key, statement, signature));
}

TEST(test_proof_restore__holds_as_it_was_signed)
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret seed = {0};
    HIN_CLEANUP(hin_buf_done) struct hin_buf record = {.max = HIN_RESTORE_MAX_BYTES};
    uint8_t public_key[HIN_SIGN_PUBLIC_BYTES];
    struct hin_restore restore = {{1, 2, 3}, HIN_RESTORE_VAULT, 7,    5,    9, 3,
                                  4,         1234567,           "t0", "ada"};
    struct hin_restore read;
    struct hin_view statement, signature;
    char id[HIN_RESTORE_ID_TEXT_BYTES];
    CHECK_OK(hin_sign_generate(&seed));
    CHECK_OK(hin_sign_public(&seed, public_key));
    struct hin_view key = hin_view_of(public_key, sizeof(public_key));
    CHECK_OK(issue(&seed, &restore, &record));
    CHECK_OK(hin_restore_decode(hin_buf_view(&record), &read, &statement, &signature));
    CHECK(memcmp(&read, &restore, sizeof(read)) == 0);
    CHECK(holds(hin_buf_view(&record), key));
    hin_restore_id_text(&read, id);
    CHECK_VIEW(hin_view_from_text(id), "01020300000000000000000000000000");
    for (size_t i = 0; i < record.size; i++) {
        record.data[i] ^= 0x40;
        CHECK(!holds(hin_buf_view(&record), key));
        record.data[i] ^= 0x40;
        CHECK(!holds(hin_view_sub(hin_buf_view(&record), 0, i), key));
    }
    record.data[3] = 2;
    CHECK_CODE(hin_restore_decode(hin_buf_view(&record), &read, &statement, &signature),
               UNSUPPORTED);
    record.data[3] = 1;
    public_key[0] ^= 1;
    CHECK(!holds(hin_buf_view(&record), key));
}

TEST(test_proof_restore__the_longest_names_fit)
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret seed = {0};
    HIN_CLEANUP(hin_buf_done) struct hin_buf record = {.max = HIN_RESTORE_MAX_BYTES};
    struct hin_restore restore = {.what = HIN_RESTORE_STORE};
    struct hin_restore read;
    struct hin_view statement, signature;
    snprintf(restore.tenant, sizeof(restore.tenant), "%063d", 1);
    snprintf(restore.holder, sizeof(restore.holder), "%063d", 2);
    CHECK_OK(hin_sign_generate(&seed));
    CHECK_OK(issue(&seed, &restore, &record));
    CHECK_OK(hin_restore_decode(hin_buf_view(&record), &read, &statement, &signature));
    CHECK(memcmp(&read, &restore, sizeof(read)) == 0);
}
