/* An object store that speaks the API of Amazon S3 ("Amazon S3 API Reference"). An object is there
 * when its one request, or the one that completes its parts, was answered, and durable then; before
 * that no list shows it. */
#include "depot/s3_settings.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/base64.h"
#include "base/bytes.h"
#include "base/fd.h"
#include "depot/s3_internal.h"
#include "io/url.h"

#define TIMEOUT_USEC       (30 * HIN_SEC_USEC)
#define PIECE_BYTES        ((size_t)8 * 1024 * 1024) /* of what is read, a request */
#define ANSWER_MAX         ((size_t)16 * 1024 * 1024)
#define PARTS_MAX          10000 /* of an upload: "Amazon S3 multipart upload limits" */
#define PART_XML_MAX       256
#define AUTHORITIES_MAX    ((size_t)4 * 1024 * 1024)
#define SYSTEM_AUTHORITIES "/etc/ssl/certs/ca-certificates.crt"
#define LEFTOVER_USEC      HIN_DAY_USEC /* uploads that are older were given up by their writer */
#define QUERY_MAX          8192
#define NONCE_HEADER       "x-amz-meta-hinomi-put"

static struct hin_s3 *of(struct hin_depot *depot)
{
    return (struct hin_s3 *)(void *)depot;
}

/* ---- what every object is given ---- */

/* The encryption context, as AWS wants it: base64 of a JSON object of texts. The scope is what a
 * name begins with, up to its second '/': of a backup, "t/TENANT". */
static HIN_RESULT make_context(const struct hin_s3 *s3, struct hin_buf *ret_text)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf json = {.max = 1024};
    const char *text = NULL, *slash = strchr(s3->name, '/');
    const char *end = slash != NULL ? strchr(slash + 1, '/') : NULL;
    end = end != NULL ? end : slash != NULL ? slash : s3->name;
    HIN_TRY(hin_buf_printf(&json, "{\"hinomi:owner\":\"%s\",\"hinomi:scope\":\"%.*s\"}",
                           s3->settings.owner, (int)(end - s3->name), s3->name));
    HIN_TRY(hin_base64_encode(hin_buf_view(&json), ret_text));
    return hin_buf_text(ret_text, &text); /* a NUL behind it */
}

/* Headers of the request that makes an object; context is its encryption context. */
static void add_headers(const struct hin_s3 *s3, const struct hin_buf *context,
                        struct hin_s3_ask *ask)
{
    hin_s3_ask_with(ask, NONCE_HEADER, s3->nonce);
    if (s3->settings.owner[0] != '\0') {
        hin_s3_ask_with(ask, "x-amz-meta-hinomi-owner", s3->settings.owner);
    }
    if (s3->settings.kms_key[0] == '\0') {
        return;
    }
    hin_s3_ask_with(ask, "x-amz-server-side-encryption", "aws:kms");
    if (strcmp(s3->settings.kms_key, "default") != 0) {
        hin_s3_ask_with(ask, "x-amz-server-side-encryption-aws-kms-key-id", s3->settings.kms_key);
    }
    hin_s3_ask_with(ask, "x-amz-server-side-encryption-context", (const char *)context->data);
}

/* A store that knows nothing of SSE-KMS ignores the headers in silence. */
static HIN_RESULT check_sealed(struct hin_s3 *s3, const struct hin_http_answer *answer)
{
    struct hin_view value = HIN_VIEW_EMPTY;
    bool confirmed = hin_http_header_find(&answer->head, "x-amz-server-side-encryption", &value) &&
                     hin_view_starts_with(value, HIN_VIEW("aws:kms"));
    if (s3->settings.kms_key[0] == '\0' || confirmed) {
        return hin_ok();
    }
    return hin_error_set(&s3->base.error, HIN_DENIED, NULL, 0, 0,
                         "%s took an object without confirming that it seals it under the KMS key: "
                         "choose a store that does, or leave kms-key= out",
                         s3->settings.host);
}

/* ---- is it there? ---- */

/* NOT_FOUND: nothing of this name. *ret_ours: what is there is what this handle was just putting,
 * though the answer to it was lost on the way. */
