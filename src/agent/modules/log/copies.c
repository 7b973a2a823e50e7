#include "agent/modules/log/copies.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/map.h"
#include "base/secret.h"
#include "base/time.h"
#include "decode/log/predecode.h"

#define SLOTS   16384 /* a power of two */
#define SOURCES 4     /* of one line that are told apart */

struct slot {
    uint64_t line; /* digest; 0: free */
    uint16_t most; /* the most that any source has brought */
    struct {
        uint16_t count;
        uint32_t name; /* digest of the location */
    } sources[SOURCES];
};

struct log_copies {
    uint64_t key[2];
    uint8_t location[512]; /* of the last line: lines of one file come together */
    size_t location_size;
    uint32_t source; /* its digest */
    struct slot slots[SLOTS];
};

HIN_RESULT log_copies_new(struct log_copies **ret_copies)
{
    struct log_copies *copies = calloc(1, sizeof(*copies));
    HIN_ENSURE(copies != NULL, NO_MEMORY);
    struct hin_result result = hin_random(copies->key, sizeof(copies->key));
    if (!hin_is_ok(result)) {
        free(copies);
        return result;
    }
    *ret_copies = copies;
    return hin_ok();
}

void log_copies_free(struct log_copies *copies)
{
    free(copies);
}

/* 0: not a line that is compared. */
static uint64_t digest_of(const struct log_copies *copies, const struct hin_predecoded *line)
{
    if (!line->has_time || line->program.data == NULL || line->log.size == 0) {
        return 0;
    }
    uint64_t text = hin_siphash(copies->key, hin_view_trim(line->log));
    uint64_t parts[2] = {text, (uint64_t)(line->time_usec / HIN_SEC_USEC)};
    uint64_t digest = hin_siphash(parts, line->program); /* nobody outside can know `text` */
    return digest != 0 ? digest : 1;
}

/* Count the line for its source; true when some other source has brought as many. */
static bool count_line(struct slot *slot, uint64_t digest, uint32_t name)
{
    if (slot->line != digest) {
        *slot = (struct slot){.line = digest};
    }
    size_t at = 0;
    while (at + 1 < SOURCES && slot->sources[at].count > 0 && slot->sources[at].name != name) {
        at++;
    }
    slot->sources[at].name = name; /* a fifth source shares the fourth's count */
    slot->sources[at].count += slot->sources[at].count < UINT16_MAX ? 1 : 0;
    if (slot->sources[at].count <= slot->most) {
        return true;
    }
    slot->most = slot->sources[at].count;
    return false;
}

bool log_copies_second(struct log_copies *copies, struct hin_view text, struct hin_view location,
                       const struct hin_zone *zone, int64_t now_usec)
{
    if (!hin_view_equal(location, hin_view_of(copies->location, copies->location_size))) {
        copies->location_size = HIN_MIN(location.size, sizeof(copies->location));
        hin_copy(copies->location, location.data, copies->location_size);
        copies->source = (uint32_t)hin_siphash(copies->key, location);
    }
    struct hin_predecode_context context = {.now_usec = now_usec, .zone = zone};
    struct hin_predecoded line;
    hin_predecode(text, &context, &line);
    uint64_t digest = digest_of(copies, &line);
    return digest != 0 && count_line(&copies->slots[digest & (SLOTS - 1)], digest, copies->source);
}
