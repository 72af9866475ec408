/* Diarization through the public headers. With ge2e-speaker, silero-vad-v6 and sample-conversation
 * below MODEL_LAB_TEST_MODELS (else skipped, 77): the error on the conversation, the same bytes for
 * any number of threads, enrolled voices, progress and cancel. */
#include <modellab/modellab.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OK(call) assert_int_equal((call), MODELLAB_OK)
enum { FRAMES = 3000, WIDTH = MODELLAB_VOICE_SIZE }; /* frames of 10 ms */

static const char *models_root;
static modellab_model *encoder, *vad;
static char sample[4096], reference[4096];

static int open_models(void **state)
{
    modellab_model_options options = MODELLAB_MODEL_OPTIONS_INIT;
    (void)state;
    options.models_root = models_root;
    (void)snprintf(sample, sizeof sample, "%s/sample-conversation/sample.wav", models_root);
    (void)snprintf(reference, sizeof reference, "%s/sample-conversation/sample.rttm", models_root);
    OK(modellab_model_open("ge2e-speaker", &options, &encoder, NULL));
    OK(modellab_model_open("silero-vad-v6", &options, &vad, NULL));
    return 0;
}

static int close_models(void **state)
{
    (void)state;
    modellab_model_unref(encoder);
    modellab_model_unref(vad);
    return 0;
}

static void test_model(void **state)
{
    modellab_model_info info = {.size = sizeof info};
    modellab_diarization *d = NULL;
    (void)state;
    OK(modellab_model_get_info(encoder, &info, NULL));
    assert_string_equal(info.architecture, "ge2e");
    assert_string_equal(info.format, "torch");
    assert_int_equal(info.parameters, 1423616);
    assert_int_equal(modellab_diarize_file(vad, vad, sample, NULL, &d, NULL),
                     MODELLAB_E_UNSUPPORTED_MODEL);
    assert_int_equal(modellab_diarize_file(encoder, encoder, sample, NULL, &d, NULL),
                     MODELLAB_E_UNSUPPORTED_MODEL);
}

/* Who speaks in each 10 ms: bit s for speaker s, of RTTM lines. */
static void read_rttm(const char *text, unsigned who[FRAMES])
{
    char names[8][64], name[64];
    size_t count = 0;
    double start, length;
    memset(who, 0, FRAMES * sizeof *who);
    for (const char *at = text; at != NULL && *at != '\0';) {
        if (sscanf(at, "SPEAKER %*s 1 %lf %lf <NA> <NA> %63s <NA> <NA>", &start, &length, name) ==
            3) {
            size_t s = 0;
            while (s < count && strcmp(names[s], name) != 0)
                s++;
            if (s == count) {
                assert_true(count < 8);
                (void)snprintf(names[count++], sizeof names[0], "%s", name);
            }
            for (int i = (int)(start * 100 + 0.5); i < (int)((start + length) * 100 + 0.5); i++)
                who[i < FRAMES ? i : FRAMES - 1] |= 1u << s;
        }
        at = strchr(at, '\n');
        at = at != NULL ? at + 1 : NULL;
    }
}

static int bits(unsigned x)
{
    return x == 0 ? 0 : (int)(x & 1) + bits(x >> 1);
}

/* Diarization error rate in %, overlap counted, no collar; at most two speakers on both sides. */
static double error_rate(const char *rttm)
{
    static unsigned want[FRAMES], got[FRAMES];
    static char text[1 << 16];
    FILE *f = fopen(reference, "rb");
    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    assert_int_equal(fclose(f), 0);
    read_rttm(text, want);
    read_rttm(rttm, got);
    double least = INFINITY;
    for (int swapped = 0; swapped < 2; swapped++) {
        double total = 0, wrong = 0;
        for (size_t i = 0; i < FRAMES; i++) {
            unsigned g = swapped ? (got[i] >> 1 & 1) | (got[i] << 1 & 2) : got[i];
            int most = bits(want[i]) > bits(g) ? bits(want[i]) : bits(g);
            total += bits(want[i]);
            wrong += most - bits(want[i] & g);
        }
        least = 100 * wrong / total < least ? 100 * wrong / total : least;
    }
    return least;
}

static modellab_diarization *diarize(const modellab_diarization_options *options)
{
    modellab_diarization *d = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    if (modellab_diarize_file(encoder, vad, sample, options, &d, &err) != MODELLAB_OK)
        fail_msg("%s", err.message);
    return d;
}

