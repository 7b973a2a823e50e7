/* The public pages of claims, beside the API: no key is asked for. */
#ifndef HIN_MANAGER_WORKER_API_PAGE_H
#define HIN_MANAGER_WORKER_API_PAGE_H

#include "io/http_server.h"
#include "manager/worker/worker.h"
#include "trust/claim.h"

/* Pages as they were made last: one is made anew when a claim's state has changed, or when it is
 * HIN_PAGE_HELD_USEC old (it says as of when it is). So what strangers ask for costs no more than
 * sending it. */
#define HIN_PAGE_HELD_USEC (5 * HIN_SEC_USEC)
struct hin_trust_pages;
void hin_trust_pages_free(struct hin_trust_pages *pages); /* NULL is fine */

/* Answers what is asked for under /trust, so many times a minute and address
 * (HIN_AUTH_PAGES_PER_MINUTE). False: the path is another, and nothing was answered. */
bool hin_api_page(struct hin_worker *worker, struct hin_http_exchange *exchange) HIN_NONNULL;

/* English or Japanese, by the header Accept-Language (RFC 9110, 12.5.4): the one of greater weight,
 * English where they are alike or neither is named. */
enum hin_language hin_api_page_language(struct hin_view accepted);

#endif
