/* A cancel at any instant of a long utterance, and of opening its voice, is seen soon: within a
 * small share of the whole, both in CPU time, so that neither a busy machine nor a slow one is a
 * matter. The milliseconds (10 are promised) are printed. With the real
 * voice (MODEL_LAB_TEST_MODELS) when it is there, else with a small one. test_vits_cancel
 * VOICE.onnx */
#include "models/installed.h"
#include "speech/voice.h"
#include "unit/unit.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define MS 1000000
#define VOICE "piper-en_US-joe-medium"

enum {
    INSTANTS = 30,
    LEAST = 10, /* instants whose time must be known */
    MOST = 8,   /* rounds */
    WHOLES = 3,
    ODD = 2, /* instants that a neighbour disturbs (its use of caches, its pages) */
    IDS = 1001
};

static const char *voice_path;

typedef struct stopper {
    int64_t at, before, after; /* CPU time */
    mli_cancel_word word;
    _Atomic bool over;
} stopper;

static int64_t cpu_ns(void)
{
    struct timespec t;
    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t), 0);
    return (int64_t)t.tv_sec * 1000 * MS + t.tv_nsec;
}

static void *stop_at(void *arg)
{
    stopper *s = arg;
    const struct timespec nap = {0, MS / 20};
    while (!atomic_load(&s->over) && cpu_ns() < s->at)
        (void)nanosleep(&nap, NULL);
    s->before = cpu_ns();
    atomic_store(&s->word, 1u);
    s->after = cpu_ns();
    return NULL;
}

typedef modellab_status (*work_fn)(void *ctx, const mli_cancel_word *cancel);

/* CPU time of the whole work: the least of some, for the first one reads from the disk. */
static int64_t whole_ns(work_fn fn, void *ctx)
{
    int64_t least = INT64_MAX;
    for (int i = 0; i < WHOLES; i++) {
        int64_t begin = cpu_ns();
        assert_int_equal(fn(ctx, NULL), MODELLAB_OK);
        int64_t took = cpu_ns() - begin;
        least = took < least ? took : least;
    }
    return least;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* One round of cancels: CPU time from each to the end, sorted. Of how many it is known. */
static int one_round(work_fn fn, void *ctx, int64_t all, int64_t late[INSTANTS])
{
    int known = 0;
    for (int i = 0; i < INSTANTS; i++) {
        pthread_t thread;
        stopper s = {.at = cpu_ns() + all * i / INSTANTS};
        assert_int_equal(pthread_create(&thread, NULL, stop_at, &s), 0);
        modellab_status status = fn(ctx, &s.word);
        const int64_t now = cpu_ns();
        atomic_store(&s.over, true);
        assert_int_equal(pthread_join(thread, NULL), 0);
        if (status == MODELLAB_OK) /* it was over before */
            continue;
        assert_int_equal(status, MODELLAB_E_CANCELLED);
        if (s.after - s.before < all / 100) /* else the stopper itself was stopped */
            late[known++] = now - s.after;
    }
    qsort(late, (size_t)known, sizeof *late, by_size);
    return known;
}

/* Within all but ODD cases a cancel is seen before one part of `share` of the whole has passed. A
 * look that is missing is missed in each round; a round that was disturbed is made again. */
static void expect_soon(const char *what, work_fn fn, void *ctx, int share)
{
    int64_t late[INSTANTS];
    const int64_t all = whole_ns(fn, ctx);
    bool soon = false;
    for (int round = 0; round < MOST && !soon; round++) {
        const int known = one_round(fn, ctx, all, late);
        const int64_t worst = known > 0 ? late[known - 1] : 0;
        const int64_t third = known > ODD ? late[known - 1 - ODD] : 0;
        print_message("%s: %d cancels, seen %.2f ms later at most (but %d: %.2f), of %.2f ms\n",
                      what, known, (double)worst / MS, ODD, (double)third / MS, (double)all / MS);
        soon = known >= LEAST && third < all / share;
    }
    assert_true(soon);
}

typedef struct fixture {
    mli_voice *voice;
    mli_pool *pool;
    mli_vits_session *session;
    int32_t ids[IDS];
} fixture;

/* All on one core: how much of the work its threads share, and how long they wait for one another,
 * would change what a look that is missing costs. */
static void stay_on_one_core(void)
{
    cpu_set_t all, one;
    CPU_ZERO(&one);
    assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
    for (size_t i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
        if (CPU_ISSET(i, &all))
            CPU_SET(i, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
}

static int set_up(void **state)
{
    stay_on_one_core();
    *state = calloc(1, sizeof(fixture));
    return *state != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    mli_vits_session_destroy(f->session);
    mli_pool_destroy(f->pool);
    mli_voice_destroy(f->voice);
    free(f);
    return 0;
}

static modellab_status take(void *user, const float *samples, size_t count, modellab_error *err)
{
    (void)user, (void)samples, (void)count, (void)err;
    return MODELLAB_OK;
}

static modellab_status speak(void *ctx, const mli_cancel_word *cancel)
{
    fixture *f = ctx;
    const mli_vits_options options = {.length = 1.0, .noise = 0.6, .noise_w = 0.8};
    return mli_vits_run(f->session, f->ids, IDS, &options, take, NULL, cancel, NULL);
}

static bool real_voice(void)
{
    const char *root = getenv("MODEL_LAB_TEST_MODELS");
    char path[1024];
    struct stat st;
    (void)snprintf(path, sizeof path, "%s/" VOICE "/model.json", root != NULL ? root : "");
    return root != NULL && stat(path, &st) == 0;
}

static modellab_status open_voice(void *ctx, const mli_cancel_word *cancel)
{
    mli_model_files files;
    mli_model_store store = {.files = &mli_os_system_files,
                             .root = getenv("MODEL_LAB_TEST_MODELS")};
    fixture *f = ctx;
    mli_voice *voice = NULL;
    modellab_status status =
        real_voice() ? mli_model_store_open(&store, VOICE, &files, NULL)
                     : mli_model_files_open(&files, NULL, &mli_os_system_files, voice_path, NULL);
    assert_int_equal(status, MODELLAB_OK);
    status = mli_voice_create(&voice, NULL, &files, NULL, cancel, NULL);
    mli_model_files_dispose(&files);
    if (status == MODELLAB_OK && f->voice == NULL) /* the first one stays */
        f->voice = voice;
    else
        mli_voice_destroy(voice);
    return status;
}

static void test_cancel(void **state)
{
    fixture *f = *state;
    if (real_voice())
        expect_soon("opening", open_voice, f, 8);
    else /* in a millisecond, of which one piece without a look is a third */
        assert_int_equal(open_voice(f, NULL), MODELLAB_OK);
    assert_int_equal(mli_pool_create(1, NULL, &f->pool, NULL), MODELLAB_OK);
    assert_int_equal(mli_vits_session_create(&f->session, f->voice->net, f->pool, NULL),
                     MODELLAB_OK);
    for (int i = 0; i < IDS; i++)
        f->ids[i] = i == 0 ? 1 : i == IDS - 1 ? 2 : i % 2 == 1 ? 0 : 4 + i % 5;
    expect_soon("speaking", speak, f, real_voice() ? 100 : 16);
    assert_int_equal(speak(f, NULL), MODELLAB_OK); /* the session is still good */
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_cancel, set_up, tear_down)};
    if (argc != 2)
        return 2;
    voice_path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
