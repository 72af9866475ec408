/* Fuzz target: Piper voices, graph and configuration. What is accepted is packed, and speaks a few
 * ids when it is small: every size of the file reaches the engine. */
#include "speech/vits.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static modellab_status take(void *user, const float *samples, size_t count, modellab_error *err)
{
    volatile float *sink = user;
    (void)err;
    for (size_t i = 0; i < count; i++)
        *sink += samples[i];
    return MODELLAB_OK;
}

static void speak(const mli_piper *voice)
{
    static const int32_t ids[] = {1, 0, 2, 0, 3};
    const mli_vits_options options = {.length = 1.0, .noise = 0.5, .noise_w = 0.5};
    mli_vits *model = NULL;
    mli_vits_session *session = NULL;
    static mli_pool *pool; /* of one thread, kept */
    float sink = 0;
    if (pool == NULL && mli_pool_create(1, NULL, &pool, NULL) != MODELLAB_OK)
        return;
    if (mli_vits_create(&model, NULL, voice, false, NULL, NULL, NULL) != MODELLAB_OK)
        return;
    if (mli_vits_session_create(&session, model, pool, NULL) == MODELLAB_OK &&
        mli_vits_run(session, ids, 5, &options, take, &sink, NULL, NULL) == MODELLAB_OK) {
        size_t count;
        if (mli_vits_frames(session, &count) == NULL || count != 5)
            abort();
    }
    mli_vits_session_destroy(session);
    mli_vits_destroy(model);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static mli_piper voice;
    mli_piper_config config;
    modellab_error err = MODELLAB_ERROR_INIT;
    if (bytes > 0 && data[0] == '{') {
        if (mli_piper_config_read(&config, NULL, (const char *)data, bytes, &err) == MODELLAB_OK) {
            (void)mli_piper_find(&config, "a", 1);
            mli_piper_config_dispose(&config);
        } else if (err.message[0] == '\0') {
            abort(); /* a refusal without words */
        }
        return 0;
    }
    if (mli_piper_read(&voice, NULL, data, bytes, NULL, &err) == MODELLAB_OK)
        speak(&voice);
    else if (err.message[0] == '\0')
        abort();
    return 0;
}
