/* UTF-8, copies, hex, base64, names, edit distance. */
#include "base/base64.h"
#include "base/str.h"
#include "unit/unit.h"
#include <string.h>

static void utf8_round_trip(void **state)
{
    (void)state;
    for (uint32_t c = 0; c <= 0x10FFFF; c++) {
        char text[4];
        uint32_t back;
        if (c >= 0xD800 && c <= 0xDFFF)
            continue;
        size_t n = mli_utf8_encode(c, text);
        assert_int_equal(mli_utf8_decode(text, n, &back), n);
        assert_int_equal(back, c);
        for (size_t cut = 0; cut < n; cut++)
            assert_int_equal(mli_utf8_decode(text, cut, &back), 0);
    }
}

static void base64_as_the_rfc_has_it(void **state)
{
    static const struct {
        const char *text, *bytes; /* NULL = refused */
    } cases[] = {{"", ""},
                 {"Zg==", "f"},
                 {"Zm8=", "fo"},
                 {"Zm9v", "foo"},
                 {"Zm9vYg==", "foob"},
                 {"Zm9vYmE=", "fooba"},
                 {"+/+/", "\xfb\xff\xbf"},
                 {"Zg=", NULL},
                 {"Zg", NULL},
                 {"Zh==", NULL},
                 {"Zm9=", NULL},
                 {"Z===", NULL},
                 {"====", NULL},
                 {"Zg==Zg==", NULL},
                 {"Zm8\n", NULL},
                 {"Zm-v", NULL},
                 {"Zm=v", NULL},
                 {"Zm9v\x80m9v", NULL}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mli_buf out;
        mli_buf_init(&out, NULL);
        bool good = mli_base64_decode(cases[i].text, strlen(cases[i].text), &out);
        assert_int_equal(good, cases[i].bytes != NULL);
        if (good) {
            assert_int_equal(out.size, strlen(cases[i].bytes));
            assert_string_equal(mli_buf_text(&out), cases[i].bytes);
        }
        mli_buf_dispose(&out);
    }
}

static void utf8_refused(void **state)
{
    static const char *const bad[] = {
        "\x80",         "\xC0\x80",     "\xC1\xBF",         "\xE0\x80\x80",     "\xE0\x9F\xBF",
        "\xED\xA0\x80", "\xED\xBF\xBF", "\xF0\x80\x80\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80",
        "\xFF",         "\xC3\x28",     "\xE2\x82",         "ok\xFEno"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(mli_utf8_valid(bad[i], strlen(bad[i])));
    assert_true(mli_utf8_valid("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", 10));
    assert_true(mli_utf8_valid("", 0));
}

static void cuts_on_borders(void **state)
{
    const char *text = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80";
    static const size_t expect[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10};
    char out[8];
    (void)state;
    for (size_t limit = 0; limit <= 10; limit++)
        assert_int_equal(mli_utf8_prefix(text, 10, limit), expect[limit]);
    assert_int_equal(mli_utf8_prefix("\x80\x80\x80\x80\x80\x80", 6, 5), 5); /* no borders at all */
    assert_int_equal(mli_str_copy(out, sizeof out, text), 11);
    assert_string_equal(out, "a\xC3\xA9\xE2\x82\xAC");
    assert_int_equal(mli_str_copy(out, 0, "abc"), 4);
    assert_int_equal(mli_str_copy(out, 4, "abc"), 4);
    assert_string_equal(out, "abc");
}

static void shown_names_steer_nothing(void **state)
{
    static const struct {
        const char *given, *shown;
    } rows[] = {{"talk.wav", "talk.wav"},
                {"caf\xC3\xA9.wav", "caf\xC3\xA9.wav"},
                {"caf\xE9.wav", "caf\xEF\xBF\xBD.wav"},
                {"a\x1B[31mb", "a\xEF\xBF\xBD[31mb"},
                {"a\nb\x7F", "a\xEF\xBF\xBD"
                             "b\xEF\xBF\xBD"},
                {"\xC2\x9B!", "\xEF\xBF\xBD!"},          /* C1: CSI in one code point */
                {"\xE2\x80\xAEvaw", "\xEF\xBF\xBDvaw"}}; /* right to left from here */
    char out[32];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        mli_str_copy_shown(out, sizeof out, rows[i].given);
        assert_string_equal(out, rows[i].shown);
    }
    mli_str_copy_shown(out, 4, "ab\xFF"); /* no room for a whole sign */
    assert_string_equal(out, "ab");
    mli_str_copy_shown(out, 4, "abcdef");
    assert_string_equal(out, "abc");
    mli_str_copy_shown(out, 1, "abc");
    assert_string_equal(out, "");
}

static void hex(void **state)
{
    char text[9];
    unsigned char data[4];
    (void)state;
    mli_hex("\x00\xFF\x1a\x7e", 4, text);
    assert_string_equal(text, "00ff1a7e");
    assert_true(mli_unhex("00FF1a7E", 8, data));
    assert_memory_equal(data, "\x00\xFF\x1a\x7e", 4);
    assert_false(mli_unhex("00ff1a7", 7, data));
    assert_false(mli_unhex("00ff1a7e0", 9, data));
    assert_false(mli_unhex("00ff1a7g", 8, data));
}

static void names(void **state)
{
    (void)state;
    assert_string_equal(mli_basename("/a/b.wav"), "b.wav");
    assert_string_equal(mli_basename("b.wav"), "b.wav");
    assert_string_equal(mli_basename("/a/"), "");
    assert_int_equal(mli_edit_distance("pipeline", "pipeline", 3), 0);
    assert_int_equal(mli_edit_distance("pipeline", "pipelnie", 3), 1); /* a swap is one step */
    assert_int_equal(mli_edit_distance("model", "modle", 3), 1);
    assert_int_equal(mli_edit_distance("", "abc", 3), 3);
    assert_int_equal(mli_edit_distance("kitten", "sitting", 3), 3);
    assert_int_equal(mli_edit_distance("abcdef", "uvwxyz", 3), 4);
    char big[200];
    memset(big, 'x', 199);
    big[199] = '\0';
    assert_int_equal(mli_edit_distance(big, big, 2), 3); /* too long to compare */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(utf8_round_trip),
                                       cmocka_unit_test(base64_as_the_rfc_has_it),
                                       cmocka_unit_test(utf8_refused),
                                       cmocka_unit_test(cuts_on_borders),
                                       cmocka_unit_test(shown_names_steer_nothing),
                                       cmocka_unit_test(hex),
                                       cmocka_unit_test(names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
