/* The whole chain of evidence, followed from its first record to the end that the audit record
 * names, with the holes in it and who has acknowledged them. */
#ifndef HIN_MANAGER_PROBE_CHAIN_H
#define HIN_MANAGER_PROBE_CHAIN_H

#include "manager/probe/record.h"

enum { HIN_RECORD_HOLES_MAX = 64, HIN_RECORD_WHY_BYTES = 256, HIN_RECORD_BY_BYTES = 96 };

struct hin_record_hole {
    struct hin_evidence_hole hole;
    char why[HIN_RECORD_WHY_BYTES]; /* what is wrong with the first of it */
    char by[HIN_RECORD_BY_BYTES];   /* who acknowledged it */
    int64_t acknowledged_msec;
};
struct hin_record_chain {
    int64_t count; /* records that fit */
    struct hin_record_hole holes[HIN_RECORD_HOLES_MAX];
    size_t hole_count;
    int64_t lost;   /* records in holes */
    int64_t broken; /* number of the first that is lost and that nobody has acknowledged; 0: none */
};

/* How far the chain was followed, kept by whoever follows it again and again: records that are
 * still the same to the byte, judged by the same authorities, are read and compared but not judged
 * anew. In memory alone: what lies in the store is what is doubted. Starts zeroed. */
struct hin_record_followed {
    int64_t number;                   /* the last record of those; 0: none */
    uint8_t digest[HIN_SHA256_BYTES]; /* of the authorities and all records up to it */
    struct hin_evidence_chain chain;  /* there */
    struct hin_record_chain found;    /* up to there */
    struct hin_record_hole open;
};

/* Every record is there, verified by one of the authorities (a retired one where the chain vouches
 * for it), and the newest is the one that the audit record names last. CORRUPT: ret_chain->broken,
 * and the error says how it breaks; holes that were acknowledged do not break it. ret_chain is
 * filled in in either case. followed: NULL, or moved on. */
HIN_RESULT hin_record_verify(struct hin_tenant *own, const struct hin_record_judges *judges,
                             struct hin_record_followed *followed,
                             struct hin_record_chain *ret_chain, struct hin_error *error)
    __attribute__((nonnull(1, 2, 4)));

/* A key holder (`by`) knows of the loss of just these records: it is recorded, signed and chained;
 * what is lost stays lost. NOT_FOUND: no such hole; EXISTS: it is acknowledged; CONFLICT: the audit
 * record does not say what was lost. With a sentence. */
HIN_RESULT hin_record_acknowledge(struct hin_tenant *own, const struct hin_record_judges *judges,
                                  struct hin_record_followed *followed,
                                  const struct hin_evidence_loss *loss, int64_t now_usec,
                                  int64_t *ret_number, struct hin_error *error)
    __attribute__((nonnull(1, 2, 4, 6)));

#endif
