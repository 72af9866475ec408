/* What is said for what is written: a table for each kind of text, places of the words, hostile
 * input. */
#include "text/sentences.h"
#include "text/spoken.h"
#include "unit/failing_alloc.h"
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OK(call) assert_int_equal((call), MODELLAB_OK)

static const struct saying {
    const char *written, *said;
} table[] = {
#include "spoken_table.h"
};

static void test_table(void **state)
{
    (void)state;
    mli_spoken s;
    mli_buf shown;
    int wrong = 0;
    mli_spoken_init(&s, NULL);
    mli_buf_init(&shown, NULL);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        mli_buf_clear(&shown);
        OK(mli_spoken_set(&s, table[i].written, strlen(table[i].written), 0, NULL));
        mli_spoken_show(&s, &shown);
        if (strcmp(mli_buf_text(&shown), table[i].said) != 0) {
            print_error("%s\n  said   %s\n  wanted %s\n", table[i].written, mli_buf_text(&shown),
                        table[i].said);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
    mli_buf_dispose(&shown);
    mli_spoken_dispose(&s);
}

/* Words carry the place of the caller's word, in his bytes. */
static void test_places(void **state)
{
    (void)state;
    static const char text[] = "Caf\xc3\xa9 costs \xe2\x82\xac"
                               "3.50, \xe2\x80\x9cok\xe2\x80\x9d, on Jan. 5!";
    static const struct place {
        const char *word, *source;
    } want[] = {{"cafe", "Caf\xc3\xa9"},
                {"costs", "costs"},
                {"three", "\xe2\x82\xac"
                          "3.50"},
                {"euros", "\xe2\x82\xac"
                          "3.50"},
                {"and", "\xe2\x82\xac"
                        "3.50"},
                {"fifty", "\xe2\x82\xac"
                          "3.50"},
                {"cents", "\xe2\x82\xac"
                          "3.50"},
                {"okay", "ok"},
                {"on", "on"},
                {"january", "Jan"},
                {"fifth", "5"}};
    mli_spoken s;
    mli_spoken_init(&s, NULL);
    OK(mli_spoken_set(&s, text, strlen(text), 100, NULL));
    assert_int_equal(mli_spoken_count(&s), sizeof want / sizeof *want);
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        const mli_spoken_word *w = mli_spoken_at(&s, i);
        assert_int_equal(w->bytes, strlen(want[i].word));
        assert_memory_equal(s.text.data + w->at, want[i].word, w->bytes);
        assert_int_equal(w->to - w->from, strlen(want[i].source));
        assert_memory_equal(text + w->from - 100, want[i].source, w->to - w->from);
    }
    mli_spoken_dispose(&s);
}

/* Any sentence gives words of a-z and apostrophes, with places in order and inside. */
static void check_any(mli_spoken *s, const char *text, size_t bytes)
{
    OK(mli_spoken_set(s, text, bytes, 7, NULL));
    uint32_t from = 7;
    for (size_t i = 0; i < mli_spoken_count(s); i++) {
        const mli_spoken_word *w = mli_spoken_at(s, i);
        assert_true(w->bytes > 0 && w->at + w->bytes <= s->text.size);
        assert_true(w->from >= from && w->to > w->from && w->to <= 7 + bytes);
        from = w->from;
        for (uint32_t k = 0; k < w->bytes; k++) {
            char c = s->text.data[w->at + k];
            assert_true((c >= 'a' && c <= 'z') || (c == '\'' && k > 0));
        }
    }
    assert_true(mli_spoken_count(s) < 16 * (bytes + 1));
}

static void test_hostile(void **state)
{
    (void)state;
    static const char *const parts[] = {
        "1",  "2/3",      "$",    "%",    ".",       ",",   "-",       " ",    "a",
        "B",  "I",        "X",    "Jan",  "@",       "com", ":",       "am",   "\xe2\x82\xac",
        "'",  "s",        "#",    "th",   "http://", "(",   ")",       "\xff", "k",
        "km", "\xc2\xbd", "\x01", "0000", "st",      "Dr",  "million", "/"};
    mli_spoken s;
    uint32_t seed = 3;
    mli_spoken_init(&s, NULL);
    for (int round = 0; round < 20000; round++) {
        char text[256];
        size_t n = 0;
        for (int k = 0; k < 12; k++) {
            seed = seed * 1664525u + 1013904223u;
            const char *p = parts[(seed >> 16) % (sizeof parts / sizeof *parts)];
            memcpy(text + n, p, strlen(p));
            n += strlen(p);
        }
        check_any(&s, text, n);
    }
    enum { SIZE = 1 << 20 };
    char *text = malloc(SIZE);
    assert_non_null(text);
    static const char *const fills[] = {"9", "1,", "a.",   "\xff",   "$1 ",
                                        "-", "A",  "1/2 ", "@a.com "};
    for (size_t f = 0; f < sizeof fills / sizeof *fills; f++) {
        for (size_t i = 0; i < SIZE; i++)
            text[i] = fills[f][i % strlen(fills[f])];
        mli_sentences cut = {text, SIZE, 0};
        mli_sentence one;
        while (mli_sentence_next(&cut, &one))
            check_any(&s, text + one.from, one.bytes);
    }
    assert_int_equal(mli_spoken_set(&s, text, SIZE, 0, NULL), MODELLAB_E_LIMIT);
    free(text);
    mli_spoken_dispose(&s);
}

static void test_no_memory(void **state)
{
    (void)state;
    static const char text[] = "On Jan. 5 the F.B.I. paid $3.50 to a@b.com.";
    for (int after = 0;; after++) {
        failing_alloc failing = {.fail_at = after, .from_there_on = true};
        modellab_allocator alloc = failing_alloc_table(&failing);
        mli_spoken s;
        mli_spoken_init(&s, &alloc);
        modellab_status status = mli_spoken_set(&s, text, strlen(text), 0, NULL);
        mli_spoken_dispose(&s);
        assert_int_equal(failing.live, 0);
        if (status == MODELLAB_OK) {
            assert_true(failing.calls <= after); /* nothing failed */
            break;
        }
        assert_int_equal(status, MODELLAB_E_NO_MEMORY);
        assert_true(after < 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_table), cmocka_unit_test(test_places),
                                       cmocka_unit_test(test_hostile),
                                       cmocka_unit_test(test_no_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
