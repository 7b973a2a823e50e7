#include "cli/api.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/terminal.h"
#include "cli/cli.h"
#include "crypt/tls.h"
#include "io/url.h"

#define ANSWER_BYTES ((size_t)64 * 1024 * 1024)

static const struct {
    unsigned status;
    enum hin_code code;
} statuses[] = {{401, HIN_AUTH},     {403, HIN_DENIED}, {404, HIN_NOT_FOUND},
                {409, HIN_CONFLICT}, {413, HIN_LIMIT},  {429, HIN_AGAIN}};

struct hin_result hin_cli_api_open(struct hin_cli_api *api, struct hin_error *error)
{
    *api = (struct hin_cli_api){0};
    HIN_TRY(hin_profile_load(&api->profile, error));
    api->stored = true;
    return hin_cli_api_connect(api, error);
}

struct hin_result hin_cli_api_connect(struct hin_cli_api *api, struct hin_error *error)
{
    hin_buf_init(&api->url, HIN_URL_BYTES_MAX);
    struct hin_tls_options options = {
        .role = HIN_TLS_CLI_CLIENT,
        .ca_fingerprint =
            api->profile.ca_fingerprint[0] != '\0' ? api->profile.ca_fingerprint : NULL,
    };
    if (!hin_is_ok(hin_tls_new(&api->tls, &options))) {
        return hin_error_set(
            error, HIN_INVALID, NULL, 0, 0,
            "the fingerprint of the authority is not usable: 64 hex digits are needed, as "
            "`hinomi-manager init` prints them");
    }
    struct hin_http_client_options client = hin_http_client_options_default();
    client.tls = api->tls;
    client.peer_name = "manager";
    client.body_max_bytes = ANSWER_BYTES;
    return hin_http_client_new(&client, &api->client);
}

struct hin_result hin_cli_api_connect_to(struct hin_cli_api *api, const char *url,
                                         const char *ca_fingerprint, struct hin_error *error)
{
    struct hin_url parsed;
    HIN_TRY(hin_url_parse(hin_view_from_text(url), &parsed, error));
    if (strcmp(parsed.scheme, "https") != 0 || (parsed.path.size > 1) || parsed.has_query) {
        return hin_error_set(error, HIN_INVALID, NULL, 0, 0,
                             "%s: https://HOST:PORT is needed, without a path", url);
    }
    HIN_CLEANUP(hin_buf_done) struct hin_buf authority;
    hin_buf_init(&authority, 512);
    HIN_TRY(hin_url_format_authority(&parsed, &authority));
    snprintf(api->profile.url, sizeof(api->profile.url), "https://%.*s",
             HIN_ARGS(hin_buf_view(&authority)));
    struct hin_view pin = hin_view_from_text(ca_fingerprint);
    if (!hin_is_ok(hin_view_to_text(pin, api->profile.ca_fingerprint,
                                    sizeof(api->profile.ca_fingerprint)))) {
        return hin_error_set(error, HIN_INVALID, NULL, 0, 0,
                             "--ca-fingerprint takes 64 hex digits");
    }
    return hin_cli_api_connect(api, error);
}

void hin_cli_api_done(struct hin_cli_api *api)
{
    hin_http_answer_done(&api->answer);
    hin_http_client_free(api->client);
    hin_tls_free(api->tls);
    hin_profile_done(&api->profile);
    hin_buf_done(&api->url);
    *api = (struct hin_cli_api){0};
}

/* "api-version" and the key; the header's text lives in `key`, a page of its own kind. */
struct headers {
    struct hin_http_client_header items[2];
    size_t count;
    struct hin_secret key;
};

static HIN_RESULT make_headers(const struct hin_cli_api *api, struct headers *headers)
{
    headers->items[headers->count++] = (struct hin_http_client_header){"api-version", "v1"};
    struct hin_view key = hin_secret_view(&api->profile.api_key);
    if (key.size > 0) {
        HIN_TRY(
            hin_secret_new(&headers->key, key.size + 1)); /* zeroed: the last byte ends the text */
        hin_copy(headers->key.data, key.data, key.size);
        headers->items[headers->count++] =
            (struct hin_http_client_header){"api-secret-key", (const char *)headers->key.data};
    }
    return hin_ok();
}

