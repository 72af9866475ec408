/* As test_arguments.c, of what follows a run and of what makes pieces: every public function with
 * NULL for each pointer. */
#include "unit/unit.h"

#include <modellab/modellab.h>

static modellab_error err;
static int some; /* an address that no call may follow */

#define REFUSES(call)                                                                              \
    do {                                                                                           \
        modellab_error_init(&err, sizeof err);                                                     \
        assert_int_equal(call, MODELLAB_E_INVALID_ARGUMENT);                                       \
        assert_int_equal(err.code, MODELLAB_E_INVALID_ARGUMENT);                                   \
        assert_true(err.message[0] != '\0');                                                       \
    } while (0)
#define RESETS(call)                                                                               \
    do {                                                                                           \
        out = (void *)&some;                                                                       \
        REFUSES(call);                                                                             \
        assert_null(out);                                                                          \
    } while (0)

static void segment_feeds(void **state)
{
    void *out;
    (void)state;
    RESETS(modellab_segment_feed_open(NULL, "x", (modellab_segment_feed **)&out, &err));
    REFUSES(modellab_segment_feed_open(NULL, NULL, NULL, &err));
    RESETS(modellab_segment_feed_next(NULL, 0, NULL, (modellab_transcript **)&out, &err));
    REFUSES(modellab_segment_feed_next(NULL, 0, NULL, NULL, &err));
    modellab_segment_feed_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(segment_feeds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
