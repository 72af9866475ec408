/* Making and removing experiments. All files are copied into a folder of their own, which gets its
 * name, the id, in one rename; then the row is stored. A crash before that leaves a folder that is
 * complete, or one with a name that no experiment has. */
#include "lab/experiment_parts.h"

#include "base/error.h"
#include "base/hash.h"
#include "log/logger.h"
#include "os/locale.h"
#include <errno.h>
#include <string.h>

MODELLAB_MUST_CHECK static modellab_status invalid(const mli_findings *report, modellab_error *err)
{
    for (size_t i = 0; i < mli_report_count(report->report); i++) {
        const modellab_finding *f = mli_report_finding(report->report, i);
        if (f->severity >= MODELLAB_SEVERITY_ERROR)
            return mli_fail(err, MODELLAB_E_SCHEMA, "the experiment is not valid: %s%s%s",
                            f->pointer, f->pointer[0] != '\0' ? ": " : "", f->text);
    }
    return MODELLAB_OK;
}

/* Everything that can be said against it before anything is stored. */
MODELLAB_MUST_CHECK static modellab_status look(mli_lab *lab, const mli_experiment_source *source,
                                                mli_json **document, mli_buf *candidates,
                                                mli_findings *report, modellab_error *err)
{
    int64_t bytes;
    mli_jw w;
    modellab_status status =
        mli_experiment_read(source->document, source->bytes, lab->alloc, document, report, err);
    if (status == MODELLAB_OK)
        status = invalid(report, err);
    if (status != MODELLAB_OK)
        return status;
    mli_jw_init(&w, candidates);
    status = mli_experiment_candidates(lab, *document, &w, report, err);
    if (status == MODELLAB_OK)
        status = mli_experiment_look(lab, source, *document, &bytes, report, err);
    if (status == MODELLAB_OK)
        status = invalid(report, err);
    return status == MODELLAB_OK ? mli_lab_check_disk(lab, bytes, err) : status;
}

static void put_scoring(mli_jw *w, const mli_json *scoring)
{
    mli_jw_key(w, "scoring");
    mli_jw_object(w);
    mli_jw_kstring(w, "normalizer", mli_json_string(mli_json_get(scoring, "normalizer"), "basic"));
    mli_jw_kreal(w, "collar_seconds",
                 mli_json_number(mli_json_get(scoring, "collar_seconds"), 0.0));
    mli_jw_kbool(w, "skip_overlap", mli_json_bool(mli_json_get(scoring, "skip_overlap"), false));
    mli_jw_end_object(w);
}

static void put_head(mli_jw *w, const mli_json *document)
{
    mli_jw_kint(w, "schema_version", 1);
    mli_jw_kstring(w, "name", mli_json_string(mli_json_get(document, "name"), ""));
    mli_jw_kstring(w, "text", mli_json_string(mli_json_get(document, "text"), ""));
    mli_jw_kint(w, "repetitions", mli_json_int(mli_json_get(document, "repetitions"), 1));
    put_scoring(w, mli_json_get(document, "scoring"));
}

/* The snapshot in its canonical form, and its sha256. */
MODELLAB_MUST_CHECK static modellab_status seal(mli_buf *snapshot, char id[MLI_EXPERIMENT_ID_BYTES],
                                                modellab_error *err)
{
    mli_json *root = NULL;
    mli_sha256 hash;
    modellab_status status = mli_buf_status(snapshot, err);
    if (status == MODELLAB_OK)
        status = mli_json_parse(snapshot->data, snapshot->size, MLI_SNAPSHOT_MAX_BYTES, &root, err);
    mli_buf_clear(snapshot);
    if (status == MODELLAB_OK)
        status = mli_json_dump(root, snapshot, err);
    mli_json_free(root);
    if (status != MODELLAB_OK)
        return status;
    mli_sha256_init(&hash);
    mli_sha256_update(&hash, snapshot->data, snapshot->size);
    mli_sha256_hex(&hash, id);
    return MODELLAB_OK;
}

/* A path below <lab>/experiments that nobody has, named as no experiment is: what is there is a
 * leftover when it is old. */
MODELLAB_MUST_CHECK static modellab_status new_path(const mli_lab *lab, char path[MLI_PATH_BYTES],
                                                    modellab_error *err)
{
    char name[16 + MLI_ULID_BYTES], id[MLI_ULID_BYTES];
    const int rc = mli_ulid_new(lab->os.clock, lab->os.random, id);
    if (rc != 0)
        return mli_fail_os(err, rc, "no random numbers for a name");
    (void)mli_os_format(name, sizeof name, "incoming-%s", id);
    return mli_experiment_path(lab, name, path, err);
}

static void remove_tree(const mli_lab *lab, const char *path)
{
    const int rc = mli_os_remove_tree(lab->os.files, path);
    if (rc != 0) /* it has no name that counts: cleanup takes it */
        mli_log(lab->logger, MODELLAB_LOG_WARN, "experiment.files_left",
                "files of an experiment are left", MLI_LOG_FIELDS(mli_log_int("os_error", -rc)));
}

