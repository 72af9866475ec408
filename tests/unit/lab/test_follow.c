/* Following the events of a run: nothing is missed, nobody looks while nothing happens, and where a
 * system cannot wait for a word it still works. */
#include "unit/lab/lab_common.h"

#include "lab/events.h"
#include "lab/submit.h"
#include "os/thread.h"
#include "os/words.h"
#include <errno.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define EVENTS 400
/* The followers' own look every two seconds is put off, so that a bell that was not rung shows. */
#define PATIENCE_NS ((int64_t)120 * 1000000000)

static temp_folder folder;
static _Atomic int waits, given_up;
static _Atomic int *begun; /* of two processes: whoever follows waits by now */
static bool deaf;

static int counted_wait(void *user, const _Atomic uint32_t *word, uint32_t seen,
                        const _Atomic uint32_t *other, int64_t timeout_ns)
{
    int64_t longer = *(const bool *)user ? PATIENCE_NS : timeout_ns;
    int rc;

    atomic_fetch_add(&waits, 1);
    atomic_store(begun, 1);
    if (deaf) {
        return -ENOSYS;
    }
    rc = mli_os_system_words.wait(NULL, word, seen, other, longer);
    if (rc == -ETIMEDOUT) {
        atomic_fetch_add(&given_up, 1);
    }
    return rc;
}

static void real_wake(void *user, const _Atomic uint32_t *word)
{
    (void)user;
    mli_os_system_words.wake(NULL, word);
}

static bool patient = true, exact = false;
static const mli_os_words patient_words = {&patient, counted_wait, real_wake};
static const mli_os_words counting_words = {&exact, counted_wait, real_wake};

static mli_lab *open_with(const mli_os_words *words, int32_t flags)
{
    mli_lab_tables tables = {.words = words};

    atomic_store(&waits, 0);
    atomic_store(&given_up, 0);
    return open_lab(&folder, NULL, &tables, flags);
}

