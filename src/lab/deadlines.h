/* Deadlines of a run and the ladder that ends it: pure decisions on given times. The effects
 * (cancel word, signals) are the supervisor's. Times are nanoseconds of one monotonic clock. */
#ifndef MLI_LAB_DEADLINES_H
#define MLI_LAB_DEADLINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A day: nothing runs longer unless it was asked for. */
#define MLI_DEADLINE_DEFAULT_MS ((int64_t)24 * 3600 * 1000)
/* Without any progress for so long a worker counts as stuck. */
#define MLI_DEADLINE_STALL_MS ((int64_t)10 * 60 * 1000)

/* The limit that holds: the first that is set (> 0) of request, pipeline, configuration; else the
 * default. */
int64_t mli_deadline_run_ms(int64_t request_ms, int64_t pipeline_ms, int64_t configured_ms);

/* "Run timed out after 10 minutes"; seconds below two minutes. capacity >= 64 holds every text. */
void mli_deadline_text(int64_t limit_ms, char *out, size_t capacity);
/* "Run timed out in the queue after 10 minutes" */
void mli_deadline_queue_text(int64_t limit_ms, char *out, size_t capacity);

/* What a run may take, and what is known of it now. 0 = no limit, or did not happen. */
typedef struct mli_deadline_view {
    int64_t started_ns;      /* claim */
    int64_t run_limit_ms;    /* whole run */
    int64_t wall_cap_ms;     /* the request's cap on wall time: a deadline like the other */
    int64_t step_started_ns; /* present step; 0 = none open */
    int64_t step_limit_ms;
    int64_t progress_ns; /* when the progress counter was last seen to move */
    int64_t stall_limit_ms;
} mli_deadline_view;

typedef enum mli_deadline_kind {
    MLI_DEADLINE_NONE = 0,
    MLI_DEADLINE_RUN = 1,
    MLI_DEADLINE_STEP = 2,
    MLI_DEADLINE_STALL = 3
} mli_deadline_kind;

/* Which deadline has passed at `now`; with several, the run's before the step's before the stall's.
 */
mli_deadline_kind mli_deadline_passed(const mli_deadline_view *view, int64_t now_ns);
/* When the next of them can pass; INT64_MAX when none can. */
int64_t mli_deadline_next_ns(const mli_deadline_view *view);
/* The limit that counts for the run: the smaller of deadline and wall cap; 0 = none. */
int64_t mli_deadline_effective_ms(const mli_deadline_view *view);

/* The ladder: cancel word at once, SIGTERM to the group after `term_ms`, SIGKILL after `kill_ms`.
 */
typedef enum mli_ladder_rung {
    MLI_LADDER_IDLE = 0, /* nobody asked the run to stop */
    MLI_LADDER_ASKED = 1,
    MLI_LADDER_TERM = 2,
    MLI_LADDER_KILL = 3
} mli_ladder_rung;

typedef struct mli_ladder {
    int64_t term_ms, kill_ms; /* after asking */
    int64_t asked_ns;
    mli_ladder_rung rung; /* the last one that was climbed */
} mli_ladder;

#define MLI_LADDER_TERM_MS 2000
#define MLI_LADDER_KILL_MS 10000

/* 0 = default; a kill grace below the term grace is raised to it. */
void mli_ladder_init(mli_ladder *ladder, int64_t term_ms, int64_t kill_ms);
/* Starts the ladder; false when it was already started. */
bool mli_ladder_ask(mli_ladder *ladder, int64_t now_ns);
/* The rung to climb now, or the present one when nothing is due. Climbs at most one rung a call;
 * the caller applies its effect and calls again. */
mli_ladder_rung mli_ladder_climb(mli_ladder *ladder, int64_t now_ns);
/* When the next rung is due; INT64_MAX when there is none. */
int64_t mli_ladder_next_ns(const mli_ladder *ladder);

#endif
