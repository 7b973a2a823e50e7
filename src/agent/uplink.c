#include "agent/uplink.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/uplink_internal.h"
#include "base/bytes.h"
#include "base/codec.h"
#include "base/fd.h"
#include "clock/role.h"
#include "event/codec.h"

#define KEY_CALL_USEC   (10 * HIN_SEC_USEC)
#define RETRY_SYNC_USEC HIN_SEC_USEC
#define STATE_FILE      "log.state"

void uplink_end(struct uplink *u, struct hin_result result)
{
    if (hin_is_ok(u->ending)) {
        u->ending = result;
    }
    hin_loop_stop(u->loop);
}

/* ---- own events ---- */

static HIN_RESULT own_record(struct uplink *u, struct hin_event *event)
{
    struct hin_event_identity identity = {u->own_generation, ++u->own_offset, 0};
    HIN_TRY(hin_event_set_identity(event, &identity));
    HIN_TRY(hin_event_set_text(event, HIN_FIELD_AGENT_VERSION, HIN_VIEW(HIN_VERSION)));
    HIN_TRY(uplink_clock_stamp(u, event));
    hin_buf_clear(&u->scratch);
    HIN_TRY(hin_event_encode(event, &u->scratch));
    struct hin_wire_record record = {
        .generation = identity.generation,
        .offset = identity.offset,
        .event = hin_buf_view(&u->scratch),
    };
    hin_buf_clear(&u->record);
    return hin_wire_record_write(&u->record, &record);
}

static HIN_RESULT own_event(struct uplink *u, enum hin_state_code state, struct hin_view component,
                            struct hin_view detail, uint64_t count)
{
    struct hin_event event;
    hin_arena_reset(&u->arena);
    int64_t now = hin_clock_wall_usec(hin_loop_clock(u->loop));
    hin_event_init_state(&event, &u->arena, now, state, component);
    if (detail.size > 0) {
        HIN_TRY(hin_event_set_text(&event, HIN_FIELD_DETAIL, hin_view_sub(detail, 0, 4096)));
    }
    if (count > 0) {
        HIN_TRY(hin_event_set_integer(&event, HIN_FIELD_COUNT,
                                      (int64_t)HIN_MIN(count, (uint64_t)INT64_MAX)));
    }
    HIN_TRY(own_record(u, &event));
    struct hin_spool_commit commit = {
        .number = ++u->own_commits,
        .event_count = 1,
        .events = hin_buf_view(&u->record),
    };
    hin_copy(commit.origin, u->origin, sizeof(commit.origin));
    return hin_spool_append(u->spool, &commit);
}

static void sync_soon(void *context)
{
    struct uplink *u = context;
    struct hin_result result = uplink_sync(u);
    if (!hin_is_ok(result) && result.code != HIN_NO_SPACE) {
        uplink_end(u, result);
    }
}

void uplink_event(struct uplink *u, enum hin_state_code state, struct hin_view component,
                  struct hin_view detail, uint64_t count)
{
    struct hin_result result = own_event(u, state, component, detail, count);
    if (hin_is_ok(result)) {
        hin_loop_defer_cancel(u->loop, sync_soon, u);
        result = hin_loop_defer(u->loop, sync_soon, u);
    }
    if (!hin_is_ok(result)) {
        hin_log_result(HIN_LOG_WARNING, result, "an event about the agent itself was not kept");
    }
}

/* ---- the spool ---- */

static void answer_waiting(struct uplink *u)
{
    for (size_t i = 0; i < u->waiting_count; i++) {
        struct uplink_waiting *w = &u->waiting[i];
        if (w->peer->channel == NULL) {
            continue;
        }
        struct hin_ipc_message to = {.type = w->type, .request = w->request};
        struct hin_result result = hin_ipc_reply(w->peer->channel, &to, HIN_OK, HIN_VIEW_EMPTY);
        if (!hin_is_ok(result) && result.code != HIN_CLOSED) {
            uplink_end(u, result);
        }
        HIN_IGNORE(hin_watch_set(
            w->peer->watch,
            HIN_WATCH_READ |
                (hin_ipc_wants_write(w->peer->channel) ? (unsigned)HIN_WATCH_WRITE : 0u)));
    }
    u->waiting_count = 0;
}

