/* Backups to a folder: megabytes of sealed bytes a second, what a second one with nothing new
 * costs, reading back, restoring, and how much slower events are taken in meanwhile, when nothing
 * gives way (backup.sh measures the processes, which do). Usage:
 * bench_backup [FOLDER] [EVENTS] [SERVER] [TIMES]: what is restored goes into SQLite in FOLDER and
 * (SERVER is not empty) into PostgreSQL where `tools/postgres start SERVER` runs one, whose CPU
 * then counts too; TIMES: so often each, and nothing else after it. Everything is made durable. */
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "backup/backup.h"
#include "base/bytes.h"
#include "base/fd.h"
#include "event/codec.h"
#include "keys/ring.h"
#include "processes.h"
#include "store/events.h"
#include "store/server.h"

#define START_USEC INT64_C(1795386286000000)
enum { BATCH = 1000, LIVE_BATCH = 200, LIVE_SECONDS = 5, LATENCIES = 100000 };

struct server { /* none: folder is NULL */
    const char *folder;
    struct hin_store_server address;
    pid_t pid;
};

struct side { /* one handle on a store, with keys */
    struct hin_store *store;
    struct hin_sealer *sealer;
    struct hin_opener *opener;
    struct hin_index *index;
};

struct bench {
    char folder[512];
    struct hin_ring *ring;
    struct hin_vault *vault;
    struct hin_vault_options options;
    int vault_fd;
    struct side source;
    struct hin_depot *depot;
    struct hin_backup backup;
    struct server server;
};

static double seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static HIN_RESULT give_sealer(void *context, struct hin_sealer **ret_sealer)
{
    *ret_sealer = ((struct side *)context)->sealer;
    return hin_ok();
}

static HIN_RESULT open_key(void *context, struct hin_view tenant, struct hin_view payload,
                           struct hin_vault_data_key *ret_key)
{
    return hin_vault_backup_open(((struct bench *)context)->vault, tenant, payload, ret_key);
}

static HIN_RESULT side_open(struct side *side, const char *folder, uint8_t number,
                            const struct hin_store_server *server)
{
    uint8_t ids[2][HIN_SEAL_KEY_ID_BYTES] = {{1}, {2}};
    int directory = -1;
    HIN_TRY(hin_directory_make(folder, 0700));
    HIN_TRY(hin_fd_open(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY, 0, &directory));
    HIN_TRY(hin_opener_new(&side->opener, NULL, 4));
    for (int i = 0; i < 2; i++) { /* fixed keys: two handles on one store open each other's */
        HIN_CLEANUP(hin_secret_done) struct hin_secret key = {0};
        HIN_TRY(hin_secret_new(&key, HIN_SEAL_KEY_BYTES));
        key.data[0] = (uint8_t)(i + 1);
        HIN_TRY(hin_opener_add(side->opener, ids[i], &key));
        if (i == number) {
            HIN_TRY(hin_sealer_new(&side->sealer, ids[i], &key));
        }
        if (i == 0) {
            HIN_TRY(hin_index_new(&side->index, &key));
        }
    }
    struct hin_store_options options = {
        .directory = directory, .tenant = "t0", .create = true, .server = server};
    struct hin_store_keys keys = {give_sealer, side, side->opener, side->index, NULL};
    HIN_TRY(hin_store_open(&side->store, &options, NULL));
    struct hin_result put =
        hin_store_key_put(side->store, ids[number], 1, HIN_VIEW("bench"), START_USEC);
    HIN_ENSURE(hin_is_ok(put) || put.code == HIN_EXISTS, IO); /* of an earlier round */
    return hin_store_unlock(side->store, &keys);
}

static void side_close(struct side *side)
{
    hin_store_close(side->store);
    hin_sealer_free(side->sealer);
    hin_opener_free(side->opener);
    hin_index_free(side->index);
}

/* --- events --- */

