/* Packed images and their cache: round trip, damage of every kind, faults of memory and files, two
 * builders at once. */
#include "base/alloc.h"
#include "models/cache.h"
#include "unit/failing_alloc.h"
#include "unit/faulty_files.h"
#include "unit/temp_folder.h"

#include <errno.h>
#include <pthread.h>

static const mli_image_key key = {
    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", "f16", "test1-scalar"};

static modellab_status build_on(void *user, mli_image_writer *w, modellab_error *err)
{
    static const float numbers[5] = {1.0f, 2.0f, 3.0f, 4.0f, 5.0f};
    const uint64_t dims[2] = {5, 1};
    unsigned char piece[1000];
    if (user != NULL) {
        ++*(int *)user;
    }
    modellab_status status = mli_image_writer_section(w, "numbers", MLI_WEIGHT_F32, 2, dims,
                                                      numbers, sizeof numbers, err);
    const uint64_t long_dims[1] = {3000};
    if (status == MODELLAB_OK) {
        status = mli_image_writer_begin(w, "long", 256, 1, long_dims, err);
    }
    for (int i = 0; status == MODELLAB_OK && i < 3; i++) {
        memset(piece, 'a' + i, sizeof piece);
        status = mli_image_writer_append(w, piece, sizeof piece, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_image_writer_end(w, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_image_writer_section(w, "empty", 257, 0, NULL, "", 0, err);
    }
    return status == MODELLAB_OK ? mli_image_writer_finish(w, "{\"a\":1}", 7, err) : status;
}

static mli_image_cache cache_in(const temp_folder *folder)
{
    return (mli_image_cache){NULL, &mli_os_system_files, folder->path};
}

static void check_content(const mli_image *image)
{
    const void *data = NULL;
    assert_int_equal(image->section_count, 3);
    assert_int_equal(image->metadata_bytes, 7);
    assert_memory_equal(image->metadata, "{\"a\":1}", 7);
    assert_string_equal(image->key.source_sha256, key.source_sha256);
    assert_int_equal(mli_image_need(image, "numbers", MLI_WEIGHT_F32, 20, &data, NULL), 0);
    assert_int_equal((uintptr_t)data % MLI_IMAGE_ALIGN, 0);
    assert_true(((const float *)data)[4] == 5.0f);
    assert_int_equal(mli_image_need(image, "long", 256, 3000, &data, NULL), 0);
    assert_int_equal(((const char *)data)[2999], 'c');
    assert_int_equal(mli_image_find(image, "long")->dims[0], 3000);
    modellab_error err = MODELLAB_ERROR_INIT;
    assert_int_equal(mli_image_need(image, "long", 256, 2999, &data, &err),
                     MODELLAB_E_INVALID_MODEL);
    assert_non_null(strstr(err.message, "long"));
    assert_int_equal(mli_image_need(image, "none", 256, 1, &data, NULL), MODELLAB_E_INVALID_MODEL);
    assert_int_equal(mli_image_verify(image, NULL, NULL), MODELLAB_OK);
    mli_cancel_word word = 1;
    assert_int_equal(mli_image_verify(image, &word, NULL), MODELLAB_E_CANCELLED);
}

static void test_build_then_hit(void **state)
{
    (void)state;
    temp_folder folder;
    int built = 0;
    temp_folder_make(&folder);
    mli_image_cache cache = cache_in(&folder);
    for (int round = 0; round < 2; round++) {
        mli_cached_image image;
        mli_cache_event event;
        modellab_error err = MODELLAB_ERROR_INIT;
        assert_int_equal(
            mli_image_cache_get(&cache, &key, build_on, &built, NULL, &image, &event, NULL, &err),
            MODELLAB_OK);
        assert_int_equal(event, round == 0 ? MLI_CACHE_BUILT : MLI_CACHE_HIT);
        check_content(&image.image);
        mli_cached_image second;
        assert_int_equal(
            mli_cached_image_from_fd(&second, NULL, &mli_os_system_files, image.fd, true, NULL),
            MODELLAB_OK);
        mli_cached_image_close(&image); /* the second mapping lives on */
        check_content(&second.image);
        mli_cached_image_close(&second);
    }
    assert_int_equal(built, 1);
    temp_folder_remove(&folder);
}

static void test_without_directory(void **state)
{
    (void)state;
    mli_image_cache cache = {NULL, &mli_os_system_files, NULL};
    mli_cached_image image;
    assert_int_equal(
        mli_image_cache_get(&cache, &key, build_on, NULL, NULL, &image, NULL, NULL, NULL),
        MODELLAB_OK);
    check_content(&image.image);
    mli_cached_image_close(&image);
    assert_int_equal(mli_image_cache_get(&cache, &key, NULL, NULL, NULL, &image, NULL, NULL, NULL),
                     MODELLAB_E_NOT_FOUND);
}

static void path_of(const temp_folder *folder, char *path, size_t capacity)
{
    char name[160];
    assert_true(mli_image_key_name(&key, name));
    (void)snprintf(path, capacity, "%s/images/%s", folder->path, name);
}

static unsigned char *slurp(const char *path, size_t *bytes)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    *bytes = (size_t)ftell(f);
    rewind(f);
    unsigned char *data = malloc(*bytes);
    assert_int_equal(fread(data, 1, *bytes, f), *bytes);
    assert_int_equal(fclose(f), 0);
    return data;
}

static void spill(const char *path, const void *data, size_t bytes)
{
    assert_int_equal(remove(path), 0); /* images are read-only */
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, bytes, f), bytes);
    assert_int_equal(fclose(f), 0);
}

