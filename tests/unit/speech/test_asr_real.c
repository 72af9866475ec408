/* The real whisper-tiny.en on the sample conversation. Needs both below MODEL_LAB_TEST_MODELS
 * (scripts/test fetches them); says so and skips when they are not there. */
#include "unit/unit.h"

#include "unit/speech/asr_fixture.h"
#include <math.h>
#include <stdlib.h>

static char model_path[512], sample_path[512];
static bool have_base;
static char base_path[512];
static mli_asr_model *model;
static mli_audio_source *audio;
static mli_silero *detector; /* NULL = not installed */

static bool exists(const char *path)
{
    mli_os_stat info;
    return mli_os_system_files.stat(NULL, path, true, &info) == 0;
}

static bool find_models(void)
{
    const char *root = getenv("MODEL_LAB_TEST_MODELS");
    if (root == NULL || root[0] == '\0') {
        print_message("skipped: MODEL_LAB_TEST_MODELS is not set\n");
        return false;
    }
    (void)snprintf(model_path, sizeof model_path, "%s/whisper-tiny.en", root);
    (void)snprintf(base_path, sizeof base_path, "%s/whisper-base", root);
    (void)snprintf(sample_path, sizeof sample_path, "%s/sample-conversation/sample.wav", root);
    have_base = exists(base_path);
    if (!exists(model_path) || !exists(sample_path)) {
        print_message("skipped: whisper-tiny.en or sample-conversation is not installed there\n");
        return false;
    }
    return true;
}

static void open_detector(void)
{
    char path[640];
    mli_model_files files;
    mli_silero_weights weights;
    (void)snprintf(path, sizeof path, "%s/silero-vad-v6", getenv("MODEL_LAB_TEST_MODELS"));
    if (!exists(path))
        return;
    assert_int_equal(mli_model_files_open(&files, NULL, &mli_os_system_files, path, NULL),
                     MODELLAB_OK);
    assert_int_equal(mli_model_files_load(&files, NULL, NULL), MODELLAB_OK);
    assert_int_equal(
        mli_silero_read(&weights, NULL, files.weights, files.weights_bytes, NULL, NULL),
        MODELLAB_OK);
    assert_int_equal(mli_silero_create(&detector, NULL, &weights, NULL), MODELLAB_OK);
    mli_model_files_dispose(&files);
}

static int set_up(void **state)
{
    (void)state;
    open_detector();
    model = fixture_open(model_path, NULL, MLI_ASR_WEIGHTS_F16);
    return mli_audio_decode_path(sample_path, NULL, &audio, NULL) == MODELLAB_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    mli_asr_model_unref(model);
    mli_silero_destroy(detector);
    mli_audio_unref(audio);
    return 0;
}

static mli_transcript *transcribe(mli_asr_model *with, const mli_asr_options *options)
{
    mli_asr_session *session = NULL;
    mli_transcript *t = NULL;
    assert_int_equal(mli_asr_session_create(&session, NULL, with, 2, NULL), MODELLAB_OK);
    assert_int_equal(mli_asr_transcribe(session, audio, options, &t, NULL), MODELLAB_OK);
    mli_asr_session_destroy(session);
    return t;
}

static void the_conversation_is_understood(void **state)
{
    (void)state;
    static const char *const words[] = {"Hello", "Diane in New Jersey", "Texas",
                                        "originally from Chicago", "call me a Yankee"};
    mli_asr_options o;
    mli_asr_options_init(&o);
    o.word_times = true;
    mli_transcript *t = transcribe(model, &o);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strstr(t->text, words[i]) == NULL)
            fail_msg("\"%s\" is missing", words[i]);
    assert_string_equal(t->language, "en");
    assert_true(fabs(t->duration - 30) < 0.01);
    double before = 0;
    size_t count = 0;
    for (size_t i = 0; i < t->segment_count; i++)
        for (size_t k = 0; k < t->segments[i].word_count; k++, count++) {
            const mli_transcript_word *w = &t->segments[i].words[k];
            assert_true(w->start >= before - 1e-9 && w->end >= w->start && w->end <= 30.01);
            assert_true(w->probability > 0 && w->probability <= 1);
            before = w->start;
        }
    assert_int_equal(count, t->word_count);
    assert_true(count > 60);
    mli_transcript_unref(t);
}

