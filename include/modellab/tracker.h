/* The resource tracker: measures wall time, CPU time, GPU time, peak memory, audio seconds and API
 * calls of nested spans of work. What could not be measured is -1, never 0. Prices turn measures
 * into money (price.h). @since 0.1
 *
 * Example: examples/c/tracker.c */
#ifndef MODELLAB_TRACKER_H
#define MODELLAB_TRACKER_H

#include <modellab/types.h>

/** A tracker and its spans. Reference counted; every call from any thread. */
typedef struct modellab_tracker modellab_tracker;

/** Number of a span within its tracker, 1 and up. Stale and wrong numbers give errors, never harm.
 * MODELLAB_SPAN_ROOT is the tracker's own span, from its creation until now. */
typedef int64_t modellab_span;
#define MODELLAB_SPAN_ROOT ((modellab_span)0)

/** Most spans that a tracker keeps; beginning more is refused with E_LIMIT. */
#define MODELLAB_TRACKER_MAX_SPANS 10000

/** What was measured. -1 = not measured. */
typedef struct modellab_measures {
    size_t size;               /**< sizeof(modellab_measures), set by the caller */
    double wall_seconds;       /**< by the monotonic clock */
    double cpu_seconds;        /**< user + system; see modellab_tracker_options.cpu_clock */
    double gpu_seconds;        /**< busy time by the GPU provider; -1 without one */
    double audio_seconds;      /**< as added */
    int64_t api_calls;         /**< as added */
    int64_t peak_memory_bytes; /**< largest resident memory of the process until the span's end */
} modellab_measures;

#define MODELLAB_MEASURES_INIT                                                                     \
    {                                                                                              \
        sizeof(modellab_measures), -1.0, -1.0, -1.0, -1.0, -1, -1                                  \
    }

/** Where GPU time comes from. The table is copied; `user` must live until `release` is called,
 * which happens once, when the tracker goes (not when its creation failed: then nothing was taken).
 */
typedef struct modellab_gpu_provider {
    size_t size; /**< sizeof(modellab_gpu_provider) */
    void *user;
    /** Sets *busy_ns to the GPU time that this process used since some fixed moment; returns 0, or
     * any other value when it cannot be read (the span's GPU time is then -1). Called by the thread
     * that begins or ends a span, one call at a time; it must not call the tracker. */
    int32_t (*read)(void *user, int64_t *busy_ns);
    void (*release)(void *user); /**< optional */
} modellab_gpu_provider;

#define MODELLAB_GPU_PROVIDER_INIT                                                                 \
    {                                                                                              \
        sizeof(modellab_gpu_provider), NULL, NULL, NULL                                            \
    }

/** Which clock measures CPU time. */
typedef int32_t modellab_cpu_clock;
enum {
    /** The thread's clock for spans that begin and end on one thread, the process's clock
       otherwise. */
    MODELLAB_CPU_CLOCK_AUTO = 0,
    /** Always the process's clock: right where the process does this work only (a worker), and for
     * work that helper threads share. */
    MODELLAB_CPU_CLOCK_PROCESS = 1
};

/** How to track. Zero or NULL is the default. */
typedef struct modellab_tracker_options {
    size_t size;                         /**< sizeof(modellab_tracker_options) */
    const modellab_allocator *allocator; /**< copied; NULL = C heap */
    const modellab_gpu_provider *gpu; /**< NULL = NVML where its library can be loaded, else none */
    modellab_cpu_clock cpu_clock;
    int32_t no_gpu; /**< 1: do not look for NVML */
} modellab_tracker_options;

#define MODELLAB_TRACKER_OPTIONS_INIT                                                              \
    {                                                                                              \
        sizeof(modellab_tracker_options), NULL, NULL, 0, 0                                         \
    }

