/* Run directories: paths that cannot be led astray, locks, manifests with checksums, artifacts with
 * hashes. */
#include "store/rundir.h"
#include "unit/faulty_files.h"
#include "unit/store/common.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define F (&mli_os_system_files)

static temp_folder folder;

static int set_up(void **state)
{
    char runs[512];

    (void)state;
    temp_folder_make(&folder);
    assert_true(snprintf(runs, sizeof runs, "%s/runs", folder.path) > 0);
    assert_int_equal(0, F->mkdir(NULL, runs, 0700));
    ASSERT_OK(mli_rundir_create(F, folder.path, id_of(1), err));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    temp_folder_remove(&folder);
    return 0;
}

static void only_ulids_make_paths(void **state)
{
    static const char *const bad[] = {"",
                                      "..",
                                      "../../etc/passwd",
                                      "01J0000000000000000000000",
                                      "01J00000000000000000000000/",
                                      "01j00000000000000000000000",
                                      "01J0000000000000000000000U"};
    static const char *const bad_files[] = {"",     "../1-a", "a",     "1-a/b",
                                            "1-..", "/1-a",   "1-a b", "1-\xc3\xa4"};
    char path[MLI_PATH_BYTES], sha[65];

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ASSERT_FAILS(MODELLAB_E_INVALID_ARGUMENT,
                     mli_run_path(folder.path, bad[i], MLI_RUN_INPUT, path, err));
    }
    for (size_t i = 0; i < sizeof bad_files / sizeof *bad_files; i++) {
        ASSERT_FAILS(MODELLAB_E_STORE_CORRUPT,
                     mli_artifact_write(F, folder.path, id_of(1), bad_files[i], "x", 1, sha, err));
    }
    assert_false(mli_artifact_name_valid("A"));
    assert_false(mli_artifact_name_valid(".a"));
    assert_false(mli_artifact_name_valid("a..b"));
    assert_true(mli_artifact_name_valid("transcript.partial.json"));
    ASSERT_FAILS(MODELLAB_E_INVALID_ARGUMENT, mli_artifact_file(1, "a/b", path, err));
}

static void links_are_not_followed(void **state)
{
    char path[MLI_PATH_BYTES], target[512];
    mli_buf text;

    (void)state;
    assert_true(snprintf(target, sizeof target, "%s/secret", folder.path) > 0);
    FILE *file = fopen(target, "w");
    assert_non_null(file);
    assert_int_equal(0, fclose(file));
    ASSERT_OK(mli_run_path(folder.path, id_of(1), MLI_RUN_REQUEST, path, err));
    assert_int_equal(0, symlink(target, path));
    mli_buf_init(&text, NULL);
    assert_int_not_equal(MODELLAB_OK, mli_run_file_read(F, folder.path, id_of(1), MLI_RUN_REQUEST,
                                                        100, &text, NULL));
    mli_buf_dispose(&text);
}

static void one_holds_the_lock(void **state)
{
    int first, second;

    (void)state;
    ASSERT_OK(mli_rundir_lock(F, folder.path, id_of(1), &first, err));
    ASSERT_FAILS(MODELLAB_E_BUSY, mli_rundir_lock(F, folder.path, id_of(1), &second, err));
    assert_int_equal(-1, second);
    assert_int_equal(0, close(first));
    ASSERT_OK(mli_rundir_lock(F, folder.path, id_of(1), &second, err));
    assert_int_equal(0, close(second));
    ASSERT_FAILS(MODELLAB_E_NOT_FOUND, mli_rundir_lock(F, folder.path, id_of(2), &second, err));
}

