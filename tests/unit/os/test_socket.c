/* Unix sockets: messages with descriptors, wake-ups, stale names. */
#include "os/file.h"
#include "os/process.h"
#include "os/socket.h"
#include "unit/unit.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char root[128], path[160];

static void descriptors_travel(void **state)
{
    int pair[2], pipes[2], got[2] = {-1, -1};
    size_t count = 2;
    char text[16];
    (void)state;
    assert_int_equal(mli_os_socket_pair(pair), 0);
    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(mli_os_socket_recv(pair[1], text, sizeof text, NULL, NULL, false), -EAGAIN);
    assert_int_equal(mli_os_socket_send(pair[0], "hello", 5, pipes, 2, true), 5);
    assert_int_equal(mli_os_socket_recv(pair[1], text, sizeof text, got, &count, true), 5);
    assert_int_equal(count, 2);
    assert_memory_equal(text, "hello", 5);
    assert_true((fcntl(got[0], F_GETFD) & FD_CLOEXEC) != 0);
    assert_int_equal(write(got[1], "x", 1), 1);
    assert_int_equal(read(pipes[0], text, 1), 1);
    /* A message or descriptors that do not fit are refused and leave nothing open. */
    int lowest = dup(0);
    close(lowest);
    count = 1;
    assert_int_equal(mli_os_socket_send(pair[0], "hello", 5, pipes, 2, true), 5);
    assert_int_equal(mli_os_socket_recv(pair[1], text, sizeof text, got, &count, true), -EMSGSIZE);
    assert_int_equal(mli_os_socket_send(pair[0], "hello", 5, NULL, 0, true), 5);
    assert_int_equal(mli_os_socket_recv(pair[1], text, 2, NULL, NULL, true), -EMSGSIZE);
    int after = dup(0);
    assert_int_equal(after, lowest);
    close(after);
    mli_os_fd_close(pair[0]);
    assert_int_equal(mli_os_socket_recv(pair[1], text, sizeof text, NULL, NULL, true), 0);
    assert_int_equal(mli_os_socket_send(pair[1], "x", 1, NULL, 0, true), -EPIPE); /* no SIGPIPE */
    mli_os_fd_close(pair[1]);
}

static void wake_ups(void **state)
{
    (void)state;
    assert_int_equal(mli_os_socket_notify(path), -ENOENT);
    int fd = mli_os_socket_bind(path);
    assert_true(fd >= 0);
    assert_int_equal(mli_os_socket_bind(path), -EADDRINUSE);
    mli_os_stat st;
    assert_int_equal(mli_os_system_files.stat(NULL, path, false, &st), 0);
    assert_int_equal(st.mode, 0600);
    for (int i = 0; i < 5000; i++) /* more than the queue holds: never blocks, never fails */
        assert_int_equal(mli_os_socket_notify(path), 0);
    mli_os_poll_item item = {.fd = fd, .want_read = true};
    assert_int_equal(mli_os_poll(&item, 1, 0), 1);
    assert_true(mli_os_socket_drain(fd) > 0);
    assert_int_equal(mli_os_poll(&item, 1, 0), 0);
    mli_os_fd_close(fd);
    assert_int_equal(mli_os_socket_notify(path), -ECONNREFUSED);
    fd = mli_os_socket_bind(path); /* the name of a dead listener is taken over */
    assert_true(fd >= 0);
    mli_os_fd_close(fd);
    assert_int_equal(unlink(path), 0);
}

static void streams(void **state)
{
    char text[8];
    (void)state;
    int server = mli_os_socket_listen(path);
    assert_true(server >= 0);
    int client = mli_os_socket_connect(path);
    assert_true(client >= 0);
    int peer = mli_os_socket_accept(server);
    assert_true(peer >= 0);
    assert_int_equal(mli_os_socket_send(client, "abc", 3, NULL, 0, true), 3);
    assert_int_equal(mli_os_socket_recv(peer, text, sizeof text, NULL, NULL, true), 3);
    mli_os_fd_close(peer);
    mli_os_fd_close(client);
    mli_os_fd_close(server);
    char long_path[200];
    memset(long_path, 'x', sizeof long_path - 1);
    long_path[sizeof long_path - 1] = '\0';
    assert_int_equal(mli_os_socket_connect(long_path), -ENAMETOOLONG);
    /* A file that is no socket is never removed. */
    assert_int_equal(mli_os_replace_file(&mli_os_system_files, root, "x", 1, 0600), -EISDIR);
}

static int set_up(void **state)
{
    (void)state;
    const char *base = getenv("TMPDIR");
    snprintf(root, sizeof root, "%s/os_socket.XXXXXX", base != NULL ? base : "/tmp");
    if (mkdtemp(root) == NULL)
        return 1;
    snprintf(path, sizeof path, "%s/s", root);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return mli_os_remove_tree(&mli_os_system_files, root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(descriptors_travel),
                                       cmocka_unit_test(wake_ups), cmocka_unit_test(streams)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
