/* modellab_tts: sessions over voices, and utterances. */
#include "api/tts.h"
#include "api/cancel.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/sized.h"
#include "track/tracker.h"
#include <math.h>
#include <string.h>

enum {
    OPTIONS_FIRST = MLI_SIZE_UP_TO(modellab_tts_options, tracker),
    LEAST_RATE = 4000,
    MOST_RATE = 192000,
    FIRST_SAMPLES = 1 << 16
};

void modellab_tts_options_init(modellab_tts_options *options, size_t size)
{
    const modellab_tts_options init = MODELLAB_TTS_OPTIONS_INIT;

    mli_sized_init(options, size, &init, sizeof init);
}

MODELLAB_MUST_CHECK static modellab_status bad(const char *what, modellab_error *err)
{
    return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "%s", what);
}

MODELLAB_MUST_CHECK static modellab_status
take_options(const modellab_tts_options *given, modellab_tts_options *o, modellab_error *err)
{
    modellab_status status;

    *o = (modellab_tts_options)MODELLAB_TTS_OPTIONS_INIT;
    status = mli_sized_in(o, sizeof *o, OPTIONS_FIRST, given, err);
    if (status != MODELLAB_OK)
        return status;
    if (o->speed == 0.0)
        o->speed = 1.0;
    if (!(o->speed >= 0.1 && o->speed <= 10.0))
        return bad("speed must be 0.1 to 10", err);
    if (!(o->noise <= 10.0) || !(o->noise_w <= 10.0))
        return bad("noise and noise_w must be at most 10", err);
    if (o->threads < 0 || o->speaker < 0)
        return bad("threads and speaker must not be negative", err);
    if (o->output_rate_hz != 0 && (o->output_rate_hz < LEAST_RATE || o->output_rate_hz > MOST_RATE))
        return bad("output_rate_hz must be 4000 to 192000", err);
    if (o->normalize < 0 || o->normalize > 1)
        return bad("normalize must be 0 or 1", err);
    if (o->normalize == 1 && o->chunk != NULL)
        return bad("normalize needs the whole utterance: not with a chunk callback", err);
    return MODELLAB_OK;
}

static double noise_of(double given, double own)
{
    return given == 0.0 ? own : fmax(given, 0.0);
}

/* Samples at the output rate: to the callback, or into the result. */
MODELLAB_MUST_CHECK static modellab_status put(void *user, const float *samples, size_t count,
                                               modellab_error *err)
{
    modellab_tts_session *s = user;
    modellab_tts_result *r = s->result;

    s->sent += (int64_t)count;
    if (s->sink != NULL)
        return s->sink(s->sink_user, samples, count, err);
    if (s->options.chunk != NULL)
        return s->options.chunk(s->options.user, samples, count) == 0
                   ? MODELLAB_OK
                   : mli_fail(err, MODELLAB_E_CALLBACK, "the callback ended the work");
    if (count > s->capacity - r->count) {
        size_t capacity = s->capacity == 0 ? FIRST_SAMPLES : s->capacity;

        while (capacity < r->count + count)
            capacity *= 2;
        float *more = mli_realloc_array(&r->alloc, r->samples, capacity, sizeof *more);
        if (more == NULL)
            return mli_no_memory(err);
        r->samples = more;
        s->capacity = capacity;
    }
    memcpy(r->samples + r->count, samples, count * sizeof *samples);
    r->count += count;
    return MODELLAB_OK;
}

static int64_t total_samples(const modellab_tts_session *s)
{
    mli_vits_info info = mli_vits_info_of(s->model->voice->net);
    size_t count = 0;
    const int32_t *frames = mli_vits_frames(s->session, &count);
    int64_t total = 0;

    for (size_t i = 0; i < count; i++)
        total += frames[i];
    return total * info.hop;
}

/* Samples of the voice as they are made. */
MODELLAB_MUST_CHECK static modellab_status take_chunk(void *user, const float *samples,
                                                      size_t count, modellab_error *err)
{
    modellab_tts_session *s = user;
    double rate = (double)s->model->voice->config.sample_rate;
    modellab_status status =
        s->rate != NULL ? mli_rate_push(s->rate, samples, count, err) : put(s, samples, count, err);

    s->made += (int64_t)count;
    if (status == MODELLAB_OK && s->options.progress != NULL &&
        s->options.progress(s->options.user, (double)s->made / rate,
                            (double)total_samples(s) / rate) != 0)
        status = mli_fail(err, MODELLAB_E_CALLBACK, "the callback ended the work");
    return status;
}

