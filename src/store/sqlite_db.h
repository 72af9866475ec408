/* The SQLite connection of a store: one connection, one lock, each statement prepared once. Every
 * return code of SQLite is looked at; an I/O error is fatal for the handle (the disk may hold less
 * than the cache shows): from then on every call says E_STORE_FAILED until the lab is opened again.
 */
#ifndef MLI_STORE_SQLITE_DB_H
#define MLI_STORE_SQLITE_DB_H

#include "base/buf.h"
#include "os/thread.h"
#include "store/store.h"
#include <sqlite3.h>

/* One for each prepared statement; the SQL stands in sqlite_db.c and sqlite_runs.c. */
typedef enum mli_sql {
    MLI_SQL_BEGIN,
    MLI_SQL_BEGIN_WRITE,
    MLI_SQL_COMMIT,
    MLI_SQL_ROLLBACK,
    MLI_SQL_SAVEPOINT,
    MLI_SQL_RELEASE,
    MLI_SQL_ROLLBACK_TO,
    MLI_SQL_SYNC_FULL,
    MLI_SQL_SYNC_LAZY,
    MLI_SQL_RUN_INSERT,
    MLI_SQL_RUN_LOAD,
    MLI_SQL_RUN_LIST,
    MLI_SQL_RUN_LIST_UP,
    MLI_SQL_RUN_SORT_DOWN,
    MLI_SQL_RUN_SORT_UP,
    MLI_SQL_RUN_ACTIVE,
    MLI_SQL_RUN_BY_KEY,
    MLI_SQL_RUN_STAND,
    MLI_SQL_RUN_CLAIM,
    MLI_SQL_RUN_MEASURES,
    MLI_SQL_RUN_TRANSITION,
    MLI_SQL_RUN_SEAL,
    MLI_SQL_RUN_POSITION,
    MLI_SQL_RUN_CANCEL,
    MLI_SQL_RUN_ADOPT,
    MLI_SQL_STEP_PUT,
    MLI_SQL_STEP_LIST,
    MLI_SQL_ARTIFACT_PUT,
    MLI_SQL_ARTIFACT_LIST,
    MLI_SQL_EVENT_PUT,
    MLI_SQL_EVENT_LIST,
    MLI_SQL_SUMS,
    MLI_SQL_HISTORY,
    MLI_SQL_TOTAL_ADD,
    MLI_SQL_TOTAL_OBSERVE,
    MLI_SQL_TOTAL_LIST,
    MLI_SQL_QUEUE_DEPTHS,
    MLI_SQL_FINAL_FACTS,
    MLI_SQL_PROBE,
    MLI_SQL_QUEUE_STATE, /* from here on: sqlite_queue.c, sqlite_arrange.c */
    MLI_SQL_QUEUE_OPEN_DUE,
    MLI_SQL_QUEUE_USERS,
    MLI_SQL_QUEUE_ALL_USERS,
    MLI_SQL_QUEUE_USER,
    MLI_SQL_QUEUE_BEST,
    MLI_SQL_QUEUE_OLDEST,
    MLI_SQL_QUEUE_HEAD,
    MLI_SQL_QUEUE_ONE,
    MLI_SQL_QUEUE_ALL,
    MLI_SQL_QUEUE_RUNNING,
    MLI_SQL_QUEUE_OVERDUE,
    MLI_SQL_QUEUE_STARTED,
    MLI_SQL_QUEUE_LOAD,
    MLI_SQL_QUEUE_CHARGE,
    MLI_SQL_QUEUE_LEARN,
    MLI_SQL_QUEUE_HOLD,
    MLI_SQL_QUEUE_RELEASE,
    MLI_SQL_QUEUE_PRIORITY,
    MLI_SQL_CLOCK_LOAD, /* sqlite_clock.c */
    MLI_SQL_CLOCK_PUT,
    MLI_SQL_CLOCK_MOVE,
    MLI_SQL_CAPS_OF_USER, /* from here on: sqlite_ledger.c */
    MLI_SQL_CAP_PUT,
    MLI_SQL_CAP_REMOVE,
    MLI_SQL_CAP_LIST,
    MLI_SQL_CAP_WAKE,
    MLI_SQL_CAP_WAKE_ALL,
    MLI_SQL_CAP_WAIT,
    MLI_SQL_CAP_DEFAULTS_LOAD,
    MLI_SQL_CAP_DEFAULTS_PUT,
    MLI_SQL_USAGE_SUM,
    MLI_SQL_USAGE_ADD,
    MLI_SQL_ACCOUNT_LOAD,
    MLI_SQL_ACCOUNT_PUT,
    MLI_SQL_RUN_ENDED,
    MLI_SQL_RUN_MARKED,
    MLI_SQL_RUN_CHILD,
    MLI_SQL_RUN_BY_KEY_ALONE,
    MLI_SQL_RUN_MARK,
    MLI_SQL_RUN_UNMARK,
    MLI_SQL_FORGET_RUN,
    MLI_SQL_FORGET_STEPS,
    MLI_SQL_FORGET_ARTIFACTS,
    MLI_SQL_FORGET_EVENTS,
    MLI_SQL_EXPERIMENT_PUT, /* from here on: sqlite_experiments.c */
    MLI_SQL_EXPERIMENT_LOAD,
    MLI_SQL_EXPERIMENT_LIST,
    MLI_SQL_EXPERIMENT_MARK,
    MLI_SQL_EXPERIMENT_CELLS,
    MLI_SQL_EXPERIMENT_CELLS_BRIEF,
    MLI_SQL_EXPERIMENT_CELL_OF_RUN,
    MLI_SQL_EXPERIMENT_CELL,
    MLI_SQL_EXPERIMENT_KEEP,
    MLI_SQL_EXPERIMENT_FIND,
    MLI_SQL_EXPERIMENT_DELETE,
    MLI_SQL_EXPERIMENT_DELETE_CELLS,
    MLI_SQL_NOTE_PUT, /* from here on: sqlite_notes.c */
    MLI_SQL_NOTE_REMOVE,
    MLI_SQL_NOTE_OTHERS,
    MLI_SQL_NOTE_LIST,
    MLI_SQL_FEED, /* from here on: sqlite_feed.c */
    MLI_SQL_FEED_END,
    MLI_SQL_REPLY_FORGET, /* from here on: sqlite_replies.c */
    MLI_SQL_REPLY_DROP,
    MLI_SQL_REPLY_LOAD,
    MLI_SQL_REPLY_CLAIM,
    MLI_SQL_REPLY_TAKE_OVER,
    MLI_SQL_REPLY_MATCH,
    MLI_SQL_REPLY_PUT,
    MLI_SQL_REPLY_FORGET_OWN,
    MLI_SQL_REPLY_GIVE_UP,
    MLI_SQL_KEY_COUNT, /* from here on: sqlite_keys.c */
    MLI_SQL_KEY_PUT,
    MLI_SQL_KEY_FIND,
    MLI_SQL_KEY_ROTATE,
    MLI_SQL_KEY_REVOKE,
    MLI_SQL_KEY_USED,
    MLI_SQL_KEY_LIST,
    MLI_SQL_KEY_LOOK,
    MLI_SQL_WEBHOOK_COUNT, /* from here on: sqlite_webhooks.c */
    MLI_SQL_WEBHOOK_PUT,
    MLI_SQL_WEBHOOK_DELETE,
    MLI_SQL_WEBHOOK_FORGET,
    MLI_SQL_WEBHOOK_ENABLE,
    MLI_SQL_WEBHOOK_LIST,
    MLI_SQL_DELIVERY_CURSOR, /* from here on: sqlite_deliveries.c */
    MLI_SQL_DELIVERY_PUT,
    MLI_SQL_DELIVERY_LIST,
    MLI_SQL_DELIVERY_HEAD,
    MLI_SQL_DELIVERY_NEXT,
    MLI_SQL_DELIVERY_TAKE,
    MLI_SQL_DELIVERY_END,
    MLI_SQL_DELIVERY_COUNT,
    MLI_SQL_DELIVERY_DISABLE,
    MLI_SQL_DELIVERY_DROP,
    MLI_SQL_DELIVERY_FORGET,
    MLI_SQL_UPLOAD_PUT, /* from here on: sqlite_uploads.c */
    MLI_SQL_UPLOAD_FORGET,
    MLI_SQL_UPLOAD_SUM,
    MLI_SQL_UPLOAD_OF_USER,
    MLI_SQL_UPLOAD_EXPIRED,
    MLI_SQL_UPLOAD_ALL,
    MLI_SQL_COUNT
} mli_sql;

