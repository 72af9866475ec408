/* Starting and ending worker processes. Only the process that was started here is ever waited for.
 */
#include "lab/worker_process.h"

#include "base/error.h"
#include "log/logger.h"
#include "os/locale.h"
#include "os/thread.h"
#include <errno.h>
#include <string.h>

#define UNHEARD_MOST                                                                               \
    20 /* failures in a row: from then on the end of the process tells the rest                    \
        */
#define SIGNAL_KILL 9
#define SIGNAL_TERM 15

/* The worker's whole environment: one BLAS thread, and what changes how it computes or is tested.
 */
static const char *const passed_on[] = {
    "MODEL_LAB_ISA", "MODEL_LAB_TESTING", "MODEL_LAB_FAIL_STEP", "LD_LIBRARY_PATH",
    "ASAN_OPTIONS",  "UBSAN_OPTIONS",     "LSAN_OPTIONS",        "TSAN_OPTIONS",
    "LD_PRELOAD",    "LLVM_PROFILE_FILE"};

enum { ENV_MOST = sizeof(passed_on) / sizeof(passed_on[0]) + 2 };

void mli_worker_process_init(mli_worker_process *p, const mli_lab_tables *os)
{
    memset(p, 0, sizeof(*p));
    p->os = os;
    p->pidfd = -1;
    p->channel = -1;
    p->cpu_ns = -1;
    p->first_own_bytes = -1;
}

MODELLAB_MUST_CHECK static modellab_status
fill_environment(mli_buf *text, const char *env[ENV_MOST], modellab_error *err)
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

MODELLAB_MUST_CHECK static modellab_status spawn(mli_worker_process *p, const mli_os_spawn *what,
                                                 modellab_error *err)
{
    const mli_os_processes *ops = p->os->processes;
    int rc = ops->spawn(ops->user, what, &p->pid);
    if (rc == 0) {
        p->is_child = true;
        p->pidfd = ops->pidfd(ops->user, p->pid); /* none: looked at by pid */
        return MODELLAB_OK;
    }
    p->pid = 0;
    modellab_status status = mli_fail_os(err, -rc, "the worker program could not be started");
    return status == MODELLAB_E_NO_MEMORY ? status : MODELLAB_E_WORKER_START;
}

modellab_status mli_worker_process_run(mli_worker_process *p, const mli_lab *lab,
                                       const char *program, const char *const *argv,
                                       const mli_os_fd_map *fds, size_t fd_count,
                                       modellab_error *err)
{
    const char *env[ENV_MOST];
    mli_buf text;
    mli_worker_process_init(p, &lab->os);
    mli_buf_init(&text, lab->alloc);
    modellab_status status = fill_environment(&text, env, err);
    if (status == MODELLAB_OK) {
        mli_os_spawn what = {
            .program = program, .argv = argv, .envp = env, .fds = fds, .fd_count = fd_count};
        status = spawn(p, &what, err);
    }
    mli_buf_dispose(&text);
    return status;
}

modellab_status mli_worker_process_start(mli_worker_process *p, const mli_lab *lab,
                                         const char *program, modellab_error *err)
{
    const mli_os_channels *channels = lab->os.channels;
    int pair[2] = {-1, -1};
    char host[24];
    const char *argv[] = {"modellab-worker", "serve", host, NULL};
    mli_worker_process_init(p, &lab->os);
    (void)mli_os_format(host, sizeof(host), "%lld", (long long)mli_os_pid()); /* always fits */
    int rc = channels->pair(channels->user, pair);
    if (rc != 0) {
        return mli_fail_os(err, -rc, "a worker's socket cannot be made");
    }
    const mli_os_fd_map fds[] = {{pair[1], MLI_WORKER_CHANNEL_FD}};
    modellab_status status = mli_worker_process_run(p, lab, program, argv, fds, 1, err);
    channels->close(channels->user, pair[1]);
    if (status == MODELLAB_OK) {
        p->channel = pair[0];
    } else {
        channels->close(channels->user, pair[0]);
    }
    return status;
}

modellab_status mli_worker_process_order(mli_worker_process *p, int64_t fence, const mli_buf *text,
                                         int file, const int fds[MLI_ORDER_FDS],
                                         modellab_error *err)
{
    bool first = p->runs == 0;
    p->answered = p->asked = false;
    p->cpu_ns = -1;
    p->fence = fence;
    modellab_status status =
        mli_channel_send_order(p->os->channels, p->channel, text, file, fds, err);
    if (status == MODELLAB_E_WORKER_START && first) {
        mli_error_clear(err);
        status = MODELLAB_OK;
    }
    if (status == MODELLAB_OK) {
        p->runs++;
    }
    return status;
}

