/* A client that is meant to be refused: it offers what the policy rules out, so its contexts are
 * made from its own table and not from a row of the policy. It carries no data. */
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>

#include "base/bytes.h"
#include "crypt/link.h"
#include "crypt/tls_internal.h"

#define ANY    "ALL:@SECLEVEL=0"
#define ANY_13 "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256"
#define CURVES "X25519:P-256:P-384"

const struct hin_tls_offer hin_tls_offers[] = {
    {"TLS 1.0", TLS1_VERSION, ANY, "", CURVES, true},
    {"TLS 1.1", TLS1_1_VERSION, ANY, "", CURVES, true},
    {"TLS 1.2, CBC suites", TLS1_2_VERSION, "ECDHE+AES:!AESGCM:!AESCCM:@SECLEVEL=0", "", CURVES,
     true},
    {"TLS 1.2, RSA key exchange", TLS1_2_VERSION, "kRSA:@SECLEVEL=0", "", CURVES, true},
    {"TLS 1.2, AEAD with ECDHE", TLS1_2_VERSION, "ECDHE+AESGCM:ECDHE+CHACHA20", "", CURVES, false},
    {"TLS 1.3, CCM suites", TLS1_3_VERSION, ANY, "TLS_AES_128_CCM_SHA256:TLS_AES_128_CCM_8_SHA256",
     CURVES, true},
    {"TLS 1.3, groups not listed", TLS1_3_VERSION, ANY, ANY_13, "P-521:ffdhe2048", true},
    {"TLS 1.3", TLS1_3_VERSION, ANY, ANY_13, CURVES, false},
};
const size_t hin_tls_offer_count = HIN_COUNT(hin_tls_offers);

bool hin_link_permits_offer(const struct hin_link *link, const struct hin_tls_offer *offer)
{
    return link->tls && !offer->weak &&
           (offer->version == TLS1_3_VERSION || link->minimum == HIN_TLS_1_2);
}

bool hin_link_permits_offer_version(const struct hin_link *link, const struct hin_tls_offer *offer)
{
    return link->tls && (offer->version == TLS1_3_VERSION ||
                         (offer->version == TLS1_2_VERSION && link->minimum == HIN_TLS_1_2));
}

static void context_freep(SSL_CTX **context)
{
    SSL_CTX_free(*context);
}

static void session_freep(SSL **session)
{
    SSL_free(*session);
}

static HIN_RESULT prepare(SSL_CTX *context, const struct hin_tls_offer *offer)
{
    bool set = SSL_CTX_set_min_proto_version(context, offer->version) == 1 &&
               SSL_CTX_set_max_proto_version(context, offer->version) == 1 &&
               SSL_CTX_set_cipher_list(context, offer->suites) == 1 &&
               (offer->suites_1_3[0] == '\0' ||
                SSL_CTX_set_ciphersuites(context, offer->suites_1_3) == 1) &&
               SSL_CTX_ctrl(context, SSL_CTRL_SET_GROUPS_LIST, 0,
                            hin_tls_mutable_text(offer->groups)) == 1;
    ERR_clear_error();
    HIN_ENSURE(set, CRYPTO);
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    return hin_ok();
}

static void tell(SSL *session, struct hin_tls_probe *probe)
{
    struct hin_tls_tally tally = {0};
    hin_tls_tally_session(&tally, session);
    for (size_t i = 0; i < HIN_TALLY_GROUPS; i++) {
        if (tally.groups[i] > 0) {
            snprintf(probe->group, sizeof(probe->group), "%.*s", HIN_ARGS(hin_tally_group(i)));
        }
    }
    snprintf(probe->version, sizeof(probe->version), "%s", SSL_get_version(session));
    snprintf(probe->suite, sizeof(probe->suite), "%s", SSL_get_cipher_name(session));
}

/* ---- what went over the wire ---- */

struct wire {
    bool offered;  /* our hello went out: else nobody was asked anything */
    bool answered; /* a hello came back */
};

