/* Speech synthesis: Piper voices (VITS), from phonemes to samples. A session is the state of one
 * use of a voice; sessions share the weights. Samples come while they are made, and are the same
 * bytes as without streaming, for any number of threads. @since 0.1
 *
 * Example: examples/c/tts.c */
#ifndef MODELLAB_TTS_H
#define MODELLAB_TTS_H

#include <modellab/model.h>
#include <modellab/tracker.h>

/** Confined to one thread at a time. */
typedef struct modellab_tts_session modellab_tts_session;
/** Immutable, reference counted. */
typedef struct modellab_tts_result modellab_tts_result;

/** The next samples (-1 .. 1, mono, at the output rate), borrowed for the call, on the calling
 * thread. Return 0 to go on; anything else ends the call with E_CALLBACK. Re-entry into the same
 * session is refused with E_BUSY. */
typedef int32_t (*modellab_tts_chunk_fn)(void *user, const float *samples, size_t sample_count);
/** Seconds of audio made and in all, on the calling thread, after each piece. Same rules. */
typedef int32_t (*modellab_tts_progress_fn)(void *user, double done_seconds, double total_seconds);

typedef struct modellab_tts_options {
    size_t size;            /**< sizeof(modellab_tts_options) */
    double speed;           /**< 0 = 1; 2 = twice as fast; 0.1 .. 10 */
    double noise;           /**< variation of the voice; 0 = the voice's own, negative = none */
    double noise_w;         /**< variation of the durations; likewise */
    uint64_t seed;          /**< of both: the same seed gives the same bytes */
    int32_t speaker;        /**< of voices with several: 0 .. */
    int32_t threads;        /**< 0 = CPUs that this process may use */
    int32_t output_rate_hz; /**< 0 = the voice's; 4,000 .. 192,000 */
    int32_t normalize;      /**< 1 = the loudest sample of each utterance becomes 1, as Piper's own
                               programs do; not with `chunk`: the loudest is known at the end;
                               nor for modellab_tts_speak_text(), which makes text as it goes */
    modellab_tts_chunk_fn chunk; /**< set: results hold times, no samples */
    modellab_tts_progress_fn progress;
    void *user;                /**< for both callbacks */
    modellab_cancel *cancel;   /**< seen within 10 ms; the call ends with E_CANCELLED */
    modellab_tracker *tracker; /**< gets a span and audio seconds for each utterance */
} modellab_tts_options;

#define MODELLAB_TTS_OPTIONS_INIT                                                                  \
    {                                                                                              \
        sizeof(modellab_tts_options), 0.0, 0.0, 0.0, 0, 0, 0, 0, 0, NULL, NULL, NULL, NULL, NULL   \
    }

/** Ids that belong together: a word. */
typedef struct modellab_tts_span {
    int32_t first, count;
} modellab_tts_span;

typedef struct modellab_tts_result_info {
    size_t size; /**< sizeof(modellab_tts_result_info), set by the caller */
    int32_t rate_hz;
    int32_t phonemes; /**< ids, pads between them included */
    int32_t words;    /**< spans that were given */
    int32_t skipped;  /**< symbols of the IPA that the voice does not know */
    int32_t cut;      /**< ids whose duration was cut to 1,024 frames */
    int32_t reserved;
    double duration; /**< seconds */
    /* of modellab_tts_speak_text(); else 0 */
    int32_t utterances;
    int32_t unsaid;       /**< characters without a word: other scripts, pictures, bad bytes */
    int32_t from_lexicon; /**< spoken words that the dictionary has */
    int32_t from_parts;   /**< inflections and compounds of its words */
    int32_t from_letters; /**< by letter-to-sound rules */
    int32_t reserved2;    /**< 0 */
} modellab_tts_result_info;

/** When something is heard. */
typedef struct modellab_tts_time {
    size_t size; /**< sizeof(modellab_tts_time), set by the caller */
    int32_t id;  /**< of a phoneme; of a word its first one */
    int32_t reserved;
    double start, end; /**< seconds */
} modellab_tts_time;

/** A pronunciation from elsewhere: `text` holds clauses of spoken words (numbers and abbreviations
 * written out), each ended by a newline; write their IPA, as espeak-ng would, a line each with
 * spaces between words, and a NUL to `ipa`. *needed = bytes with the NUL; when that is more than
 * `capacity`, the call comes once more with room. Return 0; anything else ends the work with
 * E_CALLBACK. */
