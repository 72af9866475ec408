/* Calls of a remote service under the caps of a run's user and beside the cost of computing, with
 * real workers and weights: more is held when a call needs it, what was paid stays within the cap,
 * and a call whose end nobody told counts.
 * test_remote_caps WORKER HOST */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crash/kit.h"
#include "unit/remote/chat_script.h"

#define SUMMARY                                                                                    \
    "{\"model\":\"m\",\"choices\":[{\"message\":{\"content\":\"{\\\"text\\\":\\\"They say "        \
    "hello.\\\"}\"},\"finish_reason\":\"stop\"}]}"
#define REQUEST(more)                                                                              \
    "{\"steps\":[\"summary\"],\"user\":\"ann\",\"config\":{\"summary\":{\"provider\":\"remote\"}}" \
    "" more "}"

static script service;

static int set_up(void **state)
{
    (void)unsetenv("MODEL_LAB_PRICE_SHEET"); /* of a test that failed */
    return kit_set_up(state);
}

/* The first answer, then the second for ever. */
static void start_service(reply first, reply then)
{
    char url[64];
    const reply replies[] = {first, then};
    script_start(&service, replies, 2);
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/v1", service.port);
    assert_int_equal(setenv("MODEL_LAB_REMOTE_URL", url, 1), 0);
    assert_int_equal(setenv("MODEL_LAB_REMOTE_MODEL", "tiny-chat", 1), 0);
}

static const reply busy = {503, "", "", 0, 0, false}, good = {200, "", SUMMARY, 0, 0, false};

static void set_prices(kit *k, const char *prices)
{
    char path[512], sheet[256];
    int bytes =
        snprintf(sheet, sizeof(sheet),
                 "{\"version\":1,\"id\":\"p\",\"currency\":\"USD\",\"prices\":{%s}}", prices);
    (void)snprintf(path, sizeof(path), "%s/prices.json", k->root);
    kit_write_bytes(path, sheet, (size_t)bytes);
    assert_int_equal(setenv("MODEL_LAB_PRICE_SHEET", path, 1), 0);
    kit_reopen(k);
}

static void cap(const kit *k, const char *measure, const char *value)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    if (modellab_user_cap_set(k->lab, "ann", measure, "day", value, &err) != MODELLAB_OK) {
        fail_msg("%s", err.message);
    }
}

static modellab_run *execute(kit *k, const char *request, int requests)
{
    char id[MODELLAB_RUN_ID_BYTES];
    kit_submit_start(k, request, 12.0, id);
    modellab_run *run = kit_execute(k, NULL, id);
    script_stop(&service);
    if (service.requests != requests) {
        fail_msg("%d requests: %s", service.requests, kit_info(run).message);
    }
    return run;
}

static void expect_completed(modellab_run *run)
{
    if (kit_info(run).status != MODELLAB_RUN_COMPLETED) {
        fail_msg("%s", kit_info(run).message);
    }
    modellab_run_unref(run);
}

/* The forecast has one call; the try after it is held when it is needed. */
static void a_user_with_room_for_more_calls(void **state)
{
    kit *k = *state;
    cap(k, "api_calls", "2");
    start_service(busy, good);
    expect_completed(execute(k, REQUEST(""), 2));
}

static void a_user_without_room_for_more_calls(void **state)
{
    kit *k = *state;
    cap(k, "api_calls", "1");
    start_service(busy, good);
    modellab_run *run = execute(k, REQUEST(""), 1);
    assert_int_equal(kit_info(run).reason, MODELLAB_REASON_API_CALLS_CAP);
    modellab_run_unref(run);
}

/* Computing costs little here, calls much: four of them are more than was held. */
static void a_user_with_room_for_more_money(void **state)
{
    kit *k = *state;
    set_prices(k, "\"cpu_second\":\"0.000001\",\"api_call\":\"0.01\"");
    cap(k, "cost", "0.1");
    start_service(busy, good);
    expect_completed(execute(k, REQUEST(""), 2));
}

/* Tries cost what their sum costs, rounded once: two of half a millionth each are one. */
static void calls_of_less_than_a_millionth(void **state)
{
    kit *k = *state;
    set_prices(k, "\"api_call\":\"0.0000005\"");
    start_service(busy, good);
    expect_completed(execute(k, REQUEST(",\"caps\":{\"cost_micros\":1}"), 2));
}

/* Its worker dies before it could tell of the end of its call, which is there to be paid. */
static void a_call_whose_end_nobody_told(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    set_prices(k, "\"api_call\":\"0.01\"");
    start_service((reply){200, "", SUMMARY, 600000, 0, false}, good);
    kit_submit_start(k, REQUEST(",\"retry\":{\"max_attempts\":1}"), 12.0, id);
    pid_t host = kit_start_host(k, &(kit_host){0});
    for (int i = 0; service.requests == 0; i++) {
        assert_true(i < KIT_PATIENCE_MS / 5);
        kit_sleep_ms(5);
    }
    assert_int_equal(kill(kit_worker_pid(k, id), SIGKILL), 0);
    (void)kit_wait_final(k, id);
    kit_stop_host(k, host);
    script_stop(&service);
    modellab_run *run = kit_load(k, id);
    kit_expect_json(run, "\"api_calls\":1");
    kit_expect_json(run, "\"cost\":{\"micros\":10000");
    modellab_run_unref(run);
}

#define REMOTE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, kit_tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        REMOTE_TEST(a_user_with_room_for_more_calls),
        REMOTE_TEST(a_user_without_room_for_more_calls),
        REMOTE_TEST(a_user_with_room_for_more_money),
        REMOTE_TEST(calls_of_less_than_a_millionth),
        REMOTE_TEST(a_call_whose_end_nobody_told),
    };
    int code = 0;
    if (!kit_begin_with_models(argc, argv, NULL, &code)) {
        return code;
    }
    return kit_end_with_models(cmocka_run_group_tests(tests, NULL, NULL));
}
