/* Error rates against jiwer's numbers, the alignment against a plain recursion, and the normaliser.
 */
#include "base/alloc.h"
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

/* Fewest errors, by trying everything. */
static int try_all(const uint32_t *a, size_t n, const uint32_t *b, size_t m)
{
    if (n == 0 || m == 0)
        return (int)(n + m);
    int best = try_all(a + 1, n - 1, b + 1, m - 1) + (a[0] != b[0]);
    for (int k = 0; k < 2; k++) {
        const int other = 1 + (k == 0 ? try_all(a + 1, n - 1, b, m) : try_all(a, n, b + 1, m - 1));
        best = other < best ? other : best;
    }
    return best;
}

/* The steps lead from one sequence to the other, and their counts are those that are told. */
static void check_path(const uint32_t *a, size_t n, const uint32_t *b, size_t m,
                       const mli_edit_path *path)
{
    int64_t counts[4] = {0, 0, 0, 0};
    size_t i = 0, j = 0;
    for (size_t k = 0; k < path->count; k++) {
        const int kind = path->kinds[k];
        assert_true(kind == MLI_EDIT_INSERT || i < n);
        assert_true(kind == MLI_EDIT_DELETE || j < m);
        if (kind == MLI_EDIT_EQUAL || kind == MLI_EDIT_SUBSTITUTE)
            assert_int_equal(a[i] == b[j], kind == MLI_EDIT_EQUAL);
        i += kind != MLI_EDIT_INSERT;
        j += kind != MLI_EDIT_DELETE;
        counts[kind]++;
    }
    assert_int_equal(i, n);
    assert_int_equal(j, m);
    assert_int_equal(counts[MLI_EDIT_EQUAL], path->counts.hits);
    assert_int_equal(counts[MLI_EDIT_SUBSTITUTE], path->counts.substitutions);
    assert_int_equal(counts[MLI_EDIT_DELETE], path->counts.deletions);
    assert_int_equal(counts[MLI_EDIT_INSERT], path->counts.insertions);
}

static void test_path(void **state)
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
        mli_edit_path path;
        OK(mli_edit_align(a, n, b, m, NULL, NULL, &path, NULL));
        check_path(a, n, b, m, &path);
        assert_int_equal(errors(&path.counts), try_all(a, n, b, m));
        mli_free(NULL, path.kinds);
    }
}

/* Distance by the plain matrix, one row at a time. */
static int64_t plain_distance(const uint32_t *a, size_t n, const uint32_t *b, size_t m)
{
    static int64_t row[6001];
    for (size_t i = 0; i <= n; i++)
        row[i] = (int64_t)i;
    for (size_t j = 0; j < m; j++) {
        int64_t diagonal = row[0]++;
        for (size_t i = 0; i < n; i++) {
            int64_t best = diagonal + (a[i] != b[j]);
            diagonal = row[i + 1];
            best = best < diagonal + 1 ? best : diagonal + 1;
            row[i + 1] = best < row[i] + 1 ? best : row[i] + 1;
        }
    }
    return row[n];
}

/* Long sequences: words of 64 columns, bands and halves. The rate of changes goes from none to all,
 * and the lengths differ. */
static void test_long_paths(void **state)
{
    (void)state;
    static uint32_t a[6000], b[6000];
    uint32_t seed = 77;
    for (uint32_t round = 0; round < 12; round++) {
        const size_t n = 300 + 500 * (size_t)round;
        size_t m = 0;
        for (size_t i = 0; i < n; i++) {
            seed = seed * 1664525u + 1013904223u;
            a[i] = (seed >> 16) % (round % 3 == 0 ? 3 : 400);
            if ((seed >> 8) % 16 >= round && m < 6000)
                b[m++] = a[i];
            else if ((seed >> 3) % 3 > 0 && m < 6000)
                b[m++] = seed >> 24;
        }
        mli_edit_path path;
        OK(mli_edit_align(a, n, b, m, NULL, NULL, &path, NULL));
        check_path(a, n, b, m, &path);
        assert_int_equal(errors(&path.counts), plain_distance(a, n, b, m));
        mli_free(NULL, path.kinds);
        OK(mli_edit_align(b, m, a, n, NULL, NULL, &path, NULL));
        check_path(b, m, a, n, &path);
        assert_int_equal(errors(&path.counts), plain_distance(a, n, b, m));
        mli_free(NULL, path.kinds);
    }
}

