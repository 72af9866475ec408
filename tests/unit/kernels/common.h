/* For the tests of kernels: repeatable numbers, every variant of this CPU, pools of one and two
 * threads. */
#ifndef TESTS_KERNELS_COMMON_H
#define TESTS_KERNELS_COMMON_H

#include "kernels/table.h"
#include "kernels/vector.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct numbers {
    uint64_t state;
} numbers;

/* Uniform in -1 .. 1. */
static inline float next_number(numbers *n)
{
    n->state = n->state * 6364136223846793005u + 1442695040888963407u;
    return (float)(int32_t)(n->state >> 32) * 0x1p-31f;
}

static inline void *must(size_t bytes)
{
    void *block = NULL;
    assert_int_equal(posix_memalign(&block, 64, (bytes + 64) & ~(size_t)63), 0);
    return block;
}

static inline float *floats(numbers *n, size_t count)
{
    float *x = must(count * sizeof *x);
    for (size_t i = 0; i < count; i++)
        x[i] = next_number(n);
    return x;
}

static inline mli_pool *pool_of(int threads)
{
    mli_pool *pool = NULL;
    assert_int_equal(mli_pool_create(threads, NULL, &pool, NULL), MODELLAB_OK);
    return pool;
}

/* for (...) over the instruction sets of this CPU, each made the current one; missing ones are
 * named. */
static inline bool use_isa(int isa)
{
    if (mli_kernels_use((mli_isa)isa))
        return true;
    print_message("this CPU has no %s: that variant is not tested here\n",
                  mli_isa_name((mli_isa)isa));
    return false;
}
#define EACH_ISA(isa)                                                                              \
    for (int isa = 0; isa < MLI_ISA_COUNT; isa++)                                                  \
        if (use_isa(isa))

/* |got - want| <= tolerance * (1 + |want|), and both NaN or neither. */
static inline void assert_near(double got, double want, double tolerance, const char *what,
                               size_t at)
{
    if (isnan(got) && isnan(want))
        return;
    if (got == want || fabs(got - want) <= tolerance * (1.0 + fabs(want)))
        return;
    fail_msg("%s[%zu]: %.9g, not %.9g (isa %s)", what, at, got, want,
             mli_isa_name(mli_isa_current()));
}

#endif
