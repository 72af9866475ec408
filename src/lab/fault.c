/* Guarded fault injection for tests of what surrounds a worker: only with MODEL_LAB_TESTING=1, the
 * variable MODEL_LAB_FAIL_STEP names a step and what it does instead of beginning:
 *   STEP             fails (reason internal)
 *   STEP:sleep=MS    waits, with progress, and looks at the cancel word; then goes on
 *   STEP:stall=MS    waits without progress, and looks at the cancel word; then goes on
 *   STEP:hang        waits for ever and looks at nothing (only SIGKILL ends it)
 *   STEP:deaf        does not heed a cancel, makes its first artifact after it, then hangs
 *   STEP:die         kills its own process
 *   STEP:exit=CODE   leaves without an outcome, by its journal being broken
 *   STEP:hoard=MB    takes memory that only a control group counts, then waits a second
 *   STEP:flood       writes lines into its journal as fast as it can, for ever
 *   STEP:balloon=MB  takes memory, a MiB each 10 ms, looks at nothing until it has so much, then
 *                    waits
 *   STEP:spin        uses CPU time until it is cancelled
 * and for asr, while it works:
 *   asr:die_windows     kills its own process whenever a window is finished and kept
 *   asr:wait_windows    waits when a window is finished and kept, until it is cancelled
 *   asr:forget_windows  like die_windows; what it goes on from lacks the text before (a planted
 * bug) and for bundle, when only its manifest is missing: bundle:fail_manifest  has no space for it
 *   bundle:die_manifest   kills its own process */
#include "lab/worker.h"

#include "base/error.h"
#include "base/str.h"
#include "os/memory.h"
#include "os/process.h"
#include <string.h>

#define SIGNAL_KILL 9
#define NAP_NS ((int64_t)5 * 1000000)
#define UNDER_WAY_MS 1

static bool is_action(const char *action, const char *name, int64_t *value)
{
    size_t bytes = strlen(name);
    *value = 0;
    if (strncmp(action, name, bytes) != 0) {
        return false;
    }
    if (action[bytes] == '\0') {
        return true;
    }
    return action[bytes] == '=' && mli_parse_i64(action + bytes + 1, 0, 100000000, value);
}

MODELLAB_MUST_CHECK static modellab_status nap(mli_worker *w, int64_t ms, bool progress,
                                               modellab_error *err)
{
    int64_t start = w->clock->monotonic_ns(w->clock->user);
    double total = (double)ms / 1000.0;
    for (;;) {
        int64_t done = w->clock->monotonic_ns(w->clock->user) - start;
        if (mli_cancelled(&w->page->stop)) {
            return mli_fail(err, MODELLAB_E_CANCELLED, "stopped while the test made it wait");
        }
        if (done / 1000000 >= ms) {
            return MODELLAB_OK;
        }
        if (progress) {
            mli_worker_progress(w, (double)done / 1e9, total);
        }
        (void)w->clock->sleep_ns(w->clock->user, NAP_NS); /* woken early is fine */
    }
}

MODELLAB_MUST_CHECK static modellab_status spin(mli_worker *w, modellab_error *err)
{
    while (!mli_cancelled(&w->page->stop)) {
        mli_page_touch(w->page);
    }
    return mli_fail(err, MODELLAB_E_CANCELLED, "stopped while the test made it spin");
}

modellab_status mli_worker_linger(mli_worker *w, modellab_error *err)
{
    return nap(w, INT32_MAX, false, err);
}

modellab_status mli_worker_die(modellab_error *err)
{
    int rc = mli_os_system_processes.kill(NULL, mli_os_pid(), SIGNAL_KILL);
    return mli_fail_os(err, -rc, "the test could not kill its process");
}

MODELLAB_MUST_CHECK static modellab_status balloon(mli_worker *w, int64_t mib, modellab_error *err)
{
    const size_t piece = (size_t)1024 * 1024;
    for (int64_t i = 0; i < mib; i++) {
        void *pages = NULL;
        int rc = mli_os_pages_map(piece, &pages); /* never given back: the process ends */
        if (rc != 0) {
            return mli_fail_os(err, rc, "the test could not take memory");
        }
        memset(pages, 1, piece);
        (void)w->clock->sleep_ns(w->clock->user, 10000000); /* woken early is fine */
    }
    return nap(w, 60000, true, err);
}

