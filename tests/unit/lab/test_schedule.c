/* The order of the queue: priority and age within a user, shares between users, the starvation
 * bound against an adversary, sizes, limits, and why a run waits. Bound and shares are also looked
 * at with what ensures them switched off, which has to be found. */
#include "lab/schedule.h"
#include "unit/store/common.h"

#define MOST_RUNS 4000
#define MOST_USERS 2500
#define NOW 1000000000

/* A queue in memory. */
static mli_queue_run runs[MOST_RUNS];
static mli_queue_user users[MOST_USERS];
static mli_queue_running running[64];
static mli_queue_view queue;

static int set_up(void **state)
{
    (void)state;
    memset(runs, 0, sizeof runs);
    memset(users, 0, sizeof users);
    queue = (mli_queue_view){.runs = runs,
                             .users = users,
                             .running = running,
                             .next_due_ms = -1,
                             .next_deadline_ms = -1,
                             .mean_ms = -1};
    return 0;
}

static mli_queue_run *add(size_t user, int32_t priority, int64_t created_ms)
{
    mli_queue_run *run = &runs[queue.run_count];

    assert_true(queue.run_count < MOST_RUNS && user < MOST_USERS);
    *run = (mli_queue_run){
        .user = user, .priority = priority, .created_ms = created_ms, .expected_ms = 1000};
    (void)snprintf(run->id, sizeof run->id, "01J00000000000000000%06d", (int)queue.run_count);
    queue.run_count++;
    while (queue.user_count <= user) {
        users[queue.user_count].number = (int64_t)queue.user_count;
        queue.user_count++;
    }
    users[user].waiting++;
    return run;
}

static mli_schedule *opened(const mli_schedule_policy *policy, int64_t now_ms)
{
    mli_schedule *s = NULL;

    ASSERT_OK(mli_schedule_open(&queue, policy, now_ms, &s, err));
    return s;
}

/* "3,1,2": indexes in the order of their starts. */
static void expect_order(const mli_schedule_policy *policy, bool short_only, const char *wanted)
{
    char got[256] = "";
    size_t index, used = 0;
    mli_schedule *s = opened(policy, NOW);

    while (mli_schedule_next(s, short_only, &index)) {
        used += (size_t)snprintf(got + used, sizeof got - used, used > 0 ? ",%zu" : "%zu", index);
    }
    mli_schedule_close(s);
    assert_string_equal(wanted, got);
}

static const mli_schedule_policy usual = MLI_SCHEDULE_POLICY_INIT;

static void within_a_user(void **state)
{
    (void)state;
    (void)add(0, 10, NOW - 1000);
    (void)add(0, 30, NOW - 1000);
    (void)add(0, 10, NOW - 2000);
    (void)add(0, 10, NOW - 1000 - 21 * MLI_AGE_MS); /* its age is worth 21 points */
    (void)add(0, 10, NOW - 1000);                   /* as old as the first: the older id */
    expect_order(&usual, false, "3,1,2,0,4");
    runs[0].head_ms = NOW - 10;
    runs[4].head_ms = NOW - 5; /* the last one put there is first */
    expect_order(&usual, false, "4,0,3,1,2");
    runs[4].gate = MLI_GATE_HELD;
    runs[3].gate = MLI_GATE_DELAYED;
    runs[3].not_before_ms = NOW + 1;
    expect_order(&usual, false, "0,1,2");
    runs[3].not_before_ms = NOW;
    runs[2].size = runs[1].size = MLI_SIZE_SHORT;
    expect_order(&usual, false, "0,3,1,2");
    expect_order(&usual, true, "1,2");
}

static void between_users(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        (void)add(0, 10, NOW - 90000 + i);
    }
    (void)add(1, 10, NOW - 5); /* came late, has had nothing */
    (void)add(1, 10, NOW - 4);
    expect_order(&usual, false, "0,3,1,4,2");
    users[0].virtual_ms = 50000; /* has had much */
    expect_order(&usual, false, "3,4,0,1,2");
    runs[0].priority = 30; /* 20 points borrow 40 s: not enough */
    expect_order(&usual, false, "3,4,0,1,2");
    users[0].virtual_ms = 39000;
    expect_order(&usual, false, "0,3,4,1,2");
    users[0].virtual_ms = 0;
    running[0] = (mli_queue_running){.user = 0, .started_ms = NOW - 7000, .expected_ms = 1};
    queue.running_count = 1; /* what runs is counted as long as it takes */
    users[0].running = 1;
    runs[0].priority = 10;
    expect_order(&usual, false, "3,4,0,1,2");
}

