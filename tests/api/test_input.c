/* Handing an input over: its progress, ending it from outside, and one buffer for two ids. */
#include <modellab/modellab.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_BYTES ((size_t)4 * 1024 * 1024)

typedef struct watcher {
    modellab_cancel *cancel; /* set at `cancel_at` bytes */
    int64_t cancel_at, stop_at, last, total;
    int calls;
} watcher;

static char folder[64];
static unsigned char *wav;
static modellab_lab *lab;

static int set_up(void **state)
{
    static const unsigned char header[44] = {
        'R', 'I', 'F', 'F', 0xF8, 0xFF, 0x3F, 0,   'W', 'A',  'V',  'E',  'f',  'm', 't',
        ' ', 16,  0,   0,   0,    1,    0,    1,   0,   0x80, 0x3E, 0,    0,    0,   0x7D,
        0,   0,   2,   0,   16,   0,    'd',  'a', 't', 'a',  0xD4, 0xFF, 0x3F, 0};
    modellab_lab_options options = MODELLAB_LAB_OPTIONS_INIT;
    modellab_error err = MODELLAB_ERROR_INIT;
    (void)state;
    strcpy(folder, "/tmp/modellab-input-XXXXXX");
    assert_non_null(mkdtemp(folder));
    wav = calloc(1, INPUT_BYTES);
    assert_non_null(wav);
    memcpy(wav, header, sizeof header);
    assert_int_equal(0, setenv("MODEL_LAB_MIN_FREE_BYTES", "0", 1));
    options.models_root = options.cache_root = folder;
    assert_int_equal(MODELLAB_OK, modellab_lab_open(folder, &options, &lab, &err));
    return 0;
}

static int tear_down(void **state)
{
    char command[96];
    (void)state;
    modellab_lab_unref(lab);
    free(wav);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static int32_t on_progress(void *user, int64_t done, int64_t total)
{
    watcher *w = user;
    assert_true(done >= w->last && done <= total);
    w->last = done;
    w->total = total;
    w->calls++;
    if (w->cancel != NULL && done >= w->cancel_at)
        modellab_cancel_set(w->cancel);
    return w->stop_at > 0 && done >= w->stop_at ? 1 : 0;
}

static modellab_run_submit_options submission(watcher *w)
{
    modellab_run_submit_options o = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    o.request = "{\"pipeline\":\"ingest\"}";
    o.input_data = wav;
    o.input_bytes = INPUT_BYTES;
    o.cancel = w->cancel;
    o.progress = on_progress;
    o.user = w;
    return o;
}

static size_t runs(void)
{
    modellab_run_list *list = NULL;
    assert_int_equal(MODELLAB_OK, modellab_run_list_load(lab, NULL, &list, NULL));
    size_t count = modellab_run_list_count(list);
    modellab_run_list_unref(list);
    return count;
}

static void an_input_tells_how_far_it_is(void **state)
{
    watcher w = {.last = 0};
    modellab_error err = MODELLAB_ERROR_INIT;
    char id[MODELLAB_RUN_ID_BYTES];
    (void)state;
    modellab_run_submit_options o = submission(&w);
    assert_int_equal(MODELLAB_OK, modellab_run_submit(lab, &o, id, NULL, &err));
    assert_true(w.calls >= 16);
    assert_true(w.last == (int64_t)INPUT_BYTES && w.total == (int64_t)INPUT_BYTES);
    w = (watcher){.stop_at = 1000000};
    o = submission(&w);
    assert_int_equal(MODELLAB_E_CALLBACK, modellab_run_submit(lab, &o, id, NULL, &err));
    assert_string_equal("", id);
    assert_int_equal(1, runs());
}

static void a_token_ends_it_in_between(void **state)
{
    watcher w = {.cancel_at = 1000000};
    modellab_error err = MODELLAB_ERROR_INIT;
    char id[MODELLAB_RUN_ID_BYTES];
    (void)state;
    assert_int_equal(MODELLAB_OK, modellab_cancel_create(NULL, &w.cancel, &err));
    modellab_run_submit_options o = submission(&w);
    assert_int_equal(MODELLAB_E_CANCELLED, modellab_run_submit(lab, &o, id, NULL, &err));
    assert_string_equal("", id);
    assert_true(w.last >= 1000000 && w.last < (int64_t)INPUT_BYTES);
    assert_int_equal(0, runs());
    modellab_cancel_unref(w.cancel);
}

static void a_cancelled_run(char id[MODELLAB_RUN_ID_BYTES])
{
    watcher w = {.last = 0};
    modellab_cancel_outcome outcome = 0;
    modellab_run_submit_options o = submission(&w);
    assert_int_equal(MODELLAB_OK, modellab_run_submit(lab, &o, id, NULL, NULL));
    assert_int_equal(MODELLAB_OK, modellab_run_cancel(lab, id, &outcome, NULL));
    assert_int_equal(MODELLAB_CANCEL_CANCELLED, outcome);
}

/* Both read the stored input again, to compare it. */
static void so_does_a_retry(void **state)
{
    watcher w = {.cancel_at = 1000000};
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_run_again_options again = MODELLAB_RUN_AGAIN_OPTIONS_INIT;
    char id[MODELLAB_RUN_ID_BYTES], child[MODELLAB_RUN_ID_BYTES];
    (void)state;
    a_cancelled_run(id);
    assert_int_equal(MODELLAB_OK, modellab_cancel_create(NULL, &w.cancel, &err));
    again.cancel = w.cancel;
    again.progress = on_progress;
    again.user = &w;
    assert_int_equal(MODELLAB_E_CANCELLED, modellab_run_retry(lab, id, &again, child, &err));
    assert_string_equal("", child);
    assert_true(w.last >= 1000000 && w.last < (int64_t)INPUT_BYTES);
    w.last = 0;
    assert_int_equal(MODELLAB_E_CANCELLED, modellab_run_rerun(lab, id, &again, child, NULL, &err));
    assert_int_equal(1, runs());
    modellab_cancel_unref(w.cancel);
    w = (watcher){.last = 0};
    again.cancel = NULL;
    assert_int_equal(MODELLAB_OK, modellab_run_rerun(lab, id, &again, child, NULL, &err));
    assert_true(w.last == (int64_t)INPUT_BYTES);
}

static void one_buffer_for_both_ids(void **state)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    char id[MODELLAB_RUN_ID_BYTES], parent[MODELLAB_RUN_ID_BYTES];
    (void)state;
    a_cancelled_run(id);
    memcpy(parent, id, sizeof id);
    assert_int_equal(MODELLAB_OK, modellab_run_retry(lab, id, NULL, id, &err));
    assert_int_equal(MODELLAB_RUN_ID_BYTES - 1, strlen(id));
    assert_string_not_equal(parent, id);
    memcpy(id, parent, sizeof id);
    assert_int_equal(MODELLAB_OK, modellab_run_rerun(lab, id, NULL, id, NULL, &err));
    assert_string_not_equal(parent, id);
    strcpy(id, "x");
    assert_int_equal(MODELLAB_E_NOT_FOUND, modellab_run_retry(lab, id, NULL, id, &err));
    assert_string_equal("", id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_input_tells_how_far_it_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_token_ends_it_in_between, set_up, tear_down),
        cmocka_unit_test_setup_teardown(so_does_a_retry, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_buffer_for_both_ids, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
