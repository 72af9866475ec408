/* Passes over a text, for whisper.c: each reads one buffer (UTF-8 in lower case) and writes
 * another. */
#ifndef MLI_SCORE_WHISPER_PASSES_H
#define MLI_SCORE_WHISPER_PASSES_H

#include "base/buf.h"
#include "score/look.h"

typedef struct mli_pass_rule {
    const char *from, *to;
    bool begins; /* at the border of a word; all end at one */
} mli_pass_rule;

/* Two buffers that take turns: what a pass wrote is what the next one reads. */
typedef struct mli_pass_turns {
    mli_buf a, b;           /* read, write */
    modellab_status status; /* the first failure of any pass */
    mli_score_look look;
} mli_pass_turns;

/* Lower case, and notes left out. */
void mli_pass_begin(mli_pass_turns *t, const char *text, size_t bytes,
                    const mli_cancel_word *cancel, const modellab_allocator *alloc);
void mli_pass_next(mli_pass_turns *t);
/* Frees both; a failure, E_CANCELLED too, becomes that of `out`. */
void mli_pass_end(mli_pass_turns *t, mli_buf *out);

/* The code point at `at`; U+FFFD and one byte for what is no UTF-8. Returns its length. */
size_t mli_pass_decode(const char *text, size_t bytes, size_t at, uint32_t *c);
void mli_pass_put(mli_buf *out, uint32_t c);
void mli_pass_replace(const mli_buf *t, const mli_pass_rule *r, mli_score_look *look, mli_buf *out);
/* White space before an apostrophe goes. */
void mli_pass_join_apostrophes(const mli_buf *t, mli_score_look *look, mli_buf *out);
/* 1,000 becomes 1000, and a point that no digit follows a space. */
void mli_pass_punctuate(const mli_buf *t, mli_buf *commas, mli_score_look *look, mli_buf *out);
/* No diacritics, spaces for other symbols than those of numbers. */
void mli_pass_drop_symbols(const mli_buf *t, mli_score_look *look, mli_buf *out);
/* Words with one space between them. */
void mli_pass_tidy(const mli_buf *t, mli_score_look *look, mli_buf *out);

#endif
