/* Slaney mel filters (linear below 1 kHz, logarithmic above, each of unit area) and the Hann
 * window. */
#include "audio/mel_bank.h"

#include "base/alloc.h"
#include "base/error.h"
#include <math.h>
#include <string.h>

static const modellab_allocator *heap(const mli_mel_bank *bank)
{
    return bank->alloc.alloc != NULL ? &bank->alloc : NULL;
}

/* Mel 15 is 1 kHz; 27 mels above make a factor of 6.4. */
static double mel_to_hz(double mel)
{
    const double step = 200.0 / 3.0, log_step = log(6.4) / 27.0;
    return mel < 15.0 ? mel * step : 1000.0 * exp(log_step * (mel - 15.0));
}

static double hz_to_mel(double hz)
{
    const double step = 200.0 / 3.0, log_step = log(6.4) / 27.0;
    return hz < 1000.0 ? hz / step : 15.0 + log(hz / 1000.0) / log_step;
}

static void slaney_filters(int bands, float *filters)
{
    const double top = hz_to_mel(MLI_AUDIO_RATE / 2.0);
    for (int band = 0; band < bands; band++) {
        double low = mel_to_hz(top * band / (bands + 1));
        double mid = mel_to_hz(top * (band + 1) / (bands + 1));
        double high = mel_to_hz(top * (band + 2) / (bands + 1));
        for (int bin = 0; bin < MLI_MEL_BINS; bin++) {
            double hz = (double)MLI_AUDIO_RATE * bin / MLI_MEL_FFT;
            double up = (hz - low) / (mid - low), down = (high - hz) / (high - mid);
            double weight = up < down ? up : down;
            filters[band * MLI_MEL_BINS + bin] =
                weight > 0.0 ? (float)((double)(float)weight * (2.0 / (high - low))) : 0.0f;
        }
    }
}

MODELLAB_MUST_CHECK static modellab_status take_filters(mli_mel_bank *bank, const float *filters,
                                                        modellab_error *err)
{
    const size_t count = (size_t)bank->bands * MLI_MEL_BINS;
    memcpy(bank->filters, filters, count * sizeof *filters);
    for (size_t i = 0; i < count; i++)
        if (!isfinite(bank->filters[i]))
            return mli_fail_at(err, MODELLAB_E_INVALID_MODEL, (int64_t)i,
                               "a mel filter weight is not a finite number");
    return MODELLAB_OK;
}

static void find_range(const float *filter, mli_mel_band *range)
{
    int first = 0, end = MLI_MEL_BINS;
    while (first < end && filter[first] == 0.0f)
        first++;
    while (end > first && filter[end - 1] == 0.0f)
        end--;
    *range = (mli_mel_band){first, end - first};
}

MODELLAB_MUST_CHECK static modellab_status fill(mli_mel_bank *bank, const float *filters,
                                                modellab_error *err)
{
    const double tau = 6.283185307179586476925286766559;
    bank->filters =
        mli_alloc_array(heap(bank), (size_t)bank->bands * MLI_MEL_BINS, sizeof *bank->filters);
    bank->ranges = mli_alloc_array(heap(bank), (size_t)bank->bands, sizeof *bank->ranges);
    if (bank->filters == NULL || bank->ranges == NULL)
        return mli_no_memory(err);
    if (filters == NULL) {
        slaney_filters(bank->bands, bank->filters);
    } else {
        modellab_status status = take_filters(bank, filters, err);
        if (status != MODELLAB_OK)
            return status;
    }
    for (int band = 0; band < bank->bands; band++)
        find_range(bank->filters + band * MLI_MEL_BINS, &bank->ranges[band]);
    for (int i = 0; i < MLI_MEL_FFT; i++)
        bank->window[i] = (float)(0.5 - 0.5 * cos(tau * i / MLI_MEL_FFT));
    mli_fft_tables_init(&bank->fft);
    return MODELLAB_OK;
}

modellab_status mli_mel_bank_create(const modellab_allocator *alloc, int bands,
                                    const float *filters, mli_mel_bank **out, modellab_error *err)
{
    *out = NULL;
    if (bands < 1 || bands > MLI_MEL_MAX_BANDS)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "%d mel bands; 1 to %d are supported",
                        bands, (int)MLI_MEL_MAX_BANDS);
    mli_mel_bank *bank = mli_alloc_zero(alloc, sizeof *bank);
    if (bank == NULL)
        return mli_no_memory(err);
    if (alloc != NULL)
        bank->alloc = *alloc;
    bank->bands = bands;
    modellab_status status = fill(bank, filters, err);
    if (status == MODELLAB_OK)
        *out = bank;
    else
        mli_mel_bank_destroy(bank);
    return status;
}

void mli_mel_bank_destroy(mli_mel_bank *bank)
{
    if (bank == NULL)
        return;
    const modellab_allocator alloc = bank->alloc;
    mli_free(heap(bank), bank->filters);
    mli_free(heap(bank), bank->ranges);
    mli_free(alloc.alloc != NULL ? &alloc : NULL, bank);
}

int mli_mel_bands(const mli_mel_bank *bank)
{
    return bank->bands;
}

float mli_mel_filter(const mli_mel_bank *bank, int band, int bin)
{
    return bank->filters[band * MLI_MEL_BINS + bin];
}
