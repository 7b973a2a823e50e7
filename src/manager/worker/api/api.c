#include "manager/worker/api/api.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/log.h"
#include "crypt/token.h"
#include "io/url.h"
#include "manager/revision.h"
#include "manager/worker/api/auth.h"
#include "manager/worker/api/changes.h"
#include "manager/worker/api/page.h"
#include "manager/worker/api/reads.h"
#include "manager/worker/api/stream.h"
#include "store/audit.h"

enum {
    REQUEST_ARENA_MAX = 256 << 20,
    ANSWER_MAX = 64 << 20,
    BODY_MAX = 1 << 20,
    DOCUMENTS_MAX = 65536,
    NAME_MAX_BYTES = 64,
};

/* Documents parsed while a request is handled; freed with it. */
struct kept {
    struct hin_json_document *document;
    struct kept *next;
};

struct hin_api {
    struct hin_worker *worker;
    struct hin_http_server *server;
    struct hin_auth *auth;
    struct hin_streams *streams;
    struct hin_reads *reads;
    struct kept *kept; /* of the request being handled: handlers run one at a time */
};

/* ---- helpers for handlers ---- */

HIN_RESULT hin_api_own_only(struct hin_api_call *call, const char *whose)
{
    return call->tenant->number == 0
               ? hin_ok()
               : hin_api_fail(call, HIN_DENIED, "%s: its own tenant's affair", whose);
}

void hin_api_put_time(struct hin_json_writer *writer, const char *name, int64_t usec)
{
    if (usec > 0) {
        hin_json_field_integer(writer, name, usec / HIN_MSEC_USEC);
    } else {
        hin_json_key(writer, name);
        hin_json_put_null(writer);
    }
}

HIN_RESULT hin_api_fail(struct hin_api_call *call, enum hin_code code, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return hin_error_set(&call->error, code, NULL, 0, 0, "%s", text);
}

HIN_RESULT hin_api_query_known(struct hin_api_call *call, const char *const *names, size_t count)
{
    struct hin_view rest = call->request->query;
    struct hin_view name, value;
    while (hin_url_query_next(&rest, &name, &value)) {
        bool known = name.size == 0; /* "?" and "&&" are nothing */
        for (size_t i = 0; i < count && !known; i++) {
            known = hin_view_is(name, names[i]);
        }
        if (!known) {
            return hin_api_fail(call, HIN_INVALID, "there is no query parameter %.*s here",
                                HIN_ARGS(hin_view_sub(name, 0, 64)));
        }
    }
    return hin_ok();
}

HIN_RESULT hin_api_query_text(struct hin_api_call *call, const char *name, struct hin_view *value)
{
    struct hin_view text;
    struct hin_result found = hin_http_request_param(call->exchange, name, &text);
    if (found.code == HIN_NOT_FOUND) {
        return hin_ok();
    }
    if (!hin_is_ok(found)) {
        return hin_api_fail(call, HIN_INVALID, "%s: given twice, or not well-formed", name);
    }
    *value = text;
    return hin_ok();
}

HIN_RESULT hin_api_query_integer(struct hin_api_call *call, const char *name, int64_t min,
                                 int64_t max, int64_t *value)
{
    struct hin_view text = HIN_VIEW_EMPTY;
    int64_t number = 0;
    HIN_TRY(hin_api_query_text(call, name, &text));
    if (text.data == NULL) {
        return hin_ok();
    }
    if (!hin_is_ok(hin_view_to_i64(text, &number)) || number < min || number > max) {
        return hin_api_fail(call, HIN_INVALID, "%s: not an integer from %lld to %lld", name,
                            (long long)min, (long long)max);
    }
    *value = number;
    return hin_ok();
}

HIN_RESULT hin_api_parse(struct hin_api_call *call, struct hin_view text, size_t max_bytes,
                         struct hin_json *ret_root)
{
    struct hin_api *api = call->worker->api;
    struct kept *kept = NULL;
    struct hin_json_document *document = NULL;
    HIN_TRY(HIN_ARENA_NEW(call->arena, &kept));
    HIN_TRY(hin_json_parse(text, max_bytes, &document, &call->error));
    kept->document = document;
    kept->next = api->kept;
    api->kept = kept;
    *ret_root = hin_json_root(document);
    return hin_ok();
}

