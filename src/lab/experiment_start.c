/* Starting an experiment: one run for each cell, whoever asks and how often. The run's idempotency
 * key is the cell's, so that a crash between the run and the note of it makes no second one. */
#include "lab/experiment_parts.h"

#include "base/error.h"
#include "lab/cancel.h"
#include "lab/request.h"
#include "lab/rerun.h"
#include "lab/submit.h"
#include "log/logger.h"
#include "os/locale.h"
#include <string.h>

/* Of one input: references as texts. */
typedef struct references {
    mli_buf text, turns;
    bool has_text, has_turns;
} references;

MODELLAB_MUST_CHECK static modellab_status read_one(mli_lab *lab, const char *id,
                                                    const mli_json *input, const char *key,
                                                    bool *has, mli_buf *out, modellab_error *err)
{
    const mli_json *reference = mli_json_get(input, key);
    *has = reference != NULL;
    return reference == NULL
               ? MODELLAB_OK
               : mli_experiment_read_object(lab, id,
                                            mli_json_string(mli_json_get(reference, "sha256"), ""),
                                            MLI_EXPERIMENT_REFERENCE_BYTES, out, err);
}

MODELLAB_MUST_CHECK static modellab_status read_references(mli_lab *lab, const char *id,
                                                           const mli_json *input, references *out,
                                                           modellab_error *err)
{
    modellab_status status =
        read_one(lab, id, input, "reference_text", &out->has_text, &out->text, err);
    return status == MODELLAB_OK
               ? read_one(lab, id, input, "reference_turns", &out->has_turns, &out->turns, err)
               : status;
}

static void put_steps(mli_jw *w, const mli_json *steps)
{
    bool scores = false;
    mli_jw_key(w, "steps");
    mli_jw_array(w);
    for (size_t i = 0; i < mli_json_count(steps); i++) {
        const char *step = mli_json_string(mli_json_at(steps, i), "");
        scores = scores || strcmp(step, "score") == 0;
        mli_jw_string(w, step);
    }
    if (!scores)
        mli_jw_string(w, "score");
    mli_jw_end_array(w);
}

/* What the request of a cell has beside that of its candidate. */
static void write_patch(const mli_experiment *e, const mli_json *request, const char *key,
                        const references *r, mli_buf *out)
{
    mli_buf scratch;
    mli_jw w;
    mli_buf_init(&scratch, out->alloc);
    mli_jw_init(&w, out);
    mli_jw_object(&w);
    mli_jw_kstring(&w, "idempotency_key", key);
    if (r->has_text || r->has_turns) {
        const mli_json *scoring = mli_json_get(e->snapshot, "scoring"), *value;
        const char *name;
        put_steps(&w, mli_json_get(request, "steps"));
        mli_jw_key(&w, "config");
        mli_jw_object(&w);
        mli_jw_key(&w, "score");
        mli_jw_object(&w);
        for (mli_json_cursor c = mli_json_first(scoring); mli_json_next(&c, &name, &value);)
            mli_experiment_put(&w, name, value, &scratch);
        if (r->has_text)
            mli_jw_kstring(&w, "reference_text", mli_buf_text(&r->text));
        if (r->has_turns)
            mli_jw_kstring(&w, "reference_turns", mli_buf_text(&r->turns));
        mli_jw_end_object(&w);
        mli_jw_end_object(&w);
    }
    mli_jw_end_object(&w);
    mli_buf_dispose(&scratch);
}

MODELLAB_MUST_CHECK static modellab_status make_request(const mli_experiment *e,
                                                        const mli_json *candidate, const char *key,
                                                        const references *r, mli_buf *out,
                                                        modellab_error *err)
{
    const mli_json *request = mli_json_get(candidate, "request");
    mli_json *patch = NULL;
    mli_buf accepted, text;
    mli_buf_init(&accepted, out->alloc);
    mli_buf_init(&text, out->alloc);
    write_patch(e, request, key, r, &text);
    modellab_status status = mli_buf_status(&text, err);
    if (status == MODELLAB_OK)
        status = mli_json_parse(text.data, text.size, MLI_SNAPSHOT_MAX_BYTES, &patch, err);
    if (status == MODELLAB_OK)
        status = mli_json_dump(request, &accepted, err);
    if (status == MODELLAB_OK)
        status = mli_rerun_request(mli_buf_text(&accepted), patch, out, err);
    mli_json_free(patch);
    mli_buf_dispose(&accepted);
    mli_buf_dispose(&text);
    return status;
}

/* A run alone is refused, others may be accepted; else nothing more is tried. */
static bool is_refusal(modellab_status status)
{
    return status == MODELLAB_E_CAP_EXCEEDED || status == MODELLAB_E_SCHEMA ||
           status == MODELLAB_E_INVALID_AUDIO || status == MODELLAB_E_UNSUPPORTED_FORMAT ||
           status == MODELLAB_E_LIMIT;
}

