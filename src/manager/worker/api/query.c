#include "manager/worker/api/query.h"

#include "base/bytes.h"
#include "event/codec.h"
#include "io/url.h"
#include "manager/worker/api/tables.h"

enum { QUERY_ARENA_MAX = 1 << 20, LIMIT_DEFAULT = 1000, LIMIT_MAX = 5000, SEGMENTS_MAX = 20000 };

void hin_query_init(struct hin_query *query)
{
    *query = (struct hin_query){.filter = {.limit = LIMIT_DEFAULT, .segments_max = SEGMENTS_MAX}};
    hin_arena_init(&query->arena, QUERY_ARENA_MAX);
    hin_buf_init(&query->fields, QUERY_ARENA_MAX);
    query->filter.terms = query->terms;
    query->filter.computers = query->computers;
}

void hin_query_done(struct hin_query *query)
{
    hin_arena_done(&query->arena);
    hin_buf_done(&query->fields);
}

static HIN_RESULT note_field(struct hin_query *query, struct hin_view name)
{
    if (query->fields.size > 0) {
        HIN_TRY(hin_buf_append_byte(&query->fields, ','));
    }
    return hin_json_append_text(&query->fields, name);
}

HIN_RESULT hin_query_fields(struct hin_api_call *call, const struct hin_query *query,
                            struct hin_view *ret_fields)
{
    bool timed = query->filter.since_usec != 0 || query->filter.until_usec != 0;
    struct hin_view names = hin_buf_view(&query->fields);
    *ret_fields = HIN_VIEW_EMPTY;
    if (names.size == 0 && !timed) {
        return hin_ok();
    }
    return hin_arena_printf(call->arena, ret_fields, "[%.*s%s%s]", HIN_ARGS(names),
                            names.size > 0 && timed ? "," : "", timed ? "\"time\"" : "");
}

/* ---- one condition: name = value ---- */

static HIN_RESULT add_column(struct hin_api_call *call, struct hin_query *query,
                             const struct hin_field *field, struct hin_view value)
{
    int64_t number = 0;
    if (!hin_is_ok(hin_view_to_i64(value, &number)) || number < 0) {
        return hin_api_fail(call, HIN_INVALID, "%s: a number is needed", field->name);
    }
    switch (field->id) {
    case HIN_FIELD_CLASS:
        HIN_ENSURE(number <= UINT32_MAX, INVALID);
        query->filter.class_uid = (uint32_t)number;
        return hin_ok();
    case HIN_FIELD_SEVERITY:
        HIN_ENSURE(number < 16, INVALID);
        query->filter.severity_mask = (uint16_t)(1U << number);
        return hin_ok();
    case HIN_FIELD_COMPUTER_ID:
        HIN_ENSURE(query->filter.computer_count < HIN_STORE_COMPUTERS_MAX, LIMIT);
        query->computers[query->filter.computer_count++] = number;
        return hin_ok();
    default:
        return hin_api_fail(call, HIN_INVALID, "%s: use since and until", field->name);
    }
}

static HIN_RESULT add_equal(struct hin_api_call *call, struct hin_query *query,
                            struct hin_view name, struct hin_view value)
{
    const struct hin_field *field = hin_field_find(name);
    HIN_TRY(note_field(query, field != NULL ? hin_view_from_text(field->name) : name));
    if (field != NULL && field->search == HIN_SEARCH_COLUMN) {
        return add_column(call, query, field, value);
    }
    if (query->filter.term_count == HIN_STORE_TERMS_MAX) {
        return hin_api_fail(call, HIN_INVALID, "more than %d conditions", HIN_STORE_TERMS_MAX);
    }
    struct hin_view own_name;
    struct hin_view own_value;
    HIN_TRY(hin_arena_copy(&query->arena, name, &own_name));
    HIN_TRY(hin_arena_copy(&query->arena, value, &own_value));
    struct hin_result parsed =
        hin_term_parse(own_name, own_value, &query->arena, &query->terms[query->filter.term_count]);
    if (!hin_is_ok(parsed)) {
        return hin_api_fail(call, HIN_INVALID, "%.*s: cannot be searched for this value",
                            HIN_ARGS(hin_view_sub(name, 0, 64)));
    }
    query->filter.term_count++;
    return hin_ok();
}

