/* The meter: weighted energy of each 100 ms is kept, the gates are applied at the end. */
#include "audio/loudness.h"

#include "audio/biquad.h"
#include "base/alloc.h"
#include "base/error.h"
#include <math.h>
#include <string.h>

enum { TAPS = 12, PHASES = 4, PARTS = 4 /* of 100 ms in a block */ };

typedef struct channel {
    mli_biquad_state k[2];
    double weight;
    float past[2 * TAPS]; /* the last TAPS samples, twice, so that they always lie in a row */
} channel;

struct mli_loudness {
    const modellab_allocator *alloc;
    mli_pcm_format format;
    mli_biquad k[2];
    channel *channels;
    float phases[PHASES][TAPS];
    int phase_count;
    size_t newest; /* place of the newest sample in past[] */
    int64_t hop, in_hop;
    double sum, peak;
    double *hops; /* mean weighted energy of each whole 100 ms */
    size_t count, capacity;
};

static double weight_of(int32_t channels, int32_t index)
{
    if (channels == 6 && index == 3)
        return 0.0;
    if ((channels == 5 && index >= 3) || (channels == 6 && index >= 4))
        return 1.41;
    return 1.0;
}

/* Interpolation at phase / count between two samples: sinc under a raised cosine. */
static void design_phases(mli_loudness *m)
{
    const double pi = 3.14159265358979323846;

    m->phase_count = m->format.rate_hz < 96000 ? 4 : m->format.rate_hz < 192000 ? 2 : 1;
    for (int p = 0; p < m->phase_count; p++) {
        double total = 0.0, taps[TAPS];
        for (int i = 0; i < TAPS; i++) {
            double t = i - TAPS / 2 + (double)p / m->phase_count;
            double window = 0.5 + 0.5 * cos(pi * t / (TAPS / 2 + 0.5));
            taps[i] = t == 0.0 ? 1.0 : sin(pi * t) / (pi * t) * window;
            total += taps[i];
        }
        for (int i = 0; i < TAPS; i++)
            m->phases[p][i] = (float)(taps[i] / total);
    }
}

modellab_status mli_loudness_create(const modellab_allocator *alloc, mli_pcm_format format,
                                    mli_loudness **out, modellab_error *err)
{
    *out = NULL;
    if (format.rate_hz < MLI_LOUDNESS_MIN_RATE)
        return mli_fail(err, MODELLAB_E_UNSUPPORTED,
                        "loudness is measured at %d Hz and above; this audio has %d Hz",
                        (int)MLI_LOUDNESS_MIN_RATE, (int)format.rate_hz);
    mli_loudness *m = mli_alloc_zero(alloc, sizeof *m);
    if (m == NULL)
        return mli_no_memory(err);
    m->alloc = alloc;
    m->format = format;
    m->hop = (format.rate_hz + 5) / 10;
    m->channels = mli_alloc_array(alloc, (size_t)format.channels, sizeof *m->channels);
    if (m->channels == NULL) {
        mli_loudness_destroy(m);
        return mli_no_memory(err);
    }
    mli_k_weighting(format.rate_hz, m->k);
    design_phases(m);
    mli_loudness_reset(m);
    *out = m;
    return MODELLAB_OK;
}

void mli_loudness_destroy(mli_loudness *meter)
{
    if (meter == NULL)
        return;
    mli_free(meter->alloc, meter->channels);
    mli_free(meter->alloc, meter->hops);
    mli_free(meter->alloc, meter);
}

void mli_loudness_reset(mli_loudness *m)
{
    for (int32_t c = 0; c < m->format.channels; c++) {
        m->channels[c] = (channel){.weight = weight_of(m->format.channels, c)};
    }
    m->newest = 0;
    m->in_hop = 0;
    m->sum = m->peak = 0.0;
    m->count = 0;
}

MODELLAB_MUST_CHECK static modellab_status end_hop(mli_loudness *m, modellab_error *err)
{
    if (m->count == m->capacity) {
        size_t capacity = m->capacity == 0 ? 1024 : 2 * m->capacity;
        double *more = mli_realloc_array(m->alloc, m->hops, capacity, sizeof *more);
        if (more == NULL)
            return mli_no_memory(err);
        m->hops = more;
        m->capacity = capacity;
    }
    m->hops[m->count++] = m->sum / (double)m->hop;
    m->sum = 0.0;
    m->in_hop = 0;
    return MODELLAB_OK;
}

/* The greatest value at and behind the newest sample (half the filter late). */
static void look_for_peak(mli_loudness *m, channel *ch, float x)
{
    ch->past[m->newest] = ch->past[m->newest + TAPS] = x;
    const float *past = ch->past + m->newest + 1; /* oldest first */
    double peak = fabs((double)x);
    for (int p = 1; p < m->phase_count; p++) {
        float y = 0.0f;
        for (int i = 0; i < TAPS; i++)
            y += past[i] * m->phases[p][i];
        if (fabs((double)y) > peak)
            peak = fabs((double)y);
    }
    if (peak > m->peak)
        m->peak = peak;
}

modellab_status mli_loudness_push(mli_loudness *m, const float *interleaved, size_t frames,
                                  modellab_error *err)
{
    const size_t channels = (size_t)m->format.channels;

    for (size_t i = 0; i < frames; i++) {
        for (size_t c = 0; c < channels; c++) {
            channel *ch = &m->channels[c];
            float x = interleaved[i * channels + c];
            double y = mli_biquad_step(&m->k[0], &ch->k[0], (double)x);
            y = mli_biquad_step(&m->k[1], &ch->k[1], y);
            m->sum += ch->weight * y * y;
            look_for_peak(m, ch, x);
        }
        m->newest = m->newest + 1 < TAPS ? m->newest + 1 : 0;
        if (++m->in_hop == m->hop) {
            modellab_status status = end_hop(m, err);
            if (status != MODELLAB_OK)
                return status;
        }
    }
    return MODELLAB_OK;
}

/* Mean energy of the blocks above the gate; 0 = there is none. */
static double gated(const mli_loudness *m, double gate)
{
    double sum = 0.0;
    size_t used = 0;

    for (size_t i = 0; i + PARTS <= m->count; i++) {
        double block = 0.0;
        for (size_t k = 0; k < PARTS; k++)
            block += m->hops[i + k];
        block /= PARTS;
        if (block > gate) {
            sum += block;
            used++;
        }
    }
    return used > 0 ? sum / (double)used : 0.0;
}

double mli_loudness_integrated(const mli_loudness *m)
{
    const double absolute = pow(10.0, (-70.0 + 0.691) / 10.0);
    double mean = gated(m, absolute), relative = mean / 10.0;

    if (mean > 0.0)
        mean = gated(m, relative > absolute ? relative : absolute);
    return mean > 0.0 ? -0.691 + 10.0 * log10(mean) : (double)-INFINITY;
}

double mli_loudness_true_peak(const mli_loudness *m)
{
    return m->peak;
}
