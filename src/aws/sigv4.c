#include "aws/sigv4.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/time.h"
#include "crypt/hash.h"

#define CANONICAL_MAX 65536
#define NAMES_MAX     1024
#define SCOPE_MAX     160
#define SECRET_MAX    256
#define DATE_DIGITS   8 /* of the date in the scope */

void hin_sigv4_date(int64_t time_usec, char out[HIN_SIGV4_DATE_BYTES])
{
    struct hin_civil civil;
    hin_time_to_civil(time_usec, &civil);
    snprintf(out, HIN_SIGV4_DATE_BYTES, "%04d%02u%02uT%02u%02u%02uZ", (int)civil.year % 10000,
             civil.month, civil.day, civil.hour, civil.minute, civil.second);
}

static HIN_RESULT append_digest(struct hin_buf *buf, struct hin_view bytes)
{
    uint8_t digest[HIN_SHA256_BYTES];
    char hex[HIN_SHA256_HEX_BYTES];
    HIN_TRY(hin_sha256(bytes, digest));
    hin_hex(digest, sizeof(digest), hex);
    return hin_buf_append_text(buf, hex);
}

/* White space around a value goes, white space within becomes one blank. */
static HIN_RESULT append_value(struct hin_buf *buf, struct hin_view value)
{
    bool blank = false;
    value = hin_view_trim(value);
    for (size_t i = 0; i < value.size; i++) {
        uint8_t byte = value.data[i];
        if (byte == ' ' && blank) {
            continue;
        }
        blank = byte == ' ';
        HIN_TRY(hin_buf_append_byte(buf, byte));
    }
    return hin_ok();
}

static void sort(const struct hin_sigv4_request *request, const struct hin_sigv4_header **sorted)
{
    for (size_t i = 0; i < request->header_count; i++) {
        size_t at = i;
        while (at > 0 && strcmp(sorted[at - 1]->name, request->headers[i].name) > 0) {
            sorted[at] = sorted[at - 1];
            at--;
        }
        sorted[at] = &request->headers[i];
    }
}

static HIN_RESULT append_canonical(const struct hin_sigv4_request *request, struct hin_buf *out,
                                   struct hin_buf *names)
{
    const struct hin_sigv4_header *sorted[HIN_SIGV4_HEADERS_MAX];
    sort(request, sorted);
    HIN_TRY(hin_buf_printf(out, "%s\n%s\n%s\n", request->method, request->path, request->query));
    for (size_t i = 0; i < request->header_count; i++) {
        HIN_TRY(hin_buf_printf(out, "%s:", sorted[i]->name));
        HIN_TRY(append_value(out, sorted[i]->value));
        HIN_TRY(hin_buf_append_byte(out, '\n'));
        HIN_TRY(hin_buf_printf(names, "%s%s", i > 0 ? ";" : "", sorted[i]->name));
    }
    HIN_TRY(hin_buf_append_byte(out, '\n'));
    HIN_TRY(hin_buf_append(out, hin_buf_view(names)));
    HIN_TRY(hin_buf_append_byte(out, '\n'));
    return request->payload_digest != NULL ? hin_buf_append_text(out, request->payload_digest)
                                           : append_digest(out, request->payload);
}

static HIN_RESULT mac(struct hin_view key, struct hin_view bytes, uint8_t out[HIN_SHA256_BYTES])
{
    HIN_CLEANUP(hin_hmac_freep) struct hin_hmac *hmac = NULL;
    HIN_TRY(hin_hmac_new(&hmac, key));
    return hin_hmac_sum(hmac, bytes, HIN_VIEW_EMPTY, out);
}

/* key of the day, of the region, of the service, of this protocol */
static HIN_RESULT derive(const struct hin_sigv4_request *request, struct hin_view date,
                         uint8_t key[HIN_SHA256_BYTES])
{
    char first[SECRET_MAX + 8];
    const struct hin_view steps[] = {hin_view_from_text(request->region),
                                     hin_view_from_text(request->service),
                                     HIN_VIEW("aws4_request")};
    HIN_ENSURE(request->secret_key.size > 0 && request->secret_key.size <= SECRET_MAX, INVALID);
    hin_copy(first, "AWS4", 4);
    hin_copy(first + 4, request->secret_key.data, request->secret_key.size);
    struct hin_result result = mac(hin_view_of(first, 4 + request->secret_key.size), date, key);
    hin_wipe(first, sizeof(first));
    for (size_t i = 0; hin_is_ok(result) && i < HIN_COUNT(steps); i++) {
        uint8_t next[HIN_SHA256_BYTES];
        result = mac(hin_view_of(key, HIN_SHA256_BYTES), steps[i], next);
        hin_copy(key, next, sizeof(next));
        hin_wipe(next, sizeof(next));
    }
    return result;
}

HIN_RESULT hin_sigv4_sign(const struct hin_sigv4_request *request, struct hin_buf *ret_value)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf canonical = {.max = CANONICAL_MAX};
    HIN_CLEANUP(hin_buf_done) struct hin_buf names = {.max = NAMES_MAX};
    HIN_CLEANUP(hin_buf_done) struct hin_buf signed_text = {.max = 1024};
    char date[HIN_SIGV4_DATE_BYTES], scope[SCOPE_MAX], hex[HIN_SHA256_HEX_BYTES];
    uint8_t key[HIN_SHA256_BYTES], signature[HIN_SHA256_BYTES];
    HIN_ENSURE(request->header_count <= HIN_SIGV4_HEADERS_MAX, LIMIT);
    HIN_ENSURE(request->access_key.size > 0 && request->region[0] != '\0', INVALID);
    hin_sigv4_date(request->time_usec, date);
    int size = snprintf(scope, sizeof(scope), "%.8s/%s/%s/aws4_request", date, request->region,
                        request->service);
    HIN_ENSURE(size > 0 && (size_t)size < sizeof(scope), INVALID);
    HIN_TRY(append_canonical(request, &canonical, &names));
    HIN_TRY(hin_buf_printf(&signed_text, "AWS4-HMAC-SHA256\n%s\n%s\n", date, scope));
    HIN_TRY(append_digest(&signed_text, hin_buf_view(&canonical)));
    struct hin_result result = derive(request, hin_view_of(date, DATE_DIGITS), key);
    if (hin_is_ok(result)) {
        result = mac(hin_view_of(key, sizeof(key)), hin_buf_view(&signed_text), signature);
    }
    hin_wipe(key, sizeof(key));
    HIN_TRY(result);
    hin_hex(signature, sizeof(signature), hex);
    return hin_buf_printf(
        ret_value, "AWS4-HMAC-SHA256 Credential=%.*s/%s, SignedHeaders=%.*s, Signature=%s",
        HIN_ARGS(request->access_key), scope, HIN_ARGS(hin_buf_view(&names)), hex);
}
