/* What a record does while it runs: steps, artifacts, progress, and the question whether to go on.
 */
#include "lab/record.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "base/str.h"
#include "lab/pricing.h"
#include "lab/settle.h"
#include "lab/step_state.h"
#include "log/logger.h"
#include "os/locale.h"
#include "track/price.h"
#include "track/tracker.h"
#include <string.h>

#define LOOK_NS ((int64_t)100000000) /* between two looks for a cancel request */
#define DETAILS_BYTES 4096
#define TELL_NS ((int64_t)1000000000) /* between two commits of progress */

static int64_t monotonic(const modellab_record *r)
{
    return r->lab->os.clock->monotonic_ns(r->lab->os.clock->user);
}

static bool due(int64_t last_ns, int64_t now_ns, int64_t every_ns)
{
    return last_ns == INT64_MIN || now_ns - last_ns >= every_ns;
}

MODELLAB_MUST_CHECK static modellab_status must_run(const modellab_record *r, modellab_error *err)
{
    modellab_status status = mli_lab_check(r->lab, true, err);

    if (status == MODELLAB_OK && r->finished) {
        status = mli_fail(err, MODELLAB_E_RUN_FINAL, "the record has been finished");
    }
    return status;
}

modellab_status mli_record_measure(modellab_record *r, modellab_measures *measures,
                                   int64_t *cost_micros, modellab_error *err)
{
    modellab_cost cost = MODELLAB_COST_INIT;
    modellab_status status = mli_span_get_measures(r->tracker, MODELLAB_SPAN_ROOT, measures, err);

    if (status == MODELLAB_OK) {
        status = mli_price_sheet_cost(r->lab->prices, measures, &cost, err);
    }
    *cost_micros = status == MODELLAB_OK && cost.is_complete ? cost.total_micros : -1;
    return status;
}

modellab_status mli_record_apply(modellab_record *r, mli_store_change *change, modellab_error *err)
{
    change->run_id = r->ids.run_id;
    change->fence = r->fence;
    change->expect = MODELLAB_RUN_RUNNING;
    change->now_ms = mli_lab_now_ms(r->lab);
    return mli_store_apply(r->lab->store, change, NULL, NULL, err);
}

/* Of the present step, or of the one that comes next. */
static modellab_run_status stand_of(const modellab_record *r)
{
    return r->step.open ? (modellab_run_status)MODELLAB_RUN_RUNNING : MODELLAB_STEP_PENDING;
}

modellab_status mli_record_step_begin(modellab_record *r, const char *name, modellab_error *err)
{
    mli_event_row event = {.type = "step_started"};
    mli_step_row row = {.status = MODELLAB_RUN_RUNNING,
                        .ended_ms = -1,
                        .peak_memory_bytes = -1,
                        .cpu_seconds = -1,
                        .gpu_seconds = -1,
                        .audio_seconds = -1,
                        .api_calls = -1,
                        .attempt = 1};
    mli_store_change change = {.steps = &row, .step_count = 1, .events = &event, .event_count = 1};
    modellab_status status = must_run(r, err);
    modellab_span span;

    if (status != MODELLAB_OK) {
        return status;
    }
    if (mli_step_next(stand_of(r), MLI_STEP_BEGAN, &row.status) != MLI_STEP_ALLOWED) {
        return mli_fail(err, MODELLAB_E_STATE, "the step before has not been ended");
    }
    if (name[0] == '\0' || strlen(name) >= sizeof r->step.name ||
        !mli_utf8_valid(name, strlen(name))) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "a step's name has 1 to 64 bytes");
    }
    status = mli_span_begin(r->tracker, MODELLAB_SPAN_ROOT, name, &span, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    row.name = event.step = name;
    row.started_ms = mli_lab_now_ms(r->lab);
    row.position = r->step.position;
    status = mli_record_apply(r, &change, err);
    if (status != MODELLAB_OK) {
        modellab_status ended = mli_span_end(r->tracker, span, NULL, NULL);

        return ended == MODELLAB_OK ? status : mli_fail(err, ended, "a span could not be ended");
    }
    r->step.open = true;
    r->step.started_ms = row.started_ms;
    r->step.span = span;
    (void)mli_str_copy(r->step.name, sizeof r->step.name, name); /* fits */
    mli_log(r->logger, MODELLAB_LOG_INFO, "step.started", "a step begins",
            MLI_LOG_FIELDS(mli_log_string("step", name)));
    return MODELLAB_OK;
}

