/* Submitting a run: validated, probed, bounded, stored; or refused with nothing stored. */
#ifndef MLI_LAB_SUBMIT_H
#define MLI_LAB_SUBMIT_H

#include "base/cancel.h"
#include "base/trace.h"
#include "check/findings.h"
#include "lab/lab.h"

/* As modellab_run_submit() and modellab_run_validate(); `options` are complete. With an idempotency
 * key that the user has used before, run_id is the first run's. */
MODELLAB_MUST_CHECK modellab_status mli_run_submit(mli_lab *lab,
                                                   const modellab_run_submit_options *options,
                                                   char run_id[MLI_ULID_BYTES],
                                                   modellab_report **report, modellab_error *err);
/* The experiment that a run belongs to, for its record. */
typedef struct mli_run_origin {
    const char *experiment_id; /* hex digits */
    const char *candidate;     /* a name without anything to escape */
    const char *input_sha256;  /* that the input must have: E_HASH_MISMATCH */
} mli_run_origin;
/* A run that repeats `parent` (NULL = none): it shares the parent's stored input, at which the
 * options' input_path must point, and is offered its finished work. `watch` (NULL = none) looks on
 * while the input is read; token and progress among the options are not looked at. */
MODELLAB_MUST_CHECK modellab_status mli_run_submit_child(
    mli_lab *lab, const modellab_run_submit_options *options, const mli_run_record *parent,
    const mli_run_origin *origin, const mli_copy_watch *watch, char run_id[MLI_ULID_BYTES],
    modellab_report **report, modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_run_validate(mli_lab *lab,
                                                     const modellab_run_submit_options *options,
                                                     modellab_report **report, modellab_error *err);

/* As modellab_run_estimate(). */
MODELLAB_MUST_CHECK modellab_status mli_run_estimate(mli_lab *lab,
                                                     const modellab_run_submit_options *options,
                                                     modellab_estimate *out,
                                                     modellab_report **report, modellab_error *err);

/* Ids that a run gets: the caller's request id and trace when they are valid, else new ones. */
typedef struct mli_run_ids {
    char run_id[MLI_ULID_BYTES], request_id[129], trace_id[33], span_id[17];
    char trace_parent[MLI_TRACE_PARENT_BYTES]; /* the span that asked for it; "" = none */
    char trace_state[MLI_TRACE_STATE_BYTES];
} mli_run_ids;
MODELLAB_MUST_CHECK modellab_status mli_run_ids_make(const mli_lab *lab, const char *request_id,
                                                     const char *trace_parent,
                                                     const char *trace_state, mli_run_ids *out,
                                                     modellab_error *err);
/* Strings stay those of `ids`. */
void mli_run_ids_fill(const mli_run_ids *ids, mli_run_row *row);
#endif