static void threads_beams_and_repetition_do_not_change_a_byte(void **state)
{
    (void)state;
    mli_asr_options o;
    mli_buf one, two;
    mli_asr_options_init(&o);
    o.beam_size = 3;
    fixture_transcribe(model, 1, audio, &o, &one);
    fixture_transcribe(model, 2, audio, &o, &two);
    assert_int_equal(one.size, two.size);
    assert_memory_equal(one.data, two.data, one.size);
    mli_buf_dispose(&one);
    mli_buf_dispose(&two);
}

typedef struct canceller {
    mli_cancel_word word;
} canceller;

static int32_t cancel_after_a_segment(void *user, const mli_transcript_segment *segment)
{
    canceller *c = user;
    (void)segment;
    atomic_store(&c->word, 1);
    return 0;
}

static void cancel_keeps_what_is_done(void **state)
{
    (void)state;
    canceller c = {0};
    mli_asr_session *session = NULL;
    mli_transcript *t = NULL;
    mli_asr_options o;
    mli_asr_options_init(&o);
    o.segment = cancel_after_a_segment;
    o.user = &c;
    o.cancel = &c.word;
    mli_audio_source *whole = audio;
    mli_audio_source *longer = fixture_audio(65); /* noise: several windows */
    assert_int_equal(mli_asr_session_create(&session, NULL, model, 2, NULL), MODELLAB_OK);
    modellab_status status = mli_asr_transcribe(session, whole, &o, &t, NULL);
    assert_true(status == MODELLAB_OK || status == MODELLAB_E_CANCELLED); /* one window or two */
    assert_true(t->segment_count > 0);
    mli_transcript_unref(t);
    atomic_store(&c.word, 1);
    assert_int_equal(mli_asr_transcribe(session, longer, &o, &t, NULL), MODELLAB_E_CANCELLED);
    assert_true(t->partial);
    assert_int_equal(t->segment_count, 0);
    mli_transcript_unref(t);
    mli_asr_session_destroy(session);
    mli_audio_unref(longer);
}

/* Silence, a hum and then the conversation twice: only the conversation gives text, where it is. */
static void speech_alone_is_recognised(void **state)
{
    (void)state;
    enum { QUIET = 40 * MLI_AUDIO_RATE };
    size_t said = (size_t)mli_audio_samples(audio), all = 2 * (QUIET + said);
    mli_audio_source *source = NULL;
    mli_asr_session *session = NULL;
    mli_asr_options o;
    if (detector == NULL) {
        print_message("skipped: silero-vad-v6 is not installed there\n");
        return;
    }
    float *samples = calloc(all, sizeof *samples);
    assert_non_null(samples);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(mli_audio_read(audio, 0, said, samples + i * said + (i + 1) * QUIET, NULL),
                         MODELLAB_OK);
    for (size_t i = 0; i < QUIET; i++)
        samples[QUIET + said + i] = 0.01f * (float)sin((double)i * 0.02);
    mli_asr_options_init(&o);
    o.vad = detector;
    o.word_times = true;
    assert_int_equal(mli_asr_session_create(&session, NULL, model, 2, NULL), MODELLAB_OK);
    for (int part = 0; part < 2; part++) { /* the first QUIET alone, then all of it */
        mli_transcript *t = NULL;
        assert_int_equal(mli_audio_from_samples(samples, part == 0 ? QUIET : all, 1, MLI_AUDIO_RATE,
                                                NULL, &source, NULL),
                         MODELLAB_OK);
        assert_int_equal(mli_asr_transcribe(session, source, &o, &t, NULL), MODELLAB_OK);
        assert_true(part == 1 || t->segment_count == 0);
        size_t first = 0, second = 0;
        for (size_t i = 0; i < t->word_count; i++) {
            const mli_transcript_segment *segment = NULL;
            const mli_transcript_word *w = mli_transcript_word_at(t, i, &segment);
            bool one = w->start >= 39.5 && w->end <= 70.5; /* speech is padded by 0.4 s */
            bool two = w->start >= 109.5 && w->end <= 140.01;
            if (!one && !two)
                fail_msg("%s at %g to %g", w->text, w->start, w->end);
            first += one;
            second += two;
        }
        if (part == 1 && (first < 60 || second < 60))
            fail_msg("%zu and %zu words", first, second);
        mli_transcript_unref(t);
        mli_audio_unref(source);
    }
    mli_asr_session_destroy(session);
    free(samples);
}

