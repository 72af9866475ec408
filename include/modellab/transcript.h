/* Transcripts: the immutable result of speech recognition, and the text formats it is written in.
 * @since 0.1
 *
 * Example: examples/c/transcript.c */
#ifndef MODELLAB_TRANSCRIPT_H
#define MODELLAB_TRANSCRIPT_H

#include <modellab/types.h>

/** Reference counted, immutable. */
typedef struct modellab_transcript modellab_transcript;

/** One segment. Times in seconds of the audio. Borrowed from the transcript. */
typedef struct modellab_segment {
    size_t size; /**< sizeof(modellab_segment), set by the caller */
    int32_t id;
    int32_t token_count;
    double start, end;
    const char *text;
    const int32_t *tokens;            /**< token_count ids */
    const float *token_probabilities; /**< token_count values, 0..1 */
    double temperature;
    double avg_logprob;
    double compression_ratio;
    double no_speech_prob;
    int64_t first_word; /**< index of its first word, -1 without word times */
    int64_t word_count;
    const char *speaker;        /**< NULL = not known */
    int32_t speaker_is_nearest; /**< 1: nobody spoke then, it is the nearest one */
    int32_t reserved;           /**< 0 */
} modellab_segment;

/** One word. Borrowed from the transcript. */
typedef struct modellab_word {
    size_t size; /**< sizeof(modellab_word), set by the caller */
    double start, end;
    const char *text; /**< with its leading space where the language has spaces */
    double probability;
    const char *speaker;        /**< NULL = not known */
    int32_t speaker_is_nearest; /**< 1: nobody spoke then, it is the nearest one */
    int32_t reserved;           /**< 0 */
} modellab_word;

/** Formats of modellab_transcript_write(). */
typedef int32_t modellab_transcript_format;
enum {
    MODELLAB_FORMAT_TXT = 1,
    MODELLAB_FORMAT_JSON = 2,         /**< {"text": ...} */
    MODELLAB_FORMAT_VERBOSE_JSON = 3, /**< segments and words as the OpenAI audio API has them */
    MODELLAB_FORMAT_SRT = 4,
    MODELLAB_FORMAT_VTT = 5,
    MODELLAB_FORMAT_TSV = 6,
    MODELLAB_FORMAT_CTM = 7,        /**< NIST, one word a line; needs word times */
    MODELLAB_FORMAT_TEXTGRID = 8,   /**< Praat: tiers "segments" and, with word times, "words" */
    MODELLAB_FORMAT_SRT_WORDS = 9,  /**< a cue for each word; needs word times */
    MODELLAB_FORMAT_VTT_WORDS = 10, /**< likewise */
    MODELLAB_FORMAT_DIARIZED_JSON =
        11,                   /**< segments with speakers, as the OpenAI audio API has it */
    MODELLAB_FORMAT_STM = 12, /**< NIST: file channel speaker start end text, a line a segment */
    MODELLAB_FORMAT_RTTM =
        13 /**< NIST: who spoke when; needs speakers. Segments of one that touch are one turn */
};

typedef struct modellab_transcript_info {
    size_t size;                 /**< sizeof(modellab_transcript_info), set by the caller */
    const char *language;        /**< code, for example "en"; borrowed */
    const char *task;            /**< transcribe or translate; borrowed */
    double language_probability; /**< 1 when it was given */
    double duration;             /**< seconds of audio */
    int64_t segment_count, word_count;
    int32_t has_word_times;
    int32_t is_partial; /**< 1: the work was cancelled; what is there is right */
} modellab_transcript_info;

/** Flags of modellab_search_options. */
enum {
    /** Accents count: "resume" does not find "résumé". */
    MODELLAB_SEARCH_ACCENTS = 1
};

/** How to search. Zero: the defaults. */
typedef struct modellab_search_options {
    size_t size;             /**< sizeof(modellab_search_options) */
    int32_t limit;           /**< 1..1000 matches that are told; 0 = 50 */
    int32_t context;         /**< 1..1000 characters before and after a match; 0 = 60 */
    int32_t flags;           /**< MODELLAB_SEARCH_* */
    int32_t reserved;        /**< 0 */
    modellab_cancel *cancel; /**< optional */
} modellab_search_options;

