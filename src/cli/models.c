/* `modellab models ...`. */
#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int load(cli_call *call, modellab_catalog **out)
{
    modellab_catalog_options options = MODELLAB_CATALOG_OPTIONS_INIT;
    modellab_error err = MODELLAB_ERROR_INIT;
    options.logger = call->logger;
    modellab_status status = modellab_catalog_load(&options, out, &err);
    return status == MODELLAB_OK ? CLI_EXIT_OK : cli_fail(call, "models", NULL, status, &err);
}

static const char *state_name(modellab_model_state state)
{
    switch (state) {
    case MODELLAB_MODEL_INSTALLED:
        return "installed";
    case MODELLAB_MODEL_PARTIAL:
        return "partial";
    case MODELLAB_MODEL_DAMAGED:
        return "damaged";
    default:
        return "absent";
    }
}

static void list_json(cli_json *j, const modellab_catalog_entry *e)
{
    cli_json_open(j, '{');
    cli_json_kstring(j, "name", e->name);
    cli_json_kstring(j, "title", e->title);
    cli_json_kstring(j, "task", e->task);
    cli_json_kstring(j, "architecture", e->architecture);
    cli_json_kstring(j, "licence", e->licence);
    cli_json_kstring(j, "languages", e->languages);
    cli_json_kint(j, "bytes", e->bytes);
    cli_json_kstring(j, "state", state_name(e->state));
    cli_json_key(j, "is_default");
    cli_json_bool(j, e->is_default != 0);
    cli_json_close(j, '}');
}

int cli_models_list(cli_call *call)
{
    modellab_catalog *catalog = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    cli_json j = {.depth = 0};
    cli_text out = CLI_TEXT_INIT;
    bool as_json = cli_has(call, CLI_OPT_JSON);
    int code = load(call, &catalog);
    if (code != CLI_EXIT_OK)
        return code;
    cli_json_open(&j, '{');
    cli_json_key(&j, "models");
    cli_json_open(&j, '[');
    cli_text_printf(&out, "%-26s %-10s %-9s %9s  %-12s %s\n", "NAME", "STATE", "TASK", "SIZE",
                    "LICENCE", "TITLE");
    for (size_t i = 0; i < modellab_catalog_count(catalog) && code == CLI_EXIT_OK; i++) {
        modellab_catalog_entry e = {.size = sizeof e};
        modellab_status status = modellab_catalog_at(catalog, i, &e, &err);
        if (status != MODELLAB_OK) {
            code = cli_fail(call, "models", NULL, status, &err);
            break;
        }
        list_json(&j, &e);
        cli_text_printf(&out, "%-26s %-10s %-9s %5.1f MiB  %-12s %s%s\n", e.name,
                        state_name(e.state), e.task, (double)e.bytes / 1048576, e.licence, e.title,
                        e.is_default != 0 ? " (default)" : "");
    }
    cli_json_close(&j, ']');
    cli_json_close(&j, '}');
    if (code == CLI_EXIT_OK &&
        !(as_json ? cli_json_print(&j) : cli_print(cli_text_get(&out), out.size)))
        code = CLI_EXIT_FAILURE;
    cli_text_free(&j.text);
    cli_text_free(&out);
    modellab_catalog_unref(catalog);
    return code;
}

/* What a running pull shows. */
typedef struct pull_view {
    cli_progress progress;
    const cli_call *call;
    const char *name;
    char source[16]; /* that is being tried */
} pull_view;

static int32_t on_pull(void *user, const char *file, const char *source, int64_t done,
                       int64_t total)
{
    pull_view *view = user;
    cli_text what = CLI_TEXT_INIT;
    if (strcmp(view->source, source) != 0) {
        cli_progress_end(&view->progress);
        if (view->source[0] != '\0')
            cli_note(view->call, "%s: the source '%s' did not deliver; trying '%s'", view->name,
                     view->source, source);
        snprintf(view->source, sizeof view->source, "%s", source);
    }
    cli_text_printf(&what, "%s (%s)", file, source);
    cli_progress_bytes(&view->progress, cli_text_get(&what), done, total);
    cli_text_free(&what);
    return cli_signal();
}

