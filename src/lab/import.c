/* Importing a bundle: unpacked into the run's folder, verified there, and only then recorded. What
 * is refused leaves nothing behind; what a crash leaves is a folder without a record. */
#include "base/error.h"
#include "lab/bundle.h"
#include "lab/run_log.h"
#include "lab/snapshot.h"
#include "lab/verify.h"
#include "log/task.h"
#include "os/locale.h"
#include "os/process.h"
#include "store/zip.h"
#include <errno.h>
#include <string.h>

#define MANIFEST_MOST ((size_t)16 * 1024 * 1024)

typedef struct import {
    mli_lab *lab;
    const mli_cancel_word *cancel;
    int fd;
    mli_zip zip;
    mli_json *root; /* of record.json */
    mli_bundle_record bundle;
    mli_json *facts; /* the record as docs/manifest.md has it */
    mli_task task;
    modellab_logger *log; /* with the run's ids, once they are known */
} import;

static bool is_expected(const import *im, const char *name)
{
    static const char *const known[] = {MLI_BUNDLE_RECORD, "manifest.json", "request.json",
                                        "journal.jsonl",   "log.jsonl",     "input"};

    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(known[i], name) == 0) {
            return true;
        }
    }
    for (size_t i = 0; strncmp(name, "artifacts/", 10) == 0 && i < im->bundle.record.artifact_count;
         i++) {
        if (strcmp(im->bundle.record.artifacts[i].file, name + 10) == 0) {
            return true;
        }
    }
    return false;
}

