/* The writer of ONNX files for tests. */
#include "unit/models/onnx_writer.h"
#include <string.h>

static void put_varint(mli_buf *b, uint64_t value)
{
    while (value >= 128) {
        mli_buf_append_char(b, (char)(unsigned char)(value | 128));
        value >>= 7;
    }
    mli_buf_append_char(b, (char)(unsigned char)value);
}

void onnx_varint(mli_buf *b, uint32_t field, uint64_t value)
{
    put_varint(b, field << 3);
    put_varint(b, value);
}

void onnx_fixed32(mli_buf *b, uint32_t field, float value)
{
    put_varint(b, field << 3 | 5);
    mli_buf_append(b, &value, sizeof value);
}

void onnx_bytes(mli_buf *b, uint32_t field, const void *data, size_t bytes)
{
    put_varint(b, field << 3 | 2);
    put_varint(b, bytes);
    mli_buf_append(b, data, bytes);
}

void onnx_text(mli_buf *b, uint32_t field, const char *text)
{
    onnx_bytes(b, field, text, strlen(text));
}

void onnx_message(mli_buf *b, uint32_t field, mli_buf *part)
{
    onnx_bytes(b, field, mli_buf_text(part), part->size);
    mli_buf_dispose(part);
}

void onnx_tensor(mli_buf *out, const char *name, const int64_t *dims, size_t rank,
                 const float *values, size_t count)
{
    for (size_t i = 0; i < rank; i++) {
        onnx_varint(out, 1, (uint64_t)dims[i]);
    }
    onnx_varint(out, 2, 1);
    onnx_text(out, 8, name);
    onnx_bytes(out, 9, values, count * sizeof *values);
}

void onnx_node(mli_buf *out, const char *name, const char *op, const char *const inputs[3],
               const char *output)
{
    for (size_t i = 0; i < 3 && inputs[i] != NULL; i++) {
        onnx_text(out, 1, inputs[i]);
    }
    onnx_text(out, 2, output);
    onnx_text(out, 3, name);
    onnx_text(out, 4, op);
}

void onnx_port(mli_buf *out, const char *name)
{
    mli_buf fixed, any, shape, tensor, type;
    mli_buf *const parts[] = {&fixed, &any, &shape, &tensor, &type};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        mli_buf_init(parts[i], NULL);
    }
    onnx_varint(&fixed, 1, 2);
    onnx_text(&any, 2, "n");
    onnx_message(&shape, 1, &fixed);
    onnx_message(&shape, 1, &any);
    onnx_varint(&tensor, 1, 1);
    onnx_message(&tensor, 2, &shape);
    onnx_message(&type, 1, &tensor);
    onnx_text(out, 1, name);
    onnx_message(out, 2, &type);
}

/* An attribute of a type, with its content already written into `content`. */
static void attribute(mli_buf *node, const char *name, uint64_t type, mli_buf *content)
{
    mli_buf a;
    mli_buf_init(&a, NULL);
    onnx_text(&a, 1, name);
    mli_buf_append(&a, mli_buf_text(content), content->size);
    onnx_varint(&a, 20, type);
    mli_buf_dispose(content);
    onnx_message(node, 5, &a);
}

static void conv(mli_buf *graph)
{
    static const char *const inputs[] = {"x", "w", "b"};
    static const unsigned char packed[] = {1, 1};
    const float alpha[] = {0.5f, -2.0f};
    mli_buf n, part;
    mli_buf_init(&n, NULL);
    mli_buf_init(&part, NULL);
    onnx_node(&n, "conv", "Conv", inputs, "c");
    onnx_varint(&part, 3, 7);
    attribute(&n, "group", 2, &part);
    onnx_bytes(&part, 8, packed, sizeof packed);
    attribute(&n, "pads", 7, &part);
    onnx_varint(&part, 8, 3);
    onnx_varint(&part, 8, (uint64_t)-4);
    attribute(&n, "dilations", 7, &part);
    onnx_bytes(&part, 7, alpha, sizeof alpha);
    attribute(&n, "alphas", 6, &part);
    onnx_fixed32(&part, 2, 0.25f);
    attribute(&n, "alpha", 1, &part);
    onnx_text(&part, 4, "SAME_UPPER");
    attribute(&n, "auto_pad", 3, &part);
    onnx_message(graph, 1, &n);
}

/* A Constant of int64 values that stand as varints. */
static void constant(mli_buf *graph)
{
    static const char *const none[] = {NULL, NULL, NULL};
    static const unsigned char packed[] = {5, 172, 2}; /* 5, 300 */
    mli_buf n, t, part;
    mli_buf_init(&n, NULL);
    mli_buf_init(&t, NULL);
    mli_buf_init(&part, NULL);
    onnx_node(&n, "", "Constant", none, "k");
    onnx_varint(&t, 1, 2);
    onnx_varint(&t, 2, 7);
    onnx_bytes(&t, 7, packed, sizeof packed);
    onnx_message(&part, 5, &t);
    attribute(&n, "value", 4, &part);
    onnx_message(graph, 1, &n);
}

static void branches(mli_buf *graph)
{
    static const char *const inputs[] = {"r", "", "k"};
    mli_buf n, part, inner;
    mli_buf_init(&n, NULL);
    mli_buf_init(&part, NULL);
    mli_buf_init(&inner, NULL);
    onnx_node(&n, "branch", "If", inputs, "y");
    onnx_text(&inner, 2, "inside");
    onnx_message(&part, 6, &inner);
    attribute(&n, "then_branch", 5, &part);
    onnx_message(graph, 1, &n);
}

void onnx_small_graph(mli_buf *graph)
{
    static const int64_t w_dims[] = {2, 3}, b_dims[] = {2};
    static const float w[] = {1, 2, 3, 4, 5, 6}, b[] = {-1, 0.5f};
    static const char *const relu[] = {"c", NULL, NULL};
    mli_buf part;
    mli_buf_init(&part, NULL);
    conv(graph); /* nodes before what they read: the order of fields is free */
    onnx_node(&part, "relu", "Relu", relu, "r");
    onnx_message(graph, 1, &part);
    constant(graph);
    branches(graph);
    onnx_text(graph, 2, "small");
    onnx_tensor(&part, "w", w_dims, 2, w, 6);
    onnx_message(graph, 5, &part);
    onnx_varint(&part, 1, (uint64_t)b_dims[0]); /* the same without raw_data */
    onnx_varint(&part, 2, 1);
    onnx_fixed32(&part, 4, b[0]);
    onnx_fixed32(&part, 4, b[1]);
    onnx_text(&part, 8, "b");
    onnx_message(graph, 5, &part);
    onnx_port(&part, "x");
    onnx_message(graph, 11, &part);
    onnx_port(&part, "y");
    onnx_message(graph, 12, &part);
}

void onnx_file(mli_buf *out, mli_buf *graph)
{
    mli_buf opset;
    mli_buf_init(&opset, NULL);
    onnx_varint(out, 1, 8);
    onnx_text(out, 2, "test");
    onnx_message(out, 7, graph);
    onnx_text(&opset, 1, "");
    onnx_varint(&opset, 2, 15);
    onnx_message(out, 8, &opset);
}
