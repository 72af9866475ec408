/* A store that makes its own file: when it needs one, without a name, gone with the source; without
 * a folder for it all stays in memory. */
#include "audio/decode.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
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

/* Decodes with `memory_samples` in memory: `made` files are open then, none has a name. */
static void decode(const char *spool_folder, int64_t memory_samples, size_t made,
                   const char *folder)
{
    mli_audio_options options;
    mli_audio_source *source = NULL;
    size_t before = files_in("/proc/self/fd");
    mli_audio_options_init(&options);
    options.spool_folder = spool_folder;
    options.memory_samples = memory_samples;
    assert_int_equal(mli_audio_from_samples(samples, COUNT, 1, 16000, &options, &source, NULL),
                     MODELLAB_OK);
    assert_int_equal(mli_audio_read(source, 0, COUNT, back, NULL), MODELLAB_OK);
    assert_memory_equal(back, samples, sizeof back);
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_folder)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
