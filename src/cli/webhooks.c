/* `modellab webhook create | list | deliveries | test | enable | delete`. */
#include "cli/commands.h"
#include "cli/keys.h"
#include <string.h>

int cli_webhook_create(cli_call *call)
{
    modellab_webhook_options options = MODELLAB_WEBHOOK_OPTIONS_INIT;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_buffer *secret = NULL;
    modellab_lab *lab = NULL;
    char id[MODELLAB_KEY_ID_BYTES];
    options.url = call->arguments[0];
    options.events = cli_value(call, CLI_OPT_EVENTS);
    options.user = cli_value(call, CLI_OPT_USER);
    options.every_user = options.user == NULL; /* who names nobody means all */
    int code = cli_open_lab(call, MODELLAB_LAB_NO_RECONCILE, &lab);
    if (code != CLI_EXIT_OK)
        return code;
    modellab_status status = modellab_webhook_create(lab, &options, id, &secret, &err);
    code = status == MODELLAB_OK ? cli_print_secret(call, id, modellab_buffer_data(secret))
                                 : cli_fail(call, "webhook", NULL, status, &err);
    modellab_buffer_destroy(secret);
    modellab_lab_unref(lab);
    return code;
}

static bool print_webhooks(cli_call *call, const modellab_webhook_list *list)
{
    cli_json j = {.depth = 0};
    cli_text out = CLI_TEXT_INIT;
    cli_json_open(&j, '{');
    cli_json_key(&j, "webhooks");
    cli_json_open(&j, '[');
    cli_text_printf(&out, "%-26s %-8s %-12s %s\n", "ID", "STATE", "USER", "URL  EVENTS");
    for (size_t i = 0; i < modellab_webhook_list_count(list); i++) {
        modellab_webhook_info w = {.size = sizeof w};
        if (modellab_webhook_list_at(list, i, &w, NULL) != MODELLAB_OK)
            continue;
        cli_text_printf(&out, "%-26s %-8s ", w.id, w.disabled_ms > 0 ? "disabled" : "enabled");
        for (int pad = cli_text_add_columns(&out, w.every_user ? "*" : w.user, 12); pad < 13; pad++)
            cli_text_add(&out, " ");
        cli_text_add_shown(&out, w.url);
        cli_text_printf(&out, "  %s\n", w.events[0] != '\0' ? w.events : "(ends of runs)");
        if (w.disabled_ms > 0)
            cli_text_printf(&out, "%-26s %s\n", "", w.disabled_why);
        cli_json_open(&j, '{');
        cli_json_kstring(&j, "id", w.id);
        cli_json_kstring(&j, "url", w.url);
        cli_json_kstring(&j, "events", w.events);
        cli_json_kstring(&j, "user", w.user);
        cli_json_key(&j, "every_user");
        cli_json_bool(&j, w.every_user != 0);
        cli_json_ktime(&j, "created_at", w.created_ms);
        cli_json_ktime(&j, "disabled_at", w.disabled_ms);
        cli_json_kstring(&j, "disabled_reason", w.disabled_why);
        cli_json_kint(&j, "failures", w.failures);
        cli_json_close(&j, '}');
    }
    cli_json_close(&j, ']');
    cli_json_close(&j, '}');
    bool ok =
        cli_has(call, CLI_OPT_JSON) ? cli_json_print(&j) : cli_print(cli_text_get(&out), out.size);
    cli_text_free(&j.text);
    cli_text_free(&out);
    return ok;
}

int cli_webhook_list(cli_call *call)
{
    modellab_lab *lab = NULL;
    modellab_webhook_list *list = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    int code = cli_open_lab_to_read(call, MODELLAB_LAB_NO_RECONCILE, &lab);
    if (code != CLI_EXIT_OK)
        return code;
    modellab_status status = modellab_webhook_list_load(lab, NULL, &list, &err);
    if (status != MODELLAB_OK)
        code = cli_fail(call, "webhooks", NULL, status, &err);
    else if (!print_webhooks(call, list))
        code = CLI_EXIT_FAILURE;
    modellab_webhook_list_unref(list);
    modellab_lab_unref(lab);
    return code;
}

