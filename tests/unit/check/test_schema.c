/* JSON Schema: what is refused when a schema is loaded, and each keyword's finding with its
 * pointer. Reports: their order, their limit, memory that runs out. */
#include "check/findings.h"
#include "check/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static modellab_status load(const char *json)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_schema *schema = NULL;
    modellab_status status = mli_schema_load(json, strlen(json), NULL, &schema, &err);

    mli_schema_free(schema);
    return status;
}

/* "id@pointer;" for each finding of `document` against `json`. */
static void findings(const char *json, const char *document, char *out, size_t capacity)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_findings builder;
    modellab_report *report = NULL;
    mli_schema *schema = NULL;
    mli_json *value = NULL;

    out[0] = '\0';
    assert_int_equal(mli_schema_load(json, strlen(json), NULL, &schema, &err), MODELLAB_OK);
    assert_int_equal(mli_json_parse(document, strlen(document), 10000, &value, &err), MODELLAB_OK);
    mli_findings_begin(&builder, NULL);
    mli_schema_check(schema, value, &builder);
    assert_int_equal(mli_findings_finish(&builder, &report, &err), MODELLAB_OK);
    for (size_t i = 0; i < mli_report_count(report); i++) {
        assert_true(strlen(out) + strlen(mli_report_finding(report, i)->id) +
                        strlen(mli_report_finding(report, i)->pointer) + 3 <
                    capacity);
        strcat(out, mli_report_finding(report, i)->id);
        strcat(out, "@");
        strcat(out, mli_report_finding(report, i)->pointer);
        strcat(out, ";");
    }
    mli_report_unref(report);
    mli_json_free(value);
    mli_schema_free(schema);
}

static void test_load(void **state)
{
    (void)state;
    assert_int_equal(load("{\"type\":\"object\",\"title\":\"x\"}"), MODELLAB_OK);
    assert_int_equal(load("{\"pattern\":\"a\"}"), MODELLAB_E_UNSUPPORTED);
    assert_int_equal(load("{\"properties\":{\"a\":{\"format\":\"date\"}}}"),
                     MODELLAB_E_UNSUPPORTED);
    assert_int_equal(load("{\"type\":\"objekt\"}"), MODELLAB_E_SCHEMA);
    assert_int_equal(load("{\"minItems\":-1}"), MODELLAB_E_SCHEMA);
    assert_int_equal(load("{\"$ref\":\"#/$defs/a\"}"), MODELLAB_E_SCHEMA);
    assert_int_equal(load("{\"required\":[1]}"), MODELLAB_E_SCHEMA);
    assert_int_equal(load("{\"anyOf\":[]}"), MODELLAB_E_SCHEMA);
    assert_int_equal(load("[]"), MODELLAB_E_SCHEMA);
    assert_int_equal(load("{"), MODELLAB_E_INVALID_JSON);
}

static void test_keywords(void **state)
{
    static const struct {
        const char *schema, *document, *expected;
    } cases[] = {
        {"{\"type\":\"integer\"}", "2", ""},
        {"{\"type\":\"integer\"}", "2.0", ""},
        {"{\"type\":\"integer\"}", "2.5", "schema.type@;"},
        {"{\"type\":\"number\"}", "2", ""},
        {"{\"type\":[\"string\",\"null\"]}", "null", ""},
        {"{\"type\":[\"string\",\"null\"]}", "1", "schema.type@;"},
        {"{\"enum\":[\"low\",\"high\"]}", "\"low\"", ""},
        {"{\"enum\":[\"low\",\"high\"]}", "\"hihg\"", "schema.enum@;"},
        {"{\"const\":1}", "2", "schema.const@;"},
        {"{\"minimum\":1,\"maximum\":2}", "0", "schema.minimum@;"},
        {"{\"minimum\":1,\"maximum\":2}", "3", "schema.maximum@;"},
        {"{\"minimum\":1,\"maximum\":2}", "1", ""},
        {"{\"exclusiveMinimum\":1}", "1", "schema.minimum@;"},
        {"{\"exclusiveMaximum\":1}", "1", "schema.maximum@;"},
        {"{\"minLength\":2,\"maxLength\":3}", "\"\\u00e9\"", "schema.size@;"},
        {"{\"minLength\":2,\"maxLength\":3}", "\"\\u00e9\\u00e9\\u00e9\"", ""},
        {"{\"minLength\":2,\"maxLength\":3}", "\"abcd\"", "schema.size@;"},
        {"{\"items\":{\"type\":\"string\"},\"maxItems\":3}", "[\"a\",1,\"b\",2]",
         "schema.size@;schema.type@/1;schema.type@/3;"},
        {"{\"uniqueItems\":true}", "[1,2,1]", "schema.unique@;"},
        {"{\"required\":[\"a\",\"b\"]}", "{\"a\":1}", "schema.required@;"},
        {"{\"properties\":{\"model\":{\"type\":\"string\"}},\"additionalProperties\":false}",
         "{\"modle\":\"x\"}", "schema.unknown_key@;"},
        {"{\"properties\":{\"a/b~\":{\"type\":\"string\"}}}", "{\"a/b~\":1}",
         "schema.type@/a~1b~0;"},
        {"{\"additionalProperties\":{\"type\":\"string\"}}", "{\"x\":1}", "schema.type@/x;"},
        {"{\"anyOf\":[{\"type\":\"string\"},{\"minimum\":5}]}", "4", "schema.any_of@;"},
        {"{\"anyOf\":[{\"type\":\"string\"},{\"minimum\":5}]}", "6", ""},
        {"{\"oneOf\":[{\"minimum\":1},{\"minimum\":2}]}", "3", "schema.one_of@;"},
        {"{\"oneOf\":[{\"minimum\":1},{\"minimum\":2}]}", "1", ""},
        {"{\"$defs\":{\"p\":{\"minimum\":1}},\"properties\":{\"a\":{\"$ref\":\"#/$defs/p\"}}}",
         "{\"a\":0}", "schema.minimum@/a;"},
        {"{\"$defs\":{\"p\":{\"minimum\":1}},\"anyOf\":[{\"$ref\":\"#/$defs/p\"}]}", "0",
         "schema.any_of@;"},
        {"{\"$defs\":{\"p\":{\"$ref\":\"#/$defs/p\"}},\"$ref\":\"#/$defs/p\"}", "0",
         "schema.depth@;"},
        {"{\"type\":\"object\",\"required\":[\"a\"]}", "[]", "schema.type@;"},
    };
    char found[1000];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        findings(cases[i].schema, cases[i].document, found, sizeof found);
        if (strcmp(found, cases[i].expected) != 0) {
            print_error("%s against %s\n", cases[i].document, cases[i].schema);
        }
        assert_string_equal(found, cases[i].expected);
    }
}

