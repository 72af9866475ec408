/* Whisper once more, plainly and in double precision, on the toy weights: what the network is
 * compared with. */
#ifndef TESTS_UNIT_SPEECH_PLAIN_WHISPER_H
#define TESTS_UNIT_SPEECH_PLAIN_WHISPER_H

#include "unit/speech/toy_net.h"
#include <math.h>
#include <stdio.h>

enum { PLAIN_ROWS = 64, PLAIN_WIDTH = 256 };

typedef double plain_rows[PLAIN_ROWS][PLAIN_WIDTH];

static double plain_weight(const char *block, const char *part, size_t index)
{
    char name[96];
    (void)snprintf(name, sizeof name, "%s%s", block, part);
    return (double)toy_weight(name, index);
}

static void plain_linear(plain_rows out, plain_rows in, size_t rows, size_t outs, size_t ins,
                         const char *block, const char *part, bool biased)
{
    char weight[96], bias[96];
    plain_rows result;
    (void)snprintf(weight, sizeof weight, "%s.weight", part);
    (void)snprintf(bias, sizeof bias, "%s.bias", part);
    for (size_t o = 0; o < outs; o++) {
        double b = biased ? plain_weight(block, bias, o) : 0;
        for (size_t r = 0; r < rows; r++)
            result[r][o] = b;
        for (size_t i = 0; i < ins; i++) {
            double w = plain_weight(block, weight, o * ins + i);
            for (size_t r = 0; r < rows; r++)
                result[r][o] += w * in[r][i];
        }
    }
    memcpy(out, result, sizeof result);
}

static void plain_norm(plain_rows out, plain_rows in, size_t rows, size_t width, const char *block,
                       const char *part)
{
    char weight[96], bias[96];
    (void)snprintf(weight, sizeof weight, "%s.weight", part);
    (void)snprintf(bias, sizeof bias, "%s.bias", part);
    for (size_t r = 0; r < rows; r++) {
        double mean = 0, var = 0;
        for (size_t i = 0; i < width; i++)
            mean += in[r][i] / (double)width;
        for (size_t i = 0; i < width; i++)
            var += (in[r][i] - mean) * (in[r][i] - mean) / (double)width;
        for (size_t i = 0; i < width; i++)
            out[r][i] = (in[r][i] - mean) / sqrt(var + 1e-5) * plain_weight(block, weight, i) +
                        plain_weight(block, bias, i);
    }
}

static double plain_gelu(double x)
{
    return 0.5 * x * (1 + erf(x / sqrt(2)));
}

static void plain_add(plain_rows x, plain_rows y, size_t rows, size_t width)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < width; i++)
            x[r][i] += y[r][i];
}

/* probs (NULL accepted): [heads][rows][keys] of the softmax. */
static void plain_attention(plain_rows out, plain_rows q, plain_rows k, plain_rows v, size_t rows,
                            size_t keys, size_t heads, size_t width, bool causal, double *probs)
{
    size_t dim = width / heads;
    for (size_t h = 0; h < heads; h++)
        for (size_t r = 0; r < rows; r++) {
            double score[PLAIN_ROWS], sum = 0;
            size_t seen = causal ? r + 1 : keys;
            for (size_t t = 0; t < seen; t++) {
                score[t] = 0;
                for (size_t i = h * dim; i < (h + 1) * dim; i++)
                    score[t] += q[r][i] * k[t][i] / sqrt((double)dim);
                score[t] = exp(score[t]);
                sum += score[t];
            }
            for (size_t i = h * dim; i < (h + 1) * dim; i++) {
                out[r][i] = 0;
                for (size_t t = 0; t < seen; t++)
                    out[r][i] += score[t] / sum * v[t][i];
            }
            for (size_t t = 0; probs != NULL && t < keys; t++)
                probs[(h * rows + r) * keys + t] = score[t] / sum;
        }
}

