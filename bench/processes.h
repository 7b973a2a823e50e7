/* What processes cost, seen from outside: CPU time and memory out of /proc, of one process and all
 * that it started. */
#ifndef BENCH_PROCESSES_H
#define BENCH_PROCESSES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct bench_cost {
    double cpu_seconds;   /* user and system, by the scheduler's count of the living (not in ticks),
                             plus those reaped */
    uint64_t pss_kib;     /* proportional set size */
    uint64_t private_kib; /* of it: shared with nobody */
    unsigned process_count;
};

/* Adds up the tree below `root`. False when it is not there. */
bool bench_cost_of(pid_t root, struct bench_cost *ret_cost);
/* One line a process: its title, CPU and memory. */
void bench_cost_list(pid_t root);

#endif
