/* The share of a user: exact for all that come at once, whether their size is declared or not, and
 * the same work for each new one, however many there are. */
#include "unit/lab/upload_common.h"
#include <stdlib.h>

static int64_t sum_of(const char *user)
{
    int64_t bytes;

    ASSERT_OK(mli_store_upload_sum(lab->store, user, &bytes, err));
    return bytes;
}

#define MIB ((size_t)1 << 20)

/* Two of unknown size that come beside one another stay below the share together, and come as far
 * as it goes. */
static void a_share_is_not_passed_together(void **state)
{
    unsigned char *piece = calloc(1, MIB);
    modellab_error why = MODELLAB_ERROR_INIT;
    modellab_upload *u[2];
    modellab_status status = MODELLAB_OK;
    int64_t fed = 0;

    (void)state;
    assert_non_null(piece);
    lab->settings.upload_user_bytes = 20 * (int64_t)MIB;
    for (int i = 0; i < 2; i++) {
        unsigned char header[WAV_BYTES];

        u[i] = begin_one("ann", -1);
        (void)make_wav(header, 16000, 1, 16 * (uint32_t)MIB);
        ASSERT_OK(feed(u[i], header, 44, 44, err));
    }
    for (int i = 0; status == MODELLAB_OK && i < 32; i++) {
        status = feed(u[i % 2], piece, MIB, MIB, &why);
        fed += status == MODELLAB_OK ? (int64_t)MIB : 0;
        assert_true(fed <= lab->settings.upload_user_bytes);
        assert_true(status != MODELLAB_OK || fed <= sum_of("ann"));
    }
    assert_int_equal(MODELLAB_E_CAP_EXCEEDED, status);
    assert_true(fed >= 19 * (int64_t)MIB);
    mli_upload_unref(u[0]);
    mli_upload_unref(u[1]);
    assert_int_equal(0, sum_of("ann"));
    free(piece);
}

static int lists;
static int count_lists(void *u, const char *path, int (*each)(void *, const char *), void *arg)
{
    lists += strstr(path, "/uploads") != NULL;
    return mli_os_system_files.list(u, path, each, arg);
}

/* One more costs the same, however many there are. */
static void a_new_one_does_not_look_at_all(void **state)
{
    mli_os_files files = mli_os_system_files;
    mli_lab_tables counting = {.files = &files};
    char id[MLI_ULID_BYTES];

    (void)state;
    finished("bob", id);
    mli_lab_unref(lab);
    files.list = count_lists;
    lab = open_lab(&folder, NULL, &counting, 0);
    lab->settings.upload_user_bytes = 3 * WAV_BYTES;
    lists = 0;
    for (int i = 0; i < 3; i++) {
        finished("ann", id);
    }
    assert_int_equal(0, lists);
    assert_int_equal(3 * WAV_BYTES, sum_of("ann"));
    mli_lab_unref(lab);
    lab = open_lab(&folder, NULL, NULL, 0);
}

/* The rows follow the files: what a power cut, a crash or an earlier library left is put right. */
static void rows_follow_files(void **state)
{
    const mli_upload_row stale = {
        .id = "01J00000000000000000000001", .user = "ann", .bytes = 1000, .expires_ms = INT64_MAX};
    modellab_upload_options o = MODELLAB_UPLOAD_OPTIONS_INIT;
    modellab_upload *u;
    mli_uploads_found found;
    char id[MLI_ULID_BYTES];
    int64_t others;
    bool fits;

    (void)state;
    finished("ann", id);
    ASSERT_OK(mli_store_upload_forget(lab->store, id, err));
    ASSERT_OK(mli_store_upload_put(lab->store, &stale, 0, &others, &fits, err));
    assert_int_equal(1000, sum_of("ann"));
    ASSERT_OK(mli_uploads_look(lab, true, NULL, &found, err)); /* tells only */
    assert_int_equal(1000, sum_of("ann"));
    ASSERT_OK(mli_uploads_look(lab, false, NULL, &found, err));
    assert_int_equal(WAV_BYTES, sum_of("ann"));
    /* nobody is refused for what is not there */
    ASSERT_OK(mli_store_upload_put(lab->store, &stale, 0, &others, &fits, err));
    lab->settings.upload_user_bytes = 2 * WAV_BYTES;
    o.user = "ann";
    o.bytes = WAV_BYTES;
    ASSERT_OK(mli_upload_begin(lab, &o, &u, err));
    mli_upload_unref(u);
    assert_int_equal(WAV_BYTES, sum_of("ann"));
    ASSERT_OK(mli_upload_delete(lab, id, err));
    assert_int_equal(0, sum_of("ann"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_share_is_not_passed_together, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_new_one_does_not_look_at_all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rows_follow_files, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
