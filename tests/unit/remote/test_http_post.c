/* POSTs to addresses that users give, with names that the test resolves itself: the decision is
 * made on the address that is connected to (rebinding, several addresses, mapped ones), redirects
 * are not followed, answers that drip or never end are left, and an error tells nothing of the
 * network. */
#include "base/error.h"
#include "remote/http_post.h"
#include "unit/remote/server.h"
#include "unit/unit.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ADDRESSES = 4 };

static test_server allowed; /* on 127.0.0.1 */
static int forbidden = -1;  /* listens on 127.0.0.2, on the same port */
static mli_address_rule rule;

/* What a name leads to, one look-up after the other; the last one for ever. */
static struct {
    const char *answers[4][ADDRESSES];
    _Atomic int asked;
    int count;
} names;

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **out) __attribute__((visibility("default")));
void freeaddrinfo(struct addrinfo *list) __attribute__((visibility("default")));

/* libcurl's look-up of names comes here. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **out)
{
    struct addrinfo *list = NULL;
    int at = names.asked++;

    (void)hints;
    (void)node;
    at = at < names.count ? at : names.count - 1;
    for (int i = ADDRESSES - 1; i >= 0; i--) {
        const char *text = names.answers[at][i];
        struct sockaddr_storage *address = calloc(1, sizeof *address);
        struct addrinfo *one = calloc(1, sizeof *one);
        const uint16_t port = htons((uint16_t)atoi(service));
        if (text == NULL || one == NULL || address == NULL) {
            free(address);
            free(one);
            continue;
        }
        if (strchr(text, ':') != NULL) {
            struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = port};
            (void)inet_pton(AF_INET6, text, &six.sin6_addr);
            memcpy(address, &six, sizeof six);
            one->ai_addrlen = sizeof six;
            one->ai_family = AF_INET6;
        } else {
            struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = port};
            (void)inet_pton(AF_INET, text, &four.sin_addr);
            memcpy(address, &four, sizeof four);
            one->ai_addrlen = sizeof four;
            one->ai_family = AF_INET;
        }
        one->ai_socktype = SOCK_STREAM;
        one->ai_protocol = IPPROTO_TCP;
        one->ai_addr = (struct sockaddr *)address;
        one->ai_next = list;
        list = one;
    }
    *out = list;
    return list != NULL ? 0 : EAI_NONAME;
}

void freeaddrinfo(struct addrinfo *list)
{
    while (list != NULL) {
        struct addrinfo *next = list->ai_next;
        free(list->ai_addr);
        free(list);
        list = next;
    }
}

static void lead_to(const char *first, const char *second, const char *third)
{
    memset(names.answers, 0, sizeof names.answers);
    names.asked = 0;
    names.count = 1;
    names.answers[0][0] = first;
    names.answers[0][1] = second;
    names.answers[0][2] = third;
}

/* Whether anybody has come to the address that must not be reached. */
static bool came(void)
{
    int fd = accept4(forbidden, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static int set_up(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET};

    (void)state;
    test_server_start(&allowed, "{}", 2);
    forbidden = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    address.sin_port = htons((uint16_t)allowed.port);
    assert_int_equal(1, inet_pton(AF_INET, "127.0.0.2", &address.sin_addr));
    assert_int_equal(0, bind(forbidden, (struct sockaddr *)&address, sizeof address));
    assert_int_equal(0, listen(forbidden, 8));
    assert_int_equal(MODELLAB_OK, mli_address_rule_parse("127.0.0.1/32", &rule, NULL));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    close(forbidden);
    test_server_stop(&allowed);
    return 0;
}

static char said[256];
static const char *not_told;
static mli_http_post_answer answer;

static modellab_status post_to(int port, int64_t total_ms)
{
    char url[64];
    modellab_error why = MODELLAB_ERROR_INIT;
    mli_http_post_request request = {.url = url,
                                     .rule = &rule,
                                     .body = "{\"private\":1}",
                                     .bytes = 13,
                                     .max_bytes = 1000,
                                     .total_ms = total_ms};
    mli_buf out;

    (void)snprintf(url, sizeof url, "http://hooks.example.com:%d/x", port);
    mli_buf_init(&out, NULL);
    modellab_status status = mli_http_post(&request, &answer, &out, &why);
    mli_buf_dispose(&out);
    (void)snprintf(said, sizeof said, "%s", why.message);
    not_told = answer.not_told;
    return status;
}

static modellab_status post(void)
{
    return post_to(allowed.port, 60000);
}

static void a_name_that_moves(void **state)
{
    (void)state;
    lead_to("127.0.0.1", NULL, NULL);
    names.count = 2;
    names.answers[1][0] = "127.0.0.2";
    assert_int_equal(MODELLAB_OK, post());
    assert_int_equal(1, allowed.requests);
    assert_int_equal(MODELLAB_E_NETWORK, post()); /* the same name, now elsewhere */
    assert_int_equal(2, names.asked);
    assert_int_equal(1, allowed.requests);
    assert_false(came());
}

static void several_addresses(void **state)
{
    (void)state;
    lead_to("127.0.0.2", "127.0.0.1", NULL);
    assert_int_equal(MODELLAB_OK, post());
    assert_int_equal(1, allowed.requests);
    assert_false(came());
    lead_to("127.0.0.2", "127.0.0.3", "10.0.0.1");
    assert_int_equal(MODELLAB_E_NETWORK, post());
    assert_false(came());
}

/* The other notations of 127.0.0.1, and what leads there by translation. */
static void mapped_addresses(void **state)
{
    static const char *const all[] = {"::ffff:127.0.0.1",
                                      "::127.0.0.1",
                                      "64:ff9b::7f00:1",
                                      "2002:7f00:1::",
                                      "::ffff:0:127.0.0.1",
                                      "::1",
                                      "fe80::1",
                                      "fd00::1",
                                      "::",
                                      "0.0.0.0",
                                      "2001:0:7f00:1::",
                                      "ff02::1"};

    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        lead_to(all[i], NULL, NULL);
        assert_int_equal(MODELLAB_E_NETWORK, post());
        assert_non_null(strstr(not_told, "may not be reached"));
        assert_int_equal(0, allowed.requests);
    }
}