struct batch {
    struct hin_store_event events[BATCH];
    uint64_t tokens[BATCH][32];
    struct hin_arena arena;
};

static HIN_RESULT make_event(struct side *side, struct batch *batch, size_t at, size_t number)
{
    struct hin_event event;
    struct hin_view text;
    char noise[129];
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = HIN_EVENT_MAX_BYTES};
    struct hin_store_event *to = &batch->events[at];
    uint8_t random_bytes[64];
    HIN_TRY(hin_random(random_bytes, sizeof(random_bytes)));
    hin_hex(random_bytes, sizeof(random_bytes), noise); /* what no compressor takes away */
    int64_t time_usec = START_USEC + (int64_t)number;
    hin_event_init_finding(&event, &batch->arena, time_usec, time_usec, 5716, 5);
    HIN_TRY(hin_arena_printf(&batch->arena, &text, "user%zu", number % 20000));
    HIN_TRY(hin_event_set_text(&event, HIN_FIELD_USER, text));
    HIN_TRY(hin_arena_printf(&batch->arena, &text, "sshd[%zu]: Failed password: %s", number % 30000,
                             noise));
    HIN_TRY(hin_event_set_text(&event, HIN_FIELD_RAW, text));
    HIN_TRY(hin_event_encode(&event, &bytes));
    HIN_TRY(hin_arena_copy(&batch->arena, hin_buf_view(&bytes), &to->bytes));
    *to = (struct hin_store_event){
        .bytes = to->bytes,
        .tokens = batch->tokens[at],
        .time_usec = time_usec,
        .computer_id = 1 + (int64_t)(number % 50),
        .class_uid = 2004,
        .severity_id = 2,
        .identity = {.agent = 1 + (int64_t)(number % 50), .generation = 7, .offset = number * 100}};
    return hin_store_tokens(side->index, &event, &batch->arena, batch->tokens[at],
                            &to->token_count);
}

static HIN_RESULT commit(struct side *side, struct batch *batch, size_t first, size_t count)
{
    struct hin_store_committed committed;
    hin_arena_reset(&batch->arena);
    for (size_t i = 0; i < count; i++) {
        HIN_TRY(make_event(side, batch, i, first + i));
    }
    return hin_store_commit(side->store, batch->events, count, NULL, 0,
                            START_USEC + (int64_t)(first / 1000), &committed);
}

static HIN_RESULT fill(struct side *side, size_t from, size_t until)
{
    struct batch *batch = calloc(1, sizeof(*batch));
    HIN_ENSURE(batch != NULL, NO_MEMORY);
    hin_arena_init(&batch->arena, 64 << 20);
    struct hin_result filled = hin_ok();
    for (size_t at = from; hin_is_ok(filled) && at < until; at += BATCH) {
        filled = commit(side, batch, at, BATCH);
    }
    hin_arena_done(&batch->arena);
    free(batch);
    return filled;
}

/* --- backups --- */

static HIN_RESULT begin(struct bench *b, const char *folder)
{
    char path[600];
    snprintf(b->folder, sizeof(b->folder), "%s", folder);
    HIN_TRY(hin_directory_remove(folder));
    HIN_TRY(hin_directory_make(folder, 0700));
    snprintf(path, sizeof(path), "%s/vault", folder);
    HIN_TRY(hin_directory_make(path, 0700));
    HIN_TRY(hin_fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, &b->vault_fd));
    snprintf(path, sizeof(path), "%s/ring", folder);
    HIN_TRY(hin_ring_create(AT_FDCWD, path, NULL, NULL));
    HIN_TRY(hin_ring_open(&b->ring, AT_FDCWD, path, NULL, NULL));
    b->options = (struct hin_vault_options){.provider = hin_ring_provider(b->ring),
                                            .storage = hin_vault_storage_folder(&b->vault_fd)};
    HIN_TRY(hin_vault_create(&b->vault, &b->options, "bench"));
    HIN_TRY(hin_vault_tenant_create(b->vault, HIN_VIEW("t0")));
    snprintf(path, sizeof(path), "%s/db", folder);
    HIN_TRY(side_open(&b->source, path, 0, NULL));
    snprintf(path, sizeof(path), "%s/depot", folder);
    HIN_TRY(hin_directory_make(path, 0700));
    snprintf(path, sizeof(path), "file://%s/depot", folder);
    struct hin_depot_options options = {.url = path, .directory = -1};
    HIN_TRY(hin_depot_open(&b->depot, &options, NULL));
    b->backup = (struct hin_backup){.depot = b->depot,
                                    .tenant = "t0",
                                    .open_key = open_key,
                                    .key_context = b,
                                    .read_ahead = true};
    return hin_ok();
}

