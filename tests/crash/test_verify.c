/* Bytes of a real run are flipped and cut: a verification finds each. Then two runs side by side.
 * test_verify WORKER HOST [long]: `long` takes every bit and every length. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/error.h"
#include "check/report.h"
#include "crash/kit.h"
#include "lab/compare_text.h"
#include "lab/verify.h"

#define INGEST "{\"pipeline\":\"ingest\"}"

static bool all_of_them;

static void finished_run(kit *k, double seconds, char id[MODELLAB_RUN_ID_BYTES])
{
    kit_submit(k, INGEST, seconds, id);
    pid_t host = kit_start_host(k, &(kit_host){0});
    assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_COMPLETED);
    kit_stop_host(k, host);
}

/* Whether a verification finds an error of this noun ("" = any). */
static bool finds(mli_lab *lab, const char *id, const char *noun)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_report *report = NULL;
    bool found = false;
    if (mli_run_verify(lab, id, NULL, &report, &err) != MODELLAB_OK) {
        fail_msg("not verified: %s", err.message);
    }
    for (size_t i = 0; i < mli_report_count(report); i++) {
        const modellab_finding *f = mli_report_finding(report, i);
        assert_null(strstr(f->text, "/tmp"));
        found = found ||
                ((f->severity == MODELLAB_SEVERITY_ERROR || strcmp(f->id, "log.longer") == 0) &&
                 strncmp(f->id, noun, strlen(noun)) == 0);
    }
    mli_report_unref(report);
    return found;
}

/* Flips bits and cuts the file; returns how many of these were not found. */
static int count_missed(mli_lab *lab, const kit *k, const char *id, const char *name,
                        const char *noun)
{
    char path[512];
    size_t bytes = 0;
    int missed = 0;
    kit_run_path(k, id, name, path);
    char *data = kit_read_bytes(path, &bytes);
    size_t step = all_of_them ? 1 : 1 + bytes * 8 / 150;
    for (size_t bit = 0; bit < bytes * 8; bit += step) {
        data[bit / 8] = (char)(data[bit / 8] ^ (1 << (bit % 8)));
        kit_write_bytes(path, data, bytes);
        missed += !finds(lab, id, noun);
        data[bit / 8] = (char)(data[bit / 8] ^ (1 << (bit % 8)));
    }
    step = all_of_them ? 1 : 1 + bytes / 40;
    for (size_t length = 0; length < bytes; length += step) {
        kit_write_bytes(path, data, length);
        missed += !finds(lab, id, noun);
    }
    kit_write_bytes(path, data, bytes - 1); /* the last byte alone */
    missed += !finds(lab, id, noun);
    assert_int_equal(remove(path), 0);
    missed += !finds(lab, id, noun);
    char longer = 'x';
    kit_write_bytes(path, data, bytes);
    assert_int_equal(chmod(path, 0600), 0);
    FILE *file = fopen(path, "ab");
    assert_non_null(file);
    assert_int_equal(fwrite(&longer, 1, 1, file), 1);
    assert_int_equal(fclose(file), 0);
    missed += !finds(lab, id, noun);
    kit_write_bytes(path, data, bytes);
    assert_false(finds(lab, id, ""));
    free(data);
    return missed;
}

static void every_byte_counts(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    finished_run(k, 0.05, id);
    assert_false(finds(k->lab, id, ""));
    assert_int_equal(count_missed(k->lab, k, id, "journal.jsonl", "journal."), 0);
    assert_int_equal(count_missed(k->lab, k, id, "manifest.json", "manifest."), 0);
    assert_int_equal(count_missed(k->lab, k, id, "input", "input."), 0);
    assert_int_equal(count_missed(k->lab, k, id, "request.json", "request."), 0);
    assert_int_equal(count_missed(k->lab, k, id, "log.jsonl", "log."), 0);
    assert_int_equal(count_missed(k->lab, k, id, "artifacts/1-audio.json", "artifact."), 0);
}

