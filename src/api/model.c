/* modellab_model: opening weights by catalog name or path, and telling what they are.
 * Names resolve in the models root; packed images live in the cache root. */
#include "api/model.h"

#include "api/cancel.h"
#include "base/alloc.h"
#include "base/config.h"
#include "base/error.h"
#include "base/sized.h"
#include "base/str.h"
#include "log/logger.h"
#include "models/catalog.h"
#include "models/installed.h"
#include "models/onnx.h"
#include "models/torch.h"
#include "os/file.h"
#include "speech/whisper_pack.h"
#include <string.h>

/* First shipped sizes. */
enum {
    OPTIONS_FIRST = MLI_SIZE_UP_TO(modellab_model_options, cancel),
    INFO_FIRST = MLI_SIZE_UP_TO(modellab_model_info, bytes)
};

void modellab_model_options_init(modellab_model_options *options, size_t size)
{
    const modellab_model_options init = MODELLAB_MODEL_OPTIONS_INIT;

    mli_sized_init(options, size, &init, sizeof init);
}

/* The caller's folder made absolute, or the configured one. */
MODELLAB_MUST_CHECK static modellab_status folder_of(const modellab_allocator *alloc,
                                                     const char *given, const char *variable,
                                                     char **out, modellab_error *err)
{
    char absolute[4096];
    int rc;

    if (given == NULL)
        return mli_config_folder(alloc, variable, out, err);
    rc = mli_os_absolute(given, absolute, sizeof absolute);
    if (rc != 0)
        return mli_fail_os(err, rc, "the folder of the model");
    *out = mli_strdup(alloc, absolute);
    return *out != NULL ? MODELLAB_OK : mli_no_memory(err);
}

/* Name of the catalog's default model for speech recognition, when none was given. */
MODELLAB_MUST_CHECK static modellab_status name_of(modellab_model *model, const char *given,
                                                   modellab_error *err)
{
    mli_catalog *catalog = NULL;
    modellab_status status = MODELLAB_OK;

    if (given == NULL) {
        const mli_catalog_model *found = NULL;

        status = mli_catalog_configured(&model->alloc, &catalog, err);
        if (status == MODELLAB_OK)
            found = mli_catalog_default(catalog, "asr");
        if (status == MODELLAB_OK && found == NULL)
            status = mli_fail(err, MODELLAB_E_NOT_FOUND, "the catalog names no default model");
        if (status == MODELLAB_OK)
            given = found->name;
    }
    if (status == MODELLAB_OK) {
        model->name = mli_strdup(&model->alloc, given);
        status = model->name != NULL ? MODELLAB_OK : mli_no_memory(err);
    }
    mli_catalog_destroy(catalog);
    return status;
}

static bool is_dictionary(const mli_model_files *files)
{
    size_t n = strlen(files->weights_name);
    return n > 5 && strcmp(files->weights_name + n - 5, ".dict") == 0;
}

/* The format by the file's first bytes; a dictionary is text without any. */
MODELLAB_MUST_CHECK static modellab_status read_format(const mli_model_files *files,
                                                       const char **out, modellab_error *err)
{
    unsigned char head[64];
    int fd = files->files->open(files->files->user, files->weights_path, MLI_OS_READ, 0);
    int64_t got;
    mli_weight_format format;

    if (fd < 0)
        return mli_fail_os(err, -fd, "the weight file");
    got = files->files->read(files->files->user, fd, head, sizeof head);
    int closed = files->files->close(files->files->user, fd);
    if (got < 0 || closed < 0)
        return mli_fail_os(err, got < 0 ? (int)-got : -closed, "the weight file");
    format = mli_weight_format_of(head, (size_t)got);
    *out = is_dictionary(files)              ? "dictionary"
           : mli_onnx_is(head, (size_t)got)  ? "onnx"
           : mli_torch_is(head, (size_t)got) ? "torch"
           : format == MLI_FORMAT_CT2        ? "ctranslate2"
                                             : mli_weight_format_name(format);
    return MODELLAB_OK;
}

