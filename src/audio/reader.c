/* The reader: libsndfile on virtual input, opened anew for each reading, since not all formats are
 * exact after a seek. */
#include "audio/reader.h"

#include "audio/sndfile_names.h"
#include "audio/wav_cut.h"
#include "base/alloc.h"
#include "base/error.h"
#include <sndfile.h>
#include <stdio.h>
#include <string.h>

struct mli_audio_reader {
    const mli_audio_options *options;
    mli_audio_bytes bytes;
    int own_fd; /* -1 = none */
    SNDFILE *file;
    SF_INFO info;
    int64_t frames; /* read since the start */
};

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

/* Nothing more came: whether that is the end that the file should have. */
MODELLAB_MUST_CHECK static modellab_status check_end(const mli_audio_reader *r, modellab_error *err)
{
    modellab_status status = check_input(&r->bytes, err);
    if (status != MODELLAB_OK || r->options->allow_truncated || r->frames == 0)
        return status;
    if (sf_error(r->file) != SF_ERR_NO_ERROR)
        return mli_fail_at(err, MODELLAB_E_INVALID_AUDIO, r->frames,
                           "the audio is damaged after %lld ms",
                           (long long)(r->frames * 1000 / r->info.samplerate));
    bool declares = (r->info.format & SF_FORMAT_TYPEMASK) == SF_FORMAT_FLAC;
    if (declares && r->info.frames != SF_COUNT_MAX && r->frames < r->info.frames)
        return mli_fail_at(err, MODELLAB_E_INVALID_AUDIO, r->frames,
                           "the audio ends after %lld of the %lld frames that its header declares",
                           (long long)r->frames, (long long)r->info.frames);
    return MODELLAB_OK;
}

/* What can be refused before the decoder is asked. */
MODELLAB_MUST_CHECK static modellab_status
check_bytes(mli_audio_bytes *bytes, const mli_audio_options *options, modellab_error *err)
{
    uint64_t declared = 0, present = 0;
    if (bytes->size == 0)
        return mli_fail(err, MODELLAB_E_INVALID_AUDIO, "the file is empty");
    const int64_t most =
        options->max_input_bytes > 0 ? options->max_input_bytes : MLI_AUDIO_MAX_BYTES;
    if (bytes->size > most)
        return mli_fail(err, MODELLAB_E_LIMIT, "the file has %lld bytes; the limit is %lld",
                        (long long)bytes->size, (long long)most);
    if (!options->allow_truncated && mli_wav_is_cut(bytes, &declared, &present))
        return mli_fail(err, MODELLAB_E_INVALID_AUDIO,
                        "the file is cut: it declares %llu bytes of audio and holds %llu",
                        (unsigned long long)declared, (unsigned long long)present);
    return check_input(bytes, err);
}

/* Closes what is open and opens it at the start. */
MODELLAB_MUST_CHECK static modellab_status open_file(mli_audio_reader *r, modellab_error *err)
{
    SF_VIRTUAL_IO vio = {vio_length, vio_seek, vio_read, NULL, vio_tell};

    if (r->file != NULL && sf_close(r->file) != 0) {
        r->file = NULL;
        return mli_fail(err, MODELLAB_E_IO, "the audio decoder did not close its input");
    }
    r->bytes.position = 0;
    r->frames = 0;
    r->info = (SF_INFO){0};
    r->file = sf_open_virtual(&vio, SFM_READ, &r->info, &r->bytes);
    return r->file != NULL ? MODELLAB_OK : open_failed(&r->bytes, err);
}

modellab_status mli_audio_reader_open_bytes(const mli_audio_bytes *bytes,
                                            const mli_audio_options *options,
                                            mli_audio_reader **out, modellab_error *err)
{
    mli_audio_reader *r = mli_alloc_zero(options->alloc, sizeof *r);

    *out = NULL;
    if (r == NULL)
        return mli_no_memory(err);
    r->options = options;
    r->bytes = *bytes;
    r->bytes.cancel = options->cancel;
    r->own_fd = -1;
    modellab_status status = check_bytes(&r->bytes, options, err);
    if (status == MODELLAB_OK)
        status = open_file(r, err);
    if (status == MODELLAB_OK)
        *out = r;
    else
        mli_free(options->alloc, r);
    return status;
}

modellab_status mli_audio_reader_open_path(const char *path, const mli_audio_options *options,
                                           mli_audio_reader **out, modellab_error *err)
{
    const mli_os_files *files = options->files;
    mli_audio_bytes bytes;

    *out = NULL;
    int fd = files->open(files->user, path, MLI_OS_READ | MLI_OS_NONBLOCK, 0);
    if (fd < 0)
        return mli_fail_os(err, -fd, "the audio file could not be opened");
    modellab_status status = mli_audio_bytes_of_fd(&bytes, files, fd, err);
    if (status == MODELLAB_OK)
        status = mli_audio_reader_open_bytes(&bytes, options, out, err);
    if (status == MODELLAB_OK)
        (*out)->own_fd = fd;
    else
        (void)files->close(files->user, fd); /* the first failure is the one to report */
    return status;
}

modellab_status mli_audio_reader_close(mli_audio_reader *r, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;

    if (r == NULL)
        return MODELLAB_OK;
    const mli_os_files *files = r->options->files;
    const modellab_allocator *alloc = r->options->alloc;
    if (r->file != NULL && sf_close(r->file) != 0)
        status = mli_fail(err, MODELLAB_E_IO, "the audio decoder did not close its input");
    if (r->own_fd >= 0) {
        int closed = files->close(files->user, r->own_fd);
        if (closed < 0 && status == MODELLAB_OK)
            status = mli_fail_os(err, -closed, "the audio file could not be closed");
    }
    mli_free(alloc, r);
    return status;
}

mli_pcm_format mli_audio_reader_format(const mli_audio_reader *r)
{
    return (mli_pcm_format){r->info.channels, r->info.samplerate};
}

void mli_audio_reader_names(const mli_audio_reader *r, mli_audio_info *info)
{
    mli_sndfile_names(r->info.format, info);
}

double mli_audio_reader_fraction(const mli_audio_reader *r)
{
    return (double)r->bytes.position / (double)r->bytes.size;
}

modellab_status mli_audio_reader_read(mli_audio_reader *r, float *interleaved, size_t frames,
                                      size_t *got, modellab_error *err)
{
    *got = 0;
    if (mli_cancelled(r->options->cancel))
        return check_input(&r->bytes, err);
    sf_count_t read = sf_readf_float(r->file, interleaved, (sf_count_t)frames);
    if (read <= 0)
        return check_end(r, err);
    r->frames += read;
    *got = (size_t)read;
    return MODELLAB_OK;
}

modellab_status mli_audio_reader_rewind(mli_audio_reader *r, modellab_error *err)
{
    return r->frames == 0 ? MODELLAB_OK : open_file(r, err);
}
