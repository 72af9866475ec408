/* Making and ending a supervisor: its settings, its presence, its thread, its drain. */
#include "lab/supervisor.h"

#include "base/alloc.h"
#include "base/config.h"
#include "base/error.h"
#include "base/str.h"
#include "lab/supervisor_private.h"
#include "log/logger.h"
#include "os/locale.h"
#include <string.h>

#define NS_PER_MS ((int64_t)1000000)
#define WORKER_NAME "modellab-worker"

/* Where the program may stand relative to the library's or the program's folder: beside it, in an
 * installed tree, in a build tree. */
static const char *const beside[] = {"/" WORKER_NAME, "/../bin/" WORKER_NAME,
                                     "/../libexec/modellab/" WORKER_NAME};

static bool is_file(const mli_lab *lab, const char *path)
{
    mli_os_stat facts;
    const mli_os_files *f = lab->os.files;
    return f->stat(f->user, path, true, &facts) == 0 && facts.kind == MLI_OS_REGULAR &&
           (facts.mode & 0111u) != 0;
}

MODELLAB_MUST_CHECK static modellab_status find_beside(const mli_lab *lab, char **out,
                                                       modellab_error *err)
{
    char folder[MLI_PATH_BYTES - 64];
    char path[MLI_PATH_BYTES];
    int rc = mli_os_self_dir(folder, sizeof(folder));
    if (rc != 0) {
        return mli_fail_os(err, rc < 0 ? -rc : rc, "the library's folder is not known");
    }
    for (size_t i = 0; i < sizeof(beside) / sizeof(beside[0]); i++) {
        (void)mli_os_format(path, sizeof(path), "%s%s", folder, beside[i]);
        if (is_file(lab, path)) {
            *out = mli_strdup(lab->alloc, path);
            return *out != NULL ? MODELLAB_OK : mli_no_memory(err);
        }
    }
    return mli_fail(err, MODELLAB_E_NOT_FOUND,
                    "the program " WORKER_NAME " was not found; MODEL_LAB_WORKER can name it");
}

modellab_status mli_worker_program_find(const mli_lab *lab, const char *given, char **out,
                                        modellab_error *err)
{
    char *configured = NULL;
    modellab_status status = MODELLAB_OK;
    *out = NULL;
    if (given == NULL) {
        status = mli_config_get(lab->alloc, "MODEL_LAB_WORKER", &configured, NULL, err);
        given = configured;
    }
    if (status == MODELLAB_OK && given == NULL) {
        status = find_beside(lab, out, err);
    } else if (status == MODELLAB_OK && !is_file(lab, given)) {
        status = mli_fail(err, MODELLAB_E_NOT_FOUND, "%s is not a program", mli_basename(given));
    } else if (status == MODELLAB_OK) {
        *out = mli_strdup(lab->alloc, given);
        status = *out != NULL ? MODELLAB_OK : mli_no_memory(err);
    }
    mli_free(lab->alloc, configured);
    return status;
}

static int32_t clamp(int64_t value, int32_t low, int32_t high)
{
    return value < low ? low : value > high ? high : (int32_t)value;
}

