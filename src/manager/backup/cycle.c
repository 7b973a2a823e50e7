#include "manager/backup/cycle.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/log.h"
#include "manager/audit.h"
#include "manager/backup/cycle_internal.h"
#include "manager/erasure.h"

#define TELL_USEC      (1 * HIN_SEC_USEC)
#define PACE_USEC      (100 * HIN_MSEC_USEC)
#define GIVE_WAY_BYTES ((uint64_t)1 << 20)

bool hin_cycle_is_final(struct hin_result result)
{
    return result.code == HIN_CLOSED || result.code == HIN_NO_MEMORY;
}

/* ---- between two objects ---- */

static HIN_RESULT open_key(void *context, struct hin_view tenant, struct hin_view payload,
                           struct hin_vault_data_key *ret_key)
{
    struct hin_backup_cycle *cycle = context;
    return hin_keys_backup_key_open(&cycle->keys, tenant, payload, ret_key);
}

static uint64_t look_rate(const struct hin_backup_cycle *cycle)
{
    uint64_t own = cycle->settings.look_bytes_per_second;
    uint64_t all = cycle->settings.bytes_per_second;
    return own == 0 || (all > 0 && all < own) ? all : own;
}

/* At most so many bytes a second, as an average since the last quiet moment. */
static void pace(struct hin_backup_cycle *cycle, uint64_t bytes)
{
    uint64_t rate = cycle->looking ? look_rate(cycle) : cycle->settings.bytes_per_second;
    int64_t now_usec = hin_cycle_monotonic_usec(cycle);
    if (rate == 0 || bytes < cycle->paced_bytes) {
        cycle->paced_usec = now_usec;
        cycle->paced_bytes = 0;
        return;
    }
    int64_t due_usec = (int64_t)((double)bytes / (double)rate * (double)HIN_SEC_USEC);
    int64_t early_usec = cycle->paced_usec + due_usec - now_usec;
    cycle->paced_bytes = bytes;
    if (early_usec > PACE_USEC) {
        cycle->pause(cycle->context, HIN_MIN(early_usec, HIN_SEC_USEC));
    }
}

/* As long as somebody commits to the store, half the time is theirs: what took long, on a slow disk
 * or a busy processor, is rested from long. */
static void give_way(struct hin_backup_cycle *cycle, uint64_t bytes)
{
    struct hin_store_position position;
    struct hin_store *store = cycle->hurried != NULL ? cycle->hurried->tenant.store : NULL;
    if (store == NULL ||
        (bytes >= cycle->given_way_bytes && bytes - cycle->given_way_bytes < GIVE_WAY_BYTES)) {
        return;
    }
    int64_t worked_usec = hin_cycle_monotonic_usec(cycle) - cycle->given_way_usec;
    if (hin_is_ok(hin_store_position(store, &position))) {
        if (position.change != cycle->hurried_change && cycle->given_way_usec != 0) {
            cycle->pause(cycle->context, HIN_MIN(worked_usec, PACE_USEC));
        }
        cycle->hurried_change = position.change;
    }
    cycle->given_way_usec = hin_cycle_monotonic_usec(cycle);
    cycle->given_way_bytes = bytes;
}

/* So that who waits for the order sees it move. */
static HIN_RESULT tell(struct hin_backup_cycle *cycle, const struct hin_backup_progress *progress)
{
    struct hin_backup_order *order = cycle->order;
    int64_t now_usec = hin_cycle_monotonic_usec(cycle);
    if (order == NULL || now_usec - cycle->told_usec < TELL_USEC) {
        return hin_ok();
    }
    cycle->told_usec = now_usec;
    order->objects = (int64_t)(progress->objects + progress->objects_shared);
    order->bytes = (int64_t)progress->bytes;
    order->objects_all = (int64_t)progress->objects_all;
    return hin_backup_order_write(cycle->own->store, order, hin_cycle_now_usec(cycle));
}

