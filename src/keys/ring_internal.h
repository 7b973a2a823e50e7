/* Inside keys/: the file ring's memory, its keys as bytes, its file. */
#ifndef HIN_KEYS_RING_INTERNAL_H
#define HIN_KEYS_RING_INTERNAL_H

#include "base/buf.h"
#include "base/map.h"
#include "base/path.h"
#include "crypt/aead.h"
#include "crypt/password.h"
#include "keys/ring.h"

#define HIN_RING_KEY_BYTES  HIN_AEAD_KEY_BYTES
#define HIN_RING_NAME_BYTES 64 /* of a tenant, with NUL */
#define HIN_RING_HEAD_BYTES 40 /* of the file */

#define HIN_RING_IMAGE_HEAD  32
#define HIN_RING_CRC_BYTES   4
#define HIN_RING_SEALED      UINT32_C(1) /* flags */
#define HIN_RING_TPM         UINT32_C(2)
#define HIN_RING_BLOB_AT     40
#define HIN_RING_FIRST_PLACE ((size_t)4096)
#define HIN_RING_PLACES      13 /* the last ends before HIN_RING_FILE_MAX */
#define HIN_RING_BODY_MAX    ((size_t)16 << 20)
#define HIN_RING_ID_BYTES    (HIN_RING_HEAD_BYTES + HIN_RING_IMAGE_HEAD) /* a chunk's key id */

enum hin_ring_at {
    HIN_RING_AT_FLAGS = 4,
    HIN_RING_AT_MEMORY = 8,
    HIN_RING_AT_PASSES = 12,
    HIN_RING_AT_LANES = 16,
    HIN_RING_AT_SALT = 20,
    HIN_RING_AT_CRC = 36,
    HIN_RING_AT_BODY = 4, /* in an image */
    HIN_RING_AT_GENERATION = 8,
    HIN_RING_AT_ID = 16,
};

static const uint8_t hin_ring_magic[3] = {'H', 'K', 'R'};
static const uint8_t hin_ring_image_magic[4] = {'H', 'K', 'I', 2};

/* Where a place begins, and how long it is. */
static inline size_t hin_ring_place_at(size_t place)
{
    return HIN_RING_FIRST_PLACE << place;
}

/* Keys share pages: many tenants must not cost a locked page each. */
struct hin_ring_key {
    uint32_t version;
    uint32_t place; /* of the key's bytes in the pages */
};

struct hin_ring_group { /* the wrapping key of one tenant */
    char tenant[HIN_RING_NAME_BYTES];
    struct hin_ring_key *keys; /* ascending by version; the last is current */
    size_t count;
};

struct hin_ring {
    struct hin_map groups; /* tenant -> struct hin_ring_group, ours */
    struct hin_secret *pages;
    size_t page_count;
    uint32_t *free_places; /* a stack */
    size_t free_count;
    int format;
    bool sealed;             /* under a pass phrase or by a TPM */
    struct hin_ring_tpm tpm; /* blob_size 0: not by one */
    struct hin_password_cost cost;
    uint8_t salt[HIN_PASSWORD_SALT_BYTES];
    struct hin_secret phrase_key; /* derived from pass phrase or TPM; empty when not sealed */
    uint64_t generation;
    size_t at;     /* which place of the file holds the image that counts */
    bool untidy;   /* another place holds something else than that image */
    int file;      /* open for writing, or -1 */
    int directory; /* a descriptor of our own, or -1 */
    char path[4096];
};

/* --- ring_keys.c: memory --- */
HIN_RESULT hin_ring_new(struct hin_ring **ret_ring) HIN_NONNULL;
struct hin_ring_group *hin_ring_group(const struct hin_ring *ring,
                                      struct hin_view tenant) HIN_NONNULL; /* NULL: none */
/* A group without keys yet. INVALID: no name of a tenant. EXISTS. */
HIN_RESULT hin_ring_group_add(struct hin_ring *ring, struct hin_view tenant,
                              struct hin_ring_group **ret_group) HIN_NONNULL;
/* Out of the ring, still whole: _free wipes it, hin_ring_group_put takes it back. */
void hin_ring_group_take(struct hin_ring *ring, struct hin_ring_group *group) HIN_NONNULL;
HIN_RESULT hin_ring_group_put(struct hin_ring *ring, struct hin_ring_group *group) HIN_NONNULL;
void hin_ring_group_free(struct hin_ring *ring, struct hin_ring_group *group);
/* key: 32 bytes, or empty for a random one. LIMIT. */
HIN_RESULT hin_ring_key_add(struct hin_ring *ring, struct hin_ring_group *group, uint32_t version,
                            struct hin_view key) HIN_NONNULL;
void hin_ring_key_drop(struct hin_ring *ring, struct hin_ring_group *group, size_t at) HIN_NONNULL;
/* Borrowed; never hin_secret_done it. */
struct hin_secret hin_ring_key_secret(const struct hin_ring *ring,
                                      const struct hin_ring_key *key) HIN_NONNULL;

/* --- ring_file.c: reading (and hin_ring_decode) --- */
/* The smaller of the two places for an image of this size. */
HIN_RESULT hin_ring_place_for(size_t size, size_t *ret_place) HIN_NONNULL;
HIN_RESULT hin_ring_derive(struct hin_ring *ring, const struct hin_secret *passphrase) HIN_NONNULL;
/* What a TPM sealed, out of a file whose checks passed. */
HIN_RESULT hin_ring_tpm_of(struct hin_view file, struct hin_ring_tpm *ret_tpm,
                           struct hin_error *error) __attribute__((nonnull(2)));
/* What the next hin_ring_encode seals under; NULL: not by one, not at all. */
HIN_RESULT hin_ring_guard(struct hin_ring *ring, const struct hin_ring_tpm *tpm,
                          const struct hin_secret *secret) __attribute__((nonnull(1)));
/* Magic, version and checksum of the head. */
HIN_RESULT hin_ring_check_file(struct hin_view bytes, struct hin_error *error);

/* --- ring.c --- */
/* What _open does before it opens for writing. */
HIN_RESULT hin_ring_load(struct hin_ring **ret_ring, int directory, const char *path,
                         const struct hin_secret *passphrase, struct hin_error *error);

/* --- ring_write.c --- */
/* A whole new file, its first two places filled. */
HIN_RESULT hin_ring_encode(struct hin_ring *ring, struct hin_buf *ret_bytes) HIN_NONNULL;
/* Into the open file. On OK the new image is durable; whether the other places follow is told by
 * ring->untidy. */
HIN_RESULT hin_ring_write(struct hin_ring *ring) HIN_NONNULL;
/* Makes all places of the file alike or empty, when they are not. */
HIN_RESULT hin_ring_tidy(struct hin_ring *ring) HIN_NONNULL;

#endif
