/* Programs as small roles: one binary, one process a role, each with its own lock (after
 * OpenSMTPD).
 *
 * A program states its roles in one const table. Its main() begins with hin_role_child(), which
 * does nothing in the parent and never comes back in a child. The parent (parent.h) re-executes
 * /proc/self/exe with `--role NAME[/N]
 * --channel FD` (exec re-randomises the layout), hands each child its settings, named descriptors
 * and its edges to other roles, restarts what crashes and stops all in reverse order of the table.
 *
 * Life of a child: framework reads the gifts -> definition->setup (optional, before the lock:
 * compile, open) -> definition->sandbox builds the profile -> it is applied -> definition->run,
 * which calls hin_role_ready() when it serves and returns when it was told to stop. A failure ends
 * the process (exit 1) and the parent restarts it. End of the parent ends the child at once.
 * SIGINT, SIGTERM, SIGHUP and SIGPIPE are ignored in children: the parent speaks for them. Standard
 * output and error are inherited. */
#ifndef HIN_ROLE_ROLE_H
#define HIN_ROLE_ROLE_H

#include "base/buf.h"
#include "base/result.h"
#include "ipc/channel.h"
#include "ipc/permit.h"
#include "sandbox/sandbox.h"

struct hin_role; /* the child's side */

enum hin_role_restart {
    HIN_ROLE_ALWAYS,   /* whatever happened */
    HIN_ROLE_ON_CRASH, /* not after exit status 0 */
    HIN_ROLE_NEVER,    /* disposable: the parent's on_exit decides */
};

#define HIN_ROLE_NAME_MAX  32 /* with NUL */
#define HIN_ROLE_PEERS_MAX 8
#define HIN_ROLE_FDS_MAX   64  /* named descriptors a child may be handed */
#define HIN_ROLE_COUNT_MAX 256 /* children of one parent */

/* Exit status of a role that ended with SET_BACK: what it works on is older than it was, and
 * starting again does not help. Any other failure is 1. */
#define HIN_ROLE_EXIT_SET_BACK 3

struct hin_role_definition {
    const char *name; /* lower-case letters, digits and '-' */
    struct hin_result (*setup)(struct hin_role *role);
    struct hin_result (*sandbox)(struct hin_role *role, struct hin_sandbox *sandbox); /* required */
    struct hin_result (*run)(struct hin_role *role);                                  /* required */
    const char
        *peers[HIN_ROLE_PEERS_MAX]; /* names of roles it has an edge to; stated by one of the two is
                                       enough; its own name: every instance to every other */
    uint16_t user;      /* as root: uid and gid = the program's uid_base + user; never 0 there */
    uint16_t instances; /* started by hin_role_parent_start_all; 0 = only when asked for */
    enum hin_role_restart restart;
    const struct hin_ipc_table *to_parent; /* what it may ask of the parent; NULL = nothing. Types
                                              from HIN_IPC_TYPE_PROGRAM on; the handler's context is
                                              struct hin_role_caller (parent.h) */
    bool no_ready;                         /* the program is ready without it */
};

struct hin_role_program {
    const char *name; /* "hinomi-agent" */
    const struct hin_role_definition *roles;
    size_t role_count;
};

/* Call first thing in main(), before anything else runs. Returns when this is no child; a child
 * never returns. Also prepares the process title (title.h): argv and environ are moved to the heap,
 * *argv is replaced. */
void hin_role_child(const struct hin_role_program *program, int argc, char ***argv);

const char *hin_role_name(const struct hin_role *role) HIN_NONNULL;
unsigned hin_role_instance(const struct hin_role *role) HIN_NONNULL;
/* A setting given by the parent (bytes; text has no NUL at its end), or the empty view. Valid for
 * ever. */
struct hin_view hin_role_setting(const struct hin_role *role, const char *name) HIN_NONNULL;
/* The same as C text; NULL when absent. */
const char *hin_role_setting_text(const struct hin_role *role, const char *name) HIN_NONNULL;
/* A descriptor handed over under this name: borrowed, -1 when absent. _take gives it away. */
int hin_role_fd(const struct hin_role *role, const char *name) HIN_NONNULL;
int hin_role_fd_take(struct hin_role *role, const char *name) HIN_NONNULL;
/* The program's own pointer, kept between setup, sandbox and run. */
void hin_role_set_context(struct hin_role *role, void *context) __attribute__((nonnull(1)));
void *hin_role_context(const struct hin_role *role) HIN_NONNULL;
/* uid and gid meant for this role (0 = not root, keep). The framework has put them into the profile
 * already, with all namespaces a role without network can have; see docs/PRIVSEP.md. */
