/* config.noop_text of a request: the options of a step of tests that works on a text. */
#ifndef MLI_LAB_SCHEMA_NOOP_TEXT_H
#define MLI_LAB_SCHEMA_NOOP_TEXT_H

#define MLI_SCHEMA_noop_text                                                                       \
    "{\"type\":\"object\",\"description\":\"For "                                                  \
    "tests.\",\"additionalProperties\":false,\"required\":[\"text\"],\"properties\":{"             \
    "\"text\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":100000},"                         \
    "\"times\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":10,\"default\":1}}}"

#endif
