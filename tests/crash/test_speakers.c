/* Who said what as a run, with real weights: the steps say what the library says, and a run whose
 * diarization fails still has its transcript. test_speakers WORKER HOST */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "crash/kit.h"

static const char request[] =
    "{\"steps\":[\"who_said_what\"],\"config\":{\"asr\":{\"word_times\":true},"
    "\"diarization\":{\"min_speakers\":2,\"max_speakers\":2}}}";

static void turns_as_the_library_finds_them(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    modellab_model *encoder = NULL, *vad = NULL;
    modellab_diarization *d = NULL;
    modellab_diarization_options options = MODELLAB_DIARIZATION_OPTIONS_INIT;
    modellab_run *run = kit_execute_sample(k, request, NULL, id);
    if (kit_info(run).status != MODELLAB_RUN_COMPLETED) {
        fail_msg("%s", kit_info(run).message);
    }
    options.min_speakers = options.max_speakers = 2;
    assert_int_equal(modellab_model_open("ge2e-speaker", NULL, &encoder, NULL), MODELLAB_OK);
    assert_int_equal(modellab_model_open("silero-vad-v6", NULL, &vad, NULL), MODELLAB_OK);
    assert_int_equal(modellab_diarize_file(encoder, vad, kit_sample, &options, &d, NULL),
                     MODELLAB_OK);
    mli_json *speakers = kit_read_json(k, id, "speakers.json");
    const mli_json *turns = mli_json_get(speakers, "turns");
    assert_int_equal(mli_json_count(turns), modellab_diarization_turn_count(d));
    for (size_t i = 0; i < mli_json_count(turns); i++) {
        modellab_speaker_turn one = {.size = sizeof(one)};
        assert_int_equal(modellab_diarization_turn_at(d, i, &one, NULL), MODELLAB_OK);
        double start = mli_json_number(mli_json_get(mli_json_at(turns, i), "start"), NAN);
        assert_true(fabs(one.start - start) < 0.00051);
    }
    mli_json_free(speakers);
    mli_json *said = kit_read_json(k, id, "who_said_what.json");
    const mli_json *words = mli_json_get(said, "words");
    assert_true(mli_json_count(words) > 40);
    for (size_t i = 0; i < mli_json_count(words); i++) {
        const char *name = mli_json_string(mli_json_get(mli_json_at(words, i), "speaker"), "");
        assert_true(strncmp(name, "speaker_", 8) == 0);
    }
    mli_json_free(said);
    size_t bytes = 0;
    char *rttm = kit_read_artifact(k, id, "speakers.rttm", &bytes);
    char *vtt = kit_read_artifact(k, id, "who_said_what.vtt", &bytes);
    assert_non_null(strstr(rttm, "SPEAKER conversation 1 "));
    assert_non_null(strstr(vtt, "<v speaker_2>"));
    free(rttm);
    free(vtt);
    mli_json *diarized = kit_read_json(k, id, "diarized.json");
    assert_string_equal(
        mli_json_string(mli_json_get(mli_json_at(mli_json_get(diarized, "segments"), 0), "speaker"),
                        ""),
        "A");
    mli_json_free(diarized);
    kit_expect_json(run, "\"name\":\"ge2e-speaker\",\"option\":\"model\"");
    modellab_diarization_unref(d);
    modellab_model_unref(vad);
    modellab_model_unref(encoder);
    modellab_run_unref(run);
}

static void without_speakers_there_is_text(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    modellab_run *run = kit_execute_sample(k, request, "diarization", id);
    assert_int_equal(kit_info(run).status, MODELLAB_RUN_COMPLETED);
    kit_expect_json(run,
                    "\"warnings\":[{\"step\":\"diarization\",\"status\":\"FAILED\",\"reason\":{"
                    "\"name\":\"internal\"");
    kit_expect_json(run, "{\"step\":\"who_said_what\",\"status\":\"SKIPPED\"");
    mli_json *text = kit_read_json(k, id, "transcript.json");
    assert_true(mli_json_count(mli_json_get(text, "segments")) > 3);
    mli_json_free(text);
    modellab_run_unref(run);
}

/* Asked for alone it is what the run is for. */
static void alone_it_fails_the_run(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    modellab_run *run = kit_execute_sample(k, "{\"steps\":[\"diarization\"]}", "diarization", id);
    assert_int_equal(kit_info(run).status, MODELLAB_RUN_FAILED);
    assert_string_equal(kit_info(run).failed_step, "diarization");
    modellab_run_unref(run);
}

enum { RATE = 16000, REQUEST_ROOM = 700000 };

