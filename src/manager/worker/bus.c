#include "manager/worker/bus.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "base/log.h"
#include "clock/role.h"
#include "manager/worker/api/api.h"
#include "manager/worker/ingest/internal.h"
#include "manager/worker/probe.h"

enum {
    PEERS_MAX = 64 + 3,
    PENDING_MAX = 16384,
    TELL_USEC = 1000 * 1000,
    CONNECTED_MAX = 3500, /* tenants with agents that are told of; as many as fit a message */
    COUNTERS_MAX = 90000,
};

struct peer {
    struct hin_bus *bus;
    const char *name;
    unsigned instance;
    struct hin_ipc *channel;
    struct hin_watch *watch;
    struct hin_ipc_permits permits;
    bool is_worker;
    struct connected { /* agents, by tenant; those that have some */
        int64_t tenant;
        uint64_t agents, clocks_beyond;
    } * connected;
    size_t connected_count;
};

static void send_to(struct peer *peer, uint16_t type, struct hin_view payload);

struct pending { /* an own claim that waits for answers */
    uint64_t number;
    int64_t tenant;
    unsigned waiting;
    bool alive;
};

struct hin_bus {
    struct hin_worker *worker;
    struct peer peers[PEERS_MAX];
    size_t peer_count;
    struct hin_watch *parent;
    struct hin_timer *timer;
    struct pending *pending;
    size_t pending_count;
    struct hin_gather *gathers;
    uint64_t gather_count;
    struct hin_role_events events;
    struct hin_ipc_permits from_parent;
    struct hin_buf told;
    bool failed;
};

/* ---- messages ---- */

/* The desk a message is about; NULL when this worker has none, and nothing to do then. */
static HIN_RESULT read_desk(struct hin_bus *bus, struct hin_reader *reader,
                            struct hin_desk **ret_desk)
{
    uint64_t tenant = 0;
    HIN_TRY(hin_read_u64(reader, &tenant));
    *ret_desk = hin_desk_known(bus->worker, (int64_t)tenant);
    return hin_ok();
}

static struct hin_result on_committed(void *context, struct hin_ipc *channel,
                                      struct hin_ipc_message *message)
{
    struct peer *peer = context;
    struct hin_reader reader = hin_reader_of(message->payload);
    struct hin_desk *desk = NULL;
    uint64_t last = 0;
    (void)channel;
    HIN_TRY(read_desk(peer->bus, &reader, &desk));
    HIN_TRY(hin_read_u64(&reader, &last));
    HIN_TRY(hin_read_end(&reader));
    if (desk != NULL) {
        hin_api_on_committed(desk->worker->api, desk, (int64_t)last);
    }
    return hin_ok();
}

static struct hin_result on_changed(void *context, struct hin_ipc *channel,
                                    struct hin_ipc_message *message)
{
    struct peer *peer = context;
    struct hin_reader reader = hin_reader_of(message->payload);
    struct hin_desk *desk = NULL;
    uint32_t kind = 0;
    uint64_t id = 0;
    (void)channel;
    HIN_TRY(read_desk(peer->bus, &reader, &desk));
    HIN_TRY(hin_read_u32(&reader, &kind));
    HIN_TRY(hin_read_u64(&reader, &id));
    HIN_TRY(hin_read_end(&reader));
    if (desk != NULL) {
        hin_desk_on_changed(desk, (enum hin_store_kind)kind, (int64_t)id);
    }
    return hin_ok();
}

static struct hin_result on_claim(void *context, struct hin_ipc *channel,
                                  struct hin_ipc_message *message)
{
    struct peer *peer = context;
    struct hin_reader reader = hin_reader_of(message->payload);
    struct hin_session_claim claim = {0};
    struct hin_desk *desk = NULL;
    uint64_t computer = 0;
    (void)channel;
    HIN_TRY(read_desk(peer->bus, &reader, &desk));
    HIN_TRY(hin_read_u64(&reader, &claim.number));
    HIN_TRY(hin_read_u64(&reader, &computer));
    HIN_TRY(hin_read_u64(&reader, &claim.counter));
    HIN_TRY(hin_read_end(&reader));
    claim.computer = (int64_t)computer;
    if (desk == NULL) {
        hin_bus_claim_answer(peer->bus, peer->instance, claim.number, false);
        return hin_ok();
    }
    claim.tenant = desk->tenant.number;
    hin_ingest_on_claim(desk->ingest, peer->instance, &claim);
    return hin_ok();
}

