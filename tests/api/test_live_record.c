/* Live recognition as a run: measures, cost and transcript of one that went well, and those that
 * end for a cap, a deadline, a cancel of the run, a host that goes. Models as test_live.c.
 * test_live_record FOLDER */
#include "api/live_kit.h"

#include <signal.h>
#include <sys/wait.h>

enum { HALF = 12 * RATE };

static live_models models;
static heard h;
static modellab_lab *lab;
static const char *program;
static modellab_asr_options one_thread = MODELLAB_ASR_OPTIONS_INIT;

static modellab_live_options plain(void)
{
    modellab_live_options o = MODELLAB_LIVE_OPTIONS_INIT;

    one_thread.threads = 1;
    heard_init(&h);
    o.asr_options = &one_thread;
    o.asr = models.asr;
    o.vad = models.vad;
    o.callback = listen;
    o.user = &h;
    o.when_full = MODELLAB_LIVE_FULL_BLOCK;
    o.queue_seconds = 2.0;
    o.partial_seconds = -1.0;
    o.lab = lab;
    return o;
}

/* The run and its facts. */
static modellab_run *load(const char *run_id, modellab_run_info *info)
{
    modellab_run *run = NULL;

    info->size = sizeof *info;
    OK(modellab_run_load(lab, run_id, &run, NULL));
    OK(modellab_run_get_info(run, info, NULL));
    return run;
}

static void read_transcript(const modellab_run *run, const char *name, char *out, size_t bytes)
{
    modellab_run_info info = {.size = sizeof info};
    modellab_artifact_info artifact = {.size = sizeof artifact};
    modellab_transcript *text = NULL;
    modellab_buffer *data = NULL;

    OK(modellab_run_get_info(run, &info, NULL));
    assert_int_equal(modellab_run_artifact_count(run), 1);
    OK(modellab_run_artifact_at(run, 0, &artifact, NULL));
    assert_string_equal(artifact.name, name);
    assert_string_equal(artifact.step, "asr");
    OK(modellab_run_read_artifact(lab, info.id, artifact.id, 1 << 20, &data, NULL));
    OK(modellab_transcript_read_json(modellab_buffer_data(data), modellab_buffer_size(data), NULL,
                                     &text, NULL));
    (void)snprintf(out, bytes, "%s", modellab_transcript_text(text));
    modellab_transcript_unref(text);
    modellab_buffer_destroy(data);
}

static void test_a_run(void **state)
{
    modellab_live_options o = plain();
    modellab_record_options record = MODELLAB_RECORD_OPTIONS_INIT;
    modellab_run_info info;
    modellab_transcript *all = NULL;
    modellab_live *live = NULL;
    char text[4096];

    (void)state;
    record.user = "ann";
    record.request_id = "req-live-1";
    o.record = &record;
    OK(modellab_live_open(&o, &live, NULL));
    modellab_run *run = load(modellab_live_run_id(live), &info);
    assert_int_equal(info.status, MODELLAB_RUN_RUNNING);
    assert_string_equal(info.pipeline, "live");
    assert_string_equal(info.user, "ann");
    modellab_run_unref(run);
    OK(modellab_live_push(live, models.pcm, HALF * 2, NULL));
    OK(modellab_live_finish(live, &all, NULL));
    run = load(modellab_live_run_id(live), &info);
    assert_int_equal(info.status, MODELLAB_RUN_COMPLETED);
    assert_string_equal(info.request_id, "req-live-1");
    assert_string_equal(info.model, "whisper-tiny.en");
    assert_int_equal(strlen(info.model_sha256), 64);
    assert_true(info.audio_seconds == 12.0 && info.progress_seconds == 12.0);
    assert_true(info.cpu_seconds > 0.05 && info.cost_micros > 0);
    read_transcript(run, "transcript.json", text, sizeof text);
    assert_string_equal(text, modellab_transcript_text(all));
    assert_true(strlen(text) > 10);
    modellab_run_unref(run);
    modellab_transcript_unref(all);
    modellab_live_destroy(live);
}

/* What a host says of the stream before it kills itself. */
static int32_t say_and_die(void *user, const modellab_live_event *event)
{
    if (event->kind == MODELLAB_LIVE_FINAL) {
        printf("%s%s", *(int *)user > 0 ? " " : "", event->text); /* as a transcript joins them */
        (void)fflush(stdout);
        if (++*(int *)user == 2)
            (void)raise(SIGKILL);
    }
    return 0;
}

