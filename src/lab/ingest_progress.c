/* Progress of a step: an event in seconds of audio, with speed and the time that is left. */
#include "base/error.h"
#include "lab/ingest_private.h"
#include <string.h>

/* Before so long a speed is noise. */
#define LEAST_MS 50

void mli_ingest_note_step(mli_ingest *ingest, const mli_journal_line *line)
{
    if (strcmp(line->type, "step_started") == 0) {
        ingest->step_ms = line->time_ms;
        ingest->step_seconds = 0;
    } else if (strcmp(line->type, "step_resumed") == 0) {
        double from = mli_line_real(line, "from_seconds");
        ingest->step_ms = line->time_ms;
        ingest->step_seconds = from > 0 ? from : 0;
    }
}

double mli_progress_speed(double done, double from, int64_t elapsed_ms)
{
    return elapsed_ms >= LEAST_MS && done > from ? (done - from) * 1000.0 / (double)elapsed_ms : -1;
}

double mli_progress_eta(double done, double total, double speed)
{
    return speed > 0 && total >= done ? (total - done) / speed : -1;
}

static void write_data(const mli_ingest *ingest, const mli_journal_line *line, mli_buf *data)
{
    mli_jw w;
    double done = mli_line_real(line, "done_seconds");
    double total = mli_line_real(line, "total_seconds");
    int64_t elapsed_ms = ingest->step_ms > 0 ? line->time_ms - ingest->step_ms : -1;
    double speed = mli_progress_speed(done, ingest->step_seconds, elapsed_ms);
    double eta = mli_progress_eta(done, total, speed);
    mli_jw_init(&w, data);
    mli_jw_object(&w);
    mli_jw_kreal(&w, "done_seconds", done);
    mli_jw_kreal(&w, "total_seconds", total);
    if (speed >= 0) {
        mli_jw_kreal(&w, "speed", speed);
    }
    if (eta >= 0) {
        mli_jw_kreal(&w, "eta_seconds", eta);
    }
    mli_jw_end_object(&w);
}

modellab_status mli_ingest_apply_progress(mli_ingest *ingest, const mli_journal_line *line,
                                          modellab_error *err)
{
    mli_buf data;
    mli_buf_init(&data, ingest->lab->alloc);
    write_data(ingest, line, &data);
    modellab_status status = mli_buf_status(&data, err);
    if (status == MODELLAB_OK) {
        mli_run_measures measures = MLI_RUN_MEASURES_INIT;
        measures.progress_seconds = mli_line_real(line, "done_seconds");
        mli_event_row event = {.time_ms = line->time_ms,
                               .type = "step_progress",
                               .step = mli_line_text(line, "step"),
                               .data = mli_buf_text(&data)};
        mli_store_change change = {
            .journal_line = line->n, .measures = &measures, .events = &event, .event_count = 1};
        status = mli_ingest_apply(ingest, &change, err);
    }
    mli_buf_dispose(&data);
    return status;
}