static void settled(struct hin_bus *bus, const struct pending *done)
{
    struct hin_desk *desk = hin_desk_known(bus->worker, done->tenant); /* its session claims */
    if (desk != NULL && hin_is_ok(hin_desk_wake(desk))) {
        hin_ingest_claim_settled(desk->ingest, done->number, done->alive);
    }
}

static void settle(struct hin_bus *bus, size_t index)
{
    struct pending done = bus->pending[index];
    bus->pending[index] = bus->pending[--bus->pending_count];
    settled(bus, &done);
}

static void count_answer(struct hin_bus *bus, uint64_t number, bool alive)
{
    for (size_t i = 0; i < bus->pending_count; i++) {
        struct pending *pending = &bus->pending[i];
        if (pending->number == number) {
            pending->alive = pending->alive || alive;
            if (pending->waiting > 0 && --pending->waiting == 0) {
                settle(bus, i);
            }
            return;
        }
    }
}

static struct hin_result on_claim_answer(void *context, struct hin_ipc *channel,
                                         struct hin_ipc_message *message)
{
    struct peer *peer = context;
    struct hin_reader reader = hin_reader_of(message->payload);
    uint64_t number = 0;
    uint8_t alive = 0;
    (void)channel;
    HIN_TRY(hin_read_u64(&reader, &number));
    HIN_TRY(hin_read_u8(&reader, &alive));
    HIN_TRY(hin_read_end(&reader));
    count_answer(peer->bus, number, alive != 0);
    return hin_ok();
}

static struct hin_result on_hold(void *context, struct hin_ipc *channel,
                                 struct hin_ipc_message *message)
{
    struct peer *peer = context;
    struct hin_reader reader = hin_reader_of(message->payload);
    struct hin_desk *desk = NULL;
    uint64_t computer = 0;
    (void)channel;
    HIN_TRY(read_desk(peer->bus, &reader, &desk));
    HIN_TRY(hin_read_u64(&reader, &computer));
    HIN_TRY(hin_read_end(&reader));
    if (desk != NULL) {
        hin_ingest_on_hold(desk->ingest, (int64_t)computer);
    }
    return hin_ok();
}

static HIN_RESULT read_connected(struct peer *peer, struct hin_reader *reader)
{
    uint32_t count = 0;
    uint64_t tenant = 0;
    HIN_TRY(hin_read_u32(reader, &count));
    HIN_ENSURE(count <= CONNECTED_MAX, PROTOCOL);
    if (peer->connected == NULL) {
        peer->connected = calloc(CONNECTED_MAX, sizeof(*peer->connected));
        HIN_ENSURE(peer->connected != NULL, NO_MEMORY);
    }
    peer->connected_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        HIN_TRY(hin_read_u64(reader, &tenant));
        HIN_TRY(hin_read_u64(reader, &peer->connected[i].agents));
        HIN_TRY(hin_read_u64(reader, &peer->connected[i].clocks_beyond));
        peer->connected[i].tenant = (int64_t)tenant;
    }
    peer->connected_count = count;
    return hin_ok();
}

static struct hin_result on_connected(void *context, struct hin_ipc *channel,
                                      struct hin_ipc_message *message)
{
    struct peer *peer = context;
    struct hin_reader reader = hin_reader_of(message->payload);
    (void)channel;
    HIN_TRY(read_connected(peer, &reader));
    return hin_read_end(&reader);
}

/* ---- numbers of all workers ---- */

static HIN_RESULT answer_gather(struct peer *peer, uint64_t number, int64_t tenant, bool health)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf out = {.max = 8 + HIN_WORKER_NUMBERS_BYTES};
    struct hin_worker_numbers numbers;
    hin_worker_numbers(peer->bus->worker, tenant, health, &numbers);
    HIN_TRY(hin_write_u64(&out, number));
    HIN_TRY(hin_worker_numbers_write(&numbers, &out));
    send_to(peer, HIN_MESSAGE_GATHER_ANSWER, hin_buf_view(&out));
    return hin_ok();
}