static HIN_RESULT take(struct bench *b, int64_t begun, const struct hin_backup_manifest *former,
                       struct hin_backup_manifest *manifest)
{
    struct hin_vault_data_key key;
    bool changed = false;
    hin_backup_manifest_init(manifest);
    manifest->begun_usec = begun;
    HIN_TRY(hin_vault_backup_new(b->vault, HIN_VIEW("t0"), 0, &key, &manifest->payload));
    struct hin_backup_take taking = {
        .store = b->source.store, .former = former, .key = &key, .now_usec = begun};
    b->backup.progress = (struct hin_backup_progress){0};
    struct hin_result taken = hin_backup_take(&b->backup, &taking, manifest, &changed);
    hin_secret_done(&key.key);
    return taken;
}

static void tell(const char *what, uint64_t bytes, double wall, double cpu)
{
    printf("%-34s %8.1f MB, %6.2f s, %7.1f MB/s, %5.2f CPU-s, %.0f MB per CPU-second\n", what,
           (double)bytes / 1e6, wall, (double)bytes / 1e6 / wall, cpu, (double)bytes / 1e6 / cpu);
    (void)fflush(stdout);
}

#define MEASURE(what, expression, bytes)                                                           \
    do {                                                                                           \
        double wall_ = seconds(CLOCK_MONOTONIC), cpu_ = seconds(CLOCK_PROCESS_CPUTIME_ID);         \
        HIN_TRY(expression);                                                                       \
        tell((what), (bytes), seconds(CLOCK_MONOTONIC) - wall_,                                    \
             seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu_);                                            \
    } while (0)

/* It is read from the disk then. */
static int forget_pages(const char *path, const struct stat *about, int type, struct FTW *at)
{
    (void)about, (void)at;
    HIN_CLEANUP_FD int fd = type == FTW_F ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    return fd < 0 || (fsync(fd) == 0 && posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0) ? 0 : -1;
}

static HIN_RESULT forget_depot(const struct bench *b)
{
    char path[600];
    snprintf(path, sizeof(path), "%s/depot", b->folder);
    HIN_ENSURE(nftw(path, forget_pages, 16, FTW_PHYS) == 0, IO);
    snprintf(path, sizeof(path), "%s/restored", b->folder);
    return hin_directory_remove(path);
}

