/* The process `depot`: one destination's credentials and the way there. See remote.h. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/time.h"
#include "depot/s3_settings.h"
#include "depot/sftp_ssh.h"
#include "manager/depot/remote.h"
#include "manager/depot/remote_internal.h"
#include "manager/roles.h"

#define TICK_USEC  HIN_SEC_USEC
#define AGAIN_USEC (5 * HIN_SEC_USEC) /* between two tries to reach it */
#define LIST_MAX   ((size_t)512 * 1024 * 1024)

struct serving {
    struct hin_role *role;
    struct hin_depot_options options;
    const char *settings[HIN_BACKUP_SETTINGS_MAX + 1];
    char *settings_text;
    struct hin_secret secret;
    struct hin_ssh ssh; /* started before the lock, where the destination is reached by it */
    struct hin_depot *depot;
    struct hin_error error; /* of the last try to open it */
    int64_t tried_usec, begun_usec;
    bool by_ssh, spent; /* its ssh was used up: this process is to be another */
};

/* ---- before the lock ---- */

static int64_t wait_usec(const struct hin_role *role)
{
    const char *seconds = hin_role_setting_text(role, "wait");
    long wait = seconds != NULL ? strtol(seconds, NULL, 10) : 0;
    return (wait > 0 ? wait : HIN_BACKUP_WAIT_SECONDS) * HIN_SEC_USEC;
}

static HIN_RESULT read_options(struct serving *serving)
{
    struct hin_view text = hin_role_setting(serving->role, "settings");
    char *rest = NULL, *line = NULL;
    size_t count = 0;
    serving->settings_text = calloc(1, text.size + 1);
    HIN_ENSURE(serving->settings_text != NULL, NO_MEMORY);
    HIN_TRY(hin_view_to_text(text, serving->settings_text, text.size + 1));
    rest = serving->settings_text;
    while ((line = strsep(&rest, "\n")) != NULL && count < HIN_BACKUP_SETTINGS_MAX) {
        if (line[0] != '\0') {
            serving->settings[count++] = line;
        }
    }
    serving->options = (struct hin_depot_options){
        .url = hin_role_setting_text(serving->role, "url"),
        .directory = -1,
        .timeout_usec = wait_usec(serving->role),
        .settings = serving->settings,
    };
    HIN_ENSURE(serving->options.url != NULL, INVALID);
    int secret = hin_role_fd(serving->role, "secret");
    if (secret >= 0) {
        HIN_TRY(hin_secret_read_fd(&serving->secret, secret));
        serving->options.secret = &serving->secret;
    }
    return hin_ok();
}

/* ssh is started here, as the user that this process becomes: behind the lock there is no network
 * and nothing to execute. */
static HIN_RESULT start_ssh(struct serving *serving)
{
    struct hin_sftp_settings settings;
    struct hin_error error = {0};
    struct hin_result read =
        hin_sftp_settings_read(serving->options.url, serving->settings, &settings, &error);
    if (!hin_is_ok(read)) {
        hin_log(HIN_LOG_ERROR, "%s", error.text);
        return read;
    }
    struct hin_result started = hin_ssh_start(
        &serving->ssh, &settings, serving->options.timeout_usec, hin_role_user(serving->role));
    if (!hin_is_ok(started)) {
        hin_log_result(HIN_LOG_ERROR, started, "/usr/bin/ssh, by which %s is reached",
                       serving->options.url);
        return started;
    }
    serving->options.ssh = &serving->ssh;
    return hin_ok();
}

static struct hin_result depot_setup(struct hin_role *role)
{
    struct serving *serving = calloc(1, sizeof(*serving));
    HIN_ENSURE(serving != NULL, NO_MEMORY);
    serving->role = role;
    hin_role_set_context(role, serving);
    HIN_TRY(read_options(serving));
    serving->by_ssh = strncmp(serving->options.url, "sftp://", 7) == 0;
    return serving->by_ssh ? start_ssh(serving) : hin_ok();
}

