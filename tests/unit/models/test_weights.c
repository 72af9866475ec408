/* The three importers: the same weights from every format, strictness, hostile and damaged files.
 */
#include "base/alloc.h"
#include "models/half.h"
#include "models/whisper_weights.h"
#include "synthetic.h"
#include "unit/failing_alloc.h"
#include "unit/unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct made {
    const char *what;
    void (*write)(const synthetic_shape *shape, mli_weight_dtype type, mli_buf *out);
    mli_weight_dtype type;
    mli_weight_format format;
    bool exact;
} made;

static const made files[] = {
    {"ct2 f32", synthetic_ct2, MLI_WEIGHT_F32, MLI_FORMAT_CT2, true},
    {"ct2 f16", synthetic_ct2, MLI_WEIGHT_F16, MLI_FORMAT_CT2, true},
    {"ct2 int8", synthetic_ct2, MLI_WEIGHT_I8, MLI_FORMAT_CT2, false},
    {"ggml f32", synthetic_ggml, MLI_WEIGHT_F32, MLI_FORMAT_GGML, true},
    {"ggml f16", synthetic_ggml, MLI_WEIGHT_F16, MLI_FORMAT_GGML, true},
    {"ggml q8_0", synthetic_ggml, MLI_WEIGHT_Q8_0, MLI_FORMAT_GGML, false},
    {"ggml q5_0", synthetic_ggml, MLI_WEIGHT_Q5_0, MLI_FORMAT_GGML, false},
    {"safetensors f32", synthetic_safetensors, MLI_WEIGHT_F32, MLI_FORMAT_SAFETENSORS, true},
    {"safetensors f16", synthetic_safetensors, MLI_WEIGHT_F16, MLI_FORMAT_SAFETENSORS, true},
};

#define FILES (sizeof files / sizeof files[0])

static void write_file(const made *m, mli_buf *file, mli_buf *config)
{
    mli_buf_init(file, NULL);
    mli_buf_init(config, NULL);
    m->write(&synthetic_small, m->type, file);
    if (m->format == MLI_FORMAT_SAFETENSORS) {
        synthetic_config(&synthetic_small, config);
    }
    assert_int_equal(file->status, MODELLAB_OK);
}

static modellab_status read_bytes(const modellab_allocator *alloc, const void *file, size_t bytes,
                                  const mli_buf *config, mli_whisper_weights *out,
                                  modellab_error *err)
{
    return mli_whisper_weights_read(out, alloc, file, bytes, config->data, config->size, err);
}

typedef struct comparison {
    const mli_whisper_weights *weights;
    const made *made;
    size_t seen;
} comparison;

static void compare_tensor(void *user, const char *name, int rank, const size_t *dims)
{
    comparison *c = user;
    const mli_weight *t;
    modellab_error err = MODELLAB_ERROR_INIT;
    assert_int_equal(mli_tensors_need(&c->weights->tensors, name, rank, dims, &t, &err), 0);
    size_t n = mli_weight_elements(t);
    float *want = malloc(n * sizeof *want), *got = malloc(n * sizeof *got);
    uint16_t *half = malloc(n * sizeof *half);
    synthetic_values(name, n, want);
    assert_int_equal(mli_weight_read_f32(t, 0, mli_weight_rows(t), got, &err), 0);
    assert_int_equal(mli_weight_read_f16(t, 0, mli_weight_rows(t), half, &err), 0);
    for (size_t i = 0; i < n; i++) {
        float most = c->made->type == MLI_WEIGHT_Q5_0 ? 0.008f : 0.0006f;
        if (c->made->exact || rank == 1) {
            assert_memory_equal(&got[i], &want[i], sizeof want[i]);
        } else {
            assert_true(fabsf(got[i] - want[i]) <= most);
        }
        assert_int_equal(half[i], mli_f16_of_f32(got[i]));
    }
    free(want);
    free(got);
    free(half);
    c->seen++;
}

static void test_same_weights_from_every_format(void **state)
{
    (void)state;
    for (size_t i = 0; i < FILES; i++) {
        mli_buf file, config;
        mli_whisper_weights w;
        modellab_error err = MODELLAB_ERROR_INIT;
        write_file(&files[i], &file, &config);
        if (read_bytes(NULL, file.data, file.size, &config, &w, &err) != MODELLAB_OK) {
            fail_msg("%s: %s", files[i].what, err.message);
        }
        assert_int_equal(w.format, files[i].format);
        assert_int_equal(w.dtype, files[i].type);
        assert_int_equal(w.hparams.n_vocab, 1908);
        assert_int_equal(w.hparams.n_mels, 80);
        assert_int_equal(w.hparams.n_audio_ctx, 20);
        assert_int_equal(w.hparams.n_audio_head, 2);
        assert_int_equal(w.hparams.n_text_head, 2);
        assert_int_equal(w.hparams.n_audio_layer, 2);
        assert_int_equal(w.hparams.n_text_layer, 2);
        assert_int_equal(w.hparams.n_text_ctx, 16);
        assert_false(w.hparams.multilingual);
        assert_int_equal(w.head_count, 2); /* of the config, or the upper layer's */
        comparison c = {&w, &files[i], 0};
        synthetic_walk(&synthetic_small, compare_tensor, &c);
        assert_int_equal(c.seen, w.tensors.count);
        mli_whisper_weights_dispose(&w);
        mli_buf_dispose(&file);
        mli_buf_dispose(&config);
    }
}

