/* The detector on the kernels. Chunks are independent up to the LSTM: a batch of them goes through
 * transform and convolutions as products of overlapping rows, with rows between the chunks that
 * nobody reads. */
#include "speech/silero.h"
#include "base/alloc.h"
#include "base/error.h"
#include "kernels/vector.h"
#include "nn/layers.h"
#include "nn/lstm.h"
#include <math.h>
#include <string.h>

enum {
    BATCH =
        32, /* chunks: about 1 s, and less than 10 ms of work between looks at the cancel word */
    PADDED = MLI_SILERO_CONTEXT + MLI_SILERO_CHUNK + 64,
    STFT_ROWS = PADDED / MLI_SILERO_HOP, /* of a chunk; the last one is not read */
    FRAMES = STFT_ROWS - 1,
    WIDE = FRAMES + 2, /* with a frame of zeros before and after */
    BINS = MLI_SILERO_BINS,
    STATE = MLI_SILERO_STATE,
    NARROW = 64, /* channels in the middle */
    GATES = 4 * STATE
};

_Static_assert(PADDED % MLI_SILERO_HOP == 0, "chunks stand at whole steps of the transform");

struct mli_silero {
    modellab_allocator alloc;
    mli_packed basis, conv[4];
    mli_nn_lstm lstm;
    float *memory; /* packed matrices */
    float bias[128 + 64 + 64 + 128], gate_bias[GATES], out[STATE], out_bias;
};

struct mli_silero_session {
    const mli_silero *model;
    mli_pool *pool;
    float context[MLI_SILERO_CONTEXT], h[STATE], c[STATE];
    float *audio;     /* [BATCH][PADDED] */
    float *spectrum;  /* [BATCH * STFT_ROWS][2 * BINS] */
    float *magnitude; /* [BATCH * WIDE][BINS] */
    float *first;     /* [BATCH * WIDE + 1][STATE], after convolution 0 */
    float *second;    /* [BATCH * 3 + 1][NARROW] */
    float *third;     /* [BATCH][NARROW] */
    float *features;  /* [BATCH][STATE] */
    float *hidden;    /* [BATCH][STATE] */
    float *gates;     /* [BATCH][GATES] */
    float memory[];
};

static const size_t bias_at[4] = {0, 128, 192, 256};

/* Where and how large each packed matrix is: rows, columns. */
static const struct matrix {
    size_t rows, cols;
} matrices[] = {{2 * BINS, MLI_SILERO_WINDOW},
                {STATE, 3 * BINS},
                {NARROW, 3 * STATE},
                {NARROW, 3 * NARROW},
                {STATE, NARROW},
                {GATES, STATE},
                {GATES, STATE}};
enum { MATRICES = sizeof matrices / sizeof matrices[0] };

MODELLAB_MUST_CHECK static modellab_status read_values(const mli_weight *w, size_t count,
                                                       float *out, modellab_error *err)
{
    size_t rows = mli_weight_rows(w);
    if (mli_weight_elements(w) != count) {
        return mli_fail(err, MODELLAB_E_INVALID_MODEL, "tensor %s has another size", w->name);
    }
    return mli_weight_read_f32(w, 0, rows, out, err);
}

