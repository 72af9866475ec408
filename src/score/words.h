/* Texts as sequences of numbers: equal words (or characters) of all texts of one vocabulary get
 * equal numbers. */
#ifndef MLI_SCORE_WORDS_H
#define MLI_SCORE_WORDS_H

#include "base/buf.h"
#include "base/cancel.h"

typedef enum mli_score_normalizer {
    MLI_SCORE_AS_IS = 0, /* words are what white space separates */
    /* Lower case; [notes], <marks> and (remarks) left out; punctuation and symbols separate words,
     * but an apostrophe between letters stays, and the comma or point between digits (1,000 =
     * 1000; 3.5). Numbers stay as they are written. */
    MLI_SCORE_SIMPLE = 1,
    MLI_SCORE_BASIC = 2,  /* as Whisper's errors are published for other languages: whisper.h */
    MLI_SCORE_ENGLISH = 3 /* and for English */
} mli_score_normalizer;

/* Appends the words, separated by one space. Failures, E_CANCELLED too, are the status of `out`. */
void mli_score_normalize(const char *text, size_t bytes, mli_score_normalizer normalizer,
                         const mli_cancel_word *cancel, mli_buf *out);

typedef struct mli_score_vocabulary mli_score_vocabulary;

MODELLAB_MUST_CHECK modellab_status mli_score_vocabulary_create(const modellab_allocator *alloc,
                                                                mli_score_vocabulary **out,
                                                                modellab_error *err);
void mli_score_vocabulary_destroy(mli_score_vocabulary *vocabulary);

typedef struct mli_score_ids {
    uint32_t *ids; /* freed with mli_free(alloc, ids) */
    size_t count;
} mli_score_ids;

/* Numbers of the words of a text (separated by spaces). */
MODELLAB_MUST_CHECK modellab_status mli_score_words(mli_score_vocabulary *vocabulary,
                                                    const char *text, size_t bytes,
                                                    mli_score_ids *out, modellab_error *err);
/* Code points, spaces included; bytes that are not UTF-8 count as themselves. */
MODELLAB_MUST_CHECK modellab_status mli_score_characters(const modellab_allocator *alloc,
                                                         const char *text, size_t bytes,
                                                         mli_score_ids *out, modellab_error *err);

#endif
