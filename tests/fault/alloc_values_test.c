/* Every allocation fails once, and from then on, in functions that need no lab: values,
 * configuration, the catalog with its files. */
#include "fault/faulty_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define TRY(call)                                                                                  \
    do {                                                                                           \
        status = (call);                                                                           \
        if (status != MODELLAB_OK)                                                                 \
            goto done;                                                                             \
    } while (0)

static const unsigned char wav[48] = {'R',  'I',  'F', 'F', 40, 0,    0, 0, 'W', 'A', 'V', 'E',
                                      'f',  'm',  't', ' ', 16, 0,    0, 0, 1,   0,   1,   0,
                                      0x80, 0x3e, 0,   0,   0,  0x7d, 0, 0, 2,   0,   16,  0,
                                      'd',  'a',  't', 'a', 4,  0,    0, 0, 1,   0,   2,   0};

static modellab_status loggers_and_spans(const modellab_allocator *alloc, void *arg)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_logger_options logging = MODELLAB_LOGGER_OPTIONS_INIT;
    modellab_tracker_options tracking = MODELLAB_TRACKER_OPTIONS_INIT;
    modellab_logger_stats stats = MODELLAB_LOGGER_STATS_INIT;
    modellab_measures measures = MODELLAB_MEASURES_INIT;
    modellab_span_info info = {.size = sizeof info};
    modellab_rate_options rates = MODELLAB_RATE_OPTIONS_INIT;
    modellab_rate_result taken = {.size = sizeof taken};
    modellab_rate *rate = NULL;
    modellab_logger *logger = NULL;
    modellab_tracker *tracker = NULL;
    modellab_span span = 0;
    modellab_status status;

    (void)arg;
    logging.allocator = alloc;
    tracking.allocator = alloc;
    tracking.no_gpu = 1;
    rates.limit = 5;
    rates.allocator = alloc;
    TRY(modellab_rate_create(&rates, &rate, &err));
    TRY(modellab_rate_take(rate, "x", 1, 1, &taken, &err));
    TRY(modellab_logger_create(&logging, &logger, &err));
    TRY(modellab_logger_set_sink(logger, NULL, &err));
    TRY(modellab_logger_get_stats(logger, &stats, &err));
    TRY(modellab_tracker_create(&tracking, &tracker, &err));
    TRY(modellab_span_begin(tracker, MODELLAB_SPAN_ROOT, "span", &span, &err));
    TRY(modellab_span_add(tracker, span, 1.0, 1, &err));
    TRY(modellab_span_end(tracker, span, NULL, &err));
    TRY(modellab_span_get_measures(tracker, MODELLAB_SPAN_ROOT, &measures, &err));
    TRY(modellab_tracker_span_at(tracker, 0, &info, &err));
done:
    modellab_rate_unref(rate);
    modellab_tracker_unref(tracker);
    modellab_logger_unref(logger);
    return status;
}

static int32_t take_bytes(void *user, const void *data, size_t bytes)
{
    (void)data;
    *(size_t *)user += bytes;
    return 0;
}

static modellab_status encoders(const modellab_allocator *alloc, void *arg)
{
    static const char *const formats[] = {"wav", "flac"};
    static const float samples[1000];
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_encoder_options options = MODELLAB_ENCODER_OPTIONS_INIT;
    modellab_encoder *encoder = NULL;
    modellab_status status = MODELLAB_OK;
    size_t made = 0;

    (void)arg;
    options.allocator = alloc;
    options.rate_hz = 16000;
    options.write = take_bytes;
    options.user = &made;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        options.format = formats[i];
        TRY(modellab_encoder_create(&options, &encoder, &err));
        TRY(modellab_encoder_write(encoder, samples, 1000, &err));
        TRY(modellab_encoder_finish(encoder, &err));
        modellab_encoder_destroy(encoder);
        encoder = NULL;
    }
done:
    modellab_encoder_destroy(encoder);
    return status;
}

