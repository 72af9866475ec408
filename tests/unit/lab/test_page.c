/* The shared page: its two sides see each other, the first stop reason stays, bad files are
 * refused, and a worker that shortens it harms nobody. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lab/page.h"

static char folder[64];

static void path_of(const char *name, char out[128])
{
    assert_true(snprintf(out, 128, "%s/%s", folder, name) < 128);
}

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/mli-page-XXXXXX");
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    (void)state;
    return mli_os_remove_tree(&mli_os_system_files, folder);
}

static mli_page_terms terms_of(int64_t calls, int64_t micros)
{
    mli_page_terms terms = {.leave = {[MLI_LEAVE_CPU_NS] = INT64_MAX,
                                      [MLI_LEAVE_COST_MICROS] = micros,
                                      [MLI_LEAVE_CALLS] = calls,
                                      [MLI_LEAVE_AUDIO_MS] = INT64_MAX}};
    return terms;
}

static void both_sides_see_each_other(void **state)
{
    (void)state;
    char path[128];
    path_of("page", path);
    mli_page_view host;
    mli_page_view other;
    mli_page *worker = NULL;
    mli_page_terms terms = terms_of(INT64_MAX, INT64_MAX);
    terms.keep_on_host_death = true;
    terms.started_ns = 77;
    assert_int_equal(mli_page_create(&host, &mli_os_system_files, path, &terms), 0);
    assert_int_equal(mli_page_map(&mli_os_system_files, host.fd, &worker), 0);
    assert_int_equal(mli_page_open(&other, &mli_os_system_files, path), 0); /* who cancels */
    assert_int_equal(atomic_load(&worker->started_ns), 77);
    assert_int_equal(atomic_load(&worker->keep_on_host_death), 1);
    assert_true(mli_page_leave_of(worker, MLI_LEAVE_CPU_NS) == INT64_MAX);
    assert_int_equal(mli_page_stop_reason(worker), MODELLAB_REASON_NONE);
    assert_int_equal(mli_page_ask_stop(&other, MODELLAB_REASON_RUN_TIMEOUT), 0);
    assert_true(mli_cancelled(&worker->stop));
    assert_false(mli_page_stop(worker, MODELLAB_REASON_CANCELLED_BY_USER));
    assert_int_equal(mli_page_ask_stop(&host, MODELLAB_REASON_CANCELLED_BY_USER), 0);
    assert_int_equal(mli_page_stop_reason(worker), MODELLAB_REASON_RUN_TIMEOUT);
    assert_int_equal(mli_page_stop_reason(&host.seen), MODELLAB_REASON_RUN_TIMEOUT);
    mli_page_touch(worker);
    assert_int_equal(mli_page_look(&host), 0);
    assert_int_equal(atomic_load(&host.seen.progress), 1);
    mli_page_close(&other);

    /* The next attempt gets a page of its own; the old one stays whole. */
    assert_int_equal(mli_page_create(&other, &mli_os_system_files, path, &terms), 0);
    assert_int_equal(mli_page_stop_reason(&other.seen), MODELLAB_REASON_NONE);
    assert_int_equal(mli_page_look(&host), 0);
    assert_int_equal(mli_page_stop_reason(&host.seen), MODELLAB_REASON_RUN_TIMEOUT);
    mli_page_close(&other);
    mli_page_close(&host);
    mli_page_close(&host);
    mli_page_unmap(worker);
    mli_page_unmap(NULL);
}

static void a_shortened_page_harms_nobody_else(void **state)
{
    (void)state;
    char path[128];
    path_of("shortened", path);
    mli_page_view host;
    mli_page_view other;
    mli_page *worker = NULL;
    mli_page_terms terms = terms_of(INT64_MAX, INT64_MAX);
    assert_int_equal(mli_page_create(&host, &mli_os_system_files, path, &terms), 0);
    assert_int_equal(mli_page_map(&mli_os_system_files, host.fd, &worker), 0);
    atomic_store(&worker->cpu_ns, 42);
    assert_int_equal(mli_page_look(&host), 0);
    for (int64_t bytes = (int64_t)sizeof(mli_page) - 1; bytes >= 0; bytes -= 77) {
        assert_int_equal(mli_os_system_files.truncate(NULL, host.fd, bytes), 0);
        assert_int_equal(mli_page_look(&host), -EINVAL);
        assert_int_equal(atomic_load(&host.seen.cpu_ns), 42); /* what was seen last stays */
        assert_int_equal(mli_page_open(&other, &mli_os_system_files, path), -EINVAL);
    }
    assert_int_equal(mli_os_system_files.truncate(NULL, host.fd, 0), 0);
    assert_int_equal(mli_page_look(&host), -EINVAL);
    assert_int_equal(mli_page_ask_stop(&host, MODELLAB_REASON_RUN_TIMEOUT), -EINVAL);
    /* Planted: the mapping, which the supervisor looked through before, ends the process. */
    pid_t pid = fork();
    if (pid == 0) {
        (void)signal(SIGBUS, SIG_DFL); /* a sanitizer would tell more than is wanted */
        _exit((int)atomic_load(&worker->progress));
    }
    int how = 0;
    assert_int_equal(waitpid(pid, &how, 0), pid);
    assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGBUS);
    mli_page_unmap(worker);
    mli_page_close(&host);
}

