#include "agent/modules/log/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "agent/modules/log/internal.h"
#include "base/bytes.h"
#include "base/codec.h"
#include "base/fd.h"

#define SCAN_USEC     (15 * HIN_SEC_USEC)
#define COUNTERS_USEC (10 * HIN_SEC_USEC)
#define HISTORY_USEC                                                                               \
    (10 * HIN_MINUTE_USEC) /* at the very first start, older files begin at their end */
#define JUMP_USEC       (2 * HIN_SEC_USEC)
#define STOP_USEC       (5 * HIN_SEC_USEC)
#define UPLINK_WAIT     (60 * HIN_SEC_USEC)
#define PORTIONS_A_TURN 8

static HIN_RESULT clock_read(struct log_module *m)
{
    const struct hin_clock *clock = hin_clock_system();
    m->now_wall = hin_clock_wall_usec(clock);
    m->now_monotonic = hin_clock_monotonic_usec(clock);
    m->now_correlation = m->monotonic_base + (m->now_monotonic - m->monotonic_start);
    int64_t drift = m->now_wall - m->now_monotonic;
    int64_t jump = drift - m->drift_usec;
    bool known = m->drift_usec != 0;
    if (!known || jump > JUMP_USEC || jump < -JUMP_USEC) {
        m->drift_usec = drift;
        if (known) {
            char text[64];
            snprintf(text, sizeof(text), "by %lld ms", (long long)(jump / HIN_MSEC_USEC));
            return log_state_event(m, HIN_STATE_CLOCK_JUMP, hin_view_from_text(text), 0);
        }
    }
    return hin_ok();
}

/* ---- before the lock ---- */

static HIN_RESULT zone_load(struct log_module *m)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf tzif = {.max = 1U << 20};
    hin_zone_utc(&m->zone);
    if (hin_is_ok(hin_file_read(AT_FDCWD, "/etc/localtime", &tzif)) &&
        !hin_is_ok(hin_zone_parse(hin_buf_view(&tzif), &m->zone))) {
        hin_log(HIN_LOG_WARNING, "/etc/localtime is not understood: UTC is used");
        hin_zone_utc(&m->zone);
    }
    return hin_ok();
}

static HIN_RESULT roots_load(struct log_module *m)
{
    struct hin_view rest = hin_role_setting(m->role, "roots"), part;
    m->roots = calloc(HIN_OPTION_TEXTS_MAX, sizeof(*m->roots));
    HIN_ENSURE(m->roots != NULL, NO_MEMORY);
    while (rest.size > 0 && hin_view_split(&rest, '\0', &part)) {
        HIN_ENSURE(m->root_count < HIN_OPTION_TEXTS_MAX, LIMIT);
        HIN_TRY(hin_view_to_text(part, m->roots[m->root_count], HIN_PATH_MAX));
        m->root_texts[m->root_count] = m->roots[m->root_count];
        m->root_count++;
    }
    return hin_ok();
}

struct hin_result hin_agent_log_setup(struct hin_role *role)
{
    struct log_module *m = calloc(1, sizeof(*m));
    HIN_ENSURE(m != NULL, NO_MEMORY);
    m->role = role;
    m->fresh = true;
    hin_role_set_context(role, m);
    hin_agent_host_facts(&m->host);
    HIN_TRY(zone_load(m));
    HIN_TRY(roots_load(m));
    m->journal_allowed = hin_view_is(hin_role_setting(role, "journal"), "1");
    m->inotify = hin_role_fd(role, "inotify");
    HIN_ENSURE(m->inotify >= 0, INVALID);
    struct stat st;
    int fd = hin_role_fd(role, "policy");
    HIN_ENSURE(fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0, INVALID);
    void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    HIN_ENSURE(map != MAP_FAILED, NO_MEMORY);
    m->bundle_map = map;
    m->bundle_bytes = (size_t)st.st_size;
    return hin_ok();
}

