/* One call of an object store's API: signed (SigV4, its payload too), sent over HTTPS, tried again
 * with jitter where that may help, and its failures as codes and as advice. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "aws/base64.h"
#include "aws/sigv4.h"
#include "base/bytes.h"
#include "depot/s3_internal.h"

#define TRIES      6
#define PAUSE_USEC (100 * HIN_MSEC_USEC) /* before the second try; doubled for each further one */

/* A whole request but for its origin: texts that the HTTP client borrows. */
struct signed_call {
    char url[HIN_S3_HOST_MAX + HIN_S3_PREFIX_MAX + HIN_DEPOT_NAME_MAX + HIN_S3_ID_MAX * 3 + 256];
    char path[HIN_S3_BUCKET_MAX + HIN_S3_PREFIX_MAX + HIN_DEPOT_NAME_MAX + 8];
    char digest[HIN_SHA256_HEX_BYTES];
    char date[HIN_SIGV4_DATE_BYTES];
    char token[HIN_SECRET_MAX + 1]; /* wiped by its owner */
    struct hin_buf authorization;
    struct hin_http_client_header headers[HIN_S3_FIELDS_MAX + 6];
    size_t header_count;
};

static void signed_call_done(struct signed_call *call)
{
    hin_wipe(call->token, sizeof(call->token));
    hin_buf_done(&call->authorization);
}

void hin_s3_ask_with(struct hin_s3_ask *ask, const char *name, const char *value)
{
    if (ask->field_count < HIN_S3_FIELDS_MAX) { /* all callers stay below it */
        ask->fields[ask->field_count++] = (struct hin_s3_field){name, value};
    }
}

static void add(struct signed_call *call, const char *name, const char *value)
{
    call->headers[call->header_count++] = (struct hin_http_client_header){name, value};
}

static HIN_RESULT sign(struct hin_s3 *s3, const struct hin_s3_ask *ask, struct signed_call *call,
                       int64_t now_usec)
{
    struct hin_sigv4_header headers[HIN_SIGV4_HEADERS_MAX];
    size_t count = 0;
    headers[count++] = (struct hin_sigv4_header){"host", hin_view_from_text(s3->settings.host)};
    for (size_t i = 0; i < call->header_count; i++) {
        headers[count++] = (struct hin_sigv4_header){call->headers[i].name,
                                                     hin_view_from_text(call->headers[i].value)};
    }
    struct hin_sigv4_request request = {
        .method = hin_http_method_name(ask->method),
        .path = call->path,
        .query = ask->query,
        .headers = headers,
        .header_count = count,
        .payload_digest = call->digest,
        .region = s3->settings.region,
        .service = "s3",
        .time_usec = now_usec,
        .access_key = hin_view_from_text(s3->credentials.access_key),
        .secret_key = hin_secret_view(&s3->credentials.secret_key),
    };
    const char *text = NULL;
    HIN_TRY(hin_sigv4_sign(&request, &call->authorization));
    HIN_TRY(hin_buf_text(&call->authorization, &text));
    add(call, "authorization", text);
    return hin_ok();
}

/* The digest of the payload is made once for all tries; date and signature are made for each. */
static HIN_RESULT digest_payload(struct hin_s3 *s3, const struct hin_s3_ask *ask,
                                 struct signed_call *call)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_S3_CHECKSUM_BYTES - 1};
    uint8_t digest[HIN_SHA256_BYTES];
    HIN_TRY(hin_sha256(ask->body, digest));
    hin_hex(digest, sizeof(digest), call->digest);
    HIN_TRY(hin_base64_encode(hin_view_of(digest, sizeof(digest)), &text));
    return hin_view_to_text(hin_buf_view(&text), s3->checksum, sizeof(s3->checksum));
}

static HIN_RESULT prepare(struct hin_s3 *s3, const struct hin_s3_ask *ask, struct signed_call *call)
{
    const struct hin_s3_settings *settings = &s3->settings;
    int64_t now_usec = hin_clock_wall_usec(hin_clock_system());
    hin_buf_done(&call->authorization);
    hin_buf_init(&call->authorization, 2048);
    call->header_count = 0;
    hin_sigv4_date(now_usec, call->date);
    (void)snprintf(call->path, sizeof(call->path), "%s%s/%s%s", settings->in_path ? "/" : "",
                   settings->in_path ? settings->bucket : "",
                   ask->name != NULL ? settings->prefix : "", ask->name != NULL ? ask->name : "");
    int size = snprintf(call->url, sizeof(call->url), "https://%s%s%s%s", settings->host,
                        call->path, ask->query[0] != '\0' ? "?" : "", ask->query);
    HIN_ENSURE(size > 0 && (size_t)size < sizeof(call->url), LIMIT);
    add(call, "x-amz-content-sha256", call->digest);
    add(call, "x-amz-date", call->date);
    if (ask->has_checksum) {
        add(call, "x-amz-checksum-sha256", s3->checksum);
    }
    if (s3->credentials.session_token.size > 0) {
        HIN_TRY(hin_view_to_text(hin_secret_view(&s3->credentials.session_token), call->token,
                                 sizeof(call->token)));
        add(call, "x-amz-security-token", call->token);
    }
    for (size_t i = 0; i < ask->field_count; i++) {
        add(call, ask->fields[i].name, ask->fields[i].value);
    }
    return sign(s3, ask, call, now_usec);
}

