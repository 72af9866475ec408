/* Step program: has a program started and keeps what it answers, for tests of that
 * (MODEL_LAB_TESTING=1). Labels: "program" (its name), "program_word", "program_text" (its input),
 * "program_times" (the input so many times over). */
#include "lab/worker.h"

#include "base/error.h"
#include "base/str.h"
#include "lab/step_kinds.h"

#define MOST_OUTPUT ((size_t)4 << 20)

MODELLAB_MUST_CHECK static modellab_status run(mli_worker *w, modellab_error *err)
{
    const mli_json *labels = mli_json_get(w->order.request, "labels");
    const char *name = mli_json_string(mli_json_get(labels, "program"), "upper");
    const char *word = mli_json_string(mli_json_get(labels, "program_word"), "");
    const char *text = mli_json_string(mli_json_get(labels, "program_text"), "");
    int64_t times = 1;
    mli_buf input, output;
    mli_buf_init(&input, w->alloc);
    mli_buf_init(&output, w->alloc);
    if (!mli_parse_i64(mli_json_string(mli_json_get(labels, "program_times"), "1"), 0, 1000000,
                       &times)) {
        times = 1;
    }
    for (int64_t i = 0; i < times; i++) {
        mli_buf_append_text(&input, text);
    }
    modellab_status status = mli_buf_status(&input, err);
    if (status == MODELLAB_OK) {
        status = mli_worker_program(w, name, word, mli_buf_text(&input), input.size, &output,
                                    MOST_OUTPUT, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_worker_artifact(w, "output.txt", "text/plain", "result", mli_buf_text(&output),
                                     output.size, err);
    }
    mli_buf_dispose(&input);
    mli_buf_dispose(&output);
    return status;
}

const mli_step_kind mli_step_kind_program = {.name = "program",
                                             .text = "Has a program started; for tests of that.",
                                             .needs = "",
                                             .outputs = "output.txt",
                                             .run = run,
                                             .for_tests = true,
                                             .needs_programs = true};
