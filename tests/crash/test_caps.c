/* Accounting and caps with real workers: the sum of all runs against the kernel's own count, what a
 * death leaves of a reservation, what a used-up cap does, and a run that takes too much memory
 * beside one that does not. test_caps WORKER HOST */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "crash/kit.h"
#include "os/cgroup.h"

#define INGEST "{\"pipeline\":\"ingest\",\"user\":\"ann\"}"
#define MIB ((int64_t)1024 * 1024)

static void must(modellab_status status, const modellab_error *err)
{
    if (status != MODELLAB_OK) {
        fail_msg("%s", err->message);
    }
}

static void cap(const kit *k, const char *measure, const char *period, const char *value)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    must(modellab_user_cap_set(k->lab, "ann", measure, period, value, &err), &err);
}

/* Used and held of the first cap of the user. */
static modellab_user_cap look_at_cap(const kit *k)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_user_cap_list *list = NULL;
    modellab_user_cap found = {.size = sizeof found};
    must(modellab_user_cap_list_load(k->lab, "ann", &list, &err), &err);
    must(modellab_user_cap_list_at(list, 0, &found, &err), &err);
    modellab_user_cap_list_unref(list);
    return found;
}

static double children_cpu(void)
{
    struct rusage use;
    assert_int_equal(0, getrusage(RUSAGE_CHILDREN, &use));
    return (double)use.ru_utime.tv_sec + (double)use.ru_stime.tv_sec +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

/* Runs under a supervisor of this process, whose workers are its children; their requests in turn.
 * What of the sum was taken by runs that ended badly goes to `lost`. */
static double run_in_turn(kit *k, const char *fault, const char *const requests[2], int workers,
                          int count, double seconds, double *lost)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_supervisor_options options = MODELLAB_SUPERVISOR_OPTIONS_INIT;
    modellab_supervisor *supervisor = NULL;
    char ids[16][MODELLAB_RUN_ID_BYTES];
    double sum = 0;
    *lost = 0;
    assert_int_equal(0, fault != NULL ? setenv("MODEL_LAB_FAIL_STEP", fault, 1)
                                      : unsetenv("MODEL_LAB_FAIL_STEP"));
    assert_int_equal(0, setenv("MODEL_LAB_TESTING", "1", 1));
    options.worker_program = k->worker_program;
    options.max_workers = workers;
    must(modellab_supervisor_create(k->lab, &options, &supervisor, &err), &err);
    must(modellab_supervisor_start(supervisor, &err), &err);
    for (int i = 0; i < count; i++) {
        kit_submit(k, requests[i % 2], seconds, ids[i]);
    }
    for (int i = 0; i < count; i++) {
        (void)kit_wait_final(k, ids[i]);
    }
    modellab_supervisor_destroy(supervisor); /* reaps the warm ones too */
    for (int i = 0; i < count; i++) {
        modellab_run *run = kit_load(k, ids[i]);
        modellab_run_info info = kit_info(run);
        assert_true(info.cpu_seconds >= 0); /* however it ended */
        sum += info.cpu_seconds;
        *lost += info.status == MODELLAB_RUN_COMPLETED ? 0 : info.cpu_seconds;
        modellab_run_unref(run);
    }
    return sum;
}

static double run_some(kit *k, const char *fault, const char *request, int count, double seconds)
{
    const char *const requests[2] = {request, request};
    double lost;
    return run_in_turn(k, fault, requests, 2, count, seconds, &lost);
}

/* The fixed part: warm workers that were told to leave. */
static bool agrees(double sum, double kernel)
{
    return sum <= kernel * 1.02 + 0.02 && sum >= kernel * 0.98 - 0.05;
}

static void runs_add_up_to_the_kernels_count(void **state)
{
    kit *k = *state;
    double before = children_cpu(), sum = 0;
    sum += run_some(k, NULL, INGEST, 8, 60.0);
    double finished = sum;
    sum += run_some(k, "ingest:die", INGEST, 4, 1.0);
    sum += run_some(k, "ingest:spin", "{\"pipeline\":\"ingest\",\"caps\":{\"cpu_seconds\":0.4}}", 4,
                    1.0);
    sum += run_some(k, "ingest:spin", "{\"pipeline\":\"ingest\",\"caps\":{\"wall_seconds\":0.5}}",
                    2, 1.0);
    double kernel = children_cpu() - before;
    print_message("runs %.4f s, kernel %.4f s, difference %.2f %%\n", sum, kernel,
                  100.0 * (sum - kernel) / kernel);
    assert_true(kernel > 1.0);
    assert_true(agrees(sum, kernel));
    /* Were those that were killed not counted, this test would tell. */
    assert_false(agrees(finished, kernel));
}