static HIN_RESULT add_id_test(struct hin_api_call *call, struct hin_query *query,
                              enum hin_api_test test, int64_t id)
{
    struct hin_store_filter *filter = &query->filter;
    int64_t after = -1;
    int64_t before = -1;
    switch (test) {
    case HIN_API_GREATER:
        after = id;
        break;
    case HIN_API_GREATER_OR_EQUAL:
        after = id > 0 ? id - 1 : 0;
        break;
    case HIN_API_LESS:
        before = id;
        break;
    case HIN_API_LESS_OR_EQUAL:
        before = id + 1;
        break;
    case HIN_API_EQUAL:
        after = id > 0 ? id - 1 : 0;
        before = id + 1;
        break;
    case HIN_API_NOT_EQUAL:
        if (query->not_id_count == HIN_COUNT(query->not_ids)) {
            return hin_api_fail(call, HIN_INVALID, "too many idTest not-equal");
        }
        query->not_ids[query->not_id_count++] = id;
        break;
    }
    if (after > filter->after_id) {
        filter->after_id = after;
    }
    if (before >= 0 && (filter->before_id == 0 || before < filter->before_id)) {
        filter->before_id = HIN_MAX(before, 1); /* 0 would mean "open end" */
    }
    return hin_ok();
}

/* ---- query parameters ---- */

HIN_RESULT hin_query_time(struct hin_api_call *call, const char *name, int64_t *usec)
{
    struct hin_view text = HIN_VIEW_EMPTY;
    int64_t number = 0;
    HIN_TRY(hin_api_query_text(call, name, &text));
    if (text.data == NULL) {
        return hin_ok();
    }
    if (hin_is_ok(hin_view_to_i64(text, &number)) && number >= 0 && number < INT64_MAX / 1000) {
        *usec = number * HIN_MSEC_USEC;
        return hin_ok();
    }
    if (!hin_is_ok(hin_time_parse_rfc3339(text, usec))) {
        return hin_api_fail(call, HIN_INVALID,
                            "%s: milliseconds since 1970, or 2026-11-22T22:24:46Z, is needed",
                            name);
    }
    return hin_ok();
}

static HIN_RESULT read_where(struct hin_api_call *call, struct hin_query *query)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf decoded = {.max = 65536};
    struct hin_view rest = call->request->query;
    struct hin_view name;
    struct hin_view value;
    while (hin_url_query_next(&rest, &name, &value)) {
        if (!hin_view_is(name, "where")) {
            continue;
        }
        hin_buf_clear(&decoded);
        HIN_TRY(hin_url_decode(value, true, &decoded));
        struct hin_view text = hin_buf_view(&decoded);
        size_t equal = hin_view_find_byte(text, '=');
        if (equal == SIZE_MAX || equal == 0) {
            return hin_api_fail(call, HIN_INVALID, "where: NAME=VALUE is needed");
        }
        HIN_TRY(add_equal(call, query, hin_view_sub(text, 0, equal),
                          hin_view_sub(text, equal + 1, text.size)));
    }
    return hin_ok();
}

static HIN_RESULT read_format(struct hin_api_call *call, struct hin_query *query)
{
    static const char *const names[] = {"ocsf", "table", "cef", "leef"};
    struct hin_view text = HIN_VIEW("ocsf");
    HIN_TRY(hin_api_query_text(call, "format", &text));
    for (size_t i = 0; i < HIN_COUNT(names); i++) {
        if (hin_view_is(text, names[i])) {
            query->format = (enum hin_query_format)i;
            return hin_ok();
        }
    }
    return hin_api_fail(call, HIN_INVALID, "format: not one of ocsf, table, cef, leef");
}

