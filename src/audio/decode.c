/* Files to sources: block by block from the reader into the intake. */
#include "audio/decode.h"

#include "audio/bytes.h"
#include "audio/intake.h"
#include "audio/reader.h"
#include "base/alloc.h"
#include "base/error.h"

void mli_audio_options_init(mli_audio_options *options)
{
    *options = (mli_audio_options){.files = &mli_os_system_files, .spool_fd = -1};
}

static mli_audio_options with_defaults(const mli_audio_options *given)
{
    mli_audio_options options;
    mli_audio_options_init(&options);
    if (given != NULL)
        options = *given;
    if (options.files == NULL)
        options.files = &mli_os_system_files;
    if (options.max_input_bytes <= 0)
        options.max_input_bytes = MLI_AUDIO_MAX_BYTES;
    return options;
}

/* For the paths on which no store took the spool file over. */
static void drop_spool(const mli_audio_options *options)
{
    if (options->spool_fd >= 0)
        (void)options->files->close(options->files->user, options->spool_fd);
}

MODELLAB_MUST_CHECK static modellab_status pump(mli_audio_reader *reader,
                                                const mli_audio_options *options,
                                                mli_audio_intake *intake, float *block,
                                                modellab_error *err)
{
    const size_t frames_in_block =
        (size_t)(MLI_AUDIO_BLOCK / mli_audio_reader_format(reader).channels);
    for (;;) {
        size_t got = 0;
        modellab_status status = mli_audio_reader_read(reader, block, frames_in_block, &got, err);
        if (status != MODELLAB_OK || got == 0)
            return status;
        status = mli_audio_intake_push(intake, block, got, err);
        if (status != MODELLAB_OK)
            return status;
        if (options->progress != NULL &&
            options->progress(options->progress_user, mli_audio_intake_samples(intake),
                              mli_audio_reader_fraction(reader)) != 0)
            return mli_fail(err, MODELLAB_E_CALLBACK, "the progress callback ended the decoding");
    }
}

MODELLAB_MUST_CHECK static modellab_status decode_open(mli_audio_reader *reader,
                                                       const mli_audio_options *options,
                                                       mli_audio_source **out, modellab_error *err)
{
    const mli_pcm_format format = mli_audio_reader_format(reader);
    mli_audio_intake *intake = NULL;
    modellab_status status =
        mli_audio_intake_create(options, format.channels, format.rate_hz, &intake, err);
    if (status != MODELLAB_OK)
        return status;
    float *block = mli_alloc_array(options->alloc, MLI_AUDIO_BLOCK, sizeof *block);
    if (block == NULL)
        status = mli_no_memory(err);
    else
        status = pump(reader, options, intake, block, err);
    if (status == MODELLAB_OK) {
        mli_audio_info shown = {0};
        mli_audio_reader_names(reader, &shown);
        status = mli_audio_intake_finish(intake, &shown, out, err);
    }
    mli_free(options->alloc, block);
    mli_audio_intake_destroy(intake);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status decode_bytes(const mli_audio_bytes *bytes,
                                                        const mli_audio_options *options,
                                                        mli_audio_source **out, modellab_error *err)
{
    mli_audio_reader *reader = NULL;
    modellab_status status = mli_audio_reader_open_bytes(bytes, options, &reader, err);
    if (status != MODELLAB_OK) {
        drop_spool(options);
        return status;
    }
    status = decode_open(reader, options, out, err);
    modellab_status closed = mli_audio_reader_close(reader, status == MODELLAB_OK ? err : NULL);
    if (closed != MODELLAB_OK && status == MODELLAB_OK) {
        mli_audio_unref(*out);
        *out = NULL;
        status = closed;
    }
    return status;
}

modellab_status mli_audio_decode_memory(const void *data, size_t bytes,
                                        const mli_audio_options *given, mli_audio_source **out,
                                        modellab_error *err)
{
    *out = NULL;
    mli_audio_options options = with_defaults(given);
    mli_audio_bytes input;
    mli_audio_bytes_of_memory(&input, data != NULL ? data : "", data != NULL ? bytes : 0);
    return decode_bytes(&input, &options, out, err);
}

modellab_status mli_audio_decode_fd(int fd, const mli_audio_options *given, mli_audio_source **out,
                                    modellab_error *err)
{
    *out = NULL;
    mli_audio_options options = with_defaults(given);
    mli_audio_bytes input;
    modellab_status status = mli_audio_bytes_of_fd(&input, options.files, fd, err);
    if (status != MODELLAB_OK) {
        drop_spool(&options);
        return status;
    }
    return decode_bytes(&input, &options, out, err);
}

modellab_status mli_audio_decode_path(const char *path, const mli_audio_options *given,
                                      mli_audio_source **out, modellab_error *err)
{
    *out = NULL;
    mli_audio_options options = with_defaults(given);
    int fd = options.files->open(options.files->user, path, MLI_OS_READ | MLI_OS_NONBLOCK, 0);
    if (fd < 0) {
        drop_spool(&options);
        return mli_fail_os(err, -fd, "the audio file could not be opened");
    }
    modellab_status status = mli_audio_decode_fd(fd, &options, out, err);
    int closed = options.files->close(options.files->user, fd);
    if (closed < 0 && status == MODELLAB_OK) {
        mli_audio_unref(*out);
        *out = NULL;
        status = mli_fail_os(err, -closed, "the audio file could not be closed");
    }
    return status;
}

modellab_status mli_audio_from_samples(const float *interleaved, size_t frames, int32_t channels,
                                       int32_t rate_hz, const mli_audio_options *given,
                                       mli_audio_source **out, modellab_error *err)
{
    *out = NULL;
    mli_audio_options options = with_defaults(given);
    mli_audio_intake *intake = NULL;
    modellab_status status = mli_audio_intake_create(&options, channels, rate_hz, &intake, err);
    if (status != MODELLAB_OK)
        return status;
    const size_t in_block = (size_t)(MLI_AUDIO_BLOCK / channels);
    for (size_t at = 0; status == MODELLAB_OK && at < frames; at += in_block) {
        size_t part = frames - at < in_block ? frames - at : in_block;
        if (mli_cancelled(options.cancel))
            status = mli_fail(err, MODELLAB_E_CANCELLED, "reading the samples was cancelled");
        else
            status = mli_audio_intake_push(intake, interleaved + at * (size_t)channels, part, err);
        if (status == MODELLAB_OK && options.progress != NULL &&
            options.progress(options.progress_user, mli_audio_intake_samples(intake),
                             (double)(at + part) / (double)frames) != 0)
            status = mli_fail(err, MODELLAB_E_CALLBACK, "the progress callback ended the call");
    }
    const mli_audio_info info = {.container = "samples", .encoding = "float"};
    if (status == MODELLAB_OK)
        status = mli_audio_intake_finish(intake, &info, out, err);
    mli_audio_intake_destroy(intake);
    return status;
}
