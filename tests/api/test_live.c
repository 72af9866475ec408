/* Live recognition through the public headers, on real speech: final results are those of the same
 * pieces offline, to the byte, however the stream is pushed; the queue is bounded; partial results
 * keep to their rate and are the first to go. With whisper-tiny.en, silero-vad-v6 and
 * sample-conversation below MODEL_LAB_TEST_MODELS, else skipped (77). */
#include "api/live_kit.h"

enum { HALF = 12 * RATE };

static live_models models;
static heard h;

static modellab_live_options plain(void)
{
    static modellab_asr_options one_thread = MODELLAB_ASR_OPTIONS_INIT;
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
    return o;
}

/* Pushes in pieces of `size` bytes; 0 = of sizes that change. */
static void push_all(modellab_live *live, const void *data, size_t bytes, size_t size)
{
    const char *from = data;
    size_t next = size == 0 ? 1 : size;

    for (size_t at = 0; at < bytes; at += next, next = size == 0 ? next * 7 % 30011 + 1 : size)
        OK(modellab_live_push(live, from + at, next < bytes - at ? next : bytes - at, NULL));
}

static void run_all(const modellab_live_options *o, const void *data, size_t bytes, size_t size)
{
    modellab_live *live = NULL;
    modellab_transcript *all = NULL;

    OK(modellab_live_open(o, &live, NULL));
    push_all(live, data, bytes, size);
    OK(modellab_live_finish(live, &all, NULL));
    heard_add(&h, "= %s\n", modellab_transcript_text(all));
    modellab_transcript_unref(all);
    modellab_live_destroy(live);
    assert_int_equal(h.end_status, MODELLAB_OK);
    assert_int_equal(h.kinds[h.count - 1], MODELLAB_LIVE_END);
}

/* What the same sessions give for the same pieces, not live. */
static void offline(const float *samples, size_t count, const modellab_vad_options *rules,
                    heard *out)
{
    modellab_vad_session *vad = NULL;
    modellab_vad_result *found = NULL;
    modellab_asr_session *asr = NULL;
    modellab_asr_options options = MODELLAB_ASR_OPTIONS_INIT;

    heard_init(out);
    OK(modellab_vad_session_create(models.vad, rules, &vad, NULL));
    OK(modellab_vad_feed(vad, samples, count, NULL));
    OK(modellab_vad_finish(vad, &found, NULL));
    OK(modellab_asr_session_create(models.asr, 1, &asr, NULL));
    for (size_t i = 0; i < modellab_vad_result_count(found); i++) {
        modellab_speech_segment s = {.size = sizeof s};
        modellab_transcript *text = NULL;

        OK(modellab_vad_result_at(found, i, &s, NULL));
        size_t first = (size_t)lround(s.start * RATE), last = (size_t)lround(s.end * RATE);
        OK(modellab_asr_transcribe(asr, samples + first, last - first, &options, &text, NULL));
        heard_final(out, s.start, s.end, modellab_transcript_text(text));
        modellab_transcript_unref(text);
    }
    assert_true(modellab_vad_result_count(found) > 3);
    modellab_asr_session_destroy(asr);
    modellab_vad_result_unref(found);
    modellab_vad_session_destroy(vad);
}

/* Rules with more cuts than the defaults, at pauses and at the greatest length. */
static void test_final_results_are_those_of_the_pieces(void **state)
{
    static heard want;
    static char first[TEXT_BYTES];
    static float as_float[30 * RATE];
    modellab_vad_options rules = MODELLAB_VAD_OPTIONS_INIT;
    modellab_live_options o = plain();

    (void)state;
    rules.min_silence_ms = 160;
    rules.pad_ms = 200;
    rules.max_speech_seconds = 8.0;
    o.vad_options = &rules;
    for (size_t i = 0; i < models.count; i++)
        as_float[i] = (float)models.pcm[i] / 32768.0f;
    offline(as_float, models.count, &rules, &want);
    run_all(&o, models.pcm, models.count * 2, 0);
    assert_memory_equal(h.text, want.text, want.used);
    memcpy(first, h.text, TEXT_BYTES);
    heard_init(&h);
    run_all(&o, models.pcm, models.count * 2, 4999); /* samples in two pieces */
    assert_string_equal(h.text, first);
    heard_init(&h);
    o.format = MODELLAB_LIVE_FLOAT32;
    o.asr_options = NULL; /* and any number of threads */
    run_all(&o, as_float, models.count * 4, models.count * 4);
    assert_string_equal(h.text, first);
}

