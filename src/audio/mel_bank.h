/* The constant parts of a log-mel spectrogram: window, twiddle factors and sparse filters. */
#ifndef MLI_AUDIO_MEL_BANK_H
#define MLI_AUDIO_MEL_BANK_H

#include "audio/fft400.h"
#include "audio/mel.h"

typedef struct mli_mel_band {
    int first, count; /* bins with a weight */
} mli_mel_band;

struct mli_mel_bank {
    modellab_allocator alloc; /* all NULL = C heap */
    int bands;
    float *filters; /* [bands][MLI_MEL_BINS] */
    mli_mel_band *ranges;
    float window[MLI_MEL_FFT];
    mli_fft_tables fft;
};

#endif
