#include "kms/aws/api.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "kms/aws/base64.h"
#include "kms/aws/sigv4.h"

#define BODY_MAX           32768
#define REQUEST_MAX        (BODY_MAX + 8192)
#define TRIES              3
#define PAUSE_FIRST_USEC   (100 * HIN_MSEC_USEC)
#define BACKOFF_FIRST_USEC HIN_SEC_USEC
#define BACKOFF_MAX_USEC   (30 * HIN_SEC_USEC)

static const struct error {
    const char *name;
    enum hin_code code;
    bool again;         /* may pass by itself */
    const char *advice; /* NULL: nothing for people */
} errors[] = {
    {"NotFoundException", HIN_NOT_FOUND, false, NULL},
    {"AlreadyExistsException", HIN_EXISTS, false, NULL},
    {"DisabledException", HIN_CONFLICT, false, NULL},
    {"KMSInvalidStateException", HIN_CONFLICT, false, NULL},
    {"InvalidCiphertextException", HIN_AUTH, false, NULL},
    {"IncorrectKeyException", HIN_AUTH, false, NULL},
    {"ThrottlingException", HIN_AGAIN, true, "AWS asks for fewer requests"},
    {"TooManyRequestsException", HIN_AGAIN, true, "AWS asks for fewer requests"},
    {"KMSInternalException", HIN_AGAIN, true, "AWS KMS is out of order"},
    {"DependencyTimeoutException", HIN_AGAIN, true, "AWS KMS is out of order"},
    {"KeyUnavailableException", HIN_AGAIN, true, "AWS KMS is out of order"},
    {"InternalFailure", HIN_AGAIN, true, "AWS KMS is out of order"},
    {"ServiceUnavailable", HIN_AGAIN, true, "AWS KMS is out of order"},
    {"LimitExceededException", HIN_LIMIT, false, "raise the account's limit of keys"},
    {"AccessDeniedException", HIN_DENIED, false,
     "the credentials lack a permission: see docs/OPERATIONS.md for the policy they need"},
    {"ExpiredTokenException", HIN_EXPIRED, false,
     "the session token has expired: give new credentials and restart"},
    {"UnrecognizedClientException", HIN_DENIED, false,
     "AWS does not know this access key, or not in this region"},
    {"InvalidClientTokenId", HIN_DENIED, false, "AWS does not know this access key"},
    {"MissingAuthenticationTokenException", HIN_DENIED, false,
     "the credentials are not complete"},
    {"IncompleteSignatureException", HIN_DENIED, false, "the credentials are not complete"},
    {"InvalidSignatureException", HIN_DENIED, false,
     "the secret key or the region is wrong, or this host's clock is off by more than five minutes"},
    {"RequestExpired", HIN_DENIED, false, "this host's clock is off: put it right"},
};

/* ---- the request ---- */

static HIN_RESULT write_head(const struct hin_aws_api *api, const char *operation,
                             struct hin_view body, struct hin_buf *out)
{
    char date[HIN_SIGV4_DATE_BYTES], target[64];
    HIN_CLEANUP(hin_buf_done) struct hin_buf authorization = {.max = 1024};
    const struct hin_aws_credentials *credentials = api->credentials;
    int64_t now_usec = hin_clock_wall_usec(api->clock);
    hin_sigv4_date(now_usec, date);
    snprintf(target, sizeof(target), "TrentService.%s", operation);
    const struct hin_sigv4_header headers[] = {
        {"host", hin_view_from_text(api->host)},
        {"content-type", HIN_VIEW("application/x-amz-json-1.1")},
        {"x-amz-date", hin_view_from_text(date)},
        {"x-amz-target", hin_view_from_text(target)},
        {"x-amz-security-token", hin_secret_view(&credentials->session_token)}, /* last: optional */
    };
    size_t count = HIN_COUNT(headers) - (credentials->session_token.size > 0 ? 0 : 1);
    struct hin_sigv4_request request = {
        .method = "POST",
        .path = "/",
        .query = "",
        .headers = headers,
        .header_count = count,
        .payload = body,
        .region = api->region,
        .service = "kms",
        .time_usec = now_usec,
        .access_key = hin_view_from_text(credentials->access_key),
        .secret_key = hin_secret_view(&credentials->secret_key),
    };
    HIN_TRY(hin_sigv4_sign(&request, &authorization));
    HIN_TRY(hin_buf_append_text(out, "POST / HTTP/1.1\r\n"));
    for (size_t i = 0; i < count; i++) {
        HIN_TRY(hin_buf_printf(out, "%s: %.*s\r\n", headers[i].name, HIN_ARGS(headers[i].value)));
    }
    return hin_buf_printf(out, "content-length: %zu\r\nauthorization: %.*s\r\n\r\n", body.size,
                          HIN_ARGS(hin_buf_view(&authorization)));
}

