/* Finding something that was said: folded text (case, spaces, kinds of apostrophes, accents unless
 * they count), also over the borders of segments, with the times of the words. */
#ifndef MLI_TEXT_SEARCH_H
#define MLI_TEXT_SEARCH_H

#include "base/cancel.h"
#include "base/json.h"
#include "text/transcript.h"

enum { MLI_SEARCH_QUERY_MOST = 256 }; /* folded code points */

typedef struct mli_search_options {
    bool accents;    /* they count */
    int64_t limit;   /* matches that are written; all are counted */
    int64_t context; /* code points before and after a match */
    const mli_cancel_word *cancel;
} mli_search_options;

/* Appends {"query", "count", "items": [...]} (modellab_transcript_search()). E_INVALID_ARGUMENT:
 * nothing is left of the query, or it is too long; E_CANCELLED. */
MODELLAB_MUST_CHECK modellab_status mli_transcript_search(const mli_transcript *t,
                                                          const char *query,
                                                          const mli_search_options *options,
                                                          mli_buf *out, modellab_error *err);

#endif
