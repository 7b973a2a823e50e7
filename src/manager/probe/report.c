#include "manager/probe/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/codec.h"

enum { ARENA_MAX = 256 * 1024 };

void hin_report_init(struct hin_report *report)
{
    *report = (struct hin_report){0};
    hin_arena_init(&report->arena, ARENA_MAX);
}

void hin_report_done(struct hin_report *report)
{
    hin_arena_done(&report->arena);
}

/* Cut to `most` bytes, at a boundary of characters. */
static struct hin_view cut(struct hin_view text, size_t most)
{
    if (text.size > most) {
        while (most > 0 && (text.data[most] & 0xc0) == 0x80) {
            most--;
        }
        text.size = most;
    }
    return text;
}

static struct hin_view keep(struct hin_report *report, struct hin_view text)
{
    struct hin_view kept = HIN_VIEW("");
    if (text.size > 0 && !hin_is_ok(hin_arena_copy(&report->arena, text, &kept))) {
        report->overflowed = true;
        return HIN_VIEW("");
    }
    return kept;
}

static struct hin_view print(struct hin_report *report, size_t most, const char *format,
                             va_list args) __attribute__((format(printf, 3, 0)));
static struct hin_view print(struct hin_report *report, size_t most, const char *format,
                             va_list args)
{
    char text[2048];
    vsnprintf(text, sizeof(text), format, args);
    return keep(report, cut(hin_view_from_text(text), most));
}

static void add(struct hin_report *report, struct hin_report_rows *rows,
                const struct hin_evidence_row *row)
{
    if (rows->count == HIN_EVIDENCE_ROWS_MAX) {
        report->overflowed = true;
        return;
    }
    rows->items[rows->count++] = *row;
}

void hin_report_input(struct hin_report *report, const char *name, const char *format, ...)
{
    struct hin_evidence_row row = {.name = hin_view_from_text(name)};
    va_list args;
    va_start(args, format);
    row.text = print(report, HIN_EVIDENCE_TEXT_MAX, format, args);
    va_end(args);
    add(report, &report->inputs, &row);
}

void hin_report_measure(struct hin_report *report, const char *name, int64_t number)
{
    struct hin_evidence_row row = {.name = hin_view_from_text(name), .number = number};
    add(report, &report->measurements, &row);
}

void hin_report_measure_text(struct hin_report *report, const char *name, const char *format, ...)
{
    struct hin_evidence_row row = {.name = hin_view_from_text(name)};
    va_list args;
    va_start(args, format);
    row.text = print(report, HIN_EVIDENCE_TEXT_MAX, format, args);
    va_end(args);
    add(report, &report->measurements, &row);
}

void hin_report_fail(struct hin_report *report, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (report->failure_count++ == 0) {
        report->failure = print(report, HIN_EVIDENCE_REASON_MAX, format, args);
    }
    va_end(args);
}

void hin_report_obstacle(struct hin_report *report, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (report->obstacle.data == NULL) {
        report->obstacle = print(report, HIN_EVIDENCE_REASON_MAX, format, args);
    }
    va_end(args);
}

void hin_report_tried(struct hin_report *report)
{
    report->tried = true;
}

enum hin_evidence_outcome hin_report_outcome(const struct hin_report *report)
{
    if (report->failure_count > 0) {
        return HIN_EVIDENCE_FAILED;
    }
    bool whole = report->tried && report->obstacle.data == NULL && !report->overflowed &&
                 report->measurements.count > 0;
    return whole ? HIN_EVIDENCE_PROVEN : HIN_EVIDENCE_NOT_RUN;
}

struct hin_view hin_report_reason(const struct hin_report *report)
{
    if (report->failure_count > 0) {
        return report->failure.size > 0 ? report->failure : HIN_VIEW("the promise does not hold");
    }
    if (hin_report_outcome(report) == HIN_EVIDENCE_PROVEN) {
        return HIN_VIEW("");
    }
    if (report->obstacle.size > 0) {
        return report->obstacle;
    }
    return report->overflowed ? HIN_VIEW("there was more to say than a record holds")
                              : HIN_VIEW("it was not tried to its end");
}

/* ---- as bytes ---- */

