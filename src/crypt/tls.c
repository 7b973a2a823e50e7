#include "crypt/tls.h"
#include "crypt/tls_internal.h"

#include <arpa/inet.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "crypt/x509_internal.h"

/* --- the policy --- */

#define SESSION_SECONDS (24 * 60 * 60)
#define CHAIN_DEPTH     4
#define CHAIN_BYTES     (64 * 1024)

struct role {
    enum hin_link_id link; /* whose policy */
    bool server;
    bool shows_certificate;
    bool needs_ca;
    bool needs_pin;
    bool by_name; /* the name decides, not whose authority it is */
    int verify;
};

static const struct role roles[HIN_TLS_ROLE_COUNT] = {
    [HIN_TLS_API_SERVER] = {HIN_LINK_API, true, true, true, false, false, SSL_VERIFY_NONE},
    [HIN_TLS_AGENT_SERVER] = {HIN_LINK_AGENTS, true, true, true, false, false, SSL_VERIFY_PEER},
    [HIN_TLS_AGENT_CLIENT] = {HIN_LINK_AGENTS, false, true, true, false, false, SSL_VERIFY_PEER},
    [HIN_TLS_ENROL_CLIENT] = {HIN_LINK_ENROLMENT, false, false, false, true, false,
                              SSL_VERIFY_PEER},
    [HIN_TLS_CLI_CLIENT] = {HIN_LINK_CLI, false, false, false, false, true, SSL_VERIFY_PEER},
    [HIN_TLS_SERVICE_CLIENT] = {HIN_LINK_KMS, false, false, false, false, true, SSL_VERIFY_PEER},
};

struct hin_tls {
    SSL_CTX *context;
    enum hin_tls_role role;
    X509 *ca;     /* trusted; with a pin alone: the authority last seen to match it */
    X509 *former; /* servers: trusted as well; NULL */
    X509 *seen;   /* clients: the authority under which a server was last verified */
    bool pinned;
    uint8_t pin[HIN_SHA256_BYTES]; /* of the authority, where that is all there is or clients
                                      look for its heirs */
    const struct hin_clock *clock;
    SSL_SESSION *last; /* clients: to be resumed */
};

/* --- trust --- */

/* The pinned authority, or one that took over from it. */
static bool is_pinned(const struct hin_tls *tls, X509 *certificate)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf der = {.max = HIN_X509_MAX_BYTES};
    return X509_check_ca(certificate) == 1 && hin_is_ok(hin_x509_encode(certificate, &der)) &&
           hin_is_ok(hin_x509_succeeds(hin_buf_view(&der), tls->pin));
}

/* Clients: the authority in the server's chain that this end trusts by fingerprint, or as an heir;
 * NULL when there is none. */
static X509 *find_pinned(const struct hin_tls *tls, X509_STORE_CTX *verification)
{
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_untrusted(verification);
    for (int i = 0; i < sk_X509_num(chain); i++) {
        if (is_pinned(tls, sk_X509_value(chain, i))) {
            return sk_X509_value(chain, i);
        }
    }
    return NULL;
}

/* X509_V_OK, or what is wrong with the time. A server tells an expired client certificate from a
 * wrong one, lets the handshake end, and hin_tls_peer says so: `renew` is all that is then allowed.
 */
static int judge_time(const struct hin_tls *tls, X509 *certificate, bool leaf)
{
    struct hin_x509_validity validity;
    int64_t now_usec = hin_clock_wall_usec(tls->clock);
    if (!hin_is_ok(hin_x509_validity_of(certificate, &validity))) {
        return X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD;
    }
    if (now_usec < validity.not_before_usec) {
        return X509_V_ERR_CERT_NOT_YET_VALID;
    }
    if (now_usec > validity.not_after_usec && !(leaf && tls->role == HIN_TLS_AGENT_SERVER)) {
        return X509_V_ERR_CERT_HAS_EXPIRED;
    }
    return X509_V_OK;
}

