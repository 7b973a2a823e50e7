/* A key sealed in a TPM 2 (TCG TPM 2.0 Library 1.59, parts 1 to 3), by the TSS's ESYS over a
 * descriptor: a resource-managed device (/dev/tpmrm0) or a socket that speaks the same (swtpm).
 * For a process of its own: the TSS is foreign code.
 *
 * The object hangs below a storage key (ECC P-256, the TCG's template) that the TPM derives anew
 * each time from its owner seed: the same TPM, not cleared, has the same one. Its name is kept, so
 * that another TPM is told, and what goes over the bus is encrypted to that very key. With a PIN,
 * wrong ones count towards the TPM's dictionary attack lockout.
 *
 * Sealed object, version 1 (little-endian):
 *   0  "HTP" 1
 *   4  u16 size, name of the storage key
 *   .  u16 size, TPM2B_PUBLIC, as the TPM marshals it
 *   .  u16 size, TPM2B_PRIVATE, the same */
#ifndef HIN_KMS_TPM_TPM_H
#define HIN_KMS_TPM_TPM_H

#include "base/buf.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/view.h"

enum { HIN_TPM_KEY_BYTES = 32, HIN_TPM_BLOB_MAX = 1024, HIN_TPM_PCR_COUNT = 24 };

/* What the TPM is to ask for before it opens. */
struct hin_tpm_terms {
    uint32_t pcrs;                /* bits: of the SHA-256 bank; as they are when it seals */
    const struct hin_secret *pin; /* NULL or empty: none */
};

/* The parts of a sealed object, borrowed. TRUNCATED, SYNTAX, UNSUPPORTED. */
struct hin_tpm_blob {
    struct hin_view parent, public_area, private_area;
};
HIN_RESULT hin_tpm_blob_read(struct hin_view bytes, struct hin_tpm_blob *ret_blob) HIN_NONNULL;
HIN_RESULT hin_tpm_blob_write(const struct hin_tpm_blob *blob, struct hin_buf *out) HIN_NONNULL;

struct hin_tpm;
/* fd is borrowed. NETWORK and IO: it does not answer; error says so in words, as everywhere here.
 */
HIN_RESULT hin_tpm_open(int fd, struct hin_tpm **ret_tpm, struct hin_error *error) HIN_NONNULL;
void hin_tpm_free(struct hin_tpm *tpm);
/* key: HIN_TPM_KEY_BYTES. Appends at most HIN_TPM_BLOB_MAX bytes. */
HIN_RESULT hin_tpm_seal(struct hin_tpm *tpm, const struct hin_tpm_terms *terms,
                        const struct hin_secret *key, struct hin_buf *ret_blob,
                        struct hin_error *error) HIN_NONNULL;
/* The same terms as when it was sealed. AUTH: wrong PIN, which the TPM has counted; LIMIT: it is
 * locked after too many of them; CONFLICT: PCRs hold something else; REVOKED: another TPM, or this
 * one was cleared. */
HIN_RESULT hin_tpm_unseal(struct hin_tpm *tpm, const struct hin_tpm_terms *terms,
                          struct hin_view blob, struct hin_secret *ret_key,
                          struct hin_error *error) HIN_NONNULL;

#endif
