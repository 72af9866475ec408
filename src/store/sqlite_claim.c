/* The claim, the change of a claim's owner, the cancel request, and where a run stands. */
#include "base/error.h"
#include "store/sqlite_ledger.h"
#include <string.h>

bool mli_sqlite_final(modellab_run_status status)
{
    return status >= MODELLAB_RUN_COMPLETED && status <= MODELLAB_RUN_STALE;
}

modellab_status mli_sqlite_stand(mli_sqlite *s, const char *run_id, mli_run_stand *out,
                                 modellab_error *err)
{
    mli_query q = mli_query_open(s, MLI_SQL_RUN_STAND);
    bool found;
    modellab_status status;

    memset(out, 0, sizeof *out);
    mli_query_text(&q, run_id);
    found = mli_query_row(&q);
    if (found) {
        out->status = (modellab_run_status)sqlite3_column_int64(q.statement, 0);
        out->fence = sqlite3_column_int64(q.statement, 1);
        out->last_event = sqlite3_column_int64(q.statement, 2);
        out->journal_line = sqlite3_column_int64(q.statement, 3);
        out->created_ms = sqlite3_column_int64(q.statement, 4);
        out->not_before_ms = sqlite3_column_int64(q.statement, 5);
        out->cancel_requested_ms = sqlite3_column_int64(q.statement, 6);
        out->attempt = (int32_t)sqlite3_column_int64(q.statement, 7);
        out->gate = (mli_gate)sqlite3_column_int64(q.statement, 8);
        out->priority = (int32_t)sqlite3_column_int64(q.statement, 9);
    }
    status = mli_query_close(&q, err);
    if (status == MODELLAB_OK && !found) {
        status = mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no run of this id");
    }
    return status;
}

modellab_status mli_sqlite_load_stand(mli_store *store, const char *run_id, mli_run_stand *out,
                                      modellab_error *err)
{
    mli_sqlite *s = (mli_sqlite *)store;
    modellab_status status = mli_sqlite_enter(s, err);

    if (status == MODELLAB_OK) {
        status = mli_sqlite_stand(s, run_id, out, err);
        mli_sqlite_leave(s);
    }
    return status;
}

modellab_status mli_sqlite_set_position(mli_sqlite *s, const char *run_id, int64_t last_event,
                                        int64_t journal_line, modellab_error *err)
{
    mli_query q = mli_query_open(s, MLI_SQL_RUN_POSITION);

    mli_query_text(&q, run_id);
    mli_query_int(&q, last_event);
    mli_query_int(&q, journal_line);
    return mli_query_run(&q, err);
}

