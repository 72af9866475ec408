/* How much a run may go on taking: what it holds, what it has used, and whether to ask for more.
 * Pure; the effects are job_caps.c's. */
#ifndef MLI_LAB_ALLOWANCE_H
#define MLI_LAB_ALLOWANCE_H

#include <stdint.h>

/* One measure of a run whose user has a cap for a period. */
typedef struct mli_allowance {
    int64_t used, held; /* of this attempt */
    int64_t most;       /* the run's own cap less what earlier attempts took; 0 = none */
    int64_t least;      /* smallest amount worth asking for */
} mli_allowance;

/* How much more to hold now: nothing while three quarters are not used, else half of what is held,
 * at least `least`, never beyond the run's own cap. */
int64_t mli_allowance_wanted(const mli_allowance *a);

#endif
