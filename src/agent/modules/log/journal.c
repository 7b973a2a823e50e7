/* The system's journal: entries to the lines that syslog would have written, so that one rule
 * language serves both. */
#include <sys/stat.h>

#include "agent/modules/log/internal.h"
#include "base/fd.h"

#define CALL_USEC (30 * HIN_SEC_USEC)

/* The views of an entry's fields end with the next field, so what is needed is copied as it comes.
 */
static void take_field(void *context, struct hin_view field)
{
    struct log_module *m = context;
    struct hin_view copy;
    if (hin_is_ok(hin_arena_copy(&m->journal_arena, field, &copy))) {
        hin_journal_field(&m->journal_entry, copy);
    }
}

static bool is_own_unit(struct hin_view unit)
{
    return hin_view_is(unit, "hinomi-agent.service") || hin_view_is(unit, "hinomi-manager.service");
}

static HIN_RESULT take_entry(void *context, uint64_t generation, uint64_t offset)
{
    struct log_module *m = context;
    struct hin_journal_entry entry = m->journal_entry;
    m->journal_entry = (struct hin_journal_entry){.time_usec = 0};
    HIN_ENSURE(log_commit_room(m), AGAIN);
    hin_buf_clear(&m->journal_line);
    struct hin_result result = hin_ok();
    if (!is_own_unit(entry.unit) && entry.message.size > 0) {
        result = hin_journal_line(&entry, &m->zone, &m->journal_line);
    }
    if (hin_is_ok(result) && m->journal_line.size > 0) {
        m->counters[HIN_AGENT_COUNTER_ENTRIES]++;
        struct log_text text = {hin_buf_view(&m->journal_line),
                                HIN_VIEW(HIN_POLICY_LOCATION_JOURNAL),
                                generation,
                                offset,
                                false,
                                NULL};
        result = log_line(m, &text);
    }
    m->positions_dirty = true;
    hin_arena_reset(&m->journal_arena);
    return result.code == HIN_LIMIT ? hin_ok() : result;
}

struct hin_result log_journal_make(struct log_module *m)
{
    struct hin_journal_source_options options = {m, take_field, take_entry};
    hin_arena_init(&m->journal_arena, 8U << 20);
    hin_buf_init(&m->journal_line, 256U << 10);
    return hin_journal_source_new(&m->journal, &options);
}

/* Ask for the journal's files; they change when journald rotates. */
struct hin_result log_journal_open(struct log_module *m)
{
    struct hin_ipc_message reply;
    int fds[HIN_JOURNAL_FILES_MAX];
    HIN_TRY(hin_ipc_call(hin_role_parent_channel(m->role), HIN_AGENT_OPEN_JOURNAL, HIN_VIEW_EMPTY,
                         CALL_USEC, &reply));
    if (reply.code != HIN_OK || reply.fd_count == 0) {
        return hin_ok(); /* no journal here, now */
    }
    HIN_ENSURE(reply.fd_count <= HIN_JOURNAL_FILES_MAX, PROTOCOL);
    size_t count = reply.fd_count;
    for (size_t i = 0; i < count; i++) {
        fds[i] = hin_fd_take(&reply.fds[i]);
    }
    struct hin_result result = hin_journal_source_open(m->journal, fds, count, m->now_wall);
    if (!hin_is_ok(result)) {
        hin_log_result(HIN_LOG_WARNING, result, "the journal cannot be read");
    }
    m->journal_more = hin_is_ok(result);
    return hin_ok();
}

struct hin_result log_journal_read(struct log_module *m)
{
    struct hin_result result = hin_journal_source_read(m->journal, &m->journal_more);
    hin_arena_reset(&m->journal_arena);
    if (result.code == HIN_AGAIN) {
        m->journal_more = true;
        return hin_ok();
    }
    if (!hin_is_ok(result) && result.code != HIN_NO_MEMORY) {
        m->journal_more = false; /* a damaged file: tried again when something changes */
        return hin_ok();
    }
    return result;
}
