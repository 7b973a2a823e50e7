/* What the catalogue of backups says of the promises made about them. The process `backup` writes
 * it; that what it says is true is shown by each week's restore and by drills. */
#include <string.h>

#include "base/bytes.h"
#include "data/json.h"
#include "manager/backup/rehearsals.h"
#include "manager/probe/probes.h"

/* For what comes round by schedule. What is late is seen on the day that it was due: these probes
 * look each twelve hours. */
#define GRACE_USEC   (6 * HIN_HOUR_USEC)
#define CADENCE_USEC (HIN_DAY_USEC / 2)
#define LEFT_USEC    HIN_DAY_USEC /* until what lies at a place that may be away is removed */

/* ---- what there is ---- */

struct place {
    char name[HIN_BACKUP_NAME_MAX], region[HIN_DEPOT_REGION_MAX];
};

struct look { /* at all backups of all tenants */
    const struct hin_probe_tools *tools;
    struct hin_trial *trial;
    int64_t now_usec;
    bool set, agree; /* the process has run; its two clocks agree */
    int64_t keep_usec, every_usec;
    struct place places[HIN_BACKUP_DESTINATIONS_MAX];
    size_t place_count;
    /* of the tenant that is looked at */
    int64_t tenant;
    struct hin_backup_record newest; /* that was made; begun_usec 0: none */
    int64_t first_usec;              /* when the first one was begun that the catalogue has */
    int64_t seen;                    /* of all tenants, where all are looked at at once */
};

static HIN_RESULT read_place(struct look *look, struct hin_json destination)
{
    struct place *place = &look->places[look->place_count++];
    struct hin_view name, region = HIN_VIEW_EMPTY;
    HIN_TRY(hin_json_get_text(destination, "name", &name, NULL));
    HIN_TRY(hin_json_opt_text(destination, "region", &region, NULL));
    HIN_TRY(hin_view_to_text(name, place->name, sizeof(place->name)));
    return hin_view_to_text(region, place->region, sizeof(place->region));
}

static HIN_RESULT read_state(void *context, const struct hin_store_document *document)
{
    struct look *look = context;
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *parsed = NULL;
    int64_t days = 0, hours = 0;
    struct hin_json places;
    size_t count = 0;
    HIN_TRY(hin_json_parse(document->bytes, HIN_STORE_DOCUMENT_BYTES, &parsed, NULL));
    struct hin_json root = hin_json_root(parsed);
    HIN_TRY(hin_json_get_boolean(root, "clocksAgree", &look->agree, NULL));
    HIN_TRY(hin_json_get_integer(root, "keepDays", 1, 36500, &days, NULL));
    HIN_TRY(hin_json_get_integer(root, "everyHours", 1, 24 * 366, &hours, NULL));
    HIN_TRY(hin_json_get_array(root, "destinations", &places, &count, NULL));
    look->keep_usec = days * HIN_DAY_USEC;
    look->every_usec = hours * HIN_HOUR_USEC;
    look->place_count = 0;
    for (size_t i = 0; i < count && i < HIN_BACKUP_DESTINATIONS_MAX; i++) {
        HIN_TRY(read_place(look, hin_json_at(places, i)));
    }
    look->set = true;
    return hin_ok();
}

static struct hin_result note_record(void *context, const struct hin_store_document *document)
{
    struct look *look = context;
    struct hin_backup_record record;
    HIN_TRY(hin_backup_record_read(document->id, document->bytes, &record));
    if (record.tenant != look->tenant) {
        return hin_ok();
    }
    hin_trial_measure(look->trial, "backups that can be restored",
                      hin_backup_record_opens(&record));
    if (look->first_usec == 0 || record.begun_usec < look->first_usec) {
        look->first_usec = record.begun_usec;
    }
    if (hin_backup_record_opens(&record) && record.begun_usec > look->newest.begun_usec) {
        look->newest = record;
    }
    return hin_ok();
}

