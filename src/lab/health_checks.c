/* Checks of health that look at files, the store and the log. */
#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "check/report.h"
#include "lab/default_model.h"
#include "lab/health_probe.h"
#include "lab/reconcile.h"
#include "lab/supervisor.h"
#include "log/logger.h"
#include "models/installed.h"
#include "os/locale.h"
#include <errno.h>
#include <string.h>

#define MIB (1024 * 1024)
/* So long a log that lost lines is told. */
#define LOG_MEMORY_NS ((int64_t)300 * 1000000000)

void mli_health_store(mli_lab *lab, mli_health_check *check)
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
        mli_health_say(
            check, status == MODELLAB_E_BUSY ? MODELLAB_HEALTH_DEGRADED : MODELLAB_HEALTH_CRITICAL,
            err.message);
    } else if (read_only) {
        mli_health_say(check, MODELLAB_HEALTH_DEGRADED,
                       "The store can be read; the lab takes no runs.");
    } else {
        mli_health_say(check, MODELLAB_HEALTH_HEALTHY, "The store can be read and written.");
    }
}

void mli_health_disk(mli_lab *lab, mli_health_check *check)
{
    int64_t free_bytes = 0, total = 0;
    int rc = lab->os.files->free_bytes(lab->os.files->user, lab->root, &free_bytes, &total);

    if (rc != 0) {
        mli_health_say(check, MODELLAB_HEALTH_CRITICAL,
                       "The free space of the lab's disk is not known.");
        return;
    }
    check->state = free_bytes < lab->settings.min_free_bytes ? MODELLAB_HEALTH_CRITICAL
                   : free_bytes / 5 * 100 < total            ? MODELLAB_HEALTH_DEGRADED
                                                             : MODELLAB_HEALTH_HEALTHY;
    (void)mli_os_format(check->message, sizeof check->message,
                        "%lld of %lld MiB are free; runs need %lld.", (long long)(free_bytes / MIB),
                        (long long)(total / MIB), (long long)(lab->settings.min_free_bytes / MIB));
}

void mli_health_folder(mli_lab *lab, mli_health_check *check)
{
    const mli_os_files *f = lab->os.files;
    char path[MLI_PATH_BYTES], name[MLI_ULID_BYTES];
    int rc = mli_ulid_new(lab->os.clock, lab->os.random, name);

    if ((lab->flags & MODELLAB_LAB_READ_ONLY) != 0) {
        mli_health_say(check, MODELLAB_HEALTH_DEGRADED, "The lab was opened for reading only.");
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
        mli_health_say(check, MODELLAB_HEALTH_CRITICAL, err.message);
    } else {
        mli_health_say(check, MODELLAB_HEALTH_HEALTHY, "The runs' directory can be written.");
    }
}

void mli_health_models(mli_lab *lab, mli_health_check *check)
{
    mli_model_store store = {.alloc = lab->alloc, .files = lab->os.files, .root = lab->models_root};
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_model_state state = MLI_MODEL_ABSENT;
    char why[256] = "";
    const char *name;
    modellab_status status = mli_lab_default_model(lab, &name, &err);

    if (status == MODELLAB_OK) {
        status = mli_model_store_state(&store, name, &state, why, &err);
    }
    if (status != MODELLAB_OK) {
        mli_health_say(check, MODELLAB_HEALTH_DEGRADED, err.message);
    } else if (state == MLI_MODEL_INSTALLED) {
        mli_health_say(check, MODELLAB_HEALTH_HEALTHY, "The default model is installed.");
    } else if (state == MLI_MODEL_DAMAGED) {
        (void)mli_os_format(check->message, sizeof check->message,
                            "The default model is damaged: %.200s", why);
        check->state = MODELLAB_HEALTH_DEGRADED;
    } else {
        (void)mli_os_format(check->message, sizeof check->message,
                            "The default model %s is not installed; pull it.", name);
        check->state = MODELLAB_HEALTH_DEGRADED;
    }
}

