/* The form of a line: keys and their order, escaping, caps, redaction, no duplicate keys. */
#include "base/str.h"
#include "log/line.h"
#include "log/redact.h"
#include "unit/log/log_test.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const unsigned char key[32] = {1, 2, 3};

static const char *format(const modellab_log_field *fields, size_t count, const char *message)
{
    static char out[MLI_LOG_LINE_BYTES + 8];
    modellab_log_record r = {sizeof r, MODELLAB_LOG_WARN, 0, "unit.test", message, NULL, fields,
                             count};
    mli_log_stamp stamp = {.time_ns = TEST_TIME_NS,
                           .seq = 7,
                           .ids = ",\"run_id\":\"R\"",
                           .ids_bytes = 13,
                           .process = ",\"pid\":5",
                           .process_bytes = 8,
                           .root = "/data/lab",
                           .key = key};
    memset(out, 'X', sizeof out);
    size_t n = mli_log_format(out, &stamp, &r);
    assert_true(n < MLI_LOG_LINE_BYTES);
    assert_int_equal(out[n], '\0');
    assert_int_equal(out[n - 1], '\n');
    assert_int_equal(out[MLI_LOG_LINE_BYTES], 'X'); /* nothing written behind the line's room */
    assert_true(mli_utf8_valid(out, n));
    return out;
}

#define FORMAT(message, ...) format(MLI_LOG_FIELDS(__VA_ARGS__), message)

static void keys_in_order(void **state)
{
    (void)state;
    assert_string_equal(FORMAT("it \"works\"", mli_log_string("s", "a\tb"), mli_log_int("i", -5),
                               mli_log_real("r", 0.5), mli_log_real("nan", NAN),
                               mli_log_bool("b", true), mli_log_string("none", NULL)),
                        "{\"ts\":\"2026-01-02T03:04:05.678901Z\",\"level\":\"warn\",\"event\":"
                        "\"unit.test\",\"msg\":\"it \\\"works\\\"\",\"run_id\":\"R\",\"sev\":13,"
                        "\"pid\":5,\"seq\":7,\"s\":\"a\\tb\",\"i\":-5,\"r\":0.5,\"nan\":null,\"b\":"
                        "true,\"none\":null}\n");
}

static void no_duplicate_keys(void **state)
{
    (void)state;
    const char *line = FORMAT("x", mli_log_int("a", 1), mli_log_int("a", 2), mli_log_int("a_2", 3),
                              mli_log_int("a", 4), mli_log_int("ts", 5), mli_log_int("msg", 6),
                              mli_log_int("truncated", 7), mli_log_int("", 8), mli_log_int(NULL, 9),
                              mli_log_int("ts", 10));
    mli_json *root = parse_line(line); /* refuses duplicates */
    static const struct {
        const char *key;
        int64_t value;
    } expect[] = {{"a", 1},     {"a_3", 2},         {"a_2", 3},   {"a_4", 4},     {"ts_2", 5},
                  {"msg_2", 6}, {"truncated_2", 7}, {"field", 8}, {"field_2", 9}, {"ts_3", 10}};
    for (size_t i = 0; i < sizeof expect / sizeof expect[0]; i++)
        assert_int_equal(mli_json_int(mli_json_get(root, expect[i].key), -1), expect[i].value);
    mli_json_free(root);
}

static void hostile_text(void **state)
{
    (void)state;
    const char *line =
        FORMAT("\xFF\xC3", mli_log_string("a\"b\n", "\xE2\x80\xA8|\xC3\xA9|\x7F|\x01"));
    assert_non_null(strstr(line, "\"msg\":\"\xEF\xBF\xBD\xEF\xBF\xBD\""));
    assert_non_null(strstr(line, "\"a\\\"b\\n\":\"\\u2028|\xC3\xA9|\\u007f|\\u0001\""));
    mli_json_free(parse_line(line));
}

