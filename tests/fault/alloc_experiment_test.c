/* Every allocation fails once, and from then on, in all that is done with an experiment but its
 * runs themselves. */
#include "fault/faulty_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TRY(call)                                                                                  \
    do {                                                                                           \
        status = (call);                                                                           \
        if (status != MODELLAB_OK)                                                                 \
            goto done;                                                                             \
    } while (0)

static const unsigned char wav[48] = {'R',  'I',  'F', 'F', 40, 0,    0, 0, 'W', 'A', 'V', 'E',
                                      'f',  'm',  't', ' ', 16, 0,    0, 0, 1,   0,   1,   0,
                                      0x80, 0x3e, 0,   0,   0,  0x7d, 0, 0, 2,   0,   16,  0,
                                      'd',  'a',  't', 'a', 4,  0,    0, 0, 1,   0,   2,   0};

static const char document[] =
    "{\"name\":\"levels\",\"inputs\":[{\"file\":\"a.wav\",\"reference_text\":\"so\","
    "\"reference_turns\":\"SPEAKER a 1 0.0 1.0 <NA> <NA> x <NA> <NA>\"}],\"candidates\":["
    "{\"name\":\"a\",\"request\":{\"pipeline\":\"ingest\"}},"
    "{\"name\":\"b\",\"request\":{\"steps\":[\"ingest\"],\"labels\":{\"x\":\"y\"}}}]}";

/* A lab is used for so many days, so that one day does not grow with those before it. */
enum { LAB_DAYS = 20 };
static int labs_used;

static modellab_status experiments(const modellab_allocator *alloc, void *arg)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_lab_options options = MODELLAB_LAB_OPTIONS_INIT;
    modellab_experiment_options o = MODELLAB_EXPERIMENT_OPTIONS_INIT;
    modellab_report *report = NULL;
    modellab_buffer *json = NULL;
    modellab_lab *lab = NULL;
    modellab_status status;
    char id[MODELLAB_EXPERIMENT_ID_BYTES], folder[400];
    int64_t asked = 0;

    options.allocator = alloc;
    (void)snprintf(folder, sizeof folder, "%s-%d", (const char *)arg, labs_used++ / LAB_DAYS);
    TRY(modellab_lab_open(folder, &options, &lab, &err));
    o.document = document;
    o.folder = arg;
    TRY(modellab_experiment_create(lab, &o, id, &report, &err));
    TRY(modellab_experiment_start(lab, id, NULL, NULL, &err));
    TRY(modellab_experiment_status(lab, id, &json, &err));
    modellab_buffer_destroy(json);
    json = NULL;
    TRY(modellab_experiment_cancel(lab, id, &asked, &err));
    TRY(modellab_experiment_compare(lab, id, NULL, &json, &err));
    modellab_buffer_destroy(json);
    json = NULL;
    TRY(modellab_experiment_list(lab, &json, &err));
    modellab_buffer_destroy(json);
    json = NULL;
    TRY(modellab_experiment_load(lab, id, &json, &err));
    TRY(modellab_experiment_delete(lab, id, &err));
done:
    if (status != MODELLAB_OK && status != MODELLAB_E_NO_MEMORY) /* says which call it was */
        print_message("%s\n", err.message);
    modellab_buffer_destroy(json);
    modellab_report_unref(report);
    modellab_lab_unref(lab);
    return status;
}

static const char *root;

static void all_allocations(void **state)
{
    long allocations = 0;
    (void)state;
    assert_int_equal(FAULTY_FINE, faulty_run(experiments, (void *)(size_t)root, &allocations));
    print_message("%ld allocations\n", allocations);
    assert_true(allocations > 100);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_allocations)};
    char path[400], command[400];
    FILE *file;

    if (argc != 2 || setenv("MODEL_LAB_MIN_FREE_BYTES", "1", 1) != 0)
        return 2;
    root = argv[1];
    (void)snprintf(command, sizeof command, "rm -rf '%s' '%s'-*; mkdir -p '%s'", root, root, root);
    assert_int_equal(0, system(command));
    (void)snprintf(path, sizeof path, "%s/a.wav", root);
    file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(sizeof wav, fwrite(wav, 1, sizeof wav, file));
    assert_int_equal(0, fclose(file));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
