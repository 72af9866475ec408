/* `modellab experiment ...`: making experiments, their runs, and how they stand. */
#include "cli/commands.h"
#include "cli/execute.h"
#include "cli/progress.h"
#include "cli/request.h"
#include "cli/scan.h"
#include "cli/signals.h"
#include <stdio.h>
#include <string.h>

#define MOST_BYTES ((size_t)1024 * 1024)

/* The folder of a file, "." when it is beside us; stdin: where we are. */
static void folder_of(const char *path, cli_text *out)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        cli_text_add(out, ".");
    else
        cli_text_add_n(out, path, slash == path ? 1 : (size_t)(slash - path));
}

static cli_span span_of(const modellab_buffer *json)
{
    return (cli_span){modellab_buffer_data(json), modellab_buffer_size(json)};
}

static int print_json(const modellab_buffer *json)
{
    return cli_print(modellab_buffer_data(json), modellab_buffer_size(json)) && cli_print("\n", 1)
               ? CLI_EXIT_OK
               : CLI_EXIT_FAILURE;
}

static int print_text(cli_text *out)
{
    const bool ok = cli_print(cli_text_get(out), out->size);
    cli_text_free(out);
    return ok ? CLI_EXIT_OK : CLI_EXIT_FAILURE;
}

static int fail(const cli_call *call, modellab_status status, const modellab_error *err)
{
    const char *subject = call->argument_count > 0 ? call->arguments[0] : NULL;
    return status == MODELLAB_E_CANCELLED && cli_signal() != 0
               ? cli_signal_exit()
               : cli_fail(call, subject, NULL, status, err);
}

int cli_experiment_create(cli_call *call)
{
    modellab_lab *lab = NULL;
    modellab_report *report = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_experiment_options o = MODELLAB_EXPERIMENT_OPTIONS_INIT;
    char id[MODELLAB_EXPERIMENT_ID_BYTES];
    cli_text document = CLI_TEXT_INIT, folder = CLI_TEXT_INIT;
    int code = cli_read_file(call, call->arguments[0], MOST_BYTES, &document);
    if (code == CLI_EXIT_OK)
        code = cli_open_lab(call, MODELLAB_LAB_NO_RECONCILE, &lab);
    if (code == CLI_EXIT_OK) {
        folder_of(call->arguments[0], &folder);
        o.document = cli_text_get(&document);
        o.document_bytes = document.size;
        o.folder = cli_text_get(&folder);
        o.cancel = cli_cancel_begin();
        o.flags = MODELLAB_EXPERIMENT_ANY_PATH;
        modellab_status status = modellab_experiment_create(lab, &o, id, &report, &err);
        cli_tell_findings(report, status == MODELLAB_E_SCHEMA);
        if (status != MODELLAB_OK) {
            code = fail(call, status, &err);
        } else if (cli_has(call, CLI_OPT_JSON)) {
            cli_json j = {.depth = 0};
            cli_json_open(&j, '{');
            cli_json_kstring(&j, "id", id);
            cli_json_close(&j, '}');
            code = cli_json_print(&j) ? CLI_EXIT_OK : CLI_EXIT_FAILURE;
        } else {
            code = printf("%s\n", id) > 0 && fflush(stdout) == 0 ? CLI_EXIT_OK : CLI_EXIT_FAILURE;
        }
        cli_cancel_end(o.cancel);
    }
    modellab_report_unref(report);
    modellab_lab_unref(lab);
    cli_text_free(&document);
    cli_text_free(&folder);
    return code;
}

/* The text of a member, at least so wide. */
static void add_member(cli_text *out, cli_span object, const char *key, int width,
                       const char *behind)
{
    const cli_span value = cli_span_bare(cli_scan_member(object, key));
    cli_text_printf(out, "%-*.*s%s", width, (int)value.bytes, value.at != NULL ? value.at : "",
                    behind);
}

/* "RUNNING  8 runs: 3 QUEUED, 1 RUNNING, 4 COMPLETED" and a line for each run. */
static int print_status(const modellab_buffer *json)
{
    static const char *const names[] = {"QUEUED",    "RUNNING",    "COMPLETED", "FAILED",
                                        "CANCELLED", "TIMEOUT",    "STALE",     "gone",
                                        "refused",   "not_started"};
    const cli_span root = span_of(json), counts = cli_scan_member(root, "counts");
    cli_span run = {NULL, 0};
    cli_text out = CLI_TEXT_INIT;
    add_member(&out, root, "status", 0, "  ");
    add_member(&out, root, "cells", 0, " runs");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const cli_span value = cli_scan_member(counts, names[i]);
        if (value.at != NULL && !cli_span_is(value, "0"))
            cli_text_printf(&out, ", %.*s %s", (int)value.bytes, value.at, names[i]);
    }
    cli_text_add(&out, "\n");
    while (cli_scan_item(cli_scan_member(root, "runs"), &run)) {
        add_member(&out, run, "run_id", 26, " ");
        add_member(&out, run, "status", 10, " ");
        add_member(&out, run, "candidate", 16, " ");
        add_member(&out, run, "input", 0, "");
        const cli_span message = cli_scan_member(run, "message");
        if (message.at != NULL && !cli_span_is(message, "null")) {
            cli_text_add(&out, "  ");
            add_member(&out, run, "message", 0, "");
        }
        cli_text_add(&out, "\n");
    }
    return print_text(&out);
}

