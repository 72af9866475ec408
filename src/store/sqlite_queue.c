/* The queue as the scheduler sees it: the best candidates by indexes (a claim never looks at the
 * whole queue, however long it is; the indexes are named, since SQLite's planner knows nothing of
 * the numbers), or everything, to explain where a run stands. */
#include "base/alloc.h"
#include "base/error.h"
#include "store/sqlite_db.h"
#include <string.h>

#define USERS_MOST 64 /* so many users who may start are looked at, least served first */
#define HEADS_MOST 64

#define RUN_COLUMNS                                                                                \
    "r.id,r.priority,r.size_class,r.gate,r.created_ms,r.not_before_ms,r.head_ms,r.expected_ms "
#define FROM_BY(index) "SELECT u.id," RUN_COLUMNS "FROM runs r " index WITH_USER
#define WITH_USER "CROSS JOIN queue_users u ON u.user=r.user WHERE "
#define MAY_START "(?1=0 OR u.running<?1) "

#define LONG_DELAY_MS 60000 /* from here on a delay is compared with what it was meant to be */

const char *mli_sqlite_queue_text(mli_sql which)
{
    switch (which) {
    case MLI_SQL_QUEUE_STATE:
        return "SELECT starts,virtual_ms,service_ms,expected_ms,"
               "(SELECT min(not_before_ms) FROM runs INDEXED BY runs_delayed WHERE status=1 AND "
               "gate=2),"
               "(SELECT min(queue_until_ms) FROM runs INDEXED BY runs_deadline WHERE status=1 AND "
               "gate<>1 AND "
               "queue_until_ms>0),"
               "(SELECT sum(iif(family='run_duration_seconds_sum',value,0))*1000/"
               "sum(iif(family='run_duration_seconds_count',value,0)) FROM totals WHERE family IN "
               "('run_duration_seconds_sum','run_duration_seconds_count')) FROM queue_state";
    case MLI_SQL_QUEUE_OPEN_DUE:
        /* Further away than its own delay: the clock was set back since. */
        return "UPDATE runs SET gate=0,not_before_ms=min(not_before_ms,?1) WHERE status=1 AND "
               "gate=2 AND (not_before_ms<=?1 OR "
               "(reason<>9 AND retry_delay_ms>0 AND not_before_ms-?1>retry_delay_ms))";
    case MLI_SQL_QUEUE_USERS:
        return "SELECT id,virtual_ms,waiting,running FROM queue_users WHERE waiting>0 AND "
               "(?1=0 OR running<?1) ORDER BY virtual_ms,id LIMIT ?2";
    case MLI_SQL_QUEUE_ALL_USERS:
        return "SELECT id,virtual_ms,waiting,running FROM queue_users ORDER BY id";
    case MLI_SQL_QUEUE_USER:
        return "SELECT id,virtual_ms,waiting,running FROM queue_users WHERE id=?1";
    case MLI_SQL_QUEUE_BEST:
        return "SELECT ?1," RUN_COLUMNS
               "FROM runs r INDEXED BY runs_waiting WHERE r.status=1 AND r.gate=0 AND "
               "r.user=(SELECT user FROM queue_users WHERE id=?1) AND r.size_class=?2 "
               "ORDER BY r.head_ms DESC,r.priority*30000-r.created_ms DESC,r.id LIMIT ?3";
    case MLI_SQL_QUEUE_OLDEST:
        return FROM_BY(
            "INDEXED BY runs_oldest ") "r.status=1 AND r.gate=0 AND r.size_class=?2 AND " MAY_START
                                       "ORDER BY r.priority*30000-r.created_ms DESC,r.id LIMIT ?3";
    case MLI_SQL_QUEUE_HEAD:
        return FROM_BY("INDEXED BY runs_head ") "r.status=1 AND r.gate=0 AND r.head_ms>0 AND "
                                                "r.size_class>=?2 AND " MAY_START
                                                "ORDER BY r.head_ms DESC LIMIT ?3";
    case MLI_SQL_QUEUE_ONE:
        return FROM_BY("") "r.id=?1 AND r.status=1 AND r.is_record=0";
    case MLI_SQL_QUEUE_ALL:
        return FROM_BY("") "r.status=1 AND r.is_record=0";
    case MLI_SQL_QUEUE_RUNNING:
        return "SELECT u.id,r.size_class,r.started_ms,r.expected_ms FROM runs r "
               "CROSS JOIN queue_users u ON u.user=r.user WHERE r.status=2 AND r.is_record=0";
    default:
        return mli_sqlite_arrange_text(which);
    }
}

