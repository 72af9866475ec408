/* Real FFT of 400 as a complex FFT of 200 = 4 * 5 * 5 * 2 (Stockham: sorted without a permutation),
 * sixteen frames abreast. */
#include "audio/fft400.h"

#include <math.h>
#include <stddef.h>

enum { L = MLI_FFT_LANES, N = MLI_FFT_HALF };

void mli_fft_tables_init(mli_fft_tables *tables)
{
    const double tau = 6.283185307179586476925286766559;
    for (int k = 0; k < N; k++) {
        tables->root_re[k] = (float)cos(tau * k / N);
        tables->root_im[k] = (float)-sin(tau * k / N);
    }
    for (int k = 0; k <= N; k++) {
        tables->half_re[k] = (float)cos(tau * k / (2 * N));
        tables->half_im[k] = (float)-sin(tau * k / (2 * N));
    }
}

/* One column of a butterfly: `s` values times L lanes, contiguous. in_gap and out_gap are the
 * distances between the legs. w holds the twiddles of outputs 1, 2, ... */
typedef struct columns {
    const float *xr, *xi;
    float *yr, *yi;
    size_t in_gap, out_gap, count;
} columns;

typedef struct twiddle {
    float re, im;
} twiddle;

static void radix2(const columns *c, const twiddle *w)
{
    const float *restrict xr = c->xr, *restrict xi = c->xi;
    float *restrict yr = c->yr, *restrict yi = c->yi;
    const size_t g = c->in_gap, h = c->out_gap;
    for (size_t i = 0; i < c->count; i++) {
        float dr = xr[i] - xr[g + i], di = xi[i] - xi[g + i];
        yr[i] = xr[i] + xr[g + i];
        yi[i] = xi[i] + xi[g + i];
        yr[h + i] = dr * w[1].re - di * w[1].im;
        yi[h + i] = dr * w[1].im + di * w[1].re;
    }
}

static void radix4(const columns *c, const twiddle *w)
{
    const float *restrict xr = c->xr, *restrict xi = c->xi;
    float *restrict yr = c->yr, *restrict yi = c->yi;
    const size_t g = c->in_gap, h = c->out_gap;
    for (size_t i = 0; i < c->count; i++) {
        float ar = xr[i] + xr[2 * g + i], ai = xi[i] + xi[2 * g + i];
        float br = xr[i] - xr[2 * g + i], bi = xi[i] - xi[2 * g + i];
        float cr = xr[g + i] + xr[3 * g + i], ci = xi[g + i] + xi[3 * g + i];
        float dr = xi[g + i] - xi[3 * g + i], di = xr[3 * g + i] - xr[g + i]; /* -i (x1 - x3) */
        float er = br + dr, ei = bi + di, fr = ar - cr, fi = ai - ci, gr = br - dr, gi = bi - di;
        yr[i] = ar + cr;
        yi[i] = ai + ci;
        yr[h + i] = er * w[1].re - ei * w[1].im;
        yi[h + i] = er * w[1].im + ei * w[1].re;
        yr[2 * h + i] = fr * w[2].re - fi * w[2].im;
        yi[2 * h + i] = fr * w[2].im + fi * w[2].re;
        yr[3 * h + i] = gr * w[3].re - gi * w[3].im;
        yi[3 * h + i] = gr * w[3].im + gi * w[3].re;
    }
}

