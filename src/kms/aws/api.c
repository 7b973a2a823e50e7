#include "kms/aws/api.h"

#include <stdio.h>
#include <string.h>

#include "aws/sigv4.h"
#include "base/bytes.h"

#define REQUEST_MAX        40960
#define TRIES              3
#define PAUSE_FIRST_USEC   (100 * HIN_MSEC_USEC)
#define BACKOFF_FIRST_USEC HIN_SEC_USEC
#define BACKOFF_MAX_USEC   (30 * HIN_SEC_USEC)

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

static HIN_RESULT call_once(struct hin_aws_api *api, const char *operation, struct hin_view body,
                            struct hin_buf *ret_answer, bool *ret_again)
{
    unsigned status = 0;
    struct hin_aws_failure failure;
    struct hin_result sent = send_once(api, operation, body, &status, ret_answer);
    if (!hin_is_ok(sent)) {
        *ret_again = sent.code != HIN_AUTH;
        snprintf(api->failure, sizeof(api->failure), "AWS KMS at %s cannot be reached: %s",
                 api->host,
                 sent.code == HIN_AUTH
                     ? "its certificate is not of an authority in the CA file, or of another name"
                     : hin_code_text(sent.code));
        return hin_fail(sent.code == HIN_AUTH ? HIN_DENIED : HIN_AGAIN);
    }
    if (status == 200) {
        return hin_ok();
    }
    hin_aws_read_failure(status, hin_buf_view(ret_answer), &failure);
    if (failure.text[0] != '\0') {
        snprintf(api->failure, sizeof(api->failure), "%s", failure.text);
    }
    *ret_again = failure.again;
    return hin_fail(failure.code);
}

/* Between half and all of it: many managers that were refused together come back apart. */
static void pause_jittered(struct hin_aws_api *api, int64_t usec)
{
    uint32_t random = 0;
    HIN_IGNORE(hin_random(&random, sizeof(random))); /* without: no jitter */
    api->sleep(api->sleep_context, usec / 2 + (int64_t)(random % (uint32_t)(usec / 2)));
}

HIN_RESULT hin_aws_call(struct hin_aws_api *api, const char *operation, struct hin_view body,
                        struct hin_buf *ret_answer)
{
    HIN_ENSURE(hin_clock_monotonic_usec(api->clock) >= api->retry_usec, AGAIN);
    HIN_TRY(hin_buf_reserve(ret_answer, HIN_AWS_ANSWER_MAX));
    for (int tries = 1;; tries++) {
        bool again = false;
        struct hin_result result = call_once(api, operation, body, ret_answer, &again);
        if (hin_is_ok(result) || !again) {
            api->backoff_usec = BACKOFF_FIRST_USEC;
            return result;
        }
        if (tries == TRIES) {
            break;
        }
        hin_buf_clear(ret_answer);
        pause_jittered(api, PAUSE_FIRST_USEC << tries);
    }
    int64_t pause = HIN_MAX(api->backoff_usec, BACKOFF_FIRST_USEC);
    api->retry_usec = hin_clock_monotonic_usec(api->clock) + pause;
    api->backoff_usec = HIN_MIN(2 * pause, BACKOFF_MAX_USEC);
    return hin_fail(HIN_AGAIN);
}
