/* What an object store answers, read: pure. XML by data/xml.h; of names only those that need no
 * decoding are ever ours (depot.h), and listings are asked for percent-coded. */
#ifndef HIN_DEPOT_S3_ANSWER_H
#define HIN_DEPOT_S3_ANSWER_H

#include "base/buf.h"
#include "base/result.h"
#include "base/view.h"

enum { HIN_S3_ID_MAX = 1024, HIN_S3_TEXT_MAX = 600 };

/* An answer that is no success. */
struct hin_s3_failure {
    enum hin_code code;
    bool again;                 /* may pass by itself */
    char text[HIN_S3_TEXT_MAX]; /* the store's words and what to do */
};
/* Any bytes: what cannot be read is told by its status. region: the header x-amz-bucket-region, or
 * empty. */
void hin_s3_read_failure(unsigned status, struct hin_view region, struct hin_view body,
                         struct hin_s3_failure *ret_failure) __attribute__((nonnull(4)));

struct hin_s3_entry {
    struct hin_view key; /* coded */
    uint64_t size;       /* of objects */
    struct hin_view id;  /* of uploads that are under way */
    int64_t begun_usec;
};
struct hin_s3_page {
    HIN_RESULT (*visit)(void *context, const struct hin_s3_entry *entry);
    void *context;
};
/* A page of ListObjectsV2. *ret_token: what the next page is asked for with; empty: this was the
 * last. A failure of visit is answered. PROTOCOL: none. */
HIN_RESULT hin_s3_read_objects(struct hin_view body, const struct hin_s3_page *page,
                               struct hin_buf *ret_token);
/* The first page of ListMultipartUploads. */
HIN_RESULT hin_s3_read_uploads(struct hin_view body, const struct hin_s3_page *page);
/* The id of an upload that was begun. PROTOCOL. */
HIN_RESULT hin_s3_read_upload(struct hin_view body, char ret_id[HIN_S3_ID_MAX]);
/* CompleteMultipartUpload answers 200 before it is done, and may then say in the body that it
 * failed. */
bool hin_s3_is_completed(struct hin_view body);
/* Content-Range of a 206. PROTOCOL. */
HIN_RESULT hin_s3_read_range(struct hin_view value, uint64_t *ret_first, uint64_t *ret_last,
                             uint64_t *ret_total);

#endif
