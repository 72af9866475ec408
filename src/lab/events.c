/* Events are rows of the store, written by whatever process; a waiting reader looks again at
 * intervals that grow from 1 to 15 ms (a look costs some 20 us), and at its cancel word in between.
 */
#include "lab/events.h"

#include "base/alloc.h"
#include "base/error.h"
#include "lab/state.h"

#define FIRST_LOOK_NS ((int64_t)1000000)
#define LONGEST_LOOK_NS ((int64_t)15000000)
#define CANCEL_LOOK_NS ((int64_t)10000000)

/* Sleeps until `until` (monotonic) at most; false when the cancel word was set. */
static bool sleep_some(const mli_lab *lab, int64_t ns, int64_t until, const mli_cancel_word *cancel)
{
    const mli_os_clock *clock = lab->os.clock;
    int64_t end = clock->monotonic_ns(clock->user) + ns;
    int64_t now = clock->monotonic_ns(clock->user);

    end = until >= 0 && until < end ? until : end;
    while (now < end) {
        int64_t step = end - now < CANCEL_LOOK_NS ? end - now : CANCEL_LOOK_NS;

        if (mli_cancelled(cancel)) {
            return false;
        }
        /* EINTR only makes the step shorter; the loop looks at the clock */
        (void)clock->sleep_ns(clock->user, step);
        now = clock->monotonic_ns(clock->user);
    }
    return !mli_cancelled(cancel);
}

static int64_t deadline_of(const mli_lab *lab, int64_t wait_ms)
{
    int64_t now = lab->os.clock->monotonic_ns(lab->os.clock->user);

    if (wait_ms < 0 || wait_ms > INT64_MAX / 2000000 - now / 1000000) {
        return -1;
    }
    return now + wait_ms * 1000000;
}

static int64_t longer(int64_t ns)
{
    return ns + ns / 8 < LONGEST_LOOK_NS ? ns + ns / 8 : LONGEST_LOOK_NS;
}

static modellab_status look_for_events(mli_lab *lab, const char *run_id, int64_t after,
                                       int32_t limit, int64_t wait_ms, mli_event_row_list **rows,
                                       modellab_error *err)
{
    int64_t until = deadline_of(lab, wait_ms), pause = FIRST_LOOK_NS;

    for (;;) {
        modellab_status status = mli_store_events(lab->store, run_id, after, limit, rows, err);

        if (status != MODELLAB_OK || (*rows)->count > 0 || wait_ms == 0 ||
            (until >= 0 && lab->os.clock->monotonic_ns(lab->os.clock->user) >= until)) {
            return status;
        }
        mli_event_row_list_free(*rows);
        *rows = NULL;
        (void)sleep_some(lab, pause, until, NULL); /* without a word it cannot be cancelled */
        pause = longer(pause);
    }
}

modellab_status mli_events_load(mli_lab *lab, const char *run_id, int64_t after, int32_t limit,
                                int64_t wait_ms, modellab_event_list **out, modellab_error *err)
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
    status = look_for_events(lab, run_id, after, limit, wait_ms, &list->rows, err);
    if (status != MODELLAB_OK) {
        mli_free(lab->alloc, list);
        return status;
    }
    list->lab = mli_lab_ref(lab);
    *out = list;
    return MODELLAB_OK;
}

void mli_events_unref(modellab_event_list *list)
{
    if (list != NULL) {
        mli_lab *lab = list->lab;

        mli_event_row_list_free(list->rows);
        mli_free(lab->alloc, list);
        mli_lab_unref(lab);
    }
}

modellab_status mli_run_wait(mli_lab *lab, const char *run_id, int64_t timeout_ms,
                             const mli_cancel_word *cancel, modellab_run_status *status,
                             modellab_error *err)
{
    int64_t until = deadline_of(lab, timeout_ms), pause = FIRST_LOOK_NS;

    *status = 0;
    for (;;) {
        mli_run_stand stand;
        modellab_status found = mli_store_stand(lab->store, run_id, &stand, err);

        *status = stand.status;
        if (found != MODELLAB_OK || mli_status_is_final(*status)) {
            return found;
        }
        if (until >= 0 && lab->os.clock->monotonic_ns(lab->os.clock->user) >= until) {
            return mli_fail(err, MODELLAB_E_TIMEOUT, "the run is still %s",
                            mli_status_name_of_run(*status));
        }
        if (!sleep_some(lab, pause, until, cancel)) {
            return mli_fail(err, MODELLAB_E_CANCELLED, "the waiting was cancelled");
        }
        pause = longer(pause);
    }
}
