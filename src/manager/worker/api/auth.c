#include "manager/worker/api/auth.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/map.h"
#include "base/secret.h"
#include "manager/credential.h"

enum { CACHE_MAX = 1024, COUNTER_SLOTS = 4096 };
/* What is kept is looked up anew after this, so that a change whose announcement was lost counts
 * all the same. */
#define KEPT_USEC (5 * HIN_SEC_USEC)

/* Counters of a fixed size: two that fall into one slot share it, which limits earlier, never
 * later. */
struct counter {
    int64_t minute;
    uint32_t count;
};

struct hin_auth {
    struct hin_worker *worker;
    struct hin_map known; /* digest -> struct hin_api_principal */
    int64_t known_since_usec;
    uint64_t key[2];
    struct counter calls[COUNTER_SLOTS];
    struct counter failures[COUNTER_SLOTS];
    struct counter pages[COUNTER_SLOTS];
};

HIN_RESULT hin_auth_new(struct hin_worker *worker, struct hin_auth **ret_auth)
{
    struct hin_auth *auth = calloc(1, sizeof(*auth));
    HIN_ENSURE(auth != NULL, NO_MEMORY);
    auth->worker = worker;
    struct hin_result made = hin_map_init(&auth->known, CACHE_MAX);
    if (hin_is_ok(made)) {
        made = hin_random(auth->key, sizeof(auth->key));
    }
    if (!hin_is_ok(made)) {
        hin_auth_free(auth);
        return made;
    }
    *ret_auth = auth;
    return hin_ok();
}

void hin_auth_forget(struct hin_auth *auth)
{
    size_t at = 0;
    struct hin_view key;
    void *value;
    while (hin_map_next(&auth->known, &at, &key, &value)) {
        free(value);
    }
    hin_map_done(&auth->known);
    HIN_IGNORE(
        hin_map_init(&auth->known, CACHE_MAX)); /* without it every key is looked up each time */
}

void hin_auth_free(struct hin_auth *auth)
{
    if (auth != NULL) {
        hin_auth_forget(auth);
        hin_map_done(&auth->known);
        free(auth);
    }
}

/* A key that somebody signed in for opens no more than that administrator may at the moment.
 * REVOKED: the account is inactive or gone. */
static HIN_RESULT bind_to_administrator(struct hin_api_principal *who)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_STORE_DOCUMENT_BYTES};
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_store_document found;
    int64_t role_id = 0;
    bool active = true;
    struct hin_result result = hin_store_get(who->desk->tenant.store, HIN_STORE_ADMINISTRATORS,
                                             who->administrator, &text, &found);
    HIN_ENSURE(result.code != HIN_NOT_FOUND, REVOKED);
    HIN_TRY(result);
    HIN_TRY(hin_json_parse(found.bytes, text.max, &document, NULL));
    struct hin_json administrator = hin_json_root(document);
    HIN_TRY(hin_json_get_integer(administrator, "roleID", 0, INT64_MAX, &role_id, NULL));
    HIN_TRY(hin_json_opt_boolean(administrator, "active", &active, NULL));
    HIN_ENSURE(active, REVOKED);
    const struct hin_api_role *role = hin_api_role_find(role_id);
    who->rights &= role != NULL ? role->rights : 0;
    return hin_ok();
}

static HIN_RESULT read_principal(struct hin_desk *desk, struct hin_json key, int64_t id,
                                 struct hin_api_principal *who)
{
    struct hin_view name = HIN_VIEW_EMPTY;
    int64_t role_id = 0;
    int64_t expires_msec = 0;
    bool active = true;
    HIN_TRY(hin_json_opt_text(key, "keyName", &name, NULL));
    HIN_TRY(hin_json_get_integer(key, "roleID", 0, INT64_MAX, &role_id, NULL));
    HIN_TRY(hin_json_opt_integer(key, "expiryDate", 0, INT64_MAX / 1000, &expires_msec, NULL));
    HIN_TRY(hin_json_opt_integer(key, "administratorID", 0, INT64_MAX, &who->administrator, NULL));
    HIN_TRY(hin_json_opt_boolean(key, "active", &active, NULL));
    HIN_ENSURE(active, REVOKED);
    const struct hin_api_role *role = hin_api_role_find(role_id);
    who->desk = desk;
    who->key = id;
    who->rights = role != NULL ? role->rights : 0;
    if (desk->tenant.number != 0) {
        who->rights &= ~(unsigned)HIN_RIGHTS_OF_INSTALLATION;
    }
    who->expires_usec = expires_msec * HIN_MSEC_USEC;
    snprintf(who->name, sizeof(who->name), "%.*s", HIN_ARGS(name));
    snprintf(who->text, sizeof(who->text), "key %lld (%s)", (long long)id, who->name);
    return who->administrator != 0 ? bind_to_administrator(who) : hin_ok();
}

static HIN_RESULT look_up(struct hin_desk *desk, struct hin_view digest,
                          struct hin_api_principal *who)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_STORE_DOCUMENT_BYTES};
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_store_document found;
    struct hin_result result =
        hin_store_find(desk->tenant.store, HIN_STORE_API_KEYS, 0, digest, &text, &found);
    HIN_ENSURE(result.code != HIN_NOT_FOUND, AUTH);
    HIN_TRY(result);
    HIN_TRY(hin_json_parse(found.bytes, text.max, &document, NULL));
    return read_principal(desk, hin_json_root(document), found.id, who);
}

