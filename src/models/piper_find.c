/* Reading single parts of a voice by the names that the export left. */
#include "base/error.h"
#include "models/piper_private.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

modellab_status mli_piper_missing(const mli_piper_finder *f, const char *name)
{
    return mli_fail(f->err, MODELLAB_E_UNSUPPORTED_MODEL, "onnx: tensor %s is missing", name);
}

mli_piper_label mli_piper_name(const char *format, ...)
{
    mli_piper_label l;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(l.text, sizeof l.text, format, args); /* names of ours are short */
    va_end(args);
    return l;
}

bool mli_piper_has(const mli_piper_finder *f, mli_piper_label name)
{
    return mli_onnx_constant(f->onnx, mli_onnx_find(f->onnx, name.text)) != NULL;
}

modellab_status mli_piper_weight_at(const mli_piper_finder *f, uint32_t value, const char *name,
                                    mli_weight *out)
{
    const mli_onnx_tensor *t = mli_onnx_constant(f->onnx, value);
    if (t == NULL) {
        return mli_piper_missing(f, name);
    }
    /* the engine keeps pointers into the file */
    if (t->type != MLI_ONNX_FLOAT || t->own != NULL || t->elements == 0) {
        return mli_fail(f->err, MODELLAB_E_UNSUPPORTED_MODEL,
                        "onnx: tensor %s is not one of raw f32 numbers", name);
    }
    return mli_onnx_weight(t, "of the voice", out, f->err);
}

modellab_status mli_piper_weight(const mli_piper_finder *f, mli_piper_label name, mli_weight *out)
{
    return mli_piper_weight_at(f, mli_onnx_find(f->onnx, name.text), name.text, out);
}