static void limits_hold(void **state)
{
    mli_schedule_policy policy = usual;

    (void)state;
    for (size_t i = 0; i < 6; i++) {
        (void)add(i % 2, 10, NOW - 100 + (int64_t)i);
    }
    policy.max_running_per_user = 2;
    expect_order(&policy, false, "0,1,2,3");
    users[0].running = 2;
    expect_order(&policy, false, "1,3");
    policy.max_running = 3;
    expect_order(&policy, false, "1");
}

/* Room for short runs beside long ones, and for nothing else. */
static void room_for_short_runs(void **state)
{
    (void)state;
    assert_int_equal(MLI_ROOM_ANY, mli_schedule_room(0, 0, 1, 1));
    assert_int_equal(MLI_ROOM_SHORT, mli_schedule_room(1, 1, 1, 1));
    assert_int_equal(MLI_ROOM_NONE, mli_schedule_room(1, 0, 1, 1)); /* a short one has the worker */
    assert_int_equal(MLI_ROOM_NONE, mli_schedule_room(2, 1, 1, 1));
    assert_int_equal(MLI_ROOM_NONE, mli_schedule_room(1, 1, 1, 0));
    assert_int_equal(MLI_ROOM_ANY, mli_schedule_room(3, 3, 4, 1));
    assert_int_equal(-1, mli_schedule_expected_ms(-1, -1));
    assert_int_equal(1000, mli_schedule_expected_ms(-1, 3));     /* 3 s of audio */
    assert_int_equal(120000, mli_schedule_expected_ms(-1, 600)); /* 10 min of it */
    assert_int_equal(2500, mli_schedule_expected_ms(2.5, 600));
    assert_int_equal(MLI_SIZE_SHORT, mli_schedule_size(1000, 10000));
    assert_int_equal(MLI_SIZE_LONG, mli_schedule_size(120000, 10000));
    assert_int_equal(MLI_SIZE_LONG, mli_schedule_size(-1, 10000));
}

/* Takes the run that starts now out of the queue, as the store does; false when there is none. */
static bool start_one(const mli_schedule_policy *policy, int64_t now_ms, mli_queue_run *taken)
{
    size_t index;
    mli_schedule *s = opened(policy, now_ms);
    int64_t begins = mli_schedule_virtual_ms(s);
    bool found = mli_schedule_next(s, false, &index);

    mli_schedule_close(s);
    if (found) {
        *taken = runs[index];
        runs[index] = runs[--queue.run_count];
        users[taken->user].waiting--;
        queue.starts++;
        queue.virtual_ms = begins > queue.virtual_ms ? begins : queue.virtual_ms;
    }
    return found;
}

/* A run of low priority among others, and an adversary who knows everything and adds, before each
 * start, urgent runs of users nobody has seen before (three before each: the queue only grows) and
 * of one who is there. Number of starts until the run starts; `most` when it has not. */
static int64_t starts_until(const mli_schedule_policy *policy, int64_t most, int64_t *bound)
{
    char victim[MLI_ULID_BYTES];
    int64_t now = NOW, started = 0, ahead = 0;
    size_t fresh = 20;
    mli_queue_run taken;

    for (size_t i = 0; i < 20; i++) {
        (void)add(i % 10, (int32_t)(i % 4) * 10, now - (int64_t)i * 100);
        ahead++;
    }
    memcpy(victim, add(19, 0, now)->id, sizeof victim);
    users[19].virtual_ms = 3600000; /* and its user has had an hour already */
    for (; started < most; started++) {
        for (int i = 0; i < 3 && fresh < MOST_USERS; i++, fresh++) {
            (void)add(fresh, 30, now);
            users[fresh].virtual_ms = queue.virtual_ms;
            ahead += now <= NOW + MLI_PRIORITY_MOST * MLI_AGE_MS;
        }
        (void)add(0, 30, now);
        ahead += now <= NOW + MLI_PRIORITY_MOST * MLI_AGE_MS;
        assert_true(start_one(policy, now, &taken));
        if (policy->charges) {
            users[taken.user].virtual_ms += taken.expected_ms;
        }
        if (strcmp(taken.id, victim) == 0) {
            break;
        }
        now += 300000; /* each run takes five minutes */
    }
    *bound = MLI_SCHEDULE_OLDEST_EVERY * (ahead + 1);
    return started + 1;
}

