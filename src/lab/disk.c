/* The disk guard: no run is accepted that would leave less than the configured space. */
#include "base/error.h"
#include "lab/lab.h"

modellab_status mli_lab_check_disk(const mli_lab *lab, int64_t bytes, modellab_error *err)
{
    int64_t free_bytes = 0, total_bytes = 0;
    int rc = lab->os.files->free_bytes(lab->os.files->user, lab->root, &free_bytes, &total_bytes);

    if (rc != 0) {
        return mli_fail_os(err, -rc, "cannot ask for the free space of the lab's disk");
    }
    if (free_bytes < bytes || free_bytes - bytes < lab->settings.min_free_bytes) {
        return mli_fail_at(err, MODELLAB_E_NO_SPACE, free_bytes,
                           "the lab's disk has %lld MiB free, and %lld MiB must stay free; make "
                           "room or lower MODEL_LAB_MIN_FREE_BYTES",
                           (long long)(free_bytes >> 20),
                           (long long)(lab->settings.min_free_bytes >> 20));
    }
    return MODELLAB_OK;
}