MODELLAB_MUST_CHECK static modellab_status
read_settings(mli_supervisor *s, const modellab_supervisor_options *o, modellab_error *err)
{
    int64_t workers = o->max_workers;
    int64_t threads = o->threads_per_worker;
    int64_t short_workers = 1;
    modellab_status status = mli_run_limits_configured(&s->host.limits, err);
    if (status == MODELLAB_OK && workers <= 0) {
        status = mli_config_int("MODEL_LAB_MAX_WORKERS", 1, &workers, err);
    }
    if (status == MODELLAB_OK && threads <= 0) {
        status = mli_config_int("MODEL_LAB_THREADS", 0, &threads, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_config_int("MODEL_LAB_SHORT_WORKERS", short_workers, &short_workers, err);
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    s->max_workers = clamp(workers, 1, MLI_SUPERVISOR_JOBS);
    s->short_workers = clamp(short_workers, 0, MLI_SUPERVISOR_JOBS - s->max_workers);
    if (threads <= 0) {
        threads = mli_os_cpu_count() / s->max_workers;
    }
    s->host.lab = s->lab;
    s->host.supervisor_id = s->presence.id;
    s->host.threads = clamp(threads, 1, 1024);
    s->host.keep_on_host_death = o->keep_on_host_death != 0;
    if (o->cancel_grace_ms > 0) {
        s->host.limits.term_ms = o->cancel_grace_ms;
    }
    if (o->kill_grace_ms > 0) {
        s->host.limits.kill_ms = o->kill_grace_ms;
    }
    s->host.log_level = MODELLAB_LOG_INFO;
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status
open_parts(mli_supervisor *s, const modellab_supervisor_options *o, modellab_error *err)
{
    const mli_os_pollers *pollers = s->lab->os.pollers;
    if (o->only_run_id != NULL && !mli_ulid_valid(o->only_run_id)) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "only_run_id is not a run id");
    }
    if (o->only_run_id != NULL) {
        (void)mli_str_copy(s->only_run_id, sizeof(s->only_run_id), o->only_run_id);
    }
    modellab_status status = mli_worker_program_find(s->lab, o->worker_program, &s->program, err);
    s->host.pool = &s->pool;
    s->host.images = &s->images;
    mli_model_images_init(&s->images, s->lab);
    s->host.manifests = &s->manifests;
    s->host.failures = s->failures;
    mli_manifest_writer_open(&s->manifests, s->lab);
    if (status == MODELLAB_OK && o->notify_service != 0) {
        status = mli_service_open(&s->service, s->lab, err);
    }
    if (status == MODELLAB_OK) {
        status = read_settings(s, o, err);
    }
    if (status == MODELLAB_OK) {
        const mli_os_processes *processes = s->lab->os.processes;
        int rc = processes->identity(processes->user, 0, &s->host.self);
        status =
            rc == 0 ? MODELLAB_OK : mli_fail_os(err, -rc, "this process could not be identified");
    }
    if (status == MODELLAB_OK) {
        int rc = pollers->open(pollers->user, &s->poller);
        status = rc == 0 ? MODELLAB_OK : mli_fail_os(err, -rc, "the supervisor cannot wait");
    }
    if (status == MODELLAB_OK) {
        s->images.builder.program = s->program;
        s->images.builder.poller = &s->poller;
        status = mli_worker_pool_open(&s->pool, s->lab, s->program, &s->poller, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_presence_open(s->lab, &s->presence, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_beat_open(s->lab, s->presence.id, &s->beat, err);
    }
    if (status == MODELLAB_OK && o->only_run_id == NULL) {
        status = mli_presence_say(s->lab, &s->presence, s->max_workers, s->short_workers, err);
    }
    if (status == MODELLAB_OK) {
        int rc = pollers->add(pollers->user, &s->poller, s->presence.socket_fd);
        status = rc == 0 ? MODELLAB_OK : mli_fail_os(err, -rc, "the supervisor cannot be woken");
    }
    if (status == MODELLAB_OK) {
        int rc =
            pollers->set_timer(pollers->user, &s->poller, 0); /* its first round is due at once */
        status = rc == 0 ? MODELLAB_OK : mli_fail_os(err, -rc, "the supervisor has no timer");
    }
    return status;
}

/* Who waits for a cap of the configuration is to notice that it was raised since. */
MODELLAB_MUST_CHECK static modellab_status look_at_caps(const mli_supervisor *s,
                                                        modellab_error *err)
{
    bool changed = false;
    modellab_status status = mli_store_cap_defaults_changed(s->lab->store, &changed, err);
    if (status == MODELLAB_OK && changed) {
        mli_log(s->lab->logger, MODELLAB_LOG_INFO, "caps.configured",
                "they are not those of the last time: runs that wait for a cap look again",
                MLI_LOG_FIELDS(mli_log_int("caps", (int64_t)s->lab->store->cap_default_count)));
    }
    return status;
}

/* Root could write into anybody's lab, but what it makes there its owner could not read, and a
 * confined worker has no right to make files in the folders of others. */
MODELLAB_MUST_CHECK static modellab_status check_owner(const mli_lab *lab, modellab_error *err)
{
    const mli_os_files *f = lab->os.files;
    mli_os_stat facts;
    if (mli_os_user_id() != 0) {
        return MODELLAB_OK; /* the modes of files decide */
    }
    int rc = f->stat(f->user, lab->root, true, &facts);
    if (rc != 0) {
        return mli_fail_os(err, -rc, "the lab's folder could not be looked at");
    }
    return facts.owner == 0 ? MODELLAB_OK
                            : mli_fail_at(err, MODELLAB_E_PERMISSION, facts.owner,
                                          "the lab belongs to user %u, and this process is root's: "
                                          "supervise it as that user",
                                          (unsigned)facts.owner);
}

modellab_status mli_supervisor_create(mli_lab *lab, const modellab_supervisor_options *options,
                                      mli_supervisor **out, modellab_error *err)
{
    *out = NULL;
    modellab_status status = mli_lab_check(lab, true, err);
    if (status == MODELLAB_OK) {
        status = check_owner(lab, err);
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    mli_supervisor *s = mli_alloc_zero(lab->alloc, sizeof(*s));
    if (s == NULL) {
        return mli_no_memory(err);
    }
    s->presence.lock_fd = s->presence.socket_fd = -1;
    s->turns = -1;
    s->poller.fd = s->poller.timer_fd = s->poller.event_fd = -1;
    int rc = mli_os_mutex_init(&s->mutex);
    if (rc != 0) {
        mli_free(lab->alloc, s);
        return mli_fail_os(err, rc, "a lock could not be made");
    }
    s->lab = mli_lab_ref(lab);
    status = open_parts(s, options, err);
    if (status == MODELLAB_OK) {
        status = look_at_caps(s, err);
    }
    if (status != MODELLAB_OK) {
        mli_supervisor_destroy(s);
        return status;
    }
    mli_log(lab->logger, MODELLAB_LOG_INFO, "supervisor.created", "",
            MLI_LOG_FIELDS(mli_log_string("supervisor_id", s->presence.id),
                           mli_log_int("max_workers", s->max_workers),
                           mli_log_int("threads", s->host.threads)));
    *out = s;
    return MODELLAB_OK;
}

static void *run_thread(void *arg)
{
    mli_supervisor *s = arg;
    mli_os_thread_set_name("modellab-super");
    while (atomic_load(&s->leave) == 0) {
        modellab_error err = MODELLAB_ERROR_INIT;
        /* Failures are logged by the round itself and tried again in the next one. */
        if (mli_supervisor_step(s, -1, NULL, &err) == MODELLAB_E_FORKED) {
            return NULL;
        }
    }
    return NULL;
}

modellab_status mli_supervisor_start(mli_supervisor *s, modellab_error *err)
{
    modellab_status status = mli_lab_check(s->lab, true, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    if (s->has_thread) {
        return mli_fail(err, MODELLAB_E_STATE, "the supervisor runs already");
    }
    int rc = s->lab->os.pollers->wake(s->lab->os.pollers->user, &s->poller);
    if (rc != 0) {
        return mli_fail_os(err, -rc, "the supervisor cannot be woken");
    }
    if (s->only_run_id[0] == '\0') { /* one who takes just his own run leaves others alone */
        status = mli_webhook_sender_start(s->lab, &s->sender, err);
        if (status != MODELLAB_OK) {
            return status;
        }
    }
    s->has_thread = true;
    rc = mli_os_thread_start(&s->thread, 0, run_thread, s);
    if (rc != 0) {
        s->has_thread = false;
        mli_webhook_sender_stop(s->sender);
        s->sender = NULL;
        return mli_fail_os(err, rc, "the supervisor's thread could not be started");
    }
    return MODELLAB_OK;
}

static void join(mli_supervisor *s)
{
    if (!s->has_thread) {
        return;
    }
    atomic_store(&s->leave, 1);
    int rc = s->lab->os.pollers->wake(s->lab->os.pollers->user, &s->poller);
    if (rc != 0) {
        mli_log(s->lab->logger, MODELLAB_LOG_WARN, "supervisor.not_woken",
                "its thread leaves after its next round",
                MLI_LOG_FIELDS(mli_log_int("os_error", -rc)));
    }
    mli_os_thread_join(s->thread);
    mli_webhook_sender_stop(s->sender);
    s->sender = NULL;
    s->has_thread = false;
    atomic_store(&s->leave, 0);
}

/* Asks every run to stop and give itself back. */
static void stop_all(mli_supervisor *s)
{
    int64_t now = mli_supervisor_now(s);
    for (size_t i = 0; i < s->job_count; i++) {
        s->jobs[i]->draining = true;
        mli_job_stop(s->jobs[i], MODELLAB_REASON_HOST_STOPPED, now);
    }
}

/* Steps in this thread until nothing runs or `until` has passed. The result of a step is logged by
 * it; what counts is whether runs are left. */
static void step_until(mli_supervisor *s, int64_t until_ns)
{
    while (s->job_count > 0) {
        int64_t left_ms = (until_ns - mli_supervisor_now(s)) / NS_PER_MS;
        if (left_ms <= 0) {
            return;
        }
        modellab_error err = MODELLAB_ERROR_INIT;
        if (mli_supervisor_step(s, left_ms < 50 ? left_ms : 50, NULL, &err) == MODELLAB_E_FORKED) {
            return;
        }
    }
}

static int64_t longest_ladder_ms(const mli_supervisor *s)
{
    int64_t longest = 0;
    for (size_t i = 0; i < s->job_count; i++) {
        const mli_worker_process *p = &s->jobs[i]->process;
        int64_t one = p->ended || p->answered ? 0 : s->jobs[i]->ladder.kill_ms;
        longest = one > longest ? one : longest;
    }
    return longest;
}

/* Who explains the queue is told that nothing is started here any more. */
static void say_draining(const mli_supervisor *s)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = MODELLAB_OK;
    if (s->only_run_id[0] == '\0') {
        status = mli_presence_say(s->lab, &s->presence, 0, 0, &err);
    }
    if (status != MODELLAB_OK) {
        mli_log_error(s->lab->logger, MODELLAB_LOG_WARN, "supervisor.presence_not_written",
                      "explanations of waiting runs count it as working until it has gone", status,
                      &err);
    }
}

modellab_status mli_supervisor_drain(mli_supervisor *s, int64_t deadline_ms,
                                     modellab_drain_result *result, modellab_error *err)
{
    modellab_status status = mli_lab_check(s->lab, true, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    join(s);
    memset(&s->drained, 0, sizeof(s->drained));
    s->draining = true;
    say_draining(s);
    mli_log(s->lab->logger, MODELLAB_LOG_INFO, "supervisor.draining", "",
            MLI_LOG_FIELDS(mli_log_int("active", (int64_t)s->job_count),
                           mli_log_int("deadline_ms", deadline_ms)));
    mli_service_stopping(&s->service, s->lab);
    int64_t now = mli_supervisor_now(s);
    int64_t most_ms = deadline_ms < 0 ? 0 : deadline_ms > INT32_MAX ? INT32_MAX : deadline_ms;
    step_until(s, now + most_ms * NS_PER_MS);
    stop_all(s);
    step_until(s, mli_supervisor_now(s) + (longest_ladder_ms(s) + 5000) * NS_PER_MS);
    mli_worker_pool_close(&s->pool);
    mli_manifest_writer_flush(&s->manifests);
    mli_lab_turns_end(s->lab, &s->turns); /* from here on nobody has to turn it */
    *result = s->drained;
    result->size = sizeof(*result);
    if (s->job_count > 0) {
        return mli_fail(err, MODELLAB_E_IO, "%zu runs could not be ended", s->job_count);
    }
    return MODELLAB_OK;
}

static void let_go(mli_supervisor *s, bool forked)
{
    for (size_t i = 0; i < s->job_count; i++) {
        if (forked) {
            s->jobs[i]->process.poller = NULL; /* the kernel's poller is the parent's too */
            s->jobs[i]->program.process.poller = NULL;
        }
        mli_job_dispose(s->jobs[i]);
    }
    s->job_count = 0;
    atomic_store(&s->active, 0);
}

void mli_supervisor_destroy(mli_supervisor *s)
{
    if (s == NULL) {
        return;
    }
    modellab_drain_result result = {.size = sizeof(result)};
    modellab_error err = MODELLAB_ERROR_INIT;
    /* In a forked child neither thread nor workers nor presence are its own. */
    bool forked = mli_lab_check(s->lab, false, NULL) == MODELLAB_E_FORKED;
    if (!forked) {
        join(s);
    }
    if (!forked && s->job_count > 0) {
        modellab_status status = mli_supervisor_drain(s, 0, &result, &err);
        if (status != MODELLAB_OK) {
            mli_log_error(s->lab->logger, MODELLAB_LOG_ERROR, "supervisor.not_drained", "", status,
                          &err);
        }
    }
    let_go(s, forked);
    if (forked) {
        mli_worker_pool_abandon(&s->pool);
    } else {
        mli_worker_pool_close(&s->pool);
    }
    mli_manifest_writer_close(&s->manifests, forked);
    mli_model_images_close(&s->images, forked);
    mli_supervisor_bury_stop(s);
    mli_supervisor_retention_stop(s);
    mli_beat_close(s->beat);
    if (!forked) {
        mli_lab_turns_end(s->lab, &s->turns);
        mli_presence_close(s->lab, &s->presence);
        mli_os_mutex_destroy(&s->mutex);
    } else {
        mli_os_fd_close(s->presence.socket_fd);
        mli_os_fd_close(s->presence.lock_fd);
    }
    s->lab->os.pollers->close(s->lab->os.pollers->user, &s->poller);
    const modellab_allocator alloc = s->lab->alloc_copy;
    bool own = s->lab->alloc != NULL;
    mli_service_close(&s->service, s->lab);
    mli_free(s->lab->alloc, s->program);
    mli_lab_unref(s->lab);
    mli_free(own ? &alloc : NULL, s);
}
