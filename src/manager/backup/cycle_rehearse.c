/* Each week each tenant's newest backup is restored into a scratch store, compared with the
 * tenant's own, and thrown away. The scratch store is SQLite whatever the tenant's is (rows are the
 * same in both), in a folder that this process alone uses: what was cut off is removed at the next
 * start. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/log.h"
#include "event/state.h"
#include "manager/audit.h"
#include "manager/backup/alerts.h"
#include "manager/backup/cycle_internal.h"
#include "manager/backup/rehearsals.h"
#include "manager/backup/same.h"
#include "manager/config.h"
#include "manager/retention.h"
#include "store/events.h"

#define SCRATCH    "scratch"
#define ROOM_BYTES ((uint64_t)256 << 20) /* is left to all others, whatever happens here */
#define RETRY_USEC HIN_DAY_USEC

struct rehearsing {
    struct hin_backup_cycle *cycle;
    struct hin_backup_subject *subject;
    size_t at; /* the destination */
    struct hin_backup backup;
    struct hin_rehearsal record;
    int folder;
    struct hin_tenant scratch;
};

/* ---- the scratch folder ---- */

/* Files alone: a store makes no folders. */
static HIN_RESULT empty(int folder)
{
    DIR *list = fdopendir(folder); /* takes it */
    struct hin_result emptied = hin_ok();
    if (list == NULL) {
        hin_fd_close(&folder);
        return hin_fail(HIN_IO);
    }
    for (struct dirent *item = readdir(list); item != NULL; item = readdir(list)) {
        bool itself = strcmp(item->d_name, ".") == 0 || strcmp(item->d_name, "..") == 0;
        if (!itself && unlinkat(dirfd(list), item->d_name, 0) != 0 && errno != ENOENT) {
            emptied = hin_fail(hin_code_from_errno(errno));
        }
    }
    (void)closedir(list);
    return emptied;
}

HIN_RESULT hin_cycle_clear_scratch(struct hin_backup_cycle *cycle)
{
    int folder = -1;
    struct hin_result opened = hin_fd_open(cycle->place.directory, SCRATCH,
                                           O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &folder);
    if (opened.code == HIN_NOT_FOUND) {
        return hin_ok();
    }
    HIN_TRY(opened);
    HIN_TRY(empty(folder));
    return unlinkat(cycle->place.directory, SCRATCH, AT_REMOVEDIR) == 0
               ? hin_ok()
               : hin_fail(hin_code_from_errno(errno));
}

static HIN_RESULT say(struct rehearsing *rehearsing, struct hin_result result, const char *what)
{
    char *error = rehearsing->record.error;
    if (!hin_is_ok(result) && error[0] == '\0') {
        snprintf(error, sizeof(rehearsing->record.error), "%s: %s", what,
                 hin_code_text(result.code));
    }
    return result;
}

/* The state disk is the manager's life: a rehearsal never fills it. */
static HIN_RESULT check_room(struct rehearsing *rehearsing, uint64_t bytes)
{
    struct statvfs about;
    uint64_t needed = bytes + bytes / 4 + ROOM_BYTES;
    if (fstatvfs(rehearsing->cycle->place.directory, &about) != 0) {
        return say(rehearsing, hin_fail(HIN_IO), "asking for the room in the state folder");
    }
    if ((uint64_t)about.f_bavail * about.f_frsize >= needed) {
        return hin_ok();
    }
    snprintf(rehearsing->record.error, sizeof(rehearsing->record.error),
             "there is not room to restore it: %llu MB are to be free in the state folder's file "
             "system",
             (unsigned long long)(needed >> 20));
    return hin_fail(HIN_NO_SPACE);
}

