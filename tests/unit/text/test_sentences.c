/* Where sentences end: a table of texts with '|' at each border, and hostile input. */
#include "text/sentences.h"
#include "unit/unit.h"

#include <stdlib.h>
#include <string.h>

static const char *const table[] = {
    "Hello there.| How are you?| I am fine!",
    "Dr. Smith met Mrs. Jones at 5 p.m. yesterday.| They talked.",
    "Dr. Smith met Mrs. Jones at 5 p.m.| They talked.",
    "It costs 3.14 dollars.| Or 1,000.50.",
    "J. R. R. Tolkien wrote it.| He lived in England.",
    "George W. Bush spoke.| It was short.",
    "Take vitamin C.| It helps.",
    "He moved to the U.S. in 1999.| She stayed.",
    "He moved to the U.S.| She stayed.",
    "He works for Acme Inc. and likes it.| He works for Acme Inc.| The pay is good.",
    "\"Stop!\" he said.| \"Why?\" she asked.",
    "He said \"stop.\"| Then he left.",
    "\xe2\x80\x9cWhat?\xe2\x80\x9d she said.| \xe2\x80\x9cNothing.\xe2\x80\x9d| He left.",
    "Wait... what happened?| Well...| The end.",
    "Wait\xe2\x80\xa6 what happened?| Well\xe2\x80\xa6| Then it ended.",
    "First line\nsecond line.| Third.",
    "A heading|\n\nThe text.",
    "See Fig. 3 and No. 7 on p. 12.| No.| Really no.",
    "On Jan. 5 and in Sept. 2020 it rained.",
    "1. First item.| 2. Second item.",
    "Or mail a.b@c.org!| Yes.",
    "Visit www.example.com.| It is fun.",
    "Bring pens, paper, etc.| Do not be late.",
    "Bring pens, paper, etc. and do not be late.",
    "So be it.| I know what I.| You do not.",
    "What?!| No way!!!| (Really.)| Yes.",
    "Fin",
    "He has a Ph.D. in physics.",
    "Version 2.0 is out.| Get it.",
    "Smith et al. found it.| \xc3\x89mile agreed.",
};

/* The text without its '|'; then the borders must be where they were. */
static void check(const char *marked)
{
    char text[512], found[600];
    size_t n = 0, f = 0;
    for (const char *c = marked; *c != '\0'; c++) {
        if (*c != '|')
            text[n++] = *c;
    }
    mli_sentences s = {text, n, 0};
    mli_sentence one;
    size_t at = 0;
    while (mli_sentence_next(&s, &one)) {
        if (at > 0)
            found[f++] = '|';
        /* the gap stands behind the border */
        memcpy(found + f, text + at, one.from + one.bytes - at);
        f += one.from + one.bytes - at;
        at = one.from + one.bytes;
    }
    found[f] = '\0';
    assert_string_equal(found, marked);
}

static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        check(table[i]);
}

/* Every byte that is no white space is in a sentence, in order, and none is too long. */
static void covers(const char *text, size_t bytes)
{
    mli_sentences s = {text, bytes, 0};
    mli_sentence one;
    size_t at = 0, rounds = 0;
    while (mli_sentence_next(&s, &one)) {
        assert_true(one.from >= at && one.bytes > 0 && one.from + one.bytes <= bytes);
        assert_true(one.bytes <= MLI_SENTENCE_BYTES + 64);
        for (size_t i = at; i < one.from; i++) {
            unsigned char c = (unsigned char)text[i];
            assert_true(c <= ' ' || c == 0x7f || c >= 0x80);
        }
        at = one.from + one.bytes;
        assert_true(s.at >= at);
        assert_true(++rounds <= bytes);
    }
}

static void test_hostile(void **state)
{
    (void)state;
    enum { SIZE = 1 << 20 };
    char *text = malloc(SIZE);
    assert_non_null(text);
    static const char *const fills[] = {"a",     "a ",   ".",
                                        "\"",    "\xff", "1.",
                                        "\n",    "A. ",  "\xe2\x80\xa6",
                                        "?!\" ", "\x01", "\xf0\x9f\x98\x80"};
    for (size_t f = 0; f < sizeof fills / sizeof *fills; f++) {
        size_t n = strlen(fills[f]);
        for (size_t i = 0; i < SIZE; i++)
            text[i] = fills[f][i % n];
        covers(text, SIZE);
    }
    size_t n = 0; /* blanks of Unicode behind the last line belong to no sentence */
    text[n++] = 'a';
    text[n++] = '\n';
    for (; n < 3 * MLI_SENTENCE_BYTES; n += 2)
        memcpy(text + n, "\xc2\xa0", 2);
    covers(text, n);
    uint32_t seed = 1;
    static const char alphabet[] = "aB.?! \"'\n1,\xc3\xa9\xe2\x80\x9d\xff(";
    for (int round = 0; round < 300; round++) {
        for (size_t i = 0; i < 3000; i++) {
            seed = seed * 1664525u + 1013904223u;
            text[i] = alphabet[(seed >> 16) % (sizeof alphabet - 1)];
        }
        covers(text, 3000);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_table),
                                       cmocka_unit_test(test_hostile)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
