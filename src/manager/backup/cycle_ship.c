/* What is new, shipped from all tenants to all destinations: first to those that do their work,
 * then to those that failed. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/log.h"
#include "manager/backup/cycle_internal.h"

#define REST_USEC (10 * HIN_SEC_USEC)

static HIN_RESULT ship_at(struct hin_backup_cycle *cycle, struct hin_backup_subject *subject,
                          size_t at, struct hin_backup *backup)
{
    struct hin_backup_chain *chain = &subject->chains[at];
    struct hin_backup_manifest next;
    bool changed = false;
    HIN_TRY(hin_cycle_load(cycle, subject, at));
    struct hin_backup_take take = {.store = subject->tenant.store,
                                   .memory = &subject->memory,
                                   .former = hin_cycle_state(chain),
                                   .base = &chain->base,
                                   .key = &chain->key,
                                   .now_usec = hin_cycle_now_usec(cycle)};
    hin_backup_manifest_init(&next);
    next.begun_usec = chain->base.begun_usec;
    next.sequence = chain->sequence + 1;
    struct hin_result shipped = hin_buf_append(&next.payload, hin_buf_view(&chain->base.payload));
    if (hin_is_ok(shipped)) {
        shipped = hin_backup_take(backup, &take, &next, &changed);
    }
    if (!hin_is_ok(shipped) || !changed) {
        hin_backup_manifest_done(&next);
        chain->shipped_usec = hin_is_ok(shipped) ? take.now_usec : chain->shipped_usec;
        return shipped;
    }
    if (chain->shipped) {
        hin_backup_manifest_done(&chain->state);
    }
    chain->state = next;
    chain->shipped = true;
    chain->sequence++;
    chain->shipped_usec = take.now_usec;
    return hin_ok();
}

/* Nothing was written, so there is nothing to ship: a look at the files' time. A server shows none.
 */
