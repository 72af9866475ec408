/* Audio files as they are: blocks of interleaved samples at the file's own rate and channels, from
 * the start as often as is asked (libsndfile reads). Nothing that a header declares is believed. */
#ifndef MLI_AUDIO_READER_H
#define MLI_AUDIO_READER_H

#include "audio/bytes.h"
#include "audio/decode.h"
#include "audio/pcm.h"

typedef struct mli_audio_reader mli_audio_reader;

/* `options`: alloc, files, cancel, max_input_bytes and allow_truncated count; all of it is
 * borrowed, with mli_audio_options_init() or what that says. Errors as mli_audio_decode_fd(). */
MODELLAB_MUST_CHECK modellab_status mli_audio_reader_open_path(const char *path,
                                                               const mli_audio_options *options,
                                                               mli_audio_reader **out,
                                                               modellab_error *err);
/* `bytes` is copied; what it stands on stays the caller's. */
MODELLAB_MUST_CHECK modellab_status mli_audio_reader_open_bytes(const mli_audio_bytes *bytes,
                                                                const mli_audio_options *options,
                                                                mli_audio_reader **out,
                                                                modellab_error *err);
/* NULL accepted. */
MODELLAB_MUST_CHECK modellab_status mli_audio_reader_close(mli_audio_reader *reader,
                                                           modellab_error *err);

mli_pcm_format mli_audio_reader_format(const mli_audio_reader *reader);
void mli_audio_reader_names(const mli_audio_reader *reader, mli_audio_info *info);
/* Part of the file's bytes that has been read, 0..1. */
double mli_audio_reader_fraction(const mli_audio_reader *reader);
/* Up to `frames` frames; *got = 0 at the end, after which what ended it has been looked at: a file
 * that is cut or damaged fails here unless truncated ones are allowed. */
MODELLAB_MUST_CHECK modellab_status mli_audio_reader_read(mli_audio_reader *reader,
                                                          float *interleaved, size_t frames,
                                                          size_t *got, modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_audio_reader_rewind(mli_audio_reader *reader,
                                                            modellab_error *err);

#endif
