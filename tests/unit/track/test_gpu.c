/* GPU time by NVML, with a library that plays its part; and without any. */
#include "os/dl.h"
#include "os/thread.h"
#include "track/gpu.h"
#include "unit/failing_alloc.h"
#include "unit/unit.h"
#include <string.h>

typedef struct sample {
    unsigned pid;
    unsigned long long time_us;
    unsigned sm, memory, encoder, decoder;
} sample;

static const char *library_path;
static void (*set_state)(unsigned, const sample *, unsigned, int);
static int (*opened)(void);

static void absent(void **state)
{
    modellab_gpu_provider p = MODELLAB_GPU_PROVIDER_INIT;
    (void)state;
    assert_int_equal(mli_gpu_open_nvml(NULL, "libno-such-library.so.9", &p, NULL), MODELLAB_OK);
    assert_null(p.read); /* absent, not a provider that says 0 */
    set_state(0, NULL, 0, 0);
    assert_int_equal(mli_gpu_open_nvml(NULL, library_path, &p, NULL), MODELLAB_OK);
    assert_null(p.read); /* no devices */
    assert_int_equal(opened(), 0);
    const char *name = mli_gpu_provider_name();
    assert_true(strcmp(name, "absent") == 0 || strcmp(name, "nvml") == 0);
}

static void integrates(void **state)
{
    unsigned me = (unsigned)mli_os_pid();
    sample first[] = {{me, 1000000, 90, 0, 0, 0}};
    sample then[] = {{me, 1000000, 90, 0, 0, 0},
                     {me + 1, 1500000, 100, 0, 0, 0}, /* somebody else */
                     {me, 2000000, 50, 0, 0, 0},      /* half of a second */
                     {me, 2500000, 100, 0, 0, 0},     /* the whole half second */
                     {me, 2600000, 250, 0, 0, 0}};    /* nonsense is left out */
    modellab_gpu_provider p = MODELLAB_GPU_PROVIDER_INIT;
    int64_t busy = -1;
    (void)state;
    set_state(2, first, 1, 0);
    assert_int_equal(mli_gpu_open_nvml(NULL, library_path, &p, NULL), MODELLAB_OK);
    assert_non_null(p.read);
    assert_int_equal(p.read(p.user, &busy), 0);
    assert_int_equal(busy, 0); /* what was before the first look is not ours to tell */
    set_state(2, then, 5, 0);
    assert_int_equal(p.read(p.user, &busy), 0);
    assert_int_equal(busy, 1000000000);
    assert_int_equal(p.read(p.user, &busy), 0); /* nothing is counted twice */
    assert_int_equal(busy, 1000000000);
    set_state(2, then, 5, 999);
    assert_int_not_equal(p.read(p.user, &busy), 0);
    p.release(p.user);
    assert_int_equal(opened(), 0);
}

static void without_memory(void **state)
{
    failing_alloc f = {.fail_at = 0};
    modellab_allocator table = failing_alloc_table(&f);
    modellab_gpu_provider p = MODELLAB_GPU_PROVIDER_INIT;
    (void)state;
    set_state(1, NULL, 0, 0);
    assert_int_equal(mli_gpu_open_nvml(&table, library_path, &p, NULL), MODELLAB_E_NO_MEMORY);
    assert_null(p.read);
    assert_int_equal(f.live, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(absent), cmocka_unit_test(integrates),
                                       cmocka_unit_test(without_memory)};
    if (argc < 2)
        return 2;
    library_path = argv[1];
    void *library = mli_os_dl_open(library_path);
    if (library == NULL)
        return 2;
    void *set = mli_os_dl_symbol(library, "fake_nvml_set");
    void *open_count = mli_os_dl_symbol(library, "fake_nvml_opened");
    memcpy(&set_state, &set, sizeof set_state);
    memcpy(&opened, &open_count, sizeof opened);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    mli_os_dl_close(library);
    return failed;
}
