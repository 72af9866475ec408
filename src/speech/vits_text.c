/* Text encoder and stochastic duration predictor of VITS: ids become rows of mean and deviation,
 * and a number of frames each. */
#include "base/alloc.h"
#include "base/checked.h"
#include "base/error.h"
#include "kernels/vector.h"
#include "nn/noise.h"
#include "nn/spline.h"
#include "speech/vits_private.h"
#include <math.h>
#include <string.h>

enum { PAD = 32 /* rows of zeros at both ends, half of the most taps */, ROWS = 16 };

typedef struct text_job {
    mli_vits_session *s;
    const int32_t *ids;
    size_t n;
    size_t spline, from, to; /* of the flow that runs: condition and channel that changes */
} text_job;

static void encode(void *ctx, mli_team *team)
{
    const text_job *j = ctx;
    const mli_vits_net *net = j->s->net;
    mli_vits_text *t = &j->s->text;
    size_t n = j->n, width = net->hidden, dim = width / net->heads;
    float *qkv = t->work, *mixed = t->work + 3 * n * width;
    mli_kv kv = mli_kv_view(MLI_DTYPE_F32, net->heads, dim, n, t->kv);

    for (size_t i = 0; i < net->layers; i++) {
        const mli_vits_layer *l = &net->layer[i];

        mli_nn_linear_run(team, &l->qkv, n, t->x, MLI_ACT_NONE, qkv);
        mli_kv_pack(team, &kv, t->kv, qkv + width, 3 * width, qkv + 2 * width, 3 * width);
        mli_attention(team, &(mli_attention_args){.kv = &kv,
                                                  .m = n,
                                                  .q = qkv,
                                                  .q_stride = 3 * width,
                                                  .scale = 1.0f / sqrtf((float)dim),
                                                  .out = mixed,
                                                  .out_stride = width,
                                                  .near_k = l->near_k,
                                                  .near_v = l->near_v,
                                                  .window = net->window});
        mli_nn_linear_add(team, &l->out, n, mixed, t->x);
        mli_nn_norm_run(team, &l->norm1, n, t->x, t->x);
        mli_nn_conv1d_run(team, &l->up, n, t->x, MLI_ACT_RELU, t->inner, net->filter);
        mli_linear(team, &(mli_linear_args){.w = &l->down.w,
                                            .bias = l->down.bias,
                                            .m = n,
                                            .x = t->inner - (l->down.k - 1) / 2 * net->filter,
                                            .x_stride = net->filter,
                                            .y = t->x,
                                            .y_stride = width,
                                            .add = t->x,
                                            .add_stride = width});
        mli_nn_norm_run(team, &l->norm2, n, t->x, t->x);
    }
    mli_nn_linear_run(team, &net->proj, n, t->x, MLI_ACT_NONE, t->stats);
}

/* Deviations out of their logarithms. */
static void deviations(const mli_vits_session *s, size_t n)
{
    size_t c = s->net->channels;

    for (size_t i = 0; i < n; i++) {
        float *log_deviation = s->text.stats + (2 * i + 1) * c;
        mli_exp(log_deviation, log_deviation, c);
    }
}

/* x = condition + pre(z[from]) for rows of a task. */
static void enter_task(void *ctx, size_t task, mli_team *team)
{
    const text_job *j = ctx;
    const mli_vits_net *net = j->s->net;
    const mli_vits_text *t = &j->s->text;
    size_t n = net->durations.width, end = (task + 1) * ROWS < j->n ? (task + 1) * ROWS : j->n;
    const float *w = net->durations.spline[j->spline].pre;
    const float *bias = net->durations.spline[j->spline].pre_bias;

    (void)team;
    for (size_t i = task * ROWS; i < end; i++) {
        const float *condition = t->work + i * n;
        float *x = t->work + (j->n + i) * n, z = t->z[j->from * t->capacity + i];

        for (size_t k = 0; k < n; k++)
            x[k] = z * w[k] + bias[k] + condition[k];
    }
}

static void spline_task(void *ctx, size_t task, mli_team *team)
{
    const text_job *j = ctx;
    const mli_vits_text *t = &j->s->text;
    size_t end = (task + 1) * ROWS < j->n ? (task + 1) * ROWS : j->n;
    float scale = sqrtf((float)j->s->net->durations.width);

    (void)team;
    for (size_t i = task * ROWS; i < end; i++) {
        float *z = &t->z[j->to * t->capacity + i];
        *z = mli_nn_spline_inverse(t->inner + i * MLI_VITS_SPLINE_OUT, scale, *z);
    }
}

/* work: condition [n][width], x [n][width], scratch [2 n][width]. */
static void predict(void *ctx, mli_team *team)
{
    text_job j = *(const text_job *)ctx;
    const mli_vits_net *net = j.s->net;
    mli_vits_text *t = &j.s->text;
    size_t n = j.n, width = net->durations.width, tasks = (n + ROWS - 1) / ROWS;
    float *condition = t->work, *x = condition + n * width, *scratch = x + n * width;
    mli_nn_linear pre = {net->durations.pre.w, j.s->voice.durations};

    mli_nn_linear_run(team, &pre, n, t->x, MLI_ACT_NONE, x);
    for (size_t i = 0; i < net->durations.stack_layers; i++)
        mli_nn_separable_run(team, &net->durations.stack[i], n, x, scratch);
    mli_nn_linear_run(team, &net->durations.proj, n, x, MLI_ACT_NONE, condition);
    for (j.spline = 0; j.spline < net->durations.splines; j.spline++) {
        /* before each flow the channels change places */
        j.from = 1 - j.spline % 2;
        j.to = j.spline % 2;
        mli_team_for(team, tasks, enter_task, &j);
        for (size_t i = 0; i < net->durations.spline_layers; i++)
            mli_nn_separable_run(team, &net->durations.spline[j.spline].stack[i], n, x, scratch);
        mli_nn_linear_run(team, &net->durations.spline[j.spline].proj, n, x, MLI_ACT_NONE,
                          t->inner);
        mli_team_for(team, tasks, spline_task, &j);
    }
}

