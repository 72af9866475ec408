/* Rows of `runs` between SQL and struct, by the column list; loading and listing. */
#include "base/alloc.h"
#include "base/error.h"
#include "store/columns.h"
#include "store/sqlite_ledger.h"
#include <string.h>

#define NAMED(column) "," #column
#define HOLE(column) ",?"
#define ONE(column) +1
#define ALL(X)                                                                                     \
    MLI_RUN_TEXT_COLUMNS(X)                                                                        \
    MLI_RUN_INT32_COLUMNS(X) MLI_RUN_INT64_COLUMNS(X) MLI_RUN_REAL_COLUMNS(X)
#define SELECT_RUN "SELECT seq" ALL(NAMED) " FROM runs "
/* "key=value" of a label, or the input's sha256. The row itself is read for it, by its number. */
#define LABELLED                                                                                   \
    "EXISTS(SELECT 1 FROM runs AS l WHERE l.seq=runs.seq AND (l.input_sha256=lower(?7) OR EXISTS(" \
    "SELECT 1 FROM json_each(iif(json_valid(l.labels_json),l.labels_json,'{}')) AS j WHERE "       \
    "instr(lower(j.key||'='||j.value),lower(?7))>0)))"
/* Of lists; all these columns are in the index runs_list. */
#define WANTED                                                                                     \
    "(deleting&1)=0 AND (?1='' OR user=?1) AND (?2='' OR pipeline=?2) AND (?3=0 OR "               \
    "(1<<status)&?3) "                                                                             \
    "AND (?4='' OR experiment_id=?4) AND (?5='' OR model=?5) AND (?6='' OR request_id=?6) "        \
    "AND (?7='' OR instr(lower(input_name),lower(?7))>0 OR id=upper(?7) OR " LABELLED ") "         \
    "AND (?8=0 OR created_ms>=?8) AND (?9=0 OR created_ms<?9) AND (?10='' OR id>=?10)"
#define SORTED /* the numbers of mli_sort; mli_sort_value() */                                     \
    "(CASE ?13 WHEN 2 THEN started_ms WHEN 3 THEN ended_ms WHEN 4 THEN "                           \
    "iif(started_ms<0 OR ended_ms<0,-1,max(ended_ms-started_ms,0)) WHEN 5 THEN cost_micros "       \
    "WHEN 6 THEN priority ELSE CAST(audio_seconds*1000 AS INTEGER) END)"

const char *mli_sqlite_run_text(mli_sql which)
{
    switch (which) {
    case MLI_SQL_RUN_INSERT:
        return "INSERT INTO runs(seq" ALL(NAMED) ") VALUES(NULL" ALL(HOLE) ")";
    case MLI_SQL_RUN_LOAD:
        return SELECT_RUN "WHERE id=?1 AND (deleting&1)=0";
    case MLI_SQL_RUN_ACTIVE:
        return SELECT_RUN "WHERE status=2 ORDER BY id";
    case MLI_SQL_RUN_LIST: /* by ids: reads no further than the page */
        return SELECT_RUN "WHERE seq IN (SELECT seq FROM runs WHERE " WANTED
                          " AND (?12='' OR id<?12) ORDER BY id DESC LIMIT ?11) ORDER BY id DESC";
    case MLI_SQL_RUN_LIST_UP:
        return SELECT_RUN "WHERE seq IN (SELECT seq FROM runs WHERE " WANTED
                          " AND id>?12 ORDER BY id LIMIT ?11) ORDER BY id";
    case MLI_SQL_RUN_SORT_DOWN:
        return SELECT_RUN "WHERE seq IN (SELECT seq FROM runs WHERE " WANTED
                          " AND (?12='' OR (" SORTED ",id)<(?14,?12)) ORDER BY " SORTED
                          " DESC,id DESC LIMIT ?11) ORDER BY " SORTED " DESC,id DESC";
    case MLI_SQL_RUN_SORT_UP:
        return SELECT_RUN "WHERE seq IN (SELECT seq FROM runs WHERE " WANTED
                          " AND (?12='' OR (" SORTED ",id)>(?14,?12)) ORDER BY " SORTED
                          ",id LIMIT ?11) ORDER BY " SORTED ",id";
    case MLI_SQL_RUN_ENDED:
        return SELECT_RUN "WHERE status>=3 AND (deleting&1)=0 AND (?1=0 OR status=?1) AND "
                          "(?2='' OR user=?2) AND (ended_ms<?3 OR (ended_ms=?3 AND id<?4)) "
                          "ORDER BY ended_ms DESC,id DESC LIMIT ?5";
    case MLI_SQL_RUN_MARKED:
        return SELECT_RUN "WHERE deleting<>0 ORDER BY id";
    default:
        return mli_sqlite_queue_text(which);
    }
}

