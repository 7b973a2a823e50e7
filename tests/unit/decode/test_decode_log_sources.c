/* journald, JSON lines and multi-line joining. */
#include "harness.h"

#include "base/bytes.h"
#include "decode/log/framing.h"
#include "decode/log/journald.h"
#include "decode/log/jsonline.h"
#include "decode/log/multiline.h"
#include "decode/log/predecode.h"

static const char export_text[] =
    "__CURSOR=s=1\n__REALTIME_TIMESTAMP=1795384800000000\n_HOSTNAME=web\nSYSLOG_IDENTIFIER=sshd\n"
    "_COMM=other\n_PID=7\nSYSLOG_PID=12\nPRIORITY=6\nMESSAGE\n\x05\0\0\0\0\0\0\0a\nb=c\n_SYSTEMD_"
    "UNIT=ssh.service\n\nNEXT=1\n";

TEST(test_decode_log_journald__export_entry)
{
    struct hin_journal_entry entry;
    size_t used = 0;
    struct hin_view all = hin_view_of(export_text, sizeof(export_text) - 1);
    CHECK_OK(hin_journal_parse(all, &entry, &used));
    CHECK_INT(used, all.size - 7);
    CHECK_VIEW(entry.message, "a\nb=c");
    CHECK_VIEW(entry.identifier, "sshd");
    CHECK_VIEW(entry.pid, "12");
    CHECK_VIEW(entry.unit, "ssh.service");
    for (size_t size = 0; size < used; size++) {
        CHECK_CODE(hin_journal_parse(hin_view_sub(all, 0, size), &entry, &used), AGAIN);
    }
    CHECK_CODE(hin_journal_parse(HIN_VIEW("=x\n\n"), &entry, &used), SYNTAX);
    CHECK_CODE(hin_journal_parse(HIN_VIEW("MESSAGE\n\x01\0\0\0\0\0\0\0ab\n\n"), &entry, &used),
               SYNTAX);
    CHECK_CODE(hin_journal_parse(HIN_VIEW("MESSAGE\n\xff\xff\xff\xff\xff\xff\xff\xff"
                                          "ab\n\n"),
                                 &entry, &used),
               LIMIT);
}

TEST(test_decode_log_journald__line_reads_as_syslog)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf line;
    struct hin_journal_entry entry;
    struct hin_predecoded out;
    size_t used = 0;
    hin_buf_init(&line, 4096);
    CHECK_OK(hin_journal_parse(hin_view_of(export_text, sizeof(export_text) - 1), &entry, &used));
    CHECK_OK(hin_journal_line(&entry, NULL, &line));
    CHECK_VIEW(hin_buf_view(&line), "Nov 22 22:00:00 web sshd[12]: a b=c");
    hin_predecode(hin_buf_view(&line), &(struct hin_predecode_context){entry.time_usec, NULL},
                  &out);
    CHECK_VIEW(out.program, "sshd");
    CHECK(out.time_usec == entry.time_usec);
    /* a name that would forge a header is made harmless; the kernel has no pid */
    entry.identifier = HIN_VIEW("x]: y");
    hin_buf_clear(&line);
    CHECK_OK(hin_journal_line(&entry, NULL, &line));
    CHECK_VIEW(hin_buf_view(&line), "Nov 22 22:00:00 web x___y[12]: a b=c");
    entry.transport = HIN_VIEW("kernel");
    hin_buf_clear(&line);
    CHECK_OK(hin_journal_line(&entry, NULL, &line));
    CHECK_VIEW(hin_buf_view(&line), "Nov 22 22:00:00 web kernel: a b=c");
}

TEST(test_decode_log_journald__rival_names_in_any_order)
{
    struct hin_journal_entry entry = {0};
    hin_journal_field(&entry, HIN_VIEW("_COMM=cat"));
    hin_journal_field(&entry, HIN_VIEW("SYSLOG_IDENTIFIER=dog"));
    hin_journal_field(&entry, HIN_VIEW("SYSLOG_PID=1"));
    hin_journal_field(&entry, HIN_VIEW("_PID=2"));
    hin_journal_field(&entry, HIN_VIEW("no equals sign"));
    hin_journal_field(&entry, HIN_VIEW("=x"));
    CHECK_VIEW(entry.identifier, "dog");
    CHECK_VIEW(entry.pid, "1");
}