static int host_that_dies(void)
{
    modellab_live_options o = plain();
    modellab_live *live = NULL;
    int finals = 0;

    o.callback = say_and_die;
    o.user = &finals;
    OK(modellab_live_open(&o, &live, NULL));
    printf("%s\n", modellab_live_run_id(live));
    while (modellab_live_push(live, models.pcm, models.count * 2, NULL) == MODELLAB_OK)
        ;
    return 1;
}

/* Final results that a killed host has told stand in its run once it was reconciled. */
static void test_the_host_is_killed(void **state)
{
    char command[8192], run_id[64] = "", said[4096] = "", text[4096];
    modellab_report *report = NULL;
    modellab_run_info info;

    (void)state;
    (void)snprintf(command, sizeof command, "exec '%s' '%s' dies", program, modellab_lab_root(lab));
    FILE *host = popen(command, "r");
    assert_non_null(host);
    assert_non_null(fgets(run_id, sizeof run_id, host));
    run_id[strcspn(run_id, "\n")] = '\0';
    assert_true(fread(said, 1, sizeof said - 1, host) > 10);
    int ended = pclose(host);
    assert_true(WIFSIGNALED(ended) && WTERMSIG(ended) == SIGKILL);
    OK(modellab_lab_reconcile(lab, 0, &report, NULL));
    modellab_report_unref(report);
    modellab_run *run = load(run_id, &info);
    assert_int_equal(info.status, MODELLAB_RUN_STALE);
    read_transcript(run, "transcript.partial.json", text, sizeof text);
    assert_string_equal(text, said);
    assert_true(info.audio_seconds > 1.0 && info.progress_seconds == info.audio_seconds);
    assert_true(info.cpu_seconds > 0.01 && info.cost_micros > 0);
    modellab_run_unref(run);
}

/* Who follows the run has each final result before the stream goes on. */
static int32_t follow(void *user, const modellab_live_event *event)
{
    modellab_segment_feed **feed = user;
    modellab_transcript *next = NULL;

    if (event->kind != MODELLAB_LIVE_FINAL)
        return 0;
    if (*feed == NULL)
        return 1;
    modellab_status status = modellab_segment_feed_next(*feed, 0, NULL, &next, NULL);
    const bool same = next == NULL ? event->text[0] == '\0'
                                   : strcmp(modellab_transcript_text(next), event->text) == 0;
    modellab_transcript_unref(next);
    return same && (status == MODELLAB_OK || status == MODELLAB_E_TIMEOUT) ? 0 : 1;
}

static void test_it_is_followed(void **state)
{
    modellab_live_options o = plain();
    modellab_segment_feed *feed = NULL;
    modellab_transcript *rest = NULL;
    modellab_cancel *token = NULL;
    modellab_report *report = NULL;
    modellab_live *live = NULL;

    (void)state;
    h.then = follow;
    h.user = &feed;
    OK(modellab_live_open(&o, &live, NULL));
    OK(modellab_segment_feed_open(lab, modellab_live_run_id(live), &feed, NULL));
    OK(modellab_live_push(live, models.pcm, models.count * 2, NULL));
    OK(modellab_live_finish(live, NULL, NULL));
    assert_true(heard_count(&h, MODELLAB_LIVE_FINAL) >= 2);
    OK(modellab_segment_feed_next(feed, 60000, NULL, &rest, NULL));
    assert_null(rest); /* all of it was given */
    modellab_segment_feed_close(feed);
    /* one who was cancelled before he read, and reads on all the same: nothing is lost */
    OK(modellab_cancel_create(NULL, &token, NULL));
    modellab_cancel_set(token);
    OK(modellab_segment_feed_open(lab, modellab_live_run_id(live), &feed, NULL));
    assert_int_equal(modellab_segment_feed_next(feed, 0, token, &rest, NULL), MODELLAB_E_CANCELLED);
    assert_null(rest);
    OK(modellab_segment_feed_next(feed, 0, NULL, &rest, NULL));
    assert_non_null(rest);
    modellab_transcript_unref(rest);
    modellab_segment_feed_close(feed);
    modellab_cancel_unref(token);
    OK(modellab_run_verify(lab, modellab_live_run_id(live), NULL, &report, NULL));
    for (size_t i = 0; i < modellab_report_count(report); i++) {
        modellab_finding f = {.size = sizeof f};
        OK(modellab_report_at(report, i, &f, NULL));
        assert_null(strstr(f.id, "journal"));
    }
    modellab_report_unref(report);
    modellab_live_destroy(live);
}

