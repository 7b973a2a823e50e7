#include "role/parent.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/time.h"
#include "role/notify.h"
#include "role/parent_internal.h"

#define DEFAULT(value, otherwise) ((value) > 0 ? (value) : (otherwise))

static int64_t now_usec(void)
{
    return hin_clock_monotonic_usec(hin_clock_system());
}

/* ---- Birth and end
 * ------------------------------------------------------------------------------------------ */

static HIN_RESULT open_signals(struct hin_role_parent *parent)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    HIN_ENSURE(sigprocmask(SIG_BLOCK, &set, &parent->old_mask) == 0, INTERNAL);
    parent->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (parent->signals < 0) {
        (void)sigprocmask(SIG_SETMASK, &parent->old_mask, NULL);
        return hin_fail(hin_code_from_errno(errno));
    }
    return hin_ok();
}

HIN_RESULT hin_role_parent_new(const struct hin_role_parent_config *config,
                               struct hin_role_parent **ret_parent)
{
    struct hin_role_parent *parent = calloc(1, sizeof(*parent));
    HIN_ENSURE(parent != NULL, NO_MEMORY);
    parent->config = *config;
    struct hin_role_parent_config *own = &parent->config;
    own->stop_timeout_usec = DEFAULT(own->stop_timeout_usec, 10 * HIN_SEC_USEC);
    own->backoff_first_usec = DEFAULT(own->backoff_first_usec, 100 * HIN_MSEC_USEC);
    own->backoff_max_usec = DEFAULT(own->backoff_max_usec, 30 * HIN_SEC_USEC);
    own->backoff_forget_usec = DEFAULT(own->backoff_forget_usec, 60 * HIN_SEC_USEC);
    own->start_timeout_usec = DEFAULT(own->start_timeout_usec, 60 * HIN_SEC_USEC);
    parent->watchdog_usec = hin_role_notify_watchdog_usec();
    struct hin_result result = open_signals(parent);
    if (!hin_is_ok(result)) {
        free(parent);
        return result;
    }
    *ret_parent = parent;
    return hin_ok();
}

static void child_free(struct child *child)
{
    hin_ipc_free(child->channel);
    free(child);
}

void hin_role_parent_free(struct hin_role_parent *parent)
{
    if (parent == NULL) {
        return;
    }
    while (parent->children != NULL) {
        struct child *child = parent->children;
        parent->children = child->next;
        if (child_is_running(child)) {
            (void)kill(child->pid, SIGKILL);
            while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR) {
            }
        }
        child_free(child);
    }
    hin_fd_close(&parent->signals);
    (void)sigprocmask(SIG_SETMASK, &parent->old_mask, NULL);
    free(parent);
}

/* ---- The list of children
 * ----------------------------------------------------------------------------------- */

static struct child *find_child(const struct hin_role_parent *parent, const char *name,
                                unsigned instance)
{
    for (struct child *child = parent->children; child != NULL; child = child->next) {
        if (child->instance == instance && strcmp(child->definition->name, name) == 0) {
            return child;
        }
    }
    return NULL;
}

static void remove_child(struct hin_role_parent *parent, struct child *child)
{
    struct child **at = &parent->children;
    while (*at != child) {
        at = &(*at)->next;
    }
    *at = child->next;
    parent->child_count--;
    child_free(child);
}

static void schedule(struct child *child, int64_t delay_usec)
{
    child->state = CHILD_WAITING;
    child->due_usec = now_usec() + delay_usec;
}

static int64_t backoff_usec(const struct child *child)
{
    const struct hin_role_parent_config *config = &child->parent->config;
    int64_t delay = config->backoff_first_usec;
    for (unsigned i = 1; i < child->crash_count && delay < config->backoff_max_usec; i++) {
        delay *= 2;
    }
    return HIN_MIN(delay, config->backoff_max_usec);
}

static void start_or_schedule(struct child *child)
{
    if (!hin_is_ok(hin_role_child_start(child))) {
        child->crash_count++;
        schedule(child, backoff_usec(child));
    }
}

