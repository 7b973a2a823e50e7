/* Live events: answers that go on (server-sent events), woken by commits of any worker. */
#ifndef HIN_MANAGER_WORKER_API_STREAM_H
#define HIN_MANAGER_WORKER_API_STREAM_H

#include "manager/worker/api/call.h"

struct hin_streams;
HIN_RESULT hin_streams_new(struct hin_worker *worker, struct hin_streams **ret_streams);
void hin_streams_free(struct hin_streams *streams);

enum { HIN_STREAMS_MAX = 256 };

/* GET /api/events/stream: resumable by Last-Event-ID (or idValue); without it from now on. */
hin_api_handler hin_streams_open;
/* Events up to this ID are there. */
void hin_streams_wake(struct hin_streams *streams, struct hin_desk *desk, int64_t last_id);
/* The desk's tenant is suspended: its streams end. */
void hin_streams_end(struct hin_streams *streams, const struct hin_desk *desk);
/* Keys or administrators were changed: end the streams that their key opens no more. */
void hin_streams_check(struct hin_streams *streams);

#endif