struct hin_result hin_agent_log_sandbox(struct hin_role *role, struct hin_sandbox *sandbox)
{
    (void)role;
    hin_sandbox_allow_syscalls(sandbox, HIN_SANDBOX_FILES_READ | HIN_SANDBOX_JIT);
    return hin_ok();
}

/* ---- policy and rules, behind the lock ---- */

static HIN_RESULT tell_loaded(struct log_module *m)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf payload = {.max = 1024};
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 512};
    struct hin_log_rules_stats stats;
    hin_log_rules_stats(m->rules, &stats);
    HIN_TRY(hin_buf_printf(&text, "%u rules, %u decoders, %zu log locations", stats.rule_count,
                           stats.decoder_count, m->glob_count));
    HIN_TRY(hin_write_u64(&payload, m->serial));
    HIN_TRY(hin_write_bytes(&payload, hin_buf_view(&text)));
    return hin_ipc_send(hin_role_parent_channel(m->role), HIN_AGENT_LOADED, 0,
                        hin_buf_view(&payload));
}

static HIN_RESULT tell_refused(struct log_module *m, const char *text)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf payload = {.max = 4096};
    HIN_TRY(hin_write_u64(&payload, m->serial));
    HIN_TRY(hin_write_bytes(&payload, hin_view_sub(hin_view_from_text(text), 0, 1000)));
    HIN_TRY(hin_ipc_send(hin_role_parent_channel(m->role), HIN_AGENT_REFUSED, 0,
                         hin_buf_view(&payload)));
    HIN_TRY(hin_ipc_flush_wait(hin_role_parent_channel(m->role), HIN_SEC_USEC));
    m->refused = true;
    return hin_fail(HIN_INVALID);
}

static HIN_RESULT policy_check(struct log_module *m)
{
    uint8_t tenant[HIN_AGENT_ID_BYTES], agent[HIN_AGENT_ID_BYTES];
    char text[HIN_AGENT_ID_TEXT_BYTES];
    hin_arena_init(&m->policy_arena, 64U << 20);
    HIN_TRY(hin_view_to_u64(hin_role_setting(m->role, "serial"), &m->serial));
    HIN_TRY(hin_view_to_text(hin_role_setting(m->role, "tenant"), text, sizeof(text)));
    HIN_TRY(hin_agent_id_parse(text, tenant));
    HIN_TRY(hin_view_to_text(hin_role_setting(m->role, "agent"), text, sizeof(text)));
    HIN_TRY(hin_agent_id_parse(text, agent));
    HIN_TRY(hin_policy_bundle_verify(hin_view_of(m->bundle_map, m->bundle_bytes),
                                     hin_role_setting(m->role, "policy-key"), &m->policy_arena,
                                     &m->bundle));
    HIN_TRY(hin_policy_bundle_accept(&m->bundle, tenant, agent, 0));
    HIN_ENSURE(m->bundle.manifest.version == m->serial, CONFLICT); /* as the parent was told */
    return hin_ok();
}

static HIN_RESULT inputs_make(struct log_module *m, struct hin_log_inputs *ret_inputs)
{
    const struct hin_policy_content *content = &m->bundle.content;
    struct hin_log_input *lists[4] = {NULL};
    size_t counts[4] = {0};
    for (size_t kind = HIN_POLICY_FILE_DECODER; kind <= HIN_POLICY_FILE_LIST; kind++) {
        HIN_TRY(HIN_ARENA_ARRAY(&m->policy_arena, content->file_count + 1, &lists[kind]));
    }
    for (size_t i = 0; i < content->file_count; i++) {
        const struct hin_policy_file *file = &content->files[i];
        struct hin_log_input *input = &lists[file->kind][counts[file->kind]++];
        HIN_TRY(hin_arena_text(&m->policy_arena, file->name, &input->name));
        input->text = file->text;
    }
    *ret_inputs = (struct hin_log_inputs){
        .decoders = lists[HIN_POLICY_FILE_DECODER],
        .decoder_count = counts[HIN_POLICY_FILE_DECODER],
        .rules = lists[HIN_POLICY_FILE_RULE],
        .rule_count = counts[HIN_POLICY_FILE_RULE],
        .lists = lists[HIN_POLICY_FILE_LIST],
        .list_count = counts[HIN_POLICY_FILE_LIST],
    };
    return hin_ok();
}

