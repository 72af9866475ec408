/* Word times, second half: token times to words, punctuation joined to its word, and the
 * reference's repairs of implausibly long words. Pure functions of numbers and text. */
#ifndef MLI_SPEECH_WHISPER_WORDS_H
#define MLI_SPEECH_WHISPER_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A word of a window; text and tokens are ranges, empty once merged into a neighbour. Seconds from
 * the start of the window until mli_whisper_words_place, then from the start of the input. */
typedef struct mli_whisper_timing {
    size_t text, text_bytes;
    size_t first, count;
    double start, end, probability;
} mli_whisper_timing;

/* A segment of a window: a range of the window's tokens, and once placed of its words. */
typedef struct mli_whisper_piece {
    double start, end;
    size_t first, count;           /* of the window's tokens, timestamps included */
    size_t text_tokens;            /* how many of them are text */
    size_t first_word, word_count; /* of the placed words */
} mli_whisper_piece;

/* What the reference joins to the following and to the preceding word. */
extern const char *const mli_whisper_prepended;
extern const char *const mli_whisper_appended;

/* Cuts words at sentence borders to twice the median; returns the median duration (at most 0.7 s).
 */
double mli_whisper_words_trim(mli_whisper_timing *words, size_t count, const char *text);
void mli_whisper_words_merge(mli_whisper_timing *words, size_t count, const char *text,
                             const char *prepended, const char *appended);
/* Gives the words to the pieces in order, moves them by `offset` seconds (rounded to 10 ms),
 * repairs the first and last word of each piece and moves the piece's borders to its words. Merged
 * words are taken out; `words` is packed. Returns how many are left. `last_speech` is the end of
 * the last speech, updated. */
size_t mli_whisper_words_place(mli_whisper_timing *words, size_t count, mli_whisper_piece *pieces,
                               size_t piece_count, double offset, double median,
                               double *last_speech);
/* Words that are very short, very long or improbable make a segment suspicious (its first 8 words
 * beside punctuation). */
bool mli_whisper_words_suspicious(const mli_whisper_timing *words, size_t count, const char *text);

#endif
