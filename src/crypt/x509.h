/* Keys and certificates of our own authority: EC P-256 with SHA-256, X.509 v3 (RFC 5280), PKCS#10
 * requests (RFC 2986). Certificates travel as DER in views and buffers; PEM only at the edges.
 * Times are microseconds since the epoch, UTC, and come in as arguments. A private key never leaves
 * its object but as a hin_secret. */
#ifndef HIN_CRYPT_X509_H
#define HIN_CRYPT_X509_H

#include "base/buf.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/view.h"
#include "crypt/hash.h"

#define HIN_X509_MAX_BYTES    16384 /* the longest certificate, request or chain element we read */
#define HIN_X509_NAME_BYTES   64    /* a tenant or agent identifier with its NUL */
#define HIN_X509_SERIAL_BYTES 41    /* serial in lower-case hex with its NUL */

/* A tenant's or agent's identifier: 1 to 63 letters, digits, '.', '_', '-'. */
bool hin_x509_name_is_clean(struct hin_view name);

/* --- private keys --- */
struct hin_x509_key;
HIN_RESULT hin_x509_key_generate(struct hin_x509_key **ret_key) HIN_NONNULL;
/* PKCS#8 DER, unencrypted: to be sealed or wrapped by the caller. */
HIN_RESULT hin_x509_key_export(const struct hin_x509_key *key,
                               struct hin_secret *ret_der) HIN_NONNULL;
/* SYNTAX when it is no PKCS#8 key; UNSUPPORTED when it is not P-256 (or P-384). */
HIN_RESULT hin_x509_key_import(struct hin_x509_key **ret_key, struct hin_view der) HIN_NONNULL;
void hin_x509_key_free(struct hin_x509_key *key);
static inline void hin_x509_key_freep(struct hin_x509_key **key)
{
    hin_x509_key_free(*key);
}
/* SHA-256 of the SubjectPublicKeyInfo: names the key pair whatever the certificate around it. */
HIN_RESULT hin_x509_key_id(const struct hin_x509_key *key,
                           uint8_t ret_digest[HIN_SHA256_BYTES]) HIN_NONNULL;

/* --- what is written into certificates --- */
enum hin_x509_kind {
    HIN_X509_OTHER,  /* none of ours */
    HIN_X509_CA,     /* basicConstraints CA, keyCertSign */
    HIN_X509_SERVER, /* extendedKeyUsage serverAuth */
    HIN_X509_AGENT,  /* extendedKeyUsage clientAuth, SAN urn:hinomi:tenant:ID:agent:UUID */
};

struct hin_x509_validity {
    int64_t not_before_usec; /* whole seconds count */
    int64_t not_after_usec;
};

/* All appended outputs are DER. */

/* A self-signed authority. common_name at most 63 bytes. */
HIN_RESULT hin_x509_ca_new(const struct hin_x509_key *key, const char *common_name,
                           const struct hin_x509_validity *validity,
                           struct hin_buf *ret_der) HIN_NONNULL;
struct hin_x509_issuer {
    struct hin_view ca_der;
    const struct hin_x509_key *key; /* of the CA; INVALID when it is another's */
};
/* An authority that takes over from another: inside its certificate stands the former one's, and
 * the former one's signature that hands over to this key. So whoever trusts the former authority
 * can tell that this one is its heir, wherever the certificate turns up. LIMIT: the line has become
 * longer than a certificate may be (about a dozen). */
HIN_RESULT hin_x509_ca_succeed(const struct hin_x509_key *key, const char *common_name,
                               const struct hin_x509_validity *validity,
                               const struct hin_x509_issuer *former,
                               struct hin_buf *ret_der) HIN_NONNULL;
#define HIN_X509_SUCCESSOR_MAX_BYTES 8192
/* The authority with this fingerprint, or an heir of it, at any remove. AUTH otherwise. */
HIN_RESULT hin_x509_succeeds(struct hin_view ca_der,
                             const uint8_t fingerprint[HIN_SHA256_BYTES]) HIN_NONNULL;
/* A request signed by the key. */
HIN_RESULT hin_x509_request_new(const struct hin_x509_key *key, const char *common_name,
                                struct hin_buf *ret_der) HIN_NONNULL;
