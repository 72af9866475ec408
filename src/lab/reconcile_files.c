/* Records against run directories: folders, manifests, artifacts. The record wins. */
#include "lab/reconcile_files.h"

#include "base/error.h"
#include "base/json.h"
#include "base/str.h"
#include "lab/late.h"
#include "lab/run_log.h"
#include "lab/snapshot.h"
#include "lab/state.h"
#include "log/task.h"
#include "os/locale.h"
#include <errno.h>
#include <string.h>

#define PAGE_OF_RUNS 200
#define MANIFEST_MOST ((size_t)16 * 1024 * 1024)
#define MANIFESTS_MOST 1024 /* of runs that ended last; a supervisor has at most 260 unwritten */

typedef struct files_look {
    mli_lab *lab;
    bool dry_run;
    mli_findings *report;
    const mli_run_record *record; /* present run */
    modellab_status status;
    modellab_error *err;
} files_look;

MODELLAB_MUST_CHECK static modellab_status repair_manifest(files_look *look, const char *id,
                                                           const char *text)
{
    char pointer[48];
    const char *run_id = look->record->run->id;
    mli_findings_add(look->report, MODELLAB_SEVERITY_WARNING, id,
                     mli_os_format(pointer, sizeof(pointer), "/runs/%s", run_id) > 0 ? pointer : "",
                     "%s -> %s", text,
                     look->dry_run ? "reconciling would write it anew" : "it was written anew");
    return look->dry_run ? MODELLAB_OK : mli_manifest_refresh(look->lab, run_id, look->err);
}

