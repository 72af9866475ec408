/* `modellab run verify | compare`. */
#include "cli/commands.h"
#include <stdio.h>
#include <string.h>

static int print_text(cli_call *call, const char *id, const modellab_report *report)
{
    cli_text out = CLI_TEXT_INIT;
    modellab_severity worst = modellab_report_worst(report);
    (void)call;
    cli_text_printf(&out, "%s %s\n", id, worst == MODELLAB_SEVERITY_ERROR ? "damaged" : "intact");
    for (size_t i = 0; i < modellab_report_count(report); i++) {
        modellab_finding f = MODELLAB_FINDING_INIT;
        if (modellab_report_at(report, i, &f, NULL) == MODELLAB_OK)
            cli_text_printf(&out, "  %-8s %-20s %-14s %s\n", modellab_severity_name(f.severity),
                            f.id, f.pointer, f.text);
    }
    bool ok = cli_print(cli_text_get(&out), out.size);
    cli_text_free(&out);
    return ok ? CLI_EXIT_OK : CLI_EXIT_FAILURE;
}

static int add_json(cli_call *call, cli_json *j, const char *id, const modellab_report *report)
{
    modellab_buffer *json = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = modellab_report_to_json(report, &json, &err);
    if (status != MODELLAB_OK)
        return cli_fail(call, NULL, id, status, &err);
    cli_json_open(j, '{');
    cli_json_kstring(j, "run_id", id);
    cli_json_key(j, "intact");
    cli_json_bool(j, modellab_report_worst(report) != MODELLAB_SEVERITY_ERROR);
    cli_json_key(j, "report");
    cli_json_raw(j, modellab_buffer_data(json));
    cli_json_close(j, '}');
    modellab_buffer_destroy(json);
    return CLI_EXIT_OK;
}

static int verify_one(cli_call *call, modellab_lab *lab, const char *typed, cli_json *j)
{
    char id[MODELLAB_RUN_ID_BYTES];
    modellab_report *report = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    int code = cli_run_id(call, lab, typed, id);
    if (code != CLI_EXIT_OK)
        return code;
    modellab_status status = modellab_run_verify(lab, id, NULL, &report, &err);
    if (status != MODELLAB_OK)
        return cli_fail(call, NULL, id, status, &err);
    code = j != NULL ? add_json(call, j, id, report) : print_text(call, id, report);
    if (code == CLI_EXIT_OK && modellab_report_worst(report) == MODELLAB_SEVERITY_ERROR)
        code = CLI_EXIT_UNHEALTHY;
    modellab_report_unref(report);
    return code;
}

int cli_run_verify(cli_call *call)
{
    modellab_lab *lab = NULL;
    cli_json json = {.depth = 0};
    bool as_json = cli_has(call, CLI_OPT_JSON);
    int first = CLI_EXIT_OK, code = cli_open_lab_to_read(call, MODELLAB_LAB_NO_RECONCILE, &lab);
    if (code != CLI_EXIT_OK)
        return code;
    if (as_json) {
        cli_json_open(&json, '{');
        cli_json_key(&json, "results");
        cli_json_open(&json, '[');
        call->answer = &json;
    }
    for (int i = 0; i < call->argument_count; i++) {
        code = verify_one(call, lab, call->arguments[i], as_json ? &json : NULL);
        if (first == CLI_EXIT_OK)
            first = code;
    }
    call->answer = NULL;
    if (as_json) {
        cli_json_close(&json, ']');
        cli_json_close(&json, '}');
        if (!cli_json_print(&json) && first == CLI_EXIT_OK)
            first = CLI_EXIT_FAILURE;
    }
    modellab_lab_unref(lab);
    return first;
}

/* One column of a table: the info of a run as text. */
static void column(const modellab_run_info *i, char out[10][40])
{
    snprintf(out[0], 40, "%s", modellab_run_status_name(i->status));
    snprintf(out[1], 40, "%s", i->reason == 0 ? "-" : modellab_reason_name(i->reason));
    snprintf(out[2], 40, "%s", i->pipeline);
    snprintf(out[3], 40, "%s", i->model[0] != '\0' ? i->model : "-");
    snprintf(out[4], 40, "%.16s", i->model_sha256[0] != '\0' ? i->model_sha256 : "-");
    snprintf(out[5], 40, "%s", i->engine[0] != '\0' ? i->engine : "-");
    snprintf(out[6], 40, i->duration_ms < 0 ? "-" : "%.3f s", (double)i->duration_ms / 1000);
    snprintf(out[7], 40, i->cpu_seconds < 0 ? "-" : "%.3f s", i->cpu_seconds);
    snprintf(out[8], 40, i->peak_memory_bytes < 0 ? "-" : "%.1f MiB",
             (double)i->peak_memory_bytes / 1048576);
    snprintf(out[9], 40, i->cost_micros < 0 ? "-" : "%.6f", (double)i->cost_micros / 1e6);
}

static modellab_status load_info(modellab_lab *lab, const char *id, modellab_run **run,
                                 modellab_run_info *info, modellab_error *err)
{
    modellab_status status = modellab_run_load(lab, id, run, err);
    return status == MODELLAB_OK ? modellab_run_get_info(*run, info, err) : status;
}

