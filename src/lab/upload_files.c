/* The files of uploads: paths, facts in upload.json, finding one, listing all, removing one. */
#include "lab/uploads.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/id.h"
#include "base/str.h"
#include "log/logger.h"
#include "os/locale.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FACTS_MOST ((size_t)64 * 1024)

modellab_status mli_upload_path(const mli_lab *lab, const char *id, const char *file,
                                char out[MLI_PATH_BYTES], modellab_error *err)
{
    int n =
        mli_os_format(out, MLI_PATH_BYTES, "%s/uploads%s%s%s%s", lab->root, id != NULL ? "/" : "",
                      id != NULL ? id : "", file != NULL ? "/" : "", file != NULL ? file : "");

    return n > 0 && n < MLI_PATH_BYTES
               ? MODELLAB_OK
               : mli_fail(err, MODELLAB_E_LIMIT, "the lab's path is too long");
}

static void write_facts(const mli_upload_facts *facts, mli_buf *out)
{
    mli_jw w;

    mli_jw_init(&w, out);
    mli_jw_object(&w);
    mli_jw_kint(&w, "schema_version", 1);
    mli_jw_kstring(&w, "id", facts->id);
    mli_jw_kbool(&w, "ready", facts->ready);
    mli_jw_kstring(&w, "name", facts->name);
    mli_jw_kstring(&w, "user", facts->user);
    mli_jw_kint(&w, "declared", facts->declared);
    mli_jw_kint(&w, "bytes", facts->bytes);
    mli_jw_kstring(&w, "sha256", facts->sha256);
    mli_jw_kstring(&w, "media_type", facts->media_type);
    mli_jw_kstring(&w, "codec", facts->codec);
    mli_jw_kint(&w, "rate_hz", facts->rate_hz);
    mli_jw_kint(&w, "channels", facts->channels);
    mli_jw_kreal(&w, "duration_seconds", facts->seconds);
    mli_jw_kbool(&w, "is_estimate", facts->is_estimate);
    mli_jw_kint(&w, "created_ms", facts->created_ms);
    mli_jw_kint(&w, "expires_ms", facts->expires_ms);
    mli_jw_end_object(&w);
}

modellab_status mli_upload_put_facts(const mli_lab *lab, const mli_upload_facts *facts,
                                     bool durable, modellab_error *err)
{
    const mli_os_files *f = lab->os.files;
    char path[MLI_PATH_BYTES];
    mli_buf json;
    modellab_status status = mli_upload_path(lab, facts->id, MLI_UPLOAD_FACTS, path, err);

    if (status != MODELLAB_OK) {
        return status;
    }
    mli_buf_init(&json, lab->alloc);
    write_facts(facts, &json);
    status = mli_buf_status(&json, err);
    if (status == MODELLAB_OK) {
        int rc = 0;

        if (durable) {
            rc = mli_os_replace_file(f, path, mli_buf_text(&json), json.size, 0600);
        } else { /* nobody reads it before the next start of the machine, then it does not count */
            int fd =
                f->open(f->user, path,
                        MLI_OS_WRITE | MLI_OS_CREATE | MLI_OS_EXCLUSIVE | MLI_OS_NOFOLLOW, 0600);

            rc = fd < 0 ? fd : mli_os_write_all(f, fd, mli_buf_text(&json), json.size);
            if (fd >= 0) {
                int closed = f->close(f->user, fd);

                rc = rc != 0 ? rc : closed;
            }
        }
        status = rc == 0 ? status : mli_fail_os(err, -rc, "the upload cannot be stored");
    }
    mli_buf_dispose(&json);
    return status;
}