static int judge_chain(const struct hin_tls *tls, X509_STORE_CTX *verification)
{
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(verification);
    for (int i = 0; i < sk_X509_num(chain); i++) {
        int error = judge_time(tls, sk_X509_value(chain, i), i == 0);
        if (error != X509_V_OK) {
            return error;
        }
    }
    return X509_V_OK;
}

static bool push_anchor(STACK_OF(X509) * trusted, X509 *anchor)
{
    return anchor == NULL || sk_X509_push(trusted, anchor) > 0;
}

/* What this end trusts, borrowed; empty when it trusts nobody whom the peer has to do with. */
static bool gather(const struct hin_tls *tls, X509_STORE_CTX *verification,
                   STACK_OF(X509) * trusted)
{
    if (roles[tls->role].server) {
        return push_anchor(trusted, tls->ca) && push_anchor(trusted, tls->former);
    }
    X509 *pinned = find_pinned(tls, verification);
    return push_anchor(trusted, pinned) && (tls->pinned || push_anchor(trusted, tls->ca));
}

static bool verify_under(const struct hin_tls *tls, X509_STORE_CTX *verification)
{
    STACK_OF(X509) *trusted = sk_X509_new_null();
    if (trusted == NULL || !gather(tls, verification, trusted)) {
        sk_X509_free(trusted);
        X509_STORE_CTX_set_error(verification, X509_V_ERR_OUT_OF_MEM);
        return false;
    }
    bool good = false;
    if (sk_X509_num(trusted) == 0) {
        X509_STORE_CTX_set_error(verification, X509_V_ERR_CERT_UNTRUSTED);
    } else {
        X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(verification);
        X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_NO_CHECK_TIME | X509_V_FLAG_X509_STRICT);
        X509_STORE_CTX_set0_trusted_stack(verification, trusted);
        good = X509_verify_cert(verification) == 1;
        X509_STORE_CTX_set0_trusted_stack(verification, NULL);
    }
    sk_X509_free(trusted);
    return good;
}

static void note_seen(struct hin_tls *tls, X509_STORE_CTX *verification)
{
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(verification);
    X509 *last = sk_X509_num(chain) > 0 ? sk_X509_value(chain, sk_X509_num(chain) - 1) : NULL;
    if (!roles[tls->role].server && last != NULL && X509_up_ref(last) == 1) {
        X509_free(tls->seen);
        tls->seen = last;
    }
}

static int verify(X509_STORE_CTX *verification, void *context)
{
    struct hin_tls *tls = context;
    if (!tls->pinned && tls->ca == NULL) { /* the system's authorities, or those given */
        X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(verification),
                                   hin_clock_wall_usec(tls->clock) / HIN_SEC_USEC);
        return X509_verify_cert(verification);
    }
    if (!verify_under(tls, verification)) {
        return 0;
    }
    int error = judge_chain(tls, verification);
    X509_STORE_CTX_set_error(verification, error);
    if (error != X509_V_OK) {
        return 0;
    }
    note_seen(tls, verification);
    return 1;
}

/* --- making --- */

/* Copies are kept and copies are handed out: OpenSSL marks a session unusable when its connection
 * ends without a close alert, which is just when thousands of agents come back at once. */
static int remember_session(SSL *session, SSL_SESSION *state)
{
    struct hin_tls *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(session));
    SSL_SESSION *copy = SSL_SESSION_dup(state);
    if (copy != NULL) {
        SSL_SESSION_free(tls->last);
        tls->last = copy;
    }
    return 0; /* theirs still */
}

static HIN_RESULT offer_session(struct hin_tls *tls, SSL *session)
{
    /* Where the name decides, a session of one host says nothing about another. */
    bool resumable = tls->pinned || !roles[tls->role].by_name;
    if (!resumable || tls->last == NULL || !SSL_SESSION_is_resumable(tls->last)) {
        return hin_ok();
    }
    SSL_SESSION *copy = SSL_SESSION_dup(tls->last);
    HIN_ENSURE(copy != NULL, NO_MEMORY);
    bool set = SSL_set_session(session, copy) == 1;
    SSL_SESSION_free(copy);
    HIN_ENSURE(set, CRYPTO);
    return hin_ok();
}