static struct hin_result on_gather(void *context, struct hin_ipc *channel,
                                   struct hin_ipc_message *message)
{
    struct peer *peer = context;
    struct hin_reader reader = hin_reader_of(message->payload);
    uint64_t number = 0, tenant = 0;
    uint8_t health = 0;
    (void)channel;
    HIN_TRY(hin_read_u64(&reader, &number));
    HIN_TRY(hin_read_u64(&reader, &tenant));
    HIN_TRY(hin_read_u8(&reader, &health));
    HIN_TRY(hin_read_end(&reader));
    return answer_gather(peer, number, (int64_t)tenant, health != 0);
}

/* Takes it off the list; nothing of it may be touched afterwards. */
static void gathered(struct hin_bus *bus, struct hin_gather *gather)
{
    struct hin_gather **at = &bus->gathers;
    while (*at != NULL && *at != gather) {
        at = &(*at)->next;
    }
    if (*at != NULL) {
        *at = gather->next;
    }
    gather->done(gather);
}

/* Worker `instance` has answered, or is gone. */
static void settle_gather(struct hin_bus *bus, struct hin_gather *gather, unsigned instance)
{
    if (instance < HIN_GATHER_WORKERS && gather->asked[instance]) {
        gather->asked[instance] = false;
        if (--gather->waiting == 0) {
            gathered(bus, gather);
        }
    }
}

static struct hin_result on_gather_answer(void *context, struct hin_ipc *channel,
                                          struct hin_ipc_message *message)
{
    struct peer *peer = context;
    struct hin_reader reader = hin_reader_of(message->payload);
    struct hin_worker_numbers numbers;
    uint64_t number = 0;
    (void)channel;
    HIN_TRY(hin_read_u64(&reader, &number));
    HIN_TRY(hin_worker_numbers_read(&reader, &numbers));
    HIN_TRY(hin_read_end(&reader));
    struct hin_gather *gather = peer->bus->gathers;
    while (gather != NULL && gather->number != number) {
        gather = gather->next;
    }
    if (gather != NULL && gather->asked[peer->instance]) { /* else it came too late */
        gather->present[peer->instance] = true;
        gather->numbers[peer->instance] = numbers;
        settle_gather(peer->bus, gather, peer->instance);
    }
    return hin_ok();
}

static void lose_gathers(struct hin_bus *bus, unsigned instance)
{
    for (struct hin_gather *gather = bus->gathers, *next; gather != NULL; gather = next) {
        next = gather->next;
        settle_gather(bus, gather, instance);
    }
}

/* Whoever hangs is not waited for. */
static void expire_gathers(struct hin_bus *bus)
{
    int64_t now_usec = hin_clock_monotonic_usec(bus->worker->clock);
    for (struct hin_gather *gather = bus->gathers, *next; gather != NULL; gather = next) {
        next = gather->next;
        if (now_usec - gather->begun_usec > HIN_GATHER_USEC) {
            gathered(bus, gather);
        }
    }
}

static const struct hin_ipc_permit rows[] = {
    {HIN_MESSAGE_COMMITTED, 0, 0, 0, 16, 16, 0, on_committed},
    {HIN_MESSAGE_CHANGED, 0, 0, 0, 20, 20, 0, on_changed},
    {HIN_MESSAGE_CLAIM, 0, 0, 0, 32, 32, 0, on_claim},
    {HIN_MESSAGE_CLAIM_ANSWER, 0, 0, 0, 9, 9, 0, on_claim_answer},
    {HIN_MESSAGE_HOLD, 0, 0, 0, 16, 16, 0, on_hold},
    {HIN_MESSAGE_CONNECTED, 0, 0, 0, 4, COUNTERS_MAX, 0, on_connected},
    {HIN_MESSAGE_GATHER, 0, 0, 0, 17, 17, 0, on_gather},
    {HIN_MESSAGE_GATHER_ANSWER, 0, 0, 0, 8, 8 + HIN_WORKER_NUMBERS_BYTES, 0, on_gather_answer},
};
static const struct hin_ipc_table table = {"worker -> worker", rows, HIN_COUNT(rows)};
static struct hin_result on_clock(void *context, struct hin_ipc *channel,
                                  struct hin_ipc_message *message)
{
    struct peer *peer = context;
    (void)channel;
    return hin_worker_clock_take(peer->bus->worker, message->payload);
}