/* What is in upload.json was written by us, and may have been damaged since. */
MODELLAB_MUST_CHECK static modellab_status take_facts(const char *id, const mli_json *json,
                                                      mli_upload_facts *out, modellab_error *err)
{
    const char *sha256 = mli_json_string(mli_json_get(json, "sha256"), "");

    memset(out, 0, sizeof *out);
    (void)mli_str_copy(out->id, sizeof out->id, mli_json_string(mli_json_get(json, "id"), ""));
    (void)mli_str_copy(out->name, sizeof out->name,
                       mli_json_string(mli_json_get(json, "name"), ""));
    (void)mli_str_copy(out->user, sizeof out->user,
                       mli_json_string(mli_json_get(json, "user"), ""));
    (void)mli_str_copy(out->sha256, sizeof out->sha256, sha256);
    (void)mli_str_copy(out->media_type, sizeof out->media_type,
                       mli_json_string(mli_json_get(json, "media_type"), ""));
    (void)mli_str_copy(out->codec, sizeof out->codec,
                       mli_json_string(mli_json_get(json, "codec"), ""));
    out->ready = mli_json_bool(mli_json_get(json, "ready"), false);
    out->is_estimate = mli_json_bool(mli_json_get(json, "is_estimate"), false);
    out->declared = mli_json_int(mli_json_get(json, "declared"), -1);
    out->bytes = mli_json_int(mli_json_get(json, "bytes"), -1);
    out->rate_hz = mli_json_int(mli_json_get(json, "rate_hz"), -1);
    out->channels = mli_json_int(mli_json_get(json, "channels"), -1);
    out->created_ms = mli_json_int(mli_json_get(json, "created_ms"), -1);
    out->expires_ms = mli_json_int(mli_json_get(json, "expires_ms"), -1);
    out->seconds = mli_json_number(mli_json_get(json, "duration_seconds"), -1);
    return strcmp(out->id, id) == 0 && out->bytes >= 0 && out->created_ms >= 0 &&
                   (!out->ready ||
                    (strlen(sha256) == 64 && strspn(sha256, "0123456789abcdef") == 64))
               ? MODELLAB_OK
               : mli_fail(err, MODELLAB_E_STORE_CORRUPT, "the facts of the upload are damaged");
}

MODELLAB_MUST_CHECK static modellab_status read_facts(const mli_lab *lab, const char *path,
                                                      mli_buf *out, modellab_error *err)
{
    const mli_os_files *f = lab->os.files;
    mli_os_stat facts;
    void *room = NULL;
    int fd = f->open(f->user, path, MLI_OS_READ | MLI_OS_NOFOLLOW | MLI_OS_NONBLOCK, 0);
    int rc;

    if (fd < 0) {
        return mli_fail_os(err, -fd, "there is no such upload");
    }
    rc = f->fstat(f->user, fd, &facts);
    if (rc == 0 && (facts.kind != MLI_OS_REGULAR || facts.bytes > (int64_t)FACTS_MOST)) {
        (void)f->close(f->user, fd); /* only read */
        return mli_fail(err, MODELLAB_E_STORE_CORRUPT, "the facts of the upload are damaged");
    }
    if (rc == 0) {
        room = mli_buf_extend(out, (size_t)facts.bytes);
        rc = room == NULL ? -ENOMEM : mli_os_read_all(f, fd, room, (size_t)facts.bytes);
    }
    (void)f->close(f->user, fd); /* only read */
    return rc == 0 ? MODELLAB_OK : mli_fail_os(err, -rc, "the upload cannot be looked at");
}

modellab_status mli_upload_get_facts(const mli_lab *lab, const char *id, mli_upload_facts *out,
                                     modellab_error *err)
{
    char path[MLI_PATH_BYTES];
    mli_json *json = NULL;
    mli_buf text;
    modellab_status status = mli_upload_path(lab, id, MLI_UPLOAD_FACTS, path, err);

    if (status != MODELLAB_OK) {
        return status;
    }
    mli_buf_init(&text, lab->alloc);
    status = read_facts(lab, path, &text, err);
    if (status == MODELLAB_OK) {
        status = mli_json_parse(mli_buf_text(&text), text.size, FACTS_MOST, &json, err);
        if (status == MODELLAB_E_INVALID_JSON || status == MODELLAB_E_LIMIT) {
            mli_error_clear(err);
            status = mli_fail(err, MODELLAB_E_STORE_CORRUPT, "the facts of the upload are damaged");
        }
    }
    if (status == MODELLAB_OK) {
        status = take_facts(id, json, out, err);
    }
    mli_json_free(json);
    mli_buf_dispose(&text);
    return status;
}

