/* hinomi log: the engine alone, without root and without a manager. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/terminal.h"
#include "cli/cli.h"
#include "cli/conform.h"
#include "cli/log_engine.h"
#include "data/json.h"
#include "decode/log/framing.h"
#include "engine/log/given.h"

#define READ_BYTES     ((size_t)1 << 18)
#define FILE_MAX_BYTES ((size_t)64 << 20)

/* ---- log test ------------------------------------------------------------------------------ */

struct test_options {
    const char *rules;
    const char *time;
    const char *zone;
    const char *format;
    bool summary, explain, no_prefilter, no_cache;
};

static const struct hin_option test_table[] = {
    {"rules", 0, HIN_OPTION_TEXT, offsetof(struct test_options, rules), "DIR",
     "A folder with decoder.xml, rules/ and, if there, order.txt; our own rules otherwise.", NULL,
     false, false},
    {"time", 0, HIN_OPTION_CHOICE, offsetof(struct test_options, time), "CLOCK",
     "Correlate by the lines' own stamps (log, the default) or by arrival.", "log|arrival", false,
     false},
    {"zone", 0, HIN_OPTION_TEXT, offsetof(struct test_options, zone), "NAME",
     "Zone of stamps without offset, such as Europe/Berlin; the machine's otherwise.", NULL, false,
     false},
    {"format", 0, HIN_OPTION_TEXT, offsetof(struct test_options, format), "NAME",
     "How lines become records, as a policy's log locations say it: json, mysql-log, multi-line:N, "
     "postgresql-log, snort-full; the other names read line by line.",
     NULL, false, false},
    {"summary", 0, HIN_OPTION_FLAG, offsetof(struct test_options, summary), NULL,
     "Print one object with counts and times instead of one a line.", NULL, false, false},
    {"explain", 0, HIN_OPTION_FLAG, offsetof(struct test_options, explain), NULL,
     "Say in words which decoder and which rules were tried, and why each did or did not match.",
     NULL, false, false},
    {"no-prefilter", 0, HIN_OPTION_FLAG, offsetof(struct test_options, no_prefilter), NULL,
     "Try every pattern: the same answers, slowly.", NULL, false, false},
    {"no-cache", 0, HIN_OPTION_FLAG, offsetof(struct test_options, no_cache), NULL,
     "Compile the rules anew, and keep nothing.", NULL, false, false},
};
static const struct hin_command test_usage = {
    "hinomi log test",
    "run log lines through the rules, one JSON object a line",
    "[FILE...]",
    "Reads standard input without FILE (or for -). `rule` is whatever fired, level 0 included.",
    test_table,
    HIN_COUNT(test_table),
    0,
    SIZE_MAX};

struct tester {
    const struct test_options *options;
    struct hin_log_engine *engine;
    const char *location;
    struct hin_framing framing;
    bool joins;
    struct hin_multiline joiner;
    struct hin_buf record;  /* as rules see it */
    struct hin_arena given; /* fields of a JSON line */
    struct hin_buf out;
    int64_t now_usec; /* when the lines at hand were read */
    bool by_arrival;
    bool for_people; /* what lines hold is escaped: words, or anything on a terminal */
    bool failed;     /* output is closed */
};

static int64_t wall_usec(void)
{
    return hin_clock_wall_usec(hin_clock_system());
}

/* Decoders and rules say `user`, the original's reports say `dstuser`: both find it. */
static void put_user(struct hin_json_writer *w, const struct hin_log_finding *f)
{
    bool named = f->fields[HIN_LOG_DSTUSER].data == NULL;
    for (size_t i = 0; i < f->dynamic_count; i++) {
        named = named || strcmp(f->dynamic[i].name, "user") == 0;
    }
    if (!named) {
        hin_json_field_text(w, "user", f->fields[HIN_LOG_DSTUSER]);
    }
}

static void put_fields(struct hin_json_writer *w, const struct hin_log_finding *f)
{
    hin_json_key(w, "fields");
    hin_json_begin_object(w);
    for (size_t i = 0; i < HIN_LOG_FIELD_COUNT; i++) {
        if (f->fields[i].data != NULL) {
            hin_json_key(w, hin_log_field_name((enum hin_log_field)i));
            hin_json_put_text(w, f->fields[i]);
        }
    }
    put_user(w, f);
    for (size_t i = 0; i < f->dynamic_count; i++) {
        hin_json_key(w, f->dynamic[i].name);
        hin_json_put_text(w, f->dynamic[i].value);
    }
    hin_json_end_object(w);
}

