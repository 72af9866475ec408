/* The checks of health, from the cheap ones to a real inference. */
#include "lab/health.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "check/report.h"
#include "lab/reconcile.h"
#include "lab/request.h"
#include "lab/supervisor.h"
#include "log/logger.h"
#include "models/installed.h"
#include "os/locale.h"
#include <string.h>

#define MIB (1024 * 1024)
/* A clock before the year this was written, or after the next century, is wrong. */
#define EARLIEST_NS ((int64_t)1735689600 * 1000000000)
#define LATEST_NS ((int64_t)4102444800 * 1000000000)

static void say(mli_health_check *check, modellab_health_state state, const char *message)
{
    check->state = state;
    (void)mli_str_copy(check->message, sizeof check->message, message);
}

static void check_clock(mli_lab *lab, mli_health_check *check)
{
    int64_t now = lab->os.clock->realtime_ns(lab->os.clock->user);

    if (now < EARLIEST_NS || now > LATEST_NS) {
        say(check, MODELLAB_HEALTH_CRITICAL, "The clock of this machine is wrong.");
    } else {
        say(check, MODELLAB_HEALTH_HEALTHY, "The clock is plausible.");
    }
}

static void check_store(mli_lab *lab, mli_health_check *check)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_total_list *depths = NULL;
    bool read_only = (lab->flags & MODELLAB_LAB_READ_ONLY) != 0;
    modellab_status status = mli_store_queue_depths(lab->store, &depths, &err);

    mli_total_list_free(depths);
    if (status == MODELLAB_OK && !read_only) {
        status = mli_store_probe(lab->store, mli_lab_now_ms(lab), &err);
    }
    if (status != MODELLAB_OK) {
        say(check, status == MODELLAB_E_BUSY ? MODELLAB_HEALTH_DEGRADED : MODELLAB_HEALTH_CRITICAL,
            err.message);
    } else if (read_only) {
        say(check, MODELLAB_HEALTH_DEGRADED, "The store can be read; the lab takes no runs.");
    } else {
        say(check, MODELLAB_HEALTH_HEALTHY, "The store can be read and written.");
    }
}

static void check_disk(mli_lab *lab, mli_health_check *check)
{
    int64_t free_bytes = 0, total = 0;
    int rc = lab->os.files->free_bytes(lab->os.files->user, lab->root, &free_bytes, &total);

    if (rc != 0) {
        say(check, MODELLAB_HEALTH_CRITICAL, "The free space of the lab's disk is not known.");
        return;
    }
    check->state = free_bytes < lab->settings.min_free_bytes ? MODELLAB_HEALTH_CRITICAL
                   : free_bytes / 5 * 100 < total            ? MODELLAB_HEALTH_DEGRADED
                                                             : MODELLAB_HEALTH_HEALTHY;
    (void)mli_os_format(check->message, sizeof check->message,
                        "%lld of %lld MiB are free; runs need %lld.", (long long)(free_bytes / MIB),
                        (long long)(total / MIB), (long long)(lab->settings.min_free_bytes / MIB));
}

static void check_folder(mli_lab *lab, mli_health_check *check)
{
    const mli_os_files *f = lab->os.files;
    char path[MLI_PATH_BYTES], name[MLI_ULID_BYTES];
    int rc = mli_ulid_new(lab->os.clock, lab->os.random, name);

    if ((lab->flags & MODELLAB_LAB_READ_ONLY) != 0) {
        say(check, MODELLAB_HEALTH_DEGRADED, "The lab was opened for reading only.");
        return;
    }
    (void)mli_os_format(path, sizeof path, "%s/runs/.health-%s", lab->root, name); /* fits */
    if (rc == 0) {
        int fd = f->open(f->user, path, MLI_OS_WRITE | MLI_OS_CREATE | MLI_OS_EXCLUSIVE, 0600);

        rc = fd < 0 ? fd : mli_os_write_all(f, fd, "ok", 2);
        rc = fd >= 0 && rc == 0 ? f->sync(f->user, fd) : rc;
        if (fd >= 0) {
            int closed = f->close(f->user, fd), removed = f->unlink(f->user, path);

            rc = rc != 0 ? rc : closed != 0 ? closed : removed;
        }
    }
    if (rc != 0) {
        modellab_error err = MODELLAB_ERROR_INIT;

        (void)mli_fail_os(&err, rc < 0 ? -rc : rc, "The runs' directory cannot be written");
        say(check, MODELLAB_HEALTH_CRITICAL, err.message);
    } else {
        say(check, MODELLAB_HEALTH_HEALTHY, "The runs' directory can be written.");
    }
}

