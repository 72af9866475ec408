/* An allocator that fails call N (once, or from then on) and counts what is still alive; and the
 * loop that tries every N until a scenario succeeds without a failure. */
#ifndef TESTS_FAULTY_ALLOC_H
#define TESTS_FAULTY_ALLOC_H

#include <modellab/modellab.h>
#include <stdatomic.h>
#include <stdbool.h>

typedef struct faulty_alloc {
    atomic_long calls, live, fail_at; /* fail_at 0 = never */
    atomic_bool from_then_on, failed;
} faulty_alloc;

/* Table on `state`; give it to the library. */
modellab_allocator faulty_table(faulty_alloc *state);

/* Does its work with `alloc`, frees everything, returns the first status that was not OK. */
typedef modellab_status (*faulty_scenario)(const modellab_allocator *alloc, void *arg);

typedef enum faulty_verdict {
    FAULTY_FINE,
    FAULTY_LEAK,         /* blocks are still alive after it */
    FAULTY_WRONG_STATUS, /* neither OK nor E_NO_MEMORY after a failed allocation */
    FAULTY_NOT_REACHED   /* did not succeed without any failure */
} faulty_verdict;

/* Runs the scenario for N = 1, 1 + stride ... once and "from N on". `allocations` gets the number
 * of the last run. */
faulty_verdict faulty_run(faulty_scenario scenario, void *arg, long *allocations);

#endif
