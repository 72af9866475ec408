/* `modellab run bundle | import`. */
#include "cli/commands.h"
#include "cli/each_run.h"
#include "cli/signals.h"
#include <stdio.h>
#include <string.h>

/* "run_id" and what was done, as a line or as JSON. */
static int tell(cli_call *call, const char *id, const char *key, const char *value)
{
    cli_json j = {.depth = 0};
    if (!cli_has(call, CLI_OPT_JSON))
        return printf("%s\n", value) > 0 && fflush(stdout) == 0 ? CLI_EXIT_OK : CLI_EXIT_FAILURE;
    cli_json_open(&j, '{');
    cli_json_kstring(&j, "run_id", id);
    if (strcmp(key, "run_id") != 0)
        cli_json_kstring(&j, key, value);
    cli_json_close(&j, '}');
    return cli_json_print(&j) ? CLI_EXIT_OK : CLI_EXIT_FAILURE;
}

static int fail_bundle(const cli_call *call, const char *path, const char *id,
                       modellab_status status, const modellab_error *err)
{
    if (status == MODELLAB_E_NOT_FOUND)
        return cli_fail_run(call, id, status, err);
    if (status == MODELLAB_E_HASH_MISMATCH) /* the message says what to do */
        return cli_fail_advice(call, NULL, id, status, err, CLI_EXIT_UNHEALTHY, "");
    return cli_fail(call, path, id, status, err);
}

/* What is no bundle, or one that is damaged or makes no sense, is a wrong input. */
static int fail_import(const cli_call *call, const char *path, modellab_status status,
                       const modellab_error *err)
{
    if (status == MODELLAB_E_INVALID_ARGUMENT || status == MODELLAB_E_SCHEMA ||
        status == MODELLAB_E_INVALID_JSON || status == MODELLAB_E_HASH_MISMATCH)
        return cli_fail_advice(call, path, NULL, status, err, CLI_EXIT_INPUT,
                               "`modellab run bundle` makes one.");
    return cli_fail(call, path, NULL, status, err);
}

int cli_run_bundle(cli_call *call)
{
    modellab_lab *lab = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    char id[MODELLAB_RUN_ID_BYTES], name[MODELLAB_RUN_ID_BYTES + 8];
    const char *path = cli_value(call, CLI_OPT_OUTPUT);
    int code = cli_run_open(call, true, MODELLAB_LAB_NO_RECONCILE, &lab, id);
    if (code == CLI_EXIT_OK) {
        snprintf(name, sizeof name, "%s.zip", id);
        path = path != NULL ? path : name;
        modellab_cancel *cancel = cli_cancel_begin();
        modellab_status status = modellab_run_bundle(
            lab, id, path, cli_has(call, CLI_OPT_WITHOUT_INPUT) ? MODELLAB_BUNDLE_WITHOUT_INPUT : 0,
            cancel, &err);
        cli_cancel_end(cancel);
        code = status == MODELLAB_OK ? tell(call, id, "file", path)
                                     : fail_bundle(call, path, id, status, &err);
    }
    modellab_lab_unref(lab);
    return code;
}

int cli_run_import(cli_call *call)
{
    modellab_lab *lab = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    char id[MODELLAB_RUN_ID_BYTES] = "";
    int code = cli_open_lab(call, 0, &lab);
    if (code != CLI_EXIT_OK)
        return code;
    modellab_cancel *cancel = cli_cancel_begin();
    modellab_status status = modellab_run_import(lab, call->arguments[0], cancel, id, &err);
    cli_cancel_end(cancel);
    code = status == MODELLAB_OK ? tell(call, id, "run_id", id)
                                 : fail_import(call, call->arguments[0], status, &err);
    modellab_lab_unref(lab);
    return code;
}