static void wipe(struct hin_buf *buf)
{
    hin_wipe(buf->data, buf->size);
    hin_buf_done(buf);
}

static HIN_RESULT send_once(struct hin_aws_api *api, const char *operation, struct hin_view body,
                            unsigned *ret_status, struct hin_buf *ret_body)
{
    HIN_CLEANUP(wipe) struct hin_buf request = {.max = REQUEST_MAX};
    HIN_TRY(hin_buf_reserve(&request, REQUEST_MAX)); /* never moved: wiped */
    HIN_TRY(write_head(api, operation, body, &request));
    HIN_TRY(hin_buf_append(&request, body));
    return hin_aws_link_exchange(api->link, hin_buf_view(&request), ret_status, ret_body);
}

/* ---- the answer ---- */

/* The key is taken out, and overwritten where it stood, before the parser copies the rest around
 * in memory of its own. */
static HIN_RESULT take_plain(struct hin_buf *body, struct hin_secret *ret_plain)
{
    static const char member[] = "\"Plaintext\"";
    struct hin_view all = hin_buf_view(body);
    size_t at = hin_view_find(all, hin_view_from_text(member));
    HIN_ENSURE(at != SIZE_MAX, PROTOCOL);
    at += sizeof(member) - 1;
    while (at < all.size && (all.data[at] == ' ' || all.data[at] == ':')) {
        at++;
    }
    HIN_ENSURE(at < all.size && all.data[at] == '"', PROTOCOL);
    struct hin_view text = hin_view_sub(all, at + 1, all.size);
    text.size = hin_view_find_byte(text, '"');
    HIN_ENSURE(text.size != SIZE_MAX && text.size > 0, PROTOCOL);
    struct hin_secret plain = {0};
    HIN_CLEANUP(hin_secret_done) struct hin_secret room = {0};
    size_t size = 0;
    HIN_TRY(hin_secret_new(&room, HIN_MIN(text.size, (size_t)HIN_SECRET_MAX)));
    struct hin_result decoded = hin_base64_decode(text, room.data, room.size, &size);
    hin_fill(body->data + at + 1, 'A', text.size);
    HIN_ENSURE(hin_is_ok(decoded) && size > 0, PROTOCOL);
    HIN_TRY(hin_secret_from(&plain, hin_view_of(room.data, size)));
    *ret_plain = plain;
    return hin_ok();
}

static const struct error *find_error(struct hin_view name)
{
    size_t hash = hin_view_find_byte(name, '#'); /* "com.amazonaws.kms#NotFoundException" */
    if (hash != SIZE_MAX) {
        name = hin_view_sub(name, hash + 1, name.size);
    }
    for (size_t i = 0; i < HIN_COUNT(errors); i++) {
        if (hin_view_is(name, errors[i].name)) {
            return &errors[i];
        }
    }
    return NULL;
}

