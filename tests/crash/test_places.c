/* A run's place in the queue, with real supervisors: holding, releasing, moving, explaining, queue
 * deadlines, limits of running runs, and short runs beside long ones. test_places WORKER HOST */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crash/kit.h"

#define NOOP(ms) "{\"steps\":[\"noop\"],\"labels\":{\"noop_ms\":\"" #ms "\"}}"

static kit k;

static int set_up(void **state)
{
    (void)state;
    kit_open(&k);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    kit_close(&k);
    return 0;
}

static modellab_run_explanation explain(const char *id)
{
    modellab_run_explanation e = {.size = sizeof(e)};
    modellab_error err = MODELLAB_ERROR_INIT;
    if (modellab_run_explain(k.lab, id, &e, NULL, &err) != MODELLAB_OK) {
        fail_msg("not explained: %s", err.message);
    }
    return e;
}

static modellab_run_info info_of(const char *id, char message[256])
{
    modellab_run *run = kit_load(&k, id);
    modellab_run_info info = kit_info(run);
    if (message != NULL) {
        (void)snprintf(message, 256, "%s", info.message);
    }
    modellab_run_unref(run);
    return info; /* its strings are gone */
}

static void what_is_held_does_not_start(void **state)
{
    char held[MODELLAB_RUN_ID_BYTES];
    char other[MODELLAB_RUN_ID_BYTES];
    char text[256];
    modellab_error err = MODELLAB_ERROR_INIT;
    (void)state;
    kit_submit_bare(&k, "{\"steps\":[\"noop\"],\"hold\":true,\"max_queue_seconds\":0.3}", held);
    kit_submit_bare(&k, NOOP(0), other);
    assert_int_equal(info_of(held, text).reason, MODELLAB_REASON_HELD);
    assert_int_equal(explain(held).why, MODELLAB_WAIT_HELD);
    assert_int_equal(explain(other).why, MODELLAB_WAIT_NO_SUPERVISOR);
    assert_int_equal(explain(other).position, 1);
    pid_t host = kit_start_host(&k, &(kit_host){.workers = 2});
    assert_int_equal(kit_wait_final(&k, other), MODELLAB_RUN_COMPLETED);
    kit_sleep_ms(1500); /* its queue deadline does not run, although the supervisor looks */
    assert_int_equal(info_of(held, NULL).status, MODELLAB_RUN_QUEUED);
    assert_int_equal(modellab_run_hold(k.lab, held, &err), MODELLAB_OK); /* once more: nothing */
    assert_int_equal(modellab_run_release(k.lab, held, &err), MODELLAB_OK);
    assert_int_equal(kit_wait_final(&k, held), MODELLAB_RUN_COMPLETED);
    assert_int_equal(kit_count_events(&k, held, "run_held"), 0); /* it was born so */
    assert_int_equal(kit_count_events(&k, held, "run_released"), 1);
    assert_int_equal(modellab_run_hold(k.lab, held, &err), MODELLAB_E_RUN_FINAL);
    assert_int_equal(modellab_run_release(k.lab, held, &err), MODELLAB_E_RUN_FINAL);
    assert_int_equal(modellab_run_set_priority(k.lab, held, 3, &err), MODELLAB_E_RUN_FINAL);
    assert_int_equal(modellab_run_set_priority(k.lab, held, 31, &err), MODELLAB_E_INVALID_ARGUMENT);
    assert_int_equal(modellab_run_hold(k.lab, "01J00000000000000000000000", &err),
                     MODELLAB_E_NOT_FOUND);
    assert_int_equal(explain(held).why, MODELLAB_WAIT_NONE);
    kit_stop_host(&k, host);
}

