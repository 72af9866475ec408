/* Segments of a run that is still at work: the first ones come before it has ended, each comes once
 * (also when the worker dies at every window), and all together are those of the transcript. Needs
 * MODEL_LAB_TEST_MODELS with whisper-tiny.en and sample-conversation. test_segment_feed WORKER HOST
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crash/kit.h"

#define RETRY "\"retry\":{\"max_attempts\":20,\"base_seconds\":0.01,\"cap_seconds\":0.02}"

enum { SEGMENTS_MOST = 256 };

/* What was heard of segments, in order. */
typedef struct heard {
    size_t count, times; /* segments, and in how many pieces they came */
    double starts[SEGMENTS_MOST];
    char *texts[SEGMENTS_MOST];
} heard;

static void forget(heard *h)
{
    for (size_t i = 0; i < h->count; i++) {
        free(h->texts[i]);
    }
    h->count = h->times = 0;
}

static void hear(heard *h, modellab_transcript *segments)
{
    modellab_transcript_info info = {.size = sizeof(info)};
    assert_int_equal(modellab_transcript_get_info(segments, &info, NULL), MODELLAB_OK);
    assert_true(info.segment_count > 0);
    assert_string_equal(info.language, "en");
    for (int64_t i = 0; i < info.segment_count; i++) {
        modellab_segment s = {.size = sizeof(s)};
        assert_int_equal(modellab_transcript_segment_at(segments, i, &s, NULL), MODELLAB_OK);
        assert_int_equal(s.id, h->count);
        assert_true(h->count < SEGMENTS_MOST);
        h->starts[h->count] = s.start;
        h->texts[h->count] = strdup(s.text);
        assert_non_null(h->texts[h->count++]);
    }
    h->times++;
    modellab_transcript_unref(segments);
}

static modellab_segment_feed *follow(const kit *k, const char *id)
{
    modellab_segment_feed *feed = NULL;
    assert_int_equal(modellab_segment_feed_open(k->lab, id, &feed, NULL), MODELLAB_OK);
    return feed;
}

/* All that is to come. */
static void hear_all(modellab_segment_feed *feed, heard *h)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    for (;;) {
        modellab_transcript *segments = NULL;
        if (modellab_segment_feed_next(feed, KIT_PATIENCE_MS, NULL, &segments, &err) != 0) {
            fail_msg("%s", err.message);
        }
        if (segments == NULL) {
            return;
        }
        hear(h, segments);
    }
}

static modellab_transcript *recorded(const kit *k, const char *id, const char *name)
{
    modellab_transcript *transcript = NULL;
    size_t bytes = 0;
    char *text = kit_read_artifact(k, id, name, &bytes);
    assert_int_equal(modellab_transcript_read_json(text, bytes, NULL, &transcript, NULL),
                     MODELLAB_OK);
    free(text);
    return transcript;
}

static void expect_same(const heard *h, modellab_transcript *whole)
{
    heard all = {.count = 0};
    hear(&all, whole);
    assert_int_equal(h->count, all.count);
    for (size_t i = 0; i < all.count; i++) {
        assert_string_equal(h->texts[i], all.texts[i]);
        assert_true(h->starts[i] - all.starts[i] < 0.001 && all.starts[i] - h->starts[i] < 0.001);
    }
    forget(&all);
}

/* The worker waits behind its first window until it is cancelled. */
static void the_first_come_before_the_end(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    heard h = {.count = 0};
    modellab_transcript *segments = NULL;
    modellab_cancel *cancel = NULL;
    kit_submit_sample(k, "{}", 2, id);
    modellab_segment_feed *feed = follow(k, id);
    assert_int_equal(modellab_segment_feed_next(feed, 0, NULL, &segments, NULL),
                     MODELLAB_E_TIMEOUT);
    pid_t host = kit_start_host(k, &(kit_host){.fail_step = "asr:wait_windows"});
    assert_int_equal(modellab_segment_feed_next(feed, KIT_PATIENCE_MS, NULL, &segments, NULL),
                     MODELLAB_OK);
    assert_non_null(segments);
    hear(&h, segments);
    assert_int_equal(kit_status(k, id), MODELLAB_RUN_RUNNING);
    assert_int_equal(modellab_segment_feed_next(feed, 1, NULL, &segments, NULL),
                     MODELLAB_E_TIMEOUT);
    assert_null(segments);
    assert_int_equal(modellab_cancel_create(NULL, &cancel, NULL), MODELLAB_OK);
    modellab_cancel_set(cancel);
    assert_int_equal(modellab_segment_feed_next(feed, -1, cancel, &segments, NULL),
                     MODELLAB_E_CANCELLED);
    modellab_cancel_unref(cancel);
    assert_int_equal(kit_cancel(k, id), MODELLAB_CANCEL_REQUESTED);
    hear_all(feed, &h);
    assert_int_equal(kit_status(k, id), MODELLAB_RUN_CANCELLED);
    expect_same(&h, recorded(k, id, "transcript.partial.json"));
    assert_int_equal(modellab_segment_feed_next(feed, -1, NULL, &segments, NULL), MODELLAB_OK);
    assert_null(segments); /* it stays at its end */
    modellab_segment_feed_close(feed);
    forget(&h);
    kit_stop_host(k, host);
}

