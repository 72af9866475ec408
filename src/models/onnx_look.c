/* Looking things up in an ONNX graph. */
#include "base/error.h"
#include "models/onnx.h"

bool mli_onnx_is(const void *bytes, size_t size)
{
    const unsigned char *p = bytes;
    /* ir_version = 1 as the first field, a small number; then a field of the model as bytes. */
    return size > 16 && p[0] == 0x08 && p[1] >= 1 && p[1] < 64 && (p[2] & 7) == MLI_WIRE_BYTES &&
           p[2] >> 3 >= 2 && p[2] >> 3 <= 8;
}

const mli_onnx_attribute *mli_onnx_attribute_of(const mli_onnx *onnx, const mli_onnx_node *node,
                                                const char *name, mli_onnx_attribute_type type)
{
    for (uint32_t i = 0; i < node->attributes; i++) {
        const mli_onnx_attribute *a = &onnx->attributes[node->first_attribute + i];
        if (mli_span_is(a->name, name)) {
            return a->type == type ? a : NULL;
        }
    }
    return NULL;
}

uint32_t mli_onnx_input(const mli_onnx *onnx, const mli_onnx_node *node, uint32_t index)
{
    return index < node->inputs ? onnx->links[node->first_input + index] : MLI_ONNX_NONE;
}

uint32_t mli_onnx_output(const mli_onnx *onnx, const mli_onnx_node *node, uint32_t index)
{
    return index < node->outputs ? onnx->links[node->first_output + index] : MLI_ONNX_NONE;
}

const mli_onnx_tensor *mli_onnx_constant(const mli_onnx *onnx, uint32_t value)
{
    uint32_t index = value != MLI_ONNX_NONE ? onnx->values[value].initializer : MLI_ONNX_NONE;
    return index != MLI_ONNX_NONE ? &onnx->tensors[index] : NULL;
}

modellab_status mli_onnx_refuse(const mli_onnx *onnx, const mli_onnx_node *node, const char *why,
                                modellab_error *err)
{
    char name[81], op[81];
    uint32_t output = mli_onnx_output(onnx, node, 0);
    mli_span_text(node->name.bytes > 0 || output == MLI_ONNX_NONE ? node->name
                                                                  : onnx->values[output].name,
                  name);
    mli_span_text(node->op, op);
    return mli_fail_at(err, MODELLAB_E_UNSUPPORTED_MODEL, (int64_t)node->offset,
                       "onnx: node %s (%s): %s", name, op, why);
}