static struct hin_result depot_sandbox(struct hin_role *role, struct hin_sandbox *sandbox)
{
    struct serving *serving = hin_role_context(role);
    struct hin_s3_settings settings;
    struct hin_error error = {0};
    HIN_TRY(hin_process_protect());
    if (serving->by_ssh) {
        return hin_ok(); /* it has its ends of ssh's pipes */
    }
    struct hin_result read =
        hin_s3_settings_read(serving->options.url, serving->settings, &settings, &error);
    if (!hin_is_ok(read)) {
        hin_log(HIN_LOG_ERROR, "%s", error.text);
        return read;
    }
    hin_sandbox_allow_syscalls(sandbox, HIN_SANDBOX_FILES_READ | HIN_SANDBOX_NET_CLIENT);
    HIN_TRY(hin_sandbox_allow_system_files(sandbox)); /* names, authorities */
    if (settings.ca_file[0] != '\0') {
        struct hin_result allowed =
            hin_sandbox_allow_path(sandbox, AT_FDCWD, settings.ca_file, HIN_SANDBOX_READ);
        HIN_ENSURE(hin_is_ok(allowed) || allowed.code == HIN_NOT_FOUND, INTERNAL);
    }
    return hin_sandbox_allow_connect(sandbox, settings.port);
}

/* ---- the destination ---- */

/* Opened at the first call, and again some time after it could not be. */
static HIN_RESULT reach(struct serving *serving)
{
    int64_t now_usec = hin_clock_monotonic_usec(hin_clock_system());
    if (serving->depot != NULL) {
        return hin_ok();
    }
    bool tried = serving->tried_usec != 0;
    if (tried && (serving->by_ssh || now_usec - serving->tried_usec < AGAIN_USEC)) {
        return hin_fail(serving->error.code);
    }
    serving->error = (struct hin_error){.code = HIN_IO};
    struct hin_result opened = hin_depot_open(&serving->depot, &serving->options, &serving->error);
    serving->tried_usec = hin_clock_monotonic_usec(hin_clock_system());
    serving->spent = serving->by_ssh && !hin_is_ok(opened);
    if (!hin_is_ok(opened)) {
        serving->error.code = opened.code;
    }
    return opened;
}

/* A failure with its sentence; a connection of ssh's that was lost ends this process soon. */
static HIN_RESULT refuse(struct serving *serving, struct hin_ipc *channel,
                         const struct hin_ipc_message *message, struct hin_result failed)
{
    const struct hin_error *error =
        serving->depot != NULL ? hin_depot_error(serving->depot) : &serving->error;
    bool lost = failed.code == HIN_NETWORK || failed.code == HIN_TIMEOUT;
    serving->spent = serving->spent || (serving->by_ssh && lost);
    struct hin_view text = hin_view_from_text(error->text[0] != '\0' && error->code == failed.code
                                                  ? error->text
                                                  : hin_code_text(failed.code));
    return hin_ipc_reply(channel, message, failed.code, text);
}

static HIN_RESULT answer(struct serving *serving, struct hin_ipc *channel,
                         const struct hin_ipc_message *message, struct hin_result done)
{
    return hin_is_ok(done) ? hin_ipc_reply(channel, message, HIN_OK, HIN_VIEW_EMPTY)
                           : refuse(serving, channel, message, done);
}

static HIN_RESULT read_name(struct hin_reader *reader, char out[HIN_DEPOT_NAME_MAX + 1])
{
    struct hin_view text = HIN_VIEW_EMPTY;
    HIN_TRY(hin_read_bytes(reader, HIN_DEPOT_NAME_MAX, &text));
    return hin_view_to_text(text, out, HIN_DEPOT_NAME_MAX + 1);
}

