/* The agent's parent: opens what needs rights, hands it over, keeps the key file, restarts what
 * ends. It has no network and parses nothing from outside: paths it is asked for are the module's
 * word and go to the kernel, beneath the log roots. */
#include "agent/agent.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/key_file.h"
#include "agent/keys.h"
#include "agent/messages.h"
#include "agent/modules/log/log.h"
#include "agent/uplink.h"
#include "base/bytes.h"
#include "base/codec.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/time.h"
#include "clock/role.h"
#include "event/state.h"
#include "role/notify.h"
#include "role/parent.h"
#include "sensor/roots.h"

#define POLICY_KEY_MAX 4096
#define STATUS_USEC    (10 * HIN_SEC_USEC)

/* One process of the log module. At most two: the one in force, and the one that will be. */
struct instance {
    bool used;
    unsigned number;
    uint64_t serial;
    int policy; /* memory file with the bundle */
    int inotify;
    bool loaded;
};

struct agent {
    struct hin_agent_config config;
    struct hin_role_parent *parent;
    struct hin_ring *ring;
    struct hin_key_provider provider;
    struct hin_agent_keys keys;
    struct hin_roots roots;
    struct hin_buf roots_setting, policy_key;
    int folder, uplink_folder;
    struct instance now, next;
    struct instance later; /* a policy that came while `next` was taking over */
    unsigned instances;
    bool uplink_started, stopping, journal_allowed;
    int64_t status_at;
};

/* ---- what children ask ---- */

static struct agent *agent_of(void *context)
{
    return ((struct hin_role_caller *)context)->context;
}

static HIN_RESULT path_read(struct hin_view payload, unsigned *ret_root, char *ret_path)
{
    struct hin_reader reader = hin_reader_of(payload);
    uint8_t root = 0;
    struct hin_view path;
    HIN_TRY(hin_read_u8(&reader, &root));
    HIN_TRY(hin_read_bytes(&reader, HIN_PATH_MAX - 1, &path));
    HIN_TRY(hin_read_end(&reader));
    HIN_ENSURE(hin_is_ok(hin_view_to_text(path, ret_path, HIN_PATH_MAX)), PROTOCOL);
    *ret_root = root;
    return hin_ok();
}

static HIN_RESULT reply_fd(struct hin_ipc *channel, struct hin_ipc_message *message,
                           struct hin_result result, int fd)
{
    return hin_is_ok(result) ? hin_ipc_reply_fds(channel, message, HIN_OK, HIN_VIEW_EMPTY, &fd, 1)
                             : hin_ipc_reply(channel, message, result.code, HIN_VIEW_EMPTY);
}

static HIN_RESULT handle_open_file(void *context, struct hin_ipc *channel,
                                   struct hin_ipc_message *message)
{
    struct agent *agent = agent_of(context);
    HIN_CLEANUP_FD int fd = -1;
    char path[HIN_PATH_MAX];
    unsigned root = 0;
    HIN_TRY(path_read(message->payload, &root, path));
    struct hin_result result = hin_roots_open_file(&agent->roots, root, path, &fd);
    return reply_fd(channel, message, result, fd);
}

static HIN_RESULT handle_open_folder(void *context, struct hin_ipc *channel,
                                     struct hin_ipc_message *message)
{
    struct agent *agent = agent_of(context);
    HIN_CLEANUP_FD int fd = -1;
    char path[HIN_PATH_MAX];
    unsigned root = 0;
    HIN_TRY(path_read(message->payload, &root, path));
    struct hin_result result = hin_roots_open_directory(&agent->roots, root, path, &fd);
    return reply_fd(channel, message, result, fd);
}

static struct instance *instance_of(struct agent *agent, unsigned number)
{
    if (agent->now.used && agent->now.number == number) {
        return &agent->now;
    }
    return agent->next.used && agent->next.number == number ? &agent->next : NULL;
}

