/* Checked shape arithmetic of tensor views and their values as f32. */
#include "nn/tensor.h"

#include "base/checked.h"
#include "base/error.h"
#include "kernels/vector.h"
#include <string.h>

modellab_status mli_tensor_count(const mli_tensor *t, size_t *count, modellab_error *err)
{
    *count = 0;
    if (t->rank < 0 || t->rank > MLI_TENSOR_MAX_RANK)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "a tensor of rank %d", t->rank);
    size_t product = 1, bytes;
    for (int i = 0; i < t->rank; i++) {
        if (mli_mul_overflow(product, t->dims[i], &product))
            return mli_fail(err, MODELLAB_E_LIMIT, "a tensor is too large");
    }
    if (mli_mul_overflow(product, mli_dtype_size(t->type), &bytes) || bytes > PTRDIFF_MAX)
        return mli_fail(err, MODELLAB_E_LIMIT, "a tensor is too large");
    *count = product;
    return MODELLAB_OK;
}

bool mli_tensor_is(const mli_tensor *t, int rank, size_t d0, size_t d1, size_t d2)
{
    const size_t want[3] = {d0, d1, d2};
    if (t->rank != rank || rank < 0 || rank > 3)
        return false;
    for (int i = 0; i < rank; i++) {
        if (t->dims[i] != want[i])
            return false;
    }
    return true;
}

void mli_tensor_to_f32(const mli_tensor *t, size_t count, float *dst)
{
    if (t->type == MLI_DTYPE_F32) {
        memcpy(dst, t->data, count * sizeof *dst);
        return;
    }
    /* Files may place halves at odd addresses: through a small aligned copy. */
    mli_f16 part[256];
    for (size_t i = 0; i < count; i += 256) {
        size_t n = count - i < 256 ? count - i : 256;
        memcpy(part, (const char *)t->data + i * sizeof *part, n * sizeof *part);
        mli_f16_to_f32(dst + i, part, n);
    }
}
