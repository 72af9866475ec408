/* Scores of results against references: words (WER, CER, with speakers: cpWER), speakers (DER, JER,
 * purity, coverage), speech detection, word times. The numbers are those of jiwer and
 * pyannote.metrics. Pure computation: no lab, no model, no files. @since 0.1
 *
 * Example: examples/c/score.c */
#ifndef MODELLAB_SCORE_H
#define MODELLAB_SCORE_H

#include <modellab/types.h>

/** A file to score, read: a text, a transcript, or labels. Immutable. */
typedef struct modellab_score_document modellab_score_document;
/** One metric over one or more pairs. Confined to one thread at a time. */
typedef struct modellab_score modellab_score;

typedef int32_t modellab_score_metric;
enum {
    MODELLAB_SCORE_WER = 1,   /**< word error rate; also MER, WIL, WIP */
    MODELLAB_SCORE_CER = 2,   /**< character error rate, of words separated by one space */
    MODELLAB_SCORE_DER = 3,   /**< diarization error rate */
    MODELLAB_SCORE_JER = 4,   /**< Jaccard error rate */
    MODELLAB_SCORE_VAD = 5,   /**< detection error rate: speech or not */
    MODELLAB_SCORE_TIMES = 6, /**< how far the borders of right words are off */
    MODELLAB_SCORE_CPWER = 7  /**< word error rate with speakers: each speaker's words in a row, the
                                 pairing of speakers with the fewest errors */
};

/** What texts may differ in without being wrong. */
typedef int32_t modellab_score_normalizer;
enum {
    MODELLAB_NORMALIZER_NONE = 0,   /**< words are what white space separates */
    MODELLAB_NORMALIZER_SIMPLE = 1, /**< lower case; notes in brackets and punctuation left out */
    MODELLAB_NORMALIZER_BASIC = 2,  /**< Whisper's for all languages */
    MODELLAB_NORMALIZER_ENGLISH = 3 /**< Whisper's for English: numbers in digits, contractions
                                       written out, American spelling */
};

typedef struct modellab_score_options {
    size_t size;                          /**< sizeof(modellab_score_options) */
    modellab_score_metric metric;         /**< 0 = WER */
    modellab_score_normalizer normalizer; /**< WER, CER, CPWER, TIMES */
    int32_t
        skip_overlap;  /**< DER, JER, VAD: 1 = time with two or more reference turns is left out */
    int32_t alignment; /**< WER: 1 = keep what became of each word, for the JSON */
    double collar_seconds;   /**< DER, JER, VAD: not scored around each border of a reference turn,
                                half   on each side; TIMES: what counts as right */
    uint64_t seed;           /**< of the intervals: equal seeds give equal intervals */
    modellab_cancel *cancel; /**< referenced; seen within 10 ms */
    const modellab_allocator *allocator; /**< NULL = C heap */
} modellab_score_options;

#define MODELLAB_SCORE_OPTIONS_INIT                                                                \
    {                                                                                              \
        sizeof(modellab_score_options), 0, 0, 0, 0, 0.0, 0, NULL, NULL                             \
    }

/** Whether two systems differ on the same references: matched pairs of segments that are bounded by
 * two words that both have right (MAPSSWE), and the same by approximate randomisation. */
typedef struct modellab_score_difference {
    size_t size;       /**< sizeof(modellab_score_difference), set by the caller */
    int64_t segments;  /**< in which one of them has an error */
    double difference; /**< mean errors of a - b in them */
    double z;          /**< NaN where all segments differ alike */
    double p;          /**< two-sided: how probable is such a difference by chance */
    double p_random;
} modellab_score_difference;

MODELLAB_BEGIN_DECLS

