/* A child begins: gifts, execution, wiring; and what it says afterwards. */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "base/fd.h"
#include "base/time.h"
#include "role/parent_internal.h"

/* The environment of a child: no secrets, no service manager, only what the libraries read. */
static const char *const kept_variables[] = {
    "PATH=",
    "LANG=",
    "LC_",
    "TZ=",
    "JOURNAL_STREAM=",
    "ASAN_OPTIONS=",
    "LSAN_OPTIONS=",
    "UBSAN_OPTIONS=",
    "TSAN_OPTIONS=",
    "LLVM_PROFILE_FILE=",
    "OPENSSL_CONF=",
    "SSL_CERT_",
};

/* ---- The hand
 * -----------------------------------------------------------------------------------------------
 */

static HIN_RESULT copy_name(char *out, const char *name)
{
    HIN_ENSURE(name[0] != '\0', INVALID);
    return hin_view_to_text(hin_view_from_text(name), out, HIN_ROLE_NAME_MAX);
}

HIN_RESULT hin_role_hand_setting(struct hin_role_hand *hand, const char *name,
                                 struct hin_view value)
{
    HIN_ENSURE(hand->setting_count < ROLE_SETTINGS_MAX, LIMIT);
    HIN_ENSURE(value.size <= ROLE_SETTINGS_BYTES - hand->setting_bytes, LIMIT);
    struct role_setting *setting = &hand->settings[hand->setting_count];
    HIN_TRY(copy_name(setting->name, name));
    setting->value = malloc(value.size + 1);
    HIN_ENSURE(setting->value != NULL, NO_MEMORY);
    hin_copy(setting->value, value.data, value.size);
    setting->size = value.size;
    hand->setting_bytes += value.size;
    hand->setting_count++;
    return hin_ok();
}

HIN_RESULT hin_role_hand_fd(struct hin_role_hand *hand, const char *name, int fd)
{
    HIN_ENSURE(hand->fd_count < HIN_ROLE_FDS_MAX, LIMIT);
    struct role_fd *entry = &hand->fds[hand->fd_count];
    HIN_TRY(copy_name(entry->name, name));
    entry->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (entry->fd < 0) {
        return hin_fail(hin_code_from_errno(errno));
    }
    hand->fd_count++;
    return hin_ok();
}

HIN_RESULT hin_role_hand_program(struct hin_role_hand *hand, int fd)
{
    hin_fd_close(&hand->program);
    hand->program = fcntl(fd, F_DUPFD_CLOEXEC, ROLE_CHANNEL_FD + 1);
    if (hand->program < 0) {
        return hin_fail(hin_code_from_errno(errno));
    }
    return hin_ok();
}

static void hand_done(struct hin_role_hand *hand)
{
    for (size_t i = 0; i < hand->setting_count; i++) {
        hin_wipe(hand->settings[i].value, hand->settings[i].size);
        free(hand->settings[i].value);
    }
    for (size_t i = 0; i < hand->fd_count; i++) {
        hin_fd_close(&hand->fds[i].fd);
    }
    hin_fd_close(&hand->program);
}

static HIN_RESULT hand_over(struct child *child, const struct hin_role_hand *hand)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf buf = {.max = ROLE_SETTINGS_BYTES + 256};
    for (size_t i = 0; i < hand->setting_count; i++) {
        hin_buf_clear(&buf);
        HIN_TRY(hin_write_bytes(&buf, hin_view_from_text(hand->settings[i].name)));
        HIN_TRY(
            hin_write_bytes(&buf, hin_view_of(hand->settings[i].value, hand->settings[i].size)));
        HIN_TRY(hin_ipc_send(child->channel, ROLE_SETTING, 0, hin_buf_view(&buf)));
        hin_wipe(buf.data, buf.size);
    }
    for (size_t i = 0; i < hand->fd_count; i++) {
        hin_buf_clear(&buf);
        HIN_TRY(hin_write_bytes(&buf, hin_view_from_text(hand->fds[i].name)));
        HIN_TRY(
            hin_ipc_send_fds(child->channel, ROLE_FD, 0, hin_buf_view(&buf), &hand->fds[i].fd, 1));
    }
    return hin_ok();
}

/* ---- Wiring
 * -------------------------------------------------------------------------------------------------
 */

static bool names(const struct hin_role_definition *definition, const char *peer)
{
    for (size_t i = 0; i < HIN_ROLE_PEERS_MAX && definition->peers[i] != NULL; i++) {
        if (strcmp(definition->peers[i], peer) == 0) {
            return true;
        }
    }
    return false;
}

static bool have_edge(const struct child *a, const struct child *b)
{
    return a != b &&
           (names(a->definition, b->definition->name) || names(b->definition, a->definition->name));
}

