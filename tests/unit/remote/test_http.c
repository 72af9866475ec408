/* Downloads against a server that behaves well, badly, or not at all. */
#include "base/error.h"
#include "remote/http.h"
#include "unit/remote/server.h"
#include "unit/unit.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BODY 100000

static char body[BODY];

typedef struct received {
    char data[2 * BODY];
    int64_t start, total, bytes;
    int begun;
    int64_t fail_after; /* the sink refuses beyond so many bytes; 0 = never */
    _Atomic uint32_t *cancel;
    int port; /* of the server whose sockets are looked at; 0 = they are not */
    int sockets, inherited;
} received;

/* Every socket to the server: whether a program that is started now would inherit it. */
static void look_at_sockets(received *r)
{
    for (int fd = 0; fd < 256; fd++) {
        struct sockaddr_in peer;
        socklen_t size = sizeof peer;
        if (getpeername(fd, (struct sockaddr *)&peer, &size) != 0 || peer.sin_family != AF_INET ||
            ntohs(peer.sin_port) != r->port)
            continue;
        r->sockets++;
        if ((fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0)
            r->inherited++;
    }
}

static modellab_status on_begin(void *user, int64_t start, int64_t total, modellab_error *err)
{
    received *r = user;
    (void)err; /* never fails here */
    r->start = start;
    r->total = total;
    r->bytes = start;
    r->begun++;
    return MODELLAB_OK;
}

static modellab_status on_data(void *user, const void *data, size_t bytes, modellab_error *err)
{
    received *r = user;
    if (r->fail_after > 0 && r->bytes + (int64_t)bytes > r->fail_after)
        return mli_fail(err, MODELLAB_E_NO_SPACE, "the sink is full");
    assert_true((size_t)r->bytes + bytes <= sizeof r->data);
    memcpy(r->data + r->bytes, data, bytes);
    r->bytes += (int64_t)bytes;
    if (r->cancel != NULL)
        *r->cancel = 1;
    if (r->port != 0)
        look_at_sockets(r);
    return MODELLAB_OK;
}

typedef struct fixture {
    test_server server;
    char url[128];
    received got;
    mli_http_request request;
    modellab_error err;
} fixture;

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    char base[64];
    for (size_t i = 0; i < BODY; i++)
        body[i] = (char)(i * 31 + i / 251);
    test_server_start(&f->server, body, BODY);
    test_server_url(&f->server, base);
    snprintf(f->url, sizeof f->url, "%s/file", base);
    f->request = (mli_http_request){.url = f->url, .max_bytes = BODY};
    f->err = (modellab_error)MODELLAB_ERROR_INIT;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    test_server_stop(&f->server);
    free(f);
    return 0;
}

static modellab_status get(fixture *f)
{
    const mli_http_sink sink = {&f->got, on_begin, on_data};
    return mli_http_get(&f->request, &sink, &f->err);
}

static void test_whole_file(void **state)
{
    fixture *f = *state;
    assert_int_equal(MODELLAB_OK, get(f));
    assert_int_equal(BODY, f->got.bytes);
    assert_int_equal(BODY, f->got.total);
    assert_memory_equal(body, f->got.data, BODY);
    assert_string_equal("/file", f->server.last_path);
}

static void test_empty_file(void **state)
{
    fixture *f = *state;
    f->server.bytes = 0;
    assert_int_equal(MODELLAB_OK, get(f));
    assert_int_equal(1, f->got.begun);
    assert_int_equal(0, f->got.total);
}

static void test_resume(void **state)
{
    fixture *f = *state;
    memcpy(f->got.data, body, 40000);
    f->request.resume_from = 40000;
    assert_int_equal(MODELLAB_OK, get(f));
    assert_int_equal(40000, f->server.last_range);
    assert_int_equal(40000, f->got.start);
    assert_int_equal(BODY, f->got.total);
    assert_memory_equal(body, f->got.data, BODY);
}

