/* Search terms of an event: the canonical values of its searchable fields, to be turned into blind
 * tokens by who holds the index key, and the exact check that follows every hit of a token. */
#ifndef HIN_EVENT_TERMS_H
#define HIN_EVENT_TERMS_H

#include "base/buf.h"
#include "event/event.h"

struct hin_term {
    uint16_t field;        /* 0: an extra */
    struct hin_view name;  /* name of the extra, folded; empty for fields of the table */
    struct hin_view value; /* canonical */
};

/* All terms of fields with HIN_SEARCH_TOKEN and of all extras, one for each item of a list. The
 * array lies in the arena; values borrow from the event or lie in the arena. At most
 * HIN_EVENT_TERMS_MAX, the rest is left out
 * (*ret_count says how many there are). */
#define HIN_EVENT_TERMS_MAX 512
HIN_RESULT hin_event_terms(const struct hin_event *event, struct hin_arena *arena,
                           const struct hin_term **ret_terms, size_t *ret_count) HIN_NONNULL;

/* A query term from "name", "value" as a person writes them. Known names give the field (INVALID
 * when it cannot be searched by token: free text, or a column), unknown ones the extra of that
 * name, as does "field.NAME" always. Lies in the arena. */
HIN_RESULT hin_term_parse(struct hin_view name, struct hin_view value, struct hin_arena *arena,
                          struct hin_term *ret_term) HIN_NONNULL;

/* Whether the event holds the term, exactly. arena: scratch. */
bool hin_event_matches(const struct hin_event *event, const struct hin_term *term,
                       struct hin_arena *arena) HIN_NONNULL;

/* The bytes that a token is computed over: version, field number, name, value, unambiguous.
 * Appends. */
HIN_RESULT hin_term_bytes(const struct hin_term *term, struct hin_buf *buf) HIN_NONNULL;

#endif