typedef int32_t (*modellab_g2p_fn)(void *user, const char *text, char *ipa, size_t capacity,
                                   size_t *needed);

/** One of lexicon, g2p, g2p_program, is_ipa and is_ids says how words are pronounced. */
typedef struct modellab_tts_text_options {
    size_t size;             /**< sizeof(modellab_tts_text_options) */
    modellab_model *lexicon; /**< a dictionary, as modellab_model_open("cmudict") gives it;
                                  words that it lacks are read by letter-to-sound rules */
    modellab_g2p_fn g2p;     /**< called on this thread, for many sentences at once */
    void *g2p_user;
    int32_t is_ipa;             /**< 1: the text is IPA, a line an utterance */
    int32_t sentence_pause_ms;  /**< silence between sentences; 0 = 150; negative = none */
    int32_t paragraph_pause_ms; /**< 0 = 500; negative = none */
    int32_t is_ids;             /**< 1: the text is phoneme ids in decimal, a line an utterance, as
                                     modellab_tts_speak_ids() wants them */
    const char *output_path;    /**< file for the audio, written whole or not at all; NULL = none */
    const char *output_format;  /**< "wav", "flac", "ogg", "opus", "mp3", "wav_f32"; NULL = by the
                                     ending of output_path */
    const char *g2p_program;    /**< your own espeak-ng: its path, or a name that PATH knows; "" =
                                     MODEL_LAB_ESPEAK_NG, else espeak-ng. It is started for many
                                     sentences at once, ended after 60 s or with a cancel, and is a
                                     program of its own: nothing of it is part of the library */
} modellab_tts_text_options;

#define MODELLAB_TTS_TEXT_OPTIONS_INIT                                                             \
    {                                                                                              \
        sizeof(modellab_tts_text_options), NULL, NULL, NULL, 0, 0, 0, 0, NULL, NULL, NULL          \
    }

/** A word of the caller's text and when it is heard. */
typedef struct modellab_tts_text_word {
    size_t size; /**< sizeof(modellab_tts_text_word), set by the caller */
    size_t from, bytes;
    double start, end; /**< seconds */
} modellab_tts_text_word;

/** A symbol of the IPA (modellab_tts_result_ipa) and when it is heard. */
typedef struct modellab_tts_symbol {
    size_t size; /**< sizeof(modellab_tts_symbol), set by the caller */
    size_t at, bytes;
    double start, end; /**< seconds */
} modellab_tts_symbol;

MODELLAB_BEGIN_DECLS

/** Fills the struct like its INIT macro, for callers without macros. `size` is the caller's sizeof.
 * @threads any @since 0.1 */
MODELLAB_API void modellab_tts_options_init(modellab_tts_options *options, size_t size);

/** Makes a session with its own threads and scratch memory (some 20 MB).
 * @param options   borrowed for the call; cancel and tracker are kept (referenced). NULL = defaults
 * @param[out] out  new; modellab_tts_session_destroy()
 * @errors E_UNSUPPORTED_MODEL (no voice), E_INVALID_ARGUMENT, E_ABI_TOO_SMALL, E_NO_MEMORY
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_tts_session_create(modellab_model *model, const modellab_tts_options *options,
                            modellab_tts_session **out, modellab_error *err);
/** Frees it; NULL is accepted. @threads confined @since 0.1 */
MODELLAB_API void modellab_tts_session_destroy(modellab_tts_session *session);

