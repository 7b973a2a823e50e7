#include "kms/aws/answer.h"

#include <stdio.h>

#include "aws/base64.h"
#include "base/bytes.h"
#include "base/time.h"
#include "data/json.h"

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
    {"MissingAuthenticationTokenException", HIN_DENIED, false, "the credentials are not complete"},
    {"IncompleteSignatureException", HIN_DENIED, false, "the credentials are not complete"},
    {"InvalidSignatureException", HIN_DENIED, false,
     "the secret key or the region is wrong, or this host's clock is off by more than five "
     "minutes"},
    {"RequestExpired", HIN_DENIED, false, "this host's clock is off: put it right"},
};

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

void hin_aws_read_failure(unsigned status, struct hin_view body,
                          struct hin_aws_failure *ret_failure)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_view name = HIN_VIEW_EMPTY, message = HIN_VIEW_EMPTY;
    if (hin_is_ok(hin_json_parse(body, HIN_AWS_ANSWER_MAX, &document, NULL))) {
        struct hin_json root = hin_json_root(document);
        HIN_IGNORE(hin_json_opt_text(root, "__type", &name, NULL)); /* only words for people */
        HIN_IGNORE(hin_json_opt_text(root, "message", &message, NULL));
        HIN_IGNORE(hin_json_opt_text(root, "Message", &message, NULL));
    }
    const struct error *error = find_error(name);
    struct hin_aws_failure failure = {.again = status >= 500 || status == 429};
    failure.code = failure.again ? HIN_AGAIN : HIN_INVALID;
    if (error != NULL) {
        failure.code = error->code;
        failure.again = error->again;
    }
    if (error == NULL || error->advice != NULL) {
        snprintf(failure.text, sizeof(failure.text), "AWS KMS answers %u %.*s%s%s (%.*s)", status,
                 HIN_ARGS(hin_view_sub(name, 0, 80)), error != NULL ? ": " : "",
                 error != NULL ? error->advice : "", HIN_ARGS(hin_view_sub(message, 0, 160)));
    }
    *ret_failure = failure;
}

HIN_RESULT hin_aws_take_plain(struct hin_buf *body, struct hin_secret *ret_plain)
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
    HIN_CLEANUP(hin_secret_done) struct hin_secret room = {0};
    size_t size = 0;
    HIN_TRY(hin_secret_new(&room, HIN_MIN(text.size, (size_t)HIN_SECRET_MAX)));
    struct hin_result decoded = hin_base64_decode(text, room.data, room.size, &size);
    hin_fill(body->data + at + 1, 'A', text.size);
    HIN_ENSURE(hin_is_ok(decoded) && size > 0, PROTOCOL);
    return hin_secret_from(ret_plain, hin_view_of(room.data, size));
}

HIN_RESULT hin_aws_read_blob(struct hin_view body, struct hin_buf *ret_blob)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    uint8_t blob[HIN_AWS_BLOB_MAX_BYTES];
    struct hin_view text;
    size_t size = 0;
    HIN_ENSURE(
        hin_is_ok(hin_json_parse(body, HIN_AWS_ANSWER_MAX, &document, NULL)) &&
            hin_is_ok(hin_json_get_text(hin_json_root(document), "CiphertextBlob", &text, NULL)) &&
            hin_is_ok(hin_base64_decode(text, blob, sizeof(blob), &size)) && size > 0,
        PROTOCOL);
    return hin_buf_append(ret_blob, hin_view_of(blob, size));
}

static enum hin_aws_state state_of(struct hin_view name)
{
    if (hin_view_is(name, "Enabled")) {
        return HIN_AWS_ENABLED;
    }
    return hin_view_is(name, "PendingDeletion") ? HIN_AWS_PENDING : HIN_AWS_DISABLED;
}

static HIN_RESULT read_metadata(struct hin_json root, struct hin_aws_key *key)
{
    struct hin_json data, date;
    struct hin_view id, state, description = HIN_VIEW_EMPTY;
    double seconds = 0;
    HIN_TRY(hin_json_get_object(root, "KeyMetadata", &data, NULL));
    HIN_TRY(hin_json_get_text(data, "KeyId", &id, NULL));
    HIN_TRY(hin_json_get_text(data, "KeyState", &state, NULL));
    HIN_TRY(hin_json_opt_text(data, "Description", &description, NULL));
    HIN_TRY(hin_view_to_text(id, key->id, sizeof(key->id)));
    if (!hin_is_ok(hin_view_to_text(description, key->description, sizeof(key->description)))) {
        key->description[0] = '\0';
    }
    key->state = state_of(state);
    if (hin_json_find(data, "DeletionDate", &date)) {
        HIN_TRY(hin_json_number(date, &seconds, NULL));
        HIN_ENSURE(seconds >= 0 && seconds < 1e11, SYNTAX);
        key->deletion_usec = (int64_t)(seconds * (double)HIN_SEC_USEC);
    }
    return hin_ok();
}

HIN_RESULT hin_aws_read_key(struct hin_view body, struct hin_aws_key *ret_key)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_aws_key key = {0};
    HIN_ENSURE(hin_is_ok(hin_json_parse(body, HIN_AWS_ANSWER_MAX, &document, NULL)) &&
                   hin_is_ok(read_metadata(hin_json_root(document), &key)),
               PROTOCOL);
    *ret_key = key;
    return hin_ok();
}
