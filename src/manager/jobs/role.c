/* The `jobs` process: what comes round (merging the tail, retention, expiry), and the audit record
 * of key uses. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/secret.h"
#include "manager/audit.h"
#include "manager/database.h"
#include "manager/erasure.h"
#include "manager/holders.h"
#include "manager/jobs/probes.h"
#include "manager/jobs/schedule.h"
#include "manager/keys/use.h"
#include "manager/making.h"
#include "manager/names.h"
#include "manager/person_erasure.h"
#include "manager/probe/chain.h"
#include "manager/retention.h"
#include "manager/roles.h"
#include "store/audit.h"
#include "store/documents.h"
#include "store/events.h"

enum {
    START_TIMEOUT_USEC = 30 * 1000 * 1000,
    JOBS_MAX = 8,
    AWAKE_MAX = 32,
    RETAIN_STEPS = 8,
    INDEX_STEP = 8
};
#define STORE_FILES      "store-files" /* folder of the database server's own files */
#define TURN_USEC        (10 * HIN_MINUTE_USEC)
#define TAIL_AGE_USEC    (10 * HIN_SEC_USEC)
#define REST_USEC        (10 * HIN_SEC_USEC)
#define ERRAND_REST_USEC (2 * HIN_SEC_USEC) /* after a failure */
#define ERASE_TURN_USEC  (500 * HIN_MSEC_USEC)
#define RETAIN_TURN_USEC (200 * HIN_MSEC_USEC)
#define STUCK_REST_USEC  HIN_MINUTE_USEC
#define INDEX_TURN_USEC  (300 * HIN_MSEC_USEC) /* of each second, while an index key is rotated */
#define LOOK_USEC        (5 * HIN_SEC_USEC)    /* which tenants there are */
#define ACTIVE_USEC                                                                                \
    (30 * HIN_SEC_USEC) /* after a change of its files a tenant's tail is merged                   \
                         */

/* A round of retention, over many ticks where much goes. */
struct retaining {
    bool begun;
    int64_t by_usec;
    struct hin_retention_round round;
    struct hin_retained sum;
};

/* One tenant as jobs cares for it. The first is the installation's own. */
struct ward {
    struct jobs *jobs;
    struct ward *next;
    struct hin_tenant tenant;
    struct hin_job_state states[JOBS_MAX];
    int64_t used_usec, changed_usec; /* monotonic */
    bool errand;           /* a person's data is perhaps to be erased, an index key was rotated */
    int64_t errand_usec;   /* monotonic, when that goes on */
    uint64_t stuck;        /* documents that keep a former index key, as the log was told */
    int64_t retained_usec; /* monotonic; when the time retention goes by was last moved */
    struct timespec stamp; /* of the write-ahead log, as it was last seen */
    struct retaining retaining;
};

struct jobs {
    struct hin_role *role;
    struct hin_keys_carrier keys;
    struct ward *wards;
    size_t ward_count;
    struct hin_database database;
    uint64_t keep_days;
    uint64_t workers;
    struct hin_jobs_probes probes;
    struct hin_record_followed followed;
    int64_t looked_usec;
    struct hin_tenant_row erasing;     /* number 0: none is */
    uint8_t holders[HIN_SHA256_BYTES]; /* of the installation, as the vault was told */
};

static int64_t monotonic_usec(void)
{
    return hin_clock_monotonic_usec(hin_clock_system());
}

/* ---- what comes round ---- */

static HIN_RESULT wake(struct ward *ward)
{
    ward->used_usec = monotonic_usec();
    return hin_tenant_wake(&ward->tenant);
}

/* Nothing is merged where nothing was written: a look at the files' time, not into the database. A
 * server shows none: there each tenant has its turn. */
