/* Whisper's log-mel spectrogram: 16 kHz, periodic Hann of 400, hop 160, centred with reflection at
 * the start, power, Slaney mel bands, log10, clamped to 8 below the maximum of the whole file, (x +
 * 4) / 4.
 *
 * The reference appends 30 s of zeros and takes the maximum over the whole file. So: first
 * mli_mel_max() over the source once, then mli_mel_window() for any frames; nothing of the size of
 * the file is kept. Frame t is centred on sample 160 t. Frames at and after the end of the audio
 * are those of silence. */
#ifndef MLI_AUDIO_MEL_H
#define MLI_AUDIO_MEL_H

#include "audio/source.h"

struct mli_pool; /* kernels/pool.h; NULL = the calling thread alone. Results do not depend on it. */

enum {
    MLI_MEL_FFT = 400,
    MLI_MEL_HOP = 160,
    MLI_MEL_BINS = MLI_MEL_FFT / 2 + 1,
    MLI_MEL_MAX_BANDS = 256,
    MLI_MEL_WINDOW_FRAMES = 3000, /* 30 s */
    MLI_MEL_FRAMES_PER_SECOND = 100
};

/* Filters, window and twiddle factors; immutable, any thread. */
typedef struct mli_mel_bank mli_mel_bank;

/* `filters` NULL: Slaney filters of 0..8000 Hz for `bands` (80, 128; 1..256). Otherwise `bands`
 * rows of 201 weights (a ggml file carries its own), copied; each must be finite. */
MODELLAB_MUST_CHECK modellab_status mli_mel_bank_create(const modellab_allocator *alloc, int bands,
                                                        const float *filters, mli_mel_bank **out,
                                                        modellab_error *err);
void mli_mel_bank_destroy(mli_mel_bank *bank); /* NULL accepted */
int mli_mel_bands(const mli_mel_bank *bank);
/* Weight of one filter at one bin, for tests and converters. */
float mli_mel_filter(const mli_mel_bank *bank, int band, int bin);

/* Frames that hold audio: samples / 160 rounded down (the reference's content_frames). */
int64_t mli_mel_content_frames(const mli_audio_source *source);

/* Greatest log10 value over the whole source and the 30 s of silence after it. */
MODELLAB_MUST_CHECK modellab_status mli_mel_max(const mli_mel_bank *bank,
                                                const mli_audio_source *source,
                                                struct mli_pool *pool,
                                                const mli_cancel_word *cancel, float *out,
                                                modellab_error *err);

/* Frames [first, first + count) as raw log10 values: dst[band * band_stride + t * frame_stride]. */
MODELLAB_MUST_CHECK modellab_status mli_mel_log10(const mli_mel_bank *bank,
                                                  const mli_audio_source *source,
                                                  struct mli_pool *pool,
                                                  const mli_cancel_word *cancel, int64_t first,
                                                  size_t count, float *dst, size_t band_stride,
                                                  size_t frame_stride, modellab_error *err);

/* The same frames as plain power, centred with silence on both sides of the audio instead of its
 * mirror image (librosa's melspectrogram; speaker encoders). */
MODELLAB_MUST_CHECK modellab_status mli_mel_power(const mli_mel_bank *bank,
                                                  const mli_audio_source *source,
                                                  struct mli_pool *pool,
                                                  const mli_cancel_word *cancel, int64_t first,
                                                  size_t count, float *dst, size_t band_stride,
                                                  size_t frame_stride, modellab_error *err);

/* As mli_mel_log10, normalised with the file's maximum: max(x, file_max - 8), (x + 4) / 4. */
MODELLAB_MUST_CHECK modellab_status
mli_mel_window(const mli_mel_bank *bank, const mli_audio_source *source, struct mli_pool *pool,
               const mli_cancel_word *cancel, float file_max, int64_t first, size_t count,
               float *dst, size_t band_stride, size_t frame_stride, modellab_error *err);

#endif
