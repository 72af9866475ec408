/* Row-major single-precision products through BLAS, for work without packed weights: C[m][n] =
 * A[m][k] * B[n][k]^T, cut into row slices of serial BLAS calls (at most about 0.5 GFLOP each, so
 * that a cancel is seen within 10 ms). OpenBLAS should run single-threaded: see blas.h. */
#ifndef MLI_KERNELS_GEMM_H
#define MLI_KERNELS_GEMM_H

#include "kernels/pool.h"
#include "kernels/types.h"

typedef struct mli_gemm_args {
    size_t m, n, k;
    const float *a;
    size_t lda; /* elements between rows; at least k */
    const void *b;
    mli_dtype b_type; /* f16 is widened panel by panel */
    size_t ldb;
    float *c;
    size_t ldc;
    const float *bias; /* [n] or NULL */
} mli_gemm_args;

/* Whether sizes and strides are possible and OpenBLAS is there (loaded now): call it once before
 * the region. A confined process must have called it before it was confined. */
MODELLAB_MUST_CHECK modellab_status mli_gemm_check(const mli_gemm_args *args, modellab_error *err);
/* Collective. */
void mli_gemm(mli_team *team, const mli_gemm_args *args);

#endif
