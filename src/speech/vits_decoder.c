/* HiFi-GAN (Kong, Kim, Bae 2020), the decoder of VITS, over signals that move along: transposed
 * convolutions raise the rate, residual blocks follow, their mean goes on. Each stage takes its
 * input in pieces that stay in the cache, and the next one takes what comes out at once. */
#include "base/alloc.h"
#include "base/error.h"
#include "kernels/pairs.h"
#include "kernels/vector.h"
#include "nn/gather.h"
#include "speech/vits_private.h"
#include <string.h>

enum { PIECE_FLOATS = 64 * 1024, SAMPLE_ROWS = 256, MAX_ARGS = MLI_VITS_BLOCKS };
_Static_assert((int)MAX_ARGS <= (int)MLI_CONVOLVE_MOST, "blocks run at once");

typedef struct convolve_job {
    mli_convolve_args args[MAX_ARGS];
    size_t count;
    bool in_order;
} convolve_job;

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t pad_of(const mli_vits_conv *c)
{
    return (int64_t)((c->taps - 1) / 2 * c->dilation);
}

/* Rows that a convolution makes at once. */
static int64_t unit_of(const mli_vits_conv *c)
{
    return c->pair != 0 ? 2 * (int64_t)c->pair : 1;
}

/* The same for the last ones of all blocks, which run over the same rows. */
static int64_t last_unit(const mli_vits_stage *st)
{
    size_t unit = 1;

    for (size_t b = 0; b < st->blocks; b++)
        unit = mli_pairs_common(unit, (size_t)unit_of(&st->conv[b][st->convs - 1]));
    return (int64_t)unit;
}

/* Frames that block `b` is behind the stage's rate after its first `convs` convolutions. */
static int64_t lag_of(const mli_vits_stage *st, size_t b, size_t convs)
{
    int64_t lag = 0;

    for (size_t i = 0; i < convs; i++)
        lag += pad_of(&st->conv[b][i]) + unit_of(&st->conv[b][i]) - 1;
    return lag;
}

static int64_t most_lag(const mli_vits_stage *st)
{
    int64_t most = 0;

    for (size_t b = 0; b < st->blocks; b++)
        most = lag_of(st, b, st->convs) > most ? lag_of(st, b, st->convs) : most;
    return most + last_unit(st) - 1;
}

/* Where the residual of convolution i comes from: the signal after that many convolutions; -1 =
 * nowhere. */
static int residual_of(const mli_vits_net *net, size_t i)
{
    if (!net->decoder.paired)
        return (int)i;
    return i % 2 == 1 ? (int)i - 1 : -1;
}

/* Whether somebody adds the signal after `convs` convolutions as it is. */
static bool keeps_raw(const mli_vits_net *net, size_t convs)
{
    return !net->decoder.paired || convs % 2 == 0;
}

static mli_vits_signals *signal_of(mli_vits_session *s, size_t stage, size_t b, size_t after)
{
    return after == 0 ? &s->decoder.stage[stage].up : &s->decoder.stage[stage].conv[b][after - 1];
}

/* Samples of the whole utterance at the rate of a stage's output. */
static int64_t total_of(const mli_vits_session *s, size_t stages)
{
    int64_t total = s->text.total;

    for (size_t i = 0; i < stages; i++)
        total *= (int64_t)s->net->decoder.stage[i].stride;
    return total;
}

static void convolve(void *ctx, mli_team *team)
{
    const convolve_job *j = ctx;
    mli_convolve(team, j->args, j->count, j->in_order);
}

static void run(const mli_vits_session *s, convolve_job *j)
{
    if (j->count > 0 && j->args[0].m > 0)
        mli_pool_host(s->pool, s->cancel, convolve, j);
}

/* Frames [from, to) of a signal are asked for; returns how many are to be computed: none beyond the
 * end, but for those that are made together with the last ones. */
static size_t open_frames(mli_nn_signal *s, int64_t from, int64_t to, int64_t total)
{
    s->end = to;
    if (from >= total)
        mli_nn_signal_zero(s, from);
    return from < total ? (size_t)(to - from) : 0;
}

/* What was computed beyond the end is zeros there. */
static void close_frames(mli_nn_signal *s, int64_t from, int64_t total)
{
    mli_nn_signal_zero(s, from > total ? from : total);
}

