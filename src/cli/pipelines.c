/* `modellab pipeline ...`: what runs can be made of, and pipelines of the user. */
#include "cli/commands.h"
#include "cli/request.h"
#include "cli/scan.h"
#include <stdio.h>
#include <string.h>

#define MOST_BYTES ((size_t)1024 * 1024)

static bool print_json(const modellab_buffer *json)
{
    return cli_print(modellab_buffer_data(json), modellab_buffer_size(json)) && cli_print("\n", 1);
}

/* "name  steps  text" of an object. */
static void add_line(cli_text *out, cli_span object)
{
    cli_span name = cli_span_bare(cli_scan_member(object, "name"));
    cli_span text = cli_span_bare(cli_scan_member(object, "text"));
    cli_span steps = cli_scan_member(object, "steps"), step = {NULL, 0};
    cli_text_printf(out, "%-20.*s ", (int)name.bytes, name.at != NULL ? name.at : "");
    for (bool first = true; cli_scan_item(steps, &step); first = false) {
        cli_span bare = cli_span_bare(step);
        cli_text_printf(out, "%s%.*s", first ? "" : ",", (int)bare.bytes, bare.at);
    }
    if (cli_scan_member(object, "damaged").at != NULL) {
        cli_text_printf(out, "(damaged)");
    }
    cli_text_printf(out, "  %.*s\n", (int)text.bytes, text.at != NULL ? text.at : "");
}

/* One pipeline, or all of them (name NULL), as JSON. */
static int load(cli_call *call, const char *name, modellab_buffer **json)
{
    modellab_lab *lab = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    int code = cli_open_lab_to_read(call, MODELLAB_LAB_NO_RECONCILE, &lab);
    if (code != CLI_EXIT_OK)
        return code;
    modellab_status status = name == NULL ? modellab_pipeline_list(lab, json, &err)
                                          : modellab_pipeline_load(lab, name, json, &err);
    modellab_lab_unref(lab);
    if (status != MODELLAB_OK)
        return cli_fail(call, name != NULL ? name : "pipelines", NULL, status, &err);
    return CLI_EXIT_OK;
}

int cli_pipeline_list(cli_call *call)
{
    modellab_buffer *json = NULL;
    int code = load(call, NULL, &json);
    if (code != CLI_EXIT_OK)
        return code;
    bool ok;
    if (cli_has(call, CLI_OPT_JSON)) {
        ok = print_json(json);
    } else {
        cli_text out = CLI_TEXT_INIT;
        cli_span item = {NULL, 0};
        while (cli_scan_item((cli_span){modellab_buffer_data(json), modellab_buffer_size(json)},
                             &item))
            add_line(&out, item);
        ok = cli_print(cli_text_get(&out), out.size);
        cli_text_free(&out);
    }
    modellab_buffer_destroy(json);
    return ok ? CLI_EXIT_OK : CLI_EXIT_FAILURE;
}

int cli_pipeline_show(cli_call *call)
{
    modellab_buffer *json = NULL;
    int code = load(call, call->arguments[0], &json);
    if (code != CLI_EXIT_OK)
        return code;
    bool ok = print_json(json);
    modellab_buffer_destroy(json);
    return ok ? CLI_EXIT_OK : CLI_EXIT_FAILURE;
}

static void add_findings(cli_text *out, const modellab_report *report)
{
    for (size_t i = 0; i < modellab_report_count(report); i++) {
        modellab_finding f = MODELLAB_FINDING_INIT;
        if (modellab_report_at(report, i, &f, NULL) == MODELLAB_OK)
            cli_text_printf(out, "%-8s %s%s%s\n", modellab_severity_name(f.severity), f.pointer,
                            f.pointer[0] != '\0' ? ": " : "", f.text);
    }
}

/* The resolved steps and the findings. `steps` NULL: it is not valid. */
static int tell(cli_call *call, const modellab_buffer *steps, const modellab_report *report)
{
    bool ok = true;
    if (cli_has(call, CLI_OPT_JSON)) {
        cli_json j = {.depth = 0};
        modellab_buffer *findings = NULL;
        modellab_error err = MODELLAB_ERROR_INIT;
        if (report != NULL && modellab_report_to_json(report, &findings, &err) != MODELLAB_OK)
            return cli_fail(call, NULL, NULL, err.code, &err);
        cli_json_open(&j, '{');
        cli_json_key(&j, "valid");
        cli_json_bool(&j, steps != NULL);
        if (steps != NULL)
            cli_json_kstring(&j, "steps", modellab_buffer_data(steps));
        if (findings != NULL) {
            cli_json_key(&j, "report");
            cli_json_raw(&j, modellab_buffer_data(findings));
        }
        cli_json_close(&j, '}');
        ok = cli_json_print(&j);
        cli_text_free(&j.text);
        modellab_buffer_destroy(findings);
    } else {
        cli_text out = CLI_TEXT_INIT;
        if (steps != NULL)
            cli_text_printf(&out, "%s\n", modellab_buffer_data(steps));
        add_findings(&out, report);
        ok = cli_print(cli_text_get(&out), out.size);
        cli_text_free(&out);
    }
    return !ok ? CLI_EXIT_FAILURE : steps != NULL ? CLI_EXIT_OK : CLI_EXIT_INPUT;
}

/* What a check or a resolution answered; both are given back. */
static int answer(cli_call *call, modellab_status status, modellab_buffer *steps,
                  modellab_report *report, const modellab_error *err)
{
    int code = status == MODELLAB_OK || status == MODELLAB_E_SCHEMA
                   ? tell(call, steps, report)
                   : cli_fail(call, call->arguments[0], NULL, status, err);
    modellab_report_unref(report);
    modellab_buffer_destroy(steps);
    return code;
}

