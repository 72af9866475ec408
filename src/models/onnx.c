/* Reading ONNX files: the model, its graph, nodes, inputs and outputs. */
#include "models/onnx.h"
#include "base/alloc.h"
#include "base/error.h"
#include "models/onnx_private.h"
#include <string.h>

enum { MOST = 1 << 20 }; /* of anything in a list */

enum { /* fields of ModelProto */
       MODEL_IR_VERSION = 1,
       MODEL_PRODUCER = 2,
       MODEL_PRODUCER_VERSION = 3,
       MODEL_GRAPH = 7,
       MODEL_OPSET = 8,
       MODEL_FUNCTIONS = 25
};

enum { /* of GraphProto */
       GRAPH_NODE = 1,
       GRAPH_NAME = 2,
       GRAPH_INITIALIZER = 5,
       GRAPH_INPUT = 11,
       GRAPH_OUTPUT = 12,
       GRAPH_SPARSE = 15
};

enum { /* of NodeProto */
       NODE_INPUT = 1,
       NODE_OUTPUT = 2,
       NODE_NAME = 3,
       NODE_OP = 4,
       NODE_ATTRIBUTE = 5,
       NODE_DOMAIN = 7
};

/* What a graph is read with: the walker of the whole file, and the names met so far. */
typedef struct reading {
    mli_onnx *onnx;
    mli_onnx_refs refs;
} reading;

modellab_status mli_onnx_room(const modellab_allocator *alloc, void *items, mli_onnx_list *list,
                              size_t item_bytes, void **out, modellab_error *err)
{
    *out = items;
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 16 : list->capacity * 2;
        if (list->count >= MOST) {
            return mli_fail(err, MODELLAB_E_LIMIT, "onnx: more than %d nodes, names or numbers",
                            MOST);
        }
        *out = mli_realloc_array(alloc, items, capacity, item_bytes);
        if (*out == NULL) {
            return mli_no_memory(err);
        }
        list->capacity = capacity;
    }
    list->count++;
    return MODELLAB_OK;
}

