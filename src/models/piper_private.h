/* Finding tensors and convolutions of a voice by name. Inner header of the reader. */
#ifndef MLI_MODELS_PIPER_PRIVATE_H
#define MLI_MODELS_PIPER_PRIVATE_H

#include "models/onnx.h"
#include "models/piper.h"

typedef struct mli_piper_finder {
    const mli_onnx *onnx;
    bool *taken; /* nodes that a part was read from */
    modellab_error *err;
} mli_piper_finder;

typedef struct mli_piper_label {
    char text[96];
} mli_piper_label;

/* Printf to a name: ours are short. */
__attribute__((format(printf, 1, 2))) mli_piper_label mli_piper_name(const char *format, ...);
bool mli_piper_has(const mli_piper_finder *f, mli_piper_label name);
MODELLAB_MUST_CHECK modellab_status mli_piper_missing(const mli_piper_finder *f, const char *name);
MODELLAB_MUST_CHECK modellab_status mli_piper_weight_at(const mli_piper_finder *f, uint32_t value,
                                                        const char *name, mli_weight *out);
MODELLAB_MUST_CHECK modellab_status mli_piper_weight(const mli_piper_finder *f,
                                                     mli_piper_label name, mli_weight *out);
/* The convolution (`op`) that has the tensor of this name as input `place`. */
MODELLAB_MUST_CHECK modellab_status mli_piper_conv_of(const mli_piper_finder *f,
                                                      mli_piper_label name, uint32_t place,
                                                      const char *op, mli_piper_conv *out);
/* The one whose bias is NAME.bias, with stride 1 and an odd kernel; `in` and `out` 0 = any. */
MODELLAB_MUST_CHECK modellab_status mli_piper_conv_any(const mli_piper_finder *f,
                                                       mli_piper_label name, size_t in, size_t out,
                                                       mli_piper_conv *c);
/* And padded so that the number of frames stays. */
MODELLAB_MUST_CHECK modellab_status mli_piper_conv_same(const mli_piper_finder *f,
                                                        mli_piper_label name, size_t in, size_t out,
                                                        mli_piper_conv *c);
/* And of a single frame: the engine multiplies rows by it. */
MODELLAB_MUST_CHECK modellab_status mli_piper_conv_point(const mli_piper_finder *f,
                                                         mli_piper_label name, size_t in,
                                                         size_t out, mli_piper_conv *c);
/* NAME.gamma and NAME.beta. */
MODELLAB_MUST_CHECK modellab_status mli_piper_norm_of(const mli_piper_finder *f,
                                                      mli_piper_label name, size_t width,
                                                      mli_piper_norm *out);

#endif
