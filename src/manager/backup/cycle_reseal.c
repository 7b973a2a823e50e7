/* Backups after a person was erased: each is sealed anew without them, under another name and a key
 * of its own; then the former's key is destroyed, its manifest removed, and what nothing names.
 *
 * In the catalogue the new one is a record of its own, which says whose place it takes; it is
 * written before anything else is. Cut off before it is whole at any destination, it is ended like
 * any backup that was, and another is begun; cut off later, it is gone on with. So at any moment
 * each point in time is readable by one of the two.
 *
 * A destination that is out of reach while the backup is sealed anew at another one holds what has
 * no key any more: it is owed a copy, which it gets when it is back. A backup that can be read
 * nowhere keeps its key until it can, or until its time is over: that is said in the erasure's
 * certificate. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backup/reseal.h"
#include "base/bytes.h"
#include "base/log.h"
#include "event/codec.h"
#include "manager/backup/cycle_internal.h"
#include "manager/person_erasure.h"
#include "manager/worker/api/tables.h"

enum { TRACES_MAX = 4096, ARENA_MAX = 16 << 20, PASSES_MAX = 4 };

struct resealing {
    struct hin_backup_cycle *cycle;
    struct hin_backup_subject *subject;
    struct hin_person_trace *traces; /* by ID */
    size_t trace_count, trace_room;
    bool no_room;
    int64_t newest; /* erasure */
    bool retries;   /* what could be read nowhere, too */
    struct hin_map clean;
    struct hin_backup_sieve sieve;
    struct hin_backup_resealing *passes[HIN_BACKUP_DESTINATIONS_MAX];
    struct hin_arena arena; /* of one event, or document */
    struct hin_backup_record *records;
    size_t count;
    int64_t undone; /* backups that are neither sealed anew nor found out of reach */
};

/* ---- what goes ---- */

static bool concerns(const struct resealing *r, const struct hin_person_trace *trace,
                     const struct hin_backup_record *record)
{
    return hin_backup_record_opens(record) && trace->id > record->erasure &&
           hin_backup_is_before(record, trace->erased_usec, hin_cycle_now_usec(r->cycle));
}

/* Those that concern a backup which stands: one was made, or sealed anew, after most. */
static void add_trace(void *context, const struct hin_person_trace *trace)
{
    struct resealing *r = context;
    bool any = false;
    for (size_t i = 0; i < r->count; i++) {
        any = any || concerns(r, trace, &r->records[i]);
    }
    if (!any) {
        return;
    }
    if (r->trace_count == r->trace_room) {
        size_t room = HIN_MAX(r->trace_room * 2, (size_t)8);
        void *grown = room <= TRACES_MAX ? realloc(r->traces, room * sizeof(*r->traces)) : NULL;
        if (grown == NULL) {
            r->no_room = true;
            return;
        }
        r->traces = grown;
        r->trace_room = room;
    }
    r->traces[r->trace_count++] = *trace;
    r->newest = HIN_MAX(r->newest, trace->id);
}

static HIN_RESULT judge_event(void *context, const struct hin_store_event *stored,
                              enum hin_store_verdict *ret_verdict,
                              struct hin_store_event *replacement)
{
    struct resealing *r = context;
    struct hin_event event;
    bool selected = false;
    (void)replacement;
    hin_arena_reset(&r->arena);
    HIN_TRY(hin_event_decode(stored->bytes, &r->arena, &event));
    for (size_t i = 0; i < r->trace_count && !selected; i++) {
        if (stored->id <= r->traces[i].until_id) {
            HIN_TRY(hin_person_trace_selects(&r->traces[i], &event, &r->arena, &selected));
        }
    }
    *ret_verdict = selected ? HIN_STORE_ERASE : HIN_STORE_KEEP;
    return hin_ok();
}

static HIN_RESULT is_named(const struct resealing *r, struct hin_view text, bool *ret_named)
{
    *ret_named = false;
    for (size_t i = 0; i < r->trace_count && !*ret_named; i++) {
        HIN_TRY(hin_person_trace_is_named(&r->traces[i], text, ret_named));
    }
    return hin_ok();
}

