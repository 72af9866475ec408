/* The life of a step as a pure table, and the book of the steps of one attempt. */
#include "lab/step_state.h"

#include "base/str.h"
#include <string.h>

/* Where each happening leads from the two living statuses; 0 = it does not fit there. Final
 * statuses have no column: nothing leads out of them. */
typedef struct rule {
    modellab_run_status pending, running;
} rule;

static const rule rules[MLI_STEP_HAPPENING_COUNT] = {
    [MLI_STEP_BEGAN] = {MODELLAB_RUN_RUNNING, 0},
    [MLI_STEP_DONE] = {MODELLAB_RUN_COMPLETED, MODELLAB_RUN_COMPLETED},
    [MLI_STEP_BROKE] = {MODELLAB_RUN_FAILED, MODELLAB_RUN_FAILED},
    [MLI_STEP_STOPPED] = {MODELLAB_RUN_CANCELLED, MODELLAB_RUN_CANCELLED},
    [MLI_STEP_OVERTIME] = {MODELLAB_RUN_TIMEOUT, MODELLAB_RUN_TIMEOUT},
    [MLI_STEP_LOST] = {0, MODELLAB_RUN_STALE},
    [MLI_STEP_PASSED] = {MODELLAB_STEP_SKIPPED, MODELLAB_STEP_SKIPPED},
    /* its begin may be a line that was damaged */
    [MLI_STEP_RESULT] = {MODELLAB_STEP_PENDING, MODELLAB_RUN_RUNNING},
};

mli_step_verdict mli_step_next(modellab_run_status from, mli_step_happening what,
                               modellab_run_status *to)
{
    modellab_run_status next = from == MODELLAB_STEP_PENDING  ? rules[what].pending
                               : from == MODELLAB_RUN_RUNNING ? rules[what].running
                                                              : 0;
    if (mli_status_is_final(from) && what == MLI_STEP_RESULT) {
        *to = from;
        return MLI_STEP_LATE;
    }
    if (next == 0) {
        return mli_status_is_final(from) ? MLI_STEP_REFUSED_FINAL : MLI_STEP_REFUSED_STATE;
    }
    *to = next;
    return MLI_STEP_ALLOWED;
}

bool mli_step_happening_of(modellab_run_status final, mli_step_happening *what)
{
    for (int i = 0; i < MLI_STEP_HAPPENING_COUNT; i++) {
        if (rules[i].running == final && mli_status_is_final(final)) {
            *what = (mli_step_happening)i;
            return true;
        }
    }
    return false;
}

mli_step_verdict mli_step_note(mli_step_book *book, const char *name, mli_step_happening what,
                               modellab_run_status *to)
{
    size_t i = 0;
    while (i < book->count && strcmp(book->steps[i].name, name) != 0) {
        i++;
    }
    if (i == MLI_STEP_MAX) {
        return MLI_STEP_REFUSED_STATE;
    }
    modellab_run_status from =
        i < book->count ? book->steps[i].status : (modellab_run_status)MODELLAB_STEP_PENDING;
    mli_step_verdict verdict = mli_step_next(from, what, to);
    if (verdict != MLI_STEP_ALLOWED) {
        return verdict;
    }
    if (i == book->count) {
        if (mli_str_copy(book->steps[i].name, sizeof(book->steps[i].name), name) >=
            sizeof(book->steps[i].name)) {
            return MLI_STEP_REFUSED_STATE; /* no step of ours has such a name */
        }
        book->count++;
    }
    book->steps[i].status = *to;
    return MLI_STEP_ALLOWED;
}