static HIN_RESULT open_scratch(struct rehearsing *rehearsing, uint64_t bytes)
{
    struct hin_backup_cycle *cycle = rehearsing->cycle;
    struct hin_error error = {0};
    HIN_TRY(say(rehearsing, hin_cycle_clear_scratch(cycle), "emptying the scratch folder"));
    HIN_TRY(check_room(rehearsing, bytes));
    if (mkdirat(cycle->place.directory, SCRATCH, 0700) != 0) {
        return say(rehearsing, hin_fail(hin_code_from_errno(errno)), "making the scratch folder");
    }
    HIN_TRY(hin_fd_open(cycle->place.directory, SCRATCH, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0,
                        &rehearsing->folder));
    /* Beside a server's socket there is no /proc: SQLite finds its files in the current folder. */
    if (cycle->place.server != NULL && fchdir(rehearsing->folder) != 0) {
        return say(rehearsing, hin_fail(HIN_IO), "entering the scratch folder");
    }
    struct hin_tenant_place place = {.directory = rehearsing->folder, .scratch = true};
    struct hin_result opened =
        hin_tenant_open(&rehearsing->scratch, &place, rehearsing->subject->tenant.id, &cycle->keys,
                        HIN_VAULT_FOR_BACKUP, cycle->clock, true, &error);
    return say(rehearsing, opened, error.text[0] != '\0' ? error.text : "making a scratch store");
}

/* ---- restoring and comparing ---- */

/* A restore takes minutes, and what is new goes on to be shipped meanwhile. */
static HIN_RESULT go_on(void *context)
{
    struct rehearsing *rehearsing = context;
    struct hin_backup_cycle *cycle = rehearsing->cycle;
    HIN_TRY(cycle->turn(cycle->context));
    rehearsing->subject->used_usec = hin_cycle_monotonic_usec(cycle); /* it must not rest */
    HIN_TRY(hin_tenant_refresh(&rehearsing->scratch));
    return hin_backup_cycle_ship(cycle, false);
}

static HIN_RESULT between(void *context, const struct hin_backup_progress *progress)
{
    struct rehearsing *rehearsing = context;
    struct hin_backup usual =
        hin_cycle_handle(rehearsing->cycle, rehearsing->subject, rehearsing->at);
    rehearsing->subject->used_usec = hin_cycle_monotonic_usec(rehearsing->cycle);
    HIN_TRY(usual.between(usual.between_context, progress));
    return go_on(rehearsing);
}

static HIN_RESULT explain(struct rehearsing *rehearsing, struct hin_result result, const char *what)
{
    if (!hin_is_ok(result) && rehearsing->backup.error.text[0] != '\0') {
        char text[1200];
        hin_error_format(&rehearsing->backup.error, text, sizeof(text));
        snprintf(rehearsing->record.error, sizeof(rehearsing->record.error), "%.290s", text);
    }
    return say(rehearsing, result, what);
}

/* The installation's setting, as this process keeps it for backups; the tenant's own goes before.
 */
static HIN_RESULT forgotten(struct rehearsing *rehearsing, int64_t *ret_usec)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf buf = {.max = HIN_STORE_DOCUMENT_BYTES};
    struct hin_store_document document;
    struct hin_manager_config config = {0};
    struct hin_retention_settings settings;
    struct hin_result got =
        hin_store_get(rehearsing->cycle->own->store, HIN_STORE_BACKUP_SETTINGS, 1, &buf, &document);
    if (hin_is_ok(got)) {
        HIN_TRY(hin_manager_config_parse(document.bytes, &config, NULL));
    } else if (got.code != HIN_NOT_FOUND) {
        return got;
    }
    HIN_TRY(hin_retention_load(rehearsing->subject->tenant.store, &settings));
    struct hin_retention keep = hin_retention_resolve(&settings, config.keep_days);
    *ret_usec = INT64_MIN;
    for (size_t i = 0; i < HIN_MODULE_COUNT; i++) {
        if (keep.keep_days[i] > 0) {
            *ret_usec = HIN_MAX(*ret_usec, hin_cycle_now_usec(rehearsing->cycle) -
                                               (int64_t)keep.keep_days[i] * HIN_DAY_USEC);
        }
    }
    return hin_ok();
}

