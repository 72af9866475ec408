/* The stream behind every decoder: finite check, mix, resample (libsoxr, HQ), clip, store. */
#include "audio/intake.h"

#include "base/alloc.h"
#include "base/error.h"
#include <soxr.h>
#include <string.h>

struct mli_audio_intake {
    mli_audio_options options;
    modellab_allocator alloc;
    mli_audio_store *store;
    soxr_t resampler;        /* NULL at 16 kHz */
    float *mono, *resampled; /* MLI_AUDIO_BLOCK each; the second only with a resampler */
    int32_t channels, rate_hz;
    int64_t frames;
};

static const modellab_allocator *heap(const mli_audio_intake *intake)
{
    return intake->alloc.alloc != NULL ? &intake->alloc : NULL;
}

modellab_status mli_audio_check_shape(int32_t channels, int32_t rate_hz, modellab_error *err)
{
    if (channels < 1 || channels > MLI_AUDIO_MAX_CHANNELS)
        return mli_fail(err, MODELLAB_E_INVALID_AUDIO, "%d audio channels; 1 to %d are supported",
                        (int)channels, (int)MLI_AUDIO_MAX_CHANNELS);
    if (rate_hz < MLI_AUDIO_MIN_RATE || rate_hz > MLI_AUDIO_MAX_RATE)
        return mli_fail(err, MODELLAB_E_INVALID_AUDIO,
                        "a sample rate of %d Hz; %d to %d are supported", (int)rate_hz,
                        (int)MLI_AUDIO_MIN_RATE, (int)MLI_AUDIO_MAX_RATE);
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status create_resampler(mli_audio_intake *intake,
                                                            modellab_error *err)
{
    soxr_error_t reason = NULL;
    const soxr_io_spec_t io = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I);
    const soxr_quality_spec_t quality = soxr_quality_spec(SOXR_HQ, 0);
    const soxr_runtime_spec_t runtime = soxr_runtime_spec(1);
    intake->resampler = soxr_create((double)intake->rate_hz, (double)MLI_AUDIO_RATE, 1, &reason,
                                    &io, &quality, &runtime);
    if (intake->resampler == NULL)
        return mli_fail(err, MODELLAB_E_NO_MEMORY, "the resampler could not be made: %s",
                        reason != NULL ? reason : "no reason given");
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status set_up(mli_audio_intake *intake, modellab_error *err)
{
    intake->mono = mli_alloc_array(heap(intake), MLI_AUDIO_BLOCK, sizeof(float));
    if (intake->mono == NULL)
        return mli_no_memory(err);
    if (intake->rate_hz == MLI_AUDIO_RATE)
        return MODELLAB_OK;
    intake->resampled = mli_alloc_array(heap(intake), MLI_AUDIO_BLOCK, sizeof(float));
    if (intake->resampled == NULL)
        return mli_no_memory(err);
    return create_resampler(intake, err);
}

modellab_status mli_audio_intake_create(const mli_audio_options *options, int32_t channels,
                                        int32_t rate_hz, mli_audio_intake **out,
                                        modellab_error *err)
{
    *out = NULL;
    mli_audio_store *store = NULL;
    modellab_status status = mli_audio_store_create(
        options->alloc, options->files, options->spool_fd,
        options->memory_samples > 0 ? options->memory_samples : MLI_AUDIO_MEMORY_SAMPLES,
        options->max_samples > 0 ? options->max_samples : MLI_AUDIO_MAX_SAMPLES, &store, err);
    if (status != MODELLAB_OK)
        return status;
    mli_audio_store_spool_in(store, options->spool_folder);
    status = mli_audio_check_shape(channels, rate_hz, err);
    mli_audio_intake *intake = NULL;
    if (status == MODELLAB_OK) {
        intake = mli_alloc_zero(options->alloc, sizeof *intake);
        if (intake == NULL)
            status = mli_no_memory(err);
    }
    if (status != MODELLAB_OK) {
        mli_audio_store_destroy(store);
        return status;
    }
    intake->options = *options;
    if (options->alloc != NULL)
        intake->alloc = *options->alloc;
    intake->store = store;
    intake->channels = channels;
    intake->rate_hz = rate_hz;
    status = set_up(intake, err);
    if (status == MODELLAB_OK)
        *out = intake;
    else
        mli_audio_intake_destroy(intake);
    return status;
}

void mli_audio_intake_destroy(mli_audio_intake *intake)
{
    if (intake == NULL)
        return;
    const modellab_allocator alloc = intake->alloc;
    mli_audio_store_destroy(intake->store);
    soxr_delete(intake->resampler);
    mli_free(heap(intake), intake->mono);
    mli_free(heap(intake), intake->resampled);
    mli_free(alloc.alloc != NULL ? &alloc : NULL, intake);
}

static bool is_finite(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return (bits & 0x7f800000u) != 0x7f800000u;
}

MODELLAB_MUST_CHECK static modellab_status check_finite(const mli_audio_intake *intake,
                                                        const float *samples, size_t frames,
                                                        modellab_error *err)
{
    const size_t channels = (size_t)intake->channels;
    for (size_t i = 0; i < frames * channels; i++) {
        if (!is_finite(samples[i])) {
            int64_t frame = intake->frames + (int64_t)(i / channels);
            return mli_fail_at(err, MODELLAB_E_INVALID_AUDIO, frame,
                               "sample %lld of channel %lld is not a finite number",
                               (long long)frame, (long long)(i % channels));
        }
    }
    return MODELLAB_OK;
}

static void mix(const float *interleaved, size_t frames, size_t channels, float *mono)
{
    const float scale = 1.0f / (float)channels;
    if (channels == 1) {
        memcpy(mono, interleaved, frames * sizeof *mono);
        return;
    }
    for (size_t i = 0; i < frames; i++) {
        float sum = 0.0f;
        for (size_t c = 0; c < channels; c++)
            sum += interleaved[i * channels + c] * scale;
        mono[i] = sum;
    }
}

/* Also what a resampler made of extreme input: not a number becomes silence. */
static void clip(float *samples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        float x = samples[i];
        x = x > -1.0f ? x : x <= -1.0f ? -1.0f : 0.0f;
        samples[i] = x < 1.0f ? x : 1.0f;
    }
}

