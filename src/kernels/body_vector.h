/* The vector functions, written once on sixteen lanes. A variant includes its lanes, then this
 * file, then fills its table: all variants add, round and fold in the same order. */
#ifndef MLI_KERNELS_BODY_VECTOR_H
#define MLI_KERNELS_BODY_VECTOR_H

#include "kernels/linear.h"
#include "kernels/table.h"
#include <math.h>

/* dst[i] = expression of `v`, the lanes of src at i; the last round may be partial. */
#define BODY_MAP(dst, src, n, expression)                                                          \
    do {                                                                                           \
        size_t i = 0;                                                                              \
        for (; i + 16 <= (n); i += 16) {                                                           \
            lanes v = lanes_load((src) + i);                                                       \
            lanes_store((dst) + i, (expression));                                                  \
        }                                                                                          \
        if (i < (n)) {                                                                             \
            lanes v = lanes_load_some((src) + i, (n)-i, 0.0f);                                     \
            lanes_store_some((dst) + i, (n)-i, (expression));                                      \
        }                                                                                          \
    } while (0)

/* total = fold of `step` over all lanes, `v` being the lanes of x at i, missing ones `pad`. */
#define BODY_FOLD(total, x, n, pad, step)                                                          \
    do {                                                                                           \
        size_t i = 0;                                                                              \
        for (; i + 16 <= (n); i += 16) {                                                           \
            lanes v = lanes_load((x) + i);                                                         \
            total = (step);                                                                        \
        }                                                                                          \
        if (i < (n)) {                                                                             \
            lanes v = lanes_load_some((x) + i, (n)-i, pad);                                        \
            total = (step);                                                                        \
        }                                                                                          \
    } while (0)

/* Adding it rounds to a whole number n and leaves n + 127 in the low bits: the exponent of 2^n. */
#define BODY_MAGIC (0x1.8p23f + 127.0f)

/* exp(x - n ln 2) for n = x / ln 2 rounded; *biased is n + BODY_MAGIC. */
LANES_FN lanes body_exp_rest(lanes x, lanes *biased)
{
    const lanes magic = lanes_set(BODY_MAGIC);
    *biased = lanes_fma(x, lanes_set(1.44269504f), magic);
    lanes n = lanes_sub(*biased, magic);
    lanes r = lanes_fma(n, lanes_set(-0.693359375f), x);
    r = lanes_fma(n, lanes_set(2.12194440e-4f), r);
    lanes p = lanes_set(1.9875691500e-4f);
    p = lanes_fma(p, r, lanes_set(1.3981999507e-3f));
    p = lanes_fma(p, r, lanes_set(8.3334519073e-3f));
    p = lanes_fma(p, r, lanes_set(4.1665795894e-2f));
    p = lanes_fma(p, r, lanes_set(1.6666665459e-1f));
    p = lanes_fma(p, r, lanes_set(5.0000001201e-1f));
    return lanes_add(lanes_fma(p, lanes_mul(r, r), r), lanes_set(1.0f));
}

LANES_FN lanes body_exp(lanes x)
{
    const lanes low = lanes_set(-87.336540f), high = lanes_set(88.722839f);
    const lanes magic = lanes_set(BODY_MAGIC);
    lanes biased, y = body_exp_rest(lanes_max(low, lanes_min(high, x)), &biased);
    lanes n = lanes_sub(biased, magic); /* up to 128, and 2^128 is no float: two factors */
    lanes half = lanes_fma(n, lanes_set(0.5f), magic);
    lanes rest = lanes_add(lanes_sub(n, lanes_sub(half, magic)), magic);
    y = lanes_mul(lanes_mul(y, lanes_pow2(half)), lanes_pow2(rest));
    y = lanes_if_less(high, x, lanes_set(INFINITY), y);
    return lanes_if_less(x, low, lanes_set(0.0f), y);
}

