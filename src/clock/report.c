#include "clock/report.h"

#include <stdio.h>

#include "base/bytes.h"
#include "base/codec.h"

static const struct {
    const char *name, *text;
} states[HIN_CLOCK_STATE_COUNT] = {
#define X(symbol, name, text) [HIN_CLOCK_##symbol] = {(name), (text)},
    HIN_CLOCK_STATES(X)
#undef X
};

const char *hin_clock_state_name(enum hin_clock_state state)
{
    return state < HIN_CLOCK_STATE_COUNT ? states[state].name : "unknown";
}

const char *hin_clock_state_text(enum hin_clock_state state)
{
    return state < HIN_CLOCK_STATE_COUNT ? states[state].text : "unknown";
}

/* ---- the message ---- */

static HIN_RESULT write_source(const struct hin_clock_source *source, struct hin_buf *out)
{
    HIN_TRY(hin_write_bytes(out, hin_view_from_text(source->name)));
    HIN_TRY(hin_write_bytes(out, hin_view_from_text(source->address)));
    HIN_TRY(hin_write_u8(out, (uint8_t)source->state));
    HIN_TRY(hin_write_u8(out, source->stratum));
    HIN_TRY(hin_write_zigzag(out, source->offset_usec));
    HIN_TRY(hin_write_zigzag(out, source->error_usec));
    HIN_TRY(hin_write_zigzag(out, source->answer_usec));
    HIN_TRY(hin_write_varint(out, source->requests));
    return hin_write_varint(out, source->answers);
}

struct hin_result hin_clock_report_write(const struct hin_clock_report *report, struct hin_buf *out)
{
    HIN_ENSURE(report->source_count <= HIN_CLOCK_SOURCES_MAX, INVALID);
    HIN_TRY(hin_write_u8(out, report->measured));
    HIN_TRY(hin_write_zigzag(out, report->offset_usec));
    HIN_TRY(hin_write_zigzag(out, report->error_usec));
    HIN_TRY(hin_write_zigzag(out, report->answer_usec));
    HIN_TRY(hin_write_u8(out, (uint8_t)report->chosen));
    HIN_TRY(hin_write_u8(out, (uint8_t)report->agree_count));
    HIN_TRY(hin_write_u8(out, (uint8_t)report->source_count));
    for (size_t i = 0; i < report->source_count; i++) {
        HIN_TRY(write_source(&report->sources[i], out));
    }
    return hin_ok();
}

/* What lies beyond a century is no offset. */
static HIN_RESULT read_time(struct hin_reader *reader, int64_t *ret_usec)
{
    HIN_TRY(hin_read_zigzag(reader, ret_usec));
    HIN_ENSURE(*ret_usec > -(INT64_C(1) << 53) && *ret_usec < INT64_C(1) << 53, PROTOCOL);
    return hin_ok();
}

static HIN_RESULT read_text(struct hin_reader *reader, char *out, size_t out_bytes)
{
    struct hin_view text;
    HIN_TRY(hin_read_bytes(reader, out_bytes - 1, &text));
    for (size_t i = 0; i < text.size; i++) {
        HIN_ENSURE(text.data[i] > 0x20 && text.data[i] < 0x7f, PROTOCOL);
    }
    return hin_view_to_text(text, out, out_bytes);
}

static HIN_RESULT read_source(struct hin_reader *reader, struct hin_clock_source *source)
{
    uint8_t state = 0;
    HIN_TRY(read_text(reader, source->name, sizeof(source->name)));
    HIN_TRY(read_text(reader, source->address, sizeof(source->address)));
    HIN_TRY(hin_read_u8(reader, &state));
    HIN_ENSURE(state < HIN_CLOCK_STATE_COUNT, PROTOCOL);
    source->state = (enum hin_clock_state)state;
    HIN_TRY(hin_read_u8(reader, &source->stratum));
    HIN_TRY(read_time(reader, &source->offset_usec));
    HIN_TRY(read_time(reader, &source->error_usec));
    HIN_TRY(read_time(reader, &source->answer_usec));
    HIN_TRY(hin_read_varint(reader, &source->requests));
    return hin_read_varint(reader, &source->answers);
}

static HIN_RESULT read_report(struct hin_reader *reader, struct hin_clock_report *report)
{
    uint8_t measured = 0, chosen = 0, agree = 0, count = 0;
    HIN_TRY(hin_read_u8(reader, &measured));
    HIN_TRY(read_time(reader, &report->offset_usec));
    HIN_TRY(read_time(reader, &report->error_usec));
    HIN_TRY(read_time(reader, &report->answer_usec));
    HIN_TRY(hin_read_u8(reader, &chosen));
    HIN_TRY(hin_read_u8(reader, &agree));
    HIN_TRY(hin_read_u8(reader, &count));
    HIN_ENSURE(measured <= 1 && count <= HIN_CLOCK_SOURCES_MAX && agree <= count, PROTOCOL);
    HIN_ENSURE(chosen < count || (chosen == 0 && measured == 0), PROTOCOL);
    HIN_ENSURE(report->error_usec >= 0, PROTOCOL);
    report->measured = measured != 0;
    report->chosen = chosen;
    report->agree_count = agree;
    report->source_count = count;
    for (size_t i = 0; i < report->source_count; i++) {
        HIN_TRY(read_source(reader, &report->sources[i]));
    }
    return hin_read_end(reader);
}

struct hin_result hin_clock_report_read(struct hin_view bytes, struct hin_clock_report *ret_report)
{
    struct hin_reader reader = hin_reader_of(bytes);
    struct hin_clock_report report = {.measured = false};
    HIN_ENSURE(hin_is_ok(read_report(&reader, &report)), PROTOCOL);
    *ret_report = report;
    return hin_ok();
}

/* ---- the bound ---- */

static int64_t size_of(int64_t offset_usec)
{
    return offset_usec < 0 ? -offset_usec : offset_usec;
}

enum hin_clock_crossing hin_clock_watch_step(struct hin_clock_watch *watch, int64_t offset_usec,
                                             int64_t error_usec)
{
    int64_t size = size_of(offset_usec);
    if (!watch->beyond && size - error_usec > watch->bound_usec) {
        watch->beyond = true;
        return HIN_CLOCK_PASSED;
    }
    if (watch->beyond && size <= watch->bound_usec - watch->bound_usec / 4) {
        watch->beyond = false;
        return HIN_CLOCK_BACK;
    }
    return HIN_CLOCK_STAYS;
}

void hin_clock_tell(const struct hin_clock_telling *telling, char *out, size_t out_bytes)
{
    char agree[64] = "";
    int64_t size = size_of(telling->offset_usec);
    if (telling->source_count > 0) {
        snprintf(agree, sizeof(agree), "%zu of %zu sources agree; ", telling->agree_count,
                 telling->source_count);
    }
    snprintf(out, out_bytes, "%s by %lld.%06lld s, as %s has it (%sbound %lld.%03lld s)",
             telling->offset_usec < 0 ? "ahead" : "behind", (long long)(size / HIN_SEC_USEC),
             (long long)(size % HIN_SEC_USEC), telling->source, agree,
             (long long)(telling->bound_usec / HIN_SEC_USEC),
             (long long)(telling->bound_usec % HIN_SEC_USEC / HIN_MSEC_USEC));
}