static void redirects(void **state)
{
    char location[64];

    (void)state;
    (void)snprintf(location, sizeof location, "http://127.0.0.2:%d/inside", allowed.port);
    allowed.location = location;
    allowed.redirects = 5;
    allowed.mode = SERVER_REDIRECT;
    lead_to("127.0.0.1", NULL, NULL);
    assert_int_equal(MODELLAB_OK, post());
    assert_int_equal(302, answer.status);
    assert_int_equal(1, allowed.requests);
    assert_false(came());
}

/* One text for a name that is not known, an address that is not allowed, and one where nobody is.
 */
static void what_is_told(void **state)
{
    char first[256];

    (void)state;
    lead_to(NULL, NULL, NULL);
    assert_int_equal(MODELLAB_E_NETWORK, post());
    assert_string_equal("its name is not known", not_told);
    (void)snprintf(first, sizeof first, "%s", said);
    lead_to("127.0.0.2", NULL, NULL);
    assert_int_equal(MODELLAB_E_NETWORK, post());
    assert_non_null(strstr(not_told, "may not be reached"));
    assert_string_equal(first, said);
    lead_to("127.0.0.1", NULL, NULL);
    assert_int_equal(MODELLAB_E_NETWORK, post_to(1, 60000)); /* nobody listens there */
    assert_string_equal("nobody takes the connection", not_told);
    assert_string_equal(first, said);
    assert_false(answer.sent);
    assert_int_equal(MODELLAB_OK, post());
    assert_string_equal("", not_told);
}

static void answers_that_do_not_end(void **state)
{
    static char large[4096];

    (void)state;
    lead_to("127.0.0.1", NULL, NULL);
    allowed.mode = SERVER_STALL; /* half an answer, then nothing for ever */
    assert_int_equal(MODELLAB_E_NETWORK, post_to(allowed.port, 200));
    assert_string_equal("", not_told); /* it was connected */
    memset(large, 'x', sizeof large);
    allowed.body = large;
    allowed.bytes = sizeof large;
    allowed.mode = SERVER_OK;
    assert_int_equal(MODELLAB_E_LIMIT, post());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_name_that_moves, set_up, tear_down),
        cmocka_unit_test_setup_teardown(several_addresses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(mapped_addresses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(redirects, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(answers_that_do_not_end, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
