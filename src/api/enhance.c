/* modellab_enhance: chains of operators over files and samples. */
#include "speech/enhance.h"
#include "api/cancel.h"
#include "api/enhance_output.h"
#include "api/enhance_result.h"
#include "audio/intake.h"
#include "audio/reader.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/sized.h"
#include <string.h>

enum { OPTIONS_FIRST = MLI_SIZE_UP_TO(modellab_enhance_options, user) };

typedef struct call {
    modellab_enhance_options given;
    modellab_allocator alloc;
    mli_enhance_chain chain;
    mli_enhancer *enhancer;
    mli_enhance_output output;
    /* what is read: a file, or the caller's samples */
    mli_audio_options decode;
    mli_audio_reader *reader;
    const float *samples;
    mli_pcm_format format;
    size_t frames, at;
} call;

void modellab_enhance_options_init(modellab_enhance_options *options, size_t size)
{
    const modellab_enhance_options init = MODELLAB_ENHANCE_OPTIONS_INIT;

    mli_sized_init(options, size, &init, sizeof init);
}

MODELLAB_MUST_CHECK static modellab_status bad(const char *what, modellab_error *err)
{
    return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "%s must not be NULL", what);
}

MODELLAB_MUST_CHECK static modellab_status prepare(call *c, const char *const *ops, size_t count,
                                                   const modellab_enhance_options *options,
                                                   modellab_error *err)
{
    c->given = (modellab_enhance_options)MODELLAB_ENHANCE_OPTIONS_INIT;
    modellab_status status = mli_sized_in(&c->given, sizeof c->given, OPTIONS_FIRST, options, err);
    if (status == MODELLAB_OK)
        status = mli_allocator_take(c->given.allocator, &c->alloc, err);
    for (size_t i = 0; status == MODELLAB_OK && i < count; i++)
        status = ops[i] == NULL ? bad("an operator", err)
                                : mli_enhance_parse(ops[i], strlen(ops[i]), &c->chain, err);
    if (status == MODELLAB_OK)
        status = mli_enhance_output_check(&c->given, err);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status rewind_input(void *user, modellab_error *err)
{
    call *c = user;

    c->at = 0;
    return c->reader != NULL ? mli_audio_reader_rewind(c->reader, err) : MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status read_input(void *user, float *out, size_t frames,
                                                      size_t *got, modellab_error *err)
{
    call *c = user;
    const size_t channels = (size_t)c->format.channels;

    if (c->reader != NULL)
        return mli_audio_reader_read(c->reader, out, frames, got, err);
    *got = c->frames - c->at < frames ? c->frames - c->at : frames;
    memcpy(out, c->samples + c->at * channels, *got * channels * sizeof *out);
    c->at += *got;
    return MODELLAB_OK;
}

static int32_t tell_progress(void *user, size_t pass, int64_t frames)
{
    const call *c = user;
    double part = c->reader != NULL ? mli_audio_reader_fraction(c->reader)
                                    : (double)frames / (double)c->frames;

    part = part < 1.0 ? part : 1.0;
    return c->given.progress(c->given.user,
                             ((double)pass + part) / (double)mli_enhancer_passes(c->enhancer));
}

/* Makes the chain, runs it into the output, and keeps what is to be known of it. */
MODELLAB_MUST_CHECK static modellab_status run(call *c, modellab_enhancement **out,
                                               modellab_error *err)
{
    const mli_enhance_source source = {c->format, rewind_input, read_input, c};
    modellab_status status = mli_audio_check_shape(c->format.channels, c->format.rate_hz, err);

    if (status == MODELLAB_OK)
        status = mli_enhancer_create(&c->chain, c->format, &c->alloc,
                                     mli_cancel_word_of(c->given.cancel), &c->enhancer, err);
    if (status != MODELLAB_OK)
        return status;
    status = mli_enhance_output_begin(&c->output, &c->given, &c->alloc,
                                      mli_enhancer_format(c->enhancer), err);
    if (status == MODELLAB_OK)
        status = mli_enhancer_run(c->enhancer, &source,
                                  (mli_pcm_sink){mli_enhance_output_take, &c->output},
                                  c->given.progress != NULL ? tell_progress : NULL, c, err);
    if (status == MODELLAB_OK && mli_enhancer_frames_in(c->enhancer) == 0)
        status = mli_fail(err, MODELLAB_E_INVALID_AUDIO, "the audio holds no samples");
    if (status == MODELLAB_OK)
        status = mli_enhancement_create(&c->chain, c->format, c->enhancer, &c->alloc, out, err);
    status = mli_enhance_output_end(&c->output, status, err);
    mli_enhancer_destroy(c->enhancer);
    if (status != MODELLAB_OK) {
        modellab_enhancement_unref(*out);
        *out = NULL;
    }
    return status;
}

modellab_status modellab_enhance_file(const char *path, const char *const *ops, size_t count,
                                      const modellab_enhance_options *options,
                                      modellab_enhancement **out, modellab_error *err)
{
    call c = {0};

    if (out == NULL)
        return bad("out", err);
    *out = NULL;
    if (path == NULL || (ops == NULL && count > 0))
        return bad(path == NULL ? "path" : "ops", err);
    modellab_status status = prepare(&c, ops, count, options, err);
    if (status != MODELLAB_OK)
        return status;
    mli_audio_options_init(&c.decode);
    c.decode.alloc = &c.alloc;
    c.decode.cancel = mli_cancel_word_of(c.given.cancel);
    c.decode.max_input_bytes = c.given.max_bytes;
    c.decode.allow_truncated = c.given.allow_truncated != 0;
    status = mli_audio_reader_open_path(path, &c.decode, &c.reader, err);
    if (status != MODELLAB_OK)
        return status;
    c.format = mli_audio_reader_format(c.reader);
    status = run(&c, out, err);
    modellab_status closed = mli_audio_reader_close(c.reader, status == MODELLAB_OK ? err : NULL);
    if (status == MODELLAB_OK && closed != MODELLAB_OK) {
        modellab_enhancement_unref(*out);
        *out = NULL;
        status = closed;
    }
    return status;
}

modellab_status modellab_enhance_samples(const float *samples, size_t frames, int32_t channels,
                                         int32_t rate_hz, const char *const *ops, size_t count,
                                         const modellab_enhance_options *options,
                                         modellab_enhancement **out, modellab_error *err)
{
    call c = {.samples = samples, .frames = frames, .format = {channels, rate_hz}};

    if (out == NULL)
        return bad("out", err);
    *out = NULL;
    if ((samples == NULL && frames > 0) || (ops == NULL && count > 0))
        return bad(ops == NULL && count > 0 ? "ops" : "samples", err);
    modellab_status status = prepare(&c, ops, count, options, err);
    return status == MODELLAB_OK ? run(&c, out, err) : status;
}
