/* Events are rows of the store, written by whatever process. A waiting reader sleeps until the bell
 * of the lab rings for its run; where there is no bell it looks again at intervals that grow from 1
 * to 15 ms (a look costs some 20 us), and at its cancel word in between. */
#include "lab/events.h"

#include "base/alloc.h"
#include "base/error.h"
#include "lab/beat.h"
#include "lab/state.h"
#include <errno.h>

#define FIRST_LOOK_NS ((int64_t)1000000)
#define LONGEST_LOOK_NS ((int64_t)15000000)
#define CANCEL_LOOK_NS ((int64_t)10000000)
/* A writer that died after its commit has not rung. */
#define UNASKED_LOOK_NS ((int64_t)2000000000)

/* One who waits for news of a run. */
typedef struct follower {
    const mli_lab *lab;
    const char *run_id;
    const mli_cancel_word *cancel;
    int64_t until;    /* monotonic; -1 = without end */
    int64_t pause_ns; /* next one, without a bell */
    uint32_t mark;    /* of the bell, as it was before the last look */
} follower;

static int64_t now_of(const follower *f)
{
    return f->lab->os.clock->monotonic_ns(f->lab->os.clock->user);
}

static follower follow(const mli_lab *lab, const char *run_id, int64_t wait_ms,
                       const mli_cancel_word *cancel)
{
    follower f = {lab, run_id, cancel, -1, FIRST_LOOK_NS, 0};
    int64_t now = now_of(&f);

    if (wait_ms >= 0 && wait_ms <= INT64_MAX / 2000000 - now / 1000000) {
        f.until = now + wait_ms * 1000000;
    }
    return f;
}

/* To be called before each look. */
static void mark(follower *f)
{
    f->mark = mli_bell_mark(&f->lab->bell, f->run_id);
}

static bool is_over(const follower *f)
{
    return f->until >= 0 && now_of(f) >= f->until;
}

/* Sleeps for `ns` at most. */
static void sleep_some(const follower *f, int64_t ns)
{
    const mli_os_clock *clock = f->lab->os.clock;
    int64_t now = now_of(f), end = now + ns;

    end = f->until >= 0 && f->until < end ? f->until : end;
    for (; now < end && !mli_cancelled(f->cancel); now = now_of(f)) {
        /* EINTR only makes the step shorter; the loop looks at the clock */
        (void)clock->sleep_ns(clock->user, end - now < CANCEL_LOOK_NS ? end - now : CANCEL_LOOK_NS);
    }
}

/* Until the bell rings, the cancel word is set, or for a while. False: that cannot be waited for.
 * A system that cannot wait for two words is woken in between to look at the second. */
static bool wait_for_bell(const follower *f)
{
    int64_t left = f->until < 0 ? UNASKED_LOOK_NS : f->until - now_of(f);
    int rc;

    left = left > UNASKED_LOOK_NS ? UNASKED_LOOK_NS : left > 0 ? left : 0;
    rc = mli_bell_wait(&f->lab->bell, f->run_id, f->mark, f->cancel, left);
    if (rc == -ENOSYS && f->cancel != NULL) {
        rc = mli_bell_wait(&f->lab->bell, f->run_id, f->mark, NULL,
                           left < CANCEL_LOOK_NS ? left : CANCEL_LOOK_NS);
    }
    return rc != -ENOSYS;
}

/* False when the cancel word was set. */
static bool wait_for_news(follower *f)
{
    if (!mli_cancelled(f->cancel) && !wait_for_bell(f)) {
        int64_t longer = f->pause_ns + f->pause_ns / 8;

        sleep_some(f, f->pause_ns);
        f->pause_ns = longer < LONGEST_LOOK_NS ? longer : LONGEST_LOOK_NS;
    }
    return !mli_cancelled(f->cancel);
}

MODELLAB_MUST_CHECK static modellab_status
look_for_events(mli_lab *lab, const char *run_id, int64_t after, int32_t limit, int64_t wait_ms,
                const mli_cancel_word *cancel, mli_event_row_list **rows, modellab_error *err)
{
    follower f = follow(lab, run_id, wait_ms, cancel);

    for (;;) {
        modellab_status status;

        mark(&f);
        status = mli_store_events(lab->store, run_id, after, limit, rows, err);
        if (status != MODELLAB_OK || (*rows)->count > 0 || wait_ms == 0 || is_over(&f)) {
            return status;
        }
        mli_event_row_list_free(*rows);
        *rows = NULL;
        if (!wait_for_news(&f)) {
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
    follower f = follow(lab, run_id, timeout_ms, cancel);

    *status = 0;
    for (;;) {
        mli_run_stand stand;
        modellab_status found;

        mark(&f);
        found = mli_store_stand(lab->store, run_id, &stand, err);
        *status = stand.status;
        if (found != MODELLAB_OK || mli_status_is_final(*status)) {
            return found;
        }
        if (is_over(&f)) {
            modellab_status trouble = mli_supervisors_trouble(lab);
            return mli_fail_at(err, MODELLAB_E_TIMEOUT, trouble != MODELLAB_OK ? trouble : -1,
                               "the run is still %s", mli_status_name_of_run(*status));
        }
        if (!wait_for_news(&f)) {
            return mli_fail(err, MODELLAB_E_CANCELLED, "the waiting was cancelled");
        }
    }
}
