/* Reconciliation of the runs that count as active: who lives, who is to be ended. */
#include "lab/reconcile.h"

#include "base/error.h"
#include "check/findings.h"
#include "lab/dead_run.h"
#include "lab/reconcile_files.h"
#include "lab/reconcile_look.h"
#include "lab/retention.h"
#include "lab/run_log.h"
#include "lab/uploads.h"
#include "lab/wake.h"
#include "log/task.h"
#include "os/locale.h"
#include <string.h>

void mli_reconcile_add(mli_findings *report, modellab_severity severity, const char *id,
                       const char *run_id, const char *text)
{
    char pointer[48];
    (void)mli_os_format(pointer, sizeof(pointer), "/runs/%s", run_id);
    mli_findings_add(report, severity, id, pointer, "%s", text);
}

static void add_settled(mli_findings *report, const char *run_id, modellab_run_status to,
                        int64_t damaged)
{
    if (to == MODELLAB_RUN_STALE) {
        mli_reconcile_add(report, MODELLAB_SEVERITY_WARNING, "run.stale", run_id,
                          "its worker was gone -> it is STALE now");
    } else if (to == MODELLAB_RUN_QUEUED) {
        mli_reconcile_add(report, MODELLAB_SEVERITY_WARNING, "run.requeued", run_id,
                          "its worker was gone -> it is queued again");
    } else if (to != 0) {
        mli_reconcile_add(report, MODELLAB_SEVERITY_INFO, "run.settled", run_id,
                          "it had ended without a record of its end -> the end is recorded now");
    }
    if (damaged > 0) {
        mli_reconcile_add(report, MODELLAB_SEVERITY_WARNING, "journal.damaged", run_id,
                          "lines of its journal could not be read -> the others were recorded");
    }
}

