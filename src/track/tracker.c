/* Spans: begin, end, add. A span's CPU time is that of its thread, plus that of spans inside it
 * which ran on other threads; where work crossed threads, it is the process's. */
#include "track/tracker.h"
#include "base/alloc.h"
#include "base/checked.h"
#include "base/error.h"
#include "base/sized.h"
#include "base/str.h"
#include "os/memory.h"
#include "track/gpu.h"
#include "track/span.h"
#include <errno.h>
#include <math.h>
#include <string.h>

static int64_t gpu_now(const modellab_tracker *t)
{
    int64_t busy_ns = 0;
    if (t->gpu.read == NULL || t->gpu.read(t->gpu.user, &busy_ns) != 0)
        return -1;
    return busy_ns;
}

static void start_span(const modellab_tracker *t, mli_span *s, const char *name, int64_t parent,
                       int32_t depth)
{
    memset(s, 0, sizeof *s);
    (void)mli_str_copy(s->name, sizeof s->name, name); /* cut at the field's size, as promised */
    s->parent = parent;
    s->depth = depth;
    s->open = true;
    s->thread = mli_os_thread_key();
    s->gpu_ns = gpu_now(t);
    s->process_cpu_ns = t->world.process_cpu_ns();
    s->thread_cpu_ns = t->world.thread_cpu_ns();
    s->started_ns = t->world.clock->monotonic_ns(t->world.clock->user);
}

int64_t mli_span_cpu_ns(const modellab_tracker *t, const mli_span *s, bool *is_process)
{
    *is_process =
        t->cpu_clock == MODELLAB_CPU_CLOCK_PROCESS || s->mixed || s->thread != mli_os_thread_key();
    if (*is_process)
        return t->world.process_cpu_ns() - s->process_cpu_ns;
    return t->world.thread_cpu_ns() - s->thread_cpu_ns + s->foreign_cpu_ns;
}

void mli_span_measure(const modellab_tracker *t, const mli_span *s, modellab_measures *out)
{
    bool is_process;
    int64_t peak = -1, now_bytes, gpu;
    if (!s->open) {
        *out = s->done;
        return;
    }
    int64_t wall = t->world.clock->monotonic_ns(t->world.clock->user) - s->started_ns;
    *out = (modellab_measures)MODELLAB_MEASURES_INIT;
    out->wall_seconds = (double)wall / 1e9;
    out->cpu_seconds = (double)mli_span_cpu_ns(t, s, &is_process) / 1e9;
    gpu = s->gpu_ns >= 0 ? gpu_now(t) : -1;
    out->gpu_seconds = gpu >= 0 ? (double)(gpu - s->gpu_ns) / 1e9 : -1.0;
    out->audio_seconds = s->audio_seconds;
    out->api_calls = s->api_calls;
    out->peak_memory_bytes = t->world.memory_peak(0, &peak, &now_bytes) == 0 ? peak : -1;
}

mli_span *mli_span_find(modellab_tracker *t, modellab_span span, modellab_error *err,
                        modellab_status *status)
{
    *status = MODELLAB_OK;
    if (span >= 0 && (uint64_t)span < t->count)
        return mli_span_at(t, (size_t)span);
    *status = mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no span with this number");
    return NULL;
}

static mli_tracker_world complete(const mli_tracker_world *given)
{
    mli_tracker_world w = {NULL, NULL, NULL, NULL};
    if (given != NULL)
        w = *given;
    w.clock = w.clock != NULL ? w.clock : &mli_os_system_clock;
    w.thread_cpu_ns = w.thread_cpu_ns != NULL ? w.thread_cpu_ns : mli_os_thread_cpu_ns;
    w.process_cpu_ns = w.process_cpu_ns != NULL ? w.process_cpu_ns : mli_os_process_cpu_ns;
    w.memory_peak = w.memory_peak != NULL ? w.memory_peak : mli_os_memory_peak;
    return w;
}

MODELLAB_MUST_CHECK static modellab_status take_gpu(const modellab_tracker_options *o,
                                                    const modellab_allocator *alloc,
                                                    modellab_gpu_provider *out, modellab_error *err)
{
    *out = (modellab_gpu_provider)MODELLAB_GPU_PROVIDER_INIT;
    if (o->gpu == NULL)
        return o->no_gpu != 0 ? MODELLAB_OK : mli_gpu_find(alloc, out, err);
    modellab_status status =
        mli_sized_in(out, sizeof *out, MLI_SIZE_UP_TO(modellab_gpu_provider, release), o->gpu, err);
    if (status == MODELLAB_OK && out->read == NULL)
        status = mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "a GPU provider needs a read function");
    return status;
}

