/* Inside of a tracker: its spans in the order in which they began. Number 0 is the root. */
#ifndef MLI_TRACK_SPAN_H
#define MLI_TRACK_SPAN_H

#include "os/thread.h"
#include "track/tracker.h"

typedef struct mli_span {
    char name[64];
    int64_t parent; /* -1 for the root */
    int32_t depth;
    bool open, ending;
    bool mixed; /* work inside crossed threads: only the process's clock is right */
    uintptr_t thread;
    int64_t started_ns, thread_cpu_ns, process_cpu_ns, gpu_ns; /* clocks at the beginning */
    int64_t foreign_cpu_ns; /* of work inside that ran on other threads */
    double audio_seconds;
    int64_t api_calls;
    modellab_measures done; /* when not open */
} mli_span;

#define MLI_SPAN_CHUNK 64
#define MLI_SPAN_CHUNKS (MODELLAB_TRACKER_MAX_SPANS / MLI_SPAN_CHUNK + 1)

struct modellab_tracker {
    _Atomic int64_t refs;
    modellab_allocator alloc;
    mli_tracker_world world;
    modellab_gpu_provider gpu; /* read NULL = none */
    modellab_cpu_clock cpu_clock;
    mli_os_mutex lock;
    mli_span *chunks[MLI_SPAN_CHUNKS]; /* never move: names are lent out */
    size_t count;
};

static inline mli_span *mli_span_at(const modellab_tracker *t, size_t index)
{
    return &t->chunks[index / MLI_SPAN_CHUNK][index % MLI_SPAN_CHUNK];
}

/* Measures of a span: those at its end, or until now. Under the lock. */
void mli_span_measure(const modellab_tracker *t, const mli_span *s, modellab_measures *out);
/* CPU time of an open span until now; *is_process tells that the process's clock measured it. */
int64_t mli_span_cpu_ns(const modellab_tracker *t, const mli_span *s, bool *is_process);
/* Under the lock: the span, or NULL with *err filled. */
mli_span *mli_span_find(modellab_tracker *t, modellab_span span, modellab_error *err,
                        modellab_status *status);

#endif