static HIN_RESULT handle_watch(void *context, struct hin_ipc *channel,
                               struct hin_ipc_message *message)
{
    struct agent *agent = agent_of(context);
    struct instance *instance = instance_of(agent, ((struct hin_role_caller *)context)->instance);
    char path[HIN_PATH_MAX];
    unsigned root = 0;
    int watch = -1;
    uint8_t number[4];
    HIN_TRY(path_read(message->payload, &root, path));
    struct hin_result result =
        instance != NULL ? hin_roots_watch(&agent->roots, instance->inotify, root, path, &watch)
                         : hin_fail(HIN_NOT_FOUND);
    hin_store_u32(number, (uint32_t)watch);
    return hin_ipc_reply(channel, message, result.code,
                         hin_view_of(number, hin_is_ok(result) ? 4 : 0));
}

struct found_journal {
    int fd;
    int64_t mtime_usec;
};

static void journal_keep(struct found_journal *found, size_t *count, int fd, const struct stat *st)
{
    struct found_journal now = {fd, (int64_t)st->st_mtim.tv_sec * HIN_SEC_USEC +
                                        st->st_mtim.tv_nsec / 1000};
    if (*count < HIN_IPC_FDS_MAX) {
        found[(*count)++] = now;
        return;
    }
    size_t oldest = 0;
    for (size_t i = 1; i < *count; i++) {
        oldest = found[i].mtime_usec < found[oldest].mtime_usec ? i : oldest;
    }
    if (found[oldest].mtime_usec < now.mtime_usec) {
        struct found_journal out = found[oldest];
        found[oldest] = now;
        now = out;
    }
    hin_fd_close(&now.fd);
}

/* The newest journal files below one folder of the journal (one folder a machine id). */
static void journal_folder(struct agent *agent, struct instance *instance, int folder,
                           struct found_journal *found, size_t *count, int depth)
{
    (void)agent;
    char path[64];
    DIR *directory = fdopendir(folder);
    if (directory == NULL) {
        hin_fd_close(&folder);
        return;
    }
    snprintf(path, sizeof(path), "/proc/self/fd/%d/.", dirfd(directory));
    (void)inotify_add_watch(instance->inotify, path,
                            IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
    for (struct dirent *d = readdir(directory); d != NULL; d = readdir(directory)) {
        int fd = -1;
        struct stat st;
        bool is_journal = hin_view_ends_with(hin_view_from_text(d->d_name), HIN_VIEW(".journal"));
        int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | (is_journal ? 0 : O_DIRECTORY);
        if (d->d_name[0] == '.' || (!is_journal && depth > 0) ||
            !hin_is_ok(hin_fd_open(dirfd(directory), d->d_name, flags, 0, &fd))) {
            continue;
        }
        if (!is_journal) {
            journal_folder(agent, instance, fd, found, count, depth + 1);
        } else if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
            hin_fd_close(&fd);
        } else {
            journal_keep(found, count, fd, &st);
        }
    }
    closedir(directory);
}

static HIN_RESULT handle_open_journal(void *context, struct hin_ipc *channel,
                                      struct hin_ipc_message *message)
{
    static const char *const folders[] = {"/var/log/journal", "/run/log/journal"};
    struct agent *agent = agent_of(context);
    struct instance *instance = instance_of(agent, ((struct hin_role_caller *)context)->instance);
    struct found_journal found[HIN_IPC_FDS_MAX];
    int fds[HIN_IPC_FDS_MAX];
    size_t count = 0;
    if (!agent->journal_allowed) { /* the module does not ask then; a captured one might */
        return hin_ipc_reply(channel, message, HIN_DENIED, HIN_VIEW_EMPTY);
    }
    for (size_t i = 0; i < HIN_COUNT(folders) && instance != NULL; i++) {
        int fd = -1;
        if (hin_is_ok(
                hin_fd_open(AT_FDCWD, folders[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd))) {
            journal_folder(agent, instance, fd, found, &count, 0);
        }
    }
    for (size_t i = 0; i < count; i++) {
        fds[i] = found[i].fd;
    }
    struct hin_result result = hin_ipc_reply_fds(
        channel, message, count > 0 ? HIN_OK : HIN_NOT_FOUND, HIN_VIEW_EMPTY, fds, count);
    for (size_t i = 0; i < count; i++) {
        hin_fd_close(&found[i].fd);
    }
    return result;
}

static void tell_uplink(struct agent *agent, uint16_t type, struct hin_view payload)
{
    struct hin_result result =
        hin_role_parent_send(agent->parent, HIN_AGENT_ROLE_UPLINK, 0, type, payload, NULL, 0);
    if (!hin_is_ok(result) && result.code != HIN_NOT_FOUND) {
        hin_log_result(HIN_LOG_WARNING, result, "telling the uplink");
    }
}

static void policy_result(struct agent *agent, uint64_t serial, bool applied,
                          struct hin_view sentence)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf payload = {.max = 8192};
    struct hin_result result = hin_write_u64(&payload, serial);
    if (hin_is_ok(result)) {
        result = hin_write_u8(&payload, applied);
    }
    if (hin_is_ok(result)) {
        result = hin_write_bytes(&payload, hin_view_sub(sentence, 0, 1000));
    }
    if (hin_is_ok(result)) {
        tell_uplink(agent, HIN_AGENT_POLICY_RESULT, hin_buf_view(&payload));
    }
}

