/* The event loop of a process: timers, descriptors, signals, deferred calls. On libevent (epoll),
 * which no header of ours shows. One thread. Callbacks run from hin_loop_run only, never inside a
 * call that the caller makes. A callback may free any timer, watch or signal, also its own. Free
 * all of them before the loop. */
#ifndef HIN_IO_LOOP_H
#define HIN_IO_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/result.h"
#include "base/time.h"

struct hin_loop;
struct hin_timer;
struct hin_watch;
struct hin_signal;

/* clock: what hin_loop_clock answers; NULL = the system's. Timers always run by the machine's
 * monotonic time. */
HIN_RESULT hin_loop_new(const struct hin_clock *clock, struct hin_loop **ret_loop);
void hin_loop_free(struct hin_loop *loop); /* NULL is fine; pending deferred calls are dropped */
void hin_loop_cleanup(struct hin_loop **loop);
const struct hin_clock *hin_loop_clock(const struct hin_loop *loop);

/* Runs until hin_loop_stop; IO when the kernel's interface fails. May be called again afterwards.
 */
HIN_RESULT hin_loop_run(struct hin_loop *loop);
/* One round: waits at most timeout_usec (0: not at all, negative: without end) and runs what is
 * due. */
HIN_RESULT hin_loop_run_once(struct hin_loop *loop, int64_t timeout_usec);
void hin_loop_stop(struct hin_loop *loop);

/* Run `call` once after the current callback has returned. */
HIN_RESULT hin_loop_defer(struct hin_loop *loop, void (*call)(void *context), void *context);
/* Drop deferred calls with this function and context. */
void hin_loop_defer_cancel(struct hin_loop *loop, void (*call)(void *context), void *context);

/* A timer, disarmed at birth. */
HIN_RESULT hin_timer_new(struct hin_loop *loop, void (*call)(void *context), void *context,
                         struct hin_timer **ret_timer);
void hin_timer_free(struct hin_timer *timer); /* NULL is fine */
/* Fire once after delay_usec (>= 0), or, with period_usec > 0, then again each period.
 * jitter_percent (0..100) makes each waiting time shorter or longer by a random part of up to that
 * share, so that a fleet does not act in step. Arming again replaces what was set. A late repeating
 * timer does not catch up. */
HIN_RESULT hin_timer_once(struct hin_timer *timer, int64_t delay_usec, unsigned jitter_percent);
HIN_RESULT hin_timer_repeat(struct hin_timer *timer, int64_t delay_usec, int64_t period_usec,
                            unsigned jitter_percent);
void hin_timer_stop(struct hin_timer *timer);
bool hin_timer_is_armed(const struct hin_timer *timer);

enum hin_watch_events { HIN_WATCH_NONE = 0, HIN_WATCH_READ = 1, HIN_WATCH_WRITE = 2 };

/* Level-triggered. The descriptor stays the caller's: free the watch before closing it. */
HIN_RESULT hin_watch_new(struct hin_loop *loop, int fd,
                         void (*call)(void *context, unsigned events), void *context,
                         struct hin_watch **ret_watch);
void hin_watch_free(struct hin_watch *watch);
/* What to wait for from now on (HIN_WATCH_*); starts as NONE. Cheap when nothing changes. */
HIN_RESULT hin_watch_set(struct hin_watch *watch, unsigned events);

/* Signals arrive in the loop, not in handler context. One loop of a process may watch signals. */
HIN_RESULT hin_signal_new(struct hin_loop *loop, int number,
                          void (*call)(void *context, int number), void *context,
                          struct hin_signal **ret_signal);
void hin_signal_free(struct hin_signal *signal);

#endif
