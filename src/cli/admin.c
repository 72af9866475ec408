/* `modellab admin health | metrics`. */
#include "cli/commands.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WAIT_MS 30000

/* Whether the lab can take runs; when it cannot, the sentence of the check that says so. */
static bool is_ready(const modellab_health *health, char why[256])
{
    for (size_t i = 0; i < modellab_health_check_count(health); i++) {
        modellab_health_check_info c = {.size = sizeof c};
        if (modellab_health_check_at(health, i, &c, NULL) != MODELLAB_OK)
            continue;
        bool works = c.state != MODELLAB_HEALTH_CRITICAL && c.state != MODELLAB_HEALTH_INITIALIZING;
        /* a folder that can only be read degrades the lab: what is there can be looked at */
        if (!works ||
            (strcmp(c.name, "runs_directory") == 0 && c.state != MODELLAB_HEALTH_HEALTHY)) {
            snprintf(why, 256, "%s", c.message);
            return false;
        }
    }
    return true;
}

/* Also a lab that cannot be opened has a health. */
static int print_closed(cli_call *call, const modellab_error *err)
{
    bool ok;
    if (cli_has(call, CLI_OPT_JSON)) {
        cli_json j = {.depth = 0};
        cli_json_open(&j, '{');
        cli_json_kstring(&j, "state", modellab_health_state_name(MODELLAB_HEALTH_CRITICAL));
        cli_json_key(&j, "ready");
        cli_json_bool(&j, false);
        cli_json_kstring(&j, "why", err->message);
        cli_json_key(&j, "checks");
        cli_json_open(&j, '[');
        cli_json_close(&j, ']');
        cli_json_close(&j, '}');
        ok = cli_json_print(&j);
        cli_text_free(&j.text);
    } else {
        ok = printf("%s\nready=false: the lab cannot be opened: %s\n",
                    modellab_health_state_name(MODELLAB_HEALTH_CRITICAL), err->message) > 0 &&
             fflush(stdout) == 0;
    }
    return ok ? CLI_EXIT_UNHEALTHY : CLI_EXIT_FAILURE;
}

static int print_health(cli_call *call, const modellab_health *health, bool *late)
{
    cli_json j = {.depth = 0};
    cli_text out = CLI_TEXT_INIT;
    modellab_health_state state = modellab_health_get_state(health);
    cli_json_open(&j, '{');
    char why[256] = "";
    bool ready = is_ready(health, why);
    cli_json_kstring(&j, "state", modellab_health_state_name(state));
    cli_json_key(&j, "ready");
    cli_json_bool(&j, ready);
    if (!ready)
        cli_json_kstring(&j, "why", why);
    cli_json_key(&j, "checks");
    cli_json_open(&j, '[');
    cli_text_printf(&out, "%s\n", modellab_health_state_name(state));
    if (!ready)
        cli_text_printf(&out, "ready=false: %s\n", why);
    for (size_t i = 0; i < modellab_health_check_count(health); i++) {
        modellab_health_check_info c = {.size = sizeof c};
        if (modellab_health_check_at(health, i, &c, NULL) != MODELLAB_OK)
            continue;
        cli_json_open(&j, '{');
        cli_json_kstring(&j, "name", c.name);
        cli_json_kstring(&j, "state", modellab_health_state_name(c.state));
        cli_json_kstring(&j, "message", c.message);
        cli_json_kreal(&j, "milliseconds", c.milliseconds);
        cli_json_kint(&j, "age_ms", c.age_ms);
        cli_json_key(&j, "late");
        cli_json_bool(&j, c.is_late != 0);
        cli_json_close(&j, '}');
        cli_text_printf(&out, "  %-16s %-12s %8.2f ms  %s\n", c.name,
                        modellab_health_state_name(c.state), c.milliseconds, c.message);
        *late = *late || c.is_late != 0;
    }
    cli_json_close(&j, ']');
    cli_json_close(&j, '}');
    bool ok =
        cli_has(call, CLI_OPT_JSON) ? cli_json_print(&j) : cli_print(cli_text_get(&out), out.size);
    cli_text_free(&j.text);
    cli_text_free(&out);
    if (!ok)
        return CLI_EXIT_FAILURE;
    return state == MODELLAB_HEALTH_CRITICAL || state == MODELLAB_HEALTH_INITIALIZING
               ? CLI_EXIT_UNHEALTHY
               : CLI_EXIT_OK;
}

