/* The gate. Steps of a quarter frame; two readings of the input, which is held meanwhile: the first
 * measures the minima of each block of steps, the second, three blocks later, filters. */
#include "audio/denoise.h"

#include "audio/fft.h"
#include "base/alloc.h"
#include "base/error.h"
#include <math.h>
#include <string.h>

enum {
    AROUND = 3,            /* blocks before and after whose minima count */
    KEPT = 2 * AROUND + 1, /* blocks whose minima are held */
    OVERLAP = 4            /* steps in a frame */
};

#define SMOOTH 0.85f  /* of the power that the minima are taken of */
#define MEMORY 0.98f  /* of the decision-directed rule */
#define UNKNOWN 1e30f /* a minimum of nothing */
#define NOTHING 1e-14 /* mean power of a frame that holds nothing: digital silence */

struct mli_denoise {
    const modellab_allocator *alloc;
    const mli_cancel_word *cancel;
    mli_pcm_format format;
    mli_pcm_sink sink;
    mli_fft fft;
    size_t size, step, bins; /* of a frame */
    int64_t block_steps;
    float floor;
    float *window;
    float *re, *im;               /* size each */
    float *power;                 /* bins: of the frame, mean of the channels */
    float *smooth;                /* bins: of the first reading */
    float *minima;                /* [KEPT][bins] */
    int64_t measured[KEPT];       /* frames behind the minima of the block */
    float *noise, *before, *gain; /* bins: floor; gain^2 * power / noise of the last frame; gain */
    float *in;                    /* held input, interleaved */
    size_t capacity;              /* frames */
    int64_t first, held;          /* as in wsola.c */
    float *sum;                   /* size * channels: overlapped output */
    bool smoothing;               /* smooth[] holds something */
    int64_t taken, given;         /* frames */
    int64_t looked, filtered;     /* steps of the two readings */
};

static float *minima_of(const mli_denoise *d, int64_t block)
{
    return d->minima + (size_t)(block % KEPT) * d->bins;
}

static void forget_minima(mli_denoise *d, int64_t block)
{
    float *minima = minima_of(d, block);
    for (size_t k = 0; k < d->bins; k++)
        minima[k] = UNKNOWN;
    d->measured[block % KEPT] = 0;
}

void mli_denoise_reset(mli_denoise *d)
{
    const size_t channels = (size_t)d->format.channels;

    d->held = (int64_t)(d->size - d->step); /* silence before the first frame */
    d->first = -d->held;
    memset(d->in, 0, (size_t)d->held * channels * sizeof *d->in);
    memset(d->sum, 0, d->size * channels * sizeof *d->sum);
    memset(d->before, 0, d->bins * sizeof *d->before);
    for (int64_t b = 0; b < KEPT; b++)
        forget_minima(d, b);
    d->smoothing = false;
    d->taken = d->given = d->looked = d->filtered = 0;
}

MODELLAB_MUST_CHECK static modellab_status allocate(mli_denoise *d, modellab_error *err)
{
    const size_t channels = (size_t)d->format.channels;
    struct {
        float **at;
        size_t count;
    } arrays[] = {{&d->window, d->size},
                  {&d->re, d->size},
                  {&d->im, d->size},
                  {&d->power, d->bins},
                  {&d->smooth, d->bins},
                  {&d->minima, KEPT * d->bins},
                  {&d->noise, d->bins},
                  {&d->before, d->bins},
                  {&d->gain, d->bins},
                  {&d->in, d->capacity * channels},
                  {&d->sum, d->size * channels}};

    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        *arrays[i].at = mli_alloc_array(d->alloc, arrays[i].count, sizeof(float));
        if (*arrays[i].at == NULL)
            return mli_no_memory(err);
    }
    return mli_fft_init(&d->fft, d->size, d->alloc, err);
}

modellab_status mli_denoise_create(const modellab_allocator *alloc, mli_pcm_format format,
                                   double amount, const mli_cancel_word *cancel, mli_pcm_sink sink,
                                   mli_denoise **out, modellab_error *err)
{
    mli_denoise *d = mli_alloc_zero(alloc, sizeof *d);

    *out = NULL;
    if (d == NULL)
        return mli_no_memory(err);
    d->alloc = alloc;
    d->cancel = cancel;
    d->format = format;
    d->sink = sink;
    d->size = 32;
    while ((double)d->size < 0.025 * format.rate_hz)
        d->size *= 2;
    d->step = d->size / OVERLAP;
    d->bins = d->size / 2 + 1;
    d->block_steps = llrint(0.4 * format.rate_hz / (double)d->step);
    d->capacity = (size_t)((AROUND + 2) * d->block_steps) * d->step + 2 * d->size;
    d->floor = (float)pow(10.0, -24.0 * amount / 20.0);
    modellab_status status = allocate(d, err);
    if (status != MODELLAB_OK) {
        mli_denoise_destroy(d);
        return status;
    }
    for (size_t i = 0; i < d->size; i++)
        d->window[i] = (float)sqrt(
            0.5 - 0.5 * cos(2.0 * 3.14159265358979323846 * ((double)i + 0.5) / (double)d->size));
    mli_denoise_reset(d);
    *out = d;
    return MODELLAB_OK;
}

