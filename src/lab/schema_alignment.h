/* config.alignment of a request: the options of step alignment. */
#ifndef MLI_LAB_SCHEMA_ALIGNMENT_H
#define MLI_LAB_SCHEMA_ALIGNMENT_H

#define MLI_SCHEMA_alignment                                                                       \
    "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"                         \
    "\"text\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":900000,"                          \
    "\"description\":\"What is said. Default: the reference_text of step score.\"},"               \
    "\"model\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":96},"                            \
    "\"vad_model\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":96},"                        \
    "\"language\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":32,\"default\":\"auto\"},"    \
    "\"batch_size\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":16,\"default\":8},"            \
    "\"threads\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":1024}}}"

#endif
