/* An SNTP client (RFC 5905, section 14, as a client that only measures): asks the servers of the
 * settings by UDP, each at its own pace, and tells whenever something new is known.
 *
 * At the start, and when a server contradicts what it said before, four questions two seconds
 * apart; then one each poll interval, which doubles from 64 s to 1024 s while all is well. Of the
 * last four answers the one with the least root distance counts. Each question has a socket, and so
 * a port, and a random cookie of its own. A server that says RATE is asked half as often from then
 * on; one that says DENY or RSTR is not asked again. It never sets a clock.
 *
 * Who is believed: of the servers that answer, more than half must agree (select.h), and at least
 * two where three or more are configured. */
#ifndef HIN_CLOCK_CLIENT_H
#define HIN_CLOCK_CLIENT_H

#include "clock/report.h"
#include "io/loop.h"

struct hin_clock_client;

struct hin_clock_client_options {
    const struct hin_clock_settings *settings; /* copied */
    /* NULL: the machine's wall clock, against CLOCK_BOOTTIME (which runs on while the machine
     * sleeps), and arrival as the kernel has stamped it. Borrowed. */
    const struct hin_clock *clock;
    void (*changed)(void *context); /* from the loop: hin_clock_client_report says something else */
    void *context;
};

/* The first questions go out when the loop runs. */
HIN_RESULT hin_clock_client_new(struct hin_loop *loop,
                                const struct hin_clock_client_options *options,
                                struct hin_clock_client **ret_client) HIN_NONNULL;
void hin_clock_client_free(struct hin_clock_client *client); /* NULL is fine */
/* As of now. */
void hin_clock_client_report(const struct hin_clock_client *client,
                             struct hin_clock_report *ret_report) HIN_NONNULL;

#endif
