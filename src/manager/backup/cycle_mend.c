/* Entries of the catalogue that cannot be read. Each costs itself alone: the others are served, and
 * until it is mended nothing goes that it might be about, since what lies at a destination without
 * an entry is neither destroyed nor swept. It is made anew from the manifest it was about, under
 * its own number; where there is none any more, somebody says that it shall be forgotten. */
#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/log.h"
#include "manager/backup/cycle_internal.h"

#define AGAIN_USEC HIN_HOUR_USEC /* entries that could not be mended are tried again */

/* ---- which there are ---- */

void hin_cycle_drop_damaged(struct hin_backup_cycle *cycle, int64_t number)
{
    size_t kept = 0;
    for (size_t i = 0; i < cycle->damaged_count; i++) {
        if (number >= 0 && cycle->damaged[i].tenant != number) {
            cycle->damaged[kept++] = cycle->damaged[i];
        }
    }
    cycle->damaged_count = kept;
}

HIN_RESULT hin_cycle_add_damaged(struct hin_backup_cycle *cycle,
                                 const struct hin_backup_damaged *damaged)
{
    if (cycle->damaged_count == cycle->damaged_room) {
        size_t room = HIN_MAX(2 * cycle->damaged_room, (size_t)16);
        void *fresh = realloc(cycle->damaged, room * sizeof(*cycle->damaged));
        HIN_ENSURE(fresh != NULL, NO_MEMORY);
        cycle->damaged = fresh;
        cycle->damaged_room = room;
    }
    cycle->damaged[cycle->damaged_count++] = *damaged;
    return hin_ok();
}

void hin_cycle_forget_damaged(struct hin_backup_cycle *cycle, int64_t id)
{
    size_t kept = 0;
    for (size_t i = 0; i < cycle->damaged_count; i++) {
        if (cycle->damaged[i].id != id) {
            cycle->damaged[kept++] = cycle->damaged[i];
        }
    }
    cycle->damaged_count = kept;
}

size_t hin_cycle_damaged(const struct hin_backup_cycle *cycle, int64_t number)
{
    size_t count = 0;
    for (size_t i = 0; i < cycle->damaged_count; i++) {
        const struct hin_backup_damaged *at = &cycle->damaged[i];
        count += !at->settled && (number < 0 || at->tenant == number);
    }
    return count;
}

const struct hin_backup_damaged *hin_cycle_damaged_of(const struct hin_backup_cycle *cycle,
                                                      int64_t number, int64_t begun_usec,
                                                      bool exact)
{
    for (size_t i = 0; i < cycle->damaged_count; i++) {
        const struct hin_backup_damaged *at = &cycle->damaged[i];
        if (!at->settled && at->tenant == number && (!exact || at->created_usec == begun_usec)) {
            return at;
        }
    }
    return NULL;
}

/* ---- mending ---- */

/* *ret_answered false: what lies there is not known. */
static HIN_RESULT mend_at(struct hin_backup_cycle *cycle, const struct hin_backup_subject *subject,
                          size_t at, bool *ret_answered)
{
    struct hin_backup_listed *list = NULL;
    struct hin_backup_record *records = NULL;
    size_t count = 0, record_count = 0;
    *ret_answered = false;
    if (!hin_cycle_may_try(cycle, at)) {
        return hin_ok();
    }
    int64_t since_usec = hin_cycle_try(cycle, at);
    struct hin_result listed =
        hin_backup_list_manifests(cycle->depots[at], subject->tenant.id, &list, &count);
    (void)hin_cycle_saw(cycle, at, since_usec, listed);
    if (!hin_is_ok(listed)) {
        return hin_cycle_is_final(listed) ? listed : hin_ok();
    }
    *ret_answered = true;
    listed = hin_cycle_all_records(cycle, subject->tenant.number, &records, &record_count);
    if (hin_is_ok(listed)) {
        listed = hin_cycle_note(cycle, at, records, record_count, list, count);
    }
    free(list);
    free(records);
    return listed;
}

HIN_RESULT hin_cycle_mend(struct hin_backup_cycle *cycle, const struct hin_backup_subject *subject,
                          size_t *ret_mended, bool *ret_asked)
{
    int64_t number = subject->tenant.number;
    size_t before = hin_cycle_damaged(cycle, number);
    bool asked = true;
    for (size_t i = 0; i < cycle->settings.count; i++) {
        bool answered = false;
        HIN_TRY(mend_at(cycle, subject, i, &answered));
        asked = asked && answered;
    }
    size_t left = hin_cycle_damaged(cycle, number);
    *ret_mended = before - HIN_MIN(left, before);
    *ret_asked = asked;
    if (*ret_mended > 0) {
        hin_log(HIN_LOG_WARNING,
                "%zu damaged entries of the catalogue of tenant %s's backups were made anew from "
                "what lies at the destinations",
                *ret_mended, subject->tenant.id);
    }
    return hin_ok();
}

HIN_RESULT hin_cycle_mend_due(struct hin_backup_cycle *cycle)
{
    int64_t now_usec = hin_cycle_monotonic_usec(cycle);
    bool due = cycle->mended_usec == 0 || now_usec - cycle->mended_usec >= AGAIN_USEC;
    if (hin_cycle_damaged(cycle, -1) == 0 || !due) {
        return hin_ok();
    }
    cycle->mended_usec = now_usec;
    for (struct hin_backup_subject *at = cycle->subjects; at != NULL; at = at->next) {
        size_t mended = 0;
        bool asked = false;
        if (hin_cycle_damaged(cycle, at->tenant.number) > 0) {
            HIN_TRY(hin_cycle_mend(cycle, at, &mended, &asked));
        }
    }
    if (hin_cycle_damaged(cycle, -1) > 0) {
        hin_log(HIN_LOG_ERROR,
                "%zu entries of the catalogue of backups are damaged (hinomi backup list), and "
                "could not be made anew from what lies at the destinations",
                hin_cycle_damaged(cycle, -1));
    }
    return hin_ok();
}

