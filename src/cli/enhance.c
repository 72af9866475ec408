/* `modellab enhance`: a file through a chain of operators, or the list of them. */
#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/request.h"
#include "cli/signals.h"
#include <stdio.h>
#include <string.h>

static void add_param(cli_text *out, const modellab_enhance_param *p)
{
    if (p->choices[0] != '\0') {
        char word[32];
        const char *at = p->choices;
        for (int i = 0; i < (int)p->standard && strchr(at, '|') != NULL; i++)
            at = strchr(at, '|') + 1;
        snprintf(word, sizeof word, "%.*s", (int)strcspn(at, "|"), at);
        cli_text_printf(out, "    %s=%s  %s; %s\n", p->name, word, p->choices, p->text);
    } else {
        cli_text_printf(out, "    %s=%g  %g to %g%s%s; %s\n", p->name, p->standard, p->least,
                        p->most, p->unit[0] != '\0' ? " " : "", p->unit, p->text);
    }
}

static void put_param(cli_json *j, const modellab_enhance_param *p)
{
    cli_json_open(j, '{');
    cli_json_kstring(j, "name", p->name);
    cli_json_kstring(j, "unit", p->unit);
    cli_json_kstring(j, "text", p->text);
    cli_json_kstring(j, "choices", p->choices[0] != '\0' ? p->choices : NULL);
    cli_json_kreal(j, "minimum", p->least);
    cli_json_kreal(j, "maximum", p->most);
    cli_json_kreal(j, "default", p->standard);
    cli_json_close(j, '}');
}

static int list_operators(cli_call *call)
{
    cli_text out = CLI_TEXT_INIT;
    cli_json json = {.depth = 0};
    bool as_json = cli_has(call, CLI_OPT_JSON), printed;

    cli_json_open(&json, '{');
    cli_json_key(&json, "operators");
    cli_json_open(&json, '[');
    for (size_t i = 0; i < modellab_enhance_operator_count(); i++) {
        modellab_enhance_operator op = {.size = sizeof op};
        modellab_error err = MODELLAB_ERROR_INIT;
        if (modellab_enhance_operator_at(i, &op, &err) != MODELLAB_OK)
            return cli_fail(call, NULL, NULL, err.code, &err);
        cli_text_printf(&out, "%s\n    %s\n", op.name, op.text);
        cli_json_open(&json, '{');
        cli_json_kstring(&json, "name", op.name);
        cli_json_kstring(&json, "text", op.text);
        cli_json_key(&json, "two_passes");
        cli_json_bool(&json, op.two_passes != 0);
        cli_json_key(&json, "moves_time");
        cli_json_bool(&json, op.moves_time != 0);
        cli_json_key(&json, "params");
        cli_json_open(&json, '[');
        for (size_t p = 0; p < (size_t)op.param_count; p++) {
            modellab_enhance_param param = {.size = sizeof param};
            if (modellab_enhance_param_at(i, p, &param, &err) != MODELLAB_OK)
                return cli_fail(call, NULL, NULL, err.code, &err);
            add_param(&out, &param);
            put_param(&json, &param);
        }
        cli_json_close(&json, ']');
        cli_json_close(&json, '}');
    }
    cli_json_close(&json, ']');
    cli_json_close(&json, '}');
    if (as_json) {
        printed = cli_json_print(&json);
    } else {
        printed = cli_print(cli_text_get(&out), out.size);
        cli_text_free(&json.text);
    }
    cli_text_free(&out);
    return printed ? CLI_EXIT_OK : CLI_EXIT_FAILURE;
}

/* A mistake in an operator belongs to the command line. */
int cli_check_operators(const cli_call *call)
{
    for (int i = 0; i < call->counts[CLI_OPT_OP]; i++) {
        modellab_error err = MODELLAB_ERROR_INIT;
        const char *op = call->values[CLI_OPT_OP][i];
        if (modellab_enhance_check(op, NULL, 0, NULL, &err) != MODELLAB_OK)
            return cli_fail_text(call, CLI_EXIT_USAGE, "--op '%s': %s", op, err.message);
    }
    return CLI_EXIT_OK;
}