/* The transposed convolution over inputs [from, to). */
static void upsample(mli_vits_session *s, size_t index, const mli_nn_signal *in, int64_t from,
                     int64_t to)
{
    const mli_vits_stage *st = &s->net->decoder.stage[index];
    mli_vits_signals *up = &s->decoder.stage[index].up;
    int64_t stride = (int64_t)st->stride, total = total_of(s, index + 1);
    int64_t first = from * stride - (int64_t)st->pad, before = up->raw.end;
    int64_t end = smaller(to, total_of(s, index) + (int64_t)st->reach - 1);
    convolve_job j = {.count = end > from ? 1 : 0};

    up->raw.end = up->leaky.end = to * stride - (int64_t)st->pad;
    j.args[0] = mli_nn_transposed_args(&st->up, st->up_bias, st->reach,
                                       end > from ? (size_t)(end - from) : 0,
                                       mli_nn_signal_at(in, from), in->width);
    j.args[0].out.y = mli_nn_signal_at(&up->raw, first);
    j.args[0].out.leaky = mli_nn_signal_at(&up->leaky, first);
    j.args[0].out.y_stride = j.args[0].out.leaky_stride = st->stride * st->width;
    j.args[0].out.slope = s->net->decoder.slope;
    run(s, &j);
    if (first < 0) { /* before the beginning: zeros, as everywhere there */
        memset(mli_nn_signal_at(&up->raw, first), 0, (size_t)-first * st->width * sizeof(float));
        memset(mli_nn_signal_at(&up->leaky, first), 0, (size_t)-first * st->width * sizeof(float));
    }
    mli_nn_signal_zero(&up->raw, total > before ? total : before);
    mli_nn_signal_zero(&up->leaky, total > before ? total : before);
}

/* Convolution i of all blocks, but the last. */
static void inner_conv(mli_vits_session *s, size_t index, size_t i)
{
    const mli_vits_net *net = s->net;
    const mli_vits_stage *st = &net->decoder.stage[index];
    int64_t before[MLI_VITS_BLOCKS];
    convolve_job j = {.count = 0};

    for (size_t b = 0; b < st->blocks; b++) {
        const mli_vits_conv *c = &st->conv[b][i];
        mli_vits_signals *in = signal_of(s, index, b, i), *out = signal_of(s, index, b, i + 1);
        int64_t from = out->leaky.end, to = in->leaky.end - pad_of(c);
        int residual = residual_of(net, i);
        bool raw = keeps_raw(net, i + 1);

        before[b] = from;
        if (to <= from)
            continue;
        to -= (to - from) % unit_of(c);
        size_t m = open_frames(&out->leaky, from, to, total_of(s, index + 1));
        if (raw)
            (void)open_frames(&out->raw, from, to, total_of(s, index + 1));
        if (m == 0)
            continue;
        mli_convolve_args *a = &j.args[j.count++];
        *a = (mli_convolve_args){.w = &c->w,
                                 .taps = c->taps,
                                 .tap_stride = c->dilation * st->width,
                                 .m = m,
                                 .x = mli_nn_signal_at(&in->leaky, from - pad_of(c)),
                                 .x_stride = st->width,
                                 .pair = c->pair,
                                 .out = {.bias = c->bias,
                                         .leaky = mli_nn_signal_at(&out->leaky, from),
                                         .leaky_stride = st->width,
                                         .slope = net->decoder.slope}};
        if (raw) {
            a->out.y = mli_nn_signal_at(&out->raw, from);
            a->out.y_stride = st->width;
        }
        if (residual >= 0) {
            a->out.add = mli_nn_signal_at(&signal_of(s, index, b, (size_t)residual)->raw, from);
            a->out.add_stride = st->width;
        }
    }
    run(s, &j);
    for (size_t b = 0; b < st->blocks; b++) {
        mli_vits_signals *out = signal_of(s, index, b, i + 1);

        close_frames(&out->leaky, before[b], total_of(s, index + 1));
        if (keeps_raw(net, i + 1))
            close_frames(&out->raw, before[b], total_of(s, index + 1));
    }
}