void mli_health_worker(mli_lab *lab, mli_health_check *check)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    char *program = NULL;
    modellab_status status = mli_worker_program_find(lab, NULL, &program, &err);

    mli_free(lab->alloc, program);
    if (status == MODELLAB_OK) {
        mli_health_say(check, MODELLAB_HEALTH_HEALTHY, "The worker program is there.");
    } else { /* another process may supervise with its own */
        mli_health_say(check, MODELLAB_HEALTH_DEGRADED, err.message);
    }
}

void mli_health_orphans(mli_lab *lab, mli_health_check *check)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_report *report = NULL;
    modellab_status status = mli_reconcile(lab, MLI_RECONCILE_DRY_RUN, &report, &err);
    int orphaned = 0;

    if (status != MODELLAB_OK) {
        mli_health_say(check, MODELLAB_HEALTH_DEGRADED, err.message);
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

/* Packed images of models lie there; without it each worker packs its own. */
void mli_health_cache(mli_lab *lab, mli_health_check *check)
{
    const mli_os_files *f = lab->os.files;
    char path[MLI_PATH_BYTES], name[MLI_ULID_BYTES];
    mli_os_stat facts;
    int rc = f->stat(f->user, lab->cache_root, true, &facts);

    if (rc == -ENOENT) {
        mli_health_say(check, MODELLAB_HEALTH_HEALTHY, "There is no cache of models yet.");
        return;
    }
    if (rc == 0 && (lab->flags & MODELLAB_LAB_READ_ONLY) == 0) {
        rc = mli_ulid_new(lab->os.clock, lab->os.random, name);
        int n = mli_os_format(path, sizeof path, "%s/.health-%s", lab->cache_root, name);
        rc = rc != 0 ? -rc : n < 0 || n >= (int)sizeof path ? -ENAMETOOLONG : 0;
        int fd =
            rc != 0 ? rc
                    : f->open(f->user, path, MLI_OS_WRITE | MLI_OS_CREATE | MLI_OS_EXCLUSIVE, 0600);

        rc = fd < 0 ? fd : f->close(f->user, fd);
        if (fd >= 0) {
            int removed = f->unlink(f->user, path);

            rc = rc != 0 ? rc : removed;
        }
    }
    if (rc != 0) {
        modellab_error err = MODELLAB_ERROR_INIT;

        (void)mli_fail_os(&err, -rc, "The cache of models cannot be used");
        mli_health_say(check, MODELLAB_HEALTH_DEGRADED, err.message);
    } else {
        mli_health_say(check, MODELLAB_HEALTH_HEALTHY, "The cache of models can be used.");
    }
}

/* Lines that could not be written since the last look, or within the last minutes. */
void mli_health_log(mli_lab *lab, mli_health_check *check)
{
    modellab_logger_stats stats = MODELLAB_LOGGER_STATS_INIT;
    mli_health_probe *p = lab->probe;
    int64_t now = mli_os_system_clock.monotonic_ns(NULL);

    if (lab->logger == NULL) {
        mli_health_say(check, MODELLAB_HEALTH_HEALTHY, "This lab was opened without a log.");
        return;
    }
    if (mli_logger_get_stats(lab->logger, &stats, NULL) != MODELLAB_OK) {
        mli_health_say(check, MODELLAB_HEALTH_DEGRADED, "The log does not tell how it is.");
        return;
    }
    if (stats.failed > p->log_failed) {
        p->log_failed = stats.failed;
        p->log_failed_ns = now;
    }
    bool lost = p->log_failed_ns > 0 && now - p->log_failed_ns < LOG_MEMORY_NS;
    check->state = lost ? MODELLAB_HEALTH_DEGRADED : MODELLAB_HEALTH_HEALTHY;
    if (lost) {
        (void)mli_os_format(check->message, sizeof check->message,
                            "%lld lines of the log could not be written (system error %d).",
                            (long long)stats.failed, (int)stats.last_error);
    } else {
        (void)mli_os_format(check->message, sizeof check->message,
                            "The log takes lines; %lld were held back by the rate limit.",
                            (long long)stats.suppressed);
    }
}
