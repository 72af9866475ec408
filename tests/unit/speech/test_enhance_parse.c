/* Operators as text and as JSON: what is accepted becomes one canonical form, what is not says
 * where, what was meant and what is allowed. */
#include "speech/enhance_ops.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void canonical_is(const char *text, const char *expected)
{
    mli_enhance_chain chain = {0}, again = {0};
    char out[MLI_ENHANCE_CANONICAL];
    modellab_error err = MODELLAB_ERROR_INIT;

    if (mli_enhance_parse(text, strlen(text), &chain, &err) != MODELLAB_OK)
        fail_msg("%s: %s", text, err.message);
    assert_int_equal(mli_enhance_canonical(&chain.ops[0], out), strlen(expected));
    assert_string_equal(out, expected);
    assert_int_equal(mli_enhance_parse(out, strlen(out), &again, NULL), MODELLAB_OK);
    assert_memory_equal(again.ops[0].values, chain.ops[0].values, sizeof chain.ops[0].values);
}

static void test_canonical(void **state)
{
    (void)state;
    canonical_is("speed", "speed(factor=1)");
    canonical_is(" speed ( factor = 1.250 ) ", "speed(factor=1.25)");
    canonical_is("speed()", "speed(factor=1)");
    canonical_is("denoise", "denoise(amount=0.5)");
    canonical_is("resample", "resample(rate_hz=16000)");
    canonical_is("extract_channel(channel=1)", "extract_channel(channel=1)");
    canonical_is("high_pass(order=4)", "high_pass(cutoff_hz=80,order=4)");
    canonical_is("normalize_loudness", "normalize_loudness(target_lufs=-23,max_peak_db=-1)");
    canonical_is("normalize_volume(mode=rms,target_db=-20)",
                 "normalize_volume(target_db=-20,mode=rms)");
    canonical_is("normalize_volume(target_db=-0.0)", "normalize_volume(target_db=0,mode=peak)");
    canonical_is("trim_silence(threshold_db=-5e1)",
                 "trim_silence(min_silence_ms=500,threshold_db=-50,where=ends)");
    canonical_is("trim_silence(threshold_db=-39.99999999999999,min_silence_ms=600000,where=all)",
                 "trim_silence(min_silence_ms=600000,threshold_db=-39.99999999999999,where=all)");
}

static void refused(const char *text, int64_t at, const char *part)
{
    mli_enhance_chain chain = {0};
    modellab_error err = MODELLAB_ERROR_INIT;

    assert_int_equal(mli_enhance_parse(text, strlen(text), &chain, &err),
                     MODELLAB_E_INVALID_ARGUMENT);
    assert_int_equal(chain.count, 0);
    if (err.detail != at || strstr(err.message, part) == NULL)
        fail_msg("%s: at %lld: %s", text, (long long)err.detail, err.message);
}

