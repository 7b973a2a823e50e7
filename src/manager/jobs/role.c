/* The `jobs` process: what comes round (merging the tail, retention, expiry), and the audit record
 * of key uses. */
#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/secret.h"
#include "manager/audit.h"
#include "manager/jobs/schedule.h"
#include "manager/keys/use.h"
#include "manager/roles.h"
#include "store/documents.h"
#include "store/events.h"

enum { START_TIMEOUT_USEC = 30 * 1000 * 1000 };
#define TAIL_AGE_USEC (10 * HIN_SEC_USEC)

struct jobs {
    struct hin_role *role;
    struct hin_tenant tenant;
    uint64_t keep_days;
    struct hin_job_state states[8];
};

static struct hin_result call_keys(void *context, struct hin_view request,
                                   struct hin_buf *ret_answer)
{
    struct hin_role *role = context;
    struct hin_ipc_message reply;
    struct hin_ipc *channel = hin_role_peer(role, "keys", 0);
    HIN_ENSURE(channel != NULL, AGAIN);
    HIN_TRY(hin_ipc_call(channel, HIN_MESSAGE_KEYS, request, HIN_KEY_CALL_TIMEOUT_USEC, &reply));
    HIN_TRY((struct hin_result){reply.code});
    return hin_buf_append(ret_answer, reply.payload);
}

/* ---- what comes round ---- */

static struct hin_result merge(void *context, int64_t now_usec)
{
    struct jobs *jobs = context;
    return hin_store_maintain(jobs->tenant.store, now_usec, TAIL_AGE_USEC);
}

static struct hin_result retain(void *context, int64_t now_usec)
{
    struct jobs *jobs = context;
    uint64_t count = 0;
    if (jobs->keep_days == 0) {
        return hin_ok();
    }
    HIN_TRY(hin_store_retain(jobs->tenant.store, now_usec, (uint32_t)jobs->keep_days, &count));
    if (count > 0) {
        hin_log(HIN_LOG_INFO, "%llu events older than %llu days were dropped",
                (unsigned long long)count, (unsigned long long)jobs->keep_days);
    }
    return hin_ok();
}

static struct hin_result expire(void *context, int64_t now_usec)
{
    static const enum hin_store_kind kinds[] = {HIN_STORE_API_KEYS, HIN_STORE_ENROLMENT_TOKENS};
    struct jobs *jobs = context;
    for (size_t i = 0; i < HIN_COUNT(kinds); i++) {
        uint64_t count = 0;
        /* What expired stays a day, so that a refusal can say why. */
        HIN_TRY(hin_store_expire(jobs->tenant.store, kinds[i], now_usec - HIN_DAY_USEC, &count));
    }
    return hin_ok();
}

static struct hin_result refresh(void *context, int64_t now_usec)
{
    struct jobs *jobs = context;
    (void)now_usec;
    return hin_tenant_refresh(&jobs->tenant);
}

/* Every page is read, every sealed thing opened: what is damaged is marked and gone around. */
static struct hin_result check(void *context, int64_t now_usec)
{
    struct jobs *jobs = context;
    struct hin_store_check found;
    (void)now_usec;
    HIN_TRY(hin_store_check(jobs->tenant.store, &found));
    if (!found.structure_ok ||
        found.segments_damaged + found.documents_damaged + found.audit_damaged > 0) {
        hin_log(HIN_LOG_ERROR,
                "the database is damaged: %llu of %llu segments, %llu of %llu documents, %llu of "
                "%llu audit entries; structure %s",
                (unsigned long long)found.segments_damaged, (unsigned long long)found.segments,
                (unsigned long long)found.documents_damaged, (unsigned long long)found.documents,
                (unsigned long long)found.audit_damaged, (unsigned long long)found.audit_records,
                found.structure_ok ? "whole" : "broken");
    }
    return hin_ok();
}

static const struct hin_job table[] = {
    {"merge", 5 * HIN_SEC_USEC, merge}, {"expire", HIN_HOUR_USEC, expire},
    {"retain", HIN_HOUR_USEC, retain},  {"refresh keys", HIN_HOUR_USEC, refresh},
    {"check", HIN_DAY_USEC, check},
};
enum { JOB_CHECK = HIN_COUNT(table) - 1 };

static void on_failure(void *context, const struct hin_job *job, struct hin_result result)
{
    (void)context;
    hin_log_result(HIN_LOG_WARNING, result, "job %s", job->name);
}

static struct hin_result tick(void *context, int64_t now_usec)
{
    struct jobs *jobs = context;
    (void)now_usec;
    HIN_TRY(hin_tenant_watch(&jobs->tenant));
    (void)hin_jobs_run(table, jobs->states, HIN_COUNT(table), jobs,
                       hin_tenant_now_usec(&jobs->tenant), on_failure);
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
    struct hin_result written = hin_audit_write(&jobs->tenant, &audit);
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
    hin_sandbox_allow_syscalls(sandbox, HIN_SANDBOX_FILES_WRITE);
    return hin_sandbox_allow_path(sandbox, hin_role_fd(role, "db"), ".",
                                  HIN_SANDBOX_READ | HIN_SANDBOX_WRITE | HIN_SANDBOX_CREATE);
}

static HIN_RESULT open_tenant(struct jobs *jobs)
{
    struct hin_error error = {0};
    struct hin_ipc *keys;
    struct hin_keys_carrier carrier = {call_keys, jobs->role};
    HIN_TRY(hin_role_wait_peer(jobs->role, "keys", 0, START_TIMEOUT_USEC, &keys));
    struct hin_result opened = hin_tenant_open(
        &jobs->tenant, hin_role_fd(jobs->role, "db"), hin_role_setting_text(jobs->role, "tenant"),
        &carrier, HIN_VAULT_FOR_MERGE, hin_clock_system(), false, &error);
    if (!hin_is_ok(opened)) {
        hin_log(HIN_LOG_ERROR, "the database cannot be opened: %s", error.text);
    }
    return opened;
}

static struct hin_result jobs_run(struct hin_role *role)
{
    static const struct hin_role_service services[] = {{"keys", &use_table}};
    struct jobs *jobs = calloc(1, sizeof(*jobs));
    HIN_ENSURE(jobs != NULL, NO_MEMORY);
    jobs->role = role;
    HIN_IGNORE(hin_view_to_u64(hin_role_setting(role, "keep-days"),
                               &jobs->keep_days)); /* 0 when it is not told */
    struct hin_result result = open_tenant(jobs);
    if (hin_is_ok(result)) {
        /* It reads everything: not while the manager starts. */
        jobs->states[JOB_CHECK].last_usec = hin_tenant_now_usec(&jobs->tenant);
        struct hin_role_loop loop = {
            .services = services,
            .service_count = HIN_COUNT(services),
            .context = jobs,
            .tick = tick,
            .tick_usec = HIN_SEC_USEC,
        };
        result = hin_role_serve(role, &loop);
        hin_tenant_close(&jobs->tenant);
    }
    free(jobs);
    return result;
}

const struct hin_role_definition hin_manager_role_jobs = {
    .name = "jobs",
    .sandbox = jobs_sandbox,
    .run = jobs_run,
    .peers = {"keys"},
    .user = HIN_ROLE_USER_DATA,
    .instances = 1,
    .restart = HIN_ROLE_ALWAYS,
};
