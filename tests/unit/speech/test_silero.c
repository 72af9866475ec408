/* The detector on made-up weights against plain loops in double precision: whole, in pieces, with
 * more threads; files of other graphs are refused by name. */
#include "unit/kernels/common.h"

#include "speech/silero.h"
#include "unit/speech/silero_file.h"

enum { CHUNKS = 75, LENGTH = CHUNKS * MLI_SILERO_CHUNK };

/* out[channels][frames] = relu(conv(x[in][length]) + bias), kernel 3, a zero on both sides. */
static size_t plain_conv(const float *w, const float *bias, size_t channels, size_t in,
                         const double *x, size_t length, size_t stride, double *out)
{
    size_t frames = (length - 1) / stride + 1;
    for (size_t o = 0; o < channels; o++) {
        for (size_t t = 0; t < frames; t++) {
            double sum = (double)bias[o];
            for (size_t i = 0; i < in; i++) {
                for (size_t k = 0; k < 3; k++) {
                    size_t at = t * stride + k; /* one further on */
                    if (at >= 1 && at <= length)
                        sum += (double)w[(o * in + i) * 3 + k] * x[i * length + at - 1];
                }
            }
            out[o * frames + t] = sum > 0 ? sum : 0;
        }
    }
    return frames;
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static void plain_cell(float *const v[], const double *x, double *h, double *c)
{
    double gates[512];
    for (size_t g = 0; g < 512; g++) {
        gates[g] = (double)v[11][g] + (double)v[12][g];
        for (size_t i = 0; i < 128; i++)
            gates[g] += (double)v[9][g * 128 + i] * x[i] + (double)v[10][g * 128 + i] * h[i];
    }
    for (size_t i = 0; i < 128; i++) {
        c[i] = sigmoid(gates[128 + i]) * c[i] + sigmoid(gates[i]) * tanh(gates[256 + i]);
        h[i] = sigmoid(gates[384 + i]) * tanh(c[i]);
    }
}

/* One step: 64 samples of context, 512 new ones. */
static double plain_step(float *const v[], const float *audio, double *h, double *c)
{
    static double padded[640], magnitude[129 * 4], a[128 * 4], b[64 * 4], d[64 * 4], e[128];
    for (size_t i = 0; i < 640; i++)
        padded[i] = (double)audio[i < 576 ? i : 574 - (i - 576)];
    for (size_t t = 0; t < 4; t++) {
        for (size_t k = 0; k < 129; k++) {
            double re = 0, im = 0;
            for (size_t i = 0; i < 256; i++) {
                re += (double)v[0][k * 256 + i] * padded[t * 128 + i];
                im += (double)v[0][(129 + k) * 256 + i] * padded[t * 128 + i];
            }
            magnitude[k * 4 + t] = sqrt(re * re + im * im);
        }
    }
    size_t frames = plain_conv(v[1], v[2], 128, 129, magnitude, 4, 1, a);
    frames = plain_conv(v[3], v[4], 64, 128, a, frames, 2, b);
    frames = plain_conv(v[5], v[6], 64, 64, b, frames, 2, d);
    frames = plain_conv(v[7], v[8], 128, 64, d, frames, 1, e);
    assert_int_equal(frames, 1);
    plain_cell(v, e, h, c);
    double sum = (double)v[14][0];
    for (size_t i = 0; i < 128; i++)
        sum += h[i] > 0 ? (double)v[13][i] * h[i] : 0;
    return sigmoid(sum);
}

typedef struct fixture {
    float *values[SILERO_TENSORS];
    float audio[MLI_SILERO_CONTEXT + LENGTH]; /* behind 64 zeros */
    double expected[CHUNKS];
    mli_silero *model;
} fixture;

static mli_silero *open_model(fixture *f)
{
    mli_buf file;
    mli_silero_weights weights;
    mli_silero *model = NULL;
    silero_file(&file, &(silero_plan){0}, f->values);
    assert_int_equal(mli_silero_read(&weights, NULL, file.data, file.size, NULL, NULL),
                     MODELLAB_OK);
    assert_int_equal(mli_silero_create(&model, NULL, &weights, NULL), MODELLAB_OK);
    mli_buf_dispose(&file); /* the model has its own copy */
    return model;
}

static int setup(void **state)
{
    double h[128] = {0}, c[128] = {0};
    uint32_t seed = 7;
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->model = open_model(f);
    for (size_t i = 0; i < LENGTH; i++) {
        seed = seed * 1664525u + 1013904223u;
        f->audio[MLI_SILERO_CONTEXT + i] = (float)((int32_t)(seed >> 8 & 0xffff) - 32768) / 65536 *
                                           (i / 9000 % 2 == 0 ? 1.0f : 0.02f); /* loud and soft */
    }
    for (size_t i = 0; i < CHUNKS; i++)
        f->expected[i] = plain_step(f->values, f->audio + i * MLI_SILERO_CHUNK, h, c);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    mli_silero_destroy(f->model);
    for (size_t i = 0; i < SILERO_TENSORS; i++)
        free(f->values[i]);
    free(f);
    return 0;
}

/* Runs all chunks, `piece` of them a call. */
static void run(const fixture *f, int threads, size_t piece, float out[CHUNKS])
{
    mli_pool *pool = NULL;
    mli_silero_session *session = NULL;
    assert_int_equal(mli_pool_create(threads, NULL, &pool, NULL), MODELLAB_OK);
    assert_int_equal(mli_silero_session_create(&session, f->model, pool, NULL), MODELLAB_OK);
    for (int round = 0; round < 2; round++) { /* the second one after other audio */
        mli_silero_reset(session);
        for (size_t i = 0; i < CHUNKS; i += piece) {
            size_t count = CHUNKS - i < piece ? CHUNKS - i : piece;
            assert_int_equal(mli_silero_run(session,
                                            f->audio + MLI_SILERO_CONTEXT + i * MLI_SILERO_CHUNK,
                                            count, out + i, NULL, NULL),
                             MODELLAB_OK);
        }
    }
    mli_silero_session_destroy(session);
    mli_pool_destroy(pool);
}

static void test_as_plain_loops(void **state)
{
    const fixture *f = *state;
    float out[CHUNKS];
    double low = 1, high = 0;
    EACH_ISA(isa)
    {
        run(f, 1, CHUNKS, out);
        for (size_t i = 0; i < CHUNKS; i++) {
            assert_near((double)out[i], f->expected[i], 1e-5, "probability", i);
            low = fmin(low, f->expected[i]);
            high = fmax(high, f->expected[i]);
        }
    }
    if (high - low < 0.05) /* it must say something about the audio */
        fail_msg("all between %g and %g", low, high);
}

static void test_same_bits(void **state)
{
    const fixture *f = *state;
    static const size_t pieces[] = {1, 7, 32, 33};
    float whole[CHUNKS], out[CHUNKS];
    run(f, 1, CHUNKS, whole);
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        run(f, 1, pieces[i], out);
        assert_memory_equal(out, whole, sizeof whole);
    }
    run(f, 2, CHUNKS, out);
    assert_memory_equal(out, whole, sizeof whole);
    run(f, 3, 5, out);
    assert_memory_equal(out, whole, sizeof whole);
}

