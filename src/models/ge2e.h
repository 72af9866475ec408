/* The weights of the GE2E speaker encoder: three LSTM layers over 40 mel bands, one linear layer.
 * From a checkpoint of torch.save. */
#ifndef MLI_MODELS_GE2E_H
#define MLI_MODELS_GE2E_H

#include "base/cancel.h"
#include "models/tensors.h"

enum { MLI_GE2E_LAYERS = 3, MLI_GE2E_MELS = 40, MLI_GE2E_WIDTH = 256 };

typedef struct mli_ge2e_weights {
    struct {
        mli_weight w_ih, w_hh, b_ih, b_hh; /* [1024,40 or 256], [1024,256], [1024] twice */
    } layer[MLI_GE2E_LAYERS];
    mli_weight linear, linear_bias; /* [256,256], [256] */
} mli_ge2e_weights;

/* Views of the tensors of a sorted list, which must stay; E_UNSUPPORTED_MODEL names what is missing
 * or has another shape. */
MODELLAB_MUST_CHECK modellab_status mli_ge2e_take(mli_ge2e_weights *out, const mli_tensors *list,
                                                  modellab_error *err);
/* Whether the list is that of such an encoder. */
bool mli_ge2e_is(const mli_tensors *list);

#endif