static HIN_RESULT look(struct hin_s3 *s3, const char *name, bool *ret_ours)
{
    HIN_CLEANUP(hin_http_answer_done) struct hin_http_answer answer = {0};
    struct hin_s3_ask ask = {
        .what = "HeadObject", .method = HIN_HTTP_HEAD, .name = name, .query = ""};
    struct hin_view nonce = HIN_VIEW_EMPTY;
    HIN_TRY(hin_s3_call(s3, &ask, &answer));
    *ret_ours =
        hin_http_header_find(&answer.head, NONCE_HEADER, &nonce) && hin_view_is(nonce, s3->nonce);
    return hin_ok();
}

static HIN_RESULT refuse_present(struct hin_s3 *s3)
{
    return hin_error_set(&s3->base.error, HIN_EXISTS, NULL, 0, 0, "%s%s is there already",
                         s3->settings.prefix, s3->name);
}

/* The request that makes an object failed: perhaps only its answer was lost, and what is there now
 * is ours. */
static HIN_RESULT settle(struct hin_s3 *s3, struct hin_result failed)
{
    static const bool doubtful[HIN_CODE_COUNT] = {[HIN_EXISTS] = true,
                                                  [HIN_NOT_FOUND] = true,
                                                  [HIN_TIMEOUT] = true,
                                                  [HIN_NETWORK] = true,
                                                  [HIN_IO] = true};
    struct hin_error error = s3->base.error;
    bool ours = false;
    if (hin_is_ok(failed) || !doubtful[failed.code]) {
        return failed;
    }
    if (hin_is_ok(look(s3, s3->name, &ours)) && ours) {
        return hin_ok();
    }
    s3->base.error = error;
    return failed.code == HIN_EXISTS ? refuse_present(s3) : failed;
}

/* ---- writing ---- */

static HIN_RESULT s3_begin(struct hin_depot *depot, const char *name, enum hin_depot_mode mode)
{
    struct hin_s3 *s3 = of(depot);
    uint8_t nonce[(HIN_S3_NONCE_BYTES - 1) / 2];
    bool ours = false;
    HIN_TRY(hin_random(nonce, sizeof(nonce)));
    hin_hex(nonce, sizeof(nonce), s3->nonce);
    HIN_TRY(hin_view_to_text(hin_view_from_text(name), s3->name, sizeof(s3->name)));
    s3->mode = mode;
    s3->upload[0] = '\0';
    s3->part_count = 0;
    hin_buf_clear(&s3->part);
    hin_buf_clear(&s3->parts);
    if (mode == HIN_DEPOT_REPLACE) {
        return hin_ok();
    }
    /* Besides If-None-Match, since there are stores that ignore it in silence. */
    struct hin_result present = look(s3, name, &ours);
    return present.code == HIN_NOT_FOUND ? hin_ok()
           : hin_is_ok(present)          ? refuse_present(s3)
                                         : present;
}

static HIN_RESULT put_whole(struct hin_s3 *s3)
{
    HIN_CLEANUP(hin_http_answer_done) struct hin_http_answer answer = {0};
    HIN_CLEANUP(hin_buf_done) struct hin_buf context = {.max = 2048};
    struct hin_s3_ask ask = {.what = "PutObject",
                             .method = HIN_HTTP_PUT,
                             .name = s3->name,
                             .query = "",
                             .body = hin_buf_view(&s3->part),
                             .has_checksum = true};
    HIN_TRY(make_context(s3, &context));
    add_headers(s3, &context, &ask);
    if (s3->mode == HIN_DEPOT_NEW) {
        hin_s3_ask_with(&ask, "if-none-match", "*");
    }
    struct hin_result put = hin_s3_call(s3, &ask, &answer);
    if (put.code == HIN_UNSUPPORTED && s3->mode == HIN_DEPOT_NEW) {
        ask.field_count--; /* an older store: begin has looked */
        put = hin_s3_call(s3, &ask, &answer);
    }
    HIN_TRY(hin_is_ok(put) ? check_sealed(s3, &answer) : settle(s3, put));
    return hin_ok();
}

static HIN_RESULT begin_upload(struct hin_s3 *s3)
{
    HIN_CLEANUP(hin_http_answer_done) struct hin_http_answer answer = {0};
    HIN_CLEANUP(hin_buf_done) struct hin_buf context = {.max = 2048};
    struct hin_s3_ask ask = {.what = "CreateMultipartUpload",
                             .method = HIN_HTTP_POST,
                             .name = s3->name,
                             .query = "uploads="};
    HIN_TRY(make_context(s3, &context));
    add_headers(s3, &context, &ask);
    hin_s3_ask_with(&ask, "x-amz-checksum-algorithm", "SHA256");
    HIN_TRY(hin_s3_call(s3, &ask, &answer));
    struct hin_result read = hin_s3_read_upload(hin_buf_view(&answer.body), s3->upload);
    if (!hin_is_ok(read)) {
        s3->upload[0] = '\0';
        return hin_error_set(&s3->base.error, HIN_IO, NULL, 0, 0,
                             "%s began an upload without naming it: is there an object store at "
                             "this address?",
                             s3->settings.host);
    }
    return check_sealed(s3, &answer);
}

