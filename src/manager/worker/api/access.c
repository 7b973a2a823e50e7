/* People and programs: API keys, administrators, signing in, enrolment tokens. */
#include <stdio.h>

#include "base/bytes.h"
#include "crypt/password.h"
#include "manager/credential.h"
#include "manager/worker/api/api.h"
#include "manager/worker/api/auth.h"
#include "manager/worker/api/holders.h"
#include "manager/worker/api/modules.h"
#include "manager/worker/api/tables.h"

#define SESSION_TTL_USEC (12 * HIN_HOUR_USEC)
enum { ATTEMPTS_MAX = 5 };
#define LOCK_USEC (5 * HIN_MINUTE_USEC)

static HIN_RESULT check_role(struct hin_api_call *call, struct hin_json stored)
{
    int64_t role = 0;
    if (stored.node != NULL) {
        HIN_TRY(hin_json_opt_integer(stored, "roleID", 0, INT64_MAX, &role, NULL));
    }
    HIN_TRY(hin_json_opt_integer(call->body, "roleID", 0, INT64_MAX, &role, NULL));
    if (hin_api_role_find(role) == NULL) {
        return hin_api_fail(call, HIN_INVALID, "roleID: there is no role %lld", (long long)role);
    }
    if (role == HIN_API_ROLE_HOLDER) {
        return hin_api_fail(call, HIN_INVALID,
                            "roleID: key holders are made by key holders (hinomi key holders add)");
    }
    return hin_ok();
}

/* A secret that is put into the answer, in memory that lives as long as the request. */
static HIN_RESULT show_secret(struct hin_api_call *call, const char *name,
                              struct hin_secret *secret, struct hin_api_patches *computed)
{
    struct hin_view copy;
    struct hin_result copied = hin_arena_copy(call->arena, hin_secret_view(secret), &copy);
    hin_secret_done(secret);
    HIN_TRY(copied);
    return hin_api_patch_text(computed, name, copy);
}

/* ---- API keys ---- */

/* A key that has ended before it begins is a slip (seconds for milliseconds, a date mistyped). */
static HIN_RESULT check_expiry(struct hin_api_call *call, int64_t expires_msec)
{
    if (expires_msec != 0 && expires_msec * HIN_MSEC_USEC <= hin_tenant_now_usec(call->tenant)) {
        return hin_api_fail(call, HIN_INVALID,
                            "expiryDate: lies in the past (milliseconds since 1970; 0: never)");
    }
    return hin_ok();
}

static struct hin_result create_key(struct hin_api_call *call, struct hin_api_patches *computed,
                                    int64_t *ret_id)
{
    struct hin_credential_api_key wanted = {.body = call->body};
    struct hin_secret secret = {0};
    int64_t expires_msec = 0;
    HIN_TRY(check_role(call, (struct hin_json){0}));
    HIN_TRY(hin_json_get_text(call->body, "keyName", &wanted.name, &call->error));
    HIN_TRY(hin_json_get_integer(call->body, "roleID", 1, INT64_MAX, &wanted.role, &call->error));
    HIN_TRY(hin_json_opt_integer(call->body, "expiryDate", 0, INT64_MAX / 1000, &expires_msec,
                                 &call->error));
    HIN_TRY(check_expiry(call, expires_msec));
    wanted.expires_usec = expires_msec * HIN_MSEC_USEC;
    HIN_TRY(hin_credential_api_key_new(call->tenant, &wanted, &secret, ret_id));
    return show_secret(call, "secretKey", &secret, computed);
}

/* A key that holds the keys is changed by holders alone. */
static HIN_RESULT check_no_holder(struct hin_api_call *call, int64_t id)
{
    bool holds = false;
    HIN_TRY(hin_api_holder_has_key(call, id, &holds));
    return holds ? hin_api_fail(call, HIN_CONFLICT,
                                "this key is that of a key holder, who is to be removed first "
                                "(hinomi key holders remove)")
                 : hin_ok();
}

static struct hin_result prepare_key(struct hin_api_call *call, struct hin_json stored,
                                     struct hin_api_draft *draft)
{
    int64_t expires_msec = draft->content.expires_usec / HIN_MSEC_USEC;
    if (stored.node != NULL) {
        HIN_TRY(check_no_holder(call, call->id));
    }
    HIN_TRY(check_role(call, stored));
    HIN_TRY(hin_json_opt_integer(call->body, "expiryDate", 0, INT64_MAX / 1000, &expires_msec,
                                 &call->error));
    if (expires_msec !=
        draft->content.expires_usec / HIN_MSEC_USEC) { /* what was read may come back */
        HIN_TRY(check_expiry(call, expires_msec));
    }
    draft->content.expires_usec = expires_msec * HIN_MSEC_USEC;
    return hin_ok();
}