static struct hin_result handle_begin(void *context, struct hin_ipc *channel,
                                      struct hin_ipc_message *message)
{
    struct serving *serving = context;
    struct hin_reader reader = hin_reader_of(message->payload);
    char name[HIN_DEPOT_NAME_MAX + 1];
    uint8_t mode = 0;
    HIN_TRY(hin_read_u8(&reader, &mode));
    HIN_TRY(read_name(&reader, name));
    HIN_TRY(hin_read_end(&reader));
    HIN_ENSURE(mode <= HIN_DEPOT_REPLACE, SYNTAX);
    struct hin_result done = reach(serving);
    if (hin_is_ok(done)) {
        hin_depot_abort(serving->depot); /* of a `backup` that died */
        done = hin_depot_begin(serving->depot, name, (enum hin_depot_mode)mode);
    }
    return answer(serving, channel, message, done);
}

static struct hin_result handle_append(void *context, struct hin_ipc *channel,
                                       struct hin_ipc_message *message)
{
    struct serving *serving = context;
    struct hin_result done = reach(serving);
    if (hin_is_ok(done)) {
        done = hin_depot_append(serving->depot, message->payload);
    }
    return answer(serving, channel, message, done);
}

static struct hin_result handle_commit(void *context, struct hin_ipc *channel,
                                       struct hin_ipc_message *message)
{
    struct serving *serving = context;
    struct hin_result done = reach(serving);
    if (hin_is_ok(done)) {
        done = hin_depot_commit(serving->depot);
    }
    return answer(serving, channel, message, done);
}

static struct hin_result handle_drop(void *context, struct hin_ipc *channel,
                                     struct hin_ipc_message *message)
{
    struct serving *serving = context;
    if (serving->depot != NULL) {
        hin_depot_abort(serving->depot);
    }
    return hin_ipc_reply(channel, message, HIN_OK, HIN_VIEW_EMPTY);
}

static struct hin_result handle_sync(void *context, struct hin_ipc *channel,
                                     struct hin_ipc_message *message)
{
    struct serving *serving = context;
    struct hin_result done = reach(serving);
    if (hin_is_ok(done)) {
        done = hin_depot_sync(serving->depot);
    }
    return answer(serving, channel, message, done);
}

static struct hin_result handle_get(void *context, struct hin_ipc *channel,
                                    struct hin_ipc_message *message)
{
    struct serving *serving = context;
    struct hin_reader reader = hin_reader_of(message->payload);
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = HIN_IPC_PAYLOAD_MAX};
    char name[HIN_DEPOT_NAME_MAX + 1];
    uint64_t offset = 0;
    uint32_t limit = 0;
    HIN_TRY(read_name(&reader, name));
    HIN_TRY(hin_read_u64(&reader, &offset));
    HIN_TRY(hin_read_u32(&reader, &limit));
    HIN_TRY(hin_read_end(&reader));
    HIN_ENSURE(limit <= HIN_IPC_PAYLOAD_MAX, SYNTAX);
    struct hin_result done = reach(serving);
    if (hin_is_ok(done)) {
        done = hin_depot_get(serving->depot, name, offset, limit, &bytes);
    }
    return hin_is_ok(done) ? hin_ipc_reply(channel, message, HIN_OK, hin_buf_view(&bytes))
                           : refuse(serving, channel, message, done);
}

static HIN_RESULT add_entry(void *context, const struct hin_depot_entry *entry)
{
    return hin_remote_list_add(context, entry);
}

static struct hin_result handle_list(void *context, struct hin_ipc *channel,
                                     struct hin_ipc_message *message)
{
    struct serving *serving = context;
    struct hin_reader reader = hin_reader_of(message->payload);
    HIN_CLEANUP(hin_buf_done) struct hin_buf list = {.max = LIST_MAX};
    HIN_CLEANUP_FD int fd = -1;
    char prefix[HIN_DEPOT_NAME_MAX + 1];
    HIN_TRY(read_name(&reader, prefix));
    HIN_TRY(hin_read_end(&reader));
    struct hin_result done = reach(serving);
    if (hin_is_ok(done)) {
        done = hin_depot_list(serving->depot, prefix, add_entry, &list);
    }
    if (hin_is_ok(done)) {
        done = hin_memfd_from("list", hin_buf_view(&list), &fd);
    }
    return hin_is_ok(done) ? hin_ipc_reply_fds(channel, message, HIN_OK, HIN_VIEW_EMPTY, &fd, 1)
                           : refuse(serving, channel, message, done);
}

