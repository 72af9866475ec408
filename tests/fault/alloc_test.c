/* Every allocation of the public functions fails once, and from then on: the right code, nothing
 * leaked, and a lab that still opens afterwards. Planted: a scenario that leaks and one that lies.
 */
#include "fault/faulty_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TRY(call)                                                                                  \
    do {                                                                                           \
        status = (call);                                                                           \
        if (status != MODELLAB_OK)                                                                 \
            goto done;                                                                             \
    } while (0)

static const char transcript_json[] =
    "{\"task\":\"transcribe\",\"language\":\"english\",\"duration\":2.5,\"text\":\"Hello there.\","
    "\"segments\":[{\"id\":0,\"seek\":0,\"start\":0.5,\"end\":2.0,\"text\":\" Hello "
    "there.\",\"tokens\":[1,2],"
    "\"temperature\":0.0,\"avg_logprob\":-0.2,\"compression_ratio\":0.8,\"no_speech_prob\":0.01}]}";

static modellab_status cancel_token(const modellab_allocator *alloc, void *arg)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_cancel *cancel = NULL;
    modellab_status status = modellab_cancel_create(alloc, &cancel, &err);

    (void)arg;
    modellab_cancel_set(cancel);
    modellab_cancel_unref(cancel);
    return status;
}

static void drop_line(void *user, const modellab_log_line *line)
{
    (void)user;
    (void)line;
}

static modellab_status logger(const modellab_allocator *alloc, void *arg)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_logger_options options = MODELLAB_LOGGER_OPTIONS_INIT;
    modellab_log_sink sink = MODELLAB_LOG_SINK_INIT;
    modellab_log_context context = MODELLAB_LOG_CONTEXT_INIT;
    modellab_logger *parent = NULL, *child = NULL;
    modellab_status status;

    (void)arg;
    sink.write = drop_line;
    options.allocator = alloc;
    options.sink = &sink;
    context.run_id = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
    TRY(modellab_logger_create(&options, &parent, &err));
    TRY(modellab_logger_child(parent, &context, &child, &err));
    modellab_logger_write(child, MODELLAB_LOG_ERROR, "test.line", "text");
done:
    modellab_logger_unref(child);
    modellab_logger_unref(parent);
    return status;
}

static modellab_status tracker(const modellab_allocator *alloc, void *arg)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_tracker_options options = MODELLAB_TRACKER_OPTIONS_INIT;
    modellab_tracker *tracked = NULL;
    modellab_buffer *json = NULL;
    modellab_span span = 0;
    modellab_status status;

    (void)arg;
    options.allocator = alloc;
    options.no_gpu = 1;
    TRY(modellab_tracker_create(&options, &tracked, &err));
    for (int i = 0; i < 40; i++) {
        TRY(modellab_span_begin(tracked, span, "span", &span, &err));
    }
    TRY(modellab_span_end(tracked, 1, NULL, &err));
    TRY(modellab_tracker_to_json(tracked, &json, &err));
done:
    modellab_buffer_destroy(json);
    modellab_tracker_unref(tracked);
    return status;
}

static modellab_status prices(const modellab_allocator *alloc, void *arg)
{
    static const char json[] =
        "{\"version\":1,\"id\":\"t\",\"currency\":\"EUR\",\"prices\":{\"cpu_second\":\"0.1\"}}";
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_price_sheet *sheet = NULL;
    modellab_status status = modellab_price_sheet_parse(json, 0, alloc, &sheet, &err);

    (void)arg;
    modellab_price_sheet_unref(sheet);
    return status;
}

static modellab_status transcript(const modellab_allocator *alloc, void *arg)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_transcript *text = NULL;
    modellab_buffer *out = NULL;
    modellab_status status;

    (void)arg;
    TRY(modellab_transcript_read_json(transcript_json, sizeof transcript_json - 1, alloc, &text,
                                      &err));
    for (modellab_transcript_format f = MODELLAB_FORMAT_TXT; f <= MODELLAB_FORMAT_TSV; f++) {
        TRY(modellab_transcript_write(text, f, NULL, &out, &err));
        modellab_buffer_destroy(out);
        out = NULL;
    }
done:
    modellab_buffer_destroy(out);
    modellab_transcript_unref(text);
    return status;
}