void mli_denoise_destroy(mli_denoise *d)
{
    if (d == NULL)
        return;
    float *arrays[] = {d->window, d->re,     d->im,   d->power, d->smooth, d->minima,
                       d->noise,  d->before, d->gain, d->in,    d->sum};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        mli_free(d->alloc, arrays[i]);
    mli_fft_dispose(&d->fft, d->alloc);
    mli_free(d->alloc, d);
}

MODELLAB_MUST_CHECK static modellab_status transform(mli_denoise *d, int64_t step, size_t channel,
                                                     modellab_error *err)
{
    const size_t channels = (size_t)d->format.channels;
    int64_t start = (step + 1) * (int64_t)d->step - (int64_t)d->size;
    const float *in = d->in + (size_t)(start - d->first) * channels + channel;

    if (mli_cancelled(d->cancel))
        return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
    for (size_t i = 0; i < d->size; i++)
        d->re[i] = in[i * channels] * d->window[i];
    memset(d->im, 0, d->size * sizeof *d->im);
    mli_fft_run(&d->fft, d->re, d->im);
    return MODELLAB_OK;
}

/* Mean power of the channels in each bin of the frame that ends with this step; *total = of all. */
MODELLAB_MUST_CHECK static modellab_status measure(mli_denoise *d, int64_t step, double *total,
                                                   modellab_error *err)
{
    const size_t channels = (size_t)d->format.channels;

    memset(d->power, 0, d->bins * sizeof *d->power);
    for (size_t c = 0; c < channels; c++) {
        modellab_status status = transform(d, step, c, err);
        if (status != MODELLAB_OK)
            return status;
        for (size_t k = 0; k < d->bins; k++)
            d->power[k] += (d->re[k] * d->re[k] + d->im[k] * d->im[k]) / (float)channels;
    }
    *total = 0.0;
    for (size_t k = 0; k < d->bins; k++)
        *total += (double)d->power[k];
    return MODELLAB_OK;
}

/* First reading: the frame goes into the minima of its block, unless it reaches beyond the audio or
 * holds nothing. */
MODELLAB_MUST_CHECK static modellab_status look(mli_denoise *d, modellab_error *err)
{
    int64_t step = d->looked, block = step / d->block_steps;
    float *minima = minima_of(d, block);
    double total = 0.0;

    if (step % d->block_steps == 0)
        forget_minima(d, block);
    d->looked++;
    if (step < OVERLAP - 1 || (step + 1) * (int64_t)d->step > d->taken)
        return MODELLAB_OK;
    modellab_status status = measure(d, step, &total, err);
    if (status != MODELLAB_OK || total < NOTHING * (double)(d->size * d->size))
        return status;
    for (size_t k = 0; k < d->bins; k++) {
        d->smooth[k] =
            d->smoothing ? SMOOTH * d->smooth[k] + (1.0f - SMOOTH) * d->power[k] : d->power[k];
        minima[k] = d->smooth[k] < minima[k] ? d->smooth[k] : minima[k];
    }
    d->smoothing = true;
    d->measured[block % KEPT]++;
    return MODELLAB_OK;
}

/* How far the minimum of so many smoothed frames of white noise lies below their mean (found by
 * simulation: 1.4 for 10 frames, 2.4 for 100, 3.0 for 350). */
static float bias(int64_t frames)
{
    float times = frames > 1 ? 0.34f + 0.46f * logf((float)frames) : 1.0f;
    return times > 1.0f ? times : 1.0f;
}

static void find_noise(mli_denoise *d, int64_t block)
{
    int64_t first = block > AROUND ? block - AROUND : 0, frames = 0;

    for (size_t k = 0; k < d->bins; k++)
        d->noise[k] = UNKNOWN;
    for (int64_t b = first; b <= block + AROUND; b++) {
        const float *minima = minima_of(d, b);
        if (b * d->block_steps >= d->looked)
            break;
        frames += d->measured[b % KEPT];
        for (size_t k = 0; k < d->bins; k++)
            d->noise[k] = minima[k] < d->noise[k] ? minima[k] : d->noise[k];
    }
    for (size_t k = 0; k < d->bins; k++)
        d->noise[k] = frames > 0 ? d->noise[k] * bias(frames) : 0.0f;
}

