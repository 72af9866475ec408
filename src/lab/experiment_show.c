/* Experiments as JSON: all, one, and how its runs stand. */
#include "lab/experiment_parts.h"

#include "base/error.h"
#include "lab/state.h"
#include <string.h>

static bool is_id(const char *id)
{
    const size_t bytes = strspn(id, "0123456789abcdef");
    return bytes >= 6 && bytes < MLI_EXPERIMENT_ID_BYTES && id[bytes] == '\0';
}

MODELLAB_MUST_CHECK static modellab_status read_snapshot(mli_experiment *e, modellab_error *err)
{
    const char *text = e->row->snapshot_json;
    modellab_status status =
        mli_json_parse(text, strlen(text), MLI_SNAPSHOT_MAX_BYTES, &e->snapshot, err);
    if (status != MODELLAB_OK)
        return status;
    e->inputs = mli_json_get(e->snapshot, "inputs");
    e->candidates = mli_json_get(e->snapshot, "candidates");
    e->input_count = (int32_t)mli_json_count(e->inputs);
    e->candidate_count = (int32_t)mli_json_count(e->candidates);
    e->repetitions = (int32_t)mli_json_int(mli_json_get(e->snapshot, "repetitions"), 1);
    return MODELLAB_OK;
}

modellab_status mli_experiment_load(mli_lab *lab, const char *id, mli_experiment *out,
                                    modellab_error *err)
{
    *out = (mli_experiment){0};
    if (!is_id(id))
        return mli_fail(err, MODELLAB_E_NOT_FOUND,
                        "there is no experiment of this id: it has 64 hex digits, of which six or "
                        "more do when no other begins so");
    modellab_status status = mli_store_experiment_load(lab->store, id, &out->list, err);
    if (status == MODELLAB_OK) {
        out->row = &out->list->rows[0];
        status = read_snapshot(out, err);
    }
    return status;
}

void mli_experiment_dispose(mli_experiment *e)
{
    mli_json_free(e->snapshot);
    mli_experiment_list_free(e->list);
    *e = (mli_experiment){0};
}

const char *mli_experiment_state(const mli_experiment_row *row)
{
    if (row->queued + row->running > 0)
        return "RUNNING";
    return row->ended + row->refused >= row->cells ? "DONE" : "PENDING";
}

const char *mli_experiment_name(const mli_json *array, int32_t index)
{
    return mli_json_string(mli_json_get(mli_json_at(array, (size_t)index), "name"), "");
}

static void put_row(mli_jw *w, const mli_experiment_row *row)
{
    mli_jw_kstring(w, "id", row->id);
    mli_jw_kstring(w, "name", row->name);
    mli_jw_kstring(w, "status", mli_experiment_state(row));
    mli_jw_kutc(w, "created_at", row->created_ms);
    mli_jw_kutc(w, "started_at", row->started_ms);
    mli_jw_kutc(w, "cancelled_at", row->cancelled_ms);
    mli_jw_kint(w, "cells", row->cells);
}

modellab_status mli_experiments_write(mli_lab *lab, mli_buf *out, modellab_error *err)
{
    mli_experiment_list *list = NULL;
    mli_jw w;
    modellab_status status = mli_store_experiments(lab->store, &list, err);
    if (status != MODELLAB_OK)
        return status;
    mli_jw_init(&w, out);
    mli_jw_array(&w);
    for (size_t i = 0; i < list->count; i++) {
        const mli_experiment_row *row = &list->rows[i];
        mli_jw_object(&w);
        put_row(&w, row);
        mli_jw_kint(&w, "queued", row->queued);
        mli_jw_kint(&w, "running", row->running);
        mli_jw_kint(&w, "completed", row->completed);
        mli_jw_kint(&w, "ended", row->ended);
        mli_jw_kint(&w, "refused", row->refused);
        mli_jw_end_object(&w);
    }
    mli_jw_end_array(&w);
    mli_experiment_list_free(list);
    return mli_buf_status(out, err);
}

