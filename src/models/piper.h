/* A Piper voice (VITS exported to ONNX, with its .onnx.json): what it is made of, found in the
 * graph. Weights that lost their names in the export are found through the convolution whose bias
 * kept its own; strides, dilations and padding come from the nodes, sizes from shapes. A graph that
 * holds a convolution which is not part of this list, or lacks one, is refused by its name. */
#ifndef MLI_MODELS_PIPER_H
#define MLI_MODELS_PIPER_H

#include "base/cancel.h"
#include "models/tensors.h"

enum {
    MLI_PIPER_MAX_LAYERS = 16,   /* of the text encoder */
    MLI_PIPER_MAX_COUPLINGS = 8, /* of the flow */
    MLI_PIPER_MAX_WAVENET = 8,   /* layers of a coupling */
    MLI_PIPER_MAX_SPLINES = 4,   /* flows of the duration predictor */
    MLI_PIPER_MAX_SEPARABLE = 4, /* layers of a stack of depthwise convolutions */
    MLI_PIPER_MAX_STAGES = 6,    /* of the decoder */
    MLI_PIPER_MAX_BLOCKS = 4,    /* residual blocks of a stage */
    MLI_PIPER_MAX_CONVS = 6,     /* convolutions of a block */
    MLI_PIPER_MAX_TAPS = 64,
    MLI_PIPER_MAX_PAD = 512 /* frames at each side that a convolution over time looks at */
};

typedef struct mli_piper_conv {
    mli_weight weight; /* [out, in / groups, taps]; transposed: [in, out, taps] */
    mli_weight bias;   /* dtype NONE = none */
    size_t out, in, taps, stride, dilation, pad, groups;
} mli_piper_conv;

typedef struct mli_piper_norm {
    mli_weight gamma, beta;
} mli_piper_norm;

typedef struct mli_piper_layer {
    mli_piper_conv q, k, v, o, up, down;
    mli_weight rel_k, rel_v; /* [1, 2 window + 1, head] */
    mli_piper_norm norm1, norm2;
} mli_piper_layer;

/* Dilated depth-separable convolutions. */
typedef struct mli_piper_stack {
    size_t layers;
    struct {
        mli_piper_conv depth, point;
        mli_piper_norm norm1, norm2;
    } layer[MLI_PIPER_MAX_SEPARABLE];
} mli_piper_stack;

typedef struct mli_piper_spline {
    mli_piper_conv pre, proj;
    mli_piper_stack stack;
} mli_piper_spline;

typedef struct mli_piper_coupling {
    mli_piper_conv pre, post, cond; /* cond: several speakers only (out 0 = none) */
    size_t layers;
    struct {
        mli_piper_conv in, skip;
    } layer[MLI_PIPER_MAX_WAVENET];
} mli_piper_coupling;

typedef struct mli_piper_stage {
    mli_piper_conv up; /* transposed */
    size_t blocks;
    struct {
        size_t convs;
        mli_piper_conv conv[MLI_PIPER_MAX_CONVS];
    } block[MLI_PIPER_MAX_BLOCKS];
} mli_piper_stage;

typedef struct mli_piper {
    size_t ids, hidden, heads, window;
    mli_weight embedding; /* [ids, hidden] */
    size_t layers;
    mli_piper_layer layer[MLI_PIPER_MAX_LAYERS];
    mli_piper_conv proj; /* mean and log deviation */
    struct {
        mli_piper_conv pre, proj, cond;
        mli_piper_stack stack;
        size_t splines;
        mli_piper_spline spline[MLI_PIPER_MAX_SPLINES]; /* in the order of use */
        float mean[2], factor[2];                       /* the last: (x - mean) * factor */
    } durations;
    size_t couplings;
    mli_piper_coupling coupling[MLI_PIPER_MAX_COUPLINGS]; /* in the order of use */
    struct {
        mli_piper_conv pre, post, cond;
        size_t stages;
        mli_piper_stage stage[MLI_PIPER_MAX_STAGES];
        bool paired;             /* ResBlock1: convolutions in pairs, residual after each pair */
        float slope, last_slope; /* of leaky ReLU; the last one stands before `post` */
    } decoder;
    mli_weight speakers; /* [count, width]; dtype NONE = one speaker */
    size_t parameters;
} mli_piper;

/* Reads a file, which must stay: weights point into it. E_UNSUPPORTED_MODEL names node or tensor.
 */
MODELLAB_MUST_CHECK modellab_status mli_piper_read(mli_piper *out, const modellab_allocator *alloc,
                                                   const void *file, size_t bytes,
                                                   const mli_cancel_word *cancel,
                                                   modellab_error *err);

typedef struct mli_piper_symbol {
    char text[8];          /* one code point, UTF-8 */
    uint32_t first, count; /* of `ids` */
} mli_piper_symbol;

/* What stands in the .onnx.json. */
typedef struct mli_piper_config {
    const modellab_allocator *alloc; /* borrowed */
    int32_t sample_rate;
    double noise, length, noise_w;
    int32_t speakers;
    char voice[32];            /* of espeak-ng */
    char language[16];         /* code: "en" */
    char phoneme_type[16];     /* "espeak" when it is not told */
    mli_piper_symbol *symbols; /* sorted by text */
    size_t symbol_count;
    int32_t *ids;
    size_t id_count;
} mli_piper_config;

MODELLAB_MUST_CHECK modellab_status mli_piper_config_read(mli_piper_config *out,
                                                          const modellab_allocator *alloc,
                                                          const char *text, size_t bytes,
                                                          modellab_error *err);
void mli_piper_config_dispose(mli_piper_config *config);
/* NULL when the voice has no such symbol. */
const mli_piper_symbol *mli_piper_find(const mli_piper_config *config, const char *text,
                                       size_t bytes);

#endif
