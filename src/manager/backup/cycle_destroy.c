/* Backups whose time is over: the key first, then what lies at the destinations. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/log.h"
#include "manager/backup/cycle_internal.h"
#include "store/events.h"
#include "store/retention.h"

#define DISAGREE_USEC HIN_DAY_USEC

/* ---- the time to judge by: the wall clock's, or less where that ran ahead ---- */

static HIN_RESULT read_state(void *context, const struct hin_store_document *document)
{
    struct hin_backup_cycle *cycle = context;
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *parsed = NULL;
    HIN_TRY(hin_json_parse(document->bytes, HIN_STORE_DOCUMENT_BYTES, &parsed, NULL));
    cycle->state_id = document->id;
    return hin_json_opt_integer(hin_json_root(parsed), "time", 0, INT64_MAX, &cycle->kept_usec,
                                NULL);
}

static void write_destination(struct hin_json_writer *writer, const struct hin_backup_cycle *cycle,
                              size_t at)
{
    const struct hin_backup_destination *destination = &cycle->settings.destinations[at];
    hin_json_begin_object(writer);
    hin_json_field_cstring(writer, "name", destination->name);
    hin_json_field_cstring(writer, "url", destination->url);
    hin_json_field_cstring(writer, "region", destination->region);
    hin_json_field_boolean(writer, "reachable", !hin_cycle_is_failing(cycle, at));
    hin_json_field_cstring(writer, "error",
                           hin_cycle_is_failing(cycle, at) ? hin_cycle_trouble(cycle, at) : "");
    hin_json_end_object(writer);
}

static HIN_RESULT write_state(struct hin_backup_cycle *cycle, bool agree)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 65536};
    struct hin_json_writer writer;
    int64_t now_usec = hin_cycle_now_usec(cycle);
    hin_json_writer_init(&writer, &text, false);
    hin_json_begin_object(&writer);
    hin_json_field_integer(&writer, "time", cycle->kept_usec);
    hin_json_field_boolean(&writer, "clocksAgree", agree);
    hin_json_field_integer(&writer, "keepDays", cycle->settings.keep_days);
    hin_json_field_integer(&writer, "everyHours", cycle->settings.every_hours);
    hin_json_field_integer(&writer, "shipSeconds", cycle->settings.ship_seconds);
    hin_json_field_integer(&writer, "lookSeconds", cycle->settings.look_seconds);
    hin_json_key(&writer, "destinations");
    hin_json_begin_array(&writer);
    for (size_t i = 0; i < cycle->settings.count; i++) {
        write_destination(&writer, cycle, i);
    }
    hin_json_end_array(&writer);
    hin_json_end_object(&writer);
    HIN_TRY(hin_json_writer_finish(&writer));
    struct hin_store_content content = {.bytes = hin_buf_view(&text)};
    return hin_store_put(cycle->own->store, HIN_STORE_BACKUP_STATE, &content, now_usec,
                         &cycle->state_id);
}

HIN_RESULT hin_cycle_move_time(struct hin_backup_cycle *cycle, int64_t *ret_usec, bool *ret_agree)
{
    struct hin_store_page all = {0};
    struct hin_store_listed listed;
    int64_t wall_usec = hin_cycle_now_usec(cycle);
    int64_t here_usec = hin_cycle_monotonic_usec(cycle);
    if (cycle->state_id == 0) {
        HIN_TRY(hin_store_list(cycle->own->store, HIN_STORE_BACKUP_STATE, &all, read_state, cycle,
                               &listed));
        cycle->followed_usec = here_usec;
    }
    if (cycle->kept_usec == 0) { /* there is nothing yet that could be destroyed */
        cycle->kept_usec = wall_usec;
    }
    cycle->kept_usec =
        hin_retention_follow(cycle->kept_usec, wall_usec, here_usec - cycle->followed_usec);
    cycle->followed_usec = here_usec;
    int64_t apart = wall_usec - cycle->kept_usec;
    *ret_agree = apart < DISAGREE_USEC && apart > -DISAGREE_USEC;
    cycle->clocks_known = true;
    cycle->clocks_agree = *ret_agree;
    cycle->apart_usec = apart;
    *ret_usec = HIN_MIN(cycle->kept_usec, wall_usec);
    return write_state(cycle, *ret_agree);
}

/* ---- destroying ---- */

HIN_RESULT hin_cycle_destroy_key(struct hin_backup_cycle *cycle, struct hin_backup_record *record,
                                 const char *why)
{
    bool former = record->version == HIN_BACKUP_FORMER; /* its key is not ours to destroy */
    if (!former) {
        HIN_TRY(hin_keys_backup_key_destroy(&cycle->keys, hin_view_from_text(record->uuid),
                                            (uint32_t)record->version));
    }
    record->state = HIN_BACKUP_DESTROYED;
    record->destroyed_usec = hin_cycle_now_usec(cycle);
    for (size_t i = 0; i < record->place_count; i++) {
        if (record->places[i].state == HIN_BACKUP_THERE) {
            record->places[i].state = HIN_BACKUP_LEFT;
        }
    }
    return hin_cycle_write_audited(cycle, record, "backup.destroy", "done",
                                   former ? "removed alone: its key is with the key management "
                                            "service of before the restore"
                                          : why);
}

