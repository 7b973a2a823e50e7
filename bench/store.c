/* The store: events committed a second of CPU in batches, what searches cost at 100,000,
 * 1,000,000, ... events, and then retention. Usage: bench_store [FOLDER] [EVENTS] [BATCH] [SERVER]
 * [DAYS]: SQLite in FOLDER, or (SERVER is not empty) PostgreSQL where `tools/postgres start SERVER`
 * runs one; then the CPU of all its processes counts too. The events are spread over DAYS (100).
 * Durable commits (fdatasync each), tokens included. A search is made so many times; its first
 * time, and the median, on the wall; CPU of both sides each. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/time.h"
#include "event/codec.h"
#include "processes.h"
#include "store/events.h"
#include "store/retention.h"
#include "store/server.h"

#define START_USEC INT64_C(1795386286000000)
enum { STATE_EVERY = 50 }; /* one event in so many is an agent's state */
enum { TIMES = 21 };       /* each search */

struct bench {
    struct hin_store *store;
    struct hin_sealer *sealer;
    struct hin_opener *opener;
    struct hin_index *index;
    size_t batch;
    int64_t days, apart_usec; /* of two events */
    struct hin_store_event *events;
    uint64_t (*tokens)[32];
    struct hin_buf buf;
    struct hin_arena arena;
    double token_seconds, build_seconds, commit_seconds;
    const char *server_folder; /* NULL: SQLite */
    struct hin_store_server server;
    pid_t server_pid;
    double server_seconds;
};

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double wall_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static HIN_RESULT give_sealer(void *context, struct hin_sealer **ret_sealer)
{
    *ret_sealer = ((struct bench *)context)->sealer;
    return hin_ok();
}

static HIN_RESULT read_line(const char *folder, const char *name, char *out, size_t out_bytes)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "re");
    HIN_ENSURE(file != NULL, NOT_FOUND);
    bool got = fgets(out, (int)out_bytes, file) != NULL;
    (void)fclose(file);
    HIN_ENSURE(got, IO);
    out[strcspn(out, "\n")] = '\0';
    return hin_ok();
}

static HIN_RESULT find_server(struct bench *b)
{
    char url[1024], password[128], pid[32];
    if (b->server_folder == NULL) {
        return hin_ok();
    }
    HIN_TRY(read_line(b->server_folder, "socket.url", url, sizeof(url)));
    HIN_TRY(read_line(b->server_folder, "password", password, sizeof(password)));
    HIN_TRY(read_line(b->server_folder, "data/postmaster.pid", pid, sizeof(pid)));
    HIN_TRY(hin_store_server_parse(url, &b->server, NULL));
    b->server_pid = (pid_t)strtol(pid, NULL, 10);
    return hin_secret_from(&b->server.password, hin_view_from_text(password));
}

static double server_seconds(const struct bench *b)
{
    struct bench_cost cost = {0};
    return b->server_folder != NULL && bench_cost_of(b->server_pid, &cost) ? cost.cpu_seconds : 0;
}

static HIN_RESULT open_store(struct bench *b, const char *folder)
{
    static int directory = -1;
    uint8_t id[HIN_SEAL_KEY_ID_BYTES] = {1};
    struct hin_secret key;
    HIN_TRY(hin_directory_remove(folder));
    HIN_TRY(hin_directory_make(folder, 0700));
    directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    HIN_ENSURE(directory >= 0, IO);
    HIN_TRY(hin_secret_random(&key, HIN_SEAL_KEY_BYTES));
    HIN_TRY(hin_sealer_new(&b->sealer, id, &key));
    HIN_TRY(hin_opener_new(&b->opener, NULL, 4));
    HIN_TRY(hin_opener_add(b->opener, id, &key));
    HIN_TRY(hin_index_new(&b->index, &key));
    hin_secret_done(&key);
    char tenant[32];
    HIN_TRY(find_server(b));
    snprintf(tenant, sizeof(tenant), "bench%d", (int)getpid());
    struct hin_store_options options = {.directory = directory,
                                        .tenant = tenant,
                                        .create = true,
                                        .server = b->server_folder != NULL ? &b->server : NULL};
    struct hin_store_keys keys = {give_sealer, b, b->opener, b->index, NULL};
    HIN_TRY(hin_store_open(&b->store, &options, NULL));
    HIN_TRY(hin_store_key_put(b->store, id, 1, HIN_VIEW("of the benchmark"), START_USEC));
    return hin_store_unlock(b->store, &keys);
}

