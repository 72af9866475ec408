/* What a worker says: progress in the page and the journal, artifacts in their files and the
 * journal. */
#include "lab/worker.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/id.h"
#include "base/str.h"
#include "log/logger.h"
#include "store/rundir.h"
#include <errno.h>
#include <string.h>

#define SAY_NS ((int64_t)1000000000)
#define LOG_NS (10 * SAY_NS)
#define BLOCK_BYTES ((size_t)64 * 1024)

void mli_worker_progress(mli_worker *w, double done_seconds, double total_seconds)
{
    int64_t now = w->clock->monotonic_ns(w->clock->user);
    w->progress_seconds = done_seconds;
    atomic_store(&w->page->audio_done_ms, (int64_t)(done_seconds * 1000.0));
    if (total_seconds >= 0) {
        atomic_store(&w->page->audio_total_ms, (int64_t)(total_seconds * 1000.0));
    }
    mli_page_touch(w->page);
    if (now - w->progress_said_ns < SAY_NS) {
        return;
    }
    w->progress_said_ns = now;
    mli_jw *line = mli_journal_begin(&w->journal, "progress");
    mli_jw_kstring(line, "step", w->step);
    mli_jw_kreal(line, "done_seconds", done_seconds);
    mli_jw_kreal(line, "total_seconds", total_seconds);
    /* A failure marks the journal failed and comes back at the step's end, which must be written.
     */
    modellab_status status = mli_journal_end(&w->journal, false, NULL);
    if (status == MODELLAB_OK) {
        mli_worker_tell(w);
    }
    if (now - w->progress_logged_ns >= LOG_NS) {
        w->progress_logged_ns = now;
        mli_log(w->log, MODELLAB_LOG_INFO, "step.progress", w->step,
                MLI_LOG_FIELDS(mli_log_real("done_seconds", done_seconds),
                               mli_log_real("total_seconds", total_seconds)));
    }
}

modellab_status mli_worker_result(mli_worker *w, const mli_buf *json, modellab_error *err)
{
    mli_buf_clear(&w->result);
    if (json->size > MLI_STEP_RESULT_BYTES) {
        return mli_fail(err, MODELLAB_E_LIMIT, "the step tells too much of its result");
    }
    mli_buf_append(&w->result, mli_buf_text(json), json->size);
    return mli_buf_status(&w->result, err);
}

/* Index among the run's outputs; MLI_OUTPUTS_MOST when there is none of this name. */
static size_t find_output(const mli_worker *w, const char *name)
{
    const mli_outputs *all = &w->order.outputs;
    for (size_t i = 0; i < all->count; i++) {
        if (strcmp(all->names[i], name) == 0) {
            return i;
        }
    }
    return MLI_OUTPUTS_MOST;
}

int mli_worker_offer(const mli_worker *w, const char *name)
{
    size_t at = find_output(w, name);
    return at < MLI_OUTPUTS_MOST ? w->fds[MLI_ORDER_OFFERS + at] : -1;
}

/* The file of an output: each is written once. It stays open for the steps that read it. */
MODELLAB_MUST_CHECK static modellab_status take_file(mli_worker *w, const char *name, int *fd,
                                                     modellab_error *err)
{
    size_t at = find_output(w, name);
    *fd = at < MLI_OUTPUTS_MOST ? w->fds[MLI_ORDER_RESULTS + at] : -1;
    if (*fd < 0 || w->taken[at]) {
        return mli_fail(err, MODELLAB_E_INTERNAL, "the step has no file for the artifact %s", name);
    }
    w->taken[at] = true;
    return MODELLAB_OK;
}

/* What was written is safe, and so is the file's name. `rc` of the writing. */
MODELLAB_MUST_CHECK static modellab_status finish_file(const mli_worker *w, const char *name,
                                                       int fd, int rc, modellab_error *err)
{
    const mli_os_files *f = w->files;
    if (rc == 0) {
        rc = f->sync(f->user, fd);
    }
    if (rc == 0) {
        rc = f->sync(f->user, w->fds[MLI_ORDER_ARTIFACTS]);
    }
    return rc == 0 ? MODELLAB_OK
                   : mli_fail_os(err, -rc, "the artifact %s could not be stored", name);
}

