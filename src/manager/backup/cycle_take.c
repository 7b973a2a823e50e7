/* Backups of tenants, and reading them back when somebody asks. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/log.h"
#include "manager/backup/cycle_internal.h"

#define RETRY_USEC HIN_HOUR_USEC /* after a backup that failed everywhere */
/* Names of two backups at the least, when the clock was set back: one that is sealed anew takes the
 * next name, and must stay before those that were made after it. */
#define APART_USEC HIN_MSEC_USEC
/* Out of turn, for a destination that lacks one or has lost some: so long after the last one, and
 * so many at most (a file ring keeps 64 keys of a tenant). */
#define EXTRA_SHIPMENTS 10
enum { EXTRA_MOST = 8, LIVING_MOST = 60 };

/* ---- one destination ---- */

static HIN_RESULT load_from(struct hin_backup_cycle *cycle, struct hin_backup_subject *subject,
                            size_t at, int64_t begun_usec, uint32_t last_sequence)
{
    struct hin_backup backup = hin_cycle_handle(cycle, subject, at);
    struct hin_backup_chain *chain = &subject->chains[at];
    HIN_TRY(hin_backup_load(&backup, begun_usec, 0, &chain->base, &chain->key));
    chain->loaded = true;
    chain->sequence = last_sequence;
    if (last_sequence > 0 &&
        hin_is_ok(hin_backup_load(&backup, begun_usec, UINT32_MAX, &chain->state, NULL))) {
        chain->shipped = true;
        chain->shipped_usec = chain->state.at_usec;
    }
    return hin_ok();
}

HIN_RESULT hin_cycle_load(struct hin_backup_cycle *cycle, struct hin_backup_subject *subject,
                          size_t at)
{
    struct hin_backup_listed *list = NULL;
    size_t count = 0;
    if (subject->chains[at].loaded) {
        return hin_ok();
    }
    HIN_TRY(hin_backup_list(cycle->depots[at], subject->tenant.id, &list, &count));
    struct hin_result loaded = hin_fail(HIN_NOT_FOUND);
    for (size_t i = count; i > 0 && !hin_is_ok(loaded); i--) {
        loaded = load_from(cycle, subject, at, list[i - 1].begun_usec, list[i - 1].last_sequence);
        if (hin_cycle_is_final(loaded)) {
            break;
        }
    }
    free(list);
    return loaded;
}

const struct hin_backup_manifest *hin_cycle_state(const struct hin_backup_chain *chain)
{
    return chain->shipped ? &chain->state : &chain->base;
}

struct making {
    struct hin_backup_cycle *cycle;
    struct hin_backup_subject *subject;
    struct hin_backup_record record;
    struct hin_vault_data_key key;
    struct hin_buf payload;
};

/* Into the chain of one destination; what lay there before is not written again. */
static HIN_RESULT take_at(struct making *making, size_t at, struct hin_backup *backup)
{
    struct hin_backup_chain *chain = &making->subject->chains[at];
    struct hin_backup_chain fresh = {.loaded = true};
    bool changed = false;
    HIN_IGNORE(hin_cycle_load(making->cycle, making->subject, at)); /* none: all is written */
    making->subject->stands[at].unread |= !chain->loaded;
    bool trusted = chain->loaded && !making->subject->stands[at].distrusted;
    struct hin_backup_take take = {.store = making->subject->tenant.store,
                                   .memory = &making->subject->memory,
                                   .former = trusted ? hin_cycle_state(chain) : NULL,
                                   .key = &making->key,
                                   .now_usec = hin_cycle_now_usec(making->cycle)};
    hin_backup_manifest_init(&fresh.base);
    fresh.base.begun_usec = making->record.begun_usec;
    fresh.base.version = (uint32_t)making->record.version;
    struct hin_result taken = hin_buf_append(&fresh.base.payload, hin_buf_view(&making->payload));
    if (hin_is_ok(taken)) {
        taken = hin_backup_take(backup, &take, &fresh.base, &changed);
    }
    if (hin_is_ok(taken)) {
        taken = hin_secret_from(&fresh.key.key, hin_secret_view(&making->key.key));
    }
    if (!hin_is_ok(taken)) {
        hin_backup_manifest_done(&fresh.base);
        return taken;
    }
    hin_copy(fresh.key.id, making->key.id, sizeof(fresh.key.id));
    hin_cycle_forget(chain);
    *chain = fresh;
    return hin_ok();
}

