/* Batches to the spool, exactly once: a commit is numbered within this process's life, kept until
 * the spool has it, and sent again to an uplink that was restarted; what that one had already
 * written, it knows by the number. */
#include <malloc.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "agent/modules/log/internal.h"
#include "base/bytes.h"
#include "base/codec.h"
#include "base/fd.h"

#define CALL_USEC       (10 * HIN_SEC_USEC)
#define BATCH_MAX_BYTES (3U << 20)
/* How much of the correlation's memory a crash may cost. */
#define STATE_COST_SHARE  200 /* the uplink's part, sealing, is about as much again */
#define STATE_URGENT_USEC (100 * HIN_MSEC_USEC)
#define STATE_MIN_USEC    (2 * HIN_SEC_USEC)
#define STATE_MAX_USEC    (10 * HIN_SEC_USEC)

void log_commit_init(struct log_module *m)
{
    /* A portion of 256 KiB of input may come on top of the threshold, with some overhead a line. */
    hin_buf_init(&m->batch, BATCH_MAX_BYTES);
    hin_buf_init(&m->positions, 768U << 10);
    hin_buf_init(&m->scratch, 1U << 20);
    for (size_t i = 0; i < COMMITS_MAX; i++) {
        hin_buf_init(&m->commits[i].payload, HIN_IPC_PAYLOAD_MAX);
    }
}

static struct commit *commit_free(struct log_module *m)
{
    for (size_t i = 0; i < COMMITS_MAX; i++) {
        if (m->commits[i].number == 0) {
            return &m->commits[i];
        }
    }
    return NULL;
}

bool log_commit_room(const struct log_module *m)
{
    bool slot = false;
    for (size_t i = 0; i < COMMITS_MAX; i++) {
        slot = slot || m->commits[i].number == 0;
    }
    return slot && m->batch.size < COMMIT_EVENTS_BYTES && m->batch_count < COMMIT_EVENTS_MAX &&
           m->batch_lines < COMMIT_LINES_MAX;
}

bool log_commit_pending(const struct log_module *m)
{
    for (size_t i = 0; i < COMMITS_MAX; i++) {
        if (m->commits[i].number != 0) {
            return true;
        }
    }
    return false;
}

static HIN_RESULT save_position(void *context, uint64_t id, struct hin_view position)
{
    struct log_module *m = context;
    size_t start = m->positions.size;
    struct hin_result result = hin_write_u64(&m->positions, id);
    if (hin_is_ok(result)) {
        result = hin_write_bytes(&m->positions, position);
    }
    if (!hin_is_ok(result)) {
        m->positions.size = start;
        return result;
    }
    m->position_count++;
    return hin_ok();
}

static HIN_RESULT gather_positions(struct log_module *m)
{
    hin_buf_clear(&m->positions);
    m->position_count = 0;
    struct hin_result result = hin_ok();
    if (m->refused_places.save) {
        uint8_t digest[8];
        hin_store_u64(digest, m->refused_places.told);
        HIN_TRY(save_position(m, LOG_REFUSED_ID, hin_view_of(digest, sizeof(digest))));
        m->refused_places.save = false;
    }
    if (m->tail != NULL) {
        result = hin_tail_positions(m->tail, m, save_position);
    }
    if (hin_is_ok(result) && m->journal != NULL) {
        result = hin_journal_source_position(m->journal, m, save_position);
    }
    /* More than fits goes with the next commit; each file's position is consistent by itself. */
    m->positions_dirty = result.code == HIN_LIMIT;
    return result.code == HIN_LIMIT ? hin_ok() : result;
}

static HIN_RESULT send_commit(struct log_module *m, struct commit *commit)
{
    commit->request = hin_ipc_next_request(m->uplink);
    struct hin_result result =
        hin_ipc_send(m->uplink, HIN_AGENT_COMMIT, commit->request, hin_buf_view(&commit->payload));
    commit->sent = hin_is_ok(result);
    if (result.code == HIN_CLOSED || result.code == HIN_AGAIN) {
        return hin_ok(); /* it is sent again when the way is free or the uplink back */
    }
    return result;
}