/* One worker serves a run, keeps warm, takes the next one and dies in it: the difference to what
 * was told of the first counts for the second. */
static void runs_that_die_in_warm_workers_add_up(void **state)
{
    static const char *const ways[][2] = {
        {"noop:die", "{\"steps\":[\"ingest\",\"noop\"]}"}, /* after it has decoded */
        {"noop:hang", "{\"steps\":[\"ingest\",\"noop\"],\"caps\":{\"wall_seconds\":1.5}}"},
        {"noop:spin", "{\"steps\":[\"ingest\",\"noop\"],\"caps\":{\"cpu_seconds\":0.8}}"}};
    kit *k = *state;
    assert_int_equal(0, setenv("MODEL_LAB_TESTING", "1", 1));
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        const char *const requests[2] = {INGEST, ways[i][1]};
        double before = children_cpu(), lost = 0;
        double sum = run_in_turn(k, ways[i][0], requests, 1, 8, 300.0, &lost);
        double kernel = children_cpu() - before;
        print_message("%s: runs %.4f s (ended badly: %.4f s), kernel %.4f s, difference %.2f %%\n",
                      ways[i][0], sum, lost, kernel, 100.0 * (sum - kernel) / kernel);
        assert_true(lost > 0.02 * kernel + 0.05); /* more than is forgiven */
        assert_true(agrees(sum, kernel));
        assert_false(agrees(sum - lost, kernel)); /* were they not counted, this would tell */
    }
}

static int64_t peak_of_one(kit *k)
{
    modellab_run_filter filter = MODELLAB_RUN_FILTER_INIT;
    modellab_run_list *list = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    (void)run_some(k, NULL, INGEST, 1, 1.0);
    filter.limit = 1;
    must(modellab_run_list_load(k->lab, &filter, &list, &err), &err);
    int64_t peak = kit_info(modellab_run_list_at(list, 0)).peak_memory_bytes;
    modellab_run_list_unref(list);
    return peak;
}

/* A child's ru_maxrss begins with what its parent had; the record must not. */
static void a_large_host_does_not_count(void **state)
{
    kit *k = *state;
    const size_t bytes = (size_t)1024 * MIB;
    struct rusage use;
    int64_t alone = peak_of_one(k);
    char *large = malloc(bytes);
    assert_non_null(large);
    for (size_t i = 0; i < bytes; i += 4096) {
        large[i] = 1;
    }
    int64_t beside = peak_of_one(k);
    assert_int_equal(0, getrusage(RUSAGE_CHILDREN, &use));
    print_message("peak %.1f MiB, under a large host %.1f MiB; ru_maxrss says %.1f MiB\n",
                  (double)alone / (double)MIB, (double)beside / (double)MIB,
                  (double)use.ru_maxrss / 1024.0);
    free(large);
    /* The worker alone has some 5 MiB, of which a page more or less here and there is much. */
    double apart = (double)(beside > alone ? beside - alone : alone - beside);
    assert_true(alone > 0 && (apart <= (double)alone * 0.05 || apart <= (double)MIB));
}

static void the_dead_hold_nothing(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    cap(k, "cpu_seconds", "day", "1h");
    kit_submit(k, INGEST, 1.0, id);
    pid_t host = kit_start_host(k, &(kit_host){.fail_step = "ingest:sleep=60000"});
    pid_t worker = kit_hanging_worker(k, id); /* it has told what it used */
    assert_true(look_at_cap(k).held > 0);
    kit_kill(k, host); /* both: nobody is left who could give anything back */
    (void)kill(worker, SIGKILL);
    kit_wait_dead(worker);
    kit_reopen(k);
    (void)kit_wait_final(k, id);
    modellab_user_cap left = look_at_cap(k);
    assert_true(left.held == 0 && left.used > 0);
}

