/* Fuzz: the input is a schema, a NUL and a document; loading and checking must end with findings or
 * an error. Without a NUL the input is checked against a fixed schema. */
#include "check/schema.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char fixed[] =
        "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\",\"minimum\":1},"
        "\"b\":{\"items\":{\"$ref\":\"#/$defs/c\"}}},\"additionalProperties\":false,"
        "\"$defs\":{\"c\":{\"enum\":[\"x\",\"y\"]}}}";
    const uint8_t *cut = size == 0 ? NULL : memchr(data, 0, size);
    const char *schema_text = cut == NULL ? fixed : (const char *)data;
    size_t schema_bytes = cut == NULL ? sizeof fixed - 1 : (size_t)(cut - data);
    const char *text = cut == NULL ? (const char *)data : (const char *)cut + 1;
    size_t bytes = cut == NULL ? size : size - schema_bytes - 1;
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_findings builder;
    modellab_report *report = NULL;
    mli_schema *schema = NULL;
    mli_json *value = NULL;

    if (mli_schema_load(schema_text, schema_bytes, NULL, &schema, &err) == MODELLAB_OK &&
        mli_json_parse(text, bytes, 65536, &value, &err) == MODELLAB_OK) {
        mli_findings_begin(&builder, NULL);
        mli_schema_check(schema, value, &builder);
        if (mli_findings_finish(&builder, &report, &err) == MODELLAB_OK) {
            mli_report_unref(report);
        }
    }
    mli_json_free(value);
    mli_schema_free(schema);
    return 0;
}