/* The middle tap of [out][in][3]: with one frame between zeros the others see only these. */
MODELLAB_MUST_CHECK static modellab_status pack_middle(const mli_weight *w, float *values,
                                                       void *dst, modellab_error *err)
{
    modellab_status status = read_values(w, (size_t)STATE * NARROW * 3, values, err);
    for (size_t i = 0; status == MODELLAB_OK && i < (size_t)STATE * NARROW; i++) {
        values[i] = values[3 * i + 1];
    }
    if (status == MODELLAB_OK) {
        mli_pack(MLI_DTYPE_F32, STATE, NARROW, values, MLI_DTYPE_F32, NARROW, dst);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status pack_all(mli_silero *m, const mli_silero_weights *w,
                                                    float *values, float *const dst[MATRICES],
                                                    modellab_error *err)
{
    modellab_status status = read_values(&w->basis, 2 * BINS * MLI_SILERO_WINDOW, values, err);
    if (status == MODELLAB_OK) {
        mli_pack(MLI_DTYPE_F32, 2 * BINS, MLI_SILERO_WINDOW, values, MLI_DTYPE_F32,
                 MLI_SILERO_WINDOW, dst[0]);
    }
    for (size_t i = 0; status == MODELLAB_OK && i < 3; i++) {
        const struct matrix *x = &matrices[1 + i];
        status = read_values(&w->conv[i].weight, x->rows * x->cols, values, err);
        if (status == MODELLAB_OK) {
            mli_pack_conv(MLI_DTYPE_F32, x->rows, x->cols / 3, 3, values, MLI_DTYPE_F32,
                          dst[1 + i]);
        }
    }
    if (status == MODELLAB_OK) {
        status = pack_middle(&w->conv[3].weight, values, dst[4], err);
    }
    for (size_t i = 0; status == MODELLAB_OK && i < 2; i++) {
        status = read_values(i == 0 ? &w->w_ih : &w->w_hh, (size_t)GATES * STATE, values, err);
        if (status == MODELLAB_OK) {
            mli_pack(MLI_DTYPE_F32, GATES, STATE, values, MLI_DTYPE_F32, STATE, dst[5 + i]);
        }
    }
    for (size_t i = 0; status == MODELLAB_OK && i < 4; i++) {
        status = read_values(&w->conv[i].bias, i == 0 || i == 3 ? STATE : NARROW,
                             m->bias + bias_at[i], err);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status read_small(mli_silero *m, const mli_silero_weights *w,
                                                      modellab_error *err)
{
    float second[GATES];
    modellab_status status = read_values(&w->b_ih, GATES, m->gate_bias, err);
    if (status == MODELLAB_OK) {
        status = read_values(&w->b_hh, GATES, second, err);
    }
    if (status == MODELLAB_OK) {
        mli_add(m->gate_bias, second, GATES);
        status = read_values(&w->out, STATE, m->out, err);
    }
    return status == MODELLAB_OK ? read_values(&w->out_bias, 1, &m->out_bias, err) : status;
}

/* Addresses of the packed matrices in one block; NULL counts its bytes. */
MODELLAB_MUST_CHECK static modellab_status place(float *block, float *dst[MATRICES], size_t *total,
                                                 modellab_error *err)
{
    *total = 0;
    for (size_t i = 0; i < MATRICES; i++) {
        size_t bytes = 0;
        modellab_status status =
            mli_pack_bytes(MLI_DTYPE_F32, matrices[i].rows, matrices[i].cols, &bytes, err);
        if (status != MODELLAB_OK) {
            return status;
        }
        dst[i] = block != NULL ? block + *total / sizeof(float) : NULL;
        *total += bytes;
    }
    return MODELLAB_OK;
}

static mli_packed packed(size_t index, const float *data)
{
    return (mli_packed){MLI_DTYPE_F32, matrices[index].rows, matrices[index].cols, data};
}

modellab_status mli_silero_create(mli_silero **out, const modellab_allocator *alloc,
                                  const mli_silero_weights *weights, modellab_error *err)
{
    float *dst[MATRICES];
    size_t bytes = 0;
    *out = NULL;
    mli_silero *m = mli_alloc_zero(alloc, sizeof *m);
    float *values =
        mli_alloc_array(alloc, (size_t)STATE * 3 * BINS + GATES * STATE, sizeof *values);
    modellab_status status =
        m != NULL && values != NULL ? place(NULL, dst, &bytes, err) : mli_no_memory(err);
    if (status == MODELLAB_OK) {
        m->alloc = alloc != NULL ? *alloc : (modellab_allocator)MODELLAB_ALLOCATOR_INIT;
        m->memory = mli_alloc_aligned(alloc, bytes, MLI_PACK_ALIGN);
        status = m->memory != NULL ? place(m->memory, dst, &bytes, err) : mli_no_memory(err);
    }
    if (status == MODELLAB_OK) {
        status = pack_all(m, weights, values, dst, err);
    }
    if (status == MODELLAB_OK) {
        status = read_small(m, weights, err);
    }
    mli_free(alloc, values);
    if (status != MODELLAB_OK) {
        if (m != NULL) {
            mli_free_aligned(alloc, m->memory);
        }
        mli_free(alloc, m);
        return status;
    }
    m->basis = packed(0, dst[0]);
    for (size_t i = 0; i < 4; i++) {
        m->conv[i] = packed(1 + i, dst[1 + i]);
    }
    m->lstm = (mli_nn_lstm){packed(5, dst[5]), packed(6, dst[6]), m->gate_bias, STATE};
    *out = m;
    return MODELLAB_OK;
}

void mli_silero_sizes(int64_t *parameters, int64_t *bytes)
{
    /* biases, and the weights of the output */
    *parameters = 2 * STATE + 2 * NARROW + 2 * GATES + 1 + STATE;
    *bytes = 0;
    for (size_t i = 0; i < MATRICES; i++) {
        size_t taps = i == 4 ? 3 : 1; /* of the last convolution only the middle is kept */
        *parameters += (int64_t)(matrices[i].rows * matrices[i].cols * taps);
        *bytes += (int64_t)((matrices[i].rows + MLI_PACK_TILE - 1) / MLI_PACK_TILE * MLI_PACK_TILE *
                            matrices[i].cols * sizeof(float));
    }
}

void mli_silero_destroy(mli_silero *model)
{
    if (model != NULL) {
        modellab_allocator alloc = model->alloc;
        mli_free_aligned(&alloc, model->memory);
        mli_free(&alloc, model);
    }
}

modellab_status mli_silero_session_create(mli_silero_session **out, const mli_silero *model,
                                          mli_pool *pool, modellab_error *err)
{
    static const size_t sizes[] = {(size_t)BATCH * PADDED,
                                   (size_t)BATCH * STFT_ROWS * 2 * BINS,
                                   (size_t)BATCH * WIDE * BINS,
                                   ((size_t)BATCH * WIDE + 1) * STATE,
                                   ((size_t)BATCH * 3 + 1) * NARROW,
                                   (size_t)BATCH * NARROW,
                                   (size_t)BATCH * STATE,
                                   (size_t)BATCH * STATE,
                                   (size_t)BATCH * GATES};
    size_t total = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        total += sizes[i];
    }
    mli_silero_session *s = mli_alloc_zero(&model->alloc, sizeof *s + total * sizeof(float));
    *out = s;
    if (s == NULL) {
        return mli_no_memory(err);
    }
    float **const parts[] = {&s->audio, &s->spectrum, &s->magnitude, &s->first, &s->second,
                             &s->third, &s->features, &s->hidden,    &s->gates};
    float *at = s->memory;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        *parts[i] = at;
        at += sizes[i];
    }
    s->model = model;
    s->pool = pool;
    return MODELLAB_OK;
}

void mli_silero_session_destroy(mli_silero_session *session)
{
    if (session != NULL) {
        mli_free(&session->model->alloc, session);
    }
}

void mli_silero_reset(mli_silero_session *session)
{
    memset(session->context, 0, sizeof session->context);
    memset(session->h, 0, sizeof session->h);
    memset(session->c, 0, sizeof session->c);
}

/* Context, chunk, and its end mirrored (without its last sample). */
static void lay_out(mli_silero_session *s, const float *samples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        float *to = s->audio + i * PADDED, *end = to + MLI_SILERO_CONTEXT + MLI_SILERO_CHUNK;
        const float *chunk = samples + i * MLI_SILERO_CHUNK;
        memcpy(to, i == 0 ? s->context : chunk - MLI_SILERO_CONTEXT, sizeof s->context);
        memcpy(to + MLI_SILERO_CONTEXT, chunk, MLI_SILERO_CHUNK * sizeof *to);
        for (size_t k = 0; k < PADDED - MLI_SILERO_CONTEXT - MLI_SILERO_CHUNK; k++) {
            end[k] = *(end - 2 - k);
        }
    }
    memcpy(s->context, samples + count * MLI_SILERO_CHUNK - MLI_SILERO_CONTEXT, sizeof s->context);
}

typedef struct batch {
    mli_silero_session *s;
    size_t count;
    const mli_cancel_word *cancel;
} batch;

static void magnitudes(mli_silero_session *s, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t t = 0; t < FRAMES; t++) {
            const float *re = s->spectrum + (i * STFT_ROWS + t) * 2 * BINS, *im = re + BINS;
            float *to = s->magnitude + (i * WIDE + 1 + t) * BINS; /* the frames beside stay zero */
            for (size_t k = 0; k < BINS; k++) {
                to[k] = sqrtf(re[k] * re[k] + im[k] * im[k]);
            }
        }
    }
}

