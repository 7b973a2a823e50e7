/* What is kept of an erased person to know their data again where it turns up later: in backups
 * that are sealed anew, perhaps long after the erasure. Salted digests alone; whoever has them can
 * try a value that they know already, and learns no other. Pure. */
#ifndef HIN_MANAGER_PERSON_TRACE_H
#define HIN_MANAGER_PERSON_TRACE_H

#include "crypt/hash.h"
#include "event/event.h"
#include "manager/person.h"

#define HIN_PERSON_SALT_BYTES 16

struct hin_person_mark {
    const struct hin_field *field;
    uint8_t salt[HIN_PERSON_SALT_BYTES];
    uint8_t match[HIN_SHA256_BYTES]; /* of the value as events are compared by it */
    uint8_t named[HIN_SHA256_BYTES]; /* of the value as names are: ASCII case aside */
};

struct hin_person_trace {
    int64_t id;          /* of the erasure */
    int64_t until_id;    /* the last event that was there when it was asked for */
    int64_t erased_usec; /* backups begun before may hold the person */
    struct hin_person_mark marks[HIN_PERSON_CONDITIONS_MAX];
    size_t count;
};

/* Fills match and named; field and salt are the caller's. */
HIN_RESULT hin_person_mark_make(struct hin_person_mark *mark, struct hin_view value,
                                struct hin_arena *arena) HIN_NONNULL;
/* As hin_person_selects would, with the values. */
HIN_RESULT hin_person_trace_selects(const struct hin_person_trace *trace,
                                    const struct hin_event *event, struct hin_arena *arena,
                                    bool *ret_selected) HIN_NONNULL;
/* As hin_person_is_named. */
HIN_RESULT hin_person_trace_is_named(const struct hin_person_trace *trace, struct hin_view text,
                                     bool *ret_named) HIN_NONNULL;

#endif
