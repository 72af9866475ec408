/* Events of a run, of all runs, and the end of a run: looked at, then waited for (follower.h). */
#include "lab/events.h"

#include "base/alloc.h"
#include "base/error.h"
#include "lab/beat.h"
#include "lab/follower.h"
#include "lab/state.h"
MODELLAB_MUST_CHECK static modellab_status
look_for_events(mli_lab *lab, const char *run_id, int64_t after, int32_t limit, int64_t wait_ms,
                const mli_cancel_word *cancel, mli_event_row_list **rows, modellab_error *err)
{
    mli_follower f = mli_follow(lab, run_id, wait_ms, cancel);

    for (;;) {
        modellab_status status;

        mli_follower_mark(&f);
        status = mli_store_events(lab->store, run_id, after, limit, rows, err);
        if (status != MODELLAB_OK || (*rows)->count > 0 || wait_ms == 0 ||
            mli_follower_is_over(&f)) {
            return status;
        }
        mli_event_row_list_free(*rows);
        *rows = NULL;
        if (!mli_follower_wait(&f)) {
            return mli_fail(err, MODELLAB_E_CANCELLED, "the waiting was cancelled");
        }
    }
}

modellab_status mli_events_load(mli_lab *lab, const char *run_id, int64_t after, int32_t limit,
                                int64_t wait_ms, const mli_cancel_word *cancel,
                                modellab_event_list **out, modellab_error *err)
{
    modellab_event_list *list;
    modellab_status status;

    *out = NULL;
    if (!mli_ulid_valid(run_id)) {
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no run of this id");
    }
    list = mli_alloc_zero(lab->alloc, sizeof *list);
    if (list == NULL) {
        return mli_no_memory(err);
    }
    status = look_for_events(lab, run_id, after, limit, wait_ms, cancel, &list->rows, err);
    if (status != MODELLAB_OK) {
        mli_free(lab->alloc, list);
        return status;
    }
    list->lab = mli_lab_ref(lab);
    list->next = list->rows->count > 0 ? list->rows->rows[list->rows->count - 1].number : after;
    *out = list;
    return MODELLAB_OK;
}

/* A look costs what its bound says. Where all of it is left out, who waits goes on behind it while
 * there is time; who does not is told how far it went. */
MODELLAB_MUST_CHECK static modellab_status look_at_feed(mli_lab *lab, mli_feed_query query,
                                                        int64_t wait_ms,
                                                        const mli_cancel_word *cancel,
                                                        mli_feed_list **out, modellab_error *err)
{
    mli_follower f = mli_follow(lab, MLI_FEED_BELL, wait_ms, cancel);

    for (;;) {
        modellab_status status;
        bool full;

        mli_follower_mark(&f);
        status = mli_store_feed(lab->store, &query, out, err);
        if (status != MODELLAB_OK || (*out)->count > 0 || wait_ms == 0 ||
            mli_follower_is_over(&f)) {
            return status;
        }
        full = (*out)->full;
        query.after = (*out)->next;
        mli_feed_list_free(*out);
        *out = NULL;
        if (full ? mli_cancelled(cancel) : !mli_follower_wait(&f)) {
            return mli_fail(err, MODELLAB_E_CANCELLED, "the waiting was cancelled");
        }
    }
}

modellab_status mli_events_of_all(mli_lab *lab, const mli_feed_query *query, int64_t wait_ms,
                                  const mli_cancel_word *cancel, modellab_event_list **out,
                                  modellab_error *err)
{
    modellab_event_list *list = mli_alloc_zero(lab->alloc, sizeof *list);
    modellab_status status;

    *out = NULL;
    if (list == NULL) {
        return mli_no_memory(err);
    }
    status = look_at_feed(lab, *query, wait_ms, cancel, &list->feed, err);
    if (status != MODELLAB_OK) {
        mli_free(lab->alloc, list);
        return status;
    }
    list->lab = mli_lab_ref(lab);
    list->next = list->feed->next;
    *out = list;
    return MODELLAB_OK;
}

void mli_events_unref(modellab_event_list *list)
{
    if (list != NULL) {
        mli_lab *lab = list->lab;

        mli_event_row_list_free(list->rows);
        mli_feed_list_free(list->feed);
        mli_free(lab->alloc, list);
        mli_lab_unref(lab);
    }
}

modellab_status mli_run_wait(mli_lab *lab, const char *run_id, int64_t timeout_ms,
                             const mli_cancel_word *cancel, modellab_run_status *status,
                             modellab_error *err)
{
    mli_follower f = mli_follow(lab, run_id, timeout_ms, cancel);

    *status = 0;
    for (;;) {
        mli_run_stand stand;
        modellab_status found;

        mli_follower_mark(&f);
        found = mli_store_stand(lab->store, run_id, &stand, err);
        *status = stand.status;
        if (found != MODELLAB_OK || mli_status_is_final(*status)) {
            return found;
        }
        if (mli_follower_is_over(&f)) {
            modellab_status trouble = mli_supervisors_trouble(lab);
            return mli_fail_at(err, MODELLAB_E_TIMEOUT, trouble != MODELLAB_OK ? trouble : -1,
                               "the run is still %s", mli_status_name_of_run(*status));
        }
        if (!mli_follower_wait(&f)) {
            return mli_fail(err, MODELLAB_E_CANCELLED, "the waiting was cancelled");
        }
    }
}
