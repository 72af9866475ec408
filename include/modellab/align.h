/* Alignment: when each word of a given text is said. The audio is recognised first, so that every
 * stretch of speech gets its part of the text; the parts are aligned by the recogniser's attention.
 * The result is a transcript: all words of the text, in order, with times inside the audio.
 * @since 0.1
 *
 * Example: examples/c/align.c */
#ifndef MODELLAB_ALIGN_H
#define MODELLAB_ALIGN_H

#include <modellab/asr.h>

typedef struct modellab_align_options {
    size_t size;          /**< sizeof(modellab_align_options) */
    modellab_model *vad;  /**< a detector of voice activity; must be given. Borrowed for the call */
    const char *language; /**< code or English name; NULL or "auto" = detect */
    int32_t threads;      /**< of modellab_align_file(); 0 = CPUs that this process may use */
    int32_t batch_size;   /**< as modellab_asr_options; 0 = 8 */
    modellab_asr_progress_fn progress; /**< seconds of audio, of both passes together */
    void *user;
    modellab_cancel *cancel;   /**< seen within 10 ms; the call ends with E_CANCELLED */
    modellab_tracker *tracker; /**< gets a span and audio seconds */
} modellab_align_options;

#define MODELLAB_ALIGN_OPTIONS_INIT                                                                \
    {                                                                                              \
        sizeof(modellab_align_options), NULL, NULL, 0, 0, NULL, NULL, NULL, NULL                   \
    }

MODELLAB_BEGIN_DECLS

/** Fills the struct like its INIT macro, for callers without macros. `size` is the caller's sizeof.
 * @threads any @since 0.1 */
MODELLAB_API void modellab_align_options_init(modellab_align_options *options, size_t size);

/** Aligns a text with decoded audio. Words are what stands between white space; in languages that
 * are written without (Chinese, Japanese, Thai ...) they are the recogniser's, and one that no
 * white space stands before has none in its text. Each is in the result, once, in order; a segment
 * is a sentence, or its part in a stretch of speech. Words that are not in the audio share the time
 * of those around them; where a text is far too long for its speech they are spread over it, with
 * probability 0. The text may be a part of what is said, or leave passages out: it is put where its
 * words are heard together. An empty text gives no words.
 * @param text      UTF-8, at most 4 MiB
 * @param[out] out  new; modellab_transcript_unref()
 * @errors E_INVALID_AUDIO (no speech), E_INVALID_ARGUMENT (text is not UTF-8, no detector),
 * E_LIMIT, E_UNSUPPORTED_MODEL, E_UNSUPPORTED (language; a model without alignment heads),
 * E_CANCELLED, E_CALLBACK, E_BUSY, E_NO_MEMORY @threads confined @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_align_audio(
    modellab_asr_session *session, const modellab_audio *audio, const char *text, size_t text_bytes,
    const modellab_align_options *options, modellab_transcript **out, modellab_error *err);

/** Decodes a file and aligns a text with it, with a session of its own. The file is decoded in this
 * process. Errors also as modellab_audio_decode_file(). @threads confined @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_align_file(
    modellab_model *model, const char *path, const char *text, size_t text_bytes,
    const modellab_align_options *options, modellab_transcript **out, modellab_error *err);

MODELLAB_END_DECLS
#endif