static struct hin_result remove_key(struct hin_api_call *call, int64_t id)
{
    if (call->who->key == id) {
        return hin_api_fail(call, HIN_CONFLICT,
                            "this key cannot delete itself; deactivate it, or use another");
    }
    return check_no_holder(call, id);
}

static const struct hin_api_resource apikeys = {
    .path = "apikeys",
    .collection = "apiKeys",
    .singular = "apikey",
    .read_action = "apikey.read",
    .list_model = "ApiKeys",
    .attributes = &hin_api_apikey,
    .kind = HIN_STORE_API_KEYS,
    .operations = HIN_API_LIST | HIN_API_CREATE | HIN_API_GET | HIN_API_MODIFY | HIN_API_DELETE |
                  HIN_API_SEARCH,
    .read_right = HIN_RIGHT_ACCESS,
    .edit_right = HIN_RIGHT_ACCESS,
    .prepare = prepare_key,
    .create = create_key,
    .remove = remove_key,
};

static struct hin_result current_key(struct hin_api_call *call)
{
    struct hin_json stored;
    struct hin_api_patches computed = {0};
    HIN_TRY(hin_api_load(call, &apikeys, call->who->key, &stored));
    return hin_api_answer(call, &apikeys, call->who->key, stored, &computed);
}

/* Signing out: a key ends itself. */
static struct hin_result end_key(struct hin_api_call *call, void *context, int64_t *object)
{
    struct hin_json stored;
    (void)context;
    HIN_TRY(hin_api_load(call, &apikeys, *object, &stored));
    HIN_TRY(hin_api_note(call, &hin_api_apikey, stored, (struct hin_json){0}));
    return hin_store_delete(call->tenant->store, HIN_STORE_API_KEYS, *object, 0);
}

static struct hin_result sign_out(struct hin_api_call *call)
{
    struct hin_api_change change = {
        .action = "signout",
        .kind = HIN_STORE_API_KEYS,
        .kind_name = "apikeys",
        .object = call->who->key,
        .effect = end_key,
    };
    HIN_TRY(hin_api_change(call, &change));
    call->status = 204;
    return hin_ok();
}

static const struct hin_api_action key_actions[] = {
    {HIN_HTTP_GET, "apikeys/current", HIN_RIGHT_SELF, current_key, NULL, "The key that asks.",
     false},
    {HIN_HTTP_DELETE, "sessions/current", HIN_RIGHT_SELF, sign_out, NULL,
     "Sign out: the key that asks is deleted.", false},
};
const struct hin_api_module hin_api_module_apikeys = {&apikeys, key_actions,
                                                      HIN_COUNT(key_actions)};

/* ---- administrators ---- */

static struct hin_result create_administrator(struct hin_api_call *call,
                                              struct hin_api_patches *computed, int64_t *ret_id)
{
    struct hin_credential_administrator wanted = {.body = call->body};
    (void)computed;
    HIN_TRY(check_role(call, (struct hin_json){0}));
    HIN_TRY(hin_json_get_text(call->body, "username", &wanted.username, &call->error));
    HIN_TRY(hin_json_get_text(call->body, "password", &wanted.password, &call->error));
    HIN_TRY(hin_json_get_integer(call->body, "roleID", 1, INT64_MAX, &wanted.role, &call->error));
    wanted.one_time =
        true; /* who made it knows it: the administrator sets an own one at the first sign-in */
    return hin_credential_administrator_new(call->tenant, &wanted, ret_id);
}

/* ---- keys that an administrator signed in for ---- */

struct owned_keys {
    struct hin_arena *arena;
    struct owned_key {
        int64_t id;
        struct owned_key *next;
    } * first;
};

static struct hin_result note_key(void *context, const struct hin_store_document *document)
{
    struct owned_keys *keys = context;
    struct owned_key *key = NULL;
    HIN_TRY(HIN_ARENA_NEW(keys->arena, &key));
    *key = (struct owned_key){document->id, keys->first};
    keys->first = key;
    return hin_ok();
}