static int pull_one(cli_call *call, modellab_catalog *catalog, const char *name)
{
    modellab_pull_options options = MODELLAB_PULL_OPTIONS_INIT;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_cancel *cancel = NULL;
    pull_view view = {.call = call, .name = name};
    modellab_status status = modellab_cancel_create(NULL, &cancel, &err);
    if (status != MODELLAB_OK)
        return cli_fail(call, name, NULL, status, &err);
    cli_progress_begin(&view.progress, call, name);
    cli_signal_cancels(cancel);
    options.progress = on_pull;
    options.user = &view;
    options.cancel = cancel;
    options.source = cli_value(call, CLI_OPT_SOURCE);
    status = modellab_catalog_pull(catalog, name, &options, &err);
    cli_signal_cancels(NULL);
    modellab_cancel_unref(cancel);
    cli_progress_end(&view.progress);
    if (status == MODELLAB_OK) {
        cli_note(call, "%s is installed", name);
        return CLI_EXIT_OK;
    }
    if (cli_signal() != 0) {
        cli_note(call, "%s: stopped; pulling again goes on from here", name);
        return cli_signal_exit();
    }
    return cli_fail(call, name, NULL, status, &err);
}

/* Runs `one` for every argument; the first failure gives the exit code. With --json the answer is
 * {"models": [{"name", "ok"}]} with errors among them. */
static int for_each(cli_call *call, int (*one)(cli_call *, modellab_catalog *, const char *))
{
    modellab_catalog *catalog = NULL;
    cli_json j = {.depth = 0};
    bool as_json = cli_has(call, CLI_OPT_JSON);
    int first = CLI_EXIT_OK, code = load(call, &catalog);
    if (code != CLI_EXIT_OK)
        return code;
    cli_json_open(&j, '{');
    cli_json_key(&j, "models");
    cli_json_open(&j, '[');
    call->answer = as_json ? &j : NULL;
    call->in_object = true;
    for (int i = 0; i < call->argument_count && cli_signal() == 0; i++) {
        cli_json_open(&j, '{');
        cli_json_kstring(&j, "name", call->arguments[i]);
        code = one(call, catalog, call->arguments[i]);
        cli_json_key(&j, "ok");
        cli_json_bool(&j, code == CLI_EXIT_OK);
        cli_json_close(&j, '}');
        if (first == CLI_EXIT_OK)
            first = code;
    }
    call->answer = NULL;
    cli_json_close(&j, ']');
    cli_json_close(&j, '}');
    if (as_json && !cli_json_print(&j) && first == CLI_EXIT_OK)
        first = CLI_EXIT_FAILURE;
    cli_text_free(&j.text);
    modellab_catalog_unref(catalog);
    return first;
}

int cli_models_pull(cli_call *call)
{
    return for_each(call, pull_one);
}

static int verify_one(cli_call *call, modellab_catalog *catalog, const char *name)
{
    modellab_report *report = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_cancel *cancel = NULL;
    modellab_status status = modellab_cancel_create(NULL, &cancel, &err);
    if (status == MODELLAB_OK) {
        cli_signal_cancels(cancel);
        status = modellab_catalog_verify(catalog, name, cancel, &report, &err);
        cli_signal_cancels(NULL);
        modellab_cancel_unref(cancel);
    }
    if (status == MODELLAB_E_CANCELLED && cli_signal() != 0)
        return cli_signal_exit();
    if (status != MODELLAB_OK)
        return cli_fail(call, name, NULL, status, &err);
    int code = CLI_EXIT_OK;
    for (size_t i = 0; i < modellab_report_count(report); i++) {
        modellab_finding f = MODELLAB_FINDING_INIT;
        if (modellab_report_at(report, i, &f, NULL) != MODELLAB_OK)
            continue;
        if (f.severity == MODELLAB_SEVERITY_ERROR)
            code = cli_fail_text(call, CLI_EXIT_UNHEALTHY, "%s: %s; remove it and pull it again",
                                 name, f.text);
        else
            cli_note(call, "%s: %s", name, f.text);
    }
    modellab_report_unref(report);
    if (code == CLI_EXIT_OK && !cli_has(call, CLI_OPT_JSON) && printf("%s ok\n", name) < 0)
        code = CLI_EXIT_FAILURE;
    return code;
}

