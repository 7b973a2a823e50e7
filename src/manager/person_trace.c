#include "manager/person_trace.h"

#include <string.h>

#include "base/bytes.h"
#include "event/codec.h"

static HIN_RESULT digest(const struct hin_person_mark *mark, const char *kind, struct hin_view form,
                         uint8_t ret_digest[HIN_SHA256_BYTES])
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_EVENT_MAX_BYTES + 256};
    HIN_TRY(hin_buf_append_text(&text, "hinomi person trace v1\n"));
    HIN_TRY(hin_buf_append_text(&text, kind));
    HIN_TRY(hin_buf_append(&text, hin_view_of(mark->salt, sizeof(mark->salt))));
    HIN_TRY(hin_buf_append_text(&text, mark->field->name));
    HIN_TRY(hin_buf_append_byte(&text, 0));
    HIN_TRY(hin_buf_append(&text, form));
    struct hin_result hashed = hin_sha256(hin_buf_view(&text), ret_digest);
    hin_wipe(text.data, text.capacity);
    return hashed;
}

/* A text that is compared byte by byte is compared to its end, beyond what the index looks at. */
static HIN_RESULT match_of(const struct hin_person_mark *mark, struct hin_view value,
                           struct hin_arena *arena, uint8_t ret_digest[HIN_SHA256_BYTES])
{
    struct hin_view form = value;
    if (mark->field->canon != HIN_CANON_EXACT) {
        HIN_TRY(hin_canonical(mark->field->canon, value, arena, &form));
    }
    return digest(mark, "match", form, ret_digest);
}

static HIN_RESULT named_of(const struct hin_person_mark *mark, struct hin_view value,
                           uint8_t ret_digest[HIN_SHA256_BYTES])
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_EVENT_MAX_BYTES};
    char address[HIN_IP_TEXT_MAX];
    int version = 0;
    struct hin_view form = value;
    if (mark->field->type == HIN_TYPE_IP && hin_is_ok(hin_ip_canonical(value, address, &version))) {
        form = hin_view_from_text(address);
    }
    for (size_t i = 0; i < form.size; i++) {
        uint8_t byte = form.data[i];
        HIN_TRY(hin_buf_append_byte(&text, byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte));
    }
    struct hin_result digested = digest(mark, "named", hin_buf_view(&text), ret_digest);
    hin_wipe(text.data, text.capacity);
    return digested;
}

HIN_RESULT hin_person_mark_make(struct hin_person_mark *mark, struct hin_view value,
                                struct hin_arena *arena)
{
    HIN_TRY(match_of(mark, value, arena, mark->match));
    return named_of(mark, value, mark->named);
}

/* What no canonical form is made of is no value that was asked for. */
static HIN_RESULT matches(const struct hin_person_mark *mark, struct hin_view value,
                          struct hin_arena *arena, bool *ret_matches)
{
    uint8_t found[HIN_SHA256_BYTES];
    struct hin_result digested = match_of(mark, value, arena, found);
    *ret_matches = hin_is_ok(digested) && memcmp(found, mark->match, sizeof(found)) == 0;
    return digested.code == HIN_NO_MEMORY ? digested : hin_ok();
}

static HIN_RESULT mark_holds(const struct hin_person_mark *mark, const struct hin_event *event,
                             struct hin_arena *arena, bool *ret_holds)
{
    const struct hin_field *field = mark->field;
    *ret_holds = false;
    if (!hin_event_has(event, field->id)) {
        return hin_ok();
    }
    const struct hin_value *value = &event->values[field->id];
    if (field->type == HIN_TYPE_TEXT || field->type == HIN_TYPE_IP) {
        return matches(mark, value->text, arena, ret_holds);
    }
    if (field->type != HIN_TYPE_TEXTS) {
        struct hin_view text;
        HIN_TRY(hin_arena_printf(arena, &text, "%lld", (long long)value->integer));
        return matches(mark, text, arena, ret_holds);
    }
    for (size_t i = 0; i < value->texts.count && !*ret_holds; i++) {
        HIN_TRY(matches(mark, value->texts.items[i], arena, ret_holds));
    }
    return hin_ok();
}

HIN_RESULT hin_person_trace_selects(const struct hin_person_trace *trace,
                                    const struct hin_event *event, struct hin_arena *arena,
                                    bool *ret_selected)
{
    bool all = trace->count > 0;
    for (size_t i = 0; i < trace->count && all; i++) {
        HIN_TRY(mark_holds(&trace->marks[i], event, arena, &all));
    }
    *ret_selected = all;
    return hin_ok();
}

HIN_RESULT hin_person_trace_is_named(const struct hin_person_trace *trace, struct hin_view text,
                                     bool *ret_named)
{
    *ret_named = false;
    for (size_t i = 0; i < trace->count && text.size > 0 && !*ret_named; i++) {
        uint8_t found[HIN_SHA256_BYTES];
        HIN_TRY(named_of(&trace->marks[i], text, found));
        *ret_named = memcmp(found, trace->marks[i].named, sizeof(found)) == 0;
    }
    return hin_ok();
}
