#include "clock/client.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/time.h"
#include "decode/ntp/ntp.h"
#include "io/address.h"

#define SAMPLES        4
#define BURST          3 /* questions after the first */
#define BURST_GAP_USEC (2 * HIN_SEC_USEC)
#define ANSWER_USEC    (3 * HIN_SEC_USEC)
#define MISSES_MAX     3 /* then what it said before no longer counts */
#define STEADY         4 /* answers that agree before it is asked less often */
#define JITTER_PERCENT 10
#define ADDRESSES_MAX  4
#define DATAGRAMS_MAX  16 /* looked at in one turn: a flood must not starve the loop */
#define STEP_LOOK_USEC (2 * HIN_SEC_USEC)
#define STEP_USEC      (20 * HIN_MSEC_USEC) /* this host's clock was set */
/* RFC 5905, A.1.1, MAXDIST: a server that may be off by more is of no use. */
#define DISTANCE_MAX_USEC HIN_SEC_USEC

/* On the monotonic clock: setting the wall clock changes no sample. */
struct sample {
    struct hin_ntp_packet packet;
    int64_t server_minus_mono_usec, delay_usec, at_usec;
};

struct source {
    struct hin_clock_client *client;
    struct hin_clock_server server;
    struct hin_address addresses[ADDRESSES_MAX];
    size_t address_count, address_at;
    struct hin_timer *timer; /* the next question, or the end of the wait for an answer */
    struct hin_watch *watch;
    int fd;
    uint64_t cookie;
    int64_t sent_mono_usec;
    struct sample samples[SAMPLES];
    size_t sample_count, sample_next;
    unsigned burst, misses, steady;
    bool settled;           /* its first burst is over, or it failed to answer */
    bool unstable, stopped; /* contradicts itself; not asked any more */
    bool foreign;           /* something came that was no answer */
    int64_t poll_usec, poll_min_usec;
    enum hin_clock_state state;
    uint8_t stratum;
    int64_t answer_usec;
    uint64_t requests, answers;
};

struct hin_clock_client {
    struct hin_loop *loop;
    struct hin_clock_settings settings;
    const struct hin_clock *clock;
    bool stamps;
    void (*changed)(void *context);
    void *context;
    struct hin_timer *look;
    int64_t basis_usec; /* wall - monotonic, as last looked at */
    struct source sources[HIN_CLOCK_SOURCES_MAX];
};

/* ---- time ---- */

static int64_t read_clock(clockid_t id)
{
    struct timespec now = {0};
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * HIN_SEC_USEC + now.tv_nsec / 1000;
}

static int64_t machine_wall(void *context)
{
    (void)context;
    return read_clock(CLOCK_REALTIME);
}

static int64_t machine_boot(void *context)
{
    (void)context;
    return read_clock(CLOCK_BOOTTIME);
}

static const struct hin_clock machine = {machine_wall, machine_boot, NULL};

/* Wall minus monotonic. A pause between the two readings would look like an offset: of some tries
 * the quickest counts. */
static int64_t basis_now(const struct hin_clock_client *client)
{
    int64_t best = INT64_MAX;
    int64_t basis = 0;
    for (int i = 0; i < 4 && best > 5; i++) {
        int64_t before = hin_clock_monotonic_usec(client->clock);
        int64_t wall = hin_clock_wall_usec(client->clock);
        int64_t took = hin_clock_monotonic_usec(client->clock) - before;
        if (took < best) {
            best = took;
            basis = wall - before - took / 2;
        }
    }
    return basis;
}

static int64_t distance_of(const struct sample *sample, int64_t now_usec)
{
    return hin_ntp_distance_usec(&sample->packet, sample->delay_usec, now_usec - sample->at_usec);
}

static const struct sample *best_of(const struct source *source, int64_t now_usec)
{
    const struct sample *best = NULL;
    for (size_t i = 0; i < source->sample_count; i++) {
        const struct sample *at = &source->samples[i];
        if (best == NULL || distance_of(at, now_usec) < distance_of(best, now_usec)) {
            best = at;
        }
    }
    return best;
}

/* ---- what is known ---- */

