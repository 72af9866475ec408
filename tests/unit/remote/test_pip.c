/* The package source with a fake pip client: a script that behaves as told. */
#include "base/alloc.h"
#include "remote/pip.h"
#include "remote/pip_words.h"
#include "remote/wheel.h"
#include "unit/remote/wheel_maker.h"
#include "unit/temp_folder.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BIG 300000

typedef struct fixture {
    temp_folder folder;
    char work[300], script[300], wheel[300], command[320];
    mli_pip pip;
    modellab_error err;
    int told;
    int stop_after;        /* progress calls until it says stop; 0 = never */
    const char *stop_sign; /* and not before there is something in this file */
    char data[BIG];
} fixture;

static int on_progress(void *user, int64_t bytes)
{
    fixture *f = user;
    assert_true(bytes >= 0);
    f->told++;
    struct stat sign = {.st_size = 1};
    if (f->stop_sign != NULL && stat(f->stop_sign, &sign) != 0)
        return 0;
    return f->stop_after > 0 && f->told >= f->stop_after && sign.st_size > 0;
}

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    temp_folder_make(&f->folder);
    snprintf(f->work, sizeof f->work, "%s/work", f->folder.path);
    snprintf(f->script, sizeof f->script, "%s/fakepip", f->folder.path);
    snprintf(f->wheel, sizeof f->wheel, "%s/thing-1.0-py3-none-any.whl", f->folder.path);
    snprintf(f->command, sizeof f->command, "%s extra", f->script);
    assert_int_equal(0, mkdir(f->work, 0700));
    for (size_t i = 0; i < BIG; i++)
        f->data[i] = (char)(i * 7 + i / 253);
    const wheel_member members[] = {{"thing/small.txt", "hello", 5},
                                    {"thing/big.bin", f->data, BIG}};
    make_wheel(f->wheel, members, 2);
    f->pip = (mli_pip){.files = &mli_os_system_files,
                       .processes = &mli_os_system_processes,
                       .command = f->command,
                       .directory = f->work,
                       .progress = on_progress,
                       .user = f};
    f->err = (modellab_error)MODELLAB_ERROR_INIT;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    temp_folder_remove(&f->folder);
    free(f);
    return 0;
}

/* The script finds its --dest in $dest and its TMPDIR in the environment. */
static void write_script(const fixture *f, const char *commands)
{
    FILE *file = fopen(f->script, "w");
    assert_non_null(file);
    fprintf(
        file,
        "#!/bin/sh\nwheel='%s'\nwork='%s'\n"
        "while [ $# -gt 0 ]; do if [ \"$1\" = --dest ]; then dest=\"$2\"; fi; last=\"$1\"; shift; "
        "done\n%s\n",
        f->wheel, f->work, commands);
    assert_int_equal(0, fclose(file));
    assert_int_equal(0, chmod(f->script, 0755));
}

static modellab_status download(fixture *f, char **wheel)
{
    return mli_pip_download(&f->pip, "thing==1.0", wheel, &f->err);
}

static void test_brings_the_wheel(void **state)
{
    fixture *f = *state;
    char *wheel = NULL, *again = NULL;
    write_script(f, "test \"$last\" = thing==1.0 || exit 9\n"
                    "case \"$TMPDIR\" in \"$work\"/*) ;; *) exit 8;; esac\n"
                    "echo run >> \"$work/../count\"\ncp \"$wheel\" \"$dest/\"");
    assert_int_equal(MODELLAB_OK, download(f, &wheel));
    assert_int_equal(0, access(wheel, R_OK));
    /* a second call uses what is there */
    assert_int_equal(MODELLAB_OK, download(f, &again));
    assert_string_equal(wheel, again);
    char count[320];
    struct stat st;
    snprintf(count, sizeof count, "%s/count", f->folder.path);
    assert_int_equal(0, stat(count, &st));
    assert_int_equal(4, st.st_size);
    mli_free(NULL, wheel);
    mli_free(NULL, again);
}

