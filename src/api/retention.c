/* modellab_lab_cleanup, modellab_lab_disk_usage. */
#include "lab/retention.h"
#include "base/error.h"
#include "base/sized.h"
#include "lab/disk.h"

void modellab_cleanup_options_init(modellab_cleanup_options *options, size_t size)
{
    const modellab_cleanup_options init = MODELLAB_CLEANUP_OPTIONS_INIT;

    mli_sized_init(options, size, &init, sizeof init);
}

modellab_status modellab_lab_cleanup(modellab_lab *lab, const modellab_cleanup_options *options,
                                     modellab_cleanup_result *result, modellab_error *err)
{
    modellab_cleanup_options taken = MODELLAB_CLEANUP_OPTIONS_INIT;
    modellab_cleanup_result full = {.size = sizeof full};
    modellab_status status = mli_lab_check(lab, false, err);

    if (status == MODELLAB_OK) {
        status = mli_sized_in(&taken, sizeof taken,
                              MLI_SIZE_UP_TO(modellab_cleanup_options, grace_ms), options, err);
    }
    /* a result that cannot be told must not be found out after the runs are gone */
    if (status == MODELLAB_OK && result != NULL) {
        status = mli_sized_out(result, &full, sizeof full,
                               MLI_SIZE_UP_TO(modellab_cleanup_result, cache_bytes), err);
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    status = mli_lab_cleanup(lab, &taken, &full, err);
    if (result != NULL) {
        modellab_status told = mli_sized_out(
            result, &full, sizeof full, MLI_SIZE_UP_TO(modellab_cleanup_result, cache_bytes), NULL);

        status = status == MODELLAB_OK ? told : status;
    }
    return status;
}

modellab_status modellab_lab_disk_usage(modellab_lab *lab, modellab_disk_usage *usage,
                                        modellab_error *err)
{
    modellab_disk_usage full;
    modellab_status status = mli_lab_check(lab, false, err);

    if (usage == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "usage must not be NULL");
    }
    if (status == MODELLAB_OK) {
        status = mli_lab_disk_usage(lab, &full, err);
    }
    return status == MODELLAB_OK
               ? mli_sized_out(usage, &full, sizeof full,
                               MLI_SIZE_UP_TO(modellab_disk_usage, accepted_bytes), err)
               : status;
}