TEST(test_decode_log_jsonline__flattens)
{
    struct hin_arena arena;
    struct hin_jsonline out;
    hin_arena_init(&arena, 1 << 20);
    struct hin_result result =
        hin_jsonline_parse(HIN_VIEW(" {\"a\":{\"b\":1,\"c\":[\"x\",true,null]},\"d\":1.5,\"e\":"
                                    "\"q\\\"\\u00e9\",\"f\":{}} "),
                           &arena, &out);
    static const struct {
        const char *name;
        const char *value;
    } wanted[] = {{"a.b", "1"},      {"a.c.0", "x"}, {"a.c.1", "true"},
                  {"a.c.2", "null"}, {"d", "1.5"},   {"e", "q\"\xc3\xa9"}};
    bool fine = hin_is_ok(result) && out.count == HIN_COUNT(wanted) && !out.cut;
    for (size_t i = 0; fine && i < HIN_COUNT(wanted); i++) {
        const struct hin_jsonline_field *field =
            hin_jsonline_get(&out, hin_view_from_text(wanted[i].name));
        fine = field != NULL && hin_view_is(field->value, wanted[i].value);
    }
    fine = fine && hin_jsonline_get(&out, HIN_VIEW("a")) == NULL;
    hin_arena_done(&arena);
    CHECK(fine);
}

TEST(test_decode_log_jsonline__refuses_what_is_no_object)
{
    static const char *const bad[] = {
        "", "{", "[1]", "{\"a\":1} x", "{\"a\":1,\"a\":2}", "{a:1}", "\"{}\"", "{\"a\":\"\xff\"}"};
    struct hin_arena arena;
    struct hin_jsonline out;
    bool fine = true;
    hin_arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < HIN_COUNT(bad); i++) {
        fine = fine && !hin_is_ok(hin_jsonline_parse(hin_view_from_text(bad[i]), &arena, &out));
    }
    hin_arena_done(&arena);
    CHECK(fine);
}

TEST(test_decode_log_jsonline__bounds_fields_and_depth)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf line;
    struct hin_arena arena;
    struct hin_jsonline out = {0};
    hin_buf_init(&line, 65536);
    CHECK_OK(hin_buf_append_byte(&line, '{'));
    for (int i = 0; i < 600; i++) {
        CHECK_OK(hin_buf_printf(&line, "\"k%d\":%d,", i, i));
    }
    CHECK_OK(hin_buf_append_text(&line, "\"z\":{\"z\":{\"z\":{\"z\":1}}}}"));
    hin_arena_init(&arena, 1 << 20);
    struct hin_result result = hin_jsonline_parse(hin_buf_view(&line), &arena, &out);
    hin_arena_done(&arena);
    CHECK_OK(result);
    CHECK(out.cut);
    CHECK_INT(out.count, HIN_JSONLINE_FIELDS_MAX);
}

static bool starts_with_digit(void *context, struct hin_view line)
{
    (void)context;
    return line.size > 0 && line.data[0] >= '0' && line.data[0] <= '9';
}

/* Feeds lines one second apart and collects the records, separated by '/'. */
static void collect(const struct hin_multiline_options *options, const char *const *lines,
                    size_t count, struct hin_buf *out)
{
    struct hin_multiline joiner;
    struct hin_multiline_record record;
    bool ready = false;
    if (!hin_is_ok(hin_multiline_init(&joiner, options))) {
        return;
    }
    for (size_t i = 0; i <= count; i++) {
        struct hin_result result =
            i < count ? hin_multiline_add(&joiner, hin_view_from_text(lines[i]), 0, &ready, &record)
                      : hin_multiline_flush(&joiner, 0, true, &ready, &record);
        if (hin_is_ok(result) && ready) {
            HIN_IGNORE(hin_buf_append(out, record.text)); /* the comparison finds what is missing */
            HIN_IGNORE(hin_buf_append_byte(out, '/'));
        }
    }
    hin_multiline_done(&joiner);
}

TEST(test_decode_log_multiline__three_ways_to_join)
{
    static const char *const lines[] = {"1 first", " more", "\teven", "2 second", "", "x tail"};
    HIN_CLEANUP(hin_buf_done) struct hin_buf out;
    hin_buf_init(&out, 4096);
    collect(&(struct hin_multiline_options){.mode = HIN_MULTILINE_INDENT}, lines, HIN_COUNT(lines),
            &out);
    CHECK_VIEW(hin_buf_view(&out), "1 first  more \teven/2 second//x tail/");
    hin_buf_clear(&out);
    collect(&(struct hin_multiline_options){.mode = HIN_MULTILINE_START,
                                            .starts = starts_with_digit,
                                            .separator = '|'},
            lines, HIN_COUNT(lines), &out);
    CHECK_VIEW(hin_buf_view(&out), "1 first| more|\teven/2 second||x tail/");
    hin_buf_clear(&out);
    collect(&(struct hin_multiline_options){.mode = HIN_MULTILINE_COUNT, .count = 4}, lines,
            HIN_COUNT(lines), &out);
    CHECK_VIEW(hin_buf_view(&out), "1 first  more \teven 2 second/ x tail/");
    hin_buf_clear(&out);
    collect(&(struct hin_multiline_options){.mode = HIN_MULTILINE_COUNT, .count = 1}, lines, 2,
            &out);
    CHECK_VIEW(hin_buf_view(&out), "1 first/ more/");
}

