/* Where a run stands in the queue and why: the whole queue is loaded and played forward
 * (schedule.h). */
#include "base/error.h"
#include "base/json.h"
#include "lab/queue.h"
#include "lab/schedule.h"
#include "lab/state.h"
#include "lab/wake.h"
#include <string.h>

#define AGAIN_MOST 3 /* a run that starts while it is looked at is looked at again */

typedef struct looking {
    mli_lab *lab;
    const char *run_id;
    int64_t now_ms;
    mli_schedule_policy policy;
    mli_presence_sums sums;
    bool no_allowance; /* the store found no room in its user's caps */
    modellab_run_explanation *out;
} looking;

static void take_row(const mli_run_row *row, modellab_run_explanation *out)
{
    out->status = row->status;
    out->why = MODELLAB_WAIT_NONE;
    out->priority = row->priority;
    out->is_held = row->status == MODELLAB_RUN_QUEUED && row->gate == MLI_GATE_HELD;
    out->is_short = row->size_class == MLI_SIZE_SHORT;
    out->expected_ms = row->expected_ms;
    out->start_ms = row->started_ms;
    out->end_ms = row->ended_ms;
    out->not_before_ms = out->queue_until_ms = -1;
    out->position = out->waiting = 0;
    if (row->status == MODELLAB_RUN_QUEUED) {
        out->not_before_ms = row->gate == MLI_GATE_DELAYED ? row->not_before_ms : -1;
        out->queue_until_ms = row->queue_until_ms > 0 && !out->is_held ? row->queue_until_ms : -1;
    }
}

/* From what it has done so far, else from what it was expected to take. */
int64_t mli_run_expected_end(const mli_run_row *row, int64_t now_ms)
{
    int64_t took = now_ms - row->started_ms;
    int64_t left = -1;
    if (row->progress_seconds > 0 && row->audio_seconds >= row->progress_seconds) {
        left = (int64_t)((double)took * (row->audio_seconds / row->progress_seconds - 1.0));
    } else if (row->expected_ms >= took) {
        left = row->expected_ms - took;
    }
    return left >= 0 ? now_ms + left : -1;
}

