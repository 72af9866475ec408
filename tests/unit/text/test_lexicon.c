/* The dictionary's reader: what it finds, what it refuses by line, and every allocation failing
 * once. */
#include "text/lexicon.h"
#include "unit/failing_alloc.h"
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OK(call) assert_int_equal((call), MODELLAB_OK)

static const char good[] = ";;; remark\n"
                           "# another\n"
                           "\n"
                           "a AH0\n"
                           "a(2) EY1\n"
                           "abc EY1 B IY2 S IY2 # letters\n"
                           "read R EH1 D\r\n"
                           "read(2) R IY1 D\n"
                           "read R AA1 D\n"
                           "'cause K AH0 Z";

static void check(const mli_lexicon *x, const char *word, int variant, const char *want)
{
    uint8_t phones[MLI_WORD_PHONES];
    char text[256] = "";
    size_t n = mli_lexicon_find(x, word, strlen(word), variant, phones), at = 0;
    for (size_t i = 0; i < n; i++) {
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%s", i > 0 ? " " : "",
                               mli_phone_name(mli_phone_of(phones[i])));
        if (mli_phone_is_vowel(phones[i]))
            at += (size_t)snprintf(text + at, sizeof text - at, "%d", mli_phone_stress(phones[i]));
    }
    assert_string_equal(text, want);
}

static void test_find(void **state)
{
    (void)state;
    mli_lexicon *x;
    OK(mli_lexicon_create(&x, NULL, good, sizeof good - 1, NULL, NULL));
    assert_int_equal(mli_lexicon_count(x), 4);
    check(x, "a", 0, "AH0");
    check(x, "a", 1, "EY1");
    check(x, "a", 2, "");
    check(x, "abc", 0, "EY1 B IY2 S IY2");
    check(x, "read", 0, "R EH1 D");
    check(x, "read", 1, "R IY1 D");
    check(x, "'cause", 0, "K AH0 Z");
    check(x, "rea", 0, "");
    check(x, "readx", 0, "");
    check(x, "", 0, "");
    mli_lexicon_destroy(x);
    mli_lexicon_destroy(NULL);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct bad {
        const char *text;
        int64_t line;
        modellab_status status;
    } bad[] = {
        {"", -1, MODELLAB_E_SCHEMA},          {"# only a remark\n", -1, MODELLAB_E_SCHEMA},
        {"a AH0\nb\n", 2, MODELLAB_E_SCHEMA}, {"a AH0\nb # no phonemes\n", 2, MODELLAB_E_SCHEMA},
        {"a AH\n", 1, MODELLAB_E_SCHEMA},     {"a AH3\n", 1, MODELLAB_E_SCHEMA},
        {"a B1\n", 1, MODELLAB_E_SCHEMA},     {"a XX\n", 1, MODELLAB_E_SCHEMA},
        {"A AH0\n", 1, MODELLAB_E_SCHEMA},    {"\xff AH0\n", 1, MODELLAB_E_SCHEMA},
        {"(2) AH0\n", 1, MODELLAB_E_SCHEMA},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        mli_lexicon *x = NULL;
        modellab_error err = MODELLAB_ERROR_INIT;
        assert_int_equal(mli_lexicon_create(&x, NULL, bad[i].text, strlen(bad[i].text), NULL, &err),
                         bad[i].status);
        assert_null(x);
        assert_int_equal(err.detail, bad[i].line);
    }
    /* 65 phonemes are too many, 65 letters as well */
    char text[400] = "a";
    for (int i = 0; i < 65; i++)
        strcat(text, " B");
    mli_lexicon *x;
    assert_int_equal(mli_lexicon_create(&x, NULL, text, strlen(text), NULL, NULL),
                     MODELLAB_E_SCHEMA);
    memset(text, 'a', 65);
    strcpy(text + 65, " B");
    assert_int_equal(mli_lexicon_create(&x, NULL, text, strlen(text), NULL, NULL),
                     MODELLAB_E_SCHEMA);
    assert_int_equal(
        mli_lexicon_create(&x, NULL, text, (size_t)MLI_LEXICON_MAX_BYTES + 1, NULL, NULL),
        MODELLAB_E_LIMIT);
}

static void test_no_memory(void **state)
{
    (void)state;
    for (int after = 0;; after++) {
        failing_alloc failing = {.fail_at = after};
        modellab_allocator alloc = failing_alloc_table(&failing);
        mli_lexicon *x;
        modellab_status status = mli_lexicon_create(&x, &alloc, good, sizeof good - 1, NULL, NULL);
        mli_lexicon_destroy(x);
        assert_int_equal(failing.live, 0);
        if (status == MODELLAB_OK) {
            assert_true(failing.calls <= after);
            break;
        }
        assert_int_equal(status, MODELLAB_E_NO_MEMORY);
    }
}

/* As the table does it: made to collide, words would cost their square. */
static uint32_t hash_of(const char *word)
{
    uint32_t h = 2166136261u;
    for (; *word != '\0'; word++)
        h = (h ^ (unsigned char)*word) * 16777619u;
    return h ^ (h >> 15);
}

static void test_collisions_and_cancel(void **state)
{
    enum { WORDS = 400 }; /* 1,024 slots */
    char text[WORDS * 16], word[16];
    size_t bytes = 0;
    int found = 0;
    mli_cancel_word stop = 1;
    mli_lexicon *x;
    (void)state;
    for (unsigned i = 0; found < WORDS; i++) {
        (void)snprintf(word, sizeof word, "%u", i);
        if ((hash_of(word) & 1023) != 0)
            continue;
        bytes += (size_t)snprintf(text + bytes, sizeof text - bytes, "%s B\n", word);
        found++;
    }
    assert_int_equal(mli_lexicon_create(&x, NULL, text, bytes, NULL, NULL), MODELLAB_E_LIMIT);
    assert_null(x);
    assert_int_equal(mli_lexicon_create(&x, NULL, good, sizeof good - 1, &stop, NULL),
                     MODELLAB_E_CANCELLED);
    assert_null(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_find), cmocka_unit_test(test_refused),
                                       cmocka_unit_test(test_no_memory),
                                       cmocka_unit_test(test_collisions_and_cancel)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