/* Four runs behind a long one: the last one is put to the head, the third made urgent. */
static void what_is_moved_starts_sooner(void **state)
{
    char busy[MODELLAB_RUN_ID_BYTES];
    char ids[4][MODELLAB_RUN_ID_BYTES];
    int64_t starts[4];
    modellab_error err = MODELLAB_ERROR_INIT;
    (void)state;
    kit_submit_bare(&k, NOOP(600000), busy);
    pid_t host = kit_start_host(&k, &(kit_host){.workers = 1});
    kit_wait_status(&k, busy, MODELLAB_RUN_RUNNING);
    assert_int_equal(modellab_run_hold(k.lab, busy, &err), MODELLAB_E_STATE);
    assert_int_equal(modellab_run_set_priority(k.lab, busy, 3, &err), MODELLAB_E_STATE);
    assert_int_equal(explain(busy).why, MODELLAB_WAIT_NONE);
    for (size_t i = 0; i < 4; i++) {
        kit_submit_bare(&k, NOOP(20), ids[i]);
        kit_sleep_ms(2);
    }
    assert_int_equal(explain(ids[3]).position, 4);
    assert_int_equal(explain(ids[3]).why, MODELLAB_WAIT_BEHIND);
    assert_int_equal(explain(ids[0]).why, MODELLAB_WAIT_NEXT);
    assert_int_equal(explain(ids[0]).workers, 1);
    assert_int_equal(modellab_run_set_priority(k.lab, ids[3], MODELLAB_PRIORITY_HEAD, &err),
                     MODELLAB_OK);
    assert_int_equal(modellab_run_set_priority(k.lab, ids[2], MODELLAB_PRIORITY_URGENT, &err),
                     MODELLAB_OK);
    assert_int_equal(explain(ids[3]).position, 1);
    assert_int_equal(explain(ids[2]).position, 2);
    assert_int_equal(explain(ids[1]).position, 4);
    (void)kit_cancel(&k, busy);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(kit_wait_final(&k, ids[i]), MODELLAB_RUN_COMPLETED);
        starts[i] = info_of(ids[i], NULL).started_ms;
    }
    assert_true(starts[3] <= starts[2] && starts[2] <= starts[0] && starts[0] <= starts[1]);
    assert_int_equal(kit_count_events(&k, ids[3], "run_moved"), 1);
    kit_stop_host(&k, host);
}

/* Two supervisors, all workers busy: one run waits too long and is ended once, one waits. */
static void who_waits_too_long_is_ended(void **state)
{
    char busy[2][MODELLAB_RUN_ID_BYTES];
    char late[MODELLAB_RUN_ID_BYTES];
    char patient[MODELLAB_RUN_ID_BYTES];
    char text[256];
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        kit_submit_bare(&k, NOOP(600000), busy[i]);
    }
    pid_t first = kit_start_host(&k, &(kit_host){.workers = 1});
    pid_t second = kit_start_host(&k, &(kit_host){.workers = 1});
    kit_wait_status(&k, busy[0], MODELLAB_RUN_RUNNING);
    kit_wait_status(&k, busy[1], MODELLAB_RUN_RUNNING);
    kit_submit_bare(&k, "{\"steps\":[\"noop\"],\"max_queue_seconds\":0.5}", late);
    kit_submit_bare(&k, "{\"steps\":[\"noop\"],\"max_queue_seconds\":600}", patient);
    assert_true(explain(patient).queue_until_ms > 0); /* the other may have ended by now */
    assert_int_equal(kit_wait_final(&k, late), MODELLAB_RUN_TIMEOUT);
    modellab_run_info info = info_of(late, text);
    assert_int_equal(info.reason, MODELLAB_REASON_QUEUE_TIMEOUT);
    assert_string_equal(text, "Run timed out in the queue after 0.5 seconds");
    assert_int_equal(info.attempt, 0);
    assert_true(info.ended_ms - info.created_ms >= 500);
    assert_int_equal(kit_count_events(&k, late, "run_timeout"), 1);
    (void)kit_cancel(&k, busy[0]);
    assert_int_equal(kit_wait_final(&k, patient), MODELLAB_RUN_COMPLETED);
    assert_int_equal(kit_wait_final(&k, busy[0]), MODELLAB_RUN_CANCELLED);
    (void)kit_cancel(&k, busy[1]);
    assert_int_equal(kit_wait_final(&k, busy[1]), MODELLAB_RUN_CANCELLED);
    kit_stop_host(&k, first);
    kit_stop_host(&k, second);
}

/* Most runs of the same time, by their recorded starts and ends. */
static int most_at_once(char ids[][MODELLAB_RUN_ID_BYTES], size_t count)
{
    int most = 0;
    for (size_t i = 0; i < count; i++) {
        int here = 0;
        int64_t at = info_of(ids[i], NULL).started_ms;
        for (size_t j = 0; j < count; j++) {
            modellab_run_info other = info_of(ids[j], NULL);
            here += other.started_ms <= at && other.ended_ms > at;
        }
        most = here > most ? here : most;
    }
    return most;
}