static HIN_RESULT apply_policy(SSL_CTX *context, const struct hin_tls_options *options)
{
    const struct hin_link *link =
        options->link != NULL ? options->link : &hin_links[roles[options->role].link];
    HIN_ENSURE(link->tls, INVALID);
    int minimum = link->minimum == HIN_TLS_1_2 ? TLS1_2_VERSION : TLS1_3_VERSION;
    HIN_ENSURE(SSL_CTX_set_min_proto_version(context, minimum) == 1, CRYPTO);
    HIN_ENSURE(SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1, CRYPTO);
    HIN_ENSURE(link->suites_1_2 == NULL || SSL_CTX_set_cipher_list(context, link->suites_1_2) == 1,
               CRYPTO);
    HIN_ENSURE(SSL_CTX_set_ciphersuites(context, link->suites) == 1, CRYPTO);
    HIN_ENSURE(
        SSL_CTX_ctrl(context, SSL_CTRL_SET_GROUPS_LIST, 0, hin_tls_mutable_text(link->groups)) == 1,
        CRYPTO);
    HIN_ENSURE(SSL_CTX_ctrl(context, SSL_CTRL_SET_SIGALGS_LIST, 0,
                            hin_tls_mutable_text(link->signatures)) == 1,
               CRYPTO);
    SSL_CTX_set_security_level(context, 2);
    SSL_CTX_clear_options(context, SSL_OP_ALLOW_NO_DHE_KEX |
                                       SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION |
                                       SSL_OP_LEGACY_SERVER_CONNECT);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_max_early_data(context, 0);
    SSL_CTX_set_max_cert_list(context, CHAIN_BYTES);
    SSL_CTX_set_verify_depth(context, CHAIN_DEPTH);
    SSL_CTX_set_timeout(context, SESSION_SECONDS);
    return hin_ok();
}

static HIN_RESULT load_own(SSL_CTX *context, const struct hin_tls_options *options, X509 *ca)
{
    HIN_ENSURE(options->key != NULL && options->certificate.size > 0, INVALID);
    HIN_CLEANUP(hin_x509_freep) X509 *own = NULL;
    HIN_TRY(hin_x509_decode(options->certificate, &own));
    bool fits = SSL_CTX_use_certificate(context, own) == 1 &&
                SSL_CTX_use_PrivateKey(context, options->key->pair) == 1 &&
                SSL_CTX_check_private_key(context) == 1;
    ERR_clear_error();
    HIN_ENSURE(fits, INVALID);
    if (roles[options->role].server) {
        HIN_ENSURE(SSL_CTX_add1_chain_cert(context, ca) == 1, CRYPTO);
    } else {
        SSL_CTX_set_mode(context, SSL_MODE_NO_AUTO_CHAIN);
    }
    return hin_ok();
}

/* A session is only resumed by the same role under the same authority. */
static HIN_RESULT set_session_context(SSL_CTX *context, const struct hin_tls_options *options)
{
    HIN_CLEANUP(hin_sha256_freep) struct hin_sha256 *hash = NULL;
    uint8_t digest[HIN_SHA256_BYTES];
    uint8_t role = (uint8_t)options->role;
    HIN_TRY(hin_sha256_new(&hash));
    HIN_TRY(hin_sha256_begin(hash));
    HIN_TRY(hin_sha256_add(hash, hin_view_of(&role, 1)));
    HIN_TRY(hin_sha256_add(hash, options->ca));
    HIN_TRY(hin_sha256_add(hash, options->former));
    HIN_TRY(hin_sha256_end(hash, digest));
    HIN_ENSURE(SSL_CTX_set_session_id_context(context, digest, sizeof(digest)) == 1, CRYPTO);
    return hin_ok();
}

