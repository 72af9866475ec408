/* The quick ways of a line: texts and keys of every length, with and without something to escape,
 * in memory that ends where they end. Run with the address sanitizer they also prove the reads. */
#include "log/line.h"
#include "log/plain.h"
#include "unit/log/log_test.h"
#include <stdio.h>
#include <stdlib.h>

static const unsigned char key[32] = {1};

static mli_json *format(const char *message, const modellab_log_field *fields, size_t count)
{
    static char out[MLI_LOG_LINE_BYTES];
    modellab_log_record r = {sizeof r, MODELLAB_LOG_INFO, 0, "e", message, NULL, fields, count};
    mli_log_stamp stamp = {
        .time_ns = TEST_TIME_NS, .seq = 1, .ids = "", .process = "", .root = "", .key = key};
    size_t n = mli_log_format(out, &stamp, &r);
    assert_int_equal(out[n - 1], '\n');
    return parse_line(out);
}

static bool needs_escape(int c)
{
    return c < 0x20 || c >= 0x7F || c == '"' || c == '\\';
}

static void each_byte(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        char text[40], copy[40];
        for (size_t at = 0; at < 33; at++) {
            memset(text, 'x', 33);
            text[at] = (char)c;
            assert_int_equal(mli_log_copy_plain(copy, text, 33), !needs_escape(c));
            assert_int_equal(mli_log_plain_run(text, 33), needs_escape(c) ? at : 33);
            assert_int_equal(mli_log_special_in(mli_log_load8(text)) != 0,
                             needs_escape(c) && at < 8);
        }
        assert_int_equal(mli_log_is_special[c], needs_escape(c));
    }
}

/* A text of exactly `bytes` in memory of its own, with `c` at `at` unless that is behind its end.
 */
static char *text_of(size_t bytes, size_t at, char c)
{
    char *text = malloc(bytes + 1);
    assert_non_null(text);
    for (size_t i = 0; i < bytes; i++)
        text[i] = (char)('a' + i % 26);
    text[bytes] = '\0';
    if (at < bytes)
        text[at] = c;
    return text;
}

static void each_length(void **state)
{
    static const char odd[] = {'"', '\\', '\n', 0x7F, 0x01, ' '};
    (void)state;
    for (size_t bytes = 0; bytes <= 70; bytes++)
        for (size_t at = 0; at <= bytes; at++) {
            char *text = text_of(bytes, at, odd[(bytes + at) % sizeof odd]);
            char *name = text_of(bytes < 1 ? 1 : bytes, at, odd[at % sizeof odd]);
            char *part = malloc(bytes + 1); /* no NUL behind a declared length */
            assert_non_null(part);
            memcpy(part, text, bytes + 1);
            char *exact = bytes > 0 ? realloc(part, bytes) : part;
            assert_non_null(exact);
            modellab_log_field fields[2] = {mli_log_string(name, text), mli_log_string("d", exact)};
            fields[1].text_bytes = bytes;
            mli_json *root = format(text, fields, 2);
            name[strlen(name) > MLI_LOG_KEY_BYTES ? MLI_LOG_KEY_BYTES : strlen(name)] = '\0';
            assert_string_equal(mli_json_string(mli_json_get(root, "msg"), "?"), text);
            assert_string_equal(mli_json_string(mli_json_get(root, name), "?"), text);
            assert_string_equal(mli_json_string(mli_json_get(root, "d"), "?"), text);
            mli_json_free(root);
            free(text);
            free(name);
            free(exact);
        }
}

/* Each key of ours is known as one, whatever the set of seen keys says of others. */
static void our_keys(void **state)
{
    (void)state;
#define NAME(literal) literal,
    static const char *const ours[] = {MLI_LOG_OUR_KEYS(NAME)};
#undef NAME
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
        char renamed[40];
        modellab_log_field f = mli_log_int(ours[i], 77);
        mli_json *root = format("x", &f, 1);
        snprintf(renamed, sizeof renamed, "%s_2", ours[i]);
        assert_int_equal(mli_json_int(mli_json_get(root, renamed), 0), 77);
        mli_json_free(root);
    }
}

/* Keys that become equal only when they are cut, or that differ where the set does not look. */
static void nearly_equal_keys(void **state)
{
    char one[] = "aXbcdYe", two[] = "aZbcdWe", *cut = text_of(70, 70, 0),
         *whole = text_of(64, 64, 0);
    (void)state;
    modellab_log_field fields[] = {mli_log_int(one, 1), mli_log_int(two, 2), mli_log_int(cut, 3),
                                   mli_log_int(whole, 4), mli_log_int(one, 5)};
    mli_json *root = format("x", fields, 5);
    assert_int_equal(mli_json_int(mli_json_get(root, one), 0), 1);
    assert_int_equal(mli_json_int(mli_json_get(root, two), 0), 2);
    assert_int_equal(mli_json_int(mli_json_get(root, whole), 0), 3);
    assert_int_equal(mli_json_int(mli_json_get(root, "aXbcdYe_2"), 0), 5);
    mli_json_free(root);
    mli_json_free(format("x", NULL, 3)); /* a count without fields */
    free(cut);
    free(whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_byte), cmocka_unit_test(each_length),
                                       cmocka_unit_test(our_keys),
                                       cmocka_unit_test(nearly_equal_keys)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
