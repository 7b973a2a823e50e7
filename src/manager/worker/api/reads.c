#include "manager/worker/api/reads.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/log.h"
#include "manager/worker/api/api.h"

enum { READS_MAX = 256, FIELDS_MAX = 512, ROUND_USEC = 10 * 1000 * 1000 };
#define WINDOW_USEC (10 * HIN_MINUTE_USEC)

struct hin_read {
    struct hin_desk *desk;
    int64_t key; /* 0: the slot is free */
    char who[96], peer[64];
    const char *action, *kind; /* of static life */
    int64_t object;
    char fields[FIELDS_MAX];
    int64_t begun_usec; /* monotonic */
    uint64_t answers, objects;
    bool owed, export_owed; /* an entry that could not be written for want of room */
    bool exported;
};

struct hin_reads {
    struct hin_worker *worker;
    struct hin_timer *timer;
    struct hin_read items[READS_MAX];
    bool told; /* that the disk is full */
};

static HIN_RESULT write_entry(struct hin_reads *reads, const struct hin_read *read,
                              const char *action, const char *detail)
{
    struct hin_audit audit = {
        .action = action,
        .outcome = "done",
        .actor = hin_view_from_text(read->who),
        .peer = hin_view_from_text(read->peer),
        .kind = read->kind,
        .object = read->object,
        .detail = hin_view_from_text(detail),
        .fields = hin_view_from_text(read->fields),
    };
    (void)reads;
    HIN_TRY(hin_desk_wake(read->desk));
    return hin_audit_write(&read->desk->tenant, &audit);
}

/* Reading goes on with a full disk; the entry is owed. */
static HIN_RESULT write_or_owe(struct hin_reads *reads, const struct hin_read *read,
                               const char *action, const char *detail, bool *owed)
{
    struct hin_result written = write_entry(reads, read, action, detail);
    *owed = written.code == HIN_NO_SPACE;
    if (*owed && !reads->told) {
        hin_log(HIN_LOG_ERROR, "no room for the audit record: reads are noted in memory and "
                               "written when there is room");
    }
    reads->told = *owed;
    return *owed ? hin_ok() : written;
}

static HIN_RESULT write_export(struct hin_reads *reads, struct hin_read *read)
{
    char detail[128];
    snprintf(detail, sizeof(detail), "%llu objects in %llu answers so far",
             (unsigned long long)read->objects, (unsigned long long)read->answers);
    char action[64];
    snprintf(action, sizeof(action), "%s.export", read->kind);
    return write_or_owe(reads, read, action, detail, &read->export_owed);
}

static HIN_RESULT write_owed(struct hin_reads *reads, struct hin_read *read)
{
    if (read->owed) {
        HIN_TRY(write_or_owe(reads, read, read->action, "written late: there was no room",
                             &read->owed));
    }
    return read->export_owed && !read->owed ? write_export(reads, read) : hin_ok();
}

/* The reading is over: what came after its first answer. False: it is still owed, for want of room.
 */
static bool finish(struct hin_reads *reads, struct hin_read *read)
{
    char detail[128];
    bool owed = false;
    struct hin_result result = write_owed(reads, read);
    if (hin_is_ok(result) && !read->owed && !read->export_owed && read->answers > 1) {
        snprintf(detail, sizeof(detail), "%llu answers in all, with %llu objects",
                 (unsigned long long)read->answers, (unsigned long long)read->objects);
        result = write_or_owe(reads, read, read->action, detail, &owed);
    }
    if (!hin_is_ok(result)) {
        hin_log_result(HIN_LOG_ERROR, result,
                       "how long a reading went on cannot be written into the audit record");
    } else if (owed || read->owed || read->export_owed) {
        return false;
    }
    *read = (struct hin_read){0};
    return true;
}

static void on_timer(void *context)
{
    struct hin_reads *reads = context;
    int64_t now_usec = hin_clock_monotonic_usec(reads->worker->clock);
    for (size_t i = 0; i < READS_MAX; i++) {
        struct hin_read *read = &reads->items[i];
        if (read->key != 0 && now_usec - read->begun_usec >= WINDOW_USEC) {
            (void)finish(reads, read);
        } else if (read->key != 0) {
            HIN_IGNORE(write_owed(reads, read)); /* the next round tries again */
        }
    }
}

