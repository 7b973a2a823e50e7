#include "manager/parent/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/terminal.h"
#include "base/time.h"
#include "clock/role.h"
#include "event/state.h"
#include "io/address.h"
#include "manager/config.h"
#include "manager/content.h"
#include "manager/depot/remote.h"
#include "manager/kms/aws.h"
#include "manager/kms/hand.h"
#include "manager/kms/ringseal.h"
#include "manager/passphrase.h"
#include "manager/roles.h"
#include "role/parent.h"

struct run_options {
    const char *state;
    struct hin_passphrase_source passphrase;
    struct hin_passphrase_source kms_secret;
    struct hin_passphrase_source store_password;
    uint64_t workers;
    bool verbose;
};

static const struct hin_option option_rows[] = {
    {"state", 's', HIN_OPTION_TEXT, offsetof(struct run_options, state), "DIR",
     "Folder made by `hinomi-manager init`.", NULL, true, false},
    {"passphrase-file", 0, HIN_OPTION_TEXT, offsetof(struct run_options, passphrase.file), "F",
     "Opens the key ring with the pass phrase in this file.", NULL, false, false},
    {"passphrase-fd", 0, HIN_OPTION_TEXT, offsetof(struct run_options, passphrase.fd), "N",
     "The same, read from a descriptor.", NULL, false, false},
    {"passphrase-credential", 0, HIN_OPTION_TEXT,
     offsetof(struct run_options, passphrase.credential), "NAME",
     "The same, from this systemd credential (LoadCredential=); without any of the three, one "
     "named "
     "passphrase is taken where the service has it.",
     NULL, false, false},
    {"kms-secret-file", 0, HIN_OPTION_TEXT, offsetof(struct run_options, kms_secret.file), "F",
     "Opens another key management service: the user PIN of the PKCS#11 token, or credentials of "
     "AWS, in this file.",
     NULL, false, false},
    {"kms-secret-fd", 0, HIN_OPTION_TEXT, offsetof(struct run_options, kms_secret.fd), "N",
     "The same, read from a descriptor.", NULL, false, false},
    {"store-password-file", 0, HIN_OPTION_TEXT, offsetof(struct run_options, store_password.file),
     "F", "Password of the database role, in this file.", NULL, false, false},
    {"store-password-fd", 0, HIN_OPTION_TEXT, offsetof(struct run_options, store_password.fd), "N",
     "The same, read from a descriptor.", NULL, false, false},
    {"workers", 0, HIN_OPTION_COUNT, offsetof(struct run_options, workers), "N",
     "Worker processes; as many as processors unless set.", NULL, false, false},
    {"verbose", 'v', HIN_OPTION_FLAG, offsetof(struct run_options, verbose), NULL, "Log more.",
     NULL, false, false},
};

const struct hin_command hin_manager_run_command = {
    .name = "hinomi-manager run",
    .summary = "serve until SIGTERM",
    .options = option_rows,
    .option_count = HIN_COUNT(option_rows),
};

enum { WORKERS_MAX = 64, VAULT_TRIES = 3, TOLD_MAX = 32 };

struct told_state {
    enum hin_state_code state;
    char text[160];
};

struct run {
    struct run_options options;
    struct hin_manager_config config;
    char state[HIN_PATH_MAX];
    int state_fd, vault_fd, database_fd, api_fd, agents_fd;
    int trust_fd;             /* the catalogue of claims; -1: it is not installed */
    struct hin_secret secret; /* what opens the key management service */
    struct hin_database database;
    unsigned workers;
    unsigned instance; /* of the process that is being given what it needs */
    struct hin_role_parent *parent;
    struct told_state told[TOLD_MAX]; /* what no worker was ready for yet */
    size_t told_count;
    bool served;      /* all were ready once */
    bool pin_refused; /* by a TPM, which counts */
    bool unable;      /* the key ring does not open: there is nothing to serve with */
    bool set_back;    /* store, vault or key ring are older than they were */
    char urls[2][HIN_MANAGER_HOST_MAX + 32];
    struct hin_error error;
};

/* ---- what each process is given ---- */

