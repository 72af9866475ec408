/* Webhooks on a clock and a network of the test: which events make deliveries and for whom, none is
 * lost or made twice whatever fails between two steps, growing delays, order, the end of a dead
 * one; what goes out is signed and carries the ids of its run. */
#include "base/json.h"
#include "unit/failing_alloc.h"
#include "unit/lab/webhook_kit.h"
#include <string.h>

static const char *type_of(int call)
{
    static char text[64];
    const char *at = strstr(peer.bodies[call], "\"type\":\"");

    assert_non_null(at);
    (void)snprintf(text, sizeof text, "%.*s", (int)strcspn(at + 8, "\""), at + 8);
    return text;
}

static modellab_status parse(const char *text, mli_json **out, modellab_error *err)
{
    return mli_json_parse(text, strlen(text), 4096, out, err);
}

static void who_is_told_of_what(void **state)
{
    char id[MLI_ULID_BYTES];

    (void)state;
    run(1, "ann"); /* before anybody asked */
    hook(NULL, "ann", false, id);
    assert_int_equal(-1, round_of());
    assert_int_equal(0, peer.calls);
    run(2, "ann");
    run(3, "bob");
    assert_int_equal(-1, round_of());
    assert_int_equal(1, peer.calls); /* the end of her run alone */
    assert_string_equal("run_cancelled", type_of(0));
    assert_non_null(strstr(peer.bodies[0], id_of(2)));
    assert_string_equal("Modellab-Event: run_cancelled", peer.headers[1]);
    assert_memory_equal("Modellab-Delivery: ", peer.headers[2], 19);
    assert_string_equal("X-Request-Id: req-7", peer.headers[3]);
    assert_memory_equal("traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-", peer.headers[4], 49);
    hook("run_queued,run_cancelled", NULL, true, id);
    peer.secret[0] = '\0'; /* two secrets from here on */
    run(4, "bob");
    assert_int_equal(-1, round_of());
    assert_int_equal(3, peer.calls);
    assert_string_equal("run_queued", type_of(1)); /* in their order */
    assert_string_equal("run_cancelled", type_of(2));
    hook("run_queued", "", false, id); /* runs of nobody */
    peer.secret[0] = '\0';
    run(5, "carl");
    peer.calls = 0;
    assert_int_equal(-1, round_of());
    assert_int_equal(2, peer.calls);
    mli_json *body = NULL; /* what goes out is JSON */
    ASSERT_OK(parse(peer.bodies[0], &body, err));
    mli_json_free(body);
}

/* Who dies between two steps has lost nothing: the next one goes on. */
static void nothing_is_lost_and_nothing_twice(void **state)
{
    mli_delivery_list *taken = NULL;
    int64_t next_ms = 0;
    char id[MLI_ULID_BYTES];

    (void)state;
    hook(NULL, NULL, true, id);
    for (int i = 1; i <= 3; i++)
        run(i, "ann");
    ASSERT_OK(mli_webhook_gather(lab, NULL, NULL, err));
    ASSERT_OK(mli_webhook_gather(lab, NULL, NULL, err)); /* again: no second ones */
    const int64_t now_ms = mli_lab_now_ms(lab);
    ASSERT_OK(
        mli_store_delivery_take(lab->store, now_ms, now_ms + 30000, false, &taken, &next_ms, err));
    assert_int_equal(1, taken->count); /* and he who took it dies here */
    mli_delivery_list_free(taken);
    assert_int_equal(30000, round_of()); /* nobody overtakes it meanwhile */
    assert_int_equal(0, peer.calls);
    now_ns += 30000 * (int64_t)1000000;
    assert_int_equal(-1, round_of());
    assert_int_equal(3, peer.calls);
    for (int i = 0; i < 3; i++)
        assert_non_null(strstr(peer.bodies[i], id_of(i + 1)));
    assert_int_equal(-1, round_of());
    assert_int_equal(3, peer.calls);
}

/* A cursor that another process has moved in between. */
static void two_who_gather(void **state)
{
    mli_webhook_list *hooks = NULL;
    const mli_delivery_row row = {.id = "x", .kind = "run_queued", .event_seq = 1};
    bool moved = true;
    char id[MLI_ULID_BYTES];

    (void)state;
    hook(NULL, NULL, true, id);
    run(1, "ann");
    ASSERT_OK(mli_store_webhooks(lab->store, NULL, true, &hooks, err));
    assert_int_equal(1, hooks->count);
    ASSERT_OK(mli_webhook_gather(lab, NULL, NULL, err));
    ASSERT_OK(
        mli_store_deliveries_put(lab->store, id, hooks->rows[0].cursor, 2, &row, 1, &moved, err));
    assert_false(moved);
    mli_webhook_list_free(hooks);
    assert_int_equal(-1, round_of());
    assert_int_equal(1, peer.calls);
}

