#include "manager/escrow.h"

#include <string.h>

#include "base/bytes.h"
#include "harness.h"

#define GUID   "6a0fbdb6-58b9-4f39-bbc2-270ab70ddbdd"
#define DIGEST "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

TEST(test_manager_escrow__is_stored_as_text)
{
    struct hin_escrow escrow = {
        .state = HIN_ESCROW_WRITTEN,
        .guid = GUID,
        .label = "safe \"at\" HQ",
        .requested_by = "key holder ada",
        .confirmed_by = "key 2 (bob)",
        .agreed_msec = 1800000000000,
        .certificate = 3,
        .written_msec = 1800000000001,
        .generation = 7,
        .digest = DIGEST,
    };
    struct hin_escrow back;
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 8192};
    CHECK_OK(hin_escrow_encode(&escrow, &text));
    CHECK_OK(hin_escrow_decode(hin_buf_view(&text), &back));
    CHECK(back.state == HIN_ESCROW_WRITTEN && back.certificate == 3 && back.generation == 7);
    CHECK(strcmp(back.label, escrow.label) == 0 && strcmp(back.guid, GUID) == 0);
    CHECK(strcmp(back.confirmed_by, "key 2 (bob)") == 0 && strcmp(back.digest, DIGEST) == 0);
    CHECK_INT(back.written_msec, 1800000000001);
    CHECK(back.note[0] == '\0' && back.forgotten_msec == 0);
    CHECK(!hin_is_ok(hin_escrow_decode(HIN_VIEW("{\"state\":\"lost\"}"), &back)));
    CHECK(!hin_is_ok(hin_escrow_decode(HIN_VIEW("{\"state\":\"agreed\",\"agreed\":-1}"), &back)));
    CHECK(!hin_is_ok(hin_escrow_decode(HIN_VIEW("{"), &back)));
}

TEST(test_manager_escrow__a_receipt_is_one_word)
{
    struct hin_escrow_receipt receipt = {GUID, 7, 1800000000001, DIGEST}, back;
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_ESCROW_RECEIPT_MAX};
    CHECK_OK(hin_escrow_receipt_write(&receipt, &text));
    CHECK_VIEW(hin_buf_view(&text), GUID ":7:1800000000001:" DIGEST);
    CHECK_OK(hin_escrow_receipt_read(hin_buf_view(&text), &back));
    CHECK(strcmp(back.guid, GUID) == 0 && strcmp(back.digest, DIGEST) == 0);
    CHECK(back.generation == 7 && back.written_msec == 1800000000001);
    for (size_t i = 0; i < text.size; i++) { /* cut off anywhere it is none */
        CHECK_CODE(hin_escrow_receipt_read(hin_view_sub(hin_buf_view(&text), 0, i), &back),
                   INVALID);
    }
    static const char *const none[] = {
        "",
        ":::",
        GUID ":0:1800000000001:" DIGEST,
        GUID ":7:-1:" DIGEST,
        GUID ":7:x:" DIGEST,
        GUID ":99999999999999999999:1:" DIGEST,
        GUID "0:7:1:" DIGEST,
        GUID ":7:1:" DIGEST "00",
        GUID ":7:1:" DIGEST ":",
        GUID ":7:1:" DIGEST ":more",
    };
    for (size_t i = 0; i < HIN_COUNT(none); i++) {
        CHECK_CODE(hin_escrow_receipt_read(hin_view_from_text(none[i]), &back), INVALID);
    }
}