static const struct hin_ipc_permit clock_rows[] = {
    {HIN_CLOCK_REPORT, 0, 0, 0, 7, HIN_CLOCK_REPORT_MAX_BYTES, 0, on_clock},
};
static const struct hin_ipc_table clock_table = {"clock -> worker", clock_rows,
                                                 HIN_COUNT(clock_rows)};
/* keys only answers calls, which never come this way. */
static const struct hin_ipc_table silent_table = {"keys -> worker", rows, 0};

static struct hin_result on_probe(void *context, struct hin_ipc *channel,
                                  struct hin_ipc_message *message)
{
    struct peer *peer = context;
    HIN_CLEANUP(hin_buf_done) struct hin_buf answer = {.max = HIN_TRIAL_BYTES_MAX};
    struct hin_result tried = hin_worker_probe(peer->bus->worker, message->payload, &answer);
    return hin_ipc_reply(channel, message, tried.code, hin_buf_view(&answer));
}

/* What the parent or `jobs` has seen becomes an event of the manager's own. */
static HIN_RESULT tell_state(struct hin_bus *bus, struct hin_view payload)
{
    struct hin_reader reader = hin_reader_of(payload);
    struct hin_view text;
    char own[256];
    uint16_t state = 0;
    HIN_TRY(hin_read_u16(&reader, &state));
    HIN_TRY(hin_read_bytes(&reader, sizeof(own) - 1, &text));
    HIN_TRY(hin_read_end(&reader));
    HIN_TRY(hin_view_to_text(text, own, sizeof(own)));
    HIN_ENSURE(hin_state_get(state) != NULL, PROTOCOL);
    struct hin_result told = hin_ingest_state_event(
        bus->worker->desks->ingest, (enum hin_state_code)state, 0, "", own[0] != 0 ? own : NULL);
    if (!hin_is_ok(told)) {
        hin_log_result(HIN_LOG_WARNING, told, "an event of the manager's own");
    }
    return hin_ok();
}

static struct hin_result on_state(void *context, struct hin_ipc *channel,
                                  struct hin_ipc_message *message)
{
    (void)channel;
    return tell_state(context, message->payload);
}

static struct hin_result on_state_of_jobs(void *context, struct hin_ipc *channel,
                                          struct hin_ipc_message *message)
{
    struct peer *peer = context;
    (void)channel;
    return tell_state(peer->bus, message->payload);
}

static const struct hin_ipc_permit jobs_rows[] = {
    {HIN_MESSAGE_PROBE, HIN_IPC_REQUEST, 0, 0, 1, HIN_PROBE_QUESTION_MAX, 0, on_probe},
    {HIN_MESSAGE_STATE, 0, 0, 0, 3, 1024, 0, on_state_of_jobs},
};
static const struct hin_ipc_table jobs_table = {"jobs -> worker", jobs_rows, HIN_COUNT(jobs_rows)};

static const struct hin_ipc_permit parent_rows[] = {
    {HIN_MESSAGE_STATE, 0, 0, 0, 3, 1024, 0, on_state},
};
static const struct hin_ipc_table parent_table = {"parent -> worker", parent_rows,
                                                  HIN_COUNT(parent_rows)};

/* ---- edges ---- */

static void watch_again(struct peer *peer)
{
    if (peer->watch != NULL && peer->channel != NULL) {
        unsigned events =
            HIN_WATCH_READ | (hin_ipc_wants_write(peer->channel) ? HIN_WATCH_WRITE : 0);
        HIN_IGNORE(hin_watch_set(peer->watch, events)); /* a dead channel shows at the next read */
    }
}

static void fail(struct hin_bus *bus, struct hin_result result, const char *what)
{
    hin_log_result(HIN_LOG_ERROR, result, "%s", what);
    bus->failed = true;
    hin_loop_stop(bus->worker->loop);
}

static void on_peer(void *context, unsigned events)
{
    struct peer *peer = context;
    struct hin_bus *bus = peer->bus;
    if ((events & HIN_WATCH_WRITE) != 0) {
        HIN_IGNORE(
            hin_ipc_flush(peer->channel)); /* what is left goes out when it is writable again */
    }
    struct hin_result result = hin_ipc_dispatch(&peer->permits, peer->channel, 256, peer);
    if (result.code == HIN_CLOSED) {
        hin_role_peer_closed(bus->worker->role, peer->channel);
    } else if (result.code == HIN_PROTOCOL) {
        fail(bus, result, "a process of our own broke the protocol");
    } else {
        watch_again(peer);
    }
}

