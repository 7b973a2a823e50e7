/* What AWS KMS answers, read: pure. */
#ifndef HIN_KMS_AWS_ANSWER_H
#define HIN_KMS_AWS_ANSWER_H

#include "base/buf.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/view.h"

#define HIN_AWS_ANSWER_MAX     32768 /* bytes of a body */
#define HIN_AWS_KEY_NAME_MAX   256
#define HIN_AWS_BLOB_MAX_BYTES 6144

/* An answer other than 200. */
struct hin_aws_failure {
    enum hin_code code; /* see api.h */
    bool again;         /* may pass by itself */
    char text[400];     /* for people; "" where the code says all */
};
/* Any bytes: what cannot be read is told by its status. */
void hin_aws_read_failure(unsigned status, struct hin_view body,
                          struct hin_aws_failure *ret_failure) __attribute__((nonnull(3)));

/* The member "Plaintext" of an answer, which is overwritten where it stood: no parser is to copy
 * the key around in memory of its own. PROTOCOL: there is none. */
HIN_RESULT hin_aws_take_plain(struct hin_buf *body, struct hin_secret *ret_plain) HIN_NONNULL;

/* The member "CiphertextBlob", appended. PROTOCOL. */
HIN_RESULT hin_aws_read_blob(struct hin_view body, struct hin_buf *ret_blob);

enum hin_aws_state { HIN_AWS_ENABLED, HIN_AWS_DISABLED, HIN_AWS_PENDING };

/* KeyMetadata. */
struct hin_aws_key {
    char id[HIN_AWS_KEY_NAME_MAX];
    char description[HIN_AWS_KEY_NAME_MAX]; /* "" when it is longer */
    enum hin_aws_state state;
    int64_t deletion_usec; /* 0: none is planned */
};
HIN_RESULT hin_aws_read_key(struct hin_view body, struct hin_aws_key *ret_key);

#endif
