/* The sender of webhooks: what it remembers of events that nobody is told of, and its threads with
 * receivers that hang. */
#include "base/error.h"
#include "base/str.h"
#include "unit/lab/webhook_kit.h"
#include <pthread.h>
#include <time.h>

static int64_t cursor_of(const char *id)
{
    return look(id).cursor;
}

/* Events that nobody is told of move no cursor, until they are many; who has no memory of having
 * looked at them looks again, and what fits is told once, by whichever of two processes. */
static void events_that_do_not_fit(void **state)
{
    mli_webhook_memory other;
    int64_t next_ms = 0, end = 0;
    char id[MLI_ULID_BYTES];

    (void)state;
    hook(NULL, "ann", false, id);
    const int64_t first = cursor_of(id);
    for (int i = 1; i <= 120; i++) /* more than a page */
        run(i, "bob");
    assert_int_equal(-1, round_of());
    assert_int_equal(first, cursor_of(id));
    ASSERT_OK(mli_store_feed_end(lab->store, &end, err));
    assert_int_equal(end, memory.end);
    assert_int_equal(end, memory.items[0].looked);
    mli_webhook_memory_init(&other, NULL); /* a second process, from the store's cursor on */
    run(121, "ann");
    ASSERT_OK(mli_webhook_gather(lab, &other, NULL, err));
    assert_int_equal(-1, round_of()); /* the first one was overtaken */
    assert_int_equal(1, peer.calls);
    assert_true(cursor_of(id) > end);
    run(122, "ann");
    assert_int_equal(-1, round_of());
    run(123, "ann");
    ASSERT_OK(mli_webhook_round(lab, &settings, &other, NULL, &next_ms, err));
    assert_int_equal(-1, round_of());
    assert_int_equal(3, peer.calls);
    for (int i = 0; i < 3; i++)
        assert_non_null(strstr(peer.bodies[i], id_of(121 + i)));
    const int64_t told = cursor_of(id);
    for (int i = 124; i < 124 + 510; i++) /* two events each: far behind */
        run(i, "bob");
    assert_int_equal(-1, round_of());
    assert_true(cursor_of(id) >= told + 1000);
    mli_webhook_memory_dispose(&other);
}

/* Receivers that take a delivery and do not answer, for the sender's own threads. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool answer;           /* those that hang answer now, with 500 */
    int hanging, answered; /* deliveries to them that are on their way */
    int same;              /* most on their way to one address */
    int on_way[64], calls[64], fresh;
} tarpit = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static modellab_status hang(void *user, const mli_http_post_request *request,
                            mli_http_post_answer *answer, mli_buf *out, modellab_error *why)
{
    int64_t number = 0;

    (void)user;
    (void)out;
    const char *at = strstr(request->url, "/tarpit/");
    *answer = (mli_http_post_answer){.status = 200, .retry_after_ms = -1};
    pthread_mutex_lock(&tarpit.lock);
    if (at == NULL) {
        tarpit.fresh++;
    } else if (mli_parse_i64(at + 8, 0, 63, &number)) {
        tarpit.calls[number]++;
        tarpit.hanging++;
        if (++tarpit.on_way[number] > tarpit.same)
            tarpit.same = tarpit.on_way[number];
        pthread_cond_broadcast(&tarpit.changed);
        while (!tarpit.answer && !mli_cancelled(request->cancel)) {
            struct timespec soon;
            (void)clock_gettime(CLOCK_REALTIME, &soon);
            soon.tv_nsec += 5000000;
            soon.tv_sec += soon.tv_nsec / 1000000000;
            soon.tv_nsec %= 1000000000;
            (void)pthread_cond_timedwait(&tarpit.changed, &tarpit.lock, &soon);
        }
        tarpit.on_way[number]--;
        tarpit.hanging--;
        tarpit.answered++;
        answer->status = mli_cancelled(request->cancel) ? 0 : 500;
    }
    pthread_cond_broadcast(&tarpit.changed);
    pthread_mutex_unlock(&tarpit.lock);
    if (answer->status != 0)
        return MODELLAB_OK;
    return mli_fail(why, MODELLAB_E_CANCELLED, "cancelled");
}

static void hook_at(const char *url, char id[MLI_ULID_BYTES])
{
    modellab_webhook_options options = MODELLAB_WEBHOOK_OPTIONS_INIT;
    char secret[MODELLAB_WEBHOOK_SECRET_MAX + 1];

    options.url = url;
    options.user = "ann";
    ASSERT_OK(mli_webhook_create(lab, &settings, &options, id, secret, err));
}

/* Waits, with patience, until `*value` is at least `least`; under the lock. */
static void until(const int *value, int least)
{
    struct timespec end;

    (void)clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += 120;
    while (*value < least) {
        if (pthread_cond_timedwait(&tarpit.changed, &tarpit.lock, &end) != 0)
            fail_msg("%d of %d", *value, least);
    }
}

/* However many receivers hang: one that has always answered is told, and no webhook has two
 * deliveries on their way. */
static void those_that_hang_do_not_hold_up_others(void **state)
{
    enum { TARPITS = 20 };
    static const mli_webhook_settings hanging = {.attempts = 20, .base_ms = 1, .post = hang};
    modellab_webhook_sender *sender = NULL;
    char id[MLI_ULID_BYTES], url[64];

    (void)state;
    memset(tarpit.calls, 0, sizeof tarpit.calls);
    tarpit.same = tarpit.fresh = tarpit.answered = 0;
    tarpit.answer = false;
    for (int i = 0; i < TARPITS; i++) {
        (void)snprintf(url, sizeof url, "https://hooks.example.com/tarpit/%d", i);
        hook_at(url, id);
    }
    run(1, "ann");
    run(2, "ann"); /* a second one waits behind each */
    ASSERT_OK(mli_webhook_sender_start_with(lab, &hanging, &sender, err));
    pthread_mutex_lock(&tarpit.lock);
    until(&tarpit.hanging, MLI_WEBHOOK_AT_ONCE); /* nobody knows yet that they hang */
    tarpit.answer = true;
    for (int i = 0; i < TARPITS; i++)
        until(&tarpit.calls[i], 1);
    until(&tarpit.answered, TARPITS);
    assert_int_equal(0, tarpit.hanging);
    tarpit.answer = false; /* from now on it is known */
    pthread_mutex_unlock(&tarpit.lock);
    atomic_fetch_add(&now_ns, (int64_t)60 * 1000000000); /* all of them are due */
    pthread_mutex_lock(&tarpit.lock);
    until(&tarpit.hanging, MLI_WEBHOOK_DOUBTFUL);
    pthread_mutex_unlock(&tarpit.lock);
    hook_at("https://hooks.example.com/fine", id);
    for (int i = 3; i <= 7; i++)
        run(i, "ann");
    pthread_mutex_lock(&tarpit.lock);
    until(&tarpit.fresh, 5); /* while they hang */
    assert_int_equal(MLI_WEBHOOK_DOUBTFUL, tarpit.hanging);
    assert_int_equal(1, tarpit.same);
    pthread_mutex_unlock(&tarpit.lock);
    mli_webhook_sender_stop(sender); /* breaks them off */
    assert_int_equal(0, tarpit.hanging);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(events_that_do_not_fit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(those_that_hang_do_not_hold_up_others, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
