#include "manager/credential.h"

#include "base/bytes.h"
#include "crypt/password.h"
#include "manager/holders.h"
#include "manager/worker/api/document.h"
#include "manager/worker/api/tables.h"
#include "store/documents.h"

enum { DOCUMENT_MAX = 65536 };

HIN_RESULT hin_credential_digest(enum hin_token_kind kind, struct hin_view secret,
                                 char ret_hex[HIN_SHA256_HEX_BYTES])
{
    uint8_t digest[HIN_SHA256_BYTES];
    HIN_TRY(hin_token_hash(kind, secret, digest));
    hin_hex(digest, sizeof(digest), ret_hex);
    return hin_ok();
}

static HIN_RESULT store_new(struct hin_tenant *tenant, enum hin_store_kind kind,
                            const struct hin_api_attributes *attributes, struct hin_json body,
                            const struct hin_api_patches *patches,
                            struct hin_store_content *content, int64_t *ret_id)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = DOCUMENT_MAX};
    HIN_TRY(hin_api_merge(attributes, (struct hin_json){0}, body, patches, &text));
    content->bytes = hin_buf_view(&text);
    return hin_store_create(tenant->store, kind, content, hin_tenant_now_usec(tenant), ret_id);
}

static HIN_RESULT new_secret(const struct hin_tenant *tenant, enum hin_token_kind kind,
                             struct hin_secret *ret_secret, char ret_hex[HIN_SHA256_HEX_BYTES])
{
    struct hin_secret secret = {0};
    HIN_TRY(hin_token_new(kind, &secret));
    struct hin_result digested = hin_token_name_tenant(&secret, (uint64_t)tenant->number);
    if (hin_is_ok(digested)) {
        digested = hin_credential_digest(kind, hin_secret_view(&secret), ret_hex);
    }
    if (!hin_is_ok(digested)) {
        hin_secret_done(&secret);
        return digested;
    }
    *ret_secret = secret;
    return hin_ok();
}

static HIN_RESULT store_api_key(struct hin_tenant *tenant,
                                const struct hin_credential_api_key *wanted, const char *digest,
                                int64_t *ret_id)
{
    struct hin_api_patches patches = {0};
    struct hin_store_content content = {
        .names = {hin_view_from_text(digest)},
        .owner = wanted->administrator,
        .expires_usec = wanted->expires_usec,
    };
    int64_t now_usec = hin_tenant_now_usec(tenant);
    HIN_TRY(hin_api_patch_text(&patches, "keyName", wanted->name));
    HIN_TRY(hin_api_patch_int(&patches, "roleID", wanted->role));
    HIN_TRY(hin_api_patch_int(&patches, "created", now_usec / HIN_MSEC_USEC));
    HIN_TRY(hin_api_patch_text(&patches, "secretDigest", hin_view_from_text(digest)));
    if (wanted->body.node == NULL) {
        HIN_TRY(hin_api_patch_bool(&patches, "active", true));
    }
    if (wanted->administrator != 0) {
        HIN_TRY(hin_api_patch_int(&patches, "administratorID", wanted->administrator));
    }
    if (wanted->expires_usec != 0) {
        HIN_TRY(hin_api_patch_int(&patches, "expiryDate", wanted->expires_usec / HIN_MSEC_USEC));
    }
    return store_new(tenant, HIN_STORE_API_KEYS, &hin_api_apikey, wanted->body, &patches, &content,
                     ret_id);
}

HIN_RESULT hin_credential_api_key_new(struct hin_tenant *tenant,
                                      const struct hin_credential_api_key *wanted,
                                      struct hin_secret *ret_secret, int64_t *ret_id)
{
    struct hin_secret secret = {0};
    char digest[HIN_SHA256_HEX_BYTES];
    HIN_TRY(new_secret(tenant, HIN_TOKEN_API_KEY, &secret, digest));
    struct hin_result stored = store_api_key(tenant, wanted, digest, ret_id);
    if (!hin_is_ok(stored)) {
        hin_secret_done(&secret);
        return stored;
    }
    *ret_secret = secret;
    return hin_ok();
}

static HIN_RESULT store_token(struct hin_tenant *tenant, const struct hin_credential_token *wanted,
                              const char *digest, int64_t *ret_id)
{
    struct hin_api_patches patches = {0};
    int64_t now_usec = hin_tenant_now_usec(tenant);
    int64_t expires_usec = now_usec + wanted->ttl_usec;
    struct hin_store_content content = {
        .names = {hin_view_from_text(digest)},
        .expires_usec = expires_usec,
    };
    HIN_TRY(hin_api_patch_text(&patches, "description", wanted->description));
    HIN_TRY(hin_api_patch_int(&patches, "uses", wanted->uses));
    HIN_TRY(hin_api_patch_int(&patches, "used", 0));
    HIN_TRY(hin_api_patch_int(&patches, "policyID", wanted->policy));
    HIN_TRY(hin_api_patch_int(&patches, "created", now_usec / HIN_MSEC_USEC));
    HIN_TRY(hin_api_patch_int(&patches, "expiryDate", expires_usec / HIN_MSEC_USEC));
    HIN_TRY(hin_api_patch_text(&patches, "tokenDigest", hin_view_from_text(digest)));
    return store_new(tenant, HIN_STORE_ENROLMENT_TOKENS, &hin_api_enrolment_token,
                     (struct hin_json){0}, &patches, &content, ret_id);
}

