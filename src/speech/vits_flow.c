/* The prior (means and noise, a row of the text for each frame) and the flow of VITS, over a signal
 * that moves along. A coupling adds to one half of the channels what WaveNet makes of the other. */
#include "base/alloc.h"
#include "base/error.h"
#include "nn/noise.h"
#include "speech/vits_private.h"
#include <string.h>

enum { ROWS = 8 };

typedef struct flow_job {
    mli_vits_session *s;
    size_t coupling, layer;
    int64_t from, to;
    size_t id, used; /* of frame `from` */
} flow_job;

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static size_t pad_of(const mli_nn_wavenet *l)
{
    return (l->taps - 1) / 2 * l->dilation;
}

/* Frames that a layer makes at once. */
static int64_t unit_of(const mli_nn_wavenet *l)
{
    return l->pairs ? 2 * (int64_t)l->dilation : 1;
}

/* Frames that a coupling is behind its input, at most. */
static size_t lag_of(const mli_vits_net *net, size_t coupling)
{
    size_t lag = 0;

    for (size_t i = 0; i < net->flow.layers; i++)
        lag += pad_of(&net->flow.coupling[coupling].layer[i]) +
               (size_t)unit_of(&net->flow.coupling[coupling].layer[i]) - 1;
    return lag;
}

static void draw_task(void *ctx, size_t task, mli_team *team)
{
    const flow_job *j = ctx;
    const mli_vits_session *s = j->s;
    const mli_vits_options *o = s->options;
    size_t c = s->net->channels, id = j->id, used = j->used;
    int64_t frame = j->from, first = j->from + (int64_t)task * ROWS;

    (void)team;
    for (; frame < smaller(first + ROWS, j->to); frame++, used++) {
        while (used >= (size_t)s->text.frames[id]) {
            id++;
            used = 0;
        }
        if (frame < first)
            continue;
        const float *mean = s->text.stats + 2 * id * c, *deviation = mean + c;
        float *z = mli_nn_signal_at(&s->flow.z, frame);

        if (o->given_noise != NULL) {
            for (size_t i = 0; i < c; i++)
                z[i] = o->given_noise[i * o->given_frames + (size_t)frame];
        } else if (o->noise > 0.0) {
            mli_nn_noise(o->seed, MLI_VITS_STREAM_NOISE, o->utterance, (uint32_t)frame, z, c);
        } else {
            memset(z, 0, c * sizeof *z);
        }
        for (size_t i = 0; i < c; i++)
            z[i] = z[i] * deviation[i] * (float)o->noise + mean[i];
    }
}

static void draw(void *ctx, mli_team *team)
{
    const flow_job *j = ctx;
    mli_team_for(team, (size_t)(j->to - j->from + ROWS - 1) / ROWS, draw_task, ctx);
}

static void enter(void *ctx, mli_team *team)
{
    const flow_job *j = ctx;
    const mli_vits_net *net = j->s->net;
    const mli_vits_flow *f = &j->s->flow;
    const mli_nn_linear *pre = &net->flow.coupling[j->coupling].pre;
    size_t half = net->channels / 2;

    mli_convolve(
        team,
        &(mli_convolve_args){.w = &pre->w,
                             .taps = 1,
                             .tap_stride = half,
                             .m = (size_t)(j->to - j->from),
                             .x = mli_nn_signal_at(&f->z, j->from) +
                                  (net->flow.coupling[j->coupling].turned ? half : 0),
                             .x_stride = net->channels,
                             .out = {.bias = pre->bias,
                                     .y = mli_nn_signal_at(&f->coupling[j->coupling].h[0], j->from),
                                     .y_stride = net->flow.width}},
        1, false);
}