static int tell(cli_call *call, const modellab_enhancement *made)
{
    modellab_enhancement_info info = {.size = sizeof info};
    modellab_error err = MODELLAB_ERROR_INIT;
    cli_text out = CLI_TEXT_INIT;
    cli_json j = {.depth = 0};
    modellab_status status = modellab_enhancement_get_info(made, &info, &err);

    if (status != MODELLAB_OK)
        return cli_fail(call, NULL, NULL, status, &err);
    cli_json_open(&j, '{');
    cli_json_kstring(&j, "file", call->arguments[0]);
    cli_json_kstring(&j, "output", cli_value(call, CLI_OPT_OUTPUT));
    cli_json_kint(&j, "channels_in", info.channels_in);
    cli_json_kint(&j, "rate_in_hz", info.rate_in_hz);
    cli_json_kint(&j, "frames_in", info.frames_in);
    cli_json_kint(&j, "channels_out", info.channels_out);
    cli_json_kint(&j, "rate_out_hz", info.rate_out_hz);
    cli_json_kint(&j, "frames_out", info.frames_out);
    cli_json_kint(&j, "passes", info.passes);
    cli_json_key(&j, "moves_time");
    cli_json_bool(&j, info.moves_time != 0);
    cli_json_key(&j, "operators");
    cli_json_open(&j, '[');
    for (size_t i = 0; i < modellab_enhancement_count(made); i++) {
        modellab_enhancement_step step = {.size = sizeof step};
        status = modellab_enhancement_step_at(made, i, &step, &err);
        if (status != MODELLAB_OK)
            return cli_fail(call, NULL, NULL, status, &err);
        const char *found = strstr(step.json, "\"found\":{");
        size_t n = found != NULL ? strcspn(found + 9, "}") : 0;
        cli_text_printf(&out, "%s%s%.*s\n", step.text, n > 0 ? "  " : "", (int)n,
                        n > 0 ? found + 9 : "");
        cli_json_raw(&j, step.json);
    }
    cli_json_close(&j, ']');
    cli_json_close(&j, '}');
    cli_text_printf(&out, "%.2f s, %d channels, %d Hz -> %.2f s, %d channels, %d Hz\n",
                    (double)info.frames_in / info.rate_in_hz, (int)info.channels_in,
                    (int)info.rate_in_hz, (double)info.frames_out / info.rate_out_hz,
                    (int)info.channels_out, (int)info.rate_out_hz);
    bool printed = true;
    if (cli_has(call, CLI_OPT_JSON)) {
        printed = cli_json_print(&j);
    } else {
        printed = cli_has(call, CLI_OPT_QUIET) || cli_print(cli_text_get(&out), out.size);
        cli_text_free(&j.text);
    }
    cli_text_free(&out);
    return printed ? CLI_EXIT_OK : CLI_EXIT_FAILURE;
}

static int32_t show(void *user, double fraction)
{
    char text[24];

    snprintf(text, sizeof text, "%d %%", (int)(100.0 * fraction));
    cli_progress_text(user, text);
    return 0;
}

int cli_enhance(cli_call *call)
{
    modellab_enhance_options options = MODELLAB_ENHANCE_OPTIONS_INIT;
    modellab_enhancement *made = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    cli_progress progress;
    int code = cli_check_operators(call);

    if (code != CLI_EXIT_OK)
        return code;
    if (call->argument_count == 0)
        return list_operators(call);
    cli_progress_begin(&progress, call, call->arguments[0]);
    options.output_path = cli_value(call, CLI_OPT_OUTPUT);
    options.progress = show;
    options.user = &progress;
    options.cancel = cli_cancel_begin();
    modellab_status status =
        modellab_enhance_file(call->arguments[0], call->values[CLI_OPT_OP],
                              (size_t)call->counts[CLI_OPT_OP], &options, &made, &err);
    cli_cancel_end(options.cancel);
    cli_progress_end(&progress);
    if (status == MODELLAB_E_CANCELLED && cli_signal() != 0)
        return cli_signal_exit();
    if (status != MODELLAB_OK)
        return cli_fail_input(call, call->arguments[0], status, &err);
    code = tell(call, made);
    modellab_enhancement_unref(made);
    return code;
}
