/* The weights of Silero's voice activity detector, version 6, 16 kHz, from its ONNX file of opset
 * 15 (silero_vad_16k_op15.onnx): a short-time Fourier transform as a convolution, four
 * convolutions, an LSTM cell, one output. */
#ifndef MLI_MODELS_SILERO_H
#define MLI_MODELS_SILERO_H

#include "base/cancel.h"
#include "models/tensors.h"

enum {
    MLI_SILERO_CHUNK = 512,  /* samples of a step, 32 ms */
    MLI_SILERO_CONTEXT = 64, /* of the step before, in front */
    MLI_SILERO_WINDOW = 256, /* of the transform */
    MLI_SILERO_HOP = 128,
    MLI_SILERO_BINS = 129, /* real parts, then imaginary ones */
    MLI_SILERO_STATE = 128 /* of the LSTM; the width of the last convolution too */
};

typedef struct mli_silero_weights {
    mli_weight basis; /* [258,1,256] */
    struct {
        mli_weight weight, bias;
    } conv[4];                         /* [128,129,3], [64,128,3], [64,64,3], [128,64,3] */
    mli_weight w_ih, w_hh, b_ih, b_hh; /* [512,128] twice, [512] twice */
    mli_weight out, out_bias;          /* [1,128,1], [1] */
} mli_silero_weights;

/* Reads a file, which must stay. Another graph is refused with E_UNSUPPORTED_MODEL, by the name of
 * the node or tensor. */
MODELLAB_MUST_CHECK modellab_status mli_silero_read(mli_silero_weights *out,
                                                    const modellab_allocator *alloc,
                                                    const void *file, size_t bytes,
                                                    const mli_cancel_word *cancel,
                                                    modellab_error *err);

#endif