modellab_status mli_record_close_step(modellab_record *r, modellab_run_status status,
                                      modellab_reason reason, const char *message,
                                      mli_step_row *row, modellab_error *err)
{
    modellab_measures measures = MODELLAB_MEASURES_INIT;
    modellab_status ended = MODELLAB_OK;
    mli_step_happening what;
    modellab_run_status to;

    if (!mli_step_happening_of(status, &what) ||
        mli_step_next(stand_of(r), what, &to) != MLI_STEP_ALLOWED) {
        return mli_fail(err, MODELLAB_E_STATE, "no step can end like this now");
    }
    /* a span that an earlier try has ended is read again */
    if (mli_span_end(r->tracker, r->step.span, &measures, NULL) != MODELLAB_OK) {
        ended = mli_span_get_measures(r->tracker, r->step.span, &measures, err);
    }
    *row = (mli_step_row){.name = r->step.name,
                          .message = message,
                          .status = to,
                          .reason = reason,
                          .started_ms = r->step.started_ms,
                          .ended_ms = mli_lab_now_ms(r->lab),
                          .peak_memory_bytes = measures.peak_memory_bytes,
                          .cpu_seconds = measures.cpu_seconds,
                          .gpu_seconds = measures.gpu_seconds,
                          .audio_seconds = measures.audio_seconds > 0 ? measures.audio_seconds : -1,
                          .api_calls = measures.api_calls,
                          .position = r->step.position,
                          .attempt = 1};
    return ended;
}

modellab_status mli_record_step_end(modellab_record *r, modellab_run_status step_status,
                                    const char *message, modellab_error *err)
{
    bool failed = step_status == MODELLAB_RUN_FAILED;
    mli_event_row event = {.type = failed ? "step_failed" : "step_completed"};
    mli_step_row row;
    mli_store_change change = {.steps = &row, .step_count = 1, .events = &event, .event_count = 1};
    modellab_status status = must_run(r, err);

    if (status != MODELLAB_OK) {
        return status;
    }
    if (!r->step.open) {
        return mli_fail(err, MODELLAB_E_STATE, "no step is open");
    }
    if (!failed && step_status != MODELLAB_RUN_COMPLETED && step_status != MODELLAB_STEP_SKIPPED) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "a step ends COMPLETED, FAILED or SKIPPED");
    }
    status = mli_record_close_step(r, step_status,
                                   failed ? MODELLAB_REASON_HOST_FAILED : MODELLAB_REASON_NONE,
                                   message, &row, err);
    event.step = r->step.name;
    if (status == MODELLAB_OK) {
        status = mli_record_apply(r, &change, err);
    }
    if (status == MODELLAB_OK) {
        mli_log(r->logger, failed ? MODELLAB_LOG_WARN : MODELLAB_LOG_INFO, "step.ended",
                "a step ends",
                MLI_LOG_FIELDS(mli_log_string("step", r->step.name),
                               mli_log_string("status", mli_status_name_of_run(step_status)),
                               mli_log_real("cpu_seconds", row.cpu_seconds)));
        r->step.open = false;
        r->step.position++;
    }
    return status;
}

static bool artifact_name_ok(const char *name)
{
    size_t bytes = strlen(name);

    for (size_t i = 0; i < bytes; i++) {
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f || name[i] == '/' || name[i] == '\\') {
            return false;
        }
    }
    return bytes > 0 && bytes <= 255 && name[0] != '.' && mli_utf8_valid(name, bytes);
}

MODELLAB_MUST_CHECK static modellab_status
put_artifact(modellab_record *r, const mli_artifact_row *row, modellab_error *err)
{
    mli_event_row event = {.type = "artifact_added", .step = row->step};
    mli_store_change change = {
        .artifacts = row, .artifact_count = 1, .events = &event, .event_count = 1};
    modellab_status status;
    mli_buf data;
    mli_jw w;

    mli_buf_init(&data, r->lab->alloc);
    mli_jw_init(&w, &data);
    mli_jw_object(&w);
    mli_jw_kstring(&w, "id", row->id);
    mli_jw_kstring(&w, "name", row->name);
    mli_jw_kint(&w, "bytes", row->bytes);
    mli_jw_end_object(&w);
    status = mli_buf_status(&data, err);
    if (status == MODELLAB_OK) {
        event.data = mli_buf_text(&data);
        status = mli_record_apply(r, &change, err);
    }
    mli_buf_dispose(&data);
    return status;
}