static void free_kept(struct hin_api *api)
{
    for (struct kept *at = api->kept; at != NULL; at = at->next) {
        hin_json_free(at->document);
    }
    api->kept = NULL;
}

HIN_RESULT hin_api_note(struct hin_api_call *call, const struct hin_api_attributes *attributes,
                        struct hin_json before, struct hin_json after)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_STORE_AUDIT_MAX_BYTES};
    HIN_TRY(hin_changes_write(attributes, before, after, call->body, &text));
    return hin_arena_copy(call->arena, hin_buf_view(&text), &call->changes);
}

HIN_RESULT hin_api_note_stored(struct hin_api_call *call,
                               const struct hin_api_attributes *attributes, struct hin_json before,
                               struct hin_view after)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    HIN_TRY(hin_json_parse(after, HIN_STORE_DOCUMENT_BYTES, &document, NULL));
    return hin_api_note(call, attributes, before, hin_json_root(document));
}

HIN_RESULT hin_api_change(struct hin_api_call *call, struct hin_api_change *change)
{
    struct hin_store *store = call->tenant->store;
    call->changes = HIN_VIEW_EMPTY;
    HIN_TRY(hin_store_begin(store));
    struct hin_result result =
        change->effect != NULL ? change->effect(call, change->context, &change->object) : hin_ok();
    if (hin_is_ok(result) && hin_revision_counts(change->kind)) {
        result = hin_revision_raise(call->tenant);
    }
    if (hin_is_ok(result)) {
        struct hin_audit audit = {
            .action = change->action,
            .outcome = "done",
            .actor =
                call->who != NULL ? hin_view_from_text(call->who->text) : HIN_VIEW("anonymous"),
            .peer = hin_view_from_text(call->peer),
            .kind = change->kind_name,
            .object = change->object,
            .detail = change->detail,
            .changes = call->changes,
        };
        result = hin_audit_write(call->tenant, &audit);
    }
    struct hin_result ended = hin_store_end(store, hin_is_ok(result));
    HIN_TRY(result);
    HIN_TRY(ended);
    if (change->kind != 0) {
        hin_desk_changed(call->desk, change->kind, change->object);
    }
    return hin_ok();
}

/* ---- answers ---- */

static const struct {
    enum hin_code code;
    unsigned status;
} statuses[] = {
    {HIN_OK, 200},          {HIN_INVALID, 400}, {HIN_SYNTAX, 400},    {HIN_TRUNCATED, 400},
    {HIN_UNSUPPORTED, 400}, {HIN_LIMIT, 413},   {HIN_AUTH, 401},      {HIN_EXPIRED, 401},
    {HIN_REVOKED, 401},     {HIN_DENIED, 403},  {HIN_NOT_FOUND, 404}, {HIN_CONFLICT, 409},
    {HIN_EXISTS, 409},      {HIN_AGAIN, 503},   {HIN_TIMEOUT, 503},   {HIN_NO_SPACE, 507},
    {HIN_SET_BACK, 409},
};

static unsigned status_of(enum hin_code code)
{
    for (size_t i = 0; i < HIN_COUNT(statuses); i++) {
        if (statuses[i].code == code) {
            return statuses[i].status;
        }
    }
    return 500;
}

static void refuse(struct hin_http_exchange *exchange, unsigned status, const char *text)
{
    if (status == 503) {
        HIN_IGNORE(hin_http_reply_header(exchange, "Retry-After", "2")); /* a courtesy */
    }
    HIN_IGNORE(hin_http_reply_message(exchange, status, text)); /* the peer may have gone */
}

static void answer_failure(struct hin_api_call *call, struct hin_result result)
{
    char text[1200];
    unsigned status = status_of(result.code);
    if (status == 500) {
        hin_log_result(HIN_LOG_ERROR, result, "%s %.*s",
                       hin_http_method_name(call->request->method), HIN_ARGS(call->request->path));
    }
    if (call->error.text[0] != 0 && status != 500) {
        hin_error_format(&call->error, text, sizeof(text));
    } else {
        snprintf(text, sizeof(text), "%s", hin_code_text(result.code));
    }
    refuse(call->exchange, status, text);
}

