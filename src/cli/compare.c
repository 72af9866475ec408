/* `modellab run compare`: two runs side by side, a star where they differ. */
#include "cli/commands.h"
#include "cli/each_run.h"
#include "cli/scan.h"
#include "cli/signals.h"
#include <stdio.h>
#include <string.h>

enum { ROWS = 12, WIDTH = 160, DIFFERENCES = 10 };
typedef char table[ROWS][WIDTH];

static const char *const names[ROWS] = {"status",   "reason",       "pipeline",    "input",
                                        "model",    "model sha256", "engine",      "attempts",
                                        "duration", "CPU",          "peak memory", "cost"};

static const char *known(const char *text)
{
    return text[0] != '\0' ? text : "-";
}

/* The facts of a run as text, whole: what is cut could not be told apart. */
static void fill(const modellab_run_info *i, table out)
{
    snprintf(out[0], WIDTH, "%s", modellab_run_status_name(i->status));
    snprintf(out[1], WIDTH, "%s", i->reason == 0 ? "-" : modellab_reason_name(i->reason));
    snprintf(out[2], WIDTH, "%s", i->pipeline);
    snprintf(out[3], WIDTH, "%s", known(i->input_sha256));
    snprintf(out[4], WIDTH, "%s", known(i->model));
    snprintf(out[5], WIDTH, "%s", known(i->model_sha256));
    snprintf(out[6], WIDTH, "%s", known(i->engine));
    snprintf(out[7], WIDTH, "%d", (int)i->attempt);
    snprintf(out[8], WIDTH, i->duration_ms < 0 ? "-" : "%.3f s", (double)i->duration_ms / 1000);
    snprintf(out[9], WIDTH, i->cpu_seconds < 0 ? "-" : "%.3f s", i->cpu_seconds);
    snprintf(out[10], WIDTH, i->peak_memory_bytes < 0 ? "-" : "%.1f MiB",
             (double)i->peak_memory_bytes / 1048576);
    snprintf(out[11], WIDTH, i->cost_micros < 0 ? "-" : "%.6f %s", (double)i->cost_micros / 1e6,
             i->currency);
}

static void fact_lines(cli_text *out, const char *a, const char *b, const table of_a,
                       const table of_b)
{
    cli_text_printf(out, "  %-13s %-28s %s\n", "", a, b);
    for (size_t i = 0; i < ROWS; i++) {
        bool same = strcmp(of_a[i], of_b[i]) == 0;
        bool digest = i == 3 || i == 5; /* its beginning is enough to see */
        cli_text_printf(out, "%s %-13s %-28.*s %.*s\n", same ? " " : "*", names[i],
                        digest ? 16 : WIDTH, of_a[i], digest ? 16 : WIDTH, of_b[i]);
    }
}

static void add_span(cli_text *out, cli_span span)
{
    if (span.at == NULL)
        cli_text_add(out, "-");
    else
        cli_text_add_n(out, span.at, span.bytes);
}

/* "/config/asr/beam_size: null -> 5" for each member of the request that differs. */
static void request_lines(cli_text *out, cli_span differences)
{
    cli_span d = {NULL, 0};
    bool any = false;
    while (cli_scan_item(differences, &d)) {
        any = true;
        cli_text_printf(out, "* %-13s ", "request");
        add_span(out, cli_span_bare(cli_scan_member(d, "pointer")));
        cli_text_add(out, ": ");
        add_span(out, cli_scan_member(d, "a"));
        cli_text_add(out, " -> ");
        add_span(out, cli_scan_member(d, "b"));
        cli_text_add(out, "\n");
    }
    if (!any)
        cli_text_printf(out, "  %-13s same\n", "request");
}

static bool same_span(cli_span a, cli_span b)
{
    return a.bytes == b.bytes && (a.bytes == 0 || memcmp(a.at, b.at, a.bytes) == 0);
}

/* "wer 0.1 -> 0.08" for each metric against references and the real-time factor. */
static void metric_lines(cli_text *out, cli_span metrics)
{
    static const char *const shown[] = {"wer", "cer", "der", "real_time_factor"};
    cli_span one = {NULL, 0};
    while (cli_scan_item(metrics, &one)) {
        cli_span name = cli_span_bare(cli_scan_member(one, "name"));
        for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
            if (!cli_span_is(name, shown[i]))
                continue;
            bool same = same_span(cli_scan_member(one, "a"), cli_scan_member(one, "b"));
            cli_text_printf(out, "%s %-13s ", same ? " " : "*", i == 3 ? "RTF" : shown[i]);
            add_span(out, cli_scan_member(one, "a"));
            cli_text_add(out, " -> ");
            add_span(out, cli_scan_member(one, "b"));
            cli_text_add(out, "\n");
        }
    }
}

static void finding_lines(cli_text *out, cli_span findings)
{
    cli_span one = {NULL, 0};
    while (cli_scan_item(findings, &one)) {
        cli_span kind = cli_span_bare(cli_scan_member(one, "kind"));
        bool same = same_span(cli_scan_member(one, "a"), cli_scan_member(one, "b"));
        cli_text_printf(out, "%s %-13s %.*s: ", same ? " " : "*", "finding", (int)kind.bytes,
                        kind.at);
        add_span(out, cli_scan_member(one, "a"));
        cli_text_add(out, " -> ");
        add_span(out, cli_scan_member(one, "b"));
        cli_text_add(out, "\n");
    }
}