static HIN_RESULT read_paging(struct hin_api_call *call, struct hin_query *query)
{
    struct hin_view test_text = HIN_VIEW_EMPTY;
    struct hin_view sort = HIN_VIEW("asc");
    enum hin_api_test test = HIN_API_GREATER;
    int64_t limit = LIMIT_DEFAULT;
    int64_t id = -1;
    HIN_TRY(hin_api_query_integer(call, "limit", 1, LIMIT_MAX, &limit));
    HIN_TRY(hin_api_query_integer(call, "maxItems", 1, LIMIT_MAX, &limit));
    HIN_TRY(hin_api_query_integer(call, "idValue", 0, INT64_MAX - 1, &id));
    HIN_TRY(hin_api_query_text(call, "idTest", &test_text));
    HIN_TRY(hin_api_query_text(call, "sort", &sort));
    if (test_text.data != NULL && !hin_is_ok(hin_api_test_parse(test_text, &test))) {
        return hin_api_fail(call, HIN_INVALID,
                            "idTest: not one of less-than, less-than-or-equal, equal, "
                            "greater-than-or-equal, greater-than, not-equal");
    }
    if (!hin_view_is(sort, "asc") && !hin_view_is(sort, "desc")) {
        return hin_api_fail(call, HIN_INVALID, "sort: not asc or desc");
    }
    query->filter.limit = (size_t)limit;
    query->filter.descending = hin_view_is(sort, "desc");
    return id >= 0 ? add_id_test(call, query, test, id) : hin_ok();
}

HIN_RESULT hin_query_from_parameters(struct hin_api_call *call, struct hin_query *query)
{
    HIN_TRY(hin_query_time(call, "since", &query->filter.since_usec));
    HIN_TRY(hin_query_time(call, "until", &query->filter.until_usec));
    HIN_TRY(read_where(call, query));
    HIN_TRY(read_format(call, query));
    return read_paging(call, query);
}

/* ---- SearchFilter ---- */

static HIN_RESULT add_rest(struct hin_api_call *call, struct hin_query *query,
                           const struct hin_api_criterion *criterion)
{
    const struct hin_field *field = hin_field_find(criterion->field);
    struct hin_api_criterion *own = &query->rest.items[query->rest.count];
    HIN_TRY(note_field(query, field != NULL ? hin_view_from_text(field->name) : criterion->field));
    *own = *criterion;
    struct hin_view path =
        field != NULL && field->ocsf != NULL ? hin_view_from_text(field->ocsf) : criterion->field;
    HIN_TRY(hin_arena_copy(&query->arena, path, &own->field));
    HIN_TRY(hin_arena_copy(&query->arena, criterion->text, &own->text));
    (void)call;
    query->rest.count++;
    return hin_ok();
}

static HIN_RESULT add_number(struct hin_api_call *call, struct hin_query *query,
                             const struct hin_api_criterion *criterion)
{
    struct hin_view text;
    HIN_TRY(hin_arena_printf(call->arena, &text, "%lld", (long long)criterion->number));
    return add_equal(call, query, criterion->field, text);
}

static bool is_time(struct hin_view name)
{
    const struct hin_field *field = hin_field_find(name);
    return field != NULL && field->id == HIN_FIELD_TIME;
}

static HIN_RESULT add_criterion(struct hin_api_call *call, struct hin_query *query,
                                const struct hin_api_criterion *criterion)
{
    struct hin_store_filter *filter = &query->filter;
    const struct hin_field *field =
        criterion->field.size > 0 ? hin_field_find(criterion->field) : NULL;
    bool indexed = field == NULL || field->search != HIN_SEARCH_NONE;
    bool equal = criterion->test == HIN_API_EQUAL && !criterion->flag && indexed;
    if (criterion->type == HIN_API_BY_ID) {
        return add_id_test(call, query, criterion->test, criterion->number);
    }
    if (criterion->type == HIN_API_BY_TEXT && equal) {
        return add_equal(call, query, criterion->field, criterion->text);
    }
    if (criterion->type == HIN_API_BY_NUMBER && equal) {
        return add_number(call, query, criterion);
    }
    if (criterion->type == HIN_API_BY_DATE && is_time(criterion->field)) {
        filter->since_usec =
            criterion->first < INT64_MAX / 1000 ? criterion->first * HIN_MSEC_USEC : INT64_MAX;
        filter->until_usec =
            criterion->last < INT64_MAX / 1000 - 1 ? (criterion->last + 1) * HIN_MSEC_USEC : 0;
        return hin_ok();
    }
    return add_rest(call, query, criterion);
}

