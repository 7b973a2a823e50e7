/* The processes `depot`, one for each destination that is no folder here: a network client that
 * holds that destination's credentials and no key, and sees sealed bytes only. `backup`, which
 * holds keys and has no network, puts and gets through it.
 *
 * Messages (backup -> depot; each is answered with a code, failures with a sentence):
 *   BEGIN   u8 mode, bytes name       APPEND  bytes of it, at most 1 MiB
 *   COMMIT, DROP, SYNC                 REMOVE  bytes name
 *   GET     bytes name, u64 offset, u32 limit (at most 4 MiB) -> bytes
 *   LIST    bytes prefix -> a memory file: bytes name, u64 size, for each
 * Names and sizes that come back are checked: the process faces the network. */
#ifndef HIN_MANAGER_DEPOT_REMOTE_H
#define HIN_MANAGER_DEPOT_REMOTE_H

#include "depot/depot.h"
#include "manager/backup/settings.h"
#include "role/parent.h"
#include "role/role.h"

/* ---- the side of backup ---- */

/* A depot like any other; instance: of the process. What it says of itself is true from its first
 * call on: this one asks nobody. */
HIN_RESULT hin_depot_remote_open(struct hin_depot **ret_depot, struct hin_role *role,
                                 unsigned instance) HIN_NONNULL;

/* ---- the side of the parent ---- */

/* Whether a process stands before this destination. */
bool hin_depot_is_remote(const struct hin_backup_destination *destination) HIN_NONNULL;
/* What the process is given; the secret is read anew each time. */
HIN_RESULT hin_depot_remote_hand(const struct hin_backup_settings *settings, size_t at,
                                 struct hin_role_hand *hand) HIN_NONNULL;

#endif