static HIN_RESULT set_resumption(SSL_CTX *context, const struct hin_tls_options *options)
{
    if (!roles[options->role].server) {
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(context, remember_session);
        return hin_ok();
    }
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF); /* tickets carry all state */
    HIN_ENSURE(SSL_CTX_set_num_tickets(context, 1) == 1, CRYPTO);
    HIN_TRY(set_session_context(context, options));
    if (options->ticket_key != NULL) {
        HIN_ENSURE(options->ticket_key->size == HIN_TLS_TICKET_KEY_BYTES, INVALID);
        HIN_ENSURE(SSL_CTX_set_tlsext_ticket_keys(context, options->ticket_key->data,
                                                  HIN_TLS_TICKET_KEY_BYTES) == 1,
                   CRYPTO);
    }
    return hin_ok();
}

/* All certificates of a PEM file into the store; SYNTAX: none, or a broken one. */
static HIN_RESULT load_authorities(SSL_CTX *context, struct hin_view pem)
{
    HIN_ENSURE(pem.size > 0 && pem.size <= INT_MAX, SYNTAX);
    X509_STORE *store = SSL_CTX_get_cert_store(context);
    BIO *from = BIO_new_mem_buf(pem.data, (int)pem.size);
    HIN_ENSURE(from != NULL, NO_MEMORY);
    size_t count = 0;
    X509 *certificate;
    bool stored = true;
    while (stored && (certificate = PEM_read_bio_X509(from, NULL, NULL, NULL)) != NULL) {
        stored = X509_STORE_add_cert(store, certificate) == 1;
        X509_free(certificate);
        count++;
    }
    /* It ends where no further block begins; all else is damage. */
    bool whole = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    BIO_free(from);
    HIN_ENSURE(count > 0 && stored && whole, SYNTAX);
    return hin_ok();
}

static HIN_RESULT trust_former(struct hin_tls *tls, const struct hin_tls_options *options)
{
    if (options->former.size == 0) {
        return hin_ok();
    }
    HIN_TRY(hin_x509_decode(options->former, &tls->former));
    HIN_ENSURE(X509_check_ca(tls->former) == 1 &&
                   SSL_CTX_add_client_CA(tls->context, tls->former) == 1,
               INVALID);
    return hin_ok();
}

static HIN_RESULT set_trust(struct hin_tls *tls, const struct hin_tls_options *options)
{
    const struct role *role = &roles[options->role];
    HIN_ENSURE(!role->needs_ca || options->ca.size > 0, INVALID);
    HIN_ENSURE(!role->needs_pin || options->ca_fingerprint != NULL, INVALID);
    /* Servers and agents trust by certificate; the pin is for those who have none yet. */
    if (options->ca_fingerprint != NULL && !role->needs_ca) {
        HIN_ENSURE(hin_is_ok(hin_unhex(hin_view_from_text(options->ca_fingerprint), tls->pin,
                                       sizeof(tls->pin))),
                   INVALID);
        tls->pinned = true;
    } else if (options->ca.size > 0) {
        HIN_TRY(hin_x509_decode(options->ca, &tls->ca));
        HIN_ENSURE(X509_check_ca(tls->ca) == 1, INVALID);
        HIN_TRY(hin_sha256(options->ca, tls->pin));
    } else if (options->role == HIN_TLS_SERVICE_CLIENT) {
        HIN_TRY(load_authorities(tls->context, options->authorities));
    } else {
        HIN_ENSURE(SSL_CTX_set_default_verify_paths(tls->context) == 1, CRYPTO);
    }
    SSL_CTX_set_verify(tls->context, role->verify, NULL);
    SSL_CTX_set_cert_verify_callback(tls->context, verify, tls);
    if (options->role == HIN_TLS_AGENT_SERVER) {
        HIN_ENSURE(SSL_CTX_add_client_CA(tls->context, tls->ca) == 1, CRYPTO);
        return trust_former(tls, options);
    }
    return hin_ok();
}

