/* Finding leftovers: folders without a record, temporary files of runs that have ended, files of
 * dead supervisors, packed images that no installed model has. */
#include "lab/leftovers.h"

#include "base/alloc.h"
#include "base/error.h"
#include "lab/experiment_parts.h"
#include "lab/reconcile.h"
#include "lab/run_lock.h"
#include "lab/state.h"
#include "lab/tree_bytes.h"
#include "lab/uploads.h"
#include "log/task.h"
#include "models/installed.h"
#include "os/locale.h"
#include "os/process.h"
#include <errno.h>
#include <string.h>

/* Images of models that are opened by path are used without being installed: they stay a while. */
#define IMAGE_GRACE_MS ((int64_t)7 * 24 * 3600 * 1000)
#define MODEL_JSON_MAX ((size_t)1024 * 1024)
#define SHA256_DIGITS 64

typedef struct sweep {
    mli_lab *lab;
    int64_t older_than_ns; /* what changed later stays */
    bool dry_run;
    modellab_cleanup_result *result;
    char folder[MLI_PATH_BYTES]; /* being listed */
    mli_buf known;               /* texts of all model.json */
    modellab_status status;
    modellab_error *err;
} sweep;

static bool ends_with(const char *name, const char *end)
{
    size_t n = strlen(name);
    size_t e = strlen(end);
    return n > e && strcmp(name + n - e, end) == 0;
}

/* A member of the folder being listed; false when it is to stay or has gone. */
static bool is_old_file(const sweep *s, const char *name, char path[MLI_PATH_BYTES], int64_t *bytes)
{
    mli_os_stat facts;
    const mli_os_files *f = s->lab->os.files;
    int n = mli_os_format(path, MLI_PATH_BYTES, "%s/%s", s->folder, name);
    if (n < 0 || n >= MLI_PATH_BYTES || f->stat(f->user, path, false, &facts) != 0) {
        return false;
    }
    *bytes = facts.bytes;
    return facts.kind == MLI_OS_REGULAR && facts.mtime_ns < s->older_than_ns;
}

static bool remove_file(sweep *s, const char *path)
{
    const mli_os_files *f = s->lab->os.files;
    int rc = s->dry_run ? 0 : f->unlink(f->user, path);
    if (rc != 0 && rc != -ENOENT) {
        mli_log(s->lab->logger, MODELLAB_LOG_WARN, "cleanup.file_failed",
                "a leftover could not be removed", MLI_LOG_FIELDS(mli_log_int("os_error", -rc)));
        s->result->failed++;
    }
    return rc == 0;
}

static int look_at_temporary(void *arg, const char *name)
{
    sweep *s = arg;
    char path[MLI_PATH_BYTES];
    int64_t bytes = 0;
    if (ends_with(name, ".tmp") && is_old_file(s, name, path, &bytes) && remove_file(s, path)) {
        s->result->leftovers++;
        s->result->leftover_bytes += bytes;
    }
    return 0;
}

MODELLAB_MUST_CHECK static modellab_status list_folder(sweep *s,
                                                       int (*each)(void *arg, const char *name))
{
    const mli_os_files *f = s->lab->os.files;
    int rc = f->list(f->user, s->folder, each, s);
    return rc >= 0 || rc == -ENOENT || rc == -ENOTDIR
               ? MODELLAB_OK
               : mli_fail_os(s->err, -rc, "a folder of the lab could not be listed");
}

/* Temporary files of a run that has ended are nobody's. */
MODELLAB_MUST_CHECK static modellab_status sweep_run(sweep *s, const char *run_id)
{
    modellab_status status = mli_run_path(s->lab->root, run_id, MLI_RUN_FOLDER, s->folder, s->err);
    if (status == MODELLAB_OK) {
        status = list_folder(s, look_at_temporary);
    }
    if (status == MODELLAB_OK) {
        status = mli_run_path(s->lab->root, run_id, MLI_RUN_ARTIFACTS, s->folder, s->err);
    }
    return status == MODELLAB_OK ? list_folder(s, look_at_temporary) : status;
}

/* A folder without a record: a submission that did not come to its end, unless it is young or
 * somebody is at it. */
