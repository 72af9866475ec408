/* The user's espeak-ng as a program: scripts in its place that answer, complain, hang, flood, leave
 * children behind; a cancel while one works; the real one where it is installed. */
#include "os/process.h"
#include "speech/g2p_program.h"
#include "unit/temp_folder.h"
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct fixture {
    temp_folder folder;
    char script[300];
    mli_g2p_program g;
    mli_buf ipa;
    modellab_error err;
    mli_cancel_word stop;
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    temp_folder_make(&f->folder);
    snprintf(f->script, sizeof f->script, "%s/fake-espeak", f->folder.path);
    f->g = (mli_g2p_program){.name = f->script, .voice = "en-us", .cancel = &f->stop};
    mli_buf_init(&f->ipa, NULL);
    f->err = (modellab_error)MODELLAB_ERROR_INIT;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    /* nobody of ours is left, neither running nor as a zombie */
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    mli_buf_dispose(&f->ipa);
    temp_folder_remove(&f->folder);
    free(f);
    return 0;
}

static void write_script(fixture *f, const char *body)
{
    FILE *to = fopen(f->script, "w");
    assert_non_null(to);
    assert_true(fprintf(to, "#!/bin/sh\ncd '%s'\n%s\n", f->folder.path, body) > 0);
    assert_int_equal(fclose(to), 0);
    assert_int_equal(chmod(f->script, 0700), 0);
}

static modellab_status ask(fixture *f, const char *text)
{
    mli_buf_clear(&f->ipa);
    return mli_g2p_program_ask(&f->g, text, strlen(text), &f->ipa, &f->err);
}

static void answers(void **state)
{
    fixture *f = *state;
    write_script(f, "test \"$*\" = '-q --ipa -v en-us' && sed 's/^/ :/;s/^ :$//'");
    assert_int_equal(ask(f, "a cat\ntea\n"), MODELLAB_OK);
    assert_string_equal(mli_buf_text(&f->ipa), " :a cat\n :tea\n");
    assert_int_equal(ask(f, ""), MODELLAB_OK);
    /* it may leave before it has read all */
    write_script(f, "head -n 1; echo second");
    static char many[600000];
    memset(many, 'x', sizeof many - 2);
    many[300000] = '\n';
    many[sizeof many - 2] = '\n';
    assert_int_equal(ask(f, many), MODELLAB_OK);
}

static void failures(void **state)
{
    fixture *f = *state;
    write_script(f, "echo \"Error: no file '/usr/share/data/phontab', (/x/y)\" >&2; echo more >&2; "
                    "exit 3");
    assert_int_equal(ask(f, "a\n"), MODELLAB_E_IO);
    assert_string_equal(f->err.message, "fake-espeak ended with exit code 3: Error: no file "
                                        "'phontab', (y)");
    assert_int_equal(f->err.detail, 3);
    write_script(f, "kill -9 $$");
    assert_int_equal(ask(f, "a\n"), MODELLAB_E_IO);
    assert_non_null(strstr(f->err.message, "signal 9"));
    write_script(f, "echo one");
    assert_int_equal(ask(f, "a\nb\n"), MODELLAB_E_IO);
    assert_non_null(strstr(f->err.message, "1 lines for 2 clauses"));
    write_script(f, "yes");
    assert_int_equal(ask(f, "a\n"), MODELLAB_E_LIMIT);
    f->g.name = "/nowhere/my-espeak";
    assert_int_equal(ask(f, "a\n"), MODELLAB_E_NOT_FOUND);
    assert_non_null(strstr(f->err.message, "my-espeak"));
    assert_null(strstr(f->err.message, "nowhere"));
    f->g.name = f->script;
    f->g.voice = "-w/etc/x"; /* would be an option */
    assert_int_equal(ask(f, "a\n"), MODELLAB_E_INVALID_MODEL);
}

/* What the script and all that it starts hold: a descriptor 9 that says "x" once it is open. */
#define SIGN "exec 9>sign; echo x >&9; "

