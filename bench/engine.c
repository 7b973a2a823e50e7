/* The log engine alone: loading with and without cache, lines per CPU-second, the dearest line.
 *
 *   bench_engine RULES FILE...
 *
 * RULES is a rule folder, each FILE a file of lines (bench/feed writes one). */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "policy/ruleset.h"

#define FILE_MAX_BYTES ((size_t)1 << 30)

static double cpu_seconds(void)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool load(const char *folder, struct hin_log_rules **ret_rules)
{
    char cache[] = "/tmp/bench_engine_XXXXXX";
    struct hin_ruleset *set HIN_CLEANUP(hin_ruleset_freep) = NULL;
    struct hin_error error = {HIN_OK};
    int fd HIN_CLEANUP_FD = mkstemp(cache);
    if (fd < 0 || !hin_is_ok(hin_ruleset_read(folder, &error, &set))) {
        fprintf(stderr, "bench_engine: %s: %s\n", folder, error.text);
        return false;
    }
    bool ok = true;
    for (int round = 0; round < 3 && ok; round++) {
        struct hin_log_rules *rules = NULL;
        double start = cpu_seconds();
        ok = hin_is_ok(hin_ruleset_load(set, cache, &rules));
        double took = cpu_seconds() - start;
        if (ok && round == 0) { /* this one writes the cache */
            printf("load without cache: %.3f CPU-s\n", took);
        } else if (ok && round == 1) {
            printf("load from cache: %.3f CPU-s%s\n", took,
                   hin_log_rules_cache_used(rules) ? "" : " (cache not used)");
        }
        if (ok && round == 2) {
            *ret_rules = rules;
        } else {
            hin_log_rules_free(rules);
        }
    }
    unlink(cache);
    return ok;
}

struct cost {
    double total;
    double dearest;
    size_t dearest_at;
    size_t lines;
};

static void run(struct hin_log_engine *engine, struct hin_view rest, bool each, struct cost *cost)
{
    struct hin_view text = HIN_VIEW_EMPTY;
    double start = cpu_seconds();
    *cost = (struct cost){0};
    while (hin_view_split(&rest, '\n', &text) && (rest.data != NULL || text.size > 0)) {
        const struct hin_log_line line = {
            text, HIN_VIEW("bench"), INT64_C(1794304800000000), 0, NULL, 0};
        double before = each ? cpu_seconds() : 0;
        (void)hin_log_engine_run(engine, &line);
        double took = each ? cpu_seconds() - before : 0;
        cost->lines++;
        if (took > cost->dearest) {
            cost->dearest = took;
            cost->dearest_at = cost->lines;
        }
    }
    cost->total = cpu_seconds() - start;
}

static bool bench_file(const struct hin_log_rules *rules, const char *path)
{
    struct hin_buf text HIN_CLEANUP(hin_buf_done) = {0};
    struct hin_log_engine *engine HIN_CLEANUP(hin_log_engine_freep) = NULL;
    const struct hin_log_config config = {.correlate_on_log_time = true};
    struct hin_log_engine_stats stats = {0};
    struct cost all = {0}, each = {0};
    hin_buf_init(&text, FILE_MAX_BYTES);
    if (!hin_is_ok(hin_file_read(AT_FDCWD, path, &text)) ||
        !hin_is_ok(hin_log_engine_new(rules, &config, &engine))) {
        fprintf(stderr, "bench_engine: %s cannot be read\n", path);
        return false;
    }
    run(engine, hin_buf_view(&text), false, &all);
    hin_log_engine_stats(engine, &stats);
    run(engine, hin_buf_view(&text), true, &each);
    printf("%s: %zu lines, %.0f lines per CPU-s, %.3f us a line; %llu fired, %llu alerts; dearest "
           "line %.3f ms (line %zu); state %zu kB; pattern limits %llu\n",
           path, all.lines, (double)all.lines / all.total, all.total * 1e6 / (double)all.lines,
           (unsigned long long)stats.match_count, (unsigned long long)stats.alert_count,
           each.dearest * 1e3, each.dearest_at, stats.state_bytes / 1024,
           (unsigned long long)stats.pattern_limit_count);
    return true;
}

int main(int argc, char **argv)
{
    struct hin_log_rules *rules HIN_CLEANUP(hin_log_rules_freep) = NULL;
    struct hin_log_rules_stats stats = {0};
    struct rusage usage = {0};
    if (argc < 3) {
        fputs("usage: bench_engine RULES FILE...\n", stderr);
        return 2;
    }
    if (!load(argv[1], &rules)) {
        return 1;
    }
    hin_log_rules_stats(rules, &stats);
    printf("%u decoders, %u rules in %u places, %u patterns, %u literals, %u tried on every line, "
           "%zu kB, files refused %zu\n",
           stats.decoder_count, stats.rule_count, stats.node_count, stats.pattern_count,
           stats.literal_count, stats.always_count, stats.memory_bytes / 1024,
           hin_log_rules_error_count(rules));
    for (int i = 2; i < argc; i++) {
        if (!bench_file(rules, argv[i])) {
            return 1;
        }
    }
    getrusage(RUSAGE_SELF, &usage);
    printf("peak memory %ld kB (with the file in memory)\n", usage.ru_maxrss);
    return 0;
}
