/* Speech recognition: Whisper on loaded weights. A session is the state of one use of a model;
 * sessions share the weights. Results are deterministic: the same bytes for any number of threads.
 * Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision", 2022. @since 0.1
 *
 * Example: examples/c/asr.c */
#ifndef MODELLAB_ASR_H
#define MODELLAB_ASR_H

#include <modellab/audio.h>
#include <modellab/model.h>
#include <modellab/tracker.h>
#include <modellab/transcript.h>
#include <modellab/vad.h>

/** Confined to one thread at a time. */
typedef struct modellab_asr_session modellab_asr_session;

typedef int32_t modellab_asr_task;
enum { MODELLAB_ASR_TRANSCRIBE = 1, MODELLAB_ASR_TRANSLATE = 2 };

/** A yes/no whose default is not no. */
typedef int32_t modellab_choice;
enum { MODELLAB_CHOICE_DEFAULT = 0, MODELLAB_CHOICE_YES = 1, MODELLAB_CHOICE_NO = 2 };

/** Progress: seconds of audio done and in all. Called on the transcribing thread, after each window
 * and each segment. Return 0 to go on; anything else ends the call with E_CALLBACK. Re-entry into
 * the same session is refused with E_BUSY. */
typedef int32_t (*modellab_asr_progress_fn)(void *user, double done_seconds, double total_seconds);

/** A finished segment (borrowed for the call) that later work will not change. Same rules. */
typedef int32_t (*modellab_asr_segment_fn)(void *user, const modellab_segment *segment);

typedef struct modellab_asr_options {
    size_t size;                           /**< sizeof(modellab_asr_options) */
    const char *language;                  /**< code or English name; NULL or "auto" = detect */
    modellab_asr_task task;                /**< 0 = transcribe */
    int32_t beam_size;                     /**< 0 or 1 = greedy; at most 16 */
    int32_t best_of;                       /**< candidates when sampling; 0 = 5; at most 16 */
    modellab_choice condition_on_previous; /**< default yes */
    modellab_choice word_times;            /**< default no */
    modellab_choice suppress_blank;        /**< default yes */
    modellab_choice timestamps;            /**< default yes */
    int32_t temperature_count;             /**< 0 = the ladder 0, 0.2, 0.4, 0.6, 0.8, 1 */
    const double *temperatures;            /**< borrowed for the call */
    double patience;                       /**< 0 = 1 */
    double length_penalty; /**< < 0 or NaN = simple length normalisation; set by the INIT macro */
    double compression_ratio_threshold;   /**< 0 = 2.4; negative = off */
    double logprob_threshold;             /**< 0 = -1; positive = off */
    double no_speech_threshold;           /**< 0 = 0.6; negative = off */
    double hallucination_silence_seconds; /**< 0 = off; needs word times */
    const char *initial_prompt;           /**< text before the audio; NULL = none */
    uint64_t seed;                        /**< of sampling */
    int32_t threads;                      /**< 0 = CPUs that this process may use */
    int32_t reserved;                     /**< 0 */
    modellab_asr_progress_fn progress;
    modellab_asr_segment_fn segment;
    void *user;                /**< for both callbacks */
    modellab_cancel *cancel;   /**< seen within 10 ms; the call ends with E_CANCELLED */
    modellab_tracker *tracker; /**< gets spans and audio seconds */
    /** A detector of voice activity: only speech is recognised, so that silence gives no text. It
     * is joined, without the silence between, to chunks of at most 30 s, decoded `batch_size` of
     * them side by side; times are those of the whole audio. Chunks do not know of one another
     * (condition_on_previous is not looked at). Borrowed for the call; NULL = everything, in order.
     */
    modellab_model *vad;
    /** NULL = all zeros. Zeros mean here: threshold 0.5, speech of any length, silences of 160 ms
     * part it, 400 ms are added on both sides; max_speech_seconds at most 30. Callbacks, cancel,
     * tracker and threads are not looked at. Borrowed for the call. */
    const modellab_vad_options *vad_options;
    /** Chunks at once, 1..16; 0 = 8. Each needs its keys and values: 12 MB for tiny, 24 MB for
     * base, 74 MB for small. The result does not depend on it. Greedy decoding only: beams take
     * one. */
    int32_t batch_size;
    int32_t reserved2; /**< 0 */
} modellab_asr_options;

#define MODELLAB_ASR_OPTIONS_INIT                                                                  \
    {                                                                                              \
        sizeof(modellab_asr_options), NULL, 0, 0, 0, 0, 0, 0, 0, 0, NULL, 0.0, -1.0, 0.0, 0.0,     \
            0.0, 0.0, NULL, 0, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0                \
    }

MODELLAB_BEGIN_DECLS

/** Fills the struct like its INIT macro, for callers without macros. `size` is the caller's sizeof.
 * @threads any @since 0.1 */
MODELLAB_API void modellab_asr_options_init(modellab_asr_options *options, size_t size);

/** Makes a session with its own threads and scratch memory. @param threads 0 = CPUs of this process
 * @param[out] out new; modellab_asr_session_destroy() @errors E_UNSUPPORTED_MODEL, E_NO_MEMORY
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_asr_session_create(
    modellab_model *model, int32_t threads, modellab_asr_session **out, modellab_error *err);
/** Frees it; NULL is accepted. @threads confined @since 0.1 */
MODELLAB_API void modellab_asr_session_destroy(modellab_asr_session *session);

/** Recognises samples: mono, 16 kHz, f32 in -1..1.
 * @param[out] out  new; with E_CANCELLED and E_CALLBACK the segments finished until then (partial)
 * @errors E_INVALID_AUDIO (no samples, NaN), E_CANCELLED, E_CALLBACK, E_BUSY, E_NO_MEMORY
 * @threads confined @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_asr_transcribe(
    modellab_asr_session *session, const float *samples, size_t sample_count,
    const modellab_asr_options *options, modellab_transcript **out, modellab_error *err);

/** Recognises decoded audio (audio.h). Otherwise as modellab_asr_transcribe(). @threads confined
 * @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_asr_transcribe_audio(
    modellab_asr_session *session, const modellab_audio *audio, const modellab_asr_options *options,
    modellab_transcript **out, modellab_error *err);

/** Decodes a file and recognises it with a session of its own. The file is decoded in this process:
 * for files that are not trusted submit a run instead. Errors also as modellab_audio_decode_file().
 * @threads confined @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_asr_transcribe_file(
    modellab_model *model, const char *path, const modellab_asr_options *options,
    modellab_transcript **out, modellab_error *err);

MODELLAB_END_DECLS
#endif