MODELLAB_MUST_CHECK static modellab_status end_dead(mli_lab *lab, const mli_run_row *row,
                                                    bool dry_run, mli_findings *report,
                                                    modellab_error *err)
{
    modellab_run_status to = 0;
    int64_t damaged = 0;
    modellab_status status = mli_reconcile_look(lab, row, dry_run, report, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    if (dry_run) {
        mli_reconcile_add(report, MODELLAB_SEVERITY_WARNING, "run.stale", row->id,
                          "its worker is gone -> reconciling would end it, or queue it again");
        return MODELLAB_OK;
    }
    status = mli_dead_run_settle(lab, row, &to, &damaged, err);
    if (status == MODELLAB_OK) {
        add_settled(report, row->id, to, damaged);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status look_at(mli_lab *lab, const mli_run_row *row,
                                                   bool dry_run, mli_findings *report,
                                                   modellab_error *err)
{
    mli_run_life life = MLI_LIFE_WORKS;
    modellab_status status = mli_run_life_of(lab, row, &life, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    if (life == MLI_LIFE_ALONE) {
        mli_reconcile_add(report, MODELLAB_SEVERITY_INFO, "run.unsupervised", row->id,
                          "its worker lives without a supervisor -> the next one adopts it");
    } else if (life == MLI_LIFE_ORPHANED) {
        mli_reconcile_add(report, MODELLAB_SEVERITY_ERROR, "run.orphaned", row->id,
                          "its lock is held by a process that is not its worker -> nothing was "
                          "done: find out who holds it, and end that");
    } else if (life == MLI_LIFE_DEAD) {
        status = end_dead(lab, row, dry_run, report, err);
    }
    return status;
}

/* What is wrong with the files of one run, or with a disk that is full, is a finding: it must not
 * keep people from opening the lab and looking. */
static bool is_the_runs_own(modellab_status status)
{
    return status == MODELLAB_E_PERMISSION || status == MODELLAB_E_IO ||
           status == MODELLAB_E_NO_SPACE || status == MODELLAB_E_LIMIT ||
           status == MODELLAB_E_INVALID_ARGUMENT || status == MODELLAB_E_NOT_FOUND;
}

MODELLAB_MUST_CHECK static modellab_status look_at_active(mli_lab *lab, bool dry_run,
                                                          mli_findings *report, modellab_error *err)
{
    mli_run_row_list *active = NULL;
    modellab_status first = mli_store_active(lab->store, &active, err);
    if (first != MODELLAB_OK) {
        return first;
    }
    for (size_t i = 0; i < active->count; i++) {
        modellab_error one = MODELLAB_ERROR_INIT;
        modellab_status status = look_at(lab, active->rows[i], dry_run, report, &one);
        if (is_the_runs_own(status)) {
            modellab_logger *log = mli_run_log(lab, active->rows[i]);
            mli_log_error(log, MODELLAB_LOG_ERROR, "run.not_reconciled",
                          "it is tried again at the next reconcile", status, &one);
            mli_logger_unref(log);
            mli_reconcile_add(report, MODELLAB_SEVERITY_ERROR, "run.not_reconciled",
                              active->rows[i]->id, one.message);
        } else if (status != MODELLAB_OK && first == MODELLAB_OK) {
            first = mli_fail(err, status, "%s", one.message);
        }
    }
    mli_run_row_list_free(active);
    return first;
}

/* Locks and sockets of supervisors that are gone, and first of all the manifests that they still
 * had to write: after this look nothing tells any more that somebody died. */
modellab_status mli_reconcile_supervisors(mli_lab *lab, bool dry_run, mli_findings *report,
                                          int64_t *gone, modellab_error *err)
{
    int64_t dead = 0, after = 0;
    bool whole = true;
    *gone = 0;
    modellab_status status = mli_supervisors_sweep(lab, true, &dead, err);
    if (status != MODELLAB_OK || dead == 0) {
        return status;
    }
    if (!dry_run) {
        status = mli_reconcile_manifests(lab, &whole, report, err);
    }
    if (status == MODELLAB_OK && !dry_run) {
        status = mli_supervisors_sweep(lab, true, &after, err);
    }
    /* who died meanwhile is for the next look, and so is a manifest that could not be written */
    if (status == MODELLAB_OK && !dry_run && whole && after == dead) {
        status = mli_supervisors_sweep(lab, false, &dead, err);
    } else if (!dry_run) {
        return status;
    }
    if (status == MODELLAB_OK && dead > 0) {
        *gone = dead;
        mli_findings_add(report, MODELLAB_SEVERITY_INFO, "lock.stale", "",
                         dry_run ? "%lld supervisors are gone, their locks are still there -> "
                                   "reconciling would remove them"
                                 : "%lld supervisors were gone, their locks still there -> "
                                   "removed",
                         (long long)dead);
    }
    return status;
}

typedef struct removing {
    mli_lab *lab;
    mli_findings *report;
} removing;

static void add_not_removed(void *user, const mli_run_row *row, const modellab_error *err)
{
    const removing *r = user;
    modellab_logger *log = mli_run_log(r->lab, row);
    mli_log_error(log, MODELLAB_LOG_WARN, "run.not_removed",
                  "it is tried again at the next reconcile", err->code, err);
    mli_logger_unref(log);
    mli_reconcile_add(r->report, MODELLAB_SEVERITY_WARNING, "run.not_removed", row->id,
                      err->message);
}

/* Removals that a crash interrupted. */
MODELLAB_MUST_CHECK static modellab_status complete_removals(mli_lab *lab, mli_findings *report,
                                                             modellab_error *err)
{
    int64_t completed = 0;
    removing r = {lab, report};
    modellab_status status = mli_retention_complete(lab, add_not_removed, &r, &completed, err);
    if (completed > 0) {
        mli_findings_add(report, MODELLAB_SEVERITY_INFO, "run.removed", "",
                         "a removal of runs had been interrupted -> it is complete now");
    }
    return status;
}

/* Adds the findings of one id to its counter, at the first of them. */
static void count(mli_lab *lab, const modellab_report *report, size_t index)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    const char *id = mli_report_finding(report, index)->id;
    double found = 0;
    for (size_t i = 0; i < mli_report_count(report); i++) {
        if (strcmp(mli_report_finding(report, i)->id, id) == 0) {
            if (i < index) {
                return;
            }
            found++;
        }
    }
    modellab_status status =
        mli_store_count(lab->store, "reconcile_findings_total", id, found, &err);
    if (status != MODELLAB_OK) {
        mli_log_error(lab->logger, MODELLAB_LOG_WARN, "reconcile.not_counted", id, status, &err);
    }
}

/* Every finding to the log, and what was found in earnest to the counters. */
static void tell(mli_lab *lab, const modellab_report *report, bool dry_run)
{
    for (size_t i = 0; i < mli_report_count(report); i++) {
        const modellab_finding *f = mli_report_finding(report, i);
        const char *run_id = strncmp(f->pointer, "/runs/", 6) == 0 ? f->pointer + 6 : "";
        modellab_logger *log = mli_run_log_of(lab, run_id);
        mli_log(log, MODELLAB_LOG_INFO, "reconcile.finding", f->text,
                MLI_LOG_FIELDS(mli_log_string("finding", f->id),
                               mli_log_string("severity", mli_severity_name(f->severity)),
                               mli_log_bool("dry_run", dry_run)));
        mli_logger_unref(log);
        if (!dry_run) {
            count(lab, report, i);
        }
    }
}

/* The parts, in an order in which each builds on the ones before. */
MODELLAB_MUST_CHECK static modellab_status look(mli_lab *lab, int flags, const mli_task *task,
                                                mli_findings *findings, modellab_error *err)
{
    bool dry_run = (flags & MLI_RECONCILE_DRY_RUN) != 0;
    modellab_status status = look_at_active(lab, dry_run, findings, err);
    if (status == MODELLAB_OK) {
        mli_task_progress(
            task, "active runs were looked at",
            MLI_LOG_FIELDS(mli_log_int("findings", (int64_t)mli_report_count(findings->report))));
        int64_t gone = 0; /* a finding tells of them */
        status = mli_reconcile_supervisors(lab, dry_run, findings, &gone, err);
    }
    if (status == MODELLAB_OK && !dry_run) {
        status = complete_removals(lab, findings, err);
    }
    /* looks without consequence are made all the time, and uploads may be many */
    if (status == MODELLAB_OK && (!dry_run || (flags & MLI_RECONCILE_FILES) != 0)) {
        mli_uploads_found found;
        status = mli_uploads_look(lab, dry_run, findings, &found, err);
    }
    if (status == MODELLAB_OK && (flags & MLI_RECONCILE_FILES) != 0) {
        mli_task_progress(
            task, "files are looked at",
            MLI_LOG_FIELDS(mli_log_int("findings", (int64_t)mli_report_count(findings->report))));
        status = mli_reconcile_files(lab, dry_run, findings, err);
    }
    return status;
}

modellab_status mli_reconcile(mli_lab *lab, int flags, modellab_report **report,
                              modellab_error *err)
{
    mli_findings findings;
    modellab_report *made = NULL;
    mli_task task;
    bool dry_run = (flags & MLI_RECONCILE_DRY_RUN) != 0;
    if (report != NULL) {
        *report = NULL;
    }
    modellab_status status = mli_lab_check(lab, !dry_run, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    /* looks without consequence are made by health and metrics too, all the time */
    mli_task_begin(&task, MLI_TASK_RECONCILE, lab->logger,
                   dry_run ? MODELLAB_LOG_DEBUG : MODELLAB_LOG_INFO, lab->os.clock, lab->os.random,
                   MLI_LOG_FIELDS(mli_log_bool("dry_run", dry_run),
                                  mli_log_bool("files", (flags & MLI_RECONCILE_FILES) != 0)));
    mli_findings_begin(&findings, lab->alloc);
    status = look(lab, flags, &task, &findings, err);
    if (status == MODELLAB_OK) {
        status = mli_findings_finish(&findings, &made, err);
    } else {
        mli_findings_dispose(&findings);
    }
    if (status == MODELLAB_OK) {
        tell(lab, made, dry_run);
    }
    mli_task_end(&task, status, err,
                 MLI_LOG_FIELDS(mli_log_int("findings", (int64_t)mli_report_count(made))));
    if (report != NULL) {
        *report = made;
    } else {
        mli_report_unref(made);
    }
    return status;
}

modellab_status mli_reconcile_run(mli_lab *lab, const char *run_id, mli_run_life *life,
                                  modellab_error *err)
{
    mli_run_record *record = NULL;
    modellab_run_status to = 0;
    *life = MLI_LIFE_WORKS;
    modellab_status status = mli_store_load(lab->store, run_id, &record, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    if (record->run->status == MODELLAB_RUN_RUNNING) {
        status = mli_run_life_of(lab, record->run, life, err);
    }
    if (status == MODELLAB_OK && *life == MLI_LIFE_DEAD) {
        status = mli_dead_run_settle(lab, record->run, &to, NULL, err);
    }
    mli_run_record_free(record);
    return status;
}
