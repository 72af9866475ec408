/* Levels of 50 ms in dB, compared with the recording's loud parts and with their surroundings. */
#include "speech/sound.h"

#include "base/alloc.h"
#include "base/error.h"
#include <math.h>
#include <string.h>

enum {
    FRAME = MLI_AUDIO_RATE / 20,
    BLOCK = 64 * FRAME,
    FLOOR = 100,     /* dB below full scale are level 0 */
    SILENT = 40,     /* level of -60 dBFS: below it nobody hears speech */
    BELOW_LOUD = 45, /* dB below the loud parts */
    AROUND = 30,     /* frames to either side: 3 s in all */
    STEADY = 6,      /* dB between quiet and loud frames of the surroundings */
    LEVELS = 101
};

MODELLAB_MUST_CHECK static modellab_status measure(const mli_audio_source *audio, uint8_t *levels,
                                                   size_t count, float *block,
                                                   const mli_cancel_word *cancel,
                                                   modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    for (size_t at = 0; status == MODELLAB_OK && at < count; at += BLOCK / FRAME) {
        if (mli_cancelled(cancel))
            return mli_fail(err, MODELLAB_E_CANCELLED, "stopped");
        status = mli_audio_read(audio, (int64_t)at * FRAME, BLOCK, block, err);
        for (size_t i = at; status == MODELLAB_OK && i < count && i < at + BLOCK / FRAME; i++) {
            const float *x = block + (i - at) * FRAME;
            double sum = 0.0;
            for (int k = 0; k < FRAME; k++)
                sum += (double)x[k] * x[k];
            const double level = FLOOR + 10.0 * log10(sum / FRAME + 1e-12);
            levels[i] = level <= 0.0 ? 0 : level >= FLOOR ? FLOOR : (uint8_t)level;
        }
    }
    return status;
}

/* Level that this share of the counted frames does not pass. */
static int at_share(const uint32_t counts[LEVELS], uint32_t all, double share)
{
    uint32_t seen = 0;
    for (int level = 0; level < LEVELS; level++) {
        seen += counts[level];
        if ((double)seen >= share * all)
            return level;
    }
    return FLOOR;
}

static int loud_of(const uint8_t *levels, size_t count)
{
    uint32_t counts[LEVELS] = {0};
    for (size_t i = 0; i < count; i++)
        counts[levels[i]]++;
    return at_share(counts, (uint32_t)count, 0.95);
}

/* Marks frames with sound: the counts of the surroundings move along. */
static void mark(const uint8_t *levels, size_t count, bool *sound)
{
    const int least = loud_of(levels, count) - BELOW_LOUD;
    const int floor = least > SILENT ? least : SILENT;
    uint32_t counts[LEVELS] = {0}, all = 0;
    for (size_t i = 0; i < count && i < AROUND; i++, all++)
        counts[levels[i]]++;
    for (size_t i = 0; i < count; i++) {
        if (i + AROUND < count) {
            counts[levels[i + AROUND]]++;
            all++;
        }
        if (i > AROUND) {
            counts[levels[i - AROUND - 1]]--;
            all--;
        }
        const bool steady =
            all > AROUND / 2 && at_share(counts, all, 0.9) - at_share(counts, all, 0.1) < STEADY;
        sound[i] = levels[i] >= floor && !steady;
    }
}

MODELLAB_MUST_CHECK static modellab_status collect(const bool *sound, size_t frames,
                                                   int64_t samples, const modellab_allocator *alloc,
                                                   mli_vad_segment **out, size_t *count,
                                                   modellab_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < frames; i++)
        n += sound[i] && (i == 0 || !sound[i - 1]);
    if (n == 0)
        return MODELLAB_OK;
    *out = mli_alloc_array(alloc, n, sizeof **out);
    if (*out == NULL)
        return mli_no_memory(err);
    for (size_t i = 0; i < frames; i++) {
        if (sound[i] && (i == 0 || !sound[i - 1]))
            (*out)[(*count)++].start = (int64_t)i * FRAME;
        if (sound[i]) {
            const int64_t end = (int64_t)(i + 1) * FRAME;
            (*out)[*count - 1].end = end < samples ? end : samples;
        }
    }
    return MODELLAB_OK;
}

modellab_status mli_sound_find(const mli_audio_source *audio, const modellab_allocator *alloc,
                               const mli_cancel_word *cancel, mli_vad_segment **out, size_t *count,
                               modellab_error *err)
{
    const int64_t samples = mli_audio_samples(audio);
    const size_t frames = (size_t)((samples + FRAME - 1) / FRAME);
    *out = NULL;
    *count = 0;
    uint8_t *levels = mli_alloc_array(alloc, frames + 1, 1);
    bool *sound = mli_alloc_array(alloc, frames + 1, sizeof *sound);
    float *block = mli_alloc_array(alloc, BLOCK, sizeof *block);
    modellab_status status = levels != NULL && sound != NULL && block != NULL
                                 ? measure(audio, levels, frames, block, cancel, err)
                                 : mli_no_memory(err);
    if (status == MODELLAB_OK) {
        mark(levels, frames, sound);
        status = collect(sound, frames, samples, alloc, out, count, err);
    }
    mli_free(alloc, block);
    mli_free(alloc, sound);
    mli_free(alloc, levels);
    return status;
}
