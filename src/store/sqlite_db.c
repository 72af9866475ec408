/* The SQLite connection: statements, transactions, and what each return code means. */
#include "store/sqlite_db.h"

#include "base/alloc.h"
#include "base/error.h"
#include "store/sqlite_experiments.h"
#include "store/sqlite_feed.h"
#include "store/sqlite_keys.h"
#include "store/sqlite_ledger.h"
#include "store/sqlite_notes.h"
#include "store/sqlite_replies.h"
#include "store/sqlite_uploads.h"
#include "store/sqlite_webhooks.h"
#include <errno.h>
#include <string.h>

static const char *const texts[MLI_SQL_COUNT] = {
    [MLI_SQL_BEGIN] = "BEGIN",
    [MLI_SQL_BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [MLI_SQL_COMMIT] = "COMMIT",
    [MLI_SQL_ROLLBACK] = "ROLLBACK",
    [MLI_SQL_SAVEPOINT] = "SAVEPOINT one",
    [MLI_SQL_RELEASE] = "RELEASE one",
    [MLI_SQL_ROLLBACK_TO] = "ROLLBACK TO one",
    [MLI_SQL_SYNC_FULL] = "PRAGMA synchronous=FULL",
    [MLI_SQL_SYNC_LAZY] = "PRAGMA synchronous=NORMAL",
    [MLI_SQL_RUN_BY_KEY] = "SELECT id FROM runs WHERE user=?1 AND idempotency_key=?2 "
                           "AND idempotency_key<>''",
    /* without the user: from one user to the next through the index of keys */
    [MLI_SQL_RUN_BY_KEY_ALONE] =
        "WITH RECURSIVE u(name) AS (SELECT min(user) FROM runs WHERE idempotency_key<>'' "
        "UNION ALL SELECT (SELECT min(user) FROM runs WHERE idempotency_key<>'' AND user>u.name) "
        "FROM u WHERE u.name IS NOT NULL) SELECT r.id FROM u CROSS JOIN runs r ON r.user=u.name "
        "AND r.idempotency_key=?1 AND r.idempotency_key<>'' LIMIT 1",
    [MLI_SQL_RUN_STAND] =
        "SELECT status,fence,last_event,journal_line,created_ms,not_before_ms,"
        "cancel_requested_ms,attempt,gate,priority FROM runs WHERE id=?1 AND (deleting&1)=0",
    [MLI_SQL_RUN_CLAIM] = "UPDATE runs SET status=2,reason=0,message='',failed_step='',"
                          "gate=0,attempt=attempt+1,fence=fence+1,started_ms=?2,owner=?3,"
                          "reserved_cost_micros=?4,queue_wait_ms=queue_wait_ms+"
                          "max(?2-queued_ms,0) WHERE id=?1 AND status=1",
    [MLI_SQL_RUN_MEASURES] =
        "UPDATE runs SET audio_seconds=iif(?2>=0,?2,audio_seconds),"
        "progress_seconds=iif(?3>=0,?3,progress_seconds),cpu_seconds=iif(?4>=0,?4,cpu_seconds),"
        "gpu_seconds=iif(?5>=0,?5,gpu_seconds),"
        "peak_memory_bytes=iif(?6>=0,?6,peak_memory_bytes),api_calls=iif(?7>=0,?7,api_calls),"
        "cost_micros=iif(?8>=0,?8,cost_micros),model=iif(?9<>'',?9,model),"
        "model_sha256=iif(?10<>'',?10,model_sha256),engine=iif(?11<>'',?11,engine),"
        "sandbox=iif(?12<>'',?12,sandbox) WHERE id=?1",
    [MLI_SQL_RUN_TRANSITION] =
        "UPDATE runs SET status=?4,reason=?5,message=?6,failed_step=?7,ended_ms=?8,"
        "not_before_ms=?9,seal_json=?10,retry_delay_ms=iif(?13>0,?13,retry_delay_ms),"
        "reserved_cost_micros=0,owner='',"
        "wall_ms=wall_ms+iif(status=2 AND started_ms>=0,max(?14-started_ms,0),0),"
        "queue_wait_ms=queue_wait_ms+iif(status=1,max(?11-queued_ms,0),0),"
        "queued_ms=iif(?4=1,?11,queued_ms),methods=iif(?12<>'',?12,methods),"
        "started_ms=iif(?4=1,-1,started_ms),cancel_requested_ms=iif(?4=1,-1,cancel_requested_ms),"
        "gate=iif(?4=1 AND ?9>?11,2,0),"
        "queue_until_ms=iif(?4=1 AND max_queue_ms>0,max(?9,?11)+max_queue_ms,queue_until_ms) "
        "WHERE id=?1 AND status=?2 AND fence=?3",
    [MLI_SQL_RUN_SEAL] = "UPDATE runs SET seal_json=?2 WHERE id=?1",
    [MLI_SQL_RUN_POSITION] = "UPDATE runs SET last_event=?2,journal_line=?3 WHERE id=?1",
    [MLI_SQL_RUN_CANCEL] = "UPDATE runs SET cancel_requested_ms=?2 WHERE id=?1 AND status=2",
    [MLI_SQL_RUN_ADOPT] = "UPDATE runs SET owner=?4 WHERE id=?1 AND status=2 AND fence=?2 AND "
                          "owner=?3",
    [MLI_SQL_STEP_PUT] =
        "INSERT INTO steps(run_id,name,message,status,reason,started_ms,ended_ms,"
        "peak_memory_bytes,cpu_seconds,position,attempt,gpu_seconds,audio_seconds,api_calls,"
        "step_key,reused_from,config_json,models_json) "
        "VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) "
        "ON CONFLICT(run_id,name) DO UPDATE SET message=excluded.message,status=excluded.status,"
        /* what an earlier attempt took stays counted */
        "earlier_cpu_seconds=earlier_cpu_seconds+iif(excluded.attempt>attempt,"
        "max(cpu_seconds,0.0),0.0),"
        "reason=excluded.reason,started_ms=excluded.started_ms,ended_ms=excluded.ended_ms,"
        "peak_memory_bytes=max(excluded.peak_memory_bytes,peak_memory_bytes),"
        "cpu_seconds=excluded.cpu_seconds,gpu_seconds=excluded.gpu_seconds,"
        "audio_seconds=excluded.audio_seconds,api_calls=excluded.api_calls,"
        "position=excluded.position,attempt=excluded.attempt,"
        "step_key=excluded.step_key,reused_from=excluded.reused_from,"
        "config_json=iif(excluded.config_json<>'',excluded.config_json,config_json),"
        "models_json=iif(excluded.models_json<>'',excluded.models_json,models_json) "
        /* a step that has ended stays as it ended, until a later attempt begins it anew */
        "WHERE steps.attempt<excluded.attempt OR "
        "(steps.attempt=excluded.attempt AND steps.status NOT IN (3,4,5,6,7,9))",
    [MLI_SQL_STEP_LIST] = "SELECT name,message,status,reason,started_ms,ended_ms,"
                          "peak_memory_bytes,cpu_seconds,position,attempt,gpu_seconds,"
                          "audio_seconds,api_calls,earlier_cpu_seconds,step_key,reused_from,"
                          "config_json,models_json "
                          "FROM steps "
                          "WHERE run_id=?1 ORDER BY position,name",
    [MLI_SQL_ARTIFACT_PUT] =
        "INSERT INTO artifacts(run_id,id,step,name,media_type,sha256,file,role,"
        "bytes,fence) VALUES(?,?,?,?,?,?,?,?,?,?) ON CONFLICT(id) DO NOTHING",
    [MLI_SQL_ARTIFACT_LIST] = "SELECT id,step,name,media_type,sha256,file,role,bytes,fence "
                              "FROM artifacts WHERE run_id=?1 ORDER BY seq",
    [MLI_SQL_EVENT_PUT] = "INSERT INTO events(run_id,number,time_ms,type,step,data) "
                          "VALUES(?,?,?,?,?,?)",
    [MLI_SQL_EVENT_LIST] = "SELECT number,time_ms,type,step,data FROM events WHERE run_id=?1 "
                           "AND number>?2 ORDER BY number LIMIT ?3",
    [MLI_SQL_SUMS] = "SELECT count(*),sum(status=2),sum(max(cost_micros,0)),"
                     "sum(reserved_cost_micros),sum(max(cpu_seconds,0.0)),"
                     "sum(max(audio_seconds,0.0)) FROM runs WHERE (?1 IS NULL OR user=?1) "
                     "AND created_ms>=?2",
    [MLI_SQL_HISTORY] = "SELECT cpu_seconds/audio_seconds,wall_ms/1000.0/audio_seconds FROM runs "
                        "WHERE status=3 AND model=?1 AND imported=0 "
                        "AND cpu_seconds>0 AND audio_seconds>0 ORDER BY ended_ms DESC LIMIT ?2",
    [MLI_SQL_TOTAL_ADD] = "INSERT INTO totals(family,label1,label2,value) VALUES(?1,?2,?3,?4) "
                          "ON CONFLICT(family,label1,label2) DO UPDATE SET value=value+?4",
    /* changes nothing while a row of the histogram is missing */
    [MLI_SQL_TOTAL_OBSERVE] =
        "UPDATE totals SET value=value+iif(family=?2,?4,iif(family=?3 OR label1='+Inf' OR "
        "CAST(label1 AS REAL)>=?4,1,0)) WHERE family IN(?1,?2,?3) AND label2='' AND "
        "(SELECT count(*) FROM totals WHERE family IN(?1,?2,?3) AND label2='')>=?5",
    [MLI_SQL_TOTAL_LIST] = "SELECT family,label1,label2,value FROM totals ORDER BY 1,2,3",
    [MLI_SQL_QUEUE_DEPTHS] = "SELECT 'queue_depth',CASE WHEN priority<10 THEN 'low' "
                             "WHEN priority<20 THEN 'normal' WHEN priority<30 THEN 'high' "
                             "ELSE 'urgent' END AS band,'',count(*) FROM runs WHERE status=1 "
                             "GROUP BY band UNION ALL SELECT 'runs_open',"
                             "CAST(status AS TEXT),'',count(*) FROM runs WHERE status IN(1,2) "
                             "GROUP BY status UNION ALL SELECT 'queue_oldest_ms','','',"
                             "min(queued_ms) FROM runs WHERE status=1 AND gate=0 "
                             "HAVING count(*)>0 UNION ALL SELECT 'webhooks',iif(disabled_ms<0,"
                             "'working','disabled') AS state,'',count(*) FROM webhooks GROUP BY "
                             "state UNION ALL SELECT 'webhook_waiting','','',count(*) FROM "
                             "webhook_deliveries WHERE state=1 UNION ALL SELECT "
                             "'webhook_oldest_ms','','',min(created_ms) FROM webhook_deliveries "
                             "WHERE state=1 HAVING count(*)>0 ORDER BY 1,2",
    [MLI_SQL_FINAL_FACTS] = "SELECT status,iif(is_record,'recorded',pipeline),"
                            "iif(started_ms>=0,wall_ms/1000.0,-1.0),cpu_seconds,"
                            "gpu_seconds,audio_seconds,peak_memory_bytes,api_calls,cost_micros,"
                            "currency,reason FROM runs WHERE id=?1",
    [MLI_SQL_PROBE] = "INSERT INTO meta(key,value) VALUES('probe_ms',?1) "
                      "ON CONFLICT(key) DO UPDATE SET value=?1",
    [MLI_SQL_RUN_CHILD] = "SELECT 1 FROM runs WHERE parent_run_id=?1 AND parent_run_id<>'' "
                          "AND status<3 LIMIT 1",
    /* a run that goes gives its idempotency key back */
    [MLI_SQL_RUN_MARK] = "UPDATE runs SET deleting=deleting|?2,removed=removed|?3,"
                         "idempotency_key=iif(?2&1,'',idempotency_key) WHERE id=?1",
    [MLI_SQL_RUN_UNMARK] = "UPDATE runs SET deleting=deleting&~?2 WHERE id=?1",
    [MLI_SQL_FORGET_RUN] = "DELETE FROM runs WHERE id=?1 AND (deleting&1)=1",
    [MLI_SQL_FORGET_STEPS] = "DELETE FROM steps WHERE run_id=?1",
    [MLI_SQL_FORGET_ARTIFACTS] = "DELETE FROM artifacts WHERE run_id=?1",
    [MLI_SQL_FORGET_EVENTS] = "DELETE FROM events WHERE run_id=?1",
};

const char *mli_sqlite_text(mli_sql which)
{
    if (which >= MLI_SQL_CAPS_OF_USER && which <= MLI_SQL_ACCOUNT_PUT) {
        return mli_sqlite_ledger_text(which);
    }
    if (which >= MLI_SQL_EXPERIMENT_PUT && which <= MLI_SQL_EXPERIMENT_DELETE_CELLS) {
        return mli_sqlite_experiment_text(which);
    }
    if (which >= MLI_SQL_NOTE_PUT && which <= MLI_SQL_NOTE_LIST) {
        return mli_sqlite_notes_text(which);
    }
    if (which == MLI_SQL_FEED || which == MLI_SQL_FEED_END) {
        return mli_sqlite_feed_text(which);
    }
    if (which >= MLI_SQL_REPLY_FORGET && which <= MLI_SQL_REPLY_GIVE_UP) {
        return mli_sqlite_reply_text(which);
    }
    if (which >= MLI_SQL_KEY_COUNT && which <= MLI_SQL_KEY_LOOK) {
        return mli_sqlite_key_text(which);
    }
    if (which >= MLI_SQL_WEBHOOK_COUNT && which <= MLI_SQL_WEBHOOK_LIST) {
        return mli_sqlite_webhook_text(which);
    }
    if (which >= MLI_SQL_DELIVERY_CURSOR && which <= MLI_SQL_DELIVERY_FORGET) {
        return mli_sqlite_delivery_text(which);
    }
    if (which >= MLI_SQL_UPLOAD_PUT && which <= MLI_SQL_UPLOAD_ALL) {
        return mli_sqlite_upload_text(which);
    }
    return texts[which] != NULL ? texts[which] : mli_sqlite_run_text(which);
}

modellab_status mli_sqlite_enter(mli_sqlite *s, modellab_error *err)
{
    mli_os_mutex_lock(&s->mutex);
    if (s->failed) {
        mli_os_mutex_unlock(&s->mutex);
        return mli_fail(err, MODELLAB_E_STORE_FAILED,
                        "the store had an I/O error; check the disk, then open the lab again");
    }
    return MODELLAB_OK;
}

void mli_sqlite_leave(mli_sqlite *s)
{
    mli_os_mutex_unlock(&s->mutex);
}

modellab_status mli_sqlite_fail(mli_sqlite *s, int rc, modellab_error *err)
{
    int extended = s->db == NULL ? rc : sqlite3_extended_errcode(s->db);
    int os_error = s->db == NULL ? 0 : sqlite3_system_errno(s->db);

    extended = (extended & 0xff) == (rc & 0xff) ? extended : rc;
    switch (rc & 0xff) {
    case SQLITE_NOMEM:
        return mli_no_memory(err);
    case SQLITE_FULL:
        return mli_fail(err, MODELLAB_E_NO_SPACE, "the disk of the lab is full");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return mli_fail(err, MODELLAB_E_BUSY, "the store is locked by another process");
    case SQLITE_READONLY:
        return mli_fail(err, MODELLAB_E_STORE_READ_ONLY, "the store cannot be written");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        s->failed = true;
        return mli_fail(err, MODELLAB_E_STORE_CORRUPT, "the store's database is damaged");
    case SQLITE_TOOBIG:
        return mli_fail(err, MODELLAB_E_LIMIT, "a value is too large for the store");
    case SQLITE_CONSTRAINT:
        return mli_fail(err, MODELLAB_E_ALREADY_EXISTS, "the record exists (sqlite %d)", extended);
    case SQLITE_CANTOPEN:
        /* SQLite opens a file that cannot be written read-only, then misses its shared memory */
        if (os_error == EROFS || os_error == EACCES || os_error == EPERM ||
            (!s->base.read_only && s->db != NULL && sqlite3_db_readonly(s->db, "main") == 1)) {
            return mli_fail(err, MODELLAB_E_STORE_READ_ONLY, "the store cannot be written");
        }
        return os_error == ENOSPC || os_error == EDQUOT
                   ? mli_fail(err, MODELLAB_E_NO_SPACE, "the disk of the lab is full")
                   : mli_fail(err, MODELLAB_E_IO, "the store's database cannot be opened");
    case SQLITE_IOERR:
        if (extended == SQLITE_IOERR_NOMEM) {
            return mli_no_memory(err);
        }
        s->failed = true;
        if (os_error == ENOSPC || os_error == EDQUOT || extended == SQLITE_IOERR_SHMSIZE) {
            return mli_fail(err, MODELLAB_E_NO_SPACE, "the disk of the lab is full");
        }
        return mli_fail(err, MODELLAB_E_STORE_FAILED,
                        "the store had an I/O error (sqlite %d); check the disk, then open the "
                        "lab again",
                        extended);
    default:
        return mli_fail(err, MODELLAB_E_INTERNAL, "the store's database reports: %s (sqlite %d)",
                        s->db == NULL ? sqlite3_errstr(rc) : sqlite3_errmsg(s->db), extended);
    }
}

mli_query mli_query_open(mli_sqlite *s, mli_sql which)
{
    mli_query q = {.store = s, .rc = SQLITE_OK, .next = 1};

    if (s->statements[which] == NULL) {
        q.rc = sqlite3_prepare_v3(s->db, mli_sqlite_text(which), -1, SQLITE_PREPARE_PERSISTENT,
                                  &s->statements[which], NULL);
    }
    q.statement = s->statements[which];
    return q;
}

void mli_query_text(mli_query *q, const char *text)
{
    if (q->rc == SQLITE_OK) {
        q->rc =
            sqlite3_bind_text(q->statement, q->next++, text == NULL ? "" : text, -1, SQLITE_STATIC);
    }
}

void mli_query_int(mli_query *q, int64_t value)
{
    if (q->rc == SQLITE_OK) {
        q->rc = sqlite3_bind_int64(q->statement, q->next++, value);
    }
}

void mli_query_real(mli_query *q, double value)
{
    if (q->rc == SQLITE_OK) {
        q->rc = sqlite3_bind_double(q->statement, q->next++, value);
    }
}

bool mli_query_row(mli_query *q)
{
    if (q->rc != SQLITE_OK && q->rc != SQLITE_ROW) {
        return false;
    }
    q->rc = sqlite3_step(q->statement);
    return q->rc == SQLITE_ROW;
}

const char *mli_query_column(mli_query *q, int column, size_t *bytes)
{
    const unsigned char *text = sqlite3_column_text(q->statement, column);

    *bytes = (size_t)sqlite3_column_bytes(q->statement, column);
    if (text == NULL) {
        *bytes = 0;
        if (sqlite3_column_type(q->statement, column) != SQLITE_NULL) {
            q->rc = SQLITE_NOMEM;
        }
        return "";
    }
    return (const char *)text;
}

const char *mli_query_bytes(mli_query *q, int column, size_t *bytes)
{
    /* a text as SQLite has it in its page; sqlite3_column_text() would copy it for the NUL */
    const char *text = sqlite3_column_blob(q->statement, column);

    *bytes = (size_t)sqlite3_column_bytes(q->statement, column);
    if (text != NULL) {
        return text;
    }
    if (*bytes > 0) {
        q->rc = SQLITE_NOMEM;
        *bytes = 0;
    }
    return "";
}

const char *mli_query_keep(mli_query *q, int column, mli_buf *block)
{
    size_t bytes, offset = block->size;
    const char *text = mli_query_bytes(q, column, &bytes);

    mli_buf_append(block, text, bytes);
    mli_buf_append_char(block, '\0');
    if (block->status != MODELLAB_OK) {
        q->rc = SQLITE_NOMEM;
    }
    return (const char *)offset;
}

void mli_query_resolve(const char **text, const char *block)
{
    *text = block + (size_t)*text;
}

void *mli_query_room(mli_query *q, const modellab_allocator *alloc, void *rows, size_t count,
                     size_t *capacity, size_t row_bytes)
{
    size_t wanted = *capacity == 0 ? 16 : *capacity * 2;
    void *grown;

    if (count < *capacity) {
        return rows;
    }
    grown = mli_realloc_array(alloc, rows, wanted, row_bytes);
    if (grown == NULL) {
        q->rc = SQLITE_NOMEM;
        return NULL;
    }
    *capacity = wanted;
    return grown;
}

char *mli_query_resolve_all(mli_buf *block, void *rows, size_t count, size_t row_bytes,
                            const size_t *members, size_t member_count)
{
    size_t ignored;
    char *text = count > 0 ? mli_buf_take(block, &ignored) : NULL;

    for (size_t i = 0; i < count; i++) {
        for (size_t m = 0; m < member_count; m++) {
            char *place = (char *)rows + i * row_bytes + members[m];
            const char *offset;

            memcpy(&offset, place, sizeof offset);
            mli_query_resolve(&offset, text);
            memcpy(place, &offset, sizeof offset);
        }
    }
    return text;
}

modellab_status mli_query_close(mli_query *q, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;

    if (q->rc != SQLITE_OK && q->rc != SQLITE_ROW && q->rc != SQLITE_DONE) {
        status = mli_sqlite_fail(q->store, q->rc, err);
    }
    if (q->statement != NULL) {
        /* repeats the code of the last step, which has been looked at */
        (void)sqlite3_reset(q->statement);
        (void)sqlite3_clear_bindings(q->statement); /* cannot fail */
    }
    return status;
}

modellab_status mli_query_run(mli_query *q, modellab_error *err)
{
    while (mli_query_row(q)) {
    }
    return mli_query_close(q, err);
}

modellab_status mli_sqlite_begin(mli_sqlite *s, bool writes, modellab_error *err)
{
    mli_query q = mli_query_open(s, writes ? MLI_SQL_BEGIN_WRITE : MLI_SQL_BEGIN);

    return mli_query_run(&q, err);
}

modellab_status mli_sqlite_end(mli_sqlite *s, modellab_status status, modellab_error *err)
{
    if (status == MODELLAB_OK) {
        mli_query commit = mli_query_open(s, MLI_SQL_COMMIT);

        status = mli_query_run(&commit, err);
    }
    /* SQLite rolls back by itself after some errors; else it is ours to do */
    if (status != MODELLAB_OK && sqlite3_get_autocommit(s->db) == 0) {
        mli_query rollback = mli_query_open(s, MLI_SQL_ROLLBACK);

        if (mli_query_run(&rollback, NULL) != MODELLAB_OK) {
            s->failed = true; /* a transaction that cannot be ended would swallow all later ones */
        }
    }
    mli_bell_ring(status == MODELLAB_OK ? s->base.bell : NULL, &s->rung);
    return status;
}
