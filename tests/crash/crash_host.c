/* A host in a process of its own, for tests that kill it: opens the lab and supervises until
 * SIGTERM (then it drains). Planted bugs are for the negative controls of the tests. crash_host
 * ROOT WORKER WORKERS TERM_MS KILL_MS keep|stop PLANT FAIL_STEP quiet|submit DRAIN_MS; byte on fd
 * 3: ready. With `submit` a second thread submits runs, and writes each acknowledged id to fd 4. */
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "crash/crash_plants.h"
#include "lab/lab.h"
#include "lab/submit.h"
#include "lab/supervisor.h"

static volatile sig_atomic_t leave;

static void on_term(int number)
{
    (void)number;
    leave = 1;
}

static int complain(const modellab_error *err)
{
    (void)fprintf(stderr, "crash_host: %s\n", err->message);
    return 1;
}

/* As a host does in its request threads; it may be killed between the commit and the word. */
static void *submit_some(void *arg)
{
    mli_lab *lab = arg;
    for (int i = 0; i < 3 && leave == 0; i++) {
        char line[MLI_ULID_BYTES + 1];
        modellab_error err = MODELLAB_ERROR_INIT;
        modellab_run_submit_options options = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
        const struct timespec nap = {0, 3000000};
        options.request = "{\"steps\":[\"noop\"],\"max_attempts\":2}";
        if (mli_run_submit(lab, &options, line, NULL, &err) != MODELLAB_OK) {
            (void)complain(&err);
            return arg;
        }
        line[MLI_ULID_BYTES - 1] = '\n';
        if (write(4, line, MLI_ULID_BYTES) != MLI_ULID_BYTES) {
            return arg;
        }
        (void)nanosleep(&nap, NULL);
    }
    return NULL;
}

static int supervise(mli_lab *lab, char **argv)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_supervisor *s = NULL;
    modellab_drain_result drained = {.size = sizeof(drained)};
    modellab_supervisor_options options = MODELLAB_SUPERVISOR_OPTIONS_INIT;
    options.worker_program = argv[2];
    options.max_workers = atoi(argv[3]);
    options.threads_per_worker = 1;
    options.cancel_grace_ms = atoi(argv[4]);
    options.kill_grace_ms = atoi(argv[5]);
    options.keep_on_host_death = strcmp(argv[6], "keep") == 0;
    if (mli_supervisor_create(lab, &options, &s, &err) != MODELLAB_OK) {
        return complain(&err);
    }
    if (write(3, "r", 1) != 1 || close(3) != 0) {
        return 1;
    }
    pthread_t submitter;
    bool submits = strcmp(argv[9], "submit") == 0;
    if (submits && pthread_create(&submitter, NULL, submit_some, lab) != 0) {
        return 1;
    }
    while (leave == 0) {
        if (mli_supervisor_step(s, 200, NULL, &err) != MODELLAB_OK) {
            (void)complain(&err);
        }
    }
    void *failed = NULL;
    if (submits && pthread_join(submitter, &failed) != 0) {
        return 1;
    }
    int64_t drain_ms = atoi(argv[10]);
    if (strcmp(argv[7], "drain-claims") == 0) { /* planted: it goes on as before until then */
        const mli_os_clock *clock = &mli_os_system_clock;
        for (int64_t end = clock->monotonic_ns(clock->user) + drain_ms * 1000000;
             clock->monotonic_ns(clock->user) < end;) {
            if (mli_supervisor_step(s, 50, NULL, &err) != MODELLAB_OK) {
                (void)complain(&err);
            }
        }
        drain_ms = 0;
    }
    int code =
        mli_supervisor_drain(s, drain_ms, &drained, &err) == MODELLAB_OK ? 0 : complain(&err);
    mli_supervisor_destroy(s);
    return failed != NULL ? 1 : code;
}

int main(int argc, char **argv)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_lab *lab = NULL;
    struct sigaction action;
    if (argc != 11) {
        return 2;
    }
    memset(&action, 0, sizeof(action));
    action.sa_handler = on_term;
    if (sigaction(SIGTERM, &action, NULL) != 0) {
        return 1;
    }
    if (strcmp(argv[8], "none") != 0 && (setenv("MODEL_LAB_TESTING", "1", 1) != 0 ||
                                         setenv("MODEL_LAB_FAIL_STEP", argv[8], 1) != 0)) {
        return 1;
    }
    static crash_plants plants;
    mli_lab_tables tables = crash_plant(&plants, argv[7]);
    if (mli_lab_open(argv[1], NULL, &tables, &lab, &err) != MODELLAB_OK) {
        return complain(&err);
    }
    crash_plant_store(lab, argv[7]);
    int code = supervise(lab, argv);
    mli_lab_unref(lab);
    return code;
}
