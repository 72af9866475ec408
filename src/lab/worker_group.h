/* The control group of a worker: made when the worker is started, for its life, so that all that
 * comes of it can be counted, bounded and ended together. Where there are no groups, nothing here
 * does anything. */
#ifndef MLI_LAB_WORKER_GROUP_H
#define MLI_LAB_WORKER_GROUP_H

#include "os/cgroup.h"
#include <modellab/logger.h>

struct modellab_lab;

enum { MLI_GROUPS_LEFT = 64 };

/* Of a supervisor. */
typedef struct mli_worker_groups {
    mli_os_cgroups system;
    mli_os_cgroup left[MLI_GROUPS_LEFT]; /* whose last processes are just ending */
    size_t left_count;
} mli_worker_groups;

/* Finds what there is (MODEL_LAB_CGROUPS) and says so. */
MODELLAB_MUST_CHECK modellab_status mli_worker_groups_open(mli_worker_groups *groups,
                                                           const struct modellab_lab *lab,
                                                           modellab_error *err);
/* Removes groups that have become empty. */
void mli_worker_groups_look(mli_worker_groups *groups);

/* Puts a process that was just started into a group of its own; `groups` NULL: into none. */
void mli_worker_group_enter(mli_os_cgroup *group, mli_worker_groups *groups, int64_t pid,
                            modellab_logger *log);
/* Ends all processes that are still in it and gives it up; those that had left the worker's process
 * group are said. */
void mli_worker_group_leave(mli_os_cgroup *group, mli_worker_groups *groups, modellab_logger *log);

#endif
