/* Every link between programs and hosts that the product has: who speaks to whom, in which
 * protocol, and, where that is TLS, which versions, suites and groups are permitted. This table is
 * the only place that states them: crypt/tls.h makes its contexts from it, the store's connection
 * asks it, `hinomi tls report` compares what is with it. A new link is a new row. */
#ifndef HIN_CRYPT_LINK_H
#define HIN_CRYPT_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"
#include "base/view.h"

struct ssl_st; /* OpenSSL's SSL */

enum hin_tls_version { HIN_TLS_1_3 = 0, HIN_TLS_1_2 = 1 /* 1.2 and up */ };
const char *hin_tls_version_name(enum hin_tls_version version); /* "TLSv1.3", as libpq has it too */

enum hin_link_id {
    HIN_LINK_API,
    HIN_LINK_CLI,
    HIN_LINK_AGENTS,
    HIN_LINK_ENROLMENT,
    HIN_LINK_DATABASE,
    HIN_LINK_KMS,
    HIN_LINK_DATABASE_SOCKET,
    HIN_LINK_PROCESSES,
    HIN_LINK_NOTIFY,
    HIN_LINK_CLOCK,
    HIN_LINK_DEPOT_S3,
    HIN_LINK_DEPOT_SFTP,
    HIN_LINK_COUNT
};

struct hin_link {
    const char *name;
    const char *from, *to;
    const char *protocol; /* the real one */
    bool tls;             /* the next five are its; without it they are 0 and NULL */
    enum hin_tls_version minimum;
    const char *suites;     /* of 1.3, by ':' as OpenSSL reads them, best first */
    const char *suites_1_2; /* NULL where the minimum is 1.3 */
    const char *groups;
    const char *signatures;
    const char *proof; /* how the peer is proven */
    const char *file;  /* where the link is made */
};
extern const struct hin_link hin_links[HIN_LINK_COUNT];

/* The nth name of a list with ':', empty when there is none. list may be NULL. */
struct hin_view hin_link_list_at(const char *list, size_t n);
/* Whether a session is what the row permits; group NULL: not known, not judged. */
bool hin_link_permits(const struct hin_link *link, const char *version, const char *suite,
                      const char *group);

/* ---- what was negotiated ---- */

/* Names are those of the policy; whatever it does not know is counted as the last of each, "other".
 * All fields are numbers, in this order. */
enum { HIN_TALLY_VERSIONS = 3, HIN_TALLY_SUITES = 10, HIN_TALLY_GROUPS = 4 };
struct hin_tls_tally {
    uint64_t sessions, resumed;
    uint64_t versions[HIN_TALLY_VERSIONS];
    uint64_t suites[HIN_TALLY_SUITES];
    uint64_t groups[HIN_TALLY_GROUPS]; /* none is counted where it is not known */
};
enum { HIN_TALLY_NUMBERS = sizeof(struct hin_tls_tally) / sizeof(uint64_t) };

struct hin_view hin_tally_version(size_t n);
struct hin_view hin_tally_suite(size_t n);
struct hin_view hin_tally_group(size_t n);
/* group: NULL where it is not known. */
void hin_tls_tally_add(struct hin_tls_tally *tally, const char *version, const char *suite,
                       const char *group, bool resumed);
/* A session whose handshake is done. */
void hin_tls_tally_session(struct hin_tls_tally *tally, struct ssl_st *session);
void hin_tls_tally_sum(struct hin_tls_tally *into, const struct hin_tls_tally *from) HIN_NONNULL;
/* Whether the row permits all that was counted under the nth version, suite or group. */
bool hin_link_permits_version(const struct hin_link *link, struct hin_view version);
bool hin_link_permits_suite(const struct hin_link *link, struct hin_view suite);
bool hin_link_permits_group(const struct hin_link *link, struct hin_view group);

/* ---- what a listener accepts ---- */

/* Handshakes that a client may try, most of which must be refused. */
struct hin_tls_offer {
    const char *name;
    int version; /* OpenSSL's number; the only one offered */
    const char *suites;
    const char *suites_1_3;
    const char *groups;
    bool weak; /* no row permits it */
};
extern const struct hin_tls_offer hin_tls_offers[];
extern const size_t hin_tls_offer_count;
bool hin_link_permits_offer(const struct hin_link *link, const struct hin_tls_offer *offer);

/* Whether the row permits the version that is offered, whatever the suites. */
bool hin_link_permits_offer_version(const struct hin_link *link, const struct hin_tls_offer *offer);

/* What is weak about a name of the policy, in words; NULL: nothing that is on the list
 * (link_weak.c).
 */
const char *hin_suite_weakness(struct hin_view suite);
const char *hin_group_weakness(struct hin_view group);
const char *hin_signature_weakness(struct hin_view signature);

struct hin_tls_probe {
    bool accepted; /* the listener chose from the offer, whatever became of the handshake then */
    char version[16], suite[64], group[24]; /* where it was; the group of a whole handshake only */
    char text[120];                         /* why the handshake failed, where it did */
};
/* One handshake on a connected, blocking socket, with just what is offered. Nothing else is sent
 * and the peer is not verified: it is about what the listener accepts. TIMEOUT: no answer within
 * the socket's own limit; CRYPTO: this host's OpenSSL cannot offer that, so nothing was asked.
 * SIGPIPE is ignored by the caller. The socket stays the caller's. host: for SNI, or NULL. */
HIN_RESULT hin_tls_probe(int fd, const char *host, const struct hin_tls_offer *offer,
                         struct hin_tls_probe *ret_probe);

#endif
