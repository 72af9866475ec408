/* A look at all uploads: what crashes left, what is damaged and what has had its time goes, what a
 * user has is added up. Whoever receives an upload holds the lock of its data. */
#include "lab/uploads.h"

#include "base/error.h"
#include "base/id.h"
#include "lab/tree_bytes.h"
#include "log/logger.h"
#include "os/locale.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TRIES 8

typedef struct look {
    const mli_lab *lab;
    const mli_buf *rows; /* ids of the store's rows, in order; NULL = not asked for */
    bool dry_run;
    int64_t now_ms;
    mli_findings *report; /* NULL = none */
    mli_uploads_found *out;
} look;

typedef enum verdict { KEEP, UNFINISHED, DAMAGED, EXPIRED } verdict;

/* Something that cannot be looked at, or does not go: it holds up no other. */
static void tell_failed(const look *l, modellab_status status, const modellab_error *err)
{
    mli_log_error(l->lab->logger, MODELLAB_LOG_WARN, "upload.not_swept",
                  "it is tried again at the next look", status, err);
    if (l->report != NULL) {
        mli_findings_add(l->report, MODELLAB_SEVERITY_WARNING, "upload.not_swept", "",
                         "an upload could not be looked at or removed: %s", err->message);
    }
}

static void tell(const look *l, const char *id, verdict why)
{
    static const struct {
        const char *id, *found;
        modellab_severity severity;
    } words[] = {
        [UNFINISHED] = {"upload.unfinished",
                        "an upload whose receiver is gone did not come to its end",
                        MODELLAB_SEVERITY_INFO},
        [DAMAGED] = {"upload.damaged", "a finished upload lost its data or has another size",
                     MODELLAB_SEVERITY_WARNING},
        [EXPIRED] = {"upload.expired", "an upload has had its time", MODELLAB_SEVERITY_INFO}};
    char pointer[48];

    if (l->report != NULL) {
        (void)mli_os_format(pointer, sizeof pointer, "/uploads/%s", id);
        mli_findings_add(l->report, words[why].severity, words[why].id, pointer, "%s -> %s",
                         words[why].found,
                         l->dry_run ? "reconciling would remove it" : "it was removed");
    } else {
        mli_log(l->lab->logger, MODELLAB_LOG_INFO, words[why].id, words[why].found,
                MLI_LOG_FIELDS(mli_log_string("upload_id", id)));
    }
}

MODELLAB_MUST_CHECK static modellab_status judge_ready(const look *l, const mli_upload_facts *facts,
                                                       verdict *out, modellab_error *err)
{
    const mli_os_files *f = l->lab->os.files;
    char path[MLI_PATH_BYTES];
    mli_os_stat data;
    modellab_status status = mli_upload_path(l->lab, facts->id, MLI_UPLOAD_DATA, path, err);
    int rc;

    if (status != MODELLAB_OK) {
        return status;
    }
    rc = f->stat(f->user, path, false, &data);
    if (rc != 0 && rc != -ENOENT) {
        return mli_fail_os(err, -rc, "its data cannot be looked at");
    }
    *out = facts->expires_ms <= l->now_ms                                         ? EXPIRED
           : rc != 0 || data.kind != MLI_OS_REGULAR || data.bytes != facts->bytes ? DAMAGED
                                                                                  : KEEP;
    return MODELLAB_OK;
}

/* Opens the data, or makes what is missing: who removes a folder holds the lock of its data, so
 * that nobody can begin to receive into it meanwhile. -ENOENT: the folder itself is gone, or
 * nothing is to be made. */
static int open_data(const look *l, const char *path)
{
    const mli_os_files *f = l->lab->os.files;
    int rc = f->open(f->user, path, MLI_OS_READ | MLI_OS_NOFOLLOW | MLI_OS_NONBLOCK, 0);

    if (rc == -ENOENT && !l->dry_run) {
        rc = f->open(f->user, path,
                     MLI_OS_WRITE | MLI_OS_CREATE | MLI_OS_EXCLUSIVE | MLI_OS_NOFOLLOW, 0600);
    }
    return rc;
}

/* 0: the lock of what bears the name; -EAGAIN: the name has got, or lost, another file meanwhile.
 */
