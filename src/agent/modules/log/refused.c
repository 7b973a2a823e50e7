/* Locations that this host's allow-list refuses. */
#include <stdio.h>
#include <string.h>

#include "agent/modules/log/internal.h"
#include "base/bytes.h"
#include "base/codec.h"
#include "base/map.h"

/* Any fixed key will do: nobody gains by two sets of one digest but whoever writes the policy. */
static const uint64_t digest_key[2] = {UINT64_C(0x7265667573656400), 1};

void log_refused_add(struct log_module *m, const char *location)
{
    struct log_refused *r = &m->refused_places;
    struct hin_view name = hin_view_from_text(location);
    uint64_t parts[2] = {r->digest, hin_siphash(digest_key, name)};
    r->digest = hin_siphash(digest_key, hin_view_of(parts, sizeof(parts)));
    r->digest += r->digest == 0;
    r->count++;
    if (r->size + name.size + 2 < sizeof(r->text)) {
        hin_copy(r->text + r->size, ", ", 2);
        hin_copy(r->text + r->size + 2, name.data, name.size);
        r->size += name.size + 2;
    }
}

struct hin_result log_refused_restore(struct log_module *m, struct hin_view saved)
{
    struct hin_reader reader = hin_reader_of(saved);
    HIN_TRY(hin_read_u64(&reader, &m->refused_places.told));
    return hin_read_end(&reader);
}

struct hin_result log_refused_tell(struct log_module *m)
{
    struct log_refused *r = &m->refused_places;
    char text[LOG_REFUSED_TEXT_BYTES + 128];
    if (r->digest == r->told) {
        return hin_ok();
    }
    r->told = r->digest;
    r->save = m->positions_dirty = true;
    if (r->count == 0) {
        return hin_ok();
    }
    struct hin_view names = hin_view_of(r->text, r->size);
    names = hin_view_sub(names, 2, SIZE_MAX);
    snprintf(text, sizeof(text),
             "%zu location%s of the policy outside the log roots, not watched: %.*s", r->count,
             r->count == 1 ? "" : "s", HIN_ARGS(names));
    hin_log(HIN_LOG_WARNING, "%s", text);
    return log_state_event(m, HIN_STATE_SOURCE_REFUSED, hin_view_from_text(text), r->count);
}
