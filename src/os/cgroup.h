/* Control groups for the processes of workers, where this process may make some: version 2 for
 * killing, memory and CPU time, and version 1 for memory where that has the controller. All through
 * the table of file operations, so that tests give a tree of their own. Results are 0 or a NEGATIVE
 * errno; what is missing is no error but a lower level. */
#ifndef MLI_OS_CGROUP_H
#define MLI_OS_CGROUP_H

#include "os/file.h"

#define MLI_OS_CGROUP_PATH 384
#define MLI_OS_CGROUP_PREFIX "modellab-" /* of all groups that are made here */

/* What there is, found by making a group and taking it away again. */
typedef struct mli_os_cgroups {
    const mli_os_files *files;
    char unified[MLI_OS_CGROUP_PATH]; /* folder in which groups are made; "" = none */
    char memory[MLI_OS_CGROUP_PATH];  /* of version 1; "" when version 2 counts memory */
    bool kill;                        /* all processes of a group at once */
    bool memory_limit;                /* by either version */
    bool memory_peak, cpu_time;
    char why[96]; /* what is missing, for people; "" = nothing */
} mli_os_cgroups;

/* Where to look; the system's when NULL. */
typedef struct mli_os_cgroup_sources {
    const char *mounts; /* /proc/self/mountinfo */
    const char *own;    /* /proc/self/cgroup */
} mli_os_cgroup_sources;

/* `wish`: "auto", "off", or the folder of a version 2 group that is delegated to this process. In
 * such a folder, and beside a group named "supervisor" (DelegateSubgroup= of systemd), controllers
 * are switched on for the groups made there; nowhere else is anything changed. */
void mli_os_cgroups_find(mli_os_cgroups *out, const mli_os_files *files, const char *wish,
                         const mli_os_cgroup_sources *sources);
/* "none", or words of: kill, memory, memory (version 1), cpu. */
void mli_os_cgroups_describe(const mli_os_cgroups *groups, char *out, size_t capacity);
/* Removes empty groups that an earlier process left. */
void mli_os_cgroups_sweep(const mli_os_cgroups *groups);

/* One group. */
typedef struct mli_os_cgroup {
    const mli_os_cgroups *groups; /* NULL = none */
    char name[64];
} mli_os_cgroup;

/* -1 = not known. */
typedef struct mli_os_cgroup_use {
    int64_t cpu_ns, peak_bytes, now_bytes, oom_kills;
} mli_os_cgroup_use;

MLI_OS_MUST_USE int mli_os_cgroup_make(mli_os_cgroup *out, const mli_os_cgroups *groups,
                                       const char *name);
/* The group that a process is in already, when it is one of those that are made here. */
MLI_OS_MUST_USE int mli_os_cgroup_of(mli_os_cgroup *out, const mli_os_cgroups *groups, int64_t pid);
MLI_OS_MUST_USE int mli_os_cgroup_add(const mli_os_cgroup *group, int64_t pid);
/* bytes < 0 = no limit. */
MLI_OS_MUST_USE int mli_os_cgroup_limit(const mli_os_cgroup *group, int64_t bytes);
/* Begins a new peak, where the kernel can (else peak_bytes stays that of all time): -ENOTSUP. */
MLI_OS_MUST_USE int mli_os_cgroup_reset_peak(const mli_os_cgroup *group);
mli_os_cgroup_use mli_os_cgroup_read(const mli_os_cgroup *group);
/* Processes in it, zombies not counted; -1 = not known. */
int64_t mli_os_cgroup_count(const mli_os_cgroup *group);
/* SIGKILL to all processes in it. */
MLI_OS_MUST_USE int mli_os_cgroup_kill(const mli_os_cgroup *group);
/* -EBUSY while there are processes in it. */
MLI_OS_MUST_USE int mli_os_cgroup_remove(const mli_os_cgroup *group);

#endif
