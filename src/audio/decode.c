/* Files to sources: libsndfile on virtual input, block by block into the intake. */
#include "audio/decode.h"

#include "audio/bytes.h"
#include "audio/intake.h"
#include "audio/sndfile_names.h"
#include "audio/wav_cut.h"
#include "base/alloc.h"
#include "base/error.h"
#include <sndfile.h>
#include <stdio.h>
#include <string.h>

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

/* --- libsndfile's virtual input --- */
static sf_count_t vio_length(void *user)
{
    return ((mli_audio_bytes *)user)->size;
}

static sf_count_t vio_seek(sf_count_t offset, int whence, void *user)
{
    mli_audio_bytes *bytes = user;
    int64_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? bytes->position : bytes->size;
    int64_t to;
    if (__builtin_add_overflow(from, offset, &to) || to < 0)
        return -1;
    bytes->position = to;
    return to;
}

static sf_count_t vio_read(void *out, sf_count_t count, void *user)
{
    return mli_audio_bytes_read(user, out, count);
}

static sf_count_t vio_tell(void *user)
{
    return ((mli_audio_bytes *)user)->position;
}

/* What stopped the reading, if something did: cancel and I/O come before what the decoder says. */
MODELLAB_MUST_CHECK static modellab_status check_input(const mli_audio_bytes *bytes,
                                                       modellab_error *err)
{
    if (mli_cancelled(bytes->cancel))
        return mli_fail(err, MODELLAB_E_CANCELLED, "decoding was cancelled");
    if (bytes->os_error != 0)
        return mli_fail_os(err, bytes->os_error, "the audio file could not be read");
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status open_failed(const mli_audio_bytes *bytes,
                                                       modellab_error *err)
{
    modellab_status status = check_input(bytes, err);
    if (status != MODELLAB_OK)
        return status;
    int code = sf_error(NULL);
    if (code == SF_ERR_UNRECOGNISED_FORMAT || code == SF_ERR_UNSUPPORTED_ENCODING)
        return mli_fail(err, MODELLAB_E_UNSUPPORTED_FORMAT,
                        "the file is not audio in a format that can be read");
    const char *reason = sf_error_number(code);
    if (strncmp(reason, "Error in ", 9) != 0)
        reason = "its numbers make no sense";
    return mli_fail(err, MODELLAB_E_INVALID_AUDIO, "the audio header is damaged: %s", reason);
}

MODELLAB_MUST_CHECK static modellab_status check_end(SNDFILE *file, const SF_INFO *info,
                                                     const mli_audio_bytes *bytes,
                                                     const mli_audio_options *options,
                                                     int64_t frames, modellab_error *err)
{
    modellab_status status = check_input(bytes, err);
    if (status != MODELLAB_OK || options->allow_truncated || frames == 0)
        return status;
    if (sf_error(file) != SF_ERR_NO_ERROR)
        return mli_fail_at(err, MODELLAB_E_INVALID_AUDIO, frames,
                           "the audio is damaged after %lld ms",
                           (long long)(frames * 1000 / info->samplerate));
    bool declares = (info->format & SF_FORMAT_TYPEMASK) == SF_FORMAT_FLAC;
    if (declares && info->frames != SF_COUNT_MAX && frames < info->frames)
        return mli_fail_at(err, MODELLAB_E_INVALID_AUDIO, frames,
                           "the audio ends after %lld of the %lld frames that its header declares",
                           (long long)frames, (long long)info->frames);
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status
pump(SNDFILE *file, const SF_INFO *info, const mli_audio_bytes *bytes,
     const mli_audio_options *options, mli_audio_intake *intake, float *block, modellab_error *err)
{
    const sf_count_t frames_in_block = MLI_AUDIO_BLOCK / info->channels;
    for (;;) {
        if (mli_cancelled(options->cancel))
            return check_input(bytes, err);
        sf_count_t got = sf_readf_float(file, block, frames_in_block);
        if (got <= 0)
            return check_end(file, info, bytes, options, mli_audio_intake_frames(intake), err);
        modellab_status status = mli_audio_intake_push(intake, block, (size_t)got, err);
        if (status != MODELLAB_OK)
            return status;
        if (options->progress != NULL &&
            options->progress(options->progress_user, mli_audio_intake_samples(intake),
                              (double)bytes->position / (double)bytes->size) != 0)
            return mli_fail(err, MODELLAB_E_CALLBACK, "the progress callback ended the decoding");
    }
}

MODELLAB_MUST_CHECK static modellab_status decode_open(SNDFILE *file, const SF_INFO *info,
                                                       const mli_audio_bytes *bytes,
                                                       const mli_audio_options *options,
                                                       mli_audio_source **out, modellab_error *err)
{
    mli_audio_intake *intake = NULL;
    modellab_status status =
        mli_audio_intake_create(options, info->channels, info->samplerate, &intake, err);
    if (status != MODELLAB_OK)
        return status;
    float *block = mli_alloc_array(options->alloc, MLI_AUDIO_BLOCK, sizeof *block);
    if (block == NULL)
        status = mli_no_memory(err);
    else
        status = pump(file, info, bytes, options, intake, block, err);
    if (status == MODELLAB_OK) {
        mli_audio_info shown = {0};
        mli_sndfile_names(info->format, &shown);
        status = mli_audio_intake_finish(intake, &shown, out, err);
    }
    mli_free(options->alloc, block);
    mli_audio_intake_destroy(intake);
    return status;
}

/* What can be refused before the decoder is asked. */
MODELLAB_MUST_CHECK static modellab_status
check_bytes(mli_audio_bytes *bytes, const mli_audio_options *options, modellab_error *err)
{
    uint64_t declared = 0, present = 0;
    if (bytes->size == 0)
        return mli_fail(err, MODELLAB_E_INVALID_AUDIO, "the file is empty");
    if (bytes->size > options->max_input_bytes)
        return mli_fail(err, MODELLAB_E_LIMIT, "the file has %lld bytes; the limit is %lld",
                        (long long)bytes->size, (long long)options->max_input_bytes);
    if (!options->allow_truncated && mli_wav_is_cut(bytes, &declared, &present))
        return mli_fail(err, MODELLAB_E_INVALID_AUDIO,
                        "the file is cut: it declares %llu bytes of audio and holds %llu",
                        (unsigned long long)declared, (unsigned long long)present);
    return check_input(bytes, err);
}

MODELLAB_MUST_CHECK static modellab_status decode_bytes(mli_audio_bytes *bytes,
                                                        const mli_audio_options *options,
                                                        mli_audio_source **out, modellab_error *err)
{
    bytes->cancel = options->cancel;
    modellab_status status = check_bytes(bytes, options, err);
    if (status != MODELLAB_OK) {
        drop_spool(options);
        return status;
    }
    SF_VIRTUAL_IO vio = {vio_length, vio_seek, vio_read, NULL, vio_tell};
    SF_INFO info = {0};
    SNDFILE *file = sf_open_virtual(&vio, SFM_READ, &info, bytes);
    if (file == NULL) {
        drop_spool(options);
        return open_failed(bytes, err);
    }
    status = decode_open(file, &info, bytes, options, out, err);
    if (sf_close(file) != 0 && status == MODELLAB_OK) {
        mli_audio_unref(*out);
        *out = NULL;
        status = mli_fail(err, MODELLAB_E_IO, "the audio decoder did not close its input");
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