typedef struct counts {
    int windows, chunks;
} counts;

static void count_window(void *user, const mli_asr_window *window)
{
    (void)window;
    ((counts *)user)->windows++;
}

static int32_t count_chunk(void *user, const mli_asr_mark *mark,
                           const mli_transcript_segment *segments, size_t count)
{
    (void)mark;
    (void)segments;
    (void)count;
    ((counts *)user)->chunks++;
    return 0;
}

/* The end of the conversation before its beginning: Whisper begins a segment at the end and would
 * leave it to the next window. */
static void a_chunk_is_encoded_once(void **state)
{
    (void)state;
    enum { FROM = 6 * MLI_AUDIO_RATE, LATE = 26 * MLI_AUDIO_RATE };
    size_t said = (size_t)mli_audio_samples(audio), late = said - LATE, all = late + said - FROM;
    mli_audio_source *whole = audio;
    counts c = {0, 0};
    mli_asr_options o;
    if (detector == NULL) {
        print_message("skipped: silero-vad-v6 is not installed there\n");
        return;
    }
    float *samples = calloc(all, sizeof *samples);
    assert_non_null(samples);
    assert_int_equal(mli_audio_read(whole, LATE, late, samples, NULL), MODELLAB_OK);
    assert_int_equal(mli_audio_read(whole, FROM, said - FROM, samples + late, NULL), MODELLAB_OK);
    assert_int_equal(mli_audio_from_samples(samples, all, 1, MLI_AUDIO_RATE, NULL, &audio, NULL),
                     MODELLAB_OK);
    mli_asr_options_init(&o);
    o.vad = detector;
    o.window = count_window;
    o.mark = count_chunk;
    o.user = &c;
    mli_transcript *t = transcribe(model, &o);
    assert_int_equal(c.chunks, 1);
    assert_int_equal(c.windows, 1);
    assert_true(t->segments[t->segment_count - 1].end > 27);
    mli_transcript_unref(t);
    mli_audio_unref(audio);
    audio = whole;
    free(samples);
}

static void a_prompt_changes_the_spelling(void **state)
{
    (void)state;
    mli_asr_options o;
    mli_asr_options_init(&o);
    mli_transcript *plain = transcribe(model, &o);
    o.initial_prompt = "Dyane, Sheelah";
    mli_transcript *prompted = transcribe(model, &o);
    assert_string_not_equal(plain->text, prompted->text);
    mli_transcript_unref(plain);
    mli_transcript_unref(prompted);
}

static void the_language_is_heard_and_translated(void **state)
{
    (void)state;
    mli_asr_options o;
    if (!have_base) {
        print_message("skipped: whisper-base is not installed there\n");
        return;
    }
    mli_asr_model *base = fixture_open(base_path, NULL, MLI_ASR_WEIGHTS_F16);
    mli_asr_options_init(&o);
    o.translate = true;
    mli_transcript *t = transcribe(base, &o);
    assert_string_equal(t->language, "en");
    assert_true(t->language_probability > 0.9);
    assert_string_equal(t->task, "translate");
    assert_non_null(strstr(t->text, "Chicago"));
    mli_transcript_unref(t);
    mli_asr_model_unref(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_conversation_is_understood),
        cmocka_unit_test(threads_beams_and_repetition_do_not_change_a_byte),
        cmocka_unit_test(cancel_keeps_what_is_done),
        cmocka_unit_test(speech_alone_is_recognised),
        cmocka_unit_test(a_chunk_is_encoded_once),
        cmocka_unit_test(a_prompt_changes_the_spelling),
        cmocka_unit_test(the_language_is_heard_and_translated),
    };
    if (!find_models())
        return 77; /* shown as skipped */
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
