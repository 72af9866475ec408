/* The choice of a GPU provider. */
#include "track/gpu.h"

#define NVML_LIBRARY "libnvidia-ml.so.1"

modellab_status mli_gpu_find(const modellab_allocator *alloc, modellab_gpu_provider *out,
                             modellab_error *err)
{
    return mli_gpu_open_nvml(alloc, NVML_LIBRARY, out, err);
}

const char *mli_gpu_provider_name(void)
{
    modellab_gpu_provider found = MODELLAB_GPU_PROVIDER_INIT;
    if (mli_gpu_find(NULL, &found, NULL) != MODELLAB_OK || found.read == NULL)
        return "absent";
    found.release(found.user);
    return "nvml";
}
