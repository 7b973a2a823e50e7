#include "agent/spool.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "base/fd.h"
#include "base/path.h"
#include "harness.h"
#include "wire/batch.h"

/* One life of a process with a spool: its own data key, "wrapped" as it is. */
struct life {
    int folder;
    struct hin_secret key;
    struct hin_buf wrapped;
    struct hin_sealer *sealer;
    struct hin_spool *spool;
    uint64_t lost, corrupt;
    uint8_t origin[HIN_SPOOL_ORIGIN_BYTES];
    uint64_t number;
};

static HIN_RESULT unwrap(void *context, const uint8_t *key_id, struct hin_view wrapped,
                         struct hin_secret *ret_key)
{
    (void)context;
    (void)key_id;
    return hin_secret_from(ret_key, wrapped);
}

static void on_lost(void *context, uint64_t count, const char *why)
{
    (void)why;
    ((struct life *)context)->lost += count;
}

static void on_corrupt(void *context, const char *file, uint64_t offset, uint64_t end)
{
    (void)file;
    (void)offset;
    (void)end;
    ((struct life *)context)->corrupt++;
}

static HIN_RESULT life_begin(struct life *life, const char *folder, uint64_t max_bytes,
                             struct hin_journal_sink (*sink)(void *context, int *fd))
{
    uint8_t key_id[HIN_SEAL_KEY_ID_BYTES];
    *life = (struct life){.folder = -1};
    HIN_TRY(hin_fd_open(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY, 0, &life->folder));
    HIN_TRY(hin_random(key_id, sizeof(key_id)));
    HIN_TRY(hin_random(life->origin, sizeof(life->origin)));
    HIN_TRY(hin_secret_random(&life->key, HIN_SEAL_KEY_BYTES));
    hin_buf_init(&life->wrapped, 64);
    HIN_TRY(hin_buf_append(&life->wrapped, hin_secret_view(&life->key)));
    HIN_TRY(hin_sealer_new(&life->sealer, key_id, &life->key));
    struct hin_spool_options options = {
        .folder = life->folder,
        .max_bytes = max_bytes,
        .tenant = HIN_VIEW("tenant"),
        .agent = HIN_VIEW("agent"),
        .sealer = life->sealer,
        .wrapped_key = hin_buf_view(&life->wrapped),
        .unwrap = unwrap,
        .lost = on_lost,
        .corrupt = on_corrupt,
        .sink = sink,
        .context = life,
    };
    return hin_spool_open(&life->spool, &options);
}

static void life_end(struct life *life)
{
    hin_spool_free(life->spool);
    hin_sealer_free(life->sealer);
    hin_secret_done(&life->key);
    hin_buf_done(&life->wrapped);
    hin_fd_close(&life->folder);
}

static const char *folder_new(void)
{
    static char path[64][HIN_PATH_MAX];
    static int number;
    char *at = path[number % 64];
    snprintf(at, HIN_PATH_MAX, "%s/spool%d", test_folder(), number++);
    if (mkdir(at, 0700) != 0) {
        abort();
    }
    return at;
}

/* A commit of `count` events that say "NUMBER/i", and one position with the same number. */
static HIN_RESULT put_sized(struct life *life, uint64_t number, uint32_t count, size_t size)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf events = {.max = 4U << 20}, positions = {.max = 4096};
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 1U << 20};
    for (uint32_t i = 0; i < count; i++) {
        hin_buf_clear(&text);
        HIN_TRY(hin_buf_printf(&text, "%llu/%u", (unsigned long long)number, i));
        while (text.size < size) {
            HIN_TRY(hin_buf_append_byte(&text, (uint8_t)(text.size * 131 + number)));
        }
        struct hin_wire_record record = {
            .generation = 9, .offset = number, .finding = i, .event = hin_buf_view(&text)};
        HIN_TRY(hin_wire_record_write(&events, &record));
    }
    HIN_TRY(hin_write_u64(&positions, 77));
    HIN_TRY(hin_write_u8(&positions, 8));
    HIN_TRY(hin_write_u64(&positions, number));
    struct hin_spool_commit commit = {
        .number = number,
        .monotonic_usec = (int64_t)number,
        .wall_usec = 5,
        .event_count = count,
        .events = hin_buf_view(&events),
        .position_count = 1,
        .positions = hin_buf_view(&positions),
    };
    hin_copy(commit.origin, life->origin, sizeof(commit.origin));
    struct hin_result result = hin_spool_append(life->spool, &commit);
    hin_buf_done(&positions);
    return result;
}