static modellab_status money(const modellab_allocator *alloc, void *arg)
{
    static const char json[] =
        "{\"version\":1,\"id\":\"t\",\"currency\":\"EUR\",\"prices\":{\"cpu_second\":\"0.1\"}}";
    static const double history[] = {0.05, 0.06};
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_measures measures = MODELLAB_MEASURES_INIT;
    modellab_cost cost = MODELLAB_COST_INIT;
    modellab_caps caps = MODELLAB_CAPS_INIT;
    modellab_estimate estimate = MODELLAB_ESTIMATE_INIT;
    modellab_price_sheet *sheet = NULL;
    modellab_status status;

    (void)arg;
    measures.cpu_seconds = 1.0;
    TRY(modellab_price_sheet_parse(json, 0, alloc, &sheet, &err));
    TRY(modellab_price_sheet_cost(sheet, &measures, &cost, &err));
    TRY(modellab_caps_set(&caps, "cpu_seconds", "1m", &err));
    TRY(modellab_caps_check(&caps, &measures, cost.total_micros, &err));
    TRY(modellab_estimate_make(60.0, history, 2, sheet, 0, &estimate, &err));
done:
    modellab_price_sheet_unref(sheet);
    return status;
}

static modellab_status sound_and_text(const modellab_allocator *alloc, void *arg)
{
    static const char json[] =
        "{\"task\":\"transcribe\",\"language\":\"english\",\"duration\":2.5,\"text\":\"Hello.\","
        "\"segments\":[{\"id\":0,\"seek\":0,\"start\":0.5,\"end\":2.0,\"text\":\" Hello.\","
        "\"tokens\":[1],\"temperature\":0.0,\"avg_logprob\":-0.2,\"compression_ratio\":0.8,"
        "\"no_speech_prob\":0.01}],\"words\":[{\"word\":\"Hello.\",\"start\":0.5,\"end\":2.0,"
        "\"text\":\" Hello.\",\"probability\":0.5,\"segment\":0}]}";
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_audio_options options = MODELLAB_AUDIO_OPTIONS_INIT;
    modellab_audio_info facts = {.size = sizeof facts};
    modellab_transcript_info about = {.size = sizeof about};
    modellab_segment segment = {.size = sizeof segment};
    modellab_word word = {.size = sizeof word};
    modellab_finding finding = MODELLAB_FINDING_INIT;
    modellab_audio_probe_info probe = {.size = sizeof probe};
    modellab_audio *sound = NULL;
    modellab_transcript *text = NULL;
    modellab_report *report = NULL;
    modellab_buffer *out = NULL;
    modellab_status status;
    char path[400];

    options.allocator = alloc;
    (void)snprintf(path, sizeof path, "%s/two.wav", (const char *)arg);
    TRY(modellab_audio_decode_memory(wav, sizeof wav, &options, &sound, &err));
    TRY(modellab_audio_get_info(sound, &facts, &err));
    modellab_audio_unref(sound);
    sound = NULL;
    TRY(modellab_audio_decode_file(path, &options, &sound, &err));
    TRY(modellab_audio_probe("a letter", 8, 8, alloc, &probe, &report, &err));
    TRY(modellab_report_at(report, 0, &finding, &err));
    TRY(modellab_report_to_json(report, &out, &err));
    TRY(modellab_transcript_read_json(json, sizeof json - 1, alloc, &text, &err));
    TRY(modellab_transcript_get_info(text, &about, &err));
    TRY(modellab_transcript_segment_at(text, 0, &segment, &err));
    TRY(modellab_transcript_word_at(text, 0, &word, &err));
done:
    modellab_buffer_destroy(out);
    modellab_report_unref(report);
    modellab_transcript_unref(text);
    modellab_audio_unref(sound);
    return status;
}

