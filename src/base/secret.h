/* Key material and pass phrases: the one type for secrets. The bytes lie on pages of their own that
 * are locked in memory where the limit allows, kept out of core dumps (MADV_DONTDUMP) and zeroed in
 * a forked child (MADV_WIPEONFORK); they are wiped on free and compared in constant time. */
#ifndef HIN_BASE_SECRET_H
#define HIN_BASE_SECRET_H

#include <stdio.h>

#include "base/result.h"
#include "base/view.h"

#define HIN_SECRET_MAX 4096

struct hin_secret {
    uint8_t *data; /* NULL when empty */
    size_t size;
};

/* `size` zero bytes, at most HIN_SECRET_MAX. */
HIN_RESULT hin_secret_new(struct hin_secret *ret_secret, size_t size) HIN_NONNULL;
HIN_RESULT hin_secret_from(struct hin_secret *ret_secret, struct hin_view bytes) HIN_NONNULL;
/* `size` bytes from getrandom(2). */
HIN_RESULT hin_secret_random(struct hin_secret *ret_secret, size_t size) HIN_NONNULL;
void hin_secret_done(struct hin_secret *secret);
static inline struct hin_view hin_secret_view(const struct hin_secret *secret)
{
    return (struct hin_view){secret->data, secret->size};
}
bool hin_secret_equal(const struct hin_secret *a, const struct hin_secret *b);
/* Reads up to HIN_SECRET_MAX bytes from a descriptor; one trailing newline is dropped. INVALID when
 * empty. */
HIN_RESULT hin_secret_read_fd(struct hin_secret *ret_secret, int fd) HIN_NONNULL;

/* One line, without its end. NOT_FOUND: none, or an empty one; LIMIT. */
HIN_RESULT hin_secret_read_line(FILE *in, struct hin_secret *ret_secret) HIN_NONNULL;
/* Asked for on the terminal, which does not show it. NOT_FOUND: there is no terminal, or nothing
 * was typed. */
HIN_RESULT hin_secret_ask(const char *prompt, struct hin_secret *ret_secret) HIN_NONNULL;

HIN_RESULT hin_random(void *to, size_t size); /* getrandom(2), never short */

/* No core dumps, not traceable by our own uid (PR_SET_DUMPABLE 0): every process that holds a
 * secret calls it. */
HIN_RESULT hin_process_protect(void);

#endif
