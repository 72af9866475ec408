/* The turns of a document, of whatever format, recording by recording: label files may hold several
 * recordings, which are matched by their names. */
#ifndef MLI_SCORE_RECORDINGS_H
#define MLI_SCORE_RECORDINGS_H

#include "score/scorer.h"

/* One turn as a document has it; strings are borrowed from there. */
typedef struct mli_raw_turn {
    const char *recording, *speaker;
    int64_t start, end;
    size_t position; /* in the document: labels, then segments */
} mli_raw_turn;

/* The turns of one recording: a range of the sorted ones. */
typedef struct mli_recording {
    const char *recording;
    size_t from, count;
    size_t position; /* of the first */
} mli_recording;

/* Turns by recording and position; groups in that order too, and in that of appearance. */
typedef struct mli_recordings {
    mli_raw_turn *items;
    size_t count;
    mli_recording *groups, *appear;
    size_t group_count;
} mli_recordings;

/* All turns; a transcript is one recording without a name. `out` is to be disposed also after a
 * failure. E_LIMIT (10,000 recordings), E_NO_MEMORY. */
MODELLAB_MUST_CHECK modellab_status mli_recordings_read(const mli_scorer *scorer,
                                                        const mli_document *document,
                                                        mli_recordings *out, modellab_error *err);
void mli_recordings_dispose(const mli_scorer *scorer, mli_recordings *recordings);
/* The range of a recording, empty when there is none; `recording` NULL = all. */
mli_recording mli_recordings_range(const mli_recordings *recordings, const char *recording);

#endif
