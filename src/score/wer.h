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
/* sum += counts */
void mli_edit_counts_add(mli_edit_counts *sum, const mli_edit_counts *counts);
/* (substitutions + deletions + insertions) / reference length. An empty reference has rate 0 when
 * the hypothesis is empty too, else NaN: there is no such rate (the counts still say what
 * happened). */
double mli_edit_rate(const mli_edit_counts *counts);

#endif
