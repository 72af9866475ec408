/* Signals to workers: never to a number that may be somebody else's by now, and none that fails
 * goes unsaid. A table of processes stands in for the kernel. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lab/worker_process.h"
#include "log/logger.h"

enum { PID = 4711, PIDFD = 900 };

/* What the kernel would answer, and what it was asked. */
typedef struct kernel {
    int pidfd_rc, signal_rc, group_rc, identity_rc, kill_rc;
    uint64_t ticks; /* of who has the number now */
    int signals, group_signals;
} kernel;

static int open_pidfd(void *user, int64_t pid)
{
    (void)pid;
    return ((kernel *)user)->pidfd_rc;
}

static int send_one(void *user, int pidfd, int number)
{
    kernel *k = user;
    (void)number;
    assert_int_equal(pidfd, PIDFD);
    k->signals++;
    return k->signal_rc;
}

static int send_group(void *user, int64_t group, int number)
{
    kernel *k = user;
    (void)number;
    assert_int_equal(group, PID);
    k->group_signals++;
    return k->group_rc;
}

static int send_pid(void *user, int64_t pid, int number)
{
    (void)pid;
    (void)number;
    return ((kernel *)user)->kill_rc;
}

static int identify(void *user, int64_t pid, mli_os_identity *out)
{
    const kernel *k = user;
    memset(out, 0, sizeof(*out));
    out->pid = pid;
    out->start_ticks = k->ticks;
    return k->identity_rc;
}

typedef struct scene {
    kernel k;
    mli_os_processes processes;
    mli_lab lab;
    mli_worker_process p;
    modellab_logger *log;
    int said, unheard;
} scene;

static void count_line(void *user, const modellab_log_line *line)
{
    scene *s = user;
    s->said += strcmp(line->event, "worker.not_signalled") == 0;
    s->unheard += strcmp(line->event, "worker.not_heard") == 0;
}

/* A worker with these ticks that was adopted; then the kernel may change its mind. */
static void adopt(scene *s, int pidfd)
{
    const mli_os_identity noted = {.pid = PID, .start_ticks = 5};
    memset(s, 0, sizeof(*s));
    s->k.pidfd_rc = pidfd;
    s->k.ticks = 5;
    s->processes = mli_os_system_processes;
    s->processes.user = &s->k;
    s->processes.pidfd = open_pidfd;
    s->processes.signal = send_one;
    s->processes.kill_group = send_group;
    s->processes.kill = send_pid;
    s->processes.identity = identify;
    s->lab.os.processes = &s->processes;
    s->lab.os.channels = &mli_os_system_channels;
    const modellab_log_sink sink = {.size = sizeof(sink), .user = s, .write = count_line};
    const modellab_logger_options options = {.size = sizeof(options), .sink = &sink};
    assert_int_equal(mli_logger_create(&options, NULL, &s->log, NULL), MODELLAB_OK);
    assert_int_equal(mli_worker_process_adopt(&s->p, &s->lab, &noted, NULL), MODELLAB_OK);
}

static void drop(scene *s)
{
    mli_logger_unref(s->log);
}

static void a_living_worker_gets_both(void **state)
{
    scene s;
    (void)state;
    adopt(&s, PIDFD);
    mli_worker_process_signal(&s.p, true, s.log);
    assert_int_equal(s.k.signals, 1);
    assert_int_equal(s.k.group_signals, 1);
    assert_int_equal(s.said, 0);
    drop(&s);
    adopt(&s, -ENOSYS);
    mli_worker_process_signal(&s.p, false, s.log);
    assert_int_equal(s.k.group_signals, 1);
    drop(&s);
}