static void artifact_lines(cli_text *out, const modellab_run *a, const modellab_run *b)
{
    for (size_t i = 0; i < modellab_run_artifact_count(a); i++) {
        modellab_artifact_info x = {.size = sizeof x}, y = {.size = sizeof y};
        const char *how = "only in A";
        if (modellab_run_artifact_at(a, i, &x, NULL) != MODELLAB_OK)
            continue;
        for (size_t k = 0; k < modellab_run_artifact_count(b); k++)
            if (modellab_run_artifact_at(b, k, &y, NULL) == MODELLAB_OK &&
                strcmp(x.name, y.name) == 0)
                how = strcmp(x.sha256, y.sha256) == 0 ? "same" : "different";
        cli_text_printf(out, "%-14s %-28s %s\n", "artifact", x.name, how);
    }
}

static int print_table(cli_call *call, modellab_lab *lab, const char *a, const char *b,
                       const char *transcript)
{
    static const char *const names[] = {"status",       "reason", "pipeline", "model",
                                        "model sha256", "engine", "duration", "CPU",
                                        "peak memory",  "cost"};
    char columns[2][10][40];
    modellab_run *runs[2] = {NULL, NULL};
    modellab_run_info info[2] = {{.size = sizeof info[0]}, {.size = sizeof info[1]}};
    modellab_error err = MODELLAB_ERROR_INIT;
    cli_text out = CLI_TEXT_INIT;
    modellab_status status = load_info(lab, a, &runs[0], &info[0], &err);
    if (status == MODELLAB_OK)
        status = load_info(lab, b, &runs[1], &info[1], &err);
    int code = status == MODELLAB_OK ? CLI_EXIT_OK : cli_fail(call, NULL, NULL, status, &err);
    if (code == CLI_EXIT_OK) {
        column(&info[0], columns[0]);
        column(&info[1], columns[1]);
        cli_text_printf(&out, "%-14s %-28s %-28s\n", "", a, b);
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            cli_text_printf(&out, "%-14s %-28s %-28s %s\n", names[i], columns[0][i], columns[1][i],
                            strcmp(columns[0][i], columns[1][i]) == 0 ? "" : "*");
        cli_text_printf(&out, "%-14s %s\n", "input",
                        strcmp(info[0].input_sha256, info[1].input_sha256) == 0 ? "same"
                                                                                : "different");
        cli_text_printf(&out, "%-14s %s\n", "request",
                        strcmp(info[0].request_json, info[1].request_json) == 0
                            ? "same"
                            : "different (--json shows where)");
        artifact_lines(&out, runs[0], runs[1]);
        cli_text_printf(&out, "%-14s %s\n", "transcript", transcript);
        if (!cli_print(cli_text_get(&out), out.size))
            code = CLI_EXIT_FAILURE;
    }
    cli_text_free(&out);
    modellab_run_unref(runs[0]);
    modellab_run_unref(runs[1]);
    return code;
}

/* The last member of the comparison, as it stands there. */
static const char *transcript_part(const char *json, char *room, size_t bytes)
{
    static const char key[] = "\"transcript\":";
    const char *at = NULL, *next = strstr(json, key);
    while (next != NULL) {
        at = next;
        next = strstr(next + 1, key);
    }
    if (at == NULL || strncmp(at + strlen(key), "null", 4) == 0)
        return "not compared: one of them has none";
    snprintf(room, bytes, "%s", at + strlen(key));
    size_t n = strlen(room);
    if (n > 0 && room[n - 1] == '}')
        room[n - 1] = '\0';
    return room;
}

int cli_run_compare(cli_call *call)
{
    modellab_lab *lab = NULL;
    modellab_buffer *json = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    char a[MODELLAB_RUN_ID_BYTES], b[MODELLAB_RUN_ID_BYTES], text[2048];
    int code = cli_open_lab_to_read(call, MODELLAB_LAB_NO_RECONCILE, &lab);
    if (code == CLI_EXIT_OK)
        code = cli_run_id(call, lab, call->arguments[0], a);
    if (code == CLI_EXIT_OK)
        code = cli_run_id(call, lab, call->arguments[1], b);
    if (code == CLI_EXIT_OK) {
        modellab_status status = modellab_run_compare(lab, a, b, NULL, &json, &err);
        if (status != MODELLAB_OK)
            code = cli_fail(call, "compare", NULL, status, &err);
    }
    if (code == CLI_EXIT_OK && cli_has(call, CLI_OPT_JSON))
        code =
            cli_print(modellab_buffer_data(json), modellab_buffer_size(json)) && cli_print("\n", 1)
                ? CLI_EXIT_OK
                : CLI_EXIT_FAILURE;
    else if (code == CLI_EXIT_OK)
        code = print_table(call, lab, a, b,
                           transcript_part(modellab_buffer_data(json), text, sizeof text));
    modellab_buffer_destroy(json);
    modellab_lab_unref(lab);
    return code;
}
