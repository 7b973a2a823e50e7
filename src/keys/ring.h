/* The file key ring: master keys in one small file outside the state folder, mode 0400, its own
 * owner, never in a backup; sealed under a pass phrase (Argon2id) or, without one, protected by its
 * mode alone (status says so).
 *
 * File, version 1 (little-endian):
 *   0  "HKR" 1           magic and version
 *   4  u32 flags         bit 0: sealed under a pass phrase
 *   8  u32 memory_kib, passes, lanes   of Argon2id; 0 when not sealed
 *  20  salt              16 bytes, 0 when not sealed
 *  36  u32 body_bytes
 *  40  body              keys, or keys sealed as in wrap.h under the pass phrase's key
 *   .  u32 crc           CRC-32C over all before it
 * Keys: varint count, then each u32 version, 32 bytes. */
#ifndef HIN_KEYS_RING_H
#define HIN_KEYS_RING_H

#include "base/result.h"
#include "base/secret.h"
#include "keys/provider.h"

#define HIN_RING_VERSIONS_MAX 64
#define HIN_RING_FILE_MAX     8192

struct hin_ring;

/* Writes a new ring with master key version 1. directory: descriptor or AT_FDCWD, for path.
 * passphrase NULL = not sealed. EXISTS when a file stands there. error may be NULL; it names the
 * file and what to do. */
HIN_RESULT hin_ring_create(int directory, const char *path, const struct hin_secret *passphrase,
                           struct hin_error *error);
/* DENIED: a symbolic link, another's file, or readable by group or others; AUTH: wrong pass phrase,
 * or one is needed and none was given; TRUNCATED, CORRUPT, SYNTAX (no key ring); UNSUPPORTED (made
 * by a newer version); NOT_FOUND. */
HIN_RESULT hin_ring_open(struct hin_ring **ret_ring, int directory, const char *path,
                         const struct hin_secret *passphrase, struct hin_error *error);
/* The same from a descriptor that a parent opened and passed; owner and path are the parent's
 * affair, the mode is still checked. Such a ring cannot be replaced: rotate and destroy answer
 * DENIED. name: for messages. */
HIN_RESULT hin_ring_open_fd(struct hin_ring **ret_ring, int fd, const char *name,
                            const struct hin_secret *passphrase, struct hin_error *error);
void hin_ring_free(struct hin_ring *ring);
static inline void hin_ring_freep(struct hin_ring **ring)
{
    hin_ring_free(*ring);
}
/* The ring as a provider; valid as long as the ring. rotate and destroy replace the file (fsync'd,
 * old or new stands), so they need the directory writable. */
struct hin_key_provider hin_ring_provider(struct hin_ring *ring) HIN_NONNULL;

/* What _open does with the bytes it has read; public for tests and fuzzing. */
HIN_RESULT hin_ring_decode(struct hin_view bytes, const struct hin_secret *passphrase,
                           struct hin_ring **ret_ring, struct hin_error *error);

#endif