static void headers_done(struct headers *headers)
{
    hin_secret_done(&headers->key);
}

static HIN_RESULT make_url(struct hin_cli_api *api, const char *path, const char **ret_url)
{
    hin_buf_clear(&api->url);
    HIN_TRY(hin_buf_printf(&api->url, "%s/api%s", api->profile.url, path));
    return hin_buf_text(&api->url, ret_url);
}

/* An answer outside 2xx as a failure in the manager's words: {"message": "..."} . */
static HIN_RESULT refuse(const struct hin_cli_api *api, struct hin_error *error)
{
    const struct hin_http_answer *answer = &api->answer;
    unsigned status = answer->head.status;
    enum hin_code code = status >= 500 ? HIN_IO : HIN_INVALID;
    for (size_t i = 0; i < HIN_COUNT(statuses); i++) {
        code = statuses[i].status == status ? statuses[i].code : code;
    }
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_view message = HIN_VIEW_EMPTY;
    if (hin_is_ok(hin_json_parse(hin_buf_view(&answer->body), ANSWER_BYTES, &document, NULL))) {
        HIN_IGNORE(hin_json_opt_text(hin_json_root(document), "message", &message,
                                     NULL)); /* then the status says it */
    }
    if (message.size == 0) {
        message = hin_view_from_text(hin_http_status_text(status));
    }
    const char *hint =
        code == HIN_AUTH && api->profile.api_key.size > 0
            ? " (the key may have expired or been deleted: `hinomi login URL` makes a new one)"
            : "";
    return hin_error_set(error, code, NULL, 0, 0, "the manager answered %u: %.*s%s", status,
                         HIN_ARGS(message), hint);
}

/* The server was verified under an authority that took over from the pinned one, with its
 * signature: from now on the profile trusts that one alone. */
static void follow_authority(struct hin_cli_api *api)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf der = {.max = HIN_X509_MAX_BYTES};
    char fingerprint[HIN_SHA256_HEX_BYTES];
    struct hin_error error = {0};
    struct hin_view pinned = hin_view_from_text(api->profile.ca_fingerprint);
    if (pinned.size == 0 || !hin_is_ok(hin_tls_seen_ca(api->tls, &der)) ||
        !hin_is_ok(hin_x509_fingerprint(hin_buf_view(&der), fingerprint)) ||
        hin_view_equal_nocase(pinned, hin_view_from_text(fingerprint))) {
        return;
    }
    hin_terminal_line(stderr,
                      "hinomi: the installation has a new certificate authority, signed by the one "
                      "known so far: fingerprint %s, before it %s",
                      fingerprint, api->profile.ca_fingerprint);
    snprintf(api->profile.ca_fingerprint, sizeof(api->profile.ca_fingerprint), "%s", fingerprint);
    if (api->stored && !hin_is_ok(hin_profile_store(&api->profile, &error))) {
        (void)hin_cli_complain(&error);
    }
}

/* While an authority takes over, a worker may serve under the former one for a second longer than
 * another. A handshake that failed has sent nothing, so the second try repeats nothing. */
static HIN_RESULT call_twice(struct hin_cli_api *api, const struct hin_http_call *call,
                             struct hin_error *error)
{
    static const struct timespec pause = {.tv_sec = 1, .tv_nsec = 500 * 1000 * 1000};
    struct hin_result result = hin_http_client_call(api->client, call, &api->answer, error);
    if (result.code != HIN_AUTH) {
        return result;
    }
    (void)nanosleep(&pause, NULL);
    *error = (struct hin_error){0};
    return hin_http_client_call(api->client, call, &api->answer, error);
}

static HIN_RESULT perform(struct hin_cli_api *api, enum hin_http_method method, const char *path,
                          struct hin_view body, const char *content_type, struct hin_error *error)
{
    HIN_CLEANUP(headers_done) struct headers headers = {0};
    HIN_TRY(make_headers(api, &headers));
    struct hin_http_call call = {.method = method,
                                 .headers = headers.items,
                                 .header_count = headers.count,
                                 .body = body,
                                 .content_type = body.size > 0 ? content_type : NULL};
    HIN_TRY(make_url(api, path, &call.url));
    HIN_TRY(call_twice(api, &call, error));
    follow_authority(api);
    return api->answer.head.status < 200 || api->answer.head.status > 299 ? refuse(api, error)
                                                                          : hin_ok();
}

