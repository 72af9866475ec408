/* An upload as it comes: its first bytes are looked at in memory, then written, hashed and counted;
 * at its end it is made to last, or else nothing of it stays. */
#include "lab/uploads.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "log/logger.h"
#include "os/locale.h"
#include <errno.h>
#include <string.h>

#define DISK_STEP ((int64_t)8 << 20) /* the disk is asked again after so many bytes */
#define MAGIC_BYTES 16               /* by which a container is known */
#define TRIES 8
#define PAUSE_NS ((int64_t)1000000) /* and more of it at each further try */

/* The last component, whoever's separators it has. */
static const char *last_part(const char *name)
{
    const char *slash = mli_basename(name), *back = strrchr(slash, '\\');

    return back != NULL ? back + 1 : slash;
}

MODELLAB_MUST_CHECK static modellab_status
take_options(modellab_upload *u, const modellab_upload_options *o, modellab_error *err)
{
    const char *name = o->name != NULL ? o->name : "upload", *user = o->user != NULL ? o->user : "";
    modellab_log_context context = MODELLAB_LOG_CONTEXT_INIT;
    int rc;

    if (o->bytes < -1 || o->keep_ms < 0 || !mli_utf8_valid(name, strlen(name)) ||
        !mli_utf8_valid(user, strlen(user)) || strlen(user) >= sizeof u->facts.user) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "name and user must be UTF-8, the user at most 128 characters");
    }
    if (o->request_id != NULL && !mli_request_id_valid(o->request_id)) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "that is no request id");
    }
    mli_str_copy_shown(u->facts.name, sizeof u->facts.name, last_part(name));
    (void)mli_str_copy(u->facts.user, sizeof u->facts.user, user);
    u->facts.declared = o->bytes;
    u->facts.created_ms = mli_lab_now_ms(u->lab);
    u->facts.expires_ms =
        u->facts.created_ms + (o->keep_ms > 0 && o->keep_ms < u->lab->settings.upload_keep_ms
                                   ? o->keep_ms
                                   : u->lab->settings.upload_keep_ms);
    rc = mli_ulid_new(u->lab->os.clock, u->lab->os.random, u->facts.id);
    if (rc != 0) {
        return mli_fail_os(err, rc, "no random numbers");
    }
    context.request_id = o->request_id;
    return u->lab->logger != NULL ? mli_logger_child(u->lab->logger, &context, &u->log, err)
                                  : MODELLAB_OK;
}

/* Room on the disk, from so many bytes on; what is not declared is asked for in steps. */
MODELLAB_MUST_CHECK static modellab_status check_disk(modellab_upload *u, int64_t bytes,
                                                      modellab_error *err)
{
    int64_t ahead = u->facts.declared >= 0 ? u->facts.declared - bytes : DISK_STEP;
    modellab_status status = mli_lab_check_disk(u->lab, ahead, err);

    u->disk_checked = bytes + DISK_STEP;
    return status;
}

