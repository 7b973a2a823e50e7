/* What is in a bad way, by what this process saw and by the catalogue: see alerts.h. A trouble that
 * stands in the store and of which nothing was seen yet since the start goes on standing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/log.h"
#include "manager/backup/alerts.h"
#include "manager/backup/cycle_internal.h"
#include "manager/backup/rehearsals.h"

#define EVERY_USEC   (2 * HIN_SEC_USEC)
#define DRILLS_USEC  (10 * HIN_MINUTE_USEC)
#define LATE_GRACE   8 /* by this share of everyHours a backup is late */
#define LATE_REST    24
#define STUCK_FACTOR 4  /* a tenant that does not get to a destination which others get to */
#define TOLD_MOST    64 /* tenants, in one round: the others in the next ones */

struct judging {
    struct hin_backup_cycle *cycle;
    struct hin_backup_alert *standing;
    size_t count;
    int64_t now_usec, monotonic_usec;
    size_t told;
    bool within;
};

/* What a rule says of one thing. */
struct verdict {
    bool wanted;
    bool known; /* not wanted: it is over, not merely unseen */
    char text[400];
};

/* ---- reconciling ---- */

static struct hin_backup_alert *find(struct judging *judging, const struct hin_backup_alert *alert)
{
    for (size_t i = 0; i < judging->count; i++) {
        if (hin_backup_alert_same(&judging->standing[i], alert)) {
            return &judging->standing[i];
        }
    }
    return NULL;
}

/* The tenant's store, awake; NULL: it is told nothing (the own: all of them are told there). */
static struct hin_tenant *wake(struct judging *judging, struct hin_backup_subject *subject)
{
    if (subject == NULL || subject == judging->cycle->subjects ||
        !hin_is_ok(hin_cycle_wake(judging->cycle, subject))) {
        return NULL;
    }
    return &subject->tenant;
}

static HIN_RESULT change(struct judging *judging, struct hin_backup_subject *subject,
                         struct hin_backup_alert *alert, bool over)
{
    struct hin_backup_cycle *cycle = judging->cycle;
    if (subject != NULL && (judging->within || judging->told++ >= TOLD_MOST)) {
        return hin_ok();
    }
    if (subject == NULL) { /* it names the first of several */
        hin_log(over ? HIN_LOG_INFO : HIN_LOG_ERROR, "%s%s: %s", over ? "over: " : "",
                hin_backup_alert_name(alert->kind), alert->text);
    }
    struct hin_tenant *tenant = wake(judging, subject);
    return over ? hin_backup_alert_end(cycle->own, tenant, alert, judging->now_usec)
                : hin_backup_alert_begin(cycle->own, tenant, alert, judging->now_usec);
}

static HIN_RESULT settle(struct judging *judging, struct hin_backup_subject *subject,
                         struct hin_backup_alert *alert, const struct verdict *verdict)
{
    struct hin_backup_alert *standing = find(judging, alert);
    if (standing == NULL) {
        snprintf(alert->text, sizeof(alert->text), "%s", verdict->text);
        return verdict->wanted ? change(judging, subject, alert, false) : hin_ok();
    }
    if (!verdict->wanted) {
        return verdict->known ? change(judging, subject, standing, true) : hin_ok();
    }
    if (strcmp(standing->text, verdict->text) == 0) {
        return hin_ok();
    }
    snprintf(standing->text, sizeof(standing->text), "%s", verdict->text);
    return hin_backup_alert_reword(judging->cycle->own, standing, judging->now_usec);
}

/* ---- of a tenant ---- */

static struct verdict judge_failed(const struct judging *judging,
                                   const struct hin_backup_subject *subject)
{
    struct verdict verdict = {.wanted = subject->failed, .known = subject->known};
    (void)judging;
    snprintf(verdict.text, sizeof(verdict.text), "the backup of tenant %s was made nowhere: %s",
             subject->tenant.id, subject->text);
    return verdict;
}

/* By the wall clock; and for some time while this process runs, so that one that is made at once
 * after a day without the manager is no news. */
