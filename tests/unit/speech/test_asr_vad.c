/* Recognition of speech alone, on made-up models: batches, threads, marks and interruptions do not
 * change a byte; without speech there is no text. */
#include "unit/unit.h"

#include "unit/failing_alloc.h"
#include "unit/speech/asr_fixture.h"
#include "unit/speech/vad_fixture.h"
#include <math.h>
#include <pthread.h>
#include <time.h>

enum { MOST_MARKS = 64, SECONDS = 95 };

static temp_folder folder;
static mli_asr_model *model;
static mli_silero *vad;
static mli_audio_source *audio;

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(&folder);
    fixture_ct2(folder.path);
    model = fixture_open(folder.path, NULL, MLI_ASR_WEIGHTS_F32);
    audio = fixture_audio(SECONDS);
    vad = fixture_detector();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mli_asr_model_unref(model);
    mli_silero_destroy(vad);
    mli_audio_unref(audio);
    temp_folder_remove(&folder);
    return 0;
}

/* The made-up detector takes everything for speech at such a threshold. */
static mli_asr_options options_of(int32_t batch)
{
    static const double zero = 0;
    mli_asr_options o;
    mli_asr_options_init(&o);
    o.compression_ratio_threshold = o.logprob_threshold = o.no_speech_threshold = NAN;
    o.temperatures = &zero;
    o.temperature_count = 1;
    o.max_tokens = 40;
    o.vad = vad;
    o.vad_rules.threshold = o.vad_rules.neg_threshold = 1e-6f;
    o.batch = batch;
    return o;
}

typedef struct mark_list {
    mli_asr_mark marks[MOST_MARKS];
    size_t segments[MOST_MARKS], count, all;
    mli_cancel_word word;
    size_t cancel_after;
} mark_list;

static int32_t keep_mark(void *user, const mli_asr_mark *mark,
                         const mli_transcript_segment *segments, size_t count)
{
    mark_list *l = user;
    (void)segments;
    assert_true(l->count < MOST_MARKS);
    assert_int_equal(mark->history_count, 0);
    l->all += count;
    l->marks[l->count] = *mark;
    l->segments[l->count++] = l->all;
    if (l->count == l->cancel_after)
        atomic_store(&l->word, 1);
    return 0;
}

static void expect_same(mli_asr_options o, const mli_buf *want)
{
    static const int32_t batches[] = {1, 3, 16};
    for (size_t i = 0; i < sizeof batches / sizeof batches[0]; i++) {
        mli_buf got;
        o.batch = batches[i];
        fixture_transcribe(model, 1 + (int32_t)i % 3, audio, &o, &got);
        assert_int_equal(want->size, got.size);
        assert_memory_equal(want->data, got.data, got.size);
        mli_buf_dispose(&got);
    }
}

static void batches_and_threads_do_not_change_a_byte(void **state)
{
    (void)state;
    static const double ladder[] = {0, 0.3, 0.6}, hot[] = {0.4};
    mli_asr_options o = options_of(8);
    mli_buf want, other;
    fixture_transcribe(model, 2, audio, &o, &want);
    assert_true(want.size > 100);
    expect_same(o, &want);
    o.initial_prompt = "one two three";
    o.word_times = true;
    fixture_transcribe(model, 2, audio, &o, &other);
    assert_true(other.size != want.size || memcmp(other.data, want.data, want.size) != 0);
    expect_same(o, &other);
    mli_buf_dispose(&want);
    mli_buf_dispose(&other);
    o = options_of(8);
    o.logprob_threshold = -0.5; /* most chunks need another attempt */
    o.temperatures = ladder;
    o.temperature_count = 3;
    o.best_of = 2;
    fixture_transcribe(model, 2, audio, &o, &want);
    expect_same(o, &want);
    mli_buf_dispose(&want);
    o.temperatures = hot;
    o.temperature_count = 1;
    fixture_transcribe(model, 2, audio, &o, &want);
    expect_same(o, &want);
    mli_buf_dispose(&want);
    o = options_of(8);
    o.beam_size = 3;
    fixture_transcribe(model, 2, audio, &o, &want);
    expect_same(o, &want);
    mli_buf_dispose(&want);
}