/* `count` 0 flushes. */
MODELLAB_MUST_CHECK static modellab_status resample(mli_audio_intake *intake, size_t count,
                                                    modellab_error *err)
{
    const bool flush = count == 0;
    const float *in = intake->mono;
    for (;;) {
        size_t taken = 0, made = 0;
        soxr_error_t reason = soxr_process(intake->resampler, flush ? NULL : in, count, &taken,
                                           intake->resampled, MLI_AUDIO_BLOCK, &made);
        if (reason != NULL)
            return mli_fail(err, MODELLAB_E_INTERNAL, "resampling failed: %s", reason);
        clip(intake->resampled, made);
        modellab_status status =
            mli_audio_store_append(intake->store, intake->resampled, made, err);
        if (status != MODELLAB_OK)
            return status;
        in += taken;
        count -= taken;
        if (mli_cancelled(intake->options.cancel))
            return mli_fail(err, MODELLAB_E_CANCELLED, "decoding was cancelled");
        if (count == 0 && made < MLI_AUDIO_BLOCK)
            return MODELLAB_OK;
    }
}

modellab_status mli_audio_intake_push(mli_audio_intake *intake, const float *interleaved,
                                      size_t frames, modellab_error *err)
{
    modellab_status status = check_finite(intake, interleaved, frames, err);
    if (status != MODELLAB_OK || frames == 0)
        return status;
    mix(interleaved, frames, (size_t)intake->channels, intake->mono);
    intake->frames += (int64_t)frames;
    if (intake->resampler != NULL)
        return resample(intake, frames, err);
    clip(intake->mono, frames);
    return mli_audio_store_append(intake->store, intake->mono, frames, err);
}

int64_t mli_audio_intake_samples(const mli_audio_intake *intake)
{
    return mli_audio_store_samples(intake->store);
}

modellab_status mli_audio_intake_finish(mli_audio_intake *intake, const mli_audio_info *info,
                                        mli_audio_source **out, modellab_error *err)
{
    *out = NULL;
    if (intake->frames == 0)
        return mli_fail(err, MODELLAB_E_INVALID_AUDIO, "the audio holds no samples");
    if (intake->resampler != NULL) {
        modellab_status status = resample(intake, 0, err);
        if (status != MODELLAB_OK)
            return status;
    }
    if (mli_audio_store_samples(intake->store) == 0)
        return mli_fail(err, MODELLAB_E_INVALID_AUDIO,
                        "the audio is too short: no sample is left at 16 kHz");
    mli_audio_info full = *info;
    full.channels = intake->channels;
    full.rate_hz = intake->rate_hz;
    full.frames = intake->frames;
    mli_audio_store *store = intake->store;
    intake->store = NULL;
    return mli_audio_store_finish(store, &full, out, err);
}
