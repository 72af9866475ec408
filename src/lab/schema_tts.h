/* config.tts of a request: the options of step tts. */
#ifndef MLI_LAB_SCHEMA_TTS_H
#define MLI_LAB_SCHEMA_TTS_H

#define MLI_SCHEMA_tts                                                                             \
    "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"                         \
    "\"text\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":150000,"                          \
    "\"description\":\"What is to be said.\"},"                                                    \
    "\"voice\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":96},"                            \
    "\"lexicon\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":96},"                          \
    "\"g2p\":{\"enum\":[\"lexicon\",\"espeak\",\"ipa\",\"ids\"],\"default\":\"lexicon\","          \
    "\"description\":\"Pronunciation: the dictionary with letter-to-sound rules, your own "        \
    "espeak-ng (MODEL_LAB_ESPEAK_NG), or the text is IPA or phoneme ids, a line an utterance.\"}," \
    "\"speed\":{\"type\":\"number\",\"minimum\":0.1,\"maximum\":10,\"default\":1},"                \
    "\"noise\":{\"type\":\"number\",\"minimum\":0,\"maximum\":10,"                                 \
    "\"description\":\"Variation of the voice. Default: the voice's own.\"},"                      \
    "\"noise_w\":{\"type\":\"number\",\"minimum\":0,\"maximum\":10,"                               \
    "\"description\":\"Variation of the durations. Default: the voice's own.\"},"                  \
    "\"speaker\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":65535,\"default\":0},"            \
    "\"seed\":{\"type\":\"integer\",\"minimum\":0,\"default\":0},"                                 \
    "\"sentence_pause_ms\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":10000,"                 \
    "\"default\":150},"                                                                            \
    "\"paragraph_pause_ms\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":10000,"                \
    "\"default\":500},"                                                                            \
    "\"threads\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":1024}}}"

#endif
