/* A fleet of simulated agents, for load on a manager: real enrolment, real mutual TLS, the real
 * codecs; no host behind them.
 *
 *   bench_agents --manager https://HOST:PORT --ca-fingerprint F --token-file F
 *
 * Reads commands from standard input, one a line, and answers each with one line when it is done:
 *
 *   enrol N [M]        until N agents have certificates, M at a time   "enrolled N SECONDS"
 *   connect [N]        the first N (default: all) hold sessions        "connected N SECONDS"
 *   events N K B       N findings from K agents in batches of B, each waited for until acknowledged
 *                                                                      "events N SECONDS"
 *   latency          of the batches of the last "events", from sent to acknowledged, in
 * milliseconds "latency P50 P99 MOST" down               until the manager has gone "down SECONDS"
 *   back               until all are connected again                   "back N SECONDS"
 *   hold SECONDS       heartbeats only                                 "held OPEN-SESSIONS"
 *   count              "count OPEN-SESSIONS RECONNECTS RESUMED
 *                                                                       FAILED-ATTEMPTS"
 *   quit
 *
 * A failure that ends the work is told as "failed WHAT" and exit status 1. Agents that lose their
 * session come back as the protocol says: after a wait drawn from the upper half of an interval
 * that doubles from 1 s to 60 s. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "base/fd.h"
#include "base/option.h"
#include "base/time.h"
#include "crypt/tls.h"
#include "crypt/x509.h"
#include "event/codec.h"
#include "io/transport.h"
#include "io/url.h"
#include "wire/batch.h"
#include "wire/session.h"

#define AGENTS_MAX         20000
#define BACKOFF_FIRST_USEC HIN_SEC_USEC
#define BACKOFF_MAX_USEC   (60 * HIN_SEC_USEC)
#define CONNECTS_AT_ONCE   64
#define FRAME_MAX_BYTES    (6U << 20)
#define FLIGHTS            64 /* batches of an agent on their way whose time is kept */
#define LATENCIES          (1U << 20)

struct fleet;

struct flight { /* a batch on its way */
    uint64_t last;
    int64_t since_usec;
};

struct agent {
    struct fleet *fleet;
    struct flight *flights; /* of who sends events; oldest first */
    uint32_t flight_count;
    uint32_t number;
    struct hin_x509_key *key;
    struct hin_tls *tls;
    struct hin_stream *stream;
    struct hin_wire_session session;
    struct hin_timer *timer; /* the next heartbeat, or the next attempt */
    uint8_t id[HIN_WIRE_ID_BYTES];
    bool enrolled, wanted, was_open;
    unsigned attempts;
    uint64_t counter, next, target, durable, policy_serial;
    uint64_t generation, offset;
    uint32_t window, inflight, heartbeat_sec;
};

enum task { TASK_NONE, TASK_ENROL, TASK_CONNECT, TASK_EVENTS, TASK_DOWN, TASK_BACK, TASK_HOLD };

struct fleet_options {
    const char *manager;
    const char *ca_fingerprint;
    const char *token_file;
};

struct fleet {
    struct fleet_options options;
    struct hin_url url;
    struct hin_address address;
    struct hin_secret token;
    struct hin_loop *loop;
    struct hin_watch *input;
    struct hin_timer *hold;
    struct hin_buf commands, frame, raw, event;
    struct hin_tls *enrol_tls;
    struct hin_wire_packer *packer;
    struct hin_arena arena;
    struct agent *agents;
    uint32_t agent_count, enrolled, open, connecting, next_connect;
    uint32_t wanted, at_once;
    uint32_t *latencies; /* microseconds, of the last events */
    size_t latency_count;
    uint64_t reconnects, resumed, attempts_failed, batch_count, unacknowledged, task_count, number;
    enum task task;
    int64_t task_since;
    bool failed;
};

static void connect_some(struct fleet *f);
static void on_timer(void *context);

static int64_t now_usec(void)
{
    return hin_clock_monotonic_usec(hin_clock_system());
}

static void fail(struct fleet *f, const char *what, enum hin_code code)
{
    if (!f->failed) {
        printf("failed %s: %s\n", what, hin_code_text(code));
        fflush(stdout);
    }
    f->failed = true;
    hin_loop_stop(f->loop);
}

static void done(struct fleet *f, const char *what, uint64_t count)
{
    printf("%s %llu %.3f\n", what, (unsigned long long)count,
           (double)(now_usec() - f->task_since) / 1e6);
    fflush(stdout);
    f->task = TASK_NONE;
}

/* ---- findings, in the shapes that a busy server's have ---- */

