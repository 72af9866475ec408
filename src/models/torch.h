/* Checkpoints of torch.save: the older stream (pickles, then the storages) and the zip form
 * (members stored as they are). The list holds the tensors of the state dictionary. */
#ifndef MLI_MODELS_TORCH_H
#define MLI_MODELS_TORCH_H

#include "base/cancel.h"
#include "models/tensors.h"

/* Whether a file begins like one; 64 bytes tell. A zip is one only with `data.pkl` in it. */
bool mli_torch_is(const void *head, size_t bytes);

/* Fills `out` (initialised, stays unsorted) with the tensors of the state dictionary: the root, or
 * what stands in it under model_state, model_state_dict, state_dict or model. Tensors must be dense
 * and row-major; their data stay in the file's bytes. The caller disposes, on failure too. */
MODELLAB_MUST_CHECK modellab_status mli_torch_read(mli_tensors *out, const void *file, size_t bytes,
                                                   const mli_cancel_word *cancel,
                                                   modellab_error *err);

#endif
