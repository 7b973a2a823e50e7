/* Sealing, all in: blind-index tokens, segments of 1,000 events, zstd-1, one AES-256-GCM seal; and
 * the parts alone. usage: bench_seal [EVENTS] */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/bytes.h"
#include "base/time.h"
#include "seal/index.h"
#include "seal/journal.h"
#include "seal/segment.h"

#define SEGMENT_EVENTS 1000
#define TOKENS         5

static double cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void show(const char *what, size_t count, double from)
{
    double seconds = cpu_seconds() - from;
    printf("%-44s %9.0f k/s per CPU-s  (%zu in %.2f CPU-s)\n", what, (double)count / seconds / 1000,
           count, seconds);
}

/* An event of about 600 bytes whose addresses, users and counters vary. */
static struct hin_view event(char *out, size_t out_bytes, size_t i)
{
    int size = snprintf(
        out, out_bytes,
        "{\"class_uid\":2004,\"time\":%zu,\"severity_id\":%zu,\"src_endpoint\":{\"ip\":\"203.0.%zu."
        "%zu\","
        "\"port\":%zu},\"actor\":{\"user\":{\"name\":\"user%zu\"}},\"finding_info\":{\"uid\":"
        "\"5716\","
        "\"title\":\"sshd: authentication failed\",\"types\":[\"syslog\",\"sshd\","
        "\"authentication_failed\"]},\"device\":{\"hostname\":\"web-%zu\"},\"metadata\":{"
        "\"product\":"
        "{\"name\":\"Hinomi\"},\"version\":\"1.8.0\"},\"raw_data\":\"Nov 22 10:%02zu:%02zu web-%zu "
        "sshd[%zu]: Failed password for user%zu from 203.0.%zu.%zu port %zu ssh2\"}",
        1800000000000 + i * 37, i % 5, i / 256 % 256, i * 7 % 256, 1024 + i * 13 % 60000, i % 97,
        i % 11, i / 60 % 60, i % 60, i % 11, 1000 + i % 30000, i % 97, i / 256 % 256, i * 7 % 256,
        1024 + i * 13 % 60000);
    return hin_view_of(out, (size_t)size);
}

struct bench {
    struct hin_secret key;
    struct hin_sealer *sealer;
    struct hin_index *index;
    struct hin_segment_builder *builder;
    struct hin_buf head, body;
};

static HIN_RESULT bench_init(struct bench *bench)
{
    uint8_t key_id[HIN_SEAL_KEY_ID_BYTES] = {1};
    hin_buf_init(&bench->head, (size_t)64 << 20);
    hin_buf_init(&bench->body, (size_t)64 << 20);
    HIN_TRY(hin_secret_random(&bench->key, HIN_SEAL_KEY_BYTES));
    HIN_TRY(hin_sealer_new(&bench->sealer, key_id, &bench->key));
    HIN_TRY(hin_index_new(&bench->index, &bench->key));
    return hin_segment_builder_new(&bench->builder, SEGMENT_EVENTS, 4 << 20);
}

static HIN_RESULT add_event(struct bench *bench, struct hin_view record, size_t i)
{
    uint64_t tokens[TOKENS];
    uint8_t value[8];
    for (uint32_t field = 0; field < TOKENS; field++) {
        hin_store_u64(value, i % (97 + field * 50));
        HIN_TRY(hin_index_token(bench->index, field, hin_view_of(value, 8), &tokens[field]));
    }
    return hin_segment_add(bench->builder, i, (int64_t)i, record, tokens, TOKENS);
}

static HIN_RESULT run_segments(struct bench *bench, const struct hin_view *records, size_t count)
{
    const struct hin_seal_place place = {HIN_VIEW("t"), HIN_VIEW("events"), HIN_VIEW_EMPTY,
                                         HIN_VIEW_EMPTY};
    size_t bytes = 0;
    double from = cpu_seconds();
    for (size_t i = 0; i < count; i++) {
        HIN_TRY(add_event(bench, records[i % SEGMENT_EVENTS], i));
        if (hin_segment_builder_count(bench->builder) == SEGMENT_EVENTS) {
            HIN_TRY(hin_segment_finish(bench->builder, bench->sealer, &place, &bench->head,
                                       &bench->body));
            bytes += bench->head.size + bench->body.size;
            hin_buf_clear(&bench->head);
            hin_buf_clear(&bench->body);
        }
    }
    show("events sealed in segments, 5 tokens each", count, from);
    printf("%-44s %9.1f\n", "bytes an event", (double)bytes / (double)count);
    return hin_ok();
}

static HIN_RESULT run_parts(struct bench *bench, const struct hin_view *records, size_t count)
{
    const struct hin_seal_place place = {HIN_VIEW("t"), HIN_VIEW("rows"), HIN_VIEW("1"),
                                         HIN_VIEW("f")};
    uint64_t token = 0;
    double from = cpu_seconds();
    for (size_t i = 0; i < count; i++) {
        HIN_TRY(
            hin_index_token(bench->index, (uint32_t)i, hin_view_sub(records[0], 0, 28), &token));
    }
    show("blind-index tokens of 32 bytes", count, from);
    from = cpu_seconds();
    for (size_t i = 0; i < count; i++) {
        hin_buf_clear(&bench->body);
        HIN_TRY(hin_seal_value(bench->sealer, &place,
                               hin_view_sub(records[i % SEGMENT_EVENTS], 0, 512), &bench->body));
    }
    show("sealed values of 512 bytes", count, from);
    return hin_ok();
}

int main(int argc, char **argv)
{
    static char texts[SEGMENT_EVENTS][1024];
    static struct hin_view records[SEGMENT_EVENTS];
    struct bench bench = {0};
    size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;
    size_t bytes = 0;
    for (size_t i = 0; i < SEGMENT_EVENTS; i++) {
        records[i] = event(texts[i], sizeof(texts[i]), i);
        bytes += records[i].size;
    }
    printf("%-44s %9zu\n", "bytes an event before", bytes / SEGMENT_EVENTS);
    struct hin_result result = bench_init(&bench);
    if (result.code == HIN_OK) {
        result = run_segments(&bench, records, count);
    }
    if (result.code == HIN_OK) {
        result = run_parts(&bench, records, count);
    }
    hin_segment_builder_free(bench.builder);
    hin_index_free(bench.index);
    hin_sealer_free(bench.sealer);
    hin_secret_done(&bench.key);
    hin_buf_done(&bench.head);
    hin_buf_done(&bench.body);
    return result.code == HIN_OK ? 0 : 1;
}
