/* What the two halves of the object store share: one signed call (s3_call.c), and the depot made of
 * such calls (s3.c). */
#ifndef HIN_DEPOT_S3_INTERNAL_H
#define HIN_DEPOT_S3_INTERNAL_H

#include "aws/credentials.h"
#include "base/time.h"
#include "crypt/hash.h"
#include "crypt/tls.h"
#include "depot/depot_internal.h"
#include "depot/s3_answer.h"
#include "depot/s3_settings.h"
#include "io/http_client.h"

enum { HIN_S3_NONCE_BYTES = 33, HIN_S3_CHECKSUM_BYTES = 45 };

struct hin_s3 {
    struct hin_depot base;
    struct hin_s3_settings settings;
    struct hin_aws_credentials credentials;
    struct hin_tls *tls;
    struct hin_http_client *client;
    int64_t timeout_usec;
    char checksum[HIN_S3_CHECKSUM_BYTES]; /* of the last call's body, as x-amz-checksum-sha256 */

    /* what is being written */
    char name[HIN_DEPOT_NAME_MAX + 1];
    enum hin_depot_mode mode;
    struct hin_buf part;        /* what was appended and is not sent */
    char upload[HIN_S3_ID_MAX]; /* "": none was begun yet */
    struct hin_buf parts;       /* of the upload, as XML */
    unsigned part_count;
    char nonce[HIN_S3_NONCE_BYTES]; /* tells our object from another of the same name */
};

struct hin_s3_field {
    const char *name; /* lower case */
    const char *value;
};
enum { HIN_S3_FIELDS_MAX = 8 };

struct hin_s3_ask {
    const char *what; /* "PutObject": for people, and the name of the permission it takes */
    enum hin_http_method method;
    const char *name;  /* of the object; NULL: the bucket itself */
    const char *query; /* canonical, see sigv4.h; "" */
    struct hin_view body;
    bool has_checksum; /* sent with x-amz-checksum-sha256 */
    struct hin_s3_field fields[HIN_S3_FIELDS_MAX];
    size_t field_count;
};

/* One call, tried again with growing pauses where that may help. OK: 2xx. Else the code is that of
 * depot.h, TRUNCATED (416) or UNSUPPORTED (501), and s3->base.error says more. */
HIN_RESULT hin_s3_call(struct hin_s3 *s3, const struct hin_s3_ask *ask,
                       struct hin_http_answer *answer) HIN_NONNULL;
/* Adds a header; value is borrowed. */
void hin_s3_ask_with(struct hin_s3_ask *ask, const char *name, const char *value) HIN_NONNULL;
#endif