/* The line of an artifact whose file is safe already; it gets a new id. */
MODELLAB_MUST_CHECK static modellab_status say_artifact(mli_worker *w, const char *name,
                                                        const char *media_type, const char *role,
                                                        const char *sha256, int64_t bytes,
                                                        modellab_error *err)
{
    char id[MLI_ULID_BYTES];
    char file[96];
    modellab_status status = mli_artifact_file(w->order.fence, name, file, err);
    int rc = mli_ulid_new(w->clock, w->random, id);
    if (status == MODELLAB_OK && rc != 0) {
        status = mli_fail_os(err, rc, "no random numbers");
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    mli_page_touch(w->page);
    mli_jw *line = mli_journal_begin(&w->journal, "artifact");
    mli_jw_kstring(line, "id", id);
    mli_jw_kstring(line, "step", w->step);
    mli_jw_kstring(line, "name", name);
    mli_jw_kstring(line, "file", file);
    mli_jw_kstring(line, "media_type", media_type);
    mli_jw_kstring(line, "role", role);
    mli_jw_kstring(line, "sha256", sha256);
    mli_jw_kint(line, "bytes", bytes);
    status = mli_journal_end(&w->journal, true, err);
    if (status == MODELLAB_OK) {
        mli_worker_output *output = &w->outputs[find_output(w, name)];
        output->written = true;
        output->bytes = bytes;
        (void)mli_str_copy(output->sha256, sizeof(output->sha256), sha256);
        mli_worker_tell(w);
    }
    return status;
}

modellab_status mli_worker_artifact(mli_worker *w, const char *name, const char *media_type,
                                    const char *role, const void *data, size_t bytes,
                                    modellab_error *err)
{
    char sha256[65];
    mli_sha256 hash;
    int fd = -1;
    modellab_status status = take_file(w, name, &fd, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    mli_sha256_init(&hash);
    mli_sha256_update(&hash, data, bytes);
    mli_sha256_hex(&hash, sha256);
    status = finish_file(w, name, fd, mli_os_write_all(w->files, fd, data, bytes), err);
    return status == MODELLAB_OK
               ? say_artifact(w, name, media_type, role, sha256, (int64_t)bytes, err)
               : status;
}

modellab_status mli_worker_stream_begin(mli_worker *w, const char *name, mli_worker_stream *out,
                                        modellab_error *err)
{
    *out = (mli_worker_stream){.name = name, .fd = -1};
    if (w->kind->streams == NULL || !mli_steps_contain(w->kind->streams, name)) {
        return mli_fail(err, MODELLAB_E_INTERNAL, "the artifact %s is not declared as a stream",
                        name);
    }
    return take_file(w, name, &out->fd, err);
}

modellab_status mli_worker_stream_write(const mli_worker *w, mli_worker_stream *stream,
                                        const void *data, size_t bytes, modellab_error *err)
{
    int rc = mli_os_write_all(w->files, stream->fd, data, bytes);
    stream->bytes += rc == 0 ? (int64_t)bytes : 0;
    return rc == 0 ? MODELLAB_OK
                   : mli_fail_os(err, -rc, "the artifact %s could not be stored", stream->name);
}

/* sha256 of all that was written. */
MODELLAB_MUST_CHECK static modellab_status hash_stream(mli_worker *w, const mli_worker_stream *s,
                                                       char sha256[65], modellab_error *err)
{
    mli_sha256 hash;
    modellab_status status = MODELLAB_OK;
    char *block = mli_alloc(w->alloc, BLOCK_BYTES);
    if (block == NULL) {
        return mli_no_memory(err);
    }
    mli_sha256_init(&hash);
    for (int64_t at = 0; status == MODELLAB_OK && at < s->bytes;) {
        int64_t got = w->files->pread(w->files->user, s->fd, block, BLOCK_BYTES, at);
        if (got <= 0) {
            status = mli_fail_os(err, got < 0 ? (int)-got : EIO,
                                 "the artifact %s could not be read again", s->name);
        } else if (mli_cancelled(&w->page->stop)) {
            status = mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
        } else {
            mli_sha256_update(&hash, block, (size_t)got);
            at += got;
        }
    }
    mli_free(w->alloc, block);
    mli_sha256_hex(&hash, sha256);
    return status;
}

modellab_status mli_worker_stream_end(mli_worker *w, mli_worker_stream *stream, const void *head,
                                      size_t head_bytes, const char *media_type, const char *role,
                                      modellab_error *err)
{
    char sha256[65];
    for (size_t at = 0; at < head_bytes;) {
        int64_t n = w->files->pwrite(w->files->user, stream->fd, (const char *)head + at,
                                     head_bytes - at, (int64_t)at);
        if (n <= 0) {
            return mli_fail_os(err, n < 0 ? (int)-n : EIO, "the artifact %s could not be stored",
                               stream->name);
        }
        at += (size_t)n;
    }
    modellab_status status = hash_stream(w, stream, sha256, err);
    if (status == MODELLAB_OK) {
        status = finish_file(w, stream->name, stream->fd, 0, err);
    }
    return status == MODELLAB_OK
               ? say_artifact(w, stream->name, media_type, role, sha256, stream->bytes, err)
               : status;
}

/* Returns 0 or -errno. */
static int copy_bytes(const mli_os_files *f, int from, int to, char *block, int64_t *bytes,
                      char sha256[65])
{
    mli_sha256 hash;
    int rc = 0;
    mli_sha256_init(&hash);
    for (*bytes = 0; rc == 0;) {
        int64_t got = f->pread(f->user, from, block, BLOCK_BYTES, *bytes);
        if (got <= 0) {
            rc = (int)got;
            break;
        }
        mli_sha256_update(&hash, block, (size_t)got);
        rc = mli_os_write_all(f, to, block, (size_t)got);
        *bytes += got;
    }
    mli_sha256_hex(&hash, sha256);
    return rc;
}

modellab_status mli_worker_artifact_copy(mli_worker *w, const char *name, const char *media_type,
                                         const char *role, const char *sha256, modellab_error *err)
{
    char found[65];
    int64_t bytes = 0;
    int fd = -1;
    char *block = mli_alloc(w->alloc, BLOCK_BYTES);
    modellab_status status = block != NULL ? take_file(w, name, &fd, err) : mli_no_memory(err);
    if (status == MODELLAB_OK) {
        int rc = copy_bytes(w->files, mli_worker_offer(w, name), fd, block, &bytes, found);
        status = finish_file(w, name, fd, rc, err);
    }
    mli_free(w->alloc, block);
    if (status == MODELLAB_OK && strcmp(found, sha256) != 0) {
        status = mli_fail(err, MODELLAB_E_HASH_MISMATCH,
                          "what is offered of the artifact %s has changed", name);
    }
    return status == MODELLAB_OK ? say_artifact(w, name, media_type, role, sha256, bytes, err)
                                 : status;
}
