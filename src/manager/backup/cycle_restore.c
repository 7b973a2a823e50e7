/* A tenant is put back out of a backup while the manager serves the others (decision 43): into a
 * store beside its own, compared there; then nobody has it open for a moment, what it held goes
 * into the backups, and the new store takes its place. Each state is written down before its work
 * is begun, and its work can be done again, so that a kill at any moment leaves the former or the
 * new.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/bytes.h"
#include "base/log.h"
#include "manager/audit.h"
#include "manager/backup/cycle_internal.h"
#include "manager/backup/restorings.h"
#include "manager/person_erasure.h"
#include "manager/revision.h"

#define ROOM_BYTES  ((uint64_t)256 << 20) /* is left to all others, whatever happens here */
#define TELL_USEC   HIN_SEC_USEC
#define SETTLE_USEC (30 * HIN_SEC_USEC)   /* for others to close the tenant */
#define SLICE_USEC  (500 * HIN_MSEC_USEC) /* between looks at whether to stop */

struct restoring {
    struct hin_backup_cycle *cycle;
    struct hin_restoring *record;
    struct hin_backup_subject *subject;
    struct hin_tenant next; /* the store beside */
    struct hin_backup backup;
    int64_t told_usec; /* monotonic */
};

static HIN_RESULT write_down(struct restoring *r)
{
    return hin_restoring_write(r->cycle->own->store, r->record, hin_cycle_now_usec(r->cycle));
}

static HIN_RESULT go_to(struct restoring *r, enum hin_restoring_state state)
{
    r->record->state = state;
    return write_down(r);
}

/* Why it fails, unless something better has been said. */
static HIN_RESULT say(struct restoring *r, struct hin_result result, const char *what)
{
    if (!hin_is_ok(result) && r->record->text[0] == '\0') {
        snprintf(r->record->text, sizeof(r->record->text), "%.250s: %s", what,
                 hin_code_text(result.code));
    }
    return result;
}

static HIN_RESULT explain(struct restoring *r, struct hin_result result, const char *what)
{
    if (!hin_is_ok(result) && r->backup.error.text[0] != '\0') {
        char text[1200];
        hin_error_format(&r->backup.error, text, sizeof(text));
        snprintf(r->record->text, sizeof(r->record->text), "%.390s", text);
    }
    return say(r, result, what);
}

static struct hin_store_options place_of(const struct restoring *r)
{
    return (struct hin_store_options){.directory = r->cycle->place.directory,
                                      .server = r->cycle->place.server,
                                      .tenant = r->record->uuid};
}

/* ---- which backup ---- */

/* The newest shipment at or before the time: they ascend. */
static HIN_RESULT load_at(struct restoring *r, int64_t begun_usec, uint32_t last_sequence,
                          struct hin_backup_manifest *ret_manifest)
{
    uint32_t low = 0, high = last_sequence;
    if (r->record->wanted_backup != 0) {
        return hin_backup_load(&r->backup, begun_usec, 0, ret_manifest, NULL);
    }
    if (r->record->wanted_usec == 0) {
        return hin_backup_load(&r->backup, begun_usec, UINT32_MAX, ret_manifest, NULL);
    }
    while (low < high) {
        uint32_t middle = low + (high - low + 1) / 2;
        struct hin_backup_manifest probe;
        HIN_TRY(hin_backup_load(&r->backup, begun_usec, middle, &probe, NULL));
        bool before = probe.at_usec <= r->record->wanted_usec;
        hin_backup_manifest_done(&probe);
        low = before ? middle : low;
        high = before ? high : middle - 1;
    }
    return hin_backup_load(&r->backup, begun_usec, low, ret_manifest, NULL);
}

static HIN_RESULT load_listed(struct restoring *r, size_t at, int64_t begun_usec,
                              struct hin_backup_manifest *ret_manifest)
{
    struct hin_backup_listed *list = NULL;
    size_t count = 0;
    HIN_TRY(hin_backup_list(r->cycle->depots[at], r->record->uuid, &list, &count));
    struct hin_result loaded = hin_fail(HIN_NOT_FOUND);
    for (size_t i = 0; i < count; i++) {
        if (list[i].begun_usec == begun_usec) {
            loaded = load_at(r, begun_usec, list[i].last_sequence, ret_manifest);
        }
    }
    free(list);
    return loaded;
}