struct shape { /* in the line: %t second, %i address, %n number, %p port */
    const char *program, *location, *decoder, *description, *line;
    int64_t rule, level;
    const char *groups[3];
};

static const struct shape shapes[] = {
    {"sshd",
     "/var/log/auth.log",
     "sshd",
     "SSHD authentication failed.",
     "Nov  1 00:00:%t web01 sshd[%n]: Failed password for user%n from %i port %p ssh2",
     5716,
     5,
     {"syslog", "sshd", "authentication_failed"}},
    {"sshd",
     "/var/log/auth.log",
     "sshd",
     "Attempt to login using a non-existent user",
     "Nov  1 00:00:%t web01 sshd[%n]: Invalid user user%n from %i port %p",
     5710,
     5,
     {"syslog", "sshd", "invalid_login"}},
    {NULL,
     "/var/log/apache2/access.log",
     "web-accesslog",
     "Web server 400 error code.",
     "%i - - [01/Nov/2026:00:00:%t +0000] \"GET /docs/page%n.html HTTP/1.1\" 404 %p \"-\" "
     "\"Mozilla/5.0 (X11; Linux) Firefox/128.0\"",
     31101,
     5,
     {"web", "accesslog", "attack"}},
    {"postfix/smtpd",
     "/var/log/mail.log",
     "postfix-reject",
     "Attempt to use mail server as relay (client host rejected).",
     "Nov  1 00:00:%t mail01 postfix/smtpd[%n]: NOQUEUE: reject: RCPT from unknown[%i]: 554 5.7.1 "
     "<user%n@example.com>: Relay access denied; from=<a@example.org> to=<b@example.com> "
     "proto=ESMTP",
     3301,
     6,
     {"syslog", "postfix", "spam"}},
    {"named",
     "/var/log/syslog",
     "named",
     "Invalid DNS update/query: access denied.",
     "Nov  1 00:00:%t ns1 named[%n]: client %i#%p: query (cache) 'host%n.example.org/A/IN' denied",
     12108,
     5,
     {"syslog", "named", "access_denied"}},
};

static HIN_RESULT write_line(struct fleet *f, const struct shape *shape, uint64_t number,
                             struct hin_view address, struct hin_view *ret_line)
{
    char line[512];
    size_t size = 0;
    for (const char *at = shape->line; *at != 0 && size < sizeof(line) - 64; at++) {
        if (*at != '%') {
            line[size++] = *at;
            continue;
        }
        at++;
        if (*at == 'i') {
            hin_copy(line + size, address.data, address.size);
            size += address.size;
        } else {
            uint64_t value = *at == 't'   ? number % 60
                             : *at == 'p' ? 1024 + number % 60000
                                          : number * 7919 % 20000;
            size += (size_t)snprintf(line + size, 24, *at == 't' ? "%02llu" : "%llu",
                                     (unsigned long long)value);
        }
    }
    return hin_arena_copy(&f->arena, hin_view_of(line, size), ret_line);
}

static HIN_RESULT fill(struct fleet *f, struct hin_event *event, uint64_t number)
{
    const struct shape *shape = &shapes[number % HIN_COUNT(shapes)];
    struct hin_view address, user, line, groups[3];
    int64_t now = hin_clock_wall_usec(hin_clock_system());
    HIN_TRY(hin_arena_printf(&f->arena, &address, "%llu.%llu.%llu.%llu",
                             (unsigned long long)(1 + number * 2654435761U % 223),
                             (unsigned long long)(number / 65536 % 256),
                             (unsigned long long)(number / 256 % 256),
                             (unsigned long long)(number % 256)));
    HIN_TRY(hin_arena_printf(&f->arena, &user, "user%llu",
                             (unsigned long long)(number * 7919 % 20000)));
    HIN_TRY(write_line(f, shape, number, address, &line));
    for (size_t i = 0; i < HIN_COUNT(groups); i++) {
        groups[i] = hin_view_from_text(shape->groups[i]);
    }
    hin_event_init_finding(event, &f->arena, now, now, shape->rule, shape->level);
    if (shape->program != NULL) {
        HIN_TRY(hin_event_set_text(event, HIN_FIELD_PROGRAM, hin_view_from_text(shape->program)));
        HIN_TRY(hin_event_set_text(event, HIN_FIELD_USER, user));
        HIN_TRY(hin_event_set_text(event, HIN_FIELD_HOST, HIN_VIEW("web01")));
    }
    HIN_TRY(hin_event_set_text(event, HIN_FIELD_LOCATION, hin_view_from_text(shape->location)));
    HIN_TRY(hin_event_set_text(event, HIN_FIELD_DECODER, hin_view_from_text(shape->decoder)));
    HIN_TRY(hin_event_set_text(event, HIN_FIELD_RULE_DESCRIPTION,
                               hin_view_from_text(shape->description)));
    HIN_TRY(hin_event_set_texts(event, HIN_FIELD_RULE_GROUPS, groups, HIN_COUNT(groups)));
    HIN_TRY(hin_event_set_text(event, HIN_FIELD_SRC_IP, address));
    HIN_TRY(hin_event_set_integer(event, HIN_FIELD_SRC_PORT, (int64_t)(1024 + number % 60000)));
    HIN_TRY(hin_event_set_integer(event, HIN_FIELD_POLICY_VERSION, 1));
    return hin_event_set_text(event, HIN_FIELD_RAW, line);
}

