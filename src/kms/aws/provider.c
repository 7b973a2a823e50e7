#include "kms/aws/provider.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "aws/base64.h"
#include "base/bytes.h"
#include "crypt/tls.h"
#include "data/json.h"
#include "kms/aws/api.h"

static const uint8_t wrap_magic[4] = {'H', 'W', 'A', 1};

#define AT_VERSION  4
#define HEAD_BYTES  8
#define PLAIN_MAX   HIN_SECRET_MAX
#define BODY_MAX    16384
#define NAME_BYTES  160
#define TENANT_MAX  63
#define WINDOW_DAYS 7

struct hin_aws {
    struct hin_aws_credentials credentials;
    struct hin_tls *tls;
    char host[HIN_AWS_HOST_MAX];
    char region[HIN_AWS_REGION_MAX];
    char installation[37];
    struct hin_aws_api api;
    char told[400];
    void (*notice)(void *context, const char *text);
    void *context;
};

/* ---- names ---- */

static bool is_tenant(struct hin_view tenant)
{
    for (size_t i = 0; i < tenant.size; i++) {
        uint8_t c = tenant.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '.' || c == '_' || c == '-')) {
            return false;
        }
    }
    return tenant.size <= TENANT_MAX;
}

/* "hinomi/INSTALLATION/TENANT" as aliases can hold it. */
static HIN_RESULT name_of(const struct hin_aws *aws, struct hin_view tenant, char out[NAME_BYTES])
{
    HIN_ENSURE(is_tenant(tenant), INVALID);
    int head = snprintf(out, NAME_BYTES, "hinomi/%s/", aws->installation);
    snprintf(out + head, NAME_BYTES - (size_t)head, "%.*s",
             HIN_ARGS(tenant.size > 0 ? tenant : HIN_VIEW(":own")));
    for (char *at = out; *at != '\0'; at++) {
        *at = *at == '.' ? ':' : *at;
    }
    return hin_ok();
}

/* The alias of a version, or of the current one (0). */
struct alias {
    char text[NAME_BYTES + 32];
};

static HIN_RESULT alias_of(const struct hin_aws *aws, struct hin_view tenant, uint32_t version,
                           struct alias *ret_alias)
{
    char name[NAME_BYTES];
    HIN_TRY(name_of(aws, tenant, name));
    if (version == 0) {
        snprintf(ret_alias->text, sizeof(ret_alias->text), "alias/%s/current", name);
    } else {
        snprintf(ret_alias->text, sizeof(ret_alias->text), "alias/%s/%u", name, version);
    }
    return hin_ok();
}

/* ---- calls ---- */

static void wipe(struct hin_buf *buf)
{
    hin_wipe(buf->data, buf->size);
    hin_buf_done(buf);
}

#define ANSWER(name) HIN_CLEANUP(wipe) struct hin_buf name = {.max = HIN_AWS_ANSWER_MAX}

static HIN_RESULT call(struct hin_aws *aws, const char *operation, struct hin_json_writer *body,
                       struct hin_buf *ret_answer)
{
    HIN_TRY(hin_json_writer_finish(body));
    aws->api.failure[0] = '\0';
    struct hin_result result =
        hin_aws_call(&aws->api, operation, hin_buf_view(body->buf), ret_answer);
    if (hin_is_ok(result)) {
        aws->told[0] = '\0';
    } else if (aws->api.failure[0] != '\0' && strcmp(aws->api.failure, aws->told) != 0) {
        snprintf(aws->told, sizeof(aws->told), "%s", aws->api.failure);
        if (aws->notice != NULL) {
            aws->notice(aws->context, aws->told);
        }
    }
    return result;
}

