/* The API of one worker: routing, who may do what, limits, and the answers that go on (streams). */
#ifndef HIN_MANAGER_WORKER_API_API_H
#define HIN_MANAGER_WORKER_API_API_H

#include "manager/worker/api/call.h"

HIN_RESULT hin_api_new(struct hin_worker *worker, struct hin_api **ret_api);
void hin_api_free(struct hin_api *api);
/* Serve on a listening socket, borrowed. */
HIN_RESULT hin_api_listen(struct hin_api *api, int fd, struct hin_tls *tls);
void hin_api_set_tls(struct hin_api *api, struct hin_tls *tls);
const struct hin_http_server *hin_api_server(const struct hin_api *api);

/* Objects of this kind were changed; events of the desk were committed up to this ID; the desk's
 * tenant is suspended, its streams end. */
void hin_api_on_changed(struct hin_api *api, enum hin_store_kind kind) HIN_NONNULL;
void hin_api_on_committed(struct hin_api *api, struct hin_desk *desk, int64_t last_id);
void hin_api_end_streams(struct hin_api *api, const struct hin_desk *desk) HIN_NONNULL;

/* ---- parts of it, for its own files ---- */
struct hin_auth;
struct hin_streams;
struct hin_auth *hin_api_auth(struct hin_api *api);
struct hin_reads;
struct hin_streams *hin_api_streams(struct hin_api *api);
struct hin_reads *hin_api_reads(struct hin_api *api);

#endif
