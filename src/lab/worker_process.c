/* Starting and ending worker processes. Only the process that was started here is ever waited for.
 */
#include "lab/worker_process.h"

#include "base/error.h"
#include "lab/order.h"
#include "os/locale.h"
#include <errno.h>
#include <string.h>

#define SIGNAL_KILL 9
#define SIGNAL_TERM 15

/* The worker's whole environment: one BLAS thread, and what changes how it computes or is tested.
 */
static const char *const passed_on[] = {
    "MODEL_LAB_ISA", "MODEL_LAB_TESTING", "MODEL_LAB_FAIL_STEP", "LD_LIBRARY_PATH",
    "ASAN_OPTIONS",  "UBSAN_OPTIONS",     "LSAN_OPTIONS",        "TSAN_OPTIONS",
    "LD_PRELOAD",    "LLVM_PROFILE_FILE"};

enum { ENV_MOST = sizeof(passed_on) / sizeof(passed_on[0]) + 2 };

void mli_worker_process_init(mli_worker_process *p, const mli_os_processes *ops)
{
    memset(p, 0, sizeof(*p));
    p->ops = ops;
    p->pidfd = -1;
    p->cpu_ns = -1;
}

static modellab_status fill_environment(mli_buf *text, const char *env[ENV_MOST],
                                        modellab_error *err)
{
    size_t starts[ENV_MOST];
    size_t count = 0;
    starts[count++] = 0;
    mli_buf_append(text, "OPENBLAS_NUM_THREADS=1", sizeof("OPENBLAS_NUM_THREADS=1"));
    for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++) {
        const char *value = mli_os_env(passed_on[i]);
        if (value != NULL) {
            starts[count++] = text->size;
            mli_buf_printf(text, "%s=%s", passed_on[i], value);
            mli_buf_append_char(text, '\0');
        }
    }
    modellab_status status = mli_buf_status(text, err);
    for (size_t i = 0; status == MODELLAB_OK && i < count; i++) {
        env[i] = text->data + starts[i];
    }
    env[count] = NULL;
    return status;
}

modellab_status mli_worker_process_start(mli_worker_process *p, const mli_lab *lab,
                                         const mli_worker_start *what, modellab_error *err)
{
    const mli_os_fd_map fds[] = {
        {what->order_fd, MLI_FD_ORDER},         {what->lock_fd, MLI_FD_LOCK},
        {what->journal_fd, MLI_FD_JOURNAL},     {what->page_fd, MLI_FD_PAGE},
        {what->artifacts_fd, MLI_FD_ARTIFACTS}, {what->log_fd, MLI_FD_LOG},
        {what->input_fd, MLI_FD_INPUT}};
    const char *argv[] = {"modellab-worker", "run", what->run_id, NULL};
    const char *env[ENV_MOST];
    mli_buf text;
    mli_worker_process_init(p, lab->os.processes);
    mli_buf_init(&text, lab->alloc);
    modellab_status status = fill_environment(&text, env, err);
    if (status == MODELLAB_OK) {
        mli_os_spawn spawn = {.program = what->program,
                              .argv = argv,
                              .envp = env,
                              .fds = fds,
                              .fd_count = what->input_fd >= 0 ? MLI_FD_COUNT_ : MLI_FD_COUNT_ - 1};
        int rc = p->ops->spawn(p->ops->user, &spawn, &p->pid);
        if (rc != 0) {
            p->pid = 0;
            status = mli_fail_os(err, -rc, "the worker program could not be started");
            status = status == MODELLAB_E_NO_MEMORY ? status : MODELLAB_E_WORKER_START;
        }
    }
    mli_buf_dispose(&text);
    if (status == MODELLAB_OK) {
        p->is_child = true;
        p->pidfd = p->ops->pidfd(p->ops->user, p->pid); /* none: looked at by pid */
    }
    return status;
}

modellab_status mli_worker_process_adopt(mli_worker_process *p, const mli_lab *lab,
                                         const mli_os_identity *identity, modellab_error *err)
{
    mli_os_identity now;
    mli_worker_process_init(p, lab->os.processes);
    int fd = p->ops->pidfd(p->ops->user, identity->pid);
    if (fd == -ESRCH) {
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "the worker is gone");
    }
    /* The descriptor names one process; comparing after it was opened leaves no gap. */
    int rc = p->ops->identity(p->ops->user, identity->pid, &now);
    if (rc != 0 || !mli_os_identity_equal(identity, &now)) {
        mli_os_fd_close(fd);
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "the worker's pid belongs to another process");
    }
    p->pid = identity->pid;
    p->pidfd = fd;
    return MODELLAB_OK;
}

static void note_exit(mli_worker_process *p, const mli_os_exit *how)
{
    p->ended = true;
    p->end = how->signaled ? MLI_WORKER_SIGNALED : MLI_WORKER_EXITED;
    p->code = how->code;
}

/* A child whose status was thrown away (a host that ignores SIGCHLD), or one that is no child. */
static void look_from_outside(mli_worker_process *p)
{
    mli_os_exit how;
    if (p->pidfd < 0) {
        /* Without a pidfd only the pid is left; its lock, which the caller also looks at, is the
         * truth. */
        p->ended = p->ops->kill(p->ops->user, p->pid, 0) == -ESRCH;
        return;
    }
    mli_os_poll_item item = {.fd = p->pidfd, .want_read = true};
    if (p->ops->poll(p->ops->user, &item, 1, 0) <= 0 || !item.can_read) {
        return;
    }
    if (p->ops->pidfd_exit(p->ops->user, p->pidfd, &how) == 0) {
        note_exit(p, &how);
    } else {
        p->ended = true;
        p->end = MLI_WORKER_UNKNOWN;
    }
}

void mli_worker_process_look(mli_worker_process *p)
{
    mli_os_exit how;
    if (p->ended || p->pid == 0) {
        return;
    }
    if (p->is_child) {
        int rc = p->ops->peek(p->ops->user, p->pid, &how);
        if (rc == 0) {
            note_exit(p, &how);
            return;
        }
        if (rc == -EAGAIN) {
            return;
        }
        p->is_child = false; /* -ECHILD: somebody else took the status */
    }
    look_from_outside(p);
}

void mli_worker_process_signal(mli_worker_process *p, bool kill)
{
    int number = kill ? SIGNAL_KILL : SIGNAL_TERM;
    if (p->pid == 0 || (p->ended && !p->is_child)) {
        return; /* its pid, and so its group, may be somebody else's by now */
    }
    /* ESRCH: it is gone meanwhile, which is what was wanted. */
    if (p->pidfd >= 0) {
        (void)p->ops->signal(p->ops->user, p->pidfd, number);
    }
    (void)p->ops->kill_group(p->ops->user, p->pid, number);
}

void mli_worker_process_finish(mli_worker_process *p)
{
    mli_os_exit how;
    if (p->pid != 0 && p->ended && p->is_child) {
        /* While the leader is a zombie its number cannot be given to anybody else. */
        (void)p->ops->kill_group(p->ops->user, p->pid, SIGNAL_KILL);
        if (p->ops->reap(p->ops->user, p->pid, false, &how) == 0 && how.cpu_user_ns >= 0) {
            p->cpu_ns = how.cpu_user_ns + how.cpu_system_ns;
        }
        p->is_child = false;
    }
    mli_os_fd_close(p->pidfd);
    p->pidfd = -1;
    p->pid = 0;
}
