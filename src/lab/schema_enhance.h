/* config.enhance of a request: the options of step enhance. What an operator may hold is checked by
 * its own reader (speech/enhance_ops.h), which says more than a schema could. */
#ifndef MLI_LAB_SCHEMA_ENHANCE_H
#define MLI_LAB_SCHEMA_ENHANCE_H

#define MLI_SCHEMA_OPERATORS                                                                       \
    "{\"type\":\"array\",\"maxItems\":16,\"items\":{\"anyOf\":[{\"type\":\"string\","              \
    "\"minLength\":1,\"maxLength\":1024},{\"type\":\"object\",\"required\":[\"op\"],"              \
    "\"properties\":{\"op\":{\"type\":\"string\",\"maxLength\":48}},\"additionalProperties\":"     \
    "{\"anyOf\":[{\"type\":\"number\"},{\"type\":\"string\",\"maxLength\":48}]}}]},"               \
    "\"description\":\"Operators that prepare the audio, in order: name(param=value, ...), or "    \
    "objects.\"}"

#define MLI_SCHEMA_enhance                                                                         \
    "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"                         \
    "\"operators\":" MLI_SCHEMA_OPERATORS ","                                                      \
    "\"keep_audio\":{\"type\":\"boolean\",\"default\":false,"                                      \
    "\"description\":\"Keep what the other steps heard as enhanced.flac.\"}}}"

#endif
