/* A copy of a ring for its owner to keep elsewhere, while the ring itself is in use. */
#include <time.h>

#include "base/bytes.h"
#include "keys/ring_internal.h"

enum { TRIES = 20 };
static const struct timespec rest = {0, 50 * 1000 * 1000};

/* Its writer overwrites one place after the other, so that a whole image stands there at any time;
 * but a reader that is slow can meet both halves of it being written. */
struct hin_result hin_ring_read(struct hin_ring **ret_ring, int directory, const char *path,
                                const struct hin_secret *passphrase, struct hin_error *error)
{
    struct hin_result opened = hin_ring_load(ret_ring, directory, path, passphrase, error);
    for (int i = 0; i < TRIES && (opened.code == HIN_CORRUPT || opened.code == HIN_TRUNCATED);
         i++) {
        (void)nanosleep(&rest, NULL);
        opened = hin_ring_load(ret_ring, directory, path, passphrase, error);
    }
    return opened;
}

struct hin_result hin_ring_escrow(const struct hin_ring *ring, const struct hin_secret *passphrase,
                                  struct hin_buf *ret_bytes)
{
    struct hin_ring copy = *ring; /* what guards it is the copy's own, the keys are borrowed */
    HIN_ENSURE(passphrase->size > 0, INVALID);
    copy.phrase_key = (struct hin_secret){0};
    struct hin_result made = hin_ring_guard(&copy, NULL, passphrase);
    if (hin_is_ok(made)) {
        made = hin_ring_encode(&copy, ret_bytes);
    }
    hin_secret_done(&copy.phrase_key);
    return made;
}

uint64_t hin_ring_generation(const struct hin_ring *ring)
{
    return ring->generation;
}