static void run_twelve(char ids[12][MODELLAB_RUN_ID_BYTES], int each_ms)
{
    pid_t hosts[3];
    for (size_t i = 0; i < 12; i++) {
        char request[128];
        (void)snprintf(request, sizeof(request),
                       "{\"steps\":[\"noop\"],\"user\":\"%s\",\"labels\":{\"noop_ms\":\"%d\"}}",
                       i % 2 == 0 ? "ann" : "bob", each_ms);
        kit_submit_bare(&k, request, ids[i]);
    }
    for (size_t i = 0; i < 3; i++) {
        hosts[i] = kit_start_host(&k, &(kit_host){.workers = 2});
    }
    for (size_t i = 0; i < 12; i++) {
        assert_int_equal(kit_wait_final(&k, ids[i]), MODELLAB_RUN_COMPLETED);
    }
    for (size_t i = 0; i < 3; i++) {
        kit_stop_host(&k, hosts[i]);
    }
}

static void limits_hold_over_supervisors(void **state)
{
    char ids[12][MODELLAB_RUN_ID_BYTES];
    char ann[6][MODELLAB_RUN_ID_BYTES];
    int each_ms = 60, most = 0;
    (void)state;
    /* Without limits: else the rest shows nothing. Where supervisors start slowly, longer runs. */
    for (; most <= 2 && each_ms <= 60000; each_ms *= 5) {
        run_twelve(ids, each_ms);
        most = most_at_once(ids, 12);
    }
    assert_true(most > 2);
    each_ms /= 5;
    assert_int_equal(setenv("MODEL_LAB_MAX_RUNNING_PER_USER", "1", 1), 0);
    run_twelve(ids, each_ms);
    assert_int_equal(unsetenv("MODEL_LAB_MAX_RUNNING_PER_USER"), 0);
    for (size_t i = 0; i < 6; i++) {
        memcpy(ann[i], ids[2 * i], sizeof(ann[i]));
    }
    assert_int_equal(most_at_once(ann, 6), 1);
    assert_true(most_at_once(ids, 12) <= 2);
    assert_int_equal(setenv("MODEL_LAB_MAX_RUNNING", "1", 1), 0);
    run_twelve(ids, each_ms);
    assert_int_equal(unsetenv("MODEL_LAB_MAX_RUNNING"), 0);
    assert_int_equal(most_at_once(ids, 12), 1);
}

/* One worker, taken by a long run: a clip does not wait for it, another long one does. */
static void a_short_run_does_not_wait_for_a_long_one(void **state)
{
    char length[MODELLAB_RUN_ID_BYTES];
    char later[MODELLAB_RUN_ID_BYTES];
    char clip[MODELLAB_RUN_ID_BYTES];
    (void)state;
    kit_submit(&k, NOOP(600000), 600, length); /* ten minutes of audio */
    pid_t host = kit_start_host(&k, &(kit_host){.workers = 1});
    kit_wait_status(&k, length, MODELLAB_RUN_RUNNING);
    assert_int_equal(explain(length).is_short, 0);
    kit_submit(&k, NOOP(10), 600, later);
    kit_submit(&k, NOOP(10), 3, clip);
    assert_int_equal(explain(clip).is_short, 1);
    assert_int_equal(kit_wait_final(&k, clip), MODELLAB_RUN_COMPLETED);
    assert_int_equal(info_of(length, NULL).status, MODELLAB_RUN_RUNNING);
    assert_int_equal(info_of(later, NULL).status, MODELLAB_RUN_QUEUED);
    (void)kit_cancel(&k, length);
    assert_int_equal(kit_wait_final(&k, later), MODELLAB_RUN_COMPLETED);
    assert_true(info_of(later, NULL).started_ms >= info_of(length, NULL).ended_ms);
    kit_stop_host(&k, host);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_held_does_not_start, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_moved_starts_sooner, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_waits_too_long_is_ended, set_up, tear_down),
        cmocka_unit_test_setup_teardown(limits_hold_over_supervisors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_short_run_does_not_wait_for_a_long_one, set_up,
                                        tear_down),
    };
    if (!kit_arguments(argc, argv, 0) || setenv("MODEL_LAB_TESTING", "1", 1) != 0) {
        return 2;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
