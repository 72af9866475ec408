/* Installed models and model files: states, verification, opening by name and path, bad files,
 * faults. */
#include "models/installed.h"
#include "synthetic.h"
#include "unit/failing_alloc.h"
#include "unit/faulty_files.h"
#include "unit/temp_folder.h"

#include <errno.h>
#include <sys/stat.h>

/* "hello" and "world!" */
#define SHA_HELLO "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
#define SHA_WORLD "711e9609339e92b03ddc0a211827dba421f38f9ed8b9d806e1ffdd8c15ffa03d"

static const mli_catalog_file two_files[] = {{"model.bin", SHA_HELLO, 5, "weights"},
                                             {"config.json", SHA_WORLD, 6, "config"}};
static const mli_catalog_model demo = {.name = "demo",
                                       .task = "asr",
                                       .architecture = "whisper",
                                       .licence = "MIT",
                                       .files = two_files,
                                       .file_count = 2,
                                       .bytes = 11};

static void spill(const char *folder, const char *name, const void *data, size_t bytes)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, bytes, f), bytes);
    assert_int_equal(fclose(f), 0);
}

static mli_model_store store_in(const temp_folder *folder)
{
    return (mli_model_store){NULL, &mli_os_system_files, folder->path};
}

/* Installs the demo model; its directory to `directory`. */
static void install(const temp_folder *folder, char directory[400])
{
    mli_model_store store = store_in(folder);
    (void)snprintf(directory, 400, "%s/demo", folder->path);
    assert_int_equal(mli_os_make_dirs(&mli_os_system_files, directory, 0755), 0);
    spill(directory, "model.bin", "hello", 5);
    spill(directory, "config.json", "world!", 6);
    assert_int_equal(mli_model_store_seal(&store, directory, &demo, "path", NULL), MODELLAB_OK);
}

static mli_model_state state_of(const mli_model_store *store, const char *name, char *why)
{
    mli_model_state state;
    assert_int_equal(mli_model_store_state(store, name, &state, why, NULL), MODELLAB_OK);
    return state;
}

static void note_progress(void *user, int64_t done, int64_t total)
{
    int64_t *last = user;
    assert_true(done > *last && done <= total && total == 11);
    *last = done;
}

static void test_states(void **state)
{
    (void)state;
    temp_folder folder;
    char directory[400], why[256] = "";
    int64_t last = 0;
    temp_folder_make(&folder);
    mli_model_store store = store_in(&folder);
    assert_int_equal(state_of(&store, "demo", why), MLI_MODEL_ABSENT);
    install(&folder, directory);
    assert_int_equal(state_of(&store, "demo", why), MLI_MODEL_INSTALLED);
    mli_model_state found;
    assert_int_equal(
        mli_model_store_verify(&store, "demo", NULL, note_progress, &last, &found, why, NULL),
        MODELLAB_OK);
    assert_int_equal(found, MLI_MODEL_INSTALLED);
    assert_int_equal(last, 11);
    mli_cancel_word word = 1;
    assert_int_equal(mli_model_store_verify(&store, "demo", &word, NULL, NULL, &found, why, NULL),
                     MODELLAB_E_CANCELLED);
    spill(directory, "model.bin", "hellO", 5); /* right size, other bytes */
    assert_int_equal(state_of(&store, "demo", why), MLI_MODEL_INSTALLED);
    assert_int_equal(mli_model_store_verify(&store, "demo", NULL, NULL, NULL, &found, why, NULL),
                     MODELLAB_OK);
    assert_int_equal(found, MLI_MODEL_DAMAGED);
    assert_non_null(strstr(why, "model.bin"));
    spill(directory, "model.bin", "hell", 4);
    assert_int_equal(state_of(&store, "demo", why), MLI_MODEL_DAMAGED);
    assert_non_null(strstr(why, "size"));
    char path[512];
    (void)snprintf(path, sizeof path, "%s/model.bin", directory);
    assert_int_equal(remove(path), 0);
    assert_int_equal(state_of(&store, "demo", why), MLI_MODEL_DAMAGED);
    assert_non_null(strstr(why, "missing"));
    spill(directory, "model.json", "{\"version\":1", 12);
    assert_int_equal(state_of(&store, "demo", why), MLI_MODEL_DAMAGED);
    assert_non_null(strstr(why, "model.json"));
    (void)snprintf(path, sizeof path, "%s/model.json", directory);
    assert_int_equal(remove(path), 0);
    assert_int_equal(state_of(&store, "demo", why), MLI_MODEL_DAMAGED); /* half written */
    assert_non_null(strstr(why, "did not end"));
    assert_null(strstr(why, folder.path));
    mli_model_files files;
    assert_int_equal(mli_model_store_open(&store, "demo", &files, NULL), MODELLAB_E_INVALID_MODEL);
    assert_int_equal(mli_model_store_remove(&store, "demo", NULL), MODELLAB_OK);
    assert_int_equal(state_of(&store, "demo", why), MLI_MODEL_ABSENT);
    assert_int_equal(mli_model_store_remove(&store, "demo", NULL), MODELLAB_E_NOT_FOUND);
    assert_int_equal(mli_model_store_remove(&store, "../demo", NULL), MODELLAB_E_INVALID_ARGUMENT);
    assert_int_equal(mli_model_store_open(&store, "demo", &files, NULL), MODELLAB_E_NOT_FOUND);
    temp_folder_remove(&folder);
}