static void note(struct agent *agent, enum hin_state_code state, const char *component,
                 const char *detail)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf payload = {.max = 8192};
    struct hin_result result = hin_write_u16(&payload, (uint16_t)state);
    if (hin_is_ok(result)) {
        result = hin_write_bytes(&payload, hin_view_from_text(component));
    }
    if (hin_is_ok(result)) {
        result = hin_write_bytes(&payload, hin_view_from_text(detail));
    }
    if (hin_is_ok(result)) {
        tell_uplink(agent, HIN_AGENT_NOTE, hin_buf_view(&payload));
    }
}

static void instance_done(struct instance *instance)
{
    hin_fd_close(&instance->policy);
    hin_fd_close(&instance->inotify);
    *instance = (struct instance){.policy = -1, .inotify = -1};
}

static void go(struct agent *agent, const struct instance *instance)
{
    struct hin_result result = hin_role_parent_send(
        agent->parent, HIN_AGENT_ROLE_LOG, instance->number, HIN_AGENT_GO, HIN_VIEW_EMPTY, NULL, 0);
    if (!hin_is_ok(result)) {
        hin_log_result(HIN_LOG_WARNING, result, "starting the log module");
    }
}

static HIN_RESULT start_next(struct agent *agent, uint64_t serial, int policy);

/* `next` is in force from here on: what was before it has ended. */
static void take_over(struct agent *agent)
{
    instance_done(&agent->now);
    agent->now = agent->next;
    agent->next = (struct instance){.policy = -1, .inotify = -1};
    go(agent, &agent->now);
    if (agent->later.used) {
        struct instance later = agent->later;
        agent->later = (struct instance){.policy = -1, .inotify = -1};
        struct hin_result result = start_next(agent, later.serial, later.policy);
        if (!hin_is_ok(result)) {
            hin_log_result(HIN_LOG_WARNING, result, "policy %llu",
                           (unsigned long long)later.serial);
        }
    }
}

static HIN_RESULT told(struct hin_view payload, uint64_t *ret_serial, struct hin_view *ret_text)
{
    struct hin_reader reader = hin_reader_of(payload);
    HIN_TRY(hin_read_u64(&reader, ret_serial));
    HIN_TRY(hin_read_bytes(&reader, 4096, ret_text));
    return hin_read_end(&reader);
}

static HIN_RESULT handle_loaded(void *context, struct hin_ipc *channel,
                                struct hin_ipc_message *message)
{
    struct agent *agent = agent_of(context);
    struct hin_role_caller *caller = context;
    struct instance *instance = instance_of(agent, caller->instance);
    uint64_t serial = 0;
    struct hin_view text;
    (void)channel;
    HIN_TRY(told(message->payload, &serial, &text));
    HIN_ENSURE(instance != NULL && serial == instance->serial, PROTOCOL);
    bool first = !instance->loaded;
    instance->loaded = true;
    if (first) {
        policy_result(agent, serial, true, text);
    }
    if (instance == &agent->now) {
        go(agent, instance);
    } else if (agent->now.used) {
        struct hin_result result =
            hin_role_parent_stop_one(agent->parent, HIN_AGENT_ROLE_LOG, agent->now.number);
        if (!hin_is_ok(result) && result.code != HIN_NOT_FOUND) {
            return result;
        }
        if (hin_role_parent_pid(agent->parent, HIN_AGENT_ROLE_LOG, agent->now.number) < 0) {
            take_over(agent); /* it had crashed and waited to be started again */
        }                     /* else on_exit goes on */
    }
    return hin_ok();
}