static HIN_RESULT put(struct life *life, uint64_t number, uint32_t count)
{
    HIN_TRY(put_sized(life, number, count, 0));
    return hin_spool_sync(life->spool);
}

static uint64_t position_of(struct life *life)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf out = {.max = 4096};
    uint64_t count = 0;
    if (!hin_is_ok(hin_spool_positions(life->spool, &out, &count)) || count != 1 ||
        out.size != 17) {
        return UINT64_MAX;
    }
    return hin_load_u64(out.data + 9);
}

/* Reads all from `from` and says how many there are; checks that they come without a gap. */
static uint64_t read_all(struct life *life, uint64_t from, uint32_t at_once, uint64_t *ret_first)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf out = {.max = 8U << 20};
    uint64_t total = 0, next = from;
    for (;;) {
        uint64_t first = 0;
        uint32_t count = 0;
        hin_buf_clear(&out);
        if (!hin_is_ok(
                hin_spool_read(life->spool, next, 1U << 20, at_once, &out, &first, &count))) {
            return total;
        }
        if (total == 0) {
            *ret_first = first;
        } else if (first != next) {
            return UINT64_MAX;
        }
        total += count;
        next = first + count;
    }
}

TEST(test_agent_spool__events_come_back_in_order_in_any_portion)
{
    struct life life;
    const char *folder = folder_new();
    uint64_t first = 0;
    CHECK_OK(life_begin(&life, folder, 0, NULL));
    for (uint64_t n = 1; n <= 50; n++) {
        CHECK_OK(put(&life, n, (uint32_t)(n % 7)));
    }
    uint64_t total = 50 / 7 * 21 + 1;
    CHECK_INT(read_all(&life, 1, 1000, &first), total);
    CHECK_INT(first, 1);
    CHECK_INT(read_all(&life, 1, 1, &first), total);
    CHECK_INT(read_all(&life, 1, 5, &first), total);
    CHECK_INT(read_all(&life, 100, 5, &first), total - 99);
    CHECK_INT(first, 100);
    CHECK_INT(read_all(&life, total + 1, 5, &first), 0);
    life_end(&life);
    CHECK_OK(life_begin(&life, folder, 0, NULL));
    CHECK_INT(read_all(&life, 1, 3, &first), total);
    CHECK_INT(position_of(&life), 50);
    struct hin_spool_stats stats;
    hin_spool_stats(life.spool, &stats);
    CHECK_INT(stats.last, total);
    CHECK_INT(stats.monotonic_usec, 50);
    CHECK_OK(put(&life, 1, 1));
    CHECK_INT(read_all(&life, 1, 1000, &first), total + 1);
    life_end(&life);
}

TEST(test_agent_spool__a_commit_is_kept_once)
{
    struct life life, second;
    const char *folder = folder_new();
    uint64_t first = 0;
    CHECK_OK(life_begin(&life, folder, 0, NULL));
    CHECK_OK(put(&life, 1, 3));
    CHECK_CODE(put(&life, 1, 3), EXISTS);
    CHECK_CODE(put(&life, 3, 1), CONFLICT);
    CHECK_OK(put(&life, 2, 1));
    CHECK_INT(hin_spool_last_commit(life.spool, life.origin), 2);
    CHECK_INT(read_all(&life, 1, 10, &first), 4);
    uint8_t origin[HIN_SPOOL_ORIGIN_BYTES];
    hin_copy(origin, life.origin, sizeof(origin));
    life_end(&life);
    CHECK_OK(life_begin(&second, folder, 0, NULL));
    CHECK_INT(hin_spool_last_commit(second.spool, origin), 2);
    hin_copy(second.origin, origin, sizeof(origin));
    CHECK_CODE(put(&second, 2, 1), EXISTS);
    CHECK_OK(put(&second, 3, 1));
    /* Also when every file of before is confirmed and gone. */
    hin_spool_acknowledge(second.spool, 5);
    life_end(&second);
    CHECK_OK(life_begin(&second, folder, 0, NULL));
    CHECK_INT(hin_spool_last_commit(second.spool, origin), 3);
    CHECK_INT(position_of(&second), 3);
    life_end(&second);
}