static HIN_RESULT build(struct log_module *m, struct commit *commit)
{
    struct hin_buf *out = &commit->payload;
    HIN_TRY(gather_positions(m));
    hin_buf_clear(out);
    HIN_TRY(hin_write_u64(out, m->commit_number + 1));
    HIN_TRY(hin_write_zigzag(out, m->now_correlation));
    HIN_TRY(hin_write_zigzag(out, m->now_wall));
    HIN_TRY(hin_write_varint(out, m->batch_count));
    HIN_TRY(hin_write_bytes(out, hin_buf_view(&m->batch)));
    HIN_TRY(hin_write_varint(out, m->position_count));
    HIN_TRY(hin_buf_append(out, hin_buf_view(&m->positions)));
    commit->number = ++m->commit_number;
    hin_buf_clear(&m->batch);
    m->batch_count = m->batch_lines = 0;
    m->batch_since = 0;
    return hin_ok();
}

/* What the engine remembers is saved when it is as old as the lines that were committed, neither
 * older nor newer: directly behind a commit, or when nothing waits for one. */
struct hin_result log_state_turn(struct log_module *m)
{
    int64_t at = m->state_urgent ? m->urgent_state : m->next_state;
    bool level = m->batch_count == 0 && !m->positions_dirty;
    if (!m->state_dirty || !m->attached || !level || m->now_monotonic < at) {
        return hin_ok();
    }
    return log_state_save(m, false);
}

struct hin_result log_commit(struct log_module *m, bool idle)
{
    bool full = m->batch.size >= COMMIT_EVENTS_BYTES || m->batch_count >= COMMIT_EVENTS_MAX ||
                m->batch_lines >= COMMIT_LINES_MAX;
    bool something = m->batch_count > 0 || m->positions_dirty;
    if (!something || !m->attached) {
        return hin_ok();
    }
    if (m->batch_since == 0) {
        m->batch_since = m->now_monotonic;
    }
    /* One small commit at a time: while the disk works, more lines gather behind it. */
    bool due = m->batch_count > 0 || m->now_monotonic - m->batch_since >= POSITIONS_ONLY_USEC ||
               m->stopping;
    if (!full && (!idle || !due || log_commit_pending(m))) {
        return hin_ok();
    }
    struct commit *commit = commit_free(m);
    if (commit == NULL) {
        return hin_ok();
    }
    HIN_TRY(build(m, commit));
    HIN_TRY(send_commit(m, commit));
    return commit->sent ? log_state_turn(m) : hin_ok();
}

static struct commit *commit_oldest_unsent(struct log_module *m)
{
    struct commit *oldest = NULL;
    for (size_t i = 0; i < COMMITS_MAX; i++) {
        struct commit *commit = &m->commits[i];
        if (commit->number != 0 && !commit->sent &&
            (oldest == NULL || commit->number < oldest->number)) {
            oldest = commit;
        }
    }
    return oldest;
}

static HIN_RESULT send_unsent(struct log_module *m)
{
    for (struct commit *c = commit_oldest_unsent(m); c != NULL; c = commit_oldest_unsent(m)) {
        HIN_TRY(send_commit(m, c));
        if (!c->sent) {
            break;
        }
    }
    return hin_ok();
}

/* ---- attaching ---- */

static HIN_RESULT take_clock(struct log_module *m, struct hin_reader *reader)
{
    struct hin_view source;
    uint8_t known = 0;
    HIN_TRY(hin_read_u8(reader, &known));
    HIN_TRY(hin_read_zigzag(reader, &m->clock_offset_usec));
    HIN_TRY(hin_read_bytes(reader, sizeof(m->clock_source) - 1, &source));
    HIN_TRY(hin_read_end(reader));
    HIN_TRY(hin_view_to_text(source, m->clock_source, sizeof(m->clock_source)));
    m->clock_known = known != 0;
    return hin_ok();
}

static HIN_RESULT map_of(int fd, struct hin_view *ret_view)
{
    struct stat st;
    HIN_ENSURE(fstat(fd, &st) == 0 && st.st_size >= 0, IO);
    *ret_view = HIN_VIEW_EMPTY;
    if (st.st_size > 0) {
        void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        HIN_ENSURE(map != MAP_FAILED, NO_MEMORY);
        *ret_view = hin_view_of(map, (size_t)st.st_size);
    }
    return hin_ok();
}

