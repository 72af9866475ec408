/* modellab_vad: sessions over streams of samples, and what was found in them. */
#include "api/vad.h"
#include "api/audio.h"
#include "api/cancel.h"
#include "api/model.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/sized.h"
#include "track/tracker.h"
#include <math.h>
#include <modellab/vad.h>
#include <string.h>

enum {
    OPTIONS_FIRST = MLI_SIZE_UP_TO(modellab_vad_options, tracker),
    SEGMENT_FIRST = MLI_SIZE_UP_TO(modellab_speech_segment, end),
    STEP = MLI_SILERO_CHUNK,
    BLOCK = 64 * STEP, /* samples of a file at a time, 2 s */
    LOOK_SAMPLES = 1 << 20
};
#define LOUDEST 1e6f

struct modellab_vad_session {
    modellab_model *model;   /* referenced */
    modellab_cancel *cancel; /* referenced; NULL = none */
    mli_pool *pool;
    mli_silero_session *inner;
    mli_vad_rules rules;
    mli_vad_cutter cutter;
    float rest[STEP]; /* samples that do not fill a step */
    size_t rest_count;
    int64_t samples;
    float *probabilities;
    size_t count, capacity;
};

struct modellab_vad_result {
    modellab_allocator alloc;
    _Atomic uint32_t references;
    int64_t samples;
    mli_vad_segment *segments;
    float *probabilities;
    size_t segment_count, count;
};

void modellab_vad_options_init(modellab_vad_options *options, size_t size)
{
    const modellab_vad_options init = MODELLAB_VAD_OPTIONS_INIT;

    mli_sized_init(options, size, &init, sizeof init);
}

MODELLAB_MUST_CHECK static modellab_status bad(const char *what, modellab_error *err)
{
    return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "%s", what);
}

/* Milliseconds of an option as samples. */
static int64_t samples_of(int32_t ms, int64_t fallback)
{
    return ms == 0 ? fallback : (int64_t)(ms < 0 ? 0 : ms) * (MLI_AUDIO_RATE / 1000);
}

modellab_status mli_vad_rules_of(const modellab_vad_options *given, modellab_vad_options *o,
                                 mli_vad_rules *rules, modellab_error *err)
{
    modellab_status status;

    *o = (modellab_vad_options)MODELLAB_VAD_OPTIONS_INIT;
    status = mli_sized_in(o, sizeof *o, OPTIONS_FIRST, given, err);
    if (status != MODELLAB_OK)
        return status;
    double threshold = o->threshold == 0.0 ? 0.5 : o->threshold;
    double low =
        o->neg_threshold == 0.0 ? fmin(fmax(threshold - 0.15, 0.01), threshold) : o->neg_threshold;
    if (!(threshold > 0.0 && threshold <= 1.0) || !(low > 0.0 && low <= threshold))
        return bad("thresholds must lie above 0, at most at 1, and the lower one below", err);
    if (!(o->max_speech_seconds >= 0.0) || o->threads < 0)
        return bad("max_speech_seconds and threads must not be negative", err);
    rules->threshold = (float)threshold;
    rules->neg_threshold = (float)low;
    rules->min_speech = samples_of(o->min_speech_ms, rules->min_speech);
    rules->min_silence = samples_of(o->min_silence_ms, rules->min_silence);
    rules->pad = samples_of(o->pad_ms, rules->pad);
    if (o->max_speech_seconds > 0.0 && o->max_speech_seconds < 1e6)
        rules->max_speech = (int64_t)(o->max_speech_seconds * MLI_AUDIO_RATE);
    return MODELLAB_OK;
}

static void begin_stream(modellab_vad_session *s)
{
    mli_silero_reset(s->inner);
    mli_vad_cutter_dispose(&s->cutter);
    mli_vad_cutter_init(&s->cutter, &s->model->alloc, &s->rules);
    s->rest_count = s->count = 0;
    s->samples = 0;
}