static void put_rule(struct hin_json_writer *w, const struct hin_log_finding *f)
{
    hin_json_key(w, "rule");
    if (f->rule == NULL) {
        hin_json_put_cstring(w, NULL);
        return;
    }
    hin_json_begin_object(w);
    hin_json_key(w, "id");
    hin_json_put_unsigned(w, f->rule->id);
    hin_json_key(w, "level");
    hin_json_put_unsigned(w, f->rule->level);
    hin_json_key(w, "description");
    hin_json_put_text(w, f->description);
    hin_json_key(w, "groups");
    hin_json_begin_array(w);
    for (size_t i = 0; i < f->rule->group_count; i++) {
        hin_json_put_cstring(w, f->rule->groups[i]);
    }
    hin_json_end_array(w);
    hin_json_end_object(w);
}

static void put_optional(struct hin_json_writer *w, const char *key, struct hin_view value)
{
    hin_json_key(w, key);
    if (value.size == 0) {
        hin_json_put_cstring(w, NULL);
    } else {
        hin_json_put_text(w, value);
    }
}

/* A number; where RFC 5424 lets a program write a word, the word. Nothing when the line has none.
 */
static void put_pid(struct hin_json_writer *w, struct hin_view pid)
{
    int64_t number = 0;
    if (pid.size == 0) {
        return;
    }
    hin_json_key(w, "pid");
    if (hin_is_ok(hin_view_to_i64(pid, &number))) {
        hin_json_put_integer(w, number);
    } else {
        hin_json_put_text(w, pid);
    }
}

static HIN_RESULT put_finding(struct tester *t, const struct hin_log_finding *f, int64_t arrival)
{
    struct hin_json_writer w;
    hin_json_writer_init(&w, &t->out, false);
    hin_json_begin_object(&w);
    hin_json_key(&w, "line");
    hin_json_put_text(&w, f->line);
    hin_json_key(&w, "time");
    hin_json_put_integer(&w, (t->by_arrival ? arrival : f->time_usec) / HIN_MSEC_USEC);
    put_optional(&w, "host", f->host);
    put_optional(&w, "program", f->program);
    put_pid(&w, f->pid);
    hin_json_key(&w, "decoder");
    hin_json_put_cstring(&w, f->decoder);
    put_fields(&w, f);
    put_rule(&w, f);
    hin_json_key(&w, "alert");
    hin_json_put_boolean(&w, f->alert);
    if ((f->flags & HIN_LOG_FLAG_CUT) != 0) { /* `line` is not all of it */
        hin_json_field_boolean(&w, "truncated", true);
    }
    hin_json_end_object(&w);
    HIN_TRY(hin_json_writer_finish(&w));
    return hin_buf_append_byte(&t->out, '\n');
}

static void flush(struct tester *t)
{
    struct hin_view out = hin_buf_view(&t->out);
    if (t->for_people) {
        t->failed = t->failed || !hin_terminal_put(out, stdout) || fflush(stdout) != 0;
    } else if (!t->failed && !hin_is_ok(hin_fd_write_all(STDOUT_FILENO, out))) {
        t->failed = true;
    }
    hin_buf_clear(&t->out);
}

static void print_trace(void *context, unsigned depth, const char *text)
{
    struct tester *t = context;
    HIN_IGNORE(hin_buf_printf(&t->out, "%*s%s\n", (int)depth * 2, "", text));
}

static void explain_begin(struct tester *t, struct hin_view line)
{
    HIN_IGNORE(hin_buf_printf(&t->out, "line: %.*s\n", HIN_ARGS(line)));
}

static void explain_end(struct tester *t, const struct hin_log_finding *f)
{
    HIN_IGNORE(hin_buf_printf(&t->out, "  host '%.*s', program '%.*s', log '%.*s', decoder '%s'\n",
                              HIN_ARGS(f->host), HIN_ARGS(f->program), HIN_ARGS(f->log),
                              f->decoder != NULL ? f->decoder : ""));
    for (size_t i = 0; i < HIN_LOG_FIELD_COUNT; i++) {
        if (f->fields[i].data != NULL) {
            HIN_IGNORE(hin_buf_printf(&t->out, "  %s: '%.*s'\n",
                                      hin_log_field_name((enum hin_log_field)i),
                                      HIN_ARGS(f->fields[i])));
        }
    }
    if (f->rule == NULL) {
        HIN_IGNORE(hin_buf_append_text(&t->out, "  => no rule fires\n\n"));
        return;
    }
    HIN_IGNORE(hin_buf_printf(&t->out, "  => rule %u, level %u: %.*s%s\n\n", f->rule->id,
                              f->rule->level, HIN_ARGS(f->description),
                              f->alert ? "" : " (no alert)"));
}