static HIN_RESULT compare(struct rehearsing *rehearsing, const struct hin_backup_manifest *manifest)
{
    struct hin_rehearsal *record = &rehearsing->record;
    struct hin_same same = {.restored = rehearsing->scratch.store,
                            .own = rehearsing->subject->tenant.store,
                            .position = manifest->position,
                            .at_usec = manifest->at_usec,
                            .between = go_on,
                            .context = rehearsing};
    HIN_TRY(explain(rehearsing, hin_backup_compare(&rehearsing->backup, manifest, same.restored),
                    "comparing it with the manifest"));
    HIN_TRY(say(rehearsing, forgotten(rehearsing, &same.forgotten_usec), "reading retention"));
    HIN_TRY(say(rehearsing,
                hin_same_lost(same.own, &manifest->position, manifest->at_usec, record->begun_usec,
                              &record->lost_usec),
                "reading what came after it"));
    struct hin_result compared = hin_same_compare(&same);
    record->events = same.events;
    record->documents = same.documents;
    record->entries = same.entries;
    record->gone = same.gone;
    record->changed = same.changed;
    snprintf(record->error, sizeof(record->error), "%s", same.error);
    return say(rehearsing, compared, "comparing it with the tenant's store");
}

static HIN_RESULT restore(struct rehearsing *rehearsing, const struct hin_backup_manifest *manifest)
{
    struct hin_rehearsal *record = &rehearsing->record;
    struct hin_backup_cycle *cycle = rehearsing->cycle;
    record->sequence = manifest->sequence;
    record->at_usec = manifest->at_usec;
    record->bytes = (int64_t)hin_backup_bytes(manifest);
    HIN_TRY(open_scratch(rehearsing, (uint64_t)record->bytes));
    int64_t since_usec = hin_cycle_monotonic_usec(cycle);
    HIN_TRY(explain(rehearsing,
                    hin_backup_restore(&rehearsing->backup, manifest, rehearsing->scratch.store),
                    "restoring it"));
    record->took_usec = hin_cycle_monotonic_usec(cycle) - since_usec;
    if (record->took_usec > 0) {
        record->bytes_per_second =
            (int64_t)((double)record->bytes * (double)HIN_SEC_USEC / (double)record->took_usec);
    }
    return compare(rehearsing, manifest);
}

static HIN_RESULT perform(struct rehearsing *rehearsing)
{
    struct hin_backup_cycle *cycle = rehearsing->cycle;
    struct hin_backup_manifest manifest;
    if (cycle->depots[rehearsing->at] == NULL) {
        const char *trouble = cycle->troubles[rehearsing->at];
        return say(rehearsing, hin_fail(HIN_NOT_FOUND),
                   trouble[0] != '\0' ? trouble : "the destination is out of reach");
    }
    HIN_TRY(say(rehearsing, hin_cycle_wake(cycle, rehearsing->subject), "opening the tenant"));
    rehearsing->backup = hin_cycle_handle(cycle, rehearsing->subject, rehearsing->at);
    rehearsing->backup.between = between;
    rehearsing->backup.between_context = rehearsing;
    HIN_TRY(explain(rehearsing,
                    hin_backup_load(&rehearsing->backup, rehearsing->record.backup_usec, UINT32_MAX,
                                    &manifest, NULL),
                    "reading its manifest"));
    struct hin_result restored = restore(rehearsing, &manifest);
    hin_backup_manifest_done(&manifest);
    return restored;
}

/* ---- telling ---- */