struct mli_sqlite_work;

typedef struct mli_sqlite {
    mli_store base;
    sqlite3 *db;
    mli_os_mutex mutex;
    struct mli_sqlite *reader; /* sqlite_reader.c; NULL = none yet */
    mli_os_mutex reader_mutex; /* for its making */
    bool failed;
    int32_t wait_ms;   /* for other processes that write */
    mli_bell_set rung; /* runs that have new events in the transaction */
    sqlite3_stmt *statements[MLI_SQL_COUNT];
    /* Writers (sqlite_write.c). */
    mli_os_mutex group_mutex; /* guards the three below; never taken with `mutex` held */
    mli_os_cond group_turn;
    struct mli_sqlite_work *waiting;
    bool leading; /* somebody works for all that waited */
} mli_sqlite;

#define MLI_SCHEMA_VERSION 6
/* Of a database that this library has made (mli_sqlite_fingerprint); a test tells a new one. */
#define MLI_SCHEMA_FINGERPRINT "47802c3592f0492dd7145830672f64e6ef312ad3719406cd3fcbb956b385efe4"
/* The scripts (NULL-terminated) that bring version `from` (0 = empty) to the next one. */
const char *const *mli_sqlite_schema(int64_t from);
/* Heads a part that is done again until it changes no row. */
#define MLI_SCHEMA_REPEAT "/*repeat*/"

