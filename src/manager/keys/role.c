/* The `keys` process: tenant keys, the certificate authority, the signing key. No network; a closed
 * list of verbs; each use is told to `jobs`, which writes it into the audit record. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/secret.h"
#include "keys/protocol.h"
#include "keys/vault.h"
#include "manager/keys/use.h"
#include "manager/kms/aws.h"
#include "manager/kms/proxy.h"
#include "manager/roles.h"

enum { WAITING_MAX = 256, START_TIMEOUT_USEC = 30 * 1000 * 1000 };

struct keys {
    struct hin_role *role;
    int folder;
    struct hin_kms_proxy proxy;
    struct hin_kms_aws aws; /* where that is the service */
    struct hin_vault *vault;
    struct hin_buf waiting[WAITING_MAX]; /* uses told before jobs was there, or while it restarts */
    size_t waiting_count;
    uint64_t lost_count;
    bool tick_failed;
};

static void tell_waiting(struct keys *keys, struct hin_ipc *jobs)
{
    size_t sent = 0;
    while (
        sent < keys->waiting_count &&
        hin_is_ok(hin_ipc_send(jobs, HIN_MESSAGE_KEY_USE, 0, hin_buf_view(&keys->waiting[sent])))) {
        hin_buf_done(&keys->waiting[sent]);
        sent++;
    }
    keys->waiting_count -= sent;
    hin_move(keys->waiting, keys->waiting + sent, keys->waiting_count * sizeof(keys->waiting[0]));
}

/* Where no worker can take it out again. */
static void log_erasure(const struct hin_vault_use *use)
{
    if (strcmp(use->verb, hin_keys_verb_name(HIN_KEYS_TENANT_ERASE)) == 0) {
        hin_log(HIN_LOG_WARNING, "the keys of tenant %.*s were to be destroyed: %s",
                HIN_ARGS(use->tenant), hin_code_text(use->outcome));
    }
}

static void used(void *context, const struct hin_vault_use *use)
{
    struct keys *keys = context;
    log_erasure(use);
    struct hin_key_use told = {
        .verb = hin_view_from_text(use->verb),
        .reason = hin_view_from_text(hin_vault_reason_name(use->reason)),
        .tenant = use->tenant,
        .outcome = use->outcome,
        .time_usec = use->time_usec,
    };
    hin_copy(told.key_id, use->key_id, sizeof(told.key_id));
    if (keys->waiting_count == WAITING_MAX) {
        keys->lost_count++;
        return;
    }
    struct hin_buf *slot = &keys->waiting[keys->waiting_count];
    hin_buf_init(slot, HIN_KEY_USE_MAX);
    if (hin_is_ok(hin_key_use_encode(&told, slot))) {
        keys->waiting_count++;
    } else {
        hin_buf_done(slot);
        keys->lost_count++;
    }
    struct hin_ipc *jobs = hin_role_peer(keys->role, "jobs", 0);
    if (jobs != NULL) {
        tell_waiting(keys, jobs);
    }
}

/* Tried again each second, said once; meanwhile what is there is served. */
static void tick_generations(struct keys *keys, int64_t now_usec)
{
    struct hin_result ticked = hin_vault_generation_tick(keys->vault, now_usec);
    if (!hin_is_ok(ticked) && !keys->tick_failed) {
        hin_log_result(HIN_LOG_WARNING, ticked, "generations cannot be stored in the vault");
    }
    keys->tick_failed = !hin_is_ok(ticked);
}

static struct hin_result tick(void *context, int64_t now_usec)
{
    struct keys *keys = context;
    struct hin_ipc *jobs = hin_role_peer(keys->role, "jobs", 0);
    if (jobs != NULL) {
        tell_waiting(keys, jobs);
    }
    tick_generations(keys, now_usec);
    if (keys->lost_count > 0) {
        hin_log(HIN_LOG_WARNING, "%llu uses of keys could not be recorded",
                (unsigned long long)keys->lost_count);
        keys->lost_count = 0;
    }
    return hin_ok();
}

static struct hin_result serve(struct keys *keys, struct hin_ipc *channel,
                               struct hin_ipc_message *message, uint64_t mask)
{
    struct hin_buf answer = {.max = HIN_KEYS_MESSAGE_MAX};
    struct hin_result served = hin_buf_reserve(&answer, HIN_KEYS_MESSAGE_MAX);
    if (hin_is_ok(served)) {
        served = hin_keys_serve(keys->vault, mask, message->payload, &answer);
    }
    if (hin_is_ok(served)) {
        served = hin_ipc_reply(channel, message, HIN_OK, hin_buf_view(&answer));
    }
    hin_wipe(answer.data, answer.size);
    hin_buf_done(&answer);
    return served;
}

static struct hin_result serve_worker(void *context, struct hin_ipc *channel,
                                      struct hin_ipc_message *message)
{
    return serve(context, channel, message, HIN_KEYS_MASK_WORKER);
}

static struct hin_result serve_jobs(void *context, struct hin_ipc *channel,
                                    struct hin_ipc_message *message)
{
    return serve(context, channel, message, HIN_KEYS_MASK_JOBS);
}

static struct hin_result serve_backup(void *context, struct hin_ipc *channel,
                                      struct hin_ipc_message *message)
{
    return serve(context, channel, message, HIN_KEYS_MASK_BACKUP);
}