/* A leave that is being written is never seen half: each value is the same number in every byte
 * pair, so that one that was torn shows. */
static void *raise_leave(void *arg)
{
    mli_page_view *host = arg;
    int64_t leave[MLI_LEAVES];
    for (int64_t n = 1; n < 20000; n++) {
        for (int i = 0; i < MLI_LEAVES; i++) {
            leave[i] = (n & 0x7fff) * INT64_C(0x0001000100010001);
        }
        if (mli_page_write_leave(host, leave) != 0) {
            return host;
        }
    }
    return NULL;
}

static void a_leave_is_never_seen_half(void **state)
{
    (void)state;
    char path[128];
    path_of("leave", path);
    mli_page_view host;
    mli_page *worker = NULL;
    mli_page_terms terms = {.started_ns = 1};
    pthread_t writer;
    void *failed = NULL;
    int torn = 0;
    assert_int_equal(mli_page_create(&host, &mli_os_system_files, path, &terms), 0);
    assert_int_equal(mli_page_map(&mli_os_system_files, host.fd, &worker), 0);
    assert_int_equal(pthread_create(&writer, NULL, raise_leave, &host), 0);
    for (int i = 0; i < 200000; i++) {
        int64_t got = mli_page_leave_of(worker, (mli_leave)(i % MLI_LEAVES));
        torn += got != (got & 0x7fff) * INT64_C(0x0001000100010001);
    }
    assert_int_equal(pthread_join(writer, &failed), 0);
    assert_null(failed);
    assert_int_equal(torn, 0);
    /* Planted: a write that stopped half way in its first copy. The worker goes by less. */
    atomic_store(&worker->leave[0][0], 500);
    atomic_store(&worker->leave[1][0], 300);
    assert_int_equal(mli_page_leave_of(worker, MLI_LEAVE_CPU_NS), 300);
    mli_page_unmap(worker);
    mli_page_close(&host);
}

static void other_files_are_refused(void **state)
{
    (void)state;
    char path[128];
    path_of("short", path);
    assert_int_equal(mli_os_replace_file(&mli_os_system_files, path, "short", 5, 0600), 0);
    int fd = mli_os_system_files.open(NULL, path, MLI_OS_READ | MLI_OS_WRITE, 0);
    mli_page *page = NULL;
    assert_int_equal(mli_page_map(&mli_os_system_files, fd, &page), -EINVAL);
    assert_null(page);
    assert_int_equal(mli_os_system_files.truncate(NULL, fd, MLI_PAGE_BYTES), 0);
    assert_int_equal(mli_page_map(&mli_os_system_files, fd, &page), -EINVAL); /* no magic */
    assert_int_equal(close(fd), 0);
    path_of("absent/page", path);
    mli_page_view view;
    mli_page_terms terms = terms_of(1, 1);
    assert_int_equal(mli_page_create(&view, &mli_os_system_files, path, &terms), -ENOENT);
    assert_int_equal(view.fd, -1);
    assert_int_equal(mli_page_open(&view, &mli_os_system_files, path), -ENOENT);
    path_of("short", path);
    assert_int_equal(mli_page_open(&view, &mli_os_system_files, path), -EINVAL);
    assert_int_equal(view.fd, -1);
}

enum { CALLERS = 64, CALLS_EACH = 50, CALLS = 1000, PRICE = 7, MONEY = 6000 };

static mli_page_view shared_view;
static mli_page *shared;
static _Atomic int64_t given, spent;
static int planted;