static void answer(struct hin_api_call *call, struct hin_result result)
{
    if (call->taken) {
        return;
    }
    if (!hin_is_ok(result)) {
        answer_failure(call, result);
        return;
    }
    bool empty = call->out->size == 0;
    const char *type = call->content_type != NULL ? call->content_type : "application/json";
    HIN_IGNORE(
        hin_http_reply(call->exchange, call->status, empty ? NULL : type, hin_buf_view(call->out)));
}

/* ---- routes ---- */

struct route {
    const struct hin_api_resource *resource;
    enum hin_api_operation operation;
    const struct hin_api_action *action;
    int64_t id;
    struct hin_view name;
    bool path_known; /* some method is served on this path */
};

/* Does the path fit "computers/{id}/approve"? */
static bool fits(const char *template, struct hin_view path, int64_t *id, struct hin_view *name)
{
    struct hin_view rest = hin_view_from_text(template);
    struct hin_view wanted;
    struct hin_view part;
    while (hin_view_split(&rest, '/', &wanted)) {
        if (!hin_view_split(&path, '/', &part)) {
            return false;
        }
        if (hin_view_is(wanted, "{id}")) {
            if (!hin_is_ok(hin_view_to_i64(part, id)) || *id < 1) {
                return false;
            }
        } else if (hin_view_is(wanted, "{name}")) {
            if (part.size == 0 || part.size > NAME_MAX_BYTES) {
                return false;
            }
            *name = part;
        } else if (!hin_view_equal(wanted, part)) {
            return false;
        }
    }
    return path.data == NULL || path.size == 0;
}

static const struct {
    enum hin_http_method method;
    enum hin_api_operation operation;
    const char *suffix;
} operation_routes[] = {
    {HIN_HTTP_GET, HIN_API_LIST, ""},           {HIN_HTTP_POST, HIN_API_CREATE, ""},
    {HIN_HTTP_POST, HIN_API_SEARCH, "/search"}, {HIN_HTTP_GET, HIN_API_GET, "/{id}"},
    {HIN_HTTP_POST, HIN_API_MODIFY, "/{id}"},   {HIN_HTTP_DELETE, HIN_API_DELETE, "/{id}"},
};

static bool match_resource(const struct hin_api_resource *resource, enum hin_http_method method,
                           struct hin_view path, struct route *route)
{
    char template[128];
    for (size_t i = 0; i < HIN_COUNT(operation_routes); i++) {
        if ((resource->operations & operation_routes[i].operation) == 0) {
            continue;
        }
        snprintf(template, sizeof(template), "%s%s", resource->path, operation_routes[i].suffix);
        if (fits(template, path, &route->id, &route->name)) {
            route->path_known = true;
            if (operation_routes[i].method == method) {
                route->resource = resource;
                route->operation = operation_routes[i].operation;
                return true;
            }
        }
    }
    return false;
}

static bool match_module(const struct hin_api_module *module, enum hin_http_method method,
                         struct hin_view path, struct route *route)
{
    for (size_t i = 0; i < module->action_count; i++) {
        if (fits(module->actions[i].path, path, &route->id, &route->name)) {
            route->path_known = true;
            if (module->actions[i].method == method) {
                route->action = &module->actions[i];
                return true;
            }
        }
    }
    return module->resource != NULL && match_resource(module->resource, method, path, route);
}

static bool find_route(enum hin_http_method method, struct hin_view path, struct route *route)
{
    if (method == HIN_HTTP_HEAD) {
        method = HIN_HTTP_GET;
    }
    for (size_t i = 0; i < hin_api_module_count; i++) {
        if (match_module(hin_api_modules[i], method, path, route)) {
            return true;
        }
    }
    return false;
}

static unsigned right_of(const struct route *route)
{
    if (route->action != NULL) {
        return route->action->right;
    }
    unsigned reads = HIN_API_LIST | HIN_API_GET | HIN_API_SEARCH;
    return (route->operation & reads) != 0 ? route->resource->read_right
                                           : route->resource->edit_right;
}