static void watch_one(const mli_worker_process *p, const mli_lab *lab, int fd)
{
    const mli_os_pollers *pollers = p->os->pollers;
    int rc = fd < 0 ? 0 : pollers->add(pollers->user, p->poller, fd);
    if (rc != 0) {
        mli_log(lab->logger, MODELLAB_LOG_WARN, "supervisor.not_polled",
                "what a worker does will be seen at the next look",
                MLI_LOG_FIELDS(mli_log_int("os_error", -rc)));
    }
}

void mli_worker_process_watch(mli_worker_process *p, const mli_lab *lab, mli_os_poller *poller)
{
    p->poller = poller;
    watch_one(p, lab, p->pidfd);
    watch_one(p, lab, p->channel);
}

/* A descriptor that a forked child of the host also has would stay with the poller after it was
 * closed here. */
static void unwatch(const mli_worker_process *p, int fd)
{
    if (p->poller != NULL && fd >= 0) {
        /* One that could not be added is not there: nothing to tell. */
        (void)p->os->pollers->remove(p->os->pollers->user, p->poller, fd);
    }
}

void mli_worker_process_unwatch(mli_worker_process *p)
{
    unwatch(p, p->pidfd);
    unwatch(p, p->channel);
}

static void close_channel(mli_worker_process *p)
{
    unwatch(p, p->channel);
    p->os->channels->close(p->os->channels->user, p->channel);
    p->channel = -1;
}

static void close_pidfd(mli_worker_process *p)
{
    unwatch(p, p->pidfd);
    mli_os_fd_close(p->pidfd);
    p->pidfd = -1;
}

void mli_worker_process_leave(mli_worker_process *p)
{
    if (p->channel >= 0) {
        mli_channel_send_leave(p->os->channels, p->channel);
        close_channel(p);
    }
}

void mli_worker_process_forget(mli_worker_process *p)
{
    p->group = (mli_os_cgroup){.groups = NULL}; /* it goes on in it */
    close_channel(p);
    close_pidfd(p);
    p->pid = 0;
}

modellab_status mli_worker_process_adopt(mli_worker_process *p, const mli_lab *lab,
                                         const mli_os_identity *identity, modellab_error *err)
{
    mli_os_identity now;
    mli_worker_process_init(p, &lab->os);
    const mli_os_processes *ops = p->os->processes;
    int fd = ops->pidfd(ops->user, identity->pid);
    if (fd == -ESRCH) {
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "the worker is gone");
    }
    /* The descriptor names one process; comparing after it was opened leaves no gap. */
    int rc = ops->identity(ops->user, identity->pid, &now);
    if (rc != 0 || !mli_os_identity_equal(identity, &now)) {
        mli_os_fd_close(fd);
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "the worker's pid belongs to another process");
    }
    p->pid = identity->pid;
    p->pidfd = fd;
    p->noted = *identity;
    return MODELLAB_OK;
}

static void note_exit(mli_worker_process *p, const mli_os_exit *how)
{
    p->ended = true;
    p->end = how->signaled ? MLI_WORKER_SIGNALED : MLI_WORKER_EXITED;
    p->code = how->code;
}

/* Whether the number of a worker that has no pidfd still is its own. */
static bool has_its_pid(const mli_worker_process *p)
{
    const mli_os_processes *ops = p->os->processes;
    mli_os_identity now;
    if (p->noted.pid == 0) { /* was started here: only its number is known */
        return ops->kill(ops->user, p->pid, 0) != -ESRCH;
    }
    return ops->identity(ops->user, p->pid, &now) == 0 && mli_os_identity_equal(&p->noted, &now);
}

/* A child whose status was thrown away (a host that ignores SIGCHLD), or one that is no child. */
static void look_from_outside(mli_worker_process *p)
{
    const mli_os_processes *ops = p->os->processes;
    mli_os_exit how;
    if (p->pidfd < 0) {
        /* Without a pidfd only the pid is left; its lock, which the caller also looks at, is the
         * truth. */
        p->ended = !has_its_pid(p);
        return;
    }
    mli_os_poll_item item = {.fd = p->pidfd, .want_read = true};
    if (ops->poll(ops->user, &item, 1, 0) <= 0 || !item.can_read) {
        return;
    }
    if (ops->pidfd_exit(ops->user, p->pidfd, &how) == 0) {
        note_exit(p, &how);
    } else {
        p->ended = true;
        p->end = MLI_WORKER_UNKNOWN;
    }
}

/* Whether there is something to deal with. */
static bool hear(mli_worker_process *p, mli_heard *heard, mli_worker_answer *answer,
                 mli_program_ask *ask)
{
    int error = 0;
    *heard = mli_channel_take(p->os->channels, p->channel, answer, ask, &error);
    if (*heard != MLI_HEARD_FAILED) {
        p->unheard = 0;
        return true;
    }
    p->unheard_error = error;
    if (++p->unheard < UNHEARD_MOST) {
        return false; /* at the next look again */
    }
    *heard = MLI_HEARD_END;
    return true;
}

