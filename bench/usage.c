/* CPU and memory of others, for scripts.
 *
 *   bench_usage PID           "CPU-SECONDS PSS-KB PROCESSES" of that process and all below it
 *   bench_usage --list PID    the same, one line a process
 *   bench_usage -- COMMAND... runs it; "CPU-SECONDS WALL-SECONDS PEAK-RSS-KB" by wait4 on standard
 * error's last line */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "processes.h"

static double wall(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int run(char **argv)
{
    struct rusage usage;
    int status = 0;
    double begin = wall();
    pid_t child = fork();
    if (child == 0) {
        execvp(argv[0], argv);
        perror(argv[0]);
        _exit(127);
    }
    if (child < 0 || wait4(child, &status, 0, &usage) != child) {
        perror("bench_usage");
        return 1;
    }
    double cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    fprintf(stderr, "%.3f %.3f %ld\n", cpu, wall() - begin, usage.ru_maxrss);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "--") == 0) {
        return run(argv + 2);
    }
    bool list = argc > 2 && strcmp(argv[1], "--list") == 0;
    if (argc != (list ? 3 : 2)) {
        fputs("usage: bench_usage PID | --list PID | -- COMMAND...\n", stderr);
        return 2;
    }
    pid_t pid = (pid_t)strtol(argv[list ? 2 : 1], NULL, 10);
    struct bench_cost cost;
    if (pid <= 0 || !bench_cost_of(pid, &cost)) {
        fprintf(stderr, "bench_usage: process %d is not there\n", pid);
        return 1;
    }
    if (list) {
        bench_cost_list(pid);
    } else {
        printf("%.6f %llu %u\n", cost.cpu_seconds, (unsigned long long)cost.pss_kib,
               cost.process_count);
    }
    return 0;
}
