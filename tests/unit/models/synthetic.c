/* The synthetic model's tensors, values and vocabulary. */
#include "synthetic.h"
#include "base/str.h"
#include "models/half.h"

#include <stdio.h>
#include <string.h>

const synthetic_shape synthetic_small = {1908, 80, 20, 64, 2, 2, 16};
const synthetic_shape synthetic_tiny = {3, 2, 2, 2, 1, 1, 2};

static void emit(synthetic_each each, void *user, const char *prefix, const char *name, size_t d0,
                 size_t d1, size_t d2)
{
    char full[160];
    const size_t dims[3] = {d0, d1, d2};
    (void)snprintf(full, sizeof full, "%s%s", prefix, name);
    each(user, full, d2 > 0 ? 3 : d1 > 0 ? 2 : 1, dims);
}

static void walk_attention(synthetic_each each, void *user, const char *block, const char *which,
                           size_t n)
{
    static const char *const parts[] = {"query", "key", "value", "out"};
    char name[64];
    (void)snprintf(name, sizeof name, "%s_ln.weight", which);
    emit(each, user, block, name, n, 0, 0);
    (void)snprintf(name, sizeof name, "%s_ln.bias", which);
    emit(each, user, block, name, n, 0, 0);
    for (int i = 0; i < 4; i++) {
        (void)snprintf(name, sizeof name, "%s.%s.weight", which, parts[i]);
        emit(each, user, block, name, n, n, 0);
        if (i != 1) {
            (void)snprintf(name, sizeof name, "%s.%s.bias", which, parts[i]);
            emit(each, user, block, name, n, 0, 0);
        }
    }
}

void synthetic_walk(const synthetic_shape *shape, synthetic_each each, void *user)
{
    size_t n = (size_t)shape->state;
    emit(each, user, "", "encoder.conv1.weight", n, (size_t)shape->n_mels, 3);
    emit(each, user, "", "encoder.conv1.bias", n, 0, 0);
    emit(each, user, "", "encoder.conv2.weight", n, n, 3);
    emit(each, user, "", "encoder.conv2.bias", n, 0, 0);
    emit(each, user, "", "encoder.positional_embedding", (size_t)shape->n_audio_ctx, n, 0);
    emit(each, user, "", "encoder.ln_post.weight", n, 0, 0);
    emit(each, user, "", "encoder.ln_post.bias", n, 0, 0);
    emit(each, user, "", "decoder.token_embedding.weight", (size_t)shape->n_vocab, n, 0);
    emit(each, user, "", "decoder.positional_embedding", (size_t)shape->n_text_ctx, n, 0);
    emit(each, user, "", "decoder.ln.weight", n, 0, 0);
    emit(each, user, "", "decoder.ln.bias", n, 0, 0);
    for (int i = 0; i < 2 * shape->layers; i++) {
        char block[64];
        (void)snprintf(block, sizeof block, "%s.blocks.%d.", i % 2 == 0 ? "encoder" : "decoder",
                       i / 2);
        walk_attention(each, user, block, "attn", n);
        if (i % 2 == 1) {
            walk_attention(each, user, block, "cross_attn", n);
        }
        emit(each, user, block, "mlp_ln.weight", n, 0, 0);
        emit(each, user, block, "mlp_ln.bias", n, 0, 0);
        emit(each, user, block, "mlp.0.weight", 4 * n, n, 0);
        emit(each, user, block, "mlp.0.bias", 4 * n, 0, 0);
        emit(each, user, block, "mlp.2.weight", n, 4 * n, 0);
        emit(each, user, block, "mlp.2.bias", n, 0, 0);
    }
}

void synthetic_values(const char *name, size_t elements, float *out)
{
    uint64_t state = 1469598103934665603u;
    for (const char *c = name; *c != '\0'; c++) {
        state = (state ^ (unsigned char)*c) * 1099511628211u;
    }
    size_t n = strlen(name);
    bool gain = strstr(name, "ln") != NULL && n > 7 && strcmp(name + n - 7, ".weight") == 0;
    for (size_t i = 0; i < elements; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        float uniform = (float)(int32_t)(uint32_t)(state >> 32) * 0x1p-31f;
        float value = gain ? 1.0f + 0.1f * uniform : 0.12f * uniform;
        out[i] = mli_f32_of_f16(mli_f16_of_f32(value));
    }
}

static int eot_of(const synthetic_shape *shape)
{
    return shape->n_vocab - 1501 - 6 - 99 - 2;
}

size_t synthetic_word(const synthetic_shape *shape, int id, char out[8])
{
    static const char *const merges[] = {
        " t", "he", " a",  "in", "re", "on",       " the",        "er",  " s",  "at",
        "or", " w", "en",  "is", "es", " o",       "an",          "ou",  "ing", " c",
        "ed", "it", " in", "al", " b", " f",       " p",          " to", " of", "--",
        "((", "'s", " -",  " '", "ll", "\xe3\x81", "\xe3\x81\x82"};
    const int merge_count = (int)(sizeof merges / sizeof merges[0]);
    memset(out, 0, 8);
    if (id < 0 || id >= eot_of(shape)) {
        return 0;
    }
    if (id < 256) { /* printable bytes first, then the others: the order of published files */
        int count = 0;
        for (int pass = 0; pass < 2; pass++) {
            for (int b = 0; b < 256; b++) {
                bool printable = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
                if (printable == (pass == 0) && count++ == id) {
                    out[0] = (char)(unsigned char)b;
                    return 1;
                }
            }
        }
    }
    if (id - 256 < merge_count) {
        (void)snprintf(out, 8, "%s", merges[id - 256]);
        return strlen(out);
    }
    int rest = id - 256 - merge_count; /* "A0", "A1" ... : never made by merging letters here */
    (void)snprintf(out, 8, "Q%c%c%c", 'A' + rest / 676 % 26, 'A' + rest / 26 % 26, 'A' + rest % 26);
    return 4;
}

static void append_encoded(const char *word, size_t bytes, mli_buf *out)
{
    for (size_t i = 0; i < bytes; i++) {
        unsigned b = (unsigned char)word[i];
        bool printable = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
        unsigned point = b;
        if (!printable) {
            point = b <= 32 ? 256 + b : b == 173 ? 256 + 67 : 256 + 33 + (b - 127);
        }
        char utf8[4];
        mli_buf_append(out, utf8, mli_utf8_encode(point, utf8));
    }
    mli_buf_append_char(out, '\n');
}

void synthetic_vocabulary(const synthetic_shape *shape, mli_buf *out)
{
    int eot = eot_of(shape);
    for (int id = 0; id < shape->n_vocab; id++) {
        static const char *const tasks[] = {"translate",   "transcribe", "startoflm",
                                            "startofprev", "nospeech",   "notimestamps"};
        char word[8];
        int task = id - (shape->n_vocab - 1501 - 6);
        if (id < eot) {
            size_t bytes = synthetic_word(shape, id, word);
            append_encoded(word, bytes, out);
        } else if (id == eot || id == eot + 1) {
            mli_buf_append_text(out, id == eot ? "<|endoftext|>\n" : "<|startoftranscript|>\n");
        } else if (task < 0) {
            mli_buf_printf(out, id == eot + 2 ? "<|en|>\n" : "<|l%d|>\n", id - eot - 2);
        } else if (task < 6) {
            mli_buf_printf(out, "<|%s|>\n", tasks[task]);
        } else {
            mli_buf_printf(out, "<|%d.%02d|>\n", (task - 6) / 50, (task - 6) % 50 * 2);
        }
    }
}
