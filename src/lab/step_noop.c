/* Step noop: nothing, for tests and measurements of what surrounds a step (MODEL_LAB_TESTING=1).
 * The label "noop_ms" of the request makes it last so many milliseconds, with progress and a look
 * at the cancel word; "noop_program" asks for a program, which this step has not declared. */
#include "lab/worker.h"

#include "base/error.h"
#include "base/str.h"

#define NAP_NS ((int64_t)1000000)
#define MOST_MS 3600000

modellab_status mli_step_noop(mli_worker *w, modellab_error *err)
{
    const mli_json *labels = mli_json_get(w->order.request, "labels");
    const char *text = mli_json_string(mli_json_get(labels, "noop_ms"), "0");
    int64_t start = w->clock->monotonic_ns(w->clock->user);
    int64_t last_ms = 0;
    if (!mli_parse_i64(text, 0, MOST_MS, &last_ms)) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "noop_ms is no number of milliseconds");
    }
    const char *program = mli_json_string(mli_json_get(labels, "noop_program"), "");
    if (program[0] != '\0') {
        mli_buf none;
        mli_buf_init(&none, w->alloc);
        modellab_status status = mli_worker_program(w, program, "", "", 0, &none, 0, err);
        mli_buf_dispose(&none);
        return status;
    }
    for (;;) {
        int64_t done_ns = w->clock->monotonic_ns(w->clock->user) - start;
        if (mli_cancelled(&w->page->stop)) {
            return mli_fail(err, MODELLAB_E_CANCELLED, "stopped while it did nothing");
        }
        if (done_ns >= last_ms * 1000000) {
            return MODELLAB_OK;
        }
        mli_worker_progress(w, (double)done_ns / 1e9, (double)last_ms / 1000.0);
        (void)w->clock->sleep_ns(w->clock->user, NAP_NS); /* woken early is fine */
    }
}