static void tell(struct hin_clock_client *client)
{
    if (client->changed != NULL) {
        client->changed(client->context);
    }
}

static void describe(const struct source *source, int64_t basis_usec, int64_t now_usec,
                     struct hin_clock_source *out)
{
    const struct sample *best = best_of(source, now_usec);
    *out = (struct hin_clock_source){
        .state = source->state,
        .stratum = source->stratum,
        .answer_usec = source->answer_usec,
        .requests = source->requests,
        .answers = source->answers,
    };
    hin_clock_server_format(&source->server, out->name, sizeof(out->name));
    if (source->address_count > 0) {
        hin_address_format(&source->addresses[source->address_at], out->address,
                           sizeof(out->address));
    }
    if (best != NULL) {
        out->offset_usec = best->server_minus_mono_usec - basis_usec;
        out->error_usec = distance_of(best, now_usec);
    }
}

/* In the middle of a burst, or at odds with itself, a server has no voice. */
static bool votes(const struct source *source, struct hin_clock_source *told)
{
    if (source->sample_count == 0 || source->burst > 0 || source->unstable) {
        return false;
    }
    if (told->error_usec > DISTANCE_MAX_USEC) {
        told->state = HIN_CLOCK_DISTANT;
        return false;
    }
    return true;
}

/* The first to answer must not speak for all. */
static bool all_settled(const struct hin_clock_client *client)
{
    for (size_t i = 0; i < client->settings.server_count; i++) {
        if (!client->sources[i].settled) {
            return false;
        }
    }
    return true;
}

/* Where three or more servers are configured two must agree, however few of them answer: who can
 * silence the others must not be believed alone. */
void hin_clock_client_report(const struct hin_clock_client *client,
                             struct hin_clock_report *ret_report)
{
    struct hin_clock_report report = {.source_count = client->settings.server_count};
    struct hin_clock_candidate candidates[HIN_CLOCK_SOURCES_MAX];
    size_t who[HIN_CLOCK_SOURCES_MAX];
    size_t count = 0;
    struct hin_clock_choice choice = {0};
    int64_t basis = basis_now(client);
    int64_t now = hin_clock_monotonic_usec(client->clock);
    for (size_t i = 0; i < report.source_count; i++) {
        struct hin_clock_source *told = &report.sources[i];
        describe(&client->sources[i], basis, now, told);
        if (votes(&client->sources[i], told)) {
            candidates[count] = (struct hin_clock_candidate){told->offset_usec, told->error_usec};
            who[count++] = i;
        }
    }
    report.measured = all_settled(client) && hin_clock_select(candidates, count, &choice) &&
                      choice.agree_count >= (report.source_count >= 3 ? 2 : 1);
    for (size_t i = 0; i < count; i++) {
        bool agrees = report.measured && (choice.agreeing & UINT32_C(1) << i) != 0;
        struct hin_clock_source *told = &report.sources[who[i]];
        if (told->state == HIN_CLOCK_AGREES) {
            told->state = agrees ? HIN_CLOCK_AGREES : HIN_CLOCK_DISAGREES;
        }
    }
    if (report.measured) {
        report.chosen = who[choice.chosen];
        report.agree_count = choice.agree_count;
        report.offset_usec = report.sources[report.chosen].offset_usec;
        report.error_usec = report.sources[report.chosen].error_usec;
        report.answer_usec = report.sources[report.chosen].answer_usec;
    }
    *ret_report = report;
}

/* ---- one question ---- */

static void close_socket(struct source *source)
{
    hin_watch_free(source->watch);
    source->watch = NULL;
    hin_fd_close(&source->fd);
    source->cookie = 0;
}

static void plan(struct source *source)
{
    int64_t gap = HIN_MIN(BURST_GAP_USEC, source->poll_usec / 2);
    bool hurry = source->burst > 0;
    source->burst -= hurry;
    source->settled = source->settled || !hurry || source->misses > 0;
    if (source->stopped) {
        hin_timer_stop(source->timer);
        return;
    }
    HIN_IGNORE(hin_timer_once(source->timer, hurry ? gap : source->poll_usec,
                              JITTER_PERCENT)); /* only without memory: this server falls silent */
}

