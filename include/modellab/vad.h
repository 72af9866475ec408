/* Voice activity: where somebody speaks. Silero's detector (version 6, 16 kHz) gives a probability
 * for each 32 ms; two thresholds and least lengths make segments of them, by the rules of its
 * reference. Results are deterministic: the same bytes for any number of threads and any size of
 * the pieces that are fed. @since 0.1
 *
 * Example: examples/c/vad.c */
#ifndef MODELLAB_VAD_H
#define MODELLAB_VAD_H

#include <modellab/audio.h>
#include <modellab/model.h>
#include <modellab/tracker.h>

/** One stream of audio. Confined to one thread at a time. */
typedef struct modellab_vad_session modellab_vad_session;
/** Immutable, reference counted. */
typedef struct modellab_vad_result modellab_vad_result;

/** Progress of a whole file: seconds done and in all, on the calling thread, after each two
 * seconds of audio. Return 0 to go on; anything else ends the call with E_CALLBACK. */
typedef int32_t (*modellab_vad_progress_fn)(void *user, double done_seconds, double total_seconds);

typedef struct modellab_vad_options {
    size_t size;               /**< sizeof(modellab_vad_options) */
    double threshold;          /**< speech begins at this probability; 0 = 0.5 */
    double neg_threshold;      /**< and may end below this; 0 = threshold - 0.15, at least 0.01 */
    int32_t min_speech_ms;     /**< shorter speech is none; 0 = 250; negative = any */
    int32_t min_silence_ms;    /**< shorter silence does not part; 0 = 100; negative = any */
    int32_t pad_ms;            /**< added on both sides; 0 = 30; negative = nothing */
    int32_t threads;           /**< 0 = 1 */
    double max_speech_seconds; /**< longer speech is cut, at its longest pause; 0 = no limit */
    modellab_vad_progress_fn progress;
    void *user;
    modellab_cancel *cancel;   /**< seen within 10 ms; the call ends with E_CANCELLED */
    modellab_tracker *tracker; /**< of modellab_vad_detect_file(): gets a span and audio seconds */
} modellab_vad_options;

#define MODELLAB_VAD_OPTIONS_INIT                                                                  \
    {                                                                                              \
        sizeof(modellab_vad_options), 0.0, 0.0, 0, 0, 0, 0, 0.0, NULL, NULL, NULL, NULL            \
    }

typedef struct modellab_speech_segment {
    size_t size;  /**< sizeof(modellab_speech_segment), set by the caller */
    double start; /**< seconds */
    double end;   /**< seconds, not beyond the audio */
} modellab_speech_segment;

MODELLAB_BEGIN_DECLS

/** Fills the struct like its INIT macro, for callers without macros. `size` is the caller's sizeof.
 * @threads any @since 0.1 */
MODELLAB_API void modellab_vad_options_init(modellab_vad_options *options, size_t size);

/** Makes a session with its own threads and scratch memory (about 3 MB).
 * @param options   borrowed for the call; cancel is kept (referenced). NULL = defaults
 * @param[out] out  new; modellab_vad_session_destroy()
 * @errors E_UNSUPPORTED_MODEL (no detector), E_INVALID_ARGUMENT, E_ABI_TOO_SMALL, E_NO_MEMORY
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_vad_session_create(modellab_model *model, const modellab_vad_options *options,
                            modellab_vad_session **out, modellab_error *err);
/** Frees it; NULL is accepted. @threads confined @since 0.1 */
MODELLAB_API void modellab_vad_session_destroy(modellab_vad_session *session);
/** Takes the next samples of the stream: mono, 16 kHz, f32 in -1..1, any number of them. After a
 * failure the stream is over: it begins anew with the next call.
 * @errors E_INVALID_AUDIO (NaN, beyond a million), E_CANCELLED, E_LIMIT (a day), E_NO_MEMORY
 * @threads confined @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_vad_feed(modellab_vad_session *session,
                                                                   const float *samples,
                                                                   size_t sample_count,
                                                                   modellab_error *err);
/** Probability of speech in the last whole step of 32 ms; -1 = there was none yet.
 * @threads confined @since 0.1 */
MODELLAB_API double modellab_vad_latest(const modellab_vad_session *session);
/** Ends the stream (its last step is filled up with zeros); the session begins anew.
 * @param[out] out  new; modellab_vad_result_unref()
 * @errors E_CANCELLED, E_NO_MEMORY @threads confined @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_vad_finish(modellab_vad_session *session,
                                                                     modellab_vad_result **out,
                                                                     modellab_error *err);

/** Decodes a file and looks through it with a session of its own. The file is decoded in this
 * process: for files that are not trusted submit a run instead.
 * @errors as modellab_audio_decode_file() and modellab_vad_session_create(), and E_CALLBACK
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_vad_detect_file(
    modellab_model *model, const char *path, const modellab_vad_options *options,
    modellab_vad_result **out, modellab_error *err);

/** Takes another reference; returns its argument. @threads any @since 0.1 */
MODELLAB_API modellab_vad_result *modellab_vad_result_ref(modellab_vad_result *result);
/** Gives a reference back; NULL is accepted. @threads any @since 0.1 */
MODELLAB_API void modellab_vad_result_unref(modellab_vad_result *result);
/** Seconds of audio. @threads any @since 0.1 */
MODELLAB_API double modellab_vad_result_duration(const modellab_vad_result *result);
/** Segments of speech, in order, without overlap. @threads any @since 0.1 */
MODELLAB_API size_t modellab_vad_result_count(const modellab_vad_result *result);
/** @errors E_NOT_FOUND (index), E_ABI_TOO_SMALL @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_vad_result_at(const modellab_vad_result *result, size_t index,
                       modellab_speech_segment *out, modellab_error *err);
/** The probabilities, one for each 32 ms (512 samples) from 0 on; borrowed from the result.
 * @param[out] count  how many; NULL is accepted @threads any @since 0.1 */
MODELLAB_API const float *modellab_vad_result_probabilities(const modellab_vad_result *result,
                                                            size_t *count);

MODELLAB_END_DECLS
#endif