/* Pages of an anonymous file that nobody maps: no look at the process sees them. */
MODELLAB_MUST_CHECK static modellab_status hoard(mli_worker *w, int64_t mib, modellab_error *err)
{
    static const char piece[64 * 1024];
    int fd = -1;
    int rc = mli_os_memory_file("modellab-hoard", &fd); /* kept: the process ends */
    for (int64_t left = mib * 16; rc == 0 && left > 0; left--) {
        rc = -mli_os_write_all(w->files, fd, piece, sizeof(piece));
    }
    return rc == 0 ? nap(w, 1000, true, err)
                   : mli_fail_os(err, rc, "the test could not take memory");
}

/* Progress that a correct worker would tell once a second. Looks at nothing. */
MODELLAB_MUST_CHECK static modellab_status flood(mli_worker *w, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    while (status == MODELLAB_OK) {
        mli_jw *line = mli_journal_begin(&w->journal, "progress");
        mli_jw_kstring(line, "step", w->step);
        mli_jw_kreal(line, "done_seconds", 1);
        mli_jw_kreal(line, "total_seconds", 2);
        status = mli_journal_end(&w->journal, false, err);
        mli_page_touch(w->page);
    }
    return status;
}

/* What it makes after it was told to stop is a result all the same. */
MODELLAB_MUST_CHECK static modellab_status be_deaf(mli_worker *w, modellab_error *err)
{
    while (!mli_cancelled(&w->page->stop)) {
        mli_page_touch(w->page);
        (void)w->clock->sleep_ns(w->clock->user, NAP_NS); /* woken early is fine */
    }
    modellab_status status =
        mli_worker_artifact(w, w->order.outputs.names[0], "text/plain", "result", "late", 4, err);
    while (status == MODELLAB_OK) {
        (void)w->clock->sleep_ns(w->clock->user, NAP_NS);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status act(mli_worker *w, const char *action,
                                               modellab_error *err)
{
    int64_t value = 0;
    atomic_store(&w->page->audio_done_ms, UNDER_WAY_MS); /* who looks at the page knows */
    if (is_action(action, "sleep", &value)) {
        return nap(w, value, true, err);
    }
    if (is_action(action, "stall", &value)) {
        return nap(w, value, false, err);
    }
    if (is_action(action, "spin", &value)) {
        return spin(w, err);
    }
    if (is_action(action, "deaf", &value)) {
        return be_deaf(w, err);
    }
    if (is_action(action, "hoard", &value)) {
        return hoard(w, value, err);
    }
    if (is_action(action, "flood", &value)) {
        return flood(w, err);
    }
    if (is_action(action, "balloon", &value)) {
        return balloon(w, value, err);
    }
    if (is_action(action, "exit", &value)) {
        w->journal.failed = true;
        return MODELLAB_OK;
    }
    if (is_action(action, "die", &value)) {
        return mli_worker_die(err);
    }
    if (is_action(action, "die_windows", &value) || is_action(action, "forget_windows", &value) ||
        is_action(action, "fail_windows", &value) || is_action(action, "wait_windows", &value) ||
        is_action(action, "fail_manifest", &value) || is_action(action, "die_manifest", &value)) {
        return MODELLAB_OK; /* later, in the step */
    }
    while (is_action(action, "hang", &value)) {
        (void)w->clock->sleep_ns(w->clock->user, NAP_NS);
    }
    return mli_fail(err, MODELLAB_E_INTERNAL, "MODEL_LAB_FAIL_STEP has an unknown action");
}

/* What the present step is to do; NULL without a plan for it, "" = just fail. */
static const char *plan_of(const mli_worker *w)
{
    const char *testing = mli_os_env("MODEL_LAB_TESTING");
    const char *plan = mli_os_env("MODEL_LAB_FAIL_STEP");
    if (testing == NULL || strcmp(testing, "1") != 0 || plan == NULL) {
        return NULL;
    }
    size_t bytes = strcspn(plan, ":");
    if (strlen(w->step) != bytes || strncmp(plan, w->step, bytes) != 0) {
        return NULL;
    }
    return plan + bytes + (plan[bytes] == ':');
}

bool mli_worker_fault_asked(const mli_worker *w, const char *action)
{
    int64_t value = 0;
    const char *plan = plan_of(w);
    return plan != NULL && is_action(plan, action, &value);
}

modellab_status mli_worker_fault(mli_worker *w, modellab_error *err)
{
    const char *plan = plan_of(w);
    if (plan == NULL) {
        return MODELLAB_OK;
    }
    if (plan[0] == '\0') {
        return mli_fail(err, MODELLAB_E_INTERNAL, "the step failed because a test asked for it");
    }
    return act(w, plan, err);
}
