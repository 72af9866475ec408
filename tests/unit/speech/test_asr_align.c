/* Alignment on made-up models: whatever the text is, each word gets a time, in order and inside the
 * audio; threads and batches do not change a byte. */
#include "unit/unit.h"

#include "speech/asr_align.h"
#include "unit/failing_alloc.h"
#include "unit/speech/aligned.h"
#include "unit/speech/asr_fixture.h"
#include "unit/speech/vad_fixture.h"
#include <math.h>

enum { SECONDS = 65 };

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

static mli_asr_options options_of(void)
{
    mli_asr_options o;
    mli_asr_options_init(&o);
    o.vad = vad;
    o.vad_rules.threshold = o.vad_rules.neg_threshold = 1e-6f;
    return o;
}

static mli_transcript *align(const char *text, const mli_asr_options *o, int32_t threads,
                             modellab_status want)
{
    mli_asr_session *session = NULL;
    mli_transcript *t = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    assert_int_equal(mli_asr_session_create(&session, NULL, model, threads, NULL), MODELLAB_OK);
    modellab_status status = mli_asr_align(session, audio, text, strlen(text), o, &t, &err);
    if (status != want)
        fail_msg("%d: %s", (int)status, err.message);
    assert_true((status == MODELLAB_OK) == (t != NULL));
    mli_asr_session_destroy(session);
    return t;
}

static char *many_words(size_t count)
{
    char *text = calloc(count + 1, 9);
    assert_non_null(text);
    for (size_t i = 0; i < count; i++)
        (void)snprintf(text + strlen(text), 9, "w%zu%s", i % 1000, i % 7 == 6 ? ". " : " ");
    return text;
}

static void all_words_get_times_in_order(void **state)
{
    (void)state;
    static const char *const texts[] = {"one", "one two, three. Four? \"Five!\" (six) - seven",
                                        "\xc3\xa4 \xe6\x97\xa5\xe6\x9c\xac . . ."};
    mli_asr_options o = options_of();
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        mli_transcript *t = align(texts[i], &o, 1, MODELLAB_OK);
        expect_aligned(t, texts[i], SECONDS);
        assert_true(t->has_words && !t->partial);
        mli_transcript_unref(t);
    }
    for (size_t count = 60; count <= 6000; count *= 10) { /* far more than can be said, too */
        char *text = many_words(count);
        mli_transcript *t = align(text, &o, 1, MODELLAB_OK);
        expect_aligned(t, text, SECONDS);
        mli_transcript_unref(t);
        free(text);
    }
}

static void without_words_or_speech(void **state)
{
    (void)state;
    mli_asr_options o = options_of();
    mli_transcript *t = align(" \n\t", &o, 1, MODELLAB_OK);
    assert_int_equal(t->segment_count, 0);
    assert_true(fabs(t->duration - SECONDS) < 1e-9);
    mli_transcript_unref(t);
    assert_null(align("a \xff", &o, 1, MODELLAB_E_INVALID_ARGUMENT));
    o.vad_rules.threshold = 1.0f;
    assert_null(align("one", &o, 1, MODELLAB_E_INVALID_AUDIO));
    o.vad = NULL;
    assert_null(align("one", &o, 1, MODELLAB_E_INVALID_ARGUMENT));
}

static void threads_and_batches_do_not_change_a_byte(void **state)
{
    (void)state;
    char *text = many_words(80);
    mli_asr_options o = options_of();
    mli_buf want, got;
    mli_transcript *t = align(text, &o, 1, MODELLAB_OK);
    mli_buf_init(&want, NULL);
    fixture_print(t, &want);
    mli_transcript_unref(t);
    o.batch = 1;
    t = align(text, &o, 3, MODELLAB_OK);
    mli_buf_init(&got, NULL);
    fixture_print(t, &got);
    mli_transcript_unref(t);
    assert_int_equal(want.size, got.size);
    assert_memory_equal(want.data, got.data, got.size);
    mli_buf_dispose(&want);
    mli_buf_dispose(&got);
    free(text);
}

/* Speech given in one piece, as step vad finds it, without a pause: cut as the detector cuts it,
 * and words that nothing was heard of are spread over all of it. */
static void long_given_speech_is_cut_as_found_speech(void **state)
{
    (void)state;
    const mli_vad_segment all = {0, SECONDS * (int64_t)MLI_AUDIO_RATE};
    char *text = many_words(160);
    mli_asr_options o = options_of();
    mli_buf want, got;
    mli_transcript *t = align(text, &o, 1, MODELLAB_OK);
    mli_buf_init(&want, NULL);
    fixture_print(t, &want);
    mli_transcript_unref(t);
    o.speech = &all;
    o.speech_count = 1;
    t = align(text, &o, 1, MODELLAB_OK);
    mli_buf_init(&got, NULL);
    fixture_print(t, &got);
    const mli_transcript_segment *s = NULL;
    const mli_transcript_word *first = mli_transcript_word_at(t, 40, &s);
    assert_true(first->start > 5 && first->start < 30); /* a quarter of the words */
    mli_transcript_unref(t);
    assert_int_equal(want.size, got.size);
    assert_memory_equal(want.data, got.data, got.size);
    mli_buf_dispose(&want);
    mli_buf_dispose(&got);
    free(text);
}