static void damaged_are_obstacles(struct look *look, const struct hin_store_listed *listed)
{
    if (listed->damaged > 0) {
        hin_trial_obstacle(look->trial, "%zu entries of the catalogue of backups are damaged",
                           listed->damaged);
    }
}

static HIN_RESULT each_record(struct look *look, int64_t tenant, enum hin_backup_records which,
                              struct hin_result (*visit)(void *context,
                                                         const struct hin_store_document *document))
{
    struct hin_store_listed listed;
    HIN_TRY(hin_backup_records_list(look->tools->own->store, tenant, which, visit, NULL, look,
                                    &listed));
    damaged_are_obstacles(look, &listed);
    return hin_ok();
}

static HIN_RESULT look_at(struct look *look, const struct hin_tenant *tenant,
                          enum hin_backup_records which)
{
    look->newest = (struct hin_backup_record){0};
    look->first_usec = 0;
    look->tenant = tenant->number;
    return each_record(look, tenant->number, which, note_record);
}

static void pass_over(void *context, const struct hin_tenant *tenant, struct hin_result why)
{
    struct look *look = context;
    hin_trial_obstacle(look->trial, "the database of tenant %lld does not open: %s",
                       (long long)tenant->number, hin_code_text(why.code));
}

/* *ret_go: there is something to be looked at. */
static HIN_RESULT begin(struct look *look, bool *ret_go)
{
    struct hin_store_page all = {0};
    struct hin_store_listed listed;
    uint64_t count = 0;
    look->now_usec = hin_clock_wall_usec(look->tools->clock);
    HIN_TRY(hin_store_list(look->tools->own->store, HIN_STORE_BACKUP_STATE, &all, read_state, look,
                           &listed));
    HIN_TRY(hin_store_count(look->tools->own->store, HIN_STORE_BACKUPS, &count));
    *ret_go = look->set && (look->place_count > 0 || count > 0);
    if (!*ret_go) {
        hin_trial_obstacle(look->trial, "no destination of backups is set: hinomi-manager "
                                        "destination --add");
        return hin_ok();
    }
    for (size_t i = 0; i < look->place_count; i++) {
        hin_trial_input(look->trial, "destination", "%s, region %s", look->places[i].name,
                        look->places[i].region[0] != 0 ? look->places[i].region : "not named");
    }
    return hin_ok();
}

/* Visits all tenants; what is no failure has then been tried. */
static HIN_RESULT go_round(const struct hin_probe_tools *tools, struct hin_trial *trial,
                           struct hin_result (*visit)(void *context, struct hin_tenant *tenant))
{
    struct look look = {.tools = tools, .trial = trial};
    bool go = false;
    HIN_TRY(begin(&look, &go));
    if (!go) {
        return hin_ok();
    }
    HIN_TRY(tools->each_tenant(tools->context, visit, pass_over, &look));
    hin_trial_tried(trial);
    return hin_ok();
}

static int64_t days(int64_t usec)
{
    return usec / HIN_DAY_USEC;
}

/* A tenant without a backup is late only when its first one would have been due. */
static HIN_RESULT has_backup(struct look *look, const struct hin_tenant *tenant,
                             enum hin_backup_records which, bool *ret_has)
{
    HIN_TRY(look_at(look, tenant, which));
    *ret_has = look->newest.begun_usec > 0;
    if (*ret_has) {
        return hin_ok();
    }
    if (look->first_usec > 0 && look->now_usec - look->first_usec > look->every_usec + GRACE_USEC) {
        hin_trial_fail(look->trial, "no backup of tenant %lld was ever finished",
                       (long long)tenant->number);
    } else {
        hin_trial_obstacle(look->trial, "tenant %lld has no finished backup yet",
                           (long long)tenant->number);
    }
    return hin_ok();
}

/* ---- backup-made ---- */