static HIN_RESULT fill(const struct bench *b, struct hin_event *event, struct hin_arena *arena,
                       size_t number)
{
    static const struct hin_view groups[] = {{(const uint8_t *)"syslog", 6},
                                             {(const uint8_t *)"sshd", 4}};
    struct hin_view user, address, raw;
    int64_t time_usec = START_USEC + (int64_t)number * b->apart_usec;
    HIN_TRY(hin_arena_printf(arena, &user, "user%zu", number * 7919 % 20000));
    HIN_TRY(hin_arena_printf(arena, &address, "10.%zu.%zu.%zu", number / 65536 % 256,
                             number / 256 % 256, number % 256));
    HIN_TRY(hin_arena_printf(
        arena, &raw,
        "Nov 22 22:24:46 web-%zu sshd[%zu]: Failed password for %.*s from %.*s port %zu ssh2",
        number % 50, number % 30000, HIN_ARGS(user), HIN_ARGS(address), number % 60000));
    hin_event_init_finding(event, arena, time_usec, time_usec, 5716, 5);
    HIN_TRY(hin_event_set_text(event, HIN_FIELD_HOST, HIN_VIEW("web-1")));
    HIN_TRY(hin_event_set_text(event, HIN_FIELD_PROGRAM, HIN_VIEW("sshd")));
    HIN_TRY(hin_event_set_text(event, HIN_FIELD_LOCATION, HIN_VIEW("/var/log/auth.log")));
    HIN_TRY(hin_event_set_text(event, HIN_FIELD_DECODER, HIN_VIEW("sshd")));
    HIN_TRY(hin_event_set_text(event, HIN_FIELD_RULE_DESCRIPTION,
                               HIN_VIEW("SSHD authentication failed.")));
    HIN_TRY(hin_event_set_texts(event, HIN_FIELD_RULE_GROUPS, groups, 2));
    HIN_TRY(hin_event_set_text(event, HIN_FIELD_USER, user));
    HIN_TRY(hin_event_set_text(event, HIN_FIELD_SRC_IP, address));
    HIN_TRY(hin_event_set_integer(event, HIN_FIELD_SRC_PORT, (int64_t)(number % 60000)));
    return hin_event_set_text(event, HIN_FIELD_RAW, raw);
}

static HIN_RESULT prepare_batch(struct bench *b, size_t first)
{
    size_t offsets[65536];
    double begin = cpu_seconds();
    hin_buf_clear(&b->buf);
    for (size_t i = 0; i < b->batch; i++) {
        struct hin_event event;
        hin_arena_reset(&b->arena);
        HIN_TRY(fill(b, &event, &b->arena, first + i));
        offsets[i] = b->buf.size;
        HIN_TRY(hin_event_encode(&event, &b->buf));
        double token_begin = cpu_seconds();
        HIN_TRY(
            hin_store_tokens(b->index, &event, &b->arena, b->tokens[i], &b->events[i].token_count));
        b->token_seconds += cpu_seconds() - token_begin;
        b->events[i].tokens = b->tokens[i];
        b->events[i].index_version = hin_index_version(b->index);
        b->events[i].time_usec = START_USEC + (int64_t)(first + i) * b->apart_usec;
        b->events[i].computer_id = 1 + (int64_t)((first + i) / 100 % 50);
        b->events[i].class_uid = (first + i) % STATE_EVERY == 0 ? 6002 : 2004;
        b->events[i].severity_id = 2;
        b->events[i].identity = (struct hin_store_identity){
            .agent = b->events[i].computer_id, .generation = 77, .offset = (first + i) * 120};
    }
    for (size_t i = 0; i < b->batch; i++) {
        size_t end = i + 1 < b->batch ? offsets[i + 1] : b->buf.size;
        b->events[i].bytes = hin_view_of(b->buf.data + offsets[i], end - offsets[i]);
    }
    b->build_seconds += cpu_seconds() - begin;
    return hin_ok();
}

static HIN_RESULT count_event(void *context, const struct hin_store_event *event)
{
    (void)event;
    (*(size_t *)context)++;
    return hin_ok();
}