static HIN_RESULT add_record(struct agent *a)
{
    struct fleet *f = a->fleet;
    struct hin_event event;
    struct hin_event_identity identity = {a->generation, a->offset, 0};
    hin_arena_reset(&f->arena);
    HIN_TRY(fill(f, &event, f->number++));
    HIN_TRY(hin_event_set_identity(&event, &identity));
    hin_buf_clear(&f->event);
    HIN_TRY(hin_event_encode(&event, &f->event));
    struct hin_wire_record record = {
        .generation = a->generation, .offset = a->offset, .event = hin_buf_view(&f->event)};
    a->offset += 123;
    return hin_wire_record_write(&f->raw, &record);
}

/* ---- talking ---- */

static HIN_RESULT say(struct agent *a, const struct hin_wire_message *message)
{
    struct fleet *f = a->fleet;
    hin_buf_clear(&f->frame);
    HIN_TRY(hin_wire_session_step(&a->session, HIN_WIRE_FROM_AGENT, message->type));
    HIN_TRY(hin_wire_encode(a->session.version, message, &f->frame));
    return hin_stream_write(a->stream, hin_buf_view(&f->frame));
}

static HIN_RESULT note_sent(struct agent *a)
{
    if (a->flights == NULL) {
        a->flights = calloc(FLIGHTS, sizeof(*a->flights));
        HIN_ENSURE(a->flights != NULL, NO_MEMORY);
    }
    if (a->flight_count < FLIGHTS) {
        a->flights[a->flight_count++] = (struct flight){a->next - 1, now_usec()};
    }
    return hin_ok();
}

static void note_acknowledged(struct agent *a, uint64_t through)
{
    struct fleet *f = a->fleet;
    uint32_t landed = 0;
    for (; landed < a->flight_count && a->flights[landed].last <= through; landed++) {
        if (f->latency_count < LATENCIES) {
            f->latencies[f->latency_count++] =
                (uint32_t)(now_usec() - a->flights[landed].since_usec);
        }
    }
    a->flight_count -= landed;
    for (uint32_t i = 0; landed > 0 && i < a->flight_count; i++) {
        a->flights[i] = a->flights[i + landed];
    }
}

static HIN_RESULT send_batches(struct agent *a)
{
    struct fleet *f = a->fleet;
    while (a->next <= a->target && a->inflight < a->window && !hin_stream_is_full(a->stream)) {
        uint32_t count = (uint32_t)HIN_MIN(a->target - a->next + 1, f->batch_count);
        struct hin_wire_message message = {.type = HIN_WIRE_BATCH};
        hin_buf_clear(&f->raw);
        for (uint32_t i = 0; i < count; i++) {
            HIN_TRY(add_record(a));
        }
        HIN_TRY(hin_wire_pack(f->packer, a->next, count, hin_buf_view(&f->raw), &message.batch));
        HIN_TRY(say(a, &message));
        a->next += count;
        a->inflight++;
        HIN_TRY(note_sent(a));
    }
    return hin_ok();
}

static HIN_RESULT say_hello(struct agent *a)
{
    struct hin_wire_message message = {
        .type = HIN_WIRE_HELLO,
        .hello = {.version_oldest = HIN_WIRE_VERSION_OLDEST,
                  .version_newest = HIN_WIRE_VERSION,
                  .session_counter = ++a->counter,
                  .spool_first = a->next,
                  .spool_last = a->next - 1,
                  .policy_serial = a->policy_serial,
                  .wall_usec = hin_clock_wall_usec(hin_clock_system()),
                  .agent_version = HIN_VIEW(HIN_VERSION),
                  .host_name = HIN_VIEW("simulated"),
                  .os_name = HIN_VIEW("Debian GNU/Linux 12 (bookworm)"),
                  .platform = HIN_VIEW("x86_64")},
    };
    hin_copy(message.hello.agent_id, a->id, sizeof(a->id));
    return say(a, &message);
}