MODELLAB_MUST_CHECK static modellab_status sweep_orphan(sweep *s, const char *run_id)
{
    mli_tree_bytes tree;
    int fd = -1;
    modellab_status status = mli_run_path(s->lab->root, run_id, MLI_RUN_FOLDER, s->folder, s->err);
    if (status != MODELLAB_OK) {
        return status;
    }
    int rc = mli_tree_bytes_of(s->lab->os.files, s->folder, &tree);
    if (rc != 0 || tree.newest_ns >= s->older_than_ns) {
        return rc == 0 || rc == -ENOENT ? MODELLAB_OK
                                        : mli_fail_os(s->err, -rc, "a folder cannot be read");
    }
    if (!s->dry_run) {
        modellab_run_status present = 0;
        status = mli_run_lock_try(s->lab, run_id, &fd, s->err);
        if (status != MODELLAB_OK || fd < 0) {
            return status;
        }
        /* with the lock held it is asked once more: it may have got its record meanwhile */
        status = mli_store_status(s->lab->store, run_id, &present, s->err);
        if (status == MODELLAB_E_NOT_FOUND) {
            mli_error_clear(s->err);
            status = mli_rundir_remove(s->lab->os.files, s->lab->root, run_id, s->err);
        } else {
            mli_os_fd_close(fd);
            return status;
        }
        mli_os_fd_close(fd);
    }
    if (status == MODELLAB_OK) {
        s->result->leftovers++;
        s->result->leftover_bytes += tree.bytes;
    }
    return status;
}

static int look_at_folder(void *arg, const char *run_id)
{
    sweep *s = arg;
    modellab_run_status present = 0;
    s->status = mli_store_status(s->lab->store, run_id, &present, s->err);
    if (s->status == MODELLAB_E_NOT_FOUND) {
        mli_error_clear(s->err);
        s->status = sweep_orphan(s, run_id);
    } else if (s->status == MODELLAB_OK && mli_status_is_final(present)) {
        s->status = sweep_run(s, run_id);
    }
    return s->status != MODELLAB_OK;
}

/* A folder of an experiment that was never stored, unless it is young: one whose copying did not
 * come to its end, or of an id that no experiment has. */