static void tell_losses(struct uplink *u)
{
    if (u->lost_pending > 0) {
        uint64_t count = u->lost_pending;
        u->lost_pending = 0;
        hin_log(HIN_LOG_WARNING, "%llu events were dropped from the full spool",
                (unsigned long long)count);
    }
    if (u->corrupt_pending > 0) {
        uint64_t count = u->corrupt_pending;
        u->corrupt_pending = 0;
        uplink_event(u, HIN_STATE_SPOOL_CORRUPT, HIN_VIEW("spool"), HIN_VIEW_EMPTY, count);
    }
}

/* Losses become an event when the gap shows on the way to the manager: an event put into a spool
 * that overflows would be dropped with the rest, and a count kept in memory would not outlive us.
 */
void uplink_tell_gap(struct uplink *u, uint64_t expected, uint64_t first)
{
    uint64_t from = HIN_MAX(expected, u->told_through + 1);
    if (from >= first || (u->damaged && !u->dropped)) {
        return; /* told already, or a damaged record, which has an event of its own */
    }
    uint64_t count = first - from;
    if (u->told_event >= expected && u->told_event < first) {
        count += u->told_count;
    }
    struct hin_spool_stats stats;
    uplink_event(u, HIN_STATE_EVENTS_LOST, HIN_VIEW("spool"), HIN_VIEW_EMPTY, count);
    hin_spool_stats(u->spool, &stats);
    u->told_through = first - 1;
    u->told_event = stats.last;
    u->told_count = count;
}

static void retry_sync(void *context)
{
    sync_soon(context);
}

struct hin_result uplink_sync(struct uplink *u)
{
    struct hin_result result = hin_spool_sync(u->spool);
    if (!hin_is_ok(result)) {
        if (result.code == HIN_NO_SPACE && !hin_timer_is_armed(u->retry_sync)) {
            hin_log_result(HIN_LOG_ERROR, result, "the spool cannot be written");
            HIN_TRY(hin_timer_once(u->retry_sync, RETRY_SYNC_USEC, 0));
        }
        return result;
    }
    answer_waiting(u);
    tell_losses(u);
    uplink_pump(u);
    return hin_ok();
}

static void spool_lost(void *context, uint64_t count, const char *why)
{
    struct uplink *u = context;
    (void)why;
    u->lost_pending += count;
    u->dropped = true;
}

static void spool_corrupt(void *context, const char *file, uint64_t offset, uint64_t end)
{
    struct uplink *u = context;
    hin_log(HIN_LOG_WARNING, "spool: %s: bytes %llu to %llu are damaged and left out", file,
            (unsigned long long)offset, (unsigned long long)end);
    u->corrupt_pending++;
    u->damaged = true;
}

static HIN_RESULT spool_unwrap(void *context, const uint8_t *key_id, struct hin_view wrapped,
                               struct hin_secret *ret_key)
{
    struct uplink *u = context;
    return u->keys.unwrap(u->keys.context, HIN_KEY_SPOOL, key_id, wrapped, ret_key);
}

static HIN_RESULT spool_begin(struct uplink *u)
{
    hin_buf_init(&u->spool_wrapped, 4096);
    HIN_TRY(hin_agent_data_key(&u->keys, HIN_KEY_SPOOL, &u->spool_sealer, &u->spool_wrapped));
    uint64_t max_bytes = 0;
    HIN_IGNORE(hin_view_to_u64(hin_role_setting(u->role, "spool-max-bytes"),
                               &max_bytes)); /* absent: default */
    struct hin_spool_options options = {
        .folder = u->spool_folder,
        .max_bytes = max_bytes,
        .tenant = hin_view_from_text(u->tenant_id),
        .agent = hin_view_from_text(u->agent_id),
        .sealer = u->spool_sealer,
        .wrapped_key = hin_buf_view(&u->spool_wrapped),
        .unwrap = spool_unwrap,
        .lost = spool_lost,
        .corrupt = spool_corrupt,
        .context = u,
    };
    return hin_spool_open(&u->spool, &options);
}

/* ---- modules ---- */

static HIN_RESULT memory_of(struct hin_buf *buf, int *ret_fd)
{
    return hin_memfd_from("hinomi", hin_buf_view(buf), ret_fd);
}