static void draw(mli_vits_session *s, size_t n)
{
    const mli_vits_options *o = s->options;
    mli_vits_text *t = &s->text;

    for (size_t i = 0; i < n; i++) {
        float two[2];
        if (o->given_durations != NULL) {
            two[0] = o->given_durations[i];
            two[1] = o->given_durations[n + i];
        } else {
            mli_nn_noise(o->seed, MLI_VITS_STREAM_DURATIONS, o->utterance, (uint32_t)i, two, 2);
        }
        t->z[i] = two[0] * (float)o->noise_w;
        t->z[t->capacity + i] = two[1] * (float)o->noise_w;
    }
}

/* exp(logw) of the network times the wanted length, as whole frames. */
MODELLAB_MUST_CHECK static modellab_status count_frames(mli_vits_session *s, size_t n,
                                                        modellab_error *err)
{
    const mli_vits_net *net = s->net;
    mli_vits_text *t = &s->text;
    size_t last = net->durations.splines % 2; /* the channels change places once more */
    const float *logs = t->z + (last == 0 ? t->capacity : 0);

    t->total = 0;
    t->cut = 0;
    for (size_t i = 0; i < n; i++) {
        float log_w = (logs[i] - net->durations.mean[0]) * net->durations.factor[0];
        float frames = ceilf(expf(log_w) * (float)s->options->length);

        if (!(frames >= 0.0f))
            return mli_fail_at(err, MODELLAB_E_INVALID_MODEL, (int64_t)i,
                               "the voice gives no duration for id %zu", i);
        if (frames > (float)MLI_VITS_MAX_ID_FRAMES) {
            frames = (float)MLI_VITS_MAX_ID_FRAMES;
            t->cut++;
        }
        t->frames[i] = (int32_t)frames;
        t->total += t->frames[i];
    }
    t->count = n; /* from here on they may be asked for */
    return MODELLAB_OK;
}

/* Room for n ids. */
MODELLAB_MUST_CHECK static modellab_status make_room(mli_vits_session *s, size_t n,
                                                     modellab_error *err)
{
    const mli_vits_net *net = s->net;
    mli_vits_text *t = &s->text;
    size_t width = net->hidden > net->durations.width ? net->hidden : net->durations.width;
    size_t filter = net->filter > MLI_VITS_SPLINE_OUT ? net->filter : MLI_VITS_SPLINE_OUT;
    size_t kv_bytes, capacity = (n + 127) / 128 * 128, rows = capacity + 2 * PAD;
    modellab_status status =
        mli_kv_bytes(MLI_DTYPE_F32, net->heads, net->hidden / net->heads, capacity, &kv_bytes, err);

    if (status != MODELLAB_OK || n <= t->capacity)
        return status;
    mli_vits_text_dispose(s);
    size_t x = rows * net->hidden, inner = rows * filter, work = 4 * capacity * width;
    /* keys and values are there during the layers, the statistics after them */
    size_t stats = capacity * 2 * net->channels, kv = kv_bytes / sizeof(float);
    stats = stats > kv ? stats : kv;
    size_t floats = x + inner + work + stats + 2 * capacity;
    t->memory = mli_alloc_large(mli_vits_alloc(s), floats * sizeof(float));
    t->frames = mli_alloc_array(mli_vits_alloc(s), capacity, sizeof *t->frames);
    if (t->memory == NULL || t->frames == NULL)
        return mli_no_memory(err);
    memset(t->memory, 0, floats * sizeof(float));
    t->x = t->memory + PAD * net->hidden;
    t->inner = t->memory + x + PAD * filter;
    t->work = t->memory + x + inner;
    t->stats = t->work + work;
    t->kv = t->stats;
    t->z = t->stats + stats;
    t->capacity = capacity;
    return MODELLAB_OK;
}

modellab_status mli_vits_text_run(mli_vits_session *s, const int32_t *ids, size_t count,
                                  modellab_error *err)
{
    const mli_vits_net *net = s->net;
    mli_vits_text *t = &s->text;
    text_job job = {.s = s, .ids = ids, .n = count};
    modellab_status status = make_room(s, count, err);

    if (status != MODELLAB_OK)
        return status;
    /* rows of a longer text before this one, where zeros are wanted now */
    memset(t->x + count * net->hidden, 0, PAD * net->hidden * sizeof *t->x);
    memset(t->inner + count * net->filter, 0, PAD * net->filter * sizeof *t->inner);
    memset(t->inner - PAD * net->filter, 0, PAD * net->filter * sizeof *t->inner);
    for (size_t i = 0; i < count; i++)
        memcpy(t->x + i * net->hidden, net->embedding + (size_t)ids[i] * net->hidden,
               net->hidden * sizeof *t->x);
    mli_pool_host(s->pool, s->cancel, encode, &job);
    if (mli_cancelled(s->cancel))
        return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
    deviations(s, count);
    draw(s, count);
    mli_pool_host(s->pool, s->cancel, predict, &job);
    if (mli_cancelled(s->cancel))
        return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
    return count_frames(s, count, err);
}

void mli_vits_text_dispose(mli_vits_session *s)
{
    mli_free_aligned(mli_vits_alloc(s), s->text.memory);
    mli_free(mli_vits_alloc(s), s->text.frames);
    memset(&s->text, 0, sizeof s->text);
}