static void tell_refusal(mli_lab *lab, const mli_experiment *e, const mli_experiment_cell *cell,
                         const modellab_error *why, mli_findings *report)
{
    mli_findings_add(report, MODELLAB_SEVERITY_WARNING, "experiment.refused", "",
                     "The run of \"%s\" on \"%s\" was refused: %s",
                     mli_experiment_name(e->candidates, cell->candidate),
                     mli_experiment_name(e->inputs, cell->input), why->message);
    mli_log_error(lab->logger, MODELLAB_LOG_WARN, "experiment.refused",
                  "a run of an experiment was refused", why->code, why);
}

/* Notes it; that another one who started the experiment was faster is as well: it is the same run.
 */
MODELLAB_MUST_CHECK static modellab_status
note(mli_lab *lab, const char *id, const mli_experiment_cell *cell, modellab_error *err)
{
    modellab_status status = mli_store_experiment_cell(lab->store, id, cell, err);
    if (status == MODELLAB_E_ALREADY_EXISTS) {
        mli_error_clear(err);
        status = MODELLAB_OK;
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status
submit_cell(mli_lab *lab, const mli_experiment *e, mli_experiment_cell *cell, const char *request,
            const mli_cancel_word *cancel, mli_findings *report, modellab_error *err)
{
    const mli_json *input = mli_json_at(e->inputs, (size_t)cell->input);
    const mli_run_origin origin = {e->row->id, mli_experiment_name(e->candidates, cell->candidate),
                                   mli_json_string(mli_json_get(input, "sha256"), "")};
    const mli_copy_watch watch = {.cancel = cancel, .total = -1};
    modellab_run_submit_options o = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    modellab_error why = MODELLAB_ERROR_INIT;
    char path[MLI_PATH_BYTES], run_id[MLI_ULID_BYTES];
    modellab_status status =
        mli_experiment_object_path(lab, e->row->id, origin.input_sha256, path, err);
    if (status != MODELLAB_OK)
        return status;
    o.request = request;
    o.input_path = path;
    o.input_name = mli_experiment_name(e->inputs, cell->input);
    status = mli_run_submit_child(lab, &o, NULL, &origin, &watch, run_id, NULL, &why);
    if (status != MODELLAB_OK && !is_refusal(status))
        return mli_fail_at(err, status, why.detail, "%s", why.message);
    cell->run_id = status == MODELLAB_OK ? run_id : "";
    cell->message = status == MODELLAB_OK ? "" : why.message;
    if (status != MODELLAB_OK)
        tell_refusal(lab, e, cell, &why, report);
    status = note(lab, e->row->id, cell, err);
    cell->run_id = cell->message = "";
    return status;
}

/* Which cells have a run already, by their place. */
static size_t place_of(const mli_experiment *e, const mli_experiment_cell *cell)
{
    return ((size_t)cell->input * (size_t)e->candidate_count + (size_t)cell->candidate) *
               (size_t)e->repetitions +
           (size_t)cell->repetition;
}

MODELLAB_MUST_CHECK static modellab_status find_done(mli_lab *lab, const mli_experiment *e,
                                                     bool done[MLI_EXPERIMENT_CELLS],
                                                     modellab_error *err)
{
    mli_experiment_cell_list *cells = NULL;
    modellab_status status = mli_store_experiment_cells(lab->store, e->row->id, NULL, &cells, err);
    for (size_t i = 0; status == MODELLAB_OK && i < cells->count; i++) {
        const size_t place = place_of(e, &cells->rows[i]);
        if (place < MLI_EXPERIMENT_CELLS && cells->rows[i].run_id[0] != '\0')
            done[place] = true;
    }
    mli_experiment_cell_list_free(cells);
    return status;
}

/* All cells of one input. */
MODELLAB_MUST_CHECK static modellab_status start_input(mli_lab *lab, const mli_experiment *e,
                                                       int32_t input, const bool *done,
                                                       const mli_cancel_word *cancel,
                                                       mli_findings *report, modellab_error *err)
{
    references r = {.has_text = false};
    mli_buf request;
    mli_buf_init(&r.text, lab->alloc);
    mli_buf_init(&r.turns, lab->alloc);
    mli_buf_init(&request, lab->alloc);
    modellab_status status =
        read_references(lab, e->row->id, mli_json_at(e->inputs, (size_t)input), &r, err);
    const int32_t all = e->candidate_count * e->repetitions;
    for (int32_t i = 0; status == MODELLAB_OK && i < all; i++) {
        mli_experiment_cell cell = {.input = input,
                                    .candidate = i % e->candidate_count,
                                    .repetition = i / e->candidate_count,
                                    .run_id = "",
                                    .message = "",
                                    .kept_json = ""};
        char key[129];
        if (done[place_of(e, &cell)])
            continue;
        if (mli_cancelled(cancel)) {
            status = mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
            break;
        }
        (void)mli_os_format(key, sizeof key, "experiment:%s:%d:%d:%d", e->row->id, (int)input,
                            (int)cell.candidate, (int)cell.repetition);
        mli_buf_clear(&request);
        status = make_request(e, mli_json_at(e->candidates, (size_t)cell.candidate), key, &r,
                              &request, err);
        if (status == MODELLAB_OK)
            status = submit_cell(lab, e, &cell, mli_buf_text(&request), cancel, report, err);
    }
    mli_buf_dispose(&r.text);
    mli_buf_dispose(&r.turns);
    mli_buf_dispose(&request);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status start(mli_lab *lab, const mli_experiment *e,
                                                 const mli_cancel_word *cancel,
                                                 mli_findings *report, modellab_error *err)
{
    bool done[MLI_EXPERIMENT_CELLS] = {false};
    const int64_t now = mli_lab_now_ms(lab);
    if ((int64_t)e->input_count * e->candidate_count * e->repetitions > MLI_EXPERIMENT_CELLS)
        return mli_fail(err, MODELLAB_E_LIMIT, "the experiment has more runs than are accepted");
    modellab_status status = mli_experiment_check_models(lab, e->snapshot, err);
    if (status == MODELLAB_OK)
        status = find_done(lab, e, done, err);
    if (status == MODELLAB_OK)
        status =
            mli_store_experiment_mark(lab->store, e->row->id, MLI_EXPERIMENT_STARTED, now, err);
    if (status == MODELLAB_OK && e->row->cancelled_ms >= 0)
        status =
            mli_store_experiment_mark(lab->store, e->row->id, MLI_EXPERIMENT_RESUMED, now, err);
    for (int32_t i = 0; status == MODELLAB_OK && i < e->input_count; i++)
        status = start_input(lab, e, i, done, cancel, report, err);
    return status;
}

modellab_status mli_experiment_start(mli_lab *lab, const char *id, const mli_cancel_word *cancel,
                                     mli_findings *report, modellab_error *err)
{
    mli_experiment e;
    modellab_status status = mli_lab_check(lab, true, err);
    if (status != MODELLAB_OK)
        return status;
    status = mli_experiment_load(lab, id, &e, err);
    if (status == MODELLAB_OK) {
        mli_log(lab->logger, MODELLAB_LOG_INFO, "experiment.starting",
                "the runs of an experiment are being submitted",
                MLI_LOG_FIELDS(mli_log_string("experiment_id", e.row->id),
                               mli_log_int("cells", e.row->cells)));
        status = start(lab, &e, cancel, report, err);
        if (status == MODELLAB_OK)
            mli_log(lab->logger, MODELLAB_LOG_INFO, "experiment.started",
                    "the runs of an experiment were submitted",
                    MLI_LOG_FIELDS(mli_log_string("experiment_id", e.row->id)));
        else
            mli_log_error(lab->logger, MODELLAB_LOG_WARN, "experiment.not_started",
                          "not all runs of an experiment were submitted", status, err);
    }
    mli_experiment_dispose(&e);
    return status;
}

modellab_status mli_experiment_cancel(mli_lab *lab, const char *id, int64_t *asked,
                                      modellab_error *err)
{
    mli_experiment e;
    mli_experiment_cell_list *cells = NULL;
    modellab_status status = mli_lab_check(lab, true, err);
    *asked = 0;
    if (status != MODELLAB_OK)
        return status;
    status = mli_experiment_load(lab, id, &e, err);
    if (status == MODELLAB_OK)
        status = mli_store_experiment_mark(lab->store, e.row->id, MLI_EXPERIMENT_CANCELLED,
                                           mli_lab_now_ms(lab), err);
    if (status == MODELLAB_OK)
        status = mli_store_experiment_cells(lab->store, e.row->id, NULL, &cells, err);
    for (size_t i = 0; status == MODELLAB_OK && i < cells->count; i++) {
        const mli_experiment_cell *cell = &cells->rows[i];
        modellab_cancel_outcome outcome;
        if (cell->status != MODELLAB_RUN_QUEUED && cell->status != MODELLAB_RUN_RUNNING)
            continue;
        status = mli_run_cancel(lab, cell->run_id, &outcome, err);
        *asked += outcome == MODELLAB_CANCEL_CANCELLED || outcome == MODELLAB_CANCEL_REQUESTED;
    }
    if (status == MODELLAB_OK)
        mli_log(lab->logger, MODELLAB_LOG_INFO, "experiment.cancelled",
                "the runs of an experiment were asked to stop",
                MLI_LOG_FIELDS(mli_log_string("experiment_id", e.row->id),
                               mli_log_int("runs", *asked)));
    mli_experiment_cell_list_free(cells);
    mli_experiment_dispose(&e);
    return status;
}
