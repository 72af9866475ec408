/* WAV as a stream: the header first, then blocks of samples, to any sink. Nothing is patched later,
 * so the frame count is given at the start, or unknown (-1: sizes of 0xFFFFFFFF, as pipes use
 * them). */
#ifndef MLI_AUDIO_ENCODE_H
#define MLI_AUDIO_ENCODE_H

#include <modellab/alloc.h>
#include <modellab/status.h>

typedef enum mli_wav_format {
    MLI_WAV_S16 = 1, /* 16-bit: x * 32768 rounded half-even, clipped; not a number becomes 0 */
    MLI_WAV_F32 = 2  /* the floats as they are */
} mli_wav_format;

/* Takes all bytes, or fails and fills err. */
typedef modellab_status (*mli_wav_sink)(void *user, const void *data, size_t bytes,
                                        modellab_error *err);

typedef struct mli_wav_writer {
    mli_wav_sink sink;
    void *user;
    mli_wav_format format;
    int32_t channels;
    int64_t declared, written; /* frames */
} mli_wav_writer;

enum { MLI_WAV_HEADER_MAX = 58 };

/* Writes the header. 1-64 channels, 1-768 kHz; E_LIMIT when the file would exceed 4 GiB. */
MODELLAB_MUST_CHECK modellab_status mli_wav_begin(mli_wav_writer *writer, mli_wav_sink sink,
                                                  void *user, mli_wav_format format,
                                                  int32_t channels, int32_t rate_hz, int64_t frames,
                                                  modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_wav_write(mli_wav_writer *writer, const float *interleaved,
                                                  size_t frames, modellab_error *err);
/* E_STATE when fewer frames came than were declared (more are refused by mli_wav_write). */
MODELLAB_MUST_CHECK modellab_status mli_wav_end(mli_wav_writer *writer, modellab_error *err);

#endif