static void test_server_that_does_not_resume(void **state)
{
    fixture *f = *state;
    f->server.mode = SERVER_NO_RANGE;
    f->request.resume_from = 40000;
    assert_int_equal(MODELLAB_OK, get(f));
    assert_int_equal(0, f->got.start);
    assert_memory_equal(body, f->got.data, BODY);
}

static void test_other_part_than_asked(void **state)
{
    fixture *f = *state;
    f->server.mode = SERVER_WRONG_PART;
    f->request.resume_from = 40000;
    assert_int_equal(MODELLAB_E_REMOTE, get(f));
    assert_int_equal(0, f->got.begun);
}

static void test_http_errors(void **state)
{
    static const struct {
        int http;
        modellab_status status;
    } cases[] = {{404, MODELLAB_E_NOT_FOUND},  {410, MODELLAB_E_NOT_FOUND},
                 {401, MODELLAB_E_PERMISSION}, {403, MODELLAB_E_PERMISSION},
                 {500, MODELLAB_E_REMOTE},     {416, MODELLAB_E_REMOTE},
                 {204, MODELLAB_E_REMOTE}};
    fixture *f = *state;
    f->server.mode = SERVER_STATUS;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        f->server.status = cases[i].http;
        assert_int_equal(cases[i].status, get(f));
        assert_int_equal(cases[i].http, f->err.detail);
        assert_null(strstr(f->err.message, "127.0.0.1"));
    }
    assert_int_equal(0, f->got.begun);
}

static void test_cut_off(void **state)
{
    fixture *f = *state;
    f->server.mode = SERVER_CUT;
    assert_int_equal(MODELLAB_E_NETWORK, get(f));
    assert_int_equal(BODY / 2, f->got.bytes); /* kept: the next try resumes here */
}

static void test_limits(void **state)
{
    fixture *f = *state;
    f->request.max_bytes = BODY - 1; /* told by Content-Length, before the first byte */
    assert_int_equal(MODELLAB_E_LIMIT, get(f));
    assert_int_equal(0, f->got.bytes);
    f->server.mode = SERVER_NO_LENGTH; /* not told: seen while it comes */
    f->request.max_bytes = BODY;
    assert_int_equal(MODELLAB_E_LIMIT, get(f));
    assert_true(f->got.bytes <= BODY);
}

static void test_sink_refuses(void **state)
{
    fixture *f = *state;
    f->got.fail_after = 20000;
    assert_int_equal(MODELLAB_E_NO_SPACE, get(f));
    assert_string_equal("the sink is full", f->err.message);
}

static void test_redirects(void **state)
{
    fixture *f = *state;
    f->server.mode = SERVER_REDIRECT;
    f->server.redirects = 3;
    assert_int_equal(MODELLAB_OK, get(f));
    assert_int_equal(4, f->server.requests);
    assert_memory_equal(body, f->got.data, BODY);
    f->server.redirects = 4;
    assert_int_equal(MODELLAB_E_REMOTE, get(f));
    assert_non_null(strstr(f->err.message, "more than 3"));
}

static void test_redirects_that_are_refused(void **state)
{
    static const char *const places[] = {"file:///etc/passwd",      "http://192.0.2.1/x",
                                         "ftp://127.0.0.1/x",       "gopher://127.0.0.1/",
                                         "http://user@127.0.0.1/x", "http://127.0.0.1.example/x"};
    fixture *f = *state;
    f->server.mode = SERVER_REDIRECT;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        int before = f->server.requests;
        f->server.redirects = 1;
        f->server.location = places[i];
        assert_int_equal(MODELLAB_E_REMOTE, get(f));
        assert_int_equal(before + 1, f->server.requests);
    }
}

static void test_token_stays_with_its_host(void **state)
{
    fixture *f = *state;
    char other[64];
    f->request.bearer = "secret-token";
    assert_int_equal(MODELLAB_OK, get(f));
    assert_string_equal("Bearer secret-token", f->server.last_auth);
    f->server.mode = SERVER_REDIRECT;
    f->server.redirects = 1; /* same origin */
    assert_int_equal(MODELLAB_OK, get(f));
    assert_string_equal("Bearer secret-token", f->server.last_auth);
    snprintf(other, sizeof other, "http://localhost:%d/file", f->server.port);
    f->server.redirects = 1;
    f->server.location = other;
    assert_int_equal(MODELLAB_OK, get(f));
    assert_string_equal("", f->server.last_auth);
}

