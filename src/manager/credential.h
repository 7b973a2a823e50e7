/* Makes the documents of people and programs that may come in: API keys, administrators, enrolment
 * tokens. Only digests and hashes are stored; the secret itself is given out once, by these
 * functions. */
#ifndef HIN_MANAGER_CREDENTIAL_H
#define HIN_MANAGER_CREDENTIAL_H

#include "base/secret.h"
#include "crypt/hash.h"
#include "crypt/token.h"
#include "data/json.h"
#include "manager/tenant.h"

struct hin_credential_api_key {
    struct hin_view name;
    int64_t role;
    int64_t administrator; /* who signed in for it; 0: none */
    int64_t expires_usec;  /* 0: never */
    struct hin_json
        body; /* what a client asked for beside that, judged already; no value: nothing */
};
/* ret_secret: the key's text, the caller's to free. */
HIN_RESULT hin_credential_api_key_new(struct hin_tenant *tenant,
                                      const struct hin_credential_api_key *wanted,
                                      struct hin_secret *ret_secret, int64_t *ret_id);

#define HIN_CREDENTIAL_TOKEN_TTL_USEC (24 * HIN_HOUR_USEC) /* unless another is wanted */
struct hin_credential_token {
    struct hin_view description;
    int64_t uses; /* 0: any number */
    int64_t ttl_usec;
    int64_t policy; /* 0: the default policy */
};
HIN_RESULT hin_credential_token_new(struct hin_tenant *tenant,
                                    const struct hin_credential_token *wanted,
                                    struct hin_secret *ret_secret, int64_t *ret_id);

struct hin_credential_administrator {
    struct hin_view username;
    struct hin_view full_name, mail; /* empty: not told */
    struct hin_view password;
    bool one_time; /* good for one sign-in, which must set another */
    int64_t role;
    struct hin_json body;
};
HIN_RESULT hin_credential_administrator_new(struct hin_tenant *tenant,
                                            const struct hin_credential_administrator *wanted,
                                            int64_t *ret_id);

/* What whoever starts with a new tenant is given: an administrator with a one-time password, an API
 * key and an enrolment token, all with full access. The secrets are the caller's to free. */
struct hin_credential_first {
    struct hin_secret password, api_key, token;
};
struct hin_credential_contact { /* of the administrator */
    struct hin_view username;
    struct hin_view full_name, mail; /* empty: not told */
};
HIN_RESULT hin_credential_first_new(struct hin_tenant *tenant,
                                    const struct hin_credential_contact *administrator,
                                    struct hin_credential_first *ret_first);
/* What a body may say too: at most 255 bytes without control characters, a mail address with one
 * '@' and no space. */
bool hin_credential_name_is_valid(struct hin_view name);
bool hin_credential_mail_is_valid(struct hin_view mail);
void hin_credential_first_done(struct hin_credential_first *first);

/* The name under which a secret of this kind is found again: SHA-256 of its canonical text, in hex.
 * SYNTAX: it is not a secret of this kind at all. */
HIN_RESULT hin_credential_digest(enum hin_token_kind kind, struct hin_view secret,
                                 char ret_hex[HIN_SHA256_HEX_BYTES]);

#endif