static void ask_less(struct source *source)
{
    int64_t most = (int64_t)source->client->settings.poll_max_sec * HIN_SEC_USEC;
    source->poll_usec = HIN_MAX(HIN_MIN(source->poll_usec * 2, most), source->poll_min_usec);
    source->steady = 0;
}

/* No usable answer. Several in a row: what was said before is too old, and another of the name's
 * addresses gets its turn. */
static void miss(struct source *source, enum hin_clock_state state)
{
    close_socket(source);
    if (++source->misses >= MISSES_MAX || source->sample_count == 0) {
        source->state = state;
    }
    if (source->misses >= MISSES_MAX) {
        source->sample_count = 0;
        source->misses = 0;
        ask_less(source);
        if (++source->address_at >= source->address_count) {
            source->address_count = source->address_at = 0; /* resolved anew */
        }
    }
    plan(source);
    tell(source->client);
}

/* A server whose answers do not fit together, beyond what their ways and the years of our crystal
 * explain: one of us was set, or it is broken. What it says next decides. */
static bool contradicts(const struct source *source, const struct sample *sample)
{
    const struct sample *best = best_of(source, sample->at_usec);
    if (best == NULL) {
        return false;
    }
    int64_t difference = sample->server_minus_mono_usec - best->server_minus_mono_usec;
    int64_t age = sample->at_usec - best->at_usec;
    int64_t allowed = (sample->delay_usec + best->delay_usec) / 2 + HIN_NTP_MIN_DISPERSION_USEC +
                      age / HIN_SEC_USEC * 2 * HIN_NTP_PHI_PPM;
    return difference > allowed || difference < -allowed;
}

static void take_sample(struct source *source, const struct sample *sample)
{
    if (contradicts(source, sample)) {
        source->sample_count = source->sample_next = 0;
        source->burst = source->unstable ? source->burst : BURST;
        source->unstable = true;
        source->poll_usec = source->poll_min_usec;
        source->steady = 0;
    } else if (source->sample_count > 0) {
        source->unstable = false;
    }
    source->samples[source->sample_next] = *sample;
    source->sample_next = (source->sample_next + 1) % SAMPLES;
    source->sample_count = HIN_MIN(source->sample_count + 1, (size_t)SAMPLES);
    source->state = source->unstable ? HIN_CLOCK_UNSTABLE : HIN_CLOCK_AGREES;
    source->misses = 0;
    if (!source->unstable && source->burst == 0 && ++source->steady >= STEADY) {
        ask_less(source);
    }
}

static void good(struct source *source, const struct hin_ntp_packet *packet,
                 int64_t arrived_mono_usec)
{
    /* Both times on the basis of one moment: a clock that was set in between spoils nothing. */
    int64_t basis = basis_now(source->client);
    struct hin_ntp_measure measure =
        hin_ntp_measure(packet, source->sent_mono_usec + basis, arrived_mono_usec + basis);
    struct sample sample = {
        .packet = *packet,
        .server_minus_mono_usec = measure.offset_usec + basis,
        .delay_usec = measure.delay_usec,
        .at_usec = arrived_mono_usec,
    };
    source->answers++;
    source->stratum = packet->stratum;
    source->answer_usec = arrived_mono_usec + basis;
    close_socket(source);
    take_sample(source, &sample);
    plan(source);
    tell(source->client);
}

static void kissed(struct source *source, enum hin_ntp_verdict verdict)
{
    int64_t most = (int64_t)source->client->settings.poll_max_sec * HIN_SEC_USEC;
    char name[HIN_CLOCK_NAME_BYTES];
    hin_clock_server_format(&source->server, name, sizeof(name));
    hin_log(HIN_LOG_WARNING, "time server %s %s", name, hin_ntp_verdict_text(verdict));
    source->burst = 0;
    source->answers++;
    if (verdict == HIN_NTP_KISS_RATE) {
        source->poll_usec = source->poll_min_usec = HIN_MIN(source->poll_usec * 2, most);
        source->state = HIN_CLOCK_LIMITED;
        source->steady = 0;
        close_socket(source);
        plan(source);
        tell(source->client);
        return;
    }
    source->stopped = true;
    source->sample_count = 0;
    miss(source, HIN_CLOCK_REFUSED);
}