/* What the person signed in by: it was removed before the erasure was taken. */
static HIN_RESULT names_person(const struct resealing *r,
                               const struct hin_api_attributes *attributes, struct hin_json object,
                               bool *ret_named)
{
    for (size_t i = 0; i < attributes->count && !*ret_named; i++) {
        const struct hin_api_attribute *at = &attributes->items[i];
        struct hin_view text = HIN_VIEW_EMPTY;
        if (at->type == HIN_API_TEXT && at->data_class == HIN_DATA_PERSONAL &&
            hin_is_ok(hin_json_opt_text(object, at->name, &text, NULL))) {
            HIN_TRY(is_named(r, text, ret_named));
        }
    }
    return hin_ok();
}

/* A request that was under way held the values that it is about. */
static HIN_RESULT asks_about(const struct resealing *r, struct hin_json object, const char *member,
                             bool *ret_named)
{
    struct hin_json list;
    size_t count = 0;
    if (!hin_is_ok(hin_json_get_array(object, member, &list, &count, NULL))) {
        return hin_ok();
    }
    for (size_t i = 0; i < count && !*ret_named; i++) {
        struct hin_view text = HIN_VIEW_EMPTY;
        if (hin_is_ok(hin_json_opt_text(hin_json_at(list, i), "value", &text, NULL))) {
            HIN_TRY(is_named(r, text, ret_named));
        }
    }
    return hin_ok();
}

static HIN_RESULT judge_document(void *context, const struct hin_store_document *document,
                                 bool *ret_goes)
{
    const struct resealing *r = context;
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *parsed = NULL;
    struct hin_result read =
        hin_json_parse(document->bytes, HIN_STORE_DOCUMENT_BYTES, &parsed, NULL);
    if (!hin_is_ok(read)) {
        return read.code == HIN_NO_MEMORY ? read : hin_ok();
    }
    struct hin_json root = hin_json_root(parsed);
    if (document->kind == HIN_STORE_ADMINISTRATORS) {
        return names_person(r, &hin_api_administrator, root, ret_goes);
    }
    if (document->kind == HIN_STORE_API_KEYS) {
        return names_person(r, &hin_api_apikey, root, ret_goes);
    }
    HIN_TRY(asks_about(r, root, "where", ret_goes));
    return *ret_goes ? hin_ok() : asks_about(r, root, "set", ret_goes);
}

static uint64_t bit(enum hin_store_kind kind)
{
    return UINT64_C(1) << kind;
}

static HIN_RESULT learn(struct resealing *r)
{
    struct hin_store *store = r->subject->tenant.store;
    HIN_TRY(hin_person_traces(store, add_trace, r));
    HIN_ENSURE(!r->no_room, LIMIT);
    r->sieve = (struct hin_backup_sieve){
        .events = {.judge = judge_event, .context = r},
        .judge = judge_document,
        .context = r,
        .kinds = bit(HIN_STORE_ADMINISTRATORS) | bit(HIN_STORE_API_KEYS) |
                 bit(HIN_STORE_PERSON_ERASURES) | bit(HIN_STORE_PERSON_CORRECTIONS),
        .owned_kinds = bit(HIN_STORE_API_KEYS),
        .owner_kind = HIN_STORE_ADMINISTRATORS,
        .clean = &r->clean,
    };
    return r->trace_count > 0 ? hin_backup_learn_clean(store, &r->clean) : hin_ok();
}

/* ---- one backup ---- */

static bool is_due(const struct resealing *r, const struct hin_backup_record *record)
{
    bool due = false;
    for (size_t i = 0; i < r->trace_count; i++) {
        due = due || concerns(r, &r->traces[i], record);
    }
    return due;
}

static struct hin_backup_place *place_at(struct resealing *r, struct hin_backup_record *record,
                                         size_t at)
{
    return hin_backup_place_of(record, r->cycle->settings.destinations[at].name);
}

static bool is_there(struct resealing *r, struct hin_backup_record *record, size_t at)
{
    const struct hin_backup_place *place = place_at(r, record, at);
    return place != NULL && place->state == HIN_BACKUP_THERE && hin_cycle_may_try(r->cycle, at);
}

static HIN_RESULT write_record(struct resealing *r, struct hin_backup_record *record)
{
    return hin_backup_record_write(r->cycle->own->store, record, hin_cycle_now_usec(r->cycle));
}