static void append_base64(char *out, const unsigned char *data, size_t bytes)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *to = out + strlen(out);
    for (size_t i = 0; i < bytes; i += 3) {
        uint32_t bits = (uint32_t)data[i] << 16;
        bits |= i + 1 < bytes ? (uint32_t)data[i + 1] << 8 : 0;
        bits |= i + 2 < bytes ? (uint32_t)data[i + 2] : 0;
        for (int k = 0; k < 4; k++) {
            *to++ = (size_t)k <= bytes - i ? letters[bits >> (18 - 6 * k) & 63] : '=';
        }
    }
    *to = '\0';
}

/* Seconds of the sample as a WAV file, in base64. */
static void append_clip(char *out, double from, double seconds)
{
    modellab_audio *audio = NULL;
    size_t count = (size_t)(seconds * RATE), bytes = 44 + 2 * count;
    float *samples = calloc(count, sizeof *samples);
    unsigned char *wav = calloc(1, bytes);
    assert_true(samples != NULL && wav != NULL);
    assert_int_equal(modellab_audio_decode_file(kit_sample, NULL, &audio, NULL), MODELLAB_OK);
    assert_int_equal(modellab_audio_read(audio, (int64_t)(from * RATE), count, samples, NULL),
                     MODELLAB_OK);
    memcpy(wav, "RIFF....WAVEfmt \x10\0\0\0\1\0\1\0\x80\x3e\0\0\0\x7d\0\0\2\0\x10\0data", 40);
    for (size_t i = 0; i < 4; i++) {
        wav[4 + i] = (unsigned char)((bytes - 8) >> 8 * i);
        wav[40 + i] = (unsigned char)(2 * count >> 8 * i);
    }
    for (size_t i = 0; i < count; i++) {
        int value = (int)(samples[i] * 32767.0f);
        wav[44 + 2 * i] = (unsigned char)(value & 255);
        wav[45 + 2 * i] = (unsigned char)(value >> 8 & 255);
    }
    append_base64(out, wav, bytes);
    modellab_audio_unref(audio);
    free(samples);
    free(wav);
}

/* Both people of the sample by name: she speaks from 10.9 s on, he from 22 s on. */
static char *known_request(const char *her, const char *more)
{
    char *text = calloc(1, REQUEST_ROOM);
    assert_non_null(text);
    (void)snprintf(text, REQUEST_ROOM,
                   "{\"steps\":[\"who_said_what\"],\"config\":{\"asr\":{\"word_times\":true},"
                   "\"diarization\":{\"min_speakers\":2,\"max_speakers\":2%s,\"known\":["
                   "{\"name\":\"%s\",\"clip\":\"data:audio/wav;base64,",
                   more, her);
    append_clip(text, 10.9, 3.4);
    strcat(text, "\"},{\"name\":\"Bob\",\"clip\":\"");
    append_clip(text, 22.0, 4.0);
    strcat(text, "\"}]}}}");
    assert_true(strlen(text) < REQUEST_ROOM);
    return text;
}

static const mli_json *speaker_of(const mli_json *root, const char *name)
{
    const mli_json *list = mli_json_get(root, "speakers");
    for (size_t i = 0; i < mli_json_count(list); i++) {
        const mli_json *one = mli_json_at(list, i);
        if (strcmp(mli_json_string(mli_json_get(one, "name"), ""), name) == 0) {
            return one;
        }
    }
    fail_msg("there is no speaker %s", name);
    return NULL;
}

static void expect_text(const kit *k, const char *id, const char *name, const char *words)
{
    size_t bytes;
    char *text = kit_read_artifact(k, id, name, &bytes);
    if (strstr(text, words) == NULL) {
        fail_msg("%s has no \"%s\"", name, words);
    }
    free(text);
}

static const char *reused_from(const modellab_run *run, const char *step)
{
    static modellab_step_info info;
    for (size_t i = 0; i < modellab_run_step_count(run); i++) {
        info.size = sizeof(info);
        assert_int_equal(modellab_run_step_at(run, i, &info, NULL), MODELLAB_OK);
        if (strcmp(info.name, step) == 0) {
            return info.reused_from;
        }
    }
    fail_msg("there is no step %s", step);
    return "";
}

static void rerun(kit *k, const char *id, const char *changes, const char *diarization_of)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_run_again_options options = MODELLAB_RUN_AGAIN_OPTIONS_INIT;
    char child[MODELLAB_RUN_ID_BYTES];
    options.overrides = changes;
    if (modellab_run_rerun(k->lab, id, &options, child, NULL, &err) != MODELLAB_OK) {
        fail_msg("not repeated: %s", err.message);
    }
    pid_t host = kit_start_host(k, &(kit_host){0});
    assert_int_equal(kit_wait_final(k, child), MODELLAB_RUN_COMPLETED);
    kit_stop_host(k, host);
    modellab_run *run = kit_load(k, child);
    assert_string_equal(reused_from(run, "diarization"), diarization_of);
    modellab_run_unref(run);
}