static bool is_active(struct ward *ward)
{
    if (ward->tenant.place.server != NULL) {
        bool due = monotonic_usec() - ward->changed_usec > TURN_USEC;
        ward->changed_usec = due ? monotonic_usec() : ward->changed_usec;
        return due;
    }
    char name[64];
    struct stat info;
    snprintf(name, sizeof(name), "%s.db-wal", ward->tenant.id);
    if (fstatat(ward->tenant.place.directory, name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
        (info.st_mtim.tv_sec != ward->stamp.tv_sec ||
         info.st_mtim.tv_nsec != ward->stamp.tv_nsec)) {
        ward->stamp = info.st_mtim;
        ward->changed_usec = monotonic_usec();
    }
    return monotonic_usec() - ward->changed_usec < ACTIVE_USEC;
}

static struct hin_result merge(void *context, int64_t now_usec)
{
    struct ward *ward = context;
    if (ward->tenant.number != 0 && !is_active(ward)) {
        return hin_ok();
    }
    HIN_TRY(wake(ward));
    return hin_store_maintain(ward->tenant.store, now_usec, TAIL_AGE_USEC);
}

/* The time to judge by: the wall clock's, or less where that ran ahead. */
static HIN_RESULT retention_time(struct ward *ward, int64_t wall_usec, int64_t *ret_usec)
{
    int64_t here_usec = monotonic_usec();
    HIN_TRY(hin_store_retention_time(ward->tenant.store, wall_usec, here_usec - ward->retained_usec,
                                     ret_usec));
    ward->retained_usec = here_usec;
    if (wall_usec - *ret_usec > HIN_DAY_USEC) {
        hin_log(HIN_LOG_WARNING,
                "retention of tenant %s holds back: the clock is %lld days ahead of what it has "
                "followed; set the clock if it is wrong, else it catches up by itself",
                ward->tenant.id, (long long)((wall_usec - *ret_usec) / HIN_DAY_USEC));
    }
    return hin_ok();
}

static void tell_retained(const struct ward *ward)
{
    const struct hin_retained *sum = &ward->retaining.sum;
    if (sum->events > 0) {
        hin_log(HIN_LOG_INFO,
                "retention of tenant %s: %llu events dropped, %llu segments whole, %llu made anew "
                "without them",
                ward->tenant.id, (unsigned long long)sum->events,
                (unsigned long long)sum->segments_dropped,
                (unsigned long long)sum->segments_rewritten);
    }
    if (sum->segments_kept > 0) {
        hin_log(HIN_LOG_WARNING,
                "retention of tenant %s: %llu damaged segments stay until all they held is over",
                ward->tenant.id, (unsigned long long)sum->segments_kept);
    }
}

/* By the settings of this moment: who keeps events for longer stops what is going. */
static HIN_RESULT retain_some(struct ward *ward)
{
    struct retaining *retaining = &ward->retaining;
    struct hin_retention_settings settings;
    struct hin_retained done;
    HIN_TRY(wake(ward));
    HIN_TRY(hin_retention_load(ward->tenant.store, &settings));
    struct hin_retention keep = hin_retention_resolve(&settings, (uint32_t)ward->jobs->keep_days);
    HIN_TRY(hin_store_retain(ward->tenant.store, retaining->by_usec, &keep, RETAIN_STEPS,
                             &retaining->round, &done));
    retaining->sum.events += done.events;
    retaining->sum.segments_dropped += done.segments_dropped;
    retaining->sum.segments_rewritten += done.segments_rewritten;
    retaining->sum.segments_kept += done.segments_kept;
    if (!done.more) {
        retaining->begun = false;
        tell_retained(ward);
    }
    return hin_ok();
}

/* What does not find room in a moment goes on in the next. */
static void go_on_retaining(struct ward *ward)
{
    int64_t until_usec = monotonic_usec() + RETAIN_TURN_USEC;
    while (ward->retaining.begun && monotonic_usec() < until_usec) {
        struct hin_result some = retain_some(ward);
        if (!hin_is_ok(some)) {
            ward->retaining.begun = false; /* the next round finds what is left */
            hin_log_result(HIN_LOG_WARNING, some, "retention of tenant %s goes on in an hour",
                           ward->tenant.id);
        }
    }
}

/* The time is followed also where all is kept, so that it is right when that changes. */
static struct hin_result retain(void *context, int64_t now_usec)
{
    struct ward *ward = context;
    struct retaining *retaining = &ward->retaining;
    HIN_TRY(wake(ward));
    HIN_TRY(retention_time(ward, now_usec, &retaining->by_usec));
    if (!retaining->begun) { /* else one of an hour ago goes on */
        retaining->sum = (struct hin_retained){0};
        retaining->begun = true; /* tend goes on with it */
    }
    return hin_ok();
}

static struct hin_result expire(void *context, int64_t now_usec)
{
    static const enum hin_store_kind kinds[] = {HIN_STORE_API_KEYS, HIN_STORE_ENROLMENT_TOKENS,
                                                HIN_STORE_PROBE_RUNS};
    struct ward *ward = context;
    HIN_TRY(wake(ward));
    for (size_t i = 0; i < HIN_COUNT(kinds); i++) {
        uint64_t count = 0;
        /* What expired stays a day, so that a refusal can say why. */
        HIN_TRY(hin_store_expire(ward->tenant.store, kinds[i], now_usec - HIN_DAY_USEC, &count));
    }
    return hin_ok();
}

static struct hin_result refresh(void *context, int64_t now_usec)
{
    struct ward *ward = context;
    (void)now_usec;
    struct hin_store_index index;
    HIN_TRY(wake(ward));
    HIN_TRY(hin_tenant_refresh(&ward->tenant));
    HIN_TRY(hin_store_index(ward->tenant.store, &index));
    ward->errand = ward->errand || index.former != 0; /* one that was restored, say */
    return hin_ok();
}

/* Every page is read, every sealed thing opened: what is damaged is marked and gone around. */
static struct hin_result check(void *context, int64_t now_usec)
{
    struct ward *ward = context;
    struct hin_store_check found;
    (void)now_usec;
    HIN_TRY(wake(ward));
    HIN_TRY(hin_store_check(ward->tenant.store, &found));
    if (!found.structure_ok ||
        found.segments_damaged + found.documents_damaged + found.audit_damaged > 0) {
        hin_log(HIN_LOG_ERROR,
                "the database of tenant %s is damaged: %llu of %llu segments, %llu of %llu "
                "documents, %llu of %llu audit entries; structure %s",
                ward->tenant.id, (unsigned long long)found.segments_damaged,
                (unsigned long long)found.segments, (unsigned long long)found.documents_damaged,
                (unsigned long long)found.documents, (unsigned long long)found.audit_damaged,
                (unsigned long long)found.audit_records, found.structure_ok ? "whole" : "broken");
    }
    if (found.sheaves_wrong > 0) {
        hin_log(HIN_LOG_ERROR,
                "searches of tenant %s may have missed events: %llu summaries of what its segments "
                "hold were altered in the database; they are made anew, see who may write there",
                ward->tenant.id, (unsigned long long)found.sheaves_wrong);
    }
    return hin_ok();
}

/* The audit record's chain alone: a place that does not fit is named in the record itself, and the
 * workers make an event of it. */
static struct hin_result mend_audit(void *context, int64_t now_usec)
{
    struct ward *ward = context;
    int64_t broken = 0;
    HIN_TRY(wake(ward));
    struct hin_result mended = hin_store_audit_mend(ward->tenant.store, now_usec, &broken);
    if (mended.code == HIN_CORRUPT) {
        hin_log(HIN_LOG_ERROR,
                "the audit record of tenant %s cannot be read to its end: export it, and restore a "
                "backup",
                ward->tenant.id);
    }
    HIN_TRY(mended);
    if (broken != 0) {
        hin_log(HIN_LOG_ERROR,
                "entry %lld of the audit record of tenant %s is lost or was altered: an entry "
                "\"audit.gap\" says so",
                (long long)broken, ward->tenant.id);
    }
    return hin_ok();
}

static const struct hin_job table[] = {
    {"merge", 5 * HIN_SEC_USEC, merge}, {"expire", HIN_HOUR_USEC, expire},
    {"retain", HIN_HOUR_USEC, retain},  {"refresh keys", HIN_HOUR_USEC, refresh},
    {"check", HIN_DAY_USEC, check},     {"check audit", HIN_DAY_USEC, mend_audit},
};
enum { JOB_RETAIN = 2, JOB_CHECK = HIN_COUNT(table) - 2, JOB_AUDIT = HIN_COUNT(table) - 1 };
static const size_t early[] = {JOB_RETAIN, JOB_AUDIT}; /* done first so long after the start: */
#define EARLY_USEC (5 * HIN_SEC_USEC)

static void on_failure(void *context, const struct hin_job *job, struct hin_result result)
{
    (void)context;
    hin_log_result(HIN_LOG_WARNING, result, "job %s", job->name);
}

/* ---- which tenants there are ---- */

static HIN_RESULT new_ward(struct jobs *jobs, const char *uuid, int64_t number,
                           struct ward **ret_ward)
{
    struct ward *ward = calloc(1, sizeof(*ward));
    HIN_ENSURE(ward != NULL, NO_MEMORY);
    ward->jobs = jobs;
    struct hin_tenant_place place = {hin_role_fd(jobs->role, "db"),
                                     hin_database_server(&jobs->database)};
    hin_tenant_init(&ward->tenant, &place, uuid, &jobs->keys, HIN_VAULT_FOR_MERGE,
                    hin_clock_system());
    ward->tenant.number = number;
    ward->retained_usec = monotonic_usec();
    /* What comes each hour comes at another minute for each; the check, which reads everything, not
     * while the manager starts. */
    for (size_t i = 0; i < HIN_COUNT(table); i++) {
        ward->states[i].last_usec = hin_tenant_now_usec(&ward->tenant) -
                                    (i == JOB_CHECK ? 0 : number % 60 * HIN_MINUTE_USEC);
    }
    for (size_t i = 0; i < HIN_COUNT(early); i++) {
        ward->states[early[i]].last_usec = hin_tenant_now_usec(&ward->tenant) -
                                           table[early[i]].every_usec + EARLY_USEC +
                                           number % 60 * HIN_MINUTE_USEC;
    }
    struct ward **at = &jobs->wards;
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = ward;
    jobs->ward_count++;
    *ret_ward = ward;
    return hin_ok();
}

static struct ward *find_ward(struct jobs *jobs, struct hin_view uuid)
{
    struct ward *ward = jobs->wards;
    while (ward != NULL && !hin_view_is(uuid, ward->tenant.id)) {
        ward = ward->next;
    }
    return ward;
}

/* Its keys leave this process, and its files are free. */
static void drop_ward(struct jobs *jobs, const char *uuid)
{
    for (struct ward **at = &jobs->wards->next; *at != NULL; at = &(*at)->next) {
        struct ward *ward = *at;
        if (strcmp(ward->tenant.id, uuid) == 0) {
            *at = ward->next;
            jobs->ward_count--;
            hin_tenant_close(&ward->tenant);
            free(ward);
            return;
        }
    }
}

static struct hin_result meet(void *context, const struct hin_store_document *document)
{
    struct jobs *jobs = context;
    struct hin_tenant_row row;
    struct ward *ward = NULL;
    HIN_TRY(hin_tenant_row_read(document->id, document->bytes, &row));
    if (row.state == HIN_TENANT_ERASING) {
        jobs->erasing = row; /* one after the other */
    }
    if (row.state >= HIN_TENANT_ERASING) {
        drop_ward(jobs, row.uuid);
        return hin_ok();
    }
    return find_ward(jobs, hin_view_from_text(row.uuid)) != NULL
               ? hin_ok()
               : new_ward(jobs, row.uuid, document->id, &ward);
}

static void meet_errand(void *context, int64_t number)
{
    const struct jobs *jobs = context;
    for (struct ward *ward = jobs->wards; ward != NULL; ward = ward->next) {
        ward->errand = ward->errand || ward->tenant.number == number;
    }
}

/* Those that are suspended are cared for too: what is kept, and for how long, goes on. */
static HIN_RESULT look(struct jobs *jobs)
{
    struct hin_store_page all = {0};
    struct hin_store_listed listed;
    jobs->looked_usec = monotonic_usec();
    jobs->erasing.number = 0;
    HIN_TRY(
        hin_store_list(jobs->wards->tenant.store, HIN_STORE_TENANTS, &all, meet, jobs, &listed));
    HIN_TRY(hin_person_errands(&jobs->wards->tenant, meet_errand, jobs));
    return hin_holders_publish(&jobs->wards->tenant, jobs->holders);
}

/* Some steps of an erasure that is under way, as many as find room in a moment. */
static void go_on_erasing(struct jobs *jobs)
{
    struct hin_tenant *own = &jobs->wards->tenant;
    int64_t until_usec = monotonic_usec() + ERASE_TURN_USEC;
    bool done = false;
    while (jobs->erasing.number != 0 && !done && monotonic_usec() < until_usec) {
        struct hin_result step = hin_erasure_step(own, &jobs->erasing, &done);
        if (!hin_is_ok(step)) { /* read anew at the next look, and tried again */
            if (step.code != HIN_AGAIN) {
                hin_log_result(HIN_LOG_WARNING, step, "the erasure of tenant %s goes on later",
                               jobs->erasing.uuid);
            }
            jobs->erasing.number = 0;
        }
    }
    if (done) {
        hin_log(HIN_LOG_INFO, "tenant %lld is erased, certificate %s",
                (long long)jobs->erasing.number, jobs->erasing.erasure.id);
        jobs->erasing.number = 0;
        jobs->looked_usec = 0; /* perhaps another waits */
    }
}

/* What is left of tenants whose making was cut off; at each look, since a note is made with each
 * tenant. */
static void clear_makings(struct jobs *jobs)
{
    int64_t until_usec = monotonic_usec() + ERASE_TURN_USEC;
    struct hin_result cleared = hin_ok();
    bool idle = false;
    while (hin_is_ok(cleared) && !idle && monotonic_usec() < until_usec) {
        cleared = hin_making_clear(&jobs->wards->tenant, &idle);
    }
    if (!hin_is_ok(cleared) && cleared.code != HIN_AGAIN) {
        hin_log_result(HIN_LOG_WARNING, cleared, "a tenant whose making was cut off is left");
    }
}

/* Some steps of the erasure of a person's data. */
static HIN_RESULT step_persons(struct ward *ward, bool *ret_idle)
{
    int64_t until_usec = monotonic_usec() + ERASE_TURN_USEC;
    struct hin_person_progress progress = {0};
    do {
        HIN_TRY(hin_person_erasure_step(&ward->tenant, &ward->jobs->wards->tenant, &progress));
        if (progress.done) {
            hin_log(HIN_LOG_INFO, "%s %lld of a person's data of tenant %s is done",
                    progress.corrected ? "correction" : "erasure", (long long)progress.id,
                    ward->tenant.id);
        }
    } while (!progress.idle && progress.wait_usec == 0 && monotonic_usec() < until_usec);
    ward->errand_usec = monotonic_usec() + progress.wait_usec;
    *ret_idle = progress.idle;
    return hin_ok();
}

static void tell_stuck(struct ward *ward, const struct hin_store_index *index)
{
    if (index->stuck != ward->stuck && index->stuck > 0) {
        hin_log(
            HIN_LOG_WARNING,
            "%llu documents of tenant %s keep the former index key: what they are called cannot "
            "be told from them",
            (unsigned long long)index->stuck, ward->tenant.id);
    }
    ward->stuck = index->stuck;
}

/* Some of what stands under a former index key is made anew. */
static HIN_RESULT step_index(struct ward *ward, bool *ret_idle)
{
    int64_t until_usec = monotonic_usec() + INDEX_TURN_USEC;
    struct hin_store_index index;
    HIN_TRY(hin_store_index(ward->tenant.store, &index));
    bool begun = index.former != 0;
    while (index.former != 0 && monotonic_usec() < until_usec) {
        HIN_TRY(hin_store_reindex(ward->tenant.store, &hin_document_namer, INDEX_STEP, &index));
        if (index.stuck > 0) { /* no use to hurry */
            ward->errand_usec = monotonic_usec() + STUCK_REST_USEC;
            break;
        }
    }
    if (begun && index.former == 0) {
        hin_log(HIN_LOG_INFO,
                "tenant %s: nothing is under the former index key any more; %llu names and %llu "
                "segments were made anew",
                ward->tenant.id, (unsigned long long)index.names,
                (unsigned long long)index.segments);
    }
    tell_stuck(ward, &index);
    *ret_idle = index.former == 0;
    return hin_ok();
}

static HIN_RESULT step_errands(struct ward *ward)
{
    bool persons_idle = false, index_idle = false;
    HIN_TRY(wake(ward));
    HIN_TRY(step_persons(ward, &persons_idle));
    HIN_TRY(step_index(ward, &index_idle));
    if (persons_idle && index_idle && ward->errand) {
        ward->errand = false;
        HIN_TRY(hin_person_errand_done(&ward->jobs->wards->tenant, ward->tenant.number));
    }
    return hin_ok();
}

/* The installation's own tenant is always looked at, another one when a note says so. */
static void go_on_with_errands(struct ward *ward)
{
    bool due = monotonic_usec() >= ward->errand_usec;
    if (!due || (ward->tenant.number != 0 && !ward->errand)) {
        return;
    }
    struct hin_result stepped = step_errands(ward);
    if (!hin_is_ok(stepped)) {
        ward->errand_usec = monotonic_usec() + ERRAND_REST_USEC;
        if (stepped.code != HIN_AGAIN) {
            hin_log_result(HIN_LOG_WARNING, stepped,
                           "an errand for tenant %s (a person's data, an index key) goes on later",
                           ward->tenant.id);
        }
    }
}

/* ---- probes ---- */

static struct hin_result
each_tenant(void *context, struct hin_result (*visit)(void *visitor, struct hin_tenant *tenant),
            void (*closed)(void *visitor, const struct hin_tenant *tenant, struct hin_result why),
            void *visitor)
{
    struct jobs *jobs = context;
    size_t awake = 0;
    HIN_TRY(look(jobs)); /* one that was made just now is tried too */
    for (struct ward *ward = jobs->wards; ward != NULL; ward = ward->next) {
        bool rested = !hin_tenant_is_awake(&ward->tenant);
        struct hin_result woken = wake(ward);
        if (!hin_is_ok(woken)) {
            closed(visitor, &ward->tenant, woken);
            continue;
        }
        struct hin_result visited = visit(visitor, &ward->tenant);
        if (rested && ++awake > AWAKE_MAX) {
            hin_tenant_rest(&ward->tenant);
        }
        HIN_TRY(visited);
    }
    return hin_ok();
}

static struct hin_result ask(void *context, const char *role, unsigned instance,
                             struct hin_view question, struct hin_buf *ret_trial)
{
    const struct jobs *jobs = context;
    return hin_jobs_ask(jobs->role, role, instance, question, ret_trial);
}

static void told(void *context, const struct hin_probe *probe, const struct hin_trial *trial,
                 bool broken)
{
    const struct jobs *jobs = context;
    hin_jobs_tell_probe(jobs->role, (unsigned)jobs->workers, probe, trial, broken);
}

static void run_probes(struct jobs *jobs)
{
    int files = hin_role_fd(jobs->role, STORE_FILES);
    struct hin_probe_tools tools = {
        .context = jobs,
        .own = &jobs->wards->tenant,
        .clock = hin_clock_system(),
        .each_tenant = each_tenant,
        .ask = ask,
        .workers = (unsigned)jobs->workers,
        .store_files = files >= 0 ? &files : NULL,
        .followed = &jobs->followed,
        .told = told,
    };
    hin_jobs_run_probes(&jobs->probes, &tools);
}

/* ---- turns ---- */

/* Nothing is done for a tenant that is put back out of a backup: what is there then is another. */
static bool is_put_aside(struct ward *ward)
{
    if (ward->tenant.number == 0 || !hin_tenant_is_restored(&ward->tenant)) {
        return false;
    }
    hin_tenant_rest(&ward->tenant);
    ward->retaining.begun = false;
    ward->errand = true;
    return true;
}

static HIN_RESULT tend(struct ward *ward)
{
    bool first = ward->tenant.number == 0;
    if (is_put_aside(ward)) {
        return hin_ok();
    }
    struct hin_result watched = hin_tenant_watch(&ward->tenant);
    if (first) {
        HIN_TRY(watched); /* this process ends, and the database is salvaged */
    } else if (watched.code == HIN_CORRUPT) {
        hin_tenant_rest(&ward->tenant); /* whoever wakes it next salvages it */
    }
    (void)hin_jobs_run(table, ward->states, HIN_COUNT(table), ward,
                       hin_tenant_now_usec(&ward->tenant), on_failure);
    go_on_with_errands(ward);
    go_on_retaining(ward);
    bool many = ward->jobs->ward_count > AWAKE_MAX;
    if (!first && (many || monotonic_usec() - ward->used_usec > REST_USEC)) {
        hin_tenant_rest(&ward->tenant);
    }
    return hin_ok();
}

static struct hin_result tick(void *context, int64_t now_usec)
{
    struct jobs *jobs = context;
    (void)now_usec;
    if (monotonic_usec() - jobs->looked_usec > LOOK_USEC) {
        struct hin_result looked = look(jobs);
        if (!hin_is_ok(looked)) {
            hin_log_result(HIN_LOG_WARNING, looked, "the tenants cannot be listed");
        }
        clear_makings(jobs);
        hin_tenant_sweep_memory();
    }
    go_on_erasing(jobs);
    for (struct ward *ward = jobs->wards; ward != NULL; ward = ward->next) {
        HIN_TRY(tend(ward));
    }
    run_probes(jobs);
    return hin_ok();
}

/* ---- uses of keys ---- */

static struct hin_result record_use(void *context, struct hin_ipc *channel,
                                    struct hin_ipc_message *message)
{
    struct jobs *jobs = context;
    struct hin_key_use use;
    char key_id[2 * sizeof(use.key_id) + 1];
    char detail[256];
    (void)channel;
    HIN_TRY(hin_key_use_decode(message->payload, &use));
    hin_hex(use.key_id, sizeof(use.key_id), key_id);
    snprintf(detail, sizeof(detail), "%.*s for %.*s, key %s: %s", HIN_ARGS(use.verb),
             HIN_ARGS(use.reason), key_id, hin_code_text((enum hin_code)use.outcome));
    struct hin_audit audit = {
        .action = "key.use",
        .outcome = use.outcome == HIN_OK ? "done" : "refused",
        .actor = HIN_VIEW("keys"),
        .detail = hin_view_from_text(detail),
    };
    struct ward *ward = find_ward(jobs, use.tenant);
    /* The installation's, or of one that is being made, or put back out of a backup. */
    ward = ward != NULL && !hin_tenant_is_restored(&ward->tenant) ? ward : jobs->wards;
    struct hin_result written = wake(ward);
    if (hin_is_ok(written)) {
        written = hin_audit_write(&ward->tenant, &audit);
    }
    if (!hin_is_ok(written)) {
        hin_log_result(HIN_LOG_ERROR, written, "a use of a key cannot be recorded");
    }
    return hin_ok();
}

static const struct hin_ipc_permit rows[] = {
    {HIN_MESSAGE_KEY_USE, 0, 0, 0, 1, HIN_KEY_USE_MAX, 0, record_use},
};
static const struct hin_ipc_table use_table = {"keys -> jobs", rows, HIN_COUNT(rows)};

/* ---- life ---- */

static struct hin_result jobs_sandbox(struct hin_role *role, struct hin_sandbox *sandbox)
{
    HIN_TRY(hin_process_protect());
    HIN_TRY(hin_database_allow(role, sandbox));
    hin_sandbox_allow_syscalls(sandbox, HIN_SANDBOX_FILES_WRITE);
    if (hin_role_fd(role, STORE_FILES) >= 0) {
        HIN_TRY(
            hin_sandbox_allow_path(sandbox, hin_role_fd(role, STORE_FILES), ".", HIN_SANDBOX_READ));
    }
    return hin_sandbox_allow_path(sandbox, hin_role_fd(role, "db"), ".",
                                  HIN_SANDBOX_READ | HIN_SANDBOX_WRITE | HIN_SANDBOX_CREATE);
}

static HIN_RESULT open_first(struct jobs *jobs)
{
    struct hin_ipc *keys;
    struct ward *first = NULL;
    HIN_TRY(hin_role_wait_peer(jobs->role, "keys", 0, START_TIMEOUT_USEC, &keys));
    jobs->keys = (struct hin_keys_carrier){hin_manager_call_keys, jobs->role};
    HIN_TRY(hin_database_take(jobs->role, &jobs->database));
    HIN_TRY(new_ward(jobs, hin_role_setting_text(jobs->role, "tenant"), 0, &first));
    return wake(first);
}

static void close_all(struct jobs *jobs)
{
    while (jobs->wards != NULL) {
        struct ward *ward = jobs->wards;
        jobs->wards = ward->next;
        hin_tenant_close(&ward->tenant);
        free(ward);
    }
}

static struct hin_result jobs_run(struct hin_role *role)
{
    static const struct hin_role_service services[] = {{"keys", &use_table}};
    struct jobs *jobs = calloc(1, sizeof(*jobs));
    HIN_ENSURE(jobs != NULL, NO_MEMORY);
    hin_tenant_give_memory_back();
    jobs->role = role;
    HIN_IGNORE(hin_view_to_u64(hin_role_setting(role, "keep-days"),
                               &jobs->keep_days)); /* 0 when it is not told */
    HIN_IGNORE(hin_view_to_u64(hin_role_setting(role, "workers"), &jobs->workers));
    jobs->probes.from_usec = monotonic_usec() + HIN_JOBS_PROBES_DELAY_USEC;
    struct hin_result result = open_first(jobs);
    if (hin_is_ok(result)) {
        struct hin_role_loop loop = {
            .services = services,
            .service_count = HIN_COUNT(services),
            .context = jobs,
            .tick = tick,
            .tick_usec = HIN_SEC_USEC,
        };
        result = hin_role_serve(role, &loop);
        close_all(jobs);
    }
    free(jobs);
    return result;
}

const struct hin_role_definition hin_manager_role_jobs = {
    .name = "jobs",
    .sandbox = jobs_sandbox,
    .run = jobs_run,
    .peers = {"keys", "worker", "probe"},
    .user = HIN_ROLE_USER_DATA,
    .instances = 1,
    .restart = HIN_ROLE_ALWAYS,
};
