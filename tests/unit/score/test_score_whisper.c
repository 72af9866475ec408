/* The basic and the English normaliser: a table by hand, 1,000 generated texts with what the
 * published ones make of them (whisper_golden.txt), hostile text, and every allocation failing. */
#include "score/whisper.h"
#include "score/words.h"
#include "text/unicode_fold.h"
#include "unit/failing_alloc.h"
#include "unit/unit.h"

#include <stdio.h>
#include <string.h>

static const char *golden_path;

static void check(mli_score_normalizer normalizer, const char *text, const char *want)
{
    mli_buf out;
    mli_buf_init(&out, NULL);
    mli_score_normalize(text, strlen(text), normalizer, NULL, &out);
    if (strcmp(mli_buf_text(&out), want) != 0)
        fail_msg("\"%s\" became \"%s\", not \"%s\"", text, mli_buf_text(&out), want);
    mli_buf_dispose(&out);
}

static void test_basic(void **state)
{
    static const char *const cases[][2] = {
        {"Hello, World!", "hello world"},
        {"[notes] and <marks> and (remarks) stay out", "and and stay out"},
        {"an [open bracket", "an open bracket"},
        {"() stays nothing", "stays nothing"},
        {"don't", "don t"},
        {"CAF\xc3\x89 cafe\xcc\x81", "caf\xc3\xa9 caf\xc3\xa9"},
        {"\xef\xac\x81ne \xef\xbc\xa1\xef\xbc\x92", "fine a2"},
        {"\xe2\x84\xa2", "tm"},
        {"\xed\x95\x9c\xea\xb5\xad", "\xed\x95\x9c\xea\xb5\xad"},
        {"\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", "\xed\x95\x9c"},
        {"  ", ""},
        {"", ""}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(MLI_SCORE_BASIC, cases[i][0], cases[i][1]);
}

static void test_english(void **state)
{
    static const char *const cases[][2] = {
        {"Mr. Smith's twenty-two dogs", "mister smith is 22 dogs"},
        {"I won't; they'd been gone, he's got it", "i will not they had been gone he has got it"},
        {"Uh, hmm, um the colour", "the color"},
        {"ten thousand dollars", "$10000"},
        {"two dollars and seven cents", "$2.07"},
        {"zero dollars and seven cents", "\xc2\xa2"
                                         "7"},
        {"$0.07", "\xc2\xa2"
                  "7"},
        {"one two three", "123"},
        {"one oh one", "101"},
        {"nineteen sixty eight", "1968"},
        {"the nineteen sixties", "the 1960s"},
        {"twenty first of may", "21st of may"},
        {"two and a half million", "2500000"},
        {"the dog and a half", "the dog and a half"},
        {"three point one four", "3.14"},
        {"double seven", "77"},
        {"minus five percent", "-5%"},
        {"five per cent", "5%"},
        {"1,000,000 people", "1000000 people"},
        {"in 1 place, the ones", "in one place the ones"},
        {"two hundred and six", "206"},
        {"cats and dogs", "cats and dogs"},
        {"na\xc3\xafve stra\xc3\x9f"
         "e",
         "naive strasse"},
        {"12-inch 3rd 4 th", "12 inch 3rd 4th"},
        {"a sum of 5 million", "a sum of 5000000"},
        {"", ""}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(MLI_SCORE_ENGLISH, cases[i][0], cases[i][1]);
}

static void test_golden(void **state)
{
    char line[4096];
    size_t lines = 0;
    (void)state;
    FILE *file = fopen(golden_path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        char *text = strchr(line, '\t');
        assert_non_null(text);
        *text++ = '\0';
        char *want = strchr(text, '\t');
        assert_non_null(want);
        *want++ = '\0';
        want[strcspn(want, "\n")] = '\0';
        check(strcmp(line, "basic") == 0 ? MLI_SCORE_BASIC : MLI_SCORE_ENGLISH, text, want);
        lines++;
    }
    assert_int_equal(lines, 1000);
    assert_int_equal(fclose(file), 0);
}

/* No text makes it slow, long or wrong in memory: bytes of all kinds, and what opens and never
 * closes. */
static void test_hostile(void **state)
{
    static char text[60000];
    uint32_t seed = 1;
    (void)state;
    for (int round = 0; round < 6; round++) {
        static const char some[] = "[(<'.,$% 19aonehundredth\xc2\xa2\xff\xcc";
        for (size_t i = 0; i < sizeof text; i++) {
            seed = seed * 1664525u + 1013904223u;
            text[i] = round == 0   ? '['
                      : round == 1 ? '('
                      : round == 2 ? (char)(seed >> 24)
                                   : some[(seed >> 16) % (sizeof some - 1)];
            if (text[i] == '\0')
                text[i] = ' ';
        }
        for (mli_score_normalizer n = MLI_SCORE_BASIC; n <= MLI_SCORE_ENGLISH; n++) {
            mli_buf out;
            mli_buf_init(&out, NULL);
            mli_score_normalize(text, sizeof text, n, NULL, &out);
            assert_int_equal(out.status, MODELLAB_OK);
            assert_true(out.size < 20 * sizeof text);
            mli_buf_dispose(&out);
        }
    }
}

/* A look before each text, and one each 64 KiB of it. */
static void test_cancel(void **state)
{
    static char text[200000];
    mli_cancel_word stop = 1;
    mli_score_look l = {&stop, 0, false};
    (void)state;
    memset(text, 'a', sizeof text);
    for (mli_score_normalizer n = MLI_SCORE_AS_IS; n <= MLI_SCORE_ENGLISH; n++) {
        mli_buf out;
        mli_buf_init(&out, NULL);
        mli_score_normalize(text, sizeof text, n, &stop, &out);
        assert_int_equal(mli_buf_status(&out, NULL), MODELLAB_E_CANCELLED);
        assert_int_equal(out.size, 0);
        mli_buf_dispose(&out);
    }
    for (size_t i = 0; i + 1 < sizeof text; i += 2)
        text[i + 1] = ' ';
    mli_buf out;
    mli_buf_init(&out, NULL);
    mli_whisper_numbers(text, sizeof text, &l, &out); /* a pass begun before it was set */
    assert_true(l.stopped);
    mli_buf_dispose(&out);
}

static void test_unicode(void **state)
{
    uint32_t parts[MLI_UNICODE_MAX_PARTS];
    (void)state;
    assert_int_equal(mli_unicode_lower('A'), 'a');
    assert_int_equal(mli_unicode_lower(0x178), 0xff);
    assert_int_equal(mli_unicode_lower(0x101), 0x101);
    assert_int_equal(mli_unicode_lower(0x100), 0x101);
    assert_int_equal(mli_unicode_lower(0x10400), 0x10428);
    assert_int_equal(mli_unicode_decompose(0x1e9b, parts), 2);
    assert_int_equal(parts[0], 's');
    assert_int_equal(mli_unicode_decompose(0x10ffff, parts), 1);
    assert_int_equal(mli_unicode_compose('e', 0x301), 0xe9);
    assert_int_equal(mli_unicode_compose('q', 0x301), 0);
    assert_int_equal(mli_unicode_compose(0xffff, 0xffff), 0);
    assert_true(mli_unicode_is_nonspacing(0x301) && !mli_unicode_is_nonspacing('a'));
    assert_true(mli_unicode_is_symbol('$') && mli_unicode_is_symbol(0x301) &&
                !mli_unicode_is_symbol('a'));
}

static void test_faults(void **state)
{
    static const char text[] =
        "Two dollars and seven cents, [note] it's colour and a half: \xe2\x84\xa2";
    modellab_status status = MODELLAB_E_NO_MEMORY;
    long n = 0;
    (void)state;
    for (; status == MODELLAB_E_NO_MEMORY; n++) {
        failing_alloc failing = {.fail_at = n};
        const modellab_allocator alloc = failing_alloc_table(&failing);
        mli_buf out;
        mli_buf_init(&out, &alloc);
        mli_score_normalize(text, sizeof text - 1, MLI_SCORE_ENGLISH, NULL, &out);
        status = out.status;
        mli_buf_dispose(&out);
        assert_int_equal(failing.live, 0);
    }
    assert_int_equal(status, MODELLAB_OK);
    assert_true(n > 5);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_basic),   cmocka_unit_test(test_english),
        cmocka_unit_test(test_golden),  cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_unicode), cmocka_unit_test(test_faults),
        cmocka_unit_test(test_cancel),
    };
    if (argc != 2)
        return 2;
    golden_path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