MODELLAB_MUST_CHECK static modellab_status read_record(import *im, modellab_error *err)
{
    const mli_zip_member *member = mli_zip_find(&im->zip, MLI_BUNDLE_RECORD);
    mli_buf text;
    modellab_status status;

    if (member == NULL) {
        return mli_fail(err, MODELLAB_E_SCHEMA, "the bundle holds no record");
    }
    mli_buf_init(&text, im->lab->alloc);
    status = mli_zip_read(member, im->lab->os.files, im->fd, MLI_BUNDLE_RECORD_MAX, im->cancel,
                          &text, -1, err);
    if (status == MODELLAB_OK) {
        status =
            mli_json_parse(text.data, text.size, (size_t)MLI_BUNDLE_RECORD_MAX, &im->root, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_bundle_read_record(im->root, im->lab->alloc, &im->bundle, err);
    }
    mli_buf_clear(&text);
    if (status == MODELLAB_OK) {
        if (mli_zip_find(&im->zip, "input") == NULL && im->bundle.row.input_sha256[0] != '\0') {
            im->bundle.row.removed |= MLI_PART_INPUT; /* it was left out */
        }
        mli_run_write_json(&im->bundle.record, &text);
        status = mli_buf_status(&text, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_json_parse(text.data, text.size, MANIFEST_MOST, &im->facts, err);
    }
    mli_buf_dispose(&text);
    return status;
}

/* A file that no later attempt goes on writing. */
static bool is_finished(const char *name)
{
    return strcmp(name, "input") == 0 || strncmp(name, "artifacts/", 10) == 0;
}

MODELLAB_MUST_CHECK static modellab_status unpack_one(import *im, const mli_zip_member *member,
                                                      modellab_error *err)
{
    char folder[MLI_PATH_BYTES], path[MLI_PATH_BYTES];
    const mli_os_files *f = im->lab->os.files;
    modellab_status status =
        mli_run_path(im->lab->root, im->bundle.row.id, MLI_RUN_FOLDER, folder, err);
    int n = mli_os_format(path, sizeof path, "%s/%s", folder, member->name), fd, rc;

    if (status != MODELLAB_OK || n < 0 || n >= (int)sizeof path) {
        return mli_fail(err, MODELLAB_E_LIMIT, "the lab's path is too long");
    }
    fd = f->open(f->user, path, MLI_OS_WRITE | MLI_OS_CREATE | MLI_OS_TRUNCATE | MLI_OS_NOFOLLOW,
                 is_finished(member->name) ? MLI_FINISHED_FILE_MODE : 0600);
    if (fd < 0) {
        return mli_fail_os(err, -fd, "a file of the run cannot be made");
    }
    status = mli_zip_read(member, f, im->fd, im->lab->settings.max_input_bytes, im->cancel, NULL,
                          fd, err);
    rc = status == MODELLAB_OK ? f->sync(f->user, fd) : 0;
    if (rc != 0) {
        status = mli_fail_os(err, -rc, "a file of the run cannot be written");
    }
    rc = f->close(f->user, fd);
    return status == MODELLAB_OK && rc != 0
               ? mli_fail_os(err, -rc, "a file of the run cannot be written")
               : status;
}

/* A new folder has an empty journal; a run that never had one keeps none. */
MODELLAB_MUST_CHECK static modellab_status drop_journal(import *im, modellab_error *err)
{
    char path[MLI_PATH_BYTES];
    const mli_os_files *f = im->lab->os.files;
    modellab_status status =
        mli_run_path(im->lab->root, im->bundle.row.id, MLI_RUN_JOURNAL, path, err);
    int rc = status == MODELLAB_OK ? f->unlink(f->user, path) : 0;

    return rc == 0 || rc == -ENOENT ? status
                                    : mli_fail_os(err, -rc, "the run's folder cannot be made");
}

MODELLAB_MUST_CHECK static modellab_status unpack(import *im, modellab_error *err)
{
    char path[MLI_PATH_BYTES];
    modellab_status status =
        mli_zip_find(&im->zip, "journal.jsonl") == NULL ? drop_journal(im, err) : MODELLAB_OK;
    int rc;

    for (size_t i = 0; status == MODELLAB_OK && i < im->zip.count; i++) {
        const mli_zip_member *member = &im->zip.members[i];

        if (!is_expected(im, member->name)) {
            return mli_fail(err, MODELLAB_E_SCHEMA,
                            "the bundle holds a file that is not its run's");
        }
        if (strcmp(member->name, MLI_BUNDLE_RECORD) != 0) {
            status = unpack_one(im, member, err);
        }
    }
    for (int i = 0; status == MODELLAB_OK && i < 2; i++) {
        status = mli_run_path(im->lab->root, im->bundle.row.id,
                              i == 0 ? MLI_RUN_ARTIFACTS : MLI_RUN_FOLDER, path, err);
        rc = status == MODELLAB_OK ? mli_os_sync_dir(im->lab->os.files, path) : 0;
        status = rc == 0 ? status : mli_fail_os(err, -rc, "the run's folder cannot be synced");
    }
    return status;
}

/* The manifest's members must be those of the record, but for what the import changes. */
static bool manifest_fits(const mli_json *manifest, const mli_json *facts)
{
    const char *key;
    const mli_json *value;

    for (mli_json_cursor c = mli_json_first(manifest); mli_json_next(&c, &key, &value);) {
        if (strcmp(key, "crc32c") != 0 && strcmp(key, "imported") != 0 &&
            strcmp(key, "removed") != 0 && !mli_json_is_part(value, mli_json_get(facts, key))) {
            return false;
        }
    }
    return true;
}

MODELLAB_MUST_CHECK static modellab_status verify(import *im, modellab_error *err)
{
    mli_verify_folder folder = {.files = im->lab->os.files,
                                .alloc = im->lab->alloc,
                                .root = im->lab->root,
                                .run_id = im->bundle.row.id,
                                .cancel = im->cancel};
    mli_findings findings;
    mli_json *manifest = NULL;
    modellab_status status;

    mli_findings_begin(&findings, im->lab->alloc);
    status = mli_verify_manifest(&folder, &findings, &manifest, err);
    if (status == MODELLAB_OK) {
        status = mli_verify_files(&folder, im->facts, &findings, err);
    }
    if (status == MODELLAB_OK && findings.status != MODELLAB_OK) {
        status = mli_no_memory(err); /* what was found could not be noted */
    }
    if (status == MODELLAB_OK && (findings.worst >= MODELLAB_SEVERITY_ERROR || manifest == NULL ||
                                  !manifest_fits(manifest, im->facts))) {
        status = mli_fail(err, MODELLAB_E_HASH_MISMATCH,
                          "the bundle's files are not those that its record names");
    }
    mli_json_free(manifest);
    mli_findings_dispose(&findings);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status put(import *im, modellab_error *err)
{
    mli_lab *lab = im->lab;
    const char *id = im->bundle.row.id;
    const mli_zip_member *last = &im->zip.members[im->zip.count - 1];
    modellab_status status = mli_lab_check_disk(lab, last->offset + last->bytes, err);

    if (status == MODELLAB_OK) {
        status = mli_rundir_create(lab->os.files, lab->root, id, err);
    }
    if (status != MODELLAB_OK) {
        return status; /* a folder that was there is not ours to remove */
    }
    status = unpack(im, err);
    if (status == MODELLAB_OK) {
        status = verify(im, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_store_import(lab->store, &im->bundle.record, im->bundle.events,
                                  im->bundle.event_count, im->bundle.notes, err);
    }
    if (status != MODELLAB_OK && status != MODELLAB_E_STORE_FAILED) {
        modellab_error left = MODELLAB_ERROR_INIT;

        if (mli_rundir_remove(lab->os.files, lab->root, id, &left) != MODELLAB_OK) {
            mli_log_error(im->log, MODELLAB_LOG_WARN, "run.files_left",
                          "files of a refused bundle are left for a cleanup", left.code, &left);
        }
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status import_open(import *im, char run_id[MLI_ULID_BYTES],
                                                       modellab_error *err)
{
    modellab_run_status present = 0;
    modellab_status status = mli_zip_open(&im->zip, im->lab->alloc, im->lab->os.files, im->fd, err);

    if (status == MODELLAB_OK) {
        status = read_record(im, err);
    }
    if (status == MODELLAB_OK) {
        memcpy(run_id, im->bundle.row.id, MLI_ULID_BYTES);
        im->log = mli_run_log(im->lab, &im->bundle.row);
        im->task.log = im->log;
        mli_task_progress(&im->task, "the record was read; its files follow", NULL, 0);
        status = mli_store_status(im->lab->store, run_id, &present, err);
        if (status == MODELLAB_OK) {
            return mli_fail(err, MODELLAB_E_ALREADY_EXISTS, "the lab has this run already");
        }
        if (status == MODELLAB_E_NOT_FOUND) {
            mli_error_clear(err);
            status = put(im, err);
        }
    }
    return status;
}

static void write_manifest(const import *im, const char *run_id)
{
    modellab_error behind = MODELLAB_ERROR_INIT;
    modellab_status written = mli_manifest_refresh(im->lab, run_id, &behind);

    if (written != MODELLAB_OK) { /* the record is what counts */
        mli_log_error(im->log, MODELLAB_LOG_WARN, "manifest.not_written",
                      "the manifest is behind its record until the next reconcile", written,
                      &behind);
    }
}

modellab_status mli_run_import(mli_lab *lab, const char *path, const mli_cancel_word *cancel,
                               char run_id[MLI_ULID_BYTES], modellab_error *err)
{
import im = {.lab = lab, .cancel = cancel };
    const mli_os_files *f = lab->os.files;
    modellab_status status = MODELLAB_OK;

    run_id[0] = '\0';
    mli_task_begin(&im.task, MLI_TASK_IMPORT, lab->logger, MODELLAB_LOG_INFO, lab->os.clock,
                   lab->os.random, MLI_LOG_FIELDS(mli_log_path("file", path)));
    im.fd = f->open(f->user, path, MLI_OS_READ | MLI_OS_NONBLOCK, 0);
    if (im.fd < 0) {
        status = mli_fail_os(err, -im.fd, "the bundle cannot be opened");
        mli_task_end(&im.task, status, err, NULL, 0);
        return status;
    }
    status = import_open(&im, run_id, err);
    if (status == MODELLAB_OK) {
        write_manifest(&im, run_id);
    }
    mli_task_end(&im.task, status, err, NULL, 0);
    mli_logger_unref(im.log);
    mli_bundle_record_dispose(&im.bundle);
    mli_json_free(im.facts);
    mli_json_free(im.root);
    mli_zip_close(&im.zip);
    mli_os_fd_close(im.fd); /* only read */
    return status;
}
