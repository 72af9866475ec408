/* A transcription that goes on from the mark of any window gives the bytes of one that was never
 * interrupted: greedy, beams, sampling, word times, prompt, and the guard against invented words.
 */
#include "unit/unit.h"

#include "unit/speech/asr_fixture.h"
#include <math.h>

enum { MOST_MARKS = 1024, MOST_TRIED = 16 };

typedef struct kept_mark {
    mli_asr_mark mark;
    int32_t *history;
    size_t segments;
} kept_mark;

typedef struct keeper {
    kept_mark marks[MOST_MARKS];
    size_t count, segments;
} keeper;

static temp_folder folder;
static mli_asr_model *model;
static mli_audio_source *audio;

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(&folder);
    fixture_ct2(folder.path);
    model = fixture_open(folder.path, NULL, MLI_ASR_WEIGHTS_F32);
    audio = fixture_audio(125);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mli_asr_model_unref(model);
    mli_audio_unref(audio);
    temp_folder_remove(&folder);
    return 0;
}

static mli_asr_options plain_options(void)
{
    static const double zero = 0;
    mli_asr_options o;
    mli_asr_options_init(&o);
    o.compression_ratio_threshold = o.logprob_threshold = o.no_speech_threshold = NAN;
    o.temperatures = &zero;
    o.temperature_count = 1;
    return o;
}

static int32_t keep_mark(void *user, const mli_asr_mark *mark,
                         const mli_transcript_segment *segments, size_t count)
{
    keeper *k = user;
    assert_true(k->count < MOST_MARKS);
    assert_true(count == 0 || segments[0].id == (int64_t)k->segments);
    k->segments += count;
    kept_mark *kept = &k->marks[k->count++];
    kept->mark = *mark;
    kept->segments = k->segments;
    kept->history = calloc(mark->history_count + 1, sizeof *kept->history);
    assert_non_null(kept->history);
    if (mark->history_count > 0)
        memcpy(kept->history, mark->history, mark->history_count * sizeof *kept->history);
    kept->mark.history = kept->history;
    return 0;
}

static mli_transcript *run(const mli_asr_options *options, int32_t threads)
{
    mli_asr_session *session = NULL;
    mli_transcript *t = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    assert_int_equal(mli_asr_session_create(&session, NULL, model, threads, &err), MODELLAB_OK);
    assert_int_equal(mli_asr_transcribe(session, audio, options, &t, &err), MODELLAB_OK);
    mli_asr_session_destroy(session);
    return t;
}

static mli_transcript *first_segments(const mli_transcript *all, size_t count)
{
    mli_transcript *t = NULL;
    assert_int_equal(mli_transcript_create(NULL, &t, NULL), MODELLAB_OK);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(mli_transcript_add(t, &all->segments[i], NULL), MODELLAB_OK);
    return t;
}

static bool same(const mli_transcript *a, const mli_transcript *b)
{
    mli_buf one, two;
    mli_buf_init(&one, NULL);
    mli_buf_init(&two, NULL);
    fixture_print(a, &one);
    fixture_print(b, &two);
    bool equal = one.size == two.size && memcmp(one.data, two.data, one.size) == 0;
    mli_buf_dispose(&one);
    mli_buf_dispose(&two);
    return equal;
}

/* What a mark is spoiled with; the negative control of every part of it. */
typedef void (*spoil_fn)(mli_asr_mark *mark);

static void spoil_nothing(mli_asr_mark *mark)
{
    (void)mark;
}

static void spoil_history(mli_asr_mark *mark)
{
    mark->history_count = 0;
}

static void spoil_level(mli_asr_mark *mark)
{
    mark->mel_max += 6;
}

static void spoil_place(mli_asr_mark *mark)
{
    mark->seek += 100;
}

