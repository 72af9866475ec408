/* Element types of weights and caches. Activations are always f32. f16 is IEEE 754 binary16, stored
 * as uint16_t; conversions round to nearest even. */
#ifndef MLI_KERNELS_TYPES_H
#define MLI_KERNELS_TYPES_H

#include <stddef.h>
#include <stdint.h>

typedef enum mli_dtype { MLI_DTYPE_F32 = 0, MLI_DTYPE_F16 = 1 } mli_dtype;

typedef uint16_t mli_f16;

static inline size_t mli_dtype_size(mli_dtype type)
{
    return type == MLI_DTYPE_F16 ? 2 : 4;
}

#endif
