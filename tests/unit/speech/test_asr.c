/* Whole transcriptions on a made-up model: same result whatever the way of loading and the number
 * of threads; callbacks, cancel, refused options, short memory. */
#include "unit/unit.h"

#include "speech/asr_image.h"
#include "speech/whisper_pack.h"
#include "unit/failing_alloc.h"
#include "unit/speech/asr_fixture.h"
#include <math.h>

static temp_folder folder, ggml_folder, cache;
static mli_asr_model *model;
static mli_audio_source *audio;

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(&folder);
    temp_folder_make(&ggml_folder);
    temp_folder_make(&cache);
    fixture_ct2(folder.path);
    fixture_ggml(ggml_folder.path);
    model = fixture_open(folder.path, NULL, MLI_ASR_WEIGHTS_F32);
    audio = fixture_audio(95);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mli_asr_model_unref(model);
    mli_audio_unref(audio);
    temp_folder_remove(&folder);
    temp_folder_remove(&ggml_folder);
    temp_folder_remove(&cache);
    return 0;
}

/* Made-up weights say improbable things: nothing is to be called silence or tried again. */
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

static void expect_same(const mli_buf *a, const mli_buf *b)
{
    assert_int_equal(a->size, b->size);
    assert_memory_equal(a->data, b->data, a->size);
}

static void every_way_of_loading_gives_the_same_transcript(void **state)
{
    (void)state;
    mli_asr_options o = plain_options();
    mli_buf expected, got;
    fixture_transcribe(model, 1, audio, &o, &expected);
    assert_true(expected.size > 100);
    mli_asr_model *built = fixture_open(folder.path, cache.path, MLI_ASR_WEIGHTS_F32);
    assert_int_equal(mli_asr_model_info_of(built).origin, MLI_ASR_ORIGIN_BUILT);
    assert_int_equal(strlen(mli_asr_model_info_of(built).sha256), 64);
    mli_asr_model *cached = fixture_open(folder.path, cache.path, MLI_ASR_WEIGHTS_F32);
    assert_int_equal(mli_asr_model_info_of(cached).origin, MLI_ASR_ORIGIN_CACHE);
    mli_asr_model *handed = NULL;
    mli_asr_open_options open = {.verify = true};
    assert_int_equal(
        mli_asr_model_from_fd(&handed, mli_asr_model_fd(cached), &mli_os_system_files, &open, NULL),
        MODELLAB_OK);
    mli_asr_model *all[] = {built, cached, handed};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        fixture_transcribe(all[i], 2, audio, &o, &got);
        expect_same(&expected, &got);
        mli_buf_dispose(&got);
        mli_asr_model_unref(all[i]);
    }
    mli_asr_model *half = fixture_open(folder.path, NULL, MLI_ASR_WEIGHTS_F16);
    fixture_transcribe(half, 2, audio, &o, &got); /* negative control: f16 differs somewhere */
    assert_true(got.size != expected.size || memcmp(got.data, expected.data, got.size) != 0);
    mli_asr_model_unref(half);
    mli_buf_dispose(&got);
    mli_buf_dispose(&expected);
}

/* A ggml file carries its own vocabulary and mel filters (made-up ones here): the image keeps them.
 */
static void ggml_files_keep_their_filters_and_words(void **state)
{
    (void)state;
    mli_asr_options o = plain_options();
    mli_buf packed, built, cached, other;
    mli_asr_model *a = fixture_open(ggml_folder.path, NULL, MLI_ASR_WEIGHTS_F32);
    mli_asr_model *b = fixture_open(ggml_folder.path, cache.path, MLI_ASR_WEIGHTS_F32);
    mli_asr_model *c = fixture_open(ggml_folder.path, cache.path, MLI_ASR_WEIGHTS_F32);
    assert_int_equal(mli_asr_model_info_of(c).origin, MLI_ASR_ORIGIN_CACHE);
    fixture_transcribe(a, 1, audio, &o, &packed);
    fixture_transcribe(b, 1, audio, &o, &built);
    fixture_transcribe(c, 1, audio, &o, &cached);
    fixture_transcribe(model, 1, audio, &o, &other);
    expect_same(&packed, &built);
    expect_same(&packed, &cached);
    assert_true(packed.size != other.size || memcmp(packed.data, other.data, packed.size) != 0);
    mli_buf_dispose(&packed);
    mli_buf_dispose(&built);
    mli_buf_dispose(&cached);
    mli_buf_dispose(&other);
    mli_asr_model_unref(a);
    mli_asr_model_unref(b);
    mli_asr_model_unref(c);
}

