/* Keys of steps: equal for equal work, other for everything that counts. */
#include "lab/step_key.h"

#include "base/json.h"
#include "unit/unit.h"
#include <string.h>

static const char *const without[] = {"threads", NULL};

static void key_of(const char *name, int32_t version, const char *sha256, const char *options,
                   char out[65])
{
    mli_step_key key;
    mli_json *parsed = NULL;
    assert_int_equal(mli_json_parse(options, strlen(options), 4096, &parsed, NULL), MODELLAB_OK);
    mli_step_key_begin(&key, name, version);
    mli_step_key_add(&key, "input", sha256);
    assert_int_equal(mli_step_key_options(&key, parsed, without, NULL, NULL), MODELLAB_OK);
    mli_step_key_end(&key, out);
    assert_int_equal(strlen(out), 64);
    mli_json_free(parsed);
}

static void equal_for_equal_work(void **state)
{
    char a[65], b[65];
    (void)state;
    key_of("asr", 1, "00", "{\"beam\":1,\"t\":[0,0.2]}", a);
    key_of("asr", 1, "00", "{\"beam\": 1, \"t\": [0, 0.2], \"threads\": 8}", b);
    assert_string_equal(a, b);
}

static void other_for_all_that_counts(void **state)
{
    static const struct {
        const char *name;
        int32_t version;
        const char *sha256, *options;
    } cases[] = {
        {"asr", 1, "00", "{\"beam\":1}"}, {"asr", 2, "00", "{\"beam\":1}"},
        {"tts", 1, "00", "{\"beam\":1}"}, {"asr", 1, "01", "{\"beam\":1}"},
        {"asr", 1, "00", "{\"beam\":2}"}, {"asr", 1, "00", "{\"beam\":\"1\"}"},
        {"asr", 1, "00", "{\"bean\":1}"}, {"asr", 1, "00", "{}"},
        {"asr", 1, "", "{\"0\":0}"},      {"asr", 1, "00\nbeam=1:1", "{}"},
    };
    char keys[sizeof(cases) / sizeof(cases[0])][65];
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        key_of(cases[i].name, cases[i].version, cases[i].sha256, cases[i].options, keys[i]);
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(keys[i], keys[k]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_for_equal_work),
        cmocka_unit_test(other_for_all_that_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
