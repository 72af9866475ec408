/* modellab_align_*: word times for a given text. The engine is speech/asr_align.h. */
#include "speech/asr_align.h"
#include <modellab/align.h>

#include "api/asr_session.h"
#include "api/audio.h"
#include "api/cancel.h"
#include "api/transcript.h"
#include "base/error.h"
#include "base/sized.h"
#include "track/tracker.h"

enum { OPTIONS_FIRST = MLI_SIZE_UP_TO(modellab_align_options, tracker), MOST_BATCH = 16 };

/* One call: the caller's options and the engine's. */
typedef struct call {
    modellab_align_options given;
    mli_asr_options inner;
} call;

void modellab_align_options_init(modellab_align_options *options, size_t size)
{
    const modellab_align_options init = MODELLAB_ALIGN_OPTIONS_INIT;

    mli_sized_init(options, size, &init, sizeof init);
}

MODELLAB_MUST_CHECK static modellab_status bad(const char *what, modellab_error *err)
{
    return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "%s", what);
}

static int32_t forward_progress(void *user, double done_seconds, double total_seconds)
{
    const call *c = user;

    return c->given.progress(c->given.user, done_seconds, total_seconds);
}

MODELLAB_MUST_CHECK static modellab_status prepare(call *c, const modellab_align_options *options,
                                                   modellab_error *err)
{
    modellab_status status;

    c->given = (modellab_align_options)MODELLAB_ALIGN_OPTIONS_INIT;
    status = mli_sized_in(&c->given, sizeof c->given, OPTIONS_FIRST, options, err);
    if (status != MODELLAB_OK)
        return status;
    if (c->given.vad == NULL)
        return bad("vad must be a detector of voice activity", err);
    if (c->given.vad->vad == NULL)
        return mli_fail(err, MODELLAB_E_UNSUPPORTED_MODEL,
                        "vad is a model that is no detector of voice activity");
    if (c->given.threads < 0 || c->given.batch_size < 0 || c->given.batch_size > MOST_BATCH)
        return bad("threads must not be negative, batch_size must be 0 to 16", err);
    mli_asr_options_init(&c->inner);
    c->inner.language = c->given.language;
    c->inner.vad = c->given.vad->vad;
    c->inner.batch = c->given.batch_size == 0 ? c->inner.batch : c->given.batch_size;
    c->inner.progress = c->given.progress != NULL ? forward_progress : NULL;
    c->inner.user = c;
    c->inner.cancel = mli_cancel_word_of(c->given.cancel);
    return MODELLAB_OK;
}

/* The work inside a span of the caller's tracker; the session's own threads are billed to it. */
MODELLAB_MUST_CHECK static modellab_status run_tracked(modellab_asr_session *session,
                                                       const mli_audio_source *source,
                                                       const char *text, size_t bytes, call *c,
                                                       mli_transcript **out, modellab_error *err)
{
    modellab_tracker *tracker = c->given.tracker;
    modellab_span span = 0;
    int64_t before = mli_asr_session_cpu_ns(session->inner);
    modellab_status worked, status;

    status = mli_span_begin(tracker, MODELLAB_SPAN_ROOT, "align", &span, err);
    if (status != MODELLAB_OK)
        return status;
    worked = mli_asr_align(session->inner, source, text, bytes, &c->inner, out, err);
    status = mli_span_finish(tracker, span, mli_asr_session_cpu_ns(session->inner) - before,
                             (double)mli_audio_samples(source) / MLI_AUDIO_RATE, worked, err);
    if (worked == MODELLAB_OK && status != MODELLAB_OK) {
        mli_transcript_unref(*out);
        *out = NULL;
    }
    return status;
}

modellab_status modellab_align_audio(modellab_asr_session *session, const modellab_audio *audio,
                                     const char *text, size_t text_bytes,
                                     const modellab_align_options *options,
                                     modellab_transcript **out, modellab_error *err)
{
    mli_transcript *transcript = NULL;
    modellab_status status;
    call c;

    if (out == NULL)
        return bad("out must not be NULL", err);
    *out = NULL;
    if (session == NULL || audio == NULL)
        return bad(session == NULL ? "session must not be NULL" : "audio must not be NULL", err);
    if (text == NULL && text_bytes > 0)
        return bad("text must not be NULL", err);
    status = prepare(&c, options, err);
    if (status == MODELLAB_OK)
        status = run_tracked(session, mli_audio_const_source_of(audio), text != NULL ? text : "",
                             text_bytes, &c, &transcript, err);
    *out = mli_transcript_public(transcript);
    return status;
}

modellab_status modellab_align_file(modellab_model *model, const char *path, const char *text,
                                    size_t text_bytes, const modellab_align_options *options,
                                    modellab_transcript **out, modellab_error *err)
{
    modellab_audio_options audio_options = MODELLAB_AUDIO_OPTIONS_INIT;
    modellab_asr_session *session = NULL;
    modellab_audio *audio = NULL;
    modellab_status status;
    call c;

    if (out == NULL)
        return bad("out must not be NULL", err);
    *out = NULL;
    if (model == NULL || path == NULL)
        return bad(model == NULL ? "model must not be NULL" : "path must not be NULL", err);
    status = prepare(&c, options, err);
    if (status == MODELLAB_OK)
        status = modellab_asr_session_create(model, c.given.threads, &session, err);
    if (status == MODELLAB_OK) {
        audio_options.allocator = &model->alloc;
        audio_options.cancel = c.given.cancel;
        status = modellab_audio_decode_file(path, &audio_options, &audio, err);
    }
    if (status == MODELLAB_OK)
        status = modellab_align_audio(session, audio, text, text_bytes, options, out, err);
    modellab_asr_session_destroy(session);
    modellab_audio_unref(audio);
    return status;
}