modellab_status mli_upload_find(const mli_lab *lab, const char *id, mli_upload_facts *out,
                                modellab_error *err)
{
    modellab_status status = MODELLAB_E_NOT_FOUND;

    if (mli_ulid_valid(id)) {
        status = mli_upload_get_facts(lab, id, out, err);
    }
    if (status == MODELLAB_E_NOT_FOUND ||
        (status == MODELLAB_OK && (!out->ready || out->expires_ms <= mli_lab_now_ms(lab)))) {
        status = mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no such upload");
    }
    return status;
}

void mli_upload_write(const mli_upload_facts *facts, mli_jw *w)
{
    mli_jw_object(w);
    mli_jw_kstring(w, "id", facts->id);
    mli_jw_kstring(w, "name", facts->name);
    mli_jw_kstring(w, "user", facts->user);
    mli_jw_kint(w, "bytes", facts->bytes);
    mli_jw_kstring(w, "sha256", facts->sha256[0] != '\0' ? facts->sha256 : NULL);
    mli_jw_kstring(w, "media_type", facts->media_type[0] != '\0' ? facts->media_type : NULL);
    mli_jw_kstring(w, "codec", facts->codec[0] != '\0' ? facts->codec : NULL);
    mli_jw_key(w, "rate_hz");
    facts->rate_hz >= 0 ? mli_jw_int(w, facts->rate_hz) : mli_jw_null(w);
    mli_jw_key(w, "channels");
    facts->channels >= 0 ? mli_jw_int(w, facts->channels) : mli_jw_null(w);
    mli_jw_key(w, "duration_seconds");
    facts->seconds >= 0 ? mli_jw_real(w, facts->seconds) : mli_jw_null(w);
    mli_jw_kbool(w, "is_estimate", facts->is_estimate);
    mli_jw_kutc(w, "created_at", facts->created_ms);
    mli_jw_kutc(w, "expires_at", facts->expires_ms);
    mli_jw_end_object(w);
}

typedef struct names {
    mli_buf ids; /* of MLI_ULID_BYTES each */
} names;

static int note_name(void *arg, const char *name)
{
    names *n = arg;

    if (mli_ulid_valid(name)) {
        mli_buf_append(&n->ids, name, MLI_ULID_BYTES);
    }
    return 0;
}

static int newest_first(const void *a, const void *b)
{
    return strcmp(b, a);
}

modellab_status mli_uploads_write(const mli_lab *lab, const char *user, mli_buf *out,
                                  modellab_error *err)
{
    const mli_os_files *f = lab->os.files;
    char path[MLI_PATH_BYTES];
    names n;
    mli_jw w;
    modellab_status status = mli_upload_path(lab, NULL, NULL, path, err);

    if (status != MODELLAB_OK) {
        return status;
    }
    mli_buf_init(&n.ids, lab->alloc);
    int rc = f->list(f->user, path, note_name, &n);
    status = rc < 0 && rc != -ENOENT ? mli_fail_os(err, -rc, "the uploads cannot be listed")
                                     : mli_buf_status(&n.ids, err);
    if (status == MODELLAB_OK && n.ids.size > 0) {
        qsort(n.ids.data, n.ids.size / MLI_ULID_BYTES, MLI_ULID_BYTES, newest_first);
    }
    mli_jw_init(&w, out);
    mli_jw_array(&w);
    for (size_t at = 0; status == MODELLAB_OK && at < n.ids.size; at += MLI_ULID_BYTES) {
        mli_upload_facts facts;

        status = mli_upload_find(lab, n.ids.data + at, &facts, err);
        if (status == MODELLAB_OK && (user == NULL || strcmp(user, facts.user) == 0)) {
            mli_upload_write(&facts, &w);
        } else if (status == MODELLAB_E_NOT_FOUND || status == MODELLAB_E_STORE_CORRUPT) {
            mli_error_clear(err); /* gone meanwhile, still coming, or for reconcile */
            status = MODELLAB_OK;
        }
    }
    mli_jw_end_array(&w);
    mli_buf_dispose(&n.ids);
    return status == MODELLAB_OK ? mli_buf_status(out, err) : status;
}