/* The present row of the query as one block: the struct, then its texts. */
static mli_run_row *read_row(mli_query *q, const modellab_allocator *alloc)
{
    enum { TEXTS = 0 MLI_RUN_TEXT_COLUMNS(ONE) };
    size_t total = sizeof(mli_run_row), bytes[TEXTS];
    const char *from[TEXTS];
    int column = 1 + TEXTS, at = 0;
    mli_run_row *row;
    char *text;

    for (int i = 0; i < TEXTS; i++) {
        from[i] = mli_query_bytes(q, 1 + i, &bytes[i]);
        total += bytes[i] + 1;
    }
    row = mli_alloc_zero(alloc, total);
    if (row == NULL) {
        q->rc = SQLITE_NOMEM;
        return NULL;
    }
    text = (char *)(row + 1);
#define COPY(name)                                                                                 \
    memcpy(text, from[at], bytes[at]);                                                             \
    text[bytes[at]] = '\0';                                                                        \
    row->name = text;                                                                              \
    text += bytes[at++] + 1;
    MLI_RUN_TEXT_COLUMNS(COPY)
#undef COPY
#define INT32(name) row->name = (int32_t)sqlite3_column_int64(q->statement, column++);
    MLI_RUN_INT32_COLUMNS(INT32)
#undef INT32
#define INT64(name) row->name = sqlite3_column_int64(q->statement, column++);
    MLI_RUN_INT64_COLUMNS(INT64)
#undef INT64
#define REAL(name) row->name = sqlite3_column_double(q->statement, column++);
    MLI_RUN_REAL_COLUMNS(REAL)
#undef REAL
    if (q->rc != SQLITE_ROW) { /* a text could not be read: memory was short */
        mli_free(alloc, row);
        return NULL;
    }
    return row;
}

static void bind_row(mli_query *q, const mli_run_row *row)
{
#define TEXT(name) mli_query_text(q, row->name);
#define INT(name) mli_query_int(q, row->name);
#define REAL(name) mli_query_real(q, row->name);
    MLI_RUN_TEXT_COLUMNS(TEXT)
    MLI_RUN_INT32_COLUMNS(INT)
    MLI_RUN_INT64_COLUMNS(INT)
    MLI_RUN_REAL_COLUMNS(REAL)
#undef TEXT
#undef INT
#undef REAL
}

modellab_status mli_sqlite_put_row(mli_sqlite *s, const mli_run_row *row, modellab_error *err)
{
    mli_query q = mli_query_open(s, MLI_SQL_RUN_INSERT);

    bind_row(&q, row);
    return mli_query_run(&q, err);
}

MODELLAB_MUST_CHECK static modellab_status find_by_key(mli_sqlite *s, const char *user,
                                                       const char *key,
                                                       char existing_id[MLI_ULID_BYTES],
                                                       modellab_error *err)
{
    mli_query q = mli_query_open(s, user != NULL ? MLI_SQL_RUN_BY_KEY : MLI_SQL_RUN_BY_KEY_ALONE);

    if (user != NULL) {
        mli_query_text(&q, user);
    }
    mli_query_text(&q, key);
    if (mli_query_row(&q)) {
        size_t bytes;
        const char *id = mli_query_column(&q, 0, &bytes);

        if (bytes < MLI_ULID_BYTES) {
            memcpy(existing_id, id, bytes);
            existing_id[bytes] = '\0';
        }
    }
    return mli_query_close(&q, err);
}