static HIN_RESULT upload_query(const struct hin_s3 *s3, unsigned part, struct hin_buf *query,
                               const char **ret_text)
{
    if (part > 0) {
        HIN_TRY(hin_buf_printf(query, "partNumber=%u&", part));
    }
    HIN_TRY(hin_buf_append_text(query, "uploadId="));
    HIN_TRY(hin_url_encode(hin_view_from_text(s3->upload), false, query));
    return hin_buf_text(query, ret_text);
}

/* What identifies a part: printable and no markup. */
static bool is_etag(struct hin_view etag)
{
    for (size_t i = 0; i < etag.size; i++) {
        uint8_t byte = etag.data[i];
        if (byte <= ' ' || byte > '~' || byte == '<' || byte == '>' || byte == '&') {
            return false;
        }
    }
    return etag.size > 0 && etag.size <= 100;
}

static HIN_RESULT remember_part(struct hin_s3 *s3, const struct hin_http_answer *answer)
{
    struct hin_view etag = HIN_VIEW_EMPTY;
    if (!hin_http_header_find(&answer->head, "etag", &etag) || !is_etag(etag)) {
        return hin_error_set(&s3->base.error, HIN_IO, NULL, 0, 0,
                             "%s took a part without an ETag: is there an object store at this "
                             "address?",
                             s3->settings.host);
    }
    return hin_buf_printf(&s3->parts,
                          "<Part><ChecksumSHA256>%s</ChecksumSHA256><ETag>%.*s</ETag>"
                          "<PartNumber>%u</PartNumber></Part>",
                          s3->checksum, HIN_ARGS(etag), s3->part_count);
}

static HIN_RESULT send_part(struct hin_s3 *s3)
{
    HIN_CLEANUP(hin_http_answer_done) struct hin_http_answer answer = {0};
    HIN_CLEANUP(hin_buf_done) struct hin_buf query = {.max = QUERY_MAX};
    struct hin_s3_ask ask = {.what = "UploadPart",
                             .method = HIN_HTTP_PUT,
                             .name = s3->name,
                             .body = hin_buf_view(&s3->part),
                             .has_checksum = true};
    if (s3->part_count == PARTS_MAX) {
        return hin_error_set(&s3->base.error, HIN_IO, NULL, 0, 0,
                             "%s is over %u parts of %zu MiB, all that a store takes: raise "
                             "part-mib=",
                             s3->name, PARTS_MAX, s3->settings.part_bytes >> 20);
    }
    if (s3->upload[0] == '\0') {
        HIN_TRY(begin_upload(s3));
    }
    s3->part_count++;
    HIN_TRY(upload_query(s3, s3->part_count, &query, &ask.query));
    HIN_TRY(hin_s3_call(s3, &ask, &answer));
    HIN_TRY(remember_part(s3, &answer));
    hin_buf_clear(&s3->part);
    return hin_ok();
}

static HIN_RESULT s3_append(struct hin_depot *depot, struct hin_view bytes)
{
    struct hin_s3 *s3 = of(depot);
    while (bytes.size > 0) {
        if (s3->part.size == s3->settings.part_bytes) {
            HIN_TRY(send_part(s3)); /* there is more, so that it is not the last */
        }
        size_t room = s3->settings.part_bytes - s3->part.size;
        HIN_TRY(hin_buf_append(&s3->part, hin_view_sub(bytes, 0, room)));
        bytes = hin_view_sub(bytes, HIN_MIN(room, bytes.size), bytes.size);
    }
    return hin_ok();
}