/* A call whose body is texts and whose answer says nothing. */
static HIN_RESULT tell(struct hin_aws *aws, const char *operation, const char *key,
                       const char *value, const char *other_key, const char *other_value)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf body = {.max = BODY_MAX};
    ANSWER(answer);
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, &body, false);
    hin_json_begin_object(&writer);
    hin_json_field_cstring(&writer, key, value);
    if (other_key != NULL) {
        hin_json_field_cstring(&writer, other_key, other_value);
    }
    hin_json_end_object(&writer);
    return call(aws, operation, &writer, &answer);
}

/* By its description; 0: it is none of ours. */
static uint32_t version_of(const struct hin_aws *aws, struct hin_view tenant,
                           const struct hin_aws_key *key)
{
    char name[NAME_BYTES];
    uint64_t version = 0;
    struct hin_view description = hin_view_from_text(key->description);
    if (!hin_is_ok(name_of(aws, tenant, name))) {
        return 0;
    }
    size_t size = strlen(name);
    if (!hin_view_starts_with(description, hin_view_from_text(name)) ||
        description.size <= size + 1 || description.data[size] != '/' ||
        !hin_is_ok(
            hin_view_to_u64(hin_view_sub(description, size + 1, description.size), &version)) ||
        version > HIN_AWS_VERSIONS_MAX) {
        return 0;
    }
    return (uint32_t)version;
}

static HIN_RESULT describe(struct hin_aws *aws, struct hin_view tenant, uint32_t version,
                           struct hin_aws_key *ret_about)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf body = {.max = BODY_MAX};
    ANSWER(answer);
    struct hin_json_writer writer;
    struct alias alias;
    HIN_TRY(alias_of(aws, tenant, version, &alias));
    hin_json_writer_init(&writer, &body, false);
    hin_json_begin_object(&writer);
    hin_json_field_cstring(&writer, "KeyId", alias.text);
    hin_json_end_object(&writer);
    HIN_TRY(call(aws, "DescribeKey", &writer, &answer));
    return hin_aws_read_key(hin_buf_view(&answer), ret_about);
}

/* The key that wraps, and its version. NOT_FOUND: there is none, or it is destroyed; CORRUPT: the
 * alias leads to a key that is not ours. */
static HIN_RESULT find_current(struct hin_aws *aws, struct hin_view tenant,
                               struct hin_aws_key *ret_key, uint32_t *ret_version)
{
    struct hin_aws_key key;
    HIN_TRY(describe(aws, tenant, 0, &key));
    uint32_t version = version_of(aws, tenant, &key);
    HIN_ENSURE(version != 0, CORRUPT);
    *ret_key = key;
    *ret_version = version;
    return hin_ok();
}

static HIN_RESULT find_enabled(struct hin_aws *aws, struct hin_view tenant,
                               struct hin_aws_key *ret_key, uint32_t *ret_version)
{
    struct hin_aws_key key;
    HIN_TRY(find_current(aws, tenant, &key, ret_version));
    HIN_ENSURE(key.state == HIN_AWS_ENABLED, NOT_FOUND);
    *ret_key = key;
    return hin_ok();
}

/* ---- making ---- */

static void write_tag(struct hin_json_writer *writer, const char *key, const char *value)
{
    hin_json_begin_object(writer);
    hin_json_field_cstring(writer, "TagKey", key);
    hin_json_field_cstring(writer, "TagValue", value);
    hin_json_end_object(writer);
}

static HIN_RESULT create_key(struct hin_aws *aws, struct hin_view tenant, uint32_t version,
                             struct hin_aws_key *ret_about)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf body = {.max = BODY_MAX};
    ANSWER(answer);
    struct hin_json_writer writer;
    char name[NAME_BYTES], description[NAME_BYTES + 16];
    HIN_TRY(name_of(aws, tenant, name));
    snprintf(description, sizeof(description), "%s/%u", name, version);
    hin_json_writer_init(&writer, &body, false);
    hin_json_begin_object(&writer);
    hin_json_field_cstring(&writer, "Description", description);
    hin_json_field_cstring(&writer, "KeySpec", "SYMMETRIC_DEFAULT");
    hin_json_field_cstring(&writer, "KeyUsage", "ENCRYPT_DECRYPT");
    hin_json_key(&writer, "Tags");
    hin_json_begin_array(&writer);
    write_tag(&writer, "hinomi:installation", aws->installation);
    write_tag(&writer, "hinomi:tenant", strrchr(name, '/') + 1);
    hin_json_end_array(&writer);
    hin_json_end_object(&writer);
    HIN_TRY(call(aws, "CreateKey", &writer, &answer));
    return hin_aws_read_key(hin_buf_view(&answer), ret_about);
}