/* The last convolution of all blocks, and their mean. */
static void last_conv(mli_vits_session *s, size_t index)
{
    const mli_vits_net *net = s->net;
    const mli_vits_stage *st = &net->decoder.stage[index];
    mli_nn_signal *out = &s->decoder.stage[index].out;
    size_t last = st->convs - 1;
    int64_t from = out->end, to = INT64_MAX;
    convolve_job j = {.in_order = true};

    for (size_t b = 0; b < st->blocks; b++)
        to = smaller(to, signal_of(s, index, b, last)->leaky.end - pad_of(&st->conv[b][last]));
    if (to <= from)
        return;
    to -= (to - from) % last_unit(st);
    size_t m = open_frames(out, from, to, total_of(s, index + 1));
    for (size_t b = 0; m > 0 && b < st->blocks; b++) {
        const mli_vits_conv *c = &st->conv[b][last];
        mli_vits_signals *in = signal_of(s, index, b, last);
        int residual = residual_of(net, last);
        mli_convolve_args *a = &j.args[j.count++];

        *a = (mli_convolve_args){
            .w = &c->w,
            .taps = c->taps,
            .tap_stride = c->dilation * st->width,
            .m = m,
            .x = mli_nn_signal_at(&in->leaky, from - pad_of(c)),
            .x_stride = st->width,
            .pair = c->pair,
            .out = {.bias = c->bias,
                    .add = mli_nn_signal_at(&signal_of(s, index, b, (size_t)residual)->raw, from),
                    .add_stride = st->width}};
        if (b > 0) {
            a->out.more = s->decoder.stage[index].sum;
            a->out.more_stride = st->width;
        }
        if (b + 1 < st->blocks) {
            a->out.y = s->decoder.stage[index].sum;
            a->out.y_stride = st->width;
        } else {
            a->out.scale = 1.0f / (float)st->blocks;
            a->out.leaky = mli_nn_signal_at(out, from);
            a->out.leaky_stride = st->width;
            a->out.slope =
                index + 1 == net->decoder.stages ? net->decoder.last_slope : net->decoder.slope;
        }
    }
    run(s, &j);
    close_frames(out, from, total_of(s, index + 1));
}

typedef struct sample_job {
    mli_vits_session *s;
    int64_t from, to;
} sample_job;

static void sample_task(void *ctx, size_t task, mli_team *team)
{
    const sample_job *j = ctx;
    const mli_vits_net *net = j->s->net;
    const mli_nn_signal *in = &j->s->decoder.stage[net->decoder.stages - 1].out;
    int64_t from = j->from + (int64_t)task * SAMPLE_ROWS, to = smaller(from + SAMPLE_ROWS, j->to);
    float *y = j->s->decoder.samples + (from - j->from);

    (void)team;
    mli_windows(y, mli_nn_signal_at(in, from - (int64_t)(net->decoder.post_taps - 1) / 2),
                in->width, net->decoder.post, net->decoder.post_taps * in->width,
                net->decoder.post_bias, (size_t)(to - from));
    mli_tanh(y, (size_t)(to - from));
}

static void sample(void *ctx, mli_team *team)
{
    const sample_job *j = ctx;
    mli_team_for(team, (size_t)(j->to - j->from + SAMPLE_ROWS - 1) / SAMPLE_ROWS, sample_task, ctx);
}

/* The samples that can be made now go to the caller. */
MODELLAB_MUST_CHECK static modellab_status hand_out(mli_vits_session *s, modellab_error *err)
{
    const mli_vits_net *net = s->net;
    mli_vits_decoder *d = &s->decoder;
    mli_nn_signal *in = &d->stage[net->decoder.stages - 1].out;
    int64_t pad = (int64_t)(net->decoder.post_taps - 1) / 2;
    sample_job j = {s, d->sent, smaller(in->end - pad, total_of(s, net->decoder.stages))};

    if (j.to <= j.from)
        return MODELLAB_OK;
    mli_pool_host(s->pool, s->cancel, sample, &j);
    if (mli_cancelled(s->cancel))
        return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
    d->sent = j.to;
    return s->chunk(s->user, d->samples, (size_t)(j.to - j.from), err);
}

