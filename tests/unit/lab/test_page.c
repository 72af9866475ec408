/* The shared page: two mappings see each other, the first stop reason stays, bad files are
 * refused. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
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

static void both_sides_see_each_other(void **state)
{
    (void)state;
    char path[128];
    path_of("page", path);
    int fd = -1;
    mli_page *host = NULL;
    mli_page *worker = NULL;
    assert_int_equal(mli_page_create(&mli_os_system_files, path, &fd, &host), 0);
    assert_int_equal(mli_page_map(&mli_os_system_files, fd, &worker), 0);
    assert_true(host != worker);
    assert_true(atomic_load(&worker->cpu_left_ns) == INT64_MAX);
    assert_int_equal(mli_page_stop_reason(worker), MODELLAB_REASON_NONE);
    assert_true(mli_page_stop(host, MODELLAB_REASON_RUN_TIMEOUT));
    assert_false(mli_page_stop(worker, MODELLAB_REASON_CANCELLED_BY_USER));
    assert_int_equal(mli_page_stop_reason(worker), MODELLAB_REASON_RUN_TIMEOUT);
    assert_true(mli_cancelled(&worker->stop));
    mli_page_touch(worker);
    assert_int_equal(atomic_load(&host->progress), 1);

    /* The next attempt gets a page of its own; the old mapping stays whole. */
    int next_fd = -1;
    mli_page *next = NULL;
    assert_int_equal(mli_page_create(&mli_os_system_files, path, &next_fd, &next), 0);
    assert_int_equal(mli_page_stop_reason(next), MODELLAB_REASON_NONE);
    assert_int_equal(mli_page_stop_reason(host), MODELLAB_REASON_RUN_TIMEOUT);
    mli_page_unmap(next);
    mli_page_unmap(host);
    mli_page_unmap(worker);
    mli_page_unmap(NULL);
    assert_int_equal(close(fd), 0);
    assert_int_equal(close(next_fd), 0);
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
    assert_int_equal(mli_page_create(&mli_os_system_files, path, &fd, &page), -ENOENT);
    assert_int_equal(fd, -1);
}

enum { CALLERS = 64, CALLS_EACH = 50, CALLS = 1000, PRICE = 7, MONEY = 6000 };

static mli_page *shared;
static _Atomic int64_t given, spent;
static int planted;

/* Planted: looks first, takes then. */
static modellab_reason begin_in_two(mli_page *page)
{
    if (atomic_load(&page->calls_left) < 1 || atomic_load(&page->cost_left_micros) < PRICE) {
        return MODELLAB_REASON_API_CALLS_CAP;
    }
    (void)sched_yield();
    atomic_fetch_sub(&page->calls_left, 1);
    atomic_fetch_sub(&page->cost_left_micros, PRICE);
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
    atomic_store(&shared->calls_left, CALLS);
    atomic_store(&shared->cost_left_micros, MONEY);
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
    int fd = -1;
    (void)state;
    path_of("calls", path);
    assert_int_equal(mli_page_create(&mli_os_system_files, path, &fd, &shared), 0);
    assert_int_equal(close(fd), 0);
    /* Without caps there is always leave, and the count goes on. */
    assert_int_equal(mli_page_call_begin(shared, INT64_MAX), MODELLAB_REASON_NONE);
    mli_page_call_end(shared, INT64_MAX, 5, true);
    assert_true(atomic_load(&shared->cost_left_micros) == INT64_MAX);
    assert_int_equal(atomic_load(&shared->calls_made), 1);
    call_from_all();
    assert_true(atomic_load(&given) <= CALLS && atomic_load(&spent) <= MONEY);
    assert_int_equal(atomic_load(&given), atomic_load(&shared->calls_made));
    assert_int_equal(atomic_load(&shared->calls_left), CALLS - atomic_load(&given));
    assert_int_equal(atomic_load(&shared->cost_left_micros), MONEY - atomic_load(&spent));
    assert_true(atomic_load(&shared->cost_left_micros) < PRICE); /* what fits was given */
    assert_int_equal(mli_page_call_begin(shared, PRICE), MODELLAB_REASON_COST_CAP);
    atomic_store(&shared->calls_left, 0);
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
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_sides_see_each_other),
        cmocka_unit_test(other_files_are_refused),
        cmocka_unit_test(calls_never_pass_what_is_left),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