modellab_status mli_sqlite_run_by_key(mli_store *store, const char *user, const char *key,
                                      char run_id[MLI_ULID_BYTES], modellab_error *err)
{
    mli_sqlite *s = (mli_sqlite *)store;
    modellab_status status = mli_sqlite_enter(s, err);

    if (status == MODELLAB_OK) {
        status = find_by_key(s, user, key, run_id, err);
        mli_sqlite_leave(s);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status
insert_inside(mli_sqlite *s, const mli_run_row *run, const mli_event_row *events,
              size_t event_count, char existing_id[MLI_ULID_BYTES], modellab_error *err)
{
    modellab_status status = find_by_key(s, run->user, run->idempotency_key, existing_id, err);
    mli_run_row numbered = *run;

    if (status == MODELLAB_OK && existing_id[0] != '\0') {
        return mli_fail(err, MODELLAB_E_ALREADY_EXISTS,
                        "run %s was submitted with this idempotency key", existing_id);
    }
    numbered.last_event = 0;
    numbered.queued_ms = run->created_ms;
    for (size_t i = 0; status == MODELLAB_OK && i < event_count; i++) {
        status = mli_sqlite_put_event(s, run->id, &events[i], run->created_ms, &numbered.last_event,
                                      err);
    }
    if (status == MODELLAB_OK) {
        status = mli_sqlite_put_row(s, &numbered, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_sqlite_ledger_open(s, run, err);
    }
    if (status == MODELLAB_OK && run->status == MODELLAB_RUN_RUNNING) {
        status = mli_sqlite_count_claim(s, 0, err);
    }
    return status;
}

typedef struct insertion {
    const mli_run_row *run;
    const mli_event_row *events;
    size_t event_count;
    char *existing_id;
} insertion;

MODELLAB_MUST_CHECK static modellab_status run_insert(mli_sqlite *s, void *arg, modellab_error *err)
{
    const insertion *i = arg;

    return insert_inside(s, i->run, i->events, i->event_count, i->existing_id, err);
}

modellab_status mli_sqlite_insert(mli_store *store, const mli_run_row *run,
                                  const mli_event_row *events, size_t event_count,
                                  char existing_id[MLI_ULID_BYTES], modellab_error *err)
{
    insertion i = {run, events, event_count, existing_id};

    return mli_sqlite_write((mli_sqlite *)store, run_insert, &i, false, err);
}

modellab_status mli_sqlite_load_row(mli_sqlite *s, const char *run_id, mli_run_row **out,
                                    modellab_error *err)
{
    const modellab_allocator *alloc = s->base.has_alloc ? &s->base.alloc : NULL;
    mli_query q = mli_query_open(s, MLI_SQL_RUN_LOAD);
    modellab_status status;

    *out = NULL;
    mli_query_text(&q, run_id);
    if (mli_query_row(&q)) {
        *out = read_row(&q, alloc);
    }
    status = mli_query_close(&q, err);
    if (status == MODELLAB_OK && *out == NULL) {
        status = mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no run of this id");
    }
    return status;
}

modellab_status mli_sqlite_collect(mli_sqlite *s, mli_query *q, mli_run_row_list **out,
                                   modellab_error *err)
{
    const modellab_allocator *alloc = s->base.has_alloc ? &s->base.alloc : NULL;
    mli_run_row_list *list = mli_alloc_zero(alloc, sizeof *list);
    size_t capacity = 0;
    modellab_status status;

    if (list == NULL) {
        q->rc = SQLITE_NOMEM;
        return mli_query_close(q, err);
    }
    list->alloc = alloc;
    while (mli_query_row(q)) {
        mli_run_row *row = read_row(q, alloc);

        if (row != NULL && list->count == capacity) {
            size_t wanted = capacity == 0 ? 16 : capacity * 2;
            mli_run_row **grown = mli_realloc_array(alloc, list->rows, wanted, sizeof *grown);

            if (grown == NULL) {
                q->rc = SQLITE_NOMEM;
                mli_run_row_free(alloc, row);
                row = NULL;
            } else {
                list->rows = grown;
                capacity = wanted;
            }
        }
        if (row == NULL) {
            break;
        }
        list->rows[list->count++] = row;
    }
    status = mli_query_close(q, err);
    if (status != MODELLAB_OK) {
        mli_run_row_list_free(list);
        return status;
    }
    *out = list;
    return MODELLAB_OK;
}

/* As bits 1 << status; 0 = any. What is asked for in both ways is what both allow. */
static int64_t statuses_of(const mli_store_filter *filter)
{
    const int64_t none = (int64_t)1 << 40;
    int64_t wanted = filter->statuses;

    if (filter->status != 0) {
        int64_t one =
            filter->status > 0 && filter->status < 32 ? (int64_t)1 << filter->status : none;

        wanted = wanted == 0 || (wanted & one) != 0 ? one : none;
    }
    return wanted;
}

static mli_sql list_of(const mli_store_filter *filter)
{
    if (filter->sort == MLI_SORT_NEWEST || filter->sort == MLI_SORT_CREATED) {
        return filter->sort == MLI_SORT_NEWEST || filter->down ? MLI_SQL_RUN_LIST
                                                               : MLI_SQL_RUN_LIST_UP;
    }
    return filter->down ? MLI_SQL_RUN_SORT_DOWN : MLI_SQL_RUN_SORT_UP;
}

modellab_status mli_sqlite_list_inside(mli_sqlite *s, const mli_store_filter *filter,
                                       mli_run_row_list **out, modellab_error *err)
{
    mli_sql which = list_of(filter);
    mli_query q = mli_query_open(s, which);

    mli_query_text(&q, filter->user);
    mli_query_text(&q, filter->pipeline);
    mli_query_int(&q, statuses_of(filter));
    mli_query_text(&q, filter->experiment_id);
    mli_query_text(&q, filter->model);
    mli_query_text(&q, filter->request_id);
    mli_query_text(&q, filter->text);
    mli_query_int(&q, filter->since_ms);
    mli_query_int(&q, filter->until_ms);
    mli_query_text(&q, filter->from_id);
    mli_query_int(&q, filter->limit);
    mli_query_text(&q, filter->before_id);
    if (which == MLI_SQL_RUN_SORT_DOWN || which == MLI_SQL_RUN_SORT_UP) {
        mli_query_int(&q, filter->sort);
        mli_query_int(&q, filter->after_value);
    }
    return mli_sqlite_collect(s, &q, out, err);
}

modellab_status mli_sqlite_list(mli_store *store, const mli_store_filter *filter,
                                mli_run_row_list **out, modellab_error *err)
{
    mli_sqlite *s;
    modellab_status status = mli_sqlite_enter_long((mli_sqlite *)store, &s, err);

    if (status == MODELLAB_OK) {
        status = mli_sqlite_list_inside(s, filter, out, err);
        mli_sqlite_leave(s);
    }
    return status;
}

int64_t mli_sort_value(const mli_run_row *row, mli_sort sort)
{
    int64_t took = row->ended_ms - row->started_ms;

    switch (sort) {
    case MLI_SORT_STARTED:
        return row->started_ms;
    case MLI_SORT_ENDED:
        return row->ended_ms;
    case MLI_SORT_DURATION:
        return row->started_ms < 0 || row->ended_ms < 0 ? -1 : (took > 0 ? took : 0);
    case MLI_SORT_COST:
        return row->cost_micros;
    case MLI_SORT_PRIORITY:
        return row->priority;
    case MLI_SORT_AUDIO:
        return (int64_t)(row->audio_seconds * 1000);
    case MLI_SORT_NEWEST:
    case MLI_SORT_CREATED:
        break;
    }
    return 0;
}

modellab_status mli_sqlite_active(mli_store *store, mli_run_row_list **out, modellab_error *err)
{
    mli_sqlite *s = (mli_sqlite *)store;
    modellab_status status = mli_sqlite_enter(s, err);

    if (status == MODELLAB_OK) {
        mli_query q = mli_query_open(s, MLI_SQL_RUN_ACTIVE);

        status = mli_sqlite_collect(s, &q, out, err);
        mli_sqlite_leave(s);
    }
    return status;
}