modellab_status mli_experiment_write(mli_lab *lab, const char *id, mli_buf *out,
                                     modellab_error *err)
{
    mli_experiment e;
    mli_jw w;
    modellab_status status = mli_experiment_load(lab, id, &e, err);
    if (status == MODELLAB_OK) {
        mli_jw_init(&w, out);
        mli_jw_object(&w);
        put_row(&w, e.row);
        mli_jw_key(&w, "snapshot");
        mli_jw_raw(&w, e.row->snapshot_json, strlen(e.row->snapshot_json));
        mli_jw_end_object(&w);
        status = mli_buf_status(out, err);
    }
    mli_experiment_dispose(&e);
    return status;
}

/* Cells by the status of their runs, then those without one. */
static void put_counts(mli_jw *w, const mli_experiment *e, const mli_experiment_cell_list *cells)
{
    int64_t of[MODELLAB_RUN_STALE + 1] = {0}, gone = 0, refused = 0;
    for (size_t i = 0; i < cells->count; i++) {
        const mli_experiment_cell *c = &cells->rows[i];
        if (c->run_id[0] == '\0')
            refused++;
        else if (c->status > 0 && c->status <= MODELLAB_RUN_STALE)
            of[c->status]++;
        else
            gone++;
    }
    mli_jw_key(w, "counts");
    mli_jw_object(w);
    for (int32_t i = MODELLAB_RUN_QUEUED; i <= MODELLAB_RUN_STALE; i++)
        mli_jw_kint(w, mli_status_name_of_run(i), of[i]);
    mli_jw_kint(w, "gone", gone);
    mli_jw_kint(w, "refused", refused);
    mli_jw_kint(w, "not_started", e->row->cells - (int64_t)cells->count);
    mli_jw_end_object(w);
}

static void put_cells(mli_jw *w, const mli_experiment *e, const mli_experiment_cell_list *cells)
{
    mli_jw_key(w, "runs");
    mli_jw_array(w);
    for (size_t i = 0; i < cells->count; i++) {
        const mli_experiment_cell *c = &cells->rows[i];
        const bool refused = c->run_id[0] == '\0';
        mli_jw_object(w);
        mli_jw_kstring(w, "input", mli_experiment_name(e->inputs, c->input));
        mli_jw_kstring(w, "candidate", mli_experiment_name(e->candidates, c->candidate));
        mli_jw_kint(w, "repetition", c->repetition + 1);
        mli_jw_kstring(w, "run_id", refused ? NULL : c->run_id);
        mli_jw_kstring(w, "status",
                       refused          ? "refused"
                       : c->status == 0 ? "gone"
                                        : mli_status_name_of_run(c->status));
        mli_jw_kstring(w, "reason",
                       c->reason != MODELLAB_REASON_NONE ? mli_reason_name(c->reason) : NULL);
        mli_jw_kstring(w, "message", c->message[0] != '\0' ? c->message : NULL);
        mli_jw_end_object(w);
    }
    mli_jw_end_array(w);
}

modellab_status mli_experiment_write_status(mli_lab *lab, const char *id, mli_buf *out,
                                            modellab_error *err)
{
    mli_experiment e;
    mli_experiment_cell_list *cells = NULL;
    mli_jw w;
    modellab_status status = mli_experiment_load(lab, id, &e, err);
    if (status == MODELLAB_OK)
        status = mli_store_experiment_cells_brief(lab->store, e.row->id, &cells, err);
    if (status == MODELLAB_OK) {
        mli_jw_init(&w, out);
        mli_jw_object(&w);
        put_row(&w, e.row);
        put_counts(&w, &e, cells);
        put_cells(&w, &e, cells);
        mli_jw_end_object(&w);
        status = mli_buf_status(out, err);
    }
    mli_experiment_cell_list_free(cells);
    mli_experiment_dispose(&e);
    return status;
}
