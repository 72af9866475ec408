/* The speaker encoder on made-up weights against plain loops in double precision; the same bits for
 * any number of windows, calls and threads; checkpoints of other networks are refused by name. */
#include "unit/kernels/common.h"

#include "models/torch.h"
#include "speech/ge2e.h"
#include "unit/models/torch_writer.h"

enum {
    WIDTH = MLI_GE2E_WIDTH,
    GATES = 4 * WIDTH,
    MELS = MLI_GE2E_MELS,
    WINDOWS = 75,
    HOP = 3,
    MEL_FRAMES = WINDOWS * HOP + MLI_GE2E_FRAMES,
    TENSORS = 14
};

typedef struct fixture {
    char names[TENSORS][32];
    torch_tensor tensors[TENSORS];
    float *values[TENSORS];
    float *mel;
    size_t starts[WINDOWS];
    mli_ge2e *model;
} fixture;

static void describe(fixture *f)
{
    static const char *const parts[] = {"weight_ih", "weight_hh", "bias_ih", "bias_hh"};
    numbers n = {11};
    for (size_t i = 0; i < TENSORS; i++) {
        torch_tensor *t = &f->tensors[i];
        size_t layer = i / 4, part = i % 4;
        if (i >= 12) {
            (void)snprintf(f->names[i], sizeof f->names[i], "linear.%s",
                           i == 12 ? "weight" : "bias");
            *t = (torch_tensor){f->names[i], {WIDTH, WIDTH}, i == 12 ? 2 : 1, NULL, 0};
        } else {
            (void)snprintf(f->names[i], sizeof f->names[i], "lstm.%s_l%zu", parts[part], layer);
            *t = (torch_tensor){f->names[i],
                                {GATES, part == 0 && layer == 0 ? MELS : WIDTH},
                                part < 2 ? 2 : 1,
                                NULL,
                                0};
        }
        size_t count = t->dims[0] * (t->rank == 2 ? t->dims[1] : 1);
        f->values[i] = floats(&n, count);
        for (size_t k = 0; k < count; k++)
            f->values[i][k] *= 0.15f;
        t->values = f->values[i];
    }
}

/* Opens the encoder that a stream of `count` tensors holds. */
static modellab_status open_model(const torch_tensor *tensors, size_t count, mli_ge2e **out,
                                  modellab_error *err)
{
    mli_buf object, file;
    mli_tensors list;
    mli_ge2e_weights weights;
    mli_buf_init(&object, NULL);
    mli_buf_init(&file, NULL);
    mli_tensors_init(&list, NULL);
    torch_object(&object, tensors, count);
    torch_stream(&file, &object, tensors, count);
    assert_int_equal(mli_torch_read(&list, file.data, file.size, NULL, NULL), MODELLAB_OK);
    assert_int_equal(mli_tensors_sort(&list, NULL), MODELLAB_OK);
    modellab_status status = mli_ge2e_take(&weights, &list, err);
    assert_int_equal(mli_ge2e_is(&list), status == MODELLAB_OK);
    if (status == MODELLAB_OK)
        status = mli_ge2e_create(out, NULL, &weights, err);
    mli_tensors_dispose(&list);
    mli_buf_dispose(&file);
    mli_buf_dispose(&object);
    return status;
}