modellab_status modellab_vad_session_create(modellab_model *model,
                                            const modellab_vad_options *options,
                                            modellab_vad_session **out, modellab_error *err)
{
    modellab_vad_options o;
    mli_vad_rules rules;
    modellab_status status;

    if (out == NULL)
        return bad("out must not be NULL", err);
    *out = NULL;
    if (model == NULL)
        return bad("model must not be NULL", err);
    mli_vad_rules_init(&rules);
    status = mli_vad_rules_of(options, &o, &rules, err);
    if (status != MODELLAB_OK)
        return status;
    if (model->vad == NULL)
        return mli_fail(err, MODELLAB_E_UNSUPPORTED_MODEL,
                        "this model is no detector of voice activity");
    modellab_vad_session *s = mli_alloc_zero(&model->alloc, sizeof *s);
    if (s == NULL)
        return mli_no_memory(err);
    s->model = modellab_model_ref(model);
    s->cancel = modellab_cancel_ref(o.cancel);
    s->rules = rules;
    mli_vad_cutter_init(&s->cutter, &model->alloc, &rules);
    status = mli_pool_create(o.threads == 0 ? 1 : o.threads, &model->alloc, &s->pool, err);
    if (status == MODELLAB_OK)
        status = mli_silero_session_create(&s->inner, model->vad, s->pool, err);
    if (status != MODELLAB_OK) {
        modellab_vad_session_destroy(s);
        return status;
    }
    *out = s;
    return MODELLAB_OK;
}

void modellab_vad_session_destroy(modellab_vad_session *session)
{
    if (session != NULL) {
        modellab_model *model = session->model;

        mli_silero_session_destroy(session->inner);
        mli_pool_destroy(session->pool);
        mli_vad_cutter_dispose(&session->cutter);
        mli_free(&model->alloc, session->probabilities);
        modellab_cancel_unref(session->cancel);
        mli_free(&model->alloc, session);
        modellab_model_unref(model);
    }
}

