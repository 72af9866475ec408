/* Making the waveform of audio, and writing it. */
#include "audio/peaks.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include <math.h>
#include <string.h>

#define BLOCK 16000
#define LOOK_AGAIN 8192 /* points between two looks at the cancel word */

int64_t mli_peaks_step(int64_t samples)
{
    int64_t least = (samples + MLI_PEAKS_MOST - 1) / MLI_PEAKS_MOST;
    int64_t times = (least + MLI_PEAKS_STEP - 1) / MLI_PEAKS_STEP;

    return (times > 0 ? times : 1) * MLI_PEAKS_STEP;
}

/* Away from zero, so that the faintest sound is seen; -1 and 1 are -127 and 127. */
static int8_t small(float x)
{
    double scaled = (double)x * 127.0;

    scaled = scaled < 0 ? floor(scaled) : ceil(scaled);
    return (int8_t)(scaled < -127 ? -127 : scaled > 127 ? 127 : scaled);
}

MODELLAB_MUST_CHECK static modellab_status cancelled(modellab_error *err)
{
    return mli_fail(err, MODELLAB_E_CANCELLED, "the waveform was cancelled");
}

/* The samples of a block into the points that they belong to. */
static void take(mli_peaks *p, const float *block, size_t count, int64_t at)
{
    size_t i = 0;

    while (i < count) {
        int64_t point = (at + (int64_t)i) / p->samples_per_point;
        int64_t left = (point + 1) * p->samples_per_point - (at + (int64_t)i);
        size_t end = (size_t)left < count - i ? i + (size_t)left : count;
        float low = block[i], high = block[i];

        for (; i < end; i++) {
            low = block[i] < low ? block[i] : low;
            high = block[i] > high ? block[i] : high;
        }
        p->low[point] = small(low) < p->low[point] ? small(low) : p->low[point];
        p->high[point] = small(high) > p->high[point] ? small(high) : p->high[point];
    }
}

/* Room for the points; an audio without samples has none. */
MODELLAB_MUST_CHECK static modellab_status make_room(mli_peaks *p, modellab_error *err)
{
    p->low = mli_alloc_array(p->alloc, p->count + 1, 2);
    if (p->low == NULL) {
        return mli_no_memory(err);
    }
    p->high = p->low + p->count;
    memset(p->low, 127, p->count);
    memset(p->high, -127, p->count);
    return MODELLAB_OK;
}

modellab_status mli_peaks_make(const mli_audio_source *audio, const modellab_allocator *alloc,
                               const mli_cancel_word *cancel, mli_peaks *out, modellab_error *err)
{
    int64_t samples = mli_audio_samples(audio), step = mli_peaks_step(samples);
    float *block = mli_alloc_array(alloc, BLOCK, sizeof *block);
    modellab_status status;

    *out = (mli_peaks){.alloc = alloc,
                       .samples = samples,
                       .samples_per_point = step,
                       .count = (size_t)((samples + step - 1) / step)};
    status = block == NULL ? mli_no_memory(err) : make_room(out, err);
    for (int64_t at = 0; status == MODELLAB_OK && at < samples; at += BLOCK) {
        size_t count = samples - at < BLOCK ? (size_t)(samples - at) : BLOCK;

        status =
            mli_cancelled(cancel) ? cancelled(err) : mli_audio_read(audio, at, count, block, err);
        if (status == MODELLAB_OK) {
            take(out, block, count, at);
        }
    }
    mli_free(alloc, block);
    return status;
}

modellab_status mli_peaks_write(const mli_peaks *p, const mli_cancel_word *cancel, mli_buf *out,
                                modellab_error *err)
{
    mli_jw w;

    mli_jw_init(&w, out);
    mli_jw_object(&w);
    mli_jw_kint(&w, "version", 2);
    mli_jw_kint(&w, "channels", 1);
    mli_jw_kint(&w, "sample_rate", MLI_AUDIO_RATE);
    mli_jw_kint(&w, "samples_per_pixel", p->samples_per_point);
    mli_jw_kint(&w, "bits", 8);
    mli_jw_kint(&w, "length", (int64_t)p->count);
    mli_jw_kreal(&w, "duration_seconds", (double)p->samples / MLI_AUDIO_RATE);
    mli_jw_key(&w, "data");
    mli_jw_array(&w);
    for (size_t i = 0; i < p->count; i++) {
        if (i % LOOK_AGAIN == 0 && mli_cancelled(cancel)) {
            return cancelled(err);
        }
        mli_jw_int(&w, p->low[i]);
        mli_jw_int(&w, p->high[i]);
    }
    mli_jw_end_array(&w);
    mli_jw_end_object(&w);
    mli_buf_append_char(out, '\n');
    return mli_buf_status(out, err);
}

void mli_peaks_dispose(mli_peaks *p)
{
    mli_free(p->alloc, p->low);
    p->low = p->high = NULL;
    p->count = 0;
}
