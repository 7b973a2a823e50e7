#include "depot/s3_answer.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/time.h"
#include "data/xml.h"

#define ARENA_MAX ((size_t)16 * 1024 * 1024)

static const struct error {
    const char *name;
    enum hin_code code;
    bool again;
    const char *advice;
} errors[] = {
    {"NoSuchBucket", HIN_NOT_FOUND, false, "make the bucket, or correct its name"},
    {"NoSuchKey", HIN_NOT_FOUND, false, ""},
    {"NoSuchUpload", HIN_NOT_FOUND, false, "somebody ended the upload: try again"},
    {"AccessDenied", HIN_DENIED, false,
     "the credentials lack a permission (or the bucket's policy forbids it): see "
     "docs/OPERATIONS.md for the ones that are needed"},
    {"AllAccessDisabled", HIN_DENIED, false, "the bucket is disabled: ask the provider"},
    {"AccountProblem", HIN_DENIED, false, "ask the provider about the account"},
    {"InvalidAccessKeyId", HIN_AUTH, false, "the store does not know this access key"},
    {"SignatureDoesNotMatch", HIN_AUTH, false, "the secret key is wrong"},
    {"ExpiredToken", HIN_AUTH, false, "the session token has expired: give new credentials"},
    {"InvalidToken", HIN_AUTH, false, "the session token is wrong: give new credentials"},
    {"RequestTimeTooSkewed", HIN_AUTH, false, "this host's clock is off: put it right"},
    {"RequestExpired", HIN_AUTH, false, "this host's clock is off: put it right"},
    {"AuthorizationHeaderMalformed", HIN_INVALID, false, "the region is wrong: correct region="},
    {"PermanentRedirect", HIN_INVALID, false, "the bucket is elsewhere: correct region="},
    {"TemporaryRedirect", HIN_INVALID, false, "the bucket is elsewhere: correct region="},
    {"IllegalLocationConstraintException", HIN_INVALID, false, "correct region="},
    {"InvalidBucketName", HIN_INVALID, false, "correct the bucket's name"},
    {"PreconditionFailed", HIN_EXISTS, false, ""},
    {"InvalidRange", HIN_TRUNCATED, false, ""},
    {"ConditionalRequestConflict", HIN_IO, true, "another upload of the same name ran"},
    {"OperationAborted", HIN_IO, true, "try again"},
    {"NotImplemented", HIN_UNSUPPORTED, false, "this store cannot do it"},
    {"MethodNotAllowed", HIN_DENIED, false, "the store does not let us do this"},
    {"KMS.DisabledException", HIN_DENIED, false, "enable the KMS key"},
    {"KMS.NotFoundException", HIN_INVALID, false, "correct kms-key="},
    {"KMS.InvalidStateException", HIN_DENIED, false, "look at the state of the KMS key"},
    {"QuotaExceeded", HIN_NO_SPACE, false, "raise the quota, or remove what is old"},
    {"XMinioStorageFull", HIN_NO_SPACE, false, "give the store more room"},
    {"InsufficientStorage", HIN_NO_SPACE, false, "give the store more room"},
    {"EntityTooLarge", HIN_LIMIT, false, "the store takes no object of this size"},
    {"BadDigest", HIN_IO, true, "the bytes were changed on the way"},
    {"XAmzContentSHA256Mismatch", HIN_IO, true, "the bytes were changed on the way"},
    {"XAmzContentChecksumMismatch", HIN_IO, true, "the bytes were changed on the way"},
    {"IncompleteBody", HIN_IO, true, "the bytes did not arrive whole"},
    {"RequestTimeout", HIN_TIMEOUT, true, "the way to the store is too slow"},
    {"SlowDown", HIN_IO, true, "the store asks for fewer requests"},
    {"InternalError", HIN_IO, true, "the store is out of order"},
    {"ServiceUnavailable", HIN_IO, true, "the store is out of order"},
};

/* Where no name can be read: answers to HEAD have no body, proxies have words of their own. */
static const struct by_status {
    unsigned status;
    enum hin_code code;
    bool again;
    const char *advice;
} statuses[] = {
    {301, HIN_INVALID, false, "the bucket is elsewhere: correct region= or endpoint="},
    {307, HIN_INVALID, false, "the bucket is elsewhere: correct region= or endpoint="},
    {400, HIN_INVALID, false, "check the settings of the destination"},
    {401, HIN_AUTH, false, "check the credentials"},
    {403, HIN_DENIED, false, "check the credentials and their permissions"},
    {404, HIN_NOT_FOUND, false, ""},
    {405, HIN_DENIED, false, "the store does not let us do this"},
    {408, HIN_TIMEOUT, true, "the way to the store is too slow"},
    {409, HIN_IO, true, "another request ran"},
    {411, HIN_INVALID, false, "a proxy before the store is in the way"},
    {412, HIN_EXISTS, false, ""},
    {413, HIN_LIMIT, false, "the store takes no object of this size"},
    {416, HIN_TRUNCATED, false, ""},
    {429, HIN_IO, true, "the store asks for fewer requests"},
    {501, HIN_UNSUPPORTED, false, "this store cannot do it"},
    {507, HIN_NO_SPACE, false, "give the store more room"},
};