typedef struct reading {
    mli_sqlite *s;
    mli_queue_view *view;
    size_t run_room, user_room, running_room;
    bool by_number; /* the users stand in the order of their numbers, and all are there */
} reading;

static bool add_user(reading *r, mli_query *q)
{
    mli_queue_view *v = r->view;
    mli_queue_user *grown =
        mli_query_room(q, v->alloc, v->users, v->user_count, &r->user_room, sizeof *grown);

    if (grown == NULL) {
        return false;
    }
    v->users = grown;
    grown[v->user_count++] =
        (mli_queue_user){.number = sqlite3_column_int64(q->statement, 0),
                         .virtual_ms = sqlite3_column_int64(q->statement, 1),
                         .waiting = (int32_t)sqlite3_column_int64(q->statement, 2),
                         .running = (int32_t)sqlite3_column_int64(q->statement, 3)};
    return true;
}

static size_t search_user(const reading *r, int64_t number)
{
    const mli_queue_view *v = r->view;
    size_t low = 0, high = v->user_count;

    while (r->by_number && low < high) {
        size_t middle = low + (high - low) / 2;

        if (v->users[middle].number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    while (low < v->user_count && v->users[low].number != number) {
        low++;
    }
    return low;
}

/* Index of the user of this number, who is loaded when he was not. */
static bool find_user(reading *r, int64_t number, size_t *index, mli_query *of)
{
    *index = search_user(r, number);
    if (*index == r->view->user_count) {
        mli_query q = mli_query_open(r->s, MLI_SQL_QUEUE_USER);

        mli_query_int(&q, number);
        if (mli_query_row(&q)) {
            (void)add_user(r, &q); /* its failure is the query's */
        }
        if (mli_query_close(&q, NULL) != MODELLAB_OK) {
            of->rc = SQLITE_NOMEM;
        }
    }
    return *index < r->view->user_count;
}

static bool is_there(const mli_queue_view *v, const char *id)
{
    for (size_t i = 0; i < v->run_count; i++) {
        if (strcmp(v->runs[i].id, id) == 0) {
            return true;
        }
    }
    return false;
}

/* Takes all rows; `again`: some of them may have come before. */
MODELLAB_MUST_CHECK static modellab_status take_runs(reading *r, mli_query *q, bool again,
                                                     modellab_error *err)
{
    mli_queue_view *v = r->view;

    while (mli_query_row(q)) {
        size_t bytes, user;
        const char *id = mli_query_column(q, 1, &bytes);
        mli_queue_run *run;

        if (bytes + 1 != MLI_ULID_BYTES || (again && is_there(v, id))) {
            continue;
        }
        run = mli_query_room(q, v->alloc, v->runs, v->run_count, &r->run_room, sizeof *run);
        if (run == NULL) {
            break;
        }
        v->runs = run;
        if (!find_user(r, sqlite3_column_int64(q->statement, 0), &user, q)) {
            continue;
        }
        run += v->run_count++;
        memcpy(run->id, id, bytes + 1);
        run->user = user;
        run->priority = (int32_t)sqlite3_column_int64(q->statement, 2);
        run->size = (mli_size_class)sqlite3_column_int64(q->statement, 3);
        run->gate = (mli_gate)sqlite3_column_int64(q->statement, 4);
        run->created_ms = sqlite3_column_int64(q->statement, 5);
        run->not_before_ms = sqlite3_column_int64(q->statement, 6);
        run->head_ms = sqlite3_column_int64(q->statement, 7);
        run->expected_ms = sqlite3_column_int64(q->statement, 8);
    }
    return mli_query_close(q, err);
}

MODELLAB_MUST_CHECK static modellab_status take_running(reading *r, modellab_error *err)
{
    mli_query q = mli_query_open(r->s, MLI_SQL_QUEUE_RUNNING);
    mli_queue_view *v = r->view;

    while (mli_query_row(&q)) {
        size_t user;
        mli_queue_running *one = mli_query_room(&q, v->alloc, v->running, v->running_count,
                                                &r->running_room, sizeof *one);

        if (one == NULL) {
            break;
        }
        v->running = one;
        if (find_user(r, sqlite3_column_int64(q.statement, 0), &user, &q)) {
            one[v->running_count++] =
                (mli_queue_running){.user = user,
                                    .size = (mli_size_class)sqlite3_column_int64(q.statement, 1),
                                    .started_ms = sqlite3_column_int64(q.statement, 2),
                                    .expected_ms = sqlite3_column_int64(q.statement, 3)};
        }
    }
    return mli_query_close(&q, err);
}

MODELLAB_MUST_CHECK static modellab_status take_state(reading *r, modellab_error *err)
{
    mli_query q = mli_query_open(r->s, MLI_SQL_QUEUE_STATE);
    mli_queue_view *v = r->view;

    v->next_due_ms = v->next_deadline_ms = v->mean_ms = -1;
    if (mli_query_row(&q)) {
        v->starts = sqlite3_column_int64(q.statement, 0);
        v->virtual_ms = sqlite3_column_int64(q.statement, 1);
        v->service_ms = sqlite3_column_int64(q.statement, 2);
        v->expected_ms = sqlite3_column_int64(q.statement, 3);
        if (sqlite3_column_type(q.statement, 4) != SQLITE_NULL) {
            v->next_due_ms = sqlite3_column_int64(q.statement, 4);
        }
        if (sqlite3_column_type(q.statement, 5) != SQLITE_NULL) {
            v->next_deadline_ms = sqlite3_column_int64(q.statement, 5);
        }
        if (sqlite3_column_type(q.statement, 6) != SQLITE_NULL) {
            v->mean_ms = sqlite3_column_int64(q.statement, 6);
        }
    }
    return mli_query_close(&q, err);
}

MODELLAB_MUST_CHECK static modellab_status
take_users(reading *r, mli_sql which, const mli_queue_query *query, modellab_error *err)
{
    mli_query q = mli_query_open(r->s, which);

    if (which == MLI_SQL_QUEUE_USERS) {
        mli_query_int(&q, query->user_limit);
        mli_query_int(&q, USERS_MOST);
    }
    while (mli_query_row(&q)) {
        if (!add_user(r, &q)) {
            break;
        }
    }
    return mli_query_close(&q, err);
}

MODELLAB_MUST_CHECK static modellab_status best_of_user(reading *r, const mli_queue_user *user,
                                                        mli_size_class size, size_t each,
                                                        modellab_error *err)
{
    mli_query q = mli_query_open(r->s, MLI_SQL_QUEUE_BEST);

    mli_query_int(&q, user->number);
    mli_query_int(&q, size);
    mli_query_int(&q, (int64_t)each);
    return take_runs(r, &q, false, err);
}

MODELLAB_MUST_CHECK static modellab_status best_of_all(reading *r, mli_sql which,
                                                       mli_size_class size, size_t most,
                                                       const mli_queue_query *query,
                                                       modellab_error *err)
{
    mli_query q = mli_query_open(r->s, which);

    mli_query_int(&q, query->user_limit);
    mli_query_int(&q, size);
    mli_query_int(&q, (int64_t)most);
    return take_runs(r, &q, true, err);
}

MODELLAB_MUST_CHECK static modellab_status take_candidates(reading *r, const mli_queue_query *query,
                                                           modellab_error *err)
{
    int least = query->short_only ? MLI_SIZE_SHORT : MLI_SIZE_LONG;
    modellab_status status = take_users(r, MLI_SQL_QUEUE_USERS, query, err);
    size_t users = r->view->user_count;

    for (size_t i = 0; i < users; i++) {
        for (int size = least; status == MODELLAB_OK && size <= MLI_SIZE_SHORT; size++) {
            mli_queue_user user = r->view->users[i]; /* the array may move */

            status = best_of_user(r, &user, (mli_size_class)size, query->each, err);
        }
    }
    for (int size = least; status == MODELLAB_OK && size <= MLI_SIZE_SHORT; size++) {
        status =
            best_of_all(r, MLI_SQL_QUEUE_OLDEST, (mli_size_class)size, query->each, query, err);
    }
    return status == MODELLAB_OK
               ? best_of_all(r, MLI_SQL_QUEUE_HEAD, (mli_size_class)least, HEADS_MOST, query, err)
               : status;
}

/* One run that is asked for by its id stands alone; not due, it tells when it will be. */
MODELLAB_MUST_CHECK static modellab_status take_one(reading *r, const mli_queue_query *query,
                                                    modellab_error *err)
{
    mli_query q = mli_query_open(r->s, MLI_SQL_QUEUE_ONE);
    mli_queue_view *v = r->view;
    modellab_status status;

    mli_query_text(&q, query->only_id);
    status = take_runs(r, &q, false, err);
    v->next_due_ms = -1;
    if (status == MODELLAB_OK && v->run_count == 1 && v->runs[0].not_before_ms > query->now_ms) {
        v->next_due_ms = v->runs[0].not_before_ms;
    }
    if (v->run_count == 1 && (v->next_due_ms >= 0 || v->runs[0].gate == MLI_GATE_HELD)) {
        v->run_count = 0;
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status take_all(reading *r, const mli_queue_query *query,
                                                    modellab_error *err)
{
    modellab_status status = take_users(r, MLI_SQL_QUEUE_ALL_USERS, query, err);
    mli_query q;

    if (status != MODELLAB_OK) {
        return status;
    }
    r->by_number = true;
    q = mli_query_open(r->s, MLI_SQL_QUEUE_ALL);
    return take_runs(r, &q, false, err);
}

MODELLAB_MUST_CHECK static modellab_status queue_inside(reading *r, const mli_queue_query *query,
                                                        modellab_error *err)
{
    modellab_status status = take_state(r, err);

    if (status != MODELLAB_OK) {
        return status;
    }
    status = query->only_id != NULL ? take_one(r, query, err)
             : query->each > 0      ? take_candidates(r, query, err)
                                    : take_all(r, query, err);
    return status == MODELLAB_OK ? take_running(r, err) : status;
}

/* Delayed runs whose time has come stand among the others from now on. */
MODELLAB_MUST_CHECK static modellab_status open_due(mli_sqlite *s, int64_t now_ms,
                                                    modellab_error *err)
{
    mli_queue_view state = {0};
    reading r = {.s = s, .view = &state};
    modellab_status status = take_state(&r, err);
    mli_query q;

    bool is_due = state.next_due_ms <= now_ms || state.next_due_ms - now_ms > LONG_DELAY_MS;
    if (status != MODELLAB_OK || state.next_due_ms < 0 || !is_due) {
        return status;
    }
    q = mli_query_open(s, MLI_SQL_QUEUE_OPEN_DUE);
    mli_query_int(&q, now_ms);
    return mli_query_run(&q, err);
}

modellab_status mli_sqlite_queue(mli_store *store, const mli_queue_query *query,
                                 mli_queue_view **out, modellab_error *err)
{
    mli_sqlite *s = (mli_sqlite *)store;
    const modellab_allocator *alloc = store->has_alloc ? &store->alloc : NULL;
    mli_queue_view *view = mli_alloc_zero(alloc, sizeof *view);
    reading r = {.s = s, .view = view};
    modellab_status status;

    if (view == NULL) {
        return mli_no_memory(err);
    }
    view->alloc = alloc;
    status = mli_sqlite_enter(s, err);
    if (status == MODELLAB_OK) {
        if (!store->read_only && query->each > 0) {
            status = open_due(s, query->now_ms, err);
        }
        if (status == MODELLAB_OK) {
            status = mli_sqlite_begin(s, false, err);
        }
        if (status == MODELLAB_OK) {
            status = mli_sqlite_end(s, queue_inside(&r, query, err), err);
        }
        mli_sqlite_leave(s);
    }
    if (status != MODELLAB_OK) {
        mli_queue_view_free(view);
        return status;
    }
    *out = view;
    return MODELLAB_OK;
}