static HIN_RESULT write_all(struct rehearsing *rehearsing)
{
    struct hin_backup_cycle *cycle = rehearsing->cycle;
    struct hin_rehearsal *record = &rehearsing->record;
    char text[600];
    snprintf(text, sizeof(text), "tenant %s, from %s: %s", record->uuid, record->destination,
             record->good ? "restored, and the same as what it came from" : record->error);
    struct hin_audit audit = {.action = "backup.rehearse",
                              .outcome = record->good ? "done" : "failed",
                              .actor = HIN_VIEW("backup"),
                              .kind = "backups/rehearsals",
                              .detail = hin_view_from_text(text)};
    HIN_TRY(hin_rehearsal_add(cycle->own->store, record, record->ended_usec));
    audit.object = record->id;
    HIN_TRY(hin_audit_write(cycle->own, &audit));
    if (record->good) {
        return hin_ok();
    }
    hin_log(HIN_LOG_ERROR, "a backup does not restore: %s", text);
    snprintf(text, sizeof(text), "%s: tenant %s, from %s: %s",
             hin_state_get(HIN_STATE_BACKUP_NOT_RESTORED)->text, record->uuid, record->destination,
             record->error);
    return hin_backup_tell(cycle->own, HIN_STATE_BACKUP_NOT_RESTORED, NULL, text,
                           record->ended_usec);
}

static HIN_RESULT write_down(struct rehearsing *rehearsing)
{
    struct hin_store *own = rehearsing->cycle->own->store;
    rehearsing->record.ended_usec = hin_cycle_now_usec(rehearsing->cycle);
    HIN_TRY(hin_store_begin(own));
    struct hin_result written = write_all(rehearsing);
    struct hin_result ended = hin_store_end(own, hin_is_ok(written));
    return hin_is_ok(written) ? ended : written;
}

/* ---- which ---- */

static bool lies_at(struct hin_backup_cycle *cycle, const struct hin_backup_record *record,
                    size_t at)
{
    for (size_t i = 0; i < record->place_count; i++) {
        if (strcmp(record->places[i].name, cycle->settings.destinations[at].name) == 0) {
            return record->places[i].state == HIN_BACKUP_THERE;
        }
    }
    return false;
}

/* Destinations take turns; one that failed is tried until it does not. */
static HIN_RESULT choose_place(struct rehearsing *rehearsing,
                               const struct hin_backup_record *record)
{
    struct hin_backup_cycle *cycle = rehearsing->cycle;
    struct hin_rehearsal last;
    size_t first = 0, count = cycle->settings.count;
    struct hin_result found = hin_rehearsal_last(cycle->own->store, record->tenant, false, &last);
    HIN_ENSURE(hin_is_ok(found) || found.code == HIN_NOT_FOUND, IO);
    for (size_t i = 0; hin_is_ok(found) && i < count; i++) {
        if (strcmp(cycle->settings.destinations[i].name, last.destination) == 0) {
            first = i + (last.good ? 1 : 0);
        }
    }
    for (size_t i = 0; i < count; i++) {
        size_t at = (first + i) % count;
        if (lies_at(cycle, record, at)) {
            rehearsing->at = at;
            snprintf(rehearsing->record.destination, sizeof(rehearsing->record.destination), "%s",
                     cycle->settings.destinations[at].name);
            return hin_ok();
        }
    }
    return hin_fail(HIN_NOT_FOUND);
}

/* The newest backup that lies anywhere. */
static HIN_RESULT choose(struct rehearsing *rehearsing)
{
    struct hin_backup_record *records = NULL;
    size_t count = 0;
    HIN_TRY(
        hin_cycle_records(rehearsing->cycle, rehearsing->subject->tenant.number, &records, &count));
    struct hin_result chosen = hin_fail(HIN_NOT_FOUND);
    for (size_t i = count; i > 0 && chosen.code == HIN_NOT_FOUND; i--) {
        if (hin_backup_record_opens(&records[i - 1])) {
            chosen = choose_place(rehearsing, &records[i - 1]);
            rehearsing->record.backup_usec = records[i - 1].begun_usec;
        }
    }
    free(records);
    return chosen;
}