static void nobody_starves(void **state)
{
    int64_t bound = 0, without = 0;
    mli_schedule_policy planted = usual;
    int64_t took;

    took = starts_until(&usual, 700, &bound);
    assert_true(took <= bound && took < 700);
    (void)set_up(state);
    planted.oldest_every = 0; /* the planted bug */
    assert_int_equal(701, starts_until(&planted, 700, &without));
}

/* The bound itself, with an adversary who stops: everything better is gone after its starts. */
static void bound_is_kept(void **state)
{
    (void)state;
    for (int round = 0; round < 20; round++) {
        char victim[MLI_ULID_BYTES];
        int64_t n = 5 + round, started = 0;
        mli_queue_run taken;

        (void)set_up(NULL);
        queue.starts = round; /* wherever the counting stands */
        for (int64_t i = 0; i < n; i++) {
            (void)add((size_t)i % 3, 30, NOW - 1000);
        }
        memcpy(victim, add(3, 0, NOW)->id, sizeof victim);
        users[3].virtual_ms = INT64_MAX / 4;
        for (size_t i = 0; i < 900; i++) { /* later ones, all of which the shares prefer */
            (void)add(4 + i % 200, 30, NOW + MLI_PRIORITY_MOST * MLI_AGE_MS + 1);
        }
        do {
            assert_true(start_one(&usual, NOW + 2 * MLI_PRIORITY_MOST * MLI_AGE_MS, &taken));
            users[taken.user].virtual_ms += taken.expected_ms;
            started++;
        } while (strcmp(taken.id, victim) != 0);
        assert_true(started <= MLI_SCHEDULE_OLDEST_EVERY * (n + 1));
    }
}

/* Plays `count` users with always enough runs of very different lengths on three workers for half
 * an hour; the largest ratio of what two of them got. */
static double largest_ratio(const mli_schedule_policy *policy, size_t count, bool late)
{
    int64_t now = NOW, got[32] = {0}, least = INT64_MAX, most = 0;
    size_t busy = 0;

    for (size_t i = 0; i < count * 100; i++) {
        size_t user = i % count;

        if (late && user == count - 1) {
            continue; /* comes later */
        }
        add(user, 10, NOW - 600000 + (int64_t)i)->expected_ms = 1000 + 1500 * (int64_t)user;
    }
    while (now < NOW + 1800000) {
        mli_queue_run taken;
        size_t first = 0;

        if (late && now > NOW + 300000) {
            for (int i = 0; i < 300; i++) {
                add(count - 1, 10, now)->expected_ms = 1000 + 1500 * (int64_t)(count - 1);
            }
            users[count - 1].virtual_ms = queue.virtual_ms;
            memset(got, 0, sizeof got);
            late = false;
        }
        while (busy < 3 && start_one(policy, now, &taken)) {
            running[busy++] = (mli_queue_running){
                .user = taken.user, .started_ms = now, .expected_ms = taken.expected_ms};
            users[taken.user].running++;
            queue.running_count = busy;
            if (users[taken.user].waiting == 0) { /* there is always more */
                add(taken.user, 10, now)->expected_ms = taken.expected_ms;
            }
        }
        for (size_t i = 1; i < busy; i++) {
            first = running[i].started_ms + running[i].expected_ms <
                            running[first].started_ms + running[first].expected_ms
                        ? i
                        : first;
        }
        now = running[first].started_ms + running[first].expected_ms;
        got[running[first].user] += running[first].expected_ms;
        if (policy->charges) {
            users[running[first].user].virtual_ms += running[first].expected_ms;
        }
        users[running[first].user].running--;
        running[first] = running[--busy];
        queue.running_count = busy;
    }
    for (size_t i = 0; i < count; i++) {
        least = got[i] < least ? got[i] : least;
        most = got[i] > most ? got[i] : most;
    }
    return least > 0 ? (double)most / (double)least : 1e9;
}

static void shares_are_equal(void **state)
{
    mli_schedule_policy planted = usual;
    double ratio;

    for (size_t count = 2; count <= 10; count += 2) {
        (void)set_up(state);
        ratio = largest_ratio(&usual, count, false);
        print_message("%zu users: %.3f\n", count, ratio);
        assert_true(ratio <= 1.2);
    }
    (void)set_up(state);
    assert_true(largest_ratio(&usual, 4, true) <= 1.2); /* from when the last one came */
    (void)set_up(state);
    planted.charges = false; /* the planted bug */
    assert_true(largest_ratio(&planted, 4, false) > 1.2);
}

static mli_schedule_place explained(const mli_schedule_policy *policy,
                                    const mli_schedule_world *world, size_t index)
{
    mli_schedule_place place;

    ASSERT_OK(mli_schedule_explain(&queue, policy, world, NOW, index, &place, err));
    return place;
}

