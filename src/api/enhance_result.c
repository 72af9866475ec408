/* modellab_enhancement, and the list of operators. */
#include "api/enhance_result.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/sized.h"
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum {
    INFO_FIRST = MLI_SIZE_UP_TO(modellab_enhancement_info, moves_time),
    STEP_FIRST = MLI_SIZE_UP_TO(modellab_enhancement_step, json),
    OPERATOR_FIRST = MLI_SIZE_UP_TO(modellab_enhance_operator, reserved),
    PARAM_FIRST = MLI_SIZE_UP_TO(modellab_enhance_param, reserved)
};

struct modellab_enhancement {
    modellab_allocator alloc;
    _Atomic uint32_t references;
    modellab_enhancement_info info;
    mli_time_map map;
    size_t count;
    char texts[MLI_ENHANCE_MAX_OPS][MLI_ENHANCE_CANONICAL];
    char *jsons[MLI_ENHANCE_MAX_OPS];
};

MODELLAB_MUST_CHECK static modellab_status missing(const char *what, modellab_error *err)
{
    return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "%s must not be NULL", what);
}

static void dispose(modellab_enhancement *e)
{
    const modellab_allocator alloc = e->alloc;

    e->map.alloc = &alloc;
    mli_time_map_dispose(&e->map);
    for (size_t i = 0; i < e->count; i++)
        mli_free(&alloc, e->jsons[i]);
    mli_free(&alloc, e);
}

MODELLAB_MUST_CHECK static modellab_status fill(modellab_enhancement *e,
                                                const mli_enhance_chain *chain,
                                                const mli_enhancer *enhancer, modellab_error *err)
{
    modellab_status status = mli_enhancer_map(enhancer, &e->map, err);

    e->map.alloc = &e->alloc;
    for (; status == MODELLAB_OK && e->count < chain->count; e->count++) {
        mli_buf json;
        mli_jw w;
        (void)mli_enhance_canonical(&chain->ops[e->count], e->texts[e->count]);
        mli_buf_init(&json, &e->alloc);
        mli_jw_init(&w, &json);
        mli_enhance_write_record(&chain->ops[e->count], mli_enhancer_notes(enhancer, e->count), &w);
        status = mli_buf_status(&json, err);
        if (status == MODELLAB_OK)
            e->jsons[e->count] = mli_buf_take(&json, NULL);
        if (status == MODELLAB_OK && e->jsons[e->count] == NULL)
            status = mli_no_memory(err);
        mli_buf_dispose(&json);
    }
    return status;
}

modellab_status mli_enhancement_create(const mli_enhance_chain *chain, mli_pcm_format in,
                                       const mli_enhancer *enhancer,
                                       const modellab_allocator *alloc, modellab_enhancement **out,
                                       modellab_error *err)
{
    const mli_pcm_format made = mli_enhancer_format(enhancer);
    modellab_enhancement *e = mli_alloc_zero(alloc, sizeof *e);

    *out = NULL;
    if (e == NULL)
        return mli_no_memory(err);
    e->alloc = *alloc;
    atomic_init(&e->references, 1);
    e->info = (modellab_enhancement_info){.size = sizeof e->info,
                                          .channels_in = in.channels,
                                          .rate_in_hz = in.rate_hz,
                                          .frames_in = mli_enhancer_frames_in(enhancer),
                                          .channels_out = made.channels,
                                          .rate_out_hz = made.rate_hz,
                                          .frames_out = mli_enhancer_frames_out(enhancer),
                                          .passes = (int32_t)mli_enhancer_passes(enhancer)};
    modellab_status status = fill(e, chain, enhancer, err);
    e->info.moves_time = e->map.moved;
    if (status == MODELLAB_OK)
        *out = e;
    else
        dispose(e);
    return status;
}

modellab_enhancement *modellab_enhancement_ref(modellab_enhancement *enhancement)
{
    if (enhancement != NULL)
        atomic_fetch_add(&enhancement->references, 1);
    return enhancement;
}

void modellab_enhancement_unref(modellab_enhancement *enhancement)
{
    if (enhancement != NULL && atomic_fetch_sub(&enhancement->references, 1) == 1)
        dispose(enhancement);
}