static HIN_RESULT refuse_first_error(struct log_module *m)
{
    for (size_t i = 0; i < hin_log_rules_diagnostic_count(m->rules); i++) {
        const struct hin_log_diagnostic *d = hin_log_rules_diagnostic(m->rules, i);
        if (d->severity == HIN_LOG_RULES_ERROR) {
            char text[1024];
            snprintf(text, sizeof(text), "%s:%u:%u: %s", d->file != NULL ? d->file : "rules",
                     d->line, d->column, d->text);
            return tell_refused(m, text);
        }
    }
    return tell_refused(m, "the rule set is wrong");
}

/* A location that begins with two stars names files wherever this host keeps its logs: it stands
 * for one glob beneath each log root. */
static HIN_RESULT glob_add(struct log_module *m, const struct hin_policy_log *log)
{
    struct log_format format = {.join = {.mode = HIN_MULTILINE_START}};
    struct hin_view location = log->location;
    if (!hin_is_ok(hin_framing_parse(log->format, &format.format))) {
        hin_log(HIN_LOG_WARNING, "%.*s: format %.*s is not known here: read line by line",
                HIN_ARGS(location), HIN_ARGS(log->format));
    }
    bool whole = !hin_view_starts_with(location, HIN_VIEW("/**"));
    for (size_t i = 0; i < (whole ? 1 : m->root_count); i++) {
        struct log_format *kept = &m->formats[m->glob_count];
        *kept = format;
        m->joins[m->glob_count] =
            hin_framing_joins(&kept->format, &kept->join) ? &kept->join : NULL;
        if (whole) {
            return hin_arena_text(&m->policy_arena, location, &m->globs[m->glob_count++]);
        }
        struct hin_view root = hin_view_from_text(m->roots[i]);
        struct hin_view glob;
        root = root.size == 1 ? HIN_VIEW_EMPTY : root;
        HIN_TRY(hin_arena_printf(&m->policy_arena, &glob, "%.*s%.*s", HIN_ARGS(root),
                                 HIN_ARGS(location)));
        HIN_TRY(hin_arena_text(&m->policy_arena, glob, &m->globs[m->glob_count++]));
    }
    return hin_ok();
}

static HIN_RESULT globs_make(struct log_module *m)
{
    const struct hin_policy_content *content = &m->bundle.content;
    size_t most = content->log_count * HIN_MAX(m->root_count, (size_t)1) + 1;
    HIN_TRY(HIN_ARENA_ARRAY(&m->policy_arena, most, &m->globs));
    HIN_TRY(HIN_ARENA_ARRAY(&m->policy_arena, most, &m->formats));
    HIN_TRY(HIN_ARENA_ARRAY(&m->policy_arena, most, &m->joins));
    for (size_t i = 0; i < content->log_count && content->log_inspection; i++) {
        const struct hin_policy_log *log = &content->logs[i];
        if (!hin_view_is(log->location, HIN_POLICY_LOCATION_JOURNAL)) {
            HIN_TRY(glob_add(m, log));
        } else if (m->journal_allowed) {
            m->wants_journal = true;
        } else {
            log_refused_add(m, HIN_POLICY_LOCATION_JOURNAL);
        }
    }
    return hin_ok();
}

