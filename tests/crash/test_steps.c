/* How the steps of a run depend on each other, with real workers: one that may fail, what needs it,
 * what uses it, what is always done; text instead of an input; what steps hand on, also when one
 * was taken over; what is recorded of them. test_steps WORKER HOST */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crash/kit.h"

/* "name STATUS reason;" for each step. */
static const char *steps_of(const modellab_run *run)
{
    static char text[2000];
    text[0] = '\0';
    for (size_t i = 0; i < modellab_run_step_count(run); i++) {
        modellab_step_info step = {.size = sizeof(step)};
        assert_int_equal(modellab_run_step_at(run, i, &step, NULL), MODELLAB_OK);
        size_t end = strlen(text);
        (void)snprintf(text + end, sizeof(text) - end, "%s %s %s;", step.name,
                       modellab_run_status_name(step.status), modellab_reason_name(step.reason));
    }
    return text;
}

static void expect_file(kit *k, const char *id, const char *name, const char *text)
{
    char path[512];
    size_t bytes = 0;
    kit_run_path(k, id, name, path);
    char *found = kit_read_bytes(path, &bytes);
    if (bytes != strlen(text) || memcmp(found, text, bytes) != 0) {
        fail_msg("%s: %.*s", name, (int)bytes, found);
    }
    free(found);
}

static void all_complete(void **state)
{
    char id[MODELLAB_RUN_ID_BYTES];
    modellab_run *run = kit_execute_bare(
        *state, "{\"steps\":[\"noop\",\"noop_needs\",\"noop_wants\",\"noop_always\"]}", NULL, id);
    assert_int_equal(kit_info(run).status, MODELLAB_RUN_COMPLETED);
    assert_string_equal(steps_of(run),
                        "noop COMPLETED none;noop_may_fail COMPLETED none;noop_needs COMPLETED "
                        "none;noop_wants COMPLETED none;noop_always COMPLETED none;");
    expect_file(*state, id, "artifacts/1-wanted.txt", "with\n");
    kit_expect_json(run, "\"warnings\":[]");
    modellab_run_unref(run);
}

static void one_that_may_fail_does(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    modellab_run *run =
        kit_execute_bare(k, "{\"steps\":[\"noop\",\"noop_needs\",\"noop_wants\",\"noop_always\"]}",
                         "noop_may_fail", id);
    modellab_run_info info = kit_info(run);
    assert_int_equal(info.status, MODELLAB_RUN_COMPLETED);
    assert_string_equal(info.failed_step, "");
    assert_string_equal(steps_of(run),
                        "noop COMPLETED none;noop_may_fail FAILED internal;noop_needs SKIPPED "
                        "dependency_failed;noop_wants COMPLETED none;noop_always COMPLETED none;");
    expect_file(k, id, "artifacts/1-wanted.txt", "without\n");
    expect_file(k, id, "artifacts/1-always.txt",
                "noop COMPLETED\nnoop_may_fail FAILED\nnoop_needs SKIPPED\nnoop_wants COMPLETED\n");
    kit_expect_json(run,
                    "\"warnings\":[{\"step\":\"noop_may_fail\",\"status\":\"FAILED\",\"reason\":{"
                    "\"name\":\"internal\"");
    kit_expect_json(run, "{\"step\":\"noop_needs\",\"status\":\"SKIPPED\",\"reason\":{\"name\":"
                         "\"dependency_failed\",\"recoverable\":false,\"message\":\"Step "
                         "\\\"noop_may_fail\\\" did not complete.\"}}");
    assert_int_equal(kit_count_events(k, id, "step_failed"), 1);
    assert_int_equal(kit_count_events(k, id, "step_skipped"), 1);
    modellab_report *report = NULL;
    assert_int_equal(modellab_run_verify(k->lab, id, NULL, &report, NULL), MODELLAB_OK);
    assert_int_equal(modellab_report_count(report), 0);
    modellab_report_unref(report);
    modellab_run_unref(run);
}

/* A run of one purpose fails with it; what is always done is done, the rest is told. */
static void the_only_purpose_fails(void **state)
{
    char id[MODELLAB_RUN_ID_BYTES];
    modellab_run *run = kit_execute_bare(*state, "{\"steps\":[\"noop_needs\",\"noop_always\"]}",
                                         "noop_may_fail", id);
    modellab_run_info info = kit_info(run);
    assert_int_equal(info.status, MODELLAB_RUN_FAILED);
    assert_int_equal(info.reason, MODELLAB_REASON_INTERNAL);
    assert_string_equal(info.failed_step, "noop_may_fail");
    assert_string_equal(steps_of(run), "noop_may_fail FAILED internal;noop_needs SKIPPED "
                                       "dependency_failed;noop_always COMPLETED none;");
    modellab_run_unref(run);
}

