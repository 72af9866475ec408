/* A worker as its supervisor sees it: starting the process with its descriptors, telling whether it
 * lives, stopping its group, and learning how it ended. */
#ifndef MLI_LAB_WORKER_PROCESS_H
#define MLI_LAB_WORKER_PROCESS_H

#include "lab/lab.h"
#include "lab/page.h"
#include "lab/settle.h"
#include "os/process.h"

typedef struct mli_worker_process {
    const mli_os_processes *ops;
    int64_t pid;   /* 0 = none */
    int pidfd;     /* -1 = the kernel has none: asked by pid */
    bool is_child; /* started here; an adopted one is not */
    bool ended;
    mli_worker_end end;
    int32_t code;   /* exit code or signal number */
    int64_t cpu_ns; /* by rusage; -1 = not known */
} mli_worker_process;

/* What a worker gets. Descriptors are the caller's and stay open here. -1 = none (input). */
typedef struct mli_worker_start {
    const char *program;
    const char *run_id;
    int order_fd, lock_fd, journal_fd, page_fd, artifacts_fd, log_fd, input_fd;
} mli_worker_start;

MODELLAB_MUST_CHECK modellab_status mli_worker_process_start(mli_worker_process *p,
                                                             const mli_lab *lab,
                                                             const mli_worker_start *what,
                                                             modellab_error *err);
/* Takes over a worker that another supervisor started. E_NOT_FOUND: it is gone, or its pid is
 * somebody else's now. */
MODELLAB_MUST_CHECK modellab_status mli_worker_process_adopt(mli_worker_process *p,
                                                             const mli_lab *lab,
                                                             const mli_os_identity *identity,
                                                             modellab_error *err);
/* Looks whether it has ended (then `ended`, `end` and `code` are set). The zombie of a child stays:
 * its group can still be killed. */
void mli_worker_process_look(mli_worker_process *p);
/* SIGTERM or SIGKILL to the worker and all of its group that are still there. */
void mli_worker_process_signal(mli_worker_process *p, bool kill);
/* After `ended`: kills what is left of the group, then reaps. Safe to call twice. */
void mli_worker_process_finish(mli_worker_process *p);
void mli_worker_process_init(mli_worker_process *p, const mli_os_processes *ops);

#endif
