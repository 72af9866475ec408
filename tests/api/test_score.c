/* Scores through the public interface: what each metric takes and tells, several recordings in one
 * file, refusals that change nothing, intervals, matched pairs. */
#include <modellab/modellab.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OK(call) assert_int_equal((call), MODELLAB_OK)
#define NEAR(a, b) assert_true(fabs((a) - (b)) < 1e-9)

static modellab_score_document *doc(const char *name, const char *text)
{
    modellab_score_document *d = NULL;
    OK(modellab_score_document_read(name, text, strlen(text), NULL, &d, NULL));
    return d;
}

static modellab_score *make(modellab_score_metric metric, double collar)
{
    modellab_score_options o = MODELLAB_SCORE_OPTIONS_INIT;
    modellab_score *s = NULL;
    o.metric = metric;
    o.collar_seconds = collar;
    o.alignment = 1;
    OK(modellab_score_create(&o, &s, NULL));
    return s;
}

static double value(const modellab_score *s, const char *name)
{
    double v = -1.0;
    OK(modellab_score_value(s, name, &v, NULL));
    return v;
}

/* One pair of documents scored; both go. */
static modellab_score *scored(modellab_score_metric metric, double collar,
                              modellab_score_document *a, modellab_score_document *b)
{
    modellab_score *s = make(metric, collar);
    OK(modellab_score_add(s, "one", a, b, NULL, NULL));
    modellab_score_document_destroy(a);
    modellab_score_document_destroy(b);
    return s;
}

static void check_format(const char *name, const char *text, const char *format, const char *said)
{
    modellab_score_document *d = doc(name, text);
    assert_string_equal(modellab_score_document_format(d), format);
    assert_non_null(strstr(modellab_score_document_text(d), said));
    modellab_score_document_destroy(d);
}

static void test_formats(void **state)
{
    (void)state;
    check_format("a.txt", "hello there", "txt", "hello there");
    check_format(NULL, "hello there", "txt", "hello");
    check_format(NULL, "", "txt", "");
    check_format("x.ctm", "", "ctm", "");
    check_format(NULL, "{\"text\":\"hello\"}", "json", "hello");
    check_format(NULL, "1\n00:00:01,000 --> 00:00:02,000\nhello\n", "srt", "hello");
    check_format(NULL, "WEBVTT\n\n00:01.000 --> 00:02.000\nhello\n", "vtt", "hello");
    check_format(NULL, "start\tend\ttext\n0\t1000\thello\n", "tsv", "hello");
    check_format(NULL, "SPEAKER a 1 0 1 <NA> <NA> x <NA> <NA>\n", "rttm", "");
    check_format("dir.d/a.stm", "a 1 x 0 1 <o> hello\n", "stm", "hello");
    check_format("a.ctm", "a 1 0 1 hello 0.5\n", "ctm", "hello");
    check_format("a.uem", "a 1 0 1\n", "uem", "");
    modellab_score_document *d = NULL;
    assert_int_equal(modellab_score_document_read("a.rttm", "SPEAKER x", 9, NULL, &d, NULL),
                     MODELLAB_E_SCHEMA);
    assert_null(d);
    assert_int_equal(modellab_score_document_read("a.json", "{\"a\":1}", 7, NULL, &d, NULL),
                     MODELLAB_E_SCHEMA);
    assert_int_equal(modellab_score_document_read("a.txt", "\xff", 1, NULL, &d, NULL),
                     MODELLAB_E_SCHEMA);
}

static void test_words(void **state)
{
    (void)state;
    modellab_score *s = scored(MODELLAB_SCORE_WER, 0.0, doc(NULL, "one two three four"),
                               doc("h.srt", "1\n00:00:01,000 --> 00:00:02,000\none too\n\n2\n"
                                            "00:00:03,000 --> 00:00:04,000\nthree four five\n"));
    modellab_buffer *json = NULL;
    double v;
    NEAR(value(s, "wer"), 0.5);
    NEAR(value(s, ""), 0.5);
    NEAR(value(s, "hits"), 3.0);
    NEAR(value(s, "insertions"), 1.0);
    assert_int_equal(modellab_score_value(s, "der", &v, NULL), MODELLAB_E_NOT_FOUND);
    OK(modellab_score_add_text(s, "two", "five six", "five six", NULL));
    NEAR(value(s, "wer"), 2.0 / 6.0);
    OK(modellab_score_to_json(s, &json, NULL));
    assert_non_null(strstr(modellab_buffer_data(json),
                           "{\"op\":\"insert\",\"ref\":null,\"hyp\":\"five\",\"ref_index\":-1,"
                           "\"hyp_index\":4}],[{\"op\":\"equal\""));
    modellab_buffer_destroy(json);
    modellab_score_destroy(s);
    s = scored(MODELLAB_SCORE_CER, 0.0, doc(NULL, "abc d"), doc(NULL, "abc"));
    NEAR(value(s, "cer"), 0.4);
    modellab_score_destroy(s);
}

