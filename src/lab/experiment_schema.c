/* The JSON Schema of an experiment (2020-12; the keywords that src/check knows). */
#include "lab/experiment.h"

#define NAME "{\"type\":\"string\",\"minLength\":1,\"maxLength\":64}"

static const char schema[] =
    "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\","
    "\"title\":\"Experiment\",\"type\":\"object\",\"additionalProperties\":false,"
    "\"required\":[\"name\",\"inputs\",\"candidates\"],\"properties\":{"
    "\"schema_version\":{\"const\":1,\"description\":\"Version of this contract.\"},"
    "\"name\":" NAME ","
    "\"text\":{\"type\":\"string\",\"maxLength\":1000,\"description\":\"What it is for.\"},"
    "\"inputs\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":1000,"
    "\"items\":{\"$ref\":\"#/$defs/input\"}},"
    "\"candidates\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":16,"
    "\"items\":{\"$ref\":\"#/$defs/candidate\"}},"
    "\"repetitions\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":100,\"default\":1,"
    "\"description\":\"Runs of each candidate on each input.\"},"
    "\"scoring\":{\"$ref\":\"#/$defs/scoring\"}},"
    "\"$defs\":{\"input\":{\"type\":\"object\",\"additionalProperties\":false,"
    "\"required\":[\"file\"],\"properties\":{"
    "\"name\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":128,"
    "\"description\":\"Default: the file's.\"},"
    "\"file\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":4000,"
    "\"description\":\"Audio, relative to the folder of the document.\"},"
    "\"reference\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":4000,"
    "\"description\":\"File with what was said: text, JSON of a transcript, subtitles, CTM, "
    "STM.\"},"
    "\"turns\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":4000,"
    "\"description\":\"File with who spoke when: RTTM.\"},"
    "\"reference_text\":{\"type\":\"string\",\"maxLength\":900000},"
    "\"reference_turns\":{\"type\":\"string\",\"maxLength\":900000}}},"
    "\"candidate\":{\"type\":\"object\",\"additionalProperties\":false,"
    "\"required\":[\"name\",\"request\"],\"properties\":{\"name\":" NAME ","
    "\"request\":{\"type\":\"object\",\"description\":\"Request of its runs "
    "(docs/request.md).\"}}},"
    "\"scoring\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
    "\"normalizer\":{\"enum\":[\"none\",\"simple\",\"basic\",\"english\"],\"default\":\"basic\"},"
    "\"collar_seconds\":{\"type\":\"number\",\"minimum\":0,\"maximum\":3600,\"default\":0},"
    "\"skip_overlap\":{\"type\":\"boolean\",\"default\":false}}}}}";

const char *mli_experiment_schema(void)
{
    return schema;
}