static void build_once(const temp_folder *folder)
{
    mli_cached_image image;
    mli_image_cache cache = cache_in(folder);
    assert_int_equal(
        mli_image_cache_get(&cache, &key, build_on, NULL, NULL, &image, NULL, NULL, NULL),
        MODELLAB_OK);
    mli_cached_image_close(&image);
}

/* Each bit of the file is under a checksum or is padding: flipping it is found or changes nothing.
 */
static void test_every_flipped_bit(void **state)
{
    (void)state;
    temp_folder folder;
    char path[512];
    size_t bytes, refused = 0;
    temp_folder_make(&folder);
    build_once(&folder);
    path_of(&folder, path, sizeof path);
    unsigned char *data = slurp(path, &bytes);
    for (size_t bit = 0; bit < bytes * 8; bit++) {
        mli_image image;
        modellab_error err = MODELLAB_ERROR_INIT;
        data[bit / 8] ^= (unsigned char)(1u << bit % 8);
        modellab_status status = mli_image_open(&image, NULL, data, bytes, &err);
        if (status == MODELLAB_OK) {
            status = mli_image_verify(&image, NULL, &err);
            if (status == MODELLAB_OK) {
                const void *numbers;
                assert_int_equal(
                    mli_image_need(&image, "numbers", MLI_WEIGHT_F32, 20, &numbers, NULL), 0);
                assert_true(((const float *)numbers)[4] == 5.0f);
            }
            mli_image_dispose(&image);
        }
        refused += status != MODELLAB_OK;
        assert_true(status == MODELLAB_OK || status == MODELLAB_E_INVALID_MODEL);
        data[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
    assert_true(refused > 3000 * 8);
    for (size_t cut = 0; cut < bytes; cut++) {
        mli_image image;
        unsigned char *copy = malloc(cut > 0 ? cut : 1);
        memcpy(copy, data, cut);
        assert_int_equal(mli_image_open(&image, NULL, copy, cut, NULL), MODELLAB_E_INVALID_MODEL);
        free(copy);
    }
    free(data);
    temp_folder_remove(&folder);
}

static void test_damaged_is_rebuilt(void **state)
{
    (void)state;
    temp_folder folder;
    char path[512], reason[256];
    int built = 0;
    temp_folder_make(&folder);
    build_once(&folder);
    path_of(&folder, path, sizeof path);
    size_t bytes;
    unsigned char *data = slurp(path, &bytes);
    mli_image_cache cache = cache_in(&folder);
    for (int round = 0; round < 4; round++) {
        size_t keep = round == 0 ? bytes / 2 : round == 1 ? 0 : bytes;
        unsigned char *copy = malloc(bytes);
        memcpy(copy, data, bytes);
        if (round == 2) {
            copy[1000] ^= 1; /* inside a section */
        } else if (round == 3) {
            copy[8] = 99; /* version */
        }
        spill(path, copy, keep);
        free(copy);
        mli_cached_image image;
        mli_cache_event event;
        assert_int_equal(
            mli_image_cache_get(&cache, &key, NULL, NULL, NULL, &image, NULL, NULL, NULL),
            MODELLAB_E_INVALID_MODEL);
        assert_int_equal(
            mli_image_cache_get(&cache, &key, build_on, &built, NULL, &image, &event, reason, NULL),
            MODELLAB_OK);
        assert_int_equal(event, MLI_CACHE_REBUILT);
        assert_true(reason[0] != '\0');
        check_content(&image.image);
        mli_cached_image_close(&image);
    }
    assert_int_equal(built, 4);
    free(data);
    temp_folder_remove(&folder);
}

static int count_name(void *arg, const char *name)
{
    *(int *)arg += strstr(name, ".tmp") != NULL;
    return 0;
}

static int temporaries(const temp_folder *folder)
{
    char path[512];
    int count = 0;
    (void)snprintf(path, sizeof path, "%s/images", folder->path);
    int rc = mli_os_system_files.list(NULL, path, count_name, &count);
    assert_true(rc == 0 || rc == -ENOENT);
    return count;
}

/* The Nth file operation fails: an error, nothing half made under the real name, no descriptor or
 * memory left; then it works again. */
static void test_file_faults(void **state)
{
    (void)state;
    long limit = 0;
    for (bool done = false; !done; limit++) {
        temp_folder folder;
        temp_folder_make(&folder);
        faulty_files faults = {.fail_at = limit, .error = ENOSPC};
        failing_alloc count = {.fail_at = -1};
        modellab_allocator alloc = failing_alloc_table(&count);
        mli_os_files table = faulty_files_table(&faults);
        mli_image_cache cache = {&alloc, &table, folder.path};
        mli_cached_image image;
        modellab_error err = MODELLAB_ERROR_INIT;
        modellab_status status =
            mli_image_cache_get(&cache, &key, build_on, NULL, NULL, &image, NULL, NULL, &err);
        done = faults.calls <= limit;
        if (status == MODELLAB_OK) {
            check_content(&image.image);
            mli_cached_image_close(&image);
        } else {
            assert_int_equal(status, MODELLAB_E_NO_SPACE);
            assert_int_equal(image.fd, -1);
        }
        assert_int_equal(count.live, 0);
        assert_true(!done || status == MODELLAB_OK);
        build_once(&folder);
        /* only a removal that itself failed may leave something, and the next builder took that */
        assert_true(temporaries(&folder) <= 1);
        temp_folder_remove(&folder);
    }
    assert_true(limit > 20);
}

static void test_memory_faults(void **state)
{
    (void)state;
    long limit = 0;
    for (bool done = false; !done; limit++) {
        temp_folder folder;
        temp_folder_make(&folder);
        failing_alloc faults = {.fail_at = limit};
        modellab_allocator alloc = failing_alloc_table(&faults);
        mli_image_cache cache = {&alloc, &mli_os_system_files, folder.path};
        mli_cached_image image;
        modellab_status status =
            mli_image_cache_get(&cache, &key, build_on, NULL, NULL, &image, NULL, NULL, NULL);
        done = status == MODELLAB_OK;
        if (done) {
            mli_cached_image_close(&image);
        } else {
            assert_int_equal(status, MODELLAB_E_NO_MEMORY);
        }
        assert_int_equal(faults.live, 0);
        temp_folder_remove(&folder);
    }
    assert_true(limit > 5);
}

static modellab_status build_badly(void *user, mli_image_writer *w, modellab_error *err)
{
    (void)user;
    (void)w;
    if (err != NULL) {
        (void)snprintf(err->message, sizeof err->message, "the builder gave up");
    }
    return MODELLAB_E_CANCELLED;
}

static void test_failed_builder(void **state)
{
    (void)state;
    temp_folder folder;
    mli_cached_image image;
    temp_folder_make(&folder);
    mli_image_cache cache = cache_in(&folder);
    assert_int_equal(
        mli_image_cache_get(&cache, &key, build_badly, NULL, NULL, &image, NULL, NULL, NULL),
        MODELLAB_E_CANCELLED);
    assert_int_equal(temporaries(&folder), 0);
    assert_int_equal(mli_image_cache_get(&cache, &key, NULL, NULL, NULL, &image, NULL, NULL, NULL),
                     MODELLAB_E_NOT_FOUND);
    temp_folder_remove(&folder);
}

static void test_writer_misuse(void **state)
{
    (void)state;
    temp_folder folder;
    char path[512];
    mli_image_writer *w;
    temp_folder_make(&folder);
    (void)snprintf(path, sizeof path, "%s/x.mlimg", folder.path);
    mli_image_key bad = key;
    bad.layout[0] = '/';
    assert_int_equal(mli_image_writer_create(&w, NULL, &mli_os_system_files, path, &bad, NULL),
                     MODELLAB_E_INVALID_ARGUMENT);
    assert_int_equal(mli_image_writer_create(&w, NULL, &mli_os_system_files, path, &key, NULL),
                     MODELLAB_OK);
    assert_int_equal(mli_image_writer_append(w, "x", 1, NULL), MODELLAB_E_STATE);
    assert_int_equal(mli_image_writer_finish(w, "", 0, NULL), MODELLAB_E_STATE); /* sticky */
    mli_image_writer_destroy(w);
    assert_int_equal(mli_image_writer_create(&w, NULL, &mli_os_system_files, path, &key, NULL),
                     MODELLAB_OK);
    assert_int_equal(mli_image_writer_section(w, "a", 256, 0, NULL, "x", 1, NULL), MODELLAB_OK);
    assert_int_equal(mli_image_writer_section(w, "a", 256, 0, NULL, "x", 1, NULL),
                     MODELLAB_E_INVALID_ARGUMENT);
    mli_image_writer_destroy(w);
    assert_int_equal(mli_os_system_files.unlink(NULL, path), -ENOENT);
    temp_folder_remove(&folder);
}

typedef struct racer {
    const temp_folder *folder;
    int built;
    modellab_status status;
    bool whole;
} racer;

static void *race(void *arg)
{
    racer *r = arg;
    mli_image_cache cache = cache_in(r->folder);
    mli_cached_image image;
    r->status =
        mli_image_cache_get(&cache, &key, build_on, &r->built, NULL, &image, NULL, NULL, NULL);
    if (r->status == MODELLAB_OK) {
        r->whole = mli_image_verify(&image.image, NULL, NULL) == MODELLAB_OK;
        mli_cached_image_close(&image);
    }
    return NULL;
}

static void test_two_builders(void **state)
{
    (void)state;
    for (int round = 0; round < 20; round++) {
        temp_folder folder;
        pthread_t threads[4];
        racer racers[4];
        int built = 0;
        temp_folder_make(&folder);
        for (int i = 0; i < 4; i++) {
            racers[i] = (racer){.folder = &folder};
            assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
        }
        for (int i = 0; i < 4; i++) {
            assert_int_equal(pthread_join(threads[i], NULL), 0);
            assert_int_equal(racers[i].status, MODELLAB_OK);
            assert_true(racers[i].whole);
            built += racers[i].built;
        }
        assert_int_equal(built, 1);
        temp_folder_remove(&folder);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_build_then_hit),    cmocka_unit_test(test_without_directory),
        cmocka_unit_test(test_every_flipped_bit), cmocka_unit_test(test_damaged_is_rebuilt),
        cmocka_unit_test(test_file_faults),       cmocka_unit_test(test_memory_faults),
        cmocka_unit_test(test_failed_builder),    cmocka_unit_test(test_writer_misuse),
        cmocka_unit_test(test_two_builders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