/* ---- who ---- */

static bool find_secret(const struct hin_http_exchange *exchange, struct hin_view *ret_secret)
{
    struct hin_view value;
    if (hin_http_request_header(exchange, "api-secret-key", ret_secret)) {
        return true;
    }
    if (hin_http_request_header(exchange, "authorization", &value) && value.size > 7) {
        if (hin_view_equal_nocase(hin_view_sub(value, 0, 7), HIN_VIEW("ApiKey "))) {
            *ret_secret = hin_view_trim(hin_view_sub(value, 7, value.size));
            return true;
        }
    }
    return false;
}

static void record_refusal(struct hin_api_call *call, const char *why)
{
    char detail[512];
    snprintf(detail, sizeof(detail), "%s %.*s: %s", hin_http_method_name(call->request->method),
             (int)HIN_MIN(call->request->path.size, 200U), (const char *)call->request->path.data,
             why);
    struct hin_audit audit = {
        .action = "api.request",
        .outcome = "refused",
        .actor = call->who != NULL ? hin_view_from_text(call->who->text) : HIN_VIEW("anonymous"),
        .peer = hin_view_from_text(call->peer),
        .detail = hin_view_from_text(detail),
    };
    call->worker->counters.api_refusals++;
    hin_desk_refused(call->desk, &audit);
}

static HIN_RESULT too_many(struct hin_api_call *call)
{
    call->worker->counters.api_limited++;
    refuse(call->exchange, 429, "Too many API requests");
    call->taken = true;
    return hin_fail(HIN_LIMIT);
}

/* A wrong key from an address that has sent many: no entry a request any more. Right keys from
 * there go on working. */
static HIN_RESULT refuse_key(struct hin_api_call *call, enum hin_code why)
{
    struct hin_auth *auth = call->worker->api->auth;
    if (!hin_is_ok(hin_auth_count_failure(auth, hin_stream_peer(call->request->stream)))) {
        return too_many(call);
    }
    record_refusal(call, hin_code_text(why));
    return hin_api_fail(call, HIN_AUTH, "the API key is not valid");
}

static HIN_RESULT explain_wait(struct hin_api_call *call, struct hin_view secret)
{
    uint64_t number = 0;
    bool named = hin_is_ok(hin_token_tenant(HIN_TOKEN_API_KEY, secret, &number));
    if (named && hin_desk_is_restored(call->worker, number)) {
        return hin_api_fail(call, HIN_AGAIN,
                            "this tenant is being restored from a backup, and is served again in a "
                            "moment: ask again");
    }
    return hin_fail(HIN_AGAIN);
}

HIN_RESULT hin_api_secret_digest(const struct hin_api_call *call,
                                 uint8_t ret_digest[HIN_SHA256_BYTES])
{
    struct hin_view secret;
    HIN_ENSURE(find_secret(call->exchange, &secret), AUTH);
    return hin_token_hash(HIN_TOKEN_API_KEY, secret, ret_digest);
}

/* A key is told to be wrong in one way only, whether it is unknown, expired or inactive. */
static HIN_RESULT authenticate(struct hin_api_call *call)
{
    struct hin_auth *auth = call->worker->api->auth;
    struct hin_view secret;
    if (!find_secret(call->exchange, &secret)) {
        record_refusal(call, "no key");
        return hin_api_fail(
            call, HIN_AUTH,
            "an API key is needed: header api-secret-key, or Authorization: ApiKey KEY");
    }
    const struct hin_api_principal *who = NULL;
    struct hin_result found = hin_auth_find(auth, secret, &who);
    if (hin_is_ok(found)) { /* a copy: a change of keys empties what auth keeps */
        call->caller = *who;
        call->who = &call->caller;
        hin_api_call_bind(call, who->desk);
    }
    if (found.code == HIN_CONFLICT) {
        return hin_api_fail(call, HIN_DENIED, "the tenant of this key is suspended");
    }
    if (found.code == HIN_AUTH || found.code == HIN_EXPIRED || found.code == HIN_REVOKED) {
        return refuse_key(call, found.code);
    }
    if (found.code == HIN_SET_BACK) {
        return hin_api_fail(call, HIN_SET_BACK,
                            "this tenant is not served: its store, or what its keys say of it, was "
                            "set back to an older state. Whoever runs the installation puts the "
                            "newest back or accepts it (hinomi-manager restore)");
    }
    if (found.code == HIN_AGAIN) {
        return explain_wait(call, secret);
    }
    HIN_TRY(found);
    return hin_is_ok(hin_auth_count_call(auth, call->who)) ? hin_ok() : too_many(call);
}