static void one_record(struct tester *t, struct hin_view bytes)
{
    int64_t now = t->now_usec;
    HIN_IGNORE(hin_framing_text(&t->framing, bytes, &t->record, &bytes)); /* else as it is */
    struct hin_log_line line = {bytes, hin_view_from_text(t->location), now, now, NULL, 0};
    if (t->framing.kind == HIN_FRAMING_JSON) {
        hin_arena_reset(&t->given);
        HIN_IGNORE(hin_log_given_json(bytes, &t->given, &line.given, &line.given_count));
    }
    if (t->options->explain) {
        explain_begin(t, bytes);
    }
    const struct hin_log_finding *f = hin_log_engine_run(t->engine, &line);
    if (t->options->explain) {
        explain_end(t, f);
    } else if (!t->options->summary) {
        HIN_IGNORE(put_finding(t, f, now));
    }
    if (t->out.size > READ_BYTES) {
        flush(t);
    }
}

static void end_records(struct tester *t)
{
    struct hin_multiline_record record;
    bool ready = false;
    if (t->joins && hin_is_ok(hin_multiline_flush(&t->joiner, 0, true, &ready, &record)) && ready) {
        one_record(t, record.text);
    }
}

static void one_line(struct tester *t, struct hin_view bytes)
{
    struct hin_multiline_record record;
    bool ready = false;
    if (!t->joins) {
        one_record(t, bytes);
    } else if (hin_is_ok(hin_multiline_add(&t->joiner, bytes, 0, &ready, &record)) && ready) {
        one_record(t, record.text);
    }
}

/* Whole lines of the buffer; what is left moves to the front. A line longer than the engine looks
 * at is cut here already. */
static size_t take_lines(struct tester *t, uint8_t *data, size_t size, bool *skipping)
{
    size_t start = 0;
    for (;;) {
        const uint8_t *end = memchr(data + start, '\n', size - start);
        if (end == NULL) {
            break;
        }
        size_t length = (size_t)(end - (data + start));
        if (!*skipping) {
            one_line(t, hin_view_of(data + start, length));
        }
        *skipping = false;
        start += length + 1;
    }
    if (size - start > HIN_LOG_LINE_MAX_BYTES + 1) {
        if (!*skipping) {
            one_line(t, hin_view_of(data + start, size - start));
        }
        *skipping = true;
        return 0;
    }
    hin_move(data, data + start, size - start);
    return size - start;
}

static HIN_RESULT run_stream(struct tester *t, int fd)
{
    uint8_t *data = malloc(READ_BYTES);
    size_t size = 0, got = 0;
    bool skipping = false;
    HIN_ENSURE(data != NULL, NO_MEMORY);
    struct hin_result result;
    for (;;) {
        result = hin_fd_read_some(fd, data + size, READ_BYTES - size, &got);
        if (!hin_is_ok(result) || got == 0) {
            break;
        }
        t->now_usec = wall_usec();
        size = take_lines(t, data, size + got, &skipping);
        if (isatty(fd)) {
            flush(t);
        }
    }
    if (size > 0 && !skipping) {
        one_line(t, hin_view_of(data, size));
    }
    end_records(t);
    free(data);
    return result;
}

static HIN_RESULT run_file(struct tester *t, const char *path, struct hin_error *error)
{
    int fd HIN_CLEANUP_FD = -1;
    bool input = strcmp(path, "-") == 0;
    t->location = input ? "stdin" : path;
    struct hin_result result = input ? hin_ok() : hin_fd_open(AT_FDCWD, path, O_RDONLY, 0, &fd);
    if (hin_is_ok(result)) {
        result = run_stream(t, input ? STDIN_FILENO : fd);
    }
    if (!hin_is_ok(result)) {
        return hin_error_set(error, result.code, path, 0, 0, "cannot be read: %s",
                             hin_code_text(result.code));
    }
    return hin_ok();
}

