#include "base/bytes.h"
#include "base/time.h"
#include "io/http.h"

void hin_sse_init(struct hin_sse_reader *reader, size_t event_max_bytes)
{
    *reader = (struct hin_sse_reader){.retry_usec = -1};
    hin_buf_init(&reader->line, event_max_bytes);
    hin_buf_init(&reader->data, event_max_bytes);
    hin_buf_init(&reader->type, HIN_MIN(event_max_bytes, (size_t)1024));
    hin_buf_init(&reader->id, HIN_MIN(event_max_bytes, (size_t)4096));
}

void hin_sse_done(struct hin_sse_reader *reader)
{
    hin_buf_done(&reader->line);
    hin_buf_done(&reader->data);
    hin_buf_done(&reader->type);
    hin_buf_done(&reader->id);
}

static struct hin_result replace(struct hin_buf *buf, struct hin_view value)
{
    hin_buf_clear(buf);
    return hin_buf_append(buf, value);
}

static struct hin_result take_data(struct hin_sse_reader *reader, struct hin_view value)
{
    if (reader->has_data) {
        HIN_TRY(hin_buf_append_byte(&reader->data, '\n'));
    }
    reader->has_data = true;
    return hin_buf_append(&reader->data, value);
}

static struct hin_result take_type(struct hin_sse_reader *reader, struct hin_view value)
{
    return replace(&reader->type, value);
}

static struct hin_result take_id(struct hin_sse_reader *reader, struct hin_view value)
{
    return hin_view_find_byte(value, '\0') == SIZE_MAX ? replace(&reader->id, value) : hin_ok();
}

static struct hin_result take_retry(struct hin_sse_reader *reader, struct hin_view value)
{
    uint64_t msec = 0;
    if (value.size > 0 && value.size < 10 && hin_is_ok(hin_view_to_u64(value, &msec))) {
        reader->retry_usec = (int64_t)msec * HIN_MSEC_USEC;
    }
    return hin_ok();
}

static const struct {
    const char *name;
    struct hin_result (*take)(struct hin_sse_reader *, struct hin_view);
} fields[] = {{"data", take_data}, {"event", take_type}, {"id", take_id}, {"retry", take_retry}};

static struct hin_result take_field(struct hin_sse_reader *reader, struct hin_view line)
{
    size_t colon = HIN_MIN(hin_view_find_byte(line, ':'), line.size);
    struct hin_view name = hin_view_sub(line, 0, colon);
    struct hin_view value = hin_view_sub(line, colon + 1, SIZE_MAX);
    if (value.size > 0 && value.data[0] == ' ') {
        value = hin_view_sub(value, 1, SIZE_MAX);
    }
    for (size_t i = 0; i < HIN_COUNT(fields); i++) {
        if (hin_view_is(name, fields[i].name)) {
            return fields[i].take(reader, value);
        }
    }
    return hin_ok(); /* comments and unknown fields */
}

/* Whole line in reader->line. *ret_more false: the callback wants no more. */
static struct hin_result end_line(struct hin_sse_reader *reader,
                                  bool (*call)(void *context, const struct hin_http_event *event),
                                  void *context, bool *ret_more)
{
    struct hin_view line = hin_buf_view(&reader->line);
    if (!reader->started) {
        reader->started = true;
        if (hin_view_starts_with(line, HIN_VIEW("\xef\xbb\xbf"))) {
            line = hin_view_sub(line, 3, SIZE_MAX);
        }
    }
    if (line.size > 0) {
        HIN_TRY(take_field(reader, line));
    } else if (reader->has_data) {
        struct hin_http_event event = {.id = hin_buf_view(&reader->id),
                                       .type = reader->type.size > 0 ? hin_buf_view(&reader->type)
                                                                     : HIN_VIEW("message"),
                                       .data = hin_buf_view(&reader->data)};
        *ret_more = call(context, &event);
    }
    if (line.size == 0) {
        hin_buf_clear(&reader->data);
        hin_buf_clear(&reader->type);
        reader->has_data = false;
    }
    hin_buf_clear(&reader->line);
    return hin_ok();
}

struct hin_result hin_sse_feed(struct hin_sse_reader *reader, struct hin_view input,
                               bool (*call)(void *context, const struct hin_http_event *event),
                               void *context)
{
    bool more = true;
    for (size_t at = 0; at < input.size && more;) {
        size_t end = at;
        while (end < input.size && input.data[end] != '\n' && input.data[end] != '\r') {
            end++;
        }
        if (end > at) {
            reader->after_cr = false;
            HIN_TRY(hin_buf_append(&reader->line, hin_view_of(input.data + at, end - at)));
        }
        at = end;
        if (at == input.size) {
            break;
        }
        bool second_half = reader->after_cr && input.data[at] == '\n'; /* of CRLF, ended already */
        reader->after_cr = input.data[at] == '\r';
        at++;
        if (!second_half) {
            HIN_TRY(end_line(reader, call, context, &more));
        }
    }
    return hin_ok();
}

static struct hin_result write_field(struct hin_buf *buf, struct hin_view name,
                                     struct hin_view value)
{
    HIN_TRY(hin_buf_append(buf, name));
    HIN_TRY(hin_buf_append(buf, value));
    return hin_buf_append_byte(buf, '\n');
}

static bool is_single_line(struct hin_view text)
{
    return hin_view_find_byte(text, '\r') == SIZE_MAX &&
           hin_view_find_byte(text, '\n') == SIZE_MAX && hin_view_find_byte(text, '\0') == SIZE_MAX;
}

static struct hin_result write_data(struct hin_buf *buf, struct hin_view data)
{
    size_t at = 0;
    do {
        size_t end = at;
        while (end < data.size && data.data[end] != '\n' && data.data[end] != '\r') {
            end++;
        }
        HIN_TRY(write_field(buf, HIN_VIEW("data: "), hin_view_sub(data, at, end - at)));
        at = end + 1;
        if (end + 1 < data.size && data.data[end] == '\r' && data.data[end + 1] == '\n') {
            at++;
        }
        if (end >= data.size) {
            break;
        }
    } while (at <= data.size);
    return hin_ok();
}

struct hin_result hin_sse_write(struct hin_buf *buf, struct hin_view id, struct hin_view type,
                                struct hin_view data)
{
    HIN_ENSURE(is_single_line(id) && is_single_line(type), INVALID);
    size_t before = buf->size;
    struct hin_result result = hin_ok();
    if (id.size > 0) {
        result = write_field(buf, HIN_VIEW("id: "), id);
    }
    if (hin_is_ok(result) && type.size > 0) {
        result = write_field(buf, HIN_VIEW("event: "), type);
    }
    if (hin_is_ok(result)) {
        result = write_data(buf, data);
    }
    if (hin_is_ok(result)) {
        result = hin_buf_append_byte(buf, '\n');
    }
    if (!hin_is_ok(result)) {
        buf->size = before;
    }
    return result;
}
