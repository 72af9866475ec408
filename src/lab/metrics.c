/* Metrics: families in a fixed order, series in the order of their labels; what the store counted,
 * and what stands now. */
#include "lab/metrics.h"

#include "base/error.h"
#include "base/str.h"
#include "check/report.h"
#include "kernels/isa.h"
#include "lab/beat.h"
#include "lab/metrics_text.h"
#include "lab/reconcile.h"
#include "lab/state.h"
#include "lab/tally.h"
#include "lab/wake.h"
#include "log/logger.h"
#include "os/self.h"
#include <modellab/version.h>
#include <string.h>

#define FAMILY_MOST 200   /* series of one counter; the rest of them is summed up as "other" */
#define EXEMPLAR_RUNS 200 /* newest ended runs that are looked at for exemplars */
#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
#define VERSION_TEXT                                                                               \
    TEXT(MODELLAB_VERSION_MAJOR) "." TEXT(MODELLAB_VERSION_MINOR) "." TEXT(MODELLAB_VERSION_PATCH)

typedef enum kind { COUNTER, HISTOGRAM } kind;
typedef mli_metrics_writer writer;

typedef struct family {
    kind kind;
    const char *name; /* in the store; without the prefix */
    const char *label1, *label2;
    const char *help;
    const char *unit; /* for OpenMetrics; "" = none */
} family;

static const family families[] = {
    {COUNTER, "runs_total", "status", "pipeline", "Runs that ended, by final status.", ""},
    {COUNTER, "run_ends_total", "reason", "", "Runs that ended, by reason; none = completed.", ""},
    {COUNTER, "run_retries_total", "reason", "", "Attempts that were put back into the queue.", ""},
    {HISTOGRAM, "run_duration_seconds", "", "", "From start to end of a run.", "seconds"},
    {HISTOGRAM, "queue_wait_seconds", "", "", "From submission to start of a run.", "seconds"},
    {COUNTER, "run_cpu_seconds_total", "", "", "CPU time of ended runs.", "seconds"},
    {COUNTER, "run_gpu_seconds_total", "", "", "GPU time of ended runs.", "seconds"},
    {COUNTER, "run_audio_seconds_total", "", "", "Audio of ended runs.", "seconds"},
    {HISTOGRAM, "run_peak_rss_bytes", "", "", "Peak memory of a run.", "bytes"},
    {COUNTER, "api_calls_total", "", "", "Calls of remote services by ended runs.", ""},
    {COUNTER, "cost_total", "currency", "", "Cost of ended runs in the currency's unit.", ""},
    {COUNTER, "cap_refusals_total", "at", "", "Times that a cap had no room.", ""},
    {COUNTER, "worker_starts_total", "", "", "Worker processes that were started.", ""},
    {COUNTER, "worker_reuses_total", "", "", "Runs that a warm worker took.", ""},
    {COUNTER, "worker_recycles_total", "reason", "", "Workers that were let go.", ""},
    {COUNTER, "run_adoptions_total", "", "", "Running runs that another supervisor took over.", ""},
    {COUNTER, "reconcile_findings_total", "finding", "", "What reconciling found.", ""},
    {COUNTER, "webhook_deliveries_total", "outcome", "",
     "Attempts of deliveries to webhooks, by what came of them.", ""},
    {COUNTER, "log_dropped_total", "", "", "Log lines held back or not written, all processes.",
     ""},
};

static const char *status_label(const char *number)
{
    int64_t status = 0;

    return mli_parse_i64(number, 0, 100, &status)
               ? mli_status_name_of_run((modellab_run_status)status)
               : "UNKNOWN";
}

/* The newest of the ended runs with this status and pipeline. */
static mli_exemplar of_ended(const mli_run_row_list *ended, const char *status,
                             const char *pipeline)
{
    for (size_t i = 0; ended != NULL && i < ended->count; i++) {
        const mli_run_row *run = ended->rows[i];
        const char *name = run->is_record != 0 ? "recorded" : run->pipeline;

        if (run->imported == 0 && strcmp(mli_status_name_of_run(run->status), status) == 0 &&
            strcmp(name, pipeline) == 0) {
            return (mli_exemplar){run, 1};
        }
    }
    return (mli_exemplar){NULL, 0};
}

