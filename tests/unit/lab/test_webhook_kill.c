/* A process that makes deliveries is killed, at each of its steps and at random instants, and
 * another one goes on: each event arrives at least once, in the order of the events, with the id
 * that it has for ever. */
#include "unit/lab/webhook_kit.h"
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RUNS = 12, LINES_MOST = 4096, KILLS = 40 };

/* Where a child kills itself: at the n-th of its steps; 0 = nowhere. */
static int die_at, steps;
static int arrived = -1; /* what the receiver has taken: a line each, with one write */

static void step(void)
{
    if (++steps == die_at)
        (void)raise(SIGKILL);
}

static modellab_status take_it(void *user, const mli_http_post_request *request,
                               mli_http_post_answer *answer, mli_buf *out, modellab_error *why)
{
    char line[1200];

    (void)user;
    (void)out;
    (void)why;
    step(); /* taken from the store, not sent */
    int n = snprintf(line, sizeof line, "%s\n", request->body);
    if (n <= 0 || n >= (int)sizeof line || write(arrived, line, (size_t)n) != n)
        _exit(3);
    step(); /* it has arrived, and nobody knows */
    *answer = (mli_http_post_answer){.status = 200, .retry_after_ms = -1};
    return MODELLAB_OK;
}

static const mli_webhook_settings real = {.attempts = 20, .base_ms = 10, .post = take_it};

/* One process: opens the lab, looks and delivers. Never returns. */
static void child(void)
{
    modellab_error why = MODELLAB_ERROR_INIT;
    mli_webhook_memory seen;
    int64_t next_ms = 0;

    lab = open_lab(&folder, NULL, &tables, 0);
    mli_webhook_memory_init(&seen, NULL);
    step();
    if (mli_webhook_gather(lab, &seen, NULL, &why) != MODELLAB_OK)
        _exit(4);
    step(); /* deliveries are stored, none is sent */
    if (mli_webhook_round(lab, &real, &seen, NULL, &next_ms, &why) != MODELLAB_OK)
        _exit(5);
    step();
    _exit(0);
}

/* A child that ends by itself, or at the step, or after `us` microseconds (below 0: not so). */
static bool killed(int at, int us)
{
    int ended = 0;

    die_at = at;
    steps = 0;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        child();
    if (us >= 0) {
        (void)usleep((useconds_t)us);
        (void)kill(pid, SIGKILL);
    }
    assert_int_equal(pid, waitpid(pid, &ended, 0));
    now_ns += (int64_t)31000 * 1000000; /* what it had taken is free again */
    if (WIFEXITED(ended))
        assert_int_equal(0, WEXITSTATUS(ended));
    return !WIFEXITED(ended);
}

static int first_run;

/* New events, by this process, which has the lab open no longer than that. */
static void add_runs(int count)
{
    lab = open_lab(&folder, NULL, &tables, 0);
    for (int i = 0; i < count; i++)
        run(first_run++, "ann");
    mli_lab_unref(lab);
    lab = NULL;
}

/* Of each run two events, each with a delivery of its own. */
static void check_all(const char *path)
{
    static char lines[LINES_MOST][1200], ids[LINES_MOST][64];
    char *events[2] = {"\"run_queued\"", "\"run_cancelled\""};
    size_t count = 0, at = 0;
    FILE *file = fopen(path, "r");

    assert_non_null(file);
    while (count < LINES_MOST && fgets(lines[count], sizeof lines[count], file) != NULL)
        count++;
    fclose(file);
    for (int i = 1; i < first_run; i++) {
        for (int e = 0; e < 2; e++) {
            /* a repetition of what came before may stand between */
            size_t from = at;
            while (at < count &&
                   !(strstr(lines[at], id_of(i)) != NULL && strstr(lines[at], events[e]) != NULL))
                at++;
            if (at == count)
                fail_msg("run %d: %s is not there behind line %zu of %zu", i, events[e], from,
                         count);
            (void)snprintf(ids[2 * (size_t)i + (size_t)e], 64, "%.40s", lines[at]);
        }
    }
    for (size_t k = 0; k < count; k++) { /* whatever came twice has the same id */
        bool known = false;
        for (int i = 2; !known && i < 2 * first_run; i++)
            known = strncmp(lines[k], ids[i], 40) == 0;
        assert_true(known);
    }
    print_message("%zu deliveries of %d events\n", count, 2 * (first_run - 1));
}

static void open_receiver(char path[512])
{
    (void)snprintf(path, 512, "%s/arrived", folder.path);
    arrived = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    assert_true(arrived >= 0);
    char id[MLI_ULID_BYTES];
    hook("run_queued,run_cancelled", NULL, true, id);
    mli_lab_unref(lab);
    lab = NULL;
    first_run = 1;
}

static void at_each_step(void **state)
{
    char path[512];
    int at = 1;

    (void)state;
    open_receiver(path);
    add_runs(RUNS);
    while (killed(at++, -1)) /* each later one finds less to do */
        add_runs(1);
    assert_true(at > 3);
    for (at = 1; at <= 8; at++) { /* and the first steps with something to do for each */
        add_runs(1);
        (void)killed(at, -1);
    }
    (void)killed(0, -1);
    close(arrived);
    check_all(path);
    lab = open_lab(&folder, NULL, &tables, 0);
}

static void at_random_instants(void **state)
{
    char path[512];
    unsigned seed = 7;
    int died = 0;

    (void)state;
    open_receiver(path);
    for (int i = 0; i < KILLS; i++) {
        add_runs(3);
        seed = seed * 1103515245u + 12345u;
        died += killed(0, (int)(seed >> 8) % 100000);
    }
    for (int i = 0; i < 3; i++) /* a round of it makes 200 deliveries at most */
        assert_false(killed(0, -1));
    close(arrived);
    print_message("%d of %d were killed\n", died, KILLS);
    check_all(path);
    lab = open_lab(&folder, NULL, &tables, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(at_each_step, set_up, tear_down),
        cmocka_unit_test_setup_teardown(at_random_instants, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
