/* One call of the AWS KMS API (JSON 1.1, service TrentService): signed, sent, tried again with
 * jitter where that helps, and its errors as codes and as advice. */
#ifndef HIN_KMS_AWS_API_H
#define HIN_KMS_AWS_API_H

#include "aws/credentials.h"
#include "base/result.h"
#include "base/time.h"
#include "kms/aws/answer.h"
#include "kms/aws/link.h"

#define HIN_AWS_HOST_MAX   256
#define HIN_AWS_REGION_MAX 64

struct hin_aws_api {
    const char *region;
    char host[HIN_AWS_HOST_MAX + 8]; /* as in the header Host */
    const struct hin_aws_credentials *credentials;
    const struct hin_clock *clock;
    void (*sleep)(void *context, int64_t usec);
    void *sleep_context;
    struct hin_aws_link *link;
    int64_t retry_usec, backoff_usec; /* monotonic: no call before, and how long the next time */
    char failure[400];                /* of the last call that failed for a reason of its own */
};

/* operation: "Encrypt". body: JSON, may hold a key. ret_answer: a buffer with HIN_AWS_ANSWER_MAX as
 * its maximum and nothing in it; it gets the JSON that was answered, or whatever came with a
 * failure, and is the caller's to wipe.
 *
 * NOT_FOUND, EXISTS; CONFLICT: the key's state forbids it (disabled, to be deleted); AUTH: not a
 * ciphertext of this key and context; DENIED, EXPIRED: the credentials, the region or the clock;
 * AGAIN: throttled, out of order, or not to be reached at the moment: no call is made until the
 * back-off is over (1 s doubled up to 30 s). api->failure says more, for people. */
HIN_RESULT hin_aws_call(struct hin_aws_api *api, const char *operation, struct hin_view body,
                        struct hin_buf *ret_answer) HIN_NONNULL;

#endif
