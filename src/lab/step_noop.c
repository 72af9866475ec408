/* Step noop: nothing, for tests and measurements of what surrounds a step (MODEL_LAB_TESTING=1).
 * The label "noop_ms" of the request makes it last so many milliseconds, with progress and a look
 * at the cancel word; "noop_program" asks for a program, which this step has not declared.
 * Its kin are for tests of how steps depend on each other. */
#include "lab/worker.h"

#include "base/error.h"
#include "base/str.h"
#include "lab/handoff.h"
#include "lab/state.h"
#include "lab/step_kinds.h"
#include "lab/step_schemas.h"
#include <string.h>

#define NAP_NS ((int64_t)1000000)
#define MOST_MS 3600000

MODELLAB_MUST_CHECK static modellab_status run(mli_worker *w, modellab_error *err)
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

/* Says what was before it. */
MODELLAB_MUST_CHECK static modellab_status run_want(mli_worker *w, modellab_error *err)
{
    const char *text = mli_handoff_done(w, "noop_may_fail") ? "with\n" : "without\n";
    modellab_status status = run(w, err);
    return status == MODELLAB_OK ? mli_worker_artifact(w, "wanted.txt", "text/plain", "result",
                                                       text, strlen(text), err)
                                 : status;
}

MODELLAB_MUST_CHECK static modellab_status run_may_fail(mli_worker *w, modellab_error *err)
{
    modellab_status status = run(w, err);
    return status == MODELLAB_OK
               ? mli_worker_artifact(w, "made.txt", "text/plain", "result", "made\n", 5, err)
               : status;
}

/* Hands on what another step has made, and its own text. */
MODELLAB_MUST_CHECK static modellab_status run_text(mli_worker *w, modellab_error *err)
{
    mli_buf text;
    modellab_status status = MODELLAB_OK;
    mli_buf_init(&text, w->alloc);
    if (mli_handoff_has(w, "made.txt")) {
        status = mli_handoff_read(w, "made.txt", &text, err);
    }
    mli_buf_append_text(&text, mli_json_string(mli_json_get(mli_worker_config(w), "text"), ""));
    if (status == MODELLAB_OK) {
        status = mli_buf_status(&text, err);
    }
    if (status == MODELLAB_OK) {
        status =
            mli_worker_artifact(w, "text.txt", "text/plain", "result", text.data, text.size, err);
    }
    mli_buf_dispose(&text);
    return status;
}

/* Writes how the steps before it ended. */
MODELLAB_MUST_CHECK static modellab_status run_always(mli_worker *w, modellab_error *err)
{
    mli_buf text;
    mli_buf_init(&text, w->alloc);
    for (size_t i = 0; i < w->past_count; i++) {
        mli_buf_append_text(&text, w->past[i].kind->name);
        mli_buf_append_char(&text, ' ');
        mli_buf_append_text(&text, mli_status_name_of_run(w->past[i].status));
        mli_buf_append_char(&text, '\n');
    }
    modellab_status status = mli_buf_status(&text, err);
    if (status == MODELLAB_OK) {
        status =
            mli_worker_artifact(w, "always.txt", "text/plain", "result", text.data, text.size, err);
    }
    mli_buf_dispose(&text);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status key(mli_worker *w, char out[65], modellab_error *err)
{
    return mli_worker_step_key(w, 1, NULL, out, err);
}

const mli_step_kind mli_step_kind_noop = {.name = "noop",
                                          .text =
                                              "Does nothing; for tests of what surrounds a step.",
                                          .needs = "",
                                          .outputs = "",
                                          .run = run,
                                          .for_tests = true};
const mli_step_kind mli_step_kind_noop_may_fail = {.name = "noop_may_fail",
                                                   .text = "May fail; for tests.",
                                                   .needs = "",
                                                   .outputs = "made.txt",
                                                   .run = run_may_fail,
                                                   .key = key,
                                                   .for_tests = true,
                                                   .may_fail = true};
const mli_step_kind mli_step_kind_noop_needs = {.name = "noop_needs",
                                                .text = "Needs one that may fail; for tests.",
                                                .needs = "noop_may_fail",
                                                .outputs = "",
                                                .run = run,
                                                .for_tests = true};
const mli_step_kind mli_step_kind_noop_wants = {.name = "noop_wants",
                                                .text = "Uses one that may fail; for tests.",
                                                .needs = "",
                                                .wants = "noop_may_fail",
                                                .outputs = "wanted.txt",
                                                .run = run_want,
                                                .key = key,
                                                .for_tests = true};
const mli_step_kind mli_step_kind_noop_text = {.name = "noop_text",
                                               .text = "Works on a text; for tests.",
                                               .needs = "",
                                               .wants = "noop_may_fail",
                                               .outputs = "text.txt",
                                               .schema = MLI_SCHEMA_noop_text,
                                               .text_key = "text",
                                               .run = run_text,
                                               .key = key,
                                               .for_tests = true};
const mli_step_kind mli_step_kind_noop_always = {.name = "noop_always",
                                                 .text = "Is done whatever happened; for tests.",
                                                 .needs = "",
                                                 .wants = "noop,noop_may_fail,noop_needs",
                                                 .outputs = "always.txt",
                                                 .run = run_always,
                                                 .for_tests = true,
                                                 .always = true};
