/* Fuzz target: the content of images of voices, whose checksums are taken for right. Input: size of
 * the file, checksum of the layout, bytes of weights (u32 each), number of pieces (u16), the
 * pieces, the graph. What is accepted speaks a few ids (the weights are zeros). */
#include "speech/voice_image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

enum { HEAD = 14, PIECE = 16, MOST_FILE = 1 << 20, MOST_WEIGHTS = 4 << 20 };

static _Alignas(64) unsigned char block[MOST_WEIGHTS + MOST_FILE + 65536 * PIECE];

static uint32_t little(const uint8_t *p, int bytes)
{
    uint32_t v = 0;
    for (int i = 0; i < bytes; i++)
        v |= (uint32_t)p[i] << 8 * i;
    return v;
}

static modellab_status take(void *user, const float *samples, size_t count, modellab_error *err)
{
    volatile float *sink = user;
    (void)err;
    for (size_t i = 0; i < count; i++)
        *sink += samples[i];
    return MODELLAB_OK;
}

static void speak(const mli_vits *model)
{
    static const int32_t ids[] = {1, 0, 2};
    const mli_vits_options options = {.length = 1.0, .noise = 0.5, .noise_w = 0.5};
    static mli_pool *pool; /* of one thread, kept */
    mli_vits_session *session = NULL;
    float sink = 0;
    if (pool == NULL && mli_pool_create(1, NULL, &pool, NULL) != MODELLAB_OK)
        return;
    if (mli_vits_session_create(&session, model, pool, NULL) == MODELLAB_OK &&
        mli_vits_run(session, ids, 3, &options, take, &sink, NULL, NULL) == MODELLAB_OK &&
        sink != sink)
        abort();
    mli_vits_session_destroy(session);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    char metadata[128];
    mli_vits *model = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    if (bytes < HEAD)
        return 0;
    const uint32_t file = little(data, 4), weights = little(data + 8, 4);
    size_t list = little(data + 12, 2) * PIECE, graph = bytes - HEAD;
    if (list > graph || graph > MOST_FILE || weights > MOST_WEIGHTS || file > 64 * MOST_FILE)
        return 0;
    graph -= list;
    memcpy(block + MOST_WEIGHTS, data + HEAD, list + graph);
    int n =
        snprintf(metadata, sizeof metadata, "{\"kind\":\"piper\",\"file_bytes\":%u,\"walk\":%u}",
                 file, little(data + 4, 4));
    mli_image_section sections[] = {
        {.name = "weights", .type = 259, .offset = 0, .bytes = weights},
        {.name = "pieces", .type = MLI_WEIGHT_U8, .offset = MOST_WEIGHTS, .bytes = list},
        {.name = "graph", .type = MLI_WEIGHT_U8, .offset = MOST_WEIGHTS + list, .bytes = graph}};
    const mli_image image = {.bytes = block,
                             .size = sizeof block,
                             .sections = sections,
                             .section_count = 3,
                             .metadata = metadata,
                             .metadata_bytes = (size_t)n};
    if (mli_voice_image_bind(&model, NULL, &image, NULL, &err) == MODELLAB_OK)
        speak(model);
    else if (err.message[0] == '\0')
        abort(); /* a refusal without words */
    mli_vits_destroy(model);
    return 0;
}