static void test_ggml_extras(void **state)
{
    (void)state;
    mli_buf file, config;
    mli_whisper_weights w;
    write_file(&files[4], &file, &config);
    assert_int_equal(read_bytes(NULL, file.data, file.size, &config, &w, NULL), MODELLAB_OK);
    assert_int_equal(w.word_count, 300);
    assert_int_equal(w.words[262].bytes, 4);
    assert_memory_equal(w.words[262].data, " the", 4);
    assert_int_equal(w.mel_bins, 201);
    assert_non_null(w.mel_filters);
    mli_whisper_weights_dispose(&w);
    mli_buf_dispose(&file);
    mli_buf_dispose(&config);
}

/* Every cut of a file is refused with words, or reads as a whole file only at its end. */
static void test_truncated(void **state)
{
    (void)state;
    for (size_t i = 0; i < FILES; i++) {
        mli_buf file, config;
        write_file(&files[i], &file, &config);
        size_t step = 1;
        for (size_t cut = 0; cut < file.size; cut += step) {
            mli_whisper_weights w;
            modellab_error err = MODELLAB_ERROR_INIT;
            /* a block of its own, so that a sanitizer sees every read behind the end */
            unsigned char *copy = malloc(cut > 0 ? cut : 1);
            memcpy(copy, file.data, cut);
            modellab_status status = read_bytes(NULL, copy, cut, &config, &w, &err);
            assert_int_not_equal(status, MODELLAB_OK);
            assert_true(err.message[0] != '\0');
            free(copy);
            step = cut < 600 ? 1 : cut / 12 + 7;
        }
        mli_buf_dispose(&file);
        mli_buf_dispose(&config);
    }
}

static void test_flipped_bits(void **state)
{
    (void)state;
    for (size_t i = 0; i < FILES; i++) {
        mli_buf file, config;
        uint32_t seed = 7;
        size_t accepted = 0, refused = 0;
        write_file(&files[i], &file, &config);
        for (int round = 0; round < 400; round++) {
            mli_whisper_weights w;
            modellab_error err = MODELLAB_ERROR_INIT;
            seed = seed * 1664525u + 1013904223u;
            size_t range = round % 2 == 0 ? 4096 : file.size;
            size_t at = (seed >> 3) % (range < file.size ? range : file.size);
            char bit = (char)(1 << (seed & 7));
            file.data[at] = (char)(file.data[at] ^ bit);
            if (read_bytes(NULL, file.data, file.size, &config, &w, &err) == MODELLAB_OK) {
                mli_whisper_weights_dispose(&w);
                accepted++;
            } else {
                assert_true(err.message[0] != '\0');
                refused++;
            }
            file.data[at] = (char)(file.data[at] ^ bit);
        }
        assert_true(accepted > 0 && refused > 0); /* data bits pass, structure bits do not */
        mli_buf_dispose(&file);
        mli_buf_dispose(&config);
    }
}

static void refuse(const void *bytes, size_t size, const char *config, modellab_status want,
                   const char *words)
{
    mli_whisper_weights w;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = mli_whisper_weights_read(&w, NULL, bytes, size, config,
                                                      config != NULL ? strlen(config) : 0, &err);
    if (status != want || strstr(err.message, words) == NULL) {
        fail_msg("status %d \"%s\", wanted %d \"%s\"", status, err.message, want, words);
    }
}

