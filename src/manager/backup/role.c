/* The `backup` process: it reads tenants' stores and writes what is sealed to the destinations. No
 * network; keys of backups come from `keys`, which a worker cannot ask for them. */
#include <linux/ioprio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/secret.h"
#include "manager/backup/cycle.h"
#include "manager/database.h"
#include "manager/depot/remote.h"
#include "manager/roles.h"

enum { START_TIMEOUT_USEC = 30 * 1000 * 1000, NICE = 10 };
#define TICK_USEC        (500 * HIN_MSEC_USEC)
#define DUE_USEC         (30 * HIN_SEC_USEC)
#define DUE_SHIPMENTS    5 /* where that is sooner */
#define DESTROY_USEC     (10 * HIN_MINUTE_USEC)
#define REHEARSE_USEC    (10 * HIN_MINUTE_USEC)
#define ALERT_USEC       (2 * HIN_SEC_USEC)
#define AGAIN_FIRST_USEC (15 * HIN_SEC_USEC) /* a folder that was not there, or is no more */
#define AGAIN_LAST_USEC  (10 * HIN_MINUTE_USEC)

struct process {
    struct hin_role *role;
    struct hin_database database;
    struct hin_tenant own;
    struct hin_backup_cycle cycle;
    int64_t begun_usec, due_usec, destroy_usec, rehearse_usec, alert_usec; /* monotonic */
    bool lacking; /* a folder is not there */
    bool renewed; /* so this process ends, to be given it by the next start */
    bool ending;  /* told to stop, and shipping what is left */
};

/* Work takes minutes, and a stop seconds. */
static struct hin_result turn(void *context)
{
    struct process *process = context;
    HIN_TRY(hin_role_handle_parent(process->role));
    HIN_ENSURE(process->ending || !hin_role_stopping(process->role), CLOSED);
    return hin_ok();
}

static void pause_for(void *context, int64_t usec)
{
    struct timespec rest = {.tv_sec = usec / HIN_SEC_USEC,
                            .tv_nsec = usec % HIN_SEC_USEC * HIN_MSEC_USEC};
    struct process *process = context;
    if (!process->ending) {
        (void)nanosleep(&rest, NULL);
    }
}

static void depot_name(size_t at, char out[16])
{
    snprintf(out, 16, "depot-%zu", at);
}

/* ---- what comes round ---- */

static bool passed(int64_t *since_usec, int64_t every_usec)
{
    int64_t now_usec = hin_clock_monotonic_usec(hin_clock_system());
    if (*since_usec != 0 && now_usec - *since_usec < every_usec) {
        return false;
    }
    *since_usec = now_usec;
    return true;
}

static HIN_RESULT look_back(struct process *process)
{
    int64_t since_usec = hin_clock_monotonic_usec(hin_clock_system());
    bool more = true;
    while (more && hin_clock_monotonic_usec(hin_clock_system()) - since_usec < TICK_USEC) {
        HIN_TRY(hin_backup_cycle_look_back(&process->cycle, &more));
    }
    return hin_ok();
}

static HIN_RESULT work(struct process *process)
{
    struct hin_backup_cycle *cycle = &process->cycle;
    bool any = true;
    HIN_TRY(hin_tenant_watch(&process->own));
    while (any) {
        HIN_TRY(hin_backup_cycle_serve(cycle, &any));
    }
    any = true;
    while (any) {
        HIN_TRY(hin_backup_cycle_restore(cycle, &any));
    }
    any = true;
    while (any) {
        HIN_TRY(hin_backup_cycle_judge(cycle, &any));
    }
    int64_t shipments_usec = DUE_SHIPMENTS * cycle->settings.ship_seconds * HIN_SEC_USEC;
    if (passed(&process->due_usec,
               shipments_usec > 0 ? HIN_MIN(shipments_usec, DUE_USEC) : DUE_USEC)) {
        HIN_TRY(hin_tenant_refresh(&process->own));
        HIN_TRY(hin_backup_cycle_due(cycle));
    }
    if (passed(&process->destroy_usec, DESTROY_USEC)) {
        HIN_TRY(hin_backup_cycle_catch_up(cycle));
        HIN_TRY(hin_backup_cycle_destroy(cycle));
    }
    HIN_TRY(hin_backup_cycle_ship(cycle, false));
    HIN_TRY(look_back(process));
    if (passed(&process->alert_usec, ALERT_USEC)) {
        HIN_TRY(hin_backup_cycle_alert(cycle));
    }
    return passed(&process->rehearse_usec, REHEARSE_USEC) ? hin_backup_cycle_rehearse_due(cycle)
                                                          : hin_ok();
}