static HIN_RESULT handle_refused(void *context, struct hin_ipc *channel,
                                 struct hin_ipc_message *message)
{
    struct agent *agent = agent_of(context);
    struct hin_role_caller *caller = context;
    struct instance *instance = instance_of(agent, caller->instance);
    uint64_t serial = 0;
    struct hin_view text;
    (void)channel;
    HIN_TRY(told(message->payload, &serial, &text));
    HIN_ENSURE(instance != NULL && serial == instance->serial, PROTOCOL);
    policy_result(agent, serial, false, text);
    unsigned number = instance->number;
    if (instance == &agent->next || !instance->loaded) {
        instance_done(instance);
        HIN_IGNORE(hin_role_parent_stop_one(agent->parent, HIN_AGENT_ROLE_LOG,
                                            number)); /* it ends by itself */
    }
    return hin_ok();
}

static const struct hin_ipc_permit log_rows[] = {
    {HIN_AGENT_OPEN_FILE, HIN_IPC_REQUEST, 0, 0, 2, HIN_AGENT_PATH_MESSAGE_MAX, 0,
     handle_open_file},
    {HIN_AGENT_OPEN_FOLDER, HIN_IPC_REQUEST, 0, 0, 2, HIN_AGENT_PATH_MESSAGE_MAX, 0,
     handle_open_folder},
    {HIN_AGENT_WATCH, HIN_IPC_REQUEST, 0, 0, 2, HIN_AGENT_PATH_MESSAGE_MAX, 0, handle_watch},
    {HIN_AGENT_OPEN_JOURNAL, HIN_IPC_REQUEST, 0, 0, 0, 0, 0, handle_open_journal},
    {HIN_AGENT_LOADED, 0, 0, 0, 9, 8192, 0, handle_loaded},
    {HIN_AGENT_REFUSED, 0, 0, 0, 9, 8192, 0, handle_refused},
};
static const struct hin_ipc_table log_table = {"log -> parent", log_rows, HIN_COUNT(log_rows)};

/* Takes the descriptor of the policy. */
static HIN_RESULT start_next(struct agent *agent, uint64_t serial, int policy)
{
    agent->next = (struct instance){
        .used = true,
        .number = ++agent->instances & 0xffff,
        .serial = serial,
        .policy = policy,
        .inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK),
    };
    if (!agent->now.used) {
        agent->now = agent->next;
        agent->next = (struct instance){.policy = -1, .inotify = -1};
        return hin_role_parent_start(agent->parent, HIN_AGENT_ROLE_LOG, agent->now.number);
    }
    struct hin_result result =
        hin_role_parent_start(agent->parent, HIN_AGENT_ROLE_LOG, agent->next.number);
    if (!hin_is_ok(result)) {
        instance_done(&agent->next);
    }
    return result;
}

static HIN_RESULT handle_policy(void *context, struct hin_ipc *channel,
                                struct hin_ipc_message *message)
{
    struct agent *agent = agent_of(context);
    struct hin_reader reader = hin_reader_of(message->payload);
    uint64_t serial = 0;
    (void)channel;
    HIN_TRY(hin_read_u64(&reader, &serial));
    HIN_TRY(hin_read_end(&reader));
    /* What `log` checks must be what it then uses, whoever gave it; and never an older one again.
     */
    HIN_ENSURE(hin_memfd_is_sealed(message->fds[0]), PROTOCOL);
    HIN_ENSURE(!agent->now.used || serial >= agent->now.serial, PROTOCOL);
    if (agent->now.used && agent->now.serial == serial) {
        return hin_ok(); /* a restarted uplink tells what runs already */
    }
    if (agent->next.used && agent->next.loaded) { /* the one before it is ending for its sake */
        instance_done(&agent->later);
        agent->later = (struct instance){
            .used = true, .serial = serial, .policy = hin_fd_take(&message->fds[0]), .inotify = -1};
        return hin_ok();
    }
    if (agent->next.used) { /* a newer one came while that one compiled */
        unsigned number = agent->next.number;
        instance_done(&agent->next);
        HIN_IGNORE(hin_role_parent_stop_one(agent->parent, HIN_AGENT_ROLE_LOG, number));
    }
    return start_next(agent, serial, hin_fd_take(&message->fds[0]));
}

