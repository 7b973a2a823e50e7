/* The TLS policy, in one place. TLS 1.3; 1.2 only where the caller allows it; AEAD suites with
 * ephemeral elliptic curves only (X25519, P-256, P-384), no compression, no renegotiation, no early
 * data. Resumption by tickets, always with a fresh Diffie-Hellman (psk_dhe_ke), since a full mutual
 * handshake costs a millisecond of CPU.
 *
 * A struct hin_tls is one end's settings; hin_tls_session makes one connection's SSL object, which
 * any event loop may drive (bufferevent_openssl_socket_new, or SSL_set_bio). Objects of OpenSSL
 * appear by their struct names so that this header needs none of OpenSSL's. A struct hin_tls must
 * outlive its sessions. Not thread-safe. */
#ifndef HIN_CRYPT_TLS_H
#define HIN_CRYPT_TLS_H

#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"
#include "base/view.h"
#include "crypt/x509.h"

struct ssl_st;     /* OpenSSL's SSL */
struct ssl_ctx_st; /* OpenSSL's SSL_CTX */

enum hin_tls_version { HIN_TLS_1_3 = 0, HIN_TLS_1_2 = 1 /* 1.2 and up */ };

enum hin_tls_role {
    HIN_TLS_API_SERVER,     /* one-way: needs certificate, key, ca */
    HIN_TLS_AGENT_SERVER,   /* asks for a client certificate of `ca`; enrolment comes without one,
                               renewal with one that has expired: see hin_tls_peer. Needs certificate,
                               key, ca */
    HIN_TLS_AGENT_CLIENT,   /* trusts `ca` and its heirs alone and shows its certificate. Needs
                             * certificate, key, ca
                             */
    HIN_TLS_ENROL_CLIENT,   /* the server's chain must hold an authority whose SHA-256 is
                               ca_fingerprint; no certificate */
    HIN_TLS_CLI_CLIENT,     /* trusts ca_fingerprint, or else `ca`, or else the system's authorities
                               (host then required) */
    HIN_TLS_SERVICE_CLIENT, /* of somebody else's service: trusts `authorities`, by name (host
                               required) */
    HIN_TLS_ROLE_COUNT
};

struct hin_tls_options {
    enum hin_tls_role role;
    enum hin_tls_version minimum;   /* HIN_TLS_1_3 unless policy says otherwise */
    struct hin_view certificate;    /* own certificate, DER */
    const struct hin_x509_key *key; /* its key; borrowed during _new only */
    struct hin_view
        ca; /* authority, DER; servers send it along, so that clients can pin its fingerprint */
    struct hin_view former;        /* agent server: an authority whose certificates still count */
    struct hin_view authorities;   /* PEM, any number: who vouches for a service */
    const char *ca_fingerprint;    /* 64 hex digits of either case, or NULL */
    const struct hin_clock *clock; /* for validity; NULL = the machine's. Must outlive the object */
    const struct hin_secret
        *ticket_key; /* servers: HIN_TLS_TICKET_KEY_BYTES shared by all workers, so that a session
                        resumes at any of them and after a restart; NULL = one of its own */
};
#define HIN_TLS_TICKET_KEY_BYTES 80

struct hin_tls;
/* INVALID when a part that the role needs is missing or does not fit (key and certificate of
 * different pairs). */
HIN_RESULT hin_tls_new(struct hin_tls **ret_tls, const struct hin_tls_options *options) HIN_NONNULL;
void hin_tls_free(struct hin_tls *tls);
static inline void hin_tls_freep(struct hin_tls **tls)
{
    hin_tls_free(*tls);
}
struct ssl_ctx_st *hin_tls_context(struct hin_tls *tls) HIN_NONNULL; /* borrowed */

/* One connection, in accept or connect state by the role. host: the name or address a client means
 * to reach: sent as SNI when it is a name; compared with the certificate when trust is not by pin
 * (with a pinned authority of our own the authority and the serverAuth usage decide, since managers
 * are reached by many names). NULL for servers. Clients resume their last session by themselves.
 * The caller frees it (SSL_free, or the bufferevent does). */
HIN_RESULT hin_tls_session(struct hin_tls *tls, const char *host, struct ssl_st **ret_session);

enum hin_tls_peer_state {
    HIN_TLS_PEER_NONE,  /* came without a certificate: may enrol, nothing else */
    HIN_TLS_PEER_VALID, /* of our authority and in time. Revocation is the store's affair: look the
                           serial up */
    HIN_TLS_PEER_EXPIRED, /* of our authority but past its time: may renew within the grace, nothing
                             else */
};
struct hin_tls_peer {
    enum hin_tls_peer_state state;
    struct hin_x509_info certificate; /* zero when state is NONE */
    bool resumed;
    char version[16]; /* "TLSv1.3" */
    char suite[64];
};
/* After the handshake; judged by the clock anew at each call, so a long session sees its
 * certificate expire. AUTH when the peer's certificate is not one the role accepts. AGAIN before
 * the handshake is done. */
HIN_RESULT hin_tls_peer(struct hin_tls *tls, const struct ssl_st *session,
                        struct hin_tls_peer *ret_peer) HIN_NONNULL;
/* Clients: the authority that the server's chain ended in, DER appended (an enrolling agent keeps
 * it as its pin). */
HIN_RESULT hin_tls_peer_ca(const struct ssl_st *session, struct hin_buf *ret_der) HIN_NONNULL;
/* Clients: the authority under which this end last verified a server, DER appended: `ca`, the
 * pinned one, or an heir of either (hin_x509_succeeds), which the caller then keeps in its place.
 * NOT_FOUND: nothing was verified yet. */
HIN_RESULT hin_tls_seen_ca(const struct hin_tls *tls, struct hin_buf *ret_der) HIN_NONNULL;
/* Why a handshake failed, for log and audit: a code (AUTH, EXPIRED, PROTOCOL, UNSUPPORTED...) and a
 * short text, from the session's verdict and this thread's OpenSSL error queue, which is emptied.
 * text may be NULL. */
enum hin_code hin_tls_failure(const struct ssl_st *session, char *text, size_t text_bytes);

#endif
