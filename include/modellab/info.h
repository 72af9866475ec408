/* What this build and this machine are: instruction set, BLAS, limits found. @since 0.1 */
#ifndef MODELLAB_INFO_H
#define MODELLAB_INFO_H

#include <modellab/types.h>

/** Strings are static. */
typedef struct modellab_build_info {
    size_t size; /**< sizeof(modellab_build_info), set by the caller */
    const char *version;
    const char *isa;       /**< kernels in use: scalar, avx2, avx512 */
    const char *blas_core; /**< OpenBLAS core name, or absent */
    const char *blas_kind; /**< serial, pthread, openmp, absent */
    const char *compiler;
    const char *huge_pages; /**< always, madvise, never, unknown */
    const char *liveness;   /**< pidfd, or poll when the kernel has none */
    const char *gpu;        /**< "absent", or the provider's name */
    int32_t blas_threads;
    int32_t cpu_count; /**< CPUs that this process may use */
} modellab_build_info;

MODELLAB_BEGIN_DECLS

/** Loads OpenBLAS to ask it (nothing else does before a product needs it).
 * @errors E_ABI_TOO_SMALL @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_info_get(modellab_build_info *out,
                                                                   modellab_error *err);

/** Tells OpenBLAS to use one thread in this process (a process-wide setting, which is why the
 * library never does it unasked). The engines bring their own threads; with OpenBLAS left at more
 * they run up to three times slower. Call it once, before the first inference; it also holds
 * when OpenBLAS is loaded later. Workers do it themselves.
 * @errors E_UNSUPPORTED (the OpenMP build that is loaded ignores it: set OMP_NUM_THREADS=1)
 * @threads any @since 0.1
 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_blas_use_single_thread(modellab_error *err);

MODELLAB_END_DECLS
#endif