static HIN_RESULT between(void *context, const struct hin_backup_progress *progress)
{
    struct hin_backup_cycle *cycle = context;
    HIN_TRY(cycle->turn(cycle->context));
    pace(cycle, progress->bytes);
    give_way(cycle, progress->bytes);
    HIN_IGNORE(tell(cycle, progress)); /* who waits sees it later */
    /* What takes hours keeps nobody's newest from being shipped, nor a trouble from being told. */
    HIN_TRY(hin_backup_cycle_ship(cycle, false));
    struct hin_result told = hin_cycle_alert_within(cycle);
    return hin_cycle_is_final(told) ? told : hin_ok();
}

struct hin_backup hin_cycle_handle(struct hin_backup_cycle *cycle,
                                   struct hin_backup_subject *subject, size_t at)
{
    cycle->hurried = subject;
    return (struct hin_backup){.depot = cycle->depots[at],
                               .tenant = subject->tenant.id,
                               .open_key = open_key,
                               .key_context = cycle,
                               .between = between,
                               .between_context = cycle};
}

/* ---- tenants ---- */

struct hin_backup_subject *hin_cycle_subject(struct hin_backup_cycle *cycle, const char *uuid)
{
    struct hin_backup_subject *subject = cycle->subjects;
    while (subject != NULL && strcmp(subject->tenant.id, uuid) != 0) {
        subject = subject->next;
    }
    return subject;
}

static HIN_RESULT add_subject(struct hin_backup_cycle *cycle, const char *uuid, int64_t number)
{
    struct hin_backup_subject *subject = calloc(1, sizeof(*subject));
    struct hin_backup_subject **at = &cycle->subjects;
    HIN_ENSURE(subject != NULL, NO_MEMORY);
    hin_tenant_init(&subject->tenant, &cycle->place, uuid, &cycle->keys, HIN_VAULT_FOR_BACKUP,
                    cycle->clock);
    subject->tenant.number = number;
    subject->there = true;
    subject->met_usec = hin_cycle_monotonic_usec(cycle);
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = subject;
    return hin_ok();
}

void hin_cycle_forget(struct hin_backup_chain *chain)
{
    if (chain->loaded) {
        hin_secret_done(&chain->key.key);
        hin_backup_manifest_done(&chain->base);
    }
    if (chain->shipped) {
        hin_backup_manifest_done(&chain->state);
    }
    *chain = (struct hin_backup_chain){0};
}

static void free_subject(struct hin_backup_subject *subject)
{
    for (size_t i = 0; i < HIN_COUNT(subject->chains); i++) {
        hin_cycle_forget(&subject->chains[i]);
    }
    hin_backup_memory_done(&subject->memory);
    hin_tenant_close(&subject->tenant);
    free(subject);
}

static HIN_RESULT meet(void *context, const struct hin_store_document *document)
{
    struct hin_backup_cycle *cycle = context;
    struct hin_tenant_row row;
    HIN_TRY(hin_tenant_row_read(document->id, document->bytes, &row));
    struct hin_backup_subject *subject = hin_cycle_subject(cycle, row.uuid);
    if (row.state >= HIN_TENANT_ERASING) {
        return row.erasure.destroyed_usec > 0
                   ? hin_map_put(&cycle->erased, hin_view_from_text(row.uuid), cycle)
                   : hin_ok();
    }
    if (subject != NULL) {
        subject->there = true;
        return hin_ok();
    }
    return add_subject(cycle, row.uuid, document->id);
}

HIN_RESULT hin_backup_cycle_look(struct hin_backup_cycle *cycle)
{
    struct hin_store_page all = {0};
    struct hin_store_listed listed;
    for (struct hin_backup_subject *at = cycle->subjects; at != NULL; at = at->next) {
        at->there = at == cycle->subjects;
    }
    HIN_TRY(hin_store_list(cycle->own->store, HIN_STORE_TENANTS, &all, meet, cycle, &listed));
    struct hin_backup_subject **at = &cycle->subjects;
    while (*at != NULL) {
        struct hin_backup_subject *subject = *at;
        if (subject->there) {
            at = &subject->next;
        } else { /* its keys leave this process, and its files are free */
            *at = subject->next;
            free_subject(subject);
        }
    }
    return hin_ok();
}

