/* Changes of the queue: a start within its limits, what a user is charged, holding, releasing and
 * moving a run, and which runs have waited past their deadline. */
#include "base/error.h"
#include "store/sqlite_db.h"
#include <string.h>

const char *mli_sqlite_arrange_text(mli_sql which)
{
    switch (which) {
    case MLI_SQL_QUEUE_LOAD:
        return "SELECT (SELECT coalesce(sum(running),0) FROM queue_users WHERE running>0),"
               "(SELECT running FROM queue_users WHERE user=(SELECT user FROM runs WHERE id=?1))";
    case MLI_SQL_QUEUE_STARTED:
        return "UPDATE queue_state SET starts=starts+?1,virtual_ms=max(virtual_ms,?2)";
    case MLI_SQL_QUEUE_CHARGE:
        return "UPDATE queue_users SET virtual_ms=virtual_ms+max(1,?2-(SELECT started_ms FROM runs "
               "WHERE id=?1)) WHERE user=(SELECT user FROM runs WHERE id=?1 AND is_record=0)";
    case MLI_SQL_QUEUE_LEARN: /* old sums fade, so that they follow the machine as it is now */
        return "UPDATE queue_state SET service_ms=(queue_state.service_ms+max(?2-r.started_ms,1))/"
               "iif(queue_state.expected_ms>36000000,2,1),"
               "expected_ms=(queue_state.expected_ms+r.expected_ms)/"
               "iif(queue_state.expected_ms>36000000,2,1) "
               "FROM runs r WHERE r.id=?1 AND r.is_record=0 AND r.expected_ms>0";
    case MLI_SQL_QUEUE_OVERDUE:
        return "SELECT id FROM runs INDEXED BY runs_deadline WHERE status=1 AND gate<>1 AND "
               "queue_until_ms>0 AND "
               "queue_until_ms<=?1 AND (?2='' OR id=?2) ORDER BY queue_until_ms LIMIT ?3";
    case MLI_SQL_QUEUE_HOLD: /* who waited for a cap asks again when he is released */
        return "UPDATE runs SET gate=1,not_before_ms=iif(reason=9,0,not_before_ms),reason=?3,"
               "message=?4 WHERE id=?1 AND status=1 AND gate<>1";
    case MLI_SQL_QUEUE_RELEASE:
        return "UPDATE runs SET gate=iif(not_before_ms>?2,2,0),reason=?3,message=?4,"
               "queue_until_ms=iif(max_queue_ms>0,max(?2,not_before_ms)+max_queue_ms,0) "
               "WHERE id=?1 AND status=1 AND gate=1";
    case MLI_SQL_QUEUE_PRIORITY:
        return "UPDATE runs SET priority=?2,head_ms=?3 WHERE id=?1 AND status=1 AND "
               "(priority<>?2 OR ?3>0 OR head_ms<>0)";
    default:
        return mli_sqlite_clock_text(which);
    }
}

