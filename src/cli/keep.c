/* `modellab admin cleanup | disk | doctor`. */
#include "cli/commands.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "30d", or what --timeout takes. */
static bool parse_age(const char *text, int64_t *milliseconds)
{
    char number[24];
    int64_t days;
    size_t n = strlen(text);
    if (n >= 2 && n < sizeof number && text[n - 1] == 'd') {
        memcpy(number, text, n - 1);
        number[n - 1] = '\0';
        if (!cli_parse_int(number, 0, 1000000, &days))
            return false;
        *milliseconds = days * 24 * 3600 * 1000;
        return true;
    }
    return cli_parse_duration(text, milliseconds);
}

/* "512", "64K", "200MiB", "1G". */
static bool parse_bytes(const char *text, int64_t *bytes)
{
    static const char units[] = "KMGT";
    char number[24];
    size_t digits = strspn(text, "0123456789");
    const char *unit = text + digits, *at;
    if (digits == 0 || digits >= sizeof number)
        return false;
    memcpy(number, text, digits);
    number[digits] = '\0';
    if (!cli_parse_int(number, 0, (int64_t)1 << 40, bytes))
        return false;
    if (*unit == '\0' || strcmp(unit, "B") == 0)
        return true;
    at = strchr(units, toupper((unsigned char)*unit));
    if (at == NULL ||
        (unit[1] != '\0' && strcmp(unit + 1, "B") != 0 && strcmp(unit + 1, "iB") != 0))
        return false;
    for (long i = 0; i <= at - units; i++) {
        if (*bytes > (INT64_MAX >> 10))
            return false;
        *bytes <<= 10;
    }
    return true;
}

static int32_t what_of(const char *only, bool selects)
{
    if (only == NULL)
        return MODELLAB_CLEANUP_LEFTOVERS | (selects ? MODELLAB_CLEANUP_RUNS : 0);
    switch (only[0]) {
    case 'i':
        return MODELLAB_CLEANUP_INPUTS;
    case 'a':
        return MODELLAB_CLEANUP_ARTIFACTS;
    case 'l':
        return MODELLAB_CLEANUP_LEFTOVERS;
    default:
        return MODELLAB_CLEANUP_RUNS;
    }
}

static int read_options(cli_call *call, modellab_cleanup_options *o)
{
    const char *older = cli_value(call, CLI_OPT_OLDER_THAN);
    const char *runs = cli_value(call, CLI_OPT_KEEP_RUNS);
    const char *bytes = cli_value(call, CLI_OPT_KEEP_BYTES);
    const char *status = cli_value(call, CLI_OPT_STATUS);
    if (older != NULL && !parse_age(older, &o->older_than_ms))
        return cli_fail_text(call, CLI_EXIT_USAGE,
                             "--older-than must be a time such as 30d or 12h");
    if (runs != NULL && !cli_parse_int(runs, 0, INT32_MAX, &o->keep_runs))
        return cli_fail_text(call, CLI_EXIT_USAGE, "--keep-runs must be a number from 0 on");
    if (bytes != NULL && !parse_bytes(bytes, &o->keep_bytes))
        return cli_fail_text(call, CLI_EXIT_USAGE, "--keep-bytes must be a size such as 20GiB");
    o->what = what_of(cli_value(call, CLI_OPT_ONLY), older || runs || bytes);
    if ((o->what & ~MODELLAB_CLEANUP_LEFTOVERS) != 0 && !older && !runs && !bytes)
        return cli_fail_text(call, CLI_EXIT_USAGE,
                             "say which runs are to go: --older-than, --keep-runs or --keep-bytes");
    if (status != NULL)
        for (modellab_run_status s = MODELLAB_RUN_QUEUED; s <= MODELLAB_RUN_STALE; s++)
            if (strcmp(modellab_run_status_name(s), status) == 0)
                o->status = s;
    if (o->status != 0 && !modellab_run_status_is_final(o->status))
        return cli_fail_text(call, CLI_EXIT_USAGE, "runs that have not ended are never taken away");
    o->user = cli_value(call, CLI_OPT_USER);
    o->dry_run = cli_has(call, CLI_OPT_DRY_RUN);
    return CLI_EXIT_OK;
}