static HIN_RESULT say_heartbeat(struct agent *a)
{
    struct hin_wire_message message = {
        .type = HIN_WIRE_HEARTBEAT,
        .heartbeat = {.wall_usec = hin_clock_wall_usec(hin_clock_system()),
                      .policy_serial = a->policy_serial,
                      .counters = {{HIN_VIEW("lines"), a->offset / 123},
                                   {HIN_VIEW("events"), a->next - 1},
                                   {HIN_VIEW("events_lost"), 0}},
                      .counter_count = 3},
    };
    return say(a, &message);
}

static HIN_RESULT say_enrol(struct agent *a)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf csr = {.max = HIN_WIRE_CSR_MAX_BYTES};
    char name[64];
    snprintf(name, sizeof(name), "simulated-%u", a->number);
    HIN_TRY(hin_x509_request_new(a->key, "hinomi-agent", &csr));
    struct hin_wire_message message = {
        .type = HIN_WIRE_ENROL,
        .enrol = {.version_oldest = HIN_WIRE_VERSION_OLDEST,
                  .version_newest = HIN_WIRE_VERSION,
                  .token = hin_secret_view(&a->fleet->token),
                  .csr = hin_buf_view(&csr),
                  .agent_version = HIN_VIEW(HIN_VERSION),
                  .host_name = hin_view_from_text(name),
                  .os_name = HIN_VIEW("Debian GNU/Linux 12 (bookworm)"),
                  .platform = HIN_VIEW("x86_64")},
    };
    return say(a, &message);
}

/* ---- what the manager says ---- */

static HIN_RESULT got_welcome(struct agent *a, const struct hin_wire_welcome *welcome)
{
    struct fleet *f = a->fleet;
    a->session.version = welcome->version;
    a->window = welcome->window_batches;
    a->heartbeat_sec = welcome->heartbeat_sec;
    a->inflight = 0;
    a->durable = welcome->durable;
    a->next = welcome->durable + 1;
    a->attempts = 0;
    a->flight_count = 0;
    a->was_open = true;
    f->open++;
    f->connecting--;
    f->resumed += hin_stream_tls_resumed(a->stream);
    int64_t period = (int64_t)a->heartbeat_sec * HIN_SEC_USEC;
    HIN_TRY(hin_timer_repeat(a->timer, period, period, 20));
    connect_some(f);
    if (f->open == f->wanted && (f->task == TASK_CONNECT || f->task == TASK_BACK)) {
        done(f, f->task == TASK_BACK ? "back" : "connected", f->open);
    }
    return hin_ok();
}

static HIN_RESULT got_ack(struct agent *a, uint64_t through)
{
    struct fleet *f = a->fleet;
    HIN_ENSURE(through < a->next && through >= a->durable, PROTOCOL);
    uint64_t acknowledged = through - a->durable;
    note_acknowledged(a, through);
    a->durable = through;
    a->inflight = (uint32_t)((a->next - 1 - through + f->batch_count - 1) / f->batch_count);
    HIN_TRY(send_batches(a));
    if (f->task == TASK_EVENTS) {
        f->unacknowledged -= HIN_MIN(acknowledged, f->unacknowledged);
        if (f->unacknowledged == 0) {
            done(f, "events", f->task_count);
        }
    }
    return hin_ok();
}

static HIN_RESULT got_policy(struct agent *a, const struct hin_wire_policy *policy)
{
    if (policy->offset + policy->chunk.size < policy->total_bytes) {
        return hin_ok();
    }
    a->policy_serial = policy->serial;
    struct hin_wire_message message = {
        .type = HIN_WIRE_POLICY_STATUS,
        .policy_status = {.serial = policy->serial, .state = HIN_WIRE_POLICY_APPLIED}};
    return say(a, &message);
}

static HIN_RESULT got_enrolled(struct agent *a, const struct hin_wire_enrolled *enrolled)
{
    struct fleet *f = a->fleet;
    HIN_ENSURE(enrolled->status == HIN_WIRE_ISSUED && enrolled->certificate_count >= 2, DENIED);
    hin_copy(a->id, enrolled->agent_id, sizeof(a->id));
    struct hin_tls_options options = {
        .role = HIN_TLS_AGENT_CLIENT,
        .certificate = enrolled->certificates[0],
        .key = a->key,
        .ca = enrolled->certificates[enrolled->certificate_count - 1],
    };
    HIN_TRY(hin_tls_new(&a->tls, &options));
    hin_x509_key_free(a->key);
    a->key = NULL;
    a->enrolled = true;
    f->enrolled++;
    hin_stream_close(a->stream);
    return hin_ok();
}

