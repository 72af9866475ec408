/* Shared by the parts of the ONNX reader: growing lists, names that are not yet values, tensors. */
#ifndef MLI_MODELS_ONNX_PRIVATE_H
#define MLI_MODELS_ONNX_PRIVATE_H

#include "models/onnx.h"

typedef enum mli_onnx_ref_kind {
    MLI_ONNX_REF_LINK, /* `index` of `links` */
    MLI_ONNX_REF_INITIALIZER,
    MLI_ONNX_REF_INPUT,
    MLI_ONNX_REF_OUTPUT
} mli_onnx_ref_kind;

/* A name that was read; the index gives all refs of one name the same value. */
typedef struct mli_onnx_ref {
    mli_span name;
    mli_onnx_ref_kind kind;
    uint32_t index;
} mli_onnx_ref;

typedef struct mli_onnx_refs {
    mli_onnx_ref *items;
    mli_onnx_list list;
} mli_onnx_refs;

/* `*out` is `items` with room for one more, which is counted: maybe moved. When it fails `items`
 * stays valid. */
MODELLAB_MUST_CHECK modellab_status mli_onnx_room(const modellab_allocator *alloc, void *items,
                                                  mli_onnx_list *list, size_t item_bytes,
                                                  void **out, modellab_error *err);
/* E_CANCELLED when the reading is to stop. */
MODELLAB_MUST_CHECK modellab_status mli_onnx_go_on(const mli_onnx *onnx, modellab_error *err);
/* Reads a TensorProto into the list; `*index` is its place there. */
MODELLAB_MUST_CHECK modellab_status mli_onnx_read_tensor(mli_onnx *onnx, const mli_wire *w,
                                                         mli_span message, uint32_t *index,
                                                         modellab_error *err);
/* Reads an AttributeProto. */
MODELLAB_MUST_CHECK modellab_status mli_onnx_read_attribute(mli_onnx *onnx, const mli_wire *w,
                                                            mli_span message, modellab_error *err);
/* Makes values of the names, and checks that each is made once and before it is read. */
MODELLAB_MUST_CHECK modellab_status mli_onnx_index(mli_onnx *onnx, mli_onnx_refs *refs,
                                                   modellab_error *err);

#endif