static HIN_RESULT handle_attach(void *context, struct hin_ipc *channel,
                                struct hin_ipc_message *message)
{
    struct uplink_peer *peer = context;
    struct uplink *u = peer->uplink;
    HIN_CLEANUP(hin_buf_done) struct hin_buf positions = {.max = UINT64_C(128) << 20};
    HIN_CLEANUP(hin_buf_done) struct hin_buf state = {.max = HIN_CABINET_FILE_MAX};
    HIN_CLEANUP(hin_buf_done) struct hin_buf reply = {.max = 1024};
    HIN_CLEANUP_FD int positions_fd = -1;
    HIN_CLEANUP_FD int state_fd = -1;
    struct hin_spool_stats stats;
    uint64_t count = 0;
    hin_copy(peer->origin, message->payload.data, sizeof(peer->origin));
    peer->attached = true;
    HIN_TRY(hin_spool_positions(u->spool, &positions, &count));
    struct hin_result result = hin_cabinet_get(&u->cabinet, STATE_FILE, &state);
    if (!hin_is_ok(result)) {
        hin_buf_clear(&state);
        if (result.code != HIN_NOT_FOUND) {
            hin_log_result(HIN_LOG_WARNING, result, "the saved correlation state cannot be read");
            uplink_event(u, HIN_STATE_STATE_REFUSED, HIN_VIEW("log"), HIN_VIEW_EMPTY, 0);
        }
    }
    HIN_TRY(memory_of(&positions, &positions_fd));
    HIN_TRY(memory_of(&state, &state_fd));
    hin_spool_stats(u->spool, &stats);
    HIN_TRY(hin_write_u64(&reply, hin_spool_last_commit(u->spool, peer->origin)));
    HIN_TRY(hin_write_zigzag(&reply, stats.monotonic_usec));
    HIN_TRY(hin_write_zigzag(&reply, stats.wall_usec));
    HIN_TRY(uplink_clock_write(u, &reply));
    int fds[2] = {positions_fd, state_fd};
    return hin_ipc_reply_fds(channel, message, HIN_OK, hin_buf_view(&reply), fds, 2);
}

static HIN_RESULT commit_decode(const struct uplink_peer *peer, struct hin_view payload,
                                struct hin_spool_commit *commit)
{
    struct hin_reader reader = hin_reader_of(payload);
    hin_copy(commit->origin, peer->origin, sizeof(commit->origin));
    HIN_TRY(hin_read_u64(&reader, &commit->number));
    HIN_TRY(hin_read_zigzag(&reader, &commit->monotonic_usec));
    HIN_TRY(hin_read_zigzag(&reader, &commit->wall_usec));
    HIN_TRY(hin_read_varint(&reader, &commit->event_count));
    HIN_TRY(hin_read_bytes(&reader, HIN_IPC_PAYLOAD_MAX, &commit->events));
    HIN_TRY(hin_read_varint(&reader, &commit->position_count));
    commit->positions = reader.rest;
    return hin_ok();
}

static HIN_RESULT handle_commit(void *context, struct hin_ipc *channel,
                                struct hin_ipc_message *message)
{
    struct uplink_peer *peer = context;
    struct uplink *u = peer->uplink;
    struct hin_spool_commit commit = {.number = 0};
    HIN_ENSURE(peer->attached, PROTOCOL);
    HIN_TRY(commit_decode(peer, message->payload, &commit));
    struct hin_result result = hin_spool_append(u->spool, &commit);
    if (result.code == HIN_LIMIT && hin_is_ok(uplink_sync(u))) {
        result = hin_spool_append(u->spool, &commit); /* what waited is out */
    }
    if (result.code == HIN_NO_SPACE || result.code == HIN_LIMIT || result.code == HIN_CONFLICT) {
        return hin_ipc_reply(channel, message, HIN_NO_SPACE, HIN_VIEW_EMPTY); /* it comes again */
    }
    if (!hin_is_ok(result) && result.code != HIN_EXISTS) {
        return result;
    }
    HIN_ENSURE(u->waiting_count < UPLINK_WAITING_MAX, PROTOCOL);
    u->waiting[u->waiting_count++] = (struct uplink_waiting){peer, message->type, message->request};
    return hin_ok();
}

