/* Reading a tracker: measures, spans, JSON. */
#include "base/error.h"
#include "base/json.h"
#include "base/sized.h"
#include "track/span.h"
#include "track/tracker.h"

modellab_status mli_span_get_measures(modellab_tracker *t, modellab_span span,
                                      modellab_measures *out, modellab_error *err)
{
    modellab_measures m = MODELLAB_MEASURES_INIT;
    modellab_status status = MODELLAB_OK;
    if (t != NULL) {
        mli_os_mutex_lock(&t->lock);
        const mli_span *s = mli_span_find(t, span, err, &status);
        if (s != NULL)
            mli_span_measure(t, s, &m);
        mli_os_mutex_unlock(&t->lock);
    }
    return status != MODELLAB_OK ? status
                                 : mli_sized_out(out, &m, sizeof m, MLI_MEASURES_FIRST, err);
}

size_t mli_tracker_span_count(modellab_tracker *t)
{
    if (t == NULL)
        return 0;
    mli_os_mutex_lock(&t->lock);
    size_t count = t->count - 1;
    mli_os_mutex_unlock(&t->lock);
    return count;
}

modellab_status mli_tracker_span_at(modellab_tracker *t, size_t index, modellab_span_info *out,
                                    modellab_error *err)
{
    modellab_span_info info = {.size = sizeof info};
    modellab_measures m;
    mli_os_mutex_lock(&t->lock);
    bool found = index < t->count - 1;
    if (found) {
        const mli_span *s = mli_span_at(t, index + 1);
        mli_span_measure(t, s, &m);
        info.id = (modellab_span)index + 1;
        info.parent = s->parent;
        info.started_ns = s->started_ns - mli_span_at(t, 0)->started_ns;
        info.is_open = s->open;
        info.depth = s->depth;
        info.wall_seconds = m.wall_seconds;
        info.cpu_seconds = m.cpu_seconds;
        info.gpu_seconds = m.gpu_seconds;
        info.audio_seconds = m.audio_seconds;
        info.api_calls = m.api_calls;
        info.peak_memory_bytes = m.peak_memory_bytes;
        info.name = s->name;
    }
    mli_os_mutex_unlock(&t->lock);
    if (!found)
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no span at this index");
    return mli_sized_out(out, &info, sizeof info,
                         MLI_SIZE_UP_TO(modellab_span_info, peak_memory_bytes), err);
}

static void write_real(mli_jw *w, const char *key, double value)
{
    mli_jw_key(w, key);
    if (value >= 0)
        mli_jw_real(w, value);
    else
        mli_jw_null(w);
}

static void write_int(mli_jw *w, const char *key, int64_t value)
{
    mli_jw_key(w, key);
    if (value >= 0)
        mli_jw_int(w, value);
    else
        mli_jw_null(w);
}

static void write_measures(mli_jw *w, const modellab_measures *m)
{
    write_real(w, "wall_seconds", m->wall_seconds);
    write_real(w, "cpu_seconds", m->cpu_seconds);
    write_real(w, "gpu_seconds", m->gpu_seconds);
    write_real(w, "audio_seconds", m->audio_seconds);
    write_int(w, "api_calls", m->api_calls);
    write_int(w, "peak_memory_bytes", m->peak_memory_bytes);
}

modellab_status mli_tracker_to_json(modellab_tracker *t, mli_buf *out, modellab_error *err)
{
    modellab_measures m;
    mli_jw w;
    mli_jw_init(&w, out);
    mli_jw_object(&w);
    mli_os_mutex_lock(&t->lock);
    mli_jw_key(&w, "total");
    mli_jw_object(&w);
    mli_span_measure(t, mli_span_at(t, 0), &m);
    write_measures(&w, &m);
    mli_jw_end_object(&w);
    mli_jw_key(&w, "spans");
    mli_jw_array(&w);
    for (size_t i = 1; i < t->count; i++) {
        const mli_span *s = mli_span_at(t, i);
        mli_jw_object(&w);
        mli_jw_kint(&w, "id", (int64_t)i);
        mli_jw_kint(&w, "parent", s->parent);
        mli_jw_kstring(&w, "name", s->name);
        mli_jw_kint(&w, "started_ns", s->started_ns - mli_span_at(t, 0)->started_ns);
        mli_jw_kbool(&w, "open", s->open);
        mli_span_measure(t, s, &m);
        write_measures(&w, &m);
        mli_jw_end_object(&w);
    }
    mli_os_mutex_unlock(&t->lock);
    mli_jw_end_array(&w);
    mli_jw_end_object(&w);
    return mli_buf_status(out, err);
}
