/* config.score of a request: the references of step score. */
#ifndef MLI_LAB_SCHEMA_SCORE_H
#define MLI_LAB_SCHEMA_SCORE_H

#define MLI_SCHEMA_score                                                                           \
    "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"                         \
    "\"reference_text\":{\"type\":\"string\",\"maxLength\":900000,"                                \
    "\"description\":\"What was said.\"},"                                                         \
    "\"reference_turns\":{\"type\":\"string\",\"maxLength\":900000,"                               \
    "\"description\":\"Who spoke when: lines of RTTM.\"},"                                         \
    "\"normalizer\":{\"type\":\"string\",\"enum\":[\"auto\",\"none\",\"simple\",\"basic\","        \
    "\"english\"],\"default\":\"auto\","                                                           \
    "\"description\":\"auto: english for English, else basic.\"},"                                 \
    "\"collar_seconds\":{\"type\":\"number\",\"minimum\":0,\"maximum\":3600,\"default\":0},"       \
    "\"skip_overlap\":{\"type\":\"boolean\",\"default\":false}}}"

#endif