/** Speaks one utterance of phoneme ids, as the voice was trained on them (for Piper: begin, each
 * phoneme with a pad before it, pad, end). Each utterance of a session draws other random numbers;
 * a new session with the same seed begins anew.
 * @param ids         at most 4,096; more is better spoken sentence by sentence
 * @param words       spans whose times are wanted, in order; NULL with 0
 * @param[out] out    new; modellab_tts_result_unref(). NULL is accepted with a chunk callback
 * @errors E_INVALID_ARGUMENT (an id, a span), E_LIMIT, E_CANCELLED, E_CALLBACK, E_BUSY,
 *         E_INVALID_MODEL (weights that give no numbers), E_NO_MEMORY
 * @threads confined @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_tts_speak_ids(modellab_tts_session *session, const int32_t *ids, size_t id_count,
                       const modellab_tts_span *words, size_t word_count, modellab_tts_result **out,
                       modellab_error *err);
/** Speaks one utterance of IPA as espeak-ng writes it. Each code point is looked up in the voice's
 * table; pads, begin and end are added; words are what spaces part. What the voice does not know is
 * left out and counted.
 * @errors as above; E_INVALID_ARGUMENT when nothing is left, or for bad UTF-8
 * @threads confined @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_tts_speak_ipa(
    modellab_tts_session *session, const char *ipa, modellab_tts_result **out, modellab_error *err);

/** Fills the struct like its INIT macro, for callers without macros. `size` is the caller's sizeof.
 * @threads any @since 0.1 */
MODELLAB_API void modellab_tts_text_options_init(modellab_tts_text_options *options, size_t size);
/** Speaks English text, sentence by sentence: numbers, dates, money, abbreviations, addresses and
 * so on are said in words. The audio goes to the session's chunk callback and to output_path as it
 * is made; with neither it is kept in the result. Without `out` memory does not grow with the text.
 * @param text        UTF-8, at most 1 MiB; bytes that are none are left out and counted
 * @param options     borrowed for the call
 * @param[out] out    new; modellab_tts_result_unref(); NULL is accepted with a callback or an
 * output
 * @errors as modellab_tts_speak_ids(); E_INVALID_ARGUMENT (nothing to be said; IPA with a symbol
 *         that the voice lacks or what is no id, detail = its offset), E_LIMIT (text), E_NO_SPACE,
 *         E_IO (also: the program failed, with what it said), E_NOT_FOUND (the program)
 * @threads confined @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_tts_speak_text(
    modellab_tts_session *session, const char *text, size_t bytes,
    const modellab_tts_text_options *options, modellab_tts_result **out, modellab_error *err);

/** Takes another reference; returns its argument. @threads any @since 0.1 */
MODELLAB_API modellab_tts_result *modellab_tts_result_ref(modellab_tts_result *result);
/** Gives a reference back; NULL is accepted. @threads any @since 0.1 */
MODELLAB_API void modellab_tts_result_unref(modellab_tts_result *result);
/** @errors E_ABI_TOO_SMALL @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_tts_result_get_info(
    const modellab_tts_result *result, modellab_tts_result_info *out, modellab_error *err);
/** Samples in -1 .. 1, borrowed from the result; NULL when they went to a callback.
 * @param[out] count  how many; NULL is accepted @threads any @since 0.1 */
MODELLAB_API const float *modellab_tts_result_samples(const modellab_tts_result *result,
                                                      size_t *count);
/** When phoneme id `index` is heard. @errors E_NOT_FOUND (index), E_ABI_TOO_SMALL
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_tts_result_phoneme_at(
    const modellab_tts_result *result, size_t index, modellab_tts_time *out, modellab_error *err);
/** When word `index` is heard. @errors E_NOT_FOUND (index), E_ABI_TOO_SMALL
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_tts_result_word_at(
    const modellab_tts_result *result, size_t index, modellab_tts_time *out, modellab_error *err);

/** Word `index` of a text: its place in the caller's bytes, and its time.
 * @errors E_NOT_FOUND (index; no text), E_ABI_TOO_SMALL @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_tts_result_text_word_at(const modellab_tts_result *result, size_t index,
                                 modellab_tts_text_word *out, modellab_error *err);
/** What was said of a text, as IPA, an utterance a line; "" without a text. Borrowed from the
 * result. @threads any @since 0.1 */
MODELLAB_API const char *modellab_tts_result_ipa(const modellab_tts_result *result);
/** Symbols of that IPA. @threads any @since 0.1 */
MODELLAB_API size_t modellab_tts_result_symbol_count(const modellab_tts_result *result);
/** When symbol `index` is heard. @errors E_NOT_FOUND (index), E_ABI_TOO_SMALL
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_tts_result_symbol_at(
    const modellab_tts_result *result, size_t index, modellab_tts_symbol *out, modellab_error *err);

MODELLAB_END_DECLS
#endif
