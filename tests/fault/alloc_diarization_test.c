/* Every allocation of diarization fails once, and from then on. Needs ge2e-speaker, silero-vad-v6
 * and sample-conversation below MODEL_LAB_TEST_MODELS, else skipped (77). */
#include "fault/faulty_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SAMPLES = 16000, FROM = 8 * 16000 };

static const char *models_root;
static char sample_path[4096], clip_path[4096];
static float clip[SAMPLES]; /* a second in which both speak */

typedef struct tools {
    modellab_model *encoder, *vad;
} tools;

static modellab_status open_models(const modellab_allocator *alloc, tools *t, modellab_error *err)
{
    modellab_model_options options = MODELLAB_MODEL_OPTIONS_INIT;
    options.allocator = alloc;
    options.models_root = models_root;
    options.cache_root = "";
    *t = (tools){NULL, NULL};
    modellab_status status = modellab_model_open("ge2e-speaker", &options, &t->encoder, err);
    return status == MODELLAB_OK ? modellab_model_open("silero-vad-v6", &options, &t->vad, err)
                                 : status;
}

static void close_models(tools *t)
{
    modellab_model_unref(t->encoder);
    modellab_model_unref(t->vad);
}

/* Looks at the result in every way. */
static modellab_status look(const modellab_diarization *d, const modellab_allocator *alloc,
                            modellab_error *err)
{
    static const char json[] = "{\"task\":\"transcribe\",\"language\":\"english\",\"duration\":1,"
                               "\"segments\":[{\"id\":0,\"start\":0,\"end\":1,\"text\":\" a b\"}],"
                               "\"words\":[{\"word\":\"a\",\"start\":0,\"end\":0.4},"
                               "{\"word\":\"b\",\"start\":0.4,\"end\":1}]}";
    modellab_speaker speaker = {.size = sizeof speaker};
    modellab_speaker_turn turn = {.size = sizeof turn};
    modellab_transcript *text = NULL, *named = NULL;
    modellab_buffer *out = NULL;
    if (modellab_diarization_turn_count(d) == 0)
        return MODELLAB_E_INTERNAL; /* the clip has speech */
    modellab_status status = modellab_diarization_turn_at(d, 0, &turn, err);
    if (status == MODELLAB_OK)
        status = modellab_diarization_speaker_at(d, 0, &speaker, err);
    for (int32_t f = MODELLAB_DIARIZATION_RTTM;
         status == MODELLAB_OK && f <= MODELLAB_DIARIZATION_JSON; f++) {
        status = modellab_diarization_write(d, f, "x.wav", &out, err);
        modellab_buffer_destroy(out);
        out = NULL;
    }
    if (status == MODELLAB_OK)
        status = modellab_transcript_read_json(json, sizeof json - 1, alloc, &text, err);
    if (status == MODELLAB_OK)
        status = modellab_transcript_with_speakers(text, d, NULL, &named, err);
    if (status == MODELLAB_OK)
        status = modellab_transcript_write(named, MODELLAB_FORMAT_DIARIZED_JSON, NULL, &out, err);
    modellab_buffer_destroy(out);
    modellab_transcript_unref(named);
    modellab_transcript_unref(text);
    return status;
}

static modellab_status diarize(const modellab_allocator *alloc, void *arg)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_audio_options audio_options = MODELLAB_AUDIO_OPTIONS_INIT;
    modellab_diarization_options options = MODELLAB_DIARIZATION_OPTIONS_INIT;
    modellab_diarization *d = NULL;
    modellab_audio *audio = NULL;
    const char *names[] = {"nobody"};
    static float voice[MODELLAB_VOICE_SIZE] = {1.0f};
    tools t;
    options.known_names = names;
    options.known_voices = voice;
    options.known_count = 1;
    options.min_speakers = options.max_speakers = 2;
    options.method = *(const int *)arg;
    audio_options.allocator = alloc;
    modellab_status status = open_models(alloc, &t, &err);
    if (status == MODELLAB_OK)
        status = modellab_audio_from_samples(clip, SAMPLES, 1, 16000, &audio_options, &audio, &err);
    if (status == MODELLAB_OK)
        status = modellab_diarize_audio(t.encoder, t.vad, audio, &options, &d, &err);
    if (status == MODELLAB_OK)
        status = look(d, alloc, &err);
    modellab_diarization_unref(d);
    modellab_audio_unref(audio);
    close_models(&t);
    return status;
}