struct hin_result hin_tls_new(struct hin_tls **ret_tls, const struct hin_tls_options *options)
{
    HIN_ENSURE(options->role < HIN_TLS_ROLE_COUNT, INVALID);
    HIN_CLEANUP(hin_tls_freep) struct hin_tls *tls = calloc(1, sizeof(*tls));
    HIN_ENSURE(tls != NULL, NO_MEMORY);
    tls->role = options->role;
    tls->clock = options->clock != NULL ? options->clock : hin_clock_system();
    tls->context =
        SSL_CTX_new(roles[options->role].server ? TLS_server_method() : TLS_client_method());
    HIN_ENSURE(tls->context != NULL, CRYPTO);
    HIN_ENSURE(SSL_CTX_set_app_data(tls->context, tls) == 1, CRYPTO);
    HIN_TRY(apply_policy(tls->context, options));
    HIN_TRY(set_trust(tls, options));
    HIN_TRY(set_resumption(tls->context, options));
    if (roles[options->role].shows_certificate) {
        HIN_TRY(load_own(tls->context, options, tls->ca));
    }
    *ret_tls = tls;
    tls = NULL;
    return hin_ok();
}

void hin_tls_free(struct hin_tls *tls)
{
    if (tls == NULL) {
        return;
    }
    SSL_SESSION_free(tls->last);
    SSL_CTX_free(tls->context);
    X509_free(tls->ca);
    X509_free(tls->former);
    X509_free(tls->seen);
    free(tls);
}

struct ssl_ctx_st *hin_tls_context(struct hin_tls *tls)
{
    return tls->context;
}

/* --- connections --- */

static void session_freep(SSL **session)
{
    SSL_free(*session);
}

static HIN_RESULT aim(struct hin_tls *tls, SSL *session, const char *host)
{
    bool by_name = !tls->pinned && roles[tls->role].by_name;
    if (host == NULL) {
        HIN_ENSURE(!by_name || tls->ca != NULL, INVALID);
        return hin_ok();
    }
    uint8_t address[16];
    bool literal =
        inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
    if (!literal) {
        HIN_ENSURE(SSL_ctrl(session, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                            hin_tls_mutable_text(host)) == 1,
                   INVALID);
    }
    if (by_name) {
        X509_VERIFY_PARAM *param = SSL_get0_param(session);
        X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        HIN_ENSURE(literal ? X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1
                           : X509_VERIFY_PARAM_set1_host(param, host, 0) == 1,
                   INVALID);
    }
    return hin_ok();
}

struct hin_result hin_tls_session(struct hin_tls *tls, const char *host,
                                  struct ssl_st **ret_session)
{
    HIN_CLEANUP(session_freep) SSL *session = SSL_new(tls->context);
    HIN_ENSURE(session != NULL, NO_MEMORY);
    if (roles[tls->role].server) {
        SSL_set_accept_state(session);
    } else {
        HIN_TRY(aim(tls, session, host));
        SSL_set_connect_state(session);
        HIN_TRY(offer_session(tls, session));
    }
    *ret_session = session;
    session = NULL;
    return hin_ok();
}

static HIN_RESULT judge_peer(const struct hin_tls *tls, const struct hin_x509_info *info,
                             enum hin_tls_peer_state *ret_state)
{
    int64_t now_usec = hin_clock_wall_usec(tls->clock);
    HIN_ENSURE(tls->role != HIN_TLS_AGENT_SERVER || info->kind == HIN_X509_AGENT, AUTH);
    HIN_ENSURE(now_usec >= info->validity.not_before_usec, AUTH);
    *ret_state =
        now_usec > info->validity.not_after_usec ? HIN_TLS_PEER_EXPIRED : HIN_TLS_PEER_VALID;
    return hin_ok();
}

struct hin_result hin_tls_peer(struct hin_tls *tls, const struct ssl_st *session,
                               struct hin_tls_peer *ret_peer)
{
    HIN_ENSURE(SSL_is_init_finished(session), AGAIN);
    HIN_ENSURE(SSL_get_verify_result(session) == X509_V_OK, AUTH);
    struct hin_tls_peer peer = {.state = HIN_TLS_PEER_NONE,
                                .resumed = SSL_session_reused(session) == 1};
    X509 *certificate = SSL_get0_peer_certificate(session);
    if (certificate != NULL) {
        struct hin_result result = hin_x509_read(certificate, &peer.certificate);
        ERR_clear_error();
        HIN_ENSURE(result.code == HIN_OK, AUTH);
        HIN_TRY(judge_peer(tls, &peer.certificate, &peer.state));
    } else {
        HIN_ENSURE(roles[tls->role].server, AUTH);
    }
    snprintf(peer.version, sizeof(peer.version), "%s", SSL_get_version(session));
    snprintf(peer.suite, sizeof(peer.suite), "%s",
             SSL_CIPHER_get_name(SSL_get_current_cipher(session)));
    *ret_peer = peer;
    return hin_ok();
}

