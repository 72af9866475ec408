/* Writing metrics: families in a fixed order, series in the order of their labels. */
#include "lab/metrics.h"

#include "base/error.h"
#include "base/str.h"
#include "check/report.h"
#include "kernels/isa.h"
#include "lab/reconcile.h"
#include "lab/state.h"
#include "log/logger.h"
#include "os/locale.h"
#include <modellab/version.h>
#include <string.h>

#define SERIES_MOST 1000
#define FAMILY_MOST 200 /* series of one counter; the rest of them is summed up as "other" */
#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
#define VERSION_TEXT                                                                               \
    TEXT(MODELLAB_VERSION_MAJOR) "." TEXT(MODELLAB_VERSION_MINOR) "." TEXT(MODELLAB_VERSION_PATCH)

typedef enum kind { COUNTER, GAUGE, HISTOGRAM } kind;

typedef struct family {
    kind kind;
    const char *name; /* in the store; without the prefix */
    const char *label1, *label2;
    const char *help;
    const char *unit; /* for OpenMetrics; "" = none */
} family;

static const family families[] = {
    {COUNTER, "runs_total", "status", "pipeline", "Runs that ended, by final status.", ""},
    {HISTOGRAM, "run_duration_seconds", "", "", "From start to end of a run.", "seconds"},
    {HISTOGRAM, "queue_wait_seconds", "", "", "From submission to start of a run.", "seconds"},
    {COUNTER, "run_cpu_seconds_total", "", "", "CPU time of ended runs.", "seconds"},
    {COUNTER, "run_gpu_seconds_total", "", "", "GPU time of ended runs.", "seconds"},
    {COUNTER, "run_audio_seconds_total", "", "", "Audio of ended runs.", "seconds"},
    {HISTOGRAM, "run_peak_rss_bytes", "", "", "Peak memory of a run.", "bytes"},
    {COUNTER, "api_calls_total", "", "", "Calls of remote services by ended runs.", ""},
    {COUNTER, "cost_total", "currency", "", "Cost of ended runs in the currency's unit.", ""},
    {COUNTER, "reconcile_findings_total", "finding", "", "What reconciling found.", ""},
};

typedef struct writer {
    mli_buf *out;
    bool open; /* OpenMetrics */
    size_t series, left_out;
} writer;

/* OpenMetrics names a counter without "_total" in its metadata. */
static void put_head(writer *w, const char *type, const char *name, const char *unit,
                     const char *help)
{
    size_t bytes = strlen(name), cut = strlen("_total");

    if (w->open && bytes > cut && strcmp(name + bytes - cut, "_total") == 0) {
        bytes -= cut;
    }
    mli_buf_printf(w->out, "# HELP modellab_%.*s %s\n", (int)bytes, name, help);
    mli_buf_printf(w->out, "# TYPE modellab_%.*s %s\n", (int)bytes, name, type);
    if (w->open && unit[0] != '\0') {
        mli_buf_printf(w->out, "# UNIT modellab_%.*s %s\n", (int)bytes, name, unit);
    }
}

static void put_label(writer *w, bool first, const char *name, const char *value)
{
    mli_buf_printf(w->out, "%s%s=\"", first ? "{" : ",", name);
    for (const char *at = value; *at != '\0'; at++) {
        if (*at == '\\' || *at == '"') {
            mli_buf_append_char(w->out, '\\');
            mli_buf_append_char(w->out, *at);
        } else if (*at == '\n') {
            mli_buf_append_text(w->out, "\\n");
        } else {
            mli_buf_append_char(w->out, *at);
        }
    }
    mli_buf_append_char(w->out, '"');
}

static void put_sample(writer *w, const char *name, const char *suffix, const char *label1,
                       const char *value1, const char *label2, const char *value2, double value)
{
    char number[32];

    if (w->series >= SERIES_MOST) {
        w->left_out++;
        return;
    }
    w->series++;
    mli_buf_printf(w->out, "modellab_%s%s", name, suffix);
    if (label1[0] != '\0') {
        put_label(w, true, label1, value1);
        if (label2[0] != '\0') {
            put_label(w, false, label2, value2);
        }
        mli_buf_append_char(w->out, '}');
    }
    (void)mli_format_f64(number, sizeof number, value);
    mli_buf_printf(w->out, " %s\n", number);
}

static const char *status_label(const char *number)
{
    int64_t status = 0;

    return mli_parse_i64(number, 0, 100, &status)
               ? mli_status_name_of_run((modellab_run_status)status)
               : "UNKNOWN";
}

