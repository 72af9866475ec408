/* The schema of the SQLite store, by versions. */
#include "store/sqlite_db.h"

/* What brings the schema from one version to the next, in parts (one subject each). Never changed
 * once released, only appended. A part that begins with MLI_SCHEMA_REPEAT is done again until it
 * changes no row. */
static const char *const from_0[] = {
    "CREATE TABLE meta(key TEXT PRIMARY KEY,value TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE runs(seq INTEGER PRIMARY KEY,id TEXT NOT NULL UNIQUE,request_id TEXT NOT NULL,"
    "trace_id TEXT NOT NULL,span_id TEXT NOT NULL,user TEXT NOT NULL,pipeline TEXT NOT NULL,"
    "steps TEXT NOT NULL,input_name TEXT NOT NULL,input_sha256 TEXT NOT NULL,"
    "message TEXT NOT NULL,failed_step TEXT NOT NULL,model TEXT NOT NULL,"
    "model_sha256 TEXT NOT NULL,engine TEXT NOT NULL,price_sheet TEXT NOT NULL,"
    "price_json TEXT NOT NULL,currency TEXT NOT NULL,request_json TEXT NOT NULL,"
    "labels_json TEXT NOT NULL,idempotency_key TEXT NOT NULL,parent_run_id TEXT NOT NULL,"
    "owner TEXT NOT NULL,status INTEGER NOT NULL,reason INTEGER NOT NULL,"
    "priority INTEGER NOT NULL,attempt INTEGER NOT NULL,max_attempts INTEGER NOT NULL,"
    "is_record INTEGER NOT NULL,fence INTEGER NOT NULL,last_event INTEGER NOT NULL,"
    "journal_line INTEGER NOT NULL,created_ms INTEGER NOT NULL,started_ms INTEGER NOT NULL,"
    "ended_ms INTEGER NOT NULL,not_before_ms INTEGER NOT NULL,"
    "cancel_requested_ms INTEGER NOT NULL,input_bytes INTEGER NOT NULL,"
    "peak_memory_bytes INTEGER NOT NULL,api_calls INTEGER NOT NULL,cost_micros INTEGER NOT NULL,"
    "reserved_cost_micros INTEGER NOT NULL,estimated_cost_micros INTEGER NOT NULL,"
    "max_duration_ms INTEGER NOT NULL,audio_seconds REAL NOT NULL,progress_seconds REAL NOT NULL,"
    "cpu_seconds REAL NOT NULL,gpu_seconds REAL NOT NULL,estimated_cpu_seconds REAL NOT NULL);"
    "CREATE INDEX runs_queue ON runs(priority*30000-created_ms DESC,id) WHERE status=1;"
    "CREATE INDEX runs_active ON runs(id) WHERE status=2;"
    "CREATE INDEX runs_status ON runs(status,id);"
    "CREATE INDEX runs_user ON runs(user,created_ms);"
    "CREATE INDEX runs_model ON runs(model,ended_ms) WHERE status=3;"
    "CREATE UNIQUE INDEX runs_key ON runs(user,idempotency_key) WHERE idempotency_key<>'';"
    "CREATE TABLE steps(run_id TEXT NOT NULL,name TEXT NOT NULL,message TEXT NOT NULL,"
    "status INTEGER NOT NULL,reason INTEGER NOT NULL,started_ms INTEGER NOT NULL,"
    "ended_ms INTEGER NOT NULL,peak_memory_bytes INTEGER NOT NULL,cpu_seconds REAL NOT NULL,"
    "position INTEGER NOT NULL,attempt INTEGER NOT NULL,PRIMARY KEY(run_id,name)) WITHOUT ROWID;"
    "CREATE TABLE artifacts(seq INTEGER PRIMARY KEY,run_id TEXT NOT NULL,id TEXT NOT NULL UNIQUE,"
    "step TEXT NOT NULL,name TEXT NOT NULL,media_type TEXT NOT NULL,sha256 TEXT NOT NULL,"
    "file TEXT NOT NULL,role TEXT NOT NULL,bytes INTEGER NOT NULL,fence INTEGER NOT NULL);"
    "CREATE INDEX artifacts_run ON artifacts(run_id,seq);"
    "CREATE TABLE events(run_id TEXT NOT NULL,number INTEGER NOT NULL,time_ms INTEGER NOT NULL,"
    "type TEXT NOT NULL,step TEXT NOT NULL,data TEXT NOT NULL,PRIMARY KEY(run_id,number)) "
    "WITHOUT ROWID;"
    "CREATE TABLE totals(family TEXT NOT NULL,label1 TEXT NOT NULL,label2 TEXT NOT NULL,"
    "value REAL NOT NULL,PRIMARY KEY(family,label1,label2)) WITHOUT ROWID;",
    NULL,
};

