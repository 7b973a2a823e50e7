/* The parent of a program's roles: starts, wires, restarts, stops. It has no network and parses
 * nothing from outside; what its children send is checked by framework and permit tables. A child
 * that breaks the protocol towards the parent is killed and restarted (the parent itself never ends
 * for it). Single-threaded, over poll(2). */
#ifndef HIN_ROLE_PARENT_H
#define HIN_ROLE_PARENT_H

#include <sys/types.h>

#include "role/role.h"

struct hin_role_parent;
struct hin_role_hand; /* what is being handed to a child that starts */

/* Who asks, for the handlers of a definition's to_parent table (their `context`). */
struct hin_role_caller {
    struct hin_role_parent *parent;
    void *context; /* hin_role_parent_config.context */
    const char *name;
    unsigned instance;
};

struct hin_role_exit {
    const char *name;
    unsigned instance;
    pid_t pid;
    int status;              /* as of waitpid(2) */
    bool crashed;            /* not asked to stop and not exit 0 */
    int64_t restart_in_usec; /* -1 = it will not be restarted */
    const char *reason;      /* why the parent killed it, or "" */
    unsigned crash_count;    /* in a row */
};

struct hin_role_parent_config {
    const struct hin_role_program *program;
    void *context;
    /* What a child gets, asked at every start (also restarts): hin_role_hand_x calls. A failure
     * counts as a crash of that child. May be NULL. */
    struct hin_result (*prepare)(void *context, const char *name, unsigned instance,
                                 struct hin_role_hand *hand);
    void (*on_exit)(void *context, const struct hin_role_exit *exit);     /* may be NULL */
    void (*on_ready)(void *context, const char *name, unsigned instance); /* may be NULL */
    void (*on_all_ready)(void *context);                                  /* may be NULL; once */
    void (*on_reload)(void *context);                                     /* SIGHUP; may be NULL */
    uid_t uid_base; /* as root: first of the numeric range; 0 = roles keep the uid (weaker) */
    int64_t stop_timeout_usec;   /* then SIGKILL; 0 = 10 s for each stage */
    int64_t backoff_first_usec;  /* 0 = 100 ms; doubles with each crash in a row */
    int64_t backoff_max_usec;    /* 0 = 30 s */
    int64_t backoff_forget_usec; /* 0 = 60 s: a child that lived this long starts again from the
                                    first step */
    int64_t start_timeout_usec;  /* from start to lock; 0 = 60 s; then it is killed, a crash */
};

HIN_RESULT hin_role_parent_new(const struct hin_role_parent_config *config,
                               struct hin_role_parent **ret_parent) HIN_NONNULL;
/* Kills and reaps what still runs. */
void hin_role_parent_free(struct hin_role_parent *parent);

/* Gifts, only inside `prepare`. Settings are copied (1 MiB in all); descriptors are duplicated. */
HIN_RESULT hin_role_hand_setting(struct hin_role_hand *hand, const char *name,
                                 struct hin_view value) HIN_NONNULL;
HIN_RESULT hin_role_hand_fd(struct hin_role_hand *hand, const char *name, int fd) HIN_NONNULL;
/* The child executes this program instead of our own: one that registers a role of the same name
 * by hin_role_child and is built with us (the version is compared). For code that must not share an
 * executable with the rest. fd: opened by O_PATH, duplicated. */
HIN_RESULT hin_role_hand_program(struct hin_role_hand *hand, int fd) HIN_NONNULL;

/* Each role of the table with its number of instances. A child that fails to start is tried again
 * with back-off. */
HIN_RESULT hin_role_parent_start_all(struct hin_role_parent *parent) HIN_NONNULL;
/* One child (instance number free to choose, 0..65535). EXISTS when it is there, NOT_FOUND for an
 * unknown role. */
HIN_RESULT hin_role_parent_start(struct hin_role_parent *parent, const char *name,
                                 unsigned instance) HIN_NONNULL;
/* Ask one child to stop; it is not restarted and leaves the list when it has ended (on_exit).
 * NOT_FOUND. */
HIN_RESULT hin_role_parent_stop_one(struct hin_role_parent *parent, const char *name,
                                    unsigned instance) HIN_NONNULL;
/* Send a message of the program to a child (from_parent table there). AGAIN when its queue is full,
 * NOT_FOUND when it does not run now. */
HIN_RESULT hin_role_parent_send(struct hin_role_parent *parent, const char *name, unsigned instance,
                                uint16_t type, struct hin_view payload, const int *fds,
                                size_t fd_count) __attribute__((nonnull(1, 2)));
/* A channel to a child, as if a peer of the name `as` had it: for a program that is its own only
 * peer (a command that needs one role for a moment). The parent must not serve meanwhile what would
 * wire that name too. NOT_FOUND when it does not run now. */
HIN_RESULT hin_role_parent_connect(struct hin_role_parent *parent, const char *name,
                                   unsigned instance, const char *as,
                                   struct hin_ipc **ret_channel) HIN_NONNULL;
/* Whether it runs and has said that it is ready: from then on it takes the program's messages. */
bool hin_role_parent_is_ready(const struct hin_role_parent *parent, const char *name,
                              unsigned instance);
/* Process id, or -1 while it does not run. */
pid_t hin_role_parent_pid(const struct hin_role_parent *parent, const char *name,
                          unsigned instance) HIN_NONNULL;

/* Call back when fd is readable (POLLIN; also on hang-up). At most 16. fd stays the caller's;
 * unwatch before close. */
HIN_RESULT hin_role_parent_watch(struct hin_role_parent *parent, int fd,
                                 void (*readable)(void *context, int fd), void *context)
    __attribute__((nonnull(1, 3)));
void hin_role_parent_unwatch(struct hin_role_parent *parent, int fd) HIN_NONNULL;

/* Until SIGTERM or SIGINT (or hin_role_parent_stop) and all children have ended. Speaks
 * sd_notify(3): READY=1 when all are ready, WATCHDOG=1, STOPPING=1. A second SIGINT or SIGTERM
 * kills at once. */
HIN_RESULT hin_role_parent_run(struct hin_role_parent *parent) HIN_NONNULL;
/* One turn, waiting at most timeout_usec: for tests and for embedding. CLOSED when all has ended
 * after a stop. */
HIN_RESULT hin_role_parent_step(struct hin_role_parent *parent, int64_t timeout_usec) HIN_NONNULL;
void hin_role_parent_stop(struct hin_role_parent *parent) HIN_NONNULL;

/* For `status`: a line a child "name/N: pid P, ready, 0 crashes", followed by its report and its
 * "weaker: ..." lines, indented by two blanks. */
HIN_RESULT hin_role_parent_status(const struct hin_role_parent *parent,
                                  struct hin_buf *out) HIN_NONNULL;
/* Only the "weaker" lines, each once, with the roles it concerns: "weaker: TEXT (uplink, log)". */
HIN_RESULT hin_role_parent_weaker(const struct hin_role_parent *parent,
                                  struct hin_buf *out) HIN_NONNULL;

#endif