static void a_damaged_image_is_rebuilt_and_said_so(void **state)
{
    (void)state;
    temp_folder own;
    char path[600] = "";
    mli_image_key key = {.weights = "f16"};
    temp_folder_make(&own);
    mli_asr_model *first = fixture_open(folder.path, own.path, MLI_ASR_WEIGHTS_F16);
    char name[160];
    (void)snprintf(key.source_sha256, sizeof key.source_sha256, "%s",
                   mli_asr_model_info_of(first).sha256);
    fixture_layout(folder.path, key.layout, sizeof key.layout);
    assert_true(mli_image_key_name(&key, name));
    (void)snprintf(path, sizeof path, "%s/images/%s", own.path, name);
    mli_asr_model_unref(first);
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, 20000, SEEK_SET), 0);
    assert_int_equal(fputc(0x5a, f), 0x5a);
    assert_int_equal(fputc(0xa5, f), 0xa5);
    assert_int_equal(fclose(f), 0);
    mli_asr_model *second = fixture_open(folder.path, own.path, MLI_ASR_WEIGHTS_F16);
    assert_int_equal(mli_asr_model_info_of(second).origin, MLI_ASR_ORIGIN_REBUILT);
    assert_true(strlen(mli_asr_model_info_of(second).reason) > 0);
    mli_asr_model_unref(second);
    temp_folder_remove(&own);
}

/* The image holds the vocabulary: the same weights beside another one do not find it. */
static void another_vocabulary_makes_another_image(void **state)
{
    (void)state;
    temp_folder own, images;
    mli_buf words, before, after;
    int32_t ids[256];
    temp_folder_make(&own);
    temp_folder_make(&images);
    fixture_ct2(own.path);
    mli_buf_init(&words, NULL);
    mli_buf_init(&before, NULL);
    mli_buf_init(&after, NULL);
    mli_asr_model *first = fixture_open(own.path, images.path, MLI_ASR_WEIGHTS_F16);
    synthetic_vocabulary(&fixture_shape, &words);
    char *letter = (char *)words.data;
    size_t plain = (size_t)(strstr(mli_buf_text(&words), "<|endoftext|>") - mli_buf_text(&words));
    for (size_t i = 0; i < plain; i++)
        if (letter[i] >= 'a' && letter[i] <= 'z')
            letter[i] = letter[i] == 'z' ? 'a' : (char)(letter[i] + 1);
    write_file(own.path, "vocabulary.txt", &words);
    mli_asr_model *second = fixture_open(own.path, images.path, MLI_ASR_WEIGHTS_F16);
    mli_asr_model_info a = mli_asr_model_info_of(first), b = mli_asr_model_info_of(second);
    assert_int_equal(b.origin, MLI_ASR_ORIGIN_BUILT);
    assert_string_equal(a.sha256, b.sha256);
    /* What tells them apart is the same without an image. */
    assert_string_not_equal(a.package, b.package);
    mli_asr_model *third = fixture_open(own.path, NULL, MLI_ASR_WEIGHTS_F16);
    assert_int_equal(mli_asr_model_info_of(third).origin, MLI_ASR_ORIGIN_MEMORY);
    assert_string_equal(mli_asr_model_info_of(third).package, b.package);
    mli_asr_model_unref(third);
    for (int32_t i = 0; i < 256; i++)
        ids[i] = i;
    mli_whisper_decode_text(mli_asr_model_tokenizer(first), ids, 256, &before);
    mli_whisper_decode_text(mli_asr_model_tokenizer(second), ids, 256, &after);
    assert_int_equal(before.size, after.size);
    assert_memory_not_equal(before.data, after.data, before.size);
    mli_asr_model_unref(first);
    mli_asr_model_unref(second);
    mli_buf_dispose(&words);
    mli_buf_dispose(&before);
    mli_buf_dispose(&after);
    temp_folder_remove(&own);
    temp_folder_remove(&images);
}

static void an_unusable_cache_is_passed_over(void **state)
{
    (void)state;
    char file[400];
    (void)snprintf(file, sizeof file, "%s/model.bin/cache", folder.path); /* below a file */
    mli_asr_model *opened = fixture_open(folder.path, file, MLI_ASR_WEIGHTS_F16);
    assert_int_equal(mli_asr_model_info_of(opened).origin, MLI_ASR_ORIGIN_MEMORY);
    assert_true(strlen(mli_asr_model_info_of(opened).reason) > 0);
    assert_null(strstr(mli_asr_model_info_of(opened).reason, folder.path));
    assert_int_equal(mli_asr_model_fd(opened), -1);
    mli_asr_model_unref(opened);
}