/* What a run was observed with, as the store counted it; -1 = not at all, or more than once. */
static double observed(const mli_run_row *run, const char *name)
{
    if (run->imported != 0 || run->started_ms < 0) {
        return -1;
    }
    if (strcmp(name, "run_duration_seconds") == 0) {
        return run->ended_ms > run->started_ms ? (double)(run->ended_ms - run->started_ms) / 1e3
                                               : 0;
    }
    if (strcmp(name, "queue_wait_seconds") == 0) {
        return run->attempt == 1 && run->is_record == 0 ? (double)run->queue_wait_ms / 1e3 : -1;
    }
    return run->peak_memory_bytes > 0 ? (double)run->peak_memory_bytes : -1;
}

/* The newest run whose value lies in the bucket (above, upto]; upto < 0 = without end. */
static mli_exemplar in_bucket(const mli_run_row_list *ended, const char *name, double above,
                              double upto)
{
    for (size_t i = 0; ended != NULL && i < ended->count; i++) {
        double value = observed(ended->rows[i], name);

        if (value >= 0 && value > above && (upto < 0 || value <= upto)) {
            return (mli_exemplar){ended->rows[i], value};
        }
    }
    return (mli_exemplar){NULL, 0};
}

/* The store has numbers where these have names. */
static const char *value_of(const family *f, const char *value)
{
    int64_t reason = 0;

    if (strcmp(f->label1, "status") == 0) {
        return status_label(value);
    }
    if (strcmp(f->label1, "reason") == 0 && mli_parse_i64(value, 0, 1000, &reason)) {
        return mli_reason_name((modellab_reason)reason);
    }
    return value;
}

static void put_counter(writer *w, const family *f, const mli_total_list *totals,
                        const mli_run_row_list *ended)
{
    size_t written = 0;
    double other = 0;

    mli_metrics_head(w, "counter", f->name, f->unit, f->help);
    for (size_t i = 0; i < totals->count; i++) {
        const mli_total *t = &totals->rows[i];

        if (strcmp(t->family, f->name) != 0) {
            continue;
        }
        if (++written > FAMILY_MOST) {
            other += t->value;
            continue;
        }
        mli_sample one = {f->name,   "",        f->label1, value_of(f, t->label1),
                          f->label2, t->label2, t->value,  {NULL, 0}};

        if (strcmp(f->name, "runs_total") == 0) {
            one.exemplar = of_ended(ended, one.value1, one.value2);
        }
        mli_metrics_sample(w, &one);
    }
    if (written > FAMILY_MOST) {
        mli_metrics_sample(
            w,
            &(mli_sample){f->name, "", f->label1, "other", f->label2, "other", other, {NULL, 0}});
    } else if (written == 0 && f->label1[0] == '\0') {
        mli_metrics_sample(w, &(mli_sample){f->name, "", "", "", "", "", 0, {NULL, 0}});
    }
}

/* Runs that were found dead: the sum of those that ended STALE, whoever found them. */
static void put_stale(writer *w, const mli_total_list *totals)
{
    double stale = 0;

    for (size_t i = 0; i < totals->count; i++) {
        const mli_total *t = &totals->rows[i];

        if (strcmp(t->family, "runs_total") == 0 && strcmp(status_label(t->label1), "STALE") == 0) {
            stale += t->value;
        }
    }
    mli_metrics_one(w, "counter", "stale_found_total", "",
                    "Runs that were found dead and ended STALE.", stale);
}

static double bound_of(const char *le)
{
    double bound = 0;

    return mli_parse_f64(le, &bound) ? bound : -1; /* +Inf */
}