static HIN_RESULT got(struct agent *a, const struct hin_wire_message *message)
{
    struct hin_wire_message reply = {.type = HIN_WIRE_PONG};
    switch (message->type) {
    case HIN_WIRE_ENROLLED:
        return got_enrolled(a, &message->enrolled);
    case HIN_WIRE_WELCOME:
        return got_welcome(a, &message->welcome);
    case HIN_WIRE_ACK:
        return got_ack(a, message->ack.through);
    case HIN_WIRE_POLICY:
        return got_policy(a, &message->policy);
    case HIN_WIRE_PING:
        reply.pong = message->ping;
        return say(a, &reply);
    case HIN_WIRE_HEARTBEAT_REPLY:
        return hin_ok();
    case HIN_WIRE_REFUSE:
        fprintf(stderr, "agent %u refused: %s\n", a->number,
                hin_wire_refusal_text(message->refuse.reason));
        return hin_ok(); /* the manager closes */
    default:
        return hin_fail(HIN_PROTOCOL);
    }
}

/* ---- streams ---- */

static void on_open(void *context, struct hin_stream *stream)
{
    struct agent *a = context;
    (void)stream;
    struct hin_result result = a->enrolled ? say_hello(a) : say_enrol(a);
    if (!hin_is_ok(result)) {
        hin_stream_abort(stream, result.code, "hello or enrol");
    }
}

static void on_data(void *context, struct hin_stream *stream)
{
    struct agent *a = context;
    struct hin_wire_frame frame;
    static struct hin_wire_message message; /* large; one thread */
    struct hin_result result = hin_ok();
    while (hin_is_ok(result) &&
           hin_is_ok(
               hin_wire_frame_next(hin_stream_input(stream), HIN_WIRE_PAYLOAD_MAX_BYTES, &frame))) {
        result = hin_wire_decode(a->session.version, frame.type, frame.payload, &message);
        if (hin_is_ok(result)) {
            result = hin_wire_session_step(&a->session, HIN_WIRE_FROM_MANAGER, message.type);
        }
        if (hin_is_ok(result)) {
            result = got(a, &message);
        }
        hin_stream_consume(stream, frame.size);
    }
    if (!hin_is_ok(result)) {
        fprintf(stderr, "agent %u: %s in state %s\n", a->number, hin_code_text(result.code),
                hin_wire_state_name(a->session.state));
        fail(a->fleet, "protocol", result.code);
    }
}

static void on_drain(void *context, struct hin_stream *stream)
{
    struct agent *a = context;
    (void)stream;
    if (a->session.state == HIN_WIRE_STATE_OPEN && !hin_is_ok(send_batches(a))) {
        fail(a->fleet, "sending", HIN_IO);
    }
}

static void on_close(void *context, struct hin_stream *stream, const struct hin_stream_end *end)
{
    struct agent *a = context;
    struct fleet *f = a->fleet;
    (void)stream;
    a->stream = NULL;
    if (a->was_open) {
        a->was_open = false;
        f->open--;
        f->reconnects++;
    } else {
        f->connecting--;
        f->attempts_failed += a->wanted;
    }
    if (f->task == TASK_ENROL && !a->enrolled) {
        fprintf(stderr, "agent %u: not enrolled: %s\n", a->number, end->text);
        fail(f, "enrolment", end->code);
        return;
    }
    if (f->task == TASK_BACK && f->attempts_failed % 500 == 1) {
        fprintf(stderr, "%u open after %.1f s; an attempt failed: %s\n", f->open,
                (double)(now_usec() - f->task_since) / 1e6, end->text);
    }
    if (f->task == TASK_DOWN && f->open == 0) {
        done(f, "down", 0);
    }
    if (!a->wanted) {
        connect_some(f);
        return;
    }
    int64_t wait = BACKOFF_FIRST_USEC;
    uint64_t random = 0;
    for (unsigned i = 0; i < a->attempts && wait < BACKOFF_MAX_USEC; i++) {
        wait *= 2;
    }
    wait = HIN_MIN(wait, BACKOFF_MAX_USEC);
    HIN_IGNORE(hin_random(&random, sizeof(random)));
    a->attempts++;
    HIN_IGNORE(hin_timer_once(a->timer, wait / 2 + (int64_t)(random % (uint64_t)(wait / 2)), 0));
    connect_some(f);
}