static void judged(struct source *source, enum hin_ntp_verdict verdict,
                   const struct hin_ntp_packet *packet, int64_t arrived_mono_usec)
{
    static const struct {
        enum hin_ntp_verdict verdict;
        enum hin_clock_state state;
    } failures[] = {
        {HIN_NTP_KISS_OTHER, HIN_CLOCK_SILENT},
        {HIN_NTP_UNSYNCHRONISED, HIN_CLOCK_UNSYNCHRONISED},
        {HIN_NTP_NONSENSE, HIN_CLOCK_INVALID},
        {HIN_NTP_DISTANT, HIN_CLOCK_DISTANT},
    };
    if (verdict == HIN_NTP_GOOD) {
        good(source, packet, arrived_mono_usec);
        return;
    }
    if (verdict == HIN_NTP_KISS_RATE || verdict == HIN_NTP_KISS_DENY) {
        kissed(source, verdict);
        return;
    }
    for (size_t i = 0; i < HIN_COUNT(failures); i++) {
        if (failures[i].verdict == verdict) {
            source->sample_count = 0; /* it says itself that it cannot be believed */
            miss(source, failures[i].state);
            return;
        }
    }
}

/* When the datagram came, on the monotonic clock: as the kernel stamped it, if that makes sense,
 * since this process may have waited for its turn. */
static int64_t arrived(const struct source *source, struct msghdr *message)
{
    int64_t now = hin_clock_monotonic_usec(source->client->clock);
    if (!source->client->stamps) {
        return now;
    }
    for (struct cmsghdr *at = CMSG_FIRSTHDR(message); at != NULL; at = CMSG_NXTHDR(message, at)) {
        if (at->cmsg_level == SOL_SOCKET && at->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec stamp;
            hin_copy(&stamp, CMSG_DATA(at), sizeof(stamp));
            int64_t wall = (int64_t)stamp.tv_sec * HIN_SEC_USEC + stamp.tv_nsec / 1000;
            int64_t mono = wall - basis_now(source->client);
            return mono >= source->sent_mono_usec && mono <= now ? mono : now;
        }
    }
    return now;
}

/* False: nothing more is to be read, or the wait is over. */
static bool read_one(struct source *source)
{
    uint8_t bytes[HIN_NTP_PACKET_MAX_BYTES + 4];
    union {
        struct cmsghdr header;
        uint8_t space[CMSG_SPACE(sizeof(struct timespec))];
    } control;
    struct iovec part = {bytes, sizeof(bytes)};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control)};
    struct hin_ntp_packet packet;
    ssize_t size = recvmsg(source->fd, &message, 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
        return false;
    }
    if (size < 0) { /* the host says that nobody listens there */
        miss(source, HIN_CLOCK_SILENT);
        return false;
    }
    int64_t at = arrived(source, &message);
    bool decoded = hin_is_ok(hin_ntp_decode(hin_view_of(bytes, (size_t)size), &packet));
    enum hin_ntp_verdict verdict =
        decoded ? hin_ntp_judge(&packet, source->cookie) : HIN_NTP_NOT_OURS;
    if (verdict == HIN_NTP_NOT_OURS) {
        source->foreign = true; /* anybody can send that: the real answer may still come */
        return true;
    }
    judged(source, verdict, &packet, at);
    return false;
}

static void readable(void *context, unsigned events)
{
    struct source *source = context;
    (void)events;
    for (int i = 0; i < DATAGRAMS_MAX && read_one(source); i++) {
    }
}

