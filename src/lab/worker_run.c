/* The course of a worker: its steps in order, a line in the journal where each begins and ends, and
 * the outcome, synced, as the last line. */
#include "lab/worker.h"

#include "base/error.h"
#include "base/str.h"
#include "lab/settle.h"
#include "lab/state.h"
#include "lab/step_reuse.h"
#include "log/logger.h"
#include "speech/asr_model.h"
#include <string.h>

#define NAME_BYTES 64

typedef struct step_entry {
    const char *name;
    mli_step_fn run;
    mli_step_key_fn key; /* NULL: never taken over */
} step_entry;

static const step_entry step_table[] = {{"ingest", mli_step_ingest, mli_step_ingest_key},
                                        {"asr", mli_step_asr, mli_step_asr_key},
                                        {"noop", mli_step_noop, NULL},
                                        {"program", mli_step_program, NULL}};

static const step_entry *find_step(const char *name)
{
    for (size_t i = 0; i < sizeof(step_table) / sizeof(step_table[0]); i++) {
        if (strcmp(step_table[i].name, name) == 0) {
            return &step_table[i];
        }
    }
    return NULL;
}

/* How the run stands: while `reason` is NONE it goes on. */
typedef struct course {
    modellab_reason reason;
    char message[256];
    char failed_step[NAME_BYTES];
} course;

/* The answer to the supervisor follows the last lines: it is not woken for them. */
MODELLAB_MUST_CHECK static modellab_status end_line(mli_worker *w, bool sync, bool last,
                                                    modellab_error *err)
{
    modellab_status status = mli_journal_end(&w->journal, sync, err);
    if (status == MODELLAB_OK && last) {
        mli_worker_count_line(w);
    } else if (status == MODELLAB_OK) {
        mli_worker_tell(w);
    }
    return status;
}

static int64_t now_ms(const mli_worker *w)
{
    return w->clock->realtime_ns(w->clock->user) / 1000000;
}

static void put_use(mli_worker *w, mli_jw *line, int64_t cpu_ns)
{
    int64_t peak = mli_worker_peak_bytes(w);
    mli_jw_kreal(line, "cpu_seconds", (double)cpu_ns / 1e9);
    if (peak >= 0) {
        mli_jw_kint(line, "peak_memory_bytes", peak);
    }
}

MODELLAB_MUST_CHECK static modellab_status say_step(mli_worker *w, const char *type, int position,
                                                    int64_t started_ms, const course *c,
                                                    int64_t cpu_ns, modellab_error *err)
{
    bool done = strcmp(type, "step_done") == 0;
    /* The outcome comes next: its sync is also this line's. */
    bool last = w->last_step || c->reason != MODELLAB_REASON_NONE;
    mli_jw *line = mli_journal_begin(&w->journal, type);
    mli_jw_kstring(line, "step", w->step);
    mli_jw_kint(line, "position", position);
    mli_jw_kint(line, "attempt", w->order.attempt);
    mli_jw_kint(line, "started_ms", started_ms);
    if (done) {
        mli_jw_kstring(line, "status", mli_status_name_of_run(mli_settle_status(c->reason)));
        mli_jw_kstring(line, "reason", mli_reason_name(c->reason));
        mli_jw_kstring(line, "message", c->message);
        mli_jw_kstring(line, "key", w->step_key);
        mli_jw_kstring(line, "reused_from", w->reused_from);
        put_use(w, line, cpu_ns);
        mli_jw_kreal(line, "audio_seconds", (double)atomic_load(&w->page->audio_done_ms) / 1000.0);
        mli_jw_kint(line, "api_calls", atomic_load(&w->page->calls_made) - w->calls_before);
    }
    return end_line(w, done && !last, done && last, err);
}

/* Turns a step's status into the reason that the run's record shows. */
static void judge(mli_worker *w, modellab_status status, const modellab_error *err, course *c)
{
    modellab_reason stop = mli_page_stop_reason(w->page);
    if (status == MODELLAB_OK) {
        return;
    }
    if (status == MODELLAB_E_CANCELLED && stop != MODELLAB_REASON_NONE) {
        c->reason = stop;
        mli_settle_text(stop, w->order.limit_ms, c->message, sizeof(c->message));
    } else {
        c->reason = w->reason != MODELLAB_REASON_NONE ? w->reason : mli_reason_of_status(status);
        const char *text = err->message[0] != '\0' ? err->message : mli_reason_text(c->reason);
        (void)mli_str_copy(c->message, sizeof(c->message), text);
    }
    (void)mli_str_copy(c->failed_step, sizeof(c->failed_step), w->step);
}

/* Before each step: is there still leave to go on? */
MODELLAB_MUST_CHECK static modellab_status ask(mli_worker *w, modellab_error *err)
{
    mli_worker_sample(w);
    if (mli_cancelled(&w->page->stop)) {
        return mli_fail(err, MODELLAB_E_CANCELLED, "stopped before the step began");
    }
    return mli_worker_fault(w, err);
}

