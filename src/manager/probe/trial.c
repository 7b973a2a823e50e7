#include "manager/probe/trial.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/codec.h"

enum { ARENA_MAX = 256 * 1024 };

void hin_trial_init(struct hin_trial *trial)
{
    *trial = (struct hin_trial){0};
    hin_arena_init(&trial->arena, ARENA_MAX);
}

void hin_trial_done(struct hin_trial *trial)
{
    hin_arena_done(&trial->arena);
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

static struct hin_view keep(struct hin_trial *trial, struct hin_view text)
{
    struct hin_view kept = HIN_VIEW("");
    if (text.size > 0 && !hin_is_ok(hin_arena_copy(&trial->arena, text, &kept))) {
        trial->overflowed = true;
        return HIN_VIEW("");
    }
    return kept;
}

static struct hin_view print(struct hin_trial *trial, size_t most, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));
static struct hin_view print(struct hin_trial *trial, size_t most, const char *format, va_list args)
{
    char text[2048];
    vsnprintf(text, sizeof(text), format, args);
    return keep(trial, cut(hin_view_from_text(text), most));
}

static struct hin_evidence_row *find_row(struct hin_trial_rows *rows, struct hin_view name)
{
    for (size_t i = 0; i < rows->count; i++) {
        if (hin_view_equal(rows->items[i].name, name)) {
            return &rows->items[i];
        }
    }
    return NULL;
}

/* Numbers of one name are added up: several processes may say the same of themselves. */
static void add(struct hin_trial *trial, struct hin_trial_rows *rows,
                const struct hin_evidence_row *row)
{
    struct hin_evidence_row *same = find_row(rows, row->name);
    if (same != NULL && same->text.data == NULL && row->text.data == NULL) {
        same->number = __builtin_add_overflow(same->number, row->number, &same->number)
                           ? INT64_MAX
                           : same->number;
        return;
    }
    if (same != NULL && hin_view_equal(same->text, row->text)) {
        return;
    }
    if (rows->count == HIN_EVIDENCE_ROWS_MAX) {
        trial->overflowed = true;
        return;
    }
    rows->items[rows->count++] = *row;
}

void hin_trial_input(struct hin_trial *trial, const char *name, const char *format, ...)
{
    struct hin_evidence_row row = {.name = keep(trial, hin_view_from_text(name))};
    va_list args;
    va_start(args, format);
    row.text = print(trial, HIN_EVIDENCE_TEXT_MAX, format, args);
    va_end(args);
    add(trial, &trial->inputs, &row);
}

void hin_trial_measure(struct hin_trial *trial, const char *name, int64_t number)
{
    struct hin_evidence_row row = {.name = keep(trial, hin_view_from_text(name)), .number = number};
    add(trial, &trial->measurements, &row);
}

void hin_trial_measure_text(struct hin_trial *trial, const char *name, const char *format, ...)
{
    struct hin_evidence_row row = {.name = keep(trial, hin_view_from_text(name))};
    va_list args;
    va_start(args, format);
    row.text = print(trial, HIN_EVIDENCE_TEXT_MAX, format, args);
    va_end(args);
    add(trial, &trial->measurements, &row);
}

void hin_trial_fail(struct hin_trial *trial, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (trial->failure_count++ == 0) {
        trial->failure = print(trial, HIN_EVIDENCE_REASON_MAX, format, args);
    }
    va_end(args);
}

void hin_trial_obstacle(struct hin_trial *trial, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (trial->obstacle.data == NULL) {
        trial->obstacle = print(trial, HIN_EVIDENCE_REASON_MAX, format, args);
    }
    va_end(args);
}

void hin_trial_remark(struct hin_trial *trial, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    trial->remark = print(trial, HIN_EVIDENCE_REASON_MAX, format, args);
    va_end(args);
}

void hin_trial_tried(struct hin_trial *trial)
{
    trial->tried = true;
}

