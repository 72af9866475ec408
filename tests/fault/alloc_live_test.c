/* Allocations of live recognition fail once, and from then on: each of opening, pushing, hearing
 * and ending a stream without speech, and samples of the thousands that recognise a word (those of
 * the recogniser itself have their own tests). The models are opened before, with the same
 * allocator. They are those of tests/api/test_live.c; without them it is skipped (77). */
#include "api/live_kit.h"
#include "fault/faulty_alloc.h"

enum { SPEECH = 6 * RATE, COUNT = 5 * RATE / 2 };

static faulty_alloc state_of_all;
static live_models models;

static const char *root;  /* of the lab */
static modellab_lab *lab; /* where the streams are recorded; NULL = nowhere */
static char run_id[MODELLAB_RUN_ID_BYTES];

static int32_t silent(void *user, const modellab_live_event *event)
{
    if (event->kind == MODELLAB_LIVE_FINAL && event->text[0] != '\0')
        ++*(int *)user;
    return 0;
}

/* The first status that was not OK. */
static modellab_status one_stream(size_t first, int *finals)
{
    modellab_live_options options = MODELLAB_LIVE_OPTIONS_INIT;
    modellab_asr_options asr = MODELLAB_ASR_OPTIONS_INIT;
    modellab_live_stats stats = {.size = sizeof stats};
    modellab_transcript *text = NULL;
    modellab_live *live = NULL;
    modellab_status status, finished;

    *finals = 0;
    asr.threads = 1;
    asr.language = "en";
    options.asr = models.asr;
    options.vad = models.vad;
    options.callback = silent;
    options.user = finals;
    options.asr_options = &asr;
    options.partial_seconds = 1.5; /* one of them */
    options.max_delay_seconds = 100.0;
    options.lab = lab;
    run_id[0] = '\0';
    status = modellab_live_open(&options, &live, NULL);
    if (status == MODELLAB_OK)
        status = modellab_live_push(live, models.pcm + first, COUNT * 2, NULL);
    if (live != NULL) {
        (void)snprintf(run_id, sizeof run_id, "%s", modellab_live_run_id(live));
        finished = modellab_live_finish(live, &text, NULL);
        status = status == MODELLAB_OK ? finished : status;
        if (modellab_live_get_stats(live, &stats, NULL) != MODELLAB_OK || stats.is_over != 1)
            status = MODELLAB_E_INTERNAL;
    }
    modellab_transcript_unref(text);
    modellab_live_destroy(live);
    return status;
}

/* Tries every `stride`th allocation after the first ones; how many were tried. */
static long try_all(size_t first, long stride, int least_finals)
{
    long alive = atomic_load(&state_of_all.live), at, tried = 0;
    int finals = 0;

    for (int mode = 0; mode < 2; mode++) {
        for (at = stride;; at += stride) {
            atomic_store(&state_of_all.calls, 0);
            atomic_store(&state_of_all.failed, false);
            atomic_store(&state_of_all.from_then_on, mode == 1);
            atomic_store(&state_of_all.fail_at, at);
            modellab_status status = one_stream(first, &finals);
            bool failed = atomic_load(&state_of_all.failed);
            atomic_store(&state_of_all.fail_at, 0);
            if (atomic_load(&state_of_all.live) != alive)
                fail_msg("failing call %ld: %ld blocks are alive", at,
                         atomic_load(&state_of_all.live) - alive);
            if (!failed) {
                assert_int_equal(status, MODELLAB_OK);
                assert_true(finals >= least_finals);
                break;
            }
            if (status != MODELLAB_E_NO_MEMORY)
                fail_msg("failing call %ld: %s", at, modellab_status_name(status));
            tried++;
        }
    }
    return tried;
}

static void test_silence(void **state)
{
    (void)state;
    assert_true(try_all(0, 1, 0) > 60);
}

static void test_speech(void **state)
{
    (void)state;
    assert_true(try_all(SPEECH, 23, 1) > 10);
}

static void open_the_lab(const modellab_allocator *alloc)
{
    modellab_lab_options options = MODELLAB_LAB_OPTIONS_INIT;

    options.allocator = alloc;
    options.flags = MODELLAB_LAB_NO_RECONCILE;
    OK(modellab_lab_open(root, &options, &lab, NULL));
}

/* What the stream left: its run can be ended, and what it has told is there. */
static void look_at_run(modellab_status status, int finals)
{
    modellab_run_info info = {.size = sizeof info};
    modellab_report *report = NULL;
    modellab_run *run = NULL;

    open_the_lab(NULL);
    OK(modellab_lab_reconcile(lab, 0, &report, NULL));
    modellab_report_unref(report);
    if (run_id[0] != '\0') {
        OK(modellab_run_load(lab, run_id, &run, NULL));
        OK(modellab_run_get_info(run, &info, NULL));
        if (status == MODELLAB_OK)
            assert_int_equal(info.status, MODELLAB_RUN_COMPLETED);
        else
            assert_true(info.status == MODELLAB_RUN_FAILED || info.status == MODELLAB_RUN_STALE);
        if (finals > 0)
            assert_int_equal(modellab_run_artifact_count(run), 1);
        modellab_run_unref(run);
    }
    modellab_lab_unref(lab);
    lab = NULL;
}

/* With a lab, each in one that was just opened. Some failures only cost a line of the log. */
static void record_all(size_t first, long stride, int least_finals)
{
    modellab_allocator table = faulty_table(&state_of_all);
    long alive = atomic_load(&state_of_all.live), tried = 0;
    int finals = 0;

    for (int mode = 0; mode < 2; mode++) {
        bool failed = true;
        for (long at = stride; failed; at += stride) {
            open_the_lab(&table);
            atomic_store(&state_of_all.calls, 0);
            atomic_store(&state_of_all.failed, false);
            atomic_store(&state_of_all.from_then_on, mode == 1);
            atomic_store(&state_of_all.fail_at, at);
            modellab_status status = one_stream(first, &finals);
            failed = atomic_load(&state_of_all.failed);
            atomic_store(&state_of_all.fail_at, 0);
            modellab_lab_unref(lab);
            lab = NULL;
            if (atomic_load(&state_of_all.live) != alive)
                fail_msg("failing call %ld: %ld blocks are alive", at,
                         atomic_load(&state_of_all.live) - alive);
            if (status != MODELLAB_OK && (!failed || status != MODELLAB_E_NO_MEMORY))
                fail_msg("failing call %ld: %s", at, modellab_status_name(status));
            look_at_run(status, finals);
            tried += failed;
        }
        assert_true(finals >= least_finals);
    }
    print_message("%ld allocations failed\n", tried);
    assert_true(tried > 8);
}

static void test_recorded_silence(void **state)
{
    (void)state;
    record_all(0, 5, 0);
}

static void test_recorded_speech(void **state)
{
    (void)state;
    record_all(SPEECH, 41, 1);
}

/* alloc_live_test FOLDER */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_silence), cmocka_unit_test(test_speech),
        cmocka_unit_test(test_recorded_silence), cmocka_unit_test(test_recorded_speech)};
    modellab_allocator table = faulty_table(&state_of_all);
    int ready = argc == 2 ? live_models_open(&models, &table) : 1;

    root = argv[1];
    if (ready == 77) {
        puts("skipped: MODEL_LAB_TEST_MODELS lacks whisper-tiny.en, silero-vad-v6 or the sample");
        return 77;
    }
    int failed = ready != 0 ? ready : cmocka_run_group_tests(tests, NULL, NULL);
    live_models_close(&models);
    return failed;
}
