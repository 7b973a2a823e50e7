/* Certificates and requests come from the network before anybody is trusted. */
#include <stdlib.h>

#include "crypt/x509.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hin_view bytes = hin_view_of(data, size);
    struct hin_x509_info info;
    struct hin_x509_key *key = NULL;
    HIN_CLEANUP(hin_buf_done) struct hin_buf der = {.max = 1 << 20};
    HIN_IGNORE(hin_x509_parse(bytes, &info));
    HIN_IGNORE(hin_x509_request_check(bytes, NULL));
    HIN_IGNORE(hin_x509_verify(bytes, bytes, HIN_X509_CA, 0));
    HIN_IGNORE(hin_x509_from_pem(bytes, &der));
    static const uint8_t nobody[HIN_SHA256_BYTES];
    if (hin_is_ok(hin_x509_succeeds(bytes, nobody))) {
        abort();
    }
    HIN_IGNORE(hin_x509_verify(bytes, bytes, HIN_X509_AGENT, 1));
    if (hin_is_ok(hin_x509_parse(bytes, &info))) {
        HIN_CLEANUP(hin_buf_done) struct hin_buf pem = {.max = 1 << 20};
        HIN_CLEANUP(hin_buf_done) struct hin_buf again = {.max = 1 << 20};
        char fingerprint[2 * HIN_SHA256_BYTES + 1];
        if (!hin_is_ok(hin_x509_to_pem(bytes, &pem)) ||
            !hin_is_ok(hin_x509_from_pem(hin_buf_view(&pem), &again)) ||
            again.size == 0 || /* DER: what came may be another form of BER */
            !hin_is_ok(hin_x509_fingerprint(bytes, fingerprint))) {
            abort();
        }
    }
    if (hin_is_ok(hin_x509_key_import(&key, bytes))) {
        HIN_CLEANUP(hin_secret_done) struct hin_secret secret = {0};
        if (!hin_is_ok(hin_x509_key_export(key, &secret))) {
            abort();
        }
        hin_x509_key_free(key);
    }
    return 0;
}