static void test_cancel(void **state)
{
    const fixture *f = *state;
    mli_pool *pool = NULL;
    mli_silero_session *session = NULL;
    mli_cancel_word cancel = 1;
    float out[CHUNKS];
    assert_int_equal(mli_pool_create(1, NULL, &pool, NULL), MODELLAB_OK);
    assert_int_equal(mli_silero_session_create(&session, f->model, pool, NULL), MODELLAB_OK);
    assert_int_equal(mli_silero_run(session, f->audio, CHUNKS, out, &cancel, NULL),
                     MODELLAB_E_CANCELLED);
    mli_silero_session_destroy(session);
    mli_pool_destroy(pool);
}

static void test_other_graphs(void **state)
{
    static const struct {
        silero_plan plan;
        const char *words;
    } cases[] = {
        {{.stride_of_second = 1}, "node model.encoder.1.reparam_conv.weight.out (Conv)"},
        {{.pad_mode = "constant"}, "node pad (Pad)"},
        {{.pad_mode = ""}, "padding of the detector is missing"},
        {{.left_out = "model.decoder.rnn.bias_hh"}, "tensor model.decoder.rnn.bias_hh is missing"},
        {{.other_shape = true}, "tensor model.decoder.rnn.weight_ih has another type or shape"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mli_buf file;
        float *values[SILERO_TENSORS];
        mli_silero_weights weights;
        modellab_error err = MODELLAB_ERROR_INIT;
        silero_file(&file, &cases[i].plan, values);
        assert_int_equal(mli_silero_read(&weights, NULL, file.data, file.size, NULL, &err),
                         MODELLAB_E_UNSUPPORTED_MODEL);
        if (strstr(err.message, cases[i].words) == NULL)
            fail_msg("\"%s\" does not say \"%s\"", err.message, cases[i].words);
        for (size_t k = 0; k < SILERO_TENSORS; k++)
            free(values[k]);
        mli_buf_dispose(&file);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_plain_loops),
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_other_graphs),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
