/* The tracker beneath the public functions; what each does stands in modellab/tracker.h. NULL for
 * the tracker is accepted everywhere and measures nothing, so that callers need no branches. */
#ifndef MLI_TRACK_TRACKER_H
#define MLI_TRACK_TRACKER_H

#include "base/buf.h"
#include "base/sized.h"
#include "os/clock.h"
#include <modellab/tracker.h>

/* What is measured with; NULL members are the system's. */
typedef struct mli_tracker_world {
    const mli_os_clock *clock;
    int64_t (*thread_cpu_ns)(void);
    int64_t (*process_cpu_ns)(void);
    int (*memory_peak)(int64_t pid, int64_t *peak_bytes, int64_t *now_bytes);
} mli_tracker_world;

/* First shipped size of modellab_measures (base/sized.h). */
#define MLI_MEASURES_FIRST MLI_SIZE_UP_TO(modellab_measures, peak_memory_bytes)

MODELLAB_MUST_CHECK modellab_status mli_tracker_create(const modellab_tracker_options *options,
                                                       const mli_tracker_world *world,
                                                       modellab_tracker **out, modellab_error *err);
modellab_tracker *mli_tracker_ref(modellab_tracker *tracker);
void mli_tracker_unref(modellab_tracker *tracker);
MODELLAB_MUST_CHECK modellab_status mli_span_begin(modellab_tracker *tracker, modellab_span parent,
                                                   const char *name, modellab_span *span,
                                                   modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_span_end(modellab_tracker *tracker, modellab_span span,
                                                 modellab_measures *measures, modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_span_add(modellab_tracker *tracker, modellab_span span,
                                                 double audio_seconds, int64_t api_calls,
                                                 modellab_error *err);
/* CPU time that helper threads spent for a span, where the thread's clock does not see it. */
MODELLAB_MUST_CHECK modellab_status mli_span_add_cpu(modellab_tracker *tracker, modellab_span span,
                                                     int64_t cpu_ns, modellab_error *err);
/* Ends the span of work that ended with `status`, with the CPU time of its helper threads and the
 * audio that it was about. The first error counts: `status` when it is one, else what ending the
 * span says. */
MODELLAB_MUST_CHECK modellab_status mli_span_finish(modellab_tracker *tracker, modellab_span span,
                                                    int64_t cpu_ns, double audio_seconds,
                                                    modellab_status status, modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_span_get_measures(modellab_tracker *tracker,
                                                          modellab_span span,
                                                          modellab_measures *out,
                                                          modellab_error *err);
size_t mli_tracker_span_count(modellab_tracker *tracker);
MODELLAB_MUST_CHECK modellab_status mli_tracker_span_at(modellab_tracker *tracker, size_t index,
                                                        modellab_span_info *out,
                                                        modellab_error *err);
/* Appends the JSON of all spans. */
MODELLAB_MUST_CHECK modellab_status mli_tracker_to_json(modellab_tracker *tracker, mli_buf *out,
                                                        modellab_error *err);
const modellab_allocator *mli_tracker_allocator(const modellab_tracker *tracker);

#endif