/* Another rate: the resampler does not depend on the pieces either. */
static void test_another_rate(void **state)
{
    static float fast[3 * HALF];
    static char first[TEXT_BYTES];
    modellab_live_options o = plain();

    (void)state;
    for (size_t i = 0; i < 3 * HALF; i++)
        fast[i] = models.samples[i / 3];
    o.format = MODELLAB_LIVE_FLOAT32;
    o.rate_hz = 48000;
    run_all(&o, fast, sizeof fast, 0);
    assert_non_null(strstr(h.text, "Hello"));
    memcpy(first, h.text, TEXT_BYTES);
    heard_init(&h);
    run_all(&o, fast, sizeof fast, 70001);
    assert_string_equal(h.text, first);
}

/* Pushes and waits until the detector has heard it, so that the stream is never behind. */
static void push_heard(modellab_live *live, const int16_t *pcm, size_t count)
{
    modellab_live_stats stats = {.size = sizeof stats};

    for (size_t at = 0; at < count; at += 1600) {
        OK(modellab_live_push(live, pcm + at, 3200, NULL));
        OK(modellab_live_get_stats(live, &stats, NULL));
        while (stats.pushed_seconds - stats.done_seconds > 0.1) {
            const struct timespec nap = {0, 1000000};
            (void)nanosleep(&nap, NULL);
            OK(modellab_live_get_stats(live, &stats, NULL));
        }
    }
}

static void test_partial_results(void **state)
{
    static char first[TEXT_BYTES];
    modellab_live_options o = plain();
    modellab_live_stats stats = {.size = sizeof stats};
    modellab_live *live = NULL;
    size_t partials = 0;

    (void)state;
    run_all(&o, models.pcm, HALF * 2, 0);
    memcpy(first, h.text, TEXT_BYTES);
    o = plain();
    o.partial_seconds = 0.8;
    OK(modellab_live_open(&o, &live, NULL));
    push_heard(live, models.pcm, HALF);
    OK(modellab_live_finish(live, NULL, NULL));
    OK(modellab_live_get_stats(live, &stats, NULL));
    modellab_live_destroy(live);
    heard_add(&h, "= ");
    assert_memory_equal(h.text, first, h.used); /* they change no final result */
    partials = heard_count(&h, MODELLAB_LIVE_PARTIAL);
    assert_true(partials >= 3);
    assert_int_equal(stats.partials, partials);
    assert_int_equal(stats.finals, heard_count(&h, MODELLAB_LIVE_FINAL));
    assert_int_equal(stats.is_over, 1);
    for (size_t i = 0; i < h.count; i++) {
        if (h.kinds[i] == MODELLAB_LIVE_PARTIAL) {
            size_t final = i;
            while (h.kinds[final] != MODELLAB_LIVE_FINAL)
                final++;
            assert_int_equal(h.indices[i], h.indices[final]);
            assert_true(h.starts[i] == h.starts[final]);
            assert_true(h.ends[i] <= h.ends[final] + 0.5);
            if (i > 0 && h.kinds[i - 1] == MODELLAB_LIVE_PARTIAL) /* their rate is bounded */
                assert_true(h.ends[i] - h.ends[i - 1] >= 0.8 - 1e-9);
        }
    }
}

/* All at once: nobody keeps up with that. Partial results are left out, and that is told. */
static void test_partial_results_are_the_first_to_go(void **state)
{
    static char first[TEXT_BYTES];
    modellab_live_options o = plain();
    modellab_live *live = NULL;

    (void)state;
    run_all(&o, models.pcm, HALF * 2, 0);
    memcpy(first, h.text, TEXT_BYTES);
    o = plain();
    o.queue_seconds = 20.0;
    o.partial_seconds = 0.5;
    o.max_delay_seconds = 0.2;
    OK(modellab_live_open(&o, &live, NULL));
    push_all(live, models.pcm, HALF * 2, HALF * 2);
    OK(modellab_live_finish(live, NULL, NULL));
    modellab_live_destroy(live);
    assert_memory_equal(h.text, first, h.used);
    assert_true(heard_count(&h, MODELLAB_LIVE_DELAY) >= 3);
    assert_true(heard_count(&h, MODELLAB_LIVE_PARTIAL) <= 2);
    for (size_t i = 0; i < h.count; i++)
        if (h.kinds[i] == MODELLAB_LIVE_DELAY)
            assert_true(h.delays[i] > 0.2);
}

/* A callback that waits until it is let go. */
typedef struct gate {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    int inside, open;
} gate;

