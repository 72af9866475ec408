/* Telling what a weight file holds. */
#include "models/inspect.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "models/ge2e.h"
#include "models/onnx.h"
#include "models/torch.h"
#include "models/whisper_formats.h"
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Initializers that tell an architecture: a loader checks the rest. */
static const struct architecture {
    const char *name;
    const char *needs[4];
} architectures[] = {
    {"silero-vad",
     {"model.stft.forward_basis_buffer", "model.encoder.0.reparam_conv.weight",
      "model.decoder.rnn.weight_ih", "model.decoder.decoder.2.weight"}},
    {"piper-vits",
     {"enc_p.proj.weight", "dp.pre.weight", "flow.flows.0.pre.weight", "dec.conv_pre.weight"}},
};

static const char *architecture_of(const mli_onnx *onnx)
{
    for (size_t i = 0; i < COUNT(architectures); i++) {
        size_t found = 0;
        while (found < COUNT(architectures[i].needs) &&
               mli_onnx_constant(onnx, mli_onnx_find(onnx, architectures[i].needs[found])) !=
                   NULL) {
            found++;
        }
        if (found == COUNT(architectures[i].needs)) {
            return architectures[i].name;
        }
    }
    return NULL;
}

enum { NAME_MOST = 256 }; /* longer names are cut; control characters become '?' */

static void put_name(mli_jw *w, mli_span span)
{
    char text[NAME_MOST];
    size_t bytes = span.bytes < sizeof text ? span.bytes : sizeof text;
    for (size_t i = 0; i < bytes; i++) {
        bool c1 = span.at[i] >= 0x80 && span.at[i] < 0xa0 && i > 0 && span.at[i - 1] == 0xc2;
        text[i] = span.at[i] < ' ' || span.at[i] == 0x7f || c1 ? '?' : (char)span.at[i];
    }
    mli_jw_string_n(w, text, bytes);
}

static void put_span(mli_jw *w, const char *key, mli_span span)
{
    mli_jw_key(w, key);
    put_name(w, span);
}

static void put_weight(mli_jw *w, mli_span name, const char *type, int32_t rank, const size_t *dims)
{
    mli_jw_object(w);
    put_span(w, "name", name);
    mli_jw_kstring(w, "type", type);
    mli_jw_key(w, "shape");
    mli_jw_array(w);
    for (int32_t i = 0; i < rank; i++) {
        mli_jw_int(w, (int64_t)dims[i]);
    }
    mli_jw_end_array(w);
    mli_jw_end_object(w);
}

static void put_ports(mli_jw *w, const char *key, const mli_onnx *onnx, const mli_onnx_port *ports,
                      size_t count)
{
    mli_jw_key(w, key);
    mli_jw_array(w);
    for (size_t i = 0; i < count; i++) {
        const mli_onnx_port *p = &ports[i];
        mli_jw_object(w);
        put_span(w, "name", onnx->values[p->value].name);
        mli_jw_kstring(w, "type", mli_onnx_type_name(p->type));
        mli_jw_key(w, "shape");
        if (p->rank < 0) {
            mli_jw_null(w);
        } else {
            mli_jw_array(w);
            for (int32_t d = 0; d < p->rank; d++) {
                if (p->dims[d].size >= 0) {
                    mli_jw_int(w, p->dims[d].size);
                } else {
                    put_name(w, p->dims[d].name);
                }
            }
            mli_jw_end_array(w);
        }
        mli_jw_end_object(w);
    }
    mli_jw_end_array(w);
}

typedef struct op_count {
    mli_span op;
    int64_t count;
} op_count;

static int by_count(const void *a, const void *b)
{
    const op_count *x = a, *y = b;
    if (x->count != y->count) {
        return x->count < y->count ? 1 : -1;
    }
    return mli_span_compare(x->op, y->op);
}

static int by_op(const void *a, const void *b)
{
    return mli_span_compare(((const op_count *)a)->op, ((const op_count *)b)->op);
}

