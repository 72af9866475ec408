/* Cuts text into sentences, as a reader would pause: abbreviations, initials, decimals, quotations
 * and ellipses do not end one. Pure; any bytes are accepted. */
#ifndef MLI_TEXT_SENTENCES_H
#define MLI_TEXT_SENTENCES_H

#include <stdbool.h>
#include <stddef.h>

#define MLI_SENTENCE_BYTES                                                                         \
    1000 /* a longer one is cut, at a pause or between words if it has any                         \
          */

typedef struct mli_sentences {
    const char *text;
    size_t bytes, at;
} mli_sentences;

typedef struct mli_sentence {
    size_t from, bytes; /* without the white space around it */
    bool cut;           /* goes on in the next one: it was too long */
    bool paragraph;     /* a blank line, or the end of the text, follows */
} mli_sentence;

/* The next sentence; false at the end. Together they hold every byte that is no white space. */
bool mli_sentence_next(mli_sentences *s, mli_sentence *out);

#endif