/* The bucket with the least bound above `after`; the store sorts them as text. */
static const mli_total *next_bucket(const mli_total_list *totals, const char *name, double after)
{
    size_t bytes = strlen(name);
    const mli_total *best = NULL;

    for (size_t i = 0; i < totals->count; i++) {
        const mli_total *t = &totals->rows[i];
        double bound = bound_of(t->label1);

        if (strncmp(t->family, name, bytes) == 0 && strcmp(t->family + bytes, "_bucket") == 0 &&
            bound > after && (best == NULL || bound < bound_of(best->label1))) {
            best = t;
        }
    }
    return best;
}

static double part_of(const mli_total_list *totals, const char *name, const char *suffix)
{
    size_t bytes = strlen(name);

    for (size_t i = 0; i < totals->count; i++) {
        const mli_total *t = &totals->rows[i];

        if (strncmp(t->family, name, bytes) == 0 && strcmp(t->family + bytes, suffix) == 0) {
            return t->value;
        }
    }
    return 0;
}

static void put_bucket(writer *w, const family *f, const mli_run_row_list *ended, double above,
                       const char *le, double count)
{
    mli_sample one = {f->name, "_bucket", "le", le, "", "", count, {NULL, 0}};

    one.exemplar = in_bucket(ended, f->name, above, bound_of(le));
    mli_metrics_sample(w, &one);
}

static void put_histogram(writer *w, const family *f, const mli_total_list *totals,
                          const mli_run_row_list *ended)
{
    const mli_total *bucket = next_bucket(totals, f->name, -0.5);
    double count = part_of(totals, f->name, "_count"), above = -0.5;

    mli_metrics_head(w, "histogram", f->name, f->unit, f->help);
    while (bucket != NULL) {
        put_bucket(w, f, ended, above, bucket->label1, bucket->value);
        above = bound_of(bucket->label1);
        bucket = next_bucket(totals, f->name, above);
    }
    put_bucket(w, f, ended, above, "+Inf", count);
    mli_metrics_sample(
        w, &(mli_sample){
               f->name, "_sum", "", "", "", "", part_of(totals, f->name, "_sum"), {NULL, 0}});
    mli_metrics_sample(w, &(mli_sample){f->name, "_count", "", "", "", "", count, {NULL, 0}});
}

/* Value of what stands now, 0 when the store has none. */
static double stands(const mli_total_list *now, const char *name, const char *label)
{
    for (size_t i = 0; i < now->count; i++) {
        if (strcmp(now->rows[i].family, name) == 0 && strcmp(now->rows[i].label1, label) == 0) {
            return now->rows[i].value;
        }
    }
    return 0;
}

static void put_queue(writer *w, const mli_lab *lab, const mli_total_list *now)
{
    static const char *const bands[] = {"low", "normal", "high", "urgent"};
    static const char *const open[][2] = {{"1", "QUEUED"}, {"2", "RUNNING"}};
    double oldest_ms = stands(now, "queue_oldest_ms", "");
    double waits = oldest_ms > 0 ? ((double)mli_lab_now_ms(lab) - oldest_ms) / 1e3 : 0;

    mli_metrics_head(w, "gauge", "queue_depth", "", "Runs that wait, by priority.");
    for (size_t b = 0; b < sizeof bands / sizeof *bands; b++) {
        mli_metrics_sample(w, &(mli_sample){"queue_depth",
                                            "",
                                            "priority",
                                            bands[b],
                                            "",
                                            "",
                                            stands(now, "queue_depth", bands[b]),
                                            {NULL, 0}});
    }
    mli_metrics_head(w, "gauge", "runs_open", "", "Runs that have not ended.");
    for (size_t i = 0; i < 2; i++) {
        mli_metrics_sample(w, &(mli_sample){"runs_open",
                                            "",
                                            "status",
                                            open[i][1],
                                            "",
                                            "",
                                            stands(now, "runs_open", open[i][0]),
                                            {NULL, 0}});
    }
    mli_metrics_one(w, "gauge", "queue_oldest_seconds", "seconds",
                    "How long the oldest run waits that may start; 0 = none waits.",
                    waits > 0 ? waits : 0);
}

