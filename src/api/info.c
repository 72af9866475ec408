/* What this build and this machine are, and the one process-wide OpenBLAS setting a host may ask
 * for. */
#include "base/error.h"
#include "base/sized.h"
#include "kernels/blas.h"
#include "kernels/isa.h"
#include "os/memory.h"
#include "os/process.h"
#include "os/thread.h"
#include "track/gpu.h"
#include <modellab/info.h>
#include <modellab/version.h>

static const char *blas_kind_name(mli_blas_kind kind)
{
    switch (kind) {
    case MLI_BLAS_SERIAL:
        return "serial";
    case MLI_BLAS_PTHREAD:
        return "pthread";
    case MLI_BLAS_OPENMP:
        return "openmp";
    default:
        return "absent";
    }
}

modellab_status modellab_info_get(modellab_build_info *out, modellab_error *err)
{
    modellab_build_info info = {sizeof info, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0};

    info.version = modellab_version_string();
    info.isa = mli_isa_name(mli_isa_current());
    info.blas_core = mli_blas_core();
    info.blas_kind = blas_kind_name(mli_blas_parallel());
    info.compiler = __VERSION__;
    info.huge_pages = mli_os_huge_pages();
    info.liveness = mli_os_has_pidfd() ? "pidfd" : "poll";
    info.gpu = mli_gpu_provider_name();
    info.blas_threads = mli_blas_threads();
    info.cpu_count = mli_os_cpu_count();
    return mli_sized_out(out, &info, sizeof info, MLI_SIZE_UP_TO(modellab_build_info, cpu_count),
                         err);
}

modellab_status modellab_blas_use_single_thread(modellab_error *err)
{
    if (!mli_blas_use_single_thread())
        return mli_fail(err, MODELLAB_E_UNSUPPORTED,
                        "this OpenBLAS is built with OpenMP: set OMP_NUM_THREADS=1 instead");
    return MODELLAB_OK;
}