/* The definition that an argument names: of a pipeline of this name, else what a file holds. */
static int read_definition(cli_call *call, modellab_lab *lab, cli_text *out)
{
    modellab_buffer *json = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = modellab_pipeline_load(lab, call->arguments[0], &json, &err);
    if (status == MODELLAB_E_NOT_FOUND)
        return cli_read_file(call, call->arguments[0], MOST_BYTES, out);
    if (status != MODELLAB_OK)
        return cli_fail(call, call->arguments[0], NULL, status, &err);
    cli_text_add_n(out, modellab_buffer_data(json), modellab_buffer_size(json));
    modellab_buffer_destroy(json);
    return CLI_EXIT_OK;
}

int cli_pipeline_validate(cli_call *call)
{
    modellab_lab *lab = NULL;
    modellab_buffer *steps = NULL;
    modellab_report *report = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    cli_text text = CLI_TEXT_INIT;
    int code = cli_open_lab_to_read(call, MODELLAB_LAB_NO_RECONCILE, &lab);
    if (code == CLI_EXIT_OK)
        code = read_definition(call, lab, &text);
    if (code == CLI_EXIT_OK) {
        modellab_status status =
            modellab_pipeline_check(lab, cli_text_get(&text), text.size, &steps, &report, &err);
        code = answer(call, status, steps, report, &err);
    }
    modellab_lab_unref(lab);
    cli_text_free(&text);
    return code;
}

int cli_pipeline_resolve(cli_call *call)
{
    modellab_lab *lab = NULL;
    modellab_buffer *json = NULL, *steps = NULL;
    modellab_report *report = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    int code = cli_open_lab_to_read(call, MODELLAB_LAB_NO_RECONCILE, &lab);
    if (code != CLI_EXIT_OK)
        return code;
    modellab_status status = modellab_pipeline_load(lab, call->arguments[0], &json, &err);
    if (status == MODELLAB_OK)
        status = modellab_pipeline_check(lab, modellab_buffer_data(json),
                                         modellab_buffer_size(json), &steps, &report, &err);
    else if (status == MODELLAB_E_NOT_FOUND)
        status = modellab_pipeline_resolve(call->arguments[0], &steps, &report, &err);
    modellab_buffer_destroy(json);
    code = answer(call, status, steps, report, &err);
    modellab_lab_unref(lab);
    return code;
}

/* It is stored all the same. */
static void note_warnings(cli_call *call, const modellab_report *report)
{
    for (size_t i = 0; i < modellab_report_count(report); i++) {
        modellab_finding f = MODELLAB_FINDING_INIT;
        if (modellab_report_at(report, i, &f, NULL) == MODELLAB_OK &&
            f.severity == MODELLAB_SEVERITY_WARNING)
            cli_note(call, "warning: %s%s%s", f.pointer, f.pointer[0] != '\0' ? ": " : "", f.text);
    }
}

int cli_pipeline_save(cli_call *call)
{
    modellab_lab *lab = NULL;
    modellab_report *report = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    cli_text text = CLI_TEXT_INIT;
    int code = cli_read_file(call, call->arguments[1], MOST_BYTES, &text);
    if (code == CLI_EXIT_OK)
        code = cli_open_lab(call, MODELLAB_LAB_NO_RECONCILE, &lab);
    if (code == CLI_EXIT_OK) {
        modellab_status status = modellab_pipeline_save(
            lab, call->arguments[0], cli_text_get(&text), text.size, &report, &err);
        if (status == MODELLAB_OK)
            note_warnings(call, report);
        code = status == MODELLAB_OK ? CLI_EXIT_OK
               : status == MODELLAB_E_SCHEMA
                   ? tell(call, NULL, report)
                   : cli_fail(call, call->arguments[0], NULL, status, &err);
        modellab_report_unref(report);
        modellab_lab_unref(lab);
    }
    cli_text_free(&text);
    return code;
}

int cli_pipeline_delete(cli_call *call)
{
    modellab_lab *lab = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    int code = cli_open_lab(call, MODELLAB_LAB_NO_RECONCILE, &lab);
    if (code != CLI_EXIT_OK)
        return code;
    modellab_status status = modellab_pipeline_delete(lab, call->arguments[0], &err);
    modellab_lab_unref(lab);
    return status == MODELLAB_OK ? CLI_EXIT_OK
                                 : cli_fail(call, call->arguments[0], NULL, status, &err);
}

int cli_put_steps(const cli_call *call, cli_json *j)
{
    if (!cli_has(call, CLI_OPT_STEPS))
        return CLI_EXIT_OK;
    if (cli_has(call, CLI_OPT_PIPELINE))
        return cli_fail_text(call, CLI_EXIT_USAGE, "--steps and --pipeline exclude each other");
    cli_json_key(j, "steps");
    cli_json_open(j, '[');
    for (const char *at = cli_value(call, CLI_OPT_STEPS); *at != '\0'; at += strspn(at, ",")) {
        cli_text name = CLI_TEXT_INIT;
        at += strspn(at, " ");
        size_t bytes = strcspn(at, ", ");
        cli_text_add_n(&name, at, bytes);
        cli_json_string(j, cli_text_get(&name));
        cli_text_free(&name);
        at += bytes + strspn(at + bytes, " ");
    }
    cli_json_close(j, ']');
    return CLI_EXIT_OK;
}
