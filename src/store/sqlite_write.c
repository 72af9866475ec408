/* Group commit: writers that come while another one waits for the disk share the next transaction
 * and its one sync. Each stands behind a savepoint of its own, so that one that fails takes nothing
 * of the others with it, and nobody is told of success before the common commit has succeeded. */
#include "base/error.h"
#include "store/sqlite_db.h"

#define GROUP_MOST                                                                                 \
    64 /* of one transaction: a bound for the wait of the first; what one caller hands             \
          over together stays together */

MODELLAB_MUST_CHECK static modellab_status simple(mli_sqlite *s, mli_sql which, modellab_error *err)
{
    mli_query q = mli_query_open(s, which);

    return mli_query_run(&q, err);
}

static void run_one(mli_sqlite *s, mli_sqlite_work *work)
{
    work->status = simple(s, MLI_SQL_SAVEPOINT, work->err);
    if (work->status != MODELLAB_OK) {
        return;
    }
    work->status = work->run(s, work->arg, work->err);
    if (sqlite3_get_autocommit(s->db) != 0) {
        return; /* SQLite gave the whole transaction up */
    }
    if (work->status == MODELLAB_OK) {
        work->status = simple(s, MLI_SQL_RELEASE, work->err);
    } else if (simple(s, MLI_SQL_ROLLBACK_TO, NULL) != MODELLAB_OK ||
               simple(s, MLI_SQL_RELEASE, NULL) != MODELLAB_OK) {
        s->failed = true; /* what it left behind must not be committed with the others */
    }
}

/* What succeeded by itself shares the fate of the transaction. */
static void share(mli_sqlite_work *first, modellab_status status, const modellab_error *why)
{
    for (mli_sqlite_work *w = first; w != NULL; w = w->next) {
        if (w->status == MODELLAB_OK) {
            w->status = mli_fail(w->err, status, "%s", why->message);
        }
    }
}

static void run_group(mli_sqlite *s, mli_sqlite_work *first)
{
    modellab_error why = MODELLAB_ERROR_INIT;
    modellab_status status = mli_sqlite_begin(s, true, &why);

    for (mli_sqlite_work *w = first; status == MODELLAB_OK && w != NULL; w = w->next) {
        run_one(s, w);
        if (sqlite3_get_autocommit(s->db) != 0 || s->failed) {
            status = w->status != MODELLAB_OK ? w->status : MODELLAB_E_INTERNAL;
            (void)mli_fail(&why, status, "%s",
                           w->err != NULL && w->err->message[0] != '\0'
                               ? w->err->message
                               : "a transaction ended by itself");
        }
    }
    status = mli_sqlite_end(s, status, &why);
    if (status != MODELLAB_OK) {
        share(first, status, &why);
    }
}

static void run_single(mli_sqlite *s, mli_sqlite_work *work)
{
    work->status = mli_sqlite_begin(s, true, work->err);
    if (work->status == MODELLAB_OK) {
        work->status = mli_sqlite_end(s, work->run(s, work->arg, work->err), work->err);
    }
}

/* How long SQLite waits for another process. It does not fail for a connection that is open. */
static void wait_for_others(mli_sqlite *s, int32_t wait_ms)
{
    if (sqlite3_busy_timeout(s->db, wait_ms) != SQLITE_OK) {
        s->failed = true;
    }
}

/* With the connection taken. */
static void run_all(mli_sqlite *s, mli_sqlite_work *first)
{
    modellab_error why = MODELLAB_ERROR_INIT;
    bool lazy = true, soft = true;
    modellab_status status = MODELLAB_OK;

    for (mli_sqlite_work *w = first; w != NULL; w = w->next) {
        lazy = lazy && w->lazy;
        soft = soft && w->soft;
    }
    if (soft) {
        wait_for_others(s, 0);
    }
    if (lazy) {
        status = simple(s, MLI_SQL_SYNC_LAZY, &why);
    }
    if (status != MODELLAB_OK) {
        share(first, status, &why);
    } else if (first->next != NULL) {
        run_group(s, first);
    } else {
        run_single(s, first);
    }
    /* All that write without a word about it are durable. */
    if (lazy && simple(s, MLI_SQL_SYNC_FULL, NULL) != MODELLAB_OK) {
        s->failed = true;
    }
    if (soft) {
        wait_for_others(s, s->wait_ms);
    }
}

/* Takes those that wait, in the order in which they came. */
static mli_sqlite_work *take_waiting(mli_sqlite *s)
{
    mli_sqlite_work *first = s->waiting, *last = first;

    for (int i = 1; last->next != NULL && (i < GROUP_MOST || last->joined); i++) {
        last = last->next;
    }
    s->waiting = last->next;
    last->next = NULL;
    return first;
}

/* One turn for all that wait; with the lock of the group, which is given up meanwhile. */
static void lead(mli_sqlite *s)
{
    mli_sqlite_work *first = take_waiting(s);
    modellab_error why = MODELLAB_ERROR_INIT;
    modellab_status status;

    s->leading = true;
    mli_os_mutex_unlock(&s->group_mutex);
    status = mli_sqlite_enter(s, &why);
    if (status == MODELLAB_OK) {
        run_all(s, first);
        mli_sqlite_leave(s);
    } else {
        share(first, status, &why);
    }
    mli_os_mutex_lock(&s->group_mutex);
    for (mli_sqlite_work *w = first, *next; w != NULL; w = next) {
        next = w->next; /* a finished one may be gone at once */
        w->done = true;
    }
    s->leading = false;
    mli_os_cond_broadcast(&s->group_turn);
}

void mli_sqlite_write_all(mli_sqlite *s, mli_sqlite_work *first)
{
    mli_sqlite_work **end, *last = first;

    while (last->next != NULL) {
        last->joined = true;
        last = last->next;
    }
    mli_os_mutex_lock(&s->group_mutex);
    for (end = &s->waiting; *end != NULL; end = &(*end)->next) {
    }
    *end = first;
    while (!last->done) { /* they are done in order */
        if (s->leading) {
            mli_os_cond_wait(&s->group_turn, &s->group_mutex);
        } else {
            lead(s);
        }
    }
    mli_os_mutex_unlock(&s->group_mutex);
}

modellab_status mli_sqlite_write(mli_sqlite *s, mli_sqlite_run run, void *arg, bool lazy,
                                 modellab_error *err)
{
    mli_sqlite_work work = {.run = run, .arg = arg, .lazy = lazy, .err = err};

    mli_sqlite_write_all(s, &work);
    return work.status;
}

modellab_status mli_sqlite_write_soft(mli_sqlite *s, mli_sqlite_run run, void *arg,
                                      modellab_error *err)
{
    mli_sqlite_work work = {.run = run, .arg = arg, .lazy = true, .soft = true, .err = err};

    mli_sqlite_write_all(s, &work);
    return work.status;
}