/* SQL of a statement. */
const char *mli_sqlite_text(mli_sql which);
const char *mli_sqlite_run_text(mli_sql which);     /* those made of the column list */
const char *mli_sqlite_queue_text(mli_sql which);   /* those that look at the queue */
const char *mli_sqlite_arrange_text(mli_sql which); /* those that change it */
const char *mli_sqlite_clock_text(mli_sql which);

/* Takes the connection; E_STORE_FAILED after an I/O error (then it is not taken). */
MODELLAB_MUST_CHECK modellab_status mli_sqlite_enter(mli_sqlite *s, modellab_error *err);
void mli_sqlite_leave(mli_sqlite *s);
/* Takes a connection for what reads long, which nobody who does something short waits for. */
MODELLAB_MUST_CHECK modellab_status mli_sqlite_enter_long(mli_sqlite *s, mli_sqlite **out,
                                                          modellab_error *err);
void mli_sqlite_close_reader(mli_sqlite *s);
/* The error of a return code: code and text; marks the handle failed where that is due. */
modellab_status mli_sqlite_fail(mli_sqlite *s, int rc, modellab_error *err);

MODELLAB_MUST_CHECK modellab_status mli_sqlite_begin(mli_sqlite *s, bool writes,
                                                     modellab_error *err);
/* Commits when `status` is OK, else rolls back and returns `status`. */
MODELLAB_MUST_CHECK modellab_status mli_sqlite_end(mli_sqlite *s, modellab_status status,
                                                   modellab_error *err);

/* One writer of a group; lives on its stack. */
typedef modellab_status (*mli_sqlite_run)(mli_sqlite *s, void *arg, modellab_error *err);
typedef struct mli_sqlite_work {
    mli_sqlite_run run;
    void *arg;
    modellab_error *err;
    bool lazy, done;
    bool soft;   /* E_BUSY at once when another process writes, unless others of this one wait */
    bool joined; /* with the next one: they share a transaction */
    modellab_status status;
    struct mli_sqlite_work *next;
} mli_sqlite_work;

/* Calls `run` (in this or another thread, while this one waits) inside a write transaction and
 * commits it, together with those of other threads that wait. `lazy`: the commit survives the death
 * of the process, and a power cut once anything after it was committed durably. */
MODELLAB_MUST_CHECK modellab_status mli_sqlite_write(mli_sqlite *s, mli_sqlite_run run, void *arg,
                                                     bool lazy, modellab_error *err);
/* A lazy one that can do without: E_BUSY when another process writes. */
MODELLAB_MUST_CHECK modellab_status mli_sqlite_write_soft(mli_sqlite *s, mli_sqlite_run run,
                                                          void *arg, modellab_error *err);
/* The same for a list of writers of this thread, in their order. */
void mli_sqlite_write_all(mli_sqlite *s, mli_sqlite_work *first);

/* Claims and changes of runs as parts of a transaction. */
typedef struct mli_sqlite_claiming {
    const mli_store_claim *claim;
    mli_run_row **out;
    mli_hold hold;
    mli_cap_verdict verdict;
} mli_sqlite_claiming;

MODELLAB_MUST_CHECK modellab_status mli_sqlite_run_claim(mli_sqlite *s, void *claiming,
                                                         modellab_error *err);
/* After the commit: hands out what came of it; `status` as it is for the caller. */
MODELLAB_MUST_CHECK modellab_status mli_sqlite_end_claim(mli_sqlite *s, mli_sqlite_claiming *c,
                                                         modellab_status status,
                                                         modellab_error *err);
