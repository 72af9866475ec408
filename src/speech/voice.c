/* Opening a Piper voice; an utterance of IPA as ids. */
#include "speech/voice.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "speech/voice_image.h"
#include "speech/voice_text.h"
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

/* An image that cannot be used is no reason not to speak: only slower to open. What is wrong with
 * the voice itself, packing says. */
static bool without_image(modellab_status status)
{
    return status != MODELLAB_OK && status != MODELLAB_E_CANCELLED &&
           status != MODELLAB_E_NO_MEMORY;
}

MODELLAB_MUST_CHECK static modellab_status load_net(mli_voice *v, mli_model_files *files,
                                                    const char *cache,
                                                    const mli_cancel_word *cancel,
                                                    modellab_error *err)
{
    modellab_error why = MODELLAB_ERROR_INIT;
    modellab_status status = files->image >= 0
                                 ? mli_voice_image_from_fd(&v->image, &v->net, &v->alloc, files,
                                                           files->image, cancel, &why)
                                 : mli_voice_image_open(&v->image, &v->net, &v->alloc, files, cache,
                                                        cancel, v->reason, &why);
    v->mapped = status == MODELLAB_OK;
    if (without_image(status)) {
        if (files->image >= 0 || (cache != NULL && files->sealed)) /* else none is kept */
            (void)mli_str_copy(v->reason, sizeof v->reason, why.message);
        return mli_voice_pack(&v->net, &v->alloc, files, cancel, err);
    }
    return v->mapped ? status : mli_fail_at(err, status, why.detail, "%s", why.message);
}

MODELLAB_MUST_CHECK static modellab_status load(mli_voice *v, mli_model_files *files,
                                                const char *cache, const mli_cancel_word *cancel,
                                                modellab_error *err)
{
    modellab_status status = MODELLAB_OK;

    if (files->config == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_MODEL, "the voice's .onnx.json is missing");
    status = mli_piper_config_read(&v->config, &v->alloc, files->config, files->config_bytes, err);
    if (status == MODELLAB_OK)
        status = load_net(v, files, cache, cancel, err);
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

/* The symbols of an utterance; `words` gets a span for what stands between spaces. */
MODELLAB_MUST_CHECK static modellab_status fill(mli_utterance *u, mli_buf *words, size_t *skipped,
                                                const mli_piper_config *config, const char *ipa,
                                                size_t bytes, modellab_error *err)
{
    mli_voice_span word = {.count = 0};

    mli_utterance_begin(u, config);
    const size_t begun = u->ids.size;
    for (size_t i = 0, n; i < bytes; i += n) {
        uint32_t c;
        const size_t before = u->ids.size;
        n = mli_utf8_decode(ipa + i, bytes - i, &c); /* it is valid */
        mli_utterance_add(u, config, ipa + i, n, skipped, NULL);
        const size_t ids = u->ids.size / sizeof(int32_t);
        if (ids >= MLI_VITS_MAX_IDS)
            return mli_fail(err, MODELLAB_E_LIMIT, "more than %d phoneme ids in one utterance",
                            MLI_VITS_MAX_IDS);
        if (c != ' ' && u->ids.size > before) {
            if (word.count == 0)
                word.first = (int32_t)(before / sizeof(int32_t));
            word.count = (int32_t)ids - word.first;
        }
        if ((c == ' ' || i + n == bytes) && word.count > 0) {
            mli_buf_append(words, &word, sizeof word);
            word.count = 0;
        }
    }
    modellab_status status = mli_buf_status(&u->ids, err);
    if (status == MODELLAB_OK && u->ids.size == begun)
        status = mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                          "no symbol of the text is one that the voice knows");
    mli_utterance_end(u, config);
    if (status == MODELLAB_OK)
        status = mli_buf_status(&u->ids, err);
    return status == MODELLAB_OK ? mli_buf_status(words, err) : status;
}

modellab_status mli_voice_ids_of(mli_voice_ids *out, const mli_voice *voice, const char *ipa,
                                 size_t bytes, modellab_error *err)
{
    mli_utterance u;
    mli_buf words;

    *out = (mli_voice_ids){.alloc = &voice->alloc};
    if (!mli_utf8_valid(ipa, bytes))
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "the phonemes are not valid UTF-8");
    mli_utterance_init(&u, &voice->alloc);
    mli_buf_init(&words, &voice->alloc);
    modellab_status status = fill(&u, &words, &out->skipped, &voice->config, ipa, bytes, err);
    if (status == MODELLAB_OK) {
        out->count = u.ids.size / sizeof *out->ids;
        out->word_count = words.size / sizeof *out->words;
        out->ids = (int32_t *)(void *)mli_buf_take(&u.ids, NULL);
        if (words.data != NULL)
            out->words = (mli_voice_span *)(void *)mli_buf_take(&words, NULL);
        if (out->ids == NULL || (out->words == NULL && out->word_count > 0)) {
            mli_voice_ids_dispose(out);
            status = mli_no_memory(err);
        }
    }
    mli_utterance_dispose(&u);
    mli_buf_dispose(&words);
    return status;
}

void mli_voice_ids_dispose(mli_voice_ids *ids)
{
    mli_free(ids->alloc, ids->ids);
    mli_free(ids->alloc, ids->words);
    *ids = (mli_voice_ids){.alloc = ids->alloc};
}
