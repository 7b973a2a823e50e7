/* Signed checkpoints: how far the manager's record is, signed by the keys process. Agents keep
 * them, so that a database that was cut or put back from an old copy is noticed at the next hello
 * or heartbeat; people keep them outside (`hinomi audit checkpoint`), to prove the audit record by.
 *
 *     "HINC" | u16 version | tenant (16) | i64 time (usec) | u64 audit number | audit hash (32) |
 *     u64 last event ID
 *     signature (64): Ed25519 over HIN_CHECKPOINT_DOMAIN || all before */
#ifndef HIN_PROOF_CHECKPOINT_H
#define HIN_PROOF_CHECKPOINT_H

#include "base/buf.h"
#include "base/result.h"
#include "base/view.h"

/* The same as keys/vault.h's, which keys/vault.c checks. */
#define HIN_CHECKPOINT_DOMAIN "hinomi checkpoint v1\n"

enum {
    HIN_CHECKPOINT_VERSION = 1,
    HIN_CHECKPOINT_STATEMENT_BYTES = 4 + 2 + 16 + 8 + 8 + 32 + 8,
    HIN_CHECKPOINT_SIGNATURE_BYTES = 64,
};

struct hin_checkpoint {
    uint8_t tenant[16];
    int64_t time_usec;
    uint64_t audit_number;
    uint8_t audit_hash[32];
    uint64_t last_event_id;
};

/* Appends the statement, without signature. */
HIN_RESULT hin_checkpoint_encode(const struct hin_checkpoint *checkpoint,
                                 struct hin_buf *out) HIN_NONNULL;
/* Statement and signature: PROTOCOL for another magic, UNSUPPORTED for a newer version, TRUNCATED
 * or SYNTAX for another length. The signature is not judged here. */
HIN_RESULT hin_checkpoint_decode(struct hin_view bytes, struct hin_checkpoint *ret_checkpoint,
                                 struct hin_view *ret_statement,
                                 struct hin_view *ret_signature) HIN_NONNULL;

/* Is the signature one by the checkpoint key with this public part? AUTH. */
HIN_RESULT hin_checkpoint_verify(struct hin_view public_key, struct hin_view statement,
                                 struct hin_view signature);

/* Is what was seen ahead of what there is now? Then the record went back. */
static inline bool hin_checkpoint_is_ahead(const struct hin_checkpoint *seen, uint64_t audit_number,
                                           uint64_t last_event_id)
{
    return seen->audit_number > audit_number || seen->last_event_id > last_event_id;
}

#endif
