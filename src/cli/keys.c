/* `modellab key create | list | rotate | revoke`: keys of front-ends. */
#include "cli/keys.h"
#include "cli/commands.h"
#include <string.h>
#include <time.h>

int cli_duration_days(const cli_call *call, cli_option_id id, int64_t fallback, int64_t *out)
{
    const char *text = cli_value(call, id);
    size_t n = text != NULL ? strlen(text) : 0;
    char number[24];
    *out = fallback;
    if (text == NULL)
        return CLI_EXIT_OK;
    if (n >= 2 && n < sizeof number && text[n - 1] == 'd') {
        memcpy(number, text, n - 1);
        number[n - 1] = '\0';
        if (cli_parse_int(number, 0, 100000, out)) {
            *out *= (int64_t)24 * 3600 * 1000;
            return CLI_EXIT_OK;
        }
    } else if (cli_parse_duration(text, out)) {
        return CLI_EXIT_OK;
    }
    return cli_fail_text(call, CLI_EXIT_USAGE, "--%s takes a time such as 90d, 12h or 30m",
                         cli_options[id].name);
}

void cli_time_text(char out[24], int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    if (ms <= 0 || gmtime_r(&seconds, &parts) == NULL ||
        strftime(out, 24, "%Y-%m-%d %H:%M:%S", &parts) == 0)
        memcpy(out, "-", 2);
}

void cli_json_ktime(cli_json *j, const char *key, int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    char text[32];
    cli_json_key(j, key);
    if (ms > 0 && gmtime_r(&seconds, &parts) != NULL &&
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts) != 0)
        cli_json_string(j, text);
    else
        cli_json_raw(j, "null");
}

/* A secret is shown once: alone on stdout, so that it can be taken up by a script. */
int cli_print_secret(cli_call *call, const char *id, const char *secret)
{
    bool ok;
    if (cli_has(call, CLI_OPT_JSON)) {
        cli_json j = {.depth = 0};
        cli_json_open(&j, '{');
        cli_json_kstring(&j, "id", id);
        cli_json_kstring(&j, "secret", secret);
        cli_json_close(&j, '}');
        ok = cli_json_print(&j);
    } else {
        cli_text out = CLI_TEXT_INIT;
        cli_note(call, "%s; the secret is shown this once", id);
        cli_text_printf(&out, "%s\n", secret);
        ok = cli_print(cli_text_get(&out), out.size);
        cli_text_free(&out);
    }
    return ok ? CLI_EXIT_OK : CLI_EXIT_FAILURE;
}

int cli_key_create(cli_call *call)
{
    modellab_key_options options = MODELLAB_KEY_OPTIONS_INIT;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_buffer *secret = NULL;
    modellab_lab *lab = NULL;
    char id[MODELLAB_KEY_ID_BYTES];
    int64_t lives = 0;
    int code = cli_duration_days(call, CLI_OPT_EXPIRES, 0, &lives);
    if (code != CLI_EXIT_OK)
        return code;
    options.name = cli_value(call, CLI_OPT_NAME);
    options.user = cli_value(call, CLI_OPT_USER);
    options.scopes = cli_value(call, CLI_OPT_SCOPES);
    options.expires_ms = lives > 0 ? (int64_t)time(NULL) * 1000 + lives : 0;
    code = cli_open_lab(call, MODELLAB_LAB_NO_RECONCILE, &lab);
    if (code != CLI_EXIT_OK)
        return code;
    modellab_status status = modellab_key_create(lab, &options, id, &secret, &err);
    code = status == MODELLAB_OK ? cli_print_secret(call, id, modellab_buffer_data(secret))
                                 : cli_fail(call, "key", NULL, status, &err);
    modellab_buffer_destroy(secret);
    modellab_lab_unref(lab);
    return code;
}