static HIN_RESULT rules_make(struct log_module *m)
{
    struct hin_log_inputs inputs;
    struct hin_log_load_options options = {.dialect = HIN_LOG_DIALECT_OSSEC};
    HIN_TRY(inputs_make(m, &inputs));
    HIN_TRY(globs_make(m));
    HIN_TRY(hin_log_rules_load(&inputs, &options, &m->rules));
    if (hin_log_rules_error_count(m->rules) > 0) {
        return refuse_first_error(m);
    }
    HIN_TRY(hin_log_rules_prepare(m->rules));
    /* The rules have copies of what they need: the bundle's pages go back. */
    HIN_TRY(hin_sandbox_seal_memory());
    struct hin_log_config config = {.zone = &m->zone, .host = hin_view_from_text(m->host.name)};
    HIN_TRY(log_copies_new(&m->copies));
    return hin_log_engine_new(m->rules, &config, &m->engine);
}

/* ---- sources ---- */

static HIN_RESULT take_line(void *context, const struct hin_tail_line *line)
{
    struct log_module *m = context;
    struct log_text text = {line->text,   line->location, line->generation,
                            line->offset, line->cut,      &m->formats[line->glob].format};
    return log_line(m, &text);
}

static void take_notice(void *context, enum hin_tail_notice notice, const char *path)
{
    static const struct {
        enum hin_state_code state;
        const char *text;
    } notices[] = {
        [HIN_TAIL_DENIED] = {HIN_STATE_SOURCE_LOST, "may not be read by this agent: not watched"},
        [HIN_TAIL_GAP] = {HIN_STATE_SOURCE_GAP, "replaced or cut before it was read to its end"},
        [HIN_TAIL_BOUND] = {HIN_STATE_SOURCE_LOST, "too many files or folders: not watched"},
    };
    struct log_module *m = context;
    char text[HIN_PATH_MAX + 64];
    if (notice == HIN_TAIL_REFUSED) {
        log_refused_add(m, path); /* all of them are told at once */
        return;
    }
    snprintf(text, sizeof(text), "%s: %s", path, notices[notice].text);
    hin_log(HIN_LOG_WARNING, "%s", text);
    struct hin_result result =
        log_state_event(m, notices[notice].state, hin_view_from_text(text), 0);
    if (!hin_is_ok(result)) {
        hin_log_result(HIN_LOG_WARNING, result, "an event about a log source was not kept");
    }
}

static HIN_RESULT tail_make(struct log_module *m)
{
    struct hin_tail_options options = {
        .host = log_host(m),
        .inotify = m->inotify,
        .roots = m->root_texts,
        .root_count = m->root_count,
        .globs = m->globs,
        .glob_count = m->glob_count,
        .joins = m->joins,
        .history_usec = m->now_wall - HISTORY_USEC,
        .context = m,
        .line = take_line,
        .notice = take_notice,
    };
    return hin_tail_new(&m->tail, &options);
}

/* ---- edges ---- */

static void edge_up(void *context, const char *name, unsigned instance, struct hin_ipc *channel)
{
    struct log_module *m = context;
    (void)name;
    (void)instance;
    m->uplink = channel;
    m->attached = false;
}

static void edge_down(void *context, const char *name, unsigned instance, struct hin_ipc *channel)
{
    struct log_module *m = context;
    (void)name;
    (void)instance;
    if (m->uplink == channel) {
        m->uplink = NULL;
        m->attached = false;
    }
}

static void told_to_stop(void *context)
{
    struct log_module *m = context;
    m->stopping = true;
}

static HIN_RESULT handle_go(void *context, struct hin_ipc *channel, struct hin_ipc_message *message)
{
    struct log_module *m = context;
    (void)channel;
    (void)message;
    m->go = true;
    return hin_ok();
}

static const struct hin_ipc_permit parent_rows[] = {
    {HIN_AGENT_GO, HIN_IPC_ONCE, 0, 0, 0, 0, 0, handle_go},
};
static const struct hin_ipc_table parent_table = {"parent -> log", parent_rows,
                                                  HIN_COUNT(parent_rows)};

/* ---- the loop ---- */

