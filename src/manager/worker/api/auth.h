/* Who asks: API keys by their digest, kept for a moment so that a busy client costs no look-up; and
 * how often. */
#ifndef HIN_MANAGER_WORKER_API_AUTH_H
#define HIN_MANAGER_WORKER_API_AUTH_H

#include "io/address.h"
#include "manager/worker/api/call.h"

struct hin_auth;
HIN_RESULT hin_auth_new(struct hin_worker *worker, struct hin_auth **ret_auth);
void hin_auth_free(struct hin_auth *auth);

/* The principal behind a secret key, borrowed until the next call. AUTH: unknown or malformed,
 * EXPIRED, REVOKED: not active, CONFLICT: its tenant is suspended. */
HIN_RESULT hin_auth_find(struct hin_auth *auth, struct hin_view secret,
                         const struct hin_api_principal **ret_who);
/* The same of a key by its ID, looked up at this moment: what an answer that goes on for long still
 * may. NOT_FOUND, EXPIRED, REVOKED. */
HIN_RESULT hin_auth_again(struct hin_auth *auth, struct hin_desk *desk, int64_t key,
                          struct hin_api_principal *ret_who);
/* Keys were changed: look everything up anew. */
void hin_auth_forget(struct hin_auth *auth);

enum {
    HIN_AUTH_CALLS_PER_MINUTE = 6000,
    HIN_AUTH_FAILURES_PER_MINUTE = 60,
    HIN_AUTH_PAGES_PER_MINUTE = 1200,
};
/* Count one request of a key, or one failed attempt from an address. LIMIT: too many in this
 * minute. */
HIN_RESULT hin_auth_count_call(struct hin_auth *auth, const struct hin_api_principal *who);
HIN_RESULT hin_auth_count_failure(struct hin_auth *auth, const struct hin_address *peer);
/* Count one request without a key, of what is shown to everybody. LIMIT. */
HIN_RESULT hin_auth_count_page(struct hin_auth *auth, const struct hin_address *peer);
/* Is the address locked out at the moment? */
bool hin_auth_is_limited(struct hin_auth *auth, const struct hin_address *peer);

#endif
