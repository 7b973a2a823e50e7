/* Any bytes as an encoded event: decode and peek agree, what decodes encodes again (to the same
 * bytes when every field is known), and every writer takes it. */
#include <stdlib.h>

#include "event/codec.h"
#include "event/terms.h"
#include "event/write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void write_all(const struct hin_event *event, struct hin_buf *buf)
{
    HIN_IGNORE(hin_event_write_ocsf(event, NULL, buf)); /* an unknown class is refused */
    require(hin_is_ok(hin_event_write_cef(event, NULL, buf)));
    require(hin_is_ok(hin_event_write_leef(event, NULL, buf)));
    require(hin_is_ok(hin_event_write_rfc5424(event, NULL, buf)));
    require(hin_is_ok(hin_event_write_row(event, NULL, buf)));
}

static void check_terms(const struct hin_event *event, struct hin_arena *arena)
{
    const struct hin_term *terms = NULL;
    size_t count = 0;
    require(hin_is_ok(hin_event_terms(event, arena, &terms, &count)));
    for (size_t i = 0; i < count && i < 40; i++) {
        require(hin_event_matches(event, &terms[i], arena));
    }
}

static void check_again(const struct hin_event *event, struct hin_arena *arena, struct hin_buf *buf)
{
    struct hin_event again;
    hin_buf_clear(buf);
    require(hin_is_ok(hin_event_encode(event, buf)));
    require(hin_is_ok(hin_event_decode(hin_buf_view(buf), arena, &again)));
    require(again.present == event->present && again.extra_count == event->extra_count);
    struct hin_buf second;
    hin_buf_init(&second, HIN_EVENT_MAX_BYTES);
    require(hin_is_ok(hin_event_encode(&again, &second)));
    require(hin_view_equal(hin_buf_view(buf), hin_buf_view(&second)));
    hin_buf_done(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hin_arena arena;
    struct hin_buf buf;
    hin_arena_init(&arena, 64 << 20);
    hin_buf_init(&buf, 64 << 20);
    struct hin_event event;
    struct hin_event_head head;
    struct hin_view bytes = hin_view_of(data, size);
    struct hin_result peeked = hin_event_peek(bytes, &head);
    if (hin_is_ok(hin_event_decode(bytes, &arena, &event))) {
        require(hin_is_ok(peeked));
        require(head.time_usec == hin_event_integer(&event, HIN_FIELD_TIME));
        write_all(&event, &buf);
        check_terms(&event, &arena);
        check_again(&event, &arena, &buf);
    }
    hin_buf_done(&buf);
    hin_arena_done(&arena);
    return 0;
}
