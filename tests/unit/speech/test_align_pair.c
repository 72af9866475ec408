/* Words of texts, and which of two texts are the same. */
#include "unit/unit.h"

#include "base/alloc.h"
#include "base/random.h"
#include "speech/align_pair.h"
#include "speech/asr_align_place.h"
#include "unit/failing_alloc.h"
#include <stdatomic.h>
#include <string.h>

static size_t words_of(const char *text, mli_align_word **out)
{
    size_t count = 0;
    assert_int_equal(mli_align_words(NULL, text, strlen(text), NULL, out, &count, NULL),
                     MODELLAB_OK);
    return count;
}

static void words_are_what_stands_between_white_space(void **state)
{
    (void)state;
    mli_align_word *w = NULL;
    const char *text = " Don't\tstop\xc2\xa0-- dont\n\nSTOP. \xc3\x89t\xc3\xa9 ";
    assert_int_equal(words_of(text, &w), 6);
    assert_int_equal(w[0].text, 1);
    assert_int_equal(w[0].bytes, 5);
    assert_memory_equal(text + w[5].text, "\xc3\x89t\xc3\xa9", 5);
    assert_true(w[0].key == w[3].key); /* Don't, dont */
    assert_true(w[1].key == w[4].key); /* stop, STOP. */
    assert_true(w[2].key != w[0].key && w[2].key != w[1].key);
    mli_free(NULL, w);
    assert_int_equal(words_of("\xc3\x89T\xc3\x89 \xc3\xa9t\xc3\xa9", &w), 2);
    assert_true(w[0].key == w[1].key); /* without case, in any script that has it */
    mli_free(NULL, w);
    assert_int_equal(words_of("", &w), 0);
    mli_free(NULL, w);
    size_t count = 5;
    assert_int_equal(mli_align_words(NULL, "a \xff", 3, NULL, &w, &count, NULL),
                     MODELLAB_E_INVALID_ARGUMENT);
    assert_null(w);
}

static void expect(const char *given, const char *heard, const int32_t *want)
{
    mli_align_word *g = NULL, *h = NULL;
    uint64_t a[32], b[32];
    int32_t partner[32];
    size_t n = words_of(given, &g), m = words_of(heard, &h);
    for (size_t i = 0; i < n; i++)
        a[i] = g[i].key;
    for (size_t i = 0; i < m; i++)
        b[i] = h[i].key;
    assert_int_equal(mli_align_pair(NULL, a, n, b, m, NULL, partner, NULL), MODELLAB_OK);
    assert_memory_equal(partner, want, n * sizeof *want);
    mli_free(NULL, g);
    mli_free(NULL, h);
}

static void pairs_are_those_of_the_least_distance(void **state)
{
    (void)state;
    expect("a b c", "a b c", (int32_t[]){0, 1, 2});
    expect("a b c", "A, c!", (int32_t[]){0, -1, 1});
    expect("a b c", "a x c", (int32_t[]){0, 1, 2});
    expect("a c", "a b c", (int32_t[]){0, 2});
    expect("a b", "", (int32_t[]){-1, -1});
    expect("x y a b c d", "a b c d", (int32_t[]){-1, -1, 0, 1, 2, 3});
}

/* Not scattered over all that was heard: "b" is said again and again. */
static void a_part_stands_where_it_was_heard_together(void **state)
{
    (void)state;
    expect("b b a b", "x b b a b y a z b w a b", (int32_t[]){1, 2, 3, 4});
    expect("b b a b", "b x a y b b a b", (int32_t[]){4, 5, 6, 7});
    expect("c d e", "a b c d x f e g e", (int32_t[]){2, 3, 4}); /* e was heard as x */
    /* A passage that the text leaves out. */
    expect("a b c d x y z", "q a b c d e f g h i j k l m n o p r s t u v x y z",
           (int32_t[]){1, 2, 3, 4, 22, 23, 24});
}

/* Those that have a partner have a later one each, of so many. */
static void expect_rising(const int32_t *partner, size_t n, size_t m)
{
    int32_t last = -1;
    for (size_t i = 0; i < n; i++) {
        assert_true(partner[i] < (int32_t)m);
        if (partner[i] >= 0) {
            assert_true(partner[i] > last);
            last = partner[i];
        }
    }
}

/* A long text, of which parts are missing and others are new: found again by its runs. */
static void long_texts_are_found_again(void **state)
{
    (void)state;
    enum { MANY = 30000 };
    uint64_t *given = calloc(2 * MANY, sizeof *given), *heard = calloc(2 * MANY, sizeof *heard);
    int32_t *partner = calloc(2 * MANY, sizeof *partner), *want = calloc(2 * MANY, sizeof *want);
    size_t n = 0, m = 0, right = 0, same = 0;
    assert_true(given != NULL && heard != NULL && partner != NULL && want != NULL);
    for (uint32_t i = 0; i < MANY; i++) {
        uint32_t random[4];
        mli_philox(7, (uint32_t[4]){i, 0, 0, 0}, random);
        uint64_t word = 1 + random[0] % 2000;
        if (random[1] % 10 != 0) {
            given[n] = word;
            want[n++] = random[2] % 10 != 0 ? (int32_t)m : -1;
        }
        if (random[2] % 10 != 0)
            heard[m++] = random[3] % 12 != 0 ? word : 5000 + random[3] % 1000;
    }
    assert_int_equal(mli_align_pair(NULL, given, n, heard, m, NULL, partner, NULL), MODELLAB_OK);
    expect_rising(partner, n, m);
    for (size_t i = 0; i < n; i++) {
        same += want[i] >= 0;
        right += want[i] >= 0 && partner[i] == want[i];
    }
    if (right < same * 97 / 100)
        fail_msg("%zu of %zu", right, same);
    /* Nothing in common, half as long: in order and in proportion, half after half. */
    m /= 2;
    for (size_t i = 0; i < m; i++)
        heard[i] = 100000 + i;
    assert_int_equal(mli_align_pair(NULL, given, n, heard, m, NULL, partner, NULL), MODELLAB_OK);
    expect_rising(partner, n, m);
    assert_int_equal(partner[n / 2 - 1], m / 2 - 1);
    mli_cancel_word word = 1;
    assert_int_equal(mli_align_pair(NULL, given, n, heard, m, &word, partner, NULL),
                     MODELLAB_E_CANCELLED);
    free(given);
    free(heard);
    free(partner);
    free(want);
}

