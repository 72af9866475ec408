/* ONNX files as weights and a graph to look things up in (onnx.proto of the Open Neural Network
 * Exchange). Nothing is executed: architectures are written by hand on the kernels, and take their
 * numbers from here by the name of a tensor or by the place of a node in the graph.
 *
 * Everything points into the caller's file, which must stay. Subgraphs (If, Loop, Scan) are kept as
 * bytes; what only they use has no consumer here. Files that refer to other files, hold functions
 * or sparse tensors are refused. */
#ifndef MLI_MODELS_ONNX_H
#define MLI_MODELS_ONNX_H

#include "base/cancel.h"
#include "models/protobuf.h"
#include "models/tensors.h"

#define MLI_ONNX_NONE UINT32_MAX

typedef enum mli_onnx_type { /* TensorProto.DataType */
                             MLI_ONNX_FLOAT = 1,
                             MLI_ONNX_UINT8 = 2,
                             MLI_ONNX_INT8 = 3,
                             MLI_ONNX_UINT16 = 4,
                             MLI_ONNX_INT16 = 5,
                             MLI_ONNX_INT32 = 6,
                             MLI_ONNX_INT64 = 7,
                             MLI_ONNX_STRING = 8,
                             MLI_ONNX_BOOL = 9,
                             MLI_ONNX_FLOAT16 = 10,
                             MLI_ONNX_DOUBLE = 11,
                             MLI_ONNX_UINT32 = 12,
                             MLI_ONNX_UINT64 = 13,
                             MLI_ONNX_BFLOAT16 = 16
} mli_onnx_type;

typedef struct mli_onnx_tensor {
    mli_span name;
    mli_onnx_type type;
    int32_t rank;                     /* 0 (one value) .. 8 */
    size_t dims[MLI_TENSOR_MAX_RANK]; /* a dimension may be 0 */
    size_t elements;
    const unsigned char *data; /* little-endian, unaligned; NULL for strings */
    size_t bytes;
    unsigned char *own; /* data that stood as varints; NULL = data lie in the file */
    size_t offset;
} mli_onnx_tensor;

typedef enum mli_onnx_attribute_type { /* AttributeProto.AttributeType */
                                       MLI_ONNX_ATTR_FLOAT = 1,
                                       MLI_ONNX_ATTR_INT = 2,
                                       MLI_ONNX_ATTR_STRING = 3,
                                       MLI_ONNX_ATTR_TENSOR = 4,
                                       MLI_ONNX_ATTR_GRAPH = 5,
                                       MLI_ONNX_ATTR_FLOATS = 6,
                                       MLI_ONNX_ATTR_INTS = 7,
                                       MLI_ONNX_ATTR_OTHER = 0 /* lists of strings, tensors, graphs:
                                                                  their bytes only */
} mli_onnx_attribute_type;

typedef struct mli_onnx_attribute {
    mli_span name;
    mli_onnx_attribute_type type;
    float f;
    int64_t i;
    mli_span span;         /* STRING, GRAPH, OTHER */
    uint32_t tensor;       /* TENSOR: index into `tensors` */
    uint32_t first, count; /* INTS: of `ints`; FLOATS: of `floats` */
} mli_onnx_attribute;

typedef struct mli_onnx_node {
    mli_span name, op, domain;
    uint32_t first_input, inputs;   /* of `links`: values; MLI_ONNX_NONE = left out */
    uint32_t first_output, outputs; /* of `links` */
    uint32_t first_attribute, attributes;
    size_t offset;
} mli_onnx_node;

typedef struct mli_onnx_value {
    mli_span name;
    uint32_t producer;    /* node; MLI_ONNX_NONE = input, initializer, or of a subgraph */
    uint32_t initializer; /* tensor; of Constant nodes too; MLI_ONNX_NONE = none */
    uint32_t first_consumer, consumers; /* of `uses`: nodes, in the order of the file */
    bool is_input, is_output;
} mli_onnx_value;

typedef struct mli_onnx_port { /* an input or output of the graph */
    uint32_t value;
    int32_t type; /* mli_onnx_type; 0 = not told */
    int32_t rank; /* -1 = not told */
    struct {
        int64_t size;  /* -1 = any */
        mli_span name; /* of a size that is not fixed; may be empty */
    } dims[MLI_TENSOR_MAX_RANK];
} mli_onnx_port;

typedef struct mli_onnx_list {
    size_t count, capacity;
} mli_onnx_list;

typedef struct mli_onnx {
    const modellab_allocator *alloc; /* borrowed */
    const unsigned char *file;
    const mli_cancel_word *cancel; /* of the reading; NULL = none */
    int64_t ir_version, opset;     /* opset of the default domain */
    mli_span producer, producer_version, graph_name;
    mli_onnx_node *nodes;
    mli_onnx_tensor *tensors; /* initializers first, then tensors of attributes */
    mli_onnx_attribute *attributes;
    mli_onnx_value *values; /* sorted by name */
    mli_onnx_port *inputs, *outputs;
    uint32_t *links, *uses;
    int64_t *ints;
    float *floats;
    mli_onnx_list node_list, tensor_list, attribute_list, value_list, input_list, output_list,
        link_list, int_list, float_list;
    size_t initializers;
} mli_onnx;

/* Reads a whole file. E_INVALID_MODEL names field, node and offset; E_UNSUPPORTED_MODEL for what is
 * valid and not for us; E_CANCELLED. On failure `out` is disposed. */
MODELLAB_MUST_CHECK modellab_status mli_onnx_read(mli_onnx *out, const modellab_allocator *alloc,
                                                  const void *file, size_t bytes,
                                                  const mli_cancel_word *cancel,
                                                  modellab_error *err);
void mli_onnx_dispose(mli_onnx *onnx);
/* Whether the first bytes look like a file of this format (no more than a guess). */
bool mli_onnx_is(const void *bytes, size_t size);

static inline size_t mli_onnx_nodes(const mli_onnx *onnx)
{
    return onnx->node_list.count;
}
/* MLI_ONNX_NONE when there is none of that name. */
uint32_t mli_onnx_find(const mli_onnx *onnx, const char *name);
/* NULL when absent or of another type. */
const mli_onnx_attribute *mli_onnx_attribute_of(const mli_onnx *onnx, const mli_onnx_node *node,
                                                const char *name, mli_onnx_attribute_type type);
/* Value of input or output `index`; MLI_ONNX_NONE when left out. */
uint32_t mli_onnx_input(const mli_onnx *onnx, const mli_onnx_node *node, uint32_t index);
uint32_t mli_onnx_output(const mli_onnx *onnx, const mli_onnx_node *node, uint32_t index);
/* The tensor behind a value, also behind a Constant node; NULL = it is computed. */
const mli_onnx_tensor *mli_onnx_constant(const mli_onnx *onnx, uint32_t value);
/* As a tensor of weights (f32, f16, bf16, i8 ... with whole dimensions). `name` is borrowed and
 * becomes the weight's. E_UNSUPPORTED_MODEL names it for other types and empty tensors. */
MODELLAB_MUST_CHECK modellab_status mli_onnx_weight(const mli_onnx_tensor *tensor, const char *name,
                                                    mli_weight *out, modellab_error *err);
/* Fails with E_UNSUPPORTED_MODEL, and names the node: its own name, else its first output. */
MODELLAB_MUST_CHECK modellab_status mli_onnx_refuse(const mli_onnx *onnx, const mli_onnx_node *node,
                                                    const char *why, modellab_error *err);
/* "float", "int64" ...; "?" for others. Static. */
const char *mli_onnx_type_name(int32_t type);

#endif