/* Within the transaction of the change: a password that is replaced, or an account that is closed,
 * takes with it what it had opened. */
static HIN_RESULT end_sessions(struct hin_api_call *call, int64_t administrator)
{
    struct owned_keys keys = {.arena = call->arena};
    struct hin_store_page page = {.owner = administrator};
    struct hin_store_listed listed;
    HIN_TRY(
        hin_store_list(call->tenant->store, HIN_STORE_API_KEYS, &page, note_key, &keys, &listed));
    for (const struct owned_key *key = keys.first; key != NULL; key = key->next) {
        HIN_TRY(hin_store_delete(call->tenant->store, HIN_STORE_API_KEYS, key->id, 0));
    }
    return hin_ok();
}

static struct hin_result remove_administrator(struct hin_api_call *call, int64_t id)
{
    return end_sessions(call, id);
}

static struct hin_result prepare_administrator(struct hin_api_call *call, struct hin_json stored,
                                               struct hin_api_draft *draft)
{
    struct hin_view password = HIN_VIEW_EMPTY;
    struct hin_view copy;
    char hash[HIN_PASSWORD_TEXT_BYTES];
    bool active = true;
    HIN_TRY(check_role(call, stored));
    HIN_TRY(hin_json_opt_text(call->body, "password", &password, &call->error));
    HIN_TRY(hin_json_opt_boolean(call->body, "active", &active, &call->error));
    if (password.size > 0 || !active) {
        HIN_TRY(end_sessions(call, call->id));
    }
    if (password.size == 0) {
        return hin_ok();
    }
    HIN_TRY(hin_password_encode(password, hash));
    HIN_TRY(hin_arena_copy(call->arena, hin_view_from_text(hash), &copy));
    HIN_TRY(hin_api_patch_text(&draft->patches, "passwordHash", copy));
    HIN_TRY(hin_api_patch_bool(&draft->patches, "oneTime", true));
    HIN_TRY(hin_api_patch_int(&draft->patches, "unsuccessfulSignInAttempts", 0));
    HIN_TRY(hin_api_patch_none(&draft->patches, "unlockTime"));
    return hin_api_patch_int(&draft->patches, "lastPasswordChange",
                             hin_tenant_now_usec(call->tenant) / HIN_MSEC_USEC);
}

static const struct hin_api_resource administrators = {
    .path = "administrators",
    .collection = "administrators",
    .singular = "administrator",
    .read_action = "administrator.read",
    .list_model = "Administrators",
    .attributes = &hin_api_administrator,
    .kind = HIN_STORE_ADMINISTRATORS,
    .operations = HIN_API_LIST | HIN_API_CREATE | HIN_API_GET | HIN_API_MODIFY | HIN_API_DELETE |
                  HIN_API_SEARCH,
    .read_right = HIN_RIGHT_ACCESS,
    .edit_right = HIN_RIGHT_ACCESS,
    .prepare = prepare_administrator,
    .create = create_administrator,
    .remove = remove_administrator,
};

/* ---- signing in ---- */

struct sign_in {
    struct hin_view username, password, new_password, key_name, tenant;
    int64_t ttl_usec;
    int64_t administrator;
    int64_t role;
    struct hin_view hash;
    bool one_time;
    struct hin_secret secret;
    int64_t key;
    int64_t expires_usec;
};

static HIN_RESULT read_sign_in(struct hin_api_call *call, struct sign_in *in)
{
    int64_t ttl = SESSION_TTL_USEC / HIN_SEC_USEC;
    in->key_name = HIN_VIEW("sign-in");
    HIN_TRY(hin_json_get_text(call->body, "username", &in->username, &call->error));
    HIN_TRY(hin_json_get_text(call->body, "password", &in->password, &call->error));
    HIN_TRY(hin_json_opt_text(call->body, "newPassword", &in->new_password, &call->error));
    HIN_TRY(hin_json_opt_text(call->body, "keyName", &in->key_name, &call->error));
    HIN_TRY(hin_json_opt_text(call->body, "tenant", &in->tenant, &call->error));
    HIN_TRY(hin_json_opt_integer(call->body, "ttl", 1, 90 * 86400, &ttl, &call->error));
    in->ttl_usec = ttl * HIN_SEC_USEC;
    in->expires_usec = hin_tenant_now_usec(call->tenant) + in->ttl_usec;
    return hin_ok();
}