/* A handle outlives its folder: one that was removed, and one that was made since, are two. */
static bool lacks_folder(const struct process *process)
{
    for (size_t i = 0; i < process->cycle.settings.count; i++) {
        char name[16];
        struct stat about;
        depot_name(i, name);
        int folder = hin_role_fd(process->role, name);
        if (folder >= 0 && fstat(folder, &about) == 0 && about.st_nlink == 0) {
            return true;
        }
    }
    return process->lacking;
}

/* It is opened by the parent: ending is asking for it again, less and less often. */
static struct hin_result ask_again(struct process *process, int64_t now_usec)
{
    if (!lacks_folder(process) || now_usec - process->begun_usec < AGAIN_FIRST_USEC) {
        return hin_ok();
    }
    int64_t rest_usec = hin_backup_cycle_failing_for(&process->cycle) / 2;
    process->renewed = now_usec - process->begun_usec >= HIN_MIN(rest_usec, AGAIN_LAST_USEC);
    return process->renewed ? hin_fail(HIN_CLOSED) : hin_ok();
}

static struct hin_result tick(void *context, int64_t now_usec)
{
    struct process *process = context;
    struct hin_result worked = work(process);
    if (worked.code == HIN_CLOSED) {
        return hin_role_stopping(process->role) ? hin_ok() : worked;
    }
    if (!hin_is_ok(worked)) {
        HIN_ENSURE(worked.code != HIN_CORRUPT, CORRUPT); /* the own store is to be salvaged */
        hin_log_result(HIN_LOG_WARNING, worked, "backups");
    }
    return ask_again(process, now_usec);
}

/* ---- life ---- */

static HIN_RESULT read_settings(const struct hin_role *role, struct hin_backup_settings *settings)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    hin_backup_settings_default(settings);
    HIN_TRY(hin_json_parse(hin_role_setting(role, "backup"), 65536, &document, NULL));
    return hin_backup_settings_read(hin_json_root(document), settings, NULL);
}

/* Behind all others: a manager takes events in first. */
static struct hin_result backup_setup(struct hin_role *role)
{
    (void)role;
    (void)setpriority(PRIO_PROCESS, 0, NICE);
    /* For disks whose scheduler knows priorities: the last of the ordinary ones. */
    (void)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 7));
    return hin_ok();
}

static struct hin_result backup_sandbox(struct hin_role *role, struct hin_sandbox *sandbox)
{
    HIN_TRY(hin_process_protect());
    HIN_TRY(hin_database_allow(role, sandbox));
    hin_sandbox_allow_syscalls(sandbox, HIN_SANDBOX_FILES_WRITE);
    for (size_t i = 0; i < HIN_BACKUP_DESTINATIONS_MAX; i++) {
        char name[16];
        depot_name(i, name);
        if (hin_role_fd(role, name) >= 0) {
            HIN_TRY(
                hin_sandbox_allow_path(sandbox, hin_role_fd(role, name), ".",
                                       HIN_SANDBOX_READ | HIN_SANDBOX_WRITE | HIN_SANDBOX_CREATE));
        }
    }
    return hin_sandbox_allow_path(sandbox, hin_role_fd(role, "db"), ".",
                                  HIN_SANDBOX_READ | HIN_SANDBOX_WRITE | HIN_SANDBOX_CREATE);
}

static HIN_RESULT open_depots(struct process *process)
{
    struct hin_backup_cycle *cycle = &process->cycle;
    for (size_t i = 0; i < cycle->settings.count; i++) {
        char name[16];
        struct hin_error error = {0};
        depot_name(i, name);
        if (hin_depot_is_remote(&cycle->settings.destinations[i])) {
            HIN_TRY(hin_depot_remote_open(&cycle->depots[i], process->role, (unsigned)i));
            continue;
        }
        struct hin_depot_options options = {.url = cycle->settings.destinations[i].url,
                                            .directory = hin_role_fd(process->role, name)};
        struct hin_result opened = options.directory < 0
                                       ? hin_error_set(&error, HIN_NOT_FOUND, NULL, 0, 0,
                                                       "the folder cannot be opened (make or mount "
                                                       "it; the manager's log says more)")
                                       : hin_depot_open(&cycle->depots[i], &options, &error);
        if (!hin_is_ok(opened)) {
            process->lacking = true;
            snprintf(cycle->troubles[i], sizeof(cycle->troubles[i]), "%.230s", error.text);
            hin_log(HIN_LOG_ERROR, "backups cannot go to %s: %s",
                    cycle->settings.destinations[i].name, error.text);
        }
    }
    return hin_ok();
}

