/* `modellab admin caps` and `modellab estimate`: what users may use, and what a run would take. */
#include "cli/commands.h"
#include "cli/request.h"
#include <stdio.h>
#include <string.h>

static void amount(char out[32], double value)
{
    snprintf(out, 32, value < 0 ? "-" : "%.12g", value);
}

static int print_caps(cli_call *call, const modellab_user_cap_list *list)
{
    cli_json j = {.depth = 0};
    cli_text out = CLI_TEXT_INIT;
    cli_json_open(&j, '{');
    cli_json_key(&j, "caps");
    cli_json_open(&j, '[');
    cli_text_printf(&out, "%-20s %-18s %-6s %14s %14s %14s\n", "USER", "MEASURE", "PERIOD", "CAP",
                    "USED", "HELD");
    for (size_t i = 0; i < modellab_user_cap_list_count(list); i++) {
        modellab_user_cap cap = {.size = sizeof cap};
        char value[32], used[32], held[32];
        if (modellab_user_cap_list_at(list, i, &cap, NULL) != MODELLAB_OK)
            continue;
        amount(value, cap.value);
        amount(used, cap.used);
        amount(held, cap.held);
        cli_text_printf(&out, "%-20s %-18s %-6s %14s %14s %14s\n", cap.user, cap.measure,
                        cap.period, cap.value < 0 ? "none" : value, used, held);
        cli_json_open(&j, '{');
        cli_json_kstring(&j, "user", cap.user);
        cli_json_kstring(&j, "measure", cap.measure);
        cli_json_kstring(&j, "period", cap.period);
        cli_json_key(&j, "value");
        cli_json_raw(&j, cap.value < 0 ? "null" : value);
        cli_json_key(&j, "used");
        cli_json_raw(&j, cap.used < 0 ? "null" : used);
        cli_json_key(&j, "held");
        cli_json_raw(&j, cap.held < 0 ? "null" : held);
        cli_json_close(&j, '}');
    }
    cli_json_close(&j, ']');
    cli_json_close(&j, '}');
    bool ok =
        cli_has(call, CLI_OPT_JSON) ? cli_json_print(&j) : cli_print(cli_text_get(&out), out.size);
    cli_text_free(&j.text);
    cli_text_free(&out);
    return ok ? CLI_EXIT_OK : CLI_EXIT_FAILURE;
}

static int list_caps(cli_call *call, const char *user)
{
    modellab_lab *lab = NULL;
    modellab_user_cap_list *list = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    int code = cli_open_lab_to_read(call, MODELLAB_LAB_NO_RECONCILE, &lab);
    if (code != CLI_EXIT_OK)
        return code;
    modellab_status status = modellab_user_cap_list_load(lab, user, &list, &err);
    code =
        status == MODELLAB_OK ? print_caps(call, list) : cli_fail(call, "caps", NULL, status, &err);
    modellab_user_cap_list_unref(list);
    modellab_lab_unref(lab);
    return code;
}

/* Words: set USER MEASURE PERIOD VALUE, or remove USER MEASURE PERIOD. */
static int change_caps(cli_call *call, bool set)
{
    modellab_lab *lab = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    const char *const *a = call->arguments;
    int code = cli_open_lab(call, MODELLAB_LAB_NO_RECONCILE, &lab);
    if (code != CLI_EXIT_OK)
        return code;
    modellab_status status = set ? modellab_user_cap_set(lab, a[1], a[2], a[3], a[4], &err)
                                 : modellab_user_cap_remove(lab, a[1], a[2], a[3], &err);
    modellab_lab_unref(lab);
    if (status != MODELLAB_OK)
        return cli_fail(call, "caps", NULL, status, &err);
    return cli_has(call, CLI_OPT_JSON) ? list_caps(call, a[1]) : CLI_EXIT_OK;
}

int cli_admin_caps(cli_call *call)
{
    const char *verb = call->argument_count > 0 ? call->arguments[0] : "list";
    if (strcmp(verb, "list") == 0 && call->argument_count <= 2)
        return list_caps(call, call->argument_count == 2 ? call->arguments[1] : NULL);
    if (strcmp(verb, "set") == 0 && call->argument_count == 5)
        return change_caps(call, true);
    if (strcmp(verb, "remove") == 0 && call->argument_count == 4)
        return change_caps(call, false);
    return cli_fail_text(call, CLI_EXIT_USAGE,
                         "write `admin caps list [USER]`, `admin caps set USER MEASURE PERIOD "
                         "VALUE` or `admin caps remove USER MEASURE PERIOD`");
}

static const char *basis_name(modellab_estimate_basis basis)
{
    return basis == MODELLAB_ESTIMATE_HISTORY ? "history"
           : basis == MODELLAB_ESTIMATE_FEW   ? "few"
                                              : "fallback";
}

static const char *admission_name(modellab_admission admission)
{
    return admission == MODELLAB_ADMISSION_NOW    ? "now"
           : admission == MODELLAB_ADMISSION_WAIT ? "wait"
                                                  : "refuse";
}

static void json_range(cli_json *j, const char *key, double expected, double low, double high)
{
    cli_json_key(j, key);
    if (expected < 0) {
        cli_json_raw(j, "null");
        return;
    }
    cli_json_open(j, '{');
    cli_json_kreal(j, "expected", expected);
    cli_json_kreal(j, "low", low);
    cli_json_kreal(j, "high", high);
    cli_json_close(j, '}');
}