static int32_t wait_at(void *user, const modellab_live_event *event)
{
    gate *g = user;

    if (event->kind == MODELLAB_LIVE_END)
        return 0;
    pthread_mutex_lock(&g->lock);
    g->inside = 1;
    pthread_cond_broadcast(&g->moved);
    while (!g->open)
        pthread_cond_wait(&g->moved, &g->lock);
    pthread_mutex_unlock(&g->lock);
    return 0;
}

static void gate_init(gate *g)
{
    memset(g, 0, sizeof *g);
    assert_int_equal(pthread_mutex_init(&g->lock, NULL), 0);
    assert_int_equal(pthread_cond_init(&g->moved, NULL), 0);
}

static void gate_await(gate *g)
{
    pthread_mutex_lock(&g->lock);
    while (!g->inside)
        pthread_cond_wait(&g->moved, &g->lock);
    pthread_mutex_unlock(&g->lock);
}

static void gate_open(gate *g)
{
    pthread_mutex_lock(&g->lock);
    g->open = 1;
    pthread_cond_broadcast(&g->moved);
    pthread_mutex_unlock(&g->lock);
}

/* Pushes until the stream has come to the gate (in its first final result). */
static size_t push_to_gate(modellab_live *live, gate *g)
{
    size_t at = 0;
    int inside = 0;

    while (!inside) {
        modellab_status status = modellab_live_push(live, models.pcm + at, 3200, NULL);

        assert_true(status == MODELLAB_OK || status == MODELLAB_E_BUSY);
        at += status == MODELLAB_OK ? 1600 : 0;
        assert_true(at < models.count);
        pthread_mutex_lock(&g->lock);
        inside = g->inside;
        pthread_mutex_unlock(&g->lock);
    }
    return at;
}

static void test_the_queue_is_bounded(void **state)
{
    modellab_live_options o = plain();
    modellab_live_stats before = {.size = sizeof before}, after = {.size = sizeof after};
    modellab_live *live = NULL;
    modellab_status status = MODELLAB_OK;
    gate g;

    (void)state;
    gate_init(&g);
    h.then = wait_at;
    h.user = &g;
    o.when_full = 0;
    o.queue_seconds = 1.0;
    OK(modellab_live_open(&o, &live, NULL));
    assert_int_equal(modellab_live_push(live, models.pcm, 32002, NULL), MODELLAB_E_LIMIT);
    (void)push_to_gate(live, &g);
    for (int i = 0; i < 12 && status == MODELLAB_OK; i++) {
        OK(modellab_live_get_stats(live, &before, NULL));
        status = modellab_live_push(live, models.pcm, 3202, NULL);
    }
    assert_int_equal(status, MODELLAB_E_BUSY);
    OK(modellab_live_get_stats(live, &after, NULL));
    assert_true(after.pushed_seconds == before.pushed_seconds); /* nothing was taken */
    assert_true(after.waiting_seconds <= 1.0 && after.waiting_seconds > 0.7);
    gate_open(&g);
    OK(modellab_live_finish(live, NULL, NULL));
    modellab_live_destroy(live);
}

typedef struct pusher {
    modellab_live *live;
    modellab_status status;
} pusher;

static void *push_until_it_ends(void *user)
{
    pusher *p = user;

    do {
        p->status = modellab_live_push(p->live, models.pcm, models.count * 2, NULL);
    } while (p->status == MODELLAB_OK);
    return NULL;
}

/* Who waits for room goes when the stream is cancelled, and so does the stream. */
static void test_cancel(void **state)
{
    modellab_live_options o = plain();
    modellab_transcript_info info = {.size = sizeof info};
    modellab_transcript *all = NULL;
    pusher p = {NULL, MODELLAB_OK};
    pthread_t thread;
    gate g;

    (void)state;
    gate_init(&g);
    h.then = wait_at;
    h.user = &g;
    OK(modellab_live_open(&o, &p.live, NULL));
    assert_int_equal(pthread_create(&thread, NULL, push_until_it_ends, &p), 0);
    gate_await(&g);
    modellab_live_cancel(p.live);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(p.status, MODELLAB_E_CANCELLED);
    gate_open(&g);
    assert_int_equal(modellab_live_finish(p.live, &all, NULL), MODELLAB_E_CANCELLED);
    assert_int_equal(h.end_status, MODELLAB_E_CANCELLED);
    OK(modellab_transcript_get_info(all, &info, NULL));
    assert_int_equal(info.is_partial, 1);
    modellab_transcript_unref(all);
    assert_int_equal(modellab_live_push(p.live, models.pcm, 2, NULL), MODELLAB_E_CANCELLED);
    modellab_live_destroy(p.live);
}

