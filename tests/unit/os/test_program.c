/* Finding programs in PATH and the environment that is handed on. */
#include "os/program.h"
#include "unit/temp_folder.h"
#include <errno.h>
#include <sys/stat.h>

static void make_file(const char *folder, const char *name, unsigned mode)
{
    char path[400];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    assert_int_equal(0, chmod(path, (mode_t)mode));
}

static void test_search(void **state)
{
    temp_folder folder;
    char path[600], found[512], wanted[400], before[4096];
    (void)state;
    snprintf(before, sizeof before, "%s", getenv("PATH"));
    temp_folder_make(&folder);
    make_file(folder.path, "tool", 0755);
    make_file(folder.path, "text", 0644);
    snprintf(path, sizeof path, "/nowhere::.:%s", folder.path);
    setenv("PATH", path, 1);
    snprintf(wanted, sizeof wanted, "%s/tool", folder.path);
    assert_int_equal(0, mli_os_find_program("tool", found, sizeof found));
    assert_string_equal(wanted, found);
    assert_int_equal(-ENOENT,
                     mli_os_find_program("text", found, sizeof found)); /* not executable */
    assert_int_equal(-ENOENT, mli_os_find_program("none", found, sizeof found));
    assert_int_equal(-ENOENT, mli_os_find_program("", found, sizeof found));
    assert_int_equal(-ENOENT, mli_os_find_program("tool", found, 8)); /* does not fit: not found */
    assert_int_equal(0, mli_os_find_program(wanted, found, sizeof found));
    assert_int_equal(-ENAMETOOLONG, mli_os_find_program(wanted, found, 8));
    assert_int_equal(-ENOENT, mli_os_find_program(folder.path, found, sizeof found)); /* a folder */
    /* the working directory is never searched, not even by an empty part */
    setenv("PATH", "::.", 1);
    assert_int_equal(-ENOENT, mli_os_find_program("tool", found, sizeof found));
    setenv("PATH", before, 1);
    temp_folder_remove(&folder);
}

static void test_environment(void **state)
{
    int seen = 0;
    (void)state;
    setenv("MODELLAB_TEST_ENVIRONMENT", "yes", 1);
    for (const char *const *e = mli_os_environment(); *e != NULL; e++)
        seen += strcmp(*e, "MODELLAB_TEST_ENVIRONMENT=yes") == 0;
    assert_int_equal(1, seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_search),
                                       cmocka_unit_test(test_environment)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