static const struct hin_ipc_permit backup_rows[] = {
    {HIN_MESSAGE_KEYS, HIN_IPC_REQUEST, 0, 0, 2, HIN_KEYS_MESSAGE_MAX, 0, serve_backup},
};
static const struct hin_ipc_table backup_table = {"backup -> keys", backup_rows,
                                                  HIN_COUNT(backup_rows)};

static const struct hin_ipc_permit worker_rows[] = {
    {HIN_MESSAGE_KEYS, HIN_IPC_REQUEST, 0, 0, 2, HIN_KEYS_MESSAGE_MAX, 0, serve_worker},
};
static const struct hin_ipc_table worker_table = {"worker -> keys", worker_rows,
                                                  HIN_COUNT(worker_rows)};

static const struct hin_ipc_permit jobs_rows[] = {
    {HIN_MESSAGE_KEYS, HIN_IPC_REQUEST, 0, 0, 2, HIN_KEYS_MESSAGE_MAX, 0, serve_jobs},
};
static const struct hin_ipc_table jobs_table = {"jobs -> keys", jobs_rows, HIN_COUNT(jobs_rows)};

/* kms and jobs only answer, or listen. */
static struct hin_result keys_sandbox(struct hin_role *role, struct hin_sandbox *sandbox)
{
    HIN_TRY(hin_process_protect());
    hin_sandbox_allow_syscalls(sandbox, HIN_SANDBOX_FILES_WRITE);
    return hin_sandbox_allow_path(sandbox, hin_role_fd(role, "vault"), ".",
                                  HIN_SANDBOX_READ | HIN_SANDBOX_WRITE | HIN_SANDBOX_CREATE);
}

/* The ring itself opened: kms would not be there otherwise. When kms went away, it says why. */
static void tell_refusal(struct hin_result refused)
{
    if (refused.code == HIN_AUTH) {
        hin_log(HIN_LOG_ERROR, "the key ring does not open this state folder's vault: it belongs "
                               "to another installation, or is older than the folder (`keyring` "
                               "in manager.json)");
    } else if (refused.code != HIN_CLOSED) {
        hin_log_result(HIN_LOG_ERROR, refused, "the vault cannot be opened");
    }
}

/* A ring that is older than the vault has keys that were destroyed, or lacks some. */
static HIN_RESULT check_ring(struct keys *keys)
{
    uint64_t found = 0, known = 0;
    HIN_TRY(hin_vault_keyring(keys->vault, &found, &known));
    if (found < known) {
        hin_log(HIN_LOG_ERROR,
                "the key ring was set back: it has generation %llu, the vault knows %llu. Put the "
                "newest key ring back, or let a key holder accept it as it is: hinomi-manager "
                "restore accept --state DIR",
                (unsigned long long)found, (unsigned long long)known);
        return hin_fail(HIN_SET_BACK);
    }
    tick_generations(keys, hin_clock_monotonic_usec(hin_clock_system()));
    return hin_ok();
}

/* Over the edge to kms: what it does, or for AWS KMS what is done here and it only moves. */
static HIN_RESULT open_vault(struct keys *keys)
{
    struct hin_error error = {0};
    struct hin_ipc *kms;
    keys->proxy.role = keys->role;
    HIN_TRY(hin_role_wait_peer(keys->role, "kms", 0, START_TIMEOUT_USEC, &kms));
    struct hin_result taken = hin_kms_aws_take(&keys->aws, keys->role, &error);
    if (!hin_is_ok(taken)) {
        hin_log(HIN_LOG_ERROR, "the key management service cannot be used: %s",
                error.text[0] != '\0' ? error.text : hin_code_text(taken.code));
        return taken;
    }
    struct hin_vault_options options = {
        .provider = keys->aws.aws != NULL ? hin_aws_provider(keys->aws.aws)
                                          : hin_kms_proxy_provider(&keys->proxy),
        .storage = hin_vault_storage_folder(&keys->folder),
        .used = used,
        .used_context = keys,
        .own = hin_role_setting_text(keys->role, "tenant"),
    };
    struct hin_result opened = hin_vault_open(&keys->vault, &options);
    if (!hin_is_ok(opened)) {
        tell_refusal(opened);
        return opened;
    }
    return check_ring(keys);
}

static struct hin_result keys_run(struct hin_role *role)
{
    static const struct hin_role_service services[] = {
        {"worker", &worker_table}, {"jobs", &jobs_table}, {"backup", &backup_table}};
    struct keys *keys = calloc(1, sizeof(*keys));
    HIN_ENSURE(keys != NULL, NO_MEMORY);
    keys->role = role;
    keys->folder = hin_role_fd(role, "vault");
    struct hin_result done = open_vault(keys);
    if (hin_is_ok(done)) {
        struct hin_role_loop loop = {.services = services,
                                     .service_count = HIN_COUNT(services),
                                     .context = keys,
                                     .tick = tick,
                                     .tick_usec = HIN_SEC_USEC};
        done = hin_role_serve(role, &loop);
        /* What was seen in the last second. */
        tick_generations(keys, hin_clock_monotonic_usec(hin_clock_system()));
    }
    hin_vault_free(keys->vault);
    hin_kms_aws_close(&keys->aws);
    free(keys);
    return done;
}

const struct hin_role_definition hin_manager_role_keys = {
    .name = "keys",
    .sandbox = keys_sandbox,
    .run = keys_run,
    .peers = {"kms", "jobs", "worker", "backup"},
    .user = HIN_ROLE_USER_KEYS,
    .instances = 1,
    .restart = HIN_ROLE_ALWAYS,
};
