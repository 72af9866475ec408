/* Admission: what a run would hold of its user's caps, and whether it may be accepted. */
#ifndef MLI_LAB_ADMISSION_H
#define MLI_LAB_ADMISSION_H

#include "check/findings.h"
#include "lab/caps.h"
#include "lab/lab.h"
#include "lab/remote_service.h"

/* What a claim will hold: the expected amounts (`safe`: the upper bounds), never more than the
 * run's own caps allow. A run of which less is known holds more later, when it needs it. */
void mli_admission_needs(const mli_run_caps *caps, const modellab_estimate *estimate,
                         const mli_remote_forecast *calls, bool safe, bool length_is_known,
                         mli_amounts *need);

/* The caps that the user has for each run; 0 = none. */
void mli_admission_ceilings(const mli_cap_set *set, mli_run_caps *out);

/* The run's own caps against the estimate: findings, and E_CAP_EXCEEDED (`detail` the
 * MODELLAB_CAP_* bit) when it would surely pass one, or with `safe` when it might. */
MODELLAB_MUST_CHECK modellab_status mli_admission_check_run(const mli_run_caps *caps,
                                                            const modellab_estimate *estimate,
                                                            bool length_is_known, bool safe,
                                                            mli_findings *report,
                                                            modellab_error *err);

/* The caps of its user for periods, as `caps` has them (mli_store_cap_room; when there are none the
 * store is not asked): adjusts `need`, sets estimate->admission. A finding for each
 * cap that is met; E_CAP_EXCEEDED when the run can never have room. */
MODELLAB_MUST_CHECK modellab_status mli_admission_check_user(
    const mli_lab *lab, const char *user, const mli_cap_set *caps, bool safe,
    modellab_estimate *estimate, mli_amounts *need, mli_findings *report, modellab_error *err);

#endif
