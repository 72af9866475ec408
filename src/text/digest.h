/* Extracts of a transcript without any model: chapters (TextTiling), the most telling sentences
 * (LexRank), commitments and requests (English). Deterministic: the same transcript gives the same
 * bytes. Time and memory are bounded by its length. */
#ifndef MLI_TEXT_DIGEST_H
#define MLI_TEXT_DIGEST_H

#include "base/cancel.h"
#include "text/transcript.h"

typedef struct mli_digest mli_digest; /* the transcript as sentences and terms */

typedef struct mli_digest_sentence {
    double start, end;
    const char *text;
    const char *speaker;           /* NULL = unknown */
    size_t first_term, term_count; /* in the sequence of all terms */
} mli_digest_sentence;

/* Keeps a reference to the transcript. E_CANCELLED, E_NO_MEMORY. */
MODELLAB_MUST_CHECK modellab_status mli_digest_create(mli_transcript *transcript,
                                                      const mli_cancel_word *cancel,
                                                      mli_digest **out, modellab_error *err);
void mli_digest_destroy(mli_digest *digest);
size_t mli_digest_sentence_count(const mli_digest *digest);
const mli_digest_sentence *mli_digest_sentence_at(const mli_digest *digest, size_t index);

/* digest_rank.c: at most `most` sentences, in order of time, none saying what another one says.
 * `picks` has room for them; *count of them are set. */
typedef struct mli_digest_pick {
    size_t sentence;
    double score; /* 1 = the highest */
} mli_digest_pick;
MODELLAB_MUST_CHECK modellab_status mli_digest_rank(const mli_digest *digest, size_t most,
                                                    const mli_cancel_word *cancel,
                                                    mli_digest_pick *picks, size_t *count,
                                                    modellab_error *err);

/* digest_tiles.c: where the subject changes. Chapters tile the transcript from its first sentence
 * to its last. */
enum { MLI_DIGEST_KEYWORDS = 5 };
typedef struct mli_digest_chapter {
    size_t first, count;                       /* sentences */
    const char *keywords[MLI_DIGEST_KEYWORDS]; /* the most telling first; NULL = no more */
} mli_digest_chapter;
/* `*out` new, mli_free() with the transcript's allocator. */
MODELLAB_MUST_CHECK modellab_status mli_digest_chapters(const mli_digest *digest,
                                                        double min_seconds,
                                                        const mli_cancel_word *cancel,
                                                        mli_digest_chapter **out, size_t *count,
                                                        modellab_error *err);

/* digest_actions.c: what somebody says that they will do, or asks another one to do. */
typedef struct mli_digest_action {
    const char *cue;      /* static */
    const char *assignee; /* points into `sentence` or to its speaker; NULL = unknown */
    size_t assignee_bytes;
    const char *due; /* likewise: "by Friday" */
    size_t due_bytes;
} mli_digest_action;
/* False: the sentence is none. Pure. */
bool mli_digest_action_of(const char *sentence, const char *speaker, mli_digest_action *out);

#endif
