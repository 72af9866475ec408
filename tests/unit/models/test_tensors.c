/* Conversions bit by bit, the list of tensors, and slices. */
#include "models/half.h"
#include "models/tensors.h"
#include "unit/unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* An f16 by its definition, in doubles. */
static double half_value(uint16_t h)
{
    int exponent = h >> 10 & 31, mantissa = h & 1023;
    double value = exponent == 0 ? ldexp(mantissa, -24) : ldexp(1024 + mantissa, exponent - 25);
    return (h & 0x8000) != 0 ? -value : value;
}

static void test_all_halves(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 65536; h++) {
        float f = mli_f32_of_f16((uint16_t)h);
        if ((h & 0x7c00) == 0x7c00) {
            assert_true((h & 1023) == 0 ? isinf(f) : isnan(f));
            assert_int_equal(signbit(f) != 0, h >> 15);
        } else {
            assert_true((double)f == half_value((uint16_t)h));
        }
        if ((h & 0x7c00) != 0x7c00 || (h & 1023) == 0 || (h & 0x200) != 0) {
            assert_int_equal(mli_f16_of_f32(f), h);
        }
    }
}

/* Every f32 between two neighbouring halves goes to the nearer one, ties to the even one. */
static void test_rounding(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 0x7bff; h++) {
        double low = half_value((uint16_t)h), high = half_value((uint16_t)(h + 1));
        float middle = (float)((low + high) / 2);
        assert_int_equal(mli_f16_of_f32(middle), h + (h & 1));
        assert_int_equal(mli_f16_of_f32(nextafterf(middle, 0.0f)), h);
        assert_int_equal(mli_f16_of_f32(nextafterf(middle, 1e9f)), h + 1);
        assert_int_equal(mli_f16_of_f32(-middle), 0x8000 | (h + (h & 1)));
    }
    assert_int_equal(mli_f16_of_f32(65519.996f), 0x7bff);
    assert_int_equal(mli_f16_of_f32(65520.0f), 0x7c00);
    assert_int_equal(mli_f16_of_f32(3e38f), 0x7c00);
    assert_int_equal(mli_f16_of_f32(1e-30f), 0);
}

static void read_block(mli_weight_dtype type, const unsigned char *data, size_t bytes,
                       float out[32])
{
    mli_weight t = {
        .name = "x", .dtype = type, .rank = 1, .dims = {32}, .data = data, .bytes = bytes};
    assert_int_equal(mli_weight_read_f32(&t, 0, 1, out, NULL), MODELLAB_OK);
}

static void test_blocks(void **state)
{
    (void)state;
    float out[32];
    unsigned char b[40];
    /* scale 0.5 (0x3800), smallest value 2.0 (0x4000) where there is one; nibbles i and 15 - i */
    memset(b, 0, sizeof b);
    b[1] = 0x38;
    for (int i = 0; i < 16; i++) {
        b[2 + i] = (unsigned char)(i | (15 - i) << 4);
    }
    read_block(MLI_WEIGHT_Q4_0, b, 18, out);
    assert_true(out[0] == -4.0f && out[15] == 3.5f && out[16] == 3.5f && out[31] == -4.0f);
    memmove(b + 4, b + 2, 16);
    b[2] = 0, b[3] = 0x40;
    read_block(MLI_WEIGHT_Q4_1, b, 20, out);
    assert_true(out[0] == 2.0f && out[15] == 9.5f && out[16] == 9.5f && out[31] == 2.0f);
    memmove(b + 8, b + 4, 16);
    b[4] = 1, b[5] = 0, b[6] = 0, b[7] = 0x80; /* fifth bits of values 0 and 31 */
    read_block(MLI_WEIGHT_Q5_1, b, 24, out);
    assert_true(out[0] == 10.0f && out[1] == 2.5f && out[31] == 10.0f && out[30] == 2.5f);
    memmove(b + 2, b + 4, 20);
    read_block(MLI_WEIGHT_Q5_0, b, 22, out);
    assert_true(out[0] == 0.0f && out[1] == -7.5f && out[31] == 0.0f && out[30] == -7.5f);
    for (int i = 0; i < 32; i++) {
        b[2 + i] = (unsigned char)(i - 16);
    }
    read_block(MLI_WEIGHT_Q8_0, b, 34, out);
    assert_true(out[0] == -8.0f && out[16] == 0.0f && out[31] == 7.5f);
    static const unsigned char brain[] = {0x80, 0x3f, 0x00, 0xc0};
    mli_weight t = {
        .name = "x", .dtype = MLI_WEIGHT_BF16, .rank = 1, .dims = {2}, .data = brain, .bytes = 4};
    assert_int_equal(mli_weight_read_f32(&t, 0, 1, out, NULL), MODELLAB_OK);
    assert_true(out[0] == 1.0f && out[1] == -2.0f);
}

