/* The file of an export: its head, its records, the order of its lines. */
#include <string.h>

#include "harness.h"

#include "base/bytes.h"
#include "proof/takeout.h"

static struct hin_takeout sample(void)
{
    struct hin_takeout takeout = {.number = 7, .key = {1, 2, 3}, .time_usec = 123456};
    hin_copy(takeout.tenant, "0b8dd1f2-0000-4000-8000-000000000001", HIN_TAKEOUT_UUID_BYTES + 1);
    hin_copy(takeout.id, "0b8dd1f2-0000-4000-8000-000000000002", HIN_TAKEOUT_UUID_BYTES + 1);
    return takeout;
}

TEST(test_proof_takeout__head_reads_as_it_was_written_and_refuses_all_else)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = HIN_TAKEOUT_HEAD_BYTES + 1};
    struct hin_takeout takeout = sample(), read;
    CHECK_OK(hin_takeout_head_write(&takeout, &bytes));
    CHECK_INT(bytes.size, HIN_TAKEOUT_HEAD_BYTES);
    CHECK_OK(hin_takeout_head_read(hin_buf_view(&bytes), &read));
    CHECK(read.number == 7 && read.time_usec == 123456 && read.key[2] == 3);
    CHECK(strcmp(read.tenant, takeout.tenant) == 0 && strcmp(read.id, takeout.id) == 0);
    for (size_t i = 0; i < bytes.size; i++) {
        bytes.data[i] ^= 1;
        CHECK(!hin_is_ok(hin_takeout_head_read(hin_buf_view(&bytes), &read)));
        bytes.data[i] ^= 1;
        CHECK(!hin_is_ok(hin_takeout_head_read(hin_view_of(bytes.data, i), &read)));
    }
    bytes.data[3] = 2;
    CHECK_CODE(hin_takeout_head_read(hin_buf_view(&bytes), &read), UNSUPPORTED);
    CHECK_CODE(hin_takeout_head_read(HIN_VIEW("HKR2"), &read), PROTOCOL);
}

TEST(test_proof_takeout__records_are_whole_or_not_there_yet)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = 1024};
    struct hin_view sealed;
    CHECK_OK(hin_takeout_record_write(HIN_VIEW("sealed"), &bytes));
    CHECK_OK(hin_takeout_record_read(hin_buf_view(&bytes), &sealed));
    CHECK_VIEW(sealed, "sealed");
    for (size_t size = 0; size < bytes.size; size++) {
        CHECK_CODE(hin_takeout_record_read(hin_view_of(bytes.data, size), &sealed), AGAIN);
    }
    CHECK_CODE(hin_takeout_record_read(HIN_VIEW("\xff\xff\xff\xff"), &sealed), SYNTAX);
    CHECK_CODE(hin_takeout_record_write(HIN_VIEW_EMPTY, &bytes), LIMIT);
}

static struct hin_result feed(struct hin_takeout_tally *tally, const char *line)
{
    struct hin_takeout takeout = sample();
    struct hin_error error = {0};
    return hin_takeout_line(tally, &takeout, hin_view_from_text(line), &error);
}

static const char first[] =
    "{\"part\":\"tenant\",\"tenant\":\"0b8dd1f2-0000-4000-8000-000000000001\",\"number\":7,"
    "\"export\":\"0b8dd1f2-0000-4000-8000-000000000002\"}";

TEST(test_proof_takeout__begins_ends_and_counts)
{
    struct hin_takeout_tally tally = {0};
    CHECK_CODE(feed(&tally, "{\"part\":\"event\"}"), CORRUPT); /* before the beginning */
    CHECK_CODE(feed(&tally, "{\"part\":\"end\",\"documents\":0,\"events\":0,\"audit\":0}"),
               CORRUPT);
    CHECK_OK(feed(&tally, first));
    CHECK_CODE(feed(&tally, first), CORRUPT);
    CHECK_OK(feed(&tally, "{\"part\":\"document\"}"));
    CHECK_OK(feed(&tally, "{\"part\":\"event\"}"));
    CHECK_OK(feed(&tally, "{\"part\":\"event\"}"));
    CHECK_OK(feed(&tally, "{\"part\":\"audit\"}"));
    CHECK_CODE(feed(&tally, "{\"part\":\"other\"}"), CORRUPT);
    CHECK_CODE(feed(&tally, "{\"part\":\"end\",\"documents\":1,\"events\":3,\"audit\":1}"),
               CORRUPT);
    CHECK_OK(feed(&tally, "{\"part\":\"end\",\"documents\":1,\"events\":2,\"audit\":1}"));
    CHECK(tally.ended);
    CHECK_CODE(feed(&tally, "{\"part\":\"event\"}"), CORRUPT);
}

TEST(test_proof_takeout__the_head_cannot_say_something_else)
{
    struct hin_takeout_tally tally = {0};
    CHECK_CODE(feed(&tally, "{\"part\":\"tenant\",\"tenant\":\"0b8dd1f2-0000-4000-8000-00000000000f"
                            "\",\"number\":7,\"export\":\"0b8dd1f2-0000-4000-8000-000000000002\"}"),
               CORRUPT);
    CHECK(!tally.begun);
}
