/* The limiter: against a plain model of the rule, its numbers, clocks that go back, and names
 * without end in memory that does not grow. */
#include "base/random.h"
#include "track/limiter.h"
#include "unit/unit.h"
#include <stdbool.h>
#include <stdio.h>

#define S INT64_C(1000000000)

static modellab_rate *make(int64_t limit, int64_t period_ms, int64_t burst, int64_t names)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_rate *limiter = NULL;
    const modellab_rate_options options = {.size = sizeof options,
                                           .limit = limit,
                                           .period_ms = period_ms,
                                           .burst = burst,
                                           .names = names};

    assert_int_equal(MODELLAB_OK,
                     mli_limiter_create(&options, &mli_os_system_random, &limiter, &err));
    return limiter;
}

static modellab_rate_result take(modellab_rate *limiter, const char *name, int64_t count,
                                 int64_t now_ns)
{
    modellab_rate_result result = {.size = sizeof result};

    mli_limiter_take(limiter, name, count, now_ns, &result);
    return result;
}

static void numbers(void **state)
{
    modellab_rate *limiter = make(60, 60000, 3, 0); /* one a second, three at once */
    modellab_rate_result r;

    (void)state;
    for (int i = 2; i >= 0; i--) {
        r = take(limiter, "a", 1, 100 * S);
        assert_int_equal(1, r.allowed);
        assert_int_equal(3, r.quota);
        assert_int_equal(3, r.window_s);
        assert_int_equal(i, r.remaining);
        assert_int_equal(3 - i, r.reset_s);
        assert_int_equal(0, r.retry_after_s);
    }
    r = take(limiter, "a", 1, 100 * S + S / 2);
    assert_int_equal(0, r.allowed);
    assert_int_equal(0, r.remaining);
    assert_int_equal(1, r.retry_after_s); /* half a second, rounded up */
    assert_int_equal(3, r.reset_s);
    assert_int_equal(1, take(limiter, "b", 1, 100 * S).allowed); /* others are others */
    assert_int_equal(1, take(limiter, "a", 1, 101 * S).allowed); /* a refusal took nothing */
    assert_int_equal(0, take(limiter, "a", 1, 101 * S).allowed);
    r = take(limiter, "a", 3, 102 * S);
    assert_int_equal(0, r.allowed);
    assert_int_equal(2, r.retry_after_s);
    r = take(limiter, "a", 4, 500 * S); /* more than the burst: never */
    assert_int_equal(0, r.allowed);
    assert_int_equal(3, r.remaining);
    assert_true(r.retry_after_s >= 1);
    assert_int_equal(1, take(limiter, "a", 3, 500 * S).allowed);
    mli_limiter_free(limiter);
}

static void a_clock_that_goes_back(void **state)
{
    modellab_rate *limiter = make(60, 60000, 1, 0);

    (void)state;
    assert_int_equal(1, take(limiter, "a", 1, 100 * S).allowed);
    assert_int_equal(0, take(limiter, "a", 1, 1 * S).allowed);
    assert_int_equal(0, take(limiter, "a", 1, 100 * S + S / 2).allowed);
    assert_int_equal(1, take(limiter, "a", 1, 101 * S).allowed);
    mli_limiter_free(limiter);
}

/* A bucket that leaks evenly, in exact numbers of thousandths. */
static void against_a_plain_model(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < 20; seed++) {
        const int64_t burst = 1 + seed % 7, each_ns = S / (1 + seed);
        modellab_rate *limiter = make(1 + (int64_t)seed, 1000, burst, 0);
        int64_t now_ns = 1, filled_ns = 0, last_ns = 1, allowed = 0;
        for (uint32_t i = 0; i < 2000; i++) {
            const uint32_t counter[4] = {i, 0, 0, 0};
            uint32_t words[4];
            mli_philox(seed, counter, words);
            now_ns += words[0] % (3 * (uint32_t)(each_ns / 2) + 1);
            const int64_t count = 1 + words[1] % 2;
            filled_ns -= now_ns - last_ns;
            filled_ns = filled_ns > 0 ? filled_ns : 0;
            last_ns = now_ns;
            const bool fits = filled_ns + count * each_ns <= burst * each_ns;
            filled_ns += fits ? count * each_ns : 0;
            assert_int_equal(fits, take(limiter, "a", count, now_ns).allowed);
            allowed += fits;
        }
        assert_true(allowed > 100 || burst == 1);
        mli_limiter_free(limiter);
    }
}

/* A flood of names finds no room for itself at the cost of one who has used up his allowance. */
static void names_without_end(void **state)
{
    modellab_rate *limiter = make(1, 1000, 10, 64);
    char name[32];

    (void)state;
    assert_int_equal(1, take(limiter, "greedy", 10, 100 * S).allowed);
    for (int i = 0; i < 100000; i++) {
        (void)snprintf(name, sizeof name, "name %d", i);
        (void)take(limiter, name, 1, 100 * S);
    }
    assert_int_equal(0, take(limiter, "greedy", 1, 100 * S).allowed);
    mli_limiter_free(limiter);
}

static void limits(void **state)
{
    static const int64_t bad[][4] = {{0, 0, 0, 0},         {-1, 0, 0, 0},
                                     {1, -1, 0, 0},        {1, 0, -1, 0},
                                     {1, 0, 0, -1},        {INT64_MAX, 0, 0, 0},
                                     {1, INT64_MAX, 0, 0}, {1, 0, INT64_MAX, 0},
                                     {1, 0, 0, INT64_MAX}, {1, 86400000, 1000000000, 0}};
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_rate *limiter = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const modellab_rate_options options = {.size = sizeof options,
                                               .limit = bad[i][0],
                                               .period_ms = bad[i][1],
                                               .burst = bad[i][2],
                                               .names = bad[i][3]};
        assert_int_equal(MODELLAB_E_INVALID_ARGUMENT,
                         mli_limiter_create(&options, &mli_os_system_random, &limiter, &err));
        assert_null(limiter);
    }
    limiter = make(1000000000, 1, 1000000000, 1048576); /* faster than the clock: as fast as that */
    assert_int_equal(1, take(limiter, "a", 1000000000, 5).allowed);
    mli_limiter_free(limiter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(a_clock_that_goes_back),
        cmocka_unit_test(against_a_plain_model),
        cmocka_unit_test(names_without_end),
        cmocka_unit_test(limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
