/* Reading events, waiting for the next one, and waiting for a run's end. */
#ifndef MLI_LAB_EVENTS_H
#define MLI_LAB_EVENTS_H

#include "base/cancel.h"
#include "lab/lab.h"
#include <modellab/event.h>

struct modellab_event_list {
    mli_lab *lab;             /* referenced: the rows' memory is the lab's */
    mli_event_row_list *rows; /* of a run, or NULL */
    mli_feed_list *feed;      /* of all runs, or NULL */
    int64_t next;             /* where to go on */
};

/* As modellab_event_list_follow(). */
MODELLAB_MUST_CHECK modellab_status mli_events_load(mli_lab *lab, const char *run_id, int64_t after,
                                                    int32_t limit, int64_t wait_ms,
                                                    const mli_cancel_word *cancel,
                                                    modellab_event_list **out, modellab_error *err);
/* As modellab_event_feed_load(). */
MODELLAB_MUST_CHECK modellab_status mli_events_of_all(mli_lab *lab, const mli_feed_query *query,
                                                      int64_t wait_ms,
                                                      const mli_cancel_word *cancel,
                                                      modellab_event_list **out,
                                                      modellab_error *err);
void mli_events_unref(modellab_event_list *list);
/* As modellab_run_wait(). */
MODELLAB_MUST_CHECK modellab_status mli_run_wait(mli_lab *lab, const char *run_id,
                                                 int64_t timeout_ms, const mli_cancel_word *cancel,
                                                 modellab_run_status *status, modellab_error *err);
#endif