static int tell_status(cli_call *call, modellab_lab *lab)
{
    modellab_buffer *json = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = modellab_experiment_status(lab, call->arguments[0], &json, &err);
    if (status != MODELLAB_OK)
        return fail(call, status, &err);
    const int code = cli_has(call, CLI_OPT_JSON) ? print_json(json) : print_status(json);
    modellab_buffer_destroy(json);
    return code;
}

int cli_experiment_start(cli_call *call)
{
    modellab_lab *lab = NULL;
    modellab_report *report = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    int code = cli_open_lab(call, 0, &lab);
    if (code != CLI_EXIT_OK)
        return code;
    modellab_cancel *cancel = cli_cancel_begin();
    modellab_status status =
        modellab_experiment_start(lab, call->arguments[0], cancel, &report, &err);
    cli_tell_findings(report, false);
    code = status == MODELLAB_OK ? tell_status(call, lab) : fail(call, status, &err);
    if (code == CLI_EXIT_OK && modellab_report_count(report) > 0)
        code = CLI_EXIT_LIMIT; /* some runs were refused */
    cli_cancel_end(cancel);
    modellab_report_unref(report);
    modellab_lab_unref(lab);
    return code;
}

int cli_experiment_status(cli_call *call)
{
    modellab_lab *lab = NULL;
    int code = cli_open_lab_to_read(call, 0, &lab);
    if (code == CLI_EXIT_OK)
        code = tell_status(call, lab);
    modellab_lab_unref(lab);
    return code;
}

/* Waits for those that have not ended, all in one time; each is executed here when nobody else
 * does. */
static int wait_for_all(cli_call *call, modellab_lab *lab, const modellab_buffer *json,
                        const cli_wait *base)
{
    const double end = cli_seconds() + (double)base->timeout_ms / 1000;
    cli_span item = {NULL, 0};
    int code = CLI_EXIT_OK;
    while (code == CLI_EXIT_OK && cli_scan_item(cli_scan_member(span_of(json), "runs"), &item)) {
        const cli_span id = cli_span_bare(cli_scan_member(item, "run_id"));
        const cli_span status = cli_scan_member(item, "status");
        char run_id[MODELLAB_RUN_ID_BYTES];
        modellab_run *run = NULL;
        cli_wait how = *base;
        if ((!cli_span_is(status, "\"QUEUED\"") && !cli_span_is(status, "\"RUNNING\"")) ||
            id.bytes >= sizeof run_id)
            continue;
        memcpy(run_id, id.at, id.bytes);
        run_id[id.bytes] = '\0';
        how.title = run_id;
        if (base->timeout_ms >= 0) {
            const double left = (end - cli_seconds()) * 1000;
            how.timeout_ms = left > 0 ? (int64_t)left : 0;
        }
        code = cli_wait_for_run(call, lab, run_id, &how, &run);
        modellab_run_unref(run);
    }
    return code;
}

static bool has_some(const modellab_buffer *json, const char *const *names, size_t count)
{
    const cli_span counts = cli_scan_member(span_of(json), "counts");
    for (size_t i = 0; i < count; i++) {
        const cli_span value = cli_scan_member(counts, names[i]);
        if (value.at != NULL && !cli_span_is(value, "0"))
            return true;
    }
    return false;
}

/* How it ended: some runs did not complete, some were refused. */
static int tell_outcome(cli_call *call, modellab_lab *lab)
{
    static const char *const bad[] = {"FAILED", "CANCELLED", "TIMEOUT", "STALE"};
    static const char *const refused[] = {"refused"};
    modellab_buffer *json = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = modellab_experiment_status(lab, call->arguments[0], &json, &err);
    if (status != MODELLAB_OK)
        return fail(call, status, &err);
    int code = cli_has(call, CLI_OPT_JSON) ? print_json(json) : print_status(json);
    if (code == CLI_EXIT_OK && has_some(json, bad, sizeof bad / sizeof *bad))
        code = CLI_EXIT_FAILURE;
    else if (code == CLI_EXIT_OK && has_some(json, refused, 1))
        code = CLI_EXIT_LIMIT;
    modellab_buffer_destroy(json);
    return code;
}

