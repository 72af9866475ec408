/* `modellab transcribe`: one managed run a file, from submission to text. */
#include "cli/commands.h"
#include "cli/execute.h"
#include "cli/output.h"
#include "cli/request.h"
#include "cli/signals.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put_run(cli_json *j, const char *file, const modellab_run_info *info)
{
    cli_json_kstring(j, "file", file);
    cli_json_kstring(j, "run_id", info->id);
    cli_json_kstring(j, "status", modellab_run_status_name(info->status));
    cli_json_kstring(j, "reason", modellab_reason_name(info->reason));
    cli_json_kstring(j, "message", info->message);
    cli_json_kstring(j, "model", info->model);
    cli_json_kreal(j, "audio_seconds", info->audio_seconds);
    cli_json_kint(j, "duration_ms", info->duration_ms);
    cli_json_kreal(j, "cpu_seconds", info->cpu_seconds);
    cli_json_kint(j, "peak_memory_bytes", info->peak_memory_bytes);
    cli_json_kint(j, "cost_micros", info->cost_micros);
    cli_json_kstring(j, "currency", info->currency);
}

/* The result of a completed run: to its place, or into the JSON answer. */
static int deliver(cli_call *call, modellab_lab *lab, const modellab_run *run, const char *file,
                   cli_json *j)
{
    modellab_transcript *transcript = NULL;
    modellab_buffer *text = NULL;
    char *written = NULL;
    int code = cli_load_transcript(call, lab, run, &transcript);
    if (code != CLI_EXIT_OK)
        return code;
    if (j == NULL || cli_has(call, CLI_OPT_OUTPUT)) {
        code = cli_format_transcript(call, transcript,
                                     strcmp(file, "-") == 0 ? "stdin" : cli_basename(file), &text);
        if (code == CLI_EXIT_OK)
            code = cli_output_write(call, file, text, &written);
    }
    if (code == CLI_EXIT_OK && j != NULL) {
        modellab_error err = MODELLAB_ERROR_INIT;
        modellab_buffer *json = NULL;
        modellab_status status =
            modellab_transcript_write(transcript, MODELLAB_FORMAT_VERBOSE_JSON, NULL, &json, &err);
        if (status != MODELLAB_OK)
            code = cli_fail(call, file, NULL, status, &err);
        cli_json_kstring(j, "output", written);
        cli_json_key(j, "transcript");
        cli_json_raw(j, status == MODELLAB_OK ? modellab_buffer_data(json) : "null");
        modellab_buffer_destroy(json);
    }
    free(written);
    modellab_buffer_destroy(text);
    modellab_transcript_unref(transcript);
    return code;
}

/* What a run that did not complete has got so far: results of the steps before are no use alone. */
static bool has_partial(const modellab_run *run)
{
    for (size_t i = 0; i < modellab_run_artifact_count(run); i++) {
        modellab_artifact_info a = {.size = sizeof a};
        if (modellab_run_artifact_at(run, i, &a, NULL) == MODELLAB_OK &&
            strstr(a.name, ".partial.") != NULL)
            return true;
    }
    return false;
}

static int end_of_run(cli_call *call, modellab_lab *lab, modellab_run *run, const char *file,
                      const char *shown, cli_json *j)
{
    modellab_run_info info = {.size = sizeof info};
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = modellab_run_get_info(run, &info, &err);
    if (status != MODELLAB_OK)
        return cli_fail(call, shown, NULL, status, &err);
    if (j != NULL) {
        cli_json_open(j, '{');
        put_run(j, file, &info);
        call->in_object = true;
    }
    int code;
    if (info.status == MODELLAB_RUN_COMPLETED) {
        code = deliver(call, lab, run, file, j);
    } else {
        code = cli_tell_end(shown, &info);
        if (has_partial(run))
            cli_note(call, "what was done until then is kept: modellab run results %s", info.id);
    }
    if (j != NULL)
        cli_json_close(j, '}');
    call->in_object = false;
    return code;
}

static int transcribe_one(cli_call *call, modellab_lab *lab, const char *file, const char *request,
                          cli_json *j)
{
    cli_input input;
    char run_id[MODELLAB_RUN_ID_BYTES];
    modellab_run *run = NULL;
    int64_t threads = 0;
    int code = cli_input_open(call, file, &input);
    if (code != CLI_EXIT_OK)
        return code;
    code = cli_submit(call, lab, &input, request, run_id);
    cli_input_close(&input);
    if (code != CLI_EXIT_OK)
        return code;
    if (cli_has(call, CLI_OPT_THREADS) &&
        !cli_parse_int(cli_value(call, CLI_OPT_THREADS), 1, 1024, &threads))
        threads = 0;
    const char *shown = input.shown;
    cli_wait how = {.title = shown,
                    .threads = (int32_t)threads,
                    .supervise = true,
                    .cancel_on_signal = true,
                    .timeout_ms = -1};
    code = cli_wait_for_run(call, lab, run_id, &how, &run);
    if (code == CLI_EXIT_OK)
        code = end_of_run(call, lab, run, file, shown, j);
    modellab_run_unref(run);
    return code;
}

/* Before the work begins: formats of something else, or of what was not asked for. */
static int check_format(const cli_call *call)
{
    const char *format = cli_value(call, CLI_OPT_FORMAT);
    if (format != NULL && strcmp(format, "rttm") == 0)
        return cli_fail_text(call, CLI_EXIT_USAGE,
                             "rttm has no words: it is the format of `modellab diarize`");
    if (format != NULL && strcmp(format, "diarized_json") == 0 && !cli_has(call, CLI_OPT_SPEAKERS))
        return cli_fail_text(call, CLI_EXIT_USAGE, "diarized_json has speakers: add --speakers");
    return CLI_EXIT_OK;
}

int cli_transcribe(cli_call *call)
{
    modellab_lab *lab = NULL;
    cli_text request = CLI_TEXT_INIT;
    cli_json json = {.depth = 0};
    bool as_json = cli_has(call, CLI_OPT_JSON);
    int code = check_format(call), first = CLI_EXIT_OK;
    if (code == CLI_EXIT_OK)
        code = cli_output_check(call);
    if (code == CLI_EXIT_OK)
        code = cli_request(call, &request);
    if (code == CLI_EXIT_OK)
        code = cli_open_lab(call, 0, &lab);
    if (code != CLI_EXIT_OK) {
        cli_text_free(&request);
        return code;
    }
    if (as_json) {
        cli_json_open(&json, '{');
        cli_json_key(&json, "results");
        cli_json_open(&json, '[');
        call->answer = &json;
    }
    for (int i = 0; i < call->argument_count && cli_signal() == 0; i++) {
        code = transcribe_one(call, lab, call->arguments[i], cli_text_get(&request),
                              as_json ? &json : NULL);
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
    cli_text_free(&request);
    modellab_lab_unref(lab);
    return cli_signal() != 0 ? cli_signal_exit() : first;
}
