/* `modellab run submit | list | status | cancel`. */
#include "cli/commands.h"
#include "cli/each_run.h"
#include "cli/execute.h"
#include "cli/request.h"
#include "cli/scan.h"
#include "cli/watch.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

/* What it waits for, if for anything. */
static void tell_queued(const cli_call *call, modellab_lab *lab, const char *run_id)
{
    modellab_run_explanation e = {.size = sizeof e};
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = modellab_run_explain(lab, run_id, &e, NULL, &err);
    if (status != MODELLAB_OK)
        cli_note(call, "queued (%s)", err.message);
    else if (e.why == MODELLAB_WAIT_NO_SUPERVISOR)
        cli_note(call,
                 "queued; it waits for a supervisor (modellab supervise, or modellab run wait "
                 "%s)",
                 run_id);
    else if (e.why == MODELLAB_WAIT_HELD)
        cli_note(call, "queued and held (modellab run release %s)", run_id);
    else
        cli_note(call, "queued; a supervisor is there (modellab run wait %s)", run_id);
}

int cli_run_submit(cli_call *call)
{
    modellab_lab *lab = NULL;
    cli_text request = CLI_TEXT_INIT;
    cli_input input = {.spool = -1};
    char run_id[MODELLAB_RUN_ID_BYTES];
    bool has_input = call->argument_count > 0;
    const char *file = cli_value(call, CLI_OPT_REQUEST);
    if (file != NULL && has_input && strcmp(file, "-") == 0 && strcmp(call->arguments[0], "-") == 0)
        return cli_fail_text(call, CLI_EXIT_USAGE,
                             "stdin cannot be both the request and the audio");
    int code = cli_request_given(call, &request);
    if (code == CLI_EXIT_OK)
        code = cli_open_lab(call, 0, &lab);
    if (code == CLI_EXIT_OK && has_input)
        code = cli_input_open(call, call->arguments[0], &input);
    if (code == CLI_EXIT_OK && cli_has(call, CLI_OPT_DRY_RUN)) {
        code = cli_estimate_input(call, lab, has_input ? &input : NULL, cli_text_get(&request));
        cli_input_close(&input);
        cli_text_free(&request);
        modellab_lab_unref(lab);
        return code;
    }
    if (code == CLI_EXIT_OK) {
        code = cli_submit(call, lab, has_input ? &input : NULL, cli_text_get(&request), run_id);
        cli_input_close(&input);
    }
    if (code == CLI_EXIT_OK && cli_has(call, CLI_OPT_JSON)) {
        cli_json j = {.depth = 0};
        cli_json_open(&j, '{');
        cli_json_kstring(&j, "run_id", run_id);
        cli_json_kstring(&j, "status", "QUEUED");
        cli_json_close(&j, '}');
        code = cli_json_print(&j) ? CLI_EXIT_OK : CLI_EXIT_FAILURE;
    } else if (code == CLI_EXIT_OK) {
        code = printf("%s\n", run_id) > 0 && fflush(stdout) == 0 ? CLI_EXIT_OK : CLI_EXIT_FAILURE;
    }
    if (code == CLI_EXIT_OK)
        tell_queued(call, lab, run_id);
    cli_text_free(&request);
    modellab_lab_unref(lab);
    return code;
}

static void utc(char out[32], int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    if (ms < 0 || gmtime_r(&seconds, &parts) == NULL ||
        strftime(out, 32, "%Y-%m-%d %H:%M:%S", &parts) == 0)
        memcpy(out, "-", 2);
}

static modellab_run_status status_number(const char *name)
{
    for (modellab_run_status s = MODELLAB_RUN_QUEUED; s <= MODELLAB_RUN_STALE; s++)
        if (strcmp(modellab_run_status_name(s), name) == 0)
            return s;
    return 0;
}

