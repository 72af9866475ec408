/* Preparing audio: trimming, loudness, channels, rate, speed, high pass, noise. Operators are
 * written `name(param=value, ...)`; modellab_enhance_operator_at() lists them with their
 * parameters, ranges and defaults. A chain of them is applied to samples or files of any rate and
 * up to 64 channels, in blocks, with memory that does not grow with the length. trim_silence,
 * normalize_loudness and normalize_volume must hear the audio before they change it: each makes it
 * be read once more.
 *
 * trim_silence and speed move time: modellab_enhancement_original_time() leads back. Results are
 * the same bytes for any sizes of blocks. @since 0.1
 *
 * Example: examples/c/enhance.c */
#ifndef MODELLAB_ENHANCE_H
#define MODELLAB_ENHANCE_H

#include <modellab/types.h>

/** What was done; immutable, reference counted. */
typedef struct modellab_enhancement modellab_enhancement;

/** Takes the result, block by block, on the calling thread. Return 0 to go on; anything else ends
 * the call with E_CALLBACK. */
typedef int32_t (*modellab_enhance_sink_fn)(void *user, const float *interleaved, size_t frames,
                                            int32_t channels, int32_t rate_hz);
/** Progress from 0 to 1 over all readings, on the calling thread. Return 0 to go on; anything else
 * ends the call with E_CALLBACK. */
typedef int32_t (*modellab_enhance_progress_fn)(void *user, double fraction);

typedef struct modellab_enhance_options {
    size_t size;                         /**< sizeof(modellab_enhance_options) */
    const modellab_allocator *allocator; /**< copied; NULL = C heap */
    modellab_cancel *cancel;             /**< seen within 10 ms; the call ends with E_CANCELLED */
    int64_t max_bytes;                   /**< of an input file; 0 = 4 GiB */
    int32_t allow_truncated;   /**< 1: take what can be decoded of a file that lost its end */
    int32_t reserved;          /**< 0 */
    const char *output_path;   /**< file to write the result to, whole or not at all; NULL = none */
    const char *output_format; /**< "wav", "flac", "ogg", "opus", "mp3", "wav_f32"; NULL = by the
                                    ending of output_path */
    modellab_enhance_sink_fn sink; /**< NULL = none */
    modellab_enhance_progress_fn progress;
    void *user; /**< for both callbacks */
} modellab_enhance_options;

#define MODELLAB_ENHANCE_OPTIONS_INIT                                                              \
    {                                                                                              \
        sizeof(modellab_enhance_options), NULL, NULL, 0, 0, 0, NULL, NULL, NULL, NULL, NULL        \
    }

/** Strings are borrowed from the enhancement. */
typedef struct modellab_enhancement_info {
    size_t size;         /**< sizeof(modellab_enhancement_info), set by the caller */
    int32_t channels_in; /**< of what came */
    int32_t rate_in_hz;
    int64_t frames_in;
    int32_t channels_out; /**< of the result */
    int32_t rate_out_hz;
    int64_t frames_out;
    int32_t passes;     /**< how often the audio was read */
    int32_t moves_time; /**< 1: times of the result are not those of the original */
} modellab_enhancement_info;

/** One operator of a chain and what it found. Strings are borrowed from the enhancement. */
typedef struct modellab_enhancement_step {
    size_t size;      /**< sizeof(modellab_enhancement_step), set by the caller */
    const char *text; /**< canonical: all parameters in fixed order */
    const char *json; /**< the same as {"op": name, ...} with what was measured as "found" */
} modellab_enhancement_step;

/** One parameter of an operator. Strings are static. */
typedef struct modellab_enhance_param {
    size_t size; /**< sizeof(modellab_enhance_param), set by the caller */
    const char *name;
    const char *unit;    /**< "ms", "dB", ...; "" = none */
    const char *text;    /**< one line */
    const char *choices; /**< words in place of numbers, "peak|rms"; "" = a number */
    double least;        /**< of numbers */
    double most;
    double standard;  /**< default; of words the index */
    int32_t is_whole; /**< integers only */
    int32_t reserved; /**< 0 */
} modellab_enhance_param;

