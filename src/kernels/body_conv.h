/* What the kernels of convolutional networks do beside products, over 16 lanes; included after
 * body_vector.h. */
#ifndef MLI_KERNELS_BODY_CONV_H
#define MLI_KERNELS_BODY_CONV_H

#include "kernels/convolve.h"

LANES_FN lanes body_load_at(const float *p, size_t some)
{
    return some >= 16 ? lanes_load(p) : lanes_load_some(p, some, 0.0f);
}

LANES_FN void body_store_at(float *p, size_t some, lanes v)
{
    if (some >= 16)
        lanes_store(p, v);
    else
        lanes_store_some(p, some, v);
}

LANES_FN void body_store_row(const mli_store *s, size_t row, size_t n, const float *c)
{
    const lanes zero = lanes_set(0.0f), slope = lanes_set(s->slope), scale = lanes_set(s->scale);

    for (size_t i = 0; i < n; i += 16) {
        size_t some = n - i;
        lanes v = lanes_load(c + i);

        if (s->bias != NULL)
            v = lanes_add(v, body_load_at(s->bias + i, some));
        if (s->add != NULL)
            v = lanes_add(v, body_load_at(s->add + row * s->add_stride + i, some));
        if (s->more != NULL)
            v = lanes_add(v, body_load_at(s->more + row * s->more_stride + i, some));
        if (s->scale != 0.0f)
            v = lanes_mul(v, scale);
        if (s->y != NULL)
            body_store_at(s->y + row * s->y_stride + i, some, v);
        if (s->leaky != NULL)
            body_store_at(s->leaky + row * s->leaky_stride + i, some,
                          lanes_if_less(v, zero, lanes_mul(v, slope), v));
    }
}

static void body_store(const mli_store *s, size_t rows, size_t n, const float *c, size_t c_stride)
{
    for (size_t row = 0; row < rows; row++)
        body_store_row(s, row, n, c + row * c_stride);
}

static void body_pair_in(float *const v[4], const float *x, size_t stride, size_t parts, size_t n)
{
    for (size_t i = 0; i < n; i += 16) {
        size_t some = n - i;
        lanes a = body_load_at(x + i, some), b = body_load_at(x + stride + i, some);
        lanes c = body_load_at(x + 2 * stride + i, some);
        lanes d = body_load_at(x + 3 * stride + i, some);

        body_store_at(v[0] + i, some, lanes_sub(a, c));
        body_store_at(v[1] + i, some, lanes_add(b, c));
        body_store_at(v[2] + i, some, lanes_sub(c, b));
        body_store_at(v[3] + i, some, lanes_sub(d, b));
        for (size_t p = 1; p < parts; p++) {
            const float *next = x + (2 * p + 2) * stride + i;

            a = d; /* the tap that both parts look at */
            b = body_load_at(next, some);
            d = body_load_at(next + stride, some);
            body_store_at(v[0] + p * n + i, some, lanes_sub(a, b));
            body_store_at(v[1] + p * n + i, some, b);
            body_store_at(v[3] + p * n + i, some, lanes_sub(d, b));
        }
    }
}

static void body_pair_out(const float *const s[4], float *y0, float *y1, size_t n)
{
    for (size_t i = 0; i < n; i += 16) {
        lanes both = lanes_load(s[1] + i), turned = lanes_load(s[2] + i);

        lanes_store(y0 + i, lanes_add(lanes_load(s[0] + i), lanes_add(both, turned)));
        lanes_store(y1 + i, lanes_add(lanes_load(s[3] + i), lanes_sub(both, turned)));
    }
}

/* 1 / (1 + exp(-v)) */
LANES_FN lanes body_logistic(lanes v)
{
    lanes one = lanes_set(1.0f);

    return lanes_div(one, lanes_add(one, body_exp(lanes_sub(lanes_set(0.0f), v))));
}

/* tanh(v) = 2 / (1 + exp(-2 v)) - 1, within 1e-7. */
LANES_FN lanes body_tanh(lanes v)
{
    lanes two = lanes_set(2.0f);

    return lanes_sub(lanes_mul(two, body_logistic(lanes_mul(two, v))), lanes_set(1.0f));
}

static void body_tanh_all(float *x, size_t n)
{
    BODY_MAP(x, x, n, body_tanh(v));
}

/* y[i] = tanh(a[i] + bias[i]) * logistic(a[i + n] + bias[i + n]) */
static void body_gate(float *y, const float *a, const float *bias, size_t n)
{
    for (size_t i = 0; i < n; i += 16) {
        size_t some = n - i;
        lanes t = lanes_add(body_load_at(a + i, some), body_load_at(bias + i, some));
        lanes g = lanes_add(body_load_at(a + n + i, some), body_load_at(bias + n + i, some));

        body_store_at(y + i, some, lanes_mul(body_tanh(t), body_logistic(g)));
    }
}

/* y[c] = bias[c] + sum over taps of x[tap * stride + c] * w[tap * n + c]; a tap that is NULL in
 * `rows` is left out. */
static void body_depthwise(float *y, const float *const *rows, size_t taps, const float *w,
                           const float *bias, size_t n)
{
    for (size_t i = 0; i < n; i += 16) {
        size_t some = n - i;
        lanes v = body_load_at(bias + i, some);

        for (size_t t = 0; t < taps; t++) {
            if (rows[t] != NULL)
                v = lanes_fma(body_load_at(rows[t] + i, some), body_load_at(w + t * n + i, some),
                              v);
        }
        body_store_at(y + i, some, v);
    }
}

/* y[i] = bias + sum over k of x[i * stride + k] * w[k], for `count` outputs: four at a time, so
 * that their chains do not wait for each other. */
static void body_windows(float *y, const float *x, size_t stride, const float *w, size_t k,
                         float bias, size_t count)
{
    size_t i = 0;

    for (; i + 4 <= count; i += 4) {
        const float *r = x + i * stride;
        lanes a = lanes_set(0.0f), b = a, c = a, d = a;

        for (size_t j = 0; j < k; j += 16) {
            lanes v = body_load_at(w + j, k - j);

            a = lanes_fma(body_load_at(r + j, k - j), v, a);
            b = lanes_fma(body_load_at(r + stride + j, k - j), v, b);
            c = lanes_fma(body_load_at(r + 2 * stride + j, k - j), v, c);
            d = lanes_fma(body_load_at(r + 3 * stride + j, k - j), v, d);
        }
        y[i] = lanes_total(a) + bias;
        y[i + 1] = lanes_total(b) + bias;
        y[i + 2] = lanes_total(c) + bias;
        y[i + 3] = lanes_total(d) + bias;
    }
    for (; i < count; i++) {
        lanes a = lanes_set(0.0f);

        for (size_t j = 0; j < k; j += 16)
            a = lanes_fma(body_load_at(x + i * stride + j, k - j), body_load_at(w + j, k - j), a);
        y[i] = lanes_total(a) + bias;
    }
}

#define BODY_CONV_TABLE                                                                            \
    .store = body_store, .pair_in = body_pair_in, .pair_out = body_pair_out,                       \
    .tanh = body_tanh_all, .gate = body_gate, .depthwise = body_depthwise, .windows = body_windows

#endif
