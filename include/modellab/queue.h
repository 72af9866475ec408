/* The queue: why a run waits and for how long, holding and releasing it, its priority. What decides
 * the order is told in docs/queue.md. @since 0.1
 *
 * Example: examples/c/queue.c */
#ifndef MODELLAB_QUEUE_H
#define MODELLAB_QUEUE_H

#include <modellab/run.h>

/** Priorities of requests by name; any number from 0 to 30 may be used. HEAD is no priority of its
 * own: modellab_run_set_priority() puts the run before all others, whatever theirs is. */
enum {
    MODELLAB_PRIORITY_LOW = 0,
    MODELLAB_PRIORITY_NORMAL = 10,
    MODELLAB_PRIORITY_HIGH = 20,
    MODELLAB_PRIORITY_URGENT = 30,
    MODELLAB_PRIORITY_HEAD = 1000
};

/** Why a run waits: X(NAME, number, "machine_name", "sentence for people"). Append only. */
#define MODELLAB_WAIT_LIST(X)                                                                      \
    X(NONE, 0, "none", "The run does not wait.")                                                   \
    X(NEXT, 1, "next_in_line", "It is the next to start and waits for a free worker.")             \
    X(BEHIND, 2, "behind_others", "Other runs start before it.")                                   \
    X(USER_LIMIT, 3, "user_limit", "Its user has as many running runs as one user may have.")      \
    X(LAB_LIMIT, 4, "lab_limit", "The lab has as many running runs as it may have.")               \
    X(HELD, 5, "held", "It is held until it is released.")                                         \
    X(NOT_BEFORE, 6, "not_before", "It is to be tried again, but not yet.")                        \
    X(NO_SUPERVISOR, 7, "no_supervisor", "Nobody supervises the lab.")                             \
    X(DRAINING, 8, "draining", "The supervisors of the lab are stopping and start no runs.")       \
    X(DISK, 9, "disk", "The lab's disk has too little space left.")                                \
    X(CAPS, 10, "caps", "The caps of its user leave nothing for it at present.")

typedef int32_t modellab_wait;
#define MODELLAB_WAIT_ENUM_(name, number, text, sentence) MODELLAB_WAIT_##name = number,
enum { MODELLAB_WAIT_LIST(MODELLAB_WAIT_ENUM_) MODELLAB_WAIT_END_ = 100000 };
#undef MODELLAB_WAIT_ENUM_

/** Where a run stands. Times are milliseconds since 1970 UTC; -1: cannot be told. Starts and ends
 * are estimates from what runs took before; they move when others come or are moved. */
typedef struct modellab_run_explanation {
    size_t size; /**< sizeof(modellab_run_explanation), set by the caller */
    modellab_run_status status;
    modellab_wait why;
    int64_t position;       /**< in the order of starting, 1 = next; 0: not in line */
    int64_t waiting;        /**< runs that are in line */
    int64_t start_ms;       /**< when it will probably start; when it did, for one that runs */
    int64_t end_ms;         /**< when it will probably have ended */
    int64_t not_before_ms;  /**< when a delayed one becomes due; -1 = it is not delayed */
    int64_t queue_until_ms; /**< its queue deadline; -1 = none */
    int64_t expected_ms;    /**< what it will probably take */
    int32_t priority;
    int32_t is_held;
    int32_t is_short;                 /**< may use the extra worker for short runs */
    int32_t user_running, user_limit; /**< limit 0 = none */
    int32_t lab_running, lab_limit;
    int32_t supervisors; /**< that live, in all processes */
    int32_t workers;     /**< runs that they execute at the same time */
    int32_t reserved;
} modellab_run_explanation;

MODELLAB_BEGIN_DECLS

/** Machine name of a wait reason ("behind_others"). Borrowed, static. @threads any @since 0.1 */
MODELLAB_API const char *modellab_wait_name(modellab_wait why);

/** Sentence of a wait reason for people. Borrowed, static. @threads any @since 0.1 */
MODELLAB_API const char *modellab_wait_text(modellab_wait why);

/** Tells why a run waits, its position and when it will probably start. For runs that do not wait
 * `why` is NONE. Looks at the whole queue: not for loops.
 * @param[out] out   `out->size` must be set
 * @param[out] json  optional: the same as a JSON object (docs/queue.md); modellab_buffer_destroy()
 * @errors E_NOT_FOUND, E_ABI_TOO_SMALL, E_STORE_FAILED, E_IO, E_NO_MEMORY @threads any @since 0.1
 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_run_explain(modellab_lab *lab,
                                                                      const char *run_id,
                                                                      modellab_run_explanation *out,
                                                                      modellab_buffer **json,
                                                                      modellab_error *err);

/** Keeps a queued run from starting until it is released. Idempotent. Its queue deadline does not
 * run meanwhile. @errors E_NOT_FOUND, E_RUN_FINAL, E_STATE (it runs), E_STORE_READ_ONLY,
 * E_STORE_FAILED, E_BUSY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_run_hold(modellab_lab *lab,
                                                                   const char *run_id,
                                                                   modellab_error *err);

/** Lets a held run start; it has kept its age. Its queue deadline begins anew. Idempotent.
 * @errors as modellab_run_hold() @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_run_release(modellab_lab *lab,
                                                                      const char *run_id,
                                                                      modellab_error *err);

/** Gives a queued run another priority, or puts it before all others (PRIORITY_HEAD; of several
 * such runs the one put there last comes first). A number takes it away from there again.
 * @errors E_INVALID_ARGUMENT (priority), and as modellab_run_hold() @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_run_set_priority(modellab_lab *lab,
                                                                           const char *run_id,
                                                                           int32_t priority,
                                                                           modellab_error *err);

MODELLAB_END_DECLS
#endif