static struct peer *find_peer(struct hin_bus *bus, const char *name, unsigned instance)
{
    for (size_t i = 0; i < bus->peer_count; i++) {
        if (bus->peers[i].instance == instance && strcmp(bus->peers[i].name, name) == 0) {
            return &bus->peers[i];
        }
    }
    if (bus->peer_count == PEERS_MAX) {
        return NULL;
    }
    struct peer *peer = &bus->peers[bus->peer_count++];
    *peer = (struct peer){.bus = bus, .name = name, .instance = instance};
    return peer;
}

static const struct known {
    const char *name;
    const struct hin_ipc_table *table; /* what it may say */
} known_peers[] = {
    {"worker", &table},
    {"keys", &silent_table},
    {"jobs", &jobs_table},
    {HIN_CLOCK_ROLE, &clock_table},
};

static const struct known *find_known(const char *name)
{
    for (size_t i = 0; i < HIN_COUNT(known_peers); i++) {
        if (strcmp(known_peers[i].name, name) == 0) {
            return &known_peers[i];
        }
    }
    return NULL;
}

static void peer_up(void *context, const char *name, unsigned instance, struct hin_ipc *channel)
{
    struct hin_bus *bus = context;
    const struct known *known = find_known(name);
    struct peer *peer = known != NULL ? find_peer(bus, known->name, instance) : NULL;
    if (peer == NULL) {
        return;
    }
    peer->channel = channel;
    peer->is_worker = strcmp(name, "worker") == 0;
    peer->permits = (struct hin_ipc_permits){.table = known->table};
    struct hin_result watched =
        hin_watch_new(bus->worker->loop, hin_ipc_fd(channel), on_peer, peer, &peer->watch);
    if (!hin_is_ok(watched)) {
        fail(bus, watched, "watching a channel");
        return;
    }
    watch_again(peer);
}

static void peer_down(void *context, const char *name, unsigned instance, struct hin_ipc *channel)
{
    struct hin_bus *bus = context;
    (void)channel;
    for (size_t i = 0; i < bus->peer_count; i++) {
        struct peer *peer = &bus->peers[i];
        if (peer->instance != instance || strcmp(peer->name, name) != 0 || peer->channel == NULL) {
            continue;
        }
        hin_watch_free(peer->watch);
        peer->watch = NULL;
        peer->channel = NULL;
        peer->connected_count = 0;
        if (peer->permits.table == &clock_table) {
            hin_worker_clock_lost(bus->worker);
        }
        if (peer->is_worker) {
            lose_gathers(bus, peer->instance);
        }
        /* Its sessions are gone with it: whoever waited for its answer has it. One too many only
         * shortens a wait. */
        for (size_t at = bus->pending_count; peer->is_worker && at-- > 0;) {
            if (--bus->pending[at].waiting == 0) {
                settle(bus, at);
            }
        }
    }
}

static void on_stop(void *context)
{
    struct hin_bus *bus = context;
    hin_loop_stop(bus->worker->loop);
}

static void on_parent(void *context, unsigned events)
{
    struct hin_bus *bus = context;
    (void)events;
    struct hin_result result = hin_role_handle_parent(bus->worker->role);
    if (result.code == HIN_CLOSED || result.code == HIN_PROTOCOL) {
        fail(bus, result, "the parent is gone");
    }
}

/* ---- telling ---- */

static void send_to(struct peer *peer, uint16_t type, struct hin_view payload)
{
    if (peer->channel == NULL || !peer->is_worker) {
        return;
    }
    /* A full queue means a worker that hangs; what it misses it reads from the database when it is
     * back. */
    HIN_IGNORE(hin_ipc_send(peer->channel, type, 0, payload));
    watch_again(peer);
}

static unsigned send_all(struct hin_bus *bus, uint16_t type, struct hin_view payload)
{
    unsigned count = 0;
    for (size_t i = 0; i < bus->peer_count; i++) {
        if (bus->peers[i].is_worker && bus->peers[i].channel != NULL) {
            send_to(&bus->peers[i], type, payload);
            count++;
        }
    }
    return count;
}