static HIN_RESULT key_read(struct hin_view payload, uint8_t *ret_purpose, struct hin_view *ret_id,
                           struct hin_view *ret_bytes)
{
    struct hin_reader reader = hin_reader_of(payload);
    HIN_TRY(hin_read_u8(&reader, ret_purpose));
    HIN_TRY(hin_read_exact(&reader, HIN_SEAL_KEY_ID_BYTES, ret_id));
    HIN_TRY(hin_read_bytes(&reader, HIN_AGENT_KEY_MESSAGE_MAX, ret_bytes));
    HIN_TRY(hin_read_end(&reader));
    HIN_ENSURE(*ret_purpose == HIN_KEY_SPOOL || *ret_purpose == HIN_KEY_STATE, PROTOCOL);
    return hin_ok();
}

static HIN_RESULT handle_wrap(void *context, struct hin_ipc *channel,
                              struct hin_ipc_message *message)
{
    struct agent *agent = agent_of(context);
    HIN_CLEANUP(hin_buf_done) struct hin_buf wrapped = {.max = HIN_AGENT_KEY_MESSAGE_MAX};
    HIN_CLEANUP(hin_secret_done) struct hin_secret plain = {0};
    uint8_t purpose = 0;
    struct hin_view id, bytes;
    HIN_TRY(key_read(message->payload, &purpose, &id, &bytes));
    HIN_ENSURE(bytes.size == HIN_SEAL_KEY_BYTES, PROTOCOL);
    HIN_TRY(hin_secret_from(&plain, bytes));
    struct hin_result result = agent->keys.wrap(agent->keys.context, (enum hin_key_purpose)purpose,
                                                id.data, &plain, &wrapped);
    return hin_ipc_reply(channel, message, result.code, hin_buf_view(&wrapped));
}

static HIN_RESULT handle_unwrap(void *context, struct hin_ipc *channel,
                                struct hin_ipc_message *message)
{
    struct agent *agent = agent_of(context);
    HIN_CLEANUP(hin_secret_done) struct hin_secret plain = {0};
    uint8_t purpose = 0;
    struct hin_view id, bytes;
    HIN_TRY(key_read(message->payload, &purpose, &id, &bytes));
    struct hin_result result = agent->keys.unwrap(
        agent->keys.context, (enum hin_key_purpose)purpose, id.data, bytes, &plain);
    return hin_ipc_reply(channel, message, result.code, hin_secret_view(&plain));
}

static const struct hin_ipc_permit uplink_rows[] = {
    {HIN_AGENT_POLICY, 0, 1, 1, 8, 8, 0, handle_policy},
    {HIN_AGENT_WRAP, HIN_IPC_REQUEST, 0, 0, 18, HIN_AGENT_KEY_MESSAGE_MAX, 0, handle_wrap},
    {HIN_AGENT_UNWRAP, HIN_IPC_REQUEST, 0, 0, 18, HIN_AGENT_KEY_MESSAGE_MAX, 0, handle_unwrap},
};
static const struct hin_ipc_table uplink_table = {"uplink -> parent", uplink_rows,
                                                  HIN_COUNT(uplink_rows)};

/* ---- the roles ---- */

static const struct hin_role_definition roles[] = {
    {
        .name = HIN_AGENT_ROLE_UPLINK,
        .setup = hin_agent_uplink_setup,
        .sandbox = hin_agent_uplink_sandbox,
        .run = hin_agent_uplink_run,
        .peers = {HIN_AGENT_ROLE_LOG},
        .user = 1,
        .instances = 1,
        .restart = HIN_ROLE_ALWAYS,
        .to_parent = &uplink_table,
    },
    {
        .name = HIN_AGENT_ROLE_LOG,
        .setup = hin_agent_log_setup,
        .sandbox = hin_agent_log_sandbox,
        .run = hin_agent_log_run,
        .user = 2,
        .restart = HIN_ROLE_ALWAYS,
        .to_parent = &log_table,
        .no_ready = true,
    },
    {
        .name = HIN_CLOCK_ROLE, /* only where time servers are configured */
        .sandbox = hin_clock_role_sandbox,
        .run = hin_clock_role_run,
        .peers = {HIN_AGENT_ROLE_UPLINK},
        .user = 3,
        .restart = HIN_ROLE_ALWAYS,
    },
};