modellab_status mli_upload_begin(mli_lab *lab, const modellab_upload_options *options,
                                 modellab_upload **out, modellab_error *err)
{
    modellab_status status = mli_lab_check(lab, true, err);
    modellab_upload *u;

    if (status != MODELLAB_OK) {
        return status;
    }
    u = mli_alloc_zero(lab->alloc, sizeof *u);
    if (u == NULL) {
        return mli_no_memory(err);
    }
    u->lab = mli_lab_ref(lab);
    u->fd = -1;
    u->facts.rate_hz = u->facts.channels = -1;
    u->facts.seconds = -1;
    mli_buf_init(&u->head, lab->alloc);
    mli_sha256_init(&u->hash);
    status = take_options(u, options, err);
    if (status == MODELLAB_OK) {
        status = mli_upload_check_type(options->media_type, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_upload_check_size(lab, options->bytes, err);
    }
    if (status == MODELLAB_OK) {
        status =
            mli_upload_make_room(lab, u->facts.user, options->bytes > 0 ? options->bytes : 0, err);
    }
    if (status == MODELLAB_OK) {
        status = check_disk(u, 0, err);
    }
    if (status != MODELLAB_OK) {
        mli_log_error(u->log, MODELLAB_LOG_WARN, "upload.refused",
                      "an upload was refused before its first byte", status, err);
        mli_upload_unref(u);
        return status;
    }
    mli_log_text(u->log, MODELLAB_LOG_DEBUG, "upload.begun", "an upload begins");
    *out = u;
    return MODELLAB_OK;
}

/* Opens the data and takes its lock. A look for leftovers may have been at the folder between its
 * making and the lock: then it is made anew. */
MODELLAB_MUST_CHECK static modellab_status open_data(modellab_upload *u, modellab_error *err)
{
    const mli_os_files *f = u->lab->os.files;
    char folder[MLI_PATH_BYTES], path[MLI_PATH_BYTES];
    modellab_status status = mli_upload_path(u->lab, u->facts.id, NULL, folder, err);
    int rc = -EAGAIN;

    if (status == MODELLAB_OK) {
        status = mli_upload_path(u->lab, u->facts.id, MLI_UPLOAD_DATA, path, err);
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    for (int i = 0; rc == -EAGAIN && i < TRIES; i++) {
        mli_os_stat named, open;

        if (i > 0) { /* EINTR: a shorter pause */
            (void)u->lab->os.clock->sleep_ns(u->lab->os.clock->user, PAUSE_NS << i);
        }
        rc = f->mkdir(f->user, folder, 0700);
        if (rc != 0 && rc != -EEXIST) {
            break;
        }
        rc = f->open(f->user, path,
                     MLI_OS_WRITE | MLI_OS_CREATE | MLI_OS_EXCLUSIVE | MLI_OS_NOFOLLOW,
                     MLI_FINISHED_FILE_MODE);
        if (rc < 0) {
            rc = rc == -ENOENT || rc == -EEXIST ? -EAGAIN : rc;
            continue;
        }
        u->fd = rc;
        rc = f->lock(f->user, u->fd, true);
        rc = rc == 0 ? f->fstat(f->user, u->fd, &open) : rc;
        if (rc == 0) {
            rc = f->stat(f->user, path, false, &named);
            rc = rc == -ENOENT || (rc == 0 && named.inode != open.inode) ? -EAGAIN : rc;
        }
        if (rc != 0) {
            (void)f->close(f->user, u->fd); /* nothing was written to it */
            u->fd = -1;
        }
    }
    return rc == 0 ? MODELLAB_OK : mli_fail_os(err, -rc, "the upload cannot be stored");
}

/* The folder of all uploads; its own name must last, too. */
MODELLAB_MUST_CHECK static modellab_status make_folder(const mli_lab *lab, modellab_error *err)
{
    const mli_os_files *f = lab->os.files;
    char path[MLI_PATH_BYTES];
    modellab_status status = mli_upload_path(lab, NULL, NULL, path, err);
    int rc = status == MODELLAB_OK ? f->mkdir(f->user, path, 0700) : -EEXIST;

    if (rc == 0) {
        rc = mli_os_sync_dir(f, lab->root);
    }
    return rc == 0 || rc == -EEXIST ? status : mli_fail_os(err, -rc, "the upload cannot be stored");
}

/* On disk from here on; a row of the store is made when its data is held, and goes before
 * the data does. */
MODELLAB_MUST_CHECK static modellab_status open_folder(modellab_upload *u, modellab_error *err)
{
    modellab_status status = make_folder(u->lab, err);

    u->state = MLI_UPLOAD_WRITES;
    if (status == MODELLAB_OK) {
        status = open_data(u, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_upload_put_facts(u->lab, &u->facts, false, err);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status put(modellab_upload *u, const void *data, size_t bytes,
                                               modellab_error *err)
{
    modellab_status status = mli_upload_reserve(u, u->written + (int64_t)bytes, err);
    int rc;

    if (status == MODELLAB_OK && u->facts.bytes + (int64_t)bytes > u->disk_checked) {
        status = check_disk(u, u->facts.bytes, err);
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    u->written += (int64_t)bytes;
    mli_sha256_update(&u->hash, data, bytes);
    rc = mli_os_write_all(u->lab->os.files, u->fd, data, bytes);
    return rc == 0 ? MODELLAB_OK : mli_fail_os(err, -rc, "the upload cannot be stored");
}

/* The first finding of severity error, as status and sentence. */
MODELLAB_MUST_CHECK static modellab_status verdict(const mli_findings *report, size_t first,
                                                   modellab_error *err)
{
    for (size_t i = first; i < mli_report_count(report->report); i++) {
        const modellab_finding *finding = mli_report_finding(report->report, i);

        if (finding->severity >= MODELLAB_SEVERITY_ERROR) {
            return mli_fail(err,
                            strcmp(finding->id, "probe.unsupported") == 0
                                ? MODELLAB_E_UNSUPPORTED_FORMAT
                                : MODELLAB_E_INVALID_AUDIO,
                            "%s", finding->text);
        }
    }
    return MODELLAB_OK;
}

/* What is there of the header, in a file of `file_bytes`. */
MODELLAB_MUST_CHECK static modellab_status probe(modellab_upload *u, int64_t file_bytes,
                                                 mli_probe *out, mli_findings *report,
                                                 modellab_error *err)
{
    size_t first = mli_report_count(report->report);

    mli_probe_header(u->head.data, u->head.size, file_bytes, out, report);
    return verdict(report, first, err);
}

/* A container that surely does not work, before all of the head is there. */
MODELLAB_MUST_CHECK static modellab_status probe_magic(modellab_upload *u, mli_findings *report,
                                                       modellab_error *err)
{
    modellab_error own = MODELLAB_ERROR_INIT;
    mli_findings ignored;
    mli_probe found;
    modellab_status status;

    mli_findings_begin(&ignored, u->lab->alloc);
    status = probe(u, MLI_PROBE_BYTES, &found, &ignored, &own);
    mli_findings_dispose(&ignored);
    return status == MODELLAB_E_UNSUPPORTED_FORMAT ? probe(u, MLI_PROBE_BYTES, &found, report, err)
                                                   : MODELLAB_OK;
}

/* The whole head is there: known to be audio, it goes to the disk. */
MODELLAB_MUST_CHECK static modellab_status accept(modellab_upload *u, int64_t file_bytes,
                                                  mli_findings *report, modellab_error *err)
{
    mli_probe found;
    modellab_status status = probe(u, file_bytes, &found, report, err);

    if (status == MODELLAB_OK && u->facts.declared >= 0) {
        status = mli_upload_check_caps(u->lab, u->facts.user, &found, report, err);
    }
    if (status == MODELLAB_OK) {
        status = open_folder(u, err);
    }
    return status == MODELLAB_OK ? put(u, u->head.data, u->head.size, err) : status;
}

MODELLAB_MUST_CHECK static modellab_status look_at_head(modellab_upload *u, const char *data,
                                                        size_t bytes, mli_findings *report,
                                                        modellab_error *err)
{
    size_t before = u->head.size, missing = MLI_PROBE_BYTES - before;
    size_t now = bytes < missing ? bytes : missing;
    int64_t declared = u->facts.declared;
    modellab_status status;

    mli_buf_append(&u->head, data, now);
    status = mli_buf_status(&u->head, err);
    u->facts.bytes += (int64_t)now;
    if (status == MODELLAB_OK && before < MAGIC_BYTES && u->head.size >= MAGIC_BYTES) {
        status = probe_magic(u, report, err);
    }
    if (status != MODELLAB_OK || (u->head.size < MLI_PROBE_BYTES && u->facts.bytes != declared)) {
        return status; /* more of it is to come */
    }
    status = accept(u, declared >= 0 ? declared : u->lab->settings.max_upload_bytes, report, err);
    if (status == MODELLAB_OK && bytes > now) {
        status = put(u, data + now, bytes - now, err);
        u->facts.bytes += (int64_t)(bytes - now);
    }
    return status;
}

/* Nothing of it stays; what cannot be removed is found by reconcile. */
static void take_back(modellab_upload *u, modellab_status why, const modellab_error *err)
{
    modellab_error own = MODELLAB_ERROR_INIT;
    modellab_status status = MODELLAB_OK;

    if (u->state == MLI_UPLOAD_WRITES) {
        status = mli_upload_remove(u->lab, u->facts.id, &own);
        if (u->fd >= 0) { /* the lock goes last; what was written does not matter any more */
            (void)u->lab->os.files->close(u->lab->os.files->user, u->fd);
        }
        u->fd = -1;
    }
    if (status != MODELLAB_OK) {
        mli_log_error(u->log, MODELLAB_LOG_WARN, "upload.files_left",
                      "a refused upload is left for reconcile", status, &own);
    }
    if (why != MODELLAB_OK) {
        mli_log_error(u->log, MODELLAB_LOG_WARN, "upload.refused", "an upload was refused", why,
                      err);
    } else {
        mli_log(u->log, MODELLAB_LOG_INFO, "upload.broken_off", "an upload did not come to its end",
                MLI_LOG_FIELDS(mli_log_int("bytes", u->facts.bytes)));
    }
    u->state = MLI_UPLOAD_REFUSED;
    mli_buf_dispose(&u->head);
}

MODELLAB_MUST_CHECK static modellab_status check_state(const modellab_upload *u,
                                                       modellab_error *err)
{
    modellab_status status = mli_lab_check(u->lab, false, err);

    if (status == MODELLAB_OK && u->state >= MLI_UPLOAD_READY) {
        status = mli_fail(err, MODELLAB_E_STATE, "the upload has ended");
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status check_count(const modellab_upload *u, size_t bytes,
                                                       modellab_error *err)
{
    int64_t all;
    modellab_status status;

    if (bytes > INT64_MAX / 4) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "so many bytes do not exist");
    }
    all = u->facts.bytes + (int64_t)bytes;
    status = mli_upload_check_size(u->lab, all, err);
    if (status == MODELLAB_OK && u->facts.declared >= 0 && all > u->facts.declared) {
        status = mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                          "more than the %lld bytes come that were announced",
                          (long long)u->facts.declared);
    }
    return status;
}

modellab_status mli_upload_take(modellab_upload *u, const void *data, size_t bytes,
                                mli_findings *report, modellab_error *err)
{
    modellab_error own = MODELLAB_ERROR_INIT;
    modellab_status status = check_state(u, err);

    if (status != MODELLAB_OK || bytes == 0) {
        return status;
    }
    err = err != NULL ? err : &own; /* the log tells why, too */
    status = check_count(u, bytes, err);
    if (status == MODELLAB_OK && u->state == MLI_UPLOAD_LOOKS) {
        status = look_at_head(u, data, bytes, report, err);
    } else if (status == MODELLAB_OK) {
        status = put(u, data, bytes, err);
        u->facts.bytes += (int64_t)bytes;
    }
    if (status != MODELLAB_OK) {
        take_back(u, status, err);
    }
    return status;
}

/* What the header says in the light of the size that it really has. */
MODELLAB_MUST_CHECK static modellab_status know(modellab_upload *u, mli_findings *report,
                                                modellab_error *err)
{
    bool looked = u->state == MLI_UPLOAD_LOOKS || u->facts.declared >= 0;
    mli_findings again;
    mli_probe found;
    modellab_status status;

    if (u->facts.declared >= 0 && u->facts.bytes < u->facts.declared) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "%lld bytes were announced, %lld came",
                        (long long)u->facts.declared, (long long)u->facts.bytes);
    }
    if (u->state == MLI_UPLOAD_LOOKS) {
        status = accept(u, u->facts.bytes, report, err);
        if (status != MODELLAB_OK) {
            return status;
        }
    }
    mli_findings_begin(&again, u->lab->alloc);
    status = probe(u, u->facts.bytes, &found, looked ? &again : report, err);
    mli_findings_dispose(&again);
    if (status == MODELLAB_OK && u->facts.declared < 0) {
        status = mli_upload_check_caps(u->lab, u->facts.user, &found, report, err);
    }
    (void)mli_str_copy(u->facts.media_type, sizeof u->facts.media_type, found.media_type);
    (void)mli_str_copy(u->facts.codec, sizeof u->facts.codec, found.codec);
    u->facts.rate_hz = found.rate_hz;
    u->facts.channels = found.channels;
    u->facts.seconds = found.seconds;
    u->facts.is_estimate = found.is_estimate;
    return status;
}

/* Data first, then the facts that make it an upload, then the name of its folder. */
MODELLAB_MUST_CHECK static modellab_status make_last(modellab_upload *u, modellab_error *err)
{
    const mli_os_files *f = u->lab->os.files;
    char path[MLI_PATH_BYTES];
    int rc = f->sync(f->user, u->fd);
    modellab_status status =
        rc == 0 ? MODELLAB_OK : mli_fail_os(err, -rc, "the upload cannot be stored");

    if (status == MODELLAB_OK) {
        status = mli_upload_take_share(u, err);
    }
    if (status == MODELLAB_OK) {
        u->facts.ready = true;
        mli_sha256_hex(&u->hash, u->facts.sha256);
        status = mli_upload_put_facts(u->lab, &u->facts, true, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_upload_path(u->lab, NULL, NULL, path, err);
    }
    if (status == MODELLAB_OK) {
        rc = mli_os_sync_dir(f, path);
        status = rc == 0 ? status : mli_fail_os(err, -rc, "the upload cannot be stored");
    }
    return status;
}

modellab_status mli_upload_finish(modellab_upload *u, mli_findings *report, modellab_error *err)
{
    modellab_error own = MODELLAB_ERROR_INIT;
    modellab_status status = check_state(u, err);

    if (status != MODELLAB_OK) {
        return status;
    }
    err = err != NULL ? err : &own;
    status = know(u, report, err);
    if (status == MODELLAB_OK) {
        status = make_last(u, err);
    }
    if (status != MODELLAB_OK) {
        u->facts.ready = false;
        take_back(u, status, err);
        return status;
    }
    (void)u->lab->os.files->close(u->lab->os.files->user, u->fd); /* synced: it can lose nothing */
    u->fd = -1;
    u->state = MLI_UPLOAD_READY;
    mli_buf_dispose(&u->head);
    mli_log(u->log, MODELLAB_LOG_INFO, "upload.finished", "an upload waits for its runs",
            MLI_LOG_FIELDS(mli_log_string("upload_id", u->facts.id),
                           mli_log_int("bytes", u->facts.bytes),
                           mli_log_string("media_type", u->facts.media_type)));
    return MODELLAB_OK;
}

void mli_upload_unref(modellab_upload *u)
{
    mli_lab *lab;

    if (u == NULL) {
        return;
    }
    lab = u->lab;
    /* a forked child has no say in what its parent receives */
    if (u->state < MLI_UPLOAD_READY && mli_lab_check(lab, false, NULL) == MODELLAB_OK) {
        take_back(u, MODELLAB_OK, NULL);
    }
    if (u->fd >= 0) {
        (void)lab->os.files->close(lab->os.files->user, u->fd); /* the parent has its own */
    }
    mli_buf_dispose(&u->head);
    mli_logger_unref(u->log);
    mli_free(lab->alloc, u);
    mli_lab_unref(lab);
}
