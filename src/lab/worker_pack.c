/* Packing a model in a process of its own: it reads foreign files, so it is confined like a worker,
 * and all that it can write is one file, which its supervisor checks. */
#include "lab/worker.h"

#include "base/error.h"
#include "base/str.h"
#include "lab/settle.h"
#include "models/installed.h"
#include "os/process.h"
#include "os/thread.h"
#include "speech/asr_model.h"
#include "speech/voice_image.h"
#include <string.h>

#define MOST_CPU_SECONDS 3600
#define MOST_IMAGE_BYTES ((uint64_t)64 << 30)
#define MOST_OPEN_FILES 64
#define WATCH_STACK_BYTES ((size_t)64 * 1024)
#define SIGNAL_KILL 9
#define IMAGE_FD MLI_WORKER_CHANNEL_FD /* the only descriptor that it inherits */

MODELLAB_MUST_CHECK static modellab_status limit(modellab_error *err)
{
    static const struct {
        mli_os_limit limit;
        uint64_t most;
    } limits[] = {{MLI_OS_LIMIT_CORE_BYTES, 0},
                  {MLI_OS_LIMIT_OPEN_FILES, MOST_OPEN_FILES},
                  {MLI_OS_LIMIT_FILE_BYTES, MOST_IMAGE_BYTES},
                  {MLI_OS_LIMIT_CPU_SECONDS, MOST_CPU_SECONDS}};
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        int rc = mli_os_limit_set(limits[i].limit, limits[i].most);
        if (rc != 0) {
            return mli_fail_os(err, -rc, "resource limits could not be set");
        }
    }
    return MODELLAB_OK;
}

/* Whoever is killed cannot end what it started: this ends itself, whatever it waits for. */
static void *leave_with_host(void *arg)
{
    mli_os_poll_item host = {.fd = *(const int *)arg, .want_read = true};
    mli_os_thread_set_name("modellab-watch");
    while (mli_os_poll(&host, 1, -1) <= 0) {
    }
    const mli_os_processes *ops = &mli_os_system_processes;
    (void)ops->kill(ops->user, mli_os_pid(), SIGNAL_KILL); /* cannot fail for itself */
    return NULL;
}

/* -1 where there are no pidfds: its limit of CPU time ends it at the latest. */
MODELLAB_MUST_CHECK static modellab_status find_host(const char *host_pid, int *host_fd,
                                                     modellab_error *err)
{
    int64_t pid = 0;
    if (!mli_parse_i64(host_pid, 1, INT32_MAX, &pid)) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "not started by a supervisor");
    }
    *host_fd = mli_os_parent_pidfd();
    return mli_os_parent_pid() == pid
               ? MODELLAB_OK
               : mli_fail(err, MODELLAB_E_CANCELLED, "the supervisor is gone");
}

/* After confine(): what it gave up it gave up for threads that come later, not for earlier ones. */
MODELLAB_MUST_CHECK static modellab_status watch_host(const int *host_fd, modellab_error *err)
{
    mli_os_thread watch;
    int rc = *host_fd < 0 ? 0
                          : mli_os_thread_start(&watch, WATCH_STACK_BYTES, leave_with_host,
                                                (void *)(uintptr_t)host_fd);
    return rc == 0 ? MODELLAB_OK : mli_fail_os(err, rc, "a thread could not be started");
}

static void confine(const char *models_root)
{
    const mli_os_files *f = &mli_os_system_files;
    mli_os_sandbox_folder models = {
        f->open(f->user, models_root, MLI_OS_READ | MLI_OS_DIRECTORY, 0),
        MLI_OS_SANDBOX_READ | MLI_OS_SANDBOX_LIST};
    mli_os_sandbox what = {.folders = &models, .folder_count = 1};
    mli_os_sandbox_result reached; /* as far as the kernel can; no run's record is concerned */
    mli_os_sandbox_enter(&what, &reached);
    mli_os_fd_close(models.fd);
}

MODELLAB_MUST_CHECK static modellab_status pack(const char *models_root, const char *model,
                                                const char *weights, modellab_error *err)
{
    mli_model_files files;
    mli_model_store store = {.files = &mli_os_system_files, .root = models_root};
    mli_asr_open_options options = {.weights = strcmp(weights, "f32") == 0 ? MLI_ASR_WEIGHTS_F32
                                                                           : MLI_ASR_WEIGHTS_F16};
    modellab_status status = mli_model_store_open(&store, model, &files, err);
    if (status == MODELLAB_OK) {
        status = files.voice ? mli_voice_image_make(&files, NULL, IMAGE_FD, NULL, err)
                             : mli_asr_model_pack(&files, IMAGE_FD, &options, err);
        mli_model_files_dispose(&files);
    }
    return status;
}

int32_t mli_worker_pack(int32_t argc, const char *const *argv)
{
    static int host_fd;
    modellab_error err = MODELLAB_ERROR_INIT;
    if (argc != 6 || mli_os_fd_cloexec(IMAGE_FD, true) != 0 || limit(&err) != MODELLAB_OK ||
        find_host(argv[5], &host_fd, &err) != MODELLAB_OK) {
        return MLI_WORKER_EXIT_USAGE;
    }
    confine(argv[2]);
    if (watch_host(&host_fd, &err) != MODELLAB_OK) {
        return MLI_WORKER_EXIT_IO;
    }
    switch (pack(argv[2], argv[3], argv[4], &err)) {
    case MODELLAB_OK:
        return MLI_WORKER_EXIT_OK;
    case MODELLAB_E_NO_MEMORY:
        return MLI_WORKER_EXIT_NO_MEMORY;
    case MODELLAB_E_NO_SPACE:
        return MLI_WORKER_EXIT_NO_SPACE;
    default:
        return MLI_WORKER_EXIT_IO; /* a run with the model gets the reason */
    }
}