HIN_RESULT hin_query_from_body(struct hin_api_call *call, struct hin_query *query)
{
    struct hin_api_filter filter = {.max_items = LIMIT_DEFAULT};
    struct hin_view sort = HIN_VIEW("asc");
    HIN_TRY(read_format(call, query));
    HIN_TRY(hin_api_query_text(call, "sort", &sort));
    query->filter.descending = hin_view_is(sort, "desc");
    if (call->request->body.size == 0) {
        return hin_ok();
    }
    HIN_TRY(hin_api_parse(call, call->request->body, 1 << 20, &call->body));
    HIN_TRY(hin_api_validate(&hin_api_search_filter, call->body, true, &call->error));
    HIN_TRY(hin_api_filter_parse(call->body, &filter, &call->error));
    query->filter.limit = filter.max_items;
    for (size_t i = 0; i < filter.count; i++) {
        HIN_TRY(add_criterion(call, query, &filter.items[i]));
    }
    /* Paging backwards: the last page before an ID is what "less than" asks for. */
    if (query->filter.before_id > 0 && query->filter.after_id == 0 && !filter.sort_by_id) {
        query->filter.descending = true;
    }
    return hin_ok();
}

/* ---- writing ---- */

static bool id_passes(const struct hin_query *query, int64_t id)
{
    for (size_t i = 0; i < query->not_id_count; i++) {
        if (query->not_ids[i] == id) {
            return false;
        }
    }
    return true;
}

static HIN_RESULT judge_rest(const struct hin_query *query, int64_t id, struct hin_view object,
                             bool *ret_passes)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    HIN_TRY(hin_json_parse(object, HIN_STORE_DOCUMENT_BYTES, &document, NULL));
    *ret_passes = hin_api_filter_matches(&query->rest, hin_json_root(document), id);
    return hin_ok();
}

static HIN_RESULT write_text(const struct hin_query *query, const struct hin_event *event,
                             const struct hin_write_options *options, struct hin_buf *out)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 1 << 20};
    struct hin_json_writer writer;
    struct hin_result written =
        query->format == HIN_QUERY_TABLE ? hin_event_write_row(event, options, &text)
        : query->format == HIN_QUERY_CEF ? hin_event_write_cef(event, options, &text)
                                         : hin_event_write_leef(event, options, &text);
    HIN_TRY(written);
    hin_json_writer_init(&writer, out, false);
    hin_json_begin_object(&writer);
    hin_json_field_integer(&writer, "ID", options->id);
    hin_json_field_text(&writer, "text", hin_buf_view(&text));
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

HIN_RESULT hin_query_write(const struct hin_query *query, const struct hin_store_event *event,
                           struct hin_arena *arena, struct hin_buf *out, bool *ret_passes)
{
    struct hin_event decoded;
    struct hin_write_options options = {.id = event->id, .facility = 16};
    size_t before = out->size;
    *ret_passes = id_passes(query, event->id);
    if (!*ret_passes) {
        return hin_ok();
    }
    HIN_TRY(hin_event_decode(event->bytes, arena, &decoded));
    if (query->format == HIN_QUERY_OCSF || query->rest.count > 0) {
        HIN_TRY(hin_event_write_ocsf(&decoded, &options, out));
    }
    if (query->rest.count > 0) {
        HIN_TRY(judge_rest(query, event->id, hin_view_of(out->data + before, out->size - before),
                           ret_passes));
    }
    if (!*ret_passes || query->format != HIN_QUERY_OCSF) {
        out->size = before;
    }
    return *ret_passes && query->format != HIN_QUERY_OCSF
               ? write_text(query, &decoded, &options, out)
               : hin_ok();
}
