/* The worker program: takes over what it inherited, limits itself, reads its order, runs, leaves.
 */
#include "lab/worker.h"

#include "base/error.h"
#include "base/str.h"
#include "lab/settle.h"
#include "lab/worker_log.h"
#include "log/logger.h"
#include "os/process.h"
#include <errno.h>
#include <string.h>

/* No worker needs more; a decoder that writes or opens without end is stopped by the kernel. */
#define MOST_OPEN_FILES 256
#define MOST_FILE_BYTES ((uint64_t)64 << 30)

/* What was inherited must not go on to a program that a step may run; a descriptor that is missing
 * tells that nobody ordered this process. */
static modellab_status take_descriptors(modellab_error *err)
{
    static const int needed[] = {MLI_FD_ORDER, MLI_FD_LOCK,      MLI_FD_JOURNAL,
                                 MLI_FD_PAGE,  MLI_FD_ARTIFACTS, MLI_FD_LOG};
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        int rc = mli_os_fd_cloexec(needed[i], true);
        if (rc != 0) {
            return mli_fail_os(err, -rc, "descriptor %d was not inherited", needed[i]);
        }
    }
    int rc = mli_os_fd_cloexec(MLI_FD_INPUT, true);
    return rc == 0 || rc == -EBADF ? MODELLAB_OK
                                   : mli_fail_os(err, -rc, "the input's descriptor is not usable");
}

static modellab_status limit(modellab_error *err)
{
    int rc = mli_os_limit_set(MLI_OS_LIMIT_CORE_BYTES, 0);
    if (rc == 0) {
        rc = mli_os_limit_set(MLI_OS_LIMIT_OPEN_FILES, MOST_OPEN_FILES);
    }
    if (rc == 0) {
        rc = mli_os_limit_set(MLI_OS_LIMIT_FILE_BYTES, MOST_FILE_BYTES);
    }
    return rc == 0 ? MODELLAB_OK : mli_fail_os(err, -rc, "resource limits could not be set");
}

static modellab_status read_order(mli_worker *w, modellab_error *err)
{
    mli_os_stat facts;
    mli_buf text;
    int rc = w->files->fstat(w->files->user, MLI_FD_ORDER, &facts);
    if (rc != 0 || facts.bytes <= 0 || facts.bytes > (int64_t)MLI_ORDER_MAX_BYTES) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "there is no order");
    }
    mli_buf_init(&text, w->alloc);
    modellab_status status = MODELLAB_OK;
    char *to = mli_buf_extend(&text, (size_t)facts.bytes);
    if (to == NULL) {
        status = mli_no_memory(err);
    }
    for (int64_t done = 0; status == MODELLAB_OK && done < facts.bytes;) {
        int64_t n = w->files->pread(w->files->user, MLI_FD_ORDER, to + done,
                                    (size_t)(facts.bytes - done), done);
        if (n <= 0) {
            status = mli_fail_os(err, n < 0 ? (int)-n : EIO, "the order could not be read");
        }
        done += n > 0 ? n : 0;
    }
    if (status == MODELLAB_OK) {
        status = mli_order_read(text.data, text.size, &w->order, &w->order_root, err);
    }
    mli_buf_dispose(&text);
    return status;
}

static modellab_status prepare(mli_worker *w, modellab_error *err)
{
    modellab_status status = take_descriptors(err);
    if (status == MODELLAB_OK) {
        status = limit(err);
    }
    if (status == MODELLAB_OK) {
        status = read_order(w, err);
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    int rc = mli_page_map(w->files, MLI_FD_PAGE, &w->page);
    if (rc != 0) {
        return mli_fail_os(err, -rc, "the shared page could not be mapped");
    }
    mli_page_set_worker(w->page);
    mli_caps_read(mli_json_get(w->order.request, "caps"), &w->caps);
    mli_journal_writer_init(&w->journal, w->alloc, w->files, w->clock, MLI_FD_JOURNAL,
                            w->order.fence, &w->order.journal);
    return MODELLAB_OK;
}

static void dispose(mli_worker *w)
{
    mli_audio_unref(w->audio);
    mli_journal_writer_dispose(&w->journal);
    mli_worker_log_close(w);
    mli_page_unmap(w->page);
    mli_json_free(w->order_root);
}

int32_t mli_worker_main(int32_t argc, const char *const *argv)
{
    mli_worker w;
    modellab_error err = MODELLAB_ERROR_INIT;
    (void)argv; /* the arguments are for people who look at the process list */
    memset(&w, 0, sizeof(w));
    w.files = &mli_os_system_files;
    w.clock = &mli_os_system_clock;
    w.random = &mli_os_system_random;
    w.artifacts_fd = MLI_FD_ARTIFACTS;
    w.artifacts = mli_os_files_at(&w.artifacts_fd);
    w.audio_seconds = -1;
    w.step = "";
    w.stop_event = w.term_fd = w.host_fd = -1;
    if (argc < 2 || prepare(&w, &err) != MODELLAB_OK) {
        dispose(&w);
        return MLI_WORKER_EXIT_USAGE;
    }
    mli_worker_log_open(&w);
    mli_log_text(w.log, MODELLAB_LOG_INFO, "worker.started", w.order.steps);
    int32_t code = MLI_WORKER_EXIT_IO;
    modellab_status status = mli_worker_watch(&w, &err);
    if (status == MODELLAB_OK) {
        code = mli_worker_run(&w);
    } else {
        mli_log_error(w.log, MODELLAB_LOG_ERROR, "worker.not_watched", "", status, &err);
    }
    mli_worker_unwatch(&w);
    mli_log(w.log, MODELLAB_LOG_INFO, "worker.ended", "",
            MLI_LOG_FIELDS(mli_log_int("exit_code", code)));
    dispose(&w);
    return code;
}
