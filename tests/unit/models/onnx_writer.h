/* Writes ONNX files for tests: fields of protocol buffers, and a small model that has one of
 * everything the reader knows. */
#ifndef TESTS_UNIT_MODELS_ONNX_WRITER_H
#define TESTS_UNIT_MODELS_ONNX_WRITER_H

#include "base/buf.h"

void onnx_varint(mli_buf *b, uint32_t field, uint64_t value);
void onnx_fixed32(mli_buf *b, uint32_t field, float value);
void onnx_bytes(mli_buf *b, uint32_t field, const void *data, size_t bytes);
void onnx_text(mli_buf *b, uint32_t field, const char *text);
/* Appends `part` as a message field, and empties it. */
void onnx_message(mli_buf *b, uint32_t field, mli_buf *part);

/* A graph: x [2, n] -> Conv(x, w, b) -> Relu -> y; a Constant that is added; attributes of every
 * type; tensors raw, packed, and one number a field; an If with subgraphs. */
void onnx_small_graph(mli_buf *graph);
/* A tensor (TensorProto) of `count` floats in raw_data. */
void onnx_tensor(mli_buf *out, const char *name, const int64_t *dims, size_t rank,
                 const float *values, size_t count);
/* op with up to three inputs ("" = left out, NULL = none) and one output. */
void onnx_node(mli_buf *out, const char *name, const char *op, const char *const inputs[3],
               const char *output);
/* An input or output of float [2, "n"]. */
void onnx_port(mli_buf *out, const char *name);
/* The whole file of a graph, which is emptied. */
void onnx_file(mli_buf *out, mli_buf *graph);

#endif
