/* Events: numbered, gap-free facts of a run's life, stored in the transaction that made them true.
 * A consumer goes on from the last number it has seen. @since 0.1
 *
 * Example: examples/c/event.c */
#ifndef MODELLAB_EVENT_H
#define MODELLAB_EVENT_H

#include <modellab/run.h>

/** A page of events: immutable. */
typedef struct modellab_event_list modellab_event_list;

/** One event. Strings are borrowed from the list. */
typedef struct modellab_event_info {
    size_t size;      /**< sizeof(modellab_event_info), set by the caller */
    int64_t number;   /**< 1, 2, 3 ... without gaps in each run */
    int64_t time_ms;  /**< since 1970 UTC */
    const char *type; /**< run_queued, run_started, step_started, step_progress, step_completed,
                           step_failed, step_skipped, run_completed, run_failed, run_cancelled,
                         run_timeout, run_stale, run_requeued, cancel_requested, artifact_added */
    const char *run_id;
    const char *request_id;
    const char *step; /**< "" when it is about the run */
    const char *data; /**< JSON object with the details */
    const char *trace_id;
} modellab_event_info;

MODELLAB_BEGIN_DECLS

/** Loads events with numbers above `after`.
 * @param after       0 = from the beginning
 * @param limit       1..1000; 0 = 100
 * @param wait_ms     0 = return at once; else wait up to so long for the first one
 * @param[out] out    new, may be empty; modellab_event_list_unref()
 * @errors E_NOT_FOUND, E_STORE_FAILED, E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_event_list_load(modellab_lab *lab, const char *run_id, int64_t after, int32_t limit,
                         int64_t wait_ms, modellab_event_list **out, modellab_error *err);
/** As modellab_event_list_load(), for followers that sleep until something happens.
 * @param wait_ms     as there; -1 = no limit
 * @param cancel      optional token that ends the waiting, at once
 * @param[out] out    new, may be empty; modellab_event_list_unref()
 * @errors E_CANCELLED (there was no event yet), E_NOT_FOUND, E_STORE_FAILED, E_NO_MEMORY
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_event_list_follow(
    modellab_lab *lab, const char *run_id, int64_t after, int32_t limit, int64_t wait_ms,
    modellab_cancel *cancel, modellab_event_list **out, modellab_error *err);
/** Gives a reference back; NULL is accepted. @threads any @since 0.1 */
MODELLAB_API void modellab_event_list_unref(modellab_event_list *list);
/** Number of items; 0 for NULL. @threads any @since 0.1 */
MODELLAB_API size_t modellab_event_list_count(const modellab_event_list *list);
/** @errors E_NOT_FOUND (index), E_ABI_TOO_SMALL @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_event_list_at(
    const modellab_event_list *list, size_t index, modellab_event_info *out, modellab_error *err);

MODELLAB_END_DECLS
#endif
