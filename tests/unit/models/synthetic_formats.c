/* The synthetic model as files. Written from the descriptions of the formats, apart from the
 * readers. */
#include "models/half.h"
#include "synthetic.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put(mli_buf *out, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) {
        mli_buf_append_char(out, (char)(unsigned char)(value >> 8 * i));
    }
}

static void put_f32(mli_buf *out, float value)
{
    put(out, mli_bits_of_f32(value), 4);
}

static size_t product(int rank, const size_t *dims)
{
    size_t n = 1;
    for (int i = 0; i < rank; i++) {
        n *= dims[i];
    }
    return n;
}

static void put_q(mli_buf *out, const float *x, mli_weight_dtype type)
{
    float largest = 0.0f;
    for (int i = 0; i < 32; i++) {
        largest = fabsf(x[i]) > fabsf(largest) ? x[i] : largest;
    }
    if (type == MLI_WEIGHT_Q8_0) {
        float d = fabsf(largest) / 127.0f;
        put(out, mli_f16_of_f32(d), 2);
        for (int i = 0; i < 32; i++) {
            put(out, (uint8_t)(int8_t)(d > 0 ? lrintf(x[i] / d) : 0), 1);
        }
        return;
    }
    float d = largest / -16.0f; /* q5_0 */
    int q[32];
    uint32_t high = 0;
    for (int i = 0; i < 32; i++) {
        long v = d != 0.0f ? lrintf(x[i] / d) + 16 : 16;
        q[i] = (int)(v > 31 ? 31 : v < 0 ? 0 : v);
        high |= (uint32_t)(q[i] >> 4) << i;
    }
    put(out, mli_f16_of_f32(d), 2);
    put(out, high, 4);
    for (int i = 0; i < 16; i++) {
        put(out, (unsigned)((q[i] & 15) | (q[i + 16] & 15) << 4), 1);
    }
}

static void put_data(mli_buf *out, const float *x, size_t n, mli_weight_dtype type)
{
    for (size_t i = 0; i < n; i++) {
        if (type == MLI_WEIGHT_F32) {
            put_f32(out, x[i]);
        } else if (type == MLI_WEIGHT_F16) {
            put(out, mli_f16_of_f32(x[i]), 2);
        } else if (i % 32 == 0) {
            put_q(out, x + i, type);
        }
    }
}

/* --- ggml --- */

typedef struct sink {
    mli_buf *out;
    mli_weight_dtype type;
    mli_buf *data; /* safetensors: the data behind the header */
    uint32_t count;
} sink;

static uint32_t ggml_code(mli_weight_dtype type)
{
    return type == MLI_WEIGHT_F32    ? 0
           : type == MLI_WEIGHT_F16  ? 1
           : type == MLI_WEIGHT_Q5_0 ? 6
                                     : 8;
}

static void ggml_tensor(void *user, const char *name, int rank, const size_t *dims)
{
    sink *s = user;
    size_t n = product(rank, dims);
    bool conv_bias = strstr(name, "conv") != NULL && rank == 1;
    bool positions = strstr(name, "positional") != NULL;
    mli_weight_dtype type = s->type;
    if (rank == 1 || positions) {
        type = MLI_WEIGHT_F32;
    } else if (rank == 3 && type != MLI_WEIGHT_F32) {
        type = MLI_WEIGHT_F16;
    }
    put(s->out, (unsigned)(conv_bias ? 2 : rank), 4);
    put(s->out, strlen(name), 4);
    put(s->out, ggml_code(type), 4);
    if (conv_bias) {
        put(s->out, 1, 4);
    }
    for (int i = rank - 1; i >= 0; i--) {
        put(s->out, dims[i], 4);
    }
    mli_buf_append_text(s->out, name);
    float *values = malloc(n * sizeof *values);
    synthetic_values(name, n, values);
    put_data(s->out, values, n, type);
    free(values);
}