/* REVOKED: inactive or locked. NOT_FOUND: nobody of this name. */
static HIN_RESULT find_administrator(struct hin_api_call *call, struct sign_in *in)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_STORE_DOCUMENT_BYTES};
    struct hin_store_document found;
    struct hin_desk *desk = NULL;
    struct hin_json stored;
    bool active = true;
    int64_t unlock_msec = 0;
    if (in->tenant.size > 0) { /* what a wrong one is told is what a wrong name is told */
        struct hin_result named = hin_desk_find_name(call->worker, in->tenant, &desk);
        HIN_ENSURE(named.code != HIN_EXPIRED, NOT_FOUND); /* erased */
        HIN_TRY(named);
        hin_api_call_bind(call, desk);
    }
    HIN_TRY(hin_store_find(call->tenant->store, HIN_STORE_ADMINISTRATORS, 0, in->username, &text,
                           &found));
    HIN_TRY(hin_api_parse(call, found.bytes, text.max, &stored));
    in->administrator = found.id;
    HIN_TRY(hin_json_get_text(stored, "passwordHash", &in->hash, NULL));
    HIN_TRY(hin_json_get_integer(stored, "roleID", 1, INT64_MAX, &in->role, NULL));
    HIN_TRY(hin_json_opt_boolean(stored, "oneTime", &in->one_time, NULL));
    HIN_TRY(hin_json_opt_boolean(stored, "active", &active, NULL));
    HIN_TRY(hin_json_opt_integer(stored, "unlockTime", 0, INT64_MAX / 1000, &unlock_msec, NULL));
    HIN_ENSURE(active && unlock_msec * HIN_MSEC_USEC <= hin_tenant_now_usec(call->tenant), REVOKED);
    return hin_ok();
}

struct account_change {
    struct hin_api_call *call;
    struct hin_api_patches patches;
    struct hin_view verified; /* the hash that the password was compared with */
    bool failed;              /* a wrong password: count it */
};

/* By what the account holds within the transaction, since other workers judge sign-ins too. While
 * it is locked nothing is counted, so that asking on does not make the lock longer. */
static HIN_RESULT count_failure(struct account_change *change, struct hin_json stored)
{
    int64_t now_usec = hin_tenant_now_usec(change->call->tenant);
    int64_t unlock_msec = 0;
    int64_t attempts = 0;
    HIN_TRY(hin_json_opt_integer(stored, "unlockTime", 0, INT64_MAX / 1000, &unlock_msec, NULL));
    HIN_TRY(hin_json_opt_integer(stored, "unsuccessfulSignInAttempts", 0, INT64_MAX - 1, &attempts,
                                 NULL));
    if (unlock_msec * HIN_MSEC_USEC > now_usec) {
        return hin_ok();
    }
    attempts = attempts + 1 >= ATTEMPTS_MAX ? 0 : attempts + 1;
    HIN_TRY(hin_api_patch_int(&change->patches, "unsuccessfulSignInAttempts", attempts));
    return attempts > 0 ? hin_ok()
                        : hin_api_patch_int(&change->patches, "unlockTime",
                                            (now_usec + LOCK_USEC) / HIN_MSEC_USEC);
}

/* CONFLICT: the password was changed meanwhile, by another use of the same one-time password say.
 */
static HIN_RESULT still_verified(const struct account_change *change, struct hin_json stored)
{
    struct hin_view hash = HIN_VIEW_EMPTY;
    HIN_TRY(hin_json_get_text(stored, "passwordHash", &hash, NULL));
    HIN_ENSURE(change->verified.size == 0 || hin_view_equal(hash, change->verified), CONFLICT);
    return hin_ok();
}

static struct hin_result change_account(void *context, const struct hin_store_document *document,
                                        struct hin_buf *bytes, struct hin_store_content *content,
                                        bool *keep_names)
{
    struct account_change *change = context;
    struct hin_json stored;
    (void)content;
    *keep_names = true;
    HIN_TRY(hin_api_parse(change->call, document->bytes, HIN_STORE_DOCUMENT_BYTES, &stored));
    HIN_TRY(still_verified(change, stored));
    if (change->failed) {
        HIN_TRY(count_failure(change, stored));
    }
    HIN_TRY(hin_api_merge(&hin_api_administrator, stored, (struct hin_json){0}, &change->patches,
                          bytes));
    return hin_api_note_stored(change->call, &hin_api_administrator, stored, hin_buf_view(bytes));
}

