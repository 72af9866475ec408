/* The queue as the store shows it to the scheduler: who waits, who runs, and what each user has had
 * so far. Plain data; the decision is lab/schedule.h's. */
#ifndef MLI_STORE_QUEUE_H
#define MLI_STORE_QUEUE_H

#include "base/id.h"
#include <modellab/alloc.h>
#include <stdbool.h>
#include <stddef.h>

/* Whether a queued run may start: held ones when released, delayed ones from not_before_ms on. */
typedef enum mli_gate { MLI_GATE_OPEN = 0, MLI_GATE_HELD = 1, MLI_GATE_DELAYED = 2 } mli_gate;

typedef enum mli_size_class { MLI_SIZE_LONG = 0, MLI_SIZE_SHORT = 1 } mli_size_class;

/* So many milliseconds of waiting count as much as one point of priority. The number stands in the
 * indexes of the store too (priority*30000-created_ms). */
#define MLI_AGE_MS 30000

typedef struct mli_queue_run {
    char id[MLI_ULID_BYTES];
    size_t user; /* index */
    int32_t priority;
    mli_size_class size;
    mli_gate gate;
    int64_t created_ms, not_before_ms;
    int64_t head_ms;     /* when it was put to the head of the queue; 0 = it was not */
    int64_t expected_ms; /* time that it will probably take; -1 = not known */
} mli_queue_run;

typedef struct mli_queue_user {
    int64_t number; /* of the store */
    int64_t virtual_ms;
    int32_t waiting, running;
} mli_queue_user;

typedef struct mli_queue_running {
    size_t user;
    mli_size_class size;
    int64_t started_ms, expected_ms;
} mli_queue_running;

typedef struct mli_queue_view {
    const modellab_allocator *alloc;
    mli_queue_run *runs;
    mli_queue_user *users;
    mli_queue_running *running;
    size_t run_count, user_count, running_count;
    int64_t starts;                  /* regular starts so far */
    int64_t virtual_ms;              /* virtual time at which a new user begins */
    int64_t service_ms, expected_ms; /* sums over completed runs whose length had been estimated */
    int64_t mean_ms;                 /* what a run took on average; -1 = none has ended yet */
    int64_t next_due_ms;      /* when the next delayed run becomes due; -1 = none is delayed */
    int64_t next_deadline_ms; /* first queue deadline; -1 = none */
} mli_queue_view;

typedef struct mli_queue_query {
    int64_t now_ms;
    const char *only_id; /* this run alone; NULL = all */
    /* Candidates: so many of each user and size, of the users who have had least, then the oldest
     * and those put to the head. 0: everything that waits, also what is held or delayed. */
    size_t each;
    bool short_only;
    int32_t user_limit; /* users with so many running runs are passed over; 0 = none */
} mli_queue_query;

void mli_queue_view_free(mli_queue_view *view);

#endif
