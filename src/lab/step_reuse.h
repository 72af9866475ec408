/* The worker's side of reuse: a step whose key equals that of a finished one is not run. */
#ifndef MLI_LAB_STEP_REUSE_H
#define MLI_LAB_STEP_REUSE_H

#include "lab/worker.h"

/* Takes the offered result of the present step when its key is `key`: each file is compared with
 * its sha256 and becomes an artifact of this run with an id of its own. `from` gets the id of the
 * run that made it; "" = there is none that fits, and what was offered for this step is removed.
 * Files that are not what they were are no failure: the step is run. */
MODELLAB_MUST_CHECK modellab_status mli_step_reuse(mli_worker *w, const char *key,
                                                   char from[MLI_ULID_BYTES], modellab_error *err);

#endif