static modellab_delivery_list *deliveries(const char *id)
{
    modellab_delivery_list *list = NULL;
    ASSERT_OK(mli_delivery_list_load(lab, id, NULL, NULL, 100, &list, err));
    return list;
}

static void growing_delays(void **state)
{
    char id[MLI_ULID_BYTES];
    int64_t least = 10000;

    (void)state;
    hook(NULL, NULL, true, id);
    run(1, "ann");
    run(2, "ann");
    peer.answer = 500;
    for (int attempt = 1; attempt < 4; attempt++) {
        const int64_t next_ms = round_of();
        assert_int_equal(attempt, peer.calls);
        assert_true(next_ms >= least && next_ms <= least + least / 10 + 1);
        assert_int_equal(next_ms, round_of()); /* not earlier, and no other one of it */
        assert_int_equal(attempt, peer.calls);
        now_ns += next_ms * 1000000;
        least *= 2;
    }
    peer.answer = 204; /* the last attempt arrives */
    assert_int_equal(-1, round_of());
    assert_int_equal(5, peer.calls);
    modellab_delivery_list *list = deliveries(id);
    assert_int_equal(2, list->rows->count);
    assert_int_equal(MLI_DELIVERY_DONE, list->rows->rows[1].state);
    assert_int_equal(4, list->rows->rows[1].attempts);
    assert_int_equal(204, list->rows->rows[1].http_status);
    mli_delivery_list_unref(list);
    assert_int_equal(10000, mli_webhook_delay_ms(&settings, 1));
    assert_int_equal(3600000, mli_webhook_delay_ms(&settings, 19));
}

static int64_t until_quiet(int most)
{
    int64_t next_ms = 0;

    for (int i = 0; i < most && next_ms >= 0; i++) {
        next_ms = round_of();
        now_ns += next_ms > 0 ? next_ms * 1000000 : 0;
    }
    return next_ms;
}

/* Three deliveries with all their attempts: then it is disabled, what waits goes with it, and it
 * works again from now on when somebody says so. */
static void a_dead_one_is_disabled(void **state)
{
    char id[MLI_ULID_BYTES], delivery[MLI_ULID_BYTES];

    (void)state;
    hook(NULL, NULL, true, id);
    for (int i = 1; i <= 6; i++)
        run(i, "ann");
    peer.answer = 0;
    assert_int_equal(-1, until_quiet(100));
    assert_int_equal(3 * 4, peer.calls);
    assert_true(look(id).disabled_ms > 0);
    assert_int_equal(3, look(id).failures);
    modellab_delivery_list *list = deliveries(id);
    assert_int_equal(6, list->rows->count);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(MLI_DELIVERY_FAILED, list->rows->rows[i].state);
    assert_string_equal("it could not be reached", list->rows->rows[5].message);
    assert_string_equal("the webhook was disabled", list->rows->rows[0].message);
    mli_delivery_list_unref(list);
    ASSERT_FAILS(MODELLAB_E_STATE, mli_webhook_test(lab, id, delivery, err));
    run(7, "ann");
    assert_int_equal(-1, round_of());
    ASSERT_OK(mli_store_webhook_enable(lab->store, id, err));
    peer.answer = 200;
    peer.calls = 0;
    run(8, "ann");
    assert_int_equal(-1, until_quiet(100));
    assert_int_equal(1, peer.calls); /* what happened while it was disabled is not told */
    assert_non_null(strstr(peer.bodies[0], id_of(8)));
    assert_int_equal(0, look(id).failures);
}

/* One message that the other side never takes does not stop the others. */
static void one_that_is_never_taken(void **state)
{
    char id[MLI_ULID_BYTES];

    (void)state;
    hook(NULL, NULL, true, id);
    run(1, "ann");
    run(2, "ann");
    peer.answer = 400;
    for (int attempt = 1; attempt <= 4; attempt++) {
        int64_t next_ms = 0;
        assert_int_equal(attempt - 1, peer.calls);
        ASSERT_OK(mli_webhook_round(lab, &settings, &memory, NULL, &next_ms, err));
        now_ns += next_ms > 0 ? next_ms * 1000000 : 0;
    }
    assert_int_equal(5, peer.calls); /* four of the first, one of the second */
    assert_int_equal(1, look(id).failures);
    peer.answer = 200;
    assert_int_equal(-1, until_quiet(10));
    assert_int_equal(0, look(id).failures);
    assert_int_equal(-1, look(id).disabled_ms);
}

