/* Turns of speakers as text (RTTM, JSON), and joined with a transcript: who said what. Pure
 * functions. */
#ifndef MLI_TEXT_TURNS_H
#define MLI_TEXT_TURNS_H

#include "base/buf.h"
#include "base/cancel.h"
#include "text/transcript.h"

/* Seconds; start <= end. */
typedef struct mli_text_turn {
    double start, end;
    const char *speaker; /* not NULL */
} mli_text_turn;

/* Appends a line `SPEAKER file 1 start duration <NA> <NA> speaker <NA> <NA>` a turn. Times are
 * rounded once, to ms; spaces in names become '_'. `name` is the audio's (its folder and extension
 * are left out; NULL = "audio"). */
void mli_turns_rttm(const mli_text_turn *turns, size_t count, const char *name, mli_buf *out);
/* A speaker; `known` and `score` (cosine with the nearest known voice) where there are known ones.
 */
typedef struct mli_text_speaker {
    const char *name;
    bool known;
    double score;
} mli_text_speaker;
/* Appends {"duration", "speakers": [{"name", "seconds"}], "turns": [{"start", "end", "speaker"}]};
 * with_known: speakers have "known" and "score", too. `speakers` are in order. */
void mli_turns_json(const mli_text_turn *turns, size_t count, const mli_text_speaker *speakers,
                    size_t speaker_count, bool with_known, double duration, mli_buf *out);

/* A new transcript with speakers. A word's speaker is the one who speaks longest during it (of two
 * alike the one who began first); a word outside of all turns goes to the nearest turn, and says so
 * (speaker_nearest). Segments are cut where the speaker changes; what is cut loses its tokens. A
 * segment without words gets its speaker as a whole. Turns are in order of start; none: nobody gets
 * a speaker. */
MODELLAB_MUST_CHECK modellab_status mli_who_said_what(const mli_transcript *t,
                                                      const mli_text_turn *turns, size_t count,
                                                      const mli_cancel_word *cancel,
                                                      mli_transcript **out, modellab_error *err);

#endif
