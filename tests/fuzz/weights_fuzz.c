/* Fuzz target: the importers of weight files. What is accepted is read to the last value. */
#include "models/whisper_weights.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static const char config[] = "{\"encoder_attention_heads\":1,\"decoder_attention_heads\":1}";

static void read_all(const mli_weight *t)
{
    size_t row = mli_weight_row_size(t), rows = mli_weight_rows(t);
    float *f32 = malloc(row * sizeof *f32);
    uint16_t *f16 = malloc(row * sizeof *f16);
    for (size_t i = 0; f32 != NULL && f16 != NULL && i < rows; i++) {
        if (mli_weight_read_f32(t, i, 1, f32, NULL) != mli_weight_read_f16(t, i, 1, f16, NULL)) {
            abort();
        }
    }
    free(f32);
    free(f16);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    mli_whisper_weights w;
    modellab_error err = MODELLAB_ERROR_INIT;
    if (mli_whisper_weights_read(&w, NULL, data, bytes, config, sizeof config - 1, &err) !=
        MODELLAB_OK) {
        if (err.message[0] == '\0' || err.code == MODELLAB_OK) {
            abort(); /* a refusal without words */
        }
        return 0;
    }
    for (size_t i = 0; i < w.tensors.count; i++) {
        const mli_weight *t = &w.tensors.items[i];
        if (t->data < data || t->bytes > bytes || t->data + t->bytes > data + bytes) {
            abort();
        }
        read_all(t);
    }
    mli_whisper_weights_dispose(&w);
    return 0;
}