static HIN_RESULT handle_state(void *context, struct hin_ipc *channel,
                               struct hin_ipc_message *message)
{
    struct uplink_peer *peer = context;
    struct uplink *u = peer->uplink;
    struct stat st;
    HIN_CLEANUP_FD int fd = hin_fd_take(&message->fds[0]);
    /* It knows of the commits before it: were it durable first, a kill in between would have their
     * lines counted twice. */
    struct hin_result synced = uplink_sync(u);
    if (!hin_is_ok(synced)) {
        return synced.code == HIN_NO_SPACE
                   ? hin_ipc_reply(channel, message, synced.code, HIN_VIEW_EMPTY)
                   : synced;
    }
    HIN_ENSURE(fstat(fd, &st) == 0 && st.st_size >= 0 &&
                   (uint64_t)st.st_size < HIN_CABINET_FILE_MAX - 65536,
               PROTOCOL);
    struct hin_result result = hin_ok();
    if (st.st_size > 0) {
        /* A sealed memory file: it cannot shrink under the map. */
        HIN_ENSURE(hin_memfd_is_sealed(fd), PROTOCOL);
        void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        HIN_ENSURE(map != MAP_FAILED, NO_MEMORY);
        result = hin_cabinet_put(&u->cabinet, STATE_FILE, hin_view_of(map, (size_t)st.st_size));
        munmap(map, (size_t)st.st_size);
    }
    if (!hin_is_ok(result)) {
        hin_log_result(HIN_LOG_WARNING, result, "the correlation state was not saved");
    }
    return hin_ipc_reply(channel, message, result.code, HIN_VIEW_EMPTY);
}

static HIN_RESULT handle_counters(void *context, struct hin_ipc *channel,
                                  struct hin_ipc_message *message)
{
    struct uplink_peer *peer = context;
    struct hin_reader reader = hin_reader_of(message->payload);
    uint64_t count = 0;
    (void)channel;
    HIN_TRY(hin_read_varint(&reader, &count));
    HIN_ENSURE(count == HIN_AGENT_COUNTER_COUNT, PROTOCOL);
    for (uint64_t i = 0; i < count; i++) {
        HIN_TRY(hin_read_u64(&reader, &peer->counters[i]));
    }
    return hin_read_end(&reader);
}

static const struct hin_ipc_permit module_rows[] = {
    {HIN_AGENT_ATTACH, HIN_IPC_REQUEST, 0, 0, HIN_SPOOL_ORIGIN_BYTES, HIN_SPOOL_ORIGIN_BYTES, 0,
     handle_attach},
    {HIN_AGENT_COMMIT, HIN_IPC_REQUEST, 0, 0, 12, HIN_IPC_PAYLOAD_MAX, 0, handle_commit},
    {HIN_AGENT_STATE, HIN_IPC_REQUEST, 1, 1, 0, 0, 0, handle_state},
    {HIN_AGENT_COUNTERS, 0, 0, 0, 1, 1024, 0, handle_counters},
};
static const struct hin_ipc_table module_table = {"log -> uplink", module_rows,
                                                  HIN_COUNT(module_rows)};

static void peer_ready(void *context, unsigned events)
{
    struct uplink_peer *peer = context;
    struct uplink *u = peer->uplink;
    struct hin_ipc *channel = peer->channel;
    (void)events;
    struct hin_result result = hin_ipc_flush(channel);
    if (hin_is_ok(result) || result.code == HIN_AGAIN) {
        do {
            result = hin_ipc_dispatch(&peer->permits, channel, 32, peer);
            if (hin_is_ok(result) || result.code == HIN_AGAIN) {
                struct hin_result synced =
                    uplink_sync(u); /* one fdatasync for all that came together */
                if (!hin_is_ok(synced) && synced.code != HIN_NO_SPACE) {
                    result = synced;
                }
            }
        } while (result.code == HIN_AGAIN && u->waiting_count == 0);
    }
    if (result.code == HIN_CLOSED) {
        hin_role_peer_closed(u->role, channel);
    } else if (!hin_is_ok(result) && result.code != HIN_AGAIN) {
        uplink_end(u, result);
    } else {
        HIN_IGNORE(hin_watch_set(
            peer->watch,
            HIN_WATCH_READ | (hin_ipc_wants_write(channel) ? (unsigned)HIN_WATCH_WRITE : 0u)));
    }
}

