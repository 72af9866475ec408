/* A run as JSON: the shape of manifest.json and of modellab_run_to_json() (docs/manifest.md). */
#include "lab/run_json.h"

#include "lab/forecast.h"
#include "lab/request.h"
#include "lab/run_quality.h"
#include "lab/snapshot.h"
#include "lab/state.h"
#include "store/queue.h"
#include <string.h>

void mli_run_put_int(mli_jw *w, const char *key, int64_t value)
{
    mli_jw_key(w, key);
    if (value < 0) {
        mli_jw_null(w);
    } else {
        mli_jw_int(w, value);
    }
}

void mli_run_put_real(mli_jw *w, const char *key, double value)
{
    mli_jw_key(w, key);
    if (value < 0) {
        mli_jw_null(w);
    } else {
        mli_jw_real(w, value);
    }
}

void mli_run_put_text(mli_jw *w, const char *key, const char *text)
{
    mli_jw_kstring(w, key, text == NULL || text[0] == '\0' ? NULL : text);
}

int64_t mli_run_span_ms(int64_t from, int64_t to)
{
    return from < 0 || to < 0 ? -1 : (to > from ? to - from : 0);
}

void mli_run_put_reason(mli_jw *w, modellab_reason reason, const char *message)
{
    mli_jw_key(w, "reason");
    if (reason == MODELLAB_REASON_NONE) {
        mli_jw_null(w);
    } else {
        mli_jw_object(w);
        mli_jw_kstring(w, "name", mli_reason_name(reason));
        mli_jw_kbool(w, "recoverable", mli_reason_recoverable(reason));
        mli_jw_kstring(w, "message",
                       message != NULL && message[0] != '\0' ? message : mli_reason_text(reason));
        mli_jw_end_object(w);
    }
}

static void put_identity(mli_jw *w, const mli_run_row *run)
{
    mli_jw_kint(w, "schema_version", 1);
    mli_jw_kstring(w, "run_id", run->id);
    mli_jw_kstring(w, "status", mli_status_name_of_run(run->status));
    mli_run_put_reason(w, run->reason, run->message);
    mli_run_put_text(w, "failure_step", run->failed_step);
    mli_jw_kint(w, "last_event", run->last_event);
    mli_jw_kint(w, "attempt", run->attempt);
    mli_jw_kint(w, "fence", run->fence);
    mli_jw_kint(w, "priority", run->priority);
    mli_jw_kbool(w, "held", run->status == MODELLAB_RUN_QUEUED && run->gate == MLI_GATE_HELD);
    mli_jw_kbool(w, "recorded", run->is_record != 0);
    mli_jw_kbool(w, "imported", run->imported != 0);
    mli_jw_kstring(w, "request_id", run->request_id);
    mli_run_put_text(w, "trace_id", run->trace_id);
    mli_run_put_text(w, "span_id", run->span_id);
    mli_run_put_text(w, "trace_parent", run->trace_parent);
    mli_run_put_text(w, "trace_state", run->trace_state);
    mli_jw_kstring(w, "source",
                   run->experiment_id[0] != '\0'   ? "experiment"
                   : run->parent_run_id[0] != '\0' ? "rerun"
                                                   : "request");
    mli_run_put_text(w, "parent_run_id", run->parent_run_id);
    mli_run_put_text(w, "experiment_id", run->experiment_id);
    mli_run_put_text(w, "candidate_id", run->candidate);
    mli_run_put_text(w, "user", run->user);
    mli_jw_kutc(w, "requested_at", run->created_ms);
    mli_jw_kutc(w, "started_at", run->started_ms);
    mli_jw_kutc(w, "ended_at", run->ended_ms);
    mli_run_put_int(w, "queue_wait_ms",
                    run->status == MODELLAB_RUN_QUEUED && run->attempt == 0 ? -1
                                                                            : run->queue_wait_ms);
    mli_run_put_int(w, "duration_ms", mli_run_span_ms(run->started_ms, run->ended_ms));
    mli_run_put_int(w, "max_queue_ms", run->max_queue_ms > 0 ? run->max_queue_ms : -1);
    mli_run_put_int(w, "max_duration_ms", run->max_duration_ms > 0 ? run->max_duration_ms : -1);
    mli_jw_kutc(w, "cancel_requested_at", run->cancel_requested_ms);
}

