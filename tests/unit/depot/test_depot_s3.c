/* What is pure of an object store: settings, answers. The rest: tests/integration/depots.sh. */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "depot/s3_answer.h"
#include "depot/s3_settings.h"
#include "harness.h"

TEST(test_depot_s3_settings__say_where_the_store_is)
{
    static const struct {
        const char *url, *settings[4];
        const char *bucket, *prefix, *host;
        bool in_path;
    } cases[] = {
        {"s3://depot",
         {"region=eu-central-1"},
         "depot",
         "",
         "depot.s3.eu-central-1.amazonaws.com",
         false},
        {"s3://depot/a/B_1/",
         {"region=cn-north-1", "addressing=path"},
         "depot",
         "a/B_1/",
         "s3.cn-north-1.amazonaws.com.cn",
         true},
        {"s3://de.pot/a",
         {"region=x", "endpoint=https://store.example:9000"},
         "de.pot",
         "a/",
         "store.example:9000",
         true},
        {"s3://depot",
         {"region=x", "endpoint=https://[::1]:443", "addressing=path"},
         "depot",
         "",
         "[::1]",
         true},
        {"s3://depot",
         {"region=x", "endpoint=https://store.example/", "addressing=host"},
         "depot",
         "",
         "depot.store.example",
         false},
    };
    for (size_t i = 0; i < HIN_COUNT(cases); i++) {
        struct hin_s3_settings read;
        struct hin_error error = {.text = ""};
        struct hin_result result =
            hin_s3_settings_read(cases[i].url, cases[i].settings, &read, &error);
        if (!hin_is_ok(result)) {
            printf("# %zu: %s\n", i, error.text);
        }
        CHECK_OK(result);
        CHECK_VIEW(hin_view_from_text(read.bucket), cases[i].bucket);
        CHECK_VIEW(hin_view_from_text(read.prefix), cases[i].prefix);
        CHECK_VIEW(hin_view_from_text(read.host), cases[i].host);
        CHECK_INT(read.in_path, cases[i].in_path);
        CHECK_INT(read.part_bytes, 8 << 20);
    }
}

TEST(test_depot_s3_settings__refuse_what_is_none)
{
    static const struct {
        const char *url, *settings[4], *says;
    } cases[] = {
        {"s3://depot", {NULL}, "region=REGION is missing"},
        {"s3://", {"region=x"}, "name of a bucket"},
        {"s3://ab", {"region=x"}, "name of a bucket"},
        {"s3://Depot", {"region=x"}, "name of a bucket"},
        {"s3://de..pot", {"region=x"}, "name of a bucket"},
        {"s3://de.pot", {"region=x"}, "set addressing=path"},
        {"s3://depot/a//b", {"region=x"}, "a prefix is of"},
        {"s3://depot/../b", {"region=x"}, "a prefix is of"},
        {"s3://depot/a b", {"region=x"}, "a prefix is of"},
        {"s3://depot", {"region=x", "region=y"}, "given twice"},
        {"s3://depot", {"region=x", "color=red"}, "is no setting"},
        {"s3://depot", {"region"}, "is no setting"},
        {"s3://depot", {"region="}, "it wants the region"},
        {"s3://depot", {"region=a/b"}, "it wants the region"},
        {"s3://depot", {"region=x", "endpoint=http://store"}, "it wants https://"},
        {"s3://depot", {"region=x", "endpoint=https://store/path"}, "it wants https://"},
        {"s3://depot", {"region=x", "part-mib=4"}, "5 to 64"},
        {"s3://depot", {"region=x", "part-mib=65"}, "5 to 64"},
        {"s3://depot", {"region=x", "owner=a\"b"}, "letters, digits"},
        {"s3://depot", {"region=x", "kms-key=a\r\nb"}, "a key's id"},
    };
    for (size_t i = 0; i < HIN_COUNT(cases); i++) {
        struct hin_s3_settings read;
        struct hin_error error = {.text = ""};
        CHECK_CODE(hin_s3_settings_read(cases[i].url, cases[i].settings, &read, &error), INVALID);
        if (strstr(error.text, cases[i].says) == NULL) {
            test_fail(__FILE__, __LINE__, "%zu: %s", i, error.text);
            return;
        }
    }
}