static void manifests_tell_damage(void **state)
{
    char path[MLI_PATH_BYTES], bytes[512];
    mli_buf json, back;
    int64_t size;
    int fd;

    (void)state;
    mli_buf_init(&json, NULL);
    mli_buf_init(&back, NULL);
    ASSERT_FAILS(MODELLAB_E_NOT_FOUND, mli_manifest_read(F, folder.path, id_of(1), &back, err));
    mli_buf_append_text(&json, "{\"run_id\":\"x\",\"last_event\":4}");
    ASSERT_OK(mli_manifest_write(F, folder.path, id_of(1), &json, err));
    ASSERT_OK(mli_manifest_read(F, folder.path, id_of(1), &back, err));
    assert_non_null(strstr(back.data, "\"last_event\":4,\"crc32c\":\""));
    ASSERT_OK(mli_run_path(folder.path, id_of(1), MLI_RUN_MANIFEST, path, err));
    fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    size = pread(fd, bytes, sizeof bytes, 0);
    assert_int_equal((int64_t)back.size, size);
    for (int64_t i = 0; i < size - 3; i++) { /* what follows is punctuation */
        char changed = (char)(bytes[i] ^ 1);

        assert_int_equal(1, pwrite(fd, &changed, 1, i));
        mli_buf_clear(&back);
        ASSERT_FAILS(MODELLAB_E_STORE_CORRUPT,
                     mli_manifest_read(F, folder.path, id_of(1), &back, err));
        assert_int_equal(1, pwrite(fd, &bytes[i], 1, i));
    }
    for (int64_t cut = 0; cut < size; cut++) {
        assert_int_equal(0, ftruncate(fd, cut));
        mli_buf_clear(&back);
        ASSERT_FAILS(MODELLAB_E_STORE_CORRUPT,
                     mli_manifest_read(F, folder.path, id_of(1), &back, err));
        assert_int_equal(0, ftruncate(fd, 0));
        assert_int_equal(size, pwrite(fd, bytes, (size_t)size, 0));
    }
    assert_int_equal(0, close(fd));
    mli_buf_dispose(&json);
    mli_buf_dispose(&back);
}

static void inputs_are_copied_and_bounded(void **state)
{
    mli_cancel_word word = 1;
    const mli_copy_watch watch = {.cancel = &word};
    mli_input_facts facts;
    char path[512];
    int fd;

    (void)state;
    assert_true(snprintf(path, sizeof path, "%s/big", folder.path) > 0);
    fd = open(path, O_RDWR | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(0, ftruncate(fd, 1000000));
    ASSERT_FAILS(MODELLAB_E_LIMIT, mli_rundir_put_input(F, folder.path, id_of(1), fd, NULL, 0,
                                                        999999, NULL, NULL, &facts, err));
    assert_int_equal(0, lseek(fd, 0, SEEK_SET));
    ASSERT_FAILS(MODELLAB_E_CANCELLED, mli_rundir_put_input(F, folder.path, id_of(1), fd, NULL, 0,
                                                            1000000, NULL, &watch, &facts, err));
    assert_int_equal(0, lseek(fd, 0, SEEK_SET));
    ASSERT_OK(mli_rundir_put_input(F, folder.path, id_of(1), fd, NULL, 0, 1000000, NULL, NULL,
                                   &facts, err));
    assert_int_equal(1000000, facts.bytes);
    assert_string_equal("d29751f2649b32ff572b5e0a9f541ea660a50f94ff0beedfb0b692b924cc8025",
                        facts.sha256);
    assert_int_equal(0, close(fd));
    ASSERT_OK(mli_rundir_create(F, folder.path, id_of(2), err));
    ASSERT_OK(
        mli_rundir_put_input(F, folder.path, id_of(2), -1, "abc", 3, 3, NULL, NULL, &facts, err));
    assert_string_equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
                        facts.sha256);
    ASSERT_OK(mli_rundir_remove(F, folder.path, id_of(2), err));
}

typedef struct names {
    int runs, strange;
} names;

static int on_run(void *arg, const char *name)
{
    (void)name;
    ((names *)arg)->runs++;
    return 0;
}

static int on_strange(void *arg, const char *name)
{
    assert_string_equal("notes.txt", name);
    ((names *)arg)->strange++;
    return 0;
}

static void listing_knows_ulids(void **state)
{
    char path[512];
    names seen = {0};
    int fd;

    (void)state;
    assert_true(snprintf(path, sizeof path, "%s/runs/notes.txt", folder.path) > 0);
    fd = open(path, O_RDWR | O_CREAT, 0600);
    assert_int_equal(0, close(fd));
    ASSERT_OK(mli_rundir_list(F, folder.path, on_run, on_strange, &seen, err));
    assert_int_equal(1, seen.runs);
    assert_int_equal(1, seen.strange);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(only_ulids_make_paths, set_up, tear_down),
        cmocka_unit_test_setup_teardown(links_are_not_followed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_holds_the_lock, set_up, tear_down),
        cmocka_unit_test_setup_teardown(manifests_tell_damage, set_up, tear_down),
        cmocka_unit_test_setup_teardown(inputs_are_copied_and_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(listing_knows_ulids, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
