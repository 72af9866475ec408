/* The ledger in SQL. What a run holds is taken in the transaction of its claim and given back in
 * the transaction that ends the attempt, once, since both name the run's status. A run counts in
 * the hour of its claim, so a period's sum never grows by more than what was held in it. */
#include "store/sqlite_ledger.h"

#include "base/checked.h"
#include "base/error.h"
#include <string.h>

#define USAGE_COLUMNS                                                                              \
    "cpu_ms,gpu_ms,audio_ms,api_calls,cost_micros,runs,held_cpu_ms,held_audio_ms,held_api_calls,"  \
    "held_cost_micros"

const char *mli_sqlite_ledger_text(mli_sql which)
{
    switch (which) {
    case MLI_SQL_CAPS_OF_USER:
        return "SELECT measure,period,value FROM caps WHERE user=?1 UNION ALL "
               "SELECT measure,period,value FROM caps WHERE user='*' AND ?1<>'*' ";
    case MLI_SQL_CAP_PUT:
        return "INSERT INTO caps(user,measure,period,value,updated_ms) VALUES(?,?,?,?,?) "
               "ON CONFLICT(user,measure,period) DO UPDATE SET value=excluded.value,"
               "updated_ms=excluded.updated_ms";
    case MLI_SQL_CAP_REMOVE:
        return "DELETE FROM caps WHERE user=?1 AND measure=?2 AND period=?3";
    case MLI_SQL_CAP_LIST:
        return "SELECT user,measure,period,value,updated_ms FROM caps "
               "WHERE (?1 IS NULL OR user=?1) ORDER BY user,measure,period";
    case MLI_SQL_CAP_WAKE:
        return "UPDATE runs SET not_before_ms=0,gate=0 WHERE seq IN (SELECT seq FROM runs "
               "WHERE status=1 AND reason=9 AND user=?1 "
               "ORDER BY priority*30000-created_ms DESC LIMIT ?2)";
    case MLI_SQL_CAP_WAKE_ALL:
        return "UPDATE runs SET not_before_ms=0,gate=0 WHERE status=1 AND reason=9";
    case MLI_SQL_CAP_WAIT:
        return "UPDATE runs SET reason=9,message=?2,not_before_ms=?3,gate=2 WHERE id=?1 AND "
               "status=1";
    case MLI_SQL_CAP_DEFAULTS_LOAD:
        return "SELECT value FROM meta WHERE key='cap_defaults'";
    case MLI_SQL_CAP_DEFAULTS_PUT:
        return "INSERT INTO meta(key,value) VALUES('cap_defaults',?1) "
               "ON CONFLICT(key) DO UPDATE SET value=?1";
    case MLI_SQL_USAGE_SUM:
        return "SELECT sum(cpu_ms),sum(gpu_ms),sum(audio_ms),sum(api_calls),sum(cost_micros),"
               "sum(runs),sum(held_cpu_ms),sum(held_audio_ms),sum(held_api_calls),"
               "sum(held_cost_micros) FROM usage WHERE user=?1 AND hour>=?2 AND hour<?3";
    case MLI_SQL_USAGE_ADD:
        return "INSERT INTO usage(user,hour," USAGE_COLUMNS ") VALUES(?,?,?,?,?,?,?,?,?,?,?,?) "
               "ON CONFLICT(user,hour) DO UPDATE SET cpu_ms=cpu_ms+excluded.cpu_ms,"
               "gpu_ms=gpu_ms+excluded.gpu_ms,audio_ms=audio_ms+excluded.audio_ms,"
               "api_calls=api_calls+excluded.api_calls,cost_micros=cost_micros+"
               "excluded.cost_micros,runs=runs+excluded.runs,held_cpu_ms=held_cpu_ms+"
               "excluded.held_cpu_ms,held_audio_ms=held_audio_ms+excluded.held_audio_ms,"
               "held_api_calls=held_api_calls+excluded.held_api_calls,"
               "held_cost_micros=held_cost_micros+excluded.held_cost_micros";
    case MLI_SQL_ACCOUNT_LOAD:
        return "SELECT r.user,r.status,r.fence,r.attempt,coalesce(a.hour,-1),"
               "coalesce(a.need_cpu_ms,0),coalesce(a.need_audio_ms,0),coalesce(a.need_api_calls,0),"
               "coalesce(a.need_cost_micros,0),coalesce(a.held_cpu_ms,0),"
               "coalesce(a.held_audio_ms,0),coalesce(a.held_api_calls,0),"
               "coalesce(a.held_cost_micros,0),coalesce(a.charged_cpu_ms,0),"
               "coalesce(a.charged_gpu_ms,0),coalesce(a.charged_audio_ms,0),"
               "coalesce(a.charged_api_calls,0),coalesce(a.charged_cost_micros,0),r.cpu_seconds,"
               "r.gpu_seconds,r.audio_seconds,r.progress_seconds,r.api_calls,r.cost_micros "
               "FROM runs r LEFT JOIN accounts a ON a.run_id=r.id WHERE r.id=?1";
    case MLI_SQL_ACCOUNT_PUT:
        return "INSERT INTO accounts(run_id,hour,need_cpu_ms,need_audio_ms,need_api_calls,"
               "need_cost_micros,held_cpu_ms,held_audio_ms,held_api_calls,held_cost_micros,"
               "charged_cpu_ms,charged_gpu_ms,charged_audio_ms,charged_api_calls,"
               "charged_cost_micros) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) "
               "ON CONFLICT(run_id) DO UPDATE SET hour=excluded.hour,"
               "held_cpu_ms=excluded.held_cpu_ms,held_audio_ms=excluded.held_audio_ms,"
               "held_api_calls=excluded.held_api_calls,held_cost_micros=excluded.held_cost_micros,"
               "charged_cpu_ms=excluded.charged_cpu_ms,charged_gpu_ms=excluded.charged_gpu_ms,"
               "charged_audio_ms=excluded.charged_audio_ms,"
               "charged_api_calls=excluded.charged_api_calls,"
               "charged_cost_micros=excluded.charged_cost_micros";
    default:
        return "";
    }
}

