/* A stopped old attempt that wakes after a new one began: its lock was lost, so the run was tried
 * again; what it says then, and the files that it makes, count for nothing. The same lines under
 * the new attempt's fence are the planted bug that the looking finds. MODEL_LAB_FENCE_CYCLES sets
 * the number of cycles (3). test_fence WORKER HOST */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "crash/kit.h"
#include "os/file.h"
#include "store/journal.h"

#define REQUEST                                                                                    \
    "{\"pipeline\":\"ingest\",\"retry\":{\"max_attempts\":2,\"base_seconds\":0.01,"                \
    "\"cap_seconds\":0.01}}"

static const char *worker_program, *host_program;

static int open_kit(void **state)
{
    static kit k;
    kit_open(&k, worker_program, host_program);
    *state = &k;
    return 0;
}

static int close_kit(void **state)
{
    kit_close(*state);
    return 0;
}

static void wait_for_attempt(const kit *k, const char *id, int attempt)
{
    for (int i = 0; i < 6000; i++) {
        modellab_run *run = kit_load(k, id);
        modellab_run_info info = kit_info(run);
        bool there = info.attempt == attempt && info.status == MODELLAB_RUN_RUNNING;
        modellab_run_unref(run);
        if (there) {
            return;
        }
        kit_sleep_ms(5);
    }
    fail_msg("attempt %d did not begin", attempt);
}

/* Somebody put another file in the place of the lock: the worker holds one that nobody sees. */
static void lose_lock(const kit *k, const char *id)
{
    char path[512];
    kit_run_path(k, id, "lock", path);
    assert_int_equal(unlink(path), 0);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
}

/* The first attempt is stopped and taken for dead; the second one is at work. */
static pid_t stop_first(kit *k, char id[MODELLAB_RUN_ID_BYTES], pid_t *host)
{
    kit_submit(k, REQUEST, 1, id);
    *host = kit_start_host(k, &(kit_host){.fail_step = "ingest:sleep=1500", .keep = true});
    pid_t old = kit_worker_pid(k, id);
    for (int i = 0; i < 6000 && kit_count_events(k, id, "step_started") < 1; i++) {
        kit_sleep_ms(5);
    }
    assert_int_equal(kill(old, SIGSTOP), 0);
    kit_kill(k, *host);
    lose_lock(k, id);
    *host = kit_start_host(k, &(kit_host){.fail_step = "ingest:sleep=3000", .keep = true});
    wait_for_attempt(k, id, 2);
    return old;
}

/* What belongs to the new attempt alone: everything. */
static int what_is_wrong(const kit *k, const char *id)
{
    int wrong = 0;
    modellab_run *run = kit_load(k, id);
    modellab_run_info info = kit_info(run);
    modellab_step_info step = {.size = sizeof(step)};
    wrong += info.status != MODELLAB_RUN_COMPLETED || info.attempt != 2 || info.fence != 2;
    wrong += info.message[0] != '\0';
    wrong += modellab_run_artifact_count(run) != 1;
    wrong += modellab_run_step_count(run) != 1 ||
             modellab_run_step_at(run, 0, &step, NULL) != MODELLAB_OK || step.attempt != 2;
    for (size_t i = 0; i < modellab_run_artifact_count(run); i++) {
        modellab_artifact_info artifact = {.size = sizeof(artifact)};
        modellab_buffer *bytes = NULL;
        assert_int_equal(modellab_run_artifact_at(run, i, &artifact, NULL), MODELLAB_OK);
        wrong += modellab_run_read_artifact(k->lab, id, artifact.id, 1 << 20, &bytes, NULL) !=
                 MODELLAB_OK;
        modellab_buffer_destroy(bytes);
    }
    wrong += kit_count_events(k, id, "run_completed") != 1;
    wrong += kit_count_events(k, id, "step_completed") != 1;
    modellab_run_unref(run);
    return wrong;
}

/* Whether the journal has an outcome of this fence. */
static bool has_outcome(const kit *k, const char *id, const char *fence)
{
    static char line[300000];
    char path[512];
    bool found = false;
    kit_run_path(k, id, "journal.jsonl", path);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        found =
            found || (strstr(line, "\"type\":\"outcome\"") != NULL && strstr(line, fence) != NULL);
    }
    assert_int_equal(fclose(file), 0);
    return found;
}

static void a_stopped_attempt_wakes_too_late(void **state)
{
    kit *k = *state;
    const char *asked = getenv("MODEL_LAB_FENCE_CYCLES");
    int cycles = asked != NULL ? atoi(asked) : 3;
    for (int i = 0; i < cycles; i++) {
        char id[MODELLAB_RUN_ID_BYTES];
        pid_t host = 0;
        pid_t old = stop_first(k, id, &host);
        assert_int_equal(kill(old, SIGCONT), 0);
        assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_COMPLETED);
        for (int n = 0; n < 2000 && !has_outcome(k, id, "\"fence\":1"); n++) {
            kit_sleep_ms(5);
        }
        kit_stop_host(k, host);
        assert_true(has_outcome(k, id, "\"fence\":1")); /* it did say its last word */
        assert_true(has_outcome(k, id, "\"fence\":2"));
        assert_int_equal(kit_count_events(k, id, "run_requeued"), 1);
        assert_int_equal(what_is_wrong(k, id), 0);
        kit_wait_dead(old);
    }
}

/* The lines of the old attempt, as if no fence told them from those of the new one. */
static void write_unfenced(const kit *k, const char *id)
{
    char path[512];
    mli_journal_writer w;
    mli_journal_tail tail;
    kit_run_path(k, id, "journal.jsonl", path);
    assert_int_equal(mli_journal_prepare(&mli_os_system_files, path, NULL, &tail, NULL),
                     MODELLAB_OK);
    int fd = mli_os_system_files.open(NULL, path, MLI_OS_WRITE | MLI_OS_APPEND, 0);
    assert_true(fd >= 0);
    mli_journal_writer_init(&w, NULL, &mli_os_system_files, &mli_os_system_clock, fd, 2, &tail);
    mli_jw *line = mli_journal_begin(&w, "outcome");
    mli_jw_kstring(line, "status", "COMPLETED");
    mli_jw_kstring(line, "reason", "none");
    mli_jw_kstring(line, "message", "as the old attempt says");
    assert_int_equal(mli_journal_end(&w, true, NULL), MODELLAB_OK);
    mli_journal_writer_dispose(&w);
    assert_int_equal(mli_os_system_files.close(NULL, fd), 0);
}

static void without_a_fence_it_is_found(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    pid_t host = 0;
    pid_t old = stop_first(k, id, &host);
    write_unfenced(k, id);
    assert_true(modellab_run_status_is_final(kit_wait_final(k, id)) != 0);
    kit_stop_host(k, host);
    assert_int_equal(kill(old, SIGKILL), 0);
    kit_wait_dead(old);
    assert_true(what_is_wrong(k, id) > 0);
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_kit, close_kit)
    const struct CMUnitTest tests[] = {TEST(a_stopped_attempt_wakes_too_late),
                                       TEST(without_a_fence_it_is_found)};
#undef TEST
    if (argc != 3) {
        (void)fprintf(stderr, "test_fence WORKER HOST\n");
        return 2;
    }
    worker_program = argv[1];
    host_program = argv[2];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
