/* A borrowed run of bytes. It owns nothing; it lives as long as what it points into. Bytes may hold
 * NUL. */
#ifndef HIN_BASE_VIEW_H
#define HIN_BASE_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"

struct hin_view {
    const uint8_t *data; /* may be NULL only when size is 0 */
    size_t size;
};

#define HIN_VIEW(literal) ((struct hin_view){(const uint8_t *)("" literal), sizeof(literal) - 1})
#define HIN_VIEW_EMPTY    ((struct hin_view){NULL, 0})

/* for printf("%.*s", HIN_ARGS(view)); views over 2 GiB are cut */
#define HIN_ARGS(view)                                                                             \
    (int)((view).size > 0x7fffffff ? 0x7fffffff : (view).size),                                    \
        (const char *)((view).size ? (view).data : (const uint8_t *)"")

static inline struct hin_view hin_view_of(const void *data, size_t size)
{
    return (struct hin_view){(const uint8_t *)data, size};
}

/* NULL gives the empty view. */
struct hin_view hin_view_from_text(const char *text);
bool hin_view_equal(struct hin_view a, struct hin_view b);
bool hin_view_equal_nocase(struct hin_view a, struct hin_view b); /* ASCII case folding */
bool hin_view_is(struct hin_view view, const char *text);
bool hin_view_starts_with(struct hin_view view, struct hin_view prefix);
bool hin_view_ends_with(struct hin_view view, struct hin_view suffix);
int hin_view_compare(struct hin_view a, struct hin_view b); /* bytewise, shorter first */
struct hin_view hin_view_trim(struct hin_view view);        /* space, tab, CR, LF at both ends */

/* Clamped: an offset past the end gives an empty view, a length past it is cut. */
struct hin_view hin_view_sub(struct hin_view view, size_t offset, size_t size);

/* Offset of the first occurrence, or SIZE_MAX. */
size_t hin_view_find(struct hin_view haystack, struct hin_view needle);
size_t hin_view_find_byte(struct hin_view haystack, uint8_t byte);

/* Cut `rest` at the first `separator`: the part before it is returned, `rest` becomes what follows.
 * False and nothing written when rest is exhausted (rest->data == NULL). The last part is returned
 * as well. */
bool hin_view_split(struct hin_view *rest, uint8_t separator, struct hin_view *ret_part);

/* Decimal with optional leading '-', whole view, no overflow; SYNTAX otherwise. */
HIN_RESULT hin_view_to_i64(struct hin_view view, int64_t *ret_value);
HIN_RESULT hin_view_to_u64(struct hin_view view, uint64_t *ret_value);

/* Copy into a C string of out_bytes (terminated); LIMIT when it does not fit, INVALID when it holds
 * NUL. */
HIN_RESULT hin_view_to_text(struct hin_view view, char *out, size_t out_bytes);

#endif
