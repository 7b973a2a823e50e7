/* Looking for texts in bytes, in the forms in which they could lie there in the clear all the same:
 * as they are, in hex, base64 (at each of the three offsets, both alphabets), UTF-16, and
 * compressed as our own code compresses (zstd). One pass for all of them. Inside store/ only. */
#ifndef HIN_STORE_SEEK_H
#define HIN_STORE_SEEK_H

#include "store/trial.h"

enum {
    HIN_SEEK_NEEDLES_MAX = 64,
    HIN_SEEK_FORMS_MAX = HIN_SEEK_NEEDLES_MAX * 16,
    HIN_SEEK_FORM_BYTES = 2 * HIN_STORE_NEEDLE_MOST, /* the longest: hex */
};

struct hin_seek_form {
    size_t needle;
    const char *name; /* "as hex" */
    size_t at, size;  /* in `bytes` */
};
struct hin_seek {
    struct hin_buf bytes; /* of all forms; wiped when done */
    struct hin_seek_form forms[HIN_SEEK_FORMS_MAX];
    size_t form_count, needle_count;
    uint8_t pairs[65536 / 8]; /* of two bytes: does a form begin with them? */
    struct hin_view control;  /* borrowed: known to lie in the clear */
    bool control_found;
    bool found[HIN_SEEK_NEEDLES_MAX];
    const char *form_found; /* of the first that was */
};

/* INVALID: a needle of another length than hin_store_search_plain takes; LIMIT. */
HIN_RESULT hin_seek_init(struct hin_seek *seek, const struct hin_view *needles, size_t count,
                         struct hin_view control) __attribute__((nonnull(1)));
void hin_seek_done(struct hin_seek *seek);
/* Bytes that follow those of the call before are to come with the last HIN_SEEK_FORM_BYTES of them
 * in front. */
void hin_seek_look(struct hin_seek *seek, struct hin_view bytes) HIN_NONNULL;
/* Adds what was found. */
void hin_seek_tell(const struct hin_seek *seek, struct hin_store_search *search) HIN_NONNULL;

#endif