/* The settings file, so that a backup of the own tenant holds it. */
static HIN_RESULT note_settings(struct process *process)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf buf = {.max = HIN_STORE_DOCUMENT_BYTES};
    struct hin_store_document document;
    struct hin_store *store = process->own.store;
    int64_t now_usec = hin_tenant_now_usec(&process->own), id = 0;
    uint64_t version = 0;
    struct hin_store_content content = {.bytes = hin_role_setting(process->role, "settings")};
    struct hin_result got = hin_store_get(store, HIN_STORE_BACKUP_SETTINGS, 1, &buf, &document);
    if (got.code == HIN_NOT_FOUND) {
        return hin_store_create(store, HIN_STORE_BACKUP_SETTINGS, &content, now_usec, &id);
    }
    if (hin_is_ok(got) && hin_view_equal(document.bytes, content.bytes)) {
        return hin_ok();
    }
    return hin_store_update(store, HIN_STORE_BACKUP_SETTINGS, 1, 0, &content, now_usec, &version);
}

static HIN_RESULT begin(struct process *process)
{
    struct hin_backup_cycle *cycle = &process->cycle;
    struct hin_role *role = process->role;
    struct hin_ipc *keys;
    HIN_TRY(hin_role_wait_peer(role, "keys", 0, START_TIMEOUT_USEC, &keys));
    HIN_TRY(hin_database_take(role, &process->database));
    HIN_TRY(read_settings(role, &cycle->settings));
    cycle->keys = (struct hin_keys_carrier){hin_manager_call_keys, role};
    cycle->place =
        (struct hin_tenant_place){hin_role_fd(role, "db"), hin_database_server(&process->database)};
    cycle->clock = hin_clock_system();
    cycle->turn = turn;
    cycle->pause = pause_for;
    cycle->context = process;
    cycle->own = &process->own;
    hin_tenant_init(&process->own, &cycle->place, hin_role_setting_text(role, "tenant"),
                    &cycle->keys, HIN_VAULT_FOR_BACKUP, cycle->clock);
    process->begun_usec = hin_clock_monotonic_usec(cycle->clock);
    HIN_TRY(hin_tenant_wake(&process->own));
    HIN_TRY(open_depots(process));
    HIN_TRY(note_settings(process));
    return hin_backup_cycle_begin(cycle);
}

/* A clean stop leaves nothing that was not shipped: workers have ended before this process is told.
 */
static void end(struct process *process)
{
    struct hin_backup_cycle *cycle = &process->cycle;
    process->ending = true;
    if (process->own.store != NULL && hin_role_stopping(process->role)) {
        HIN_IGNORE(hin_backup_cycle_ship(cycle, true)); /* what failed was said */
    }
    hin_backup_cycle_end(cycle);
    for (size_t i = 0; i < HIN_BACKUP_DESTINATIONS_MAX; i++) {
        hin_depot_close(cycle->depots[i]);
    }
    hin_tenant_close(&process->own);
}

static struct hin_result backup_run(struct hin_role *role)
{
    struct process *process = calloc(1, sizeof(*process));
    HIN_ENSURE(process != NULL, NO_MEMORY);
    process->role = role;
    hin_tenant_give_memory_back();
    struct hin_result result = begin(process);
    if (hin_is_ok(result)) {
        struct hin_role_loop loop = {.context = process, .tick = tick, .tick_usec = TICK_USEC};
        result = hin_role_serve(role, &loop);
    }
    bool renewed = process->renewed;
    end(process);
    free(process);
    return renewed && result.code == HIN_CLOSED ? hin_ok() : result;
}

const struct hin_role_definition hin_manager_role_backup = {
    .name = "backup",
    .setup = backup_setup,
    .sandbox = backup_sandbox,
    .run = backup_run,
    .peers = {"keys", "depot"},
    .user = HIN_ROLE_USER_DATA,
    .instances = 0, /* started by `run` where a destination is set */
    .restart = HIN_ROLE_ALWAYS,
};