static HIN_RESULT hand_kms(struct run *run, struct hin_role_hand *hand)
{
    struct hin_result handed = hin_kms_hand(hand, &run->config, &run->secret, &run->error);
    if (!hin_is_ok(handed) && run->error.text[0] != '\0') {
        hin_log(HIN_LOG_ERROR, "%s: %s", run->error.file, run->error.text);
    }
    return handed;
}

static HIN_RESULT hand_keys(struct run *run, struct hin_role_hand *hand)
{
    struct hin_result handed = hin_kms_aws_hand(hand, &run->config.kms, &run->secret, &run->error);
    if (!hin_is_ok(handed)) {
        hin_log(HIN_LOG_ERROR, "%s: %s", run->error.file, run->error.text);
        return handed;
    }
    HIN_TRY(hin_role_hand_setting(hand, "tenant", hin_view_from_text(run->config.tenant)));
    return hin_role_hand_fd(hand, "vault", run->vault_fd);
}

static HIN_RESULT hand_number(struct hin_role_hand *hand, const char *name, uint64_t number)
{
    char text[32];
    snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
    return hin_role_hand_setting(hand, name, hin_view_from_text(text));
}

static HIN_RESULT hand_jobs(struct run *run, struct hin_role_hand *hand)
{
    HIN_TRY(hin_role_hand_setting(hand, "tenant", hin_view_from_text(run->config.tenant)));
    HIN_TRY(hand_number(hand, "keep-days", run->config.keep_days));
    HIN_TRY(hand_number(hand, "workers", run->workers));
    HIN_TRY(hin_database_hand(&run->database, hand));
    return hin_role_hand_fd(hand, "db", run->database_fd);
}

/* The server's own files, where they are on this host, for a probe to look through: to read, and
 * as far as this process may. */
static HIN_RESULT hand_store_files(const struct run *run, struct hin_role_hand *hand)
{
    HIN_CLEANUP_FD int folder = -1;
    const char *path = run->config.store_files;
    if (path[0] == '\0' || run->config.store[0] == '\0') {
        return hin_ok();
    }
    struct hin_result opened = hin_fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, &folder);
    if (!hin_is_ok(opened)) {
        hin_log_result(HIN_LOG_WARNING, opened,
                       "the folder of the database server's files, %s (storeFiles)", path);
        return hin_ok();
    }
    return hin_role_hand_fd(hand, "store-files", folder);
}

static HIN_RESULT hand_jobs_own(struct run *run, struct hin_role_hand *hand)
{
    HIN_TRY(hand_jobs(run, hand));
    return hand_store_files(run, hand);
}

/* A folder that is not there now is tried again at the process's next start. */
static HIN_RESULT hand_destination(const struct hin_backup_destination *destination, size_t at,
                                   struct hin_role_hand *hand)
{
    HIN_CLEANUP_FD int folder = -1;
    char name[16];
    const char *path = destination->url + sizeof("file://") - 1;
    if (strncmp(destination->url, "file://", sizeof("file://") - 1) != 0) {
        return hin_ok();
    }
    struct hin_result opened = hin_fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, &folder);
    if (!hin_is_ok(opened)) {
        hin_log_result(HIN_LOG_ERROR, opened, "the folder %s of the backups' destination %s", path,
                       destination->name);
        return hin_ok();
    }
    snprintf(name, sizeof(name), "depot-%zu", at);
    return hin_role_hand_fd(hand, name, folder);
}

static HIN_RESULT hand_backup(struct run *run, struct hin_role_hand *hand)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 65536};
    HIN_CLEANUP(hin_buf_done) struct hin_buf settings = {.max = 65536};
    HIN_TRY(hin_backup_settings_text(&run->config.backup, &text));
    HIN_TRY(hin_file_read(run->state_fd, "manager.json", &settings));
    HIN_TRY(hin_role_hand_setting(hand, "tenant", hin_view_from_text(run->config.tenant)));
    HIN_TRY(hin_role_hand_setting(hand, "backup", hin_buf_view(&text)));
    HIN_TRY(hin_role_hand_setting(hand, "settings", hin_buf_view(&settings)));
    HIN_TRY(hin_database_hand(&run->database, hand));
    for (size_t i = 0; i < run->config.backup.count; i++) {
        HIN_TRY(hand_destination(&run->config.backup.destinations[i], i, hand));
    }
    return hin_role_hand_fd(hand, "db", run->database_fd);
}

