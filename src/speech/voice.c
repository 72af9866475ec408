/* Opening a Piper voice; phonemes as ids. */
#include "speech/voice.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "speech/voice_image.h"
#include <string.h>

/* An id that the network has no row for would only be found when it is spoken. */
MODELLAB_MUST_CHECK static modellab_status check_ids(const mli_voice *v, modellab_error *err)
{
    mli_vits_info info = mli_vits_info_of(v->net);

    for (size_t i = 0; i < v->config.id_count; i++) {
        if (v->config.ids[i] >= info.ids)
            return mli_fail(err, MODELLAB_E_INVALID_MODEL,
                            "configuration of the voice: id %d, but the network knows %d",
                            (int)v->config.ids[i], (int)info.ids);
    }
    return MODELLAB_OK;
}

/* A cache that cannot be used is no reason not to speak: only slower to open. */
static bool without_image(modellab_status status)
{
    return status != MODELLAB_OK && status != MODELLAB_E_CANCELLED &&
           status != MODELLAB_E_NO_MEMORY && status != MODELLAB_E_UNSUPPORTED_MODEL;
}

MODELLAB_MUST_CHECK static modellab_status load(mli_voice *v, mli_model_files *files,
                                                const char *cache, const mli_cancel_word *cancel,
                                                modellab_error *err)
{
    modellab_status status = MODELLAB_OK;

    if (files->config == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_MODEL, "the voice's .onnx.json is missing");
    status = mli_piper_config_read(&v->config, &v->alloc, files->config, files->config_bytes, err);
    if (status == MODELLAB_OK) {
        status = mli_voice_image_open(&v->image, &v->net, &v->alloc, files, cache, cancel, err);
        v->mapped = status == MODELLAB_OK;
        if (without_image(status)) {
            mli_error_clear(err);
            status = mli_voice_pack(&v->net, &v->alloc, files, cancel, err);
        }
    }
    return status == MODELLAB_OK ? check_ids(v, err) : status;
}

modellab_status mli_voice_create(mli_voice **out, const modellab_allocator *alloc,
                                 mli_model_files *files, const char *cache,
                                 const mli_cancel_word *cancel, modellab_error *err)
{
    mli_voice *v = mli_alloc_zero(alloc, sizeof *v);

    *out = NULL;
    if (v == NULL)
        return mli_no_memory(err);
    v->alloc = alloc != NULL ? *alloc : (modellab_allocator)MODELLAB_ALLOCATOR_INIT;
    v->config.alloc = &v->alloc;
    modellab_status status = load(v, files, cache, cancel, err);
    mli_model_files_unload(files);
    if (status != MODELLAB_OK) {
        mli_voice_destroy(v);
        return status;
    }
    *out = v;
    return MODELLAB_OK;
}

void mli_voice_destroy(mli_voice *voice)
{
    if (voice != NULL) {
        modellab_allocator alloc = voice->alloc;

        mli_vits_destroy(voice->net);
        if (voice->mapped)
            mli_cached_image_close(&voice->image);
        mli_piper_config_dispose(&voice->config);
        mli_free(&alloc, voice);
    }
}

MODELLAB_MUST_CHECK static modellab_status add(mli_voice_ids *out, const mli_voice *v,
                                               const char *symbol, size_t bytes, bool *known,
                                               modellab_error *err)
{
    const mli_piper_symbol *s = mli_piper_find(&v->config, symbol, bytes);

    *known = s != NULL && s->count > 0; /* a symbol without ids makes no sound */
    if (!*known)
        return MODELLAB_OK;
    if (s->count > MLI_VITS_MAX_IDS - out->count)
        return mli_fail(err, MODELLAB_E_LIMIT, "more than %d phoneme ids in one utterance",
                        MLI_VITS_MAX_IDS);
    memcpy(out->ids + out->count, v->config.ids + s->first, s->count * sizeof *out->ids);
    out->count += s->count;
    return MODELLAB_OK;
}

/* A phoneme with its pad; it is part of the word that is open. */
MODELLAB_MUST_CHECK static modellab_status add_phoneme(mli_voice_ids *out, const mli_voice *v,
                                                       const char *symbol, size_t bytes,
                                                       bool *in_word, modellab_error *err)
{
    int32_t first = (int32_t)out->count;
    bool known = false, pad = false, space = bytes == 1 && *symbol == ' ';
    modellab_status status = add(out, v, symbol, bytes, &known, err);

    if (status == MODELLAB_OK && known)
        status = add(out, v, "_", 1, &pad, err);
    if (status != MODELLAB_OK)
        return status;
    out->skipped += known ? 0 : 1;
    if (space || !known) {
        *in_word = *in_word && !space;
        return MODELLAB_OK;
    }
    if (!*in_word && out->word_count == MLI_VITS_MAX_IDS)
        return mli_fail(err, MODELLAB_E_LIMIT, "more than %d words in one utterance",
                        MLI_VITS_MAX_IDS);
    if (!*in_word)
        out->words[out->word_count++] = (mli_voice_span){first, 0};
    *in_word = true;
    mli_voice_span *word = &out->words[out->word_count - 1];
    word->count = (int32_t)out->count - word->first;
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status fill(mli_voice_ids *out, const mli_voice *v,
                                                const char *ipa, size_t bytes, modellab_error *err)
{
    bool known = false, in_word = false;
    modellab_status status = add(out, v, "^", 1, &known, err);

    if (status == MODELLAB_OK && known)
        status = add(out, v, "_", 1, &known, err);
    size_t before = out->count;
    for (size_t i = 0; status == MODELLAB_OK && i < bytes;) {
        size_t n = 1;

        while (i + n < bytes && ((unsigned char)ipa[i + n] & 0xc0) == 0x80)
            n++;
        status = add_phoneme(out, v, ipa + i, n, &in_word, err);
        i += n;
    }
    if (status == MODELLAB_OK && out->count == before)
        status = mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                          "no symbol of the text is one that the voice knows");
    return status == MODELLAB_OK ? add(out, v, "$", 1, &known, err) : status;
}

modellab_status mli_voice_ids_of(mli_voice_ids *out, const mli_voice *voice, const char *ipa,
                                 size_t bytes, modellab_error *err)
{
    *out = (mli_voice_ids){.alloc = &voice->alloc};
    if (!mli_utf8_valid(ipa, bytes))
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "the phonemes are not valid UTF-8");
    out->ids = mli_alloc_array(&voice->alloc, MLI_VITS_MAX_IDS, sizeof *out->ids);
    out->words = mli_alloc_array(&voice->alloc, MLI_VITS_MAX_IDS, sizeof *out->words);
    modellab_status status = out->ids != NULL && out->words != NULL
                                 ? fill(out, voice, ipa, bytes, err)
                                 : mli_no_memory(err);
    if (status != MODELLAB_OK)
        mli_voice_ids_dispose(out);
    return status;
}

void mli_voice_ids_dispose(mli_voice_ids *ids)
{
    mli_free(ids->alloc, ids->ids);
    mli_free(ids->alloc, ids->words);
    *ids = (mli_voice_ids){.alloc = ids->alloc};
}