static void artifact_lines(cli_text *out, cli_span artifacts)
{
    cli_span one = {NULL, 0};
    while (cli_scan_item(artifacts, &one)) {
        bool same = cli_span_is(cli_scan_member(one, "same"), "true");
        const char *how =
            same                                                    ? "same"
            : cli_span_is(cli_scan_member(one, "b_sha256"), "null") ? "only in the first"
            : cli_span_is(cli_scan_member(one, "a_sha256"), "null") ? "only in the second"
                                                                    : "different";
        cli_span name = cli_span_bare(cli_scan_member(one, "name"));
        cli_text_printf(out, "%s %-13s %-28.*s %s\n", same ? " " : "*", "artifact", (int)name.bytes,
                        name.at, how);
    }
}

/* The first differences, "word 12: one two | one too". */
static void difference_lines(cli_text *out, cli_span t)
{
    cli_span d = {NULL, 0};
    int shown = 0;
    while (shown < DIFFERENCES && cli_scan_item(cli_scan_member(t, "differences"), &d)) {
        cli_text_printf(out, "* %-13s ", shown++ == 0 ? "words" : "");
        add_span(out, cli_scan_member(d, "word_a"));
        cli_text_add(out, ": ");
        add_span(out, cli_scan_member(d, "a"));
        cli_text_add(out, " | ");
        add_span(out, cli_scan_member(d, "b"));
        cli_text_add(out, "\n");
    }
    if (shown == DIFFERENCES) {
        cli_text_printf(out, "  %-13s of ", "");
        add_span(out, cli_scan_member(t, "difference_count"));
        cli_text_add(out, " differences; --json shows up to 200\n");
    }
}

static void transcript_lines(cli_text *out, cli_span t)
{
    static const char *const counts[] = {"words_a",   "words_b",    "substitutions",
                                         "deletions", "insertions", "wer"};
    if (t.at == NULL || cli_span_is(t, "null")) {
        cli_text_printf(out, "  %-13s not compared: one of them has none\n", "text");
        return;
    }
    bool same = cli_span_is(cli_scan_member(t, "same"), "true");
    cli_text_printf(out, "%s %-13s %s", same ? " " : "*", "text",
                    same ? "same words" : "different");
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        cli_text_printf(out, "%s %s ", i == 0 ? ":" : ",", counts[i]);
        add_span(out, cli_scan_member(t, counts[i]));
    }
    cli_text_add(out, "\n");
    difference_lines(out, t);
}

static int print_table(const modellab_run_info info[2], cli_span json)
{
    table of_a, of_b;
    cli_text out = CLI_TEXT_INIT;
    fill(&info[0], of_a);
    fill(&info[1], of_b);
    fact_lines(&out, info[0].id, info[1].id, (const char(*)[WIDTH])of_a,
               (const char(*)[WIDTH])of_b);
    request_lines(&out, cli_scan_member(json, "request"));
    metric_lines(&out, cli_scan_member(json, "metrics"));
    finding_lines(&out, cli_scan_member(json, "findings"));
    artifact_lines(&out, cli_scan_member(json, "artifacts"));
    transcript_lines(&out, cli_scan_member(json, "transcript"));
    bool ok = cli_print(cli_text_get(&out), out.size);
    cli_text_free(&out);
    return ok ? CLI_EXIT_OK : CLI_EXIT_FAILURE;
}

int cli_run_compare(cli_call *call)
{
    modellab_lab *lab = NULL;
    modellab_buffer *json = NULL;
    modellab_run *runs[2] = {NULL, NULL};
    modellab_run_info info[2] = {{.size = sizeof info[0]}, {.size = sizeof info[1]}};
    modellab_error err = MODELLAB_ERROR_INIT;
    char a[MODELLAB_RUN_ID_BYTES], b[MODELLAB_RUN_ID_BYTES];
    int code = cli_run_open(call, true, MODELLAB_LAB_NO_RECONCILE, &lab, a);
    if (code == CLI_EXIT_OK)
        code = cli_run_id(call, lab, call->arguments[1], b);
    if (code == CLI_EXIT_OK)
        code = cli_run_load(call, lab, a, &runs[0], &info[0]);
    if (code == CLI_EXIT_OK)
        code = cli_run_load(call, lab, b, &runs[1], &info[1]);
    if (code == CLI_EXIT_OK) {
        modellab_cancel *cancel = cli_cancel_begin();
        modellab_status status = modellab_run_compare(lab, a, b, cancel, &json, &err);
        cli_cancel_end(cancel);
        if (status != MODELLAB_OK)
            code = cli_fail(call, "compare", NULL, status, &err);
    }
    if (code == CLI_EXIT_OK && cli_has(call, CLI_OPT_JSON))
        code =
            cli_print(modellab_buffer_data(json), modellab_buffer_size(json)) && cli_print("\n", 1)
                ? CLI_EXIT_OK
                : CLI_EXIT_FAILURE;
    else if (code == CLI_EXIT_OK)
        code =
            print_table(info, (cli_span){modellab_buffer_data(json), modellab_buffer_size(json)});
    modellab_run_unref(runs[0]);
    modellab_run_unref(runs[1]);
    modellab_buffer_destroy(json);
    modellab_lab_unref(lab);
    return code;
}