static void mark_late(const struct judging *judging, struct hin_backup_subject *subject)
{
    int64_t every_usec = judging->cycle->settings.every_hours * HIN_HOUR_USEC;
    int64_t since_usec = subject->newest_usec != 0 ? subject->newest_usec : subject->first_usec;
    bool late = subject->known && since_usec != 0 &&
                judging->now_usec - since_usec > every_usec + every_usec / LATE_GRACE;
    if (!late) {
        subject->late_usec = 0;
    } else if (subject->late_usec == 0) {
        subject->late_usec = judging->monotonic_usec;
    }
}

static struct verdict judge_late(const struct judging *judging,
                                 const struct hin_backup_subject *subject)
{
    int64_t every_usec = judging->cycle->settings.every_hours * HIN_HOUR_USEC;
    struct verdict verdict = {.known = subject->known && subject->late_usec == 0};
    verdict.wanted = subject->late_usec != 0 &&
                     judging->monotonic_usec - subject->late_usec >= every_usec / LATE_REST;
    snprintf(verdict.text, sizeof(verdict.text),
             "no backup of tenant %s was made when one was due (everyHours is %u)",
             subject->tenant.id, judging->cycle->settings.every_hours);
    return verdict;
}

static int64_t safe_usec(const struct hin_backup_subject *subject)
{
    int64_t safe = 0;
    for (size_t i = 0; i < HIN_COUNT(subject->stands); i++) {
        safe = HIN_MAX(safe, subject->stands[i].safe_usec);
    }
    return safe;
}

/* A shipment that should have been made since is late when what may be lost by it is too old. */
static void mark_unshipped(const struct judging *judging, struct hin_backup_subject *subject)
{
    const struct hin_backup_settings *settings = &judging->cycle->settings;
    int64_t safe = safe_usec(subject);
    int64_t since_usec = safe != 0 ? safe : subject->met_usec;
    bool behind = settings->ship_seconds > 0 && subject->newest_usec != 0 &&
                  judging->monotonic_usec - since_usec > settings->ship_seconds * HIN_SEC_USEC;
    if (!behind) {
        subject->unshipped_usec = 0;
    } else if (subject->unshipped_usec == 0) {
        subject->unshipped_usec = judging->monotonic_usec;
    }
}

static struct verdict judge_unshipped(const struct judging *judging,
                                      const struct hin_backup_subject *subject)
{
    const struct hin_backup_settings *settings = &judging->cycle->settings;
    int64_t late_usec = judging->monotonic_usec - subject->unshipped_usec;
    struct verdict verdict = {0};
    verdict.wanted =
        subject->unshipped_usec != 0 && late_usec >= settings->lose_seconds * HIN_SEC_USEC;
    verdict.known =
        settings->ship_seconds == 0 || (subject->unshipped_usec == 0 && safe_usec(subject) != 0);
    snprintf(verdict.text, sizeof(verdict.text),
             "what is new of tenant %s lies at no destination for longer than %u s (loseSeconds)",
             subject->tenant.id, settings->lose_seconds);
    return verdict;
}

static const struct rule {
    enum hin_backup_alert_kind kind;
    struct verdict (*judge)(const struct judging *judging,
                            const struct hin_backup_subject *subject);
} rules[] = {
    {HIN_BACKUP_ALERT_FAILED, judge_failed},
    {HIN_BACKUP_ALERT_LATE, judge_late},
    {HIN_BACKUP_ALERT_UNSHIPPED, judge_unshipped},
};

static HIN_RESULT settle_lost(struct judging *judging, struct hin_backup_subject *subject,
                              size_t at)
{
    const struct hin_backup_look *look = &subject->stands[at].look;
    struct verdict verdict = {.wanted = look->lost_usec != 0, .known = true};
    struct hin_backup_alert alert = {.kind = HIN_BACKUP_ALERT_LOST,
                                     .tenant = subject->tenant.number};
    snprintf(alert.destination, sizeof(alert.destination), "%s",
             judging->cycle->settings.destinations[at].name);
    snprintf(verdict.text, sizeof(verdict.text), "at %s, of tenant %s: %s", alert.destination,
             subject->tenant.id, look->text);
    return settle(judging, subject, &alert, &verdict);
}