void synthetic_ggml(const synthetic_shape *shape, mli_weight_dtype type, mli_buf *out)
{
    const int fields[] = {shape->n_vocab,
                          shape->n_audio_ctx,
                          shape->state,
                          shape->heads,
                          shape->layers,
                          shape->n_text_ctx,
                          shape->state,
                          shape->heads,
                          shape->layers,
                          shape->n_mels,
                          type == MLI_WEIGHT_Q5_0   ? 2008
                          : type == MLI_WEIGHT_Q8_0 ? 2007
                                                    : (int)ggml_code(type)};
    sink s = {.out = out, .type = type};
    put(out, 0x67676d6c, 4);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        put(out, (unsigned)fields[i], 4);
    }
    put(out, (unsigned)shape->n_mels, 4);
    put(out, 201, 4);
    for (int i = 0; i < shape->n_mels * 201; i++) {
        put_f32(out, (float)(i % 7) * 0.001f);
    }
    int words = shape->n_vocab > 1608 ? shape->n_vocab - 1608 : shape->n_vocab;
    put(out, (unsigned)words, 4);
    for (int id = 0; id < words; id++) {
        char word[8];
        size_t bytes = synthetic_word(shape, id, word);
        put(out, bytes, 4);
        mli_buf_append(out, word, bytes);
    }
    synthetic_walk(shape, ggml_tensor, &s);
}

/* --- safetensors --- */

static void hf_name(const char *name, char *out, size_t capacity)
{
    static const char *const parts[][2] = {{".cross_attn_ln.", ".encoder_attn_layer_norm."},
                                           {".attn_ln.", ".self_attn_layer_norm."},
                                           {".cross_attn.", ".encoder_attn."},
                                           {".attn.", ".self_attn."},
                                           {".query.", ".q_proj."},
                                           {".key.", ".k_proj."},
                                           {".value.", ".v_proj."},
                                           {".out.", ".out_proj."},
                                           {".mlp_ln.", ".final_layer_norm."},
                                           {".mlp.0.", ".fc1."},
                                           {".mlp.2.", ".fc2."},
                                           {".blocks.", ".layers."},
                                           {".ln_post.", ".layer_norm."},
                                           {".ln.", ".layer_norm."},
                                           {".token_embedding.", ".embed_tokens."},
                                           {".positional_embedding", ".embed_positions.weight"}};
    (void)snprintf(out, capacity, "model.%s", name);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        char copy[200];
        char *at = strstr(out, parts[i][0]);
        if (at != NULL) {
            (void)snprintf(copy, sizeof copy, "%s%s", parts[i][1], at + strlen(parts[i][0]));
            (void)snprintf(at, capacity - (size_t)(at - out), "%s", copy);
        }
    }
}

static void safetensors_tensor(void *user, const char *name, int rank, const size_t *dims)
{
    sink *s = user;
    char hf[200];
    size_t n = product(rank, dims), begin = s->data->size;
    float *values = malloc(n * sizeof *values);
    synthetic_values(name, n, values);
    put_data(s->data, values, n, s->type);
    free(values);
    hf_name(name, hf, sizeof hf);
    mli_buf_printf(s->out, "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[", s->count++ > 0 ? "," : "", hf,
                   s->type == MLI_WEIGHT_F32 ? "F32" : "F16");
    for (int i = 0; i < rank; i++) {
        mli_buf_printf(s->out, "%s%zu", i > 0 ? "," : "", dims[i]);
    }
    mli_buf_printf(s->out, "],\"data_offsets\":[%zu,%zu]}", begin, s->data->size);
}

void synthetic_safetensors(const synthetic_shape *shape, mli_weight_dtype type, mli_buf *out)
{
    mli_buf header, data;
    mli_buf_init(&header, NULL);
    mli_buf_init(&data, NULL);
    sink s = {.out = &header, .type = type, .data = &data};
    mli_buf_append_text(&header, "{\"__metadata__\":{\"format\":\"pt\"},");
    synthetic_walk(shape, safetensors_tensor, &s);
    mli_buf_append_char(&header, '}');
    put(out, header.size, 8);
    mli_buf_append(out, mli_buf_text(&header), header.size);
    mli_buf_append(out, mli_buf_text(&data), data.size);
    mli_buf_dispose(&header);
    mli_buf_dispose(&data);
}