static HIN_RESULT write_rows(const struct hin_report_rows *rows, struct hin_buf *out)
{
    HIN_TRY(hin_write_varint(out, rows->count));
    for (size_t i = 0; i < rows->count; i++) {
        const struct hin_evidence_row *row = &rows->items[i];
        HIN_TRY(hin_write_bytes(out, row->name));
        HIN_TRY(hin_write_u8(out, row->text.data != NULL));
        HIN_TRY(row->text.data != NULL ? hin_write_bytes(out, row->text)
                                       : hin_write_zigzag(out, row->number));
    }
    return hin_ok();
}

HIN_RESULT hin_report_write(const struct hin_report *report, struct hin_buf *out)
{
    HIN_TRY(hin_write_u8(out, report->tried && !report->overflowed));
    HIN_TRY(hin_write_varint(out, report->failure_count));
    HIN_TRY(hin_write_bytes(out, report->failure));
    HIN_TRY(hin_write_u8(out, report->obstacle.data != NULL));
    HIN_TRY(hin_write_bytes(out, report->obstacle));
    HIN_TRY(write_rows(&report->inputs, out));
    return write_rows(&report->measurements, out);
}

/* A text of another process: no control characters, since people read it. */
static HIN_RESULT read_text(struct hin_reader *reader, size_t most, struct hin_view *ret_text)
{
    HIN_TRY(hin_read_bytes(reader, most, ret_text));
    for (size_t i = 0; i < ret_text->size; i++) {
        HIN_ENSURE(ret_text->data[i] >= 0x20 && ret_text->data[i] < 0x7f, SYNTAX);
    }
    return hin_ok();
}

static HIN_RESULT read_row(struct hin_report *report, struct hin_reader *reader,
                           struct hin_report_rows *rows)
{
    struct hin_evidence_row row = {0};
    struct hin_view name, text;
    uint8_t is_text = 0;
    HIN_TRY(read_text(reader, HIN_EVIDENCE_TEXT_MAX, &name));
    HIN_TRY(hin_read_u8(reader, &is_text));
    HIN_ENSURE(is_text <= 1, SYNTAX);
    row.name = keep(report, name);
    if (is_text == 1) {
        HIN_TRY(read_text(reader, HIN_EVIDENCE_TEXT_MAX, &text));
        row.text = keep(report, text);
    } else {
        HIN_TRY(hin_read_zigzag(reader, &row.number));
    }
    add(report, rows, &row);
    return hin_ok();
}

static HIN_RESULT read_rows(struct hin_report *report, struct hin_reader *reader,
                            struct hin_report_rows *rows)
{
    uint64_t count = 0;
    HIN_TRY(hin_read_varint(reader, &count));
    HIN_ENSURE(count <= HIN_EVIDENCE_ROWS_MAX, SYNTAX);
    for (uint64_t i = 0; i < count; i++) {
        HIN_TRY(read_row(report, reader, rows));
    }
    return hin_ok();
}

static HIN_RESULT merge(struct hin_report *report, struct hin_view bytes)
{
    struct hin_reader reader = hin_reader_of(bytes);
    struct hin_view failure, obstacle;
    uint64_t failure_count = 0;
    uint8_t tried = 0, hindered = 0;
    HIN_TRY(hin_read_u8(&reader, &tried));
    HIN_TRY(hin_read_varint(&reader, &failure_count));
    HIN_TRY(read_text(&reader, HIN_EVIDENCE_REASON_MAX, &failure));
    HIN_TRY(hin_read_u8(&reader, &hindered));
    HIN_TRY(read_text(&reader, HIN_EVIDENCE_REASON_MAX, &obstacle));
    HIN_ENSURE(tried <= 1 && hindered <= 1 && failure_count <= UINT32_MAX, SYNTAX);
    HIN_TRY(read_rows(report, &reader, &report->inputs));
    HIN_TRY(read_rows(report, &reader, &report->measurements));
    HIN_TRY(hin_read_end(&reader));
    if (failure_count > 0) {
        hin_report_fail(report, "%.*s", HIN_ARGS(failure));
        report->failure_count += failure_count - 1;
    }
    if (hindered == 1) {
        hin_report_obstacle(report, "%.*s", HIN_ARGS(obstacle));
    } else if (tried == 0) {
        hin_report_obstacle(report, "a part of it was not tried to its end");
    }
    return hin_ok();
}

HIN_RESULT hin_report_merge(struct hin_report *report, struct hin_view bytes)
{
    HIN_ENSURE(hin_is_ok(merge(report, bytes)), PROTOCOL);
    return hin_ok();
}
