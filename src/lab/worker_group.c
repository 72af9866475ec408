/* Making, using and giving up the control groups of workers. */
#include "lab/worker_group.h"

#include "base/alloc.h"
#include "base/config.h"
#include "lab/lab.h"
#include "log/logger.h"
#include "os/locale.h"
#include "os/process.h"
#include "os/thread.h"
#include <errno.h>
#include <string.h>

modellab_status mli_worker_groups_open(mli_worker_groups *groups, const mli_lab *lab,
                                       modellab_error *err)
{
    char *wish = NULL, words[64];
    memset(groups, 0, sizeof(*groups));
    groups->system.files = lab->os.files;
    modellab_status status = mli_config_get(lab->alloc, "MODEL_LAB_CGROUPS", &wish, NULL, err);
    /* Simulated processes are in no group. */
    if (status != MODELLAB_OK || lab->os.processes->spawn != mli_os_system_processes.spawn) {
        mli_free(lab->alloc, wish);
        return status;
    }
    mli_os_cgroups_find(&groups->system, lab->os.files, wish != NULL ? wish : "auto", NULL);
    mli_free(lab->alloc, wish);
    mli_os_cgroups_sweep(&groups->system);
    mli_os_cgroups_describe(&groups->system, words, sizeof(words));
    mli_log(lab->logger, MODELLAB_LOG_INFO, "supervisor.control_groups", words,
            MLI_LOG_FIELDS(mli_log_string("missing", groups->system.why)));
    return status;
}

void mli_worker_groups_look(mli_worker_groups *groups)
{
    size_t kept = 0;
    for (size_t i = 0; i < groups->left_count; i++) {
        if (mli_os_cgroup_remove(&groups->left[i]) == -EBUSY) {
            groups->left[kept++] = groups->left[i];
        } /* what cannot be removed for another reason is found by the next supervisor's sweep */
    }
    groups->left_count = kept;
}

void mli_worker_group_enter(mli_os_cgroup *group, mli_worker_groups *groups, int64_t pid,
                            modellab_logger *log)
{
    char name[48];
    *group = (mli_os_cgroup){.groups = NULL};
    if (groups == NULL || (!groups->system.kill && !groups->system.memory_limit)) {
        return;
    }
    (void)mli_os_format(name, sizeof(name), "%lld-%lld", (long long)mli_os_pid(),
                        (long long)pid); /* always fits */
    int rc = mli_os_cgroup_make(group, &groups->system, name);
    if (rc == 0) {
        rc = mli_os_cgroup_add(group, pid);
    }
    if (rc != 0) {
        int removed = mli_os_cgroup_remove(group);
        (void)removed; /* the first failure is the one to tell */
        *group = (mli_os_cgroup){.groups = NULL};
    }
    if (rc != 0 && rc != -ESRCH) { /* ESRCH: it has ended already */
        mli_log(log, MODELLAB_LOG_WARN, "worker.no_group",
                "the worker is in no control group: it is bounded by looking at it",
                MLI_LOG_FIELDS(mli_log_int("worker_pid", pid), mli_log_int("os_error", -rc)));
    }
}

void mli_worker_group_leave(mli_os_cgroup *group, mli_worker_groups *groups, modellab_logger *log)
{
    if (group->groups == NULL) {
        return;
    }
    int64_t left = mli_os_cgroup_count(group);
    int rc = left != 0 ? mli_os_cgroup_kill(group) : 0;
    if (left > 0) {
        mli_log(log, MODELLAB_LOG_WARN, "worker.left_processes",
                rc == 0 ? "processes that the worker had left behind were ended"
                        : "processes that the worker had left behind still run",
                MLI_LOG_FIELDS(mli_log_int("count", left), mli_log_int("os_error", -rc)));
    }
    rc = mli_os_cgroup_remove(group);
    if (rc == -EBUSY && groups != NULL && groups->left_count < MLI_GROUPS_LEFT) {
        groups->left[groups->left_count++] = *group;
    }
    *group = (mli_os_cgroup){.groups = NULL};
}