static void answers(void **state)
{
    char id[MLI_ULID_BYTES], delivery[MLI_ULID_BYTES];

    (void)state;
    hook(NULL, NULL, true, id);
    ASSERT_OK(mli_webhook_test(lab, id, delivery, err));
    peer.answer = 302;
    assert_true(round_of() >= 10000);
    modellab_delivery_list *list = deliveries(id);
    assert_string_equal("it redirects, which is not followed", list->rows->rows[0].message);
    assert_string_equal("test", list->rows->rows[0].kind);
    assert_int_equal(MLI_DELIVERY_WAITING, list->rows->rows[0].state);
    mli_delivery_list_unref(list);
    now_ns += (int64_t)11001 * 1000000;
    peer.answer = 503;
    peer.retry_after_ms = 120000; /* it says when */
    assert_true(round_of() >= 120000);
    now_ns += (int64_t)132001 * 1000000;
    peer.answer = 410; /* gone: at once */
    assert_int_equal(-1, round_of());
    assert_true(look(id).disabled_ms > 0);
    ASSERT_FAILS(MODELLAB_E_NOT_FOUND, mli_webhook_test(lab, "x", delivery, err));
}

static void what_is_refused(void **state)
{
    static const char *const urls[] = {NULL, "ftp://x.example", "https://127.0.0.1/",
                                       "https://[::1]/", "http://hooks.example.com/"};
    modellab_webhook_options options = MODELLAB_WEBHOOK_OPTIONS_INIT;
    char id[MLI_ULID_BYTES], secret[MODELLAB_WEBHOOK_SECRET_MAX + 1];
    modellab_error error = MODELLAB_ERROR_INIT;

    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        options.url = urls[i];
        assert_int_not_equal(MODELLAB_OK,
                             mli_webhook_create(lab, &settings, &options, id, secret, &error));
    }
    options.url = "https://hooks.example.com/";
    options.events = "run_completed, run_complete";
    ASSERT_FAILS(MODELLAB_E_INVALID_ARGUMENT,
                 mli_webhook_create(lab, &settings, &options, id, secret, err));
    options.events = NULL;
    options.secret = "short";
    ASSERT_FAILS(MODELLAB_E_INVALID_ARGUMENT,
                 mli_webhook_create(lab, &settings, &options, id, secret, err));
    assert_int_equal(0, peer.calls);
}

/* Without memory at any one place: an error, and then all arrives, once. */
static void memory_runs_out(void **state)
{
    char id[MLI_ULID_BYTES];

    (void)state;
    mli_lab_unref(lab);
    failing_alloc failing = {.fail_at = -1};
    const modellab_allocator alloc = failing_alloc_table(&failing);
    lab = open_lab(&folder, &alloc, &tables, 0);
    hook(NULL, NULL, true, id);
    run(1, "ann");
    modellab_status status = MODELLAB_E_NO_MEMORY;
    for (int n = 0; status != MODELLAB_OK && n < 200; n++) {
        modellab_error err = MODELLAB_ERROR_INIT;
        int64_t next_ms = 0;
        failing.calls = 0;
        failing.fail_at = n;
        status = mli_webhook_round(lab, &settings, &memory, NULL, &next_ms, &err);
        failing.fail_at = -1;
        now_ns += (int64_t)31000 * 1000000; /* what was taken is free again */
        assert_true(status == MODELLAB_OK || status == MODELLAB_E_NO_MEMORY);
    }
    assert_int_equal(MODELLAB_OK, status);
    assert_true(peer.calls >= 1); /* more than once where the end could not be written */
    for (int i = 1; i < peer.calls; i++)
        assert_string_equal(peer.bodies[0], peer.bodies[i]);
    mli_lab_unref(lab);
    assert_int_equal(0, failing.live);
    lab = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_is_told_of_what, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_lost_and_nothing_twice, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_who_gather, set_up, tear_down),
        cmocka_unit_test_setup_teardown(growing_delays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_dead_one_is_disabled, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_is_never_taken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(answers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(memory_runs_out, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