static void peer_up(void *context, const char *name, unsigned instance, struct hin_ipc *channel)
{
    struct uplink *u = context;
    bool is_clock = strcmp(name, HIN_CLOCK_ROLE) == 0;
    (void)instance;
    for (size_t i = 0; i < UPLINK_PEERS_MAX; i++) {
        struct uplink_peer *peer = &u->peers[i];
        if (peer->channel == NULL) {
            *peer = (struct uplink_peer){
                .uplink = u,
                .channel = channel,
                .permits = {.table = is_clock ? &uplink_clock_table : &module_table}};
            struct hin_result result =
                hin_watch_new(u->loop, hin_ipc_fd(channel), peer_ready, peer, &peer->watch);
            if (hin_is_ok(result)) {
                result = hin_watch_set(peer->watch, HIN_WATCH_READ);
            }
            if (!hin_is_ok(result)) {
                uplink_end(u, result);
            }
            return;
        }
    }
    uplink_end(u, hin_fail(HIN_LIMIT));
}

static void peer_down(void *context, const char *name, unsigned instance, struct hin_ipc *channel)
{
    struct uplink *u = context;
    (void)name;
    (void)instance;
    for (size_t i = 0; i < UPLINK_PEERS_MAX; i++) {
        struct uplink_peer *peer = &u->peers[i];
        if (peer->channel == channel) {
            hin_watch_free(peer->watch);
            peer->watch = NULL;
            peer->channel = NULL;
            if (peer->permits.table == &uplink_clock_table) {
                uplink_clock_lost(u);
            }
            size_t kept = 0;
            for (size_t w = 0; w < u->waiting_count; w++) {
                if (u->waiting[w].peer != peer) {
                    u->waiting[kept++] = u->waiting[w];
                }
            }
            u->waiting_count = kept;
        }
    }
}

void uplink_counters(const struct uplink *u, struct hin_wire_heartbeat *heartbeat)
{
    static const char *const names[HIN_AGENT_COUNTER_COUNT] = {
#define X(symbol, name) #name,
        HIN_AGENT_COUNTER_LIST(X)
#undef X
    };
    struct hin_spool_stats stats;
    hin_spool_stats(u->spool, &stats);
    size_t n = 0;
    for (size_t c = 0; c < HIN_AGENT_COUNTER_COUNT; c++) {
        uint64_t sum = 0;
        for (size_t i = 0; i < UPLINK_PEERS_MAX; i++) {
            sum += u->peers[i].channel != NULL ? u->peers[i].counters[c] : 0;
        }
        heartbeat->counters[n++] = (struct hin_wire_counter){hin_view_from_text(names[c]), sum};
    }
    heartbeat->counters[n++] = (struct hin_wire_counter){HIN_VIEW("events"), stats.last};
    heartbeat->counters[n++] = (struct hin_wire_counter){HIN_VIEW("events_lost"), stats.lost_count};
    heartbeat->counters[n++] = (struct hin_wire_counter){HIN_VIEW("spool_syncs"), stats.sync_count};
    heartbeat->counters[n++] =
        (struct hin_wire_counter){HIN_VIEW("spool_corrupt"), stats.corrupt_count};
    heartbeat->counters[n++] = (struct hin_wire_counter){HIN_VIEW("reconnects"), u->reconnects};
    heartbeat->counters[n++] = (struct hin_wire_counter){HIN_VIEW("acknowledged"), u->claimed};
    heartbeat->counter_count = n;
    uplink_clock_counters(u, heartbeat);
    heartbeat->spool_bytes = stats.bytes;
    heartbeat->spool_count = stats.last + 1 - stats.first;
}

void uplink_report(struct uplink *u)
{
    struct hin_wire_heartbeat facts = {.wall_usec = 0};
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 4096};
    uplink_counters(u, &facts);
    struct hin_result result = hin_buf_printf(
        &text, "manager %s:%u %s; policy %llu; spool %llu events, %llu bytes", u->manager_host,
        u->manager_port, u->state_text, (unsigned long long)u->policy_serial,
        (unsigned long long)facts.spool_count, (unsigned long long)facts.spool_bytes);
    for (size_t i = 0; i < facts.counter_count && hin_is_ok(result); i++) {
        result = hin_buf_printf(&text, "; %.*s %llu", HIN_ARGS(facts.counters[i].name),
                                (unsigned long long)facts.counters[i].value);
    }
    if (hin_is_ok(result)) {
        HIN_IGNORE(hin_role_report(u->role, hin_buf_view(&text))); /* the next one comes soon */
    }
}

/* ---- the parent ---- */