static const char *const from_1[] = {
    "ALTER TABLE runs ADD COLUMN sandbox TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE runs ADD COLUMN trace_parent TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE runs ADD COLUMN trace_state TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE runs ADD COLUMN seal_json TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE runs ADD COLUMN imported INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE runs ADD COLUMN deleting INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE runs ADD COLUMN removed INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX runs_ended ON runs(ended_ms,id) WHERE status>=3;"
    "CREATE INDEX runs_deleting ON runs(id) WHERE deleting<>0;"
    "CREATE INDEX runs_parent ON runs(parent_run_id) WHERE parent_run_id<>'';",

    /* accounting of all attempts, caps of users, the ledger */
    "ALTER TABLE runs ADD COLUMN methods TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE runs ADD COLUMN estimate_json TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE runs ADD COLUMN queued_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE runs ADD COLUMN queue_wait_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE runs ADD COLUMN wall_ms INTEGER NOT NULL DEFAULT 0;"
    "UPDATE runs SET queued_ms=created_ms,queue_wait_ms=iif(started_ms>=0,"
    "max(started_ms-created_ms,0),0),wall_ms=iif(started_ms>=0 AND ended_ms>=0,"
    "max(ended_ms-started_ms,0),0);"
    "ALTER TABLE steps ADD COLUMN gpu_seconds REAL NOT NULL DEFAULT -1;"
    "ALTER TABLE steps ADD COLUMN audio_seconds REAL NOT NULL DEFAULT -1;"
    "ALTER TABLE steps ADD COLUMN api_calls INTEGER NOT NULL DEFAULT -1;"
    "ALTER TABLE steps ADD COLUMN earlier_cpu_seconds REAL NOT NULL DEFAULT 0;"
    "CREATE INDEX runs_wait_cap ON runs(user) WHERE status=1 AND reason=9;"
    "CREATE TABLE caps(user TEXT NOT NULL,measure INTEGER NOT NULL,period INTEGER NOT NULL,"
    "value INTEGER NOT NULL,updated_ms INTEGER NOT NULL,PRIMARY KEY(user,measure,period)) "
    "WITHOUT ROWID;"
    "CREATE TABLE usage(user TEXT NOT NULL,hour INTEGER NOT NULL,cpu_ms INTEGER NOT NULL,"
    "gpu_ms INTEGER NOT NULL,audio_ms INTEGER NOT NULL,api_calls INTEGER NOT NULL,"
    "cost_micros INTEGER NOT NULL,runs INTEGER NOT NULL,held_cpu_ms INTEGER NOT NULL,"
    "held_audio_ms INTEGER NOT NULL,held_api_calls INTEGER NOT NULL,"
    "held_cost_micros INTEGER NOT NULL,PRIMARY KEY(user,hour)) WITHOUT ROWID;"
    "CREATE TABLE accounts(run_id TEXT PRIMARY KEY,hour INTEGER NOT NULL,"
    "need_cpu_ms INTEGER NOT NULL,need_audio_ms INTEGER NOT NULL,"
    "need_api_calls INTEGER NOT NULL,need_cost_micros INTEGER NOT NULL,"
    "held_cpu_ms INTEGER NOT NULL,held_audio_ms INTEGER NOT NULL,"
    "held_api_calls INTEGER NOT NULL,held_cost_micros INTEGER NOT NULL,"
    "charged_cpu_ms INTEGER NOT NULL,charged_gpu_ms INTEGER NOT NULL,"
    "charged_audio_ms INTEGER NOT NULL,charged_api_calls INTEGER NOT NULL,"
    "charged_cost_micros INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TRIGGER account_of_deleted_run AFTER DELETE ON runs BEGIN "
    "DELETE FROM accounts WHERE run_id=OLD.id; END;",

    /* retry, rerun */
    "ALTER TABLE runs ADD COLUMN retry_delay_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE steps ADD COLUMN step_key TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE steps ADD COLUMN reused_from TEXT NOT NULL DEFAULT '';",

    /* Lists look through this alone, whatever they filter by, and then fetch a page of rows. */
    "CREATE INDEX runs_list ON runs(id,user,pipeline,status,deleting);"
    /* The queue. gate: 0 may start, 1 held, 2 delayed. The counters of queue_users follow every
       change of a run by the triggers; a user who comes (back) begins at the present virtual time,
       and when nobody is there what users had before is forgotten. */
    "ALTER TABLE runs ADD COLUMN gate INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE runs ADD COLUMN size_class INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE runs ADD COLUMN max_queue_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE runs ADD COLUMN queue_until_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE runs ADD COLUMN head_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE runs ADD COLUMN expected_ms INTEGER NOT NULL DEFAULT -1;"
    "UPDATE runs SET gate=2 WHERE status=1 AND not_before_ms>0;"
    "DROP INDEX runs_queue;"
    "CREATE INDEX runs_waiting ON runs(user,size_class,head_ms DESC,"
    "priority*30000-created_ms DESC,id) WHERE status=1 AND gate=0;"
    "CREATE INDEX runs_oldest ON runs(size_class,priority*30000-created_ms DESC,id,user) "
    "WHERE status=1 AND gate=0;"
    "CREATE INDEX runs_head ON runs(head_ms DESC) WHERE status=1 AND gate=0 AND head_ms>0;"
    "CREATE INDEX runs_delayed ON runs(not_before_ms) WHERE status=1 AND gate=2;"
    "CREATE INDEX runs_deadline ON runs(queue_until_ms) "
    "WHERE status=1 AND gate<>1 AND queue_until_ms>0;"
    "CREATE TABLE queue_state(id INTEGER PRIMARY KEY CHECK(id=1),starts INTEGER NOT NULL,"
    "virtual_ms INTEGER NOT NULL,service_ms INTEGER NOT NULL,expected_ms INTEGER NOT NULL);"
    "INSERT INTO queue_state VALUES(1,0,0,0,0);"
    "CREATE TABLE queue_users(id INTEGER PRIMARY KEY,user TEXT NOT NULL UNIQUE,"
    "waiting INTEGER NOT NULL,running INTEGER NOT NULL,virtual_ms INTEGER NOT NULL);"
    "CREATE INDEX queue_users_waiting ON queue_users(virtual_ms,id) WHERE waiting>0;"
    "CREATE INDEX queue_users_running ON queue_users(running) WHERE running>0;"
    "CREATE INDEX queue_users_virtual ON queue_users(virtual_ms);"
    "INSERT INTO queue_users(user,waiting,running,virtual_ms) SELECT user,"
    "sum(status=1 AND gate=0),sum(status=2),0 FROM runs WHERE status IN(1,2) AND is_record=0 "
    "GROUP BY user;"
    "CREATE TRIGGER queue_joined AFTER INSERT ON runs WHEN new.is_record=0 AND new.status IN(1,2) "
    "BEGIN "
    "UPDATE queue_state SET virtual_ms=(SELECT coalesce(max(virtual_ms),0) FROM queue_users) "
    "WHERE NOT EXISTS(SELECT 1 FROM queue_users WHERE waiting>0) "
    "AND NOT EXISTS(SELECT 1 FROM queue_users WHERE running>0);"
    "INSERT INTO queue_users(user,waiting,running,virtual_ms) VALUES(new.user,"
    "new.status=1 AND new.gate=0,new.status=2,(SELECT virtual_ms FROM queue_state)) "
    "ON CONFLICT(user) DO UPDATE SET virtual_ms=iif(waiting+running=0,"
    "max(virtual_ms,excluded.virtual_ms),virtual_ms),waiting=waiting+excluded.waiting,"
    "running=running+excluded.running;"
    "END;"
    "CREATE TRIGGER queue_moved AFTER UPDATE OF status,gate ON runs WHEN old.is_record=0 AND "
    "((old.status=1 AND old.gate=0)<>(new.status=1 AND new.gate=0) OR "
    "(old.status=2)<>(new.status=2)) BEGIN "
    "UPDATE queue_users SET virtual_ms=iif(waiting+running=0,"
    "max(virtual_ms,(SELECT virtual_ms FROM queue_state)),virtual_ms),"
    "waiting=waiting+(new.status=1 AND new.gate=0)-(old.status=1 AND old.gate=0),"
    "running=running+(new.status=2)-(old.status=2) WHERE user=new.user;"
    "END;",
    NULL,
};