static HIN_RESULT hand_depot(struct run *run, struct hin_role_hand *hand)
{
    HIN_ENSURE(run->instance < run->config.backup.count, INTERNAL);
    return hin_depot_remote_hand(&run->config.backup, run->instance, hand);
}

static HIN_RESULT hand_clock(struct run *run, struct hin_role_hand *hand)
{
    return hin_clock_settings_hand(&run->config.clock, hand);
}

/* What the process `probe` is to connect to: lines "LINK HOST PORT ADDRESS", the address as a
 * number, looked up here since that process can look up nothing; "-" where there is none. */
static HIN_RESULT add_listener(struct hin_buf *lines, const char *link,
                               const struct hin_manager_endpoint *endpoint)
{
    struct hin_address address;
    char text[HIN_ADDRESS_TEXT_BYTES] = "-";
    size_t count = 0;
    const char *host = hin_manager_is_wildcard(endpoint->host) ? "127.0.0.1" : endpoint->host;
    if (hin_is_ok(hin_resolve(host, endpoint->port, &address, 1, &count, NULL))) {
        hin_address_format_host(&address, text, sizeof(text));
    }
    return hin_buf_printf(lines, "%s %s %u %s\n", link, host, endpoint->port, text);
}

static HIN_RESULT hand_probe(struct run *run, struct hin_role_hand *hand)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf lines = {.max = 8192};
    HIN_TRY(add_listener(&lines, "api", &run->config.api));
    HIN_TRY(add_listener(&lines, "agents", &run->config.agents));
    for (size_t i = 0; i < run->config.front_count; i++) {
        HIN_TRY(add_listener(&lines, "cli", &run->config.fronts[i]));
    }
    return hin_role_hand_setting(hand, "listeners", hin_buf_view(&lines));
}

/* What a worker is to try to reach, and must not: the service that holds the wrapping keys. */
static HIN_RESULT hand_forbidden(struct run *run, struct hin_role_hand *hand)
{
    const struct hin_kms_settings *kms = &run->config.kms;
    struct hin_manager_endpoint endpoint;
    const char *path = kms->kind == HIN_KMS_FILE ? run->config.keyring : kms->module;
    HIN_TRY(hin_role_hand_setting(hand, "kms", hin_view_from_text(hin_kms_name(kms->kind))));
    if (kms->kind != HIN_KMS_AWS) {
        return hin_role_hand_setting(hand, "kms-path", hin_view_from_text(path));
    }
    HIN_CLEANUP(hin_buf_done) struct hin_buf line = {.max = 1024};
    HIN_TRY(hin_kms_aws_endpoint(kms, &endpoint));
    HIN_TRY(add_listener(&line, "kms", &endpoint));
    return hin_role_hand_setting(hand, "kms-endpoint", hin_buf_view(&line));
}

static HIN_RESULT hand_worker(struct run *run, struct hin_role_hand *hand)
{
    HIN_TRY(hand_jobs(run, hand));
    HIN_TRY(hin_role_hand_setting(hand, "api-host", hin_view_from_text(run->config.api.host)));
    HIN_TRY(
        hin_role_hand_setting(hand, "agents-host", hin_view_from_text(run->config.agents.host)));
    HIN_TRY(hin_role_hand_setting(hand, "api-url", hin_view_from_text(run->urls[0])));
    HIN_TRY(hin_role_hand_setting(hand, "agents-url", hin_view_from_text(run->urls[1])));
    HIN_TRY(hand_clock(run, hand));
    HIN_TRY(hand_forbidden(run, hand));
    if (run->trust_fd >= 0) {
        HIN_TRY(hin_role_hand_fd(hand, "trust", run->trust_fd));
    }
    HIN_TRY(hin_role_hand_fd(hand, "api", run->api_fd));
    return hin_role_hand_fd(hand, "agents", run->agents_fd);
}

