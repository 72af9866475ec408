/* The functions that read what runs hold, with NULL for each pointer (test_arguments.c). */
#include "unit/unit.h"

#include <modellab/modellab.h>

static modellab_error err;
static int some; /* an address that no call may follow */

/* The call refuses, and says why. */
#define REFUSES(call)                                                                              \
    do {                                                                                           \
        modellab_error_init(&err, sizeof err);                                                     \
        assert_int_equal(call, MODELLAB_E_INVALID_ARGUMENT);                                       \
        assert_int_equal(err.code, MODELLAB_E_INVALID_ARGUMENT);                                   \
        assert_true(err.message[0] != '\0');                                                       \
    } while (0)
/* Refuses, and resets the output. */
#define RESETS(call)                                                                               \
    do {                                                                                           \
        out = (void *)&some;                                                                       \
        REFUSES(call);                                                                             \
        assert_null(out);                                                                          \
    } while (0)

static void reading(void **state)
{
    void *out;
    (void)state;
    REFUSES(modellab_artifact_open(NULL, "x", "x", NULL, &err));
    RESETS(modellab_artifact_open(NULL, "x", "x", (modellab_artifact **)&out, &err));
    REFUSES(modellab_artifact_get_info(NULL, NULL, &err));
    size_t got = 7;
    REFUSES(modellab_artifact_read(NULL, 0, NULL, 1, &got, &err));
    assert_int_equal(got, 0);
    REFUSES(modellab_artifact_verify(NULL, NULL, &err));
    modellab_artifact_close(NULL);
    modellab_log_query_init(NULL, 0);
    RESETS(modellab_run_log_read(NULL, "x", NULL, (modellab_buffer **)&out, &err));
    RESETS(modellab_request_log_read(NULL, "x", NULL, (modellab_buffer **)&out, &err));
    assert_string_equal(modellab_run_list_cursor(NULL), "");
    int64_t when = 7;
    REFUSES(modellab_note_put(NULL, "x", "x", NULL, 0, &err));
    RESETS(modellab_note_load(NULL, "x", "x", (modellab_buffer **)&out, &when, &err));
    assert_int_equal(when, -1);
    REFUSES(modellab_note_remove(NULL, "x", NULL, &err));
    RESETS(modellab_note_list(NULL, "x", (modellab_buffer **)&out, &err));
    RESETS(modellab_run_transcript(NULL, "x", 0, (modellab_transcript **)&out, &err));
    RESETS(modellab_run_speakers(NULL, "x", (modellab_buffer **)&out, &err));
    RESETS(modellab_run_peaks(NULL, "x", 1, (modellab_buffer **)&out, &err));
    RESETS(modellab_run_results(NULL, "x", (modellab_buffer **)&out, &err));
    RESETS(modellab_run_summary(NULL, (modellab_buffer **)&out, &err));
    modellab_search_options_init(NULL, 0);
    RESETS(modellab_transcript_search(NULL, "x", NULL, (modellab_buffer **)&out, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reading)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
