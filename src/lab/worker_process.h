/* A worker as its supervisor sees it: starting the process, giving it orders, telling whether it
 * lives, stopping its group, and learning how it ended. */
#ifndef MLI_LAB_WORKER_PROCESS_H
#define MLI_LAB_WORKER_PROCESS_H

#include "lab/lab.h"
#include "lab/page.h"
#include "lab/settle.h"
#include "lab/worker_channel.h"
#include "lab/worker_group.h"
#include "os/poller.h"
#include "os/process.h"

typedef struct mli_worker_process {
    const mli_lab_tables *os;
    mli_os_poller *poller; /* which both descriptors are watched by; NULL = none */
    int64_t pid;           /* 0 = none */
    int pidfd;             /* -1 = the kernel has none: asked by pid */
    int channel;           /* -1 = none: an adopted worker, or one that was told to leave */
    bool is_child;         /* started here; an adopted one is not */
    mli_os_identity noted; /* of an adopted one, as its page told it */
    int32_t runs;          /* orders that it got */
    bool remote;           /* it may use the network: for one run, which asked for it */
    int64_t fence;         /* of the present order */
    bool answered;         /* it said that the present run is done */
    bool out_of_turn;      /* it sent something, or hung up, while it had nothing to do */
    mli_worker_answer answer;
    int32_t unheard;   /* failures in a row to receive from it */
    int unheard_error; /* of the last one; 0 = told */
    bool asked;        /* for a program, in the present run; not dealt with yet */
    mli_program_ask ask;
    int64_t cpu_before_ns;     /* of the process, counted to its earlier runs */
    int64_t first_own_bytes;   /* what it kept after its first run; -1 = not known */
    mli_os_cgroup group;       /* that it is in; none when nothing asked for one */
    mli_worker_groups *groups; /* of its supervisor; NULL = none */
    bool ended;
    mli_worker_end end;
    int32_t code;   /* exit code or signal number */
    int64_t cpu_ns; /* of the present run, once it is done or reaped; -1 = not known */
} mli_worker_process;

void mli_worker_process_init(mli_worker_process *p, const mli_lab_tables *os);
/* Starts a worker that waits for its first order. */
MODELLAB_MUST_CHECK modellab_status mli_worker_process_start(mli_worker_process *p,
                                                             const mli_lab *lab,
                                                             const char *program,
                                                             modellab_error *err);
/* Starts the worker program for another task than serving: without a socket, with these arguments
 * (NULL-terminated, the first is the program's name) and descriptors. */
MODELLAB_MUST_CHECK modellab_status mli_worker_process_run(mli_worker_process *p,
                                                           const mli_lab *lab, const char *program,
                                                           const char *const *argv,
                                                           const mli_os_fd_map *fds,
                                                           size_t fd_count, modellab_error *err);
/* Sends an order (mli_channel_send_order). A worker that was just started and is gone already is no
 * failure here: the next look tells how it ended. E_WORKER_START: one that had run before is gone.
 */
MODELLAB_MUST_CHECK modellab_status mli_worker_process_order(mli_worker_process *p, int64_t fence,
                                                             const mli_buf *text, int file,
                                                             const int fds[MLI_ORDER_FDS],
                                                             modellab_error *err);
/* Has its end and its answers wake this poller. What fails is logged: looks find them later. */
void mli_worker_process_watch(mli_worker_process *p, const mli_lab *lab, mli_os_poller *poller);
/* Takes both out of the poller for a while, in which what is readable there could not be dealt with
 * and would wake it again and again. mli_worker_process_watch() puts them back. */
void mli_worker_process_unwatch(mli_worker_process *p);
/* Takes over a worker that another supervisor started. E_NOT_FOUND: it is gone, or its pid is
 * somebody else's now. */
MODELLAB_MUST_CHECK modellab_status mli_worker_process_adopt(mli_worker_process *p,
                                                             const mli_lab *lab,
                                                             const mli_os_identity *identity,
                                                             modellab_error *err);
/* Looks whether it has answered (`answered`, `answer`, `cpu_ns`) or ended (`ended`, `end`, `code`).
 * The zombie of a child stays: its group can still be killed. */
void mli_worker_process_look(mli_worker_process *p);
/* Logs that the last looks could not receive what it says. */
void mli_worker_process_tell_unheard(mli_worker_process *p, modellab_logger *log);
/* SIGTERM or SIGKILL to the worker and all of its group that are still there. One whose number may
 * be somebody else's by now is left alone. A signal that fails for another reason than that they
 * are gone is logged. */
void mli_worker_process_signal(mli_worker_process *p, bool kill, modellab_logger *log);
/* Tells it to end when it has nothing to do, and closes its channel. */
void mli_worker_process_leave(mli_worker_process *p);
/* After `ended`: kills what is left of its groups, then reaps. Safe to call twice. */
void mli_worker_process_finish(mli_worker_process *p, modellab_logger *log);
/* Closes the descriptors and forgets the process, which goes on unwatched. */
void mli_worker_process_forget(mli_worker_process *p);

#endif