static int print_list(cli_call *call, const modellab_run_list *list)
{
    int code = CLI_EXIT_OK;
    if (cli_has(call, CLI_OPT_JSON)) {
        cli_json j = {.depth = 0};
        cli_json_open(&j, '{');
        cli_json_key(&j, "runs");
        cli_json_open(&j, '[');
        for (size_t i = 0; i < modellab_run_list_count(list) && code == CLI_EXIT_OK; i++)
            code = cli_run_record(call, &j, modellab_run_list_at(list, i));
        cli_json_close(&j, ']');
        cli_json_close(&j, '}');
        return code == CLI_EXIT_OK && !cli_json_print(&j) ? CLI_EXIT_FAILURE : code;
    }
    cli_text out = CLI_TEXT_INIT;
    cli_text_printf(&out, "%-26s  %-9s  %-19s  %8s  %8s  %s\n", "ID", "STATUS", "CREATED (UTC)",
                    "AUDIO", "TOOK", "INPUT");
    for (size_t i = 0; i < modellab_run_list_count(list); i++) {
        modellab_run_info info = {.size = sizeof info};
        char created[32], audio[16] = "-", took[16] = "-";
        if (modellab_run_get_info(modellab_run_list_at(list, i), &info, NULL) != MODELLAB_OK)
            continue;
        utc(created, info.created_ms);
        if (info.audio_seconds >= 0)
            snprintf(audio, sizeof audio, "%.1f s", info.audio_seconds);
        if (info.duration_ms >= 0)
            snprintf(took, sizeof took, "%.1f s", (double)info.duration_ms / 1000);
        cli_text_printf(&out, "%-26s  %-9s  %-19s  %8s  %8s  ", info.id,
                        modellab_run_status_name(info.status), created, audio, took);
        cli_text_add_shown(&out, info.input_name);
        cli_text_add(&out, "\n");
    }
    bool ok = cli_print(cli_text_get(&out), out.size);
    cli_text_free(&out);
    return ok ? CLI_EXIT_OK : CLI_EXIT_FAILURE;
}

int cli_run_list(cli_call *call)
{
    modellab_lab *lab = NULL;
    modellab_run_list *list = NULL;
    modellab_run_filter filter = MODELLAB_RUN_FILTER_INIT;
    modellab_error err = MODELLAB_ERROR_INIT;
    int64_t limit = 20;
    if (cli_has(call, CLI_OPT_LIMIT) &&
        !cli_parse_int(cli_value(call, CLI_OPT_LIMIT), 1, 1000, &limit))
        return cli_fail_text(call, CLI_EXIT_USAGE, "--limit must be a number from 1 to 1000");
    filter.limit = (int32_t)limit;
    filter.before_id = cli_value(call, CLI_OPT_BEFORE);
    filter.user = cli_value(call, CLI_OPT_USER);
    filter.pipeline = cli_value(call, CLI_OPT_PIPELINE);
    if (cli_has(call, CLI_OPT_STATUS))
        filter.status = status_number(cli_value(call, CLI_OPT_STATUS));
    int code = cli_open_lab_to_read(call, 0, &lab);
    if (code == CLI_EXIT_OK && cli_has(call, CLI_OPT_WATCH)) {
        code = cli_watch_runs(call, lab, &filter);
        modellab_lab_unref(lab);
        return code;
    }
    if (code != CLI_EXIT_OK)
        return code;
    modellab_status status = modellab_run_list_load(lab, &filter, &list, &err);
    code =
        status == MODELLAB_OK ? print_list(call, list) : cli_fail(call, NULL, NULL, status, &err);
    modellab_run_list_unref(list);
    modellab_lab_unref(lab);
    return code;
}

static void fact(cli_text *out, const char *name, const char *value)
{
    if (value[0] == '\0')
        return;
    cli_text_printf(out, "%-14s ", name);
    cli_text_add_shown(out, value);
    cli_text_add(out, "\n");
}

