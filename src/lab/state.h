/* The life of a run as a pure table: status x happening -> next status or refusal. Final statuses
 * never change; the first final one wins. Also the names of statuses, reasons and transition
 * events. */
#ifndef MLI_LAB_STATE_H
#define MLI_LAB_STATE_H

#include <modellab/run.h>
#include <stdbool.h>

/* What can happen to a run. */
typedef enum mli_happening {
    MLI_RUN_CLAIMED,  /* a supervisor takes it */
    MLI_RUN_DONE,     /* the outcome says completed */
    MLI_RUN_BROKE,    /* failed: a step, the worker's death, a cap */
    MLI_RUN_STOPPED,  /* cancelled */
    MLI_RUN_OVERTIME, /* past a deadline (run, step, stall, queue) */
    MLI_RUN_LOST,     /* found dead by reconcile */
    MLI_RUN_AGAIN,    /* requeued: attempts are left, or a drain gives it back */
    MLI_HAPPENING_COUNT
} mli_happening;

typedef enum mli_verdict {
    MLI_ALLOWED,
    MLI_REFUSED_FINAL, /* E_RUN_FINAL */
    MLI_REFUSED_STATE  /* E_STATE: does not fit the present status */
} mli_verdict;

/* *to is set when allowed. */
mli_verdict mli_state_next(modellab_run_status from, mli_happening what, modellab_run_status *to);
/* As a status with an error text. */
MODELLAB_MUST_CHECK modellab_status mli_state_check(modellab_run_status from, mli_happening what,
                                                    modellab_run_status *to, modellab_error *err);
/* The happening that leads to a final status (COMPLETED -> MLI_RUN_DONE ...); false when not final.
 */
bool mli_state_happening(modellab_run_status final, mli_happening *what);
bool mli_status_is_final(modellab_run_status status); /* of runs; also SKIPPED of steps */
/* Type of the event of a transition to `to`: "run_completed" ...; QUEUED gives "run_requeued".
 * Static. */
const char *mli_state_event(modellab_run_status to);
/* "QUEUED" ...; "UNKNOWN". Static. */
const char *mli_status_name_of_run(modellab_run_status status);
bool mli_status_parse(const char *name, modellab_run_status *out);
const char *mli_reason_name(modellab_reason reason); /* "unknown" for others */
const char *mli_reason_text(modellab_reason reason);
bool mli_reason_recoverable(modellab_reason reason);
bool mli_reason_parse(const char *name, modellab_reason *out);
/* Reason for an error of a step or of the host's work (E_INVALID_AUDIO -> invalid_audio ...). */
modellab_reason mli_reason_of_status(modellab_status status);

#endif