static const struct {
    const char *role;
    struct hin_result (*hand)(struct run *run, struct hin_role_hand *hand);
} gifts[] = {{"kms", hand_kms},       {"keys", hand_keys},         {"jobs", hand_jobs_own},
             {"worker", hand_worker}, {"backup", hand_backup},     {"depot", hand_depot},
             {"probe", hand_probe},   {HIN_CLOCK_ROLE, hand_clock}};

static struct hin_result prepare(void *context, const char *name, unsigned instance,
                                 struct hin_role_hand *hand)
{
    struct run *run = context;
    run->instance = instance;
    for (size_t i = 0; i < HIN_COUNT(gifts); i++) {
        if (strcmp(gifts[i].role, name) == 0) {
            return gifts[i].hand(run, hand);
        }
    }
    return hin_fail(HIN_INTERNAL);
}

/* The parent has no database: a worker that is ready makes the event. */
static bool give_state(struct run *run, const struct told_state *told)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf payload = {.max = 1024};
    if (!hin_is_ok(hin_write_u16(&payload, (uint16_t)told->state)) ||
        !hin_is_ok(hin_write_bytes(&payload, hin_view_from_text(told->text)))) {
        return true; /* the log has it */
    }
    for (unsigned i = 0; i < run->workers; i++) {
        if (hin_role_parent_is_ready(run->parent, "worker", i) &&
            hin_is_ok(hin_role_parent_send(run->parent, "worker", i, HIN_MESSAGE_STATE,
                                           hin_buf_view(&payload), NULL, 0))) {
            return true;
        }
    }
    return false;
}

static void give_states(struct run *run)
{
    size_t given = 0;
    while (given < run->told_count && give_state(run, &run->told[given])) {
        given++;
    }
    run->told_count -= given;
    hin_move(run->told, run->told + given, run->told_count * sizeof(run->told[0]));
}

/* Kept for the next worker that is ready when none is: one that starts takes nothing yet. */
static void tell_state(struct run *run, enum hin_state_code state, const char *text)
{
    if (run->told_count < TOLD_MAX) { /* else the log has it */
        struct told_state *told = &run->told[run->told_count++];
        told->state = state;
        snprintf(told->text, sizeof(told->text), "%s", text);
    }
    give_states(run);
}

static void on_ready(void *context, const char *name, unsigned instance)
{
    (void)instance;
    if (strcmp(name, "worker") == 0) {
        give_states(context);
    }
}

/* It is not served, neither at the start nor when it happens under a running manager. */
static bool is_set_back(struct run *run, const struct hin_role_exit *exit)
{
    bool set_back = exit->crashed && WIFEXITED(exit->status) &&
                    WEXITSTATUS(exit->status) == HIN_ROLE_EXIT_SET_BACK;
    if (set_back && !run->set_back) {
        hin_log(HIN_LOG_ERROR,
                "%s: something was set back to an older state (see above). `hinomi-manager restore "
                "show --state %s` says what is where",
                run->served ? "ending" : "not starting", run->options.state);
        run->set_back = true;
        hin_role_parent_stop(run->parent);
    }
    return run->set_back;
}

static void on_exit_of(void *context, const struct hin_role_exit *exit)
{
    struct run *run = context;
    char text[160];
    if (is_set_back(run, exit)) {
        return;
    }
    /* Before anything was served, a key ring that does not open is a wrong pass phrase or a lost
     * file, and one that does not fit the vault is another installation's: trying on helps neither.
     * Later it is a crash like any other. */
    bool ring = strcmp(exit->name, "kms") == 0;
    bool vault = strcmp(exit->name, "keys") == 0 && exit->crash_count >= VAULT_TRIES;
    if (!run->served && !run->unable && exit->crashed && WIFEXITED(exit->status) &&
        (ring || vault)) {
        hin_log(HIN_LOG_ERROR, "the %s does not open%s; not starting (see above)",
                run->config.kms.kind == HIN_KMS_FILE ? "key ring" : "key management service",
                vault ? " the vault" : "");
        run->unable = true;
        hin_role_parent_stop(run->parent);
        return;
    }
    if (exit->crashed && !run->unable) {
        hin_log(HIN_LOG_ERROR, "%s/%u (pid %d) ended unexpectedly, status %d; again in %lld ms",
                exit->name, exit->instance, (int)exit->pid, exit->status,
                (long long)(exit->restart_in_usec / HIN_MSEC_USEC));
        snprintf(text, sizeof(text),
                 "Process %s/%u of the manager ended unexpectedly and is started again", exit->name,
                 exit->instance);
        tell_state(run, HIN_STATE_ROLE_RESTARTED, text);
    }
}

