/* Models that a worker keeps: found again by task and name, made anew when another one was
 * installed, let go in order and within bounds, never while a step works with them. */
#include "base/error.h"
#include "base/hash.h"
#include "lab/worker.h"
#include "lab/worker_models.h"
#include "unit/lab/lab_common.h"

static temp_folder folder;
static int made, closed;
static int64_t model_bytes;
static modellab_status fails;

typedef struct fake {
    char weights[16];
} fake;

static modellab_status open_fake(mli_model_files *files, const modellab_allocator *alloc,
                                 const mli_cancel_word *cancel, void **out, int64_t *bytes,
                                 modellab_error *err)
{
    (void)alloc;
    if (fails != MODELLAB_OK) {
        return mli_fail(err, fails, "as the test asked");
    }
    modellab_status status = mli_model_files_load(files, cancel, err);
    if (status == MODELLAB_OK) {
        fake *f = test_calloc(1, sizeof(*f));
        memcpy(f->weights, files->weights,
               files->weights_bytes < 15 ? files->weights_bytes : (size_t)15);
        *out = f;
        *bytes = model_bytes;
        made++;
    }
    mli_model_files_unload(files);
    return status;
}

static void close_fake(void *model)
{
    closed++;
    test_free(model);
}

static const mli_model_opener one_kind = {"one", open_fake, close_fake};
static const mli_model_opener other_kind = {"other", open_fake, close_fake};

static void install(const mli_model_store *store, const char *name, const char *weights)
{
    char path[600], digits[65];
    mli_sha256 hash;
    mli_sha256_init(&hash);
    mli_sha256_update(&hash, weights, strlen(weights));
    mli_sha256_hex(&hash, digits);
    (void)snprintf(path, sizeof(path), "%s/%s", folder.path, name);
    (void)mli_os_system_files.mkdir(NULL, path, 0700);
    const mli_catalog_file file = {
        .name = "w.onnx", .sha256 = digits, .bytes = (int64_t)strlen(weights), .role = "weights"};
    const mli_catalog_model model = {.name = name,
                                     .title = "t",
                                     .task = "one",
                                     .architecture = "a",
                                     .licence = "l",
                                     .files = &file,
                                     .file_count = 1,
                                     .bytes = file.bytes};
    char file_path[700];
    (void)snprintf(file_path, sizeof(file_path), "%s/w.onnx", path);
    FILE *f = fopen(file_path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(weights, 1, strlen(weights), f), strlen(weights));
    assert_int_equal(fclose(f), 0);
    ASSERT_OK(mli_model_store_seal(store, path, &model, "test", err));
}

static fake *take(mli_worker_models *models, const mli_model_store *store, const char *name,
                  const mli_model_opener *opener)
{
    void *out = NULL;
    char sha256[65];
    ASSERT_OK(mli_worker_models_open(models, store, name, opener, -1, NULL, &out, sha256, err));
    assert_int_equal(strlen(sha256), 64);
    return out;
}

static mli_model_store begin(mli_worker_models *models)
{
    temp_folder_make(&folder);
    memset(models, 0, sizeof(*models));
    made = closed = 0;
    model_bytes = 1000;
    fails = MODELLAB_OK;
    return (mli_model_store){.files = &mli_os_system_files, .root = folder.path};
}

static void end(mli_worker_models *models)
{
    mli_worker_models_close(models);
    assert_int_equal(made, closed);
    temp_folder_remove(&folder);
}

static void kept_from_run_to_run(void **state)
{
    mli_worker_models models;
    mli_model_store store = begin(&models);
    (void)state;
    install(&store, "a", "first");
    fake *a = take(&models, &store, "a", &one_kind);
    assert_string_equal(a->weights, "first");
    mli_worker_models_unpin(&models);
    assert_ptr_equal(a, take(&models, &store, "a", &one_kind));
    assert_ptr_not_equal(a, take(&models, &store, "a", &other_kind)); /* for another task */
    assert_int_equal(made, 2);
    assert_int_equal(mli_worker_models_count(&models), 2);
    install(&store, "a", "second"); /* pulled anew */
    assert_string_equal(take(&models, &store, "a", &one_kind)->weights, "second");
    end(&models);
}

/* The configuration of a voice decides its sounds as its weights do. */
static void another_configuration_is_another_model(void **state)
{
    mli_worker_models models;
    mli_model_store store = begin(&models);
    mli_model_files files;
    char path[700], one[65], same[65], other[65], moved[65];
    (void)state;
    install(&store, "a", "first");
    (void)snprintf(path, sizeof(path), "%s/a/w.onnx.json", folder.path);
    static const char *const texts[] = {"{\"rate\":1}", "{\"rate\":1}", "{\"rate\":2}"};
    char *const ids[] = {one, same, other};
    for (int i = 0; i < 3; i++) {
        FILE *f = fopen(path, "wb");
        assert_non_null(f);
        assert_true(fputs(texts[i], f) >= 0);
        assert_int_equal(fclose(f), 0);
        (void)take(&models, &store, "a", &one_kind);
        assert_int_equal(made, i < 2 ? 1 : 2);
        ASSERT_OK(mli_model_store_open(&store, "a", &files, err));
        ASSERT_OK(mli_model_files_identity(&files, NULL, ids[i], err));
        if (i == 2) { /* the same files of another installation */
            files.seal[0] ^= 1;
            ASSERT_OK(mli_model_files_identity(&files, NULL, moved, err));
        }
        mli_model_files_dispose(&files);
    }
    assert_string_equal(one, same);
    assert_string_not_equal(one, other);
    assert_string_not_equal(other, moved);
    end(&models);
}