static void check_models(mli_lab *lab, mli_health_check *check)
{
    mli_model_store store = {.alloc = lab->alloc, .files = lab->os.files, .root = lab->models_root};
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_model_state state = MLI_MODEL_ABSENT;
    char why[256] = "";
    modellab_status status =
        mli_model_store_state(&store, MLI_REQUEST_DEFAULT_MODEL, &state, why, &err);

    if (status != MODELLAB_OK) {
        say(check, MODELLAB_HEALTH_DEGRADED, err.message);
    } else if (state == MLI_MODEL_INSTALLED) {
        say(check, MODELLAB_HEALTH_HEALTHY, "The default model is installed.");
    } else if (state == MLI_MODEL_DAMAGED) {
        (void)mli_os_format(check->message, sizeof check->message,
                            "The default model is damaged: %.200s", why);
        check->state = MODELLAB_HEALTH_DEGRADED;
    } else {
        say(check, MODELLAB_HEALTH_DEGRADED,
            "The default model " MLI_REQUEST_DEFAULT_MODEL " is not installed; pull it.");
    }
}

static void check_worker(mli_lab *lab, mli_health_check *check)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    char *program = NULL;
    modellab_status status = mli_worker_program_find(lab, NULL, &program, &err);

    mli_free(lab->alloc, program);
    if (status == MODELLAB_OK) {
        say(check, MODELLAB_HEALTH_HEALTHY, "The worker program is there.");
    } else { /* another process may supervise with its own */
        say(check, MODELLAB_HEALTH_DEGRADED, err.message);
    }
}

static void check_orphans(mli_lab *lab, mli_health_check *check)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_report *report = NULL;
    modellab_status status = mli_reconcile(lab, MLI_RECONCILE_DRY_RUN, &report, &err);
    int orphaned = 0;

    if (status != MODELLAB_OK) {
        say(check, MODELLAB_HEALTH_DEGRADED, err.message);
        return;
    }
    for (size_t i = 0; i < mli_report_count(report); i++) {
        const char *id = mli_report_finding(report, i)->id;

        orphaned += strcmp(id, "run.orphaned") == 0 || strcmp(id, "run.stale") == 0;
    }
    mli_report_unref(report);
    (void)mli_os_format(check->message, sizeof check->message,
                        orphaned == 0 ? "No run is orphaned (%d)."
                                      : "%d runs are executed by nobody known; reconcile the lab.",
                        orphaned);
    check->state = orphaned == 0 ? MODELLAB_HEALTH_HEALTHY : MODELLAB_HEALTH_DEGRADED;
}

static const struct {
    modellab_health_level level; /* the first that includes it */
    const char *name;
    void (*run)(mli_lab *lab, mli_health_check *check);
} all[] = {
    {MODELLAB_HEALTH_LIVE, "clock", check_clock},
    {MODELLAB_HEALTH_READY, "store", check_store},
    {MODELLAB_HEALTH_READY, "disk", check_disk},
    {MODELLAB_HEALTH_READY, "runs_directory", check_folder},
    {MODELLAB_HEALTH_READY, "models", check_models},
    {MODELLAB_HEALTH_READY, "worker_program", check_worker},
    {MODELLAB_HEALTH_READY, "queue", mli_health_queue},
    {MODELLAB_HEALTH_DEEP, "orphaned_runs", check_orphans},
    {MODELLAB_HEALTH_DEEP, "inference", mli_health_inference},
};

_Static_assert(sizeof all / sizeof *all <= MLI_HEALTH_CHECKS, "there is room for all checks");

modellab_health_state mli_health_state(const modellab_health *health)
{
    modellab_health_state worst = MODELLAB_HEALTH_HEALTHY;

    for (size_t i = 0; i < health->count; i++) {
        worst = health->checks[i].state > worst ? health->checks[i].state : worst;
    }
    return worst;
}

static void run_one(mli_lab *lab, size_t i, mli_health_check *check)
{
    const mli_os_clock *clock = lab->os.clock;
    int64_t started = clock->monotonic_ns(clock->user);

    check->name = all[i].name;
    all[i].run(lab, check);
    check->milliseconds = (double)(clock->monotonic_ns(clock->user) - started) / 1e6;
    if (check->state != MODELLAB_HEALTH_HEALTHY) {
        mli_log(lab->logger, MODELLAB_LOG_WARN, "health.check", check->message,
                MLI_LOG_FIELDS(mli_log_string("check", check->name),
                               mli_log_int("state", check->state)));
    }
}

modellab_status mli_health_run(mli_lab *lab, modellab_health_level level, modellab_health **out,
                               modellab_error *err)
{
    modellab_health *health;

    *out = NULL;
    if (level < MODELLAB_HEALTH_LIVE || level > MODELLAB_HEALTH_DEEP) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "there is no such level of health");
    }
    health = mli_alloc_zero(lab->alloc, sizeof *health);
    if (health == NULL) {
        return mli_no_memory(err);
    }
    health->has_alloc = lab->alloc != NULL;
    health->alloc = lab->alloc_copy;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (all[i].level <= level) {
            run_one(lab, i, &health->checks[health->count++]);
        }
    }
    mli_log(lab->logger, MODELLAB_LOG_DEBUG, "health.done", "health was looked at",
            MLI_LOG_FIELDS(mli_log_int("level", level),
                           mli_log_int("state", mli_health_state(health))));
    *out = health;
    return MODELLAB_OK;
}

void mli_health_unref(modellab_health *health)
{
    if (health != NULL) {
        modellab_allocator alloc = health->alloc;

        mli_free(health->has_alloc ? &alloc : NULL, health);
    }
}