modellab_status modellab_enhancement_get_info(const modellab_enhancement *enhancement,
                                              modellab_enhancement_info *out, modellab_error *err)
{
    if (enhancement == NULL || out == NULL)
        return missing(enhancement == NULL ? "enhancement" : "out", err);
    return mli_sized_out(out, &enhancement->info, sizeof enhancement->info, INFO_FIRST, err);
}

size_t modellab_enhancement_count(const modellab_enhancement *enhancement)
{
    return enhancement == NULL ? 0 : enhancement->count;
}

modellab_status modellab_enhancement_step_at(const modellab_enhancement *enhancement, size_t index,
                                             modellab_enhancement_step *out, modellab_error *err)
{
    if (enhancement == NULL || out == NULL)
        return missing(enhancement == NULL ? "enhancement" : "out", err);
    if (index >= enhancement->count)
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no operator %zu", index);
    const modellab_enhancement_step step = {
        .size = sizeof step, .text = enhancement->texts[index], .json = enhancement->jsons[index]};
    return mli_sized_out(out, &step, sizeof step, STEP_FIRST, err);
}

double modellab_enhancement_original_time(const modellab_enhancement *enhancement, double seconds,
                                          int32_t is_end)
{
    return enhancement == NULL ? seconds
                               : mli_time_map_back(&enhancement->map, seconds, is_end != 0);
}

size_t modellab_enhance_operator_count(void)
{
    return MLI_ENHANCE_KINDS;
}

modellab_status modellab_enhance_operator_at(size_t index, modellab_enhance_operator *out,
                                             modellab_error *err)
{
    if (out == NULL)
        return missing("out", err);
    if (index >= MLI_ENHANCE_KINDS)
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no operator %zu", index);
    const mli_enhance_info *info = mli_enhance_info_of((mli_enhance_kind)index);
    modellab_enhance_operator op = {.size = sizeof op,
                                    .name = info->name,
                                    .text = info->text,
                                    .two_passes = info->two_passes,
                                    .moves_time = info->moves_time};
    while (info->params[op.param_count].name != NULL)
        op.param_count++;
    return mli_sized_out(out, &op, sizeof op, OPERATOR_FIRST, err);
}

modellab_status modellab_enhance_param_at(size_t index, size_t param, modellab_enhance_param *out,
                                          modellab_error *err)
{
    if (out == NULL)
        return missing("out", err);
    if (index >= MLI_ENHANCE_KINDS || param >= MLI_ENHANCE_PARAMS ||
        mli_enhance_info_of((mli_enhance_kind)index)->params[param].name == NULL)
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no parameter %zu of operator %zu",
                        param, index);
    const mli_enhance_param *from = &mli_enhance_info_of((mli_enhance_kind)index)->params[param];
    const modellab_enhance_param p = {.size = sizeof p,
                                      .name = from->name,
                                      .unit = from->unit,
                                      .text = from->text,
                                      .choices = from->words,
                                      .least = from->least,
                                      .most = from->most,
                                      .standard = from->standard,
                                      .is_whole = from->whole};
    return mli_sized_out(out, &p, sizeof p, PARAM_FIRST, err);
}

modellab_status modellab_enhance_check(const char *op, char *dst, size_t capacity, size_t *needed,
                                       modellab_error *err)
{
    mli_enhance_chain chain = {0};
    char text[MLI_ENHANCE_CANONICAL];

    if (needed != NULL)
        *needed = 0;
    if (op == NULL || (dst == NULL && capacity > 0))
        return missing(op == NULL ? "op" : "dst", err);
    modellab_status status = mli_enhance_parse(op, strlen(op), &chain, err);
    if (status != MODELLAB_OK)
        return status;
    size_t bytes = mli_enhance_canonical(&chain.ops[0], text) + 1;
    if (needed != NULL)
        *needed = bytes;
    if (capacity == 0)
        return MODELLAB_OK;
    if (bytes > capacity)
        return mli_fail(err, MODELLAB_E_BUFFER_TOO_SMALL, "%zu bytes are needed", bytes);
    memcpy(dst, text, bytes);
    return MODELLAB_OK;
}