static struct hin_result is_made(void *context, struct hin_tenant *tenant)
{
    struct look *look = context;
    bool has = false;
    int64_t there = 0;
    HIN_TRY(has_backup(look, tenant, HIN_BACKUP_RECORDS_LIVING, &has));
    if (!has) {
        return hin_ok();
    }
    const struct hin_backup_record *record = &look->newest;
    int64_t age_usec = look->now_usec - hin_backup_made_usec(record, look->now_usec);
    if (age_usec < 0) {
        hin_trial_fail(look->trial,
                       "the newest backup of tenant %lld bears a time that is still to come: a "
                       "clock was wrong",
                       (long long)tenant->number);
    } else if (age_usec > look->every_usec + GRACE_USEC) {
        hin_trial_fail(look->trial, "the newest backup of tenant %lld is %lld hours old",
                       (long long)tenant->number, (long long)(age_usec / HIN_HOUR_USEC));
    }
    for (size_t i = 0; i < record->place_count; i++) {
        const struct hin_backup_place *place = &record->places[i];
        there += place->state == HIN_BACKUP_THERE && place->damaged == 0;
        if (place->state == HIN_BACKUP_THERE && place->damaged > 0) {
            hin_trial_fail(look->trial,
                           "%lld objects of tenant %lld's newest backup are amiss at %s",
                           (long long)place->damaged, (long long)tenant->number, place->name);
        }
    }
    if (there == 0) {
        hin_trial_fail(look->trial, "the newest backup of tenant %lld is whole at no destination",
                       (long long)tenant->number);
    }
    hin_trial_measure(look->trial, "tenants with a backup", 1);
    hin_trial_measure(look->trial, "copies of the newest backups", there);
    return hin_ok();
}

static struct hin_result run_made(const struct hin_probe_tools *tools, struct hin_trial *trial)
{
    return go_round(tools, trial, is_made);
}

const struct hin_probe hin_probe_backup_made = {
    .name = "backup-made",
    .version = 2,
    .cadence_usec = CADENCE_USEC,
    .needs = "a destination of backups, and a first backup of each tenant",
    .run = run_made,
};

/* ---- restore-weekly ---- */

static struct hin_result is_restored(void *context, struct hin_tenant *tenant)
{
    struct look *look = context;
    struct hin_rehearsal last;
    bool has = false;
    struct hin_result found =
        hin_rehearsal_last(look->tools->own->store, tenant->number, false, &last);
    if (found.code == HIN_NOT_FOUND) {
        /* When the first one was made: it may be destroyed since. */
        HIN_TRY(has_backup(look, tenant, HIN_BACKUP_RECORDS_ALL, &has));
        if (has && look->now_usec - look->first_usec > HIN_REHEARSAL_USEC + GRACE_USEC) {
            hin_trial_fail(look->trial, "no backup of tenant %lld was restored yet",
                           (long long)tenant->number);
        } else if (has) {
            hin_trial_obstacle(look->trial, "the first restore of tenant %lld is not due yet",
                               (long long)tenant->number);
        }
        return hin_ok();
    }
    HIN_TRY(found);
    if (!last.good) {
        hin_trial_fail(look->trial, "the last restore of tenant %lld failed: %s",
                       (long long)tenant->number, last.error);
    } else if (look->now_usec - last.begun_usec > HIN_REHEARSAL_USEC + GRACE_USEC) {
        hin_trial_fail(look->trial, "the last restore of tenant %lld was %lld days ago",
                       (long long)tenant->number,
                       (long long)days(look->now_usec - last.begun_usec));
    } else {
        hin_trial_measure(look->trial, "tenants restored and compared", 1);
        hin_trial_measure(look->trial, "events compared", last.events);
    }
    return hin_ok();
}

static struct hin_result run_restored(const struct hin_probe_tools *tools, struct hin_trial *trial)
{
    return go_round(tools, trial, is_restored);
}

const struct hin_probe hin_probe_restore_weekly = {
    .name = "restore-weekly",
    .version = 2,
    .cadence_usec = CADENCE_USEC,
    .needs = "a destination of backups, and a week",
    .run = run_restored,
};

/* ---- backup-destruction: erased tenants' backups too ---- */