static HIN_RESULT rehearse(struct hin_backup_cycle *cycle, struct hin_backup_subject *subject,
                           bool *ret_good)
{
    struct rehearsing rehearsing = {
        .cycle = cycle,
        .subject = subject,
        .folder = -1,
        .scratch = {.lock = -1},
        .record = {.tenant = subject->tenant.number, .begun_usec = hin_cycle_now_usec(cycle)}};
    snprintf(rehearsing.record.uuid, sizeof(rehearsing.record.uuid), "%s", subject->tenant.id);
    HIN_TRY(choose(&rehearsing));
    struct hin_result done = perform(&rehearsing);
    hin_tenant_close(&rehearsing.scratch);
    if (cycle->place.server != NULL && rehearsing.folder >= 0) {
        (void)!fchdir(cycle->place.directory); /* nothing else goes by the current folder */
    }
    hin_fd_close(&rehearsing.folder);
    struct hin_result cleared = hin_cycle_clear_scratch(cycle);
    if (hin_cycle_is_final(done)) {
        return done;
    }
    rehearsing.record.good =
        hin_is_ok(done) && hin_is_ok(say(&rehearsing, cleared, "removing the scratch store"));
    *ret_good = rehearsing.record.good;
    if (!*ret_good && cycle->order != NULL) {
        snprintf(cycle->order->text, sizeof(cycle->order->text), "tenant %s, from %s: %s",
                 rehearsing.record.uuid, rehearsing.record.destination, rehearsing.record.error);
    }
    return write_down(&rehearsing);
}

static HIN_RESULT act_rehearse(struct hin_backup_cycle *cycle, struct hin_backup_subject *subject,
                               void *context, bool *ret_good)
{
    (void)context;
    struct hin_result done = rehearse(cycle, subject, ret_good);
    if (done.code == HIN_NOT_FOUND && cycle->order != NULL && cycle->order->text[0] == '\0') {
        snprintf(cycle->order->text, sizeof(cycle->order->text), "tenant %s has no backup yet",
                 subject->tenant.id);
    }
    return done;
}

HIN_RESULT hin_backup_cycle_rehearse(struct hin_backup_cycle *cycle, int64_t number,
                                     int64_t *ret_failures)
{
    return hin_cycle_for_each(cycle, number, act_rehearse, NULL, ret_failures);
}

/* ---- by schedule ---- */

/* The first one a week after the first backup: there is something to lose by then. */
static HIN_RESULT is_due(struct hin_backup_cycle *cycle, const struct hin_backup_subject *subject,
                         bool *ret_due)
{
    struct hin_rehearsal last;
    struct hin_backup_record *records = NULL;
    size_t count = 0;
    int64_t now_usec = hin_cycle_now_usec(cycle);
    struct hin_result found =
        hin_rehearsal_last(cycle->own->store, subject->tenant.number, false, &last);
    if (hin_is_ok(found)) {
        int64_t age = now_usec - last.begun_usec,
                rest = last.good ? HIN_REHEARSAL_USEC : RETRY_USEC;
        *ret_due = age >= rest || age <= -rest;
        return hin_ok();
    }
    HIN_ENSURE(found.code == HIN_NOT_FOUND, IO);
    HIN_TRY(hin_cycle_all_records(cycle, subject->tenant.number, &records, &count));
    *ret_due = count > 0 && now_usec - records[0].begun_usec >= HIN_REHEARSAL_USEC;
    free(records);
    return hin_ok();
}

HIN_RESULT hin_backup_cycle_rehearse_due(struct hin_backup_cycle *cycle)
{
    HIN_TRY(hin_backup_cycle_look(cycle));
    for (struct hin_backup_subject *at = cycle->subjects; at != NULL; at = at->next) {
        bool due = false, good = false;
        HIN_TRY(is_due(cycle, at, &due));
        struct hin_result done = due ? rehearse(cycle, at, &good) : hin_ok();
        if (hin_cycle_is_final(done)) {
            return done;
        }
        if (!hin_is_ok(done) && done.code != HIN_NOT_FOUND) {
            hin_log_result(HIN_LOG_ERROR, done, "the weekly restore of tenant %s", at->tenant.id);
        }
        if (due && at != cycle->subjects) {
            hin_tenant_rest(&at->tenant);
        }
    }
    return hin_ok();
}