/** Fills the struct like its INIT macro. @threads any @since 0.1 */
MODELLAB_API void modellab_score_options_init(modellab_score_options *options, size_t size);
/** "wer", "cer", "der", "jer", "vad", "times", "cpwer"; 0 when unknown. @threads any @since 0.1 */
MODELLAB_API modellab_score_metric modellab_score_metric_from_name(const char *name);
/** "none", "simple", "basic", "english"; -1 when unknown. @threads any @since 0.1 */
MODELLAB_API modellab_score_normalizer modellab_score_normalizer_from_name(const char *name);

/** Reads a file that is in memory: txt, json (verbose_json or {"text": ...}), srt, vtt, tsv, ctm,
 * stm, rttm, uem.
 * @param name  of the file, for its extension; without one that is known the text tells. May be
 * NULL
 * @param[out] out  new; modellab_score_document_destroy()
 * @errors E_SCHEMA (detail = line), E_INVALID_JSON, E_LIMIT (64 MiB), E_NO_MEMORY
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_score_document_read(
    const char *name, const char *data, size_t bytes, const modellab_allocator *allocator,
    modellab_score_document **out, modellab_error *err);
/** Frees it; NULL is accepted. @threads any @since 0.1 */
MODELLAB_API void modellab_score_document_destroy(modellab_score_document *document);
/** "srt" and so on; static. NULL for NULL. @threads any @since 0.1 */
MODELLAB_API const char *modellab_score_document_format(const modellab_score_document *document);
/** What was said; "" for RTTM and UEM. Borrowed from the document. @threads any @since 0.1 */
MODELLAB_API const char *modellab_score_document_text(const modellab_score_document *document);

/** @param[out] out new; modellab_score_destroy() @errors E_INVALID_ARGUMENT, E_ABI_TOO_SMALL,
 * E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_score_create(
    const modellab_score_options *options, modellab_score **out, modellab_error *err);
/** Frees it; NULL is accepted. @threads confined @since 0.1 */
MODELLAB_API void modellab_score_destroy(modellab_score *score);
/** Scores a further pair of files. Label files may hold several recordings: they are matched by
 * their names, unless each file has one. After a failure the score is as it was before.
 * @param name  for the result; NULL = ""
 * @param uem   what is scored (DER, JER, VAD); NULL = everything
 * @errors E_UNSUPPORTED (a file lacks what the metric needs), E_LIMIT (4,000,000 words, 1,000
 * speakers), E_CANCELLED, E_INVALID_ARGUMENT, E_NO_MEMORY @threads confined @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_score_add(
    modellab_score *score, const char *name, const modellab_score_document *reference,
    const modellab_score_document *hypothesis, const modellab_score_document *uem,
    modellab_error *err);
/** Scores a further pair of texts (WER, CER), for example of a sentence each.
 * @errors as modellab_score_add() @threads confined @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_score_add_text(modellab_score *score,
                                                                         const char *name,
                                                                         const char *reference,
                                                                         const char *hypothesis,
                                                                         modellab_error *err);
/** One value of all pairs together (rates are those of the sums): the metric's own name, "" = its
 * headline, or another key of the JSON, such as "substitutions" or "confusion_seconds".
 * @errors E_NOT_FOUND, E_INVALID_ARGUMENT @threads confined @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_score_value(const modellab_score *score,
                                                                      const char *name, double *out,
                                                                      modellab_error *err);
/** Everything as one JSON object: metric, values, `interval` (bootstrap over ten or more files, for
 * WER else over pieces of the text), `files`, and `alignment` where it was asked for.
 * @param[out] out new @errors E_CANCELLED, E_NO_MEMORY @threads confined @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_score_to_json(const modellab_score *score,
                                                                        modellab_buffer **out,
                                                                        modellab_error *err);
/** Compares two scores (WER) of the same references, added in the same order.
 * @errors E_INVALID_ARGUMENT, E_ABI_TOO_SMALL, E_CANCELLED, E_NO_MEMORY
 * @threads confined @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_score_compare(const modellab_score *a, const modellab_score *b,
                       modellab_score_difference *out, modellab_error *err);

MODELLAB_END_DECLS
#endif
