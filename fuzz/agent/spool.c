/* The spool as a sequence of operations, two bytes each: append, sync, acknowledge, read, restart,
 * damage a file, add rubbish to a file. Whatever happens, what is read is well-formed, numbered
 * without gaps, and nothing that was not written. */
#include "agent/spool.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "../scratch.h"
#include "base/bytes.h"
#include "base/codec.h"
#include "wire/batch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct life {
    int folder;
    struct hin_secret key;
    struct hin_sealer *sealer;
    struct hin_spool *spool;
    uint64_t number;
    uint8_t origin[HIN_SPOOL_ORIGIN_BYTES];
};

static HIN_RESULT unwrap(void *context, const uint8_t *key_id, struct hin_view wrapped,
                         struct hin_secret *ret_key)
{
    HIN_ENSURE(wrapped.size == HIN_SEAL_KEY_BYTES, AUTH);
    return hin_secret_from(ret_key, wrapped);
}

static void life_begin(struct life *life)
{
    uint8_t key_id[HIN_SEAL_KEY_ID_BYTES];
    scratch_require(hin_is_ok(hin_random(key_id, sizeof(key_id))) &&
                    hin_is_ok(hin_random(life->origin, sizeof(life->origin))) &&
                    hin_is_ok(hin_secret_random(&life->key, HIN_SEAL_KEY_BYTES)) &&
                    hin_is_ok(hin_sealer_new(&life->sealer, key_id, &life->key)));
    struct hin_spool_options options = {.folder = life->folder,
                                        .max_bytes = 1 << 16,
                                        .tenant = HIN_VIEW("tenant"),
                                        .agent = HIN_VIEW("agent"),
                                        .sealer = life->sealer,
                                        .wrapped_key = hin_secret_view(&life->key),
                                        .unwrap = unwrap};
    scratch_require(hin_is_ok(hin_spool_open(&life->spool, &options)));
    life->number = 0;
}

static void life_end(struct life *life)
{
    hin_spool_free(life->spool);
    hin_sealer_free(life->sealer);
    hin_secret_done(&life->key);
}

static void append(struct life *life, uint8_t how)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf events = {.max = 1 << 20};
    uint8_t positions[10] = {(uint8_t)(how & 3), 0, 0, 0, 0, 0, 0, 0, 1, how};
    uint8_t text[1 + 31 * 64];
    hin_fill(text, 'x', sizeof(text));
    for (uint32_t i = 0; i < (how & 3U); i++) {
        struct hin_wire_record record = {.generation = 1,
                                         .offset = life->number,
                                         .finding = i,
                                         .event = hin_view_of(text, 1 + (how >> 3) * (size_t)64)};
        scratch_require(hin_is_ok(hin_wire_record_write(&events, &record)));
    }
    struct hin_spool_commit commit = {.number = life->number + 1,
                                      .monotonic_usec = 1,
                                      .wall_usec = 2,
                                      .event_count = how & 3U,
                                      .events = hin_buf_view(&events),
                                      .position_count = 1,
                                      .positions = hin_view_of(positions, how & 4 ? 10 : 9)};
    hin_copy(commit.origin, life->origin, sizeof(commit.origin));
    life->number += hin_is_ok(hin_spool_append(life->spool, &commit));
}

/* XOR a byte of a file, cut it, or write behind it. */
static void damage(struct life *life, uint8_t how)
{
    DIR *files = fdopendir(dup(life->folder));
    scratch_require(files != NULL);
    rewinddir(files);
    for (struct dirent *entry = readdir(files); entry != NULL; entry = readdir(files)) {
        int fd = -1;
        struct stat info;
        uint8_t byte = 0;
        if (entry->d_name[0] == '.' ||
            !hin_is_ok(hin_fd_open(life->folder, entry->d_name, O_RDWR | O_CLOEXEC, 0, &fd)) ||
            fstat(fd, &info) != 0) {
            hin_fd_close(&fd);
            continue;
        }
        off_t at = info.st_size * (how >> 2) / 64;
        if ((how & 3) == 0) {
            scratch_require(ftruncate(fd, at) == 0);
        } else if ((how & 3) == 1) {
            scratch_require(pwrite(fd, "HJR\1\377\377\0\0 rubbish", 16, info.st_size) == 16);
        } else if (pread(fd, &byte, 1, at) == 1) {
            byte ^= (uint8_t)(1 << (how >> 2 & 7));
            scratch_require(pwrite(fd, &byte, 1, at) == 1);
        }
        hin_fd_close(&fd);
    }
    closedir(files);
}

static void read_all(struct life *life)
{
    struct hin_spool_stats stats;
    hin_spool_stats(life->spool, &stats);
    uint64_t from = stats.first;
    while (true) {
        HIN_CLEANUP(hin_buf_done) struct hin_buf out = {.max = 1 << 20};
        uint64_t first = 0;
        uint32_t count = 0;
        if (!hin_is_ok(hin_spool_read(life->spool, from, 4096, 16, &out, &first, &count))) {
            return;
        }
        scratch_require(count > 0 && first >= from && first + count - 1 <= stats.durable);
        struct hin_reader reader = hin_reader_of(hin_buf_view(&out));
        struct hin_wire_record record;
        for (uint32_t i = 0; i < count; i++) {
            scratch_require(hin_is_ok(hin_wire_record_read(&reader, &record)));
            scratch_require(record.event.size > 0 && record.event.data[0] == 'x');
        }
        scratch_require(reader.rest.size == 0);
        from = first + count;
    }
}

static void step(struct life *life, uint8_t verb, uint8_t how)
{
    struct hin_spool_stats stats;
    switch (verb % 7) {
    case 0:
    case 1:
        append(life, how);
        break;
    case 2:
        HIN_IGNORE(hin_spool_sync(life->spool));
        break;
    case 3:
        hin_spool_stats(life->spool, &stats);
        hin_spool_acknowledge(life->spool, stats.first + how % 8);
        break;
    case 4:
        read_all(life);
        break;
    case 5:
        life_end(life);
        life_begin(life);
        break;
    default:
        HIN_IGNORE(hin_spool_sync(life->spool));
        life_end(life);
        damage(life, how);
        life_begin(life);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct life life = {.folder = -1};
    char path[HIN_PATH_MAX];
    scratch_require(hin_is_ok(hin_path_join(path, sizeof(path), scratch_folder(), "spool")) &&
                    hin_is_ok(hin_directory_make(path, 0700)) &&
                    hin_is_ok(hin_fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0,
                                          &life.folder)));
    if (size > 0 && data[0] == 'H') {
        int fd = -1;
        scratch_require(hin_is_ok(hin_fd_open(life.folder, "0000000000000001-0000.spool",
                                              O_WRONLY | O_CREAT | O_CLOEXEC, 0600, &fd)) &&
                        hin_is_ok(hin_fd_write_all(fd, hin_view_of(data, size))));
        hin_fd_close(&fd);
    }
    life_begin(&life);
    for (size_t at = 0; at + 2 <= size && at < 200; at += 2) {
        step(&life, data[at], data[at + 1]);
    }
    read_all(&life);
    life_end(&life);
    hin_fd_close(&life.folder);
    HIN_IGNORE(hin_directory_remove(path));
    return 0;
}