/* A run's account and what its row says it used. */
typedef struct account {
    char user[520]; /* 128 characters */
    int32_t status, attempt;
    int64_t fence, hour; /* -1: never claimed */
    mli_amounts need, held, charged, actual;
} account;

static const int32_t held_measures[] = {MLI_MEASURE_CPU_MS, MLI_MEASURE_AUDIO_MS,
                                        MLI_MEASURE_API_CALLS, MLI_MEASURE_COST_MICROS};
static const int32_t used_measures[] = {MLI_MEASURE_CPU_MS, MLI_MEASURE_GPU_MS,
                                        MLI_MEASURE_AUDIO_MS, MLI_MEASURE_API_CALLS,
                                        MLI_MEASURE_COST_MICROS};
#define EACH(i, list) for (size_t i = 0; i < sizeof(list) / sizeof(list)[0]; i++)

static int64_t at_least_zero(int64_t value)
{
    return value > 0 ? value : 0;
}

/* Audio that was worked on: all of it once the run is complete. */
static int64_t audio_used(const account *a, double audio, double progress)
{
    double seconds = audio;
    if (a->status != MODELLAB_RUN_COMPLETED) {
        seconds = progress < audio || audio < 0 ? progress : audio;
    }
    return mli_seconds_to_ms_up(seconds);
}

static void read_account(mli_query *q, account *a)
{
    sqlite3_stmt *s = q->statement;
    size_t bytes;
    int c = 5;
    const char *user = mli_query_column(q, 0, &bytes);
    (void)sqlite3_snprintf((int)sizeof a->user, a->user, "%s", user);
    a->status = (int32_t)sqlite3_column_int64(s, 1);
    a->fence = sqlite3_column_int64(s, 2);
    a->attempt = (int32_t)sqlite3_column_int64(s, 3);
    a->hour = sqlite3_column_int64(s, 4);
    EACH(i, held_measures) a->need.of[held_measures[i]] = sqlite3_column_int64(s, c++);
    EACH(i, held_measures) a->held.of[held_measures[i]] = sqlite3_column_int64(s, c++);
    EACH(i, used_measures) a->charged.of[used_measures[i]] = sqlite3_column_int64(s, c++);
    a->actual.of[MLI_MEASURE_CPU_MS] = mli_seconds_to_ms_up(sqlite3_column_double(s, c));
    a->actual.of[MLI_MEASURE_GPU_MS] = mli_seconds_to_ms_up(sqlite3_column_double(s, c + 1));
    a->actual.of[MLI_MEASURE_AUDIO_MS] =
        audio_used(a, sqlite3_column_double(s, c + 2), sqlite3_column_double(s, c + 3));
    a->actual.of[MLI_MEASURE_API_CALLS] = at_least_zero(sqlite3_column_int64(s, c + 4));
    a->actual.of[MLI_MEASURE_COST_MICROS] = at_least_zero(sqlite3_column_int64(s, c + 5));
}

