/* A recording block by block through the detector and the cutter; memory of one block and of the
 * segments. */
#include "speech/vad_source.h"
#include "base/alloc.h"
#include "base/error.h"

enum { BLOCK_STEPS = 64, BLOCK = BLOCK_STEPS * MLI_SILERO_CHUNK }; /* 2 s */

/* The last step is filled up with the silence that lies behind the end. */
MODELLAB_MUST_CHECK static modellab_status
detect(const mli_vad_tools *t, const mli_audio_source *source, mli_silero_session *session,
       mli_vad_cutter *cutter, float *block, modellab_error *err)
{
    int64_t all = mli_audio_samples(source);
    float probabilities[BLOCK_STEPS];
    modellab_status status = MODELLAB_OK;
    for (int64_t at = 0; status == MODELLAB_OK && at < all; at += BLOCK) {
        int64_t count = all - at < BLOCK ? all - at : BLOCK;
        size_t steps = (size_t)(count + MLI_SILERO_CHUNK - 1) / MLI_SILERO_CHUNK;
        if (mli_cancelled(t->cancel))
            return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
        status = mli_audio_read(source, at, steps * MLI_SILERO_CHUNK, block, err);
        if (status == MODELLAB_OK)
            status = mli_silero_run(session, block, steps, probabilities, t->cancel, err);
        if (status == MODELLAB_OK)
            status = mli_vad_cutter_push(cutter, probabilities, steps, err);
        if (status == MODELLAB_OK && t->progress != NULL)
            status = t->progress(t->user, at + count, all, err);
    }
    return status == MODELLAB_OK ? mli_vad_cutter_finish(cutter, all, err) : status;
}

modellab_status mli_vad_find(const mli_vad_tools *tools, const mli_audio_source *source,
                             const mli_vad_rules *rules, mli_vad_segment **segments, size_t *count,
                             modellab_error *err)
{
    mli_silero_session *session = NULL;
    mli_vad_cutter cutter;
    float *block = mli_alloc_array(tools->alloc, BLOCK, sizeof *block);
    *segments = NULL;
    *count = 0;
    mli_vad_cutter_init(&cutter, tools->alloc, rules);
    modellab_status status =
        block != NULL ? mli_silero_session_create(&session, tools->model, tools->pool, err)
                      : mli_no_memory(err);
    if (status == MODELLAB_OK)
        status = detect(tools, source, session, &cutter, block, err);
    if (status == MODELLAB_OK) {
        *segments = cutter.segments;
        *count = cutter.count;
        cutter.segments = NULL;
    }
    mli_vad_cutter_dispose(&cutter);
    mli_silero_session_destroy(session);
    mli_free(tools->alloc, block);
    return status;
}