static int set_up(void **state)
{
    (void)state;
    deaf = false;
    atomic_store(begun, 0);
    temp_folder_make(&folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    temp_folder_remove(&folder);
    return 0;
}

static void submit_held(mli_lab *lab, char id[MLI_ULID_BYTES])
{
    modellab_run_submit_options o = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;

    o.request = "{\"steps\":[\"noop\"],\"hold\":true}";
    ASSERT_OK(mli_run_submit(lab, &o, id, NULL, err));
}

/* An event each: a run of nobody is moved to and fro in the queue. */
static int write_events(mli_lab *lab, const char *id, int count)
{
    for (int i = 0; i < count; i++) {
        const mli_store_arrangement move = {.run_id = id,
                                            .what = MLI_ARRANGE_PRIORITY,
                                            .priority = i % 2 + 1,
                                            .now_ms = mli_lab_now_ms(lab)};
        bool changed = false;

        if (mli_store_arrange(lab->store, &move, &changed, NULL) != MODELLAB_OK || !changed) {
            return 1;
        }
    }
    return 0;
}

static void read_all(mli_lab *lab, const char *id)
{
    int64_t after = 0;

    while (after < EVENTS + 1) {
        modellab_event_list *list = NULL;

        ASSERT_OK(mli_events_load(lab, id, after, 7, -1, NULL, &list, err));
        for (size_t i = 0; i < list->rows->count; i++) {
            assert_int_equal(after + 1, list->rows->rows[i].number);
            after = list->rows->rows[i].number;
        }
        mli_events_unref(list);
    }
}

/* The same events among those of all runs. */
static void read_feed(mli_lab *lab, int64_t after)
{
    mli_feed_query query = {.after = after, .limit = 7};
    int64_t count = 0;

    while (count < EVENTS) {
        modellab_event_list *list = NULL;

        ASSERT_OK(mli_events_of_all(lab, &query, -1, NULL, &list, err));
        for (size_t i = 0; i < list->feed->count; i++) {
            assert_true(list->feed->rows[i].seq > query.after);
            query.after = list->feed->rows[i].seq;
            assert_int_equal(++count + 1, list->feed->rows[i].number); /* behind run_queued */
        }
        assert_int_equal(query.after, list->next);
        mli_events_unref(list);
    }
}

/* The writer is another process, without a supervisor. */
static void follow_another_process(const mli_os_words *words, int32_t flags, bool feed)
{
    char id[MLI_ULID_BYTES];
    mli_lab *lab = open_lab(&folder, NULL, NULL, 0);
    int status = 0;
    int64_t end = 0;
    pid_t child;

    submit_held(lab, id);
    ASSERT_OK(mli_store_feed_end(lab->store, &end, err));
    mli_lab_unref(lab);
    child = fork();
    if (child == 0) {
        mli_lab *own = open_lab(&folder, NULL, NULL, 0);
        for (int ms = 0; ms < 60000 && atomic_load(begun) == 0; ms++) {
            (void)usleep(1000);
        }
        _exit(write_events(own, id, EVENTS));
    }
    assert_true(child > 0);
    lab = open_with(words, flags);
    if (feed) {
        read_feed(lab, end);
    } else {
        read_all(lab, id);
    }
    assert_int_equal(child, waitpid(child, &status, 0));
    assert_int_equal(0, status);
    mli_lab_unref(lab);
}

static void nothing_is_missed(void **state)
{
    (void)state;
    follow_another_process(&patient_words, 0, false);
    assert_int_equal(0, atomic_load(&given_up));
    assert_true(atomic_load(&waits) > 0);
}

static void a_reader_that_cannot_write_is_woken_too(void **state)
{
    (void)state;
    follow_another_process(&patient_words, MODELLAB_LAB_READ_ONLY, false);
    assert_int_equal(0, atomic_load(&given_up));
}

static void nothing_of_all_runs_is_missed(void **state)
{
    (void)state;
    follow_another_process(&patient_words, MODELLAB_LAB_READ_ONLY, true);
    assert_int_equal(0, atomic_load(&given_up));
    assert_true(atomic_load(&waits) > 0);
}

/* A page of nothing but what is left out is gone over; a wait for what comes has an end. */
static void others_are_left_out(void **state)
{
    mli_lab *lab = open_with(&counting_words, 0);
    mli_feed_query query = {.limit = 3, .look = 1000, .user = "ann"};
    modellab_event_list *list = NULL;
    mli_cancel_word cancel = 1;
    char id[MLI_ULID_BYTES];
    int64_t end = 0;

    (void)state;
    submit_held(lab, id); /* nobody's */
    assert_int_equal(0, write_events(lab, id, 20));
    ASSERT_OK(mli_store_feed_end(lab->store, &end, err));
    ASSERT_OK(mli_events_of_all(lab, &query, 20, NULL, &list, err));
    assert_int_equal(0, list->feed->count);
    assert_int_equal(end, list->next);
    mli_events_unref(list);
    query.after = end;
    assert_int_equal(MODELLAB_E_CANCELLED,
                     mli_events_of_all(lab, &query, -1, &cancel, &list, NULL));
    assert_null(list);
    mli_lab_unref(lab);
}

static void without_words_it_looks(void **state)
{
    (void)state;
    deaf = true;
    follow_another_process(&patient_words, 0, false);
    assert_true(atomic_load(&waits) > 0);
}

/* Others work, this one's run stands still: it sleeps. */
static void an_idle_follower_sleeps(void **state)
{
    modellab_event_list *list = NULL;
    char followed[MLI_ULID_BYTES], other[MLI_ULID_BYTES];
    mli_lab *lab = open_with(&counting_words, 0);
    uint32_t mark;
    int status = 0;
    pid_t child;

    (void)state;
    submit_held(lab, followed);
    do { /* one that does not share its word */
        mark = mli_bell_mark(&lab->bell, followed);
        submit_held(lab, other);
    } while (mli_bell_mark(&lab->bell, followed) != mark);
    mli_lab_unref(lab);
    child = fork();
    if (child == 0) {
        mli_lab *own = open_lab(&folder, NULL, NULL, 0);
        _exit(write_events(own, other, EVENTS));
    }
    assert_true(child > 0);
    lab = open_with(&counting_words, 0);
    ASSERT_OK(mli_events_load(lab, followed, 1, 10, 3000, NULL, &list, err));
    assert_int_equal(0, list->rows->count);
    mli_events_unref(list);
    assert_int_equal(child, waitpid(child, &status, 0));
    assert_int_equal(0, status);
    /* Its own look after two seconds, and the rest of the three; fewer where it is held up. */
    assert_in_range(atomic_load(&waits), 0, 4);
    mli_lab_unref(lab);
}

typedef struct canceller {
    mli_cancel_word word;
} canceller;

static void *cancel_soon(void *arg)
{
    canceller *c = arg;

    (void)usleep(20000);
    atomic_store(&c->word, 1);
    mli_os_system_words.wake(NULL, &c->word);
    return NULL;
}

/* Both ends of a wait: the cancel word, and the end of the run. */
static void a_waiter_is_woken(void **state)
{
    canceller c = {0};
    mli_lab *lab = open_with(&patient_words, 0);
    mli_os_thread thread;
    modellab_event_list *events = NULL;
    modellab_run_status status;
    char id[MLI_ULID_BYTES];
    int child_status = 0;
    pid_t child;

    (void)state;
    submit_held(lab, id);
    assert_int_equal(0, mli_os_thread_start(&thread, 0, cancel_soon, &c));
    ASSERT_FAILS(MODELLAB_E_CANCELLED, mli_run_wait(lab, id, -1, &c.word, &status, err));
    mli_os_thread_join(thread);
    c.word = 0; /* a follower of events likewise */
    assert_int_equal(0, mli_os_thread_start(&thread, 0, cancel_soon, &c));
    ASSERT_FAILS(MODELLAB_E_CANCELLED, mli_events_load(lab, id, 100, 7, -1, &c.word, &events, err));
    assert_null(events);
    mli_os_thread_join(thread);
    mli_lab_unref(lab);
    child = fork();
    if (child == 0) {
        mli_lab *own = open_lab(&folder, NULL, NULL, 0);
        mli_store_cancel cancel;
        (void)usleep(20000);
        _exit(mli_store_request_cancel(own->store, id, 5, &cancel, NULL) != MODELLAB_OK);
    }
    assert_true(child > 0);
    lab = open_with(&patient_words, 0);
    ASSERT_OK(mli_run_wait(lab, id, -1, NULL, &status, err));
    assert_int_equal(MODELLAB_RUN_CANCELLED, status);
    assert_int_equal(child, waitpid(child, &child_status, 0));
    assert_int_equal(0, child_status);
    assert_int_equal(0, atomic_load(&given_up));
    mli_lab_unref(lab);
}

/* Looks of the store, by a table of its operations. */
static const mli_store_ops *real_ops;
static int looks;

static modellab_status count_look(mli_store *store, const mli_feed_query *query,
                                  mli_feed_list **out, modellab_error *err)
{
    looks++;
    return real_ops->feed(store, query, out, err);
}

/* Who does not wait gets the answer of one look, and goes on from there: each call costs the same,
 * however many events of others there are, and none of his own is missed. */
static void a_call_looks_once(void **state)
{
    mli_lab *lab = open_with(&counting_words, 0);
    mli_store_ops counting = *lab->store->ops;
    mli_feed_query query = {.limit = 3, .look = 40, .user = "ann"};
    modellab_run_submit_options o = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    unsigned char wav[WAV_BYTES];
    char others[MLI_ULID_BYTES], id[MLI_ULID_BYTES];
    int calls = 0, found = 0;
    int64_t end = 0;
    bool more = true;

    (void)state;
    submit_held(lab, others);
    assert_int_equal(0, write_events(lab, others, 500));
    o.request = "{\"pipeline\":\"ingest\",\"user\":\"ann\"}";
    o.input_data = wav;
    o.input_bytes = make_wav(wav, 16000, 1, 0);
    ASSERT_OK(mli_run_submit(lab, &o, id, NULL, err));
    ASSERT_OK(mli_store_feed_end(lab->store, &end, err));
    real_ops = lab->store->ops;
    counting.feed = count_look;
    lab->store->ops = &counting;
    for (; more; calls++) {
        modellab_event_list *list = NULL;

        looks = 0;
        ASSERT_OK(mli_events_of_all(lab, &query, 0, NULL, &list, err));
        assert_int_equal(1, looks);
        assert_true(list->next - query.after <= 40);
        found += (int)list->feed->count;
        more = list->next > query.after;
        query.after = list->next;
        mli_events_unref(list);
    }
    lab->store->ops = real_ops;
    assert_int_equal(1, found);
    assert_int_equal(end, query.after);
    assert_true(calls > 500 / 40);
    mli_lab_unref(lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_of_all_runs_is_missed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_call_looks_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(others_are_left_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_missed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reader_that_cannot_write_is_woken_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_words_it_looks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_idle_follower_sleeps, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_waiter_is_woken, set_up, tear_down),
    };
    begun = mmap(NULL, sizeof *begun, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (begun == MAP_FAILED || setenv("MODEL_LAB_TESTING", "1", 1) != 0) { /* the step noop */
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
