/* One metric over one or more pairs of reference and hypothesis: sums, the rates of the sums, an
 * interval, and what each pair had. */
#ifndef MLI_SCORE_SCORER_H
#define MLI_SCORE_SCORER_H

#include "base/json.h"
#include "score/der.h"
#include "score/document.h"
#include "score/stats.h"
#include "score/wer.h"

/* Numbers as in <modellab/score.h>. */
typedef enum mli_score_metric {
    MLI_SCORE_WER = 1,
    MLI_SCORE_CER,
    MLI_SCORE_DER,
    MLI_SCORE_JER,
    MLI_SCORE_VAD,   /* detection error rate */
    MLI_SCORE_TIMES, /* how far words are off */
    MLI_SCORE_CPWER  /* words with their speakers: concatenated, best permutation */
} mli_score_metric;

typedef struct mli_scorer_options {
    mli_score_metric metric;
    mli_score_normalizer normalizer;
    int64_t collar; /* microseconds: DER, JER, VAD as in der.h; TIMES: the tolerance */
    bool skip_overlap;
    bool alignment; /* keep the words' steps (WER) */
    bool pool;      /* mli_scorer_write() also writes what mli_scorer_add_pool() reads */
    uint64_t seed;
    const modellab_allocator *alloc;
    const mli_cancel_word *cancel;
} mli_scorer_options;

typedef struct mli_score_value {
    const char *name;
    double value;
} mli_score_value;

enum { MLI_SCORE_MAX_VALUES = 24 };

/* One recording or text of a pair. */
typedef struct mli_score_file {
    char *name;
    mli_score_unit unit; /* errors and size of the headline rate */
} mli_score_file;

typedef struct mli_word_error {
    double start, end; /* seconds, absolute */
} mli_word_error;

typedef struct mli_scorer {
    mli_scorer_options o;
    mli_score_file *files;
    size_t file_count, file_capacity;
    mli_score_unit *pieces; /* WER: of some 20 words each */
    size_t piece_count, piece_capacity;
    uint32_t *word_errors; /* WER: errors at each word of the reference, for matched pairs */
    size_t word_count, word_capacity;
    mli_word_error *times;
    size_t time_count, time_capacity;
    mli_edit_counts counts;
    mli_der der;
    mli_buf alignment; /* JSON arrays, one a pair, separated by commas */
} mli_scorer;

void mli_scorer_init(mli_scorer *scorer, const mli_scorer_options *options);
void mli_scorer_dispose(mli_scorer *scorer);
/* A further pair. Recordings of label files are matched by their names, unless both files have one
 * recording. `uem` NULL = everything. After a failure all is as before. E_UNSUPPORTED (the files
 * lack what the metric needs), E_LIMIT, E_CANCELLED, E_NO_MEMORY. */
MODELLAB_MUST_CHECK modellab_status mli_scorer_add(mli_scorer *scorer, const char *name,
                                                   const mli_document *reference,
                                                   const mli_document *hypothesis,
                                                   const mli_document *uem, modellab_error *err);
/* The same for two texts. */
MODELLAB_MUST_CHECK modellab_status mli_scorer_add_text(
    mli_scorer *scorer, const char *name, const char *reference, size_t reference_bytes,
    const char *hypothesis, size_t hypothesis_bytes, modellab_error *err);
/* What came out; the first value is the headline. Returns how many. */
size_t mli_scorer_values(const mli_scorer *scorer, mli_score_value out[MLI_SCORE_MAX_VALUES]);
/* 95 % of the headline: by files when there are ten or more, for WER else by pieces of the text.
 * NaN when there are fewer than two units. `units` says how many there were. */
MODELLAB_MUST_CHECK modellab_status mli_scorer_interval(const mli_scorer *scorer,
                                                        mli_score_interval *out, size_t *units,
                                                        modellab_error *err);
/* Whether two hypotheses of the same references differ (WER). E_INVALID_ARGUMENT. */
MODELLAB_MUST_CHECK modellab_status mli_scorer_matched(const mli_scorer *a, const mli_scorer *b,
                                                       mli_matched_pairs *out, modellab_error *err);
/* One object: metric, values, interval, files, alignment. */
MODELLAB_MUST_CHECK modellab_status mli_scorer_write(const mli_scorer *scorer, mli_jw *out,
                                                     modellab_error *err);

/* The sums of WER, CER, DER, JER and VAD without any text, and what was written so as a further
 * pair of a scorer of the same metric: rates, interval and matched pairs are those of the pairs
 * themselves. E_INVALID_JSON (then all is as before), E_NO_MEMORY. */
void mli_scorer_write_pool(const mli_scorer *scorer, mli_jw *out);
MODELLAB_MUST_CHECK modellab_status mli_scorer_add_pool(mli_scorer *scorer, const char *name,
                                                        const mli_json *pool, modellab_error *err);

/* Between the files of the scorer. */
/* Back to what was there before a pair that failed. */
void mli_scorer_restore(mli_scorer *scorer, const mli_scorer *before);
MODELLAB_MUST_CHECK modellab_status mli_scorer_add_file(mli_scorer *scorer, const char *name,
                                                        double errors, double size,
                                                        modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_scorer_add_turns(mli_scorer *scorer, const char *name,
                                                         const mli_document *reference,
                                                         const mli_document *hypothesis,
                                                         const mli_document *uem,
                                                         modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_scorer_add_times(mli_scorer *scorer, const char *name,
                                                         const mli_document *reference,
                                                         const mli_document *hypothesis,
                                                         modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_scorer_add_speakers(mli_scorer *scorer, const char *name,
                                                            const mli_document *reference,
                                                            const mli_document *hypothesis,
                                                            modellab_error *err);
/* The array with room for one more item, moved or not. When memory is out: E_NO_MEMORY in `status`,
 * which is untouched otherwise, and the array as it was. */
MODELLAB_MUST_CHECK void *mli_scorer_room(const mli_scorer *scorer, void *items, size_t count,
                                          size_t *capacity, size_t size, modellab_status *status,
                                          modellab_error *err);

#endif
