/* The failing allocator and its loop (see the header).
 * Counters are atomic: the library may allocate on its own threads. */
#include "fault/faulty_alloc.h"

#include <stdio.h>
#include <stdlib.h>

static bool fails(faulty_alloc *state)
{
    long call = atomic_fetch_add(&state->calls, 1) + 1;
    long at = atomic_load(&state->fail_at);
    bool failing = at > 0 && (call == at || (call > at && atomic_load(&state->from_then_on)));

    if (failing) {
        atomic_store(&state->failed, true);
    }
    return failing;
}

static void *take(void *user, size_t bytes)
{
    faulty_alloc *state = user;
    void *block = fails(state) ? NULL : malloc(bytes == 0 ? 1 : bytes);

    if (block != NULL) {
        atomic_fetch_add(&state->live, 1);
    }
    return block;
}

static void *retake(void *user, void *old, size_t bytes)
{
    faulty_alloc *state = user;
    void *block = fails(state) ? NULL : realloc(old, bytes == 0 ? 1 : bytes);

    if (block != NULL && old == NULL) {
        atomic_fetch_add(&state->live, 1);
    }
    return block;
}

static void give(void *user, void *block)
{
    faulty_alloc *state = user;

    if (block != NULL) {
        atomic_fetch_sub(&state->live, 1);
        free(block);
    }
}

modellab_allocator faulty_table(faulty_alloc *state)
{
    modellab_allocator table = MODELLAB_ALLOCATOR_INIT;

    table.user = state;
    table.alloc = take;
    table.realloc = retake;
    table.free = give;
    return table;
}

static faulty_verdict run_at(faulty_scenario scenario, void *arg, long at, bool from_then_on,
                             faulty_alloc *state)
{
    modellab_allocator table = faulty_table(state);
    modellab_status status;

    atomic_store(&state->calls, 0);
    atomic_store(&state->live, 0);
    atomic_store(&state->failed, false);
    atomic_store(&state->fail_at, at);
    atomic_store(&state->from_then_on, from_then_on);
    status = scenario(&table, arg);
    if (atomic_load(&state->live) != 0) {
        fprintf(stderr, "failing call %ld: %ld blocks are alive\n", at, atomic_load(&state->live));
        return FAULTY_LEAK;
    }
    if (status != MODELLAB_OK && !(status == MODELLAB_E_NO_MEMORY && atomic_load(&state->failed))) {
        fprintf(stderr, "failing call %ld: status %s\n", at, modellab_status_name(status));
        return FAULTY_WRONG_STATUS;
    }
    return FAULTY_FINE;
}

faulty_verdict faulty_run(faulty_scenario scenario, void *arg, long *allocations)
{
    for (int mode = 0; mode < 2; mode++) {
        static faulty_alloc state;

        for (long at = 1;; at++) {
            faulty_verdict verdict = run_at(scenario, arg, at, mode == 1, &state);

            if (verdict != FAULTY_FINE) {
                return verdict;
            }
            *allocations = atomic_load(&state.calls);
            if (!atomic_load(&state.failed)) {
                break;
            }
            if (at > 1000000) {
                return FAULTY_NOT_REACHED;
            }
        }
    }
    return FAULTY_FINE;
}
