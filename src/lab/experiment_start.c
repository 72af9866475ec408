/* Starting an experiment: one run for each cell, whoever asks and how often. The run's idempotency
 * key is the cell's, so that a crash between the run and the note of it makes no second one. A run
 * that was cancelled or lost gets a successor, whose key names it besides. */
#include "lab/experiment_parts.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "lab/cancel.h"
#include "lab/request.h"
#include "lab/rerun.h"
#include "lab/submit.h"
#include "log/logger.h"
#include "os/locale.h"
#include <string.h>

#define MOST_LOST 1000 /* runs of a cell */

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

/* What the cells of an input share. */
typedef struct starter {
    mli_lab *lab;
    const mli_experiment *e;
    const mli_experiment_cell **noted; /* of each place; NULL = nothing */
    const mli_cancel_word *cancel;
    mli_findings *report;
    references references;
    mli_buf request;
} starter;

/* The run of a key: a new one, or the one that has it. */
MODELLAB_MUST_CHECK static modellab_status submit(starter *s, const mli_experiment_cell *cell,
                                                  const char *key, char run_id[MLI_ULID_BYTES],
                                                  modellab_error *err)
{
    const mli_experiment *e = s->e;
    const mli_json *input = mli_json_at(e->inputs, (size_t)cell->input);
    const mli_run_origin origin = {e->row->id, mli_experiment_name(e->candidates, cell->candidate),
                                   mli_json_string(mli_json_get(input, "sha256"), "")};
    const mli_copy_watch watch = {.cancel = s->cancel, .total = -1};
    modellab_run_submit_options o = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    char path[MLI_PATH_BYTES];
    modellab_status status =
        mli_experiment_object_path(s->lab, e->row->id, origin.input_sha256, path, err);
    mli_buf_clear(&s->request);
    if (status == MODELLAB_OK)
        status = make_request(e, mli_json_at(e->candidates, (size_t)cell->candidate), key,
                              &s->references, &s->request, err);
    if (status != MODELLAB_OK)
        return status;
    o.request = mli_buf_text(&s->request);
    o.input_path = path;
    o.input_name = mli_experiment_name(e->inputs, cell->input);
    return mli_run_submit_child(s->lab, &o, NULL, &origin, &watch, run_id, NULL, err);
}

/* A run that was found by its key may have been lost before the experiment was deleted and made
 * again: then the next one, until one is alive. */
MODELLAB_MUST_CHECK static modellab_status submit_living(starter *s,
                                                         const mli_experiment_cell *cell,
                                                         char run_id[MLI_ULID_BYTES],
                                                         modellab_error *err)
{
    char key[129], before[MLI_ULID_BYTES] = "";
    if (cell->replaces != NULL)
        (void)mli_str_copy(before, sizeof before, cell->replaces);
    for (int i = 0; i < MOST_LOST; i++) {
        modellab_run_status now = 0;
        if (mli_cancelled(s->cancel))
            return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
        (void)mli_os_format(key, sizeof key, "experiment:%s:%d:%d:%d%s%s", s->e->row->id,
                            (int)cell->input, (int)cell->candidate, (int)cell->repetition,
                            before[0] != '\0' ? ":" : "", before);
        modellab_status status = submit(s, cell, key, run_id, err);
        if (status == MODELLAB_OK)
            status = mli_store_status(s->lab->store, run_id, &now, err);
        if (status != MODELLAB_OK || !mli_experiment_is_lost(now, ""))
            return status;
        memcpy(before, run_id, sizeof before);
    }
    return mli_fail(err, MODELLAB_E_LIMIT, "its runs were cancelled or lost %d times", MOST_LOST);
}

MODELLAB_MUST_CHECK static modellab_status submit_cell(starter *s, mli_experiment_cell *cell,
                                                       modellab_error *err)
{
    modellab_error why = MODELLAB_ERROR_INIT;
    char run_id[MLI_ULID_BYTES];
    const modellab_status status = submit_living(s, cell, run_id, &why);
    if (status != MODELLAB_OK && !is_refusal(status))
        return mli_fail_at(err, status, why.detail, "%s", why.message);
    cell->run_id = status == MODELLAB_OK ? run_id : "";
    cell->message = status == MODELLAB_OK ? "" : why.message;
    if (status != MODELLAB_OK)
        tell_refusal(s->lab, s->e, cell, &why, s->report);
    return note(s->lab, s->e->row->id, cell, err);
}

