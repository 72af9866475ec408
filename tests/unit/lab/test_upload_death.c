/* An upload and a run of it, whose process dies before each of its file operations, and of which
 * each fails once: what was acknowledged is whole, the rest goes with the next reconciliation. A
 * planted bug (a write that is lost) shows that the test sees one. */
#include "base/hash.h"
#include "lab/reconcile.h"
#include "lab/submit.h"
#include "lab/uploads.h"
#include "unit/faulty_files.h"
#include "unit/lab/lab_common.h"
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

static temp_folder folder;
static unsigned char wav[WAV_BYTES];
static char sha256[65];

static int set_up(void **state)
{
    mli_sha256 hash;

    (void)state;
    temp_folder_make(&folder);
    assert_int_equal(WAV_BYTES, make_wav(wav, 16000, 1, 0));
    mli_sha256_init(&hash);
    mli_sha256_update(&hash, wav, WAV_BYTES);
    mli_sha256_hex(&hash, sha256);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    temp_folder_remove(&folder);
    return 0;
}

/* What was acknowledged; shared with the process that dies, by a file. */
typedef struct deed {
    char upload[MLI_ULID_BYTES], run[MLI_ULID_BYTES];
    bool deleted;
    int errors;
} deed;

static void note(deed *d, modellab_status status, const modellab_error *err)
{
    if (status != MODELLAB_OK) {
        d->errors++;
        if (status != err->code || err->message[0] == '\0' ||
            strstr(err->message, folder.path) != NULL) {
            fail_msg("status %d with error %d \"%s\"", (int)status, (int)err->code, err->message);
        }
    }
}

static void publish(const deed *d)
{
    char path[512];

    assert_true(snprintf(path, sizeof path, "%s/deed", folder.path) > 0);
    write_file(path, d, sizeof *d);
}

