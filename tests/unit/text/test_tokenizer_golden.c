/* The tokenizer on the published vocabularies against golden vectors (golden/make.py). The models
 * are found below MODEL_LAB_TEST_MODELS. Arguments: model name, golden file. */
#include "models/installed.h"
#include "text/whisper_tokenizer.h"
#include "unit/unit.h"

#include "base/str.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *model_name, *golden_file;
static mli_whisper_tokenizer *tokenizers[3]; /* of the vocabulary, of tokenizer.json, packed */

static int set_up(void **state)
{
    (void)state;
    const char *root = getenv("MODEL_LAB_TEST_MODELS");
    mli_model_files files;
    modellab_error err = MODELLAB_ERROR_INIT;
    if (root == NULL) {
        return 0;
    }
    const mli_model_store store = {NULL, &mli_os_system_files, root};
    if (mli_model_store_open(&store, model_name, &files, &err) != MODELLAB_OK) {
        printf("no model %s: %s\n", model_name, err.message);
        return 0;
    }
    int32_t n_vocab = strcmp(model_name, "whisper-base") == 0 ? 51865 : 51864;
    mli_whisper_vocab_source source = {.vocabulary = files.vocabulary,
                                       .vocabulary_bytes = files.vocabulary_bytes,
                                       .n_vocab = n_vocab};
    mli_buf packed;
    mli_buf_init(&packed, NULL);
    int rc = mli_whisper_tokenizer_create(&tokenizers[0], NULL, &source, &err);
    source = (mli_whisper_vocab_source){.tokenizer_json = files.tokenizer,
                                        .tokenizer_json_bytes = files.tokenizer_bytes,
                                        .n_vocab = n_vocab};
    rc = rc != 0 ? rc : mli_whisper_tokenizer_create(&tokenizers[1], NULL, &source, &err);
    if (rc == 0) {
        mli_whisper_tokenizer_pack(tokenizers[0], &packed);
        source = (mli_whisper_vocab_source){
            .packed = packed.data, .packed_bytes = packed.size, .n_vocab = n_vocab};
        rc = mli_whisper_tokenizer_create(&tokenizers[2], NULL, &source, &err);
    }
    printf("%s", err.message);
    mli_buf_dispose(&packed);
    mli_model_files_dispose(&files);
    return rc;
}

static int tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        mli_whisper_tokenizer_destroy(tokenizers[i]);
    }
    return 0;
}

static void need_model(void)
{
    if (tokenizers[0] == NULL) {
        printf("skipped: MODEL_LAB_TEST_MODELS names no folder with %s\n", model_name);
        skip();
    }
}

static size_t numbers(const char *text, int32_t *out)
{
    size_t count = 0;
    for (const char *p = text; *p != '\0';) {
        char *end;
        out[count++] = (int32_t)strtol(p, &end, 10);
        p = *end == ' ' ? end + 1 : end;
    }
    return count;
}

static void check_words(const mli_whisper_tokenizer *t, const int32_t *ids, size_t count,
                        const char *language, const char *want)
{
    static int32_t sizes[2048];
    static mli_whisper_word words[2048];
    size_t n, expected = numbers(want, sizes);
    mli_buf text;
    mli_buf_init(&text, NULL);
    assert_int_equal(mli_whisper_split_words(t, ids, count, language, words, &n, &text, NULL), 0);
    assert_int_equal(n, expected);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(words[i].count, sizes[i]);
    }
    mli_buf_dispose(&text);
}

static void check_line(const mli_whisper_tokenizer *t, char *fields[4])
{
    static char text[2048];
    static int32_t want[2048], got[2048];
    size_t bytes = strlen(fields[0]) / 2, count, expected = numbers(fields[1], want);
    assert_true(bytes < sizeof text);
    assert_true(mli_unhex(fields[0], 2 * bytes, text));
    assert_int_equal(mli_whisper_encode(t, text, bytes, got, 2048, &count, NULL), MODELLAB_OK);
    assert_int_equal(count, expected);
    assert_memory_equal(got, want, count * sizeof *got);
    mli_buf back;
    mli_buf_init(&back, NULL);
    mli_whisper_decode_text(t, got, count, &back);
    assert_int_equal(back.size, bytes);
    assert_memory_equal(mli_buf_text(&back), text, bytes);
    mli_buf_dispose(&back);
    check_words(t, got, count, "en", fields[2]);
    check_words(t, got, count, "ja", fields[3]);
}

static void test_golden(void **state)
{
    (void)state;
    need_model();
    char line[16384];
    int lines = 0;
    FILE *f = fopen(golden_file, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f) != NULL) {
        char *fields[4], *p = line;
        line[strcspn(line, "\n")] = '\0';
        for (int i = 0; i < 4; i++) {
            fields[i] = p;
            char *tab = strchr(p, '\t');
            p = tab != NULL ? tab + 1 : p + strlen(p);
            if (tab != NULL) {
                *tab = '\0';
            }
        }
        for (int i = 0; i < 3; i++) {
            check_line(tokenizers[i], fields);
        }
        lines++;
    }
    assert_int_equal(fclose(f), 0);
    assert_true(lines > 40);
}

/* The list computed by the reference's rule is the one that the published configurations hold. */
static void test_suppressed(void **state)
{
    (void)state;
    need_model();
    static const int32_t tiny[] = {1,  2,  7,  8,  9,  10, 14, 25, 26, 27, 28,  29,  31,
                                   58, 59, 60, 61, 62, 63, 90, 91, 92, 93, 357, 366, 438},
                         base[] = {1,  2,  7,  8,  9,  10, 14, 25, 26, 27, 28,  29,  31,
                                   58, 59, 60, 61, 62, 63, 90, 91, 92, 93, 359, 503, 522};
    bool multilingual = strcmp(model_name, "whisper-base") == 0;
    size_t count;
    const int32_t *list = mli_whisper_suppressed(tokenizers[0], &count);
    assert_int_equal(count, multilingual ? 88 : 90);
    assert_memory_equal(list, multilingual ? base : tiny, sizeof tiny);
    assert_int_equal(list[count - 1], multilingual ? 50362 : 50361);
    int32_t begin[2];
    mli_whisper_suppressed_begin(tokenizers[0], begin);
    assert_int_equal(begin[0], 220);
    assert_int_equal(begin[1], multilingual ? 50257 : 50256);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_golden),
                                       cmocka_unit_test(test_suppressed)};
    if (argc != 3) {
        return 2;
    }
    model_name = argv[1];
    golden_file = argv[2];
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