static HIN_RESULT handle_policy_result(void *context, struct hin_ipc *channel,
                                       struct hin_ipc_message *message)
{
    struct uplink *u = context;
    struct hin_reader reader = hin_reader_of(message->payload);
    uint64_t serial = 0;
    uint8_t applied = 0;
    struct hin_view sentence;
    (void)channel;
    HIN_TRY(hin_read_u64(&reader, &serial));
    HIN_TRY(hin_read_u8(&reader, &applied));
    HIN_TRY(hin_read_bytes(&reader, 4096, &sentence));
    HIN_TRY(hin_read_end(&reader));
    uplink_policy_result(u, serial, applied != 0, sentence);
    return hin_ok();
}

static HIN_RESULT handle_note(void *context, struct hin_ipc *channel,
                              struct hin_ipc_message *message)
{
    struct uplink *u = context;
    struct hin_reader reader = hin_reader_of(message->payload);
    uint16_t state = 0;
    struct hin_view component, detail;
    (void)channel;
    HIN_TRY(hin_read_u16(&reader, &state));
    HIN_TRY(hin_read_bytes(&reader, 255, &component));
    HIN_TRY(hin_read_bytes(&reader, 4096, &detail));
    HIN_TRY(hin_read_end(&reader));
    HIN_ENSURE(hin_state_get(state) != NULL, PROTOCOL);
    uplink_event(u, (enum hin_state_code)state, component, detail, 0);
    return hin_ok();
}

static const struct hin_ipc_permit parent_rows[] = {
    {HIN_AGENT_POLICY_RESULT, 0, 0, 0, 10, 8192, 0, handle_policy_result},
    {HIN_AGENT_NOTE, 0, 0, 0, 4, 8192, 0, handle_note},
};
static const struct hin_ipc_table parent_table = {"parent -> uplink", parent_rows,
                                                  HIN_COUNT(parent_rows)};

static void parent_handle(void *context)
{
    struct uplink *u = context;
    struct hin_result result = hin_role_handle_parent(u->role);
    if (!hin_is_ok(result) && result.code != HIN_AGAIN) {
        uplink_end(u, result);
    }
}

static void parent_ready(void *context, unsigned events)
{
    (void)events;
    parent_handle(context);
}

static HIN_RESULT key_call(struct uplink *u, uint16_t type, enum hin_key_purpose purpose,
                           const uint8_t *key_id, struct hin_view bytes,
                           struct hin_ipc_message *ret_reply)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf payload = {.max = HIN_AGENT_KEY_MESSAGE_MAX};
    HIN_TRY(hin_buf_reserve(&payload, HIN_AGENT_KEY_MESSAGE_MAX));
    HIN_TRY(hin_write_u8(&payload, (uint8_t)purpose));
    HIN_TRY(hin_buf_append(&payload, hin_view_of(key_id, HIN_SEAL_KEY_ID_BYTES)));
    HIN_TRY(hin_write_bytes(&payload, bytes));
    struct hin_result result = hin_ipc_call(hin_role_parent_channel(u->role), type,
                                            hin_buf_view(&payload), KEY_CALL_USEC, ret_reply);
    hin_wipe(payload.data, payload.size);
    HIN_TRY(result);
    /* Messages that came meanwhile are kept by the channel: look at them as soon as the loop turns.
     */
    hin_loop_defer_cancel(u->loop, parent_handle, u);
    HIN_TRY(hin_loop_defer(u->loop, parent_handle, u));
    return hin_fail(ret_reply->code);
}

static HIN_RESULT key_wrap(void *context, enum hin_key_purpose purpose, const uint8_t *key_id,
                           const struct hin_secret *plain, struct hin_buf *ret_wrapped)
{
    struct hin_ipc_message reply;
    HIN_TRY(key_call(context, HIN_AGENT_WRAP, purpose, key_id, hin_secret_view(plain), &reply));
    return hin_buf_append(ret_wrapped, reply.payload);
}

static HIN_RESULT key_unwrap(void *context, enum hin_key_purpose purpose, const uint8_t *key_id,
                             struct hin_view wrapped, struct hin_secret *ret_plain)
{
    struct hin_ipc_message reply;
    HIN_TRY(key_call(context, HIN_AGENT_UNWRAP, purpose, key_id, wrapped, &reply));
    return hin_secret_from(ret_plain, reply.payload);
}

/* ---- life ---- */

static void stop(void *context)
{
    struct uplink *u = context;
    uplink_end(u, hin_ok());
}