/* Lines of the journal that are good by themselves: dropped, doubled, exchanged. */
static void lines_have_their_places(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES], path[512];
    size_t bytes = 0, starts[64], count = 0;
    finished_run(k, 0.05, id);
    kit_run_path(k, id, "journal.jsonl", path);
    char *data = kit_read_bytes(path, &bytes);
    for (size_t at = 0; at < bytes && count + 1 < 64; count++) {
        starts[count] = at;
        at = (size_t)((char *)memchr(data + at, '\n', bytes - at) - data) + 1;
    }
    starts[count] = bytes;
    assert_true(count >= 4);
    for (size_t line = 0; line < count; line++) {
        size_t from = starts[line], to = starts[line + 1];
        char *other = malloc(bytes * 2);
        assert_non_null(other);
        memcpy(other, data, from);
        memcpy(other + from, data + to, bytes - to);
        kit_write_bytes(path, other, bytes - (to - from));
        assert_true(finds(k->lab, id, "journal.lines_lost") || finds(k->lab, id, "journal.chain"));
        memcpy(other, data, to);
        memcpy(other + to, data + from, bytes - from);
        kit_write_bytes(path, other, bytes + (to - from));
        assert_true(finds(k->lab, id, "journal.chain"));
        free(other);
    }
    kit_write_bytes(path, data, bytes);
    assert_false(finds(k->lab, id, ""));
    free(data);
}

static const char *hidden; /* what the planted bug does not look at */
static int stat_of_hidden(void *user, const char *path, int flags, uint32_t mode)
{
    static char clean[1024];
    const char *end = path + strlen(path) - strlen(hidden);
    (void)user;
    if (end > path && strcmp(end, hidden) == 0) {
        (void)snprintf(clean, sizeof clean, "%s.clean", path);
        return mli_os_system_files.open(NULL, clean, flags, mode);
    }
    return mli_os_system_files.open(NULL, path, flags, mode);
}

/* The planted bug: a verification that reads other bytes than those that lie there. */
static void a_blind_verification_is_caught(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES], path[512], clean[600];
    size_t bytes = 0;
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_os_files files = mli_os_system_files;
    mli_lab_tables tables = {.files = &files};
    mli_lab *blind = NULL;
    finished_run(k, 0.05, id);
    kit_run_path(k, id, "input", path);
    char *data = kit_read_bytes(path, &bytes);
    (void)snprintf(clean, sizeof clean, "%s.clean", path);
    kit_write_bytes(clean, data, bytes);
    free(data);
    hidden = "/input";
    files.open = stat_of_hidden;
    assert_int_equal(mli_lab_open(k->root, NULL, &tables, &blind, &err), MODELLAB_OK);
    assert_true(count_missed(blind, k, id, "input", "input.") > 100);
    mli_lab_unref(blind);
}

static void runs_side_by_side(void **state)
{
    kit *k = *state;
    char a[MODELLAB_RUN_ID_BYTES], b[MODELLAB_RUN_ID_BYTES];
    modellab_buffer *json = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_json *root = NULL;
    finished_run(k, 0.05, a);
    kit_submit(k, "{\"pipeline\":\"ingest\",\"priority\":20,\"user\":\"ann\"}", 0.1, b);
    assert_int_equal(modellab_run_compare(k->lab, a, b, NULL, &json, &err), MODELLAB_OK);
    assert_int_equal(mli_json_parse(modellab_buffer_data(json), modellab_buffer_size(json), 1 << 20,
                                    &root, &err),
                     MODELLAB_OK);
    const mli_json *first = mli_json_at(mli_json_get(root, "facts"), 0);
    assert_string_equal(mli_json_string(mli_json_get(first, "a"), ""), "COMPLETED");
    assert_string_equal(mli_json_string(mli_json_get(first, "b"), ""), "QUEUED");
    assert_false(mli_json_bool(mli_json_get(first, "same"), true));
    const mli_json *request = mli_json_get(root, "request");
    assert_int_equal(mli_json_count(request), 2);
    assert_int_equal(mli_json_count(mli_json_get(root, "artifacts")), 1);
    assert_int_equal(mli_json_typeof(mli_json_get(root, "transcript")), MLI_JSON_NULL);
    mli_json_free(root);
    modellab_buffer_destroy(json);
    assert_int_equal(modellab_run_compare(k->lab, a, "x", NULL, &json, &err), MODELLAB_E_NOT_FOUND);
    assert_null(json);
}

