/* Results of runs for readers, notes beside them, and search in transcripts. */
#include <modellab/modellab.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OK(call)                                                                                   \
    do {                                                                                           \
        if ((call) != MODELLAB_OK)                                                                 \
            fail_msg("%s", err.message);                                                           \
    } while (0)

static char folder[64];
static modellab_lab *lab;
static modellab_error err = MODELLAB_ERROR_INIT;

static modellab_lab *open_lab(const char *root)
{
    modellab_lab_options options = MODELLAB_LAB_OPTIONS_INIT;
    modellab_lab *opened = NULL;
    options.models_root = options.cache_root = folder;
    OK(modellab_lab_open(root, &options, &opened, &err));
    return opened;
}

static int set_up(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/modellab-result-XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_int_equal(0, setenv("MODEL_LAB_MIN_FREE_BYTES", "0", 1));
    lab = open_lab(folder);
    return 0;
}

static int tear_down(void **state)
{
    char command[200];
    (void)state;
    modellab_lab_unref(lab);
    snprintf(command, sizeof command, "rm -rf %s %s-other", folder, folder);
    return system(command);
}

/* A run of step ingest alone to its end, with its request. */
static void ingest(const char *request, char run_id[MODELLAB_RUN_ID_BYTES])
{
    static unsigned char wav[44 + 32000] = {
        'R', 'I', 'F', 'F', 0x24, 0x7d, 0,   0,   'W', 'A',  'V',  'E',  'f', 'm', 't',
        ' ', 16,  0,   0,   0,    1,    0,   1,   0,   0x80, 0x3e, 0,    0,   0,   0x7d,
        0,   0,   2,   0,   16,   0,    'd', 'a', 't', 'a',  0,    0x7d, 0,   0};
    modellab_run_submit_options submit = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    modellab_supervisor_options options = MODELLAB_SUPERVISOR_OPTIONS_INIT;
    modellab_supervisor *supervisor = NULL;
    modellab_run_status status = 0;
    for (int i = 0; i < 16000; i++) /* silence, and loud from the middle on */
        wav[45 + 2 * i] = i < 8000 ? 0 : i % 2 ? 0x40 : 0xc0;
    submit.request = request;
    submit.input_data = wav;
    submit.input_bytes = sizeof wav;
    OK(modellab_run_submit(lab, &submit, run_id, NULL, &err));
    options.only_run_id = run_id;
    OK(modellab_supervisor_create(lab, &options, &supervisor, &err));
    for (int turn = 0; turn < 60000 && !modellab_run_status_is_final(status); turn++) {
        struct pollfd ready = {modellab_supervisor_get_pollfd(supervisor), POLLIN, 0};
        int64_t next_ms = 0;
        OK(modellab_supervisor_step(supervisor, 0, &next_ms, &err));
        (void)poll(&ready, 1, next_ms < 10 ? (int)next_ms : 10);
        modellab_status asked = modellab_run_wait(lab, run_id, 0, NULL, &status, &err);
        assert_true(asked == MODELLAB_OK || asked == MODELLAB_E_TIMEOUT);
    }
    modellab_supervisor_destroy(supervisor);
    assert_int_equal(MODELLAB_RUN_COMPLETED, status);
}

static void has(const modellab_buffer *json, const char *what)
{
    if (strstr(modellab_buffer_data(json), what) == NULL)
        fail_msg("%s is not in %s", what, modellab_buffer_data(json));
}