/* exp for x <= 0 or NaN. */
LANES_FN lanes body_exp_down(lanes x)
{
    const lanes low = lanes_set(-87.336540f);
    lanes biased, y = body_exp_rest(lanes_max(low, x), &biased);
    return lanes_if_less(x, low, lanes_set(0.0f), lanes_mul(y, lanes_pow2(biased)));
}

/* x Phi(x) = max(x, 0) - |x| exp(-x^2 / 2) P(t), where P(1 / (1 + 0.3 a)) fits erfc(a / sqrt 2) / 2
 * times exp(a^2 / 2) within 6e-8 of its value for a in 0 .. 13; beyond, the exponential is 0. */
LANES_FN lanes body_gelu(lanes x)
{
    lanes a = lanes_abs(x), one = lanes_set(1.0f);
    lanes t = lanes_div(one, lanes_fma(a, lanes_set(0.3f), one));
    lanes p = lanes_set(3.827112913e-02f);
    p = lanes_fma(p, t, lanes_set(-1.686441153e-01f));
    p = lanes_fma(p, t, lanes_set(2.275791317e-01f));
    p = lanes_fma(p, t, lanes_set(-7.526672632e-02f));
    p = lanes_fma(p, t, lanes_set(1.416764557e-01f));
    p = lanes_fma(p, t, lanes_set(9.505082667e-02f));
    p = lanes_fma(p, t, lanes_set(1.218259558e-01f));
    p = lanes_fma(p, t, lanes_set(1.195009872e-01f));
    p = lanes_fma(p, t, lanes_set(6.383589152e-06f));
    lanes e = body_exp_down(lanes_mul(lanes_mul(a, a), lanes_set(-0.5f)));
    lanes tail = lanes_mul(lanes_mul(a, e), p);
    lanes y = lanes_sub(lanes_max(lanes_set(0.0f), x), tail);
    return lanes_if_less(a, lanes_set(13.0f), y, lanes_max(lanes_set(0.0f), x));
}

static void body_f16_to_f32(float *dst, const mli_f16 *src, size_t n)
{
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        lanes_store(dst + i, lanes_load_f16(src + i));
    if (i < n) {
        mli_f16 part[16] = {0};
        memcpy(part, src + i, (n - i) * sizeof(mli_f16));
        lanes_store_some(dst + i, n - i, lanes_load_f16(part));
    }
}

static void body_f32_to_f16(mli_f16 *dst, const float *src, size_t n)
{
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        lanes_store_f16(dst + i, lanes_load(src + i));
    if (i < n) {
        mli_f16 part[16];
        lanes_store_f16(part, lanes_load_some(src + i, n - i, 0.0f));
        memcpy(dst + i, part, (n - i) * sizeof(mli_f16));
    }
}

static void body_add(float *y, const float *x, size_t n)
{
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        lanes_store(y + i, lanes_add(lanes_load(y + i), lanes_load(x + i)));
    for (; i < n; i++)
        y[i] += x[i];
}

static void body_scale(float *y, float factor, size_t n)
{
    lanes f = lanes_set(factor);
    BODY_MAP(y, y, n, lanes_mul(v, f));
}

static void body_gelu_all(float *x, size_t n)
{
    BODY_MAP(x, x, n, body_gelu(v));
}

static void body_exp_all(float *dst, const float *src, size_t n)
{
    BODY_MAP(dst, src, n, body_exp(v));
}

static float body_dot(const float *a, const float *b, size_t n)
{
    lanes sum = lanes_set(0.0f);
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        sum = lanes_fma(lanes_load(a + i), lanes_load(b + i), sum);
    if (i < n)
        sum = lanes_fma(lanes_load_some(a + i, n - i, 0.0f), lanes_load_some(b + i, n - i, 0.0f),
                        sum);
    return lanes_total(sum);
}

static float body_sum(const float *x, size_t n)
{
    lanes total = lanes_set(0.0f);
    BODY_FOLD(total, x, n, 0.0f, lanes_add(total, v));
    return lanes_total(total);
}