static HIN_RESULT store_account(struct account_change *change, int64_t administrator)
{
    struct hin_tenant *tenant = change->call->tenant;
    struct hin_store_change store_change = {change_account, change};
    return hin_store_modify(tenant->store, HIN_STORE_ADMINISTRATORS, administrator, &store_change,
                            hin_tenant_now_usec(tenant));
}

/* A wrong password: counted in the account, which locks after ATTEMPTS_MAX; written into the audit
 * record. */
static HIN_RESULT refuse_sign_in(struct hin_api_call *call, struct sign_in *in, const char *why)
{
    char detail[320];
    struct account_change change = {.call = call, .failed = true};
    call->worker->counters.sign_in_failures++;
    HIN_IGNORE(hin_auth_count_failure(hin_api_auth(call->worker->api),
                                      hin_stream_peer(call->request->stream)));
    if (in->administrator != 0) {
        HIN_TRY(store_account(&change, in->administrator));
    }
    snprintf(detail, sizeof(detail), "%.*s: %s", (int)HIN_MIN(in->username.size, 255U),
             (const char *)in->username.data, why);
    struct hin_audit audit = {
        .action = "signin",
        .outcome = "refused",
        .actor = HIN_VIEW("anonymous"),
        .peer = hin_view_from_text(call->peer),
        .kind = in->administrator != 0 ? "administrators" : NULL,
        .object = in->administrator,
        .detail = hin_view_from_text(detail),
    };
    hin_desk_refused(call->desk, &audit);
    return hin_api_fail(call, HIN_AUTH, "user name or password is wrong, or the account is locked");
}

static struct hin_result sign_in_effect(struct hin_api_call *call, void *context, int64_t *object)
{
    struct sign_in *in = context;
    struct account_change change = {.call = call, .verified = in->hash};
    char hash[HIN_PASSWORD_TEXT_BYTES];
    int64_t now_msec = hin_tenant_now_usec(call->tenant) / HIN_MSEC_USEC;
    HIN_TRY(hin_api_patch_int(&change.patches, "lastSignIn", now_msec));
    HIN_TRY(hin_api_patch_int(&change.patches, "unsuccessfulSignInAttempts", 0));
    HIN_TRY(hin_api_patch_none(&change.patches, "unlockTime"));
    if (in->new_password.size > 0) {
        HIN_TRY(hin_password_encode(in->new_password, hash));
        HIN_TRY(hin_api_patch_text(&change.patches, "passwordHash", hin_view_from_text(hash)));
        HIN_TRY(hin_api_patch_bool(&change.patches, "oneTime", false));
        HIN_TRY(hin_api_patch_int(&change.patches, "lastPasswordChange", now_msec));
        HIN_TRY(end_sessions(call, in->administrator));
    }
    struct hin_result stored = store_account(&change, in->administrator);
    if (stored.code == HIN_CONFLICT) {
        return hin_api_fail(call, HIN_CONFLICT, "the password was changed meanwhile");
    }
    HIN_TRY(stored);
    struct hin_credential_api_key key = {
        .name = in->key_name,
        .role = in->role,
        .administrator = in->administrator,
        .expires_usec = in->expires_usec,
    };
    *object = in->administrator;
    return hin_credential_api_key_new(call->tenant, &key, &in->secret, &in->key);
}

static HIN_RESULT answer_sign_in(struct hin_api_call *call, struct sign_in *in)
{
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, call->out, false);
    hin_json_begin_object(&writer);
    hin_json_field_text(&writer, "username", in->username);
    hin_json_field_text(&writer, "keyName", in->key_name);
    hin_json_field_text(&writer, "secretKey", hin_secret_view(&in->secret));
    hin_json_field_integer(&writer, "expiryDate", in->expires_usec / HIN_MSEC_USEC);
    hin_json_field_integer(&writer, "roleID", in->role);
    hin_json_field_integer(&writer, "ID", in->key);
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