static HIN_RESULT write_connected(struct hin_bus *bus, struct hin_buf *out)
{
    size_t count = 0;
    size_t at = out->size;
    HIN_TRY(hin_write_u32(out, 0));
    for (struct hin_desk *desk = bus->worker->desks; desk != NULL; desk = desk->next) {
        uint64_t agents = hin_ingest_session_count(desk->ingest);
        if (agents > 0 && count < CONNECTED_MAX) {
            count++;
            HIN_TRY(hin_write_u64(out, (uint64_t)desk->tenant.number));
            HIN_TRY(hin_write_u64(out, agents));
            HIN_TRY(hin_write_u64(out, hin_ingest_clocks_beyond(desk->ingest)));
        }
    }
    hin_store_u32(out->data + at, (uint32_t)count);
    return hin_ok();
}

static void tell_connected(void *context)
{
    struct hin_bus *bus = context;
    expire_gathers(bus);
    hin_buf_clear(&bus->told);
    if (hin_is_ok(write_connected(bus, &bus->told))) { /* else with the next ones */
        send_all(bus, HIN_MESSAGE_CONNECTED, hin_buf_view(&bus->told));
    }
}

void hin_bus_committed(struct hin_bus *bus, int64_t tenant, int64_t last_id)
{
    uint8_t payload[16];
    hin_store_u64(payload, (uint64_t)tenant);
    hin_store_u64(payload + 8, (uint64_t)last_id);
    send_all(bus, HIN_MESSAGE_COMMITTED, hin_view_of(payload, sizeof(payload)));
}

void hin_bus_changed(struct hin_bus *bus, int64_t tenant, enum hin_store_kind kind, int64_t id)
{
    uint8_t payload[20];
    hin_store_u64(payload, (uint64_t)tenant);
    hin_store_u32(payload + 8, (uint32_t)kind);
    hin_store_u64(payload + 12, (uint64_t)id);
    send_all(bus, HIN_MESSAGE_CHANGED, hin_view_of(payload, sizeof(payload)));
}

void hin_bus_claim(struct hin_bus *bus, const struct hin_session_claim *claim)
{
    uint8_t payload[32];
    struct pending pending = {.number = claim->number, .tenant = claim->tenant};
    hin_store_u64(payload, (uint64_t)claim->tenant);
    hin_store_u64(payload + 8, claim->number);
    hin_store_u64(payload + 16, (uint64_t)claim->computer);
    hin_store_u64(payload + 24, claim->counter);
    if (bus->pending_count == PENDING_MAX) {
        settled(bus, &pending);
        return;
    }
    pending.waiting = send_all(bus, HIN_MESSAGE_CLAIM, hin_view_of(payload, sizeof(payload)));
    if (pending.waiting == 0) {
        settled(bus, &pending);
        return;
    }
    bus->pending[bus->pending_count++] = pending;
}

void hin_bus_claim_answer(struct hin_bus *bus, unsigned worker, uint64_t number, bool alive)
{
    uint8_t payload[9];
    hin_store_u64(payload, number);
    payload[8] = alive;
    struct peer *peer = find_peer(bus, "worker", worker);
    if (peer != NULL) {
        send_to(peer, HIN_MESSAGE_CLAIM_ANSWER, hin_view_of(payload, sizeof(payload)));
    }
}

void hin_bus_hold(struct hin_bus *bus, int64_t tenant, int64_t computer)
{
    uint8_t payload[16];
    hin_store_u64(payload, (uint64_t)tenant);
    hin_store_u64(payload + 8, (uint64_t)computer);
    send_all(bus, HIN_MESSAGE_HOLD, hin_view_of(payload, sizeof(payload)));
}