static struct by_status judge_status(unsigned status)
{
    for (size_t i = 0; i < HIN_COUNT(statuses); i++) {
        if (statuses[i].status == status) {
            return statuses[i];
        }
    }
    bool theirs = status >= 500 && status <= 599;
    return (struct by_status){status, HIN_IO, theirs,
                              theirs ? "the store is out of order"
                                     : "is there an object store at this address?"};
}

static const struct hin_xml_node *child(const struct hin_xml_node *node, const char *name)
{
    const struct hin_xml_node *found = node != NULL ? node->children : NULL;
    while (found != NULL && !hin_view_is(found->name, name)) {
        found = found->next;
    }
    return found;
}

static struct hin_view text_of(const struct hin_xml_node *node, const char *name)
{
    const struct hin_xml_node *found = child(node, name);
    return found != NULL ? hin_view_trim(found->text) : HIN_VIEW_EMPTY;
}

/* The root, when it is of this name. */
static HIN_RESULT parse(struct hin_arena *arena, struct hin_view body, const char *name,
                        const struct hin_xml_node **ret_root)
{
    struct hin_xml_node *roots = NULL;
    hin_arena_init(arena, ARENA_MAX);
    struct hin_result parsed = hin_xml_parse(arena, NULL, body, NULL, &roots);
    HIN_ENSURE(parsed.code != HIN_NO_MEMORY, NO_MEMORY);
    HIN_ENSURE(hin_is_ok(parsed) && roots != NULL && hin_view_is(roots->name, name), PROTOCOL);
    *ret_root = roots;
    return hin_ok();
}

/* Words of a stranger, for a person: one line of what prints. */
static void put_words(struct hin_view words, char *out, size_t out_bytes)
{
    size_t size = 0;
    for (size_t i = 0; i < words.size && size + 1 < out_bytes; i++) {
        uint8_t byte = words.data[i];
        out[size++] = byte >= ' ' && byte <= '~' ? (char)byte : '?';
    }
    out[size] = '\0';
}

void hin_s3_read_failure(unsigned status, struct hin_view region, struct hin_view body,
                         struct hin_s3_failure *ret_failure)
{
    HIN_CLEANUP(hin_arena_done) struct hin_arena arena = {0};
    const struct hin_xml_node *root = NULL;
    struct hin_view name = HIN_VIEW_EMPTY, message = HIN_VIEW_EMPTY;
    char words[200], code[80], place[80];
    struct by_status by = judge_status(status);
    if (hin_is_ok(parse(&arena, body, "Error", &root))) {
        name = text_of(root, "Code");
        message = text_of(root, "Message");
        region = region.size > 0 ? region : text_of(root, "Region");
    }
    for (size_t i = 0; i < HIN_COUNT(errors); i++) {
        if (hin_view_is(name, errors[i].name)) {
            by = (struct by_status){status, errors[i].code, errors[i].again, errors[i].advice};
        }
    }
    put_words(message, words, sizeof(words));
    put_words(name, code, sizeof(code));
    put_words(region, place, sizeof(place));
    bool elsewhere = by.code == HIN_INVALID && place[0] != '\0';
    *ret_failure = (struct hin_s3_failure){.code = by.code, .again = by.again};
    (void)snprintf(ret_failure->text, sizeof(ret_failure->text),
                   "the store answered %u%s%s%s%s%s%s%s%s%s", status, code[0] != '\0' ? " " : "",
                   code, words[0] != '\0' ? " (" : "", words, words[0] != '\0' ? ")" : "",
                   by.advice[0] != '\0' ? ": " : "", by.advice,
                   elsewhere ? "; it says that the region is " : "", elsewhere ? place : "");
}

/* A token comes back in the next request as it was before XML: the five entities that AWS writes.
 */
static HIN_RESULT append_decoded(struct hin_view text, struct hin_buf *out)
{
    static const struct {
        struct hin_view entity;
        uint8_t byte;
    } entities[] = {{HIN_VIEW("&amp;"), '&'},
                    {HIN_VIEW("&lt;"), '<'},
                    {HIN_VIEW("&gt;"), '>'},
                    {HIN_VIEW("&quot;"), '"'},
                    {HIN_VIEW("&apos;"), '\''}};
    for (size_t i = 0; i < text.size;) {
        struct hin_view rest = hin_view_sub(text, i, text.size);
        uint8_t byte = rest.data[0];
        size_t used = 1;
        for (size_t j = 0; j < HIN_COUNT(entities); j++) {
            if (hin_view_starts_with(rest, entities[j].entity)) {
                byte = entities[j].byte;
                used = entities[j].entity.size;
            }
        }
        HIN_TRY(hin_buf_append_byte(out, byte));
        i += used;
    }
    return hin_ok();
}