/* How often each op stands there, the most frequent first. */
MODELLAB_MUST_CHECK static modellab_status put_ops(mli_jw *w, const mli_onnx *onnx,
                                                   modellab_error *err)
{
    size_t nodes = mli_onnx_nodes(onnx), kinds = 0;
    op_count *ops = mli_alloc_array(onnx->alloc, nodes > 0 ? nodes : 1, sizeof *ops);
    if (ops == NULL) {
        return mli_no_memory(err);
    }
    for (size_t i = 0; i < nodes; i++) {
        ops[i] = (op_count){onnx->nodes[i].op, 1};
    }
    if (nodes > 1) {
        qsort(ops, nodes, sizeof *ops, by_op);
    }
    for (size_t i = 0; i < nodes; i++) {
        if (kinds > 0 && by_op(&ops[kinds - 1], &ops[i]) == 0) {
            ops[kinds - 1].count++;
        } else {
            ops[kinds++] = ops[i];
        }
    }
    if (kinds > 1) {
        qsort(ops, kinds, sizeof *ops, by_count);
    }
    mli_jw_key(w, "ops");
    mli_jw_array(w);
    for (size_t i = 0; i < kinds; i++) {
        mli_jw_object(w);
        put_span(w, "op", ops[i].op);
        mli_jw_kint(w, "count", ops[i].count);
        mli_jw_end_object(w);
    }
    mli_jw_end_array(w);
    mli_free(onnx->alloc, ops);
    return MODELLAB_OK;
}

static void put_onnx_weights(mli_jw *w, const mli_onnx *onnx)
{
    int64_t parameters = 0;
    mli_jw_key(w, "weights");
    mli_jw_array(w);
    for (size_t i = 0; i < onnx->initializers; i++) {
        const mli_onnx_tensor *t = &onnx->tensors[i];
        put_weight(w, t->name, mli_onnx_type_name((int32_t)t->type), t->rank, t->dims);
        parameters += (int64_t)t->elements;
    }
    mli_jw_end_array(w);
    mli_jw_kint(w, "parameters", parameters);
}