static void on_all_ready(void *context)
{
    struct run *run = context;
    run->served = true;
    tell_state(run, HIN_STATE_MANAGER_STARTED, "");
    hin_log(HIN_LOG_NOTICE, "ready: API %s, agents %s, %u workers", run->urls[0], run->urls[1],
            run->workers);
}

/* ---- what workers may ask ---- */

static struct hin_result tell_status(void *context, struct hin_ipc *channel,
                                     struct hin_ipc_message *message)
{
    struct hin_role_caller *caller = context;
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 1 << 20};
    struct hin_result written = hin_role_parent_status(caller->parent, &text);
    return hin_ipc_reply(channel, message, written.code, hin_buf_view(&text));
}

static const struct hin_ipc_permit parent_rows[] = {
    {HIN_MESSAGE_STATUS, HIN_IPC_REQUEST, 0, 0, 0, 0, 0, tell_status},
};
const struct hin_ipc_table hin_manager_parent_table = {"worker -> parent", parent_rows,
                                                       HIN_COUNT(parent_rows)};

/* ---- start ---- */

static HIN_RESULT open_folder(struct run *run, const char *name, int *ret_fd)
{
    struct hin_result opened =
        hin_fd_open(run->state_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, ret_fd);
    if (!hin_is_ok(opened)) {
        return hin_error_set(&run->error, opened.code, name, 0, 0, "cannot be opened: %s",
                             hin_code_text(opened.code));
    }
    return hin_ok();
}

/* Without it there is no page of claims; all else goes on. */
static void open_trust(struct run *run)
{
    char folder[HIN_PATH_MAX];
    if (!hin_is_ok(hin_content_find_trust(folder)) ||
        !hin_is_ok(hin_fd_open(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY, 0, &run->trust_fd))) {
        hin_log(HIN_LOG_WARNING, "the catalogue of claims (content/trust) is not installed: there "
                                 "is no page of them");
    }
}

static HIN_RESULT open_all(struct run *run, const struct hin_role_program *program)
{
    struct hin_result opened =
        hin_fd_open(AT_FDCWD, run->options.state, O_RDONLY | O_DIRECTORY, 0, &run->state_fd);
    if (!hin_is_ok(opened)) {
        return hin_error_set(&run->error, opened.code, run->options.state, 0, 0,
                             "the state folder cannot be opened: %s", hin_code_text(opened.code));
    }
    HIN_TRY(hin_manager_config_load(run->state_fd, &run->config, &run->error));
    HIN_TRY(open_folder(run, "vault", &run->vault_fd));
    HIN_TRY(open_folder(run, "db", &run->database_fd));
    HIN_TRY(hin_kms_secret_read(run->config.kms.kind, &run->options.passphrase,
                                &run->options.kms_secret, &run->secret, &run->error));
    struct hin_result unsealed =
        hin_ringseal_open(program, &run->config, &run->secret, &run->error);
    run->pin_refused = unsealed.code == HIN_AUTH || unsealed.code == HIN_LIMIT;
    HIN_TRY(unsealed);
    HIN_TRY(hin_database_open(&run->database, run->config.store, &run->options.store_password,
                              &run->error));
    open_trust(run);
    HIN_TRY(hin_listen_tcp(run->config.api.host, run->config.api.port, &run->api_fd, NULL,
                           &run->error));
    HIN_TRY(hin_listen_tcp(run->config.agents.host, run->config.agents.port, &run->agents_fd, NULL,
                           &run->error));
    hin_manager_endpoint_url(&run->config.api, run->urls[0], sizeof(run->urls[0]));
    hin_manager_endpoint_url(&run->config.agents, run->urls[1], sizeof(run->urls[1]));
    return hin_ok();
}

static unsigned count_workers(const struct run *run)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t wanted = run->options.workers > 0 ? run->options.workers : run->config.workers;
    if (wanted == 0) {
        wanted = processors > 0 ? (uint64_t)processors : 1;
    }
    return (unsigned)HIN_MIN(wanted, WORKERS_MAX);
}

