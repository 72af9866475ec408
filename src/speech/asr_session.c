/* Sessions: threads and scratch memory of one use of a model, and the encoding of a window. */
#include "base/alloc.h"
#include "base/error.h"
#include "kernels/pool.h"
#include "speech/asr_private.h"
#include <stdatomic.h>
#include <string.h>

modellab_status mli_asr_session_create(mli_asr_session **out, const modellab_allocator *alloc,
                                       mli_asr_model *model, int32_t threads, modellab_error *err)
{
    *out = NULL;
    if (threads < 0 || threads > MLI_POOL_MAX_THREADS)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "threads must be 0 to %d",
                        MLI_POOL_MAX_THREADS);
    mli_asr_session *s = mli_alloc_zero(alloc, sizeof *s);
    if (s == NULL)
        return mli_no_memory(err);
    if (alloc != NULL) {
        s->alloc_copy = *alloc;
        s->alloc = &s->alloc_copy;
    }
    s->model = mli_asr_model_ref(model);
    modellab_status status = mli_pool_create(threads, s->alloc, &s->pool, err);
    if (status == MODELLAB_OK)
        status = mli_asr_need_state(s, 1, err);
    if (status != MODELLAB_OK) {
        mli_asr_session_destroy(s);
        return status;
    }
    *out = s;
    return MODELLAB_OK;
}

void mli_asr_session_destroy(mli_asr_session *s)
{
    if (s == NULL)
        return;
    modellab_allocator copy = s->alloc_copy;
    const modellab_allocator *alloc = s->alloc != NULL ? &copy : NULL;
    mli_whisper_state_destroy(s->state);
    mli_pool_destroy(s->pool);
    mli_asr_model_unref(s->model);
    mli_free(alloc, s);
}

int64_t mli_asr_session_cpu_ns(mli_asr_session *s)
{
    return mli_pool_cpu_ns(s->pool);
}

modellab_status mli_asr_need_state(mli_asr_session *s, size_t rows, modellab_error *err)
{
    if (s->state != NULL && s->state_rows >= rows)
        return MODELLAB_OK;
    mli_whisper_state *state = NULL;
    modellab_status status =
        mli_whisper_state_create(&state, s->alloc, mli_asr_model_net(s->model), s->pool, rows, err);
    if (status != MODELLAB_OK)
        return status;
    mli_whisper_state_destroy(s->state);
    s->state = state;
    s->state_rows = rows;
    return MODELLAB_OK;
}

modellab_status mli_asr_encode(mli_asr_run *run, int64_t seek, modellab_error *err)
{
    mli_asr_session *s = run->session;
    size_t frames = 0, bands = 0;
    if (run->encoded_seek == seek)
        return MODELLAB_OK;
    run->encoded_seek = -1;
    float *mel = mli_whisper_state_mel(s->state, &frames, &bands);
    modellab_status status =
        mli_mel_window(mli_asr_model_mel(s->model), run->source, s->pool, run->cancel, run->mel_max,
                       seek, frames, mel, 1, bands, err);
    if (status == MODELLAB_OK)
        status = mli_whisper_state_encode(s->state, run->cancel, err);
    if (status == MODELLAB_OK)
        run->encoded_seek = seek;
    return status;
}

modellab_status mli_asr_encode_window(mli_asr_session *session, const mli_audio_source *source,
                                      int64_t seek, const float **mel, const float **audio,
                                      modellab_error *err)
{
    size_t frames = 0, bands = 0;
    mli_asr_run run = {.session = session, .source = source, .encoded_seek = -1};
    modellab_status status = mli_mel_max(mli_asr_model_mel(session->model), source, session->pool,
                                         NULL, &run.mel_max, err);
    if (status == MODELLAB_OK)
        status = mli_asr_encode(&run, seek, err);
    if (status != MODELLAB_OK)
        return status;
    *mel = mli_whisper_state_mel(session->state, &frames, &bands);
    *audio = mli_whisper_state_audio(session->state);
    return MODELLAB_OK;
}
