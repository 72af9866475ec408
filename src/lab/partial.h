/* Partial results of a worker that could not write them itself: the segments in its journal become
 * a transcript.partial.json of the run. */
#ifndef MLI_LAB_PARTIAL_H
#define MLI_LAB_PARTIAL_H

#include "lab/ingest.h"

/* Does nothing when there are no segments of this attempt, or when its transcript is recorded
 * already. What fails because of the files is logged and no error: the run's end is worth more.
 * `*reached`: seconds of prepared audio that the segments stand for; -1 = none were looked for. */
MODELLAB_MUST_CHECK modellab_status mli_partial_keep(mli_ingest *ingest,
                                                     const mli_run_record *record, double *reached,
                                                     modellab_error *err);

#endif