HIN_RESULT hin_role_parent_start(struct hin_role_parent *parent, const char *name,
                                 unsigned instance)
{
    const struct hin_role_definition *definition =
        hin_role_find(parent->config.program, hin_view_from_text(name));
    HIN_ENSURE(definition != NULL, NOT_FOUND);
    HIN_ENSURE(instance <= UINT16_MAX, INVALID);
    HIN_ENSURE(find_child(parent, name, instance) == NULL, EXISTS);
    HIN_ENSURE(!parent->stopping, CLOSED);
    HIN_ENSURE(parent->child_count < HIN_ROLE_COUNT_MAX, LIMIT);
    struct child *child = calloc(1, sizeof(*child));
    HIN_ENSURE(child != NULL, NO_MEMORY);
    child->parent = parent;
    child->definition = definition;
    child->instance = instance;
    child->pid = -1;
    child->reason = "";
    struct child **at = &parent->children;
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = child;
    parent->child_count++;
    start_or_schedule(child);
    return hin_ok();
}

HIN_RESULT hin_role_parent_start_all(struct hin_role_parent *parent)
{
    const struct hin_role_program *program = parent->config.program;
    for (size_t i = 0; i < program->role_count; i++) {
        for (unsigned n = 0; n < program->roles[i].instances; n++) {
            HIN_TRY(hin_role_parent_start(parent, program->roles[i].name, n));
        }
    }
    parent->started = true;
    return hin_ok();
}

static void tell_to_stop(struct child *child)
{
    child->leaving = true;
    if (child_is_running(child) && child->state != CHILD_STOPPING) {
        child->state = CHILD_STOPPING;
        child->due_usec = now_usec() + child->parent->config.stop_timeout_usec;
        if (child->channel == NULL ||
            !hin_is_ok(hin_ipc_send(child->channel, ROLE_STOP, 0, HIN_VIEW_EMPTY))) {
            child->due_usec = now_usec(); /* it cannot hear */
        }
    }
}

HIN_RESULT hin_role_parent_stop_one(struct hin_role_parent *parent, const char *name,
                                    unsigned instance)
{
    struct child *child = find_child(parent, name, instance);
    HIN_ENSURE(child != NULL, NOT_FOUND);
    tell_to_stop(child);
    if (!child_is_running(child)) {
        remove_child(parent, child);
    }
    return hin_ok();
}

HIN_RESULT hin_role_parent_send(struct hin_role_parent *parent, const char *name, unsigned instance,
                                uint16_t type, struct hin_view payload, const int *fds,
                                size_t fd_count)
{
    struct child *child = find_child(parent, name, instance);
    HIN_ENSURE(child != NULL && child->channel != NULL, NOT_FOUND);
    HIN_ENSURE(type >= HIN_IPC_TYPE_PROGRAM, INVALID);
    return hin_ipc_send_fds(child->channel, type, 0, payload, fds, fd_count);
}

HIN_RESULT hin_role_parent_connect(struct hin_role_parent *parent, const char *name,
                                   unsigned instance, const char *as, struct hin_ipc **ret_channel)
{
    struct child *child = find_child(parent, name, instance);
    HIN_ENSURE(child != NULL && child->channel != NULL, NOT_FOUND);
    return hin_role_child_connect(child, as, ret_channel);
}

bool hin_role_parent_is_ready(const struct hin_role_parent *parent, const char *name,
                              unsigned instance)
{
    const struct child *child = find_child(parent, name, instance);
    return child != NULL && child->state == CHILD_READY;
}

pid_t hin_role_parent_pid(const struct hin_role_parent *parent, const char *name, unsigned instance)
{
    const struct child *child = find_child(parent, name, instance);
    return child != NULL && child_is_running(child) ? child->pid : -1;
}

HIN_RESULT hin_role_parent_watch(struct hin_role_parent *parent, int fd,
                                 void (*readable)(void *context, int fd), void *context)
{
    HIN_ENSURE(parent->watch_count < PARENT_WATCHES_MAX, LIMIT);
    parent->watches[parent->watch_count++] = (struct watch){fd, readable, context};
    return hin_ok();
}

void hin_role_parent_unwatch(struct hin_role_parent *parent, int fd)
{
    for (size_t i = 0; i < parent->watch_count; i++) {
        if (parent->watches[i].fd == fd) {
            parent->watches[i] = parent->watches[--parent->watch_count];
            return;
        }
    }
}

/* ---- What happens
 * ------------------------------------------------------------------------------------------- */

static void kill_child(struct child *child, const char *reason)
{
    if (child_is_running(child)) {
        child->reason = reason;
        (void)kill(child->pid, SIGKILL);
    }
}

