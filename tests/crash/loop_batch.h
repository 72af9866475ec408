/* One batch of the kill loop: a lab, cycles in which something is killed at a random moment, then a
 * look at all that was acknowledged. A number makes a batch: the same choices each time (what the
 * machine does between them is its own affair). */
#ifndef MODELLAB_TESTS_CRASH_LOOP_BATCH_H
#define MODELLAB_TESTS_CRASH_LOOP_BATCH_H

#include <stdint.h>

enum { BATCH_CYCLES = 100 };

typedef struct batch_result {
    int cycles, hosts_killed, workers_killed;
    int runs; /* acknowledged */
    int completed, failed, stale, other;
    int repeated; /* completed, with a step that an earlier attempt had completed too */
    int wrong;    /* findings, each said on stderr */
} batch_result;

/* `plant`: a bug of crash_plants.h for the hosts, NULL = none; then it ends at the first finding.
 * The lab is in memory for odd numbers, where the machine has such a folder. */
batch_result loop_batch(uint64_t seed, int number, int cycles, const char *plant);

#endif