/* Of a model: the tokenizer's work takes its memory from there. */
typedef struct taking {
    long calls;
    size_t most;
} taking;

static void *taking_alloc(void *user, size_t bytes)
{
    taking *t = user;
    t->calls++;
    t->most = bytes > t->most ? bytes : t->most;
    return malloc(bytes);
}

static void *taking_realloc(void *user, void *block, size_t bytes)
{
    (void)user;
    return realloc(block, bytes);
}

static void taking_free(void *user, void *block)
{
    (void)user;
    free(block);
}

/* What there is no room for is not cut into tokens, which could last: many words, and one of a MiB.
 */
static void what_has_no_room_is_not_encoded(void **state)
{
    (void)state;
    enum { BYTES = 1 << 20 };
    taking taken = {0, 0};
    const modellab_allocator table = {sizeof table, &taken, taking_alloc, taking_realloc,
                                      taking_free};
    const mli_asr_open_options how = {.alloc = &table, .weights = MLI_ASR_WEIGHTS_F32};
    mli_asr_options o = options_of();
    mli_audio_source *shorter = fixture_audio(2);
    mli_asr_session *session = NULL;
    mli_asr_model *own = NULL;
    mli_model_files files;
    char *texts[2] = {many_words(9000), calloc(1, BYTES + 1)};
    assert_non_null(texts[1]);
    memset(texts[1], 'a', BYTES);
    assert_int_equal(mli_model_files_open(&files, NULL, &mli_os_system_files, folder.path, NULL),
                     MODELLAB_OK);
    assert_int_equal(mli_asr_model_open(&own, &files, &how, NULL), MODELLAB_OK);
    mli_model_files_dispose(&files);
    assert_int_equal(mli_asr_session_create(&session, NULL, own, 1, NULL), MODELLAB_OK);
    for (size_t i = 0; i < 2; i++) {
        mli_transcript *t = NULL;
        taken = (taking){0, 0};
        assert_int_equal(mli_asr_align(session, shorter, texts[i], strlen(texts[i]), &o, &t, NULL),
                         MODELLAB_OK);
        expect_aligned(t, texts[i], 2);
        mli_transcript_unref(t);
        if (taken.calls >= 4000 || taken.most >= BYTES)
            fail_msg("%ld allocations, of at most %zu bytes", taken.calls, taken.most);
        free(texts[i]);
    }
    mli_asr_session_destroy(session);
    mli_asr_model_unref(own);
    mli_audio_unref(shorter);
}

typedef struct watcher {
    double last;
    int calls, end_at, cancel_at;
    mli_cancel_word word;
} watcher;

static int32_t watch(void *user, double done, double total)
{
    watcher *w = user;
    assert_true(done >= w->last && done <= total && total == (double)SECONDS);
    w->last = done;
    if (++w->calls == w->cancel_at)
        atomic_store(&w->word, 1);
    return w->calls == w->end_at;
}

static void it_tells_progress_and_can_be_ended(void **state)
{
    (void)state;
    watcher w = {.end_at = -1};
    mli_asr_options o = options_of();
    o.progress = watch;
    o.user = &w;
    o.cancel = &w.word;
    mli_transcript_unref(align("one two three", &o, 1, MODELLAB_OK));
    assert_true(w.last == (double)SECONDS);
    for (int at = 1, all = w.calls; at < all; at++) {
        w = (watcher){.end_at = at};
        assert_null(align("one two three", &o, 1, MODELLAB_E_CALLBACK));
        w = (watcher){.end_at = -1, .cancel_at = at};
        if (at + 1 < all)
            assert_null(align("one two three", &o, 1, MODELLAB_E_CANCELLED));
    }
}

static void memory_may_be_short(void **state)
{
    (void)state;
    failing_alloc f = {.fail_at = -1};
    modellab_allocator table = failing_alloc_table(&f);
    mli_asr_options o = options_of();
    mli_audio_source *shorter = fixture_audio(2);
    for (long at = 0;; at++) {
        mli_asr_session *session = NULL;
        mli_transcript *t = NULL;
        f = (failing_alloc){.fail_at = -1};
        assert_int_equal(mli_asr_session_create(&session, &table, model, 1, NULL), MODELLAB_OK);
        f.fail_at = f.calls + at;
        modellab_status status = mli_asr_align(session, shorter, "one two.", 8, &o, &t, NULL);
        bool failed = f.calls > f.fail_at;
        f.fail_at = -1;
        assert_int_equal(status, failed ? MODELLAB_E_NO_MEMORY : MODELLAB_OK);
        assert_true(failed == (t == NULL));
        mli_transcript_unref(t);
        mli_asr_session_destroy(session);
        assert_int_equal(f.live, 0);
        if (!failed)
            break;
        at += at / 10; /* all of the first, then fewer */
    }
    mli_audio_unref(shorter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_words_get_times_in_order),
        cmocka_unit_test(without_words_or_speech),
        cmocka_unit_test(threads_and_batches_do_not_change_a_byte),
        cmocka_unit_test(long_given_speech_is_cut_as_found_speech),
        cmocka_unit_test(what_has_no_room_is_not_encoded),
        cmocka_unit_test(it_tells_progress_and_can_be_ended),
        cmocka_unit_test(memory_may_be_short),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