/* Takes the step's result over from another run, or makes it. */
MODELLAB_MUST_CHECK static modellab_status execute(mli_worker *w, const step_entry *step,
                                                   modellab_error *err)
{
    modellab_status status = ask(w, err);
    if (status == MODELLAB_OK && step->key != NULL) {
        status = step->key(w, w->step_key, err);
    }
    if (status == MODELLAB_OK && w->step_key[0] != '\0') {
        status = mli_step_reuse(w, w->step_key, w->reused_from, err);
    }
    if (status == MODELLAB_OK && w->reused_from[0] == '\0') {
        status = step->run(w, err);
    }
    mli_asr_model_unref(w->asr_model);
    w->asr_model = NULL;
    return status;
}

MODELLAB_MUST_CHECK static modellab_status run_step(mli_worker *w, const char *name, int position,
                                                    course *c, modellab_error *err)
{
    const step_entry *step = find_step(name);
    int64_t started = now_ms(w);
    int64_t cpu = mli_worker_cpu_ns(w);
    modellab_error why = MODELLAB_ERROR_INIT;
    w->step = name;
    w->step_key[0] = w->reused_from[0] = '\0';
    w->calls_before = atomic_load(&w->page->calls_made);
    atomic_store(&w->page->step_cpu_ns, cpu);
    atomic_store(&w->page->audio_done_ms, 0);
    atomic_store(&w->page->step_started_ns, w->clock->monotonic_ns(w->clock->user));
    atomic_store(&w->page->step, (uint32_t)position + 1);
    mli_page_touch(w->page);
    modellab_status status = say_step(w, "step_started", position, started, c, 0, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    mli_log_text(w->log, MODELLAB_LOG_INFO, "step.started", name);
    modellab_status done =
        step == NULL ? mli_fail(&why, MODELLAB_E_UNSUPPORTED, "this worker has no step %s", name)
                     : execute(w, step, &why);
    if (done == MODELLAB_E_CANCELLED) { /* unless the step said so already */
        mli_page_stopped(w->page, w->clock->monotonic_ns(w->clock->user), mli_os_process_cpu_ns());
    }
    judge(w, done, &why, c);
    if (c->reason == MODELLAB_REASON_NONE) {
        mli_log_text(w->log, MODELLAB_LOG_INFO, "step.completed", name);
    } else {
        mli_log_error(w->log, MODELLAB_LOG_ERROR, "step.ended_early", "", done, &why);
    }
    return say_step(w, "step_done", position, started, c, mli_worker_cpu_ns(w) - cpu, err);
}

MODELLAB_MUST_CHECK static modellab_status say_outcome(mli_worker *w, const course *c,
                                                       modellab_error *err)
{
    mli_jw *line = mli_journal_begin(&w->journal, "outcome");
    mli_jw_kstring(line, "status", mli_status_name_of_run(mli_settle_status(c->reason)));
    mli_jw_kstring(line, "reason", mli_reason_name(c->reason));
    mli_jw_kstring(line, "message", c->message);
    mli_jw_kstring(line, "failed_step", c->failed_step);
    if (w->audio_seconds >= 0) {
        mli_jw_kreal(line, "audio_seconds", w->audio_seconds);
    }
    mli_jw_kreal(line, "progress_seconds", w->progress_seconds);
    mli_jw_kstring(line, "model", w->model);
    mli_jw_kstring(line, "model_sha256", w->model_sha256);
    mli_jw_kstring(line, "engine", w->engine);
    mli_jw_kint(line, "log_dropped", atomic_load(&w->log_lost) + mli_logger_take_dropped(w->log));
    put_use(w, line, mli_worker_cpu_ns(w));
    return end_line(w, true, true, err);
}

static int32_t exit_code(modellab_status status)
{
    switch (status) {
    case MODELLAB_OK:
        return MLI_WORKER_EXIT_OK;
    case MODELLAB_E_NO_SPACE:
        return MLI_WORKER_EXIT_NO_SPACE;
    case MODELLAB_E_NO_MEMORY:
        return MLI_WORKER_EXIT_NO_MEMORY;
    default:
        return MLI_WORKER_EXIT_IO;
    }
}

/* Next name of the comma-separated list at *rest; false at its end. */
static bool next_name(const char **rest, char out[NAME_BYTES])
{
    const char *from = *rest;
    size_t bytes = strcspn(from, ",");
    if (bytes == 0 || bytes >= NAME_BYTES) {
        return false;
    }
    memcpy(out, from, bytes);
    out[bytes] = '\0';
    *rest = from + bytes + (from[bytes] == ',');
    return true;
}

int32_t mli_worker_run(mli_worker *w)
{
    course c = {MODELLAB_REASON_NONE, "", ""};
    modellab_error err = MODELLAB_ERROR_INIT;
    const char *rest = w->order.steps;
    char name[NAME_BYTES];
    modellab_status status = mli_worker_say_sandbox(w, &err);
    if (status == MODELLAB_OK && !mli_worker_sandbox_suffices(w, c.message, sizeof(c.message))) {
        c.reason = MODELLAB_REASON_SANDBOX;
    }
    for (int i = 0; status == MODELLAB_OK && c.reason == MODELLAB_REASON_NONE; i++) {
        if (!next_name(&rest, name)) {
            break;
        }
        w->last_step = rest[0] == '\0';
        status = run_step(w, name, i, &c, &err);
    }
    if (status == MODELLAB_OK) {
        status = say_outcome(w, &c, &err);
    }
    if (status != MODELLAB_OK) {
        mli_log_error(w->log, MODELLAB_LOG_ERROR, "worker.journal_failed", "", status, &err);
    }
    return exit_code(status);
}