MODELLAB_MUST_CHECK static modellab_status load_account(mli_sqlite *s, const char *run_id,
                                                        account *a, modellab_error *err)
{
    mli_query q = mli_query_open(s, MLI_SQL_ACCOUNT_LOAD);
    bool found;

    memset(a, 0, sizeof *a);
    mli_query_text(&q, run_id);
    found = mli_query_row(&q);
    if (found) {
        read_account(&q, a);
    }
    modellab_status status = mli_query_close(&q, err);
    return status == MODELLAB_OK && !found
               ? mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no run of this id")
               : status;
}

MODELLAB_MUST_CHECK static modellab_status put_account(mli_sqlite *s, const char *run_id,
                                                       const account *a, modellab_error *err)
{
    mli_query q = mli_query_open(s, MLI_SQL_ACCOUNT_PUT);

    mli_query_text(&q, run_id);
    mli_query_int(&q, a->hour);
    EACH(i, held_measures) mli_query_int(&q, a->need.of[held_measures[i]]);
    EACH(i, held_measures) mli_query_int(&q, a->held.of[held_measures[i]]);
    EACH(i, used_measures) mli_query_int(&q, a->charged.of[used_measures[i]]);
    return mli_query_run(&q, err);
}

/* Adds (or with negative amounts takes away) in the hour of the run's claim. */
MODELLAB_MUST_CHECK static modellab_status add_usage(mli_sqlite *s, const account *a,
                                                     const mli_usage *more, modellab_error *err)
{
    mli_query q = mli_query_open(s, MLI_SQL_USAGE_ADD);

    mli_query_text(&q, a->user);
    mli_query_int(&q, a->hour);
    EACH(i, used_measures) mli_query_int(&q, more->used.of[used_measures[i]]);
    mli_query_int(&q, more->used.of[MLI_MEASURE_RUNS]);
    EACH(i, held_measures) mli_query_int(&q, more->held.of[held_measures[i]]);
    return mli_query_run(&q, err);
}

MODELLAB_MUST_CHECK static modellab_status sum_usage(mli_sqlite *s, const char *user, int64_t from,
                                                     int64_t to, mli_usage *out,
                                                     modellab_error *err)
{
    mli_query q = mli_query_open(s, MLI_SQL_USAGE_SUM);

    memset(out, 0, sizeof *out);
    mli_query_text(&q, user);
    mli_query_int(&q, from);
    mli_query_int(&q, to);
    if (mli_query_row(&q)) {
        int c = 0;
        EACH(i, used_measures)
        out->used.of[used_measures[i]] = sqlite3_column_int64(q.statement, c++);
        out->used.of[MLI_MEASURE_RUNS] = sqlite3_column_int64(q.statement, c++);
        EACH(i, held_measures)
        out->held.of[held_measures[i]] = sqlite3_column_int64(q.statement, c++);
    }
    return mli_query_close(&q, err);
}

MODELLAB_MUST_CHECK static modellab_status caps_of(mli_sqlite *s, const char *user,
                                                   mli_cap_set *set, modellab_error *err)
{
    mli_query q = mli_query_open(s, MLI_SQL_CAPS_OF_USER);

    set->count = 0;
    mli_query_text(&q, user);
    while (mli_query_row(&q)) {
        mli_cap cap = {(int32_t)sqlite3_column_int64(q.statement, 0),
                       (int32_t)sqlite3_column_int64(q.statement, 1),
                       sqlite3_column_int64(q.statement, 2)};
        mli_cap_set_add(set, &cap); /* the user's own come first */
    }
    for (size_t i = 0; i < s->base.cap_default_count; i++) {
        mli_cap_set_add(set, &s->base.cap_defaults[i]);
    }
    return mli_query_close(&q, err);
}

/* Looks at every cap for a period: the first that `need` does not fit goes into the verdict. Each
 * period is summed once. */
MODELLAB_MUST_CHECK static modellab_status look(mli_sqlite *s, const char *user,
                                                const mli_cap_set *set, int64_t hour,
                                                const mli_amounts *need, mli_cap_verdict *out,
                                                modellab_error *err)
{
    memset(out, 0, sizeof *out);
    for (int32_t period = MLI_PERIOD_HOUR; period < MLI_PERIOD_END; period++) {
        mli_usage usage;
        int64_t from, to;
        bool summed = false;
        mli_period_bounds((mli_period)period, hour, &from, &to);
        for (size_t i = 0; i < set->count; i++) {
            const mli_cap *cap = &set->caps[i];
            if (cap->period != period || cap->value < 0) {
                continue;
            }
            if (!summed) {
                modellab_status status = sum_usage(s, user, from, to, &usage, err);
                if (status != MODELLAB_OK) {
                    return status;
                }
                summed = true;
            }
            if (!mli_cap_fits(cap, &usage, need)) {
                mli_cap_refuse(cap, &usage, need, to, out);
                return MODELLAB_OK;
            }
        }
    }
    return MODELLAB_OK;
}

