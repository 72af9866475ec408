/* Radix 2, decimation in time: plain loops that the vectoriser understands. */
#include "audio/fft.h"

#include "base/alloc.h"
#include "base/error.h"
#include <math.h>

modellab_status mli_fft_init(mli_fft *fft, size_t size, const modellab_allocator *alloc,
                             modellab_error *err)
{
    const double turn = 2.0 * 3.14159265358979323846 / (double)size;

    *fft = (mli_fft){.size = size};
    fft->re = mli_alloc_array(alloc, size, sizeof *fft->re);
    fft->im = mli_alloc_array(alloc, size, sizeof *fft->im);
    fft->reversed = mli_alloc_array(alloc, size, sizeof *fft->reversed);
    if (fft->re == NULL || fft->im == NULL || fft->reversed == NULL) {
        mli_fft_dispose(fft, alloc);
        return mli_no_memory(err);
    }
    for (size_t n = 4; n <= size; n *= 2)
        for (size_t k = 0; k < n / 2; k++) {
            double angle = turn * (double)(k * (size / n));
            fft->re[n / 2 + k] = (float)cos(angle);
            fft->im[n / 2 + k] = (float)-sin(angle);
        }
    for (size_t i = 0; i < size; i++) {
        size_t r = 0;
        for (size_t bit = 1; bit < size; bit *= 2)
            r = 2 * r + ((i & bit) != 0);
        fft->reversed[i] = (uint32_t)r;
    }
    return MODELLAB_OK;
}

void mli_fft_dispose(mli_fft *fft, const modellab_allocator *alloc)
{
    mli_free(alloc, fft->re);
    mli_free(alloc, fft->im);
    mli_free(alloc, fft->reversed);
    *fft = (mli_fft){0};
}

static void swap(float *a, float *b)
{
    float x = *a;
    *a = *b;
    *b = x;
}

static void butterflies(float *restrict re, float *restrict im, float *restrict re2,
                        float *restrict im2, const float *restrict wr, const float *restrict wi,
                        size_t count)
{
    for (size_t k = 0; k < count; k++) {
        float r = re2[k] * wr[k] - im2[k] * wi[k], i = re2[k] * wi[k] + im2[k] * wr[k];
        re2[k] = re[k] - r;
        im2[k] = im[k] - i;
        re[k] += r;
        im[k] += i;
    }
}

void mli_fft_run(const mli_fft *fft, float *re, float *im)
{
    for (size_t i = 0; i < fft->size; i++)
        if (fft->reversed[i] > i) {
            swap(&re[i], &re[fft->reversed[i]]);
            swap(&im[i], &im[fft->reversed[i]]);
        }
    for (size_t i = 0; i < fft->size; i += 2) {
        float r = re[i + 1], m = im[i + 1];
        re[i + 1] = re[i] - r;
        im[i + 1] = im[i] - m;
        re[i] += r;
        im[i] += m;
    }
    for (size_t n = 4; n <= fft->size; n *= 2)
        for (size_t i = 0; i < fft->size; i += n)
            butterflies(re + i, im + i, re + i + n / 2, im + i + n / 2, fft->re + n / 2,
                        fft->im + n / 2, n / 2);
}
