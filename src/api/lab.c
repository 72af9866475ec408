/* modellab_lab: opening a lab, and reconciling it. */
#include "lab/lab.h"
#include "base/error.h"
#include "base/sized.h"
#include "lab/reconcile.h"
#include "log/logger.h"
#include <modellab/lab.h>

void modellab_lab_options_init(modellab_lab_options *options, size_t size)
{
    const modellab_lab_options init = MODELLAB_LAB_OPTIONS_INIT;

    mli_sized_init(options, size, &init, sizeof init);
}

modellab_status modellab_lab_open(const char *root, const modellab_lab_options *options,
                                  modellab_lab **out, modellab_error *err)
{
    modellab_status status;

    if (out == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "out must not be NULL");
    }
    status = mli_lab_open(root, options, NULL, out, err);
    if (status == MODELLAB_OK &&
        ((*out)->flags &
         (MODELLAB_LAB_READ_ONLY | MODELLAB_LAB_NO_RECONCILE | MODELLAB_LAB_MAKE_ROOM)) == 0) {
        status = mli_reconcile(*out, 0, NULL, err);
        if (status != MODELLAB_OK) {
            mli_log_error((*out)->logger, MODELLAB_LOG_ERROR, "lab.not_reconciled",
                          "the lab was opened, but could not be reconciled", status, err);
            mli_lab_unref(*out);
            *out = NULL;
        }
    }
    return status;
}

modellab_lab *modellab_lab_ref(modellab_lab *lab)
{
    return mli_lab_ref(lab);
}

void modellab_lab_unref(modellab_lab *lab)
{
    mli_lab_unref(lab);
}

const char *modellab_lab_root(const modellab_lab *lab)
{
    return lab == NULL ? "" : lab->root;
}

modellab_status modellab_lab_reconcile(modellab_lab *lab, int32_t flags, modellab_report **out,
                                       modellab_error *err)
{
    modellab_status status = mli_lab_check(lab, (flags & MODELLAB_RECONCILE_DRY_RUN) == 0, err);

    if (out != NULL) {
        *out = NULL;
    }
    if (status == MODELLAB_OK &&
        (flags & ~(MODELLAB_RECONCILE_DRY_RUN | MODELLAB_RECONCILE_FILES)) != 0) {
        status = mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "there is no such flag");
    }
    return status == MODELLAB_OK ? mli_reconcile(lab, flags, out, err) : status;
}