static const char *const from_2[] = {
    /* with what each step worked */
    "ALTER TABLE steps ADD COLUMN config_json TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE steps ADD COLUMN models_json TEXT NOT NULL DEFAULT '';",
    NULL,
};

static const char *const from_3[] = {
    /* experiments; whose run a run is */
    "ALTER TABLE runs ADD COLUMN experiment_id TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE runs ADD COLUMN candidate TEXT NOT NULL DEFAULT '';"
    "CREATE TABLE experiments(id TEXT PRIMARY KEY,name TEXT NOT NULL,snapshot_json TEXT NOT NULL,"
    "created_ms INTEGER NOT NULL,started_ms INTEGER NOT NULL,cancelled_ms INTEGER NOT NULL,"
    "cells INTEGER NOT NULL);"
    "CREATE TABLE experiment_runs(experiment_id TEXT NOT NULL,input INTEGER NOT NULL,"
    "candidate INTEGER NOT NULL,repetition INTEGER NOT NULL,run_id TEXT NOT NULL,"
    "message TEXT NOT NULL,kept_json TEXT NOT NULL,"
    "PRIMARY KEY(experiment_id,input,candidate,repetition)) WITHOUT ROWID;"
    "CREATE UNIQUE INDEX experiment_run ON experiment_runs(run_id) WHERE run_id<>'';",
    NULL,
};

