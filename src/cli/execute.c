/* A supervisor for one run in a thread of the library, the wait beside it, and the clean end. */
#include "cli/execute.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DRAW_MS 100
#define TROUBLE_LOOK_MS 2000 /* whether something keeps the supervisor from going on */
#define SPACE_WAIT_MS 600000
#define SAY_AGAIN_SECONDS 60

char *cli_worker_program(void)
{
    static const char *const places[] = {"/modellab-worker",
                                         "/../libexec/modellab/modellab-worker"};
    char self[PATH_MAX];
    char *configured = cli_config("MODEL_LAB_WORKER");
    if (configured != NULL)
        return configured;
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0)
        return NULL;
    self[n] = '\0';
    *strrchr(self, '/') = '\0';
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        cli_text path = CLI_TEXT_INIT;
        cli_text_printf(&path, "%s%s", self, places[i]);
        if (access(cli_text_get(&path), X_OK) == 0)
            return path.data;
        cli_text_free(&path);
    }
    return NULL;
}

static int start_supervisor(const cli_call *call, modellab_lab *lab, const char *run_id,
                            const cli_wait *how, modellab_supervisor **out)
{
    modellab_supervisor_options options = MODELLAB_SUPERVISOR_OPTIONS_INIT;
    modellab_error err = MODELLAB_ERROR_INIT;
    char *worker = cli_worker_program();
    options.only_run_id = run_id;
    options.worker_program = worker;
    options.max_workers = 1;
    options.threads_per_worker = how->threads;
    modellab_status status = modellab_supervisor_create(lab, &options, out, &err);
    if (status == MODELLAB_OK)
        status = modellab_supervisor_start(*out, &err);
    free(worker);
    if (status == MODELLAB_E_STORE_READ_ONLY) { /* somebody else may supervise it */
        cli_note(call, "the lab can only be read here: waiting for a supervisor of another user");
        return CLI_EXIT_OK;
    }
    return status == MODELLAB_OK ? CLI_EXIT_OK : cli_fail(call, how->title, run_id, status, &err);
}

static void show(cli_progress *progress, modellab_lab *lab, const char *run_id)
{
    modellab_run *run = NULL;
    modellab_run_info info = {.size = sizeof info};
    if (!progress->on || modellab_run_load(lab, run_id, &run, NULL) != MODELLAB_OK)
        return;
    if (modellab_run_get_info(run, &info, NULL) == MODELLAB_OK) {
        if (info.status == MODELLAB_RUN_QUEUED)
            cli_progress_text(progress, "waiting");
        else
            cli_progress_audio(progress, info.progress_seconds > 0 ? info.progress_seconds : 0,
                               info.audio_seconds);
    }
    modellab_run_unref(run);
}

/* First Ctrl-C: asks the run to stop. */
static int ask_to_stop(cli_call *call, modellab_lab *lab, const char *run_id, const char *title)
{
    modellab_cancel_outcome outcome = 0;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = modellab_run_cancel(lab, run_id, &outcome, &err);
    if (status != MODELLAB_OK)
        return cli_fail(call, title, run_id, status, &err);
    cli_note(call, "stopping; once more leaves at once (run %s)", run_id);
    return CLI_EXIT_OK;
}

/* Said when our supervisor has given the run back: only then is its status the one that stays. */
static int tell_late(cli_call *call, modellab_lab *lab, const char *run_id)
{
    modellab_run_status now = 0;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = modellab_run_wait(lab, run_id, 0, NULL, &now, &err);
    if (status != MODELLAB_OK && status != MODELLAB_E_TIMEOUT)
        return cli_fail(call, NULL, run_id, status, &err);
    return cli_fail_text(call, CLI_EXIT_TIMEOUT,
                         "the run has not ended in time; it is %s now (run %s)",
                         modellab_run_status_name(now), run_id);
}

/* Until the run has ended, the bar is to be drawn again, a look at troubles is due, or the time is
 * over. */
static int64_t patience(const cli_progress *progress, double end)
{
    double left = end > 0 ? (end - cli_seconds()) * 1000 : -1;
    int64_t most = progress->on ? DRAW_MS : TROUBLE_LOOK_MS;
    if (end > 0 && left < (double)most)
        most = left > 0 ? (int64_t)left + 1 : 0;
    return most;
}

/* What keeps the supervisor from ending or starting the run, as the waiting was told. */
typedef struct trouble {
    double since, said_at;
    int64_t most_ms;
} trouble;

static void trouble_begin(trouble *t)
{
    char *configured = cli_config("MODEL_LAB_SPACE_WAIT_SECONDS");
    *t = (trouble){.most_ms = SPACE_WAIT_MS};
    if (configured != NULL && !cli_parse_duration(configured, &t->most_ms))
        t->most_ms = SPACE_WAIT_MS;
    free(configured);
}

