/* The file sink: appended whole lines, moved and removed files, rotation by two loggers at once,
 * full disks. */
#include "unit/log/log_test.h"
#include "unit/temp_folder.h"
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define F (&mli_os_system_files)

static temp_folder folder;
static int64_t now_ns = TEST_TIME_NS;
static const mli_os_clock still = {&now_ns, test_time, test_time, NULL};

static const char *path_of(const char *name)
{
    static char paths[3][400];
    static int turn;
    turn = (turn + 1) % 3;
    snprintf(paths[turn], sizeof paths[turn], "%s/%s", folder.path, name);
    return paths[turn];
}

static modellab_logger *make(const char *name, int64_t max_bytes, const mli_os_files *files)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_logger_options o = MODELLAB_LOGGER_OPTIONS_INIT;
    mli_logger_world world = {files, &still, NULL};
    modellab_logger *l = NULL;
    o.file = path_of(name);
    o.file_max_bytes = max_bytes;
    o.rate_per_second = -1;
    assert_int_equal(mli_logger_create(&o, &world, &l, &err), MODELLAB_OK);
    return l;
}

/* Number of lines; each must be one JSON object. -1 when the file is missing. */
static int count_lines(const char *name)
{
    FILE *f = fopen(path_of(name), "r");
    char line[40000];
    int count = 0;
    if (f == NULL)
        return -1;
    while (fgets(line, sizeof line, f) != NULL) {
        assert_int_equal(line[strlen(line) - 1], '\n');
        mli_json_free(parse_line(line));
        count++;
    }
    fclose(f);
    return count;
}

static void log_lines(modellab_logger *l, int count)
{
    for (int i = 0; i < count; i++)
        mli_log_text(l, MODELLAB_LOG_INFO, "e", "a line in a file");
}

static void appends(void **state)
{
    (void)state;
    modellab_logger *a = make("plain", 0, NULL), *b = make("plain", 0, NULL);
    log_lines(a, 3);
    log_lines(b, 2);
    log_lines(a, 1);
    assert_int_equal(count_lines("plain"), 6);
    struct stat st;
    assert_int_equal(stat(path_of("plain"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    mli_logger_unref(a);
    mli_logger_unref(b);
}

static void moved_away(void **state)
{
    (void)state;
    modellab_logger *l = make("moved", 0, NULL);
    log_lines(l, 2);
    assert_int_equal(rename(path_of("moved"), path_of("moved.old")), 0);
    log_lines(l, 1); /* within the same second: still to the old file, nothing lost */
    assert_int_equal(count_lines("moved.old"), 3);
    now_ns += 1000000000;
    log_lines(l, 4);
    assert_int_equal(count_lines("moved"), 4);
    assert_int_equal(unlink(path_of("moved")), 0);
    now_ns += 1000000000;
    log_lines(l, 1);
    assert_int_equal(count_lines("moved"), 1);
    mli_logger_unref(l);
}

static void rotation(void **state)
{
    (void)state;
    modellab_logger *a = make("rot", 2000, NULL), *b = make("rot", 2000, NULL);
    for (int i = 0; i < 40; i++) { /* about 130 bytes a line; two writers, as two processes would */
        log_lines(i % 2 ? a : b, 1);
        now_ns += 300000000;
    }
    int total = count_lines("rot"), kept = 0;
    assert_true(total > 0);
    static const char *const old[] = {"rot.1", "rot.2", "rot.3", "rot.4"};
    for (int i = 0; i < 3; i++)
        if (count_lines(old[i]) >= 0)
            kept += count_lines(old[i]);
    assert_int_equal(total + kept, 40); /* nothing lost while the files that are kept suffice */
    assert_int_equal(count_lines(old[3]), -1);
    log_lines(a, 200);
    assert_int_equal(count_lines(old[3]), -1); /* and no more files than asked for */
    struct stat st;
    assert_int_equal(stat(path_of("rot"), &st), 0);
    assert_true(st.st_size <= 2000);
    mli_logger_unref(a);
    mli_logger_unref(b);
}

/* Whoever holds the lock of the file, a line does not wait for it. */
static void rotation_does_not_wait(void **state)
{
    (void)state;
    modellab_logger *l = make("held", 1000, NULL);
    log_lines(l, 1);
    int fd = F->open(NULL, path_of("held"), MLI_OS_READ, 0);
    assert_true(fd >= 0);
    assert_int_equal(F->lock(NULL, fd, false), 0);
    log_lines(l, 30);
    assert_int_equal(count_lines("held"), 31);
    assert_int_equal(count_lines("held.1"), -1);
    assert_int_equal(F->close(NULL, fd), 0);
    log_lines(l, 1);
    assert_int_equal(count_lines("held.1"), 31);
    assert_int_equal(count_lines("held"), 1);
    mli_logger_unref(l);
}

/* A disk that takes `left` more bytes. */
static int64_t left;

static int64_t full_write(void *user, int fd, const void *data, size_t bytes)
{
    (void)user;
    if (left == 0)
        return -ENOSPC;
    size_t take = (int64_t)bytes < left ? bytes : (size_t)left;
    int64_t n = F->write(NULL, fd, data, take);
    left -= n;
    return n;
}

static void full_disk(void **state)
{
    modellab_logger_stats s = MODELLAB_LOGGER_STATS_INIT;
    mli_os_files files = mli_os_system_files;
    (void)state;
    files.write = full_write;
    modellab_logger *l = make("full", 0, &files);
    left = 100000;
    log_lines(l, 2);
    left = 50; /* a torn line */
    log_lines(l, 3);
    assert_int_equal(mli_logger_get_stats(l, &s, NULL), MODELLAB_OK);
    assert_true(s.lines == 2 && s.failed == 3 && s.last_error == ENOSPC);
    left = 100000;
    log_lines(l, 2); /* the next line begins on a line of its own */
    mli_logger_unref(l);
    FILE *f = fopen(path_of("full"), "r");
    char line[1000];
    int whole = 0, torn = 0;
    while (fgets(line, sizeof line, f) != NULL) {
        mli_json *root = NULL;
        if (mli_json_parse(line, strlen(line), sizeof line, &root, NULL) == MODELLAB_OK)
            whole++;
        else
            torn++;
        mli_json_free(root);
    }
    fclose(f);
    assert_true(whole == 4 && torn == 1);
}

static void refused(void **state)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_logger_options o = MODELLAB_LOGGER_OPTIONS_INIT;
    modellab_logger *l = NULL;
    (void)state;
    o.file = path_of("no/such/folder");
    assert_int_equal(mli_logger_create(&o, NULL, &l, &err), MODELLAB_E_NOT_FOUND);
    assert_null(l);
    assert_null(strstr(err.message, folder.path));
    o.file = folder.path;
    assert_int_equal(mli_logger_create(&o, NULL, &l, &err), MODELLAB_E_INVALID_ARGUMENT);
}

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(&folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    temp_folder_remove(&folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends),   cmocka_unit_test(moved_away),
        cmocka_unit_test(rotation),  cmocka_unit_test(rotation_does_not_wait),
        cmocka_unit_test(full_disk), cmocka_unit_test(refused)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