void hin_cycle_describe(const struct hin_backup *backup, struct hin_result result, char *out,
                        size_t out_bytes)
{
    char text[1200];
    hin_error_format(&backup->error, text, sizeof(text));
    snprintf(out, out_bytes, "%s",
             backup->error.text[0] != '\0' ? text : hin_code_text(result.code));
}

static void complain(struct hin_backup_cycle *cycle, const struct making *making, size_t at,
                     const char *error)
{
    hin_log(HIN_LOG_ERROR, "backup of tenant %s to %s failed: %s", making->subject->tenant.id,
            cycle->settings.destinations[at].name, error);
    if (cycle->order != NULL) {
        snprintf(cycle->order->text, sizeof(cycle->order->text), "%s: %.400s",
                 cycle->settings.destinations[at].name, error);
    }
}

static void note_failed(struct making *making, size_t at, struct hin_backup_place *place)
{
    struct hin_backup_stand *stand = &making->subject->stands[at];
    place->state = HIN_BACKUP_FAILED;
    snprintf(making->subject->text, sizeof(making->subject->text), "%s: %s", place->name,
             place->error);
    snprintf(stand->text, sizeof(stand->text), "%s", place->error);
    stand->failed |= hin_cycle_is_failing(making->cycle, at);
    complain(making->cycle, making, at, place->error);
}

static void note_made(struct making *making, size_t at, int64_t since_usec)
{
    struct hin_backup_stand *stand = &making->subject->stands[at];
    making->subject->unshipped_usec = 0;
    *stand = (struct hin_backup_stand){.safe_usec = since_usec,
                                       .tried_usec = since_usec,
                                       .unread = stand->unread,
                                       .look = stand->look};
}

static HIN_RESULT make_at(struct making *making, size_t at)
{
    struct hin_backup_cycle *cycle = making->cycle;
    struct hin_backup_place *place =
        hin_backup_place_of(&making->record, cycle->settings.destinations[at].name);
    HIN_ENSURE(place != NULL, LIMIT);
    if (!hin_cycle_may_try(cycle, at)) {
        snprintf(place->error, sizeof(place->error), "%s", hin_cycle_trouble(cycle, at));
        note_failed(making, at, place);
        return hin_ok();
    }
    struct hin_backup backup = hin_cycle_handle(cycle, making->subject, at);
    int64_t since_usec = hin_cycle_try(cycle, at);
    cycle->busy = making->subject;
    struct hin_result taken = take_at(making, at, &backup);
    cycle->busy = NULL;
    if (hin_cycle_is_final(taken)) {
        return taken;
    }
    bool blamed = hin_cycle_saw(cycle, at, since_usec, taken);
    cycle->standings[at].grave |= blamed;
    place->written_bytes = (int64_t)backup.progress.bytes;
    place->objects = (int64_t)(backup.progress.objects + backup.progress.objects_shared);
    if (!hin_is_ok(taken)) {
        if (blamed) {
            snprintf(place->error, sizeof(place->error), "%s", hin_cycle_trouble(cycle, at));
        } else {
            hin_cycle_describe(&backup, taken, place->error, sizeof(place->error));
        }
        note_failed(making, at, place);
        return hin_ok();
    }
    note_made(making, at, since_usec);
    const struct hin_backup_manifest *base = &making->subject->chains[at].base;
    place->state = HIN_BACKUP_THERE;
    place->all_bytes = (int64_t)hin_backup_bytes(base);
    making->record.last_event = base->position.last_event_id;
    making->record.last_audit = base->position.audit_number;
    making->record.segments = (int64_t)base->segment_count;
    return hin_ok();
}

/* ---- one tenant ---- */