/* Weights and biases by the architecture: two convolutions, positions, then the blocks. */
static int64_t parameters_of(const mli_whisper_dims *d)
{
    const int64_t a = (int64_t)d->audio_state, t = (int64_t)d->text_state;
    const int64_t attention_a = 4 * a * a + 3 * a, attention_t = 4 * t * t + 3 * t; /* K: no bias */
    const int64_t block_a = attention_a + 8 * a * a + 5 * a + 4 * a;
    const int64_t block_t = 2 * attention_t + 8 * t * t + 5 * t + 6 * t;

    return 3 * (int64_t)d->mels * a + a + 3 * a * a + a + (int64_t)d->audio_ctx * a +
           (int64_t)d->audio_layers * block_a + 2 * a + (int64_t)d->vocab * t +
           (int64_t)d->text_ctx * t + (int64_t)d->text_layers * block_t + 2 * t;
}

MODELLAB_MUST_CHECK static modellab_status describe(modellab_model *model, modellab_error *err)
{
    mli_asr_model_info info = mli_asr_model_info_of(model->asr);
    const mli_whisper_special *special =
        mli_whisper_tokenizer_special(mli_asr_model_tokenizer(model->asr));
    size_t bytes = 0;
    mli_buf languages;
    modellab_status status = mli_whisper_pack_bytes(
        &model->alloc, &info.dims, info.weights == MLI_ASR_WEIGHTS_F16, &bytes, err);

    if (status != MODELLAB_OK)
        return status;
    model->bytes = (int64_t)bytes;
    model->parameters = parameters_of(&info.dims);
    mli_buf_init(&languages, &model->alloc);
    for (int32_t i = 0; info.multilingual && i < special->language_count; i++)
        mli_buf_printf(&languages, "%s%s", i == 0 ? "" : ",", mli_whisper_language_code(i));
    if (!info.multilingual)
        mli_buf_append_text(&languages, "en");
    status = mli_buf_status(&languages, err);
    if (status == MODELLAB_OK)
        model->languages = mli_buf_take(&languages, NULL);
    mli_buf_dispose(&languages);
    return status != MODELLAB_OK || model->languages != NULL ? status : mli_no_memory(err);
}

MODELLAB_MUST_CHECK static modellab_status load_whisper(modellab_model *model,
                                                        mli_model_files *files,
                                                        const modellab_model_options *o,
                                                        const char *cache, modellab_error *err)
{
    mli_asr_open_options options = {
        .alloc = &model->alloc, .cache_directory = cache, .cancel = mli_cancel_word_of(o->cancel)};

    options.weights =
        o->weights == MODELLAB_WEIGHTS_F32 ? MLI_ASR_WEIGHTS_F32 : MLI_ASR_WEIGHTS_F16;
    modellab_status status = mli_asr_model_open(&model->asr, files, &options, err);
    return status == MODELLAB_OK ? describe(model, err) : status;
}

/* Voices have a configuration of their own beside them. */
MODELLAB_MUST_CHECK static modellab_status load_voice(modellab_model *model, mli_model_files *files,
                                                      const modellab_model_options *o,
                                                      const char *cache, modellab_error *err)
{
    modellab_status status = mli_voice_create(&model->voice, &model->alloc, files, cache,
                                              mli_cancel_word_of(o->cancel), err);

    if (status != MODELLAB_OK)
        return status;
    mli_vits_info info = mli_vits_info_of(model->voice->net);
    model->parameters = info.parameters;
    model->bytes = info.bytes;
    model->languages = mli_strdup(&model->alloc, model->voice->config.language);
    return model->languages != NULL ? MODELLAB_OK : mli_no_memory(err);
}

/* A detector of voice activity; small enough that it is packed at each opening, in f32. */
MODELLAB_MUST_CHECK static modellab_status load_onnx(modellab_model *model, mli_model_files *files,
                                                     const modellab_model_options *o,
                                                     const char *cache, modellab_error *err)
{
    mli_silero_weights weights;
    if (files->config != NULL && files->voice)
        return load_voice(model, files, o, cache, err);
    modellab_status status = mli_model_files_load(files, mli_cancel_word_of(o->cancel), err);

    if (status == MODELLAB_OK)
        status = mli_silero_read(&weights, &model->alloc, files->weights, files->weights_bytes,
                                 mli_cancel_word_of(o->cancel), err);
    if (status == MODELLAB_OK)
        status = mli_silero_create(&model->vad, &model->alloc, &weights, err);
    if (status == MODELLAB_OK) /* of the bytes that were read */
        status = mli_model_files_sha256(files, mli_cancel_word_of(o->cancel), err);
    mli_model_files_unload(files);
    if (status != MODELLAB_OK)
        return status;
    mli_silero_sizes(&model->parameters, &model->bytes);
    model->languages = mli_strdup(&model->alloc, "");
    return model->languages != NULL ? MODELLAB_OK : mli_no_memory(err);
}

