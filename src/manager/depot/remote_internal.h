/* What both ends of the edge backup -> depot know. */
#ifndef HIN_MANAGER_DEPOT_REMOTE_INTERNAL_H
#define HIN_MANAGER_DEPOT_REMOTE_INTERNAL_H

#include "base/buf.h"
#include "depot/depot.h"
#include "ipc/channel.h"

#define HIN_REMOTE_APPEND_MAX (1u << 20)

/* The memory file of a list: bytes name, u64 size, for each. */
HIN_RESULT hin_remote_list_add(struct hin_buf *list, const struct hin_depot_entry *entry);
/* Its writer faces the network. PROTOCOL: no list, or names that are none or were not asked for. A
 * failure of visit is answered. */
HIN_RESULT hin_remote_list_read(struct hin_view bytes, const char *prefix,
                                HIN_RESULT (*visit)(void *context,
                                                    const struct hin_depot_entry *entry),
                                void *context);

#endif