static bool is_anywhere(const struct hin_backup_record *record)
{
    for (size_t i = 0; i < record->place_count; i++) {
        if (record->places[i].state == HIN_BACKUP_THERE) {
            return true;
        }
    }
    return false;
}

/* What there is already: a name after all others, and perhaps a key that none has. */
static HIN_RESULT look_back(struct making *making, uint32_t *ret_spare)
{
    struct hin_backup_cycle *cycle = making->cycle;
    struct hin_backup_record *records = NULL;
    size_t count = 0;
    HIN_TRY(hin_cycle_all_records(cycle, making->record.tenant, &records, &count));
    int64_t newest_usec = count > 0 ? records[count - 1].begun_usec : 0;
    making->record.begun_usec = HIN_MAX(hin_cycle_now_usec(cycle), newest_usec + APART_USEC);
    struct hin_result found =
        hin_cycle_spare(cycle, making->record.uuid, records, count, ret_spare);
    free(records);
    return found;
}

static HIN_RESULT make_key(struct making *making, uint32_t spare)
{
    struct hin_backup_cycle *cycle = making->cycle;
    uint32_t version = 0;
    struct hin_result made =
        hin_keys_backup_key_new(&cycle->keys, hin_tenant_view(&making->subject->tenant), spare,
                                &making->key, &making->payload);
    if (made.code == HIN_LIMIT && cycle->order != NULL) {
        snprintf(cycle->order->text, sizeof(cycle->order->text),
                 "the key management service keeps no more keys of backups of a tenant (a file "
                 "ring: 64): lower keepDays, or back up less often");
    }
    HIN_TRY(made);
    HIN_TRY(hin_vault_backup_version(hin_buf_view(&making->payload), &version));
    making->record.version = version;
    return hin_ok();
}

static HIN_RESULT finish(struct making *making)
{
    struct hin_backup_cycle *cycle = making->cycle;
    struct hin_backup_record *record = &making->record;
    char detail[200];
    bool there = is_anywhere(record);
    record->ended_usec = hin_cycle_now_usec(cycle);
    record->state = there ? HIN_BACKUP_DONE : HIN_BACKUP_FAILED_ALL;
    if (!there) { /* nothing will ever need it */
        HIN_TRY(hin_keys_backup_key_destroy(&cycle->keys, hin_view_from_text(record->uuid),
                                            (uint32_t)record->version));
        record->destroyed_usec = record->ended_usec;
    }
    snprintf(detail, sizeof(detail), "of tenant %s, up to event %lld and entry %lld", record->uuid,
             (long long)record->last_event, (long long)record->last_audit);
    return hin_cycle_write_audited(cycle, record, "backup.take", there ? "done" : "failed", detail);
}

static HIN_RESULT make_all(struct making *making)
{
    struct hin_backup_cycle *cycle = making->cycle;
    uint32_t spare = 0;
    HIN_TRY(hin_cycle_wake(cycle, making->subject));
    HIN_TRY(look_back(making, &spare));
    making->record.state = HIN_BACKUP_RUNNING;
    HIN_TRY(make_key(making, spare));
    HIN_TRY(hin_backup_record_write(cycle->own->store, &making->record, making->record.begun_usec));
    for (size_t i = 0; i < cycle->settings.count; i++) {
        HIN_TRY(make_at(making, i));
    }
    return finish(making);
}

static void learn_made(const struct hin_backup_cycle *cycle, struct making *making,
                       struct hin_result made)
{
    struct hin_backup_subject *subject = making->subject;
    const struct hin_backup_record *record = &making->record;
    bool good = hin_is_ok(made) && record->state == HIN_BACKUP_DONE;
    int64_t now_usec = hin_cycle_now_usec(cycle);
    int64_t begun_usec = record->begun_usec > 0 ? hin_backup_made_usec(record, now_usec) : now_usec;
    subject->failed = !good && !hin_cycle_is_final(made);
    subject->first_usec = subject->first_usec > 0 ? subject->first_usec : begun_usec;
    if (good) {
        subject->newest_usec = begun_usec;
    } else if (!hin_is_ok(made)) {
        snprintf(subject->text, sizeof(subject->text), "%s", hin_code_text(made.code));
    }
}