static modellab_status audio(const modellab_allocator *alloc, void *arg)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_audio_options options = MODELLAB_AUDIO_OPTIONS_INIT;
    modellab_audio_probe_info info = {.size = sizeof info};
    modellab_audio *sound = NULL;
    modellab_report *findings = NULL;
    modellab_status status;
    float samples[480] = {0.5f};

    (void)arg;
    options.allocator = alloc;
    TRY(modellab_audio_probe("a letter", 8, 8, alloc, &info, &findings, &err));
    TRY(modellab_audio_from_samples(samples, 480, 1, 48000, &options, &sound, &err));
    TRY(modellab_audio_read(sound, 0, 160, samples, &err));
done:
    modellab_audio_unref(sound);
    modellab_report_unref(findings);
    return status;
}

static modellab_status catalog(const modellab_allocator *alloc, void *arg)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_catalog_options options = MODELLAB_CATALOG_OPTIONS_INIT;
    modellab_catalog *models = NULL;
    modellab_status status;

    options.allocator = alloc;
    options.models_root = arg;
    status = modellab_catalog_load(&options, &models, &err);
    modellab_catalog_unref(models);
    return status;
}

/* A lab is used for so many days, so that one day does not grow with those before it. */
enum { LAB_DAYS = 20 };
static int labs_used;

/* A lab's whole day: open, submit, look, list, events, cancel, health, metrics, a record,
 * reconcile. */
static modellab_status lab_day(const modellab_allocator *alloc, void *arg)
{
    int64_t sequence = 0;
    static const unsigned char wav[] = {'R',  'I',  'F', 'F', 40, 0,    0, 0, 'W', 'A', 'V', 'E',
                                        'f',  'm',  't', ' ', 16, 0,    0, 0, 1,   0,   1,   0,
                                        0x80, 0x3e, 0,   0,   0,  0x7d, 0, 0, 2,   0,   16,  0,
                                        'd',  'a',  't', 'a', 4,  0,    0, 0, 1,   0,   2,   0};
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_lab_options options = MODELLAB_LAB_OPTIONS_INIT;
    modellab_run_submit_options submit = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    modellab_run_filter filter = MODELLAB_RUN_FILTER_INIT;
    modellab_cancel_outcome outcome = 0;
    modellab_event_list *events = NULL;
    modellab_run_list *runs = NULL;
    modellab_run_explanation place = {.size = sizeof place};
    modellab_record *record = NULL;
    modellab_report *report = NULL;
    modellab_buffer *text = NULL;
    modellab_health *health = NULL;
    modellab_run *run = NULL;
    modellab_lab *lab = NULL;
    modellab_status status;
    char run_id[MODELLAB_RUN_ID_BYTES], folder[400];

    options.allocator = alloc;
    submit.request = "{\"pipeline\": \"ingest\"}";
    submit.input_data = wav;
    submit.input_bytes = sizeof wav;
    (void)snprintf(folder, sizeof folder, "%s-%d", (const char *)arg, labs_used++ / LAB_DAYS);
    TRY(modellab_lab_open(folder, &options, &lab, &err));
    TRY(modellab_run_submit(lab, &submit, run_id, &report, &err));
    TRY(modellab_run_load(lab, run_id, &run, &err));
    TRY(modellab_run_to_json(run, &text, &err));
    TRY(modellab_run_list_load(lab, &filter, &runs, &err));
    TRY(modellab_event_list_load(lab, run_id, 0, 0, 0, &events, &err));
    modellab_event_list_unref(events);
    TRY(modellab_event_feed_end(lab, &sequence, &err));
    TRY(modellab_event_feed_load(lab, NULL, &events, &err));
    modellab_event_list_unref(events);
    events = NULL;
    TRY(modellab_event_list_follow(lab, run_id, 0, 0, 0, NULL, &events, &err));
    modellab_buffer_destroy(text);
    text = NULL;
    TRY(modellab_run_hold(lab, run_id, &err));
    TRY(modellab_run_release(lab, run_id, &err));
    TRY(modellab_run_set_priority(lab, run_id, MODELLAB_PRIORITY_HEAD, &err));
    TRY(modellab_run_explain(lab, run_id, &place, &text, &err));
    TRY(modellab_run_cancel(lab, run_id, &outcome, &err));
    modellab_buffer_destroy(text);
    text = NULL;
    TRY(modellab_metrics_write(lab, MODELLAB_METRICS_PROMETHEUS, &text, &err));
    TRY(modellab_health_look(lab, NULL, &health, &err));
    modellab_health_unref(health);
    health = NULL;
    TRY(modellab_health_run(lab, MODELLAB_HEALTH_LIVE, &health, &err));
    TRY(modellab_record_begin(lab, NULL, &record, &err));
    TRY(modellab_record_finish(record, MODELLAB_RUN_COMPLETED, MODELLAB_REASON_NONE, NULL, &err));
    modellab_report_unref(report);
    report = NULL;
    TRY(modellab_lab_reconcile(lab, MODELLAB_RECONCILE_FILES, &report, &err));
done:
    modellab_record_destroy(record);
    modellab_health_unref(health);
    modellab_event_list_unref(events);
    modellab_run_list_unref(runs);
    modellab_run_unref(run);
    modellab_report_unref(report);
    modellab_buffer_destroy(text);
    modellab_lab_unref(lab);
    return status;
}