static void test_cancel(void **state)
{
    fixture *f = *state;
    _Atomic uint32_t word = 0;
    f->server.mode = SERVER_STALL;
    f->request.cancel = &word;
    f->got.cancel = &word; /* set by the first bytes; then the server stalls */
    assert_int_equal(MODELLAB_E_CANCELLED, get(f));
}

static void test_sockets_are_not_inherited(void **state)
{
    fixture *f = *state;
    f->got.port = atoi(strrchr(f->url, ':') + 1);
    assert_int_equal(MODELLAB_OK, get(f));
    assert_true(f->got.sockets > 0);
    assert_int_equal(0, f->got.inherited);
}

static void test_stall(void **state)
{
    fixture *f = *state;
    f->server.mode = SERVER_STALL;
    f->request.idle_ms = 100;
    assert_int_equal(MODELLAB_E_NETWORK, get(f));
    assert_non_null(strstr(f->err.message, "in time"));
}

static void test_nobody_listens(void **state)
{
    fixture *f = *state;
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    char url[80];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* keeps the port from others */
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(0, bind(fd, (struct sockaddr *)&address, sizeof address));
    assert_int_equal(0, getsockname(fd, (struct sockaddr *)&address, &size));
    snprintf(url, sizeof url, "http://127.0.0.1:%d/x", ntohs(address.sin_port));
    f->request.url = url;
    assert_int_equal(MODELLAB_E_NETWORK, get(f));
    assert_int_equal(0, close(fd));
    assert_null(strstr(f->err.message, "127.0.0.1"));
}

static void test_proxies(void **state)
{
    fixture *f = *state;
    /* the environment's proxy would fail: it is not asked */
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    assert_int_equal(MODELLAB_OK, get(f));
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
    f->request.proxy = "http://127.0.0.1:1"; /* an explicit one is */
    assert_int_equal(MODELLAB_E_NETWORK, get(f));
}

static void test_addresses(void **state)
{
    static const char *const good[] = {"https://example.org/a",   "https://example.org",
                                       "https://[2001:db8::1]/x", "http://127.0.0.1:80/x",
                                       "http://localhost/x",      "http://[::1]:1/x"};
    static const char *const bad[] = {"http://example.org/",
                                      "ftp://example.org/",
                                      "https://",
                                      "https:///x",
                                      "https://u:p@example.org/",
                                      "https://example.org/a b",
                                      "https://example.org/a\r\nX:",
                                      "//example.org/",
                                      "http://127.0.0.1.evil.org/",
                                      "http://localhost.evil.org/",
                                      "https://a\\b/",
                                      "",
                                      "file:///etc/passwd"};
    char longest[MLI_HTTP_URL_MAX + 1];
    (void)state; /* needs no server */
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(mli_http_url_allowed(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(mli_http_url_allowed(bad[i]));
    assert_false(mli_http_url_allowed(NULL));
    memset(longest, 'a', sizeof longest);
    memcpy(longest, "https://", 8);
    longest[MLI_HTTP_URL_MAX] = '\0';
    assert_false(mli_http_url_allowed(longest));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {T(test_whole_file),
                                       T(test_empty_file),
                                       T(test_resume),
                                       T(test_server_that_does_not_resume),
                                       T(test_other_part_than_asked),
                                       T(test_http_errors),
                                       T(test_cut_off),
                                       T(test_limits),
                                       T(test_sink_refuses),
                                       T(test_redirects),
                                       T(test_redirects_that_are_refused),
                                       T(test_token_stays_with_its_host),
                                       T(test_cancel),
                                       T(test_stall),
                                       T(test_sockets_are_not_inherited),
                                       T(test_nobody_listens),
                                       T(test_proxies),
                                       cmocka_unit_test(test_addresses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
