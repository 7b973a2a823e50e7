/* What the files of sandbox/ share: one file a mechanism, sandbox.c puts them in order. */
#ifndef HIN_SANDBOX_SANDBOX_INTERNAL_H
#define HIN_SANDBOX_SANDBOX_INTERNAL_H

#include "sandbox/sandbox.h"

#define SANDBOX_PATHS_MAX  64
#define SANDBOX_PORTS_MAX  32
#define SANDBOX_LIMITS_MAX 16
#define SANDBOX_SHOWN_MAX  2
#define SANDBOX_NAME_MAX   32

struct sandbox_path {
    int fd; /* O_PATH */
    unsigned access;
    bool by_text; /* named by a path text, not by a descriptor: gone under an empty root */
};

struct sandbox_port {
    uint16_t port;
    bool bind; /* or connect */
};

struct sandbox_limit {
    int resource;
    rlim_t value;
};

struct sandbox_shown {
    int fd;
    char name[SANDBOX_NAME_MAX];
};

struct hin_sandbox {
    uid_t uid; /* 0 = keep */
    gid_t gid;
    uint64_t capabilities; /* bit mask of those kept */
    unsigned namespaces;
    unsigned syscalls;
    struct sandbox_path paths[SANDBOX_PATHS_MAX];
    size_t path_count;
    struct sandbox_port ports[SANDBOX_PORTS_MAX];
    size_t port_count;
    struct sandbox_limit limits[SANDBOX_LIMITS_MAX];
    size_t limit_count;
    struct sandbox_shown shown[SANDBOX_SHOWN_MAX];
    size_t shown_count;
};

/* "weaker: TEXT\n"; a full buffer loses the line, never the lock. */
void hin_sandbox_note(struct hin_buf *weaker, const char *format, ...) HIN_PRINTF(2, 3);

/* namespace.c: unshare what the profile names, inside a user namespace when not root. Never fails
 * for want of it. */
HIN_RESULT hin_sandbox_enter_namespaces(const struct hin_sandbox *sandbox, struct hin_buf *weaker);
/* privilege.c */
HIN_RESULT hin_sandbox_drop_privileges(const struct hin_sandbox *sandbox, struct hin_buf *weaker);
HIN_RESULT hin_sandbox_set_limits(const struct hin_sandbox *sandbox);
/* landlock.c */
HIN_RESULT hin_sandbox_restrict_landlock(const struct hin_sandbox *sandbox, struct hin_buf *weaker);
/* seccomp.c */
HIN_RESULT hin_sandbox_filter_syscalls(const struct hin_sandbox *sandbox, struct hin_buf *weaker);
HIN_RESULT hin_sandbox_filter_executable_memory(void);

#endif