/* RFC 8446, 4.1.3: a hello that asks for another one is none yet; it has this for its random,
 * behind type and length (4) and version (2). */
static bool is_retry(struct hin_view message)
{
    static const uint8_t retry[] = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11,
                                    0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
                                    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e,
                                    0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};
    return hin_view_equal(hin_view_sub(message, 4 + 2, sizeof(retry)),
                          hin_view_of(retry, sizeof(retry)));
}

static void watch(int sent, int version, int type, const void *bytes, size_t size, SSL *session,
                  void *context)
{
    struct wire *wire = context;
    struct hin_view message = hin_view_of(bytes, size);
    (void)version;
    (void)session;
    if (type != SSL3_RT_HANDSHAKE || size == 0) {
        return;
    }
    wire->offered = wire->offered || (sent == 1 && message.data[0] == SSL3_MT_CLIENT_HELLO);
    wire->answered = wire->answered ||
                     (sent == 0 && message.data[0] == SSL3_MT_SERVER_HELLO && !is_retry(message));
}

/* The handshake failed after the peer had chosen from the offer: it asks for a certificate that a
 * stranger does not have, or this side cannot go on with what it offered. A hello with a version or
 * a suite that was not offered leaves no suite pending. */
static bool has_chosen(SSL *session, const struct wire *wire)
{
    return wire->answered && SSL_get_pending_cipher(session) != NULL;
}

static void tell_chosen(SSL *session, struct hin_tls_probe *probe)
{
    probe->accepted = true;
    snprintf(probe->version, sizeof(probe->version), "%s", SSL_get_version(session));
    snprintf(probe->suite, sizeof(probe->suite), "%s",
             SSL_CIPHER_get_name(SSL_get_pending_cipher(session)));
}

static HIN_RESULT judge_failure(SSL *session, const struct wire *wire, bool late,
                                struct hin_tls_probe *probe)
{
    unsigned long error = ERR_peek_error();
    const char *reason = error != 0 ? ERR_reason_error_string(error) : NULL;
    snprintf(probe->text, sizeof(probe->text), "%s", reason != NULL ? reason : "closed");
    if (has_chosen(session, wire)) {
        tell_chosen(session, probe);
        return hin_ok();
    }
    HIN_ENSURE(!late, TIMEOUT);
    HIN_ENSURE(wire->offered, CRYPTO);
    return hin_ok();
}

struct hin_result hin_tls_probe(int fd, const char *host, const struct hin_tls_offer *offer,
                                struct hin_tls_probe *ret_probe)
{
    HIN_CLEANUP(context_freep) SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    HIN_ENSURE(context != NULL, NO_MEMORY);
    HIN_TRY(prepare(context, offer));
    HIN_CLEANUP(session_freep) SSL *session = SSL_new(context);
    uint8_t address[16];
    struct hin_tls_probe probe = {0};
    struct wire wire = {0};
    struct hin_result judged = hin_ok();
    HIN_ENSURE(session != NULL && SSL_set_fd(session, fd) == 1, NO_MEMORY);
    if (host != NULL && inet_pton(AF_INET, host, address) != 1 &&
        inet_pton(AF_INET6, host, address) != 1) {
        HIN_ENSURE(SSL_ctrl(session, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                            hin_tls_mutable_text(host)) == 1,
                   INVALID);
    }
    SSL_set_msg_callback(session, watch);
    SSL_set_msg_callback_arg(session, &wire);
    ERR_clear_error();
    errno = 0;
    int done = SSL_connect(session);
    if (done == 1) {
        probe.accepted = true;
        tell(session, &probe);
        (void)SSL_shutdown(session);
    } else {
        bool late = SSL_want_read(session) && (errno == EAGAIN || errno == EWOULDBLOCK);
        judged = judge_failure(session, &wire, late, &probe);
    }
    ERR_clear_error();
    HIN_TRY(judged);
    *ret_probe = probe;
    return hin_ok();
}