static HIN_RESULT send_peer(struct child *to, const char *name, unsigned instance, int fd)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf buf = {.max = 256};
    HIN_TRY(hin_write_bytes(&buf, hin_view_from_text(name)));
    HIN_TRY(hin_write_u32(&buf, instance));
    return hin_ipc_send_fds(to->channel, ROLE_PEER, 0, hin_buf_view(&buf), &fd, 1);
}

/* A fresh channel between the child that starts and each of its peers that runs. */
static HIN_RESULT wire(struct child *child)
{
    for (struct child *other = child->parent->children; other != NULL; other = other->next) {
        if (other->channel == NULL || other->state == CHILD_STOPPING || !have_edge(child, other)) {
            continue;
        }
        HIN_CLEANUP_FD int mine = -1;
        HIN_CLEANUP_FD int its = -1;
        HIN_TRY(hin_ipc_pair(&mine, &its));
        if (!hin_is_ok(send_peer(other, child->definition->name, child->instance, its))) {
            /* it has not read its parent's messages for a full queue: whatever it does, it is not
             * well */
            other->reason = "did not read its messages";
            (void)kill(other->pid, SIGKILL);
        }
        HIN_TRY(send_peer(child, other->definition->name, other->instance, mine));
    }
    return hin_ok();
}

HIN_RESULT hin_role_child_connect(struct child *child, const char *as, struct hin_ipc **ret_channel)
{
    HIN_CLEANUP_FD int mine = -1;
    HIN_CLEANUP_FD int its = -1;
    HIN_TRY(hin_ipc_pair(&mine, &its));
    HIN_TRY(send_peer(child, as, 0, its));
    HIN_TRY(hin_ipc_new(mine, 0, ret_channel));
    mine = -1; /* the channel has it */
    return hin_ok();
}

/* ---- Execution
 * ---------------------------------------------------------------------------------------------- */

static char **make_environment(void)
{
    size_t count = 0;
    while (environ != NULL && environ[count] != NULL) {
        count++;
    }
    char **kept = calloc(count + 1, sizeof(*kept));
    size_t at = 0;
    for (size_t i = 0; kept != NULL && i < count; i++) {
        for (size_t j = 0; j < HIN_COUNT(kept_variables); j++) {
            if (strncmp(environ[i], kept_variables[j], strlen(kept_variables[j])) == 0) {
                kept[at++] = environ[i];
                break;
            }
        }
    }
    return kept;
}

/* In the forked child: only calls that are safe between fork and exec. */
static void execute(const struct hin_role_parent *parent, int program, int channel,
                    char **arguments, char **variables)
{
    (void)sigprocmask(SIG_SETMASK, &parent->old_mask, NULL);
    if (channel == ROLE_CHANNEL_FD) {
        (void)fcntl(channel, F_SETFD, 0);
    } else if (dup2(channel, ROLE_CHANNEL_FD) < 0) {
        _exit(126);
    }
    /* everything of ours is close-on-exec already; what the caller has inherited may not be */
    (void)syscall(SYS_close_range, ROLE_CHANNEL_FD + 1, ~0u, CLOSE_RANGE_CLOEXEC);
    if (program >= 0) {
        execveat(program, "", arguments, variables, AT_EMPTY_PATH);
    } else {
        execve("/proc/self/exe", arguments, variables);
    }
    _exit(127);
}

static HIN_RESULT spawn(struct child *child, int executable, int channel)
{
    char name[64];
    char program[64];
    char role_word[] = "--role";
    char channel_word[] = "--channel";
    char number[16];
    snprintf(name, sizeof(name), "%s/%u", child->definition->name, child->instance);
    snprintf(program, sizeof(program), "%s", child->parent->config.program->name);
    snprintf(number, sizeof(number), "%d", ROLE_CHANNEL_FD);
    char *arguments[] = {program, role_word, name, channel_word, number, NULL};
    char **variables = make_environment();
    HIN_ENSURE(variables != NULL, NO_MEMORY);
    pid_t pid = fork();
    if (pid == 0) {
        execute(child->parent, executable, channel, arguments, variables);
    }
    free(variables);
    HIN_ENSURE(pid > 0, NO_MEMORY);
    child->pid = pid;
    return hin_ok();
}

static HIN_RESULT send_start(struct child *child)
{
    const struct hin_role_parent_config *config = &child->parent->config;
    bool other_user = geteuid() == 0 && config->uid_base != 0;
    HIN_CLEANUP(hin_buf_done) struct hin_buf buf = {.max = 256};
    HIN_TRY(hin_write_u32(&buf,
                          other_user ? (uint32_t)(config->uid_base + child->definition->user) : 0));
    HIN_TRY(hin_write_bytes(&buf, hin_view_from_text(HIN_VERSION)));
    return hin_ipc_send(child->channel, ROLE_START, 0, hin_buf_view(&buf));
}

