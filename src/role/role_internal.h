/* What parent and child agree on, and what the files of the child's side share. */
#ifndef HIN_ROLE_ROLE_INTERNAL_H
#define HIN_ROLE_ROLE_INTERNAL_H

#include "role/role.h"

#define ROLE_CHANNEL_FD       3 /* in a child that has just been executed */
#define ROLE_SETTINGS_MAX     64
#define ROLE_SETTINGS_BYTES   (1u << 20) /* of all settings of a child */
#define ROLE_REPORT_MAX_BYTES 4096u
#define ROLE_WEAKER_MAX_BYTES 8192u
#define ROLE_HANDSHAKE_USEC   (60 * INT64_C(1000000))

/* The framework's messages, below HIN_IPC_TYPE_PROGRAM. */
enum role_message {
    ROLE_SETTING = 1, /* parent -> child: name, value */
    ROLE_FD = 2,      /* parent -> child: name; one descriptor */
    ROLE_PEER = 3,    /* parent -> child: name, u32 instance; one descriptor; at any time */
    ROLE_START = 4,   /* parent -> child: u32 uid (0 = keep), version of the program */
    ROLE_STOP = 5,    /* parent -> child: empty */
    ROLE_LOCKED = 16, /* child -> parent: "weaker" lines */
    ROLE_READY = 17,  /* child -> parent: empty */
    ROLE_REPORT = 18, /* child -> parent: text */
};

struct role_setting {
    char name[HIN_ROLE_NAME_MAX];
    uint8_t *value; /* NUL-terminated past size */
    size_t size;
};

struct role_fd {
    char name[HIN_ROLE_NAME_MAX];
    int fd;
};

struct role_peer {
    struct role_peer *next;
    char name[HIN_ROLE_NAME_MAX];
    unsigned instance;
    struct hin_ipc *channel;
    struct hin_ipc_permits permits; /* hin_role_serve only */
};

struct hin_role {
    const struct hin_role_program *program;
    const struct hin_role_definition *definition;
    unsigned instance;
    struct hin_ipc *parent;
    struct role_setting settings[ROLE_SETTINGS_MAX];
    size_t setting_count;
    struct role_fd fds[HIN_ROLE_FDS_MAX];
    size_t fd_count;
    struct role_peer *peers;
    const struct hin_role_events *events;
    void *context;
    uid_t user;
    struct hin_buf weaker;
    bool started, ready, stopping;
};

const struct hin_role_definition *hin_role_find(const struct hin_role_program *program,
                                                struct hin_view name);
struct role_peer *hin_role_find_peer(const struct hin_role *role, struct hin_view name,
                                     unsigned instance);
/* Take what the parent hands out until START. */
HIN_RESULT hin_role_receive_gifts(struct hin_role *role);
void hin_role_done(struct hin_role *role);

#endif
