/* Who makes a value of an ONNX graph, and who reads it. */
#include "base/alloc.h"
#include "base/error.h"
#include "models/onnx_private.h"
#include <stdlib.h>
#include <string.h>

static int by_name(const void *a, const void *b)
{
    return mli_span_compare(((const mli_onnx_ref *)a)->name, ((const mli_onnx_ref *)b)->name);
}

MODELLAB_MUST_CHECK static modellab_status bad(mli_span name, const char *what, modellab_error *err)
{
    char text[81];
    mli_span_text(name, text);
    return mli_fail(err, MODELLAB_E_INVALID_MODEL, "onnx: value %s %s", text, what);
}

MODELLAB_MUST_CHECK static modellab_status give(mli_onnx *onnx, const mli_onnx_ref *ref,
                                                uint32_t value, modellab_error *err)
{
    mli_onnx_value *v = &onnx->values[value];
    switch (ref->kind) {
    case MLI_ONNX_REF_LINK:
        onnx->links[ref->index] = value;
        return MODELLAB_OK;
    case MLI_ONNX_REF_INITIALIZER:
        if (v->initializer != MLI_ONNX_NONE) {
            return bad(v->name, "has two initializers", err);
        }
        v->initializer = ref->index;
        return MODELLAB_OK;
    case MLI_ONNX_REF_INPUT:
        if (v->is_input) {
            return bad(v->name, "is an input twice", err);
        }
        v->is_input = true;
        onnx->inputs[ref->index].value = value;
        return MODELLAB_OK;
    default:
        v->is_output = true;
        onnx->outputs[ref->index].value = value;
        return MODELLAB_OK;
    }
}

/* Names become values, in the order of the alphabet, so that they are found by bisection. */
MODELLAB_MUST_CHECK static modellab_status make_values(mli_onnx *onnx, mli_onnx_refs *refs,
                                                       modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    if (refs->list.count > 1) {
        qsort(refs->items, refs->list.count, sizeof *refs->items, by_name);
    }
    for (size_t i = 0; status == MODELLAB_OK && i < refs->list.count; i++) {
        const mli_onnx_ref *ref = &refs->items[i];
        if (i == 0 || mli_span_compare(ref->name, refs->items[i - 1].name) != 0) {
            void *items;
            status = mli_onnx_room(onnx->alloc, onnx->values, &onnx->value_list,
                                   sizeof *onnx->values, &items, err);
            if (status != MODELLAB_OK) {
                return status;
            }
            onnx->values = items;
            onnx->values[onnx->value_list.count - 1] = (mli_onnx_value){
                .name = ref->name, .producer = MLI_ONNX_NONE, .initializer = MLI_ONNX_NONE};
        }
        status = give(onnx, ref, (uint32_t)(onnx->value_list.count - 1), err);
    }
    return status;
}

/* The tensor of a Constant node belongs to its value. */
static void take_constant(mli_onnx *onnx, const mli_onnx_node *n, mli_onnx_value *v)
{
    const mli_onnx_attribute *a =
        mli_span_is(n->op, "Constant")
            ? mli_onnx_attribute_of(onnx, n, "value", MLI_ONNX_ATTR_TENSOR)
            : NULL;
    if (a != NULL) {
        v->initializer = a->tensor;
    }
}

/* Nodes stand in an order in which each reads what was made before it. */
MODELLAB_MUST_CHECK static modellab_status check_order(mli_onnx *onnx, size_t *uses,
                                                       modellab_error *err)
{
    *uses = 0;
    for (uint32_t i = 0; i < onnx->node_list.count; i++) {
        const mli_onnx_node *n = &onnx->nodes[i];
        for (uint32_t k = 0; k < n->inputs; k++) {
            uint32_t value = mli_onnx_input(onnx, n, k);
            mli_onnx_value *v = value != MLI_ONNX_NONE ? &onnx->values[value] : NULL;
            if (v == NULL) {
                continue;
            }
            if (!v->is_input && v->initializer == MLI_ONNX_NONE && v->producer == MLI_ONNX_NONE) {
                return bad(v->name, "is read before it is made", err);
            }
            v->consumers++;
            ++*uses;
        }
        for (uint32_t k = 0; k < n->outputs; k++) {
            uint32_t value = mli_onnx_output(onnx, n, k);
            mli_onnx_value *v = value != MLI_ONNX_NONE ? &onnx->values[value] : NULL;
            if (v == NULL) {
                continue;
            }
            if (v->is_input || v->initializer != MLI_ONNX_NONE || v->producer != MLI_ONNX_NONE) {
                return bad(v->name, "is made twice", err);
            }
            v->producer = i;
            take_constant(onnx, n, v);
        }
    }
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status list_uses(mli_onnx *onnx, size_t uses,
                                                     modellab_error *err)
{
    uint32_t first = 0;
    onnx->uses = mli_alloc_array(onnx->alloc, uses > 0 ? uses : 1, sizeof *onnx->uses);
    if (onnx->uses == NULL) {
        return mli_no_memory(err);
    }
    for (size_t i = 0; i < onnx->value_list.count; i++) {
        mli_onnx_value *v = &onnx->values[i];
        v->first_consumer = first;
        first += v->consumers;
        v->consumers = 0;
    }
    for (uint32_t i = 0; i < onnx->node_list.count; i++) {
        const mli_onnx_node *n = &onnx->nodes[i];
        for (uint32_t k = 0; k < n->inputs; k++) {
            uint32_t value = mli_onnx_input(onnx, n, k);
            if (value != MLI_ONNX_NONE) {
                mli_onnx_value *v = &onnx->values[value];
                onnx->uses[v->first_consumer + v->consumers++] = i;
            }
        }
    }
    return MODELLAB_OK;
}

modellab_status mli_onnx_index(mli_onnx *onnx, mli_onnx_refs *refs, modellab_error *err)
{
    size_t uses = 0;
    modellab_status status = make_values(onnx, refs, err);
    if (status == MODELLAB_OK) {
        status = check_order(onnx, &uses, err);
    }
    for (size_t i = 0; status == MODELLAB_OK && i < onnx->output_list.count; i++) {
        const mli_onnx_value *v = &onnx->values[onnx->outputs[i].value];
        if (!v->is_input && v->initializer == MLI_ONNX_NONE && v->producer == MLI_ONNX_NONE) {
            status = bad(v->name, "is an output that nothing makes", err);
        }
    }
    return status == MODELLAB_OK ? list_uses(onnx, uses, err) : status;
}

uint32_t mli_onnx_find(const mli_onnx *onnx, const char *name)
{
    mli_span key = {(const unsigned char *)name, strlen(name)};
    size_t low = 0, high = onnx->value_list.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = mli_span_compare(onnx->values[middle].name, key);
        if (order == 0) {
            return (uint32_t)middle;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return MLI_ONNX_NONE;
}
