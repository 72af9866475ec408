/* The one function of OpenBLAS that products call. Only src/kernels sees it. */
#ifndef MLI_KERNELS_BLAS_PRIVATE_H
#define MLI_KERNELS_BLAS_PRIVATE_H

#include "kernels/blas.h"
#include <cblas.h>

typedef __typeof__(cblas_sgemm) mli_blas_sgemm_fn;

/* Loads the library; NULL when there is none. */
mli_blas_sgemm_fn *mli_blas_sgemm(void);

#endif
