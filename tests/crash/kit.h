/* What the tests of crashes share: a lab in a temporary folder, hosts in processes of their own,
 * looking at runs and killing what belongs to them. Everything goes through the public functions;
 * only the worker's pid is read from the run's page. */
#ifndef MODELLAB_TESTS_CRASH_KIT_H
#define MODELLAB_TESTS_CRASH_KIT_H

#include <modellab/modellab.h>
#include <stdbool.h>
#include <sys/types.h>

typedef struct kit {
    char root[256];
    const char *worker_program, *host_program;
    modellab_lab *lab;
    pid_t hosts[8]; /* that still run, as far as known; 0 = none */
} kit;

/* How a host process supervises; zero is the default. */
typedef struct kit_host {
    const char *plant;     /* planted bug, see crash_host.c; NULL = none */
    const char *fail_step; /* MODEL_LAB_FAIL_STEP for its workers */
    bool keep;             /* workers outlive it */
    int workers, term_ms, kill_ms;
} kit_host;

void kit_open(kit *k, const char *worker_program, const char *host_program);
void kit_reopen(kit *k); /* closes and opens the lab again: reconciles */
void kit_close(kit *k);  /* also ends hosts that a failed test left */
/* Submits audio of `seconds` (a tone) with this request. */
void kit_submit(kit *k, const char *request, double seconds, char run_id[MODELLAB_RUN_ID_BYTES]);

/* Submits a run without input. */
void kit_submit_bare(kit *k, const char *request, char run_id[MODELLAB_RUN_ID_BYTES]);

pid_t kit_start_host(kit *k, const kit_host *how); /* returns when it supervises */
void kit_kill(kit *k, pid_t pid);                  /* SIGKILL, and reaps it */
/* Kills both, and the worker stands still meanwhile: it cannot note that its host is gone. */
void kit_kill_both(kit *k, pid_t host, pid_t worker);
void kit_stop_host(kit *k, pid_t pid); /* SIGTERM: drains; waits for its end */

modellab_run *kit_load(const kit *k, const char *run_id);
modellab_run_info kit_info(const modellab_run *run);
/* Waits for it, at most two minutes; fails the test when it does not come. */
void kit_wait_status(const kit *k, const char *run_id, modellab_run_status status);
modellab_run_status kit_wait_final(const kit *k, const char *run_id);
/* Waits until the worker has named itself in the page. */
pid_t kit_worker_pid(const kit *k, const char *run_id);
/* The same, once its first step is under way: before, it would heed a cancel or its host's end also
 * when the step is one that hangs. */
pid_t kit_hanging_worker(const kit *k, const char *run_id);
/* kit_worker_pid() for at most so long; 0 when it has not. */
pid_t kit_worker_within(const kit *k, const char *run_id, int wait_ms);
bool kit_alive(pid_t pid); /* and no zombie */
void kit_wait_dead(pid_t pid);
size_t kit_count_events(const kit *k, const char *run_id, const char *type);
bool kit_has_finding(const modellab_report *report, const char *id);
void kit_sleep_ms(int ms);
void kit_run_path(const kit *k, const char *run_id, const char *name, char out[512]);

#endif