/* ---- forgetting ---- */

static HIN_RESULT refuse(struct hin_backup_cycle *cycle, int64_t id, const char *why,
                         int64_t *ret_failures)
{
    if (cycle->order != NULL) {
        snprintf(cycle->order->text, sizeof(cycle->order->text), "entry %lld %s", (long long)id,
                 why);
    }
    *ret_failures = 1;
    return hin_ok();
}

static bool is_named(const struct hin_backup_record *records, size_t count, int64_t version)
{
    for (size_t i = 0; i < count; i++) {
        if (records[i].version == version) {
            return true;
        }
    }
    return false;
}

/* Keys that still open something, of which no entry knows, so that what the forgotten one was about
 * opens for nobody wherever it may lie. One in force is replaced by one that wraps nothing yet. */
static HIN_RESULT destroy_unnamed(struct hin_backup_cycle *cycle,
                                  const struct hin_backup_subject *subject,
                                  const struct hin_backup_record *records, size_t count)
{
    struct hin_view tenant = hin_view_from_text(subject->tenant.id);
    struct hin_key_provider_status status;
    size_t living = 0;
    HIN_TRY(hin_keys_backup_key_status(&cycle->keys, tenant, &status));
    uint32_t in_force = status.current_version;
    for (size_t i = 0; i < count; i++) {
        living += records[i].version > 0 && records[i].destroyed_usec == 0;
    }
    living += in_force > 0 && !is_named(records, count, in_force);
    for (uint32_t at = in_force; at > 0 && (at == in_force || status.version_count > living);
         at--) {
        if (!is_named(records, count, at)) {
            HIN_TRY(hin_keys_backup_key_destroy(&cycle->keys, tenant, at));
            HIN_TRY(hin_keys_backup_key_status(&cycle->keys, tenant, &status));
        }
    }
    return hin_ok();
}

static HIN_RESULT drop(struct hin_backup_cycle *cycle, const struct hin_backup_damaged *damaged)
{
    struct hin_backup_record record = {.id = damaged->id, .tenant = damaged->tenant};
    HIN_TRY(hin_store_delete(cycle->own->store, HIN_STORE_BACKUPS, damaged->id, 0));
    hin_cycle_forget_damaged(cycle, damaged->id);
    return hin_cycle_audit(cycle, "backup.forget", "done", &record,
                           "its entry in the catalogue was damaged, and nothing lies at a "
                           "destination that it could be made anew from");
}

static struct hin_backup_subject *subject_of(const struct hin_backup_cycle *cycle, int64_t number)
{
    struct hin_backup_subject *at = cycle->subjects;
    while (at != NULL && at->tenant.number != number) {
        at = at->next;
    }
    return at;
}

static bool find_damaged(const struct hin_backup_cycle *cycle, int64_t id,
                         struct hin_backup_damaged *ret_damaged)
{
    for (size_t i = 0; i < cycle->damaged_count; i++) {
        if (cycle->damaged[i].id == id) {
            *ret_damaged = cycle->damaged[i];
            return true;
        }
    }
    return false;
}

/* Which keys are nobody's can be told when it is the only one of its tenant. */
static HIN_RESULT forget_of(struct hin_backup_cycle *cycle,
                            const struct hin_backup_damaged *damaged)
{
    struct hin_backup_subject *subject = subject_of(cycle, damaged->tenant);
    struct hin_backup_record *records = NULL;
    size_t count = 0;
    if (subject != NULL && hin_cycle_damaged(cycle, damaged->tenant) == 1) {
        HIN_TRY(hin_cycle_all_records(cycle, damaged->tenant, &records, &count));
        struct hin_result destroyed = destroy_unnamed(cycle, subject, records, count);
        free(records);
        HIN_TRY(destroyed);
    }
    return drop(cycle, damaged);
}

HIN_RESULT hin_backup_cycle_forget(struct hin_backup_cycle *cycle, int64_t id,
                                   int64_t *ret_failures)
{
    struct hin_backup_record *records = NULL;
    struct hin_backup_damaged damaged;
    size_t count = 0, mended = 0;
    bool asked = true;
    *ret_failures = 0;
    hin_cycle_wake_destinations(cycle);
    HIN_TRY(hin_backup_cycle_look(cycle));
    HIN_TRY(hin_cycle_all_records(cycle, -1, &records, &count));
    free(records);
    if (!find_damaged(cycle, id, &damaged)) {
        return refuse(cycle, id,
                      "is not there, or is not damaged: only what cannot be read is "
                      "forgotten (hinomi backup list)",
                      ret_failures);
    }
    if (damaged.settled) {
        return drop(cycle, &damaged);
    }
    struct hin_backup_subject *subject = subject_of(cycle, damaged.tenant);
    if (subject != NULL) { /* else the tenant is erased, and its keys with it */
        HIN_TRY(hin_cycle_mend(cycle, subject, &mended, &asked));
    }
    if (!find_damaged(cycle, id, &damaged)) {
        return refuse(cycle, id, "was made anew from what lies at a destination, and stays",
                      ret_failures);
    }
    if (!asked) {
        return refuse(cycle, id,
                      "may be about what lies at a destination that does not answer "
                      "(hinomi backup destinations): mend that, or remove it from the "
                      "settings",
                      ret_failures);
    }
    return forget_of(cycle, &damaged);
}
