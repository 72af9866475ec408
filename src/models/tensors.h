/* Weights as a neutral list: canonical names whatever the file format, numbers still in the
 * caller's bytes (any alignment), and accessors that convert row ranges to f32 or f16. */
#ifndef MLI_MODELS_TENSORS_H
#define MLI_MODELS_TENSORS_H

#include <modellab/alloc.h>
#include <modellab/status.h>
#include <stdbool.h>

#define MLI_TENSOR_MAX_RANK 8
#define MLI_TENSOR_MAX_COUNT 65536u
#define MLI_TENSOR_MAX_NAME 160u
#define MLI_TENSOR_MAX_ELEMENTS ((size_t)1 << 33)

typedef enum mli_weight_dtype {
    MLI_WEIGHT_NONE = 0,
    MLI_WEIGHT_F32 = 1,
    MLI_WEIGHT_F16 = 2,
    MLI_WEIGHT_BF16 = 3,
    MLI_WEIGHT_I8 = 4, /* `scale` holds one f32 a row: weight = value / scale[row] */
    MLI_WEIGHT_I16 = 5,
    MLI_WEIGHT_I32 = 6,
    MLI_WEIGHT_I64 = 7,
    MLI_WEIGHT_U8 = 8,
    MLI_WEIGHT_Q4_0 = 9, /* ggml blocks of 32 along the last dimension */
    MLI_WEIGHT_Q4_1 = 10,
    MLI_WEIGHT_Q5_0 = 11,
    MLI_WEIGHT_Q5_1 = 12,
    MLI_WEIGHT_Q8_0 = 13
} mli_weight_dtype;

/* Name of a type ("f16"); "?" for others. Static. */
const char *mli_weight_dtype_name(mli_weight_dtype type);
/* Bytes of `elements` values of a type; false when it does not fit or blocks are cut. */
MODELLAB_MUST_CHECK bool mli_weight_dtype_bytes(mli_weight_dtype type, size_t elements,
                                                size_t *bytes);

typedef struct mli_weight {
    const char *name; /* canonical; owned by the list */
    mli_weight_dtype dtype;
    int32_t rank;                     /* 0 (one value) .. 8 */
    size_t dims[MLI_TENSOR_MAX_RANK]; /* outermost first, each > 0 */
    const unsigned char *data;        /* borrowed from the file's bytes, unaligned */
    size_t bytes;
    const unsigned char *scale; /* I8: rows f32, unaligned; else NULL */
} mli_weight;

typedef struct mli_tensors {
    const modellab_allocator *alloc; /* borrowed */
    mli_weight *items;               /* sorted by name once read */
    size_t count, capacity;
} mli_tensors;

void mli_tensors_init(mli_tensors *list, const modellab_allocator *alloc);
void mli_tensors_dispose(mli_tensors *list);
/* Copies `tensor` and its name (of `name_bytes`) into the list; checks rank, dims and that `bytes`
 * is what dims and type need. `offset` is where the data stand in the file (for the message). */
MODELLAB_MUST_CHECK modellab_status mli_tensors_add(mli_tensors *list, const mli_weight *tensor,
                                                    const char *name, size_t name_bytes,
                                                    size_t offset, modellab_error *err);
/* Sorts by name; a name that stands twice is an error. */
MODELLAB_MUST_CHECK modellab_status mli_tensors_sort(mli_tensors *list, modellab_error *err);
/* NULL when absent. Needs a sorted list. Borrowed. */
const mli_weight *mli_tensors_find(const mli_tensors *list, const char *name);
/* As find, but absence or other dims are an error that names the tensor. rank < 0: any shape. */
MODELLAB_MUST_CHECK modellab_status mli_tensors_need(const mli_tensors *list, const char *name,
                                                     int rank, const size_t *dims,
                                                     const mli_weight **out, modellab_error *err);

/* Rows = dims[0] of rank >= 2 (else 1); row size = elements of one row. */
size_t mli_weight_elements(const mli_weight *tensor);
size_t mli_weight_rows(const mli_weight *tensor);
size_t mli_weight_row_size(const mli_weight *tensor);
/* A view of rows [first, first + rows) of a tensor of rank >= 1 (of dims[0], so of single values
 * for rank 1), same name pointer. The range must lie inside: E_INVALID_ARGUMENT otherwise. */
MODELLAB_MUST_CHECK modellab_status mli_weight_slice(const mli_weight *tensor, size_t first,
                                                     size_t rows, mli_weight *out,
                                                     modellab_error *err);
/* Converts rows [first, first + rows) into `out` (rows * row size values). f16 <-> f16 and f32 <->
 * f32 copy the bits; to f16 rounds to nearest even. About 1 ns a value: poll cancel between ranges.
 */
MODELLAB_MUST_CHECK modellab_status mli_weight_read_f32(const mli_weight *tensor, size_t first,
                                                        size_t rows, float *out,
                                                        modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_weight_read_f16(const mli_weight *tensor, size_t first,
                                                        size_t rows, uint16_t *out,
                                                        modellab_error *err);

#endif