/* Proof of possession and our key policy. SYNTAX malformed (or bytes left over), AUTH signature
 * wrong, UNSUPPORTED key type. ret_key_id (may be NULL): SHA-256 of its SubjectPublicKeyInfo. */
HIN_RESULT hin_x509_request_check(struct hin_view request_der, uint8_t *ret_key_id);

/* From the request only the public key is taken, nothing of what it asks for. Serial: 127 random
 * bits. A validity that outlives the CA is cut to the CA's. tenant, agent: letters, digits, '.',
 * '_' and '-', INVALID otherwise. */
HIN_RESULT hin_x509_issue_agent(const struct hin_x509_issuer *issuer, struct hin_view request_der,
                                const char *tenant, const char *agent,
                                const struct hin_x509_validity *validity,
                                struct hin_buf *ret_der) HIN_NONNULL;
/* names: DNS names and IP addresses as text, at least one, at most 64; the first becomes the common
 * name. */
HIN_RESULT hin_x509_issue_server(const struct hin_x509_issuer *issuer, struct hin_view request_der,
                                 const char *const *names, size_t name_count,
                                 const struct hin_x509_validity *validity,
                                 struct hin_buf *ret_der) HIN_NONNULL;

/* --- reading --- */
struct hin_x509_info {
    enum hin_x509_kind kind;
    char tenant[HIN_X509_NAME_BYTES]; /* agents only, else "" */
    char agent[HIN_X509_NAME_BYTES];
    char serial[HIN_X509_SERIAL_BYTES];
    char fingerprint[HIN_SHA256_HEX_BYTES]; /* SHA-256 of the DER */
    uint8_t key_id[HIN_SHA256_BYTES];       /* SHA-256 of the SubjectPublicKeyInfo */
    char authority[HIN_X509_SERIAL_BYTES];  /* key identifier of the issuer in hex; "": not told */
    struct hin_x509_validity validity;
};
/* Says what the certificate claims; trust is tls.h's or hin_x509_verify's affair. SYNTAX when
 * malformed, when bytes are left over, or when CN and URI of an agent contradict each other. */
HIN_RESULT hin_x509_parse(struct hin_view der, struct hin_x509_info *ret_info) HIN_NONNULL;
/* Signature, chain to this CA, usage and time. AUTH, or EXPIRED when the time alone is past. */
HIN_RESULT hin_x509_verify(struct hin_view der, struct hin_view ca_der, enum hin_x509_kind kind,
                           int64_t now_usec);
/* Statements of the authority that are no certificates: ECDSA with SHA-256 over `message`, DER. The
 * caller's message begins with a domain of its own, whose first byte is none of DER's SEQUENCE
 * (0x30), so that no certificate can be had by it: INVALID otherwise. */
HIN_RESULT hin_x509_sign(const struct hin_x509_key *key, struct hin_view message,
                         struct hin_buf *ret_signature) HIN_NONNULL;
/* By the key of this authority's certificate? AUTH; SYNTAX when the certificate is none of a CA. */
HIN_RESULT hin_x509_verify_statement(struct hin_view ca_der, struct hin_view message,
                                     struct hin_view signature);
/* The same for many statements of one authority, whose certificate is read once. */
struct hin_x509_authority;
HIN_RESULT hin_x509_authority_new(struct hin_x509_authority **ret_authority,
                                  struct hin_view ca_der) HIN_NONNULL;
void hin_x509_authority_free(struct hin_x509_authority *authority);
HIN_RESULT hin_x509_authority_verify(const struct hin_x509_authority *authority,
                                     struct hin_view message,
                                     struct hin_view signature) HIN_NONNULL;
/* SHA-256 of the DER in lower-case hex. */
HIN_RESULT hin_x509_fingerprint(struct hin_view der,
                                char ret_text[HIN_SHA256_HEX_BYTES]) HIN_NONNULL;

/* --- PEM (RFC 7468) --- */
HIN_RESULT hin_x509_to_pem(struct hin_view der, struct hin_buf *ret_pem) HIN_NONNULL;
/* The first CERTIFICATE block. */
HIN_RESULT hin_x509_from_pem(struct hin_view pem, struct hin_buf *ret_der) HIN_NONNULL;

#endif