static void look_for_answer(mli_worker_process *p)
{
    mli_worker_answer answer;
    if (p->channel < 0) {
        return;
    }
    mli_program_ask ask;
    mli_heard heard = MLI_HEARD_NOTHING;
    if (!hear(p, &heard, &answer, &ask)) {
        return;
    }
    if (heard == MLI_HEARD_END) {
        close_channel(p); /* it would stay readable: the process's end tells the rest */
    }
    if (p->answered) {
        p->out_of_turn = p->out_of_turn || heard != MLI_HEARD_NOTHING;
        return;
    }
    if (heard == MLI_HEARD_ASK && ask.fence == p->fence) {
        p->asked = true; /* the last one: it asks for one at a time */
        p->ask = ask;
    }
    if (heard != MLI_HEARD_ANSWER || answer.fence != p->fence) {
        return;
    }
    p->answered = true;
    p->answer = answer;
    if (answer.cpu_ns >= p->cpu_before_ns) {
        p->cpu_ns = answer.cpu_ns - p->cpu_before_ns;
        p->cpu_before_ns = answer.cpu_ns;
    }
    if (p->runs == 1) {
        p->first_own_bytes = answer.own_bytes;
    }
}

void mli_worker_process_tell_unheard(mli_worker_process *p, modellab_logger *log)
{
    if (p->unheard_error != 0) {
        mli_log(log, MODELLAB_LOG_WARN, "worker.not_heard",
                "what a worker said could not be received; it is tried again",
                MLI_LOG_FIELDS(mli_log_int("worker_pid", p->pid),
                               mli_log_int("os_error", p->unheard_error),
                               mli_log_int("tries", p->unheard)));
        p->unheard_error = 0;
    }
}

void mli_worker_process_look(mli_worker_process *p)
{
    const mli_os_processes *ops = p->os->processes;
    mli_os_exit how;
    if (p->ended || p->pid == 0) {
        return;
    }
    look_for_answer(p);
    if (p->is_child) {
        int rc = ops->peek(ops->user, p->pid, &how);
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

/* -ESRCH: they are gone meanwhile, which is what was wanted. */
static void say_signal(int rc, const mli_worker_process *p, bool kill, modellab_logger *log)
{
    if (rc != 0 && rc != -ESRCH) {
        mli_log(log, MODELLAB_LOG_ERROR, "worker.not_signalled", kill ? "SIGKILL" : "SIGTERM",
                MLI_LOG_FIELDS(mli_log_int("worker_pid", p->pid), mli_log_int("os_error", -rc)));
    }
}

void mli_worker_process_signal(mli_worker_process *p, bool kill, modellab_logger *log)
{
    const mli_os_processes *ops = p->os->processes;
    int number = kill ? SIGNAL_KILL : SIGNAL_TERM;
    int rc = 0;
    if (p->pid == 0 || (p->ended && !p->is_child)) {
        return; /* its pid, and so its group, may be somebody else's by now */
    }
    if (p->pidfd >= 0) {
        rc = ops->signal(ops->user, p->pidfd, number);
        say_signal(rc, p, kill, log);
    } else if (!p->is_child && !has_its_pid(p)) {
        rc = -ESRCH;
    }
    /* The zombie of a child keeps its number until it is reaped here; of one that somebody else
     * reaps the number is free. */
    if (kill && p->group.groups != NULL) { /* also who left the process group */
        int killed = mli_os_cgroup_kill(&p->group);
        say_signal(killed == -ENOSYS ? 0 : killed, p, kill, log);
    }
    if (rc != -ESRCH) {
        say_signal(ops->kill_group(ops->user, p->pid, number), p, kill, log);
    }
}

void mli_worker_process_finish(mli_worker_process *p, modellab_logger *log)
{
    const mli_os_processes *ops = p->os->processes;
    mli_os_exit how;
    if (p->pid != 0 && p->ended && p->is_child) {
        /* While the leader is a zombie its number cannot be given to anybody else. */
        (void)ops->kill_group(ops->user, p->pid, SIGNAL_KILL);
        if (ops->reap(ops->user, p->pid, false, &how) == 0 && how.cpu_user_ns >= 0 &&
            !p->answered) {
            int64_t all = how.cpu_user_ns + how.cpu_system_ns;
            p->cpu_ns = all > p->cpu_before_ns ? all - p->cpu_before_ns : 0;
        }
        p->is_child = false;
    }
    if (p->pid != 0 && p->ended) {
        mli_worker_group_leave(&p->group, p->groups, log);
    }
    mli_worker_process_forget(p);
}