static double cpu_seconds(void)
{
    struct rusage usage = {0};
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static HIN_RESULT put_summary(struct tester *t, int64_t started_usec)
{
    struct hin_log_engine_stats stats = {0};
    struct hin_json_writer w;
    hin_log_engine_stats(t->engine, &stats);
    hin_json_writer_init(&w, &t->out, false);
    hin_json_begin_object(&w);
    hin_json_key(&w, "lines");
    hin_json_put_unsigned(&w, stats.line_count);
    hin_json_key(&w, "matched");
    hin_json_put_unsigned(&w, stats.match_count);
    hin_json_key(&w, "alerts");
    hin_json_put_unsigned(&w, stats.alert_count);
    hin_json_key(&w, "seconds");
    int64_t now = hin_clock_monotonic_usec(hin_clock_system());
    hin_json_put_real(&w, (double)(now - started_usec) / 1e6);
    hin_json_key(&w, "cpu_seconds");
    hin_json_put_real(&w, cpu_seconds());
    hin_json_end_object(&w);
    HIN_TRY(hin_json_writer_finish(&w));
    return hin_buf_append_byte(&t->out, '\n');
}

static HIN_RESULT test_files(struct tester *t, char **files, size_t count, int64_t started,
                             struct hin_error *error)
{
    char standard_input[] = "-";
    char *only[] = {standard_input};
    if (count == 0) {
        files = only;
        count = 1;
    }
    for (size_t i = 0; i < count && !t->failed; i++) {
        HIN_TRY(run_file(t, files[i], error));
    }
    if (t->options->summary) {
        HIN_TRY(put_summary(t, started));
    }
    flush(t);
    return t->failed ? hin_error_set(error, HIN_IO, NULL, 0, 0, "standard output is closed")
                     : hin_ok();
}

static HIN_RESULT framing_begin(struct tester *t, struct hin_error *error)
{
    struct hin_multiline_options join;
    const char *name = t->options->format != NULL ? t->options->format : "";
    if (!hin_is_ok(hin_framing_parse(hin_view_from_text(name), &t->framing))) {
        return hin_error_set(error, HIN_INVALID, NULL, 0, 0, "--format %s: not one of %s", name,
                             HIN_FRAMING_NAMES);
    }
    hin_buf_init(&t->record, HIN_MULTILINE_MAX_BYTES + 64);
    hin_arena_init(&t->given, 4U << 20);
    t->joins = hin_framing_joins(&t->framing, &join);
    return t->joins ? hin_multiline_init(&t->joiner, &join) : hin_ok();
}

static void framing_end(struct tester *t)
{
    if (t->joins) {
        hin_multiline_done(&t->joiner);
    }
    hin_buf_done(&t->record);
    hin_arena_done(&t->given);
}

static int run_test(int argc, char **argv)
{
    struct test_options options = {.time = "log"};
    char **files = NULL;
    size_t count = 0;
    int status = 0;
    int64_t started = hin_clock_monotonic_usec(hin_clock_system());
    struct hin_error error = {HIN_OK};
    struct hin_log_rules *rules HIN_CLEANUP(hin_log_rules_freep) = NULL;
    struct hin_log_engine *engine HIN_CLEANUP(hin_log_engine_freep) = NULL;
    if (!hin_cli_parse(&test_usage, argc, argv, &options, &files, &count, &status)) {
        return status;
    }
    struct tester t = {.options = &options,
                       .by_arrival = strcmp(options.time, "arrival") == 0,
                       .for_people = options.explain || isatty(STDOUT_FILENO) == 1};
    struct hin_zone zone;
    if (!hin_is_ok(hin_cli_zone(options.zone, &zone, &error))) {
        hin_cli_complain(&error);
        return HIN_CLI_USAGE;
    }
    struct hin_log_config config = {
        .zone = &zone,
        .correlate_on_log_time = !t.by_arrival,
        .prefilter_off = options.no_prefilter,
        .bounds = {.window_keys_max = 8000000, .window_bytes_max = (size_t)1 << 30},
        .trace = options.explain ? print_trace : NULL,
        .trace_context = &t};
    struct hin_result result = framing_begin(&t, &error);
    if (hin_is_ok(result)) {
        result = hin_cli_rules_open(options.rules, !options.no_cache, &error, &rules);
    }
    if (hin_is_ok(result)) {
        result = hin_log_engine_new(rules, &config, &engine);
    }
    if (hin_is_ok(result)) {
        t.engine = engine;
        hin_buf_init(&t.out, FILE_MAX_BYTES);
        result = test_files(&t, files, count, started, &error);
        hin_buf_done(&t.out);
    }
    framing_end(&t);
    return hin_cli_finish(result, &error);
}

/* ---- log conform --------------------------------------------------------------------------- */

struct conform_options {
    const char *rules;
    bool no_prefilter;
};

static const struct hin_option conform_table[] = {
    {"rules", 0, HIN_OPTION_TEXT, offsetof(struct conform_options, rules), "DIR",
     "A folder with decoder.xml, rules/ and, if there, order.txt; our own rules otherwise.", NULL,
     false, false},
    {"no-prefilter", 0, HIN_OPTION_FLAG, offsetof(struct conform_options, no_prefilter), NULL,
     "Try every pattern: the same answers, slowly.", NULL, false, false},
};
static const struct hin_command conform_usage = {
    "hinomi log conform",
    "judge a rule set by OSSEC-style test files",
    "FILE.ini...",
    "Each log line is judged by an engine that remembers nothing, at noon of a Wednesday. Prints "
    "each failure and, last, `N passed, N failed`. Exit status: 0 all passed, 1 failures, 2 usage, "
    "or a file or rule set that cannot be read.",
    conform_table,
    HIN_COUNT(conform_table),
    1,
    SIZE_MAX};

static HIN_RESULT conform_files(struct hin_log_engine *engine, const struct hin_zone *zone,
                                char **files, size_t count, struct hin_conform_tally *tally,
                                struct hin_error *error)
{
    for (size_t i = 0; i < count; i++) {
        struct hin_buf text HIN_CLEANUP(hin_buf_done) = {0};
        hin_buf_init(&text, FILE_MAX_BYTES);
        struct hin_result result = hin_file_read(AT_FDCWD, files[i], &text);
        if (!hin_is_ok(result)) {
            return hin_error_set(error, result.code, files[i], 0, 0, "cannot be read: %s",
                                 hin_code_text(result.code));
        }
        HIN_TRY(
            hin_conform_file(engine, zone, files[i], hin_buf_view(&text), stdout, error, tally));
    }
    if (tally->passed + tally->failed ==
        0) { /* among others a file may be empty: one of OSSEC's is */
        return hin_error_set(error, HIN_SYNTAX, files[0], 0, 0,
                             "no case: [title], rule =, alert =, decoder = and log 1 pass = LINE "
                             "are needed");
    }
    return hin_ok();
}

static int run_conform(int argc, char **argv)
{
    struct conform_options options = {0};
    char **files = NULL;
    size_t count = 0;
    int status = 0;
    struct hin_error error = {HIN_OK};
    struct hin_conform_tally tally = {0};
    struct hin_zone zone;
    struct hin_log_rules *rules HIN_CLEANUP(hin_log_rules_freep) = NULL;
    struct hin_log_engine *engine HIN_CLEANUP(hin_log_engine_freep) = NULL;
    if (!hin_cli_parse(&conform_usage, argc, argv, &options, &files, &count, &status)) {
        return status;
    }
    struct hin_result result = hin_cli_zone(NULL, &zone, &error);
    struct hin_log_config config = {.zone = &zone, .prefilter_off = options.no_prefilter};
    if (hin_is_ok(result)) {
        result = hin_cli_rules_open(options.rules, true, &error, &rules);
    }
    if (hin_is_ok(result)) {
        result = hin_log_engine_new(rules, &config, &engine);
    }
    if (hin_is_ok(result)) {
        result = conform_files(engine, &zone, files, count, &tally, &error);
    }
    if (!hin_is_ok(result)) { /* nothing was judged, or not all: no verdict on the rules */
        hin_cli_finish(result, &error);
        return HIN_CLI_USAGE;
    }
    printf("%u passed, %u failed\n", tally.passed, tally.failed);
    return tally.failed == 0 ? HIN_CLI_OK : HIN_CLI_FAILED;
}

static const struct hin_cli_command log_commands[] = {
    {&test_usage, run_test},
    {&conform_usage, run_conform},
};
const struct hin_cli_group hin_cli_group_log = {"log", "run log lines and test files through rules",
                                                log_commands, HIN_COUNT(log_commands)};