enum hin_evidence_outcome hin_trial_outcome(const struct hin_trial *trial)
{
    if (trial->failure_count > 0) {
        return HIN_EVIDENCE_FAILED;
    }
    bool whole = trial->tried && trial->obstacle.data == NULL && !trial->overflowed &&
                 trial->measurements.count > 0;
    return whole ? HIN_EVIDENCE_PROVEN : HIN_EVIDENCE_NOT_RUN;
}

struct hin_view hin_trial_reason(const struct hin_trial *trial)
{
    if (trial->failure_count > 0) {
        return trial->failure.size > 0 ? trial->failure : HIN_VIEW("the promise does not hold");
    }
    if (hin_trial_outcome(trial) == HIN_EVIDENCE_PROVEN) {
        return trial->remark.size > 0 ? trial->remark : HIN_VIEW("");
    }
    if (trial->obstacle.size > 0) {
        return trial->obstacle;
    }
    return trial->overflowed ? HIN_VIEW("there was more to say than a record holds")
                             : HIN_VIEW("it was not tried to its end");
}

/* ---- as bytes ---- */

static HIN_RESULT write_rows(const struct hin_trial_rows *rows, struct hin_buf *out)
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

HIN_RESULT hin_trial_write(const struct hin_trial *trial, struct hin_buf *out)
{
    HIN_TRY(hin_write_u8(out, trial->tried && !trial->overflowed));
    HIN_TRY(hin_write_varint(out, trial->failure_count));
    HIN_TRY(hin_write_bytes(out, trial->failure));
    HIN_TRY(hin_write_u8(out, trial->obstacle.data != NULL));
    HIN_TRY(hin_write_bytes(out, trial->obstacle));
    HIN_TRY(write_rows(&trial->inputs, out));
    return write_rows(&trial->measurements, out);
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

static HIN_RESULT read_row(struct hin_trial *trial, struct hin_reader *reader,
                           struct hin_trial_rows *rows)
{
    struct hin_evidence_row row = {0};
    struct hin_view name, text;
    uint8_t is_text = 0;
    HIN_TRY(read_text(reader, HIN_EVIDENCE_TEXT_MAX, &name));
    HIN_TRY(hin_read_u8(reader, &is_text));
    HIN_ENSURE(is_text <= 1, SYNTAX);
    row.name = keep(trial, name);
    if (is_text == 1) {
        HIN_TRY(read_text(reader, HIN_EVIDENCE_TEXT_MAX, &text));
        row.text = keep(trial, text);
    } else {
        HIN_TRY(hin_read_zigzag(reader, &row.number));
    }
    add(trial, rows, &row);
    return hin_ok();
}

static HIN_RESULT read_rows(struct hin_trial *trial, struct hin_reader *reader,
                            struct hin_trial_rows *rows)
{
    uint64_t count = 0;
    HIN_TRY(hin_read_varint(reader, &count));
    HIN_ENSURE(count <= HIN_EVIDENCE_ROWS_MAX, SYNTAX);
    for (uint64_t i = 0; i < count; i++) {
        HIN_TRY(read_row(trial, reader, rows));
    }
    return hin_ok();
}

static HIN_RESULT merge(struct hin_trial *trial, struct hin_view bytes)
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
    HIN_TRY(read_rows(trial, &reader, &trial->inputs));
    HIN_TRY(read_rows(trial, &reader, &trial->measurements));
    HIN_TRY(hin_read_end(&reader));
    if (failure_count > 0) {
        hin_trial_fail(trial, "%.*s", HIN_ARGS(failure));
        trial->failure_count += failure_count - 1;
    }
    if (hindered == 1) {
        hin_trial_obstacle(trial, "%.*s", HIN_ARGS(obstacle));
    } else if (tried == 0) {
        hin_trial_obstacle(trial, "a part of it was not tried to its end");
    }
    return hin_ok();
}

HIN_RESULT hin_trial_merge(struct hin_trial *trial, struct hin_view bytes)
{
    HIN_ENSURE(hin_is_ok(merge(trial, bytes)), PROTOCOL);
    return hin_ok();
}
