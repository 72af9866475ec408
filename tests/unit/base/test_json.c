/* JSON: strict reading, canonical text, the writer's escapes, and memory faults. */
#include "base/json.h"
#include "unit/failing_alloc.h"
#include "unit/unit.h"
#include <math.h>
#include <string.h>

static modellab_status parse(const char *text, mli_json **out, modellab_error *err)
{
    return mli_json_parse(text, strlen(text), MLI_JSON_MAX_BYTES, out, err);
}

static void reads(void **state)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_json *root;
    (void)state;
    assert_int_equal(parse("{\"s\":\"\\u00e9\\n\",\"i\":-7,\"r\":2.5,\"b\":true,\"n\":null,"
                           "\"a\":[1,2,3],\"o\":{\"x\":1}}",
                           &root, &err),
                     MODELLAB_OK);
    assert_string_equal(mli_json_string(mli_json_get(root, "s"), ""), "\xC3\xA9\n");
    assert_int_equal(mli_json_string_bytes(mli_json_get(root, "s")), 3);
    assert_int_equal(mli_json_int(mli_json_get(root, "i"), 0), -7);
    assert_true(mli_json_number(mli_json_get(root, "r"), 0) == 2.5);
    assert_true(mli_json_number(mli_json_get(root, "i"), 0) == -7);
    assert_int_equal(mli_json_int(mli_json_get(root, "r"), 99), 99);
    assert_true(mli_json_bool(mli_json_get(root, "b"), false));
    assert_int_equal(mli_json_typeof(mli_json_get(root, "n")), MLI_JSON_NULL);
    assert_int_equal(mli_json_count(mli_json_get(root, "a")), 3);
    assert_int_equal(mli_json_int(mli_json_at(mli_json_get(root, "a"), 2), 0), 3);
    assert_null(mli_json_at(mli_json_get(root, "a"), 3));
    assert_null(mli_json_get(root, "absent"));
    assert_string_equal(mli_json_string(mli_json_get(root, "absent"), "d"), "d");
    const char *key;
    const mli_json *value;
    assert_true(mli_json_member(root, 5, &key, &value));
    assert_string_equal(key, "a");
    assert_false(mli_json_member(root, 7, &key, &value));
    mli_json_cursor c = mli_json_first(root);
    int count = 0;
    while (mli_json_next(&c, &key, &value))
        count++;
    assert_int_equal(count, 7);
    mli_json_free(root);
    mli_json_free(NULL);
}

static void refuses(void **state)
{
    static const char *const bad[] = {"",
                                      "{",
                                      "{\"a\":1,\"a\":2}",
                                      "[1,]",
                                      "{a:1}",
                                      "\"\\u0000\"",
                                      "[1] 2",
                                      "nul",
                                      "\"\xFF\"",
                                      "1e999",
                                      "99999999999999999999",
                                      "\"a\nb\"",
                                      "[01]"};
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_json *root;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(parse(bad[i], &root, &err), MODELLAB_E_INVALID_JSON);
        assert_null(root);
        assert_true(err.message[0] != '\0');
    }
    /* What stands in the text may be a secret and is not repeated. */
    assert_int_equal(parse("{\"token\": hunter2}", &root, &err), MODELLAB_E_INVALID_JSON);
    assert_null(strstr(err.message, "hunter2"));
    assert_int_equal(mli_json_parse("[1,2]", 5, 4, &root, &err), MODELLAB_E_LIMIT);
}

static void depth(void **state)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    char text[200];
    mli_json *root;
    (void)state;
    for (int levels = 60; levels <= 70; levels++) {
        memset(text, '[', (size_t)levels);
        memset(text + levels, ']', (size_t)levels);
        text[2 * levels] = '\0';
        modellab_status status = parse(text, &root, &err);
        assert_int_equal(status, levels <= 64 ? MODELLAB_OK : MODELLAB_E_INVALID_JSON);
        mli_json_free(root);
    }
    assert_int_equal(
        parse("\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[\"",
              &root, &err),
        MODELLAB_OK); /* brackets within a string are text */
    mli_json_free(root);
}

static void canonical(void **state)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_json *a, *b;
    mli_buf out;
    (void)state;
    assert_int_equal(
        parse("{ \"b\" : [ 1.50, 0.1, 3.0, \"\\u2028\" ], \"a\" : {\"z\":null,\"y\":false} }", &a,
              &err),
        MODELLAB_OK);
    mli_buf_init(&out, NULL);
    assert_int_equal(mli_json_dump(a, &out, &err), MODELLAB_OK);
    assert_string_equal(mli_buf_text(&out),
                        "{\"a\":{\"y\":false,\"z\":null},\"b\":[1.5,0.1,3.0,\"\\u2028\"]}");
    assert_int_equal(parse(mli_buf_text(&out), &b, &err), MODELLAB_OK);
    assert_true(mli_json_equal(a, b));
    mli_json_free(b);
    mli_buf_dispose(&out);
    for (long n = 0;; n++) {
        failing_alloc f = {.fail_at = n};
        modellab_allocator table = failing_alloc_table(&f);
        mli_buf_init(&out, &table);
        modellab_status status = mli_json_dump(a, &out, &err);
        mli_buf_dispose(&out);
        assert_int_equal(f.live, 0);
        if (status == MODELLAB_OK)
            break;
        assert_int_equal(status, MODELLAB_E_NO_MEMORY);
    }
    mli_json_free(a);
}