MODELLAB_MUST_CHECK static modellab_status make_session(modellab_tts_session *s,
                                                        modellab_error *err)
{
    const mli_voice *voice = s->model->voice;
    const modellab_tts_options *o = &s->options;
    modellab_status status = mli_pool_create(o->threads, &s->model->alloc, &s->pool, err);

    s->inner = (mli_vits_options){.length = voice->config.length / o->speed,
                                  .noise = noise_of(o->noise, voice->config.noise),
                                  .noise_w = noise_of(o->noise_w, voice->config.noise_w),
                                  .speaker = o->speaker,
                                  .seed = o->seed};
    s->rate_hz = o->output_rate_hz != 0 ? o->output_rate_hz : voice->config.sample_rate;
    if (status == MODELLAB_OK)
        status = mli_vits_session_create(&s->session, voice->net, s->pool, err);
    if (status == MODELLAB_OK && s->rate_hz != voice->config.sample_rate)
        status = mli_rate_create(&s->model->alloc, (mli_pcm_format){1, voice->config.sample_rate},
                                 s->rate_hz, (mli_pcm_sink){put, s}, &s->rate, err);
    return status;
}

modellab_status modellab_tts_session_create(modellab_model *model,
                                            const modellab_tts_options *options,
                                            modellab_tts_session **out, modellab_error *err)
{
    modellab_tts_options o;
    modellab_status status;

    if (out == NULL)
        return bad("out must not be NULL", err);
    *out = NULL;
    if (model == NULL)
        return bad("model must not be NULL", err);
    status = take_options(options, &o, err);
    if (status != MODELLAB_OK)
        return status;
    if (model->voice == NULL)
        return mli_fail(err, MODELLAB_E_UNSUPPORTED_MODEL, "this model is no voice");
    if (o.speaker >= mli_vits_info_of(model->voice->net).speakers)
        return bad("the voice has no such speaker", err);
    modellab_tts_session *s = mli_alloc_zero(&model->alloc, sizeof *s);
    if (s == NULL)
        return mli_no_memory(err);
    s->model = modellab_model_ref(model);
    s->cancel = modellab_cancel_ref(o.cancel);
    s->tracker = mli_tracker_ref(o.tracker);
    s->options = o;
    status = make_session(s, err);
    if (status != MODELLAB_OK) {
        modellab_tts_session_destroy(s);
        return status;
    }
    *out = s;
    return MODELLAB_OK;
}

void modellab_tts_session_destroy(modellab_tts_session *session)
{
    if (session != NULL) {
        modellab_model *model = session->model;

        mli_vits_session_destroy(session->session);
        mli_pool_destroy(session->pool);
        mli_rate_destroy(session->rate);
        modellab_cancel_unref(session->cancel);
        mli_tracker_unref(session->tracker);
        mli_free(&model->alloc, session);
        modellab_model_unref(model);
    }
}

/* What the result says beside samples: ids and words now, their times when they are known. */
MODELLAB_MUST_CHECK static modellab_status begin_result(modellab_tts_session *s, const int32_t *ids,
                                                        size_t count,
                                                        const modellab_tts_span *words,
                                                        size_t word_count, modellab_error *err)
{
    const modellab_allocator *alloc = &s->model->alloc;
    modellab_tts_result *r = mli_alloc_zero(alloc, sizeof *r);

    if (r == NULL)
        return mli_no_memory(err);
    r->alloc = *alloc;
    atomic_init(&r->references, 1);
    s->result = r;
    s->capacity = 0;
    s->made = s->sent = 0;
    r->ids = mli_alloc_array(alloc, count, sizeof *r->ids);
    r->ends = mli_alloc_array(alloc, count, sizeof *r->ends);
    r->words = mli_alloc_array(alloc, word_count, sizeof *r->words);
    if (r->ids == NULL || r->ends == NULL || r->words == NULL)
        return mli_no_memory(err);
    memcpy(r->ids, ids, count * sizeof *ids);
    if (word_count > 0)
        memcpy(r->words, words, word_count * sizeof *words);
    r->info.rate_hz = s->rate_hz;
    r->info.phonemes = (int32_t)count;
    r->info.words = (int32_t)word_count;
    return MODELLAB_OK;
}

static void end_result(modellab_tts_session *s)
{
    modellab_tts_result *r = s->result;
    double rate = (double)s->model->voice->config.sample_rate;
    int64_t hop = mli_vits_info_of(s->model->voice->net).hop, at = 0;
    size_t count = 0;
    const int32_t *frames = mli_vits_frames(s->session, &count);

    for (size_t i = 0; i < count; i++) {
        at += frames[i] * hop;
        r->ends[i] = (double)at / rate;
    }
    r->info.duration = (double)s->made / rate;
    r->info.cut = (int32_t)mli_vits_cut_ids(s->session);
    if (s->options.normalize == 1) {
        float top = 0.0f;
        for (size_t i = 0; i < r->count; i++)
            top = fmaxf(top, fabsf(r->samples[i]));
        for (size_t i = 0; top > 1e-8f && i < r->count; i++)
            r->samples[i] /= top;
    }
}