/* A backup ends after it was begun: what it holds may be later than the time that is wanted. */
static bool is_wanted(const struct restoring *r, const struct hin_backup_record *backup)
{
    const struct hin_restoring *record = r->record;
    bool right = record->wanted_backup != 0 ? backup->id == record->wanted_backup
                 : record->wanted_usec != 0 ? backup->begun_usec <= record->wanted_usec
                                            : true;
    return right && hin_backup_record_opens(backup);
}

static bool lies_at(const struct restoring *r, const struct hin_backup_record *backup, size_t at)
{
    const char *name = r->cycle->settings.destinations[at].name;
    if (r->record->wanted_place[0] != '\0' && strcmp(r->record->wanted_place, name) != 0) {
        return false;
    }
    for (size_t i = 0; i < backup->place_count; i++) {
        if (strcmp(backup->places[i].name, name) == 0) {
            return backup->places[i].state == HIN_BACKUP_THERE && r->cycle->depots[at] != NULL;
        }
    }
    return false;
}

/* ---- into a store beside ---- */

static HIN_RESULT go_on(struct restoring *r)
{
    struct hin_backup_cycle *cycle = r->cycle;
    HIN_TRY(cycle->turn(cycle->context));
    r->subject->used_usec = hin_cycle_monotonic_usec(cycle); /* it must not rest */
    HIN_TRY(hin_tenant_refresh(&r->next));
    return hin_backup_cycle_ship(cycle, false);
}

static HIN_RESULT between(void *context, const struct hin_backup_progress *progress)
{
    struct restoring *r = context;
    struct hin_backup usual = hin_cycle_handle(r->cycle, r->subject, 0);
    int64_t now_usec = hin_cycle_monotonic_usec(r->cycle);
    HIN_TRY(usual.between(usual.between_context, progress));
    if (now_usec - r->told_usec >= TELL_USEC) {
        r->told_usec = now_usec;
        r->record->objects = (int64_t)progress->objects;
        r->record->objects_all = (int64_t)progress->objects_all;
        r->record->read_bytes = (int64_t)progress->bytes;
        HIN_TRY(write_down(r));
    }
    return go_on(r);
}

/* The state disk is the manager's life. */
static HIN_RESULT check_room(struct restoring *r)
{
    struct statvfs about;
    uint64_t bytes = (uint64_t)r->record->bytes, needed = bytes + bytes / 4 + ROOM_BYTES;
    if (r->cycle->place.server != NULL) {
        return hin_ok(); /* its disk cannot be asked for */
    }
    if (fstatvfs(r->cycle->place.directory, &about) != 0) {
        return say(r, hin_fail(HIN_IO), "asking for the room in the state folder");
    }
    if ((uint64_t)about.f_bavail * about.f_frsize >= needed) {
        return hin_ok();
    }
    snprintf(r->record->text, sizeof(r->record->text),
             "there is not room to restore it: %llu MB are to be free in the state folder's file "
             "system",
             (unsigned long long)(needed >> 20));
    return hin_fail(HIN_NO_SPACE);
}

static HIN_RESULT open_next(struct restoring *r)
{
    struct hin_error error = {0};
    struct hin_store_options options = place_of(r);
    struct hin_tenant_place place = {.directory = options.directory,
                                     .server = options.server,
                                     .scratch = true,
                                     .aside = HIN_STORE_NEXT};
    HIN_TRY(say(r, hin_store_aside_erase(&options, HIN_STORE_NEXT, &error),
                "removing what a former try has left"));
    HIN_TRY(check_room(r));
    struct hin_result opened = hin_tenant_open(&r->next, &place, r->record->uuid, &r->cycle->keys,
                                               HIN_VAULT_FOR_BACKUP, r->cycle->clock, true, &error);
    return say(r, opened, error.text[0] != '\0' ? error.text : "making a store beside");
}

/* Every page is read and every sealed thing opened, and it ends where the backup does. */
static HIN_RESULT verify(struct restoring *r, const struct hin_backup_manifest *manifest)
{
    struct hin_store *store = r->next.store;
    struct hin_copy_position position;
    struct hin_store_check check = {0};
    uint64_t damaged = 0;
    HIN_TRY(explain(r, hin_backup_compare(&r->backup, manifest, store),
                    "comparing it with the manifest"));
    HIN_TRY(say(r, hin_store_check(store, &check), "checking what was restored"));
    HIN_TRY(say(r, hin_store_copy_position(store, &position), "reading what was restored"));
    for (size_t i = 0; i < manifest->segment_count; i++) {
        damaged += manifest->segments[i].row.damaged != 0;
    }
    bool whole = check.structure_ok && check.documents_damaged == 0 && check.audit_damaged == 0 &&
                 check.events_damaged == 0 && check.segments_damaged <= damaged;
    bool ends = position.audit_number == manifest->position.audit_number &&
                memcmp(position.audit_hash, manifest->position.audit_hash,
                       sizeof(position.audit_hash)) == 0;
    return say(r, whole && ends ? hin_ok() : hin_fail(HIN_CORRUPT),
               "what was restored does not verify");
}