static void writer(void **state)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_buf out;
    mli_jw w;
    (void)state;
    mli_buf_init(&out, NULL);
    mli_jw_init(&w, &out);
    mli_jw_object(&w);
    mli_jw_kstring(&w, "s", "a\"\\\n\t\x01\xFF\xC3\xA9\xE2\x80\xA9/");
    mli_jw_kstring(&w, "none", NULL);
    mli_jw_kint(&w, "i", INT64_MIN);
    mli_jw_kreal(&w, "r", 0.25);
    mli_jw_kreal(&w, "whole", 3);
    mli_jw_kreal(&w, "nan", NAN);
    mli_jw_kbool(&w, "b", true);
    mli_jw_key(&w, "a");
    mli_jw_array(&w);
    mli_jw_int(&w, 1);
    mli_jw_object(&w);
    mli_jw_end_object(&w);
    mli_jw_raw(&w, "[]", 2);
    mli_jw_end_array(&w);
    mli_jw_key(&w, "e");
    mli_jw_array(&w);
    mli_jw_end_array(&w);
    mli_jw_end_object(&w);
    assert_int_equal(mli_buf_status(&out, &err), MODELLAB_OK);
    assert_string_equal(
        mli_buf_text(&out),
        "{\"s\":\"a\\\"\\\\\\n\\t\\u0001\xEF\xBF\xBD\xC3\xA9\\u2029/\",\"none\":null,"
        "\"i\":-9223372036854775808,\"r\":0.25,\"whole\":3.0,\"nan\":null,\"b\":true,"
        "\"a\":[1,{},[]],\"e\":[]}");
    mli_json *root;
    assert_int_equal(parse(mli_buf_text(&out), &root, &err), MODELLAB_OK);
    mli_json_free(root);
    mli_buf_clear(&out);
    mli_jw_init(&w, &out);
    for (int i = 0; i < 70; i++)
        mli_jw_array(&w);
    assert_int_equal(mli_buf_status(&out, &err), MODELLAB_E_INTERNAL); /* too deep, not overrun */
    mli_buf_clear(&out);
    mli_jw_init(&w, &out);
    mli_jw_end_array(&w);
    assert_int_equal(mli_buf_status(&out, &err), MODELLAB_E_INTERNAL);
    mli_buf_dispose(&out);
}

/* The examples of RFC 7396, appendix A. */
static void merge_patch(void **state)
{
    static const char *const cases[][3] = {
        {"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
        {"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
        {"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
        {"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}"},
        {"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
        {"[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]"},
        {"{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]"},
        {"{\"e\":null}", "{\"a\":1}", "{\"a\":1,\"e\":null}"},
        {"[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}"},
        {"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mli_json *target = NULL, *patch = NULL, *merged = NULL;
        mli_buf before, after;
        mli_buf_init(&before, NULL);
        mli_buf_init(&after, NULL);
        assert_int_equal(mli_json_parse(cases[i][0], strlen(cases[i][0]), 1000, &target, NULL),
                         MODELLAB_OK);
        assert_int_equal(mli_json_parse(cases[i][1], strlen(cases[i][1]), 1000, &patch, NULL),
                         MODELLAB_OK);
        assert_int_equal(mli_json_dump(target, &before, NULL), MODELLAB_OK);
        assert_int_equal(mli_json_merge_patch(target, patch, &merged, NULL), MODELLAB_OK);
        assert_int_equal(mli_json_dump(merged, &after, NULL), MODELLAB_OK);
        assert_string_equal(mli_buf_text(&after), cases[i][2]);
        mli_json_free(merged);
        mli_buf_clear(&after);
        assert_int_equal(mli_json_dump(target, &after, NULL), MODELLAB_OK); /* as it was */
        assert_string_equal(mli_buf_text(&after), mli_buf_text(&before));
        mli_json_free(target);
        mli_json_free(patch);
        mli_buf_dispose(&before);
        mli_buf_dispose(&after);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reads),  cmocka_unit_test(refuses),
                                       cmocka_unit_test(depth),  cmocka_unit_test(canonical),
                                       cmocka_unit_test(writer), cmocka_unit_test(merge_patch)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
