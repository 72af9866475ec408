/* modellab_encoder: samples to the bytes of a file, to the caller's function. */
#include <modellab/encoder.h>

#include "audio/writer.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/sized.h"
#include <string.h>

struct modellab_encoder {
    modellab_allocator alloc;
    modellab_encoder_write_fn write;
    void *user;
    mli_wav_writer wav; /* of "wav", "wav_f32" and "pcm" */
    mli_audio_writer *writer;
    bool is_wav, without_head;
    bool broken, finished;
};

static const struct {
    const char *name, *media_type;
} formats[] = {{"wav", "audio/wav"},   {"wav_f32", "audio/wav"}, {"pcm", "audio/pcm"},
               {"flac", "audio/flac"}, {"ogg", "audio/ogg"},     {"opus", "audio/ogg"},
               {"mp3", "audio/mpeg"}};

void modellab_encoder_options_init(modellab_encoder_options *options, size_t size)
{
    const modellab_encoder_options init = MODELLAB_ENCODER_OPTIONS_INIT;

    mli_sized_init(options, size, &init, sizeof init);
}

const char *modellab_encoder_media_type(const char *format)
{
    for (size_t i = 0; format != NULL && i < sizeof formats / sizeof *formats; i++)
        if (strcmp(formats[i].name, format) == 0)
            return formats[i].media_type;
    return NULL;
}

MODELLAB_MUST_CHECK static modellab_status give(void *user, const void *data, size_t bytes,
                                                modellab_error *err)
{
    modellab_encoder *e = user;

    if (e->without_head) { /* of WAV: the first call of its writer */
        e->without_head = false;
        return MODELLAB_OK;
    }
    e->broken = e->broken || e->write(e->user, data, bytes) != 0;
    return e->broken ? mli_fail(err, MODELLAB_E_CALLBACK, "the callback ended the work")
                     : MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status begin(modellab_encoder *e, const char *format,
                                                 mli_pcm_format pcm, modellab_error *err)
{
    e->without_head = strcmp(format, "pcm") == 0;
    e->is_wav = e->without_head || strncmp(format, "wav", 3) == 0;
    if (e->is_wav) {
        mli_wav_format wav = strcmp(format, "wav_f32") == 0 ? MLI_WAV_F32 : MLI_WAV_S16;
        return mli_wav_begin(&e->wav, give, e, wav, pcm.channels, pcm.rate_hz, -1, err);
    }
    return mli_audio_writer_create_stream(&e->alloc, give, e, mli_audio_format_of_name(format), pcm,
                                          &e->writer, err);
}

modellab_status modellab_encoder_create(const modellab_encoder_options *options,
                                        modellab_encoder **out, modellab_error *err)
{
    modellab_encoder_options o = MODELLAB_ENCODER_OPTIONS_INIT;
    modellab_allocator alloc;

    if (out != NULL)
        *out = NULL;
    if (options == NULL || out == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "options and out must not be NULL");
    modellab_status status =
        mli_sized_in(&o, sizeof o, MLI_SIZE_UP_TO(modellab_encoder_options, user), options, err);
    if (status == MODELLAB_OK)
        status = mli_allocator_take(o.allocator, &alloc, err);
    if (status != MODELLAB_OK)
        return status;
    if (o.write == NULL || modellab_encoder_media_type(o.format) == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        o.write == NULL ? "write must not be NULL"
                                        : "the format is one of wav, wav_f32, pcm, flac, ogg, opus "
                                          "and mp3");
    modellab_encoder *e = mli_alloc_zero(&alloc, sizeof *e);
    if (e == NULL)
        return mli_no_memory(err);
    e->alloc = alloc;
    e->write = o.write;
    e->user = o.user;
    const mli_pcm_format pcm = {.channels = o.channels == 0 ? 1 : o.channels, .rate_hz = o.rate_hz};
    status = begin(e, o.format, pcm, err);
    if (status == MODELLAB_OK)
        *out = e;
    else
        modellab_encoder_destroy(e);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status usable(const modellab_encoder *e, modellab_error *err)
{
    if (e == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "encoder must not be NULL");
    if (e->broken)
        return mli_fail(err, MODELLAB_E_CALLBACK, "the callback ended the work");
    return e->finished ? mli_fail(err, MODELLAB_E_STATE, "the file was finished") : MODELLAB_OK;
}

modellab_status modellab_encoder_write(modellab_encoder *encoder, const float *samples,
                                       size_t frames, modellab_error *err)
{
    modellab_status status = usable(encoder, err);

    if (status == MODELLAB_OK && samples == NULL)
        status = mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "samples must not be NULL");
    if (status != MODELLAB_OK || frames == 0)
        return status;
    return encoder->is_wav ? mli_wav_write(&encoder->wav, samples, frames, err)
                           : mli_audio_writer_write(encoder->writer, samples, frames, err);
}

modellab_status modellab_encoder_finish(modellab_encoder *encoder, modellab_error *err)
{
    modellab_status status = usable(encoder, err);

    if (status != MODELLAB_OK)
        return status;
    encoder->finished = true;
    if (encoder->is_wav)
        return mli_wav_end(&encoder->wav, err);
    status = mli_audio_writer_close(encoder->writer, err);
    encoder->writer = NULL;
    return status;
}

void modellab_encoder_destroy(modellab_encoder *encoder)
{
    if (encoder == NULL)
        return;
    encoder->broken = true; /* nothing more is given out */
    modellab_allocator alloc = encoder->alloc;
    if (mli_audio_writer_close(encoder->writer, NULL) != MODELLAB_OK)
        encoder->finished = false; /* it was given up: that it is not whole is no news */
    mli_free(&alloc, encoder);
}