static char *rttm_of(const modellab_diarization *d)
{
    modellab_buffer *out = NULL;
    OK(modellab_diarization_write(d, MODELLAB_DIARIZATION_RTTM, sample, &out, NULL));
    char *copy = strdup(modellab_buffer_data(out));
    assert_non_null(copy);
    modellab_buffer_destroy(out);
    return copy;
}

static void test_two_speakers(void **state)
{
    modellab_diarization_options options = MODELLAB_DIARIZATION_OPTIONS_INIT;
    char *first = NULL;
    (void)state;
    options.min_speakers = options.max_speakers = 2;
    for (int32_t threads = 1; threads <= 3; threads++) {
        options.threads = threads;
        modellab_diarization *d = diarize(&options);
        assert_int_equal(modellab_diarization_speaker_count(d), 2);
        char *text = rttm_of(d);
        if (first == NULL) {
            double rate = error_rate(text);
            print_message("two speakers given: DER %.1f %%\n", rate);
            assert_true(rate <= 19.0);
            first = text;
        } else {
            assert_string_equal(text, first);
            free(text);
        }
        modellab_diarization_unref(d);
    }
    free(first);
    modellab_diarization *d = diarize(NULL);
    char *text = rttm_of(d);
    print_message("number not given: %zu speakers, DER %.1f %%\n",
                  modellab_diarization_speaker_count(d), error_rate(text));
    assert_int_equal(modellab_diarization_speaker_count(d), 2);
    assert_true(error_rate(text) <= 19.0);
    free(text);
    modellab_diarization_unref(d);
}

static void test_result(void **state)
{
    modellab_diarization_options options = MODELLAB_DIARIZATION_OPTIONS_INIT;
    modellab_speaker_turn turn = {.size = sizeof turn};
    modellab_speaker speaker = {.size = sizeof speaker};
    modellab_buffer *json = NULL;
    double seconds = 0, spoken = 0, last = 0;
    (void)state;
    options.min_speakers = options.max_speakers = 2;
    for (int32_t overlapping = 0; overlapping < 2; overlapping++) {
        options.overlapping = overlapping;
        options.method =
            overlapping == 0 ? MODELLAB_DIARIZATION_MERGE_PATH : MODELLAB_DIARIZATION_AGGLOMERATIVE;
        modellab_diarization *d = diarize(&options);
        seconds = spoken = last = 0;
        for (size_t i = 0; i < modellab_diarization_turn_count(d); i++) {
            OK(modellab_diarization_turn_at(d, i, &turn, NULL));
            assert_true(turn.start >= 0 && turn.end > turn.start &&
                        turn.end <= modellab_diarization_duration(d));
            assert_true(overlapping == 1 || turn.start >= last);
            last = turn.end;
            seconds += turn.end - turn.start;
        }
        for (size_t i = 0; i < modellab_diarization_speaker_count(d); i++) {
            OK(modellab_diarization_speaker_at(d, i, &speaker, NULL));
            assert_int_equal(speaker.is_known, 0);
            assert_true(strncmp(speaker.name, "speaker_", 8) == 0);
            spoken += speaker.seconds;
        }
        assert_true(fabs(spoken - seconds) < 1e-6 && spoken > 15);
        assert_int_equal(modellab_diarization_turn_at(d, 1000, &turn, NULL), MODELLAB_E_NOT_FOUND);
        assert_int_equal(modellab_diarization_speaker_at(d, 2, &speaker, NULL),
                         MODELLAB_E_NOT_FOUND);
        OK(modellab_diarization_write(d, MODELLAB_DIARIZATION_JSON, NULL, &json, NULL));
        assert_non_null(strstr(modellab_buffer_data(json), "\"speakers\""));
        modellab_buffer_destroy(json);
        assert_int_equal(modellab_diarization_write(d, 9, NULL, &json, NULL),
                         MODELLAB_E_INVALID_ARGUMENT);
        modellab_diarization_unref(d);
    }
}