/* One experiment of exactly this id is stored. */
MODELLAB_MUST_CHECK static modellab_status is_stored(const mli_lab *lab, const char *id,
                                                     bool *stored, modellab_error *err)
{
    mli_experiment_list *list = NULL;
    modellab_status status = mli_store_experiment_load(lab->store, id, &list, err);
    *stored = status == MODELLAB_OK;
    mli_experiment_list_free(list);
    if (status == MODELLAB_E_NOT_FOUND) {
        mli_error_clear(err);
        status = MODELLAB_OK;
    }
    return status;
}

/* What has the name already holds the same files when the experiment is stored. Else nobody knows
 * whether all of them are there, and it goes. */
MODELLAB_MUST_CHECK static modellab_status take_place(const mli_lab *lab, const char *folder,
                                                      const char *path, const char *id,
                                                      modellab_error *err)
{
    const mli_os_files *f = lab->os.files;
    char old[MLI_PATH_BYTES];
    bool stored = false;
    modellab_status status = is_stored(lab, id, &stored, err);
    if (status == MODELLAB_OK)
        status = new_path(lab, old, err);
    if (status != MODELLAB_OK)
        return status;
    int rc = stored ? 0 : f->rename(f->user, path, old);
    if (!stored && (rc == 0 || rc == -ENOENT)) {
        const bool moved = rc == 0;
        rc = f->rename(f->user, folder, path);
        if (rc == 0 || !moved || f->rename(f->user, old, path) != 0)
            remove_tree(lab, old);
    }
    if (stored || rc == -ENOTEMPTY || rc == -EEXIST) { /* another one was faster */
        rc = 0;
        remove_tree(lab, folder);
    }
    return rc == 0 ? MODELLAB_OK
                   : mli_fail_os(err, -rc, "the files of the experiment cannot be stored");
}

/* Gives the folder its name. */
MODELLAB_MUST_CHECK static modellab_status name_folder(const mli_lab *lab, const char *folder,
                                                       const char *id, modellab_error *err)
{
    const mli_os_files *f = lab->os.files;
    char path[MLI_PATH_BYTES], all[MLI_PATH_BYTES];
    modellab_status status = mli_experiment_path(lab, id, path, err);
    if (status == MODELLAB_OK)
        status = mli_experiment_path(lab, NULL, all, err);
    if (status != MODELLAB_OK)
        return status;
    int rc = mli_os_sync_dir(f, folder);
    rc = rc == 0 ? f->rename(f->user, folder, path) : rc;
    if (rc == -ENOTEMPTY || rc == -EEXIST) {
        rc = 0;
        status = take_place(lab, folder, path, id, err);
    }
    rc = rc == 0 && status == MODELLAB_OK ? mli_os_sync_dir(f, all) : rc;
    return rc == 0 ? status : mli_fail_os(err, -rc, "the files of the experiment cannot be stored");
}

MODELLAB_MUST_CHECK static modellab_status insert(mli_lab *lab, const char *id,
                                                  const mli_json *document, const mli_buf *snapshot,
                                                  modellab_error *err)
{
    const mli_experiment_row row = {
        .id = id,
        .name = mli_json_string(mli_json_get(document, "name"), ""),
        .snapshot_json = mli_buf_text(snapshot),
        .created_ms = mli_lab_now_ms(lab),
        .cells = (int64_t)(mli_json_count(mli_json_get(document, "inputs")) *
                           mli_json_count(mli_json_get(document, "candidates"))) *
                 mli_json_int(mli_json_get(document, "repetitions"), 1)};
    modellab_status status = mli_store_experiment_put(lab->store, &row, err);
    const bool is_new = status == MODELLAB_OK;
    if (status == MODELLAB_E_ALREADY_EXISTS) {
        mli_error_clear(err);
        status = MODELLAB_OK;
    }
    if (status == MODELLAB_OK)
        mli_log(
            lab->logger, MODELLAB_LOG_INFO, is_new ? "experiment.created" : "experiment.repeated",
            is_new ? "an experiment was created" : "this experiment is there already",
            MLI_LOG_FIELDS(mli_log_string("experiment_id", id), mli_log_int("cells", row.cells)));
    return status;
}

