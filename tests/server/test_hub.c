/* The hub of events where a client leaves at the worst moments: before it has joined, at once
 * behind that, twice. Its taker is released in any case, and nothing is called behind that. */
#include "hub.h"
#include "server.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

modellab_logger *server_log(void)
{
    return NULL;
}

typedef struct taker_state {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool gone;
    int asked, released;
} taker_state;

static modellab_lab *lab;
static void (*while_one_joins)(void); /* called once */

static bool take_event(void *user, const modellab_event_info *event, const char *json, size_t bytes)
{
    (void)user;
    (void)event;
    (void)json;
    (void)bytes;
    return true;
}

static bool take_idle(void *user)
{
    (void)user;
    return true;
}

static size_t waiting(void *user)
{
    (void)user;
    return 0;
}

static bool is_gone(void *user)
{
    taker_state *one = user;
    void (*then)(void) = while_one_joins;
    while_one_joins = NULL;
    if (then != NULL)
        then();
    (void)pthread_mutex_lock(&one->lock);
    one->asked++;
    bool gone = one->gone;
    (void)pthread_mutex_unlock(&one->lock);
    return gone;
}

static void release(void *user)
{
    taker_state *one = user;
    (void)pthread_mutex_lock(&one->lock);
    one->released++;
    (void)pthread_cond_signal(&one->changed);
    (void)pthread_mutex_unlock(&one->lock);
}

static const hub_taker taker = {take_event, take_idle, waiting, NULL, is_gone, release};

static void await_release(taker_state *one)
{
    struct timespec until;
    int rc = 0;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 60; /* patience, not a measure */
    (void)pthread_mutex_lock(&one->lock);
    while (one->released == 0 && rc == 0)
        rc = pthread_cond_timedwait(&one->changed, &one->lock, &until);
    (void)pthread_mutex_unlock(&one->lock);
    assert_int_equal(1, one->released);
}

static void state_init(taker_state *one)
{
    *one = (taker_state){.gone = false};
    assert_int_equal(0, pthread_mutex_init(&one->lock, NULL));
    assert_int_equal(0, pthread_cond_init(&one->changed, NULL));
}

static void join(taker_state *one, int64_t number)
{
    const hub_wish wish = {.after = 0};
    assert_true(hub_join(lab, number, &wish, &taker, one));
}

/* The hub has looked at what there was: another one has come and gone. */
static void pass(void)
{
    taker_state other;
    int64_t number = hub_number();
    state_init(&other);
    join(&other, number);
    hub_leave(number);
    await_release(&other);
}

static void test_leaves_before_it_joins(void **state)
{
    static taker_state stays; /* until the hub stops */
    taker_state one;
    (void)state;
    state_init(&stays);
    join(&stays, hub_number()); /* the hub never sleeps on its own condition from here on */
    for (int i = 0; i < 100; i++) {
        int64_t number = hub_number();
        state_init(&one);
        one.gone = true; /* as a stream is, or a socket */
        hub_leave(number);
        if (i % 2 == 0)
            pass(); /* and the hub has forgotten that */
        join(&one, number);
        await_release(&one);
    }
    assert_int_equal(0, stays.released);
}

static void test_leaves_at_once(void **state)
{
    taker_state one;
    (void)state;
    for (int i = 0; i < 100; i++) {
        int64_t number = hub_number();
        state_init(&one);
        join(&one, number);
        hub_leave(number);
        hub_leave(number);
        await_release(&one);
        hub_leave(number); /* long gone */
    }
}

static taker_state second;

static void join_and_leave(void)
{
    int64_t number = hub_number();
    join(&second, number);
    hub_leave(number);
}

static void test_leaves_while_another_joins(void **state)
{
    taker_state one;
    int64_t number = hub_number();
    (void)state;
    state_init(&one);
    state_init(&second);
    while_one_joins = join_and_leave;
    join(&one, number);
    await_release(&second);
    hub_leave(number);
    await_release(&one);
}

static void test_the_hub_stops(void **state)
{
    taker_state one;
    const hub_wish wish = {.after = 0};
    (void)state;
    state_init(&one);
    join(&one, hub_number());
    hub_stop();
    assert_int_equal(1, one.released);
    assert_false(hub_join(lab, hub_number(), &wish, &taker, &one));
    assert_int_equal(1, one.released);
}

static int open_lab(void **state)
{
    static char folder[256];
    const char *base = getenv("TMPDIR");
    modellab_error err = MODELLAB_ERROR_INIT;
    (void)state;
    (void)snprintf(folder, sizeof folder, "%s/modellab-hub-XXXXXX", base != NULL ? base : "/tmp");
    if (mkdtemp(folder) == NULL)
        return -1;
    return modellab_lab_open(folder, NULL, &lab, &err) == MODELLAB_OK ? 0 : -1;
}

static int close_lab(void **state)
{
    (void)state;
    modellab_lab_unref(lab);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_leaves_before_it_joins),
        cmocka_unit_test(test_leaves_at_once),
        cmocka_unit_test(test_leaves_while_another_joins),
        cmocka_unit_test(test_the_hub_stops),
    };
    return cmocka_run_group_tests(tests, open_lab, close_lab);
}
