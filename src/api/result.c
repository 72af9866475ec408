/* modellab_result: results of runs for readers. */
#include "api/buffer.h"
#include "api/transcript.h"
#include "base/error.h"
#include "lab/run_result.h"
#include "lab/snapshot.h"
#include <modellab/result.h>

/* Checks what all have in common, and resets the output. */
MODELLAB_MUST_CHECK static modellab_status begin(modellab_lab *lab, const char *run_id, void **out,
                                                 modellab_error *err)
{
    if (out == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "out must not be NULL");
    }
    *out = NULL;
    if (run_id == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "run_id must not be NULL");
    }
    return mli_lab_check(lab, false, err);
}

MODELLAB_MUST_CHECK static modellab_status give(mli_buf *text, modellab_status status,
                                                modellab_buffer **out, modellab_error *err)
{
    if (status != MODELLAB_OK) {
        mli_buf_dispose(text);
        return status;
    }
    return mli_buffer_from_buf(text, out, err);
}

modellab_status modellab_run_transcript(modellab_lab *lab, const char *run_id, int32_t flags,
                                        modellab_transcript **out, modellab_error *err)
{
    mli_transcript *transcript = NULL;
    modellab_status status = begin(lab, run_id, (void **)out, err);

    if (status == MODELLAB_OK && (flags & ~MODELLAB_TRANSCRIPT_WITH_NAMES) != 0) {
        status = mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "flags are MODELLAB_TRANSCRIPT_*");
    }
    if (status == MODELLAB_OK) {
        status = mli_run_transcript(lab, run_id, (flags & MODELLAB_TRANSCRIPT_WITH_NAMES) != 0,
                                    &transcript, err);
    }
    if (status == MODELLAB_OK) {
        *out = mli_transcript_public(transcript);
    }
    return status;
}

modellab_status modellab_run_speakers(modellab_lab *lab, const char *run_id, modellab_buffer **out,
                                      modellab_error *err)
{
    mli_buf text;
    modellab_status status = begin(lab, run_id, (void **)out, err);

    if (status != MODELLAB_OK) {
        return status;
    }
    mli_buf_init(&text, lab->alloc);
    return give(&text, mli_run_speakers(lab, run_id, &text, err), out, err);
}

modellab_status modellab_run_peaks(modellab_lab *lab, const char *run_id, int32_t points,
                                   modellab_buffer **out, modellab_error *err)
{
    mli_buf text;
    modellab_status status = begin(lab, run_id, (void **)out, err);

    if (status == MODELLAB_OK && (points < 1 || points > 100000)) {
        status = mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "points is 1 to 100000");
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    mli_buf_init(&text, lab->alloc);
    return give(&text, mli_run_peaks(lab, run_id, points, &text, err), out, err);
}

modellab_status modellab_run_results(modellab_lab *lab, const char *run_id, modellab_buffer **out,
                                     modellab_error *err)
{
    mli_buf text;
    modellab_status status = begin(lab, run_id, (void **)out, err);

    if (status != MODELLAB_OK) {
        return status;
    }
    mli_buf_init(&text, lab->alloc);
    return give(&text, mli_run_results(lab, run_id, &text, err), out, err);
}

modellab_status modellab_run_summary(const modellab_run *run, modellab_buffer **out,
                                     modellab_error *err)
{
    mli_buf text;

    if (out != NULL) {
        *out = NULL;
    }
    if (run == NULL || out == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "arguments must not be NULL");
    }
    mli_buf_init(&text, run->lab->alloc);
    mli_run_write_summary(run->record, run->loaded_ms, &text);
    return give(&text, mli_buf_status(&text, err), out, err);
}
