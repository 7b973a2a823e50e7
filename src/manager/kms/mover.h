/* The `kms` process where the service is AWS KMS: it moves bytes between `keys`, which makes and
 * ends TLS, and the endpoint, the only place it can connect to a port of. It has the network and
 * sees sealed bytes; `keys` sees the keys and has no network.
 *
 * DIAL (empty): a new connection in place of any before, answered by a code. SEND (bytes): answered
 * when they are with the kernel. RECEIVE (empty): answered with what has come, at least one byte;
 * CLOSED, TIMEOUT. HANG_UP (empty, no answer). */
#ifndef HIN_MANAGER_KMS_MOVER_H
#define HIN_MANAGER_KMS_MOVER_H

#include "kms/aws/link.h"
#include "role/role.h"

/* The side of `keys` (and of `init`). */
struct hin_kms_mover {
    struct hin_role *role;   /* whose edge to kms is taken; NULL: */
    struct hin_ipc *channel; /* this one */
};
/* The struct outlives the pipe. */
struct hin_aws_pipe hin_kms_mover_pipe(struct hin_kms_mover *mover) HIN_NONNULL;

/* The side of `kms`, by the settings "host" and "port". */
bool hin_kms_is_mover(const struct hin_role *role) HIN_NONNULL;
struct hin_result hin_kms_mover_sandbox(struct hin_role *role, struct hin_sandbox *sandbox);
struct hin_result hin_kms_mover_run(struct hin_role *role);

#endif
