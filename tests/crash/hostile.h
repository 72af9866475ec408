/* What the hostile host counts, and the bugs that its test plants. */
#ifndef MODELLAB_TESTS_CRASH_HOSTILE_H
#define MODELLAB_TESTS_CRASH_HOSTILE_H

#include "lab/lab.h"
#include "os/process.h"

extern const unsigned char hostile_wav[60]; /* some samples */

typedef struct hostile_census {
    size_t fds, threads;
} hostile_census;

hostile_census hostile_count(void);
bool hostile_same(const hostile_census *a, const hostile_census *b);

/* The system's processes, with a clock at the start of one, and with the bug called `plant`:
 *   echild-runs  a child whose status somebody took is one that runs
 *   leaks        a descriptor stays open for each worker
 *   forks        workers are started by fork() and exec
 *   blind-child  (in the host) a forked child takes the handles for its own */
typedef struct hostile_tables {
    mli_os_processes processes;
    bool leaks, forks;
    size_t count;
    double spawn_ms[65536];
} hostile_tables;

mli_lab_tables hostile_plant(hostile_tables *t, const char *plant);
double hostile_spawn_ms(hostile_tables *t, int percentile);

#endif