#define ASR(members) "{\"pipeline\":\"transcribe\"," RETRY members "}"

static const struct {
    const char *request, *fail_step;
} ways[] = {
    {ASR(""), NULL},
    {ASR(""), "asr:die_windows"},
    {ASR(",\"config\":{\"asr\":{\"vad\":true,\"word_times\":true}}"), "asr:die_windows"},
    {ASR(",\"preprocessing\":[\"speed(factor=1.25)\"]"), NULL},
};

static void together_they_are_the_transcript(void **state)
{
    kit *k = *state;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        char id[MODELLAB_RUN_ID_BYTES];
        heard h = {.count = 0}, late = {.count = 0};
        kit_submit_sample(k, ways[i].request, 2, id);
        modellab_segment_feed *feed = follow(k, id);
        pid_t host = kit_start_host(k, &(kit_host){.fail_step = ways[i].fail_step});
        hear_all(feed, &h);
        modellab_segment_feed_close(feed);
        assert_int_equal(kit_status(k, id), MODELLAB_RUN_COMPLETED);
        kit_stop_host(k, host);
        modellab_run *run = kit_load(k, id);
        modellab_transcript *whole = NULL;
        modellab_artifact_info info = {.size = sizeof(info)};
        modellab_buffer *text = NULL;
        assert_int_equal(
            modellab_run_artifact_at(run, modellab_run_artifact_count(run) - 1, &info, NULL),
            MODELLAB_OK);
        assert_string_equal(info.name, "transcript.json");
        assert_int_equal(modellab_run_read_artifact(k->lab, id, info.id, 1 << 26, &text, NULL),
                         MODELLAB_OK);
        assert_int_equal(modellab_transcript_read_json(modellab_buffer_data(text),
                                                       modellab_buffer_size(text), NULL, &whole,
                                                       NULL),
                         MODELLAB_OK);
        modellab_buffer_destroy(text);
        modellab_run_unref(run);
        expect_same(&h, modellab_transcript_ref(whole));
        feed = follow(k, id); /* who comes late gets the same */
        hear_all(feed, &late);
        modellab_segment_feed_close(feed);
        expect_same(&late, whole);
        forget(&h);
        forget(&late);
    }
}

/* A run that takes its transcript over from another has no windows of its own. */
static void what_was_taken_over_comes_too(void **state)
{
    kit *k = *state;
    char first[MODELLAB_RUN_ID_BYTES], again[MODELLAB_RUN_ID_BYTES];
    heard h = {.count = 0};
    modellab_run_unref(kit_execute_sample(k, "{}", NULL, first));
    assert_int_equal(modellab_run_rerun(k->lab, first, NULL, again, NULL, NULL), MODELLAB_OK);
    modellab_segment_feed *feed = follow(k, again);
    modellab_run *run = kit_execute(k, NULL, again);
    hear_all(feed, &h);
    modellab_segment_feed_close(feed);
    assert_int_equal(kit_info(run).status, MODELLAB_RUN_COMPLETED);
    modellab_run_unref(run);
    assert_int_equal(h.times, 1);
    expect_same(&h, recorded(k, again, "transcript.json"));
    forget(&h);
}

static void without_segments_there_is_an_end(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    heard h = {.count = 0};
    modellab_segment_feed *feed = NULL;
    kit_submit(k, "{\"pipeline\":\"ingest\"}", 0.5, id);
    modellab_run_unref(kit_execute(k, NULL, id));
    feed = follow(k, id);
    hear_all(feed, &h);
    assert_int_equal(h.count, 0);
    modellab_segment_feed_close(feed);
    assert_int_equal(modellab_segment_feed_open(k->lab, "01ARZ3NDEKTSV4RRFFQ69G5FAV", &feed, NULL),
                     MODELLAB_E_NOT_FOUND);
    assert_int_equal(modellab_segment_feed_open(k->lab, "../x", &feed, NULL), MODELLAB_E_NOT_FOUND);
    assert_null(feed);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(the_first_come_before_the_end),
        KIT_TEST(together_they_are_the_transcript),
        KIT_TEST(what_was_taken_over_comes_too),
        KIT_TEST(without_segments_there_is_an_end),
    };
    int code = 0;
    if (!kit_begin_with_models(argc, argv, NULL, &code)) {
        return code;
    }
    return kit_end_with_models(cmocka_run_group_tests(tests, NULL, NULL));
}
