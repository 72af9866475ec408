/* Conversion of tensor rows of any type to f32 and f16. */
#include "base/error.h"
#include "models/cursor.h"
#include "models/half.h"
#include "models/tensors.h"

#define BLOCK 32u /* values of one ggml block */

static void block_q4(const unsigned char *p, float scale, float add, float *out)
{
    for (size_t i = 0; i < 16; i++) {
        out[i] = (float)(p[i] & 15) * scale + add;
        out[i + 16] = (float)(p[i] >> 4) * scale + add;
    }
}

/* Value i of a block of 5 bits, without its scale. */
static int five_bits(const unsigned char *high, const unsigned char *p, size_t i)
{
    int low = i < 16 ? p[i] & 15 : p[i - 16] >> 4;
    return low | (int)((mli_le32(high) >> i & 1u) << 4);
}

static void block_to_f32(mli_weight_dtype type, const unsigned char *p, float *out)
{
    float scale = mli_f32_of_f16(mli_le16(p));
    switch (type) {
    case MLI_WEIGHT_Q4_0:
        for (size_t i = 0; i < 16; i++) {
            out[i] = (float)((p[2 + i] & 15) - 8) * scale;
            out[i + 16] = (float)((p[2 + i] >> 4) - 8) * scale;
        }
        break;
    case MLI_WEIGHT_Q4_1:
        block_q4(p + 4, scale, mli_f32_of_f16(mli_le16(p + 2)), out);
        break;
    case MLI_WEIGHT_Q5_0:
        for (size_t i = 0; i < BLOCK; i++) {
            out[i] = (float)(five_bits(p + 2, p + 6, i) - 16) * scale;
        }
        break;
    case MLI_WEIGHT_Q5_1:
        for (size_t i = 0; i < BLOCK; i++) {
            float least = mli_f32_of_f16(mli_le16(p + 2));
            out[i] = (float)five_bits(p + 4, p + 8, i) * scale + least;
        }
        break;
    default: /* q8_0 */
        for (size_t i = 0; i < BLOCK; i++) {
            out[i] = (float)(int8_t)p[2 + i] * scale;
        }
        break;
    }
}

/* `count` values of a plain type. */
static void plain_to_f32(mli_weight_dtype type, const unsigned char *p, size_t count, float *out)
{
    switch (type) {
    case MLI_WEIGHT_F32:
        memcpy(out, p, count * sizeof *out);
        break;
    case MLI_WEIGHT_F16:
        for (size_t i = 0; i < count; i++) {
            out[i] = mli_f32_of_f16(mli_le16(p + 2 * i));
        }
        break;
    default: /* bf16 */
        for (size_t i = 0; i < count; i++) {
            out[i] = mli_f32_of_bf16(mli_le16(p + 2 * i));
        }
        break;
    }
}

/* Values [at, at + count) of a row; `at` and `count` are whole blocks for block types. */
static void span_to_f32(const mli_weight *t, size_t row, size_t row_bytes, size_t at, size_t count,
                        float *out)
{
    const unsigned char *p = t->data + row * row_bytes;
    size_t unit; /* of a type whose bytes were checked: cannot fail */
    if (t->dtype == MLI_WEIGHT_I8) {
        float scale = mli_lef32(t->scale + 4 * row);
        for (size_t i = 0; i < count; i++) {
            out[i] = (float)(int8_t)p[at + i] / scale;
        }
        return;
    }
    if (t->dtype <= MLI_WEIGHT_BF16) {
        plain_to_f32(t->dtype, p + at * (t->dtype == MLI_WEIGHT_F32 ? 4 : 2), count, out);
        return;
    }
    if (!mli_weight_dtype_bytes(t->dtype, BLOCK, &unit)) {
        return;
    }
    for (size_t i = 0; i < count / BLOCK; i++) {
        block_to_f32(t->dtype, p + (at / BLOCK + i) * unit, out + i * BLOCK);
    }
}

static bool convertible(const mli_weight *t)
{
    switch (t->dtype) {
    case MLI_WEIGHT_F32:
    case MLI_WEIGHT_F16:
    case MLI_WEIGHT_BF16:
    case MLI_WEIGHT_Q4_0:
    case MLI_WEIGHT_Q4_1:
    case MLI_WEIGHT_Q5_0:
    case MLI_WEIGHT_Q5_1:
    case MLI_WEIGHT_Q8_0:
        return true;
    case MLI_WEIGHT_I8:
        return t->scale != NULL;
    default:
        return false;
    }
}

MODELLAB_MUST_CHECK static modellab_status
check_range(const mli_weight *t, size_t first, size_t rows, size_t *row_bytes, modellab_error *err)
{
    size_t all = mli_weight_rows(t);
    if (first > all || rows > all - first) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "rows outside of tensor %s", t->name);
    }
    if (!convertible(t) || !mli_weight_dtype_bytes(t->dtype, mli_weight_row_size(t), row_bytes)) {
        return mli_fail(err, MODELLAB_E_UNSUPPORTED_MODEL,
                        "tensor %s of type %s cannot be converted", t->name,
                        mli_weight_dtype_name(t->dtype));
    }
    return MODELLAB_OK;
}

modellab_status mli_weight_read_f32(const mli_weight *tensor, size_t first, size_t rows, float *out,
                                    modellab_error *err)
{
    size_t row_bytes, size = mli_weight_row_size(tensor);
    modellab_status status = check_range(tensor, first, rows, &row_bytes, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    for (size_t i = 0; i < rows; i++) {
        span_to_f32(tensor, first + i, row_bytes, 0, size, out + i * size);
    }
    return MODELLAB_OK;
}

static void row_to_f16(const mli_weight *t, size_t row, size_t row_bytes, size_t size,
                       uint16_t *out)
{
    enum { PIECE = 1024 };
    float piece[PIECE];
    for (size_t at = 0; at < size; at += PIECE) {
        size_t count = size - at < PIECE ? size - at : PIECE;
        span_to_f32(t, row, row_bytes, at, count, piece);
        for (size_t i = 0; i < count; i++) {
            out[at + i] = mli_f16_of_f32(piece[i]);
        }
    }
}

modellab_status mli_weight_read_f16(const mli_weight *tensor, size_t first, size_t rows,
                                    uint16_t *out, modellab_error *err)
{
    size_t row_bytes, size = mli_weight_row_size(tensor);
    modellab_status status = check_range(tensor, first, rows, &row_bytes, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    if (tensor->dtype == MLI_WEIGHT_F16) {
        memcpy(out, tensor->data + first * row_bytes, rows * row_bytes);
        return MODELLAB_OK;
    }
    for (size_t i = 0; i < rows; i++) {
        row_to_f16(tensor, first + i, row_bytes, size, out + i * size);
    }
    return MODELLAB_OK;
}
