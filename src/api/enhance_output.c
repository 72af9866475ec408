/* The file of a result: a temporary one beside it, synced and renamed at the end. */
#include "api/enhance_output.h"

#include "base/error.h"
#include <string.h>

static const mli_os_files *const files = &mli_os_system_files;

static mli_audio_format format_of(const modellab_enhance_options *o)
{
    return o->output_format != NULL ? mli_audio_format_of_name(o->output_format)
                                    : mli_audio_format_of_path(o->output_path);
}

modellab_status mli_enhance_output_check(const modellab_enhance_options *o, modellab_error *err)
{
    mli_os_stat st;

    if (o->output_path == NULL)
        return o->output_format == NULL ? MODELLAB_OK
                                        : mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                                                   "output_format without output_path");
    if (format_of(o) == MLI_AUDIO_FORMAT_NONE)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "the output's format is not known: its name ends in .wav, .flac, .ogg, "
                        ".opus or .mp3, or the format is given");
    if (files->stat(files->user, o->output_path, true, &st) == 0 && st.kind != MLI_OS_REGULAR)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "the output must be a regular file");
    return MODELLAB_OK;
}

modellab_status mli_enhance_output_begin(mli_enhance_output *output,
                                         const modellab_enhance_options *options,
                                         const modellab_allocator *alloc, mli_pcm_format format,
                                         modellab_error *err)
{
    output->options = options;
    output->format = format;
    output->writer = NULL;
    output->fd = -1;
    output->temporary[0] = 0;
    if (options->output_path == NULL)
        return MODELLAB_OK;
    output->fd = mli_os_open_temp(files, options->output_path, 0666, output->temporary,
                                  sizeof output->temporary);
    if (output->fd < 0)
        return mli_fail_os(err, -output->fd, "the output file could not be made");
    return mli_audio_writer_create(alloc, files, output->fd, format_of(options), format,
                                   &output->writer, err);
}

modellab_status mli_enhance_output_take(void *user, const float *samples, size_t frames,
                                        modellab_error *err)
{
    const mli_enhance_output *output = user;
    const modellab_enhance_options *o = output->options;
    modellab_status status = MODELLAB_OK;

    if (output->writer != NULL)
        status = mli_audio_writer_write(output->writer, samples, frames, err);
    if (status == MODELLAB_OK && o->sink != NULL &&
        o->sink(o->user, samples, frames, output->format.channels, output->format.rate_hz) != 0)
        status = mli_fail(err, MODELLAB_E_CALLBACK, "the callback ended the work");
    return status;
}

modellab_status mli_enhance_output_end(mli_enhance_output *output, modellab_status status,
                                       modellab_error *err)
{
    if (output->writer != NULL) {
        modellab_status closed =
            mli_audio_writer_close(output->writer, status == MODELLAB_OK ? err : NULL);
        status = status == MODELLAB_OK ? closed : status;
    }
    if (output->fd < 0)
        return status;
    int rc = status == MODELLAB_OK ? files->sync(files->user, output->fd) : 0;
    int closed = files->close(files->user, output->fd);
    rc = rc != 0 ? rc : closed;
    if (rc == 0 && status == MODELLAB_OK)
        rc = files->rename(files->user, output->temporary, output->options->output_path);
    if (rc != 0 && status == MODELLAB_OK)
        status = mli_fail_os(err, -rc, "the output file could not be completed");
    if (status != MODELLAB_OK)
        (void)files->unlink(files->user, output->temporary); /* the first failure is told */
    return status;
}
