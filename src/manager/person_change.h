/* What a correction makes of an event about a person: fields get other values, and a note of that
 * is added. The raw line stays: it is evidence. Pure. */
#ifndef HIN_MANAGER_PERSON_CHANGE_H
#define HIN_MANAGER_PERSON_CHANGE_H

#include "manager/person.h"

#define HIN_PERSON_NOTE_MAX 255 /* bytes */

struct hin_person_change {
    struct {
        const struct hin_field *field;
        struct hin_view value; /* borrowed, or in the arena */
    } items[HIN_PERSON_CONDITIONS_MAX];
    size_t count;
    int64_t entry; /* number of the audit entry that stands for it */
    int64_t time_usec;
    struct hin_view note; /* may be empty */
};

/* From [{"field":"user","value":"alice"}, ...], at least one. INVALID: a field whose data class is
 * not personal, the raw line, an address that is none, an empty value, a field that stands twice.
 */
HIN_RESULT hin_person_change_read(struct hin_json set, struct hin_arena *arena,
                                  struct hin_person_change *ret_change,
                                  struct hin_error *error) HIN_NONNULL;

/* Texts are in the arena, or borrowed from the change. *ret_changed: false where this very change
 * was made before. */
HIN_RESULT hin_person_change_apply(const struct hin_person_change *change, struct hin_event *event,
                                   struct hin_arena *arena, bool *ret_changed) HIN_NONNULL;

#endif
