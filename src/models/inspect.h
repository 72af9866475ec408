/* What a weight file holds, for people and programs: format, inputs and outputs, ops, weights, and
 * the architecture that is recognised. */
#ifndef MLI_MODELS_INSPECT_H
#define MLI_MODELS_INSPECT_H

#include "base/buf.h"
#include "base/cancel.h"
#include <modellab/alloc.h>
#include <modellab/status.h>

/* Appends a JSON object about the bytes of a file; its members stand in include/modellab/model.h
 * (modellab_model_inspect). E_INVALID_MODEL when it is of no format that is known, or damaged. */
MODELLAB_MUST_CHECK modellab_status mli_inspect(const modellab_allocator *alloc, const void *file,
                                                size_t bytes, const mli_cancel_word *cancel,
                                                mli_buf *json, modellab_error *err);
/* Whether the first bytes of a file (64, or all of it) are of a format that is known; else
 * E_INVALID_MODEL says which are. */
MODELLAB_MUST_CHECK modellab_status mli_inspect_head(const void *head, size_t bytes,
                                                     modellab_error *err);

#endif