/* A long recording; the text is one end of it and a passage beside it of which two words in three
 * were heard, so that nothing but the end anchors it. */
static void what_stands_beside_an_anchor_stays_there(void **state)
{
    (void)state;
    enum { HEARD = 80000, SURE = 1000, UNSURE = 250, GIVEN = SURE + UNSURE };
    static uint64_t heard[HEARD], given[GIVEN];
    static int32_t partner[GIVEN];
    for (size_t i = 0; i < HEARD; i++)
        heard[i] = 1 + i;
    for (int at_end = 0; at_end < 2; at_end++) {
        size_t first = at_end ? HEARD - GIVEN : 0, right = 0;
        for (size_t i = 0; i < GIVEN; i++) {
            bool unsure = at_end ? i < UNSURE : i >= SURE;
            given[i] = unsure && i % 3 == 0 ? 1000000 + i : heard[first + i];
        }
        assert_int_equal(mli_align_pair(NULL, given, GIVEN, heard, HEARD, NULL, partner, NULL),
                         MODELLAB_OK);
        for (size_t i = 0; i < GIVEN; i++)
            right += partner[i] == (int32_t)(first + i);
        if (right < GIVEN - 2)
            fail_msg("%zu of %d at the %s", right, GIVEN, at_end ? "end" : "beginning");
    }
}

/* Cancels at an allocation. */
typedef struct canceller {
    long calls, at;
    mli_cancel_word word;
} canceller;

static void *canceller_alloc(void *user, size_t bytes)
{
    canceller *c = user;
    if (c->calls++ == c->at)
        atomic_store(&c->word, 1);
    return malloc(bytes);
}

static void *canceller_realloc(void *user, void *block, size_t bytes)
{
    canceller *c = user;
    if (c->calls++ == c->at)
        atomic_store(&c->word, 1);
    return realloc(block, bytes);
}

static void canceller_free(void *user, void *block)
{
    (void)user;
    free(block);
}

/* Words of which none was heard; wherever the cancel comes, what is done next ends. */
static void placing_many_words_can_be_cancelled(void **state)
{
    (void)state;
    enum { MANY = 100000 };
    const double seconds[] = {1, 2};
    mli_align_word *words = calloc(MANY, sizeof *words);
    assert_non_null(words);
    for (long at = 0;; at++) {
        canceller c = {.at = at};
        const modellab_allocator table = {sizeof table, &c, canceller_alloc, canceller_realloc,
                                          canceller_free};
        mli_align_list given = {NULL, 0, 0}, script = {NULL, 0, 0};
        const mli_align_list heard = {NULL, 0, 0};
        assert_int_equal(mli_align_list_add(&given, NULL, "a", words, MANY, 0, true, NULL),
                         MODELLAB_OK);
        modellab_status status =
            mli_align_place(&table, &given, &heard, seconds, 2, &c.word, &script, NULL);
        bool late = c.calls <= at;
        assert_int_equal(status, late ? MODELLAB_OK : MODELLAB_E_CANCELLED);
        mli_free(NULL, given.items);
        mli_free(&table, script.items);
        if (late) {
            assert_true(at >= 5); /* partners, keys, two lists, places of chunks */
            break;
        }
    }
    free(words);
}

static void memory_may_be_short(void **state)
{
    (void)state;
    const uint64_t given[] = {1, 2, 3}, heard[] = {1, 3};
    int32_t partner[3];
    for (long at = 0;; at++) {
        failing_alloc f = {.fail_at = at};
        modellab_allocator table = failing_alloc_table(&f);
        mli_align_word *words = NULL;
        size_t count = 0;
        modellab_status status = mli_align_words(&table, "a b", 3, NULL, &words, &count, NULL);
        if (status == MODELLAB_OK)
            status = mli_align_pair(&table, given, 3, heard, 2, NULL, partner, NULL);
        mli_free(&table, words);
        assert_int_equal(f.live, 0);
        assert_int_equal(status, f.calls > at ? MODELLAB_E_NO_MEMORY : MODELLAB_OK);
        if (status == MODELLAB_OK)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_what_stands_between_white_space),
        cmocka_unit_test(pairs_are_those_of_the_least_distance),
        cmocka_unit_test(a_part_stands_where_it_was_heard_together),
        cmocka_unit_test(long_texts_are_found_again),
        cmocka_unit_test(what_stands_beside_an_anchor_stays_there),
        cmocka_unit_test(placing_many_words_can_be_cancelled),
        cmocka_unit_test(memory_may_be_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