static void daily(void *context)
{
    struct uplink *u = context;
    uplink_report(u);
    uplink_reserve(u);
    if (u->inflight_count == 0 &&
        u->raw.capacity > 0) { /* after a burst: what it needed goes back */
        hin_buf_done(&u->raw);
        hin_buf_init(&u->raw, HIN_WIRE_BATCH_RAW_MAX_BYTES);
        hin_buf_done(&u->frame);
        hin_buf_init(&u->frame, HIN_WIRE_PAYLOAD_MAX_BYTES + 64);
        (void)malloc_trim(0);
    }
    if (u->session.state == HIN_WIRE_STATE_OPEN && u->stream != NULL && !u->renewing &&
        uplink_renewal_due(u)) {
        HIN_CLEANUP(hin_buf_done) struct hin_buf csr = {.max = HIN_WIRE_CSR_MAX_BYTES};
        struct hin_result result = uplink_renewal_request(u, &csr);
        if (hin_is_ok(result)) {
            struct hin_wire_message message = {.type = HIN_WIRE_RENEW,
                                               .renew = {hin_buf_view(&csr)}};
            result = uplink_say(u, &message);
        }
        u->renewing = hin_is_ok(result);
        if (!hin_is_ok(result)) {
            hin_log_result(HIN_LOG_WARNING, result, "the certificate could not be renewed");
        }
    }
}

struct hin_result hin_agent_uplink_setup(struct hin_role *role)
{
    struct uplink *u = calloc(1, sizeof(*u));
    HIN_ENSURE(u != NULL, NO_MEMORY);
    u->role = role;
    u->state_text = "not connected";
    u->spool_folder = -1;
    hin_agent_host_facts(&u->host);
    hin_role_set_context(role, u);
    uint64_t port = 0;
    u->folder = hin_role_fd(role, "folder");
    HIN_ENSURE(u->folder >= 0, INVALID);
    HIN_TRY(
        hin_view_to_text(hin_role_setting(role, "host"), u->manager_host, sizeof(u->manager_host)));
    HIN_TRY(hin_view_to_u64(hin_role_setting(role, "port"), &port));
    HIN_TRY(hin_view_to_text(hin_role_setting(role, "agent"), u->agent_id, sizeof(u->agent_id)));
    HIN_TRY(hin_view_to_text(hin_role_setting(role, "tenant"), u->tenant_id, sizeof(u->tenant_id)));
    HIN_TRY(hin_agent_id_parse(u->agent_id, u->agent_bytes));
    HIN_TRY(hin_agent_id_parse(u->tenant_id, u->tenant_bytes));
    u->manager_port = (uint16_t)port;
    return hin_ok();
}

struct hin_result hin_agent_uplink_sandbox(struct hin_role *role, struct hin_sandbox *sandbox)
{
    struct uplink *u = hin_role_context(role);
    hin_sandbox_allow_syscalls(sandbox, HIN_SANDBOX_FILES_WRITE | HIN_SANDBOX_NET_CLIENT);
    HIN_TRY(hin_sandbox_allow_path(sandbox, u->folder, ".",
                                   HIN_SANDBOX_READ | HIN_SANDBOX_WRITE | HIN_SANDBOX_CREATE));
    HIN_TRY(hin_sandbox_allow_system_files(sandbox));
    HIN_TRY(hin_sandbox_allow_connect(sandbox, u->manager_port));
    return hin_ok();
}

