#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include "base/bytes.h"
#include "io/stream_internal.h"

struct reason_row {
    int from;
    enum hin_handshake_reason to;
};

static const struct reason_row by_error[] = {
    {SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, HIN_HANDSHAKE_NO_CERTIFICATE},
    {SSL_R_UNSUPPORTED_PROTOCOL, HIN_HANDSHAKE_VERSION},
    {SSL_R_VERSION_TOO_LOW, HIN_HANDSHAKE_VERSION},
    {SSL_R_VERSION_TOO_HIGH, HIN_HANDSHAKE_VERSION},
    {SSL_R_WRONG_SSL_VERSION, HIN_HANDSHAKE_VERSION},
    {SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, HIN_HANDSHAKE_VERSION},
    {SSL_R_NO_SHARED_CIPHER, HIN_HANDSHAKE_SUITE},
    {SSL_R_NO_SUITABLE_KEY_SHARE, HIN_HANDSHAKE_SUITE},
    {SSL_R_NO_SUITABLE_GROUPS, HIN_HANDSHAKE_SUITE},
    {SSL_R_NO_SHARED_GROUPS, HIN_HANDSHAKE_SUITE},
    {SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, HIN_HANDSHAKE_SUITE},
    {SSL_R_WRONG_VERSION_NUMBER, HIN_HANDSHAKE_NOT_TLS},
    {SSL_R_HTTP_REQUEST, HIN_HANDSHAKE_NOT_TLS},
    {SSL_R_HTTPS_PROXY_REQUEST, HIN_HANDSHAKE_NOT_TLS},
    {SSL_R_UNKNOWN_PROTOCOL, HIN_HANDSHAKE_NOT_TLS},
    {SSL_R_PACKET_LENGTH_TOO_LONG, HIN_HANDSHAKE_NOT_TLS},
    {SSL_R_BAD_RECORD_TYPE, HIN_HANDSHAKE_NOT_TLS},
    {SSL_R_UNEXPECTED_EOF_WHILE_READING, HIN_HANDSHAKE_CLOSED},
};

static const struct reason_row by_verdict[] = {
    {X509_V_ERR_CERT_HAS_EXPIRED, HIN_HANDSHAKE_CERTIFICATE_EXPIRED},
    {X509_V_ERR_CERT_NOT_YET_VALID, HIN_HANDSHAKE_CERTIFICATE_EXPIRED},
    {X509_V_ERR_CERT_REVOKED, HIN_HANDSHAKE_CERTIFICATE_REVOKED},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, HIN_HANDSHAKE_CERTIFICATE_UNTRUSTED},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, HIN_HANDSHAKE_CERTIFICATE_UNTRUSTED},
    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, HIN_HANDSHAKE_CERTIFICATE_UNTRUSTED},
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, HIN_HANDSHAKE_CERTIFICATE_UNTRUSTED},
    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, HIN_HANDSHAKE_CERTIFICATE_UNTRUSTED},
    {X509_V_ERR_CERT_UNTRUSTED, HIN_HANDSHAKE_CERTIFICATE_UNTRUSTED},
    {X509_V_ERR_CERT_SIGNATURE_FAILURE, HIN_HANDSHAKE_CERTIFICATE_UNTRUSTED},
};

static bool look_up(const struct reason_row *rows, size_t count, int from,
                    enum hin_handshake_reason *ret_reason)
{
    for (size_t i = 0; i < count; i++) {
        if (rows[i].from == from) {
            *ret_reason = rows[i].to;
            return true;
        }
    }
    return false;
}

enum hin_handshake_reason handshake_reason(const SSL *ssl, int ssl_error)
{
    unsigned long fault = ERR_peek_last_error();
    int reason = ERR_GET_REASON(fault);
    enum hin_handshake_reason found = HIN_HANDSHAKE_OTHER;
    if (ssl_error == SSL_ERROR_SYSCALL || ssl_error == SSL_ERROR_ZERO_RETURN) {
        return HIN_HANDSHAKE_CLOSED;
    }
    if (fault == 0 || ERR_GET_LIB(fault) != ERR_LIB_SSL) {
        return HIN_HANDSHAKE_OTHER;
    }
    if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
        return look_up(by_verdict, HIN_COUNT(by_verdict), (int)SSL_get_verify_result(ssl), &found)
                   ? found
                   : HIN_HANDSHAKE_CERTIFICATE_OTHER;
    }
    if (look_up(by_error, HIN_COUNT(by_error), reason, &found)) {
        return found;
    }
    return reason >= SSL_AD_REASON_OFFSET ? HIN_HANDSHAKE_PEER_ALERT : HIN_HANDSHAKE_OTHER;
}

const char *hin_handshake_reason_name(enum hin_handshake_reason reason)
{
    static const char *const names[] = {
#define X(name, label) [HIN_HANDSHAKE_##name] = label,
        HIN_HANDSHAKE_REASONS(X)
#undef X
    };
    return (size_t)reason < HIN_COUNT(names) ? names[reason] : "unknown";
}
