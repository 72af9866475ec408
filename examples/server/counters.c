/* Counters of the server and their text for Prometheus. Labels come from closed sets: operations of
 * the table, their methods, classes of status. */
#include "counters.h"

#include "connections.h"
#include "jobs.h"
#include "lease.h"
#include "route.h"
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define CLASSES 6 /* 0: no status was sent, the client was gone before */
#define BOUNDS 11

static const int64_t bounds_us[BOUNDS] = {1000,   2500,   5000,    10000,   25000,   50000,
                                          100000, 250000, 1000000, 5000000, 30000000};
static const char *const bound_text[BOUNDS] = {"0.001", "0.0025", "0.005", "0.01", "0.025", "0.05",
                                               "0.1",   "0.25",   "1.0",   "5.0",  "30.0"};

typedef struct row {
    _Atomic int64_t requests[CLASSES];
    _Atomic int64_t buckets[BOUNDS + 1];
    _Atomic int64_t sum_us;
} row;

static struct {
    row *rows;
    size_t count; /* operations and one for "none" */
    _Atomic int64_t active, bytes_in, bytes_out;
} all;

bool counters_start(size_t operations)
{
    all.count = operations + 1;
    all.rows = calloc(all.count, sizeof *all.rows);
    return all.rows != NULL;
}

void counters_stop(void)
{
    free(all.rows);
    all.rows = NULL;
}

void counters_begin(void)
{
    atomic_fetch_add(&all.active, 1);
}

void counters_end(size_t index, int http, int64_t microseconds, int64_t bytes_in, int64_t bytes_out)
{
    row *r = &all.rows[index < all.count ? index : all.count - 1];
    size_t class = http >= 100 && http < 600 ? (size_t)http / 100 : 0;
    size_t bucket = 0;
    while (bucket < BOUNDS && microseconds > bounds_us[bucket])
        bucket++;
    atomic_fetch_add(&r->requests[class], 1);
    atomic_fetch_add(&r->buckets[bucket], 1);
    atomic_fetch_add(&r->sum_us, microseconds);
    atomic_fetch_add(&all.bytes_in, bytes_in);
    atomic_fetch_add(&all.bytes_out, bytes_out);
    atomic_fetch_sub(&all.active, 1);
}

void counters_refused(int http)
{
    counters_begin();
    counters_end(all.count, http, 0, 0, 0);
}

int64_t counters_active(void)
{
    return atomic_load(&all.active);
}

typedef struct writer {
    char *text;
    size_t bytes, room;
    bool failed, openmetrics;
} writer;

__attribute__((format(printf, 2, 3))) static void put(writer *w, const char *format, ...)
{
    va_list values;
    if (w->failed)
        return;
    if (w->room - w->bytes < 512) {
        char *grown = realloc(w->text, w->room * 2 + 4096);
        if (grown == NULL) {
            w->failed = true;
            return;
        }
        w->text = grown;
        w->room = w->room * 2 + 4096;
    }
    va_start(values, format);
    int made = vsnprintf(w->text + w->bytes, w->room - w->bytes, format, values);
    va_end(values);
    w->bytes += made > 0 && made < 512 ? (size_t)made : 0;
}

/* OpenMetrics names the family of a counter without its "_total". */
static void family(writer *w, const char *name, const char *kind, const char *help)
{
    const char *ending = kind[0] == 'c' && !w->openmetrics ? "_total" : "";
    put(w, "# HELP modellab_http_%s%s %s\n# TYPE modellab_http_%s%s %s\n", name, ending, help, name,
        ending, kind);
}

static void one(writer *w, const char *name, const char *kind, const char *help, int64_t value)
{
    family(w, name, kind, help);
    put(w, "modellab_http_%s%s %lld\n", name, kind[0] == 'c' ? "_total" : "", (long long)value);
}

static const char *operation_name(size_t index)
{
    return index < route_count() ? route_at(index)->id : "none";
}

