/* Sums, history and counters. Counters grow in the transaction that claims or ends a run, so that
 * they are right whatever crashes, and stay when runs are deleted. */
#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "store/sqlite_db.h"
#include <stddef.h>
#include <string.h>

static const double duration_bounds[] = {0.1, 0.3, 1, 3, 10, 30, 60, 120, 300, 600, 1800, 3600};
static const double memory_bounds[] = {67108864,   134217728,  268435456,  536870912,
                                       1073741824, 2147483648, 4294967296, 8589934592};
#define COUNT(a) (sizeof(a) / sizeof *(a))

MODELLAB_MUST_CHECK static modellab_status add_total(mli_sqlite *s, const char *family,
                                                     const char *label1, const char *label2,
                                                     double value, modellab_error *err)
{
    mli_query q = mli_query_open(s, MLI_SQL_TOTAL_ADD);

    mli_query_text(&q, family);
    mli_query_text(&q, label1);
    mli_query_text(&q, label2);
    mli_query_real(&q, value);
    return mli_query_run(&q, err);
}

/* The rows of a histogram, which the first observation finds missing. */
MODELLAB_MUST_CHECK static modellab_status make_histogram(mli_sqlite *s, const char *bucket,
                                                          const char *sum, const char *number,
                                                          const double *bounds, size_t count,
                                                          modellab_error *err)
{
    char bound[32];
    modellab_status status = add_total(s, bucket, "+Inf", "", 0, err);

    for (size_t i = 0; status == MODELLAB_OK && i < count; i++) {
        (void)mli_format_f64(bound, sizeof bound, bounds[i]);
        status = add_total(s, bucket, bound, "", 0, err);
    }
    if (status == MODELLAB_OK) {
        status = add_total(s, sum, "", "", 0, err);
    }
    return status == MODELLAB_OK ? add_total(s, number, "", "", 0, err) : status;
}

/* One observation of a histogram: all buckets at or above the value, sum and count, in one
 * statement (claims and ends are many, and buckets are). */
MODELLAB_MUST_CHECK static modellab_status observe(mli_sqlite *s, const char *name,
                                                   const double *bounds, size_t count, double value,
                                                   modellab_error *err)
{
    char bucket[64], sum[64], number[64];
    modellab_status status = MODELLAB_OK;
    bool whole = false;

    (void)sqlite3_snprintf((int)sizeof bucket, bucket, "%s_bucket", name);
    (void)sqlite3_snprintf((int)sizeof sum, sum, "%s_sum", name);
    (void)sqlite3_snprintf((int)sizeof number, number, "%s_count", name);
    for (int i = 0; i < 2 && status == MODELLAB_OK && !whole; i++) {
        mli_query q = mli_query_open(s, MLI_SQL_TOTAL_OBSERVE);

        mli_query_text(&q, bucket);
        mli_query_text(&q, sum);
        mli_query_text(&q, number);
        mli_query_real(&q, value);
        mli_query_int(&q, (int64_t)count + 3); /* +Inf, sum, count */
        status = mli_query_run(&q, err);
        whole = status == MODELLAB_OK && sqlite3_changes(s->db) >= (int)count + 3;
        if (status == MODELLAB_OK && !whole) {
            status = make_histogram(s, bucket, sum, number, bounds, count, err);
        }
    }
    return status;
}

modellab_status mli_sqlite_count_claim(mli_sqlite *s, int64_t wait_ms, modellab_error *err)
{
    return observe(s, "queue_wait_seconds", duration_bounds, COUNT(duration_bounds),
                   (double)wait_ms / 1000.0, err);
}

typedef struct facts {
    modellab_run_status status;
    int64_t reason;
    char pipeline[64], currency[16];
    double seconds, cpu, gpu, audio, memory, calls, cost;
} facts;