/* The middle of the edit lies on the right, then on the left border of the matrix. */
static void test_borders(void **state)
{
    (void)state;
    static uint32_t a[2500], b[6000];
    for (size_t late = 0; late < 2; late++) {
        uint32_t seed = 3;
        for (size_t i = 0; i < 6000; i++)
            b[i] = 1000;
        for (size_t i = 0; i < 2500; i++) {
            seed = seed * 1664525u + 1013904223u;
            a[i] = (seed >> 16) % 50;
            b[i + (late ? 3500 : 0)] = i == 0 || i == 2499 || seed >> 30 == 0 ? 1000 : a[i];
        }
        mli_edit_path path;
        OK(mli_edit_align(a, 2500, b, 6000, NULL, NULL, &path, NULL));
        check_path(a, 2500, b, 6000, &path);
        assert_int_equal(errors(&path.counts), plain_distance(a, 2500, b, 6000));
        mli_free(NULL, path.kinds);
    }
}

static void check_normal(const char *text, const char *want)
{
    mli_buf out;
    mli_buf_init(&out, NULL);
    mli_score_normalize(text, strlen(text), MLI_SCORE_SIMPLE, NULL, &out);
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
    const mli_wer_options english = {.normalizer = MLI_SCORE_SIMPLE};
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

static void test_steps(void **state)
{
    (void)state;
    const char *ref = "one  two three", *hyp = "one too three four";
    static const char kinds[] = {MLI_EDIT_EQUAL, MLI_EDIT_SUBSTITUTE, MLI_EDIT_EQUAL,
                                 MLI_EDIT_INSERT};
    mli_wer_alignment alignment;
    mli_wer_cursor cursor = {0};
    mli_wer_step step;
    OK(mli_wer_align(ref, strlen(ref), hyp, strlen(hyp), NULL, &alignment, NULL));
    for (int i = 0; i < 4; i++) {
        assert_true(mli_wer_next(&alignment, &cursor, &step));
        assert_int_equal(step.kind, kinds[i]);
        assert_int_equal(step.hypothesis_index, i);
        assert_int_equal(step.reference_index, i < 3 ? i : -1);
    }
    assert_null(step.reference);
    assert_int_equal(step.hypothesis_bytes, 4);
    assert_memory_equal(step.hypothesis, "four", 4);
    assert_false(mli_wer_next(&alignment, &cursor, &step));
    mli_wer_alignment_dispose(&alignment);
}

/* Empty sides as jiwer has them. */
static void test_rates(void **state)
{
    (void)state;
    const mli_edit_counts some = {6, 2, 1, 3}, none = {0, 0, 0, 0}, extra = {0, 0, 0, 4},
                          lost = {0, 0, 5, 0};
    mli_wer_rates r = mli_wer_rates_of(&some);
    assert_true(fabs(r.wer - 6.0 / 9.0) < 1e-15 && fabs(r.mer - 0.5) < 1e-15);
    assert_true(fabs(r.wip - 6.0 / 9.0 * 6.0 / 11.0) < 1e-15 && fabs(r.wil - 1.0 + r.wip) < 1e-15);
    r = mli_wer_rates_of(&none);
    assert_true(r.wer == 0.0 && r.mer == 0.0 && r.wil == 0.0 && r.wip == 1.0);
    r = mli_wer_rates_of(&extra);
    assert_true(r.wer == 4.0 && r.mer == 1.0 && r.wil == 1.0 && r.wip == 0.0);
    r = mli_wer_rates_of(&lost);
    assert_true(r.wer == 1.0 && r.mer == 1.0 && r.wil == 1.0 && r.wip == 0.0);
}

/* Every allocation of the halving fails once; the cancel word is seen in the middle. */
static void test_long_faults(void **state)
{
    (void)state;
    static uint32_t a[2600], b[2600];
    mli_edit_path path;
    for (uint32_t i = 0; i < 2600; i++) {
        a[i] = i * 7919u % 1009u;
        b[i] = i * 7907u % 1009u;
    }
    modellab_status status = MODELLAB_E_NO_MEMORY;
    long n = 0;
    for (; status == MODELLAB_E_NO_MEMORY; n++) {
        failing_alloc failing = {.fail_at = n};
        const modellab_allocator alloc = failing_alloc_table(&failing);
        status = mli_edit_align(a, 2600, b, 2600, &alloc, NULL, &path, NULL);
        assert_true((path.kinds == NULL) == (status != MODELLAB_OK));
        mli_free(&alloc, path.kinds);
        assert_int_equal(failing.live, 0);
    }
    OK(status);
    assert_true(n > 15);
    a[7] = 1u << 24;
    assert_int_equal(mli_edit_align(a, 2600, b, 2600, NULL, NULL, &path, NULL), MODELLAB_E_LIMIT);
    assert_null(path.kinds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),      cmocka_unit_test(test_path),
        cmocka_unit_test(test_long_paths),  cmocka_unit_test(test_normalize),
        cmocka_unit_test(test_english_wer), cmocka_unit_test(test_empty),
        cmocka_unit_test(test_large),       cmocka_unit_test(test_steps),
        cmocka_unit_test(test_borders),     cmocka_unit_test(test_rates),
        cmocka_unit_test(test_long_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