/* The key of a version, made unless a call that was cut off has made it. */
static HIN_RESULT make_version(struct hin_aws *aws, struct hin_view tenant, uint32_t version,
                               struct hin_aws_key *ret_about)
{
    struct alias alias;
    struct hin_result there = describe(aws, tenant, version, ret_about);
    if (hin_is_ok(there)) {
        return ret_about->state == HIN_AWS_ENABLED ? there : hin_fail(HIN_CONFLICT);
    }
    HIN_ENSURE(there.code == HIN_NOT_FOUND, AGAIN);
    HIN_TRY(create_key(aws, tenant, version, ret_about));
    HIN_TRY(alias_of(aws, tenant, version, &alias));
    return tell(aws, "CreateAlias", "AliasName", alias.text, "TargetKeyId", ret_about->id);
}

static HIN_RESULT provider_generate(void *context, struct hin_view tenant)
{
    struct hin_aws *aws = context;
    struct hin_aws_key about;
    struct alias alias;
    HIN_TRY(alias_of(aws, tenant, 0, &alias));
    struct hin_result there = describe(aws, tenant, 0, &about);
    if (hin_is_ok(there)) {
        return hin_fail(about.state == HIN_AWS_ENABLED ? HIN_EXISTS : HIN_CONFLICT);
    }
    if (there.code != HIN_NOT_FOUND) {
        return there;
    }
    HIN_TRY(make_version(aws, tenant, 1, &about));
    return tell(aws, "CreateAlias", "AliasName", alias.text, "TargetKeyId", about.id);
}

static HIN_RESULT provider_rotate(void *context, struct hin_view tenant)
{
    struct hin_aws *aws = context;
    struct hin_aws_key current, next;
    uint32_t version = 0;
    struct alias alias;
    HIN_TRY(alias_of(aws, tenant, 0, &alias));
    HIN_TRY(find_enabled(aws, tenant, &current, &version));
    HIN_ENSURE(version < HIN_AWS_VERSIONS_MAX, LIMIT);
    HIN_TRY(make_version(aws, tenant, version + 1, &next));
    return tell(aws, "UpdateAlias", "AliasName", alias.text, "TargetKeyId", next.id);
}

/* ---- wrapping ---- */

static HIN_RESULT write_context(struct hin_json_writer *writer,
                                const struct hin_key_binding *binding, uint32_t wrapped_under)
{
    char hex[2 * HIN_AWS_KEY_NAME_MAX + 1], number[16];
    HIN_ENSURE(binding->key_id.size <= HIN_AWS_KEY_NAME_MAX, INVALID);
    hin_hex(binding->key_id.data, binding->key_id.size, hex);
    hin_json_key(writer, "EncryptionContext");
    hin_json_begin_object(writer);
    /* "*" and "-": no value is empty, and neither can be another's */
    hin_json_field_text(writer, "tenant",
                        binding->tenant.size > 0 ? binding->tenant : HIN_VIEW("*"));
    hin_json_field_cstring(writer, "keyId", binding->key_id.size > 0 ? hex : "-");
    snprintf(number, sizeof(number), "%u", (unsigned)binding->purpose);
    hin_json_field_cstring(writer, "purpose", number);
    snprintf(number, sizeof(number), "%u", binding->version);
    hin_json_field_cstring(writer, "version", number);
    snprintf(number, sizeof(number), "%u", wrapped_under);
    hin_json_field_cstring(writer, "wrappedUnder", number);
    hin_json_end_object(writer);
    return hin_ok();
}