HIN_RESULT hin_auth_again(struct hin_auth *auth, struct hin_desk *desk, int64_t key,
                          struct hin_api_principal *ret_who)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_STORE_DOCUMENT_BYTES};
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_api_principal who = {0};
    struct hin_store_document found;
    HIN_TRY(hin_desk_wake(desk));
    HIN_TRY(hin_store_get(desk->tenant.store, HIN_STORE_API_KEYS, key, &text, &found));
    HIN_TRY(hin_json_parse(found.bytes, text.max, &document, NULL));
    HIN_TRY(read_principal(desk, hin_json_root(document), key, &who));
    HIN_ENSURE(who.expires_usec == 0 || hin_clock_wall_usec(auth->worker->clock) < who.expires_usec,
               EXPIRED);
    *ret_who = who;
    return hin_ok();
}

/* The desk that the key names; what it names it must then be found at. AUTH: there is no such
 * tenant; CONFLICT: it is suspended. */
static HIN_RESULT find_desk(struct hin_auth *auth, struct hin_view secret,
                            struct hin_desk **ret_desk)
{
    uint64_t number = 0;
    HIN_ENSURE(hin_is_ok(hin_token_tenant(HIN_TOKEN_API_KEY, secret, &number)), AUTH);
    struct hin_result found = hin_desk_find(auth->worker, number, ret_desk);
    HIN_ENSURE(found.code != HIN_NOT_FOUND && found.code != HIN_EXPIRED, AUTH);
    HIN_ENSURE(found.code != HIN_REVOKED, CONFLICT);
    return found;
}

HIN_RESULT hin_auth_find(struct hin_auth *auth, struct hin_view secret,
                         const struct hin_api_principal **ret_who)
{
    char hex[HIN_SHA256_HEX_BYTES];
    struct hin_desk *desk = NULL;
    HIN_ENSURE(hin_is_ok(hin_credential_digest(HIN_TOKEN_API_KEY, secret, hex)), AUTH);
    HIN_TRY(find_desk(auth, secret, &desk));
    struct hin_view digest = hin_view_from_text(hex);
    int64_t now_usec = hin_clock_monotonic_usec(auth->worker->clock);
    if (now_usec - auth->known_since_usec > KEPT_USEC) {
        hin_auth_forget(auth);
        auth->known_since_usec = now_usec;
    }
    struct hin_api_principal *who = hin_map_get(&auth->known, digest);
    HIN_ENSURE(who == NULL || who->desk == desk, AUTH); /* a key of one tenant that names another */
    if (who == NULL) {
        who = calloc(1, sizeof(*who));
        HIN_ENSURE(who != NULL, NO_MEMORY);
        struct hin_result found = look_up(desk, digest, who);
        if (!hin_is_ok(found)) {
            free(who);
            return found;
        }
        if (auth->known.count >= CACHE_MAX) {
            hin_auth_forget(auth);
        }
        found = hin_map_put(&auth->known, digest, who);
        if (!hin_is_ok(found)) {
            free(who);
            return found;
        }
    }
    HIN_ENSURE(who->expires_usec == 0 ||
                   hin_clock_wall_usec(auth->worker->clock) < who->expires_usec,
               EXPIRED);
    *ret_who = who;
    return hin_ok();
}

static uint32_t count(struct hin_auth *auth, struct counter *counters, struct hin_view name,
                      bool add)
{
    struct counter *counter = &counters[hin_siphash(auth->key, name) % COUNTER_SLOTS];
    int64_t minute = hin_clock_monotonic_usec(auth->worker->clock) / HIN_MINUTE_USEC;
    if (counter->minute != minute) {
        *counter = (struct counter){.minute = minute};
    }
    if (add) {
        counter->count++;
    }
    return counter->count;
}

/* Each worker counts by itself, so each grants its share. */
static uint32_t share_of(const struct hin_auth *auth, uint32_t per_minute)
{
    return per_minute / HIN_MAX(auth->worker->worker_count, 1U) + 1;
}

HIN_RESULT hin_auth_count_call(struct hin_auth *auth, const struct hin_api_principal *who)
{
    int64_t name[2] = {who->desk->tenant.number, who->key};
    HIN_ENSURE(count(auth, auth->calls, hin_view_of(name, sizeof(name)), true) <=
                   share_of(auth, HIN_AUTH_CALLS_PER_MINUTE),
               LIMIT);
    return hin_ok();
}

static struct hin_view address_view(const struct hin_address *peer)
{
    return hin_view_of(peer->bytes, peer->family == 6 ? 8 : 4); /* IPv6: by /64 */
}

HIN_RESULT hin_auth_count_failure(struct hin_auth *auth, const struct hin_address *peer)
{
    HIN_ENSURE(count(auth, auth->failures, address_view(peer), true) <=
                   HIN_AUTH_FAILURES_PER_MINUTE,
               LIMIT);
    return hin_ok();
}

HIN_RESULT hin_auth_count_page(struct hin_auth *auth, const struct hin_address *peer)
{
    HIN_ENSURE(count(auth, auth->pages, address_view(peer), true) <=
                   share_of(auth, HIN_AUTH_PAGES_PER_MINUTE),
               LIMIT);
    return hin_ok();
}

bool hin_auth_is_limited(struct hin_auth *auth, const struct hin_address *peer)
{
    return count(auth, auth->failures, address_view(peer), false) > HIN_AUTH_FAILURES_PER_MINUTE;
}