TEST(test_agent_spool__what_was_not_synced_is_not_durable)
{
    struct life life;
    const char *folder = folder_new();
    uint64_t first = 0;
    CHECK_OK(life_begin(&life, folder, 0, NULL));
    CHECK_OK(put(&life, 1, 1));
    CHECK_OK(put_sized(&life, 2, 1, 0));
    CHECK_INT(hin_spool_last_commit(life.spool, life.origin), 1);
    CHECK_INT(read_all(&life, 1, 10, &first), 1);
    life_end(&life);
    CHECK_OK(life_begin(&life, folder, 0, NULL));
    CHECK_INT(position_of(&life), 1);
    life_end(&life);
}

TEST(test_agent_spool__confirmed_files_go_and_numbers_go_on)
{
    struct life life;
    const char *folder = folder_new();
    uint64_t first = 0;
    CHECK_OK(life_begin(&life, folder, 4U << 20, NULL));
    for (uint64_t n = 1; n <= 40; n++) {
        CHECK_OK(put_sized(&life, n, 10, 9000));
        CHECK_OK(hin_spool_sync(life.spool));
    }
    struct hin_spool_stats before, after;
    hin_spool_stats(life.spool, &before);
    hin_spool_acknowledge(life.spool, 395);
    hin_spool_stats(life.spool, &after);
    CHECK(after.bytes < before.bytes / 2);
    CHECK_INT(after.first, 396);
    CHECK_INT(read_all(&life, 396, 3, &first), 5);
    life_end(&life);
    CHECK_OK(life_begin(&life, folder, 4U << 20, NULL));
    CHECK_INT(position_of(&life), 40);
    CHECK_OK(put(&life, 1, 1));
    CHECK_INT(read_all(&life, 401, 3, &first), 1);
    CHECK_INT(first, 401);
    life_end(&life);
}

/* The file that was begun last has the only positions once the older ones are gone: they stay until
 * it is on the disk. */
TEST(test_agent_spool__a_confirmation_before_the_sync_of_a_new_file_costs_no_positions)
{
    struct life life;
    const char *folder = folder_new();
    uint64_t n = 0;
    struct hin_spool_stats stats = {0};
    CHECK_OK(life_begin(&life, folder, 1U << 20, NULL));
    while (stats.bytes < (1U << 18)) { /* the first file is full */
        CHECK_OK(put_sized(&life, ++n, 1, 9000));
        CHECK_OK(hin_spool_sync(life.spool));
        hin_spool_stats(life.spool, &stats);
    }
    CHECK_OK(put_sized(&life, n + 1, 1, 0)); /* begins the second, not synced */
    hin_spool_acknowledge(life.spool, n);
    life_end(&life); /* as a kill would end it */
    CHECK_OK(life_begin(&life, folder, 1U << 20, NULL));
    CHECK_INT(position_of(&life), n);
    life_end(&life);
}

TEST(test_agent_spool__at_the_bound_the_oldest_go_and_are_counted)
{
    struct life life;
    uint64_t first = 0;
    CHECK_OK(life_begin(&life, folder_new(), 2U << 20, NULL));
    for (uint64_t n = 1; n <= 100; n++) {
        CHECK_OK(put_sized(&life, n, 10, 9000));
        CHECK_OK(hin_spool_sync(life.spool));
    }
    struct hin_spool_stats stats;
    hin_spool_stats(life.spool, &stats);
    CHECK(life.lost > 0);
    CHECK_INT(stats.lost_count, life.lost);
    CHECK(stats.bytes <= (2U << 20) + 200000);
    CHECK_INT(stats.first, life.lost + 1);
    CHECK_INT(read_all(&life, 1, 1000, &first), 1000 - life.lost);
    CHECK_INT(first, life.lost + 1);
    life_end(&life);
}

static void damage(const char *folder, uint64_t at, uint64_t from_end)
{
    char command[HIN_PATH_MAX + 64];
    snprintf(command, sizeof(command), "%s/0000000000000001-0000.spool", folder);
    int fd = open(command, O_RDWR);
    CHECK(fd >= 0);
    struct stat st;
    CHECK(fstat(fd, &st) == 0);
    if (from_end > 0) {
        CHECK(ftruncate(fd, st.st_size - (off_t)from_end) == 0);
    } else {
        uint8_t byte = 0;
        CHECK(pread(fd, &byte, 1, (off_t)at) == 1);
        byte ^= 0x40;
        CHECK(pwrite(fd, &byte, 1, (off_t)at) == 1);
    }
    close(fd);
}

