#include "depot/s3_settings.h"

#include <stdio.h>

#include "base/bytes.h"
#include "depot/settings.h"
#include "io/url.h"

#define MIB            ((size_t)1024 * 1024)
#define PART_MIB       8
#define PART_MIB_LEAST 5 /* AWS takes no smaller one but for the last */
#define PART_MIB_MOST  64

/* As they are given. */
struct given {
    char region[HIN_DEPOT_REGION_MAX + 1];
    char endpoint[HIN_URL_HOST_BYTES + 20];
    char addressing[8];
    char ca_file[512];
    char kms_key[256];
    char owner[65];
    char part_mib[4];
};

static bool is_region(struct hin_view value)
{
    return hin_depot_is_made_of(value, "-");
}

static bool is_addressing(struct hin_view value)
{
    return hin_view_is(value, "path") || hin_view_is(value, "host");
}

static bool is_key(struct hin_view value)
{
    return hin_depot_is_made_of(value, "-_:/");
}

static bool is_owner(struct hin_view value)
{
    return hin_depot_is_made_of(value, "-_.");
}

static bool is_part(struct hin_view value)
{
    int64_t mib = 0;
    return hin_is_ok(hin_view_to_i64(value, &mib)) && mib >= PART_MIB_LEAST && mib <= PART_MIB_MOST;
}

#define SETTING(member, name, fits, wants)                                                         \
    HIN_DEPOT_SETTING(struct given, member, name, fits, wants)
static const struct hin_depot_setting table[] = {
    SETTING(region, "region", is_region, "the region of the bucket, as \"eu-central-1\""),
    SETTING(endpoint, "endpoint", NULL, "https://HOST[:PORT]"),
    SETTING(addressing, "addressing", is_addressing, "path or host"),
    SETTING(ca_file, "ca-file", NULL, "the path of a file in PEM"),
    SETTING(kms_key, "kms-key", is_key, "a key's id, ARN or alias, or \"default\""),
    SETTING(owner, "owner", is_owner, "letters, digits, '-', '_' and '.', at most 64"),
    SETTING(part_mib, "part-mib", is_part, "a number of MiB, 5 to 64"),
};

/* Amazon S3, "General purpose bucket naming rules", as far as they keep an URL what it is. */
static bool is_bucket(struct hin_view bucket)
{
    for (size_t i = 0; i < bucket.size; i++) {
        uint8_t c = bucket.data[i];
        bool inner = i > 0 && i + 1 < bucket.size && (c == '-' || c == '.');
        if (!inner && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9')) {
            return false;
        }
    }
    return bucket.size >= 3 && bucket.size <= HIN_S3_BUCKET_MAX &&
           hin_view_find(bucket, HIN_VIEW("..")) == SIZE_MAX;
}

/* Parts of unreserved characters, which an URL takes as they are; none is "." or "..". */
static bool is_prefix(struct hin_view prefix)
{
    struct hin_view rest = prefix;
    struct hin_view part;
    while (hin_view_split(&rest, '/', &part)) {
        if (!hin_depot_is_made_of(part, "-_.") || hin_view_is(part, ".") ||
            hin_view_is(part, "..")) {
            return false;
        }
    }
    return prefix.size <= HIN_S3_PREFIX_MAX;
}

static HIN_RESULT read_url(const char *text, struct hin_s3_settings *settings,
                           struct hin_error *error)
{
    struct hin_view rest = hin_view_from_text(text);
    struct hin_view bucket = HIN_VIEW_EMPTY;
    rest = hin_view_sub(rest, sizeof("s3://") - 1, rest.size);
    HIN_ENSURE(hin_view_split(&rest, '/', &bucket), INVALID);
    if (!is_bucket(bucket)) {
        return hin_error_set(error, HIN_INVALID, NULL, 0, 0,
                             "%s: write s3://BUCKET/PREFIX, with the name of a bucket", text);
    }
    while (rest.size > 0 && rest.data[rest.size - 1] == '/') {
        rest.size--;
    }
    if (rest.size > 0 && !is_prefix(rest)) {
        return hin_error_set(error, HIN_INVALID, NULL, 0, 0,
                             "%s: a prefix is of letters, digits, '-', '_' and '.', in parts "
                             "between '/'",
                             text);
    }
    HIN_TRY(hin_view_to_text(bucket, settings->bucket, sizeof(settings->bucket)));
    (void)snprintf(settings->prefix, sizeof(settings->prefix), "%.*s%s", HIN_ARGS(rest),
                   rest.size > 0 ? "/" : "");
    return hin_ok();
}

static HIN_RESULT set_host(const struct given *given, struct hin_s3_settings *settings,
                           struct hin_error *error)
{
    struct hin_url url = {.port = 443};
    char endpoint[sizeof(given->endpoint)];
    bool own = given->endpoint[0] != '\0';
    HIN_CLEANUP(hin_buf_done) struct hin_buf authority = {.max = sizeof(settings->host)};
    (void)snprintf(
        endpoint, sizeof(endpoint), "https://s3.%s.amazonaws.com%s", settings->region,
        hin_view_starts_with(hin_view_from_text(settings->region), HIN_VIEW("cn-")) ? ".cn" : "");
    HIN_TRY(hin_url_parse(hin_view_from_text(own ? given->endpoint : endpoint), &url, error));
    struct hin_view scheme = hin_view_from_text(url.scheme);
    if (!hin_view_is(scheme, "https") || url.path.size > 1 || url.has_query) {
        return hin_error_set(error, HIN_INVALID, NULL, 0, 0,
                             "endpoint=%s: it wants https://HOST[:PORT]", given->endpoint);
    }
    settings->port = url.port;
    settings->in_path = given->addressing[0] != '\0' ? given->addressing[0] == 'p' : own;
    if (!settings->in_path) {
        if (hin_view_find_byte(hin_view_from_text(settings->bucket), '.') != SIZE_MAX) {
            return hin_error_set(error, HIN_INVALID, NULL, 0, 0,
                                 "%s: no certificate is for a bucket with '.' before the host's "
                                 "name: set addressing=path",
                                 settings->bucket);
        }
        HIN_TRY(hin_buf_printf(&authority, "%s.", settings->bucket));
    }
    HIN_TRY(hin_url_format_authority(&url, &authority));
    return hin_view_to_text(hin_buf_view(&authority), settings->host, sizeof(settings->host));
}

HIN_RESULT hin_s3_settings_read(const char *url, const char *const *settings,
                                struct hin_s3_settings *ret_settings, struct hin_error *error)
{
    struct given given = {0};
    struct hin_s3_settings read = {.part_bytes = PART_MIB * MIB};
    int64_t mib = 0;
    HIN_TRY(hin_depot_settings_read(table, HIN_COUNT(table), settings, &given, error));
    HIN_TRY(read_url(url, &read, error));
    if (given.region[0] == '\0') {
        return hin_error_set(error, HIN_INVALID, NULL, 0, 0,
                             "%s: the setting region=REGION is missing", url);
    }
    hin_copy(read.region, given.region, sizeof(read.region));
    hin_copy(read.ca_file, given.ca_file, sizeof(read.ca_file));
    hin_copy(read.kms_key, given.kms_key, sizeof(read.kms_key));
    hin_copy(read.owner, given.owner, sizeof(read.owner));
    if (given.part_mib[0] != '\0') {
        HIN_TRY(hin_view_to_i64(hin_view_from_text(given.part_mib), &mib));
        read.part_bytes = (size_t)mib * MIB;
    }
    HIN_TRY(set_host(&given, &read, error));
    *ret_settings = read;
    return hin_ok();
}