static HIN_RESULT judge_tenant(struct judging *judging, struct hin_backup_subject *subject)
{
    mark_unshipped(judging, subject);
    mark_late(judging, subject);
    for (size_t i = 0; i < HIN_COUNT(rules); i++) {
        struct hin_backup_alert alert = {.kind = rules[i].kind, .tenant = subject->tenant.number};
        struct verdict verdict = rules[i].judge(judging, subject);
        HIN_TRY(settle(judging, subject, &alert, &verdict));
    }
    for (size_t i = 0; i < judging->cycle->settings.count; i++) {
        HIN_TRY(settle_lost(judging, subject, i));
    }
    return hin_ok();
}

/* ---- of all of them together ---- */

static HIN_RESULT judge_together(struct judging *judging, const struct rule *rule)
{
    struct verdict all = {.known = true};
    struct verdict first = {0};
    struct hin_backup_alert alert = {.kind = rule->kind, .tenant = HIN_BACKUP_ALERT_ALL};
    size_t count = 0;
    for (const struct hin_backup_subject *at = judging->cycle->subjects; at != NULL;
         at = at->next) {
        struct verdict one = rule->judge(judging, at);
        first = one.wanted && count == 0 ? one : first;
        count += one.wanted;
        all.known = all.known && one.known;
    }
    all.wanted = count > 0;
    if (count > 1) {
        snprintf(all.text, sizeof(all.text), "%zu tenants; of one: %.360s", count, first.text);
    } else {
        snprintf(all.text, sizeof(all.text), "%s", first.text);
    }
    return settle(judging, NULL, &alert, &all);
}

/* Not over as long as one of them has yet to be read: a folder that is empty has lost what lay
 * there of all of them, and gets one after the other back. */
static HIN_RESULT judge_lost_at(struct judging *judging, size_t at)
{
    struct verdict all = {.known = true};
    struct hin_backup_alert alert = {.kind = HIN_BACKUP_ALERT_LOST, .tenant = HIN_BACKUP_ALERT_ALL};
    const char *name = judging->cycle->settings.destinations[at].name;
    size_t count = 0;
    snprintf(alert.destination, sizeof(alert.destination), "%s", name);
    for (const struct hin_backup_subject *i = judging->cycle->subjects; i != NULL; i = i->next) {
        const struct hin_backup_look *look = &i->stands[at].look;
        all.known = all.known && !i->stands[at].lacking && !i->stands[at].unread;
        if (look->lost_usec != 0 && count++ == 0) {
            snprintf(all.text, sizeof(all.text), "%s: of tenant %s: %s", name, i->tenant.id,
                     look->text);
        }
    }
    all.wanted = count > 0;
    return settle(judging, NULL, &alert, &all);
}

/* ---- of a destination ---- */

/* A tenant of which nothing gets there, though the destination does its work. */
static const struct hin_backup_subject *find_stuck(const struct judging *judging, size_t at)
{
    const struct hin_backup_settings *settings = &judging->cycle->settings;
    int64_t most_usec =
        STUCK_FACTOR * (int64_t)(settings->ship_seconds + settings->lose_seconds) * HIN_SEC_USEC;
    for (const struct hin_backup_subject *i = judging->cycle->subjects;
         i != NULL && settings->ship_seconds > 0; i = i->next) {
        const struct hin_backup_stand *stand = &i->stands[at];
        int64_t since_usec = stand->safe_usec != 0 ? stand->safe_usec : i->met_usec;
        if (i->newest_usec != 0 && stand->failed &&
            judging->monotonic_usec - since_usec > most_usec) {
            return i;
        }
    }
    return NULL;
}

/* What was missed has got there. */
static bool has_caught_up(const struct judging *judging, size_t at)
{
    bool ships = judging->cycle->settings.ship_seconds > 0;
    for (const struct hin_backup_subject *i = judging->cycle->subjects; i != NULL; i = i->next) {
        const struct hin_backup_stand *stand = &i->stands[at];
        bool lacks = ships && stand->safe_usec == 0 && safe_usec(i) != 0;
        if (i->newest_usec != 0 && (stand->failed || lacks)) {
            return false;
        }
    }
    return true;
}