/* A pair that cannot be scored leaves the score as it was. */
static void test_refused(void **state)
{
    (void)state;
    modellab_score *s = scored(MODELLAB_SCORE_WER, 0.0, doc(NULL, "a b"), doc(NULL, "a c"));
    modellab_score_document *turns = doc("a.rttm", "SPEAKER a 1 0 1 <NA> <NA> x <NA> <NA>\n");
    modellab_score_document *text = doc(NULL, "words");
    modellab_score *der = make(MODELLAB_SCORE_DER, 0.0);
    assert_int_equal(modellab_score_add(s, NULL, turns, text, NULL, NULL), MODELLAB_E_UNSUPPORTED);
    NEAR(value(s, "wer"), 0.5);
    assert_int_equal(modellab_score_add(der, NULL, turns, text, NULL, NULL),
                     MODELLAB_E_UNSUPPORTED);
    assert_int_equal(modellab_score_add(der, NULL, turns, turns, text, NULL),
                     MODELLAB_E_UNSUPPORTED);
    assert_int_equal(modellab_score_add_text(der, NULL, "a", "b", NULL), MODELLAB_E_UNSUPPORTED);
    NEAR(value(der, "total_seconds"), 0.0);
    modellab_score_document_destroy(turns);
    modellab_score_document_destroy(text);
    modellab_score_destroy(der);
    modellab_score_destroy(s);
    modellab_score_options o = MODELLAB_SCORE_OPTIONS_INIT;
    o.metric = 99;
    assert_int_equal(modellab_score_create(&o, &s, NULL), MODELLAB_E_INVALID_ARGUMENT);
    o.metric = 0;
    o.collar_seconds = -1.0;
    assert_int_equal(modellab_score_create(&o, &s, NULL), MODELLAB_E_INVALID_ARGUMENT);
}

/* Recordings are matched by name; one that the hypothesis lacks is missed. */
static void test_recordings(void **state)
{
    (void)state;
    modellab_score *s = scored(MODELLAB_SCORE_DER, 0.0,
                               doc("r.rttm", "SPEAKER a 1 0 10 <NA> <NA> x <NA> <NA>\n"
                                             "SPEAKER b 1 0 10 <NA> <NA> x <NA> <NA>\n"
                                             "SPEAKER c 1 0 5 <NA> <NA> x <NA> <NA>\n"),
                               doc("h.rttm", "SPEAKER b 1 0 10 <NA> <NA> 1 <NA> <NA>\n"
                                             "SPEAKER a 1 0 8 <NA> <NA> 2 <NA> <NA>\n"));
    NEAR(value(s, "total_seconds"), 25.0);
    NEAR(value(s, "miss_seconds"), 7.0);
    NEAR(value(s, "confusion_seconds"), 0.0);
    NEAR(value(s, "der"), 7.0 / 25.0);
    NEAR(value(s, "jer"), (0.2 + 0.0 + 1.0) / 3.0);
    modellab_score_destroy(s);

    modellab_score_document *r = doc("r.rttm", "SPEAKER a 1 0 10 <NA> <NA> x <NA> <NA>\n");
    modellab_score_document *h = doc("h.srt", "1\n00:00:05,000 --> 00:00:10,000\nhello\n");
    modellab_score_document *uem = doc("u.uem", "other 1 4 10\n");
    s = make(MODELLAB_SCORE_VAD, 0.0);
    OK(modellab_score_add(s, NULL, r, h, uem, NULL));
    NEAR(value(s, "detection_error"), 1.0 / 6.0);
    modellab_score_document_destroy(r);
    modellab_score_document_destroy(h);
    modellab_score_document_destroy(uem);
    modellab_score_destroy(s);
}

/* What only the hypothesis has is false alarm, with and without a reference; the turns of
 * recordings may stand in any order. */