static struct hin_result handle_remove(void *context, struct hin_ipc *channel,
                                       struct hin_ipc_message *message)
{
    struct serving *serving = context;
    struct hin_reader reader = hin_reader_of(message->payload);
    char name[HIN_DEPOT_NAME_MAX + 1];
    HIN_TRY(read_name(&reader, name));
    HIN_TRY(hin_read_end(&reader));
    struct hin_result done = reach(serving);
    if (hin_is_ok(done)) {
        done = hin_depot_remove(serving->depot, name);
    }
    return answer(serving, channel, message, done);
}

/* ---- life ---- */

enum { NAMED_MAX = HIN_DEPOT_NAME_MAX + 16 };
static const struct hin_ipc_permit rows[] = {
    {HIN_MESSAGE_DEPOT_BEGIN, HIN_IPC_REQUEST, 0, 0, 3, NAMED_MAX, 0, handle_begin},
    {HIN_MESSAGE_DEPOT_APPEND, HIN_IPC_REQUEST, 0, 0, 1, HIN_REMOTE_APPEND_MAX, 0, handle_append},
    {HIN_MESSAGE_DEPOT_COMMIT, HIN_IPC_REQUEST, 0, 0, 0, 0, 0, handle_commit},
    {HIN_MESSAGE_DEPOT_DROP, HIN_IPC_REQUEST, 0, 0, 0, 0, 0, handle_drop},
    {HIN_MESSAGE_DEPOT_SYNC, HIN_IPC_REQUEST, 0, 0, 0, 0, 0, handle_sync},
    {HIN_MESSAGE_DEPOT_GET, HIN_IPC_REQUEST, 0, 0, 14, NAMED_MAX, 0, handle_get},
    {HIN_MESSAGE_DEPOT_LIST, HIN_IPC_REQUEST, 0, 0, 1, NAMED_MAX, 0, handle_list},
    {HIN_MESSAGE_DEPOT_REMOVE, HIN_IPC_REQUEST, 0, 0, 2, NAMED_MAX, 0, handle_remove},
};
static const struct hin_ipc_table table = {"backup -> depot", rows, HIN_COUNT(rows)};

/* One ssh, one process: where it is used up, another begins, but not at once again and again. */
static struct hin_result tick(void *context, int64_t now_usec)
{
    const struct serving *serving = context;
    HIN_ENSURE(!serving->spent || now_usec - serving->begun_usec < AGAIN_USEC, CLOSED);
    return hin_ok();
}

static struct hin_result depot_run(struct hin_role *role)
{
    static const struct hin_role_service services[] = {{"backup", &table}};
    struct serving *serving = hin_role_context(role);
    struct hin_role_loop loop = {.services = services,
                                 .service_count = HIN_COUNT(services),
                                 .context = serving,
                                 .tick = tick,
                                 .tick_usec = TICK_USEC};
    serving->begun_usec = hin_clock_monotonic_usec(hin_clock_system());
    struct hin_result served = hin_role_serve(role, &loop);
    bool ended = served.code == HIN_CLOSED && serving->spent;
    hin_depot_close(serving->depot);
    hin_ssh_stop(&serving->ssh);
    hin_secret_done(&serving->secret);
    free(serving->settings_text);
    free(serving);
    return ended ? hin_ok() : served;
}

const struct hin_role_definition hin_manager_role_depot = {
    .name = "depot",
    .setup = depot_setup,
    .sandbox = depot_sandbox,
    .run = depot_run,
    .peers = {"backup"},
    .user = HIN_ROLE_USER_DEPOT,
    .instances = 0, /* one for each destination that is no folder, started by `run` */
    .restart = HIN_ROLE_ALWAYS,
};
