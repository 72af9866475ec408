/* `modellab run retry | rerun`. */
#include "cli/commands.h"
#include "cli/each_run.h"
#include "cli/execute.h"
#include "cli/progress.h"
#include "cli/request.h"
#include "cli/signals.h"
#include <stdio.h>

static int tell(const cli_call *call, const char *parent, const char *child)
{
    bool printed;
    if (cli_has(call, CLI_OPT_JSON)) {
        cli_json j = {.depth = 0};
        cli_json_open(&j, '{');
        cli_json_kstring(&j, "run_id", child);
        cli_json_kstring(&j, "parent_run_id", parent);
        cli_json_kstring(&j, "status", "QUEUED");
        cli_json_close(&j, '}');
        return cli_json_print(&j) ? CLI_EXIT_OK : CLI_EXIT_FAILURE;
    }
    printed = printf("%s\n", child) > 0 && fflush(stdout) == 0;
    return printed ? CLI_EXIT_OK : CLI_EXIT_FAILURE;
}

/* The stored input is read once more; Ctrl-C ends that. */
typedef struct again {
    modellab_run_again_options options;
    cli_progress progress;
} again;

static void begin(again *a, const cli_call *call, const char *parent)
{
    const modellab_run_again_options none = MODELLAB_RUN_AGAIN_OPTIONS_INIT;
    a->options = none;
    a->options.cancel = cli_cancel_begin();
    a->options.progress = cli_on_input;
    a->options.user = &a->progress;
    cli_progress_begin(&a->progress, call, parent);
}

static void end(again *a)
{
    cli_progress_end(&a->progress);
    cli_cancel_end(a->options.cancel);
}

int cli_run_retry(cli_call *call)
{
    modellab_lab *lab = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    again a;
    char parent[MODELLAB_RUN_ID_BYTES], child[MODELLAB_RUN_ID_BYTES];
    int code = cli_run_open(call, false, 0, &lab, parent);
    if (code == CLI_EXIT_OK) {
        begin(&a, call, parent);
        modellab_status status = modellab_run_retry(lab, parent, &a.options, child, &err);
        end(&a);
        code = status == MODELLAB_OK ? tell(call, parent, child)
                                     : cli_fail_run(call, parent, status, &err);
    }
    modellab_lab_unref(lab);
    return code;
}

int cli_run_rerun(cli_call *call)
{
    modellab_lab *lab = NULL;
    modellab_report *report = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    again a;
    cli_text changes = CLI_TEXT_INIT;
    char parent[MODELLAB_RUN_ID_BYTES], child[MODELLAB_RUN_ID_BYTES];
    int code = cli_request_given(call, &changes);
    if (code == CLI_EXIT_OK)
        code = cli_run_open(call, false, 0, &lab, parent);
    if (code == CLI_EXIT_OK) {
        begin(&a, call, parent);
        a.options.overrides = cli_text_get(&changes);
        modellab_status status = modellab_run_rerun(lab, parent, &a.options, child, &report, &err);
        end(&a);
        if (report != NULL && (status != MODELLAB_OK || !cli_has(call, CLI_OPT_QUIET)))
            cli_tell_findings(report, status == MODELLAB_E_SCHEMA && cli_faults(report) > 1);
        code = status == MODELLAB_OK ? tell(call, parent, child)
                                     : cli_fail_run(call, parent, status, &err);
    }
    modellab_report_unref(report);
    cli_text_free(&changes);
    modellab_lab_unref(lab);
    return code;
}