typedef struct removal {
    const mli_os_files *files;
    char path[MLI_PATH_BYTES];
    size_t folder; /* length of the part that is the folder's */
} removal;

/* Everything but the data. */
static int remove_other(void *arg, const char *name)
{
    removal *r = arg;
    int n;

    if (strcmp(name, MLI_UPLOAD_DATA) == 0) {
        return 0;
    }
    n = mli_os_format(r->path + r->folder, sizeof r->path - r->folder, "/%s", name);
    return n > 0 && (size_t)n < sizeof r->path - r->folder ? mli_os_remove_tree(r->files, r->path)
                                                           : -ENAMETOOLONG;
}

/* The next look at all uploads finds a row whose folder is gone. */
static void give_share_back(const mli_lab *lab, const char *id)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = mli_store_upload_forget(lab->store, id, &err);

    if (status != MODELLAB_OK) {
        mli_log_error(lab->logger, MODELLAB_LOG_WARN, "upload.share_kept",
                      "an upload that is gone counts until the next look", status, &err);
    }
}

/* The data goes last: its lock is what keeps others out. Who begins to receive when it has gone has
 * the folder for his own. */
modellab_status mli_upload_remove(const mli_lab *lab, const char *id, modellab_error *err)
{
    const mli_os_files *f = lab->os.files;
    removal r = {.files = f};
    char data[MLI_PATH_BYTES];
    modellab_status status = mli_upload_path(lab, id, MLI_UPLOAD_DATA, data, err);
    int rc = 0;

    if (status == MODELLAB_OK) {
        status = mli_upload_path(lab, id, NULL, r.path, err);
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    r.folder = strlen(r.path);
    rc = f->list(f->user, r.path, remove_other, &r);
    r.path[r.folder] = '\0';
    if (rc == 0) {
        give_share_back(lab, id); /* while the data stands nobody else makes a row of this name */
        rc = mli_os_remove_tree(f, data);
    }
    rc = rc == 0 ? f->rmdir(f->user, r.path) : rc;
    if (rc != 0 && rc != -ENOENT && rc != -ENOTEMPTY && rc != -EEXIST) {
        return mli_fail_os(err, -rc, "an upload cannot be removed");
    }
    return MODELLAB_OK;
}

modellab_status mli_upload_delete(mli_lab *lab, const char *id, modellab_error *err)
{
    mli_upload_facts facts = {0};
    modellab_status status = mli_lab_check(lab, true, err);

    if (status == MODELLAB_OK) {
        status = mli_ulid_valid(id)
                     ? mli_upload_get_facts(lab, id, &facts, err)
                     : mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no such upload");
    }
    if (status == MODELLAB_OK && !facts.ready) {
        status = mli_fail(err, MODELLAB_E_STATE, "the upload is still being received");
    }
    return status == MODELLAB_OK ? mli_upload_remove(lab, id, err) : status;
}

modellab_status mli_upload_load(mli_lab *lab, const char *id, modellab_upload **out,
                                modellab_error *err)
{
    mli_upload_facts facts;
    modellab_upload *u;
    modellab_status status = mli_upload_find(lab, id, &facts, err);

    if (status != MODELLAB_OK) {
        return status;
    }
    u = mli_alloc_zero(lab->alloc, sizeof *u);
    if (u == NULL) {
        return mli_no_memory(err);
    }
    u->lab = mli_lab_ref(lab);
    u->facts = facts;
    u->state = MLI_UPLOAD_READY;
    u->fd = -1;
    mli_buf_init(&u->head, lab->alloc);
    *out = u;
    return MODELLAB_OK;
}