/* `or_else` too is right. */
static mli_transcript *run_threads(const mli_asr_options *o, int32_t threads, modellab_status want,
                                   modellab_status or_else)
{
    mli_asr_session *session = NULL;
    mli_transcript *t = NULL;
    assert_int_equal(mli_asr_session_create(&session, NULL, model, threads, NULL), MODELLAB_OK);
    modellab_status status = mli_asr_transcribe(session, audio, o, &t, NULL);
    if (status != or_else)
        assert_int_equal(status, want);
    mli_asr_session_destroy(session);
    return t;
}

static mli_transcript *run_either(const mli_asr_options *o, modellab_status want,
                                  modellab_status or_else)
{
    return run_threads(o, 2, want, or_else);
}

static mli_transcript *run(const mli_asr_options *o, modellab_status want)
{
    return run_either(o, want, want);
}

static void print(const mli_transcript *t, mli_buf *out)
{
    mli_buf_init(out, NULL);
    fixture_print(t, out);
}

/* From each mark, and after a cancel at each mark. */
static void from_any_chunk_the_bytes_are_the_same(void **state)
{
    (void)state;
    mli_asr_options o = options_of(3);
    mark_list l = {.count = 0};
    o.word_times = true;
    o.mark = keep_mark;
    o.user = &l;
    o.cancel = &l.word;
    mli_transcript *whole = run(&o, MODELLAB_OK);
    mli_buf want, got;
    print(whole, &want);
    assert_true(l.count >= 4);
    for (size_t i = 0; i < l.count; i++) {
        mark_list cut = {.cancel_after = i + 1};
        mli_asr_options p = o;
        p.user = &cut;
        p.cancel = &cut.word;
        mli_transcript *partial = run_either(&p, MODELLAB_E_CANCELLED, MODELLAB_OK);
        assert_true(cut.count > i); /* chunks that had ended already are still told */
        assert_int_equal(partial->segment_count, l.segments[cut.count - 1]);
        mli_asr_resume resume = {.mark = l.marks[cut.count - 1], .done = partial};
        p.mark = NULL;
        p.cancel = NULL;
        p.resume = &resume;
        mli_transcript *rest = run(&p, MODELLAB_OK);
        print(rest, &got);
        assert_int_equal(want.size, got.size);
        assert_memory_equal(want.data, got.data, got.size);
        mli_buf_dispose(&got);
        mli_transcript_unref(rest);
        mli_transcript_unref(partial);
    }
    mli_buf_dispose(&want);
    mli_transcript_unref(whole);
}

typedef struct interruption {
    mark_list list; /* first: keep_mark gets it */
    size_t pulses, at;
} interruption;

static void count_pulse(void *user)
{
    interruption *i = user;
    if (++i->pulses == i->at)
        atomic_store(&i->list.word, 1);
}

/* What a call that was cancelled left behind is whole chunks, and a call that goes on from there
 * gives the bytes of one that was never cancelled. */
static void check_left(const mli_asr_options *o, const mark_list *l, mli_transcript *partial,
                       const mli_buf *want)
{
    mli_buf got;
    mli_asr_options p = *o;
    assert_non_null(partial);
    assert_true(partial->partial);
    assert_int_equal(partial->segment_count, l->count > 0 ? l->segments[l->count - 1] : 0);
    mli_asr_resume resume = {.done = partial};
    if (l->count > 0) {
        resume.mark = l->marks[l->count - 1];
        p.resume = &resume;
    }
    p.mark = NULL;
    p.cancel = NULL;
    p.pulse = NULL;
    mli_transcript *rest = run_threads(&p, 1, MODELLAB_OK, MODELLAB_OK);
    print(rest, &got);
    assert_int_equal(want->size, got.size);
    assert_memory_equal(want->data, got.data, got.size);
    mli_buf_dispose(&got);
    mli_transcript_unref(rest);
}

