/* Word and character error rates. Counts of several pairs may be added: a corpus rate is the rate
 * of the sums, not the mean of rates. */
#ifndef MLI_SCORE_WER_H
#define MLI_SCORE_WER_H

#include "score/edit.h"
#include "score/words.h"

typedef struct mli_wer_options {
    mli_score_normalizer normalizer;
    const modellab_allocator *alloc;
    const mli_cancel_word *cancel;
} mli_wer_options;

/* Counts of words and of characters (words joined by one space). Either pointer may be NULL. */
MODELLAB_MUST_CHECK modellab_status mli_wer_count(const char *reference, size_t reference_bytes,
                                                  const char *hypothesis, size_t hypothesis_bytes,
                                                  const mli_wer_options *options,
                                                  mli_edit_counts *words,
                                                  mli_edit_counts *characters, modellab_error *err);
/* The words of both texts and their alignment. */
typedef struct mli_wer_alignment {
    mli_buf reference, hypothesis; /* normalised: words separated by one space */
    mli_edit_path path;
} mli_wer_alignment;

/* `out` is to be disposed also after a failure. */
MODELLAB_MUST_CHECK modellab_status mli_wer_align(const char *reference, size_t reference_bytes,
                                                  const char *hypothesis, size_t hypothesis_bytes,
                                                  const mli_wer_options *options,
                                                  mli_wer_alignment *out, modellab_error *err);
void mli_wer_alignment_dispose(mli_wer_alignment *alignment);

/* One step of an alignment. Texts are borrowed from it, not terminated; NULL and index -1 on the
 * side that has no word. */
typedef struct mli_wer_step {
    mli_edit_kind kind;
    int64_t reference_index, hypothesis_index; /* of the word, from 0 */
    const char *reference, *hypothesis;
    size_t reference_bytes, hypothesis_bytes;
} mli_wer_step;

/* Zeroed before the first call. */
typedef struct mli_wer_cursor {
    size_t at, reference_at, hypothesis_at;
    int64_t reference_words, hypothesis_words;
} mli_wer_cursor;

/* The next step; false after the last. */
bool mli_wer_next(const mli_wer_alignment *alignment, mli_wer_cursor *cursor, mli_wer_step *out);

/* sum += counts */
void mli_edit_counts_add(mli_edit_counts *sum, const mli_edit_counts *counts);
/* (substitutions + deletions + insertions) / reference length. An empty reference has rate 0 when
 * the hypothesis is empty too, else NaN: there is no such rate (the counts still say what
 * happened). */
double mli_edit_rate(const mli_edit_counts *counts);

/* As jiwer has them: errors by reference words, errors by all steps, word information lost and
 * preserved. For an empty reference `wer` is the number of insertions, and the others say whether
 * the hypothesis is empty too. */
typedef struct mli_wer_rates {
    double wer, mer, wil, wip;
} mli_wer_rates;
mli_wer_rates mli_wer_rates_of(const mli_edit_counts *counts);

#endif
