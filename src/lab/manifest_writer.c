/* The queue of runs whose manifests are to be written, and the threads that do it. One run is in
 * one thread's hands at a time: an older snapshot never replaces a newer one. */
#include "lab/manifest_writer.h"

#include "base/error.h"
#include "lab/run_log.h"
#include "lab/snapshot.h"
#include "log/logger.h"
#include <string.h>

static void write_now(mli_lab *lab, const char *run_id, modellab_logger *log)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = mli_manifest_refresh(lab, run_id, &err);
    if (status != MODELLAB_OK && status != MODELLAB_E_NOT_FOUND) { /* removed meanwhile */
        bool has_ids = mli_logger_run_id(log)[0] != '\0';
        modellab_logger *own = has_ids ? mli_logger_ref(log) : mli_run_log_of(lab, run_id);
        mli_log_error(own, MODELLAB_LOG_WARN, "manifest.not_written",
                      "the manifest is behind its record until the next reconcile", status, &err);
        mli_logger_unref(own);
    }
}

static bool is_in_hands(const mli_manifest_writer *w, const char *run_id)
{
    for (size_t i = 0; i < MLI_MANIFEST_THREADS; i++) {
        if (strcmp(w->working[i], run_id) == 0) {
            return true;
        }
    }
    return false;
}

static int64_t now_of(const mli_manifest_writer *w)
{
    return w->lab->os.clock->monotonic_ns(w->lab->os.clock->user);
}

/* The oldest run that is due and that no other thread has; false when there is none. `*due_ns`:
 * when the next one will be. */
static bool take(mli_manifest_writer *w, size_t slot, int64_t *due_ns)
{
    int64_t now = now_of(w);
    *due_ns = INT64_MAX;
    for (size_t i = 0; i < w->waiting_count; i++) {
        mli_manifest_wait *one = &w->waiting[i];
        if (is_in_hands(w, one->run_id)) {
            continue;
        }
        if (one->due_ns <= now || w->flushing > 0 || w->leave) {
            memcpy(w->working[slot], one->run_id, MLI_ULID_BYTES);
            w->waiting_count--;
            memmove(one, one + 1, (w->waiting_count - i) * sizeof(*one));
            w->working_count++;
            return true;
        }
        *due_ns = one->due_ns < *due_ns ? one->due_ns : *due_ns;
    }
    return false;
}

static void wait_for_work(mli_manifest_writer *w, int64_t due_ns)
{
    if (due_ns == INT64_MAX) {
        mli_os_cond_wait(&w->work, &w->mutex);
    } else {
        (void)mli_os_cond_wait_until(&w->work, &w->mutex, due_ns); /* both ends mean: look again */
    }
}

static void *run(void *arg)
{
    mli_manifest_writer *w = arg;
    mli_os_thread_set_name("modellab-files");
    mli_os_mutex_lock(&w->mutex);
    size_t slot = w->started++;
    for (;;) {
        int64_t due_ns = INT64_MAX;
        if (take(w, slot, &due_ns)) {
            mli_os_mutex_unlock(&w->mutex);
            write_now(w->lab, w->working[slot], w->lab->logger);
            mli_os_mutex_lock(&w->mutex);
            w->working[slot][0] = '\0';
            w->working_count--;
            mli_os_cond_broadcast(&w->work); /* a run may have waited for this one's end */
            mli_os_cond_broadcast(&w->rest);
        } else if (w->leave && w->waiting_count == 0) {
            break;
        } else {
            wait_for_work(w, due_ns);
        }
    }
    mli_os_mutex_unlock(&w->mutex);
    return NULL;
}

static bool open_locks(mli_manifest_writer *w)
{
    if (mli_os_mutex_init(&w->mutex) != 0) {
        return false;
    }
    if (mli_os_cond_init(&w->work) == 0) {
        if (mli_os_cond_init(&w->rest) == 0) {
            return true;
        }
        mli_os_cond_destroy(&w->work);
    }
    mli_os_mutex_destroy(&w->mutex);
    return false;
}

static void close_locks(mli_manifest_writer *w)
{
    mli_os_cond_destroy(&w->rest);
    mli_os_cond_destroy(&w->work);
    mli_os_mutex_destroy(&w->mutex);
}

void mli_manifest_writer_open(mli_manifest_writer *w, mli_lab *lab)
{
    memset(w, 0, sizeof(*w));
    w->lab = lab;
    if (lab->os.files != &mli_os_system_files || !open_locks(w)) {
        return;
    }
    while (w->thread_count < MLI_MANIFEST_THREADS &&
           mli_os_thread_start(&w->threads[w->thread_count], 0, run, w) == 0) {
        w->thread_count++;
    }
    if (w->thread_count == 0) {
        close_locks(w);
    }
}

/* The place of a run that waits already; NULL when it does not. */
static mli_manifest_wait *find(mli_manifest_writer *w, const char *run_id)
{
    for (size_t i = 0; i < w->waiting_count; i++) {
        if (strcmp(w->waiting[i].run_id, run_id) == 0) {
            return &w->waiting[i];
        }
    }
    return NULL;
}

void mli_manifest_writer_put(mli_manifest_writer *w, mli_lab *lab, const char *run_id,
                             int64_t delay_ns, modellab_logger *log)
{
    if (w == NULL || w->thread_count == 0) {
        write_now(lab, run_id, log);
        return;
    }
    mli_os_mutex_lock(&w->mutex);
    int64_t due = now_of(w) + delay_ns;
    mli_manifest_wait *one = find(w, run_id);
    while (one == NULL && w->waiting_count == MLI_MANIFEST_QUEUE) {
        w->flushing++; /* no time to wait for what may still come */
        mli_os_cond_broadcast(&w->work);
        mli_os_cond_wait(&w->rest, &w->mutex);
        w->flushing--;
    }
    if (one == NULL) {
        one = &w->waiting[w->waiting_count++];
        memcpy(one->run_id, run_id, MLI_ULID_BYTES);
        one->due_ns = due;
    }
    one->due_ns = due < one->due_ns ? due : one->due_ns;
    mli_os_cond_signal(&w->work);
    mli_os_mutex_unlock(&w->mutex);
}

void mli_manifest_writer_flush(mli_manifest_writer *w)
{
    if (w->thread_count == 0) {
        return;
    }
    mli_os_mutex_lock(&w->mutex);
    w->flushing++;
    mli_os_cond_broadcast(&w->work);
    while (w->waiting_count + w->working_count > 0) {
        mli_os_cond_wait(&w->rest, &w->mutex);
    }
    w->flushing--;
    mli_os_mutex_unlock(&w->mutex);
}

void mli_manifest_writer_close(mli_manifest_writer *w, bool forked)
{
    if (w->thread_count == 0 || forked) {
        w->thread_count = 0;
        return;
    }
    mli_os_mutex_lock(&w->mutex);
    w->leave = true;
    mli_os_cond_broadcast(&w->work);
    mli_os_mutex_unlock(&w->mutex);
    for (size_t i = 0; i < w->thread_count; i++) {
        mli_os_thread_join(w->threads[i]);
    }
    w->thread_count = 0;
    close_locks(w);
}
