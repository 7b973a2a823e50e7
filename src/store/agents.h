/* What the manager remembers about each agent's connection: counters, acknowledgements,
 * certificates, revocations. Numbers stand in the clear (they say nothing about a person); the blob
 * is sealed. */
#ifndef HIN_STORE_AGENTS_H
#define HIN_STORE_AGENTS_H

#include "store/store.h"

#define HIN_STORE_SERIAL_MAX 20 /* bytes, RFC 5280 4.1.2.2 */

struct hin_store_agent {
    int64_t id;                /* computer id */
    uint64_t session_counter;  /* highest seen */
    uint64_t spool_generation; /* of the acknowledged sequence */
    uint64_t acked_sequence;
    int64_t last_seen_usec;
    int64_t clock_offset_usec;
    struct hin_view blob; /* sealed; the caller's format (last checkpoint and the like) */
};

/* NOT_FOUND when nothing is known yet. blob lies in buf. */
HIN_RESULT hin_store_agent_get(struct hin_store *store, int64_t id, struct hin_buf *buf,
                               struct hin_store_agent *ret_agent) HIN_NONNULL;
/* Accepts a session counter: CONFLICT when it is not above the highest seen (a cloned or restored
 * folder), which is then left as it was. One transaction. */
HIN_RESULT hin_store_agent_session(struct hin_store *store, int64_t id, uint64_t counter,
                                   int64_t now_usec) HIN_NONNULL;
/* After an approval: whatever the agent says next is accepted. */
HIN_RESULT hin_store_agent_reset(struct hin_store *store, int64_t id) HIN_NONNULL;
HIN_RESULT hin_store_agent_blob(struct hin_store *store, int64_t id,
                                struct hin_view blob) HIN_NONNULL;

struct hin_store_seen {
    int64_t agent;
    int64_t seen_usec;
    int64_t clock_offset_usec;
};
/* Heartbeats, many in one transaction. */
HIN_RESULT hin_store_agents_seen(struct hin_store *store, const struct hin_store_seen *seen,
                                 size_t count);
/* Agents last seen before a time, ids ascending, after `after_id`. */
HIN_RESULT hin_store_agents_list(struct hin_store *store, int64_t after_id, size_t limit,
                                 HIN_RESULT (*visit)(void *context,
                                                     const struct hin_store_agent *agent),
                                 void *context);
HIN_RESULT hin_store_agent_forget(struct hin_store *store, int64_t id) HIN_NONNULL;

struct hin_store_certificate {
    uint8_t serial[HIN_STORE_SERIAL_MAX];
    size_t serial_bytes;
    int64_t agent;
    int64_t not_after_usec;
    int64_t revoked_usec; /* 0: not revoked */
};
HIN_RESULT
hin_store_certificate_put(struct hin_store *store,
                          const struct hin_store_certificate *certificate) HIN_NONNULL; /* EXISTS */
HIN_RESULT hin_store_certificate_get(struct hin_store *store, struct hin_view serial,
                                     struct hin_store_certificate *ret_certificate)
    HIN_NONNULL; /* NOT_FOUND */
/* How many agents that are not revoked have no certificate that lasts beyond `before_usec`. */
HIN_RESULT hin_store_certificates_ending(struct hin_store *store, int64_t before_usec,
                                         uint64_t *ret_count) HIN_NONNULL;
/* Revoke all of an agent's certificates that are not yet. */
HIN_RESULT hin_store_certificates_revoke(struct hin_store *store, int64_t agent,
                                         int64_t now_usec) HIN_NONNULL;
/* Revoked and not yet expired: what a listener keeps in memory. */
HIN_RESULT hin_store_certificates_revoked(
    struct hin_store *store, int64_t now_usec,
    HIN_RESULT (*visit)(void *context, const struct hin_store_certificate *c), void *context);

#endif