static HIN_RESULT complete(struct hin_s3 *s3)
{
    HIN_CLEANUP(hin_http_answer_done) struct hin_http_answer answer = {0};
    HIN_CLEANUP(hin_buf_done) struct hin_buf query = {.max = QUERY_MAX};
    HIN_CLEANUP(hin_buf_done) struct hin_buf body = {.max = s3->parts.size + 256};
    struct hin_s3_ask ask = {
        .what = "CompleteMultipartUpload", .method = HIN_HTTP_POST, .name = s3->name};
    HIN_TRY(hin_buf_append_text(&body, "<CompleteMultipartUpload "
                                       "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"));
    HIN_TRY(hin_buf_append(&body, hin_buf_view(&s3->parts)));
    HIN_TRY(hin_buf_append_text(&body, "</CompleteMultipartUpload>"));
    ask.body = hin_buf_view(&body);
    HIN_TRY(upload_query(s3, 0, &query, &ask.query));
    if (s3->mode == HIN_DEPOT_NEW) {
        hin_s3_ask_with(&ask, "if-none-match", "*");
    }
    struct hin_result done = hin_s3_call(s3, &ask, &answer);
    if (done.code == HIN_UNSUPPORTED && s3->mode == HIN_DEPOT_NEW) {
        ask.field_count = 0;
        done = hin_s3_call(s3, &ask, &answer);
    }
    if (hin_is_ok(done) && !hin_s3_is_completed(hin_buf_view(&answer.body))) {
        struct hin_s3_failure failure;
        hin_s3_read_failure(500, HIN_VIEW_EMPTY, hin_buf_view(&answer.body), &failure);
        done = hin_error_set(&s3->base.error, failure.code, NULL, 0, 0, "%s of %s: %s", ask.what,
                             s3->name, failure.text);
    }
    return settle(s3, done);
}

/* Whatever comes of it: what is left is removed by the next handle, or by the bucket's rules. */
static void s3_drop(struct hin_depot *depot)
{
    struct hin_s3 *s3 = of(depot);
    HIN_CLEANUP(hin_http_answer_done) struct hin_http_answer answer = {0};
    HIN_CLEANUP(hin_buf_done) struct hin_buf query = {.max = QUERY_MAX};
    struct hin_s3_ask ask = {
        .what = "AbortMultipartUpload", .method = HIN_HTTP_DELETE, .name = s3->name};
    struct hin_error error = s3->base.error;
    if (s3->upload[0] != '\0' && hin_is_ok(upload_query(s3, 0, &query, &ask.query))) {
        HIN_IGNORE(hin_s3_call(s3, &ask, &answer)); /* see above */
    }
    s3->base.error = error;
    s3->upload[0] = '\0';
    hin_buf_clear(&s3->part);
}

static HIN_RESULT s3_commit(struct hin_depot *depot)
{
    struct hin_s3 *s3 = of(depot);
    if (s3->upload[0] == '\0') {
        HIN_TRY(put_whole(s3));
    } else {
        HIN_TRY(send_part(s3));
        HIN_TRY(complete(s3));
    }
    s3->upload[0] = '\0';
    hin_buf_clear(&s3->part);
    return hin_ok();
}

/* "Amazon S3 never adds partial objects; if you receive a success response, Amazon S3 added the
 * entire object": there is nothing to wait for. */
static HIN_RESULT s3_sync(struct hin_depot *depot)
{
    (void)depot;
    return hin_ok();
}

/* ---- reading ---- */

/* A piece of an object; *ret_more: something follows. */
static HIN_RESULT get_piece(struct hin_s3 *s3, const char *name, uint64_t offset, size_t limit,
                            struct hin_buf *etag, struct hin_buf *ret_bytes, bool *ret_more)
{
    HIN_CLEANUP(hin_http_answer_done) struct hin_http_answer answer = {0};
    struct hin_s3_ask ask = {
        .what = "GetObject", .method = HIN_HTTP_GET, .name = name, .query = ""};
    struct hin_view value = HIN_VIEW_EMPTY;
    uint64_t first = 0, last = 0, total = 0;
    char range[64];
    (void)snprintf(range, sizeof(range), "bytes=%llu-%llu", (unsigned long long)offset,
                   (unsigned long long)(offset + limit - 1));
    hin_s3_ask_with(&ask, "range", range);
    if (etag->size > 0) { /* what is read in one go is of one object */
        hin_s3_ask_with(&ask, "if-match", (const char *)etag->data);
    }
    struct hin_result got = hin_s3_call(s3, &ask, &answer);
    if (got.code == HIN_TRUNCATED) {
        *ret_more = false; /* nothing from here on */
        return hin_ok();
    }
    HIN_TRY(got);
    if (answer.head.status != 206 || !hin_http_header_find(&answer.head, "content-range", &value) ||
        !hin_is_ok(hin_s3_read_range(value, &first, &last, &total)) || first != offset ||
        last - first + 1 != answer.body.size || answer.body.size > limit) {
        return hin_error_set(&s3->base.error, HIN_IO, NULL, 0, 0,
                             "%s answered GetObject of %s with other bytes than were asked for: a "
                             "proxy in the way?",
                             s3->settings.host, name);
    }
    if (etag->size == 0 && hin_http_header_find(&answer.head, "etag", &value) && is_etag(value)) {
        const char *text = NULL;
        HIN_TRY(hin_buf_append(etag, value));
        HIN_TRY(hin_buf_text(etag, &text));
    }
    *ret_more = last + 1 < total;
    return hin_buf_append(ret_bytes, hin_buf_view(&answer.body));
}