static HIN_RESULT begin(struct uplink *u)
{
    const struct hin_clock *clock = hin_clock_system();
    HIN_TRY(hin_loop_new(clock, &u->loop));
    hin_arena_init(&u->arena, 1U << 20);
    hin_buf_init(&u->scratch, 1U << 20);
    hin_buf_init(&u->record, 2U << 20);
    hin_buf_init(&u->frame, HIN_WIRE_PAYLOAD_MAX_BYTES + 64);
    hin_buf_init(&u->raw, HIN_WIRE_BATCH_RAW_MAX_BYTES);
    HIN_TRY(hin_random(u->origin, sizeof(u->origin)));
    HIN_TRY(hin_random(&u->own_generation, sizeof(u->own_generation)));
    u->own_generation = (u->own_generation >> 1) | 1;
    u->keys = (struct hin_agent_keys){key_wrap, key_unwrap, u};
    HIN_TRY(hin_cabinet_init(&u->cabinet, u->folder, &u->keys, hin_view_from_text(u->tenant_id),
                             hin_view_from_text(u->agent_id)));
    if (mkdirat(u->folder, "spool", 0700) != 0 && errno != EEXIST) {
        return hin_fail(hin_code_from_errno(errno));
    }
    HIN_TRY(
        hin_fd_open(u->folder, "spool", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &u->spool_folder));
    HIN_TRY(uplink_clock_begin(u));
    HIN_TRY(spool_begin(u));
    HIN_TRY(uplink_identity_load(u));
    HIN_TRY(hin_wire_packer_new(&u->packer));
    HIN_TRY(hin_timer_new(u->loop, uplink_connect, u, &u->reconnect));
    HIN_TRY(hin_timer_new(u->loop, uplink_heartbeat, u, &u->heartbeat));
    HIN_TRY(hin_timer_new(u->loop, uplink_silence, u, &u->silence));
    HIN_TRY(hin_timer_new(u->loop, retry_sync, u, &u->retry_sync));
    HIN_TRY(hin_timer_new(u->loop, daily, u, &u->daily));
    HIN_TRY(hin_watch_new(u->loop, hin_ipc_fd(hin_role_parent_channel(u->role)), parent_ready, u,
                          &u->parent_watch));
    HIN_TRY(hin_watch_set(u->parent_watch, HIN_WATCH_READ));
    u->from_parent = (struct hin_ipc_permits){.table = &parent_table};
    u->events = (struct hin_role_events){
        .context = u,
        .up = peer_up,
        .down = peer_down,
        .stop = stop,
        .from_parent = &u->from_parent,
    };
    hin_role_listen(u->role, &u->events);
    HIN_TRY(hin_timer_repeat(u->daily, HIN_SEC_USEC, 10 * HIN_SEC_USEC, 10));
    return hin_timer_once(u->reconnect, 0, 0);
}

static void finish(struct uplink *u)
{
    uplink_event(u, HIN_STATE_AGENT_STOPPED, HIN_VIEW("agent"), HIN_VIEW_EMPTY, 0);
    HIN_IGNORE(uplink_sync(
        u)); /* without room for it, the start event after the next start tells as much */
    if (u->stream != NULL) {
        for (int i = 0; i < 20 && u->inflight_count > 0 && u->stream != NULL; i++) {
            HIN_IGNORE(hin_loop_run_once(u->loop, 50 * HIN_MSEC_USEC));
        }
    }
    if (u->stream != NULL) {
        hin_stream_drop(u->stream);
        u->stream = NULL;
    }
}

static void release(struct uplink *u)
{
    hin_spool_free(u->spool);
    hin_sealer_free(u->spool_sealer);
    hin_cabinet_done(&u->cabinet);
    hin_x509_key_free(u->key);
    hin_x509_key_free(u->key_next);
    hin_wire_packer_free(u->packer);
    struct hin_timer *timers[] = {u->reconnect, u->heartbeat, u->silence, u->retry_sync, u->daily};
    for (size_t i = 0; i < HIN_COUNT(timers); i++) {
        hin_timer_free(timers[i]);
    }
    for (size_t i = 0; i < UPLINK_PEERS_MAX; i++) {
        hin_watch_free(u->peers[i].watch);
    }
    hin_watch_free(u->parent_watch);
    hin_loop_free(u->loop);
    hin_tls_free(u->tls);
    struct hin_buf *buffers[] = {&u->spool_wrapped, &u->scratch,       &u->record, &u->frame,
                                 &u->raw,           &u->certificate,   &u->ca,     &u->policy_key,
                                 &u->checkpoint,    &u->policy_pending};
    for (size_t i = 0; i < HIN_COUNT(buffers); i++) {
        hin_buf_done(buffers[i]);
    }
    hin_arena_done(&u->arena);
    hin_fd_close(&u->spool_folder);
}

struct hin_result hin_agent_uplink_run(struct hin_role *role)
{
    struct uplink *u = hin_role_context(role);
    HIN_TRY(begin(u));
    if (hin_view_is(hin_role_setting(role, "first"), "1")) {
        uplink_event(u, HIN_STATE_AGENT_STARTED, HIN_VIEW("agent"),
                     hin_view_trim(hin_role_weaker(role)), 0);
    }
    tell_losses(u);
    HIN_TRY(uplink_policy_load(u));
    HIN_TRY(hin_role_ready(role));
    parent_handle(u);
    if (!hin_role_stopping(role)) {
        HIN_TRY(hin_loop_run(u->loop));
    }
    HIN_TRY(u->ending);
    finish(u);
    release(u);
    return hin_ok();
}