/* 10,000 agents are 10,000 descriptors: children inherit the raised soft limit. */
static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static HIN_RESULT start_backup(struct run *run)
{
    for (unsigned i = 0; i < run->config.backup.count; i++) {
        if (hin_depot_is_remote(&run->config.backup.destinations[i])) {
            HIN_TRY(hin_role_parent_start(run->parent, "depot", i));
        }
    }
    return hin_role_parent_start(run->parent, "backup", 0);
}

static HIN_RESULT serve(struct run *run, const struct hin_role_program *program)
{
    struct hin_role_parent *parent = NULL;
    int64_t pause_usec = (int64_t)run->config.restart_seconds * HIN_SEC_USEC;
    struct hin_role_parent_config config = {
        .program = program,
        .context = run,
        .backoff_max_usec = pause_usec,
        .backoff_forget_usec = 2 * pause_usec,
        .prepare = prepare,
        .on_exit = on_exit_of,
        .on_ready = on_ready,
        .on_all_ready = on_all_ready,
        .uid_base = geteuid() == 0 ? run->config.uid_base : 0,
    };
    run->workers = count_workers(run);
    raise_file_limit();
    HIN_TRY(hin_role_parent_new(&config, &parent));
    run->parent = parent;
    struct hin_result result = hin_role_parent_start_all(parent);
    for (unsigned i = 0; hin_is_ok(result) && i < run->workers; i++) {
        result = hin_role_parent_start(parent, "worker", i);
    }
    if (hin_is_ok(result) && run->config.clock.server_count > 0) {
        result = hin_role_parent_start(parent, HIN_CLOCK_ROLE, 0);
    }
    if (hin_is_ok(result) && run->config.backup.set) {
        result = start_backup(run);
    }
    if (hin_is_ok(result)) {
        result = hin_role_parent_run(parent);
    }
    hin_role_parent_free(parent);
    if (hin_is_ok(result) && run->set_back) {
        return hin_fail(HIN_SET_BACK);
    }
    return hin_is_ok(result) && run->unable ? hin_fail(HIN_AUTH) : result;
}

int hin_manager_run(const struct hin_role_program *program, int argc, char **argv)
{
    struct run run = {.state_fd = -1,
                      .vault_fd = -1,
                      .database_fd = -1,
                      .api_fd = -1,
                      .agents_fd = -1,
                      .trust_fd = -1};
    char **operands;
    size_t operand_count = 0;
    bool help = false;
    struct hin_result result = hin_option_parse(&hin_manager_run_command, argc, argv, &run.options,
                                                &operands, &operand_count, &help, &run.error);
    if (help) {
        hin_option_help(&hin_manager_run_command, stdout);
        return 0;
    }
    if (!hin_is_ok(result)) {
        hin_terminal_line(stderr, "hinomi-manager run: %s", run.error.text);
        return 2;
    }
    umask(077);
    hin_log_open("hinomi-manager", "parent", run.options.verbose ? HIN_LOG_DEBUG : HIN_LOG_INFO);
    HIN_IGNORE(hin_process_protect()); /* a kernel that refuses it leaves us as safe as without */
    result = open_all(&run, program);
    if (hin_is_ok(result)) {
        result = serve(&run, program);
    }
    if (!hin_is_ok(result)) {
        char text[1200];
        hin_error_format(&run.error, text, sizeof(text));
        hin_log(HIN_LOG_ERROR, "%s", run.error.text[0] != 0 ? text : hin_code_text(result.code));
    }
    hin_secret_done(&run.secret);
    hin_database_close(&run.database);
    hin_fd_close(&run.trust_fd);
    hin_fd_close(&run.api_fd);
    hin_fd_close(&run.agents_fd);
    hin_fd_close(&run.database_fd);
    hin_fd_close(&run.vault_fd);
    hin_fd_close(&run.state_fd);
    if (result.code == HIN_SET_BACK) {
        return HIN_MANAGER_EXIT_SET_BACK;
    }
    return hin_is_ok(result) ? 0 : run.pin_refused ? 3 : 1;
}