static int setup(void **state)
{
    numbers n = {3};
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    describe(f);
    assert_int_equal(open_model(f->tensors, TENSORS, &f->model, NULL), MODELLAB_OK);
    f->mel = floats(&n, (size_t)MEL_FRAMES * MELS);
    for (size_t i = 0; i < (size_t)MEL_FRAMES * MELS; i++)
        f->mel[i] = fabsf(f->mel[i]);
    for (size_t i = 0; i < WINDOWS; i++)
        f->starts[i] = i * HOP;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    mli_ge2e_destroy(f->model);
    for (size_t i = 0; i < TENSORS; i++)
        free(f->values[i]);
    free(f->mel);
    free(f);
    return 0;
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static void plain_layer(float *const v[4], size_t inputs, double *x, size_t stride)
{
    static double h[WIDTH], c[WIDTH], gates[GATES];
    memset(h, 0, sizeof h);
    memset(c, 0, sizeof c);
    for (size_t t = 0; t < MLI_GE2E_FRAMES; t++) {
        for (size_t g = 0; g < GATES; g++) {
            double sum = (double)v[2][g] + (double)v[3][g];
            for (size_t i = 0; i < inputs; i++)
                sum += (double)v[0][g * inputs + i] * x[t * stride + i];
            for (size_t i = 0; i < WIDTH; i++)
                sum += (double)v[1][g * WIDTH + i] * h[i];
            gates[g] = sum;
        }
        for (size_t i = 0; i < WIDTH; i++) {
            c[i] =
                sigmoid(gates[WIDTH + i]) * c[i] + sigmoid(gates[i]) * tanh(gates[2 * WIDTH + i]);
            h[i] = sigmoid(gates[3 * WIDTH + i]) * tanh(c[i]);
            x[t * stride + i] = h[i];
        }
    }
}

static void plain(const fixture *f, size_t start, double scale, double out[WIDTH])
{
    static double x[MLI_GE2E_FRAMES * WIDTH];
    double length = 0;
    for (size_t t = 0; t < MLI_GE2E_FRAMES; t++) {
        for (size_t i = 0; i < MELS; i++)
            x[t * WIDTH + i] = scale * (double)f->mel[(start + t) * MELS + i];
    }
    for (size_t l = 0; l < 3; l++)
        plain_layer(f->values + 4 * l, l == 0 ? MELS : WIDTH, x, WIDTH);
    for (size_t o = 0; o < WIDTH; o++) {
        double sum = (double)f->values[13][o];
        for (size_t i = 0; i < WIDTH; i++)
            sum += (double)f->values[12][o * WIDTH + i] * x[(MLI_GE2E_FRAMES - 1) * WIDTH + i];
        out[o] = sum > 0 ? sum : 0;
        length += out[o] * out[o];
    }
    for (size_t o = 0; o < WIDTH; o++)
        out[o] /= sqrt(length);
}

static float *run(const fixture *f, int threads, size_t windows, size_t batch, float scale)
{
    mli_pool *pool = pool_of(threads);
    mli_ge2e_session *session = NULL;
    float *out = must((size_t)WINDOWS * WIDTH * sizeof *out);
    assert_int_equal(mli_ge2e_session_create(&session, f->model, pool, NULL), MODELLAB_OK);
    for (size_t i = 0; i < windows; i += batch) {
        size_t count = windows - i < batch ? windows - i : batch;
        assert_int_equal(
            mli_ge2e_run(session, f->mel, f->starts + i, count, scale, out + i * WIDTH, NULL, NULL),
            MODELLAB_OK);
    }
    mli_ge2e_session_destroy(session);
    mli_pool_destroy(pool);
    return out;
}

static void test_as_plain_loops(void **state)
{
    const fixture *f = *state;
    float *got = run(f, 2, WINDOWS, WINDOWS, 0.5f);
    for (size_t i = 0; i < WINDOWS; i += 37) {
        double want[WIDTH];
        plain(f, f->starts[i], 0.5, want);
        for (size_t k = 0; k < WIDTH; k++) {
            if (fabs((double)got[i * WIDTH + k] - want[k]) > 2e-6)
                fail_msg("window %zu, %zu: %g instead of %g", i, k, (double)got[i * WIDTH + k],
                         want[k]);
        }
    }
    free(got);
}

static void test_same_bits(void **state)
{
    const fixture *f = *state;
    float *whole = run(f, 1, WINDOWS, WINDOWS, 1.0f);
    static const struct {
        int threads;
        size_t windows, batch;
    } cases[] = {{1, 3, 1},
                 {2, 15, 5},
                 {1, WINDOWS, 40},
                 {2, WINDOWS, WINDOWS},
                 {3, WINDOWS, WINDOWS},
                 {19, WINDOWS, WINDOWS}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        float *parts = run(f, cases[i].threads, cases[i].windows, cases[i].batch, 1.0f);
        assert_memory_equal(parts, whole, cases[i].windows * WIDTH * sizeof *whole);
        free(parts);
    }
    free(whole);
}

static void test_cancel(void **state)
{
    const fixture *f = *state;
    mli_cancel_word stop = 1;
    mli_pool *pool = pool_of(2);
    mli_ge2e_session *session = NULL;
    float *out = must((size_t)WINDOWS * WIDTH * sizeof *out);
    assert_int_equal(mli_ge2e_session_create(&session, f->model, pool, NULL), MODELLAB_OK);
    assert_int_equal(mli_ge2e_run(session, f->mel, f->starts, WINDOWS, 1.0f, out, &stop, NULL),
                     MODELLAB_E_CANCELLED);
    mli_ge2e_session_destroy(session);
    mli_pool_destroy(pool);
    free(out);
}

static void test_other_networks(void **state)
{
    const fixture *f = *state;
    mli_ge2e *model = NULL;
    torch_tensor tensors[TENSORS];
    modellab_error err = MODELLAB_ERROR_INIT;
    assert_int_equal(open_model(f->tensors, TENSORS - 1, &model, &err),
                     MODELLAB_E_UNSUPPORTED_MODEL);
    assert_non_null(strstr(err.message, "tensor linear.bias is missing"));
    memcpy(tensors, f->tensors, sizeof tensors);
    tensors[5].dims[1] = 128;
    assert_int_equal(open_model(tensors, TENSORS, &model, &err), MODELLAB_E_UNSUPPORTED_MODEL);
    assert_non_null(strstr(err.message, "tensor lstm.weight_hh_l1 has another type or shape"));
    assert_null(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_plain_loops),
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_other_networks),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
