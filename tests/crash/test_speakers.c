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
    assert_non_null(strstr(rttm, "SPEAKER audio 1 "));
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

int main(int argc, char **argv)
{
    static const char *const more[] = {"silero-vad-v6", "ge2e-speaker", NULL};
    const struct CMUnitTest tests[] = {
        KIT_TEST(turns_as_the_library_finds_them),
        KIT_TEST(without_speakers_there_is_text),
        KIT_TEST(alone_it_fails_the_run),
    };
    int code = 0;
    if (!kit_begin_with_models(argc, argv, more, &code)) {
        return code;
    }
    return kit_end_with_models(cmocka_run_group_tests(tests, NULL, NULL));
}