HIN_RESULT hin_cycle_wake(struct hin_backup_cycle *cycle, struct hin_backup_subject *subject)
{
    subject->used_usec = hin_cycle_monotonic_usec(cycle);
    HIN_TRY(hin_tenant_wake(&subject->tenant));
    return hin_tenant_refresh(&subject->tenant);
}

/* ---- records ---- */

struct gathering {
    struct hin_backup_cycle *cycle;
    struct hin_backup_record *records;
    size_t count, room;
    int64_t number;
};

/* The owner stands beside the content. */
static HIN_RESULT gather_damaged(void *context, const struct hin_store_document *document)
{
    struct gathering *gathering = context;
    struct hin_backup_damaged damaged = {.id = document->id,
                                         .tenant = hin_backup_owner_tenant(document->owner),
                                         .settled = document->owner < 0,
                                         .created_usec = document->created_usec};
    return hin_cycle_add_damaged(gathering->cycle, &damaged);
}

static HIN_RESULT gather(void *context, const struct hin_store_document *document)
{
    struct gathering *gathering = context;
    struct hin_backup_record record;
    if (!hin_is_ok(hin_backup_record_read(document->id, document->bytes, &record))) {
        return gather_damaged(context, document);
    }
    if (gathering->number >= 0 && record.tenant != gathering->number) {
        return hin_ok();
    }
    if (gathering->count == gathering->room) {
        size_t room = HIN_MAX(gathering->room * 2, (size_t)64);
        void *fresh = realloc(gathering->records, room * sizeof(*gathering->records));
        HIN_ENSURE(fresh != NULL, NO_MEMORY);
        gathering->records = fresh;
        gathering->room = room;
    }
    gathering->records[gathering->count++] = record;
    return hin_ok();
}

static int by_age(const void *a, const void *b)
{
    const struct hin_backup_record *one = a, *other = b;
    return (one->begun_usec > other->begun_usec) - (one->begun_usec < other->begun_usec);
}

static HIN_RESULT gather_all(struct hin_backup_cycle *cycle, int64_t number,
                             enum hin_backup_records which, struct hin_backup_record **ret_records,
                             size_t *ret_count)
{
    struct gathering gathering = {.cycle = cycle, .number = number};
    struct hin_store_listed listed;
    hin_cycle_drop_damaged(cycle, number);
    struct hin_result got = hin_backup_records_list(cycle->own->store, number, which, gather,
                                                    gather_damaged, &gathering, &listed);
    if (!hin_is_ok(got)) {
        free(gathering.records);
        return got;
    }
    if (gathering.count > 0) {
        qsort(gathering.records, gathering.count, sizeof(*gathering.records), by_age);
    }
    *ret_records = gathering.records;
    *ret_count = gathering.count;
    return hin_ok();
}

HIN_RESULT hin_cycle_records(struct hin_backup_cycle *cycle, int64_t number,
                             struct hin_backup_record **ret_records, size_t *ret_count)
{
    return gather_all(cycle, number, HIN_BACKUP_RECORDS_LIVING, ret_records, ret_count);
}

HIN_RESULT hin_cycle_all_records(struct hin_backup_cycle *cycle, int64_t number,
                                 struct hin_backup_record **ret_records, size_t *ret_count)
{
    return gather_all(cycle, number, HIN_BACKUP_RECORDS_ALL, ret_records, ret_count);
}

HIN_RESULT hin_cycle_audit(struct hin_backup_cycle *cycle, const char *action, const char *outcome,
                           const struct hin_backup_record *record, const char *detail)
{
    struct hin_audit audit = {
        .action = action,
        .outcome = outcome,
        .actor = HIN_VIEW("backup"),
        .kind = "backups",
        .object = record->id,
        .detail = hin_view_from_text(detail),
    };
    return hin_audit_write(cycle->own, &audit);
}

