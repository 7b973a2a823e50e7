/* Joining physical lines to records. */
#include "decode/log/multiline.h"

#include "base/bytes.h"

HIN_RESULT hin_multiline_init(struct hin_multiline *joiner,
                              const struct hin_multiline_options *options)
{
    bool count_fits = options->count >= 1 && options->count <= HIN_MULTILINE_COUNT_MAX;
    HIN_ENSURE(options->mode <= HIN_MULTILINE_COUNT, INVALID);
    HIN_ENSURE(options->mode != HIN_MULTILINE_COUNT || count_fits, INVALID);
    HIN_ENSURE(options->mode != HIN_MULTILINE_START || options->starts != NULL, INVALID);
    HIN_ENSURE(options->timeout_usec >= 0, INVALID);
    *joiner = (struct hin_multiline){.options = *options};
    if (joiner->options.separator == 0) {
        joiner->options.separator = ' ';
    }
    if (joiner->options.timeout_usec == 0) {
        joiner->options.timeout_usec = HIN_MULTILINE_TIMEOUT_USEC;
    }
    hin_buf_init(&joiner->open, HIN_MULTILINE_MAX_BYTES);
    hin_buf_init(&joiner->ready, HIN_MULTILINE_MAX_BYTES);
    return hin_ok();
}

void hin_multiline_done(struct hin_multiline *joiner)
{
    hin_buf_done(&joiner->open);
    hin_buf_done(&joiner->ready);
}

/* What is being joined becomes the record that the caller sees. */
static void give_out(struct hin_multiline *joiner, bool *ret_ready,
                     struct hin_multiline_record *ret_record)
{
    struct hin_buf finished = joiner->open;
    joiner->open = joiner->ready;
    joiner->ready = finished;
    hin_buf_clear(&joiner->open);
    *ret_ready = true;
    *ret_record = (struct hin_multiline_record){hin_buf_view(&joiner->ready), joiner->line_count,
                                                joiner->cut};
    joiner->line_count = 0;
    joiner->cut = false;
}

static HIN_RESULT join(struct hin_multiline *joiner, struct hin_view line, int64_t now_usec)
{
    if (joiner->line_count == 0) {
        joiner->opened_usec = now_usec;
    }
    size_t separator = joiner->line_count > 0 ? 1 : 0;
    size_t room = joiner->open.max - joiner->open.size;
    if (room < separator + line.size) {
        joiner->cut = true;
        line.size = room > separator ? room - separator : 0;
    }
    if (separator > 0 && room > 0) {
        HIN_TRY(hin_buf_append_byte(&joiner->open, (uint8_t)joiner->options.separator));
    }
    HIN_TRY(hin_buf_append(&joiner->open, line));
    joiner->line_count += joiner->line_count < UINT32_MAX ? 1 : 0;
    return hin_ok();
}

bool hin_multiline_begins(const struct hin_multiline *joiner, struct hin_view line)
{
    switch (joiner->options.mode) {
    case HIN_MULTILINE_INDENT:
        return line.size == 0 || (line.data[0] != ' ' && line.data[0] != '\t');
    case HIN_MULTILINE_START:
        return joiner->options.starts(joiner->options.context, line);
    default:
        return false;
    }
}

HIN_RESULT hin_multiline_add(struct hin_multiline *joiner, struct hin_view line, int64_t now_usec,
                             bool *ret_ready, struct hin_multiline_record *ret_record)
{
    bool ready = false;
    struct hin_multiline_record record = {0};
    if (joiner->line_count > 0 && hin_multiline_begins(joiner, line)) {
        give_out(joiner, &ready, &record);
    }
    HIN_TRY(join(joiner, line, now_usec));
    if (joiner->options.mode == HIN_MULTILINE_COUNT &&
        joiner->line_count >= joiner->options.count) {
        give_out(joiner, &ready, &record);
    }
    *ret_ready = ready;
    if (ready) {
        *ret_record = record;
    }
    return hin_ok();
}

HIN_RESULT hin_multiline_flush(struct hin_multiline *joiner, int64_t now_usec, bool force,
                               bool *ret_ready, struct hin_multiline_record *ret_record)
{
    *ret_ready = false;
    /* a clock set back must not hold a record for ever */
    bool due = now_usec < joiner->opened_usec ||
               now_usec - joiner->opened_usec >= joiner->options.timeout_usec;
    if (joiner->line_count > 0 && (force || due)) {
        give_out(joiner, ret_ready, ret_record);
    }
    return hin_ok();
}