MODELLAB_MUST_CHECK static modellab_status make(const modellab_tracker_options *o,
                                                const mli_tracker_world *world,
                                                const modellab_allocator *alloc,
                                                const modellab_gpu_provider *gpu,
                                                modellab_tracker **out, modellab_error *err)
{
    modellab_tracker *t = mli_alloc_zero(alloc, sizeof *t);
    if (t == NULL)
        return mli_no_memory(err);
    t->chunks[0] = mli_alloc_array(alloc, MLI_SPAN_CHUNK, sizeof *t->chunks[0]);
    int rc = t->chunks[0] != NULL ? mli_os_mutex_init(&t->lock) : ENOMEM;
    if (rc != 0) {
        mli_free(alloc, t->chunks[0]);
        mli_free(alloc, t);
        return mli_fail_os(err, rc, "making a tracker");
    }
    atomic_store(&t->refs, 1);
    t->alloc = *alloc;
    t->world = complete(world);
    t->gpu = *gpu;
    t->cpu_clock = o->cpu_clock;
    t->count = 1;
    start_span(t, mli_span_at(t, 0), "", -1, 0);
    *out = t;
    return MODELLAB_OK;
}

modellab_status mli_tracker_create(const modellab_tracker_options *options,
                                   const mli_tracker_world *world, modellab_tracker **out,
                                   modellab_error *err)
{
    modellab_tracker_options o = MODELLAB_TRACKER_OPTIONS_INIT;
    modellab_allocator alloc;
    modellab_gpu_provider gpu;
    *out = NULL;
    modellab_status status =
        mli_sized_in(&o, sizeof o, MLI_SIZE_UP_TO(modellab_tracker_options, no_gpu), options, err);
    if (status == MODELLAB_OK)
        status = mli_allocator_take(o.allocator, &alloc, err);
    if (status == MODELLAB_OK)
        status = take_gpu(&o, &alloc, &gpu, err);
    if (status != MODELLAB_OK)
        return status;
    if (o.cpu_clock != MODELLAB_CPU_CLOCK_AUTO && o.cpu_clock != MODELLAB_CPU_CLOCK_PROCESS)
        status = mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "cpu_clock has no such value");
    else
        status = make(&o, world, &alloc, &gpu, out, err);
    if (status != MODELLAB_OK && o.gpu == NULL && gpu.release != NULL)
        gpu.release(gpu.user); /* found here; a caller's own was not taken */
    return status;
}

modellab_tracker *mli_tracker_ref(modellab_tracker *tracker)
{
    if (tracker != NULL)
        atomic_fetch_add_explicit(&tracker->refs, 1, memory_order_relaxed);
    return tracker;
}

void mli_tracker_unref(modellab_tracker *t)
{
    if (t == NULL || atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1)
        return;
    modellab_allocator alloc = t->alloc;
    if (t->gpu.release != NULL)
        t->gpu.release(t->gpu.user);
    mli_os_mutex_destroy(&t->lock);
    for (size_t i = 0; i < MLI_SPAN_CHUNKS; i++)
        mli_free(&alloc, t->chunks[i]);
    mli_free(&alloc, t);
}

const modellab_allocator *mli_tracker_allocator(const modellab_tracker *tracker)
{
    return &tracker->alloc;
}

MODELLAB_MUST_CHECK static modellab_status room_for_one(modellab_tracker *t, modellab_error *err)
{
    if (t->count > MODELLAB_TRACKER_MAX_SPANS)
        return mli_fail(err, MODELLAB_E_LIMIT, "a tracker keeps at most %d spans",
                        MODELLAB_TRACKER_MAX_SPANS);
    mli_span **chunk = &t->chunks[t->count / MLI_SPAN_CHUNK];
    if (*chunk == NULL)
        *chunk = mli_alloc_array(&t->alloc, MLI_SPAN_CHUNK, sizeof **chunk);
    return *chunk != NULL ? MODELLAB_OK : mli_no_memory(err);
}

modellab_status mli_span_begin(modellab_tracker *t, modellab_span parent, const char *name,
                               modellab_span *span, modellab_error *err)
{
    modellab_status status;
    *span = MODELLAB_SPAN_ROOT;
    if (t == NULL)
        return MODELLAB_OK;
    mli_os_mutex_lock(&t->lock);
    const mli_span *p = mli_span_find(t, parent, err, &status);
    if (p != NULL && !p->open)
        status = mli_fail(err, MODELLAB_E_STATE, "the span around it has ended");
    if (status == MODELLAB_OK)
        status = room_for_one(t, err);
    if (status == MODELLAB_OK) {
        start_span(t, mli_span_at(t, t->count), name, parent, p->depth + 1);
        *span = (modellab_span)t->count++;
    }
    mli_os_mutex_unlock(&t->lock);
    return status;
}