/* *applied false: its lines are in the record already. */
MODELLAB_MUST_CHECK modellab_status mli_sqlite_apply_many(mli_sqlite *s,
                                                          const mli_store_change *const *changes,
                                                          size_t count, bool *applied,
                                                          int64_t *last_event, modellab_error *err);

/* A statement being bound and stepped; the first failure sticks. Always mli_query_close() it. */
typedef struct mli_query {
    mli_sqlite *store;
    sqlite3_stmt *statement;
    int rc, next;
} mli_query;

mli_query mli_query_open(mli_sqlite *s, mli_sql which);
void mli_query_text(mli_query *q, const char *text); /* NULL = ''; borrowed until close */
void mli_query_int(mli_query *q, int64_t value);
void mli_query_real(mli_query *q, double value);
/* True when there is a row; false at the end and on failure (mli_query_close() tells). */
MODELLAB_MUST_CHECK bool mli_query_row(mli_query *q);
/* Resets. OK, or why binding or stepping failed. */
MODELLAB_MUST_CHECK modellab_status mli_query_close(mli_query *q, modellab_error *err);
/* Steps a statement without rows and closes it. */
MODELLAB_MUST_CHECK modellab_status mli_query_run(mli_query *q, modellab_error *err);
/* Text of a column; sets the query's failure when memory is short. Never NULL. */
const char *mli_query_column(mli_query *q, int column, size_t *bytes);
/* The same without a NUL behind it, in place: nothing is copied. Until the next row. */
const char *mli_query_bytes(mli_query *q, int column, size_t *bytes);

/* For lists: room for one more row in an array of `count`; NULL when memory is short, which is then
 * the query's failure. */
void *mli_query_room(mli_query *q, const modellab_allocator *alloc, void *rows, size_t count,
                     size_t *capacity, size_t row_bytes);
/* For lists: appends a column's text to a block that may still move and gives its offset in the
 * guise of a pointer; mli_query_resolve() makes a pointer of it when the block is final. */
const char *mli_query_keep(mli_query *q, int column, mli_buf *block);
void mli_query_resolve(const char **text, const char *block);
/* All kept texts of a list whose rows have them at these offsets (`members`). The block, which is
 * the list's from now on; NULL without rows. */
char *mli_query_resolve_all(mli_buf *block, void *rows, size_t count, size_t row_bytes,
                            const size_t *members, size_t member_count);

/* Where a run stands, for the checks of a write. E_NOT_FOUND. */
MODELLAB_MUST_CHECK modellab_status mli_sqlite_stand(mli_sqlite *s, const char *run_id,
                                                     mli_run_stand *out, modellab_error *err);
bool mli_sqlite_final(modellab_run_status status);
/* Inserts an event with the next number and counts it in *last. */
MODELLAB_MUST_CHECK modellab_status mli_sqlite_put_event(mli_sqlite *s, const char *run_id,
                                                         const mli_event_row *event, int64_t now_ms,
                                                         int64_t *last, modellab_error *err);
/* The present row of a run as its own block. */
MODELLAB_MUST_CHECK modellab_status mli_sqlite_load_row(mli_sqlite *s, const char *run_id,
                                                        mli_run_row **out, modellab_error *err);
