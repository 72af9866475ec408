/* The speaker encoder on the kernels: some windows are the rows of each product, step after step,
 * and belong to one thread, so that no step waits for another one. */
#include "speech/ge2e.h"
#include "base/alloc.h"
#include "base/error.h"
#include "kernels/vector.h"
#include "nn/layers.h"
#include "nn/lstm.h"
#include <math.h>
#include <stdatomic.h>
#include <string.h>

enum {
    WIDTH = MLI_GE2E_WIDTH,
    GATES = 4 * WIDTH,
    MELS = MLI_GE2E_MELS,
    FRAMES = MLI_GE2E_FRAMES,
    ROWS = MLI_GE2E_ROWS,
    LEAST_ROWS = 12,
    LANES_MOST = ROWS / LEAST_ROWS,
    MATRICES = 2 * MLI_GE2E_LAYERS + 1
};

struct mli_ge2e {
    modellab_allocator alloc;
    mli_mel_bank *bank;
    mli_nn_lstm lstm[MLI_GE2E_LAYERS];
    mli_nn_linear linear;
    float *memory; /* packed matrices */
    float gate_bias[MLI_GE2E_LAYERS][GATES], linear_bias[WIDTH];
};

/* The memory of one thread's windows. */
typedef struct lane {
    float *x;     /* [FRAMES][rows][MELS] */
    float *y;     /* [FRAMES][rows][WIDTH] */
    float *gates; /* [rows][GATES] */
    float *h, *c; /* [rows][WIDTH] */
} lane;

struct mli_ge2e_session {
    const mli_ge2e *model;
    mli_pool *pool;
    size_t rows, count; /* of a lane; lanes */
    lane lanes[LANES_MOST];
    _Atomic uint32_t busy; /* a bit for each lane */
    float *memory;
};

/* Columns of matrix `index`: input and state of each layer, then the linear layer (256 rows). */
static size_t columns_of(size_t index)
{
    return index == 0 ? MELS : WIDTH;
}

static size_t rows_of(size_t index)
{
    return index < MATRICES - 1 ? GATES : WIDTH;
}

static const mli_weight *matrix_of(const mli_ge2e_weights *w, size_t index)
{
    if (index == MATRICES - 1)
        return &w->linear;
    return index % 2 == 0 ? &w->layer[index / 2].w_ih : &w->layer[index / 2].w_hh;
}

void mli_ge2e_sizes(int64_t *parameters, int64_t *bytes)
{
    *parameters = 2 * MLI_GE2E_LAYERS * GATES + WIDTH; /* biases */
    *bytes = 0;
    for (size_t i = 0; i < MATRICES; i++) {
        *parameters += (int64_t)(rows_of(i) * columns_of(i));
        *bytes += (int64_t)(rows_of(i) * columns_of(i) * sizeof(float));
    }
}

MODELLAB_MUST_CHECK static modellab_status pack_all(mli_ge2e *m, const mli_ge2e_weights *w,
                                                    float *values, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    float *to = m->memory;
    for (size_t i = 0; status == MODELLAB_OK && i < MATRICES; i++) {
        size_t rows = rows_of(i), cols = columns_of(i);
        mli_packed packed = {MLI_DTYPE_F32, rows, cols, to};
        status = mli_weight_read_f32(matrix_of(w, i), 0, rows, values, err);
        if (status == MODELLAB_OK)
            mli_pack(MLI_DTYPE_F32, rows, cols, values, MLI_DTYPE_F32, cols, to);
        if (i == MATRICES - 1)
            m->linear = (mli_nn_linear){packed, m->linear_bias};
        else if (i % 2 == 0)
            m->lstm[i / 2].ih = packed;
        else
            m->lstm[i / 2].hh = packed;
        to += rows * cols; /* rows are whole tiles */
    }
    for (size_t i = 0; status == MODELLAB_OK && i < MLI_GE2E_LAYERS; i++) {
        status = mli_weight_read_f32(&w->layer[i].b_ih, 0, 1, m->gate_bias[i], err);
        if (status == MODELLAB_OK)
            status = mli_weight_read_f32(&w->layer[i].b_hh, 0, 1, values, err);
        if (status == MODELLAB_OK)
            mli_add(m->gate_bias[i], values, GATES);
        m->lstm[i].bias = m->gate_bias[i];
        m->lstm[i].hidden = WIDTH;
    }
    return status == MODELLAB_OK ? mli_weight_read_f32(&w->linear_bias, 0, 1, m->linear_bias, err)
                                 : status;
}

