#include "manager/making.h"

#include "base/log.h"
#include "manager/erasure.h"
#include "store/documents.h"

/* Far more than lies between the note and the transaction, which keeps all other writers out until
 * it ends. */
#define PATIENCE_USEC (10 * HIN_SEC_USEC)

/* The owner of a note. */
enum { MADE = 0, CLEARED = 1 };

HIN_RESULT hin_making_begin(struct hin_tenant *own, struct hin_view uuid)
{
    struct hin_store_content content = {.bytes = uuid, .names = {uuid}, .owner = MADE};
    int64_t id = 0;
    return hin_store_create(own->store, HIN_STORE_MAKINGS, &content, hin_tenant_now_usec(own), &id);
}

HIN_RESULT hin_making_end(struct hin_tenant *own, struct hin_view uuid)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf buf = {.max = HIN_STORE_DOCUMENT_BYTES};
    struct hin_store_document note;
    struct hin_result found = hin_store_find(own->store, HIN_STORE_MAKINGS, 0, uuid, &buf, &note);
    HIN_ENSURE(found.code != HIN_NOT_FOUND, CONFLICT);
    HIN_TRY(found);
    HIN_ENSURE(note.owner == MADE, CONFLICT);
    return hin_store_delete(own->store, HIN_STORE_MAKINGS, note.id, note.version);
}

/* ---- what was cut off ---- */

struct note {
    int64_t id; /* 0: none */
    int64_t owner;
    int64_t old_usec;
    char uuid[37];
};

static struct hin_result take_old(void *context, const struct hin_store_document *document)
{
    struct note *note = context;
    if (note->id != 0 || document->created_usec > note->old_usec) {
        return hin_ok();
    }
    note->id = document->id;
    note->owner = document->owner;
    return hin_view_to_text(document->bytes, note->uuid, sizeof(note->uuid));
}

static struct hin_result mark(void *context, const struct hin_store_document *document,
                              struct hin_buf *bytes, struct hin_store_content *content,
                              bool *keep_names)
{
    (void)context;
    *keep_names = true;
    content->owner = CLEARED;
    return hin_buf_append(bytes, document->bytes);
}

/* Whoever made it is late, and finds the mark; nothing is destroyed before it stands. NOT_FOUND: it
 * was made meanwhile. */
static HIN_RESULT take_over(struct hin_tenant *own, const struct note *note)
{
    struct hin_store_change change = {mark, NULL};
    return hin_store_modify(own->store, HIN_STORE_MAKINGS, note->id, &change,
                            hin_tenant_now_usec(own));
}

static HIN_RESULT clear(struct hin_tenant *own, const struct note *note)
{
    struct hin_key_provider_status status;
    bool reclaimed = false;
    if (note->owner == MADE) {
        return take_over(own, note);
    }
    own->key_use_count++;
    HIN_TRY(hin_keys_tenant_erase(&own->keys, hin_view_from_text(note->uuid), &status));
    HIN_TRY(hin_erasure_reclaim(own, note->uuid, &reclaimed));
    if (reclaimed) {
        hin_log(HIN_LOG_INFO, "the making of tenant %s was cut off: nothing of it is left",
                note->uuid);
        return hin_store_delete(own->store, HIN_STORE_MAKINGS, note->id, 0);
    }
    return hin_ok();
}

HIN_RESULT hin_making_clear(struct hin_tenant *own, bool *ret_idle)
{
    struct note note = {.old_usec = hin_tenant_now_usec(own) - PATIENCE_USEC};
    struct hin_store_page all = {0};
    struct hin_store_listed listed;
    HIN_TRY(hin_store_list(own->store, HIN_STORE_MAKINGS, &all, take_old, &note, &listed));
    *ret_idle = note.id == 0;
    if (note.id == 0) {
        return hin_ok();
    }
    struct hin_result cleared = clear(own, &note);
    return cleared.code == HIN_NOT_FOUND ? hin_ok() : cleared;
}
