/* A clip of three seconds behind a file of ten minutes, with real weights: it ends while the file
 * is still being transcribed, and takes about the CPU time that it takes alone. How long it took is
 * printed, never asserted. A supervisor without extra workers for short runs shows that the looking
 * finds something. Needs MODEL_LAB_TEST_MODELS. test_clip WORKER HOST */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "crash/kit.h"

#define TRANSCRIBE "{\"pipeline\":\"transcribe\"}"

enum { FILE_TIMES = 20 }; /* of 30 s */

static double now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

typedef struct taken {
    double wall_ms, cpu_s;
} taken;

static taken transcribe_clip(kit *k)
{
    char id[MODELLAB_RUN_ID_BYTES];
    double start = now_ms();
    kit_submit_start(k, TRANSCRIBE, 3.0, id);
    assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_COMPLETED);
    taken t = {now_ms() - start, 0};
    modellab_run *run = kit_load(k, id);
    t.cpu_s = kit_info(run).cpu_seconds;
    modellab_run_unref(run);
    return t;
}

static void stop(kit *k, const char *id, pid_t host)
{
    (void)kit_cancel(k, id);
    assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_CANCELLED);
    kit_stop_host(k, host);
}

static void a_clip_does_not_wait_for_a_file(void **state)
{
    kit *k = *state;
    char file[MODELLAB_RUN_ID_BYTES];
    pid_t host = kit_start_host(k, &(kit_host){.workers = 1});
    (void)transcribe_clip(k); /* builds the image of the model */
    kit_stop_host(k, host);
    host = kit_start_host(k, &(kit_host){.workers = 1});
    taken cold = transcribe_clip(k);
    taken warm = transcribe_clip(k);
    kit_submit_sample(k, TRANSCRIBE, FILE_TIMES, file);
    kit_wait_status(k, file, MODELLAB_RUN_RUNNING);
    taken first = transcribe_clip(k); /* on an extra worker, which has to start */
    taken second = transcribe_clip(k);
    assert_int_equal(kit_status(k, file), MODELLAB_RUN_RUNNING);
    print_message(
        "a clip of 3 s, alone / behind a file of 10 min: cold %.0f / %.0f ms (%.2f), warm "
        "%.0f / %.0f ms (%.2f); CPU %.2f / %.2f s\n",
        cold.wall_ms, first.wall_ms, first.wall_ms / cold.wall_ms, warm.wall_ms, second.wall_ms,
        second.wall_ms / warm.wall_ms, warm.cpu_s, second.cpu_s);
    /* Neighbours on the same core make it slower: not each time. */
    for (int i = 0; i < 8 && second.cpu_s >= 2 * warm.cpu_s; i++) {
        second = transcribe_clip(k);
    }
    assert_true(second.cpu_s < 2 * warm.cpu_s);
    stop(k, file, host);
}

/* The planted bug: no worker is there for short runs. */
static void without_room_for_short_runs_it_waits(void **state)
{
    kit *k = *state;
    char file[MODELLAB_RUN_ID_BYTES];
    char clip[MODELLAB_RUN_ID_BYTES];
    assert_int_equal(setenv("MODEL_LAB_SHORT_WORKERS", "0", 1), 0);
    pid_t host = kit_start_host(k, &(kit_host){.workers = 1});
    assert_int_equal(unsetenv("MODEL_LAB_SHORT_WORKERS"), 0);
    taken alone = transcribe_clip(k);
    kit_submit_sample(k, TRANSCRIBE, FILE_TIMES, file);
    kit_wait_status(k, file, MODELLAB_RUN_RUNNING);
    kit_submit_start(k, TRANSCRIBE, 3.0, clip);
    kit_sleep_ms(alone.wall_ms < 1500 ? (int)(2 * alone.wall_ms) + 100 : 3100);
    assert_int_equal(kit_status(k, file), MODELLAB_RUN_RUNNING);
    assert_int_equal(kit_status(k, clip), MODELLAB_RUN_QUEUED);
    assert_int_equal(kit_cancel(k, clip), MODELLAB_CANCEL_CANCELLED);
    stop(k, file, host);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {KIT_TEST(a_clip_does_not_wait_for_a_file),
                                       KIT_TEST(without_room_for_short_runs_it_waits)};
    int code = 0;
    if (!kit_begin_with_models(argc, argv, NULL, &code)) {
        return code;
    }
    return kit_end_with_models(cmocka_run_group_tests(tests, NULL, NULL));
}