static HIN_RESULT make(struct hin_backup_cycle *cycle, struct hin_backup_subject *subject,
                       bool asked, bool *ret_good)
{
    struct making making = {.cycle = cycle,
                            .subject = subject,
                            .record = {.tenant = subject->tenant.number, .asked = asked},
                            .payload = {.max = HIN_VAULT_BACKUP_MAX}};
    snprintf(making.record.uuid, sizeof(making.record.uuid), "%s", subject->tenant.id);
    struct hin_result made = make_all(&making);
    hin_secret_done(&making.key.key);
    hin_buf_done(&making.payload);
    learn_made(cycle, &making, made);
    *ret_good = hin_is_ok(made) && making.record.state == HIN_BACKUP_DONE;
    for (size_t i = 0; i < making.record.place_count; i++) {
        *ret_good = *ret_good && making.record.places[i].state == HIN_BACKUP_THERE;
    }
    subject->shipped_usec = hin_cycle_monotonic_usec(cycle);
    return made;
}

HIN_RESULT hin_cycle_for_each(struct hin_backup_cycle *cycle, int64_t number,
                              HIN_RESULT (*act)(struct hin_backup_cycle *cycle,
                                                struct hin_backup_subject *subject, void *context,
                                                bool *ret_good),
                              void *context, int64_t *ret_failures)
{
    int64_t failures = 0, met = 0;
    HIN_TRY(hin_backup_cycle_look(cycle));
    for (struct hin_backup_subject *at = cycle->subjects; at != NULL; at = at->next) {
        bool good = false;
        if (number >= 0 && at->tenant.number != number) {
            continue;
        }
        struct hin_result done = act(cycle, at, context, &good);
        if (hin_cycle_is_final(done)) {
            return done;
        }
        if (!hin_is_ok(done)) {
            hin_log_result(HIN_LOG_ERROR, done, "the backup of tenant %s", at->tenant.id);
        }
        if (!hin_is_ok(done) && cycle->order != NULL && cycle->order->text[0] == '\0') {
            snprintf(cycle->order->text, sizeof(cycle->order->text), "tenant %s: %s", at->tenant.id,
                     hin_code_text(done.code));
        }
        failures += !hin_is_ok(done) || !good;
        met++;
        if (at != cycle->subjects) {
            hin_tenant_rest(&at->tenant);
        }
        if (cycle->order != NULL) {
            cycle->order->tenants = met;
        }
    }
    HIN_ENSURE(met > 0, NOT_FOUND);
    *ret_failures = failures;
    return hin_ok();
}

static HIN_RESULT act_backup(struct hin_backup_cycle *cycle, struct hin_backup_subject *subject,
                             void *context, bool *ret_good)
{
    return make(cycle, subject, *(const bool *)context, ret_good);
}

HIN_RESULT hin_backup_cycle_backup(struct hin_backup_cycle *cycle, int64_t number, bool asked,
                                   int64_t *ret_failures)
{
    hin_cycle_wake_destinations(cycle);
    return hin_cycle_for_each(cycle, number, act_backup, &asked, ret_failures);
}

/* Made anywhere is good enough: the former ones must go. */
static HIN_RESULT act_renew(struct hin_backup_cycle *cycle, struct hin_backup_subject *subject,
                            void *context, bool *ret_good)
{
    struct hin_backup_record *records = NULL;
    size_t count = 0;
    bool all = false;
    (void)context;
    HIN_TRY(make(cycle, subject, false, &all));
    HIN_TRY(hin_cycle_records(cycle, subject->tenant.number, &records, &count));
    *ret_good = count > 0 && records[count - 1].state == HIN_BACKUP_DONE;
    free(records);
    return *ret_good ? hin_cycle_destroy_former(cycle, subject->tenant.number) : hin_ok();
}

HIN_RESULT hin_backup_cycle_renew(struct hin_backup_cycle *cycle, int64_t number,
                                  int64_t *ret_failures)
{
    HIN_ENSURE(number >= 0, INVALID);
    return hin_cycle_for_each(cycle, number, act_renew, NULL, ret_failures);
}