static int lock_named(const look *l, const char *path, int fd, int64_t *bytes)
{
    const mli_os_files *f = l->lab->os.files;
    mli_os_stat open = {0}, named = {0};
    int rc = f->fstat(f->user, fd, &open);

    *bytes = open.bytes;
    rc = rc == 0 ? f->lock(f->user, fd, false) : rc;
    if (rc == 0) {
        rc = f->stat(f->user, path, false, &named);
        rc = rc == -ENOENT || (rc == 0 && named.inode != open.inode) ? -EAGAIN : rc;
    }
    return rc;
}

/* `*fd` is the lock of the data, when it could be taken. *held: somebody is at work on it, or it
 * has gone: it is nobody's to remove. */
MODELLAB_MUST_CHECK static modellab_status try_lock(const look *l, const char *id, int *fd,
                                                    bool *held, int64_t *bytes, modellab_error *err)
{
    const mli_os_files *f = l->lab->os.files;
    char path[MLI_PATH_BYTES];
    modellab_status status = mli_upload_path(l->lab, id, MLI_UPLOAD_DATA, path, err);
    int rc = -EAGAIN;

    *held = false;
    *fd = -1;
    if (status != MODELLAB_OK) {
        return status;
    }
    for (int i = 0; (rc == -EAGAIN || rc == -EEXIST) && i < TRIES; i++) {
        rc = open_data(l, path);
        if (rc >= 0) {
            *fd = rc;
            rc = lock_named(l, path, *fd, bytes);
        }
        if (rc != 0 && *fd >= 0) {
            (void)f->close(f->user, *fd); /* only looked at */
            *fd = -1;
        }
    }
    if (rc == -ENOENT && l->dry_run) {
        return MODELLAB_OK;
    }
    *held = rc == -EWOULDBLOCK || rc == -EAGAIN || rc == -EEXIST || rc == -ENOENT;
    return rc == 0 || *held ? MODELLAB_OK : mli_fail_os(err, -rc, "its data cannot be locked");
}

/* Facts that cannot be read belong to one that was being received when the power went. */
MODELLAB_MUST_CHECK static modellab_status get_facts(const look *l, const char *id,
                                                     mli_upload_facts *out, modellab_error *err)
{
    modellab_status status = mli_upload_get_facts(l->lab, id, out, err);

    if (status == MODELLAB_E_NOT_FOUND || status == MODELLAB_E_STORE_CORRUPT) {
        mli_error_clear(err);
        memset(out, 0, sizeof *out);
        memcpy(out->id, id, MLI_ULID_BYTES);
        status = MODELLAB_OK;
    }
    return status;
}

