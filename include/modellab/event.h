/* Events: numbered, gap-free facts of a run's life, stored in the transaction that made them true.
 * A consumer goes on from the last number it has seen; who follows all runs, from a sequence of
 * the whole lab. @since 0.1
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
    int64_t sequence;          /**< among the events of all runs; 0 in the list of one run */
    const char *user;          /**< of the run; "" in the list of one run, as the next two */
    const char *pipeline;      /**< of the run */
    const char *experiment_id; /**< that the run belongs to; "" = none */
} modellab_event_info;

/** Which events of all runs. Zero or NULL is the default. */
typedef struct modellab_event_feed_options {
    size_t size;             /**< sizeof(modellab_event_feed_options) */
    int64_t after;           /**< sequence of the last one that was seen; 0 = from the beginning */
    int64_t wait_ms;         /**< 0 = return at once; -1 = no limit; else wait for the first one */
    int32_t limit;           /**< 1..1000; 0 = 100 */
    int32_t reserved;        /**< 0 */
    const char *user;        /**< runs of this user alone; NULL or "" = all. A call looks at a
                                bounded number of events, so that it may give none although there
                                are more: modellab_event_list_next() */
    modellab_cancel *cancel; /**< ends the waiting, at once */
} modellab_event_feed_options;

#define MODELLAB_EVENT_FEED_OPTIONS_INIT                                                           \
    {                                                                                              \
        sizeof(modellab_event_feed_options), 0, 0, 0, 0, NULL, NULL                                \
    }

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
/** Fills the options like MODELLAB_EVENT_FEED_OPTIONS_INIT. @threads any @since 0.1 */
MODELLAB_API void modellab_event_feed_options_init(modellab_event_feed_options *options,
                                                   size_t size);
/** Loads events of all runs of the lab, in the order in which they were stored: `sequence` grows,
 * with gaps where runs were deleted, and is never given twice. Who goes on from
 * modellab_event_list_next() gets each event once, whoever wrote it. Events of one run are in the
 * order of their numbers.
 * @param options   NULL = the first 100
 * @param[out] out  new, may be empty; modellab_event_list_unref()
 * @errors E_CANCELLED (there was no event yet), E_STORE_FAILED, E_NO_MEMORY @threads any @since 0.1
 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_event_feed_load(modellab_lab *lab, const modellab_event_feed_options *options,
                         modellab_event_list **out, modellab_error *err);
/** Sequence of the newest event that ever was: who follows from there gets what comes.
 * @param[out] sequence  0 = there was none @errors E_STORE_FAILED @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_event_feed_end(modellab_lab *lab,
                                                                         int64_t *sequence,
                                                                         modellab_error *err);
/** Where to go on: as `after` of the next call. In a list of one run the number of its last event,
 * or what was asked for; in a list of all runs also behind events that were left out. An empty list
 * whose next is `after` itself tells that there is nothing more; one whose next is behind it, that
 * what was looked at was left out. 0 for NULL. @threads any @since 0.1 */
MODELLAB_API int64_t modellab_event_list_next(const modellab_event_list *list);
/** Gives a reference back; NULL is accepted. @threads any @since 0.1 */
MODELLAB_API void modellab_event_list_unref(modellab_event_list *list);
/** Number of items; 0 for NULL. @threads any @since 0.1 */
MODELLAB_API size_t modellab_event_list_count(const modellab_event_list *list);
/** @errors E_NOT_FOUND (index), E_ABI_TOO_SMALL @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_event_list_at(
    const modellab_event_list *list, size_t index, modellab_event_info *out, modellab_error *err);

MODELLAB_END_DECLS
#endif
