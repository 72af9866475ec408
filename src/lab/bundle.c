/* Writing a bundle: only of a run that has ended and is what was recorded. */
#include "lab/bundle.h"

#include "base/error.h"
#include "check/report.h"
#include "lab/run_log.h"
#include "lab/snapshot.h"
#include "lab/state.h"
#include "lab/verify.h"
#include "log/task.h"
#include "os/locale.h"
#include "os/process.h"
#include "store/zip.h"
#include <errno.h>
#include <modellab/bundle.h>

#define EVENT_PAGE 1000000

MODELLAB_MUST_CHECK static modellab_status add_record(mli_lab *lab, const mli_run_record *record,
                                                      mli_zip_writer *zip, modellab_error *err)
{
    mli_event_row_list *events = NULL;
    mli_note_list *notes = NULL;
    mli_buf text;
    mli_jw w;
    modellab_status status =
        mli_store_events(lab->store, record->run->id, 0, EVENT_PAGE, &events, err);

    if (status == MODELLAB_OK) {
        status = mli_store_notes(lab->store, record->run->id, &notes, err);
    }
    if (status != MODELLAB_OK) {
        mli_event_row_list_free(events);
        return status;
    }
    mli_buf_init(&text, lab->alloc);
    mli_jw_init(&w, &text);
    mli_bundle_write_record(record, events, notes, &w);
    mli_event_row_list_free(events);
    mli_note_list_free(notes);
    status = mli_buf_status(&text, err);
    if (status == MODELLAB_OK && (int64_t)text.size > MLI_BUNDLE_RECORD_MAX) {
        status = mli_fail(err, MODELLAB_E_LIMIT, "the run's record is too large for a bundle");
    }
    if (status == MODELLAB_OK) {
        status = mli_zip_add(zip, MLI_BUNDLE_RECORD, text.data, text.size, err);
    }
    mli_buf_clear(&text);
    if (status == MODELLAB_OK) { /* from the record: the file may be behind it */
        mli_buf json;

        mli_buf_init(&json, lab->alloc);
        mli_run_write_json(record, &json);
        status = mli_manifest_text(&json, &text, err);
        mli_buf_dispose(&json);
    }
    if (status == MODELLAB_OK) {
        status = mli_zip_add(zip, "manifest.json", text.data, text.size, err);
    }
    mli_buf_dispose(&text);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status add_file(const mli_lab *lab, const char *run_id,
                                                    mli_run_file what, const char *name,
                                                    mli_zip_writer *zip, modellab_error *err)
{
    char path[MLI_PATH_BYTES];
    modellab_status status = mli_run_path(lab->root, run_id, what, path, err);

    if (status == MODELLAB_OK) {
        status = mli_zip_add_file(zip, name, path, err);
    }
    if (status == MODELLAB_E_NOT_FOUND) {
        mli_error_clear(err); /* a run that never started has no journal */
        status = MODELLAB_OK;
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status add_artifact(const mli_lab *lab, const char *run_id,
                                                        const char *file, mli_zip_writer *zip,
                                                        modellab_error *err)
{
    char folder[MLI_PATH_BYTES], path[MLI_PATH_BYTES], name[MLI_ZIP_NAME_BYTES];
    modellab_status status = mli_run_path(lab->root, run_id, MLI_RUN_ARTIFACTS, folder, err);
    int n = mli_os_format(path, sizeof path, "%s/%s", folder, file);

    if (status == MODELLAB_OK && (n < 0 || n >= (int)sizeof path)) {
        status = mli_fail(err, MODELLAB_E_LIMIT, "the lab's path is too long");
    }
    (void)mli_os_format(name, sizeof name, "artifacts/%s", file); /* at most 105 bytes */
    return status == MODELLAB_OK ? mli_zip_add_file(zip, name, path, err) : status;
}

MODELLAB_MUST_CHECK static modellab_status add_all(mli_lab *lab, const mli_run_record *record,
                                                   int32_t flags, mli_zip_writer *zip,
                                                   modellab_error *err)
{
    static const struct {
        mli_run_file what;
        const char *name;
    } files[] = {{MLI_RUN_REQUEST, "request.json"},
                 {MLI_RUN_JOURNAL, "journal.jsonl"},
                 {MLI_RUN_LOG, "log.jsonl"}};
    const char *id = record->run->id;
    modellab_status status = add_record(lab, record, zip, err);

    for (size_t i = 0; status == MODELLAB_OK && i < sizeof files / sizeof *files; i++) {
        status = add_file(lab, id, files[i].what, files[i].name, zip, err);
    }
    if (status == MODELLAB_OK && (flags & MODELLAB_BUNDLE_WITHOUT_INPUT) == 0) {
        status = add_file(lab, id, MLI_RUN_INPUT, "input", zip, err);
    }
    for (size_t i = 0; status == MODELLAB_OK && i < record->artifact_count &&
                       (record->run->removed & MLI_PART_ARTIFACTS) == 0;
         i++) {
        status = add_artifact(lab, id, record->artifacts[i].file, zip, err);
    }
    return status == MODELLAB_OK ? mli_zip_finish(zip, err) : status;
}

MODELLAB_MUST_CHECK static modellab_status check(mli_lab *lab, const mli_run_record *record,
                                                 const mli_cancel_word *cancel, modellab_error *err)
{
    modellab_report *report = NULL;
    modellab_status status;

    if (!mli_status_is_final(record->run->status)) {
        return mli_fail(err, MODELLAB_E_STATE, "only a run that has ended goes into a bundle");
    }
    status = mli_run_verify(lab, record->run->id, cancel, &report, err);
    if (status == MODELLAB_OK && mli_report_worst(report) >= MODELLAB_SEVERITY_ERROR) {
        status = mli_fail(err, MODELLAB_E_HASH_MISMATCH,
                          "the run is not what was recorded; see `modellab run verify`");
    }
    mli_report_unref(report);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status write_to(mli_lab *lab, const mli_run_record *record,
                                                    const char *path, int32_t flags,
                                                    const mli_cancel_word *cancel,
                                                    modellab_error *err)
{
    const mli_os_files *f = lab->os.files;
    mli_zip_writer zip;
    modellab_status status;
    int rc, fd = f->open(f->user, path,
                         MLI_OS_WRITE | MLI_OS_CREATE | MLI_OS_EXCLUSIVE | MLI_OS_NOFOLLOW, 0600);

    if (fd < 0) {
        return mli_fail_os(err, -fd, "the bundle cannot be made");
    }
    mli_zip_writer_init(&zip, lab->alloc, f, fd, cancel);
    status = add_all(lab, record, flags, &zip, err);
    mli_zip_writer_dispose(&zip);
    if (status == MODELLAB_OK) {
        rc = f->sync(f->user, fd);
        status = rc == 0 ? status : mli_fail_os(err, -rc, "the bundle cannot be written");
    }
    rc = f->close(f->user, fd);
    if (status == MODELLAB_OK && rc != 0) {
        status = mli_fail_os(err, -rc, "the bundle cannot be written");
    }
    if (status != MODELLAB_OK) {
        (void)f->unlink(f->user, path); /* half a bundle is none; the first failure is told */
    }
    return status;
}

modellab_status mli_run_bundle(mli_lab *lab, const char *run_id, const char *path, int32_t flags,
                               const mli_cancel_word *cancel, modellab_error *err)
{
    mli_run_record *record = NULL;
    mli_task task;
    modellab_status status;

    if (!mli_ulid_valid(run_id)) {
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no run of this id");
    }
    status = mli_store_load(lab->store, run_id, &record, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    modellab_logger *log = mli_run_log(lab, record->run);

    mli_task_begin(&task, MLI_TASK_BUNDLE, log, MODELLAB_LOG_INFO, lab->os.clock, lab->os.random,
                   MLI_LOG_FIELDS(mli_log_int("flags", flags)));
    status = check(lab, record, cancel, err);
    if (status == MODELLAB_OK) {
        mli_task_progress(&task, "the run is what was recorded; it is packed", NULL, 0);
        status = write_to(lab, record, path, flags, cancel, err);
    }
    mli_task_end(&task, status, err, NULL, 0);
    mli_logger_unref(log);
    mli_run_record_free(record);
    return status;
}
