/* modellab_run_retry and modellab_run_rerun. */
#include "base/error.h"
#include "base/sized.h"
#include "lab/rerun.h"
#include <modellab/run.h>

void modellab_run_again_options_init(modellab_run_again_options *options, size_t size)
{
    const modellab_run_again_options init = MODELLAB_RUN_AGAIN_OPTIONS_INIT;

    mli_sized_init(options, size, &init, sizeof init);
}

MODELLAB_MUST_CHECK static modellab_status take(modellab_lab *lab, const char *run_id,
                                                const modellab_run_again_options *given,
                                                char *child_id, modellab_run_again_options *out,
                                                modellab_error *err)
{
    if (lab == NULL || run_id == NULL || child_id == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "lab and ids must not be NULL");
    }
    child_id[0] = '\0';
    return given == NULL
               ? MODELLAB_OK
               : mli_sized_in(out, sizeof *out,
                              MLI_SIZE_UP_TO(modellab_run_again_options, trace_parent), given, err);
}

modellab_status modellab_run_retry(modellab_lab *lab, const char *run_id,
                                   const modellab_run_again_options *options,
                                   char child_id[MODELLAB_RUN_ID_BYTES], modellab_error *err)
{
    modellab_run_again_options taken = MODELLAB_RUN_AGAIN_OPTIONS_INIT;
    modellab_status status = take(lab, run_id, options, child_id, &taken, err);

    return status == MODELLAB_OK ? mli_run_retry(lab, run_id, &taken, child_id, err) : status;
}

modellab_status modellab_run_rerun(modellab_lab *lab, const char *run_id,
                                   const modellab_run_again_options *options,
                                   char child_id[MODELLAB_RUN_ID_BYTES], modellab_report **report,
                                   modellab_error *err)
{
    modellab_run_again_options taken = MODELLAB_RUN_AGAIN_OPTIONS_INIT;
    modellab_status status;

    if (report != NULL) {
        *report = NULL;
    }
    status = take(lab, run_id, options, child_id, &taken, err);
    return status == MODELLAB_OK ? mli_run_rerun(lab, run_id, &taken, child_id, report, err)
                                 : status;
}