modellab_status mli_onnx_go_on(const mli_onnx *onnx, modellab_error *err)
{
    return mli_cancelled(onnx->cancel) ? mli_fail(err, MODELLAB_E_CANCELLED, "cancelled")
                                       : MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status
add_ref(reading *r, mli_span name, mli_onnx_ref_kind kind, size_t index, modellab_error *err)
{
    void *items;
    modellab_status status = mli_onnx_room(r->onnx->alloc, r->refs.items, &r->refs.list,
                                           sizeof *r->refs.items, &items, err);
    if (status == MODELLAB_OK) {
        r->refs.items = items;
        r->refs.items[r->refs.list.count - 1] = (mli_onnx_ref){name, kind, (uint32_t)index};
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status add_link(reading *r, mli_span name, modellab_error *err)
{
    mli_onnx *o = r->onnx;
    void *items;
    modellab_status status =
        mli_onnx_room(o->alloc, o->links, &o->link_list, sizeof *o->links, &items, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    o->links = items;
    o->links[o->link_list.count - 1] = MLI_ONNX_NONE;
    return name.bytes > 0 ? add_ref(r, name, MLI_ONNX_REF_LINK, o->link_list.count - 1, err)
                          : MODELLAB_OK;
}

/* The next field whose number is `number`, which must be of BYTES. */
MODELLAB_MUST_CHECK static modellab_status next_message(mli_wire *w, uint32_t number,
                                                        const char *name, mli_wire_field *f,
                                                        bool *found, modellab_error *err)
{
    modellab_status status;
    do {
        status = mli_wire_next(w, f, found, err);
    } while (status == MODELLAB_OK && *found && f->number != number);
    return status == MODELLAB_OK && *found ? mli_wire_expect(w, f, MLI_WIRE_BYTES, name, err)
                                           : status;
}

/* Names of inputs, then of outputs: three walks keep each list of a node in one piece, in whatever
 * order its fields stand. */
MODELLAB_MUST_CHECK static modellab_status read_links(reading *r, mli_wire w, uint32_t number,
                                                      uint32_t *first, uint32_t *count,
                                                      modellab_error *err)
{
    mli_wire_field f;
    bool found = true;
    modellab_status status = MODELLAB_OK;
    *first = (uint32_t)r->onnx->link_list.count;
    while (status == MODELLAB_OK &&
           (status = next_message(&w, number, number == NODE_INPUT ? "input" : "output", &f, &found,
                                  err)) == MODELLAB_OK &&
           found) {
        status = add_link(r, f.span, err);
        ++*count;
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status read_attributes(reading *r, mli_wire w,
                                                           mli_onnx_node *node, modellab_error *err)
{
    mli_wire_field f;
    bool found = true;
    modellab_status status = MODELLAB_OK;
    node->first_attribute = (uint32_t)r->onnx->attribute_list.count;
    while (status == MODELLAB_OK &&
           (status = next_message(&w, NODE_ATTRIBUTE, "attribute", &f, &found, err)) ==
               MODELLAB_OK &&
           found) {
        status = mli_onnx_read_attribute(r->onnx, &w, f.span, err);
        node->attributes++;
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status read_node_names(mli_wire w, mli_onnx_node *node,
                                                           modellab_error *err)
{
    mli_wire_field f;
    bool found = true;
    modellab_status status = MODELLAB_OK;
    while (status == MODELLAB_OK && (status = mli_wire_next(&w, &f, &found, err)) == MODELLAB_OK &&
           found) {
        mli_span *name = f.number == NODE_NAME     ? &node->name
                         : f.number == NODE_OP     ? &node->op
                         : f.number == NODE_DOMAIN ? &node->domain
                                                   : NULL;
        if (name != NULL) {
            *name = f.span;
            status = mli_wire_expect(&w, &f, MLI_WIRE_BYTES, "name", err);
        }
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status read_node(reading *r, const mli_wire *w,
                                                     mli_span message, modellab_error *err)
{
    mli_onnx *o = r->onnx;
    mli_wire inner = mli_wire_of(w, message);
    mli_onnx_node node = {.offset = (size_t)(message.at - w->file)};
    void *items;
    modellab_status status = mli_onnx_go_on(o, err);
    if (status == MODELLAB_OK) {
        status = read_node_names(inner, &node, err);
    }
    if (status == MODELLAB_OK) {
        status = read_links(r, inner, NODE_INPUT, &node.first_input, &node.inputs, err);
    }
    if (status == MODELLAB_OK) {
        status = read_links(r, inner, NODE_OUTPUT, &node.first_output, &node.outputs, err);
    }
    if (status == MODELLAB_OK) {
        status = read_attributes(r, inner, &node, err);
    }
    if (status == MODELLAB_OK && node.op.bytes == 0) {
        status = mli_fail_at(err, MODELLAB_E_INVALID_MODEL, (int64_t)node.offset,
                             "onnx: the node at byte %zu has no op_type", node.offset);
    }
    if (status == MODELLAB_OK) {
        status = mli_onnx_room(o->alloc, o->nodes, &o->node_list, sizeof *o->nodes, &items, err);
    }
    if (status == MODELLAB_OK) {
        o->nodes = items;
        o->nodes[o->node_list.count - 1] = node;
    }
    return status;
}

/* Walks down `path` of message fields, the last one of each taken; empty when there is none. */
MODELLAB_MUST_CHECK static modellab_status descend(const mli_wire *w, mli_span message,
                                                   const uint32_t *path, size_t steps,
                                                   mli_span *out, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    for (size_t i = 0; status == MODELLAB_OK && i < steps; i++) {
        mli_wire inner = mli_wire_of(w, message);
        mli_wire_field f;
        bool found = true;
        message = (mli_span){NULL, 0};
        while (status == MODELLAB_OK &&
               (status = next_message(&inner, path[i], "type", &f, &found, err)) == MODELLAB_OK &&
               found) {
            message = f.span;
        }
    }
    *out = message;
    return status;
}

/* One dimension: dim_value = 1 or dim_param = 2. */
MODELLAB_MUST_CHECK static modellab_status read_dim(const mli_wire *w, mli_span message,
                                                    mli_onnx_port *port, modellab_error *err)
{
    mli_wire inner = mli_wire_of(w, message);
    mli_wire_field f;
    bool found = true;
    modellab_status status = MODELLAB_OK;
    if (port->rank >= MLI_TENSOR_MAX_RANK) {
        return mli_fail(err, MODELLAB_E_INVALID_MODEL, "onnx: a shape has more than %d dimensions",
                        MLI_TENSOR_MAX_RANK);
    }
    port->dims[port->rank].size = -1;
    while (status == MODELLAB_OK &&
           (status = mli_wire_next(&inner, &f, &found, err)) == MODELLAB_OK && found) {
        if (f.number == 1 && f.type == MLI_WIRE_VARINT && f.value <= INT32_MAX) {
            port->dims[port->rank].size = (int64_t)f.value;
        } else if (f.number == 2 && f.type == MLI_WIRE_BYTES) {
            port->dims[port->rank].name = f.span;
        } else if (f.number == 1) {
            status = mli_fail_at(err, MODELLAB_E_INVALID_MODEL, (int64_t)f.offset,
                                 "onnx: a dimension at byte %zu is not allowed", f.offset);
        }
    }
    port->rank++;
    return status;
}

/* TypeProto.Tensor: elem_type = 1, shape = 2 of dim = 1. */
MODELLAB_MUST_CHECK static modellab_status
read_tensor_type(const mli_wire *w, mli_span message, mli_onnx_port *port, modellab_error *err)
{
    mli_wire inner = mli_wire_of(w, message);
    mli_wire_field f;
    bool found = true;
    modellab_status status = MODELLAB_OK;
    while (status == MODELLAB_OK &&
           (status = mli_wire_next(&inner, &f, &found, err)) == MODELLAB_OK && found) {
        if (f.number == 1 && f.value <= INT32_MAX) {
            port->type = (int32_t)f.value;
        } else if (f.number == 2) {
            mli_wire shape = mli_wire_of(w, f.span);
            bool more = true;
            port->rank = 0;
            while (status == MODELLAB_OK &&
                   (status = next_message(&shape, 1, "dim", &f, &more, err)) == MODELLAB_OK &&
                   more) {
                status = read_dim(w, f.span, port, err);
            }
        }
    }
    return status;
}

/* ValueInfoProto: name = 1, type = 2 (tensor_type = 1). */
MODELLAB_MUST_CHECK static modellab_status
read_port(reading *r, const mli_wire *w, mli_span message, bool input, modellab_error *err)
{
    static const uint32_t to_name[] = {1}, to_type[] = {2, 1};
    mli_onnx *o = r->onnx;
    mli_onnx_port port = {.value = MLI_ONNX_NONE, .rank = -1};
    mli_onnx_list *list = input ? &o->input_list : &o->output_list;
    mli_onnx_port **ports = input ? &o->inputs : &o->outputs;
    mli_span name, type;
    void *items;
    modellab_status status = descend(w, message, to_name, 1, &name, err);
    if (status == MODELLAB_OK) {
        status = descend(w, message, to_type, 2, &type, err);
    }
    if (status == MODELLAB_OK) {
        status = read_tensor_type(w, type, &port, err);
    }
    if (status == MODELLAB_OK && name.bytes == 0) {
        status = mli_fail(err, MODELLAB_E_INVALID_MODEL, "onnx: an input or output has no name");
    }
    if (status == MODELLAB_OK) {
        status = mli_onnx_room(o->alloc, *ports, list, sizeof **ports, &items, err);
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    *ports = items;
    (*ports)[list->count - 1] = port;
    return add_ref(r, name, input ? MLI_ONNX_REF_INPUT : MLI_ONNX_REF_OUTPUT, list->count - 1, err);
}

MODELLAB_MUST_CHECK static modellab_status read_initializers(reading *r, mli_wire w,
                                                             modellab_error *err)
{
    mli_wire_field f;
    bool found = true;
    uint32_t index = 0;
    modellab_status status = MODELLAB_OK;
    while (status == MODELLAB_OK &&
           (status = next_message(&w, GRAPH_INITIALIZER, "initializer", &f, &found, err)) ==
               MODELLAB_OK &&
           found) {
        status = mli_onnx_read_tensor(r->onnx, &w, f.span, &index, err);
        if (status == MODELLAB_OK && r->onnx->tensors[index].name.bytes == 0) {
            status = mli_fail_at(err, MODELLAB_E_INVALID_MODEL, (int64_t)f.offset,
                                 "onnx: the initializer at byte %zu has no name", f.offset);
        }
        if (status == MODELLAB_OK) {
            status = add_ref(r, r->onnx->tensors[index].name, MLI_ONNX_REF_INITIALIZER, index, err);
        }
    }
    r->onnx->initializers = r->onnx->tensor_list.count;
    return status;
}

MODELLAB_MUST_CHECK static modellab_status read_graph(reading *r, const mli_wire *model,
                                                      mli_span message, modellab_error *err)
{
    mli_wire w = mli_wire_of(model, message);
    mli_wire_field f;
    bool found = true;
    modellab_status status = read_initializers(r, w, err);
    while (status == MODELLAB_OK && (status = mli_wire_next(&w, &f, &found, err)) == MODELLAB_OK &&
           found) {
        if (f.number == GRAPH_NODE) {
            status = mli_wire_expect(&w, &f, MLI_WIRE_BYTES, "node", err);
            if (status == MODELLAB_OK) {
                status = read_node(r, &w, f.span, err);
            }
        } else if (f.number == GRAPH_INPUT || f.number == GRAPH_OUTPUT) {
            status = mli_wire_expect(&w, &f, MLI_WIRE_BYTES, "input or output", err);
            if (status == MODELLAB_OK) {
                status = read_port(r, &w, f.span, f.number == GRAPH_INPUT, err);
            }
        } else if (f.number == GRAPH_NAME) {
            r->onnx->graph_name = f.span;
        } else if (f.number == GRAPH_SPARSE) {
            status = mli_fail_at(err, MODELLAB_E_UNSUPPORTED_MODEL, (int64_t)f.offset,
                                 "onnx: sparse tensors are not supported");
        }
    }
    return status;
}

/* OperatorSetIdProto: domain = 1, version = 2. */
MODELLAB_MUST_CHECK static modellab_status read_opset(mli_onnx *onnx, const mli_wire *w,
                                                      mli_span message, modellab_error *err)
{
    mli_wire inner = mli_wire_of(w, message);
    mli_wire_field f;
    bool found = true;
    mli_span domain = {NULL, 0};
    int64_t version = 0;
    modellab_status status = MODELLAB_OK;
    while (status == MODELLAB_OK &&
           (status = mli_wire_next(&inner, &f, &found, err)) == MODELLAB_OK && found) {
        if (f.number == 1) {
            domain = f.span;
        } else if (f.number == 2) {
            version = (int64_t)f.value;
        }
    }
    if (mli_span_is(domain, "") || mli_span_is(domain, "ai.onnx")) {
        onnx->opset = version;
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status read_model(reading *r, mli_wire w, mli_span *graph,
                                                      modellab_error *err)
{
    mli_wire_field f;
    bool found = true;
    modellab_status status = MODELLAB_OK;
    while (status == MODELLAB_OK && (status = mli_wire_next(&w, &f, &found, err)) == MODELLAB_OK &&
           found) {
        switch (f.number) {
        case MODEL_IR_VERSION:
            r->onnx->ir_version = (int64_t)f.value;
            break;
        case MODEL_PRODUCER:
            r->onnx->producer = f.span;
            break;
        case MODEL_PRODUCER_VERSION:
            r->onnx->producer_version = f.span;
            break;
        case MODEL_GRAPH:
            status = mli_wire_expect(&w, &f, MLI_WIRE_BYTES, "graph", err);
            *graph = f.span;
            break;
        case MODEL_OPSET:
            status = read_opset(r->onnx, &w, f.span, err);
            break;
        case MODEL_FUNCTIONS:
            return mli_fail_at(err, MODELLAB_E_UNSUPPORTED_MODEL, (int64_t)f.offset,
                               "onnx: functions are not supported");
        default:
            break;
        }
    }
    if (status == MODELLAB_OK && (graph->at == NULL || r->onnx->ir_version < 1)) {
        status = mli_fail_at(err, MODELLAB_E_INVALID_MODEL, 0,
                             "onnx: the file has no graph, or no ir_version");
    }
    return status;
}

modellab_status mli_onnx_read(mli_onnx *out, const modellab_allocator *alloc, const void *file,
                              size_t bytes, const mli_cancel_word *cancel, modellab_error *err)
{
    reading r = {.onnx = out};
    mli_wire w;
    mli_span graph = {NULL, 0};
    *out = (mli_onnx){.alloc = alloc, .file = file, .cancel = cancel};
    mli_wire_init(&w, "onnx", file, bytes);
    modellab_status status = read_model(&r, w, &graph, err);
    if (status == MODELLAB_OK) {
        status = read_graph(&r, &w, graph, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_onnx_index(out, &r.refs, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_onnx_go_on(out, err);
    }
    out->cancel = NULL;
    mli_free(alloc, r.refs.items);
    if (status != MODELLAB_OK) {
        mli_onnx_dispose(out);
    }
    return status;
}

void mli_onnx_dispose(mli_onnx *onnx)
{
    const modellab_allocator *alloc = onnx->alloc;
    for (size_t i = 0; i < onnx->tensor_list.count; i++) {
        mli_free(alloc, onnx->tensors[i].own);
    }
    void *const blocks[] = {onnx->nodes,  onnx->tensors, onnx->attributes, onnx->values,
                            onnx->inputs, onnx->outputs, onnx->links,      onnx->uses,
                            onnx->ints,   onnx->floats};
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        mli_free(alloc, blocks[i]);
    }
    *onnx = (mli_onnx){.alloc = alloc};
}
