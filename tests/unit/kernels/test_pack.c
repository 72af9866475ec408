/* The packed layout: where every weight goes, conversions, concatenation, convolutions, impossible
 * sizes. */
#include "common.h"

#include "kernels/half.h"
#include "kernels/pack.h"

static float cell(const void *packed, mli_dtype type, size_t cols, size_t row, size_t col)
{
    size_t at = (row / 16 * cols + col) * 16 + row % 16;
    return type == MLI_DTYPE_F16 ? mli_half_to_float(((const mli_f16 *)packed)[at])
                                 : ((const float *)packed)[at];
}

static void check(mli_dtype type, mli_dtype src_type, size_t rows, size_t cols)
{
    numbers rng = {rows * 77 + cols};
    size_t stride = cols + 3, bytes, tiles = (rows + 15) / 16;
    float *w = floats(&rng, rows * stride), *row = must(cols * 4);
    /* one byte off: files align nothing */
    char *raw = must(rows * stride * 4 + 1), *src = raw + 1;
    for (size_t i = 0; i < rows * stride; i++) {
        mli_f16 h = mli_half_from_float(w[i]);
        w[i] = mli_half_to_float(h);
        memcpy(src + i * mli_dtype_size(src_type), src_type == MLI_DTYPE_F16 ? (void *)&h : &w[i],
               mli_dtype_size(src_type));
    }
    assert_int_equal(mli_pack_bytes(type, rows, cols, &bytes, NULL), MODELLAB_OK);
    assert_int_equal(bytes, (tiles * 16 * cols * mli_dtype_size(type) + 63) / 64 * 64);
    char *packed = must(bytes + 1);
    memset(packed, 0x7e, bytes + 1);
    mli_pack(type, rows, cols, src, src_type, stride, packed);
    assert_int_equal(packed[bytes], 0x7e);
    mli_packed view = {type, rows, cols, packed};
    for (size_t r = 0; r < tiles * 16; r++) {
        for (size_t c = 0; c < cols; c++)
            assert_true(cell(packed, type, cols, r, c) == (r < rows ? w[r * stride + c] : 0.0f));
        if (r < rows)
            mli_packed_row(&view, r, row);
        assert_true(r >= rows || memcmp(row, w + r * stride, cols * 4) == 0);
    }
    free(w);
    free(row);
    free(raw);
    free(packed);
}

static void test_layout(void **state)
{
    (void)state;
    const size_t shapes[][2] = {{1, 1},   {15, 3}, {16, 4}, {17, 5},
                                {48, 40}, {51, 7}, {0, 5},  {5, 0}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        for (int both = 0; both < 4; both++)
            check((mli_dtype)(both & 1), (mli_dtype)(both >> 1), shapes[i][0], shapes[i][1]);
    }
}

static void test_concatenation(void **state)
{
    (void)state;
    numbers rng = {5};
    float *w = floats(&rng, 40 * 6);
    mli_f16 all[48 * 6], parts[48 * 6];
    mli_pack(MLI_DTYPE_F16, 40, 6, w, MLI_DTYPE_F32, 6, all);
    mli_pack(MLI_DTYPE_F16, 16, 6, w, MLI_DTYPE_F32, 6, parts);
    mli_pack(MLI_DTYPE_F16, 24, 6, w + 16 * 6, MLI_DTYPE_F32, 6, parts + 16 * 6);
    assert_memory_equal(all, parts, sizeof all);
    free(w);
}

static void test_convolution(void **state)
{
    (void)state;
    float w[5][4][3];
    numbers rng = {6};
    for (size_t i = 0; i < 60; i++)
        (&w[0][0][0])[i] = next_number(&rng);
    float packed[16 * 12];
    mli_pack_conv(MLI_DTYPE_F32, 5, 4, 3, w, MLI_DTYPE_F32, packed);
    for (size_t o = 0; o < 16; o++) {
        for (size_t i = 0; i < 12; i++)
            assert_true(cell(packed, MLI_DTYPE_F32, 12, o, i) ==
                        (o < 5 ? w[o][i % 4][i / 4] : 0.0f));
    }
}

static void test_impossible(void **state)
{
    (void)state;
    size_t bytes = 1;
    assert_int_equal(mli_pack_bytes(MLI_DTYPE_F16, SIZE_MAX, 1, &bytes, NULL), MODELLAB_E_LIMIT);
    assert_int_equal(mli_pack_bytes(MLI_DTYPE_F32, 1, SIZE_MAX, &bytes, NULL), MODELLAB_E_LIMIT);
    assert_int_equal(mli_pack_bytes(MLI_DTYPE_F32, (size_t)1 << 32, (size_t)1 << 32, &bytes, NULL),
                     MODELLAB_E_LIMIT);
    assert_int_equal(mli_pack_bytes(MLI_DTYPE_F32, (size_t)1 << 31, (size_t)1 << 30, &bytes, NULL),
                     MODELLAB_E_LIMIT);
    assert_int_equal(bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout), cmocka_unit_test(test_concatenation),
        cmocka_unit_test(test_convolution), cmocka_unit_test(test_impossible)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