static int by_id(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* A finished one without a row (from before there were rows, or a power cut took it) gets one. */
MODELLAB_MUST_CHECK static modellab_status keep_row(const look *l, const mli_upload_facts *facts,
                                                    modellab_error *err)
{
    const mli_upload_row row = {.id = facts->id,
                                .user = facts->user,
                                .bytes = facts->bytes,
                                .expires_ms = facts->expires_ms};
    int64_t others;
    bool fits;

    if (l->rows == NULL || bsearch(facts->id, l->rows->data, l->rows->size / MLI_ULID_BYTES,
                                   MLI_ULID_BYTES, by_id) != NULL) {
        return MODELLAB_OK;
    }
    return mli_store_upload_put(l->lab->store, &row, 0, &others, &fits, err);
}

/* With the lock of an unfinished one held, if it has data. */
MODELLAB_MUST_CHECK static modellab_status judge(const look *l, const char *id, verdict *out,
                                                 int *fd, modellab_error *err)
{
    mli_upload_facts facts;
    bool held = false;
    int64_t bytes = 0;
    modellab_status status = get_facts(l, id, &facts, err);

    if (status == MODELLAB_OK && !facts.ready) {
        status = try_lock(l, id, fd, &held, &bytes, err);
        if (status == MODELLAB_OK && !held) { /* it may have been finished meanwhile */
            status = get_facts(l, id, &facts, err);
        }
        *out = held ? KEEP : UNFINISHED;
    }
    if (status == MODELLAB_OK && facts.ready) {
        status = judge_ready(l, &facts, out, err);
        status = status == MODELLAB_OK && *out == KEEP ? keep_row(l, &facts, err) : status;
    }
    return status;
}

static int look_at(void *arg, const char *name)
{
    const look *l = arg;
    const mli_os_files *f = l->lab->os.files;
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_tree_bytes tree = {0};
    char path[MLI_PATH_BYTES];
    verdict found = KEEP;
    int fd = -1;
    modellab_status status;

    if (!mli_ulid_valid(name)) {
        return 0; /* none of ours */
    }
    status = judge(l, name, &found, &fd, &err);
    if (status == MODELLAB_OK && found != KEEP) {
        status = mli_upload_path(l->lab, name, NULL, path, &err);
        if (status == MODELLAB_OK && mli_tree_bytes_of(f, path, &tree) != 0) {
            tree.bytes = 0; /* for the sum only: it may be gone already */
        }
        if (status == MODELLAB_OK && !l->dry_run) {
            status = mli_upload_remove(l->lab, name, &err);
        }
        if (status == MODELLAB_OK) {
            l->out->removed++;
            l->out->bytes += tree.bytes;
            tell(l, name, found);
        }
    }
    if (fd >= 0) {
        (void)f->close(f->user, fd); /* only locked */
    }
    if (status != MODELLAB_OK) {
        tell_failed(l, status, &err);
    }
    return 0;
}

/* A row whose folder is gone goes: it is made behind the folder. */
MODELLAB_MUST_CHECK static modellab_status check_row(const mli_lab *lab, const char *id,
                                                     modellab_error *err)
{
    const mli_os_files *f = lab->os.files;
    char path[MLI_PATH_BYTES];
    mli_os_stat info;
    modellab_status status = mli_upload_path(lab, id, NULL, path, err);
    int rc = status == MODELLAB_OK ? f->stat(f->user, path, false, &info) : 0;

    if (rc == -ENOENT) {
        return mli_store_upload_forget(lab->store, id, err);
    }
    return rc == 0 ? status : mli_fail_os(err, -rc, "an upload cannot be looked at");
}

void mli_upload_look_at(const mli_lab *lab, const char *id)
{
    mli_uploads_found found = {0};
    look l = {.lab = lab, .now_ms = mli_lab_now_ms(lab), .out = &found};
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = check_row(lab, id, &err);

    if (status == MODELLAB_OK) {
        (void)look_at(&l, id); /* 0 */
    } else {
        tell_failed(&l, status, &err);
    }
}

/* Ids of all rows, in order. */
MODELLAB_MUST_CHECK static modellab_status load_rows(const mli_lab *lab, mli_buf *out,
                                                     modellab_error *err)
{
    char ids[MLI_UPLOAD_IDS][MLI_ULID_BYTES], last[MLI_ULID_BYTES] = "";
    const mli_upload_query query = {.after = last};
    size_t count = MLI_UPLOAD_IDS;
    modellab_status status = MODELLAB_OK;

    while (status == MODELLAB_OK && count == MLI_UPLOAD_IDS) {
        status = mli_store_upload_ids(lab->store, &query, ids, &count, err);
        mli_buf_append(out, ids, count * MLI_ULID_BYTES);
        memcpy(last, ids[count > 0 ? count - 1 : 0], count > 0 ? sizeof last : 0);
    }
    return status == MODELLAB_OK ? mli_buf_status(out, err) : status;
}

modellab_status mli_uploads_look(const mli_lab *lab, bool dry_run, mli_findings *report,
                                 mli_uploads_found *out, modellab_error *err)
{
    const mli_os_files *f = lab->os.files;
    char path[MLI_PATH_BYTES];
    mli_buf rows;
    look l = {.lab = lab,
              .rows = dry_run ? NULL : &rows,
              .dry_run = dry_run,
              .now_ms = mli_lab_now_ms(lab),
              .report = report,
              .out = out};
    modellab_status status = mli_upload_path(lab, NULL, NULL, path, err);
    int rc = 0;

    memset(out, 0, sizeof *out);
    mli_buf_init(&rows, lab->alloc);
    if (status == MODELLAB_OK && !dry_run) {
        status = load_rows(lab, &rows, err);
    }
    if (status == MODELLAB_OK) {
        rc = f->list(f->user, path, look_at, &l);
    }
    for (size_t at = 0; status == MODELLAB_OK && at < rows.size; at += MLI_ULID_BYTES) {
        modellab_error why = MODELLAB_ERROR_INIT;
        modellab_status kept = check_row(lab, rows.data + at, &why);

        if (kept != MODELLAB_OK) {
            tell_failed(&l, kept, &why);
        }
    }
    mli_buf_dispose(&rows);
    return rc >= 0 || rc == -ENOENT
               ? status
               : mli_fail_os(err, -rc, "the folder of uploads could not be listed");
}
