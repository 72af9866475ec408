/* libsndfile on virtual output: what it writes goes to a descriptor by pwrite, or to a sink that
 * takes bytes in their order only; the first failure is kept. */
#include "audio/writer.h"

#include "base/alloc.h"
#include "base/error.h"
#include <errno.h>
#include <sndfile.h>
#include <stdio.h>
#include <string.h>

/* Of a constant rate: 64 kbit/s at 24 kHz and below. */
#define MP3_LEVEL 0.63

struct mli_audio_writer {
    const modellab_allocator *alloc;
    const mli_os_files *files;
    int fd;
    SNDFILE *file;
    int64_t position, size;
    int64_t limit; /* bytes; 0 = none */
    int os_error;
    mli_wav_sink sink; /* NULL = the descriptor */
    void *user;
    modellab_error said; /* by the sink */
};

static const struct {
    const char *name;
    int format;
} formats[] = {
    [MLI_AUDIO_FORMAT_WAV] = {"wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16},
    [MLI_AUDIO_FORMAT_FLAC] = {"flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16},
    [MLI_AUDIO_FORMAT_OGG] = {"ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS},
    [MLI_AUDIO_FORMAT_OPUS] = {"opus", SF_FORMAT_OGG | SF_FORMAT_OPUS},
    [MLI_AUDIO_FORMAT_MP3] = {"mp3", SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III},
    [MLI_AUDIO_FORMAT_WAV_F32] = {"wav_f32", SF_FORMAT_WAV | SF_FORMAT_FLOAT},
};
enum { FORMATS = sizeof formats / sizeof *formats };

mli_audio_format mli_audio_format_of_name(const char *name)
{
    for (size_t i = 1; i < FORMATS; i++)
        if (strcmp(name, formats[i].name) == 0)
            return (mli_audio_format)i;
    return MLI_AUDIO_FORMAT_NONE;
}

mli_audio_format mli_audio_format_of_path(const char *path)
{
    const char *slash = strrchr(path, '/'), *dot = strrchr(path, '.');
    char ending[8];
    size_t n = 0;

    if (dot == NULL || (slash != NULL && dot < slash) || strlen(dot + 1) >= sizeof ending)
        return MLI_AUDIO_FORMAT_NONE;
    for (; dot[1 + n] != 0; n++)
        ending[n] = (char)(dot[1 + n] >= 'A' && dot[1 + n] <= 'Z' ? dot[1 + n] + 32 : dot[1 + n]);
    ending[n] = 0;
    return mli_audio_format_of_name(ending);
}

static sf_count_t vio_length(void *user)
{
    return ((mli_audio_writer *)user)->size;
}

static sf_count_t vio_seek(sf_count_t offset, int whence, void *user)
{
    mli_audio_writer *w = user;
    int64_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? w->position : w->size;
    if (from + offset < 0)
        return -1;
    w->position = from + offset;
    return w->position;
}

static sf_count_t vio_tell(void *user)
{
    return ((mli_audio_writer *)user)->position;
}

/* What is behind all that went out before; a head that is completed afterwards has gone already. */
static sf_count_t give(mli_audio_writer *w, const char *data, sf_count_t count)
{
    int64_t old = w->size > w->position ? w->size - w->position : 0;

    old = old < count ? old : count;
    if (w->said.code == MODELLAB_OK && count > old &&
        w->sink(w->user, data + old, (size_t)(count - old), &w->said) != MODELLAB_OK)
        return 0;
    w->position += count;
    w->size = w->position > w->size ? w->position : w->size;
    return w->said.code == MODELLAB_OK ? count : 0;
}

static sf_count_t vio_write(const void *data, sf_count_t count, void *user)
{
    mli_audio_writer *w = user;
    const char *at = data;
    sf_count_t done = 0;

    if (w->sink != NULL)
        return give(w, at, count);

    while (done < count && w->os_error == 0) {
        int64_t n =
            w->files->pwrite(w->files->user, w->fd, at + done, (size_t)(count - done), w->position);
        if (n <= 0) {
            w->os_error = n < 0 ? (int)-n : EIO;
            break;
        }
        done += n;
        w->position += n;
    }
    w->size = w->position > w->size ? w->position : w->size;
    return done;
}

MODELLAB_MUST_CHECK static modellab_status check(const mli_audio_writer *w, modellab_error *err)
{
    if (w->os_error != 0)
        return mli_fail_os(err, w->os_error, "the audio file could not be written");
    if (w->said.code != MODELLAB_OK)
        return mli_fail(err, w->said.code, "%s", w->said.message);
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status create(const mli_audio_writer *where,
                                                  mli_audio_format format, mli_pcm_format pcm,
                                                  mli_audio_writer **out, modellab_error *err)
{
    const modellab_allocator *alloc = where->alloc;
    SF_VIRTUAL_IO vio = {vio_length, vio_seek, NULL, vio_write, vio_tell};
    SF_INFO info = {
        .samplerate = pcm.rate_hz, .channels = pcm.channels, .format = formats[format].format};

    *out = NULL;
    if (!sf_format_check(&info))
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "%s cannot hold %d channels at %d Hz",
                        formats[format].name, (int)pcm.channels, (int)pcm.rate_hz);
    mli_audio_writer *w = mli_alloc_zero(alloc, sizeof *w);
    if (w == NULL)
        return mli_no_memory(err);
    *w = *where;
    bool wav = (info.format & SF_FORMAT_TYPEMASK) == SF_FORMAT_WAV;
    w->limit = wav ? (int64_t)UINT32_MAX - 4096 : 0;
    w->file = sf_open_virtual(&vio, SFM_WRITE, &info, w);
    modellab_status status = check(w, err);
    if (status == MODELLAB_OK && w->file == NULL)
        status =
            mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "%s cannot hold %d channels at %d Hz: %s",
                     formats[format].name, (int)pcm.channels, (int)pcm.rate_hz, sf_strerror(NULL));
    if (status != MODELLAB_OK) {
        if (w->file != NULL)
            (void)sf_close(w->file); /* the first failure is the one to report */
        mli_free(alloc, w);
        return status;
    }
    sf_command(w->file, SFC_SET_CLIPPING, NULL, SF_TRUE);
    *out = w;
    return MODELLAB_OK;
}

modellab_status mli_audio_writer_create(const modellab_allocator *alloc, const mli_os_files *files,
                                        int fd, mli_audio_format format, mli_pcm_format pcm,
                                        mli_audio_writer **out, modellab_error *err)
{
    const mli_audio_writer where = {
        .alloc = alloc, .files = files, .fd = fd, .said = MODELLAB_ERROR_INIT};

    return create(&where, format, pcm, out, err);
}

modellab_status mli_audio_writer_create_stream(const modellab_allocator *alloc, mli_wav_sink sink,
                                               void *user, mli_audio_format format,
                                               mli_pcm_format pcm, mli_audio_writer **out,
                                               modellab_error *err)
{
    const mli_audio_writer where = {
        .alloc = alloc, .fd = -1, .sink = sink, .user = user, .said = MODELLAB_ERROR_INIT};

    modellab_status status = create(&where, format, pcm, out, err);
    if (status == MODELLAB_OK && format == MLI_AUDIO_FORMAT_MP3) {
        /* Nobody comes back to write how many frames there are, and readers (libsndfile) guess it
         * from the first one: all have the same rate. */
        int mode = SF_BITRATE_MODE_CONSTANT;
        double level = MP3_LEVEL;
        if (sf_command((*out)->file, SFC_SET_COMPRESSION_LEVEL, &level, sizeof level) != SF_TRUE ||
            sf_command((*out)->file, SFC_SET_BITRATE_MODE, &mode, sizeof mode) != SF_TRUE)
            status = mli_fail(err, MODELLAB_E_INTERNAL, "the MP3 encoder has no constant rate");
    }
    return status;
}

modellab_status mli_audio_writer_write(mli_audio_writer *w, const float *interleaved, size_t frames,
                                       modellab_error *err)
{
    sf_count_t written = sf_writef_float(w->file, interleaved, (sf_count_t)frames);
    modellab_status status = check(w, err);

    if (status == MODELLAB_OK && w->limit > 0 && w->size > w->limit)
        return mli_fail(err, MODELLAB_E_LIMIT,
                        "a WAV file holds at most 4 GiB; FLAC and Ogg have no such limit");
    if (status == MODELLAB_OK && written != (sf_count_t)frames)
        return mli_fail(err, MODELLAB_E_IO, "the audio encoder failed: %s", sf_strerror(w->file));
    return status;
}

modellab_status mli_audio_writer_close(mli_audio_writer *w, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;

    if (w == NULL)
        return MODELLAB_OK;
    if (w->file != NULL && sf_close(w->file) != 0)
        status = mli_fail(err, MODELLAB_E_IO, "the audio encoder did not complete its file");
    if (w->os_error != 0 || w->said.code != MODELLAB_OK)
        status = check(w, err);
    mli_free(w->alloc, w);
    return status;
}
