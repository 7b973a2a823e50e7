/* Answers of an object store: as failures, pages of lists, uploads, ranges. What is taken holds. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "depot/s3_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static HIN_RESULT visit(void *context, const struct hin_s3_entry *entry)
{
    unsigned *count = context;
    if (entry->key.size == 0 || entry->key.data == NULL) {
        abort();
    }
    (*count)++;
    return hin_ok();
}

static void read_failures(struct hin_view bytes)
{
    static const unsigned statuses[] = {200, 301, 400, 403, 404, 412, 416, 500, 503, 599, 999};
    for (size_t i = 0; i < HIN_COUNT(statuses); i++) {
        struct hin_s3_failure failure;
        hin_s3_read_failure(statuses[i], i % 2 == 0 ? HIN_VIEW_EMPTY : hin_view_sub(bytes, 0, 20),
                            bytes, &failure);
        size_t size = strlen(failure.text);
        if (failure.code == HIN_OK || size == 0 || size >= sizeof(failure.text)) {
            abort();
        }
        for (size_t j = 0; j < size; j++) {
            if (failure.text[j] < ' ' || failure.text[j] > '~') {
                abort();
            }
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hin_view bytes = hin_view_of(data, size);
    HIN_CLEANUP(hin_buf_done) struct hin_buf token = {.max = 2048};
    unsigned count = 0;
    const struct hin_s3_page page = {.visit = visit, .context = &count};
    char id[HIN_S3_ID_MAX] = "";
    uint64_t first = 0, last = 0, total = 0;
    if (size > 65536) {
        return 0;
    }
    read_failures(bytes);
    HIN_IGNORE(hin_s3_read_objects(bytes, &page, &token));
    HIN_IGNORE(hin_s3_read_uploads(bytes, &page));
    if (hin_is_ok(hin_s3_read_upload(bytes, id)) && id[0] == '\0') {
        abort();
    }
    (void)hin_s3_is_completed(bytes);
    if (hin_is_ok(hin_s3_read_range(bytes, &first, &last, &total)) &&
        (first > last || last >= total)) {
        abort();
    }
    return 0;
}