static modellab_status collect(void *user, const char *name, mli_model_state model_state,
                               modellab_error *err)
{
    char *out = user;
    (void)err;
    (void)snprintf(out + strlen(out), 64, "%s%d ", name, model_state);
    return MODELLAB_OK;
}

static void test_list(void **state)
{
    (void)state;
    temp_folder folder;
    char directory[400], other[400], names[256] = "";
    temp_folder_make(&folder);
    mli_model_store store = store_in(&folder);
    assert_int_equal(mli_model_store_list(&store, collect, names, NULL), MODELLAB_OK);
    assert_string_equal(names, "");
    install(&folder, directory);
    static const char *const others[] = {"zeta", "alpha", ".pull"};
    for (int i = 0; i < 3; i++) {
        (void)snprintf(other, sizeof other, "%s/%s", folder.path, others[i]);
        assert_int_equal(mkdir(other, 0755), 0);
    }
    (void)snprintf(other, sizeof other, "%s", folder.path);
    spill(other, "stray.txt", "x", 1);
    assert_int_equal(mli_model_store_list(&store, collect, names, NULL), MODELLAB_OK);
    assert_string_equal(names, "alpha2 demo1 zeta2 ");
    temp_folder_remove(&folder);
}

static void test_open_by_name(void **state)
{
    (void)state;
    temp_folder folder;
    char directory[400];
    mli_model_files files;
    temp_folder_make(&folder);
    mli_model_store store = store_in(&folder);
    install(&folder, directory);
    assert_int_equal(mli_model_store_open(&store, "demo", &files, NULL), MODELLAB_OK);
    assert_string_equal(files.weights_name, "model.bin");
    assert_string_equal(files.sha256, SHA_HELLO); /* known without reading */
    assert_int_equal(files.config_bytes, 6);
    assert_null(files.weights);
    assert_int_equal(mli_model_files_load(&files, NULL, NULL), MODELLAB_OK);
    assert_memory_equal(files.weights, "hello", 5);
    mli_model_files_dispose(&files);
    assert_int_equal(mli_model_store_open(&store, directory, &files, NULL), MODELLAB_OK);
    assert_string_equal(files.sha256, "");
    assert_int_equal(mli_model_files_sha256(&files, NULL, NULL), MODELLAB_OK);
    assert_string_equal(files.sha256, SHA_HELLO);
    mli_model_files_dispose(&files);
    temp_folder_remove(&folder);
}

/* The image of a model is kept under the sha256 of the seal: other bytes must not come that far. */
static void test_changed_weights(void **state)
{
    (void)state;
    temp_folder folder;
    char directory[400];
    mli_model_files files;
    modellab_error err = MODELLAB_ERROR_INIT;
    temp_folder_make(&folder);
    mli_model_store store = store_in(&folder);
    install(&folder, directory);
    spill(directory, "model.bin", "hallo", 5);
    assert_int_equal(mli_model_store_open(&store, "demo", &files, NULL), MODELLAB_OK);
    assert_int_equal(mli_model_files_load(&files, NULL, &err), MODELLAB_E_INVALID_MODEL);
    assert_non_null(strstr(err.message, "does not hold the bytes that were installed"));
    assert_null(files.weights);
    files.sealed = false; /* as it was believed once */
    assert_int_equal(mli_model_files_load(&files, NULL, NULL), MODELLAB_OK);
    mli_model_files_dispose(&files);
    temp_folder_remove(&folder);
}

static void refuse_path(const char *path, modellab_status want, const char *folder)
{
    mli_model_files files;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = mli_model_files_open(&files, NULL, &mli_os_system_files, path, &err);
    if (status != want || strstr(err.message, folder) != NULL) {
        fail_msg("status %d: %s", status, err.message);
    }
}

