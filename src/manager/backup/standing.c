/* How destinations fare. One that fails rests: a silent one costs half a minute a call, and the
 * others wait for this process meanwhile. */
#include <stdio.h>

#include "base/bytes.h"
#include "manager/backup/cycle_internal.h"

#define REST_MAX_USEC (5 * HIN_MINUTE_USEC)
#define REST_FACTOR   4 /* so a failing one has a fifth of the time at most */
#define SLOW_RATE     ((uint64_t)256 << 10)

bool hin_cycle_is_failing(const struct hin_backup_cycle *cycle, size_t at)
{
    return cycle->depots[at] == NULL || cycle->standings[at].failing_usec != 0;
}

bool hin_cycle_may_try(const struct hin_backup_cycle *cycle, size_t at)
{
    return cycle->depots[at] != NULL &&
           hin_cycle_monotonic_usec(cycle) >= cycle->standings[at].again_usec;
}

const char *hin_cycle_trouble(const struct hin_backup_cycle *cycle, size_t at)
{
    const char *text = cycle->depots[at] == NULL ? cycle->troubles[at] : cycle->standings[at].text;
    return text[0] != '\0' ? text : "it is out of reach";
}

void hin_cycle_wake_destinations(struct hin_backup_cycle *cycle)
{
    for (size_t i = 0; i < cycle->settings.count; i++) {
        cycle->standings[i].again_usec = 0;
    }
}

int64_t hin_cycle_try(struct hin_backup_cycle *cycle, size_t at)
{
    hin_depot_clear_error(cycle->depots[at]);
    return hin_cycle_monotonic_usec(cycle);
}

/* Else it is the tenant's store, a key, or what lies there that is amiss. An engine may make an IO
 * of what the depot named better. */
static bool is_destinations(const struct hin_backup_cycle *cycle, size_t at,
                            struct hin_result result)
{
    const struct hin_error *error = hin_depot_error(cycle->depots[at]);
    bool missing = error->code == HIN_NOT_FOUND || error->code == HIN_EXISTS;
    bool it = error->code == result.code || (result.code == HIN_IO && !missing);
    return it && error->text[0] != '\0' && result.code != HIN_EXISTS && result.code != HIN_CORRUPT;
}

static void fail(struct hin_backup_cycle *cycle, size_t at, int64_t since_usec)
{
    struct hin_backup_standing *standing = &cycle->standings[at];
    int64_t now_usec = hin_cycle_monotonic_usec(cycle);
    int64_t least_usec = HIN_MAX(cycle->settings.ship_seconds, 1U) * HIN_SEC_USEC;
    int64_t rest_usec = HIN_MAX(REST_FACTOR * (now_usec - since_usec), least_usec);
    standing->again_usec = now_usec + HIN_MIN(rest_usec, REST_MAX_USEC);
    standing->failing_usec = standing->failing_usec != 0 ? standing->failing_usec : since_usec;
    standing->good_usec = 0;
}

bool hin_cycle_saw(struct hin_backup_cycle *cycle, size_t at, int64_t since_usec,
                   struct hin_result result)
{
    struct hin_backup_standing *standing = &cycle->standings[at];
    int64_t now_usec = hin_cycle_monotonic_usec(cycle);
    if (hin_is_ok(result)) {
        standing->good_usec = standing->good_usec != 0 ? standing->good_usec : now_usec;
        standing->failing_usec = standing->again_usec = 0;
        standing->grave = false;
        standing->text[0] = '\0';
        return false;
    }
    if (hin_cycle_is_final(result) || !is_destinations(cycle, at, result)) {
        return false;
    }
    char text[1200];
    hin_error_format(hin_depot_error(cycle->depots[at]), text, sizeof(text));
    snprintf(standing->text, sizeof(standing->text), "%.230s", text);
    fail(cycle, at, since_usec);
    return true;
}

void hin_cycle_saw_pace(struct hin_backup_cycle *cycle, size_t at, int64_t since_usec,
                        uint64_t bytes)
{
    int64_t took_usec = hin_cycle_monotonic_usec(cycle) - since_usec;
    uint64_t seconds = (uint64_t)(took_usec / HIN_SEC_USEC);
    uint32_t most = HIN_MAX(cycle->settings.ship_seconds, cycle->settings.lose_seconds);
    if (seconds <= most || bytes >= seconds * SLOW_RATE || cycle->settings.bytes_per_second > 0) {
        (void)hin_cycle_saw(cycle, at, since_usec, hin_ok());
        return;
    }
    snprintf(cycle->standings[at].text, sizeof(cycle->standings[at].text),
             "it is slow: %llu KiB took %llu s, and %u s are the target (look at the way there and "
             "at its disk)",
             (unsigned long long)(bytes >> 10), (unsigned long long)seconds, most);
    fail(cycle, at, since_usec);
}