/* ---- by schedule ---- */

/* By the newest that was made, and those that failed since. A clock that was set back, or far
 * ahead, does not keep backups from being made; nor does what is older than one of before a restore
 * under other keys: all of that is of before. */
static bool is_due(const struct hin_backup_cycle *cycle, const struct hin_backup_record *records,
                   size_t count, int64_t now_usec)
{
    int64_t every_usec = cycle->settings.every_hours * HIN_HOUR_USEC;
    for (size_t i = count; i > 0; i--) {
        const struct hin_backup_record *at = &records[i - 1];
        bool made = at->state == HIN_BACKUP_DONE || at->state == HIN_BACKUP_DESTROYED;
        int64_t rest = made ? every_usec : HIN_MIN(RETRY_USEC, every_usec);
        int64_t age = now_usec - hin_backup_made_usec(at, now_usec);
        if (at->version == HIN_BACKUP_FORMER) {
            break;
        }
        if (age > -rest && age < rest) {
            return false;
        }
        if (made) {
            break;
        }
    }
    return true;
}

/* A failure without a record of its own (the store does not open) is not forgotten by this. */
static void learn(struct hin_backup_subject *subject, const struct hin_backup_record *records,
                  size_t count, int64_t now_usec)
{
    subject->known = true;
    if (count == 0) {
        return;
    }
    const struct hin_backup_record *last = &records[count - 1];
    subject->first_usec = subject->first_usec > 0
                              ? HIN_MIN(subject->first_usec, records[0].begun_usec)
                              : records[0].begun_usec;
    for (size_t i = 0; i < count; i++) {
        bool made = hin_backup_record_opens(&records[i]) ||
                    (records[i].state == HIN_BACKUP_DESTROYED && records[i].version > 0);
        subject->newest_usec =
            made ? hin_backup_made_usec(&records[i], now_usec) : subject->newest_usec;
    }
    if (last->state == HIN_BACKUP_FAILED_ALL && subject->newest_usec < last->begun_usec) {
        subject->failed = true;
        for (size_t i = 0; i < last->place_count && subject->text[0] == '\0'; i++) {
            snprintf(subject->text, sizeof(subject->text), "%s: %s", last->places[i].name,
                     last->places[i].error);
        }
    }
}

static bool lies_at(const struct hin_backup_record *record, const char *name)
{
    for (size_t i = 0; i < record->place_count; i++) {
        if (strcmp(record->places[i].name, name) == 0) {
            return record->places[i].state == HIN_BACKUP_THERE;
        }
    }
    return false;
}

/* A destination that does its work again, and lacks the newest backup or was found to lie. */
static bool lacks_some(const struct hin_backup_cycle *cycle,
                       const struct hin_backup_subject *subject,
                       const struct hin_backup_record *newest)
{
    for (size_t i = 0; i < cycle->settings.count; i++) {
        bool good = cycle->depots[i] != NULL && cycle->standings[i].good_usec != 0;
        if (good && (subject->stands[i].distrusted || subject->stands[i].lacking ||
                     !lies_at(newest, cycle->settings.destinations[i].name))) {
            return true;
        }
    }
    return false;
}

static bool wants_extra(const struct hin_backup_cycle *cycle,
                        const struct hin_backup_subject *subject,
                        const struct hin_backup_record *records, size_t count, int64_t now_usec)
{
    int64_t rest_usec = cycle->settings.ship_seconds == 0
                            ? RETRY_USEC
                            : EXTRA_SHIPMENTS * cycle->settings.ship_seconds * HIN_SEC_USEC;
    size_t usual = (size_t)cycle->settings.keep_days * 24 / cycle->settings.every_hours;
    size_t living = 0;
    for (size_t i = 0; i < count; i++) {
        living += hin_backup_record_opens(&records[i]);
    }
    return count > 0 && hin_backup_record_opens(&records[count - 1]) &&
           now_usec - records[count - 1].begun_usec >= HIN_MIN(rest_usec, RETRY_USEC) &&
           living < HIN_MIN(usual + EXTRA_MOST, (size_t)LIVING_MOST) &&
           lacks_some(cycle, subject, &records[count - 1]);
}

