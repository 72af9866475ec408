/* Models: loaded weights, immutable and shared by any number of sessions and threads. @since 0.1
 *
 * Example: examples/c/model.c */
#ifndef MODELLAB_MODEL_H
#define MODELLAB_MODEL_H

#include <modellab/logger.h>
#include <modellab/types.h>

typedef struct modellab_model modellab_model;

/** Type that weights are kept in. f32 is the oracle. */
typedef int32_t modellab_weight_type;
enum { MODELLAB_WEIGHTS_DEFAULT = 0, MODELLAB_WEIGHTS_F32 = 1, MODELLAB_WEIGHTS_F16 = 2 };

typedef struct modellab_model_options {
    size_t size;                         /**< sizeof(modellab_model_options) */
    const modellab_allocator *allocator; /**< copied; NULL = C heap */
    modellab_logger *logger;             /**< referenced; NULL = silent */
    const char *models_root;      /**< NULL = configured (MODEL_LAB_MODELS_ROOT, else XDG data) */
    const char *cache_root;       /**< packed images; NULL = configured; "" = no cache */
    modellab_weight_type weights; /**< of Whisper; 0 = f16. Others have one type */
    int32_t reserved;             /**< 0 */
    modellab_cancel *cancel;      /**< ends reading and packing of the weights with E_CANCELLED */
} modellab_model_options;

#define MODELLAB_MODEL_OPTIONS_INIT                                                                \
    {                                                                                              \
        sizeof(modellab_model_options), NULL, NULL, NULL, NULL, 0, 0, NULL                         \
    }

/** Strings are borrowed from the model. */
typedef struct modellab_model_info {
    size_t size; /**< sizeof(modellab_model_info), set by the caller */
    const char *name;
    const char *architecture; /**< "whisper", "silero-vad", "piper-vits", "cmudict", "ge2e" */
    const char *sha256;       /**< of the weight file */
    const char *format;       /**< ctranslate2, ggml, safetensors, onnx, dictionary, torch */
    const char *languages;    /**< codes separated by commas */
    modellab_weight_type weights;
    int32_t is_multilingual;
    int64_t parameters;
    int64_t bytes; /**< of the packed weights */
} modellab_model_info;

MODELLAB_BEGIN_DECLS

/** Fills the struct like its INIT macro, for callers without macros. `size` is the caller's sizeof.
 * @threads any @since 0.1 */
MODELLAB_API void modellab_model_options_init(modellab_model_options *options, size_t size);

/** Opens an installed model by its catalog name, or by the path of its file or folder.
 * @param name      NULL = the catalog's default
 * @param[out] out  new; modellab_model_unref()
 * @errors E_NOT_FOUND (not installed: the message says how to pull it), E_INVALID_MODEL,
 *         E_UNSUPPORTED_MODEL, E_CANCELLED, E_PERMISSION, E_IO, E_NO_MEMORY
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_model_open(const char *name, const modellab_model_options *options, modellab_model **out,
                    modellab_error *err);
/** Takes another reference; returns its argument. @threads any @since 0.1 */
MODELLAB_API modellab_model *modellab_model_ref(modellab_model *model);
/** Gives a reference back; NULL is accepted. @threads any @since 0.1 */
MODELLAB_API void modellab_model_unref(modellab_model *model);
/** Describes a weight file as JSON, without opening it as a model: format (onnx, ctranslate2, ggml,
 * safetensors, torch), architecture (null = not one that is recognised), weights (name, type,
 * shape), parameters; of ONNX also ir_version, opset, producer, inputs and outputs (shapes with
 * names where a size is not fixed), nodes, ops (op, count; the most frequent first). Control
 * characters of names become '?', names end after 256 bytes. The file is read into memory and
 * checked.
 * @param options   allocator and cancel are used; NULL = defaults
 * @param[out] out  new; modellab_buffer_destroy()
 * @errors E_NOT_FOUND, E_INVALID_MODEL (field and byte are named), E_UNSUPPORTED_MODEL,
 * E_CANCELLED, E_LIMIT (above 16 GiB), E_PERMISSION, E_IO, E_NO_MEMORY
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_model_inspect(const char *path, const modellab_model_options *options,
                       modellab_buffer **out, modellab_error *err);
/** @errors E_ABI_TOO_SMALL @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_model_get_info(const modellab_model *model, modellab_model_info *out, modellab_error *err);

/** Bytes of a token of a speech recogniser's vocabulary, as segments of transcripts have tokens:
 * maybe part of a UTF-8 sequence. Borrowed from the model; "" (0 bytes) for special tokens, for
 * numbers that are none of its tokens, and of other models.
 * @param[out] bytes  optional; how many @threads any @since 0.1 */
MODELLAB_API const char *modellab_model_token(const modellab_model *model, int32_t token,
                                              size_t *bytes);

MODELLAB_END_DECLS
#endif