static void another_failure_ends_the_run(void **state)
{
    char id[MODELLAB_RUN_ID_BYTES];
    modellab_run *run = kit_execute_bare(
        *state, "{\"steps\":[\"noop\",\"noop_may_fail\",\"noop_always\"]}", "noop", id);
    assert_int_equal(kit_info(run).status, MODELLAB_RUN_FAILED);
    assert_string_equal(kit_info(run).failed_step, "noop");
    assert_string_equal(steps_of(run), "noop FAILED internal;noop_may_fail SKIPPED "
                                       "dependency_failed;noop_always COMPLETED none;");
    modellab_run_unref(run);
    /* Nothing is left that is always done: it ends at once, as ever. */
    run = kit_execute_bare(*state, "{\"steps\":[\"noop\",\"noop_may_fail\"]}", "noop", id);
    assert_string_equal(steps_of(run), "noop FAILED internal;");
    modellab_run_unref(run);
    /* What is always done fails, too: the first failure is the run's. */
    run = kit_execute_bare(*state, "{\"steps\":[\"noop\",\"noop_always\"]}", "noop_always", id);
    assert_string_equal(kit_info(run).failed_step, "noop_always");
    modellab_run_unref(run);
}

/* After a cancel nothing is begun, not even what is always done. */
static void a_cancel_ends_it_all(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    kit_submit_bare(k, "{\"steps\":[\"noop\",\"noop_may_fail\",\"noop_always\"]}", id);
    pid_t host = kit_start_host(k, &(kit_host){.fail_step = "noop_may_fail:sleep=60000"});
    (void)kit_worker_pid(k, id);
    kit_wait_events(k, id, "step_started", 2);
    (void)kit_cancel(k, id);
    (void)kit_wait_final(k, id);
    kit_expect_end(k, id, MODELLAB_RUN_CANCELLED, MODELLAB_REASON_CANCELLED_BY_USER);
    kit_stop_host(k, host);
    modellab_run *run = kit_load(k, id);
    assert_string_equal(steps_of(run),
                        "noop COMPLETED none;noop_may_fail CANCELLED cancelled_by_user;");
    modellab_run_unref(run);
}

/* A text is all the input; it gets what the step before has made, also when that was taken over. */
static void text_and_what_is_handed_on(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES], child[MODELLAB_RUN_ID_BYTES];
    modellab_run *run = kit_execute_bare(k,
                                         "{\"steps\":[\"noop_may_fail\",\"noop_text\"],\"config\":{"
                                         "\"noop_text\":{\"text\":\"gr\\u00fcn\"}}}",
                                         NULL, id);
    assert_int_equal(kit_info(run).status, MODELLAB_RUN_COMPLETED);
    expect_file(k, id, "artifacts/1-text.txt", "made\ngr\xc3\xbcn");
    kit_expect_json(run,
                    "\"requested_config\":{\"text\":\"gr\xc3\xbcn\"},\"resolved_config\":{\"text\":"
                    "\"gr\xc3\xbcn\",\"times\":1},\"models\":[]");
    modellab_run_unref(run);

    modellab_run_again_options again = MODELLAB_RUN_AGAIN_OPTIONS_INIT;
    again.overrides = "{\"config\":{\"noop_text\":{\"text\":\"blue\"}}}";
    assert_int_equal(modellab_run_rerun(k->lab, id, &again, child, NULL, NULL), MODELLAB_OK);
    pid_t host = kit_start_host(k, &(kit_host){0});
    assert_int_equal(kit_wait_final(k, child), MODELLAB_RUN_COMPLETED);
    kit_stop_host(k, host);
    run = kit_load(k, child);
    char reused[128];
    (void)snprintf(reused, sizeof(reused), "\"reused_from\":\"%s\"", id);
    kit_expect_json(run, reused); /* noop_may_fail */
    expect_file(k, child, "artifacts/1-text.txt", "made\nblue");
    modellab_run_unref(run);
}

static void a_long_option_is_told_by_its_sha256(void **state)
{
    char id[MODELLAB_RUN_ID_BYTES], request[3000];
    int n = snprintf(request, sizeof(request),
                     "{\"steps\":[\"noop_text\"],\"config\":{\"noop_text\":{\"text\":\"%.*d\"}}}",
                     2000, 7);
    assert_true(n > 0 && n < (int)sizeof(request));
    modellab_run *run = kit_execute_bare(*state, request, NULL, id);
    assert_int_equal(kit_info(run).status, MODELLAB_RUN_COMPLETED);
    kit_expect_json(run, "\"resolved_config\":{\"text\":{\"bytes\":2002,\"sha256\":\"");
    modellab_run_unref(run);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(all_complete),
        KIT_TEST(one_that_may_fail_does),
        KIT_TEST(the_only_purpose_fails),
        KIT_TEST(another_failure_ends_the_run),
        KIT_TEST(a_cancel_ends_it_all),
        KIT_TEST(text_and_what_is_handed_on),
        KIT_TEST(a_long_option_is_told_by_its_sha256),
    };
    if (!kit_arguments(argc, argv, 0) || setenv("MODEL_LAB_TESTING", "1", 1) != 0) {
        return 2;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