/* The new one of a record, and its key. */
struct successor {
    struct hin_backup_record record;
    struct hin_vault_data_key key;
    struct hin_buf payload;
    struct hin_index *index;
};

static void successor_done(struct successor *successor)
{
    hin_secret_done(&successor->key.key);
    hin_buf_done(&successor->payload);
    hin_index_free(successor->index);
}

/* The head of what lies at the first destination where it can be read. */
static HIN_RESULT read_payload(struct resealing *r, struct hin_backup_record *record,
                               struct hin_vault_data_key *ret_key, struct hin_buf *ret_payload)
{
    struct hin_result read = hin_fail(HIN_NOT_FOUND);
    for (size_t i = 0; i < r->cycle->settings.count && !hin_is_ok(read); i++) {
        struct hin_backup_manifest manifest;
        if (!is_there(r, record, i)) {
            continue;
        }
        struct hin_backup backup = hin_cycle_handle(r->cycle, r->subject, i);
        int64_t since_usec = hin_cycle_try(r->cycle, i);
        read = hin_backup_load(&backup, record->begun_usec, 0, &manifest, ret_key);
        (void)hin_cycle_saw(r->cycle, i, since_usec, read);
        if (hin_is_ok(read)) {
            read = hin_buf_append(ret_payload, hin_buf_view(&manifest.payload));
            hin_backup_manifest_done(&manifest);
        } else {
            hin_cycle_describe(&backup, read, place_at(r, record, i)->error,
                               sizeof(record->places[0].error));
        }
        if (hin_cycle_is_final(read)) {
            break;
        }
    }
    return read;
}

/* No backup of the tenant has had this name. */
static int64_t free_name(const struct hin_backup_record *records, size_t count, int64_t begun_usec)
{
    bool taken = true;
    while (taken) {
        taken = false;
        begun_usec++;
        for (size_t i = 0; i < count; i++) {
            taken = taken || records[i].begun_usec == begun_usec;
        }
    }
    return begun_usec;
}

/* As the catalogue is now: those that this pass has made are in it, with their names and keys. */
static HIN_RESULT find_free(struct resealing *r, const struct hin_backup_record *former,
                            int64_t *ret_begun_usec, uint32_t *ret_spare)
{
    struct hin_backup_record *records = NULL;
    size_t count = 0;
    HIN_TRY(hin_cycle_all_records(r->cycle, r->subject->tenant.number, &records, &count));
    *ret_begun_usec = free_name(records, count, former->begun_usec);
    struct hin_result found = hin_cycle_spare(r->cycle, former->uuid, records, count, ret_spare);
    free(records);
    return found;
}

static HIN_RESULT begin_successor(struct resealing *r, struct hin_backup_record *former,
                                  struct hin_view payload, struct successor *successor)
{
    struct hin_backup_cycle *cycle = r->cycle;
    struct hin_backup_record *record = &successor->record;
    uint32_t version = 0, spare = 0;
    int64_t begun_usec = 0;
    HIN_TRY(find_free(r, former, &begun_usec, &spare));
    struct hin_result made =
        hin_keys_backup_key_reseal(&cycle->keys, hin_tenant_view(&r->subject->tenant), spare,
                                   payload, &successor->key, &successor->payload);
    if (made.code == HIN_LIMIT && cycle->order != NULL) {
        snprintf(cycle->order->text, sizeof(cycle->order->text),
                 "the key management service keeps no more keys of backups of a tenant (a file "
                 "ring: 64): lower keepDays, or back up less often");
    }
    HIN_TRY(made);
    HIN_TRY(hin_vault_backup_version(hin_buf_view(&successor->payload), &version));
    *record = *former;
    record->id = 0;
    record->former = former->id;
    record->begun_usec = begun_usec;
    record->version = version;
    record->erasure = r->newest;
    record->tried = 0;
    record->state = HIN_BACKUP_RUNNING;
    for (size_t i = 0; i < record->place_count; i++) {
        record->places[i].state = HIN_BACKUP_ABSENT;
        record->places[i].verified_usec = record->places[i].damaged = 0;
        record->places[i].error[0] = '\0';
    }
    return write_record(r, record);
}

