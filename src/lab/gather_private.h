/* What the files that gather share. */
#ifndef MLI_LAB_GATHER_PRIVATE_H
#define MLI_LAB_GATHER_PRIVATE_H

#include "base/json.h"
#include "lab/gather.h"
#include "text/transcript.h"

typedef struct mli_gathering {
    const mli_gather_view *view;
    mli_transcript *transcript; /* NULL: there is none */
    bool unread;                /* the last failure was one of reading */
} mli_gathering;

/* gather.c */
bool mli_gather_has(const mli_gathering *g, const char *name);
/* New, mli_json_free(). */
MODELLAB_MUST_CHECK modellab_status mli_gather_json(mli_gathering *g, const char *name,
                                                    mli_json **out, modellab_error *err);
const mli_gather_step *mli_gather_past(const mli_gather_view *v, const char *step); /* or NULL */
/* Writes the text unless `status` or the text itself has failed, and disposes of it. */
MODELLAB_MUST_CHECK modellab_status mli_gather_put(const mli_gathering *g, const char *name,
                                                   const char *media_type, mli_buf *text,
                                                   modellab_status status, modellab_error *err);

/* Each writes its file from what steps have made, unless a step has written it itself. Nothing to
 * make it of is no failure. gather_parts.c, gather_coverage.c */
MODELLAB_MUST_CHECK modellab_status mli_gather_subtitles(mli_gathering *g, modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_gather_summary(mli_gathering *g, modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_gather_action_items(mli_gathering *g, modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_gather_coverage(mli_gathering *g, modellab_error *err);

#endif
