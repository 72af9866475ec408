/* A look for leftovers beside a new upload: whatever instant of its beginning the look falls into,
 * it takes nothing away from whoever receives. The instants are held by operations of files that do
 * the other's part before they return. */
#include "lab/uploads.h"
#include "unit/lab/lab_common.h"
#include <errno.h>

static temp_folder folder;
static mli_lab *lab;     /* of who receives */
static mli_lab *sweeper; /* with operations that do the other's part */
static unsigned char wav[WAV_BYTES];
static modellab_upload *upload;

#define SYSTEM (&mli_os_system_files)

static mli_os_files files;
static mli_lab_tables tables = {.files = &files};
static void (*part)(void); /* done once */

static bool is_data(const char *path)
{
    return strcmp(path + strlen(path) - 5, "/data") == 0;
}

static void do_part(void)
{
    void (*once)(void) = part;

    part = NULL;
    if (once != NULL) {
        once();
    }
}

static int open_then(void *u, const char *path, int flags, uint32_t mode)
{
    int rc = SYSTEM->open(u, path, flags, mode);

    if (is_data(path)) {
        do_part();
    }
    return rc;
}

static int unlink_then(void *u, const char *path)
{
    int rc = SYSTEM->unlink(u, path);

    if (is_data(path)) {
        do_part();
    }
    return rc;
}

static int set_up(void **state)
{
    modellab_upload_options o = MODELLAB_UPLOAD_OPTIONS_INIT;

    (void)state;
    temp_folder_make(&folder);
    files = mli_os_system_files;
    lab = open_lab(&folder, NULL, NULL, 0);
    sweeper = open_lab(&folder, NULL, &tables, 0);
    assert_int_equal(WAV_BYTES, make_wav(wav, 16000, 1, 0));
    o.user = "ann";
    o.bytes = WAV_BYTES;
    ASSERT_OK(mli_upload_begin(lab, &o, &upload, err));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mli_upload_unref(upload);
    mli_lab_unref(sweeper);
    mli_lab_unref(lab);
    temp_folder_remove(&folder);
    return 0;
}

/* The folder of the upload as its receiver has just made it; with `data` as one that died left it.
 */
static void make_folder(bool data)
{
    char path[MLI_PATH_BYTES];

    ASSERT_OK(mli_upload_path(lab, NULL, NULL, path, err));
    assert_int_equal(0, SYSTEM->mkdir(NULL, path, 0700));
    ASSERT_OK(mli_upload_path(lab, upload->facts.id, NULL, path, err));
    assert_int_equal(0, SYSTEM->mkdir(NULL, path, 0700));
    if (data) {
        ASSERT_OK(mli_upload_path(lab, upload->facts.id, MLI_UPLOAD_DATA, path, err));
        write_file(path, "", 0);
    }
}

static void receive(void)
{
    mli_findings findings;

    mli_findings_begin(&findings, NULL);
    ASSERT_OK(mli_upload_take(upload, wav, WAV_BYTES, &findings, err));
    mli_findings_dispose(&findings);
}

static void look(const mli_lab *by)
{
    mli_uploads_found found;

    ASSERT_OK(mli_uploads_look(by, false, NULL, &found, err));
}

static void remove_and_receive(void)
{
    look(lab); /* another look is faster */
    receive();
}

static void the_upload_is_whole(void)
{
    static unsigned char found[WAV_BYTES + 1];
    char path[MLI_PATH_BYTES];
    mli_findings findings;
    mli_upload_facts facts;
    FILE *file;

    assert_null(part); /* the instant came */
    mli_findings_begin(&findings, NULL);
    ASSERT_OK(mli_upload_finish(upload, &findings, err));
    mli_findings_dispose(&findings);
    ASSERT_OK(mli_upload_find(lab, upload->facts.id, &facts, err));
    ASSERT_OK(mli_upload_path(lab, upload->facts.id, MLI_UPLOAD_DATA, path, err));
    file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(WAV_BYTES, fread(found, 1, sizeof found, file));
    assert_memory_equal(found, wav, WAV_BYTES);
    assert_int_equal(0, fclose(file));
}

static void between_folder_and_data(void **state)
{
    (void)state;
    make_folder(false);
    files.open = open_then;
    part = receive;
    look(sweeper);
    the_upload_is_whole();
}

static void between_data_and_its_lock(void **state)
{
    (void)state;
    make_folder(true);
    files.open = open_then;
    part = remove_and_receive;
    look(sweeper);
    the_upload_is_whole();
}

static void while_the_folder_goes(void **state)
{
    int64_t counted = 0;

    (void)state;
    make_folder(true);
    files.unlink = unlink_then;
    part = receive;
    look(sweeper);
    ASSERT_OK(mli_store_upload_sum(lab->store, "ann", &counted, err));
    assert_int_equal(WAV_BYTES, counted); /* his share is not given back with the other's files */
    the_upload_is_whole();
}

/* The other side: looks that are at the folder again and again are waited for. */
static int looks_left, pauses;

static int open_late(void *u, const char *path, int flags, uint32_t mode)
{
    if (is_data(path) && looks_left > 0) {
        looks_left--;
        look(lab);
    }
    return SYSTEM->open(u, path, flags, mode);
}

static int count_pause(void *user, int64_t ns)
{
    (void)user;
    assert_true(ns > 0);
    pauses++;
    return 0;
}

static void looks_are_waited_for(void **state)
{
    modellab_upload_options o = MODELLAB_UPLOAD_OPTIONS_INIT;
    mli_os_clock clock = mli_os_system_clock;

    (void)state;
    mli_upload_unref(upload);
    o.user = "ann";
    o.bytes = WAV_BYTES;
    ASSERT_OK(mli_upload_begin(sweeper, &o, &upload, err));
    clock.sleep_ns = count_pause;
    sweeper->os.clock = &clock;
    files.open = open_late;
    looks_left = 7;
    pauses = 0;
    receive();
    assert_int_equal(0, looks_left);
    assert_int_equal(7, pauses);
    the_upload_is_whole();
    mli_upload_unref(upload);
    upload = NULL;
    sweeper->os.clock = &mli_os_system_clock;
}

/* What has no owner goes all the same, and a look that only tells makes nothing. */
static void leftovers_go(void **state)
{
    char path[MLI_PATH_BYTES];
    mli_uploads_found found;
    mli_os_stat info;

    (void)state;
    make_folder(false);
    ASSERT_OK(mli_uploads_look(lab, true, NULL, &found, err));
    assert_int_equal(1, found.removed);
    ASSERT_OK(mli_upload_path(lab, upload->facts.id, MLI_UPLOAD_DATA, path, err));
    assert_int_equal(-ENOENT, SYSTEM->stat(NULL, path, false, &info));
    ASSERT_OK(mli_uploads_look(lab, false, NULL, &found, err));
    assert_int_equal(1, found.removed);
    ASSERT_OK(mli_upload_path(lab, upload->facts.id, NULL, path, err));
    assert_int_equal(-ENOENT, SYSTEM->stat(NULL, path, false, &info));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(between_folder_and_data, set_up, tear_down),
        cmocka_unit_test_setup_teardown(between_data_and_its_lock, set_up, tear_down),
        cmocka_unit_test_setup_teardown(while_the_folder_goes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(looks_are_waited_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(leftovers_go, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