HIN_RESULT hin_cycle_write_audited(struct hin_backup_cycle *cycle, struct hin_backup_record *record,
                                   const char *action, const char *outcome, const char *detail)
{
    struct hin_store *own = cycle->own->store;
    HIN_TRY(hin_store_begin(own));
    struct hin_result told = hin_backup_record_write(own, record, hin_cycle_now_usec(cycle));
    if (hin_is_ok(told)) {
        told = hin_cycle_audit(cycle, action, outcome, record, detail);
    }
    struct hin_result ended = hin_store_end(own, hin_is_ok(told));
    HIN_TRY(told);
    return ended;
}

/* What the catalogue does not know, a destination might still hold: a catalogue may be older than
 * what lies there. */
HIN_RESULT hin_cycle_spare(struct hin_backup_cycle *cycle, const char *uuid,
                           const struct hin_backup_record *records, size_t count,
                           uint32_t *ret_version)
{
    struct hin_key_provider_status status;
    bool spare = cycle->all_noted && hin_cycle_damaged(cycle, -1) == 0;
    HIN_TRY(hin_keys_backup_key_status(&cycle->keys, hin_view_from_text(uuid), &status));
    for (size_t i = 0; i < count; i++) {
        spare = spare && records[i].version != (int64_t)status.current_version;
    }
    *ret_version = spare ? status.current_version : 0;
    return hin_ok();
}

/* ---- orders ---- */

struct finding {
    struct hin_backup_order order;
    bool any;
};

static HIN_RESULT find_waiting(void *context, const struct hin_store_document *document)
{
    struct finding *finding = context;
    struct hin_backup_order order;
    if (finding->any || !hin_is_ok(hin_backup_order_read(document->id, document->bytes, &order)) ||
        order.state > HIN_BACKUP_ORDER_RUNNING) {
        return hin_ok();
    }
    finding->order = order;
    finding->any = true;
    return hin_ok();
}

/* One that was running when the process ended is carried out again. */
static HIN_RESULT next_order(struct hin_backup_cycle *cycle, struct finding *finding)
{
    struct hin_store_listed listed;
    for (int64_t state = HIN_BACKUP_ORDER_WAITING;
         state <= HIN_BACKUP_ORDER_RUNNING && !finding->any; state++) {
        struct hin_store_page page = {.owner = state};
        HIN_TRY(hin_store_list(cycle->own->store, HIN_STORE_BACKUP_ORDERS, &page, find_waiting,
                               finding, &listed));
    }
    return hin_ok();
}

static HIN_RESULT act_on(struct hin_backup_cycle *cycle, const struct hin_backup_order *order,
                         int64_t *failures)
{
    switch (order->task) {
    case HIN_BACKUP_TASK_BACKUP:
        return hin_backup_cycle_backup(cycle, order->tenant, true, failures);
    case HIN_BACKUP_TASK_RENEW:
        return hin_backup_cycle_renew(cycle, order->tenant, failures);
    case HIN_BACKUP_TASK_RESEAL:
        return hin_backup_cycle_reseal(cycle, order->tenant, failures);
    case HIN_BACKUP_TASK_REHEARSE:
        return hin_backup_cycle_rehearse(cycle, order->tenant, failures);
    case HIN_BACKUP_TASK_FORGET:
        return hin_backup_cycle_forget(cycle, order->backup, failures);
    default:
        return hin_backup_cycle_verify(cycle, order->tenant, failures);
    }
}

static HIN_RESULT carry_out(struct hin_backup_cycle *cycle, struct hin_backup_order *order)
{
    int64_t failures = 0;
    order->state = HIN_BACKUP_ORDER_RUNNING;
    order->objects = order->bytes = order->tenants = 0;
    HIN_TRY(hin_backup_order_write(cycle->own->store, order, hin_cycle_now_usec(cycle)));
    cycle->order = order;
    struct hin_result done = act_on(cycle, order, &failures);
    cycle->order = NULL;
    if (hin_cycle_is_final(done)) {
        return done; /* it goes on after the next start */
    }
    bool good = hin_is_ok(done) && failures == 0;
    order->state = good ? HIN_BACKUP_ORDER_DONE : HIN_BACKUP_ORDER_FAILED;
    order->failures = failures;
    order->ended_usec = hin_cycle_now_usec(cycle);
    if (good) {
        order->text[0] = '\0';
    } else if (order->text[0] == '\0') {
        snprintf(order->text, sizeof(order->text), "%s", hin_code_text(done.code));
    }
    return hin_backup_order_write(cycle->own->store, order, order->ended_usec);
}

