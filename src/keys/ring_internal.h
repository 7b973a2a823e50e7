/* Inside keys/: the ring in memory, shared by ring.c (files and the provider) and ring_file.c (the
 * file's bytes). */
#ifndef HIN_KEYS_RING_INTERNAL_H
#define HIN_KEYS_RING_INTERNAL_H

#include "base/path.h"
#include "crypt/aead.h"
#include "crypt/password.h"
#include "keys/ring.h"

struct hin_ring_master {
    uint32_t version;
    struct hin_secret key;
};

struct hin_ring {
    /* ascending by version; the last is current */
    struct hin_ring_master masters[HIN_RING_VERSIONS_MAX];
    size_t count;
    bool sealed;
    struct hin_password_cost cost;
    uint8_t salt[HIN_PASSWORD_SALT_BYTES];
    struct hin_secret phrase_key; /* derived from the pass phrase; empty when not sealed */
    int directory;                /* a descriptor of our own, or -1: cannot be replaced */
    char path[HIN_PATH_MAX];
};

/* Empty, and nothing to replace. */
HIN_RESULT hin_ring_new(struct hin_ring **ret_ring) HIN_NONNULL;
/* The file as ring.h draws it, into an empty buffer, which the caller wipes. */
HIN_RESULT hin_ring_encode(const struct hin_ring *ring, struct hin_buf *ret_bytes) HIN_NONNULL;
/* The pass phrase's key, by the ring's salt and cost. LIMIT, SYNTAX: an impossible cost. */
HIN_RESULT hin_ring_derive(struct hin_ring *ring, const struct hin_secret *passphrase) HIN_NONNULL;

#endif