HIN_RESULT hin_credential_token_new(struct hin_tenant *tenant,
                                    const struct hin_credential_token *wanted,
                                    struct hin_secret *ret_secret, int64_t *ret_id)
{
    struct hin_secret secret = {0};
    char digest[HIN_SHA256_HEX_BYTES];
    HIN_TRY(new_secret(tenant, HIN_TOKEN_ENROLMENT, &secret, digest));
    struct hin_result stored = store_token(tenant, wanted, digest, ret_id);
    if (!hin_is_ok(stored)) {
        hin_secret_done(&secret);
        return stored;
    }
    *ret_secret = secret;
    return hin_ok();
}

HIN_RESULT hin_credential_administrator_new(struct hin_tenant *tenant,
                                            const struct hin_credential_administrator *wanted,
                                            int64_t *ret_id)
{
    struct hin_api_patches patches = {0};
    struct hin_store_content content = {.names = {wanted->username}};
    char hash[HIN_PASSWORD_TEXT_BYTES];
    int64_t now_msec = hin_tenant_now_usec(tenant) / HIN_MSEC_USEC;
    HIN_TRY(hin_password_encode(wanted->password, hash));
    HIN_TRY(hin_api_patch_text(&patches, "username", wanted->username));
    HIN_TRY(hin_api_patch_int(&patches, "roleID", wanted->role));
    HIN_TRY(hin_api_patch_bool(&patches, "oneTime", wanted->one_time));
    HIN_TRY(hin_api_patch_int(&patches, "created", now_msec));
    HIN_TRY(hin_api_patch_int(&patches, "lastPasswordChange", now_msec));
    HIN_TRY(hin_api_patch_int(&patches, "unsuccessfulSignInAttempts", 0));
    HIN_TRY(hin_api_patch_text(&patches, "passwordHash", hin_view_from_text(hash)));
    if (wanted->full_name.size > 0) {
        HIN_TRY(hin_api_patch_text(&patches, "fullName", wanted->full_name));
    }
    if (wanted->mail.size > 0) {
        HIN_TRY(hin_api_patch_text(&patches, "emailAddress", wanted->mail));
    }
    if (wanted->body.node == NULL) {
        HIN_TRY(hin_api_patch_bool(&patches, "active", true));
    }
    return store_new(tenant, HIN_STORE_ADMINISTRATORS, &hin_api_administrator, wanted->body,
                     &patches, &content, ret_id);
}

/* The first administrator is the first key holder, by the key that is given with it. */
static HIN_RESULT first_holder(struct hin_tenant *tenant, struct hin_view administrator,
                               int64_t key)
{
    struct hin_holders holders = {.limit = HIN_HOLDERS_LIMIT};
    bool fits = administrator.size > 0 && administrator.size < HIN_HOLDER_NAME_BYTES;
    HIN_TRY(hin_holders_add(&holders, fits ? administrator : HIN_VIEW("first"), key,
                            hin_tenant_now_usec(tenant)));
    return hin_holders_save(tenant, &holders);
}

static HIN_RESULT first_new(struct hin_tenant *tenant, const struct hin_credential_contact *contact,
                            struct hin_credential_first *first)
{
    int64_t id = 0;
    HIN_TRY(hin_token_new(HIN_TOKEN_PASSWORD, &first->password));
    struct hin_credential_administrator person = {
        .username = contact->username,
        .full_name = contact->full_name,
        .mail = contact->mail,
        .password = hin_secret_view(&first->password),
        .one_time = true,
        .role = 1,
    };
    HIN_TRY(hin_credential_administrator_new(tenant, &person, &id));
    struct hin_credential_api_key key = {.name = HIN_VIEW("init"), .role = 1};
    HIN_TRY(hin_credential_api_key_new(tenant, &key, &first->api_key, &id));
    HIN_TRY(first_holder(tenant, contact->username, id));
    struct hin_credential_token token = {.description = HIN_VIEW("init"),
                                         .ttl_usec = HIN_CREDENTIAL_TOKEN_TTL_USEC};
    return hin_credential_token_new(tenant, &token, &first->token, &id);
}

bool hin_credential_name_is_valid(struct hin_view name)
{
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] < 0x20 || name.data[i] == 0x7f) {
            return false;
        }
    }
    return name.size > 0 && name.size <= 255;
}

bool hin_credential_mail_is_valid(struct hin_view mail)
{
    size_t at = hin_view_find_byte(mail, '@');
    return hin_credential_name_is_valid(mail) && at != SIZE_MAX && at > 0 && at + 1 < mail.size &&
           hin_view_find_byte(hin_view_sub(mail, at + 1, SIZE_MAX), '@') == SIZE_MAX &&
           hin_view_find_byte(mail, ' ') == SIZE_MAX;
}

HIN_RESULT hin_credential_first_new(struct hin_tenant *tenant,
                                    const struct hin_credential_contact *administrator,
                                    struct hin_credential_first *ret_first)
{
    struct hin_credential_first first = {0};
    struct hin_result made = first_new(tenant, administrator, &first);
    if (!hin_is_ok(made)) {
        hin_credential_first_done(&first);
        return made;
    }
    *ret_first = first;
    return hin_ok();
}

void hin_credential_first_done(struct hin_credential_first *first)
{
    hin_secret_done(&first->password);
    hin_secret_done(&first->api_key);
    hin_secret_done(&first->token);
}