static bool print_json(const modellab_estimate *e, const modellab_report *report)
{
    cli_json j = {.depth = 0};
    cli_json_open(&j, '{');
    cli_json_kstring(&j, "basis", basis_name(e->basis));
    cli_json_kint(&j, "samples", e->samples);
    cli_json_kstring(&j, "admission", admission_name(e->admission));
    cli_json_kreal(&j, "audio_seconds", e->audio_seconds);
    json_range(&j, "cpu_seconds", e->cpu_seconds, e->cpu_seconds_low, e->cpu_seconds_high);
    json_range(&j, "wall_seconds", e->wall_seconds, e->wall_seconds_low, e->wall_seconds_high);
    json_range(&j, "cost_micros", (double)e->cost_micros, (double)e->cost_micros_low,
               (double)e->cost_micros_high);
    cli_json_key(&j, "findings");
    cli_json_open(&j, '[');
    for (size_t i = 0; i < modellab_report_count(report); i++) {
        modellab_finding f = MODELLAB_FINDING_INIT;
        if (modellab_report_at(report, i, &f, NULL) != MODELLAB_OK)
            continue;
        cli_json_open(&j, '{');
        cli_json_kstring(&j, "id", f.id);
        cli_json_kstring(&j, "severity", modellab_severity_name(f.severity));
        cli_json_kstring(&j, "pointer", f.pointer);
        cli_json_kstring(&j, "text", f.text);
        cli_json_close(&j, '}');
    }
    cli_json_close(&j, ']');
    cli_json_close(&j, '}');
    bool ok = cli_json_print(&j);
    cli_text_free(&j.text);
    return ok;
}

static bool print_text(const modellab_estimate *e, const modellab_report *report)
{
    cli_text out = CLI_TEXT_INIT;
    cli_text_printf(&out, "%-12s %.2f s\n", "audio", e->audio_seconds);
    cli_text_printf(&out, "%-12s %.2f s (90 %%: %.2f to %.2f)\n", "CPU", e->cpu_seconds,
                    e->cpu_seconds_low, e->cpu_seconds_high);
    if (e->wall_seconds >= 0)
        cli_text_printf(&out, "%-12s %.2f s (90 %%: %.2f to %.2f)\n", "wall", e->wall_seconds,
                        e->wall_seconds_low, e->wall_seconds_high);
    if (e->cost_micros >= 0)
        cli_text_printf(&out, "%-12s %.6f (90 %%: %.6f to %.6f)\n", "cost",
                        (double)e->cost_micros / 1e6, (double)e->cost_micros_low / 1e6,
                        (double)e->cost_micros_high / 1e6);
    cli_text_printf(&out, "%-12s %s, %lld past runs\n", "basis", basis_name(e->basis),
                    (long long)e->samples);
    cli_text_printf(&out, "%-12s %s\n", "admission", admission_name(e->admission));
    for (size_t i = 0; i < modellab_report_count(report); i++) {
        modellab_finding f = MODELLAB_FINDING_INIT;
        if (modellab_report_at(report, i, &f, NULL) == MODELLAB_OK)
            cli_text_printf(&out, "%-8s %-22s %-20s %s\n", modellab_severity_name(f.severity), f.id,
                            f.pointer, f.text);
    }
    bool ok = cli_print(cli_text_get(&out), out.size);
    cli_text_free(&out);
    return ok;
}

int cli_estimate_input(cli_call *call, modellab_lab *lab, const cli_input *input,
                       const char *request)
{
    modellab_run_submit_options options = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    modellab_estimate estimate = MODELLAB_ESTIMATE_INIT;
    modellab_report *report = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    options.request = request;
    options.input_path = input != NULL ? input->path : NULL;
    modellab_status status = modellab_run_estimate(lab, &options, &estimate, &report, &err);
    int code = CLI_EXIT_OK;
    if (report != NULL && status == MODELLAB_E_SCHEMA && cli_faults(report) > 1)
        cli_tell_findings(report, true);
    if (status != MODELLAB_OK)
        code = input != NULL ? cli_fail_input(call, input->shown, status, &err)
                             : cli_fail(call, NULL, NULL, status, &err);
    else if (!(cli_has(call, CLI_OPT_JSON) ? print_json(&estimate, report)
                                           : print_text(&estimate, report)))
        code = CLI_EXIT_FAILURE;
    else if (estimate.admission == MODELLAB_ADMISSION_REFUSE)
        code = CLI_EXIT_LIMIT;
    modellab_report_unref(report);
    return code;
}

int cli_estimate(cli_call *call)
{
    modellab_lab *lab = NULL;
    cli_text request = CLI_TEXT_INIT;
    cli_input input = {.spool = -1};
    int code = cli_request(call, &request);
    if (code == CLI_EXIT_OK)
        code = cli_open_lab_to_read(call, MODELLAB_LAB_NO_RECONCILE, &lab);
    if (code == CLI_EXIT_OK)
        code = cli_input_open(call, call->arguments[0], &input);
    if (code == CLI_EXIT_OK) {
        code = cli_estimate_input(call, lab, &input, cli_text_get(&request));
        cli_input_close(&input);
    }
    cli_text_free(&request);
    modellab_lab_unref(lab);
    return code;
}
