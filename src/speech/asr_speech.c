/* Looking for speech before it is recognised. */
#include "base/alloc.h"
#include "base/error.h"
#include "speech/asr_private.h"
#include "speech/vad_source.h"

MODELLAB_MUST_CHECK static modellab_status pulse(void *user, int64_t done, int64_t all,
                                                 modellab_error *err)
{
    const mli_asr_run *run = user;
    (void)done;
    (void)all;
    (void)err;
    if (run->options->pulse != NULL)
        run->options->pulse(run->options->user);
    return MODELLAB_OK;
}

modellab_status mli_asr_detect_speech(const mli_asr_run *run, mli_vad_segment **out, size_t *count,
                                      modellab_error *err)
{
    mli_asr_run watched = *run;
    const mli_vad_tools tools = {
        run->options->vad, run->session->pool, run->alloc, run->cancel, pulse, &watched};
    return mli_vad_find(&tools, run->source, &run->options->vad_rules, out, count, err);
}

modellab_status mli_asr_find_speech(const mli_asr_run *run, mli_asr_chunks *out,
                                    modellab_error *err)
{
    mli_vad_segment *segments = NULL;
    size_t count = 0;
    *out = (mli_asr_chunks){.alloc = run->alloc};
    modellab_status status = mli_asr_detect_speech(run, &segments, &count, err);
    if (status == MODELLAB_OK)
        status = mli_asr_chunks_make(run->alloc, segments, count, out, err);
    mli_free(run->alloc, segments);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status join(const mli_asr_run *run,
                                                const mli_asr_chunks *chunks, size_t index,
                                                float *samples, mli_audio_source **out,
                                                modellab_error *err)
{
    const mli_asr_chunk *chunk = &chunks->items[index];
    mli_audio_store *store = NULL;
    size_t at = 0;
    modellab_status status = MODELLAB_OK;
    for (size_t i = 0; status == MODELLAB_OK && i < chunk->count; i++) {
        const mli_vad_segment *s = &chunks->segments[chunk->first + i];
        size_t count = (size_t)(s->end - s->start);
        status = mli_audio_read(run->source, s->start, count, samples + at, err);
        at += count;
    }
    if (status == MODELLAB_OK)
        status = mli_audio_store_create(run->alloc, NULL, -1, MLI_ASR_CHUNK_SAMPLES,
                                        MLI_ASR_CHUNK_SAMPLES, &store, err);
    if (status == MODELLAB_OK)
        status = mli_audio_store_append(store, samples, at, err);
    if (status == MODELLAB_OK)
        return mli_audio_store_finish(store, mli_audio_info_of(run->source), out, err);
    mli_audio_store_destroy(store);
    return status;
}

modellab_status mli_asr_chunk_source(const mli_asr_run *run, const mli_asr_chunks *chunks,
                                     size_t index, float *samples, mli_audio_source **out,
                                     modellab_error *err)
{
    *out = NULL;
    if (samples != NULL)
        return join(run, chunks, index, samples, out, err);
    samples = mli_alloc_array(run->alloc, MLI_ASR_CHUNK_SAMPLES, sizeof *samples);
    if (samples == NULL)
        return mli_no_memory(err);
    modellab_status status = join(run, chunks, index, samples, out, err);
    mli_free(run->alloc, samples);
    return status;
}
