#include "seal/journal.h"

#include <string.h>

#include "harness.h"
#include "seal_fixture.h"

/* A sink that records every write and sync, and fails when told to. */
struct tape {
    struct hin_buf bytes;
    size_t synced;
    size_t fail_after; /* bytes that still fit */
    bool fail_truncate;
};

static HIN_RESULT tape_write(void *context, struct hin_view bytes)
{
    struct tape *tape = context;
    size_t fit = HIN_MIN(bytes.size, tape->fail_after);
    tape->fail_after -= fit;
    HIN_TRY(hin_buf_append(&tape->bytes, hin_view_sub(bytes, 0, fit)));
    HIN_ENSURE(fit == bytes.size, NO_SPACE);
    return hin_ok();
}

static HIN_RESULT tape_sync(void *context)
{
    struct tape *tape = context;
    tape->synced = tape->bytes.size;
    return hin_ok();
}

static HIN_RESULT tape_truncate(void *context, uint64_t size)
{
    struct tape *tape = context;
    HIN_ENSURE(!tape->fail_truncate, IO);
    tape->bytes.size = (size_t)size;
    return hin_ok();
}

static void tape_done(struct tape *tape)
{
    hin_buf_done(&tape->bytes);
}

#define TAPE(tape_name, writer_name, fixture)                                                      \
    HIN_CLEANUP(tape_done)                                                                         \
    struct tape tape_name = {.bytes = {.max = 1 << 24}, .fail_after = SIZE_MAX};                   \
    struct hin_journal_sink sink = {tape_write, tape_sync, tape_truncate, &tape_name};             \
    HIN_CLEANUP(hin_journal_writer_freep) struct hin_journal_writer *writer_name = NULL;           \
    CHECK_OK(hin_journal_writer_new(&writer_name, &sink, fixture.sealer, &fixture.place,           \
                                    HIN_VIEW("wrapped"), 0, 1 << 20))

static HIN_RESULT append_numbers(struct hin_journal_writer *writer, uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i < to; i++) {
        char text[32];
        int size = snprintf(text, sizeof(text), "record %llu", (unsigned long long)i);
        HIN_TRY(hin_journal_append(writer, 3, i, hin_view_of(text, (size_t)size)));
    }
    return hin_ok();
}

/* What a whole reading found. */
struct tally {
    size_t records, keys, damaged, torn;
    uint64_t sum; /* of the sequences */
    enum hin_code reason;
};

static HIN_RESULT read_all(struct fixture *f, struct hin_view bytes, struct tally *ret_tally)
{
    struct hin_journal_reader reader;
    struct hin_journal_item item;
    struct tally tally = {0};
    struct hin_result result = hin_ok();
    hin_journal_reader_init(&reader, bytes, f->opener, &f->place);
    while (hin_is_ok(result = hin_journal_next(&reader, &item)) && item.type != HIN_JOURNAL_END) {
        tally.records += item.type == HIN_JOURNAL_RECORD;
        tally.keys += item.type == HIN_JOURNAL_KEY;
        tally.damaged += item.type == HIN_JOURNAL_DAMAGE;
        tally.torn += item.type == HIN_JOURNAL_TORN;
        tally.sum += item.type == HIN_JOURNAL_RECORD ? item.sequence : 0;
        tally.reason = item.type == HIN_JOURNAL_DAMAGE ? item.reason : tally.reason;
    }
    hin_journal_reader_done(&reader);
    *ret_tally = tally;
    return result;
}

TEST(test_seal_journal__reads_back_key_and_records)
{
    FIXTURE(f);
    TAPE(tape, writer, f);
    struct hin_journal_reader reader;
    struct hin_journal_item item;
    CHECK_OK(append_numbers(writer, 1, 4));
    CHECK_INT(tape.bytes.size, 0); /* nothing before the commit */
    CHECK_OK(hin_journal_commit(writer));
    CHECK_INT(tape.synced, tape.bytes.size);
    CHECK_INT(hin_journal_size_bytes(writer), tape.bytes.size);
    hin_journal_reader_init(&reader, hin_buf_view(&tape.bytes), f.opener, &f.place);
    CHECK_OK(hin_journal_next(&reader, &item));
    CHECK_INT(item.type, HIN_JOURNAL_KEY);
    CHECK_VIEW(item.bytes, "wrapped");
    CHECK(memcmp(item.key_id, f.key_id, sizeof(f.key_id)) == 0);
    CHECK_OK(hin_journal_next(&reader, &item));
    CHECK_INT(item.type, HIN_JOURNAL_RECORD);
    CHECK_INT(item.kind, 3);
    CHECK_VIEW(item.bytes, "record 1");
    hin_journal_reader_done(&reader);
    CHECK(hin_view_find(hin_buf_view(&tape.bytes), HIN_VIEW("record")) == SIZE_MAX);
}

/* Every prefix that a crash may leave: all whole records are read, the rest is torn, nothing is
 * invented. */
TEST(test_seal_journal__every_prefix_reads)
{
    FIXTURE(f);
    TAPE(tape, writer, f);
    CHECK_OK(append_numbers(writer, 0, 5));
    CHECK_OK(hin_journal_commit(writer));
    size_t before = 0;
    for (size_t size = 0; size <= tape.bytes.size; size++) {
        struct tally tally;
        CHECK_OK(read_all(&f, hin_view_sub(hin_buf_view(&tape.bytes), 0, size), &tally));
        CHECK(tally.records >= before && tally.records <= before + 1);
        CHECK_INT(tally.damaged, 0);
        CHECK(tally.torn <= 1);
        before = tally.records;
    }
    CHECK_INT(before, 5);
}

