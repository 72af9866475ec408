/* Counters that a process keeps for the store: what happens often or where no transaction is at
 * hand. They are added to the store's totals every few seconds by supervisors, when metrics are
 * written, and when the lab closes; a kill loses what was not yet added, and nothing ever falls. */
#ifndef MLI_LAB_TALLY_H
#define MLI_LAB_TALLY_H

#include "lab/lab.h"

MODELLAB_MUST_CHECK modellab_status mli_tally_open(mli_lab *lab, modellab_error *err);
void mli_tally_close(mli_lab *lab); /* flushes */
/* Family and label come from closed sets. Any thread. */
void mli_tally_add(const mli_lab *lab, const char *family, const char *label, double value);
/* Counts it when a cap had no room. */
static inline void mli_tally_refusal(const mli_lab *lab, modellab_status status, const char *at)
{
    if (status == MODELLAB_E_CAP_EXCEEDED) {
        mli_tally_add(lab, "cap_refusals_total", at, 1);
    }
}
/* Also takes over what the log has dropped. What the store does not take stays for the next time.
 */
void mli_tally_flush(const mli_lab *lab);

#endif
