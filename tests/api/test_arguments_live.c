/* Live recognition and the events of all runs, with NULL for each pointer (test_arguments.c). */
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

static void live_recognition(void **state)
{
    modellab_live_options options = MODELLAB_LIVE_OPTIONS_INIT;
    void *out;

    (void)state;
    RESETS(modellab_live_open(NULL, (modellab_live **)&out, &err));
    RESETS(modellab_live_open(&options, (modellab_live **)&out, &err));
    REFUSES(modellab_live_open(&options, NULL, &err));
    REFUSES(modellab_live_push(NULL, "x", 1, &err));
    RESETS(modellab_live_finish(NULL, (modellab_transcript **)&out, &err));
    REFUSES(modellab_live_get_stats(NULL, NULL, &err));
    assert_string_equal(modellab_live_run_id(NULL), "");
    modellab_live_options_init(NULL, 8);
    modellab_live_end(NULL);
    modellab_live_cancel(NULL);
    modellab_live_stop(NULL, NULL);
    modellab_live_destroy(NULL);
}

static void events_of_all_runs(void **state)
{
    int64_t sequence = 1;
    void *out;

    (void)state;
    RESETS(modellab_event_feed_load(NULL, NULL, (modellab_event_list **)&out, &err));
    REFUSES(modellab_event_feed_load(NULL, NULL, NULL, &err));
    REFUSES(modellab_event_feed_end(NULL, &sequence, &err));
    assert_int_equal(sequence, 0);
    REFUSES(modellab_event_feed_end(NULL, NULL, &err));
    assert_int_equal(modellab_event_list_next(NULL), 0);
    modellab_event_feed_options_init(NULL, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(live_recognition),
                                       cmocka_unit_test(events_of_all_runs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
