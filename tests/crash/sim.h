/* A small machine in one thread on virtual time: hosts with real supervisors and a real store,
 * workers that this file plays. Everything that happens follows from a seed: when processes act,
 * crash, hang or lose a signal, when the clock jumps and pids come back. */
#ifndef MODELLAB_TESTS_CRASH_SIM_H
#define MODELLAB_TESTS_CRASH_SIM_H

#include "lab/lab.h"

/* How often something goes wrong, of 1000. */
typedef struct sim_faults {
    int worker_crash; /* at an action */
    int worker_hang;  /* for good, deaf to everything but SIGKILL */
    int worker_slow;  /* one action takes seconds */
    int host_crash;   /* at an action of the outside */
    int lost_signal;  /* SIGTERM that never arrives */
    int lost_wake;    /* an end or an answer that does not wake its supervisor */
    int clock_jump;   /* of the wall clock, up to an hour either way */
    int cancel;       /* of a run, by somebody */
    int pid_reuse;    /* the number of a dead worker is a stranger's */
} sim_faults;

/* Bugs that the checks must find. */
typedef enum sim_plant {
    SIM_SOUND,
    SIM_NO_LOCK,     /* locks always succeed */
    SIM_NO_ADOPTION, /* no process is who its page says */
    SIM_NO_KILL,     /* SIGKILL does nothing */
    SIM_TWO_OWNERS,  /* the store gives a run to everybody who adopts it */
    SIM_BLIND,       /* active runs never show that their cancel was requested */
    SIM_DEAF_POLLER, /* no descriptor ever leaves a poller */
    SIM_NO_TURNS,    /* journals are read to their end */
    SIM_ONE_CLOCK    /* nobody notices that the wall clock was set */
} sim_plant;

typedef struct sim sim;

/* Makes a lab below `folder` (removed before) and lets `runs` runs live and die in it; then nothing
 * goes wrong any more until all is still. NULL: nothing was wrong, else what. Static text. */
const char *sim_run(const char *folder, uint64_t seed, int runs, const sim_faults *faults,
                    sim_plant plant);

/* What happened in all simulations so far, so that a test can tell that it has seen everything. */
typedef struct sim_counts {
    int64_t runs, completed, failed, cancelled, timeout, stale, requeued;
    int64_t worker_crashes, worker_hangs, host_crashes, clock_jumps, pid_reuses;
} sim_counts;
extern sim_counts sim_total;

#endif