static void waveform_and_results(void **state)
{
    modellab_buffer *json = NULL;
    modellab_run *run = NULL;
    modellab_transcript *none = NULL;
    char id[MODELLAB_RUN_ID_BYTES], plain[MODELLAB_RUN_ID_BYTES];
    (void)state;
    ingest("{\"pipeline\":\"ingest\",\"config\":{\"ingest\":{\"peaks\":true}}}", id);
    OK(modellab_run_peaks(lab, id, 2, &json, &err));
    has(json, "\"points\":2,\"duration_seconds\":1.0,\"min\":[0.0,-0.504],\"max\":[0.0,0.504]");
    modellab_buffer_destroy(json);
    OK(modellab_run_peaks(lab, id, 1000, &json, &err));
    has(json, "\"points\":100,");
    modellab_buffer_destroy(json);
    OK(modellab_run_results(lab, id, &json, &err));
    has(json, "\"status\":\"COMPLETED\"");
    has(json, "\"coverage\":null");
    has(json, "\"provenance\":{");
    has(json, "\"request_sha256\":\"");
    has(json, "\"measures\":{");
    modellab_buffer_destroy(json);
    OK(modellab_run_speakers(lab, id, &json, &err));
    has(json, "{\"speakers\":[],\"names\":{},\"updated_at\":null}");
    modellab_buffer_destroy(json);
    OK(modellab_run_load(lab, id, &run, &err));
    OK(modellab_run_summary(run, &json, &err));
    has(json, "\"progress\":{\"fraction\":1.0,\"seconds\":1.0,\"eta_seconds\":null}");
    modellab_buffer_destroy(json);
    modellab_run_unref(run);
    assert_int_equal(MODELLAB_E_NOT_FOUND, modellab_run_transcript(lab, id, 0, &none, &err));

    /* nobody asked: no file, and the key of the step is not that of the other */
    ingest("{\"pipeline\":\"ingest\"}", plain);
    assert_int_equal(MODELLAB_E_NOT_FOUND, modellab_run_peaks(lab, plain, 2, &json, &err));
    modellab_run *both[2] = {NULL, NULL};
    modellab_step_info steps[2] = {{.size = sizeof *steps}, {.size = sizeof *steps}};
    OK(modellab_run_load(lab, id, &both[0], &err));
    OK(modellab_run_load(lab, plain, &both[1], &err));
    assert_int_equal(modellab_run_artifact_count(both[0]), 2);
    assert_int_equal(modellab_run_artifact_count(both[1]), 1);
    for (int i = 0; i < 2; i++)
        OK(modellab_run_step_at(both[i], 0, &steps[i], &err));
    assert_string_not_equal(steps[0].key, steps[1].key);
    for (int i = 0; i < 2; i++)
        modellab_run_unref(both[i]);
    /* one that waits has no waveform yet */
    modellab_run_submit_options submit = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    char waiting[MODELLAB_RUN_ID_BYTES];
    submit.request = "{\"pipeline\":\"ingest\",\"hold\":true}";
    submit.input_data = "RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x80\x3e\x00"
                        "\x00\x00\x7d\x00\x00\x02\x00\x10\x00"
                        "data\x02\x00\x00\x00\x00";
    submit.input_bytes = 46;
    OK(modellab_run_submit(lab, &submit, waiting, NULL, &err));
    assert_int_equal(MODELLAB_E_STATE, modellab_run_peaks(lab, waiting, 2, &json, &err));
    assert_int_equal(MODELLAB_E_STATE, modellab_run_transcript(lab, waiting, 0, &none, &err));
}

static const char meeting[] =
    "{\"task\":\"transcribe\",\"language\":\"english\",\"duration\":9,\"text\":\"\",\"segments\":["
    "{\"id\":0,\"seek\":0,\"start\":0,\"end\":3,\"text\":\" Caf\xc3\xa9 in the city\",\"speaker\":"
    "\"A\"},"
    "{\"id\":1,\"seek\":0,\"start\":3,\"end\":6,\"text\":\" hall. I didn\xe2\x80\x99t know, the "
    "CITY\",\"speaker\":\"B\"},"
    "{\"id\":2,\"seek\":0,\"start\":6,\"end\":9,\"text\":\" cafe city\",\"speaker\":\"A\"}],"
    "\"words\":[{\"word\":\"Caf\xc3\xa9\",\"text\":\" Caf\xc3\xa9\",\"start\":0.5,\"end\":1,"
    "\"segment\":0,\"speaker\":\"A\"},"
    "{\"word\":\"in\",\"text\":\" in\",\"start\":1,\"end\":1.5,\"segment\":0},"
    "{\"word\":\"the\",\"text\":\" the\",\"start\":1.5,\"end\":2,\"segment\":0},"
    "{\"word\":\"city\",\"text\":\" city\",\"start\":2.25,\"end\":2.5,\"segment\":0},"
    "{\"word\":\"hall.\",\"text\":\" hall.\",\"start\":3.5,\"end\":4.5,\"segment\":1},"
    "{\"word\":\"I\",\"text\":\" I\",\"start\":4.5,\"end\":4.75,\"segment\":1},"
    "{\"word\":\"didn't\",\"text\":\" didn\xe2\x80\x99t\",\"start\":4.75,\"end\":5,\"segment\":1},"
    "{\"word\":\"know,\",\"text\":\" know,\",\"start\":5,\"end\":5.25,\"segment\":1},"
    "{\"word\":\"the\",\"text\":\" the\",\"start\":5.25,\"end\":5.5,\"segment\":1},"
    "{\"word\":\"CITY\",\"text\":\" CITY\",\"start\":5.5,\"end\":6,\"segment\":1}],"
    "\"language_code\":\"en\",\"language_probability\":1}";