static modellab_status enhanced_sound(const modellab_allocator *alloc, void *arg)
{
    static const char *const ops[] = {"denoise", "trim_silence", "normalize_loudness"};
    static float silence[40000];
    char input[300], output[300], text[64];
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_enhance_options options = MODELLAB_ENHANCE_OPTIONS_INIT;
    modellab_enhancement_info info = {.size = sizeof info};
    modellab_enhancement_step step = {.size = sizeof step};
    modellab_enhance_operator op = {.size = sizeof op};
    modellab_enhance_param param = {.size = sizeof param};
    modellab_enhancement *made = NULL, *again = NULL;
    modellab_status status;

    (void)snprintf(input, sizeof input, "%s/two.wav", (const char *)arg);
    (void)snprintf(output, sizeof output, "%s/better.wav", (const char *)arg);
    options.allocator = alloc;
    options.output_path = output;
    TRY(modellab_enhance_operator_at(0, &op, &err));
    TRY(modellab_enhance_param_at(0, 0, &param, &err));
    TRY(modellab_enhance_check("denoise", text, sizeof text, NULL, &err));
    TRY(modellab_enhance_samples(silence, 40000, 1, 16000, ops, 3, &options, &made, &err));
    TRY(modellab_enhancement_get_info(made, &info, &err));
    TRY(modellab_enhancement_step_at(made, 0, &step, &err));
    options.output_path = NULL;
    TRY(modellab_enhance_file(input, ops, 3, &options, &again, &err));
done:
    modellab_enhancement_unref(made);
    modellab_enhancement_unref(again);
    return status;
}

static modellab_status models(const modellab_allocator *alloc, void *arg)
{
    static const char form[] =
        "{\"version\":1,\"models\":[{\"name\":\"greeting\",\"title\":\"A word\",\"task\":\"asr\","
        "\"architecture\":\"whisper\",\"licence\":\"CC0-1.0\",\"languages\":[\"en\"],"
        "\"default\":true,\"files\":[{\"name\":\"greeting.txt\",\"sha256\":"
        "\"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\",\"bytes\":5,"
        "\"role\":\"data\"}],\"sources\":[{\"kind\":\"path\",\"directory\":\"%s\"}]}]}";
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_catalog_options options = MODELLAB_CATALOG_OPTIONS_INIT;
    modellab_catalog_entry entry = {.size = sizeof entry};
    modellab_pull_options pulling = MODELLAB_PULL_OPTIONS_INIT;
    modellab_catalog *catalog = NULL;
    modellab_report *report = NULL;
    modellab_buffer *path = NULL;
    modellab_status status;
    char json[1024], root[400];

    (void)snprintf(json, sizeof json, form, (const char *)arg);
    (void)snprintf(root, sizeof root, "%s/models", (const char *)arg);
    options.allocator = alloc;
    options.models_root = root;
    options.catalog_json = json;
    TRY(modellab_catalog_load(&options, &catalog, &err));
    TRY(modellab_catalog_at(catalog, 0, &entry, &err));
    TRY(modellab_catalog_pull(catalog, "greeting", &pulling, &err));
    TRY(modellab_catalog_verify(catalog, "greeting", NULL, &report, &err));
    TRY(modellab_catalog_file(catalog, "greeting", "greeting.txt", &path, &err));
    TRY(modellab_catalog_remove(catalog, "greeting", &err));
done:
    modellab_buffer_destroy(path);
    modellab_report_unref(report);
    modellab_catalog_unref(catalog);
    return status;
}

