/* The text of metrics: heads, samples, labels, exemplars. */
#include "lab/metrics_text.h"

#include "base/str.h"
#include <string.h>

#define SERIES_MOST 1000
#define EXEMPLAR_MOST 128 /* characters of all label names and values: the standard's limit */

/* OpenMetrics names a counter without "_total" in its metadata. */
void mli_metrics_head(mli_metrics_writer *w, const char *type, const char *name, const char *unit,
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

static void put_label(mli_buf *out, bool first, const char *name, const char *value)
{
    mli_buf_printf(out, "%s%s=\"", first ? "{" : ",", name);
    for (const char *at = value; *at != '\0'; at++) {
        if (*at == '\\' || *at == '"') {
            mli_buf_append_char(out, '\\');
            mli_buf_append_char(out, *at);
        } else if (*at == '\n') {
            mli_buf_append_text(out, "\\n");
        } else {
            mli_buf_append_char(out, *at);
        }
    }
    mli_buf_append_char(out, '"');
}

static size_t size_of_label(const char *name, const char *value)
{
    return strlen(name) + strlen(value);
}

/* " # {run_id=...,trace_id=...,request_id=...} VALUE"; a long request id has no room. */
static void put_exemplar(mli_buf *out, const mli_exemplar *exemplar)
{
    const mli_run_row *run = exemplar->run;
    char number[32];
    size_t size = size_of_label("run_id", run->id) + size_of_label("trace_id", run->trace_id) +
                  size_of_label("request_id", run->request_id);

    mli_buf_append_text(out, " # ");
    put_label(out, true, "run_id", run->id);
    put_label(out, false, "trace_id", run->trace_id);
    if (size <= EXEMPLAR_MOST) {
        put_label(out, false, "request_id", run->request_id);
    }
    (void)mli_format_f64(number, sizeof number, exemplar->value);
    mli_buf_printf(out, "} %s", number);
}

void mli_metrics_sample(mli_metrics_writer *w, const mli_sample *s)
{
    char number[32];

    if (w->series >= SERIES_MOST) {
        w->left_out++;
        return;
    }
    w->series++;
    mli_buf_printf(w->out, "modellab_%s%s", s->name, s->suffix);
    if (s->label1[0] != '\0') {
        put_label(w->out, true, s->label1, s->value1);
        if (s->label2[0] != '\0') {
            put_label(w->out, false, s->label2, s->value2);
        }
        mli_buf_append_char(w->out, '}');
    }
    (void)mli_format_f64(number, sizeof number, s->value);
    mli_buf_printf(w->out, " %s", number);
    if (w->open && s->exemplar.run != NULL) {
        put_exemplar(w->out, &s->exemplar);
    }
    mli_buf_append_char(w->out, '\n');
}

void mli_metrics_one(mli_metrics_writer *w, const char *type, const char *name, const char *unit,
                     const char *help, double value)
{
    const mli_sample sample = {name, "", "", "", "", "", value, {NULL, 0}};

    mli_metrics_head(w, type, name, unit, help);
    mli_metrics_sample(w, &sample);
}

void mli_metrics_end(mli_metrics_writer *w)
{
    if (w->open) {
        mli_buf_append_text(w->out, "# EOF\n");
    }
}
