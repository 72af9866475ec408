/* A Whisper network of made-up weights: small, odd-sized, the same everywhere. */
#ifndef TESTS_UNIT_SPEECH_TOY_NET_H
#define TESTS_UNIT_SPEECH_TOY_NET_H

#include "base/alloc.h"
#include "base/random.h"
#include "speech/whisper_net.h"
#include "speech/whisper_pack.h"
#include <stdlib.h>
#include <string.h>

static const mli_whisper_dims toy_dims = {.vocab = 101,
                                          .mels = 8,
                                          .audio_ctx = 21,
                                          .audio_state = 32,
                                          .audio_heads = 2,
                                          .audio_layers = 2,
                                          .text_ctx = 24,
                                          .text_state = 48,
                                          .text_heads = 3,
                                          .text_layers = 2};

/* Weight `index` of the tensor `name`: uniform, small; norms' gammas near 1. */
static inline float toy_weight(const char *name, size_t index)
{
    uint64_t hash = 5381;
    uint32_t counter[4] = {(uint32_t)index, 0, 0, 0}, random[4];
    for (const char *c = name; *c != '\0'; c++)
        hash = hash * 33 + (unsigned char)*c;
    mli_philox(hash, counter, random);
    float value = 0.6f * (float)(mli_philox_uniform(random[0], random[1]) - 0.5);
    bool gamma = strstr(name, "ln") != NULL && strstr(name, ".weight") != NULL;
    return gamma ? 1 + value : value;
}

/* Columns of a row of a tensor (1 for vectors). */
static inline size_t toy_row_size(const char *name)
{
    const mli_whisper_dims *d = &toy_dims;
    bool audio = strncmp(name, "encoder", 7) == 0;
    size_t state = audio ? d->audio_state : d->text_state;
    if (strstr(name, "ln") != NULL || strstr(name, ".bias") != NULL)
        return 1;
    if (strstr(name, "conv1") != NULL)
        return d->mels * 3;
    if (strstr(name, "conv2") != NULL)
        return state * 3;
    if (strstr(name, "cross_attn.key") != NULL || strstr(name, "cross_attn.value") != NULL)
        return d->audio_state;
    return strstr(name, "mlp.2") != NULL ? 4 * state : state;
}

static inline modellab_status toy_read(void *user, const char *name, size_t first, size_t rows,
                                       bool half, void *out, modellab_error *err)
{
    size_t cols = toy_row_size(name);
    (void)user, (void)err;
    if (half)
        return MODELLAB_E_UNSUPPORTED;
    for (size_t i = 0; i < rows * cols; i++)
        ((float *)out)[i] = toy_weight(name, first * cols + i);
    return MODELLAB_OK;
}

typedef struct toy_net {
    unsigned char *bytes;
    size_t size, used;
    mli_whisper_net *net;
} toy_net;

static inline modellab_status toy_begin(void *user, const char *name, bool packed, bool half,
                                        size_t rows, size_t cols, modellab_error *err)
{
    (void)user, (void)name, (void)packed, (void)half, (void)rows, (void)cols, (void)err;
    return MODELLAB_OK;
}

static inline modellab_status toy_append(void *user, const void *data, size_t bytes,
                                         modellab_error *err)
{
    toy_net *t = user;
    (void)err;
    if (bytes > t->size - t->used)
        return MODELLAB_E_INTERNAL;
    memcpy(t->bytes + t->used, data, bytes);
    t->used += bytes;
    return MODELLAB_OK;
}

static inline modellab_status toy_end(void *user, modellab_error *err)
{
    (void)err;
    return ((toy_net *)user)->used % 64 == 0 ? MODELLAB_OK : MODELLAB_E_INTERNAL;
}

static inline modellab_status toy_find(void *user, const char *name, bool packed, bool half,
                                       size_t bytes, const void **data, modellab_error *err)
{
    toy_net *t = user;
    (void)name, (void)packed, (void)half, (void)err;
    *data = t->bytes + t->used;
    t->used += bytes;
    return t->used <= t->size ? MODELLAB_OK : MODELLAB_E_INTERNAL;
}

static inline modellab_status toy_net_make(toy_net *t)
{
    mli_whisper_reader reader = {NULL, toy_read};
    mli_whisper_sink sink = {t, toy_begin, toy_append, toy_end};
    mli_whisper_store store = {t, toy_find};
    memset(t, 0, sizeof *t);
    modellab_status status = mli_whisper_pack_bytes(NULL, &toy_dims, false, &t->size, NULL);
    if (status == MODELLAB_OK)
        t->bytes = mli_alloc_aligned(NULL, t->size, 64);
    if (status == MODELLAB_OK)
        status = mli_whisper_pack(NULL, &toy_dims, false, &reader, &sink, NULL, NULL);
    if (status == MODELLAB_OK && t->used != t->size)
        status = MODELLAB_E_INTERNAL;
    t->used = 0;
    if (status == MODELLAB_OK)
        status = mli_whisper_bind(NULL, &toy_dims, false, &store, &t->net, NULL);
    return status;
}

static inline void toy_net_free(toy_net *t)
{
    mli_free(NULL, t->net);
    mli_free_aligned(NULL, t->bytes);
}

#endif
