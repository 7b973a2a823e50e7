/* A file of AWS credentials; then the same bytes as base64, which come out as they went in. */
#include <stdlib.h>
#include <string.h>

#include "aws/base64.h"
#include "aws/credentials.h"
#include "base/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_base64(struct hin_view bytes)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 131072};
    uint8_t *back = malloc(bytes.size + 3);
    size_t count = 0;
    if (back != NULL && hin_is_ok(hin_base64_encode(bytes, &text)) &&
        (!hin_is_ok(hin_base64_decode(hin_buf_view(&text), back, bytes.size, &count)) ||
         !hin_view_equal(hin_view_of(back, count), bytes))) {
        abort();
    }
    /* What decodes is the only text of its bytes. */
    hin_buf_clear(&text);
    if (back != NULL && hin_is_ok(hin_base64_decode(bytes, back, bytes.size + 3, &count)) &&
        (!hin_is_ok(hin_base64_encode(hin_view_of(back, count), &text)) ||
         !hin_view_equal(hin_buf_view(&text), bytes))) {
        abort();
    }
    free(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hin_aws_credentials credentials;
    struct hin_error error = {0};
    if (size > 65536) {
        return 0;
    }
    if (hin_is_ok(hin_aws_credentials_parse(hin_view_of(data, size), &credentials, &error))) {
        if (credentials.access_key[0] == '\0' || credentials.secret_key.size == 0) {
            abort();
        }
        hin_aws_credentials_done(&credentials);
    } else if (error.text[0] == '\0') {
        abort();
    }
    check_base64(hin_view_of(data, size));
    return 0;
}