MODELLAB_MUST_CHECK static modellab_status claim_inside(mli_sqlite *s, const mli_store_claim *claim,
                                                        mli_run_row **out, mli_hold *hold,
                                                        mli_cap_verdict *verdict,
                                                        modellab_error *err)
{
    char data[64];
    mli_event_row event = {.type = "run_started", .data = data};
    mli_run_stand stand;
    int64_t wait_ms;
    modellab_status status = mli_sqlite_stand(s, claim->run_id, &stand, err);
    mli_query q;

    if (status != MODELLAB_OK) {
        return status;
    }
    if (mli_sqlite_final(stand.status)) {
        return mli_fail(err, MODELLAB_E_RUN_FINAL, "the run has already ended");
    }
    if (stand.status != MODELLAB_RUN_QUEUED) {
        return mli_fail(err, MODELLAB_E_STATE, "the run is being executed already");
    }
    if (stand.gate == MLI_GATE_HELD || stand.not_before_ms > claim->now_ms) {
        return mli_fail(err, MODELLAB_E_STATE, "the run is held or not due");
    }
    status = mli_sqlite_ledger_hold(s, claim->run_id, claim->now_ms, hold, verdict, err);
    if (status != MODELLAB_OK || verdict->measure != 0) {
        return status;
    }
    status = mli_sqlite_queue_start(s, claim, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    (void)sqlite3_snprintf((int)sizeof data, data, "{\"attempt\":%d,\"fence\":%lld}",
                           (int)stand.attempt + 1, (long long)stand.fence + 1);
    q = mli_query_open(s, MLI_SQL_RUN_CLAIM);
    mli_query_text(&q, claim->run_id);
    mli_query_int(&q, claim->now_ms);
    mli_query_text(&q, claim->owner);
    mli_query_int(&q, hold->held.of[MLI_MEASURE_COST_MICROS]);
    status = mli_query_run(&q, err);
    if (status == MODELLAB_OK) {
        status =
            mli_sqlite_put_event(s, claim->run_id, &event, claim->now_ms, &stand.last_event, err);
    }
    if (status == MODELLAB_OK) {
        status =
            mli_sqlite_set_position(s, claim->run_id, stand.last_event, stand.journal_line, err);
    }
    if (status == MODELLAB_OK) {
        wait_ms = claim->now_ms -
                  (stand.not_before_ms > stand.created_ms ? stand.not_before_ms : stand.created_ms);
        status = mli_sqlite_count_claim(s, wait_ms > 0 ? wait_ms : 0, err);
    }
    return status == MODELLAB_OK ? mli_sqlite_load_row(s, claim->run_id, out, err) : status;
}

MODELLAB_MUST_CHECK static modellab_status note_wait(mli_sqlite *s, const mli_store_claim *claim,
                                                     const mli_cap_verdict *verdict,
                                                     modellab_error *err)
{
    char why[256];
    int64_t soon = claim->now_ms + MLI_CAP_LOOK_AGAIN_MS;

    mli_cap_verdict_text(verdict, why, sizeof why);
    return mli_sqlite_ledger_wait(s, claim->run_id, why,
                                  verdict->until_ms > soon ? verdict->until_ms : soon, err);
}

modellab_status mli_sqlite_run_claim(mli_sqlite *s, void *claiming, modellab_error *err)
{
    mli_sqlite_claiming *c = claiming;
    modellab_status status = claim_inside(s, c->claim, c->out, &c->hold, &c->verdict, err);

    if (status == MODELLAB_OK && c->verdict.measure != 0) {
        status = note_wait(s, c->claim, &c->verdict, err); /* that is committed */
    }
    return status;
}

modellab_status mli_sqlite_end_claim(mli_sqlite *s, mli_sqlite_claiming *c, modellab_status status,
                                     modellab_error *err)
{
    char why[256];

    if (status == MODELLAB_OK && c->verdict.measure != 0) {
        mli_cap_verdict_text(&c->verdict, why, sizeof why);
        status = mli_fail(err, MODELLAB_E_CAP_EXCEEDED, "%s", why);
    }
    if (c->claim->hold != NULL) {
        *c->claim->hold = c->hold;
    }
    if (c->claim->verdict != NULL) {
        *c->claim->verdict = c->verdict;
    }
    if (status != MODELLAB_OK && *c->out != NULL) {
        mli_run_row_free(s->base.has_alloc ? &s->base.alloc : NULL, *c->out);
        *c->out = NULL;
    }
    return status;
}

modellab_status mli_sqlite_claim(mli_store *store, const mli_store_claim *claim, mli_run_row **out,
                                 modellab_error *err)
{
    mli_sqlite *s = (mli_sqlite *)store;
    mli_sqlite_claiming c = {.claim = claim, .out = out};
    modellab_status status = mli_sqlite_write(s, mli_sqlite_run_claim, &c, false, err);

    return mli_sqlite_end_claim(s, &c, status, err);
}

typedef struct adopting {
    const mli_store_adoption *what;
    bool *taken;
} adopting;

MODELLAB_MUST_CHECK static modellab_status run_adopt(mli_sqlite *s, void *arg, modellab_error *err)
{
    const adopting *a = arg;
    mli_query q = mli_query_open(s, MLI_SQL_RUN_ADOPT);
    modellab_status status;

    mli_query_text(&q, a->what->run_id);
    mli_query_int(&q, a->what->fence);
    mli_query_text(&q, a->what->from);
    mli_query_text(&q, a->what->to);
    status = mli_query_run(&q, err);
    *a->taken = status == MODELLAB_OK && sqlite3_changes(s->db) == 1;
    return status;
}

modellab_status mli_sqlite_adopt(mli_store *store, const mli_store_adoption *what, bool *taken,
                                 modellab_error *err)
{
    adopting a = {what, taken};
    modellab_status status = mli_sqlite_write((mli_sqlite *)store, run_adopt, &a, false, err);

    *taken = *taken && status == MODELLAB_OK;
    return status;
}

MODELLAB_MUST_CHECK static modellab_status cancel_queued(mli_sqlite *s, const char *run_id,
                                                         int64_t now_ms, mli_run_stand *stand,
                                                         modellab_error *err)
{
    static const mli_event_row event = {.type = "run_cancelled",
                                        .data = "{\"reason\":\"cancelled_by_user\"}"};
    mli_query q = mli_query_open(s, MLI_SQL_RUN_TRANSITION);
    modellab_status status;

    mli_query_text(&q, run_id);
    mli_query_int(&q, MODELLAB_RUN_QUEUED);
    mli_query_int(&q, stand->fence);
    mli_query_int(&q, MODELLAB_RUN_CANCELLED);
    mli_query_int(&q, MODELLAB_REASON_CANCELLED_BY_USER);
    mli_query_text(&q, "The run was cancelled on request.");
    mli_query_text(&q, "");
    mli_query_int(&q, now_ms);
    mli_query_int(&q, 0);
    mli_query_text(&q, "");
    mli_query_int(&q, now_ms);
    mli_query_text(&q, "");
    mli_query_int(&q, 0);
    mli_query_int(&q, now_ms);
    status = mli_query_run(&q, err);
    if (status == MODELLAB_OK) {
        status = mli_sqlite_put_event(s, run_id, &event, now_ms, &stand->last_event, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_sqlite_ledger_settle(s, run_id, err); /* audio of an earlier attempt */
    }
    return status == MODELLAB_OK ? mli_sqlite_count_final(s, run_id, err) : status;
}

MODELLAB_MUST_CHECK static modellab_status cancel_running(mli_sqlite *s, const char *run_id,
                                                          int64_t now_ms, mli_run_stand *stand,
                                                          modellab_error *err)
{
    static const mli_event_row event = {.type = "cancel_requested"};
    mli_query q = mli_query_open(s, MLI_SQL_RUN_CANCEL);
    modellab_status status;

    mli_query_text(&q, run_id);
    mli_query_int(&q, now_ms);
    status = mli_query_run(&q, err);
    if (status == MODELLAB_OK) {
        status = mli_sqlite_put_event(s, run_id, &event, now_ms, &stand->last_event, err);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status cancel_inside(mli_sqlite *s, const char *run_id,
                                                         int64_t now_ms, mli_store_cancel *out,
                                                         modellab_error *err)
{
    mli_run_stand stand;
    modellab_error found = MODELLAB_ERROR_INIT;
    modellab_status status = mli_sqlite_stand(s, run_id, &stand, &found);

    if (status == MODELLAB_E_NOT_FOUND) {
        out->outcome = MODELLAB_CANCEL_NOT_FOUND;
        return MODELLAB_OK;
    }
    if (status != MODELLAB_OK) {
        return mli_fail(err, status, "%s", found.message);
    }
    out->status = stand.status;
    out->fence = stand.fence;
    if (mli_sqlite_final(stand.status)) {
        out->outcome = MODELLAB_CANCEL_ALREADY_TERMINAL;
        return MODELLAB_OK;
    }
    if (stand.status == MODELLAB_RUN_QUEUED) {
        status = cancel_queued(s, run_id, now_ms, &stand, err);
        out->status = MODELLAB_RUN_CANCELLED;
        out->outcome = MODELLAB_CANCEL_CANCELLED;
    } else {
        out->outcome = MODELLAB_CANCEL_REQUESTED;
        if (stand.cancel_requested_ms >= 0) {
            return MODELLAB_OK; /* asked before: once is enough */
        }
        status = cancel_running(s, run_id, now_ms, &stand, err);
    }
    return status == MODELLAB_OK
               ? mli_sqlite_set_position(s, run_id, stand.last_event, stand.journal_line, err)
               : status;
}

typedef struct cancelling {
    const char *run_id;
    int64_t now_ms;
    mli_store_cancel *out;
} cancelling;

MODELLAB_MUST_CHECK static modellab_status run_cancel(mli_sqlite *s, void *arg, modellab_error *err)
{
    const cancelling *c = arg;

    return cancel_inside(s, c->run_id, c->now_ms, c->out, err);
}

modellab_status mli_sqlite_request_cancel(mli_store *store, const char *run_id, int64_t now_ms,
                                          mli_store_cancel *out, modellab_error *err)
{
    cancelling c = {run_id, now_ms, out};
    modellab_status status = mli_sqlite_write((mli_sqlite *)store, run_cancel, &c, false, err);

    if (status != MODELLAB_OK) {
        out->outcome = MODELLAB_CANCEL_ERROR;
    }
    return status;
}
