/* A VITS network ready to run: sizes that determine the layout of one block of packed weights, and
 * the layers as views of it. Inner header of the engine. */
#ifndef MLI_SPEECH_VITS_NET_H
#define MLI_SPEECH_VITS_NET_H

#include "base/cancel.h"
#include "kernels/convolve.h"
#include "models/piper.h"
#include "nn/layers.h"
#include "nn/separable.h"
#include "nn/wavenet.h"

enum {
    MLI_VITS_LAYERS = MLI_PIPER_MAX_LAYERS,
    MLI_VITS_COUPLINGS = MLI_PIPER_MAX_COUPLINGS,
    MLI_VITS_WAVENET = MLI_PIPER_MAX_WAVENET,
    MLI_VITS_SPLINES = MLI_PIPER_MAX_SPLINES,
    MLI_VITS_SEPARABLE = MLI_PIPER_MAX_SEPARABLE,
    MLI_VITS_STAGES = MLI_PIPER_MAX_STAGES,
    MLI_VITS_BLOCKS = MLI_PIPER_MAX_BLOCKS,
    MLI_VITS_CONVS = MLI_PIPER_MAX_CONVS,
    MLI_VITS_SPLINE_OUT = 29
};

/* A convolution of the decoder. */
typedef struct mli_vits_conv {
    mli_packed w;
    const float *bias; /* NULL = none */
    size_t taps, dilation;
    size_t pair; /* rows between the outputs of a pair (kernels/pairs.h); 0 = not in pairs */
} mli_vits_conv;

/* A linear layer that turns a speaker into biases; w.rows 0 = none. */
typedef mli_nn_linear mli_vits_cond;

typedef struct mli_vits_stage {
    mli_packed up;        /* [stride * width][reach * in]: a block of outputs for each input */
    const float *up_bias; /* [stride * width] */
    size_t stride, reach, pad, width, blocks, convs;
    mli_vits_conv conv[MLI_VITS_BLOCKS][MLI_VITS_CONVS];
} mli_vits_stage;

typedef struct mli_vits_layer {
    mli_nn_linear qkv, out;
    const float *near_k, *near_v;
    mli_nn_norm norm1, norm2;
    mli_nn_conv1d up, down;
} mli_vits_layer;

typedef struct mli_vits_net {
    size_t ids, hidden, heads, window, layers, filter;
    size_t channels; /* of the latent signal */
    size_t speakers, speaker_width, hop;
    const float *embedding; /* [ids][hidden], times sqrt(hidden) */
    const float *speaker;   /* [speakers][speaker_width] */
    mli_vits_layer layer[MLI_VITS_LAYERS];
    mli_nn_linear proj;
    struct {
        size_t width, stack_layers, splines, spline_layers;
        mli_nn_linear pre, proj;
        mli_vits_cond cond;
        mli_nn_separable stack[MLI_VITS_SEPARABLE];
        struct {
            const float *pre, *pre_bias; /* [width] */
            mli_nn_linear proj;
            mli_nn_separable stack[MLI_VITS_SEPARABLE];
        } spline[MLI_VITS_SPLINES];
        float mean[2], factor[2];
    } durations;
    struct {
        size_t couplings, width, layers;
        struct {
            bool turned;             /* the conditioning half is the upper one */
            mli_nn_linear pre, post; /* post: with the sign turned round */
            mli_vits_cond cond;
            mli_nn_wavenet layer[MLI_VITS_WAVENET];
        } coupling[MLI_VITS_COUPLINGS];
    } flow;
    struct {
        size_t stages;
        bool paired;
        float slope, last_slope;
        mli_vits_conv pre;
        mli_vits_cond cond;
        mli_vits_stage stage[MLI_VITS_STAGES];
        const float *post; /* [taps][width] */
        float post_bias;
        size_t post_taps;
    } decoder;
    const float *block; /* all weights */
    size_t bytes;
    uint32_t walk; /* checksum of the sizes in their order: who lays out otherwise has another */
    bool borrowed; /* the block is somebody else's */
    modellab_allocator alloc;
} mli_vits_net;

/* Lays out and packs a voice; `drop`, `pool` and `cancel` as for mli_vits_create. */
MODELLAB_MUST_CHECK modellab_status
mli_vits_net_create(mli_vits_net *out, const modellab_allocator *alloc, const mli_piper *voice,
                    bool drop, mli_pool *pool, const mli_cancel_word *cancel, modellab_error *err);
/* The same over a block that was packed before and must stay; `voice` tells the shapes alone.
 * E_INVALID_MODEL: it was laid out otherwise. */
MODELLAB_MUST_CHECK modellab_status mli_vits_net_bind(mli_vits_net *out,
                                                      const modellab_allocator *alloc,
                                                      const mli_piper *voice, const float *block,
                                                      size_t bytes, uint32_t walk,
                                                      modellab_error *err);
void mli_vits_net_dispose(mli_vits_net *net);

#endif
