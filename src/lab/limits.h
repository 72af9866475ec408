/* The time limits of a run besides its deadline: of its steps, of silence, of the ladder. What the
 * request names holds, then what the supervisor is configured with. */
#ifndef MLI_LAB_LIMITS_H
#define MLI_LAB_LIMITS_H

#include "base/json.h"
#include "check/findings.h"
#include "lab/pipeline.h"

/* 0 = no limit; of the ladder: its default. */
typedef struct mli_run_limits {
    int64_t stall_ms;
    int64_t term_ms, kill_ms;      /* after the cancel word */
    int64_t step_ms[MLI_STEP_MAX]; /* by the step's place in the run */
} mli_run_limits;

/* What a supervisor is configured with (MODEL_LAB_...); E_INVALID_ARGUMENT names the variable. */
MODELLAB_MUST_CHECK modellab_status mli_run_limits_configured(mli_run_limits *out,
                                                              modellab_error *err);
/* Replaces what the accepted request names. `steps`: those of the run, comma-separated. */
void mli_run_limits_read(const mli_json *request, const char *steps, mli_run_limits *limits);
/* What the schema cannot say: "max_step_seconds" names steps of this run only. */
void mli_run_limits_check(const mli_json *request, const char *steps, mli_findings *report);

#endif