static void test_only_hypothesis(void **state)
{
    (void)state;
    static const char *const mixed = "SPEAKER b 1 0 2 <NA> <NA> 1 <NA> <NA>\n"
                                     "SPEAKER a 1 0 8 <NA> <NA> 2 <NA> <NA>\n"
                                     "SPEAKER b 1 4 1 <NA> <NA> 1 <NA> <NA>\n";
    modellab_score *s = scored(MODELLAB_SCORE_DER, 0.0, doc("r.rttm", ""), doc("h.rttm", mixed));
    NEAR(value(s, "false_alarm_seconds"), 11.0);
    NEAR(value(s, "total_seconds"), 0.0);
    modellab_score_destroy(s);
    s = scored(MODELLAB_SCORE_DER, 0.0, doc("r.rttm", "SPEAKER a 1 0 8 <NA> <NA> x <NA> <NA>\n"),
               doc("h.rttm", mixed));
    NEAR(value(s, "false_alarm_seconds"), 3.0);
    NEAR(value(s, "der"), 3.0 / 8.0);
    modellab_score_destroy(s);
    s = scored(MODELLAB_SCORE_DER, 0.0, doc("r.rttm", mixed), doc("h.rttm", mixed));
    NEAR(value(s, "total_seconds"), 11.0);
    NEAR(value(s, "der"), 0.0);
    modellab_score_destroy(s);
}

/* The speakers' names and the order of turns do not matter, who said it does. */
static void test_speakers(void **state)
{
    (void)state;
    static const char *const reference = "a 1 ann 0 1 one two\na 1 bob 1 2 three four five\n"
                                         "a 1 ann 2 3 six\n";
    modellab_score *s =
        scored(MODELLAB_SCORE_CPWER, 0.0, doc("r.stm", reference),
               doc("h.stm", "a 1 x 1 2 three four five\na 1 y 0 1 one two\na 1 y 2 3 six\n"));
    NEAR(value(s, "cpwer"), 0.0);
    modellab_score_destroy(s);
    s = scored(MODELLAB_SCORE_CPWER, 0.0, doc("r.stm", reference),
               doc("h.stm", "a 1 x 0 3 one two three four five six\n"));
    /* one speaker for both: 3 of bob's words are missed, or as many of ann's; the rest is false */
    NEAR(value(s, "cpwer"), 1.0);
    modellab_score_destroy(s);
    s = scored(MODELLAB_SCORE_CPWER, 0.0, doc("r.stm", reference),
               doc("h.stm", "a 1 x 0 1 one two six\na 1 y 1 2 three four\na 1 z 1 2 five\n"));
    NEAR(value(s, "cpwer"), 2.0 / 6.0);
    NEAR(value(s, "insertions"), 1.0);
    NEAR(value(s, "deletions"), 1.0);
    modellab_score_destroy(s);
    /* each recording has its own pairing, found by its name */
    s = scored(MODELLAB_SCORE_CPWER, 0.0,
               doc("r.stm", "m1 1 ann 0 1 one two\nm1 1 bob 1 2 three\nm2 1 ann 0 1 four five\n"
                            "m2 1 bob 1 2 six\n"),
               doc("h.stm", "m2 1 y 0 1 four five\nm2 1 x 1 2 six seven\nm1 1 x 0 1 one two\n"
                            "m1 1 y 1 2 three\nm3 1 z 0 1 eight\n"));
    NEAR(value(s, "hits"), 6.0);
    NEAR(value(s, "insertions"), 2.0);
    NEAR(value(s, "cpwer"), 2.0 / 6.0);
    modellab_score_destroy(s);
    /* an empty file of whatever format: nobody said anything */
    s = scored(MODELLAB_SCORE_CPWER, 0.0, doc("r.stm", reference), doc("h.vtt", ""));
    NEAR(value(s, "cpwer"), 1.0);
    NEAR(value(s, "deletions"), 6.0);
    modellab_score_destroy(s);
}

static void test_times(void **state)
{
    (void)state;
    modellab_score *s =
        scored(MODELLAB_SCORE_TIMES, 0.1,
               doc("r.ctm", "a 1 0.0 0.5 one\na 1 0.5 0.5 two\na 1 1.0 0.5 three\n"),
               doc("h.ctm", "a 1 0.0 0.6 one\na 1 0.6 0.2 too\na 1 1.3 0.4 three\n"));
    NEAR(value(s, "words"), 2.0);
    NEAR(value(s, "mean_start_error"), 0.15);
    NEAR(value(s, "mean_end_error"), 0.15);
    NEAR(value(s, "median_start_error"), 0.0);
    NEAR(value(s, "max_start_error"), 0.3);
    NEAR(value(s, "within_tolerance"), 0.5);
    modellab_score_destroy(s);
}