void synthetic_config(const synthetic_shape *shape, mli_buf *out)
{
    mli_buf_printf(out,
                   "{\"model_type\":\"whisper\",\"activation_function\":\"gelu\","
                   "\"encoder_attention_heads\":%d,\"decoder_attention_heads\":%d,"
                   "\"max_source_positions\":%d,\"alignment_heads\":[[0,1],[1,0]]}",
                   shape->heads, shape->heads, shape->n_audio_ctx);
}

/* --- CTranslate2 --- */

static void ct2_string(mli_buf *out, const char *text)
{
    put(out, strlen(text) + 1, 2);
    mli_buf_append(out, text, strlen(text) + 1);
}

static void ct2_head(sink *s, const char *name, int rank, const size_t *dims, unsigned type,
                     size_t bytes)
{
    ct2_string(s->out, name);
    put(s->out, (unsigned)rank, 1);
    for (int i = 0; i < rank; i++) {
        put(s->out, dims[i], 4);
    }
    put(s->out, type, 1);
    put(s->out, bytes, 4);
    s->count++;
}

static void ct2_int8(sink *s, const char *name, int rank, const size_t *dims, const float *x)
{
    char scale_name[160];
    size_t rows = dims[0], columns = product(rank, dims) / rows;
    float *scales = malloc(rows * sizeof *scales);
    ct2_head(s, name, rank, dims, 1, rows * columns);
    for (size_t r = 0; r < rows; r++) {
        float most = 0.0f;
        for (size_t c = 0; c < columns; c++) {
            most = fabsf(x[r * columns + c]) > most ? fabsf(x[r * columns + c]) : most;
        }
        scales[r] = 127.0f / most;
        for (size_t c = 0; c < columns; c++) {
            put(s->out, (uint8_t)(int8_t)lrintf(x[r * columns + c] * scales[r]), 1);
        }
    }
    (void)snprintf(scale_name, sizeof scale_name, "%s_scale", name);
    ct2_head(s, scale_name, 1, dims, 0, rows * 4);
    put_data(s->out, scales, rows, MLI_WEIGHT_F32);
    free(scales);
}

/* One variable made of up to three canonical tensors stacked; NULL stands for zeros. */
static void ct2_variable(sink *s, const char *name, const char *const *parts, int count, int rank,
                         const size_t *dims)
{
    size_t part = product(rank, dims), all[3] = {dims[0] * (size_t)count, dims[1], dims[2]};
    float *values = calloc(part * (size_t)count, sizeof *values);
    for (int i = 0; i < count; i++) {
        if (parts[i] != NULL) {
            synthetic_values(parts[i], part, values + part * (size_t)i);
        }
    }
    bool quantised = s->type == MLI_WEIGHT_I8 && rank >= 2 && strstr(name, "encodings") == NULL;
    size_t n = part * (size_t)count;
    if (quantised) {
        ct2_int8(s, name, rank, all, values);
    } else {
        bool half = s->type == MLI_WEIGHT_F16;
        ct2_head(s, name, rank, all, half ? 4 : 0, n * (half ? 2 : 4));
        put_data(s->out, values, n, half ? MLI_WEIGHT_F16 : MLI_WEIGHT_F32);
    }
    free(values);
}