TEST(test_seal_journal__damage_costs_one_record)
{
    FIXTURE(f);
    TAPE(tape, writer, f);
    struct tally tally;
    CHECK_OK(append_numbers(writer, 1, 11)); /* sum 55 */
    CHECK_OK(hin_journal_commit(writer));
    for (size_t i = 0; i < tape.bytes.size; i++) {
        tape.bytes.data[i] ^= 0x80;
        CHECK_OK(read_all(&f, hin_buf_view(&tape.bytes), &tally));
        CHECK_INT(tally.records + tally.keys, 10);
        CHECK_INT(tally.damaged + tally.torn, 1);
        tape.bytes.data[i] ^= 0x80;
    }
    /* a torn record in the middle: a crash, then more appended without cutting */
    size_t first = hin_journal_size_bytes(writer);
    CHECK_OK(append_numbers(writer, 11, 12));
    CHECK_OK(hin_journal_commit(writer));
    tape.bytes.size = first + 50;
    CHECK_OK(append_numbers(writer, 12, 13));
    CHECK_OK(hin_journal_commit(writer));
    CHECK_OK(read_all(&f, hin_buf_view(&tape.bytes), &tally));
    CHECK_INT(tally.sum, 55 + 12);
    CHECK_INT(tally.damaged, 1);
}

TEST(test_seal_journal__another_place_or_key_is_named)
{
    FIXTURE(f);
    TAPE(tape, writer, f);
    struct tally tally;
    CHECK_OK(append_numbers(writer, 0, 3));
    CHECK_OK(hin_journal_commit(writer));
    f.place.row = HIN_VIEW("other");
    CHECK_OK(read_all(&f, hin_buf_view(&tape.bytes), &tally));
    CHECK_INT(tally.records, 0);
    CHECK_INT(tally.reason, HIN_AUTH);
    hin_opener_forget(f.opener, NULL);
    CHECK_OK(read_all(&f, hin_buf_view(&tape.bytes), &tally));
    CHECK_INT(tally.damaged, 3);
    CHECK_INT(tally.reason, HIN_NOT_FOUND);
}

TEST(test_seal_journal__full_disk_holds_and_goes_on)
{
    FIXTURE(f);
    TAPE(tape, writer, f);
    struct tally tally;
    CHECK_OK(append_numbers(writer, 0, 2));
    CHECK_OK(hin_journal_commit(writer));
    size_t durable = tape.bytes.size;
    CHECK_OK(append_numbers(writer, 2, 6));
    tape.fail_after = 100;
    CHECK_CODE(hin_journal_commit(writer), NO_SPACE);
    CHECK_INT(tape.bytes.size, durable); /* cut back */
    tape.fail_after = SIZE_MAX;
    CHECK_OK(hin_journal_commit(writer));
    CHECK_OK(read_all(&f, hin_buf_view(&tape.bytes), &tally));
    CHECK_INT(tally.records, 6);
    CHECK_INT(tally.damaged + tally.torn, 0);
    CHECK_OK(append_numbers(writer, 6, 7));
    tape.fail_after = 3;
    tape.fail_truncate = true;
    CHECK_CODE(hin_journal_commit(writer), NO_SPACE);
    tape.fail_after = SIZE_MAX;
    CHECK_CODE(hin_journal_commit(writer), IO); /* its end is unknown: never written again */
    CHECK_CODE(append_numbers(writer, 7, 8), IO);
}

TEST(test_seal_journal__newer_version_is_refused)
{
    FIXTURE(f);
    TAPE(tape, writer, f);
    struct tally tally;
    CHECK_OK(append_numbers(writer, 0, 1));
    CHECK_OK(hin_journal_commit(writer));
    tape.bytes.data[3] = 2;
    hin_store_u32(tape.bytes.data + 28, hin_crc32c(0, hin_view_of(tape.bytes.data, 28)));
    CHECK_CODE(read_all(&f, hin_buf_view(&tape.bytes), &tally), UNSUPPORTED);
}

TEST(test_seal_journal__writes_to_a_file)
{
    FIXTURE(f);
    BUF(bytes);
    char path[256];
    struct tally tally;
    HIN_CLEANUP_FD int fd = -1;
    HIN_CLEANUP(hin_journal_writer_freep) struct hin_journal_writer *writer = NULL;
    snprintf(path, sizeof(path), "%s/spool", test_folder());
    CHECK_OK(hin_fd_open(AT_FDCWD, path, O_RDWR | O_CREAT | O_APPEND, 0600, &fd));
    struct hin_journal_sink sink = hin_journal_sink_fd(&fd);
    CHECK_OK(hin_journal_writer_new(&writer, &sink, f.sealer, &f.place, HIN_VIEW_EMPTY, 0, 65536));
    CHECK_OK(append_numbers(writer, 0, 100));
    CHECK_OK(hin_journal_commit(writer));
    CHECK_OK(hin_file_read(AT_FDCWD, path, &bytes));
    CHECK_OK(read_all(&f, hin_buf_view(&bytes), &tally));
    CHECK_INT(tally.records, 100);
}

TEST(test_seal_journal__golden_version_1)
{
    FIXTURE(f);
    TAPE(tape, writer, f);
    BUF(golden);
    struct tally tally;
    CHECK_OK(append_numbers(writer, 1, 4));
    CHECK_OK(hin_journal_commit(writer));
    CHECK_OK(golden_read("seal_journal_v1.bin", hin_buf_view(&tape.bytes), &golden));
    CHECK_OK(read_all(&f, hin_buf_view(&golden), &tally));
    CHECK_INT(tally.sum, 6);
    CHECK_INT(tally.keys, 1);
}