static void put_requests(writer *w)
{
    static const char *const classes[CLASSES] = {"gone", "1xx", "2xx", "3xx", "4xx", "5xx"};
    family(w, "requests", "counter",
           "Requests that have ended, by operation and class of status; gone: the client went "
           "before it had one.");
    for (size_t i = 0; i < all.count; i++)
        for (size_t k = 0; k < CLASSES; k++) {
            int64_t value = atomic_load(&all.rows[i].requests[k]);
            if (value > 0)
                put(w,
                    "modellab_http_requests_total{operation=\"%s\",method=\"%s\",status=\"%s\"} "
                    "%lld\n",
                    operation_name(i), i < route_count() ? route_at(i)->method : "none", classes[k],
                    (long long)value);
        }
}

static void put_times(writer *w)
{
    family(w, "request_duration_seconds", "histogram",
           "From the head of a request to the end of its reply, by operation.");
    for (size_t i = 0; i < all.count; i++) {
        const char *name = operation_name(i);
        int64_t sum = atomic_load(&all.rows[i].sum_us), total = 0, counts[BOUNDS + 1];
        for (size_t k = 0; k <= BOUNDS; k++)
            total += counts[k] = atomic_load(&all.rows[i].buckets[k]);
        if (total == 0)
            continue;
        int64_t below = 0;
        for (size_t k = 0; k <= BOUNDS; k++) {
            below += counts[k];
            put(w,
                "modellab_http_request_duration_seconds_bucket{operation=\"%s\",le=\"%s\"} %lld\n",
                name, k < BOUNDS ? bound_text[k] : "+Inf", (long long)below);
        }
        put(w, "modellab_http_request_duration_seconds_sum{operation=\"%s\"} %lld.%06lld\n", name,
            (long long)(sum / 1000000), (long long)(sum % 1000000));
        put(w, "modellab_http_request_duration_seconds_count{operation=\"%s\"} %lld\n", name,
            (long long)total);
    }
}

char *counters_text(bool as_openmetrics)
{
    writer w = {.openmetrics = as_openmetrics};
    connection_numbers open = connections_now();
    jobs_numbers jobs = jobs_now();
    lease_numbers streams = leases_now();
    put_requests(&w);
    put_times(&w);
    one(&w, "requests_active", "gauge", "Requests that have begun and not ended.",
        counters_active());
    one(&w, "connections", "gauge", "Connections that are open.", (int64_t)open.open);
    one(&w, "connections_accepted", "counter", "Connections that were taken.", open.accepted);
    one(&w, "connections_expired", "counter",
        "Connections that were ended because a head, a body or a reader was too slow.",
        open.expired);
    one(&w, "connections_evicted", "counter",
        "Connections that waited for a head and made room for others.", open.evicted);
    one(&w, "received_bytes", "counter", "Bytes of bodies of requests.",
        atomic_load(&all.bytes_in));
    one(&w, "sent_bytes", "counter", "Bytes of bodies of replies.", atomic_load(&all.bytes_out));
    one(&w, "job_threads", "gauge", "Threads for what can wait.", jobs.threads);
    one(&w, "jobs_busy", "gauge", "Of these, those that are at work.", jobs.busy);
    one(&w, "jobs_waiting", "gauge", "Jobs that wait for a thread.", (int64_t)jobs.waiting);
    one(&w, "streams", "gauge", "Event streams and WebSockets that are open.", streams.open);
    one(&w, "streams_most", "gauge", "As many may be open.", streams.most);
    one(&w, "streams_refused", "counter", "Streams for which there was no room.", streams.refused);
    one(&w, "streams_stalled", "counter", "Streams that were cut off: the client took nothing.",
        streams.stalled);
    one(&w, "streams_key_ended", "counter", "Streams that ended with their key.", streams.ended);
    if (w.failed) {
        free(w.text);
        return NULL;
    }
    return w.text;
}
