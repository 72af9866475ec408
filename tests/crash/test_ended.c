/* The bundle of a run that no step could finish: after a cancel, a deadline, a cap, the worker's
 * death under a supervisor and without one. What there is is gathered from what was recorded, what
 * is absent says why, and the ledger tiles the input. test_ended WORKER HOST */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "crash/kit.h"

#define STEPS "{\"steps\":[\"vad\",\"asr\",\"summary\",\"bundle\"]"

static const char *text_of(const mli_json *object, const char *key)
{
    return mli_json_string(mli_json_get(object, key), "");
}

static const mli_json *part_of(const mli_json *manifest, const char *list, const char *name)
{
    const mli_json *parts = mli_json_get(manifest, list);
    for (size_t i = 0; i < mli_json_count(parts); i++) {
        if (strcmp(text_of(mli_json_at(parts, i), "part"), name) == 0) {
            return mli_json_at(parts, i);
        }
    }
    fail_msg("the manifest's %s have no %s", list, name);
    return NULL;
}

/* The ledger tiles the minute; the milliseconds of `label` with `reason`. */
static int64_t spent(kit *k, const char *id, const char *label, const char *reason)
{
    mli_json *root = kit_read_json(k, id, "coverage.json");
    const mli_json *parts = mli_json_get(root, "parts");
    double at = 0, sum = 0;
    for (size_t i = 0; i < mli_json_count(parts); i++) {
        const mli_json *one = mli_json_at(parts, i);
        assert_true(mli_json_number(mli_json_get(one, "start"), NAN) == at);
        double end = mli_json_number(mli_json_get(one, "end"), NAN);
        bool counts = strcmp(text_of(one, "label"), label) == 0 &&
                      (reason == NULL || strcmp(text_of(one, "reason"), reason) == 0);
        sum += counts ? end - at : 0;
        at = end;
    }
    assert_true(at == 60.0);
    mli_json_free(root);
    return llround(sum * 1000.0);
}

/* What each of these runs has: the step that was done, a bundle that is in the record, and files
 * that are what the record says. */
static mli_json *check_bundle(kit *k, const char *id, const char *cause)
{
    modellab_report *report = NULL;
    modellab_run *run = kit_load(k, id);
    mli_json *manifest = kit_read_json(k, id, "bundle_manifest.json");
    assert_string_equal(text_of(part_of(manifest, "parts", "speech"), "filename"), "speech.json");
    (void)part_of(manifest, "parts", "coverage");
    const mli_json *summary = part_of(manifest, "absent", "summary");
    assert_string_equal(text_of(summary, "reason"), "not_reached");
    assert_string_equal(text_of(summary, "cause"), cause);
    kit_expect_json(run, "\"bundle_manifest.json\"");
    kit_expect_json(run, "\"coverage.json\"");
    assert_int_equal(modellab_run_verify(k->lab, id, NULL, &report, NULL), MODELLAB_OK);
    for (size_t i = 0; i < modellab_report_count(report); i++) {
        modellab_finding f = MODELLAB_FINDING_INIT;
        assert_int_equal(modellab_report_at(report, i, &f, NULL), MODELLAB_OK);
        if (f.severity >= MODELLAB_SEVERITY_WARNING) {
            fail_msg("%s: %s", f.id, f.text);
        }
    }
    modellab_report_unref(report);
    modellab_run_unref(run);
    return manifest;
}

/* The first window is in the journal when the worker dies. */
static void a_worker_that_died(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    kit_submit_sample(k, STEPS "}", 2, id);
    modellab_run_unref(kit_execute(k, "asr:die_windows", id));
    kit_expect_end(k, id, MODELLAB_RUN_FAILED, MODELLAB_REASON_WORKER_DIED);
    mli_json *manifest = check_bundle(k, id, "worker_died");
    const mli_json *text = part_of(manifest, "parts", "transcript");
    assert_true(mli_json_bool(mli_json_get(text, "partial"), false));
    (void)part_of(manifest, "parts", "subtitles");
    mli_json_free(manifest);
    assert_true(spent(k, id, "transcribed", NULL) > 15000);
    int64_t failed = spent(k, id, "failed", "worker_died");
    assert_in_range(failed, 20000, 40000);
    assert_int_equal(failed, spent(k, id, "failed", NULL));
}

