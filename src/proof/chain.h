/* The audit record's hash chain, as whoever makes and whoever judges it share it.
 *
 *     hash = SHA-256(hash of the entry before (zeroes for the first) | u64 number | u64 time (usec)
 * | body) body = "HAE" | u8 version 1 | u8 kind | commitment (32) | [first u64 | last u64 | resume
 * (32)] | sealed value (seal/seal.h) of salt (16) | text commitment = SHA-256("hinomi audit entry
 * v1\n" | salt | text)
 *
 * The part in brackets stands in a gap entry (kind 2) alone: the record itself says that entries
 * first to last are lost or do not fit, and that the chain goes on from `resume` as the hash of
 * entry `last`. A body of versions before 1 is the sealed value alone ("HSV"): its text is not
 * bound. */
#ifndef HIN_PROOF_CHAIN_H
#define HIN_PROOF_CHAIN_H

#include "base/buf.h"
#include "base/result.h"
#include "base/view.h"
#include "crypt/hash.h"

enum {
    HIN_CHAIN_HASH_BYTES = HIN_SHA256_BYTES,
    HIN_CHAIN_SALT_BYTES = 16,
    HIN_CHAIN_HOLES_MAX = 64, /* accepted places that wait for the gap entry that names them */
};

enum hin_chain_kind { HIN_CHAIN_OLD = 0, HIN_CHAIN_ENTRY = 1, HIN_CHAIN_GAP = 2 };

/* Entries that cannot be proven, and the hash that the chain goes on from. */
struct hin_chain_hole {
    int64_t first, last;
    uint8_t resume[HIN_CHAIN_HASH_BYTES]; /* taken as the hash of entry `last` */
};

struct hin_chain_body {
    enum hin_chain_kind kind;
    uint8_t commitment[HIN_CHAIN_HASH_BYTES]; /* not of HIN_CHAIN_OLD */
    struct hin_chain_hole hole;               /* of HIN_CHAIN_GAP */
    struct hin_view sealed;
};

/* Appends what stands before the sealed value. INVALID for HIN_CHAIN_OLD. */
HIN_RESULT hin_chain_body_head(const struct hin_chain_body *body, struct hin_buf *out) HIN_NONNULL;
/* Views borrow. TRUNCATED, SYNTAX, UNSUPPORTED (a newer version). */
HIN_RESULT hin_chain_body_read(struct hin_view bytes, struct hin_chain_body *ret_body) HIN_NONNULL;
HIN_RESULT hin_chain_commit(struct hin_view salt, struct hin_view text,
                            uint8_t ret_commitment[HIN_CHAIN_HASH_BYTES]);
HIN_RESULT hin_chain_hash(const uint8_t before[HIN_CHAIN_HASH_BYTES], int64_t number,
                          int64_t time_usec, struct hin_view body,
                          uint8_t ret_hash[HIN_CHAIN_HASH_BYTES]);

/* An entry on its way through the verifier. salt and text: empty where the text is not at hand (it
 * cannot be opened, or nobody asks). */
struct hin_chain_link {
    int64_t number, time_usec;
    uint8_t hash[HIN_CHAIN_HASH_BYTES];
    struct hin_view body, salt, text;
};

enum hin_chain_why {
    HIN_CHAIN_FITS,
    HIN_CHAIN_CHANGED,    /* its hash does not follow from the entry before and its own content */
    HIN_CHAIN_TEXT,       /* the text shown is not the one that was written */
    HIN_CHAIN_MISSING,    /* a number was left out, and the record does not say so here */
    HIN_CHAIN_LOST,       /* likewise, but this entry says so itself: a gap entry */
    HIN_CHAIN_ORDER,      /* a number that was had already: reordered or inserted */
    HIN_CHAIN_MALFORMED,  /* the body is none */
    HIN_CHAIN_UNDECLARED, /* at the end: accepted, but no gap entry names it */
    HIN_CHAIN_WHY_COUNT
};
const char *hin_chain_why_text(enum hin_chain_why why);

struct hin_chain_fault {
    enum hin_chain_why why;
    int64_t number;             /* the entry at which it showed */
    struct hin_chain_hole hole; /* what cannot be proven for it */
};

/* Where a verification stands: bounded, whatever the length of the record. Starts zeroed. */
struct hin_chain {
    int64_t number; /* of the last entry; 0: none yet */
    uint8_t hash[HIN_CHAIN_HASH_BYTES];
    int64_t entries, unbound, unread; /* read; of those: of the old form; text not at hand */
    int64_t gaps;                     /* entries that are gap entries */
    int64_t lost;                     /* entries within accepted holes */
    struct hin_chain_hole holes[HIN_CHAIN_HOLES_MAX];
    size_t hole_count;
};

/* The next entry. CORRUPT: it does not fit, *ret_fault says why, and the chain stands as before. */
HIN_RESULT hin_chain_add(struct hin_chain *chain, const struct hin_chain_link *link,
                         struct hin_chain_fault *ret_fault) HIN_NONNULL;
/* Go on behind a fault, as if the hole were known: a gap entry further on must name it (LOST names
 * itself). INVALID for a fault that cannot be gone around (ORDER, TEXT, MALFORMED). */
HIN_RESULT hin_chain_skip(struct hin_chain *chain, const struct hin_chain_fault *fault) HIN_NONNULL;
/* After the last entry: CORRUPT when an accepted hole was never declared. */
HIN_RESULT hin_chain_end(const struct hin_chain *chain,
                         struct hin_chain_fault *ret_fault) HIN_NONNULL;

#endif
