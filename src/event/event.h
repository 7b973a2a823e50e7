/* One event: whatever happens anywhere becomes one of these. Fields stand in an array by number, so
 * that get and set cost a store and a bit. Texts are borrowed: what they point into must outlive
 * the event (a decoder's buffer, or the arena, see _copy). Lists and extras lie in the arena. Not
 * thread-safe. */
#ifndef HIN_EVENT_EVENT_H
#define HIN_EVENT_EVENT_H

#include "base/arena.h"
#include "base/result.h"
#include "base/view.h"
#include "event/field.h"
#include "event/state.h"

#define HIN_CLASS_DETECTION_FINDING     2004
#define HIN_CLASS_APPLICATION_LIFECYCLE 6002

#define HIN_EVENT_TEXT_MAX   (80 * 1024) /* bytes of one text (a line is cut at 64 KiB) */
#define HIN_EVENT_LIST_MAX   64          /* items of a list */
#define HIN_EVENT_EXTRAS_MAX 64          /* fields that a decoder made up */
#define HIN_EVENT_NAME_MAX   256         /* bytes of such a field's name */

struct hin_value {
    union {
        int64_t integer;      /* INTEGER, TIME, FLAG */
        struct hin_view text; /* TEXT, IP */
        struct {
            const struct hin_view *items;
            size_t count;
        } texts;
    };
};

struct hin_event_extra { /* a field that a decoder made up */
    struct hin_view name;
    struct hin_view value;
};

struct hin_event {
    struct hin_arena *arena;
    uint64_t present; /* bit per field number */
    struct hin_value values[HIN_FIELD_LIMIT];
    struct hin_event_extra *extras; /* in the order of setting; names are unique */
    size_t extra_count;
    size_t extra_capacity;
};

/* Empty. The arena is borrowed; nothing is allocated until a list, a copy or an extra is set. */
void hin_event_init(struct hin_event *event, struct hin_arena *arena) HIN_NONNULL;

/* A log finding: class, activity (create), severity from the level, time, received. level 0..16. */
void hin_event_init_finding(struct hin_event *event, struct hin_arena *arena, int64_t time_usec,
                            int64_t received_usec, int64_t rule_id, int64_t rule_level) HIN_NONNULL;
/* A state of agent or manager: class, activity, severity and message from the table of states;
 * component ("uplink", borrowed) may be empty. */
void hin_event_init_state(struct hin_event *event, struct hin_arena *arena, int64_t time_usec,
                          enum hin_state_code state, struct hin_view component) HIN_NONNULL;

static inline bool hin_event_has(const struct hin_event *event, enum hin_field_id field)
{
    return (event->present >> field & 1) != 0;
}

/* Setters check the type of the field (INVALID) and the limits above (LIMIT). Setting again
 * replaces. */
HIN_RESULT hin_event_set_text(struct hin_event *event, enum hin_field_id field,
                              struct hin_view text) HIN_NONNULL;
/* As _set_text, of a copy in the arena. */
HIN_RESULT hin_event_set_copy(struct hin_event *event, enum hin_field_id field,
                              struct hin_view text) HIN_NONNULL;
HIN_RESULT hin_event_set_integer(struct hin_event *event, enum hin_field_id field,
                                 int64_t value) HIN_NONNULL;
/* The array is copied, the texts are borrowed. */
HIN_RESULT hin_event_set_texts(struct hin_event *event, enum hin_field_id field,
                               const struct hin_view *items, size_t count) HIN_NONNULL;
HIN_RESULT hin_event_set_extra(struct hin_event *event, struct hin_view name,
                               struct hin_view value) HIN_NONNULL;
void hin_event_unset(struct hin_event *event, enum hin_field_id field) HIN_NONNULL;

/* What a decoder found, as text: converted to the field's type; a value that does not convert (a
 * port called "http") goes to the extras under the field's name, so that nothing is lost. A list
 * gets one item more. */
HIN_RESULT hin_event_set_decoded(struct hin_event *event, const struct hin_field *field,
                                 struct hin_view text) HIN_NONNULL;

/* Getters answer 0 or the empty view when the field is absent. */
int64_t hin_event_integer(const struct hin_event *event, enum hin_field_id field) HIN_NONNULL;
struct hin_view hin_event_text(const struct hin_event *event, enum hin_field_id field) HIN_NONNULL;
/* false when absent; *ret_value is then untouched. */
bool hin_event_extra(const struct hin_event *event, struct hin_view name,
                     struct hin_view *ret_value) HIN_NONNULL;

/* Identity: (agent, source generation, offset or journal sequence, finding number); the agent is
 * known from the session. Within one generation a source's events must leave the agent in ascending
 * (offset, finding). */
struct hin_event_identity {
    uint64_t generation; /* random, below 2^63, not 0 */
    uint64_t offset;     /* below 2^63 */
    uint32_t finding;
};

HIN_RESULT hin_event_set_identity(struct hin_event *event,
                                  const struct hin_event_identity *identity) HIN_NONNULL;
/* NOT_FOUND when the event carries none. */
HIN_RESULT hin_event_identity(const struct hin_event *event,
                              struct hin_event_identity *ret_identity) HIN_NONNULL;

/* OSSEC level (0..16) to OCSF severity_id (1 informational .. 5 critical) and to CEF severity
 * (0..10). */
int64_t hin_severity_from_level(int64_t level);
/* OCSF's word for a severity ("Low", any case) to its number. INVALID for another word. */
HIN_RESULT hin_severity_parse(struct hin_view word, int64_t *ret_severity);
int hin_cef_severity_from_level(int64_t level);
int hin_cef_severity_from_ocsf(int64_t severity_id);

#endif