static void note_point(struct hin_restoring *record, const struct hin_backup_manifest *manifest,
                       const char *place)
{
    snprintf(record->place, sizeof(record->place), "%s", place);
    record->backup_usec = manifest->begun_usec;
    record->sequence = manifest->sequence;
    record->at_usec = manifest->at_usec;
    record->last_event = manifest->position.last_event_id;
    record->last_audit = manifest->position.audit_number;
    record->bytes = (int64_t)hin_backup_bytes(manifest);
}

/* An erasure that is under way, or was asked for since, would be forgotten with what it has to
 * erase still, in backups that are out of reach, say. */
static HIN_RESULT check_persons(struct restoring *r)
{
    bool open = false, since = false;
    HIN_TRY(say(r, hin_person_erasure_since(&r->subject->tenant, r->record->at_usec, &open, &since),
                "looking for erasures of persons' data"));
    if (open) {
        return say(r, hin_fail(HIN_CONFLICT),
                   "the erasure or correction of a person's data is under way in this tenant: ask "
                   "again when it is done");
    }
    return since ? say(r, hin_fail(HIN_CONFLICT),
                       "a person's data was erased after that time: choose a later one "
                       "(hinomi-manager restore on the manager's host goes further back)")
                 : hin_ok();
}

static HIN_RESULT check_point(struct restoring *r, const struct hin_backup_manifest *manifest)
{
    struct hin_restoring *record = r->record;
    if (record->wanted_usec != 0 && manifest->at_usec > record->wanted_usec) {
        return hin_fail(HIN_NOT_FOUND); /* another is older */
    }
    struct hin_result fits = hin_keys_restore_fits(
        &r->cycle->keys, hin_view_from_text(record->uuid), hin_buf_view(&manifest->payload));
    if (fits.code == HIN_CONFLICT) {
        snprintf(record->text, sizeof(record->text), "%s",
                 "an index key that the backup was made under is retired since: restore a newer "
                 "one, or the whole installation into a new folder (hinomi-manager restore)");
    }
    return say(r, fits, "comparing the tenant's keys");
}

static HIN_RESULT fill(struct restoring *r, const struct hin_backup_manifest *manifest)
{
    HIN_TRY(open_next(r));
    struct hin_result filled =
        explain(r, hin_backup_restore(&r->backup, manifest, r->next.store), "restoring it");
    if (hin_is_ok(filled)) {
        filled = verify(r, manifest);
    }
    hin_tenant_close(&r->next);
    return filled;
}

static HIN_RESULT fill_from(struct restoring *r, int64_t begun_usec, size_t at)
{
    struct hin_backup_manifest manifest;
    r->backup = hin_cycle_handle(r->cycle, r->subject, at);
    r->backup.between = between;
    r->backup.between_context = r;
    r->record->text[0] = '\0';
    struct hin_result loaded = load_listed(r, at, begun_usec, &manifest);
    if (!hin_is_ok(loaded)) {
        return explain(r, loaded, "reading its manifest");
    }
    struct hin_result filled = check_point(r, &manifest);
    if (hin_is_ok(filled)) {
        note_point(r->record, &manifest, r->cycle->settings.destinations[at].name);
        filled = write_down(r);
    }
    if (hin_is_ok(filled)) {
        filled = say(r, hin_cycle_wake(r->cycle, r->subject),
                     "opening what the tenant holds now (else: hinomi-manager restore on the "
                     "manager's host)");
    }
    if (hin_is_ok(filled)) {
        filled = check_persons(r); /* before the work; once more before the exchange */
    }
    if (hin_is_ok(filled)) {
        filled = fill(r, &manifest);
    }
    hin_backup_manifest_done(&manifest);
    return filled;
}

