/* What is asked of the event store: from query parameters or a SearchFilter, for pages and for
 * streams. */
#ifndef HIN_MANAGER_WORKER_API_QUERY_H
#define HIN_MANAGER_WORKER_API_QUERY_H

#include "event/terms.h"
#include "event/write.h"
#include "manager/worker/api/call.h"
#include "manager/worker/api/filter.h"
#include "store/events.h"

enum hin_query_format { HIN_QUERY_OCSF, HIN_QUERY_TABLE, HIN_QUERY_CEF, HIN_QUERY_LEEF };

struct hin_query {
    struct hin_arena arena; /* of its own: a stream's query outlives the request */
    struct hin_store_filter filter;
    struct hin_term terms[HIN_STORE_TERMS_MAX];
    int64_t computers[HIN_STORE_COMPUTERS_MAX];
    enum hin_query_format format;
    struct hin_api_filter rest; /* criteria that no index serves: judged on the object itself */
    int64_t not_ids[8];         /* idTest not-equal */
    size_t not_id_count;
    struct hin_buf fields; /* names that were asked by, as JSON texts with commas between */
};

void hin_query_init(struct hin_query *query) HIN_NONNULL;
void hin_query_done(struct hin_query *query);

/* A query parameter that is a time: ms, or RFC 3339. Absent: *usec stays. */
HIN_RESULT hin_query_time(struct hin_api_call *call, const char *name, int64_t *usec);

/* since, until (ms, or RFC 3339), where=NAME=VALUE (repeated), limit, idTest, idValue,
 * sort=asc|desc, format=ocsf|table|cef|leef. INVALID with a sentence. */
HIN_RESULT hin_query_from_parameters(struct hin_api_call *call, struct hin_query *query);
/* A SearchFilter; field names are those of the field table, their aliases and OCSF paths. */
HIN_RESULT hin_query_from_body(struct hin_api_call *call, struct hin_query *query);

/* A JSON array of the names that are asked by, for the audit record; empty when there are none. */
HIN_RESULT hin_query_fields(struct hin_api_call *call, const struct hin_query *query,
                            struct hin_view *ret_fields);

/* One event in the format asked for, appended: the OCSF object with its ID, or
 * {"ID":n,"text":"..."}. *ret_passes false when a criterion that no index serves does not hold;
 * nothing is appended then. */
HIN_RESULT hin_query_write(const struct hin_query *query, const struct hin_store_event *event,
                           struct hin_arena *arena, struct hin_buf *out, bool *ret_passes);

#endif