static const struct hin_stream_events stream_events = {
    .on_open = on_open, .on_data = on_data, .on_drain = on_drain, .on_close = on_close};

static HIN_RESULT dial(struct agent *a)
{
    struct fleet *f = a->fleet;
    struct hin_connect_options options = {
        .tls = a->enrolled ? a->tls : f->enrol_tls,
        .address = f->address,
        .host = f->url.host,
        .limits = hin_stream_limits_default(),
    };
    options.limits.handshake_usec = 30 * HIN_SEC_USEC;
    if (!a->enrolled && a->key == NULL) {
        HIN_TRY(hin_x509_key_generate(&a->key));
    }
    a->session =
        hin_wire_session_begin(a->enrolled ? HIN_WIRE_STATE_KNOWN : HIN_WIRE_STATE_ANONYMOUS);
    HIN_TRY(hin_stream_connect(f->loop, &options, &stream_events, a, &a->stream));
    f->connecting++;
    return hin_ok();
}

/* A heartbeat while the session is open, else the next attempt. */
static void on_timer(void *context)
{
    struct agent *a = context;
    struct hin_result result = hin_ok();
    if (a->stream == NULL && a->wanted) {
        result = dial(a);
    } else if (a->stream != NULL && a->session.state == HIN_WIRE_STATE_OPEN) {
        result = say_heartbeat(a);
    }
    if (!hin_is_ok(result)) {
        fail(a->fleet, "an agent", result.code);
    }
}

/* First connections go out so many at a time; returning ones by their own clocks. */
static void connect_some(struct fleet *f)
{
    bool enrolling = f->task == TASK_ENROL;
    if (!enrolling && f->task != TASK_CONNECT) {
        return;
    }
    while (f->connecting < f->at_once && f->next_connect < f->wanted) {
        struct agent *a = &f->agents[f->next_connect++];
        if (a->stream != NULL || (enrolling && a->enrolled)) {
            continue;
        }
        a->wanted = !enrolling;
        struct hin_result result = dial(a);
        if (!hin_is_ok(result)) {
            fail(f, "connecting", result.code);
            return;
        }
    }
    if (enrolling && f->connecting == 0 && f->next_connect >= f->wanted) {
        done(f, "enrolled", f->enrolled);
    }
}

/* ---- commands ---- */

static void begin(struct fleet *f, enum task task)
{
    f->task = task;
    f->task_since = now_usec();
}

static HIN_RESULT agents_make(struct fleet *f, uint32_t count)
{
    for (; f->agent_count < count; f->agent_count++) {
        struct agent *a = &f->agents[f->agent_count];
        a->fleet = f;
        a->number = f->agent_count + 1;
        a->next = 1;
        a->counter = (uint64_t)hin_clock_wall_usec(hin_clock_system());
        HIN_TRY(hin_random(&a->generation, sizeof(a->generation)));
        a->generation = (a->generation >> 1) | 1;
        HIN_TRY(hin_timer_new(f->loop, on_timer, a, &a->timer));
    }
    return hin_ok();
}

/* Anew each time: agents of several tenants, one after the other. */
static HIN_RESULT read_token(struct fleet *f)
{
    int fd HIN_CLEANUP_FD = -1;
    hin_secret_done(&f->token);
    HIN_TRY(hin_fd_open(AT_FDCWD, f->options.token_file, O_RDONLY, 0, &fd));
    return hin_secret_read_fd(&f->token, fd);
}

static HIN_RESULT do_enrol(struct fleet *f, const uint64_t *numbers)
{
    HIN_ENSURE(numbers[0] >= 1 && numbers[0] <= AGENTS_MAX, INVALID);
    HIN_TRY(read_token(f));
    HIN_TRY(agents_make(f, (uint32_t)numbers[0]));
    f->wanted = (uint32_t)numbers[0];
    f->next_connect = 0;
    f->at_once = numbers[1] > 0 ? (uint32_t)numbers[1] : CONNECTS_AT_ONCE;
    begin(f, TASK_ENROL);
    connect_some(f);
    return hin_ok();
}

static HIN_RESULT do_connect(struct fleet *f, const uint64_t *numbers)
{
    uint32_t count = numbers[0] > 0 ? (uint32_t)numbers[0] : f->enrolled;
    HIN_ENSURE(count >= 1 && count <= f->enrolled && count > f->open, INVALID);
    f->wanted = count;
    f->next_connect = 0;
    f->at_once = CONNECTS_AT_ONCE;
    begin(f, TASK_CONNECT);
    connect_some(f);
    return hin_ok();
}