modellab_status mli_ge2e_create(mli_ge2e **out, const modellab_allocator *alloc,
                                const mli_ge2e_weights *weights, modellab_error *err)
{
    int64_t parameters, bytes;
    *out = NULL;
    mli_ge2e_sizes(&parameters, &bytes);
    mli_ge2e *m = mli_alloc_zero(alloc, sizeof *m);
    float *values = mli_alloc_array(alloc, (size_t)GATES * WIDTH, sizeof *values);
    modellab_status status = m != NULL && values != NULL ? MODELLAB_OK : mli_no_memory(err);
    if (status == MODELLAB_OK) {
        m->alloc = alloc != NULL ? *alloc : (modellab_allocator)MODELLAB_ALLOCATOR_INIT;
        m->memory = mli_alloc_aligned(alloc, (size_t)bytes, MLI_PACK_ALIGN);
        status = m->memory != NULL ? MODELLAB_OK : mli_no_memory(err);
    }
    if (status == MODELLAB_OK)
        status = pack_all(m, weights, values, err);
    if (status == MODELLAB_OK)
        status = mli_mel_bank_create(alloc, MELS, NULL, &m->bank, err);
    mli_free(alloc, values);
    if (status == MODELLAB_OK) {
        *out = m;
    } else if (m != NULL) {
        mli_free_aligned(alloc, m->memory);
        mli_free(alloc, m);
    }
    return status;
}

void mli_ge2e_destroy(mli_ge2e *model)
{
    if (model != NULL) {
        modellab_allocator alloc = model->alloc;
        mli_mel_bank_destroy(model->bank);
        mli_free_aligned(&alloc, model->memory);
        mli_free(&alloc, model);
    }
}

const mli_mel_bank *mli_ge2e_bank(const mli_ge2e *model)
{
    return model->bank;
}

/* Four tasks or more of a call: when a thread comes late, the others take its windows. */
static void share_out(mli_ge2e_session *s)
{
    size_t threads = (size_t)mli_pool_threads(s->pool), tasks = threads > 4 ? threads : 4;
    if (tasks > LANES_MOST)
        tasks = LANES_MOST;
    s->rows = (ROWS / tasks + LEAST_ROWS - 1) / LEAST_ROWS * LEAST_ROWS;
    s->count = threads < tasks ? threads : tasks;
}

modellab_status mli_ge2e_session_create(mli_ge2e_session **out, const mli_ge2e *model,
                                        mli_pool *pool, modellab_error *err)
{
    static const size_t sizes[] = {(size_t)FRAMES * MELS, (size_t)FRAMES * WIDTH, GATES, WIDTH,
                                   WIDTH}; /* of a row */
    const size_t row = sizes[0] + sizes[1] + sizes[2] + sizes[3] + sizes[4];
    *out = NULL;
    mli_ge2e_session *s = mli_alloc_zero(&model->alloc, sizeof *s);
    if (s == NULL)
        return mli_no_memory(err);
    s->model = model;
    s->pool = pool;
    share_out(s);
    s->memory = mli_alloc_large(&model->alloc, s->count * s->rows * row * sizeof(float));
    if (s->memory == NULL) {
        mli_free(&model->alloc, s);
        return mli_no_memory(err);
    }
    float *at = s->memory;
    for (size_t i = 0; i < s->count; i++) {
        lane *l = &s->lanes[i];
        float **const parts[] = {&l->x, &l->y, &l->gates, &l->h, &l->c};
        for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
            *parts[k] = at;
            at += s->rows * sizes[k];
        }
    }
    *out = s;
    return MODELLAB_OK;
}

void mli_ge2e_session_destroy(mli_ge2e_session *session)
{
    if (session != NULL) {
        const modellab_allocator *alloc = &session->model->alloc;
        mli_free_aligned(alloc, session->memory);
        mli_free(alloc, session);
    }
}

/* To length 1; zeros stay. */
static void normalise(float *x)
{
    float length = sqrtf(mli_dot(x, x, WIDTH));
    if (length > 0.0f && isfinite(length))
        mli_scale(x, 1.0f / length, WIDTH);
    else
        memset(x, 0, WIDTH * sizeof *x);
}

/* What a call computes, and what a task takes of it. */
typedef struct batch {
    mli_ge2e_session *s;
    const float *mel;
    const size_t *starts;
    size_t count, rows;
    float scale;
    float *out;
    const mli_cancel_word *cancel;
} batch;

typedef struct part {
    const batch *b;
    const lane *l;
    size_t first, rows;
} part;

/* Step t of all windows stands together. */
static void gather(void *ctx, size_t t, mli_team *team)
{
    const part *p = ctx;
    (void)team;
    for (size_t r = 0; r < p->rows; r++) {
        const float *from = p->b->mel + (p->b->starts[p->first + r] + t) * MELS;
        float *to = p->l->x + (t * p->rows + r) * MELS;
        for (size_t k = 0; k < MELS; k++)
            to[k] = from[k] * p->b->scale;
    }
}

static void compute(void *ctx, mli_team *team)
{
    part *p = ctx;
    const lane *l = p->l;
    const mli_ge2e *m = p->b->s->model;
    float *out = p->b->out + p->first * WIDTH;
    mli_team_for(team, FRAMES, gather, p);
    mli_nn_lstm_rows(team, &m->lstm[0], FRAMES, p->rows, l->x, l->h, l->c, l->y, l->gates);
    mli_nn_lstm_rows(team, &m->lstm[1], FRAMES, p->rows, l->y, l->h, l->c, l->y, l->gates);
    mli_nn_lstm_rows(team, &m->lstm[2], FRAMES, p->rows, l->y, l->h, l->c, NULL, l->gates);
    mli_nn_linear_run(team, &m->linear, p->rows, l->h, MLI_ACT_RELU, out);
    for (size_t r = 0; r < p->rows; r++)
        normalise(out + r * WIDTH);
}