/* A count (-1 = none) with its bytes. */
static void part_line(cli_text *out, const char *name, int64_t count, int64_t bytes)
{
    char number[24] = "", size[24];
    if (count >= 0)
        snprintf(number, sizeof number, "%lld", (long long)count);
    cli_size_text(size, bytes);
    cli_text_printf(out, "  %-10s %8s  %12s\n", name, number, size);
}

static bool print_cleanup(cli_call *call, const modellab_cleanup_result *r, bool dry_run)
{
    cli_json j = {.depth = 0};
    cli_text out = CLI_TEXT_INIT;
    if (cli_has(call, CLI_OPT_JSON)) {
        cli_json_open(&j, '{');
        cli_json_key(&j, "dry_run");
        cli_json_bool(&j, dry_run);
        cli_json_kint(&j, "runs", r->runs);
        cli_json_kint(&j, "inputs", r->inputs);
        cli_json_kint(&j, "artifacts", r->artifacts);
        cli_json_kint(&j, "kept", r->kept);
        cli_json_kint(&j, "failed", r->failed);
        cli_json_kint(&j, "input_bytes", r->input_bytes);
        cli_json_kint(&j, "artifact_bytes", r->artifact_bytes);
        cli_json_kint(&j, "other_bytes", r->other_bytes);
        cli_json_kint(&j, "leftovers", r->leftovers);
        cli_json_kint(&j, "leftover_bytes", r->leftover_bytes);
        cli_json_kint(&j, "cache_files", r->cache_files);
        cli_json_kint(&j, "cache_bytes", r->cache_bytes);
        cli_json_close(&j, '}');
        return cli_json_print(&j);
    }
    cli_text_printf(&out, "%s\n", dry_run ? "would be taken away:" : "taken away:");
    part_line(&out, "runs", r->runs, r->input_bytes + r->artifact_bytes + r->other_bytes);
    part_line(&out, "inputs", r->inputs > 0 ? r->inputs : -1, r->input_bytes);
    part_line(&out, "artifacts", r->artifacts > 0 ? r->artifacts : -1, r->artifact_bytes);
    part_line(&out, "journals", -1, r->other_bytes);
    part_line(&out, "leftovers", r->leftovers, r->leftover_bytes);
    part_line(&out, "cache", r->cache_files, r->cache_bytes);
    if (r->kept > 0)
        cli_text_printf(&out, "kept, because a run that has not ended needs them: %lld\n",
                        (long long)r->kept);
    if (r->failed > 0)
        cli_text_printf(&out, "could not be taken away: %lld; see the log\n", (long long)r->failed);
    bool ok = cli_print(cli_text_get(&out), out.size);
    cli_text_free(&out);
    return ok;
}

int cli_admin_cleanup(cli_call *call)
{
    modellab_lab *lab = NULL;
    modellab_cleanup_options options = MODELLAB_CLEANUP_OPTIONS_INIT;
    modellab_cleanup_result result = {.size = sizeof result};
    modellab_error err = MODELLAB_ERROR_INIT;
    int code = read_options(call, &options);
    if (code != CLI_EXIT_OK)
        return code;
    code = options.dry_run ? cli_open_lab_to_read(call, MODELLAB_LAB_NO_RECONCILE, &lab)
                           : cli_open_lab(call, MODELLAB_LAB_MAKE_ROOM, &lab);
    if (code != CLI_EXIT_OK)
        return code;
    modellab_status status = modellab_lab_cleanup(lab, &options, &result, &err);
    if (status != MODELLAB_OK)
        code = cli_fail(call, "cleanup", NULL, status, &err);
    else if (!print_cleanup(call, &result, options.dry_run != 0) || result.failed > 0)
        code = CLI_EXIT_FAILURE;
    /* what an opening usually looks after comes last: it may need the room that was made */
    if (code == CLI_EXIT_OK && options.dry_run == 0) {
        modellab_report *report = NULL;
        status = modellab_lab_reconcile(lab, 0, &report, &err);
        modellab_report_unref(report);
        code = status == MODELLAB_OK ? CLI_EXIT_OK : cli_fail(call, "cleanup", NULL, status, &err);
    }
    modellab_lab_unref(lab);
    return code;
}

static void disk_line(cli_text *out, const char *name, int64_t bytes)
{
    char size[24] = "not readable";
    if (bytes >= 0)
        cli_size_text(size, bytes);
    cli_text_printf(out, "%-14s %14s\n", name, size);
}

