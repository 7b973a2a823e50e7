/* A destination by hand, for tests/integration/depots.sh:
 *   depot_try SUBJECT put NAME FILE | replace NAME FILE | get NAME | list [PREFIX] | remove NAME
 *   depot_try SUBJECT big NAME MIB       puts so much in pieces, reads it back; prints the peak of
 * its memory in KiB depot_try SUBJECT hold NAME MIB      begins, appends, says "holding" and waits:
 * to be killed depot_try SUBJECT speed NAME MIB     MB/s and CPU seconds of putting and getting
 * SUBJECT: see tests/unit/depot/subject.h. Errors: the code's name and the sentence. */
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
#include "crypt/hash.h"
#include "subject.h"

#define MIB ((size_t)1024 * 1024)

static struct hin_depot *depot;

static struct hin_result read_file(const char *path, struct hin_buf *ret_bytes)
{
    return hin_file_read(AT_FDCWD, path, ret_bytes);
}

static struct hin_result put_as(const char *name, const char *path, enum hin_depot_mode mode)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = 256 * MIB};
    HIN_TRY(read_file(path, &bytes));
    HIN_TRY(hin_depot_put(depot, name, hin_buf_view(&bytes), mode));
    return hin_depot_sync(depot);
}

static struct hin_result put(const char *name, const char *path)
{
    return put_as(name, path, HIN_DEPOT_NEW);
}

static struct hin_result replace(const char *name, const char *path)
{
    return put_as(name, path, HIN_DEPOT_REPLACE);
}

static struct hin_result get(const char *name, const char *unused)
{
    (void)unused;
    uint64_t offset = 0;
    for (;;) {
        HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = MIB};
        HIN_TRY(hin_depot_get(depot, name, offset, MIB, &bytes));
        HIN_TRY(hin_fd_write_all(STDOUT_FILENO, hin_buf_view(&bytes)));
        offset += bytes.size;
        if (bytes.size < MIB) {
            return hin_ok();
        }
    }
}

static struct hin_result print_entry(void *context, const struct hin_depot_entry *entry)
{
    (void)context;
    printf("%s %llu\n", entry->name, (unsigned long long)entry->size);
    return hin_ok();
}

static struct hin_result list(const char *prefix, const char *unused)
{
    (void)unused;
    return hin_depot_list(depot, prefix != NULL ? prefix : "", print_entry, NULL);
}

static struct hin_result remove_one(const char *name, const char *unused)
{
    (void)unused;
    return hin_depot_remove(depot, name);
}

/* Bytes that no link compresses, each MiB another. */
static struct hin_result fill(struct hin_sha256 *hash, uint8_t *piece, size_t count)
{
    uint64_t state = count * UINT64_C(0x9e3779b97f4a7c15) + 1;
    for (size_t i = 0; i + 8 <= MIB; i += 8) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        hin_store_u64(piece + i, state);
    }
    return hash != NULL ? hin_sha256_add(hash, hin_view_of(piece, MIB)) : hin_ok();
}

static struct hin_result append(struct hin_sha256 *hash, size_t count)
{
    static uint8_t piece[MIB];
    for (size_t i = 0; i < count; i++) {
        HIN_TRY(fill(hash, piece, i));
        HIN_TRY(hin_depot_append(depot, hin_view_of(piece, MIB)));
    }
    return hin_ok();
}

static struct hin_result read_back(struct hin_sha256 *hash, const char *name, uint64_t *ret_bytes)
{
    *ret_bytes = 0;
    for (;;) {
        HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = 4 * MIB};
        HIN_TRY(hin_depot_get(depot, name, *ret_bytes, 4 * MIB, &bytes));
        *ret_bytes += bytes.size;
        if (hash != NULL) {
            HIN_TRY(hin_sha256_add(hash, hin_buf_view(&bytes)));
        }
        if (bytes.size == 0) {
            return hin_ok();
        }
    }
}

static struct hin_result big(const char *name, const char *mib)
{
    HIN_CLEANUP(hin_sha256_freep) struct hin_sha256 *hash = NULL;
    uint8_t wanted[HIN_SHA256_BYTES], got[HIN_SHA256_BYTES];
    struct rusage usage;
    uint64_t bytes = 0;
    size_t count = strtoul(mib, NULL, 10);
    HIN_TRY(hin_sha256_new(&hash));
    HIN_TRY(hin_sha256_begin(hash));
    HIN_TRY(hin_depot_begin(depot, name, HIN_DEPOT_NEW));
    HIN_TRY(append(hash, count));
    HIN_TRY(hin_depot_commit(depot));
    HIN_TRY(hin_sha256_end(hash, wanted));
    HIN_TRY(hin_sha256_begin(hash));
    HIN_TRY(read_back(hash, name, &bytes));
    HIN_TRY(hin_sha256_end(hash, got));
    HIN_ENSURE(hin_view_equal(hin_view_of(wanted, sizeof(wanted)), hin_view_of(got, sizeof(got))) &&
                   bytes == count * MIB,
               CORRUPT);
    getrusage(RUSAGE_SELF, &usage);
    printf("%ld\n", usage.ru_maxrss);
    return hin_ok();
}