/* Says it at once, and then rarely. An exit code when it has lasted for too long. */
static int trouble_tell(const cli_call *call, cli_progress *progress, trouble *t,
                        const char *run_id, modellab_run_status now, modellab_status why)
{
    double seconds = cli_seconds();
    if (why == MODELLAB_OK) {
        t->since = t->said_at = 0;
        return CLI_EXIT_OK;
    }
    t->since = t->since > 0 ? t->since : seconds;
    if ((seconds - t->since) * 1000 >= (double)t->most_ms) {
        modellab_error err = MODELLAB_ERROR_INIT;
        snprintf(err.message, sizeof err.message,
                 "the run is still %s: its supervisor cannot write to the lab (%s)",
                 modellab_run_status_name(now), modellab_status_text(why));
        return cli_fail(call, NULL, run_id, why, &err);
    }
    if (t->said_at <= 0 || seconds - t->said_at >= SAY_AGAIN_SECONDS) {
        bool full = why == MODELLAB_E_NO_SPACE;
        t->said_at = seconds;
        cli_progress_end(progress); /* it is drawn again below the words */
        cli_say("%s: the %s of the run waits%s (run %s)",
                full ? "the lab's disk is full" : modellab_status_text(why),
                now == MODELLAB_RUN_QUEUED ? "start" : "end", full ? " for space" : "", run_id);
    }
    return CLI_EXIT_OK;
}

static int wait_loop(cli_call *call, modellab_lab *lab, const char *run_id, const cli_wait *how,
                     modellab_supervisor *supervisor, modellab_cancel *cancel, bool *late)
{
    cli_progress progress;
    modellab_error err = MODELLAB_ERROR_INIT;
    bool asked = false;
    int code = CLI_EXIT_OK;
    double end = how->timeout_ms >= 0 ? cli_seconds() + (double)how->timeout_ms / 1000 : 0;
    trouble stuck;
    trouble_begin(&stuck);
    cli_progress_begin(&progress, call, how->title);
    for (;;) {
        modellab_run_status now = 0;
        /* the signal that has been obeyed must not end the waiting for its effect */
        modellab_status status = modellab_run_wait(lab, run_id, patience(&progress, end),
                                                   asked ? NULL : cancel, &now, &err);
        if (status == MODELLAB_OK)
            break;
        if (status != MODELLAB_E_TIMEOUT &&
            !(status == MODELLAB_E_CANCELLED && cli_signal() != 0)) {
            cli_progress_end(&progress);
            return cli_fail(call, how->title, run_id, status, &err);
        }
        show(&progress, lab, run_id);
        code = trouble_tell(call, &progress, &stuck, run_id, now,
                            err.detail != -1 ? (modellab_status)err.detail : MODELLAB_OK);
        if (code != CLI_EXIT_OK) {
            cli_progress_end(&progress);
            return code;
        }
        if (cli_signal() != 0 && !asked) {
            cli_progress_end(&progress);
            const bool here =
                supervisor != NULL && modellab_supervisor_active_count(supervisor) > 0;
            if (!how->cancel_on_signal && (!here || how->gives_back)) {
                cli_note(call, here ? "the run waits again (run %s)" : "the run goes on (run %s)",
                         run_id);
                return cli_signal_exit();
            }
            asked = true;
            code = ask_to_stop(call, lab, run_id, how->title);
            if (code != CLI_EXIT_OK)
                return code;
        }
        if (end > 0 && cli_seconds() >= end) {
            *late = true;
            break;
        }
    }
    cli_progress_end(&progress);
    return CLI_EXIT_OK;
}

int cli_wait_for_run(cli_call *call, modellab_lab *lab, const char *run_id, const cli_wait *how,
                     modellab_run **run)
{
    modellab_supervisor *supervisor = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    int code = CLI_EXIT_OK;
    bool late = false;
    *run = NULL;
    if (how->supervise)
        code = start_supervisor(call, lab, run_id, how, &supervisor);
    if (code == CLI_EXIT_OK) {
        modellab_cancel *cancel = cli_cancel_begin();
        code = wait_loop(call, lab, run_id, how, supervisor, cancel, &late);
        cli_cancel_end(cancel);
    }
    modellab_supervisor_destroy(supervisor);
    if (code == CLI_EXIT_OK && late)
        code = tell_late(call, lab, run_id);
    if (code != CLI_EXIT_OK)
        return code;
    modellab_status status = modellab_run_load(lab, run_id, run, &err);
    return status == MODELLAB_OK ? CLI_EXIT_OK : cli_fail(call, how->title, run_id, status, &err);
}

int cli_tell_end(const char *subject, const modellab_run_info *info)
{
    int code = cli_exit_of_run(info->status, info->reason);
    if (info->status == MODELLAB_RUN_COMPLETED)
        return code;
    const char *message =
        info->message[0] != '\0' ? info->message : modellab_reason_text(info->reason);
    const char *advice = cli_advice_reason(info->reason);
    size_t n = strlen(message);
    cli_say("%s: %s%s%s%s (%s, run %s)", subject,
            n > 0 ? message : modellab_run_status_name(info->status),
            n > 0 && strchr(".!?", message[n - 1]) != NULL ? "" : ".", advice[0] != '\0' ? " " : "",
            advice, modellab_run_status_name(info->status), info->id);
    if (info->status == MODELLAB_RUN_CANCELLED && cli_signal() != 0)
        return cli_signal_exit();
    return code;
}