static const char *const from_4[] = {
    /* Every event of the lab has a number of its own: `seq` grows in the order of commits and is
     * never given twice (AUTOINCREMENT), also when the runs that had the last ones are deleted, so
     * that a consumer of all runs resumes from it. */
    "CREATE TABLE events_5(seq INTEGER PRIMARY KEY AUTOINCREMENT,run_id TEXT NOT NULL,"
    "number INTEGER NOT NULL,time_ms INTEGER NOT NULL,type TEXT NOT NULL,step TEXT NOT NULL,"
    "data TEXT NOT NULL,UNIQUE(run_id,number));"
    /* Ordered by a table, whose pages go to the disk, and moved a portion at a time: a sort, and
     * what SQLite keeps to take one statement back, would hold all of them in memory. */
    "CREATE TABLE events_order(time_ms INTEGER NOT NULL,run_id TEXT NOT NULL,"
    "number INTEGER NOT NULL,PRIMARY KEY(time_ms,run_id,number)) WITHOUT ROWID;"
    "INSERT INTO events_order SELECT time_ms,run_id,number FROM events;",
    MLI_SCHEMA_REPEAT
    "INSERT INTO events_5(run_id,number,time_ms,type,step,data) "
    "SELECT e.run_id,e.number,e.time_ms,e.type,e.step,e.data FROM "
    "(SELECT * FROM events_order ORDER BY time_ms,run_id,number LIMIT 4000) o "
    "CROSS JOIN events e ON e.run_id=o.run_id AND e.number=o.number "
    "ORDER BY o.time_ms,o.run_id,o.number;"
    "DELETE FROM events WHERE (run_id,number) IN "
    "(SELECT run_id,number FROM events_order ORDER BY time_ms,run_id,number LIMIT 4000);"
    "DELETE FROM events_order WHERE (time_ms,run_id,number) IN "
    "(SELECT * FROM events_order ORDER BY time_ms,run_id,number LIMIT 4000);",
    "DROP TABLE events_order;"
    "DROP TABLE events;"
    "ALTER TABLE events_5 RENAME TO events;",

    /* what lists of runs are filtered and sorted by: a page is found without looking at rows */
    "DROP INDEX runs_list;"
    "CREATE INDEX runs_list ON runs(id,user,pipeline,status,deleting,experiment_id,model,"
    "request_id,created_ms,started_ms,ended_ms,priority,cost_micros,audio_seconds,input_name);"
    "CREATE INDEX runs_experiment ON runs(experiment_id,id) WHERE experiment_id<>'';",

    /* Keys: of a secret only its sha256, found by the first digits of that and compared as a whole.
     * The secret before a rotation is good until previous_until_ms. Times of -1: never. */
    "CREATE TABLE api_keys(id TEXT PRIMARY KEY,name TEXT NOT NULL,user TEXT NOT NULL,"
    "scopes TEXT NOT NULL,hash TEXT NOT NULL,hint TEXT NOT NULL,previous_hash TEXT NOT NULL,"
    "previous_until_ms INTEGER NOT NULL,created_ms INTEGER NOT NULL,"
    "expires_ms INTEGER NOT NULL,rotated_ms INTEGER NOT NULL,revoked_ms INTEGER NOT NULL,"
    "used_ms INTEGER NOT NULL);"
    "CREATE INDEX api_keys_hash ON api_keys(substr(hash,1,16));"
    "CREATE INDEX api_keys_previous ON api_keys(substr(previous_hash,1,16)) "
    "WHERE previous_hash<>'';",

    /* Webhooks. cursor: the events up to that seq have their deliveries. A delivery that is being
     * made is due again at due_ms: who died on the way has lost nothing. */
    "CREATE TABLE webhooks(id TEXT PRIMARY KEY,user TEXT NOT NULL,every_user INTEGER NOT NULL,"
    "url TEXT NOT NULL,kinds TEXT NOT NULL,secret TEXT NOT NULL,created_ms INTEGER NOT NULL,"
    "disabled_ms INTEGER NOT NULL,disabled_why TEXT NOT NULL,failures INTEGER NOT NULL,"
    "cursor INTEGER NOT NULL);"
    "CREATE TABLE webhook_deliveries(seq INTEGER PRIMARY KEY AUTOINCREMENT,id TEXT NOT NULL UNIQUE,"
    "webhook_id TEXT NOT NULL,event_seq INTEGER NOT NULL,kind TEXT NOT NULL,"
    "run_id TEXT NOT NULL,request_id TEXT NOT NULL,trace_id TEXT NOT NULL,body TEXT NOT NULL,"
    "state INTEGER NOT NULL,attempts INTEGER NOT NULL,due_ms INTEGER NOT NULL,"
    "http_status INTEGER NOT NULL,message TEXT NOT NULL,created_ms INTEGER NOT NULL,"
    "ended_ms INTEGER NOT NULL);"
    "CREATE UNIQUE INDEX deliveries_event ON webhook_deliveries(webhook_id,event_seq) "
    "WHERE event_seq>0;"
    "CREATE INDEX deliveries_of ON webhook_deliveries(webhook_id,seq);"
    "CREATE INDEX deliveries_waiting ON webhook_deliveries(webhook_id,seq) WHERE state=1;"
    "CREATE INDEX deliveries_ended ON webhook_deliveries(ended_ms) WHERE state<>1;",

    /* Replies that are given again for the same key; owner: the process that works on it. */
    "CREATE TABLE idempotency(user TEXT NOT NULL,key TEXT NOT NULL,fingerprint TEXT NOT NULL,"
    "state INTEGER NOT NULL,owner TEXT NOT NULL,http_status INTEGER NOT NULL,"
    "media_type TEXT NOT NULL,headers TEXT NOT NULL,body BLOB NOT NULL,"
    "created_ms INTEGER NOT NULL,expires_ms INTEGER NOT NULL,PRIMARY KEY(user,key));"
    "CREATE INDEX idempotency_expires ON idempotency(expires_ms);"

    /* what people write beside a run; goes with it */
    "CREATE TABLE notes(run_id TEXT NOT NULL,name TEXT NOT NULL,json TEXT NOT NULL,"
    "updated_ms INTEGER NOT NULL,PRIMARY KEY(run_id,name)) WITHOUT ROWID;"
    "CREATE TRIGGER notes_of_deleted_run AFTER DELETE ON runs BEGIN "
    "DELETE FROM notes WHERE run_id=OLD.id; END;",
    NULL,
};

static const char *const from_5[] = {
    /* What uploads take of their users' shares. Those that are there already get their rows by the
     * next look at their files. */
    "CREATE TABLE uploads(id TEXT PRIMARY KEY,user TEXT NOT NULL,bytes INTEGER NOT NULL,"
    "expires_ms INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX uploads_user ON uploads(user,id,bytes);"
    "CREATE INDEX uploads_expiry ON uploads(expires_ms,id);",
    NULL,
};

static const char *const *const versions[MLI_SCHEMA_VERSION] = {from_0, from_1, from_2,
                                                                from_3, from_4, from_5};

const char *const *mli_sqlite_schema(int64_t from)
{
    return versions[from];
}
