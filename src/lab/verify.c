/* A run's verification: the manifest by itself and against the record, then the files. */
#include "lab/verify.h"

#include "base/error.h"
#include "lab/run_log.h"
#include "lab/snapshot.h"
#include "lab/state.h"
#include "log/task.h"
#include "os/locale.h"
#include <errno.h>
#include <string.h>

#define MANIFEST_MOST ((size_t)16 * 1024 * 1024)

static bool array_is_same(const mli_json *part, const mli_json *whole)
{
    bool same = mli_json_count(part) == mli_json_count(whole);

    for (size_t i = 0; same && i < mli_json_count(part); i++) {
        same = mli_json_is_part(mli_json_at(part, i), mli_json_at(whole, i));
    }
    return same;
}

bool mli_json_is_part(const mli_json *part, const mli_json *whole)
{
    const char *key;
    const mli_json *value;

    if (part == NULL || whole == NULL || mli_json_typeof(part) != mli_json_typeof(whole)) {
        return false;
    }
    if (mli_json_typeof(part) == MLI_JSON_ARRAY) {
        return array_is_same(part, whole);
    }
    if (mli_json_typeof(part) != MLI_JSON_OBJECT) {
        return mli_json_equal(part, whole);
    }
    for (mli_json_cursor c = mli_json_first(part); mli_json_next(&c, &key, &value);) {
        const mli_json *there = mli_json_get(whole, key);

        if (there == NULL || !mli_json_is_part(value, there)) {
            return false;
        }
    }
    return true;
}

modellab_status mli_verify_manifest(const mli_verify_folder *folder, mli_findings *report,
                                    mli_json **out, modellab_error *err)
{
    mli_buf text;
    modellab_status status;

    *out = NULL;
    mli_buf_init(&text, folder->alloc);
    status = mli_manifest_read(folder->files, folder->root, folder->run_id, &text, err);
    if (status == MODELLAB_OK) {
        status = mli_json_parse(text.data, text.size, MANIFEST_MOST, out, err);
    }
    mli_buf_dispose(&text);
    if (status == MODELLAB_E_NOT_FOUND) {
        mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "manifest.missing", "/manifest",
                         "it is not there");
    } else if (status == MODELLAB_E_STORE_CORRUPT || status == MODELLAB_E_INVALID_JSON ||
               status == MODELLAB_E_LIMIT) {
        mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "manifest.damaged", "/manifest",
                         "its bytes are not those that were written");
    } else {
        return status;
    }
    mli_error_clear(err);
    return MODELLAB_OK;
}

/* The record as JSON. */
MODELLAB_MUST_CHECK static modellab_status facts_of(mli_lab *lab, const mli_run_record *record,
                                                    mli_json **out, modellab_error *err)
{
    mli_buf text;
    modellab_status status;

    mli_buf_init(&text, lab->alloc);
    mli_run_write_json(record, &text);
    status = mli_buf_status(&text, err);
    if (status == MODELLAB_OK) {
        status = mli_json_parse(text.data, text.size, MANIFEST_MOST, out, err);
    }
    mli_buf_dispose(&text);
    return status;
}

/* The manifest's members without its checksum must be members of the record. */
static void compare_manifest(const mli_json *manifest, const mli_json *facts, mli_findings *report)
{
    const char *key;
    const mli_json *value;

    /* Manifests are written after the record, by a thread of their own. */
    if (mli_json_int(mli_json_get(manifest, "last_event"), 0) <
        mli_json_int(mli_json_get(facts, "last_event"), 0)) {
        mli_findings_add(report, MODELLAB_SEVERITY_WARNING, "manifest.behind", "/manifest",
                         "it is behind its record; `modellab admin reconcile` writes it anew");
        return;
    }
    for (mli_json_cursor c = mli_json_first(manifest); mli_json_next(&c, &key, &value);) {
        const mli_json *there = mli_json_get(facts, key);

        if (strcmp(key, "crc32c") != 0 && (there == NULL || !mli_json_is_part(value, there))) {
            mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "manifest.differs", "/manifest",
                             "it and the record in the store say different things");
            return;
        }
    }
}

MODELLAB_MUST_CHECK static modellab_status look(mli_lab *lab, const mli_verify_folder *folder,
                                                const mli_run_record *record, const mli_task *task,
                                                mli_findings *report, modellab_error *err)
{
    char path[MLI_PATH_BYTES];
    mli_os_stat info;
    mli_json *facts = NULL, *manifest = NULL;
    modellab_status status = mli_run_path(lab->root, folder->run_id, MLI_RUN_FOLDER, path, err);

    if (status == MODELLAB_OK &&
        folder->files->stat(folder->files->user, path, false, &info) == -ENOENT) {
        mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "run.folder_missing", "",
                         "its folder is gone");
        return MODELLAB_OK;
    }
    if (status == MODELLAB_OK && !mli_status_is_final(record->run->status)) {
        mli_findings_add(report, MODELLAB_SEVERITY_INFO, "run.active", "",
                         "it has not ended: its files still change");
        return MODELLAB_OK;
    }
    if (status == MODELLAB_OK) {
        status = facts_of(lab, record, &facts, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_verify_manifest(folder, report, &manifest, err);
    }
    if (status == MODELLAB_OK && manifest != NULL) {
        compare_manifest(manifest, facts, report);
    }
    if (status == MODELLAB_OK) {
        mli_task_progress(task, "the manifest was read; the files follow", NULL, 0);
        status = mli_verify_files(folder, facts, report, err);
    }
    mli_json_free(manifest);
    mli_json_free(facts);
    return status;
}

modellab_status mli_run_verify(mli_lab *lab, const char *run_id, const mli_cancel_word *cancel,
                               modellab_report **report, modellab_error *err)
{
    mli_verify_folder folder = {.files = lab->os.files,
                                .alloc = lab->alloc,
                                .root = lab->root,
                                .run_id = run_id,
                                .cancel = cancel};
    mli_run_record *record = NULL;
    mli_findings findings;
    mli_task task;
    modellab_status status;

    *report = NULL;
    if (!mli_ulid_valid(run_id)) {
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no run of this id");
    }
    status = mli_store_load(lab->store, run_id, &record, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    modellab_logger *log = mli_run_log(lab, record->run);

    mli_task_begin(&task, MLI_TASK_VERIFY, log, MODELLAB_LOG_INFO, lab->os.clock, lab->os.random,
                   NULL, 0);
    mli_findings_begin(&findings, lab->alloc);
    status = look(lab, &folder, record, &task, &findings, err);
    mli_run_record_free(record);
    if (status == MODELLAB_OK) {
        status = mli_findings_finish(&findings, report, err);
    }
    mli_findings_dispose(&findings);
    if (status == MODELLAB_OK && mli_report_worst(*report) >= MODELLAB_SEVERITY_ERROR) {
        mli_log(log, MODELLAB_LOG_ERROR, "run.damaged", "a run is not what was recorded",
                MLI_LOG_FIELDS(mli_log_int("findings", (int64_t)mli_report_count(*report))));
    }
    mli_task_end(&task, status, err,
                 MLI_LOG_FIELDS(mli_log_int("findings", (int64_t)mli_report_count(*report))));
    mli_logger_unref(log);
    return status;
}
