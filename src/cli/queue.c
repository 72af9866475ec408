/* `modellab run explain | bump | hold | release`. */
#include "cli/commands.h"
#include "cli/each_run.h"
#include "cli/execute.h"
#include "cli/request.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

static void time_line(cli_text *out, const char *name, int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    char text[32];
    if (ms >= 0 && gmtime_r(&seconds, &parts) != NULL &&
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts) != 0)
        cli_text_printf(out, "%-14s %s UTC\n", name, text);
}

static void limit_line(cli_text *out, const char *name, int32_t running, int32_t limit)
{
    cli_text_printf(out, "%-14s %d", name, (int)running);
    if (limit > 0)
        cli_text_printf(out, " of at most %d", (int)limit);
    cli_text_add(out, "\n");
}

static void place_lines(cli_text *out, const modellab_run_explanation *e)
{
    cli_text_printf(out, "%-14s %s: %s\n", "waits", modellab_wait_name(e->why),
                    modellab_wait_text(e->why));
    if (e->position > 0)
        cli_text_printf(out, "%-14s %lld of %lld\n", "position", (long long)e->position,
                        (long long)e->waiting);
    time_line(out, "not before", e->not_before_ms);
    time_line(out, "starts about", e->start_ms);
    time_line(out, "ends about", e->end_ms);
    time_line(out, "queue deadline", e->queue_until_ms);
    limit_line(out, "user's running", e->user_running, e->user_limit);
    limit_line(out, "all running", e->lab_running, e->lab_limit);
    cli_text_printf(out, "%-14s %d (%d runs at the same time)\n", "supervisors",
                    (int)e->supervisors, (int)e->workers);
}

static int print_place(const char *id, const modellab_run_explanation *e)
{
    cli_text out = CLI_TEXT_INIT;
    cli_text_printf(&out, "%-14s %s\n", "run", id);
    cli_text_printf(&out, "%-14s %s\n", "status", modellab_run_status_name(e->status));
    cli_text_printf(&out, "%-14s %d\n", "priority", (int)e->priority);
    if (e->expected_ms >= 0)
        cli_text_printf(&out, "%-14s about %.1f s, %s\n", "length", (double)e->expected_ms / 1000.0,
                        e->is_short != 0 ? "short" : "long");
    if (e->status == MODELLAB_RUN_QUEUED) {
        place_lines(&out, e);
    } else if (e->status == MODELLAB_RUN_RUNNING) {
        time_line(&out, "started", e->start_ms);
        time_line(&out, "ends about", e->end_ms);
    }
    bool ok = cli_print(cli_text_get(&out), out.size);
    cli_text_free(&out);
    return ok ? CLI_EXIT_OK : CLI_EXIT_FAILURE;
}

int cli_run_explain(cli_call *call)
{
    modellab_lab *lab = NULL;
    modellab_buffer *json = NULL;
    modellab_run_explanation e = {.size = sizeof e};
    modellab_error err = MODELLAB_ERROR_INIT;
    char id[MODELLAB_RUN_ID_BYTES];
    bool as_json = cli_has(call, CLI_OPT_JSON);
    int code = cli_run_open(call, true, 0, &lab, id);
    if (code == CLI_EXIT_OK) {
        modellab_status status = modellab_run_explain(lab, id, &e, as_json ? &json : NULL, &err);
        if (status != MODELLAB_OK)
            code = cli_fail_run(call, id, status, &err);
    }
    if (code == CLI_EXIT_OK && as_json) {
        cli_json j = {.depth = 0};
        cli_json_raw(&j, modellab_buffer_data(json));
        code = cli_json_print(&j) ? CLI_EXIT_OK : CLI_EXIT_FAILURE;
    } else if (code == CLI_EXIT_OK) {
        code = print_place(id, &e);
    }
    modellab_buffer_destroy(json);
    modellab_lab_unref(lab);
    return code;
}

enum { HOLD, RELEASE, BUMP };
typedef struct change {
    int what;
    int32_t priority;
} change;

static int change_one(cli_call *call, modellab_lab *lab, const char *id, const void *how,
                      cli_json *j)
{
    static const char *const done[] = {"held", "released", "moved"};
    modellab_error err = MODELLAB_ERROR_INIT;
    const change *c = how;
    modellab_status status = c->what == HOLD ? modellab_run_hold(lab, id, &err)
                             : c->what == RELEASE
                                 ? modellab_run_release(lab, id, &err)
                                 : modellab_run_set_priority(lab, id, c->priority, &err);
    if (status != MODELLAB_OK)
        return cli_fail_run(call, id, status, &err);
    if (j != NULL) {
        cli_json_open(j, '{');
        cli_json_kstring(j, "run_id", id);
        cli_json_kstring(j, "outcome", done[c->what]);
        cli_json_close(j, '}');
    } else if (printf("%s %s\n", id, done[c->what]) < 0) {
        return CLI_EXIT_FAILURE;
    }
    return CLI_EXIT_OK;
}

static int change_all(cli_call *call, int what, int32_t priority)
{
    change c = {what, priority};
    return cli_runs_each(call, false, 0, change_one, &c);
}

int cli_run_hold(cli_call *call)
{
    return change_all(call, HOLD, 0);
}

int cli_run_release(cli_call *call)
{
    return change_all(call, RELEASE, 0);
}

int cli_run_bump(cli_call *call)
{
    int32_t priority = MODELLAB_PRIORITY_HEAD;
    int code = CLI_EXIT_OK;
    if (cli_has(call, CLI_OPT_PRIORITY))
        code = cli_priority(call, &priority);
    return code == CLI_EXIT_OK ? change_all(call, BUMP, priority) : code;
}