const struct hin_role_program hin_agent_program = {"hinomi-agent", roles, HIN_COUNT(roles)};

/* ---- what children get ---- */

static HIN_RESULT hand_text(struct hin_role_hand *hand, const char *name, const char *text)
{
    return hin_role_hand_setting(hand, name, hin_view_from_text(text));
}

static HIN_RESULT hand_number(struct hin_role_hand *hand, const char *name, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
    return hand_text(hand, name, text);
}

static HIN_RESULT prepare_uplink(struct agent *agent, struct hin_role_hand *hand)
{
    HIN_TRY(hin_role_hand_fd(hand, "folder", agent->uplink_folder));
    HIN_TRY(hand_text(hand, "host", agent->config.host));
    HIN_TRY(hand_number(hand, "port", agent->config.port));
    if (agent->config.spool_max_bytes != 0) {
        HIN_TRY(hand_number(hand, "spool-max-bytes", agent->config.spool_max_bytes));
    }
    HIN_TRY(hin_clock_settings_hand(&agent->config.clock, hand));
    HIN_TRY(hand_text(hand, "first", agent->uplink_started ? "0" : "1"));
    agent->uplink_started = true;
    return hin_ok();
}

static HIN_RESULT prepare_log(struct agent *agent, unsigned number, struct hin_role_hand *hand)
{
    struct instance *instance = instance_of(agent, number);
    HIN_ENSURE(instance != NULL, NOT_FOUND);
    /* A fresh inotify for each start: the one before may have watches and events of a process that
     * is gone. */
    hin_fd_close(&instance->inotify);
    instance->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    HIN_ENSURE(instance->inotify >= 0, LIMIT);
    HIN_TRY(hin_role_hand_fd(hand, "policy", instance->policy));
    HIN_TRY(hin_role_hand_fd(hand, "inotify", instance->inotify));
    HIN_TRY(hand_number(hand, "serial", instance->serial));
    HIN_TRY(hand_text(hand, "journal", agent->journal_allowed ? "1" : "0"));
    HIN_TRY(hin_role_hand_setting(hand, "policy-key", hin_buf_view(&agent->policy_key)));
    return hin_role_hand_setting(hand, "roots", hin_buf_view(&agent->roots_setting));
}

static struct hin_result prepare(void *context, const char *name, unsigned instance,
                                 struct hin_role_hand *hand)
{
    struct agent *agent = context;
    if (strcmp(name, HIN_CLOCK_ROLE) == 0) {
        return hin_clock_settings_hand(&agent->config.clock, hand);
    }
    HIN_TRY(hand_text(hand, "agent", agent->config.agent_id));
    HIN_TRY(hand_text(hand, "tenant", agent->config.tenant_id));
    return strcmp(name, HIN_AGENT_ROLE_UPLINK) == 0 ? prepare_uplink(agent, hand)
                                                    : prepare_log(agent, instance, hand);
}

static void status_write(struct agent *agent)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 65536};
    struct hin_result result = hin_role_parent_status(agent->parent, &text);
    if (hin_is_ok(result)) {
        result = hin_file_replace(agent->folder, "status", hin_buf_view(&text), 0600);
    }
    if (!hin_is_ok(result)) {
        hin_log_result(HIN_LOG_WARNING, result, "writing the status file");
    }
}

static void on_exit_child(void *context, const struct hin_role_exit *ended)
{
    struct agent *agent = context;
    bool is_log = strcmp(ended->name, HIN_AGENT_ROLE_LOG) == 0;
    if (is_log && agent->next.used && agent->next.loaded && agent->now.used &&
        ended->instance == agent->now.number && ended->restart_in_usec < 0) {
        take_over(agent);
    }
    bool refused =
        is_log && instance_of(agent, ended->instance) == NULL; /* it said why, and ended */
    if (ended->crashed && !refused) {
        char detail[160];
        snprintf(detail, sizeof(detail), "%s %d; %u in a row; starts again in %lld ms",
                 WIFSIGNALED(ended->status) ? "signal" : "exit status",
                 WIFSIGNALED(ended->status) ? WTERMSIG(ended->status) : WEXITSTATUS(ended->status),
                 ended->crash_count, (long long)(ended->restart_in_usec / HIN_MSEC_USEC));
        hin_log(HIN_LOG_WARNING, "%s ended unexpectedly: %s", ended->name, detail);
        note(agent, HIN_STATE_ROLE_RESTARTED, ended->name, detail);
    }
}

