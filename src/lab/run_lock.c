/* Looking at, and taking, the lock of a run. */
#include "lab/run_lock.h"

#include "base/error.h"
#include "os/process.h"

modellab_status mli_run_lock_try(const mli_lab *lab, const char *run_id, int *fd,
                                 modellab_error *err)
{
    *fd = -1;
    modellab_status status = mli_rundir_lock(lab->os.files, lab->root, run_id, fd, err);
    if (status == MODELLAB_E_BUSY) {
        mli_error_clear(err);
        *fd = -1;
        return MODELLAB_OK;
    }
    return status;
}

modellab_status mli_run_lock_is_held(const mli_lab *lab, const char *run_id, bool *held,
                                     modellab_error *err)
{
    int fd = -1;
    modellab_status status = mli_run_lock_try(lab, run_id, &fd, err);
    *held = status == MODELLAB_OK && fd < 0;
    mli_os_fd_close(fd);
    return status;
}
