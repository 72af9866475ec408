/* `modellab supervise`: a supervisor in the foreground, until it is told to stop. */
#include "cli/commands.h"
#include "cli/execute.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int drain(cli_call *call, modellab_supervisor *supervisor, int64_t deadline)
{
    modellab_drain_result result = {.size = sizeof result};
    modellab_error err = MODELLAB_ERROR_INIT;
    cli_note(call, "draining; once more leaves at once");
    modellab_status status = modellab_supervisor_drain(supervisor, deadline, &result, &err);
    if (status != MODELLAB_OK)
        return cli_fail(call, "supervisor", NULL, status, &err);
    cli_note(call, "drained: %d finished, %d put back into the queue, %d cancelled, %d killed",
             (int)result.finished, (int)result.requeued, (int)result.cancelled, (int)result.killed);
    return CLI_EXIT_OK;
}

#define SAY_AGAIN_SECONDS 60

typedef struct last_words {
    char text[sizeof((modellab_error *)0)->message];
    double said_at;
} last_words;

/* A supervisor outlives what may pass (a full disk, a busy store) and a run that cannot be started;
 * it says so, the same once a minute. What needs the lab to be opened again ends it, so that it can
 * be restarted. */
static bool goes_on(cli_call *call, modellab_status status, const modellab_error *err,
                    last_words *last)
{
    const struct timespec nap = {.tv_nsec = 100000000};
    double now = cli_seconds();
    if (status == MODELLAB_E_STORE_FAILED || status == MODELLAB_E_STORE_CORRUPT ||
        status == MODELLAB_E_STORE_READ_ONLY || status == MODELLAB_E_FORKED)
        return false;
    if (strcmp(err->message, last->text) != 0 || now - last->said_at >= SAY_AGAIN_SECONDS) {
        cli_note(call, "%s; it will be tried again", err->message);
        memcpy(last->text, err->message, sizeof last->text);
        last->said_at = now;
    }
    (void)nanosleep(&nap, NULL); /* a signal ends it early, as it should */
    return true;
}

int cli_supervise(cli_call *call)
{
    modellab_supervisor_options options = MODELLAB_SUPERVISOR_OPTIONS_INIT;
    modellab_supervisor *supervisor = NULL;
    modellab_webhook_sender *sender = NULL;
    modellab_lab *lab = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    last_words last = {"", 0};
    int64_t workers = 0, threads = 0, deadline;
    int code = cli_duration_option(call, CLI_OPT_DRAIN, 30000, &deadline);
    if (code == CLI_EXIT_OK && cli_has(call, CLI_OPT_WORKERS) &&
        !cli_parse_int(cli_value(call, CLI_OPT_WORKERS), 1, 256, &workers))
        code = cli_fail_text(call, CLI_EXIT_USAGE, "--workers must be a number from 1 to 256");
    if (code == CLI_EXIT_OK && cli_has(call, CLI_OPT_THREADS) &&
        !cli_parse_int(cli_value(call, CLI_OPT_THREADS), 1, 1024, &threads))
        code = cli_fail_text(call, CLI_EXIT_USAGE, "--threads must be a number from 1 to 1024");
    if (code == CLI_EXIT_OK)
        code = cli_open_lab(call, 0, &lab);
    if (code != CLI_EXIT_OK)
        return code;
    char *worker = cli_worker_program();
    options.worker_program = worker;
    options.max_workers = (int32_t)workers;
    options.threads_per_worker = (int32_t)threads;
    options.keep_on_host_death = cli_has(call, CLI_OPT_KEEP);
    options.notify_service = 1;
    modellab_status status = modellab_supervisor_create(lab, &options, &supervisor, &err);
    free(worker);
    if (status != MODELLAB_OK)
        code = cli_fail(call, "supervisor", NULL, status, &err);
    else if ((status = modellab_webhook_sender_start(lab, &sender, &err)) != MODELLAB_OK)
        code = cli_fail(call, "webhooks", NULL, status, &err);
    else
        cli_note(call, "supervising; Ctrl-C or SIGTERM drains");
    while (code == CLI_EXIT_OK && cli_signal() == 0) {
        status = modellab_supervisor_step(supervisor, 500, NULL, &err);
        if (status != MODELLAB_OK && !goes_on(call, status, &err, &last))
            code = cli_fail(call, "supervisor", NULL, status, &err);
    }
    modellab_webhook_sender_stop(sender);
    if (supervisor != NULL && cli_signal() != 0)
        code = drain(call, supervisor, deadline);
    modellab_supervisor_destroy(supervisor);
    modellab_lab_unref(lab);
    return code;
}