static void receive(struct child *child)
{
    if (child->channel == NULL) {
        return;
    }
    struct hin_result result = hin_role_child_receive(child);
    if (!hin_is_ok(result)) {
        if (result.code != HIN_CLOSED) {
            kill_child(child,
                       result.code == HIN_PROTOCOL ? "broke the protocol" : "its request failed");
        }
        hin_ipc_free(
            child->channel); /* after CLOSED its exit follows; SIGKILL below in case it does not */
        child->channel = NULL;
        if (result.code == HIN_CLOSED && child->state != CHILD_STOPPING) {
            child->state = CHILD_STOPPING;
            child->due_usec = now_usec() + child->parent->config.stop_timeout_usec;
        }
    }
}

static bool is_restarted(const struct child *child, bool clean)
{
    if (child->leaving || child->parent->stopping || child->definition->restart == HIN_ROLE_NEVER) {
        return false;
    }
    return child->definition->restart == HIN_ROLE_ALWAYS || !clean;
}

static void child_ended(struct child *child, int status)
{
    struct hin_role_parent *parent = child->parent;
    const struct hin_role_parent_config *config = &parent->config;
    receive(child); /* what it said last */
    hin_ipc_free(child->channel);
    child->channel = NULL;
    bool clean = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    bool asked = child->leaving || parent->stopping;
    bool again = is_restarted(child, clean);
    if (now_usec() - child->started_usec >= config->backoff_forget_usec) {
        child->crash_count = 0;
    }
    child->crash_count++;
    struct hin_role_exit news = {
        .name = child->definition->name,
        .instance = child->instance,
        .pid = child->pid,
        .status = status,
        .crashed = !clean && !(asked && child->reason[0] == '\0'),
        .restart_in_usec = again ? backoff_usec(child) : -1,
        .reason = child->reason,
        .crash_count = child->crash_count,
    };
    child->pid = -1;
    if (again) {
        schedule(child, news.restart_in_usec);
    } else {
        remove_child(parent, child);
    }
    if (config->on_exit != NULL) {
        config->on_exit(config->context, &news);
    }
}

/* One that has ended, or NULL. Asked for by id: other children of the process are none of our
 * business. */
static struct child *find_ended(struct hin_role_parent *parent, int *ret_status)
{
    for (struct child *child = parent->children; child != NULL; child = child->next) {
        if (child_is_running(child) && waitpid(child->pid, ret_status, WNOHANG) == child->pid) {
            return child;
        }
    }
    return NULL;
}

static void reap(struct hin_role_parent *parent)
{
    int status = 0;
    struct child *child;
    while ((child = find_ended(parent, &status)) != NULL) {
        child_ended(child, status);
    }
}

static void on_signals(struct hin_role_parent *parent)
{
    struct signalfd_siginfo news;
    while (read(parent->signals, &news, sizeof(news)) == (ssize_t)sizeof(news)) {
        if (news.ssi_signo == SIGHUP && parent->config.on_reload != NULL) {
            parent->config.on_reload(parent->config.context);
        } else if (news.ssi_signo == SIGTERM || news.ssi_signo == SIGINT) {
            parent->killing = parent->stopping;
            hin_role_parent_stop(parent);
        }
    }
}

void hin_role_parent_stop(struct hin_role_parent *parent)
{
    if (!parent->stopping) {
        parent->stopping = true;
        HIN_IGNORE(hin_role_notify("STOPPING=1")); /* the service manager only shows it */
    }
}

/* Stopping goes from the end of the table to its beginning, one role after the other. True when
 * nothing is left. */
static bool continue_stop(struct hin_role_parent *parent)
{
    const struct hin_role_definition *last = NULL;
    for (struct child *child = parent->children, *next; child != NULL; child = next) {
        next = child->next;
        if (!child_is_running(child)) {
            remove_child(parent, child);
        } else if (last == NULL || child->definition > last) {
            last = child->definition;
        }
    }
    for (struct child *child = parent->children; child != NULL; child = child->next) {
        if (parent->killing) {
            kill_child(child, "");
        } else if (child->definition == last) {
            tell_to_stop(child);
        }
    }
    return parent->children == NULL;
}

static void check_due(struct hin_role_parent *parent, int64_t now)
{
    for (struct child *child = parent->children; child != NULL; child = child->next) {
        if (child->state == CHILD_READY || child->state == CHILD_LOCKED || now < child->due_usec) {
            continue;
        }
        if (child->state == CHILD_WAITING) {
            if (!parent->stopping && !child->leaving) {
                start_or_schedule(child);
            }
        } else {
            kill_child(child, child->state == CHILD_STARTING ? "did not start in time"
                                                             : "did not stop in time");
            child->due_usec = now + HIN_SEC_USEC; /* its end is on the way */
        }
    }
}