static HIN_RESULT wait_for_input(struct log_module *m, int64_t timeout_usec)
{
    struct pollfd fds[3] = {
        {.fd = hin_ipc_fd(hin_role_parent_channel(m->role)), .events = POLLIN},
        {.fd = m->go ? m->inotify : -1, .events = POLLIN},
        {.fd = m->uplink != NULL ? hin_ipc_fd(m->uplink) : -1, .events = POLLIN},
    };
    if (m->uplink != NULL && hin_ipc_wants_write(m->uplink)) {
        fds[2].events |= POLLOUT;
    }
    int timeout = timeout_usec < 0 ? -1 : (int)HIN_MIN((timeout_usec + 999) / 1000, INT64_C(60000));
    if (poll(fds, 3, timeout) < 0 && errno != EINTR) {
        return hin_fail(HIN_IO);
    }
    HIN_TRY(clock_read(m));
    if ((fds[1].revents & POLLIN) != 0) {
        HIN_TRY(hin_tail_notified(m->tail, m->now_monotonic));
        m->tail_more = true;
        m->journal_more = m->journal != NULL;
    }
    return hin_ok();
}

static HIN_RESULT turn_edges(struct log_module *m)
{
    HIN_TRY(hin_role_handle_parent(m->role));
    if (m->go && m->uplink != NULL && !m->attached) {
        bool fresh = m->fresh;
        HIN_TRY(log_attach(m));
        if (m->attached && fresh) {
            HIN_TRY(clock_read(m));
            m->next_scan = 0;
        }
    }
    return log_replies(m);
}

static HIN_RESULT turn_read(struct log_module *m)
{
    if (!m->attached || m->stopping) {
        return hin_ok();
    }
    if (m->now_monotonic >= m->next_scan) {
        HIN_TRY(hin_tail_scan(m->tail, m->now_monotonic));
        m->next_scan = m->now_monotonic + SCAN_USEC;
        m->tail_more = true;
        if (m->journal != NULL) {
            HIN_TRY(log_journal_open(m));
        }
    }
    m->tail_more = m->tail_more || m->now_monotonic >= hin_tail_due(m->tail);
    for (int i = 0; i < PORTIONS_A_TURN && m->tail_more && log_commit_room(m); i++) {
        struct hin_result result = hin_tail_read(m->tail, m->now_monotonic, &m->tail_more);
        if (result.code == HIN_AGAIN) {
            m->tail_more = true;
            break;
        }
        if (result.code == HIN_IO) {
            continue; /* that file failed; the next look finds out why */
        }
        HIN_TRY(result);
        HIN_TRY(clock_read(m));
    }
    if (m->journal_more && log_commit_room(m)) {
        HIN_TRY(log_journal_read(m));
    }
    return hin_ok();
}

static HIN_RESULT turn_timers(struct log_module *m)
{
    HIN_TRY(log_state_turn(m));
    if (m->attached && m->now_monotonic >= m->next_counters) {
        m->next_counters = m->now_monotonic + COUNTERS_USEC;
        HIN_TRY(log_counters_send(m));
    }
    return hin_ok();
}

static int64_t next_wake(const struct log_module *m)
{
    if ((m->tail_more || m->journal_more) && m->attached && log_commit_room(m)) {
        return 0;
    }
    int64_t wake = m->next_scan;
    if (m->attached && log_commit_room(m)) {
        wake = HIN_MIN(wake, hin_tail_due(m->tail));
    }
    if (m->positions_dirty && m->batch_since != 0 && !log_commit_pending(m)) {
        wake = HIN_MIN(wake, m->batch_since + POSITIONS_ONLY_USEC);
    }
    if (m->retry_at > m->now_monotonic) {
        wake = HIN_MIN(wake, m->retry_at);
    }
    if (m->state_dirty && m->batch_count == 0 && !m->positions_dirty) {
        /* what is remembered is saved on time, also when nothing more comes */
        wake = HIN_MIN(wake, m->state_urgent ? m->urgent_state : m->next_state);
    }
    return HIN_MAX(wake - m->now_monotonic, INT64_C(1000));
}