static struct hin_result is_destroyed(void *context, const struct hin_store_document *document)
{
    struct look *look = context;
    struct hin_backup_record record;
    HIN_TRY(hin_backup_record_read(document->id, document->bytes, &record));
    int64_t age_usec = look->now_usec - hin_backup_made_usec(&record, look->now_usec);
    bool over = age_usec > look->keep_usec + GRACE_USEC;
    hin_trial_measure(look->trial, "backups in the catalogue", 1);
    look->seen++;
    hin_trial_measure(look->trial, "beyond their time", over);
    hin_trial_measure(look->trial, "destroyed", record.state == HIN_BACKUP_DESTROYED);
    if (over && record.state == HIN_BACKUP_DONE) {
        hin_trial_fail(look->trial, "a backup of tenant %lld is %lld days old and its key lives",
                       (long long)record.tenant, (long long)days(age_usec));
    }
    for (size_t i = 0; i < record.place_count; i++) {
        if (record.places[i].state == HIN_BACKUP_LEFT &&
            look->now_usec - record.destroyed_usec > LEFT_USEC) {
            hin_trial_fail(look->trial,
                           "what lay at %s of a destroyed backup of tenant %lld is still there",
                           record.places[i].name, (long long)record.tenant);
        }
    }
    return hin_ok();
}

static struct hin_result run_destroyed(const struct hin_probe_tools *tools, struct hin_trial *trial)
{
    struct look look = {.tools = tools, .trial = trial};
    bool go = false;
    HIN_TRY(begin(&look, &go));
    if (!go) {
        return hin_ok();
    }
    if (!look.agree) {
        hin_trial_fail(trial, "nothing is destroyed: the wall clock and the time that follows it "
                              "are more than a day apart");
    }
    HIN_TRY(each_record(&look, -1, HIN_BACKUP_RECORDS_ALL, is_destroyed));
    if (look.seen == 0) {
        hin_trial_obstacle(trial, "there is no backup yet whose time could end");
    }
    hin_trial_measure(trial, "days that backups are kept", days(look.keep_usec));
    hin_trial_tried(trial);
    return hin_ok();
}

const struct hin_probe hin_probe_backup_destruction = {
    .name = "backup-destruction",
    .version = 2,
    .cadence_usec = CADENCE_USEC,
    .needs = "a destination of backups",
    .run = run_destroyed,
};

/* ---- second-region ---- */

static const char *region_of(const struct look *look, const char *name)
{
    for (size_t i = 0; i < look->place_count; i++) {
        if (strcmp(look->places[i].name, name) == 0) {
            return look->places[i].region;
        }
    }
    return "";
}

static struct hin_result is_elsewhere(void *context, struct hin_tenant *tenant)
{
    struct look *look = context;
    const char *first = "";
    bool has = false, second = false;
    HIN_TRY(has_backup(look, tenant, HIN_BACKUP_RECORDS_LIVING, &has));
    for (size_t i = 0; has && i < look->newest.place_count; i++) {
        const struct hin_backup_place *place = &look->newest.places[i];
        const char *region = region_of(look, place->name);
        if (place->state != HIN_BACKUP_THERE || place->damaged > 0 || region[0] == 0) {
            continue;
        }
        second = second || (first[0] != 0 && strcmp(first, region) != 0);
        first = first[0] != 0 ? first : region;
    }
    if (has && !second) {
        hin_trial_fail(look->trial, "the newest backup of tenant %lld lies in one region only",
                       (long long)tenant->number);
    }
    hin_trial_measure(look->trial, "tenants with a copy in a second region", second);
    return hin_ok();
}

static struct hin_result run_elsewhere(const struct hin_probe_tools *tools, struct hin_trial *trial)
{
    return go_round(tools, trial, is_elsewhere);
}

const struct hin_probe hin_probe_second_region = {
    .name = "second-region",
    .version = 2,
    .cadence_usec = CADENCE_USEC,
    .needs = "destinations of backups whose regions have names",
    .run = run_elsewhere,
};
