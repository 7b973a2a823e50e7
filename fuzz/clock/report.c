/* First byte even: a report as another process of ours may send it; what is read must be written
 * back as it was. Odd: the clock's part of a settings file, and each line of it as a server's name.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "clock/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void report(struct hin_view bytes)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf again = {.max = HIN_CLOCK_REPORT_MAX_BYTES};
    struct hin_clock_report got;
    if (!hin_is_ok(hin_clock_report_read(bytes, &got))) {
        return;
    }
    must(got.source_count <= HIN_CLOCK_SOURCES_MAX && got.agree_count <= got.source_count);
    if (hin_is_ok(hin_clock_report_write(&got, &again))) {
        must(hin_view_equal(hin_buf_view(&again), bytes));
    }
    struct hin_clock_watch watch = {.bound_usec = HIN_CLOCK_BOUND_USEC};
    (void)hin_clock_watch_step(&watch, got.offset_usec, got.error_usec);
    char text[640];
    struct hin_clock_telling telling = {
        .offset_usec = got.offset_usec,
        .bound_usec = watch.bound_usec,
        .source = got.source_count > 0 ? got.sources[got.chosen].name : "manager",
        .agree_count = got.agree_count,
        .source_count = got.source_count,
    };
    hin_clock_tell(&telling, text, sizeof(text));
    for (size_t i = 0; i < got.source_count; i++) {
        must(hin_clock_state_name(got.sources[i].state)[0] != '\0' &&
             hin_clock_state_text(got.sources[i].state)[0] != '\0');
    }
}

static void server(struct hin_view text)
{
    struct hin_clock_server got, again;
    char name[HIN_CLOCK_NAME_BYTES];
    if (!hin_is_ok(hin_clock_server_parse(text, &got))) {
        return;
    }
    hin_clock_server_format(&got, name, sizeof(name));
    must(hin_is_ok(hin_clock_server_parse(hin_view_from_text(name), &again)));
    must(again.port == got.port &&
         hin_view_equal(hin_view_from_text(again.host), hin_view_from_text(got.host)));
}

/* The lines again, as --ntp options; the bound is what the first byte says. */
static void options(struct hin_view text)
{
    char lines[HIN_CLOCK_SOURCES_MAX + 1][64];
    struct hin_option_texts texts = {.count = 0};
    struct hin_clock_settings got;
    struct hin_error error = {0};
    struct hin_view rest = text, line;
    int64_t bound = text.size > 0 ? (int64_t)text.data[0] << text.data[0] % 40 : 0;
    while (rest.size > 0 && texts.count < HIN_COUNT(lines) && hin_view_split(&rest, '\n', &line)) {
        if (hin_is_ok(hin_view_to_text(line, lines[texts.count], sizeof(lines[0])))) {
            texts.items[texts.count] = lines[texts.count];
            texts.count++;
        }
    }
    hin_clock_settings_default(&got);
    if (hin_is_ok(hin_clock_settings_take(&got, &texts, bound, &error))) {
        must(got.server_count == texts.count && got.bound_usec == bound);
    } else {
        must(error.text[0] != '\0');
    }
}

static void settings(struct hin_view text)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    HIN_CLEANUP(hin_buf_done) struct hin_buf out = {.max = 65536};
    struct hin_clock_settings got;
    struct hin_json_writer writer;
    struct hin_view rest = text, line;
    while (rest.size > 0 && hin_view_split(&rest, '\n', &line)) {
        server(line);
    }
    options(text);
    hin_clock_settings_default(&got);
    if (!hin_is_ok(hin_json_parse(text, 65536, &document, NULL)) ||
        !hin_is_ok(hin_clock_settings_read(hin_json_root(document), &got, NULL))) {
        return;
    }
    must(got.server_count <= HIN_CLOCK_SOURCES_MAX && got.poll_min_sec <= got.poll_max_sec);
    hin_json_writer_init(&writer, &out, false);
    hin_json_begin_object(&writer);
    hin_clock_settings_write(&writer, &got);
    hin_json_end_object(&writer);
    must(hin_is_ok(hin_json_writer_finish(&writer)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0) {
        struct hin_view rest = hin_view_of(data + 1, size - 1);
        (data[0] & 1) == 0 ? report(rest) : settings(rest);
    }
    return 0;
}