static void on_all_ready(void *context)
{
    struct agent *agent = context;
    HIN_CLEANUP(hin_buf_done) struct hin_buf weaker = {.max = 65536};
    hin_log(HIN_LOG_NOTICE, "agent %s runs", agent->config.agent_id);
    if (hin_is_ok(hin_role_parent_weaker(agent->parent, &weaker)) && weaker.size > 0) {
        struct hin_view rest = hin_buf_view(&weaker), line;
        while (hin_view_split(&rest, '\n', &line)) {
            if (line.size > 0) {
                hin_log(HIN_LOG_NOTICE, "%.*s", HIN_ARGS(line));
            }
        }
    }
    status_write(agent);
}

/* ---- life ---- */

/* As root the uplink's folder belongs to the uplink's own user, whatever it was made under. */
static HIN_RESULT own_tree(int folder, uid_t uid)
{
    HIN_ENSURE(fchown(folder, uid, uid) == 0, DENIED);
    static const char *const names[] = {"device.key", "device.key.next", "device.der", "ca.der",
                                        "policy.key", "session",         "policy",     "log.state",
                                        "checkpoint", "acknowledged",    "reserve",    "spool"};
    for (size_t i = 0; i < HIN_COUNT(names); i++) {
        if (fchownat(folder, names[i], uid, uid, AT_SYMLINK_NOFOLLOW) != 0 && errno != ENOENT) {
            return hin_fail(HIN_DENIED);
        }
    }
    return hin_ok();
}

/* From a place that the uplink cannot write: who has taken the uplink must not choose whose
 * policies the rest of the agent believes. A folder made before that place was there keeps the key
 * of its first start. */
static HIN_RESULT policy_key_read(struct agent *agent)
{
    struct hin_result read = hin_file_read(agent->folder, "policy.key", &agent->policy_key);
    if (read.code != HIN_NOT_FOUND) {
        return read;
    }
    HIN_TRY(hin_file_read(agent->uplink_folder, "policy.key", &agent->policy_key));
    return hin_file_replace(agent->folder, "policy.key", hin_buf_view(&agent->policy_key), 0600);
}

static HIN_RESULT folders_open(struct agent *agent, const char *state, struct hin_error *error)
{
    struct hin_result result =
        hin_fd_open(AT_FDCWD, state, O_RDONLY | O_DIRECTORY, 0, &agent->folder);
    if (!hin_is_ok(result)) {
        return hin_error_set(error, result.code, state, 0, 0, "%s", hin_code_text(result.code));
    }
    HIN_TRY(hin_agent_config_load(agent->folder, &agent->config, error));
    if (agent->config.agent_id[0] == '\0') {
        return hin_error_set(
            error, HIN_CONFLICT, state, 0, 0,
            "enrolment is not complete: run hinomi-agent enrol again (it waits for approval)");
    }
    result = hin_fd_open(agent->folder, "uplink", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0,
                         &agent->uplink_folder);
    if (hin_is_ok(result)) {
        result = policy_key_read(agent);
    }
    if (hin_is_ok(result) && geteuid() == 0) {
        result = own_tree(agent->uplink_folder, agent->config.uid_base + 1);
    }
    if (!hin_is_ok(result)) {
        return hin_error_set(error, result.code, state, 0, 0,
                             "the folder is not complete (%s); enrol again",
                             hin_code_text(result.code));
    }
    return hin_ok();
}

static HIN_RESULT lock_take(struct agent *agent, const char *state, int *ret_lock,
                            struct hin_error *error)
{
    HIN_TRY(hin_fd_open(agent->folder, "lock", O_RDWR | O_CREAT | O_NOFOLLOW, 0600, ret_lock));
    if (flock(*ret_lock, LOCK_EX | LOCK_NB) != 0) {
        return hin_error_set(error, HIN_EXISTS, state, 0, 0,
                             "an agent runs in this folder already");
    }
    return hin_ok();
}