static void plain_block(plain_rows x, size_t rows, const char *block, size_t width, size_t heads,
                        plain_rows audio, double *probs)
{
    static plain_rows y, q, k, v;
    bool text = audio != NULL;
    plain_norm(y, x, rows, width, block, ".attn_ln");
    plain_linear(q, y, rows, width, width, block, ".attn.query", true);
    plain_linear(k, y, rows, width, width, block, ".attn.key", false);
    plain_linear(v, y, rows, width, width, block, ".attn.value", true);
    plain_attention(y, q, k, v, rows, rows, heads, width, text, NULL);
    plain_linear(y, y, rows, width, width, block, ".attn.out", true);
    plain_add(x, y, rows, width);
    if (text) {
        size_t ctx = toy_dims.audio_ctx, from = toy_dims.audio_state;
        plain_norm(y, x, rows, width, block, ".cross_attn_ln");
        plain_linear(q, y, rows, width, width, block, ".cross_attn.query", true);
        plain_linear(k, audio, ctx, width, from, block, ".cross_attn.key", false);
        plain_linear(v, audio, ctx, width, from, block, ".cross_attn.value", true);
        plain_attention(y, q, k, v, rows, ctx, heads, width, false, probs);
        plain_linear(y, y, rows, width, width, block, ".cross_attn.out", true);
        plain_add(x, y, rows, width);
    }
    plain_norm(y, x, rows, width, block, ".mlp_ln");
    plain_linear(y, y, rows, 4 * width, width, block, ".mlp.0", true);
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < 4 * width; i++)
            y[r][i] = plain_gelu(y[r][i]);
    plain_linear(y, y, rows, width, 4 * width, block, ".mlp.2", true);
    plain_add(x, y, rows, width);
}

static void plain_conv(plain_rows out, plain_rows in, size_t frames, size_t outs, size_t ins,
                       size_t stride, const char *name)
{
    static plain_rows result;
    for (size_t t = 0; t * stride < frames; t++)
        for (size_t o = 0; o < outs; o++) {
            double sum = plain_weight(name, ".bias", o);
            for (size_t i = 0; i < ins; i++)
                for (size_t k = 0; k < 3; k++) {
                    size_t at = t * stride + k;
                    if (at >= 1 && at <= frames)
                        sum += plain_weight(name, ".weight", (o * ins + i) * 3 + k) * in[at - 1][i];
                }
            result[t][o] = plain_gelu(sum);
        }
    memcpy(out, result, sizeof result);
}

/* mel: [2 audio_ctx][mels] */
static void plain_encode(plain_rows x, const float *mel)
{
    const mli_whisper_dims *d = &toy_dims;
    for (size_t t = 0; t < 2 * d->audio_ctx; t++)
        for (size_t b = 0; b < d->mels; b++)
            x[t][b] = (double)mel[t * d->mels + b];
    plain_conv(x, x, 2 * d->audio_ctx, d->audio_state, d->mels, 1, "encoder.conv1");
    plain_conv(x, x, 2 * d->audio_ctx, d->audio_state, d->audio_state, 2, "encoder.conv2");
    for (size_t t = 0; t < d->audio_ctx; t++)
        for (size_t i = 0; i < d->audio_state; i++)
            x[t][i] += plain_weight("encoder", ".positional_embedding", t * d->audio_state + i);
    plain_block(x, d->audio_ctx, "encoder.blocks.0", d->audio_state, d->audio_heads, NULL, NULL);
    plain_block(x, d->audio_ctx, "encoder.blocks.1", d->audio_state, d->audio_heads, NULL, NULL);
    plain_norm(x, x, d->audio_ctx, d->audio_state, "encoder", ".ln_post");
}

/* Logits after every token; probs: of the last block's cross-attention. */
static void plain_decode(plain_rows logits, const int32_t *tokens, size_t count, plain_rows audio,
                         double *probs)
{
    const mli_whisper_dims *d = &toy_dims;
    static plain_rows x;
    for (size_t t = 0; t < count; t++)
        for (size_t i = 0; i < d->text_state; i++)
            x[t][i] = plain_weight("decoder.token_embedding", ".weight",
                                   (size_t)tokens[t] * d->text_state + i) +
                      plain_weight("decoder", ".positional_embedding", t * d->text_state + i);
    plain_block(x, count, "decoder.blocks.0", d->text_state, d->text_heads, audio, NULL);
    plain_block(x, count, "decoder.blocks.1", d->text_state, d->text_heads, audio, probs);
    plain_norm(x, x, count, d->text_state, "decoder", ".ln");
    plain_linear(logits, x, count, d->vocab, d->text_state, "decoder", ".token_embedding", false);
}

#endif