static void threads_and_repetition_do_not_change_a_byte(void **state)
{
    (void)state;
    static const double hot[] = {0.8};
    mli_asr_options variants[3] = {plain_options(), plain_options(), plain_options()};
    variants[0].word_times = true;
    variants[1].beam_size = 3;
    variants[2].temperatures = hot;
    variants[2].seed = 5;
    for (size_t v = 0; v < 3; v++) {
        mli_buf one, two;
        fixture_transcribe(model, 1, audio, &variants[v], &one);
        fixture_transcribe(model, 3, audio, &variants[v], &two);
        expect_same(&one, &two);
        mli_buf_dispose(&one);
        mli_buf_dispose(&two);
    }
    mli_buf five, six;
    fixture_transcribe(model, 1, audio, &variants[2], &five);
    variants[2].seed = 6;
    fixture_transcribe(model, 1, audio, &variants[2], &six);
    assert_true(five.size != six.size || memcmp(five.data, six.data, five.size) != 0);
    mli_buf_dispose(&five);
    mli_buf_dispose(&six);
}

typedef struct watch {
    mli_asr_session *session;
    mli_cancel_word cancel;
    double last, total;
    int calls, segments, pulses, stop_after, cancel_after;
    modellab_status inner;
} watch;

static int32_t on_progress(void *user, double done, double total)
{
    watch *w = user;
    mli_transcript *t = NULL;
    mli_asr_options o = plain_options();
    assert_true(done >= w->last && done <= total);
    w->last = done;
    w->total = total;
    w->calls++;
    w->inner = mli_asr_transcribe(w->session, audio, &o, &t, NULL);
    if (w->calls == w->cancel_after)
        atomic_store(&w->cancel, 1);
    return w->calls == w->stop_after;
}

static int32_t on_segment(void *user, const mli_transcript_segment *segment)
{
    watch *w = user;
    assert_int_equal(segment->id, w->segments);
    w->segments++;
    return 0;
}

static void on_pulse(void *user)
{
    ((watch *)user)->pulses++;
}

static void progress_segments_and_reentry(void **state)
{
    (void)state;
    mli_asr_options o = plain_options();
    mli_transcript *t = NULL;
    watch w = {0};
    assert_int_equal(mli_asr_session_create(&w.session, NULL, model, 1, NULL), MODELLAB_OK);
    o.progress = on_progress;
    o.segment = on_segment;
    o.pulse = on_pulse;
    o.user = &w;
    o.cancel = &w.cancel;
    assert_int_equal(mli_asr_transcribe(w.session, audio, &o, &t, NULL), MODELLAB_OK);
    assert_true(w.calls >= 4);
    assert_true(w.pulses > w.calls); /* a token or an encoded window each */
    assert_true(fabs(w.last - 95) < 1e-9 && fabs(w.total - 95) < 1e-9);
    assert_int_equal(w.segments, t->segment_count);
    assert_int_equal(w.inner, MODELLAB_E_BUSY);
    assert_false(t->partial);
    size_t whole = t->segment_count;
    mli_transcript_unref(t);

    w = (watch){.session = w.session, .stop_after = 3};
    assert_int_equal(mli_asr_transcribe(w.session, audio, &o, &t, NULL), MODELLAB_E_CALLBACK);
    assert_int_equal(w.calls, 3);
    assert_non_null(t);
    assert_true(t->partial);
    assert_true(t->segment_count < whole);
    mli_transcript_unref(t);

    w = (watch){.session = w.session, .cancel_after = 2};
    assert_int_equal(mli_asr_transcribe(w.session, audio, &o, &t, NULL), MODELLAB_E_CANCELLED);
    assert_int_equal(w.calls, 2);
    assert_true(t->partial);
    mli_transcript_unref(t);

    w = (watch){.session = w.session}; /* the session is usable afterwards */
    assert_int_equal(mli_asr_transcribe(w.session, audio, &o, &t, NULL), MODELLAB_OK);
    assert_int_equal(t->segment_count, whole);
    mli_transcript_unref(t);
    mli_asr_session_destroy(w.session);
}

static void options_are_checked(void **state)
{
    (void)state;
    static const double bad_temperature[] = {0, -1};
    mli_asr_session *session = NULL;
    mli_transcript *t = NULL;
    struct {
        mli_asr_options options;
        modellab_status expected;
    } cases[] = {
        {plain_options(), MODELLAB_E_INVALID_ARGUMENT},
        {plain_options(), MODELLAB_E_INVALID_ARGUMENT},
        {plain_options(), MODELLAB_E_INVALID_ARGUMENT},
        {plain_options(), MODELLAB_E_INVALID_ARGUMENT},
        {plain_options(), MODELLAB_E_INVALID_ARGUMENT},
        {plain_options(), MODELLAB_E_INVALID_ARGUMENT},
        {plain_options(), MODELLAB_E_UNSUPPORTED},
        {plain_options(), MODELLAB_E_UNSUPPORTED},
    };
    cases[0].options.beam_size = 17;
    cases[1].options.best_of = 0;
    cases[2].options.patience = -1;
    cases[3].options.temperatures = bad_temperature;
    cases[3].options.temperature_count = 2;
    cases[4].options.hallucination_silence = 1;
    cases[5].options.language = "klingon";
    cases[6].options.language = "de"; /* the made-up model is English-only */
    cases[7].options.translate = true;
    assert_int_equal(mli_asr_session_create(&session, NULL, model, 1, NULL), MODELLAB_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        modellab_error err = MODELLAB_ERROR_INIT;
        assert_int_equal(mli_asr_transcribe(session, audio, &cases[i].options, &t, &err),
                         cases[i].expected);
        assert_null(t);
        assert_true(err.message[0] != '\0');
    }
    mli_asr_session_destroy(session);
}