static bool was_touched(struct hin_backup_subject *subject)
{
    char name[64];
    struct stat info;
    if (subject->tenant.place.server != NULL) {
        return true;
    }
    snprintf(name, sizeof(name), "%s.db-wal", subject->tenant.id);
    if (fstatat(subject->tenant.place.directory, name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
        return false;
    }
    bool touched = info.st_mtim.tv_sec != subject->stamp.tv_sec ||
                   info.st_mtim.tv_nsec != subject->stamp.tv_nsec;
    subject->stamp = info.st_mtim;
    return touched;
}

static void note_shipped(struct hin_backup_cycle *cycle, struct hin_backup_subject *subject,
                         size_t at, struct hin_backup *backup, struct hin_result shipped)
{
    struct hin_backup_stand *stand = &subject->stands[at];
    int64_t since_usec = stand->tried_usec;
    stand->lacking = shipped.code == HIN_NOT_FOUND;
    if (hin_is_ok(shipped)) {
        stand->safe_usec = since_usec;
        stand->behind = stand->failed = false;
        stand->text[0] = '\0';
        subject->unshipped_usec = 0;
        hin_cycle_saw_pace(cycle, at, since_usec, backup->progress.bytes);
        return;
    }
    bool blamed = hin_cycle_saw(cycle, at, since_usec, shipped);
    bool news = stand->text[0] == '\0';
    stand->failed = blamed || hin_cycle_is_damage(shipped); /* else it is the tenant's store */
    if (stand->lacking && !blamed) {
        (void)hin_cycle_saw(cycle, at, since_usec, hin_ok()); /* it answers: there is none */
        return;
    }
    if (blamed) {
        stand->lacking = false; /* not known */
        snprintf(stand->text, sizeof(stand->text), "%s", hin_cycle_trouble(cycle, at));
    } else {
        hin_cycle_describe(backup, shipped, stand->text, sizeof(stand->text));
    }
    if (news) { /* it is tried again and again */
        hin_log(HIN_LOG_WARNING, "what is new of tenant %s was not shipped to %s: %s",
                subject->tenant.id, cycle->settings.destinations[at].name, stand->text);
    }
    hin_cycle_forget(&subject->chains[at]); /* as it lies there, the next time */
}

/* Answers only what ends all. */
static HIN_RESULT ship_to(struct hin_backup_cycle *cycle, struct hin_backup_subject *subject,
                          size_t at)
{
    const struct hin_backup_subject *hurried = cycle->hurried; /* of what this comes between */
    struct hin_backup backup = hin_cycle_handle(cycle, subject, at);
    int64_t begun_usec = hin_cycle_monotonic_usec(cycle);
    subject->stands[at].tried_usec = hin_cycle_try(cycle, at);
    struct hin_result shipped = hin_cycle_wake(cycle, subject);
    if (hin_is_ok(shipped)) {
        shipped = ship_at(cycle, subject, at, &backup);
    }
    if (hin_cycle_is_final(shipped)) {
        return shipped;
    }
    note_shipped(cycle, subject, at, &backup, shipped);
    subject->ship_took_usec = hin_cycle_monotonic_usec(cycle) - begun_usec;
    cycle->hurried = hurried;
    return hin_ok();
}

static void note_due(struct hin_backup_cycle *cycle, struct hin_backup_subject *subject)
{
    bool touched = was_touched(subject);
    subject->shipped_usec = hin_cycle_monotonic_usec(cycle);
    for (size_t i = 0; i < cycle->settings.count; i++) {
        struct hin_backup_stand *stand = &subject->stands[i];
        stand->behind |= touched || stand->safe_usec == 0;
        if (!stand->behind) {
            stand->safe_usec = subject->shipped_usec;
            subject->unshipped_usec = 0;
        }
    }
}

static bool is_folder(const struct hin_backup_cycle *cycle, size_t at)
{
    const char *url = cycle->settings.destinations[at].url;
    return strncmp(url, "file://", sizeof("file://") - 1) == 0;
}

/* One place after the other, those here first: what falls silent then has the others served. */
static HIN_RESULT ship_good(struct hin_backup_cycle *cycle, bool folders)
{
    for (size_t i = 0; i < cycle->settings.count; i++) {
        struct hin_backup_subject *at = is_folder(cycle, i) == folders ? cycle->subjects : NULL;
        for (; at != NULL && !hin_cycle_is_failing(cycle, i); at = at->next) {
            if (at->due && at->stands[i].behind) {
                HIN_TRY(ship_to(cycle, at, i));
            }
        }
    }
    return hin_ok();
}

/* One that waits longest; NULL: none that was not tried since. */
static struct hin_backup_subject *longest_behind(struct hin_backup_cycle *cycle, size_t at,
                                                 int64_t since_usec)
{
    struct hin_backup_subject *found = NULL;
    for (struct hin_backup_subject *i = cycle->subjects; i != NULL; i = i->next) {
        const struct hin_backup_stand *stand = &i->stands[at];
        if (i != cycle->busy && stand->behind && stand->tried_usec < since_usec &&
            (found == NULL || stand->tried_usec < found->stands[at].tried_usec)) {
            found = i;
        }
    }
    return found;
}

/* After the others, so that these wait for nobody. What is silent again ends it; one that answers
 * gets all that it missed. */
static HIN_RESULT ship_failing(struct hin_backup_cycle *cycle, size_t at)
{
    int64_t since_usec = hin_cycle_monotonic_usec(cycle);
    struct hin_backup_subject *subject = longest_behind(cycle, at, since_usec);
    while (subject != NULL && hin_cycle_may_try(cycle, at)) {
        HIN_TRY(ship_to(cycle, subject, at));
        subject = longest_behind(cycle, at, since_usec);
    }
    return hin_ok();
}

/* What a shipment holds is safe when it has ended, and the next one must have before the first
 * thing that came after is older than the time that was set: it begins so much earlier. */
static int64_t ship_rest_usec(const struct hin_backup_cycle *cycle,
                              const struct hin_backup_subject *subject)
{
    int64_t every_usec = cycle->settings.ship_seconds * HIN_SEC_USEC;
    return every_usec - HIN_MIN(every_usec / 2, every_usec / 10 + 2 * subject->ship_took_usec);
}

static void begin_round(struct hin_backup_cycle *cycle, bool all)
{
    for (struct hin_backup_subject *at = cycle->subjects; at != NULL; at = at->next) {
        int64_t now_usec = hin_cycle_monotonic_usec(cycle);
        at->due = at != cycle->busy && /* its store is being read */
                  (all || (cycle->settings.ship_seconds > 0 &&
                           now_usec - at->shipped_usec >= ship_rest_usec(cycle, at)));
        at->due = at->due && !hin_tenant_is_restored(&at->tenant);
        if (at->due) {
            note_due(cycle, at);
        }
    }
}

static void end_round(struct hin_backup_cycle *cycle)
{
    int64_t now_usec = hin_cycle_monotonic_usec(cycle);
    for (struct hin_backup_subject *at = cycle->subjects; at != NULL; at = at->next) {
        if (at != cycle->subjects && at != cycle->busy && now_usec - at->used_usec > REST_USEC) {
            hin_tenant_rest(&at->tenant);
        }
    }
}

static HIN_RESULT ship_round(struct hin_backup_cycle *cycle, bool all)
{
    begin_round(cycle, all);
    HIN_TRY(ship_good(cycle, true));
    HIN_TRY(ship_good(cycle, false));
    for (size_t i = 0; i < cycle->settings.count; i++) {
        bool ships = (all || cycle->settings.ship_seconds > 0) && cycle->busy == NULL;
        if (ships && hin_cycle_is_failing(cycle, i) && hin_cycle_may_try(cycle, i)) {
            HIN_TRY(ship_failing(cycle, i));
        }
    }
    end_round(cycle);
    return hin_ok();
}

HIN_RESULT hin_backup_cycle_ship(struct hin_backup_cycle *cycle, bool all)
{
    if (cycle->shipping) {
        return hin_ok();
    }
    cycle->shipping = true;
    struct hin_result shipped = ship_round(cycle, all);
    cycle->shipping = false;
    return shipped;
}

HIN_RESULT hin_cycle_ship_now(struct hin_backup_cycle *cycle, struct hin_backup_subject *subject,
                              size_t *ret_count)
{
    bool shipping = cycle->shipping;
    struct hin_result shipped = hin_ok();
    *ret_count = 0;
    cycle->shipping = true; /* nothing else between */
    for (size_t i = 0; hin_is_ok(shipped) && i < cycle->settings.count; i++) {
        if (cycle->depots[i] != NULL) {
            shipped = ship_to(cycle, subject, i);
            *ret_count += hin_is_ok(shipped) && !subject->stands[i].failed;
        }
    }
    cycle->shipping = shipping;
    return shipped;
}