static HIN_RESULT authorise(struct hin_api_call *call, unsigned right)
{
    if (right == HIN_RIGHT_NONE) {
        return hin_ok();
    }
    HIN_TRY(authenticate(call));
    if ((call->who->rights & right) != right) {
        record_refusal(call, "the role has no such right");
        return hin_api_fail(call, HIN_DENIED, "the role of this key does not permit it");
    }
    return hin_ok();
}

static HIN_RESULT check_version(struct hin_api_call *call)
{
    struct hin_view version;
    if (!hin_http_request_header(call->exchange, "api-version", &version)) {
        return hin_api_fail(call, HIN_INVALID, "the header api-version: v1 is missing");
    }
    if (!hin_view_is(version, "v1")) {
        return hin_api_fail(call, HIN_INVALID, "api-version %.*s is not served: v1 is",
                            HIN_ARGS(hin_view_sub(version, 0, 32)));
    }
    return hin_ok();
}

/* ---- a request ---- */

static HIN_RESULT read_body(struct hin_api_call *call, const struct hin_api_attributes *model,
                            bool creating)
{
    if (call->request->body.size == 0) {
        return hin_api_fail(call, HIN_INVALID, "a JSON body is needed");
    }
    HIN_TRY(hin_api_parse(call, call->request->body, HIN_STORE_DOCUMENT_BYTES, &call->body));
    return hin_api_validate(model, call->body, creating, &call->error);
}

static HIN_RESULT run_operation(struct hin_api_call *call, const struct route *route)
{
    static const struct {
        enum hin_api_operation operation;
        struct hin_result (*run)(struct hin_api_call *call,
                                 const struct hin_api_resource *resource);
    } runs[] = {
        {HIN_API_LIST, hin_api_resource_list},     {HIN_API_CREATE, hin_api_resource_create},
        {HIN_API_SEARCH, hin_api_resource_search}, {HIN_API_GET, hin_api_resource_get},
        {HIN_API_MODIFY, hin_api_resource_modify}, {HIN_API_DELETE, hin_api_resource_delete},
    };
    if (route->operation == HIN_API_CREATE || route->operation == HIN_API_MODIFY) {
        HIN_TRY(read_body(call, route->resource->attributes, route->operation == HIN_API_CREATE));
    }
    for (size_t i = 0; i < HIN_COUNT(runs); i++) {
        if (runs[i].operation == route->operation) {
            return runs[i].run(call, route->resource);
        }
    }
    return hin_fail(HIN_INTERNAL);
}

static HIN_RESULT run_route(struct hin_api_call *call, const struct route *route)
{
    if (route->action == NULL || !route->action->open_version) {
        HIN_TRY(check_version(call));
    }
    HIN_TRY(authorise(call, right_of(route)));
    call->id = route->id;
    call->name = route->name;
    if (route->action == NULL) {
        return run_operation(call, route);
    }
    if (route->action->body != NULL) {
        HIN_TRY(read_body(call, route->action->body, true));
    }
    return route->action->handle(call);
}

static bool api_path(const struct hin_http_request *request, struct hin_view *ret_path)
{
    struct hin_view prefix = HIN_VIEW("/api/");
    if (!hin_view_starts_with(request->path, prefix)) {
        return false;
    }
    *ret_path = hin_view_sub(request->path, prefix.size, request->path.size);
    return true;
}