MODELLAB_MUST_CHECK static modellab_status load_dictionary(modellab_model *model,
                                                           mli_model_files *files,
                                                           const modellab_model_options *o,
                                                           modellab_error *err)
{
    modellab_status status = mli_model_files_load(files, mli_cancel_word_of(o->cancel), err);

    if (status == MODELLAB_OK)
        status = mli_lexicon_create(&model->lexicon, &model->alloc, files->weights,
                                    files->weights_bytes, mli_cancel_word_of(o->cancel), err);
    if (status == MODELLAB_OK) /* of the bytes that were read */
        status = mli_model_files_sha256(files, mli_cancel_word_of(o->cancel), err);
    mli_model_files_unload(files);
    if (status != MODELLAB_OK)
        return status;
    model->bytes = (int64_t)files->weights_bytes;
    model->languages = mli_strdup(&model->alloc, "en");
    return model->languages != NULL ? MODELLAB_OK : mli_no_memory(err);
}

/* The encoder of voices, the only architecture in this format so far; packed at each opening. */
MODELLAB_MUST_CHECK static modellab_status load_torch(modellab_model *model, mli_model_files *files,
                                                      const modellab_model_options *o,
                                                      modellab_error *err)
{
    const mli_cancel_word *cancel = mli_cancel_word_of(o->cancel);
    mli_ge2e_weights weights;
    mli_tensors list;
    mli_tensors_init(&list, &model->alloc);
    modellab_status status = mli_model_files_load(files, cancel, err);

    if (status == MODELLAB_OK)
        status = mli_torch_read(&list, files->weights, files->weights_bytes, cancel, err);
    if (status == MODELLAB_OK)
        status = mli_tensors_sort(&list, err);
    if (status == MODELLAB_OK)
        status = mli_ge2e_take(&weights, &list, err);
    if (status == MODELLAB_OK)
        status = mli_ge2e_create(&model->voices, &model->alloc, &weights, err);
    if (status == MODELLAB_OK) /* of the bytes that were read */
        status = mli_model_files_sha256(files, cancel, err);
    mli_tensors_dispose(&list);
    mli_model_files_unload(files);
    if (status != MODELLAB_OK)
        return status;
    mli_ge2e_sizes(&model->parameters, &model->bytes);
    model->languages = mli_strdup(&model->alloc, "");
    return model->languages != NULL ? MODELLAB_OK : mli_no_memory(err);
}

MODELLAB_MUST_CHECK static modellab_status
load(modellab_model *model, const modellab_model_options *o, modellab_error *err)
{
    char *root = NULL, *cache = NULL;
    mli_model_files files;
    modellab_status status =
        folder_of(&model->alloc, o->models_root, "MODEL_LAB_MODELS_ROOT", &root, err);

    if (status == MODELLAB_OK && !(o->cache_root != NULL && o->cache_root[0] == '\0'))
        status = folder_of(&model->alloc, o->cache_root, "MODEL_LAB_CACHE_ROOT", &cache, err);
    if (status == MODELLAB_OK) {
        mli_model_store store = {&model->alloc, &mli_os_system_files, root};

        status = mli_model_store_open(&store, model->name, &files, err);
    }
    if (status == MODELLAB_OK) {
        status = read_format(&files, &model->format, err);
        if (status == MODELLAB_OK)
            status = strcmp(model->format, "onnx") == 0 ? load_onnx(model, &files, o, cache, err)
                     : is_dictionary(&files)            ? load_dictionary(model, &files, o, err)
                     : strcmp(model->format, "torch") == 0
                         ? load_torch(model, &files, o, err)
                         : load_whisper(model, &files, o, cache, err);
        if (status == MODELLAB_OK)
            status = mli_model_files_sha256(&files, mli_cancel_word_of(o->cancel), err);
        if (status == MODELLAB_OK)
            memcpy(model->sha256, files.sha256, sizeof model->sha256);
        mli_model_files_dispose(&files);
    }
    mli_free(&model->alloc, root);
    mli_free(&model->alloc, cache);
    return status;
}

