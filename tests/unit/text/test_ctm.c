/* CTM: what its readers demand of times. */
#include "text/format.h"
#include "unit/unit.h"

#include <string.h>

#define OK(call) assert_int_equal((call), MODELLAB_OK)

/* Readers of CTM refuse a duration of 0. */
static void test_ctm_durations(void **state)
{
    (void)state;
    static const mli_transcript_word words[] = {
        {.start = 0.5, .end = 0.5, .probability = 1.0, .text = " at"},
        {.start = 0.5, .end = 0.505, .probability = 1.0, .text = " once"}};
    static const mli_transcript_segment segment = {
        .end = 1.0, .text = " at once", .words = words, .word_count = 2};
    const mli_format_options named = {.name = "a"};
    mli_transcript *t = NULL;
    mli_buf out;
    OK(mli_transcript_create(NULL, &t, NULL));
    OK(mli_transcript_set_info(t, "transcribe", "en", 0.75, 1.0, NULL));
    OK(mli_transcript_add(t, &segment, NULL));
    OK(mli_transcript_finish(t, NULL));
    mli_buf_init(&out, NULL);
    OK(mli_format_write(t, MLI_TEXT_CTM, &named, &out, NULL));
    assert_string_equal(mli_buf_text(&out),
                        "a 1 0.500 0.010 at 1.000\na 1 0.500 0.005 once 1.000\n");
    mli_buf_dispose(&out);
    mli_transcript_unref(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ctm_durations)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