/* The file of a refused artifact; what stays is found by reconcile. */
static void remove_artifact(const modellab_record *r, const char *file)
{
    const mli_os_files *f = r->lab->os.files;
    char folder[MLI_PATH_BYTES], path[MLI_PATH_BYTES + 128];
    int rc = -1;

    if (mli_run_path(r->lab->root, r->ids.run_id, MLI_RUN_ARTIFACTS, folder, NULL) == MODELLAB_OK) {
        (void)mli_os_format(path, sizeof path, "%s/%s", folder, file); /* fits */
        rc = f->unlink(f->user, path);
    }
    if (rc != 0) {
        mli_log(r->logger, MODELLAB_LOG_WARN, "artifact.file_left",
                "the file of a refused artifact is left for reconcile",
                MLI_LOG_FIELDS(mli_log_int("os_error", -rc)));
    }
}

modellab_status mli_record_add_artifact(modellab_record *r, const char *name,
                                        const char *media_type, const void *data, size_t bytes,
                                        char artifact_id[MLI_ULID_BYTES], modellab_error *err)
{
    const mli_lab *lab = r->lab;
    char id[MLI_ULID_BYTES], file[96], sha256[65];
    mli_artifact_row row = {.id = id,
                            .step = r->step.open ? r->step.name : "",
                            .name = name,
                            .media_type = media_type,
                            .sha256 = sha256,
                            .file = file,
                            .role = "result",
                            .bytes = (int64_t)bytes,
                            .fence = r->fence};
    modellab_status status = must_run(r, err);
    int rc;

    if (status == MODELLAB_OK && !artifact_name_ok(name)) {
        status = mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                          "an artifact's name has 1 to 255 bytes, no slash and no leading dot");
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    rc = mli_ulid_new(lab->os.clock, lab->os.random, id);
    if (rc != 0) {
        return mli_fail_os(err, rc, "no random numbers for an artifact's id");
    }
    (void)mli_os_format(file, sizeof file, "%lld-%s", (long long)r->fence, id); /* fits */
    status =
        mli_artifact_write(lab->os.files, lab->root, r->ids.run_id, file, data, bytes, sha256, err);
    if (status == MODELLAB_OK) {
        status = put_artifact(r, &row, err);
        if (status != MODELLAB_OK && status != MODELLAB_E_STORE_FAILED) {
            remove_artifact(r, file);
        }
    }
    if (status == MODELLAB_OK && artifact_id != NULL) {
        memcpy(artifact_id, id, MLI_ULID_BYTES);
    }
    return status;
}

static modellab_reason reason_of_cap(int64_t cap)
{
    switch (cap) {
    case MODELLAB_CAP_CPU_SECONDS:
        return MODELLAB_REASON_CPU_CAP;
    case MODELLAB_CAP_WALL_SECONDS:
        return MODELLAB_REASON_RUN_TIMEOUT;
    case MODELLAB_CAP_PEAK_MEMORY_BYTES:
        return MODELLAB_REASON_MEMORY_CAP;
    case MODELLAB_CAP_AUDIO_SECONDS:
        return MODELLAB_REASON_AUDIO_CAP;
    case MODELLAB_CAP_API_CALLS:
        return MODELLAB_REASON_API_CALLS_CAP;
    default:
        return MODELLAB_REASON_COST_CAP;
    }
}

static void stop(modellab_record *r, modellab_run_status status, modellab_reason reason)
{
    if (r->stop_status == 0) { /* the first reason to stop is the one that counts */
        r->stop_status = status;
        r->stop_reason = reason;
        mli_log(r->logger, MODELLAB_LOG_WARN, "record.stop", "the record is asked to stop",
                MLI_LOG_FIELDS(mli_log_string("reason", mli_reason_name(reason))));
    }
}