/* How many of the marks give another transcript when one goes on from them. */
static size_t differences(mli_asr_options options, spoil_fn spoil, size_t *marks)
{
    keeper k = {.count = 0};
    size_t different = 0;
    options.mark = keep_mark;
    options.user = &k;
    mli_transcript *whole = run(&options, 2);
    options.mark = NULL;
    size_t stride = k.count / MOST_TRIED + 1; /* windows may be very short */
    for (size_t i = 0; i < k.count; i += stride) {
        mli_transcript *done = first_segments(whole, k.marks[i].segments);
        mli_asr_resume resume = {.mark = k.marks[i].mark, .done = done};
        spoil(&resume.mark);
        options.resume = &resume;
        mli_transcript *rest = run(&options, 1 + (int32_t)(i % 2));
        different += same(whole, rest) ? 0 : 1;
        mli_transcript_unref(rest);
        mli_transcript_unref(done);
    }
    for (size_t i = 0; i < k.count; i++)
        free(k.marks[i].history);
    mli_transcript_unref(whole);
    *marks = k.count;
    return different;
}

static void expect_no_difference(mli_asr_options options)
{
    size_t marks = 0;
    assert_int_equal(differences(options, spoil_nothing, &marks), 0);
    assert_true(marks >= 4);
}

static void from_any_window_the_bytes_are_the_same(void **state)
{
    (void)state;
    static const double hot[] = {0.4};
    mli_asr_options o = plain_options();
    expect_no_difference(o);
    o.initial_prompt = "one two three";
    expect_no_difference(o);
    o.condition_on_previous = false;
    expect_no_difference(o);
    o = plain_options();
    o.beam_size = 3;
    expect_no_difference(o);
    o = plain_options();
    o.temperatures = hot;
    o.seed = 5;
    expect_no_difference(o);
}

static void with_word_times_and_the_guard_too(void **state)
{
    (void)state;
    mli_asr_options o = plain_options();
    o.word_times = true;
    expect_no_difference(o);
    o.hallucination_silence = 0.1;
    expect_no_difference(o);
}

static void with_the_ladder_of_temperatures_too(void **state)
{
    (void)state;
    static const double ladder[] = {0, 0.3, 0.6};
    mli_asr_options o = plain_options();
    o.logprob_threshold = -0.5; /* most windows need another attempt */
    o.temperatures = ladder;
    o.temperature_count = 3;
    o.best_of = 2;
    expect_no_difference(o);
}

/* Each part of a mark is missed when it is not there. */
static void a_mark_that_forgets_something_is_found(void **state)
{
    (void)state;
    size_t marks = 0;
    mli_asr_options o = plain_options();
    assert_true(differences(o, spoil_history, &marks) > 0);
    assert_true(differences(o, spoil_level, &marks) > 0);
    assert_true(differences(o, spoil_place, &marks) > 0);
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    static const int32_t bad[] = {-1};
    mli_asr_options o = plain_options();
    mli_transcript *none = first_segments(NULL, 0), *t = NULL;
    mli_asr_session *session = NULL;
    mli_asr_resume cases[] = {
        {.mark = {.seek = 0}, .done = none},
        {.mark = {.seek = 100, .mel_max = NAN}, .done = none},
        {.mark = {.seek = 100, .language = 1000}, .done = none},
        {.mark = {.seek = 100, .history = bad, .history_count = 1}, .done = none},
        {.mark = {.seek = 100, .history = bad, .history_count = 100000}, .done = none},
    };
    assert_int_equal(mli_asr_session_create(&session, NULL, model, 1, NULL), MODELLAB_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        o.resume = &cases[i];
        assert_int_equal(mli_asr_transcribe(session, audio, &o, &t, NULL),
                         MODELLAB_E_INVALID_ARGUMENT);
        assert_null(t);
    }
    mli_asr_session_destroy(session);
    mli_transcript_unref(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_any_window_the_bytes_are_the_same),
        cmocka_unit_test(with_word_times_and_the_guard_too),
        cmocka_unit_test(with_the_ladder_of_temperatures_too),
        cmocka_unit_test(a_mark_that_forgets_something_is_found),
        cmocka_unit_test(nonsense_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
