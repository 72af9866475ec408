/* A keyed submission whose process dies before each operation of its files and of its database, or
 * of which each fails once, and that comes again: there is exactly one run, and both know it. A
 * planted bug (the run without the claim's key) shows that the test sees a second one. */
#include "lab/idempotency.h"
#include "lab/submit.h"
#include "unit/lab/lab_common.h"
#include "unit/store/faulty_vfs.h"
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

static temp_folder folder;
static unsigned char wav[WAV_BYTES];
static bool planted;

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(&folder);
    assert_int_equal(WAV_BYTES, make_wav(wav, 16000, 1, 0));
    planted = false;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    temp_folder_remove(&folder);
    return 0;
}

/* What may happen before each operation. */
static enum { LIVES, DIES, FAILS } fate;
static long operations, last_operation;

static bool it_is_time(void)
{
    return fate != LIVES && operations++ == last_operation;
}

static void before_database(void)
{
    if (it_is_time()) {
        if (fate == DIES) {
            _exit(99);
        }
        faulty.fail_at = faulty.calls;
    }
}

static bool before_file(void)
{
    bool now = it_is_time();

    if (now && fate == DIES) {
        _exit(99);
    }
    return now;
}
#define SYSTEM (&mli_os_system_files)
static int then_open(void *u, const char *path, int flags, uint32_t mode)
{
    return before_file() ? -EIO : SYSTEM->open(u, path, flags, mode);
}
static int64_t then_write(void *u, int fd, const void *data, size_t bytes)
{
    return before_file() ? -EIO : SYSTEM->write(u, fd, data, bytes);
}
static int then_sync(void *u, int fd)
{
    return before_file() ? -EIO : SYSTEM->sync(u, fd);
}
static int then_rename(void *u, const char *from, const char *to)
{
    return before_file() ? -EIO : SYSTEM->rename(u, from, to);
}
static int then_link(void *u, const char *from, const char *to)
{
    return before_file() ? -EIO : SYSTEM->link(u, from, to);
}
static int then_unlink(void *u, const char *path)
{
    return before_file() ? -EIO : SYSTEM->unlink(u, path);
}
static int then_mkdir(void *u, const char *path, uint32_t mode)
{
    return before_file() ? -EIO : SYSTEM->mkdir(u, path, mode);
}

static modellab_status submit(mli_lab *lab, const modellab_idempotency *claim,
                              char run_id[MLI_ULID_BYTES], modellab_error *err)
{
    modellab_run_submit_options o = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    char key[MODELLAB_IDEMPOTENCY_RUN_KEY_BYTES], request[200];

    mli_idempotency_run_key(claim, key);
    if (planted) { /* a key of its own for each */
        (void)snprintf(key, sizeof key, "planted-%ld", (long)getpid());
    }
    (void)snprintf(request, sizeof request, "{\"pipeline\":\"ingest\",\"idempotency_key\":\"%s\"}",
                   key);
    o.request = request;
    o.input_data = wav;
    o.input_bytes = WAV_BYTES;
    return mli_run_submit(lab, &o, run_id, NULL, err);
}

/* One request with the key; its run in `run_id` when it was answered. */
static modellab_status call_once(mli_lab *lab, const char *key, char run_id[MLI_ULID_BYTES],
                                 modellab_error *err)
{
    modellab_idempotency_reply reply = MODELLAB_IDEMPOTENCY_REPLY_INIT;
    modellab_idempotency_outcome outcome = 0;
    modellab_idempotency *claim = NULL;
    modellab_status status = mli_idempotency_begin(lab, "ann", key, &claim, &outcome, err);

    if (status == MODELLAB_OK) {
        assert_non_null(claim); /* nobody is at work on it */
        mli_sha256_update(&claim->parts, "a", 1);
        status = mli_idempotency_match(claim, &outcome, err);
    }
    if (status == MODELLAB_OK && outcome == MODELLAB_IDEMPOTENCY_REPLAY) {
        (void)snprintf(run_id, MLI_ULID_BYTES, "%s", claim->found->row.body);
    } else if (status == MODELLAB_OK) {
        assert_int_equal(MODELLAB_IDEMPOTENCY_NEW, outcome);
        status = submit(lab, claim, run_id, err);
        if (status == MODELLAB_OK) {
            reply.http_status = 202;
            reply.body = run_id;
            status = mli_idempotency_finish(claim, &reply, err);
        }
    }
    mli_idempotency_unref(claim);
    return status;
}

/* In a process of its own. True when the operation was reached. */
static bool call_with(int what, long operation, const char *key)
{
    int how = 0;
    pid_t pid = fork();

    if (pid == 0) {
        mli_os_files files = mli_os_system_files;
        mli_lab_tables tables = {.files = &files};
        modellab_error err = MODELLAB_ERROR_INIT;
        char run_id[MLI_ULID_BYTES];
        mli_lab *lab = open_lab(&folder, NULL, &tables, 0);
        modellab_status status;

        files.open = then_open;
        files.write = then_write;
        files.sync = then_sync;
        files.rename = then_rename;
        files.link = then_link;
        files.unlink = then_unlink;
        files.mkdir = then_mkdir;
        faulty.each = before_database;
        operations = 0;
        last_operation = operation;
        fate = what;
        status = call_once(lab, key, run_id, &err);
        _exit(operations > last_operation ? 98 : status == MODELLAB_OK ? 0 : 1);
    }
    assert_int_equal(pid, waitpid(pid, &how, 0));
    assert_true(WIFEXITED(how));
    if (WEXITSTATUS(how) != 0 && WEXITSTATUS(how) != 98 && WEXITSTATUS(how) != 99) {
        fail_msg("the first call ended with %d", WEXITSTATUS(how));
    }
    return WEXITSTATUS(how) != 0;
}

/* The first call of each key meets its fate, the second one and the third are whole. Returns the
 * number of keys that have another number of runs than one. */
static int call_thrice(int what, long *places)
{
    int runs = 0, wrong = 0;
    bool reached = true;

    for (long at = 0; reached && !(planted && wrong > 0); at++) {
        char key[32], second[MLI_ULID_BYTES], third[MLI_ULID_BYTES];
        mli_lab *lab;

        (void)snprintf(key, sizeof key, "%d-%ld", what, at);
        reached = call_with(what, at, key);
        lab = open_lab(&folder, NULL, NULL, 0);
        ASSERT_OK(call_once(lab, key, second, err));
        ASSERT_OK(call_once(lab, key, third, err));
        assert_string_equal(second, third);
        wrong += count_runs(lab) != runs + 1;
        runs = count_runs(lab);
        mli_lab_unref(lab);
        *places = at;
    }
    return wrong;
}

static void one_run_whatever_happens(void **state)
{
    long deaths = 0, failures = 0;

    (void)state;
    assert_int_equal(0, call_thrice(DIES, &deaths));
    temp_folder_remove(&folder);
    temp_folder_make(&folder);
    assert_int_equal(0, call_thrice(FAILS, &failures));
    print_message("%ld instants to die, %ld to fail\n", deaths, failures);
    assert_true(deaths > 30 && failures > 30);
}

static void the_planted_bug_is_seen(void **state)
{
    long deaths = 0;

    (void)state;
    planted = true;
    assert_true(call_thrice(DIES, &deaths) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_run_whatever_happens, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_planted_bug_is_seen, set_up, tear_down),
    };

    if (faulty_vfs_install() != 0) {
        return 2;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