static HIN_RESULT field_base64(struct hin_json_writer *writer, const char *key,
                               struct hin_view bytes)
{
    HIN_CLEANUP(wipe) struct hin_buf text = {.max = BODY_MAX};
    HIN_TRY(hin_buf_reserve(&text, BODY_MAX));
    HIN_TRY(hin_base64_encode(bytes, &text));
    hin_json_field_text(writer, key, hin_buf_view(&text));
    return hin_ok();
}

static HIN_RESULT append_blob(struct hin_view answer, uint32_t version, struct hin_buf *ret_wrapped)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf whole = {.max = HEAD_BYTES + HIN_AWS_BLOB_MAX_BYTES};
    uint8_t head[HEAD_BYTES];
    hin_copy(head, wrap_magic, sizeof(wrap_magic));
    hin_store_u32(head + AT_VERSION, version);
    HIN_TRY(hin_buf_append(&whole, hin_view_of(head, sizeof(head))));
    HIN_TRY(hin_aws_read_blob(answer, &whole));
    return hin_buf_append(ret_wrapped, hin_buf_view(&whole));
}

static HIN_RESULT provider_wrap(void *context, const struct hin_key_binding *binding,
                                const struct hin_secret *plain, struct hin_buf *ret_wrapped)
{
    struct hin_aws *aws = context;
    HIN_CLEANUP(wipe) struct hin_buf body = {.max = BODY_MAX};
    ANSWER(answer);
    struct hin_json_writer writer;
    struct hin_aws_key current;
    uint32_t version = 0;
    HIN_ENSURE(plain->size > 0 && plain->size <= PLAIN_MAX, INVALID);
    HIN_TRY(find_enabled(aws, binding->tenant, &current, &version));
    HIN_TRY(hin_buf_reserve(&body, BODY_MAX));
    hin_json_writer_init(&writer, &body, false);
    hin_json_begin_object(&writer);
    hin_json_field_cstring(&writer, "KeyId", current.id);
    HIN_TRY(field_base64(&writer, "Plaintext", hin_secret_view(plain)));
    HIN_TRY(write_context(&writer, binding, version));
    hin_json_end_object(&writer);
    struct hin_result result = call(aws, "Encrypt", &writer, &answer);
    if (result.code == HIN_CONFLICT) {
        return hin_fail(HIN_NOT_FOUND); /* disabled since it was looked up */
    }
    HIN_TRY(result);
    return append_blob(hin_buf_view(&answer), version, ret_wrapped);
}

static HIN_RESULT read_head(struct hin_view wrapped, uint32_t *ret_version)
{
    size_t magic = HIN_MIN(wrapped.size, sizeof(wrap_magic) - 1);
    HIN_ENSURE(magic == 0 || memcmp(wrapped.data, wrap_magic, magic) == 0, SYNTAX);
    HIN_ENSURE(wrapped.size > HEAD_BYTES, TRUNCATED);
    HIN_ENSURE(wrapped.data[3] <= wrap_magic[3], UNSUPPORTED);
    HIN_ENSURE(wrapped.data[3] == wrap_magic[3], SYNTAX);
    HIN_ENSURE(wrapped.size <= HEAD_BYTES + HIN_AWS_BLOB_MAX_BYTES, SYNTAX);
    *ret_version = hin_load_u32(wrapped.data + AT_VERSION);
    return hin_ok();
}

