/* The bundle of a run that no step could finish: after a cancel, a deadline, a cap, the worker's
 * death under a supervisor and without one, or whose own step broke off. What there is is gathered
 * from what was recorded, what is absent says why, and the ledger tiles the input. test_ended
 * WORKER HOST */
#include <math.h>
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

/* All files are what the record says. */
static void check_files(kit *k, const char *id)
{
    modellab_report *report = NULL;
    assert_int_equal(modellab_run_verify(k->lab, id, NULL, &report, NULL), MODELLAB_OK);
    for (size_t i = 0; i < modellab_report_count(report); i++) {
        modellab_finding f = MODELLAB_FINDING_INIT;
        assert_int_equal(modellab_report_at(report, i, &f, NULL), MODELLAB_OK);
        if (f.severity >= MODELLAB_SEVERITY_WARNING) {
            fail_msg("%s: %s", f.id, f.text);
        }
    }
    modellab_report_unref(report);
}

static void expect_step(const kit *k, const char *id, const char *name, const char *status)
{
    modellab_buffer *json = NULL;
    mli_json *root = NULL;
    bool found = false;
    modellab_run *run = kit_load(k, id);
    assert_int_equal(modellab_run_to_json(run, &json, NULL), MODELLAB_OK);
    assert_int_equal(mli_json_parse(modellab_buffer_data(json), modellab_buffer_size(json), 1 << 20,
                                    &root, NULL),
                     MODELLAB_OK);
    const mli_json *steps = mli_json_get(root, "steps");
    for (size_t i = 0; i < mli_json_count(steps); i++) {
        if (strcmp(text_of(mli_json_at(steps, i), "name"), name) == 0) {
            assert_string_equal(text_of(mli_json_at(steps, i), "status"), status);
            found = true;
        }
    }
    assert_true(found);
    mli_json_free(root);
    modellab_buffer_destroy(json);
    modellab_run_unref(run);
}

/* What each of these runs has: the step that was done, a bundle that is in the record, and files
 * that are what the record says. */
static mli_json *check_bundle(kit *k, const char *id, const char *cause)
{
    modellab_run *run = kit_load(k, id);
    mli_json *manifest = kit_read_json(k, id, "bundle_manifest.json");
    assert_string_equal(text_of(part_of(manifest, "parts", "speech"), "filename"), "speech.json");
    (void)part_of(manifest, "parts", "coverage");
    const mli_json *summary = part_of(manifest, "absent", "summary");
    assert_string_equal(text_of(summary, "reason"), "not_reached");
    assert_string_equal(text_of(summary, "cause"), cause);
    kit_expect_json(run, "\"bundle_manifest.json\"");
    kit_expect_json(run, "\"coverage.json\"");
    check_files(k, id);
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

/* Submits with a limit that ends recognition, which works for ever, and not what is before it: on a
 * slow machine that takes a larger one. `request` has a place for it. */
static void end_in_asr(kit *k, const char *request, const char *fault,
                       char id[MODELLAB_RUN_ID_BYTES])
{
    for (double limit = 3; limit < 1000; limit *= 4) {
        char text[256];
        int bytes = snprintf(text, sizeof(text), "%s,%s%g}", STEPS, request, limit);
        assert_in_range(bytes, 1, sizeof(text) - 2);
        if (strchr(request, '{') != NULL) {
            memcpy(text + bytes, "}", 2);
        }
        kit_submit_sample(k, text, 2, id);
        modellab_run_unref(kit_execute(k, fault, id));
        if (kit_count_events(k, id, "step_started") == 3) {
            return;
        }
    }
    fail_msg("recognition was never reached");
}

static void a_cancel(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    kit_submit_sample(k, STEPS "}", 2, id);
    pid_t host = kit_start_host(k, &(kit_host){.fail_step = "asr:sleep=3600000"});
    kit_wait_events(k, id, "step_started", 3);
    (void)kit_cancel(k, id);
    (void)kit_wait_final(k, id);
    kit_stop_host(k, host);
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
    end_in_asr(k, "\"max_duration_seconds\":", "asr:sleep=3600000", id);
    kit_expect_end(k, id, MODELLAB_RUN_TIMEOUT, MODELLAB_REASON_RUN_TIMEOUT);
    mli_json_free(check_bundle(k, id, "run_timeout"));
    assert_int_equal(spent(k, id, "failed", "run_timeout"), 60000);
    end_in_asr(k, "\"caps\":{\"cpu_seconds\":", "asr:spin", id);
    kit_expect_end(k, id, MODELLAB_RUN_FAILED, MODELLAB_REASON_CPU_CAP);
    mli_json_free(check_bundle(k, id, "cpu_cap"));
    assert_int_equal(spent(k, id, "failed", "cpu_cap"), 60000);
}

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;
    for (; (text = strstr(text, part)) != NULL; text++) {
        count++;
    }
    return count;
}