MODELLAB_MUST_CHECK static modellab_status final_facts(mli_sqlite *s, const char *run_id, facts *f,
                                                       modellab_error *err)
{
    mli_query q = mli_query_open(s, MLI_SQL_FINAL_FACTS);
    size_t bytes;

    memset(f, 0, sizeof *f);
    mli_query_text(&q, run_id);
    if (mli_query_row(&q)) {
        f->status = (modellab_run_status)sqlite3_column_int64(q.statement, 0);
        (void)mli_str_copy(f->pipeline, sizeof f->pipeline, mli_query_column(&q, 1, &bytes));
        f->seconds = sqlite3_column_double(q.statement, 2);
        f->cpu = sqlite3_column_double(q.statement, 3);
        f->gpu = sqlite3_column_double(q.statement, 4);
        f->audio = sqlite3_column_double(q.statement, 5);
        f->memory = sqlite3_column_double(q.statement, 6);
        f->calls = sqlite3_column_double(q.statement, 7);
        f->cost = sqlite3_column_double(q.statement, 8);
        (void)mli_str_copy(f->currency, sizeof f->currency, mli_query_column(&q, 9, &bytes));
        f->reason = sqlite3_column_int64(q.statement, 10);
    }
    return mli_query_close(&q, err);
}

MODELLAB_MUST_CHECK static modellab_status
add_known(mli_sqlite *s, const char *family, const char *label, double value, modellab_error *err)
{
    return value > 0 ? add_total(s, family, label, "", value, err) : MODELLAB_OK;
}

modellab_status mli_sqlite_count_final(mli_sqlite *s, const char *run_id, modellab_error *err)
{
    char number[16];
    facts f;
    modellab_status status = final_facts(s, run_id, &f, err);

    if (status == MODELLAB_OK) {
        (void)sqlite3_snprintf((int)sizeof number, number, "%d", (int)f.status);
        status = add_total(s, "runs_total", number, f.pipeline, 1, err);
    }
    if (status == MODELLAB_OK) {
        (void)sqlite3_snprintf((int)sizeof number, number, "%d", (int)f.reason);
        status = add_total(s, "run_ends_total", number, "", 1, err);
    }
    if (status == MODELLAB_OK && f.seconds >= 0) {
        status = observe(s, "run_duration_seconds", duration_bounds, COUNT(duration_bounds),
                         f.seconds, err);
    }
    if (status == MODELLAB_OK && f.memory > 0) {
        status =
            observe(s, "run_peak_rss_bytes", memory_bounds, COUNT(memory_bounds), f.memory, err);
    }
    status = status == MODELLAB_OK ? add_known(s, "run_cpu_seconds_total", "", f.cpu, err) : status;
    status = status == MODELLAB_OK ? add_known(s, "run_gpu_seconds_total", "", f.gpu, err) : status;
    status =
        status == MODELLAB_OK ? add_known(s, "run_audio_seconds_total", "", f.audio, err) : status;
    status = status == MODELLAB_OK ? add_known(s, "api_calls_total", "", f.calls, err) : status;
    return status == MODELLAB_OK ? add_known(s, "cost_total", f.currency, f.cost / 1e6, err)
                                 : status;
}

modellab_status mli_sqlite_sums(mli_store *store, const char *user, int64_t since_ms,
                                mli_store_sums *out, modellab_error *err)
{
    mli_sqlite *s = (mli_sqlite *)store;
    modellab_status status = mli_sqlite_enter(s, err);

    if (status == MODELLAB_OK) {
        mli_query q = mli_query_open(s, MLI_SQL_SUMS);

        if (user != NULL) {
            mli_query_text(&q, user);
        } else {
            q.next++; /* unbound is NULL */
        }
        mli_query_int(&q, since_ms);
        if (mli_query_row(&q)) {
            out->runs = sqlite3_column_int64(q.statement, 0);
            out->active_runs = sqlite3_column_int64(q.statement, 1);
            out->cost_micros = sqlite3_column_int64(q.statement, 2);
            out->reserved_cost_micros = sqlite3_column_int64(q.statement, 3);
            out->cpu_seconds = sqlite3_column_double(q.statement, 4);
            out->audio_seconds = sqlite3_column_double(q.statement, 5);
        }
        status = mli_query_close(&q, err);
        mli_sqlite_leave(s);
    }
    return status;
}

