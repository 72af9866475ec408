/* The choice of the instruction set, run by the build once for each value of MODEL_LAB_ISA, and the
 * names. */
#include "common.h"

#include "kernels/blas.h"

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(mli_isa_name(MLI_ISA_SCALAR), "scalar");
    assert_string_equal(mli_isa_name(MLI_ISA_AVX512), "avx512");
    assert_true(mli_isa_available(MLI_ISA_SCALAR));
    assert_false(mli_isa_available((mli_isa)9));
    assert_false(mli_kernels_use((mli_isa)9));
}

/* OpenBLAS comes with the first question, and then with one thread, as was asked before. */
static void test_blas_comes_late(void **state)
{
    (void)state;
    assert_true(mli_blas_use_single_thread());
    assert_string_equal(mli_blas_core_in_use(), "none");
    assert_string_not_equal(mli_blas_core(), "absent");
    assert_string_equal(mli_blas_core_in_use(), mli_blas_core());
    assert_int_equal(mli_blas_threads(), 1); /* the build asked for two by the environment */
}

/* A word that this CPU knows is obeyed, any other leaves the best. */
static void test_forced_isa(void **state)
{
    (void)state;
    const char *word = getenv("MODEL_LAB_ISA");
    mli_isa want = MLI_ISA_SCALAR;
    bool obeyed = false;
    for (int i = 0; i < MLI_ISA_COUNT; i++) {
        want = mli_isa_available((mli_isa)i) && !obeyed ? (mli_isa)i : want;
        obeyed = obeyed || (word != NULL && strcmp(word, mli_isa_name((mli_isa)i)) == 0 &&
                            mli_isa_available((mli_isa)i));
    }
    print_message("MODEL_LAB_ISA=%s: %s\n", word != NULL ? word : "", mli_isa_name(want));
    assert_int_equal(mli_isa_current(), want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_forced_isa),
                                       cmocka_unit_test(test_blas_comes_late),
                                       cmocka_unit_test(test_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
