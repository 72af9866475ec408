/* The readers of the single weight formats, and how their names become the reference's. Internal to
 * this room: users call mli_whisper_weights_read. */
#ifndef MLI_MODELS_WHISPER_FORMATS_H
#define MLI_MODELS_WHISPER_FORMATS_H

#include "models/whisper_weights.h"

/* One rule: file name (behind the layer's prefix) -> canonical name. `parts` > 1: the file fuses
 * that many equal row ranges, this is number `part`. A canonical name of NULL: must be all zero. */
typedef struct mli_name_rule {
    const char *raw;
    const char *canonical;
    uint8_t part, parts;
    bool cross; /* decoder only */
} mli_name_rule;

typedef struct mli_name_map {
    const char *before, *middle, *after;      /* a layer is <before>encoder<middle>0<after>... */
    const char *probe;                        /* exists once in each layer */
    const mli_name_rule *layers, *singles[2]; /* singles: of encoder, of decoder */
    size_t layer_rules, single_rules[2];
} mli_name_map;

/* Adds to `out` every tensor of `raw` (sorted) that the map knows. */
MODELLAB_MUST_CHECK modellab_status mli_whisper_map(const mli_tensors *raw, const mli_name_map *map,
                                                    mli_tensors *out, modellab_error *err);

/* Each fills weights->tensors (unsorted) and what else the file holds; heads of 0 in hparams when
 * the file does not tell. `weights` was initialised by the caller, who disposes on failure. */
MODELLAB_MUST_CHECK modellab_status mli_ct2_read(mli_whisper_weights *weights, const void *file,
                                                 size_t bytes, modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_ggml_read(mli_whisper_weights *weights, const void *file,
                                                  size_t bytes, modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_safetensors_read(mli_whisper_weights *weights,
                                                         const void *file, size_t bytes,
                                                         modellab_error *err);
/* The plain list of a safetensors file under its own names (unsorted). */
MODELLAB_MUST_CHECK modellab_status mli_safetensors_list(mli_tensors *out, const void *file,
                                                         size_t bytes, modellab_error *err);

/* Derives the hyper-parameters from shapes and checks that every tensor is there; compares with
 * what the file stated (non-zero fields). */
MODELLAB_MUST_CHECK modellab_status mli_whisper_check(mli_whisper_weights *weights,
                                                      modellab_error *err);
/* Reads config.json (may be NULL): head counts, alignment heads; refuses other architectures. */
MODELLAB_MUST_CHECK modellab_status mli_whisper_config(mli_whisper_weights *weights,
                                                       const char *config, size_t bytes,
                                                       modellab_error *err);
/* Heads of the known models, else the upper half of the decoder. */
MODELLAB_MUST_CHECK modellab_status mli_whisper_default_heads(mli_whisper_weights *weights,
                                                              modellab_error *err);

#endif