/* y = relu(W x + b) over rows of x that stand `stride` apart and may overlap. */
static void convolve(mli_team *team, const mli_silero *m, size_t index, size_t rows, const float *x,
                     size_t stride, float *y)
{
    mli_linear(team, &(mli_linear_args){.w = &m->conv[index],
                                        .bias = m->bias + bias_at[index],
                                        .m = rows,
                                        .x = x,
                                        .x_stride = stride,
                                        .y = y,
                                        .y_stride = m->conv[index].rows,
                                        .act = MLI_ACT_RELU});
}

/* Zeros between the chunks of `buffer`, where a product wrote rows that mean nothing: the last
 * `gap` frames of each period, counted from the frame before the first chunk's first. */
static void clear_between(float *buffer, size_t count, size_t period, size_t used, size_t width)
{
    memset(buffer, 0, width * sizeof *buffer);
    for (size_t i = 0; i < count; i++) {
        memset(buffer + (i * period + 1 + used) * width, 0,
               (period - used) * width * sizeof *buffer);
    }
}

/* What the calling thread does alone: too little to be shared, step after step. */
static void follow(void *ctx, mli_team *team)
{
    const batch *b = ctx;
    mli_silero_session *s = b->s;
    mli_nn_lstm_run(team, &s->model->lstm, b->count, s->features, s->h, s->c, s->hidden, s->gates);
}