static void test_refused(void **state)
{
    (void)state;
    refused("", 0, "the name of an operator is expected, not the end");
    refused("  (", 2, "not '('");
    refused("trim_silense", 0, "there is no operator 'trim_silense'; is 'trim_silence' meant?");
    refused("normalize(target_lufs=-16)", 0, "is 'normalize_loudness' meant?");
    refused("quux", 0, "there is no operator 'quux'");
    refused("speed(", 6, "the name of a parameter is expected, not the end");
    refused("speed(factor", 12, "'=' is expected");
    refused("speed(factor=", 13, "a value is expected");
    refused("speed(factor=2", 14, "',' or ')' is expected, not the end");
    refused("speed(factor=2)x", 15, "the end is expected, not 'x'");
    refused("speed(factor=2,)", 15, "the name of a parameter");
    refused("speed(faktor=2)", 6, "speed has no parameter 'faktor'; is 'factor' meant?");
    refused("speed(q=2)", 6, "its first is 'factor'");
    refused("speed(2)", 6, "write speed(factor=2)");
    refused("speed(factor=2,factor=2)", 15, "given twice");
    refused("speed(factor=4.01)", 13, "a number from 0.25 to 4");
    refused("speed(factor=nan)", 13, "is a number, not 'nan'");
    refused("speed(factor=fast)", 13, "is a number, not 'fast'");
    refused("speed(factor=1e999)", 13, "");
    refused("resample(rate_hz=16000.5)", 17, "a whole number from 1000 to 768000 Hz");
    refused("trim_silence(where=end)", 19, "is 'ends' or 'all', not 'end'; is 'ends' meant?");
    refused("speed\x01", 5, "a byte that belongs to no name");
    refused("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 0, "66 bytes");
}

static void test_limits(void **state)
{
    (void)state;
    mli_enhance_chain chain = {0};
    static char text[MLI_ENHANCE_MAX_TEXT + 2];

    for (size_t i = 0; i < MLI_ENHANCE_MAX_OPS; i++)
        assert_int_equal(mli_enhance_parse("speed", 5, &chain, NULL), MODELLAB_OK);
    assert_int_equal(mli_enhance_parse("speed", 5, &chain, NULL), MODELLAB_E_LIMIT);
    memset(text, ' ', sizeof text - 1);
    chain.count = 0;
    assert_int_equal(mli_enhance_parse(text, sizeof text - 1, &chain, NULL), MODELLAB_E_LIMIT);
}

/* What the reader says of a JSON chain. */
static void json_is(const char *json, bool accepted, const char *expected)
{
    mli_buf out;
    mli_jw w;
    mli_json *value = NULL;
    mli_enhance_chain chain = {0};
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = MODELLAB_OK;

    assert_int_equal(mli_json_parse(json, strlen(json), 65536, &value, NULL), MODELLAB_OK);
    for (size_t i = 0; status == MODELLAB_OK && i < mli_json_count(value); i++)
        status = mli_enhance_parse_json(mli_json_at(value, i), &chain, &err);
    if ((status == MODELLAB_OK) != accepted)
        fail_msg("%s: %s", json, err.message);
    if (accepted) {
        mli_buf_init(&out, NULL);
        mli_jw_init(&w, &out);
        for (size_t i = 0; i < chain.count; i++)
            mli_enhance_write_json(&chain.ops[i], &w);
        assert_string_equal(mli_buf_text(&out), expected);
        mli_buf_dispose(&out);
    }
    mli_json_free(value);
}

static void test_json(void **state)
{
    (void)state;
    json_is("[]", true, "");
    json_is("[\"denoise\"]", true, "{\"op\":\"denoise\",\"amount\":0.5}");
    json_is("[{\"op\":\"resample\",\"rate_hz\":8000}]", true,
            "{\"op\":\"resample\",\"rate_hz\":8000}");
    json_is("[{\"op\":\"normalize_volume\",\"mode\":\"rms\"}]", true,
            "{\"op\":\"normalize_volume\",\"target_db\":-3.0,\"mode\":\"rms\"}");
    json_is("[{\"op\":\"speed\",\"factor\":5}]", false, NULL);
    json_is("[{\"op\":\"speed\",\"factor\":\"2\"}]", false, NULL);
    json_is("[{\"op\":\"speed\",\"faktor\":2}]", false, NULL);
    json_is("[{\"op\":\"spede\"}]", false, NULL);
    json_is("[{\"factor\":2}]", false, NULL);
    json_is("[{\"op\":\"normalize_volume\",\"mode\":0}]", false, NULL);
    json_is("[7]", false, NULL);
}

/* Every operator in all its texts: defaults within the ranges, written and read again. */
static void test_table(void **state)
{
    (void)state;
    for (int k = 0; k < MLI_ENHANCE_KINDS; k++) {
        const mli_enhance_info *info = mli_enhance_info_of((mli_enhance_kind)k);
        mli_enhance_chain chain = {0};
        char out[MLI_ENHANCE_CANONICAL];
        assert_int_equal(mli_enhance_parse(info->name, strlen(info->name), &chain, NULL),
                         MODELLAB_OK);
        assert_int_equal(chain.ops[0].kind, k);
        assert_true(strlen(info->text) > 20);
        for (size_t p = 0; info->params[p].name != NULL; p++) {
            const mli_enhance_param *param = &info->params[p];
            assert_true(param->least <= param->standard && param->standard <= param->most);
            assert_true(chain.ops[0].values[p] == param->standard);
            chain.ops[0].values[p] = param->least + (param->most - param->least) * 2.0 / 3.0;
            if (param->whole)
                chain.ops[0].values[p] = (double)(int)chain.ops[0].values[p];
        }
        size_t n = mli_enhance_canonical(&chain.ops[0], out);
        assert_int_equal(mli_enhance_parse(out, n, &chain, NULL), MODELLAB_OK);
        assert_memory_equal(chain.ops[0].values, chain.ops[1].values, sizeof chain.ops[0].values);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_canonical), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_limits),    cmocka_unit_test(test_json),
        cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