static uint32_t capped_mask(const mli_cap_set *set)
{
    uint32_t mask = 0;
    for (size_t i = 0; i < set->count; i++) {
        if (set->caps[i].period != MLI_PERIOD_RUN && set->caps[i].value >= 0) {
            mask |= 1u << set->caps[i].measure;
        }
    }
    return mask;
}

modellab_status mli_sqlite_ledger_open(mli_sqlite *s, const mli_run_row *run, modellab_error *err)
{
    account a = {.hour = -1, .need = run->need};
    if (run->status != MODELLAB_RUN_RUNNING) {
        return put_account(s, run->id, &a, err);
    }
    /* A record: its host executes it already, so it is counted, not asked. */
    mli_usage more = {0};
    more.used.of[MLI_MEASURE_RUNS] = 1;
    (void)sqlite3_snprintf((int)sizeof a.user, a.user, "%s", run->user == NULL ? "" : run->user);
    a.hour = run->created_ms / MLI_MS_PER_HOUR;
    modellab_status status = add_usage(s, &a, &more, err);
    return status == MODELLAB_OK ? put_account(s, run->id, &a, err) : status;
}

modellab_status mli_sqlite_ledger_hold(mli_sqlite *s, const char *run_id, int64_t now_ms,
                                       mli_hold *hold, mli_cap_verdict *verdict,
                                       modellab_error *err)
{
    account a;
    mli_cap_set set;
    mli_usage more = {0};
    modellab_status status = load_account(s, run_id, &a, err);
    if (status == MODELLAB_OK) {
        status = caps_of(s, a.user, &set, err);
    }
    if (status == MODELLAB_OK) {
        /* A run counts once, whatever its attempts. */
        a.need.of[MLI_MEASURE_RUNS] = a.attempt == 0 ? 1 : 0;
        status = look(s, a.user, &set, now_ms / MLI_MS_PER_HOUR, &a.need, verdict, err);
    }
    if (status != MODELLAB_OK || verdict->measure != 0) {
        return status;
    }
    a.hour = now_ms / MLI_MS_PER_HOUR;
    a.held = a.need;
    a.held.of[MLI_MEASURE_RUNS] = 0;
    more.held = a.held;
    more.used.of[MLI_MEASURE_RUNS] = a.need.of[MLI_MEASURE_RUNS];
    status = add_usage(s, &a, &more, err);
    if (status == MODELLAB_OK) {
        status = put_account(s, run_id, &a, err);
    }
    hold->held = a.held;
    hold->capped = capped_mask(&set);
    return status;
}

modellab_status mli_sqlite_ledger_wait(mli_sqlite *s, const char *run_id, const char *message,
                                       int64_t until_ms, modellab_error *err)
{
    mli_query q = mli_query_open(s, MLI_SQL_CAP_WAIT);

    mli_query_text(&q, run_id);
    mli_query_text(&q, message);
    mli_query_int(&q, until_ms);
    return mli_query_run(&q, err);
}

MODELLAB_MUST_CHECK static modellab_status wake(mli_sqlite *s, const char *user, int64_t most,
                                                modellab_error *err)
{
    mli_query q = mli_query_open(s, MLI_SQL_CAP_WAKE);

    mli_query_text(&q, user);
    mli_query_int(&q, most);
    return mli_query_run(&q, err);
}

modellab_status mli_sqlite_ledger_settle(mli_sqlite *s, const char *run_id, modellab_error *err)
{
    account a;
    mli_usage more = {0};
    modellab_status status = load_account(s, run_id, &a, err);
    if (status != MODELLAB_OK || a.hour < 0) {
        return status; /* never claimed: nothing held, nothing used */
    }
    if (a.status == MODELLAB_RUN_QUEUED) { /* once more: its audio counts when it ends */
        a.actual.of[MLI_MEASURE_AUDIO_MS] = a.charged.of[MLI_MEASURE_AUDIO_MS];
    }
    EACH(i, used_measures)
    {
        int32_t m = used_measures[i];
        more.used.of[m] = at_least_zero(a.actual.of[m] - a.charged.of[m]);
        a.charged.of[m] += more.used.of[m];
    }
    EACH(i, held_measures) more.held.of[held_measures[i]] = -a.held.of[held_measures[i]];
    memset(&a.held, 0, sizeof a.held);
    status = add_usage(s, &a, &more, err);
    if (status == MODELLAB_OK) {
        status = put_account(s, run_id, &a, err);
    }
    return status == MODELLAB_OK ? wake(s, a.user, MLI_CAP_WAKE_AT_ONCE, err) : status;
}