MODELLAB_MUST_CHECK static modellab_status place_in(looking *l, const mli_queue_view *view,
                                                    size_t index, modellab_error *err)
{
    mli_schedule_place place;
    mli_schedule_world world = {.supervisors = l->sums.supervisors,
                                .draining = l->sums.draining,
                                .workers = l->sums.workers,
                                .short_workers = l->sums.short_workers,
                                .no_allowance = l->no_allowance};
    modellab_status disk = mli_lab_check_disk(l->lab, 0, NULL);
    world.no_disk = disk == MODELLAB_E_NO_SPACE;
    modellab_status status =
        mli_schedule_explain(view, &l->policy, &world, l->now_ms, index, &place, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    l->out->why = place.why;
    l->out->position = place.position;
    l->out->waiting = place.waiting;
    l->out->start_ms = place.start_ms;
    l->out->end_ms = place.end_ms;
    l->out->user_running = view->users[view->runs[index].user].running;
    for (size_t i = 0; i < view->user_count; i++) {
        l->out->lab_running += view->users[i].running;
    }
    return MODELLAB_OK;
}

/* `*found` false: it is not in the queue any more. */
MODELLAB_MUST_CHECK static modellab_status look_in_queue(looking *l, bool *found,
                                                         modellab_error *err)
{
    mli_queue_view *view = NULL;
    const mli_queue_query query = {.now_ms = l->now_ms};
    modellab_status status = mli_store_queue(l->lab->store, &query, &view, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    size_t i = 0;
    while (i < view->run_count && strcmp(view->runs[i].id, l->run_id) != 0) {
        i++;
    }
    *found = i < view->run_count;
    if (*found) {
        status = place_in(l, view, i, err);
    }
    mli_queue_view_free(view);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status look_once(looking *l, bool *done, modellab_error *err)
{
    mli_run_record *record = NULL;
    modellab_status status = mli_store_load(l->lab->store, l->run_id, &record, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    take_row(record->run, l->out);
    l->no_allowance = record->run->reason == MODELLAB_REASON_WAITING_FOR_CAP;
    *done = true;
    if (record->run->status == MODELLAB_RUN_RUNNING) {
        l->out->end_ms = mli_run_expected_end(record->run, l->now_ms);
    }
    if (record->run->status == MODELLAB_RUN_QUEUED && record->run->is_record == 0) {
        status = look_in_queue(l, done, err);
    }
    mli_run_record_free(record);
    return status;
}

static void put_count(mli_jw *w, const char *key, int64_t value, bool known)
{
    mli_jw_key(w, key);
    if (known) {
        mli_jw_int(w, value);
    } else {
        mli_jw_null(w);
    }
}

static void write_json(const looking *l, mli_buf *json)
{
    const modellab_run_explanation *e = l->out;
    mli_jw w;
    mli_jw_init(&w, json);
    mli_jw_object(&w);
    mli_jw_kstring(&w, "run_id", l->run_id);
    mli_jw_kstring(&w, "status", mli_status_name_of_run(e->status));
    mli_jw_key(&w, "wait");
    mli_jw_object(&w);
    mli_jw_kstring(&w, "reason", mli_wait_name(e->why));
    mli_jw_kstring(&w, "message", mli_wait_text(e->why));
    mli_jw_end_object(&w);
    put_count(&w, "position", e->position, e->position > 0);
    mli_jw_kint(&w, "waiting", e->waiting);
    mli_jw_kutc(&w, "start_at", e->start_ms);
    mli_jw_kutc(&w, "end_at", e->end_ms);
    mli_jw_kutc(&w, "not_before", e->not_before_ms);
    mli_jw_kutc(&w, "queue_deadline_at", e->queue_until_ms);
    put_count(&w, "expected_ms", e->expected_ms, e->expected_ms >= 0);
    mli_jw_kint(&w, "priority", e->priority);
    mli_jw_kbool(&w, "held", e->is_held != 0);
    mli_jw_kstring(&w, "size", e->is_short != 0 ? "short" : "long");
    mli_jw_key(&w, "user");
    mli_jw_object(&w);
    mli_jw_kint(&w, "running", e->user_running);
    put_count(&w, "limit", e->user_limit, e->user_limit > 0);
    mli_jw_end_object(&w);
    mli_jw_key(&w, "lab");
    mli_jw_object(&w);
    mli_jw_kint(&w, "running", e->lab_running);
    put_count(&w, "limit", e->lab_limit, e->lab_limit > 0);
    mli_jw_kint(&w, "supervisors", e->supervisors);
    mli_jw_kint(&w, "workers", e->workers);
    mli_jw_end_object(&w);
    mli_jw_end_object(&w);
}

modellab_status mli_run_explain(mli_lab *lab, const char *run_id, modellab_run_explanation *out,
                                mli_buf *json, modellab_error *err)
{
    looking l = {.lab = lab,
                 .run_id = run_id,
                 .now_ms = mli_lab_now_ms(lab),
                 .policy = MLI_SCHEDULE_POLICY_INIT,
                 .out = out};
    bool done = false;
    l.policy.max_running = out->lab_limit = (int32_t)lab->settings.max_running;
    l.policy.max_running_per_user = out->user_limit = (int32_t)lab->settings.max_running_per_user;
    modellab_status status = mli_supervisors_sum(lab, &l.sums, err);
    out->supervisors = l.sums.supervisors;
    out->workers = l.sums.workers;
    for (int i = 0; i < AGAIN_MOST && status == MODELLAB_OK && !done; i++) {
        status = look_once(&l, &done, err);
    }
    if (status == MODELLAB_OK && json != NULL) {
        write_json(&l, json);
        status = mli_buf_status(json, err);
    }
    return status;
}