uid_t hin_role_user(const struct hin_role *role) HIN_NONNULL;
/* Lines "weaker: ..." of this process, as sent to the parent. */
struct hin_view hin_role_weaker(const struct hin_role *role) HIN_NONNULL;

/* The edge to the parent: for messages of the program's own (types from HIN_IPC_TYPE_PROGRAM on),
 * also with hin_ipc_call (the framework's messages that come meanwhile are kept). */
struct hin_ipc *hin_role_parent_channel(const struct hin_role *role) HIN_NONNULL;
/* The present channel to a peer, or NULL while there is none (it has not started, or crashed and is
 * not back). */
struct hin_ipc *hin_role_peer(const struct hin_role *role, const char *name,
                              unsigned instance) HIN_NONNULL;

/* Whose channel is this? For handlers that serve several. False for the parent's and for one that
 * is gone. */
bool hin_role_peer_name(const struct hin_role *role, const struct hin_ipc *channel,
                        const char **ret_name, unsigned *ret_instance) HIN_NONNULL;

/* "I serve now." Once; later calls do nothing. */
HIN_RESULT hin_role_ready(struct hin_role *role) HIN_NONNULL;
/* A line for the parent's status (replaces the last one; at most 4096 bytes). */
HIN_RESULT hin_role_report(struct hin_role *role, struct hin_view text) HIN_NONNULL;
/* Has the parent said stop? */
bool hin_role_stopping(const struct hin_role *role) HIN_NONNULL;

/* ---- For roles with an event loop of their own
 * ------------------------------------------------------------ */

struct hin_role_events {
    void *context;
    /* A channel to `name`/`instance` has come up (also after a crash of either side). channel is
     * owned by the role and freed when the peer is closed or replaced; before that `down` is called
     * with the same pointer. */
    void (*up)(void *context, const char *name, unsigned instance, struct hin_ipc *channel);
    void (*down)(void *context, const char *name, unsigned instance, struct hin_ipc *channel);
    void (*stop)(void *context); /* finish and return from run */
    /* The program's own messages from the parent; NULL = none are permitted. */
    struct hin_ipc_permits *from_parent;
    void *from_parent_context; /* of their handlers; NULL = context */
};

/* Set the callbacks; `up` is called at once for each peer that is there. events is borrowed until
 * the end. */
void hin_role_listen(struct hin_role *role, const struct hin_role_events *events) HIN_NONNULL;
/* Handle what the parent has sent (never blocks). Call when the parent's fd is readable, and once
 * before waiting. CLOSED (the parent is gone) and PROTOCOL end the process: return them from run.
 */
HIN_RESULT hin_role_handle_parent(struct hin_role *role) HIN_NONNULL;
/* The user of a peer's channel saw CLOSED on it: forget it (`down` is called, the channel is
 * freed). */
void hin_role_peer_closed(struct hin_role *role, struct hin_ipc *channel) HIN_NONNULL;
/* Block until the peer is there, handling the parent meanwhile. TIMEOUT; CLOSED when told to stop.
 */
HIN_RESULT hin_role_wait_peer(struct hin_role *role, const char *name, unsigned instance,
                              int64_t timeout_usec, struct hin_ipc **ret_channel) HIN_NONNULL;

/* ---- For roles that only answer: a complete loop over poll(2)
 * ---------------------------------------------- */

struct hin_role_service {
    const char *peer; /* role name of the edge; "parent" for the program's messages from there */
    const struct hin_ipc_table *table; /* what that peer may ask */
};

struct hin_role_loop {
    const struct hin_role_service *services;
    size_t service_count;
    void *context; /* handed to the handlers */
    /* Called at least every tick_usec when set, with monotonic time; a failure ends the role. */
    struct hin_result (*tick)(void *context, int64_t now_usec);
    int64_t tick_usec;
    void (*peer_down)(void *context, const char *name, unsigned instance); /* may be NULL */
};

/* Calls hin_role_ready, serves all edges by their tables, returns OK when told to stop. A peer
 * without a service may send nothing. PROTOCOL from any peer ends the role. */
HIN_RESULT hin_role_serve(struct hin_role *role, const struct hin_role_loop *loop) HIN_NONNULL;

#endif