/* Pushes until the stream is over; `last` is what it then says. */
static modellab_status push_to_end(modellab_live *live)
{
    modellab_status status;

    do {
        status = modellab_live_push(live, models.pcm, models.count * 2, NULL);
    } while (status == MODELLAB_OK);
    return status;
}

static void expect_end(const modellab_live_options *o, modellab_status status,
                       modellab_run_status run_status, modellab_reason reason, bool partial)
{
    modellab_run_info info;
    modellab_live *live = NULL;
    char text[4096];

    OK(modellab_live_open(o, &live, NULL));
    assert_int_equal(push_to_end(live), status);
    assert_int_equal(modellab_live_finish(live, NULL, NULL), status);
    assert_int_equal(h.end_status, status);
    modellab_run *run = load(modellab_live_run_id(live), &info);
    assert_int_equal(info.status, run_status);
    assert_int_equal(info.reason, reason);
    if (partial)
        read_transcript(run, "transcript.partial.json", text, sizeof text);
    modellab_run_unref(run);
    modellab_live_destroy(live);
}

static void test_caps_and_deadline(void **state)
{
    modellab_live_options o = plain();
    modellab_record_options record = MODELLAB_RECORD_OPTIONS_INIT;
    modellab_caps caps = MODELLAB_CAPS_INIT;

    (void)state;
    o.record = &record;
    record.caps = &caps;
    caps.set = MODELLAB_CAP_AUDIO_SECONDS;
    caps.audio_seconds = 9.0;
    expect_end(&o, MODELLAB_E_CAP_EXCEEDED, MODELLAB_RUN_FAILED, MODELLAB_REASON_AUDIO_CAP, true);
    caps.set = MODELLAB_CAP_CPU_SECONDS;
    caps.cpu_seconds = 0.05;
    heard_init(&h);
    expect_end(&o, MODELLAB_E_CAP_EXCEEDED, MODELLAB_RUN_FAILED, MODELLAB_REASON_CPU_CAP, true);
    caps.set = 0;
    record.max_duration_ms = 1;
    heard_init(&h);
    expect_end(&o, MODELLAB_E_TIMEOUT, MODELLAB_RUN_TIMEOUT, MODELLAB_REASON_RUN_TIMEOUT, true);
}

static int32_t cancel_run(void *user, const modellab_live_event *event)
{
    modellab_cancel_outcome outcome = 0;
    const char *run_id = modellab_live_run_id(*(modellab_live **)user);

    if (event->kind == MODELLAB_LIVE_FINAL &&
        modellab_run_cancel(lab, run_id, &outcome, NULL) != MODELLAB_OK)
        return 1;
    return 0;
}

/* Somebody else cancels the run; the stream asks the store. */
static void test_the_run_is_cancelled(void **state)
{
    modellab_live_options o = plain();
    modellab_run_info info;
    modellab_live *live = NULL;

    (void)state;
    h.then = cancel_run;
    h.user = &live;
    OK(modellab_live_open(&o, &live, NULL));
    assert_int_equal(push_to_end(live), MODELLAB_E_CANCELLED);
    assert_int_equal(modellab_live_finish(live, NULL, NULL), MODELLAB_E_CANCELLED);
    modellab_run *run = load(modellab_live_run_id(live), &info);
    assert_int_equal(info.status, MODELLAB_RUN_CANCELLED);
    modellab_run_unref(run);
    modellab_live_destroy(live);
}

static int32_t cancel_stream(void *user, const modellab_live_event *event)
{
    if (event->kind == MODELLAB_LIVE_FINAL)
        modellab_live_cancel(*(modellab_live **)user);
    return 0;
}

static int32_t stop_host(void *user, const modellab_live_event *event)
{
    if (event->kind == MODELLAB_LIVE_FINAL) {
        modellab_live_stop(*(modellab_live **)user, "The server stops.");
        modellab_live_cancel(*(modellab_live **)user); /* the first one counts */
    }
    return 0;
}