/* A lane that nobody has: there is one for each task that can be worked on at a time. */
static size_t take_lane(mli_ge2e_session *s)
{
    uint32_t busy = atomic_load_explicit(&s->busy, memory_order_relaxed);
    for (;;) {
        uint32_t free_ones = ~busy & (uint32_t)((1u << s->count) - 1u);
        uint32_t bit = free_ones & (0u - free_ones);
        if (bit == 0)
            busy = atomic_load_explicit(&s->busy, memory_order_relaxed);
        else if (atomic_compare_exchange_weak_explicit(&s->busy, &busy, busy | bit,
                                                       memory_order_acquire, memory_order_relaxed))
            return (size_t)__builtin_ctz(bit);
    }
}

static void work(void *ctx, size_t task, mli_team *team)
{
    const batch *b = ctx;
    size_t first = task * b->rows, left = b->count - first, at = take_lane(b->s);
    part p = {b, &b->s->lanes[at], first, left < b->rows ? left : b->rows};
    mli_team_alone(team, b->cancel, compute, &p);
    atomic_fetch_and_explicit(&b->s->busy, ~(1u << at), memory_order_release);
}

static void share(void *ctx, mli_team *team)
{
    const batch *b = ctx;
    mli_team_for(team, (b->count + b->rows - 1) / b->rows, work, ctx);
}

/* Windows of a task: few enough that each thread gets as many tasks as the others. */
static size_t rows_of_task(const mli_ge2e_session *s, size_t count)
{
    size_t tasks = (count + s->rows - 1) / s->rows;
    tasks = (tasks + s->count - 1) / s->count * s->count;
    size_t rows = (count + tasks - 1) / tasks;
    return (rows + LEAST_ROWS - 1) / LEAST_ROWS * LEAST_ROWS;
}

modellab_status mli_ge2e_run(mli_ge2e_session *session, const float *mel, const size_t *starts,
                             size_t count, float scale, float *out, const mli_cancel_word *cancel,
                             modellab_error *err)
{
    batch b = {.s = session,
               .mel = mel,
               .starts = starts,
               .count = count,
               .rows = rows_of_task(session, count),
               .scale = scale,
               .out = out,
               .cancel = cancel};
    mli_pool_host(session->pool, cancel, share, &b);
    return mli_cancelled(cancel) ? mli_fail(err, MODELLAB_E_CANCELLED, "cancelled") : MODELLAB_OK;
}

/* Windows `hop` frames apart of a recording: as many as the reference takes. */
static size_t windows_of(int64_t samples, size_t hop)
{
    int64_t frames = samples / MLI_MEL_HOP + 1, step = (int64_t)hop;
    int64_t steps = frames - FRAMES + step + 1, count = steps > 1 ? (steps + step - 1) / step : 1;
    int64_t covered = samples - (count - 1) * step * MLI_MEL_HOP;
    if (count > 1 && 4 * covered < 3 * (int64_t)FRAMES * MLI_MEL_HOP)
        count--;
    return (size_t)count;
}

modellab_status mli_ge2e_clip(mli_ge2e_session *session, const mli_audio_source *source, size_t hop,
                              float scale, float *out, const mli_cancel_word *cancel,
                              modellab_error *err)
{
    const mli_ge2e *m = session->model;
    size_t windows = windows_of(mli_audio_samples(source), hop), starts[ROWS];
    size_t most = (ROWS - 1) * hop + FRAMES;
    float *mel = mli_alloc_array(&m->alloc, most * MELS, sizeof *mel);
    float *found = mli_alloc_array(&m->alloc, (size_t)ROWS * WIDTH, sizeof *found);
    modellab_status status = mel != NULL && found != NULL ? MODELLAB_OK : mli_no_memory(err);
    memset(out, 0, WIDTH * sizeof *out);
    for (size_t i = 0; i < ROWS; i++)
        starts[i] = i * hop;
    for (size_t done = 0; status == MODELLAB_OK && done < windows;) {
        size_t rows = windows - done < ROWS ? windows - done : ROWS;
        status = mli_mel_power(m->bank, source, session->pool, cancel, (int64_t)(done * hop),
                               (rows - 1) * hop + FRAMES, mel, 1, MELS, err);
        if (status == MODELLAB_OK)
            status = mli_ge2e_run(session, mel, starts, rows, scale, found, cancel, err);
        for (size_t i = 0; status == MODELLAB_OK && i < rows; i++)
            mli_add(out, found + i * WIDTH, WIDTH);
        done += rows;
    }
    if (status == MODELLAB_OK)
        normalise(out);
    mli_free(&m->alloc, mel);
    mli_free(&m->alloc, found);
    return status;
}
