/* Encoders: samples in, the bytes of an audio file out, in pieces as they are made, for whoever
 * sends them on at once. Nothing is written backwards: lengths in heads stay unknown. @since 0.1
 *
 * Example: examples/c/encoder.c */
#ifndef MODELLAB_ENCODER_H
#define MODELLAB_ENCODER_H

#include <modellab/types.h>

/** Confined to one thread at a time. */
typedef struct modellab_encoder modellab_encoder;

/** The next bytes of the file, borrowed for the call, on the calling thread. Return 0 to go on;
 * anything else ends the call, and all later ones, with E_CALLBACK. */
typedef int32_t (*modellab_encoder_write_fn)(void *user, const void *data, size_t bytes);

typedef struct modellab_encoder_options {
    size_t size;                         /**< sizeof(modellab_encoder_options) */
    const modellab_allocator *allocator; /**< copied; NULL = C heap */
    const char *format; /**< "wav", "wav_f32", "pcm" (16 bits, little-endian, no head), "flac",
                             "ogg", "opus", "mp3"; borrowed for the call */
    int32_t rate_hz;    /**< of "opus": 8,000, 12,000, 16,000, 24,000 or 48,000 */
    int32_t channels;   /**< 0 = 1 */
    modellab_encoder_write_fn write;
    void *user;
} modellab_encoder_options;

#define MODELLAB_ENCODER_OPTIONS_INIT                                                              \
    {                                                                                              \
        sizeof(modellab_encoder_options), NULL, NULL, 0, 0, NULL, NULL                             \
    }

MODELLAB_BEGIN_DECLS

/** Fills the struct like its INIT macro, for callers without macros. `size` is the caller's sizeof.
 * @threads any @since 0.1 */
MODELLAB_API void modellab_encoder_options_init(modellab_encoder_options *options, size_t size);

/** Media type of a format ("audio/flac"). Borrowed, static; NULL when there is no such format.
 * @threads any @since 0.1 */
MODELLAB_API const char *modellab_encoder_media_type(const char *format);

/** Begins a file; its head may come at once. @param[out] out new; modellab_encoder_destroy()
 * @errors E_INVALID_ARGUMENT (an unknown format; a rate or channels that it cannot hold),
 * E_CALLBACK, E_ABI_TOO_SMALL, E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_encoder_create(
    const modellab_encoder_options *options, modellab_encoder **out, modellab_error *err);

/** Takes samples (-1 .. 1, beyond is clipped; interleaved).
 * @errors E_CALLBACK, E_STATE (finished), E_IO (the encoder failed), E_INVALID_ARGUMENT
 * @threads confined @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_encoder_write(modellab_encoder *encoder,
                                                                        const float *samples,
                                                                        size_t frames,
                                                                        modellab_error *err);

/** Gives what is still held back; the file is whole then. @errors as modellab_encoder_write()
 * @threads confined @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_encoder_finish(modellab_encoder *encoder,
                                                                         modellab_error *err);

/** Frees it, also unfinished; NULL is accepted. @threads confined @since 0.1 */
MODELLAB_API void modellab_encoder_destroy(modellab_encoder *encoder);

MODELLAB_END_DECLS
#endif