/* What a callback may and may not do with its own stream. */
static int32_t try_all(void *user, const modellab_live_event *event)
{
    modellab_live *live = *(modellab_live **)user;
    modellab_live_stats stats = {.size = sizeof stats};

    if (event->kind == MODELLAB_LIVE_END)
        return 1; /* too late to change anything */
    if (modellab_live_finish(live, NULL, NULL) != MODELLAB_E_BUSY ||
        modellab_live_push(live, models.pcm, 2, NULL) != MODELLAB_E_BUSY ||
        modellab_live_get_stats(live, &stats, NULL) != MODELLAB_OK)
        return 2;
    modellab_live_end(live);
    return 0;
}

static int32_t refuse(void *user, const modellab_live_event *event)
{
    (void)user;
    return event->kind == MODELLAB_LIVE_FINAL;
}

static void test_callbacks(void **state)
{
    modellab_live_options o = plain();
    modellab_live *live = NULL;
    modellab_status status = MODELLAB_OK;

    (void)state;
    h.then = try_all;
    h.user = &live;
    OK(modellab_live_open(&o, &live, NULL));
    while (status == MODELLAB_OK)
        status = modellab_live_push(live, models.pcm, models.count * 2, NULL);
    assert_int_equal(status, MODELLAB_E_STATE);
    OK(modellab_live_finish(live, NULL, NULL));
    OK(modellab_live_finish(live, NULL, NULL)); /* again */
    modellab_live_destroy(live);
    o = plain();
    h.then = refuse;
    OK(modellab_live_open(&o, &live, NULL));
    while ((status = modellab_live_push(live, models.pcm, models.count * 2, NULL)) == MODELLAB_OK)
        ;
    assert_int_equal(status, MODELLAB_E_CALLBACK);
    assert_int_equal(modellab_live_finish(live, NULL, NULL), MODELLAB_E_CALLBACK);
    assert_int_equal(heard_count(&h, MODELLAB_LIVE_FINAL), 1);
    modellab_live_destroy(live);
}

static void test_bad_input(void **state)
{
    static const float bad[4] = {0.0f, 0.5f, NAN, 0.0f};
    modellab_live_options o = plain();
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_transcript *all = NULL;
    modellab_live *live = NULL;

    (void)state;
    o.format = MODELLAB_LIVE_FLOAT32;
    OK(modellab_live_open(&o, &live, NULL));
    OK(modellab_live_push(live, bad, sizeof bad, NULL));
    assert_int_equal(modellab_live_finish(live, NULL, &err), MODELLAB_E_INVALID_AUDIO);
    assert_int_equal(err.detail, 2);
    modellab_live_destroy(live);
    o.format = 0; /* nothing at all, and a sample that did not come whole */
    OK(modellab_live_open(&o, &live, NULL));
    OK(modellab_live_push(live, NULL, 0, NULL));
    OK(modellab_live_push(live, "x", 1, NULL));
    OK(modellab_live_finish(live, &all, NULL));
    assert_string_equal(modellab_transcript_text(all), "");
    assert_string_equal(modellab_live_run_id(live), "");
    modellab_transcript_unref(all);
    modellab_live_destroy(live);
    o.vad = models.asr;
    assert_int_equal(modellab_live_open(&o, &live, NULL), MODELLAB_E_UNSUPPORTED_MODEL);
    o = plain();
    o.rate_hz = 3999;
    assert_int_equal(modellab_live_open(&o, &live, NULL), MODELLAB_E_INVALID_ARGUMENT);
    assert_null(live);
    o.rate_hz = 0;
    o.queue_seconds = NAN;
    assert_int_equal(modellab_live_open(&o, &live, NULL), MODELLAB_E_INVALID_ARGUMENT);
    o.queue_seconds = 0;
    o.callback = NULL;
    assert_int_equal(modellab_live_open(&o, &live, NULL), MODELLAB_E_INVALID_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_final_results_are_those_of_the_pieces),
        cmocka_unit_test(test_another_rate),
        cmocka_unit_test(test_partial_results),
        cmocka_unit_test(test_partial_results_are_the_first_to_go),
        cmocka_unit_test(test_the_queue_is_bounded),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_callbacks),
        cmocka_unit_test(test_bad_input),
    };
    int ready = live_models_open(&models, NULL);

    if (ready == 77) {
        puts("skipped: MODEL_LAB_TEST_MODELS lacks whisper-tiny.en, silero-vad-v6 or the sample");
        return 77;
    }
    int failed = ready != 0 ? ready : cmocka_run_group_tests(tests, NULL, NULL);
    live_models_close(&models);
    return failed;
}
