/* Finding the detector's weights in its graph. Checked are names and shapes, how the convolutions
 * step and pad, and the kind of padding; what lies between them is taken to be the detector's. */
#include "models/silero.h"
#include "base/error.h"
#include "models/onnx.h"
#include <stddef.h>
#include <string.h>

/* What is read: name, shape, where it goes, and for convolutions how they step. */
static const struct part {
    const char *name;
    int32_t rank;
    size_t dims[3];
    size_t offset;
    int64_t stride, pad; /* stride 0: no convolution */
} parts[] = {
#define AT(member) offsetof(mli_silero_weights, member)
    {"model.stft.forward_basis_buffer", 3, {258, 1, 256}, AT(basis), MLI_SILERO_HOP, 0},
    {"model.encoder.0.reparam_conv.weight", 3, {128, 129, 3}, AT(conv[0].weight), 1, 1},
    {"model.encoder.0.reparam_conv.bias", 1, {128}, AT(conv[0].bias), 0, 0},
    {"model.encoder.1.reparam_conv.weight", 3, {64, 128, 3}, AT(conv[1].weight), 2, 1},
    {"model.encoder.1.reparam_conv.bias", 1, {64}, AT(conv[1].bias), 0, 0},
    {"model.encoder.2.reparam_conv.weight", 3, {64, 64, 3}, AT(conv[2].weight), 2, 1},
    {"model.encoder.2.reparam_conv.bias", 1, {64}, AT(conv[2].bias), 0, 0},
    {"model.encoder.3.reparam_conv.weight", 3, {128, 64, 3}, AT(conv[3].weight), 1, 1},
    {"model.encoder.3.reparam_conv.bias", 1, {128}, AT(conv[3].bias), 0, 0},
    {"model.decoder.rnn.weight_ih", 2, {512, 128}, AT(w_ih), 0, 0},
    {"model.decoder.rnn.weight_hh", 2, {512, 128}, AT(w_hh), 0, 0},
    {"model.decoder.rnn.bias_ih", 1, {512}, AT(b_ih), 0, 0},
    {"model.decoder.rnn.bias_hh", 1, {512}, AT(b_hh), 0, 0},
    {"model.decoder.decoder.2.weight", 3, {1, 128, 1}, AT(out), 1, 0},
    {"model.decoder.decoder.2.bias", 1, {1}, AT(out_bias), 0, 0},
#undef AT
};

/* Every number of a list attribute is `value`; a list that is left out is all `fallback`. */
static bool all_are(const mli_onnx *onnx, const mli_onnx_node *node, const char *name,
                    int64_t value, int64_t fallback)
{
    const mli_onnx_attribute *a = mli_onnx_attribute_of(onnx, node, name, MLI_ONNX_ATTR_INTS);
    if (a == NULL) {
        return value == fallback;
    }
    for (uint32_t i = 0; i < a->count; i++) {
        if (onnx->ints[a->first + i] != value) {
            return false;
        }
    }
    return a->count > 0;
}

MODELLAB_MUST_CHECK static modellab_status check_conv(const mli_onnx *onnx, uint32_t weight,
                                                      const struct part *part, modellab_error *err)
{
    const mli_onnx_value *v = &onnx->values[weight];
    if (v->consumers != 1) {
        return mli_fail(err, MODELLAB_E_UNSUPPORTED_MODEL, "onnx: %s is not used once", part->name);
    }
    const mli_onnx_node *node = &onnx->nodes[onnx->uses[v->first_consumer]];
    const mli_onnx_attribute *group = mli_onnx_attribute_of(onnx, node, "group", MLI_ONNX_ATTR_INT);
    const mli_onnx_attribute *automatic =
        mli_onnx_attribute_of(onnx, node, "auto_pad", MLI_ONNX_ATTR_STRING);
    if (!mli_span_is(node->op, "Conv") || mli_onnx_input(onnx, node, 1) != weight) {
        return mli_onnx_refuse(onnx, node, "a convolution was expected", err);
    }
    if (automatic != NULL && !mli_span_is(automatic->span, "NOTSET")) {
        return mli_onnx_refuse(onnx, node, "auto_pad is not supported", err);
    }
    if (!all_are(onnx, node, "strides", part->stride, 1) ||
        !all_are(onnx, node, "pads", part->pad, 0) || !all_are(onnx, node, "dilations", 1, 1) ||
        (group != NULL && group->i != 1)) {
        return mli_onnx_refuse(onnx, node, "strides, pads, dilations or groups are others", err);
    }
    return MODELLAB_OK;
}

/* The only padding of the graph: 64 samples at the end, mirrored. */
MODELLAB_MUST_CHECK static modellab_status check_padding(const mli_onnx *onnx, modellab_error *err)
{
    size_t found = 0;
    for (size_t i = 0; i < mli_onnx_nodes(onnx); i++) {
        const mli_onnx_node *node = &onnx->nodes[i];
        if (!mli_span_is(node->op, "Pad")) {
            continue;
        }
        const mli_onnx_attribute *mode =
            mli_onnx_attribute_of(onnx, node, "mode", MLI_ONNX_ATTR_STRING);
        if (mode == NULL || !mli_span_is(mode->span, "reflect") || ++found > 1) {
            return mli_onnx_refuse(onnx, node, "one mirrored padding was expected", err);
        }
    }
    return found == 1 ? MODELLAB_OK
                      : mli_fail(err, MODELLAB_E_UNSUPPORTED_MODEL,
                                 "onnx: the mirrored padding of the detector is missing");
}

MODELLAB_MUST_CHECK static modellab_status read_part(const mli_onnx *onnx, const struct part *part,
                                                     mli_silero_weights *out, modellab_error *err)
{
    mli_weight *w = (mli_weight *)(void *)((unsigned char *)out + part->offset);
    uint32_t value = mli_onnx_find(onnx, part->name);
    const mli_onnx_tensor *t = mli_onnx_constant(onnx, value);
    if (t == NULL) {
        return mli_fail(err, MODELLAB_E_UNSUPPORTED_MODEL, "onnx: tensor %s is missing",
                        part->name);
    }
    /* the engine keeps pointers into the file */
    if (t->type != MLI_ONNX_FLOAT || t->own != NULL || t->rank != part->rank ||
        memcmp(t->dims, part->dims, (size_t)part->rank * sizeof t->dims[0]) != 0) {
        return mli_fail(err, MODELLAB_E_UNSUPPORTED_MODEL,
                        "onnx: tensor %s has another type or shape than the detector's",
                        part->name);
    }
    modellab_status status = mli_onnx_weight(t, part->name, w, err);
    return status == MODELLAB_OK && part->stride != 0 ? check_conv(onnx, value, part, err) : status;
}

modellab_status mli_silero_read(mli_silero_weights *out, const modellab_allocator *alloc,
                                const void *file, size_t bytes, const mli_cancel_word *cancel,
                                modellab_error *err)
{
    mli_onnx onnx;
    modellab_status status = mli_onnx_read(&onnx, alloc, file, bytes, cancel, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    for (size_t i = 0; status == MODELLAB_OK && i < sizeof parts / sizeof parts[0]; i++) {
        status = read_part(&onnx, &parts[i], out, err);
    }
    if (status == MODELLAB_OK) {
        status = check_padding(&onnx, err);
    }
    mli_onnx_dispose(&onnx);
    return status;
}
