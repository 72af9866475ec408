/* Info: what this build and machine are; and the one process-wide setting a host may ask for. */
#include "example.h"

int main(void)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_build_info info = {sizeof info, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0};

    if (modellab_blas_use_single_thread(&err) != MODELLAB_OK) {
        printf("BLAS threads stay as they are: %s\n", err.message);
    }
    must(modellab_info_get(&info, &err), &err, "info");
    printf("modellab %s: %s kernels, OpenBLAS %s (%s, %d threads), %d CPUs, GPU %s\n", info.version,
           info.isa, info.blas_core, info.blas_kind, info.blas_threads, info.cpu_count, info.gpu);
    return 0;
}
