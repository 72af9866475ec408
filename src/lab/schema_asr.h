/* config.asr of a request: the options of step asr. */
#ifndef MLI_LAB_SCHEMA_ASR_H
#define MLI_LAB_SCHEMA_ASR_H

#define MLI_SCHEMA_asr                                                                             \
    "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"                         \
    "\"model\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":96},"                            \
    "\"language\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":32,\"default\":\"auto\"},"    \
    "\"task\":{\"enum\":[\"transcribe\",\"translate\"],\"default\":\"transcribe\"},"               \
    "\"beam_size\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":16,\"default\":1},"             \
    "\"best_of\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":16,\"default\":5},"               \
    "\"temperatures\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":16,"                         \
    "\"items\":{\"type\":\"number\",\"minimum\":0,\"maximum\":2},"                                 \
    "\"default\":[0,0.2,0.4,0.6,0.8,1]},"                                                          \
    "\"initial_prompt\":{\"type\":\"string\",\"maxLength\":4000},"                                 \
    "\"condition_on_previous\":{\"type\":\"boolean\",\"default\":true},"                           \
    "\"word_times\":{\"type\":\"boolean\",\"default\":false},"                                     \
    "\"threads\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":1024,\"default\":0},"             \
    "\"weights\":{\"enum\":[\"f16\",\"f32\"],\"default\":\"f16\"},"                                \
    "\"formats\":{\"type\":\"array\",\"maxItems\":16,\"uniqueItems\":true,"                        \
    "\"items\":{\"enum\":[\"txt\",\"json\",\"verbose_json\",\"srt\",\"vtt\",\"tsv\",\"ctm\"]},"    \
    "\"default\":[]},"                                                                             \
    "\"vad\":{\"type\":\"boolean\",\"default\":false,"                                             \
    "\"description\":\"Recognise speech alone, cut at silences.\"},"                               \
    "\"vad_model\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":96},"                        \
    "\"vad_threshold\":{\"type\":\"number\",\"exclusiveMinimum\":0,\"maximum\":1,"                 \
    "\"default\":0.5},"                                                                            \
    "\"vad_min_silence_ms\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":60000,\"default\":"    \
    "160},"                                                                                        \
    "\"vad_pad_ms\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":5000,\"default\":400},"        \
    "\"batch_size\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":16,\"default\":8}}}"

#endif
