/* modellab_run: verifying a run, and comparing two. */
#include "api/buffer.h"
#include "api/cancel.h"
#include "base/error.h"
#include "lab/compare.h"
#include "lab/verify.h"
#include <modellab/run.h>

modellab_status modellab_run_verify(modellab_lab *lab, const char *run_id, modellab_cancel *cancel,
                                    modellab_report **out, modellab_error *err)
{
    modellab_status status = mli_lab_check(lab, false, err);

    if (out == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "out must not be NULL");
    }
    *out = NULL;
    if (status == MODELLAB_OK && run_id == NULL) {
        status = mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "run_id must not be NULL");
    }
    return status == MODELLAB_OK ? mli_run_verify(lab, run_id, mli_cancel_word_of(cancel), out, err)
                                 : status;
}

modellab_status modellab_run_compare(modellab_lab *lab, const char *a, const char *b,
                                     modellab_cancel *cancel, modellab_buffer **out,
                                     modellab_error *err)
{
    modellab_status status = mli_lab_check(lab, false, err);
    mli_buf json;

    if (out == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "out must not be NULL");
    }
    *out = NULL;
    if (status == MODELLAB_OK && (a == NULL || b == NULL)) {
        status = mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "two run ids are needed");
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    mli_buf_init(&json, lab->alloc);
    status = mli_run_compare(lab, a, b, mli_cancel_word_of(cancel), &json, err);
    if (status != MODELLAB_OK) {
        mli_buf_dispose(&json);
        return status;
    }
    return mli_buffer_from_buf(&json, out, err);
}