static HIN_RESULT make_due(struct hin_backup_cycle *cycle, struct hin_backup_subject *subject)
{
    struct hin_backup_record *records = NULL;
    size_t count = 0;
    bool good = false;
    HIN_TRY(subject->known /* else when the first one was made, which may be destroyed since */
                ? hin_cycle_records(cycle, subject->tenant.number, &records, &count)
                : hin_cycle_all_records(cycle, subject->tenant.number, &records, &count));
    int64_t now_usec = hin_cycle_now_usec(cycle);
    learn(subject, records, count, now_usec);
    bool due = is_due(cycle, records, count, now_usec) ||
               wants_extra(cycle, subject, records, count, now_usec);
    free(records);
    return due ? make(cycle, subject, false, &good) : hin_ok();
}

HIN_RESULT hin_backup_cycle_due(struct hin_backup_cycle *cycle)
{
    HIN_TRY(hin_backup_cycle_look(cycle));
    for (struct hin_backup_subject *at = cycle->subjects; at != NULL; at = at->next) {
        struct hin_result made = make_due(cycle, at);
        if (hin_cycle_is_final(made)) {
            return made;
        }
        if (!hin_is_ok(made)) {
            hin_log_result(HIN_LOG_ERROR, made, "the backup of tenant %s", at->tenant.id);
        }
    }
    return hin_ok();
}

/* ---- reading back ---- */

/* Whether the destination answers at all: what is missing there is another matter. */
static bool answers(struct hin_backup_cycle *cycle, struct hin_backup_subject *subject, size_t at)
{
    struct hin_backup_listed *list = NULL;
    size_t count = 0;
    if (!hin_cycle_may_try(cycle, at)) {
        return false;
    }
    int64_t since_usec = hin_cycle_try(cycle, at);
    struct hin_result listed =
        hin_backup_list_manifests(cycle->depots[at], subject->tenant.id, &list, &count);
    free(list);
    return !hin_cycle_saw(cycle, at, since_usec, listed) && hin_is_ok(listed);
}

static HIN_RESULT verify_at(struct hin_backup_cycle *cycle, struct hin_backup_subject *subject,
                            size_t at, int64_t begun_usec, struct hin_backup_place *place)
{
    struct hin_backup_verdict verdict = {0};
    if (!answers(cycle, subject, at)) {
        snprintf(place->error, sizeof(place->error), "%s", hin_cycle_trouble(cycle, at));
        return hin_ok();
    }
    struct hin_backup backup = hin_cycle_handle(cycle, subject, at);
    struct hin_result checked = hin_backup_check_all(&backup, begun_usec, &verdict);
    if (hin_cycle_is_final(checked)) {
        return checked;
    }
    place->error[0] = '\0';
    place->damaged = (int64_t)(verdict.damaged + verdict.missing);
    if (!hin_is_ok(checked)) {
        place->damaged = 1;
        hin_cycle_describe(&backup, checked, place->error, sizeof(place->error));
    } else if (place->damaged > 0) {
        snprintf(place->error, sizeof(place->error),
                 "%llu objects of tenant %s are damaged and %llu missing, first %s",
                 (unsigned long long)verdict.damaged, subject->tenant.id,
                 (unsigned long long)verdict.missing, verdict.first);
    }
    place->verified_usec = hin_cycle_now_usec(cycle);
    return hin_is_ok(checked) || hin_cycle_is_damage(checked)
               ? hin_cycle_looked_whole(cycle, subject, at, place->damaged, place->error)
               : hin_ok();
}