static void test_hostile(void **state)
{
    (void)state;
    mli_buf b;
    static const char text[] = "this is a text file, no model at all";
    refuse(text, sizeof text, NULL, MODELLAB_E_INVALID_MODEL, "first bytes");
    refuse("", 0, NULL, MODELLAB_E_INVALID_MODEL, "first bytes");
    /* ggml: dimensions that multiply to more than any memory */
    static const unsigned char huge[] = "lmgg"
                                        "\x74\x07\0\0\x14\0\0\0\x40\0\0\0\2\0\0\0\2\0\0\0\x10\0\0\0"
                                        "\x40\0\0\0\2\0\0\0\2\0\0\0\1\0\0\0\0\0\0\0"
                                        "\1\0\0\0\1\0\0\0\0\0\0\0" /* mel filter 1 x 1 */
                                        "\1\0\0\0\0\0\0\0"         /* one empty word */
                                        "\4\0\0\0\1\0\0\0\0\0\0\0" /* rank 4, name of 1, f32 */
                                        "\xff\xff\xff\x7f\xff\xff\xff\x7f\xff\xff\xff\x7f"
                                        "\xff\xff\xff\x7f"
                                        "x";
    refuse(huge, sizeof huge - 1, NULL, MODELLAB_E_INVALID_MODEL, "dimensions");
    /* ggml: a vocabulary that the file cannot hold */
    unsigned char words[76];
    memcpy(words, huge, sizeof words);
    memcpy(words + 60, "\x70\x07\0\0", 4);
    refuse(words, sizeof words, NULL, MODELLAB_E_INVALID_MODEL, "vocabulary");
    /* safetensors: a header beyond the file, offsets beyond the data */
    mli_buf_init(&b, NULL);
    mli_buf_append(&b, "\xff\0\0\0\0\0\0\0{}          ", 20);
    refuse(b.data, b.size, NULL, MODELLAB_E_INVALID_MODEL, "header");
    mli_buf_clear(&b);
    static const char *const headers[][2] = {
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,99]}}   ", "data_offsets"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}    ", "data_offsets"},
        {"{\"a\":{\"dtype\":\"F9\",\"shape\":[1],\"data_offsets\":[0,4]}}     ", "dtype"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,4]}}    ", "shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}   ", "shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}    ", "tensor a"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}    ", "gap"},
        {"{\"a\":7}                                                           ", "data_offsets"},
    };
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        mli_buf_clear(&b);
        size_t n = strlen(headers[i][0]);
        mli_buf_append_char(&b, (char)n);
        mli_buf_append(&b, "\0\0\0\0\0\0\0", 7);
        mli_buf_append(&b, headers[i][0], n);
        mli_buf_append(&b, "\0\0\0\0\0\0\0\0", 8);
        refuse(b.data, b.size, NULL, MODELLAB_E_INVALID_MODEL, headers[i][1]);
    }
    mli_buf_dispose(&b);
}

static void test_other_architectures(void **state)
{
    (void)state;
    mli_buf file, config;
    write_file(&files[0], &file, &config);
    char *spec = file.data + 6;
    assert_memory_equal(spec, "WhisperSpec", 11);
    memcpy(spec, "WhimperSpec", 11);
    refuse(file.data, file.size, NULL, MODELLAB_E_UNSUPPORTED_MODEL, "WhisperSpec");
    memcpy(spec, "WhisperSpec", 11);
    refuse(file.data, file.size, "{\"model_type\":\"bert\"}", MODELLAB_E_UNSUPPORTED_MODEL,
           "model_type");
    refuse(file.data, file.size, "{\"decoder_attention_heads\":3}", MODELLAB_E_INVALID_MODEL,
           "decoder_attention_heads");
    refuse(file.data, file.size, "{\"alignment_heads\":[[9,0]]}", MODELLAB_E_INVALID_MODEL,
           "alignment head");
    refuse(file.data, file.size, "{\"alignment_heads\":[[0]]}", MODELLAB_E_INVALID_MODEL,
           "alignment_heads");
    refuse(file.data, file.size, "{", MODELLAB_E_INVALID_MODEL, "JSON");
    mli_buf_append(&file, "tail", 4);
    refuse(file.data, file.size, NULL, MODELLAB_E_INVALID_MODEL, "after the aliases");
    mli_buf_dispose(&file);
    mli_buf_dispose(&config);
}

/* Positions missing in the file are the reference's sinusoids. */
static void test_positions(void **state)
{
    (void)state;
    float out[6 * 4];
    mli_whisper_sinusoids(6, 4, out);
    for (int t = 0; t < 6; t++) {
        assert_true(fabs(out[t * 4 + 0] - sin(t)) < 1e-6);
        assert_true(fabs(out[t * 4 + 1] - sin(t * 1e-4)) < 1e-6);
        assert_true(fabs(out[t * 4 + 2] - cos(t)) < 1e-6);
        assert_true(fabs(out[t * 4 + 3] - cos(t * 1e-4)) < 1e-6);
    }
}

static void test_memory_faults(void **state)
{
    (void)state;
    for (size_t i = 0; i < FILES; i++) {
        mli_buf file, config;
        write_file(&files[i], &file, &config);
        long limit = 0;
        for (bool done = false; !done; limit++) {
            failing_alloc f = {.fail_at = limit};
            modellab_allocator alloc = failing_alloc_table(&f);
            modellab_error err = MODELLAB_ERROR_INIT;
            mli_whisper_weights w;
            modellab_status status = read_bytes(&alloc, file.data, file.size, &config, &w, &err);
            if (status == MODELLAB_OK) {
                mli_whisper_weights_dispose(&w);
                done = true;
            } else {
                assert_int_equal(status, MODELLAB_E_NO_MEMORY);
            }
            assert_int_equal(f.live, 0);
        }
        assert_true(limit > 5); /* faults did happen */
        mli_buf_dispose(&file);
        mli_buf_dispose(&config);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_weights_from_every_format),
        cmocka_unit_test(test_ggml_extras),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_flipped_bits),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_other_architectures),
        cmocka_unit_test(test_positions),
        cmocka_unit_test(test_memory_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