static void reasons_of_waiting(void **state)
{
    mli_schedule_world world = {.supervisors = 1, .workers = 1};
    mli_schedule_policy policy = usual;
    mli_schedule_place place;

    (void)state;
    (void)add(0, 10, NOW - 300);
    (void)add(0, 10, NOW - 200);
    (void)add(1, 10, NOW - 100);
    running[0] = (mli_queue_running){.user = 1, .started_ms = NOW - 400, .expected_ms = 1000};
    queue.running_count = 1;
    users[1].running = 1;
    place = explained(&usual, &world, 0);
    assert_int_equal(MODELLAB_WAIT_NEXT, place.why);
    assert_int_equal(1, place.position);
    assert_int_equal(3, place.waiting);
    assert_int_equal(NOW + 600, place.start_ms); /* when what runs has ended */
    assert_int_equal(NOW + 1600, place.end_ms);
    place = explained(&usual, &world, 1);
    assert_int_equal(MODELLAB_WAIT_BEHIND, place.why);
    assert_true(place.position > 1 && place.start_ms > NOW + 1000);
    world.workers = 2;
    assert_int_equal(NOW, explained(&usual, &world, 0).start_ms);
    world.workers = 1;
    policy.max_running_per_user = 1;
    assert_int_equal(MODELLAB_WAIT_USER_LIMIT, explained(&policy, &world, 2).why);
    policy.max_running_per_user = 0;
    policy.max_running = 1;
    assert_int_equal(MODELLAB_WAIT_LAB_LIMIT, explained(&policy, &world, 2).why);
    world.no_disk = true;
    assert_int_equal(MODELLAB_WAIT_DISK, explained(&usual, &world, 0).why);
    world.draining = 1;
    assert_int_equal(MODELLAB_WAIT_DRAINING, explained(&usual, &world, 0).why);
    world = (mli_schedule_world){0};
    place = explained(&usual, &world, 0);
    assert_int_equal(MODELLAB_WAIT_NO_SUPERVISOR, place.why);
    assert_true(place.position == 1 && place.start_ms == -1);
    runs[1].gate = MLI_GATE_DELAYED;
    runs[1].not_before_ms = NOW + 50000;
    world = (mli_schedule_world){.supervisors = 1, .workers = 1};
    place = explained(&usual, &world, 1);
    assert_int_equal(MODELLAB_WAIT_NOT_BEFORE, place.why);
    assert_int_equal(NOW + 50000, place.start_ms);
    world.no_allowance = true;
    assert_int_equal(MODELLAB_WAIT_CAPS, explained(&usual, &world, 1).why);
    runs[1].gate = MLI_GATE_HELD;
    place = explained(&usual, &world, 1);
    assert_int_equal(MODELLAB_WAIT_HELD, place.why);
    assert_true(place.position == 0 && place.start_ms == -1 && place.waiting == 2);
    for (modellab_wait why = 0; why <= MODELLAB_WAIT_CAPS; why++) {
        assert_true(mli_wait_name(why)[0] != '\0' && mli_wait_text(why)[0] != '\0');
    }
}

/* A short run starts at once although a long one has the only worker. */
static void a_short_run_passes(void **state)
{
    mli_schedule_world world = {.supervisors = 1, .workers = 1, .short_workers = 1};

    (void)state;
    (void)add(0, 10, NOW - 300);
    add(0, 10, NOW - 200)->size = MLI_SIZE_SHORT;
    running[0] = (mli_queue_running){.user = 0, .started_ms = NOW - 400, .expected_ms = 120000};
    queue.running_count = 1;
    users[0].running = 1;
    assert_int_equal(NOW, explained(&usual, &world, 1).start_ms);
    assert_true(explained(&usual, &world, 0).start_ms > NOW + 100000);
    world.short_workers = 0;
    assert_true(explained(&usual, &world, 1).start_ms > NOW + 100000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(within_a_user, set_up),
        cmocka_unit_test_setup(between_users, set_up),
        cmocka_unit_test_setup(limits_hold, set_up),
        cmocka_unit_test(room_for_short_runs),
        cmocka_unit_test_setup(nobody_starves, set_up),
        cmocka_unit_test_setup(bound_is_kept, set_up),
        cmocka_unit_test_setup(shares_are_equal, set_up),
        cmocka_unit_test_setup(reasons_of_waiting, set_up),
        cmocka_unit_test_setup(a_short_run_passes, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