static HIN_RESULT verify_record(struct hin_backup_cycle *cycle, struct hin_backup_subject *subject,
                                struct hin_backup_record *record, bool *ret_good)
{
    bool good = true;
    for (size_t i = 0; i < cycle->settings.count; i++) {
        struct hin_backup_place *place =
            hin_backup_place_of(record, cycle->settings.destinations[i].name);
        if (place == NULL || place->state != HIN_BACKUP_THERE) {
            continue;
        }
        HIN_TRY(verify_at(cycle, subject, i, record->begun_usec, place));
        if (place->error[0] != '\0') {
            good = false;
            hin_log(HIN_LOG_ERROR, "the backup at %s is not as it was written: %s", place->name,
                    place->error);
            if (cycle->order != NULL) {
                snprintf(cycle->order->text, sizeof(cycle->order->text), "%s: %s", place->name,
                         place->error);
            }
        }
    }
    HIN_TRY(hin_backup_record_write(cycle->own->store, record, hin_cycle_now_usec(cycle)));
    HIN_TRY(
        hin_cycle_audit(cycle, "backup.verify", good ? "done" : "failed", record,
                        good ? "every object is as it was written" : "see the backup's record"));
    *ret_good = good;
    return hin_ok();
}

/* What is not known is not verified: the newest might be another. What was mended is told once. */
static void complain_of_catalogue(struct hin_backup_cycle *cycle, const char *tenant,
                                  const char *what)
{
    hin_log(HIN_LOG_ERROR, "the catalogue of tenant %s's backups: %s", tenant, what);
    if (cycle->order != NULL) {
        snprintf(cycle->order->text, sizeof(cycle->order->text),
                 "the catalogue of tenant %s's backups, in the installation's own database: %s",
                 tenant, what);
    }
}

/* Damaged entries are made anew where they can be. */
static HIN_RESULT read_catalogue(struct hin_backup_cycle *cycle, struct hin_backup_subject *subject,
                                 struct hin_backup_record **ret_records, size_t *ret_count,
                                 bool *ret_whole)
{
    int64_t number = subject->tenant.number;
    size_t mended = 0;
    bool asked = false;
    char text[320];
    HIN_TRY(hin_cycle_records(cycle, number, ret_records, ret_count));
    *ret_whole = hin_cycle_damaged(cycle, number) == 0;
    if (*ret_whole) {
        return hin_ok();
    }
    free(*ret_records);
    *ret_records = NULL;
    HIN_TRY(hin_cycle_mend(cycle, subject, &mended, &asked));
    size_t left = hin_cycle_damaged(cycle, number);
    if (left == 0) {
        snprintf(text, sizeof(text),
                 "%zu damaged entries were made anew from what lies at the destinations; verify "
                 "again",
                 mended);
    } else {
        snprintf(text, sizeof(text), "%zu entries are damaged (hinomi backup list) and %s; %s",
                 left,
                 asked ? "no destination has anything they could be made anew from"
                       : "a destination that might have what they were about does not answer",
                 asked ? "drop each by hinomi backup forget ID" : "mend that first");
    }
    complain_of_catalogue(cycle, subject->tenant.id, text);
    return hin_cycle_records(cycle, number, ret_records, ret_count);
}

/* The newest one that is anywhere. */
static HIN_RESULT act_verify(struct hin_backup_cycle *cycle, struct hin_backup_subject *subject,
                             void *context, bool *ret_good)
{
    struct hin_backup_record *records = NULL;
    size_t count = 0;
    (void)context;
    bool whole = false;
    HIN_TRY(read_catalogue(cycle, subject, &records, &count, &whole));
    struct hin_result verified = hin_fail(HIN_NOT_FOUND);
    for (size_t i = count; i > 0; i--) {
        if (hin_backup_record_opens(&records[i - 1]) && is_anywhere(&records[i - 1])) {
            verified = verify_record(cycle, subject, &records[i - 1], ret_good);
            break;
        }
    }
    free(records);
    if (!whole) {
        *ret_good = false;
    } else if (verified.code == HIN_NOT_FOUND && cycle->order != NULL) {
        snprintf(cycle->order->text, sizeof(cycle->order->text), "tenant %s has no backup yet",
                 subject->tenant.id);
    }
    return verified;
}

HIN_RESULT hin_backup_cycle_verify(struct hin_backup_cycle *cycle, int64_t number,
                                   int64_t *ret_failures)
{
    hin_cycle_wake_destinations(cycle);
    return hin_cycle_for_each(cycle, number, act_verify, NULL, ret_failures);
}
