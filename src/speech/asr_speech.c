/* Looking for speech before it is recognised. */
#include "base/alloc.h"
#include "base/error.h"
#include "speech/asr_private.h"

enum { BLOCK_STEPS = 64, BLOCK = BLOCK_STEPS * MLI_SILERO_CHUNK }; /* 2 s */

/* The recording block by block through the detector; the last step is filled up with silence. */
MODELLAB_MUST_CHECK static modellab_status detect(const mli_asr_run *run, mli_silero_session *vad,
                                                  mli_vad_cutter *cutter, float *block,
                                                  modellab_error *err)
{
    int64_t all = mli_audio_samples(run->source);
    float probabilities[BLOCK_STEPS];
    modellab_status status = MODELLAB_OK;
    for (int64_t at = 0; status == MODELLAB_OK && at < all; at += BLOCK) {
        int64_t left = all - at;
        size_t steps =
            left >= BLOCK ? BLOCK_STEPS : (size_t)(left + MLI_SILERO_CHUNK - 1) / MLI_SILERO_CHUNK;
        if (run->options->pulse != NULL)
            run->options->pulse(run->options->user);
        status = mli_audio_read(run->source, at, steps * MLI_SILERO_CHUNK, block, err);
        if (status == MODELLAB_OK)
            status = mli_silero_run(vad, block, steps, probabilities, run->cancel, err);
        if (status == MODELLAB_OK)
            status = mli_vad_cutter_push(cutter, probabilities, steps, err);
    }
    return status == MODELLAB_OK ? mli_vad_cutter_finish(cutter, all, err) : status;
}

modellab_status mli_asr_find_speech(const mli_asr_run *run, mli_asr_chunks *out,
                                    modellab_error *err)
{
    mli_silero_session *vad = NULL;
    mli_vad_cutter cutter;
    *out = (mli_asr_chunks){.alloc = run->alloc};
    mli_vad_cutter_init(&cutter, run->alloc, &run->options->vad_rules);
    float *block = mli_alloc_array(run->alloc, BLOCK, sizeof *block);
    modellab_status status =
        block != NULL ? mli_silero_session_create(&vad, run->options->vad, run->session->pool, err)
                      : mli_no_memory(err);
    if (status == MODELLAB_OK)
        status = detect(run, vad, &cutter, block, err);
    if (status == MODELLAB_OK)
        status = mli_asr_chunks_make(run->alloc, cutter.segments, cutter.count, out, err);
    mli_silero_session_destroy(vad);
    mli_vad_cutter_dispose(&cutter);
    mli_free(run->alloc, block);
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