/* What a stage has to keep: see `place`. */
static void keep(mli_vits_session *s, size_t index)
{
    const mli_vits_net *net = s->net;
    const mli_vits_stage *st = &net->decoder.stage[index];
    int64_t up_end = s->decoder.stage[index].up.leaky.end;
    bool last_stage = index + 1 == net->decoder.stages;
    mli_nn_signal *out = &s->decoder.stage[index].out;

    for (size_t b = 0; b < st->blocks; b++) {
        for (size_t i = 1; i < st->convs; i++) {
            mli_vits_signals *x = signal_of(s, index, b, i);
            mli_nn_signal_keep(&x->leaky, up_end - 2 * most_lag(st));
            if (x->raw.data != NULL)
                mli_nn_signal_keep(&x->raw, up_end - 2 * most_lag(st));
        }
    }
    mli_nn_signal_keep(&s->decoder.stage[index].up.raw, up_end - 2 * most_lag(st));
    mli_nn_signal_keep(&s->decoder.stage[index].up.leaky, up_end - 2 * most_lag(st));
    if (last_stage && s->decoder.sent >= total_of(s, index + 1))
        mli_nn_signal_keep(out, out->end); /* all was handed out: only zeros come now */
    mli_nn_signal_keep(out, last_stage ? s->decoder.sent - (int64_t)(net->decoder.post_taps - 1) / 2
                                       : s->decoder.stage[index + 1].taken -
                                             (int64_t)net->decoder.stage[index + 1].reach + 1);
}

/* Takes all that there is of the input through a stage, and those after it. */
MODELLAB_MUST_CHECK static modellab_status advance(mli_vits_session *s, size_t index,
                                                   const mli_nn_signal *in, modellab_error *err)
{
    const mli_vits_net *net = s->net;
    const mli_vits_stage *st = &net->decoder.stage[index];
    modellab_status status = MODELLAB_OK;

    while (status == MODELLAB_OK && s->decoder.stage[index].taken < in->end) {
        int64_t from = s->decoder.stage[index].taken;
        int64_t to = smaller(from + (int64_t)s->decoder.stage[index].piece, in->end);

        keep(s, index);
        upsample(s, index, in, from, to);
        s->decoder.stage[index].taken = to;
        for (size_t i = 0; i + 1 < st->convs; i++)
            inner_conv(s, index, i);
        last_conv(s, index);
        if (mli_cancelled(s->cancel))
            return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
        status = index + 1 == net->decoder.stages
                     ? hand_out(s, err)
                     : advance(s, index + 1, &s->decoder.stage[index].out, err);
    }
    return status;
}

modellab_status mli_vits_decoder_step(mli_vits_session *s, modellab_error *err)
{
    const mli_vits_net *net = s->net;
    const mli_vits_conv *pre = &net->decoder.pre;
    mli_nn_signal *in = &s->decoder.in, *z = &s->flow.z;
    int64_t from = in->end, to = s->flow.ready - pad_of(pre);

    mli_nn_signal_keep(in, s->decoder.stage[0].taken - (int64_t)net->decoder.stage[0].reach + 1);
    if (to > from) {
        convolve_job j = {.count = 1};

        j.args[0] = (mli_convolve_args){.w = &pre->w,
                                        .taps = pre->taps,
                                        .tap_stride = pre->dilation * net->channels,
                                        .m = open_frames(in, from, to, s->text.total),
                                        .x = mli_nn_signal_at(z, from - pad_of(pre)),
                                        .x_stride = net->channels,
                                        .out = {.bias = s->voice.decoder,
                                                .leaky = mli_nn_signal_at(in, from),
                                                .leaky_stride = in->width,
                                                .slope = net->decoder.slope}};
        run(s, &j);
        close_frames(in, from, s->text.total);
        mli_nn_signal_keep(z, to - pad_of(pre));
    }
    return advance(s, 0, in, err);
}

/* ---- memory ---- */

typedef struct arena {
    float *base; /* NULL: counting */
    size_t used;
} arena;

static void lay(arena *a, mli_nn_signal *s, size_t width, int64_t keep_frames, size_t frames)
{
    size_t room = (size_t)keep_frames + frames + MLI_CONVOLVE_SLACK;

    *s = (mli_nn_signal){
        .data = a->base != NULL ? a->base + a->used : NULL, .width = width, .room = room};
    a->used += (room * width + 15) / 16 * 16;
}

