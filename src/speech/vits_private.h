/* A running VITS session: what its parts hand to each other. */
#ifndef MLI_SPEECH_VITS_PRIVATE_H
#define MLI_SPEECH_VITS_PRIVATE_H

#include "nn/signal.h"
#include "speech/vits.h"
#include "speech/vits_net.h"

enum {
    MLI_VITS_STEP = 48, /* frames that the stages advance by */
    MLI_VITS_MAX_STEP = 64,
    MLI_VITS_STREAM_DURATIONS = 0, /* of random numbers */
    MLI_VITS_STREAM_NOISE = 1
};

/* Biases that a speaker changes; those of the network when there is one speaker. */
typedef struct mli_vits_voice {
    const float *durations, *decoder;
    const float *flow[MLI_VITS_COUPLINGS][MLI_VITS_WAVENET];
    float *memory; /* NULL with one speaker */
    int32_t speaker;
} mli_vits_voice;

/* The text as frames will ask for it. */
typedef struct mli_vits_text {
    size_t capacity, count; /* ids */
    float *memory;          /* all of the following */
    float *x;               /* [capacity][hidden], between rows of zeros */
    float *inner;           /* [capacity][filter], likewise */
    float *work;            /* [capacity][4 hidden] */
    float *stats;           /* [capacity][2 channels]: mean, then deviation */
    float *z;               /* [2][capacity]: the two channels of the durations */
    void *kv;
    int32_t *frames; /* [capacity] */
    size_t cut;
    int64_t total; /* frames of all */
} mli_vits_text;

typedef struct mli_vits_flow {
    float *memory;
    struct {
        mli_nn_signal h[MLI_VITS_WAVENET]; /* inputs of the layers */
        mli_nn_signal skip;                /* sums of the skip parts; end: of the first layer */
        int64_t done[MLI_VITS_WAVENET];    /* frames that each layer has gone over */
    } coupling[MLI_VITS_COUPLINGS];
    mli_nn_signal z; /* the latent signal: couplings change it in place; end: what was drawn */
    int64_t ready;   /* frames of z that all couplings have gone over */
    size_t id, used; /* where the alignment stands: id, frames of it that were drawn */
} mli_vits_flow;

typedef struct mli_vits_signals {
    mli_nn_signal raw, leaky;
} mli_vits_signals;

typedef struct mli_vits_decoder {
    float *memory;
    mli_nn_signal in; /* of the first stage */
    struct {
        int64_t taken; /* frames of the input that went through the transposed convolution */
        size_t piece;  /* of the input at a time */
        mli_vits_signals up, conv[MLI_VITS_BLOCKS][MLI_VITS_CONVS];
        float *sum;
        mli_nn_signal out;
    } stage[MLI_VITS_STAGES];
    float *samples; /* of one piece */
    int64_t sent;
} mli_vits_decoder;

struct mli_vits_session {
    const mli_vits *model;
    const mli_vits_net *net;
    mli_pool *pool;
    mli_vits_voice voice;
    mli_vits_text text;
    mli_vits_flow flow;
    mli_vits_decoder decoder;
    /* of the running call */
    const mli_vits_options *options;
    const mli_cancel_word *cancel;
    mli_vits_chunk_fn chunk;
    void *user;
};

struct mli_vits {
    mli_vits_net net;
    modellab_allocator alloc;
    int64_t parameters;
};

static inline const modellab_allocator *mli_vits_alloc(const mli_vits_session *s)
{
    return &s->model->alloc;
}

/* vits_text.c: encoder and durations. */
MODELLAB_MUST_CHECK modellab_status mli_vits_text_run(mli_vits_session *s, const int32_t *ids,
                                                      size_t count, modellab_error *err);
void mli_vits_text_dispose(mli_vits_session *s);

/* vits_flow.c: draws frames up to `end` of the latent signal and takes them through the couplings
 * as far as they reach. */
MODELLAB_MUST_CHECK modellab_status mli_vits_flow_create(mli_vits_session *s, modellab_error *err);
/* Frames that may become ready beyond a step: layers that work in units hold some back. */
size_t mli_vits_flow_burst(const mli_vits_net *net);
void mli_vits_flow_begin(mli_vits_session *s);
void mli_vits_flow_step(mli_vits_session *s, int64_t end);
void mli_vits_flow_dispose(mli_vits_session *s);

/* vits_decoder.c: takes what is ready of the latent signal, and hands out samples. */
MODELLAB_MUST_CHECK modellab_status mli_vits_decoder_create(mli_vits_session *s,
                                                            modellab_error *err);
void mli_vits_decoder_begin(mli_vits_session *s);
MODELLAB_MUST_CHECK modellab_status mli_vits_decoder_step(mli_vits_session *s, modellab_error *err);
void mli_vits_decoder_dispose(mli_vits_session *s);

#endif
