/* Fuzz: a chain of operators, one a line. What is taken has a canonical form that is read as the
 * same; run over a little stereo audio it gives finite samples, and a map within the audio. */
#include "speech/enhance.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { FRAMES = 700, RATE = 8000 };

static float samples[2 * FRAMES];
static size_t at;
static int64_t given;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static modellab_status rewind_samples(void *user, modellab_error *err)
{
    (void)user;
    (void)err;
    at = 0;
    return MODELLAB_OK;
}

static modellab_status read_samples(void *user, float *out, size_t frames, size_t *got,
                                    modellab_error *err)
{
    (void)user;
    (void)err;
    *got = FRAMES - at < frames ? FRAMES - at : frames;
    memcpy(out, samples + 2 * at, *got * 2 * sizeof *out);
    at += *got;
    return MODELLAB_OK;
}

static modellab_status take(void *user, const float *in, size_t frames, modellab_error *err)
{
    const mli_pcm_format *format = user;
    (void)err;
    for (size_t i = 0; i < frames * (size_t)format->channels; i++)
        if (!isfinite(in[i]))
            abort();
    given += (int64_t)frames;
    /* a chain may well make hours of this; that is not what is tried here */
    return given < 400000 ? MODELLAB_OK : MODELLAB_E_CALLBACK;
}

static void run(const mli_enhance_chain *chain)
{
    mli_pcm_format format = {2, RATE};
    mli_enhance_source source = {format, rewind_samples, read_samples, NULL};
    mli_enhancer *e = NULL;
    mli_time_map map = {0};

    if (mli_enhancer_create(chain, format, NULL, NULL, &e, NULL) != MODELLAB_OK)
        return;
    format = mli_enhancer_format(e);
    given = 0;
    if (mli_enhancer_run(e, &source, (mli_pcm_sink){take, &format}, NULL, NULL, NULL) ==
            MODELLAB_OK &&
        mli_enhancer_map(e, &map, NULL) == MODELLAB_OK) {
        double end = mli_time_map_back(&map, (double)given / format.rate_hz, true);
        if (!(end >= 0.0 && end < (double)FRAMES / RATE + 0.1))
            abort();
    }
    mli_time_map_dispose(&map);
    mli_enhancer_destroy(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mli_enhance_chain chain = {0};
    const char *text = (const char *)data;

    for (size_t i = 0; i < 2 * FRAMES; i++)
        samples[i] = 0.5f * sinf((float)(i % 400) * 0.1f) * (float)(i % 900 > 300);
    while (size > 0) {
        const char *end = memchr(text, '\n', size);
        size_t line = end != NULL ? (size_t)(end - text) : size, before = chain.count;
        if (mli_enhance_parse(text, line, &chain, NULL) == MODELLAB_OK) {
            mli_enhance_chain again = {0};
            char out[MLI_ENHANCE_CANONICAL];
            size_t length = mli_enhance_canonical(&chain.ops[before], out);
            if (length >= sizeof out ||
                mli_enhance_parse(out, length, &again, NULL) != MODELLAB_OK ||
                memcmp(again.ops[0].values, chain.ops[before].values, sizeof again.ops[0].values) !=
                    0)
                abort();
        }
        size -= line < size ? line + 1 : line;
        text += line + 1;
    }
    run(&chain);
    return 0;
}