static HIN_RESULT provider_unwrap(void *context, const struct hin_key_binding *binding,
                                  struct hin_view wrapped, struct hin_secret *ret_plain)
{
    struct hin_aws *aws = context;
    HIN_CLEANUP(hin_buf_done) struct hin_buf body = {.max = BODY_MAX};
    ANSWER(answer);
    struct hin_json_writer writer;
    struct alias alias;
    uint32_t version = 0;
    HIN_TRY(read_head(wrapped, &version));
    HIN_ENSURE(version > 0 && version <= HIN_AWS_VERSIONS_MAX, NOT_FOUND);
    HIN_TRY(alias_of(aws, binding->tenant, version, &alias));
    hin_json_writer_init(&writer, &body, false);
    hin_json_begin_object(&writer);
    hin_json_field_cstring(&writer, "KeyId", alias.text);
    HIN_TRY(
        field_base64(&writer, "CiphertextBlob", hin_view_sub(wrapped, HEAD_BYTES, wrapped.size)));
    HIN_TRY(write_context(&writer, binding, version));
    hin_json_end_object(&writer);
    struct hin_result result = call(aws, "Decrypt", &writer, &answer);
    if (result.code == HIN_CONFLICT) {
        return hin_fail(HIN_NOT_FOUND);
    }
    HIN_TRY(result);
    return hin_aws_take_plain(&answer, ret_plain);
}

/* ---- destroying ---- */

/* NOT_FOUND: it is gone, or on its way out. */
static HIN_RESULT destroy_version(struct hin_aws *aws, struct hin_view tenant, uint32_t version)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf body = {.max = BODY_MAX};
    ANSWER(answer);
    struct hin_json_writer writer;
    struct hin_aws_key about;
    HIN_TRY(describe(aws, tenant, version, &about));
    HIN_ENSURE(about.state != HIN_AWS_PENDING, NOT_FOUND);
    if (about.state == HIN_AWS_ENABLED) {
        HIN_TRY(tell(aws, "DisableKey", "KeyId", about.id, NULL, NULL));
    }
    hin_json_writer_init(&writer, &body, false);
    hin_json_begin_object(&writer);
    hin_json_field_cstring(&writer, "KeyId", about.id);
    hin_json_field_integer(&writer, "PendingWindowInDays", WINDOW_DAYS);
    hin_json_end_object(&writer);
    return call(aws, "ScheduleKeyDeletion", &writer, &answer);
}

/* The current version last: while it is there, a repeat finds its way. */
static HIN_RESULT destroy_all(struct hin_aws *aws, struct hin_view tenant)
{
    struct hin_aws_key current;
    uint32_t last = 0;
    HIN_TRY(find_current(aws, tenant, &current, &last));
    bool destroyed = false;
    for (uint32_t version = 1; version <= last; version++) {
        struct hin_result result = destroy_version(aws, tenant, version);
        destroyed = destroyed || hin_is_ok(result);
        if (!hin_is_ok(result) && result.code != HIN_NOT_FOUND) {
            return result;
        }
    }
    HIN_ENSURE(destroyed, NOT_FOUND);
    return hin_ok();
}

static HIN_RESULT provider_destroy(void *context, struct hin_view tenant, uint32_t version)
{
    struct hin_aws *aws = context;
    struct hin_aws_key current;
    uint32_t last = 0;
    if (version == HIN_KEY_ALL_VERSIONS) {
        return destroy_all(aws, tenant);
    }
    HIN_ENSURE(version <= HIN_AWS_VERSIONS_MAX, NOT_FOUND);
    HIN_TRY(find_enabled(aws, tenant, &current, &last));
    HIN_ENSURE(last != version, CONFLICT);
    return destroy_version(aws, tenant, version);
}

static HIN_RESULT provider_status(void *context, struct hin_view tenant,
                                  struct hin_key_provider_status *ret_status)
{
    struct hin_aws *aws = context;
    struct hin_key_provider_status status = {.name = "aws", .sealed = true};
    struct hin_aws_key current, about;
    uint32_t last = 0;
    struct hin_result there = find_current(aws, tenant, &current, &last);
    if (hin_is_ok(there) && current.state == HIN_AWS_ENABLED) {
        status.current_version = last;
    } else if (hin_is_ok(there)) {
        status.destruction_usec = current.deletion_usec;
    } else if (there.code != HIN_NOT_FOUND) {
        return there;
    }
    for (uint32_t version = 1; version <= status.current_version; version++) {
        struct hin_result found = describe(aws, tenant, version, &about);
        if (!hin_is_ok(found) && found.code != HIN_NOT_FOUND) {
            return found;
        }
        status.version_count += hin_is_ok(found) && about.state == HIN_AWS_ENABLED ? 1 : 0;
    }
    *ret_status = status;
    return hin_ok();
}

