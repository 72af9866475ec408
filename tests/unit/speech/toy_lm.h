/* A language model small enough to search exhaustively: the log-probability of a token depends on a
 * hash of all tokens before it. */
#ifndef TESTS_UNIT_SPEECH_TOY_LM_H
#define TESTS_UNIT_SPEECH_TOY_LM_H

#include "base/random.h"
#include "speech/whisper_search.h"
#include <math.h>
#include <string.h>

enum { TOY_VOCAB = 6, TOY_EOT = 5, TOY_LONGEST = 12 };

typedef struct toy_lm {
    uint64_t seed;
    float sharpness; /* of the distributions */
    size_t rows, steps, largest_batch;
    int32_t past[MLI_WHISPER_MAX_ROWS][TOY_LONGEST];
    size_t length;
    float logits[MLI_WHISPER_MAX_ROWS * TOY_VOCAB];
} toy_lm;

static void toy_logits(const toy_lm *lm, const int32_t *past, size_t count, float *out)
{
    uint64_t hash = lm->seed;
    for (size_t i = 0; i < count; i++)
        hash = (hash ^ (uint64_t)(past[i] + 1)) * 0x9E3779B97F4A7C15u + 12345;
    for (uint32_t id = 0; id < TOY_VOCAB; id++) {
        uint32_t counter[4] = {id, (uint32_t)count, 0, 0}, random[4];
        mli_philox(hash, counter, random);
        out[id] = lm->sharpness * (float)mli_philox_uniform(random[0], random[1]);
    }
}

static modellab_status toy_step(void *user, const int32_t *tokens, const int32_t *parents,
                                size_t rows, int32_t least, float **logits, modellab_error *err)
{
    toy_lm *lm = user;
    int32_t past[MLI_WHISPER_MAX_ROWS][TOY_LONGEST];
    (void)err;
    (void)least;
    for (size_t r = 0; r < rows; r++) {
        memcpy(past[r], lm->past[parents[r]], sizeof past[r]);
        past[r][lm->length] = tokens[r];
    }
    memcpy(lm->past, past, sizeof past[0] * rows);
    lm->length++;
    lm->steps++;
    lm->largest_batch = rows > lm->largest_batch ? rows : lm->largest_batch;
    for (size_t r = 0; r < rows; r++)
        toy_logits(lm, lm->past[r], lm->length, lm->logits + r * TOY_VOCAB);
    *logits = lm->logits;
    return MODELLAB_OK;
}

static inline mli_whisper_rules toy_rules(void)
{
    return (mli_whisper_rules){.n_vocab = TOY_VOCAB,
                               .eot = TOY_EOT,
                               .no_timestamps = -1,
                               .timestamp_begin = TOY_VOCAB,
                               .max_initial_offset = -1};
}

static inline modellab_status toy_search(toy_lm *lm, const modellab_allocator *alloc,
                                         const mli_whisper_search_options *options,
                                         const mli_cancel_word *cancel, mli_whisper_found *out,
                                         modellab_error *err)
{
    mli_whisper_lm table = {lm, toy_step};
    mli_whisper_rules rules = toy_rules();
    float first[TOY_VOCAB];
    lm->length = lm->steps = lm->largest_batch = 0;
    toy_logits(lm, NULL, 0, first);
    return mli_whisper_search(alloc, &table, &rules, options, first, cancel, out, err);
}

#endif
