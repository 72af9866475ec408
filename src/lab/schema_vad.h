/* config.vad of a request: the options of step vad. */
#ifndef MLI_LAB_SCHEMA_VAD_H
#define MLI_LAB_SCHEMA_VAD_H

#define MLI_SCHEMA_vad                                                                             \
    "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"                         \
    "\"model\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":96},"                            \
    "\"threshold\":{\"type\":\"number\",\"exclusiveMinimum\":0,\"maximum\":1,\"default\":0.5,"     \
    "\"description\":\"Speech begins at this probability.\"},"                                     \
    "\"neg_threshold\":{\"type\":\"number\",\"exclusiveMinimum\":0,\"maximum\":1,"                 \
    "\"description\":\"And may end below this one. Default: 0.15 below the threshold.\"},"         \
    "\"min_speech_ms\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":600000,\"default\":250},"   \
    "\"min_silence_ms\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":600000,\"default\":100},"  \
    "\"pad_ms\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":60000,\"default\":30},"            \
    "\"max_speech_seconds\":{\"type\":\"number\",\"minimum\":0,\"maximum\":86400,\"default\":0,"   \
    "\"description\":\"Longer speech is cut at its longest pause; 0 = never.\"}}}"

#endif