MODELLAB_MUST_CHECK static modellab_status make_room(modellab_vad_session *s, size_t steps,
                                                     modellab_error *err)
{
    size_t capacity = s->capacity == 0 ? 1024 : s->capacity;

    while (capacity < s->count + steps)
        capacity *= 2;
    if (capacity != s->capacity) {
        float *more = mli_realloc_array(&s->model->alloc, s->probabilities, capacity, sizeof *more);
        if (more == NULL)
            return mli_no_memory(err);
        s->probabilities = more;
        s->capacity = capacity;
    }
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status run_steps(modellab_vad_session *s, const float *samples,
                                                     size_t steps, modellab_error *err)
{
    modellab_status status = make_room(s, steps, err);

    if (status == MODELLAB_OK)
        status = mli_silero_run(s->inner, samples, steps, s->probabilities + s->count,
                                mli_cancel_word_of(s->cancel), err);
    if (status == MODELLAB_OK)
        status = mli_vad_cutter_push(&s->cutter, s->probabilities + s->count, steps, err);
    if (status == MODELLAB_OK)
        s->count += steps;
    return status;
}

MODELLAB_MUST_CHECK static modellab_status check_samples(const modellab_vad_session *s,
                                                         const float *samples, size_t count,
                                                         modellab_error *err)
{
    if (count > (size_t)(MLI_AUDIO_MAX_SAMPLES - s->samples))
        return mli_fail(err, MODELLAB_E_LIMIT, "a stream is at most a day long");
    for (size_t i = 0; i < count; i++) {
        /* squares of greater ones would not be finite any more */
        if (!(fabsf(samples[i]) <= LOUDEST))
            return mli_fail_at(err, MODELLAB_E_INVALID_AUDIO, (int64_t)i,
                               "sample %zu is not a number, or beyond a million", i);
        if (i % LOOK_SAMPLES == 0 && mli_cancelled(mli_cancel_word_of(s->cancel)))
            return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
    }
    return MODELLAB_OK;
}

/* Fills up the step that was begun, then takes whole steps from the caller's memory. */
MODELLAB_MUST_CHECK static modellab_status feed(modellab_vad_session *s, const float *samples,
                                                size_t count, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;

    if (s->rest_count > 0) {
        size_t take = STEP - s->rest_count < count ? STEP - s->rest_count : count;
        memcpy(s->rest + s->rest_count, samples, take * sizeof *samples);
        s->rest_count += take;
        samples += take;
        count -= take;
        if (s->rest_count < STEP)
            return MODELLAB_OK;
        s->rest_count = 0;
        status = run_steps(s, s->rest, 1, err);
    }
    if (status == MODELLAB_OK && count >= STEP)
        status = run_steps(s, samples, count / STEP, err);
    if (status == MODELLAB_OK && count % STEP > 0) {
        s->rest_count = count % STEP;
        memcpy(s->rest, samples + (count - s->rest_count), s->rest_count * sizeof *samples);
    }
    return status;
}

modellab_status modellab_vad_feed(modellab_vad_session *session, const float *samples,
                                  size_t sample_count, modellab_error *err)
{
    modellab_status status;

    if (session == NULL || (samples == NULL && sample_count > 0))
        return bad(session == NULL ? "session must not be NULL" : "samples must not be NULL", err);
    if (sample_count == 0)
        return MODELLAB_OK;
    status = check_samples(session, samples, sample_count, err);
    if (status == MODELLAB_OK)
        status = feed(session, samples, sample_count, err);
    if (status != MODELLAB_OK)
        begin_stream(session);
    else
        session->samples += (int64_t)sample_count;
    return status;
}

double modellab_vad_latest(const modellab_vad_session *session)
{
    return session == NULL || session->count == 0
               ? -1.0
               : (double)session->probabilities[session->count - 1];
}

/* Moves what was found into a result. */
MODELLAB_MUST_CHECK static modellab_status
make_result(modellab_vad_session *s, modellab_vad_result **out, modellab_error *err)
{
    modellab_vad_result *r = mli_alloc_zero(&s->model->alloc, sizeof *r);

    if (r == NULL)
        return mli_no_memory(err);
    r->alloc = s->model->alloc;
    atomic_init(&r->references, 1);
    r->samples = s->samples;
    r->segments = s->cutter.segments;
    r->segment_count = s->cutter.count;
    r->probabilities = s->probabilities;
    r->count = s->count;
    s->cutter.segments = NULL;
    s->cutter.count = s->cutter.capacity = 0;
    s->probabilities = NULL;
    s->count = s->capacity = 0;
    *out = r;
    return MODELLAB_OK;
}

modellab_status modellab_vad_finish(modellab_vad_session *session, modellab_vad_result **out,
                                    modellab_error *err)
{
    modellab_status status = MODELLAB_OK;

    if (out != NULL)
        *out = NULL;
    if (session == NULL || out == NULL)
        return bad(session == NULL ? "session must not be NULL" : "out must not be NULL", err);
    if (session->rest_count > 0) {
        memset(session->rest + session->rest_count, 0,
               (STEP - session->rest_count) * sizeof *session->rest);
        status = run_steps(session, session->rest, 1, err);
    }
    if (status == MODELLAB_OK)
        status = mli_vad_cutter_finish(&session->cutter, session->samples, err);
    if (status == MODELLAB_OK)
        status = make_result(session, out, err);
    begin_stream(session);
    return status;
}

/* Feeds a whole recording, block by block, so that progress and cancel have their turn. */
MODELLAB_MUST_CHECK static modellab_status feed_source(modellab_vad_session *s,
                                                       const mli_audio_source *source,
                                                       const modellab_vad_options *o,
                                                       modellab_error *err)
{
    int64_t all = mli_audio_samples(source);
    float *block = mli_alloc_array(&s->model->alloc, BLOCK, sizeof *block);
    modellab_status status = block != NULL ? MODELLAB_OK : mli_no_memory(err);

    for (int64_t at = 0; status == MODELLAB_OK && at < all; at += BLOCK) {
        size_t count = all - at < BLOCK ? (size_t)(all - at) : BLOCK;
        status = mli_audio_read(source, at, count, block, err);
        if (status == MODELLAB_OK)
            status = modellab_vad_feed(s, block, count, err);
        if (status == MODELLAB_OK && o->progress != NULL &&
            o->progress(o->user, (double)(at + (int64_t)count) / MLI_AUDIO_RATE,
                        (double)all / MLI_AUDIO_RATE) != 0)
            status = mli_fail(err, MODELLAB_E_CALLBACK, "the callback ended the work");
    }
    mli_free(&s->model->alloc, block);
    return status;
}

/* The same inside a span of the caller's tracker. */
MODELLAB_MUST_CHECK static modellab_status detect(modellab_vad_session *s,
                                                  const mli_audio_source *source,
                                                  const modellab_vad_options *o,
                                                  modellab_vad_result **out, modellab_error *err)
{
    modellab_span span = 0;
    modellab_status worked, status;

    status = mli_span_begin(o->tracker, MODELLAB_SPAN_ROOT, "vad", &span, err);
    if (status != MODELLAB_OK)
        return status;
    worked = feed_source(s, source, o, err);
    if (worked == MODELLAB_OK)
        worked = modellab_vad_finish(s, out, err);
    status = mli_span_finish(o->tracker, span, mli_pool_cpu_ns(s->pool),
                             (double)mli_audio_samples(source) / MLI_AUDIO_RATE, worked, err);
    if (worked == MODELLAB_OK && status != MODELLAB_OK) {
        modellab_vad_result_unref(*out);
        *out = NULL;
    }
    return status;
}

modellab_status modellab_vad_detect_file(modellab_model *model, const char *path,
                                         const modellab_vad_options *options,
                                         modellab_vad_result **out, modellab_error *err)
{
    modellab_audio_options audio_options = MODELLAB_AUDIO_OPTIONS_INIT;
    modellab_vad_session *session = NULL;
    modellab_audio *audio = NULL;
    modellab_vad_options o;
    mli_vad_rules rules;
    modellab_status status;

    if (out == NULL)
        return bad("out must not be NULL", err);
    *out = NULL;
    if (model == NULL || path == NULL)
        return bad(model == NULL ? "model must not be NULL" : "path must not be NULL", err);
    mli_vad_rules_init(&rules);
    status = mli_vad_rules_of(options, &o, &rules, err);
    if (status == MODELLAB_OK)
        status = modellab_vad_session_create(model, options, &session, err);
    audio_options.allocator = &model->alloc;
    audio_options.cancel = o.cancel;
    if (status == MODELLAB_OK)
        status = modellab_audio_decode_file(path, &audio_options, &audio, err);
    if (status == MODELLAB_OK)
        status = detect(session, mli_audio_const_source_of(audio), &o, out, err);
    modellab_vad_session_destroy(session);
    modellab_audio_unref(audio);
    return status;
}

modellab_vad_result *modellab_vad_result_ref(modellab_vad_result *result)
{
    if (result != NULL)
        atomic_fetch_add(&result->references, 1);
    return result;
}

void modellab_vad_result_unref(modellab_vad_result *result)
{
    if (result != NULL && atomic_fetch_sub(&result->references, 1) == 1) {
        modellab_allocator alloc = result->alloc;

        mli_free(&alloc, result->segments);
        mli_free(&alloc, result->probabilities);
        mli_free(&alloc, result);
    }
}

double modellab_vad_result_duration(const modellab_vad_result *result)
{
    return result == NULL ? 0.0 : (double)result->samples / MLI_AUDIO_RATE;
}

size_t modellab_vad_result_count(const modellab_vad_result *result)
{
    return result == NULL ? 0 : result->segment_count;
}

modellab_status modellab_vad_result_at(const modellab_vad_result *result, size_t index,
                                       modellab_speech_segment *out, modellab_error *err)
{
    modellab_speech_segment segment = {.size = sizeof segment};

    if (result == NULL || out == NULL)
        return bad(result == NULL ? "result must not be NULL" : "out must not be NULL", err);
    if (index >= result->segment_count)
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no segment %zu", index);
    segment.start = (double)result->segments[index].start / MLI_AUDIO_RATE;
    segment.end = (double)result->segments[index].end / MLI_AUDIO_RATE;
    return mli_sized_out(out, &segment, sizeof segment, SEGMENT_FIRST, err);
}

const float *modellab_vad_result_probabilities(const modellab_vad_result *result, size_t *count)
{
    if (count != NULL)
        *count = result == NULL ? 0 : result->count;
    return result == NULL ? NULL : result->probabilities;
}