static float body_max(const float *x, size_t n)
{
    lanes top = lanes_set(-INFINITY);
    BODY_FOLD(top, x, n, -INFINITY, lanes_max(v, top));
    return lanes_top(top);
}

static float body_sum_exp(const float *x, float top, size_t n)
{
    lanes total = lanes_set(0.0f), t = lanes_set(top);
    BODY_FOLD(total, x, n, -INFINITY, lanes_add(total, body_exp_down(lanes_sub(v, t))));
    return lanes_total(total);
}

/* exp(x - t) in place for some (up to 16) values, added to *total. */
LANES_FN void body_soften_some(float *x, size_t some, lanes t, lanes *total)
{
    lanes e = body_exp_down(
        lanes_sub(some == 16 ? lanes_load(x) : lanes_load_some(x, some, -INFINITY), t));
    *total = lanes_add(*total, e);
    if (some == 16)
        lanes_store(x, e);
    else
        lanes_store_some(x, some, e);
}

/* Four sums in turn: shorter chains round less, and need not wait for each other. */
static float body_soften(float *x, size_t n)
{
    float top = body_max(x, n);
    lanes t = lanes_set(top == -INFINITY ? 0.0f : top), zero = lanes_set(0.0f);
    lanes a = zero, b = zero, c = zero, d = zero;
    size_t i = 0;
    for (; i + 64 <= n; i += 64) {
        body_soften_some(x + i, 16, t, &a);
        body_soften_some(x + i + 16, 16, t, &b);
        body_soften_some(x + i + 32, 16, t, &c);
        body_soften_some(x + i + 48, 16, t, &d);
    }
    for (; i < n; i += 16)
        body_soften_some(x + i, n - i < 16 ? n - i : 16, t, &a);
    float sum = lanes_total(lanes_add(lanes_add(a, b), lanes_add(c, d)));
    return sum != 0.0f ? 1.0f / sum : 0.0f;
}

static void body_softmax(float *x, size_t n)
{
    body_scale(x, body_soften(x, n), n);
}

/* (v - mean) / deviation, the mean given in two parts. */
LANES_FN lanes body_centred(lanes v, lanes mean, lanes rest, lanes r)
{
    return lanes_mul(lanes_sub(lanes_sub(v, mean), rest), r);
}

/* What rounding took from the mean is found by the pass that sums the squares, and taken off as
 * well: an error of the mean would be common to the whole row. */
static void body_layernorm(float *y, const float *x, const float *gamma, const float *beta,
                           float eps, size_t n)
{
    if (n == 0)
        return;
    float mean = body_sum(x, n) / (float)n;
    lanes m = lanes_set(mean), squares = lanes_set(0.0f), rests = squares;
    BODY_FOLD(squares, x, n, mean,
              (v = lanes_sub(v, m), rests = lanes_add(rests, v), lanes_fma(v, v, squares)));
    double rest = (double)lanes_total(rests) / (double)n;
    double variance = (double)lanes_total(squares) / (double)n - rest * rest;
    lanes r = lanes_set((float)(1.0 / sqrt(variance + (double)eps))), low = lanes_set((float)rest);
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        lanes v = body_centred(lanes_load(x + i), m, low, r);
        lanes_store(y + i, lanes_fma(v, lanes_load(gamma + i), lanes_load(beta + i)));
    }
    if (i < n) {
        lanes v = body_centred(lanes_load_some(x + i, n - i, 0.0f), m, low, r);
        lanes g = lanes_load_some(gamma + i, n - i, 0.0f),
              b = lanes_load_some(beta + i, n - i, 0.0f);
        lanes_store_some(y + i, n - i, lanes_fma(v, g, b));
    }
}

