/* Pronunciation by the user's own espeak-ng, a program: clauses in, IPA out. Nothing of it is part
 * of the library; it runs in a session of its own, bounded in time, and ends with a cancel. */
#ifndef MLI_SPEECH_G2P_PROGRAM_H
#define MLI_SPEECH_G2P_PROGRAM_H

#include "base/buf.h"
#include "base/cancel.h"

enum { MLI_G2P_LIMIT_MS = 60000, MLI_G2P_MOST_ANSWER = 1 << 20 };

typedef struct mli_g2p_program {
    const modellab_allocator *alloc;
    const char *name;              /* a path, or a name that PATH knows */
    const char *voice;             /* of espeak-ng: letters, digits, hyphens */
    int64_t limit_ms;              /* of one call; 0 = MLI_G2P_LIMIT_MS */
    const mli_cancel_word *cancel; /* seen within 10 ms: the program is killed */
} mli_g2p_program;

/* An mli_g2p_fn; `user` is an mli_g2p_program. E_NOT_FOUND: there is no such program; E_IO: it
 * failed, took too long or gave no line for a clause; E_LIMIT: its answer; E_CANCELLED. */
MODELLAB_MUST_CHECK modellab_status mli_g2p_program_ask(void *user, const char *text, size_t bytes,
                                                        mli_buf *ipa, modellab_error *err);

/* Clauses, a line each, as paragraphs: so each of them gives a line of IPA. Returns how many. */
size_t mli_g2p_paragraphs(const char *text, size_t bytes, mli_buf *out);
/* Appends the lines of an answer that are not empty; E_IO when they are not as many as `clauses`.
 */
MODELLAB_MUST_CHECK modellab_status mli_g2p_lines(const char *answer, size_t bytes, size_t clauses,
                                                  mli_buf *ipa, modellab_error *err);

#endif