static void test_failures_in_words(void **state)
{
    static const struct {
        const char *commands;
        modellab_status status;
        const char *words;
    } cases[] = {
        {"echo 'ERROR: No matching distribution found for thing==1.0' >&2; exit 1",
         MODELLAB_E_NOT_FOUND, "does not have this package"},
        {"echo 'NewConnectionError(https://index.example/simple): No matching distribution found'; "
         "exit 1",
         MODELLAB_E_NETWORK, "could not be reached"},
        {"echo 'OSError: [Errno 28] No space left on device' >&2; exit 2", MODELLAB_E_NO_SPACE,
         "full"},
        {"echo '403 Client Error: Forbidden for url: https://user:pw@index.example/' >&2; exit 1",
         MODELLAB_E_PERMISSION, "refused"},
        {"echo 'something else' >&2; exit 7", MODELLAB_E_REMOTE, "exit code 7"},
        {"kill -9 $$", MODELLAB_E_REMOTE, "signal"},
        {"exit 0", MODELLAB_E_REMOTE, "without bringing"},
        {"echo 'No module named pip' >&2; exit 1", MODELLAB_E_UNSUPPORTED, "pip"},
    };
    fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *wheel = NULL;
        write_script(f, cases[i].commands);
        assert_int_equal(cases[i].status, download(f, &wheel));
        assert_null(wheel);
        assert_non_null(strstr(f->err.message, cases[i].words));
        assert_null(strstr(f->err.message, f->folder.path));
        assert_null(strstr(f->err.message, "index.example"));
    }
}

static void test_no_client(void **state)
{
    fixture *f = *state;
    char *wheel = NULL, path[4096];
    f->pip.command = "no-such-program-at-all -m pip";
    assert_int_equal(MODELLAB_E_UNSUPPORTED, download(f, &wheel));
    snprintf(path, sizeof path, "%s", getenv("PATH"));
    setenv("PATH", f->work, 1); /* holds no python3, pip3, pip */
    f->pip.command = NULL;
    modellab_status status = download(f, &wheel);
    setenv("PATH", path, 1);
    assert_int_equal(MODELLAB_E_UNSUPPORTED, status);
    assert_non_null(strstr(f->err.message, "python3-pip"));
}

/* Neither gone nor a zombie that nobody has fetched yet. */
static bool alive(long pid)
{
    char path[64], state = 'Z';
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false;
    if (fscanf(file, "%*d %*s %c", &state) != 1)
        state = 'Z';
    fclose(file);
    return state != 'Z';
}

static void test_cancel_ends_the_whole_session(void **state)
{
    fixture *f = *state;
    char *wheel = NULL, pid_file[320];
    snprintf(pid_file, sizeof pid_file, "%s/pid", f->folder.path);
    f->stop_after = 2;
    f->stop_sign = pid_file;
    /* a child that ignores SIGTERM, as stubborn clients do */
    write_script(
        f, "sh -c 'trap \"\" TERM; echo $$ > \"$0/../pid\"; sleep 600; sleep 600' \"$work\" &\n"
           "wait");
    assert_int_equal(MODELLAB_E_CANCELLED, download(f, &wheel));
    FILE *file = fopen(pid_file, "r");
    long pid = 0;
    assert_non_null(file);
    assert_int_equal(1, fscanf(file, "%ld", &pid));
    fclose(file);
    for (int i = 0; i < 6000 && alive(pid); i++)
        usleep(10000); /* a killed process takes a moment to go */
    assert_false(alive(pid));
}

static void test_cancel_word(void **state)
{
    fixture *f = *state;
    char *wheel = NULL;
    _Atomic uint32_t word = 1;
    f->pip.cancel = &word;
    write_script(f, "sleep 600");
    assert_int_equal(MODELLAB_E_CANCELLED, download(f, &wheel));
}

static int64_t spawned;

static int keep_pid(void *user, const mli_os_spawn *what, int64_t *pid)
{
    int rc = mli_os_system_processes.spawn(user, what, pid);
    spawned = rc == 0 ? *pid : 0;
    return rc;
}

static int broken_poll(void *user, mli_os_poll_item *items, size_t count, int64_t timeout_ns)
{
    (void)user, (void)items, (void)count, (void)timeout_ns;
    return -EIO;
}

