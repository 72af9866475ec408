/* The search for the best token sequence of a window: greedy, sampling with best-of, or beam search
 * with patience, over any language model given as a table of two functions. */
#ifndef MLI_SPEECH_WHISPER_SEARCH_H
#define MLI_SPEECH_WHISPER_SEARCH_H

#include "base/cancel.h"
#include "speech/whisper_beam.h"
#include "speech/whisper_rules.h"
#include <modellab/alloc.h>
#include <modellab/status.h>

enum { MLI_WHISPER_MAX_ROWS = 16 }; /* beams or candidates */

/* After a prompt, row r goes on from row parents[r] of the step before (all 0 at the first step)
 * with tokens[r]. `logits` are rows * n_vocab values that the search may overwrite; those of ids
 * below `least` may be -inf instead (the rules forbid them). */
typedef struct mli_whisper_lm {
    void *user;
    modellab_status (*step)(void *user, const int32_t *tokens, const int32_t *parents, size_t rows,
                            int32_t least, float **logits, modellab_error *err);
} mli_whisper_lm;

typedef struct mli_whisper_search_options {
    float temperature;     /* 0 = greedy or beams, > 0 = sampling */
    int32_t beam_size;     /* used at temperature 0; 0 = greedy, 1 = a beam of one */
    int32_t best_of;       /* used at temperature > 0; candidates, 1.. */
    double patience;       /* candidates to collect = beam_size * patience, rounded; 0 = 1 */
    double length_penalty; /* of Wu et al. 2016; < 0 = divide by the length */
    size_t max_tokens;     /* most tokens said */
    uint64_t seed;         /* sampling: the same seed and stream give the same tokens */
    uint32_t stream[2];    /* which window, which attempt */
} mli_whisper_search_options;

typedef struct mli_whisper_found {
    int32_t *tokens; /* without eot */
    float *logprobs; /* of each token among what the rules left, at temperature 1 */
    float *margins;  /* greedy only: distance of the decision to the second best; else NULL */
    size_t count;
    float sum_logprob;  /* with that of eot */
    double avg_logprob; /* sum / (count + 1) */
} mli_whisper_found;

/* `prompt_logits`: n_vocab values after the last prompt token; copied. `out` is disposed of by
 * mli_whisper_found_dispose with the same allocator. Arguments outside their ranges:
 * E_INVALID_ARGUMENT. */
MODELLAB_MUST_CHECK modellab_status mli_whisper_search(
    const modellab_allocator *alloc, const mli_whisper_lm *lm, const mli_whisper_rules *rules,
    const mli_whisper_search_options *options, const float *prompt_logits,
    const mli_cancel_word *cancel, mli_whisper_found *out, modellab_error *err);
/* For callers that step by themselves: the likeliest token that the rules allow after `said`, as
 * the greedy search says it. `logits` (n_vocab values) are changed. Capacity of `said`: one more
 * than it holds. */
void mli_whisper_say_best(const mli_whisper_rules *rules, mli_whisper_sequence *said,
                          float *logits);
/* What a search gives for this sequence; copied. */
MODELLAB_MUST_CHECK modellab_status mli_whisper_found_make(const modellab_allocator *alloc,
                                                           const mli_whisper_sequence *said,
                                                           mli_whisper_found *out,
                                                           modellab_error *err);
void mli_whisper_found_dispose(const modellab_allocator *alloc, mli_whisper_found *found);

#endif