/* The newest that fits, from the first destination that gives it whole. */
static HIN_RESULT fill_any(struct restoring *r)
{
    struct hin_backup_record *records = NULL;
    size_t count = 0;
    HIN_TRY(hin_cycle_records(r->cycle, r->record->tenant, &records, &count));
    struct hin_result filled = hin_fail(HIN_NOT_FOUND);
    for (size_t i = count; i > 0 && filled.code == HIN_NOT_FOUND; i--) {
        for (size_t at = 0; at < r->cycle->settings.count; at++) {
            bool tried = is_wanted(r, &records[i - 1]) && lies_at(r, &records[i - 1], at);
            filled = tried ? fill_from(r, records[i - 1].begun_usec, at) : filled;
            if (tried && (hin_is_ok(filled) || hin_cycle_is_final(filled))) {
                break;
            }
        }
    }
    free(records);
    return say(r, filled, "no backup of this tenant, of that time, can be opened there");
}

/* ---- failing ---- */

/* What was made goes, then it is said; a kill in between does it again. */
static HIN_RESULT fail(struct restoring *r)
{
    struct hin_store_options options = place_of(r);
    struct hin_error error = {0};
    struct hin_tenant tenant;
    char detail[560];
    hin_tenant_init(&tenant, &r->cycle->place, r->record->uuid, &r->cycle->keys,
                    HIN_VAULT_FOR_BACKUP, r->cycle->clock);
    HIN_TRY(hin_tenant_restore_end(&tenant));
    HIN_TRY(hin_store_aside_erase(&options, HIN_STORE_NEXT, &error));
    snprintf(detail, sizeof(detail), "restore %s: %s", r->record->guid, r->record->text);
    struct hin_audit audit = {.action = "backup.restore",
                              .outcome = "failed",
                              .actor = HIN_VIEW("backup"),
                              .kind = "tenants",
                              .object = r->record->tenant,
                              .detail = hin_view_from_text(detail)};
    struct hin_store *own = r->cycle->own->store;
    r->record->ended_usec = hin_cycle_now_usec(r->cycle);
    HIN_TRY(hin_store_begin(own));
    struct hin_result told = go_to(r, HIN_RESTORING_FAILED);
    if (hin_is_ok(told)) {
        told = hin_audit_write(r->cycle->own, &audit);
    }
    struct hin_result ended = hin_store_end(own, hin_is_ok(told));
    HIN_TRY(told);
    hin_log(HIN_LOG_ERROR, "tenant %s was not restored: %s", r->record->uuid, r->record->text);
    return ended;
}

static HIN_RESULT give_up(struct restoring *r, struct hin_result why)
{
    if (hin_cycle_is_final(why)) {
        return why; /* it goes on after the next start */
    }
    HIN_TRY(go_to(r, HIN_RESTORING_FAILING));
    return fail(r);
}

/* ---- out of the former ---- */

static HIN_RESULT settle(struct restoring *r)
{
    int64_t until_usec = hin_cycle_monotonic_usec(r->cycle) + SETTLE_USEC;
    struct hin_result settled = hin_fail(HIN_AGAIN);
    while (settled.code == HIN_AGAIN && hin_cycle_monotonic_usec(r->cycle) < until_usec) {
        HIN_TRY(r->cycle->turn(r->cycle->context));
        settled = hin_tenant_restore_settle(&r->subject->tenant, SLICE_USEC);
    }
    return say(r, settled, "a process of the manager keeps the tenant open");
}

static HIN_RESULT note_former(struct restoring *r)
{
    struct hin_restoring *record = r->record;
    struct hin_copy_position position;
    uint64_t revision = 0;
    HIN_TRY(hin_store_copy_position(r->subject->tenant.store, &position));
    HIN_TRY(hin_revision_get(&r->subject->tenant, &revision));
    record->former_revision = (int64_t)revision;
    record->former_event = position.last_event_id;
    record->former_audit = position.audit_number;
    hin_hex(position.audit_hash, sizeof(position.audit_hash), record->former_hash);
    return hin_ok();
}

/* Its end goes into the backups, so that nothing is lost by the restore, and a person whose data is
 * being erased is not brought back by it. */
static HIN_RESULT leave_former(struct restoring *r)
{
    size_t count = 0;
    HIN_TRY(say(r, hin_cycle_wake(r->cycle, r->subject),
                "what the tenant holds now cannot be opened, and so not be kept in the backups "
                "(hinomi-manager restore on the manager's host puts it back all the same)"));
    HIN_TRY(check_persons(r));
    HIN_TRY(say(r, note_former(r), "reading what the tenant holds now"));
    HIN_TRY(say(r, hin_cycle_ship_now(r->cycle, r->subject, &count),
                "putting what the tenant holds now into the backups"));
    /* A whole millisecond after it: who asks for this time gets it. */
    r->record->former_usec = (hin_cycle_now_usec(r->cycle) / HIN_MSEC_USEC + 1) * HIN_MSEC_USEC;
    return count > 0 ? hin_ok()
                     : say(r, hin_fail(HIN_IO),
                           "what the tenant holds now cannot be put into the backups: no "
                           "destination takes it");
}

