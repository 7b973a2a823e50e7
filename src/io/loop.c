#include "io/loop.h"

#include <event2/event.h>
#include <stdlib.h>
#include <time.h>

#include "base/bytes.h"
#include "base/secret.h"
#include "io/loop_internal.h"

struct deferred {
    void (*call)(void *context);
    void *context;
    struct deferred *next;
};

struct hin_loop {
    struct event_base *base;
    const struct hin_clock *clock;
    struct event *wake;  /* runs the deferred calls */
    struct event *limit; /* of hin_loop_run_once */
    struct deferred *first;
    struct deferred **last;
    bool stopped;
    uint8_t scratch[HIN_LOOP_SCRATCH_BYTES];
};

struct hin_timer {
    struct event *event;
    void (*call)(void *context);
    void *context;
    int64_t period_usec; /* 0: once */
    unsigned jitter_percent;
};

struct hin_watch {
    struct hin_loop *loop;
    struct event *event;
    int fd;
    unsigned events;
    void (*call)(void *context, unsigned events);
    void *context;
};

struct hin_signal {
    struct event *event;
    void (*call)(void *context, int number);
    void *context;
};

static void run_deferred(evutil_socket_t fd, short what, void *context)
{
    struct hin_loop *loop = context;
    size_t count =
        0; /* what is added meanwhile waits for the next round, so that nothing starves */
    for (struct deferred *item = loop->first; item != NULL; item = item->next) {
        count++;
    }
    for (; count > 0 && loop->first != NULL; count--) {
        struct deferred *item = loop->first;
        loop->first = item->next;
        if (loop->first == NULL) {
            loop->last = &loop->first;
        }
        item->call(item->context);
        free(item);
    }
    if (loop->first != NULL) {
        event_active(loop->wake, EV_TIMEOUT, 0);
    }
}

/* Ends a round that waits no longer; there is nothing else to do. */
static void on_limit(evutil_socket_t fd, short what, void *context)
{
}

static struct event_base *new_base(void)
{
    struct event_config *config = event_config_new();
    if (config == NULL) {
        return NULL;
    }
    struct event_base *base = NULL;
    if (event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV |
                                          EVENT_BASE_FLAG_PRECISE_TIMER) == 0) {
        base = event_base_new_with_config(config);
    }
    event_config_free(config);
    return base;
}

struct hin_result hin_loop_new(const struct hin_clock *clock, struct hin_loop **ret_loop)
{
    HIN_CLEANUP(hin_loop_cleanup) struct hin_loop *loop = calloc(1, sizeof(*loop));
    HIN_ENSURE(loop != NULL, NO_MEMORY);
    loop->clock = clock != NULL ? clock : hin_clock_system();
    loop->last = &loop->first;
    loop->base = new_base();
    HIN_ENSURE(loop->base != NULL, IO);
    loop->wake = event_new(loop->base, -1, 0, run_deferred, loop);
    loop->limit = event_new(loop->base, -1, 0, on_limit, loop);
    HIN_ENSURE(loop->wake != NULL && loop->limit != NULL, NO_MEMORY);
    *ret_loop = loop;
    loop = NULL;
    return hin_ok();
}

void hin_loop_free(struct hin_loop *loop)
{
    if (loop == NULL) {
        return;
    }
    while (loop->first != NULL) {
        struct deferred *item = loop->first;
        loop->first = item->next;
        free(item);
    }
    if (loop->wake != NULL) {
        event_free(loop->wake);
    }
    if (loop->limit != NULL) {
        event_free(loop->limit);
    }
    if (loop->base != NULL) {
        event_base_free(loop->base);
    }
    free(loop);
}

void hin_loop_cleanup(struct hin_loop **loop)
{
    hin_loop_free(*loop);
    *loop = NULL;
}

const struct hin_clock *hin_loop_clock(const struct hin_loop *loop)
{
    return loop->clock;
}

uint8_t *hin_loop_scratch(struct hin_loop *loop)
{
    return loop->scratch;
}

int64_t hin_loop_now_usec(struct hin_loop *loop)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now); /* 4 ms are near enough for time-outs */
    return (int64_t)now.tv_sec * HIN_SEC_USEC + now.tv_nsec / 1000;
}

