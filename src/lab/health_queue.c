/* The check of the queue: runs that wait need somebody who takes them. */
#include "base/error.h"
#include "base/str.h"
#include "lab/health.h"
#include "lab/wake.h"
#include "os/locale.h"

/* Without a supervisor a run may wait so long before it counts: hosts start one when they need it.
 */
#define ALONE_MS 5000
/* With one: so long for the oldest of the users who have had least. */
#define LONG_MS ((int64_t)600 * 1000)

/* How long the oldest waits that could start; -1 = none waits. */
static int64_t oldest_wait(const mli_queue_view *view, int64_t now_ms)
{
    int64_t longest = -1;

    for (size_t i = 0; i < view->run_count; i++) {
        const mli_queue_run *run = &view->runs[i];
        int64_t since = run->not_before_ms > run->created_ms ? run->not_before_ms : run->created_ms;
        int64_t waited = now_ms > since ? now_ms - since : 0;

        if (run->gate == MLI_GATE_OPEN && waited > longest) {
            longest = waited;
        }
    }
    return longest;
}

static void judge(mli_health_check *check, int64_t waited, const mli_presence_sums *sums,
                  bool present)
{
    bool drains = sums->supervisors > 0 && sums->draining == sums->supervisors;
    bool taken = present && !drains;

    check->state =
        waited >= (taken ? LONG_MS : ALONE_MS) ? MODELLAB_HEALTH_DEGRADED : MODELLAB_HEALTH_HEALTHY;
    (void)mli_os_format(check->message, sizeof check->message, "%s; the oldest run waits %lld s.",
                        taken    ? "A supervisor takes runs"
                        : drains ? "All supervisors drain"
                                 : "No supervisor is there",
                        (long long)(waited / 1000));
    if (waited < 0) {
        (void)mli_os_format(check->message, sizeof check->message, "%s; no run waits.",
                            taken    ? "A supervisor takes runs"
                            : drains ? "All supervisors drain"
                                     : "No supervisor is there");
    }
}

void mli_health_queue(mli_lab *lab, mli_health_check *check)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_queue_query query = {.now_ms = mli_lab_now_ms(lab), .each = 1};
    mli_queue_view *view = NULL;
    mli_presence_sums sums = {0};
    bool present = false;
    modellab_status status = mli_store_queue(lab->store, &query, &view, &err);

    if (status == MODELLAB_OK) {
        status = mli_supervisors_present(lab, &present, &err);
    }
    if (status == MODELLAB_OK) {
        status = mli_supervisors_sum(lab, &sums, &err);
    }
    if (status == MODELLAB_OK) {
        judge(check, oldest_wait(view, query.now_ms), &sums, present);
    } else {
        check->state = MODELLAB_HEALTH_DEGRADED;
        (void)mli_str_copy(check->message, sizeof check->message, err.message);
    }
    mli_queue_view_free(view);
}