MODELLAB_MUST_CHECK static modellab_status run(modellab_tts_session *s, const int32_t *ids,
                                               size_t count, modellab_error *err)
{
    modellab_span span = 0;
    modellab_status status;
    int64_t cpu = mli_pool_cpu_ns(s->pool);

    status = mli_span_begin(s->tracker, MODELLAB_SPAN_ROOT, "tts", &span, err);
    if (status != MODELLAB_OK)
        return status;
    if (s->rate != NULL)
        status = mli_rate_reset(s->rate, err);
    if (status == MODELLAB_OK)
        status = mli_vits_run(s->session, ids, count, &s->inner, take_chunk, s,
                              mli_cancel_word_of(s->cancel), err);
    if (status == MODELLAB_OK && s->rate != NULL)
        status = mli_rate_finish(s->rate, err);
    return mli_span_finish(s->tracker, span, mli_pool_cpu_ns(s->pool) - cpu,
                           (double)s->made / (double)s->model->voice->config.sample_rate, status,
                           err);
}

MODELLAB_MUST_CHECK static modellab_status check_words(const modellab_tts_span *words, size_t count,
                                                       size_t ids, modellab_error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (words[i].first < 0 || words[i].count < 1 || (size_t)words[i].first >= ids ||
            (size_t)words[i].count > ids - (size_t)words[i].first)
            return mli_fail_at(err, MODELLAB_E_INVALID_ARGUMENT, (int64_t)i,
                               "word %zu is no span of the ids", i);
    }
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status speak(modellab_tts_session *s, const int32_t *ids,
                                                 size_t count, const modellab_tts_span *words,
                                                 size_t word_count, size_t skipped,
                                                 modellab_tts_result **out, modellab_error *err)
{
    modellab_status status = check_words(words, word_count, count, err);

    if (status == MODELLAB_OK)
        status = begin_result(s, ids, count, words, word_count, err);
    if (status == MODELLAB_OK) {
        s->busy = true;
        status = run(s, ids, count, err);
        s->busy = false;
    }
    if (status == MODELLAB_OK) {
        end_result(s);
        s->result->info.skipped = (int32_t)skipped;
        s->inner.utterance++;
    }
    if (status == MODELLAB_OK && out != NULL)
        *out = s->result;
    else
        modellab_tts_result_unref(s->result);
    s->result = NULL;
    return status;
}

modellab_status mli_tts_speak(modellab_tts_session *s, const int32_t *ids, size_t count,
                              modellab_tts_result **out, modellab_error *err)
{
    modellab_status status = speak(s, ids, count, NULL, 0, 0, out, err);
    s->busy = true; /* until the text is over */
    return status;
}

MODELLAB_MUST_CHECK static modellab_status
check_call(const modellab_tts_session *s, modellab_tts_result **out, modellab_error *err)
{
    if (s == NULL)
        return bad("session must not be NULL", err);
    if (out == NULL && s->options.chunk == NULL)
        return bad("out must not be NULL without a chunk callback", err);
    return s->busy ? mli_fail(err, MODELLAB_E_BUSY, "the session is speaking") : MODELLAB_OK;
}

modellab_status modellab_tts_speak_ids(modellab_tts_session *session, const int32_t *ids,
                                       size_t id_count, const modellab_tts_span *words,
                                       size_t word_count, modellab_tts_result **out,
                                       modellab_error *err)
{
    modellab_status status;

    if (out != NULL)
        *out = NULL;
    status = check_call(session, out, err);
    if (status == MODELLAB_OK && (ids == NULL || (words == NULL && word_count > 0)))
        status = bad(ids == NULL ? "ids must not be NULL" : "words must not be NULL", err);
    if (status == MODELLAB_OK && (id_count == 0 || id_count > MLI_VITS_MAX_IDS))
        status = id_count == 0 ? bad("there is no phoneme id", err)
                               : mli_fail(err, MODELLAB_E_LIMIT,
                                          "%zu phoneme ids in one utterance; at most %d", id_count,
                                          MLI_VITS_MAX_IDS);
    if (status == MODELLAB_OK && word_count > id_count)
        status = bad("more words than ids", err);
    return status == MODELLAB_OK ? speak(session, ids, id_count, words, word_count, 0, out, err)
                                 : status;
}

modellab_status modellab_tts_speak_ipa(modellab_tts_session *session, const char *ipa,
                                       modellab_tts_result **out, modellab_error *err)
{
    mli_voice_ids ids;
    modellab_status status;

    if (out != NULL)
        *out = NULL;
    status = check_call(session, out, err);
    if (status == MODELLAB_OK && ipa == NULL)
        status = bad("ipa must not be NULL", err);
    if (status == MODELLAB_OK)
        status = mli_voice_ids_of(&ids, session->model->voice, ipa, strlen(ipa), err);
    if (status != MODELLAB_OK)
        return status;
    modellab_tts_span *words =
        mli_alloc_array(&session->model->alloc, ids.word_count, sizeof *words);
    if (words == NULL)
        status = mli_no_memory(err);
    for (size_t i = 0; words != NULL && i < ids.word_count; i++)
        words[i] = (modellab_tts_span){ids.words[i].first, ids.words[i].count};
    if (status == MODELLAB_OK)
        status = speak(session, ids.ids, ids.count, words, ids.word_count, ids.skipped, out, err);
    mli_free(&session->model->alloc, words);
    mli_voice_ids_dispose(&ids);
    return status;
}
