/* What the files of the parent's side share: parent.c (the life of the whole), start.c (a child
 * begins), status.c. */
#ifndef HIN_ROLE_PARENT_INTERNAL_H
#define HIN_ROLE_PARENT_INTERNAL_H

#include <signal.h>

#include "role/parent.h"
#include "role/role_internal.h"

#define PARENT_WATCHES_MAX 16

enum child_state {
    CHILD_WAITING,  /* for its (next) start */
    CHILD_STARTING, /* executed, its lock not closed yet */
    CHILD_LOCKED,   /* at work, not ready */
    CHILD_READY,
    CHILD_STOPPING, /* told to stop */
};

struct child {
    struct child *next;
    struct hin_role_parent *parent;
    const struct hin_role_definition *definition;
    unsigned instance;
    enum child_state state;
    pid_t pid; /* -1 = none */
    struct hin_ipc *channel;
    struct hin_ipc_permits framework, program;
    bool leaving;       /* not to be started again */
    const char *reason; /* why we killed it, or "" */
    unsigned crash_count;
    int64_t started_usec;
    int64_t due_usec; /* WAITING: the start; STARTING and STOPPING: the kill */
    uint8_t report[ROLE_REPORT_MAX_BYTES];
    size_t report_bytes;
    uint8_t weaker[ROLE_WEAKER_MAX_BYTES];
    size_t weaker_bytes;
};

struct watch {
    int fd;
    void (*readable)(void *context, int fd);
    void *context;
};

struct hin_role_parent {
    struct hin_role_parent_config config;
    struct child *children; /* in the order of their first start */
    size_t child_count;
    struct watch watches[PARENT_WATCHES_MAX];
    size_t watch_count;
    int signals; /* signalfd */
    sigset_t old_mask;
    bool stopping, killing, all_ready, started;
    int64_t watchdog_usec, watchdog_last;
};

struct hin_role_hand {
    struct role_setting settings[ROLE_SETTINGS_MAX];
    size_t setting_count, setting_bytes;
    struct role_fd fds[HIN_ROLE_FDS_MAX];
    size_t fd_count;
    int program; /* the executable, or -1: ours */
};

static inline bool child_is_running(const struct child *child)
{
    return child->pid > 0;
}

/* start.c: execute, hand over, wire. On failure the child does not run. */
HIN_RESULT hin_role_child_start(struct child *child);
/* A fresh channel to a child under a peer's name. */
HIN_RESULT hin_role_child_connect(struct child *child, const char *as,
                                  struct hin_ipc **ret_channel);
/* Messages of a child until none waits. */
HIN_RESULT hin_role_child_receive(struct child *child);

#endif
