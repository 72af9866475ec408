/* Fuzz target: the reader of ONNX files and the description of weight files. All that was read is
 * touched: names, numbers, links. */
#include "base/json.h"
#include "models/inspect.h"
#include "models/onnx.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static volatile unsigned sink;

static void touch(const void *data, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        sink += ((const unsigned char *)data)[i];
    }
}

static void read_all(const mli_onnx *o)
{
    for (size_t i = 0; i < o->tensor_list.count; i++) {
        if (o->tensors[i].data != NULL) {
            touch(o->tensors[i].data, o->tensors[i].bytes);
        }
        touch(o->tensors[i].name.at, o->tensors[i].name.bytes);
    }
    for (size_t i = 0; i < mli_onnx_nodes(o); i++) {
        const mli_onnx_node *n = &o->nodes[i];
        for (uint32_t k = 0; k < n->inputs; k++) {
            uint32_t v = mli_onnx_input(o, n, k);
            if (v != MLI_ONNX_NONE) {
                touch(o->values[v].name.at, o->values[v].name.bytes);
            }
        }
        for (uint32_t k = 0; k < n->attributes; k++) {
            const mli_onnx_attribute *a = &o->attributes[n->first_attribute + k];
            touch(a->span.at, a->span.bytes);
            if (a->type == MLI_ONNX_ATTR_INTS) {
                touch(o->ints + a->first, a->count * sizeof *o->ints);
            } else if (a->type == MLI_ONNX_ATTR_FLOATS) {
                touch(o->floats + a->first, a->count * sizeof *o->floats);
            } else if (a->type == MLI_ONNX_ATTR_TENSOR && a->tensor >= o->tensor_list.count) {
                abort();
            }
        }
    }
    for (size_t i = 0; i < o->value_list.count; i++) {
        const mli_onnx_value *v = &o->values[i];
        touch(o->uses + v->first_consumer, v->consumers * sizeof *o->uses);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    mli_onnx o;
    mli_buf json;
    mli_json *root = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_buf_init(&json, NULL);
    if (mli_onnx_read(&o, NULL, data, bytes, NULL, &err) == MODELLAB_OK) {
        read_all(&o);
        mli_onnx_dispose(&o);
    } else if (err.message[0] == '\0') {
        abort(); /* a refusal without words */
    }
    /* Whatever names a file has, its description is JSON. */
    if (mli_inspect(NULL, data, bytes, NULL, &json, NULL) == MODELLAB_OK) {
        if (mli_json_parse(json.data, json.size, json.size, &root, NULL) != MODELLAB_OK) {
            abort();
        }
        mli_json_free(root);
    }
    mli_buf_dispose(&json);
    return 0;
}
