/* sd_notify(3) by hand: one datagram to $NOTIFY_SOCKET. */
#ifndef HIN_ROLE_NOTIFY_H
#define HIN_ROLE_NOTIFY_H

#include "base/result.h"

/* state: "READY=1", "STOPPING=1", "STATUS=...", lines separated by '\n'. OK also when no manager
 * listens
 * ($NOTIFY_SOCKET unset). The descriptor of the socket is opened for each message. */
HIN_RESULT hin_role_notify(const char *state) HIN_NONNULL;
/* The interval the service manager expects (WATCHDOG_USEC, for this process), or 0 for none. */
int64_t hin_role_notify_watchdog_usec(void);

#endif