static void put_counter(writer *w, const family *f, const mli_total_list *totals)
{
    bool by_status = strcmp(f->label1, "status") == 0;
    size_t written = 0;
    double other = 0;

    put_head(w, "counter", f->name, f->unit, f->help);
    for (size_t i = 0; i < totals->count; i++) {
        const mli_total *t = &totals->rows[i];

        if (strcmp(t->family, f->name) != 0) {
            continue;
        }
        if (++written > FAMILY_MOST) {
            other += t->value;
            continue;
        }
        put_sample(w, f->name, "", f->label1, by_status ? status_label(t->label1) : t->label1,
                   f->label2, t->label2, t->value);
    }
    if (written > FAMILY_MOST) {
        put_sample(w, f->name, "", f->label1, "other", f->label2, "other", other);
    } else if (written == 0 && f->label1[0] == '\0') {
        put_sample(w, f->name, "", "", "", "", "", 0);
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
    put_head(w, "counter", "stale_found_total", "", "Runs that were found dead and ended STALE.");
    put_sample(w, "stale_found_total", "", "", "", "", "", stale);
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

static void put_histogram(writer *w, const family *f, const mli_total_list *totals)
{
    const mli_total *bucket = next_bucket(totals, f->name, -0.5);
    double count = part_of(totals, f->name, "_count");

    put_head(w, "histogram", f->name, f->unit, f->help);
    while (bucket != NULL) {
        put_sample(w, f->name, "_bucket", "le", bucket->label1, "", "", bucket->value);
        bucket = next_bucket(totals, f->name, bound_of(bucket->label1));
    }
    put_sample(w, f->name, "_bucket", "le", "+Inf", "", "", count);
    put_sample(w, f->name, "_sum", "", "", "", "", part_of(totals, f->name, "_sum"));
    put_sample(w, f->name, "_count", "", "", "", "", count);
}

static void put_queue(writer *w, const mli_total_list *depths)
{
    static const char *const bands[] = {"low", "normal", "high", "urgent"};

    put_head(w, "gauge", "queue_depth", "", "Runs that wait, by priority.");
    for (size_t b = 0; b < sizeof bands / sizeof *bands; b++) {
        double value = 0;

        for (size_t i = 0; i < depths->count; i++) {
            value = strcmp(depths->rows[i].label1, bands[b]) == 0 ? depths->rows[i].value : value;
        }
        put_sample(w, "queue_depth", "", "priority", bands[b], "", "", value);
    }
}

static void put_process(writer *w, const mli_lab *lab, int64_t fsync_ns)
{
    modellab_logger_stats stats = MODELLAB_LOGGER_STATS_INIT;

    put_head(w, "gauge", "store_fsync_seconds", "seconds",
             "What a synced commit took just now; -1 = not measured.");
    put_sample(w, "store_fsync_seconds", "", "", "", "", "",
               fsync_ns < 0 ? -1 : (double)fsync_ns / 1e9);
    put_head(w, "counter", "log_dropped_total", "",
             "Log lines of this process that were held back or could not be written.");
    if (lab->logger != NULL && mli_logger_get_stats(lab->logger, &stats, NULL) != MODELLAB_OK) {
        stats = (modellab_logger_stats)MODELLAB_LOGGER_STATS_INIT;
    }
    put_sample(w, "log_dropped_total", "", "", "", "", "",
               (double)(stats.suppressed + stats.failed));
    put_head(w, "gauge", "build_info", "", "What runs here; always 1.");
    put_sample(w, "build_info", "", "version", VERSION_TEXT, "isa", mli_isa_name(mli_isa_current()),
               1);
}

static modellab_status count_orphans(mli_lab *lab, size_t *orphans, modellab_error *err)
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
static modellab_status time_store(mli_lab *lab, int64_t *ns, modellab_error *err)
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

static void put_all(writer *w, const mli_lab *lab, const mli_total_list *totals,
                    const mli_total_list *depths, size_t orphans, int64_t fsync_ns)
{
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        if (families[i].kind == HISTOGRAM) {
            put_histogram(w, &families[i], totals);
        } else {
            put_counter(w, &families[i], totals);
        }
    }
    put_stale(w, totals);
    put_queue(w, depths);
    put_head(w, "gauge", "orphaned_runs", "",
             "Runs that are RUNNING, but executed by nobody known.");
    put_sample(w, "orphaned_runs", "", "", "", "", "", (double)orphans);
    put_process(w, lab, fsync_ns);
    if (w->open) {
        mli_buf_append_text(w->out, "# EOF\n");
    }
}

modellab_status mli_metrics_write(mli_lab *lab, modellab_metrics_format format, mli_buf *out,
                                  modellab_error *err)
{
    writer w = {.out = out, .open = format == MODELLAB_METRICS_OPENMETRICS};
    mli_total_list *totals = NULL, *depths = NULL;
    size_t orphans = 0;
    int64_t fsync_ns = -1;
    modellab_status status;

    if (format != MODELLAB_METRICS_PROMETHEUS && format != MODELLAB_METRICS_OPENMETRICS) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "there is no such format of metrics");
    }
    status = time_store(lab, &fsync_ns, err);
    if (status == MODELLAB_OK) {
        status = mli_store_totals(lab->store, &totals, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_store_queue_depths(lab->store, &depths, err);
    }
    if (status == MODELLAB_OK) {
        status = count_orphans(lab, &orphans, err);
    }
    if (status == MODELLAB_OK) {
        put_all(&w, lab, totals, depths, orphans, fsync_ns);
        status = mli_buf_status(out, err);
    }
    if (w.left_out > 0) {
        mli_log(lab->logger, MODELLAB_LOG_WARN, "metrics.left_out", "too many series",
                MLI_LOG_FIELDS(mli_log_int("series", (int64_t)w.left_out)));
    }
    mli_total_list_free(totals);
    mli_total_list_free(depths);
    return status;
}
