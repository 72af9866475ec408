/* A store that makes its own file: when it needs one, without a name, gone with the source; without
 * a folder for it all stays in memory, and what the file takes no more (full, or at the limit of
 * the process) too. */
#include "audio/decode.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

enum { COUNT = 160000 };

static float samples[COUNT], back[COUNT];

static size_t files_in(const char *folder)
{
    size_t count = 0;
    DIR *d = opendir(folder);
    for (struct dirent *entry; d != NULL && (entry = readdir(d)) != NULL;)
        count += entry->d_name[0] != '.';
    assert_int_equal(closedir(d), 0);
    return count;
}

static const mli_os_files *files; /* NULL = the system's */

/* Decodes with `memory_samples` in memory: `made` files are open then, none has a name. */
static void decode(const char *spool_folder, int64_t memory_samples, size_t made,
                   const char *folder)
{
    mli_audio_options options;
    mli_audio_source *source = NULL;
    size_t before = files_in("/proc/self/fd");
    mli_audio_options_init(&options);
    options.files = files;
    options.spool_folder = spool_folder;
    options.memory_samples = memory_samples;
    assert_int_equal(mli_audio_from_samples(samples, COUNT, 1, 16000, &options, &source, NULL),
                     MODELLAB_OK);
    assert_int_equal(mli_audio_read(source, 0, COUNT, back, NULL), MODELLAB_OK);
    assert_memory_equal(back, samples, sizeof back);
    for (int64_t at = 0; at < COUNT; at += 7001) { /* windows over all borders */
        assert_int_equal(mli_audio_read(source, at, 9000, back, NULL), MODELLAB_OK);
        size_t some = COUNT - at < 9000 ? (size_t)(COUNT - at) : 9000;
        assert_memory_equal(back, samples + at, some * sizeof *back);
    }
    assert_int_equal(files_in("/proc/self/fd"), before + made);
    assert_int_equal(files_in(folder), 0);
    mli_audio_unref(source);
    assert_int_equal(files_in("/proc/self/fd"), before);
}

static void test_folder(void **state)
{
    char folder[] = "/tmp/modellab-audio-XXXXXX";
    (void)state;
    for (size_t i = 0; i < COUNT; i++)
        samples[i] = (float)(i % 1999) / 2000.0f;
    assert_non_null(mkdtemp(folder));
    decode(folder, 50001, 1, folder);
    decode(folder, COUNT, 0, folder); /* it is not needed */
    decode("/tmp/that-is-not-there", 50001, 0, folder);
    decode(NULL, 50001, 0, folder);
    assert_int_equal(rmdir(folder), 0);
}

static struct {
    int error;
    long room; /* bytes that the file takes */
} disk;

static int64_t full_pwrite(void *user, int fd, const void *data, size_t bytes, int64_t offset)
{
    (void)user;
    if (offset >= disk.room)
        return -disk.error;
    if ((int64_t)bytes > disk.room - offset)
        bytes = (size_t)(disk.room - offset); /* the last write is short */
    return mli_os_system_files.pwrite(NULL, fd, data, bytes, offset);
}

/* However much it takes: what came before is read from it, the rest is kept. */
static void test_full(void **state)
{
    static const int errors[] = {ENOSPC, EDQUOT, EFBIG, EIO};
    static const long rooms[] = {0, 1, 30000, 100002, 300000};
    char folder[] = "/tmp/modellab-audio-XXXXXX";
    mli_os_files table = mli_os_system_files;
    (void)state;
    assert_non_null(mkdtemp(folder));
    table.pwrite = full_pwrite;
    files = &table;
    for (size_t i = 0; i < 4; i++) {
        for (size_t k = 0; k < 5; k++) {
            disk.error = errors[i];
            disk.room = rooms[k];
            decode(folder, 3001, rooms[k] > 262144, folder);
        }
    }
    /* a file that was given is the caller's matter: it bounds the memory */
    mli_audio_options options;
    mli_audio_source *source = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_audio_options_init(&options);
    options.files = &table;
    options.memory_samples = 3001;
    options.spool_fd = mli_os_open_nameless(&mli_os_system_files, folder);
    disk.error = ENOSPC;
    disk.room = 30000;
    assert_int_equal(mli_audio_from_samples(samples, COUNT, 1, 16000, &options, &source, &err),
                     MODELLAB_E_NO_SPACE);
    assert_null(source);
    files = NULL;
    assert_int_equal(rmdir(folder), 0);
}

/* One byte beyond the limit of a file would end this process by SIGXFSZ. */
static void test_file_limit(void **state)
{
    char folder[] = "/tmp/modellab-audio-XXXXXX";
    struct rlimit before, now;
    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    static const rlim_t limits[] = {0, 1000, 300000};
    for (size_t i = 0; i < 3; i++) {
        now = (struct rlimit){limits[i], before.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &now), 0);
        decode(folder, 3001, limits[i] > 262144, folder);
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(rmdir(folder), 0);
}

/* It never has a name that a crash could leave behind, but where the file system needs one. */
static void test_name(void **state)
{
    char folder[] = "/tmp/modellab-audio-XXXXXX", link[64], name[200];
    const mli_os_files table = mli_os_system_files;
    (void)state;
    assert_non_null(mkdtemp(folder));
    int fd = open(folder, O_TMPFILE | O_RDWR, 0600);
    const bool can = fd >= 0;
    if (can)
        assert_int_equal(close(fd), 0);
    for (int i = 0; i < 2; i++) { /* with the system's table, and with another */
        fd = mli_os_open_nameless(i == 0 ? &mli_os_system_files : &table, folder);
        assert_true(fd >= 0);
        assert_true(snprintf(link, sizeof link, "/proc/self/fd/%d", fd) > 0);
        ssize_t n = readlink(link, name, sizeof name - 1);
        assert_true(n > 0);
        name[n] = '\0';
        assert_int_equal(strstr(name, "modellab.") != NULL, i == 1 || !can);
        assert_int_equal(files_in(folder), 0);
        assert_int_equal(pwrite(fd, "ab", 2, 0), 2);
        assert_int_equal(pread(fd, name, 2, 0), 2);
        assert_int_equal(close(fd), 0);
    }
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_folder), cmocka_unit_test(test_full),
                                       cmocka_unit_test(test_file_limit),
                                       cmocka_unit_test(test_name)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