static modellab_buffer *search(const char *query, int32_t flags)
{
    modellab_search_options options = MODELLAB_SEARCH_OPTIONS_INIT;
    modellab_transcript *t = NULL;
    modellab_buffer *found = NULL;
    options.flags = flags;
    options.limit = 2;
    options.context = 4;
    OK(modellab_transcript_read_json(meeting, strlen(meeting), NULL, &t, &err));
    OK(modellab_transcript_search(t, query, &options, &found, &err));
    modellab_transcript_unref(t);
    return found;
}

static void what_was_said(void **state)
{
    static const struct {
        const char *query;
        int32_t flags;
        const char *has[3];
    } cases[] = {
        {"cafe",
         0,
         {"\"count\":2", "\"match\":\"Caf\xc3\xa9\",\"before\":\" \",\"after\":\" in \"",
          "\"start\":0.5,\"end\":1.0,\"first_word\":0,\"word_count\":1"}},
        {"CAF\xc3\x89", 0, {"\"count\":2", "\"segment\":0", "\"segment\":2"}},
        {"cafe\xcc\x81",
         MODELLAB_SEARCH_ACCENTS,
         {"\"count\":1", "\"segment\":0", "\"speaker\":\"A\""}},
        {"cafe",
         MODELLAB_SEARCH_ACCENTS,
         {"\"count\":1", "\"segment\":2", "\"first_word\":null,\"word_count\":0"}},
        {"city", 0, {"\"count\":3", "\"start\":2.25,\"end\":2.5", "\"segment\":1"}},
        /* over the border of two segments, with the times of its words */
        {"the  City\thall",
         0,
         {"\"count\":1", "\"segment\":0,\"last_segment\":1,\"start\":1.5,\"end\":4.5",
          "\"first_word\":2,\"word_count\":3,\"match\":\"the city hall\""}},
        {"didn't know",
         0,
         {"\"count\":1", "\"match\":\"didn\xe2\x80\x99t know\"", "\"after\":\", th\""}},
        {"hall city", 0, {"\"count\":0", "\"items\":[]", "\"query\":\"hall city\""}},
        {"y h", 0, {"\"count\":1", "\"match\":\"y h\"", "\"word_count\":2"}},
    };
    modellab_transcript *t = NULL;
    modellab_buffer *out = NULL;
    char many[600];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        modellab_buffer *found = search(cases[i].query, cases[i].flags);
        for (int k = 0; k < 3; k++)
            has(found, cases[i].has[k]);
        modellab_buffer_destroy(found);
    }
    OK(modellab_transcript_read_json(meeting, strlen(meeting), NULL, &t, &err));
    memset(many, 'x', sizeof many - 1);
    many[sizeof many - 1] = '\0';
    static const char *const wrong[] = {"", "  ", "\xcc\x81"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(MODELLAB_E_INVALID_ARGUMENT,
                         modellab_transcript_search(t, wrong[i], NULL, &out, &err));
    assert_int_equal(MODELLAB_E_INVALID_ARGUMENT,
                     modellab_transcript_search(t, many, NULL, &out, &err));
    modellab_transcript_unref(t);
}

/* The number behind a name, from `at` on. */
static long number_after(const char *at, const char *name)
{
    at = strstr(at, name);
    assert_non_null(at);
    return strtol(at + strlen(name), NULL, 10);
}

