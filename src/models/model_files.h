/* The files of one model, wherever they come from: an installed model, a directory, or one weight
 * file. Foreign files are read into memory, never mapped. */
#ifndef MLI_MODELS_MODEL_FILES_H
#define MLI_MODELS_MODEL_FILES_H

#include "base/cancel.h"
#include "models/whisper_weights.h"
#include "os/file.h"

#define MLI_MODEL_MAX_BYTES ((size_t)16 << 30) /* of one weight file */

typedef struct mli_model_files {
    const modellab_allocator *alloc;
    const mli_os_files *files;
    char *directory;    /* NULL for none */
    char *weights_path; /* model.bin, model.safetensors, ggml-*.bin, *.onnx, *.pt */
    char *weights_name; /* last component */
    size_t weights_bytes;
    void *weights; /* pages; NULL until mli_model_files_load */
    char *config;  /* config.json, or NULL; of a voice NAME.onnx.json */
    size_t config_bytes;
    bool voice;      /* `config` is that of a voice */
    char *tokenizer; /* tokenizer.json, or NULL */
    size_t tokenizer_bytes;
    char *vocabulary; /* vocabulary.txt or vocabulary.json / vocab.json, or NULL */
    size_t vocabulary_bytes;
    char *merges; /* merges.txt, or NULL */
    size_t merges_bytes;
    char sha256[65]; /* of the weight file; "" until asked for */
    bool sealed;     /* `sha256` is what was installed: loading compares the bytes with it */
    int image;       /* descriptor of a packed image that was handed over (borrowed); -1 = none */
    char seal[65];   /* of names and sha256 of all files that were installed; "" for none */
} mli_model_files;

/* `path` is a directory or a weight file; small files beside it are read, the weights only sized.
 */
MODELLAB_MUST_CHECK modellab_status mli_model_files_open(mli_model_files *out,
                                                         const modellab_allocator *alloc,
                                                         const mli_os_files *files,
                                                         const char *path, modellab_error *err);
/* Reads the weights into memory (needed for import; not when a packed image exists).
 * E_INVALID_MODEL: they are not those that were installed. */
MODELLAB_MUST_CHECK modellab_status mli_model_files_load(mli_model_files *model,
                                                         const mli_cancel_word *cancel,
                                                         modellab_error *err);
/* Runs fn(ctx, task, thread) for all tasks, several at once if it can, and begins them in order. */
typedef void (*mli_run_tasks)(void *user, size_t tasks,
                              void (*fn)(void *ctx, size_t task, int thread), void *ctx);
/* The same as load: the bytes are compared while the rest is read, when `run` can do two things at
 * once. */
MODELLAB_MUST_CHECK modellab_status mli_model_files_load_with(mli_model_files *model,
                                                              mli_run_tasks run, void *user,
                                                              const mli_cancel_word *cancel,
                                                              modellab_error *err);
void mli_model_files_unload(mli_model_files *model);
/* sha256 of the weight file, computed once (from memory when loaded). An installed model's is known
 * from model.json without reading. */
MODELLAB_MUST_CHECK modellab_status mli_model_files_sha256(mli_model_files *model,
                                                           const mli_cancel_word *cancel,
                                                           modellab_error *err);
/* What makes two models the same: one sha256 over the weights', all that was installed with them,
 * and the bytes of what stands beside them (of a voice: what its sounds and lengths come from). */
MODELLAB_MUST_CHECK modellab_status mli_model_files_identity(mli_model_files *model,
                                                             const mli_cancel_word *cancel,
                                                             char out[65], modellab_error *err);
/* A number of what stands beside the weights (configuration, tokenizer, vocabulary): another one
 * makes another model. */
uint32_t mli_model_files_beside(const mli_model_files *model);
void mli_model_files_dispose(mli_model_files *model);

#endif
