/* Log-mel frames from a source: sixteen frames are one task of the pool; a frame's value depends on
 * its samples only, so any cut of the work gives the same bits. */
#include "audio/mel.h"

#include "audio/mel_bank.h"
#include "base/alloc.h"
#include "base/error.h"
#include "kernels/pool.h"
#include <math.h>
#include <string.h>

enum {
    LANES = MLI_FFT_LANES,
    SPAN = (LANES - 1) * MLI_MEL_HOP + MLI_MEL_FFT, /* samples under one task */
    SLAB = 256                                      /* tasks of one pool run: 41 s of audio */
};

#define SILENCE (-10.0f) /* log10(1e-10), the floor of the reference */

typedef struct worker {
    float samples[SPAN];
    mli_fft_work fft;
    float bands[LANES]; /* one band of all lanes */
    float max;
    modellab_status status;
    modellab_error err;
} worker;

typedef struct job {
    const mli_mel_bank *bank;
    const mli_audio_source *source;
    const mli_cancel_word *cancel;
    worker *workers;
    int64_t first;
    size_t count;
    float *dst; /* NULL = only the maximum */
    bool plain; /* power, without mirror and logarithm */
    size_t band_stride, frame_stride;
} job;

int64_t mli_mel_content_frames(const mli_audio_source *source)
{
    return mli_audio_samples(source) / MLI_MEL_HOP;
}

/* Samples around frames [frame, frame + LANES); left of 0 the audio is mirrored, or silent. */
MODELLAB_MUST_CHECK static modellab_status fetch(const job *j, worker *w, int64_t frame)
{
    const int64_t start = frame * MLI_MEL_HOP - MLI_MEL_FFT / 2;
    modellab_status status = mli_audio_read(j->source, start, SPAN, w->samples, &w->err);
    if (status != MODELLAB_OK || start >= 0 || j->plain)
        return status;
    const int missing = (int)-start; /* 40 or 200 */
    float mirror[MLI_MEL_FFT / 2 + 1];
    status = mli_audio_read(j->source, 0, (size_t)missing + 1, mirror, &w->err);
    for (int i = 0; i < missing; i++)
        w->samples[i] = mirror[missing - i];
    return status;
}

static void spectrum(const mli_mel_bank *bank, worker *w)
{
    for (int i = 0; i < MLI_FFT_HALF; i++) {
        const float even = bank->window[2 * i], odd = bank->window[2 * i + 1];
        const float *at = w->samples + 2 * i;
        for (int l = 0; l < LANES; l++) {
            w->fft.re[i][l] = at[l * MLI_MEL_HOP] * even;
            w->fft.im[i][l] = at[l * MLI_MEL_HOP + 1] * odd;
        }
    }
    mli_fft400_power(&bank->fft, &w->fft);
}

/* One band of all lanes, as log10 unless plain. */
static void band_values(const mli_mel_bank *bank, int band, bool plain, worker *w)
{
    const mli_mel_band *range = &bank->ranges[band];
    const float *filter = bank->filters + band * MLI_MEL_BINS + range->first;
    float sum[LANES] = {0};
    for (int b = 0; b < range->count; b++) {
        const float *power = w->fft.power[range->first + b];
        for (int l = 0; l < LANES; l++)
            sum[l] += filter[b] * power[l];
    }
    for (int l = 0; l < LANES; l++)
        w->bands[l] = plain ? sum[l] : sum[l] > 1e-10f ? log10f(sum[l]) : SILENCE;
}

static void do_task(void *ctx, size_t task, int thread)
{
    job *j = ctx;
    worker *w = &j->workers[thread];
    if (w->status != MODELLAB_OK || mli_cancelled(j->cancel))
        return;
    const size_t at = task * LANES;
    const size_t lanes = j->count - at < LANES ? j->count - at : LANES;
    w->status = fetch(j, w, j->first + (int64_t)at);
    if (w->status != MODELLAB_OK)
        return;
    spectrum(j->bank, w);
    for (int band = 0; band < j->bank->bands; band++) {
        band_values(j->bank, band, j->plain, w);
        for (size_t l = 0; l < lanes; l++) {
            if (w->bands[l] > w->max)
                w->max = w->bands[l];
            if (j->dst != NULL)
                j->dst[(size_t)band * j->band_stride + (at + l) * j->frame_stride] = w->bands[l];
        }
    }
}