static void radix5(const columns *c, const twiddle *w)
{
    const float c1 = 0.30901699437494742410f, c2 = -0.80901699437494742410f; /* cos 2pi/5, 4pi/5 */
    const float s1 = 0.95105651629515357212f, s2 = 0.58778525229247312917f;
    const float *restrict xr = c->xr, *restrict xi = c->xi;
    float *restrict yr = c->yr, *restrict yi = c->yi;
    const size_t g = c->in_gap, h = c->out_gap;
    for (size_t i = 0; i < c->count; i++) {
        float ar = xr[g + i] + xr[4 * g + i], ai = xi[g + i] + xi[4 * g + i];
        float br = xr[g + i] - xr[4 * g + i], bi = xi[g + i] - xi[4 * g + i];
        float cr = xr[2 * g + i] + xr[3 * g + i], ci = xi[2 * g + i] + xi[3 * g + i];
        float dr = xr[2 * g + i] - xr[3 * g + i], di = xi[2 * g + i] - xi[3 * g + i];
        float pr = xr[i] + c1 * ar + c2 * cr, pi = xi[i] + c1 * ai + c2 * ci;
        float qr = xr[i] + c2 * ar + c1 * cr, qi = xi[i] + c2 * ai + c1 * ci;
        float ur = s1 * bi + s2 * di, ui = -(s1 * br + s2 * dr); /* -i (s1 b + s2 d) */
        float vr = s2 * bi - s1 * di, vi = -(s2 * br - s1 * dr);
        yr[i] = xr[i] + ar + cr;
        yi[i] = xi[i] + ai + ci;
        yr[h + i] = (pr + ur) * w[1].re - (pi + ui) * w[1].im;
        yi[h + i] = (pr + ur) * w[1].im + (pi + ui) * w[1].re;
        yr[2 * h + i] = (qr + vr) * w[2].re - (qi + vi) * w[2].im;
        yi[2 * h + i] = (qr + vr) * w[2].im + (qi + vi) * w[2].re;
        yr[3 * h + i] = (qr - vr) * w[3].re - (qi - vi) * w[3].im;
        yi[3 * h + i] = (qr - vr) * w[3].im + (qi - vi) * w[3].re;
        yr[4 * h + i] = (pr - ur) * w[4].re - (pi - ui) * w[4].im;
        yi[4 * h + i] = (pr - ur) * w[4].im + (pi - ui) * w[4].re;
    }
}

/* One Stockham pass: `left` values remain in each of `s` interleaved transforms. */
static void pass(const mli_fft_tables *t, int radix, int left, int s, const float *xr,
                 const float *xi, float *yr, float *yi)
{
    const int m = left / radix, step = N / left;
    for (int p = 0; p < m; p++) {
        twiddle w[5];
        for (int k = 0; k < radix; k++) {
            w[k].re = t->root_re[p * k * step];
            w[k].im = t->root_im[p * k * step];
        }
        const size_t from = (size_t)(p * s * L), to = (size_t)(p * radix * s * L);
        columns c = {xr + from,           xi + from,       yr + to,        yi + to,
                     (size_t)(m * s * L), (size_t)(s * L), (size_t)(s * L)};
        if (radix == 4)
            radix4(&c, w);
        else if (radix == 5)
            radix5(&c, w);
        else
            radix2(&c, w);
    }
}

/* From the transform of even + i odd samples to the power of the real one. */
static void power(const mli_fft_tables *t, mli_fft_work *work)
{
    for (int k = 0; k <= N; k++) {
        const float *restrict ar = work->re[k % N], *restrict ai = work->im[k % N];
        const float *restrict br = work->re[(N - k) % N], *restrict bi = work->im[(N - k) % N];
        const float c = t->half_re[k], d = t->half_im[k];
        float *restrict out = work->power[k];
        for (int l = 0; l < L; l++) {
            float er = 0.5f * (ar[l] + br[l]), ei = 0.5f * (ai[l] - bi[l]);
            float odd_re = 0.5f * (ai[l] + bi[l]), odd_im = 0.5f * (br[l] - ar[l]);
            float re = er + (odd_re * c - odd_im * d), im = ei + (odd_re * d + odd_im * c);
            out[l] = re * re + im * im;
        }
    }
}

void mli_fft400_power(const mli_fft_tables *tables, mli_fft_work *work)
{
    float *r1 = &work->re[0][0], *i1 = &work->im[0][0];
    float *r2 = &work->re2[0][0], *i2 = &work->im2[0][0];
    pass(tables, 4, 200, 1, r1, i1, r2, i2);
    pass(tables, 5, 50, 4, r2, i2, r1, i1);
    pass(tables, 5, 10, 20, r1, i1, r2, i2);
    pass(tables, 2, 2, 100, r2, i2, r1, i1);
    power(tables, work);
}
