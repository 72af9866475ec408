/* The bundle of a run that was cancelled, ran into a deadline or a cap, or whose worker died: no
 * step is done any more then, so that who gives the run its end gathers what is recorded. */
#ifndef MLI_LAB_GATHER_ENDED_H
#define MLI_LAB_GATHER_ENDED_H

#include "lab/ingest.h"

/* Of all files together; what is beyond it is not read: its part is absent as "too_large". The end
 * of a run, and with it those of others, is not to wait for more than that. */
#define MLI_GATHER_ENDED_BYTES ((int64_t)4 << 20)

/* Nothing when the run has no step bundle, or when this attempt has made its bundle. `reached` is
 * how far in the input speech recognition has worked as its checkpoints tell, -1 = they do not.
 * What fails is logged and no error: the run's end is worth more. */
/* Whether it may have something to do. */
bool mli_gather_ended_may(const mli_run_row *run, const mli_settlement *settlement);
void mli_gather_ended(mli_ingest *ingest, const mli_settlement *settlement, double reached);

#endif