static void wave(void *ctx, mli_team *team)
{
    const flow_job *j = ctx;
    const mli_vits_net *net = j->s->net;
    mli_vits_flow *f = &j->s->flow;
    mli_nn_wavenet l = net->flow.coupling[j->coupling].layer[j->layer];
    const mli_nn_signal *h = &f->coupling[j->coupling].h[j->layer];

    l.in_bias = j->s->voice.flow[j->coupling][j->layer];
    mli_nn_wavenet_run(
        team, &l, (size_t)(j->to - j->from), mli_nn_signal_at(h, j->from - (int64_t)pad_of(&l)),
        mli_nn_signal_at(h, j->from), l.last ? NULL : mli_nn_signal_at(h + 1, j->from),
        mli_nn_signal_at(&f->coupling[j->coupling].skip, j->from), j->layer == 0);
}

static void leave(void *ctx, mli_team *team)
{
    const flow_job *j = ctx;
    const mli_vits_net *net = j->s->net;
    const mli_vits_flow *f = &j->s->flow;
    const mli_nn_linear *post = &net->flow.coupling[j->coupling].post;
    size_t half = net->channels / 2;
    float *z =
        mli_nn_signal_at(&f->z, j->from) + (net->flow.coupling[j->coupling].turned ? 0 : half);

    mli_convolve(
        team,
        &(mli_convolve_args){.w = &post->w,
                             .taps = 1,
                             .tap_stride = net->flow.width,
                             .m = (size_t)(j->to - j->from),
                             .x = mli_nn_signal_at(&f->coupling[j->coupling].skip, j->from),
                             .x_stride = net->flow.width,
                             .out = {.bias = post->bias,
                                     .add = z,
                                     .add_stride = net->channels,
                                     .y = z,
                                     .y_stride = net->channels}},
        1, false);
}

/* Runs fn for the frames of [from, to) that are inside of the utterance, up to whole units. */
static void run(flow_job *j, int64_t from, int64_t to, int64_t unit, mli_team_fn fn)
{
    j->from = from;
    j->to = smaller(to, j->s->text.total);
    if (j->to > j->from) {
        j->to += (unit - (j->to - j->from) % unit) % unit;
        mli_pool_host(j->s->pool, j->s->cancel, fn, j);
    }
}

/* Draws frames up to `end`; those beyond the utterance are zeros. */
static void extend(mli_vits_session *s, flow_job *j, int64_t end)
{
    mli_vits_flow *f = &s->flow;
    int64_t from = f->z.end;

    j->id = f->id;
    j->used = f->used;
    f->z.end = end;
    mli_nn_signal_zero(&f->z, from);
    run(j, from, end, 1, draw);
    for (int64_t left = smaller(end, s->text.total) - from; left > 0;) {
        int64_t some = smaller(left, s->text.frames[f->id] - (int64_t)f->used);

        f->used += (size_t)some;
        left -= some;
        if (left > 0) {
            f->id++;
            f->used = 0;
        }
    }
}

/* Takes a coupling over frames of z up to `end`; returns how far it is done. */
static int64_t advance(mli_vits_session *s, flow_job *j, int64_t end)
{
    const mli_vits_net *net = s->net;
    size_t last = net->flow.layers - 1;
    mli_nn_signal *h = s->flow.coupling[j->coupling].h;
    mli_nn_signal *skip = &s->flow.coupling[j->coupling].skip;
    int64_t *done = s->flow.coupling[j->coupling].done, from = h[0].end;

    for (size_t i = 0; i <= last; i++)
        mli_nn_signal_keep(&h[i],
                           done[i] - (int64_t)pad_of(&net->flow.coupling[j->coupling].layer[i]));
    mli_nn_signal_keep(skip, done[last]);
    h[0].end = end;
    mli_nn_signal_zero(&h[0], from);
    run(j, from, end, 1, enter);
    int64_t before = done[last];
    for (size_t i = 0; i <= last; i++) {
        const mli_nn_wavenet *l = &net->flow.coupling[j->coupling].layer[i];
        int64_t to = h[i].end - (int64_t)pad_of(l);

        if (to <= done[i])
            continue;
        to -= (to - done[i]) % unit_of(l);
        if (i < last) {
            h[i + 1].end = to;
            mli_nn_signal_zero(&h[i + 1], done[i]);
        }
        if (i == 0)
            skip->end = to;
        j->layer = i;
        run(j, done[i], to, unit_of(l), wave);
        if (i < last) /* what was made beyond the end together with the last frames */
            mli_nn_signal_zero(&h[i + 1], s->text.total > done[i] ? s->text.total : done[i]);
        done[i] = to;
    }
    run(j, before, done[last], 1, leave);
    return done[last];
}