/* A client that cannot be watched is not left running behind the caller's back. */
static void test_unwatchable_client_is_ended(void **state)
{
    fixture *f = *state;
    mli_os_processes processes = mli_os_system_processes;
    mli_os_exit result;
    char *wheel = NULL;
    write_script(f, "sleep 600");
    processes.spawn = keep_pid;
    processes.poll = broken_poll;
    f->pip.processes = &processes;
    assert_int_equal(MODELLAB_E_IO, download(f, &wheel));
    assert_null(wheel);
    assert_true(spawned > 0);
    assert_int_equal(-ECHILD, processes.peek(NULL, spawned, &result));
}

static void test_requirements(void **state)
{
    static const char *const good[] = {"a==1", "whisper-base.x_y==1.0.0", "a==1!2.0+local"};
    static const char *const bad[] = {"",         "a",       "a==",    "==1",       "-a==1",
                                      "a>=1",     "a==1 b",  "a==1;x", "../a==1",   "a==$(x)",
                                      "a==1/../", "a==1\nb", ".a==1",  "--index==1"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(mli_pip_requirement_valid(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(mli_pip_requirement_valid(bad[i]));
}

/* --- wheels --- */

typedef struct sink {
    char data[BIG];
    size_t bytes;
    modellab_status answer;
} sink;

static modellab_status on_member(void *user, const void *data, size_t bytes, modellab_error *err)
{
    sink *s = user;
    (void)err;
    if (s->answer != MODELLAB_OK)
        return s->answer;
    memcpy(s->data + s->bytes, data, bytes);
    s->bytes += bytes;
    return MODELLAB_OK;
}

static modellab_status read_member(fixture *f, const char *member, int64_t max, sink *s)
{
    s->bytes = 0;
    return mli_wheel_read(NULL, &mli_os_system_files, f->wheel, member, max, NULL, on_member, s,
                          &f->err);
}

static void test_wheel_members(void **state)
{
    fixture *f = *state;
    sink *s = calloc(1, sizeof *s);
    assert_int_equal(MODELLAB_OK, read_member(f, "thing/big.bin", BIG, s));
    assert_int_equal(BIG, s->bytes);
    assert_memory_equal(f->data, s->data, BIG);
    assert_int_equal(MODELLAB_OK, read_member(f, "thing/small.txt", 5, s));
    assert_memory_equal("hello", s->data, 5);
    assert_int_equal(MODELLAB_E_LIMIT, read_member(f, "thing/small.txt", 4, s));
    assert_int_equal(MODELLAB_E_NOT_FOUND, read_member(f, "thing/none", BIG, s));
    s->answer = MODELLAB_E_NO_SPACE;
    assert_int_equal(MODELLAB_E_NO_SPACE, read_member(f, "thing/big.bin", BIG, s));
    free(s);
}

/* Cut at every 97th length and with flipped bytes: an error or the right bytes, never more. */
static void test_damaged_wheels(void **state)
{
    fixture *f = *state;
    sink *s = calloc(1, sizeof *s);
    FILE *file = fopen(f->wheel, "rb");
    static char all[2 * BIG];
    assert_non_null(file);
    size_t n = fread(all, 1, sizeof all, file), refused = 0;
    fclose(file);
    for (size_t cut = 0; cut < n; cut += 1 + n / 60) {
        file = fopen(f->wheel, "wb");
        assert_int_equal(cut, fwrite(all, 1, cut, file));
        fclose(file);
        if (read_member(f, "thing/small.txt", 5, s) == MODELLAB_OK)
            assert_int_equal(5, s->bytes);
        else
            refused++;
    }
    assert_true(refused > 50);
    for (size_t at = n - 200; at < n; at += 3) {
        all[at] = (char)~all[at];
        file = fopen(f->wheel, "wb");
        assert_int_equal(n, fwrite(all, 1, n, file));
        fclose(file);
        all[at] = (char)~all[at];
        if (read_member(f, "thing/small.txt", 5, s) == MODELLAB_OK)
            assert_int_equal(5, s->bytes);
    }
    free(s);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {T(test_brings_the_wheel),
                                       T(test_failures_in_words),
                                       T(test_no_client),
                                       T(test_cancel_ends_the_whole_session),
                                       T(test_cancel_word),
                                       cmocka_unit_test(test_requirements),
                                       T(test_wheel_members),
                                       T(test_damaged_wheels),
                                       T(test_unwatchable_client_is_ended)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