static struct hin_read *find(struct hin_reads *reads, const struct hin_api_call *call,
                             const char *action, int64_t object, struct hin_view fields)
{
    for (size_t i = 0; i < READS_MAX; i++) {
        struct hin_read *read = &reads->items[i];
        if (read->desk == call->desk && read->key == call->who->key && read->object == object &&
            strcmp(read->action, action) == 0 && strcmp(read->peer, call->peer) == 0 &&
            hin_view_is(fields, read->fields)) {
            return read;
        }
    }
    return NULL;
}

/* A free slot, or that of the oldest reading, which ends. */
static HIN_RESULT take_slot(struct hin_reads *reads, struct hin_read **ret_read)
{
    struct hin_read *oldest = &reads->items[0];
    for (size_t i = 0; i < READS_MAX; i++) {
        struct hin_read *read = &reads->items[i];
        if (read->key == 0) {
            *ret_read = read;
            return hin_ok();
        }
        oldest = read->begun_usec < oldest->begun_usec ? read : oldest;
    }
    HIN_ENSURE(finish(reads, oldest), AGAIN);
    *ret_read = oldest;
    return hin_ok();
}

HIN_RESULT hin_reads_begin(struct hin_api_call *call, const char *action, const char *kind,
                           int64_t object, struct hin_view fields)
{
    struct hin_reads *reads = hin_api_reads(call->worker->api);
    int64_t now_usec = hin_clock_monotonic_usec(call->worker->clock);
    if (fields.size >= FIELDS_MAX) {
        fields = HIN_VIEW("[\"many\"]");
    }
    struct hin_read *read = find(reads, call, action, object, fields);
    if (read != NULL && now_usec - read->begun_usec >= WINDOW_USEC) {
        read = finish(reads, read) ? NULL : read;
    }
    if (read == NULL) {
        HIN_TRY(take_slot(reads, &read));
        *read = (struct hin_read){.desk = call->desk,
                                  .action = action,
                                  .kind = kind,
                                  .object = object,
                                  .begun_usec = now_usec};
        snprintf(read->who, sizeof(read->who), "%s", call->who->text);
        snprintf(read->peer, sizeof(read->peer), "%s", call->peer);
        snprintf(read->fields, sizeof(read->fields), "%.*s", HIN_ARGS(fields));
        HIN_TRY(write_or_owe(reads, read, action, "", &read->owed));
        read->key = call->who->key;
    }
    read->answers++;
    call->read = read;
    return hin_ok();
}

HIN_RESULT hin_reads_count(struct hin_api_call *call, uint64_t objects)
{
    struct hin_read *read = call->read;
    if (read == NULL) {
        return hin_ok();
    }
    read->objects += objects;
    if (read->exported || read->objects < HIN_READS_EXPORT) {
        return hin_ok();
    }
    HIN_TRY(write_export(hin_api_reads(call->worker->api), read));
    read->exported = true;
    return hin_ok();
}

HIN_RESULT hin_reads_new(struct hin_worker *worker, struct hin_reads **ret_reads)
{
    struct hin_reads *reads = calloc(1, sizeof(*reads));
    HIN_ENSURE(reads != NULL, NO_MEMORY);
    reads->worker = worker;
    struct hin_result made = hin_timer_new(worker->loop, on_timer, reads, &reads->timer);
    if (hin_is_ok(made)) {
        made = hin_timer_repeat(reads->timer, ROUND_USEC, ROUND_USEC, 0);
    }
    if (!hin_is_ok(made)) {
        hin_timer_free(reads->timer);
        free(reads);
        return made;
    }
    *ret_reads = reads;
    return hin_ok();
}

void hin_reads_free(struct hin_reads *reads)
{
    if (reads == NULL) {
        return;
    }
    for (size_t i = 0; i < READS_MAX; i++) {
        struct hin_read *read = &reads->items[i];
        /* A tenant that rests is not woken for a count while everything ends. */
        if (read->key != 0 && hin_tenant_is_awake(&read->desk->tenant)) {
            (void)finish(reads, read);
        }
    }
    hin_timer_free(reads->timer);
    free(reads);
}
