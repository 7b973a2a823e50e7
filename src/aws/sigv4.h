/* AWS Signature Version 4 (AWS General Reference, "Signing AWS API requests"): pure, the time is an
 * argument. The path is given in canonical form already, and so is the query: names in order, each
 * "name=value", percent-coded. */
#ifndef HIN_AWS_SIGV4_H
#define HIN_AWS_SIGV4_H

#include "base/buf.h"
#include "base/result.h"
#include "base/view.h"

#define HIN_SIGV4_DATE_BYTES  17 /* "20150830T123600Z" with its NUL */
#define HIN_SIGV4_HEADERS_MAX 16

struct hin_sigv4_header {
    const char *name; /* lower case */
    struct hin_view value;
};

struct hin_sigv4_request {
    const char *method;
    const char *path;
    const char *query;
    const struct hin_sigv4_header *headers; /* all are signed; host and x-amz-date among them */
    size_t header_count;
    struct hin_view payload;
    const char *payload_digest; /* its SHA-256 in hex where that is known already, or NULL */
    const char *region;
    const char *service;
    int64_t time_usec; /* that of x-amz-date */
    struct hin_view access_key;
    struct hin_view secret_key;
};

/* The value of x-amz-date. */
void hin_sigv4_date(int64_t time_usec, char out[HIN_SIGV4_DATE_BYTES]) HIN_NONNULL;
/* Appends the value of the header Authorization. LIMIT: over 16 headers; INVALID: a part is empty
 * or absurdly long. */
HIN_RESULT hin_sigv4_sign(const struct hin_sigv4_request *request,
                          struct hin_buf *ret_value) HIN_NONNULL;

#endif