/* What they name cannot be told from what nothing names. */
static bool any_former(struct hin_backup_record *records, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        struct hin_backup_place *place = hin_backup_place_of(&records[i], name);
        if (records[i].version == HIN_BACKUP_FORMER && place != NULL &&
            place->state == HIN_BACKUP_THERE) {
            return true;
        }
    }
    return false;
}

/* Nothing is shipped of the tenant meanwhile: objects are written before anything names them. */
static HIN_RESULT sweep(struct hin_backup_cycle *cycle, struct hin_backup *backup)
{
    uint64_t objects = 0, bytes = 0;
    struct hin_backup_subject *busy = cycle->busy;
    HIN_TRY(hin_backup_cycle_ship(cycle, false));
    cycle->busy = hin_cycle_subject(cycle, backup->tenant);
    struct hin_result swept = hin_backup_sweep(backup, &objects, &bytes);
    cycle->busy = busy;
    return swept;
}

/* Those of a place that are to be removed, in two passes: everything of them first, then the
 * catalogue says so. Cut off in between, or where nothing can be swept, they are tried again. */
static HIN_RESULT clear_pass(struct hin_backup_cycle *cycle, struct hin_backup *backup,
                             const char *name, struct hin_backup_record *records, size_t count,
                             bool removed, bool *ret_any)
{
    for (size_t i = 0; i < count; i++) {
        struct hin_backup_place *place = hin_backup_place_of(&records[i], name);
        if (place == NULL || place->state != HIN_BACKUP_LEFT) {
            continue;
        }
        *ret_any = true;
        if (!removed) {
            HIN_TRY(hin_backup_remove(backup, records[i].begun_usec));
            continue;
        }
        place->state = HIN_BACKUP_REMOVED;
        HIN_TRY(hin_backup_record_write(cycle->own->store, &records[i], hin_cycle_now_usec(cycle)));
    }
    return hin_ok();
}

static HIN_RESULT clear_at(struct hin_backup_cycle *cycle, size_t at,
                           struct hin_backup_record *records, size_t count)
{
    const char *name = cycle->settings.destinations[at].name;
    struct hin_backup_subject alone = {0}; /* the tenant may be gone */
    bool any = false;
    if (!hin_cycle_may_try(cycle, at) || count == 0) {
        return hin_ok();
    }
    snprintf(alone.tenant.id, sizeof(alone.tenant.id), "%s", records[0].uuid);
    struct hin_backup backup = hin_cycle_handle(cycle, &alone, at);
    HIN_TRY(clear_pass(cycle, &backup, name, records, count, false, &any));
    /* One that is not known may be of those that are former. */
    bool known =
        !any_former(records, count, name) && hin_cycle_damaged(cycle, records[0].tenant) == 0;
    if (any && known) {
        HIN_TRY(sweep(cycle, &backup));
    }
    return clear_pass(cycle, &backup, name, records, count, true, &any);
}

HIN_RESULT hin_cycle_clear(struct hin_backup_cycle *cycle, struct hin_backup_record *records,
                           size_t count)
{
    for (size_t at = 0; at < cycle->settings.count; at++) {
        int64_t since_usec = cycle->depots[at] != NULL ? hin_cycle_try(cycle, at) : 0;
        struct hin_result cleared = clear_at(cycle, at, records, count);
        if (hin_cycle_is_final(cleared)) {
            return cleared;
        }
        if (!hin_is_ok(cleared)) {
            (void)hin_cycle_saw(cycle, at, since_usec, cleared);
            hin_log_result(HIN_LOG_WARNING, cleared,
                           "backups of tenant %s that are destroyed cannot be removed from %s",
                           records[0].uuid, cycle->settings.destinations[at].name);
        }
    }
    return hin_ok();
}

static bool is_left(const struct hin_backup_record *record)
{
    bool left = false;
    for (size_t i = 0; i < record->place_count; i++) {
        left = left || record->places[i].state == HIN_BACKUP_LEFT;
    }
    return left;
}

static HIN_RESULT forget_old(struct hin_backup_cycle *cycle, const struct hin_backup_record *record,
                             int64_t time_usec)
{
    if (is_left(record)) {
        return hin_ok();
    }
    int64_t kept_usec =
        record->resealed > 0 ? 0 : HIN_BACKUP_SHOWN_USEC; /* the one in its place is known */
    return record->destroyed_usec > 0 && record->destroyed_usec + kept_usec < time_usec
               ? hin_store_delete(cycle->own->store, HIN_STORE_BACKUPS, record->id, 0)
               : hin_ok();
}

/* One that was made while the clock was ahead is, at the least, from now on as old as it is. */
static HIN_RESULT bring_back(struct hin_backup_cycle *cycle, struct hin_backup_record *record)
{
    int64_t now_usec = hin_cycle_now_usec(cycle);
    if (record->state != HIN_BACKUP_DONE || hin_backup_made_usec(record, now_usec) <= now_usec) {
        return hin_ok();
    }
    record->ended_usec = now_usec;
    return hin_backup_record_write(cycle->own->store, record, now_usec);
}