#define MODELLAB_SEARCH_OPTIONS_INIT                                                               \
    {                                                                                              \
        sizeof(modellab_search_options), 0, 0, 0, 0, NULL                                          \
    }

MODELLAB_BEGIN_DECLS

/** Fills the struct like its INIT macro. @threads any @since 0.1 */
MODELLAB_API void modellab_search_options_init(modellab_search_options *options, size_t size);

/** Takes another reference; returns its argument. @threads any @since 0.1 */
MODELLAB_API modellab_transcript *modellab_transcript_ref(modellab_transcript *transcript);
/** Gives a reference back; NULL is accepted. @threads any @since 0.1 */
MODELLAB_API void modellab_transcript_unref(modellab_transcript *transcript);
/** The whole text, trimmed. Borrowed. "" for NULL. @threads any @since 0.1 */
MODELLAB_API const char *modellab_transcript_text(const modellab_transcript *transcript);
/** @errors E_ABI_TOO_SMALL @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_transcript_get_info(
    const modellab_transcript *transcript, modellab_transcript_info *out, modellab_error *err);
/** Segments in order of time. @errors E_NOT_FOUND (index), E_ABI_TOO_SMALL @threads any @since 0.1
 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_transcript_segment_at(const modellab_transcript *transcript, int64_t index,
                               modellab_segment *out, modellab_error *err);
/** Words in order of time. @errors E_NOT_FOUND (index), E_ABI_TOO_SMALL @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_transcript_word_at(
    const modellab_transcript *transcript, int64_t index, modellab_word *out, modellab_error *err);

/** Finds what was said, as JSON: `query`, `count` (of all matches; they do not overlap) and
 * `items`: `segment` and `last_segment` (a match may cross their border), `start` and `end`
 * (seconds: of its words where their times are known, else of its segments), `offset` (characters
 * of the segment before it), `first_word` (null: not known) and `word_count`, `match` (as it
 * stands), `before` and `after` (within the segment), `text` and `speaker` of the segment. Of a
 * segment of more than 4,000 bytes `text` is what is around the match, from character `text_offset`
 * on, and `text_cut` is true. Case, accents, kinds of spaces, dashes and apostrophes do not count.
 * @param query     1..256 characters, UTF-8
 * @param options   NULL = defaults
 * @param[out] out  new; modellab_buffer_destroy()
 * @errors E_INVALID_ARGUMENT (the query), E_CANCELLED, E_ABI_TOO_SMALL, E_NO_MEMORY
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_transcript_search(
    const modellab_transcript *transcript, const char *query,
    const modellab_search_options *options, modellab_buffer **out, modellab_error *err);

/** Writes the transcript in a format. Times are rounded once, to milliseconds, half to even.
 * @param name      name of the audio for formats that carry one (CTM, STM, RTTM); NULL = "audio"
 * @param[out] out  new
 * @errors E_STATE (CTM without word times, DIARIZED_JSON and RTTM without speakers),
 * E_INVALID_ARGUMENT, E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_transcript_write(const modellab_transcript *transcript, modellab_transcript_format format,
                          const char *name, modellab_buffer **out, modellab_error *err);

/** Reads a transcript back from what the verbose_json format wrote (the "transcript.json"
 * artifact).
 * @param[out] out new @errors E_INVALID_JSON, E_SCHEMA, E_LIMIT, E_NO_MEMORY @threads any @since
 * 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_transcript_read_json(const char *json, size_t bytes, const modellab_allocator *allocator,
                              modellab_transcript **out, modellab_error *err);

/** Format of a name ("srt"); 0 when unknown. Name of a format; NULL when unknown. @threads any
 * @since 0.1 */
MODELLAB_API modellab_transcript_format modellab_transcript_format_from_name(const char *name);
/** Name for people and machines. Borrowed, static; NULL when unknown. @threads any @since 0.1 */
MODELLAB_API const char *modellab_transcript_format_name(modellab_transcript_format format);

MODELLAB_END_DECLS
#endif
