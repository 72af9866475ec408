/* The supervisor: claims queued runs, starts workers, enforces deadlines and caps, ingests
 * journals, recovers. Any host may have one; several processes may supervise one lab. It uses no
 * signal handlers and reaps only its own workers. @since 0.1
 *
 * Example: examples/c/run.c */
#ifndef MODELLAB_SUPERVISOR_H
#define MODELLAB_SUPERVISOR_H

#include <modellab/run.h>

typedef struct modellab_supervisor modellab_supervisor;

/** How to supervise. Zero or NULL is the default. */
typedef struct modellab_supervisor_options {
    size_t size;                /**< sizeof(modellab_supervisor_options) */
    int32_t max_workers;        /**< runs at the same time; 0 = as configured (1) */
    int32_t threads_per_worker; /**< compute threads of a run; 0 = CPUs / max_workers */
    const char *worker_program; /**< path of modellab-worker; NULL = found beside the library */
    const char *only_run_id; /**< take just this run (a CLI that waits for its own); NULL = all */
    int32_t keep_on_host_death; /**< 0: workers stop when this process dies; 1: they finish */
    int32_t cancel_grace_ms;    /**< cancel word until SIGTERM; 0 = 2000 */
    int32_t kill_grace_ms;      /**< cancel word until SIGKILL; 0 = 10000 */
    int32_t
        notify_service; /**< 1: this process is a service; tells its manager by sd_notify(3) that
                           it is ready, alive and stopping (NOTIFY_SOCKET, WATCHDOG_USEC) */
} modellab_supervisor_options;

#define MODELLAB_SUPERVISOR_OPTIONS_INIT                                                           \
    {                                                                                              \
        sizeof(modellab_supervisor_options), 0, 0, NULL, NULL, 0, 0, 0, 0                          \
    }

/** What a drain did. */
typedef struct modellab_drain_result {
    size_t size; /**< sizeof(modellab_drain_result), set by the caller */
    int32_t finished, requeued, cancelled, killed;
} modellab_drain_result;

MODELLAB_BEGIN_DECLS

/** Fills the struct like its INIT macro, for callers without macros. `size` is the caller's sizeof.
 * @threads any @since 0.1 */
MODELLAB_API void modellab_supervisor_options_init(modellab_supervisor_options *options,
                                                   size_t size);

/** Makes a supervisor. It does nothing until it is started or stepped. @param[out] out new
 * @errors E_NOT_FOUND (worker program), E_PERMISSION (root, and the lab is not), E_STORE_READ_ONLY,
 * E_IO, E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_supervisor_create(modellab_lab *lab, const modellab_supervisor_options *options,
                           modellab_supervisor **out, modellab_error *err);

/** Way 1: supervise in a thread of the library until drained or destroyed.
 * @errors E_STATE, E_NO_MEMORY, E_IO @threads confined @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_supervisor_start(modellab_supervisor *supervisor, modellab_error *err);

/** Way 2, for hosts with a loop: the descriptor to poll for reading. Borrowed; -1 when started as a
 * thread. @threads any @since 0.1 */
MODELLAB_API int32_t modellab_supervisor_get_pollfd(const modellab_supervisor *supervisor);

/** Does what is due and returns. @param timeout_ms how long to wait for something, 0 = not at all
 * @param[out] next_ms optional: call again after at most this time
 * @errors E_STATE (it was started as a thread), E_STORE_FAILED, E_IO, E_NO_MEMORY (all logged; the
 * supervisor stays usable)
 * @threads confined @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_supervisor_step(
    modellab_supervisor *supervisor, int64_t timeout_ms, int64_t *next_ms, modellab_error *err);

/** Number of runs being executed. @threads any @since 0.1 */
MODELLAB_API int32_t modellab_supervisor_active_count(const modellab_supervisor *supervisor);

/** Stops claiming, lets runs finish until the deadline, then stops their workers and requeues them.
 * @errors E_IO, E_STORE_FAILED @threads confined @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_supervisor_drain(modellab_supervisor *supervisor, int64_t deadline_ms,
                          modellab_drain_result *result, modellab_error *err);

/** Stops its workers at once (their runs are requeued as modellab_supervisor_drain() does), joins
 * its thread, frees it. NULL is accepted. @threads confined @since 0.1 */
MODELLAB_API void modellab_supervisor_destroy(modellab_supervisor *supervisor);

MODELLAB_END_DECLS
#endif