static void test_paths(void **state)
{
    (void)state;
    temp_folder folder;
    char path[512];
    mli_model_files files;
    mli_buf ggml;
    temp_folder_make(&folder);
    const char *base = folder.path;
    refuse_path(base, MODELLAB_E_NOT_FOUND, base);
    (void)snprintf(path, sizeof path, "%s/none.bin", base);
    refuse_path(path, MODELLAB_E_NOT_FOUND, base);
    (void)snprintf(path, sizeof path, "%s/pipe.bin", base);
    assert_int_equal(mkfifo(path, 0600), 0);
    refuse_path(path, MODELLAB_E_INVALID_MODEL, base);
    spill(base, "empty.bin", "", 0);
    (void)snprintf(path, sizeof path, "%s/empty.bin", base);
    refuse_path(path, MODELLAB_E_INVALID_MODEL, base);
    spill(base, "config.json", "{", 1); /* of something else */
    mli_buf_init(&ggml, NULL);
    synthetic_ggml(&synthetic_small, MLI_WEIGHT_F16, &ggml);
    spill(base, "ggml-test.bin", ggml.data, ggml.size);
    (void)snprintf(path, sizeof path, "%s/ggml-test.bin", base);
    assert_int_equal(mli_model_files_open(&files, NULL, &mli_os_system_files, path, NULL), 0);
    assert_null(files.config); /* a ggml file needs nothing beside it */
    mli_cancel_word word = 1;
    assert_int_equal(mli_model_files_load(&files, &word, NULL), MODELLAB_E_CANCELLED);
    assert_int_equal(mli_model_files_load(&files, NULL, NULL), MODELLAB_OK);
    mli_whisper_weights w;
    assert_int_equal(mli_whisper_weights_read(&w, NULL, files.weights, files.weights_bytes,
                                              files.config, files.config_bytes, NULL),
                     MODELLAB_OK);
    mli_whisper_weights_dispose(&w);
    mli_model_files_dispose(&files);
    /* a directory prefers model.bin; a divided model is named as such */
    spill(base, "model.bin", "x", 1);
    assert_int_equal(mli_model_files_open(&files, NULL, &mli_os_system_files, base, NULL), 0);
    assert_string_equal(files.weights_name, "model.bin");
    mli_model_files_dispose(&files);
    mli_buf_dispose(&ggml);
    temp_folder_remove(&folder);
    temp_folder_make(&folder);
    spill(folder.path, "model.safetensors.index.json", "{}", 2);
    spill(folder.path, "model-00001-of-00002.safetensors", "x", 1);
    refuse_path(folder.path, MODELLAB_E_UNSUPPORTED_MODEL, folder.path);
    temp_folder_remove(&folder);
}

static modellab_status whole_way(const mli_model_store *store)
{
    mli_model_files files;
    mli_model_state found;
    modellab_status status =
        mli_model_store_verify(store, "demo", NULL, NULL, NULL, &found, NULL, NULL);
    if (status == MODELLAB_OK) {
        status = mli_model_store_open(store, "demo", &files, NULL);
    }
    if (status == MODELLAB_OK) {
        status = mli_model_files_load(&files, NULL, NULL);
        mli_model_files_dispose(&files);
    }
    return status;
}

static void test_faults(void **state)
{
    (void)state;
    temp_folder folder;
    char directory[400];
    long limit = 0;
    temp_folder_make(&folder);
    install(&folder, directory);
    for (bool done = false; !done; limit++) {
        faulty_files faults = {.fail_at = limit, .error = EIO};
        failing_alloc count = {.fail_at = -1};
        modellab_allocator alloc = failing_alloc_table(&count);
        mli_os_files table = faulty_files_table(&faults);
        mli_model_store store = {&alloc, &table, folder.path};
        modellab_status status = whole_way(&store);
        done = faults.calls <= limit;
        assert_int_equal(status, done ? MODELLAB_OK : MODELLAB_E_IO);
        assert_int_equal(count.live, 0);
    }
    assert_true(limit > 20);
    limit = 0;
    for (bool done = false; !done; limit++) {
        failing_alloc faults = {.fail_at = limit};
        modellab_allocator alloc = failing_alloc_table(&faults);
        mli_model_store store = {&alloc, &mli_os_system_files, folder.path};
        modellab_status status = whole_way(&store);
        done = status == MODELLAB_OK;
        assert_true(done || status == MODELLAB_E_NO_MEMORY);
        assert_int_equal(faults.live, 0);
    }
    assert_true(limit > 10);
    temp_folder_remove(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states),       cmocka_unit_test(test_list),
        cmocka_unit_test(test_open_by_name), cmocka_unit_test(test_changed_weights),
        cmocka_unit_test(test_paths),        cmocka_unit_test(test_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
