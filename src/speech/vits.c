/* VITS: the model, its sessions, and a run from ids to samples. */
#include "speech/vits.h"
#include "base/alloc.h"
#include "base/error.h"
#include "kernels/vector.h"
#include "speech/vits_private.h"
#include <string.h>

/* A model whose network is still to be made. */
MODELLAB_MUST_CHECK static modellab_status begin(mli_vits **out, const modellab_allocator *alloc,
                                                 const mli_piper *voice, modellab_error *err)
{
    mli_vits *m = mli_alloc_zero(alloc, sizeof *m);
    *out = m;
    if (m == NULL)
        return mli_no_memory(err);
    m->alloc = alloc != NULL ? *alloc : (modellab_allocator)MODELLAB_ALLOCATOR_INIT;
    m->parameters = (int64_t)voice->parameters;
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status settle(mli_vits **out, modellab_status status)
{
    if (status != MODELLAB_OK && *out != NULL) {
        modellab_allocator alloc = (*out)->alloc;
        mli_free(&alloc, *out);
        *out = NULL;
    }
    return status;
}

modellab_status mli_vits_create(mli_vits **out, const modellab_allocator *alloc,
                                const mli_piper *voice, bool drop, mli_pool *pool,
                                const mli_cancel_word *cancel, modellab_error *err)
{
    modellab_status status = begin(out, alloc, voice, err);
    if (status == MODELLAB_OK)
        status = mli_vits_net_create(&(*out)->net, &(*out)->alloc, voice, drop, pool, cancel, err);
    return settle(out, status);
}

modellab_status mli_vits_bind(mli_vits **out, const modellab_allocator *alloc,
                              const mli_piper *voice, const mli_vits_block *block,
                              modellab_error *err)
{
    modellab_status status = begin(out, alloc, voice, err);
    if (status == MODELLAB_OK)
        status = mli_vits_net_bind(&(*out)->net, &(*out)->alloc, voice, block->floats, block->bytes,
                                   block->walk, err);
    return settle(out, status);
}

mli_vits_block mli_vits_block_of(const mli_vits *model)
{
    return (mli_vits_block){model->net.block, model->net.bytes, model->net.walk};
}

void mli_vits_destroy(mli_vits *model)
{
    if (model != NULL) {
        modellab_allocator alloc = model->alloc;

        mli_vits_net_dispose(&model->net);
        mli_free(&alloc, model);
    }
}

mli_vits_info mli_vits_info_of(const mli_vits *model)
{
    return (mli_vits_info){.ids = (int32_t)model->net.ids,
                           .speakers = (int32_t)model->net.speakers,
                           .hop = (int32_t)model->net.hop,
                           .parameters = model->parameters,
                           .bytes = (int64_t)model->net.bytes};
}

/* Where a speaker's biases lie in one block; NULL counts its floats. */
static size_t place_voice(mli_vits_session *s, float *memory)
{
    const mli_vits_net *net = s->net;
    size_t used = 0;

    s->voice.durations = memory;
    used += net->durations.width;
    s->voice.decoder = memory != NULL ? memory + used : NULL;
    used += net->decoder.pre.w.rows;
    for (size_t c = 0; c < net->flow.couplings; c++) {
        for (size_t i = 0; i < net->flow.layers; i++) {
            s->voice.flow[c][i] = memory != NULL ? memory + used : NULL;
            used += 2 * net->flow.width;
        }
    }
    return used;
}

/* What the layers have without a speaker. */
static void plain_voice(mli_vits_session *s)
{
    const mli_vits_net *net = s->net;

    s->voice.durations = net->durations.pre.bias;
    s->voice.decoder = net->decoder.pre.bias;
    for (size_t c = 0; c < net->flow.couplings; c++) {
        for (size_t i = 0; i < net->flow.layers; i++)
            s->voice.flow[c][i] = net->flow.coupling[c].layer[i].in_bias;
    }
}

typedef struct cond_job {
    const mli_vits_cond *cond;
    const float *speaker;
    float *y;
} cond_job;

static void condition(void *ctx, mli_team *team)
{
    const cond_job *j = ctx;
    mli_nn_linear_run(team, j->cond, 1, j->speaker, MLI_ACT_NONE, j->y);
}

/* y += what the speaker adds; y comes from voice.memory. */
static void add_condition(const mli_vits_session *s, const mli_vits_cond *cond, const float *y,
                          const float *bias, size_t n)
{
    float *to = s->voice.memory + (y - s->voice.memory);
    cond_job j = {cond, s->net->speaker + (size_t)s->voice.speaker * s->net->speaker_width, to};

    mli_pool_host(s->pool, NULL, condition, &j);
    if (bias != NULL)
        mli_add(to, bias, n);
}

static void choose_speaker(mli_vits_session *s, int32_t speaker)
{
    const mli_vits_net *net = s->net;

    if (s->voice.memory == NULL || s->voice.speaker == speaker)
        return;
    s->voice.speaker = speaker;
    (void)place_voice(s, s->voice.memory);
    add_condition(s, &net->durations.cond, s->voice.durations, net->durations.pre.bias,
                  net->durations.width);
    add_condition(s, &net->decoder.cond, s->voice.decoder, net->decoder.pre.bias,
                  net->decoder.pre.w.rows);
    for (size_t c = 0; c < net->flow.couplings; c++) {
        /* one product gives the biases of all layers, which lie side by side */
        add_condition(s, &net->flow.coupling[c].cond, s->voice.flow[c][0], NULL, 0);
        for (size_t i = 0; i < net->flow.layers; i++)
            mli_add(s->voice.memory + (s->voice.flow[c][i] - s->voice.memory),
                    net->flow.coupling[c].layer[i].in_bias, 2 * net->flow.width);
    }
}

modellab_status mli_vits_session_create(mli_vits_session **out, const mli_vits *model,
                                        mli_pool *pool, modellab_error *err)
{
    mli_vits_session *s = mli_alloc_zero(&model->alloc, sizeof *s);
    modellab_status status = MODELLAB_OK;

    *out = NULL;
    if (s == NULL)
        return mli_no_memory(err);
    s->model = model;
    s->net = &model->net;
    s->pool = pool;
    s->voice.speaker = -1;
    plain_voice(s);
    if (s->net->speaker_width > 0) {
        size_t floats = place_voice(s, NULL);

        s->voice.memory = mli_alloc_array(&model->alloc, floats, sizeof(float));
        status = s->voice.memory != NULL ? MODELLAB_OK : mli_no_memory(err);
    }
    if (status == MODELLAB_OK)
        status = mli_vits_flow_create(s, err);
    if (status == MODELLAB_OK)
        status = mli_vits_decoder_create(s, err);
    if (status != MODELLAB_OK) {
        mli_vits_session_destroy(s);
        return status;
    }
    *out = s;
    return MODELLAB_OK;
}

void mli_vits_session_destroy(mli_vits_session *session)
{
    if (session != NULL) {
        mli_vits_text_dispose(session);
        mli_vits_flow_dispose(session);
        mli_vits_decoder_dispose(session);
        mli_free(&session->model->alloc, session->voice.memory);
        mli_free(&session->model->alloc, session);
    }
}

MODELLAB_MUST_CHECK static modellab_status check(const mli_vits_session *s, const int32_t *ids,
                                                 size_t count, const mli_vits_options *o,
                                                 modellab_error *err)
{
    if (count == 0)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "there is no phoneme id");
    if (count > MLI_VITS_MAX_IDS)
        return mli_fail(err, MODELLAB_E_LIMIT, "%zu phoneme ids in one utterance; at most %d",
                        count, MLI_VITS_MAX_IDS);
    for (size_t i = 0; i < count; i++) {
        if (ids[i] < 0 || (size_t)ids[i] >= s->net->ids)
            return mli_fail_at(err, MODELLAB_E_INVALID_ARGUMENT, (int64_t)i,
                               "phoneme id %d is not of this voice (0 .. %zu)", (int)ids[i],
                               s->net->ids - 1);
    }
    if (o->speaker < 0 || (size_t)o->speaker >= s->net->speakers)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "speaker %d is not of this voice (%zu)",
                        (int)o->speaker, s->net->speakers);
    if (!(o->length > 0.0 && o->length <= 100.0) || !(o->noise >= 0.0 && o->noise <= 10.0) ||
        !(o->noise_w >= 0.0 && o->noise_w <= 10.0) || o->step > MLI_VITS_MAX_STEP)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "length, noise, noise_w or step is out of range");
    return MODELLAB_OK;
}

