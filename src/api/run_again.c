/* modellab_run_retry and modellab_run_rerun. */
#include "api/cancel.h"
#include "base/error.h"
#include "base/sized.h"
#include "lab/rerun.h"
#include <modellab/run.h>
#include <string.h>

void modellab_run_again_options_init(modellab_run_again_options *options, size_t size)
{
    const modellab_run_again_options init = MODELLAB_RUN_AGAIN_OPTIONS_INIT;

    mli_sized_init(options, size, &init, sizeof init);
}

/* What both do before and after: the id of the child stands in a place of its own until all is
 * done, so that the caller's two buffers may be one. */
typedef struct again {
    modellab_run_again_options options;
    mli_copy_watch watch;
    char child_id[MLI_ULID_BYTES];
} again;

MODELLAB_MUST_CHECK static modellab_status take(again *a, const modellab_lab *lab,
                                                const char *run_id,
                                                const modellab_run_again_options *given,
                                                const char *child_id, modellab_error *err)
{
    const modellab_run_again_options none = MODELLAB_RUN_AGAIN_OPTIONS_INIT;
    modellab_status status = MODELLAB_OK;

    a->options = none;
    a->child_id[0] = '\0';
    if (lab == NULL || run_id == NULL || child_id == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "lab and ids must not be NULL");
    }
    if (given != NULL) {
        status = mli_sized_in(&a->options, sizeof a->options,
                              MLI_SIZE_UP_TO(modellab_run_again_options, trace_parent), given, err);
    }
    a->watch = (mli_copy_watch){.cancel = mli_cancel_word_of(a->options.cancel),
                                .progress = a->options.progress,
                                .user = a->options.user};
    return status;
}

MODELLAB_MUST_CHECK static modellab_status give(const again *a, modellab_status status,
                                                char *child_id)
{
    if (child_id != NULL) {
        memcpy(child_id, a->child_id, status == MODELLAB_OK ? sizeof a->child_id : 0);
        child_id[status == MODELLAB_OK ? sizeof a->child_id - 1 : 0] = '\0';
    }
    return status;
}

modellab_status modellab_run_retry(modellab_lab *lab, const char *run_id,
                                   const modellab_run_again_options *options,
                                   char child_id[MODELLAB_RUN_ID_BYTES], modellab_error *err)
{
    again a;
    modellab_status status = take(&a, lab, run_id, options, child_id, err);

    if (status == MODELLAB_OK) {
        status = mli_run_retry(lab, run_id, &a.options, &a.watch, a.child_id, err);
    }
    return give(&a, status, child_id);
}

modellab_status modellab_run_rerun(modellab_lab *lab, const char *run_id,
                                   const modellab_run_again_options *options,
                                   char child_id[MODELLAB_RUN_ID_BYTES], modellab_report **report,
                                   modellab_error *err)
{
    again a;
    modellab_status status;

    if (report != NULL) {
        *report = NULL;
    }
    status = take(&a, lab, run_id, options, child_id, err);
    if (status == MODELLAB_OK) {
        status = mli_run_rerun(lab, run_id, &a.options, &a.watch, a.child_id, report, err);
    }
    return give(&a, status, child_id);
}