typedef struct turning {
    const mli_lab *lab;
    int64_t lag_ns;
} turning;

static int look_at_beat(void *arg, const char *id)
{
    turning *t = arg;
    mli_beat_page beat;

    if (mli_beat_read(t->lab, id, &beat, NULL) == MODELLAB_OK) { /* else it tells nothing */
        int64_t lag = atomic_load(&beat.lag_ns);

        t->lag_ns = lag > t->lag_ns ? lag : t->lag_ns;
    }
    return 0;
}

static void put_supervisors(writer *w, const mli_lab *lab, const mli_presence_sums *sums)
{
    turning t = {.lab = lab, .lag_ns = 0};
    modellab_error err = MODELLAB_ERROR_INIT;

    mli_metrics_head(w, "gauge", "supervisors", "", "Supervisors that are there.");
    mli_metrics_sample(w, &(mli_sample){"supervisors",
                                        "",
                                        "state",
                                        "working",
                                        "",
                                        "",
                                        sums->supervisors - sums->draining,
                                        {NULL, 0}});
    mli_metrics_sample(
        w,
        &(mli_sample){"supervisors", "", "state", "draining", "", "", sums->draining, {NULL, 0}});
    if (mli_supervisors_each(lab, look_at_beat, &t, &err) != MODELLAB_OK) {
        mli_log_error(lab->logger, MODELLAB_LOG_WARN, "metrics.no_beats", "", err.code, &err);
    }
    mli_metrics_one(w, "gauge", "ingest_lag_seconds", "seconds",
                    "Longest time for which lines of a journal are not in the store.",
                    (double)t.lag_ns / 1e9);
}

static void put_process(writer *w, const mli_lab *lab, int64_t fsync_ns)
{
    mli_os_self self = {0};
    int rc = mli_os_self_read(&self);

    mli_metrics_one(w, "gauge", "store_fsync_seconds", "seconds",
                    "What a synced commit took just now; -1 = not measured.",
                    fsync_ns < 0 ? -1 : (double)fsync_ns / 1e9);
    mli_metrics_head(w, "gauge", "build_info", "", "What runs here; always 1.");
    mli_metrics_sample(w, &(mli_sample){"build_info",
                                        "",
                                        "version",
                                        VERSION_TEXT,
                                        "isa",
                                        mli_isa_name(mli_isa_current()),
                                        1,
                                        {NULL, 0}});
    if (rc != 0) {
        mli_log(lab->logger, MODELLAB_LOG_WARN, "metrics.no_process", "",
                MLI_LOG_FIELDS(mli_log_int("os_error", -rc)));
        return;
    }
    mli_metrics_one(w, "gauge", "process_start_time_seconds", "seconds",
                    "When this process began, since 1970 UTC.", (double)self.started_ns / 1e9);
    mli_metrics_one(w, "gauge", "process_uptime_seconds", "seconds", "Age of this process.",
                    (double)self.uptime_ns / 1e9);
    mli_metrics_one(w, "counter", "process_cpu_seconds_total", "seconds",
                    "CPU time of this process.", (double)self.cpu_ns / 1e9);
    mli_metrics_one(w, "gauge", "process_resident_memory_bytes", "bytes", "Memory of this process.",
                    (double)self.rss_bytes);
    mli_metrics_one(w, "gauge", "process_threads", "", "Threads of this process.",
                    (double)self.threads);
    mli_metrics_one(w, "gauge", "process_open_fds", "", "Open descriptors of this process.",
                    (double)self.open_files);
}