modellab_status modellab_model_open(const char *name, const modellab_model_options *options,
                                    modellab_model **out, modellab_error *err)
{
    modellab_model_options o = MODELLAB_MODEL_OPTIONS_INIT;
    modellab_allocator alloc;
    modellab_model *model;
    modellab_status status;

    if (out == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "out must not be NULL");
    *out = NULL;
    status = mli_sized_in(&o, sizeof o, OPTIONS_FIRST, options, err);
    if (status == MODELLAB_OK)
        status = mli_allocator_take(o.allocator, &alloc, err);
    if (status != MODELLAB_OK)
        return status;
    if (o.weights < MODELLAB_WEIGHTS_DEFAULT || o.weights > MODELLAB_WEIGHTS_F16)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "weights has no such value");
    model = mli_alloc_zero(&alloc, sizeof *model);
    if (model == NULL)
        return mli_no_memory(err);
    model->alloc = alloc;
    atomic_init(&model->references, 1);
    model->logger = mli_logger_ref(o.logger);
    status = name_of(model, name, err);
    if (status == MODELLAB_OK)
        status = load(model, &o, err);
    if (status != MODELLAB_OK) {
        modellab_model_unref(model);
        return status;
    }
    if (model->asr != NULL) {
        mli_asr_model_info info = mli_asr_model_info_of(model->asr);
        if (info.origin == MLI_ASR_ORIGIN_REBUILT)
            mli_log_text(model->logger, MODELLAB_LOG_WARN, "model.image_rebuilt", info.reason);
    }
    if (model->voice != NULL && model->voice->reason[0] != '\0')
        mli_log_text(model->logger, MODELLAB_LOG_WARN,
                     model->voice->mapped ? "model.image_rebuilt" : "model.image_not_used",
                     model->voice->reason);
    *out = model;
    return MODELLAB_OK;
}

modellab_model *modellab_model_ref(modellab_model *model)
{
    if (model != NULL)
        atomic_fetch_add(&model->references, 1);
    return model;
}

void modellab_model_unref(modellab_model *model)
{
    if (model == NULL || atomic_fetch_sub(&model->references, 1) != 1)
        return;
    modellab_allocator alloc = model->alloc;
    mli_asr_model_unref(model->asr);
    mli_silero_destroy(model->vad);
    mli_voice_destroy(model->voice);
    mli_lexicon_destroy(model->lexicon);
    mli_ge2e_destroy(model->voices);
    mli_logger_unref(model->logger);
    mli_free(&alloc, model->name);
    mli_free(&alloc, model->languages);
    mli_free(&alloc, model);
}

modellab_status modellab_model_get_info(const modellab_model *model, modellab_model_info *out,
                                        modellab_error *err)
{
    modellab_model_info info = {.size = sizeof info};

    if (model == NULL || out == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "%s must not be NULL",
                        model == NULL ? "model" : "out");
    info.name = mli_model_name_is_path(model->name) ? mli_basename(model->name) : model->name;
    info.architecture = model->asr != NULL       ? "whisper"
                        : model->voice != NULL   ? "piper-vits"
                        : model->lexicon != NULL ? "cmudict"
                        : model->voices != NULL  ? "ge2e"
                                                 : "silero-vad";
    info.sha256 = model->sha256;
    info.format = model->format;
    info.languages = model->languages;
    info.weights = MODELLAB_WEIGHTS_F32;
    if (model->asr != NULL) {
        mli_asr_model_info inner = mli_asr_model_info_of(model->asr);
        info.weights =
            inner.weights == MLI_ASR_WEIGHTS_F32 ? MODELLAB_WEIGHTS_F32 : MODELLAB_WEIGHTS_F16;
        info.is_multilingual = inner.multilingual ? 1 : 0;
    }
    info.parameters = model->parameters;
    info.bytes = model->bytes;
    return mli_sized_out(out, &info, sizeof info, INFO_FIRST, err);
}

const char *modellab_model_token(const modellab_model *model, int32_t token, size_t *bytes)
{
    const char *text = NULL;
    size_t count = 0;

    if (model != NULL && model->asr != NULL)
        text = mli_whisper_token_bytes(mli_asr_model_tokenizer(model->asr), token, &count);
    if (bytes != NULL)
        *bytes = count;
    return text != NULL && count > 0 ? text : "";
}