HIN_RESULT hin_backup_cycle_serve(struct hin_backup_cycle *cycle, bool *ret_any)
{
    struct finding finding = {0};
    HIN_TRY(next_order(cycle, &finding));
    *ret_any = finding.any;
    return finding.any ? carry_out(cycle, &finding.order) : hin_ok();
}

/* ---- begin and end ---- */

/* Of what lies there and no entry names: one that was lost or is older than the catalogue, or whose
 * entry is damaged; that one gets its number. NOT_FOUND: destroyed, damaged, or another's. */
static HIN_RESULT make_anew(struct hin_backup_cycle *cycle, struct hin_backup_subject *subject,
                            size_t at, int64_t begun_usec, struct hin_backup_record *record)
{
    struct hin_backup backup = hin_cycle_handle(cycle, subject, at);
    struct hin_backup_manifest manifest;
    /* All of it: whoever writes there could have the head name another's key. */
    struct hin_result loaded = hin_backup_load(&backup, begun_usec, 0, &manifest, NULL);
    if (!hin_is_ok(loaded)) {
        return hin_cycle_is_final(loaded) ? loaded : hin_fail(HIN_NOT_FOUND);
    }
    *record = (struct hin_backup_record){.tenant = subject->tenant.number,
                                         .begun_usec = begun_usec,
                                         .state = HIN_BACKUP_DONE,
                                         .version = manifest.version,
                                         .ended_usec = manifest.at_usec,
                                         .last_event = manifest.position.last_event_id,
                                         .last_audit = manifest.position.audit_number,
                                         .segments = (int64_t)manifest.segment_count};
    snprintf(record->uuid, sizeof(record->uuid), "%s", subject->tenant.id);
    struct hin_backup_place *place =
        hin_backup_place_of(record, cycle->settings.destinations[at].name);
    if (place != NULL) {
        place->all_bytes = (int64_t)hin_backup_bytes(&manifest);
        place->objects = (int64_t)(manifest.segment_count + manifest.piece_count);
    }
    hin_backup_manifest_done(&manifest);
    return hin_ok();
}

struct noting {
    struct hin_backup_cycle *cycle;
    size_t at; /* the destination */
    struct hin_backup_record *records;
    size_t count;
};

/* The entry of a backup that lies there, or one that was made anew; *ret_record NULL: neither. */
static HIN_RESULT find_entry(const struct noting *noting, struct hin_backup_subject *subject,
                             int64_t begun_usec, bool exact, struct hin_backup_record *fresh,
                             struct hin_backup_record **ret_record)
{
    struct hin_backup_cycle *cycle = noting->cycle;
    int64_t number = subject->tenant.number;
    *ret_record = NULL;
    for (size_t i = 0; i < noting->count; i++) {
        if (noting->records[i].begun_usec == begun_usec && noting->records[i].tenant == number) {
            *ret_record = &noting->records[i];
            return hin_ok();
        }
    }
    const struct hin_backup_damaged *damaged =
        hin_cycle_damaged_of(cycle, number, begun_usec, exact);
    if (damaged == NULL && exact) {
        return hin_ok();
    }
    struct hin_result made = make_anew(cycle, subject, noting->at, begun_usec, fresh);
    if (hin_is_ok(made)) {
        fresh->id = damaged != NULL ? damaged->id : 0;
        *ret_record = fresh;
    }
    return hin_cycle_is_final(made) ? made : hin_ok();
}

