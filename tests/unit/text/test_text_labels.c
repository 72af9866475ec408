/* RTTM, STM and UEM: what is read, what is left out, what is refused. */
#include "text/labels.h"
#include "unit/failing_alloc.h"
#include "unit/unit.h"

#include <string.h>

#define OK(call) assert_int_equal((call), MODELLAB_OK)

static modellab_status read_text(mli_labels_format format, const char *text, mli_labels *out,
                                 modellab_error *err)
{
    return mli_labels_read(format, text, strlen(text), NULL, out, err);
}

static void test_rttm(void **state)
{
    (void)state;
    mli_labels l;
    OK(read_text(MLI_LABELS_RTTM,
                 ";; a comment\nSPKR-INFO talk 1 <NA> <NA> <NA> unknown Ann <NA> <NA>\n\n"
                 "SPEAKER talk 1 6.690 0.4305 <NA> <NA> Ann <NA> <NA>\r\n"
                 "SPEAKER\ttalk 1  7 0.25 <NA> <NA> Bob\n",
                 &l, NULL));
    assert_int_equal(l.count, 2);
    assert_string_equal(l.items[0].file, "talk");
    assert_string_equal(l.items[0].channel, "1");
    assert_string_equal(l.items[0].speaker, "Ann");
    assert_true(l.items[0].start_ms == 6690 && l.items[0].end_ms == 7120);
    assert_string_equal(l.items[1].speaker, "Bob");
    assert_true(l.items[1].start_ms == 7000 && l.items[1].end_ms == 7250);
    mli_labels_dispose(&l);
}

static void test_stm(void **state)
{
    (void)state;
    mli_labels l;
    OK(read_text(MLI_LABELS_STM,
                 "talk 1 Ann 0.5 1.25 Oh, hello.  \ntalk A Bob 2 3 <o,f0,male>  Hi <there>\n"
                 "talk A Bob 4 5",
                 &l, NULL));
    assert_int_equal(l.count, 3);
    assert_string_equal(l.items[0].text, "Oh, hello.");
    assert_string_equal(l.items[0].speaker, "Ann");
    assert_true(l.items[0].start_ms == 500 && l.items[0].end_ms == 1250);
    assert_string_equal(l.items[1].text, "Hi <there>");
    assert_string_equal(l.items[2].text, "");
    mli_labels_dispose(&l);
}

static void test_uem(void **state)
{
    (void)state;
    mli_labels l;
    OK(read_text(MLI_LABELS_UEM, "talk 1 0.000 30.000\n", &l, NULL));
    assert_true(l.count == 1 && l.items[0].end_ms == 30000);
    mli_labels_dispose(&l);
    OK(read_text(MLI_LABELS_UEM, "", &l, NULL));
    assert_int_equal(l.count, 0);
    mli_labels_dispose(&l);
}

static void test_refused(void **state)
{
    (void)state;
    const struct {
        mli_labels_format format;
        const char *text;
        int64_t detail;
    } cases[] = {
        {MLI_LABELS_RTTM, "\nSPEAKER a 1 0.1 0.2 x\n", 2},
        {MLI_LABELS_RTTM, "SPEAKER a 1 -1 0.2 <NA> <NA> s\n", 1},
        {MLI_LABELS_RTTM, "SPEAKER a 1 1e3 0.2 <NA> <NA> s\n", 1},
        {MLI_LABELS_RTTM, "SPEAKER a 1 99999999999999999999 1 <NA> <NA> s\n", 1},
        {MLI_LABELS_STM, "a 1 s 2 1 text\n", 1},
        {MLI_LABELS_STM, "a 1 s 2\n", 1},
        {MLI_LABELS_UEM, "a 1 0 1\na 1 0 1 2\n", 2},
        {MLI_LABELS_UEM, "a 1 . 1\n", 1},
        {MLI_LABELS_UEM, "\xff", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        modellab_error err = MODELLAB_ERROR_INIT;
        mli_labels l;
        assert_int_equal(read_text(cases[i].format, cases[i].text, &l, &err), MODELLAB_E_SCHEMA);
        assert_int_equal(err.detail, cases[i].detail);
        assert_int_equal(l.count, 0);
        assert_null(l.strings);
    }
}

static void test_memory_faults(void **state)
{
    (void)state;
    const char *text = "talk 1 Ann 0.5 1.25 Oh, hello.\n";
    modellab_status status = MODELLAB_E_NO_MEMORY;
    long n = 0;
    for (; status == MODELLAB_E_NO_MEMORY; n++) {
        failing_alloc failing = {.fail_at = n};
        const modellab_allocator alloc = failing_alloc_table(&failing);
        mli_labels l;
        status = mli_labels_read(MLI_LABELS_STM, text, strlen(text), &alloc, &l, NULL);
        mli_labels_dispose(&l);
        assert_int_equal(failing.live, 0);
    }
    OK(status);
    assert_int_equal(n, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rttm),          cmocka_unit_test(test_stm),
        cmocka_unit_test(test_uem),           cmocka_unit_test(test_refused),
        cmocka_unit_test(test_memory_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