static HIN_RESULT restore_positions(struct log_module *m, struct hin_view bytes)
{
    struct hin_reader reader = hin_reader_of(bytes);
    while (reader.rest.size > 0) {
        uint64_t id = 0;
        struct hin_view position;
        HIN_TRY(hin_read_u64(&reader, &id));
        HIN_TRY(hin_read_bytes(&reader, 8192, &position));
        if (id == HIN_JOURNAL_POSITION_ID && m->journal == NULL) {
            continue; /* not watched by this policy */
        }
        struct hin_result result = id == HIN_JOURNAL_POSITION_ID
                                       ? hin_journal_source_restore(m->journal, position)
                                   : id == LOG_REFUSED_ID ? log_refused_restore(m, position)
                                                          : hin_tail_restore(m->tail, position);
        if (!hin_is_ok(result)) {
            hin_log_result(HIN_LOG_WARNING, result, "a saved read position is not used");
        }
    }
    return hin_ok();
}

static HIN_RESULT restore(struct log_module *m, struct hin_ipc_message *reply, int64_t monotonic,
                          int64_t wall)
{
    struct hin_view positions, state;
    HIN_TRY(map_of(reply->fds[0], &positions));
    HIN_TRY(map_of(reply->fds[1], &state));
    HIN_TRY(restore_positions(m, positions));
    HIN_TRY(log_refused_tell(m));
    if (state.size > 0 && !hin_is_ok(hin_log_engine_state_load(m->engine, state))) {
        HIN_TRY(log_state_event(m, HIN_STATE_STATE_REFUSED, HIN_VIEW_EMPTY, 0));
    }
    if (positions.size > 0) {
        munmap((void *)(uintptr_t)positions.data, positions.size);
    }
    if (state.size > 0) {
        munmap((void *)(uintptr_t)state.data, state.size);
    }
    /* The correlation clock goes on where it stood, plus the time away as the wall clock tells it,
     * never back. */
    m->monotonic_start = m->now_monotonic;
    m->monotonic_base =
        monotonic == 0 ? m->now_wall : monotonic + HIN_MAX(INT64_C(0), m->now_wall - wall);
    return hin_ok();
}

struct hin_result log_attach(struct log_module *m)
{
    struct hin_ipc_message reply;
    struct hin_result result = hin_ipc_call(
        m->uplink, HIN_AGENT_ATTACH, hin_view_of(m->origin, sizeof(m->origin)), CALL_USEC, &reply);
    if (result.code == HIN_CLOSED || result.code == HIN_TIMEOUT) {
        hin_role_peer_closed(m->role, m->uplink); /* comes back through `up` */
        return hin_ok();
    }
    HIN_TRY(result);
    HIN_ENSURE(reply.fd_count == 2, PROTOCOL);
    struct hin_reader reader = hin_reader_of(reply.payload);
    uint64_t last = 0;
    int64_t monotonic = 0, wall = 0;
    HIN_TRY(hin_read_u64(&reader, &last));
    HIN_TRY(hin_read_zigzag(&reader, &monotonic));
    HIN_TRY(hin_read_zigzag(&reader, &wall));
    HIN_TRY(take_clock(m, &reader));
    if (m->fresh) {
        HIN_TRY(restore(m, &reply, monotonic, wall));
        m->fresh = false;
    }
    m->attached = true;
    for (size_t i = 0; i < COMMITS_MAX; i++) {
        struct commit *commit = &m->commits[i];
        commit->sent = false;
        if (commit->number <= last) {
            commit->number = 0;
        }
    }
    return send_unsent(m);
}

static HIN_RESULT take_reply(struct log_module *m, const struct hin_ipc_message *message)
{
    if (!message->reply && message->type == HIN_AGENT_CLOCK) {
        struct hin_reader reader = hin_reader_of(message->payload);
        return take_clock(m, &reader);
    }
    if (!message->reply || message->type != HIN_AGENT_COMMIT) {
        return message->reply ? hin_ok()
                              : hin_fail(HIN_PROTOCOL); /* a late reply to a state saved */
    }
    for (size_t i = 0; i < COMMITS_MAX; i++) {
        struct commit *commit = &m->commits[i];
        if (commit->number != 0 && commit->sent && commit->request == message->request) {
            commit->sent = false;
            if (message->code == HIN_OK) {
                commit->number = 0;
            } else {
                m->retry_at = m->now_monotonic + HIN_SEC_USEC;
            }
        }
    }
    return hin_ok();
}