/* The manifest of a run that works may be a moment behind. */
MODELLAB_MUST_CHECK static modellab_status compare_manifest(files_look *look,
                                                            const mli_json *manifest)
{
    const mli_run_row *row = look->record->run;
    if (!mli_status_is_final(row->status)) {
        return MODELLAB_OK;
    }
    const char *told = mli_json_string(mli_json_get(manifest, "status"), "");
    if (mli_json_int(mli_json_get(manifest, "last_event"), -1) != row->last_event) {
        return repair_manifest(look, "manifest.behind", "its manifest is behind its record");
    }
    if (strcmp(told, mli_status_name_of_run(row->status)) != 0) {
        return repair_manifest(look, "manifest.differs", "its manifest tells another status");
    }
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status look_at_manifest(files_look *look)
{
    mli_buf text;
    mli_json *manifest = NULL;
    const mli_run_row *row = look->record->run;
    mli_buf_init(&text, look->lab->alloc);
    modellab_status status =
        mli_manifest_read(look->lab->os.files, look->lab->root, row->id, &text, look->err);
    if (status == MODELLAB_E_NOT_FOUND) {
        mli_error_clear(look->err);
        status = repair_manifest(look, "manifest.missing", "its manifest is missing");
    } else if (status == MODELLAB_OK) {
        status = mli_json_parse(text.data, text.size, MANIFEST_MOST, &manifest, look->err);
    }
    if (status == MODELLAB_E_STORE_CORRUPT || status == MODELLAB_E_INVALID_JSON ||
        status == MODELLAB_E_LIMIT) {
        mli_error_clear(look->err);
        status = repair_manifest(look, "manifest.damaged", "its manifest is damaged");
    } else if (status == MODELLAB_OK && manifest != NULL) {
        status = compare_manifest(look, manifest);
    }
    mli_json_free(manifest);
    mli_buf_dispose(&text);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status artifact_path(const files_look *look, const char *file,
                                                         char out[MLI_PATH_BYTES])
{
    modellab_status status =
        mli_run_path(look->lab->root, look->record->run->id, MLI_RUN_ARTIFACTS, out, look->err);
    size_t end = status == MODELLAB_OK ? strlen(out) : 0;
    if (status == MODELLAB_OK && file[0] != '\0') {
        int n = mli_os_format(out + end, MLI_PATH_BYTES - end, "/%s", file);
        if (n < 0 || (size_t)n >= MLI_PATH_BYTES - end) {
            status = mli_fail(look->err, MODELLAB_E_LIMIT, "the lab's path is too long");
        }
    }
    return status;
}

static void say_artifact(files_look *look, const char *id, const char *name, const char *what)
{
    char text[512];
    (void)mli_os_format(text, sizeof(text),
                        "its artifact %.200s %s -> restore it, or rerun the run", name,
                        what); /* fits */
    mli_reconcile_add(look->report, MODELLAB_SEVERITY_ERROR, id, look->record->run->id, text);
}

MODELLAB_MUST_CHECK static modellab_status look_at_artifact(files_look *look,
                                                            const mli_artifact_row *row)
{
    char path[MLI_PATH_BYTES];
    mli_os_stat facts;
    const mli_os_files *f = look->lab->os.files;
    modellab_status status = artifact_path(look, row->file, path);
    if (status != MODELLAB_OK) {
        return status;
    }
    int rc = f->stat(f->user, path, false, &facts);
    if (rc == -ENOENT && (look->record->run->removed & MLI_PART_ARTIFACTS) != 0) {
        return MODELLAB_OK;
    }
    if (rc == -ENOENT) {
        say_artifact(look, "artifact.missing", row->name, "is missing");
    } else if (rc != 0) {
        return mli_fail_os(look->err, -rc, "an artifact could not be looked at");
    } else if (facts.bytes != row->bytes) {
        say_artifact(look, "artifact.size", row->name, "has another size than its record");
    }
    return MODELLAB_OK;
}

static int look_at_file(void *arg, const char *name)
{
    files_look *look = arg;
    for (size_t i = 0; i < look->record->artifact_count; i++) {
        if (strcmp(look->record->artifacts[i].file, name) == 0) {
            return 0;
        }
    }
    mli_reconcile_add(look->report, MODELLAB_SEVERITY_INFO, "artifact.unrecorded",
                      look->record->run->id,
                      "a file without a record lies among its artifacts -> it is left there");
    return 0;
}

MODELLAB_MUST_CHECK static modellab_status look_at_artifacts(files_look *look)
{
    char path[MLI_PATH_BYTES];
    modellab_status status = MODELLAB_OK;
    for (size_t i = 0; status == MODELLAB_OK && i < look->record->artifact_count; i++) {
        status = look_at_artifact(look, &look->record->artifacts[i]);
    }
    /* While a run works its files come before their records. */
    if (status != MODELLAB_OK || !mli_status_is_final(look->record->run->status)) {
        return status;
    }
    status = artifact_path(look, "", path);
    if (status != MODELLAB_OK) {
        return status;
    }
    const mli_os_files *f = look->lab->os.files;
    int rc = f->list(f->user, path, look_at_file, look);
    return rc == 0 || rc == -ENOENT
               ? MODELLAB_OK
               : mli_fail_os(look->err, -rc, "artifacts of a run could not be listed");
}

/* What its worker wrote after its end; the record is read again when it has changed. */
MODELLAB_MUST_CHECK static modellab_status look_for_late(files_look *look, const char *run_id,
                                                         mli_run_record **record)
{
    mli_late_found found;
    modellab_status status = mli_late_keep(look->lab, *record, look->dry_run, &found, look->err);
    if (status != MODELLAB_OK || found.lines == 0) {
        return status;
    }
    mli_reconcile_add(
        look->report, MODELLAB_SEVERITY_WARNING, "run.late_lines", run_id,
        look->dry_run ? "its worker went on after its end -> reconciling would keep what it made"
                      : "its worker went on after its end -> what it made is kept, the status "
                        "stays");
    if (look->dry_run) {
        return MODELLAB_OK;
    }
    status = mli_manifest_refresh(look->lab, run_id, look->err);
    mli_run_record_free(*record);
    *record = NULL;
    return status == MODELLAB_OK ? mli_store_load(look->lab->store, run_id, record, look->err)
                                 : status;
}

MODELLAB_MUST_CHECK static modellab_status look_at_run(files_look *look, const char *run_id)
{
    char path[MLI_PATH_BYTES];
    mli_os_stat facts;
    mli_run_record *record = NULL;
    const mli_os_files *f = look->lab->os.files;
    modellab_status status = mli_store_load(look->lab->store, run_id, &record, look->err);
    if (status == MODELLAB_OK) {
        status = look_for_late(look, run_id, &record);
    }
    if (status == MODELLAB_E_NOT_FOUND) {
        mli_error_clear(look->err); /* deleted meanwhile */
        mli_run_record_free(record);
        return MODELLAB_OK;
    }
    if (status != MODELLAB_OK) {
        mli_run_record_free(record);
        return status;
    }
    look->record = record;
    status = mli_run_path(look->lab->root, run_id, MLI_RUN_FOLDER, path, look->err);
    if (status == MODELLAB_OK && f->stat(f->user, path, false, &facts) == -ENOENT) {
        mli_reconcile_add(
            look->report, MODELLAB_SEVERITY_ERROR, "run.folder_missing", run_id,
            "its folder is gone -> restore it, or remove the run by `modellab admin cleanup`");
    } else if (status == MODELLAB_OK) {
        status = look_at_manifest(look);
        if (status == MODELLAB_OK) {
            status = look_at_artifacts(look);
        }
    }
    look->record = NULL;
    mli_run_record_free(record);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status look_at_records(files_look *look)
{
    char before[MLI_ULID_BYTES] = "";
    modellab_status status = MODELLAB_OK;
    for (;;) {
        mli_run_row_list *list = NULL;
        mli_store_filter filter = {.limit = PAGE_OF_RUNS,
                                   .before_id = before[0] != '\0' ? before : NULL};
        status = mli_store_list(look->lab->store, &filter, &list, look->err);
        if (status != MODELLAB_OK) {
            return status;
        }
        size_t count = list->count;
        for (size_t i = 0; status == MODELLAB_OK && i < count; i++) {
            status = look_at_run(look, list->rows[i]->id);
        }
        if (count > 0) {
            (void)mli_str_copy(before, sizeof(before), list->rows[count - 1]->id);
        }
        mli_run_row_list_free(list);
        if (status != MODELLAB_OK || count < PAGE_OF_RUNS) {
            return status;
        }
    }
}

static int look_at_folder(void *arg, const char *run_id)
{
    files_look *look = arg;
    modellab_run_status present = 0;
    look->status = mli_store_status(look->lab->store, run_id, &present, look->err);
    if (look->status == MODELLAB_E_NOT_FOUND) {
        mli_error_clear(look->err);
        look->status = MODELLAB_OK;
        mli_reconcile_add(look->report, MODELLAB_SEVERITY_INFO, "folder.unrecorded", run_id,
                          "a folder without a record, of a submission that was not finished -> "
                          "`modellab admin cleanup` removes it");
    }
    return look->status != MODELLAB_OK;
}

static int look_at_strange(void *arg, const char *name)
{
    files_look *look = arg;
    (void)name; /* a name from outside is not repeated */
    mli_findings_add(look->report, MODELLAB_SEVERITY_INFO, "folder.strange", "",
                     "something that is no run lies among the runs -> it is left there");
    return 0;
}

modellab_status mli_reconcile_files(mli_lab *lab, bool dry_run, mli_findings *report,
                                    modellab_error *err)
{
    files_look look = {.lab = lab, .dry_run = dry_run, .report = report, .err = err};
    modellab_status status = look_at_records(&look);
    if (status == MODELLAB_OK) {
        status =
            mli_rundir_list(lab->os.files, lab->root, look_at_folder, look_at_strange, &look, err);
    }
    return status == MODELLAB_OK ? look.status : status;
}

/* Of a run whose folder is there; what is wrong with one run is for a look at the files. */
MODELLAB_MUST_CHECK static modellab_status look_at_one_manifest(files_look *look,
                                                                const char *run_id, bool *whole)
{
    mli_run_record *record = NULL;
    modellab_status status = mli_store_load(look->lab->store, run_id, &record, look->err);
    if (status == MODELLAB_OK) {
        look->record = record;
        status = look_at_manifest(look);
        look->record = NULL;
    }
    mli_run_record_free(record);
    if (status != MODELLAB_E_NOT_FOUND && status != MODELLAB_E_IO &&
        status != MODELLAB_E_PERMISSION && status != MODELLAB_E_NO_SPACE) {
        return status;
    }
    if (status == MODELLAB_E_NOT_FOUND) { /* its record or its folder has gone */
        mli_error_clear(look->err);
        return MODELLAB_OK;
    }
    *whole = false;
    modellab_logger *log = mli_run_log_of(look->lab, run_id);
    mli_log_error(log, MODELLAB_LOG_ERROR, "run.not_reconciled",
                  "`modellab admin reconcile --files` writes its manifest", status, look->err);
    mli_logger_unref(log);
    mli_reconcile_add(look->report, MODELLAB_SEVERITY_ERROR, "run.not_reconciled", run_id,
                      look->err->message);
    mli_error_clear(look->err);
    return MODELLAB_OK;
}

modellab_status mli_reconcile_manifests(mli_lab *lab, bool *whole, mli_findings *report,
                                        modellab_error *err)
{
    modellab_error own = MODELLAB_ERROR_INIT;
    files_look look = {.lab = lab, .report = report, .err = err != NULL ? err : &own};
    mli_run_row_list *list = NULL;
    mli_store_ended filter = {.limit = MANIFESTS_MOST, .before_ms = INT64_MAX};
    modellab_status status = mli_store_list_ended(lab->store, &filter, &list, look.err);
    for (size_t i = 0; status == MODELLAB_OK && i < list->count; i++) {
        status = look_at_one_manifest(&look, list->rows[i]->id, whole);
    }
    mli_run_row_list_free(list);
    return status;
}
