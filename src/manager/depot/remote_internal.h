/* What both ends of the edge backup -> depot know. */
#ifndef HIN_MANAGER_DEPOT_REMOTE_INTERNAL_H
#define HIN_MANAGER_DEPOT_REMOTE_INTERNAL_H

#include "ipc/channel.h"

#define HIN_REMOTE_APPEND_MAX (1u << 20)

#endif