/* One segment of a whole hour: each hit tells what is around it, and where that is. */
static void a_long_segment_is_not_told_for_each_hit(void **state)
{
    enum { HITS = 400, BETWEEN = 300 }; /* characters between them, of two bytes each */
    static const char head[] =
        "{\"task\":\"transcribe\",\"language\":\"english\",\"duration\":9,"
        "\"text\":\"\",\"segments\":[{\"id\":0,\"seek\":0,\"start\":0,\"end\":9,"
        "\"text\":\"";
    modellab_search_options options = MODELLAB_SEARCH_OPTIONS_INIT;
    modellab_transcript *t = NULL;
    modellab_buffer *found = NULL;
    char *json = malloc(sizeof head + HITS * (BETWEEN * 2 + 8) + 100), *to = json;
    (void)state;
    assert_non_null(json);
    to += sprintf(to, "%s", head);
    for (int i = 0; i < HITS; i++) {
        for (int k = 0; k < BETWEEN; k++)
            to += sprintf(to, "%s", k % 2 == 0 ? "\xc3\xa9" : "o ");
        to += sprintf(to, "zebra ");
    }
    to += sprintf(to, "\"}],\"words\":[]}");
    OK(modellab_transcript_read_json(json, (size_t)(to - json), NULL, &t, &err));
    options.limit = 1000;
    OK(modellab_transcript_search(t, "zebra", &options, &found, &err));
    assert_true(modellab_buffer_size(found) < HITS * 3000);
    const char *at = modellab_buffer_data(found);
    has(found, "\"count\":400");
    for (int i = 0; i < HITS; i++) {
        at = strstr(at, "\"text\":\"");
        assert_non_null(at);
        at += strlen("\"text\":\"");
        long offset = number_after(at, "\"offset\":"), from = number_after(at, "\"text_offset\":");
        assert_int_equal(offset, i * (BETWEEN / 2 * 3 + 6) + BETWEEN / 2 * 3);
        assert_true(from <= offset && offset - from <= 400);
        const char *c = at;
        for (long k = from; k < offset; k++) /* characters */
            c += (*c & 0x80) != 0 ? 2 : 1;
        assert_memory_equal(c, "zebra", 5);
    }
    has(found, "\"text_cut\":true");
    modellab_buffer_destroy(found);
    modellab_transcript_unref(t);
    free(json);
}

/* A recorded run with this transcript. */
static void record_meeting(char id[MODELLAB_RUN_ID_BYTES])
{
    modellab_record *record = NULL;
    OK(modellab_record_begin(lab, NULL, &record, &err));
    strcpy(id, modellab_record_run_id(record));
    OK(modellab_record_add_artifact(record, "transcript.json", "application/json", meeting,
                                    strlen(meeting), NULL, &err));
    OK(modellab_record_finish(record, MODELLAB_RUN_COMPLETED, 0, NULL, &err));
    modellab_record_destroy(record);
}

static void names_of_speakers(void **state)
{
    modellab_transcript *t = NULL;
    modellab_segment segment = {.size = sizeof segment};
    modellab_word word = {.size = sizeof word};
    modellab_buffer *json = NULL;
    char id[MODELLAB_RUN_ID_BYTES];
    (void)state;
    record_meeting(id);
    OK(modellab_note_put(lab, id, MODELLAB_NOTE_SPEAKERS, "{\"A\":\"Diane <d>\"}", 0, &err));
    OK(modellab_run_transcript(lab, id, MODELLAB_TRANSCRIPT_WITH_NAMES, &t, &err));
    OK(modellab_transcript_segment_at(t, 0, &segment, &err));
    assert_string_equal("Diane <d>", segment.speaker);
    OK(modellab_transcript_word_at(t, 0, &word, &err));
    assert_string_equal("Diane <d>", word.speaker);
    OK(modellab_transcript_segment_at(t, 1, &segment, &err));
    assert_string_equal("B", segment.speaker);
    assert_true(segment.first_word == 4 && segment.word_count == 6);
    modellab_transcript_unref(t);
    OK(modellab_run_transcript(lab, id, 0, &t, &err));
    OK(modellab_transcript_segment_at(t, 0, &segment, &err));
    assert_string_equal("A", segment.speaker);
    modellab_transcript_unref(t);
    OK(modellab_run_speakers(lab, id, &json, &err));
    has(json, "{\"speaker\":\"A\",\"name\":\"Diane <d>\",\"seconds\":6.0}");
    has(json, "{\"speaker\":\"B\",\"name\":null,\"seconds\":3.0}");
    has(json, "\"names\":{\"A\":\"Diane <d>\"}");
    modellab_buffer_destroy(json);
}