/* What the planted leak forgets, so that the test can give it back when it was seen. */
static void *forgotten;

static modellab_status planted_leak(const modellab_allocator *alloc, void *arg)
{
    void *block = alloc->alloc(alloc->user, 8), *second = alloc->alloc(alloc->user, 8);

    (void)arg;
    if (block == NULL || second == NULL) {
        forgotten = block == NULL ? second : block;
        return MODELLAB_E_NO_MEMORY; /* the bug: the other block is not freed */
    }
    alloc->free(alloc->user, block);
    alloc->free(alloc->user, second);
    return MODELLAB_OK;
}

static modellab_status planted_lie(const modellab_allocator *alloc, void *arg)
{
    void *block = alloc->alloc(alloc->user, 8);

    (void)arg;
    if (block == NULL) {
        return MODELLAB_E_INTERNAL; /* the bug: it was memory that was short */
    }
    alloc->free(alloc->user, block);
    return MODELLAB_OK;
}

static char scratch[256];

static void test_planted(void **state)
{
    long count = 0;

    (void)state;
    assert_int_equal(faulty_run(planted_leak, NULL, &count), FAULTY_LEAK);
    free(forgotten);
    assert_int_equal(faulty_run(planted_lie, NULL, &count), FAULTY_WRONG_STATUS);
}

static void test_each_call(void **state)
{
    static const struct {
        const char *name;
        faulty_scenario scenario;
        long at_least;
    } cases[] = {{"cancel", cancel_token, 1},   {"logger", logger, 2},
                 {"tracker", tracker, 3},       {"prices", prices, 1},
                 {"transcript", transcript, 5}, {"audio", audio, 8},
                 {"catalog", catalog, 2},       {"lab", lab_day, 50}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        long count = 0;
        faulty_verdict verdict = faulty_run(cases[i].scenario, scratch, &count);

        print_message("%s: %ld allocations, each failed once and from then on\n", cases[i].name,
                      count);
        assert_int_equal(verdict, FAULTY_FINE);
        assert_true(count >= cases[i].at_least); /* else the allocator was not used at all */
    }
}

static void expect_whole(const char *folder)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_run_filter filter = MODELLAB_RUN_FILTER_INIT;
    modellab_run_list *runs = NULL;
    modellab_lab *lab = NULL;

    assert_int_equal(modellab_lab_open(folder, NULL, &lab, &err), MODELLAB_OK);
    filter.limit = 1000;
    assert_int_equal(modellab_run_list_load(lab, &filter, &runs, &err), MODELLAB_OK);
    for (size_t i = 0; i < modellab_run_list_count(runs); i++) {
        modellab_run_info info = {.size = sizeof info};

        assert_int_equal(modellab_run_get_info(modellab_run_list_at(runs, i), &info, &err),
                         MODELLAB_OK);
        assert_int_not_equal(info.status, MODELLAB_RUN_RUNNING); /* no record was left behind */
    }
    modellab_run_list_unref(runs);
    modellab_lab_unref(lab);
}

static void test_labs_are_whole(void **state)
{
    char folder[400];

    (void)state;
    assert_true(labs_used > LAB_DAYS);
    for (int i = 0; i * LAB_DAYS < labs_used; i++) {
        (void)snprintf(folder, sizeof folder, "%s-%d", scratch, i);
        expect_whole(folder);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_planted),
                                       cmocka_unit_test(test_each_call),
                                       cmocka_unit_test(test_labs_are_whole)};
    char command[300];

    if (argc != 2 || setenv("MODEL_LAB_MIN_FREE_BYTES", "1", 1) != 0) {
        fprintf(stderr, "usage: test_fault_alloc FOLDER\n");
        return 2;
    }
    (void)snprintf(scratch, sizeof scratch, "%s", argv[1]);
    (void)snprintf(command, sizeof command, "rm -rf '%s'-*", argv[1]);
    if (system(command) != 0) {
        return 2;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