static HIN_RESULT visit_object(const struct hin_xml_node *node, const struct hin_s3_page *page)
{
    struct hin_s3_entry entry = {.key = text_of(node, "Key")};
    int64_t size = 0;
    HIN_ENSURE(entry.key.size > 0 && hin_is_ok(hin_view_to_i64(text_of(node, "Size"), &size)) &&
                   size >= 0,
               PROTOCOL);
    entry.size = (uint64_t)size;
    return page->visit(page->context, &entry);
}

HIN_RESULT hin_s3_read_objects(struct hin_view body, const struct hin_s3_page *page,
                               struct hin_buf *ret_token)
{
    HIN_CLEANUP(hin_arena_done) struct hin_arena arena = {0};
    const struct hin_xml_node *root = NULL;
    HIN_TRY(parse(&arena, body, "ListBucketResult", &root));
    for (const struct hin_xml_node *node = root->children; node != NULL; node = node->next) {
        if (hin_view_is(node->name, "Contents")) {
            HIN_TRY(visit_object(node, page));
        }
    }
    hin_buf_clear(ret_token);
    if (hin_view_is(text_of(root, "IsTruncated"), "true")) {
        HIN_TRY(append_decoded(text_of(root, "NextContinuationToken"), ret_token));
        HIN_ENSURE(ret_token->size > 0, PROTOCOL); /* more there is, but no way to it */
    }
    return hin_ok();
}

HIN_RESULT hin_s3_read_uploads(struct hin_view body, const struct hin_s3_page *page)
{
    HIN_CLEANUP(hin_arena_done) struct hin_arena arena = {0};
    const struct hin_xml_node *root = NULL;
    HIN_TRY(parse(&arena, body, "ListMultipartUploadsResult", &root));
    for (const struct hin_xml_node *node = root->children; node != NULL; node = node->next) {
        struct hin_s3_entry entry = {.key = text_of(node, "Key"), .id = text_of(node, "UploadId")};
        if (hin_view_is(node->name, "Upload") && entry.key.size > 0 && entry.id.size > 0 &&
            hin_is_ok(hin_time_parse_rfc3339(text_of(node, "Initiated"), &entry.begun_usec))) {
            HIN_TRY(page->visit(page->context, &entry));
        }
    }
    return hin_ok();
}

HIN_RESULT hin_s3_read_upload(struct hin_view body, char ret_id[HIN_S3_ID_MAX])
{
    HIN_CLEANUP(hin_arena_done) struct hin_arena arena = {0};
    const struct hin_xml_node *root = NULL;
    HIN_TRY(parse(&arena, body, "InitiateMultipartUploadResult", &root));
    struct hin_view id = text_of(root, "UploadId");
    HIN_ENSURE(id.size > 0 && hin_view_find_byte(id, '&') == SIZE_MAX, PROTOCOL);
    HIN_ENSURE(hin_is_ok(hin_view_to_text(id, ret_id, HIN_S3_ID_MAX)), PROTOCOL);
    return hin_ok();
}

bool hin_s3_is_completed(struct hin_view body)
{
    HIN_CLEANUP(hin_arena_done) struct hin_arena arena = {0};
    const struct hin_xml_node *root = NULL;
    return hin_is_ok(parse(&arena, body, "CompleteMultipartUploadResult", &root));
}

static HIN_RESULT take_number(struct hin_view *rest, uint8_t until, uint64_t *ret_number)
{
    struct hin_view part = HIN_VIEW_EMPTY;
    int64_t number = 0;
    HIN_ENSURE(hin_view_split(rest, until, &part) && hin_is_ok(hin_view_to_i64(part, &number)) &&
                   number >= 0,
               PROTOCOL);
    *ret_number = (uint64_t)number;
    return hin_ok();
}

HIN_RESULT hin_s3_read_range(struct hin_view value, uint64_t *ret_first, uint64_t *ret_last,
                             uint64_t *ret_total)
{
    uint64_t first = 0, last = 0, total = 0;
    HIN_ENSURE(hin_view_starts_with(value, HIN_VIEW("bytes ")), PROTOCOL);
    struct hin_view rest = hin_view_sub(value, 6, value.size);
    HIN_TRY(take_number(&rest, '-', &first));
    HIN_TRY(take_number(&rest, '/', &last));
    HIN_TRY(take_number(&rest, '/', &total));
    HIN_ENSURE(rest.data == NULL && first <= last && last < total, PROTOCOL);
    *ret_first = first;
    *ret_last = last;
    *ret_total = total;
    return hin_ok();
}