TEST(test_agent_spool__a_damaged_record_costs_itself_alone)
{
    struct life life;
    const char *folder = folder_new();
    CHECK_OK(life_begin(&life, folder, 0, NULL));
    for (uint64_t n = 1; n <= 5; n++) {
        CHECK_OK(put_sized(&life, n, 1, 1000));
        CHECK_OK(hin_spool_sync(life.spool));
    }
    life_end(&life);
    damage(folder, 3200, 0);
    CHECK_OK(life_begin(&life, folder, 0, NULL));
    CHECK_INT(life.corrupt, 1);
    HIN_CLEANUP(hin_buf_done) struct hin_buf out = {.max = 1U << 20};
    uint64_t next = 1, first = 0, total = 0;
    uint32_t count = 0;
    while (hin_is_ok(hin_spool_read(life.spool, next, 1U << 20, 100, &out, &first, &count))) {
        total += count;
        next = first + count;
        hin_buf_clear(&out);
    }
    CHECK_INT(total, 4);
    CHECK_INT(next, 6);
    CHECK_INT(position_of(&life), 5);
    life_end(&life);
}

TEST(test_agent_spool__a_torn_end_is_cut)
{
    struct life life;
    const char *folder = folder_new();
    uint64_t first = 0;
    CHECK_OK(life_begin(&life, folder, 0, NULL));
    for (uint64_t n = 1; n <= 5; n++) {
        CHECK_OK(put_sized(&life, n, 1, 1000));
        CHECK_OK(hin_spool_sync(life.spool));
    }
    life_end(&life);
    damage(folder, 0, 300);
    CHECK_OK(life_begin(&life, folder, 0, NULL));
    CHECK_INT(life.corrupt, 0);
    CHECK_INT(read_all(&life, 1, 100, &first), 4);
    CHECK_OK(put(&life, 1, 1));
    CHECK_INT(read_all(&life, 1, 100, &first), 5);
    life_end(&life);
}

TEST(test_agent_spool__another_agents_files_do_not_open)
{
    struct life life;
    const char *folder = folder_new();
    CHECK_OK(life_begin(&life, folder, 0, NULL));
    CHECK_OK(put(&life, 1, 3));
    hin_spool_free(life.spool);
    struct hin_spool_options options = {
        .folder = life.folder,
        .tenant = HIN_VIEW("tenant"),
        .agent = HIN_VIEW("other"),
        .sealer = life.sealer,
        .wrapped_key = hin_buf_view(&life.wrapped),
        .unwrap = unwrap,
        .corrupt = on_corrupt,
        .context = &life,
    };
    CHECK_OK(hin_spool_open(&life.spool, &options));
    struct hin_spool_stats stats;
    hin_spool_stats(life.spool, &stats);
    CHECK_INT(stats.last, 0);
    CHECK(life.corrupt > 0);
    life_end(&life);
}

TEST(test_agent_spool__malformed_commits_are_refused)
{
    struct life life;
    CHECK_OK(life_begin(&life, folder_new(), 0, NULL));
    struct hin_spool_commit commit = {
        .number = 1, .event_count = 1, .events = HIN_VIEW("no record")};
    CHECK_CODE(hin_spool_append(life.spool, &commit), INVALID);
    commit =
        (struct hin_spool_commit){.number = 1, .event_count = 0, .events = HIN_VIEW("left over")};
    CHECK_CODE(hin_spool_append(life.spool, &commit), INVALID);
    commit = (struct hin_spool_commit){
        .number = 1, .position_count = 2, .positions = HIN_VIEW("12345678\1x")};
    CHECK_CODE(hin_spool_append(life.spool, &commit), INVALID);
    life_end(&life);
}

/* ---- every prefix that fsync permits ---- */

#define OPS_MAX 4096

struct op {
    char file[64];
    uint8_t kind; /* 0 write, 1 sync, 2 truncate */
    struct hin_buf bytes;
    uint64_t size;
    uint64_t durable; /* sync: commits that were reported durable when it had returned */
};

static struct {
    struct op ops[OPS_MAX];
    size_t count;
    uint64_t durable;
} record;

struct recorder {
    int *fd;
    struct hin_journal_sink below;
};