MODELLAB_MUST_CHECK static modellab_status collect(const job *j, int threads, float *max,
                                                   modellab_error *err)
{
    if (mli_cancelled(j->cancel))
        return mli_fail(err, MODELLAB_E_CANCELLED, "the spectrogram was cancelled");
    for (int i = 0; i < threads; i++) {
        if (j->workers[i].status != MODELLAB_OK)
            return mli_fail_at(err, j->workers[i].status, j->workers[i].err.detail, "%s",
                               j->workers[i].err.message);
        if (j->workers[i].max > *max)
            *max = j->workers[i].max;
    }
    return MODELLAB_OK;
}

/* Runs the job in slabs; the greatest value that was seen goes to *max. */
MODELLAB_MUST_CHECK static modellab_status run(job *j, mli_pool *pool, float *max,
                                               modellab_error *err)
{
    const int threads = mli_pool_threads(pool);
    const size_t total = j->count;
    modellab_status status = MODELLAB_OK;
    *max = SILENCE;
    j->workers = mli_alloc_array(j->bank->alloc.alloc != NULL ? &j->bank->alloc : NULL,
                                 (size_t)threads, sizeof *j->workers);
    if (j->workers == NULL)
        return mli_no_memory(err);
    for (int i = 0; i < threads; i++) {
        j->workers[i].max = SILENCE;
        j->workers[i].err = (modellab_error)MODELLAB_ERROR_INIT;
    }
    for (size_t done = 0; status == MODELLAB_OK && done < total;) {
        j->count = total - done < SLAB * LANES ? total - done : SLAB * LANES;
        mli_pool_run(pool, (j->count + LANES - 1) / LANES, do_task, j);
        status = collect(j, threads, max, err);
        done += j->count;
        j->first += (int64_t)j->count;
        if (j->dst != NULL)
            j->dst += j->count * j->frame_stride;
    }
    mli_free(j->bank->alloc.alloc != NULL ? &j->bank->alloc : NULL, j->workers);
    return status;
}

modellab_status mli_mel_max(const mli_mel_bank *bank, const mli_audio_source *source,
                            struct mli_pool *pool, const mli_cancel_word *cancel, float *out,
                            modellab_error *err)
{
    /* The last frame whose window still touches the audio; all later ones are SILENCE. */
    const int64_t frames = (mli_audio_samples(source) + MLI_MEL_FFT / 2 - 1) / MLI_MEL_HOP + 1;
    job j = {.bank = bank, .source = source, .cancel = cancel, .count = (size_t)frames};
    return run(&j, pool, out, err);
}

/* Checks and runs a job that fills memory. */
MODELLAB_MUST_CHECK static modellab_status frames(job *j, mli_pool *pool, modellab_error *err)
{
    float max;
    if (j->first < 0 || j->first > mli_mel_content_frames(j->source) + INT32_MAX ||
        j->count > INT32_MAX)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "mel frames outside of the time line");
    return run(j, pool, &max, err);
}

modellab_status mli_mel_log10(const mli_mel_bank *bank, const mli_audio_source *source,
                              struct mli_pool *pool, const mli_cancel_word *cancel, int64_t first,
                              size_t count, float *dst, size_t band_stride, size_t frame_stride,
                              modellab_error *err)
{
    job j = {.bank = bank,
             .source = source,
             .cancel = cancel,
             .first = first,
             .count = count,
             .dst = dst,
             .band_stride = band_stride,
             .frame_stride = frame_stride};
    return frames(&j, pool, err);
}

modellab_status mli_mel_power(const mli_mel_bank *bank, const mli_audio_source *source,
                              struct mli_pool *pool, const mli_cancel_word *cancel, int64_t first,
                              size_t count, float *dst, size_t band_stride, size_t frame_stride,
                              modellab_error *err)
{
    job j = {.bank = bank,
             .source = source,
             .cancel = cancel,
             .first = first,
             .count = count,
             .dst = dst,
             .plain = true,
             .band_stride = band_stride,
             .frame_stride = frame_stride};
    return frames(&j, pool, err);
}

modellab_status mli_mel_window(const mli_mel_bank *bank, const mli_audio_source *source,
                               struct mli_pool *pool, const mli_cancel_word *cancel, float file_max,
                               int64_t first, size_t count, float *dst, size_t band_stride,
                               size_t frame_stride, modellab_error *err)
{
    modellab_status status = mli_mel_log10(bank, source, pool, cancel, first, count, dst,
                                           band_stride, frame_stride, err);
    if (status != MODELLAB_OK)
        return status;
    const float floor = file_max - 8.0f;
    for (int band = 0; band < bank->bands; band++) {
        for (size_t t = 0; t < count; t++) {
            float *x = &dst[(size_t)band * band_stride + t * frame_stride];
            *x = ((*x > floor ? *x : floor) + 4.0f) / 4.0f;
        }
    }
    return MODELLAB_OK;
}