static bool print_deliveries(cli_call *call, const modellab_delivery_list *list)
{
    cli_json j = {.depth = 0};
    cli_text out = CLI_TEXT_INIT;
    cli_json_open(&j, '{');
    cli_json_key(&j, "deliveries");
    cli_json_open(&j, '[');
    cli_text_printf(&out, "%-26s %-15s %-9s %8s %4s %-19s %s\n", "ID", "EVENT", "STATE", "ATTEMPTS",
                    "HTTP", "CREATED", "MESSAGE");
    for (size_t i = 0; i < modellab_delivery_list_count(list); i++) {
        modellab_delivery_info d = {.size = sizeof d};
        char created[24];
        if (modellab_delivery_list_at(list, i, &d, NULL) != MODELLAB_OK)
            continue;
        cli_time_text(created, d.created_ms);
        cli_text_printf(&out, "%-26s %-15s %-9s %8lld %4lld %-19s ", d.id, d.event, d.state,
                        (long long)d.attempts, (long long)d.http_status, created);
        cli_text_add_shown(&out, d.message);
        cli_text_add(&out, "\n");
        cli_json_open(&j, '{');
        cli_json_kstring(&j, "id", d.id);
        cli_json_kstring(&j, "event", d.event);
        cli_json_kstring(&j, "run_id", d.run_id);
        cli_json_kstring(&j, "status", d.state);
        cli_json_kint(&j, "attempts", d.attempts);
        cli_json_kint(&j, "http_status", d.http_status);
        cli_json_kstring(&j, "message", d.message);
        cli_json_ktime(&j, "created_at", d.created_ms);
        cli_json_ktime(&j, "ended_at", d.ended_ms);
        cli_json_ktime(&j, "next_attempt_at", d.due_ms);
        cli_json_close(&j, '}');
    }
    cli_json_close(&j, ']');
    cli_json_close(&j, '}');
    bool ok =
        cli_has(call, CLI_OPT_JSON) ? cli_json_print(&j) : cli_print(cli_text_get(&out), out.size);
    cli_text_free(&j.text);
    cli_text_free(&out);
    return ok;
}

int cli_webhook_deliveries(cli_call *call)
{
    modellab_lab *lab = NULL;
    modellab_delivery_list *list = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    int64_t limit = 20;
    if (cli_has(call, CLI_OPT_LIMIT) &&
        !cli_parse_int(cli_value(call, CLI_OPT_LIMIT), 1, 1000, &limit))
        return cli_fail_text(call, CLI_EXIT_USAGE, "--limit must be a number from 1 to 1000");
    int code = cli_open_lab_to_read(call, MODELLAB_LAB_NO_RECONCILE, &lab);
    if (code != CLI_EXIT_OK)
        return code;
    modellab_status status =
        modellab_delivery_list_load(lab, call->arguments[0], NULL, cli_value(call, CLI_OPT_BEFORE),
                                    (int32_t)limit, &list, &err);
    if (status != MODELLAB_OK)
        code = cli_fail(call, "webhook", NULL, status, &err);
    else if (!print_deliveries(call, list))
        code = CLI_EXIT_FAILURE;
    modellab_delivery_list_unref(list);
    modellab_lab_unref(lab);
    return code;
}

typedef modellab_status (*change_fn)(modellab_lab *lab, const char *id, modellab_error *err);

MODELLAB_MUST_CHECK static modellab_status send_test(modellab_lab *lab, const char *id,
                                                     modellab_error *err)
{
    char delivery[MODELLAB_KEY_ID_BYTES];
    return modellab_webhook_test(lab, id, delivery, err);
}

static int change(cli_call *call, change_fn what)
{
    modellab_lab *lab = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    int code = cli_open_lab(call, MODELLAB_LAB_NO_RECONCILE, &lab);
    if (code != CLI_EXIT_OK)
        return code;
    modellab_status status = what(lab, call->arguments[0], &err);
    modellab_lab_unref(lab);
    return status == MODELLAB_OK ? CLI_EXIT_OK : cli_fail(call, "webhook", NULL, status, &err);
}

int cli_webhook_test(cli_call *call)
{
    return change(call, send_test);
}

int cli_webhook_enable(cli_call *call)
{
    return change(call, modellab_webhook_enable);
}

int cli_webhook_delete(cli_call *call)
{
    return change(call, modellab_webhook_delete);
}