/* Ends one span and tells those around it what their own thread's clock has not seen. */
static void close_span(modellab_tracker *t, mli_span *s)
{
    bool is_process;
    int64_t cpu = mli_span_cpu_ns(t, s, &is_process);
    mli_span_measure(t, s, &s->done);
    s->done.cpu_seconds = (double)cpu / 1e9;
    s->open = false;
    if (s->parent < 0)
        return;
    mli_span *p = mli_span_at(t, (size_t)s->parent);
    if (is_process)
        p->mixed = true;
    else
        p->foreign_cpu_ns += p->thread == s->thread ? s->foreign_cpu_ns : cpu;
}

modellab_status mli_span_end(modellab_tracker *t, modellab_span span, modellab_measures *measures,
                             modellab_error *err)
{
    modellab_measures done = MODELLAB_MEASURES_INIT;
    modellab_status status;
    if (t == NULL)
        return measures != NULL
                   ? mli_sized_out(measures, &done, sizeof done, MLI_MEASURES_FIRST, err)
                   : MODELLAB_OK;
    if (span == MODELLAB_SPAN_ROOT)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "the root span ends with its tracker");
    mli_os_mutex_lock(&t->lock);
    mli_span *s = mli_span_find(t, span, err, &status);
    if (s != NULL && !s->open)
        status = mli_fail(err, MODELLAB_E_STATE, "the span has ended before");
    if (status == MODELLAB_OK) {
        /* Spans inside have larger numbers: mark downwards from this one, then end the inner first.
         */
        s->ending = true;
        for (size_t i = (size_t)span + 1; i < t->count; i++) {
            mli_span *inner = mli_span_at(t, i);
            inner->ending = inner->open && mli_span_at(t, (size_t)inner->parent)->ending;
        }
        for (size_t i = t->count; i-- > (size_t)span;) {
            mli_span *inner = mli_span_at(t, i);
            if (inner->ending)
                close_span(t, inner);
            inner->ending = false;
        }
        done = s->done;
    }
    mli_os_mutex_unlock(&t->lock);
    if (status == MODELLAB_OK && measures != NULL)
        status = mli_sized_out(measures, &done, sizeof done, MLI_MEASURES_FIRST, err);
    return status;
}

modellab_status mli_span_finish(modellab_tracker *t, modellab_span span, int64_t cpu_ns,
                                double audio_seconds, modellab_status status, modellab_error *err)
{
    modellab_error *own = status == MODELLAB_OK ? err : NULL;
    modellab_status ended = mli_span_add_cpu(t, span, cpu_ns, own);
    if (ended == MODELLAB_OK)
        ended = mli_span_add(t, span, audio_seconds, 0, own);
    modellab_status closed = mli_span_end(t, span, NULL, ended == MODELLAB_OK ? own : NULL);
    if (ended == MODELLAB_OK)
        ended = closed;
    return status != MODELLAB_OK ? status : ended;
}

MODELLAB_MUST_CHECK static modellab_status add(modellab_tracker *t, modellab_span span,
                                               double audio, int64_t calls, int64_t cpu_ns,
                                               modellab_error *err)
{
    modellab_status status;
    if (t == NULL)
        return MODELLAB_OK;
    mli_os_mutex_lock(&t->lock);
    const mli_span *s = mli_span_find(t, span, err, &status);
    if (s != NULL && !s->open)
        status = mli_fail(err, MODELLAB_E_STATE, "the span has ended");
    for (int64_t i = span; status == MODELLAB_OK && i >= 0; i = mli_span_at(t, (size_t)i)->parent) {
        mli_span *at = mli_span_at(t, (size_t)i);
        at->audio_seconds += audio;
        if (mli_add_overflow(at->api_calls, calls, &at->api_calls))
            at->api_calls = INT64_MAX;
        /* Further up the thread's clock of another thread is at work: close_span() tells that one.
         */
        if (i == span)
            at->foreign_cpu_ns += cpu_ns;
    }
    mli_os_mutex_unlock(&t->lock);
    return status;
}

modellab_status mli_span_add(modellab_tracker *t, modellab_span span, double audio_seconds,
                             int64_t api_calls, modellab_error *err)
{
    if (!isfinite(audio_seconds) || audio_seconds < 0 || api_calls < 0)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "only finite amounts of at least 0 can be added");
    return add(t, span, audio_seconds, api_calls, 0, err);
}

modellab_status mli_span_add_cpu(modellab_tracker *t, modellab_span span, int64_t cpu_ns,
                                 modellab_error *err)
{
    if (cpu_ns < 0)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "CPU time cannot be negative");
    return add(t, span, 0, 0, cpu_ns, err);
}
