/* What the files of the simulation share: the machine and what stands in it. */
#ifndef MODELLAB_TESTS_CRASH_SIM_PRIVATE_H
#define MODELLAB_TESTS_CRASH_SIM_PRIVATE_H

#include "crash/sim.h"

#include "lab/order.h"
#include "lab/page.h"
#include "lab/supervisor_private.h"
#include "os/poller.h"
#include "os/process.h"
#include "store/journal.h"

#define MS ((int64_t)1000000)
#define SECOND ((int64_t)1000000000)
#define TERM 15
#define KILL 9

enum {
    WORKERS = 64,
    HOSTS = 2,
    RUNS = 128,
    PIDFDS = 32,
    FIRST_PID = 5000,
    HOST_PID = 100,
    WATCHED = 256
};

typedef enum worker_state {
    WORKER_NONE,
    WORKER_IDLE,
    WORKER_BUSY,
    WORKER_HANGS,
    WORKER_ZOMBIE,
    WORKER_REAPED
} worker_state;

typedef struct worker {
    worker_state state;
    int64_t pid, next_ns;
    uint64_t ticks;
    int host; /* who started it; -1: that one is dead */
    int64_t host_life;
    int channel;
    int pidfds[PIDFDS];
    int exit_code;
    bool signaled, told_to_stop;
    int64_t cpu_ns;
    /* The present run. */
    mli_order order;
    mli_json *order_root;
    int fds[MLI_ORDER_FDS];
    mli_page *page;
    mli_journal_writer journal;
    int phase, phases;
    bool floods; /* writes whenever its journal is read, and reading takes time */
} worker;

typedef struct host {
    bool alive, stopped; /* stopped: as by SIGSTOP */
    int64_t next_ns, life;
    mli_lab *lab;
    mli_supervisor *supervisor;
} host;

typedef struct run {
    char id[MLI_ULID_BYTES];
    int64_t said_fence; /* an outcome of this attempt is whole in the journal */
    modellab_run_status said;
    modellab_cancel_outcome cancelled;
    int max_attempts;
} run;

struct sim {
    uint64_t random;
    int64_t now_ns, jump_ns, lives;
    const sim_faults *faults;
    sim_plant plant;
    bool calm;
    const char *wrong;
    char root[512];
    host hosts[HOSTS];
    worker workers[WORKERS];
    run runs[RUNS];
    int run_count, wanted;
    int64_t next_pid, outside_ns;
    int phases; /* of every run; 0 = by chance */
    /* What stands in pollers, and which store and file operations fail. */
    struct {
        const mli_os_poller *poller;
        int fd;
    } watched[WATCHED];
    int watched_count;
    bool no_pages, no_ends;
    mli_lab_tables tables;
    mli_os_clock clock;
    mli_os_random source;
    mli_os_files files;
    mli_os_processes processes;
    mli_os_pollers pollers;
    mli_store_ops store_ops;
};

extern int sim_present_host; /* whose code runs: its pid is "self" */

/* sim.c */
uint64_t sim_draw(sim *s);
int64_t sim_between(sim *s, int64_t low, int64_t high); /* both can come */
bool sim_happens(sim *s, int of_thousand);              /* never once all is calm */
void sim_blame(sim *s, const char *what);               /* the first one stays */
mli_lab *sim_open_lab(sim *s);
/* For scenes that a test writes by itself: a machine on which nothing happens by chance. */
sim *sim_begin(const char *folder, uint64_t seed, const sim_faults *faults, sim_plant plant);
void sim_start_host(sim *s, int which);
void sim_crash_host(sim *s, int which);
/* One more run, by this host's lab. */
run *sim_submit(sim *s, int which, const char *request);
void sim_live_until(sim *s, int64_t until_ns);
/* Stops all that lives; `check`: what must be true in the end. */
void sim_end(sim *s, bool check);
/* sim_worker.c */
worker *sim_by_pid(sim *s, int64_t pid); /* living or zombie; NULL */
void sim_wake_host(sim *s, int which);
void sim_end_worker(sim *s, worker *w, bool signaled, int code);
void sim_act_worker(sim *s, worker *w);
worker *sim_next_worker(sim *s); /* whose turn is next; NULL = nobody's */
void sim_act_workers(sim *s, int64_t until_ns);
/* Somebody reads this much of a file: time goes on, and whoever floods writes more. */
void sim_read(sim *s, int64_t bytes);
/* sim_machine.c: fills the tables. */
void sim_fill_tables(sim *s);
/* Puts the planted bugs of the store into a lab. */
void sim_plant_store(sim *s, mli_lab *lab);
/* sim_check.c: what must be true in the end, and after each round of a supervisor. */
void sim_check_all(sim *s);
void sim_check_round(sim *s);

#endif
