/* Manifests made by several at once: the newest stays, whoever renames last. What happens between
 * the loading of a record and the renaming of its manifest is done by the file table here. */
#include "lab/cancel.h"
#include "lab/snapshot.h"
#include "lab/submit.h"
#include "unit/lab/lab_common.h"
#include <sys/file.h>
#include <unistd.h>

static temp_folder folder;
static mli_os_files files;
static mli_os_clock fake_clock;
static mli_os_clock real_clock;
static mli_lab *lab;
static char run_id[MLI_ULID_BYTES];
static int64_t slept_ns;
static bool stopped_clock; /* a bug: time does not seem to go on */
static enum { QUIET, LOOK, OVERTAKE } action;
static bool was_locked;

static int64_t monotonic(void *user)
{
    return real_clock.monotonic_ns(user) + (stopped_clock ? 0 : slept_ns);
}

static int64_t realtime(void *user)
{
    return real_clock.realtime_ns(user);
}

static int sleep_fake(void *user, int64_t ns)
{
    (void)user;
    slept_ns += ns;
    return 0;
}

static int lock_nothing(void *user, int fd, bool wait)
{
    (void)user;
    (void)fd;
    (void)wait;
    return 0;
}

/* As another process would see it. */
static bool folder_is_locked(void)
{
    char path[MLI_PATH_BYTES];
    ASSERT_OK(mli_run_path(lab->root, run_id, MLI_RUN_FOLDER, path, err));
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    bool locked = flock(fd, LOCK_EX | LOCK_NB) != 0;
    assert_int_equal(close(fd), 0);
    return locked;
}

/* The moment before a manifest takes the place of the older one. */
static int rename_late(void *user, const char *from, const char *to)
{
    size_t bytes = strlen(to);
    bool manifest = bytes > 13 && strcmp(to + bytes - 13, "manifest.json") == 0;
    if (manifest && action == LOOK) {
        action = QUIET;
        was_locked = folder_is_locked();
    } else if (manifest && action == OVERTAKE) { /* this process stands still, another one acts */
        modellab_cancel_outcome outcome = 0;
        action = QUIET;
        ASSERT_OK(mli_run_cancel(lab, run_id, &outcome, err)); /* with its manifest */
        assert_int_equal(outcome, MODELLAB_CANCEL_CANCELLED);
    }
    return mli_os_system_files.rename(user, from, to);
}

static bool manifest_says(const char *status)
{
    mli_buf text;
    mli_buf_init(&text, NULL);
    ASSERT_OK(mli_manifest_read(&mli_os_system_files, lab->root, run_id, &text, err));
    bool found = strstr(mli_buf_text(&text), status) != NULL;
    mli_buf_dispose(&text);
    return found;
}

static int set_up(void **state)
{
    modellab_run_submit_options o = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    static unsigned char wav[WAV_BYTES];
    static mli_lab_tables tables;
    (void)state;
    temp_folder_make(&folder);
    files = mli_os_system_files;
    files.rename = rename_late;
    real_clock = mli_os_system_clock;
    fake_clock = (mli_os_clock){real_clock.user, realtime, monotonic, sleep_fake};
    tables = (mli_lab_tables){.files = &files, .clock = &fake_clock};
    action = QUIET;
    stopped_clock = false;
    lab = open_lab(&folder, NULL, &tables, 0);
    (void)make_wav(wav, 16000, 1, 0);
    o.request = "{\"pipeline\":\"ingest\"}";
    o.input_data = wav;
    o.input_bytes = sizeof(wav);
    ASSERT_OK(mli_run_submit(lab, &o, run_id, NULL, err));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mli_lab_unref(lab);
    temp_folder_remove(&folder);
    return 0;
}

static void others_are_kept_out_meanwhile(void **state)
{
    (void)state;
    action = LOOK;
    ASSERT_OK(mli_manifest_refresh(lab, run_id, err));
    assert_true(was_locked);
    assert_false(folder_is_locked());
    files.lock = lock_nothing; /* the bug */
    action = LOOK;
    ASSERT_OK(mli_manifest_refresh(lab, run_id, err));
    assert_false(was_locked);
}

/* Nobody waits for ever for one that stands still; it finds out when it goes on. */
static void who_was_overtaken_writes_again(void **state)
{
    (void)state;
    action = OVERTAKE;
    ASSERT_OK(mli_manifest_refresh(lab, run_id, err));
    assert_true(manifest_says("\"CANCELLED\""));
}

static void one_that_does_not_look_is_found(void **state)
{
    (void)state;
    stopped_clock = true;
    action = OVERTAKE;
    ASSERT_OK(mli_manifest_refresh(lab, run_id, err));
    assert_false(manifest_says("\"CANCELLED\""));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {TEST(others_are_kept_out_meanwhile),
                                       TEST(who_was_overtaken_writes_again),
                                       TEST(one_that_does_not_look_is_found)};
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