static void very_short_audio_gives_an_empty_transcript(void **state)
{
    (void)state;
    const float samples[16] = {0.1f};
    mli_asr_options o = plain_options();
    mli_audio_source *short_audio = NULL;
    mli_asr_session *session = NULL;
    mli_transcript *t = NULL;
    assert_int_equal(
        mli_audio_from_samples(samples, 16, 1, MLI_AUDIO_RATE, NULL, &short_audio, NULL),
        MODELLAB_OK);
    assert_int_equal(mli_asr_session_create(&session, NULL, model, 1, NULL), MODELLAB_OK);
    assert_int_equal(mli_asr_transcribe(session, short_audio, &o, &t, NULL), MODELLAB_OK);
    assert_int_equal(t->segment_count, 0);
    assert_string_equal(t->text, "");
    assert_string_equal(t->language, "en");
    mli_transcript_unref(t);
    mli_asr_session_destroy(session);
    mli_audio_unref(short_audio);
}

static void every_allocation_of_a_transcription_may_fail(void **state)
{
    (void)state;
    mli_asr_options o = plain_options();
    mli_audio_source *some = fixture_audio(4);
    modellab_status status = MODELLAB_E_NO_MEMORY;
    o.word_times = true;
    o.initial_prompt = "abc";
    for (long n = 0; status != MODELLAB_OK; n++) {
        failing_alloc f = {.fail_at = -1};
        modellab_allocator table = failing_alloc_table(&f);
        mli_asr_session *session = NULL;
        mli_transcript *t = NULL;
        assert_int_equal(mli_asr_session_create(&session, &table, model, 1, NULL), MODELLAB_OK);
        f.fail_at = f.calls + n;
        status = mli_asr_transcribe(session, some, &o, &t, NULL);
        assert_true(status == MODELLAB_OK || (status == MODELLAB_E_NO_MEMORY && t == NULL));
        mli_transcript_unref(t);
        if (status != MODELLAB_OK) { /* the handle is usable once memory is back */
            f.fail_at = -1;
            assert_int_equal(mli_asr_transcribe(session, some, &o, &t, NULL), MODELLAB_OK);
            mli_transcript_unref(t);
        }
        mli_asr_session_destroy(session);
        assert_int_equal(f.live, 0);
        assert_true(n < 1000);
    }
    mli_audio_unref(some);
}

static void every_allocation_of_opening_may_fail(void **state)
{
    (void)state;
    modellab_status status = MODELLAB_E_NO_MEMORY;
    for (long n = 0; status != MODELLAB_OK; n++) {
        failing_alloc f = {.fail_at = n};
        modellab_allocator table = failing_alloc_table(&f);
        mli_model_files files;
        mli_asr_model *opened = NULL;
        mli_asr_open_options open = {.alloc = &table};
        assert_int_equal(
            mli_model_files_open(&files, NULL, &mli_os_system_files, folder.path, NULL),
            MODELLAB_OK);
        status = mli_asr_model_open(&opened, &files, &open, NULL);
        assert_true(status == MODELLAB_OK || (status == MODELLAB_E_NO_MEMORY && opened == NULL));
        mli_asr_model_unref(opened);
        mli_model_files_dispose(&files);
        assert_int_equal(f.live, 0);
        assert_true(n < 5000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_of_loading_gives_the_same_transcript),
        cmocka_unit_test(ggml_files_keep_their_filters_and_words),
        cmocka_unit_test(a_damaged_image_is_rebuilt_and_said_so),
        cmocka_unit_test(another_vocabulary_makes_another_image),
        cmocka_unit_test(an_unusable_cache_is_passed_over),
        cmocka_unit_test(threads_and_repetition_do_not_change_a_byte),
        cmocka_unit_test(progress_segments_and_reentry),
        cmocka_unit_test(options_are_checked),
        cmocka_unit_test(very_short_audio_gives_an_empty_transcript),
        cmocka_unit_test(every_allocation_of_a_transcription_may_fail),
        cmocka_unit_test(every_allocation_of_opening_may_fail),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
