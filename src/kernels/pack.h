/* Packed weight matrices: W[rows = outputs][cols = inputs] in tiles of 16 rows, inside a tile
 * column after column: tile t, column c, lane r holds W[16 t + r][c]; missing rows of the last tile
 * are zeros. One layout for all instruction sets, without pointers, so that the bytes can be stored
 * and mapped. The packed form of [A; B] (A.rows a multiple of 16) is that of A followed by that of
 * B: query, key and value projections can be packed into one matrix. */
#ifndef MLI_KERNELS_PACK_H
#define MLI_KERNELS_PACK_H

#include "kernels/types.h"
#include <modellab/status.h>

enum {
    MLI_PACK_TILE = 16,
    MLI_PACK_ALIGN = 64, /* alignment of the packed bytes */
    MLI_PACK_VERSION = 1 /* of the layout: belongs into the key of a stored image */
};

typedef struct mli_packed {
    mli_dtype type;
    size_t rows, cols;
    const void *data; /* borrowed */
} mli_packed;

/* Bytes of a packed matrix, a multiple of 64. E_LIMIT when they do not fit. */
MODELLAB_MUST_CHECK modellab_status mli_pack_bytes(mli_dtype type, size_t rows, size_t cols,
                                                   size_t *bytes, modellab_error *err);
/* Packs row-major `src` (element type src_type, `src_stride` elements a row, any byte alignment) to
 * `dst`. */
void mli_pack(mli_dtype type, size_t rows, size_t cols, const void *src, mli_dtype src_type,
              size_t src_stride, void *dst);
/* Convolution weights [out][in][k] -> packed [out][k * in] (tap-major), for mli_nn_conv1d. */
void mli_pack_conv(mli_dtype type, size_t out, size_t in, size_t k, const void *src,
                   mli_dtype src_type, void *dst);
/* Row `row` as f32 (token embeddings out of the matrix that also makes the logits). */
void mli_packed_row(const mli_packed *w, size_t row, float *dst);

/* The rows from `first` on, a multiple of MLI_PACK_TILE: a view of the same memory. */
mli_packed mli_packed_from(const mli_packed *w, size_t first);

#endif