modellab_status mli_sqlite_queue_start(mli_sqlite *s, const mli_store_claim *claim,
                                       modellab_error *err)
{
    int64_t all = 0, own = 0;
    mli_query q = mli_query_open(s, MLI_SQL_QUEUE_LOAD);
    modellab_status status;

    mli_query_text(&q, claim->run_id);
    if (mli_query_row(&q)) {
        all = sqlite3_column_int64(q.statement, 0);
        own = sqlite3_column_int64(q.statement, 1);
    }
    status = mli_query_close(&q, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    if (claim->max_running > 0 && all >= claim->max_running) {
        return mli_fail(err, MODELLAB_E_STATE, "as many runs are running as the lab allows");
    }
    if (claim->max_running_per_user > 0 && own >= claim->max_running_per_user) {
        return mli_fail(err, MODELLAB_E_STATE, "the user has as many running runs as allowed");
    }
    q = mli_query_open(s, MLI_SQL_QUEUE_STARTED);
    mli_query_int(&q, claim->is_extra ? 0 : 1);
    mli_query_int(&q, claim->virtual_ms);
    return mli_query_run(&q, err);
}

modellab_status mli_sqlite_queue_charge(mli_sqlite *s, const char *run_id, bool completed,
                                        int64_t until_ms, modellab_error *err)
{
    mli_query q = mli_query_open(s, MLI_SQL_QUEUE_CHARGE);
    modellab_status status;

    mli_query_text(&q, run_id);
    mli_query_int(&q, until_ms);
    status = mli_query_run(&q, err);
    if (status == MODELLAB_OK && completed) {
        q = mli_query_open(s, MLI_SQL_QUEUE_LEARN);
        mli_query_text(&q, run_id);
        mli_query_int(&q, until_ms);
        status = mli_query_run(&q, err);
    }
    return status;
}

modellab_status mli_sqlite_overdue(mli_store *store, int64_t now_ms, const char *only_id,
                                   size_t capacity, char (*ids)[MLI_ULID_BYTES], size_t *count,
                                   modellab_error *err)
{
    mli_sqlite *s = (mli_sqlite *)store;
    modellab_status status = mli_sqlite_enter(s, err);
    mli_query q;

    if (status != MODELLAB_OK) {
        return status;
    }
    q = mli_query_open(s, MLI_SQL_QUEUE_OVERDUE);
    mli_query_int(&q, now_ms);
    mli_query_text(&q, only_id);
    mli_query_int(&q, (int64_t)capacity);
    while (*count < capacity && mli_query_row(&q)) {
        size_t bytes;
        const char *id = mli_query_column(&q, 0, &bytes);

        if (bytes + 1 == MLI_ULID_BYTES) {
            memcpy(ids[*count], id, bytes + 1);
            *count += 1;
        }
    }
    status = mli_query_close(&q, err);
    mli_sqlite_leave(s);
    return status;
}

static void bind_arrangement(mli_query *q, const mli_store_arrangement *what)
{
    mli_query_text(q, what->run_id);
    if (what->what == MLI_ARRANGE_PRIORITY) {
        mli_query_int(q, what->priority);
        mli_query_int(q, what->to_head ? what->now_ms : 0);
        return;
    }
    mli_query_int(q, what->now_ms);
    mli_query_int(q, what->what == MLI_ARRANGE_HOLD ? MODELLAB_REASON_HELD
                                                    : MODELLAB_REASON_WAITING_FOR_SUPERVISOR);
    mli_query_text(q, what->what == MLI_ARRANGE_HOLD ? "The run is held until it is released."
                                                     : "The run waits for a supervisor.");
}

MODELLAB_MUST_CHECK static modellab_status say_arrangement(mli_sqlite *s,
                                                           const mli_store_arrangement *what,
                                                           mli_run_stand *stand,
                                                           modellab_error *err)
{
    static const char *const types[] = {"run_held", "run_released", "run_moved"};
    char data[64];
    mli_event_row event = {.type = types[what->what]};
    modellab_status status;

    if (what->what == MLI_ARRANGE_PRIORITY) {
        (void)sqlite3_snprintf((int)sizeof data, data, "{\"priority\":%d,\"head\":%s}",
                               (int)what->priority, what->to_head ? "true" : "false");
        event.data = data;
    }
    status = mli_sqlite_put_event(s, what->run_id, &event, what->now_ms, &stand->last_event, err);
    return status == MODELLAB_OK ? mli_sqlite_set_position(s, what->run_id, stand->last_event,
                                                           stand->journal_line, err)
                                 : status;
}

MODELLAB_MUST_CHECK static modellab_status
arrange_inside(mli_sqlite *s, const mli_store_arrangement *what, bool *changed, modellab_error *err)
{
    static const mli_sql statements[] = {MLI_SQL_QUEUE_HOLD, MLI_SQL_QUEUE_RELEASE,
                                         MLI_SQL_QUEUE_PRIORITY};
    mli_store_arrangement full = *what;
    mli_run_stand stand;
    modellab_status status = mli_sqlite_stand(s, what->run_id, &stand, err);
    mli_query q;

    if (status != MODELLAB_OK) {
        return status;
    }
    if (mli_sqlite_final(stand.status)) {
        return mli_fail(err, MODELLAB_E_RUN_FINAL, "the run has already ended");
    }
    if (stand.status != MODELLAB_RUN_QUEUED) {
        return mli_fail(err, MODELLAB_E_STATE, "the run has started and is not in the queue");
    }
    if (what->to_head) {
        full.priority = stand.priority; /* it keeps its own */
    }
    q = mli_query_open(s, statements[what->what]);
    bind_arrangement(&q, &full);
    status = mli_query_run(&q, err);
    if (status == MODELLAB_OK && sqlite3_changes(s->db) == 1) {
        *changed = true;
        status = say_arrangement(s, &full, &stand, err);
    }
    return status;
}

modellab_status mli_sqlite_arrange(mli_store *store, const mli_store_arrangement *what,
                                   bool *changed, modellab_error *err)
{
    mli_sqlite *s = (mli_sqlite *)store;
    modellab_status status = mli_sqlite_enter(s, err);

    if (status != MODELLAB_OK) {
        return status;
    }
    status = mli_sqlite_begin(s, true, err);
    if (status == MODELLAB_OK) {
        status = mli_sqlite_end(s, arrange_inside(s, what, changed, err), err);
    }
    *changed = *changed && status == MODELLAB_OK;
    mli_sqlite_leave(s);
    return status;
}