/* The bundle's own step fails, or its worker dies in it, before all its files or when only the
 * manifest is missing: it is completed, each file is recorded once, and the events say of the step
 * what the record says. */
static void a_bundle_that_broke_off(void **state)
{
    static const char *const names[] = {"transcript.srt", "summary.md", "coverage.json",
                                        "bundle_manifest.json"};
    static const struct {
        const char *plan;
        modellab_reason reason;
        bool ended; /* the step has ended, badly, by what its worker said */
    } cases[] = {{"bundle", MODELLAB_REASON_INTERNAL, true},
                 {"bundle:die", MODELLAB_REASON_WORKER_DIED, false},
                 {"bundle:fail_manifest", MODELLAB_REASON_NO_SPACE, true},
                 {"bundle:die_manifest", MODELLAB_REASON_WORKER_DIED, false}};
    kit *k = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char id[MODELLAB_RUN_ID_BYTES], step[64];
        modellab_buffer *json = NULL;
        print_message("%s\n", cases[i].plan);
        kit_submit_start(k, STEPS "}", 10, id);
        modellab_run *run = kit_execute(k, cases[i].plan, id);
        kit_expect_end(k, id, MODELLAB_RUN_FAILED, cases[i].reason);
        assert_int_equal(modellab_run_to_json(run, &json, NULL), MODELLAB_OK);
        for (size_t n = 0; n < 4; n++) {
            (void)snprintf(step, sizeof(step), "\"filename\":\"%s\"", names[n]);
            assert_int_equal(count_of(modellab_buffer_data(json), step), 1);
        }
        modellab_buffer_destroy(json);
        modellab_run_unref(run);
        check_files(k, id);
        assert_int_equal(kit_count_events(k, id, "step_completed"), cases[i].ended ? 4 : 5);
        assert_int_equal(kit_count_events(k, id, "step_failed"), cases[i].ended ? 1 : 0);
        expect_step(k, id, "bundle", cases[i].ended ? "FAILED" : "COMPLETED");
        mli_json *manifest = kit_read_json(k, id, "bundle_manifest.json");
        const char *const parts[] = {"transcript", "subtitles", "speech", "summary", "coverage"};
        for (size_t n = 0; n < 5; n++) {
            (void)part_of(manifest, "parts", parts[n]);
        }
        mli_json_free(manifest);
    }
}

/* More runs end at once than a supervisor gathers for in a turn: each has its bundle. */
static void many_at_once(void **state)
{
    enum { RUNS = 7 };
    kit *k = *state;
    char ids[RUNS][MODELLAB_RUN_ID_BYTES];
    for (int i = 0; i < RUNS; i++) {
        kit_submit(k, "{\"steps\":[\"ingest\",\"bundle\"]}", 1, ids[i]);
    }
    pid_t host =
        kit_start_host(k, &(kit_host){.fail_step = "bundle:sleep=3600000", .workers = RUNS});
    for (int i = 0; i < RUNS; i++) {
        kit_wait_events(k, ids[i], "step_started", 2); /* the bundle is under way */
    }
    kit_hold(host);
    for (int i = 0; i < RUNS; i++) {
        assert_true(kit_kill_worker(k, ids[i]) != 0);
    }
    assert_int_equal(kill(host, SIGCONT), 0);
    for (int i = 0; i < RUNS; i++) {
        assert_int_equal(kit_wait_final(k, ids[i]), MODELLAB_RUN_FAILED);
        mli_json *manifest = kit_read_json(k, ids[i], "bundle_manifest.json");
        (void)part_of(manifest, "parts", "coverage");
        mli_json_free(manifest);
    }
    kit_stop_host(k, host); /* which has written the manifests then */
    for (int i = 0; i < RUNS; i++) {
        check_files(k, ids[i]);
    }
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
    const struct CMUnitTest tests[] = {
        KIT_TEST(a_worker_that_died),      KIT_TEST(a_cancel),
        KIT_TEST(a_deadline_and_a_cap),    KIT_TEST(nobody_was_there),
        KIT_TEST(a_bundle_that_broke_off), KIT_TEST(many_at_once)};
    int code = 0;
    if (!kit_begin_with_models(argc, argv, more, &code)) {
        return code;
    }
    return kit_end_with_models(cmocka_run_group_tests(tests, NULL, NULL));
}