MODELLAB_MUST_CHECK static modellab_status inspect_onnx(const modellab_allocator *alloc,
                                                        const void *file, size_t bytes,
                                                        const mli_cancel_word *cancel, mli_jw *w,
                                                        modellab_error *err)
{
    mli_onnx onnx;
    modellab_status status = mli_onnx_read(&onnx, alloc, file, bytes, cancel, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    const char *architecture = architecture_of(&onnx);
    mli_jw_object(w);
    mli_jw_kstring(w, "format", "onnx");
    mli_jw_kstring(w, "architecture", architecture);
    mli_jw_kint(w, "ir_version", onnx.ir_version);
    mli_jw_kint(w, "opset", onnx.opset);
    put_span(w, "producer", onnx.producer);
    put_ports(w, "inputs", &onnx, onnx.inputs, onnx.input_list.count);
    put_ports(w, "outputs", &onnx, onnx.outputs, onnx.output_list.count);
    mli_jw_kint(w, "nodes", (int64_t)mli_onnx_nodes(&onnx));
    status = put_ops(w, &onnx, err);
    put_onnx_weights(w, &onnx);
    mli_jw_end_object(w);
    mli_onnx_dispose(&onnx);
    return status;
}

static void put_tensors(mli_jw *w, const char *format, const char *architecture,
                        const mli_tensors *list)
{
    int64_t parameters = 0;
    mli_jw_object(w);
    mli_jw_kstring(w, "format", format);
    mli_jw_kstring(w, "architecture", architecture);
    mli_jw_key(w, "weights");
    mli_jw_array(w);
    for (size_t i = 0; i < list->count; i++) {
        const mli_weight *t = &list->items[i];
        mli_span name = {(const unsigned char *)t->name, strlen(t->name)};
        put_weight(w, name, mli_weight_dtype_name(t->dtype), t->rank, t->dims);
        parameters += (int64_t)mli_weight_elements(t);
    }
    mli_jw_end_array(w);
    mli_jw_kint(w, "parameters", parameters);
    mli_jw_end_object(w);
}

/* Tensors of a safetensors file of any architecture, under their own names. */
MODELLAB_MUST_CHECK static modellab_status inspect_safetensors(const modellab_allocator *alloc,
                                                               const void *file, size_t bytes,
                                                               mli_jw *w, modellab_error *err)
{
    mli_tensors list;
    mli_tensors_init(&list, alloc);
    modellab_status status = mli_safetensors_list(&list, file, bytes, err);
    if (status == MODELLAB_OK) {
        status = mli_tensors_sort(&list, err);
    }
    if (status == MODELLAB_OK) {
        put_tensors(w, "safetensors", NULL, &list);
    }
    mli_tensors_dispose(&list);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status inspect_whisper(const modellab_allocator *alloc,
                                                           const void *file, size_t bytes,
                                                           mli_jw *w, modellab_error *err)
{
    mli_whisper_weights weights;
    modellab_status status = mli_whisper_weights_read(&weights, alloc, file, bytes, NULL, 0, err);
    if (status == MODELLAB_OK) {
        put_tensors(w,
                    weights.format == MLI_FORMAT_CT2 ? "ctranslate2"
                                                     : mli_weight_format_name(weights.format),
                    "whisper", &weights.tensors);
        mli_whisper_weights_dispose(&weights);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status inspect_torch(const modellab_allocator *alloc,
                                                         const void *file, size_t bytes,
                                                         const mli_cancel_word *cancel, mli_jw *w,
                                                         modellab_error *err)
{
    mli_tensors list;
    mli_tensors_init(&list, alloc);
    modellab_status status = mli_torch_read(&list, file, bytes, cancel, err);
    if (status == MODELLAB_OK) {
        status = mli_tensors_sort(&list, err);
    }
    if (status == MODELLAB_OK) {
        put_tensors(w, "torch", mli_ge2e_is(&list) ? "ge2e" : NULL, &list);
    }
    mli_tensors_dispose(&list);
    return status;
}

modellab_status mli_inspect_head(const void *head, size_t bytes, modellab_error *err)
{
    if (mli_onnx_is(head, bytes) || mli_torch_is(head, bytes) ||
        mli_weight_format_of(head, bytes) != MLI_FORMAT_UNKNOWN) {
        return MODELLAB_OK;
    }
    return mli_fail_at(err, MODELLAB_E_INVALID_MODEL, 0,
                       "the first bytes are of no weight format that is known (ONNX, CTranslate2, "
                       "ggml, safetensors, torch)");
}

modellab_status mli_inspect(const modellab_allocator *alloc, const void *file, size_t bytes,
                            const mli_cancel_word *cancel, mli_buf *json, modellab_error *err)
{
    mli_jw w;
    modellab_status status = mli_inspect_head(file, bytes, err);
    mli_jw_init(&w, json);
    if (status != MODELLAB_OK) {
        return status;
    }
    if (mli_onnx_is(file, bytes)) {
        status = inspect_onnx(alloc, file, bytes, cancel, &w, err);
    } else if (mli_torch_is(file, bytes)) {
        status = inspect_torch(alloc, file, bytes, cancel, &w, err);
    } else {
        status = inspect_whisper(alloc, file, bytes, &w, err);
        if (status != MODELLAB_OK && status != MODELLAB_E_NO_MEMORY &&
            mli_weight_format_of(file, bytes) == MLI_FORMAT_SAFETENSORS) {
            mli_error_clear(err);
            status = inspect_safetensors(alloc, file, bytes, &w, err);
        }
    }
    return status == MODELLAB_OK ? mli_buf_status(json, err) : status;
}
