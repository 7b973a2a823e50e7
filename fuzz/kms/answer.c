/* Answers of AWS KMS: as failures, keys, blobs and plain text. What is taken as plain text stands
 * no longer in the answer. */
#include <stdlib.h>

#include "aws/base64.h"
#include "base/bytes.h"
#include "kms/aws/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_plain(struct hin_view bytes)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf body = {.max = 65536};
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 65536};
    HIN_CLEANUP(hin_secret_done) struct hin_secret plain = {0};
    if (!hin_is_ok(hin_buf_append(&body, bytes)) || !hin_is_ok(hin_aws_take_plain(&body, &plain))) {
        return;
    }
    /* It was the text of these bytes, and is gone, unless it was all A's anyway. */
    if (!hin_is_ok(hin_base64_encode(hin_secret_view(&plain), &text)) ||
        hin_view_find(bytes, hin_buf_view(&text)) == SIZE_MAX) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hin_view bytes = hin_view_of(data, size);
    struct hin_aws_failure failure;
    struct hin_aws_key key;
    HIN_CLEANUP(hin_buf_done) struct hin_buf blob = {.max = 65536};
    hin_aws_read_failure(size % 2 == 0 ? 400 : 500, bytes, &failure);
    if (failure.code == HIN_OK) {
        abort();
    }
    if (hin_is_ok(hin_aws_read_key(bytes, &key)) && key.deletion_usec < 0) {
        abort();
    }
    if (hin_is_ok(hin_aws_read_blob(bytes, &blob)) && blob.size == 0) {
        abort();
    }
    take_plain(bytes);
    return 0;
}
