/* Candidate sequences, their ranking, and the bookkeeping of beam search (no model in it). */
#ifndef MLI_SPEECH_WHISPER_BEAM_H
#define MLI_SPEECH_WHISPER_BEAM_H

#include <modellab/alloc.h>
#include <modellab/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct mli_whisper_sequence {
    int32_t *tokens; /* without eot */
    float *logprobs;
    float *margins; /* NULL unless asked for */
    size_t count, capacity;
    float sum; /* log-probabilities, with that of eot once it was said */
    bool done;
} mli_whisper_sequence;

MODELLAB_MUST_CHECK modellab_status mli_whisper_sequence_init(mli_whisper_sequence *s,
                                                              const modellab_allocator *alloc,
                                                              size_t capacity, bool margins,
                                                              modellab_error *err);
void mli_whisper_sequence_dispose(mli_whisper_sequence *s, const modellab_allocator *alloc);
/* Capacity of `to` is at least from->count. */
void mli_whisper_sequence_copy(mli_whisper_sequence *to, const mli_whisper_sequence *from);
/* sum / length, or with the length penalty ((5 + length) / 6)^penalty when it is >= 0. */
double mli_whisper_rank_score(float sum_logprob, size_t length, double length_penalty);

typedef struct mli_whisper_beam mli_whisper_beam;

/* `most` tokens a sequence; finished sequences wanted: beam_size * patience, rounded half-even. */
MODELLAB_MUST_CHECK modellab_status mli_whisper_beam_create(mli_whisper_beam **out,
                                                            const modellab_allocator *alloc,
                                                            size_t beam_size, double patience,
                                                            size_t most, int32_t eot,
                                                            modellab_error *err);
void mli_whisper_beam_destroy(mli_whisper_beam *beam); /* NULL accepted */
/* Sequences to score now: 1 after the prompt, then beam_size (fewer only when the vocabulary is).
 */
size_t mli_whisper_beam_rows(const mli_whisper_beam *beam);
const mli_whisper_sequence *mli_whisper_beam_row(const mli_whisper_beam *beam, size_t row);
/* One step: `logits` are `rows` filtered rows of `vocab` values. Fills the next token and the
 * parent of each new row. True when enough sequences are finished. */
bool mli_whisper_beam_step(mli_whisper_beam *beam, float *const *logits, size_t vocab,
                           int32_t *tokens, int32_t *parents);
/* The best sequence: finished ones, filled up with unfinished ones. Borrowed. */
const mli_whisper_sequence *mli_whisper_beam_best(mli_whisper_beam *beam, double length_penalty);

#endif