static HIN_RESULT restore(struct bench *b, const struct hin_backup_manifest *manifest,
                          const struct hin_store_server *server)
{
    struct side target = {0};
    char path[600];
    snprintf(path, sizeof(path), "%s/restored", b->folder);
    HIN_TRY(side_open(&target, path, 1, server));
    struct hin_result restored = hin_backup_restore(&b->backup, manifest, target.store);
    side_close(&target);
    return restored;
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

static HIN_RESULT find_server(struct server *server)
{
    char url[1024], password[128], pid[32];
    HIN_TRY(read_line(server->folder, "socket.url", url, sizeof(url)));
    HIN_TRY(read_line(server->folder, "password", password, sizeof(password)));
    HIN_TRY(read_line(server->folder, "data/postmaster.pid", pid, sizeof(pid)));
    HIN_TRY(hin_store_server_parse(url, &server->address, NULL));
    server->pid = (pid_t)strtol(pid, NULL, 10);
    return hin_secret_from(&server->address.password, hin_view_from_text(password));
}

static double server_seconds(const struct server *server)
{
    struct bench_cost cost = {0};
    return bench_cost_of(server->pid, &cost) ? cost.cpu_seconds : 0;
}

static HIN_RESULT erase_restored(const struct bench *b)
{
    struct hin_store_options options = {
        .directory = b->vault_fd, .tenant = "t0", .server = &b->server.address};
    struct hin_error error;
    bool done = false;
    while (!done) {
        HIN_TRY(hin_store_erase(&options, &done, &error));
    }
    return hin_ok();
}

/* Into PostgreSQL, with the CPU of its processes. */
static HIN_RESULT restore_to_server(struct bench *b, const struct hin_backup_manifest *manifest)
{
    HIN_TRY(erase_restored(b));
    HIN_TRY(forget_depot(b));
    double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    double server = server_seconds(&b->server);
    HIN_TRY(restore(b, manifest, &b->server.address));
    wall = seconds(CLOCK_MONOTONIC) - wall;
    cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    (void)nanosleep(&(struct timespec){.tv_sec = 1}, NULL); /* until the last of them was reaped */
    server = server_seconds(&b->server) - server;
    tell("restored into PostgreSQL", hin_backup_bytes(manifest), wall, cpu + server);
    printf("%-34s %8.2f CPU-s here, %.2f of the server\n", "", cpu, server);
    return hin_ok();
}

static HIN_RESULT restore_all(struct bench *b, const struct hin_backup_manifest *manifest,
                              long times)
{
    for (long i = 0; i < times; i++) {
        HIN_TRY(forget_depot(b));
        MEASURE("restored (bar 300 MB/s)", restore(b, manifest, NULL), hin_backup_bytes(manifest));
    }
    for (long i = 0; b->server.folder != NULL && i < times; i++) {
        HIN_TRY(restore_to_server(b, manifest));
    }
    return hin_ok();
}

/* --- events meanwhile --- */

struct live {
    const struct bench *bench;
    size_t next;
    atomic_bool stop;
    size_t commits;
    double latencies[LATENCIES];
    struct hin_result result;
};

static void *take_in(void *context)
{
    struct live *live = context;
    struct side side = {0};
    char path[600];
    struct batch *batch = calloc(1, sizeof(*batch));
    snprintf(path, sizeof(path), "%s/db", live->bench->folder);
    live->result = batch != NULL ? side_open(&side, path, 1, NULL) : hin_fail(HIN_NO_MEMORY);
    if (batch != NULL) {
        hin_arena_init(&batch->arena, 64 << 20);
    }
    while (hin_is_ok(live->result) && !atomic_load(&live->stop) && live->commits < LATENCIES) {
        double begin = seconds(CLOCK_MONOTONIC);
        live->result = commit(&side, batch, live->next, LIVE_BATCH);
        live->latencies[live->commits++] = seconds(CLOCK_MONOTONIC) - begin;
        live->next += LIVE_BATCH;
    }
    if (batch != NULL) {
        hin_arena_done(&batch->arena);
    }
    free(batch);
    side_close(&side);
    return NULL;
}

static int by_size(const void *a, const void *b)
{
    double one = *(const double *)a, other = *(const double *)b;
    return one < other ? -1 : one > other;
}

/* Events for so many seconds, with backups one after the other or without; *next goes on. */
static HIN_RESULT measure_live(struct bench *b, bool with, size_t *next, int64_t *begun)
{
    pthread_t thread;
    struct live *live = calloc(1, sizeof(*live));
    struct timespec nap = {.tv_sec = LIVE_SECONDS};
    HIN_ENSURE(live != NULL, NO_MEMORY);
    live->bench = b;
    live->next = *next;
    double since = seconds(CLOCK_MONOTONIC);
    HIN_ENSURE(pthread_create(&thread, NULL, take_in, live) == 0, NO_MEMORY);
    struct hin_result taken = hin_ok();
    uint64_t bytes = 0;
    while (with && hin_is_ok(taken) && seconds(CLOCK_MONOTONIC) - since < LIVE_SECONDS) {
        struct hin_backup_manifest manifest;
        taken = take(b, ++*begun, NULL, &manifest); /* nothing known: all is read and compared */
        bytes += b->backup.progress.bytes;
        hin_backup_manifest_done(&manifest);
    }
    if (!with) {
        (void)nanosleep(&nap, NULL);
    }
    double wall = seconds(CLOCK_MONOTONIC) - since;
    atomic_store(&live->stop, true);
    (void)pthread_join(thread, NULL);
    qsort(live->latencies, live->commits, sizeof(double), by_size);
    printf("%-34s %8.0f events/s, commit p99 %.1f ms, %.0f MB backed up\n",
           with ? "events taken in, with backups" : "events taken in, without",
           (double)(live->commits * LIVE_BATCH) / wall,
           live->commits > 0 ? live->latencies[live->commits * 99 / 100] * 1e3 : 0.0,
           (double)bytes / 1e6);
    *next = live->next;
    struct hin_result result = live->result;
    free(live);
    HIN_TRY(taken);
    return result;
}

static HIN_RESULT run(struct bench *b, const char *folder, size_t events, long times)
{
    struct hin_backup_manifest first, second, third;
    struct hin_backup_verdict verdict;
    int64_t begun = START_USEC;
    size_t next = events + events / 100;
    HIN_TRY(begin(b, folder));
    HIN_TRY(fill(&b->source, 0, events));
    MEASURE("backup of all (bar 200 MB/s)", take(b, ++begun, NULL, &first),
            hin_backup_bytes(&first));
    printf("%-34s %8zu segments, %zu pieces\n", "", first.segment_count, first.piece_count);
    MEASURE("another, with nothing new", take(b, ++begun, &first, &second),
            b->backup.progress.bytes);
    HIN_TRY(fill(&b->source, events, next));
    MEASURE("another, with 1 % more events", take(b, ++begun, &second, &third),
            b->backup.progress.bytes);
    MEASURE("read back", hin_backup_check(&b->backup, &third, &verdict), verdict.bytes);
    HIN_ENSURE(verdict.damaged + verdict.missing == 0, CORRUPT);
    HIN_TRY(restore_all(b, &third, times > 0 ? times : 1));
    hin_backup_manifest_done(&first);
    hin_backup_manifest_done(&second);
    hin_backup_manifest_done(&third);
    if (times > 0) {
        return hin_ok();
    }
    HIN_TRY(measure_live(b, false, &next, &begun));
    return measure_live(b, true, &next, &begun);
}

int main(int argc, char **argv)
{
    static struct bench b = {.vault_fd = -1};
    const char *folder = argc > 1 ? argv[1] : "/tmp/bench_backup";
    size_t events = argc > 2 ? strtoul(argv[2], NULL, 10) : 1000000;
    b.server.folder = argc > 3 && argv[3][0] != '\0' ? argv[3] : NULL;
    long times = argc > 4 ? strtol(argv[4], NULL, 10) : 0;
    struct hin_result done = b.server.folder != NULL ? find_server(&b.server) : hin_ok();
    if (hin_is_ok(done)) {
        done = run(&b, folder, events / BATCH * BATCH, times);
    }
    if (!hin_is_ok(done)) {
        fprintf(stderr, "bench_backup: %s %s\n", hin_code_text(done.code), b.backup.error.text);
    }
    HIN_IGNORE(hin_directory_remove(folder)); /* it is the benchmark's own */
    return hin_is_ok(done) ? 0 : 1;
}
