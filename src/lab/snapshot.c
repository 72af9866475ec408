/* Loading runs; the facts in the public struct. */
#include "lab/snapshot.h"

#include "base/alloc.h"
#include "base/error.h"

modellab_status mli_run_wrap(mli_lab *lab, mli_run_record *record, modellab_run **out,
                             modellab_error *err)
{
    modellab_run *run = mli_alloc_zero(lab->alloc, sizeof *run);

    if (run == NULL) {
        mli_run_record_free(record);
        return mli_no_memory(err);
    }
    atomic_init(&run->references, 1);
    run->lab = mli_lab_ref(lab);
    run->record = record;
    run->loaded_ms = mli_lab_now_ms(lab);
    *out = run;
    return MODELLAB_OK;
}

modellab_status mli_run_load(mli_lab *lab, const char *run_id, modellab_run **out,
                             modellab_error *err)
{
    mli_run_record *record = NULL;
    modellab_status status;

    *out = NULL;
    if (!mli_ulid_valid(run_id)) {
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no run of this id");
    }
    status = mli_store_load(lab->store, run_id, &record, err);
    return status == MODELLAB_OK ? mli_run_wrap(lab, record, out, err) : status;
}

modellab_run *mli_run_ref(modellab_run *run)
{
    if (run != NULL) {
        atomic_fetch_add_explicit(&run->references, 1, memory_order_relaxed);
    }
    return run;
}

void mli_run_unref(modellab_run *run)
{
    if (run != NULL && atomic_fetch_sub_explicit(&run->references, 1, memory_order_acq_rel) == 1) {
        mli_lab *lab = run->lab;

        mli_run_record_free(run->record);
        mli_free(lab->alloc, run);
        mli_lab_unref(lab);
    }
}

static int64_t span_ms(int64_t from, int64_t to)
{
    return from < 0 || to < 0 ? -1 : (to > from ? to - from : 0);
}

static void fill_texts(const mli_run_row *row, modellab_run_info *out)
{
    out->id = row->id;
    out->request_id = row->request_id;
    out->trace_id = row->trace_id;
    out->user = row->user;
    out->pipeline = row->pipeline;
    out->input_name = row->input_name;
    out->input_sha256 = row->input_sha256;
    out->message = row->message;
    out->failed_step = row->failed_step;
    out->model = row->model;
    out->model_sha256 = row->model_sha256;
    out->engine = row->engine;
    out->sandbox = row->sandbox;
    out->price_sheet = row->price_sheet;
    out->currency = row->currency;
    out->request_json = row->request_json;
    out->parent_run_id = row->parent_run_id;
    out->experiment_id = row->experiment_id;
    out->candidate = row->candidate;
    out->span_id = row->span_id;
    out->trace_parent = row->trace_parent;
    out->trace_state = row->trace_state;
}

void mli_run_fill_info(const modellab_run *run, modellab_run_info *out)
{
    const mli_run_row *row = run->record->run;

    *out = (modellab_run_info){.size = sizeof *out};
    fill_texts(row, out);
    out->status = row->status;
    out->reason = row->reason;
    out->priority = row->priority;
    out->attempt = row->attempt;
    out->fence = row->fence;
    out->last_event = row->last_event;
    out->created_ms = row->created_ms;
    out->started_ms = row->started_ms;
    out->ended_ms = row->ended_ms;
    out->queue_wait_ms =
        row->status == MODELLAB_RUN_QUEUED && row->attempt == 0 ? -1 : row->queue_wait_ms;
    out->duration_ms = span_ms(row->started_ms, row->ended_ms);
    out->input_bytes = row->input_bytes;
    out->audio_seconds = row->audio_seconds;
    out->progress_seconds = row->progress_seconds;
    out->cpu_seconds = row->cpu_seconds;
    out->gpu_seconds = row->gpu_seconds;
    out->peak_memory_bytes = row->peak_memory_bytes;
    out->api_calls = row->api_calls;
    out->cost_micros = row->cost_micros;
    out->estimated_cost_micros = row->estimated_cost_micros;
    out->estimated_cpu_seconds = row->estimated_cpu_seconds;
    out->max_duration_ms = row->max_duration_ms;
}