static int look_at_experiment(void *arg, const char *name)
{
    sweep *s = arg;
    char path[MLI_PATH_BYTES];
    mli_experiment_list *list = NULL;
    mli_tree_bytes tree;
    s->status = mli_experiment_path(s->lab, name, path, s->err);
    if (s->status == MODELLAB_OK && strspn(name, "0123456789abcdef") == SHA256_DIGITS) {
        s->status = mli_store_experiment_load(s->lab->store, name, &list, s->err);
        mli_experiment_list_free(list);
        if (s->status == MODELLAB_OK) {
            return 0;
        }
    }
    if (s->status == MODELLAB_E_NOT_FOUND) {
        mli_error_clear(s->err);
        s->status = MODELLAB_OK;
    }
    if (s->status != MODELLAB_OK || mli_tree_bytes_of(s->lab->os.files, path, &tree) != 0 ||
        tree.newest_ns >= s->older_than_ns) {
        return s->status != MODELLAB_OK;
    }
    int rc = s->dry_run ? 0 : mli_os_remove_tree(s->lab->os.files, path);
    if (rc != 0) {
        s->status = mli_fail_os(s->err, -rc, "files of an experiment could not be removed");
    } else {
        s->result->leftovers++;
        s->result->leftover_bytes += tree.bytes;
    }
    return s->status != MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status note_model(void *user, const char *name,
                                                      mli_model_state state, modellab_error *err)
{
    sweep *s = user;
    char path[MLI_PATH_BYTES];
    const mli_os_files *f = s->lab->os.files;
    mli_os_stat facts;
    (void)state;
    int n = mli_os_format(path, sizeof(path), "%s/%s/model.json", s->lab->models_root, name);
    if (n < 0 || n >= (int)sizeof(path)) {
        return mli_fail(err, MODELLAB_E_LIMIT, "the path of the models is too long");
    }
    int fd = f->open(f->user, path, MLI_OS_READ | MLI_OS_NOFOLLOW | MLI_OS_NONBLOCK, 0);
    if (fd < 0) {
        return fd == -ENOENT ? MODELLAB_OK : mli_fail_os(err, -fd, "a model cannot be looked at");
    }
    int rc = f->fstat(f->user, fd, &facts);
    if (rc == 0 && facts.kind == MLI_OS_REGULAR && facts.bytes <= (int64_t)MODEL_JSON_MAX) {
        void *room = mli_buf_extend(&s->known, (size_t)facts.bytes);
        rc = room == NULL ? -ENOMEM : mli_os_read_all(f, fd, room, (size_t)facts.bytes);
    }
    mli_os_fd_close(fd);
    return rc == 0 ? MODELLAB_OK : mli_fail_os(err, -rc, "a model cannot be looked at");
}

/* An image's name begins with the sha256 of the weights that it was made of; the record of the
 * installed model has it too. */
static int look_at_image(void *arg, const char *name)
{
    sweep *s = arg;
    char path[MLI_PATH_BYTES];
    char digits[SHA256_DIGITS + 1];
    int64_t bytes = 0;
    if (strlen(name) <= SHA256_DIGITS || !is_old_file(s, name, path, &bytes)) {
        return 0;
    }
    memcpy(digits, name, SHA256_DIGITS);
    digits[SHA256_DIGITS] = '\0';
    bool image = ends_with(name, ".mlimg");
    bool stale =
        ends_with(name, ".tmp") || (image && strstr(mli_buf_text(&s->known), digits) == NULL);
    if (stale && remove_file(s, path)) {
        s->result->cache_files++;
        s->result->cache_bytes += bytes;
    }
    return 0;
}

MODELLAB_MUST_CHECK static modellab_status sweep_cache(sweep *s, int64_t now_ns, int64_t grace_ms)
{
    mli_model_store models = {
        .alloc = s->lab->alloc, .files = s->lab->os.files, .root = s->lab->models_root};
    int64_t grace = grace_ms > IMAGE_GRACE_MS ? grace_ms : IMAGE_GRACE_MS;
    mli_buf_init(&s->known, s->lab->alloc);
    modellab_status status = mli_model_store_list(&models, note_model, s, s->err);
    if (status == MODELLAB_E_NOT_FOUND) {
        mli_error_clear(s->err);
        status = MODELLAB_OK;
    }
    int n = mli_os_format(s->folder, sizeof(s->folder), "%s/images", s->lab->cache_root);
    if (status == MODELLAB_OK && (n < 0 || n >= (int)sizeof(s->folder))) {
        status = mli_fail(s->err, MODELLAB_E_LIMIT, "the path of the cache is too long");
    }
    s->older_than_ns = now_ns - grace * 1000000;
    if (status == MODELLAB_OK) {
        status = list_folder(s, look_at_image);
    }
    mli_buf_dispose(&s->known);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status clean_cache(sweep *s, int64_t now_ns, int64_t grace_ms)
{
    const mli_lab *lab = s->lab;
    mli_task task;
    mli_task_begin(&task, MLI_TASK_CACHE_CLEAN, lab->logger, MODELLAB_LOG_INFO, lab->os.clock,
                   lab->os.random, MLI_LOG_FIELDS(mli_log_bool("dry_run", s->dry_run)));
    modellab_status status = sweep_cache(s, now_ns, grace_ms);
    mli_task_end(&task, status, s->err,
                 MLI_LOG_FIELDS(mli_log_int("files", s->result->cache_files),
                                mli_log_int("bytes", s->result->cache_bytes)));
    return status;
}

modellab_status mli_leftovers_remove(mli_lab *lab, int64_t grace_ms, bool dry_run,
                                     modellab_cleanup_result *result, modellab_error *err)
{
    int64_t now_ns = lab->os.clock->realtime_ns(lab->os.clock->user);
    int64_t dead = 0;
    sweep s = {.lab = lab,
               .older_than_ns = now_ns - grace_ms * 1000000,
               .dry_run = dry_run,
               .result = result,
               .err = err};
    modellab_status status =
        mli_rundir_list(lab->os.files, lab->root, look_at_folder, NULL, &s, err);
    status = status == MODELLAB_OK ? s.status : status;
    if (status == MODELLAB_OK) {
        status = mli_experiment_path(lab, NULL, s.folder, err);
    }
    if (status == MODELLAB_OK) {
        status = list_folder(&s, look_at_experiment);
        status = status == MODELLAB_OK ? s.status : status;
    }
    if (status == MODELLAB_OK) {
        mli_uploads_found found;
        status = mli_uploads_look(lab, dry_run, NULL, &found, err);
        result->leftovers += found.removed;
        result->leftover_bytes += found.bytes;
    }
    if (status == MODELLAB_OK) {
        mli_findings findings; /* what cannot be done is logged, too */
        mli_findings_begin(&findings, lab->alloc);
        status = mli_reconcile_supervisors(lab, dry_run, &findings, &dead, err);
        mli_findings_dispose(&findings);
        result->leftovers += dead;
    }
    return status == MODELLAB_OK ? clean_cache(&s, now_ns, grace_ms) : status;
}