static int make_sign(const fixture *f)
{
    char path[320];
    snprintf(path, sizeof path, "%s/sign", f->folder.path);
    (void)unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

/* Whether the script came to say it; then nobody holds it any more, or will not be gone soon. */
static bool was_there_and_is_gone(int sign)
{
    char text[2];
    struct pollfd item = {.fd = sign, .events = POLLIN};
    bool there = read(sign, text, sizeof text) == 2;
    if (there) {
        assert_int_equal(poll(&item, 1, 60000), 1);
        assert_int_equal(read(sign, text, sizeof text), 0);
    }
    assert_int_equal(close(sign), 0);
    return there;
}

/* A slow machine needs a later limit, or the script is ended before its first word. */
static modellab_status ask_in_vain(fixture *f, const char *body)
{
    modellab_status status = MODELLAB_OK;
    bool there = false;
    write_script(f, body);
    for (f->g.limit_ms = 200; !there && f->g.limit_ms <= 200000; f->g.limit_ms *= 10) {
        char text[64];
        int sign = make_sign(f);
        f->err = (modellab_error)MODELLAB_ERROR_INIT;
        status = ask(f, "a\n");
        there = was_there_and_is_gone(sign);
        snprintf(text, sizeof text, "took more than %d ms", (int)f->g.limit_ms);
        assert_non_null(strstr(f->err.message, text));
    }
    assert_true(there);
    return status;
}

static void takes_too_long(void **state)
{
    assert_int_equal(ask_in_vain(*state, SIGN "sleep 600"), MODELLAB_E_IO);
    /* it is gone itself, but a child of it holds the output */
    assert_int_equal(ask_in_vain(*state, SIGN "sleep 600 & echo a"), MODELLAB_E_IO);
}

typedef struct stopper {
    int sign;
    mli_cancel_word *stop;
} stopper;

/* Once the script works. */
static void *stop_it(void *arg)
{
    const stopper *s = arg;
    struct pollfd item = {.fd = s->sign, .events = POLLIN};
    (void)poll(&item, 1, -1);
    atomic_store(s->stop, 1u);
    return NULL;
}

/* Were it not seen while the script works, the script would be ended by its limit instead. */
static void cancel(void **state)
{
    fixture *f = *state;
    pthread_t thread;
    stopper s = {make_sign(f), &f->stop};
    f->g.limit_ms = 120000;
    write_script(f, SIGN "sleep 1200");
    assert_int_equal(pthread_create(&thread, NULL, stop_it, &s), 0);
    assert_int_equal(ask(f, "a\n"), MODELLAB_E_CANCELLED);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(was_there_and_is_gone(s.sign));
}

/* A host that has its children reaped by the kernel cannot tell how they ended. */
static void host_ignores_children(void **state)
{
    fixture *f = *state;
    assert_true(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
    write_script(f, "echo a; exit 7");
    modellab_status status = ask(f, "a\n");
    assert_true(signal(SIGCHLD, SIG_DFL) != SIG_ERR);
    assert_int_equal(status, MODELLAB_OK); /* it gave what was asked for */
    assert_string_equal(mli_buf_text(&f->ipa), "a\n");
    /* it is gone, and a child of it holds the output */
    assert_true(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
    status = ask_in_vain(f, SIGN "sleep 600 & echo a");
    assert_true(signal(SIGCHLD, SIG_DFL) != SIG_ERR);
    assert_int_equal(status, MODELLAB_E_IO);
}

static void the_real_one(void **state)
{
    fixture *f = *state;
    f->g.name = "espeak-ng";
    modellab_status status = ask(f, "hello world\nfive cats\n");
    if (status == MODELLAB_E_NOT_FOUND) {
        print_message("skipped: no espeak-ng\n");
        skip();
    }
    assert_int_equal(status, MODELLAB_OK);
    assert_non_null(strstr(mli_buf_text(&f->ipa), "w\xcb\x88\xc9\x9c\xcb\x90ld\n")); /* world */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failures, set_up, tear_down),
        cmocka_unit_test_setup_teardown(takes_too_long, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cancel, set_up, tear_down),
        cmocka_unit_test_setup_teardown(host_ignores_children, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_real_one, set_up, tear_down)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
