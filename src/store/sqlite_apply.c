/* Applying a change to a run: steps, artifacts, measures, events and the transition in one
 * transaction that names run, status and fence. */
#include "base/error.h"
#include "store/sqlite_ledger.h"
#include <string.h>

modellab_status mli_sqlite_put_step(mli_sqlite *s, const char *run_id, const mli_step_row *step,
                                    modellab_error *err)
{
    mli_query q = mli_query_open(s, MLI_SQL_STEP_PUT);

    mli_query_text(&q, run_id);
    mli_query_text(&q, step->name);
    mli_query_text(&q, step->message);
    mli_query_int(&q, step->status);
    mli_query_int(&q, step->reason);
    mli_query_int(&q, step->started_ms);
    mli_query_int(&q, step->ended_ms);
    mli_query_int(&q, step->peak_memory_bytes);
    mli_query_real(&q, step->cpu_seconds);
    mli_query_int(&q, step->position);
    mli_query_int(&q, step->attempt);
    mli_query_real(&q, step->gpu_seconds);
    mli_query_real(&q, step->audio_seconds);
    mli_query_int(&q, step->api_calls);
    mli_query_text(&q, step->key);
    mli_query_text(&q, step->reused_from);
    mli_query_text(&q, step->config_json);
    mli_query_text(&q, step->told_json);
    return mli_query_run(&q, err);
}

modellab_status mli_sqlite_put_artifact(mli_sqlite *s, const char *run_id,
                                        const mli_artifact_row *artifact, modellab_error *err)
{
    mli_query q = mli_query_open(s, MLI_SQL_ARTIFACT_PUT);

    mli_query_text(&q, run_id);
    mli_query_text(&q, artifact->id);
    mli_query_text(&q, artifact->step);
    mli_query_text(&q, artifact->name);
    mli_query_text(&q, artifact->media_type);
    mli_query_text(&q, artifact->sha256);
    mli_query_text(&q, artifact->file);
    mli_query_text(&q, artifact->role);
    mli_query_int(&q, artifact->bytes);
    mli_query_int(&q, artifact->fence);
    return mli_query_run(&q, err);
}

MODELLAB_MUST_CHECK static modellab_status
put_measures(mli_sqlite *s, const char *run_id, const mli_run_measures *m, modellab_error *err)
{
    mli_query q = mli_query_open(s, MLI_SQL_RUN_MEASURES);

    mli_query_text(&q, run_id);
    mli_query_real(&q, m->audio_seconds);
    mli_query_real(&q, m->progress_seconds);
    mli_query_real(&q, m->cpu_seconds);
    mli_query_real(&q, m->gpu_seconds);
    mli_query_int(&q, m->peak_memory_bytes);
    mli_query_int(&q, m->api_calls);
    mli_query_int(&q, m->cost_micros);
    mli_query_text(&q, m->model);
    mli_query_text(&q, m->model_sha256);
    mli_query_text(&q, m->engine);
    mli_query_text(&q, m->sandbox);
    return mli_query_run(&q, err);
}

