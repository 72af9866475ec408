/* The worker program: limits itself, then takes one order after the other, until its supervisor
 * needs it no more or a run left it in doubt. */
#include "lab/worker.h"

#include "base/error.h"
#include "base/str.h"
#include "lab/settle.h"
#include "lab/worker_log.h"
#include "log/logger.h"
#include "os/process.h"
#include <string.h>

/* No worker needs more; a decoder that writes or opens without end is stopped by the kernel. */
#define MOST_OPEN_FILES 256
#define MOST_FILE_BYTES ((uint64_t)64 << 30)

MODELLAB_MUST_CHECK static modellab_status limit(modellab_error *err)
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

/* "serve HOST_PID"; a socket that is missing tells that nobody ordered this process. */
MODELLAB_MUST_CHECK static modellab_status prepare(mli_worker_context *c, int32_t argc,
                                                   const char *const *argv, modellab_error *err)
{
    memset(c, 0, sizeof(*c));
    c->files = &mli_os_system_files;
    c->clock = &mli_os_system_clock;
    c->random = &mli_os_system_random;
    c->channels = &mli_os_system_channels;
    c->channel = c->term_fd = c->host_fd = -1;
    c->gauge.status_fd = c->gauge.clear_fd = -1;
    if (argc != 3 || strcmp(argv[1], "serve") != 0 ||
        !mli_parse_i64(argv[2], 1, INT32_MAX, &c->host_pid)) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "not started by a supervisor");
    }
    /* What was inherited must not go on to a program that a step may run. */
    int rc = mli_os_fd_cloexec(MLI_WORKER_CHANNEL_FD, true);
    if (rc != 0) {
        return mli_fail_os(err, -rc, "no socket was inherited");
    }
    c->channel = MLI_WORKER_CHANNEL_FD;
    modellab_status status = limit(err);
    return status == MODELLAB_OK ? mli_worker_context_open(c, err) : status;
}

/* Tells that the run is over; then nothing of it is open here any more. */
static void answer(mli_worker_context *c, int64_t fence, int64_t peak_bytes, bool peak_is_sampled)
{
    int64_t peak = 0;
    int64_t now = 0;
    mli_worker_answer done = {.fence = fence,
                              .peak_bytes = peak_bytes,
                              .peak_is_sampled = peak_is_sampled,
                              .own_bytes = -1,
                              .kept_models = mli_worker_models_count(&c->models)};
    if (mli_os_gauge_read(&c->gauge, &peak, &now, &done.own_bytes) != 0) {
        done.own_bytes = -1;
    }
    done.cpu_ns = c->cpu_before_ns = mli_os_process_cpu_ns();
    if (!mli_channel_send_answer(c->channels, c->channel, &done)) {
        atomic_store(&c->leaving, true);
    }
}

/* One order from its arrival to the answer. A run that could not be brought to its outcome ends the
 * process, whose exit code says why. */
static int32_t serve_one(mli_worker_context *c)
{
    mli_worker w;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = mli_worker_accept(&w, c, &err);
    if (status != MODELLAB_OK) {
        mli_worker_release(&w);
        atomic_store(&c->leaving, true);
        return status == MODELLAB_E_CANCELLED ? MLI_WORKER_EXIT_OK : MLI_WORKER_EXIT_USAGE;
    }
    mli_worker_confine(&w);
    c->runs++;
    mli_worker_log_open(&w);
    mli_log(w.log, MODELLAB_LOG_INFO, "worker.started", w.order.steps,
            MLI_LOG_FIELDS(mli_log_int("runs", c->runs)));
    int32_t code = MLI_WORKER_EXIT_IO;
    status = mli_worker_watch(&w, &err);
    if (status == MODELLAB_OK) {
        code = mli_worker_run(&w);
    } else {
        mli_log_error(w.log, MODELLAB_LOG_ERROR, "worker.not_watched", "", status, &err);
    }
    mli_worker_unwatch(&w);
    mli_log(w.log, MODELLAB_LOG_INFO, "worker.ended", "",
            MLI_LOG_FIELDS(mli_log_int("exit_code", code)));
    int64_t fence = w.order.fence;
    int64_t peak = atomic_load(&w.peak_bytes);
    bool sampled = w.peak_is_sampled;
    mli_worker_release(&w);
    if (code == MLI_WORKER_EXIT_OK) {
        answer(c, fence, peak, sampled);
    } else {
        atomic_store(&c->leaving, true);
    }
    return code;
}

int32_t mli_worker_main(int32_t argc, const char *const *argv)
{
    mli_worker_context c;
    modellab_error err = MODELLAB_ERROR_INIT;
    int32_t code = MLI_WORKER_EXIT_OK;
    if (argc > 1 && strcmp(argv[1], "exec") == 0) {
        return mli_worker_exec(argc, argv);
    }
    mli_os_block_pipe_signal();
    if (argc > 1 && strcmp(argv[1], "pack") == 0) {
        return mli_worker_pack(argc, argv);
    }
    if (prepare(&c, argc, argv, &err) != MODELLAB_OK) {
        mli_worker_context_close(&c);
        return MLI_WORKER_EXIT_USAGE;
    }
    while (!atomic_load(&c.leaving) && mli_worker_wait(&c)) {
        code = serve_one(&c);
    }
    mli_worker_context_close(&c);
    return code;
}
