/* The text normalisers with which the errors of Whisper are published: basic for any language, and
 * English with its numbers, contractions and spellings. Words come out separated by one space.
 * A set cancel word ends them with the status E_CANCELLED of `out`. */
#ifndef MLI_SCORE_WHISPER_H
#define MLI_SCORE_WHISPER_H

#include "base/buf.h"
#include "score/look.h"

typedef struct mli_spelling {
    const char *british, *american;
} mli_spelling;

extern const mli_spelling mli_spellings_1[], mli_spellings_2[];
extern const size_t mli_spellings_1_count, mli_spellings_2_count;

/* Lower case; [notes], <marks> and (remarks) left out; marks, symbols and punctuation separate. */
void mli_whisper_basic(const char *text, size_t bytes, const mli_cancel_word *cancel, mli_buf *out);
/* And: fillers left out, contractions written out, diacritics off, numbers in digits, American
 * spelling. */
void mli_whisper_english(const char *text, size_t bytes, const mli_cancel_word *cancel,
                         mli_buf *out);

/* Between the files: words (separated by white space) with numbers in digits. */
void mli_whisper_numbers(const char *text, size_t bytes, mli_score_look *look, mli_buf *out);

#endif
