/* `modellab run verify`. */
#include "cli/commands.h"
#include "cli/each_run.h"
#include "cli/signals.h"
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

static int verify_one(cli_call *call, modellab_lab *lab, const char *id, const void *how,
                      cli_json *j)
{
    modellab_report *report = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    (void)how;
    modellab_cancel *cancel = cli_cancel_begin();
    modellab_status status = modellab_run_verify(lab, id, cancel, &report, &err);
    cli_cancel_end(cancel);
    if (status != MODELLAB_OK)
        return cli_fail_run(call, id, status, &err);
    int code = j != NULL ? add_json(call, j, id, report) : print_text(call, id, report);
    if (code == CLI_EXIT_OK && modellab_report_worst(report) == MODELLAB_SEVERITY_ERROR)
        code = CLI_EXIT_UNHEALTHY;
    modellab_report_unref(report);
    return code;
}

int cli_run_verify(cli_call *call)
{
    return cli_runs_each(call, true, MODELLAB_LAB_NO_RECONCILE, verify_one, NULL);
}