/* A row, a step, an artifact of a run. */
MODELLAB_MUST_CHECK modellab_status mli_sqlite_put_row(mli_sqlite *s, const mli_run_row *row,
                                                       modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_put_step(mli_sqlite *s, const char *run_id,
                                                        const mli_step_row *step,
                                                        modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_put_artifact(mli_sqlite *s, const char *run_id,
                                                            const mli_artifact_row *artifact,
                                                            modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_import(mli_store *, const mli_run_record *,
                                                      const mli_event_row *, size_t,
                                                      const mli_note_list *, modellab_error *);
/* Collects all rows of a bound query and closes it. */
MODELLAB_MUST_CHECK modellab_status mli_sqlite_collect(mli_sqlite *s, mli_query *q,
                                                       mli_run_row_list **out, modellab_error *err);
/* A RUNNING run is about to leave that status: its user is charged with the time that it took,
 * until it was last known to work. */
MODELLAB_MUST_CHECK modellab_status mli_sqlite_queue_charge(mli_sqlite *s, const char *run_id,
                                                            bool completed, int64_t until_ms,
                                                            modellab_error *err);
/* A start, within its transaction: E_STATE when a limit forbids it. */
MODELLAB_MUST_CHECK modellab_status mli_sqlite_queue_start(mli_sqlite *s,
                                                           const mli_store_claim *claim,
                                                           modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_set_position(mli_sqlite *s, const char *run_id,
                                                            int64_t last_event,
                                                            int64_t journal_line,
                                                            modellab_error *err);
/* Counters, in the transaction that changes the run. */
MODELLAB_MUST_CHECK modellab_status mli_sqlite_count_claim(mli_sqlite *s, int64_t wait_ms,
                                                           modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_count_final(mli_sqlite *s, const char *run_id,
                                                           modellab_error *err);

/* Operations of the table, by file. */
MODELLAB_MUST_CHECK modellab_status mli_sqlite_run_by_key(mli_store *, const char *user,
                                                          const char *key,
                                                          char run_id[MLI_ULID_BYTES],
                                                          modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_insert(mli_store *, const mli_run_row *,
                                                      const mli_event_row *, size_t,
                                                      char existing_id[MLI_ULID_BYTES],
                                                      modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_queue(mli_store *, const mli_queue_query *,
                                                     mli_queue_view **, modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_overdue(mli_store *, int64_t, const char *, size_t,
                                                       char (*ids)[MLI_ULID_BYTES], size_t *,
                                                       modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_arrange(mli_store *, const mli_store_arrangement *,
                                                       bool *, modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_keep_clock(mli_store *, const mli_store_clock *,
                                                          int64_t *, modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_claim(mli_store *, const mli_store_claim *,
                                                     mli_run_row **, modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_apply(mli_store *, const mli_store_change *, bool *,
                                                     int64_t *, modellab_error *);
void mli_sqlite_write_many(mli_store *, mli_store_write *, size_t);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_request_cancel(mli_store *, const char *, int64_t,
                                                              mli_store_cancel *, modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_adopt(mli_store *, const mli_store_adoption *,
                                                     bool *, modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_load(mli_store *, const char *, mli_run_record **,
                                                    modellab_error *);
/* Rows of a list, under the lock (mli_sqlite_enter). */
MODELLAB_MUST_CHECK modellab_status mli_sqlite_list_inside(mli_sqlite *s,
                                                           const mli_store_filter *filter,
                                                           mli_run_row_list **out,
                                                           modellab_error *err);
/* Steps and artifacts of a record that has its row, likewise. */
MODELLAB_MUST_CHECK modellab_status mli_sqlite_load_parts(mli_sqlite *s, mli_run_record *record,
                                                          modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_list_records(mli_store *, const mli_store_filter *,
                                                            mli_run_record_list **,
                                                            modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_list(mli_store *, const mli_store_filter *,
                                                    mli_run_row_list **, modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_active(mli_store *, mli_run_row_list **,
                                                      modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_events(mli_store *, const char *, int64_t, int32_t,
                                                      mli_event_row_list **, modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_sums(mli_store *, const char *, int64_t,
                                                    mli_store_sums *, modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_history(mli_store *, const char *, size_t,
                                                       mli_store_past *, size_t *,
                                                       modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_totals(mli_store *, mli_total_list **,
                                                      modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_queue_depths(mli_store *, mli_total_list **,
                                                            modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_load_stand(mli_store *, const char *,
                                                          mli_run_stand *, modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_probe(mli_store *, int64_t, modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_count(mli_store *, const mli_store_counter *counters,
                                                     size_t count, modellab_error *);

MODELLAB_MUST_CHECK modellab_status mli_sqlite_ended(mli_store *, const mli_store_ended *,
                                                     mli_run_row_list **, modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_marked(mli_store *, mli_run_row_list **,
                                                      modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_mark(mli_store *, const char *, int32_t,
                                                    modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_unmark(mli_store *, const char *, int32_t,
                                                      modellab_error *);

/* The sha256 of what the schema is, in its own words. */
MODELLAB_MUST_CHECK modellab_status mli_sqlite_fingerprint(mli_sqlite *s, char out[65],
                                                           modellab_error *err);
/* E_UNSUPPORTED: a column, index or trigger of the present version is missing; which one is told.
 */
MODELLAB_MUST_CHECK modellab_status mli_sqlite_check_schema(mli_sqlite *s, modellab_error *err);
/* Schema: makes it or brings it up to date; E_STORE_NEWER. */
MODELLAB_MUST_CHECK modellab_status mli_sqlite_migrate(mli_sqlite *s, modellab_error *err);

#endif
