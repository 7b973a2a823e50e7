/* The file key ring: wrapping keys in one file outside the state folder, mode 0400, its own owner,
 * never in a backup; sealed under a pass phrase (Argon2id) or, without one, protected by its mode
 * alone (status says so). One key, with versions, for each tenant and one ("") for the
 * installation.
 *
 * File, version 2 (little-endian). A save overwrites in place, so that it needs no folder to write
 * into and what was destroyed is gone from the disk, as far as the file system overwrites:
 *   0  "HKR" 2           magic and version
 *   4  u32 flags         bit 0: sealed under a pass phrase; bit 1: sealed by a TPM 2 (not both)
 *   8  u32 memory_kib, passes, lanes   of Argon2id; 0 when not sealed. With a TPM: bits of the PCRs
 *                        that must hold what they held, 1 when it wants a PIN, 0
 *  20  salt              16 bytes, 0 when not sealed
 *  36  u32 crc           CRC-32C over 0..36
 *  40  with a TPM: u32 size, what the TPM sealed (kms/tpm/tpm.h), u32 crc over it
 *   .  zeros up to 4096, then places of 4, 8, 16, ... KiB, each as far into the file as it is long.
 * The smallest two places that are large enough hold the same image; the others hold zeros. Of two
 * that differ (a save was cut off, or a page is damaged) the whole one with the higher generation
 * counts, and the other is made alike at the next opening or change. An image:
 *   0  "HKI" 2
 *   4  u32 body_bytes
 *   8  u64 generation    one more with each save
 *  16  id                16 random bytes
 *  32  body              chunks: u32 size, then groups, or groups wrapped as in wrap.h under the
 *                        key of the pass phrase or the TPM (key id: the file's first 40 bytes and
 * the image's first 32; purpose HIN_KEY_RING; version: the chunk's number from 1) .  u32 crc
 * CRC-32C over all of the image before it Groups: varint count, then each: tenant (bytes), varint
 * count, then each u32 version, 32 bytes.
 *
 * Version 1 (read, and replaced by version 2 when opened for writing): the same 36 bytes, u32
 * body_bytes, body (varint count, then each u32 version, 32 bytes; wrapped as a whole when sealed),
 * u32 crc over all before it. Its keys are the installation's; they wrapped the keys of tenants
 * too. */
#ifndef HIN_KEYS_RING_H
#define HIN_KEYS_RING_H

#include "base/buf.h"
#include "base/result.h"
#include "base/secret.h"
#include "keys/provider.h"

#define HIN_RING_VERSIONS_MAX 64 /* of one tenant's key */
#define HIN_RING_TENANTS_MAX  65537
#define HIN_RING_FILE_MAX     ((size_t)64 << 20)
#define HIN_RING_BLOB_MAX     1024 /* of a TPM */
#define HIN_RING_TPM_SECRET   32   /* bytes that a TPM seals */

struct hin_ring;

/* Writes a new ring with version 1 of the installation's key. directory: descriptor or AT_FDCWD,
 * for path. passphrase NULL = not sealed. EXISTS when a file stands there. error may be NULL; it
 * names the file and what to do. */
HIN_RESULT hin_ring_create(int directory, const char *path, const struct hin_secret *passphrase,
                           struct hin_error *error);
/* What guards a ring that a TPM 2 sealed. The ring takes it as it is: kms/tpm/ makes and opens it.
 */
struct hin_ring_tpm {
    uint32_t pcrs; /* bits */
    bool pin;
    size_t blob_size;
    uint8_t blob[HIN_RING_BLOB_MAX];
};
/* A new ring under a key that is derived from secret (HIN_RING_TPM_SECRET random bytes), which
 * whoever opens the ring later gives in place of a pass phrase. */
HIN_RESULT hin_ring_create_tpm(int directory, const char *path, const struct hin_ring_tpm *tpm,
                               const struct hin_secret *secret, struct hin_error *error)
    __attribute__((nonnull(2, 3, 4)));
/* NOT_FOUND: no TPM sealed it. Otherwise the failures of _open that come before any secret. */
HIN_RESULT hin_ring_read_tpm(int directory, const char *path, struct hin_ring_tpm *ret_tpm,
                             struct hin_error *error) __attribute__((nonnull(2, 3)));
/* For use by its owner: it stays open for writing where the file system allows it, so that keys can
 * be made, rotated and destroyed later without access to the folder; else these answer DENIED.
 * DENIED: a symbolic link, another's file, or readable by group or others; AUTH: wrong pass phrase,
 * or one is needed and none was given; TRUNCATED, CORRUPT, SYNTAX (no key ring); UNSUPPORTED (made
 * by a newer version); NOT_FOUND. */
HIN_RESULT hin_ring_open(struct hin_ring **ret_ring, int directory, const char *path,
                         const struct hin_secret *passphrase, struct hin_error *error);
/* A ring of format 1 becomes one of format 2, old or new stands; nothing to do for others. */
HIN_RESULT hin_ring_upgrade(struct hin_ring *ring, struct hin_error *error)
    __attribute__((nonnull(1)));
/* For whoever is to write for long: one process at a time. Waits some seconds for one that is just
 * ending. Also removes what a change of protection that was cut off left. CONFLICT; DENIED: the
 * ring cannot be written. */
HIN_RESULT hin_ring_lock(struct hin_ring *ring, struct hin_error *error)
    __attribute__((nonnull(1)));
/* The same keys under a pass phrase (secret), a TPM (tpm and secret as for hin_ring_create_tpm) or
 * the mode alone (neither). After _lock and _upgrade. Cut off anywhere, the former guard or the new
 * one holds; what was there before is overwritten. Nothing can be written afterwards: open anew. */
HIN_RESULT hin_ring_protect(struct hin_ring *ring, const struct hin_ring_tpm *tpm,
                            const struct hin_secret *secret, struct hin_error *error)
    __attribute__((nonnull(1)));
/* As _open, but for looking at it alone, also while another process has it and writes it. */
HIN_RESULT hin_ring_read(struct hin_ring **ret_ring, int directory, const char *path,
                         const struct hin_secret *passphrase, struct hin_error *error);
/* Appends a ring of its own with the same keys, under this pass phrase alone; the ring itself stays
 * as it is. INVALID: there is no pass phrase. LIMIT. */
HIN_RESULT hin_ring_escrow(const struct hin_ring *ring, const struct hin_secret *passphrase,
                           struct hin_buf *ret_bytes) HIN_NONNULL;
/* Grows with each change of the ring. */
uint64_t hin_ring_generation(const struct hin_ring *ring) HIN_NONNULL;
void hin_ring_free(struct hin_ring *ring);
static inline void hin_ring_freep(struct hin_ring **ring)
{
    hin_ring_free(*ring);
}
/* The ring as a provider; valid as long as the ring. */
struct hin_key_provider hin_ring_provider(struct hin_ring *ring) HIN_NONNULL;

/* The file's bytes: for tests and fuzzing. decode takes what _open has read; such a ring cannot be
 * written. */
HIN_RESULT hin_ring_decode(struct hin_view bytes, const struct hin_secret *passphrase,
                           struct hin_ring **ret_ring, struct hin_error *error);

#endif