static HIN_RESULT s3_get(struct hin_depot *depot, const char *name, uint64_t offset, size_t limit,
                         struct hin_buf *ret_bytes)
{
    struct hin_s3 *s3 = of(depot);
    HIN_CLEANUP(hin_buf_done) struct hin_buf etag = {.max = 128};
    size_t before = ret_bytes->size;
    bool more = limit > 0;
    HIN_ENSURE(offset <= INT64_MAX - limit, INVALID);
    while (more && limit > 0) {
        size_t piece = HIN_MIN(limit, PIECE_BYTES), had = ret_bytes->size;
        struct hin_result got = get_piece(s3, name, offset, piece, &etag, ret_bytes, &more);
        if (!hin_is_ok(got)) {
            ret_bytes->size = before;
            return got.code == HIN_EXISTS
                       ? hin_error_set(&s3->base.error, HIN_IO, NULL, 0, 0,
                                       "%s was replaced while it was read: try again", name)
                       : got;
        }
        offset += ret_bytes->size - had;
        limit -= ret_bytes->size - had;
    }
    return hin_ok();
}

/* ---- listing ---- */

struct listing {
    struct hin_s3 *s3;
    HIN_RESULT (*visit)(void *context, const struct hin_depot_entry *entry);
    void *context;
};

/* Names that are none of ours (they would be coded) are nobody's business. */
static HIN_RESULT visit_object(void *context, const struct hin_s3_entry *found)
{
    struct listing *listing = context;
    struct hin_view prefix = hin_view_from_text(listing->s3->settings.prefix);
    char name[HIN_DEPOT_NAME_MAX + 1];
    struct hin_depot_entry entry = {.name = name, .size = found->size};
    if (!hin_view_starts_with(found->key, prefix) ||
        !hin_is_ok(hin_view_to_text(hin_view_sub(found->key, prefix.size, found->key.size), name,
                                    sizeof(name))) ||
        !hin_depot_name_is_valid(name)) {
        return hin_ok();
    }
    return listing->visit(listing->context, &entry);
}

/* One page; token: of the page, replaced by that of the next. */
static HIN_RESULT list_page(struct hin_s3 *s3, const char *prefix, const struct hin_s3_page *page,
                            struct hin_buf *token)
{
    HIN_CLEANUP(hin_http_answer_done) struct hin_http_answer answer = {0};
    HIN_CLEANUP(hin_buf_done) struct hin_buf query = {.max = QUERY_MAX};
    struct hin_s3_ask ask = {.what = "ListObjectsV2", .method = HIN_HTTP_GET};
    if (token->size > 0) {
        HIN_TRY(hin_buf_append_text(&query, "continuation-token="));
        HIN_TRY(hin_url_encode(hin_buf_view(token), false, &query));
        HIN_TRY(hin_buf_append_byte(&query, '&'));
    }
    HIN_TRY(hin_buf_append_text(&query, "encoding-type=url&list-type=2&prefix="));
    HIN_TRY(hin_url_encode(hin_view_from_text(s3->settings.prefix), false, &query));
    HIN_TRY(hin_url_encode(hin_view_from_text(prefix), false, &query));
    HIN_TRY(hin_buf_text(&query, &ask.query));
    HIN_TRY(hin_s3_call(s3, &ask, &answer));
    struct hin_result read = hin_s3_read_objects(hin_buf_view(&answer.body), page, token);
    if (read.code == HIN_PROTOCOL) {
        return hin_error_set(&s3->base.error, HIN_IO, NULL, 0, 0,
                             "%s answered ListObjectsV2 with something else: is there an object "
                             "store at this address?",
                             s3->settings.host);
    }
    return read;
}

