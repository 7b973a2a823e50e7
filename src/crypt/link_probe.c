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

struct hin_result hin_tls_probe(int fd, const char *host, const struct hin_tls_offer *offer,
                                struct hin_tls_probe *ret_probe)
{
    HIN_CLEANUP(context_freep) SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    HIN_ENSURE(context != NULL, NO_MEMORY);
    HIN_TRY(prepare(context, offer));
    HIN_CLEANUP(session_freep) SSL *session = SSL_new(context);
    uint8_t address[16];
    struct hin_tls_probe probe = {0};
    HIN_ENSURE(session != NULL && SSL_set_fd(session, fd) == 1, NO_MEMORY);
    if (host != NULL && inet_pton(AF_INET, host, address) != 1 &&
        inet_pton(AF_INET6, host, address) != 1) {
        HIN_ENSURE(SSL_ctrl(session, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                            hin_tls_mutable_text(host)) == 1,
                   INVALID);
    }
    ERR_clear_error();
    errno = 0;
    int done = SSL_connect(session);
    if (done == 1) {
        probe.accepted = true;
        tell(session, &probe);
        (void)SSL_shutdown(session);
    } else {
        bool late = SSL_want_read(session) && (errno == EAGAIN || errno == EWOULDBLOCK);
        unsigned long error = ERR_peek_error();
        const char *reason = error != 0 ? ERR_reason_error_string(error) : NULL;
        snprintf(probe.text, sizeof(probe.text), "%s", reason != NULL ? reason : "closed");
        ERR_clear_error();
        HIN_ENSURE(!late, TIMEOUT);
    }
    ERR_clear_error();
    *ret_probe = probe;
    return hin_ok();
}
