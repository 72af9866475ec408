/* What the service manager hears, at a socket of our own. */
#include "lab/service.h"
#include "unit/lab/lab_common.h"
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/socket.h"

#define SECOND ((int64_t)1000000000)

static const char *heard(int fd)
{
    static char text[256];
    ssize_t n = recv(fd, text, sizeof text - 1, MSG_DONTWAIT);

    text[n > 0 ? n : 0] = '\0';
    return text;
}

static void ready_alive_stopping(void **state)
{
    temp_folder folder;
    char path[512];
    mli_service service;

    (void)state;
    temp_folder_make(&folder);
    mli_lab *lab = open_lab(&folder, NULL, NULL, 0);
    assert_true(snprintf(path, sizeof path, "%s/notify", folder.path) > 0);
    int fd = mli_os_socket_bind(path);
    assert_true(fd >= 0);
    assert_int_equal(setenv("NOTIFY_SOCKET", path, 1), 0);
    assert_int_equal(setenv("WATCHDOG_USEC", "3000000", 1), 0);
    ASSERT_OK(mli_service_open(&service, lab, err));
    mli_service_alive(&service, lab, 10 * SECOND, 0);
    assert_string_equal(heard(fd), "READY=1\nWATCHDOG=1\nSTATUS=0 runs in work\n");
    assert_int_equal(mli_service_next_ns(&service), 11 * SECOND);
    mli_service_alive(&service, lab, 11 * SECOND - 1, 1);
    assert_string_equal(heard(fd), ""); /* not due */
    mli_service_alive(&service, lab, 11 * SECOND, 2);
    assert_string_equal(heard(fd), "WATCHDOG=1\nSTATUS=2 runs in work\n");
    mli_service_stopping(&service, lab);
    assert_string_equal(heard(fd), "STOPPING=1\nSTATUS=draining\n");
    close(fd);
    mli_service_alive(&service, lab, 20 * SECOND, 0); /* nobody hears: no harm */
    assert_true(service.failed);
    mli_service_close(&service, lab);

    assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
    assert_int_equal(unsetenv("WATCHDOG_USEC"), 0);
    ASSERT_OK(mli_service_open(&service, lab, err));
    mli_service_alive(&service, lab, SECOND, 0);
    mli_service_stopping(&service, lab);
    assert_int_equal(mli_service_next_ns(&service), INT64_MAX);
    mli_service_close(&service, lab);
    mli_lab_unref(lab);
    temp_folder_remove(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(ready_alive_stopping)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
