/* Programs that a run's step asks for: started here with the fixed command line that the step
 * declared, watched, counted to the run, ended with it. */
#include "lab/job_private.h"

#include "base/alloc.h"
#include "base/config.h"
#include "base/error.h"
#include "log/logger.h"
#include "os/locale.h"
#include <string.h>

#define NS_PER_MS ((int64_t)1000000)
#define LOOK_NS (5 * NS_PER_MS) /* where its end wakes nobody */
#define END_LOOKS 200
#define ARGS_MOST 16

static bool is_stopping(const mli_job *job)
{
    return job->ladder.rung != MLI_LADDER_IDLE || job->draining ||
           mli_page_stop_reason(&job->page.seen) != MODELLAB_REASON_NONE;
}

/* "exec MEMORY CPU_SECONDS PATH ARGS...": the worker program limits and confines itself, then
 * becomes the program. */
MODELLAB_MUST_CHECK static modellab_status spawn(mli_job *job, const mli_program_rule *rule,
                                                 const char *path, const int ends[2],
                                                 modellab_error *err)
{
    char memory[24], seconds[24];
    const char *argv[ARGS_MOST] = {"modellab-worker", "exec", memory, seconds, path};
    size_t count = 5;
    (void)mli_os_format(memory, sizeof(memory), "%lld", (long long)rule->memory_bytes);
    (void)mli_os_format(seconds, sizeof(seconds), "%lld", (long long)rule->limit_ms / 1000 + 1);
    for (size_t i = 0; rule->args[i] != NULL; i++) {
        bool is_place = strcmp(rule->args[i], "%") == 0;
        argv[count++] = is_place ? job->process.ask.word : rule->args[i];
    }
    const mli_os_fd_map fds[] = {{ends[0], 0}, {ends[1], 1}};
    return mli_worker_process_run(&job->program.process, job->host->lab, job->host->pool->program,
                                  argv, fds, 2, err);
}

/* Both ends of both pipes; on success the worker's two are `mine`. */
MODELLAB_MUST_CHECK static modellab_status start(mli_job *job, const mli_program_rule *rule,
                                                 int mine[2], modellab_error *err)
{
    int in[2] = {-1, -1}, out[2] = {-1, -1};
    char *path = NULL;
    modellab_status status =
        mli_config_get(job->host->lab->alloc, rule->variable, &path, NULL, err);
    if (status == MODELLAB_OK && (path == NULL || path[0] != '/')) {
        status = mli_fail(err, MODELLAB_E_NOT_FOUND, "%s names no program", rule->variable);
    }
    int rc = status == MODELLAB_OK ? mli_os_pipe(in) : 0;
    rc = status == MODELLAB_OK && rc == 0 ? mli_os_pipe(out) : rc;
    if (rc != 0) {
        status = mli_fail_os(err, -rc, "a program's pipes could not be made");
    }
    if (status == MODELLAB_OK) {
        const int ends[2] = {in[0], out[1]};
        status = spawn(job, rule, path, ends, err);
    }
    mli_free(job->host->lab->alloc, path);
    mli_os_fd_close(in[0]);
    mli_os_fd_close(out[1]);
    if (status != MODELLAB_OK) {
        mli_os_fd_close(in[1]);
        mli_os_fd_close(out[0]);
        return status;
    }
    mine[0] = in[1];
    mine[1] = out[0];
    rc = mli_os_fd_nonblocking(mine[0]);
    rc = rc == 0 ? mli_os_fd_nonblocking(mine[1]) : rc;
    if (rc != 0) { /* the program ends by itself: its input is closed */
        mli_os_fd_close(mine[0]);
        mli_os_fd_close(mine[1]);
        mine[0] = mine[1] = -1;
    }
    return rc == 0 ? MODELLAB_OK : mli_fail_os(err, -rc, "a program's pipes could not be set up");
}

static void keep_with_run(mli_job *job, const mli_program_rule *rule, int64_t now_ns)
{
    mli_worker_process *p = &job->program.process;
    job->program.deadline_ns = now_ns + rule->limit_ms * NS_PER_MS;
    job->program.late = false;
    if (job->process.group.groups != NULL) {
        int rc = mli_os_cgroup_add(&job->process.group, p->pid);
        (void)rc; /* it has ended already, or is ended by its process group alone */
    }
    mli_worker_process_watch(p, job->host->lab, job->process.poller);
    mli_log(job->log, MODELLAB_LOG_INFO, "program.started", rule->name,
            MLI_LOG_FIELDS(mli_log_int("program_pid", p->pid)));
}

static void answer(mli_job *job, int64_t now_ns)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    const mli_program_rule *rule = NULL;
    const mli_program_view run = {.steps = job->row->steps,
                                  .stopping = is_stopping(job),
                                  .busy = job->program.process.pid != 0};
    int mine[2] = {-1, -1};
    const char *refusal = mli_program_refusal(&run, &job->process.ask, &rule);
    modellab_status status = refusal != NULL ? mli_fail(&err, MODELLAB_E_PERMISSION, "%s", refusal)
                                             : start(job, rule, mine, &err);
    if (status == MODELLAB_OK) {
        keep_with_run(job, rule, now_ns);
    } else {
        mli_log_error(job->log, MODELLAB_LOG_WARN, "program.refused", job->process.ask.program,
                      status, &err);
    }
    mli_channel_send_program(job->host->lab->os.channels, job->process.channel,
                             status == MODELLAB_OK ? "" : err.message, mine);
    mli_os_fd_close(mine[0]);
    mli_os_fd_close(mine[1]);
}

static void note_end(mli_job *job)
{
    mli_worker_process *p = &job->program.process;
    mli_program_end end = {
        .signaled = p->end != MLI_WORKER_EXITED, .code = p->code, .late = job->program.late};
    int64_t pid = p->pid;
    p->groups = NULL; /* the group is the worker's */
    p->group.groups = NULL;
    mli_worker_process_finish(p, job->log);
    job->program.cpu_ns += p->cpu_ns > 0 ? p->cpu_ns : 0;
    mli_log(job->log, MODELLAB_LOG_INFO, "program.ended", "",
            MLI_LOG_FIELDS(mli_log_int("program_pid", pid), mli_log_int("code", end.code),
                           mli_log_bool("signaled", end.signaled), mli_log_bool("late", end.late)));
    mli_channel_send_program_end(job->host->lab->os.channels, job->process.channel, &end);
}

void mli_job_look_at_program(mli_job *job, int64_t now_ns, int64_t *next_ns)
{
    mli_worker_process *p = &job->program.process;
    if (job->process.asked) {
        job->process.asked = false;
        answer(job, now_ns);
    }
    if (p->pid == 0) {
        return;
    }
    mli_worker_process_look(p);
    if (p->ended) {
        note_end(job);
        return;
    }
    bool late = now_ns >= job->program.deadline_ns;
    if (late || is_stopping(job)) {
        job->program.late = job->program.late || late;
        mli_worker_process_signal(p, true, job->log);
    }
    int64_t due = now_ns + LOOK_NS;
    *next_ns = due < *next_ns ? due : *next_ns;
}

void mli_job_end_program(mli_job *job)
{
    const mli_os_clock *clock = job->host->lab->os.clock;
    mli_worker_process *p = &job->program.process;
    for (int i = 0; i < END_LOOKS && p->pid != 0; i++) {
        mli_worker_process_look(p);
        if (p->ended) {
            note_end(job);
            return;
        }
        mli_worker_process_signal(p, true, job->log);
        (void)clock->sleep_ns(clock->user, NS_PER_MS); /* woken early is fine */
    }
    mli_worker_process_forget(p); /* the kernel holds it */
}