/* Words inserted where nothing was said count in the comparison of two systems. */
static void test_difference_of_silence(void **state)
{
    (void)state;
    modellab_score *a = make(MODELLAB_SCORE_WER, 0.0), *b = make(MODELLAB_SCORE_WER, 0.0);
    modellab_score_difference d = {.size = sizeof d};
    for (int i = 0; i < 10; i++) {
        OK(modellab_score_add_text(a, "s", "", "", NULL));
        OK(modellab_score_add_text(b, "s", "", "thank you", NULL));
        OK(modellab_score_add_text(a, "t", "one two three", "one two", NULL));
        OK(modellab_score_add_text(b, "t", "one two three", "one two three", NULL));
    }
    OK(modellab_score_compare(a, b, &d, NULL));
    assert_int_equal(d.segments, 20);
    NEAR(d.difference, (10.0 - 20.0) / 20.0);
    modellab_score_destroy(a);
    modellab_score_destroy(b);
}

/* 30 sentences: one system errs in every third, the other in every one. */
static void test_difference(void **state)
{
    (void)state;
    modellab_score *a = make(MODELLAB_SCORE_WER, 0.0), *b = make(MODELLAB_SCORE_WER, 0.0);
    modellab_score_difference d = {.size = sizeof d}, back = {.size = sizeof back};
    modellab_buffer *json = NULL, *again = NULL;
    for (int i = 0; i < 30; i++) {
        OK(modellab_score_add_text(
            a, "s", "one two three four five",
            i % 3 == 0 ? "one two tree four five" : "one two three four five", NULL));
        OK(modellab_score_add_text(b, "s", "one two three four five", "one to three for five",
                                   NULL));
    }
    NEAR(value(a, "wer"), 10.0 / 150.0);
    NEAR(value(b, "wer"), 60.0 / 150.0);
    OK(modellab_score_compare(a, b, &d, NULL));
    assert_int_equal(d.segments, 30);
    NEAR(d.difference, -50.0 / 30.0);
    assert_true(d.p < 1e-6 && d.p_random < 0.01 && d.z < 0);
    OK(modellab_score_compare(a, a, &back, NULL));
    NEAR(back.difference, 0.0);
    NEAR(back.p, 1.0);
    NEAR(back.p_random, 1.0);
    OK(modellab_score_to_json(a, &json, NULL));
    OK(modellab_score_to_json(a, &again, NULL)); /* the same numbers again */
    assert_int_equal(modellab_buffer_size(json), modellab_buffer_size(again));
    assert_memory_equal(modellab_buffer_data(json), modellab_buffer_data(again),
                        modellab_buffer_size(json));
    const char *low = strstr(modellab_buffer_data(json), "\"low\":");
    assert_non_null(low);
    assert_true(strtod(low + 6, NULL) > 0.01 && strtod(low + 6, NULL) < 10.0 / 150.0);
    OK(modellab_score_add_text(b, "s", "one", "one", NULL));
    assert_int_equal(modellab_score_compare(a, b, &d, NULL), MODELLAB_E_INVALID_ARGUMENT);
    modellab_buffer_destroy(json);
    modellab_buffer_destroy(again);
    modellab_score_destroy(a);
    modellab_score_destroy(b);
}

static void test_cancel(void **state)
{
    (void)state;
    modellab_score_options o = MODELLAB_SCORE_OPTIONS_INIT;
    modellab_score *s = NULL;
    OK(modellab_cancel_create(NULL, &o.cancel, NULL));
    OK(modellab_score_create(&o, &s, NULL));
    OK(modellab_score_add_text(s, "a", "a b", "a c", NULL));
    modellab_cancel_set(o.cancel);
    assert_int_equal(modellab_score_add_text(s, "b", "a b", "a c", NULL), MODELLAB_E_CANCELLED);
    NEAR(value(s, "reference"), 2.0);
    modellab_cancel_unref(o.cancel);
    modellab_score_destroy(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_hypothesis), cmocka_unit_test(test_difference_of_silence),
        cmocka_unit_test(test_formats),         cmocka_unit_test(test_words),
        cmocka_unit_test(test_refused),         cmocka_unit_test(test_recordings),
        cmocka_unit_test(test_speakers),        cmocka_unit_test(test_times),
        cmocka_unit_test(test_difference),      cmocka_unit_test(test_cancel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