/* Without names: every model that is installed. */
int cli_models_verify(cli_call *call)
{
    modellab_catalog *catalog = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    if (call->argument_count > 0)
        return for_each(call, verify_one);
    int code = load(call, &catalog), count = 0;
    if (code != CLI_EXIT_OK)
        return code;
    size_t all = modellab_catalog_count(catalog);
    char **names = cli_alloc((all + 1) * sizeof *names);
    for (size_t i = 0; i < all; i++) {
        modellab_catalog_entry e = {.size = sizeof e};
        if (modellab_catalog_at(catalog, i, &e, &err) == MODELLAB_OK &&
            (e.state == MODELLAB_MODEL_INSTALLED || e.state == MODELLAB_MODEL_DAMAGED))
            names[count++] = cli_strdup(e.name);
    }
    modellab_catalog_unref(catalog);
    call->arguments = (const char *const *)names;
    call->argument_count = count;
    code = for_each(call, verify_one);
    for (int i = 0; i < count; i++)
        free(names[i]);
    free(names);
    call->argument_count = 0;
    return code;
}

static int remove_one(cli_call *call, modellab_catalog *catalog, const char *name)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = modellab_catalog_remove(catalog, name, &err);
    if (status != MODELLAB_OK)
        return cli_fail(call, name, NULL, status, &err);
    cli_note(call, "%s is removed", name);
    return CLI_EXIT_OK;
}

int cli_models_remove(cli_call *call)
{
    return for_each(call, remove_one);
}

static int import_one(cli_call *call, modellab_catalog *catalog, const char *name)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_cancel *cancel = NULL;
    modellab_status status = modellab_cancel_create(NULL, &cancel, &err);
    if (status == MODELLAB_OK) {
        cli_signal_cancels(cancel);
        status = modellab_catalog_import(catalog, name, call->arguments[1], cancel, &err);
        cli_signal_cancels(NULL);
        modellab_cancel_unref(cancel);
    }
    if (status == MODELLAB_E_CANCELLED && cli_signal() != 0)
        return cli_signal_exit();
    if (status != MODELLAB_OK)
        return cli_fail(call, name, NULL, status, &err);
    cli_note(call, "%s is installed", name);
    return CLI_EXIT_OK;
}

int cli_models_import(cli_call *call)
{
    call->argument_count = 1; /* the second one is the path */
    return for_each(call, import_one);
}

int cli_models_path(cli_call *call)
{
    modellab_catalog *catalog = NULL;
    modellab_buffer *path = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    int code = load(call, &catalog);
    if (code != CLI_EXIT_OK)
        return code;
    modellab_status status =
        modellab_catalog_file(catalog, call->arguments[0], call->arguments[1], &path, &err);
    if (status != MODELLAB_OK) {
        code = cli_fail(call, call->arguments[0], NULL, status, &err);
    } else if (cli_has(call, CLI_OPT_JSON)) {
        cli_json j = {.depth = 0};
        cli_json_open(&j, '{');
        cli_json_kstring(&j, "path", modellab_buffer_data(path));
        cli_json_close(&j, '}');
        code = cli_json_print(&j) ? CLI_EXIT_OK : CLI_EXIT_FAILURE;
    } else {
        code = printf("%s\n", modellab_buffer_data(path)) > 0 ? CLI_EXIT_OK : CLI_EXIT_FAILURE;
    }
    modellab_buffer_destroy(path);
    modellab_catalog_unref(catalog);
    return code;
}
