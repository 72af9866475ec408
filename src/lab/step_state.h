/* The life of a step in one attempt as a pure table: status x happening -> next status or refusal.
 * A step that has ended stays as it ended, the first end wins; a result that comes after it is kept
 * and called late. A later attempt begins the step anew (PENDING). */
#ifndef MLI_LAB_STEP_STATE_H
#define MLI_LAB_STEP_STATE_H

#include "lab/pipeline.h"
#include "lab/state.h"

/* What can happen to a step. */
typedef enum mli_step_happening {
    MLI_STEP_BEGAN,
    MLI_STEP_DONE,
    MLI_STEP_BROKE,
    MLI_STEP_STOPPED,  /* cancelled */
    MLI_STEP_OVERTIME, /* past a deadline */
    MLI_STEP_LOST,     /* found dead */
    MLI_STEP_PASSED,   /* skipped */
    MLI_STEP_RESULT,   /* it made an artifact */
    MLI_STEP_HAPPENING_COUNT
} mli_step_happening;

typedef enum mli_step_verdict {
    MLI_STEP_ALLOWED,
    MLI_STEP_LATE,          /* allowed, but the step has ended: its status stays */
    MLI_STEP_REFUSED_FINAL, /* it has ended */
    MLI_STEP_REFUSED_STATE  /* does not fit the present status */
} mli_step_verdict;

/* *to is set when allowed or late. */
mli_step_verdict mli_step_next(modellab_run_status from, mli_step_happening what,
                               modellab_run_status *to);
/* The happening that ends a step with this status; false when it is no final one. */
bool mli_step_happening_of(modellab_run_status final, mli_step_happening *what);

/* Where the steps of one attempt stand, as its journal tells. */
typedef struct mli_step_book {
    size_t count;
    struct {
        char name[65];
        modellab_run_status status;
    } steps[MLI_STEP_MAX];
} mli_step_book;

/* Notes what happened to a step, by the table. More steps than a run can have are refused. */
mli_step_verdict mli_step_note(mli_step_book *book, const char *name, mli_step_happening what,
                               modellab_run_status *to);

/* Role of an artifact that came after its step, or its run, had ended. */
#define MLI_ROLE_LATE "late"

#endif
