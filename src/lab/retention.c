/* A pass of retention: the decision, and the removal of one run in acts that are each durable. */
#include "lab/retention.h"

#include "base/error.h"
#include "base/str.h"
#include "lab/experiment.h"
#include "lab/run_lock.h"
#include "lab/run_log.h"
#include "lab/snapshot.h"
#include "log/logger.h"
#include "os/locale.h"
#include "os/process.h"
#include <errno.h>
#include <string.h>

#define PAGE_OF_RUNS 100

bool mli_retention_is_due(const mli_retention_rule *rule, int64_t age_ms, int64_t rank,
                          int64_t bytes)
{
    return (rule->older_than_ms >= 0 && age_ms >= rule->older_than_ms) ||
           (rule->keep_runs >= 0 && rank >= rule->keep_runs) ||
           (rule->keep_bytes >= 0 && bytes > rule->keep_bytes);
}

/* The lab's lock of cleanups: two passes at once would only get into each other's way. */
MODELLAB_MUST_CHECK static modellab_status take_lock(const mli_lab *lab, int *fd,
                                                     modellab_error *err)
{
    char path[MLI_PATH_BYTES];
    const mli_os_files *f = lab->os.files;
    int n = mli_os_format(path, sizeof(path), "%s/cleanup.lock", lab->root);
    if (n < 0 || n >= (int)sizeof(path)) {
        return mli_fail(err, MODELLAB_E_LIMIT, "the lab's path is too long");
    }
    *fd =
        f->open(f->user, path, MLI_OS_READ | MLI_OS_WRITE | MLI_OS_CREATE | MLI_OS_NOFOLLOW, 0600);
    if (*fd < 0) {
        int rc = -*fd;
        *fd = -1;
        return mli_fail_os(err, rc, "the lock of cleanups could not be opened");
    }
    int rc = f->lock(f->user, *fd, false);
    if (rc == 0) {
        return MODELLAB_OK;
    }
    mli_os_fd_close(*fd);
    *fd = -1;
    return rc == -EWOULDBLOCK
               ? mli_fail(err, MODELLAB_E_BUSY, "another cleanup of this lab is at work")
               : mli_fail_os(err, -rc, "the lock of cleanups could not be taken");
}

/* What stands below artifacts/ goes, the folder itself stays. */
typedef struct emptying {
    const mli_os_files *files;
    const char *folder;
    int rc;
} emptying;

static int remove_one(void *arg, const char *name)
{
    emptying *e = arg;
    char path[MLI_PATH_BYTES];
    int n = mli_os_format(path, sizeof(path), "%s/%s", e->folder, name);
    e->rc = n < 0 || n >= (int)sizeof(path) ? -ENAMETOOLONG : mli_os_remove_tree(e->files, path);
    return e->rc != 0;
}

static int empty_folder(const mli_os_files *f, const char *folder)
{
    emptying e = {.files = f, .folder = folder};
    int rc = f->list(f->user, folder, remove_one, &e);
    rc = e.rc != 0 ? e.rc : rc;
    if (rc == -ENOENT) {
        return 0;
    }
    return rc < 0 ? rc : mli_os_sync_dir(f, folder);
}

static int remove_input(const mli_os_files *f, const char *path, const char *folder)
{
    int rc = f->unlink(f->user, path);
    if (rc == -ENOENT || rc == -ENOTDIR) {
        return 0;
    }
    return rc != 0 ? rc : mli_os_sync_dir(f, folder);
}