struct hin_key_provider hin_aws_provider(struct hin_aws *aws)
{
    return (struct hin_key_provider){
        .generate = provider_generate,
        .rotate = provider_rotate,
        .wrap = provider_wrap,
        .unwrap = provider_unwrap,
        .destroy = provider_destroy,
        .status = provider_status,
        .context = aws,
    };
}

/* ---- life ---- */

static void sleep_now(void *context, int64_t usec)
{
    struct timespec left = {usec / HIN_SEC_USEC, (usec % HIN_SEC_USEC) * 1000};
    (void)context;
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

void hin_aws_host(const char *region, char *out, size_t out_bytes)
{
    bool china = strncmp(region, "cn-", 3) == 0;
    snprintf(out, out_bytes, "kms.%s.amazonaws.com%s", region, china ? ".cn" : "");
}

static HIN_RESULT settle(struct hin_aws *aws, const struct hin_aws_options *options,
                         struct hin_error *error)
{
    struct hin_tls_options tls = {.role = HIN_TLS_SERVICE_CLIENT,
                                  .clock = options->clock,
                                  .authorities = options->authorities};
    HIN_ENSURE(options->region[0] != '\0' && options->host[0] != '\0', INVALID);
    HIN_TRY(hin_view_to_text(hin_view_from_text(options->host), aws->host, sizeof(aws->host)));
    HIN_TRY(
        hin_view_to_text(hin_view_from_text(options->region), aws->region, sizeof(aws->region)));
    HIN_TRY(hin_view_to_text(hin_view_from_text(options->installation), aws->installation,
                             sizeof(aws->installation)));
    HIN_TRY(hin_aws_credentials_parse(options->credentials, &aws->credentials, error));
    struct hin_result trust = hin_tls_new(&aws->tls, &tls);
    if (!hin_is_ok(trust)) {
        return hin_error_set(error, HIN_SYNTAX, NULL, 0, 0,
                             "the CA file holds no certificates in PEM form");
    }
    aws->notice = options->notice;
    aws->context = options->context;
    aws->api = (struct hin_aws_api){
        .region = aws->region,
        .credentials = &aws->credentials,
        .clock = options->clock != NULL ? options->clock : hin_clock_system(),
        .sleep = options->sleep != NULL ? options->sleep : sleep_now,
        .sleep_context = options->context,
    };
    if (options->port == 443) {
        snprintf(aws->api.host, sizeof(aws->api.host), "%s", aws->host);
    } else {
        snprintf(aws->api.host, sizeof(aws->api.host), "%s:%u", aws->host, options->port);
    }
    return hin_aws_link_new(&aws->api.link, aws->tls, aws->host, options->pipe);
}

HIN_RESULT hin_aws_new(struct hin_aws **ret_aws, const struct hin_aws_options *options,
                       struct hin_error *error)
{
    HIN_CLEANUP(hin_aws_freep) struct hin_aws *aws = calloc(1, sizeof(*aws));
    HIN_ENSURE(aws != NULL, NO_MEMORY);
    HIN_TRY(settle(aws, options, error));
    *ret_aws = aws;
    aws = NULL;
    return hin_ok();
}

void hin_aws_free(struct hin_aws *aws)
{
    if (aws == NULL) {
        return;
    }
    hin_aws_link_free(aws->api.link);
    hin_tls_free(aws->tls);
    hin_aws_credentials_done(&aws->credentials);
    free(aws);
}
