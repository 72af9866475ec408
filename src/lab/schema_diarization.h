/* config.diarization of a request: the options of step diarization. */
#ifndef MLI_LAB_SCHEMA_DIARIZATION_H
#define MLI_LAB_SCHEMA_DIARIZATION_H

#define MLI_SCHEMA_diarization                                                                     \
    "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"                         \
    "\"model\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":96},"                            \
    "\"vad_model\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":96},"                        \
    "\"method\":{\"enum\":[\"merge_path\",\"agglomerative\"],\"default\":\"merge_path\"},"         \
    "\"min_speakers\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":64,\"default\":1},"          \
    "\"max_speakers\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":64,\"default\":0,"           \
    "\"description\":\"0 = as found; as min_speakers: exactly that many.\"},"                      \
    "\"overlapping\":{\"type\":\"boolean\",\"default\":false},"                                    \
    "\"known\":{\"type\":\"array\",\"maxItems\":16,\"items\":{\"type\":\"object\","                \
    "\"additionalProperties\":false,\"required\":[\"name\",\"clip\"],\"properties\":{"             \
    "\"name\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":64},"                             \
    "\"clip\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":1000000,"                         \
    "\"description\":\"An audio file in which this person speaks alone, in base64.\"}}}},"         \
    "\"known_least\":{\"type\":\"number\",\"minimum\":0.01,\"maximum\":1,\"default\":0.8,"         \
    "\"description\":\"A speaker whose voice is less alike (cosine) stays unknown.\"},"            \
    "\"threads\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":256,\"default\":0}}}"

#endif