modellab_status mli_sqlite_history(mli_store *store, const char *model, size_t capacity,
                                   mli_store_past *past, size_t *count, modellab_error *err)
{
    mli_sqlite *s = (mli_sqlite *)store;
    modellab_status status = mli_sqlite_enter(s, err);

    if (status == MODELLAB_OK) {
        mli_query q = mli_query_open(s, MLI_SQL_HISTORY);

        mli_query_text(&q, model);
        mli_query_int(&q, (int64_t)capacity);
        while (*count < capacity && mli_query_row(&q)) {
            past[*count].cpu = sqlite3_column_double(q.statement, 0);
            past[*count].wall = sqlite3_column_double(q.statement, 1);
            *count += 1;
        }
        status = mli_query_close(&q, err);
        mli_sqlite_leave(s);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status read_totals(mli_sqlite *s, mli_sql which,
                                                       mli_total_list *list, modellab_error *err)
{
    static const size_t texts[] = {offsetof(mli_total, family), offsetof(mli_total, label1),
                                   offsetof(mli_total, label2)};
    mli_query q = mli_query_open(s, which);
    size_t capacity = 0;
    mli_buf block;
    modellab_status status;

    mli_buf_init(&block, list->alloc);
    while (mli_query_row(&q)) {
        mli_total *grown =
            mli_query_room(&q, list->alloc, list->rows, list->count, &capacity, sizeof *grown);
        mli_total *total;

        if (grown == NULL) {
            break;
        }
        list->rows = grown;
        total = &grown[list->count++];
        total->family = mli_query_keep(&q, 0, &block);
        total->label1 = mli_query_keep(&q, 1, &block);
        total->label2 = mli_query_keep(&q, 2, &block);
        total->value = sqlite3_column_double(q.statement, 3);
    }
    status = mli_query_close(&q, err);
    if (status == MODELLAB_OK) {
        list->text = mli_query_resolve_all(&block, list->rows, list->count, sizeof *list->rows,
                                           texts, sizeof texts / sizeof *texts);
    }
    mli_buf_dispose(&block);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status load_totals(mli_store *store, mli_sql which,
                                                       mli_total_list **out, modellab_error *err)
{
    mli_sqlite *s = (mli_sqlite *)store;
    const modellab_allocator *alloc = store->has_alloc ? &store->alloc : NULL;
    mli_total_list *list = mli_alloc_zero(alloc, sizeof *list);
    modellab_status status;

    if (list == NULL) {
        return mli_no_memory(err);
    }
    list->alloc = alloc;
    status = mli_sqlite_enter(s, err);
    if (status == MODELLAB_OK) {
        status = read_totals(s, which, list, err);
        mli_sqlite_leave(s);
    }
    if (status != MODELLAB_OK) {
        mli_total_list_free(list);
        return status;
    }
    *out = list;
    return MODELLAB_OK;
}

modellab_status mli_sqlite_totals(mli_store *store, mli_total_list **out, modellab_error *err)
{
    return load_totals(store, MLI_SQL_TOTAL_LIST, out, err);
}

modellab_status mli_sqlite_queue_depths(mli_store *store, mli_total_list **out, modellab_error *err)
{
    return load_totals(store, MLI_SQL_QUEUE_DEPTHS, out, err);
}

modellab_status mli_sqlite_probe(mli_store *store, int64_t now_ms, modellab_error *err)
{
    mli_sqlite *s = (mli_sqlite *)store;
    modellab_status status = mli_sqlite_enter(s, err);

    if (status == MODELLAB_OK) {
        mli_query q = mli_query_open(s, MLI_SQL_PROBE);

        mli_query_int(&q, now_ms);
        status = mli_query_run(&q, err);
        mli_sqlite_leave(s);
    }
    return status;
}

typedef struct counting {
    const mli_store_counter *counters;
    size_t count;
} counting;

MODELLAB_MUST_CHECK static modellab_status run_count(mli_sqlite *s, void *arg, modellab_error *err)
{
    const counting *c = arg;
    modellab_status status = MODELLAB_OK;

    for (size_t i = 0; status == MODELLAB_OK && i < c->count; i++) {
        const mli_store_counter *one = &c->counters[i];

        status = add_total(s, one->family, one->label, "", one->value, err);
    }
    return status;
}

/* Lazy: a power cut may take back what was counted in the last moments. */
modellab_status mli_sqlite_count(mli_store *store, const mli_store_counter *counters, size_t count,
                                 modellab_error *err)
{
    counting c = {counters, count};

    return mli_sqlite_write((mli_sqlite *)store, run_count, &c, true, err);
}