void hin_bus_gather(struct hin_bus *bus, struct hin_gather *gather)
{
    struct hin_worker *worker = bus->worker;
    uint8_t payload[17];
    gather->number = ++bus->gather_count;
    gather->begun_usec = hin_clock_monotonic_usec(worker->clock);
    gather->next = NULL;
    hin_worker_numbers(worker, gather->tenant, gather->health, &gather->numbers[worker->instance]);
    gather->present[worker->instance] = true;
    hin_store_u64(payload, gather->number);
    hin_store_u64(payload + 8, (uint64_t)gather->tenant);
    payload[16] = gather->health;
    for (size_t i = 0; i < bus->peer_count; i++) {
        struct peer *peer = &bus->peers[i];
        if (peer->is_worker && peer->channel != NULL && peer->instance < HIN_GATHER_WORKERS) {
            send_to(peer, HIN_MESSAGE_GATHER, hin_view_of(payload, sizeof(payload)));
            gather->asked[peer->instance] = true;
            gather->waiting++;
        }
    }
    if (gather->waiting == 0) {
        gather->done(gather);
        return;
    }
    gather->next = bus->gathers;
    bus->gathers = gather;
}

uint64_t hin_bus_agents(struct hin_bus *bus, int64_t tenant)
{
    struct hin_desk *desk = hin_desk_known(bus->worker, tenant);
    uint64_t agents = desk != NULL ? hin_ingest_session_count(desk->ingest) : 0;
    for (size_t i = 0; i < bus->peer_count; i++) {
        const struct peer *peer = &bus->peers[i];
        for (size_t at = 0; at < peer->connected_count; at++) {
            agents += peer->connected[at].tenant == tenant ? peer->connected[at].agents : 0;
        }
    }
    return agents;
}

uint64_t hin_bus_clocks_beyond(struct hin_bus *bus, int64_t tenant)
{
    struct hin_desk *desk = hin_desk_known(bus->worker, tenant);
    uint64_t count = desk != NULL ? hin_ingest_clocks_beyond(desk->ingest) : 0;
    for (size_t i = 0; i < bus->peer_count; i++) {
        const struct peer *peer = &bus->peers[i];
        for (size_t at = 0; at < peer->connected_count; at++) {
            count += peer->connected[at].tenant == tenant ? peer->connected[at].clocks_beyond : 0;
        }
    }
    return count;
}

/* ---- life ---- */

HIN_RESULT hin_bus_new(struct hin_worker *worker, struct hin_bus **ret_bus)
{
    struct hin_bus *bus = calloc(1, sizeof(*bus));
    HIN_ENSURE(bus != NULL, NO_MEMORY);
    bus->worker = worker;
    worker->bus = bus;
    bus->pending = calloc(PENDING_MAX, sizeof(*bus->pending));
    hin_buf_init(&bus->told, COUNTERS_MAX);
    bus->from_parent = (struct hin_ipc_permits){.table = &parent_table};
    bus->events = (struct hin_role_events){.context = bus,
                                           .up = peer_up,
                                           .down = peer_down,
                                           .stop = on_stop,
                                           .from_parent = &bus->from_parent,
                                           .from_parent_context = bus};
    struct hin_result made = bus->pending != NULL ? hin_ok() : hin_fail(HIN_NO_MEMORY);
    if (hin_is_ok(made)) {
        made = hin_watch_new(worker->loop, hin_ipc_fd(hin_role_parent_channel(worker->role)),
                             on_parent, bus, &bus->parent);
    }
    if (hin_is_ok(made)) {
        made = hin_watch_set(bus->parent, HIN_WATCH_READ);
    }
    if (hin_is_ok(made)) {
        made = hin_timer_new(worker->loop, tell_connected, bus, &bus->timer);
    }
    if (hin_is_ok(made)) {
        made = hin_timer_repeat(bus->timer, TELL_USEC, TELL_USEC, 0);
    }
    if (!hin_is_ok(made)) {
        hin_bus_free(bus);
        return made;
    }
    hin_role_listen(worker->role, &bus->events);
    *ret_bus = bus;
    return bus->failed ? hin_fail(HIN_INTERNAL) : hin_ok();
}

void hin_bus_free(struct hin_bus *bus)
{
    if (bus == NULL) {
        return;
    }
    for (size_t i = 0; i < bus->peer_count; i++) {
        hin_watch_free(bus->peers[i].watch);
        free(bus->peers[i].connected);
    }
    while (bus->gathers != NULL) {
        struct hin_gather *gather = bus->gathers;
        bus->gathers = gather->next;
        free(gather);
    }
    hin_buf_done(&bus->told);
    hin_watch_free(bus->parent);
    hin_timer_free(bus->timer);
    free(bus->pending);
    free(bus);
}
