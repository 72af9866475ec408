/* `modellab models inspect`: the description of a weight file for people. */
#include "cli/commands.h"
#include "cli/scan.h"
#include "cli/signals.h"
#include <stdio.h>

static void add(cli_text *out, cli_span span)
{
    cli_text_printf(out, "%.*s", (int)span.bytes, span.at != NULL ? span.at : "");
}

static void add_member(cli_text *out, const char *label, cli_span object, const char *key)
{
    cli_span value = cli_scan_member(object, key);
    if (value.at == NULL)
        return;
    cli_text_printf(out, "%-13s ", label);
    add(out, cli_span_is(value, "null") ? (cli_span){"-", 1} : cli_span_bare(value));
    cli_text_printf(out, "\n");
}

/* name  type [shape] */
static void add_tensors(cli_text *out, const char *label, cli_span array)
{
    cli_span item = {NULL, 0};
    while (cli_scan_item(array, &item)) {
        cli_text_printf(out, "%-13s ", label);
        add(out, cli_span_bare(cli_scan_member(item, "name")));
        cli_text_printf(out, "  ");
        add(out, cli_span_bare(cli_scan_member(item, "type")));
        cli_text_printf(out, " ");
        add(out, cli_scan_member(item, "shape"));
        cli_text_printf(out, "\n");
    }
}

static void add_ops(cli_text *out, cli_span ops)
{
    cli_span item = {NULL, 0};
    if (ops.at == NULL)
        return;
    cli_text_printf(out, "%-13s", "ops");
    while (cli_scan_item(ops, &item)) {
        cli_text_printf(out, " ");
        add(out, cli_span_bare(cli_scan_member(item, "op")));
        cli_text_printf(out, " ");
        add(out, cli_scan_member(item, "count"));
    }
    cli_text_printf(out, "\n");
}

static bool print_text(const char *json, size_t bytes)
{
    static const char *const facts[] = {"format", "architecture", "producer",  "ir_version",
                                        "opset",  "nodes",        "parameters"};
    cli_text out = CLI_TEXT_INIT;
    cli_span object = {json, bytes};
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++)
        add_member(&out, facts[i], object, facts[i]);
    add_tensors(&out, "input", cli_scan_member(object, "inputs"));
    add_tensors(&out, "output", cli_scan_member(object, "outputs"));
    add_ops(&out, cli_scan_member(object, "ops"));
    add_tensors(&out, "weight", cli_scan_member(object, "weights"));
    bool printed = cli_print(cli_text_get(&out), out.size);
    cli_text_free(&out);
    return printed;
}

int cli_models_inspect(cli_call *call)
{
    modellab_model_options options = MODELLAB_MODEL_OPTIONS_INIT;
    modellab_buffer *json = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = modellab_cancel_create(NULL, &options.cancel, &err);
    if (status == MODELLAB_OK) {
        cli_signal_cancels(options.cancel);
        status = modellab_model_inspect(call->arguments[0], &options, &json, &err);
        cli_signal_cancels(NULL);
        modellab_cancel_unref(options.cancel);
    }
    if (status == MODELLAB_E_CANCELLED && cli_signal() != 0)
        return cli_signal_exit();
    if (status != MODELLAB_OK)
        return cli_fail_input(call, call->arguments[0], status, &err);
    const char *text = modellab_buffer_data(json);
    size_t bytes = modellab_buffer_size(json);
    bool printed = cli_has(call, CLI_OPT_JSON) ? cli_print(text, bytes) && cli_print("\n", 1)
                                               : print_text(text, bytes);
    modellab_buffer_destroy(json);
    return printed ? CLI_EXIT_OK : CLI_EXIT_FAILURE;
}