/* Of an entry that stands as being taken: without an end it would seem ages old. */
static HIN_RESULT learn_end(const struct noting *noting, struct hin_backup_subject *subject,
                            struct hin_backup_record *record)
{
    struct hin_backup_record seen;
    struct hin_result learnt =
        make_anew(noting->cycle, subject, noting->at, record->begun_usec, &seen);
    if (!hin_is_ok(learnt)) {
        record->ended_usec = hin_cycle_now_usec(noting->cycle);
        return hin_cycle_is_final(learnt) ? learnt : hin_ok();
    }
    record->version = seen.version;
    record->ended_usec = seen.ended_usec;
    record->last_event = seen.last_event;
    record->last_audit = seen.last_audit;
    record->segments = seen.segments;
    return hin_ok();
}

static HIN_RESULT note(struct noting *noting, struct hin_backup_subject *subject,
                       int64_t begun_usec, bool exact)
{
    struct hin_backup_cycle *cycle = noting->cycle;
    const char *name = cycle->settings.destinations[noting->at].name;
    struct hin_backup_record *record = NULL, fresh;
    HIN_TRY(find_entry(noting, subject, begun_usec, exact, &fresh, &record));
    struct hin_backup_place *place = record != NULL ? hin_backup_place_of(record, name) : NULL;
    if (place == NULL || place->state == HIN_BACKUP_THERE ||
        record->state == HIN_BACKUP_DESTROYED || record->destroyed_usec > 0) {
        return hin_ok();
    }
    if (record->ended_usec == 0) {
        HIN_TRY(learn_end(noting, subject, record));
    }
    bool mended = record == &fresh && fresh.id != 0;
    place->state = HIN_BACKUP_THERE;
    place->error[0] = '\0';
    record->state = HIN_BACKUP_DONE;
    HIN_TRY(hin_backup_record_write(cycle->own->store, record, hin_cycle_now_usec(cycle)));
    hin_cycle_forget_damaged(cycle, record->id);
    return mended ? hin_cycle_audit(cycle, "backup.mend", "done", record,
                                    "its entry in the catalogue was damaged, and is made anew from "
                                    "what lies at a destination")
                  : hin_ok();
}

static HIN_RESULT note_all(struct noting *noting, const struct hin_backup_listed *list,
                           size_t count, bool exact)
{
    for (size_t i = 0; i < count; i++) {
        struct hin_backup_subject *subject = hin_cycle_subject(noting->cycle, list[i].tenant);
        HIN_TRY(subject != NULL ? note(noting, subject, list[i].begun_usec, exact) : hin_ok());
    }
    return hin_ok();
}

/* Damaged entries whose number is known by their time come first; then the catalogue is another. */
HIN_RESULT hin_cycle_note(struct hin_backup_cycle *cycle, size_t at,
                          struct hin_backup_record *records, size_t record_count,
                          const struct hin_backup_listed *list, size_t count)
{
    struct noting noting = {cycle, at, records, record_count};
    struct hin_backup_record *fresh = NULL;
    size_t damaged = hin_cycle_damaged(cycle, -1);
    if (damaged > 0) {
        HIN_TRY(note_all(&noting, list, count, true));
    }
    if (hin_cycle_damaged(cycle, -1) < damaged) {
        HIN_TRY(hin_cycle_all_records(cycle, -1, &fresh, &noting.count));
        noting.records = fresh;
    }
    struct hin_result noted = note_all(&noting, list, count, false);
    free(fresh);
    return noted;
}

/* *ret_listed: what came of asking the destination. */
static HIN_RESULT note_subject(struct hin_backup_cycle *cycle, struct hin_backup_subject *subject,
                               size_t at, struct hin_backup_record *records, size_t record_count,
                               struct hin_result *ret_listed)
{
    struct hin_backup_listed *list = NULL;
    size_t count = 0;
    struct hin_result noted = hin_ok();
    *ret_listed = hin_backup_list_manifests(cycle->depots[at], subject->tenant.id, &list, &count);
    if (hin_is_ok(*ret_listed)) {
        noted = hin_cycle_note(cycle, at, records, record_count, list, count);
    }
    free(list);
    return noted;
}

