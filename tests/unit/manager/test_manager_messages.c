/* What the manager's processes and agents carry around: key uses, checkpoints, addresses. */
#include "harness.h"

#include "base/bytes.h"
#include "manager/config.h"
#include "manager/keys/use.h"
#include "proof/checkpoint.h"

TEST(test_manager_messages__key_use_round_trip)
{
    struct hin_buf bytes;
    struct hin_key_use use = {
        .verb = HIN_VIEW("data-key-open"),
        .reason = HIN_VIEW("ingest"),
        .tenant = HIN_VIEW("t"),
        .key_id = {1, 2, 3},
        .outcome = HIN_NOT_FOUND,
        .time_usec = -5,
    };
    struct hin_key_use got;
    hin_buf_init(&bytes, HIN_KEY_USE_MAX);
    CHECK_OK(hin_key_use_encode(&use, &bytes));
    CHECK_OK(hin_key_use_decode(hin_buf_view(&bytes), &got));
    CHECK_VIEW(got.verb, "data-key-open");
    CHECK_VIEW(got.reason, "ingest");
    CHECK_INT(got.outcome, HIN_NOT_FOUND);
    CHECK_INT(got.time_usec, -5);
    CHECK(memcmp(got.key_id, use.key_id, sizeof(use.key_id)) == 0);
    for (size_t size = 0; size < bytes.size; size++) {
        CHECK(!hin_is_ok(hin_key_use_decode(hin_view_of(bytes.data, size), &got)));
    }
    CHECK_OK(hin_buf_append_byte(&bytes, 0));
    CHECK_CODE(hin_key_use_decode(hin_buf_view(&bytes), &got), SYNTAX);
    hin_buf_done(&bytes);
}

TEST(test_manager_messages__checkpoint_round_trip)
{
    struct hin_buf bytes;
    struct hin_checkpoint checkpoint = {
        .tenant = "tenant", .time_usec = 7, .audit_number = 9, .last_event_id = 11};
    struct hin_checkpoint got;
    struct hin_view statement;
    struct hin_view signature;
    hin_buf_init(&bytes, 1024);
    CHECK_OK(hin_checkpoint_encode(&checkpoint, &bytes));
    CHECK_INT(bytes.size, HIN_CHECKPOINT_STATEMENT_BYTES);
    CHECK_CODE(hin_checkpoint_decode(hin_buf_view(&bytes), &got, &statement, &signature),
               TRUNCATED);
    uint8_t *at;
    CHECK_OK(hin_buf_extend(&bytes, HIN_CHECKPOINT_SIGNATURE_BYTES, &at));
    hin_fill(at, 0xaa, HIN_CHECKPOINT_SIGNATURE_BYTES);
    CHECK_OK(hin_checkpoint_decode(hin_buf_view(&bytes), &got, &statement, &signature));
    CHECK_INT(got.audit_number, 9);
    CHECK_INT(got.last_event_id, 11);
    CHECK_INT(statement.size, HIN_CHECKPOINT_STATEMENT_BYTES);
    CHECK_INT(signature.data[0], 0xaa);
    bytes.data[4]++;
    CHECK_CODE(hin_checkpoint_decode(hin_buf_view(&bytes), &got, &statement, &signature),
               UNSUPPORTED);
    bytes.data[0] = 'X';
    CHECK_CODE(hin_checkpoint_decode(hin_buf_view(&bytes), &got, &statement, &signature), PROTOCOL);
    hin_buf_done(&bytes);
}

TEST(test_manager_messages__checkpoint_ahead)
{
    struct hin_checkpoint seen = {.audit_number = 9, .last_event_id = 11};
    CHECK(!hin_checkpoint_is_ahead(&seen, 9, 11));
    CHECK(!hin_checkpoint_is_ahead(&seen, 10, 12));
    CHECK(hin_checkpoint_is_ahead(&seen, 8, 11));
    CHECK(hin_checkpoint_is_ahead(&seen, 9, 10));
}

TEST(test_manager_messages__endpoints)
{
    struct hin_manager_endpoint endpoint;
    char url[320];
    CHECK_OK(hin_manager_endpoint_parse("127.0.0.1:4119", &endpoint));
    hin_manager_endpoint_url(&endpoint, url, sizeof(url));
    CHECK_VIEW(hin_view_from_text(url), "https://127.0.0.1:4119");
    CHECK_OK(hin_manager_endpoint_parse("[::1]:1", &endpoint));
    hin_manager_endpoint_url(&endpoint, url, sizeof(url));
    CHECK_VIEW(hin_view_from_text(url), "https://[::1]:1");
    CHECK_OK(hin_manager_endpoint_parse(":4119", &endpoint));
    CHECK_VIEW(hin_view_from_text(endpoint.host), "*");
    hin_manager_endpoint_url(&endpoint, url, sizeof(url));
    CHECK(strchr(url, '*') == NULL);
    CHECK_CODE(hin_manager_endpoint_parse("127.0.0.1", &endpoint), SYNTAX);
    CHECK_CODE(hin_manager_endpoint_parse("127.0.0.1:", &endpoint), SYNTAX);
    CHECK_CODE(hin_manager_endpoint_parse("127.0.0.1:65536", &endpoint), INVALID);
    CHECK_CODE(hin_manager_endpoint_parse("::1:4119", &endpoint), SYNTAX);
}