static int compare(const void *one, const void *other)
{
    double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

/* since_usec 0: of all times. */
static HIN_RESULT measure_search(struct bench *b, const char *name, const char *value,
                                 int64_t since_usec, size_t limit)
{
    struct hin_term term;
    struct hin_store_report report = {0};
    double wall[TIMES], first = 0, cpu = cpu_seconds(), server = server_seconds(b);
    size_t count = 0;
    hin_arena_reset(&b->arena);
    HIN_TRY(hin_term_parse(hin_view_from_text(name), hin_view_from_text(value), &b->arena, &term));
    struct hin_store_filter filter = {.terms = &term,
                                      .term_count = 1,
                                      .limit = limit,
                                      .since_usec = since_usec,
                                      .descending = true};
    for (size_t i = 0; i < TIMES; i++) {
        double begin = wall_seconds();
        count = 0;
        HIN_TRY(hin_store_search(b->store, &filter, count_event, &count, &report));
        wall[i] = (wall_seconds() - begin) * 1e3;
        first = i == 0 ? wall[i] : first;
    }
    qsort(wall, TIMES, sizeof(*wall), compare);
    printf("  %s=%s%s: %zu found, %llu segments opened, %llu passed over; first %.1f ms, median "
           "%.1f (%.1f to %.1f); CPU here %.2f ms, of the server %.1f\n",
           name, value, since_usec != 0 ? ", last day" : "", count,
           (unsigned long long)report.segments_opened,
           (unsigned long long)report.segments_passed_over, first, wall[TIMES / 2], wall[0],
           wall[TIMES - 1], (cpu_seconds() - cpu) * 1e3 / TIMES,
           (server_seconds(b) - server) * 1e3 / TIMES);
    return hin_ok();
}

static HIN_RESULT measure_searches(struct bench *b, size_t stored)
{
    int64_t day_usec = START_USEC + (int64_t)stored * b->apart_usec - HIN_DAY_USEC;
    HIN_TRY(measure_search(b, "src_ip", "10.0.1.7", 0, 0));
    HIN_TRY(measure_search(b, "user", "nobody", 0, 0));
    HIN_TRY(measure_search(b, "user", "user42", 0, 0));
    HIN_TRY(measure_search(b, "user", "user42", 0, 10));
    HIN_TRY(measure_search(b, "user", "nobody", day_usec, 0));
    HIN_TRY(measure_search(b, "user", "user42", day_usec, 0));
    return measure_search(b, "rule", "5716", 0, 100);
}

static HIN_RESULT report(struct bench *b, size_t stored, double wall)
{
    struct hin_store_stats stats;
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    HIN_TRY(hin_store_stats(b->store, &stats));
    printf("%zu events: store %.2f us CPU an event (%.0f a CPU-second), tokens %.2f us; wall %.0f "
           "a second; "
           "%llu segments, %llu sheaves, %.1f B an event on disk; peak %ld KiB\n",
           stored, b->commit_seconds * 1e6 / (double)stored, (double)stored / b->commit_seconds,
           b->token_seconds * 1e6 / (double)stored, (double)stored / wall,
           (unsigned long long)stats.segments, (unsigned long long)stats.sheaves,
           (double)stats.bytes / (double)stored, usage.ru_maxrss);
    if (b->server_folder != NULL) {
        printf("  with the database's processes: %.2f us CPU an event\n",
               (b->commit_seconds + b->server_seconds) * 1e6 / (double)stored);
    }
    return measure_searches(b, stored);
}

/* Of findings and of agents' states, on the day after the last. */
static HIN_RESULT measure_round(struct bench *b, const char *what, uint32_t finding_days,
                                uint32_t state_days)
{
    struct hin_retention keep = {{0}};
    struct hin_retention_round round = {0};
    struct hin_retention_due due;
    struct hin_retained done;
    struct hin_store_stats stats;
    int64_t now_usec = START_USEC + b->days * HIN_DAY_USEC;
    keep.keep_days[HIN_MODULE_LOG_INSPECTION] = finding_days;
    keep.keep_days[HIN_MODULE_AGENT] = state_days;
    double begin = wall_seconds();
    HIN_TRY(hin_store_retention_due(b->store, now_usec, &keep, &due));
    double looked = wall_seconds(), cpu = cpu_seconds(), server = server_seconds(b);
    HIN_TRY(hin_store_retain(b->store, now_usec, &keep, 0, &round, &done));
    double wall = wall_seconds() - looked;
    cpu = cpu_seconds() - cpu + server_seconds(b) - server;
    HIN_TRY(hin_store_stats(b->store, &stats));
    printf("  %s: foretold %llu at most in %.1f ms; %llu events went, %llu segments whole, %llu "
           "made anew; %.1f ms, %.1f ms CPU; %.0f MB on disk\n",
           what, (unsigned long long)due.events, (looked - begin) * 1e3,
           (unsigned long long)done.events, (unsigned long long)done.segments_dropped,
           (unsigned long long)done.segments_rewritten, wall * 1e3, cpu * 1e3,
           (double)stats.bytes / 1e6);
    return hin_ok();
}

static HIN_RESULT measure_retention(struct bench *b)
{
    uint32_t days = (uint32_t)b->days;
    if (days < 4) {
        return hin_ok();
    }
    printf("retention, on day %u:\n", days);
    HIN_TRY(measure_round(b, "nothing is over", 2 * days, days));
    HIN_TRY(measure_round(b, "again", 2 * days, days));
    HIN_TRY(measure_round(b, "states of half the days", 2 * days, days / 2));
    HIN_TRY(measure_round(b, "again", 2 * days, days / 2));
    HIN_TRY(measure_round(b, "and all else of a quarter", days * 3 / 4, days / 2));
    return measure_round(b, "again", days * 3 / 4, days / 2);
}

/* At 100,000 events, a million, ten, ..., and at the end. */
static bool is_due(const struct bench *b, size_t stored, size_t total)
{
    bool due = stored >= total;
    for (size_t mark = 100000; !due && mark <= stored; mark *= 10) {
        due = stored - b->batch < mark;
    }
    return due;
}

static HIN_RESULT run(struct bench *b, const char *folder, size_t total)
{
    HIN_TRY(open_store(b, folder));
    double begin = wall_seconds(), paused = 0, server = server_seconds(b);
    for (size_t stored = 0; stored < total;) {
        HIN_TRY(prepare_batch(b, stored));
        double cpu = cpu_seconds();
        struct hin_store_committed committed;
        int64_t now_usec = START_USEC + (int64_t)(stored * (size_t)b->days / total) * HIN_DAY_USEC;
        HIN_TRY(hin_store_commit(b->store, b->events, b->batch, NULL, 0, now_usec, &committed));
        b->commit_seconds += cpu_seconds() - cpu;
        stored += b->batch;
        if (is_due(b, stored, total)) {
            double pause = wall_seconds();
            b->server_seconds += server_seconds(b) - server;
            HIN_TRY(report(b, stored, wall_seconds() - begin - paused));
            paused += wall_seconds() - pause;
            server = server_seconds(b);
        }
    }
    return measure_retention(b);
}

int main(int argc, char **argv)
{
    static struct bench b;
    const char *folder = argc > 1 ? argv[1] : "/tmp/hinomi-bench-store";
    size_t total = argc > 2 ? (size_t)strtoul(argv[2], NULL, 10) : 1000000;
    b.batch = argc > 3 ? (size_t)strtoul(argv[3], NULL, 10) : 2000;
    b.server_folder = argc > 4 && argv[4][0] != '\0' ? argv[4] : NULL;
    b.days = argc > 5 ? (int64_t)strtoul(argv[5], NULL, 10) : 100;
    b.apart_usec = total > 0 ? b.days * HIN_DAY_USEC / (int64_t)total : 0;
    if (b.batch == 0 || b.batch > 65536 || b.days == 0 || b.apart_usec == 0) {
        return 2;
    }
    b.events = calloc(b.batch, sizeof(*b.events));
    b.tokens = calloc(b.batch, sizeof(*b.tokens));
    hin_buf_init(&b.buf, 256u << 20);
    hin_arena_init(&b.arena, 16u << 20);
    setvbuf(stdout, NULL, _IOLBF, 0);
    struct hin_result result =
        b.events != NULL && b.tokens != NULL ? run(&b, folder, total) : hin_fail(HIN_NO_MEMORY);
    if (!hin_is_ok(result)) {
        fprintf(stderr, "bench_store: %s\n", hin_code_text(result.code));
    }
    hin_store_close(b.store);
    return hin_is_ok(result) ? 0 : 1;
}
