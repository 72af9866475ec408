/* Opening a SQLite store: connection, settings, schema versions, closing. */
#include "base/alloc.h"
#include "base/error.h"
#include "os/clock.h"
#include "os/file.h"
#include "store/sqlite_experiments.h"
#include "store/sqlite_feed.h"
#include "store/sqlite_keys.h"
#include "store/sqlite_ledger.h"
#include "store/sqlite_notes.h"
#include "store/sqlite_replies.h"
#include "store/sqlite_uploads.h"
#include "store/sqlite_webhooks.h"
#include <string.h>

#define APPLICATION_ID 0x4d4c4162 /* "MLAb" */
#define WAIT_STEP_NS 5000000
/* Negative: in KiB. The pages of a few thousand runs, so that a busy queue is not read again and
 * again; taken only as it is used. */
#define CACHE_KIB "-16384"
#define SMALL_LOG_PAGES 32

static const mli_store_ops ops;

/* Runs SQL without results; waits a while when the database is busy (changing the journal mode does
 * not call SQLite's own busy handler). */
static int run_script(mli_sqlite *s, const char *sql, int32_t wait_ms)
{
    const mli_os_clock *clock = &mli_os_system_clock;
    int64_t until = clock->monotonic_ns(clock->user) + (int64_t)wait_ms * 1000000;
    int rc = sqlite3_exec(s->db, sql, NULL, NULL, NULL);

    while ((rc & 0xff) == SQLITE_BUSY && clock->monotonic_ns(clock->user) < until &&
           clock->sleep_ns(clock->user, WAIT_STEP_NS) == 0) {
        rc = sqlite3_exec(s->db, sql, NULL, NULL, NULL);
    }
    return rc;
}

static int read_number(mli_sqlite *s, const char *sql, int64_t *out)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &statement, NULL);

    if (rc == SQLITE_OK) {
        rc = sqlite3_step(statement);
        *out = rc == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
        rc = rc == SQLITE_ROW ? SQLITE_OK : rc;
    }
    /* repeats the code of the step */
    (void)sqlite3_finalize(statement);
    return rc;
}

MODELLAB_MUST_CHECK static modellab_status check_version(mli_sqlite *s, int64_t *version,
                                                         modellab_error *err)
{
    int64_t application = 0, tables = 0;
    int rc = read_number(s, "PRAGMA user_version", version);

    rc = rc == SQLITE_OK ? read_number(s, "PRAGMA application_id", &application) : rc;
    rc = rc == SQLITE_OK ? read_number(s, "SELECT count(*) FROM sqlite_master", &tables) : rc;
    if (rc != SQLITE_OK) {
        return mli_sqlite_fail(s, rc, err);
    }
    if (application != APPLICATION_ID && (application != 0 || tables != 0)) {
        return mli_fail(err, MODELLAB_E_STORE_CORRUPT, "the file %s is not a lab's database",
                        "lab.sqlite");
    }
    if (*version > MLI_SCHEMA_VERSION) {
        return mli_fail_at(err, MODELLAB_E_STORE_NEWER, *version,
                           "the lab has schema version %lld, this library knows up to %lld: use a "
                           "newer version of the library",
                           (long long)*version, (long long)MLI_SCHEMA_VERSION);
    }
    return MODELLAB_OK;
}

static int migrate_part(mli_sqlite *s, const char *part)
{
    bool repeated = strncmp(part, MLI_SCHEMA_REPEAT, strlen(MLI_SCHEMA_REPEAT)) == 0;
    int before, rc;

    do {
        before = sqlite3_total_changes(s->db);
        rc = run_script(s, part, 0);
    } while (rc == SQLITE_OK && repeated && sqlite3_total_changes(s->db) != before);
    return rc;
}