/* The clips go with the request: into a bundle, into another lab, into a rerun there. */
static void elsewhere(const kit *k, const char *id)
{
    kit other;
    char zip[300], there[MODELLAB_RUN_ID_BYTES];
    modellab_error err = MODELLAB_ERROR_INIT;
    kit_open(&other);
    (void)snprintf(zip, sizeof(zip), "%s/run.zip", k->root);
    assert_int_equal(modellab_run_bundle(k->lab, id, zip, 0, NULL, &err), MODELLAB_OK);
    if (modellab_run_import(other.lab, zip, NULL, there, &err) != MODELLAB_OK) {
        fail_msg("not imported: %s", err.message);
    }
    rerun(&other, there, NULL, there);
    rerun(&other, there, "{\"config\":{\"diarization\":{\"known_least\":0.79}}}", "");
    kit_close(&other);
}

static void known_voices_have_their_names(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    char *text = known_request("Ann Li", "");
    modellab_run *run = kit_execute_sample(k, text, NULL, id);
    if (kit_info(run).status != MODELLAB_RUN_COMPLETED) {
        fail_msg("%s", kit_info(run).message);
    }
    kit_expect_json(run, "\"known\":{\"bytes\":"); /* by hash: the record does not repeat them */
    mli_json *speakers = kit_read_json(k, id, "speakers.json");
    static const char *const names[] = {"Ann Li", "Bob"};
    for (size_t i = 0; i < 2; i++) {
        const mli_json *one = speaker_of(speakers, names[i]);
        assert_true(mli_json_bool(mli_json_get(one, "known"), false));
        assert_true(mli_json_number(mli_json_get(one, "score"), 0) > 0.8);
    }
    assert_true(mli_json_number(mli_json_get(speaker_of(speakers, "Bob"), "seconds"), 0) > 6);
    mli_json_free(speakers);
    expect_text(k, id, "speakers.rttm", " Ann_Li ");
    expect_text(k, id, "who_said_what.vtt", "<v Ann Li>");
    expect_text(k, id, "who_said_what.srt", "Bob: ");
    expect_text(k, id, "who_said_what.json", "\"speaker\":\"Bob\"");
    expect_text(k, id, "diarized.json", "\"speaker\":\"Ann Li\"");
    rerun(k, id, NULL, id);
    elsewhere(k, id);
    modellab_run_unref(run);
    free(text);
}

static void an_unlike_voice_stays_unknown(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    char *text = known_request("Ann", ",\"known_least\":1");
    modellab_run *run = kit_execute_sample(k, text, NULL, id);
    assert_int_equal(kit_info(run).status, MODELLAB_RUN_COMPLETED);
    mli_json *speakers = kit_read_json(k, id, "speakers.json");
    const mli_json *one = speaker_of(speakers, "speaker_1");
    assert_false(mli_json_bool(mli_json_get(one, "known"), true));
    assert_true(mli_json_number(mli_json_get(one, "score"), 0) > 0.5);
    mli_json_free(speakers);
    modellab_run_unref(run);
    free(text);
}

/* A clip that is cut short or has nobody speak in it fails the step, by its number. */
static void a_clip_without_speech(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    char *text = calloc(1, REQUEST_ROOM);
    assert_non_null(text);
    strcpy(text, "{\"steps\":[\"diarization\"],\"config\":{\"diarization\":{\"known\":[{\"name\":"
                 "\"Ann\",\"clip\":\"");
    append_clip(text, 0.0, 2.0);
    strcat(text, "\"}]}}}");
    modellab_run *run = kit_execute_sample(k, text, NULL, id);
    assert_int_equal(kit_info(run).status, MODELLAB_RUN_FAILED);
    if (strstr(kit_info(run).message, "the clip of known voice 1: there is no speech") == NULL) {
        fail_msg("%s", kit_info(run).message);
    }
    modellab_run_unref(run);
    free(text);
}

int main(int argc, char **argv)
{
    static const char *const more[] = {"silero-vad-v6", "ge2e-speaker", NULL};
    const struct CMUnitTest tests[] = {
        KIT_TEST(turns_as_the_library_finds_them), KIT_TEST(without_speakers_there_is_text),
        KIT_TEST(alone_it_fails_the_run),          KIT_TEST(known_voices_have_their_names),
        KIT_TEST(an_unlike_voice_stays_unknown),   KIT_TEST(a_clip_without_speech),
    };
    int code = 0;
    if (!kit_begin_with_models(argc, argv, more, &code)) {
        return code;
    }
    return kit_end_with_models(cmocka_run_group_tests(tests, NULL, NULL));
}