static struct hin_result hold(const char *name, const char *mib)
{
    HIN_TRY(hin_depot_begin(depot, name, HIN_DEPOT_REPLACE));
    HIN_TRY(append(NULL, strtoul(mib, NULL, 10)));
    printf("holding\n");
    fflush(stdout);
    for (;;) {
        pause();
    }
}

static double now(void)
{
    return (double)hin_clock_monotonic_usec(hin_clock_system()) / 1e6;
}

/* Of this process and of the ssh that it ended; that of a running one is added by the caller. */
static double cpu(void)
{
    struct rusage own, children;
    getrusage(RUSAGE_SELF, &own);
    getrusage(RUSAGE_CHILDREN, &children);
    return (double)(own.ru_utime.tv_sec + own.ru_stime.tv_sec + children.ru_utime.tv_sec +
                    children.ru_stime.tv_sec) +
           (double)(own.ru_utime.tv_usec + own.ru_stime.tv_usec + children.ru_utime.tv_usec +
                    children.ru_stime.tv_usec) /
               1e6;
}

static struct hin_result speed(const char *name, const char *mib)
{
    size_t count = strtoul(mib, NULL, 10);
    uint64_t bytes = 0;
    double begun = now(), worked = cpu();
    HIN_TRY(hin_depot_begin(depot, name, HIN_DEPOT_REPLACE));
    HIN_TRY(append(NULL, count));
    HIN_TRY(hin_depot_commit(depot));
    HIN_TRY(hin_depot_sync(depot));
    double put_s = now() - begun;
    begun = now();
    HIN_TRY(read_back(NULL, name, &bytes));
    double get_s = now() - begun;
    HIN_TRY(hin_depot_remove(depot, name));
    hin_depot_close(depot);
    depot = NULL;
    double size = (double)count * (double)MIB / 1e6;
    printf("put %.0f MB/s, get %.0f MB/s, CPU %.2f s for %.0f MB there and back\n", size / put_s,
           size / get_s, cpu() - worked, size);
    return hin_ok();
}

static const struct verb {
    const char *name;
    int least, most; /* arguments */
    bool reads;
    struct hin_result (*run)(const char *first, const char *second);
} verbs[] = {
    {"put", 2, 2, false, put},   {"replace", 2, 2, false, replace},   {"get", 1, 1, true, get},
    {"list", 0, 1, true, list},  {"remove", 1, 1, false, remove_one}, {"big", 2, 2, false, big},
    {"hold", 2, 2, false, hold}, {"speed", 2, 2, false, speed},
};

static int report(struct hin_result result, const char *text)
{
    fprintf(stderr, "%s: %s\n", hin_code_name(result.code), text);
    return 1;
}

int main(int argc, char **argv)
{
    HIN_CLEANUP(subject_done) struct subject subject = {.settings = {NULL}};
    struct hin_error error = {.code = HIN_OK};
    const struct verb *verb = NULL;
    for (size_t i = 0; argc > 2 && i < HIN_COUNT(verbs); i++) {
        if (strcmp(verbs[i].name, argv[2]) == 0 && argc - 3 >= verbs[i].least &&
            argc - 3 <= verbs[i].most) {
            verb = &verbs[i];
        }
    }
    if (verb == NULL) {
        fprintf(stderr, "usage: see the head of tests/peer/depot_try.c\n");
        return 2;
    }
    struct hin_result result = subject_read(argv[1], "", &subject);
    if (!hin_is_ok(result)) {
        return report(result, "the subject cannot be read");
    }
    subject.options.read_only = verb->reads;
    result = hin_depot_open(&depot, &subject.options, &error);
    if (!hin_is_ok(result)) {
        return report(result, error.text);
    }
    result = verb->run(argc > 3 ? argv[3] : NULL, argc > 4 ? argv[4] : NULL);
    int status =
        hin_is_ok(result) ? 0 : report(result, depot != NULL ? hin_depot_error(depot)->text : "");
    hin_depot_close(depot);
    return status;
}
