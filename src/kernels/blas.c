/* The questions that OpenBLAS answers about itself, and its thread count. */
#include "kernels/blas.h"

#include <cblas.h>

const char *mli_blas_core(void)
{
    return openblas_get_corename();
}

mli_blas_kind mli_blas_parallel(void)
{
    int kind = openblas_get_parallel();
    return kind == OPENBLAS_THREAD   ? MLI_BLAS_PTHREAD
           : kind == OPENBLAS_OPENMP ? MLI_BLAS_OPENMP
                                     : MLI_BLAS_SERIAL;
}

int mli_blas_threads(void)
{
    return openblas_get_num_threads();
}

void mli_blas_use_single_thread(void)
{
    openblas_set_num_threads(1);
}
