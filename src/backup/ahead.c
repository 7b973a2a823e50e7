/* Objects of a manifest read ahead of their use: a second thread reads and hashes while the first
 * puts what was read into a store. The thread alone uses the depot; what both share is the ring. */
#include <pthread.h>
#include <stdlib.h>

#include "backup/internal.h"
#include "base/bytes.h"

/* Objects: segments of 1,000 events, pieces of 4 MiB. HINTS: so far before it is read the depot is
 * told of it. */
enum { SLOTS = 8, HINTS = 16 };

struct slot {
    struct hin_buf bytes;
    struct hin_result result;
    struct hin_error error;
};

struct hin_backup_ahead {
    struct hin_backup own; /* the thread's: with an error of its own */
    const struct hin_backup_manifest *manifest;
    size_t hinted; /* the thread's: objects that the depot was told of */
    bool threaded;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    size_t read, used; /* objects so far: between the two lie full slots */
    bool stop;
    struct slot slots[SLOTS];
};

/* Pieces, then segments; those without bytes too. */
static const struct hin_backup_object *object_at(const struct hin_backup_manifest *manifest,
                                                 size_t at)
{
    return at < manifest->piece_count ? &manifest->pieces[at].object
                                      : &manifest->segments[at - manifest->piece_count].object;
}

static void hint_until(struct hin_backup_ahead *ahead, size_t end)
{
    char path[HIN_DEPOT_NAME_MAX + 1];
    for (; ahead->hinted < end; ahead->hinted++) {
        const struct hin_backup_object *object = object_at(ahead->manifest, ahead->hinted);
        if (object->size > 0) {
            hin_backup_object_path(ahead->own.tenant, object->name, path);
            hin_depot_hint(ahead->own.depot, path);
        }
    }
}

static void read_into(struct hin_backup_ahead *ahead, size_t at)
{
    const struct hin_backup_object *object = object_at(ahead->manifest, at);
    struct slot *slot = &ahead->slots[at % SLOTS];
    size_t count = ahead->manifest->piece_count + ahead->manifest->segment_count;
    hint_until(ahead, HIN_MIN(at + HINTS, count));
    hin_buf_clear(&slot->bytes);
    slot->result =
        object->size > 0 ? hin_backup_fetch(&ahead->own, object, &slot->bytes) : hin_ok();
    slot->error = ahead->own.error;
}

static bool may_read(struct hin_backup_ahead *ahead)
{
    (void)pthread_mutex_lock(&ahead->lock);
    while (!ahead->stop && ahead->read - ahead->used == SLOTS) {
        (void)pthread_cond_wait(&ahead->changed, &ahead->lock);
    }
    bool go_on = !ahead->stop;
    (void)pthread_mutex_unlock(&ahead->lock);
    return go_on;
}

static void *run(void *context)
{
    struct hin_backup_ahead *ahead = context;
    size_t count = ahead->manifest->piece_count + ahead->manifest->segment_count;
    for (size_t at = 0; at < count && may_read(ahead); at++) {
        read_into(ahead, at);
        bool failed = !hin_is_ok(ahead->slots[at % SLOTS].result);
        (void)pthread_mutex_lock(&ahead->lock);
        ahead->read = at + 1;
        (void)pthread_cond_signal(&ahead->changed);
        (void)pthread_mutex_unlock(&ahead->lock);
        if (failed) {
            break;
        }
    }
    return NULL;
}

HIN_RESULT hin_backup_ahead_new(struct hin_backup_ahead **ret_ahead, struct hin_backup *backup,
                                const struct hin_backup_manifest *manifest)
{
    struct hin_backup_ahead *ahead = calloc(1, sizeof(*ahead));
    HIN_ENSURE(ahead != NULL, NO_MEMORY);
    ahead->own = *backup;
    ahead->manifest = manifest;
    for (size_t i = 0; i < SLOTS; i++) {
        hin_buf_init(&ahead->slots[i].bytes, HIN_BACKUP_OBJECT_MAX + 1);
    }
    (void)pthread_mutex_init(&ahead->lock, NULL);
    (void)pthread_cond_init(&ahead->changed, NULL);
    /* Where no thread can be had each object is read when it is asked for. */
    ahead->threaded = backup->read_ahead && pthread_create(&ahead->thread, NULL, run, ahead) == 0;
    *ret_ahead = ahead;
    return hin_ok();
}

void hin_backup_ahead_free(struct hin_backup_ahead *ahead)
{
    if (ahead == NULL) {
        return;
    }
    if (ahead->threaded) {
        (void)pthread_mutex_lock(&ahead->lock);
        ahead->stop = true;
        (void)pthread_cond_signal(&ahead->changed);
        (void)pthread_mutex_unlock(&ahead->lock);
        (void)pthread_join(ahead->thread, NULL);
    }
    for (size_t i = 0; i < SLOTS; i++) {
        hin_buf_done(&ahead->slots[i].bytes);
    }
    (void)pthread_cond_destroy(&ahead->changed);
    (void)pthread_mutex_destroy(&ahead->lock);
    free(ahead);
}

HIN_RESULT hin_backup_ahead_take(struct hin_backup_ahead *ahead, struct hin_backup *backup,
                                 struct hin_view *ret_bytes)
{
    size_t at = ahead->used; /* changed here alone */
    HIN_ENSURE(at < ahead->manifest->piece_count + ahead->manifest->segment_count, INVALID);
    if (ahead->threaded) {
        (void)pthread_mutex_lock(&ahead->lock);
        while (ahead->read == at) {
            (void)pthread_cond_wait(&ahead->changed, &ahead->lock);
        }
        (void)pthread_mutex_unlock(&ahead->lock);
    } else {
        read_into(ahead, at);
    }
    const struct slot *slot = &ahead->slots[at % SLOTS];
    if (!hin_is_ok(slot->result)) {
        backup->error = slot->error;
        return slot->result;
    }
    *ret_bytes = hin_buf_view(&slot->bytes);
    return hin_ok();
}

void hin_backup_ahead_next(struct hin_backup_ahead *ahead)
{
    (void)pthread_mutex_lock(&ahead->lock);
    ahead->used++;
    (void)pthread_cond_signal(&ahead->changed);
    (void)pthread_mutex_unlock(&ahead->lock);
}