struct hin_result hin_tls_peer_ca(const struct ssl_st *session, struct hin_buf *ret_der)
{
    HIN_ENSURE(SSL_is_init_finished(session), AGAIN);
    STACK_OF(X509) *chain = SSL_get0_verified_chain(session);
    if (sk_X509_num(chain) > 0) {
        return hin_x509_encode(sk_X509_value(chain, sk_X509_num(chain) - 1), ret_der);
    }
    /* Resumed: what was verified when the session began. */
    const struct hin_tls *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(session));
    X509 *known = tls->seen != NULL ? tls->seen : tls->ca;
    HIN_ENSURE(known != NULL, NOT_FOUND);
    return hin_x509_encode(known, ret_der);
}

struct hin_result hin_tls_seen_ca(const struct hin_tls *tls, struct hin_buf *ret_der)
{
    HIN_ENSURE(tls->seen != NULL, NOT_FOUND);
    return hin_x509_encode(tls->seen, ret_der);
}

/* --- why it failed --- */

struct reason {
    int number;
    enum hin_code code;
};

static const struct reason reasons[] = {
    {SSL_R_UNSUPPORTED_PROTOCOL, HIN_UNSUPPORTED},
    {SSL_R_WRONG_VERSION_NUMBER, HIN_PROTOCOL},
    {SSL_R_HTTP_REQUEST, HIN_PROTOCOL},
    {SSL_R_NO_SHARED_CIPHER, HIN_UNSUPPORTED},
    {SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, HIN_UNSUPPORTED},
    {SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, HIN_UNSUPPORTED},
    {SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE, HIN_UNSUPPORTED},
    {SSL_R_TLSV1_ALERT_INSUFFICIENT_SECURITY, HIN_UNSUPPORTED},
    {SSL_R_TLSV1_ALERT_UNKNOWN_CA, HIN_AUTH},
    {SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, HIN_AUTH},
    {SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE, HIN_AUTH},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, HIN_AUTH},
    {SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, HIN_AUTH},
    {SSL_R_TLSV1_ALERT_ACCESS_DENIED, HIN_AUTH},
    {SSL_R_TLSV1_ALERT_DECRYPT_ERROR, HIN_AUTH},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, HIN_EXPIRED},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED, HIN_REVOKED},
    {SSL_R_UNEXPECTED_EOF_WHILE_READING, HIN_CLOSED},
};

static enum hin_code code_of_error(unsigned long error)
{
    if (ERR_GET_LIB(error) == ERR_LIB_SSL) {
        for (size_t i = 0; i < HIN_COUNT(reasons); i++) {
            if (reasons[i].number == ERR_GET_REASON(error)) {
                return reasons[i].code;
            }
        }
    }
    return HIN_PROTOCOL;
}

enum hin_code hin_tls_failure(const struct ssl_st *session, char *text, size_t text_bytes)
{
    long verdict = session != NULL ? SSL_get_verify_result(session) : X509_V_OK;
    unsigned long error = ERR_peek_error();
    enum hin_code code = HIN_CLOSED;
    const char *what = "the connection was closed";
    if (verdict != X509_V_OK) {
        code = verdict == X509_V_ERR_CERT_HAS_EXPIRED ? HIN_EXPIRED : HIN_AUTH;
        what = X509_verify_cert_error_string(verdict);
    } else if (error != 0) {
        code = code_of_error(error);
        what = ERR_reason_error_string(error);
    }
    if (text != NULL && text_bytes > 0) {
        snprintf(text, text_bytes, "%s", what != NULL ? what : "unknown");
    }
    ERR_clear_error();
    return code;
}