static HIN_RESULT do_events(struct fleet *f, const uint64_t *numbers)
{
    uint64_t count = numbers[0], senders = numbers[1];
    f->batch_count = numbers[2];
    HIN_ENSURE(count >= 1 && senders >= 1 && senders <= f->open && f->batch_count >= 1 &&
                   f->batch_count <= HIN_WIRE_BATCH_RECORDS_MAX,
               INVALID);
    f->unacknowledged = f->task_count = count;
    f->latency_count = 0;
    if (f->latencies == NULL) {
        f->latencies = calloc(LATENCIES, sizeof(*f->latencies));
        HIN_ENSURE(f->latencies != NULL, NO_MEMORY);
    }
    begin(f, TASK_EVENTS);
    for (uint64_t i = 0; i < senders; i++) {
        struct agent *a = &f->agents[i];
        HIN_ENSURE(a->session.state == HIN_WIRE_STATE_OPEN, CLOSED);
        a->target = a->next - 1 + count / senders + (i < count % senders);
        HIN_TRY(send_batches(a));
    }
    return hin_ok();
}

static HIN_RESULT do_down(struct fleet *f, const uint64_t *numbers)
{
    (void)numbers;
    begin(f, TASK_DOWN);
    if (f->open == 0) {
        done(f, "down", 0);
    }
    return hin_ok();
}

static HIN_RESULT do_back(struct fleet *f, const uint64_t *numbers)
{
    (void)numbers;
    begin(f, TASK_BACK);
    if (f->open == f->wanted) {
        done(f, "back", f->open);
    }
    return hin_ok();
}

static void hold_over(void *context)
{
    struct fleet *f = context;
    done(f, "held", f->open);
}

static HIN_RESULT do_hold(struct fleet *f, const uint64_t *numbers)
{
    begin(f, TASK_HOLD);
    return hin_timer_once(f->hold, (int64_t)numbers[0] * HIN_SEC_USEC, 0);
}

static HIN_RESULT do_count(struct fleet *f, const uint64_t *numbers)
{
    (void)numbers;
    printf("count %u %llu %llu %llu\n", f->open, (unsigned long long)f->reconnects,
           (unsigned long long)f->resumed, (unsigned long long)f->attempts_failed);
    fflush(stdout);
    return hin_ok();
}

static int by_size(const void *a, const void *b)
{
    const uint32_t *one = a, *other = b;
    return (*one > *other) - (*one < *other);
}

static HIN_RESULT do_latency(struct fleet *f, const uint64_t *numbers)
{
    (void)numbers;
    HIN_ENSURE(f->latency_count > 0, INVALID);
    size_t last = f->latency_count - 1;
    qsort(f->latencies, f->latency_count, sizeof(*f->latencies), by_size);
    printf("latency %.1f %.1f %.1f\n", f->latencies[last / 2] / 1e3,
           f->latencies[last * 99 / 100] / 1e3, f->latencies[last] / 1e3);
    fflush(stdout);
    return hin_ok();
}

static HIN_RESULT do_quit(struct fleet *f, const uint64_t *numbers)
{
    (void)numbers;
    hin_loop_stop(f->loop);
    return hin_ok();
}

static const struct {
    const char *name;
    struct hin_result (*run)(struct fleet *f, const uint64_t *numbers);
} commands[] = {{"enrol", do_enrol}, {"connect", do_connect}, {"events", do_events},
                {"down", do_down},   {"back", do_back},       {"hold", do_hold},
                {"count", do_count}, {"latency", do_latency}, {"quit", do_quit}};

static HIN_RESULT run_command(struct fleet *f, struct hin_view line)
{
    struct hin_view word;
    struct hin_view name = HIN_VIEW_EMPTY;
    uint64_t numbers[4] = {0};
    size_t count = 0;
    for (bool first = true; hin_view_split(&line, ' ', &word); first = false) {
        if (first) {
            name = word;
        } else if (word.size > 0 && count < HIN_COUNT(numbers)) {
            HIN_TRY(hin_view_to_u64(word, &numbers[count++]));
        }
    }
    for (size_t i = 0; i < HIN_COUNT(commands); i++) {
        if (hin_view_is(name, commands[i].name)) {
            return commands[i].run(f, numbers);
        }
    }
    return hin_fail(HIN_INVALID);
}