/* At signs of life: the detector gives the first, then each encoding and each common token. */
static void a_cancel_in_any_phase_leaves_whole_chunks(void **state)
{
    (void)state;
    enum { DETECTOR = (SECONDS + 1) / 2 };
    mli_asr_options o = options_of(3);
    interruption all = {.at = 0};
    mli_buf want;
    o.max_tokens = 12;
    o.mark = keep_mark;
    o.pulse = count_pulse;
    o.user = &all;
    mli_transcript *whole = run_threads(&o, 1, MODELLAB_OK, MODELLAB_OK);
    print(whole, &want);
    mli_transcript_unref(whole);
    assert_true(all.pulses > DETECTOR + 20 && all.list.count >= 3);
    size_t without_chunk = 0, with_chunk = 0;
    for (size_t at = 1; at < all.pulses; at += at < DETECTOR - 2   ? 11
                                               : at < DETECTOR + 6 ? 1
                                                                   : 1 + all.pulses / 24) {
        interruption cut = {.at = at};
        mli_asr_options p = o;
        p.user = &cut;
        p.cancel = &cut.list.word;
        mli_transcript *partial = run_threads(&p, 1, MODELLAB_E_CANCELLED, MODELLAB_OK);
        if (!partial->partial) { /* after the last look */
            mli_transcript_unref(partial);
            continue;
        }
        without_chunk += cut.list.count == 0;
        with_chunk += cut.list.count > 0;
        check_left(&o, &cut.list, partial, &want);
        mli_transcript_unref(partial);
    }
    assert_true(without_chunk >= 8 && with_chunk >= 8);
    mli_buf_dispose(&want);
}

typedef struct alarm {
    mark_list *list;
    long ns;
} alarm;

static void *ring(void *user)
{
    const alarm *a = user;
    struct timespec nap = {0, a->ns};
    (void)nanosleep(&nap, NULL);
    atomic_store(&a->list->word, 1);
    return NULL;
}

/* At instants of the clock: within an encoding too. */
static void a_cancel_at_any_instant_leaves_whole_chunks(void **state)
{
    (void)state;
    mli_asr_options o = options_of(4);
    mark_list l = {.count = 0};
    struct timespec begin, end;
    mli_buf want;
    o.mark = keep_mark;
    o.user = &l;
    (void)clock_gettime(CLOCK_MONOTONIC, &begin);
    mli_transcript *whole = run_threads(&o, 1, MODELLAB_OK, MODELLAB_OK);
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    print(whole, &want);
    mli_transcript_unref(whole);
    double took = (double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec);
    took = took < 9e8 ? took : 9e8;
    int in_time = 0;
    for (int i = 0; i < 8 || (in_time == 0 && i < 64); i++) {
        mark_list cut = {.count = 0};
        alarm a = {&cut, (long)(took * (i % 8 + 0.5) / 8 / (1 + i / 8))}; /* sooner each round */
        mli_asr_options p = o;
        pthread_t thread;
        p.user = &cut;
        p.cancel = &cut.word;
        assert_int_equal(pthread_create(&thread, NULL, ring, &a), 0);
        mli_transcript *partial = run_threads(&p, 1 + i % 2, MODELLAB_E_CANCELLED, MODELLAB_OK);
        assert_int_equal(pthread_join(thread, NULL), 0);
        in_time += partial->partial;
        if (partial->partial)
            check_left(&o, &cut, partial, &want);
        mli_transcript_unref(partial);
    }
    assert_true(in_time > 0);
    mli_buf_dispose(&want);
}

enum { MOST_WINDOWS = 64 };

typedef struct first_windows {
    double avg_logprob[MOST_WINDOWS];
    int32_t tokens[MOST_WINDOWS][16];
    size_t sizes[MOST_WINDOWS], count;
} first_windows;

static void keep_first(void *user, const mli_asr_window *window)
{
    first_windows *f = user;
    if (window->seek != 0)
        return;
    assert_true(f->count < MOST_WINDOWS && window->count <= 16);
    f->avg_logprob[f->count] = window->avg_logprob;
    memcpy(f->tokens[f->count], window->tokens, window->count * sizeof(int32_t));
    f->sizes[f->count++] = window->count;
}

/* Few words in a chunk: it is tried to say all of it, and what is likelier is kept. A window that
 * is called silent keeps the first attempt. */
