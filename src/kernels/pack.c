/* Packing of weight matrices into tiles of 16 rows, and reading a row back. */
#include "kernels/pack.h"

#include "base/checked.h"
#include "base/error.h"
#include "kernels/half.h"
#include <string.h>

modellab_status mli_pack_bytes(mli_dtype type, size_t rows, size_t cols, size_t *bytes,
                               modellab_error *err)
{
    size_t tiles = rows / MLI_PACK_TILE + (rows % MLI_PACK_TILE != 0), cells, size = 0;
    *bytes = 0;
    /* An address space holds at most PTRDIFF_MAX bytes. */
    if (mli_mul_overflow(tiles, cols, &cells) ||
        mli_mul_overflow(cells, (size_t)MLI_PACK_TILE, &cells) ||
        mli_mul_overflow(cells, mli_dtype_size(type), &size) || size > PTRDIFF_MAX - 63)
        return mli_fail(err, MODELLAB_E_LIMIT, "a matrix of %zu x %zu is too large", rows, cols);
    *bytes = (size + 63) & ~(size_t)63;
    return MODELLAB_OK;
}

static float value_at(const void *src, mli_dtype type, size_t index)
{
    if (type == MLI_DTYPE_F16) {
        mli_f16 h;
        memcpy(&h, (const char *)src + index * sizeof h, sizeof h);
        return mli_half_to_float(h);
    }
    float f;
    memcpy(&f, (const char *)src + index * sizeof f, sizeof f);
    return f;
}

/* One cell: same types are copied bit for bit (a signalling NaN would not survive a conversion). */
static void put_cell(mli_dtype type, void *dst, size_t to, const void *src, mli_dtype src_type,
                     size_t from)
{
    size_t size = mli_dtype_size(type);
    char *cell = (char *)dst + to * size;
    if (type == src_type) {
        memcpy(cell, (const char *)src + from * size, size);
    } else if (type == MLI_DTYPE_F16) {
        mli_f16 h = mli_half_from_float(value_at(src, src_type, from));
        memcpy(cell, &h, sizeof h);
    } else {
        float f = value_at(src, src_type, from);
        memcpy(cell, &f, sizeof f);
    }
}

/* The common case of equal types; `size` is constant where it is called, so the copies are moves.
 */
static inline __attribute__((always_inline)) void
copy_tile(char *dst, const char *src, size_t rows, size_t cols, size_t row_bytes, size_t size)
{
    for (size_t c = 0; c < cols; c++) {
        for (size_t r = 0; r < rows; r++)
            memcpy(dst + (c * MLI_PACK_TILE + r) * size, src + r * row_bytes + c * size, size);
    }
}

static void pack_tile(mli_dtype type, size_t rows, size_t cols, const char *src, mli_dtype src_type,
                      size_t src_stride, char *dst)
{
    size_t row_bytes = src_stride * mli_dtype_size(src_type);
    if (rows < MLI_PACK_TILE)
        memset(dst, 0, cols * MLI_PACK_TILE * mli_dtype_size(type));
    if (type != src_type) {
        for (size_t c = 0; c < cols; c++) {
            for (size_t r = 0; r < rows; r++)
                put_cell(type, dst, c * MLI_PACK_TILE + r, src, src_type, r * src_stride + c);
        }
    } else if (type == MLI_DTYPE_F16) {
        copy_tile(dst, src, rows, cols, row_bytes, 2);
    } else {
        copy_tile(dst, src, rows, cols, row_bytes, 4);
    }
}

/* The last tile's end up to the multiple of 64 bytes. */
static void clear_end(mli_dtype type, size_t rows, size_t cols, char *dst)
{
    size_t tiles = (rows + MLI_PACK_TILE - 1) / MLI_PACK_TILE;
    size_t used = tiles * MLI_PACK_TILE * cols * mli_dtype_size(type);
    memset(dst + used, 0, (64 - used % 64) % 64);
}

void mli_pack(mli_dtype type, size_t rows, size_t cols, const void *src, mli_dtype src_type,
              size_t src_stride, void *dst)
{
    size_t tile_bytes = MLI_PACK_TILE * cols * mli_dtype_size(type);
    size_t step = MLI_PACK_TILE * src_stride * mli_dtype_size(src_type);
    for (size_t row = 0, t = 0; row < rows; row += MLI_PACK_TILE, t++) {
        size_t count = rows - row < MLI_PACK_TILE ? rows - row : MLI_PACK_TILE;
        pack_tile(type, count, cols, (const char *)src + t * step, src_type, src_stride,
                  (char *)dst + t * tile_bytes);
    }
    clear_end(type, rows, cols, dst);
}

void mli_pack_conv(mli_dtype type, size_t out, size_t in, size_t k, const void *src,
                   mli_dtype src_type, void *dst)
{
    size_t cols = k * in, tiles = (out + MLI_PACK_TILE - 1) / MLI_PACK_TILE;
    memset(dst, 0, tiles * MLI_PACK_TILE * cols * mli_dtype_size(type));
    for (size_t o = 0; o < out; o++) {
        size_t tile = o / MLI_PACK_TILE * MLI_PACK_TILE * cols + o % MLI_PACK_TILE;
        for (size_t i = 0; i < in; i++) {
            for (size_t tap = 0; tap < k; tap++)
                put_cell(type, dst, tile + (tap * in + i) * MLI_PACK_TILE, src, src_type,
                         (o * in + i) * k + tap);
        }
    }
    clear_end(type, out, cols, dst);
}

void mli_packed_row(const mli_packed *w, size_t row, float *dst)
{
    size_t tile = row / MLI_PACK_TILE * MLI_PACK_TILE * w->cols + row % MLI_PACK_TILE;
    for (size_t c = 0; c < w->cols; c++)
        dst[c] = value_at(w->data, w->type, tile + c * MLI_PACK_TILE);
}

mli_packed mli_packed_from(const mli_packed *w, size_t first)
{
    mli_packed part = *w;
    part.rows -= first;
    part.data = (const char *)w->data + first * w->cols * mli_dtype_size(w->type);
    return part;
}