static struct op *op_add(const struct recorder *recorder, uint8_t kind)
{
    char link[64], path[HIN_PATH_MAX];
    if (record.count == OPS_MAX) {
        abort();
    }
    struct op *op = &record.ops[record.count++];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", *recorder->fd);
    ssize_t size = readlink(link, path, sizeof(path) - 1);
    path[size > 0 ? size : 0] = '\0';
    *op = (struct op){.kind = kind};
    snprintf(op->file, sizeof(op->file), "%.60s", hin_path_base(path));
    hin_buf_init(&op->bytes, 8U << 20);
    return op;
}

static HIN_RESULT record_write(void *context, struct hin_view bytes)
{
    struct recorder *recorder = context;
    HIN_TRY(hin_buf_append(&op_add(recorder, 0)->bytes, bytes));
    return recorder->below.write(recorder->below.context, bytes);
}

static HIN_RESULT record_sync(void *context)
{
    struct recorder *recorder = context;
    op_add(recorder, 1);
    return recorder->below.sync(recorder->below.context);
}

static HIN_RESULT record_truncate(void *context, uint64_t size)
{
    struct recorder *recorder = context;
    op_add(recorder, 2)->size = size;
    return recorder->below.truncate(recorder->below.context, size);
}

static struct hin_journal_sink record_sink(void *context, int *fd)
{
    static struct recorder recorders[256];
    static size_t used;
    struct recorder *recorder = &recorders[used++ % 256];
    (void)context;
    *recorder = (struct recorder){fd, hin_journal_sink_fd(fd)};
    return (struct hin_journal_sink){record_write, record_sync, record_truncate, recorder};
}

/* What the disk may hold after a crash behind op `end`: everything that was synced, and of each
 * file's last writes without a sync only the first `tail` bytes. */
static void rebuild(const char *folder, size_t end, size_t tail)
{
    for (size_t i = 0; i < end; i++) {
        const struct op *op = &record.ops[i];
        char path[HIN_PATH_MAX];
        bool synced = false;
        for (size_t later = i; later < end && !synced; later++) {
            synced = record.ops[later].kind == 1 && strcmp(record.ops[later].file, op->file) == 0;
        }
        snprintf(path, sizeof(path), "%s/%s", folder, op->file);
        int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
        CHECK(fd >= 0);
        if (op->kind == 0) {
            size_t size = synced ? op->bytes.size : HIN_MIN(op->bytes.size, tail);
            CHECK_OK(hin_fd_write_all(fd, hin_view_of(op->bytes.data, size)));
        }
        close(fd);
    }
}

static uint64_t durable_before(size_t end)
{
    uint64_t durable = 0;
    for (size_t i = 0; i < end; i++) {
        durable = HIN_MAX(durable, record.ops[i].durable);
    }
    return durable;
}

TEST(test_agent_spool__every_prefix_that_fsync_permits_keeps_what_was_acknowledged)
{
    struct life life;
    uint8_t origin[HIN_SPOOL_ORIGIN_BYTES];
    CHECK_OK(life_begin(&life, folder_new(), 256U << 10, record_sink));
    hin_copy(origin, life.origin, sizeof(origin));
    for (uint64_t n = 1; n <= 60; n++) {
        CHECK_OK(put_sized(&life, n, (uint32_t)(n % 3), 1500));
        if (n % 2 == 0) {
            CHECK_OK(hin_spool_sync(life.spool));
            record.ops[record.count - 1].durable = n;
        }
    }
    CHECK_INT(life.lost, 0);
    life_end(&life);
    static const size_t tails[] = {0, 1, 31, 700, SIZE_MAX};
    for (size_t end = 0; end <= record.count; end++) {
        for (size_t t = 0; t < HIN_COUNT(tails); t++) {
            const char *folder = folder_new();
            uint64_t first = 0;
            rebuild(folder, end, tails[t]);
            CHECK_OK(life_begin(&life, folder, 256U << 10, NULL));
            uint64_t commit = hin_spool_last_commit(life.spool, origin);
            CHECK(commit >= durable_before(end));
            CHECK_INT(life.corrupt, 0);
            uint64_t events = commit / 3 * 3 + (commit % 3 == 1 ? 1 : commit % 3 == 2 ? 3 : 0);
            CHECK_INT(read_all(&life, 1, 1000, &first),
                      events); /* events and position of the same commit */
            CHECK(commit == 0 || position_of(&life) == commit);
            life_end(&life);
        }
    }
    for (size_t i = 0; i < record.count; i++) {
        hin_buf_done(&record.ops[i].bytes);
    }
}