MODELLAB_MUST_CHECK static modellab_status count_orphans(mli_lab *lab, size_t *orphans,
                                                         modellab_error *err)
{
    modellab_report *report = NULL;
    modellab_status status = mli_reconcile(lab, MLI_RECONCILE_DRY_RUN, &report, err);

    *orphans = 0;
    if (status == MODELLAB_OK) {
        for (size_t i = 0; i < mli_report_count(report); i++) {
            const char *id = mli_report_finding(report, i)->id;

            *orphans += strcmp(id, "run.orphaned") == 0 || strcmp(id, "run.stale") == 0;
        }
        mli_report_unref(report);
    }
    return status;
}

/* Time of a real write and sync; -1 on a lab that is only read. */
MODELLAB_MUST_CHECK static modellab_status time_store(mli_lab *lab, int64_t *ns,
                                                      modellab_error *err)
{
    const mli_os_clock *clock = lab->os.clock;
    int64_t started = clock->monotonic_ns(clock->user);
    modellab_status status;

    *ns = -1;
    if ((lab->flags & MODELLAB_LAB_READ_ONLY) != 0) {
        return MODELLAB_OK;
    }
    status = mli_store_probe(lab->store, mli_lab_now_ms(lab), err);
    *ns = clock->monotonic_ns(clock->user) - started;
    return status;
}

/* What is read before anything is written. */
typedef struct facts {
    mli_total_list *totals, *now;
    mli_run_row_list *ended; /* newest first; NULL for the plain text */
    mli_presence_sums sums;
    size_t orphans;
    int64_t fsync_ns;
} facts;

MODELLAB_MUST_CHECK static modellab_status gather(mli_lab *lab, bool exemplars, facts *f,
                                                  modellab_error *err)
{
    const mli_store_ended newest = {.limit = EXEMPLAR_RUNS, .before_ms = INT64_MAX};
    modellab_status status = time_store(lab, &f->fsync_ns, err);

    mli_tally_flush(lab);
    if (status == MODELLAB_OK) {
        status = mli_store_totals(lab->store, &f->totals, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_store_queue_depths(lab->store, &f->now, err);
    }
    if (status == MODELLAB_OK && exemplars) {
        status = mli_store_list_ended(lab->store, &newest, &f->ended, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_supervisors_sum(lab, &f->sums, err);
    }
    return status == MODELLAB_OK ? count_orphans(lab, &f->orphans, err) : status;
}

static void put_all(writer *w, const mli_lab *lab, const facts *f)
{
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        if (families[i].kind == HISTOGRAM) {
            put_histogram(w, &families[i], f->totals, f->ended);
        } else {
            put_counter(w, &families[i], f->totals, f->ended);
        }
    }
    put_stale(w, f->totals);
    put_queue(w, lab, f->now);
    mli_metrics_webhooks(w, lab, f->now);
    mli_metrics_one(w, "gauge", "orphaned_runs", "",
                    "Runs that are RUNNING, but executed by nobody known.", (double)f->orphans);
    put_supervisors(w, lab, &f->sums);
    put_process(w, lab, f->fsync_ns);
    mli_metrics_end(w);
}

modellab_status mli_metrics_write(mli_lab *lab, modellab_metrics_format format, mli_buf *out,
                                  modellab_error *err)
{
    writer w = {.out = out, .open = format == MODELLAB_METRICS_OPENMETRICS};
    facts f = {.fsync_ns = -1};
    modellab_status status;

    if (format != MODELLAB_METRICS_PROMETHEUS && format != MODELLAB_METRICS_OPENMETRICS) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "there is no such format of metrics");
    }
    status = gather(lab, w.open, &f, err);
    if (status == MODELLAB_OK) {
        put_all(&w, lab, &f);
        status = mli_buf_status(out, err);
    }
    if (w.left_out > 0) {
        mli_log(lab->logger, MODELLAB_LOG_WARN, "metrics.left_out", "too many series",
                MLI_LOG_FIELDS(mli_log_int("series", (int64_t)w.left_out)));
    }
    mli_total_list_free(f.totals);
    mli_total_list_free(f.now);
    mli_run_row_list_free(f.ended);
    return status;
}