/* Each speaker's voice, learned from the conversation, brings its name back. */
static void test_known(void **state)
{
    modellab_diarization_options options = MODELLAB_DIARIZATION_OPTIONS_INIT;
    const char *names[] = {"Ann Lee", "Bob", "Carl"};
    static float voices[3 * WIDTH];
    modellab_speaker speaker = {.size = sizeof speaker};
    (void)state;
    options.min_speakers = options.max_speakers = 2;
    modellab_diarization *d = diarize(&options);
    for (size_t i = 0; i < 2; i++) { /* the other way round */
        OK(modellab_diarization_speaker_at(d, i, &speaker, NULL));
        memcpy(voices + (1 - i) * WIDTH, speaker.voice, WIDTH * sizeof(float));
    }
    modellab_diarization_unref(d);
    voices[2 * WIDTH] = 1.0f;
    options.known_names = names;
    options.known_voices = voices;
    options.known_count = 3;
    d = diarize(&options);
    OK(modellab_diarization_speaker_at(d, 0, &speaker, NULL));
    assert_string_equal(speaker.name, "Bob");
    assert_true(speaker.is_known == 1 && speaker.known_score > 0.99);
    OK(modellab_diarization_speaker_at(d, 1, &speaker, NULL));
    assert_string_equal(speaker.name, "Ann Lee");
    char *text = rttm_of(d);
    assert_non_null(strstr(text, " Ann_Lee <NA> <NA>\n"));
    free(text);
    modellab_diarization_unref(d);
    options.known_voices = voices + 2 * WIDTH;
    options.known_count = 1;
    d = diarize(&options);
    OK(modellab_diarization_speaker_at(d, 0, &speaker, NULL));
    assert_string_equal(speaker.name, "speaker_1");
    assert_true(speaker.is_known == 0 && speaker.known_score < 0.75);
    modellab_diarization_unref(d);
}

static int32_t stop(void *user, double fraction)
{
    *(double *)user = fraction;
    return fraction > 0.1;
}

static void test_ends(void **state)
{
    modellab_diarization_options options = MODELLAB_DIARIZATION_OPTIONS_INIT;
    modellab_diarization *d = NULL;
    modellab_audio *audio = NULL;
    static float silence[32000];
    float voice[WIDTH];
    double fraction = 0;
    (void)state;
    options.progress = stop;
    options.user = &fraction;
    assert_int_equal(modellab_diarize_file(encoder, vad, sample, &options, &d, NULL),
                     MODELLAB_E_CALLBACK);
    assert_null(d);
    assert_true(fraction > 0.1 && fraction < 1);
    options.progress = NULL;
    OK(modellab_cancel_create(NULL, &options.cancel, NULL));
    modellab_cancel_set(options.cancel);
    assert_int_equal(modellab_diarize_file(encoder, vad, sample, &options, &d, NULL),
                     MODELLAB_E_CANCELLED);
    modellab_cancel_unref(options.cancel);
    options.cancel = NULL;
    OK(modellab_audio_from_samples(silence, 32000, 1, 16000, NULL, &audio, NULL));
    OK(modellab_diarize_audio(encoder, vad, audio, &options, &d, NULL));
    assert_int_equal(modellab_diarization_turn_count(d), 0);
    assert_int_equal(modellab_diarization_speaker_count(d), 0);
    modellab_diarization_unref(d);
    modellab_audio_unref(audio);
    options.min_speakers = 3;
    options.max_speakers = 2;
    assert_int_equal(modellab_diarize_file(encoder, vad, sample, &options, &d, NULL),
                     MODELLAB_E_INVALID_ARGUMENT);
    options.max_speakers = 65;
    assert_int_equal(modellab_diarize_file(encoder, vad, sample, &options, &d, NULL),
                     MODELLAB_E_INVALID_ARGUMENT);
    assert_int_equal(modellab_voice_of_file(encoder, vad, sample, NULL, voice, 12, NULL),
                     MODELLAB_E_INVALID_ARGUMENT);
    OK(modellab_voice_of_file(encoder, NULL, sample, NULL, voice, WIDTH, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model),  cmocka_unit_test(test_two_speakers),
        cmocka_unit_test(test_result), cmocka_unit_test(test_known),
        cmocka_unit_test(test_ends),
    };
    char path[4096];
    models_root = getenv("MODEL_LAB_TEST_MODELS");
    (void)snprintf(path, sizeof path, "%s/ge2e-speaker/model.json",
                   models_root != NULL ? models_root : "");
    FILE *f = models_root != NULL ? fopen(path, "rb") : NULL;
    if (f == NULL) {
        puts("skipped: MODEL_LAB_TEST_MODELS has no ge2e-speaker (modellab models pull)");
        return 77;
    }
    (void)fclose(f);
    return cmocka_run_group_tests(tests, open_models, close_models);
}
