/* For the writers of this folder only: text into formats with escapes, as valid UTF-8. */
#ifndef HIN_EVENT_TEXT_H
#define HIN_EVENT_TEXT_H

#include "base/buf.h"
#include "event/event.h"

struct hin_text_escapes {
    const char *of[128]; /* what stands for an ASCII byte; NULL: the byte itself */
    bool no_c1;          /* U+0080..U+009F, which drive terminals too, become U+FFFD */
};

/* Appends text with its escapes; each byte that is no part of valid UTF-8 (RFC 3629) becomes
 * U+FFFD. */
HIN_RESULT hin_text_put(struct hin_buf *buf, struct hin_view text,
                        const struct hin_text_escapes *escapes) HIN_NONNULL;

/* A field's value as text for line formats: lists joined by commas, times in milliseconds. Escapes
 * apply. */
HIN_RESULT hin_text_put_field(struct hin_buf *buf, const struct hin_event *event,
                              const struct hin_field *field,
                              const struct hin_text_escapes *escapes) HIN_NONNULL;

/* "<generation in hex>-<offset>-<finding>", or "<rule or state>-<time>" when the event carries no
 * identity. */
#define HIN_EVENT_UID_MAX 64
void hin_event_uid_text(const struct hin_event *event, char *out) HIN_NONNULL;

/* Whether the manager reports it about itself: no computer stands behind it. */
bool hin_event_is_managers(const struct hin_event *event) HIN_NONNULL;

#endif