static HIN_RESULT close_former(struct restoring *r)
{
    struct hin_tenant *tenant = &r->subject->tenant;
    r->record->quiet_usec = hin_cycle_now_usec(r->cycle);
    HIN_TRY(say(r, hin_tenant_restore_begin(tenant), "marking the tenant"));
    hin_tenant_rest(tenant);
    HIN_TRY(settle(r));
    tenant->place.restores = true;
    struct hin_result left = leave_former(r);
    hin_tenant_rest(tenant);
    tenant->place.restores = false;
    return left;
}

static HIN_RESULT do_close(struct restoring *r)
{
    struct hin_result closed = close_former(r);
    return hin_is_ok(closed) ? go_to(r, HIN_RESTORING_EXCHANGING) : give_up(r, closed);
}

/* ---- into its place ---- */

static HIN_RESULT ask_grant(struct restoring *r)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf buf = {.max = 1024};
    struct hin_vault_grant grant = {0};
    uint8_t subject[HIN_SHA256_BYTES];
    HIN_TRY(hin_restoring_subject(r->record, subject));
    HIN_TRY(hin_restoring_tickets(r->record, &buf, &grant));
    grant.subject = hin_view_of(subject, sizeof(subject));
    return hin_keys_restore_grant(&r->cycle->keys, hin_view_from_text(r->record->uuid), &grant);
}

/* A key service that is away for a moment is waited for; a refusal ends it, nothing was done yet.
 */
static bool is_refused(struct hin_result granted)
{
    return granted.code == HIN_DENIED || granted.code == HIN_EXPIRED || granted.code == HIN_AUTH ||
           granted.code == HIN_CORRUPT || granted.code == HIN_UNSUPPORTED;
}

static HIN_RESULT do_exchange(struct restoring *r)
{
    struct hin_store_options options = place_of(r);
    struct hin_error error = {0};
    bool there = false;
    HIN_TRY(hin_store_aside_find(&options, HIN_STORE_NEXT, &there, &error));
    if (there) {
        struct hin_result granted = ask_grant(r);
        if (is_refused(granted)) {
            return give_up(r,
                           say(r, granted, "the key service refuses the consent that was given"));
        }
        HIN_TRY(granted);
        struct hin_result taken = hin_store_aside_take(&options, &error);
        if (!hin_is_ok(taken)) {
            hin_log_result(HIN_LOG_ERROR, taken, "the restored store does not take its place: %s",
                           error.text);
            return taken;
        }
    }
    return go_to(r, HIN_RESTORING_OPENING);
}

static HIN_RESULT open_and_note(struct restoring *r)
{
    struct hin_tenant *tenant = &r->subject->tenant;
    HIN_TRY(hin_cycle_wake(r->cycle, r->subject));
    HIN_TRY(hin_store_index_follow(tenant->store));
    return hin_restoring_note(tenant, r->record);
}

/* A backup of its own is due: what is shipped now stands on one of before. */
static HIN_RESULT tell_done(struct restoring *r)
{
    struct hin_store *own = r->cycle->own->store;
    struct hin_backup_order order = {.task = HIN_BACKUP_TASK_BACKUP,
                                     .state = HIN_BACKUP_ORDER_WAITING,
                                     .tenant = r->record->tenant,
                                     .asked_usec = hin_cycle_now_usec(r->cycle),
                                     .by = "backup"};
    char detail[700];
    hin_restoring_text(r->record, detail, sizeof(detail));
    struct hin_audit audit = {.action = "backup.restore",
                              .outcome = "done",
                              .actor = HIN_VIEW("backup"),
                              .kind = "tenants",
                              .object = r->record->tenant,
                              .detail = hin_view_from_text(detail)};
    HIN_TRY(go_to(r, HIN_RESTORING_DONE));
    HIN_TRY(hin_audit_write(r->cycle->own, &audit));
    return hin_backup_order_write(own, &order, order.asked_usec);
}