static void test_suggestion(void **state)
{
    static const char json[] = "{\"properties\":{\"language\":{}},\"additionalProperties\":false}";
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_findings builder;
    modellab_report *report = NULL;
    mli_schema *schema = NULL;
    mli_json *value = NULL;

    (void)state;
    assert_int_equal(mli_schema_load(json, sizeof json - 1, NULL, &schema, &err), MODELLAB_OK);
    assert_int_equal(mli_json_parse("{\"langauge\":1}", 14, 100, &value, &err), MODELLAB_OK);
    mli_findings_begin(&builder, NULL);
    mli_schema_check(schema, value, &builder);
    assert_int_equal(mli_findings_finish(&builder, &report, &err), MODELLAB_OK);
    assert_string_equal(mli_report_finding(report, 0)->text,
                        "'langauge' is not known; did you mean 'language'?");
    mli_report_unref(report);
    mli_json_free(value);
    mli_schema_free(schema);
}

static void test_limit(void **state)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_findings builder;
    modellab_report *report = NULL;

    (void)state;
    mli_findings_begin(&builder, NULL);
    for (int i = 0; i < 2 * MLI_REPORT_MAX; i++) {
        mli_findings_add(&builder, MODELLAB_SEVERITY_WARNING, "x", "", "finding %d", i);
    }
    assert_int_equal(mli_findings_finish(&builder, &report, &err), MODELLAB_OK);
    assert_int_equal(mli_report_count(report), MLI_REPORT_MAX + 1);
    assert_string_equal(mli_report_finding(report, 0)->text, "finding 0");
    assert_string_equal(mli_report_finding(report, MLI_REPORT_MAX)->id, "report.more");
    mli_report_unref(mli_report_ref(report));
    mli_report_unref(report);
}

static void *scarce_alloc(void *user, size_t bytes)
{
    int *left = user;

    return (*left)-- > 0 ? malloc(bytes) : NULL;
}

static void *scarce_realloc(void *user, void *block, size_t bytes)
{
    int *left = user;

    return (*left)-- > 0 ? realloc(block, bytes) : NULL;
}

static void scarce_free(void *user, void *block)
{
    (void)user;
    free(block);
}

/* What would take too long to compare is refused, not waved through. */
static void test_unique_limit(void **state)
{
    char list[8000] = "[", out[100];
    size_t n = 1;
    (void)state;
    for (int i = 0; i < 1000; i++)
        n += (size_t)snprintf(list + n, sizeof list - n, "%d,", i);
    snprintf(list + n - 1, 8, "]");
    findings("{\"uniqueItems\":true}", list, out, sizeof out);
    assert_string_equal(out, "");
    snprintf(list + n - 1, 8, ",1000]");
    findings("{\"uniqueItems\":true}", list, out, sizeof out);
    assert_string_equal(out, "schema.unique@;");
}

static void test_no_memory(void **state)
{
    int left = 0, needed = 0;

    (void)state;
    for (modellab_status status = MODELLAB_E_NO_MEMORY; status != MODELLAB_OK; needed++) {
        modellab_allocator alloc = {sizeof alloc, &left, scarce_alloc, scarce_realloc, scarce_free};
        modellab_error err = MODELLAB_ERROR_INIT;
        mli_findings builder;
        modellab_report *report = NULL;

        left = needed;
        mli_findings_begin(&builder, &alloc);
        mli_findings_add(&builder, MODELLAB_SEVERITY_ERROR, "a", "/b", "c");
        status = mli_findings_finish(&builder, &report, &err);
        assert_true(status == MODELLAB_OK || status == MODELLAB_E_NO_MEMORY);
        assert_true((status == MODELLAB_OK) == (report != NULL));
        mli_report_unref(report);
    }
    assert_true(needed >= 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_load),         cmocka_unit_test(test_keywords),
        cmocka_unit_test(test_suggestion),   cmocka_unit_test(test_limit),
        cmocka_unit_test(test_unique_limit), cmocka_unit_test(test_no_memory)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