MODELLAB_MUST_CHECK static modellab_status raise_inside(mli_sqlite *s, const char *run_id,
                                                        int64_t fence, const mli_amounts *more,
                                                        mli_hold *hold, mli_cap_verdict *verdict,
                                                        modellab_error *err)
{
    account a;
    mli_cap_set set;
    mli_usage delta = {0};
    modellab_status status = load_account(s, run_id, &a, err);
    if (status == MODELLAB_OK &&
        (a.status != MODELLAB_RUN_RUNNING || a.fence != fence || a.hour < 0)) {
        status = mli_fail(err, MODELLAB_E_FENCED, "the run is no longer executed by this attempt");
    }
    if (status == MODELLAB_OK) {
        status = caps_of(s, a.user, &set, err);
    }
    if (status == MODELLAB_OK) {
        /* In the periods of its claim: that is where it counts. */
        status = look(s, a.user, &set, a.hour, more, verdict, err);
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    if (verdict->measure == 0) {
        EACH(i, held_measures)
        {
            int32_t m = held_measures[i];
            delta.held.of[m] = more->of[m];
            a.held.of[m] += more->of[m];
        }
        status = add_usage(s, &a, &delta, err);
        if (status == MODELLAB_OK) {
            status = put_account(s, run_id, &a, err);
        }
    }
    hold->held = a.held;
    hold->capped = capped_mask(&set);
    return status;
}

modellab_status mli_sqlite_hold_more(mli_store *store, const char *run_id, int64_t fence,
                                     const mli_amounts *more, mli_hold *hold,
                                     mli_cap_verdict *verdict, modellab_error *err)
{
    mli_sqlite *s = (mli_sqlite *)store;
    modellab_status status = mli_sqlite_enter(s, err);

    if (status != MODELLAB_OK) {
        return status;
    }
    status = mli_sqlite_begin(s, true, err);
    if (status == MODELLAB_OK) {
        status = mli_sqlite_end(s, raise_inside(s, run_id, fence, more, hold, verdict, err), err);
    }
    mli_sqlite_leave(s);
    return status;
}

modellab_status mli_sqlite_cap_room(mli_store *store, const char *user, int64_t now_ms,
                                    const mli_amounts *need, mli_cap_set *set,
                                    mli_cap_verdict *verdict, modellab_error *err)
{
    mli_sqlite *s = (mli_sqlite *)store;
    modellab_status status = mli_sqlite_enter(s, err);

    if (status == MODELLAB_OK) {
        status = caps_of(s, user, set, err);
        if (status == MODELLAB_OK) {
            status = look(s, user, set, now_ms / MLI_MS_PER_HOUR, need, verdict, err);
        }
        mli_sqlite_leave(s);
    }
    return status;
}

modellab_status mli_sqlite_cap_needs(mli_store *store, const char *run_id, mli_amounts *need,
                                     mli_hold *hold, modellab_error *err)
{
    mli_sqlite *s = (mli_sqlite *)store;
    account a;
    mli_cap_set set;
    modellab_status status = mli_sqlite_enter(s, err);

    if (status == MODELLAB_OK) {
        status = load_account(s, run_id, &a, err);
        if (status == MODELLAB_OK) {
            status = caps_of(s, a.user, &set, err);
        }
        mli_sqlite_leave(s);
    }
    if (status == MODELLAB_OK) {
        *need = a.need;
        need->of[MLI_MEASURE_RUNS] = a.attempt == 0 ? 1 : 0;
        hold->held = a.held;
        hold->capped = capped_mask(&set);
    }
    return status;
}

modellab_status mli_sqlite_usage(mli_store *store, const char *user, int64_t from_hour,
                                 int64_t to_hour, mli_usage *out, modellab_error *err)
{
    mli_sqlite *s = (mli_sqlite *)store;
    modellab_status status = mli_sqlite_enter(s, err);

    if (status == MODELLAB_OK) {
        status = sum_usage(s, user, from_hour, to_hour, out, err);
        mli_sqlite_leave(s);
    }
    return status;
}
