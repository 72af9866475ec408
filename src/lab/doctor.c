/* The doctor's round: machine and configuration, then the lab, its disk, worker, model and clock.
 */
#include "lab/doctor.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "lab/default_model.h"
#include "lab/health.h"
#include "lab/settle.h"
#include "lab/supervisor.h"
#include "lab/worker_group.h"
#include "models/installed.h"
#include "os/locale.h"
#include "os/process.h"
#include <errno.h>
#include <string.h>

#define HEALTH_PATIENCE_MS 30000
#define WORKER_PATIENCE_NS ((int64_t)10 * 1000000000)

/* What to do about a check of health that did not go well. */
static const char *advice_of(const char *check)
{
    static const struct {
        const char *check, *advice;
    } known[] = {
        {"clock", "set the machine's clock"},
        {"store", "check the disk, then `modellab admin reconcile`"},
        {"disk", "`modellab admin cleanup --older-than 30d`, or lower MODEL_LAB_MIN_FREE_BYTES"},
        {"runs_directory", "give this user write access, or choose another MODEL_LAB_ROOT"},
        {"worker_program", "install it beside the library, or set MODEL_LAB_WORKER"},
        {"queue", "`modellab supervise`"},
        {"model_cache", "give this user write access, or choose another MODEL_LAB_CACHE_ROOT"},
        {"supervisors", "look at them, then restart those that hang"},
        {"turns", "restart this process"},
        {"workers", "`modellab run events ID`, then `modellab run cancel ID`"},
        {"webhooks", "`modellab webhook list`, then `modellab webhook deliveries ID`"},
        {"log", "make room where the log is written"},
        {"orphaned_runs", "`modellab admin reconcile`"},
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(known[i].check, check) == 0) {
            return known[i].advice;
        }
    }
    return "see docs/operations.md";
}

/* Likewise about the default model. */
static void model_advice(const mli_lab *lab, char out[160])
{
    if (lab->default_model[0] == '\0') {
        (void)mli_str_copy(out, 160, "correct the file that MODEL_LAB_CATALOG names");
    } else {
        (void)mli_os_format(out, 160, "`modellab models pull %s`", lab->default_model);
    }
}

static void add_health(mli_lab *lab, mli_findings *report)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_health *health = NULL;
    modellab_health_options options = MODELLAB_HEALTH_OPTIONS_INIT;

    options.wait_ms = HEALTH_PATIENCE_MS;
    if (mli_health_look(lab, &options, &health, &err) != MODELLAB_OK) {
        mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "lab.health", "", "%s", err.message);
        return;
    }
    for (size_t i = 0; i < health->count; i++) {
        const mli_health_check *c = &health->checks[i];
        bool well = c->state == MODELLAB_HEALTH_HEALTHY;
        char id[64], model[160];

        (void)mli_os_format(id, sizeof id, "lab.%s", c->name); /* names are short */
        model_advice(lab, model);
        mli_findings_add(report,
                         well ? MODELLAB_SEVERITY_INFO
                              : (c->state == MODELLAB_HEALTH_CRITICAL ? MODELLAB_SEVERITY_ERROR
                                                                      : MODELLAB_SEVERITY_WARNING),
                         id, "", "%s%s%s", c->message, well ? "" : " -> ",
                         well                             ? ""
                         : strcmp(c->name, "models") == 0 ? model
                                                          : advice_of(c->name));
    }
    mli_health_unref(health);
}

/* Whether the worker program starts here at all: without an order it must leave with its code for
 * that. */
MODELLAB_MUST_CHECK static modellab_status start_worker(const mli_lab *lab, mli_os_exit *how,
                                                        modellab_error *err)
{
    const mli_os_processes *ops = lab->os.processes;
    const mli_os_clock *clock = lab->os.clock;
    static const char *const environment[] = {"OPENBLAS_NUM_THREADS=1", NULL};
    const char *argv[] = {"modellab-worker", NULL};
    char *program = NULL;
    int64_t pid = 0, until = clock->monotonic_ns(clock->user) + WORKER_PATIENCE_NS;
    modellab_status status = mli_worker_program_find(lab, NULL, &program, err);
    mli_os_spawn what = {.program = program, .argv = argv, .envp = environment};
    int rc;

    if (status != MODELLAB_OK) {
        return status;
    }
    rc = ops->spawn(ops->user, &what, &pid);
    mli_free(lab->alloc, program);
    if (rc != 0) {
        return mli_fail_os(err, -rc, "the worker program cannot be started");
    }
    do {
        rc = ops->reap(ops->user, pid, false, how);
    } while (rc == -EAGAIN && clock->monotonic_ns(clock->user) < until &&
             clock->sleep_ns(clock->user, 5000000) == 0);
    if (rc == -EAGAIN) {
        rc = ops->kill(ops->user, pid, 9 /* SIGKILL */);
        rc = rc == 0 ? ops->reap(ops->user, pid, true, how) : rc;
        return mli_fail(err, MODELLAB_E_TIMEOUT, "the worker program started, but does not answer");
    }
    return rc == 0 ? MODELLAB_OK : mli_fail_os(err, -rc, "the worker's end could not be seen");
}