/* One metric over one pair of files. */
static modellab_status score_one(const modellab_allocator *alloc, const char *metric,
                                 const char *name, const char *reference, const char *hypothesis)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_score_options options = MODELLAB_SCORE_OPTIONS_INIT;
    modellab_score_document *a = NULL, *b = NULL;
    modellab_score *score = NULL;
    modellab_buffer *json = NULL;
    modellab_status status;
    double value;

    options.allocator = alloc;
    options.metric = modellab_score_metric_from_name(metric);
    options.normalizer = MODELLAB_NORMALIZER_SIMPLE;
    options.collar_seconds = 0.2;
    options.skip_overlap = options.alignment = 1;
    TRY(modellab_score_document_read(name, reference, strlen(reference), alloc, &a, &err));
    TRY(modellab_score_document_read(name, hypothesis, strlen(hypothesis), alloc, &b, &err));
    TRY(modellab_score_create(&options, &score, &err));
    TRY(modellab_score_add(score, "one", a, b, NULL, &err));
    TRY(modellab_score_add(score, "two", a, b, NULL, &err));
    TRY(modellab_score_value(score, "", &value, &err));
    TRY(modellab_score_to_json(score, &json, &err));
done:
    modellab_buffer_destroy(json);
    modellab_score_destroy(score);
    modellab_score_document_destroy(a);
    modellab_score_document_destroy(b);
    return status;
}

static modellab_status scores(const modellab_allocator *alloc, void *arg)
{
    static const char stm[] = "a 1 x 0 2 One two.\na 1 y 1 4 three\nb 1 x 0 1 four\n";
    static const char other[] = "a 1 p 0 2 one too\na 1 q 2 4 three five\nb 1 x 0 1 four\n";
    static const char ctm[] = "a 1 0 0.5 one\na 1 0.5 0.5 two\n";
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_score_options options = MODELLAB_SCORE_OPTIONS_INIT;
    modellab_score_difference difference = {.size = sizeof difference};
    modellab_score *a = NULL, *b = NULL;
    modellab_status status;

    (void)arg;
    options.allocator = alloc;
    TRY(score_one(alloc, "wer", "a.stm", stm, other));
    TRY(score_one(alloc, "cer", "a.stm", stm, other));
    TRY(score_one(alloc, "cpwer", "a.stm", stm, other));
    TRY(score_one(alloc, "jer", "a.stm", stm, other));
    TRY(score_one(alloc, "times", "a.ctm", ctm, ctm));
    TRY(modellab_score_create(&options, &a, &err));
    TRY(modellab_score_create(&options, &b, &err));
    TRY(modellab_score_add_text(a, "one", "a b c", "a c", &err));
    TRY(modellab_score_add_text(b, "one", "a b c", "b c", &err));
    TRY(modellab_score_compare(a, b, &difference, &err));
done:
    modellab_score_destroy(a);
    modellab_score_destroy(b);
    return status;
}

static char scratch[256];

static void write_file(const char *name, const void *data, size_t bytes)
{
    char path[400];
    (void)snprintf(path, sizeof path, "%s/%s", scratch, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, bytes, file), bytes);
    assert_int_equal(fclose(file), 0);
}

static void test_each_call(void **state)
{
    static const struct {
        const char *name;
        faulty_scenario scenario;
        long at_least;
    } cases[] = {{"loggers and spans", loggers_and_spans, 2},
                 {"encoders", encoders, 1},
                 {"money", money, 1},
                 {"sound and text", sound_and_text, 6},
                 {"enhanced sound", enhanced_sound, 40},
                 {"models", models, 10},
                 {"scores", scores, 60}};

    (void)state;
    write_file("two.wav", wav, sizeof wav);
    write_file("greeting.txt", "hello", 5);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        long count = 0;
        faulty_verdict verdict = faulty_run(cases[i].scenario, scratch, &count);

        print_message("%s: %ld allocations, each failed once and from then on\n", cases[i].name,
                      count);
        assert_int_equal(verdict, FAULTY_FINE);
        assert_true(count >= cases[i].at_least);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_call)};
    char command[300];

    if (argc != 2) {
        fprintf(stderr, "usage: test_fault_alloc_values FOLDER\n");
        return 2;
    }
    (void)snprintf(scratch, sizeof scratch, "%s", argv[1]);
    (void)snprintf(command, sizeof command, "rm -rf '%s' && mkdir -p '%s'", argv[1], argv[1]);
    if (system(command) != 0) {
        return 2;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
