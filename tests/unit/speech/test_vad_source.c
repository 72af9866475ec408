/* The detector over a whole recording finds what its steps say one by one, reports, and can be
 * ended at each block. */
#include "unit/kernels/common.h"

#include "audio/decode.h"
#include "base/alloc.h"
#include "base/error.h"
#include "speech/vad_source.h"
#include "unit/speech/vad_fixture.h"

enum { LENGTH = 5 * MLI_AUDIO_RATE + 100, STEPS = LENGTH / MLI_SILERO_CHUNK + 1 };

typedef struct fixture {
    mli_silero *model;
    mli_pool *pool;
    mli_audio_source *source;
    mli_vad_rules rules;
    float audio[STEPS * MLI_SILERO_CHUNK]; /* silence behind the end */
    float probabilities[STEPS];
} fixture;

static int by_size(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Loud and soft noise; the made-up detector's thresholds lie within what it says about it. */
static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    mli_silero_session *session = NULL;
    float sorted[STEPS];
    numbers n = {11};
    assert_non_null(f);
    for (size_t i = 0; i < LENGTH; i++)
        f->audio[i] = (float)next_number(&n) * (i / 9000 % 2 == 0 ? 0.9f : 0.01f);
    f->model = fixture_detector();
    assert_int_equal(mli_pool_create(1, NULL, &f->pool, NULL), MODELLAB_OK);
    assert_int_equal(
        mli_audio_from_samples(f->audio, LENGTH, 1, MLI_AUDIO_RATE, NULL, &f->source, NULL),
        MODELLAB_OK);
    assert_int_equal(mli_silero_session_create(&session, f->model, f->pool, NULL), MODELLAB_OK);
    for (size_t i = 0; i < STEPS; i++)
        assert_int_equal(mli_silero_run(session, f->audio + i * MLI_SILERO_CHUNK, 1,
                                        f->probabilities + i, NULL, NULL),
                         MODELLAB_OK);
    mli_silero_session_destroy(session);
    memcpy(sorted, f->probabilities, sizeof sorted);
    qsort(sorted, STEPS, sizeof sorted[0], by_size);
    mli_vad_rules_init(&f->rules);
    f->rules.threshold = sorted[STEPS / 2];
    f->rules.neg_threshold = sorted[STEPS / 3];
    f->rules.min_speech = f->rules.min_silence = f->rules.step;
    f->rules.pad = 0;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    mli_audio_unref(f->source);
    mli_pool_destroy(f->pool);
    mli_silero_destroy(f->model);
    free(f);
    return 0;
}

typedef struct watcher {
    int64_t done;
    size_t calls, stop_at;
    mli_cancel_word word;
    bool cancel; /* at stop_at the word is set; otherwise the call fails */
} watcher;

MODELLAB_MUST_CHECK static modellab_status watch(void *user, int64_t done, int64_t all,
                                                 modellab_error *err)
{
    watcher *w = user;
    assert_int_equal(all, LENGTH);
    assert_true(done > w->done && done <= all);
    w->done = done;
    if (++w->calls != w->stop_at)
        return MODELLAB_OK;
    if (!w->cancel)
        return mli_fail(err, MODELLAB_E_CALLBACK, "enough");
    atomic_store(&w->word, 1);
    return MODELLAB_OK;
}

static modellab_status find(fixture *f, watcher *w, mli_vad_segment **segments, size_t *count)
{
    const mli_vad_tools tools = {f->model, f->pool, NULL, &w->word, watch, w};
    return mli_vad_find(&tools, f->source, &f->rules, segments, count, NULL);
}

static void test_as_step_by_step(void **state)
{
    fixture *f = *state;
    watcher w = {0};
    mli_vad_cutter cutter;
    mli_vad_segment *segments = NULL;
    size_t count = 0;
    mli_vad_cutter_init(&cutter, NULL, &f->rules);
    assert_int_equal(mli_vad_cutter_push(&cutter, f->probabilities, STEPS, NULL), MODELLAB_OK);
    assert_int_equal(mli_vad_cutter_finish(&cutter, LENGTH, NULL), MODELLAB_OK);
    assert_true(cutter.count > 2); /* else it says nothing */
    assert_int_equal(find(f, &w, &segments, &count), MODELLAB_OK);
    assert_int_equal(count, cutter.count);
    assert_memory_equal(segments, cutter.segments, count * sizeof *segments);
    assert_int_equal(w.done, LENGTH);
    assert_int_equal(w.calls, 3);
    mli_free(NULL, segments);
    mli_vad_cutter_dispose(&cutter);
}

static void test_ended_early(void **state)
{
    fixture *f = *state;
    for (size_t stop = 1; stop <= 4; stop++) {
        watcher said = {.stop_at = stop}, set = {.stop_at = stop, .cancel = true};
        mli_vad_segment *segments = NULL;
        size_t count = 0;
        assert_int_equal(find(f, &said, &segments, &count),
                         stop <= 3 ? MODELLAB_E_CALLBACK : MODELLAB_OK);
        assert_int_equal(said.calls, stop <= 3 ? stop : 3);
        assert_true((segments != NULL) == (stop > 3));
        mli_free(NULL, segments);
        /* set during the last report, it comes too late */
        assert_int_equal(find(f, &set, &segments, &count),
                         stop < 3 ? MODELLAB_E_CANCELLED : MODELLAB_OK);
        assert_int_equal(set.calls, stop < 3 ? stop : 3);
        mli_free(NULL, segments);
    }
}

static void test_nothing_to_hear(void **state)
{
    fixture *f = *state;
    mli_vad_segment *segments = NULL;
    size_t count = 1;
    const mli_vad_tools tools = {.model = f->model, .pool = f->pool};
    f->rules.threshold = 1.1f;
    assert_int_equal(mli_vad_find(&tools, f->source, &f->rules, &segments, &count, NULL),
                     MODELLAB_OK);
    assert_null(segments);
    assert_int_equal(count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_as_step_by_step, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ended_early, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_to_hear, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
