/* The manager's processes: who they are, which user each has, and the messages on the edges between
 * them. The table of roles itself stands in main.c. */
#ifndef HIN_MANAGER_ROLES_H
#define HIN_MANAGER_ROLES_H

#include "ipc/channel.h"
#include "role/role.h"

/* Added to the configured uid base. Workers and jobs share the database's files, so they share a
 * user. */
enum {
    HIN_ROLE_USER_KMS = 1,
    HIN_ROLE_USER_KEYS = 2,
    HIN_ROLE_USER_DATA = 3,
    HIN_ROLE_USER_CLOCK = 4,
    HIN_ROLE_USER_TPM = 5,
    HIN_ROLE_USER_DEPOT = 6,
    HIN_ROLE_USER_PROBE = 7,
};

enum hin_manager_message {
    HIN_MESSAGE_KMS_WRAP = HIN_IPC_TYPE_PROGRAM, /* keys -> kms; see kms/proxy.h */
    HIN_MESSAGE_KMS_UNWRAP,
    HIN_MESSAGE_KMS_STATUS,
    HIN_MESSAGE_KEYS,      /* worker, jobs -> keys: a request of keys/protocol.h, answered */
    HIN_MESSAGE_KEY_USE,   /* keys -> jobs: a use of a key, to be written into the audit record */
    HIN_MESSAGE_COMMITTED, /* worker -> worker: events were committed; see worker/bus.h */
    HIN_MESSAGE_CHANGED,
    HIN_MESSAGE_CLAIM,
    HIN_MESSAGE_CLAIM_ANSWER,
    HIN_MESSAGE_HOLD,
    HIN_MESSAGE_STATUS, /* worker -> parent: state of all processes, as text */
    HIN_MESSAGE_STATE,  /* parent, jobs -> worker: u16 state code, text: to become an event of the
                         * manager
                         */
    HIN_MESSAGE_CONNECTED,    /* worker -> worker: how many agents of which tenants are here */
    HIN_MESSAGE_KMS_GENERATE, /* keys -> kms; see kms/proxy.h */
    HIN_MESSAGE_KMS_ROTATE,
    HIN_MESSAGE_KMS_DESTROY,
    HIN_MESSAGE_KMS_DIAL, /* keys -> kms, where it moves bytes only; see kms/mover.h */
    HIN_MESSAGE_KMS_SEND,
    HIN_MESSAGE_KMS_RECEIVE,
    HIN_MESSAGE_KMS_HANG_UP,
    HIN_MESSAGE_GATHER, /* worker -> worker: your numbers, please; see worker/bus.h */
    HIN_MESSAGE_GATHER_ANSWER,
    HIN_MESSAGE_DEPOT_BEGIN, /* backup -> depot; see depot/remote.h */
    HIN_MESSAGE_DEPOT_APPEND,
    HIN_MESSAGE_DEPOT_COMMIT,
    HIN_MESSAGE_DEPOT_DROP,
    HIN_MESSAGE_DEPOT_SYNC,
    HIN_MESSAGE_DEPOT_GET,
    HIN_MESSAGE_DEPOT_LIST,
    HIN_MESSAGE_DEPOT_REMOVE,
    HIN_MESSAGE_PROBE, /* jobs -> worker, probe: a part of a probe, answered by its trial */
};

enum { HIN_PROBE_QUESTION_MAX = 64, HIN_PROBE_CALL_TIMEOUT_USEC = 60 * 1000 * 1000 };
enum { HIN_KEY_CALL_TIMEOUT_USEC = 20 * 1000 * 1000 };

/* For a carrier (keys/client.h) whose context is the role: over its edge to `keys`. AGAIN: that is
 * being restarted. */
struct hin_result hin_manager_call_keys(void *role, struct hin_view request,
                                        struct hin_buf *ret_answer) HIN_NONNULL;

extern const struct hin_role_definition hin_manager_role_kms;
extern const struct hin_role_definition hin_manager_role_keys;
extern const struct hin_role_definition hin_manager_role_worker;
extern const struct hin_role_definition hin_manager_role_jobs;
extern const struct hin_role_definition hin_manager_role_probe;
extern const struct hin_role_definition hin_manager_role_backup;
extern const struct hin_role_definition hin_manager_role_depot;
extern const struct hin_ipc_table hin_manager_parent_table; /* what workers may ask of the parent */

/* Every regular file in `folder` (an own one, no links followed) gets this owner. */
HIN_RESULT hin_folder_own(const char *folder, uid_t uid) HIN_NONNULL;

#endif
