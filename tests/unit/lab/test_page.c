/* The shared page: two mappings see each other, the first stop reason stays, bad files are
 * refused. */
#include <errno.h>
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_sides_see_each_other),
        cmocka_unit_test(other_files_are_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