static void the_group_of_one_that_is_gone_is_left_alone(void **state)
{
    scene s;
    (void)state;
    adopt(&s, PIDFD);
    s.k.signal_rc = -ESRCH; /* reaped by somebody else: its number is free */
    mli_worker_process_signal(&s.p, true, s.log);
    assert_int_equal(s.k.group_signals, 0);
    s.p.is_child = true; /* a host may wait for all of its children */
    mli_worker_process_signal(&s.p, true, s.log);
    assert_int_equal(s.k.group_signals, 0);
    s.k.signal_rc = 0; /* a zombie keeps its number until it is reaped here */
    mli_worker_process_signal(&s.p, true, s.log);
    assert_int_equal(s.k.group_signals, 1);
    assert_int_equal(s.said, 0);
    drop(&s);
}

static int receive_failures;

static int64_t receive_after_failures(void *user, int fd, void *out, size_t capacity, int *fds,
                                      size_t *fd_count, bool wait)
{
    return receive_failures-- > 0
               ? -ENOMEM
               : mli_os_system_channels.recv(user, fd, out, capacity, fds, fd_count, wait);
}

/* A worker whose socket cannot be read for a while is heard later; for ever is its end. */
static void a_passing_failure_to_receive_is_no_end(void **state)
{
    scene s;
    int pair[2];
    mli_os_channels channels = mli_os_system_channels;
    const mli_worker_answer answer = {.fence = 3, .cpu_ns = 5};
    (void)state;
    channels.recv = receive_after_failures;
    adopt(&s, -ENOSYS);
    s.lab.os.channels = &channels;
    assert_int_equal(mli_os_socket_pair(pair), 0);
    s.p.channel = pair[0];
    s.p.fence = 3;
    assert_true(mli_channel_send_answer(&channels, pair[1], &answer));
    receive_failures = 5;
    for (int i = 0; i < 5; i++) {
        mli_worker_process_look(&s.p);
        assert_false(s.p.answered);
        assert_int_equal(s.p.channel, pair[0]);
    }
    mli_worker_process_tell_unheard(&s.p, s.log);
    mli_worker_process_tell_unheard(&s.p, s.log);
    assert_int_equal(s.unheard, 1);
    mli_worker_process_look(&s.p);
    assert_true(s.p.answered);
    s.p.answered = false;
    receive_failures = 1000;
    for (int i = 0; i < 100 && s.p.channel >= 0; i++) {
        mli_worker_process_look(&s.p);
    }
    assert_int_equal(s.p.channel, -1); /* closed */
    channels.close(NULL, pair[1]);
    drop(&s);
}

static void without_a_pidfd_the_start_time_is_compared(void **state)
{
    scene s;
    (void)state;
    adopt(&s, -ENOSYS);
    s.k.ticks = 6; /* the number came back */
    mli_worker_process_signal(&s.p, true, s.log);
    assert_int_equal(s.k.group_signals, 0);
    mli_worker_process_look(&s.p);
    assert_true(s.p.ended);
    drop(&s);
    adopt(&s, -ENOSYS);
    s.k.identity_rc = -ESRCH; /* also what a zombie is */
    mli_worker_process_signal(&s.p, true, s.log);
    assert_int_equal(s.k.group_signals, 0);
    drop(&s);
}

static void a_signal_that_fails_is_said(void **state)
{
    scene s;
    (void)state;
    adopt(&s, PIDFD);
    s.k.signal_rc = -EPERM;
    s.k.group_rc = -EPERM;
    mli_worker_process_signal(&s.p, true, s.log);
    assert_int_equal(s.said, 2);
    s.k.signal_rc = 0;
    s.k.group_rc = -ESRCH; /* gone meanwhile: what was wanted */
    mli_worker_process_signal(&s.p, true, s.log);
    assert_int_equal(s.said, 2);
    drop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_living_worker_gets_both),
        cmocka_unit_test(the_group_of_one_that_is_gone_is_left_alone),
        cmocka_unit_test(without_a_pidfd_the_start_time_is_compared),
        cmocka_unit_test(a_signal_that_fails_is_said),
        cmocka_unit_test(a_passing_failure_to_receive_is_no_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