static HIN_RESULT roots_prepare(struct agent *agent, struct hin_error *error)
{
    const char *paths[HIN_OPTION_TEXTS_MAX];
    size_t count = 0;
    agent->journal_allowed = hin_agent_config_allows_journal(&agent->config);
    for (size_t i = 0; i < agent->config.root_count; i++) {
        if (strcmp(agent->config.roots[i], HIN_AGENT_ROOT_JOURNAL) != 0) {
            paths[count++] = agent->config.roots[i];
        }
    }
    HIN_TRY(hin_roots_open(&agent->roots, paths, count, error));
    for (size_t i = 0; i < agent->roots.count; i++) {
        HIN_TRY(hin_buf_append_text(&agent->roots_setting, agent->roots.paths[i]));
        if (i + 1 < agent->roots.count) {
            HIN_TRY(hin_buf_append_byte(&agent->roots_setting, '\0'));
        }
        if (agent->roots.fds[i] < 0) {
            hin_log(HIN_LOG_WARNING, "%s: cannot be opened now; it is tried again",
                    agent->roots.paths[i]);
        }
    }
    return hin_ok();
}

static HIN_RESULT run(struct agent *agent)
{
    struct hin_role_parent_config config = {
        .program = &hin_agent_program,
        .context = agent,
        .prepare = prepare,
        .on_exit = on_exit_child,
        .on_all_ready = on_all_ready,
        .uid_base = geteuid() == 0 ? agent->config.uid_base : 0,
    };
    HIN_TRY(hin_role_parent_new(&config, &agent->parent));
    struct hin_result result = hin_role_parent_start_all(agent->parent);
    if (hin_is_ok(result) && agent->config.clock.server_count > 0) {
        result = hin_role_parent_start(agent->parent, HIN_CLOCK_ROLE, 0);
    }
    const struct hin_clock *clock = hin_clock_system();
    while (hin_is_ok(result)) {
        result = hin_role_parent_step(agent->parent, STATUS_USEC);
        int64_t now = hin_clock_monotonic_usec(clock);
        if (now - agent->status_at >= STATUS_USEC) {
            agent->status_at = now;
            status_write(agent);
        }
    }
    hin_role_parent_free(agent->parent);
    (void)unlinkat(agent->folder, "status", 0);
    return result.code == HIN_CLOSED ? hin_ok() : result;
}

struct hin_result hin_agent_run(const char *state, const struct hin_secret *passphrase,
                                struct hin_error *error)
{
    struct agent *agent = calloc(1, sizeof(*agent));
    HIN_ENSURE(agent != NULL, NO_MEMORY);
    HIN_CLEANUP_FD int lock = -1;
    agent->folder = agent->uplink_folder = -1;
    agent->now = agent->next = agent->later = (struct instance){.policy = -1, .inotify = -1};
    hin_buf_init(&agent->roots_setting, 512U << 10);
    hin_buf_init(&agent->policy_key, POLICY_KEY_MAX);
    HIN_TRY(folders_open(agent, state, error));
    HIN_TRY(lock_take(agent, state, &lock, error));
    HIN_TRY(hin_agent_ring_open(state, passphrase, false, &agent->ring, error));
    HIN_TRY(hin_process_protect());
    agent->provider = hin_ring_provider(agent->ring);
    agent->keys = hin_agent_keys_of_provider(&agent->provider);
    HIN_TRY(roots_prepare(agent, error));
    if (geteuid() != 0) {
        hin_log(HIN_LOG_NOTICE,
                "running as an ordinary user: logs that this user may not read are not watched");
    }
    if (passphrase == NULL) {
        hin_log(HIN_LOG_NOTICE,
                "weaker: %s.key is protected by its mode only, not by a pass phrase", state);
    }
    struct hin_result result = run(agent);
    instance_done(&agent->now);
    instance_done(&agent->next);
    instance_done(&agent->later);
    hin_roots_close(&agent->roots);
    hin_ring_free(agent->ring);
    hin_buf_done(&agent->roots_setting);
    hin_buf_done(&agent->policy_key);
    hin_fd_close(&agent->uplink_folder);
    hin_fd_close(&agent->folder);
    free(agent);
    return result;
}
