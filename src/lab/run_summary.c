/* A run as lists show it: short, and made of its row without reading files. */
#include "lab/queue.h"
#include "lab/run_json.h"
#include "lab/run_quality.h"
#include "lab/run_result.h"
#include "lab/state.h"
#include "store/queue.h"

static void put_progress(mli_jw *w, const mli_run_row *run, int64_t now_ms)
{
    double fraction = -1, eta = -1;

    mli_jw_key(w, "progress");
    if (run->attempt == 0) {
        mli_jw_null(w);
        return;
    }
    if (run->status == MODELLAB_RUN_COMPLETED) {
        fraction = 1;
    } else if (run->audio_seconds > 0 && run->progress_seconds >= 0) {
        fraction = run->progress_seconds / run->audio_seconds;
        fraction = fraction < 1 ? fraction : 1;
    }
    if (run->status == MODELLAB_RUN_RUNNING) {
        int64_t end = mli_run_expected_end(run, now_ms);

        eta = end >= 0 ? (double)(end > now_ms ? end - now_ms : 0) / 1000.0 : -1;
    }
    mli_jw_object(w);
    mli_run_put_real(w, "fraction", fraction);
    mli_run_put_real(w, "seconds", run->progress_seconds);
    mli_run_put_real(w, "eta_seconds", eta);
    mli_jw_end_object(w);
}

static void put_input(mli_jw *w, const mli_run_row *run)
{
    mli_jw_key(w, "input");
    if (run->input_sha256[0] == '\0') {
        mli_jw_null(w);
        return;
    }
    mli_jw_object(w);
    mli_jw_kstring(w, "name", run->input_name);
    mli_jw_kstring(w, "sha256", run->input_sha256);
    mli_run_put_int(w, "bytes", run->input_bytes);
    mli_run_put_real(w, "audio_seconds", run->audio_seconds);
    mli_jw_end_object(w);
}

static void put_origin(mli_jw *w, const mli_run_row *run)
{
    mli_jw_kstring(w, "source",
                   run->experiment_id[0] != '\0'   ? "experiment"
                   : run->parent_run_id[0] != '\0' ? "rerun"
                                                   : "request");
    mli_run_put_text(w, "parent_run_id", run->parent_run_id);
    mli_run_put_text(w, "experiment_id", run->experiment_id);
    mli_run_put_text(w, "candidate_id", run->candidate);
    mli_run_put_text(w, "request_id", run->request_id);
}

static void put_times(mli_jw *w, const mli_run_row *run)
{
    mli_jw_kutc(w, "requested_at", run->created_ms);
    mli_jw_kutc(w, "started_at", run->started_ms);
    mli_jw_kutc(w, "ended_at", run->ended_ms);
    mli_run_put_int(w, "queue_wait_ms",
                    run->status == MODELLAB_RUN_QUEUED && run->attempt == 0 ? -1
                                                                            : run->queue_wait_ms);
    mli_run_put_int(w, "duration_ms", mli_run_span_ms(run->started_ms, run->ended_ms));
}

void mli_run_write_summary(const mli_run_record *record, int64_t now_ms, mli_buf *out)
{
    const mli_run_row *run = record->run;
    mli_jw w;

    mli_buf_reserve(out, 1023); /* most are 800 bytes long */
    mli_jw_init(&w, out);
    mli_jw_object(&w);
    mli_jw_kstring(&w, "run_id", run->id);
    mli_jw_kstring(&w, "status", mli_status_name_of_run(run->status));
    mli_run_put_reason(&w, run->reason, run->message);
    put_progress(&w, run, now_ms);
    mli_jw_kstring(&w, "pipeline", run->pipeline);
    mli_run_put_text(&w, "steps_requested", run->steps);
    mli_run_put_text(&w, "user", run->user);
    mli_run_put_text(&w, "model", run->model);
    mli_jw_kint(&w, "priority", run->priority);
    mli_jw_kbool(&w, "held", run->status == MODELLAB_RUN_QUEUED && run->gate == MLI_GATE_HELD);
    put_origin(&w, run);
    put_times(&w, run);
    put_input(&w, run);
    mli_jw_key(&w, "cost");
    mli_jw_object(&w);
    mli_run_put_int(&w, "micros", run->cost_micros);
    mli_jw_kstring(&w, "currency", run->currency);
    mli_run_put_int(&w, "estimated_micros", run->estimated_cost_micros);
    mli_jw_end_object(&w);
    mli_run_put_text(&w, "failure_step", run->failed_step);
    mli_jw_kint(&w, "last_event", run->last_event);
    mli_run_put_flags(&w, record);
    mli_run_put_json(&w, "labels", run->labels_json[0] != '\0' ? run->labels_json : "{}", NULL);
    mli_jw_end_object(&w);
}
