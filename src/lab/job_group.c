/* A run in its worker's control group: the memory cap as a limit of the kernel, and what the kernel
 * counted. Moving a process into a group costs milliseconds (it waits for all processors), so only
 * runs get one that have use for it; a warm worker keeps its own. */
#include "lab/job_private.h"

#include "lab/sandbox_profile.h"
#include "log/logger.h"

/* A confined worker cannot leave anything behind, nor start anything. */
static bool is_of_use(const mli_job *job)
{
    return job->caps.peak_memory_bytes > 0 || job->host->lab->settings.sandbox_off ||
           mli_sandbox_profile_of(job->row->steps).programs;
}

static void limit(mli_job *job)
{
    int rc = mli_os_cgroup_limit(&job->process.group, job->caps.peak_memory_bytes);
    job->group.limited = rc == 0;
    if (rc != 0) { /* -EBUSY: the worker holds more already and cannot be made to give it back */
        mli_log(job->log, MODELLAB_LOG_INFO, "caps.memory_by_looking",
                "the kernel does not bound the run's memory: it is looked at",
                MLI_LOG_FIELDS(mli_log_int("os_error", -rc)));
    }
}

void mli_job_enter_group(mli_job *job)
{
    mli_worker_process *p = &job->process;
    if (!is_of_use(job)) {
        return;
    }
    bool is_new = p->group.groups == NULL;
    if (is_new) {
        mli_worker_group_enter(&p->group, p->groups, p->pid, job->log);
    }
    if (p->group.groups == NULL) {
        return;
    }
    job->group.fresh_peak = mli_os_cgroup_reset_peak(&p->group) == 0 || is_new;
    mli_os_cgroup_use use = mli_os_cgroup_read(&p->group);
    job->group.oom_before = use.oom_kills;
    job->group.cpu_before_ns = use.cpu_ns;
    if (job->caps.peak_memory_bytes > 0) {
        limit(job);
    }
}

void mli_job_leave_group(mli_job *job)
{
    mli_worker_process *p = &job->process;
    if (p->group.groups == NULL) {
        return;
    }
    mli_os_cgroup_use use = mli_os_cgroup_read(&p->group);
    job->group.out_of_memory = job->group.out_of_memory ||
                               (job->group.limited && !p->answered && job->group.oom_before >= 0 &&
                                use.oom_kills > job->group.oom_before);
    bool counted = use.cpu_ns >= 0 && job->group.cpu_before_ns >= 0;
    job->group.cpu_ns = counted ? use.cpu_ns - job->group.cpu_before_ns : -1;
    job->group.peak_bytes = job->group.fresh_peak ? use.peak_bytes : -1;
    if (job->group.limited && p->answered) {
        int rc = mli_os_cgroup_limit(&p->group, -1);
        job->group.limited = rc != 0;
        if (rc != 0) { /* it must not bound the next run */
            p->out_of_turn = true;
        }
    }
}