static void facts(cli_text *out, const modellab_run_info *i)
{
    char text[128];
    fact(out, "run", i->id);
    fact(out, "status", modellab_run_status_name(i->status));
    if (i->reason != MODELLAB_REASON_NONE)
        fact(out, "reason", modellab_reason_name(i->reason));
    fact(out, "message", i->message);
    fact(out, "failed step", i->failed_step);
    fact(out, "repeats run", i->parent_run_id);
    fact(out, "experiment", i->experiment_id);
    fact(out, "candidate", i->candidate);
    fact(out, "input", i->input_name);
    fact(out, "pipeline", i->pipeline);
    fact(out, "model", i->model);
    fact(out, "model sha256", i->model_sha256);
    fact(out, "engine", i->engine);
    fact(out, "sandbox", i->sandbox);
    utc(text, i->created_ms);
    cli_text_printf(out, "%-14s %s UTC\n", "created", text);
    if (i->started_ms >= 0)
        cli_text_printf(out, "%-14s %.3f s\n", "waited", (double)i->queue_wait_ms / 1000);
    if (i->duration_ms >= 0)
        cli_text_printf(out, "%-14s %.3f s\n", "duration", (double)i->duration_ms / 1000);
    if (i->audio_seconds >= 0)
        cli_text_printf(out, "%-14s %.2f s (%.2f s done)\n", "audio", i->audio_seconds,
                        i->progress_seconds > 0 ? i->progress_seconds : 0);
    if (i->cpu_seconds >= 0)
        cli_text_printf(out, "%-14s %.3f s\n", "CPU", i->cpu_seconds);
    if (i->peak_memory_bytes >= 0)
        cli_text_printf(out, "%-14s %.1f MiB\n", "peak memory",
                        (double)i->peak_memory_bytes / 1048576);
    if (i->cost_micros >= 0)
        cli_text_printf(out, "%-14s %.6f %s (prices %s)\n", "cost", (double)i->cost_micros / 1e6,
                        i->currency, i->price_sheet);
    if (i->estimated_cpu_seconds >= 0)
        cli_text_printf(out, "%-14s %.3f s CPU\n", "estimate", i->estimated_cpu_seconds);
    cli_text_printf(out, "%-14s %d\n", "attempt", (int)i->attempt);
}

static void steps(cli_text *out, const modellab_run *run)
{
    for (size_t i = 0; i < modellab_run_step_count(run); i++) {
        modellab_step_info s = {.size = sizeof s};
        if (modellab_run_step_at(run, i, &s, NULL) != MODELLAB_OK)
            continue;
        double took = s.started_ms >= 0 && s.ended_ms >= s.started_ms
                          ? (double)(s.ended_ms - s.started_ms) / 1000
                          : -1;
        cli_text_printf(out, "step %-9s %s", s.name, modellab_run_status_name(s.status));
        if (took >= 0)
            cli_text_printf(out, ", %.3f s", took);
        if (s.reused_from[0] != '\0')
            cli_text_printf(out, ", taken over from run %s", s.reused_from);
        cli_text_add(out, s.message[0] != '\0' ? ": " : "");
        cli_text_add_shown(out, s.message);
        cli_text_add(out, "\n");
    }
}

static void add(cli_text *out, const char *before, cli_span value)
{
    if (value.at == NULL || cli_span_is(value, "null"))
        return;
    value = cli_span_bare(value);
    cli_text_add(out, before);
    cli_text_add_n(out, value.at, value.bytes);
}

/* Error rates, and a line for each finding: "finding 12.3 s - 20 s: repetition (error) repeats 9".
 */