/* Submits, waits until recognition sleeps, and lets `then` end the run. */
static void end_in_asr(kit *k, const char *request, bool cancel, char id[MODELLAB_RUN_ID_BYTES])
{
    kit_submit_sample(k, request, 2, id);
    pid_t host = kit_start_host(k, &(kit_host){.fail_step = "asr:sleep=60000"});
    while (cancel && kit_count_events(k, id, "step_started") < 3) {
        kit_sleep_ms(5);
    }
    if (cancel) {
        (void)kit_cancel(k, id);
    }
    (void)kit_wait_final(k, id);
    kit_stop_host(k, host);
}

static void a_cancel(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    end_in_asr(k, STEPS "}", true, id);
    kit_expect_end(k, id, MODELLAB_RUN_CANCELLED, MODELLAB_REASON_CANCELLED_BY_USER);
    mli_json *manifest = check_bundle(k, id, "cancelled_by_user");
    const mli_json *text = part_of(manifest, "absent", "transcript");
    assert_string_equal(text_of(text, "reason"), "cancelled");
    mli_json_free(manifest);
    assert_int_equal(spent(k, id, "dropped", "cancelled"), 60000); /* by wish: nothing failed */
}

static void a_deadline_and_a_cap(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    end_in_asr(k, STEPS ",\"max_duration_seconds\":4}", false, id);
    kit_expect_end(k, id, MODELLAB_RUN_TIMEOUT, MODELLAB_REASON_RUN_TIMEOUT);
    mli_json_free(check_bundle(k, id, "run_timeout"));
    assert_int_equal(spent(k, id, "failed", "run_timeout"), 60000);
    kit_submit_sample(k, STEPS ",\"caps\":{\"cpu_seconds\":1.5}}", 2, id);
    modellab_run_unref(kit_execute(k, NULL, id));
    kit_expect_end(k, id, MODELLAB_RUN_FAILED, MODELLAB_REASON_CPU_CAP);
    mli_json_free(check_bundle(k, id, "cpu_cap"));
    assert_true(spent(k, id, "failed", "cpu_cap") > 0);
}

/* Nobody has seen it die; who finds it gathers. Another look changes nothing. */
static void nobody_was_there(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES], path[512];
    size_t bytes = 0, again = 0;
    kit_submit_sample(k, STEPS "}", 2, id);
    pid_t host = kit_start_host(k, &(kit_host){.fail_step = "asr:sleep=60000"});
    while (kit_count_events(k, id, "step_started") < 3) {
        kit_sleep_ms(5);
    }
    kit_kill_both(k, host, kit_worker_pid(k, id));
    kit_reopen(k);
    kit_expect_end(k, id, MODELLAB_RUN_STALE, MODELLAB_REASON_WORKER_LOST);
    mli_json_free(check_bundle(k, id, "worker_lost"));
    assert_int_equal(spent(k, id, "failed", "worker_lost"), 60000);
    kit_run_path(k, id, "artifacts/1-bundle_manifest.json", path);
    char *first = kit_read_bytes(path, &bytes);
    kit_reopen(k);
    char *second = kit_read_bytes(path, &again);
    assert_int_equal(bytes, again);
    assert_memory_equal(first, second, bytes);
    free(first);
    free(second);
}

int main(int argc, char **argv)
{
    static const char *const more[] = {"silero-vad-v6", NULL};
    const struct CMUnitTest tests[] = {KIT_TEST(a_worker_that_died), KIT_TEST(a_cancel),
                                       KIT_TEST(a_deadline_and_a_cap), KIT_TEST(nobody_was_there)};
    int code = 0;
    if (!kit_begin_with_models(argc, argv, more, &code)) {
        return code;
    }
    return kit_end_with_models(cmocka_run_group_tests(tests, NULL, NULL));
}
