/* OpenBLAS: what is there, and the one call that makes it single-threaded for the whole process.
 * Not linked: the first product (gemm.h) or question loads it. Only src/kernels calls BLAS.
 * @threads any */
#ifndef MLI_KERNELS_BLAS_H
#define MLI_KERNELS_BLAS_H

#include <stdbool.h>

typedef enum mli_blas_kind {
    MLI_BLAS_ABSENT = -1,
    MLI_BLAS_SERIAL = 0,
    MLI_BLAS_PTHREAD = 1,
    MLI_BLAS_OPENMP = 2
} mli_blas_kind;

/* Name of the CPU core that OpenBLAS chose its code for, such as "Haswell", or "absent". Static. */
const char *mli_blas_core(void);
/* The same without loading it: "none" while nothing in this process has used it. */
const char *mli_blas_core_in_use(void);
mli_blas_kind mli_blas_parallel(void);
/* Threads that a BLAS call would use now. Above 1, mli_gemm() from several of our threads is slow
 * (and last bits may depend on it). */
int mli_blas_threads(void);
/* Process-wide: for workers and for hosts that ask for it (modellab_blas_use_single_thread). Holds
 * also when it is loaded later. False: an OpenMP build is loaded, which ignores it. */
bool mli_blas_use_single_thread(void);

#endif
