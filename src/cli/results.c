/* `modellab run wait | results | events`. */
#include "cli/commands.h"
#include "cli/each_run.h"
#include "cli/execute.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int print_end(cli_call *call, const modellab_run *run, const modellab_run_info *info)
{
    if (cli_has(call, CLI_OPT_JSON)) {
        cli_json j = {.depth = 0};
        int code = cli_run_record(call, &j, run);
        if (code != CLI_EXIT_OK)
            return code;
        if (!cli_json_print(&j))
            return CLI_EXIT_FAILURE;
    } else if (printf("%s\n", modellab_run_status_name(info->status)) < 0 || fflush(stdout) != 0) {
        return CLI_EXIT_FAILURE;
    }
    return cli_tell_end(info->input_name[0] != '\0' ? info->input_name : info->pipeline, info);
}

int cli_run_wait(cli_call *call)
{
    modellab_lab *lab = NULL;
    modellab_run *run = NULL;
    modellab_run_info info = {.size = sizeof info};
    modellab_error err = MODELLAB_ERROR_INIT;
    char id[MODELLAB_RUN_ID_BYTES];
    int64_t timeout, threads = 0;
    int code = cli_duration_option(call, CLI_OPT_TIMEOUT, -1, &timeout);
    if (code == CLI_EXIT_OK && cli_has(call, CLI_OPT_THREADS) &&
        !cli_parse_int(cli_value(call, CLI_OPT_THREADS), 1, 1024, &threads))
        code = cli_fail_text(call, CLI_EXIT_USAGE, "--threads must be a number from 1 to 1024");
    if (code == CLI_EXIT_OK)
        code = cli_run_open(call, true, 0, &lab, id);
    if (code == CLI_EXIT_OK)
        code = cli_run_load(call, lab, id, &run, &info);
    if (code == CLI_EXIT_OK && modellab_run_status_is_final(info.status) == 0) {
        cli_wait how = {.title = id,
                        .threads = (int32_t)threads,
                        /* also of a running one: its supervisor may die while we wait */
                        .supervise = true,
                        .timeout_ms = timeout};
        modellab_run_unref(run);
        code = cli_wait_for_run(call, lab, id, &how, &run);
        if (code == CLI_EXIT_OK) {
            modellab_status status = modellab_run_get_info(run, &info, &err);
            if (status != MODELLAB_OK)
                code = cli_fail_run(call, id, status, &err);
        }
    }
    if (code == CLI_EXIT_OK)
        code = print_end(call, run, &info);
    modellab_run_unref(run);
    modellab_lab_unref(lab);
    return code;
}

/* --- results --- */

static int list_artifacts(cli_call *call, const modellab_run *run, const modellab_run_info *info)
{
    cli_json j = {.depth = 0};
    cli_text out = CLI_TEXT_INIT;
    bool as_json = cli_has(call, CLI_OPT_JSON);
    cli_json_open(&j, '{');
    cli_json_kstring(&j, "run_id", info->id);
    cli_json_kstring(&j, "status", modellab_run_status_name(info->status));
    cli_json_key(&j, "artifacts");
    cli_json_open(&j, '[');
    for (size_t i = 0; i < modellab_run_artifact_count(run); i++) {
        modellab_artifact_info a = {.size = sizeof a};
        if (modellab_run_artifact_at(run, i, &a, NULL) != MODELLAB_OK)
            continue;
        cli_json_open(&j, '{');
        cli_json_kstring(&j, "id", a.id);
        cli_json_kstring(&j, "name", a.name);
        cli_json_kstring(&j, "step", a.step);
        cli_json_kstring(&j, "media_type", a.media_type);
        cli_json_kint(&j, "bytes", a.bytes);
        cli_json_kstring(&j, "sha256", a.sha256);
        cli_json_key(&j, "late");
        cli_json_bool(&j, a.is_late != 0);
        cli_json_close(&j, '}');
        cli_text_printf(&out, "%-26s  %-8s  %10lld  %s%s\n", a.id, a.step, (long long)a.bytes,
                        a.name, a.is_late != 0 ? "  (late)" : "");
    }
    cli_json_close(&j, ']');
    cli_json_close(&j, '}');
    bool ok = as_json ? cli_json_print(&j) : cli_print(cli_text_get(&out), out.size);
    cli_text_free(&j.text);
    cli_text_free(&out);
    return ok ? CLI_EXIT_OK : CLI_EXIT_FAILURE;
}