static bool print_disk(cli_call *call, const modellab_disk_usage *u)
{
    static const char *const names[] = {"inputs", "artifacts", "journals",     "uploads",
                                        "store",  "cache",     "models",       "free",
                                        "total",  "min_free",  "largest_input"};
    const int64_t values[] = {u->input_bytes, u->artifact_bytes, u->journal_bytes, u->upload_bytes,
                              u->store_bytes, u->cache_bytes,    u->models_bytes,  u->free_bytes,
                              u->total_bytes, u->min_free_bytes, u->accepted_bytes};
    cli_json j = {.depth = 0};
    cli_text out = CLI_TEXT_INIT;
    char key[32];
    if (cli_has(call, CLI_OPT_JSON)) {
        cli_json_open(&j, '{');
        cli_json_kint(&j, "runs", u->runs);
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            snprintf(key, sizeof key, "%s_bytes", names[i]);
            cli_json_key(&j, key);
            if (values[i] < 0)
                cli_json_string(&j, NULL);
            else
                cli_json_int(&j, values[i]);
        }
        cli_json_kint(&j, "retention_days", u->retention_ms / (24 * 3600 * 1000));
        cli_json_kint(&j, "retention_max_bytes", u->max_bytes);
        cli_json_close(&j, '}');
        return cli_json_print(&j);
    }
    cli_text_printf(&out, "%-14s %14lld\n", "runs", (long long)u->runs);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        disk_line(&out, names[i], values[i]);
    bool ok = cli_print(cli_text_get(&out), out.size);
    cli_text_free(&out);
    return ok;
}

int cli_admin_disk(cli_call *call)
{
    modellab_lab *lab = NULL;
    modellab_disk_usage usage = {.size = sizeof usage};
    modellab_error err = MODELLAB_ERROR_INIT;
    int code = cli_open_lab_to_read(call, MODELLAB_LAB_NO_RECONCILE, &lab);
    if (code != CLI_EXIT_OK)
        return code;
    modellab_status status = modellab_lab_disk_usage(lab, &usage, &err);
    if (status != MODELLAB_OK)
        code = cli_fail(call, "disk", NULL, status, &err);
    else if (!print_disk(call, &usage))
        code = CLI_EXIT_FAILURE;
    else if (usage.accepted_bytes == 0)
        code = CLI_EXIT_SPACE;
    modellab_lab_unref(lab);
    return code;
}

static int print_doctor(cli_call *call, const modellab_report *report)
{
    static const char *const words[] = {"?", "ok", "warn", "fail"};
    modellab_buffer *json = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    cli_text out = CLI_TEXT_INIT;
    bool ok;
    if (cli_has(call, CLI_OPT_JSON)) {
        modellab_status status = modellab_report_to_json(report, &json, &err);
        if (status != MODELLAB_OK)
            return cli_fail(call, "doctor", NULL, status, &err);
        ok =
            cli_print(modellab_buffer_data(json), modellab_buffer_size(json)) && cli_print("\n", 1);
        modellab_buffer_destroy(json);
    } else {
        for (size_t i = 0; i < modellab_report_count(report); i++) {
            modellab_finding f = MODELLAB_FINDING_INIT;
            if (modellab_report_at(report, i, &f, NULL) == MODELLAB_OK)
                cli_text_printf(&out, "%-5s %-22s %s\n",
                                words[f.severity >= 1 && f.severity <= 3 ? f.severity : 0], f.id,
                                f.text);
        }
        ok = cli_print(cli_text_get(&out), out.size);
        cli_text_free(&out);
    }
    if (!ok)
        return CLI_EXIT_FAILURE;
    return modellab_report_worst(report) == MODELLAB_SEVERITY_ERROR ? CLI_EXIT_UNHEALTHY
                                                                    : CLI_EXIT_OK;
}

int cli_admin_doctor(cli_call *call)
{
    modellab_report *report = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_lab_options options = MODELLAB_LAB_OPTIONS_INIT;
    options.logger = call->logger;
    modellab_status status =
        modellab_doctor_run(cli_value(call, CLI_OPT_LAB), &options, &report, &err);
    int code = status == MODELLAB_OK ? print_doctor(call, report)
                                     : cli_fail(call, "doctor", NULL, status, &err);
    modellab_report_unref(report);
    return code;
}