/* What belongs to no tenant that there is, or is no manifest, is not asked for: it is the most. */
static HIN_RESULT note_destination(struct hin_backup_cycle *cycle, size_t at)
{
    struct hin_backup_record *records = NULL;
    struct hin_result noted = hin_ok(), listed = hin_ok();
    size_t count = 0;
    HIN_TRY(hin_cycle_all_records(cycle, -1, &records, &count));
    int64_t since_usec = hin_cycle_try(cycle, at);
    struct hin_backup_subject *subject = cycle->subjects;
    for (; subject != NULL && hin_is_ok(noted) && hin_is_ok(listed); subject = subject->next) {
        noted = note_subject(cycle, subject, at, records, count, &listed);
    }
    free(records);
    (void)hin_cycle_saw(cycle, at, since_usec, listed);
    cycle->all_noted = cycle->all_noted && hin_is_ok(listed); /* the next backup says so again */
    return noted;
}

static bool is_anywhere(const struct hin_backup_record *record)
{
    for (size_t i = 0; i < record->place_count; i++) {
        if (record->places[i].state == HIN_BACKUP_THERE) {
            return true;
        }
    }
    return false;
}

HIN_RESULT hin_cycle_end_record(struct hin_backup_cycle *cycle, struct hin_backup_record *record)
{
    if (is_anywhere(record)) { /* one that was being sealed anew, and is whole somewhere */
        record->state = HIN_BACKUP_DONE;
        return hin_backup_record_write(cycle->own->store, record, hin_cycle_now_usec(cycle));
    }
    if (record->version > 0) {
        HIN_TRY(hin_keys_backup_key_destroy(&cycle->keys, hin_view_from_text(record->uuid),
                                            (uint32_t)record->version));
    }
    record->state = HIN_BACKUP_FAILED_ALL;
    record->destroyed_usec = hin_cycle_now_usec(cycle);
    for (size_t i = 0; i < record->place_count && record->former > 0; i++) {
        record->places[i].state = HIN_BACKUP_LEFT; /* shipments that count for nothing */
    }
    return hin_backup_record_write(cycle->own->store, record, record->destroyed_usec);
}

HIN_RESULT hin_cycle_end_interrupted(struct hin_backup_cycle *cycle)
{
    struct hin_backup_record *records = NULL;
    size_t count = 0;
    HIN_TRY(hin_cycle_records(cycle, -1, &records, &count));
    struct hin_result ended = hin_ok();
    for (size_t i = 0; hin_is_ok(ended) && i < count; i++) {
        ended = records[i].state == HIN_BACKUP_RUNNING ? hin_cycle_end_record(cycle, &records[i])
                                                       : hin_ok();
    }
    free(records);
    return ended;
}

HIN_RESULT hin_backup_cycle_begin(struct hin_backup_cycle *cycle)
{
    int64_t usec = 0;
    bool agree = false;
    HIN_TRY(hin_map_init(&cycle->erased, HIN_VAULT_TENANTS_MAX));
    HIN_TRY(add_subject(cycle, cycle->own->id, 0));
    HIN_TRY(hin_backup_cycle_look(cycle));
    HIN_TRY(hin_cycle_clear_scratch(cycle));
    HIN_TRY(hin_cycle_read_looks(cycle));
    cycle->all_noted = true;
    for (size_t i = 0; i < cycle->settings.count; i++) {
        if (cycle->depots[i] != NULL) {
            HIN_TRY(note_destination(cycle, i));
        } else {
            cycle->all_noted = false;
        }
    }
    HIN_TRY(hin_cycle_move_time(cycle, &usec, &agree)); /* orders are taken from here on */
    return hin_cycle_end_interrupted(cycle);
}

void hin_backup_cycle_end(struct hin_backup_cycle *cycle)
{
    hin_map_done(&cycle->erased);
    free(cycle->damaged);
    cycle->damaged = NULL;
    cycle->damaged_count = cycle->damaged_room = 0;
    while (cycle->subjects != NULL) {
        struct hin_backup_subject *subject = cycle->subjects;
        cycle->subjects = subject->next;
        free_subject(subject);
    }
}