static void put_input(mli_jw *w, const mli_run_row *run)
{
    mli_jw_key(w, "input_metadata");
    mli_jw_object(w);
    mli_run_put_text(w, "name", run->input_name);
    mli_run_put_text(w, "sha256", run->input_sha256);
    mli_run_put_int(w, "bytes", run->input_sha256[0] != '\0' ? run->input_bytes : -1);
    mli_run_put_real(w, "audio_seconds", run->audio_seconds);
    mli_jw_end_object(w);
}

static void put_methods(mli_jw *w, const mli_run_row *run)
{
    mli_json *parsed = NULL; /* what the store gives back is looked at before it is passed on */
    const char *text = run->methods;
    bool good = text[0] != '\0' && mli_json_parse(text, strlen(text), MLI_JSON_MAX_BYTES, &parsed,
                                                  NULL) == MODELLAB_OK;
    mli_jw_key(w, "methods");
    if (good) {
        mli_jw_raw(w, text, strlen(text));
    } else {
        mli_jw_null(w);
    }
    mli_json_free(parsed);
}

static void put_measures(mli_jw *w, const mli_run_row *run)
{
    mli_jw_key(w, "measures");
    mli_jw_object(w);
    mli_run_put_real(w, "cpu_seconds", run->cpu_seconds);
    mli_run_put_real(w, "gpu_seconds", run->gpu_seconds);
    mli_run_put_int(w, "peak_memory_bytes", run->peak_memory_bytes);
    mli_run_put_int(w, "api_calls", run->api_calls);
    mli_run_put_real(w, "audio_seconds", run->audio_seconds);
    mli_run_put_real(w, "progress_seconds", run->progress_seconds);
    mli_run_put_real(w, "wall_seconds", run->attempt > 0 ? (double)run->wall_ms / 1000.0 : -1);
    mli_run_put_real(w, "queue_wait_seconds",
                     run->attempt > 0 ? (double)run->queue_wait_ms / 1000.0 : -1);
    put_methods(w, run);
    mli_jw_end_object(w);
    mli_jw_key(w, "cost");
    mli_jw_object(w);
    mli_run_put_int(w, "micros", run->cost_micros);
    mli_run_put_text(w, "currency", run->currency);
    mli_run_put_text(w, "price_sheet", run->price_sheet);
    mli_run_put_int(w, "estimated_micros", run->estimated_cost_micros);
    mli_run_put_real(w, "estimated_cpu_seconds", run->estimated_cpu_seconds);
    mli_jw_end_object(w);
    mli_run_put_text(w, "sandbox", run->sandbox);
    mli_jw_key(w, "engine");
    mli_jw_object(w);
    mli_run_put_text(w, "model", run->model);
    mli_run_put_text(w, "model_sha256", run->model_sha256);
    mli_run_put_text(w, "description", run->engine);
    mli_jw_end_object(w);
}

void mli_run_put_json(mli_jw *w, const char *key, const char *json, const char *member)
{
    mli_json *parsed = NULL;

    json = json != NULL ? json : "";
    modellab_status status =
        mli_json_parse(json, strlen(json), MLI_REQUEST_MAX_BYTES, &parsed, NULL);
    mli_jw_kjson(w, key, member != NULL ? mli_json_get(parsed, member) : parsed);
    if (status == MODELLAB_E_NO_MEMORY && w->out->status == MODELLAB_OK) {
        w->out->status = status;
    }
    mli_json_free(parsed);
}