static HIN_RESULT judge_destination(struct judging *judging, size_t at)
{
    const struct hin_backup_cycle *cycle = judging->cycle;
    const struct hin_backup_standing *standing = &cycle->standings[at];
    const char *name = cycle->settings.destinations[at].name;
    const struct hin_backup_subject *stuck = find_stuck(judging, at);
    int64_t lose_usec = cycle->settings.lose_seconds * HIN_SEC_USEC;
    int64_t rest_usec = 2 * (int64_t)cycle->settings.ship_seconds * HIN_SEC_USEC;
    struct hin_backup_alert alert = {.kind = HIN_BACKUP_ALERT_DESTINATION,
                                     .tenant = HIN_BACKUP_ALERT_ALL};
    struct verdict verdict = {0};
    bool failing = hin_cycle_is_failing(cycle, at);
    bool long_enough = cycle->depots[at] == NULL || standing->grave ||
                       judging->monotonic_usec - standing->failing_usec >= lose_usec;
    snprintf(alert.destination, sizeof(alert.destination), "%s", name);
    verdict.wanted = (failing && long_enough) || (!failing && stuck != NULL);
    verdict.known = !failing && has_caught_up(judging, at) && standing->good_usec != 0 &&
                    judging->monotonic_usec - standing->good_usec >= rest_usec;
    if (failing) {
        snprintf(verdict.text, sizeof(verdict.text), "%s: %s", name, hin_cycle_trouble(cycle, at));
    } else if (stuck != NULL) {
        snprintf(verdict.text, sizeof(verdict.text),
                 "%s: what is new of tenant %s does not get there: %s", name, stuck->tenant.id,
                 stuck->stands[at].lacking ? "it has no backup of it" : stuck->stands[at].text);
    }
    return settle(judging, NULL, &alert, &verdict);
}

/* ---- the clock, the drill, what is no more ---- */

static HIN_RESULT judge_clock(struct judging *judging)
{
    const struct hin_backup_cycle *cycle = judging->cycle;
    struct hin_backup_alert alert = {.kind = HIN_BACKUP_ALERT_CLOCK,
                                     .tenant = HIN_BACKUP_ALERT_ALL};
    struct verdict verdict = {.wanted = cycle->clocks_known && !cycle->clocks_agree,
                              .known = cycle->clocks_known};
    snprintf(verdict.text, sizeof(verdict.text),
             "no backup is destroyed in its time: this host's clock is %s of the time that has "
             "passed by more than a day; set it if it is wrong, else it passes by itself",
             cycle->apart_usec > 0 ? "ahead" : "behind");
    return settle(judging, NULL, &alert, &verdict);
}

/* A year after the first backup, without one that counts. */
static HIN_RESULT look_for_drill(struct judging *judging)
{
    struct hin_backup_cycle *cycle = judging->cycle;
    struct hin_drill drill;
    int64_t first_usec = 0;
    if (cycle->drills_usec != 0 && judging->monotonic_usec - cycle->drills_usec < DRILLS_USEC) {
        return hin_ok();
    }
    cycle->drills_usec = judging->monotonic_usec;
    for (const struct hin_backup_subject *at = cycle->subjects; at != NULL; at = at->next) {
        bool earlier = at->first_usec != 0 && (first_usec == 0 || at->first_usec < first_usec);
        first_usec = earlier ? at->first_usec : first_usec;
    }
    struct hin_result found = hin_drill_last(cycle->own->store, judging->now_usec, &drill);
    HIN_ENSURE(hin_is_ok(found) || found.code == HIN_NOT_FOUND, IO);
    cycle->drill_due =
        !hin_is_ok(found) && first_usec != 0 && judging->now_usec - first_usec > HIN_DRILL_USEC;
    return hin_ok();
}

static HIN_RESULT judge_drill(struct judging *judging)
{
    struct hin_backup_alert alert = {.kind = HIN_BACKUP_ALERT_DRILL,
                                     .tenant = HIN_BACKUP_ALERT_ALL};
    HIN_TRY(look_for_drill(judging));
    struct verdict verdict = {.wanted = judging->cycle->drill_due,
                              .known = judging->cycle->subjects->known};
    snprintf(verdict.text, sizeof(verdict.text),
             "no drill of the last year counts: hinomi-manager drill, then hinomi backup drill "
             "record and sign");
    return settle(judging, NULL, &alert, &verdict);
}