/* So it is another result of a step. */
static void another_configuration_is_another_key(void **state)
{
    mli_worker_models models;
    mli_model_store store = begin(&models);
    static mli_page page;
    char path[700], before[65], after[65];
    mli_worker w = {.files = &mli_os_system_files,
                    .kind = mli_step_kind_find("vad"),
                    .step = "vad",
                    .page = &page,
                    .order = {.models_root = folder.path, .input_sha256 = ""}};
    (void)state;
    install(&store, "silero-vad-v6", "first");
    ASSERT_OK(mli_worker_step_key(&w, 1, NULL, before, err));
    assert_int_equal(strlen(before), 64);
    (void)snprintf(path, sizeof(path), "%s/silero-vad-v6/w.onnx.json", folder.path);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_true(fputs("{}", f) >= 0);
    assert_int_equal(fclose(f), 0);
    ASSERT_OK(mli_worker_step_key(&w, 1, NULL, after, err));
    assert_string_not_equal(before, after);
    end(&models);
}

static void the_oldest_makes_room(void **state)
{
    mli_worker_models models;
    mli_model_store store = begin(&models);
    char name[8], sha256[65];
    modellab_error err = MODELLAB_ERROR_INIT;
    void *out = NULL;
    (void)state;
    for (int i = 0; i < MLI_WORKER_OTHERS + 2; i++) {
        (void)snprintf(name, sizeof(name), "m%d", i);
        install(&store, name, name);
    }
    fake *first = take(&models, &store, "m0", &one_kind);
    for (int i = 1; i < MLI_WORKER_OTHERS; i++) {
        (void)snprintf(name, sizeof(name), "m%d", i);
        (void)take(&models, &store, name, &one_kind);
    }
    /* One step works with all of these: none makes room. */
    assert_int_equal(
        mli_worker_models_open(&models, &store, "m4", &one_kind, -1, NULL, &out, sha256, &err),
        MODELLAB_E_LIMIT);
    assert_int_equal(closed, 0);
    mli_worker_models_unpin(&models);
    assert_ptr_equal(first, take(&models, &store, "m0", &one_kind)); /* so that m1 is oldest */
    (void)take(&models, &store, "m4", &one_kind);
    assert_int_equal(closed, 1);
    assert_ptr_equal(first, take(&models, &store, "m0", &one_kind));
    assert_int_equal(made, MLI_WORKER_OTHERS + 1);
    (void)take(&models, &store, "m2", &one_kind); /* still there */
    assert_int_equal(made, MLI_WORKER_OTHERS + 1);
    end(&models);
}

static void bytes_are_bounded(void **state)
{
    mli_worker_models models;
    mli_model_store store = begin(&models);
    (void)state;
    install(&store, "a", "a");
    install(&store, "b", "b");
    model_bytes = MLI_WORKER_OTHERS_BYTES - 1;
    (void)take(&models, &store, "a", &one_kind);
    (void)take(&models, &store, "b", &one_kind); /* the step works with both */
    assert_int_equal(closed, 0);
    mli_worker_models_unpin(&models);
    install(&store, "c", "c");
    (void)take(&models, &store, "c", &one_kind);
    assert_int_equal(closed, 2);
    assert_int_equal(mli_worker_models_count(&models), 1);
    end(&models);
}

static void failures_leave_nothing(void **state)
{
    mli_worker_models models;
    mli_model_store store = begin(&models);
    char sha256[65];
    modellab_error err = MODELLAB_ERROR_INIT;
    void *out = NULL;
    (void)state;
    install(&store, "a", "a");
    fails = MODELLAB_E_INVALID_MODEL;
    assert_int_equal(
        mli_worker_models_open(&models, &store, "a", &one_kind, -1, NULL, &out, sha256, &err),
        MODELLAB_E_INVALID_MODEL);
    assert_null(out);
    assert_int_equal(mli_worker_models_count(&models), 0);
    assert_int_equal(
        mli_worker_models_open(&models, &store, "none", &one_kind, -1, NULL, &out, sha256, &err),
        MODELLAB_E_NOT_FOUND);
    assert_int_equal(
        mli_worker_models_open(&models, &store, "../a", &one_kind, -1, NULL, &out, sha256, &err),
        MODELLAB_E_NOT_FOUND); /* a name, never a path */
    fails = MODELLAB_OK;
    (void)take(&models, &store, "a", &one_kind);
    end(&models);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kept_from_run_to_run),
        cmocka_unit_test(another_configuration_is_another_model),
        cmocka_unit_test(another_configuration_is_another_key),
        cmocka_unit_test(the_oldest_makes_room),
        cmocka_unit_test(bytes_are_bounded),
        cmocka_unit_test(failures_leave_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
