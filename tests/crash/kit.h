/* What the tests of crashes share: a lab in a temporary folder, hosts in processes of their own,
 * looking at runs and killing what belongs to them. Everything goes through the public functions;
 * only the worker's pid is read from the run's page. */
#ifndef MODELLAB_TESTS_CRASH_KIT_H
#define MODELLAB_TESTS_CRASH_KIT_H

#include <modellab/modellab.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/json.h"

/* How long a test waits for what must come: no machine is too slow for it. */
enum { KIT_PATIENCE_MS = 300000 };

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
    int drain_ms; /* how long it lets runs finish when it is told to stop */
    int acks;     /* it also submits runs, and writes their ids and newlines here; 0 = does not */
} kit_host;

/* The programs of the command line, which each test has from its first two arguments. */
extern const char *kit_worker_program, *kit_host_program;
/* Takes them; false, with a line of usage, unless there are so many more. */
bool kit_arguments(int argc, char **argv, int more);
/* A kit for each test of a group. */
int kit_set_up(void **state);
int kit_tear_down(void **state);
#define KIT_TEST(name) cmocka_unit_test_setup_teardown(name, kit_set_up, kit_tear_down)
/* A size from the environment; unset, or no number above 0: `fallback`. */
size_t kit_number(const char *variable, size_t fallback);

void kit_open(kit *k);
void kit_open_below(kit *k, const char *folder); /* the lab's folder is made there, not in /tmp */
void kit_reopen(kit *k);                         /* closes and opens the lab again: reconciles */
void kit_close(kit *k);                          /* also ends hosts that a failed test left */
/* Submits audio of `seconds` (a tone) with this request. */
void kit_submit(kit *k, const char *request, double seconds, char run_id[MODELLAB_RUN_ID_BYTES]);

/* Submits a run without input. */
void kit_submit_bare(kit *k, const char *request, char run_id[MODELLAB_RUN_ID_BYTES]);

pid_t kit_start_host(kit *k, const kit_host *how); /* returns when it supervises */
void kit_kill(kit *k, pid_t pid);                  /* SIGKILL, and reaps it */
/* SIGSTOP, and waits until it stands still: what a test does meanwhile takes as long as it takes.
 */
void kit_hold(pid_t pid);
/* Kills both, and the worker stands still meanwhile: it cannot note that its host is gone. */
void kit_kill_both(kit *k, pid_t host, pid_t worker);
void kit_stop_host(kit *k, pid_t pid); /* SIGTERM: drains; waits for its end */

modellab_run *kit_load(const kit *k, const char *run_id);
modellab_run_info kit_info(const modellab_run *run);
modellab_run_status kit_status(const kit *k, const char *run_id);
void kit_expect_end(const kit *k, const char *run_id, modellab_run_status status,
                    modellab_reason reason);
modellab_cancel_outcome kit_cancel(const kit *k, const char *run_id);
/* Waits for it, very long (KIT_PATIENCE_MS); fails the test when it does not come. */
void kit_wait_status(const kit *k, const char *run_id, modellab_run_status status);
modellab_run_status kit_wait_final(const kit *k, const char *run_id);
/* Waits until the worker has named itself in the page. */
pid_t kit_worker_pid(const kit *k, const char *run_id);
/* The same, once its step is under way (MODEL_LAB_FAIL_STEP tells so by the page): before, it would
 * heed a cancel or its host's end also when the step is one that hangs. */
pid_t kit_hanging_worker(const kit *k, const char *run_id);
/* kit_worker_pid() for at most so long; 0 when it has not. */
pid_t kit_worker_within(const kit *k, const char *run_id, int wait_ms);
/* SIGKILL to the worker that the run's page names, if it is still that very process; its pid, or 0.
 */
pid_t kit_kill_worker(const kit *k, const char *run_id);
bool kit_worker_lives(const kit *k, const char *run_id); /* that very process */
bool kit_alive(pid_t pid);                               /* and no zombie */
void kit_wait_dead(pid_t pid);
size_t kit_count_events(const kit *k, const char *run_id, const char *type);
void kit_wait_events(const kit *k, const char *run_id, const char *type, size_t count);
bool kit_has_finding(const modellab_report *report, const char *id);
void kit_sleep_ms(int ms);
void kit_run_path(const kit *k, const char *run_id, const char *name, char out[512]);
char *kit_read_bytes(const char *path, size_t *bytes); /* below 1 MiB; a 0 is behind it */
void kit_write_bytes(const char *path, const char *data, size_t bytes);

/* The last words of an old attempt in the run's journal, as if no fence told them from the present
 * one's: the planted bug of tests of fences. */
void kit_write_unfenced(const kit *k, const char *run_id, int64_t fence, const char *step);

/* --- kit_census.c --- */

typedef struct kit_census {
    size_t fds, threads;
    size_t files; /* in the lab's own folder */
    long anonymous_kib;
} kit_census;

/* A sanitizer keeps what was freed, so that memory tells nothing (and finds leaks by itself). */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define KIT_SEES_MEMORY 0
#else
#define KIT_SEES_MEMORY 1
#endif
enum { KIT_LEAKS_FDS = 1, KIT_LEAKS_THREADS = 2, KIT_LEAKS_FILES = 4, KIT_LEAKS_MEMORY = 8 };

kit_census kit_take_census(const kit *k, pid_t host);
/* KIT_LEAKS_*: of what the host has more than before, also after so long; prints both. */
int kit_leaks(const kit *k, pid_t host, const kit_census *before, int patience_ms);

/* --- kit_results.c --- */

/* What was submitted, by a host that ends with it; the run as it ended. */
modellab_run *kit_execute(kit *k, const char *fail_step, const char *run_id);
modellab_run *kit_execute_bare(kit *k, const char *request, const char *fail_step,
                               char run_id[MODELLAB_RUN_ID_BYTES]);
modellab_run *kit_execute_sample(kit *k, const char *request, const char *fail_step,
                                 char run_id[MODELLAB_RUN_ID_BYTES]);
/* A file of the first attempt, as kit_read_bytes() reads it, or as JSON. */
char *kit_read_artifact(const kit *k, const char *run_id, const char *name, size_t *bytes);
mli_json *kit_read_json(const kit *k, const char *run_id, const char *name);
/* The run's record contains it. */
void kit_expect_json(const modellab_run *run, const char *part);

/* --- kit_models.c --- */

#define KIT_NO_MODELS "MODEL_LAB_TEST_MODELS has no whisper-tiny.en and sample-conversation"
extern char kit_sample[512]; /* path of the recording, once the models were found */
bool kit_find_models(void);
/* One cache for all labs of a test program, so that only the first worker builds a model's image.
 */
bool kit_make_cache(void);
bool kit_remove_cache(void);
/* What a main() with real weights begins with: the programs of the command line, the models (also
 * `more_models`, up to a NULL; NULL = none), one cache. False: it returns `code`; what it lacks is
 * printed. */
bool kit_begin_with_models(int argc, char **argv, const char *const *more_models, int *code);
int kit_end_with_models(int failed); /* what main() returns after so many failed tests */
/* The recording `times` times over, or its first seconds. */
void kit_submit_sample(kit *k, const char *request, size_t times,
                       char run_id[MODELLAB_RUN_ID_BYTES]);
void kit_submit_start(kit *k, const char *request, double seconds,
                      char run_id[MODELLAB_RUN_ID_BYTES]);

#endif
