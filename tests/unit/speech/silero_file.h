/* A made-up ONNX file with the graph of Silero's detector, as far as the reader looks at it. */
#ifndef TESTS_UNIT_SPEECH_SILERO_FILE_H
#define TESTS_UNIT_SPEECH_SILERO_FILE_H

#include "base/random.h"
#include "unit/models/onnx_writer.h"
#include <math.h>

typedef struct silero_plan {  /* what is wrong with the file; zeros = nothing */
    int64_t stride_of_second; /* 0 = 2 */
    const char *pad_mode;     /* NULL = "reflect"; "" = no such node */
    const char *left_out;     /* a tensor */
    bool other_shape;         /* of the LSTM's input weights */
} silero_plan;

static const struct silero_tensor {
    const char *name;
    int64_t dims[3];
    size_t rank;
    int64_t stride, pad;
} silero_tensors[] = {
    {"model.stft.forward_basis_buffer", {258, 1, 256}, 3, 128, 0},
    {"model.encoder.0.reparam_conv.weight", {128, 129, 3}, 3, 1, 1},
    {"model.encoder.0.reparam_conv.bias", {128}, 1, 0, 0},
    {"model.encoder.1.reparam_conv.weight", {64, 128, 3}, 3, 2, 1},
    {"model.encoder.1.reparam_conv.bias", {64}, 1, 0, 0},
    {"model.encoder.2.reparam_conv.weight", {64, 64, 3}, 3, 2, 1},
    {"model.encoder.2.reparam_conv.bias", {64}, 1, 0, 0},
    {"model.encoder.3.reparam_conv.weight", {128, 64, 3}, 3, 1, 1},
    {"model.encoder.3.reparam_conv.bias", {128}, 1, 0, 0},
    {"model.decoder.rnn.weight_ih", {512, 128}, 2, 0, 0},
    {"model.decoder.rnn.weight_hh", {512, 128}, 2, 0, 0},
    {"model.decoder.rnn.bias_ih", {512}, 1, 0, 0},
    {"model.decoder.rnn.bias_hh", {512}, 1, 0, 0},
    {"model.decoder.decoder.2.weight", {1, 128, 1}, 3, 1, 0},
    {"model.decoder.decoder.2.bias", {1}, 1, 0, 0},
};
enum { SILERO_TENSORS = sizeof silero_tensors / sizeof silero_tensors[0] };

static inline size_t silero_count(const struct silero_tensor *t)
{
    size_t count = 1;
    for (size_t i = 0; i < t->rank; i++) {
        count *= (size_t)t->dims[i];
    }
    return count;
}

static inline void silero_ints(mli_buf *node, const char *name, int64_t value, size_t count)
{
    mli_buf a;
    mli_buf_init(&a, NULL);
    onnx_text(&a, 1, name);
    for (size_t i = 0; i < count; i++) {
        onnx_varint(&a, 8, (uint64_t)value);
    }
    onnx_varint(&a, 20, 7);
    onnx_message(node, 5, &a);
}

static inline void silero_conv(mli_buf *graph, const struct silero_tensor *t, int64_t stride)
{
    const char *const inputs[] = {"input", t->name, NULL};
    char output[64];
    mli_buf n;
    mli_buf_init(&n, NULL);
    (void)snprintf(output, sizeof output, "%s.out", t->name);
    onnx_node(&n, output, "Conv", inputs, output);
    silero_ints(&n, "strides", stride, 1);
    silero_ints(&n, "pads", t->pad, 2);
    silero_ints(&n, "dilations", 1, 1);
    onnx_message(graph, 1, &n);
}

static inline void silero_pad(mli_buf *graph, const char *mode)
{
    static const char *const inputs[] = {"input", NULL, NULL};
    mli_buf n, a;
    mli_buf_init(&n, NULL);
    mli_buf_init(&a, NULL);
    onnx_node(&n, "pad", "Pad", inputs, "padded");
    onnx_text(&a, 1, "mode");
    onnx_text(&a, 4, mode);
    onnx_varint(&a, 20, 3);
    onnx_message(&n, 5, &a);
    onnx_message(graph, 1, &n);
}

/* Writes the file; values[i] (new, free) are the numbers of tensor i, small enough that nothing
 * saturates. */
static inline void silero_file(mli_buf *file, const silero_plan *plan,
                               float *values[SILERO_TENSORS])
{
    mli_buf graph, part;
    uint64_t seed = 1;
    mli_buf_init(file, NULL);
    mli_buf_init(&graph, NULL);
    mli_buf_init(&part, NULL);
    for (size_t i = 0; i < SILERO_TENSORS; i++) {
        const struct silero_tensor *t = &silero_tensors[i];
        size_t count = silero_count(t), inputs = t->rank > 1 ? count / (size_t)t->dims[0] : 1;
        int64_t dims[3] = {t->dims[0], t->dims[1], t->dims[2]};
        values[i] = malloc(count * sizeof(float));
        assert_non_null(values[i]);
        for (size_t k = 0; k < count; k++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            double unit = (double)(seed >> 11) / 9007199254740992.0 - 0.5;
            values[i][k] = (float)(unit * (t->rank > 1 ? 8 / sqrt((double)inputs) : 0.5));
        }
        if (plan->left_out != NULL && strcmp(plan->left_out, t->name) == 0) {
            continue;
        }
        if (plan->other_shape && i == 9) {
            dims[0] = 128;
            dims[1] = 512;
        }
        onnx_tensor(&part, t->name, dims, t->rank, values[i], count);
        onnx_message(&graph, 5, &part);
        if (t->stride != 0) {
            silero_conv(&graph, t,
                        i == 3 && plan->stride_of_second != 0 ? plan->stride_of_second : t->stride);
        }
    }
    if (plan->pad_mode == NULL || plan->pad_mode[0] != '\0') {
        silero_pad(&graph, plan->pad_mode != NULL ? plan->pad_mode : "reflect");
    }
    onnx_port(&part, "input");
    onnx_message(&graph, 11, &part);
    onnx_file(file, &graph);
}

#endif