MODELLAB_MUST_CHECK static modellab_status migrate_one(mli_sqlite *s, int64_t from,
                                                       modellab_error *err)
{
    char numbers[96];
    const char *const *part = mli_sqlite_schema(from);
    int rc = SQLITE_OK;

    for (; rc == SQLITE_OK && *part != NULL; part++) {
        rc = migrate_part(s, *part);
    }
    if (rc == SQLITE_OK) {
        (void)sqlite3_snprintf((int)sizeof numbers, numbers,
                               "PRAGMA user_version=%d;PRAGMA application_id=%d;", (int)from + 1,
                               APPLICATION_ID);
        rc = run_script(s, numbers, 0);
    }
    return rc == SQLITE_OK ? MODELLAB_OK : mli_sqlite_fail(s, rc, err);
}

modellab_status mli_sqlite_migrate(mli_sqlite *s, modellab_error *err)
{
    int64_t version = 0;
    modellab_status status = check_version(s, &version, err);

    if (status != MODELLAB_OK) {
        return status;
    }
    if (version == MLI_SCHEMA_VERSION) {
        return mli_sqlite_check_schema(s, err);
    }
    if (s->base.read_only) {
        return mli_fail(err, MODELLAB_E_STORE_READ_ONLY,
                        "the lab has an older schema; open it for writing once to bring it up to "
                        "date");
    }
    status = mli_sqlite_begin(s, true, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    status = check_version(s, &version, err); /* another process may have been faster */
    for (; status == MODELLAB_OK && version < MLI_SCHEMA_VERSION; version++) {
        status = migrate_one(s, version, err);
    }
    return mli_sqlite_end(s, status, err);
}

MODELLAB_MUST_CHECK static modellab_status configure(mli_sqlite *s, int32_t wait_ms,
                                                     modellab_error *err)
{
    int64_t synchronous = 0;
    int rc = sqlite3_busy_timeout(s->db, wait_ms);

    if (rc == SQLITE_OK) {
        rc = run_script(s,
                        "PRAGMA trusted_schema=OFF;PRAGMA cell_size_check=ON;"
                        "PRAGMA synchronous=FULL;PRAGMA temp_store=MEMORY;"
                        "PRAGMA cache_size=" CACHE_KIB ";",
                        wait_ms);
    }
    if (rc == SQLITE_OK && !s->base.read_only) {
        rc = run_script(s, "PRAGMA journal_mode=WAL;", wait_ms);
    }
    rc = rc == SQLITE_OK ? read_number(s, "PRAGMA synchronous", &synchronous) : rc;
    if (rc != SQLITE_OK) {
        return mli_sqlite_fail(s, rc, err);
    }
    if (synchronous != 2) {
        return mli_fail(err, MODELLAB_E_UNSUPPORTED, "this SQLite does not sync each commit");
    }
    return MODELLAB_OK;
}

/* Opens the file. A read-only lab on a medium where SQLite cannot even make its shared memory file,
 * (the medium is read-only, or full), and without anything in a write-ahead log beside it, is
 * opened as immutable. */
static int connect_to(mli_sqlite *s, const mli_store_options *options)
{
    int flags =
        SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
        (options->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    int rc = sqlite3_open_v2(options->path, &s->db, flags, NULL);
    int64_t ignored = 0;

    if (!options->read_only) {
        return rc;
    }
    rc = rc == SQLITE_OK ? read_number(s, "SELECT count(*) FROM sqlite_master", &ignored) : rc;
    if ((rc & 0xff) == SQLITE_CANTOPEN || (rc & 0xff) == SQLITE_READONLY ||
        rc == SQLITE_IOERR_SHMSIZE || rc == SQLITE_IOERR_SHMOPEN || rc == SQLITE_IOERR_SHMMAP ||
        rc == SQLITE_FULL) {
        char *uri = sqlite3_mprintf("file:%s?immutable=1", options->path);
        char *log = sqlite3_mprintf("%s-wal", options->path);
        mli_os_stat info;

        if (uri == NULL || log == NULL) {
            rc = SQLITE_NOMEM;
        } else if (strpbrk(options->path, "?#%") == NULL &&
                   (mli_os_system_files.stat(NULL, log, true, &info) != 0 || info.bytes == 0)) {
            (void)sqlite3_close(s->db); /* no statement is open: cannot fail */
            s->db = NULL;
            rc = sqlite3_open_v2(uri, &s->db, flags | SQLITE_OPEN_URI, NULL);
        }
        sqlite3_free(uri);
        sqlite3_free(log);
    }
    return rc;
}

static void close_store(mli_store *store)
{
    mli_sqlite *s = (mli_sqlite *)store;
    modellab_allocator alloc = store->alloc;
    bool has_alloc = store->has_alloc;

    /* in a forked child the file locks belong to the parent: closing would drop them under it */
    if (store->pid == mli_os_pid()) {
        mli_sqlite_close_reader(s);
        mli_os_mutex_destroy(&s->reader_mutex);
        for (int i = 0; i < MLI_SQL_COUNT; i++) {
            (void)sqlite3_finalize(s->statements[i]); /* repeats an old code */
        }
        (void)sqlite3_close_v2(s->db); /* never refuses */
        mli_os_cond_destroy(&s->group_turn);
        mli_os_mutex_destroy(&s->group_mutex);
        mli_os_mutex_destroy(&s->mutex);
    }
    mli_free(has_alloc ? &alloc : NULL, s);
}

MODELLAB_MUST_CHECK static modellab_status prepare_basics(mli_sqlite *s, modellab_error *err)
{
    static const mli_sql basics[] = {MLI_SQL_BEGIN,      MLI_SQL_BEGIN_WRITE, MLI_SQL_COMMIT,
                                     MLI_SQL_ROLLBACK,   MLI_SQL_SAVEPOINT,   MLI_SQL_RELEASE,
                                     MLI_SQL_ROLLBACK_TO};
    modellab_status status = MODELLAB_OK;

    for (size_t i = 0; status == MODELLAB_OK && i < sizeof basics / sizeof *basics; i++) {
        mli_query q = mli_query_open(s, basics[i]);

        status = mli_query_close(&q, err);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status set_up(mli_sqlite *s, const mli_store_options *options,
                                                  modellab_error *err)
{
    int32_t wait_ms = options->busy_timeout_ms > 0 ? options->busy_timeout_ms : 10000;
    int rc = connect_to(s, options);
    modellab_status status;

    s->wait_ms = wait_ms;
    if ((rc & 0xff) == SQLITE_CANTOPEN && s->db != NULL && sqlite3_system_errno(s->db) != 0) {
        return mli_fail_os(err, sqlite3_system_errno(s->db), "cannot open the store's database");
    }
    if (rc != SQLITE_OK) {
        return mli_sqlite_fail(s, rc, err);
    }
    status = prepare_basics(s, err);
    if (status == MODELLAB_OK) {
        status = configure(s, wait_ms, err);
    }
    if (status == MODELLAB_OK && options->small_log) {
        rc = sqlite3_wal_autocheckpoint(s->db, SMALL_LOG_PAGES);
        status = rc == SQLITE_OK ? status : mli_sqlite_fail(s, rc, err);
    }
    return status == MODELLAB_OK ? mli_sqlite_migrate(s, err) : status;
}

static int init_locks(mli_sqlite *s)
{
    mli_os_mutex *const locks[] = {&s->mutex, &s->reader_mutex, &s->group_mutex};
    size_t made = 0;
    int rc = 0;

    while (rc == 0 && made < sizeof locks / sizeof *locks) {
        rc = mli_os_mutex_init(locks[made]);
        made += rc == 0;
    }
    rc = rc == 0 ? mli_os_cond_init(&s->group_turn) : rc;
    while (rc != 0 && made > 0) {
        mli_os_mutex_destroy(locks[--made]);
    }
    return rc;
}

modellab_status mli_store_open_sqlite(const mli_store_options *options, mli_store **out,
                                      modellab_error *err)
{
    mli_sqlite *s = mli_alloc_zero(options->alloc, sizeof *s);
    modellab_status status;
    int rc;

    *out = NULL;
    if (s == NULL) {
        return mli_no_memory(err);
    }
    s->base.ops = &ops;
    s->base.has_alloc = options->alloc != NULL;
    if (options->alloc != NULL) {
        s->base.alloc = *options->alloc;
    }
    s->base.read_only = options->read_only;
    s->base.pid = mli_os_pid();
    rc = init_locks(s);
    if (rc != 0) {
        mli_free(options->alloc, s);
        return mli_fail_os(err, rc, "cannot make a lock");
    }
    status = set_up(s, options, err);
    if (status != MODELLAB_OK) {
        close_store(&s->base);
        return status;
    }
    *out = &s->base;
    return MODELLAB_OK;
}

static const mli_store_ops ops = {
    .close = close_store,
    .insert = mli_sqlite_insert,
    .run_by_key = mli_sqlite_run_by_key,
    .queue = mli_sqlite_queue,
    .overdue = mli_sqlite_overdue,
    .arrange = mli_sqlite_arrange,
    .keep_clock = mli_sqlite_keep_clock,
    .claim = mli_sqlite_claim,
    .apply = mli_sqlite_apply,
    .write_many = mli_sqlite_write_many,
    .request_cancel = mli_sqlite_request_cancel,
    .adopt = mli_sqlite_adopt,
    .load = mli_sqlite_load,
    .list = mli_sqlite_list,
    .list_records = mli_sqlite_list_records,
    .active = mli_sqlite_active,
    .events = mli_sqlite_events,
    .sums = mli_sqlite_sums,
    .history = mli_sqlite_history,
    .totals = mli_sqlite_totals,
    .queue_depths = mli_sqlite_queue_depths,
    .stand = mli_sqlite_load_stand,
    .probe = mli_sqlite_probe,
    .count = mli_sqlite_count,
    .hold_more = mli_sqlite_hold_more,
    .cap_room = mli_sqlite_cap_room,
    .cap_needs = mli_sqlite_cap_needs,
    .usage = mli_sqlite_usage,
    .cap_change = mli_sqlite_cap_change,
    .cap_defaults = mli_sqlite_cap_defaults,
    .cap_list = mli_sqlite_cap_list,
    .ended = mli_sqlite_ended,
    .marked = mli_sqlite_marked,
    .mark = mli_sqlite_mark,
    .unmark = mli_sqlite_unmark,
    .import = mli_sqlite_import,
    .experiment_put = mli_sqlite_experiment_put,
    .experiment_load = mli_sqlite_experiment_load,
    .experiment_list = mli_sqlite_experiment_list,
    .experiment_mark = mli_sqlite_experiment_mark,
    .experiment_cells = mli_sqlite_experiment_cells,
    .experiment_cell = mli_sqlite_experiment_cell,
    .experiment_keep = mli_sqlite_experiment_keep,
    .experiment_delete = mli_sqlite_experiment_delete,
    .note_put = mli_sqlite_note_put,
    .notes = mli_sqlite_notes,
    .feed = mli_sqlite_feed,
    .feed_end = mli_sqlite_feed_end,
    .reply_claim = mli_sqlite_reply_claim,
    .reply_take_over = mli_sqlite_reply_take_over,
    .reply_match = mli_sqlite_reply_match,
    .reply_put = mli_sqlite_reply_put,
    .reply_give_up = mli_sqlite_reply_give_up,
    .upload_put = mli_sqlite_upload_put,
    .upload_forget = mli_sqlite_upload_forget,
    .upload_sum = mli_sqlite_upload_sum,
    .upload_ids = mli_sqlite_upload_ids,
    .key_put = mli_sqlite_key_put,
    .key_change = mli_sqlite_key_change,
    .key_list = mli_sqlite_key_list,
    .webhook_put = mli_sqlite_webhook_put,
    .webhook_change = mli_sqlite_webhook_change,
    .webhook_list = mli_sqlite_webhook_list,
    .deliveries_put = mli_sqlite_deliveries_put,
    .delivery_list = mli_sqlite_delivery_list,
    .delivery_take = mli_sqlite_delivery_take,
    .delivery_end = mli_sqlite_delivery_end,
};
