/* Running a chain over samples in memory, in blocks of any sizes, for tests. */
#ifndef TEST_SPEECH_ENHANCE_RUN_H
#define TEST_SPEECH_ENHANCE_RUN_H

#include "speech/enhance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct heard {
    mli_pcm_format format;
    float *samples;
    size_t frames;
    size_t passes;
    mli_time_map map;
    mli_enhance_note notes[MLI_ENHANCE_MAX_OPS][MLI_EFFECT_NOTES + 1];
    modellab_error err;
    /* of the source */
    const float *from;
    size_t from_frames, at, ragged; /* ragged: 0 = as many as asked for, else sizes up to this */
    unsigned state;
    const mli_cancel_word *cancel;
    const modellab_allocator *alloc;
} heard;

static modellab_status heard_rewind(void *user, modellab_error *err)
{
    heard *h = user;
    (void)err;
    h->at = 0;
    h->state = 1;
    return MODELLAB_OK;
}

static modellab_status heard_read(void *user, float *out, size_t frames, size_t *got,
                                  modellab_error *err)
{
    heard *h = user;
    size_t channels = (size_t)h->format.channels, part = h->from_frames - h->at;
    (void)err;
    if (h->ragged > 0) {
        h->state = h->state * 1664525u + 1013904223u;
        size_t most = 1 + (h->state >> 8) % h->ragged;
        frames = frames < most ? frames : most;
    }
    part = part < frames ? part : frames;
    memcpy(out, h->from + h->at * channels, part * channels * sizeof *out);
    h->at += part;
    *got = part;
    return MODELLAB_OK;
}

typedef struct heard_out {
    heard *h;
    size_t channels, capacity;
} heard_out;

static modellab_status heard_take(void *user, const float *samples, size_t frames,
                                  modellab_error *err)
{
    heard_out *o = user;
    heard *h = o->h;
    (void)err;
    if (h->frames + frames > o->capacity) {
        o->capacity = 2 * (h->frames + frames);
        h->samples = realloc(h->samples, o->capacity * o->channels * sizeof(float));
    }
    memcpy(h->samples + h->frames * o->channels, samples, frames * o->channels * sizeof(float));
    h->frames += frames;
    return MODELLAB_OK;
}

/* `ops`: operators with spaces between them. */
static modellab_status hear(heard *h, const char *ops, const float *samples, size_t frames,
                            int32_t channels, int32_t rate)
{
    mli_enhance_chain chain = {0};
    mli_enhancer *e = NULL;
    char text[512], *rest = text, *one;

    h->samples = NULL;
    h->frames = 0;
    h->map = (mli_time_map){0};
    h->err = (modellab_error)MODELLAB_ERROR_INIT;
    h->from = samples;
    h->from_frames = frames;
    h->format = (mli_pcm_format){channels, rate};
    snprintf(text, sizeof text, "%s", ops);
    modellab_status status = MODELLAB_OK;
    while (status == MODELLAB_OK && (one = strtok_r(rest, " ", &rest)) != NULL)
        status = mli_enhance_parse(one, strlen(one), &chain, &h->err);
    if (status == MODELLAB_OK)
        status = mli_enhancer_create(&chain, h->format, h->alloc, h->cancel, &e, &h->err);
    if (status != MODELLAB_OK)
        return status;
    mli_enhance_source source = {h->format, heard_rewind, heard_read, h};
    heard_out out = {h, (size_t)mli_enhancer_format(e).channels, 0};
    h->passes = mli_enhancer_passes(e);
    status = mli_enhancer_run(e, &source, (mli_pcm_sink){heard_take, &out}, NULL, NULL, &h->err);
    if (status == MODELLAB_OK)
        status = mli_enhancer_map(e, &h->map, &h->err);
    for (size_t i = 0; i < chain.count; i++)
        memcpy(h->notes[i], mli_enhancer_notes(e, i), sizeof h->notes[i]);
    h->format = mli_enhancer_format(e);
    mli_enhancer_destroy(e);
    return status;
}

static void heard_drop(heard *h)
{
    free(h->samples);
    h->samples = NULL;
    mli_time_map_dispose(&h->map);
}

#endif
