/* The bad (and odd but good) audio files of the tests, made in memory: unit tests decode them, and
 * the program make_bad_audio writes them to a folder for the tests of the command line. */
#ifndef TEST_BAD_AUDIO_H
#define TEST_BAD_AUDIO_H

#include <modellab/status.h>

typedef struct bad_audio {
    const char *name;                      /* file name */
    modellab_status status;                /* what decoding gives */
    const char *says;                      /* part of the message; "" for good files */
    unsigned char *(*make)(size_t *bytes); /* malloc'ed; NULL when memory is short */
} bad_audio;

extern const bad_audio bad_audio_files[];
extern const size_t bad_audio_count;

/* Ten hours of 16 kHz silence as FLAC: for the long tests, some seconds to make. */
unsigned char *bad_audio_long_silence(size_t *bytes);
/* The samples of test_signal() as FLAC or WAV (SF_FORMAT_*), for decoding tests. */
unsigned char *bad_audio_encode(int sndfile_format, int rate_hz, int channels, const float *samples,
                                size_t frames, size_t *bytes);

#endif