static void a_used_up_cap_ends_and_holds_up(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES], next[MODELLAB_RUN_ID_BYTES];
    cap(k, "cpu_seconds", "month", "1");
    kit_submit(k, INGEST, 1.0, id);
    pid_t host = kit_start_host(k, &(kit_host){.fail_step = "ingest:spin"});
    assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_FAILED);
    modellab_run *run = kit_load(k, id);
    modellab_run_info info = kit_info(run);
    assert_int_equal(info.reason, MODELLAB_REASON_CPU_CAP);
    /* It was expected to take a tenth of that: more was held while it ran. */
    assert_true(info.estimated_cpu_seconds < 0.5 && info.cpu_seconds > 0.9);
    assert_non_null(strstr(info.message, "The user's cap of cpu_seconds a month is 1"));
    modellab_run_unref(run);
    assert_true(look_at_cap(k).held == 0);
    kit_submit(k, INGEST, 1.0, next);
    for (int i = 0; i < 2400; i++) {
        run = kit_load(k, next);
        info = kit_info(run);
        modellab_run_unref(run);
        if (info.reason == MODELLAB_REASON_WAITING_FOR_CAP) {
            break;
        }
        kit_sleep_ms(50);
    }
    assert_int_equal(info.status, MODELLAB_RUN_QUEUED);
    assert_int_equal(info.reason, MODELLAB_REASON_WAITING_FOR_CAP);
    cap(k, "cpu_seconds", "month", "none");
    (void)kit_worker_pid(k, next); /* now it begins */
    kit_stop_host(k, host);
}

static void what_can_never_fit_is_refused(void **state)
{
    kit *k = *state;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_estimate estimate = MODELLAB_ESTIMATE_INIT;
    modellab_run_submit_options options = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    modellab_report *report = NULL;
    char id[MODELLAB_RUN_ID_BYTES], path[512];
    kit_submit(k, INGEST, 2.0, id);
    kit_run_path(k, id, "input", path);
    cap(k, "audio_seconds", "day", "1");
    options.request = INGEST;
    options.input_path = path;
    assert_int_equal(modellab_run_submit(k->lab, &options, id, &report, &err),
                     MODELLAB_E_CAP_EXCEEDED);
    assert_int_equal(err.detail, MODELLAB_CAP_AUDIO_SECONDS);
    assert_true(kit_has_finding(report, "caps.exceeded"));
    modellab_report_unref(report);
    must(modellab_run_estimate(k->lab, &options, &estimate, &report, &err), &err);
    assert_int_equal(estimate.admission, MODELLAB_ADMISSION_REFUSE);
    assert_int_equal(estimate.basis, MODELLAB_ESTIMATE_FALLBACK);
    assert_true(kit_has_finding(report, "caps.exceeded"));
    modellab_report_unref(report);
    cap(k, "audio_seconds", "day", "3");
    must(modellab_run_estimate(k->lab, &options, &estimate, &report, &err), &err);
    assert_int_equal(estimate.admission, MODELLAB_ADMISSION_NOW);
    modellab_report_unref(report);
    /* A cap of each run bounds a request that asks for more. */
    cap(k, "cpu_seconds", "run", "10");
    options.request = "{\"pipeline\":\"ingest\",\"user\":\"ann\",\"caps\":{\"cpu_seconds\":11}}";
    assert_int_equal(modellab_run_submit(k->lab, &options, id, &report, &err),
                     MODELLAB_E_CAP_EXCEEDED);
    assert_true(kit_has_finding(report, "caps.above_users"));
    modellab_report_unref(report);
}

/* One run sleeps under a host, while that which takes too much memory works under another. False:
 * the first host had its run done before the second one was there, and took the other one too. */