static HIN_RESULT serve(struct log_module *m)
{
    while (!m->stopping) {
        HIN_TRY(turn_edges(m));
        HIN_TRY(turn_read(m));
        HIN_TRY(log_commit(m, !m->tail_more && !m->journal_more));
        HIN_TRY(turn_timers(m));
        HIN_TRY(hin_role_handle_parent(m->role)); /* what came while we asked for files */
        if (!m->stopping) {
            HIN_TRY(wait_for_input(m, m->go && m->attached ? next_wake(m) : 15 * HIN_SEC_USEC));
        }
    }
    return hin_ok();
}

/* Everything gathered goes to the spool, then what the engine remembers: the next one goes on from
 * there. */
static HIN_RESULT finish(struct log_module *m)
{
    int64_t until = m->now_monotonic + STOP_USEC;
    while (m->attached && m->now_monotonic < until) {
        HIN_TRY(log_commit(m, true));
        if (!log_commit_pending(m) && m->batch_count == 0 && !m->positions_dirty) {
            break;
        }
        HIN_TRY(wait_for_input(m, 100 * HIN_MSEC_USEC));
        HIN_TRY(log_replies(m));
    }
    if (m->attached) {
        HIN_TRY(log_counters_send(m));
    }
    return log_state_save(m, true);
}

static void release(struct log_module *m)
{
    hin_tail_free(m->tail);
    hin_journal_source_free(m->journal);
    log_copies_free(m->copies);
    hin_log_engine_free(m->engine);
    hin_log_rules_free(m->rules);
    for (size_t i = 0; i < COMMITS_MAX; i++) {
        hin_buf_done(&m->commits[i].payload);
    }
    hin_buf_done(&m->batch);
    hin_buf_done(&m->positions);
    hin_buf_done(&m->scratch);
    hin_buf_done(&m->journal_line);
    hin_arena_done(&m->journal_arena);
    hin_arena_done(&m->policy_arena);
    hin_arena_done(&m->arena);
    hin_arena_done(&m->given_arena);
    hin_buf_done(&m->format_text);
    free(m->roots);
}

struct hin_result hin_agent_log_run(struct hin_role *role)
{
    struct log_module *m = hin_role_context(role);
    hin_arena_init(&m->arena, 1U << 20);
    hin_arena_init(&m->given_arena, 1U << 20);
    hin_buf_init(&m->format_text, HIN_TAIL_LINE_MAX_BYTES + 64);
    log_commit_init(m);
    HIN_TRY(clock_read(m));
    HIN_TRY(hin_random(m->origin, sizeof(m->origin)));
    HIN_TRY(hin_random(&m->own_generation, sizeof(m->own_generation)));
    m->own_generation = (m->own_generation >> 1) | 1;
    for (size_t i = 0; i < HIN_LOG_FIELD_COUNT; i++) {
        m->fields[i] =
            hin_field_find_decoded(hin_view_from_text(hin_log_field_name((enum hin_log_field)i)));
    }
    struct hin_result result = policy_check(m);
    result = hin_is_ok(result) ? rules_make(m) : tell_refused(m, hin_code_text(result.code));
    if (m->refused) {
        return hin_ok(); /* the parent knows why and does not start it again */
    }
    HIN_TRY(result);
    HIN_TRY(tail_make(m));
    if (m->wants_journal) {
        HIN_TRY(log_journal_make(m));
    }
    m->from_parent = (struct hin_ipc_permits){.table = &parent_table};
    m->events = (struct hin_role_events){
        .context = m,
        .up = edge_up,
        .down = edge_down,
        .stop = told_to_stop,
        .from_parent = &m->from_parent,
    };
    hin_role_listen(role, &m->events);
    HIN_TRY(hin_role_ready(role));
    HIN_TRY(tell_loaded(m));
    m->stopping = hin_role_stopping(role);
    HIN_TRY(serve(m));
    HIN_TRY(finish(m));
    release(m); /* so that a leak shows in a test */
    return hin_ok();
}
