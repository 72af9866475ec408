/* libsoxr behind the form of our stages. The input is handed over in blocks of one size, so that
 * the result does not depend on how it came. */
#include "audio/rate.h"

#include "base/alloc.h"
#include "base/error.h"
#include <soxr.h>
#include <string.h>

enum { BLOCK = 1024 }; /* frames handed over at once */

struct mli_rate {
    const modellab_allocator *alloc;
    soxr_t soxr;
    mli_pcm_sink sink;
    size_t channels, held;
    int32_t in_hz, out_hz;
    float *in, *out; /* BLOCK and MLI_PCM_BLOCK frames */
};

MODELLAB_MUST_CHECK static modellab_status open_soxr(mli_rate *rate, modellab_error *err)
{
    const soxr_io_spec_t io = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I);
    const soxr_quality_spec_t quality = soxr_quality_spec(SOXR_HQ, 0);
    const soxr_runtime_spec_t runtime = soxr_runtime_spec(1);
    soxr_error_t reason = NULL;

    soxr_delete(rate->soxr);
    rate->soxr = soxr_create((double)rate->in_hz, (double)rate->out_hz, (unsigned)rate->channels,
                             &reason, &io, &quality, &runtime);
    if (rate->soxr == NULL)
        return mli_fail(err, MODELLAB_E_NO_MEMORY, "the resampler could not be made: %s",
                        reason != NULL ? reason : "no reason given");
    return MODELLAB_OK;
}

modellab_status mli_rate_create(const modellab_allocator *alloc, mli_pcm_format in, int32_t rate_hz,
                                mli_pcm_sink sink, mli_rate **out, modellab_error *err)
{
    mli_rate *rate = mli_alloc_zero(alloc, sizeof *rate);

    *out = NULL;
    if (rate == NULL)
        return mli_no_memory(err);
    rate->alloc = alloc;
    rate->sink = sink;
    rate->channels = (size_t)in.channels;
    rate->in_hz = in.rate_hz;
    rate->out_hz = rate_hz;
    rate->in = mli_alloc_array(alloc, BLOCK * rate->channels, sizeof(float));
    rate->out = mli_alloc_array(alloc, MLI_PCM_BLOCK * rate->channels, sizeof(float));
    modellab_status status =
        rate->in != NULL && rate->out != NULL ? open_soxr(rate, err) : mli_no_memory(err);
    if (status == MODELLAB_OK)
        *out = rate;
    else
        mli_rate_destroy(rate);
    return status;
}

void mli_rate_destroy(mli_rate *rate)
{
    if (rate == NULL)
        return;
    soxr_delete(rate->soxr);
    mli_free(rate->alloc, rate->in);
    mli_free(rate->alloc, rate->out);
    mli_free(rate->alloc, rate);
}

modellab_status mli_rate_reset(mli_rate *rate, modellab_error *err)
{
    rate->held = 0;
    return open_soxr(rate, err);
}

MODELLAB_MUST_CHECK static modellab_status process(mli_rate *rate, const float *in, size_t frames,
                                                   modellab_error *err)
{
    for (;;) {
        size_t taken = 0, made = 0;
        soxr_error_t reason =
            soxr_process(rate->soxr, in, frames, &taken, rate->out, MLI_PCM_BLOCK, &made);
        if (reason != NULL)
            return mli_fail(err, MODELLAB_E_INTERNAL, "resampling failed: %s", reason);
        if (made > 0) {
            modellab_status status = rate->sink.take(rate->sink.user, rate->out, made, err);
            if (status != MODELLAB_OK)
                return status;
        }
        if (in != NULL)
            in += taken * rate->channels;
        frames -= taken;
        if (frames == 0 && made < MLI_PCM_BLOCK)
            return MODELLAB_OK;
    }
}

modellab_status mli_rate_push(mli_rate *rate, const float *interleaved, size_t frames,
                              modellab_error *err)
{
    while (frames > 0) {
        size_t part = BLOCK - rate->held < frames ? BLOCK - rate->held : frames;
        memcpy(rate->in + rate->held * rate->channels, interleaved,
               part * rate->channels * sizeof *interleaved);
        rate->held += part;
        interleaved += part * rate->channels;
        frames -= part;
        if (rate->held == BLOCK) {
            rate->held = 0;
            modellab_status status = process(rate, rate->in, BLOCK, err);
            if (status != MODELLAB_OK)
                return status;
        }
    }
    return MODELLAB_OK;
}

modellab_status mli_rate_finish(mli_rate *rate, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;

    if (rate->held > 0)
        status = process(rate, rate->in, rate->held, err);
    rate->held = 0;
    return status == MODELLAB_OK ? process(rate, NULL, 0, err) : status;
}