/** One operator. Strings are static. */
typedef struct modellab_enhance_operator {
    size_t size; /**< sizeof(modellab_enhance_operator), set by the caller */
    const char *name;
    const char *text; /**< one or two sentences */
    int32_t param_count;
    int32_t two_passes; /**< 1: makes the audio before it be read once more */
    int32_t moves_time; /**< 1: times of the result are not those of the original */
    int32_t reserved;   /**< 0 */
} modellab_enhance_operator;

MODELLAB_BEGIN_DECLS

/** Number of operators. @threads any @since 0.1 */
MODELLAB_API size_t modellab_enhance_operator_count(void);
/** Operators in the order of their names. @errors E_NOT_FOUND (index), E_ABI_TOO_SMALL
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_enhance_operator_at(size_t index, modellab_enhance_operator *out, modellab_error *err);
/** Parameter `param` of operator `index`. @errors E_NOT_FOUND, E_ABI_TOO_SMALL @threads any
 * @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_enhance_param_at(
    size_t index, size_t param, modellab_enhance_param *out, modellab_error *err);
/** Reads one operator and writes it in its canonical form.
 * @param dst     the caller's; NULL with capacity 0 to ask for the size
 * @param needed  bytes with the NUL; NULL is accepted
 * @errors E_INVALID_ARGUMENT (detail is the byte of the mistake; the message says what is allowed),
 * E_BUFFER_TOO_SMALL @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_enhance_check(const char *op, char *dst,
                                                                        size_t capacity,
                                                                        size_t *needed,
                                                                        modellab_error *err);

/** Fills the struct like its INIT macro, for callers without macros. `size` is the caller's sizeof.
 * @threads any @since 0.1 */
MODELLAB_API void modellab_enhance_options_init(modellab_enhance_options *options, size_t size);

/** Applies `ops`, in order, to a file. The file is decoded in this process: for files that are not
 * trusted submit a run instead.
 * @param ops       texts of operators; NULL with count 0 (the audio is only copied)
 * @param count     at most 16
 * @param options   NULL = defaults: nothing is written, only measured
 * @param[out] out  new; modellab_enhancement_unref()
 * @errors as modellab_audio_decode_file(), E_INVALID_ARGUMENT (an operator, or one that does not
 * fit the audio; an output format that cannot hold it), E_UNSUPPORTED, E_NO_SPACE, E_CALLBACK
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_enhance_file(
    const char *path, const char *const *ops, size_t count, const modellab_enhance_options *options,
    modellab_enhancement **out, modellab_error *err);
/** The same for interleaved samples of any rate (1-768 kHz) and 1-64 channels.
 * @param[out] out  new @errors as modellab_enhance_file(), E_INVALID_AUDIO (detail = frame)
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_enhance_samples(
    const float *samples, size_t frames, int32_t channels, int32_t rate_hz, const char *const *ops,
    size_t count, const modellab_enhance_options *options, modellab_enhancement **out,
    modellab_error *err);

/** Takes another reference; returns its argument. @threads any @since 0.1 */
MODELLAB_API modellab_enhancement *modellab_enhancement_ref(modellab_enhancement *enhancement);
/** Gives a reference back; NULL is accepted. @threads any @since 0.1 */
MODELLAB_API void modellab_enhancement_unref(modellab_enhancement *enhancement);
/** @errors E_INVALID_ARGUMENT, E_ABI_TOO_SMALL @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_enhancement_get_info(
    const modellab_enhancement *enhancement, modellab_enhancement_info *out, modellab_error *err);
/** Operators of the chain. @threads any @since 0.1 */
MODELLAB_API size_t modellab_enhancement_count(const modellab_enhancement *enhancement);
/** @errors E_NOT_FOUND (index), E_ABI_TOO_SMALL @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_enhancement_step_at(const modellab_enhancement *enhancement, size_t index,
                             modellab_enhancement_step *out, modellab_error *err);
/** Where a moment of the result lay in the original, seconds. At a cut there are two such places:
 * with `is_end` 1 the one before it, so that the end of something stays with it.
 * @threads any @since 0.1 */
MODELLAB_API double modellab_enhancement_original_time(const modellab_enhancement *enhancement,
                                                       double seconds, int32_t is_end);

MODELLAB_END_DECLS
#endif