static modellab_status receive(mli_lab *lab, deed *d, modellab_error *err)
{
    modellab_upload_options o = MODELLAB_UPLOAD_OPTIONS_INIT;
    modellab_upload *u = NULL;
    mli_findings findings;
    modellab_status status;

    o.user = "ann";
    status = mli_upload_begin(lab, &o, &u, err);
    mli_findings_begin(&findings, NULL);
    for (size_t at = 0; status == MODELLAB_OK && at < WAV_BYTES; at += 9000) {
        size_t rest = WAV_BYTES - at;

        status = mli_upload_take(u, wav + at, rest < 9000 ? rest : 9000, &findings, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_upload_finish(u, &findings, err);
    }
    if (status == MODELLAB_OK) {
        memcpy(d->upload, u->facts.id, MLI_ULID_BYTES);
    }
    mli_findings_dispose(&findings);
    mli_upload_unref(u);
    return status;
}

static void act(mli_lab *lab, deed *d)
{
    modellab_run_submit_options o = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = receive(lab, d, &err);

    note(d, status, &err);
    publish(d);
    if (status == MODELLAB_OK) {
        o.request = "{\"pipeline\":\"ingest\",\"user\":\"ann\"}";
        o.upload_id = d->upload;
        note(d, mli_run_submit(lab, &o, d->run, NULL, &err), &err);
        publish(d);
        if (d->run[0] == '\0') {
            return;
        }
        d->deleted = true; /* from here on it may be gone */
        publish(d);
        note(d, mli_upload_delete(lab, d->upload, &err), &err);
    }
}

static bool holds_the_file(const char *path)
{
    unsigned char found[WAV_BYTES + 1];
    FILE *file = fopen(path, "rb");
    size_t bytes;

    if (file == NULL) {
        return false;
    }
    bytes = fread(found, 1, sizeof found, file);
    assert_int_equal(0, fclose(file));
    return bytes == WAV_BYTES && memcmp(found, wav, WAV_BYTES) == 0;
}

typedef struct walk {
    mli_lab *lab;
    int whole, broken;
} walk;

static int look_at_upload(void *arg, const char *name)
{
    walk *w = arg;
    char path[MLI_PATH_BYTES];
    mli_upload_facts facts;
    modellab_error why = MODELLAB_ERROR_INIT;

    ASSERT_OK(mli_upload_path(w->lab, name, MLI_UPLOAD_DATA, path, err));
    if (mli_upload_find(w->lab, name, &facts, &why) == MODELLAB_OK &&
        strcmp(facts.sha256, sha256) == 0 && holds_the_file(path)) {
        w->whole++;
    } else {
        w->broken++;
    }
    return 0;
}

/* After the next opening of the lab: what was acknowledged is there and whole, the rest is gone. */
static bool is_whole(const deed *d)
{
    mli_lab *lab = open_lab(&folder, NULL, NULL, 0);
    walk w = {.lab = lab};
    char path[MLI_PATH_BYTES];
    int64_t bytes;
    int rc;
    bool whole;

    ASSERT_OK(mli_reconcile(lab, 0, NULL, err));
    ASSERT_OK(mli_upload_path(lab, NULL, NULL, path, err));
    rc = mli_os_system_files.list(NULL, path, look_at_upload, &w);
    assert_true(rc == 0 || rc == -ENOENT);
    whole = w.broken == 0 && (d->upload[0] == '\0' || d->deleted || w.whole >= 1);
    ASSERT_OK(mli_store_upload_sum(lab->store, "ann", &bytes, err));
    whole = whole && bytes == w.whole * (int64_t)WAV_BYTES; /* what counts is what is there */
    if (d->run[0] != '\0') {
        ASSERT_OK(mli_run_path(lab->root, d->run, MLI_RUN_INPUT, path, err));
        whole = whole && holds_the_file(path);
    }
    ASSERT_OK(mli_upload_path(lab, NULL, NULL, path, err));
    assert_int_equal(0, mli_os_remove_tree(&mli_os_system_files, path));
    mli_lab_unref(lab);
    return whole;
}

static int operations_left;
static void step_to_death(void)
{
    if (--operations_left < 0) {
        _exit(99);
    }
}
#define SYSTEM (&mli_os_system_files)
static int dying_open(void *u, const char *path, int flags, uint32_t mode)
{
    step_to_death();
    return SYSTEM->open(u, path, flags, mode);
}
static int dying_close(void *u, int fd)
{
    step_to_death();
    return SYSTEM->close(u, fd);
}
static int64_t dying_write(void *u, int fd, const void *data, size_t bytes)
{
    step_to_death(); /* half of it is a kill in the middle */
    return SYSTEM->write(u, fd, data, bytes > 1 ? bytes / 2 : bytes);
}
static int dying_sync(void *u, int fd)
{
    step_to_death();
    return SYSTEM->sync(u, fd);
}
static int dying_rename(void *u, const char *from, const char *to)
{
    step_to_death();
    return SYSTEM->rename(u, from, to);
}
static int dying_link(void *u, const char *from, const char *to)
{
    step_to_death();
    return SYSTEM->link(u, from, to);
}
static int dying_unlink(void *u, const char *path)
{
    step_to_death();
    return SYSTEM->unlink(u, path);
}
static int dying_mkdir(void *u, const char *path, uint32_t mode)
{
    step_to_death();
    return SYSTEM->mkdir(u, path, mode);
}
static int dying_rmdir(void *u, const char *path)
{
    step_to_death();
    return SYSTEM->rmdir(u, path);
}
static int dying_lock(void *u, int fd, bool wait)
{
    step_to_death();
    return SYSTEM->lock(u, fd, wait);
}

/* The planted bug: of a large write the end is lost. */
static int64_t losing_write(void *u, int fd, const void *data, size_t bytes)
{
    int64_t n = SYSTEM->write(u, fd, data, bytes > 8000 ? bytes - 1 : bytes);

    return n < 0 ? n : (int64_t)bytes;
}

/* In a process of its own. True when it died on the way. */
static bool act_and_die(int operations, bool planted, deed *out)
{
    char path[512];
    int how = 0;
    FILE *file;
    pid_t pid;

    memset(out, 0, sizeof *out);
    publish(out);
    pid = fork();
    if (pid == 0) {
        mli_os_files files = mli_os_system_files;
        mli_lab_tables dying = {.files = &files};
        mli_lab *lab = open_lab(&folder, NULL, &dying, 0);
        deed d = {.errors = 0};

        files.open = dying_open;
        files.close = dying_close;
        files.write = planted ? losing_write : dying_write;
        files.sync = dying_sync;
        files.rename = dying_rename;
        files.link = dying_link;
        files.unlink = dying_unlink;
        files.mkdir = dying_mkdir;
        files.rmdir = dying_rmdir;
        files.lock = dying_lock;
        operations_left = operations;
        act(lab, &d);
        _exit(d.errors == 0 || planted ? 0 : 1);
    }
    assert_int_equal(pid, waitpid(pid, &how, 0));
    assert_true(WIFEXITED(how) && (WEXITSTATUS(how) == 0 || WEXITSTATUS(how) == 99));
    assert_true(snprintf(path, sizeof path, "%s/deed", folder.path) > 0);
    file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(1, fread(out, sizeof *out, 1, file));
    assert_int_equal(0, fclose(file));
    return WEXITSTATUS(how) == 99;
}

static void a_death_leaves_nothing_half(void **state)
{
    int operations = 0;
    bool died = true;
    deed d;

    (void)state;
    for (; died; operations++) {
        died = act_and_die(operations, false, &d);
        if (!is_whole(&d)) {
            fail_msg("not whole after a death before operation %d", operations);
        }
    }
    assert_true(d.upload[0] != '\0' && d.run[0] != '\0' && d.deleted);
    print_message("%d places to die\n", operations - 1);
    assert_true(operations > 40);
    assert_false(act_and_die(1000000, true, &d));
    assert_false(is_whole(&d)); /* the planted bug is seen */
}

static void each_operation_fails_once(void **state)
{
    bool failed = true;

    (void)state;
    for (long at = 0; failed; at++) {
        faulty_files faults = {.fail_at = -1, .error = at % 2 == 0 ? EIO : ENOSPC};
        mli_os_files files = faulty_files_table(&faults);
        mli_lab_tables tables = {.files = &files};
        mli_lab *lab = open_lab(&folder, NULL, &tables, 0);
        deed d = {.errors = 0};

        faults.calls = 0;
        faults.fail_at = at;
        act(lab, &d);
        failed = faults.calls > at;
        faults.fail_at = -1;
        d.deleted = d.deleted || d.errors > 0;
        mli_lab_unref(lab);
        if (!is_whole(&d)) {
            fail_msg("not whole after failure %ld", at);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_death_leaves_nothing_half, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_operation_fails_once, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