/* Somewhere between half of the next pause and all of it; 0: no try is left. Those of one call end
 * before what counts as silence. */
static int64_t next_pause(const struct hin_s3 *s3, unsigned attempt, int64_t begun_usec)
{
    uint32_t random = 0;
    HIN_IGNORE(hin_random(&random, sizeof(random))); /* without it there is no jitter */
    int64_t usec = PAUSE_USEC << (attempt - 1);
    int64_t now_usec = hin_clock_monotonic_usec(hin_clock_system());
    usec = usec / 2 + (int64_t)(random % (uint64_t)(usec / 2));
    return attempt < TRIES && now_usec + usec - begun_usec < s3->timeout_usec ? usec : 0;
}

static void wait_for(int64_t usec)
{
    struct timespec left = {.tv_sec = usec / HIN_SEC_USEC, .tv_nsec = usec % HIN_SEC_USEC * 1000};
    while (nanosleep(&left, &left) != 0) {
        ;
    }
}

/* On the way there or back; `reached` is what the HTTP client said. */
static HIN_RESULT explain_way(struct hin_s3 *s3, const struct hin_s3_ask *ask,
                              const struct hin_error *reached)
{
    static const struct {
        enum hin_code from, to;
        const char *advice;
    } ways[] = {
        {HIN_TIMEOUT, HIN_TIMEOUT, "check that the store runs and is reachable"},
        {HIN_AUTH, HIN_AUTH,
         "its certificate is not of an authority that vouches for it: set ca-file="},
        {HIN_EXPIRED, HIN_AUTH, "its certificate has expired"},
        {HIN_NO_MEMORY, HIN_NO_MEMORY, "free memory"},
        {HIN_LIMIT, HIN_IO, "is there an object store at this address?"},
        {HIN_PROTOCOL, HIN_NETWORK, "is there an object store at this address?"},
    };
    enum hin_code code = HIN_NETWORK;
    const char *advice = "check address, port and firewall";
    for (size_t i = 0; i < HIN_COUNT(ways); i++) {
        if (ways[i].from == reached->code) {
            code = ways[i].to;
            advice = ways[i].advice;
        }
    }
    return hin_error_set(&s3->base.error, code, NULL, 0, 0, "%s at %s: %s: %s", ask->what,
                         s3->settings.host, reached->text, advice);
}

static HIN_RESULT judge(struct hin_s3 *s3, const struct hin_s3_ask *ask,
                        const struct hin_http_answer *answer, bool *ret_again)
{
    struct hin_view region = HIN_VIEW_EMPTY;
    struct hin_s3_failure failure;
    unsigned status = answer->head.status;
    if (status >= 200 && status <= 299) {
        return hin_ok();
    }
    bool known = hin_http_header_find(&answer->head, "x-amz-bucket-region", &region);
    hin_s3_read_failure(status, known ? region : HIN_VIEW_EMPTY, hin_buf_view(&answer->body),
                        &failure);
    *ret_again = failure.again;
    return hin_error_set(&s3->base.error, failure.code, NULL, 0, 0, "%s of s3://%s/%s%s at %s: %s",
                         ask->what, s3->settings.bucket, s3->settings.prefix,
                         ask->name != NULL ? ask->name : "", s3->settings.host, failure.text);
}

/* One try; *ret_again: another may help. */
static HIN_RESULT try_once(struct hin_s3 *s3, const struct hin_s3_ask *ask,
                           struct signed_call *call, struct hin_http_answer *answer,
                           bool *ret_again)
{
    struct hin_error reached = {0};
    HIN_TRY(prepare(s3, ask, call));
    struct hin_http_call http = {.method = ask->method,
                                 .url = call->url,
                                 .headers = call->headers,
                                 .header_count = call->header_count,
                                 .body = ask->body};
    struct hin_result reach = hin_http_client_call(s3->client, &http, answer, &reached);
    if (hin_is_ok(reach)) {
        return judge(s3, ask, answer, ret_again);
    }
    *ret_again = reach.code == HIN_CLOSED || reach.code == HIN_NETWORK;
    reached.code = reach.code;
    return explain_way(s3, ask, &reached);
}

HIN_RESULT hin_s3_call(struct hin_s3 *s3, const struct hin_s3_ask *ask,
                       struct hin_http_answer *answer)
{
    HIN_CLEANUP(signed_call_done) struct signed_call call = {.header_count = 0};
    int64_t begun_usec = hin_clock_monotonic_usec(hin_clock_system());
    HIN_TRY(digest_payload(s3, ask, &call));
    for (unsigned attempt = 1;; attempt++) {
        bool again = false;
        struct hin_result result = try_once(s3, ask, &call, answer, &again);
        int64_t pause_usec = again ? next_pause(s3, attempt, begun_usec) : 0;
        if (pause_usec == 0) {
            return result;
        }
        wait_for(pause_usec);
    }
}
