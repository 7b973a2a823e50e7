/* A restore record: a key holder let a store (or a key ring) pass that is older than what the vault
 * knows, or newer. Signed by the keys process's checkpoint key for both generations (decision 24).
 *
 *     "HRS" 1 | id (16) | u8 what | u64 generation found | u64 generation known | u64 generation
 *     from here on | u64 key ring's generation found | u64 known | i64 time (usec) | tenant (bytes)
 * | holder (bytes) signature (64): Ed25519 over HIN_RESTORE_DOMAIN || all before */
#ifndef HIN_PROOF_RESTORE_H
#define HIN_PROOF_RESTORE_H

#include "base/buf.h"
#include "base/result.h"
#include "base/view.h"

#define HIN_RESTORE_DOMAIN "hinomi restore v1\n"

enum {
    HIN_RESTORE_NAME_BYTES = 64, /* of a tenant, of a holder; with NUL */
    HIN_RESTORE_ID_BYTES = 16,
    HIN_RESTORE_ID_TEXT_BYTES = 33,
    HIN_RESTORE_SIGNATURE_BYTES = 64,
    HIN_RESTORE_MAX_BYTES = 320, /* statement and signature */
};

enum hin_restore_what {
    HIN_RESTORE_STORE = 1,   /* the store is older than the vault knows */
    HIN_RESTORE_VAULT = 2,   /* the vault is older than the store */
    HIN_RESTORE_KEYRING = 3, /* the key ring alone is older than the vault knows */
    HIN_RESTORE_WHAT_COUNT
};

struct hin_restore {
    uint8_t id[HIN_RESTORE_ID_BYTES];
    enum hin_restore_what what;
    uint64_t found, known, next;     /* the store's generation, the vault's, both from here on; of
                                        KEYRING all are the same */
    uint64_t ring_found, ring_known; /* of the key ring; the same: it was not set back */
    int64_t time_usec;
    char tenant[HIN_RESTORE_NAME_BYTES]; /* UUID */
    char holder[HIN_RESTORE_NAME_BYTES]; /* who let it pass */
};

/* Appends the statement, without signature. */
HIN_RESULT hin_restore_encode(const struct hin_restore *restore,
                              struct hin_buf *ret_statement) HIN_NONNULL;
/* Statement and signature, which is not judged here. SYNTAX: no such record; UNSUPPORTED: of a
 * newer version; TRUNCATED. Views point into bytes. */
HIN_RESULT hin_restore_decode(struct hin_view bytes, struct hin_restore *ret_restore,
                              struct hin_view *ret_statement,
                              struct hin_view *ret_signature) HIN_NONNULL;
/* What is signed. */
HIN_RESULT hin_restore_text(struct hin_view statement, struct hin_buf *ret_text) HIN_NONNULL;
/* Is the signature one by the checkpoint key with this public part? AUTH. */
HIN_RESULT hin_restore_verify(struct hin_view public_key, struct hin_view statement,
                              struct hin_view signature);
void hin_restore_id_text(const struct hin_restore *restore,
                         char ret_text[HIN_RESTORE_ID_TEXT_BYTES]) HIN_NONNULL;
/* "the store", "the vault", "the key ring" */
const char *hin_restore_what_name(enum hin_restore_what what);

#endif