static size_t place_of(const mli_experiment *e, const mli_experiment_cell *cell)
{
    return ((size_t)cell->input * (size_t)e->candidate_count + (size_t)cell->candidate) *
               (size_t)e->repetitions +
           (size_t)cell->repetition;
}

/* All cells of one input that have no run, or have lost it. */
MODELLAB_MUST_CHECK static modellab_status start_input(starter *s, int32_t input,
                                                       modellab_error *err)
{
    const mli_experiment *e = s->e;
    const int32_t all = e->candidate_count * e->repetitions;
    mli_buf_init(&s->references.text, s->lab->alloc);
    mli_buf_init(&s->references.turns, s->lab->alloc);
    modellab_status status = read_references(
        s->lab, e->row->id, mli_json_at(e->inputs, (size_t)input), &s->references, err);
    for (int32_t i = 0; status == MODELLAB_OK && i < all; i++) {
        mli_experiment_cell cell = {.input = input,
                                    .candidate = i % e->candidate_count,
                                    .repetition = i / e->candidate_count,
                                    .run_id = "",
                                    .message = "",
                                    .kept_json = ""};
        const mli_experiment_cell *noted = s->noted[place_of(e, &cell)];
        if (noted != NULL && noted->run_id[0] != '\0') {
            if (!mli_experiment_is_lost(noted->status, noted->kept_json))
                continue;
            cell.replaces = noted->run_id;
        }
        status = submit_cell(s, &cell, err);
    }
    mli_buf_dispose(&s->references.text);
    mli_buf_dispose(&s->references.turns);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status start_all(starter *s, modellab_error *err)
{
    mli_experiment_cell_list *cells = NULL;
    modellab_status status =
        mli_store_experiment_cells_brief(s->lab->store, s->e->row->id, &cells, err);
    for (size_t i = 0; status == MODELLAB_OK && i < cells->count; i++) {
        const size_t place = place_of(s->e, &cells->rows[i]);
        if (place < MLI_EXPERIMENT_CELLS)
            s->noted[place] = &cells->rows[i];
    }
    mli_buf_init(&s->request, s->lab->alloc);
    for (int32_t i = 0; status == MODELLAB_OK && i < s->e->input_count; i++)
        status = start_input(s, i, err);
    mli_buf_dispose(&s->request);
    mli_experiment_cell_list_free(cells);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status start(mli_lab *lab, const mli_experiment *e,
                                                 const mli_cancel_word *cancel,
                                                 mli_findings *report, modellab_error *err)
{
    starter s = {.lab = lab, .e = e, .cancel = cancel, .report = report};
    const int64_t now = mli_lab_now_ms(lab);
    if ((int64_t)e->input_count * e->candidate_count * e->repetitions > MLI_EXPERIMENT_CELLS)
        return mli_fail(err, MODELLAB_E_LIMIT, "the experiment has more runs than are accepted");
    modellab_status status = mli_experiment_check_models(lab, e->snapshot, err);
    if (status == MODELLAB_OK)
        status =
            mli_store_experiment_mark(lab->store, e->row->id, MLI_EXPERIMENT_STARTED, now, err);
    if (status == MODELLAB_OK && e->row->cancelled_ms >= 0)
        status =
            mli_store_experiment_mark(lab->store, e->row->id, MLI_EXPERIMENT_RESUMED, now, err);
    if (status != MODELLAB_OK)
        return status;
    s.noted = mli_alloc_zero(lab->alloc, sizeof *s.noted * MLI_EXPERIMENT_CELLS);
    status = s.noted != NULL ? start_all(&s, err) : mli_no_memory(err);
    mli_free(lab->alloc, s.noted);
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
        status = mli_store_experiment_cells_brief(lab->store, e.row->id, &cells, err);
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