static HIN_RESULT send_question(struct source *source)
{
    struct sockaddr_storage to;
    const struct hin_address *address = &source->addresses[source->address_at];
    socklen_t size = hin_address_to_sockaddr(address, &to);
    uint8_t request[HIN_NTP_PACKET_BYTES];
    int on = 1;
    source->foreign = false;
    source->fd = socket(to.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    HIN_ENSURE(source->fd >= 0, NETWORK);
    (void)setsockopt(source->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)); /* else less exact */
    HIN_ENSURE(connect(source->fd, (struct sockaddr *)&to, size) == 0, NETWORK);
    HIN_TRY(hin_watch_new(source->client->loop, source->fd, readable, source, &source->watch));
    HIN_TRY(hin_watch_set(source->watch, HIN_WATCH_READ));
    while (source->cookie == 0) {
        HIN_TRY(hin_random(&source->cookie, sizeof(source->cookie)));
    }
    hin_ntp_request(source->cookie, request);
    source->requests++;
    source->sent_mono_usec = hin_clock_monotonic_usec(source->client->clock);
    HIN_ENSURE(send(source->fd, request, sizeof(request), 0) == (ssize_t)sizeof(request), NETWORK);
    return hin_timer_once(source->timer, ANSWER_USEC, 0);
}

static bool find_address(struct source *source)
{
    if (source->address_count > 0) {
        return true;
    }
    source->address_at = 0;
    return hin_is_ok(hin_resolve(source->server.host, source->server.port, source->addresses,
                                 ADDRESSES_MAX, &source->address_count, NULL));
}

static void turn(void *context)
{
    struct source *source = context;
    if (source->fd >= 0) { /* the wait is over */
        miss(source, source->foreign ? HIN_CLOCK_INVALID : HIN_CLOCK_SILENT);
    } else if (!find_address(source)) {
        miss(source, HIN_CLOCK_UNKNOWN_NAME);
    } else if (!hin_is_ok(send_question(source))) {
        miss(source, HIN_CLOCK_SILENT);
    }
}

/* ---- life ---- */

static void look(void *context)
{
    struct hin_clock_client *client = context;
    int64_t basis = basis_now(client);
    int64_t difference = basis - client->basis_usec;
    if (difference > STEP_USEC || difference < -STEP_USEC) {
        client->basis_usec = basis;
        tell(client);
    }
}

static HIN_RESULT source_init(struct hin_clock_client *client, size_t index)
{
    struct source *source = &client->sources[index];
    int64_t poll = (int64_t)client->settings.poll_min_sec * HIN_SEC_USEC;
    source->server = client->settings.servers[index];
    source->poll_usec = source->poll_min_usec = poll;
    source->burst = BURST;
    HIN_TRY(hin_timer_new(client->loop, turn, source, &source->timer));
    return hin_timer_once(source->timer, 0, 0);
}

static HIN_RESULT client_init(struct hin_clock_client *client)
{
    for (size_t i = 0; i < client->settings.server_count; i++) {
        HIN_TRY(source_init(client, i));
    }
    client->basis_usec = basis_now(client);
    HIN_TRY(hin_timer_new(client->loop, look, client, &client->look));
    return hin_timer_repeat(client->look, STEP_LOOK_USEC, STEP_LOOK_USEC, 0);
}

struct hin_result hin_clock_client_new(struct hin_loop *loop,
                                       const struct hin_clock_client_options *options,
                                       struct hin_clock_client **ret_client)
{
    HIN_ENSURE(options->settings->server_count <= HIN_CLOCK_SOURCES_MAX, INVALID);
    struct hin_clock_client *client = calloc(1, sizeof(*client));
    HIN_ENSURE(client != NULL, NO_MEMORY);
    client->loop = loop;
    client->settings = *options->settings;
    client->clock = options->clock != NULL ? options->clock : &machine;
    client->stamps = options->clock == NULL;
    client->changed = options->changed;
    client->context = options->context;
    for (size_t i = 0; i < HIN_CLOCK_SOURCES_MAX; i++) {
        client->sources[i].client = client;
        client->sources[i].fd = -1;
    }
    struct hin_result made = client_init(client);
    if (!hin_is_ok(made)) {
        hin_clock_client_free(client);
        return made;
    }
    *ret_client = client;
    return hin_ok();
}

void hin_clock_client_free(struct hin_clock_client *client)
{
    if (client == NULL) {
        return;
    }
    for (size_t i = 0; i < HIN_CLOCK_SOURCES_MAX; i++) {
        close_socket(&client->sources[i]);
        hin_timer_free(client->sources[i].timer);
    }
    hin_timer_free(client->look);
    free(client);
}