/* All numbers of a list attribute must be equal; `pads` may be left out. */
MODELLAB_MUST_CHECK static modellab_status attribute(const mli_piper_finder *f,
                                                     const mli_onnx_node *node, const char *name,
                                                     size_t fallback, size_t most, size_t *out)
{
    const mli_onnx_attribute *a = mli_onnx_attribute_of(f->onnx, node, name, MLI_ONNX_ATTR_INTS);
    *out = fallback;
    for (uint32_t i = 0; a != NULL && i < a->count; i++) {
        int64_t v = f->onnx->ints[a->first + i];
        if (v < 0 || (uint64_t)v > most || (i > 0 && (size_t)v != *out)) {
            return mli_onnx_refuse(f->onnx, node, name, f->err);
        }
        *out = (size_t)v;
    }
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status read_node(const mli_piper_finder *f,
                                                     const mli_onnx_node *node, bool transposed,
                                                     mli_piper_conv *out)
{
    const mli_onnx *onnx = f->onnx;
    const mli_onnx_attribute *group = mli_onnx_attribute_of(onnx, node, "group", MLI_ONNX_ATTR_INT);
    const mli_onnx_attribute *automatic =
        mli_onnx_attribute_of(onnx, node, "auto_pad", MLI_ONNX_ATTR_STRING);
    size_t extra = 0;
    modellab_status status =
        mli_piper_weight_at(f, mli_onnx_input(onnx, node, 1), "of a convolution", &out->weight);
    if (status == MODELLAB_OK && mli_onnx_input(onnx, node, 2) != MLI_ONNX_NONE) {
        status =
            mli_piper_weight_at(f, mli_onnx_input(onnx, node, 2), "of a convolution", &out->bias);
    }
    if (status == MODELLAB_OK) {
        status = attribute(f, node, "strides", 1, 64, &out->stride);
    }
    if (status == MODELLAB_OK) {
        status = attribute(f, node, "dilations", 1, 4096, &out->dilation);
    }
    if (status == MODELLAB_OK) {
        status = attribute(f, node, "pads", 0, 4096, &out->pad);
    }
    if (status == MODELLAB_OK) {
        status = attribute(f, node, "output_padding", 0, 64, &extra);
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    /* packing gives the pages of a weight back: it is read once */
    if (onnx->values[mli_onnx_input(onnx, node, 1)].consumers != 1) {
        return mli_onnx_refuse(onnx, node, "its weights belong to something else too", f->err);
    }
    const mli_weight *w = &out->weight;
    if (w->rank != 3 || w->dims[2] > MLI_PIPER_MAX_TAPS || w->dims[0] > 65536 ||
        w->dims[1] > 65536 || extra != 0 ||
        (automatic != NULL && !mli_span_is(automatic->span, "NOTSET"))) {
        return mli_onnx_refuse(onnx, node, "a convolution of another kind", f->err);
    }
    out->groups = group != NULL && group->i > 0 && group->i <= 65536 ? (size_t)group->i : 1;
    out->out = transposed ? w->dims[1] : w->dims[0];
    out->in = transposed ? w->dims[0] : w->dims[1] * out->groups;
    out->taps = w->dims[2];
    if ((out->groups != 1 && (transposed || w->dims[1] != 1 || out->groups != out->out)) ||
        (out->bias.dtype != MLI_WEIGHT_NONE &&
         (out->bias.rank != 1 || out->bias.dims[0] != out->out))) {
        return mli_onnx_refuse(onnx, node, "groups or bias do not fit the weights", f->err);
    }
    f->taken[node - onnx->nodes] = true;
    return MODELLAB_OK;
}

/* The convolution whose bias (or weight, for one without) has this name. */
modellab_status mli_piper_conv_of(const mli_piper_finder *f, mli_piper_label name, uint32_t place,
                                  const char *op, mli_piper_conv *out)
{
    uint32_t value = mli_onnx_find(f->onnx, name.text);
    memset(out, 0, sizeof *out);
    if (mli_onnx_constant(f->onnx, value) == NULL) {
        return mli_piper_missing(f, name.text);
    }
    const mli_onnx_value *v = &f->onnx->values[value];
    const mli_onnx_node *node =
        v->consumers == 1 ? &f->onnx->nodes[f->onnx->uses[v->first_consumer]] : NULL;
    if (node == NULL || !mli_span_is(node->op, op) ||
        mli_onnx_input(f->onnx, node, place) != value) {
        return mli_fail(f->err, MODELLAB_E_UNSUPPORTED_MODEL,
                        "onnx: tensor %s does not belong to one %s", name.text, op);
    }
    return read_node(f, node, strcmp(op, "Conv") != 0, out);
}

/* A convolution over time that keeps the number of frames; `in` and `out` 0 = any. */
modellab_status mli_piper_conv_any(const mli_piper_finder *f, mli_piper_label name, size_t in,
                                   size_t out, mli_piper_conv *c)
{
    mli_piper_label bias = mli_piper_name("%s.bias", name.text);
    modellab_status status = mli_piper_conv_of(f, bias, 2, "Conv", c);
    if (status == MODELLAB_OK && ((in != 0 && c->in != in) || (out != 0 && c->out != out) ||
                                  c->stride != 1 || c->taps % 2 == 0 || c->groups != 1)) {
        status = mli_fail(f->err, MODELLAB_E_UNSUPPORTED_MODEL,
                          "onnx: the convolution of %s has another shape", bias.text);
    }
    return status;
}

/* The same, padded so that the number of frames stays. */
modellab_status mli_piper_conv_same(const mli_piper_finder *f, mli_piper_label name, size_t in,
                                    size_t out, mli_piper_conv *c)
{
    modellab_status status = mli_piper_conv_any(f, name, in, out, c);
    if (status == MODELLAB_OK && c->pad != (c->taps - 1) / 2 * c->dilation) {
        status = mli_fail(f->err, MODELLAB_E_UNSUPPORTED_MODEL,
                          "onnx: the convolution of %s.bias pads otherwise", name.text);
    }
    if (status == MODELLAB_OK && c->pad > MLI_PIPER_MAX_PAD) {
        status = mli_fail(f->err, MODELLAB_E_UNSUPPORTED_MODEL,
                          "onnx: the convolution of %s.bias reaches over more than %d frames",
                          name.text, MLI_PIPER_MAX_PAD);
    }
    return status;
}

modellab_status mli_piper_conv_point(const mli_piper_finder *f, mli_piper_label name, size_t in,
                                     size_t out, mli_piper_conv *c)
{
    modellab_status status = mli_piper_conv_same(f, name, in, out, c);
    if (status == MODELLAB_OK && c->taps != 1) {
        status =
            mli_fail(f->err, MODELLAB_E_UNSUPPORTED_MODEL,
                     "onnx: the convolution of %s.bias has %zu taps, not one", name.text, c->taps);
    }
    return status;
}

modellab_status mli_piper_norm_of(const mli_piper_finder *f, mli_piper_label name, size_t width,
                                  mli_piper_norm *out)
{
    modellab_status status =
        mli_piper_weight(f, mli_piper_name("%s.gamma", name.text), &out->gamma);
    if (status == MODELLAB_OK) {
        status = mli_piper_weight(f, mli_piper_name("%s.beta", name.text), &out->beta);
    }
    if (status == MODELLAB_OK && (out->gamma.rank != 1 || out->gamma.dims[0] != width ||
                                  out->beta.rank != 1 || out->beta.dims[0] != width)) {
        status =
            mli_fail(f->err, MODELLAB_E_UNSUPPORTED_MODEL, "onnx: %s has another width", name.text);
    }
    return status;
}