static bool run_beside(kit *k, int calm_ms, char calm[MODELLAB_RUN_ID_BYTES],
                       char greedy[MODELLAB_RUN_ID_BYTES])
{
    char step[64];
    (void)snprintf(step, sizeof(step), "ingest:sleep=%d", calm_ms);
    kit_submit(k, INGEST, 1.0, calm);
    pid_t first = kit_start_host(k, &(kit_host){.fail_step = step, .workers = 1});
    (void)kit_worker_pid(k, calm);
    kit_submit(k, "{\"pipeline\":\"ingest\",\"caps\":{\"peak_memory_bytes\":104857600}}", 1.0,
               greedy);
    /* Takes 2 GB in twenty seconds, and does not look whether it should stop. */
    pid_t second = kit_start_host(k, &(kit_host){.fail_step = "ingest:balloon=2000", .workers = 1});
    bool apart = kit_wait_final(k, greedy) == MODELLAB_RUN_FAILED;
    assert_int_equal(kit_wait_final(k, calm), MODELLAB_RUN_COMPLETED);
    kit_stop_host(k, first);
    kit_stop_host(k, second);
    return apart;
}

static void too_much_memory_ends_one_run_alone(void **state)
{
    kit *k = *state;
    char calm[MODELLAB_RUN_ID_BYTES], greedy[MODELLAB_RUN_ID_BYTES];
    for (int calm_ms = 1500; !run_beside(k, calm_ms, calm, greedy); calm_ms *= 5) {
        assert_true(calm_ms < 60000);
    }
    modellab_run *run = kit_load(k, greedy);
    modellab_run_info info = kit_info(run);
    assert_int_equal(info.reason, MODELLAB_REASON_MEMORY_CAP);
    assert_non_null(strstr(info.message, "100.0 MiB are allowed"));
    assert_true(info.peak_memory_bytes >= 100 * MIB && info.peak_memory_bytes < 1900 * MIB);
    print_message("%s\n", info.message);
    modellab_run_unref(run);
}

/* Takes 300 MiB that no look at the process sees. */
static modellab_run_status hoard(kit *k, const char *groups, char message[256],
                                 char json_text[16384])
{
    char id[MODELLAB_RUN_ID_BYTES];
    modellab_buffer *json = NULL;
    assert_int_equal(setenv("MODEL_LAB_CGROUPS", groups, 1), 0);
    kit_submit(k, "{\"pipeline\":\"ingest\",\"caps\":{\"peak_memory_bytes\":104857600}}", 1.0, id);
    pid_t host = kit_start_host(k, &(kit_host){.fail_step = "ingest:hoard=300", .workers = 1});
    modellab_run_status status = kit_wait_final(k, id);
    kit_stop_host(k, host);
    (void)unsetenv("MODEL_LAB_CGROUPS");
    modellab_run *run = kit_load(k, id);
    (void)snprintf(message, 256, "%s", kit_info(run).message);
    assert_true(status != MODELLAB_RUN_FAILED ||
                kit_info(run).reason == MODELLAB_REASON_MEMORY_CAP);
    assert_int_equal(modellab_run_to_json(run, &json, NULL), MODELLAB_OK);
    (void)snprintf(json_text, 16384, "%s", modellab_buffer_data(json));
    modellab_buffer_destroy(json);
    print_message("control groups %s: %.1f MiB; %s\n", groups,
                  (double)kit_info(run).peak_memory_bytes / (double)MIB, message);
    modellab_run_unref(run);
    return status;
}

static void a_group_bounds_what_nobody_sees(void **state)
{
    kit *k = *state;
    char message[256], json[16384];
    mli_os_cgroups groups;
    mli_os_cgroups_find(&groups, &mli_os_system_files, "auto", NULL);
    if (!groups.memory_limit) {
        print_message("skipped: no control group bounds memory here (%s)\n", groups.why);
        return;
    }
    assert_int_equal(hoard(k, "auto", message, json), MODELLAB_RUN_FAILED);
    assert_non_null(strstr(message, "control group"));
    assert_non_null(strstr(json, "cgroup_peak"));
    /* Planted: without one it passes its cap, and nobody sees it. */
    assert_int_equal(hoard(k, "off", message, json), MODELLAB_RUN_COMPLETED);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(runs_add_up_to_the_kernels_count), KIT_TEST(runs_that_die_in_warm_workers_add_up),
        KIT_TEST(a_large_host_does_not_count),      KIT_TEST(the_dead_hold_nothing),
        KIT_TEST(a_used_up_cap_ends_and_holds_up),  KIT_TEST(what_can_never_fit_is_refused),
        KIT_TEST(a_group_bounds_what_nobody_sees),  KIT_TEST(too_much_memory_ends_one_run_alone),
    };
    if (!kit_arguments(argc, argv, 0)) {
        return 2;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
