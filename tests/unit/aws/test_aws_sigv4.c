#include "aws/sigv4.h"

#include <fcntl.h>
#include <stdio.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/time.h"
#include "harness.h"

/* Signatures of the real SDK's signer: tests/aws/vectors.mjs has written them. */
static bool check_line(struct hin_view line)
{
    struct hin_view part[9];
    HIN_CLEANUP(hin_buf_done) struct hin_buf got = {.max = 4096};
    char region[64], date[HIN_SIGV4_DATE_BYTES], target[64];
    int64_t time_usec = 0;
    for (size_t i = 0; i < HIN_COUNT(part); i++) {
        if (!hin_view_split(&line, '|', &part[i])) {
            return false;
        }
    }
    if (!hin_is_ok(hin_view_to_i64(part[0], &time_usec)) ||
        !hin_is_ok(hin_view_to_text(part[1], region, sizeof(region)))) {
        return false;
    }
    snprintf(target, sizeof(target), "TrentService.%.*s", HIN_ARGS(part[6]));
    hin_sigv4_date(time_usec, date);
    struct hin_sigv4_header headers[] = {
        {"x-amz-target", hin_view_from_text(target)},
        {"host", part[5]},
        {"x-amz-date", hin_view_from_text(date)},
        {"content-type", HIN_VIEW("  application/x-amz-json-1.1 ")},
        {"x-amz-security-token", part[4]},
    };
    struct hin_sigv4_request request = {.method = "POST",
                                        .path = "/",
                                        .query = "",
                                        .headers = headers,
                                        .header_count = part[4].size > 0 ? 5 : 4,
                                        .payload = part[7],
                                        .region = region,
                                        .service = "kms",
                                        .time_usec = time_usec,
                                        .access_key = part[2],
                                        .secret_key = part[3]};
    return hin_is_ok(hin_sigv4_sign(&request, &got)) && hin_view_equal(hin_buf_view(&got), part[8]);
}

TEST(test_aws_sigv4__signs_as_the_real_sdk)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 1 << 20};
    CHECK_OK(hin_file_read(AT_FDCWD, GOLDEN_FOLDER "/aws_sigv4.txt", &text));
    struct hin_view rest = hin_buf_view(&text);
    struct hin_view line;
    int count = 0;
    while (hin_view_split(&rest, '\n', &line)) {
        if (line.size > 0) {
            CHECK(check_line(line));
            count++;
        }
    }
    CHECK_INT(count, 24);
}

/* The worked example of "Deriving the signing key" and "Create a signed request" of the AWS General
 * Reference: GET with a query, two blanks within a value, another service. */
TEST(test_aws_sigv4__signs_the_documented_example)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf got = {.max = 4096};
    struct hin_civil at = {2015, 8, 30, 12, 36, 0, 0};
    struct hin_sigv4_header headers[] = {
        {"host", HIN_VIEW("iam.amazonaws.com")},
        {"content-type", HIN_VIEW("application/x-www-form-urlencoded;  charset=utf-8")},
        {"x-amz-date", HIN_VIEW("20150830T123600Z")},
    };
    struct hin_sigv4_request request = {.method = "GET",
                                        .path = "/",
                                        .query = "Action=ListUsers&Version=2010-05-08",
                                        .headers = headers,
                                        .header_count = 3,
                                        .region = "us-east-1",
                                        .service = "iam",
                                        .access_key = HIN_VIEW("AKIDEXAMPLE"),
                                        .secret_key =
                                            HIN_VIEW("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")};
    CHECK_OK(hin_time_from_civil(&at, &request.time_usec));
    CHECK_OK(hin_sigv4_sign(&request, &got));
    CHECK_VIEW(hin_buf_view(&got),
               "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, "
               "SignedHeaders=content-type;host;x-amz-date, "
               "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
    request.secret_key = HIN_VIEW_EMPTY;
    CHECK_CODE(hin_sigv4_sign(&request, &got), INVALID);
}

/* The worked examples of "Authenticating Requests: Using the Authorization Header" of the manual of
 * Amazon S3. */
TEST(test_aws_sigv4__signs_the_examples_of_s3)
{
    static const char none[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    static const struct {
        const char *path, *query, *range, *digest, *signature;
    } cases[] = {
        {"/test.txt", "", "bytes=0-9", none,
         "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
        {"/", "lifecycle=", NULL, NULL,
         "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
        {"/", "max-keys=2&prefix=J", NULL, none,
         "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
    };
    struct hin_civil at = {2013, 5, 24, 0, 0, 0, 0};
    for (size_t i = 0; i < HIN_COUNT(cases); i++) {
        HIN_CLEANUP(hin_buf_done) struct hin_buf got = {.max = 4096};
        struct hin_sigv4_header headers[] = {
            {"x-amz-date", HIN_VIEW("20130524T000000Z")},
            {"host", HIN_VIEW("examplebucket.s3.amazonaws.com")},
            {"x-amz-content-sha256", hin_view_from_text(none)},
            {"range", hin_view_from_text(cases[i].range)},
        };
        struct hin_sigv4_request request = {
            .method = "GET",
            .path = cases[i].path,
            .query = cases[i].query,
            .headers = headers,
            .header_count = cases[i].range != NULL ? 4 : 3,
            .payload_digest = cases[i].digest,
            .region = "us-east-1",
            .service = "s3",
            .access_key = HIN_VIEW("AKIAIOSFODNN7EXAMPLE"),
            .secret_key = HIN_VIEW("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")};
        CHECK_OK(hin_time_from_civil(&at, &request.time_usec));
        CHECK_OK(hin_sigv4_sign(&request, &got));
        CHECK(hin_view_ends_with(hin_buf_view(&got), hin_view_from_text(cases[i].signature)));
    }
}