/* Planted: looks first, takes then. */
static modellab_reason begin_in_two(mli_page *page)
{
    if (atomic_load(&page->calls_taken) >= CALLS ||
        atomic_load(&page->cost_taken_micros) + PRICE > MONEY) {
        return MODELLAB_REASON_API_CALLS_CAP;
    }
    (void)sched_yield();
    atomic_fetch_add(&page->calls_taken, 1);
    atomic_fetch_add(&page->cost_taken_micros, PRICE);
    return MODELLAB_REASON_NONE;
}

static void *call(void *arg)
{
    (void)arg;
    for (int i = 0; i < CALLS_EACH; i++) {
        modellab_reason reason =
            planted != 0 ? begin_in_two(shared) : mli_page_call_begin(shared, PRICE);
        if (reason != MODELLAB_REASON_NONE) {
            continue;
        }
        if (i % 5 == 0) { /* it was not made after all */
            mli_page_call_end(shared, PRICE, 0, false);
            continue;
        }
        atomic_fetch_add(&given, 1);
        atomic_fetch_add(&spent, PRICE);
        mli_page_call_end(shared, PRICE, PRICE, true);
    }
    return NULL;
}

static void call_from_all(void)
{
    pthread_t threads[CALLERS];
    atomic_store(&given, 0);
    atomic_store(&spent, 0);
    const int64_t leave[MLI_LEAVES] = {INT64_MAX, MONEY, CALLS, INT64_MAX};
    assert_int_equal(mli_page_write_leave(&shared_view, leave), 0);
    atomic_store(&shared->calls_taken, 0);
    atomic_store(&shared->cost_taken_micros, 0);
    atomic_store(&shared->calls_made, 0);
    for (int i = 0; i < CALLERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, call, NULL), 0);
    }
    for (int i = 0; i < CALLERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
}

static void calls_never_pass_what_is_left(void **state)
{
    char path[128];
    mli_page_terms terms = terms_of(INT64_MAX, INT64_MAX);
    (void)state;
    path_of("calls", path);
    assert_int_equal(mli_page_create(&shared_view, &mli_os_system_files, path, &terms), 0);
    assert_int_equal(mli_page_map(&mli_os_system_files, shared_view.fd, &shared), 0);
    /* Without caps there is always leave, and the count goes on. */
    assert_int_equal(mli_page_call_begin(shared, INT64_MAX), MODELLAB_REASON_NONE);
    assert_int_equal(mli_page_calls(shared), 1); /* its worker may die now */
    mli_page_call_end(shared, INT64_MAX, 5, true);
    assert_int_equal(mli_page_calls(shared), 1);
    assert_true(mli_page_leave_of(shared, MLI_LEAVE_COST_MICROS) == INT64_MAX);
    assert_int_equal(atomic_load(&shared->calls_made), 1);
    call_from_all();
    assert_true(atomic_load(&given) <= CALLS && atomic_load(&spent) <= MONEY);
    assert_int_equal(atomic_load(&given), atomic_load(&shared->calls_made));
    assert_int_equal(atomic_load(&shared->calls_taken), atomic_load(&given));
    assert_int_equal(atomic_load(&shared->cost_taken_micros), atomic_load(&spent));
    assert_true(MONEY - atomic_load(&spent) < PRICE); /* what fits was given */
    assert_int_equal(mli_page_call_begin(shared, PRICE), MODELLAB_REASON_COST_CAP);
    const int64_t no_calls[MLI_LEAVES] = {INT64_MAX, MONEY, 0, INT64_MAX};
    assert_int_equal(mli_page_write_leave(&shared_view, no_calls), 0);
    assert_int_equal(mli_page_call_begin(shared, 0), MODELLAB_REASON_API_CALLS_CAP);
    /* The test finds it when looking and taking are two steps. */
    int found = 0;
    planted = 1;
    for (int i = 0; i < 50 && found == 0; i++) {
        call_from_all();
        found = atomic_load(&spent) > MONEY || atomic_load(&given) > CALLS;
    }
    planted = 0;
    assert_int_equal(found, 1);
    mli_page_unmap(shared);
    mli_page_close(&shared_view);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_sides_see_each_other),
        cmocka_unit_test(a_shortened_page_harms_nobody_else),
        cmocka_unit_test(a_leave_is_never_seen_half),
        cmocka_unit_test(other_files_are_refused),
        cmocka_unit_test(calls_never_pass_what_is_left),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