struct hin_result hin_cli_api_send(struct hin_cli_api *api, const char *path, struct hin_view bytes,
                                   struct hin_error *error)
{
    return perform(api, HIN_HTTP_POST, path, bytes, "application/octet-stream", error);
}

struct hin_result hin_cli_api_call(struct hin_cli_api *api, enum hin_http_method method,
                                   const char *path, struct hin_view body,
                                   struct hin_json_document **ret_document, struct hin_error *error)
{
    HIN_TRY(perform(api, method, path, body, "application/json", error));
    if (ret_document == NULL) {
        return hin_ok();
    }
    if (api->answer.body.size == 0) {
        *ret_document = NULL;
        return hin_ok();
    }
    return hin_json_parse(hin_buf_view(&api->answer.body), ANSWER_BYTES, ret_document, error);
}

void hin_cli_api_print(const struct hin_cli_api *api)
{
    struct hin_view body = hin_buf_view(&api->answer.body);
    if (isatty(STDOUT_FILENO) == 1) {
        HIN_IGNORE(hin_terminal_put(body, stdout) ? hin_ok() : hin_fail(HIN_IO)); /* seen at exit */
    } else { /* a program gets each byte as it is */
        fwrite(body.data, 1, body.size, stdout);
    }
    fputc('\n', stdout);
}

/* Told once for each loss, not for each try. */
static bool tell_retry(void *context, const struct hin_error *error, unsigned attempt,
                       int64_t wait_usec)
{
    (void)context;
    (void)wait_usec;
    if (attempt == 1) {
        char text[1200];
        hin_error_format(error, text, sizeof(text));
        hin_terminal_line(stderr, "hinomi: the stream broke off (%s); trying again", text);
    }
    return true;
}

struct hin_result
hin_cli_api_follow(struct hin_cli_api *api, const char *path, struct hin_view last_event_id,
                   bool (*on_event)(void *context, const struct hin_http_event *event),
                   void *context, struct hin_error *error)
{
    HIN_CLEANUP(headers_done) struct headers headers = {0};
    HIN_TRY(make_headers(api, &headers));
    struct hin_http_follow follow = {
        .call = {.method = HIN_HTTP_GET, .headers = headers.items, .header_count = headers.count},
        .last_event_id = last_event_id,
        .on_event = on_event,
        .on_retry = tell_retry,
        .context = context,
    };
    HIN_TRY(make_url(api, path, &follow.call.url));
    return hin_http_client_follow(api->client, &follow, error);
}

int hin_cli_run(const struct hin_command *usage, int argc, char **argv, void *options,
                hin_cli_act *act)
{
    struct hin_error error = {0};
    HIN_CLEANUP(hin_cli_api_done) struct hin_cli_api api = {0};
    char **operands = NULL;
    size_t count = 0;
    int status = 0;
    if (!hin_cli_parse(usage, argc, argv, options, &operands, &count, &status)) {
        return status;
    }
    struct hin_result result = hin_cli_api_open(&api, &error);
    if (hin_is_ok(result)) {
        result = act(&api, options, count > 0 ? operands[0] : NULL, &error);
    }
    return hin_cli_finish(result, &error);
}

enum { WAIT_TRIES_MAX = 300 }; /* a minute */

static bool is_passing(struct hin_result result)
{
    return result.code == HIN_AGAIN || result.code == HIN_IO || result.code == HIN_CLOSED ||
           result.code == HIN_TIMEOUT;
}

HIN_RESULT hin_cli_api_wait(HIN_RESULT (*look)(void *context, bool *ret_ended), void *context,
                            struct hin_error *error)
{
    static const struct timespec pause = {.tv_nsec = 200 * 1000 * 1000};
    unsigned tries = 0;
    bool ended = false;
    while (!ended) {
        struct hin_result looked = look(context, &ended);
        tries = hin_is_ok(looked) ? 0 : tries + 1;
        if (!hin_is_ok(looked) && (!is_passing(looked) || tries == WAIT_TRIES_MAX)) {
            return looked;
        }
        if (!ended) {
            (void)nanosleep(&pause, NULL);
        }
    }
    *error = (struct hin_error){0};
    return hin_ok();
}
