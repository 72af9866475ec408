/* Prints what an importer made of a weight file: hyper-parameters, then each tensor with its
 * dimensions and the sha256 of its values as f32 and as f16. Usage: dump_weights FILE [CONFIG_JSON]
 */
#include "base/alloc.h"
#include "base/hash.h"
#include "models/file_read.h"
#include "models/whisper_weights.h"

#include <stdio.h>

static modellab_status hash_tensor(const mli_weight *t, char f32_hex[65], char f16_hex[65],
                                   modellab_error *err)
{
    size_t row = mli_weight_row_size(t), rows = mli_weight_rows(t);
    modellab_status status = MODELLAB_OK;
    mli_sha256 f32_hash, f16_hash;
    float *f32 = mli_alloc_array(NULL, row, sizeof *f32);
    uint16_t *f16 = mli_alloc_array(NULL, row, sizeof *f16);
    mli_sha256_init(&f32_hash);
    mli_sha256_init(&f16_hash);
    for (size_t i = 0; status == MODELLAB_OK && f32 != NULL && f16 != NULL && i < rows; i++) {
        status = mli_weight_read_f32(t, i, 1, f32, err);
        if (status == MODELLAB_OK) {
            status = mli_weight_read_f16(t, i, 1, f16, err);
        }
        mli_sha256_update(&f32_hash, f32, row * sizeof *f32);
        mli_sha256_update(&f16_hash, f16, row * sizeof *f16);
    }
    mli_sha256_hex(&f32_hash, f32_hex);
    mli_sha256_hex(&f16_hash, f16_hex);
    mli_free(NULL, f32);
    mli_free(NULL, f16);
    return status;
}

static modellab_status print_all(const mli_whisper_weights *w, modellab_error *err)
{
    const mli_whisper_hparams *h = &w->hparams;
    printf("model %s %s %d %d %d/%d/%d/%d %d/%d/%d/%d %d %d", mli_weight_format_name(w->format),
           mli_weight_dtype_name(w->dtype), h->n_vocab, h->n_mels, h->n_audio_ctx, h->n_audio_state,
           h->n_audio_head, h->n_audio_layer, h->n_text_ctx, h->n_text_state, h->n_text_head,
           h->n_text_layer, h->n_languages, h->multilingual);
    for (size_t i = 0; i < w->head_count; i++) {
        printf(" %d:%d", w->heads[i].layer, w->heads[i].head);
    }
    printf("\n");
    for (size_t i = 0; i < w->tensors.count; i++) {
        char f32[65], f16[65];
        const mli_weight *t = &w->tensors.items[i];
        modellab_status status = hash_tensor(t, f32, f16, err);
        if (status != MODELLAB_OK) {
            return status;
        }
        printf("tensor %s %zu %s %s\n", t->name, mli_weight_elements(t), f32, f16);
    }
    return MODELLAB_OK;
}

int main(int argc, char **argv)
{
    char *file = NULL, *config = NULL;
    size_t bytes = 0, config_bytes = 0;
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_whisper_weights w;
    if (argc < 2) {
        return 2;
    }
    modellab_status status =
        mli_file_text(NULL, &mli_os_system_files, argv[1], (size_t)8 << 30, &file, &bytes, &err);
    if (status == MODELLAB_OK && argc > 2) {
        status = mli_file_text(NULL, &mli_os_system_files, argv[2], (size_t)1 << 20, &config,
                               &config_bytes, &err);
    }
    if (status == MODELLAB_OK) {
        status = mli_whisper_weights_read(&w, NULL, file, bytes, config, config_bytes, &err);
    }
    if (status == MODELLAB_OK) {
        status = print_all(&w, &err);
        mli_whisper_weights_dispose(&w);
    }
    if (status != MODELLAB_OK) {
        fprintf(stderr, "%s\n", err.message);
    }
    mli_free(NULL, file);
    mli_free(NULL, config);
    return status == MODELLAB_OK ? 0 : 1;
}