static void ct2_tensor(void *user, const char *name, int rank, const size_t *dims)
{
    static const char *const plain[][2] = {
        {"encoder.conv1.weight", "encoder/conv1/weight"},
        {"encoder.conv1.bias", "encoder/conv1/bias"},
        {"encoder.conv2.weight", "encoder/conv2/weight"},
        {"encoder.conv2.bias", "encoder/conv2/bias"},
        {"encoder.positional_embedding", "encoder/position_encodings/encodings"},
        {"encoder.ln_post.weight", "encoder/layer_norm/gamma"},
        {"encoder.ln_post.bias", "encoder/layer_norm/beta"},
        {"decoder.token_embedding.weight", "decoder/embeddings/weight"},
        {"decoder.positional_embedding", "decoder/position_encodings/encodings"},
        {"decoder.ln.weight", "decoder/layer_norm/gamma"},
        {"decoder.ln.bias", "decoder/layer_norm/beta"}};
    static const char *const in_layer[][2] = {
        {"attn_ln.weight", "self_attention/layer_norm/gamma"},
        {"attn_ln.bias", "self_attention/layer_norm/beta"},
        {"attn.out.weight", "self_attention/linear_1/weight"},
        {"attn.out.bias", "self_attention/linear_1/bias"},
        {"cross_attn_ln.weight", "attention/layer_norm/gamma"},
        {"cross_attn_ln.bias", "attention/layer_norm/beta"},
        {"cross_attn.query.weight", "attention/linear_0/weight"},
        {"cross_attn.query.bias", "attention/linear_0/bias"},
        {"cross_attn.out.weight", "attention/linear_2/weight"},
        {"cross_attn.out.bias", "attention/linear_2/bias"},
        {"mlp_ln.weight", "ffn/layer_norm/gamma"},
        {"mlp_ln.bias", "ffn/layer_norm/beta"},
        {"mlp.0.weight", "ffn/linear_0/weight"},
        {"mlp.0.bias", "ffn/linear_0/bias"},
        {"mlp.2.weight", "ffn/linear_1/weight"},
        {"mlp.2.bias", "ffn/linear_1/bias"}};
    char side[8], rest[96], variable[160], names[3][160];
    int layer;
    const char *parts[3] = {name, NULL, NULL};
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        if (strcmp(name, plain[i][0]) == 0) {
            ct2_variable(user, plain[i][1], parts, 1, rank, dims);
            return;
        }
    }
    if (sscanf(name, "%7[a-z].blocks.%d.%95s", side, &layer, rest) != 3) {
        return;
    }
    for (size_t i = 0; i < sizeof in_layer / sizeof in_layer[0]; i++) {
        if (strcmp(rest, in_layer[i][0]) == 0) {
            (void)snprintf(variable, sizeof variable, "%s/layer_%d/%s", side, layer,
                           in_layer[i][1]);
            ct2_variable(user, variable, parts, 1, rank, dims);
            return;
        }
    }
    bool self = strncmp(rest, "attn.query.", 11) == 0;
    if (!self && strncmp(rest, "cross_attn.value.", 17) != 0) {
        return; /* came along with another part */
    }
    const char *kind = strrchr(rest, '.') + 1, *which = self ? "attn" : "cross_attn";
    static const char *const of_self[] = {"query", "key", "value"};
    int count = self ? 3 : 2;
    for (int i = 0; i < count; i++) {
        const char *part = of_self[self ? i : i + 1];
        (void)snprintf(names[i], sizeof names[i], "%s.blocks.%d.%s.%s.%s", side, layer, which, part,
                       kind);
        bool no_bias = strcmp(part, "key") == 0 && strcmp(kind, "bias") == 0;
        parts[i] = no_bias ? NULL : names[i];
    }
    (void)snprintf(variable, sizeof variable, "%s/layer_%d/%s/linear_%d/%s", side, layer,
                   self ? "self_attention" : "attention", self ? 0 : 1, kind);
    ct2_variable(user, variable, parts, count, rank, dims);
}

void synthetic_ct2(const synthetic_shape *shape, mli_weight_dtype type, mli_buf *out)
{
    mli_buf variables;
    mli_buf_init(&variables, NULL);
    sink s = {.out = &variables, .type = type};
    static const char *const heads[] = {"encoder/num_heads", "decoder/num_heads"};
    for (int i = 0; i < 2; i++) {
        ct2_head(&s, heads[i], 0, NULL, 2, 2);
        put(&variables, (unsigned)shape->heads, 2);
    }
    ct2_head(&s, "decoder/activation", 0, NULL, 1, 1);
    put(&variables, 3, 1);
    synthetic_walk(shape, ct2_tensor, &s);
    put(out, 6, 4);
    ct2_string(out, "WhisperSpec");
    put(out, 3, 4);
    put(out, s.count, 4);
    mli_buf_append(out, mli_buf_text(&variables), variables.size);
    put(out, 1, 4);
    ct2_string(out, "decoder/projection/weight");
    ct2_string(out, "decoder/embeddings/weight");
    mli_buf_dispose(&variables);
}