static modellab_status voice_of(const modellab_allocator *alloc, void *arg)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    float voice[MODELLAB_VOICE_SIZE];
    modellab_diarization *d = NULL;
    tools t;
    modellab_status status = open_models(alloc, &t, &err);
    if (status == MODELLAB_OK)
        status =
            modellab_voice_of_file(t.encoder, NULL, arg, NULL, voice, MODELLAB_VOICE_SIZE, &err);
    if (status == MODELLAB_OK)
        status =
            modellab_voice_of_file(t.encoder, t.vad, arg, NULL, voice, MODELLAB_VOICE_SIZE, &err);
    if (status == MODELLAB_OK)
        status = modellab_diarize_file(t.encoder, t.vad, arg, NULL, &d, &err);
    modellab_diarization_unref(d);
    close_models(&t);
    return status;
}

static void test_diarize(void **state)
{
    (void)state;
    for (int method = 0; method < 2; method++) {
        long allocations = 0;
        assert_int_equal(faulty_run(diarize, &method, &allocations), FAULTY_FINE);
        assert_true(allocations > 60);
    }
}

static void test_voice(void **state)
{
    long allocations = 0;
    (void)state;
    assert_int_equal(faulty_run(voice_of, clip_path, &allocations), FAULTY_FINE);
    assert_true(allocations > 60);
}

/* A little file: WAV of 16 bits. */
static int write_clip(void **state)
{
    modellab_audio *audio = NULL;
    int16_t pcm[SAMPLES];
    static const unsigned char head[44] = {
        'R', 'I', 'F', 'F', 36 + 0x00, 0x7d, 0,   0,   'W', 'A',  'V',  'E',  'f', 'm', 't',
        ' ', 16,  0,   0,   0,         1,    0,   1,   0,   0x80, 0x3e, 0,    0,   0,   0x7d,
        0,   0,   2,   0,   16,        0,    'd', 'a', 't', 'a',  0,    0x7d, 0,   0};
    (void)state;
    if (modellab_audio_decode_file(sample_path, NULL, &audio, NULL) != MODELLAB_OK ||
        modellab_audio_read(audio, FROM, SAMPLES, clip, NULL) != MODELLAB_OK)
        return -1;
    modellab_audio_unref(audio);
    for (size_t i = 0; i < SAMPLES; i++)
        pcm[i] = (int16_t)(clip[i] * 32767.0f);
    FILE *f = fopen(clip_path, "wb");
    if (f == NULL)
        return -1;
    bool good = fwrite(head, sizeof head, 1, f) == 1 && fwrite(pcm, sizeof pcm, 1, f) == 1;
    return fclose(f) == 0 && good ? 0 : -1;
}

static int remove_clip(void **state)
{
    (void)state;
    return remove(clip_path);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_diarize),
                                       cmocka_unit_test(test_voice)};
    char path[4096];
    models_root = getenv("MODEL_LAB_TEST_MODELS");
    if (argc < 2)
        return 2;
    (void)snprintf(clip_path, sizeof clip_path, "%s.wav", argv[1]);
    (void)snprintf(sample_path, sizeof sample_path, "%s/sample-conversation/sample.wav",
                   models_root != NULL ? models_root : "");
    (void)snprintf(path, sizeof path, "%s/ge2e-speaker/model.json",
                   models_root != NULL ? models_root : "");
    FILE *f = models_root != NULL ? fopen(path, "rb") : NULL;
    if (f == NULL) {
        puts("skipped: MODEL_LAB_TEST_MODELS has no ge2e-speaker (modellab models pull)");
        return 77;
    }
    (void)fclose(f);
    return cmocka_run_group_tests(tests, write_clip, remove_clip);
}
