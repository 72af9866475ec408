/* Error rates against jiwer's numbers, the counts against a plain recursion, and the normaliser. */
#include "score/wer.h"
#include "unit/failing_alloc.h"
#include "unit/unit.h"
#include "wer_golden.h"

#include <math.h>
#include <string.h>

#define OK(call) assert_int_equal((call), MODELLAB_OK)

static int64_t errors(const mli_edit_counts *c)
{
    return c->substitutions + c->deletions + c->insertions;
}

static void test_golden(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wer_golden / sizeof *wer_golden; i++) {
        const char *ref = wer_golden[i].reference, *hyp = wer_golden[i].hypothesis;
        mli_edit_counts words, characters;
        OK(mli_wer_count(ref, strlen(ref), hyp, strlen(hyp), NULL, &words, &characters, NULL));
        assert_int_equal(errors(&words), wer_golden[i].words);
        assert_int_equal(errors(&characters), wer_golden[i].characters);
        size_t spaces = 0;
        for (const char *at = ref; *at != '\0'; at++)
            spaces += *at == ' ';
        assert_int_equal(words.hits + words.substitutions + words.deletions, spaces + 1);
    }
}

/* Fewest errors, then most hits, by trying everything. */
typedef struct best {
    int errors, hits;
} best;

static best try_all(const uint32_t *a, size_t n, const uint32_t *b, size_t m)
{
    if (n == 0 || m == 0)
        return (best){(int)(n + m), 0};
    best r = try_all(a + 1, n - 1, b + 1, m - 1), other;
    if (a[0] == b[0])
        r.hits++;
    else
        r.errors++;
    for (int k = 0; k < 2; k++) {
        other = k == 0 ? try_all(a + 1, n - 1, b, m) : try_all(a, n, b + 1, m - 1);
        other.errors++;
        if (other.errors < r.errors || (other.errors == r.errors && other.hits > r.hits))
            r = other;
    }
    return r;
}

static void test_counts(void **state)
{
    (void)state;
    uint32_t seed = 5, a[6], b[6];
    for (int round = 0; round < 500; round++) {
        size_t n = seed % 7, m = seed / 7 % 7;
        for (int i = 0; i < 6; i++) {
            seed = seed * 1664525u + 1013904223u;
            a[i] = seed >> 30;
            b[i] = seed >> 20 & 3;
        }
        seed >>= 3;
        mli_edit_counts c;
        best want = try_all(a, n, b, m);
        OK(mli_edit_count(a, n, b, m, NULL, NULL, &c, NULL));
        assert_int_equal(errors(&c), want.errors);
        assert_int_equal(c.hits, want.hits);
        assert_int_equal(c.hits + c.substitutions + c.deletions, n);
        assert_int_equal(c.hits + c.substitutions + c.insertions, m);
        assert_true(c.substitutions >= 0 && c.deletions >= 0 && c.insertions >= 0);
    }
}

static void check_normal(const char *text, const char *want)
{
    mli_buf out;
    mli_buf_init(&out, NULL);
    mli_score_normalize(text, strlen(text), MLI_SCORE_ENGLISH, &out);
    assert_string_equal(mli_buf_text(&out), want);
    mli_buf_dispose(&out);
}

static void test_normalize(void **state)
{
    (void)state;
    check_normal("Hello, World!", "hello world");
    check_normal("  Don\xe2\x80\x99t  stop--now ", "don't stop now");
    check_normal("'quoted' dogs' rock'n'roll", "quoted dogs rock'n'roll");
    check_normal("1,000 cats, 3.5 mice. 7.", "1000 cats 3.5 mice 7");
    check_normal("[MUSIC] yes <br> no (laughs) ok", "yes no ok");
    check_normal("open ( bracket", "open bracket");
    check_normal("\xc3\x89T\xc3\x89 \xd0\x96\xd0\x9e \xce\xa9 \xc5\xb9",
                 "\xc3\xa9t\xc3\xa9 \xd0\xb6\xd0\xbe \xcf\x89 \xc5\xba");
    check_normal("cafe\xcc\x81 x", "cafe x");
    check_normal("a\xff"
                 "b & c",
                 "a b c");
    check_normal("...", "");
    check_normal("", "");
}

static void test_english_wer(void **state)
{
    (void)state;
    const mli_wer_options english = {.normalizer = MLI_SCORE_ENGLISH};
    const char *ref = "Oh, hello. I didn't know!", *hyp = "oh hello I didn\xe2\x80\x99t no";
    mli_edit_counts c, sum = {0, 0, 0, 0};
    OK(mli_wer_count(ref, strlen(ref), hyp, strlen(hyp), &english, &c, NULL, NULL));
    assert_int_equal(c.hits, 4);
    assert_int_equal(c.substitutions, 1);
    assert_true(fabs(mli_edit_rate(&c) - 0.2) < 1e-12);
    mli_edit_counts_add(&sum, &c);
    mli_edit_counts_add(&sum, &c);
    assert_int_equal(sum.hits, 8);
    assert_true(fabs(mli_edit_rate(&sum) - 0.2) < 1e-12);
    OK(mli_wer_count(ref, strlen(ref), hyp, strlen(hyp), NULL, &c, NULL, NULL));
    assert_int_equal(c.substitutions, 4); /* the control: without it case and commas count */
}

static void test_empty(void **state)
{
    (void)state;
    mli_edit_counts c;
    OK(mli_wer_count("", 0, "", 0, NULL, &c, NULL, NULL));
    assert_true(mli_edit_rate(&c) == 0.0);
    OK(mli_wer_count("", 0, "a b", 3, NULL, &c, NULL, NULL));
    assert_int_equal(c.insertions, 2);
    assert_true(isnan(mli_edit_rate(&c)));
    OK(mli_wer_count("a b", 3, "", 0, NULL, &c, NULL, NULL));
    assert_true(mli_edit_rate(&c) == 1.0);
}

/* Many different words (the table grows), cancel, and every allocation failing once. */
static void test_large(void **state)
{
    (void)state;
    static char text[40000];
    size_t bytes = 0;
    for (uint32_t i = 0; i < 5000; i++) {
        uint32_t n = i * 7919u % 5003u;
        for (int k = 0; k < 4; k++, n /= 10)
            text[bytes++] = (char)('0' + n % 10);
        text[bytes++] = ' ';
    }
    mli_edit_counts c;
    OK(mli_wer_count(text, bytes, text, bytes - 25, NULL, &c, NULL, NULL));
    assert_int_equal(c.hits, 4995);
    assert_int_equal(c.deletions, 5);
    mli_cancel_word cancel = 1;
    const mli_wer_options cancelled = {.cancel = &cancel};
    assert_int_equal(mli_wer_count(text, bytes, text, bytes, &cancelled, &c, NULL, NULL),
                     MODELLAB_E_CANCELLED);
    modellab_status status = MODELLAB_E_NO_MEMORY;
    long n = 0;
    for (; status == MODELLAB_E_NO_MEMORY; n++) {
        failing_alloc failing = {.fail_at = n};
        const modellab_allocator alloc = failing_alloc_table(&failing);
        const mli_wer_options options = {.alloc = &alloc};
        mli_edit_counts characters;
        status = mli_wer_count(text, 500, text, 700, &options, &c, &characters, NULL);
        assert_int_equal(failing.live, 0);
    }
    OK(status);
    assert_true(n > 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),    cmocka_unit_test(test_counts),
        cmocka_unit_test(test_normalize), cmocka_unit_test(test_english_wer),
        cmocka_unit_test(test_empty),     cmocka_unit_test(test_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