static void test_rows_and_slices(void **state)
{
    (void)state;
    unsigned char raw[1 + 4 * 3 * 4]; /* unaligned on purpose */
    for (int i = 0; i < 12; i++) {
        float value = (float)i;
        memcpy(raw + 1 + 4 * i, &value, 4);
    }
    mli_weight t = {.name = "m",
                    .dtype = MLI_WEIGHT_F32,
                    .rank = 2,
                    .dims = {4, 3},
                    .data = raw + 1,
                    .bytes = 48};
    float out[12];
    mli_weight part;
    assert_int_equal(mli_weight_read_f32(&t, 1, 2, out, NULL), MODELLAB_OK);
    assert_true(out[0] == 3.0f && out[5] == 8.0f);
    assert_int_equal(mli_weight_slice(&t, 2, 2, &part, NULL), MODELLAB_OK);
    assert_int_equal(mli_weight_rows(&part), 2);
    assert_int_equal(mli_weight_read_f32(&part, 1, 1, out, NULL), MODELLAB_OK);
    assert_true(out[0] == 9.0f);
    assert_int_equal(mli_weight_slice(&t, 3, 2, &part, NULL), MODELLAB_E_INVALID_ARGUMENT);
    assert_int_equal(mli_weight_slice(&t, SIZE_MAX, 2, &part, NULL), MODELLAB_E_INVALID_ARGUMENT);
    assert_int_equal(mli_weight_read_f32(&t, 3, 2, out, NULL), MODELLAB_E_INVALID_ARGUMENT);
    t.dtype = MLI_WEIGHT_I32;
    assert_int_equal(mli_weight_read_f32(&t, 0, 1, out, NULL), MODELLAB_E_UNSUPPORTED_MODEL);
}

static void add(mli_tensors *list, const mli_weight *t, const char *name, modellab_status want)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    assert_int_equal(mli_tensors_add(list, t, name, strlen(name), 0, &err), want);
}

static void test_list(void **state)
{
    (void)state;
    static const unsigned char data[64];
    mli_tensors list;
    mli_weight t = {.dtype = MLI_WEIGHT_F32, .rank = 2, .dims = {2, 2}, .data = data, .bytes = 16};
    mli_tensors_init(&list, NULL);
    for (int i = 0; i < 100; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "t%02d", 99 - i);
        add(&list, &t, name, MODELLAB_OK);
    }
    assert_int_equal(mli_tensors_sort(&list, NULL), MODELLAB_OK);
    assert_non_null(mli_tensors_find(&list, "t42"));
    assert_null(mli_tensors_find(&list, "t420"));
    const mli_weight *found;
    const size_t right[] = {2, 2}, wrong[] = {2, 3};
    assert_int_equal(mli_tensors_need(&list, "t42", 2, right, &found, NULL), MODELLAB_OK);
    assert_int_equal(mli_tensors_need(&list, "t42", 2, wrong, &found, NULL),
                     MODELLAB_E_INVALID_MODEL);
    add(&list, &t, "bad name", MODELLAB_E_INVALID_MODEL);
    add(&list, &t, "", MODELLAB_E_INVALID_MODEL);
    t.bytes = 15;
    add(&list, &t, "short", MODELLAB_E_INVALID_MODEL);
    t.bytes = 16;
    t.dims[1] = 0;
    add(&list, &t, "zero", MODELLAB_E_INVALID_MODEL);
    t.dims[0] = t.dims[1] = SIZE_MAX / 2;
    add(&list, &t, "huge", MODELLAB_E_INVALID_MODEL);
    t = (mli_weight){
        .dtype = MLI_WEIGHT_Q8_0, .rank = 2, .dims = {32, 2}, .data = data, .bytes = 68};
    add(&list, &t, "cut.blocks", MODELLAB_E_INVALID_MODEL);
    t = (mli_weight){.dtype = MLI_WEIGHT_F32, .rank = 0, .data = data, .bytes = 4};
    add(&list, &t, "t42", MODELLAB_OK);
    assert_int_equal(mli_tensors_sort(&list, NULL), MODELLAB_E_INVALID_MODEL);
    mli_tensors_dispose(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_halves), cmocka_unit_test(test_rounding),
        cmocka_unit_test(test_blocks),     cmocka_unit_test(test_rows_and_slices),
        cmocka_unit_test(test_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
