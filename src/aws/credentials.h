/* Credentials of AWS as their own tools keep them (~/.aws/credentials): lines "name = value" under
 * a profile's name in brackets; the first profile counts, or lines before any. */
#ifndef HIN_AWS_CREDENTIALS_H
#define HIN_AWS_CREDENTIALS_H

#include "base/result.h"
#include "base/secret.h"
#include "base/view.h"

struct hin_aws_credentials {
    char access_key[129];
    struct hin_secret secret_key;
    struct hin_secret session_token; /* empty for a user's lasting key */
};

/* SYNTAX: a line that is none of these, or one is missing. Error names the line. */
HIN_RESULT hin_aws_credentials_parse(struct hin_view text,
                                     struct hin_aws_credentials *ret_credentials,
                                     struct hin_error *error) __attribute__((nonnull(2)));
void hin_aws_credentials_done(struct hin_aws_credentials *credentials) HIN_NONNULL;

#endif
