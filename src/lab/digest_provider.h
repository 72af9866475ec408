/* Who makes chapters, summaries and action items of a transcript: the extracts of this library, or
 * a service. The option "provider" of the step names one; its result says which one made it. */
#ifndef MLI_LAB_DIGEST_PROVIDER_H
#define MLI_LAB_DIGEST_PROVIDER_H

#include "lab/worker.h"
#include "text/transcript.h"

typedef struct mli_digest_provider {
    const char *name; /* as config.<step>.provider has it */
    /* Appends the result of the present step (w->step: "chapters", "summary", "action_items") to
     * `out`: one JSON object of the form that docs/request.md tells, with "provider". */
    modellab_status (*make)(mli_worker *w, mli_transcript *transcript, mli_buf *out,
                            modellab_error *err);
} mli_digest_provider;

extern const mli_digest_provider mli_digest_embedded; /* digest_embedded.c */
extern const mli_digest_provider mli_digest_remote;   /* digest_remote.c */

/* step_digest.c: NULL when there is none of this name. */
const mli_digest_provider *mli_digest_provider_find(const char *name);

#endif