static void add_worker(const mli_lab *lab, mli_findings *report)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_os_exit how = {.code = -1};
    modellab_status status = start_worker(lab, &how, &err);

    if (status != MODELLAB_OK) {
        mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "worker.start", "", "%s -> %s",
                         err.message, advice_of("worker_program"));
    } else if (how.signaled || how.code != MLI_WORKER_EXIT_USAGE) {
        mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "worker.start", "",
                         "the worker program ended with %s %d -> it misses a library, or is of "
                         "another version: install it anew",
                         how.signaled ? "signal" : "code", how.code);
    } else {
        mli_findings_add(report, MODELLAB_SEVERITY_INFO, "worker.start", "",
                         "the worker program starts");
    }
}

/* What a supervisor started here would get. */
static void add_control_groups(const mli_lab *lab, mli_findings *report)
{
    mli_worker_groups groups;
    char words[64];
    modellab_error err = MODELLAB_ERROR_INIT;
    if (mli_worker_groups_open(&groups, lab, &err) != MODELLAB_OK) {
        mli_findings_add(report, MODELLAB_SEVERITY_WARNING, "control_groups", "", "%s",
                         err.message);
        return;
    }
    mli_os_cgroups_describe(&groups.system, words, sizeof words);
    mli_findings_add(report, MODELLAB_SEVERITY_INFO, "control_groups", "",
                     groups.system.why[0] != '\0' ? "control groups: %s; %s" : "control groups: %s",
                     words, groups.system.why);
}

static void add_model(const mli_lab *lab, mli_findings *report)
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
    if (status == MODELLAB_OK && state == MLI_MODEL_ABSENT) {
        return; /* health has said so */
    }
    if (status == MODELLAB_OK) {
        status = mli_model_store_verify(&store, name, NULL, NULL, NULL, &state, why, &err);
    }
    if (status == MODELLAB_OK && state == MLI_MODEL_INSTALLED) {
        mli_findings_add(report, MODELLAB_SEVERITY_INFO, "model.verified", "",
                         "the default model has the bytes that it should have");
    } else {
        char advice[160];

        model_advice(lab, advice);
        mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "model.damaged", "",
                         "the default model is damaged: %s -> %s",
                         status == MODELLAB_OK ? why : err.message, advice);
    }
}

MODELLAB_MUST_CHECK static modellab_status look_at_lab(const char *root,
                                                       const modellab_lab_options *options,
                                                       mli_findings *report, modellab_error *err)
{
    modellab_error why = MODELLAB_ERROR_INIT;
    mli_lab *lab = NULL;
    modellab_status status = mli_lab_open(root, options, NULL, &lab, &why);

    if (status == MODELLAB_E_NO_MEMORY || status == MODELLAB_E_ABI_TOO_SMALL) {
        return mli_fail(err, status, "%s", why.message);
    }
    if (status != MODELLAB_OK) {
        mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "lab.open", "",
                         "the lab cannot be opened: %s -> %s", why.message,
                         advice_of("runs_directory"));
        return MODELLAB_OK;
    }
    mli_findings_add(report, MODELLAB_SEVERITY_INFO, "lab.open", "", "the lab opens");
    add_health(lab, report);
    add_worker(lab, report);
    add_control_groups(lab, report);
    add_model(lab, report);
    mli_lab_unref(lab);
    return MODELLAB_OK;
}

modellab_status mli_doctor_run(const char *root, const modellab_lab_options *options,
                               modellab_report **out, modellab_error *err)
{
    mli_findings findings;
    modellab_status status;

    mli_findings_begin(&findings, NULL);
    mli_doctor_configuration(NULL, &findings);
    mli_doctor_machine(&mli_os_system_files, &findings);
    status = look_at_lab(root, options, &findings, err);
    if (status == MODELLAB_OK) {
        status = mli_findings_finish(&findings, out, err);
    }
    mli_findings_dispose(&findings);
    return status;
}