/* Where each signal begins: frames of zeros before the first one. */
static int64_t zeros_of(const mli_vits_stage *st)
{
    return 2 * most_lag(st) + (int64_t)st->pad;
}

/* Every signal of a stage keeps twice the lag of its slowest block (a reader may be one lag behind,
 * and looks back by at most another), and takes what a piece of the input makes. */
static void place(mli_vits_session *s, arena *a)
{
    const mli_vits_net *net = s->net;
    mli_vits_decoder *d = &s->decoder;
    size_t in = MLI_VITS_MAX_STEP + mli_vits_flow_burst(net);

    lay(a, &d->in, net->decoder.pre.w.rows, (int64_t)net->decoder.stage[0].reach, in);
    for (size_t i = 0; i < net->decoder.stages; i++) {
        const mli_vits_stage *st = &net->decoder.stage[i];
        size_t piece = PIECE_FLOATS / (st->stride * st->width);

        piece = piece < 12 ? 12 : piece;
        piece = piece < in ? piece : in;
        d->stage[i].piece = piece;
        in = (piece + st->reach) * st->stride + 2 * (size_t)last_unit(st) + MLI_CONVOLVE_SLICE;
        lay(a, &d->stage[i].up.raw, st->width, zeros_of(st), in);
        lay(a, &d->stage[i].up.leaky, st->width, zeros_of(st), in);
        for (size_t b = 0; b < st->blocks; b++) {
            for (size_t k = 0; k + 1 < st->convs; k++) {
                mli_vits_signals *x = &d->stage[i].conv[b][k];

                lay(a, &x->leaky, st->width, zeros_of(st), in);
                if (keeps_raw(net, k + 1))
                    lay(a, &x->raw, st->width, zeros_of(st), in);
            }
        }
        in += (size_t)most_lag(st); /* what convolutions held back comes out at once */
        d->stage[i].sum = a->base != NULL ? a->base + a->used : NULL;
        a->used += in * st->width;
        size_t reach =
            i + 1 < net->decoder.stages ? net->decoder.stage[i + 1].reach : net->decoder.post_taps;
        lay(a, &d->stage[i].out, st->width, (int64_t)reach, in);
    }
    d->samples = a->base != NULL ? a->base + a->used : NULL;
    a->used += in + 16;
}

modellab_status mli_vits_decoder_create(mli_vits_session *s, modellab_error *err)
{
    arena a = {NULL, 0};

    place(s, &a);
    s->decoder.memory = mli_alloc_large(mli_vits_alloc(s), a.used * sizeof(float));
    if (s->decoder.memory == NULL)
        return mli_no_memory(err);
    memset(s->decoder.memory, 0, a.used * sizeof(float));
    a = (arena){s->decoder.memory, 0};
    place(s, &a);
    return MODELLAB_OK;
}

void mli_vits_decoder_begin(mli_vits_session *s)
{
    const mli_vits_net *net = s->net;
    mli_vits_decoder *d = &s->decoder;

    mli_nn_signal_begin(&d->in, net->decoder.stage[0].reach - 1);
    for (size_t i = 0; i < net->decoder.stages; i++) {
        const mli_vits_stage *st = &net->decoder.stage[i];
        size_t zeros = (size_t)zeros_of(st);
        size_t reach =
            i + 1 < net->decoder.stages ? net->decoder.stage[i + 1].reach : net->decoder.post_taps;

        mli_nn_signal_begin(&d->stage[i].up.raw, zeros);
        mli_nn_signal_begin(&d->stage[i].up.leaky, zeros);
        for (size_t b = 0; b < st->blocks; b++) {
            for (size_t k = 0; k + 1 < st->convs; k++) {
                mli_nn_signal_begin(&d->stage[i].conv[b][k].leaky, zeros);
                if (d->stage[i].conv[b][k].raw.data != NULL)
                    mli_nn_signal_begin(&d->stage[i].conv[b][k].raw, zeros);
            }
        }
        mli_nn_signal_begin(&d->stage[i].out, reach - 1);
        d->stage[i].taken = 0;
    }
    d->sent = 0;
}

void mli_vits_decoder_dispose(mli_vits_session *s)
{
    mli_free_aligned(mli_vits_alloc(s), s->decoder.memory);
    memset(&s->decoder, 0, sizeof s->decoder);
}
