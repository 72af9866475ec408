/* Opening the run that a command names, and doing the same to each of several. */
#include "cli/each_run.h"
#include "cli/signals.h"

static int open_lab(cli_call *call, bool to_read, int32_t flags, modellab_lab **lab)
{
    return to_read ? cli_open_lab_to_read(call, flags, lab) : cli_open_lab(call, flags, lab);
}

int cli_run_open(cli_call *call, bool to_read, int32_t flags, modellab_lab **lab,
                 char id[MODELLAB_RUN_ID_BYTES])
{
    int code = open_lab(call, to_read, flags, lab);
    return code == CLI_EXIT_OK ? cli_run_id(call, *lab, call->arguments[0], id) : code;
}

int cli_run_load(const cli_call *call, modellab_lab *lab, const char *id, modellab_run **run,
                 modellab_run_info *info)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = modellab_run_load(lab, id, run, &err);
    if (status == MODELLAB_OK)
        status = modellab_run_get_info(*run, info, &err);
    return status == MODELLAB_OK ? CLI_EXIT_OK : cli_fail_run(call, id, status, &err);
}

int cli_run_record(const cli_call *call, cli_json *json, const modellab_run *run)
{
    modellab_buffer *record = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = modellab_run_to_json(run, &record, &err);
    if (status != MODELLAB_OK)
        return cli_fail(call, NULL, NULL, status, &err);
    cli_json_raw(json, modellab_buffer_data(record));
    modellab_buffer_destroy(record);
    return CLI_EXIT_OK;
}

static int do_all(cli_call *call, modellab_lab *lab, cli_run_fn one, const void *how,
                  cli_json *json)
{
    int first = CLI_EXIT_OK;
    for (int i = 0; i < call->argument_count && cli_signal() == 0; i++) {
        char id[MODELLAB_RUN_ID_BYTES];
        int code = cli_run_id(call, lab, call->arguments[i], id);
        if (code == CLI_EXIT_OK)
            code = one(call, lab, id, how, json);
        if (first == CLI_EXIT_OK)
            first = code;
    }
    return cli_signal() != 0 ? cli_signal_exit() : first;
}

int cli_runs_each(cli_call *call, bool to_read, int32_t flags, cli_run_fn one, const void *how)
{
    modellab_lab *lab = NULL;
    cli_json json = {.depth = 0};
    int code = open_lab(call, to_read, flags, &lab);
    if (code != CLI_EXIT_OK)
        return code;
    if (!cli_has(call, CLI_OPT_JSON)) {
        code = do_all(call, lab, one, how, NULL);
    } else {
        cli_json_open(&json, '{');
        cli_json_key(&json, "results");
        cli_json_open(&json, '[');
        call->answer = &json;
        code = do_all(call, lab, one, how, &json);
        call->answer = NULL;
        cli_json_close(&json, ']');
        cli_json_close(&json, '}');
        if (!cli_json_print(&json) && code == CLI_EXIT_OK)
            code = CLI_EXIT_FAILURE;
    }
    modellab_lab_unref(lab);
    return code;
}