/* In the calling thread; others help with the convolutions when they come in time. */
static void compute(void *ctx, mli_team *team)
{
    const batch *b = ctx;
    mli_silero_session *s = b->s;
    const mli_silero *m = s->model;
    size_t n = b->count;
    mli_linear(team, &(mli_linear_args){.w = &m->basis,
                                        .m = n * STFT_ROWS - 1,
                                        .x = s->audio,
                                        .x_stride = MLI_SILERO_HOP,
                                        .y = s->spectrum,
                                        .y_stride = 2 * BINS});
    magnitudes(s, n);
    /* outputs one frame further on: where the next convolution wants them */
    convolve(team, m, 0, n * WIDE - 2, s->magnitude, BINS, s->first + STATE);
    clear_between(s->first, n, WIDE, FRAMES, STATE);
    convolve(team, m, 1, n * 3 - 1, s->first, 2 * STATE, s->second + NARROW);
    clear_between(s->second, n, 3, 2, NARROW);
    convolve(team, m, 2, n, s->second, 3 * NARROW, s->third);
    convolve(team, m, 3, n, s->third, NARROW, s->features);
    mli_team_alone(team, b->cancel, follow, ctx);
}

static float probability(const mli_silero *m, float *hidden)
{
    for (size_t i = 0; i < STATE; i++) {
        hidden[i] = hidden[i] > 0 ? hidden[i] : 0;
    }
    return 1.0f / (1.0f + expf(-(mli_dot(hidden, m->out, STATE) + m->out_bias)));
}

modellab_status mli_silero_run(mli_silero_session *session, const float *samples, size_t count,
                               float *probabilities, const mli_cancel_word *cancel,
                               modellab_error *err)
{
    for (size_t done = 0; done < count;) {
        batch b = {session, count - done < BATCH ? count - done : BATCH, cancel};
        lay_out(session, samples + done * MLI_SILERO_CHUNK, b.count);
        mli_pool_host(session->pool, cancel, compute, &b);
        if (mli_cancelled(cancel)) {
            return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
        }
        for (size_t i = 0; i < b.count; i++) {
            probabilities[done + i] = probability(session->model, session->hidden + i * STATE);
        }
        done += b.count;
    }
    return MODELLAB_OK;
}
