/* The course of a worker: its steps in order, a line in the journal where each begins and ends, and
 * the outcome, synced, as the last line. */
#include "lab/worker.h"

#include "base/error.h"
#include "base/str.h"
#include "lab/request_value.h"
#include "lab/settle.h"
#include "lab/state.h"
#include "lab/step_reuse.h"
#include "log/logger.h"
#include "os/locale.h"
#include "speech/asr_model.h"
#include <string.h>

#define NAME_BYTES 64

/* How the run stands, or one of its steps: while `reason` is NONE it goes on. */
typedef struct course {
    modellab_reason reason;
    char message[256];
    char failed_step[NAME_BYTES];
    bool stopped; /* nothing is done any more, not even what is always done */
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

/* The step's options as they were asked for, or with all defaults; nothing when there are none. */
static void put_config(const mli_worker *w, mli_jw *line, const char *member, const char *as)
{
    const mli_json *config = mli_json_get(mli_json_get(w->order.request, member), w->step);
    const char *key;
    const mli_json *value;
    mli_buf text;
    if (config == NULL) {
        return;
    }
    mli_buf_init(&text, w->alloc);
    mli_jw_key(line, as);
    mli_jw_object(line);
    for (mli_json_cursor at = mli_json_first(config); mli_json_next(&at, &key, &value);) {
        if (mli_request_put_value(line, key, value, &text) != MODELLAB_OK) {
            break; /* without memory the record of the options is not whole; the request has them */
        }
    }
    mli_jw_end_object(line);
    mli_buf_dispose(&text);
}

static void put_models(const mli_worker *w, mli_jw *line)
{
    mli_jw_key(line, "models");
    mli_jw_array(line);
    for (size_t i = 0; i < w->model_count; i++) {
        mli_jw_object(line);
        mli_jw_kstring(line, "option", w->models[i].key);
        mli_jw_kstring(line, "name", w->models[i].name);
        mli_jw_kstring(line, "sha256", w->models[i].sha256);
        mli_jw_end_object(line);
    }
    mli_jw_end_array(line);
}

MODELLAB_MUST_CHECK static modellab_status say_begin(mli_worker *w, int position,
                                                     int64_t started_ms, modellab_error *err)
{
    mli_jw *line = mli_journal_begin(&w->journal, "step_started");
    mli_jw_kstring(line, "step", w->step);
    mli_jw_kint(line, "position", position);
    mli_jw_kint(line, "attempt", w->order.attempt);
    mli_jw_kint(line, "started_ms", started_ms);
    put_config(w, line, "requested_config", "requested");
    put_config(w, line, "config", "resolved");
    return end_line(w, false, false, err);
}

/* `skipped`: it was not begun. `last`: the outcome comes next, whose sync is also this line's. */
MODELLAB_MUST_CHECK static modellab_status say_end(mli_worker *w, int position, int64_t started_ms,
                                                   const course *step, bool skipped, bool goes_on,
                                                   bool last, int64_t cpu_ns, modellab_error *err)
{
    mli_jw *line = mli_journal_begin(&w->journal, "step_done");
    mli_jw_kstring(line, "step", w->step);
    mli_jw_kint(line, "position", position);
    mli_jw_kint(line, "attempt", w->order.attempt);
    mli_jw_kint(line, "started_ms", started_ms);
    mli_jw_kstring(line, "status",
                   mli_status_name_of_run(skipped ? (modellab_run_status)MODELLAB_STEP_SKIPPED
                                                  : mli_settle_status(step->reason)));
    mli_jw_kstring(line, "reason", mli_reason_name(step->reason));
    mli_jw_kstring(line, "message", step->message);
    mli_jw_kstring(line, "key", w->step_key);
    mli_jw_kstring(line, "reused_from", w->reused_from);
    if (goes_on) {
        mli_jw_kbool(line, "run_goes_on", true);
    }
    if (!skipped && w->result.size > 0) {
        mli_jw_key(line, "result");
        mli_jw_raw(line, w->result.data, w->result.size);
    }
    if (!skipped) {
        put_models(w, line);
        put_use(w, line, cpu_ns);
        mli_jw_kreal(line, "audio_seconds", (double)atomic_load(&w->page->audio_done_ms) / 1000.0);
        mli_jw_kint(line, "api_calls", atomic_load(&w->page->calls_made) - w->calls_before);
    }
    return end_line(w, !last, last, err);
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
MODELLAB_MUST_CHECK static modellab_status execute(mli_worker *w, const mli_step_kind *step,
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

static void begin_step(mli_worker *w, const char *name, int position)
{
    w->step = name;
    w->kind = mli_step_kind_find(name);
    w->step_key[0] = w->reused_from[0] = '\0';
    w->reason = MODELLAB_REASON_NONE;
    w->model_count = 0;
    mli_buf_clear(&w->result);
    w->calls_before = atomic_load(&w->page->calls_made);
    mli_worker_models_unpin(&w->context->models);
    atomic_store(&w->page->step_cpu_ns, mli_worker_cpu_ns(w));
    atomic_store(&w->page->audio_done_ms, 0);
    atomic_store(&w->page->step_started_ns, w->clock->monotonic_ns(w->clock->user));
    atomic_store(&w->page->step, (uint32_t)position + 1);
    mli_page_touch(w->page);
}

static void remember(mli_worker *w, modellab_run_status status, modellab_reason reason)
{
    if (w->kind != NULL && w->past_count < MLI_STEP_MAX) {
        mli_step_past *past = &w->past[w->past_count++];
        past->kind = w->kind;
        past->status = status;
        past->reason = reason;
        past->audio_seconds = (double)atomic_load(&w->page->audio_done_ms) / 1000.0;
        past->reused = w->reused_from[0] != '\0';
        (void)mli_str_copy(past->key, sizeof(past->key), w->step_key);
    }
}

/* What the end of a step makes of the run: true when it goes on without a result of this step. */
static bool take_end(const mli_worker *w, const course *step, course *run)
{
    bool stopped = mli_page_stop_reason(w->page) != MODELLAB_REASON_NONE;
    if (step->reason == MODELLAB_REASON_NONE) {
        return false;
    }
    if (!stopped && mli_steps_tolerate(w->order.steps, w->step)) {
        return true;
    }
    if (run->reason == MODELLAB_REASON_NONE) { /* the first failure is the run's */
        *run = *step;
    }
    run->stopped = stopped;
    return false;
}

/* Whether a step behind this place of the list is done whatever happens. */
static bool any_always(const char *rest)
{
    const char *name;
    size_t bytes;
    while (mli_steps_next(&rest, &name, &bytes)) {
        const mli_step_kind *kind = mli_step_kind_at(mli_step_kind_index(name, bytes));
        if (kind != NULL && kind->always) {
            return true;
        }
    }
    return false;
}

/* No step follows: the outcome is next. */
static bool is_last(const course *run, const char *rest)
{
    return rest[0] == '\0' || run->stopped ||
           (run->reason != MODELLAB_REASON_NONE && !any_always(rest));
}

MODELLAB_MUST_CHECK static modellab_status run_step(mli_worker *w, const char *name,
                                                    const char *rest, int position, course *c,
                                                    modellab_error *err)
{
    int64_t started = now_ms(w);
    int64_t cpu = mli_worker_cpu_ns(w);
    course end = {.reason = MODELLAB_REASON_NONE};
    modellab_error why = MODELLAB_ERROR_INIT;
    begin_step(w, name, position);
    modellab_status status = say_begin(w, position, started, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    mli_log_text(w->log, MODELLAB_LOG_INFO, "step.started", name);
    modellab_status done =
        w->kind == NULL ? mli_fail(&why, MODELLAB_E_UNSUPPORTED, "this worker has no step %s", name)
                        : execute(w, w->kind, &why);
    if (done == MODELLAB_E_CANCELLED) { /* unless the step said so already */
        mli_page_stopped(w->page, w->clock->monotonic_ns(w->clock->user), mli_os_process_cpu_ns());
    }
    judge(w, done, &why, &end);
    bool goes_on = take_end(w, &end, c);
    remember(w, mli_settle_status(end.reason), end.reason);
    if (end.reason == MODELLAB_REASON_NONE) {
        mli_log_text(w->log, MODELLAB_LOG_INFO, "step.completed", name);
    } else {
        mli_log_error(w->log, goes_on ? MODELLAB_LOG_WARN : MODELLAB_LOG_ERROR,
                      goes_on ? "step.failed_run_goes_on" : "step.ended_early", "", done, &why);
    }
    return say_end(w, position, started, &end, false, goes_on, is_last(c, rest),
                   mli_worker_cpu_ns(w) - cpu, err);
}

/* The step that this one needs and that did not complete; NULL = it can begin. */
static const char *missing_of(const mli_worker *w, const mli_step_kind *kind)
{
    const char *list = kind->needs, *name;
    size_t bytes;
    while (mli_steps_next(&list, &name, &bytes)) {
        const mli_step_past *past = mli_worker_past(w, name, bytes);
        if (past != NULL && past->status != MODELLAB_RUN_COMPLETED) {
            return past->kind->name;
        }
    }
    return NULL;
}

/* Says that the step is not done: `missing` did not complete, or another failure ended the run. */
MODELLAB_MUST_CHECK static modellab_status skip_step(mli_worker *w, const char *name,
                                                     const char *rest, int position,
                                                     const char *missing, const course *c,
                                                     modellab_error *err)
{
    course end = {.reason = MODELLAB_REASON_DEPENDENCY_FAILED};
    begin_step(w, name, position);
    (void)mli_os_format(end.message, sizeof(end.message), "Step \"%s\" did not complete.",
                        missing != NULL ? missing : c->failed_step);
    remember(w, MODELLAB_STEP_SKIPPED, end.reason);
    mli_log_text(w->log, MODELLAB_LOG_WARN, "step.skipped", name);
    return say_end(w, position, now_ms(w), &end, true, c->reason == MODELLAB_REASON_NONE,
                   is_last(c, rest), 0, err);
}

/* The next step of the list: done, or passed over. */
MODELLAB_MUST_CHECK static modellab_status take_step(mli_worker *w, const char *name,
                                                     const char *rest, int position, course *c,
                                                     modellab_error *err)
{
    const mli_step_kind *kind = mli_step_kind_find(name);
    const char *missing = kind != NULL && !kind->always ? missing_of(w, kind) : NULL;
    bool failed = c->reason != MODELLAB_REASON_NONE && !(kind != NULL && kind->always);
    return missing != NULL || failed ? skip_step(w, name, rest, position, missing, c, err)
                                     : run_step(w, name, rest, position, c, err);
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

int32_t mli_worker_run(mli_worker *w)
{
    course c = {.reason = MODELLAB_REASON_NONE};
    modellab_error err = MODELLAB_ERROR_INIT;
    const char *rest = w->order.steps, *next;
    size_t bytes;
    char name[NAME_BYTES];
    modellab_status status = mli_worker_say_sandbox(w, &err);
    if (status == MODELLAB_OK && !mli_worker_sandbox_suffices(w, c.message, sizeof(c.message))) {
        c.reason = MODELLAB_REASON_SANDBOX;
        c.stopped = true;
    }
    for (int i = 0; status == MODELLAB_OK; i++) {
        if (is_last(&c, rest) || !mli_steps_next(&rest, &next, &bytes)) {
            break;
        }
        if (bytes >= sizeof(name)) {
            c.reason = MODELLAB_REASON_INTERNAL;
            (void)mli_str_copy(c.message, sizeof(c.message), "the order names no step of mine");
            break;
        }
        memcpy(name, next, bytes);
        name[bytes] = '\0';
        status = take_step(w, name, rest, i, &c, &err);
    }
    if (status == MODELLAB_OK) {
        status = say_outcome(w, &c, &err);
    }
    if (status != MODELLAB_OK) {
        mli_log_error(w->log, MODELLAB_LOG_ERROR, "worker.journal_failed", "", status, &err);
    }
    return exit_code(status);
}