static void notes_are_checked_and_kept(void **state)
{
    static const struct {
        const char *name, *json;
        modellab_status status;
    } refused[] = {
        {"Big", "{}", MODELLAB_E_INVALID_ARGUMENT},
        {"../x", "{}", MODELLAB_E_INVALID_ARGUMENT},
        {"", "{}", MODELLAB_E_INVALID_ARGUMENT},
        {"ok", "[]", MODELLAB_E_SCHEMA},
        {"ok", "{", MODELLAB_E_INVALID_JSON},
        {"speakers", "{\"A\":1}", MODELLAB_E_SCHEMA},
        {"speakers", "{\"A\":\"\"}", MODELLAB_E_SCHEMA},
        {"speakers", "{\"A\":\"x\\ny\"}", MODELLAB_E_SCHEMA},
        {"speakers", "{\"A\":\"x\\u0000y\"}", MODELLAB_E_INVALID_JSON},
        {"speakers", "{\"\":\"x\"}", MODELLAB_E_SCHEMA},
    };
    char id[MODELLAB_RUN_ID_BYTES], imported[MODELLAB_RUN_ID_BYTES], path[160], other_root[80];
    char large[MODELLAB_NOTE_BYTES + 16];
    modellab_buffer *json = NULL;
    int64_t when = 0;
    (void)state;
    record_meeting(id);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        assert_int_equal(refused[i].status,
                         modellab_note_put(lab, id, refused[i].name, refused[i].json, 0, &err));
    memset(large, ' ', sizeof large);
    large[0] = '{';
    large[sizeof large - 1] = '}';
    assert_int_equal(MODELLAB_E_LIMIT, modellab_note_put(lab, id, "x", large, sizeof large, &err));
    assert_int_equal(MODELLAB_E_NOT_FOUND,
                     modellab_note_put(lab, "01ARZ3NDEKTSV4RRFFQ69G5FAV", "x", "{}", 0, &err));
    assert_int_equal(MODELLAB_E_NOT_FOUND, modellab_note_load(lab, id, "x", &json, NULL, &err));
    assert_int_equal(MODELLAB_E_NOT_FOUND, modellab_note_remove(lab, id, "x", &err));
    for (int i = 0; i < 16; i++) {
        snprintf(path, sizeof path, "note_%d", i);
        OK(modellab_note_put(lab, id, path, "{\"b\": 1, \"a\": [true]}", 0, &err));
    }
    assert_int_equal(MODELLAB_E_LIMIT, modellab_note_put(lab, id, "one_more", "{}", 0, &err));
    OK(modellab_note_put(lab, id, "note_3", "{\"new\":true}", 0, &err)); /* replaced, not added */
    OK(modellab_note_remove(lab, id, "note_4", &err));
    OK(modellab_note_load(lab, id, "note_0", &json, &when, &err));
    assert_string_equal("{\"a\":[true],\"b\":1}", modellab_buffer_data(json));
    assert_true(when > 0);
    modellab_buffer_destroy(json);

    /* into another lab, and still there when this one is opened anew */
    snprintf(path, sizeof path, "%s/%s.zip", folder, id);
    snprintf(other_root, sizeof other_root, "%s-other", folder);
    OK(modellab_run_bundle(lab, id, path, 0, NULL, &err));
    modellab_lab *other = open_lab(other_root);
    OK(modellab_run_import(other, path, NULL, imported, &err));
    modellab_lab_unref(lab);
    lab = open_lab(folder);
    modellab_lab *const both[] = {lab, other};
    for (int i = 0; i < 2; i++) {
        OK(modellab_note_list(both[i], id, &json, &err));
        has(json, "\"note_3\":{\"updated_at\":\"20");
        has(json, "\"note\":{\"new\":true}}");
        assert_null(strstr(modellab_buffer_data(json), "note_4"));
        modellab_buffer_destroy(json);
    }
    modellab_lab_unref(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waveform_and_results), cmocka_unit_test(what_was_said),
        cmocka_unit_test(a_long_segment_is_not_told_for_each_hit),
        cmocka_unit_test(names_of_speakers), cmocka_unit_test(notes_are_checked_and_kept)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
