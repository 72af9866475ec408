/* modellab_run_bundle, modellab_run_import. */
#include <modellab/bundle.h>

#include "api/cancel.h"
#include "base/error.h"
#include "lab/bundle.h"

modellab_status modellab_run_bundle(modellab_lab *lab, const char *run_id, const char *path,
                                    int32_t flags, modellab_cancel *cancel, modellab_error *err)
{
    modellab_status status = mli_lab_check(lab, false, err);

    if (status == MODELLAB_OK &&
        (run_id == NULL || path == NULL || (flags & ~MODELLAB_BUNDLE_WITHOUT_INPUT) != 0)) {
        status =
            mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "a run, a path and known flags, please");
    }
    return status == MODELLAB_OK
               ? mli_run_bundle(lab, run_id, path, flags, mli_cancel_word_of(cancel), err)
               : status;
}

modellab_status modellab_run_import(modellab_lab *lab, const char *path, modellab_cancel *cancel,
                                    char run_id[MODELLAB_RUN_ID_BYTES], modellab_error *err)
{
    char ignored[MODELLAB_RUN_ID_BYTES];
    modellab_status status = mli_lab_check(lab, true, err);

    run_id = run_id == NULL ? ignored : run_id;
    run_id[0] = '\0';
    if (status == MODELLAB_OK && path == NULL) {
        status = mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "path must not be NULL");
    }
    return status == MODELLAB_OK
               ? mli_run_import(lab, path, mli_cancel_word_of(cancel), run_id, err)
               : status;
}
