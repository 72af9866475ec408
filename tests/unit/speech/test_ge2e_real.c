/* The real speaker encoder on the sample conversation, against embeddings computed in float64.
 * Needs ge2e-speaker and sample-conversation below MODEL_LAB_TEST_MODELS, else skipped (77).
 * test_speech_ge2e_real FILE_OF_REFERENCE_EMBEDDINGS */
#include "unit/kernels/common.h"

#include "audio/decode.h"
#include "models/model_files.h"
#include "models/torch.h"
#include "speech/ge2e.h"

enum { WIDTH = MLI_GE2E_WIDTH, HOP_OF_CLIPS = 77 };

static char weights_path[4096], sample_path[4096];
static const char *reference_path;

static double cosine(const float *a, const double *b)
{
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < WIDTH; i++) {
        ab += (double)a[i] * b[i];
        aa += (double)a[i] * (double)a[i];
        bb += b[i] * b[i];
    }
    return ab / sqrt(aa * bb);
}

static mli_ge2e *open_model(void)
{
    mli_model_files files;
    mli_tensors list;
    mli_ge2e_weights weights;
    mli_ge2e *model = NULL;
    mli_tensors_init(&list, NULL);
    assert_int_equal(mli_model_files_open(&files, NULL, &mli_os_system_files, weights_path, NULL),
                     MODELLAB_OK);
    assert_int_equal(mli_model_files_load(&files, NULL, NULL), MODELLAB_OK);
    assert_int_equal(mli_torch_read(&list, files.weights, files.weights_bytes, NULL, NULL),
                     MODELLAB_OK);
    assert_int_equal(mli_tensors_sort(&list, NULL), MODELLAB_OK);
    assert_int_equal(mli_ge2e_take(&weights, &list, NULL), MODELLAB_OK);
    assert_int_equal(mli_ge2e_create(&model, NULL, &weights, NULL), MODELLAB_OK);
    mli_tensors_dispose(&list);
    mli_model_files_dispose(&files);
    return model;
}

/* A line of the reference: the window's first frame (-1 = the whole clip), then the embedding. */
static bool next_line(FILE *f, long *start, double want[WIDTH])
{
    static char line[8192];
    do {
        if (fgets(line, sizeof line, f) == NULL)
            return false;
    } while (line[0] == '#');
    char *at = line;
    *start = strtol(at, &at, 10);
    for (size_t i = 0; i < WIDTH; i++) {
        char *end = at;
        want[i] = strtod(at, &end);
        assert_true(end != at);
        at = end;
    }
    return true;
}

static void test_reference(void **state)
{
    mli_ge2e *model = open_model();
    mli_ge2e_session *session = NULL;
    mli_audio_source *audio = NULL;
    mli_pool *pool = pool_of(2);
    FILE *f = fopen(reference_path, "r");
    double want[WIDTH], worst = 1;
    static float mel[MLI_GE2E_FRAMES * MLI_GE2E_MELS], got[WIDTH];
    size_t lines = 0, zero = 0;
    long start = 0;
    (void)state;
    assert_non_null(f);
    assert_int_equal(mli_ge2e_session_create(&session, model, pool, NULL), MODELLAB_OK);
    assert_int_equal(mli_audio_decode_path(sample_path, NULL, &audio, NULL), MODELLAB_OK);
    for (; next_line(f, &start, want); lines++) {
        if (start >= 0) {
            assert_int_equal(mli_mel_power(mli_ge2e_bank(model), audio, pool, NULL, start,
                                           MLI_GE2E_FRAMES, mel, 1, MLI_GE2E_MELS, NULL),
                             MODELLAB_OK);
            assert_int_equal(mli_ge2e_run(session, mel, &zero, 1, 1.0f, got, NULL, NULL),
                             MODELLAB_OK);
        } else {
            assert_int_equal(mli_ge2e_clip(session, audio, HOP_OF_CLIPS, 1.0f, got, NULL, NULL),
                             MODELLAB_OK);
        }
        double c = cosine(got, want);
        worst = c < worst ? c : worst;
        if (!(c >= 0.9999))
            fail_msg("line %zu: cosine %.8f", lines, c);
    }
    print_message("least cosine of %zu: 1 - %.2g\n", lines, 1 - worst);
    assert_int_equal(lines, 11);
    assert_int_equal(fclose(f), 0);
    mli_audio_unref(audio);
    mli_ge2e_session_destroy(session);
    mli_pool_destroy(pool);
    mli_ge2e_destroy(model);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_reference)};
    const char *root = getenv("MODEL_LAB_TEST_MODELS");
    reference_path = argc > 1 ? argv[1] : "";
    (void)snprintf(weights_path, sizeof weights_path, "%s/ge2e-speaker/pretrained.pt",
                   root != NULL ? root : "");
    (void)snprintf(sample_path, sizeof sample_path, "%s/sample-conversation/sample.wav",
                   root != NULL ? root : "");
    FILE *f = root != NULL ? fopen(weights_path, "rb") : NULL;
    if (f == NULL) {
        puts("skipped: MODEL_LAB_TEST_MODELS has no ge2e-speaker (modellab models pull)");
        return 77;
    }
    (void)fclose(f);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
