/* A host in a process of its own, for tests that kill it: opens the lab and supervises until
 * SIGTERM (then it drains). Planted bugs are for the negative controls of the tests. crash_host
 * ROOT WORKER WORKERS TERM_MS KILL_MS keep|stop PLANT FAIL_STEP; byte on fd 3: ready. */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab/lab.h"
#include "lab/supervisor.h"
#include "os/socket.h"

static volatile sig_atomic_t leave;

static void on_term(int number)
{
    (void)number;
    leave = 1;
}

static int no_lock(void *user, int fd, bool wait)
{
    (void)user;
    (void)fd;
    (void)wait;
    return 0; /* the planted bug: says that the lock is taken */
}

static mli_os_files planted(const char *plant)
{
    mli_os_files files = mli_os_system_files;
    if (strcmp(plant, "no-lock") == 0 || strcmp(plant, "no-claim") == 0) {
        files.lock = no_lock;
    }
    return files;
}

static mli_store_ops careless;
static const mli_store_ops *careful;

/* The planted bug: takes a run that another has claimed as if it were still queued. */
static modellab_status claim_anyway(mli_store *store, const mli_store_claim *claim,
                                    mli_run_row **out, modellab_error *err)
{
    mli_run_record *record = NULL;
    modellab_status status = careful->claim(store, claim, out, err);
    if (status == MODELLAB_E_STATE && careful->load(store, claim->run_id, &record, NULL) == 0) {
        *out = record->run;
        record->run = NULL;
        mli_run_record_free(record);
        status = MODELLAB_OK;
    }
    return status;
}

static void plant_in_store(mli_lab *lab, const char *plant)
{
    if (strcmp(plant, "no-claim") == 0) {
        careful = lab->store->ops;
        careless = *careful;
        careless.claim = claim_anyway;
        lab->store->ops = &careless;
    }
}

/* The planted bug: an answer that nobody gave. */
static int64_t early_answer(void *user, int fd, void *out, size_t capacity, int *fds,
                            size_t *fd_count, bool wait)
{
    static const char text[] = "D{\"fence\":1}";
    (void)user;
    (void)fd;
    (void)fds;
    (void)wait;
    *fd_count = 0;
    if (capacity < sizeof(text)) {
        return -EMSGSIZE;
    }
    memcpy(out, text, sizeof(text) - 1);
    return (int64_t)sizeof(text) - 1;
}

static int complain(const modellab_error *err)
{
    (void)fprintf(stderr, "crash_host: %s\n", err->message);
    return 1;
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
    while (leave == 0) {
        if (mli_supervisor_step(s, 200, NULL, &err) != MODELLAB_OK) {
            (void)complain(&err);
        }
    }
    int code = mli_supervisor_drain(s, 0, &drained, &err) == MODELLAB_OK ? 0 : complain(&err);
    mli_supervisor_destroy(s);
    return code;
}

int main(int argc, char **argv)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_lab *lab = NULL;
    struct sigaction action;
    if (argc != 9) {
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
    mli_os_files files = planted(argv[7]);
    mli_os_channels channels = mli_os_system_channels;
    if (strcmp(argv[7], "early-answer") == 0) {
        channels.recv = early_answer;
    }
    mli_lab_tables tables = {.files = &files, .channels = &channels};
    if (mli_lab_open(argv[1], NULL, &tables, &lab, &err) != MODELLAB_OK) {
        return complain(&err);
    }
    plant_in_store(lab, argv[7]);
    int code = supervise(lab, argv);
    mli_lab_unref(lab);
    return code;
}