static void words_side_by_side(void **state)
{
    static const struct {
        const char *a, *b, *json;
    } cases[] = {
        {"", "",
         "{\"words_a\":0,\"words_b\":0,\"substitutions\":0,\"deletions\":0,\"insertions\":0,"
         "\"same\":true,\"wer\":0.0,\"first_difference\":null,\"differences\":[],"
         "\"difference_count\":0}"},
        {"The cat sat.", "the cat, sat",
         "{\"words_a\":3,\"words_b\":3,\"substitutions\":0,\"deletions\":0,\"insertions\":0,"
         "\"same\":true,\"wer\":0.0,\"first_difference\":null,\"differences\":[],"
         "\"difference_count\":0}"},
        {"one two three four", "one too three",
         "{\"words_a\":4,\"words_b\":3,\"substitutions\":1,\"deletions\":1,\"insertions\":0,"
         "\"same\":false,\"wer\":0.5,\"first_difference\":{\"word\":1,\"a\":\"two three four\","
         "\"b\":\"too three\"},\"differences\":[{\"word_a\":1,\"a\":\"two\",\"word_b\":1,"
         "\"b\":\"too\"},{\"word_a\":3,\"a\":\"four\",\"word_b\":3,\"b\":\"\"}],"
         "\"difference_count\":2}"},
        {"a b x y c d e", "a b c d p e",
         "{\"words_a\":7,\"words_b\":6,\"substitutions\":0,\"deletions\":2,\"insertions\":1,"
         "\"same\":false,\"wer\":0.42857142857142855,\"first_difference\":{\"word\":2,\"a\":"
         "\"x y c d e\",\"b\":\"c d p e\"},\"differences\":[{\"word_a\":2,\"a\":\"x y\","
         "\"word_b\":2,\"b\":\"\"},{\"word_a\":6,\"a\":\"\",\"word_b\":4,\"b\":\"p\"}],"
         "\"difference_count\":2}"},
        {"one", "one two",
         "{\"words_a\":1,\"words_b\":2,\"substitutions\":0,\"deletions\":0,\"insertions\":1,"
         "\"same\":false,\"wer\":1.0,\"first_difference\":{\"word\":1,\"a\":\"\",\"b\":\"two\"},"
         "\"differences\":[{\"word_a\":1,\"a\":\"\",\"word_b\":1,\"b\":\"two\"}],"
         "\"difference_count\":1}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        modellab_error err = MODELLAB_ERROR_INIT;
        mli_buf out;
        mli_jw w;
        mli_buf_init(&out, NULL);
        mli_jw_init(&w, &out);
        assert_int_equal(mli_compare_texts(cases[i].a, strlen(cases[i].a), cases[i].b,
                                           strlen(cases[i].b), NULL, NULL, &w, &err),
                         MODELLAB_OK);
        assert_string_equal(mli_buf_text(&out), cases[i].json);
        mli_buf_dispose(&out);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(every_byte_counts),
        KIT_TEST(lines_have_their_places),
        KIT_TEST(a_blind_verification_is_caught),
        KIT_TEST(runs_side_by_side),
        cmocka_unit_test(words_side_by_side),
    };
    all_of_them = argc > 3 && strcmp(argv[3], "long") == 0;
    if (!kit_arguments(argc, argv, all_of_them ? 1 : 0)) {
        return 2;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