int cli_experiment_wait(cli_call *call)
{
    modellab_lab *lab = NULL;
    modellab_buffer *json = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    int64_t timeout, threads = 0;
    int code = cli_duration_option(call, CLI_OPT_TIMEOUT, -1, &timeout);
    if (code == CLI_EXIT_OK && cli_has(call, CLI_OPT_THREADS) &&
        !cli_parse_int(cli_value(call, CLI_OPT_THREADS), 1, 1024, &threads))
        code = cli_fail_text(call, CLI_EXIT_USAGE, "--threads must be a number from 1 to 1024");
    if (code == CLI_EXIT_OK)
        code = cli_open_lab(call, 0, &lab);
    if (code == CLI_EXIT_OK) {
        modellab_status status = modellab_experiment_status(lab, call->arguments[0], &json, &err);
        code = status == MODELLAB_OK ? CLI_EXIT_OK : fail(call, status, &err);
    }
    if (code == CLI_EXIT_OK) {
        const cli_wait how = {.threads = (int32_t)threads,
                              .supervise = true,
                              .gives_back = true,
                              .timeout_ms = timeout};
        code = wait_for_all(call, lab, json, &how);
    }
    if (code == CLI_EXIT_OK)
        code = tell_outcome(call, lab);
    modellab_buffer_destroy(json);
    modellab_lab_unref(lab);
    return code;
}

int cli_experiment_cancel(cli_call *call)
{
    modellab_lab *lab = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    int64_t asked = 0;
    int code = cli_open_lab(call, 0, &lab);
    if (code != CLI_EXIT_OK)
        return code;
    modellab_status status = modellab_experiment_cancel(lab, call->arguments[0], &asked, &err);
    if (status != MODELLAB_OK)
        code = fail(call, status, &err);
    else
        code = tell_status(call, lab);
    modellab_lab_unref(lab);
    return code;
}

int cli_experiment_list(cli_call *call)
{
    modellab_lab *lab = NULL;
    modellab_buffer *json = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    cli_span item = {NULL, 0};
    cli_text out = CLI_TEXT_INIT;
    int code = cli_open_lab_to_read(call, MODELLAB_LAB_NO_RECONCILE, &lab);
    if (code != CLI_EXIT_OK)
        return code;
    modellab_status status = modellab_experiment_list(lab, &json, &err);
    modellab_lab_unref(lab);
    if (status != MODELLAB_OK)
        return fail(call, status, &err);
    if (cli_has(call, CLI_OPT_JSON)) {
        code = print_json(json);
    } else {
        cli_text_printf(&out, "%-12s %-8s %6s %6s  %s\n", "id", "status", "runs", "ended", "name");
        while (cli_scan_item(span_of(json), &item)) {
            const cli_span id = cli_span_bare(cli_scan_member(item, "id"));
            cli_text_printf(&out, "%-12.*s ", id.bytes < 12 ? (int)id.bytes : 12, id.at);
            add_member(&out, item, "status", 8, " ");
            const cli_span cells = cli_scan_member(item, "cells");
            const cli_span ended = cli_scan_member(item, "ended");
            cli_text_printf(&out, "%6.*s %6.*s  ", (int)cells.bytes, cells.at, (int)ended.bytes,
                            ended.at);
            add_member(&out, item, "name", 0, "\n");
        }
        code = print_text(&out);
    }
    modellab_buffer_destroy(json);
    return code;
}

int cli_experiment_show(cli_call *call)
{
    modellab_lab *lab = NULL;
    modellab_buffer *json = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    int code = cli_open_lab_to_read(call, MODELLAB_LAB_NO_RECONCILE, &lab);
    if (code != CLI_EXIT_OK)
        return code;
    modellab_status status = modellab_experiment_load(lab, call->arguments[0], &json, &err);
    code = status == MODELLAB_OK ? print_json(json) : fail(call, status, &err);
    modellab_buffer_destroy(json);
    modellab_lab_unref(lab);
    return code;
}

int cli_experiment_delete(cli_call *call)
{
    modellab_lab *lab = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    int code = cli_open_lab(call, 0, &lab);
    if (code != CLI_EXIT_OK)
        return code;
    modellab_status status = modellab_experiment_delete(lab, call->arguments[0], &err);
    code = status == MODELLAB_OK ? CLI_EXIT_OK : fail(call, status, &err);
    modellab_lab_unref(lab);
    return code;
}