/* So that each look costs what lives, not what was: a record behind which nothing is left any more,
 * and a newer one that stands (or the tenant is gone). */
static HIN_RESULT settle(struct hin_backup_cycle *cycle, struct hin_backup_record *records,
                         size_t count, size_t newest, bool gone)
{
    for (size_t i = 0; i < count; i++) {
        bool over = records[i].state == HIN_BACKUP_DESTROYED ||
                    (records[i].state == HIN_BACKUP_FAILED_ALL && records[i].destroyed_usec > 0);
        bool behind = gone || (newest < count && i < newest);
        if (over && behind && !is_left(&records[i])) {
            records[i].settled = true;
            HIN_TRY(
                hin_backup_record_write(cycle->own->store, &records[i], hin_cycle_now_usec(cycle)));
        }
    }
    return hin_ok();
}

/* records: of one tenant, oldest first. The newest that is done stays, whatever its age, until
 * another is: a tenant whose backups fail does not lose its last one. Of those of before a restore
 * under other keys none goes until one is made since. */
static HIN_RESULT destroy_of(struct hin_backup_cycle *cycle, struct hin_backup_record *records,
                             size_t count, int64_t time_usec, bool agree)
{
    bool gone = hin_map_get(&cycle->erased, hin_view_from_text(records[0].uuid)) != NULL;
    int64_t keep_usec = (int64_t)cycle->settings.keep_days * HIN_DAY_USEC;
    size_t newest = count;
    for (size_t i = 0; i < count; i++) {
        newest = hin_backup_record_opens(&records[i]) ? i : newest;
    }
    for (size_t i = 0; i < count; i++) {
        struct hin_backup_record *record = &records[i];
        HIN_TRY(agree ? bring_back(cycle, record) : hin_ok());
        int64_t made_usec = hin_backup_made_usec(record, time_usec); /* 0: it is not known yet */
        bool over = agree && newest < count && i != newest && made_usec > 0 &&
                    made_usec + keep_usec <= time_usec;
        if (record->state == HIN_BACKUP_DONE && (gone || over)) {
            HIN_TRY(hin_cycle_destroy_key(cycle, record,
                                          gone ? "the tenant is erased" : "its time is over"));
        }
    }
    HIN_TRY(hin_cycle_clear(cycle, records, count));
    HIN_TRY(settle(cycle, records, count, newest, gone));
    for (size_t i = 0; i < count; i++) {
        HIN_TRY(records[i].settled ? hin_ok() : forget_old(cycle, &records[i], time_usec));
    }
    return hin_ok();
}

HIN_RESULT hin_cycle_destroy_former(struct hin_backup_cycle *cycle, int64_t number)
{
    struct hin_backup_record *records = NULL;
    size_t count = 0;
    HIN_TRY(hin_cycle_records(cycle, number, &records, &count));
    struct hin_result destroyed = hin_ok();
    for (size_t i = 0; hin_is_ok(destroyed) && i + 1 < count; i++) {
        if (records[i].state == HIN_BACKUP_DONE) {
            destroyed = hin_cycle_destroy_key(cycle, &records[i], "what it holds was erased");
        }
    }
    if (hin_is_ok(destroyed)) {
        destroyed = hin_cycle_clear(cycle, records, count);
    }
    free(records);
    return destroyed;
}

static int by_tenant(const void *a, const void *b)
{
    const struct hin_backup_record *one = a, *other = b;
    int tenants = strcmp(one->uuid, other->uuid);
    return tenants != 0
               ? tenants
               : (one->begun_usec > other->begun_usec) - (one->begun_usec < other->begun_usec);
}

HIN_RESULT hin_backup_cycle_destroy(struct hin_backup_cycle *cycle)
{
    struct hin_backup_record *records = NULL;
    size_t count = 0;
    int64_t time_usec = 0;
    bool agree = false;
    HIN_TRY(hin_cycle_move_time(cycle, &time_usec, &agree));
    if (!agree) {
        hin_log(HIN_LOG_WARNING, "no backup is destroyed: the clock is not where it should be by "
                                 "the time that has passed; set it if it is wrong");
    }
    HIN_TRY(hin_backup_cycle_look(cycle));
    HIN_TRY(hin_cycle_mend_due(cycle));
    HIN_TRY(hin_cycle_end_interrupted(cycle));
    HIN_TRY(hin_cycle_records(cycle, -1, &records, &count));
    if (count > 0) {
        qsort(records, count, sizeof(*records), by_tenant);
    }
    struct hin_result destroyed = hin_ok();
    for (size_t i = 0, end = 0; hin_is_ok(destroyed) && i < count; i = end) {
        for (end = i + 1; end < count && strcmp(records[i].uuid, records[end].uuid) == 0; end++) {
        }
        destroyed = destroy_of(cycle, &records[i], end - i, time_usec, agree);
    }
    free(records);
    return hin_is_ok(destroyed) ? hin_backup_records_forget(cycle->own->store, time_usec)
                                : destroyed;
}
