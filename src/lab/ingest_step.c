/* Lines about steps: began, ended, went on where an earlier attempt was. */
#include "lab/ingest_private.h"

#include "base/error.h"

/* Numbers from a file are clamped to what the columns mean. */
static int32_t position_of(const mli_journal_line *line)
{
    int64_t position = mli_line_int(line, "position");
    return position < 0 || position > 1000 ? 0 : (int32_t)position;
}

static int32_t attempt_of(const mli_journal_line *line)
{
    int64_t attempt = mli_line_int(line, "attempt");
    return attempt < 1 || attempt > 1000000 ? 1 : (int32_t)attempt;
}

/* Two members of a line as one text; nothing when it has neither. */
static void write_members(const mli_journal_line *line, const char *first, const char *second,
                          mli_buf *out)
{
    const mli_json *one = mli_json_get(line->object, first);
    const mli_json *other = mli_json_get(line->object, second);
    mli_jw w;
    if (one == NULL && other == NULL) {
        return;
    }
    mli_jw_init(&w, out);
    mli_jw_object(&w);
    if (one != NULL) {
        mli_jw_kjson(&w, first, one);
    }
    if (other != NULL) {
        mli_jw_kjson(&w, second, other);
    }
    mli_jw_end_object(&w);
}

/* The options that the line of a begin tells. */
static void write_config(const mli_journal_line *line, mli_buf *out)
{
    write_members(line, "requested", "resolved", out);
}

/* What the line of an end tells: models, result. */
static void write_told(const mli_journal_line *line, mli_buf *out)
{
    write_members(line, "models", "result", out);
}

/* What a step's event tells besides its name: the history of attempts is read from these. */
static void write_data(const mli_step_row *step, bool done, bool goes_on, mli_buf *out)
{
    mli_jw w;
    mli_jw_init(&w, out);
    mli_jw_object(&w);
    mli_jw_kint(&w, "attempt", step->attempt);
    if (done) {
        mli_jw_kstring(&w, "status", mli_status_name_of_run(step->status));
        mli_jw_kstring(&w, "reason", mli_reason_name(step->reason));
    }
    if (goes_on) { /* without a result of this step: a warning of the run */
        mli_jw_kbool(&w, "run_goes_on", true);
        mli_jw_kstring(&w, "message", step->message);
    }
    if (step->reused_from[0] != '\0') {
        mli_jw_kstring(&w, "reused_from", step->reused_from);
    }
    mli_jw_end_object(&w);
}

mli_step_happening mli_ingest_step_end(const mli_journal_line *line)
{
    modellab_run_status status = 0;
    mli_step_happening what = MLI_STEP_BROKE;
    return mli_status_parse(mli_line_text(line, "status"), &status) &&
                   mli_step_happening_of(status, &what)
               ? what
               : MLI_STEP_BROKE;
}

modellab_status mli_ingest_apply_step(mli_ingest *ingest, const mli_journal_line *line, bool done,
                                      modellab_error *err)
{
    mli_buf data, config, told;
    mli_step_row step = {.name = mli_line_text(line, "step"),
                         .message = mli_line_text(line, "message"),
                         .key = mli_line_text(line, "key"),
                         .reused_from = mli_line_text(line, "reused_from"),
                         .status = MODELLAB_RUN_RUNNING,
                         .reason = MODELLAB_REASON_NONE,
                         .started_ms = mli_line_int(line, "started_ms"),
                         .ended_ms = -1,
                         .peak_memory_bytes = mli_line_int(line, "peak_memory_bytes"),
                         .cpu_seconds = mli_line_real(line, "cpu_seconds"),
                         .gpu_seconds = mli_line_real(line, "gpu_seconds"),
                         .audio_seconds = mli_line_real(line, "audio_seconds"),
                         .api_calls = mli_line_int(line, "api_calls"),
                         .position = position_of(line),
                         .attempt = attempt_of(line)};
    mli_event_row event = {.time_ms = line->time_ms, .type = "step_started", .step = step.name};
    if (done) {
        step.ended_ms = line->time_ms;
        if (mli_step_next(MODELLAB_RUN_RUNNING, mli_ingest_step_end(line), &step.status) !=
            MLI_STEP_ALLOWED) {
            return mli_fail(err, MODELLAB_E_INTERNAL, "a step's end that leads nowhere");
        }
        if (!mli_reason_parse(mli_line_text(line, "reason"), &step.reason)) {
            step.reason = MODELLAB_REASON_INTERNAL;
        }
        event.type = step.status == MODELLAB_RUN_COMPLETED  ? "step_completed"
                     : step.status == MODELLAB_STEP_SKIPPED ? "step_skipped"
                                                            : "step_failed";
    }
    mli_buf_init(&data, ingest->lab->alloc);
    mli_buf_init(&config, ingest->lab->alloc);
    mli_buf_init(&told, ingest->lab->alloc);
    write_data(&step, done, mli_json_bool(mli_json_get(line->object, "run_goes_on"), false), &data);
    write_config(line, &config);
    write_told(line, &told);
    event.data = mli_buf_text(&data);
    step.config_json = mli_buf_text(&config);
    step.told_json = mli_buf_text(&told);
    mli_store_change change = {.journal_line = line->n,
                               .steps = &step,
                               .step_count = 1,
                               .events = &event,
                               .event_count = 1};
    modellab_status status = mli_buf_status(&data, err);
    if (status == MODELLAB_OK) {
        status = mli_buf_status(&config, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_buf_status(&told, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_ingest_apply(ingest, &change, err);
    }
    mli_buf_dispose(&told);
    mli_buf_dispose(&config);
    mli_buf_dispose(&data);
    return status;
}

modellab_status mli_ingest_apply_resumed(mli_ingest *ingest, const mli_journal_line *line,
                                         modellab_error *err)
{
    mli_buf data;
    mli_jw w;
    mli_buf_init(&data, ingest->lab->alloc);
    mli_jw_init(&w, &data);
    mli_jw_object(&w);
    mli_jw_kint(&w, "windows", mli_line_int(line, "windows"));
    mli_jw_kreal(&w, "from_seconds", mli_line_real(line, "from_seconds"));
    mli_jw_end_object(&w);
    modellab_status status = mli_buf_status(&data, err);
    if (status == MODELLAB_OK) {
        mli_event_row event = {.time_ms = line->time_ms,
                               .type = "step_resumed",
                               .step = mli_line_text(line, "step"),
                               .data = mli_buf_text(&data)};
        mli_store_change change = {.journal_line = line->n, .events = &event, .event_count = 1};
        status = mli_ingest_apply(ingest, &change, err);
    }
    mli_buf_dispose(&data);
    return status;
}
