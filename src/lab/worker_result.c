/* What a worker says: progress in the page and the journal, artifacts in their folder and the
 * journal. */
#include "lab/worker.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/id.h"
#include "log/logger.h"
#include "store/rundir.h"

#define SAY_NS ((int64_t)1000000000)
#define LOG_NS (10 * SAY_NS)

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

modellab_status mli_worker_artifact_line(mli_worker *w, const char *name, const char *file,
                                         const char *media_type, const char *role,
                                         const char *sha256, int64_t bytes, modellab_error *err)
{
    char id[MLI_ULID_BYTES];
    int rc = mli_ulid_new(w->clock, w->random, id);
    if (rc != 0) {
        return mli_fail_os(err, rc, "no random numbers");
    }
    mli_jw *line = mli_journal_begin(&w->journal, "artifact");
    mli_jw_kstring(line, "id", id);
    mli_jw_kstring(line, "step", w->step);
    mli_jw_kstring(line, "name", name);
    mli_jw_kstring(line, "file", file);
    mli_jw_kstring(line, "media_type", media_type);
    mli_jw_kstring(line, "role", role);
    mli_jw_kstring(line, "sha256", sha256);
    mli_jw_kint(line, "bytes", bytes);
    modellab_status status = mli_journal_end(&w->journal, true, err);
    if (status == MODELLAB_OK) {
        mli_worker_tell(w);
    }
    return status;
}

modellab_status mli_worker_artifact(mli_worker *w, const char *name, const char *media_type,
                                    const char *role, const void *data, size_t bytes,
                                    modellab_error *err)
{
    char file[96];
    char sha256[65];
    mli_sha256 hash;
    modellab_status status = mli_artifact_file(w->order.fence, name, file, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    mli_sha256_init(&hash);
    mli_sha256_update(&hash, data, bytes);
    mli_sha256_hex(&hash, sha256);
    int rc = mli_os_replace_file(&w->artifacts, file, data, bytes, MLI_FINISHED_FILE_MODE);
    if (rc != 0) {
        return mli_fail_os(err, -rc, "the artifact %s could not be stored", name);
    }
    mli_page_touch(w->page);
    return mli_worker_artifact_line(w, name, file, media_type, role, sha256, (int64_t)bytes, err);
}
