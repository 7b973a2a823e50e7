/* Which person's data: conditions on fields whose data class is personal, all of which hold. The
 * same selection serves for finding, giving out, correcting and erasing. Pure. */
#ifndef HIN_MANAGER_PERSON_H
#define HIN_MANAGER_PERSON_H

#include "data/json.h"
#include "event/event.h"
#include "event/terms.h"

#define HIN_PERSON_CONDITIONS_MAX 8
#define HIN_PERSON_VALUE_MAX      8192 /* bytes of a value */

struct hin_person_condition {
    const struct hin_field *field;
    struct hin_view value;     /* as it was given; borrowed */
    struct hin_view canonical; /* in the arena, or borrowed */
};

struct hin_person {
    struct hin_person_condition items[HIN_PERSON_CONDITIONS_MAX];
    size_t count;
    struct hin_term terms[HIN_PERSON_CONDITIONS_MAX]; /* of those that the store's index serves */
    size_t term_count;
};

/* Appends "src_ip, dst_ip, ...": the fields that may be used. */
HIN_RESULT hin_person_fields(struct hin_buf *out) HIN_NONNULL;

/* From [{"field":"user","value":"alice"}, ...], at least one. A field of another class, or one
 * that is none, is INVALID, and the sentence lists those that may be used; so is an empty value, an
 * address that is none, and a field that stands twice. Texts borrow from the JSON or lie in the
 * arena. */
HIN_RESULT hin_person_read(struct hin_json where, struct hin_arena *arena,
                           struct hin_person *ret_person, struct hin_error *error) HIN_NONNULL;

/* Whether the event is about this person: every condition holds, exactly. The canonical form of a
 * long text ends at HIN_CANONICAL_MAX; a text that is compared byte by byte is compared to its end
 * here. */
bool hin_person_selects(const struct hin_person *person, const struct hin_event *event,
                        struct hin_arena *arena) HIN_NONNULL;

/* Whether a text of another kind (a name, an address) is one of the values, ASCII case ignored. */
bool hin_person_is_named(const struct hin_person *person, struct hin_view text) HIN_NONNULL;

/* Whether one of the values stands in this text (of an audit entry: JSON, so the value is looked
 * for as JSON writes it), with neither letter nor digit before or behind it. */
bool hin_person_is_mentioned(const struct hin_person *person, struct hin_view json) HIN_NONNULL;

#endif