static void on_input(void *context, unsigned events)
{
    struct fleet *f = context;
    uint8_t bytes[4096];
    size_t got_bytes = 0;
    (void)events;
    struct hin_result result = hin_fd_read_some(STDIN_FILENO, bytes, sizeof(bytes), &got_bytes);
    if (result.code == HIN_AGAIN) {
        return;
    }
    if (!hin_is_ok(result) || got_bytes == 0) {
        hin_loop_stop(f->loop);
        return;
    }
    result = hin_buf_append(&f->commands, hin_view_of(bytes, got_bytes));
    size_t end;
    while (hin_is_ok(result) &&
           (end = hin_view_find_byte(hin_buf_view(&f->commands), '\n')) != SIZE_MAX) {
        result = run_command(f, hin_view_of(f->commands.data, end));
        hin_buf_consume(&f->commands, end + 1);
    }
    if (!hin_is_ok(result)) {
        fail(f, "command", result.code);
    }
}

/* ---- life ---- */

static const struct hin_option options[] = {
    {"manager", 0, HIN_OPTION_TEXT, offsetof(struct fleet_options, manager), "URL",
     "The manager's address for agents.", NULL, true, false},
    {"ca-fingerprint", 0, HIN_OPTION_TEXT, offsetof(struct fleet_options, ca_fingerprint), "HEX",
     "Its authority's fingerprint.", NULL, true, false},
    {"token-file", 0, HIN_OPTION_TEXT, offsetof(struct fleet_options, token_file), "FILE",
     "Enrolment token for many uses; read at each `enrol`.", NULL, true, false},
};

static const struct hin_command command = {
    .name = "bench_agents",
    .summary = "Simulate a fleet of agents; commands come on standard input.",
    .options = options,
    .option_count = HIN_COUNT(options),
};

static HIN_RESULT set_up(struct fleet *f, struct hin_error *error)
{
    size_t count = 0;
    struct rlimit limit = {0};
    HIN_ENSURE(getrlimit(RLIMIT_NOFILE, &limit) == 0, IO);
    limit.rlim_cur = limit.rlim_max;
    HIN_ENSURE(setrlimit(RLIMIT_NOFILE, &limit) == 0, IO);
    HIN_TRY(hin_ignore_sigpipe());
    HIN_TRY(hin_url_parse(hin_view_from_text(f->options.manager), &f->url, error));
    HIN_TRY(hin_resolve(f->url.host, f->url.port, &f->address, 1, &count, error));
    HIN_TRY(hin_loop_new(NULL, &f->loop));
    HIN_TRY(hin_timer_new(f->loop, hold_over, f, &f->hold));
    HIN_TRY(hin_fd_nonblocking(STDIN_FILENO, true));
    HIN_TRY(hin_watch_new(f->loop, STDIN_FILENO, on_input, f, &f->input));
    HIN_TRY(hin_watch_set(f->input, HIN_WATCH_READ));
    HIN_TRY(hin_wire_packer_new(&f->packer));
    hin_buf_init(&f->commands, 65536);
    hin_buf_init(&f->frame, FRAME_MAX_BYTES);
    hin_buf_init(&f->raw, HIN_WIRE_BATCH_RAW_MAX_BYTES);
    hin_buf_init(&f->event, HIN_EVENT_MAX_BYTES);
    hin_arena_init(&f->arena, 1U << 20);
    f->batch_count = 1;
    f->agents = calloc(AGENTS_MAX, sizeof(*f->agents));
    HIN_ENSURE(f->agents != NULL, NO_MEMORY);
    struct hin_tls_options tls = {.role = HIN_TLS_ENROL_CLIENT,
                                  .ca_fingerprint = f->options.ca_fingerprint};
    return hin_tls_new(&f->enrol_tls, &tls);
}

int main(int argc, char **argv)
{
    struct fleet f = {0};
    struct hin_error error = {HIN_OK};
    char **operands;
    size_t operand_count = 0;
    bool help = false;
    struct hin_result result = hin_option_parse(&command, argc, argv, &f.options, &operands,
                                                &operand_count, &help, &error);
    if (help) {
        hin_option_help(&command, stdout);
        return 0;
    }
    if (!hin_is_ok(result)) {
        fprintf(stderr, "bench_agents: %s\n", error.text);
        return 2;
    }
    result = set_up(&f, &error);
    if (hin_is_ok(result)) {
        result = hin_loop_run(f.loop);
    }
    if (!hin_is_ok(result)) {
        fprintf(stderr, "bench_agents: %s %s\n", hin_code_text(result.code), error.text);
    }
    return hin_is_ok(result) && !f.failed ? 0 : 1; /* what is held goes with the process */
}
