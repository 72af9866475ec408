/* `modellab admin reconcile`: findings as a table or as JSON. */
#include "cli/commands.h"
#include <string.h>

/* A finding's text is what was found, " -> ", what was done. */
static void split(const char *text, char found[512], const char **done)
{
    const char *arrow = strstr(text, " -> ");
    size_t bytes = arrow != NULL ? (size_t)(arrow - text) : strlen(text);
    bytes = bytes < 511 ? bytes : 511;
    memcpy(found, text, bytes);
    found[bytes] = '\0';
    *done = arrow != NULL ? arrow + 4 : "";
}

static const char *run_of(const char *pointer)
{
    return strncmp(pointer, "/runs/", 6) == 0 ? pointer + 6 : "";
}

static void add_json(cli_json *j, const modellab_finding *f)
{
    char found[512];
    const char *done;
    split(f->text, found, &done);
    cli_json_open(j, '{');
    cli_json_kstring(j, "id", f->id);
    cli_json_kstring(j, "severity", modellab_severity_name(f->severity));
    cli_json_kstring(j, "run_id", run_of(f->pointer));
    cli_json_kstring(j, "found", found);
    cli_json_kstring(j, "done", done);
    cli_json_close(j, '}');
}

static void add_row(cli_text *out, const modellab_finding *f)
{
    char found[512];
    const char *done, *run_id = run_of(f->pointer);
    split(f->text, found, &done);
    cli_text_printf(out, "%-8s  %-19s  %-26s  %s%s%s\n", modellab_severity_name(f->severity), f->id,
                    run_id[0] != '\0' ? run_id : "-", found, done[0] != '\0' ? "; " : "", done);
}

static int print_report(cli_call *call, const modellab_report *report)
{
    cli_json j = {.depth = 0};
    cli_text out = CLI_TEXT_INIT;
    bool person = modellab_report_worst(report) == MODELLAB_SEVERITY_ERROR;
    cli_json_open(&j, '{');
    cli_json_key(&j, "findings");
    cli_json_open(&j, '[');
    if (modellab_report_count(report) > 0)
        cli_text_printf(&out, "%-8s  %-19s  %-26s  %s\n", "SEVERITY", "FINDING", "RUN",
                        "FOUND; DONE");
    else
        cli_text_printf(&out, "nothing found\n");
    for (size_t i = 0; i < modellab_report_count(report); i++) {
        modellab_finding f = MODELLAB_FINDING_INIT;
        if (modellab_report_at(report, i, &f, NULL) != MODELLAB_OK)
            continue;
        add_json(&j, &f);
        add_row(&out, &f);
    }
    cli_json_close(&j, ']');
    cli_json_key(&j, "needs_a_person");
    cli_json_raw(&j, person ? "true" : "false");
    cli_json_close(&j, '}');
    bool ok =
        cli_has(call, CLI_OPT_JSON) ? cli_json_print(&j) : cli_print(cli_text_get(&out), out.size);
    cli_text_free(&j.text);
    cli_text_free(&out);
    if (!ok)
        return CLI_EXIT_FAILURE;
    return person ? CLI_EXIT_UNHEALTHY : CLI_EXIT_OK;
}

int cli_admin_reconcile(cli_call *call)
{
    modellab_lab *lab = NULL;
    modellab_report *report = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    bool dry_run = cli_has(call, CLI_OPT_DRY_RUN);
    int32_t flags = (dry_run ? MODELLAB_RECONCILE_DRY_RUN : 0) |
                    (cli_has(call, CLI_OPT_FILES) ? MODELLAB_RECONCILE_FILES : 0);
    int code = dry_run ? cli_open_lab_to_read(call, MODELLAB_LAB_NO_RECONCILE, &lab)
                       : cli_open_lab(call, MODELLAB_LAB_NO_RECONCILE, &lab);
    if (code != CLI_EXIT_OK)
        return code;
    modellab_status status = modellab_lab_reconcile(lab, flags, &report, &err);
    code = status == MODELLAB_OK ? print_report(call, report)
                                 : cli_fail(call, "reconcile", NULL, status, &err);
    modellab_report_unref(report);
    modellab_lab_unref(lab);
    return code;
}