MODELLAB_MUST_CHECK static modellab_status put_in(mli_lab *lab, const mli_experiment_source *source,
                                                  const mli_json *document,
                                                  const mli_buf *candidates, const char *folder,
                                                  char id[MLI_EXPERIMENT_ID_BYTES],
                                                  modellab_error *err)
{
    mli_buf snapshot;
    mli_jw w;
    mli_buf_init(&snapshot, lab->alloc);
    mli_jw_init(&w, &snapshot);
    mli_jw_object(&w);
    put_head(&w, document);
    mli_jw_key(&w, "candidates");
    mli_jw_raw(&w, mli_buf_text(candidates), candidates->size);
    mli_jw_key(&w, "inputs");
    modellab_status status = mli_experiment_store_inputs(lab, source, document, folder, &w, err);
    mli_jw_end_object(&w);
    if (status == MODELLAB_OK)
        status = seal(&snapshot, id, err);
    if (status == MODELLAB_OK)
        status = name_folder(lab, folder, id, err);
    if (status == MODELLAB_OK)
        status = insert(lab, id, document, &snapshot, err);
    mli_buf_dispose(&snapshot);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status
make_folder(const mli_lab *lab, char path[MLI_PATH_BYTES], modellab_error *err)
{
    const mli_os_files *f = lab->os.files;
    modellab_status status = mli_experiment_path(lab, NULL, path, err);
    if (status != MODELLAB_OK)
        return status;
    int rc = mli_os_make_dirs(f, path, 0700);
    status = new_path(lab, path, err);
    if (status != MODELLAB_OK)
        return status;
    rc = rc == 0 ? f->mkdir(f->user, path, 0700) : rc;
    return rc == 0 ? MODELLAB_OK
                   : mli_fail_os(err, -rc, "the files of the experiment cannot be stored");
}

MODELLAB_MUST_CHECK static modellab_status
store(mli_lab *lab, const mli_experiment_source *source, const mli_json *document,
      const mli_buf *candidates, char id[MLI_EXPERIMENT_ID_BYTES], modellab_error *err)
{
    char folder[MLI_PATH_BYTES];
    modellab_status status = make_folder(lab, folder, err);
    if (status != MODELLAB_OK)
        return status;
    status = put_in(lab, source, document, candidates, folder, id, err);
    if (status != MODELLAB_OK)
        remove_tree(lab, folder);
    return status;
}

modellab_status mli_experiment_create(mli_lab *lab, const mli_experiment_source *source,
                                      char id[MLI_EXPERIMENT_ID_BYTES], mli_findings *report,
                                      modellab_error *err)
{
    mli_json *document = NULL;
    mli_buf candidates;
    modellab_status status = mli_lab_check(lab, true, err);
    id[0] = '\0';
    mli_buf_init(&candidates, lab->alloc);
    if (status == MODELLAB_OK)
        status = look(lab, source, &document, &candidates, report, err);
    if (status == MODELLAB_OK)
        status = store(lab, source, document, &candidates, id, err);
    if (status != MODELLAB_OK)
        id[0] = '\0';
    mli_buf_dispose(&candidates);
    mli_json_free(document);
    return status;
}

/* The folder loses its name first: a crash leaves an experiment without files, which is deleted or
 * made again, and never one with a part of them. */
MODELLAB_MUST_CHECK static modellab_status remove_one(mli_lab *lab, const char *id,
                                                      modellab_error *err)
{
    const mli_os_files *f = lab->os.files;
    char path[MLI_PATH_BYTES], old[MLI_PATH_BYTES];
    modellab_status status = mli_experiment_path(lab, id, path, err);
    if (status == MODELLAB_OK)
        status = new_path(lab, old, err);
    if (status != MODELLAB_OK)
        return status;
    int rc = f->rename(f->user, path, old);
    const bool renamed = rc == 0;
    if (!renamed && rc != -ENOENT)
        return mli_fail_os(err, -rc, "the files of the experiment cannot be removed");
    status = mli_store_experiment_delete(lab->store, id, err);
    if (status != MODELLAB_OK && renamed) {
        rc = f->rename(f->user, old, path);
        if (rc != 0)
            mli_log(
                lab->logger, MODELLAB_LOG_WARN, "experiment.files_lost",
                "an experiment that could not be deleted has lost its files",
                MLI_LOG_FIELDS(mli_log_string("experiment_id", id), mli_log_int("os_error", -rc)));
    }
    if (status != MODELLAB_OK)
        return status;
    mli_log(lab->logger, MODELLAB_LOG_INFO, "experiment.deleted", "an experiment was deleted",
            MLI_LOG_FIELDS(mli_log_string("experiment_id", id)));
    rc = renamed ? mli_os_remove_tree(f, old) : 0;
    return rc == 0 ? MODELLAB_OK
                   : mli_fail_os(err, -rc, "files of the deleted experiment could not be removed");
}

modellab_status mli_experiment_delete(mli_lab *lab, const char *id, modellab_error *err)
{
    mli_experiment e;
    modellab_status status = mli_lab_check(lab, true, err);
    if (status != MODELLAB_OK)
        return status;
    status = mli_experiment_load(lab, id, &e, err);
    if (status == MODELLAB_OK && e.row->queued + e.row->running > 0)
        status = mli_fail(err, MODELLAB_E_STATE,
                          "runs of the experiment have not ended: cancel it first");
    if (status == MODELLAB_OK)
        status = remove_one(lab, e.row->id, err);
    mli_experiment_dispose(&e);
    return status;
}