TEST(test_decode_log_multiline__time_and_size_are_bounded)
{
    static char big[50000];
    struct hin_multiline joiner;
    struct hin_multiline_record record;
    bool ready = false;
    hin_fill(big, 'x', sizeof(big));
    CHECK_OK(hin_multiline_init(
        &joiner, &(struct hin_multiline_options){.mode = HIN_MULTILINE_COUNT, .count = 3}));
    CHECK_OK(hin_multiline_add(&joiner, hin_view_of(big, sizeof(big)), 0, &ready, &record));
    CHECK_OK(hin_multiline_flush(&joiner, 999999, false, &ready, &record));
    CHECK(!ready);
    CHECK_OK(hin_multiline_add(&joiner, hin_view_of(big, sizeof(big)), 0, &ready, &record));
    CHECK_OK(hin_multiline_add(&joiner, HIN_VIEW("x"), 0, &ready, &record));
    CHECK(ready && record.cut && record.text.size == HIN_MULTILINE_MAX_BYTES &&
          record.line_count == 3);
    CHECK_OK(hin_multiline_add(&joiner, HIN_VIEW("late"), 5000000, &ready, &record));
    CHECK(!ready);
    CHECK_OK(hin_multiline_flush(&joiner, 6000000, false, &ready, &record));
    CHECK(ready && !record.cut);
    CHECK_VIEW(record.text, "late");
    CHECK_OK(hin_multiline_flush(&joiner, 9000000, true, &ready, &record));
    CHECK(!ready);
    hin_multiline_done(&joiner);
    CHECK_CODE(
        hin_multiline_init(&joiner, &(struct hin_multiline_options){.mode = HIN_MULTILINE_COUNT}),
        INVALID);
    CHECK_CODE(
        hin_multiline_init(&joiner, &(struct hin_multiline_options){.mode = HIN_MULTILINE_START}),
        INVALID);
}

TEST(test_decode_log_framing__names)
{
    static const char *const good[] = {"",     "syslog",       "postgresql-log",
                                       "json", "multi-line:1", "multi-line:1024"};
    static const char *const bad[] = {
        "xml",           "multi-line", "multi-line:", "multi-line:0", "multi-line:1025",
        "multi-line:3x", "syslog "};
    struct hin_framing framing;
    for (size_t i = 0; i < HIN_COUNT(good); i++) {
        CHECK_OK(hin_framing_parse(hin_view_from_text(good[i]), &framing));
    }
    for (size_t i = 0; i < HIN_COUNT(bad); i++) {
        CHECK(!hin_is_ok(hin_framing_parse(hin_view_from_text(bad[i]), &framing)));
    }
    CHECK_OK(hin_framing_parse(HIN_VIEW("multi-line:7"), &framing));
    CHECK_INT(framing.line_count, 7);
}

static bool starts(const char *name, const char *line)
{
    struct hin_framing framing;
    struct hin_multiline_options options;
    return hin_is_ok(hin_framing_parse(hin_view_from_text(name), &framing)) &&
           hin_framing_joins(&framing, &options) && options.starts != NULL &&
           options.starts(options.context, hin_view_from_text(line));
}

TEST(test_decode_log_framing__where_records_begin)
{
    CHECK(starts("postgresql-log", "2026-11-23 10:00:00.123 UTC [5] LOG:  x"));
    CHECK(starts("postgresql-log", "[2026-11-23 10:00:00 UTC] x"));
    CHECK(starts("postgresql-log", "me@db ERROR:  x"));
    CHECK(!starts("postgresql-log", "\tselect ERROR:  x"));
    CHECK(!starts("postgresql-log", "where a = 1"));
    CHECK(!starts("postgresql-log", ""));
    CHECK(starts("mysql-log", "2026-11-23T08:00:00.1Z 8 [Note] x"));
    CHECK(starts("mysql-log", "071112 15:30:02 x"));
    CHECK(starts("mysql-log", "071112  5:30:02 x"));
    CHECK(starts("mysql-log", "\t\t   12 Query x"));
    CHECK(!starts("mysql-log", "\tfrom t"));
    CHECK(!starts("mysql-log", "12 of them"));
    CHECK(starts("snort-full", "[**] [1:2:3] x [**]"));
    CHECK(!starts("snort-full", "[Priority: 2]"));
    CHECK(!starts("syslog", "Nov 22 10:00:00 x"));
}