static void check_ready(struct hin_role_parent *parent)
{
    if (parent->all_ready || parent->stopping || !parent->started) {
        return;
    }
    for (struct child *child = parent->children; child != NULL; child = child->next) {
        if (child->state != CHILD_READY && !child->definition->no_ready) {
            return;
        }
    }
    parent->all_ready = true;
    HIN_IGNORE(hin_role_notify("READY=1")); /* without a service manager nobody waits for it */
    if (parent->config.on_all_ready != NULL) {
        parent->config.on_all_ready(parent->config.context);
    }
}

static void feed_watchdog(struct hin_role_parent *parent, int64_t now)
{
    if (parent->watchdog_usec > 0 && now - parent->watchdog_last >= parent->watchdog_usec / 2) {
        parent->watchdog_last = now;
        HIN_IGNORE(hin_role_notify("WATCHDOG=1")); /* tried again at the next half interval */
    }
}

static int64_t until_next(const struct hin_role_parent *parent, int64_t now, int64_t timeout_usec)
{
    int64_t next = timeout_usec < 0 ? HIN_DAY_USEC : timeout_usec;
    if (parent->watchdog_usec > 0) {
        next = HIN_MIN(next, parent->watchdog_last + parent->watchdog_usec / 2 - now);
    }
    for (const struct child *child = parent->children; child != NULL; child = child->next) {
        if (child->state != CHILD_READY && child->state != CHILD_LOCKED) {
            next = HIN_MIN(next, child->due_usec - now);
        }
    }
    return HIN_MAX(next, 0);
}

/* Wait; then the watches' calls. Children are looked at all: they are few, and their channels tell
 * at once. */
static HIN_RESULT wait_all(struct hin_role_parent *parent, int64_t timeout_usec)
{
    struct pollfd polled[1 + PARENT_WATCHES_MAX + HIN_ROLE_COUNT_MAX];
    struct watch watches[PARENT_WATCHES_MAX];
    size_t watch_count = parent->watch_count;
    size_t count = 0;
    polled[count++] = (struct pollfd){.fd = parent->signals, .events = POLLIN};
    for (size_t i = 0; i < watch_count; i++) {
        watches[i] = parent->watches[i];
        polled[count++] = (struct pollfd){.fd = watches[i].fd, .events = POLLIN};
    }
    for (struct child *child = parent->children; child != NULL; child = child->next) {
        if (child->channel != NULL) {
            short events = (short)(POLLIN | (hin_ipc_wants_write(child->channel) ? POLLOUT : 0));
            polled[count++] = (struct pollfd){.fd = hin_ipc_fd(child->channel), .events = events};
        }
    }
    struct timespec timeout = {timeout_usec / HIN_SEC_USEC, (timeout_usec % HIN_SEC_USEC) * 1000};
    if (ppoll(polled, count, &timeout, NULL) < 0) {
        return errno == EINTR ? hin_ok() : hin_fail(hin_code_from_errno(errno));
    }
    for (size_t i = 0; i < watch_count; i++) {
        if (polled[1 + i].revents != 0) {
            watches[i].readable(watches[i].context, watches[i].fd);
        }
    }
    return hin_ok();
}

HIN_RESULT hin_role_parent_step(struct hin_role_parent *parent, int64_t timeout_usec)
{
    int64_t now = now_usec();
    feed_watchdog(parent, now);
    /* also before waiting: a stop that no signal told of would wait for something to happen */
    HIN_ENSURE(!parent->stopping || !continue_stop(parent), CLOSED);
    HIN_TRY(wait_all(parent, until_next(parent, now, timeout_usec)));
    on_signals(parent);
    for (struct child *child = parent->children; child != NULL; child = child->next) {
        receive(child);
    }
    reap(parent);
    check_ready(parent);
    check_due(parent, now_usec());
    HIN_ENSURE(!parent->stopping || !continue_stop(parent), CLOSED);
    return hin_ok();
}

HIN_RESULT hin_role_parent_run(struct hin_role_parent *parent)
{
    for (;;) {
        struct hin_result result = hin_role_parent_step(parent, -1);
        if (result.code == HIN_CLOSED) {
            return hin_ok();
        }
        HIN_TRY(result);
    }
}