/* A host that goes: what was said stays, and the run tells why it ended. */
static void test_the_host_stops(void **state)
{
    modellab_live_options o = plain();
    modellab_run_info info;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_transcript *all = NULL;
    modellab_live *live = NULL;
    char text[4096];

    (void)state;
    h.then = stop_host;
    h.user = &live;
    OK(modellab_live_open(&o, &live, NULL));
    assert_int_equal(push_to_end(live), MODELLAB_E_CANCELLED);
    assert_int_equal(modellab_live_finish(live, &all, &err), MODELLAB_E_CANCELLED);
    assert_string_equal(err.message, "The server stops.");
    modellab_run *run = load(modellab_live_run_id(live), &info);
    assert_int_equal(info.status, MODELLAB_RUN_CANCELLED);
    assert_int_equal(info.reason, MODELLAB_REASON_HOST_STOPPED);
    assert_string_equal(info.message, "The server stops.");
    read_transcript(run, "transcript.partial.json", text, sizeof text);
    assert_true(strlen(text) > 3);
    assert_string_equal(text, modellab_transcript_text(all));
    modellab_run_unref(run);
    modellab_transcript_unref(all);
    modellab_live_destroy(live);
    o = plain(); /* without a reason, before anything was said */
    OK(modellab_live_open(&o, &live, NULL));
    modellab_live_stop(live, NULL);
    assert_int_equal(modellab_live_push(live, models.pcm, 2, &err), MODELLAB_E_CANCELLED);
    assert_string_equal(err.message, "The host stopped before the run ended.");
    assert_int_equal(modellab_live_finish(live, NULL, NULL), MODELLAB_E_CANCELLED);
    run = load(modellab_live_run_id(live), &info);
    assert_int_equal(info.reason, MODELLAB_REASON_HOST_STOPPED);
    modellab_run_unref(run);
    modellab_live_destroy(live);
}

static int32_t refuse(void *user, const modellab_live_event *event)
{
    (void)user;
    return event->kind == MODELLAB_LIVE_FINAL;
}

static void test_hosts(void **state)
{
    modellab_live_options o = plain();
    modellab_run_info info;
    modellab_live *live = NULL;
    char run_id[MODELLAB_RUN_ID_BYTES];

    (void)state;
    h.then = cancel_stream;
    h.user = &live;
    OK(modellab_live_open(&o, &live, NULL));
    assert_int_equal(push_to_end(live), MODELLAB_E_CANCELLED);
    assert_int_equal(modellab_live_finish(live, NULL, NULL), MODELLAB_E_CANCELLED);
    modellab_run *run = load(modellab_live_run_id(live), &info);
    assert_int_equal(info.status, MODELLAB_RUN_CANCELLED);
    modellab_run_unref(run);
    modellab_live_destroy(live);
    o = plain();
    h.then = refuse;
    expect_end(&o, MODELLAB_E_CALLBACK, MODELLAB_RUN_FAILED, MODELLAB_REASON_HOST_FAILED, true);
    o = plain(); /* it is destroyed while it is open */
    OK(modellab_live_open(&o, &live, NULL));
    (void)snprintf(run_id, sizeof run_id, "%s", modellab_live_run_id(live));
    modellab_live_destroy(live);
    run = load(run_id, &info);
    assert_int_equal(info.status, MODELLAB_RUN_CANCELLED);
    modellab_run_unref(run);
}

static void test_refused(void **state)
{
    modellab_live_options o = plain();
    modellab_record_options record = MODELLAB_RECORD_OPTIONS_INIT;
    modellab_live *live = NULL;

    (void)state;
    o.record = &record;
    record.config_json = "[]";
    assert_int_equal(modellab_live_open(&o, &live, NULL), MODELLAB_E_INVALID_JSON);
    assert_null(live);
    assert_int_equal(h.count, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_run),
        cmocka_unit_test(test_caps_and_deadline),
        cmocka_unit_test(test_the_run_is_cancelled),
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_the_host_stops),
        cmocka_unit_test(test_the_host_is_killed),
        cmocka_unit_test(test_it_is_followed),
        cmocka_unit_test(test_refused),
    };
    int ready = live_models_open(&models, NULL);

    if (ready == 77) {
        puts("skipped: MODEL_LAB_TEST_MODELS lacks whisper-tiny.en, silero-vad-v6 or the sample");
        return 77;
    }
    program = argv[0];
    if (ready != 0 || argc < 2 || modellab_lab_open(argv[1], NULL, &lab, NULL) != MODELLAB_OK)
        return 1;
    if (argc == 3)
        return host_that_dies();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    modellab_lab_unref(lab);
    live_models_close(&models);
    return failed;
}