static void find_gain(mli_denoise *d)
{
    for (size_t k = 0; k < d->bins; k++) {
        float noise = d->noise[k] + 1e-20f, snr = d->power[k] / noise;
        float now = snr > 1.0f ? snr - 1.0f : 0.0f;
        float prior = MEMORY * d->before[k] + (1.0f - MEMORY) * now;
        float gain = prior / (1.0f + prior);
        d->before[k] = gain * gain * snr < 1e12f ? gain * gain * snr : 1e12f;
        d->gain[k] = gain > d->floor ? gain : d->floor;
    }
}

/* Adds the filtered frame of a channel to the overlapped output. */
static void overlap(mli_denoise *d, size_t channel)
{
    const size_t channels = (size_t)d->format.channels, half = d->size / 2;
    const float scale = 2.0f / OVERLAP / (float)d->size;

    for (size_t k = 0; k <= half; k++) {
        d->re[k] *= d->gain[k];
        d->im[k] *= d->gain[k];
        if (k > 0 && k < half) {
            d->re[d->size - k] = d->re[k];
            d->im[d->size - k] = -d->im[k];
        }
    }
    mli_fft_run(&d->fft, d->im, d->re); /* back */
    for (size_t i = 0; i < d->size; i++)
        d->sum[i * channels + channel] += d->re[i] * d->window[i] * scale;
}

/* Second reading: filters a frame and gives the step that is complete, up to `limit` in all. */
MODELLAB_MUST_CHECK static modellab_status filter(mli_denoise *d, int64_t limit,
                                                  modellab_error *err)
{
    const size_t channels = (size_t)d->format.channels;
    int64_t step = d->filtered++;
    double total = 0.0;

    if (step % d->block_steps == 0)
        find_noise(d, step / d->block_steps);
    modellab_status status = measure(d, step, &total, err);
    if (status == MODELLAB_OK)
        find_gain(d);
    for (size_t c = 0; status == MODELLAB_OK && c < channels; c++) {
        if (channels > 1)
            status = transform(d, step, c, err);
        overlap(d, c);
    }
    int64_t count = limit - d->given < (int64_t)d->step ? limit - d->given : (int64_t)d->step;
    if (status == MODELLAB_OK && step >= OVERLAP - 1 && count > 0) {
        d->given += count;
        status = d->sink.take(d->sink.user, d->sum, (size_t)count, err);
    }
    memmove(d->sum, d->sum + d->step * channels, (d->size - d->step) * channels * sizeof *d->sum);
    memset(d->sum + (d->size - d->step) * channels, 0, d->step * channels * sizeof *d->sum);
    return status;
}

static void forget(mli_denoise *d)
{
    int64_t keep = (d->filtered + 1) * (int64_t)d->step - (int64_t)d->size, gone = keep - d->first;

    if (gone < (int64_t)d->size)
        return;
    memmove(d->in, d->in + gone * d->format.channels,
            (size_t)((d->held - gone) * d->format.channels) * sizeof *d->in);
    d->first += gone;
    d->held -= gone;
}

/* Both readings as far as the held input goes; at the end the second one catches up. */
MODELLAB_MUST_CHECK static modellab_status work(mli_denoise *d, int64_t limit, bool end,
                                                modellab_error *err)
{
    modellab_status status = MODELLAB_OK;

    while (status == MODELLAB_OK && (d->looked + 1) * (int64_t)d->step <= d->first + d->held) {
        status = look(d, err);
        if (status == MODELLAB_OK && d->looked % d->block_steps == 0 &&
            d->looked / d->block_steps > AROUND)
            for (int64_t i = 0; status == MODELLAB_OK && i < d->block_steps; i++)
                status = filter(d, limit, err);
    }
    while (end && status == MODELLAB_OK && d->filtered < d->looked)
        status = filter(d, limit, err);
    forget(d);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status take(mli_denoise *d, const float *in, size_t frames,
                                                modellab_error *err)
{
    const size_t channels = (size_t)d->format.channels;

    while (frames > 0) {
        size_t room = d->capacity - (size_t)d->held, part = frames < room ? frames : room;
        memcpy(d->in + (size_t)d->held * channels, in, part * channels * sizeof *in);
        in += part * channels;
        frames -= part;
        d->held += (int64_t)part;
        d->taken += (int64_t)part;
        modellab_status status = work(d, INT64_MAX, false, err);
        if (status != MODELLAB_OK)
            return status;
    }
    return MODELLAB_OK;
}

modellab_status mli_denoise_push(mli_denoise *d, const float *interleaved, size_t frames,
                                 modellab_error *err)
{
    return take(d, interleaved, frames, err);
}

modellab_status mli_denoise_finish(mli_denoise *d, modellab_error *err)
{
    const size_t channels = (size_t)d->format.channels, silence = d->size;

    /* room for it is part of the capacity */
    memset(d->in + (size_t)d->held * channels, 0, silence * channels * sizeof *d->in);
    d->held += (int64_t)silence;
    return d->taken > 0 ? work(d, d->taken, true, err) : MODELLAB_OK;
}