MODELLAB_MUST_CHECK static modellab_status look_for_cancel(modellab_record *r, int64_t now_ns,
                                                           modellab_error *err)
{
    mli_run_stand stand;
    modellab_status status;

    if (!due(r->looked_ns, now_ns, LOOK_NS)) {
        return MODELLAB_OK;
    }
    status = mli_store_stand(r->lab->store, r->ids.run_id, &stand, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    r->looked_ns = now_ns;
    if (mli_status_is_final(stand.status)) {
        return mli_fail(err, MODELLAB_E_RUN_FINAL, "the run has already ended (%s)",
                        mli_status_name_of_run(stand.status));
    }
    if (stand.cancel_requested_ms >= 0) {
        stop(r, MODELLAB_RUN_CANCELLED, MODELLAB_REASON_CANCELLED_BY_USER);
        return mli_fail(err, MODELLAB_E_CANCELLED, "the run was cancelled on request");
    }
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status check_caps(modellab_record *r, modellab_error *err)
{
    modellab_measures measures = MODELLAB_MEASURES_INIT;
    modellab_error passed = MODELLAB_ERROR_INIT;
    int64_t cost = -1;
    modellab_status status;

    if (r->caps.set == 0) {
        return MODELLAB_OK;
    }
    status = mli_record_measure(r, &measures, &cost, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    status = mli_caps_check(&r->caps, &measures, cost, &passed);
    if (status == MODELLAB_E_CAP_EXCEEDED) {
        modellab_reason reason = reason_of_cap(passed.detail);

        stop(r, mli_settle_status(reason), reason);
        return mli_fail_at(err, status, passed.detail, "%s", passed.message);
    }
    return status == MODELLAB_OK ? status : mli_fail(err, status, "%s", passed.message);
}

modellab_status mli_record_check(modellab_record *r, modellab_error *err)
{
    modellab_status status = must_run(r, err);
    int64_t now_ns = monotonic(r);
    char text[96];

    if (status == MODELLAB_OK && r->stop_status == MODELLAB_RUN_CANCELLED) {
        return mli_fail(err, MODELLAB_E_CANCELLED, "the run was cancelled on request");
    }
    if (status == MODELLAB_OK && r->max_duration_ms > 0 &&
        (now_ns - r->started_ns) / 1000000 >= r->max_duration_ms) {
        mli_settle_text(MODELLAB_REASON_RUN_TIMEOUT, r->max_duration_ms, text, sizeof text);
        stop(r, MODELLAB_RUN_TIMEOUT, MODELLAB_REASON_RUN_TIMEOUT);
        return mli_fail(err, MODELLAB_E_TIMEOUT, "%s", text);
    }
    if (status == MODELLAB_OK) {
        status = check_caps(r, err);
    }
    return status == MODELLAB_OK ? look_for_cancel(r, now_ns, err) : status;
}

void mli_record_progress(modellab_record *r, double audio_seconds)
{
    mli_run_measures measures = MLI_RUN_MEASURES_INIT;
    mli_store_change change = {.measures = &measures};
    modellab_error err = MODELLAB_ERROR_INIT;
    int64_t now_ns = monotonic(r);
    modellab_status status;

    if (r->finished || !(audio_seconds >= 0) || !due(r->told_ns, now_ns, TELL_NS)) {
        if (audio_seconds >= 0) {
            r->progress_seconds = audio_seconds;
        }
        return;
    }
    r->progress_seconds = audio_seconds;
    r->told_ns = now_ns;
    measures.progress_seconds = audio_seconds;
    status = mli_record_apply(r, &change, &err);
    if (status != MODELLAB_OK) {
        mli_log_error(r->logger, MODELLAB_LOG_WARN, "record.progress_not_stored",
                      "progress was not stored", status, &err);
    }
}

modellab_status mli_record_tell(modellab_record *r, const char *details, modellab_error *err)
{
    mli_event_row event = {.type = "step_progress", .step = r->step.name, .data = details};
    mli_store_change change = {.events = &event, .event_count = 1};
    int64_t now_ns = monotonic(r);
    mli_json *parsed = NULL;
    modellab_status status = must_run(r, err);

    if (status == MODELLAB_OK && !r->step.open) {
        status = mli_fail(err, MODELLAB_E_STATE, "no step is open");
    }
    if (status == MODELLAB_OK) {
        status = mli_json_parse(details, strlen(details), DETAILS_BYTES, &parsed, err);
    }
    if (status == MODELLAB_OK && mli_json_typeof(parsed) != MLI_JSON_OBJECT) {
        status = mli_fail(err, MODELLAB_E_SCHEMA, "details are a JSON object");
    }
    mli_json_free(parsed);
    if (status != MODELLAB_OK || !due(r->said_ns, now_ns, TELL_NS)) {
        return status;
    }
    status = mli_record_apply(r, &change, err);
    r->said_ns = status == MODELLAB_OK ? now_ns : r->said_ns;
    return status;
}
