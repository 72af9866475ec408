/* Audio files in the formats that people use, written as a stream (libsndfile): 16-bit WAV, FLAC,
 * Ogg Vorbis, Ogg Opus, MP3, and float WAV. Samples beyond -1..1 are clipped, but in float WAV. */
#ifndef MLI_AUDIO_WRITER_H
#define MLI_AUDIO_WRITER_H

#include "audio/encode.h"
#include "audio/pcm.h"
#include "os/file.h"
#include <modellab/alloc.h>

typedef enum mli_audio_format {
    MLI_AUDIO_FORMAT_NONE,
    MLI_AUDIO_FORMAT_WAV,
    MLI_AUDIO_FORMAT_FLAC,
    MLI_AUDIO_FORMAT_OGG,
    MLI_AUDIO_FORMAT_OPUS,
    MLI_AUDIO_FORMAT_MP3,
    MLI_AUDIO_FORMAT_WAV_F32
} mli_audio_format;

/* "wav", "flac", "ogg", "opus", "mp3", "wav_f32"; NONE for anything else. */
mli_audio_format mli_audio_format_of_name(const char *name);
/* The format that the ending of a file's name means; NONE when it has no such ending. */
mli_audio_format mli_audio_format_of_path(const char *path);

typedef struct mli_audio_writer mli_audio_writer;

/* Writes to `fd`, a regular file open for writing, empty, by pwrite; it stays the caller's.
 * @errors E_INVALID_ARGUMENT: the format cannot hold these channels or this rate (Opus takes 8, 12,
 * 16, 24 and 48 kHz; MP3 at most two channels) */
MODELLAB_MUST_CHECK modellab_status mli_audio_writer_create(
    const modellab_allocator *alloc, const mli_os_files *files, int fd, mli_audio_format format,
    mli_pcm_format pcm, mli_audio_writer **out, modellab_error *err);
/* The same to a sink, as the bytes are made: what a format would write into its head afterwards
 * (the length) is left as it went out, as unknown. Not for WAV, whose own writer is encode.h. */
MODELLAB_MUST_CHECK modellab_status mli_audio_writer_create_stream(
    const modellab_allocator *alloc, mli_wav_sink sink, void *user, mli_audio_format format,
    mli_pcm_format pcm, mli_audio_writer **out, modellab_error *err);
/* E_LIMIT when a WAV file would exceed 4 GiB; E_NO_SPACE, E_IO. */
MODELLAB_MUST_CHECK modellab_status mli_audio_writer_write(mli_audio_writer *writer,
                                                           const float *interleaved, size_t frames,
                                                           modellab_error *err);
/* Completes the file and frees the writer; NULL accepted. After a failed write call it all the
 * same: what it says then is of no interest. */
MODELLAB_MUST_CHECK modellab_status mli_audio_writer_close(mli_audio_writer *writer,
                                                           modellab_error *err);

#endif