modellab_status mli_vits_run(mli_vits_session *session, const int32_t *ids, size_t count,
                             const mli_vits_options *options, mli_vits_chunk_fn chunk, void *user,
                             const mli_cancel_word *cancel, modellab_error *err)
{
    mli_vits_session *s = session;
    modellab_status status = check(s, ids, count, options, err);

    s->text.count = 0;
    if (status != MODELLAB_OK)
        return status;
    s->options = options;
    s->cancel = cancel;
    s->chunk = chunk;
    s->user = user;
    choose_speaker(s, options->speaker);
    status = mli_vits_text_run(s, ids, count, err);
    if (status != MODELLAB_OK)
        return status;
    if (options->given_noise != NULL && (int64_t)options->given_frames < s->text.total)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "%lld frames need noise",
                        (long long)s->text.total);
    mli_vits_flow_begin(s);
    mli_vits_decoder_begin(s);
    int64_t step = options->step > 0 ? (int64_t)options->step : MLI_VITS_STEP, end = 0;
    const int64_t samples = s->text.total * (int64_t)s->net->hop;
    while (status == MODELLAB_OK && s->decoder.sent < samples) {
        end += step;
        mli_vits_flow_step(s, end);
        if (mli_cancelled(cancel))
            return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
        status = mli_vits_decoder_step(s, err);
    }
    return status;
}

const int32_t *mli_vits_frames(const mli_vits_session *session, size_t *count)
{
    *count = session->text.count;
    return session->text.frames;
}

size_t mli_vits_cut_ids(const mli_vits_session *session)
{
    return session->text.cut;
}