static HIN_RESULT begin(struct child *child, struct hin_role_hand *hand)
{
    const struct hin_role_parent_config *config = &child->parent->config;
    if (config->prepare != NULL) {
        HIN_TRY(config->prepare(config->context, child->definition->name, child->instance, hand));
    }
    HIN_CLEANUP_FD int mine = -1;
    HIN_CLEANUP_FD int its = -1;
    HIN_TRY(hin_ipc_pair(&mine, &its));
    HIN_TRY(hin_ipc_new(mine, 0, &child->channel));
    mine = -1; /* the channel has it */
    HIN_TRY(spawn(child, hand->program, its));
    HIN_TRY(hand_over(child, hand));
    HIN_TRY(wire(child));
    return send_start(child);
}

static const struct hin_ipc_table from_child;

HIN_RESULT hin_role_child_start(struct child *child)
{
    struct hin_role_hand hand = {.program = -1};
    child->report_bytes = child->weaker_bytes = 0;
    child->reason = "";
    child->framework = (struct hin_ipc_permits){.table = &from_child, .state = 1};
    child->program = (struct hin_ipc_permits){.table = child->definition->to_parent, .state = 1};
    child->started_usec = hin_clock_monotonic_usec(hin_clock_system());
    child->due_usec = child->started_usec + child->parent->config.start_timeout_usec;
    child->state = CHILD_STARTING;
    struct hin_result result = begin(child, &hand);
    hand_done(&hand);
    if (!hin_is_ok(result) && child->pid > 0) {
        child->reason = "could not be handed its gifts";
        (void)kill(child->pid, SIGKILL); /* reaped as any crash */
        return hin_ok();
    }
    if (!hin_is_ok(result)) {
        hin_ipc_free(child->channel);
        child->channel = NULL;
    }
    return result;
}

/* ---- What a child says
 * -------------------------------------------------------------------------------------- */

static HIN_RESULT on_locked(void *context, struct hin_ipc *channel, struct hin_ipc_message *message)
{
    struct child *child = context;
    hin_copy(child->weaker, message->payload.data, message->payload.size);
    child->weaker_bytes = message->payload.size;
    if (child->state == CHILD_STARTING) {
        child->state = CHILD_LOCKED;
    }
    return hin_ok();
}

static HIN_RESULT on_ready(void *context, struct hin_ipc *channel, struct hin_ipc_message *message)
{
    struct child *child = context;
    const struct hin_role_parent_config *config = &child->parent->config;
    HIN_ENSURE(child->state != CHILD_STARTING, PROTOCOL); /* not before its lock is closed */
    if (child->state == CHILD_LOCKED) {
        child->state = CHILD_READY;
        if (config->on_ready != NULL) {
            config->on_ready(config->context, child->definition->name, child->instance);
        }
    }
    return hin_ok();
}

static HIN_RESULT on_report(void *context, struct hin_ipc *channel, struct hin_ipc_message *message)
{
    struct child *child = context;
    hin_copy(child->report, message->payload.data, message->payload.size);
    child->report_bytes = message->payload.size;
    return hin_ok();
}

static const struct hin_ipc_permit from_child_rows[] = {
    {ROLE_LOCKED, HIN_IPC_ONCE, 0, 0, 0, ROLE_WEAKER_MAX_BYTES, 0, on_locked},
    {ROLE_READY, HIN_IPC_ONCE, 0, 0, 0, 0, 0, on_ready},
    {ROLE_REPORT, 0, 0, 0, 0, ROLE_REPORT_MAX_BYTES, 0, on_report},
};

static const struct hin_ipc_table from_child = {"role -> parent", from_child_rows,
                                                HIN_COUNT(from_child_rows)};

HIN_RESULT hin_role_child_receive(struct child *child)
{
    struct hin_role_caller caller = {.parent = child->parent,
                                     .context = child->parent->config.context,
                                     .name = child->definition->name,
                                     .instance = child->instance};
    struct hin_result flushed = hin_ipc_flush(child->channel);
    HIN_ENSURE(flushed.code != HIN_PROTOCOL, PROTOCOL);
    for (;;) {
        struct hin_ipc_message message;
        struct hin_result result = hin_ipc_receive(child->channel, &message);
        if (result.code == HIN_AGAIN) {
            return hin_ok();
        }
        HIN_TRY(result);
        if (message.type < HIN_IPC_TYPE_PROGRAM) {
            HIN_TRY(hin_ipc_handle(&child->framework, child->channel, &message, child));
        } else {
            HIN_TRY(hin_ipc_handle(&child->program, child->channel, &message, &caller));
        }
    }
}