static int print_result(cli_call *call, modellab_lab *lab, const modellab_run *run,
                        const modellab_run_info *info)
{
    modellab_buffer *data = NULL;
    char *written = NULL;
    const char *name = info->input_name[0] != '\0' ? info->input_name : "audio", *which = name;
    int code;
    if (cli_has(call, CLI_OPT_ARTIFACT)) {
        which = cli_value(call, CLI_OPT_ARTIFACT);
        code = cli_load_artifact(call, lab, run, which, &data);
    } else {
        modellab_transcript *transcript = NULL;
        code = cli_load_transcript(call, lab, run, &transcript);
        if (code == CLI_EXIT_OK)
            code = cli_format_transcript(call, transcript, name, &data);
        modellab_transcript_unref(transcript);
    }
    if (code == CLI_EXIT_OK)
        code = cli_output_write(call, which, data, &written);
    free(written);
    modellab_buffer_destroy(data);
    return code;
}

int cli_run_results(cli_call *call)
{
    modellab_lab *lab = NULL;
    modellab_run *run = NULL;
    modellab_run_info info = {.size = sizeof info};
    char id[MODELLAB_RUN_ID_BYTES];
    int code = cli_run_open(call, true, 0, &lab, id);
    if (code == CLI_EXIT_OK)
        code = cli_run_load(call, lab, id, &run, &info);
    if (code == CLI_EXIT_OK)
        code = cli_has(call, CLI_OPT_FORMAT) || cli_has(call, CLI_OPT_ARTIFACT)
                   ? print_result(call, lab, run, &info)
                   : list_artifacts(call, run, &info);
    modellab_run_unref(run);
    modellab_lab_unref(lab);
    return code;
}

/* --- events --- */

static bool print_event(const cli_call *call, const modellab_event_info *e)
{
    if (!cli_has(call, CLI_OPT_JSON))
        return printf("%6lld  %-16s %-10s %s  request_id=%s\n", (long long)e->number, e->type,
                      e->step, e->data, e->request_id) > 0;
    cli_json j = {.depth = 0};
    cli_json_open(&j, '{');
    cli_json_kint(&j, "number", e->number);
    cli_json_kint(&j, "time_ms", e->time_ms);
    cli_json_kstring(&j, "type", e->type);
    cli_json_kstring(&j, "run_id", e->run_id);
    cli_json_kstring(&j, "request_id", e->request_id);
    cli_json_kstring(&j, "trace_id", e->trace_id);
    cli_json_kstring(&j, "step", e->step);
    cli_json_key(&j, "data");
    cli_json_raw(&j, e->data[0] != '\0' ? e->data : "{}");
    cli_json_close(&j, '}');
    return cli_json_print(&j);
}

/* True when the run has ended and nothing is left to read. */
static bool ended(modellab_lab *lab, const char *id)
{
    modellab_run_status status = 0;
    return modellab_run_wait(lab, id, 0, NULL, &status, NULL) == MODELLAB_OK;
}

static int print_events(cli_call *call, modellab_lab *lab, const char *id, int64_t after,
                        modellab_cancel *cancel)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    bool follow = cli_has(call, CLI_OPT_FOLLOW);
    while (cli_signal() == 0) {
        modellab_event_list *list = NULL;
        bool over = !follow || ended(lab, id); /* looked at before loading: nothing is missed */
        modellab_status status =
            modellab_event_list_follow(lab, id, after, 1000, over ? 0 : -1, cancel, &list, &err);
        if (status == MODELLAB_E_CANCELLED && cli_signal() != 0)
            break;
        if (status != MODELLAB_OK)
            return cli_fail_run(call, id, status, &err);
        size_t count = modellab_event_list_count(list);
        bool ok = true;
        for (size_t i = 0; i < count && ok; i++) {
            modellab_event_info e = {.size = sizeof e};
            ok = modellab_event_list_at(list, i, &e, NULL) == MODELLAB_OK && print_event(call, &e);
            after = e.number;
        }
        modellab_event_list_unref(list);
        if (!ok || fflush(stdout) != 0)
            return CLI_EXIT_FAILURE;
        if (count == 0 && over)
            return CLI_EXIT_OK;
    }
    return cli_signal_exit();
}

int cli_run_events(cli_call *call)
{
    modellab_lab *lab = NULL;
    char id[MODELLAB_RUN_ID_BYTES];
    int64_t after = 0;
    if (cli_has(call, CLI_OPT_AFTER) &&
        !cli_parse_int(cli_value(call, CLI_OPT_AFTER), 0, INT64_MAX, &after))
        return cli_fail_text(call, CLI_EXIT_USAGE, "--after must be the number of an event");
    int code = cli_run_open(call, true, 0, &lab, id);
    if (code == CLI_EXIT_OK) {
        modellab_cancel *cancel = cli_cancel_begin();
        code = print_events(call, lab, id, after, cancel);
        cli_cancel_end(cancel);
    }
    modellab_lab_unref(lab);
    return code;
}