/* One that is whole somewhere, from before it was cut off; else a new one. NOT_FOUND, and what the
 * depots answer: the former can be read nowhere now. */
static HIN_RESULT find_successor(struct resealing *r, struct hin_backup_record *former,
                                 struct successor *successor)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf payload = {.max = HIN_VAULT_BACKUP_MAX};
    struct hin_vault_data_key key = {0};
    for (size_t i = 0; i < r->count; i++) {
        if (r->records[i].former == former->id && r->records[i].state == HIN_BACKUP_DONE) {
            successor->record = r->records[i];
            return read_payload(r, &successor->record, &successor->key, &successor->payload);
        }
    }
    HIN_TRY(read_payload(r, former, &key, &payload));
    hin_secret_done(&key.key);
    return begin_successor(r, former, hin_buf_view(&payload), successor);
}

static HIN_RESULT open_index(struct resealing *r, struct successor *successor)
{
    HIN_CLEANUP(hin_index_keys_done) struct hin_index_keys keys = {0};
    HIN_TRY(hin_keys_backup_index(&r->cycle->keys, hin_tenant_view(&r->subject->tenant),
                                  hin_buf_view(&successor->payload), &keys));
    return hin_index_new_versions(&successor->index, &keys);
}

static HIN_RESULT reseal_at(struct resealing *r, struct hin_backup_record *former,
                            struct successor *successor, size_t at)
{
    struct hin_backup backup = hin_cycle_handle(r->cycle, r->subject, at);
    struct hin_backup_place *place = place_at(r, &successor->record, at);
    struct hin_backup_resealed resealed;
    struct hin_backup_successor to = {.begun_usec = successor->record.begun_usec,
                                      .key = &successor->key,
                                      .payload = hin_buf_view(&successor->payload),
                                      .index = successor->index};
    HIN_ENSURE(place != NULL, LIMIT);
    if (r->passes[at] == NULL) {
        HIN_TRY(hin_backup_resealing_new(&r->passes[at], r->subject->tenant.id, &r->sieve));
    }
    int64_t since_usec = hin_cycle_try(r->cycle, at);
    struct hin_result done =
        hin_backup_reseal(&backup, r->passes[at], former->begun_usec, &to, &resealed);
    (void)hin_cycle_saw(r->cycle, at, since_usec, done);
    if (hin_cycle_is_final(done)) {
        return done;
    }
    if (!hin_is_ok(done)) {
        char text[sizeof(place->error)];
        hin_cycle_describe(&backup, done, text, sizeof(text));
        hin_log(HIN_LOG_WARNING, "a backup of tenant %s at %s cannot be sealed anew now: %s",
                r->subject->tenant.id, place->name, text);
        snprintf(place->error, sizeof(place->error), "%s", text);
        return hin_ok();
    }
    place->state = HIN_BACKUP_THERE;
    place->error[0] = '\0';
    place->written_bytes = (int64_t)backup.progress.bytes;
    place->all_bytes = (int64_t)resealed.bytes;
    place->objects = (int64_t)resealed.object_count;
    if (resealed.lost_segments + resealed.lost_shipments > 0) {
        snprintf(place->error, sizeof(place->error),
                 "%llu segments and %llu shipments could not be opened and were left out",
                 (unsigned long long)resealed.lost_segments,
                 (unsigned long long)resealed.lost_shipments);
        hin_log(HIN_LOG_ERROR, "of a backup of tenant %s at %s that was sealed anew %s",
                r->subject->tenant.id, place->name, place->error);
    }
    return write_record(r, &successor->record);
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

/* What is whole somewhere takes the former's place; elsewhere it is owed. The former's key goes
 * when that is written down. */
static HIN_RESULT replace(struct resealing *r, struct hin_backup_record *former,
                          struct hin_backup_record *record)
{
    for (size_t i = 0; i < record->place_count; i++) {
        struct hin_backup_place *place = &record->places[i];
        const struct hin_backup_place *was = hin_backup_place_of(former, place->name);
        bool held =
            was != NULL && (was->state == HIN_BACKUP_THERE || was->state == HIN_BACKUP_OWED);
        if (place->state != HIN_BACKUP_THERE && held) {
            place->state = HIN_BACKUP_OWED;
        }
    }
    record->state = HIN_BACKUP_DONE;
    HIN_TRY(hin_cycle_write_audited(r->cycle, record, "backup.reseal", "done",
                                    "in the place of one that held an erased person"));
    former->resealed = record->id;
    return hin_cycle_destroy_key(r->cycle, former, "sealed anew without an erased person");
}

/* Nowhere whole: its key goes, and what was begun is removed. The former waits. */
static HIN_RESULT give_up(struct resealing *r, struct hin_backup_record *former,
                          struct hin_backup_record *record)
{
    struct hin_backup_cycle *cycle = r->cycle;
    HIN_TRY(hin_keys_backup_key_destroy(&cycle->keys, hin_view_from_text(record->uuid),
                                        (uint32_t)record->version));
    record->state = HIN_BACKUP_FAILED_ALL;
    record->destroyed_usec = hin_cycle_now_usec(cycle);
    for (size_t i = 0; i < record->place_count; i++) {
        record->places[i].state = HIN_BACKUP_LEFT;
    }
    HIN_TRY(write_record(r, record));
    former->tried = r->newest;
    return write_record(r, former);
}

static HIN_RESULT reseal_everywhere(struct resealing *r, struct hin_backup_record *former,
                                    struct successor *successor)
{
    HIN_TRY(open_index(r, successor));
    for (size_t i = 0; i < r->cycle->settings.count; i++) {
        const struct hin_backup_place *place = place_at(r, &successor->record, i);
        if (is_there(r, former, i) && place != NULL && place->state != HIN_BACKUP_THERE) {
            HIN_TRY(reseal_at(r, former, successor, i));
        }
    }
    return is_anywhere(&successor->record) ? replace(r, former, &successor->record)
                                           : give_up(r, former, &successor->record);
}

static HIN_RESULT reseal_record(struct resealing *r, struct hin_backup_record *former)
{
    struct successor successor = {.payload = {.max = HIN_VAULT_BACKUP_MAX}};
    bool reachable = false;
    for (size_t i = 0; i < r->cycle->settings.count; i++) {
        reachable = reachable || is_there(r, former, i);
    }
    struct hin_result done =
        reachable ? find_successor(r, former, &successor) : hin_fail(HIN_NOT_FOUND);
    if (hin_is_ok(done)) {
        done = reseal_everywhere(r, former, &successor);
    } else if (successor.record.id == 0 && !hin_cycle_is_final(done) && done.code != HIN_LIMIT) {
        former->tried = r->newest; /* it can be read nowhere */
        done = write_record(r, former);
    }
    successor_done(&successor);
    return done;
}

static bool is_newest(const struct resealing *r, const struct hin_backup_record *record)
{
    bool newest = true;
    for (size_t i = 0; i < r->count; i++) {
        const struct hin_backup_record *at = &r->records[i];
        newest = newest && (at->state != HIN_BACKUP_DONE || at->former == record->id ||
                            at->begun_usec <= record->begun_usec);
    }
    return newest;
}

/* What was shipped lies under the former key: the next shipment begins where the new one ends. */
static void forget_chains(struct hin_backup_subject *subject)
{
    for (size_t i = 0; i < HIN_COUNT(subject->chains); i++) {
        hin_cycle_forget(&subject->chains[i]);
        subject->stands[i].behind = true;
    }
}

/* To the newest nothing is shipped meanwhile; to others nothing ever is. */
static HIN_RESULT reseal_one(struct resealing *r, struct hin_backup_record *former)
{
    bool newest = is_newest(r, former);
    struct hin_backup_subject *busy = r->cycle->busy;
    r->cycle->busy = newest ? r->subject : busy;
    struct hin_result done = reseal_record(r, former);
    if (newest) {
        forget_chains(r->subject);
    }
    r->cycle->busy = busy;
    return done;
}

/* ---- all of a tenant ---- */

static HIN_RESULT read_records(struct resealing *r)
{
    free(r->records);
    r->records = NULL;
    r->count = 0;
    return hin_cycle_all_records(r->cycle, r->subject->tenant.number, &r->records, &r->count);
}

/* What a run of before that failed has left half made, and backups that did. */
static HIN_RESULT end_halves(struct resealing *r)
{
    for (size_t i = 0; i < r->count; i++) {
        if (r->records[i].state == HIN_BACKUP_RUNNING) {
            HIN_TRY(hin_cycle_end_record(r->cycle, &r->records[i]));
        }
    }
    return hin_ok();
}

/* *ret_again: one that was gone on with is due for a later erasure. */
static HIN_RESULT reseal_due(struct resealing *r, bool retries, bool *ret_again)
{
    *ret_again = false;
    for (size_t i = 0; i < r->count; i++) {
        if (!is_due(r, &r->records[i]) || (r->records[i].tried >= r->newest && !retries)) {
            continue;
        }
        struct hin_result done = reseal_one(r, &r->records[i]);
        if (hin_cycle_is_final(done) || done.code == HIN_LIMIT) {
            return done;
        }
        if (!hin_is_ok(done)) {
            hin_log_result(HIN_LOG_WARNING, done, "sealing a backup of tenant %s anew",
                           r->subject->tenant.id);
        }
    }
    HIN_TRY(read_records(r));
    r->undone = 0;
    for (size_t i = 0; i < r->count; i++) {
        r->undone += is_due(r, &r->records[i]) && r->records[i].tried < r->newest;
    }
    *ret_again = r->undone > 0;
    return hin_ok();
}

static HIN_RESULT reseal_all(struct resealing *r)
{
    bool again = true;
    HIN_TRY(hin_cycle_wake(r->cycle, r->subject));
    HIN_TRY(read_records(r));
    HIN_TRY(end_halves(r));
    HIN_TRY(learn(r));
    struct hin_result done = hin_ok();
    for (int pass = 0; hin_is_ok(done) && pass < PASSES_MAX && again && r->trace_count > 0;
         pass++) {
        done = reseal_due(r, r->retries && pass == 0, &again);
    }
    HIN_TRY(done);
    return hin_cycle_clear(r->cycle, r->records, r->count);
}

static HIN_RESULT reseal(struct hin_backup_cycle *cycle, struct hin_backup_subject *subject,
                         bool retries, int64_t *ret_undone)
{
    struct resealing *r = calloc(1, sizeof(*r));
    HIN_ENSURE(r != NULL, NO_MEMORY);
    r->cycle = cycle;
    r->subject = subject;
    r->retries = retries;
    hin_arena_init(&r->arena, ARENA_MAX);
    struct hin_result done = hin_map_init(&r->clean, 4 * HIN_BACKUP_SEGMENTS_MAX);
    if (hin_is_ok(done)) {
        done = reseal_all(r);
    }
    *ret_undone = r->undone;
    for (size_t i = 0; i < HIN_COUNT(r->passes); i++) {
        hin_backup_resealing_free(r->passes[i]);
    }
    hin_map_done(&r->clean);
    hin_arena_done(&r->arena);
    free(r->traces);
    free(r->records);
    free(r);
    return done;
}

static HIN_RESULT act_reseal(struct hin_backup_cycle *cycle, struct hin_backup_subject *subject,
                             void *context, bool *ret_good)
{
    int64_t undone = 0;
    (void)context;
    hin_cycle_wake_destinations(cycle);
    HIN_TRY(reseal(cycle, subject, false, &undone));
    *ret_good = undone == 0;
    return hin_ok();
}

HIN_RESULT hin_backup_cycle_reseal(struct hin_backup_cycle *cycle, int64_t number,
                                   int64_t *ret_failures)
{
    HIN_ENSURE(number >= 0, INVALID);
    return hin_cycle_for_each(cycle, number, act_reseal, NULL, ret_failures);
}

/* ---- what was out of reach ---- */

static size_t find_source(const struct hin_backup_cycle *cycle, struct hin_backup_record *record)
{
    size_t at = 0;
    for (; at < cycle->settings.count; at++) {
        const struct hin_backup_place *place =
            hin_backup_place_of(record, cycle->settings.destinations[at].name);
        if (place != NULL && place->state == HIN_BACKUP_THERE && hin_cycle_may_try(cycle, at)) {
            break;
        }
    }
    return at;
}

static HIN_RESULT give_copy(struct hin_backup_cycle *cycle, struct hin_backup_subject *subject,
                            struct hin_backup_record *record, size_t at)
{
    struct hin_backup_place *place =
        hin_backup_place_of(record, cycle->settings.destinations[at].name);
    size_t source = find_source(cycle, record);
    if (place == NULL || place->state != HIN_BACKUP_OWED || !hin_cycle_may_try(cycle, at) ||
        source == cycle->settings.count) {
        return hin_ok();
    }
    struct hin_backup from = hin_cycle_handle(cycle, subject, source);
    struct hin_backup to = hin_cycle_handle(cycle, subject, at);
    int64_t since_usec = hin_cycle_try(cycle, at);
    int64_t source_usec = hin_cycle_try(cycle, source);
    struct hin_result copied = hin_backup_copy(&from, &to, record->begun_usec);
    bool blamed = hin_cycle_saw(cycle, at, since_usec, copied);
    if (!hin_is_ok(copied) && !blamed) {
        (void)hin_cycle_saw(cycle, source, source_usec, copied);
    }
    if (hin_cycle_is_final(copied)) {
        return copied;
    }
    if (!hin_is_ok(copied)) {
        hin_cycle_describe(to.error.text[0] != '\0' ? &to : &from, copied, place->error,
                           sizeof(place->error));
        hin_log(HIN_LOG_WARNING, "a backup of tenant %s that is owed to %s: %s", subject->tenant.id,
                place->name, place->error);
        return hin_backup_record_write(cycle->own->store, record, hin_cycle_now_usec(cycle));
    }
    place->state = HIN_BACKUP_THERE;
    place->error[0] = '\0';
    place->written_bytes = (int64_t)to.progress.bytes;
    place->objects = (int64_t)(to.progress.objects + to.progress.objects_shared);
    forget_chains(subject);
    return hin_cycle_write_audited(cycle, record, "backup.reseal", "done",
                                   "copied to a destination that was out of reach");
}

/* One that could be read nowhere, and perhaps can now. */
static bool waits(const struct hin_backup_cycle *cycle, struct hin_backup_record *record)
{
    return record->state == HIN_BACKUP_DONE && record->tried > record->erasure &&
           find_source(cycle, record) < cycle->settings.count;
}

static HIN_RESULT give_copies(struct hin_backup_cycle *cycle, struct hin_backup_subject *subject)
{
    struct hin_backup_record *records = NULL;
    size_t count = 0;
    HIN_TRY(hin_cycle_records(cycle, subject->tenant.number, &records, &count));
    struct hin_result done = hin_ok();
    for (size_t i = 0; hin_is_ok(done) && i < count; i++) {
        bool stands = records[i].state == HIN_BACKUP_DONE;
        for (size_t at = 0; stands && hin_is_ok(done) && at < cycle->settings.count; at++) {
            done = give_copy(cycle, subject, &records[i], at);
        }
    }
    free(records);
    return done;
}

static HIN_RESULT catch_up(struct hin_backup_cycle *cycle, struct hin_backup_subject *subject)
{
    struct hin_backup_record *records = NULL;
    size_t count = 0;
    int64_t undone = 0;
    bool any = false;
    HIN_TRY(hin_cycle_records(cycle, subject->tenant.number, &records, &count));
    for (size_t i = 0; i < count; i++) {
        any = any || waits(cycle, &records[i]);
    }
    free(records);
    if (any) {
        HIN_TRY(reseal(cycle, subject, true, &undone));
    }
    return give_copies(cycle, subject);
}

HIN_RESULT hin_backup_cycle_catch_up(struct hin_backup_cycle *cycle)
{
    HIN_TRY(hin_backup_cycle_look(cycle));
    for (struct hin_backup_subject *at = cycle->subjects; at != NULL; at = at->next) {
        struct hin_result done = catch_up(cycle, at);
        if (hin_cycle_is_final(done)) {
            return done;
        }
        if (!hin_is_ok(done)) {
            hin_log_result(HIN_LOG_WARNING, done, "backups of tenant %s that wait for a place",
                           at->tenant.id);
        }
        if (at != cycle->subjects) {
            hin_tenant_rest(&at->tenant);
        }
    }
    return hin_ok();
}