static HIN_RESULT s3_list(struct hin_depot *depot, const char *prefix,
                          HIN_RESULT (*visit)(void *context, const struct hin_depot_entry *entry),
                          void *context)
{
    struct listing listing = {.s3 = of(depot), .visit = visit, .context = context};
    const struct hin_s3_page page = {.visit = visit_object, .context = &listing};
    HIN_CLEANUP(hin_buf_done) struct hin_buf token = {.max = QUERY_MAX / 4};
    HIN_CLEANUP(hin_buf_done) struct hin_buf last = {.max = QUERY_MAX / 4};
    do {
        hin_buf_clear(&last);
        HIN_TRY(hin_buf_append(&last, hin_buf_view(&token)));
        HIN_TRY(list_page(listing.s3, prefix, &page, &token));
    } while (token.size > 0 && !hin_view_equal(hin_buf_view(&token), hin_buf_view(&last)));
    return token.size == 0 ? hin_ok()
                           : hin_error_set(&depot->error, HIN_IO, NULL, 0, 0,
                                           "%s lists without an end", listing.s3->settings.host);
}

static HIN_RESULT s3_remove(struct hin_depot *depot, const char *name)
{
    struct hin_s3 *s3 = of(depot);
    HIN_CLEANUP(hin_http_answer_done) struct hin_http_answer answer = {0};
    struct hin_s3_ask ask = {
        .what = "DeleteObject", .method = HIN_HTTP_DELETE, .name = name, .query = ""};
    bool ours = false;
    HIN_TRY(look(s3, name, &ours)); /* deleting what is not there succeeds */
    return hin_s3_call(s3, &ask, &answer);
}

/* ---- opening ---- */

struct leftover {
    struct hin_s3 *s3;
    int64_t now_usec;
    char upload[HIN_S3_ID_MAX]; /* one that is to be ended; "" */
    char name[HIN_DEPOT_NAME_MAX + 1];
};

static HIN_RESULT visit_upload(void *context, const struct hin_s3_entry *entry)
{
    struct leftover *leftover = context;
    struct hin_view prefix = hin_view_from_text(leftover->s3->settings.prefix);
    if (leftover->now_usec - entry->begun_usec < LEFTOVER_USEC ||
        !hin_view_starts_with(entry->key, prefix) || leftover->upload[0] != '\0' ||
        !hin_is_ok(hin_view_to_text(hin_view_sub(entry->key, prefix.size, entry->key.size),
                                    leftover->name, sizeof(leftover->name))) ||
        !hin_depot_name_is_valid(leftover->name)) {
        return hin_ok();
    }
    HIN_IGNORE(hin_view_to_text(entry->id, leftover->upload, sizeof(leftover->upload)));
    return hin_ok();
}

/* Parts of uploads that nobody completed cost money and are in no list. One of them each time;
 * stores that list none, or not to us, have rules of their own for it. */
static void end_leftover(struct hin_s3 *s3)
{
    HIN_CLEANUP(hin_http_answer_done) struct hin_http_answer answer = {0};
    HIN_CLEANUP(hin_buf_done) struct hin_buf query = {.max = QUERY_MAX};
    struct hin_s3_ask ask = {.what = "ListMultipartUploads", .method = HIN_HTTP_GET};
    struct leftover leftover = {.s3 = s3, .now_usec = hin_clock_wall_usec(hin_clock_system())};
    const struct hin_s3_page page = {.visit = visit_upload, .context = &leftover};
    if (hin_is_ok(hin_buf_append_text(&query, "encoding-type=url&prefix=")) &&
        hin_is_ok(hin_url_encode(hin_view_from_text(s3->settings.prefix), false, &query)) &&
        hin_is_ok(hin_buf_append_text(&query, "&uploads=")) &&
        hin_is_ok(hin_buf_text(&query, &ask.query)) && hin_is_ok(hin_s3_call(s3, &ask, &answer)) &&
        hin_is_ok(hin_s3_read_uploads(hin_buf_view(&answer.body), &page)) &&
        leftover.upload[0] != '\0') {
        hin_copy(s3->upload, leftover.upload, sizeof(s3->upload));
        hin_copy(s3->name, leftover.name, sizeof(s3->name));
        s3_drop(&s3->base);
    }
}