MODELLAB_MUST_CHECK static modellab_status quality(cli_text *out, const modellab_run *run,
                                                   modellab_error *err)
{
    static const char *const rates[] = {"wer", "cer", "der"};
    modellab_buffer *json = NULL;
    cli_span one = {NULL, 0};
    modellab_status status = modellab_run_to_json(run, &json, err);
    if (status != MODELLAB_OK)
        return status;
    cli_span record = {modellab_buffer_data(json), modellab_buffer_size(json)};
    cli_span metrics = cli_scan_member(record, "metrics");
    for (size_t i = 0; i < 3 && metrics.at != NULL && !cli_span_is(metrics, "null"); i++) {
        cli_span value = cli_scan_member(metrics, rates[i]);
        if (value.at != NULL) {
            cli_text_printf(out, "%-14s", rates[i]);
            add(out, " ", value);
            cli_text_add(out, "\n");
        }
    }
    cli_span findings = cli_scan_member(record, "findings");
    while (findings.at != NULL && !cli_span_is(findings, "null") && cli_scan_item(findings, &one)) {
        cli_text_printf(out, "%-14s", "finding");
        add(out, " ", cli_scan_member(one, "start"));
        add(out, " s - ", cli_scan_member(one, "end"));
        add(out, " s: ", cli_scan_member(one, "kind"));
        add(out, " (", cli_scan_member(one, "severity"));
        add(out, "), ", cli_scan_member(one, "measure"));
        add(out, " ", cli_scan_member(one, "value"));
        cli_text_add(out, "\n");
    }
    modellab_buffer_destroy(json);
    return MODELLAB_OK;
}

int cli_run_status(cli_call *call)
{
    modellab_lab *lab = NULL;
    modellab_run *run = NULL;
    modellab_run_info info = {.size = sizeof info};
    char id[MODELLAB_RUN_ID_BYTES];
    int code = cli_run_open(call, true, 0, &lab, id);
    if (code == CLI_EXIT_OK)
        code = cli_run_load(call, lab, id, &run, &info);
    if (code == CLI_EXIT_OK && cli_has(call, CLI_OPT_JSON)) {
        cli_json j = {.depth = 0};
        code = cli_run_record(call, &j, run);
        if (code == CLI_EXIT_OK && !cli_json_print(&j))
            code = CLI_EXIT_FAILURE;
    } else if (code == CLI_EXIT_OK) {
        cli_text out = CLI_TEXT_INIT;
        facts(&out, &info);
        steps(&out, run);
        modellab_error err = MODELLAB_ERROR_INIT;
        modellab_status status = quality(&out, run, &err);
        code = status != MODELLAB_OK                     ? cli_fail(call, NULL, id, status, &err)
               : cli_print(cli_text_get(&out), out.size) ? CLI_EXIT_OK
                                                         : CLI_EXIT_FAILURE;
        cli_text_free(&out);
    }
    modellab_run_unref(run);
    modellab_lab_unref(lab);
    return code;
}

static const char *outcome_name(modellab_cancel_outcome outcome)
{
    static const char *const names[] = {"error",     "not_found", "already_terminal",
                                        "cancelled", "requested", "already_dead",
                                        "error"};
    return outcome >= 1 && outcome <= 6 ? names[outcome] : names[0];
}

static int cancel_one(cli_call *call, modellab_lab *lab, const char *id, const void *how,
                      cli_json *j)
{
    modellab_cancel_outcome outcome = MODELLAB_CANCEL_ERROR;
    modellab_error err = MODELLAB_ERROR_INIT;
    int code = CLI_EXIT_OK;
    (void)how;
    modellab_status status = modellab_run_cancel(lab, id, &outcome, &err);
    if (status != MODELLAB_OK)
        return cli_fail(call, NULL, id, status, &err);
    if (outcome == MODELLAB_CANCEL_NOT_FOUND)
        return cli_fail_text(call, CLI_EXIT_NOT_FOUND,
                             "there is no run %s; see `modellab run list`", id);
    if (outcome == MODELLAB_CANCEL_ERROR)
        code = cli_fail_text(call, CLI_EXIT_FAILURE, "the run %s could not be asked to stop", id);
    if (j != NULL) {
        cli_json_open(j, '{');
        cli_json_kstring(j, "run_id", id);
        cli_json_kstring(j, "outcome", outcome_name(outcome));
        cli_json_close(j, '}');
    } else if (printf("%s %s\n", id, outcome_name(outcome)) < 0) {
        code = CLI_EXIT_FAILURE;
    }
    return code;
}

int cli_run_cancel(cli_call *call)
{
    return cli_runs_each(call, false, 0, cancel_one, NULL);
}