static HIN_RESULT check_password(struct hin_api_call *call, struct sign_in *in)
{
    /* Nobody of this name costs as much time as a wrong password. */
    static const char nobody[] = "$argon2id$v=19$m=32768,t=3,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
                                 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    char hash[512];
    struct hin_result found = find_administrator(call, in);
    if (found.code == HIN_NOT_FOUND) {
        HIN_IGNORE(hin_password_verify(nobody, in->password)); /* only for its time */
        return refuse_sign_in(call, in, "no such administrator");
    }
    if (found.code == HIN_REVOKED) {
        HIN_IGNORE(hin_password_verify(nobody, in->password)); /* likewise */
        return refuse_sign_in(call, in, "the account is locked or inactive");
    }
    HIN_TRY(found);
    HIN_TRY(hin_view_to_text(in->hash, hash, sizeof(hash)));
    struct hin_result verified = hin_password_verify(hash, in->password);
    if (verified.code == HIN_AUTH) {
        return refuse_sign_in(call, in, "wrong password");
    }
    return verified;
}

static struct hin_result sign_in(struct hin_api_call *call)
{
    struct sign_in in = {0};
    struct hin_api_change change = {
        .action = "signin",
        .kind = HIN_STORE_ADMINISTRATORS,
        .kind_name = "administrators",
        .effect = sign_in_effect,
        .context = &in,
    };
    if (hin_auth_is_limited(hin_api_auth(call->worker->api),
                            hin_stream_peer(call->request->stream))) {
        call->status = 429;
        return hin_buf_append_text(call->out, "{\"message\":\"Too many API requests\"}");
    }
    HIN_TRY(read_sign_in(call, &in));
    HIN_TRY(check_password(call, &in));
    if (in.one_time && in.new_password.size == 0) {
        return hin_api_fail(
            call, HIN_CONFLICT,
            "this password is good for one sign-in, which must set another: give newPassword");
    }
    if (in.new_password.size > 0 && hin_view_equal(in.new_password, in.password)) {
        return hin_api_fail(call, HIN_INVALID, "newPassword: must differ from the present one");
    }
    change.detail = in.username;
    struct hin_result result = hin_api_change(call, &change);
    if (hin_is_ok(result)) {
        call->worker->counters.sign_ins++;
        result = answer_sign_in(call, &in);
    }
    hin_secret_done(&in.secret);
    return result;
}

static const struct hin_api_action administrator_actions[] = {
    {HIN_HTTP_POST, "sessions", HIN_RIGHT_NONE, sign_in, &hin_api_session,
     "Sign in with a password; answers an API key that expires.", false},
};
const struct hin_api_module hin_api_module_administrators = {&administrators, administrator_actions,
                                                             HIN_COUNT(administrator_actions)};

/* ---- enrolment tokens ---- */

static struct hin_result create_token(struct hin_api_call *call, struct hin_api_patches *computed,
                                      int64_t *ret_id)
{
    struct hin_credential_token wanted = {0};
    struct hin_secret secret = {0};
    int64_t ttl = HIN_CREDENTIAL_TOKEN_TTL_USEC / HIN_SEC_USEC;
    HIN_TRY(hin_json_opt_text(call->body, "description", &wanted.description, &call->error));
    HIN_TRY(hin_json_opt_integer(call->body, "uses", 0, INT64_MAX, &wanted.uses, &call->error));
    HIN_TRY(
        hin_json_opt_integer(call->body, "ttl", 1, INT64_MAX / HIN_SEC_USEC, &ttl, &call->error));
    HIN_TRY(
        hin_json_opt_integer(call->body, "policyID", 0, INT64_MAX, &wanted.policy, &call->error));
    if (wanted.policy != 0) {
        struct hin_json policy;
        HIN_TRY(hin_api_load(call, &hin_api_policies, wanted.policy, &policy));
    }
    wanted.ttl_usec = ttl * HIN_SEC_USEC;
    HIN_TRY(hin_credential_token_new(call->tenant, &wanted, &secret, ret_id));
    return show_secret(call, "token", &secret, computed);
}

static const struct hin_api_resource enrolment_tokens = {
    .path = "enrolmenttokens",
    .collection = "enrolmentTokens",
    .singular = "enrolmenttoken",
    .list_model = "EnrolmentTokens",
    .attributes = &hin_api_enrolment_token,
    .kind = HIN_STORE_ENROLMENT_TOKENS,
    .operations = HIN_API_LIST | HIN_API_CREATE | HIN_API_GET | HIN_API_DELETE | HIN_API_SEARCH,
    .read_right = HIN_RIGHT_ACCESS,
    .edit_right = HIN_RIGHT_ACCESS,
    .create = create_token,
};
const struct hin_api_module hin_api_module_enrolment_tokens = {&enrolment_tokens, NULL, 0};