struct hin_result log_replies(struct log_module *m)
{
    while (m->uplink != NULL) {
        struct hin_ipc_message message;
        struct hin_result result = hin_ipc_receive(m->uplink, &message);
        if (result.code == HIN_AGAIN) {
            break;
        }
        if (result.code == HIN_CLOSED) {
            hin_role_peer_closed(m->role, m->uplink);
            return hin_ok();
        }
        HIN_TRY(result);
        HIN_TRY(take_reply(m, &message));
    }
    if (m->uplink != NULL && m->attached && m->now_monotonic >= m->retry_at) {
        HIN_TRY(send_unsent(m));
    }
    if (m->uplink != NULL && hin_ipc_wants_write(m->uplink)) {
        struct hin_result result = hin_ipc_flush(m->uplink);
        return hin_is_ok(result) || result.code == HIN_AGAIN || result.code == HIN_CLOSED ? hin_ok()
                                                                                          : result;
    }
    return hin_ok();
}

/* A save may take a hundredth of the time: the next one waits that long. (Making the image took 0.2
 * ms after 1000 failed sign-ins from as many addresses, 1.5 ms after 10000, 13 ms after 100000.) */
static void save_planned(struct log_module *m, int64_t began_usec)
{
    int64_t now = hin_clock_monotonic_usec(hin_clock_system());
    int64_t rest = (now - began_usec) * STATE_COST_SHARE;
    m->urgent_state = now + HIN_MAX(rest, STATE_URGENT_USEC);
    m->next_state = now + HIN_MIN(HIN_MAX(rest, STATE_MIN_USEC), STATE_MAX_USEC);
}

struct hin_result log_state_save(struct log_module *m, bool wait)
{
    if (!m->state_dirty || !m->attached) {
        return hin_ok();
    }
    HIN_CLEANUP(hin_buf_done) struct hin_buf image = {.max = UINT64_C(64) << 20};
    HIN_CLEANUP_FD int fd = -1;
    struct hin_ipc_message reply;
    int64_t began = hin_clock_monotonic_usec(hin_clock_system());
    HIN_TRY(hin_log_engine_state_save(m->engine, &image));
    HIN_TRY(hin_memfd_from("state", hin_buf_view(&image), &fd));
    struct hin_result result =
        wait ? hin_ipc_call_fds(m->uplink, HIN_AGENT_STATE, HIN_VIEW_EMPTY, &fd, 1, CALL_USEC,
                                &reply)
             : hin_ipc_send_fds(m->uplink, HIN_AGENT_STATE, hin_ipc_next_request(m->uplink),
                                HIN_VIEW_EMPTY, &fd, 1);
    save_planned(m, began);
    m->state_dirty = !hin_is_ok(result);
    m->state_urgent = m->state_urgent && m->state_dirty;
    return result.code == HIN_CLOSED || result.code == HIN_TIMEOUT || result.code == HIN_AGAIN
               ? hin_ok()
               : result;
}

/* After a burst: what it needed goes back to the system. */
static void shrink(struct log_module *m)
{
    if (log_commit_pending(m) || m->batch_count > 0 || m->commits[0].payload.capacity == 0) {
        return;
    }
    for (size_t i = 0; i < COMMITS_MAX; i++) {
        hin_buf_done(&m->commits[i].payload);
        hin_buf_init(&m->commits[i].payload, HIN_IPC_PAYLOAD_MAX);
    }
    hin_buf_done(&m->batch);
    hin_buf_init(&m->batch, BATCH_MAX_BYTES);
    (void)malloc_trim(0);
}

struct hin_result log_counters_send(struct log_module *m)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf payload = {.max = 1024};
    struct hin_tail_stats stats;
    shrink(m);
    hin_tail_stats(m->tail, &stats);
    m->counters[HIN_AGENT_COUNTER_FILES] = stats.files;
    HIN_TRY(hin_write_varint(&payload, HIN_AGENT_COUNTER_COUNT));
    for (size_t i = 0; i < HIN_AGENT_COUNTER_COUNT; i++) {
        HIN_TRY(hin_write_u64(&payload, m->counters[i]));
    }
    struct hin_result result =
        hin_ipc_send(m->uplink, HIN_AGENT_COUNTERS, 0, hin_buf_view(&payload));
    return result.code == HIN_CLOSED || result.code == HIN_AGAIN ? hin_ok() : result;
}
