/* What a copy of a store (copy.h) holds, looked into and made anew without a store: for backups out
 * of which something is to go. What stays is as it was, to its number. Not thread-safe. */
#ifndef HIN_STORE_REMAKE_H
#define HIN_STORE_REMAKE_H

#include "store/copy.h"
#include "store/documents.h"
#include "store/events.h"

/* What to do with an event (HIN_STORE_KEEP or _ERASE): as of struct hin_store_rewrite. */
struct hin_remake_judge {
    HIN_RESULT(*judge)
    (void *context, const struct hin_store_event *event, enum hin_store_verdict *ret_verdict,
     struct hin_store_event *replacement);
    void *context;
};

struct hin_remaker;
/* tenant: copied. */
HIN_RESULT hin_remaker_new(struct hin_remaker **ret_remaker, const char *tenant) HIN_NONNULL;
void hin_remaker_free(struct hin_remaker *remaker);

struct hin_remade {
    bool changed;
    uint64_t erased, unread; /* events; unread: of a later version, which stay */
};
/* bytes: a segment as hin_store_copy_segment appends it, row: its row. Each event is judged; when
 * one is erased, the segment is appended to ret_bytes anew, under a fresh key, and row says what it
 * is now. What is erased leaves its number and identity. Tokens of a closed segment are made anew
 * under the newest key of `index`. CORRUPT, AUTH, NOT_FOUND (its key is lost), UNSUPPORTED...: it
 * opens for nobody. row->computers is borrowed from the remaker until the next call. */
HIN_RESULT hin_remake_segment(struct hin_remaker *remaker, struct hin_index *index,
                              const struct hin_remake_judge *judge, struct hin_view bytes,
                              struct hin_copy_segment *row, struct hin_buf *ret_bytes,
                              struct hin_remade *ret_remade) HIN_NONNULL;

/* A row of HIN_PART_DOCUMENT: which document it is, without its content. SYNTAX. */
HIN_RESULT hin_remake_document(struct hin_view row,
                               struct hin_store_document *ret_document) HIN_NONNULL;
/* The same with its content, appended to `plain` (the caller's, wiped by it). CORRUPT, AUTH,
 * NOT_FOUND: it opens for nobody. */
HIN_RESULT hin_remake_open_document(struct hin_remaker *remaker, struct hin_view row,
                                    struct hin_buf *plain,
                                    struct hin_store_document *ret_document) HIN_NONNULL;
/* A row of HIN_PART_NAME: of which document. SYNTAX. */
HIN_RESULT hin_remake_name(struct hin_view row, enum hin_store_kind *ret_kind,
                           int64_t *ret_id) HIN_NONNULL;

#endif