MODELLAB_MUST_CHECK static modellab_status remove_folder(const mli_lab *lab, const char *run_id,
                                                         modellab_error *err)
{
    char runs[MLI_PATH_BYTES];
    modellab_status status = mli_rundir_remove(lab->os.files, lab->root, run_id, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    int n = mli_os_format(runs, sizeof(runs), "%s/runs", lab->root);
    int rc = n < 0 || n >= (int)sizeof(runs) ? -ENAMETOOLONG : mli_os_sync_dir(lab->os.files, runs);
    return rc == 0 ? MODELLAB_OK : mli_fail_os(err, -rc, "cannot sync the runs' directory");
}

/* The second act. */
MODELLAB_MUST_CHECK static modellab_status remove_files(const mli_lab *lab, const char *run_id,
                                                        int32_t parts, modellab_error *err)
{
    char path[MLI_PATH_BYTES];
    char folder[MLI_PATH_BYTES];
    const mli_os_files *f = lab->os.files;
    int rc = 0;
    if ((parts & MLI_PART_RUN) != 0) {
        return remove_folder(lab, run_id, err);
    }
    modellab_status status = mli_run_path(lab->root, run_id, MLI_RUN_FOLDER, folder, err);
    if (status == MODELLAB_OK && (parts & MLI_PART_INPUT) != 0) {
        status = mli_run_path(lab->root, run_id, MLI_RUN_INPUT, path, err);
        rc = status == MODELLAB_OK ? remove_input(f, path, folder) : 0;
    }
    if (status == MODELLAB_OK && rc == 0 && (parts & MLI_PART_ARTIFACTS) != 0) {
        status = mli_run_path(lab->root, run_id, MLI_RUN_ARTIFACTS, path, err);
        rc = status == MODELLAB_OK ? empty_folder(f, path) : 0;
    }
    return rc == 0 ? status : mli_fail_os(err, -rc, "files of a run could not be removed");
}

/* Second and third act of a run that is marked. A manifest that cannot be written is reconcile's.
 */
MODELLAB_MUST_CHECK static modellab_status complete_one(mli_lab *lab, const char *run_id,
                                                        int32_t parts, modellab_error *err)
{
    modellab_status status = remove_files(lab, run_id, parts, err);
    if (status == MODELLAB_OK && (parts & MLI_PART_RUN) == 0) {
        status = mli_manifest_refresh(lab, run_id, err);
        if (status == MODELLAB_E_NOT_FOUND) {
            mli_error_clear(err); /* its folder is gone, or it goes as a whole now */
            status = MODELLAB_OK;
        }
    }
    return status == MODELLAB_OK ? mli_store_unmark(lab->store, run_id, parts, err) : status;
}

/* Of the lab, not of one run: with the next run it would fail again. */
static bool concerns_all(modellab_status status)
{
    return status == MODELLAB_E_STORE_FAILED || status == MODELLAB_E_NO_MEMORY ||
           status == MODELLAB_E_FORKED;
}

modellab_status mli_retention_complete(mli_lab *lab, mli_not_removed tell, void *user,
                                       int64_t *completed, modellab_error *err)
{
    mli_run_row_list *list = NULL;
    *completed = 0;
    modellab_status status = mli_store_list_marked(lab->store, &list, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    for (size_t i = 0; status == MODELLAB_OK && i < list->count; i++) {
        const mli_run_row *row = list->rows[i];
        modellab_error one = MODELLAB_ERROR_INIT;
        modellab_status own = complete_one(lab, row->id, row->deleting, &one);
        if (own == MODELLAB_OK) {
            *completed += 1;
        } else if (concerns_all(own)) {
            status = mli_fail(err, own, "%s", one.message);
        } else {
            tell(user, row, &one);
        }
    }
    mli_run_row_list_free(list);
    return status;
}

static void note_failure(void *user, const mli_run_row *row, const modellab_error *err)
{
    mli_retention *pass = user;
    modellab_logger *log = mli_run_log(pass->lab, row);
    pass->result.failed++;
    mli_log_error(log, MODELLAB_LOG_WARN, "cleanup.run_failed",
                  "it will be tried again by the next cleanup", err->code, err);
    mli_logger_unref(log);
}

modellab_status mli_retention_begin(mli_retention *pass, mli_lab *lab,
                                    const mli_retention_rule *rule, modellab_error *err)
{
    memset(pass, 0, sizeof(*pass));
    pass->lab = lab;
    pass->rule = *rule;
    pass->lock_fd = -1;
    pass->now_ms = mli_lab_now_ms(lab);
    pass->before_ms = INT64_MAX;
    pass->result.size = sizeof(pass->result);
    /* With age as the only reason nothing younger has to be looked at. */
    if (rule->keep_runs < 0 && rule->keep_bytes < 0 && rule->older_than_ms >= 0) {
        pass->before_ms = pass->now_ms - rule->older_than_ms + 1;
    }
    if (rule->dry_run) {
        return MODELLAB_OK;
    }
    int64_t completed = 0;
    modellab_status status = take_lock(lab, &pass->lock_fd, err);
    if (status == MODELLAB_OK) {
        status = mli_retention_complete(lab, note_failure, pass, &completed, err);
    }
    if (status != MODELLAB_OK) {
        mli_retention_end(pass);
    }
    return status;
}

void mli_retention_end(mli_retention *pass)
{
    mli_os_fd_close(pass->lock_fd);
    pass->lock_fd = -1;
}

static void count(mli_retention *pass, int32_t parts, const mli_run_bytes *bytes)
{
    modellab_cleanup_result *r = &pass->result;
    bool whole = (parts & MLI_PART_RUN) != 0;
    r->runs += whole;
    r->other_bytes += whole ? bytes->other : 0;
    if (whole || (parts & MLI_PART_INPUT) != 0) {
        r->inputs += !whole;
        r->input_bytes += bytes->input;
    }
    if (whole || (parts & MLI_PART_ARTIFACTS) != 0) {
        r->artifacts += !whole;
        r->artifact_bytes += bytes->artifacts;
    }
}

/* The three acts, with the run's lock held: whoever still has it (a worker that was fenced out)
 * still uses its files. */
MODELLAB_MUST_CHECK static modellab_status remove_run(mli_retention *pass, const mli_run_row *row,
                                                      int32_t parts, bool *went,
                                                      modellab_error *err)
{
    mli_lab *lab = pass->lab;
    int fd = -1;
    modellab_status status = mli_run_lock_try(lab, row->id, &fd, err);
    bool folder_gone = status == MODELLAB_E_NOT_FOUND;
    if (folder_gone) {
        mli_error_clear(err);
        status = MODELLAB_OK;
    } else if (status == MODELLAB_OK && fd < 0) {
        return MODELLAB_OK;
    }
    if (status == MODELLAB_OK) {
        status = mli_experiment_keep_run(lab, row, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_store_mark(lab->store, row->id, parts, err);
    }
    if (status == MODELLAB_E_STATE || status == MODELLAB_E_NOT_FOUND) {
        mli_error_clear(err);
        mli_os_fd_close(fd);
        return MODELLAB_OK;
    }
    if (status == MODELLAB_OK) {
        status = complete_one(lab, row->id, parts, err);
        *went = status == MODELLAB_OK;
    }
    mli_os_fd_close(fd);
    return status;
}

static int32_t parts_of(const mli_retention *pass, const mli_run_row *row)
{
    int32_t parts = pass->rule.parts;
    if ((parts & MLI_PART_RUN) != 0) {
        return MLI_PART_RUN;
    }
    return parts & ~row->removed & ~(row->input_sha256[0] == '\0' ? MLI_PART_INPUT : 0);
}

/* A failure of one run is counted; only what concerns all of them comes back. */
MODELLAB_MUST_CHECK static modellab_status look_at(mli_retention *pass, const mli_run_row *row,
                                                   modellab_error *err)
{
    mli_run_bytes bytes = {0, 0, 0};
    modellab_error one = MODELLAB_ERROR_INIT;
    int64_t age = pass->now_ms > row->ended_ms ? pass->now_ms - row->ended_ms : 0;
    int32_t parts = parts_of(pass, row);
    bool went = pass->rule.dry_run;
    modellab_status status = mli_run_bytes_of(pass->lab, row->id, &bytes, &one);
    int64_t all = bytes.input + bytes.artifacts + bytes.other;
    pass->newer_bytes += all;
    if (status == MODELLAB_OK &&
        !mli_retention_is_due(&pass->rule, age, pass->rank++, pass->newer_bytes)) {
        return MODELLAB_OK;
    }
    if (status == MODELLAB_OK && parts == 0) {
        return MODELLAB_OK; /* went before */
    }
    if (status == MODELLAB_OK && !pass->rule.dry_run) {
        status = remove_run(pass, row, parts, &went, &one);
    }
    if (concerns_all(status)) {
        return mli_fail(err, status, "%s", one.message);
    }
    if (status != MODELLAB_OK) {
        note_failure(pass, row, &one);
    } else if (went) {
        count(pass, parts, &bytes);
    } else {
        pass->result.kept++;
    }
    return MODELLAB_OK;
}

modellab_status mli_retention_step(mli_retention *pass, int32_t most, modellab_error *err)
{
    mli_run_row_list *list = NULL;
    mli_store_ended filter = {.status = pass->rule.status,
                              .limit = most < PAGE_OF_RUNS ? most : PAGE_OF_RUNS,
                              .user = pass->rule.user,
                              .before_ms = pass->before_ms,
                              .before_id = pass->before_id};
    modellab_status status = mli_store_list_ended(pass->lab->store, &filter, &list, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    pass->done = list->count < (size_t)filter.limit;
    for (size_t i = 0; status == MODELLAB_OK && i < list->count; i++) {
        const mli_run_row *row = list->rows[i];
        pass->before_ms = row->ended_ms;
        (void)mli_str_copy(pass->before_id, sizeof(pass->before_id), row->id);
        pass->looked_at++;
        status = look_at(pass, row, err);
    }
    mli_run_row_list_free(list);
    return status;
}