static void put_steps(mli_jw *w, const mli_run_record *record)
{
    mli_jw_key(w, "steps");
    mli_jw_array(w);
    for (size_t i = 0; i < record->step_count; i++) {
        const mli_step_row *step = &record->steps[i];

        mli_jw_object(w);
        mli_jw_kstring(w, "name", step->name);
        mli_jw_kstring(w, "status", mli_status_name_of_run(step->status));
        mli_run_put_reason(w, step->reason, step->message);
        mli_jw_kutc(w, "started_at", step->started_ms);
        mli_jw_kutc(w, "ended_at", step->ended_ms);
        mli_run_put_int(w, "duration_ms", mli_run_span_ms(step->started_ms, step->ended_ms));
        mli_run_put_real(w, "cpu_seconds", mli_step_cpu_seconds(step));
        mli_run_put_real(w, "gpu_seconds", step->gpu_seconds);
        mli_run_put_int(w, "peak_memory_bytes", step->peak_memory_bytes);
        mli_run_put_real(w, "audio_seconds", step->audio_seconds);
        mli_run_put_int(w, "api_calls", step->api_calls);
        mli_jw_kint(w, "attempt", step->attempt);
        mli_run_put_text(w, "key", step->key);
        mli_run_put_text(w, "reused_from", step->reused_from);
        mli_run_put_json(w, "requested_config", step->config_json, "requested");
        mli_run_put_json(w, "resolved_config", step->config_json, "resolved");
        mli_run_put_told(w, step);
        mli_jw_end_object(w);
    }
    mli_jw_end_array(w);
    mli_jw_key(w, "steps_completed");
    mli_jw_array(w);
    for (size_t i = 0; i < record->step_count; i++) {
        if (record->steps[i].status == MODELLAB_RUN_COMPLETED) {
            mli_jw_string(w, record->steps[i].name);
        }
    }
    mli_jw_end_array(w);
}

/* Steps without a result, beside the one that the run failed with. */
static void put_warnings(mli_jw *w, const mli_run_record *record)
{
    mli_jw_key(w, "warnings");
    mli_jw_array(w);
    for (size_t i = 0; i < record->step_count; i++) {
        const mli_step_row *step = &record->steps[i];

        if ((step->status == MODELLAB_RUN_FAILED || step->status == MODELLAB_STEP_SKIPPED) &&
            strcmp(step->name, record->run->failed_step) != 0) {
            mli_jw_object(w);
            mli_jw_kstring(w, "step", step->name);
            mli_jw_kstring(w, "status", mli_status_name_of_run(step->status));
            mli_run_put_reason(w, step->reason, step->message);
            mli_jw_end_object(w);
        }
    }
    mli_jw_end_array(w);
}

static void put_artifacts(mli_jw *w, const mli_run_record *record)
{
    mli_jw_key(w, "artifacts");
    mli_jw_array(w);
    for (size_t i = 0; i < record->artifact_count; i++) {
        const mli_artifact_row *a = &record->artifacts[i];

        mli_jw_object(w);
        mli_jw_kstring(w, "id", a->id);
        mli_jw_kstring(w, "filename", a->name);
        mli_run_put_text(w, "role", a->role);
        mli_run_put_text(w, "produced_by", a->step);
        mli_jw_kint(w, "size_bytes", a->bytes);
        mli_run_put_text(w, "content_type", a->media_type);
        mli_run_put_text(w, "sha256", a->sha256);
        mli_jw_kint(w, "fence", a->fence);
        mli_jw_end_object(w);
    }
    mli_jw_end_array(w);
}

static void put_removed(mli_jw *w, const mli_run_row *run)
{
    mli_jw_key(w, "removed");
    mli_jw_array(w);
    if ((run->removed & MLI_PART_INPUT) != 0) {
        mli_jw_string(w, "input");
    }
    if ((run->removed & MLI_PART_ARTIFACTS) != 0) {
        mli_jw_string(w, "artifacts");
    }
    mli_jw_end_array(w);
}

void mli_run_write_json(const mli_run_record *record, mli_buf *out)
{
    const mli_run_row *run = record->run;
    mli_jw w;

    mli_jw_init(&w, out);
    mli_jw_object(&w);
    put_identity(&w, run);
    mli_jw_kstring(&w, "pipeline", run->pipeline);
    mli_run_put_text(&w, "steps_requested", run->steps);
    put_input(&w, run);
    put_measures(&w, run);
    mli_forecast_compare(&w, run);
    put_steps(&w, record);
    put_warnings(&w, record);
    mli_run_put_quality(&w, record);
    put_artifacts(&w, record);
    put_removed(&w, run);
    mli_run_put_json(&w, "seal", run->seal_json, NULL);
    mli_run_put_json(&w, "labels", run->labels_json, NULL);
    mli_run_put_json(&w, "request", run->request_json, NULL);
    mli_jw_end_object(&w);
}