static void long_values_are_cut(void **state)
{
    char *big = malloc(100001);
    (void)state;
    for (size_t i = 0; i < 100000; i += 2)
        memcpy(big + i, "\xC3\xA9", 2);
    big[100000] = '\0';
    const char *line = FORMAT("x", mli_log_string("big", big), mli_log_int("after", 1));
    mli_json *root = parse_line(line);
    assert_int_equal(mli_json_string_bytes(mli_json_get(root, "big")), MLI_LOG_VALUE_BYTES);
    assert_true(mli_json_bool(mli_json_get(root, "truncated"), false));
    assert_int_equal(mli_json_int(mli_json_get(root, "after"), 0), 1);
    mli_json_free(root);
    memset(big, 1, 100000); /* six bytes of output for each */
    for (size_t n = 0; n < 7000; n += 13) {
        big[n] = '\0';
        root = parse_line(FORMAT(big, mli_log_string("one", big), mli_log_string("two", big),
                                 mli_log_int("three", 3)));
        bool whole = mli_json_get(root, "three") != NULL;
        assert_int_equal(mli_json_bool(mli_json_get(root, "truncated"), false), !whole);
        assert_true(whole || n > 1700);
        mli_json_free(root);
        big[n] = 1;
    }
    free(big);
}

static void many_fields(void **state)
{
    modellab_log_field fields[100];
    char names[100][8];
    (void)state;
    for (int i = 0; i < 100; i++) {
        snprintf(names[i], sizeof names[i], "k%d", i);
        fields[i] = mli_log_int(names[i], i);
    }
    mli_json *root = parse_line(format(fields, 100, "x"));
    assert_non_null(mli_json_get(root, "k63"));
    assert_null(mli_json_get(root, "k64"));
    assert_true(mli_json_bool(mli_json_get(root, "truncated"), false));
    mli_json_free(root);
}

static void secrets_paths_urls(void **state)
{
    (void)state;
    const char *line = FORMAT(
        "x", mli_log_secret("t", "hunter2-secret"), mli_log_secret("u", "hunter2-secret"),
        mli_log_secret("v", "another"), mli_log_path("in", "/data/lab/runs/1/x"),
        mli_log_path("out", "/elsewhere/somebody/talk.wav"),
        mli_log_path("near", "/data/laboratory/y"), mli_log_path("up", "/data/lab/../secret/z"),
        mli_log_path("root", "/data/lab"),
        mli_log_url("url", "https://user:pa55@host.org:8/p/q?token=abc#frag"),
        mli_log_url("plain", "https://host.org/p"), mli_log_url("odd", "user:pa55@host/p?q"));
    assert_null(strstr(line, "hunter2"));
    assert_null(strstr(line, "/data/lab"));
    assert_null(strstr(line, "somebody"));
    assert_null(strstr(line, "pa55"));
    assert_null(strstr(line, "abc"));
    mli_json *root = parse_line(line);
    const char *t = mli_json_string(mli_json_get(root, "t"), "");
    assert_int_equal(strlen(t), 19);
    assert_string_equal(t, mli_json_string(mli_json_get(root, "u"), ""));
    assert_string_not_equal(t, mli_json_string(mli_json_get(root, "v"), ""));
    assert_string_equal(mli_json_string(mli_json_get(root, "in"), ""), "runs/1/x");
    assert_string_equal(mli_json_string(mli_json_get(root, "out"), ""), "talk.wav");
    assert_string_equal(mli_json_string(mli_json_get(root, "near"), ""), "y");
    assert_string_equal(mli_json_string(mli_json_get(root, "up"), ""), "z");
    assert_string_equal(mli_json_string(mli_json_get(root, "root"), ""), "lab");
    assert_string_equal(mli_json_string(mli_json_get(root, "url"), ""), "https://host.org:8/p/q");
    assert_string_equal(mli_json_string(mli_json_get(root, "plain"), ""), "https://host.org/p");
    assert_string_equal(mli_json_string(mli_json_get(root, "odd"), ""), "host/p");
    mli_json_free(root);
}

static void declared_lengths(void **state)
{
    (void)state;
    modellab_log_field f = mli_log_string("s", "abcdef");
    f.text_bytes = 3;
    modellab_log_field newer = mli_log_int("n", 1);
    newer.type = 99;
    assert_non_null(strstr(FORMAT("x", f, newer), "\"s\":\"abc\",\"n\":null}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_in_order),   cmocka_unit_test(no_duplicate_keys),
        cmocka_unit_test(hostile_text),    cmocka_unit_test(long_values_are_cut),
        cmocka_unit_test(many_fields),     cmocka_unit_test(secrets_paths_urls),
        cmocka_unit_test(declared_lengths)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