static HIN_RESULT ignore_object(void *context, const struct hin_s3_entry *entry)
{
    (void)context;
    (void)entry;
    return hin_ok();
}

/* One page of the list: address, certificate, credentials, region, bucket and the right to list,
 * all in one. */
static HIN_RESULT check_bucket(struct hin_s3 *s3)
{
    const struct hin_s3_page page = {.visit = ignore_object};
    HIN_CLEANUP(hin_buf_done) struct hin_buf token = {.max = QUERY_MAX / 4};
    return list_page(s3, "", &page, &token);
}

static HIN_RESULT open_client(struct hin_s3 *s3, const struct hin_depot_options *options)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf authorities = {.max = AUTHORITIES_MAX};
    const char *file = s3->settings.ca_file[0] != '\0' ? s3->settings.ca_file : SYSTEM_AUTHORITIES;
    struct hin_http_client_options http = hin_http_client_options_default();
    struct hin_tls_options tls = {.role = HIN_TLS_SERVICE_CLIENT,
                                  .link = &hin_links[HIN_LINK_DEPOT_S3]};
    struct hin_result result = hin_file_read(AT_FDCWD, file, &authorities);
    if (hin_is_ok(result)) {
        tls.authorities = hin_buf_view(&authorities);
        result = hin_tls_new(&s3->tls, &tls);
    }
    if (!hin_is_ok(result)) {
        return hin_error_set(&s3->base.error, HIN_INVALID, NULL, 0, 0,
                             "ca-file=%s cannot be read, or holds no certificate in PEM", file);
    }
    http.tls = s3->tls;
    s3->timeout_usec = options->timeout_usec > 0 ? options->timeout_usec : TIMEOUT_USEC;
    http.connect_usec = http.silence_usec = s3->timeout_usec;
    http.body_max_bytes = ANSWER_MAX;
    http.peer_name = "store";
    return hin_http_client_new(&http, &s3->client);
}

static HIN_RESULT open_into(struct hin_s3 *s3, const struct hin_depot_options *options)
{
    HIN_TRY(hin_s3_settings_read(options->url, options->settings, &s3->settings, &s3->base.error));
    if (options->secret == NULL) {
        return hin_error_set(&s3->base.error, HIN_AUTH, NULL, 0, 0,
                             "%s needs credentials: a file with aws_access_key_id and "
                             "aws_secret_access_key",
                             options->url);
    }
    if (!hin_is_ok(hin_aws_credentials_parse(hin_secret_view(options->secret), &s3->credentials,
                                             &s3->base.error))) {
        s3->base.error.code = HIN_AUTH;
        return hin_fail(HIN_AUTH);
    }
    hin_buf_init(&s3->part, s3->settings.part_bytes);
    hin_buf_init(&s3->parts, (size_t)PARTS_MAX * PART_XML_MAX);
    HIN_TRY(open_client(s3, options));
    HIN_TRY(check_bucket(s3));
    if (!options->read_only) {
        end_leftover(s3);
    }
    return hin_ok();
}

static void s3_close(struct hin_depot *depot)
{
    struct hin_s3 *s3 = of(depot);
    hin_http_client_free(s3->client);
    hin_tls_free(s3->tls);
    hin_aws_credentials_done(&s3->credentials);
    hin_buf_done(&s3->part);
    hin_buf_done(&s3->parts);
    free(s3);
}

static HIN_RESULT s3_open(struct hin_depot **ret_depot, const struct hin_depot_options *options,
                          struct hin_error *error)
{
    struct hin_s3 *s3 = calloc(1, sizeof(*s3));
    HIN_ENSURE(s3 != NULL, NO_MEMORY);
    s3->base.kind = &hin_depot_s3;
    s3->base.read_only = options->read_only;
    struct hin_result opened = open_into(s3, options);
    if (!hin_is_ok(opened)) {
        if (error != NULL) {
            *error = s3->base.error;
        }
        s3_close(&s3->base);
        return opened;
    }
    *ret_depot = &s3->base;
    return hin_ok();
}

const struct hin_depot_kind hin_depot_s3 = {
    .scheme = "s3",
    .open = s3_open,
    .close = s3_close,
    .begin = s3_begin,
    .append = s3_append,
    .commit = s3_commit,
    .drop = s3_drop,
    .sync = s3_sync,
    .get = s3_get,
    .list = s3_list,
    .remove = s3_remove,
};
