/* modellab_asr_session: speech recognition for hosts that run the engine themselves.
 * Spans and sources; the engine is speech/asr.h. */
#include "speech/asr.h"
#include <modellab/asr.h>

#include "api/asr_options.h"
#include "api/asr_session.h"
#include "api/audio.h"
#include "api/transcript.h"
#include "base/alloc.h"
#include "base/error.h"
#include "track/tracker.h"

MODELLAB_MUST_CHECK static modellab_status bad(const char *what, modellab_error *err)
{
    return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "%s", what);
}

modellab_status modellab_asr_session_create(modellab_model *model, int32_t threads,
                                            modellab_asr_session **out, modellab_error *err)
{
    modellab_asr_session *session;
    modellab_status status;

    if (out == NULL)
        return bad("out must not be NULL", err);
    *out = NULL;
    if (model == NULL || threads < 0)
        return bad(model == NULL ? "model must not be NULL" : "threads must not be negative", err);
    if (model->asr == NULL)
        return mli_fail(err, MODELLAB_E_UNSUPPORTED_MODEL,
                        "this model is not one for speech recognition");
    session = mli_alloc_zero(&model->alloc, sizeof *session);
    if (session == NULL)
        return mli_no_memory(err);
    status = mli_asr_session_create(&session->inner, &model->alloc, model->asr, threads, err);
    if (status != MODELLAB_OK) {
        mli_free(&model->alloc, session);
        return status;
    }
    session->model = modellab_model_ref(model);
    *out = session;
    return MODELLAB_OK;
}

void modellab_asr_session_destroy(modellab_asr_session *session)
{
    if (session != NULL) {
        modellab_model *model = session->model;

        mli_asr_session_destroy(session->inner);
        mli_free(&model->alloc, session);
        modellab_model_unref(model);
    }
}

/* The work inside a span of the caller's tracker; the session's own threads are billed to it. */
MODELLAB_MUST_CHECK static modellab_status run_tracked(modellab_asr_session *session,
                                                       const mli_audio_source *source,
                                                       mli_asr_call *c, mli_transcript **out,
                                                       modellab_error *err)
{
    modellab_tracker *tracker = c->given.tracker;
    modellab_span span = 0;
    int64_t before = mli_asr_session_cpu_ns(session->inner);
    modellab_status worked, status;

    status = mli_span_begin(tracker, MODELLAB_SPAN_ROOT, "asr", &span, err);
    if (status != MODELLAB_OK)
        return status;
    worked = mli_asr_transcribe(session->inner, source, &c->inner, out, err);
    status = mli_span_finish(tracker, span, mli_asr_session_cpu_ns(session->inner) - before,
                             (double)mli_audio_samples(source) / MLI_AUDIO_RATE, worked, err);
    if (worked == MODELLAB_OK && status != MODELLAB_OK) {
        mli_transcript_unref(*out);
        *out = NULL;
    }
    return status;
}

modellab_status modellab_asr_transcribe_audio(modellab_asr_session *session,
                                              const modellab_audio *audio,
                                              const modellab_asr_options *options,
                                              modellab_transcript **out, modellab_error *err)
{
    mli_transcript *transcript = NULL;
    modellab_status status;
    mli_asr_call c;

    if (out == NULL)
        return bad("out must not be NULL", err);
    *out = NULL;
    if (session == NULL || audio == NULL)
        return bad(session == NULL ? "session must not be NULL" : "audio must not be NULL", err);
    status = mli_asr_call_prepare(&c, options, err);
    if (status == MODELLAB_OK)
        status = run_tracked(session, mli_audio_const_source_of(audio), &c, &transcript, err);
    *out = mli_transcript_public(transcript);
    return status;
}

modellab_status modellab_asr_transcribe(modellab_asr_session *session, const float *samples,
                                        size_t sample_count, const modellab_asr_options *options,
                                        modellab_transcript **out, modellab_error *err)
{
    modellab_audio_options audio_options = MODELLAB_AUDIO_OPTIONS_INIT;
    modellab_audio *audio = NULL;
    modellab_status status;

    if (out == NULL)
        return bad("out must not be NULL", err);
    *out = NULL;
    if (session == NULL)
        return bad("session must not be NULL", err);
    audio_options.allocator = &session->model->alloc;
    status =
        modellab_audio_from_samples(samples, sample_count, 1, 16000, &audio_options, &audio, err);
    if (status == MODELLAB_OK)
        status = modellab_asr_transcribe_audio(session, audio, options, out, err);
    modellab_audio_unref(audio);
    return status;
}

modellab_status modellab_asr_transcribe_file(modellab_model *model, const char *path,
                                             const modellab_asr_options *options,
                                             modellab_transcript **out, modellab_error *err)
{
    modellab_audio_options audio_options = MODELLAB_AUDIO_OPTIONS_INIT;
    modellab_asr_session *session = NULL;
    modellab_audio *audio = NULL;
    modellab_status status;
    mli_asr_call c;

    if (out == NULL)
        return bad("out must not be NULL", err);
    *out = NULL;
    if (model == NULL || path == NULL)
        return bad(model == NULL ? "model must not be NULL" : "path must not be NULL", err);
    status = mli_asr_call_prepare(&c, options, err);
    audio_options.allocator = &model->alloc;
    audio_options.cancel = c.given.cancel;
    if (status == MODELLAB_OK)
        status = modellab_audio_decode_file(path, &audio_options, &audio, err);
    if (status == MODELLAB_OK)
        status = modellab_asr_session_create(model, c.given.threads, &session, err);
    if (status == MODELLAB_OK)
        status = modellab_asr_transcribe_audio(session, audio, options, out, err);
    modellab_asr_session_destroy(session);
    modellab_audio_unref(audio);
    return status;
}
