/* Starting the process that packs a model, and taking its work over. */
#include "lab/image_builder.h"

#include "base/error.h"
#include "base/str.h"
#include "log/logger.h"
#include "os/locale.h"
#include "os/thread.h"
#include "speech/voice_image.h"
#include <string.h>

#define NS_PER_SECOND ((int64_t)1000000000)
#define MOST_NS (600 * NS_PER_SECOND)
#define AGAIN_NS (60 * NS_PER_SECOND)
#define LOOK_NS (NS_PER_SECOND / 5)  /* where its end wakes nobody */
#define LEAVE_NS (2 * NS_PER_SECOND) /* to get ready when its supervisor leaves */
#define NAP_NS (NS_PER_SECOND / 200)

void mli_image_builder_init(mli_image_builder *b, const mli_lab *lab)
{
    memset(b, 0, sizeof(*b));
    b->lab = lab;
    b->draft.lock = b->draft.fd = -1;
    mli_worker_process_init(&b->process, &lab->os);
}

static void say_failure(mli_image_builder *b, modellab_status status, const modellab_error *err,
                        int64_t now_ns)
{
    b->again_ns = now_ns + AGAIN_NS;
    mli_log_error(b->lab->logger, MODELLAB_LOG_WARN, "model.image_not_made",
                  "workers pack the model in their own memory", status, err);
}

MODELLAB_MUST_CHECK static modellab_status
start(mli_image_builder *b, const mli_asr_open_options *options, modellab_error *err)
{
    const char *weights = options->weights == MLI_ASR_WEIGHTS_F32 ? "f32" : "f16";
    char host[24];
    const char *argv[] = {
        "modellab-worker", "pack", b->lab->models_root, b->model, weights, host, NULL};
    const mli_os_fd_map fds[] = {{b->draft.fd, MLI_WORKER_CHANNEL_FD}};
    (void)mli_os_format(host, sizeof(host), "%lld", (long long)mli_os_pid()); /* always fits */
    modellab_status status =
        mli_worker_process_run(&b->process, b->lab, b->program, argv, fds, 1, err);
    if (status == MODELLAB_OK) {
        mli_worker_process_watch(&b->process, b->lab, b->poller);
    }
    return status;
}

void mli_image_builder_start(mli_image_builder *b, const char *model, mli_model_files *files,
                             const mli_asr_open_options *options, int64_t now_ns)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    if (b->program == NULL || b->process.pid != 0 || now_ns < b->again_ns) {
        return;
    }
    modellab_status status = files->voice
                                 ? mli_voice_image_begin(files, options->alloc,
                                                         options->cache_directory, &b->draft, &err)
                                 : mli_asr_model_begin_image(files, options, &b->draft, &err);
    if (status == MODELLAB_E_BUSY || status == MODELLAB_E_NOT_FOUND) {
        return; /* somebody makes it; or it is of no kind that is kept */
    }
    (void)mli_str_copy(b->model, sizeof(b->model), model); /* a valid name fits */
    if (status == MODELLAB_OK) {
        status = start(b, options, &err);
    }
    if (status != MODELLAB_OK) {
        mli_image_draft_drop(&b->draft);
        say_failure(b, status, &err, now_ns);
        return;
    }
    b->started_ns = now_ns;
    b->killed = false;
    mli_log(b->lab->logger, MODELLAB_LOG_INFO, "model.image_begun", b->model,
            MLI_LOG_FIELDS(mli_log_int("worker_pid", b->process.pid)));
}

/* What it wrote counts only when it says that it is done, and when nobody of its group is left who
 * could write on. */
MODELLAB_MUST_CHECK static modellab_status take_over(mli_image_builder *b, modellab_error *err)
{
    mli_worker_process *p = &b->process;
    mli_worker_process_finish(p, b->lab->logger);
    if (p->end == MLI_WORKER_EXITED && p->code == MLI_WORKER_EXIT_OK) {
        return mli_image_draft_publish(&b->draft, err);
    }
    const char *how = p->end == MLI_WORKER_SIGNALED ? "signal" : "exit code";
    return mli_fail_at(err, MODELLAB_E_IO, p->code, "packing ended with %s %d", how, (int)p->code);
}

void mli_image_builder_look(mli_image_builder *b, int64_t now_ns, int64_t *next_ns)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    if (b->process.pid == 0) {
        return;
    }
    mli_worker_process_look(&b->process);
    if (!b->process.ended) {
        if (!b->killed && now_ns - b->started_ns > MOST_NS) {
            mli_worker_process_signal(&b->process, true, b->lab->logger);
            b->killed = true;
        }
        int64_t due = now_ns + LOOK_NS;
        *next_ns = due < *next_ns ? due : *next_ns;
        return;
    }
    modellab_status status = take_over(b, &err);
    mli_image_draft_drop(&b->draft);
    if (status != MODELLAB_OK) {
        say_failure(b, status, &err, now_ns);
        return;
    }
    mli_log(b->lab->logger, MODELLAB_LOG_INFO, "model.image_made", b->model,
            MLI_LOG_FIELDS(mli_log_int("milliseconds", (now_ns - b->started_ns) / 1000000)));
}

void mli_image_builder_close(mli_image_builder *b, bool forked)
{
    if (b->lab == NULL) {
        return; /* was never opened */
    }
    if (forked) {
        b->process.poller = NULL; /* the kernel's poller is the parent's too */
        mli_worker_process_forget(&b->process);
        return; /* the draft is the parent's as well */
    }
    /* A program that does one run and leaves would never get its image otherwise. */
    const mli_os_clock *clock = b->lab->os.clock;
    int64_t now = clock->monotonic_ns(clock->user);
    int64_t next = 0;
    const int64_t leave = now + LEAVE_NS;
    while (b->process.pid != 0 && now < leave + LEAVE_NS) {
        if (now >= leave && !b->killed) {
            mli_worker_process_signal(&b->process, true, b->lab->logger);
            b->killed = true;
        }
        mli_image_builder_look(b, now, &next);
        if (b->process.pid != 0) {
            (void)clock->sleep_ns(clock->user, NAP_NS); /* woken early is fine */
        }
        now = clock->monotonic_ns(clock->user);
    }
    mli_worker_process_forget(&b->process); /* one that the kernel holds is left alone */
    mli_image_draft_drop(&b->draft);
}