static bool print_keys(cli_call *call, const modellab_key_list *list)
{
    cli_json j = {.depth = 0};
    cli_text out = CLI_TEXT_INIT;
    cli_json_open(&j, '{');
    cli_json_key(&j, "keys");
    cli_json_open(&j, '[');
    cli_text_printf(&out, "%-26s %-8s %-9s %-20s %-19s %-19s %s\n", "ID", "STATE", "HINT", "USER",
                    "EXPIRES", "USED", "SCOPES  NAME");
    for (size_t i = 0; i < modellab_key_list_count(list); i++) {
        modellab_key_info k = {.size = sizeof k};
        char expires[24], used[24];
        if (modellab_key_list_at(list, i, &k, NULL) != MODELLAB_OK)
            continue;
        cli_time_text(expires, k.expires_ms);
        cli_time_text(used, k.used_ms);
        cli_text_printf(&out, "%-26s %-8s %-9s ", k.id, k.state, k.hint);
        for (int pad = cli_text_add_columns(&out, k.user, 20); pad < 21; pad++)
            cli_text_add(&out, " ");
        cli_text_printf(&out, "%-19s %-19s %s  ", expires, used, k.scopes);
        cli_text_add_shown(&out, k.name);
        cli_text_add(&out, "\n");
        cli_json_open(&j, '{');
        cli_json_kstring(&j, "id", k.id);
        cli_json_kstring(&j, "name", k.name);
        cli_json_kstring(&j, "user", k.user);
        cli_json_kstring(&j, "scopes", k.scopes);
        cli_json_kstring(&j, "hint", k.hint);
        cli_json_kstring(&j, "state", k.state);
        cli_json_ktime(&j, "created_at", k.created_ms);
        cli_json_ktime(&j, "expires_at", k.expires_ms);
        cli_json_ktime(&j, "rotated_at", k.rotated_ms);
        cli_json_ktime(&j, "previous_until", k.previous_until_ms);
        cli_json_ktime(&j, "revoked_at", k.revoked_ms);
        cli_json_ktime(&j, "used_at", k.used_ms);
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

int cli_key_list(cli_call *call)
{
    modellab_lab *lab = NULL;
    modellab_key_list *list = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    int code = cli_open_lab_to_read(call, MODELLAB_LAB_NO_RECONCILE, &lab);
    if (code != CLI_EXIT_OK)
        return code;
    modellab_status status = modellab_key_list_load(lab, NULL, &list, &err);
    if (status != MODELLAB_OK)
        code = cli_fail(call, "keys", NULL, status, &err);
    else if (!print_keys(call, list))
        code = CLI_EXIT_FAILURE;
    modellab_key_list_unref(list);
    modellab_lab_unref(lab);
    return code;
}

int cli_key_rotate(cli_call *call)
{
    modellab_lab *lab = NULL;
    modellab_buffer *secret = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    int64_t overlap = 0;
    int code = cli_duration_days(call, CLI_OPT_OVERLAP, 0, &overlap);
    if (code == CLI_EXIT_OK)
        code = cli_open_lab(call, MODELLAB_LAB_NO_RECONCILE, &lab);
    if (code != CLI_EXIT_OK)
        return code;
    modellab_status status = modellab_key_rotate(lab, call->arguments[0], overlap, &secret, &err);
    code = status == MODELLAB_OK
               ? cli_print_secret(call, call->arguments[0], modellab_buffer_data(secret))
               : cli_fail(call, "key", NULL, status, &err);
    modellab_buffer_destroy(secret);
    modellab_lab_unref(lab);
    return code;
}

int cli_key_revoke(cli_call *call)
{
    modellab_lab *lab = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    int code = cli_open_lab(call, MODELLAB_LAB_NO_RECONCILE, &lab);
    if (code != CLI_EXIT_OK)
        return code;
    modellab_status status = modellab_key_revoke(lab, call->arguments[0], &err);
    modellab_lab_unref(lab);
    return status == MODELLAB_OK ? CLI_EXIT_OK : cli_fail(call, "key", NULL, status, &err);
}