LANES_FN void body_finish_row(const mli_finish *f, const float *c, const float *add, float *y)
{
    for (size_t i = 0; i < f->n; i += 16) {
        size_t some = f->n - i;
        bool whole = some >= 16;
        lanes v = lanes_load(c + i);
        if (f->bias != NULL)
            v = lanes_add(v, whole ? lanes_load(f->bias + i)
                                   : lanes_load_some(f->bias + i, some, 0.0f));
        if (f->act == MLI_ACT_GELU)
            v = body_gelu(v);
        else if (f->act == MLI_ACT_RELU)
            v = lanes_max(lanes_set(0.0f), v);
        if (add != NULL)
            v = lanes_add(v, whole ? lanes_load(add + i) : lanes_load_some(add + i, some, 0.0f));
        if (whole)
            lanes_store(y + i, v);
        else
            lanes_store_some(y + i, some, v);
    }
}

static void body_finish(const mli_finish *f)
{
    for (size_t row = 0; row < f->rows; row++)
        body_finish_row(f, f->c + row * f->c_stride,
                        f->add != NULL ? f->add + row * f->add_stride : NULL,
                        f->y + row * f->y_stride);
}

LANES_FN lanes body_cache_lanes(const mli_cache_rows *rows, size_t slot, size_t at)
{
    size_t offset = slot * rows->stride + at;
    return rows->type == MLI_DTYPE_F16 ? lanes_load_f16((const mli_f16 *)rows->base + offset)
                                       : lanes_load((const float *)rows->base + offset);
}

static inline size_t body_slot(const mli_cache_rows *rows, size_t t)
{
    return rows->table != NULL ? (size_t)rows->table[t] : t;
}

static void body_cache_scores(const mli_cache_rows *k, const float *q, float *scores)
{
    for (size_t t = 0; t < k->len; t++) {
        size_t slot = body_slot(k, t);
        lanes sum = lanes_set(0.0f);
        for (size_t i = 0; i < k->dim; i += 16)
            sum = lanes_fma(lanes_load(q + i), body_cache_lanes(k, slot, i), sum);
        scores[t] = lanes_total(sum);
    }
}

/* Four registers of the head at once: a head of 64 is one pass over the keys. */
static void body_cache_mix(const mli_cache_rows *v, const float *p, float *out)
{
    size_t i = 0;
    for (; i + 64 <= v->dim; i += 64) {
        lanes a = lanes_set(0.0f), b = a, c = a, d = a;
        for (size_t t = 0; t < v->len; t++) {
            size_t slot = body_slot(v, t);
            lanes w = lanes_set(p[t]);
            a = lanes_fma(w, body_cache_lanes(v, slot, i), a);
            b = lanes_fma(w, body_cache_lanes(v, slot, i + 16), b);
            c = lanes_fma(w, body_cache_lanes(v, slot, i + 32), c);
            d = lanes_fma(w, body_cache_lanes(v, slot, i + 48), d);
        }
        lanes_store(out + i, a);
        lanes_store(out + i + 16, b);
        lanes_store(out + i + 32, c);
        lanes_store(out + i + 48, d);
    }
    for (; i < v->dim; i += 16) {
        lanes a = lanes_set(0.0f);
        for (size_t t = 0; t < v->len; t++)
            a = lanes_fma(lanes_set(p[t]), body_cache_lanes(v, body_slot(v, t), i), a);
        lanes_store(out + i, a);
    }
}

#define BODY_VECTOR_TABLE                                                                          \
    .f16_to_f32 = body_f16_to_f32, .f32_to_f16 = body_f32_to_f16, .add = body_add,                 \
    .scale = body_scale, .gelu = body_gelu_all, .exp = body_exp_all, .dot = body_dot,              \
    .sum = body_sum, .max = body_max, .sum_exp = body_sum_exp, .softmax = body_softmax,            \
    .soften = body_soften, .layernorm = body_layernorm, .cache_scores = body_cache_scores,         \
    .cache_mix = body_cache_mix, .finish = body_finish

#endif