TEST(test_depot_s3_answer__tells_failures_by_name_and_else_by_status)
{
    static const struct {
        unsigned status;
        const char *region, *body;
        enum hin_code code;
        bool again;
        const char *says;
    } cases[] = {
        {403, "", "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>",
         HIN_DENIED, false, "403 AccessDenied (Access Denied): the credentials lack"},
        {403, "", "<Error><Code>SignatureDoesNotMatch</Code></Error>", HIN_AUTH, false,
         "secret key is wrong"},
        {403, "", "<Error><Code>RequestTimeTooSkewed</Code></Error>", HIN_AUTH, false, "clock"},
        {301, "eu-west-1", "", HIN_INVALID, false, "the region is eu-west-1"},
        {400, "", "<Error><Code>AuthorizationHeaderMalformed</Code><Region>x</Region></Error>",
         HIN_INVALID, false, "the region is x"},
        {404, "", "", HIN_NOT_FOUND, false, "404"},
        {404, "", "<Error><Code>NoSuchBucket</Code></Error>", HIN_NOT_FOUND, false,
         "make the bucket"},
        {412, "", "", HIN_EXISTS, false, "412"},
        {416, "", "", HIN_TRUNCATED, false, "416"},
        {501, "", "<Error><Code>NotImplemented</Code></Error>", HIN_UNSUPPORTED, false, "cannot"},
        {503, "", "<Error><Code>SlowDown</Code></Error>", HIN_IO, true, "fewer requests"},
        {502, "", "<html>Bad Gateway</html>", HIN_IO, true, "out of order"},
        {507, "", "", HIN_NO_SPACE, false, "more room"},
        {200, "", "<Error><Code>InternalError</Code></Error>", HIN_IO, true, "out of order"},
        {418, "", "I'm a teapot", HIN_IO, false, "is there an object store"},
    };
    for (size_t i = 0; i < HIN_COUNT(cases); i++) {
        struct hin_s3_failure failure;
        hin_s3_read_failure(cases[i].status, hin_view_from_text(cases[i].region),
                            hin_view_from_text(cases[i].body), &failure);
        if (failure.code != cases[i].code || failure.again != cases[i].again ||
            strstr(failure.text, cases[i].says) == NULL) {
            test_fail(__FILE__, __LINE__, "%zu: %s: %s", i, hin_code_name(failure.code),
                      failure.text);
            return;
        }
    }
}

struct seen {
    char keys[200];
    uint64_t bytes;
};

static HIN_RESULT see(void *context, const struct hin_s3_entry *entry)
{
    struct seen *seen = context;
    size_t size = strlen(seen->keys);
    snprintf(seen->keys + size, sizeof(seen->keys) - size, "%.*s;", HIN_ARGS(entry->key));
    seen->bytes += entry->size;
    return hin_ok();
}

TEST(test_depot_s3_answer__reads_pages)
{
    static const char page[] =
        "<?xml version=\"1.0\"?>\n<ListBucketResult xmlns=\"x\"><IsTruncated>true</IsTruncated>"
        "<Contents><Key>a/1</Key><Size>5</Size></Contents>"
        "<NextContinuationToken>a&amp;b&quot;&lt;=</NextContinuationToken>"
        "<Contents><Size>7</Size><Key>a/%26</Key></Contents></ListBucketResult>";
    static const char *const bad[] = {
        "",
        "<Error/>",
        "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
        "<ListBucketResult><Contents><Size>1</Size></Contents></ListBucketResult>",
        "<ListBucketResult><Contents><Key>a</Key><Size>x</Size></Contents></ListBucketResult>",
        "<ListBucketResult>",
    };
    HIN_CLEANUP(hin_buf_done) struct hin_buf token = {.max = 100};
    struct seen seen = {.bytes = 0};
    const struct hin_s3_page visitor = {.visit = see, .context = &seen};
    CHECK_OK(hin_s3_read_objects(hin_view_from_text(page), &visitor, &token));
    CHECK_VIEW(hin_buf_view(&token), "a&b\"<=");
    CHECK_VIEW(hin_view_from_text(seen.keys), "a/1;a/%26;");
    CHECK_INT(seen.bytes, 12);
    for (size_t i = 0; i < HIN_COUNT(bad); i++) {
        CHECK_CODE(hin_s3_read_objects(hin_view_from_text(bad[i]), &visitor, &token), PROTOCOL);
    }
}

TEST(test_depot_s3_answer__reads_ranges_strictly)
{
    static const char *const bad[] = {"",
                                      "bytes",
                                      "bytes 0-9",
                                      "bytes 9-0/10",
                                      "bytes 0-9/*",
                                      "bytes 0-10/10",
                                      "bytes -1-9/10",
                                      "bytes 0-9/10/",
                                      "items 0-9/10"};
    uint64_t first = 0, last = 0, total = 0;
    CHECK_OK(hin_s3_read_range(HIN_VIEW("bytes 5-9/10"), &first, &last, &total));
    CHECK(first == 5 && last == 9 && total == 10);
    for (size_t i = 0; i < HIN_COUNT(bad); i++) {
        CHECK_CODE(hin_s3_read_range(hin_view_from_text(bad[i]), &first, &last, &total), PROTOCOL);
    }
}