static void few_words_are_tried_again(void **state)
{
    (void)state;
    size_t better = 0;
    for (int32_t most = 6; most <= 16; most += 2) {
        first_windows plain = {.count = 0}, filled = {.count = 0};
        mli_asr_options o = options_of(1 + most % 3);
        o.max_tokens = most;
        o.window = keep_first;
        o.user = &filled;
        mli_transcript_unref(run_threads(&o, 1, MODELLAB_OK, MODELLAB_OK));
        o.no_speech_threshold = -1;
        o.logprob_threshold = INFINITY;
        o.user = &plain;
        mli_transcript_unref(run_threads(&o, 1, MODELLAB_OK, MODELLAB_OK));
        assert_int_equal(filled.count, plain.count);
        for (size_t i = 0; i < plain.count; i++) {
            bool same =
                filled.sizes[i] == plain.sizes[i] &&
                memcmp(filled.tokens[i], plain.tokens[i], plain.sizes[i] * sizeof(int32_t)) == 0;
            if (same)
                assert_true(filled.avg_logprob[i] == plain.avg_logprob[i]);
            else
                assert_true(filled.avg_logprob[i] > plain.avg_logprob[i]);
            better += !same;
        }
    }
    assert_true(better > 0);
}

static void times_stay_inside_and_in_order(void **state)
{
    (void)state;
    mli_asr_options o = options_of(8);
    o.word_times = true;
    mli_transcript *t = run(&o, MODELLAB_OK);
    double last = 0, last_word = 0;
    for (size_t i = 0; i < t->segment_count; i++) {
        const mli_transcript_segment *s = &t->segments[i];
        assert_true(s->start >= last && s->end >= s->start && s->end <= SECONDS);
        last = s->end;
        for (size_t k = 0; k < s->word_count; k++) {
            assert_true(s->words[k].start >= last_word && s->words[k].end >= s->words[k].start);
            last_word = s->words[k].end;
        }
        assert_true(last_word <= last);
    }
    mli_transcript_unref(t);
}

static int32_t count_progress(void *user, double done, double total)
{
    double *last = user;
    assert_true(done >= *last && done <= total && total == (double)SECONDS);
    *last = done;
    return 0;
}

static void without_speech_there_is_no_text(void **state)
{
    (void)state;
    double last = 0;
    mli_asr_options o = options_of(8);
    o.vad_rules.threshold = 1.0f; /* nothing is so surely speech */
    o.progress = count_progress;
    o.user = &last;
    mli_transcript *t = run(&o, MODELLAB_OK);
    assert_int_equal(t->segment_count, 0);
    assert_string_equal(t->text, "");
    assert_false(t->partial);
    assert_true(last == (double)SECONDS);
    mli_transcript_unref(t);
    o.batch = 0;
    assert_null(run(&o, MODELLAB_E_INVALID_ARGUMENT));
    o.batch = 17;
    assert_null(run(&o, MODELLAB_E_INVALID_ARGUMENT));
}

/* Each allocation of a call, once. */
static void memory_may_be_short(void **state)
{
    (void)state;
    failing_alloc f = {.fail_at = -1};
    modellab_allocator table = failing_alloc_table(&f);
    mli_asr_options o = options_of(3);
    mli_audio_source *shorter = fixture_audio(40);
    o.max_tokens = 4;
    o.word_times = true;
    for (long at = 0;; at++) {
        mli_asr_session *session = NULL;
        mli_transcript *t = NULL;
        f = (failing_alloc){.fail_at = -1};
        assert_int_equal(mli_asr_session_create(&session, &table, model, 1, NULL), MODELLAB_OK);
        f.fail_at = f.calls + at;
        modellab_status status = mli_asr_transcribe(session, shorter, &o, &t, NULL);
        bool failed = f.calls > f.fail_at;
        f.fail_at = -1;
        assert_int_equal(status, failed ? MODELLAB_E_NO_MEMORY : MODELLAB_OK);
        assert_true(failed == (t == NULL));
        mli_transcript_unref(t);
        mli_asr_session_destroy(session);
        assert_int_equal(f.live, 0);
        if (!failed)
            break;
        at += at / 8; /* all of the first, then fewer */
    }
    mli_audio_unref(shorter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_and_threads_do_not_change_a_byte),
        cmocka_unit_test(from_any_chunk_the_bytes_are_the_same),
        cmocka_unit_test(a_cancel_in_any_phase_leaves_whole_chunks),
        cmocka_unit_test(a_cancel_at_any_instant_leaves_whole_chunks),
        cmocka_unit_test(few_words_are_tried_again),
        cmocka_unit_test(times_stay_inside_and_in_order),
        cmocka_unit_test(without_speech_there_is_no_text),
        cmocka_unit_test(memory_may_be_short),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