MODELLAB_MUST_CHECK static modellab_status put_transition(mli_sqlite *s,
                                                          const mli_store_change *change,
                                                          int64_t *last_event, modellab_error *err)
{
    const mli_run_transition *t = change->transition;
    bool final = mli_sqlite_final(t->to);
    bool dead = t->worked_until_ms > 0 && t->worked_until_ms < change->now_ms;
    int64_t until_ms = dead ? t->worked_until_ms : change->now_ms;
    bool before = t->ended_ms > 0 && t->ended_ms < change->now_ms;
    int64_t ended_ms = before ? t->ended_ms : change->now_ms;
    mli_event_row event = {.type = t->event_type, .step = t->failed_step, .data = t->event_data};
    modellab_status status = MODELLAB_OK;
    mli_query q;

    if (change->expect == MODELLAB_RUN_RUNNING) {
        status = mli_sqlite_queue_charge(s, change->run_id, t->to == MODELLAB_RUN_COMPLETED,
                                         until_ms, err);
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    q = mli_query_open(s, MLI_SQL_RUN_TRANSITION);
    mli_query_text(&q, change->run_id);
    mli_query_int(&q, change->expect);
    mli_query_int(&q, change->fence);
    mli_query_int(&q, t->to);
    mli_query_int(&q, t->reason);
    mli_query_text(&q, t->message);
    mli_query_text(&q, t->failed_step);
    mli_query_int(&q, final ? ended_ms : -1);
    mli_query_int(&q, t->not_before_ms);
    mli_query_text(&q, t->seal_json);
    mli_query_int(&q, change->now_ms);
    mli_query_text(&q, t->methods);
    mli_query_int(&q, t->retry_delay_ms);
    mli_query_int(&q, until_ms);
    status = mli_query_run(&q, err);
    if (status == MODELLAB_OK && sqlite3_changes(s->db) != 1) {
        status = mli_fail(err, MODELLAB_E_INTERNAL, "a transition changed %d runs",
                          sqlite3_changes(s->db));
    }
    if (status == MODELLAB_OK) {
        status = mli_sqlite_put_event(s, change->run_id, &event, change->now_ms, last_event, err);
    }
    if (status == MODELLAB_OK && (change->expect == MODELLAB_RUN_RUNNING || final)) {
        status = mli_sqlite_ledger_settle(s, change->run_id, err);
    }
    if (status == MODELLAB_OK && final) {
        status = mli_sqlite_count_final(s, change->run_id, err);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status
check_stand(const mli_store_change *change, const mli_run_stand *stand, modellab_error *err)
{
    bool late = change->late_seal != NULL;
    bool whole = change->step_count > 0 || change->measures != NULL || change->transition != NULL;

    if (late && (whole || !mli_sqlite_final(stand->status))) {
        return mli_fail(err, MODELLAB_E_STATE, "only artifacts of a run that has ended come late");
    }
    if (!late && mli_sqlite_final(stand->status)) {
        return mli_fail(err, MODELLAB_E_RUN_FINAL, "the run has already ended");
    }
    if (stand->fence != change->fence) {
        return mli_fail_at(err, MODELLAB_E_FENCED, stand->fence,
                           "a newer attempt owns the run (fence %lld, not %lld)",
                           (long long)stand->fence, (long long)change->fence);
    }
    if (!late && stand->status != change->expect) {
        return mli_fail(err, MODELLAB_E_STATE, "the run's status is another one (%d, not %d)",
                        (int)stand->status, (int)change->expect);
    }
    if (change->transition != NULL && change->transition->to == MODELLAB_RUN_QUEUED &&
        stand->cancel_requested_ms >= 0) {
        return mli_fail(err, MODELLAB_E_CANCELLED, "a run that is being cancelled is not requeued");
    }
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status
apply_parts(mli_sqlite *s, const mli_store_change *change, int64_t *last_event, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;

    for (size_t i = 0; status == MODELLAB_OK && i < change->step_count; i++) {
        status = mli_sqlite_put_step(s, change->run_id, &change->steps[i], err);
    }
    for (size_t i = 0; status == MODELLAB_OK && i < change->artifact_count; i++) {
        status = mli_sqlite_put_artifact(s, change->run_id, &change->artifacts[i], err);
    }
    if (status == MODELLAB_OK && change->measures != NULL) {
        status = put_measures(s, change->run_id, change->measures, err);
    }
    for (size_t i = 0; status == MODELLAB_OK && i < change->event_count; i++) {
        status = mli_sqlite_put_event(s, change->run_id, &change->events[i], change->now_ms,
                                      last_event, err);
    }
    if (status == MODELLAB_OK && change->late_seal != NULL && change->late_seal[0] != '\0') {
        mli_query q = mli_query_open(s, MLI_SQL_RUN_SEAL);

        mli_query_text(&q, change->run_id);
        mli_query_text(&q, change->late_seal);
        status = mli_query_run(&q, err);
    }
    if (status == MODELLAB_OK && change->transition != NULL) {
        status = put_transition(s, change, last_event, err);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status
put_position(mli_sqlite *s, const char *run_id, const mli_run_stand *stand, modellab_error *err)
{
    mli_query q = mli_query_open(s, MLI_SQL_RUN_POSITION);

    mli_query_text(&q, run_id);
    mli_query_int(&q, stand->last_event);
    mli_query_int(&q, stand->journal_line);
    return mli_query_run(&q, err);
}

/* With the run's stand, which follows it. */
MODELLAB_MUST_CHECK static modellab_status apply_to(mli_sqlite *s, const mli_store_change *change,
                                                    mli_run_stand *stand, bool *applied,
                                                    modellab_error *err)
{
    modellab_status status;

    if (change->journal_line > 0 && stand->journal_line >= change->journal_line) {
        return MODELLAB_OK; /* these lines are in the record already */
    }
    status = check_stand(change, stand, err);
    if (status == MODELLAB_OK) {
        status = apply_parts(s, change, &stand->last_event, err);
    }
    if (status == MODELLAB_OK) {
        stand->journal_line = change->journal_line > 0 ? change->journal_line : stand->journal_line;
        *applied = true;
    }
    return status;
}

/* The row of the run, which is long, is read and written once for all changes in a row up to its
 * transition. */
modellab_status mli_sqlite_apply_many(mli_sqlite *s, const mli_store_change *const *changes,
                                      size_t count, bool *applied, int64_t *last_event,
                                      modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    size_t i = 0;

    while (status == MODELLAB_OK && i < count) {
        const char *run_id = changes[i]->run_id;
        bool some = false, more = true;
        mli_run_stand stand = {0};

        status = mli_sqlite_stand(s, run_id, &stand, err);
        while (status == MODELLAB_OK && more) {
            const mli_store_change *change = changes[i++];

            status = apply_to(s, change, &stand, &some, err);
            more =
                i < count && change->transition == NULL && strcmp(changes[i]->run_id, run_id) == 0;
        }
        if (status == MODELLAB_OK && some) {
            status = put_position(s, run_id, &stand, err);
        }
        *applied = status == MODELLAB_OK && some;
        *last_event = stand.last_event;
    }
    return status;
}

typedef struct application {
    const mli_store_change *change;
    bool *applied;
    int64_t *last_event;
} application;

MODELLAB_MUST_CHECK static modellab_status run_apply(mli_sqlite *s, void *arg, modellab_error *err)
{
    const application *a = arg;

    return mli_sqlite_apply_many(s, &a->change, 1, a->applied, a->last_event, err);
}

modellab_status mli_sqlite_apply(mli_store *store, const mli_store_change *change, bool *applied,
                                 int64_t *last_event, modellab_error *err)
{
    application a = {change, applied, last_event};
    bool lazy = change->lazy && change->transition == NULL;
    modellab_status status = mli_sqlite_write((mli_sqlite *)store, run_apply, &a, lazy, err);

    *applied = *applied && status == MODELLAB_OK;
    return status;
}