static bool is_no_more(const struct judging *judging, const struct hin_backup_alert *alert)
{
    const struct hin_backup_settings *settings = &judging->cycle->settings;
    bool tenant = alert->tenant == HIN_BACKUP_ALERT_ALL, place = alert->destination[0] == '\0';
    for (const struct hin_backup_subject *at = judging->cycle->subjects; at != NULL;
         at = at->next) {
        tenant = tenant || at->tenant.number == alert->tenant;
    }
    for (size_t i = 0; i < settings->count; i++) {
        place = place || strcmp(settings->destinations[i].name, alert->destination) == 0;
    }
    return !tenant || !place;
}

static HIN_RESULT end_what_is_no_more(struct judging *judging)
{
    for (size_t i = 0; i < judging->count; i++) {
        if (is_no_more(judging, &judging->standing[i])) {
            HIN_TRY(hin_backup_alert_end(judging->cycle->own, NULL, &judging->standing[i],
                                         judging->now_usec));
            judging->standing[i].kind = HIN_BACKUP_ALERT_COUNT; /* not twice */
        }
    }
    return hin_ok();
}

/* ---- all ---- */

static HIN_RESULT judge_all(struct judging *judging)
{
    struct hin_backup_cycle *cycle = judging->cycle;
    HIN_TRY(end_what_is_no_more(judging));
    for (struct hin_backup_subject *at = cycle->subjects; at != NULL; at = at->next) {
        struct hin_result judged = judge_tenant(judging, at);
        if (hin_cycle_is_final(judged)) {
            return judged;
        }
        if (!hin_is_ok(judged)) { /* again in the next round */
            hin_log_result(HIN_LOG_WARNING, judged, "telling tenant %s of its backups",
                           at->tenant.id);
        }
    }
    for (size_t i = 0; cycle->settings.count > 0 && i < HIN_COUNT(rules); i++) {
        HIN_TRY(judge_together(judging, &rules[i]));
    }
    for (size_t i = 0; i < cycle->settings.count; i++) {
        HIN_TRY(judge_destination(judging, i));
        HIN_TRY(judge_lost_at(judging, i));
    }
    HIN_TRY(judge_clock(judging));
    return judge_drill(judging);
}

static HIN_RESULT alert(struct hin_backup_cycle *cycle, bool within)
{
    struct judging judging = {.cycle = cycle,
                              .now_usec = hin_cycle_now_usec(cycle),
                              .monotonic_usec = hin_cycle_monotonic_usec(cycle),
                              .within = within};
    bool recent =
        cycle->alerted_usec != 0 && judging.monotonic_usec - cycle->alerted_usec < EVERY_USEC;
    if (cycle->alerting || (within && recent)) {
        return hin_ok();
    }
    cycle->alerted_usec = judging.monotonic_usec;
    cycle->alerting = true;
    struct hin_result judged =
        hin_backup_alerts_read(cycle->own->store, &judging.standing, &judging.count);
    if (hin_is_ok(judged)) {
        judged = judge_all(&judging);
    }
    free(judging.standing);
    cycle->alerting = false;
    return judged;
}

HIN_RESULT hin_cycle_alert_within(struct hin_backup_cycle *cycle)
{
    return alert(cycle, true);
}

HIN_RESULT hin_backup_cycle_alert(struct hin_backup_cycle *cycle)
{
    return alert(cycle, false);
}

int64_t hin_backup_cycle_failing_for(struct hin_backup_cycle *cycle)
{
    struct hin_backup_alert *standing = NULL;
    size_t count = 0;
    int64_t longest_usec = 0;
    if (!hin_is_ok(hin_backup_alerts_read(cycle->own->store, &standing, &count))) {
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        if (standing[i].kind == HIN_BACKUP_ALERT_DESTINATION) {
            longest_usec =
                HIN_MAX(longest_usec, hin_cycle_now_usec(cycle) - standing[i].since_usec);
        }
    }
    free(standing);
    return longest_usec;
}