static struct timeval to_timeval(int64_t usec)
{
    int64_t positive = HIN_MAX(usec, 0);
    return (struct timeval){.tv_sec = (time_t)(positive / HIN_SEC_USEC),
                            .tv_usec = (suseconds_t)(positive % HIN_SEC_USEC)};
}

struct hin_result hin_loop_run(struct hin_loop *loop)
{
    loop->stopped = false;
    while (!loop->stopped) {
        HIN_ENSURE(event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY) >= 0, IO);
    }
    return hin_ok();
}

struct hin_result hin_loop_run_once(struct hin_loop *loop, int64_t timeout_usec)
{
    if (timeout_usec > 0) {
        struct timeval limit = to_timeval(timeout_usec);
        HIN_ENSURE(event_add(loop->limit, &limit) == 0, NO_MEMORY);
    }
    int flags = timeout_usec == 0 ? EVLOOP_NONBLOCK : EVLOOP_ONCE;
    int outcome = event_base_loop(loop->base, flags | EVLOOP_NO_EXIT_ON_EMPTY);
    (void)event_del(loop->limit); /* not armed is fine */
    HIN_ENSURE(outcome >= 0, IO);
    return hin_ok();
}

void hin_loop_stop(struct hin_loop *loop)
{
    loop->stopped = true;
    (void)event_base_loopbreak(loop->base); /* fails only without a base */
}

struct hin_result hin_loop_defer(struct hin_loop *loop, void (*call)(void *context), void *context)
{
    struct deferred *item = malloc(sizeof(*item));
    HIN_ENSURE(item != NULL, NO_MEMORY);
    *item = (struct deferred){.call = call, .context = context};
    *loop->last = item;
    loop->last = &item->next;
    event_active(loop->wake, EV_TIMEOUT, 0);
    return hin_ok();
}

void hin_loop_defer_cancel(struct hin_loop *loop, void (*call)(void *context), void *context)
{
    struct deferred **at = &loop->first;
    while (*at != NULL) {
        struct deferred *item = *at;
        if (item->call == call && item->context == context) {
            *at = item->next;
            free(item);
        } else {
            at = &item->next;
        }
    }
    loop->last = at;
}

/* ---- timers ---- */

static int64_t with_jitter(int64_t usec, unsigned percent)
{
    uint32_t random = 0;
    if (percent == 0 || usec <= 0 || !hin_is_ok(hin_random(&random, sizeof(random)))) {
        return usec;
    }
    double share = (double)HIN_MIN(percent, 100u) / 100.0;
    double shift = ((double)random / (double)UINT32_MAX * 2.0 - 1.0) * share;
    return usec + (int64_t)((double)usec * shift);
}

static struct hin_result arm(struct hin_timer *timer, int64_t usec)
{
    struct timeval delay = to_timeval(with_jitter(usec, timer->jitter_percent));
    HIN_ENSURE(event_add(timer->event, &delay) == 0, NO_MEMORY);
    return hin_ok();
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    struct hin_timer *timer = context;
    if (timer->period_usec > 0) {
        /* Before the call, which may free or rearm the timer. An event that is known to the base is
         * added without allocating, so this cannot fail for want of memory. */
        HIN_IGNORE(arm(timer, timer->period_usec));
    }
    timer->call(timer->context);
}

struct hin_result hin_timer_new(struct hin_loop *loop, void (*call)(void *context), void *context,
                                struct hin_timer **ret_timer)
{
    struct hin_timer *timer = calloc(1, sizeof(*timer));
    HIN_ENSURE(timer != NULL, NO_MEMORY);
    timer->call = call;
    timer->context = context;
    timer->event = event_new(loop->base, -1, 0, on_timer, timer);
    if (timer->event == NULL) {
        free(timer);
        return hin_fail(HIN_NO_MEMORY);
    }
    *ret_timer = timer;
    return hin_ok();
}

void hin_timer_free(struct hin_timer *timer)
{
    if (timer != NULL) {
        event_free(timer->event);
        free(timer);
    }
}

