#include "processes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"

#define TREE_MAX 1024

static bool slurp(const char *path, char *out, size_t size)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    size_t got = fread(out, 1, size - 1, file);
    out[got] = 0;
    (void)fclose(file);
    return true;
}

static size_t children_of(pid_t pid, pid_t *out, size_t max)
{
    char path[64], text[16384];
    size_t count = 0;
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
    if (!slurp(path, text, sizeof(text))) {
        return 0;
    }
    for (char *at = text; count < max;) {
        char *end;
        long child = strtol(at, &end, 10);
        if (end == at) {
            break;
        }
        out[count++] = (pid_t)child;
        at = end;
    }
    return count;
}

static size_t tree_of(pid_t root, pid_t tree[TREE_MAX])
{
    size_t count = 1;
    tree[0] = root;
    for (size_t i = 0; i < count; i++) {
        count += children_of(tree[i], tree + count, TREE_MAX - count);
    }
    return count;
}

/* The main thread's time in nanoseconds. Our processes have one thread; ticks of other threads and
 * of children that were waited for are in stat. */
static double cpu_of(pid_t pid)
{
    char path[64], text[4096];
    unsigned long long nanoseconds = 0;
    snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
    if (slurp(path, text, sizeof(text))) {
        nanoseconds = strtoull(text, NULL, 10);
    }
    double seconds = (double)nanoseconds / 1e9;
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    if (!slurp(path, text, sizeof(text))) {
        return seconds;
    }
    const char *at =
        strrchr(text, ')'); /* the name may hold anything; cutime and cstime are fields 16 and 17 */
    for (int field = 2; at != NULL && field < 16; field++) {
        at = strchr(at + 1, ' ');
    }
    if (at != NULL) {
        char *end;
        long user = strtol(at, &end, 10);
        long system = strtol(end, NULL, 10);
        seconds += (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
    }
    return seconds;
}

static uint64_t memory_of(pid_t pid, const char *const *names, size_t name_count)
{
    char path[64], text[4096];
    uint64_t sum = 0;
    snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
    if (!slurp(path, text, sizeof(text))) {
        return 0;
    }
    for (size_t i = 0; i < name_count; i++) {
        const char *at = strstr(text, names[i]);
        sum += at != NULL ? strtoull(at + strlen(names[i]), NULL, 10) : 0;
    }
    return sum;
}

static struct bench_cost cost_of_one(pid_t pid)
{
    static const char *const pss[] = {"\nPss:"};
    static const char *const private[] = {"\nPrivate_Clean:", "\nPrivate_Dirty:"};
    return (struct bench_cost){
        .cpu_seconds = cpu_of(pid),
        .pss_kib = memory_of(pid, pss, 1),
        .private_kib = memory_of(pid, private, 2),
        .process_count = 1,
    };
}

bool bench_cost_of(pid_t root, struct bench_cost *ret_cost)
{
    pid_t tree[TREE_MAX];
    struct bench_cost sum = {0};
    if (access("/proc/self/stat", R_OK) != 0) {
        return false;
    }
    size_t count = tree_of(root, tree);
    for (size_t i = 0; i < count; i++) {
        struct bench_cost one = cost_of_one(tree[i]);
        sum.cpu_seconds += one.cpu_seconds;
        sum.pss_kib += one.pss_kib;
        sum.private_kib += one.private_kib;
        sum.process_count++;
    }
    *ret_cost = sum;
    return sum.pss_kib > 0;
}

void bench_cost_list(pid_t root)
{
    pid_t tree[TREE_MAX];
    size_t count = tree_of(root, tree);
    for (size_t i = 0; i < count; i++) {
        char path[64], title[256];
        struct bench_cost one = cost_of_one(tree[i]);
        snprintf(path, sizeof(path), "/proc/%d/cmdline", tree[i]);
        if (!slurp(path, title, sizeof(title))) {
            continue;
        }
        printf("  %-44.44s cpu %8.3f s  pss %7llu kB  private %7llu kB\n", title, one.cpu_seconds,
               (unsigned long long)one.pss_kib, (unsigned long long)one.private_kib);
    }
}