/* What an answer other than 200 means. */
static HIN_RESULT judge(struct hin_aws_api *api, unsigned status, const struct hin_buf *body,
                        bool *ret_again)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_view name = HIN_VIEW_EMPTY, message = HIN_VIEW_EMPTY;
    if (hin_is_ok(hin_json_parse(hin_buf_view(body), BODY_MAX, &document, NULL))) {
        struct hin_json root = hin_json_root(document);
        HIN_IGNORE(hin_json_opt_text(root, "__type", &name, NULL)); /* only words for people */
        HIN_IGNORE(hin_json_opt_text(root, "message", &message, NULL));
        HIN_IGNORE(hin_json_opt_text(root, "Message", &message, NULL));
    }
    const struct error *error = find_error(name);
    *ret_again = error != NULL ? error->again : status >= 500 || status == 429;
    if (error == NULL || error->advice != NULL) {
        snprintf(api->failure, sizeof(api->failure), "AWS KMS answers %u %.*s%s%s (%.*s)", status,
                 HIN_ARGS(hin_view_sub(name, 0, 80)), error != NULL ? ": " : "",
                 error != NULL ? error->advice : "", HIN_ARGS(hin_view_sub(message, 0, 160)));
    }
    if (error != NULL) {
        return hin_fail(error->code);
    }
    return hin_fail(*ret_again ? HIN_AGAIN : HIN_INVALID);
}

static HIN_RESULT call_once(struct hin_aws_api *api, const char *operation, struct hin_view body,
                            struct hin_json_document **ret_document, struct hin_secret *ret_plain,
                            bool *ret_again)
{
    HIN_CLEANUP(wipe) struct hin_buf answer = {.max = BODY_MAX};
    unsigned status = 0;
    HIN_TRY(hin_buf_reserve(&answer, BODY_MAX));
    struct hin_result sent = send_once(api, operation, body, &status, &answer);
    if (!hin_is_ok(sent)) {
        *ret_again = sent.code != HIN_AUTH;
        snprintf(api->failure, sizeof(api->failure), "AWS KMS at %s cannot be reached: %s", api->host,
                 sent.code == HIN_AUTH
                     ? "its certificate is not of an authority in the CA file, or of another name"
                     : hin_code_text(sent.code));
        return hin_fail(sent.code == HIN_AUTH ? HIN_DENIED : HIN_AGAIN);
    }
    if (status != 200) {
        return judge(api, status, &answer, ret_again);
    }
    HIN_CLEANUP(hin_secret_done) struct hin_secret plain = {0};
    if (ret_plain != NULL) {
        HIN_TRY(take_plain(&answer, &plain));
    }
    if (ret_document != NULL &&
        !hin_is_ok(hin_json_parse(hin_buf_view(&answer), BODY_MAX, ret_document, NULL))) {
        return hin_fail(HIN_PROTOCOL);
    }
    if (ret_plain != NULL) {
        *ret_plain = plain;
        plain = (struct hin_secret){0};
    }
    return hin_ok();
}

/* Between half and all of it: many managers that were refused together come back apart. */
static void pause_jittered(struct hin_aws_api *api, int64_t usec)
{
    uint32_t random = 0;
    HIN_IGNORE(hin_random(&random, sizeof(random))); /* without: no jitter */
    api->sleep(api->sleep_context, usec / 2 + (int64_t)(random % (uint32_t)(usec / 2)));
}

HIN_RESULT hin_aws_call(struct hin_aws_api *api, const char *operation, struct hin_view body,
                        struct hin_json_document **ret_document, struct hin_secret *ret_plain)
{
    HIN_ENSURE(hin_clock_monotonic_usec(api->clock) >= api->retry_usec, AGAIN);
    for (int tries = 1;; tries++) {
        bool again = false;
        struct hin_result result =
            call_once(api, operation, body, ret_document, ret_plain, &again);
        if (hin_is_ok(result) || !again) {
            api->backoff_usec = BACKOFF_FIRST_USEC;
            return result;
        }
        if (tries == TRIES) {
            break;
        }
        pause_jittered(api, PAUSE_FIRST_USEC << tries);
    }
    int64_t pause = HIN_MAX(api->backoff_usec, BACKOFF_FIRST_USEC);
    api->retry_usec = hin_clock_monotonic_usec(api->clock) + pause;
    api->backoff_usec = HIN_MIN(2 * pause, BACKOFF_MAX_USEC);
    return hin_fail(HIN_AGAIN);
}
