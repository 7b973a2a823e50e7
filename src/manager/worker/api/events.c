/* Events: pages, searches, the live stream. */
#include "base/bytes.h"
#include "manager/worker/api/modules.h"
#include "manager/worker/api/query.h"
#include "manager/worker/api/reads.h"
#include "manager/worker/api/stream.h"
#include "manager/worker/api/tables.h"
#include "manager/worker/ingest/ingest.h"

struct page {
    struct hin_query *query;
    struct hin_arena arena;
    struct hin_json_writer writer;
    struct hin_buf text;
    size_t count, wanted;
};

static struct hin_result add_event(void *context, const struct hin_store_event *event)
{
    struct page *page = context;
    bool passes = false;
    hin_arena_reset(&page->arena);
    hin_buf_clear(&page->text);
    HIN_TRY(hin_query_write(page->query, event, &page->arena, &page->text, &passes));
    if (passes) {
        hin_json_put_raw(&page->writer, hin_buf_view(&page->text));
        page->count++;
    }
    return page->count < page->wanted ? hin_ok() : hin_fail(HIN_EXISTS); /* full: ends the search */
}

/* Rounds of one answer: what each left out adds up. */
static void add_damage(struct hin_store_report *sum, const struct hin_store_report *round)
{
    sum->segments_damaged += round->segments_damaged;
    sum->events_damaged += round->events_damaged;
}

/* Criteria that no index serves thin out what the store finds: go on until the page is full or
 * nothing is left. */
static HIN_RESULT fill(struct hin_api_call *call, struct page *page,
                       struct hin_store_report *ret_sum)
{
    struct hin_store_filter filter = page->query->filter;
    struct hin_store_report report, sum = {0};
    page->wanted = filter.limit;
    do {
        HIN_TRY(hin_store_search(call->tenant->store, &filter, add_event, page, &report));
        add_damage(&sum, &report);
        *(filter.descending ? &filter.before_id : &filter.after_id) = report.resume_id;
    } while (page->count < page->wanted && report.more && report.resume_id > 0);
    *ret_sum = sum;
    return hin_ok();
}

static HIN_RESULT answer(struct hin_api_call *call, struct hin_query *query)
{
    struct page page = {.query = query, .text = {.max = 8 << 20}};
    struct hin_store_report report = {0};
    hin_arena_init(&page.arena, 16 << 20);
    hin_json_writer_init(&page.writer, call->out, false);
    hin_json_begin_object(&page.writer);
    hin_json_key(&page.writer, "events");
    hin_json_begin_array(&page.writer);
    struct hin_result result = fill(call, &page, &report);
    hin_json_end_array(&page.writer);
    if (report.events_damaged > 0) {
        hin_json_field_unsigned(&page.writer, "damaged", report.events_damaged);
        hin_ingest_damage(call->desk->ingest, report.events_damaged);
    }
    hin_json_end_object(&page.writer);
    hin_arena_done(&page.arena);
    hin_buf_done(&page.text);
    HIN_TRY(result);
    HIN_TRY(hin_reads_count(call, page.count));
    return hin_json_writer_finish(&page.writer);
}

/* The formats of other systems are exports from the first event on. */
static HIN_RESULT begin_read(struct hin_api_call *call, const struct hin_query *query)
{
    bool export = query->format == HIN_QUERY_CEF || query->format == HIN_QUERY_LEEF;
    struct hin_view fields;
    HIN_TRY(hin_query_fields(call, query, &fields));
    return hin_reads_begin(call, export ? "events.export" : "events.read", "events", 0, fields);
}

static HIN_RESULT run(struct hin_api_call *call,
                      struct hin_result (*read)(struct hin_api_call *, struct hin_query *))
{
    struct hin_query *query = NULL;
    HIN_TRY(HIN_ARENA_NEW(call->arena, &query));
    hin_query_init(query);
    struct hin_result result = read(call, query);
    if (hin_is_ok(result)) {
        result = begin_read(call, query);
    }
    if (hin_is_ok(result)) {
        result = answer(call, query);
    }
    hin_query_done(query);
    return result;
}

static struct hin_result list_events(struct hin_api_call *call)
{
    return run(call, hin_query_from_parameters);
}

static struct hin_result search_events(struct hin_api_call *call)
{
    return run(call, hin_query_from_body);
}

static const struct hin_api_action actions[] = {
    {HIN_HTTP_GET, "events", HIN_RIGHT_EVENTS, list_events, NULL,
     "Events by since, until, where, limit, idTest, idValue, sort, format.", false},
    {HIN_HTTP_POST, "events/search", HIN_RIGHT_EVENTS, search_events, NULL,
     "Events by a SearchFilter.", false},
    {HIN_HTTP_GET, "events/stream", HIN_RIGHT_EVENTS, hin_streams_open, NULL,
     "Events as they are committed: server-sent events, resumable by Last-Event-ID.", true},
};
const struct hin_api_module hin_api_module_events = {NULL, actions, HIN_COUNT(actions)};