int cli_admin_health(cli_call *call)
{
    modellab_lab *lab = NULL;
    modellab_health *health = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    const char *name = cli_value(call, CLI_OPT_LEVEL);
    modellab_health_options options = MODELLAB_HEALTH_OPTIONS_INIT;
    int64_t wait_ms = 0;
    bool late = false;
    int code = cli_duration_option(call, CLI_OPT_TIMEOUT, WAIT_MS, &wait_ms);
    if (code != CLI_EXIT_OK)
        return code;
    options.wait_ms = wait_ms < 1 ? 1 : wait_ms > INT32_MAX ? INT32_MAX : (int32_t)wait_ms;
    options.level = MODELLAB_HEALTH_READY;
    if (name != NULL)
        options.level = name[0] == 'l'
                            ? MODELLAB_HEALTH_LIVE
                            : (name[0] == 'd' ? MODELLAB_HEALTH_DEEP : MODELLAB_HEALTH_READY);
    modellab_status status = cli_try_lab_to_read(call, MODELLAB_LAB_NO_RECONCILE, &lab, &err);
    if (status == MODELLAB_E_NOT_FOUND || status == MODELLAB_E_INVALID_ARGUMENT)
        return cli_fail(call, "lab", NULL, status, &err);
    if (status != MODELLAB_OK)
        return print_closed(call, &err);
    /* deep: an inference in this process; an OpenBLAS that ignores the call is only slower */
    if (options.level == MODELLAB_HEALTH_DEEP &&
        modellab_blas_use_single_thread(&err) != MODELLAB_OK)
        cli_note(call, "%s", err.message);
    status = modellab_health_look(lab, &options, &health, &err);
    code = status == MODELLAB_OK ? print_health(call, health, &late)
                                 : cli_fail(call, "health", NULL, status, &err);
    modellab_health_unref(health);
    if (late && fflush(NULL) == 0)
        _exit(code); /* closing the lab would wait for what hangs */
    modellab_lab_unref(lab);
    return code;
}

int cli_admin_metrics(cli_call *call)
{
    modellab_lab *lab = NULL;
    modellab_buffer *text = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    int code = cli_open_lab_to_read(call, MODELLAB_LAB_NO_RECONCILE, &lab);
    if (code != CLI_EXIT_OK)
        return code;
    modellab_status status =
        modellab_metrics_write(lab,
                               cli_has(call, CLI_OPT_OPENMETRICS) ? MODELLAB_METRICS_OPENMETRICS
                                                                  : MODELLAB_METRICS_PROMETHEUS,
                               &text, &err);
    if (status != MODELLAB_OK) {
        code = cli_fail(call, "metrics", NULL, status, &err);
    } else if (cli_has(call, CLI_OPT_JSON)) {
        cli_json j = {.depth = 0};
        cli_json_open(&j, '{');
        cli_json_kstring(&j, "metrics", modellab_buffer_data(text));
        cli_json_close(&j, '}');
        code = cli_json_print(&j) ? CLI_EXIT_OK : CLI_EXIT_FAILURE;
    } else {
        code = cli_print(modellab_buffer_data(text), modellab_buffer_size(text)) ? CLI_EXIT_OK
                                                                                 : CLI_EXIT_FAILURE;
    }
    modellab_buffer_destroy(text);
    modellab_lab_unref(lab);
    return code;
}