static void handle(void *context, struct hin_http_exchange *exchange)
{
    struct hin_api *api = context;
    const struct hin_http_request *request = hin_http_exchange_request(exchange);
    struct route route = {0};
    struct hin_view path;
    api->worker->counters.api_requests++;
    if (hin_api_page(api->worker, exchange)) {
        return;
    }
    if (!api_path(request, &path) || !find_route(request->method, path, &route)) {
        refuse(exchange, route.path_known ? 405 : 404,
               route.path_known ? "this method is not served here" : "not found");
        return;
    }
    struct hin_arena arena;
    HIN_CLEANUP(hin_buf_done) struct hin_buf out = {.max = ANSWER_MAX};
    hin_arena_init(&arena, REQUEST_ARENA_MAX);
    struct hin_api_call call = {
        .worker = api->worker,
        .desk = api->worker->desks,
        .tenant = &api->worker->desks->tenant,
        .exchange = exchange,
        .request = request,
        .arena = &arena,
        .status = 200,
        .out = &out,
    };
    hin_address_format_host(hin_stream_peer(request->stream), call.peer, sizeof(call.peer));
    struct hin_result result = run_route(&call, &route);
    answer(&call, result);
    hin_wipe(out.data, out.size); /* answers may hold a secret shown once */
    free_kept(api);
    hin_arena_done(&arena);
}

/* Rule files are larger than what a body may be by default. */
static void admit(void *context, struct hin_http_exchange *exchange, size_t *body_max_bytes)
{
    const struct hin_http_request *request = hin_http_exchange_request(exchange);
    struct route route = {0};
    struct hin_view path;
    (void)context;
    if (!api_path(request, &path) || !find_route(request->method, path, &route)) {
        return;
    }
    size_t own = route.action != NULL     ? route.action->body_max_bytes
                 : route.resource != NULL ? route.resource->body_max_bytes
                                          : 0;
    *body_max_bytes = own > 0 ? own : *body_max_bytes;
}

/* ---- life ---- */

HIN_RESULT hin_api_new(struct hin_worker *worker, struct hin_api **ret_api)
{
    struct hin_api *api = calloc(1, sizeof(*api));
    HIN_ENSURE(api != NULL, NO_MEMORY);
    api->worker = worker;
    struct hin_result made = hin_auth_new(worker, &api->auth);
    if (hin_is_ok(made)) {
        made = hin_streams_new(worker, &api->streams);
    }
    if (hin_is_ok(made)) {
        made = hin_reads_new(worker, &api->reads);
    }
    if (!hin_is_ok(made)) {
        hin_api_free(api);
        return made;
    }
    *ret_api = api;
    return hin_ok();
}

void hin_api_free(struct hin_api *api)
{
    if (api != NULL) {
        hin_streams_free(api->streams);
        hin_http_server_free(api->server);
        hin_reads_free(api->reads);
        hin_auth_free(api->auth);
        free(api);
    }
}

HIN_RESULT hin_api_listen(struct hin_api *api, int fd, struct hin_tls *tls)
{
    struct hin_http_server_options options = hin_http_server_options_default();
    options.tls = tls;
    options.body_max_bytes = BODY_MAX;
    options.admit = admit;
    options.handle = handle;
    options.context = api;
    return hin_http_server_new(api->worker->loop, fd, &options, &api->server);
}

void hin_api_set_tls(struct hin_api *api, struct hin_tls *tls)
{
    hin_http_server_set_tls(api->server, tls);
}

const struct hin_http_server *hin_api_server(const struct hin_api *api)
{
    return api->server;
}

struct hin_auth *hin_api_auth(struct hin_api *api)
{
    return api->auth;
}

struct hin_streams *hin_api_streams(struct hin_api *api)
{
    return api->streams;
}

struct hin_reads *hin_api_reads(struct hin_api *api)
{
    return api->reads;
}

void hin_api_on_changed(struct hin_api *api, enum hin_store_kind kind)
{
    if (kind == HIN_STORE_API_KEYS || kind == HIN_STORE_ADMINISTRATORS) {
        hin_auth_forget(api->auth);
        hin_streams_check(api->streams);
    }
}

void hin_api_on_committed(struct hin_api *api, struct hin_desk *desk, int64_t last_id)
{
    if (api != NULL) {
        hin_streams_wake(api->streams, desk, last_id);
    }
}

void hin_api_end_streams(struct hin_api *api, const struct hin_desk *desk)
{
    hin_auth_forget(api->auth);
    hin_streams_end(api->streams, desk);
}
