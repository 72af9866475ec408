/* A view of numbers that live elsewhere: type, shape, data. Row-major, dense, never owns. */
#ifndef MLI_NN_TENSOR_H
#define MLI_NN_TENSOR_H

#include "kernels/types.h"
#include <modellab/status.h>
#include <stdbool.h>

enum { MLI_TENSOR_MAX_RANK = 4 };

typedef struct mli_tensor {
    const void *data; /* any byte alignment */
    mli_dtype type;
    int rank; /* 0 .. 4 */
    size_t dims[MLI_TENSOR_MAX_RANK];
} mli_tensor;

/* Product of the dimensions; E_LIMIT when it does not fit, E_INVALID_ARGUMENT for a bad rank. */
MODELLAB_MUST_CHECK modellab_status mli_tensor_count(const mli_tensor *t, size_t *count,
                                                     modellab_error *err);
bool mli_tensor_is(const mli_tensor *t, int rank, size_t d0, size_t d1, size_t d2);
/* Copies all values as f32 to dst[count]. */
void mli_tensor_to_f32(const mli_tensor *t, size_t count, float *dst);

#endif
