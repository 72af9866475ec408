/* What Whisper's decoder may say next: the reference's filters over one row of logits. */
#ifndef MLI_SPEECH_WHISPER_RULES_H
#define MLI_SPEECH_WHISPER_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct mli_whisper_rules {
    int32_t n_vocab, eot, no_timestamps, timestamp_begin;
    const int32_t *suppress; /* never said; borrowed */
    size_t suppress_count;
    const int32_t *begin; /* not said first (blank, eot); borrowed; none when count is 0 */
    size_t begin_count;
    bool timestamps;            /* apply the timestamp rules */
    int32_t max_initial_offset; /* greatest first timestamp, in steps of 20 ms; -1 = any */
    /* A segment that begins (after another) before this time, in steps of 20 ms, is said: the end
     * does not come instead. 0 = off: who decodes window after window begins the next one there. */
    int32_t must_say;
    /* Up to there all is speech: nothing ends before, segments follow one another, and none lasts
     * longer than its words may. */
    bool dense;
} mli_whisper_rules;

/* Sets what is not allowed after `said` (the tokens said since the prompt) to -inf. Ids outside the
 * vocabulary are left out. Returns how far the likelihood of all timestamps together was from the
 * best text token's (the last rule decides by its sign); +inf without timestamp rules. */
float mli_whisper_rules_apply(const mli_whisper_rules *rules, const int32_t *said, size_t count,
                              float *logits);

/* The least id that may be said after `said`: what stands below it is forbidden whatever its logit,
 * which need not be known. */
int32_t mli_whisper_rules_least(const mli_whisper_rules *rules, const int32_t *said, size_t count);

#endif
