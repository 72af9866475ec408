/* Looking at the page and the journal of a run that nobody executes any more. */
#include "lab/reconcile_look.h"

#include "base/error.h"
#include "lab/dead_run.h"
#include "lab/reconcile_files.h"
#include "os/process.h"
#include "store/journal.h"
#include <errno.h>
#include <string.h>

static void look_at_worker(const mli_lab *lab, const mli_run_row *row, mli_findings *report)
{
    mli_os_identity noted;
    mli_os_identity now;
    const mli_os_processes *ops = lab->os.processes;
    if (!mli_run_worker_noted(lab, row->id, &noted)) {
        return;
    }
    if (ops->identity(ops->user, 0, &now) == 0 && strcmp(noted.boot_id, now.boot_id) != 0) {
        mli_reconcile_add(report, MODELLAB_SEVERITY_INFO, "boot.changed", row->id,
                          "it was executed before this machine was started, or on another one -> "
                          "its worker cannot live");
    } else if (ops->identity(ops->user, noted.pid, &now) == 0 &&
               !mli_os_identity_equal(&noted, &now)) {
        mli_reconcile_add(report, MODELLAB_SEVERITY_INFO, "pid.reused", row->id,
                          "the pid of its worker is another process now -> that one is left alone");
    }
}

MODELLAB_MUST_CHECK static modellab_status read_to_end(mli_journal_reader *r, modellab_error *err)
{
    mli_journal_line line;
    bool found = true;
    modellab_status status = MODELLAB_OK;
    while (status == MODELLAB_OK && found) {
        status = mli_journal_next(r, &line, &found, err);
    }
    return status;
}

static void say_torn(mli_findings *report, const char *run_id)
{
    mli_reconcile_add(report, MODELLAB_SEVERITY_INFO, "journal.torn", run_id,
                      "its journal ends within a line -> the whole lines count");
}

MODELLAB_MUST_CHECK static modellab_status look_at_journal(const mli_lab *lab,
                                                           const mli_run_row *row, bool damage,
                                                           mli_findings *report,
                                                           modellab_error *err)
{
    char path[MLI_PATH_BYTES];
    mli_journal_reader reader;
    const mli_os_files *f = lab->os.files;
    modellab_status status = mli_run_path(lab->root, row->id, MLI_RUN_JOURNAL, path, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    int fd = f->open(f->user, path, MLI_OS_READ | MLI_OS_NOFOLLOW, 0);
    if (fd == -ENOENT) {
        return MODELLAB_OK; /* it never began */
    }
    if (fd < 0) {
        return mli_fail_os(err, -fd, "a journal could not be opened");
    }
    mli_journal_reader_init(&reader, lab->alloc, f, fd);
    status = read_to_end(&reader, err);
    if (status == MODELLAB_E_STORE_CORRUPT) {
        mli_error_clear(err);
        status = MODELLAB_OK;
        say_torn(report, row->id);
    } else if (status == MODELLAB_OK && reader.torn_bytes > 0) {
        say_torn(report, row->id);
    }
    if (damage && reader.damaged > 0) {
        mli_reconcile_add(report, MODELLAB_SEVERITY_WARNING, "journal.damaged", row->id,
                          "lines of its journal cannot be read -> the others would be recorded");
    }
    mli_journal_reader_dispose(&reader);
    mli_os_fd_close(fd);
    return status;
}

modellab_status mli_reconcile_look(const mli_lab *lab, const mli_run_row *row, bool journal,
                                   mli_findings *report, modellab_error *err)
{
    look_at_worker(lab, row, report);
    return look_at_journal(lab, row, journal, report, err);
}
