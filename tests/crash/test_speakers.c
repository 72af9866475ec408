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

static modellab_run *execute(kit *k, const char *text, const char *fail_step,
                             char id[MODELLAB_RUN_ID_BYTES])
{
    kit_submit_sample(k, text, 1, id);
    pid_t host = kit_start_host(k, &(kit_host){.fail_step = fail_step});
    (void)kit_wait_final(k, id);
    kit_stop_host(k, host);
    return kit_load(k, id);
}

static char *read_text(kit *k, const char *id, const char *name)
{
    char path[512], file[64];
    size_t bytes = 0;
    (void)snprintf(file, sizeof(file), "artifacts/1-%s", name);
    kit_run_path(k, id, file, path);
    char *text = kit_read_bytes(path, &bytes), *whole = calloc(1, bytes + 1);
    assert_non_null(whole);
    memcpy(whole, text, bytes);
    free(text);
    return whole;
}

static mli_json *read_json(kit *k, const char *id, const char *name)
{
    mli_json *root = NULL;
    char *text = read_text(k, id, name);
    assert_int_equal(mli_json_parse(text, strlen(text), 1 << 20, &root, NULL), MODELLAB_OK);
    free(text);
    return root;
}

static void expect_in_record(const modellab_run *run, const char *text)
{
    modellab_buffer *json = NULL;
    assert_int_equal(modellab_run_to_json(run, &json, NULL), MODELLAB_OK);
    if (strstr(modellab_buffer_data(json), text) == NULL) {
        fail_msg("the record does not say %s: %s", text, modellab_buffer_data(json));
    }
    modellab_buffer_destroy(json);
}

static void turns_as_the_library_finds_them(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    modellab_model *encoder = NULL, *vad = NULL;
    modellab_diarization *d = NULL;
    modellab_diarization_options options = MODELLAB_DIARIZATION_OPTIONS_INIT;
    modellab_run *run = execute(k, request, NULL, id);
    if (kit_info(run).status != MODELLAB_RUN_COMPLETED) {
        fail_msg("%s", kit_info(run).message);
    }
    options.min_speakers = options.max_speakers = 2;
    assert_int_equal(modellab_model_open("ge2e-speaker", NULL, &encoder, NULL), MODELLAB_OK);
    assert_int_equal(modellab_model_open("silero-vad-v6", NULL, &vad, NULL), MODELLAB_OK);
    assert_int_equal(modellab_diarize_file(encoder, vad, kit_sample, &options, &d, NULL),
                     MODELLAB_OK);
    mli_json *speakers = read_json(k, id, "speakers.json");
    const mli_json *turns = mli_json_get(speakers, "turns");
    assert_int_equal(mli_json_count(turns), modellab_diarization_turn_count(d));
    for (size_t i = 0; i < mli_json_count(turns); i++) {
        modellab_speaker_turn one = {.size = sizeof(one)};
        assert_int_equal(modellab_diarization_turn_at(d, i, &one, NULL), MODELLAB_OK);
        double start = mli_json_number(mli_json_get(mli_json_at(turns, i), "start"), NAN);
        assert_true(fabs(one.start - start) < 0.00051);
    }
    mli_json_free(speakers);
    mli_json *said = read_json(k, id, "who_said_what.json");
    const mli_json *words = mli_json_get(said, "words");
    assert_true(mli_json_count(words) > 40);
    for (size_t i = 0; i < mli_json_count(words); i++) {
        const char *name = mli_json_string(mli_json_get(mli_json_at(words, i), "speaker"), "");
        assert_true(strncmp(name, "speaker_", 8) == 0);
    }
    mli_json_free(said);
    char *rttm = read_text(k, id, "speakers.rttm"), *vtt = read_text(k, id, "who_said_what.vtt");
    assert_non_null(strstr(rttm, "SPEAKER audio 1 "));
    assert_non_null(strstr(vtt, "<v speaker_2>"));
    free(rttm);
    free(vtt);
    mli_json *diarized = read_json(k, id, "diarized.json");
    assert_string_equal(
        mli_json_string(mli_json_get(mli_json_at(mli_json_get(diarized, "segments"), 0), "speaker"),
                        ""),
        "A");
    mli_json_free(diarized);
    expect_in_record(run, "\"name\":\"ge2e-speaker\",\"option\":\"model\"");
    modellab_diarization_unref(d);
    modellab_model_unref(vad);
    modellab_model_unref(encoder);
    modellab_run_unref(run);
}

static void without_speakers_there_is_text(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    modellab_run *run = execute(k, request, "diarization", id);
    assert_int_equal(kit_info(run).status, MODELLAB_RUN_COMPLETED);
    expect_in_record(run,
                     "\"warnings\":[{\"step\":\"diarization\",\"status\":\"FAILED\",\"reason\":{"
                     "\"name\":\"internal\"");
    expect_in_record(run, "{\"step\":\"who_said_what\",\"status\":\"SKIPPED\"");
    mli_json *text = read_json(k, id, "transcript.json");
    assert_true(mli_json_count(mli_json_get(text, "segments")) > 3);
    mli_json_free(text);
    modellab_run_unref(run);
}

/* Asked for alone it is what the run is for. */
static void alone_it_fails_the_run(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    modellab_run *run = execute(k, "{\"steps\":[\"diarization\"]}", "diarization", id);
    assert_int_equal(kit_info(run).status, MODELLAB_RUN_FAILED);
    assert_string_equal(kit_info(run).failed_step, "diarization");
    modellab_run_unref(run);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(turns_as_the_library_finds_them),
        KIT_TEST(without_speakers_there_is_text),
        KIT_TEST(alone_it_fails_the_run),
    };
    if (!kit_arguments(argc, argv, 0)) {
        return 2;
    }
    if (!kit_find_models()) {
        (void)printf("skipped: " KIT_NO_MODELS "\n");
        return 0;
    }
    if (!kit_make_cache()) {
        return 1;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return kit_remove_cache() ? failed : 1;
}