struct hin_result hin_timer_once(struct hin_timer *timer, int64_t delay_usec,
                                 unsigned jitter_percent)
{
    HIN_ENSURE(delay_usec >= 0, INVALID);
    timer->period_usec = 0;
    timer->jitter_percent = jitter_percent;
    return arm(timer, delay_usec);
}

struct hin_result hin_timer_repeat(struct hin_timer *timer, int64_t delay_usec, int64_t period_usec,
                                   unsigned jitter_percent)
{
    HIN_ENSURE(delay_usec >= 0 && period_usec > 0, INVALID);
    timer->period_usec = period_usec;
    timer->jitter_percent = jitter_percent;
    return arm(timer, delay_usec);
}

void hin_timer_stop(struct hin_timer *timer)
{
    timer->period_usec = 0;
    (void)event_del(timer->event); /* not armed is fine */
}

bool hin_timer_is_armed(const struct hin_timer *timer)
{
    return event_pending(timer->event, EV_TIMEOUT, NULL) != 0;
}

/* ---- descriptors ---- */

static void on_watch(evutil_socket_t fd, short what, void *context)
{
    struct hin_watch *watch = context;
    unsigned events =
        (what & EV_READ ? HIN_WATCH_READ : 0u) | (what & EV_WRITE ? HIN_WATCH_WRITE : 0u);
    watch->call(watch->context, events);
}

struct hin_result hin_watch_new(struct hin_loop *loop, int fd,
                                void (*call)(void *context, unsigned events), void *context,
                                struct hin_watch **ret_watch)
{
    HIN_ENSURE(fd >= 0, INVALID);
    struct hin_watch *watch = calloc(1, sizeof(*watch));
    HIN_ENSURE(watch != NULL, NO_MEMORY);
    *watch = (struct hin_watch){.loop = loop, .fd = fd, .call = call, .context = context};
    watch->event = event_new(loop->base, fd, EV_READ | EV_PERSIST, on_watch, watch);
    if (watch->event == NULL) {
        free(watch);
        return hin_fail(HIN_NO_MEMORY);
    }
    *ret_watch = watch;
    return hin_ok();
}

void hin_watch_free(struct hin_watch *watch)
{
    if (watch != NULL) {
        event_free(watch->event);
        free(watch);
    }
}

struct hin_result hin_watch_set(struct hin_watch *watch, unsigned events)
{
    if (events == watch->events) {
        return hin_ok();
    }
    HIN_ENSURE(event_del(watch->event) == 0, IO);
    watch->events = HIN_WATCH_NONE;
    if (events != HIN_WATCH_NONE) {
        short flags = (short)(EV_PERSIST | (events & HIN_WATCH_READ ? EV_READ : 0) |
                              (events & HIN_WATCH_WRITE ? EV_WRITE : 0));
        HIN_ENSURE(
            event_assign(watch->event, watch->loop->base, watch->fd, flags, on_watch, watch) == 0 &&
                event_add(watch->event, NULL) == 0,
            IO);
        watch->events = events;
    }
    return hin_ok();
}

/* ---- signals ---- */

static void on_signal(evutil_socket_t number, short what, void *context)
{
    struct hin_signal *watched = context;
    watched->call(watched->context, (int)number);
}

struct hin_result hin_signal_new(struct hin_loop *loop, int number,
                                 void (*call)(void *context, int number), void *context,
                                 struct hin_signal **ret_signal)
{
    struct hin_signal *watched = calloc(1, sizeof(*watched));
    HIN_ENSURE(watched != NULL, NO_MEMORY);
    watched->call = call;
    watched->context = context;
    watched->event = evsignal_new(loop->base, number, on_signal, watched);
    if (watched->event == NULL || event_add(watched->event, NULL) != 0) {
        hin_signal_free(watched);
        return hin_fail(HIN_IO);
    }
    *ret_signal = watched;
    return hin_ok();
}

void hin_signal_free(struct hin_signal *watched)
{
    if (watched != NULL) {
        if (watched->event != NULL) {
            event_free(watched->event);
        }
        free(watched);
    }
}