void mli_vits_flow_step(mli_vits_session *s, int64_t end)
{
    flow_job j = {.s = s};

    extend(s, &j, end);
    for (j.coupling = 0; j.coupling < s->net->flow.couplings; j.coupling++)
        end = advance(s, &j, end);
    s->flow.ready = end > 0 ? end : 0;
}

size_t mli_vits_flow_burst(const mli_vits_net *net)
{
    size_t burst = 0;

    for (size_t c = 0; c < net->flow.couplings; c++)
        for (size_t i = 0; i < net->flow.layers; i++)
            burst += (size_t)unit_of(&net->flow.coupling[c].layer[i]) - 1;
    return burst;
}

/* Room of the signals: what they keep, a step with what earlier layers held
 * back, and rows that products may read. Returns floats. */
static size_t place(mli_vits_session *s, float *memory)
{
    const mli_vits_net *net = s->net;
    mli_vits_flow *f = &s->flow;
    size_t used = 0, lag = 0;
    const size_t spare = MLI_VITS_MAX_STEP + mli_vits_flow_burst(net) + MLI_CONVOLVE_SLACK;

    for (size_t c = 0; c < net->flow.couplings; c++) {
        for (size_t i = 0; i < net->flow.layers; i++) {
            const mli_nn_wavenet *l = &net->flow.coupling[c].layer[i];
            size_t room = 2 * (pad_of(l) + (size_t)unit_of(l)) + 16 + spare;

            f->coupling[c].h[i] = (mli_nn_signal){.data = memory != NULL ? memory + used : NULL,
                                                  .width = net->flow.width,
                                                  .room = room};
            used += room * net->flow.width;
        }
        size_t room = lag_of(net, c) + 16 + spare;
        f->coupling[c].skip = (mli_nn_signal){
            .data = memory != NULL ? memory + used : NULL, .width = net->flow.width, .room = room};
        used += room * net->flow.width;
        lag += lag_of(net, c);
    }
    size_t room = lag + 2 * ((net->decoder.pre.taps - 1) / 2 * net->decoder.pre.dilation) + spare;
    f->z = (mli_nn_signal){
        .data = memory != NULL ? memory + used : NULL, .width = net->channels, .room = room};
    return used + room * net->channels;
}

modellab_status mli_vits_flow_create(mli_vits_session *s, modellab_error *err)
{
    size_t floats = place(s, NULL);

    s->flow.memory = mli_alloc_large(mli_vits_alloc(s), floats * sizeof(float));
    if (s->flow.memory == NULL)
        return mli_no_memory(err);
    memset(s->flow.memory, 0, floats * sizeof(float));
    (void)place(s, s->flow.memory);
    return MODELLAB_OK;
}

void mli_vits_flow_begin(mli_vits_session *s)
{
    const mli_vits_net *net = s->net;
    mli_vits_flow *f = &s->flow;

    for (size_t c = 0; c < net->flow.couplings; c++) {
        for (size_t i = 0; i < net->flow.layers; i++) {
            mli_nn_signal_begin(&f->coupling[c].h[i], pad_of(&net->flow.coupling[c].layer[i]));
            f->coupling[c].done[i] = 0;
        }
        mli_nn_signal_begin(&f->coupling[c].skip, 0);
    }
    mli_nn_signal_begin(&f->z, (net->decoder.pre.taps - 1) / 2 * net->decoder.pre.dilation);
    f->ready = 0;
    f->id = f->used = 0;
}

void mli_vits_flow_dispose(mli_vits_session *s)
{
    mli_free_aligned(mli_vits_alloc(s), s->flow.memory);
    memset(&s->flow, 0, sizeof s->flow);
}