/** A span. `name` is borrowed from the tracker. */
typedef struct modellab_span_info {
    size_t size; /**< sizeof(modellab_span_info), set by the caller */
    modellab_span id;
    modellab_span parent; /**< MODELLAB_SPAN_ROOT for outermost spans */
    const char *name;
    int64_t started_ns;  /**< since the tracker's creation */
    int32_t is_open;     /**< 1: not ended yet, measures are those until now */
    int32_t depth;       /**< 1 for outermost spans */
    double wall_seconds; /**< this and the rest as in modellab_measures */
    double cpu_seconds;
    double gpu_seconds;
    double audio_seconds;
    int64_t api_calls;
    int64_t peak_memory_bytes;
} modellab_span_info;

MODELLAB_BEGIN_DECLS

/** Fills the structs like their INIT macros. @threads any @since 0.1 */
MODELLAB_API void modellab_measures_init(modellab_measures *measures, size_t size);
/** As modellab_measures_init(). @threads any @since 0.1 */
MODELLAB_API void modellab_tracker_options_init(modellab_tracker_options *options, size_t size);

/** Makes a tracker; its root span begins. @param[out] out new; modellab_tracker_unref()
 * @errors E_INVALID_ARGUMENT, E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_tracker_create(
    const modellab_tracker_options *options, modellab_tracker **out, modellab_error *err);

/** Takes another reference; returns its argument. @threads any @since 0.1 */
MODELLAB_API modellab_tracker *modellab_tracker_ref(modellab_tracker *tracker);

/** Gives a reference back; NULL is accepted. @threads any @since 0.1 */
MODELLAB_API void modellab_tracker_unref(modellab_tracker *tracker);

/** Begins a span inside `parent` (MODELLAB_SPAN_ROOT for an outermost one).
 * @param name       UTF-8, copied, cut at 63 bytes
 * @param[out] span  number of the new span
 * @errors E_INVALID_ARGUMENT, E_NOT_FOUND (parent), E_STATE (parent has ended), E_LIMIT,
 * E_NO_MEMORY
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_span_begin(modellab_tracker *tracker,
                                                                     modellab_span parent,
                                                                     const char *name,
                                                                     modellab_span *span,
                                                                     modellab_error *err);

/** Ends a span; spans inside it that are still open end with it.
 * @param[in,out] measures  optional; `measures->size` must be set
 * @errors E_INVALID_ARGUMENT (the root), E_NOT_FOUND, E_STATE (has ended), E_ABI_TOO_SMALL
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_span_end(modellab_tracker *tracker,
                                                                   modellab_span span,
                                                                   modellab_measures *measures,
                                                                   modellab_error *err);

/** Adds audio seconds and API calls to a span and to all spans around it.
 * @errors E_INVALID_ARGUMENT (negative or not finite), E_NOT_FOUND, E_STATE (has ended)
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_span_add(modellab_tracker *tracker,
                                                                   modellab_span span,
                                                                   double audio_seconds,
                                                                   int64_t api_calls,
                                                                   modellab_error *err);

/** Measures of a span until its end, or until now. MODELLAB_SPAN_ROOT gives the tracker's totals.
 * @errors E_INVALID_ARGUMENT, E_NOT_FOUND, E_ABI_TOO_SMALL @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_span_get_measures(
    modellab_tracker *tracker, modellab_span span, modellab_measures *out, modellab_error *err);

/** Number of spans begun so far, without the root. @threads any @since 0.1 */
MODELLAB_API size_t modellab_tracker_span_count(modellab_tracker *tracker);

/** The span at `index` (0 and up), in the order in which they began. `out->size` must be set.
 * @errors E_INVALID_ARGUMENT, E_NOT_FOUND (index), E_ABI_TOO_SMALL @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_tracker_span_at(modellab_tracker *tracker,
                                                                          size_t index,
                                                                          modellab_span_info *out,
                                                                          modellab_error *err);

/** All spans with their measures as JSON; measures that are not known are null.
 * @param[out] out new; modellab_buffer_destroy() @errors E_INVALID_ARGUMENT, E_NO_MEMORY
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_tracker_to_json(modellab_tracker *tracker,
                                                                          modellab_buffer **out,
                                                                          modellab_error *err);

MODELLAB_END_DECLS
#endif