static HIN_RESULT finish(struct restoring *r)
{
    struct hin_store *own = r->cycle->own->store;
    r->record->ended_usec = hin_cycle_now_usec(r->cycle);
    r->record->text[0] = '\0';
    HIN_TRY(hin_store_begin(own));
    struct hin_result told = tell_done(r);
    struct hin_result ended = hin_store_end(own, hin_is_ok(told));
    HIN_TRY(told);
    HIN_TRY(ended);
    hin_log(HIN_LOG_NOTICE, "tenant %s was restored: restore %s", r->record->uuid, r->record->guid);
    return hin_ok();
}

static HIN_RESULT do_open(struct restoring *r)
{
    struct hin_tenant *tenant = &r->subject->tenant;
    struct hin_store_options options = place_of(r);
    struct hin_error error = {0};
    tenant->place.restores = true;
    struct hin_result opened = open_and_note(r);
    hin_tenant_rest(tenant);
    tenant->place.restores = false;
    for (size_t i = 0; i < HIN_COUNT(r->subject->chains); i++) {
        hin_cycle_forget(&r->subject->chains[i]); /* the tenant's position is another */
    }
    HIN_TRY(opened);
    /* jobs looks for what waits there: an index key that was rotated since, say. */
    HIN_TRY(hin_person_errand(r->cycle->own, r->record->tenant));
    HIN_TRY(hin_tenant_restore_end(tenant));
    r->record->served_usec = hin_cycle_now_usec(r->cycle);
    HIN_TRY(hin_store_aside_erase(&options, HIN_STORE_REPLACED, &error));
    return finish(r);
}

/* ---- one step ---- */

/* What was filled is closed in the same breath: between them an erasure could be carried out that
 * the store beside knows nothing of. So what was cut off before the exchange is filled anew. */
static HIN_RESULT do_run(struct restoring *r)
{
    HIN_TRY(hin_tenant_restore_end(&r->subject->tenant)); /* of one that was cut off */
    r->record->begun_usec = hin_cycle_now_usec(r->cycle);
    r->record->objects = r->record->objects_all = r->record->read_bytes = 0;
    HIN_TRY(go_to(r, HIN_RESTORING_RUNNING));
    struct hin_result filled = fill_any(r);
    if (!hin_is_ok(filled)) {
        return give_up(r, filled);
    }
    HIN_TRY(go_to(r, HIN_RESTORING_CLOSING));
    return do_close(r);
}

static HIN_RESULT step(struct restoring *r)
{
    if (r->record->state == HIN_RESTORING_FAILING) {
        return fail(r);
    }
    if (r->subject == NULL) { /* whatever stands there opens for nobody any more */
        return give_up(r, say(r, hin_fail(HIN_NOT_FOUND), "the tenant was erased"));
    }
    switch (r->record->state) {
    case HIN_RESTORING_EXCHANGING:
        return do_exchange(r);
    case HIN_RESTORING_OPENING:
        return do_open(r);
    default:
        return do_run(r);
    }
}

/* What only goes forward is tried again at the next turn, and others are served meanwhile; said
 * once. */
static HIN_RESULT wait_for(struct restoring *r, struct hin_result why)
{
    char text[sizeof(r->record->text)];
    snprintf(text, sizeof(text), "goes on by itself: %s", hin_code_text(why.code));
    if (strcmp(text, r->record->text) == 0) {
        return hin_ok();
    }
    hin_log_result(HIN_LOG_WARNING, why, "the restore of tenant %s, %s, waits", r->record->uuid,
                   hin_restoring_state_name(r->record->state));
    snprintf(r->record->text, sizeof(r->record->text), "%s", text);
    return write_down(r);
}

HIN_RESULT hin_backup_cycle_restore(struct hin_backup_cycle *cycle, bool *ret_any)
{
    struct hin_restoring record;
    struct restoring r = {.cycle = cycle, .record = &record, .next = {.lock = -1}};
    struct hin_result found = hin_restoring_next(cycle->own->store, &record);
    *ret_any = false;
    if (found.code == HIN_NOT_FOUND) {
        return hin_ok();
    }
    HIN_TRY(found);
    HIN_TRY(hin_backup_cycle_look(cycle));
    r.subject = hin_cycle_subject(cycle, record.uuid);
    struct hin_result stepped = step(&r);
    if (hin_is_ok(stepped)) {
        *ret_any = true;
        return hin_ok();
    }
    return hin_cycle_is_final(stepped) ? stepped : wait_for(&r, stepped);
}
